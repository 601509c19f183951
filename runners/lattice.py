"""The lattice of coalition structures, up to renaming identical players.

Players with equal data form a *type*. The players of type k own consecutive *positions*; a coalition is stored as the
canonical bitmask that takes the first positions of each type, and a structure as the sorted tuple of its canonical
blocks, a *pattern*. When all players differ, positions are players and patterns are structures. One pattern stands for
all its renamings, which have renamed payoffs.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure, members

Pattern = tuple[Coalition, ...]
Arrangement = tuple[tuple[Coalition, Pattern], ...]
"""A refinement of a pattern that remembers which block each piece came from: sorted pairs (block, pieces)."""

NO_FOLLOWER = -1


@dataclass(frozen=True)
class PlayerTypes:
    """Groups of identical players; ``groups[k]`` lists the players of type k, ascending."""

    groups: tuple[tuple[int, ...], ...]

    @classmethod
    def distinct(cls, n: int) -> PlayerTypes:
        """Every player is a type of its own."""
        return cls(tuple((player,) for player in range(n)))

    @classmethod
    def by_key(cls, keys: Sequence[object]) -> PlayerTypes:
        """Players with equal keys are identical; types are ordered by their first player."""
        groups: dict[object, list[int]] = {}
        for player, key in enumerate(keys):
            groups.setdefault(key, []).append(player)
        return cls(tuple(tuple(group) for group in groups.values()))

    @cached_property
    def n(self) -> int:
        """The number of players, and of positions."""
        return sum(map(len, self.groups))

    @cached_property
    def player_at(self) -> tuple[int, ...]:
        """The player that stands for each position."""
        return tuple(player for group in self.groups for player in group)

    @cached_property
    def all_distinct(self) -> bool:
        """Whether no two players are identical."""
        return all(len(group) == 1 for group in self.groups)

    @cached_property
    def _bits_of_type(self) -> tuple[int, ...]:
        masks, start = [], 0
        for group in self.groups:
            masks.append(((1 << len(group)) - 1) << start)
            start += len(group)
        return tuple(masks)

    @cached_property
    def players_of_type(self) -> tuple[int, ...]:
        """The coalition of all players of each type."""
        return tuple(sum(1 << player for player in group) for group in self.groups)

    def canonical_counts(self, counts: Iterable[int]) -> Coalition:
        """Return the canonical coalition with this many players of each type."""
        mask, start = 0, 0
        for count, group in zip(counts, self.groups, strict=True):
            mask |= ((1 << count) - 1) << start
            start += len(group)
        return mask

    @cached_property
    def _type_at(self) -> tuple[int, ...]:
        return tuple(kind for kind, group in enumerate(self.groups) for _ in group)

    def in_order(self, payoffs: Iterable[tuple[int, Any]]) -> tuple[tuple[int, Any], ...]:
        """Give each type's payoffs, in ascending order, to the type's first positions."""
        by_type: list[list[Any]] = [[] for _ in self.groups]
        for position, payoff in payoffs:
            by_type[self._type_at[position]].append(payoff)
        result, start = [], 0
        for group, values in zip(self.groups, by_type, strict=True):
            result += list(enumerate(sorted(values), start))
            start += len(group)
        return tuple(result)

    def counts(self, canonical: Coalition) -> tuple[int, ...]:
        """Return how many players of each type a canonical coalition has."""
        return tuple((canonical & bits).bit_count() for bits in self._bits_of_type)

    def canonical(self, coalition: Coalition) -> Coalition:
        """Return the canonical form of a coalition of players."""
        return self.canonical_counts((coalition & players).bit_count() for players in self.players_of_type)

    def pattern(self, structure: Structure) -> Pattern:
        """Return the pattern of a structure of players."""
        return tuple(sorted(self.canonical(block) for block in structure))

    def follower(self, canonical: Coalition) -> tuple[int, ...] | None:
        """Return, for each position, the next position of the same type within a coalition (-1: none)."""
        if self.all_distinct:
            return None
        result = [NO_FOLLOWER] * self.n
        for bits in self._bits_of_type:
            inside = members(canonical & bits)
            for here, following in itertools.pairwise(inside):
                result[here] = following
        return tuple(result)

    def representative(self, pattern: Pattern) -> Structure:
        """Return one structure of players with this pattern; its blocks are in the order of the pattern."""
        pools = [list(group) for group in self.groups]
        blocks = []
        for canonical in pattern:
            mask = 0
            for pool, count in zip(pools, self.counts(canonical), strict=True):
                for _ in range(count):
                    mask |= 1 << pool.pop(0)
            blocks.append(mask)
        return tuple(blocks)

    def renamings(self, pattern: Pattern) -> int:
        """Return how many structures of players have this pattern."""
        total = 1
        for kind, group in enumerate(self.groups):
            total *= math.factorial(len(group))
            for block in pattern:
                total //= math.factorial(self.counts(block)[kind])
        for _, same in itertools.groupby(pattern):
            total //= math.factorial(len(list(same)))
        return total

    def _inside(self, canonical: Coalition) -> Iterator[tuple[int, ...]]:
        return itertools.product(*(range(count + 1) for count in self.counts(canonical)))

    def inside(self, canonical: Coalition) -> list[Coalition]:
        """Return the nonempty canonical coalitions inside a canonical coalition, itself included."""
        return [self.canonical_counts(part) for part in self._inside(canonical) if any(part)]

    def splits(self, canonical: Coalition) -> list[tuple[Coalition, Coalition]]:
        """Return every way to split a coalition in two, up to identical players; the larger bitmask first."""
        whole = self.counts(canonical)
        result = []
        for part in self._inside(canonical):
            one = self.canonical_counts(part)
            other = self.canonical_counts(w - p for w, p in zip(whole, part, strict=True))
            if one >= other > 0:
                result.append((one, other))
        return sorted(result, key=lambda pair: (pair[1].bit_count(), pair))

    def patterns(self, canonical: Coalition | None = None) -> Iterator[Pattern]:
        """Yield the patterns of a coalition (of all players when none is given)."""
        whole = (1 << self.n) - 1 if canonical is None else canonical
        for blocks in self._patterns(self.counts(whole), None):
            yield tuple(sorted(blocks))

    def _patterns(self, left: tuple[int, ...], previous: tuple[int, ...] | None) -> Iterator[tuple[Coalition, ...]]:
        first = next((kind for kind, count in enumerate(left) if count), None)
        if first is None:
            yield ()
            return
        ranges = [range(1 if kind == first else 0, count + 1) for kind, count in enumerate(left)]
        for block in itertools.product(*ranges):
            if previous is not None and previous[first] and block > previous:
                continue
            rest = tuple(have - taken for have, taken in zip(left, block, strict=True))
            for tail in self._patterns(rest, block):
                yield (self.canonical_counts(block), *tail)

    def count_patterns(self) -> int:
        """Return the number of patterns, by counting multiset partitions without listing them."""
        sizes = tuple(map(len, self.groups))
        ways = np.zeros([s + 1 for s in sizes], dtype=object)
        ways[(0,) * len(sizes)] = 1
        for part in itertools.product(*(range(s + 1) for s in sizes)):
            if not any(part):
                continue
            for total in itertools.product(*(range(p, s + 1) for p, s in zip(part, sizes, strict=True))):
                ways[total] += ways[tuple(t - p for t, p in zip(total, part, strict=True))]
        return int(ways[sizes])


class Lattice:
    """All patterns by level, with the moves between them: what a breakaway of a block leads to.

    ``patterns`` is ordered from the finest to the grand coalition, so that a number is larger than the numbers of all
    its strict refinements.
    """

    def __init__(self, types: PlayerTypes) -> None:
        self.types = types
        self.patterns: list[Pattern] = sorted(types.patterns(), key=lambda pattern: (-len(pattern), pattern))
        rng = random.Random(20250401)
        canonical = {block for pattern in self.patterns for block in pattern}
        self.key_of_block = {block: rng.getrandbits(61) for block in sorted(canonical)}
        self.number = {sum(map(self.key_of_block.__getitem__, p)): k for k, p in enumerate(self.patterns)}
        if len(self.number) != len(self.patterns):
            raise ArithmeticError("two patterns share a key; change the seed of the lattice")
        self._moves: dict[Coalition, list[tuple[Coalition, Coalition, int]]] = {}

    def levels(self) -> list[range]:
        """Return the numbers of the patterns with n, n - 1, ..., 1 blocks."""
        sizes = [len(pattern) for pattern in self.patterns]
        result, start = [], 0
        for _, group in itertools.groupby(sizes):
            stop = start + len(list(group))
            result.append(range(start, stop))
            start = stop
        return result

    def key(self, pattern: Pattern) -> int:
        """Return the sum of the block keys; keys of all patterns are distinct (checked at construction)."""
        return sum(map(self.key_of_block.__getitem__, pattern))

    def moves(self, block: Coalition) -> list[tuple[Coalition, Coalition, int]]:
        """Return (T, S - T, key change) for every split of a block, singletons first."""
        found = self._moves.get(block)
        if found is None:
            keys = self.key_of_block
            found = [(t, r, keys[t] + keys[r] - keys[block]) for t, r in self.types.splits(block)]
            self._moves[block] = found
        return found

    def representatives(self, numbers: Iterable[int]) -> NDArray[np.int64]:
        """Return one structure per pattern of a level as an array of bitmasks (patterns x blocks)."""
        if self.types.all_distinct:
            return np.array([self.patterns[k] for k in numbers], dtype=np.int64)
        return np.array([self.types.representative(self.patterns[k]) for k in numbers], dtype=np.int64)


class DistinctRefinements:
    """Coarsest viable refinements when all players differ: bitsets over the viable structures.

    ``below[k]`` holds the viable structures that refine structure k (k included). Viable structures are numbered as
    they are found, from finer to coarser, so the highest bit of a set is always maximal in it.
    """

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice
        self._below: dict[int, int] = {}
        self._viable: list[int] = []
        self._refined_by: list[int] = []

    def add(self, number: int, viable: bool) -> None:
        """Enter the next structure, after all its refinements."""
        lattice, below = self.lattice, self._below
        pattern = lattice.patterns[number]
        base = lattice.key(pattern)
        found = 0
        for block in pattern:
            for _, _, change in lattice.moves(block):
                found |= below[lattice.number[base + change]]
        if viable:
            found |= 1 << len(self._viable)
            self._viable.append(number)
            self._refined_by.append(found)
        below[number] = found

    def coarsest(self, number: int) -> list[int]:
        """Return the numbers of the coarsest viable structures that refine a structure, coarser ones first."""
        left = self._below[number]
        result = []
        while left:
            top = left.bit_length() - 1
            result.append(self._viable[top])
            left &= ~self._refined_by[top]
        return result

    def arrangements(self, number: int) -> Iterator[tuple[int, list[tuple[Coalition, Pattern]]]]:
        """Yield each coarsest viable refinement as (number, [(block, its pieces)])."""
        pattern = self.lattice.patterns[number]
        for fine in self.coarsest(number):
            pieces = self.lattice.patterns[fine]
            unsplit = set(pieces)
            yield (
                fine,
                [(b, (b,) if b in unsplit else tuple(p for p in pieces if not p & ~b)) for b in pattern],
            )

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop the sets of a level that nothing refers to any more."""
        for number in numbers:
            self._below.pop(number, None)


