"""Whether whistle-blowers leave any unacceptable deception standing: the proof replayed, the rest searched.

A whistle-blower S with types theta_S that is to report theta'_S dissolves every deception with this lie in which its
rewards serve for all that the others may report.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.runners.verify.whistles import (
    GAIN,
    Allowed,
    Pairs,
    RewardFunctions,
    Search,
    serves,
    someone_blows,
)

SAME = 1e-9
"""Lotteries whose weights differ by no more are the same."""

Lie = tuple[int, int, int]
"""An agent, its type, and what it reports."""


@dataclass(eq=False)
class Whistler:
    """A coalition that is said to dissolve deceptions, with the gains of its rewards, shape (members, Q, Q) each."""

    name: str
    rewards: RewardFunctions
    true: tuple[int, ...]
    reported: tuple[int, ...]
    menu: list[Floats]
    least: float
    _known: dict[bytes, bool] = field(default_factory=dict)

    @property
    def lies(self) -> list[Lie]:
        """The types and reports of the members."""
        return list(zip(members(self.rewards.base), self.true, self.reported, strict=True))

    @property
    def alone(self) -> bool:
        """Whether a single agent blows the whistle."""
        return len(self.true) == 1

    def dissolves(self, allowed: Allowed) -> bool:
        """Tell whether the lie is in a deception and the rewards serve against it."""
        return all(allowed[i][t, r] for i, t, r in self.lies) and self.serves(self.rewards.pairs(allowed))

    def serves(self, pairs: Pairs) -> bool:
        """Tell whether some reward serves for every conjecture about pairs."""
        key = pairs.tobytes()
        if key not in self._known:
            self._known[key] = bool(self.menu) and serves(self.menu, pairs, max(GAIN, self.least))
        return self._known[key]

    def may_serve(self) -> bool:
        """Tell whether the rewards serve against some deception: whatever the outsiders are, for some report."""
        best = np.max([own.min(axis=0) for own in self.menu], axis=0) if self.menu else np.zeros((1, 1))
        return bool((best.max(axis=1) > max(GAIN, self.least)).all())


def anything_goes(environment: PayoffEnvironment) -> Allowed:
    """Return the deception in which everybody may report anything."""
    return [np.ones((size, size), dtype=bool) for size in environment.sizes]


def change_of_outcome(environment: PayoffEnvironment) -> Pairs:
    """Return between which true and reported profiles f changes, shape (P, P)."""
    chosen = environment.chosen
    found: Pairs = np.abs(chosen[:, None, :] - chosen[None, :, :]).max(axis=2) > SAME
    return found


def lies_that_matter(environment: PayoffEnvironment, allowed: Allowed) -> Pairs:
    """Return the allowed pairs of true and reported profiles between which f changes, shape (P, P)."""
    matter = change_of_outcome(environment)
    for i, own in enumerate(allowed):
        types = environment.profiles[:, i]
        matter &= own[np.ix_(types, types)]
    return matter


def replay(environment: PayoffEnvironment, whistlers: Sequence[Whistler]) -> tuple[Allowed, list[Whistler]]:
    """Delete in turn the reports that single agents denounce; return what is left, and who could not denounce."""
    allowed, waiting = anything_goes(environment), []
    for whistler in whistlers:
        if whistler.alone and whistler.dissolves(allowed):
            ((i, t, r),) = whistler.lies
            allowed[i][t, r] = False
        else:
            waiting.append(whistler)
    return allowed, waiting


# --- what is left standing --------------------------------------------------------------------------------------------


def standing(
    environment: PayoffEnvironment, within: Allowed, whistlers: Sequence[Whistler], search: Search
) -> Allowed | None:
    """Return an unacceptable deception within another that none of the whistle-blowers dissolves; None: there is none.

    A deception grows from one lie that matters. Where a type has nothing to report it must get some report; where a
    whistle-blower dissolves it some report of an outsider must be added. All ways are gone through.

    Raises
    ------
    Effort
        When that takes too long.
    """
    seen: set[bytes] = set()
    for true, reported in np.argwhere(lies_that_matter(environment, within)):
        start = [np.zeros_like(own) for own in within]
        for i, own in enumerate(start):
            own[environment.profiles[true, i], environment.profiles[reported, i]] = True
        stack = [start]
        while stack:
            allowed = stack.pop()
            key = b"".join(np.packbits(own).tobytes() for own in allowed)
            if key in seen:
                continue
            seen.add(key)
            search.spend()
            needed = _needed(allowed, within, whistlers)
            if needed is None:
                return allowed
            stack += [_with(allowed, lie) for lie in needed]
    return None


def _needed(allowed: Allowed, within: Allowed, whistlers: Sequence[Whistler]) -> list[Lie] | None:
    """Return the lies of which one must be added; None when a deception may stay as it is."""
    for i, own in enumerate(allowed):
        for t in np.flatnonzero(~own.any(axis=1)):
            return [(i, int(t), int(r)) for r in np.flatnonzero(within[i][t])]
    for whistler in whistlers:
        if whistler.dissolves(allowed):
            return [
                (j, int(t), int(r)) for j in whistler.rewards.outsiders for t, r in np.argwhere(within[j] & ~allowed[j])
            ]
    return None


def _with(allowed: Allowed, lie: Lie) -> Allowed:
    found = [own.copy() for own in allowed]
    found[lie[0]][lie[1], lie[2]] = True
    return found


# --- whether anybody dissolves a deception ----------------------------------------------------------------------------


def who_dissolves(
    sets: dict[Coalition, RewardFunctions], allowed: Allowed, search: Search
) -> tuple[Coalition, tuple[int, ...], tuple[int, ...]] | None:
    """Return a coalition that can dissolve a deception with its types and its report; None when there is none.

    Raises
    ------
    Effort
        When that takes too long.
    """
    for coalition, rewards in sets.items():
        pairs = rewards.pairs(allowed)
        for true, reported in _lies(coalition, allowed):
            if someone_blows(rewards, true, reported, pairs, search):
                return coalition, true, reported
    return None


def _lies(coalition: Coalition, allowed: Allowed) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield types and reports of a coalition that a deception allows."""
    for told in itertools.product(*(np.argwhere(allowed[i]).tolist() for i in members(coalition))):
        yield tuple(t for t, _ in told), tuple(r for _, r in told)
