"""What the tests of the recursions share: reference cases as games, answers as sets of payoffs, their comparison."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, coalition_of, structure_of
from breakaway.data.games import (
    AbatementGame,
    CharacteristicFunctionGame,
    CournotMarket,
    ExternalityGame,
    PartitionFunctionGame,
    Payoffs,
    Players,
    ResearchRace,
)
from breakaway.results.records import Answer
from breakaway.runners.division import divide_exactly
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.recursion import Hooks, ViabilityMap, judge
from breakaway.runners.setting import closed_form, player_types, scale_of_game, setting_of

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "reference" / "viability_cases.json").read_text(encoding="utf-8")
)

MAP_KINDS = ("cournot", "public_goods", "rnd_race", "partition_function_game")

Vector = tuple[float, ...]
Sets = dict[tuple[str, ...], list[Vector]]
"""Payoff vectors by where they belong, such as (structure, coalition)."""


def cases(*kinds: str) -> list[dict[str, Any]]:
    return [case for case in CASES if case["kind"] in kinds]


def case_id(case: Mapping[str, Any]) -> str:
    return str(case["id"])


# --- reference cases as games --------------------------------------------------------------------------------------


def mask(key: str | Iterable[int]) -> Coalition:
    numbers = key.split(",") if isinstance(key, str) else key
    return coalition_of(int(number) - 1 for number in numbers)


def structure(blocks: Iterable[Iterable[int]]) -> Structure:
    return structure_of(map(mask, blocks))


def size_of(case: Mapping[str, Any]) -> int:
    inputs = case["inputs"]
    return int(inputs["n"]) if "n" in inputs else len(inputs.get("c") or inputs["a"])


def players_of(case: Mapping[str, Any]) -> Players:
    weights = case["inputs"]["weights"]
    return Players.of(size_of(case), weights["gamma"] if weights["type"] == "consistent" else None)


def special_weights(case: Mapping[str, Any]) -> dict[Coalition, Payoffs]:
    weights = case["inputs"]["weights"]
    if weights["type"] == "consistent":
        return {}
    return {mask(key): tuple(map(float, gamma)) for key, gamma in weights["gamma"].items()}


def externality_game(case: Mapping[str, Any]) -> ExternalityGame:
    inputs, players = case["inputs"], players_of(case)
    match case["kind"]:
        case "cournot":
            return CournotMarket(players, tuple(map(float, inputs["c"])), float(inputs["A"]))
        case "public_goods":
            return AbatementGame(players, tuple(map(float, inputs["a"])))
        case "rnd_race":
            return ResearchRace(players, float(inputs["alpha"]), float(inputs["r"]))
        case _:
            return PartitionFunctionGame(players, dict(map(_worths_of_row, inputs["table"])), special_weights(case))


def _worths_of_row(row: Mapping[str, Any]) -> tuple[Structure, Payoffs]:
    worth = {mask(key): float(value) for key, value in row["worth"].items()}
    blocks = structure(row["structure"])
    return blocks, tuple(worth[block] for block in blocks)


def characteristic_game(case: Mapping[str, Any]) -> CharacteristicFunctionGame:
    worths = {mask(key): float(worth) for key, worth in case["inputs"]["worth"].items()}
    return CharacteristicFunctionGame(players_of(case), worths, special_weights(case))


def as_partition_function(game: CharacteristicFunctionGame, listed: Iterable[Structure]) -> PartitionFunctionGame:
    """Return the game in which a coalition is worth the same in every structure."""
    worths = {s: tuple(game.worths[block] for block in s) for s in listed}
    return PartitionFunctionGame(game.players, worths, game.coalition_weights)


def map_of(game: ExternalityGame, hooks: Hooks | None = None, *, identical: bool = True) -> ViabilityMap:
    """Run the recursion by exact search."""
    types = player_types(game) if identical else PlayerTypes.distinct(len(game.players))
    setting = setting_of(game, types, divide_exactly, scale_of_game(game), 1e-9)
    return judge(setting, closed_form(game, setting.lattice), hooks)


# --- answers as sets -----------------------------------------------------------------------------------------------


def assert_verified(answer: Answer) -> None:
    """Status and certificate come before values."""
    certificate = answer.certificate
    assert certificate.termination == "optimal"
    assert certificate.holding == "proven optimum"
    assert certificate.claims["verified"] is True
    assert certificate.residual is not None
    assert certificate.residual <= 1e-8
    assert certificate.claims["complete"] is True


def vectors(table: pd.DataFrame, where: Sequence[str], number: str) -> Sets:
    """Collect payoffs that share a number into vectors, by where they belong."""
    columns = [list(table[name]) for name in (*where, number, "payoff")]
    found: dict[tuple[str, ...], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for *place, which, payoff in zip(*columns, strict=True):
        found[tuple(place)][which].append(float(payoff))
    return {place: [tuple(vector) for vector in group.values()] for place, group in found.items()}


def payoff_sets(answer: Answer) -> Sets:
    """All payoff vectors of every block of every viable structure."""
    return vectors(answer.tables["payoffs"], ["structure", "coalition"], "solution")


def threat_sets(answer: Answer) -> Sets:
    return vectors(answer.tables["threats"], ["structure", "breakaway", "resulting_structure"], "threat")


def coalition_sets(answer: Answer) -> Sets:
    return vectors(answer.tables["coalition_solutions"], ["coalition"], "solution")


def flagged(answer: Answer, flag: str) -> set[str]:
    """Return the structures with a flag."""
    table = answer.tables["structures"]
    return set(table.loc[table[flag].astype(bool), "structure"])


def numbers_by(table: pd.DataFrame, where: Sequence[str], column: str) -> dict[tuple[str, ...], float]:
    values = zip(*(list(table[name]) for name in where), strict=True)
    return dict(zip(values, map(float, table[column]), strict=True))


def names_of(players: Players, listed: Iterable[Iterable[Iterable[int]]]) -> set[str]:
    """Return the names of structures written as lists of lists."""
    return {players.structure_name(structure(blocks)) for blocks in listed}


# --- comparison ----------------------------------------------------------------------------------------------------


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0)


def assert_same_vectors(found: Sequence[Vector], expected: Sequence[Sequence[float]], tolerance: float) -> None:
    """Compare two lists of vectors as sets."""
    assert len(found) == len(expected), f"{found} against {expected}"
    left = list(expected)
    for vector in found:
        nearest = min(left, key=lambda other: distance(vector, other))
        assert distance(vector, nearest) <= tolerance, f"{vector} is not among {left}"
        left.remove(nearest)


def assert_same_sets(found: Sets, expected: Mapping[tuple[str, ...], Sequence[Sequence[float]]], tol: float) -> None:
    assert found.keys() == expected.keys()
    for place, own in found.items():
        assert_same_vectors(own, expected[place], tol)


def assert_same_numbers(
    found: Mapping[tuple[str, ...], float], expected: Mapping[tuple[str, ...], float], tolerance: float
) -> None:
    assert found.keys() == expected.keys()
    for place, value in found.items():
        assert abs(value - expected[place]) <= tolerance, (place, value, expected[place])


def scale_of(answer: Answer) -> float:
    table = answer.tables["coalitions" if "coalitions" in answer.tables else "blocks"]
    return float(table["worth"].abs().max()) or 1.0


FLAGS = {"structures": ("viable", "coarsest", "efficient"), "blocks": ("viable",), "coalitions": ("viable",)}
NUMBERS = {
    "structures": ("worth",),
    "blocks": ("worth", "required_worth", "slack"),
    "coalitions": ("worth", "required_worth", "slack"),
}
KEYS = {"structures": ["structure"], "blocks": ["structure", "coalition"], "coalitions": ["coalition"]}


def assert_same_answers(one: Answer, other: Answer, accuracy: float) -> None:
    """Compare all result tables: flags and keys are equal, numbers agree relative to the scale, solutions as sets.

    ``met`` may name another member who declines when two are equally content, and ``failures`` another irreducible
    set; of them is compared what the definition fixes: the margin of every threat, and the shortfall of every block.
    """
    tolerance = accuracy * scale_of(one)
    assert one.tables.keys() == other.tables.keys()
    for name in KEYS.keys() & one.tables.keys():
        left, right = one.tables[name], other.tables[name]
        for flag in FLAGS[name]:
            assert _flags(left, KEYS[name], flag) == _flags(right, KEYS[name], flag), flag
        for column in NUMBERS[name]:
            assert_same_numbers(numbers_by(left, KEYS[name], column), numbers_by(right, KEYS[name], column), tolerance)
    for name, sets in (("payoffs", payoff_sets), ("threats", threat_sets), ("coalition_solutions", coalition_sets)):
        if name in one.tables:
            assert_same_sets(sets(one), sets(other), tolerance)
    if "met" in one.tables:
        assert_same_sets(margins(one), margins(other), tolerance)
    if "failures" in one.tables:
        assert_same_numbers(shortfalls(one), shortfalls(other), tolerance)


def _flags(table: pd.DataFrame, where: Sequence[str], flag: str) -> dict[tuple[str, ...], bool]:
    return {place: value != 0.0 for place, value in numbers_by(table, where, flag).items()}


def margins(answer: Answer) -> Sets:
    """By how much each threat is declined, for every solution and threat, as vectors of length one."""
    table = answer.tables["met"]
    where = [name for name in ("structure", "coalition", "breakaway", "resulting_structure") if name in table]
    columns = [list(table[name]) for name in (*where, "payoff", "threat_payoff")]
    found: Sets = defaultdict(list)
    for *place, have, asked in zip(*columns, strict=True):
        found[tuple(place)].append((float(have) - float(asked),))
    return dict(found)


def shortfalls(answer: Answer) -> dict[tuple[str, ...], float]:
    table = answer.tables["failures"]
    where = [name for name in ("structure", "coalition") if name in table]
    return numbers_by(table, where, "shortfall")


def payoffs_in(answer: Answer, structure_name: str, coalition: str) -> list[Vector]:
    """Return all payoff vectors of a block, sorted."""
    return sorted(payoff_sets(answer)[structure_name, coalition])
