"""How far all players can come together on the way from disagreement to a target: boxes, points, and the models.

The ratio of player i at x is (x_i - d_i) / (m_i - d_i) for a target m. The Kalai-Smorodinsky solution maximises ratios
in the lexicographic order (ideal payoffs as the target); the number beta of Example 1 is the largest common ratio (mean
threats as the target), at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakaway.data.games import Points, Polyhedron, ThreatGame, TotalWorth
from breakaway.models import kalai_smorodinsky
from breakaway.runners.choices import Choices, choices_of
from breakaway.runners.concepts.question import Question, UndefinedError
from breakaway.runners.points import point_array, unblocked_points
from breakaway.runners.search import water_filling
from breakaway.runners.solvers import InfeasibleError, SolverOptions, solve_model
from breakaway.runners.threat_game import block_problem

Vector = NDArray[np.float64]

TIE = 1e-9
"""Ratios that differ by no more are the same."""

TRUST = 1e-7
"""A solver's bound on a ratio is trusted to this accuracy."""


def ratios(x: Vector, d: Vector, target: Vector, eps: float) -> Vector:
    """Return the ratios of the players with m_i > d_i + eps, in ascending order; empty when there are none."""
    way = target - d
    counts = way > eps
    found: Vector = np.sort((x[counts] - d[counts]) / way[counts])
    return found


def fill_box(lower: Vector, d: Vector, target: Vector, worth: float, eps: float) -> Vector:
    """Return the allocation of {x >= lower, sum of x <= worth} whose ratios are best in the lexicographic order.

    It is x_i = max(lower_i, d_i + t (m_i - d_i)), with t from the budget; players without a way to go stay at their
    lower bounds.
    """
    way = target - d
    on_their_way = [i for i in range(len(d)) if way[i] > eps]
    x = lower.copy()
    if not on_their_way:
        return x
    budget = worth - float(sum(d[i] if i in on_their_way else lower[i] for i in range(len(d))))
    share, _ = water_filling(on_their_way, list(way), list(np.maximum(lower - d, 0.0)), max(budget, 0.0))
    for i in on_their_way:
        x[i] = max(lower[i], d[i] + share[i])
    return x


def lexicographic_best(allocations: Sequence[Vector], d: Vector, target: Vector, eps: float) -> list[Vector]:
    """Return the allocations whose ascending ratios are best in the lexicographic order, ties included."""
    kept = list(allocations)
    table = np.array([ratios(x, d, target, eps) for x in kept]).reshape(len(kept), -1)
    for column in range(table.shape[1]):
        near = table[:, column] >= table[:, column].max() - TIE
        kept = [x for x, stays in zip(kept, near, strict=True) if stays]
        table = table[near]
    return kept


def distinct(allocations: Sequence[Vector], eps: float) -> list[Vector]:
    """Return allocations in ascending order, those within ten times eps of another left out."""
    found: list[Vector] = []
    for x in sorted(allocations, key=lambda one: tuple(np.round(one / (10 * eps)))):
        if all(np.abs(x - other).max() > 10 * eps for other in found):
            found.append(x)
    return found


# --- the unblocked set, for each sort of feasible set ---------------------------------------------------------------


def free_points(question: Question) -> list[Vector]:
    """Return the unblocked points with x >= d.

    Raises
    ------
    UndefinedError
        When the feasible set is not a list of points.
    """
    game = question.threat_game
    if not isinstance(game.feasible, Points):
        raise UndefinedError("is computed where all share a total worth or choose from a list of points")
    table = point_array(game)
    return [table[k] for k in unblocked_points(game, question.eps)]


def boxes(question: Question) -> list[Vector]:
    """Return the lower bounds of the boxes that make up the unblocked set of a total worth."""
    rows = [np.array(bound, dtype=float) for bound in question.bounds]
    return [row for row in rows if float(row.sum()) <= question.worth + question.eps]


def ideal_payoffs(question: Question) -> Vector | None:
    """Return the largest payoff of every player in the unblocked set; None when it is empty.

    Raises
    ------
    UndefinedError
        When the feasible set is neither a total worth nor a list of points.
    """
    if not isinstance(question.threat_game.feasible, TotalWorth):
        free = free_points(question)
        return np.array(free).max(axis=0) if free else None
    if question.how.method == "model":
        return _ideal_by_models(question)
    tops = [lower + max(question.worth - float(lower.sum()), 0.0) for lower in boxes(question)]
    return np.array(tops).max(axis=0) if tops else None


