"""Is an outcome in the core? The test by descent, the outcome that deviators prefer, and what they could do alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.public_goods.descent import Descent, UnboundedImprovementError, descend, find_start
from breakaway.runners.public_goods.programs import best_deviation
from breakaway.runners.public_goods.solution import Levels, Verdict, gains
from breakaway.runners.solvers import SolveError, SolverOptions

SETTLED = 0.01
"""Part of the band within which a descent takes a gain for its level."""

HALVINGS = 60
"""Most halvings in the search for the largest least gain."""

PRECISION = 1e-9
"""Relative precision of that gain."""

FARTHEST = 1e12
"""Largest action that is tried for an agent alone."""

MOST_MODELLED = 20
"""Most members of a coalition whose preferred outcome is found by Program 3, as a model."""

TRACE = 1e-4
"""Part of the largest action below which an action may be no more than an interior point method's distance from 0."""

GOLDEN = (5**0.5 - 1) / 2


def by_descent(game: PublicGoodsGame, outcome: Floats, levels: Levels, options: SolverOptions | None = None) -> Verdict:
    """Test core membership by descent.

    Two levels frame the least gain eps: when nobody can gain more than ``levels.low``, the outcome is in the core; when
    some coalition can give all its members more than ``levels.high``, it is not; otherwise it is on the boundary.

    Raises
    ------
    LimitReachedError
        When no bound of the deviations is found, or a descent does not end.
    """
    try:
        above = _descent(game, outcome, levels, levels.high)
    except UnboundedImprovementError as found:
        coalition = tuple(np.flatnonzero(found.direction).tolist())
        return Verdict(False, coalition, found.point, (), None, "descent", 0, complete=False)
    if above.descent.end.any():
        members = tuple(np.flatnonzero(above.descent.end).tolist())
        deviation, systems = _preferred(game, outcome, above.descent.end, levels, options or SolverOptions())
        return above.verdict(False, members, deviation, systems)
    below = _descent(game, outcome, levels, levels.low)
    in_core = None if below.descent.end.any() else True
    return below.verdict(in_core, (), None, above.descent.systems)


@dataclass(frozen=True, eq=False)
class _Done:
    """A descent with its start."""

    multipliers: Floats | None
    descent: Descent

    def verdict(
        self, in_core: bool | None, coalition: tuple[int, ...], deviation: Floats | None, further: int
    ) -> Verdict:
        """Return the verdict that the descent proves; ``further`` systems were solved beside it."""
        programs = self.descent.systems + further
        return Verdict(in_core, coalition, deviation, self.descent.points, self.multipliers, "descent", programs)


def _descent(game: PublicGoodsGame, outcome: Floats, levels: Levels, level: float) -> _Done:
    start = find_start(game, outcome, level)
    return _Done(start.multipliers, descend(game, outcome, level, start.point, SETTLED * levels.band))


def _preferred(
    game: PublicGoodsGame, outcome: Floats, greatest: Floats, levels: Levels, options: SolverOptions
) -> tuple[Floats, int]:
    """Return the preferred outcome of a deviating coalition: by Program 3 where it is small, else by halving."""
    members = np.flatnonzero(greatest)
    if len(members) <= MOST_MODELLED:
        try:
            best = best_deviation(game, outcome, members.tolist(), greatest, options.replace(solver=None))
        except SolveError:
            return preferred_outcome(game, outcome, greatest, levels)
        if best.least > levels.high and best.bound - best.least <= levels.eps:
            return _without_traces(game, outcome, best.point, best.least, members), 1
    return preferred_outcome(game, outcome, greatest, levels)


def _without_traces(game: PublicGoodsGame, outcome: Floats, point: Floats, least: float, members: Ints) -> Floats:
    """Return the point with actions that an interior point method left just above 0 set to 0, if none loses by it."""
    rounded = np.where(point <= TRACE * (1.0 + point.max()), 0.0, point)
    return rounded if gains(game, outcome, rounded)[members].min() >= least else point


def preferred_outcome(game: PublicGoodsGame, outcome: Floats, greatest: Floats, levels: Levels) -> tuple[Floats, int]:
    """Return the outcome that raises the least gain of a deviating coalition most, and the systems solved for it.

    It is the solution of Program 3 without bounds, found by halving: a level can be had by all members exactly when
    the descent at this level, from the greatest deviation, keeps them all. ``greatest`` has shape (n,) and is positive
    for the members alone.
    """
    members = np.flatnonzero(greatest)
    settled = SETTLED * levels.band
    low, found, systems = levels.high, greatest, 0
    step, high = max(float(gains(game, outcome, greatest)[members].min()), levels.high), np.inf
    for _ in range(HALVINGS):
        level = low + step if high == np.inf else (low + high) / 2.0
        descent = descend(game, outcome, level, found, settled, members)
        systems += descent.systems
        if (descent.end[members] > 0).all():
            low, found, step = level, descent.end, 4.0 * step
        else:
            high = level
        if high < np.inf and high - low <= max(PRECISION * high, levels.band):
            break
    return found, systems


def membership_path(game: PublicGoodsGame, outcome: Floats, levels: Levels) -> tuple[Floats, ...]:
    """Return a chain of outcomes from a down to 0 along which nobody gains more than eps, for a in the core.

    It shows that the set of outcomes that nobody prefers to a connects a with 0: with Pareto efficiency and individual
    rationality this is core membership (Bodwin 2017, Theorem 3). A Lindahl outcome has the chain (a, 0).
    """
    return descend(game, outcome, levels.low, outcome, SETTLED * levels.band).points


def individually_rational(game: PublicGoodsGame, outcome: Floats, levels: Levels, alone: Floats) -> bool | None:
    """Tell whether nobody gains more than eps by acting alone; None when somebody's gain is within the band.

    ``alone`` is what everybody can have alone, :func:`best_alone`: the same for all outcomes.
    """
    most = float((alone - game.utilities.values(outcome)).max())
    return None if levels.low < most <= levels.high else most <= levels.eps


def best_alone(game: PublicGoodsGame) -> Floats:
    """Return the most that every agent can have alone, shape (n,): max of u_i(x_i, 0), concave in x_i.

    By golden section, for all agents at once; infinite for who gains without limit.
    """
    if np.isfinite(game.max_action):
        return _golden(game, np.full(len(game), game.max_action))
    high, rising = np.ones(len(game)), np.ones(len(game), dtype=bool)
    while rising.any() and high.max() < FARTHEST:
        high[rising] *= 2.0
        rising = game.utilities.alone(2.0 * high) > game.utilities.alone(high)
    return np.where(rising, np.inf, _golden(game, 2.0 * high))


def _golden(game: PublicGoodsGame, high: Floats) -> Floats:
    alone, low = game.utilities.alone, np.zeros(len(game))
    best = np.maximum(alone(low), alone(high))
    for _ in range(100):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = alone(left), alone(right)
        best = np.maximum(best, np.maximum(at_left, at_right))
        rises = at_left < at_right
        low, high = np.where(rises, left, low), np.where(rises, high, right)
    return best
