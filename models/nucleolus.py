"""One stage of the nucleolus: the least excess that the coalitions not yet settled can all be held to.

The nucleolus makes the largest excess v(S) - x(S) as small as possible, then the next largest, and so on. Each stage is
a linear programme; coalitions with a positive dual have the same excess in every optimum, are settled, and the next
stage starts from there. Among imputations this ends at the nucleolus, among all efficient payoffs at the prenucleolus.

Sets: ``players`` i; ``coalitions`` S whose excess is bounded; ``settled`` coalitions T with a total that is known.
Parameters: v(S), v(i), v(N), the totals c_T, in the game's unit of payoff.
Variables: the payoff x_i; the largest excess e of the coalitions that are not settled.

Equations::

    (excess)     minimise e
    (efficient)  sum of x_i = v(N)
    (settled)    sum over i in T of x_i = c_T
    (short by e) sum over i in S of x_i + e >= v(S)
    (individual) x_i >= v(i)                                     nucleolus only

==========  =============================  =======
symbol      component                      unit
==========  =============================  =======
x_i         ``payoff[i]``                  payoff
e           ``excess``                     payoff
v(S)        ``worth[S]``                   payoff
v(N)        ``worth_of_all``               payoff
v(i)        ``own_worth[i]``               payoff
c_T         ``settled_total[T]``           payoff
lambda_S    dual of ``short_by[S]``        none
==========  =============================  =======

Exactness: exact, a linear programme. By complementary slackness a positive dual proves that its row is tight in every
optimum. The duals of ``short_by`` add up to 1, so that each stage settles something; a coalition whose total follows
from settled ones is left out, so that there are at most n - 1 stages.

Reference: Schmeidler (1969), The nucleolus of a characteristic function game; the sequence: Kopelowitz (1967), and
Maschler, Peleg and Shapley (1979). Settling by duals: Potters, Reijnierse and Ansing (1996).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import CharacteristicFunctionGame
from breakaway.models import core


def build(
    game: CharacteristicFunctionGame,
    settled: Mapping[Coalition, float] | None = None,
    coalitions: Collection[Coalition] | None = None,
    individually_rational: bool = True,
) -> pyo.ConcreteModel:
    """Write one stage.

    Parameters
    ----------
    game
        A characteristic function.
    settled
        Totals of the coalitions (bitmasks) that are settled, the grand one apart; their rows should be independent of
        each other and of the grand coalition.
    coalitions
        Bitmasks of the coalitions whose excess is bounded; None: all but the grand one and the settled.
    individually_rational
        Whether x_i >= v(i) is imposed (nucleolus) or not (prenucleolus).

    Raises
    ------
    ValueError
        When the grand coalition is among the coalitions, or none is given.
    """
    settled = settled or {}
    if coalitions is None:
        coalitions = [coalition for coalition in range(1, game.players.everyone) if coalition not in settled]
    model = pyo.ConcreteModel(name=f"stage of the {'nucleolus' if individually_rational else 'prenucleolus'}")
    core.add_players(model, game)
    core.add_coalitions(model, game, coalitions)
    core.add_payoff(model, game)
    core.add_excess(model)
    core.add_efficient(model)
    _add_settled(model, game, settled)
    core.add_short_by(model)
    if individually_rational:
        _add_individual(model, game)
    core.add_largest_excess(model)
    core.add_duals(model)
    return model


def _add_settled(
    model: pyo.ConcreteModel, game: CharacteristicFunctionGame, settled: Mapping[Coalition, float]
) -> None:
    """Sum over i in T of x_i = c_T."""
    inside = {
        game.players.coalition_name(coalition): [game.players.names[player] for player in members(coalition)]
        for coalition in settled
    }
    totals = {game.players.coalition_name(coalition): float(total) for coalition, total in settled.items()}
    model.settled = pyo.Set(initialize=list(totals), doc="coalitions T whose total is known")
    model.settled_total = pyo.Param(model.settled, initialize=totals, within=pyo.Reals, doc="c_T, what T gets")
    model.keeps = pyo.Constraint(
        model.settled,
        rule=lambda m, t: pyo.quicksum(m.payoff[i] for i in inside[t]) == m.settled_total[t],
        doc="earlier stages stand",
    )


def _add_individual(model: pyo.ConcreteModel, game: CharacteristicFunctionGame) -> None:
    """x_i >= v(i)."""
    own = {name: float(game.worths[1 << player]) for player, name in enumerate(game.players.names)}
    model.own_worth = pyo.Param(model.players, initialize=own, within=pyo.Reals, doc="v(i), worth of the player alone")
    model.individual = pyo.Constraint(
        model.players, rule=lambda m, i: m.payoff[i] >= m.own_worth[i], doc="nobody gets less than alone"
    )
