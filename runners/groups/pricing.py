"""Pricing of groups in a pairwise game: good groups for every type quickly, and the best of all groups by proof.

At payoffs u a group is worth pricing when s(G) > u(G). The quick search starts from every type. The exact one
(:meth:`Pricer.prove`) bounds groups of n by sums over the pairs of their parts:

    w_ab = W_ab + (c_a + c_b) / (n - 1),   c = solo - u,        s(G) - u(G) = sum of w over the pairs of G - k_n,
    w^0 = w,   w^{r+1}_ab = w^r_ab + max_l (w^r_al + w^r_bl) / (m - 2)   with m = n - r.

Then for any part S of m - 1 members and any l, sum of w^r over the pairs of S + l <= sum of w^{r+1} over the pairs of
S, since every member of S is in m - 2 of its pairs. So w^{n-2}_ab bounds every group around a and b; pairs whose bound
is too low are dropped and the bounds computed once more. For n = 4 the triple bound is exact up to the exchange of a
maximum and a sum. What survives is enumerated.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray
from breakaway.runners.groups.protocol import Deadline, GroupData, Proof, never

Bools = NDArray[np.bool_]

SHARES = 8
"""Into how many shares loops over types are cut, whatever the number of threads, so that answers are the same."""

CHUNKS = 32
"""Into how many parts an exact search is cut, so that a time limit can stop it."""

BUFFER = 2
"""How many violated groups per type a share of a search keeps, besides the value of the best."""

REPEATED = 0.9
"""Bounds are computed once more when fewer than this fraction of the pairs survived."""


@dataclass(frozen=True, eq=False)
class PairwiseData(GroupData):
    """Arrays of a pairwise game."""

    solo: Floats
    values: Floats
    size_cost: Floats

    def raw(self, groups: GroupArray) -> Floats:
        """Return solo + pairs - cost of padded groups, of either sign."""
        total: Floats = np.append(self.solo, 0.0)[groups].sum(axis=1) - self.size_cost[(groups >= 0).sum(axis=1)]
        for b in range(1, groups.shape[1]):
            there = np.flatnonzero(groups[:, b] >= 0)
            for a in range(b):
                total[there] += self.values[groups[there, a], groups[there, b]]
        return total


class Pricer:
    """Prices the groups of one game; the threads it starts end with :meth:`close`."""

    def __init__(self, data: PairwiseData, threads: int | None = None) -> None:
        from breakaway.runners.groups import kernels  # noqa: PLC0415 - numba takes a while to import

        self.data = data
        self.kernels = kernels
        self.pool = ThreadPoolExecutor(min(threads or os.cpu_count() or 1, SHARES))

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown()

    def share(self, work: Callable[[int], Any]) -> list[Any]:
        """Do every share of some work; return the answers in order."""
        return list(self.pool.map(work, range(SHARES)))

    # --- quick search ------------------------------------------------------------------------------------------------

    def look(self, payoffs: Floats, trials: int) -> tuple[GroupArray, Floats]:
        """Return good groups for every type and size, padded and without repetition, and their s(G) - u(G).

        The first trial starts from the type alone, the others from pairs with types spread over all.
        """
        data = self.data
        offsets = np.array([-1, *(np.arange(1, trials) * data.types // trials)], dtype=np.int64)
        shape = (data.types, len(offsets), data.largest)
        found = np.full((*shape, data.largest), -1, dtype=np.int32)
        gains = np.empty(shape)
        margins = data.solo - payoffs
        best = self.kernels.best_with_each
        self.share(lambda t: best(margins, data.values, data.size_cost, offsets, t, SHARES, found, gains))
        permitted = slice(data.sizes.start - 1, None)
        return distinct(found[:, :, permitted].reshape(-1, data.largest), gains[:, :, permitted].ravel())

    # --- exact search ------------------------------------------------------------------------------------------------

    def prove(self, payoffs: Floats, spared: float, time_is_up: Deadline = never) -> Proof:
        """Search all permitted groups for s(G) > u(G) + spared * |G|; bound what a time limit leaves unsearched.

        ``spared`` > 0 is the payoff per member that the proof gives away in order not to visit groups that are tight.
        """
        excess = np.full(self.data.types, spared)
        groups, searched = [], True
        for n in self.data.sizes:
            proof = self._prove_size(payoffs, n, spared, time_is_up)
            excess = np.maximum(excess, proof.excess)
            groups.append(proof.groups)
            searched = searched and proof.searched
        return Proof(excess, np.concatenate(groups), searched)

    def _prove_size(self, payoffs: Floats, n: int, spared: float, time_is_up: Deadline) -> Proof:
        margins = self.data.solo - payoffs
        if n == 1:
            gain = margins - self.data.size_cost[1]
            return Proof(gain, self._padded(np.flatnonzero(gain > spared)[:, None]), True)
        edges = self.data.values + (margins[:, None] + margins[None]) / (n - 1)
        threshold = float(self.data.size_cost[n] + n * spared)
        if n == 2:
            best, groups = self._pairs(edges, threshold)
            return Proof((best - self.data.size_cost[n]) / n, self._padded(groups), True)
        best, groups, searched = self._search(self._reach(edges, n, threshold), threshold, time_is_up)
        return Proof((best - self.data.size_cost[n]) / n, self._padded(groups), searched)

    def _reach(self, edges: Floats, n: int, threshold: float) -> Floats:
        """Return w^0, ..., w^{n-2} with dead pairs, shape (n - 1, types, types)."""
        live = np.ones(edges.shape, dtype=bool)
        while True:
            reach = [np.where(live, edges, self.kernels.DEAD)]
            for m in range(n, 2, -1):
                reach.append(reach[-1] + self._third(reach[-1], live) / (m - 2))
            survive = reach[-1] > threshold
            enough = survive.sum() >= REPEATED * live.sum()
            live = survive
            if enough:
                return np.array(reach)

    def _third(self, edges: Floats, live: Bools) -> Floats:
        third = np.full(edges.shape, self.kernels.DEAD)
        self.share(lambda t: self.kernels.best_third(edges, live, t, SHARES, third))
        both: Floats = np.maximum(third, third.T)
        return both

    def _pairs(self, edges: Floats, threshold: float) -> tuple[Floats, GroupArray]:
        """Price all pairs: the best edge value of every type, and the best pair of every type above the threshold."""
        partner = edges.argmax(axis=1)
        best = edges[np.arange(len(edges)), partner]
        above = np.flatnonzero(best > threshold)
        return best, np.sort(np.column_stack([above, partner[above]]), axis=1)

    def _search(self, reach: Floats, threshold: float, time_is_up: Deadline) -> tuple[Floats, GroupArray, bool]:
        types, n = self.data.types, len(reach) + 1
        best = np.full((SHARES, types), threshold)
        buffers = np.empty((SHARES, BUFFER * types, n), dtype=np.int32)
        filled = np.zeros((SHARES, 1), dtype=np.int64)

        def work(share: int, first: int, stop: int) -> None:
            own = best[share], buffers[share], filled[share]
            self.kernels.search(reach, threshold, first + share, stop, SHARES, *own)

        for first, stop in pairwise(np.linspace(0, types, CHUNKS + 1).astype(np.int64)):
            if time_is_up():
                return self._unsearched(reach, first, best.max(axis=0)), _rows(buffers, filled), False
            self.share(partial(work, first=first, stop=stop))
        return best.max(axis=0), _rows(buffers, filled), True

    @staticmethod
    def _unsearched(reach: Floats, first: int, best: Floats) -> Floats:
        """Bound the edge sums of groups that consist of types from ``first`` on by the best bound of their pairs."""
        bound = best.copy()
        bound[first:] = np.maximum(bound[first:], reach[-1][first:, first:].max(axis=1))
        return bound

    def _padded(self, groups: NDArray[Any]) -> GroupArray:
        padded = np.full((len(groups), self.data.largest), -1, dtype=np.int32)
        padded[:, : groups.shape[1]] = groups
        return padded


def distinct(groups: GroupArray, gains: Floats) -> tuple[GroupArray, Floats]:
    """Sort the members of every group, with -1 last, and drop repetitions."""
    padded = np.where(groups < 0, np.iinfo(np.int32).max, groups)
    padded.sort(axis=1)
    padded[padded == np.iinfo(np.int32).max] = -1
    rows, first = np.unique(padded, axis=0, return_index=True)
    return rows, gains[first]


def _rows(buffers: NDArray[np.int32], filled: NDArray[np.int64]) -> GroupArray:
    return np.concatenate([buffer[:count] for buffer, (count,) in zip(buffers, filled, strict=True)])
