"""Coalitions and structures: bitmasks, the refinement order, enumeration and names."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakaway.data.coalitions import (
    MAX_PLAYERS,
    bell_number,
    coalition_of,
    coarsest,
    finest_structure,
    format_coalition,
    format_structure,
    grand_coalition,
    is_partition,
    members,
    parse_coalition,
    parse_structure,
    proper_subsets,
    refines,
    splits,
    structure_of,
    structures,
)

NAMES = ("Ann", "Bob", "Cid", "Dot")
ALL = list(structures(0b1111))


@given(st.sets(st.integers(0, 20)))
def test_members_and_coalition_of_are_inverse(players: set[int]) -> None:
    assert members(coalition_of(players)) == tuple(sorted(players))


@given(st.integers(1, 2**8 - 1))
def test_proper_subsets_are_all_of_them(coalition: int) -> None:
    subsets = list(proper_subsets(coalition))
    assert subsets == sorted(set(subsets), reverse=True)
    assert set(subsets) == {mask for mask in range(1, coalition) if not mask & ~coalition}


@pytest.mark.parametrize("n", range(1, 9))
def test_structures_are_every_partition_once(n: int) -> None:
    found = list(structures(grand_coalition(n)))
    assert len(found) == len(set(found)) == bell_number(n)
    assert all(is_partition(structure, grand_coalition(n)) for structure in found)
    assert all(structure == structure_of(structure) for structure in found)
    assert finest_structure(n) in found


def test_bell_numbers() -> None:
    assert [bell_number(n) for n in (0, 1, 2, 3, 4, 10, 13)] == [1, 1, 2, 5, 15, 115_975, 27_644_437]


def test_too_many_players_are_refused() -> None:
    with pytest.raises(ValueError, match="the limit is 13 players"):
        next(structures(grand_coalition(MAX_PLAYERS + 1)))


def test_structures_of_some_players() -> None:
    assert set(structures(0b1010)) == {(0b1010,), (0b0010, 0b1000)}


@pytest.mark.parametrize(
    ("blocks", "expected"), [((1, 2, 4), True), ((3, 4), True), ((3, 6), False), ((1, 2), False), ((7, 0), False)]
)
def test_is_partition(blocks: tuple[int, ...], expected: bool) -> None:
    assert is_partition(blocks, 0b111) is expected


def together(structure: tuple[int, ...]) -> set[tuple[int, int]]:
    """Return the pairs of players who share a coalition: finer structures have fewer."""
    return {pair for block in structure for pair in combinations(members(block), 2)}


def test_refinement_is_the_order_of_shared_pairs() -> None:
    for fine in ALL:
        for coarse in ALL:
            assert refines(fine, coarse) == (together(fine) <= together(coarse))


@given(st.sets(st.sampled_from(ALL)))
def test_coarsest_are_the_maximal_elements(some: set[tuple[int, ...]]) -> None:
    maximal = {s for s in some if not any(together(s) < together(other) for other in some)}
    assert set(coarsest(some)) == maximal
    assert len(coarsest(some)) == len(maximal)


@pytest.mark.parametrize("block", [0b1, 0b11, 0b1011, 0b11110])
def test_splits_are_the_ways_to_cut_a_block_in_two(block: int) -> None:
    found = list(splits(block))
    assert len(found) == len(set(found)) == 2 ** (block.bit_count() - 1) - 1
    assert all(part & block & -block and part ^ rest == block and not part & rest for part, rest in found)


@given(st.sampled_from(ALL))
def test_names_and_back(structure: tuple[int, ...]) -> None:
    text = format_structure(structure, NAMES)
    assert parse_structure(text, NAMES) == structure
    assert parse_structure(" | ".join(reversed(text.split("|"))).replace("+", " + "), NAMES) == structure
    for block in structure:
        assert parse_coalition(format_coalition(block, NAMES), NAMES) == block


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ann+Eve", "unknown player 'Eve' in coalition 'Ann[+]Eve'"),
        ("Ann+Ann", "player 'Ann' appears twice in coalition 'Ann[+]Ann'"),
        ("Ann+", "coalition 'Ann[+]' has an empty member"),
        ("", "coalition '' has an empty member"),
    ],
)
def test_what_is_no_coalition(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_coalition(text, NAMES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ann+Bob|Bob+Cid+Dot", r"coalitions overlap in structure 'Ann\+Bob\|Bob\+Cid\+Dot': Bob twice"),
        ("Ann|Bob", r"structure 'Ann\|Bob' is not a partition: Cid\+Dot is missing"),
    ],
)
def test_what_is_no_structure(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_structure(text, NAMES)
