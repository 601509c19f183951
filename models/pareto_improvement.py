"""Pareto improvement: a direction, all upward or all downward, in which everybody's utility rises.

An outcome is Pareto efficient when no other outcome makes everybody better off. In an economy in which actions benefit
the others, an improvement can be looked for upward and downward only: where neither direction raises all utilities,
nothing does.

Sets: ``agents`` i; ``movers`` j, those whose action can change in this direction; ``pieces`` (i, k), the active pieces
of every utility. A smooth utility has one piece, named "".
Parameters: ``slope[i, k, j]`` s_ikj, derivatives at the outcome a, in utility of i per action of j.
Variables: ``direction[j]`` d_j, in units of action; ``least_derivative`` t, in units of utility.

Equations::

    (improvement)   maximise t
    (derivative)    t <= sum over j of s_ikj d_j        for every active piece (i, k): t <= D_d u_i(a)
    (length)        sum of d_j = 1,  d_j >= 0           direction "up", Program 1; movers: a_j below the largest action
                    sum of d_j = -1, d_j <= 0           direction "down", Program 2; movers: a_j > 0

=============  ==========================  ==================
symbol         component                   unit
=============  ==========================  ==================
d_j            ``direction[j]``            action
t              ``least_derivative``        utility
s_ikj          ``slope[i, k, j]``          utility per action
=============  ==========================  ==================

Exactness: exact linear programmes. t > 0 proves an improvement in this direction. When t <= 0 both ways and every
agent benefits strictly from every other, the outcome is Pareto efficient; where some agents do not benefit, it may be
that only a part of the agents can improve, and t = 0 does not tell. t is a derivative: how small it is says nothing of
how much can be gained, which is why outcomes are judged by gains (:mod:`breakaway.models.coalition_deviation`).

Reference: Bodwin (2017), Testing Core Membership in Public Goods Economies, section 4.1, Programs 1 and 2. Their
formulas are missing in the copies at hand; they are reconstructed from the text and the proofs around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.models import public_goods
from breakaway.models.blocks import check_formulation

DIRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "up": "nobody lowers its action: Program 1",
        "down": "nobody raises its action: Program 2",
    }
)
"""Directions and what they are, the default first."""


def build(
    game: PublicGoodsGame,
    outcome: Floats | Sequence[float],
    direction: str = "up",
    tolerance: float = public_goods.ACTIVE_TOLERANCE,
) -> pyo.ConcreteModel:
    """Write the search for a direction in which every utility rises.

    Parameters
    ----------
    game
        The economy; its own outcomes play no part.
    outcome
        a, shape (n,).
    direction
        ``"up"`` or ``"down"``; see :data:`DIRECTIONS`.
    tolerance
        How far above the least piece a piece still counts as active, relative to 1 + the size of the least.

    Raises
    ------
    ValueError
        For an unknown direction, actions that are not at least 0, a direction in which nobody can move, or a utility
        with an infinite slope at the outcome.
    """
    check_formulation(direction, DIRECTIONS)
    a = public_goods.checked_actions(game, outcome, "the outcome")
    movers = _movers(game, a, direction)
    model = pyo.ConcreteModel(name=f"Pareto improvement, {direction}")
    _add_sets(model, game, movers)
    _add_slopes(model, game, a, movers, tolerance)
    _add_direction(model, direction)
    _add_length(model, direction)
    _add_least_derivative(model)
    _add_improvement(model)
    return model


def _movers(game: PublicGoodsGame, a: Floats, direction: str) -> list[int]:
    """Return the agents that can move."""
    can = a < game.max_action if direction == "up" else a > 0
    movers = [i for i, free in enumerate(can.tolist()) if free]
    if not movers:
        end = "its largest action" if direction == "up" else "0"
        raise ValueError(f"everybody acts at {end} already: no improvement {direction} is possible, build none")
    return movers


def _add_sets(model: pyo.ConcreteModel, game: PublicGoodsGame, movers: Sequence[int]) -> None:
    """Agents i; agents j that can move."""
    model.agents = pyo.Set(initialize=game.agents, doc="agents i")
    able = [game.agents[j] for j in movers]
    model.movers = pyo.Set(initialize=able, within=model.agents, doc="agents j that can move in this direction")


def _add_slopes(
    model: pyo.ConcreteModel, game: PublicGoodsGame, a: Floats, movers: Sequence[int], tolerance: float
) -> None:
    """s_ikj for every active piece (i, k)."""
    rows = public_goods.derivative_rows(game, a, range(len(game)), movers, tolerance)
    public_goods.add_slopes(model, game, rows, movers)


def _add_direction(model: pyo.ConcreteModel, direction: str) -> None:
    """d_j >= 0, or d_j <= 0."""
    share = 1.0 / len(model.movers)
    model.direction = pyo.Var(
        model.movers,
        within=pyo.NonNegativeReals if direction == "up" else pyo.NonPositiveReals,
        initialize=share if direction == "up" else -share,
        doc="d_j, by how much the action of j changes",
    )


def _add_length(model: pyo.ConcreteModel, direction: str) -> None:
    """Sum of d_j = 1, or -1."""
    total = 1.0 if direction == "up" else -1.0
    model.length = pyo.Constraint(
        expr=pyo.quicksum(model.direction.values()) == total, doc=f"changes add up to {total:g}"
    )


def _add_least_derivative(model: pyo.ConcreteModel) -> None:
    """Row of a piece: t <= sum over j of s_ikj d_j."""
    model.least_derivative = pyo.Var(within=pyo.Reals, initialize=0.0, doc="t, least derivative of a utility along d")
    model.derivative = pyo.Constraint(
        model.pieces,
        rule=lambda m, i, k: m.least_derivative <= pyo.quicksum(m.slope[i, k, j] * m.direction[j] for j in m.movers),
        doc="t <= D_d u_i(a)",
    )


def _add_improvement(model: pyo.ConcreteModel) -> None:
    """Maximise t."""
    model.improvement = pyo.Objective(
        expr=model.least_derivative, sense=pyo.maximize, doc="how fast everybody improves at least"
    )
