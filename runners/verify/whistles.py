"""Reward sets by their definition, what rewards are worth to whistle-blowers, and whether any reward would serve.

Everything is told anew from Definitions 5 and 8 of Guo and Yannelis (2020) with loops over types; where rewards have to
be searched for, by branching on who of a coalition keeps from gaining, with the programmes of
:mod:`breakaway.runners.verify.linear`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats, Ints
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import STRICT, PayoffEnvironment
from breakaway.runners.verify.linear import maximise, sure_value, worst_mixture

GAIN = STRICT / 2
"""What a reward must surely give whistle-blowers, at least: half of what counts, to leave room for rounding."""

NOTHING = 2 * STRICT
"""What a reward may at most give where nobody is said to blow the whistle."""

Pairs = NDArray[np.bool_]
Allowed = list[Pairs]
"""A deception: for every agent which types it may report (columns) when it has which type (rows)."""


def profiles_with(environment: PayoffEnvironment, coalition: Coalition, types: Sequence[int]) -> Ints:
    """Return the profiles in which members have given types, ascending, which is by the types of the outsiders."""
    found: Ints = np.flatnonzero((environment.profiles[:, list(members(coalition))] == tuple(types)).all(axis=1))
    return found


@dataclass(frozen=True, eq=False)
class Demand:
    """What a reward function must not do: let every member gain at one of its cells (profile, reports of outsiders)."""

    members: tuple[int, ...]
    profiles: Ints
    reports: Ints


@dataclass(eq=False)
class RewardFunctions:
    """The reward set Y_B[F]: base B, coalitions F that contain it."""

    environment: PayoffEnvironment
    base: Coalition
    family: tuple[Coalition, ...]
    demands: list[Demand] = field(init=False)

    def __post_init__(self) -> None:
        """List the demands."""
        self.demands = [demand for coalition in self.family for demand in self._demands(coalition)]

    @cached_property
    def outsiders(self) -> tuple[int, ...]:
        """The agents outside the base."""
        return tuple(j for j in range(len(self.environment)) if not self.base >> j & 1)

    @cached_property
    def strides(self) -> Ints:
        """By which the types of the outsiders number their profiles, shape (outsiders,)."""
        sizes = [self.environment.sizes[j] for j in self.outsiders]
        return np.array([int(np.prod(sizes[k + 1 :])) for k in range(len(sizes))], dtype=np.int64)

    @property
    def count(self) -> int:
        """How many profiles Q the outsiders have."""
        return int(np.prod([self.environment.sizes[j] for j in self.outsiders], initial=1))

    @cached_property
    def truth(self) -> Floats:
        """u_j(f(theta), theta), shape (n, P)."""
        found: Floats = np.stack([np.diagonal(own) for own in self.environment.payoffs])
        return found

    def numbered(self, profiles: Ints) -> Ints:
        """Return the numbers of the outsiders' part of profiles."""
        found: Ints = profiles[:, list(self.outsiders)] @ self.strides
        return found

    def _demands(self, coalition: Coalition) -> Iterator[Demand]:
        """Yield what a coalition demands: for its types and the reports of its members outside the base."""
        profiles, inside = self.environment.profiles, list(members(coalition))
        free = [j for j in inside if not self.base >> j & 1]
        sizes = self.environment.sizes
        for types in itertools.product(*(range(sizes[j]) for j in inside)):
            here = profiles_with(self.environment, coalition, types)
            for said in itertools.product(*(range(sizes[j]) for j in free)):
                told = profiles[here].copy()
                told[:, free] = said
                yield Demand(tuple(inside), here, self.numbered(told))

    def excess(self, weights: Floats) -> float:
        """Return the most that all members of some coalition gain by a reward; it is in the set when this is 0.

        ``weights`` has shape (Q, K + R); a lottery that is none counts by how far it is from one.
        """
        lottery = weights[:, : len(self.environment.outcomes)]
        worst = max(0.0, -float(weights.min(initial=0.0)), float(np.abs(lottery.sum(axis=1) - 1.0).max(initial=0.0)))
        gains = self.environment.worth @ weights.T - self.truth[:, :, None]
        for demand in self.demands:
            own = gains[list(demand.members)][:, demand.profiles, demand.reports].max(axis=1)
            worst = max(worst, float(own.min()))
        return worst

    def gains(self, weights: Floats, true: Sequence[int], reported: Sequence[int]) -> Floats:
        """Return what members of the base gain by a reward over the report, shape (members, Q true, Q reported)."""
        here, there = self.profiles_of(true), self.profiles_of(reported)
        inside = members(self.base)
        by_reward = np.stack([self.environment.worth[i, here] @ weights.T for i in inside])
        by_report = np.stack([self.environment.payoffs[i][np.ix_(here, there)] for i in inside])
        found: Floats = by_reward - by_report
        return found

    def profiles_of(self, types: Sequence[int]) -> Ints:
        """Return the profiles in which the base has given types, in the order of the outsiders' numbers."""
        return profiles_with(self.environment, self.base, types)

    def pairs(self, allowed: Allowed) -> Pairs:
        """Return which reports of the outsiders a deception allows at which types of theirs, shape (Q, Q)."""
        found = np.ones((1, 1), dtype=bool)
        for j in self.outsiders:
            found = np.kron(found, allowed[j])
        return found


