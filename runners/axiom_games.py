"""Games that the axioms are tested on: random ones, and transformations of a given one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import members
from breakaway.data.games import FeasibleSet, Payoffs, Players, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.runners.concepts.question import UndefinedError

Vector = NDArray[np.float64]

SAMPLES = 8
"""How many allocations are drawn from a feasible set that is not finite."""


def random_games(count: int, seed: int = 0, players: Sequence[int] = (2, 3, 4)) -> Iterator[ThreatGame]:
    """Yield games with threats in small whole numbers: half share a total worth, half choose from points.

    Every feasible set holds an allocation above d, as [Dom 1] asks, and every threat is at or above d, as [Dom 2] does.
    Players are drawn among ``players``, disagreement payoffs among -1, 0, 0 and 2; weights are 1.
    """
    rng = random.Random(seed)
    for _ in range(count):
        n = rng.choice(list(players))
        d = [float(rng.choice([-1, 0, 0, 2])) for _ in range(n)]
        yield ThreatGame(Players.of(n, None, d), _random_set(rng, d), _random_threats(rng, d))


def _random_set(rng: random.Random, d: Sequence[float]) -> FeasibleSet:
    n = len(d)
    if rng.random() < 0.5:
        return TotalWorth(float(sum(d) + rng.randint(n, 7 * n)))
    drawn = {tuple(own + rng.randint(0, 7) for own in d) for _ in range(rng.randint(2, 6))}
    rows = sorted(drawn | {tuple(own + rng.randint(1, 7) for own in d)})
    return Points(tuple(f"p{k}" for k in range(1, len(rows) + 1)), tuple(rows))


def _random_threats(rng: random.Random, d: Sequence[float]) -> tuple[Threat, ...]:
    found: list[Threat] = []
    for coalition in range(1, (1 << len(d)) - 1):
        for _ in range(rng.choice([0, 0, 1, 1, 2])):
            payoffs = tuple(d[i] + rng.randint(0, 5) for i in members(coalition))
            found.append(Threat(f"t{len(found) + 1}", coalition, payoffs))
    return tuple(found)


def affine(game: ThreatGame, shift: Sequence[float], factor: Sequence[float]) -> ThreatGame:
    """Return the game in which every payoff x_i is shift_i + factor_i x_i; a total worth needs equal factors.

    Raises
    ------
    UndefinedError
        For a convex set given by constraints, and for a total worth with factors that differ.
    """
    a, b = np.array(shift, dtype=float), np.array(factor, dtype=float)

    def moved(payoffs: Sequence[float], who: Sequence[int]) -> Payoffs:
        return tuple(float(a[i] + b[i] * x) for i, x in zip(who, payoffs, strict=True))

    everyone = range(len(a))
    threats = tuple(Threat(t.name, t.coalition, moved(t.payoffs, members(t.coalition))) for t in game.threats)
    players = replace(game.players, disagreement=moved(game.players.disagreement, everyone))
    match game.feasible:
        case TotalWorth(worth) if len(set(map(float, b))) == 1:
            feasible: FeasibleSet = TotalWorth(float(b[0] * worth + a.sum()))
        case Points(names, rows):
            feasible = Points(names, tuple(moved(x, everyone) for x in rows))
        case Polyhedron(names, coefficients, bounds):
            rows = tuple(tuple(map(float, np.array(row) / b)) for row in coefficients)
            limits = tuple(float(limit + np.array(row) @ a) for row, limit in zip(rows, bounds, strict=True))
            feasible = Polyhedron(names, rows, limits)
        case _:
            raise UndefinedError("this feasible set has no such transform")
    return ThreatGame(players, feasible, threats)


def sample(game: ThreatGame, rng: random.Random) -> list[Vector]:
    """Return feasible allocations at or above d: all points, or some of a set that is not finite, most on its edge."""
    d = np.array(game.players.disagreement)
    if isinstance(game.feasible, Points):
        rows = [np.array(x, dtype=float) for x in dict.fromkeys(game.feasible.payoffs)]
        return [x for x in rows if (x >= d).all()]
    found = []
    for _ in range(SAMPLES):
        way = np.array([float(rng.randint(0, 6)) for _ in d])
        if way.any():
            found.append(d + way * _reach(game, d, way) * rng.choice([1.0, 1.0, 0.5]))
    return found


def _reach(game: ThreatGame, d: Vector, way: Vector) -> float:
    """Return the largest t with d + t way feasible.

    Raises
    ------
    UndefinedError
        For a convex set given by constraints.
    """
    if isinstance(game.feasible, TotalWorth):
        return max(game.feasible.worth - float(d.sum()), 0.0) / float(way.sum())
    if not isinstance(game.feasible, Polyhedron):
        raise UndefinedError("this feasible set cannot be sampled")
    matrix, bounds = np.array(game.feasible.coefficients), np.array(game.feasible.bounds)
    slope, left = matrix @ way, np.maximum(bounds - matrix @ d, 0.0)
    return float((left[slope > 0] / slope[slope > 0]).min(initial=1e6))


def inside(game: ThreatGame, x: Vector, room: float) -> bool:
    """Tell whether x >= d is feasible, to within ``room``."""
    if (x < np.array(game.players.disagreement) - room).any():
        return False
    match game.feasible:
        case TotalWorth(worth):
            return bool(x.sum() <= worth + len(x) * room)
        case Points(payoffs=rows):
            return any(np.abs(np.array(row) - x).max() <= room for row in rows)
        case Polyhedron(coefficients=rows, bounds=bounds):
            size_of_rows = np.abs(np.array(rows)).sum(axis=1)
            return bool((np.array(rows) @ x <= np.array(bounds) + room * np.maximum(1.0, size_of_rows)).all())
        case _:
            raise UndefinedError("whether a payoff vector is feasible is not decided for this set")


def is_unblocked(game: ThreatGame, x: Vector, room: float) -> bool:
    """Tell whether no threat gives every member more than x does, by more than ``room``."""
    return all(
        any(x[i] >= y - room for i, y in zip(members(t.coalition), t.payoffs, strict=True)) for t in game.threats
    )


def pair(game: ThreatGame, x: Vector, y: Vector) -> ThreatGame:
    """Return the game with F = {x, y} and the same threats."""
    return replace(game, feasible=Points(("x", "y"), (tuple(map(float, x)), tuple(map(float, y)))))


def expanded(d: Vector, x: Vector, factor: Sequence[float]) -> Vector:
    """Return d + factor o (x - d): an expansion is measured from d, which the paper sets to 0."""
    result: Vector = d + np.array(factor) * (x - d)
    return result


def expansions(n: int) -> list[tuple[float, ...]]:
    """Return the strict expansions that are tried: all alike, and one player, or all others, far more than the rest.

    Factors are 1.01, 1.5, 2 and 10 for all; 2 or 10 for some, 1.01 for the others.
    """
    found = [(factor,) * n for factor in (2.0, 1.01, 1.5, 10.0)]
    for i in range(n):
        for much in (2.0, 10.0):
            found.append(tuple(much if j == i else 1.01 for j in range(n)))
            found.append(tuple(1.01 if j == i else much for j in range(n)))
    return list(dict.fromkeys(found))


def size(game: ThreatGame) -> tuple[int, int, int]:
    """Return players, points and threats, and digits, by which games are called small."""
    numbers = [x for t in game.threats for x in t.payoffs] + list(game.players.disagreement)
    count = len(game.threats)
    if isinstance(game.feasible, Points):
        numbers += [x for row in game.feasible.payoffs for x in row]
        count += len(game.feasible.payoffs)
    return len(game.players), count, sum(len(repr(x)) for x in numbers)
