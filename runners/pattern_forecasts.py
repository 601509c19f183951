"""What breakaways expect when identical players are too many to list every structure: one forecast per pattern.

A breakaway of a block is described by how many players of each type it takes; the first ones of the block stand for
all. Payoffs are given to identical players in ascending order, in the forecasts as in the block itself, so that one
forecast speaks for every way in which identical players may fill it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from breakaway.data.coalitions import Coalition, Structure, members, structure_of
from breakaway.runners.lattice import NO_FOLLOWER, Pattern, PlayerTypes, TypedRefinements
from breakaway.runners.recursion import ViabilityMap, products
from breakaway.runners.search import Clause

Expected = tuple[Coalition, Structure, tuple[Clause, ...]]
"""Breakaway, resulting structure, and the payoff vectors as pairs (player, payoff)."""


class PatternForecasts:
    """Forecasts within the representatives of the patterns of a finished map."""

    def __init__(self, result: ViabilityMap) -> None:
        self.result = result
        self.types: PlayerTypes = result.lattice.types
        self._number = {pattern: number for number, pattern in enumerate(result.lattice.patterns)}
        self._refinements = TypedRefinements(result.lattice)
        for number, viable in enumerate(result.viable):
            self._refinements.add(number, viable)

    def within(self, structure: Structure, block: Coalition) -> Iterator[Expected]:
        """Yield what every breakaway of a block expects, smaller breakaways first."""
        others = tuple(b for b in structure if b != block)
        parts = [self.first_players(block, part) for part in self.types.inside(self.types.canonical(block))]
        for part in sorted(parts, key=lambda t: (t.bit_count(), members(t))):
            if part != block:
                yield from self._after(structure_of((*others, part, block ^ part)), part)

    def first_players(self, block: Coalition, part: Coalition) -> Coalition:
        """Return the first players of each type in a block, as many as a canonical coalition has."""
        return _take([list(members(block & kind)) for kind in self.types.players_of_type], self.types.counts(part))

    def follower(self, block: Coalition) -> tuple[int, ...]:
        """Return, for each player, the next identical player within a block (-1: none)."""
        result = [NO_FOLLOWER] * self.types.n
        for kind in self.types.players_of_type:
            inside = members(block & kind)
            for here, following in itertools.pairwise(inside):
                result[here] = following
        return tuple(result)

    def _after(self, induced: Structure, part: Coalition) -> Iterator[Expected]:
        """Yield where a structure ends up: itself if viable, otherwise its coarsest viable refinements."""
        canonical = self.types.canonical(part)
        for fine, arrangement in self._refinements.arrangements(self._number[self.types.pattern(induced)]):
            for entry, (block, pieces) in enumerate(arrangement):
                repeated = entry > 0 and arrangement[entry - 1] == (block, pieces)
                if block == canonical and not repeated:
                    table = self.result.threats[fine]
                    vectors = products([table[piece] for piece in pieces], self._refinements)
                    resulting = self._split(induced, part, entry, arrangement)
                    yield part, resulting, tuple(self._by_rank(part, vector) for vector in vectors)

    def _split(
        self, induced: Structure, part: Coalition, entry: int, arrangement: Sequence[tuple[Coalition, Pattern]]
    ) -> Structure:
        """Name the pieces of a refinement: the breakaway splits as its entry says, each other block as a spare one."""
        spare = [pair for number, pair in enumerate(arrangement) if number != entry]
        result: list[Coalition] = []
        for block in induced:
            pair = arrangement[entry]
            if block != part:
                canonical = self.types.canonical(block)
                pair = spare.pop(next(k for k, (whole, _) in enumerate(spare) if whole == canonical))
            pools = [list(members(block & kind)) for kind in self.types.players_of_type]
            result += [_take(pools, self.types.counts(piece)) for piece in pair[1]]
        return structure_of(result)

    def _by_rank(self, part: Coalition, vector: Clause) -> Clause:
        """Give payoffs by position to the players of a coalition, type by type in order."""
        players = [player for kind in self.types.players_of_type for player in members(part & kind)]
        return tuple(sorted(zip(players, (payoff for _, payoff in sorted(vector)), strict=True)))


def _take(pools: Sequence[list[int]], counts: Sequence[int]) -> Coalition:
    """Take the first players from each pool and return them as a coalition."""
    mask = 0
    for pool, count in zip(pools, counts, strict=True):
        for _ in range(count):
            mask |= 1 << pool.pop(0)
    return mask
