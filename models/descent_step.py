"""The descent step: how far the agents who do not gain enough can draw back while still nobody gains enough.

Deviations from an outcome a are looked for below a point x that none of them exceeds. The agents who gain at most a
level L at x draw back as far as the derivatives at x guarantee that none of them comes to gain more than L.

Sets: ``agents`` i; ``movers`` i in N, who act at x and gain at most L there: x_i > 0, u_i(x) - u_i(a) <= L.
Parameters: ``slope[i, j]`` J_ij, derivative at x of the utility of i in the action of j; ``shortfall[i]`` h_i, by how
much i is short of gaining L, in utility. Variables: ``decrease[i]`` z_i, in units of action.

Equations::

    (length)    maximise  sum of z_i over N
    (level)     sum over j in N of J_ij z_j >= -h_i     for i in N, so that u_i(x - z) - u_i(a) <= L
    (bounds)    0 <= z_i <= x_i

where h_i = L - (u_i(x) - u_i(a)). Then x - z is the next point.

==========  =========================  ==================
symbol      component                  unit
==========  =========================  ==================
z_i         ``decrease[i]``            action
x_i         upper bound of the above   action
J_ij        ``slope[i, j]``            utility per action
h_i         ``shortfall[i]``           utility
==========  =========================  ==================

Exactness: an exact linear programme. As J_ij >= 0 for j other than i, feasible decreases are closed under componentwise
maximum, so the optimum is the greatest of them in every coordinate, the same whatever the weights in the objective.
Utilities with several affine pieces give one row per agent, from the piece chosen: that piece's own value stands in
for u_i(x), for the utility lies below each of its pieces.

Reference: the step is ours; that the segment between two points of a descent matters is in Bodwin (2017), Testing Core
Membership in Public Goods Economies, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats, Ints
from breakaway.data.public_goods import PublicGoodsGame, least_pieces
from breakaway.models import public_goods


def build(
    game: PublicGoodsGame,
    outcome: Floats | Sequence[float],
    point: Floats | Sequence[float],
    level: float,
    chosen: Ints | None = None,
) -> pyo.ConcreteModel:
    """Write one step of the descent.

    Parameters
    ----------
    game
        The economy; its own outcomes play no part.
    outcome
        a, against which gains are measured, shape (n,).
    point
        x, from which the step goes down, shape (n,).
    level
        L, the gain that nobody is to exceed, in units of utility.
    chosen
        The number of the piece that each agent's row is taken from, -1 for agents without pieces, shape (n,). By
        default the least piece at x.

    Raises
    ------
    ValueError
        For actions that are not at least 0, a point at which nobody moves, a piece that is not the agent's, a piece
        that gives a mover more than the level at x, or a utility with an infinite slope at x.
    """
    a = public_goods.checked_actions(game, outcome, "the outcome")
    x = public_goods.checked_actions(game, point, "the point")
    movers = _movers(game, a, x, level)
    picked = least_pieces(game.utilities, x) if chosen is None else np.asarray(chosen)
    model = pyo.ConcreteModel(name="descent step")
    _add_sets(model, game, movers)
    _add_slope(model, game, x, movers, picked)
    _add_shortfall(model, game, _shortfalls(game, a, x, level, picked))
    _add_decrease(model, game, x)
    _add_level(model)
    _add_length(model)
    return model


def _movers(game: PublicGoodsGame, a: Floats, x: Floats, level: float) -> list[int]:
    """Return N = {i : x_i > 0, u_i(x) - u_i(a) <= L}."""
    gains = game.utilities.values(x) - game.utilities.values(a)
    movers = [int(i) for i in np.flatnonzero((x > 0) & (gains <= level))]
    if not movers:
        raise ValueError(
            f"nobody who acts at the point gains at most {level:g}: the descent has ended there; raise the level or "
            f"start from another point"
        )
    return movers


def _shortfalls(game: PublicGoodsGame, a: Floats, x: Floats, level: float, chosen: Ints) -> Floats:
    """Return h_i = L - (u_i(x) - u_i(a)), with the value of the piece chosen in u_i(x), shape (n,)."""
    utilities = game.utilities
    found: Floats = level - (utilities.smooth(x) - utilities.values(a))
    has = chosen >= 0
    found[has] -= utilities.pieces.values(x)[chosen[has]]
    return found


def _add_sets(model: pyo.ConcreteModel, game: PublicGoodsGame, movers: Sequence[int]) -> None:
    """Agents i; agents in N."""
    model.agents = pyo.Set(initialize=game.agents, doc="agents i")
    names = [game.agents[i] for i in movers]
    model.movers = pyo.Set(initialize=names, within=model.agents, doc="N, agents who act and gain at most L")


def _add_slope(model: pyo.ConcreteModel, game: PublicGoodsGame, x: Floats, movers: Sequence[int], chosen: Ints) -> None:
    """J_ij for i and j in N."""
    rows = public_goods.chosen_rows(game, x, movers, movers, chosen)
    slopes = {
        (game.agents[i], game.agents[j]): slope
        for (i, _), row in rows.items()
        for j, slope in zip(movers, row.tolist(), strict=True)
    }
    model.slope = pyo.Param(
        model.movers, model.movers, initialize=slopes, within=pyo.Reals, doc="J_ij, derivative of u_i in x_j"
    )


def _add_shortfall(model: pyo.ConcreteModel, game: PublicGoodsGame, shortfalls: Floats) -> None:
    """h_i for i in N, at least 0, so that z = 0 is feasible."""
    found = {i: shortfalls[game.agents.index(i)].item() for i in model.movers}
    for i, short in found.items():
        if short < 0:
            raise ValueError(
                f"the piece chosen for agent {i!r} gives it more than the level already: choose a lower one"
            )
    model.shortfall = pyo.Param(
        model.movers, initialize=found, within=pyo.NonNegativeReals, doc="h_i, what i is short of gaining L"
    )


def _add_decrease(model: pyo.ConcreteModel, game: PublicGoodsGame, x: Floats) -> None:
    """0 <= z_i <= x_i."""
    model.decrease = pyo.Var(
        model.movers,
        bounds=lambda m, i: (0.0, x[game.agents.index(i)].item()),
        initialize=0.0,
        doc="z_i, by how much i draws back",
    )


def _add_level(model: pyo.ConcreteModel) -> None:
    """Sum over j in N of J_ij z_j >= -h_i."""

    def stays(m: pyo.ConcreteModel, i: str) -> object:
        return pyo.quicksum(m.slope[i, j] * m.decrease[j] for j in m.movers) >= -m.shortfall[i]

    model.level = pyo.Constraint(model.movers, rule=stays, doc="i gains at most L at x - z")


def _add_length(model: pyo.ConcreteModel) -> None:
    """Maximise sum of z_i."""
    model.length = pyo.Objective(
        expr=pyo.quicksum(model.decrease.values()), sense=pyo.maximize, doc="by how much actions fall in all"
    )
