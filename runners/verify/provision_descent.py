"""The greatest deviation, found anew with difference quotients, where the listed bounds do not prove themselves."""

from __future__ import annotations

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.runners.verify.concave import excess_on_segment
from breakaway.runners.verify.lindahl import slopes
from breakaway.runners.verify.provision import Provision

STEP = 1e-7
"""Difference quotients are taken over this part of an action."""

MOST_STEPS = 300
ATTEMPTS = 6
HALVINGS = 40
DOUBLINGS = 50

SETTLED = 0.05
"""Part of the band within which a gain counts as the level."""


def greatest_deviation(world: Provision, name: str, above: float) -> Floats | None:
    """Return a point above every deviation, shape (n,), at which all who act gain about the level, or 0.

    From a start above all deviations those who do not gain more than the level act less and less. How far is guessed
    from difference quotients; that they do not gain on the way is proven, and so the point is above all deviations.

    Parameters
    ----------
    world, name
        The economy, and the outcome that deviations are from.
    above
        Deviations are those with gains above eps + ``above``.

    Returns
    -------
    Floats or None
        None when no start or no step is found.
    """
    level, x = world.eps + above, _start(world, name, world.eps + above)
    ceilings = world.ceilings(name, above)
    for _ in range(MOST_STEPS):
        if x is None:
            return None
        gains = world.gains(name, x)
        if (gains[x > 0] > level - SETTLED * world.band).all():
            return x
        x = _step(world, name, x, np.flatnonzero((x > 0) & (gains <= level)), level, ceilings)
    return None


def _start(world: Provision, name: str, level: float) -> Floats | None:
    """Return the largest actions, or a point where nobody gains with multipliers lambda > 0, lambda' J < 0."""
    a, n = world.outcomes[name], len(world.game)
    if np.isfinite(world.game.max_action):
        return np.full(n, world.game.max_action)
    distance = 0.1 * (1.0 + float(a.max(initial=0.0)))
    for _ in range(DOUBLINGS):
        t = a + distance
        for _ in range(3):
            jacobian = slopes(world.game.utilities, t, -STEP * t)
            weights, down = _solved(-jacobian.T), _solved(-jacobian)
            if not (weights > 0).all():
                break
            most = float(world.gains(name, t).max())
            if most <= level:
                return t
            t = t + 1.01 * (most - level) * np.maximum(down, 0.0)
        distance *= 2.0
    return None


def _solved(matrix: Floats) -> Floats:
    """Return the solution of matrix y = 1, zeros when there is none."""
    try:
        found = np.linalg.solve(matrix, np.ones(len(matrix)))
    except np.linalg.LinAlgError:
        return np.zeros(len(matrix))
    return np.where(np.isfinite(found).all(), found, np.zeros(len(matrix)))


def _step(world: Provision, name: str, x: Floats, movers: np.ndarray, level: float, ceilings: Floats) -> Floats | None:
    """Return a point below x, such that no mover exceeds its ceiling on the way; None when none is found.

    At a kink the quotients at x may be those of a piece that does not count further down: then they are taken there.
    """
    short = np.minimum(world.gains(name, x)[movers] - level, 0.0)
    at, z = x, np.zeros(len(movers))
    for attempt in range(ATTEMPTS + HALVINGS):
        if attempt < ATTEMPTS:
            steps = np.where(at > 0, -STEP * at, STEP)
            z = furthest(slopes(world.game.utilities, at, steps)[np.ix_(movers, movers)], short, x[movers])
        else:
            z = 0.5 * z
        end = x.copy()
        end[movers] = np.where(z >= x[movers], 0.0, x[movers] - z)
        if not z.any():
            return None
        if excess_on_segment(lambda y: world.gains(name, y)[movers], x, end, ceilings[movers]) is None:
            return end
        at = x + 0.01 * (end - x)
    return None


def furthest(jacobian: Floats, short: Floats, upper: Floats) -> Floats:
    """Return the greatest z <= upper for which J z >= short, where J has entries at least 0 off the diagonal.

    Rows that are not met are made equations, one after the other; their z are never raised again.
    """
    z, tight = upper.copy(), np.zeros(len(upper), dtype=bool)
    for _ in range(len(upper) + 1):
        room = 1e-12 * (np.abs(jacobian) @ upper + np.abs(short))
        unmet = ~tight & (jacobian @ z < short - room)
        if not unmet.any():
            break
        tight |= unmet
        rest = short[tight] - jacobian[np.ix_(tight, ~tight)] @ upper[~tight]
        try:
            solved = np.linalg.solve(jacobian[np.ix_(tight, tight)], rest)
        except np.linalg.LinAlgError:
            solved = np.zeros(int(tight.sum()))
        z[tight] = np.clip(np.nan_to_num(solved), 0.0, z[tight])
    return z
