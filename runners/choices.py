"""Who meets which threat: the discrete side of a division, between exact numbers and the models' floats.

A model decides how far each player is raised: to level 0 (nothing beyond disagreement) or to one of the payoffs that
threats offer the player. The models see payoffs net of disagreement and divided by one scale, so that solver
tolerances mean the same in every game; what they choose is turned back here into the exact numbers of the problem
(floats or fractions), and checked against the threats themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from breakaway.data.coalitions import coalition_of
from breakaway.data.games import FeasibleSet, Players, Threat, ThreatGame
from breakaway.runners.cover import essential
from breakaway.runners.division import BlockProblem
from breakaway.runners.search import NO_FOLLOWER, Number, water_filling

LevelNumbers = dict[int, int]
"""The level number of every position that is raised; the others stay at level 0."""


@dataclass(frozen=True, slots=True)
class Choices:
    """A block problem as choices of levels.

    ``levels[i]`` lists the distinct net payoffs that matter to position i, ascending, the first 0; payoffs of one
    position within the tolerance are one level. ``clauses`` are the essential threats as pairs (position, level
    number).
    """

    problem: BlockProblem
    levels: Mapping[int, tuple[Number, ...]]
    clauses: tuple[tuple[tuple[int, int], ...], ...]
    budget: Number
    scale: float
    weight_scale: float

    @property
    def log_scale(self) -> float:
        """What the log of the Nash product gains when payoffs are multiplied by the scale, in the problem's weights."""
        return math.log(self.scale) * sum(float(self.problem.weights[i]) for i in self.problem.positions)

    def value(self, model_value: float) -> float:
        """Turn the objective of a model, a log of the scaled product, into the log of the product."""
        return model_value * self.weight_scale + self.log_scale

    def model_level(self, i: int, number: int) -> float:
        """Return a level as the models see it."""
        return float(self.levels[i][number] / self.scale) if number else 0.0

    def lower_bounds(self, numbers: LevelNumbers) -> list[Number]:
        """Return the net lower bound of every position; what is given to one of a chain, later ones have as well."""
        lower: list[Number] = [0 * w for w in self.problem.weights]
        for start, number in numbers.items():
            level = self.levels[start][number]
            for i in chain(start, self.problem.follower):
                lower[i] = max(lower[i], level)
        return lower

    def total(self, lower: Sequence[Number]) -> Number:
        """Return the sum of the lower bounds of the positions that take part."""
        return sum((lower[i] for i in self.problem.positions), start=0 * self.budget)

    def unmet(self, lower: Sequence[Number]) -> list[tuple[tuple[int, int], ...]]:
        """Return the clauses that lower bounds (or payoffs) leave open."""
        eps = self.problem.eps
        return [c for c in self.clauses if all(lower[i] < self.levels[i][k] - eps for i, k in c)]

    def reduced(self, numbers: LevelNumbers) -> LevelNumbers:
        """Lower every level as far as the clauses allow, the dearest per weight first; None is raised in vain."""
        current = {i: k for i, k in numbers.items() if k}
        weights = self.problem.weights
        for i in sorted(current, key=lambda i: -float(self.levels[i][current[i]]) / float(weights[i])):
            for number in range(current[i]):
                trial = {**current, i: number}
                if not self.unmet(self.lower_bounds(trial)):
                    current = trial
                    break
        return {i: k for i, k in current.items() if k}

    def completed(self, numbers: LevelNumbers) -> LevelNumbers:
        """Meet the clauses that are open: by what players get anyway, else by the cheapest member."""
        problem = self.problem
        current = dict(numbers)
        while True:
            lower = self.lower_bounds(current)
            open_clauses = self.unmet(lower)
            if not open_clauses:
                return current
            share, _ = water_filling(problem.positions, problem.weights, lower, self.budget)
            i, k = min(
                open_clauses[0],
                key=lambda literal: float(self.levels[literal[0]][literal[1]]) - float(share[literal[0]]),
            )
            current[i] = k

    def game(self, feasible: FeasibleSet) -> ThreatGame:
        """Return the game that the models see: positions as players, scaled net payoffs, d = 0."""
        problem = self.problem
        names = [str(i) for i in problem.positions]
        weights = [float(problem.weights[i]) / self.weight_scale for i in problem.positions]
        index = {i: k for k, i in enumerate(problem.positions)}
        threats = []
        for number, clause in enumerate(self.clauses, start=1):
            payoffs = tuple(self.model_level(i, k) for i, k in clause)
            threats.append(Threat(f"t{number}", coalition_of(index[i] for i, _ in clause), payoffs))
        return ThreatGame(Players.of(names, weights), feasible, tuple(threats))

    def identical(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of identical players that follow one another, by name."""
        follower = self.problem.follower
        if follower is None:
            return ()
        inside = set(self.problem.positions)
        return tuple((str(i), str(follower[i])) for i in self.problem.positions if follower[i] in inside)

    def numbers(self, chosen: Mapping[str, float]) -> LevelNumbers:
        """Turn the levels that a model has chosen into level numbers."""
        found = {}
        for name, level in chosen.items():
            i = int(name)
            number = max(k for k in range(len(self.levels[i])) if self.model_level(i, k) <= level)
            if number:
                found[i] = number
        return found

    def named(self, numbers: LevelNumbers) -> dict[str, float]:
        """Turn level numbers into levels as the models see them, by name."""
        return {str(i): self.model_level(i, k) for i, k in numbers.items()}


def chain(start: int, follower: Sequence[int] | None) -> Iterable[int]:
    """Yield a position and those that follow it in its chain of identical players."""
    i = start
    while i != NO_FOLLOWER:
        yield i
        i = follower[i] if follower else NO_FOLLOWER


def choices_of(problem: BlockProblem, scale: float | None = None) -> Choices:
    """Turn the threats of a block problem into choices of levels.

    ``scale`` is what the models take for 1; by default the largest of the budget and the threat payoffs.
    """
    d, eps = problem.disagreement, problem.eps
    net = [tuple(sorted((i, tau - d[i]) for i, tau in clause)) for clause in problem.clauses]
    blocking = essential(c for c in net if all(tau > eps for _, tau in c))
    levels = {i: _merged((tau for c in blocking for j, tau in c if j == i), eps) for i in problem.positions}
    clauses = tuple(tuple((i, _number(levels[i], tau, eps)) for i, tau in c) for c in blocking)
    budget = problem.worth - sum(d[i] for i in problem.positions)
    if scale is None:
        scale = max([float(budget), *(float(row[-1]) for row in levels.values())])
    weight_scale = max(float(problem.weights[i]) for i in problem.positions)
    return Choices(problem, levels, clauses, budget, scale if scale > 0 else 1.0, weight_scale)


def _merged(payoffs: Iterable[Number], eps: Number) -> tuple[Number, ...]:
    levels: list[Number] = [0 * eps]
    for payoff in sorted(set(payoffs)):
        if payoff > levels[-1] + eps:
            levels.append(payoff)
    return tuple(levels)


def _number(levels: Sequence[Number], payoff: Number, eps: Number) -> int:
    """Return the lowest level that gives a payoff to within eps."""
    return next(k for k, level in enumerate(levels) if level >= payoff - eps)
