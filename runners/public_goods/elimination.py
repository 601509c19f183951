"""Elimination: agents who act in no deviation are removed one after the other (Bodwin 2017, section 4), repaired.

The coalition C holds everybody who may still act in a deviation, and nobody acts above its bound in one. A round:

    (Program 3)  x is the best deviation of C within the bounds, t its least gain. t > eps: C deviates, and since all
                 deviations are within C, it is the maximal coalition.
    (Program 4)  Otherwise slide from x along a direction d <= 0 in which nobody's gain rises, to the first action that
                 reaches 0; this agent acts in no deviation. The bounds fall to the end of the slide.

The printed algorithm errs when a bound is binding in Program 3: then x is not Pareto efficient for C, those at their
bound may already gain more than t, and the direction of Program 4 may raise somebody's gain. The repair has two parts.

(repair 1) Only those slide for whom x is proven to be an upper bound: K = {i : lambda_i (L - g_i(x)) > slack}, where
lambda are the multipliers of Program 3 and L is the level. Let y be a deviation with gains above L, w = max(x, y) and
H = {i : y_i > x_i}. Then g_i(w) >= g_i(y) > L for i in H and g_i(w) >= g_i(x) for all others in C, while
lambda' g(w) <= lambda' g(x) + excess (:mod:`breakaway.runners.public_goods.programs`): with i in H the left side would
be larger, so H and K have nobody in common. Nothing is assumed of externalities but that they are not negative.

(repair 2) The slide follows -z, z the Perron vector of J_KK at x: there J z = s z. Everybody outside K who counts for K
is at its bound, or lambda' J would not be 0, so that lambda_K' J_KK >= 0 and hence s >= 0: nobody in K gains along -z.
At kinks J averages the binding pieces by their multipliers, which keeps lambda' J; the programme "upward" of
:mod:`breakaway.models.descent_direction` with one piece chosen for every agent finds such directions as well.

Both are tested with numbers after every round; a round that fails the test ends in "on the boundary". The start is that
of the descent: the largest actions, or a certified point above all deviations. The paper starts at the outcome itself,
when Programs 1 and 2 find it Pareto efficient; but those are thresholds on derivatives, which say little of gains, and
with externalities of 0 they miss improvements of a part of the agents.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.public_goods import PublicGoodsGame, supergradients
from breakaway.models import descent_direction, pareto_improvement
from breakaway.runners.public_goods.descent import UnboundedImprovementError, find_start
from breakaway.runners.public_goods.programs import BestDeviation, best_deviation, without_limit
from breakaway.runners.public_goods.solution import Levels, Verdict, perron_vector
from breakaway.runners.solvers import NumericalError, SolverOptions, solve_model

NODES = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 0.4, 0.7, 1.0)
"""Parts of the way of a slide at which gains are bounded."""

LEAST_MULTIPLIERS = (1e-6, 1e-3, 0.0)
"""Multipliers from which on agents are asked to slide, tried in this order."""

NOTHING = 1e-9
"""What is left of an action at the end of a slide, relative to its begin, that is taken for rounding."""

CONNECTION = 1e-12
"""Added to all derivatives, relative to the largest, so that the Perron vector is positive and unique."""

RISING = 1e-7
"""Derivative, in utility per action, above which the printed algorithm takes an outcome for improvable."""

LINEAR = 1e-10
"""Tolerance of the linear programmes."""


def by_elimination(game: PublicGoodsGame, outcome: Floats, levels: Levels, options: SolverOptions) -> Verdict:
    """Test core membership by elimination, with the repair.

    Parameters
    ----------
    game, outcome
        The economy, and the outcome a, shape (n,).
    levels
        The least gain and its band.
    options
        Solver of Program 3, limits and tolerance.

    Raises
    ------
    LimitReachedError
        When no bound of the deviations is found.
    SolveError
        When a solver returns no point.
    """
    try:
        start = find_start(game, outcome, levels.low)
    except UnboundedImprovementError as found:
        return without_limit(found, "elimination")
    had, rounds, sure = game.utilities.values(outcome), [start.point], True
    while coalition := tuple(np.flatnonzero(rounds[-1]).tolist()):
        best = best_deviation(game, outcome, coalition, rounds[-1], options)
        if best.least > levels.high:
            return _verdict(best, rounds, start.multipliers, len(rounds))
        low, high = (_slide(game, had, best, rounds[-1], level) for level in (levels.low, levels.high))
        if low is None:
            _refuse_unless_near(game, best, levels)
            sure = False
        bounds = high if low is None else low
        if bounds is None:
            break
        rounds.append(bounds)
    programs = len(rounds) - (not rounds[-1].any())
    return _verdict(None, rounds, start.multipliers, programs, in_core=True if sure else None)


def _verdict(
    best: BestDeviation | None,
    rounds: list[Floats],
    multipliers: Floats | None,
    programs: int,
    in_core: bool | None = False,
    method: str = "elimination",
) -> Verdict:
    """Return the verdict; ``best`` is the deviation of what was left of the coalition, None when nothing was."""
    coalition, deviation = ((), None) if best is None else (best.members, best.point)
    return Verdict(in_core, coalition, deviation, tuple(rounds), multipliers, method, programs)


def _refuse_unless_near(game: PublicGoodsGame, best: BestDeviation, levels: Levels) -> None:
    """Raise when a round failed although the least gain is not near eps: that is the solver's doing."""
    if best.bound < levels.low - levels.band or best.bound - best.least > levels.band:
        members = "+".join(game.agents[i] for i in best.members)
        raise NumericalError(
            f"the largest least gain of {members} is only known to be between {best.least:.9g} and {best.bound:.9g}: "
            "ask for a smaller tolerance, or use the method descent"
        )


