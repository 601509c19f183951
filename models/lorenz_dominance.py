"""Lorenz dominance: a division that no threat blocks and that is more equal than a given one, or the proof of none.

Given a division x of a total, look for an unblocked division y of the same total in which, for every j, the j poorest
have together at least as much as the j poorest in x; among them one with the largest gain, added up over j. If the
largest gain is 0 and x is unblocked, then x is Lorenz-maximal: it belongs to L(U), the constrained egalitarian solution
when the threats are those of Dutta and Ray. Payoffs are compared net of disagreement (the paper puts d = 0).

Sets, parameters and variables of the unblocked set are those of :mod:`breakaway.models.unblocked`, in threshold form.
Sets: ``ranks`` j = 1, ..., n - 1.
Parameters: ``given_poorest[j]``, X_j, what the j poorest in x have together, net, in the unit of payoff.
Variables: the payoff y_i; the cut r_j; the shortfall s_ji below the cut; the total L_j of the j poorest in y.

Equations::

    (gain)           maximise sum over j of (L_j - X_j)
    (same total)     sum of y_i = sum of x_i
    (shortfall)      s_ji >= r_j - (y_i - d_i),  s_ji >= 0
    (poorest)        L_j <= j r_j - sum over i of s_ji
    (no poorer)      L_j >= X_j
    (reached), (order), (threat met) as in breakaway.models.unblocked;  y_i >= d_i

The total of the j poorest is the largest value of j r - sum of max(0, r - z_i) over r, attained at the j-th poorest
(z = y - d): (poorest) states it linearly, because L_j is pushed up.

==========  ==========================  =======
symbol      component                   unit
==========  ==========================  =======
y_i         ``payoff[i]``               payoff
L_j         ``poorest_total[j]``        payoff
r_j         ``cut[j]``                  payoff
s_ji        ``shortfall[j, i]``         payoff
X_j         ``given_poorest[j]``        payoff
b_ik        ``reaches[i, k]``           none
==========  ==========================  =======

Exactness: exact, a mixed-integer linear programme. Under chosen levels the most equal division is max(l_i, t), in
closed form, so that the division can be recomputed from the binaries alone.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, section 5.4; Dutta and Ray (1989, 1991). Sums of
the smallest as linear programmes: Ogryczak and Tamir (2003), Minimizing the sum of the k largest functions.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyomo.environ as pyo

from breakaway.data.games import ThreatGame
from breakaway.models import unblocked


def build(game: ThreatGame, given: Sequence[float]) -> pyo.ConcreteModel:
    """Write the search for an unblocked division that is more equal than a given one.

    Parameters
    ----------
    game
        Players and threats; its feasible set plays no part, the total is that of ``given``.
    given
        The division x: payoffs by player, in the order of the players.

    Raises
    ------
    ValueError
        When ``given`` is not a payoff for each player, or two threats share a name.
    """
    if len(given) != len(game.players):
        raise ValueError(f"{len(given)} payoffs for {len(game.players)} players: give one for each player")
    model = pyo.ConcreteModel(name="Lorenz dominance")
    unblocked.add_players(model, game)
    unblocked.add_threats(model, game)
    _add_given(model, given)
    _add_payoff(model, given)
    unblocked.add_thresholds(model, game)
    _add_same_total(model, given)
    _add_poorest(model)
    _add_no_poorer(model)
    _add_gain(model)
    return model


def _add_given(model: pyo.ConcreteModel, given: Sequence[float]) -> None:
    """X_j = sum of the j smallest x_i - d_i."""
    net = sorted(x - model.disagreement[i] for i, x in zip(model.players, given, strict=True))
    model.ranks = pyo.Set(initialize=range(1, len(net)), doc="j, how many of the poorest are counted")
    sums = {j: sum(net[:j]) for j in model.ranks}
    model.given_poorest = pyo.Param(
        model.ranks, initialize=sums, within=pyo.Reals, doc="X_j, what the j poorest have in the given division, net"
    )


def _add_payoff(model: pyo.ConcreteModel, given: Sequence[float]) -> None:
    """y_i >= d_i, at most what is left when the others have no more than disagreement."""
    start = dict(zip(model.players, given, strict=True))
    spare = sum(given) - sum(model.disagreement.values())
    highest = {i: model.disagreement[i] + max(spare, 0.0) for i in model.players}
    unblocked.add_payoff(model, highest, start)


def _add_same_total(model: pyo.ConcreteModel, given: Sequence[float]) -> None:
    """Sum of y_i = sum of x_i."""
    model.same_total = pyo.Constraint(
        expr=pyo.quicksum(model.payoff.values()) == sum(given), doc="as much is shared as in the given division"
    )


def _add_poorest(model: pyo.ConcreteModel) -> None:
    """L_j <= j r_j - sum of s_ji with s_ji >= r_j - (y_i - d_i)."""
    model.poorest_total = pyo.Var(model.ranks, doc="L_j, what the j poorest have together, net")
    model.cut = pyo.Var(model.ranks, bounds=(0, None), doc="r_j, the payoff of the j-th poorest, net")
    model.shortfall = pyo.Var(model.ranks, model.players, bounds=(0, None), doc="s_ji, how far i is below the cut r_j")

    def below(m: pyo.ConcreteModel, j: int, i: str) -> object:
        return m.shortfall[j, i] >= m.cut[j] - (m.payoff[i] - m.disagreement[i])

    def poorest(m: pyo.ConcreteModel, j: int) -> object:
        return m.poorest_total[j] <= j * m.cut[j] - pyo.quicksum(m.shortfall[j, i] for i in m.players)

    model.shortfall_below_cut = pyo.Constraint(model.ranks, model.players, rule=below, doc="shortfall of i below r_j")
    model.poorest_sum = pyo.Constraint(model.ranks, rule=poorest, doc="L_j is the total of the j poorest")


def _add_no_poorer(model: pyo.ConcreteModel) -> None:
    """L_j >= X_j."""
    model.no_poorer = pyo.Constraint(
        model.ranks,
        rule=lambda m, j: m.poorest_total[j] >= m.given_poorest[j],
        doc="the j poorest have at least as much as in the given division",
    )


def _add_gain(model: pyo.ConcreteModel) -> None:
    """Maximise the sum of L_j - X_j."""
    model.gain = pyo.Objective(
        expr=pyo.quicksum(model.poorest_total[j] - model.given_poorest[j] for j in model.ranks),
        sense=pyo.maximize,
        doc="gain of the poorest, added up over how many are counted",
    )


def chosen_levels(model: pyo.ConcreteModel) -> dict[str, float]:
    """Return the payoff that every player is raised to at the solution held by the model; d_i when to none."""
    return {i: unblocked.raised_level(model, i) for i in model.players}
