"""Column generation for games with very many listed groups: every pricing is one sparse product over all of them.

The table of G(i) is kept by rows, so that s - A'u takes one gather and one `np.add.reduceat`. Every look is thus exact,
and every round has a certified bound. Unlisted groups worth 0 need no look, since payoffs are 0 or above.

Where unlisted groups are forbidden, payoffs may be negative and everybody must be served all the same. With a premium
for every member of a listed group, s'(G) = s(G) + premium * |G|, serving everybody is optimal once the premium is large
enough; it changes the welfare of every complete assignment by the same amount. Whether listed groups can cover the
market at all is seen first, with s = 0 and premium 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray, GroupGame, group_sizes, member_counts
from breakaway.data.problems import counted
from breakaway.runners.groups.engine import Clock, ProgressCall, generate_columns
from breakaway.runners.groups.protocol import Deadline, GroupData, Proof, never
from breakaway.runners.groups.solution import GroupSolution, is_closed
from breakaway.runners.solvers import InfeasibleError, NumericalError

PER_TYPE = 4
"""How many groups a look returns for every type: the best of so many parts of the table."""

PREMIUMS = tuple(10.0**k for k in range(7))
"""Premiums that are tried, in units of the largest surplus."""

UNSERVED = 1e-9
"""Part of all people who may be left over by rounding."""

Rows = NDArray[np.int64]


class GroupIndex:
    """Finds groups in a table by a 64-bit sum over their members; what it finds is compared member by member."""

    def __init__(self, types: int, groups: GroupArray, surplus: Floats) -> None:
        self.groups = groups
        for seed in range(100):
            drawn = np.random.default_rng(seed).integers(2**64, size=types, dtype=np.uint64)
            self.weights = np.append(drawn, np.uint64(0))
            sums = self._sums(groups)
            self.order = np.lexsort((-surplus, sums))
            self.sums = sums[self.order]
            same = np.flatnonzero(self.sums[1:] == self.sums[:-1])
            if (groups[self.order[same]] == groups[self.order[same + 1]]).all():
                return
        raise ArithmeticError("no numbering tells the groups apart")  # pragma: no cover - chance below 1e-600

    def _sums(self, groups: GroupArray) -> NDArray[np.uint64]:
        total: NDArray[np.uint64] = self.weights[groups].sum(axis=1, dtype=np.uint64)
        return total

    def find(self, groups: GroupArray) -> Rows:
        """Return the row of each group in the table, -1 where it is not listed."""
        if not len(self.groups):
            return np.full(len(groups), -1, dtype=np.int64)
        asked = self._sums(groups)
        place = np.minimum(np.searchsorted(self.sums, asked), len(self.sums) - 1)
        rows = self.order[place]
        return np.where((self.groups[rows] == groups).all(axis=1), rows, -1)


@dataclass(frozen=True, eq=False)
class ListedData(GroupData):
    """A listed game; groups not listed are worth 0."""

    groups: GroupArray
    surplus: Floats
    index: GroupIndex

    def raw(self, groups: GroupArray) -> Floats:
        """Return the surplus of padded groups."""
        rows = self.index.find(groups)
        found: Floats = np.where(rows >= 0, np.append(self.surplus, 0.0)[rows], 0.0)
        return found


def scaled_data(
    game: GroupGame, groups: GroupArray | None = None, surplus: Floats | None = None, index: GroupIndex | None = None
) -> ListedData:
    """Return the data in units of the largest surplus; by default the groups and surpluses of the game."""
    groups = as_wide(game.groups, game.max_size) if groups is None else groups
    surplus = game.surplus if surplus is None else surplus
    largest = float(surplus.max(initial=0.0)) or 1.0
    masses, sizes = game.types.masses, range(game.min_size, groups.shape[1] + 1)
    index = index or GroupIndex(len(game.types), groups, surplus)
    return ListedData(masses / masses.sum(), sizes, largest, groups, surplus / largest, index)


class ListedPricer:
    """Prices all listed groups at once."""

    def __init__(self, data: ListedData) -> None:
        from breakaway.runners.groups import kernels  # noqa: PLC0415 - numba takes a while to import

        self.data, self.kernels = data, kernels
        rows, self.members, self.counts = member_counts(data.groups)
        self.members, self.rows = self.members.astype(np.int32), rows.astype(np.int32)
        self.starts = np.searchsorted(rows, np.arange(len(data.groups)))
        self.group_sizes = group_sizes(data.groups)
        self.places = self.members.astype(np.int64) * PER_TYPE + self.rows % PER_TYPE

    def close(self) -> None:
        """Nothing is held beyond arrays."""

    def gains(self, payoffs: Floats) -> Floats:
        """Return s(G) - u(G) of every listed group."""
        if not len(self.starts):
            return np.zeros(0)
        total: Floats = self.data.surplus - np.add.reduceat(payoffs[self.members] * self.counts, self.starts)
        return total

    def look(self, payoffs: Floats, trials: int) -> tuple[GroupArray, Floats]:
        """Return the best groups of every type, one of each part of the table; more trials do not find more."""
        gains = self.gains(payoffs)
        own = gains[self.rows]
        best = np.full(self.data.types * PER_TYPE, -np.inf)
        np.maximum.at(best, self.places, own)
        chosen = np.unique(self.rows[own == best[self.places]])
        return self.data.groups[chosen], gains[chosen]

    def prove(self, payoffs: Floats, spared: float, time_is_up: Deadline = never) -> Proof:
        """Price all listed groups; it takes so little that no time is too short."""
        gains = self.gains(payoffs)
        better = np.flatnonzero((gains > 0.0)[self.rows])
        excess = np.zeros(self.data.types)
        rows = self.rows[better]
        np.maximum.at(excess, self.members[better], gains[rows] / self.group_sizes[rows])
        groups, found = self.look(payoffs, 1)
        return Proof(excess, groups[found > spared], True)


def solve_listed(
    game: GroupGame,
    tolerance: float = 1e-7,
    time_limit: float | None = None,
    progress: ProgressCall | None = None,
) -> GroupSolution:
    """Return a stable assignment and an imputation of a listed game, and the gap between them.

    Parameters
    ----------
    game
        The game, with millions of listed groups if need be.
    tolerance
        Gap at which the answer is complete, relative to the welfare.
    time_limit
        Seconds after which the best assignment and the best proven bound are returned as they are.
    progress
        Is told of every round.

    Raises
    ------
    InfeasibleError
        When unlisted groups are forbidden and the listed ones cannot cover the market.
    NumericalError
        When everybody can be served, but within the time limit or the accuracy of floating point nobody sees how.
    KeyboardInterrupt
        When the user presses Ctrl-C before everybody is served; later, the best assignment is returned as it is.
    """
    clock = Clock(time_limit)
    groups = as_wide(game.groups, game.max_size)
    index = GroupIndex(len(game.types), groups, game.surplus)
    run = _Run(game, groups, index, tolerance, clock, progress)
    return run.solve(game.surplus, 0.0) if game.unlisted == "zero" else _serving_all(run)


@dataclass(frozen=True, eq=False)
class _Run:
    """What the runs for one game share."""

    game: GroupGame
    groups: GroupArray
    index: GroupIndex
    tolerance: float
    clock: Clock
    progress: ProgressCall | None

    def solve(self, surplus: Floats, premium: float, absolute: float = math.inf) -> GroupSolution:
        """Solve with these surpluses and a premium for every member of a listed group.

        ``absolute`` is a gap in money that is not to be exceeded: a premium adds to the welfare, not to the gap.
        """
        raised = surplus + premium * group_sizes(self.groups)
        data, mass = scaled_data(self.game, self.groups, raised, self.index), float(self.game.types.masses.sum())
        progress = self.progress and _less(self.progress, premium * mass)
        unit = data.largest_entry * mass
        pricer = ListedPricer(data)
        found = generate_columns(self.game, pricer, unit, self.tolerance, self.clock, progress, absolute)
        return self._without(found, surplus, premium, data.largest_entry) if premium else found

    def _without(self, found: GroupSolution, surplus: Floats, premium: float, largest: float) -> GroupSolution:
        """Take the premium out of a solution; groups that are not listed are dropped."""
        rows = self.index.find(found.groups)
        formed = rows >= 0
        worth, taken = surplus[rows[formed]], found.masses[formed]
        imputation = found.imputation - premium
        primal, dual = float(worth @ taken), float(self.game.types.masses @ imputation)
        small = largest * float(self.game.types.masses.min())
        given = premium * float(self.game.types.masses.sum())
        return replace(
            found,
            groups=found.groups[formed],
            masses=taken,
            surplus=worth,
            imputation=imputation,
            primal=primal,
            dual=dual,
            history=[(at, value - given, bound - given, held) for at, value, bound, held in found.history],
            complete=found.complete and is_closed(primal, dual, self.tolerance, small),
        )


def _less(progress: ProgressCall, given: float) -> ProgressCall:
    """Report welfare and bound without premiums."""
    return lambda at, welfare, bound, held: progress(at, welfare - given, bound - given, held)


def _serving_all(run: _Run) -> GroupSolution:
    """Check that listed groups can cover the market, then raise the premium until they do."""
    masses = run.game.types.masses
    nothing = np.zeros(len(run.groups))
    cover = replace(run, progress=None).solve(nothing, 1.0, UNSERVED * float(masses.sum()))
    left = left_over(cover, masses)
    most = float(masses.sum()) + cover.dual
    if left.sum() > UNSERVED * masses.sum() and cover.complete:
        raise InfeasibleError(_uncovered(run.game, left, float(masses.sum()) - most))
    unit = float(run.game.surplus.max(initial=0.0)) or 1.0
    worth = float(run.game.surplus[run.index.find(cover.groups)] @ cover.masses)
    for premium in PREMIUMS:
        found = run.solve(run.game.surplus, premium * unit, run.tolerance * worth)
        if left_over(found, masses).sum() <= UNSERVED * masses.sum() or run.clock.time_is_up():
            break
    left = left_over(found, masses)
    if left.sum() > UNSERVED * masses.sum():
        if run.clock.interrupted:
            raise KeyboardInterrupt
        raise NumericalError(
            f"{counted(left.sum(), 'person is', 'people are')} left over although the listed groups can serve "
            "everybody: raise time_limit, or solve by one programme (breakaway.runners.groups.direct)"
        )
    return found


def left_over(solution: GroupSolution, masses: Floats) -> Floats:
    """Return how many people of each type are in no formed group."""
    rows, members, counts = member_counts(solution.groups)
    served = np.bincount(members, counts * solution.masses[rows], minlength=len(masses))
    left: Floats = np.maximum(masses - served, 0.0)
    return left


def _uncovered(game: GroupGame, left: Floats, least: float) -> str:
    rest = np.flatnonzero(left > UNSERVED * game.types.masses.sum())[:10]
    named = ", ".join(f"{left[i]:.6g} of type {game.types.names[i]!r}" for i in rest)
    return (
        "the permitted groups cannot cover the market and leave over at least "
        f"{counted(least, 'person', 'people')}, such as {named}; "
        "set unlisted to zero, or list groups for them (such as groups of one type)"
    )


def as_wide(groups: GroupArray, width: int) -> GroupArray:
    """Return groups with members in ascending order, padded with -1 to at least ``width`` entries."""
    wide = np.full((len(groups), max(width, groups.shape[1])), np.iinfo(np.int32).max, dtype=np.int32)
    wide[:, : groups.shape[1]] = np.where(groups < 0, np.iinfo(np.int32).max, groups)
    wide.sort(axis=1)
    wide[wide == np.iinfo(np.int32).max] = -1
    return wide
