"""The lattice of structures up to renaming identical players, and coarsest viable refinements by definition."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakaway.data.coalitions import (
    Structure,
    bell_number,
    coarsest,
    is_partition,
    members,
    proper_subsets,
    refines,
    structure_of,
    structures,
)
from breakaway.runners.lattice import (
    DistinctRefinements,
    Lattice,
    PlayerTypes,
    Refinements,
    TypedRefinements,
    refinements_of,
)

Forecasts = set[tuple[tuple[int, tuple[int, ...]], ...]]
"""Ways to refine a pattern, each as sorted pairs (block, pieces)."""


@st.composite
def player_types(draw: st.DrawFn, most: int = 6) -> PlayerTypes:
    n = draw(st.integers(1, most))
    return PlayerTypes.by_key(draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n)))


MIXED = PlayerTypes.by_key("abacb")
"""Players 0 and 2 are of type a, 1 and 4 of type b, 3 of type c; positions are players 0, 2, 1, 4, 3."""


# --- player types --------------------------------------------------------------------------------------------------


def test_types_by_hand() -> None:
    assert MIXED.groups == ((0, 2), (1, 4), (3,))
    assert MIXED.n == 5
    assert MIXED.player_at == (0, 2, 1, 4, 3)
    assert not MIXED.all_distinct
    assert MIXED.canonical(0b10100) == 0b00101  # players 2 and 4 become the first of type a and the first of type b
    assert MIXED.counts(0b00101) == (1, 1, 0)
    assert MIXED.canonical_counts((1, 1, 0)) == 0b00101
    assert MIXED.pattern((0b00101, 0b11010)) == (0b00011, 0b11100)
    assert MIXED.follower(0b11111) == (1, -1, 3, -1, -1)
    assert MIXED.follower(0b00101) == (-1, -1, -1, -1, -1)
    assert PlayerTypes.distinct(3).follower(0b111) is None


@given(player_types())
def test_positions_are_players_sorted_by_type(types: PlayerTypes) -> None:
    assert sorted(types.player_at) == list(range(types.n))
    assert types.canonical((1 << types.n) - 1) == (1 << types.n) - 1
    for coalition in range(1, 1 << types.n):
        canonical = types.canonical(coalition)
        assert canonical.bit_count() == coalition.bit_count()
        assert sorted(types.counts(canonical)) == sorted(len(set(g) & set(members(coalition))) for g in types.groups)


@given(player_types(5))
def test_representatives_have_their_pattern(types: PlayerTypes) -> None:
    for pattern in types.patterns():
        blocks = types.representative(pattern)
        assert is_partition(blocks, (1 << types.n) - 1)
        assert [types.canonical(block) for block in blocks] == list(pattern)


@given(player_types(5))
def test_subcoalitions_and_splits_up_to_renaming(types: PlayerTypes) -> None:
    everyone = (1 << types.n) - 1
    for coalition in range(1, 1 << types.n):
        canonical = types.canonical(coalition)
        parts = {types.canonical(part) for part in (coalition, *proper_subsets(coalition))}
        inside = types.inside(canonical)
        assert len(inside) == len(parts)
        assert set(inside) == parts
        pairs = {
            tuple(sorted((types.canonical(part), types.canonical(coalition ^ part)), reverse=True))
            for part in proper_subsets(coalition)
        }
        splits = types.splits(canonical)
        assert len(splits) == len(pairs)
        assert set(splits) == pairs
    assert types.inside(everyone)


def test_identical_members_are_paid_in_ascending_order() -> None:
    assert MIXED.in_order([(0, 5.0), (1, 2.0), (3, 1.0), (4, 9.0)]) == ((0, 2.0), (1, 5.0), (2, 1.0), (4, 9.0))


# --- patterns ------------------------------------------------------------------------------------------------------


@given(player_types())
def test_patterns_are_the_structures_up_to_renaming(types: PlayerTypes) -> None:
    """Every pattern once; each stands for as many structures as have it; together they are all structures."""
    found = list(types.patterns())
    renamed = Counter(types.pattern(structure) for structure in structures((1 << types.n) - 1))
    assert len(found) == len(set(found)) == types.count_patterns()
    assert {pattern: types.renamings(pattern) for pattern in found} == dict(renamed)
    assert sum(map(types.renamings, found)) == bell_number(types.n)


@pytest.mark.parametrize(
    ("sizes", "count"),
    [((1,) * 6, 203), ((6,), 11), ((2, 2), 9), ((3, 3), 31), ((2, 2, 2), 66), ((12,), 77), ((20,), 627), ((4, 1), 12)],
)
def test_patterns_are_multiset_partitions(sizes: Sequence[int], count: int) -> None:
    """Bell and partition numbers, and partitions of multisets (OEIS A000110, A000041, A020555, A035098)."""
    types = PlayerTypes.by_key([kind for kind, size in enumerate(sizes) for _ in range(size)])
    assert types.count_patterns() == count
    patterns = list(types.patterns())
    assert len(patterns) == count
    assert sum(map(types.renamings, patterns)) == bell_number(types.n)


@given(player_types(5))
def test_patterns_of_a_coalition(types: PlayerTypes) -> None:
    for coalition in range(1, 1 << types.n):
        expected = {tuple(sorted(map(types.canonical, s))) for s in structures(coalition)}
        assert set(types.patterns(types.canonical(coalition))) == expected


# --- the lattice ---------------------------------------------------------------------------------------------------


@given(player_types())
def test_levels_run_from_singletons_to_the_grand_coalition(types: PlayerTypes) -> None:
    lattice = Lattice(types)
    levels = lattice.levels()
    assert [number for level in levels for number in level] == list(range(len(lattice.patterns)))
    sizes = [{len(lattice.patterns[number]) for number in level} for level in levels]
    assert sizes == [{m} for m in range(types.n, 0, -1)]


@given(player_types())
def test_moves_lead_to_the_pattern_with_the_block_split(types: PlayerTypes) -> None:
    lattice = Lattice(types)
    for number, pattern in enumerate(lattice.patterns):
        assert lattice.number[lattice.key(pattern)] == number
        for block in set(pattern):
            rest = list(pattern)
            rest.remove(block)
            moves = lattice.moves(block)
            assert [(one, other) for one, other, _ in moves] == types.splits(block)
            for one, other, change in moves:
                reached = lattice.number[lattice.key(pattern) + change]
                assert lattice.patterns[reached] == tuple(sorted((*rest, one, other)))
                assert reached < number


@given(player_types())
def test_representatives_of_a_level(types: PlayerTypes) -> None:
    lattice = Lattice(types)
    for level in lattice.levels():
        array = lattice.representatives(level)
        assert array.shape == (len(level), len(lattice.patterns[level.start]))
        assert np.all(np.bitwise_or.reduce(array, axis=1) == (1 << types.n) - 1)
        for row, number in zip(array.tolist(), level, strict=True):
            assert types.pattern(structure_of(row)) == lattice.patterns[number]


@pytest.mark.parametrize(("n", "triples"), [(6, 1_712), (7, 9_604), (8, 56_674)])
def test_triples_of_structure_coalition_and_breakaway(n: int, triples: int) -> None:
    lattice = Lattice(PlayerTypes.distinct(n))
    assert 2 * sum(len(lattice.moves(block)) for pattern in lattice.patterns for block in pattern) == triples
    assert sum(2 ** block.bit_count() - 2 for pattern in lattice.patterns for block in pattern) == triples


# --- coarsest viable refinements -----------------------------------------------------------------------------------


def entered(refinements: Refinements, viable: Callable[[int], bool]) -> Refinements:
    for number in range(len(refinements.lattice.patterns)):
        refinements.add(number, viable(number))
    return refinements


def by_definition(types: PlayerTypes, structure: Structure, viable: set[Structure]) -> Forecasts:
    """Coarsest among the viable structures that refine a structure, each told by the pieces of its blocks."""
    finer = coarsest(other for other in viable if refines(other, structure))
    return {_arranged(types, structure, fine) for fine in finer}


def _arranged(types: PlayerTypes, structure: Structure, fine: Structure) -> tuple[tuple[int, tuple[int, ...]], ...]:
    pieces = [
        (types.canonical(block), tuple(sorted(types.canonical(piece) for piece in fine if not piece & ~block)))
        for block in structure
    ]
    return tuple(sorted(pieces))


def arranged(refinements: Refinements, number: int) -> list[tuple[tuple[int, tuple[int, ...]], ...]]:
    found = []
    for fine, arrangement in refinements.arrangements(number):
        pieces = sorted(itertools.chain.from_iterable(part for _, part in arrangement))
        assert tuple(pieces) == refinements.lattice.patterns[fine]
        found.append(tuple(sorted((block, tuple(sorted(part))) for block, part in arrangement)))
    return found


def viable_numbers(draw: Callable[[st.SearchStrategy[list[bool]]], list[bool]], lattice: Lattice) -> list[bool]:
    """The finest structure is viable, of the others any may be."""
    size = len(lattice.patterns) - 1
    return [True, *draw(st.lists(st.booleans(), min_size=size, max_size=size))]


@given(player_types(5), st.data())
@settings(max_examples=120, deadline=None)
def test_coarsest_refinements_by_definition(types: PlayerTypes, data: st.DataObject) -> None:
    """Typed patterns, distinct structures and the definition agree on viable sets that renaming preserves."""
    lattice, plain = Lattice(types), Lattice(PlayerTypes.distinct(types.n))
    viable = viable_numbers(data.draw, lattice)
    number_of = {pattern: number for number, pattern in enumerate(lattice.patterns)}
    flag = {structure_of(s): viable[number_of[types.pattern(s)]] for s in plain.patterns}
    chosen = {structure for structure, yes in flag.items() if yes}
    typed = entered(TypedRefinements(lattice), viable.__getitem__)
    distinct = entered(DistinctRefinements(plain), lambda k: flag[structure_of(plain.patterns[k])])
    for k, pattern in enumerate(plain.patterns):
        structure = structure_of(pattern)
        number = number_of[types.pattern(structure)]
        expected = by_definition(types, structure, chosen)
        found = arranged(typed, number)
        assert len(found) == len(set(found))
        assert set(found) == expected
        one_by_one = {structure_of(plain.patterns[fine]) for fine in distinct.coarsest(k)}
        assert one_by_one == set(coarsest(s for s in chosen if refines(s, structure)))
        assert {_arranged(types, structure, fine) for fine in one_by_one} == expected
        assert set(typed.coarsest(number)) == {number_of[types.pattern(fine)] for fine in one_by_one}
        assert typed.coarsest(number) == sorted(typed.coarsest(number), reverse=True)


@given(st.integers(1, 5), st.data())
@settings(max_examples=60, deadline=None)
def test_both_ways_agree_when_all_players_differ(n: int, data: st.DataObject) -> None:
    lattice = Lattice(PlayerTypes.distinct(n))
    viable = viable_numbers(data.draw, lattice)
    typed = entered(TypedRefinements(lattice), viable.__getitem__)
    distinct = entered(DistinctRefinements(lattice), viable.__getitem__)
    for number in range(len(lattice.patterns)):
        assert sorted(typed.coarsest(number)) == sorted(distinct.coarsest(number))
        assert sorted(arranged(typed, number)) == sorted(arranged(distinct, number))
        if viable[number]:
            assert distinct.coarsest(number) == [number]


def sizes_to_pattern(types: PlayerTypes, sizes: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(types.canonical_counts((size,)) for size in sizes))


def test_a_pattern_can_refine_another_in_two_ways() -> None:
    """(2, 2, 1, 1) refines (4, 2): four split into 2, 1, 1 and the pair stays; or 4 into 2, 2 and 2 into 1, 1."""
    types = PlayerTypes.by_key("a" * 6)
    lattice = Lattice(types)
    viable = {sizes_to_pattern(types, (2, 2, 1, 1)), sizes_to_pattern(types, (1,) * 6)}
    refinements = entered(TypedRefinements(lattice), lambda k: lattice.patterns[k] in viable)
    number = lattice.patterns.index(sizes_to_pattern(types, (4, 2)))
    four, two, one = (types.canonical_counts((size,)) for size in (4, 2, 1))
    assert sorted(arranged(refinements, number)) == sorted(
        tuple(sorted(way))
        for way in ([(four, (one, one, two)), (two, (two,))], [(four, (two, two)), (two, (one, one))])
    )
    assert len(refinements.coarsest(number)) == 1


def test_a_coarser_viable_refinement_covers_one_way_and_not_the_other() -> None:
    """With (3, 1, 2) viable too, only the way that splits the pair stays coarsest among those of (2, 2, 1, 1)."""
    types = PlayerTypes.by_key("a" * 6)
    lattice = Lattice(types)
    viable = {sizes_to_pattern(types, sizes) for sizes in ((3, 2, 1), (2, 2, 1, 1), (1,) * 6)}
    refinements = entered(TypedRefinements(lattice), lambda k: lattice.patterns[k] in viable)
    number = lattice.patterns.index(sizes_to_pattern(types, (4, 2)))
    four, three, two, one = (types.canonical_counts((size,)) for size in (4, 3, 2, 1))
    assert sorted(arranged(refinements, number)) == sorted(
        tuple(sorted(way)) for way in ([(four, (one, three)), (two, (two,))], [(four, (two, two)), (two, (one, one))])
    )


def test_equal_blocks_are_told_once() -> None:
    """Two pairs, of which one splits: which of them does not matter."""
    types = PlayerTypes.by_key("aaaa")
    lattice = Lattice(types)
    viable = {sizes_to_pattern(types, sizes) for sizes in ((2, 1, 1), (1,) * 4)}
    refinements = entered(TypedRefinements(lattice), lambda k: lattice.patterns[k] in viable)
    number = lattice.patterns.index(sizes_to_pattern(types, (2, 2)))
    two, one = types.canonical_counts((2,)), types.canonical_counts((1,))
    assert arranged(refinements, number) == [((two, (one, one)), (two, (two,)))]


def test_levels_below_the_previous_one_can_be_forgotten() -> None:
    lattice = Lattice(PlayerTypes.distinct(5))
    viable = [True] + [number % 3 == 0 for number in range(1, len(lattice.patterns))]
    kept = entered(DistinctRefinements(lattice), viable.__getitem__)
    frugal = DistinctRefinements(lattice)
    previous = range(0)
    for level in lattice.levels():
        for number in level:
            frugal.add(number, viable[number])
            assert frugal.coarsest(number) == kept.coarsest(number)
        frugal.forget(previous)
        previous = level


def test_the_way_is_chosen_by_the_types() -> None:
    assert isinstance(refinements_of(Lattice(PlayerTypes.distinct(3))), DistinctRefinements)
    assert isinstance(refinements_of(Lattice(PlayerTypes.by_key("aab"))), TypedRefinements)
