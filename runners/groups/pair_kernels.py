"""Compiled network simplex method for dense transport of types to types.

Of I types, node i sends and node I + i gets. A basis is a tree that hangs from an artificial root, node 2 I. Arcs from
senders to the root carry nothing at any time, since the root cannot pass anything on. Every node but the root knows its
parent, its depth, its children as a linked list, and the flow of the arc to its parent: a sender's arc points up, a
receiver's down.

Ahuja, Magnanti and Orlin (1993), Network Flows, chapter 11: strongly feasible trees do not cycle.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ALIKE = 1e-13
"""Reduced cost, in units of the largest surplus, that is rounding."""


@njit(cache=True, nogil=True)
def _detach(v, parent, child, after, before):  # type: ignore[no-untyped-def]
    """Take a node from the list of its parent's children."""
    if before[v] >= 0:
        after[before[v]] = after[v]
    else:
        child[parent[v]] = after[v]
    if after[v] >= 0:
        before[after[v]] = before[v]


@njit(cache=True, nogil=True)
def _attach(v, p, parent, child, after, before):  # type: ignore[no-untyped-def]
    """Put a node at the head of the list of a parent's children."""
    parent[v] = p
    after[v], before[v] = child[p], -1
    if child[p] >= 0:
        before[child[p]] = v
    child[p] = v


@njit(cache=True, nogil=True)
def _push(i, j, types, parent, depth, flow):  # type: ignore[no-untyped-def]
    """Push all that can go from i to j and back through the tree.

    Returns how much that is, the node whose arc to its parent leaves the tree, and whether it is on the side of i. Of
    several arcs the last one on the way from the top through i and j leaves.
    """
    most, out, own = np.inf, -1, True
    a, b = i, j
    while a != b:
        if depth[a] > depth[b]:
            if a < types and flow[a] < most:
                most, out = flow[a], a
            a = parent[a]
        else:
            b = parent[b]
    a, b = i, j
    while a != b:
        if depth[a] > depth[b]:
            a = parent[a]
        else:
            if b >= types and flow[b] <= most:
                most, out, own = flow[b], b, False
            b = parent[b]
    a, b = i, j
    while a != b:
        if depth[a] > depth[b]:
            flow[a] += -most if a < types else most
            a = parent[a]
        else:
            flow[b] += most if b < types else -most
            b = parent[b]
    return most, out, own


@njit(cache=True, nogil=True)
def _hang(v, p, out, moved, tree, flow):  # type: ignore[no-untyped-def]
    """Cut the tree above ``out``, turn the part below it round so that v is its top, and hang v from p."""
    parent, _, child, after, before = tree
    while True:
        up, carried = parent[v], flow[v]
        _detach(v, parent, child, after, before)
        _attach(v, p, parent, child, after, before)
        flow[v] = moved
        if v == out:
            return
        v, p, moved = up, v, carried


@njit(cache=True, nogil=True)
def _shift(top, change, types, tree, potential):  # type: ignore[no-untyped-def]
    """Add to the potentials of senders, take from those of receivers in a part of the tree, and set its depths."""
    parent, depth, child, after, _ = tree
    v = top
    while True:
        depth[v] = depth[parent[v]] + 1
        potential[v] += change if v < types else -change
        if child[v] >= 0:
            v = child[v]
            continue
        while v != top and after[v] < 0:
            v = parent[v]
        if v == top:
            return
        v = after[v]


@njit(cache=True, nogil=True, fastmath=True)
def _best(row, gets):  # type: ignore[no-untyped-def]
    """Return the receiver with the largest surplus less payoff, and that."""
    best, at = -1e300, 0
    for j in range(len(row)):
        best = max(best, row[j] - gets[j])
    for j in range(len(row)):
        if row[j] - gets[j] == best:
            at = j
            break
    return at, best


@njit(cache=True, nogil=True)
def start(surplus, masses, tree, flow, potential):  # type: ignore[no-untyped-def]
    """Set the tree of the plan in which everybody stays with their own type; see :func:`improve`."""
    types, root = len(masses), 2 * len(masses)
    parent, depth, child, after, before = tree
    tree[:] = -1
    depth[root] = 0
    for i in range(types):
        _attach(i, root, parent, child, after, before)
        _attach(i + types, i, parent, child, after, before)
        depth[i], depth[i + types] = 1, 2
        flow[i], flow[i + types] = 0.0, masses[i]
        potential[i] = potential[i + types] = surplus[i, i] / 2.0


@njit(cache=True, nogil=True)
def improve(surplus, tree, flow, potential, place, rows):  # type: ignore[no-untyped-def]
    """Look at the next senders, each for its best receiver, and change the plan where a pair gains.

    ``surplus`` S is (types, types); rows of ``tree`` are parents, depths, first children, and neighbours among the
    children of a parent; ``potential`` y has S_ij = y_i + y_j on the tree. ``place`` holds the next sender and how many
    were looked at in a row without a gain: when all were, the plan is optimal.
    """
    types = len(surplus)
    parent, depth = tree[0], tree[1]
    for _ in range(rows):
        i = place[0]
        place[0] = i + 1 if i + 1 < types else 0
        j, best = _best(surplus[i], potential[types : 2 * types])
        gain = best - potential[i]
        if gain <= ALIKE:
            place[1] += 1
            if place[1] >= types:
                return
            continue
        place[1] = 0
        k = j + types
        moved, out, own = _push(i, k, types, parent, depth, flow)
        if own:
            _hang(i, k, out, moved, tree, flow)
            _shift(i, gain, types, tree, potential)
        else:
            _hang(k, i, out, moved, tree, flow)
            _shift(k, -gain, types, tree, potential)
