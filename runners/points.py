"""Exact solution of a game with finitely many feasible allocations: look at each of them.

The unblocked set of a finite F is found by comparing every point with every threat; the coalitional Nash solutions are
the unblocked points of greatest Nash product.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import members
from breakaway.data.games import Points, ThreatGame
from breakaway.runners.division import Division
from breakaway.runners.search import TIE, Clause


def unblocked_points(game: ThreatGame, eps: float) -> list[int]:
    """Return the numbers of the points with x >= d that no threat blocks.

    A threat (T, y) blocks x when y_i > x_i + eps for every i in T.

    Raises
    ------
    ValueError
        When the feasible set is not a list of points.
    """
    allocations = point_array(game)
    free = (allocations >= np.array(game.players.disagreement) - eps).all(axis=1)
    for threat in game.threats:
        inside = allocations[:, members(threat.coalition)]
        free &= ~(np.array(threat.payoffs) > inside + eps).all(axis=1)
    return [int(k) for k in np.flatnonzero(free)]


def point_array(game: ThreatGame) -> NDArray[np.float64]:
    """Return the feasible allocations, shape (points, players)."""
    if not isinstance(game.feasible, Points):
        raise ValueError(
            "the feasible set is not a list of points; use solve_general, or divide_exactly for a total worth"
        )
    return np.array(game.feasible.payoffs, dtype=float).reshape(-1, len(game.players))


def solve_points(game: ThreatGame, eps: float) -> Division:
    """Return all coalitional Nash solutions of a game with a finite feasible set.

    The answer has the form of a division; its ``required`` is NaN, for a finite set has no required worth. When the
    best product is zero, every unblocked point is a solution.

    Raises
    ------
    ValueError
        When the feasible set is not a list of points.
    """
    allocations = point_array(game)
    free = unblocked_points(game, eps)
    return best_points(game, [allocations[k] for k in free], eps)


def best_points(game: ThreatGame, allocations: list[NDArray[np.float64]], eps: float) -> Division:
    """Return the best of some unblocked allocations, all ties listed in ascending order and without repetitions."""
    if not allocations:
        return Division(math.nan, False, (), -math.inf, -math.inf)
    values = [point_value(game, x, eps) for x in allocations]
    best = max(values)
    kept = sorted({tuple(map(float, x)) for x, own in zip(allocations, values, strict=True) if own >= best - TIE})
    solutions: tuple[Clause, ...] = tuple(tuple(enumerate(x)) for x in kept)
    return Division(math.nan, True, solutions, best, best, len(allocations), zero_product=best == -math.inf)


def point_value(game: ThreatGame, x: NDArray[np.float64], eps: float) -> float:
    """Return sum of gamma_i log(x_i - d_i); -inf when a net payoff is at most eps."""
    net = x - np.array(game.players.disagreement)
    return float(np.array(game.players.weights) @ np.log(net)) if net.min() > eps else -math.inf
