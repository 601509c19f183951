"""The coalitional Nash solution: the best weighted product of net payoffs among unblocked allocations.

Players share what is feasible; a coalition T that can walk away with payoffs y blocks an allocation that gives every
member less. Among the allocations that nobody blocks, the solution maximises the product of (x_i - d_i)^gamma_i.

Sets, parameters, payoffs, feasible sets and thresholds are those of :mod:`breakaway.models.unblocked`.

Equations::

    (product)       maximise  sum of gamma_i log(x_i - d_i)                          theorem 1
    (met)           for every threat (T, y):  OR over i in T of  x_i >= y_ti         unblocked
    (epigraph)      w_i <= log(p - d_i) + (x_i - p) / (p - d_i)   at tangent points p > d_i
    (linearised)    maximise  sum of gamma_i w_i
    (smallest gain) maximise  s,   s <= x_i - d_i,   s <= one scale of payoffs
    (fixed)         x_i >= l_i, where the bounds l meet every threat
    (room)          maximise  r,   x_i >= l_i + r for the players raised,   x_i >= l_i for the others
    (given up)      some choice x_i >= l_i of an earlier optimum is no longer made

=================  ================================  ===============================  =======
symbol             component                         formulations                     unit
=================  ================================  ===============================  =======
x_i                ``payoff[i]``                     all                              payoff
gamma_i            ``weight[i]``                     all                              none
d_i                ``disagreement[i]``               all                              payoff
y_ti               ``threat_payoff[t, i]``           all but ``fixed_choices``,       payoff
                                                     ``room``
met                ``threat_met[t]``                 all but ``fixed_choices``,       none
                                                     ``room``, ``chain_flow``
x_i >= y_ti        ``meets[t, i]`` (Disjunct)        ``disjunctive``                  payoff
b_ik               ``reaches[i, k]``                 ``threshold`` and those below    none
w_i                ``log_gain[i]``                   ``outer_approximation``          none
s                  ``smallest_gain``                 ``smallest_gain``                payoff
r                  ``room``                          ``room``                         payoff
=================  ================================  ===============================  =======

Exactness. ``disjunctive`` and ``threshold`` are exact (mixed-integer, concave). ``outer_approximation`` and
``chain_flow`` are relaxations of the logarithm: their optimum is an upper bound, which tangents at the points found
make tight. ``fixed_choices`` is exact for the bounds it is given (smooth, concave). ``smallest_gain`` is not the
solution: it tells whether the best product is positive, which it is if and only if the optimum is. ``room`` is not
either: it tells whether lower bounds can be met at all (r >= 0). For a convex set every formulation carries the set's
own constraints: what is a MILP for a total worth becomes a mixed-integer convex program, for SCIP.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, theorem 1. Outer approximation: Duran and
Grossmann (1986). The flow form is documented in :mod:`breakaway.models.chain_flow`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pyomo.environ as pyo
from pyomo.gdp import Disjunct, Disjunction

from breakaway.data.games import Points, ThreatGame, TotalWorth
from breakaway.models import chain_flow, unblocked
from breakaway.models.blocks import check_formulation
from breakaway.models.unblocked import Pairs

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "threshold": "incremental binaries for payoff levels, log objective; for SCIP",
        "disjunctive": "a disjunct for each member who may meet a threat; transform by gdp.bigm or gdp.hull, for SCIP",
        "outer_approximation": "thresholds with tangents to the logarithm; a MILP for HiGHS, refined by add_tangent",
        "chain_flow": "unit flow over coalitions with tangents, for threats in proportion to the weights; a MILP",
        "fixed_choices": "lower bounds that meet every threat are given; a concave NLP for Ipopt",
        "room": "how far given lower bounds can all be exceeded; an LP, or a convex NLP for a convex set",
        "smallest_gain": "thresholds, largest smallest net payoff; a MILP that tells whether the product is positive",
    }
)
"""Formulations and what they are, the default first."""

GIVEN_LOWER = ("fixed_choices", "room")
"""Formulations that are told lower bounds of payoffs."""

TANGENTS = 8
"""Tangent points with which a linearised logarithm starts: the scale of payoffs, a half of it, a quarter, ..."""


def build(
    game: ThreatGame,
    formulation: str = "threshold",
    identical: Pairs = (),
    lower: Mapping[str, float] | None = None,
    raised: Sequence[str] | None = None,
) -> pyo.ConcreteModel:
    """Write the coalitional Nash solution of a game with threats.

    Parameters
    ----------
    game
        Players with weights and disagreement payoffs, feasible set, threats.
    formulation
        ``"threshold"``, ``"disjunctive"`` (needs a transformation from pyomo.gdp), ``"outer_approximation"``,
        ``"chain_flow"`` (total worth, threats in proportion to the weights), ``"fixed_choices"`` (needs ``lower``; no
        points), ``"room"`` (the same), or ``"smallest_gain"``; see :data:`FORMULATIONS`.
    identical
        Pairs (i, j) of identical players, by name, for which x_i <= x_j is imposed.
    lower
        With ``fixed_choices`` and ``room`` only: a lower bound by player, in units of payoff; players left out have
        d_i. For ``fixed_choices`` the bounds must meet every threat; ``room`` knows no threats.
    raised
        With ``room`` only: the players whose bounds are to be exceeded, by default all; with one player, the room is
        how far that payoff can rise.

    Raises
    ------
    ValueError
        For an unknown formulation, one that does not fit the game, bounds that are missing, misplaced or leave a
        threat unmet, or two threats with one name.
    """
    check_formulation(formulation, FORMULATIONS)
    if (lower is not None) != (formulation in GIVEN_LOWER):
        raise ValueError(f"lower bounds go with {' and '.join(GIVEN_LOWER)} and with no other: give both or neither")
    if formulation == "chain_flow":
        return chain_flow.build(game, identical)
    model = pyo.ConcreteModel(name=f"coalitional Nash solution by {formulation}")
    unblocked.add_players(model, game)
    if formulation == "room":
        _add_room(model, game, lower or {}, game.players.names if raised is None else raised)
    elif lower is not None:
        _add_fixed_choices(model, game, lower)
    else:
        _add_free_choices(model, game, formulation)
    unblocked.add_identical_order(model, identical)
    _add_objective(model, game, formulation)
    return model


def _add_free_choices(model: pyo.ConcreteModel, game: ThreatGame, formulation: str) -> None:
    """Payoffs in F, unblocked; who meets which threat is decided by the model."""
    unblocked.add_threats(model, game)
    highest = unblocked.highest_payoffs(game)
    tops = {i: math.inf if top is None else top for i, top in highest.items()}
    unblocked.add_payoff(model, highest, {i: min(x, tops[i]) for i, x in _start(game, {}).items()})
    unblocked.add_feasible_set(model, game)
    if formulation == "disjunctive":
        _add_disjunctions(model)
    else:
        unblocked.add_thresholds(model, game)


def _add_fixed_choices(model: pyo.ConcreteModel, game: ThreatGame, lower: Mapping[str, float]) -> None:
    """Payoffs in F with x_i >= l_i."""
    _check_smooth(game, lower)
    _check_choices(game, lower)
    _add_lower_bounds(model, game, lower)
    model.insists = pyo.Constraint(
        model.players, rule=lambda m, i: m.payoff[i] >= m.lower_bound[i], doc="the choices that meet the threats"
    )


def _add_room(model: pyo.ConcreteModel, game: ThreatGame, lower: Mapping[str, float], raised: Sequence[str]) -> None:
    """Payoffs in F with x_i >= l_i + r for the players raised."""
    _check_smooth(game, lower)
    _add_lower_bounds(model, game, lower)
    model.room = pyo.Var(initialize=0.0, doc="r, by how much the bounds of the players raised are exceeded")

    def leaves(m: pyo.ConcreteModel, i: str) -> object:
        return m.payoff[i] >= m.lower_bound[i] + (m.room if i in raised else 0.0)

    model.leaves_room = pyo.Constraint(model.players, rule=leaves, doc="x_i >= l_i + r")


def _add_lower_bounds(model: pyo.ConcreteModel, game: ThreatGame, lower: Mapping[str, float]) -> None:
    """Payoffs in F, and l_i."""
    d = dict(zip(game.players.names, game.players.disagreement, strict=True))
    bounds = {i: max(own, lower.get(i, own)) for i, own in d.items()}
    unblocked.add_payoff(model, dict.fromkeys(d), _start(game, bounds))
    unblocked.add_feasible_set(model, game)
    model.lower_bound = pyo.Param(
        model.players, initialize=bounds, within=pyo.Reals, doc="l_i, what player i insists on"
    )


def _check_smooth(game: ThreatGame, lower: Mapping[str, float]) -> None:
    """Refuse points and unknown players."""
    if isinstance(game.feasible, Points):
        raise ValueError("fixed_choices and room are smooth and take no list of points; use formulation='threshold'")
    unknown = [i for i in lower if i not in game.players.names]
    if unknown:
        raise ValueError(f"lower bounds name {unknown[0]!r}; players are {', '.join(game.players.names)}")


def _check_choices(game: ThreatGame, lower: Mapping[str, float]) -> None:
    """Refuse bounds under which some threat may still block."""
    slack = 1e-9 * unblocked.payoff_scale(game)
    for threat, asked in unblocked.blocking_threats(game).items():
        if all(lower.get(i, -math.inf) < payoff - slack for i, payoff in asked.items()):
            raise ValueError(f"no lower bound meets threat {threat!r}: raise one member to what the threat pays")


def _start(game: ThreatGame, lower: Mapping[str, float]) -> dict[str, float]:
    """Return payoffs inside the logarithm's domain: the bounds and an equal part of what is left."""
    players = game.players
    least = {i: lower.get(i, own) for i, own in zip(players.names, players.disagreement, strict=True)}
    part = unblocked.payoff_scale(game)
    if isinstance(game.feasible, TotalWorth):
        part = game.feasible.worth - sum(least.values())
    part = max(part / len(players), 1e-9 * unblocked.payoff_scale(game))
    return {i: low + part for i, low in least.items()}


