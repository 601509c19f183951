"""How many players a game may have, and the count of type patterns behind it."""

from __future__ import annotations

import pytest

from breakaway.data.coalitions import bell_number, members, structures
from breakaway.data.limits import MAX_TYPE_PATTERNS, structure_limit, type_pattern_count


def patterns_by_listing(sizes: tuple[int, ...]) -> int:
    """List all structures and count those that differ once players are replaced by their types."""
    types = [kind for kind, size in enumerate(sizes) for _ in range(size)]
    everyone = (1 << len(types)) - 1
    found = {
        tuple(sorted(tuple(types[k] for k in members(block)) for block in structure))
        for structure in structures(everyone)
    }
    return len(found)


@pytest.mark.parametrize("sizes", [(1,), (5,), (8,), (1, 1, 1, 1), (2, 3), (4, 4), (2, 2, 2), (1, 2, 3), (3, 1, 1, 2)])
def test_count_agrees_with_listing(sizes: tuple[int, ...]) -> None:
    assert type_pattern_count(sizes) == patterns_by_listing(sizes)


@pytest.mark.parametrize(("n", "partitions"), [(1, 1), (10, 42), (16, 231), (20, 627), (22, 1002)])
def test_identical_players_have_the_partitions_of_an_integer(n: int, partitions: int) -> None:
    assert type_pattern_count((n,)) == partitions


def test_different_players_have_the_bell_numbers() -> None:
    assert [type_pattern_count((1,) * n) for n in range(1, 9)] == [bell_number(n) for n in range(1, 9)]


@pytest.mark.parametrize("sizes", [(1,) * 14, (2,) * 7, (1,) * 22, (8, 8, 6), (11, 11)])
def test_count_stops_above_the_cap(sizes: tuple[int, ...]) -> None:
    assert type_pattern_count(sizes) == MAX_TYPE_PATTERNS + 1
    assert type_pattern_count(sizes, cap=10) == 11


def test_limits() -> None:
    assert structure_limit(13) is None
    assert structure_limit(13, range(13)) is None
    assert structure_limit(22, [0] * 22) is None
    assert structure_limit(14, [0] * 13 + [1]) is None
    for refused in (structure_limit(14), structure_limit(14, range(14)), structure_limit(23, [0] * 23)):
        assert refused is not None
    for types in (None, [0] * 30, range(30)):
        assert structure_limit(30, types) is not None
