"""Recompute the naive problem of Theorem 2 by dynamic programming over coalitions, and all maximisers by its bound.

Written from (33) alone. With the same weights in every coalition, T's unconstrained Nash division gives all its members
the same a(T) = (v(T) - d(T)) / gamma(T) per unit of weight. Let B(R) be the largest a(T) inside R, 0 at least. Whoever
has most in R must have B(R), so that the least total for R is

    H(R) = min over i in R of gamma_i B(R) + H(R - i),

and at a price mu of money the best that R can do, net of what it pays, is, with g(u) = log u - mu u,

    G(R) = gamma(R) g(1 / mu)                                       if B(R) <= 1 / mu,
    G(R) = max over i in R of gamma_i g(B(R)) + G(R - i)            otherwise.

Value so far + mu x money left + G(R) bounds every division that a chain of such steps can still lead to, at any price.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import CharacteristicFunctionGame
from breakaway.runners.verify.boxes import Matrix

TINY = 1e-12
"""Levels and money that differ by no more, relative to the largest, are taken as equal."""

MOST_STEPS = 1_000_000
"""Most chains that are followed."""


def layers(n: int) -> Iterator[np.ndarray]:
    """Yield the coalitions of n players, size by size, as bitmasks."""
    masks = np.arange(1, 1 << n, dtype=np.int64)
    size = np.zeros(len(masks), dtype=np.int64)
    for i in range(n):
        size += masks >> i & 1
    for k in range(1, n + 1):
        yield masks[size == k]


@dataclass
class NaiveProblem:
    """Levels a(T) and B(R), and least totals, by bitmask; ``proper`` is B(S) from strict subcoalitions alone."""

    game: CharacteristicFunctionGame
    weights: Matrix = field(init=False)
    floor: Matrix = field(init=False)
    own: Matrix = field(init=False)
    most: Matrix = field(init=False)
    proper: Matrix = field(init=False)
    least: Matrix = field(init=False)
    mass: Matrix = field(init=False)

    def __post_init__(self) -> None:
        """Tabulate by size: everything about R follows from the coalitions R - i."""
        players, n = self.game.players, len(self.game.players)
        self.weights, self.floor = np.array(players.weights), np.array(players.disagreement)
        self.own, self.most, self.proper, self.least, self.mass = (np.zeros(1 << n) for _ in range(5))
        worth = np.array([0.0, *(self.game.worths[s] for s in range(1, 1 << n))])
        for layer in layers(n):
            total = self._sum_over(layer, self.floor)
            self.mass[layer] = self._sum_over(layer, self.weights)
            self.own[layer] = np.maximum((worth[layer] - total) / self.mass[layer], 0.0)
            self.proper[layer] = self._best_over(layer, lambda i, rest: self.most[rest])
            self.most[layer] = np.maximum(self.own[layer], self.proper[layer])
            self.least[layer] = self._least_from(layer, self.most[layer])

    @staticmethod
    def _sum_over(layer: np.ndarray, values: Matrix) -> Matrix:
        total = np.zeros(len(layer))
        for i, value in enumerate(values):
            total += np.where(layer >> i & 1, value, 0.0)
        return total

    def _best_over(self, layer: np.ndarray, value: Callable[[int, np.ndarray], Matrix]) -> Matrix:
        """Return the largest of value(i, R - i) over the members i of every coalition R."""
        best = np.full(len(layer), -np.inf)
        for i in range(len(self.weights)):
            rows = np.flatnonzero(layer >> i & 1)
            best[rows] = np.maximum(best[rows], value(i, layer[rows] - (1 << i)))
        return best

    def _least_from(self, layer: np.ndarray, level: Matrix) -> Matrix:
        best = np.full(len(layer), np.inf)
        for i, weight in enumerate(self.weights):
            rows = np.flatnonzero(layer >> i & 1)
            best[rows] = np.minimum(best[rows], weight * level[rows] + self.least[layer[rows] - (1 << i)])
        return best

    def required(self) -> Matrix:
        """Return the least unblocked total of every coalition, by bitmask; of a player alone no more than its worth."""
        total = np.zeros(len(self.least))
        for layer in layers(len(self.weights)):
            total[layer] = self._sum_over(layer, self.floor) + self._least_from(layer, self.proper[layer])
        single = 1 << np.arange(len(self.weights))
        total[single] = np.minimum(total[single], [self.game.worths[int(s)] for s in single])
        return total

    def largest_gain(self, x: Matrix) -> float:
        """Return the most by which psi(T) gives every member of some T more than x, T not everybody; 0 if none does."""
        per_weight = (x - self.floor) / self.weights
        highest = np.full(len(self.own), -np.inf)
        for i, value in enumerate(per_weight):
            highest[1 << i : 2 << i] = np.maximum(highest[: 1 << i], value)
        suspects = np.flatnonzero((self.own > highest)[1:-1]) + 1
        gains = (float(((self.own[t] - per_weight) * self.weights)[list(members(int(t)))].min()) for t in suspects)
        return max(gains, default=0.0)


@dataclass
class Chains:
    """All divisions of a worth that are as good as ``target`` and come from chains, found by the bound at a price."""

    problem: NaiveProblem
    budget: float
    eps: float
    price: float
    target: float
    value: Matrix = field(init=False)
    steps: int = 0

    def __post_init__(self) -> None:
        """Tabulate G at the price."""
        problem, free = self.problem, -math.log(self.price) - 1
        self.value = problem.mass * free
        for layer in layers(len(problem.weights)):
            high = layer[problem.most[layer] * self.price > 1]
            if len(high):
                gain = np.log(problem.most[high]) - self.price * problem.most[high]
                self.value[high] = self._best_after(high, gain)

    def _best_after(self, layer: np.ndarray, gain: Matrix) -> Matrix:
        best = np.full(len(layer), -np.inf)
        for i, weight in enumerate(self.problem.weights):
            rows = np.flatnonzero(layer >> i & 1)
            best[rows] = np.maximum(best[rows], weight * gain[rows] + self.value[layer[rows] - (1 << i)])
        return best

    def best_divisions(self) -> list[Matrix] | None:
        """Return the divisions, net of disagreement; None when too many chains would have to be followed."""
        found: list[Matrix] = []
        everyone = len(self.value) - 1
        stack = [(everyone, self.budget, 0.0, np.zeros(len(self.problem.weights)))]
        seen: set[bytes] = set()
        while stack:
            rest, left, value, paid = stack.pop()
            key = rest.to_bytes(4, "little") + paid.tobytes()
            if key in seen:
                continue
            seen.add(key)
            self.steps += 1
            if self.steps > MOST_STEPS:
                return None
            level = self.level(rest)
            if self._shared(rest, left, level):
                found.append(self._share(rest, left, paid))
            else:
                stack += self._onwards(rest, left, value, paid)
        return found

    def level(self, rest: Coalition) -> float:
        """Return what some member of R must have; everybody together does not threaten itself."""
        table = self.problem.proper if rest == len(self.value) - 1 else self.problem.most
        return float(table[rest])

    def _shared(self, rest: Coalition, left: float, level: float) -> bool:
        room = TINY * (self.budget + level)
        return not rest or left + room >= level * float(self.problem.mass[rest])

    def _share(self, rest: Coalition, left: float, paid: Matrix) -> Matrix:
        result = paid.copy()
        for i in members(rest):
            result[i] = self.problem.weights[i] * max(left, 0.0) / float(self.problem.mass[rest])
        return result

    def _onwards(
        self, rest: Coalition, left: float, value: float, paid: Matrix
    ) -> Iterator[tuple[Coalition, float, float, Matrix]]:
        """Yield the steps of the members of one smallest threat that attains the level."""
        level = self.level(rest)
        for i in members(self._threat(rest, level)):
            weight = float(self.problem.weights[i])
            after, money = rest - (1 << i), left - weight * level
            if float(self.problem.least[after]) > money + self.eps:
                continue
            gained = value + weight * math.log(weight * level) if level > 0 else -math.inf
            if self._bound(after, money, gained) >= self.target:
                more = paid.copy()
                more[i] = weight * level
                yield after, money, gained, more

    def _bound(self, rest: Coalition, money: float, value: float) -> float:
        if math.isinf(self.target):
            return math.inf
        constant = sum(float(self.problem.weights[i]) * math.log(self.problem.weights[i]) for i in members(rest))
        return value + self.price * max(money, 0.0) + float(self.value[rest]) + constant

    def _threat(self, rest: Coalition, level: float) -> Coalition:
        """Leave out members as long as the level stays."""
        same = level * (1 - TINY)
        threat = rest
        if rest == len(self.value) - 1:
            threat = max((rest - (1 << i) for i in members(rest)), key=lambda r: float(self.problem.most[r]))
        for i in members(threat):
            without = threat & ~(1 << i)
            if without and float(self.problem.most[without]) >= same:
                threat = without
        return threat