def _add_disjunctions(model: pyo.ConcreteModel) -> None:
    """For every threat (T, y): OR over i in T of x_i >= y_ti."""

    def meets(disjunct: Disjunct, t: str, i: str) -> None:
        m = disjunct.model()
        disjunct.enough = pyo.Constraint(expr=m.payoff[i] >= m.threat_payoff[t, i], doc="x_i >= y_ti")

    pairs = [(t, i) for t in model.threats for i in model.members[t]]
    model.meets = Disjunct(pairs, rule=meets, doc="member i meets threat t")
    # Naming exactly one member loses nothing: other members may reach their threat payoffs all the same.
    model.threat_met = Disjunction(
        model.threats, rule=lambda m, t: [m.meets[t, i] for i in m.members[t]], xor=True, doc="a named member meets t"
    )


def _add_objective(model: pyo.ConcreteModel, game: ThreatGame, formulation: str) -> None:
    """Log of the Nash product, its linearisation, or the smallest gain."""
    if formulation == "outer_approximation":
        _add_log_gain(model)
        scale = unblocked.payoff_scale(game)
        for i in model.players:
            for halvings in range(TANGENTS):
                add_tangent(model, i, model.disagreement[i] + scale / 2**halvings)
        _add_linearised_product(model)
    elif formulation == "smallest_gain":
        _add_smallest_gain(model, unblocked.payoff_scale(game))
    elif formulation == "room":
        model.largest_room = pyo.Objective(expr=model.room, sense=pyo.maximize, doc="room above the lower bounds")
    else:
        _add_log_nash_product(model)


