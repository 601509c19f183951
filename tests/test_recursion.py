"""The recursion of section 3.2: against its definition in exact arithmetic, and the laws that follow from it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import brute_force
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import (
    as_partition_function,
    assert_same_vectors,
    coalition_sets,
    flagged,
    numbers_by,
    payoff_sets,
)

from breakaway.data.coalitions import (
    Coalition,
    Structure,
    coalition_of,
    coarsest,
    finest_structure,
    members,
    proper_subsets,
    refines,
    structure_of,
    structures,
)
from breakaway.data.games import CharacteristicFunctionGame, PartitionFunctionGame, Players
from breakaway.runners.asking import HowToSolve
from breakaway.runners.characteristic import solve_characteristic
from breakaway.runners.division import BlockProblem, divide_exactly
from breakaway.runners.lattice import DistinctRefinements, Lattice, PlayerTypes, TypedRefinements
from breakaway.runners.named_map import NamedMap
from breakaway.runners.recursion import Setting, alone, judge, products
from breakaway.runners.setting import player_types
from breakaway.runners.viability import solve_viability

MANY = settings(max_examples=80, deadline=None)
Worths = Mapping[Structure, Mapping[Coalition, Fraction]]


@dataclass(frozen=True)
class Judged:
    """What a map says of a block: required worth, verdict, and all solutions as payoffs of the members in order."""

    required: Fraction
    viable: bool
    solutions: frozenset[tuple[Fraction, ...]]


Judgement = dict[tuple[Structure, Coalition], Judged]


@dataclass(frozen=True)
class PartitionFunction:
    """A game in fractions; identical players have one key."""

    keys: str
    worths: Worths
    weights: tuple[int, ...]
    disagreement: tuple[Fraction, ...]

    @property
    def n(self) -> int:
        return len(self.keys)


# --- the definition ------------------------------------------------------------------------------------------------


def by_definition(game: PartitionFunction) -> tuple[Judgement, set[Structure]]:
    """Judge every structure from the finest up, and return the viable ones."""
    found: Judgement = {}
    viable: set[Structure] = set()
    for structure in sorted(structures((1 << game.n) - 1), key=len, reverse=True):
        for block in structure:
            found[structure, block] = _judged(game, structure, block, found, viable)
        if structure == finest_structure(game.n) or all(found[structure, block].viable for block in structure):
            viable.add(structure)
    return found, viable


def _judged(
    game: PartitionFunction, structure: Structure, block: Coalition, found: Judgement, viable: set[Structure]
) -> Judged:
    inside, worth = members(block), game.worths[structure][block]
    d = [game.disagreement[i] for i in inside]
    if len(inside) == 1:
        return Judged(d[0], worth >= d[0], frozenset([(worth,)]))
    rank = {player: k for k, player in enumerate(inside)}
    clauses = [
        tuple((rank[player], payoff) for player, payoff in threat)
        for part in proper_subsets(block)
        for threat in _threats(structure, block, part, found, viable)
    ]
    weights = [game.weights[i] for i in inside]
    truth = brute_force.solve(BlockProblem(tuple(range(len(inside))), weights, d, worth, clauses, 0))
    return Judged(truth.required, truth.viable, frozenset(truth.solutions))


def _threats(
    structure: Structure, block: Coalition, part: Coalition, found: Judgement, viable: set[Structure]
) -> list[list[tuple[int, Fraction]]]:
    """Steps 4 and 5: payoffs of a breakaway in the structure that it leads to."""
    induced = structure_of([*(b for b in structure if b != block), part, block ^ part])
    reached = [induced] if induced in viable else coarsest(s for s in viable if refines(s, induced))
    result = []
    for after in reached:
        pieces = [piece for piece in after if not piece & ~part]
        for choice in itertools.product(*(found[after, piece].solutions for piece in pieces)):
            pairs = [zip(members(p), own, strict=True) for p, own in zip(pieces, choice, strict=True)]
            result.append(sorted(itertools.chain.from_iterable(pairs)))
    return result


# --- the recursion -------------------------------------------------------------------------------------------------


def by_recursion(game: PartitionFunction, *, identical: bool) -> tuple[Judgement, set[Structure], set[Structure]]:
    """Judge in fractions by the recursion; return blocks, viable structures and coarsest ones, by player."""
    types = PlayerTypes.by_key(game.keys) if identical else PlayerTypes.distinct(game.n)
    lattice = Lattice(types)
    weights = [game.weights[player] for player in types.player_at]
    d = [game.disagreement[player] for player in types.player_at]

    def worths(level: range) -> list[list[Fraction]]:
        rows = [types.representative(lattice.patterns[k]) for k in level]
        return [[game.worths[structure_of(row)][block] for block in row] for row in rows]

    result = judge(Setting(lattice, lambda _: weights, d, 0, divide_exactly), worths)
    named = NamedMap(Players.of(game.n), result, 10**6)
    judged: Judgement = {}
    for structure in named.structures:
        for coalition in structure:
            division = named.block(structure, coalition).division
            solutions = named.solutions(structure, coalition)
            assert len(set(solutions)) == len(solutions)
            payoffs = frozenset(tuple(y for _, y in x) for x in solutions)
            judged[structure, coalition] = Judged(division.required, division.viable, payoffs)
    viable = {s for s in named.structures if named.viable(s)}
    return judged, viable, {s for s in named.structures if named.number[s] in set(result.coarsest)}


@st.composite
def partition_functions(draw: st.DrawFn, most: int = 4, identical: bool = True) -> PartitionFunction:
    """Worths that renaming identical players preserves; more for larger coalitions, so that many hold together."""
    n = draw(st.integers(2, most))
    keys = "".join(draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n))) if identical else "abcdef"[:n]
    rng = random.Random(draw(st.integers(0, 10**6)))
    spread, bonus = draw(st.sampled_from([2, 6])), draw(st.sampled_from([0, 1, 3]))
    types = PlayerTypes.by_key(keys)
    listed: dict[tuple[int, ...], dict[Coalition, Fraction]] = {}
    for pattern in types.patterns():
        listed[pattern] = {
            block: Fraction(rng.randint(0, spread * block.bit_count()) + bonus * block.bit_count() ** 2, 2)
            for block in pattern
        }
    worths = {
        s: {block: listed[types.pattern(s)][types.canonical(block)] for block in s} for s in structures((1 << n) - 1)
    }
    weight = {key: draw(st.sampled_from([1, 1, 2])) for key in sorted(set(keys))}
    return PartitionFunction(keys, worths, tuple(weight[key] for key in keys), (Fraction(0),) * n)


@given(partition_functions())
@MANY
def test_every_block_of_every_structure_by_definition(game: PartitionFunction) -> None:
    """Required worths, verdicts and all solutions, by patterns of identical players and structure by structure."""
    expected, viable = by_definition(game)
    for identical in (True, False):
        found, held, top = by_recursion(game, identical=identical)
        assert held == viable
        assert top == set(coarsest(viable))
        assert found.keys() == expected.keys()
        for place, block in found.items():
            other = expected[place]
            assert (block.required, block.viable) == (other.required, other.viable), place
            if block.viable:
                assert block.solutions == other.solutions, place


@given(partition_functions(most=5))
@settings(max_examples=15, deadline=None)
def test_patterns_and_structures_agree_for_five_players(game: PartitionFunction) -> None:
    assert by_recursion(game, identical=True) == by_recursion(game, identical=False)


# --- laws ----------------------------------------------------------------------------------------------------------


def moved(coalition: Coalition, image: Sequence[int]) -> Coalition:
    return coalition_of(image[player] for player in members(coalition))


@given(partition_functions(identical=False), st.data())
@MANY
def test_relabelling_players_permutes_the_map(game: PartitionFunction, data: st.DataObject) -> None:
    image = data.draw(st.permutations(range(game.n)))
    back = sorted(range(game.n), key=lambda i: image[i])
    renamed = PartitionFunction(
        game.keys,
        {
            structure_of(moved(b, image) for b in s): {moved(b, image): v for b, v in row.items()}
            for s, row in game.worths.items()
        },
        tuple(game.weights[i] for i in back),
        tuple(game.disagreement[i] for i in back),
    )
    plain, viable, top = by_recursion(game, identical=False)
    other, held, highest = by_recursion(renamed, identical=False)
    assert held == {structure_of(moved(b, image) for b in s) for s in viable}
    assert highest == {structure_of(moved(b, image) for b in s) for s in top}
    for (structure, block), own in plain.items():
        there = other[structure_of(moved(b, image) for b in structure), moved(block, image)]
        assert (there.required, there.viable) == (own.required, own.viable)
        payoffs = [dict(zip(members(block), x, strict=True)) for x in own.solutions]
        expected = {tuple(x[back[j]] for j in members(moved(block, image))) for x in payoffs}
        assert there.solutions == expected


def rescaled(game: PartitionFunction, factor: Fraction, shift: Sequence[Fraction]) -> PartitionFunction:
    """Return the game whose payoffs are factor times as large, and larger by a constant of each player."""
    worths = {
        s: {b: factor * v + sum(shift[i] for i in members(b)) for b, v in row.items()} for s, row in game.worths.items()
    }
    d = tuple(factor * own + a for own, a in zip(game.disagreement, shift, strict=True))
    return replace(game, worths=worths, disagreement=d)


@given(partition_functions(), st.sampled_from([Fraction(1, 3), Fraction(7, 2)]), st.data())
@MANY
def test_scale_and_origin_of_payoffs_do_not_matter(
    game: PartitionFunction, factor: Fraction, data: st.DataObject
) -> None:
    """A common factor, and a constant of each player in worths and disagreement alike, carry over to the payoffs.

    A constant in the worths alone would not: the products are taken over gains above disagreement.
    """
    constant = {key: Fraction(data.draw(st.integers(-6, 6)), 2) for key in sorted(set(game.keys))}
    shift = [constant[key] for key in game.keys]
    plain, viable, top = by_recursion(game, identical=True)
    other, held, highest = by_recursion(rescaled(game, factor, shift), identical=True)
    assert (held, highest) == (viable, top)
    for (structure, block), own in plain.items():
        there, inside = other[structure, block], members(block)
        assert there.viable == own.viable
        assert there.required == factor * own.required + sum(shift[i] for i in inside)
        expected = {tuple(factor * y + shift[i] for y, i in zip(x, inside, strict=True)) for x in own.solutions}
        assert there.solutions == expected


@given(st.integers(2, 4), st.booleans(), st.data())
@MANY
def test_without_externalities_it_is_the_recursion_31_32(n: int, identical: bool, data: st.DataObject) -> None:
    """A coalition has the same required worth, verdict and solutions in every structure, with and without types."""
    worths = {s: float(data.draw(st.integers(0, 8))) * s.bit_count() / 2 for s in range(1, 1 << n)}
    game = CharacteristicFunctionGame(Players.of(n), worths)
    how = HowToSolve(identical=identical, verify=False, detail="none")
    alike = solve_viability(as_partition_function(game, structures(game.players.everyone)), how)
    plain = solve_characteristic(game, how)
    for column in ("worth", "required_worth", "viable"):
        by_coalition = numbers_by(plain.tables["coalitions"], ["coalition"], column)
        for (_, block), value in numbers_by(alike.tables["blocks"], ["structure", "coalition"], column).items():
            assert value == pytest.approx(by_coalition[block,], abs=1e-9)
    for flag in ("viable", "coarsest", "efficient"):
        assert flagged(alike, flag) == flagged(plain, flag)
    solutions = coalition_sets(plain)
    for (_, block), own in payoff_sets(alike).items():
        assert_same_vectors(own, solutions[block,], 1e-8)


@given(partition_functions(most=4), st.booleans())
@MANY
def test_identical_players_of_a_table_are_recognised(game: PartitionFunction, weighted: bool) -> None:
    """Players with one key are of one type; with coalition weights nobody is taken to be identical."""
    table = PartitionFunctionGame(
        Players.of(game.n, game.weights),
        {s: tuple(float(row[b]) for b in s) for s, row in game.worths.items()},
        {(1 << game.n) - 1: (1.0,) * game.n} if weighted else {},
    )
    types = player_types(table)
    together = {frozenset(group) for group in types.groups}
    if weighted:
        assert types.all_distinct
    else:
        assert all(any(set(g) <= group for group in together) for g in PlayerTypes.by_key(game.keys).groups)


# --- by hand -------------------------------------------------------------------------------------------------------


def test_a_breakaway_expects_what_its_structure_crumbles_to() -> None:
    """1 leaves three; 2+3 cannot hold together, so 1 expects the singletons and gets 1 rather than 5."""
    worths: Worths = {
        (1, 2, 4): {1: Fraction(1), 2: Fraction(1), 4: Fraction(1)},
        (1, 6): {1: Fraction(5), 6: Fraction(1)},
        (5, 2): {5: Fraction(1), 2: Fraction(5)},
        (3, 4): {3: Fraction(1), 4: Fraction(5)},
        (7,): {7: Fraction(6)},
    }
    game = PartitionFunction("abc", worths, (1, 1, 1), (Fraction(0),) * 3)
    found, viable, top = by_recursion(game, identical=False)
    assert viable == {(1, 2, 4), (7,)}
    assert top == {(7,)}
    assert found[(7,), 7] == Judged(Fraction(3), True, frozenset([(Fraction(2),) * 3]))


def test_a_player_alone_gets_the_worth() -> None:
    division = alone(2, Fraction(5), [1, 1, 2], [0, 0, Fraction(1)], 0)
    assert division.solutions == (((2, 5),),)
    assert division.required == 1
    assert division.viable
    assert division.log_product == pytest.approx(2 * 1.3862943611198906)
    below = alone(0, Fraction(-1), [1], [Fraction(0)], 0)
    assert below.viable
    assert below.solutions == (((0, -1),),)
    assert below.required == -1
    assert below.zero_product
    assert alone(0, Fraction(0), [1], [Fraction(0)], 0).zero_product


def test_payoffs_of_pieces_are_joined_in_every_combination() -> None:
    parts = [[((1, 5),), ((1, 6),)], [((0, 2), (2, 3))]]
    lattice = Lattice(PlayerTypes.distinct(3))
    assert products(parts, DistinctRefinements(lattice)) == [((0, 2), (1, 5), (2, 3)), ((0, 2), (1, 6), (2, 3))]


def test_joined_payoffs_of_identical_players_ascend() -> None:
    """Two pieces of two and one identical players, each in its own first positions."""
    lattice = Lattice(PlayerTypes.by_key("aaa"))
    parts = [[((0, 1), (1, 9))], [((0, 4),)]]
    assert products(parts, TypedRefinements(lattice)) == [((0, 1), (1, 4), (2, 9))]
