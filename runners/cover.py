"""Who meets which threat: an exact dynamic programme over the ways to satisfy all of them.

A *clause* asks that some position i reach a threshold, ``x_i >= tau_i``. With a cost for every position and threshold,
the cheapest way to satisfy all clauses is found by branching on the hardest open clause (the one whose least threshold
is greatest) and memorising what is left: the open clauses, and the thresholds that their members have reached. A
member who reaches a high threshold meets most of its clauses and drops out, so the states are few: at most 2^n when
every threat asks the same of all its members.

The graph of states does not depend on the costs. It is built once, and then answers: the least cost
(:meth:`Cover.least`), and all ways of meeting the threats in the order of their costs (:meth:`Cover.within`). Sets of
clauses are bits of an integer; the least costs of all states at one distance from the end are found together.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby

import numpy as np
from numpy.typing import NDArray

from breakaway.runners.search import NO_FOLLOWER, Clause, Number

Levels = tuple[int, ...]
"""For every position the number of the threshold reached; 0 is the lower bound, -1 means that it no longer matters."""

Key = tuple[int, Levels]
"""The number of the set of open clauses, and the levels."""

Raised = tuple[tuple[int, int, int], ...]
"""What one member's meeting a clause raises, as (position, from, to)."""

Move = tuple[Raised, int]
"""What is raised, and the number of the state after it."""

Costs = Sequence[Sequence[Number]]
"""``costs[i][k]``: cost of position i at its k-th threshold; 0 at k = 0, ascending in k."""


class TooManyStatesError(RuntimeError):
    """The graph of states outgrew its limit; branch and bound is the better method then."""


def literals_by_position(clauses: Sequence[Clause], n: int) -> list[list[tuple[Number, int]]]:
    """For every position, the thresholds asked of it with the number of the clause, ascending."""
    asked: list[list[tuple[Number, int]]] = [[] for _ in range(n)]
    for number, clause in enumerate(clauses):
        for i, tau in clause:
            asked[i].append((tau, number))
    return [sorted(pairs) for pairs in asked]


def met_at(asked: Sequence[tuple[Number, int]], levels: Sequence[Number], tolerance: Number) -> list[int]:
    """Return, for ascending levels of one position, the bitsets of the clauses that are met there."""
    masks, mask, k = [], 0, 0
    for level in levels:
        while k < len(asked) and asked[k][0] <= level + tolerance:
            mask |= 1 << asked[k][1]
            k += 1
        masks.append(mask)
    return masks


MANY = 1_500
"""More clauses than these are compared by coalitions first, which takes n 2^n steps."""

MOST_POSITIONS = 20
"""Up to this many positions all coalitions are tabulated."""


def essential(clauses: Iterable[Clause]) -> list[Clause]:
    """Drop every clause that another one implies: with fewer members, each of whom asks for at least as much."""
    distinct = list(dict.fromkeys(tuple(sorted(clause)) for clause in clauses))
    if len(distinct) < 2:
        return distinct
    n = 1 + max(i for clause in distinct for i, _ in clause)
    if len(distinct) > MANY and n <= MOST_POSITIONS:
        distinct = _not_outdone(distinct, n)
        if all(tau == clause[0][1] for clause in distinct for _, tau in clause):
            return distinct
    return _not_implied(distinct, n)


def _not_outdone(clauses: Sequence[Clause], n: int) -> list[Clause]:
    """Drop clauses all of whose members ask for no more than everybody does in one clause of fewer members.

    Where a clause asks the same of all its members, as equal division does, this drops every clause that is implied.
    """
    coalitions = np.array([sum(1 << i for i, _ in clause) for clause in clauses])
    least = np.array([float(min(tau for _, tau in clause)) for clause in clauses])
    most = np.array([float(max(tau for _, tau in clause)) for clause in clauses])
    inside = np.full(1 << n, -np.inf)
    np.maximum.at(inside, coalitions, least)
    own = inside[coalitions]
    strictly = np.full(1 << n, -np.inf)
    table, below = inside.reshape((2,) * n), strictly.reshape((2,) * n)
    for axis in range(n):
        without, within = _halves(n, axis)
        below[within] = np.maximum(below[within], np.maximum(table[without], below[without]))
        table[within] = np.maximum(table[within], table[without])
    outdone = (strictly[coalitions] >= most) | (own > most)
    return [clause for clause, drop in zip(clauses, outdone.tolist(), strict=True) if not drop]


def _halves(n: int, axis: int) -> tuple[tuple[slice | int, ...], tuple[slice | int, ...]]:
    """Index a table over coalitions, one axis per player: those without a player, and those with it."""
    before = (slice(None),) * axis
    after = (slice(None),) * (n - axis - 1)
    return (*before, 0, *after), (*before, 1, *after)


def _not_implied(distinct: Sequence[Clause], n: int) -> list[Clause]:
    asked = literals_by_position(distinct, n)
    levels = [sorted({tau for tau, _ in pairs}) for pairs in asked]
    met = [dict(zip(taus, met_at(pairs, taus, 0), strict=True)) for pairs, taus in zip(asked, levels, strict=True)]
    implied = 0
    for number, clause in enumerate(distinct):
        weaker = -1
        for i, tau in clause:
            weaker &= met[i][tau]
        implied |= weaker & ~(1 << number)
    return [clause for number, clause in enumerate(distinct) if not implied >> number & 1]