def _slide(game: PublicGoodsGame, had: Floats, best: BestDeviation, upper: Floats, level: float) -> Floats | None:
    """Return the bounds at the end of a slide, for deviations with gains above the level; None without a proof.

    Multipliers near 0 are rounding of the solver; agents who have them are left where they are if need be.
    """
    proven = _bounded(best, level)
    for least in LEAST_MULTIPLIERS:
        moving = proven[best.multipliers[proven] >= least]
        if len(moving):
            begin, end = _way(best, upper, moving)
            if (_most_along(game, begin, end) - had <= level)[moving].all():
                return end
    return None


def _way(best: BestDeviation, upper: Floats, moving: Ints) -> tuple[Floats, Floats]:
    """Return the bounds at the begin of the slide of some agents, and at its end, where the first of them is at 0."""
    begin, z, lengths = upper.copy(), np.zeros(len(upper)), np.full(len(upper), np.inf)
    begin[moving] = best.point[moving]
    z[moving] = _direction(best.slopes[np.ix_(moving, moving)])
    lengths[moving] = best.point[moving] / z[moving]
    shortest = lengths.min()
    end = np.maximum(begin - shortest * z, 0.0)
    end[(end <= NOTHING * begin) | (lengths == shortest)] = 0.0
    return begin, end


def _bounded(best: BestDeviation, level: float) -> Ints:
    """Return K, those whose action in a deviation with gains above the level is proven not to exceed x."""
    below, weights = level - best.above, best.multipliers
    slack = best.excess + float(weights @ (np.maximum(-below, 0.0) + best.above - best.gains))
    found: Ints = np.flatnonzero(weights * below > slack)
    return found


def _direction(slopes: Floats) -> Floats:
    """Return z > 0 with J z = s z up to rounding, sum 1."""
    return perron_vector(slopes + CONNECTION * max(1.0, float(np.abs(slopes).max())))


