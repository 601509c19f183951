"""Least total and best division over the unblocked set of a transferable-utility problem.

Both are read off the boxes {x >= low} of :mod:`breakaway.runners.verify.boxes`: the least total in a box is the sum
of its lower bounds; the best division of a worth w in it is x_i = max(low_i, d_i + gamma_i t) with t such that the
payoffs add up to w (water-filling).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from breakaway.runners.verify.boxes import Chains, Demands, Levels, Mask, Matrix, search


@dataclass(frozen=True, eq=False)
class Division:
    """A worth to be divided: lower bounds d, weights gamma, threats (threats x players, infinity = not a member).

    With ``chains`` only divisions with ascending payoffs are looked at, one for all renamings of identical players.
    """

    worth: float
    floor: Matrix
    weights: Matrix
    asked: Matrix
    chains: Chains = ()


def blocking_gain(asked: Matrix, x: Matrix) -> float:
    """Return the most by which some threat gives all of its members more than x; -infinity without threats."""
    return float((asked - x).min(axis=1).max()) if len(asked) else -np.inf


def log_product(x: Matrix, floor: Matrix, weights: Matrix, zero: float) -> Matrix:
    """Return sum of gamma_i log(x_i - d_i) for each row of x; -infinity when a net payoff is at most ``zero``."""
    net = x - floor
    positive = (net > zero).all(axis=-1)
    value = (weights * np.log(np.where(net > zero, net, 1.0))).sum(axis=-1)
    result: Matrix = np.where(positive, value, -np.inf)
    return result


def water_fill(low: Matrix, problem: Division) -> Matrix:
    """Return the best division of the worth in each box {x >= low}; the lower bounds when they exhaust the worth."""
    ratio = (low - problem.floor) / problem.weights
    order = np.argsort(ratio, axis=1)
    ratio = np.take_along_axis(ratio, order, axis=1)
    weight = problem.weights[order]
    fixed = (weight * ratio).sum(axis=1, keepdims=True) - np.cumsum(weight * ratio, axis=1)
    level = (problem.worth - problem.floor.sum() - fixed) / np.cumsum(weight, axis=1)
    last = np.where(level >= ratio, np.arange(ratio.shape[1]), 0).max(axis=1)
    height = level[np.arange(len(low)), last]
    filled: Matrix = np.maximum(low, problem.floor + problem.weights * height[:, None])
    return filled


@dataclass
class LeastTotal:
    """Judge for the least total: keeps boxes below the least total found so far, or below ``cap``."""

    cap: float
    margin: float
    best: float = np.inf

    def keep(self, low: Matrix) -> Mask:
        """Keep boxes whose lower bounds add up to less than what is known."""
        kept: Mask = low.sum(axis=1) <= self._most()
        return kept

    def room(self, low: Matrix) -> Matrix:
        """Return what is left up to the least total known."""
        left: Matrix = self._most() - low.sum(axis=1)
        return left

    def offer(self, low: Matrix, levels: Levels) -> None:
        """Record the least total among boxes that meet every threat."""
        if len(low):
            self.best = min(self.best, float(low.sum(axis=1).min()))

    def _most(self) -> float:
        return min(self.cap, self.best - self.margin)


@dataclass
class Sharing:
    """What judges of the divisions of one worth share: the problem, and what a box leaves of the worth."""

    problem: Division
    eps: float

    def room(self, low: Matrix) -> Matrix:
        """Return what is left of the worth."""
        left: Matrix = self.problem.worth + self.eps - low.sum(axis=1)
        return left


@dataclass
class BestDivisions(Sharing):
    """Judge for the maximisers: keeps boxes whose water-filled product comes within ``slack`` of the best known."""

    slack: float
    best: float = -np.inf
    found: list[Matrix] = field(default_factory=list)
    values: list[Matrix] = field(default_factory=list)

    def keep(self, low: Matrix) -> Mask:
        """Keep affordable boxes that may hold a maximiser."""
        kept: Mask = self.room(low) >= 0
        if np.isfinite(self.best):
            kept[kept] = self._value(water_fill(low[kept], self.problem)) >= self.best - self.slack
        return kept

    def offer(self, low: Matrix, levels: Levels) -> None:
        """Record the best division in boxes that meet every threat."""
        if not len(low):
            return
        x = water_fill(low, self.problem)
        value = self._value(x)
        self.best = max(self.best, float(value.max()))
        near = value >= self.best - self.slack
        self.found.append(x[near])
        self.values.append(value[near])

    def candidates(self) -> tuple[Matrix, Matrix]:
        """Return the divisions found (rows) and how far the logarithm of each product is below the best."""
        if not self.found:
            return np.empty((0, len(self.problem.floor))), np.empty(0)
        x, value = np.concatenate(self.found), np.concatenate(self.values)
        below = np.zeros(len(value)) if np.isneginf(self.best) else self.best - value
        near = below <= self.slack
        return x[near], below[near]

    def _value(self, x: Matrix) -> Matrix:
        return log_product(x, self.problem.floor, self.problem.weights, self.eps)


def least_total(problem: Demands, guess: float, margin: float, effort: float) -> float | None:
    """Return the least total of a division that meets every threat, infinity if there is none.

    ``guess`` is a total to start from; when nothing is found up to it, the search starts again without it. None when
    the effort does not suffice.
    """
    for cap in (guess + margin, np.inf):
        judge = LeastTotal(cap, margin / 2)
        if not search(problem, judge, effort):
            return None
        if np.isfinite(judge.best):
            return judge.best
    return np.inf
