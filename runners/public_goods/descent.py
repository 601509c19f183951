"""The descent: from a point above every deviation down to the greatest one, or to 0 when there is none.

For a level L and an outcome a let g(x) = u(x) - u(a). When every deviation y with gains above L lies below x, it also
lies below x - z, where z moves only agents N = {i : x_i > 0, g_i(x) <= L} and

    (step)    J_NN(x) z >= g_N(x) - L,   0 <= z <= x_N.

By concavity nobody in N gains more than L on the way; if y met the segment in an agent's action, that agent would, by
positive externalities, gain at most L from y. The greatest such z is unique, for off the diagonal J is at least 0. The
descent ends where N is empty: at a deviation, the greatest of all, or at 0.

(start) The largest actions, when they are bounded. Otherwise a point t >= a where nobody gains more than L, with
lambda > 0 such that lambda' J(t) <= 0: if a deviation y exceeded t for the agents H, then w = max(y, t) would give all
of H more than L, but sum over H of lambda_i g_i(w) <= sum over H of lambda_i g_i(t) + lambda_H' J_HH(t) (w - t)_H.

The method is ours; the idea of a path along which nobody gains is that of Bodwin (2017), section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.public_goods import PublicGoodsGame, least_pieces, supergradients
from breakaway.runners.public_goods.solution import perron_vector
from breakaway.runners.solvers import LimitReachedError

MOST_STEPS = 1_000
"""Steps of one descent; they converge quadratically, or, where two solutions meet, halve the distance."""

MOST_SWITCHES = 100
"""Changes of pieces within one step."""

DOUBLINGS = 50
"""How often the distance of the start from the outcome is doubled."""

LONGEST = 1e3
"""Longest move of the start at once, relative to where it is: beyond, J is all but singular, and the start no use."""

ROUNDING = 1e-13
"""Relative rounding of sums."""


@dataclass(frozen=True, eq=False)
class Descent:
    """A descent: its points x_0 >= x_1 >= ..., shape (n,) each, and the linear systems that it took."""

    points: tuple[Floats, ...]
    systems: int

    @property
    def end(self) -> Floats:
        """The last point: the greatest deviation, or 0."""
        return self.points[-1]


@dataclass(frozen=True, eq=False)
class Start:
    """A point above every deviation, with the multipliers that prove it (None at the largest actions)."""

    point: Floats
    multipliers: Floats | None


class UnboundedImprovementError(Exception):
    """Some agents can gain without limit.

    ``direction``, shape (n,), is at least 0 and moves only them; ``point`` is an outcome that they alone provide and
    at which all of them gain.
    """

    def __init__(self, direction: Floats, point: Floats) -> None:
        super().__init__("some agents can gain without limit by acting more and more")
        self.direction, self.point = direction, point


# --- one step --------------------------------------------------------------------------------------------------------


def greatest_step(jacobian: Floats, short: Floats, upper: Floats) -> tuple[Floats, int]:
    """Return the greatest z with J z >= short, 0 <= z <= upper, and how many linear systems it took.

    ``jacobian`` (m, m) has entries at least 0 off the diagonal and ``short`` (m,) is at most 0, so that z = 0 is
    feasible. From z = upper downwards, the rows that are not met are made equations; no row returns, for z only falls.
    """
    z, tight, systems = upper.copy(), np.zeros(len(upper), dtype=bool), 0
    sizes = np.abs(jacobian)
    while True:
        room = ROUNDING * (sizes @ upper + np.abs(short))
        unmet = ~tight & (jacobian @ z < short - room)
        if not unmet.any():
            return _made_feasible(jacobian, short, z), systems
        tight |= unmet
        systems += 1
        rest = short[tight] - jacobian[np.ix_(tight, ~tight)] @ upper[~tight]
        try:
            solved = np.linalg.solve(jacobian[np.ix_(tight, tight)], rest)
        except np.linalg.LinAlgError:
            solved = np.zeros(int(tight.sum()))
        z[tight] = np.clip(np.nan_to_num(solved), 0.0, z[tight])


def _made_feasible(jacobian: Floats, short: Floats, z: Floats) -> Floats:
    """Return z, shrunk until every row is met up to rounding: 0 meets them all, and the rows are linear."""
    rows = jacobian @ z
    room = ROUNDING * ((np.abs(jacobian) @ z).max(initial=0.0) + np.abs(short))
    failing = rows < short - room
    if not failing.any():
        return z
    found: Floats = z * float((short[failing] / rows[failing]).min())
    return found


@dataclass(eq=False)
class _Work:
    """A descent under way: the game, what everybody has at the outcome, the level and the systems solved."""

    game: PublicGoodsGame
    had: Floats
    level: float
    systems: int = 0

    def gains(self, x: Floats) -> Floats:
        """Return g(x)."""
        found: Floats = self.game.utilities.values(x) - self.had
        return found

    def step(self, x: Floats, movers: Ints) -> Floats:
        """Return the greatest z over the choices of pieces of the movers, each at most the level at x."""
        utilities, pieces = self.game.utilities, self.game.utilities.pieces
        chosen = least_pieces(utilities, x)
        smooth, slopes, values = utilities.smooth(x), utilities.smooth_jacobian(x), pieces.values(x)
        among_movers = slopes[np.ix_(movers, movers)]
        for _ in range(MOST_SWITCHES):
            own = np.where(chosen >= 0, values[chosen] if len(values) else 0.0, 0.0)
            short = np.minimum((smooth + own - self.had - self.level)[movers], 0.0)
            jacobian = among_movers + _slopes(pieces.slopes, chosen[movers], movers)
            z, systems = greatest_step(jacobian, short, x[movers])
            self.systems += systems
            if not len(pieces):
                break
            fallen = smooth - slopes[:, movers] @ z
            if not self._switch(x, movers, z, chosen, smooth, fallen, values):
                break
        return z

    def _switch(
        self, x: Floats, movers: Ints, z: Floats, chosen: Ints, smooth: Floats, fallen: Floats, values: Floats
    ) -> bool:
        """Give every mover held back by its piece one that lies lower at x - z; tell whether any was changed.

        ``smooth`` and ``fallen`` are the smooth parts at x, and their tangents at x - z.
        """
        pieces = self.game.utilities.pieces
        wanted = (self.had + self.level)[pieces.agent]
        then = fallen[pieces.agent] + values - pieces.slopes[:, movers] @ z - wanted
        then[smooth[pieces.agent] + values > wanted] = np.inf
        changed = False
        for i in movers[z < x[movers]].tolist():
            mine = np.flatnonzero(pieces.agent == i)
            if len(mine):
                best = int(mine[then[mine].argmin()])
                if then[best] < then[chosen[i]] - ROUNDING * (1.0 + abs(self.had[i])):
                    chosen[i], changed = best, True
        return changed


def _slopes(slopes: Floats, chosen: Ints, movers: Ints) -> Floats:
    found = np.zeros((len(movers), len(movers)))
    has = chosen >= 0
    found[has] = slopes[chosen[has]][:, movers]
    return found


# --- the descent -----------------------------------------------------------------------------------------------------


def descend(
    game: PublicGoodsGame, outcome: Floats, level: float, start: Floats, settled: float, only: Ints | None = None
) -> Descent:
    """Descend from a point above every deviation to the greatest one.

    Parameters
    ----------
    game, outcome
        The economy, and the outcome a that deviations are measured against, shape (n,).
    level
        L: who gains more takes part.
    start
        x_0, shape (n,).
    settled
        Gains within this of L count as L: whoever is there still moves with the others, and the descent ends when
        nobody is further below, for the steps approach the greatest deviation from above.
    only
        Agents who may move, by number; the descent also ends as soon as one of them reaches 0. None: all.

    Raises
    ------
    LimitReachedError
        When it does not end within :data:`MOST_STEPS` steps.
    """
    work = _Work(game, game.utilities.values(outcome), level)
    x, points = start.copy(), [start.copy()]
    for _ in range(MOST_STEPS):
        gains = np.where(x > 0, work.gains(x), np.inf)
        if (gains > level - settled).all() or (only is not None and (x[only] <= 0).any()):
            return Descent(tuple(points), work.systems)
        movers = np.flatnonzero(gains <= level + settled)
        z = work.step(x, movers)
        if not z.any():
            raise LimitReachedError(f"rounding stops the descent at gains {level - gains.min():.2g} below its level")
        x = x.copy()
        x[movers] = np.where(z >= x[movers], 0.0, x[movers] - z)
        points.append(x)
    raise LimitReachedError(f"the descent did not end within {MOST_STEPS} steps; raise the least gain")


# --- the start -------------------------------------------------------------------------------------------------------


def find_start(game: PublicGoodsGame, outcome: Floats, level: float) -> Start:
    """Return a point above every deviation: the largest actions, or a point that multipliers certify.

    Raises
    ------
    UnboundedImprovementError
        When some agents can gain without limit.
    LimitReachedError
        When neither is found.
    """
    if np.isfinite(game.max_action):
        return Start(np.full(len(game), game.max_action), None)
    had = game.utilities.values(outcome)
    distance = 0.1 * (1.0 + float(outcome.max(initial=0.0)))
    for _ in range(DOUBLINGS):
        far = outcome + distance
        for t in (far, outcome + distance * perron_vector(supergradients(game.utilities, far))):
            found = _certified(game, had, t, level)
            if found is not None:
                return found
        distance *= 2.0
    _report_unbounded(game, had, outcome + distance, level)
    raise LimitReachedError(
        f"no bound of the deviations was found up to actions of {distance:.3g}; give the economy a max_action"
    )


def _certified(game: PublicGoodsGame, had: Floats, t: Floats, level: float) -> Start | None:
    """Return a certified start near t, moved to where nobody gains, if there is one."""
    utilities = game.utilities
    for _ in range(3):
        jacobian = supergradients(utilities, t)
        multipliers = _multipliers(jacobian)
        if multipliers is None:
            return None
        most = float((utilities.values(t) - had).max())
        if most <= level:
            return Start(t, multipliers)
        down = 1.01 * (most - level) * _lowering(jacobian)
        if not down.max() <= LONGEST * (1.0 + float(t.max())):
            return None
        t = t + down
    return None


def _lowering(jacobian: Floats) -> Floats:
    """Return d with J d = -1, along which everybody loses; infinite where J is singular."""
    try:
        return np.asarray(np.linalg.solve(-jacobian, np.ones(len(jacobian))), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full(len(jacobian), np.inf)


def _multipliers(jacobian: Floats) -> Floats | None:
    """Return lambda > 0 with lambda' J <= 0 and largest entry 1, or None.

    -J with entries at most 0 off the diagonal has an inverse without negative entries exactly when s(J) < 0; then
    lambda' = 1' (-J)^-1. When s(J) is 0 within rounding, lambda is the left Perron vector, if it is positive.
    """
    try:
        found = np.linalg.solve(-jacobian.T, np.ones(len(jacobian)))
    except np.linalg.LinAlgError:
        found = np.zeros(len(jacobian))
    if not (np.isfinite(found).all() and (found > 0).all()):
        found = perron_vector(jacobian.T)
    found = found / found.max()
    sums, sizes = found @ jacobian, found @ np.abs(jacobian)
    return found if (found > 0).all() and (sums <= ROUNDING * sizes).all() else None


def _report_unbounded(game: PublicGoodsGame, had: Floats, t: Floats, level: float) -> None:
    """Raise when the agents who gain most along the Perron direction at t do so without limit."""
    direction = perron_vector(supergradients(game.utilities, t))
    direction[direction < ROUNDING] = 0.0
    point, inside = float(t.max()) * direction / direction.max(), direction > 0
    if (game.utilities.values(point)[inside] - had[inside] > level).all():
        raise UnboundedImprovementError(direction, point)
