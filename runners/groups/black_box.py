"""Column generation for a surplus that is a vectorised function of type numbers, and nothing is known about it.

The quick search builds a group for every type and size, member by member, then exchanges single members; each step
evaluates one batch of types x types groups. The exact search evaluates all groups once, in blocks of groups that share
their two least members. Of every block it keeps the largest s(G) and, from the pass that saw it last at payoffs u', the
largest s(G) - u'(G). At other payoffs u, with d = u' - u, no group of the block {i, j} + rest gains more than

    max (s - u') + d_i + d_j + (n - 2) max_{k >= j} d_k,     nor than     max s - u_i - u_j - (n - 2) min_{k >= j} u_k,

so later passes evaluate only the blocks in which some group might gain. Until every group has been evaluated once
nothing is proven, and the bound is infinite.

What the function returns is checked whenever it is called; that it is symmetric is checked on a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray, SurplusFunctionGame, Types, multisets, one_type_groups, surpluses
from breakaway.runners.groups.engine import Clock, ProgressCall, generate_columns
from breakaway.runners.groups.pricing import distinct
from breakaway.runners.groups.protocol import Deadline, GroupData, Proof, never
from breakaway.runners.groups.solution import GroupSolution

SAMPLE = 1_000
"""Groups of every size whose surplus is compared with that of the same members in another order."""

ALIKE = 1e-9
"""Difference between two orders, relative to the larger surplus, that counts as rounding."""

BATCH = 200_000
"""About how many groups the function is given at once."""

SWEEPS = 3
"""Most rounds of exchanges of single members."""

MOST_TRIALS = 4
"""Most starts per type and look; exact passes, whose bounds are kept, then find more for the same price."""

SAME = 1e-12
"""An improvement, in units of the largest surplus, that is rounding."""

Rows = NDArray[np.int64]


# --- the function, checked -------------------------------------------------------------------------------------------


def checked_game(game: SurplusFunctionGame) -> SurplusFunctionGame:
    """Return the game with a function that refuses NaN, infinite and negative surpluses.

    Raises
    ------
    ValueError
        At once when a sample shows that the surplus depends on the order of members, or breaks a rule; later, from the
        function itself, when it breaks one.
    """
    checked = replace(game, surplus=_Checked(game.types, game.surplus))
    rng = np.random.default_rng(0)
    for size in range(game.min_size, game.max_size + 1):
        groups = np.sort(rng.integers(len(game.types), size=(SAMPLE, size)), axis=1)
        _check_symmetric(game.types, checked.surplus, groups, rng.permuted(groups, axis=1))
    return checked


def _check_symmetric(types: Types, surplus: Callable[[Rows], Floats], groups: Rows, shuffled: Rows) -> None:
    one, other = surplus(groups), surplus(shuffled)
    differ = np.flatnonzero(np.abs(one - other) > ALIKE * np.maximum(one, other))
    if len(differ):
        k = differ[0]
        raise ValueError(
            f"the surplus is not symmetric: {types.group_name(groups[k])} is worth {one[k]:.12g}, but in the order "
            f"{types.group_name(shuffled[k])} it is worth {other[k]:.12g}; make the function sort each group first "
            "(np.sort(groups, axis=1)), or average over orders"
        )


def _real(answer: Any) -> Floats:
    """Return the answer of a function as floats; complex numbers would lose a part without a word."""
    if np.iscomplexobj(answer):
        raise ValueError("the surplus function returned complex numbers: make it return real ones")
    return np.asarray(answer, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A surplus function whose answers are looked at."""

    types: Types
    surplus: Callable[[Rows], Floats]

    def __call__(self, groups: Rows) -> Floats:
        """Return the surpluses of groups of one size.

        Raises
        ------
        ValueError
            For an answer of another shape, NaN, infinity, or less than 0; the message names the group.
        Exception
            What the function itself raises, with a note that names a group.
        """
        try:
            found = _real(self.surplus(groups.copy()))
        except Exception as error:
            error.add_note(f"the surplus function failed at group {self.types.group_name(self._failing(groups))}")
            raise
        if found.shape != (len(groups),):
            raise ValueError(
                f"the surplus function got groups of shape {groups.shape} and returned shape {found.shape}: return one "
                f"number for each row, shape ({len(groups)},)"
            )
        if len(found) and not (found.min() >= 0.0 and np.isfinite(found.max())):
            raise ValueError(self._complaint(groups, found))
        return found

    def _failing(self, groups: Rows) -> list[int]:
        """Return a group at which the function fails, by halving."""
        while len(groups) > 1:
            half = groups[: len(groups) // 2]
            try:
                _real(self.surplus(half.copy()))
            except Exception:
                groups = half
            else:
                groups = groups[len(half) :]
        members: list[int] = groups[0].tolist()
        return members

    def _complaint(self, groups: Rows, found: Floats) -> str:
        k = np.flatnonzero(~(np.isfinite(found) & (found >= 0.0)))[0]
        name = self.types.group_name(groups[k])
        if np.isfinite(found[k]):
            return f"group {name} has surplus {found[k]:.12g}; surpluses are 0 or above: return np.maximum(0, ...)"
        return f"group {name} has surplus {found[k]}: return a finite number for every permitted group"


# --- the game as the master sees it ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class BlackBoxData(GroupData):
    """A game whose surplus is a function."""

    game: SurplusFunctionGame

    def raw(self, groups: GroupArray) -> Floats:
        """Return the surplus of padded groups."""
        return surpluses(self.game, groups) / self.largest_entry

    def of_size(self, groups: Rows) -> Floats:
        """Return the surplus of groups of one size."""
        return np.asarray(self.game.surplus(groups), dtype=np.float64) / self.largest_entry


def scaled_data(game: SurplusFunctionGame) -> BlackBoxData:
    """Return the data in units of the largest surplus of a sample."""
    rng = np.random.default_rng(1)
    largest = float(surpluses(game, one_type_groups(game)).max(initial=0.0))
    for size in range(game.min_size, game.max_size + 1):
        groups = np.sort(rng.integers(len(game.types), size=(SAMPLE, size)), axis=1)
        largest = max(largest, float(game.surplus(groups).max()))
    masses = game.types.masses
    sizes = range(game.min_size, game.max_size + 1)
    return BlackBoxData(masses / masses.sum(), sizes, largest or 1.0, game)


# --- the exact search ------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Blocks:
    """All groups of one size n, in blocks that share their two least members (one when n = 2, none when n = 1).

    Row b of ``heads`` has the members that the groups of block b share; the others are the rows of ``rests`` from
    ``first[b]`` on, those with members not below the last one shared. ``highest`` is the largest s of a block,
    ``gained`` the largest s - u' when it was evaluated last, in pass ``seen`` (-1: never) at payoffs ``passes[seen]``.
    """

    types: int
    size: int
    passes: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        """List heads and rests."""
        shared = min(2, self.size - 1)
        self.heads = multisets(self.types, shared).astype(np.int64) if shared else np.zeros((1, 0), dtype=np.int64)
        self.rests = multisets(self.types, self.size - shared).astype(np.int64)
        starts = np.searchsorted(self.rests[:, 0], np.arange(self.types))
        self.first = starts[self.heads[:, -1]] if shared else np.zeros(1, dtype=np.int64)
        self.lengths = len(self.rests) - self.first
        self.highest = np.full(len(self.heads), np.inf)
        self.gained = np.full(len(self.heads), np.inf)
        self.seen = np.full(len(self.heads), -1)

    @cached_property
    def lasts(self) -> Rows:
        """Return for every block the least type that the rest may have."""
        return self.heads[:, -1] if self.heads.shape[1] else np.zeros(1, dtype=np.int64)

    def bounds(self, payoffs: Floats) -> Floats:
        """Return bounds of s - u in every block: infinite where it was never evaluated."""
        bound = self.highest + self._most(-payoffs)
        for k, before in enumerate(self.passes):
            own = self.seen == k
            bound[own] = np.minimum(bound[own], (self.gained + self._most(before - payoffs))[own])
        return bound

    def _most(self, values: Floats) -> Floats:
        """Return for every block a bound of the sum of values over the members of a group."""
        highest = np.maximum.accumulate(values[::-1])[::-1]
        total: Floats = values[self.heads].sum(axis=1) + self.rests.shape[1] * highest[self.lasts]
        return total

    def batches(self, blocks: Rows) -> Iterator[Rows]:
        """Cut blocks into batches of about :data:`BATCH` groups."""
        ends = np.cumsum(self.lengths[blocks])
        batch = ends // BATCH
        for part in np.split(blocks, np.flatnonzero(np.diff(batch)) + 1):
            if len(part):
                yield part

    def groups_of(self, blocks: Rows) -> tuple[Rows, Rows]:
        """Return all groups of some blocks, and where each block starts among them."""
        lengths = self.lengths[blocks]
        starts = np.cumsum(lengths) - lengths
        place = np.arange(lengths.sum()) + np.repeat(self.first[blocks] - starts, lengths)
        heads = np.repeat(self.heads[blocks], lengths, axis=0)
        return np.column_stack([heads, self.rests[place]]), starts


class BlackBoxPricer:
    """Prices groups by calling the surplus function."""

    def __init__(self, data: BlackBoxData) -> None:
        from breakaway.runners.groups import kernels  # noqa: PLC0415 - numba takes a while to import

        self.data, self.kernels = data, kernels
        self.blocks: dict[int, Blocks] = {}
        self.evaluated = 0

    def close(self) -> None:
        """Forget the bounds of blocks."""
        self.blocks.clear()

    # --- quick search ------------------------------------------------------------------------------------------------

    def look(self, payoffs: Floats, trials: int) -> tuple[GroupArray, Floats]:
        """Return a good group for every type and size: greedy, then exchanges of all members but the first.

        The first trial starts from the type alone, the others from pairs with types spread over all.
        """
        found = []
        own = np.arange(self.data.types)
        for trial in range(min(trials, MOST_TRIALS)):
            groups = own[:, None]
            for size in range(1, self.data.largest + 1):
                if size == 2 and trial:
                    partner = (own + trial * self.data.types // trials) % self.data.types
                    groups = np.column_stack([own, partner])
                elif size > 1:
                    groups = self._improved(np.column_stack([groups, groups[:, -1]]), payoffs)
                if size in self.data.sizes:
                    gains = self.data.of_size(np.sort(groups, axis=1)) - payoffs[groups].sum(axis=1)
                    found.append((self._padded(groups), gains))
        return distinct(np.concatenate([g for g, _ in found]), np.concatenate([gain for _, gain in found]))

    def _improved(self, groups: Rows, payoffs: Floats) -> Rows:
        """Choose the last member of every group best, then exchange others as long as some group improves."""
        size = groups.shape[1]
        worth = np.full(len(groups), -np.inf)
        self._exchange(groups, worth, size - 1, payoffs)
        for _ in range(SWEEPS if size > 2 else 0):
            before = worth.copy()
            for place in range(1, size):
                self._exchange(groups, worth, place, payoffs)
            if (worth <= before + SAME).all():
                break
        return groups

    def _exchange(self, groups: Rows, worth: Floats, place: int, payoffs: Floats) -> None:
        """Put at one place of every group the type that is best there; ``groups`` and ``worth`` are changed."""
        types, size = self.data.types, groups.shape[1]
        rows = max(1, BATCH // types)
        for first in range(0, len(groups), rows):
            part = groups[first : first + rows]
            tried = np.repeat(part, types, axis=0)
            tried[:, place] = np.tile(np.arange(types), len(part))
            gains = self._surplus_any_order(tried, size) - payoffs[tried].sum(axis=1)
            gains = gains.reshape(len(part), types)
            best = gains.argmax(axis=1)
            top = gains[np.arange(len(part)), best]
            better = np.flatnonzero(top > worth[first : first + rows] + SAME)
            part[better, place] = best[better]
            worth[first + better] = top[better]

    def _surplus_any_order(self, groups: Rows, size: int) -> Floats:
        """Return surpluses of groups, permitted in size or on the way to one that is."""
        return self.data.of_size(np.sort(groups, axis=1)) if size in self.data.sizes else np.zeros(len(groups))

    # --- exact search ------------------------------------------------------------------------------------------------

    def prove(self, payoffs: Floats, spared: float, time_is_up: Deadline = never) -> Proof:
        """Evaluate all groups that might gain more than ``spared`` per member; bound what a time limit leaves out."""
        excess = np.full(self.data.types, spared)
        found: list[GroupArray] = []
        searched = True
        for size in self.data.sizes:
            if size not in self.blocks and time_is_up():
                return Proof(np.full(self.data.types, np.inf), self._joined(found), False)
            blocks = self.blocks.setdefault(size, Blocks(self.data.types, size))
            whole = self._pass(blocks, payoffs, spared, excess, found, time_is_up)
            searched = searched and whole
        return Proof(excess, self._joined(found), searched)

    def _pass(
        self,
        blocks: Blocks,
        payoffs: Floats,
        spared: float,
        excess: Floats,
        found: list[GroupArray],
        time_is_up: Deadline,
    ) -> bool:
        """Evaluate the blocks of one size that matter; raise ``excess``, extend ``found``; False when cut short."""
        threshold = blocks.size * spared
        bounds = blocks.bounds(payoffs)
        open_blocks = np.flatnonzero(bounds > threshold)
        for part in blocks.batches(open_blocks):
            if time_is_up():
                rest = open_blocks[np.searchsorted(open_blocks, part[0]) :]
                self._unsearched(blocks, rest, bounds, excess)
                return False
            if part[0] == open_blocks[0]:
                blocks.passes.append(payoffs.copy())
            self._evaluate(blocks, part, payoffs, threshold, excess, found)
        return True

    def _evaluate(
        self,
        blocks: Blocks,
        part: Rows,
        payoffs: Floats,
        threshold: float,
        excess: Floats,
        found: list[GroupArray],
    ) -> None:
        """Evaluate all groups of some blocks and keep what they show."""
        groups, starts = blocks.groups_of(part)
        surplus = self.data.of_size(groups)
        gains = surplus - payoffs[groups].sum(axis=1)
        blocks.highest[part] = np.maximum.reduceat(surplus, starts)
        blocks.gained[part] = np.maximum.reduceat(gains, starts)
        blocks.seen[part] = len(blocks.passes) - 1
        self.evaluated += len(groups)
        better = np.flatnonzero(gains > threshold)
        if len(better):
            kept = better[best_of_each(groups[better], gains[better], self.data.types)]
            share = np.repeat(gains[kept] / blocks.size, blocks.size)
            np.maximum.at(excess, groups[kept].ravel(), share)
            found.append(self._padded(groups[kept]))

    @staticmethod
    def _unsearched(blocks: Blocks, rest: Rows, bounds: Floats, excess: Floats) -> None:
        """Raise ``excess`` by the bounds of blocks that were not evaluated, for every type that may be in them."""
        share = bounds[rest] / blocks.size
        np.maximum.at(excess, blocks.heads[rest].ravel(), np.repeat(share, blocks.heads.shape[1]))
        from_type = np.full(len(excess), -np.inf)
        np.maximum.at(from_type, blocks.lasts[rest], share)
        np.maximum(excess, np.maximum.accumulate(from_type), out=excess)

    def _padded(self, groups: NDArray[Any]) -> GroupArray:
        padded = np.full((len(groups), self.data.largest), -1, dtype=np.int32)
        padded[:, : groups.shape[1]] = groups
        return padded

    def _joined(self, found: list[GroupArray]) -> GroupArray:
        """Return all groups found."""
        return np.concatenate(found) if found else np.empty((0, self.data.largest), dtype=np.int32)


def best_of_each(groups: Rows, gains: Floats, types: int) -> Rows:
    """Return the positions of the groups that gain most for some type among these."""
    order: Rows = np.argsort(gains, kind="stable")
    best = np.full(types, -1)
    for members in groups[order].T:
        higher = np.full(types, -1)
        higher[members] = np.arange(len(order))
        best = np.maximum(best, higher)
    chosen: Rows = order[np.unique(best[best >= 0])]
    return chosen


def solve_black_box(
    game: SurplusFunctionGame,
    tolerance: float = 1e-7,
    time_limit: float | None = None,
    progress: ProgressCall | None = None,
) -> GroupSolution:
    """Return a stable assignment and an imputation of a game whose surplus is a function, and the gap between them.

    Parameters
    ----------
    game
        The game; every group of ``min_size`` to ``max_size`` members is permitted, with repeated types.
    tolerance
        Gap at which the answer is complete, relative to the welfare.
    time_limit
        Seconds after which the best assignment and the best proven bound are returned as they are; the bound is
        infinite while some group has never been evaluated.
    progress
        Is told of every round.

    Raises
    ------
    ValueError
        When the function returns NaN, infinity, a negative number or a wrong shape, or depends on the order of members.
    """
    clock = Clock(time_limit)
    checked = checked_game(game)
    data = scaled_data(checked)
    unit = data.largest_entry * float(game.types.masses.sum())
    return generate_columns(checked, BlackBoxPricer(data), unit, tolerance, clock, progress)