def _most_along(game: PublicGoodsGame, begin: Floats, end: Floats) -> Floats:
    """Return upper bounds of the utilities between two points, shape (n,).

    Utilities are concave: between two nodes each lies below its tangents at both.
    """
    most = np.full(len(begin), -np.inf)
    for left, right in pairwise(NODES):
        (low, rise), (high, fall) = (_tangent(game, begin, end, node) for node in (left, right))
        with np.errstate(divide="ignore", invalid="ignore"):
            meeting = (high - low - fall * (right - left)) / (rise - fall)
        inside = np.where((rise > 0) & (fall < 0), low + rise * np.clip(meeting, 0.0, right - left), -np.inf)
        most = np.maximum.reduce([most, low, high, inside])
    return most


def _tangent(game: PublicGoodsGame, begin: Floats, end: Floats, part: float) -> tuple[Floats, Floats]:
    """Return utilities and their slopes at a part of the way from one point to another, shape (n,) each."""
    x = begin + part * (end - begin)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = supergradients(game.utilities, x)
    return game.utilities.values(x), slopes @ (end - begin)


# --- as printed -------------------------------------------------------------------------------------------------------


def by_elimination_as_printed(
    game: PublicGoodsGame, outcome: Floats, levels: Levels, options: SolverOptions, formulation: str = "max-min"
) -> Verdict:
    """Test core membership by the algorithm as printed, which errs.

    Programs 1 and 2 first; where they find an improvement, Program 3 for all agents says whether it is worth more than
    eps. Then Programs 3 and 4, between 0 and the bounds, the outcome being the first.

    Parameters
    ----------
    game, outcome, levels, options
        As for :func:`by_elimination`.
    formulation
        Program 4: ``"max-min"`` as printed, or ``"upward"``, which errs less often.

    Raises
    ------
    LimitReachedError, SolveError, ValueError
        As for :func:`by_elimination`; infinite slopes at the outcome are an error.
    """
    method, everybody = "elimination-as-printed", tuple(range(len(game)))
    if _improvable(game, outcome, options):
        try:
            start = find_start(game, outcome, levels.low)
        except UnboundedImprovementError as found:
            return without_limit(found, method)
        best = best_deviation(game, outcome, everybody, start.point, options)
        if best.least > levels.high:
            return _verdict(best, [start.point], start.multipliers, 3, method=method)
    rounds, near = [outcome], False
    while coalition := tuple(np.flatnonzero(rounds[-1]).tolist()):
        best = best_deviation(game, outcome, coalition, rounds[-1], options)
        if best.least > levels.high:
            return _verdict(best, rounds, None, 1 + 2 * len(rounds), method=method)
        near = near or best.least > levels.low
        rounds.append(_printed_slide(game, best, formulation, options))
    return _verdict(None, rounds, None, 2 * len(rounds), in_core=None if near else True, method=method)


def _improvable(game: PublicGoodsGame, outcome: Floats, options: SolverOptions) -> bool:
    """Tell whether Program 1 or Program 2 finds a direction in which all utilities rise."""
    can = {"up": bool((outcome < game.max_action).any()), "down": bool((outcome > 0).any())}
    for direction in (name for name, moves in can.items() if moves):
        model = pareto_improvement.build(game, outcome, direction)
        found = solve_model(model, options.replace(tolerance=min(options.tolerance, LINEAR)))
        if found.objective is not None and found.objective > RISING:
            return True
    return False


def _printed_slide(game: PublicGoodsGame, best: BestDeviation, formulation: str, options: SolverOptions) -> Floats:
    """Return the point at which the first action of the coalition reaches 0 along the direction of Program 4."""
    model = descent_direction.build(game, best.point, best.members, formulation)
    solve_model(model, options.replace(tolerance=min(options.tolerance, LINEAR)))
    speed = -descent_direction.direction(model, game)
    moving = np.flatnonzero(speed > LINEAR)
    lengths = best.point[moving] / speed[moving]
    end = np.maximum(best.point - float(lengths.min()) * speed, 0.0)
    end[moving[lengths.argmin()]] = 0.0
    return end
