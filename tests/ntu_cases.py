"""What the tests of games without transferable utility share: small games, and a recursion by brute force."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, members, proper_subsets
from breakaway.data.games import ConvexSet, NtuGame, Players, Points, Polyhedron, TotalWorth
from breakaway.results.records import Answer

Vector = tuple[int, ...]
Sigma = dict[Coalition, set[Vector]]


def finite(sets: Mapping[Coalition, Sequence[Vector]], n: int) -> NtuGame:
    """Make a game of n players from lists of points."""
    feasible = {
        mask: Points(tuple(f"p{k}" for k in range(len(points))), tuple(tuple(map(float, x)) for x in points))
        for mask, points in sets.items()
    }
    return NtuGame(Players.of(n), feasible)


def random_finite(rng: random.Random, n: int, most: int = 4) -> dict[Coalition, list[Vector]]:
    """Draw up to three points with small whole payoffs for every coalition."""
    return {
        mask: [
            tuple(rng.randint(0, most) for _ in range(mask.bit_count()))
            for _ in range(rng.randint(1, 1 if mask.bit_count() == 1 else 3))
        ]
        for mask in range(1, 1 << n)
    }


def blocked(mask: Coalition, x: Vector, threats: Sigma) -> bool:
    """Tell whether some threat of a coalition strictly inside gives all of its members more, from the definition."""
    own = dict(zip(members(mask), x, strict=True))
    return any(
        all(z > own[player] for player, z in zip(members(part), y, strict=True))
        for part in proper_subsets(mask)
        for y in threats.get(part, ())
    )


def best(points: Sequence[Vector]) -> set[Vector]:
    """Return the points of greatest product, in whole numbers."""
    top = max(map(math.prod, points), default=0)
    return {x for x in points if math.prod(x) == top}


def unblocked(sets: Mapping[Coalition, Sequence[Vector]], threats: Sigma) -> Sigma:
    """Return the unblocked set of every coalition."""
    return {mask: {x for x in points if not blocked(mask, x, threats)} for mask, points in sets.items()}


def recursion(sets: Mapping[Coalition, Sequence[Vector]]) -> Sigma:
    """Solve (31)-(32) by brute force."""
    sigma: Sigma = {}
    for mask in sorted(sets, key=int.bit_count):
        sigma[mask] = best([x for x in sets[mask] if not blocked(mask, x, sigma)])
    return sigma


def solutions(answer: Answer, table: str = "coalition_solutions") -> dict[str, set[tuple[float, ...]]]:
    """Return the solutions of every coalition that has any, rounded, from an answer."""
    found: dict[str, set[tuple[float, ...]]] = {}
    for (coalition, _), rows in answer.tables[table].groupby(["coalition", "solution"]):
        found.setdefault(str(coalition), set()).add(tuple(round(float(x), 6) + 0.0 for x in rows["payoff"]))
    return found


@dataclass(frozen=True)
class Ball:
    """The part of an ellipsoid around the origin: sum of (x_i / a_i)^2 <= size^2."""

    axes: tuple[tuple[str, float], ...]
    size: float = 1.0

    def __call__(self, block: pyo.Block, payoff: Mapping[str, Any]) -> None:
        """Add the constraint."""
        axes = dict(self.axes)
        block.inside = pyo.Constraint(expr=sum((x / axes[name]) ** 2 for name, x in payoff.items()) <= self.size**2)

    def excess(self, payoff: Mapping[str, float]) -> list[float]:
        """Return the constraint's value in numbers."""
        axes = dict(self.axes)
        return [sum((x / axes[name]) ** 2 for name, x in payoff.items()) - self.size**2]


def ball(
    names: Sequence[str], axes: Sequence[float] | None = None, size: float = 1.0, checked: bool = True
) -> ConvexSet:
    """Return an ellipsoid as a convex set, with its numbers unless told otherwise."""
    shape = Ball(tuple(zip(names, axes or [1.0] * len(names), strict=True)), size)
    return ConvexSet(shape, shape.excess if checked else None)


@dataclass(frozen=True)
class Simplex:
    """Payoffs that sum to no more than a worth."""

    worth: float

    def __call__(self, block: pyo.Block, payoff: Mapping[str, Any]) -> None:
        """Add the constraint."""
        block.total = pyo.Constraint(expr=sum(payoff.values()) <= self.worth)

    def excess(self, payoff: Mapping[str, float]) -> list[float]:
        """Return the constraint's value in numbers."""
        return [sum(payoff.values()) - self.worth]


def as_polyhedron(worth: float, size: int) -> Polyhedron:
    return Polyhedron(("total",), ((1.0,) * size,), (worth,))


WAYS: dict[str, Callable[[float, int], Any]] = {
    "total": lambda worth, size: TotalWorth(worth),
    "polyhedron": as_polyhedron,
    "convex": lambda worth, size: ConvexSet(Simplex(worth), Simplex(worth).excess),
}
"""Three ways to say that the members of a coalition share a worth."""


def transferable(worths: Mapping[Coalition, float], way: str, players: Players | None = None) -> NtuGame:
    """Make a game with transferable utility in one of three ways."""
    n = max(worths).bit_length()
    return NtuGame(
        players or Players.of(n), {mask: WAYS[way](worth, mask.bit_count()) for mask, worth in worths.items()}
    )


def small_vectors(least: int, most: int, size: int) -> list[Vector]:
    return list(itertools.product(range(least, most + 1), repeat=size))