def _add_log_nash_product(model: pyo.ConcreteModel) -> None:
    """Maximise sum of gamma_i log(x_i - d_i)."""
    terms = (model.weight[i] * pyo.log(model.payoff[i] - model.disagreement[i]) for i in model.players)
    model.log_nash_product = pyo.Objective(
        expr=pyo.quicksum(terms), sense=pyo.maximize, doc="log of the weighted Nash product"
    )


def _add_log_gain(model: pyo.ConcreteModel) -> None:
    """w_i, at most log(x_i - d_i) as far as the tangents say."""
    model.log_gain = pyo.Var(model.players, within=pyo.Reals, initialize=0.0, doc="w_i, at most log(x_i - d_i)")
    model.tangent = pyo.Constraint(pyo.Any, doc="w_i lies below tangent number m of log(x_i - d_i)")


def add_tangent(model: pyo.ConcreteModel, player: str, point: float) -> None:
    """w_i <= log(p - d_i) + (x_i - p) / (p - d_i).

    Parameters
    ----------
    model
        A model of the formulation ``outer_approximation``.
    player
        Name of player i.
    point
        p, the payoff at which the tangent touches, above d_i.
    """
    gain = point - pyo.value(model.disagreement[player])
    tangent = math.log(gain) + (model.payoff[player] - point) / gain
    model.tangent[player, len(model.tangent) + 1] = model.log_gain[player] <= tangent


