"""Compiled loops of the column generation engine: pricing of groups, and the linear algebra of its master.

A group of n members is priced by the sum of *edge values* over its pairs. With margins c_i = solo_i - u_i,

    s(G) - u(G)  =  sum over pairs {a, b} in G of w_ab  -  k_n,      w_ab = W_ab + (c_a + c_b) / (n - 1),   n >= 2,

because every member is in n - 1 pairs. Pairs that cannot be in any group of interest are *dead*: their edge value is
:data:`DEAD`.

The kernels of pricing release the interpreter's lock, so that threads work side by side; a share of the work is every
``step``-th type from ``first`` on. The shares are the same however many threads there are, and so are the answers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

DEAD = -1e200
"""Edge value of a pair that is in no group of interest; finite, as the loops are compiled for finite numbers."""

NOTHING = -1e300
"""Less than any sum of edge values."""

SAME = 1e-13
"""An improvement by swaps that is rounding, relative to the largest entry of the game."""

SWEEPS = 5
"""Most rounds of swaps."""


@njit(cache=True, nogil=True, fastmath=True)
def _swap(members, n, values, pull, total, sweeps):  # type: ignore[no-untyped-def]
    """Exchange members 1, ..., n - 1 one at a time for the type that adds most, until nothing improves."""
    types = len(pull)
    for _ in range(sweeps):
        before = total
        for p in range(1, n):
            old = members[p]
            for a in range(types):
                pull[a] -= values[old, a]
            k = np.argmax(pull)
            total += pull[k] - pull[old]
            members[p] = k
            for a in range(types):
                pull[a] += values[k, a]
        if total <= before + SAME:
            break
    return total


@njit(cache=True, nogil=True, fastmath=True)
def best_with_each(margins, values, size_cost, offsets, first, step, found, gains):  # type: ignore[no-untyped-def]
    """For every type and every size look for good groups that contain it: greedy, then swaps of single members.

    Trial t of type i starts from the pair of i and i + offsets[t] (offset -1: from i alone). ``found`` (types, trials,
    sizes, max_size) receives the members, ``gains`` (types, trials, sizes) s(G) - u(G); entry n - 1 of sizes belongs to
    groups of n.
    """
    types, largest = len(margins), found.shape[3]
    pull = np.empty(types)
    members = np.empty(largest, np.int32)
    for i in range(first, types, step):
        for t in range(len(offsets)):
            members[0] = i
            total = margins[i]
            for k in range(types):
                pull[k] = margins[k] + values[i, k]
            gains[i, t, 0] = total - size_cost[1]
            found[i, t, 0, 0] = i
            for n in range(2, largest + 1):
                free = n > 2 or offsets[t] < 0
                k = int(np.argmax(pull)) if free else (i + offsets[t]) % types
                total += pull[k]
                members[n - 1] = k
                for a in range(types):
                    pull[a] += values[k, a]
                if free:
                    total = _swap(members, n, values, pull, total, SWEEPS)
                gains[i, t, n - 1] = total - size_cost[n]
                found[i, t, n - 1, :n] = members[:n]


@njit(cache=True, nogil=True, fastmath=True)
def best_third(edges, live, first, step, third):  # type: ignore[no-untyped-def]
    """Set ``third[a, b]`` to max_l (edges_al + edges_bl) for the live pairs a <= b, where edges are symmetric."""
    types = len(edges)
    for i in range(first, types, step):
        mine = edges[i]
        for j in range(i, types):
            if live[i, j]:
                row = edges[j]
                top = NOTHING
                for k in range(types):
                    top = max(top, mine[k] + row[k])
                third[i, j] = top


@njit(cache=True, nogil=True, fastmath=True)
def _closing(edges, k, cand, gain, start, count):  # type: ignore[no-untyped-def]
    """Return max over candidates l from ``start`` on of gain_l + edges_kl."""
    row = edges[k]
    top = NOTHING
    for b in range(start, count):
        top = max(top, gain[b] + row[cand[b]])
    return top


@njit(cache=True, nogil=True)
def _candidates(reach, chosen, size, cand, gain, count, start, threshold):  # type: ignore[no-untyped-def]
    """Choose the ``size``-th member (already in ``chosen``) and list those that may follow it.

    Row size - 1 of ``cand`` holds the candidates that could follow before; from ``start`` on they pass to row ``size``
    when the bound of the group with them exceeds the threshold. ``gain`` are their edge values to the group.
    """
    n = len(reach) + 1
    bound, edges = reach[n - size - 1], reach[0, chosen[size - 1]]
    within = 0.0
    for a in range(size):
        for b in range(a):
            within += bound[chosen[a], chosen[b]]
    kept = 0
    for at in range(start, count[size - 1]):
        k = cand[size - 1, at]
        total = within
        for a in range(size):
            total += bound[chosen[a], k]
        if total > threshold:
            cand[size, kept] = k
            gain[size, kept] = gain[size - 1, at] + edges[k]
            kept += 1
    count[size] = kept


@njit(cache=True, nogil=True)
def _close(reach, chosen, worth, level, threshold, best, buffer, filled):  # type: ignore[no-untyped-def]
    """Complete groups that lack two members, and record those above the threshold."""
    cand, gain, count = level
    n = len(chosen)
    for at in range(count):
        if worth + gain[at] + _closing(reach[0], cand[at], cand, gain, at, count) <= threshold:
            continue
        for b in range(at, count):
            total = worth + gain[at] + gain[b] + reach[0, cand[at], cand[b]]
            if total > threshold:
                chosen[n - 2], chosen[n - 1] = cand[at], cand[b]
                fresh = False
                for member in chosen:
                    if total > best[member]:
                        best[member], fresh = total, True
                if fresh and filled[0] < len(buffer):
                    buffer[filled[0]] = chosen
                    filled[0] += 1


@njit(cache=True, nogil=True)
def search(reach, threshold, first, stop, step, best, buffer, filled):  # type: ignore[no-untyped-def]
    """Visit every group of n >= 3 whose edge sum exceeds ``threshold`` and whose least member is in the range.

    ``reach[r]`` (types, types) for r = 0, ..., n - 2 has the property that the sum of reach[r] over the pairs of a
    group with r members missing bounds the edge sums of all groups of n around it; reach[0] are the edge values
    themselves. Groups are built in ascending order of types. ``best`` (types,) receives the largest edge sum of a group
    that contains each type; groups that raised it are kept in ``buffer`` from row ``filled[0]`` on, as long as there is
    room.
    """
    n, types = len(reach) + 1, reach.shape[1]
    cand = np.empty((n, types), np.int32)
    gain = np.zeros((n, types))
    count, place = np.zeros(n, np.int64), np.zeros(n, np.int64)
    worth = np.zeros(n)
    chosen = np.empty(n, np.int32)
    cand[0] = np.arange(types)
    count[0] = types
    for i in range(first, stop, step):
        chosen[0] = i
        _candidates(reach, chosen, 1, cand, gain, count, i, threshold)
        size, place[1] = 1, 0
        while size >= 1:
            if size == n - 2:
                level = (cand[size], gain[size], count[size])
                _close(reach, chosen, worth[size], level, threshold, best, buffer, filled)
                size -= 1
            elif place[size] == count[size]:
                size -= 1
            else:
                at = place[size]
                place[size] += 1
                chosen[size] = cand[size, at]
                worth[size + 1] = worth[size] + gain[size, at]
                size += 1
                _candidates(reach, chosen, size, cand, gain, count, at, threshold)
                place[size] = 0


@njit(cache=True, nogil=True)
def normal_matrix(groups, weight, diagonal, matrix):  # type: ignore[no-untyped-def]
    """Set ``matrix`` (types, types) to A diag(weight) A' + diag(diagonal); rows of ``groups`` are padded with -1."""
    matrix[:, :] = 0.0
    for i in range(len(diagonal)):
        matrix[i, i] = diagonal[i]
    for g in range(len(groups)):
        for a in groups[g]:
            if a >= 0:
                for b in groups[g]:
                    if b >= 0:
                        matrix[a, b] += weight[g]


