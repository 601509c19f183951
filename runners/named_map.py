"""A viability map in terms of players: patterns of identical players unfolded into named structures and payoffs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from breakaway.data.coalitions import Coalition, Structure, members, proper_subsets, structure_of
from breakaway.data.games import Players
from breakaway.runners.lattice import DistinctRefinements, Lattice, PlayerTypes
from breakaway.runners.pattern_forecasts import PatternForecasts
from breakaway.runners.recursion import Block, ViabilityMap
from breakaway.runners.search import Clause

MOST_PERMUTATIONS = 5_040
"""A solution with more renamings than this is listed once, for the first players of each type."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a breakaway T expects: a structure, and its payoff vectors there as pairs (player, payoff)."""

    breakaway: Coalition
    structure: Structure
    vectors: tuple[Clause, ...]


def unfold(types: PlayerTypes, coalition: Coalition, by_position: Sequence[Clause]) -> tuple[Clause, ...]:
    """Unfold payoffs by position into payoffs of players, in every distinct order of identical players."""
    if types.all_distinct:
        return tuple(by_position)
    found = itertools.chain.from_iterable(_orders(types, coalition, clause) for clause in by_position)
    return tuple(sorted(dict.fromkeys(found)))


def _orders(types: PlayerTypes, coalition: Coalition, clause: Clause) -> Iterator[Clause]:
    payoff_at = dict(clause)
    choices, start, ways = [], 0, 1
    for group in types.groups:
        inside = [player for player in group if coalition >> player & 1]
        values = [payoff_at[start + rank] for rank in range(len(inside))]
        start += len(group)
        ways *= math.factorial(len(inside))
        orders = {tuple(values)} if ways > MOST_PERMUTATIONS else set(itertools.permutations(values))
        choices.append([tuple(zip(inside, order, strict=True)) for order in orders])
    for choice in itertools.product(*choices):
        yield tuple(sorted(itertools.chain.from_iterable(choice)))


class NamedMap:
    """Every structure of players, or one representative per pattern when there are too many.

    ``structures`` runs from the finest to the coarsest judged; ``unfolded`` tells whether structures are listed one by
    one rather than by pattern.
    """

    def __init__(self, players: Players, result: ViabilityMap, most_structures: int) -> None:
        self.players = players
        self.result = result
        self.types: PlayerTypes = result.lattice.types
        patterns = result.lattice.patterns
        self.unfolded = sum(map(self.types.renamings, patterns)) <= most_structures or self.types.all_distinct
        judged = range(len(result.blocks))
        if self.types.all_distinct:
            pairs = [(structure_of(patterns[number]), number) for number in judged]
        elif self.unfolded:
            number_of = {patterns[number]: number for number in judged}
            distinct = Lattice(PlayerTypes.distinct(self.types.n)).patterns
            named = [(structure_of(s), number_of.get(self.types.pattern(s))) for s in distinct]
            pairs = [(structure, number) for structure, number in named if number is not None]
        else:
            pairs = [(structure_of(self.types.representative(patterns[number])), number) for number in judged]
        self.number: dict[Structure, int] = dict(pairs)

    @property
    def structures(self) -> list[Structure]:
        """The structures, from the finest to the grand coalition."""
        return list(self.number)

    def viable(self, structure: Structure) -> bool:
        """Tell whether a structure is viable."""
        return self.result.viable[self.number[structure]]

    def block(self, structure: Structure, coalition: Coalition) -> Block:
        """Return a block of a structure; its solutions are by position."""
        canonical = self.types.canonical(coalition)
        return next(b for b in self.result.blocks[self.number[structure]] if b.coalition == canonical)

    def total(self, structure: Structure) -> float:
        """Return the total worth of a structure."""
        return float(sum(block.worth for block in self.result.blocks[self.number[structure]]))

    def solutions(self, structure: Structure, coalition: Coalition) -> tuple[Clause, ...]:
        """Return all payoff vectors of a block as pairs (player, payoff), renamings included."""
        return unfold(self.types, coalition, self.block(structure, coalition).division.solutions)

    @cached_property
    def _refinements(self) -> DistinctRefinements:
        lattice = self.result.lattice if self.types.all_distinct else Lattice(PlayerTypes.distinct(self.types.n))
        refinements = DistinctRefinements(lattice)
        for number, pattern in enumerate(lattice.patterns):
            refinements.add(number, self.viable(structure_of(pattern)))
        return refinements

    @cached_property
    def _distinct_number(self) -> dict[Structure, int]:
        return {structure_of(p): k for k, p in enumerate(self._refinements.lattice.patterns)}

    @cached_property
    def _by_pattern(self) -> PatternForecasts:
        return PatternForecasts(self.result)

    def follower(self, block: Coalition) -> tuple[int, ...] | None:
        """Return the chains of identical players in which forecasts by pattern are given; None when all are listed."""
        return None if self.unfolded else self._by_pattern.follower(block)

    def coarsest_refinements(self, structure: Structure) -> list[Structure]:
        """Return the coarsest viable structures that refine a structure: itself when it is viable."""
        if self.viable(structure):
            return [structure]
        refinements = self._refinements
        found = refinements.coarsest(self._distinct_number[structure])
        return [structure_of(refinements.lattice.patterns[number]) for number in found]

    def forecasts(self, structure: Structure, block: Coalition) -> Iterator[Forecast]:
        """Yield what every breakaway of a block expects: definitions (8) and (9)."""
        if not self.unfolded:
            yield from (Forecast(*expected) for expected in self._by_pattern.within(structure, block))
            return
        others = tuple(b for b in structure if b != block)
        for part in sorted(proper_subsets(block), key=lambda t: (t.bit_count(), members(t))):
            induced = structure_of((*others, part, block ^ part))
            for resulting in self.coarsest_refinements(induced):
                pieces = [piece for piece in resulting if not piece & ~part]
                payoffs = [self.solutions(resulting, piece) for piece in pieces]
                vectors = tuple(
                    tuple(sorted(itertools.chain.from_iterable(choice))) for choice in itertools.product(*payoffs)
                )
                yield Forecast(part, resulting, vectors)
