"""Division problems in rational arithmetic: the same boxes, with sums, water levels and products as fractions.

The search for boxes runs in floating point with a margin far wider than its rounding, on levels that are ranks of
exact payoffs; only boxes close to the best are then evaluated exactly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm, prod

import numpy as np

from breakaway.runners.verify.boxes import NOBODY, Demands, Judge, Levels, Mask, Matrix, search
from breakaway.runners.verify.optimum import BestDivisions, Division, LeastTotal, log_product, water_fill

Exact = tuple[Fraction, ...]

MARGIN = 1e-7
"""Boxes this close to the best one (relative to the largest payoff) are evaluated exactly."""

HIGHEST_POWER = 300
"""Products with larger exponents than this are compared in floating point."""


def exact(value: float) -> Fraction:
    """Return the number that a decimal stands for: 0.1 is one tenth."""
    return Fraction(repr(float(value)))


@dataclass(frozen=True)
class ExactDivision:
    """A worth to be divided; each of ``threats`` maps members (by position) to their exact threat payoffs."""

    worth: Fraction
    floor: Exact
    weights: Exact
    threats: list[dict[int, Fraction]]

    def solve(self) -> tuple[Fraction, list[Exact]]:
        """Return the required worth and all maximisers; no maximisers when the worth does not suffice."""
        values, problem = self._demands()
        margin = MARGIN * max(1e-300, *(abs(float(v)) for row in values for v in row), abs(float(self.worth)))
        least = _collect(problem, LeastTotal(np.inf, -margin))
        required = min(sum(low, Fraction(0)) for low in _boxes(values, least))
        if required > self.worth:
            return required, []
        return required, self._best(values, problem, margin)

    def _demands(self) -> tuple[list[list[Fraction]], Demands]:
        """Rank the exact payoffs; threats that give a member no more than disagreement never block."""
        blocking = [t for t in self.threats if all(y > self.floor[i] for i, y in t.items())]
        values = [sorted({d, *(t[i] for t in blocking if i in t)}) for i, d in enumerate(self.floor)]
        needed = np.full((len(blocking), len(self.floor)), NOBODY, dtype=np.int32)
        for row, threat in zip(needed, blocking, strict=True):
            for i, y in threat.items():
                row[i] = bisect_left(values[i], y)
        return values, Demands.of(needed, tuple(np.array([float(v) for v in row]) for row in values))

    def _best(self, values: list[list[Fraction]], problem: Demands, margin: float) -> list[Exact]:
        floor, weights = np.array(self.floor, dtype=float), np.array(self.weights, dtype=float)
        division = Division(float(self.worth), floor, weights, np.empty((0, len(floor))))
        levels = _collect(problem, BestDivisions(division, margin, slack=MARGIN))
        product = log_product(water_fill(problem.payoffs(levels), division), floor, weights, margin)
        near = levels[product >= product.max() - MARGIN]
        affordable = [low for low in _boxes(values, near) if sum(low) <= self.worth]
        divisions = {self._water_fill(low) for low in affordable}
        score = {x: self._product(x) for x in divisions}
        return sorted(x for x in divisions if score[x] == max(score.values()))

    def _water_fill(self, low: Exact) -> Exact:
        """Return x_i = max(low_i, d_i + gamma_i t) with t such that the payoffs add up to the worth."""
        order = sorted(range(len(low)), key=lambda i: (low[i] - self.floor[i]) / self.weights[i])
        left = self.worth - sum(low)
        height, filled = Fraction(0), Fraction(0)
        for k, i in enumerate(order):
            ratio = (low[i] - self.floor[i]) / self.weights[i]
            if k and (ratio - height) * filled > left:
                break
            left -= (ratio - height) * filled
            height = ratio
            filled += self.weights[i]
        height += left / filled
        return tuple(max(b, d + w * height) for b, d, w in zip(low, self.floor, self.weights, strict=True))

    def _product(self, x: Exact) -> Fraction | float:
        whole = lcm(*(weight.denominator for weight in self.weights))
        powers = [int(weight * whole) for weight in self.weights]
        net = [value - d for value, d in zip(x, self.floor, strict=True)]
        if sum(powers) <= HIGHEST_POWER:
            return prod((value**power for value, power in zip(net, powers, strict=True)), start=Fraction(1))
        logs = [
            float(w) * float(np.log(float(v))) if v > 0 else -np.inf for w, v in zip(self.weights, net, strict=True)
        ]
        return round(sum(logs), 10)


@dataclass
class _Collector:
    """Judge that remembers the levels of every box offered to another judge."""

    judge: Judge
    levels: list[Levels] = field(default_factory=list)

    def keep(self, low: Matrix) -> Mask:
        return self.judge.keep(low)

    def room(self, low: Matrix) -> Matrix:
        return self.judge.room(low)

    def offer(self, low: Matrix, levels: Levels) -> None:
        self.judge.offer(low, levels)
        self.levels.append(levels)


def _collect(problem: Demands, judge: Judge) -> Levels:
    collector = _Collector(judge)
    search(problem, collector, np.inf)
    return np.concatenate(collector.levels)


def _boxes(values: Sequence[Sequence[Fraction]], levels: Levels) -> list[Exact]:
    return [tuple(values[i][k] for i, k in enumerate(row)) for row in np.unique(levels, axis=0).tolist()]
