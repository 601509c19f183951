"""Which groups could do better than an imputation gives them: an exhaustive search in numpy, of its own.

With c_i = solo_i - u_i the gain of a group in a pairwise game is the sum of c over its members, of W over its pairs,
less the cost of its size. Up to three members all groups are gone through as matrices. Of four members, let (i, j) be
the pair of the group with the greatest own value P_ij = c_i + c_j + W_ij. Whoever joins as k adds at most
h(k) + q_k / 2 with h(k) = W_ik + W_jk and q_k = max over l of min(P_kl, P_ij), twice; pairs and joiners that this bound
rules out are left out, the rest is gone through. Gains are in units of surplus.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupGame,
    PairwiseGroupGame,
    SurplusFunctionGame,
    permitted_groups,
    surplus_of,
)

MOST_ENUMERATED = 20_000_000
"""Most groups that are gone through one by one."""

CHUNK = 200_000
"""Groups that are evaluated at a time."""


@dataclass
class Blocking:
    """What a search has found.

    ``excess[i]`` is the largest gain per member over all groups with type i, at least 0: raising every payoff by it
    leaves no group anything to gain. ``gain`` and ``group`` are the largest gain and a group that has it;
    ``exhaustive`` tells whether every permitted group that gains anything was seen. ``largest`` is the largest surplus
    seen or, of a pairwise game, the largest entry of its tables.
    """

    excess: Floats
    gain: float = -math.inf
    group: tuple[int, ...] = ()
    covered: int = 0
    exhaustive: bool = True
    largest: float = 0.0
    notes: list[str] = field(default_factory=list)

    def see(self, gains: Floats, groups: np.ndarray) -> None:
        """Take note of groups (rows of type numbers) and their gains."""
        if not len(gains):
            return
        k = int(gains.argmax())
        if gains[k] > self.gain:
            self.gain, self.group = float(gains[k]), tuple(sorted(int(i) for i in groups[k]))
        over = gains > 0
        if over.any():
            each = gains[over] / groups.shape[1]
            for column in groups[over].T:
                np.maximum.at(self.excess, column, each)


def search_blocking(game: FiniteGroupGame, imputation: Floats) -> Blocking:
    """Return the largest gains that groups have over an imputation, shape (types,)."""
    found = Blocking(np.zeros(len(imputation)))
    if isinstance(game, GroupGame):
        _listed(game, imputation, found)
    elif isinstance(game, PairwiseGroupGame):
        found.largest = largest_entry(game)
        for size in range(game.min_size, game.max_size + 1):
            _pairwise(game, imputation, size, found)
    else:
        for size in range(game.min_size, game.max_size + 1):
            _one_by_one(game, imputation, size, found)
    if found.exhaustive:
        found.covered = permitted_groups(len(imputation), game.min_size, game.max_size)
        if isinstance(game, GroupGame) and game.unlisted == "forbidden":
            found.covered = len(game.groups)
    return found


def largest_entry(game: PairwiseGroupGame) -> float:
    """Return the largest entry of the tables of a pairwise game."""
    costs = game.size_cost[game.min_size : game.max_size + 1]
    return max(float(np.abs(entries).max(initial=0.0)) for entries in (game.solo, game.values, costs))


def _listed(game: GroupGame, u: Floats, found: Blocking) -> None:
    """Go through the listed groups; unlisted ones of surplus 0 gain only where payoffs are negative."""
    found.largest = float(game.surplus.max(initial=0.0))
    sizes = (game.groups >= 0).sum(axis=1)
    padded = np.append(u, 0.0)
    gains = game.surplus - padded[game.groups].sum(axis=1)
    for size in np.unique(sizes):
        rows = sizes == size
        found.see(gains[rows], game.groups[rows][:, :size])
    if game.unlisted == "zero":
        worst = int(u.argmin())
        size = game.max_size if u[worst] < 0 else game.min_size
        group = np.full((1, size), worst)
        if tuple(group[0]) not in {tuple(row[:size]) for row in game.groups[sizes == size].tolist()}:
            found.see(np.array([-size * u[worst]]), group)


def _pairwise(game: PairwiseGroupGame, u: Floats, size: int, found: Blocking) -> None:
    c, w, cost = game.solo - u, game.values, float(game.size_cost[size])
    types = np.arange(len(u))
    if size == 1:
        found.see(c - cost, types[:, None])
    elif size == 2:
        _rows_of(c[:, None] + c[None, :] + w - cost, (), found)
    elif size == 3:
        pairs = c[:, None] + c[None, :] + w - cost
        for i in types:
            _rows_of(pairs + c[i] + w[i][:, None] + w[i][None, :], (int(i),), found)
    elif size == 4:
        _fours(c, w, cost, found)
    else:
        _one_by_one(game, u, size, found)
    found.gain = max(found.gain, float((-size * u).max())) if (u < 0).any() else found.gain


def _rows_of(gains: Floats, fixed: tuple[int, ...], found: Blocking) -> None:
    """Take note of a symmetric matrix of gains over the last two members of groups that begin with ``fixed``."""
    k = int(gains.argmax())
    a, b = divmod(k, len(gains))
    size = len(fixed) + 2
    if gains[a, b] > found.gain:
        found.gain, found.group = float(gains[a, b]), tuple(sorted((*fixed, int(a), int(b))))
    best = gains.max(axis=1)
    np.maximum(found.excess, best / size, out=found.excess)
    for i in fixed:
        found.excess[i] = max(found.excess[i], float(gains[a, b]) / size)


def _fours(c: Floats, w: Floats, cost: float, found: Blocking) -> None:
    """Go through the groups of four that the bound leaves: all that gain anything."""
    pairs = c[:, None] + c[None, :] + w
    best_mate = pairs.max(axis=1)
    order = np.argwhere(np.triu(np.ones_like(pairs, dtype=bool)))
    own = pairs[order[:, 0], order[:, 1]]
    reach = own + 2 * np.minimum(best_mate, own.max())[None, :].max() / 2
    order = order[reach + 2 * _most_added(w, order) - cost > 0] if len(order) else order
    types = np.arange(len(c))
    for i, j in order:
        top = float(pairs[i, j])
        joins = w[i] + w[j] + np.minimum(best_mate, top) / 2
        most = float(joins.max())
        if top + 2 * most - cost <= 0:
            continue
        kept = types[top + joins + most - cost > 0]
        inner = (w[i] + w[j])[kept]
        gains = top + inner[:, None] + inner[None, :] + pairs[np.ix_(kept, kept)] - cost
        allowed = pairs[np.ix_(kept, kept)] <= top
        a, b = np.nonzero(allowed & (gains > 0))
        if len(a):
            groups = np.column_stack([np.full(len(a), i), np.full(len(a), j), kept[a], kept[b]])
            found.see(gains[a, b], groups)


def _most_added(w: Floats, order: np.ndarray) -> Floats:
    """Return a cheap bound of max over k of W_ik + W_jk."""
    most = w.max(axis=1)
    result: Floats = most[order[:, 0]] + most[order[:, 1]]
    return result


def _one_by_one(game: PairwiseGroupGame | SurplusFunctionGame, u: Floats, size: int, found: Blocking) -> None:
    """Go through all groups of one size, if there are not too many."""
    count = permitted_groups(len(u), size, size)
    if count > MOST_ENUMERATED:
        found.exhaustive = False
        found.notes.append(f"{count:,} groups of {size} members are too many to go through")
        return
    for groups in _all_groups(len(u), size):
        surplus = surplus_of(game, groups)
        found.largest = max(found.largest, float(surplus.max()))
        found.see(surplus - u[groups].sum(axis=1), groups)


def _all_groups(types: int, size: int) -> Iterator[np.ndarray]:
    """Yield all multisets of one size, in chunks."""
    every = itertools.combinations_with_replacement(range(types), size)
    while chunk := list(itertools.islice(every, CHUNK)):
        yield np.array(chunk, dtype=np.int64)