class Cover:
    """The states in which some clauses are still open, from the lower bounds to all clauses met.

    Parameters
    ----------
    lower
        Lower bounds by position; no clause is met by them.
    clauses
        The threats, each with two members or more.
    tolerance
        A threshold counts as reached from ``tau - tolerance`` on.
    follower
        The next position of the same chain of identical players, whose payoff is at least as high.
    limit
        Most states.
    """

    def __init__(
        self,
        lower: Sequence[Number],
        clauses: Sequence[Clause],
        tolerance: Number,
        follower: Sequence[int] | None = None,
        limit: int = 100_000,
    ) -> None:
        self.lower = list(lower)
        self.clauses = sorted(clauses, key=lambda c: (-min(tau for _, tau in c), len(c)))
        self.follower = follower
        self.chain = self._chains(len(lower))
        self.thresholds = self._thresholds()
        self._tolerance = tolerance
        self._asked = literals_by_position(self.clauses, len(lower))
        self._own = [sum(1 << number for _, number in asked) for asked in self._asked]
        self._contains = self._contain_masks()
        self._literals = [[(i, self._level(i, tau)) for i, tau in clause] for clause in self.clauses]
        self._highest_from = self._highest_asked()
        self._left_at: dict[tuple[int, int], int] = {}
        self._sets: list[int] = []
        self._known: dict[int, tuple[int, tuple[bool, ...]]] = {}
        self.moves: list[list[Move]] = []
        self._build(limit)
        self.root = len(self.moves) - 1
        self._graph = _Graph(self.moves, [len(taus) for taus in self.thresholds])

    def _chains(self, n: int) -> list[tuple[int, ...]]:
        """For every position, the positions of its chain from itself on."""
        result = []
        for position in range(n):
            chain, i = [], position
            while i != NO_FOLLOWER:
                chain.append(i)
                i = self.follower[i] if self.follower else NO_FOLLOWER
            result.append(tuple(chain))
        return result

    def _thresholds(self) -> list[list[Number]]:
        found: list[set[Number]] = [set() for _ in self.lower]
        for clause in self.clauses:
            for i, tau in clause:
                for j in self.chain[i]:
                    found[j].add(tau)
        for i, chain in enumerate(self.chain):  # a chain shares its thresholds: a raised head raises its followers
            for j in chain:
                found[j] |= found[i]
        return [[low, *(tau for tau in sorted(taus) if tau > low)] for low, taus in zip(self.lower, found, strict=True)]

    def _level(self, i: int, tau: Number) -> int:
        return bisect_left(self.thresholds[i], tau)

    def _highest_asked(self) -> list[list[Number]]:
        """For every position and clause, the highest threshold that this clause or a later one asks."""
        result = []
        for low, asked in zip(self.lower, self._asked, strict=True):
            row = [low] * len(self.clauses)
            for tau, number in asked:
                row[number] = tau
            result.append(list(accumulate(reversed(row), max))[::-1])
        return result

    def _left(self, i: int, level: int, hardest: int) -> int:
        """Return the clauses that stay open when a position reaches a level; those before the hardest are met."""
        if self._highest_from[i][hardest] <= self.thresholds[i][level] + self._tolerance:
            return ~self._own[i]
        if (i, level) not in self._left_at:
            self._left_at[i, level] = ~met_at(self._asked[i], [self.thresholds[i][level]], self._tolerance)[0]
        return self._left_at[i, level]

    def _contain_masks(self) -> list[int]:
        """For every position, the clauses that contain it or a position of its chain."""
        own = self._own
        masks = own.copy()
        for i, chain in enumerate(self.chain):
            for j in chain:
                masks[j] |= own[i]
        return masks

    def _key(self, open_clauses: int, levels: Iterable[int]) -> Key:
        """Forget the level of every position that no open clause can ask more of."""
        known = self._known.get(open_clauses)
        if known is None:
            known = len(self._sets), tuple(open_clauses & mask != 0 for mask in self._contains)
            self._known[open_clauses] = known
            self._sets.append(open_clauses)
        number, matters = known
        return number, tuple([level if own else -1 for level, own in zip(levels, matters, strict=True)])

    def _step(self, key: Key) -> list[tuple[Raised, Key]]:
        """Return the ways to meet the hardest open clause; none when all are met."""
        open_clauses, levels = self._sets[key[0]], key[1]
        if not open_clauses:
            return []
        hardest = (open_clauses & -open_clauses).bit_length() - 1
        moves = []
        for i, to in self._literals[hardest]:
            left, after, raised = open_clauses, list(levels), []
            for j in self.chain[i]:
                level = to if j == i else self._level(j, self.thresholds[i][to])
                if levels[j] < level:
                    raised.append((j, max(levels[j], 0), level))
                    after[j] = level
                    left &= self._left(j, level, hardest)
            moves.append((tuple(raised), self._key(left, after)))
        return moves

    def _build(self, limit: int) -> None:
        """Build the graph of states, numbered so that every state comes after those that it leads to."""
        found: dict[Key, list[tuple[Raised, Key]]] = {}
        number: dict[Key, int] = {}
        root = self._key((1 << len(self.clauses)) - 1, (0,) * len(self.lower))
        stack: list[tuple[Key, bool]] = [(root, False)]
        while stack:
            key, done = stack.pop()
            if done:
                number[key] = len(self.moves)
                self.moves.append([(raised, number[after]) for raised, after in found[key]])
                found[key] = []
                continue
            if key in found:
                continue
            found[key] = moves = self._step(key)
            if len(found) > limit:
                raise TooManyStatesError(f"more than {limit} states")
            stack.append((key, True))
            stack += [(after, False) for _, after in moves if after not in found]
        self._known.clear()
        self._sets.clear()
        self._left_at.clear()

    def to_go(self, costs: Costs) -> list[Number]:
        """Return the least cost from every state to the end."""
        return self._graph.to_go(costs)

    def least(self, costs: Costs) -> tuple[Number, list[Number]]:
        """Return the least cost of meeting all clauses, and the payoffs that it takes (by position)."""
        to_go = self.to_go(costs)
        payoffs = self.lower.copy()
        state = self.root
        while self.moves[state]:
            raised, state = min(self.moves[state], key=lambda move: _cost(costs, move[0]) + to_go[move[1]])
            for j, _, level in raised:
                payoffs[j] = self.thresholds[j][level]
        return to_go[self.root], payoffs

    def within(self, costs: Costs, limit: Number = math.inf) -> Iterator[tuple[Number, list[Number]]]:
        """Yield (cost, payoffs) of the ways of meeting all clauses, cheapest first, up to a cost.

        Every allocation that meets all clauses is at least as high as one of the ways yielded (given no limit).
        """
        to_go = self.to_go(costs)
        start = (0,) * len(self.lower)
        seen = {start}
        heap: list[tuple[Number, int, Number, int, Levels]] = [(to_go[self.root], 0, 0, self.root, start)]
        count = 0
        while heap and heap[0][0] <= limit:
            _, _, paid, state, levels = heapq.heappop(heap)
            if not self.moves[state]:
                yield paid, [taus[level] for taus, level in zip(self.thresholds, levels, strict=True)]
            for raised, after in self.moves[state]:
                reached = list(levels)
                for j, _, level in raised:
                    reached[j] = level
                new = tuple(reached)
                if new in seen:
                    continue
                seen.add(new)
                count += 1
                cost = paid + _cost(costs, raised)
                heapq.heappush(heap, (cost + to_go[after], count, cost, after, new))


