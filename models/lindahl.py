"""The Lindahl outcome: the largest actions whose proportional reduction would raise nobody's utility.

At a Lindahl outcome a > 0 every agent i has personal prices for everybody's action, budgets balance, and nobody wants
another outcome at these prices. For differentiable utilities these are the a > 0 with J(a) a = 0: as all actions grow
in proportion, no utility changes to first order.

Sets: ``agents`` i. Parameters: none but those inside the utilities. Variables: actions a_i.

Equations::

    (total action)   maximise  sum of a_i
    (radial)         (J(a) a)_i = sum over j of (d u_i / d a_j) a_j >= 0
    (bounds)         0 <= a_i <= max_action

==============  ==========================  =======
symbol          component                   unit
==============  ==========================  =======
a_i             ``action[i]``               action
(J(a) a)_i      ``radial_derivative[i]``    utility
==============  ==========================  =======

Exactness. The constraint is concave for the forms linear, log, sqrt, quadratic, cubic, for power with an exponent above
0, and for log-sum, so that the programme is convex; it is not for ces with an exponent below 0, nor for power with a
negative one, and for other ces and for expressions nothing is claimed. Where (J(a) a)_i does not fall in the action of
any other agent, as for the same forms and for ces with an exponent above 0, feasible points are closed under
componentwise maximum: the optimum is the greatest of them, and every radial derivative there is 0 unless the agent's
action is at its bound. Anywhere else a solution is a candidate, whose radial derivatives must be looked at. a = 0 is
always feasible, and it is the optimum when there is no Lindahl outcome below the bounds.

Reference: Elliott and Golub (2019), A Network Approach to Public Goods, Journal of Political Economy 127, theorem 1
(Lindahl outcomes and J(a) a = 0); Bodwin (2017), section 3.3. The programme is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.models import public_goods


def build(game: PublicGoodsGame, start: Floats | Sequence[float] | None = None) -> pyo.ConcreteModel:
    """Write the search for the greatest outcome that nobody wants to see reduced in proportion.

    Parameters
    ----------
    game
        The economy; its outcomes play no part. Utilities must be smooth.
    start
        Actions to start from, shape (n,); by default 1 for everybody, or half of ``max_action`` where that is less.

    Raises
    ------
    ValueError
        When utilities have pieces, or the start is not an action of at least 0 for every agent.
    """
    if len(game.utilities.pieces):
        raise ValueError("utilities made of pieces have kinks, where J(a) is not defined: take smooth forms")
    model = pyo.ConcreteModel(name="Lindahl outcome")
    _add_agents(model, game)
    _add_action(model, game, _start(game, start))
    _add_radial_derivative(model, game)
    _add_radial(model)
    _add_total_action(model)
    return model


def _start(game: PublicGoodsGame, start: Floats | Sequence[float] | None) -> Floats:
    """Return the actions to start from."""
    if start is None:
        return np.full(len(game), min(1.0, game.max_action / 2.0))
    return public_goods.checked_actions(game, start, "the start")


def _add_agents(model: pyo.ConcreteModel, game: PublicGoodsGame) -> None:
    """Agents i."""
    model.agents = pyo.Set(initialize=game.agents, doc="agents i")


def _add_action(model: pyo.ConcreteModel, game: PublicGoodsGame, start: Floats) -> None:
    """0 <= a_i <= max_action."""
    most = game.max_action if np.isfinite(game.max_action) else None
    values = dict(zip(game.agents, start.tolist(), strict=True))
    model.action = pyo.Var(model.agents, bounds=(0.0, most), initialize=values, doc="a_i, action of agent i")


def _add_radial_derivative(model: pyo.ConcreteModel, game: PublicGoodsGame) -> None:
    """(J(a) a)_i = sum over j of (d u_i / d a_j) a_j."""
    written = public_goods.radial_expressions(game.utilities, [model.action[i] for i in model.agents])
    model.radial_derivative = pyo.Expression(
        model.agents,
        initialize=dict(zip(game.agents, written, strict=True)),
        doc="(J(a) a)_i, change of u_i as all actions grow in proportion",
    )


def _add_radial(model: pyo.ConcreteModel) -> None:
    """(J(a) a)_i >= 0."""
    model.radial = pyo.Constraint(
        model.agents, rule=lambda m, i: m.radial_derivative[i] >= 0, doc="i gains by no small reduction of all actions"
    )


def _add_total_action(model: pyo.ConcreteModel) -> None:
    """Maximise sum of a_i."""
    model.total_action = pyo.Objective(
        expr=pyo.quicksum(model.action.values()), sense=pyo.maximize, doc="sum of all actions"
    )