class TypedRefinements:
    """Coarsest viable refinements with identical players: search over arrangements, from the pattern downwards.

    Which block a piece came from matters, so a pattern may refine another in several ways; each way is an arrangement.
    """

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice
        self._viable: set[int] = set()

    def add(self, number: int, viable: bool) -> None:
        """Enter the next pattern, after all its refinements."""
        if viable:
            self._viable.add(number)

    def forget(self, numbers: Iterable[int]) -> None:
        """Keep everything: nothing is stored per pattern."""

    def coarsest(self, number: int) -> list[int]:
        """Return the numbers of the coarsest viable patterns that refine a pattern."""
        return sorted({fine for fine, _ in self.arrangements(number)}, reverse=True)

    def arrangements(self, number: int) -> Iterator[tuple[int, list[tuple[Coalition, Pattern]]]]:
        """Yield each coarsest viable refinement as (number, [(block, its pieces)])."""
        start: Arrangement = tuple((block, (block,)) for block in self.lattice.patterns[number])
        level: dict[Arrangement, bool] = {start: False}
        while level:
            following: dict[Arrangement, bool] = {}
            for arrangement, covered in level.items():
                fine = self._number(arrangement)
                viable = fine in self._viable
                if viable and not covered:
                    yield fine, list(arrangement)
                for child in self._children(arrangement):
                    following[child] = following.get(child, False) or covered or viable
            level = following

    def _number(self, arrangement: Arrangement) -> int:
        keys = self.lattice.key_of_block
        return self.lattice.number[sum(keys[piece] for _, pieces in arrangement for piece in pieces)]

    def _children(self, arrangement: Arrangement) -> Iterator[Arrangement]:
        for k, (block, pieces) in enumerate(arrangement):
            if k and arrangement[k - 1] == (block, pieces):
                continue
            for j, piece in enumerate(pieces):
                if j and pieces[j - 1] == piece:
                    continue
                for one, other, _ in self.lattice.moves(piece):
                    split = tuple(sorted((*pieces[:j], *pieces[j + 1 :], one, other)))
                    yield tuple(sorted((*arrangement[:k], (block, split), *arrangement[k + 1 :])))


Refinements = DistinctRefinements | TypedRefinements


def refinements_of(lattice: Lattice) -> Refinements:
    """Choose the way to find coarsest viable refinements."""
    return DistinctRefinements(lattice) if lattice.types.all_distinct else TypedRefinements(lattice)
