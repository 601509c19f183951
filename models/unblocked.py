"""The unblocked set of a game with threats, as Pyomo components that several models share.

A payoff allocation x is unblocked when for every threat (T, y) some member i of T has x_i >= y_i. This module adds the
sets, the parameters, the payoffs, the four kinds of feasible set and the *threshold* form of that condition.

Only threats that can block appear: where a member is asked to accept no more than the disagreement payoff d_i, the
threat never blocks, because x >= d.

Sets: ``players`` i; ``threats`` (T, y) that can block, with ``members[t]``; ``levels[i]``, the numbers 1, 2, ... of the
distinct payoffs that threats offer player i, in ascending order.
Parameters: weights gamma_i (no unit), d_i, y_ti and the level payoffs tau_ik in the game's unit of payoff.
Variables: the payoff x_i, and whether x_i is raised to level k, b_ik in {0, 1}.

Equations::

    (total)         sum of x_i <= v                                   F is a total worth
    (rows)          sum of a_ri x_i <= b_r                            F is a polyhedron
    (one point)     sum of z_p = 1,  x_i = sum of f_pi z_p            F is a list of points, z binary
    (convex set)    whatever the caller's constraints say of x        F is a convex set
    (reached)       x_i >= d_i + sum over k of (tau_ik - tau_i,k-1) b_ik,   tau_i0 = d_i
    (order)         b_ik >= b_i,k+1
    (threat met)    sum over i in T of b_i,k(t,i) >= 1                tau_i,k(t,i) = y_ti
    (identical)     x_i <= x_j                                        for pairs of identical players

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, section 2. The binaries are incremental (each
says "at least level k"), after Markowitz and Manne (1957) and Vielma (2015), Mixed Integer Linear Programming
Formulation Techniques.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import pyomo.environ as pyo

from breakaway.data.coalitions import members
from breakaway.data.games import ConvexSet, Points, Polyhedron, ThreatGame, TotalWorth

Pairs = Sequence[tuple[str, str]]
"""Pairs (i, j) of identical players for which x_i <= x_j is imposed."""


def blocking_threats(game: ThreatGame) -> dict[str, dict[str, float]]:
    """Map each threat that can block to the payoff of each of its members, both by name.

    Raises
    ------
    ValueError
        When two threats have the same name.
    """
    names = game.players.names
    found: dict[str, dict[str, float]] = {}
    seen: set[str] = set()
    for threat in game.threats:
        if threat.name in seen:
            raise ValueError(f"two threats are named {threat.name!r}; give every threat a name of its own")
        seen.add(threat.name)
        asked = dict(zip(members(threat.coalition), map(float, threat.payoffs), strict=True))
        if all(payoff > game.players.disagreement[i] for i, payoff in asked.items()):
            found[threat.name] = {names[i]: payoff for i, payoff in asked.items()}
    return found


def level_payoffs(game: ThreatGame) -> dict[str, tuple[float, ...]]:
    """Return for every player the distinct payoffs that blocking threats offer, ascending: tau_i1 < tau_i2 < ..."""
    found: dict[str, set[float]] = {name: set() for name in game.players.names}
    for asked in blocking_threats(game).values():
        for name, payoff in asked.items():
            found[name].add(payoff)
    return {name: tuple(sorted(payoffs)) for name, payoffs in found.items()}


def highest_payoffs(game: ThreatGame) -> dict[str, float | None]:
    """Return an upper bound of every x_i over the feasible set; None where no single row gives one."""
    names, d = game.players.names, game.players.disagreement
    match game.feasible:
        case TotalWorth(worth):
            tops: list[float | None] = [max(own, worth - (sum(d) - own)) for own in d]
        case Points(payoffs=points):
            tops = [max([own, *(p[i] for p in points)]) for i, own in enumerate(d)]
        case Polyhedron() as polyhedron:
            tops = [_highest_in(polyhedron, d, i) for i in range(len(d))]
        case ConvexSet():
            tops = [None for _ in d]
    return dict(zip(names, tops, strict=True))


def _highest_in(polyhedron: Polyhedron, d: Sequence[float], i: int) -> float | None:
    """Bound x_i by the rows without negative coefficients: a_ri x_i <= b_r - sum of a_rj d_j over j != i."""
    tops = [
        (bound - sum(a * low for a, low in zip(row, d, strict=True)) + row[i] * d[i]) / row[i]
        for row, bound in zip(polyhedron.coefficients, polyhedron.bounds, strict=True)
        if row[i] > 0 and min(row) >= 0
    ]
    return max(d[i], min(tops)) if tops else None


def payoff_scale(game: ThreatGame) -> float:
    """Return a typical net payoff: the largest bound or threat, less disagreement; 1 when there is none."""
    d = dict(zip(game.players.names, game.players.disagreement, strict=True))
    tops = [top - d[name] for name, top in highest_payoffs(game).items() if top is not None]
    asked = [payoff - d[name] for name, payoffs in level_payoffs(game).items() for payoff in payoffs]
    scale = max([*tops, *asked], default=1.0)
    return scale if scale > 0 and math.isfinite(scale) else 1.0


def add_players(model: pyo.ConcreteModel, game: ThreatGame) -> None:
    """Players i with gamma_i and d_i."""
    players = game.players
    model.players = pyo.Set(initialize=players.names, doc="players i")
    model.weight = pyo.Param(
        model.players,
        initialize=dict(zip(players.names, players.weights, strict=True)),
        within=pyo.PositiveReals,
        doc="gamma_i, bargaining weight of player i",
    )
    model.disagreement = pyo.Param(
        model.players,
        initialize=dict(zip(players.names, players.disagreement, strict=True)),
        within=pyo.Reals,
        doc="d_i, disagreement payoff of player i",
    )


def add_threats(model: pyo.ConcreteModel, game: ThreatGame) -> None:
    """Threats t = (T, y) that can block, with members T and payoffs y_ti."""
    threats = blocking_threats(game)
    model.threats = pyo.Set(initialize=list(threats), doc="threats (T, y) that can block")
    model.members = pyo.Set(
        model.threats, initialize={t: list(asked) for t, asked in threats.items()}, doc="T, members of the threat"
    )
    model.threat_payoff = pyo.Param(
        [(t, i) for t, asked in threats.items() for i in asked],
        initialize={(t, i): payoff for t, asked in threats.items() for i, payoff in asked.items()},
        within=pyo.Reals,
        doc="y_ti, payoff of member i when T walks away",
    )


def add_payoff(model: pyo.ConcreteModel, highest: Mapping[str, float | None], start: Mapping[str, float]) -> None:
    """x_i >= d_i."""
    model.payoff = pyo.Var(
        model.players,
        bounds=lambda m, i: (m.disagreement[i], highest[i]),
        initialize=start,
        doc="x_i, payoff of player i",
    )


def add_feasible_set(model: pyo.ConcreteModel, game: ThreatGame) -> None:
    """Payoffs in F."""
    match game.feasible:
        case TotalWorth(worth):
            _add_total(model, worth)
        case Points() as points:
            _add_points(model, points)
        case Polyhedron() as polyhedron:
            _add_rows(model, polyhedron)
        case ConvexSet() as convex:
            _add_convex_set(model, convex)


def _add_total(model: pyo.ConcreteModel, worth: float) -> None:
    """Sum of x_i <= v."""
    model.total_worth = pyo.Param(initialize=worth, within=pyo.Reals, doc="v, worth that the players share")
    model.total = pyo.Constraint(
        expr=pyo.quicksum(model.payoff.values()) <= model.total_worth, doc="payoffs add up to no more than the worth"
    )


def _add_points(model: pyo.ConcreteModel, points: Points) -> None:
    """x_i = sum of f_pi z_p with exactly one z_p = 1."""
    model.points = pyo.Set(initialize=points.names, doc="feasible allocations p")
    table = {
        (p, i): value
        for p, row in zip(points.names, points.payoffs, strict=True)
        for i, value in zip(model.players, row, strict=True)
    }
    model.point_payoff = pyo.Param(
        model.points, model.players, initialize=table, within=pyo.Reals, doc="f_pi, payoff of player i at point p"
    )
    model.chosen = pyo.Var(model.points, within=pyo.Binary, doc="z_p, whether point p is chosen")
    model.one_point = pyo.Constraint(expr=pyo.quicksum(model.chosen.values()) == 1, doc="exactly one point is chosen")

    def at_point(m: pyo.ConcreteModel, i: str) -> object:
        return m.payoff[i] == pyo.quicksum(m.point_payoff[p, i] * m.chosen[p] for p in m.points)

    model.payoff_of_point = pyo.Constraint(model.players, rule=at_point, doc="payoffs are those of the chosen point")


def _add_rows(model: pyo.ConcreteModel, polyhedron: Polyhedron) -> None:
    """Sum of a_ri x_i <= b_r."""
    model.rows = pyo.Set(initialize=polyhedron.names, doc="rows r of A x <= b")
    table = {
        (r, i): value
        for r, row in zip(polyhedron.names, polyhedron.coefficients, strict=True)
        for i, value in zip(model.players, row, strict=True)
    }
    model.coefficient = pyo.Param(model.rows, model.players, initialize=table, within=pyo.Reals, doc="a_ri")
    model.bound = pyo.Param(
        model.rows, initialize=dict(zip(polyhedron.names, polyhedron.bounds, strict=True)), within=pyo.Reals, doc="b_r"
    )

    def within(m: pyo.ConcreteModel, r: str) -> object:
        return pyo.quicksum(m.coefficient[r, i] * m.payoff[i] for i in m.players) <= m.bound[r]

    model.feasible_row = pyo.Constraint(model.rows, rule=within, doc="row r of the feasible set")


def _add_convex_set(model: pyo.ConcreteModel, convex: ConvexSet) -> None:
    """Payoffs in F, by the constraints that the caller adds to a block of their own."""
    model.convex_set = pyo.Block(doc="constraints of the feasible set, as given")
    convex.constrain(model.convex_set, {i: model.payoff[i] for i in model.players})


def add_levels(model: pyo.ConcreteModel, game: ThreatGame) -> None:
    """Levels k of player i with tau_ik, and b_ik in {0, 1}."""
    levels = level_payoffs(game)
    keys = [(i, k) for i in model.players for k in range(1, len(levels[i]) + 1)]
    model.levels = pyo.Set(initialize=keys, dimen=2, doc="levels k of player i, ascending")
    model.level_payoff = pyo.Param(
        model.levels, initialize={(i, k): levels[i][k - 1] for i, k in keys}, within=pyo.Reals, doc="tau_ik"
    )
    model.reaches = pyo.Var(model.levels, within=pyo.Binary, doc="b_ik, whether x_i is raised to level k")


def add_level_order(model: pyo.ConcreteModel) -> None:
    """b_ik >= b_i,k+1."""
    pairs = [(i, k) for i, k in model.levels if (i, k + 1) in model.levels]
    model.level_order = pyo.Constraint(
        pairs, rule=lambda m, i, k: m.reaches[i, k] >= m.reaches[i, k + 1], doc="a higher level implies the lower one"
    )


def add_level_reached(model: pyo.ConcreteModel) -> None:
    """x_i >= d_i + sum of (tau_ik - tau_i,k-1) b_ik."""

    def reached(m: pyo.ConcreteModel, i: str) -> object:
        steps = []
        below = m.disagreement[i]
        for k in levels_of(m, i):
            steps.append((m.level_payoff[i, k] - below) * m.reaches[i, k])
            below = m.level_payoff[i, k]
        return m.payoff[i] >= m.disagreement[i] + pyo.quicksum(steps)

    asked = [i for i in model.players if (i, 1) in model.levels]
    model.level_reached = pyo.Constraint(asked, rule=reached, doc="payoffs reach the levels they are raised to")


def add_threat_met(model: pyo.ConcreteModel) -> None:
    """Sum over i in T of b_i,k(t,i) >= 1."""
    number = {(i, float(model.level_payoff[i, k])): k for i, k in model.levels}

    def met(m: pyo.ConcreteModel, t: str) -> object:
        return pyo.quicksum(m.reaches[i, number[i, float(m.threat_payoff[t, i])]] for i in m.members[t]) >= 1

    model.threat_met = pyo.Constraint(model.threats, rule=met, doc="some member of T gets the threat payoff")


def add_thresholds(model: pyo.ConcreteModel, game: ThreatGame) -> None:
    """Unblocked, in threshold form: levels, their order, payoffs that reach them, threats met."""
    add_levels(model, game)
    add_level_order(model)
    add_level_reached(model)
    add_threat_met(model)


def add_identical_order(model: pyo.ConcreteModel, identical: Pairs) -> None:
    """x_i <= x_j for identical players; absent without such pairs.

    Raises
    ------
    ValueError
        When a pair names an unknown player or one player twice.
    """
    if not identical:
        return
    for i, j in identical:
        if i not in model.players or j not in model.players or i == j:
            raise ValueError(f"identical players {i!r}, {j!r}: name two different players of the game")
    model.identical_order = pyo.Constraint(
        list(identical), rule=lambda m, i, j: m.payoff[i] <= m.payoff[j], doc="identical players in ascending order"
    )


def levels_of(model: pyo.ConcreteModel, player: str) -> Iterable[int]:
    """Yield the level numbers 1, 2, ... of a player."""
    k = 1
    while (player, k) in model.levels:
        yield k
        k += 1


def raised_level(model: pyo.ConcreteModel, player: str) -> float:
    """Return the payoff that a player is raised to by the values of b_ik; d_i when none."""
    reached = float(model.disagreement[player])
    for k in levels_of(model, player):
        if pyo.value(model.reaches[player, k]) < 0.5:
            break
        reached = float(model.level_payoff[player, k])
    return reached


def add_given_up(model: pyo.ConcreteModel, choices: Mapping[str, float]) -> None:
    """Sum over i of b_i,k(i) <= (number of choices) - 1: some player i is not raised to tau_i,k(i).

    Parameters
    ----------
    model
        A model with thresholds.
    choices
        Level payoffs by player; each must be one of the player's levels.
    """
    number = {(i, float(model.level_payoff[i, k])): k for i, k in model.levels}
    taken = [model.reaches[i, number[i, payoff]] for i, payoff in choices.items()]
    if model.component("given_up") is None:
        model.given_up = pyo.Constraint(
            pyo.PositiveIntegers, doc="one of the choices of an earlier optimum is given up"
        )
    model.given_up.add(len(model.given_up) + 1, pyo.quicksum(taken) <= len(taken) - 1)
