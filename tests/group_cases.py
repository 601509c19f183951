"""What the tests of small groups share: reference cases with exact values, and random games."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupArray,
    GroupGame,
    PairwiseGroupGame,
    SurplusFunctionGame,
    Types,
    all_groups,
)

CASES: dict[str, dict[str, Any]] = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "reference" / "finite_groups.json").read_text(encoding="utf-8"))
}
"""The reference cases: inputs, and exact values found by brute force in rational arithmetic."""


def padded(groups: list[list[int]], width: int) -> GroupArray:
    rows = np.full((len(groups), width), -1, dtype=np.int32)
    for row, group in zip(rows, groups, strict=True):
        row[: len(group)] = group
    return rows


def game_of(name: str) -> GroupGame:
    given = CASES[name]["inputs"]
    types = Types.of(given["n_types"], [float(Fraction(m)) for m in given["mu"]])
    groups = padded([entry["group"] for entry in given["surplus"]], given["Nmax"])
    surplus = np.array([float(Fraction(entry["s"])) for entry in given["surplus"]])
    return GroupGame(types, groups, surplus, given["Nmin"], given["Nmax"])


def random_games(count: int = 12) -> list[FiniteGroupGame]:
    """Return games of all three classes with 1 to 5 types and sizes up to 4, and uneven masses."""
    games: list[FiniteGroupGame] = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n, most = int(rng.integers(1, 6)), int(rng.integers(1, 5))
        least = int(rng.integers(1, most + 1))
        types = Types.of(n, rng.uniform(0.2, 2.0, n))
        values = rng.uniform(-1.0, 2.0, (n, n))
        solo, costs = rng.uniform(-0.5, 0.5, n), rng.uniform(0.0, 1.0, most + 1)
        pairwise = PairwiseGroupGame(types, solo, values + values.T, costs, least, most)
        permitted = all_groups(n, least, most)
        listed = np.sort(rng.choice(len(permitted), max(1, len(permitted) // 2), replace=False))
        games.append(pairwise)
        games.append(GroupGame(types, permitted[listed], rng.uniform(0, 5, len(listed)), least, most))
        games.append(SurplusFunctionGame(types, spread, least, most))
    return games


def spread(groups: np.ndarray) -> Floats:
    """Return the largest difference of type numbers within each group: a symmetric surplus."""
    return (groups.max(axis=1) - groups.min(axis=1)).astype(np.float64)


def counts(game: FiniteGroupGame, groups: GroupArray) -> Floats:
    """Return members of each type by group, found entry by entry."""
    return np.array([[list(group).count(i) for i in range(len(game.types))] for group in groups.tolist()], dtype=float)


def surplus_by_definition(game: FiniteGroupGame, group: list[int]) -> float:
    """Return s(G), or -infinity where it is forbidden, from the data of a game."""
    members = sorted(i for i in group if i >= 0)
    if isinstance(game, SurplusFunctionGame):
        return float(max(members) - min(members))
    if isinstance(game, PairwiseGroupGame):
        pairs = sum(game.values[a, b] for k, a in enumerate(members) for b in members[:k])
        return max(0.0, float(game.solo[members].sum() + pairs - game.size_cost[len(members)]))
    for listed, surplus in zip(game.groups.tolist(), game.surplus.tolist(), strict=True):
        if sorted(i for i in listed if i >= 0) == members:
            return surplus
    return 0.0 if game.unlisted == "zero" else -np.inf
