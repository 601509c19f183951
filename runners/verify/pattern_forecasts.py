"""The threats that finer structures make, up to renaming identical players: definition (8)-(9) for patterns.

Which coalition a piece comes from matters: a pattern may refine another in several ways, each of them an
*arrangement*. An arrangement is among the coarsest viable refinements iff it is viable and nothing that arises from it
by merging pieces of one coalition is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, groupby, product

from breakaway.runners.verify.kinds import Counts, Pattern, Profile, joined, mergers, patterns_of

Arrangement = tuple[tuple[Counts, Pattern], ...]
"""Sorted pairs: a coalition of the coarser pattern, and its pieces."""


@dataclass
class PatternForecasts:
    """What a breakaway can count on, given which patterns are viable and the solutions in them.

    ``profiles[pattern, counts]`` lists the solutions of a coalition with these counts in a viable pattern.
    """

    viable: frozenset[Pattern]
    profiles: Mapping[tuple[Pattern, Counts], list[Profile]]
    _outcomes: dict[Pattern, frozenset[Arrangement]] = field(default_factory=dict)

    def outcomes(self, induced: Pattern) -> frozenset[Arrangement]:
        """Return what a pattern becomes: itself if it is viable, else its coarsest viable refinements."""
        if induced not in self._outcomes:
            known: dict[Arrangement, bool] = {}
            top: Arrangement = tuple((block, (block,)) for block in induced)
            candidates = [top] if induced in self.viable else _refinements(induced)
            self._outcomes[induced] = frozenset(
                a for a in candidates if pattern_of(a) in self.viable and not self._coarser_viable(a, known)
            )
        return self._outcomes[induced]

    def _coarser_viable(self, arrangement: Arrangement, known: dict[Arrangement, bool]) -> bool:
        """Tell whether merging pieces of a coalition, once or more, can give a viable pattern."""
        if arrangement not in known:
            known[arrangement] = any(
                pattern_of(above) in self.viable or self._coarser_viable(above, known) for above in _above(arrangement)
            )
        return known[arrangement]

    def threats(self, pattern: Pattern, block: Counts, part: Counts) -> set[Profile]:
        """Return what the part T of the block S of a pattern can count on, over all outcomes of its breakaway."""
        return {
            profile
            for arrangement in self.outcomes(induced_by(pattern, block, part))
            for whole, pieces in arrangement
            if whole == part
            for profile in self.of_pieces(pattern_of(arrangement), pieces)
        }

    def of_pieces(self, fine: Pattern, pieces: Pattern) -> Iterator[Profile]:
        """Yield the joint payoffs of the pieces of a coalition in a viable pattern."""
        for choice in product(*(self.profiles.get((fine, piece), []) for piece in pieces)):
            yield joined(choice)


def induced_by(pattern: Pattern, block: Counts, part: Counts) -> Pattern:
    """Return pi^T: the pattern with one block S replaced by T and S - T."""
    rest = list(pattern)
    rest.remove(block)
    left = tuple(s - t for s, t in zip(block, part, strict=True))
    return tuple(sorted((*rest, part, left)))


def pattern_of(arrangement: Arrangement) -> Pattern:
    """Return the pattern of all pieces."""
    return tuple(sorted(piece for _, pieces in arrangement for piece in pieces))


def _refinements(induced: Pattern) -> Iterator[Arrangement]:
    """Yield every arrangement of a pattern: equal coalitions may swap their pieces."""
    choices = [
        combinations_with_replacement([(block, pieces) for pieces in patterns_of(block)], len(list(same)))
        for block, same in groupby(induced)
    ]
    for choice in product(*choices):
        yield tuple(sorted(pair for pairs in choice for pair in pairs))


def _above(arrangement: Arrangement) -> Iterator[Arrangement]:
    for k, (block, pieces) in enumerate(arrangement):
        for merged in mergers(pieces):
            yield tuple(sorted((*arrangement[:k], (block, merged), *arrangement[k + 1 :])))
