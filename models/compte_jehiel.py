"""The Nash product over the core: the coalitional Nash bargaining solution of Compte and Jehiel.

Among the divisions of v(N) that give every coalition at least its worth, it maximises the product of net payoffs. Every
coalition can insist on its worth here, whether or not it could hold together itself.

Sets: ``players`` i; ``coalitions`` S that have a row, by default all but the grand one.
Parameters: weights gamma_i > 0 (no unit), disagreement payoffs d_i, v(S) and v(N) in the game's unit of payoff.
Variables: the payoff x_i; the smallest gain s.

Equations::

    (product)        maximise sum of gamma_i log(x_i - d_i)               nash_product
    (efficient)      sum of x_i = v(N)
    (enough)         sum over i in S of x_i >= v(S)
    (smallest gain)  maximise s,   s <= x_i - d_i                         smallest_gain

==========  ==========================  =================  =======
symbol      component                   formulations       unit
==========  ==========================  =================  =======
x_i         ``payoff[i]``               all                payoff
s           ``smallest_gain``           ``smallest_gain``  payoff
gamma_i     ``weight[i]``               all                none
d_i         ``disagreement[i]``         all                payoff
v(S)        ``worth[S]``                all                payoff
v(N)        ``worth_of_all``            all                payoff
lambda_S    minus dual of ``enough``    ``nash_product``   1/payoff
==========  ==========================  =================  =======

Exactness: ``nash_product`` is exact, a smooth concave programme, for Ipopt. Multipliers lambda_S >= 0 and mu prove a
bound: with prices p_i = mu - sum over S containing i of lambda_S, all positive, no division in the core has a larger
sum than  sum of gamma_i (log(gamma_i / p_i) - 1) - sum of p_i d_i - sum of lambda_S v(S) + mu v(N).  ``smallest_gain``
is a linear programme that tells whether the best product is positive, which it is if and only if the optimum is.

Reference: Compte and Jehiel (2010), The coalitional Nash bargaining solution, Econometrica 78; weights and disagreement
payoffs as in Vohra and Ray (2025).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition
from breakaway.data.games import CharacteristicFunctionGame, weights_within
from breakaway.models import core
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "nash_product": "the log of the product of net payoffs over the core; a concave NLP for Ipopt",
        "smallest_gain": "the largest smallest net payoff in the core; an LP, positive when the product is",
    }
)
"""Formulations and what they are, the default first."""


def build(
    game: CharacteristicFunctionGame,
    formulation: str = "nash_product",
    coalitions: Collection[Coalition] | None = None,
    start: Mapping[str, float] | None = None,
) -> pyo.ConcreteModel:
    """Write the Nash product over the core.

    Parameters
    ----------
    game
        A characteristic function with a core.
    formulation
        ``"nash_product"`` or ``"smallest_gain"``; see :data:`FORMULATIONS`.
    coalitions
        Bitmasks of the coalitions that have a row; None: all but the grand one.
    start
        Payoffs by name from which the solver starts, above disagreement; None: equal parts of v(N).

    Raises
    ------
    ValueError
        For an unknown formulation, or when the grand coalition is among the coalitions or none is given.
    """
    check_formulation(formulation, FORMULATIONS)
    model = pyo.ConcreteModel(name=f"Nash product over the core by {formulation}")
    core.add_players(model, game)
    _add_bargaining(model, game)
    core.add_coalitions(model, game, coalitions)
    core.add_payoff(model, game)
    _set_start(model, start or {})
    core.add_efficient(model)
    core.add_enough(model)
    if formulation == "smallest_gain":
        _add_smallest_gain(model)
    else:
        _add_log_product(model)
    core.add_duals(model)
    return model


def _add_bargaining(model: pyo.ConcreteModel, game: CharacteristicFunctionGame) -> None:
    """gamma_i and d_i."""
    players = game.players
    weights = weights_within(game, players.everyone)
    model.weight = pyo.Param(
        model.players,
        initialize=dict(zip(players.names, map(float, weights), strict=True)),
        within=pyo.PositiveReals,
        doc="gamma_i, bargaining weight of player i",
    )
    model.disagreement = pyo.Param(
        model.players,
        initialize=dict(zip(players.names, map(float, players.disagreement), strict=True)),
        within=pyo.Reals,
        doc="d_i, disagreement payoff of player i",
    )


def _set_start(model: pyo.ConcreteModel, start: Mapping[str, float]) -> None:
    for name, payoff in start.items():
        model.payoff[name].set_value(payoff)


def _add_log_product(model: pyo.ConcreteModel) -> None:
    """Maximise sum of gamma_i log(x_i - d_i)."""
    logs = (model.weight[i] * pyo.log(model.payoff[i] - model.disagreement[i]) for i in model.players)
    model.log_product = pyo.Objective(expr=sum(logs), sense=pyo.maximize, doc="log of the Nash product")


def _add_smallest_gain(model: pyo.ConcreteModel) -> None:
    """Maximise s, s <= x_i - d_i."""
    model.smallest_gain = pyo.Var(initialize=0.0, doc="s, smallest net payoff")
    model.gains = pyo.Constraint(
        model.players,
        rule=lambda m, i: m.smallest_gain <= m.payoff[i] - m.disagreement[i],
        doc="everybody gains at least s",
    )
    model.least_gain = pyo.Objective(expr=model.smallest_gain, sense=pyo.maximize, doc="largest smallest gain")
