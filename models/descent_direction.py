"""Descent direction: how the members of a coalition can lower their actions so that nobody among them gains.

The elimination slides from an outcome of a coalition down to the first member who stops acting; who stops acts at 0 in
every deviation. The direction of the slide decides whether that conclusion is right.

Sets: ``agents`` i; ``members`` of the coalition C; ``pieces`` (i, k), the active pieces of the members' utilities. A
smooth utility has one piece, named "".
Parameters: ``slope[i, k, j]`` s_ikj, derivatives at the point x, in utility of i per action of j.
Variables: in ``upward`` ``step[j]`` z_j, in ``max-min`` ``direction[j]`` d_j, in units of action; ``rate`` w, in units
of utility. In both ``direction`` holds d.

Equations::

    (fastest)      maximise w
    (derivative)   w <= sum over j of s_ikj z_j        upward: utilities rise along z, the way back
    (length)       sum of z_j = 1, z_j >= 0            upward
    (direction)    d_j = - z_j                         upward
    (derivative)   w <= sum over j of s_ikj d_j        max-min: w <= D_d u_i(x), Program 4 as printed
    (length)       sum of d_j = -1, d_j <= 0           max-min

=============  ==========================  ==================
symbol         component                   unit
=============  ==========================  ==================
z_j            ``step[j]``                 action
d_j            ``direction[j]``            action
w              ``rate``                    utility
s_ikj          ``slope[i, k, j]``          utility per action
=============  ==========================  ==================

Exactness. Both are exact linear programmes; what they are good for differs. Let all members act (whoever acts at 0 has
stopped already). On the Pareto frontier of the coalition both find a direction along which no utility changes at first,
and, by concavity, none rises later. Below the frontier, where a bound may stop the search for a deviation, every
downward direction harms somebody, and ``max-min`` may pick one that raises the utility of another: its slide then
leaves the dominated set, and the elimination errs. ``upward`` has w >= 0 on and below the frontier, so that no smooth
utility rises along d; docs/descent_direction.md proves that its slide is safe. Where several pieces of an agent are
active, ``chosen`` should name one for every agent: the rows of all active pieces bound the rise along z from below, and
say little of the fall along d.

Reference: Bodwin (2017), Testing Core Membership in Public Goods Economies, section 4.2, Program 4. Its formula is
missing in the copies at hand; it is reconstructed from the text and the proofs around it. ``upward`` is no part of the
paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats, Ints
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.models import public_goods
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "upward": "the direction whose reverse raises the least utility fastest; no utility rises along it",
        "max-min": "the direction along which the least derivative is largest: Program 4 as printed",
    }
)
"""Formulations and what they are, the default first."""


def build(
    game: PublicGoodsGame,
    point: Floats | Sequence[float],
    coalition: Iterable[int],
    formulation: str = "upward",
    chosen: Ints | None = None,
    tolerance: float = public_goods.ACTIVE_TOLERANCE,
) -> pyo.ConcreteModel:
    """Write the search for a direction of descent.

    Parameters
    ----------
    game
        The economy; its own outcomes play no part.
    point
        x, shape (n,), where derivatives are taken: 0 outside the coalition.
    coalition
        C, positions of the members.
    formulation
        ``"upward"`` or ``"max-min"``; see :data:`FORMULATIONS`.
    chosen
        The piece that the row of every agent is taken from, shape (n,), -1 for agents without pieces, as
        :func:`breakaway.data.public_goods.supergradients` takes it; None: all active pieces, a row each.
    tolerance
        Without ``chosen``, how far above the least piece a piece still counts as active, relative to 1 + the size of
        the least.

    Raises
    ------
    ValueError
        For an unknown formulation, an empty or unknown coalition, a point at which others act, or a utility with an
        infinite slope there.
    """
    check_formulation(formulation, FORMULATIONS)
    x = public_goods.checked_actions(game, point, "the point")
    members = public_goods.checked_coalition(game, coalition)
    _check_outsiders(game, x, members)
    model = pyo.ConcreteModel(name=f"descent of {public_goods.coalition_name(game, members)}, {formulation}")
    public_goods.add_agents(model, game, members)
    _add_slopes(model, game, x, members, chosen, tolerance)
    if formulation == "upward":
        _add_step(model)
    else:
        _add_direction(model)
    _add_rate(model, formulation)
    _add_fastest(model)
    return model


def _check_outsiders(game: PublicGoodsGame, x: Floats, members: Sequence[int]) -> None:
    outside = [i for i in range(len(game)) if i not in members and x[i] > 0]
    if outside:
        raise ValueError(
            f"agent {game.agents[outside[0]]!r} is no member and acts at {x[outside[0]]:g}: set the actions of all "
            "others to 0"
        )


def _add_slopes(
    model: pyo.ConcreteModel,
    game: PublicGoodsGame,
    x: Floats,
    members: Sequence[int],
    chosen: Ints | None,
    tolerance: float,
) -> None:
    """s_ikj for the chosen piece of every member, or for all that are active."""
    if chosen is None:
        rows = public_goods.derivative_rows(game, x, members, members, tolerance)
    else:
        rows = public_goods.chosen_rows(game, x, members, members, chosen)
    public_goods.add_slopes(model, game, rows, members)


def _add_step(model: pyo.ConcreteModel) -> None:
    """z_j >= 0, sum of z_j = 1, d_j = - z_j."""
    model.step = pyo.Var(
        model.members,
        within=pyo.NonNegativeReals,
        initialize=1.0 / len(model.members),
        doc="z_j, by how much member j lowers its action",
    )
    model.length = pyo.Constraint(expr=pyo.quicksum(model.step.values()) == 1.0, doc="steps add up to 1")
    model.direction = pyo.Expression(
        model.members, rule=lambda m, j: -m.step[j], doc="d_j, by how much the action of j changes"
    )


def _add_direction(model: pyo.ConcreteModel) -> None:
    """d_j <= 0, sum of d_j = -1."""
    model.direction = pyo.Var(
        model.members,
        within=pyo.NonPositiveReals,
        initialize=-1.0 / len(model.members),
        doc="d_j, by how much the action of j changes",
    )
    model.length = pyo.Constraint(expr=pyo.quicksum(model.direction.values()) == -1.0, doc="changes add up to -1")


def _add_rate(model: pyo.ConcreteModel, formulation: str) -> None:
    """Row of a piece: w <= sum over j of s_ikj z_j, or s_ikj d_j."""
    moves = model.step if formulation == "upward" else model.direction
    model.rate = pyo.Var(within=pyo.Reals, initialize=0.0, doc="w, least derivative of a member's utility")
    model.derivative = pyo.Constraint(
        model.pieces,
        rule=lambda m, i, k: m.rate <= pyo.quicksum(m.slope[i, k, j] * moves[j] for j in m.members),
        doc="w <= derivative of u_i along z" if formulation == "upward" else "w <= D_d u_i(x)",
    )


def _add_fastest(model: pyo.ConcreteModel) -> None:
    """Maximise w."""
    model.fastest = pyo.Objective(expr=model.rate, sense=pyo.maximize, doc="least derivative of a member's utility")


def direction(model: pyo.ConcreteModel, game: PublicGoodsGame) -> Floats:
    """Return the direction d that the model holds, shape (n,): 0 outside the coalition and at most 0 inside."""
    found: Floats = np.minimum(public_goods.vector(game, model.direction), 0.0)
    return found
