"""The best answer of a coalition: its joint actions maximise the sum of its members' payoffs, given all other actions.

Where every coalition of a structure answers the others in this way, they are in a coalitional Nash equilibrium, and the
sums are the worths of the structure (transfers inside coalitions are free). One model is one coalition's answer.

Sets: ``players``; ``members`` (of the coalition S); ``own_actions`` and ``other_actions``, pairs (player, action) of
members and of the others. The only action of a player has the name "".
Parameters: ``given[i, k]``, the actions of the others; they may be changed between solves. In units of the action.
Variables: ``action[i, k]``, the actions of the members, within their bounds.

Equations, with f_i the payoff functions of the game::

    (payoff)       u_i = f_i(a_S, a_others)
    (joint payoff) maximise  sum of u_i over S

====================  ==========================  ==================
symbol                component                   unit
====================  ==========================  ==================
a_S                   ``action[i, k]``            that of the action
a_others              ``given[i, k]``             that of the action
u_i                   ``payoff[i]``               payoff
sum of u_i over S     ``joint_payoff``            payoff
====================  ==========================  ==================

Exactness. The model is the answer itself; whether a solver finds its global maximum depends on the payoffs: a concave
sum makes every local optimum a global one; of any other smooth sum Ipopt finds a local optimum, and SCIP proves a
global one.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, section 3.3 (coalitional Nash equilibrium).
"""

from __future__ import annotations

from collections.abc import Mapping

import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import ExpressionGame

Actions = Mapping[tuple[str, str], float]
"""Values of actions by player and name."""


def build(game: ExpressionGame, coalition: Coalition, actions: Actions) -> pyo.ConcreteModel:
    """Write the best answer of a coalition.

    Parameters
    ----------
    game
        The game.
    coalition
        S, as a bitmask.
    actions
        The value of every action: of the members, from where a solver starts; of the others, what is answered.

    Raises
    ------
    ValueError
        For an empty or unknown coalition, or when an action has no value.
    """
    _check(game, coalition, actions)
    model = pyo.ConcreteModel(name=f"best answer of {game.players.coalition_name(coalition)}")
    _add_sets(model, game, coalition)
    _add_given(model, actions)
    _add_action(model, game, actions)
    _add_payoff(model, game)
    _add_joint_payoff(model)
    return model


def _check(game: ExpressionGame, coalition: Coalition, actions: Actions) -> None:
    if not 0 < coalition <= game.players.everyone:
        raise ValueError(
            f"{coalition} is no coalition of the players {', '.join(game.players.names)} (a bitmask from 1 to "
            f"{game.players.everyone}); read names with breakaway.data.coalitions.parse_coalition"
        )
    absent = [f"{player} {name}".strip() for player, name in game.bounds() if (player, name) not in actions]
    if absent:
        raise ValueError(f"the action of {', '.join(absent)} has no value; give one for every action of every player")


def _add_sets(model: pyo.ConcreteModel, game: ExpressionGame, coalition: Coalition) -> None:
    """Players i; members of S; actions (i, k) of members and of others."""
    inside = [game.players.names[player] for player in members(coalition)]
    own = [key for key in game.bounds() if key[0] in inside]
    others = [key for key in game.bounds() if key[0] not in inside]
    model.players = pyo.Set(initialize=game.players.names, doc="players i")
    model.members = pyo.Set(initialize=inside, within=model.players, doc="members of the coalition S")
    model.own_actions = pyo.Set(initialize=own, dimen=2, doc="actions (i, k) of the members")
    model.other_actions = pyo.Set(initialize=others, dimen=2, doc="actions (i, k) of all others")


def _add_given(model: pyo.ConcreteModel, actions: Actions) -> None:
    """a_others: given numbers that may be changed between solves."""
    values = {key: float(actions[key]) for key in model.other_actions}
    model.given = pyo.Param(
        model.other_actions, initialize=values, within=pyo.Reals, mutable=True, doc="a_i, actions of the others"
    )


def _add_action(model: pyo.ConcreteModel, game: ExpressionGame, actions: Actions) -> None:
    """Lower bound <= a_i <= upper bound."""
    bounds = game.bounds()
    values = {key: float(actions[key]) for key in model.own_actions}
    model.action = pyo.Var(
        model.own_actions,
        bounds=lambda _, player, name: bounds[player, name],
        initialize=values,
        doc="a_i, actions of the members",
    )


def _add_payoff(model: pyo.ConcreteModel, game: ExpressionGame) -> None:
    """u_i = f_i(a_S, a_others)."""
    values = {key: model.action[key] if key in model.action else model.given[key] for key in game.bounds()}
    payoffs = game.payoffs_at(values)
    model.payoff = pyo.Expression(model.players, initialize=dict(payoffs), doc="u_i, payoff of player i")


def _add_joint_payoff(model: pyo.ConcreteModel) -> None:
    """Maximise the sum of u_i over S."""
    total = pyo.quicksum(model.payoff[player] for player in model.members)
    model.joint_payoff = pyo.Objective(expr=total, sense=pyo.maximize, doc="sum of the members' payoffs")