# --- menus ------------------------------------------------------------------------------------------------------------


def serves(menu: Sequence[Floats], pairs: Pairs, least: float) -> bool:
    """Tell whether for all conjectures about pairs some reward of a menu gives every member more than ``least``.

    ``menu`` holds the gains of every reward, shape (members, Q, Q). Conjectures of members do not depend on each other:
    they defeat a menu when its rewards can be dealt to members such that each can conjecture what makes all of its own
    fail. Rewards fail together, for a member, unless some mixture of them surely gives more than ``least``.
    """
    listed = np.stack([own[:, pairs] for own in menu], axis=1)
    if any(float(one.min()) > least for one in listed.transpose(1, 0, 2)):
        return True

    def defeated(dealt: list[list[int]], k: int) -> bool:
        if k == listed.shape[1]:
            return True
        for i, own in enumerate(dealt):
            more = [*own, k]
            if sure_value(listed[i, more]) <= least and defeated([*dealt[:i], more, *dealt[i + 1 :]], k + 1):
                return True
        return False

    return not defeated([[] for _ in range(len(listed))], 0)


# --- whether any reward serves ----------------------------------------------------------------------------------------


class Effort(Exception):  # noqa: N818 - it ends a search, nothing is wrong
    """A search takes longer than it may."""


@dataclass
class Search:
    """How many programmes may still be solved."""

    left: int

    def spend(self) -> None:
        """Count one programme.

        Raises
        ------
        Effort
            When none is left.
        """
        self.left -= 1
        if self.left < 0:
            raise Effort


def someone_blows(
    rewards: RewardFunctions, true: Sequence[int], reported: Sequence[int], pairs: Pairs, search: Search
) -> bool:
    """Tell whether for all conjectures about pairs some reward gives every member more than a trifle.

    Conjectures are guessed against the rewards found so far, and the best reward for them is searched for.
    """
    program = _Program(rewards, true, reported, pairs)
    menu: list[Floats] = []
    while True:
        for conjectures in _hardest(menu, len(members(rewards.base)), int(pairs.sum())):
            found = program.best(conjectures, search)
            if found is None:
                return False
            menu.append(rewards.gains(found, true, reported)[:, pairs])
            break
        else:
            return True


def _hardest(menu: list[Floats], count: int, pairs: int) -> Iterator[Floats]:
    """Yield conjectures that defeat a menu, shape (members, pairs); none when there are none."""
    if not menu:
        yield np.full((count, pairs), 1.0 / pairs)
        return
    gains = np.stack(menu, axis=1)

    def deal(dealt: list[list[int]], k: int) -> Iterator[list[list[int]]]:
        if k == gains.shape[1]:
            yield dealt
            return
        for i, own in enumerate(dealt):
            more = [*own, k]
            if sure_value(gains[i, more]) <= NOTHING:
                yield from deal([*dealt[:i], more, *dealt[i + 1 :]], k + 1)

    for dealt in deal([[] for _ in range(count)], 0):
        yield np.stack(
            [worst_mixture(gains[i, own]) if own else np.full(pairs, 1.0 / pairs) for i, own in enumerate(dealt)]
        )


