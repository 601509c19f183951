"""The largest product of what players get above some point: the one step that several concepts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from breakaway.data.games import FeasibleSet, Players, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.runners.coalitional_nash import divide_game, method_that_applies
from breakaway.runners.concepts.question import Found, Question
from breakaway.runners.division import Division

Vector = NDArray[np.float64]

NEARLY_TIGHT = 1e-4
"""A row this close to its bound, relative to its size, is taken to be tight, unless its price turns out negative."""

ROUNDING = 1e-13
"""Error of a row, relative to its size."""

TINY = 1e-300
MOST_STEPS = 8


def feasible_set(question: Question) -> FeasibleSet:
    """Return what all players can reach together, F."""
    game = question.game
    return game.feasible if isinstance(game, ThreatGame) else TotalWorth(question.worth)


def shifted_game(question: Question, least: Sequence[float], threats: Sequence[Threat] = ()) -> ThreatGame:
    """Return the game (F, threats, least): payoffs count from ``least``, whatever the disagreement payoffs are."""
    players = Players(question.players.names, tuple(map(float, question.weights)), tuple(map(float, least)))
    return ThreatGame(players, feasible_set(question), tuple(threats))


def best_above(question: Question, least: Sequence[float], threats: Sequence[Threat] = ()) -> Division:
    """Maximise the product of (x_i - least_i)^gamma_i over all x >= least in F that no threat blocks.

    The point ``least`` is a computed number, so the division is made in floating point also when fractions are asked
    for.
    """
    game = shifted_game(question, least, threats)
    division = divide_game(game, method_that_applies(game, replace(question.how, rational=False)))
    if isinstance(game.feasible, Polyhedron) and not threats and division.viable and not division.zero_product:
        (solution,) = division.solutions
        x = polished(game, game.feasible, np.array([float(payoff) for _, payoff in solution]))
        return replace(division, solutions=(tuple(enumerate(map(float, x))),))
    return division


def polished(game: ThreatGame, rows: Polyhedron, x: Vector) -> Vector:
    """Return the largest product in a polyhedron to full accuracy, from a solution of an interior point method.

    At the optimum x_i = d_i + gamma_i / (A' y)_i with prices y > 0 of the rows that are tight. Newton's method on
    "tight rows hold with equality" finds the prices; where it does not improve on x, x is returned.
    """
    d, weights = np.array(game.players.disagreement), np.array(game.players.weights)
    matrix, bounds = np.array(rows.coefficients), np.array(rows.bounds)
    size = np.abs(matrix) @ np.abs(x) + np.abs(bounds) + TINY
    tight = bounds - matrix @ x <= NEARLY_TIGHT * size
    held, limit = matrix[tight], bounds[tight]
    prices = np.linalg.lstsq(held.T, weights / (x - d), rcond=None)[0]
    for _ in range(MOST_STEPS):
        slope = held.T @ prices
        if slope.min() <= 0:
            return x
        gap = held @ (d + weights / slope) - limit
        prices = prices + np.linalg.lstsq((held * (weights / slope**2)) @ held.T, gap, rcond=None)[0]
    slope = held.T @ prices
    if slope.min() <= 0 or prices.min() < 0:
        return x
    better = d + weights / slope
    near = float(np.abs(better - x).max()) <= NEARLY_TIGHT * float(size.max())
    return better if near and bool((matrix @ better <= bounds + ROUNDING * size).all()) else x


def found_of(division: Division, zero_note: str = "") -> Found:
    """Return the solutions of a division; ``zero_note`` is said when the best product is zero."""
    payoffs = tuple(tuple(float(x) for _, x in solution) for solution in division.solutions)
    if division.zero_product:
        return Found(payoffs, complete=division.complete, note=zero_note)
    return Found(payoffs, complete=division.complete, value=division.log_product, bound=division.bound)