def candidates(question: Question, target: Vector) -> list[Vector]:
    """Return allocations among which are all with the best ratios: one for each box, or the unblocked points."""
    if not isinstance(question.threat_game.feasible, TotalWorth):
        return free_points(question)
    if question.how.method == "model":
        return _candidates_by_models(question, target)
    d, worth, eps = question.disagreement, question.worth, question.eps
    return [fill_box(lower, d, target, worth, eps) for lower in boxes(question)]


# --- the models -----------------------------------------------------------------------------------------------------


def _scaled(question: Question) -> tuple[Choices, ThreatGame]:
    """Return the choices of levels, and the game that the models see: net payoffs, one scale."""
    choices = choices_of(block_problem(question.threat_game, question.eps))
    return choices, choices.game(TotalWorth(float(choices.budget / choices.scale)))


def _solved(model: Any, options: SolverOptions) -> float | None:
    """Solve by HiGHS; return the proven bound, None when there is no solution."""
    try:
        return float(solve_model(model, options, solver="highs").bound)
    except InfeasibleError:
        return None


def _lower(choices: Choices, model: Any, *, without: int | None = None) -> Vector:
    """Return the net lower bounds that a model has chosen, none raised in vain; ``without`` leaves one player out."""
    numbers = choices.numbers(kalai_smorodinsky.chosen_levels(model))
    kept = {i: k for i, k in numbers.items() if i != without}
    return np.array([float(x) for x in choices.lower_bounds(kept)])


def _ideal_by_models(question: Question) -> Vector | None:
    """Maximise each payoff over the unblocked set; what the levels of the others leave is evaluated exactly."""
    choices, game = _scaled(question)
    tops = []
    for i in range(len(question.players)):
        model = kalai_smorodinsky.build(game, "ideal_payoff", player=str(i))
        if _solved(model, question.how.options) is None:
            return None
        others = _lower(choices, model, without=i)
        tops.append(question.disagreement[i] + max(float(choices.budget) - float(others.sum()), 0.0))
    return np.array(tops)


def _candidates_by_models(question: Question, target: Vector) -> list[Vector]:
    """Return the best allocation of every box whose common ratio is largest.

    Steps: 1. maximise the common ratio; 2. take the best allocation under the levels chosen, in closed form; 3. give up
    one of the levels that hold somebody above the common level, which excludes nothing better; repeat until the bound
    falls below the best ratio.
    """
    d, eps = question.disagreement, question.eps
    choices, game = _scaled(question)
    way = np.where(target - d > eps, target - d, 0.0)
    if not way.any():
        return [d.copy()]
    aims = {str(i): float(way[i] / choices.scale) for i in range(len(d))}
    model = kalai_smorodinsky.build(game, target=aims, cap=1.0)
    found: list[Vector] = []
    best = -math.inf
    while (bound := _solved(model, question.how.options)) is not None and bound >= best - TRUST:
        numbers = choices.reduced(choices.numbers(kalai_smorodinsky.chosen_levels(model)))
        lower = d + np.array([float(x) for x in choices.lower_bounds(numbers)])
        x = fill_box(lower, d, target, question.worth, eps)
        found.append(x)
        own = ratios(x, d, target, eps)[0]
        best = max(best, own)
        level = max(own, 0.0)
        binding = {i: k for i, k in numbers.items() if lower[i] > d[i] + way[i] * level * (1.0 + TIE)}
        if not binding:
            break
        kalai_smorodinsky.give_up(model, choices.named(binding))
    return found


def largest_common_ratio(question: Question, target: Vector) -> float | None:
    """Return the largest r <= 1 such that some unblocked x has x >= d + r (m - d); None when nothing is unblocked.

    Raises
    ------
    UndefinedError
        For a convex set, or a polyhedron in which r < 1.
    """
    d, eps = question.disagreement, question.eps
    if isinstance(question.threat_game.feasible, Polyhedron):
        return _ratio_in_polyhedron(question, target)
    found = candidates(question, target)
    if not found:
        return None
    if not (target - d > eps).any():
        return 1.0
    return float(min(1.0, max(ratios(x, d, target, eps)[0] for x in found)))


def _ratio_in_polyhedron(question: Question, target: Vector) -> float | None:
    """Maximise the common ratio by the model; where it is below 1 the best product is zero, and nothing is listed."""
    game, way = question.threat_game, target - question.disagreement
    if not (way > question.eps).any():
        return 1.0
    aims = dict(zip(game.players.names, map(float, target), strict=True))
    ratio = _solved(kalai_smorodinsky.build(game, target=aims, cap=1.0), question.how.options)
    if ratio is not None and ratio < 1.0 - TRUST:
        raise UndefinedError(
            f"subtracts {ratio:.6g} of the mean threats, where every product is zero: in a polyhedron that leaves a "
            "set too large to list"
        )
    return ratio