class _Graph:
    """The graph of states as arrays: least costs by layers of states at one distance from the end."""

    def __init__(self, moves: Sequence[Sequence[Move]], sizes: Sequence[int]) -> None:
        offsets = [0, *accumulate(sizes)]
        height: list[int] = []
        for ways in moves:
            height.append(1 + max((height[after] for _, after in ways), default=-1))
        order = sorted(range(len(moves)), key=height.__getitem__)
        flat = [move for state in order for move in moves[state]]
        raises = [(offsets[j] + fro, offsets[j] + to) for raised, _ in flat for j, fro, to in raised]
        self.states = len(moves)
        self._from = np.array([fro for fro, _ in raises], dtype=np.intp)
        self._to = np.array([to for _, to in raises], dtype=np.intp)
        self._first_raise = np.array([0, *accumulate(len(raised) for raised, _ in flat)][:-1], dtype=np.intp)
        self._after = np.array([after for _, after in flat], dtype=np.intp)
        self._layers = list(_layers(moves, order, height))

    def to_go(self, costs: Costs) -> list[Number]:
        """Return the least cost from every state to the end."""
        if not self._layers:
            return [0] * self.states
        cost = np.concatenate([np.asarray(row) for row in costs])
        paid = np.add.reduceat(cost[self._to] - cost[self._from], self._first_raise)
        result = np.zeros(self.states, dtype=paid.dtype)
        for states, moves, first in self._layers:
            result[states] = np.minimum.reduceat(paid[moves] + result[self._after[moves]], first)
        found: list[Number] = result.tolist()
        return found


def _layers(
    moves: Sequence[Sequence[Move]], order: Sequence[int], height: Sequence[int]
) -> Iterator[tuple[NDArray[np.intp], slice, NDArray[np.intp]]]:
    """Yield, from the end on, the states of a layer, their moves, and where those of each state begin."""
    start = 0
    for level, group in groupby(order, key=height.__getitem__):
        states = list(group)
        first = [0, *accumulate(len(moves[state]) for state in states)]
        if level:
            yield np.array(states), slice(start, start + first[-1]), np.array(first[:-1])
        start += first[-1]


def _cost(costs: Costs, raised: Sequence[tuple[int, int, int]]) -> Number:
    return sum(costs[j][to] - costs[j][fro] for j, fro, to in raised)