def _add_linearised_product(model: pyo.ConcreteModel) -> None:
    """Maximise sum of gamma_i w_i."""
    model.linearised_product = pyo.Objective(
        expr=pyo.quicksum(model.weight[i] * model.log_gain[i] for i in model.players),
        sense=pyo.maximize,
        doc="upper bound of the log of the weighted Nash product",
    )


def _add_smallest_gain(model: pyo.ConcreteModel, cap: float) -> None:
    """Maximise s <= x_i - d_i; s is capped, so that the optimum is finite for every feasible set."""
    model.smallest_gain = pyo.Var(bounds=(0.0, cap), initialize=0.0, doc="s, smallest net payoff")
    model.gain_of_player = pyo.Constraint(
        model.players, rule=lambda m, i: m.smallest_gain <= m.payoff[i] - m.disagreement[i], doc="s <= x_i - d_i"
    )
    model.largest_smallest_gain = pyo.Objective(expr=model.smallest_gain, sense=pyo.maximize, doc="smallest gain")


def chosen_levels(model: pyo.ConcreteModel) -> dict[str, float]:
    """Return the threat payoff that every player is raised to at the solution held by the model; d_i when to none.

    The model has the formulation ``threshold``, ``disjunctive`` (transformed), ``outer_approximation``,
    ``smallest_gain`` or ``chain_flow``. In ``chain_flow`` a threat may also be met by the equal sharing at the end of
    the chain, which raises nobody.
    """
    if model.component("takes") is not None:
        return chain_flow.chosen_levels(model)
    if model.component("meets") is None:
        return {i: unblocked.raised_level(model, i) for i in model.players}
    found = {i: float(model.disagreement[i]) for i in model.players}
    for (t, i), disjunct in model.meets.items():
        if pyo.value(disjunct.binary_indicator_var) > 0.5:
            found[i] = max(found[i], float(model.threat_payoff[t, i]))
    return found


def give_up(model: pyo.ConcreteModel, choices: Mapping[str, float]) -> None:
    """Exclude the allocations that raise all these players to at least these levels: one choice is given up.

    Under the choices that bind at an optimum, that optimum is the only best allocation, so no other maximiser is lost.

    Parameters
    ----------
    model
        A model as for :func:`chosen_levels`; with a disjunctive model, already transformed.
    choices
        Level payoffs by player, not empty; each is a payoff of one of the player's threats.
    """
    if model.component("takes") is not None:
        chain_flow.give_up(model, choices)
    elif model.component("meets") is None:
        unblocked.add_given_up(model, choices)
    else:
        _give_up_disjuncts(model, choices)


def _give_up_disjuncts(model: pyo.ConcreteModel, choices: Mapping[str, float]) -> None:
    """Sum of g_ci >= 1, and g_ci = 1 only if no disjunct raises player i to the level or above."""
    if model.component("forgoes") is None:
        model.forgoes = pyo.Var(pyo.Any, within=pyo.Binary, dense=False, doc="g_ci, player i gives up choice c")
        model.forgone = pyo.Constraint(pyo.Any, doc="a choice that is given up is not made")
        model.given_up = pyo.Constraint(
            pyo.PositiveIntegers, doc="one of the choices of an earlier optimum is given up"
        )
    cut = len(model.given_up) + 1
    for i, level in choices.items():
        for (t, member), disjunct in model.meets.items():
            if member == i and model.threat_payoff[t, i] >= level:
                model.forgone[cut, t, i] = disjunct.binary_indicator_var + model.forgoes[cut, i] <= 1
    model.given_up.add(cut, pyo.quicksum(model.forgoes[cut, i] for i in choices) >= 1)


def forbid_point(model: pyo.ConcreteModel, point: str) -> None:
    """z_p = 0: leave a point of a finite feasible set out, by name."""
    model.chosen[point].fix(0)


def chosen_point(model: pyo.ConcreteModel) -> str:
    """Return the name of the point of a finite feasible set that the solution held by the model chooses."""
    return str(max(model.points, key=lambda p: pyo.value(model.chosen[p])))