@njit(cache=True, nogil=True, fastmath=True)
def factor(matrix):  # type: ignore[no-untyped-def]
    """Replace the upper triangle of a symmetric matrix by U with U'U = matrix, in blocks of eight rows.

    Returns False when a pivot is not positive. One thread, so that the last digits are always the same.
    """
    n = len(matrix)
    for s in range(0, n, 8):
        e = min(s + 8, n)
        for k in range(s, e):
            row = matrix[k]
            for p in range(s, k):
                other = matrix[p]
                f = other[k]
                for j in range(k, n):
                    row[j] -= f * other[j]
            if not row[k] > 0.0:
                return False
            f = 1.0 / np.sqrt(row[k])
            for j in range(k, n):
                row[j] *= f
        if e < n:
            a, b, c, d = matrix[s], matrix[s + 1], matrix[s + 2], matrix[s + 3]
            w, x, y, z = matrix[s + 4], matrix[s + 5], matrix[s + 6], matrix[s + 7]
            for i in range(e, n):
                row = matrix[i]
                fa, fb, fc, fd, fw, fx, fy, fz = a[i], b[i], c[i], d[i], w[i], x[i], y[i], z[i]
                for j in range(i, n):
                    early = fa * a[j] + fb * b[j] + fc * c[j] + fd * d[j]
                    row[j] -= early + (fw * w[j] + fx * x[j] + fy * y[j] + fz * z[j])
    return True


@njit(cache=True, nogil=True, fastmath=True)
def solve_factored(upper, rhs):  # type: ignore[no-untyped-def]
    """Return the solution of U'U y = rhs, where U is the upper triangle of ``upper``."""
    n = len(rhs)
    y = rhs.copy()
    for i in range(n):
        row = upper[i]
        y[i] /= row[i]
        v = y[i]
        for k in range(i + 1, n):
            y[k] -= row[k] * v
    for i in range(n - 1, -1, -1):
        row = upper[i]
        s = y[i]
        for k in range(i + 1, n):
            s -= row[k] * y[k]
        y[i] = s / row[i]
    return y
