"""Knife edges in exact arithmetic: symmetric Cournot cartels whose blocks have just what they need."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from map_cases import map_of

from breakaway.data.games import CournotMarket, Players
from breakaway.runners.division import divide_exactly
from breakaway.runners.lattice import Lattice, PlayerTypes
from breakaway.runners.recursion import Block, Setting, ViabilityMap, judge

MARGIN = 60
"""A - c: each of m cartels of identical firms earns (60 / (m + 1))^2."""

KNIFE_EDGES = {10: {(6, 4): {4}}, 11: {(7, 4): {4}, (5, 4, 2): {4}}}
"""By the type of the structure, the sizes of blocks of two or more whose worth is exactly what is required."""

Sizes = tuple[int, ...]


def cartels(n: int, types: PlayerTypes) -> ViabilityMap:
    """Judge identical firms in fractions, with no tolerance."""
    lattice = Lattice(types)
    ones, zeros = [Fraction(1)] * n, [Fraction(0)] * n

    def worths(level: range) -> list[list[Fraction]]:
        return [[Fraction(MARGIN, len(p) + 1) ** 2] * len(p) for p in (lattice.patterns[k] for k in level)]

    return judge(Setting(lattice, lambda _: ones, zeros, 0, divide_exactly), worths)


@cache
def in_fractions(n: int) -> ViabilityMap:
    return cartels(n, PlayerTypes.by_key([0] * n))


@cache
def in_floats(n: int) -> ViabilityMap:
    return map_of(CournotMarket(Players.of(n), (1.0,) * n, MARGIN + 1.0))


def sizes(result: ViabilityMap, number: int) -> Sizes:
    return tuple(sorted((block.bit_count() for block in result.lattice.patterns[number]), reverse=True))


def viable_sizes(result: ViabilityMap) -> set[Sizes]:
    return {sizes(result, number) for number, viable in enumerate(result.viable) if viable}


def blocks_where(result: ViabilityMap, chosen: Callable[[Block], bool]) -> dict[Sizes, set[int]]:
    """Return the sizes of some blocks by the sizes of their structure."""
    found: dict[Sizes, set[int]] = {}
    for number, row in enumerate(result.blocks):
        for block in row:
            if chosen(block):
                found.setdefault(sizes(result, number), set()).add(block.coalition.bit_count())
    return found


def on_the_edge(block: Block) -> bool:
    return block.coalition.bit_count() > 1 and block.worth == block.division.required


@pytest.mark.parametrize("n", range(2, 12))
def test_fractions_and_floats_find_the_same_viable_structures(n: int) -> None:
    exact, floats = in_fractions(n), in_floats(n)
    assert exact.lattice.patterns == floats.lattice.patterns
    assert exact.viable == floats.viable
    assert exact.coarsest == floats.coarsest
    for mine, theirs in zip(exact.blocks, floats.blocks, strict=True):
        for block, other in zip(mine, theirs, strict=True):
            assert block.division.viable == other.division.viable
            assert float(block.division.required) == pytest.approx(float(other.division.required), abs=1e-9)
            assert len(block.division.solutions) == len(other.division.solutions)


@pytest.mark.parametrize("n", range(2, 12))
def test_everything_stays_rational(n: int) -> None:
    numbers: list[Any] = []
    for row in in_fractions(n).blocks:
        for block in row:
            numbers += [block.worth, block.division.required]
            numbers += [payoff for solution in block.division.solutions for _, payoff in solution]
    assert all(isinstance(number, int | Fraction) for number in numbers)


@pytest.mark.parametrize("n", range(2, 12))
def test_blocks_that_have_just_what_they_need(n: int) -> None:
    """They are viable with slack exactly zero: four firms in (6, 4), n = 10; in (7, 4) and (5, 4, 2), n = 11."""
    edges = blocks_where(in_fractions(n), on_the_edge)
    assert edges == KNIFE_EDGES.get(n, {})
    for row in in_fractions(n).blocks:
        for block in row:
            if on_the_edge(block):
                assert block.division.viable
                assert block.division.solutions
                for solution in block.division.solutions:
                    assert sum(payoff for _, payoff in solution) == block.worth


@pytest.mark.parametrize("n", [10, 11])
def test_floats_judge_the_knife_edges_within_their_tolerance(n: int) -> None:
    exact, floats = in_fractions(n), in_floats(n)
    for mine, theirs in zip(exact.blocks, floats.blocks, strict=True):
        for block, other in zip(mine, theirs, strict=True):
            if on_the_edge(block):
                assert other.division.viable
                assert abs(float(other.worth) - float(other.division.required)) <= 1e-9 * 900


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_patterns_and_structures_agree_in_fractions(n: int) -> None:
    by_pattern, one_by_one = in_fractions(n), cartels(n, PlayerTypes.distinct(n))
    assert viable_sizes(by_pattern) == viable_sizes(one_by_one)
    assert {sizes(by_pattern, k) for k in by_pattern.coarsest} == {sizes(one_by_one, k) for k in one_by_one.coarsest}
    assert blocks_where(by_pattern, lambda b: b.division.viable) == blocks_where(
        one_by_one, lambda b: b.division.viable
    )
