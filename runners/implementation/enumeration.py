"""Monotonicity by its definition: all deceptions are listed, and every coalition, type and report is tried on each.

There are prod over agents of (2^T_i - 1)^T_i deceptions, so this is for few types only; it is what the other methods
are held against.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 5 and 8.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence

from breakaway.data.payoff_environment import Deception, PayoffEnvironment, unacceptable_reports
from breakaway.runners.implementation.incentives import in_order
from breakaway.runners.implementation.monotonicity import MonotonicityVerdict, Triple, allows, lies
from breakaway.runners.implementation.whistle import Whistles

MOST_DECEPTIONS = 200_000
"""Most deceptions that are listed unless more are asked for."""

RECENT = 8
"""How many coalitions that dissolved a deception are tried first on the next."""


def by_enumeration(
    environment: PayoffEnvironment, whistles: Whistles, limit: int = MOST_DECEPTIONS
) -> MonotonicityVerdict:
    """Decide a monotonicity condition by trying everybody on every unacceptable deception.

    The witness of a condition that fails is the first such deception that nobody dissolves; no whistles are kept.

    Raises
    ------
    ValueError
        When there are more deceptions than ``limit``.
    """
    left_open = False
    for deception, dissolved in _judged(environment, whistles, limit):
        if dissolved is False:
            return MonotonicityVerdict(False, deception, [], "enumeration")
        left_open |= dissolved is None
    return MonotonicityVerdict(None if left_open else True, None, [], "enumeration")


def undissolved(
    environment: PayoffEnvironment, whistles: Whistles, limit: int = MOST_DECEPTIONS
) -> Iterator[Deception]:
    """Yield every deception, acceptable ones included, that nobody dissolves.

    Raises
    ------
    ValueError
        When there are more deceptions than ``limit``.
    """
    for deception, dissolved in _judged(environment, whistles, limit, acceptable_too=True):
        if dissolved is False:
            yield deception


def count_deceptions(sizes: Sequence[int]) -> int:
    """Return how many deceptions there are for these numbers of payoff types."""
    return math.prod((2**size - 1) ** size for size in sizes)


def all_deceptions(sizes: Sequence[int]) -> Iterator[Deception]:
    """Yield all deceptions."""
    return itertools.product(*(itertools.product(_sets(size), repeat=size) for size in sizes))


def _sets(size: int) -> list[frozenset[int]]:
    """Return the nonempty sets of 0 to size - 1, small ones first."""
    return [frozenset(own) for k in range(1, size + 1) for own in itertools.combinations(range(size), k)]


def _judged(
    environment: PayoffEnvironment, whistles: Whistles, limit: int, acceptable_too: bool = False
) -> Iterator[tuple[Deception, bool | None]]:
    """Yield deceptions with whether somebody dissolves them."""
    count = count_deceptions(environment.sizes)
    if count > limit:
        raise ValueError(
            f"there are {count:,} deceptions, more than {limit:,}: raise the limit, or use by_elimination or "
            "by_learned_clauses"
        )
    trial = _Trial(whistles)
    for deception in all_deceptions(environment.sizes):
        if acceptable_too or len(unacceptable_reports(environment, deception)):
            yield deception, trial.is_dissolved(deception)


class _Trial:
    """Tries everybody on one deception after the other, whoever dissolved the last ones first."""

    def __init__(self, whistles: Whistles) -> None:
        """Start with nobody."""
        self._whistles, self._recent = whistles, deque[Triple](maxlen=RECENT)

    def is_dissolved(self, deception: Deception) -> bool | None:
        """Tell whether somebody dissolves a deception; None when nobody is known to but a test has no answer."""
        left_open = False
        for triple in self._candidates(deception):
            holds = self._whistles.blows(*triple, deception).holds
            if holds:
                self._remember(triple)
                return True
            left_open |= holds is None
        return None if left_open else False

    def _candidates(self, deception: Deception) -> Iterator[Triple]:
        """Yield the recent coalitions with lies that the deception allows, then all."""
        yield from [triple for triple in self._recent if allows(deception, triple)]
        for coalition in in_order(self._whistles.coalitions):
            yield from lies(deception, coalition)

    def _remember(self, triple: Triple) -> None:
        if triple in self._recent:
            self._recent.remove(triple)
        self._recent.appendleft(triple)