class _Program:
    """The best reward for given conjectures: a programme for every choice of who keeps from gaining.

    Variables are probabilities of all outcomes but the last, amounts along rays, for every profile of the outsiders;
    last the least expected gain, from ``low`` up to 1.
    """

    def __init__(self, rewards: RewardFunctions, true: Sequence[int], reported: Sequence[int], pairs: Pairs) -> None:
        self.rewards, self.inside = rewards, members(rewards.base)
        environment = rewards.environment
        self.outcomes, worth = len(environment.outcomes), environment.worth
        last = worth[:, :, self.outcomes - 1]
        rays = worth[:, :, self.outcomes :]
        self.slopes = np.concatenate([worth[:, :, : self.outcomes - 1] - last[:, :, None], rays], axis=2)
        self.start, self.width, self.count = last, self.slopes.shape[2], rewards.count
        self.cells = np.argwhere(pairs)
        self.here, there = rewards.profiles_of(true), rewards.profiles_of(reported)
        own = environment.payoffs[list(self.inside)]
        self.paid = own[:, self.here[self.cells[:, 0]], there[self.cells[:, 1]]]
        self.low = -1.0 - float(np.abs(worth[:, :, : self.outcomes]).max()) * 3.0
        self.forced = [demand for demand in rewards.demands if len(demand.members) == 1]
        self.open = [demand for demand in rewards.demands if len(demand.members) > 1]

    def best(self, conjectures: Floats, search: Search) -> Floats | None:
        """Return a reward by which every member expects more than a trifle, shape (Q, K + R); None: there is none.

        Raises
        ------
        Effort
            When the search takes too long, or a programme cannot be proven solved.
        """
        expected = self._expected(conjectures)
        forced = [self._keeps(demand, demand.members[0]) for demand in self.forced]
        stack = [forced]
        while stack:
            held = stack.pop()
            found = self._solve(expected, held, search)
            if found is None:
                continue
            broken = self._broken(found)
            if broken is None:
                return found
            stack += [[*held, self._keeps(broken, j)] for j in broken.members]
        return None

    def _solve(
        self, expected: tuple[Floats, Floats], held: list[tuple[Floats, Floats]], search: Search
    ) -> Floats | None:
        """Return the best reward of one branch; None when it gives a trifle at most."""
        search.spend()
        a = np.concatenate([self._lotteries()[0], expected[0], *(part[0] for part in held)])
        b = np.concatenate([self._lotteries()[1], expected[1], *(part[1] for part in held)])
        cap = np.zeros((1, a.shape[1]))
        cap[0, -1] = 1.0
        found = maximise(cap[0], np.concatenate([a, cap]), np.append(b, 1.0 - self.low))
        if not found.proven:
            raise Effort
        if found.point is None or found.bound + self.low <= NOTHING:
            return None
        return self._weights(found.point)

    def _weights(self, point: Floats) -> Floats:
        parts = point[:-1].reshape(self.count, self.width)
        rest = 1.0 - parts[:, : self.outcomes - 1].sum(axis=1, keepdims=True)
        return np.concatenate([parts[:, : self.outcomes - 1], rest, parts[:, self.outcomes - 1 :]], axis=1)

    def _lotteries(self) -> tuple[Floats, Floats]:
        """Bound the sums of probabilities of all outcomes but the last by 1."""
        rows = np.zeros((self.count, self.count * self.width + 1))
        for q in range(self.count):
            rows[q, q * self.width : q * self.width + self.outcomes - 1] = 1.0
        return rows, np.ones(self.count)

    def _expected(self, conjectures: Floats) -> tuple[Floats, Floats]:
        """Bound the least gain by what any member expects."""
        rows, limits = np.zeros((len(self.inside), self.count * self.width + 1)), np.zeros(len(self.inside))
        rows[:, -1] = 1.0
        for row, (i, belief) in enumerate(zip(self.inside, conjectures, strict=True)):
            for (true, q), chance, paid in zip(self.cells, belief, self.paid[row], strict=True):
                profile = self.here[true]
                rows[row, q * self.width : (q + 1) * self.width] -= chance * self.slopes[i, profile]
                limits[row] += chance * (self.start[i, profile] - paid)
        return rows, limits - self.low

    def _keeps(self, demand: Demand, j: int) -> tuple[Floats, Floats]:
        """Keep member j from gaining at any cell of a demand."""
        rows = np.zeros((len(demand.profiles), self.count * self.width + 1))
        for row, profile, q in zip(rows, demand.profiles, demand.reports, strict=True):
            row[q * self.width : (q + 1) * self.width] = self.slopes[j, profile]
        return rows, self.rewards.truth[j, demand.profiles] - self.start[j, demand.profiles]

    def _broken(self, weights: Floats) -> Demand | None:
        """Return the demand of a coalition of two or more that a reward breaks most; None when it meets all."""
        gains = self.rewards.environment.worth @ weights.T - self.rewards.truth[:, :, None]
        most, found = STRICT / 10, None
        for demand in self.open:
            least = float(gains[list(demand.members)][:, demand.profiles, demand.reports].max(axis=1).min())
            if least > most:
                most, found = least, demand
        return found
