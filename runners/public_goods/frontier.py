"""The Pareto frontier of two agents as a curve, and which of its points are in the core.

On the ray from 0 in a direction d > 0 the frontier is where s(J) changes from above 0, where both gain by acting more,
to below, where both gain by acting less. At a kink s jumps: some choice of active pieces has s(J) >= 0, another
s(J) <= 0. Where a ray leaves the box of bounded actions first, its last point is on the frontier unless an agent who is
not at its bound can raise both utilities alone.

For two agents the core is what is Pareto efficient and individually rational.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame, supergradients
from breakaway.runners.public_goods.judge import best_alone
from breakaway.runners.public_goods.solution import Levels, rightmost_eigenvalue

POINTS = 101
"""Rays, those along the two axes with them."""

FARTHEST = 1e9
"""Largest distance that is looked at along a ray."""

NEAREST = 1e-9
"""Smallest distance: where s(J) is at most 0 even there, the ray has no frontier point but 0."""

HALVINGS = 60


def pareto_frontier(game: PublicGoodsGame, points: int = POINTS, levels: Levels | None = None) -> pd.DataFrame:
    """Return the Pareto frontier of a game of two agents.

    Parameters
    ----------
    game
        The economy; its outcomes play no part.
    points
        Rays from 0, at least 2. They are even in angle once the frontier's ends on the two axes are taken as units;
        bounded actions have one more, to the corner of the box.
    levels
        The gain above which an agent leaves.

    Returns
    -------
    Rows (point, agent, action, utility, in_core): points in the order of their angle from the first agent's axis. A ray
    without a frontier point is left out; ``in_core`` is None within the band of the least gain.

    Raises
    ------
    ValueError
        When there are not two agents, or fewer than two points are asked for.
    """
    if len(game) != 2:
        raise ValueError(f"the frontier is a curve for two agents only; there are {len(game)}")
    if points < 2:
        raise ValueError(f"a curve needs at least 2 points; ask for more than {points}")
    units = [_frontier_point(game, axis) for axis in np.eye(2)]
    scale = np.array([1.0 if end is None else end.max() for end in units])
    angles = np.linspace(0.0, np.pi / 2.0, points)
    directions = np.column_stack([np.cos(angles), np.sin(angles)]) * scale
    directions[0, 1] = directions[-1, 0] = 0.0
    if np.isfinite(game.max_action):
        directions = _with_corner(directions)
    found = (_frontier_point(game, direction) for direction in directions)
    return _table(game, [x for x in found if x is not None], levels or Levels())


def _with_corner(directions: Floats) -> Floats:
    """Return the directions and, in its place by angle, that of the corner at which both act at their bound."""
    where = int(np.searchsorted(directions[:, 1] - directions[:, 0], 0.0))
    if np.isclose(directions[where, 0], directions[where, 1]):
        directions[where] = 1.0
        return directions
    return np.insert(directions, where, 1.0, axis=0)


def _frontier_point(game: PublicGoodsGame, direction: Floats) -> Floats | None:
    """Return the frontier point of a ray, shape (2,), or None."""
    unit = direction / direction.max()

    def rises(step: float) -> bool:
        return rightmost_eigenvalue(supergradients(game.utilities, step * unit)) > 0

    if not rises(NEAREST):
        return None
    step = _last_rising(rises, min(game.max_action, FARTHEST))
    if step < game.max_action:
        return None if step >= FARTHEST else step * unit
    corner: Floats = game.max_action * unit
    return corner if _held_by_the_box(game, corner) else None


def _last_rising(rises: Callable[[float], bool], most: float) -> float:
    """Return where s(J) first changes from above 0 to below on doubling the distance, or ``most`` if it does not."""
    low = high = NEAREST
    while rises(high):
        if high >= most:
            return most
        low, high = high, min(2.0 * high, most)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rises(middle) else (low, middle)
    return (low + high) / 2.0


def _held_by_the_box(game: PublicGoodsGame, x: Floats) -> bool:
    """Tell whether no agent below its bound can raise both utilities by acting more."""
    jacobian = supergradients(game.utilities, x)
    free = x < game.max_action
    return not (jacobian[:, free] > 0).all(axis=0).any()


def _table(game: PublicGoodsGame, frontier: list[Floats], levels: Levels) -> pd.DataFrame:
    """Return the points in long form, with utilities and whether they are in the core."""
    alone = best_alone(game)
    rows = []
    for number, x in enumerate(frontier, start=1):
        utilities = game.utilities.values(x)
        in_core = _rational(float((alone - utilities).max()), levels)
        rows += [(number, game.agents[i], float(x[i]), float(utilities[i]), in_core) for i in range(2)]
    frame = pd.DataFrame(rows, columns=["point", "agent", "action", "utility", "in_core"], dtype=object)
    return frame.astype({"point": np.int64, "action": float, "utility": float})


def _rational(most: float, levels: Levels) -> bool | None:
    """Tell whether the largest gain alone keeps everybody in; None within the band."""
    return None if levels.low <= most <= levels.high else most < levels.low
