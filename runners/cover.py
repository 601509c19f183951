"""Who meets which threat: an exact dynamic programme over the ways to satisfy all of them.

A *clause* asks that some position i reach a threshold, ``x_i >= tau_i``. With a cost for every position and threshold,
the cheapest way to satisfy all clauses is found by branching on the hardest open clause (the one whose least threshold
is greatest) and memorising what is left: the open clauses, and the thresholds that their members have reached. A
member who reaches a high threshold meets most of its clauses and drops out, so the states are few: at most 2^n for
threats in proportion to weights, where this is the ordered search of the concept note.

The graph of states does not depend on the costs. It is built once, and then answers: the least cost
(:meth:`Cover.least`), and all ways of meeting the threats in the order of their costs (:meth:`Cover.within`).
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from breakaway.runners.search import NO_FOLLOWER, Clause, Number

Levels = tuple[int, ...]
"""For every position the number of the threshold reached; 0 is the lower bound, -1 means that it no longer matters."""

Key = tuple[int, Levels]
Move = tuple[tuple[tuple[int, int, int], ...], Key]
"""What one member's meeting the clause raises, as (position, from, to), and the state after it."""

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


def essential(clauses: Iterable[Clause]) -> list[Clause]:
    """Drop every clause that another one implies: with fewer members, each of whom asks for at least as much."""
    distinct = list(dict.fromkeys(tuple(sorted(clause)) for clause in clauses))
    if len(distinct) < 2:
        return distinct
    n = 1 + max(i for clause in distinct for i, _ in clause)
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
        limit: int = 60_000,
    ) -> None:
        self.lower = list(lower)
        self.clauses = sorted(clauses, key=lambda c: (-min(tau for _, tau in c), len(c)))
        self.follower = follower
        self.chain = self._chains(len(lower))
        self.thresholds = self._thresholds()
        self._met = self._met_masks(tolerance)
        self._contains = self._contain_masks()
        self._literals = [[(i, self._level(i, tau)) for i, tau in clause] for clause in self.clauses]
        self.root = self._key((1 << len(self.clauses)) - 1, (0,) * len(lower))
        self.moves: dict[Key, list[Move]] = {}
        self._order = self._build(limit)

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

    def _met_masks(self, tolerance: Number) -> list[list[int]]:
        """``met[i][k]``: the clauses that position i meets at its k-th threshold."""
        return [
            met_at(asked, taus, tolerance)
            for asked, taus in zip(literals_by_position(self.clauses, len(self.lower)), self.thresholds, strict=True)
        ]

    def _contain_masks(self) -> list[int]:
        """For every position, the clauses that contain it or a position of its chain."""
        own = [0] * len(self.lower)
        for bit, clause in enumerate(self.clauses):
            for i, _ in clause:
                own[i] |= 1 << bit
        masks = own.copy()
        for i, chain in enumerate(self.chain):
            for j in chain:
                masks[j] |= own[i]
        return masks

    def _key(self, open_clauses: int, levels: Sequence[int]) -> Key:
        """Forget the level of every position that no open clause can ask more of."""
        return open_clauses, tuple(
            level if open_clauses & mask else -1 for level, mask in zip(levels, self._contains, strict=True)
        )

    def _step(self, key: Key) -> list[Move]:
        """Return the ways to meet the hardest open clause."""
        open_clauses, levels = key
        hardest = (open_clauses & -open_clauses).bit_length() - 1
        moves = []
        for i, to in self._literals[hardest]:
            left, after, raised = open_clauses, list(levels), []
            for j in self.chain[i]:
                level = to if j == i else self._level(j, self.thresholds[i][to])
                if levels[j] < level:
                    raised.append((j, max(levels[j], 0), level))
                    after[j] = level
                    left &= ~self._met[j][level]
            moves.append((tuple(raised), self._key(left, after)))
        return moves

    def _build(self, limit: int) -> list[Key]:
        """Build the graph of states; return them so that every state comes after those that it leads to."""
        order: list[Key] = []
        stack: list[tuple[Key, bool]] = [(self.root, False)]
        while stack:
            key, done = stack.pop()
            if done:
                order.append(key)
                continue
            if key in self.moves:
                continue
            self.moves[key] = moves = self._step(key) if key[0] else []
            if len(self.moves) > limit:
                raise TooManyStatesError(f"more than {limit} states")
            stack.append((key, True))
            stack += [(after, False) for _, after in moves if after not in self.moves]
        return order

    def to_go(self, costs: Costs) -> dict[Key, Number]:
        """Return the least cost from every state to the end."""
        result: dict[Key, Number] = {}
        for key in self._order:
            moves = self.moves[key]
            result[key] = min((_cost(costs, raised) + result[after] for raised, after in moves), default=0)
        return result

    def least(self, costs: Costs) -> tuple[Number, list[Number]]:
        """Return the least cost of meeting all clauses, and the payoffs that it takes (by position)."""
        to_go = self.to_go(costs)
        payoffs = self.lower.copy()
        key = self.root
        while self.moves[key]:
            raised, key = min(self.moves[key], key=lambda move: _cost(costs, move[0]) + to_go[move[1]])
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
        heap: list[tuple[Number, int, Number, Key, Levels]] = [(to_go[self.root], 0, 0, self.root, start)]
        count = 0
        while heap and heap[0][0] <= limit:
            _, _, paid, key, levels = heapq.heappop(heap)
            if not key[0]:
                yield paid, [taus[level] for taus, level in zip(self.thresholds, levels, strict=True)]
            for raised, after in self.moves[key]:
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


def _cost(costs: Costs, raised: Sequence[tuple[int, int, int]]) -> Number:
    return sum(costs[j][to] - costs[j][fro] for j, fro, to in raised)
