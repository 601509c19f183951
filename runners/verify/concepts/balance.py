"""Balancedness without a linear programme: nonnegative least squares, and the vertices of a small core by all bases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition
from breakaway.runners.verify.boxes import Mask, Matrix
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.tables import Names, number, rows

Indices = NDArray[np.int64]

MOST_BASES = 5
"""Up to this many players the vertices of a core are found by solving every set of rows."""

BASES_AT_ONCE = 20_000

SMALL = 1e-9
"""What is at most this is zero, for vectors of zeros and ones."""


def nonnegative_fit(columns: Matrix, target: Matrix) -> tuple[Matrix, float]:
    """Return the weights >= 0 for which columns times weights is nearest to the target, and the distance left.

    Columns of the matrix are the vectors. Method: Lawson and Hanson (1974), Solving least squares problems, NNLS.
    """
    weights = np.zeros(columns.shape[1])
    free = np.zeros(columns.shape[1], dtype=bool)
    for _ in range(3 * columns.shape[1] + 10):
        slope = columns.T @ (target - columns @ weights)
        slope[free] = -np.inf
        if not len(slope) or slope.max() <= SMALL:
            break
        free[int(slope.argmax())] = True
        weights = _inner_loop(columns, target, weights, free)
    return weights, float(np.linalg.norm(target - columns @ weights))


def _inner_loop(columns: Matrix, target: Matrix, weights: Matrix, free: Mask) -> Matrix:
    """Solve for the free weights; step back and hold at 0 those that would become negative."""
    while True:
        trial = np.zeros(len(weights))
        trial[free] = np.linalg.lstsq(columns[:, free], target, rcond=None)[0]
        bad = free & (trial <= SMALL * 1e-3)
        if not bad.any():
            return trial
        step = float((weights[bad] / np.maximum(weights[bad] - trial[bad], 1e-300)).min())
        weights = weights + step * (trial - weights)
        free &= weights > SMALL * 1e-3
        weights[~free] = 0.0
        if not free.any():
            return weights


def without(directions: Matrix, vectors: Matrix) -> Matrix:
    """Return vectors (rows) less their part in the span of orthonormal directions (rows)."""
    result: Matrix = vectors - (vectors @ directions.T) @ directions
    return result


def orthonormal(vectors: Matrix) -> Matrix:
    """Return an orthonormal basis (rows) of the span of vectors (rows)."""
    _, sizes, basis = np.linalg.svd(vectors, full_matrices=False)
    result: Matrix = basis[sizes > SMALL]
    return result


def everyone_direction(n: int) -> Matrix:
    """Return the direction of the grand coalition, as one orthonormal row."""
    return np.full((1, n), n**-0.5)


def corner_payoffs(case: Case, least: Matrix, room: float) -> Matrix:
    """Return all basic points of {x(N) = v(N), x(S) >= least[S]} that satisfy every row within ``room``.

    Every vertex is among them, some more than once.
    """
    n, everyone = len(case.game.players), case.game.players.everyone
    matrix = case.membership.astype(float)
    found = [np.empty((0, n))]
    choices = combinations(range(1, everyone), n - 1)
    while chosen := list(islice(choices, BASES_AT_ONCE)):
        picked = np.array(chosen, dtype=int).reshape(len(chosen), n - 1)
        picked = np.concatenate([picked, np.full((len(picked), 1), everyone)], axis=1)
        systems, right = matrix[picked], least[picked]
        regular = np.abs(np.linalg.det(systems)) > 0.5
        points = np.linalg.solve(systems[regular], right[regular][..., None])[..., 0]
        inside = (points @ matrix[1:everyone].T >= least[1:everyone] - room).all(axis=1)
        found.append(points[inside])
    return np.concatenate(found)


def check_vertices(case: Case, least: Matrix) -> None:
    """Check that the points listed are all the vertices of {x(N) = v(N), x(S) >= least[S]}."""
    n, room = len(case.game.players), len(case.game.players) * case.eps
    matrix = case.membership.astype(float)
    claim = case.claim("every point listed is a vertex")
    for x in case.payoffs:
        tight = np.abs(matrix @ x - least) <= 10 * room
        tight[0] = False
        rank = int(np.linalg.matrix_rank(matrix[tight])) if tight.any() else 0
        claim.check(rank == n, f"the rows that are tight at a vertex have rank {rank}, not {n}")
    every = case.claim("every vertex is listed")
    if n > MOST_BASES:
        every.leave(f"all vertices are recomputed up to {MOST_BASES} players")
        return
    for corner in corner_payoffs(case, least, room):
        gap = float(np.abs(case.payoffs - corner).max(axis=1).min()) if len(case.payoffs) else np.inf
        every.check(gap <= 100 * room, f"the vertex {np.round(corner, 6).tolist()} is not listed", 0.0)


def check_in_core(case: Case, least: Matrix, what: str) -> None:
    """Check that every point listed shares v(N) and gives every coalition at least so much."""
    claim, room = case.claim(what), len(case.game.players) * case.eps
    for x in case.payoffs:
        sums = case.totals(x)
        miss = max(abs(float(sums[-1]) - case.worth), float((least - sums)[1:-1].max(initial=0.0)))
        claim.check(miss <= room, f"a coalition is short by {miss:.6g}, or not all is shared", max(miss, 0.0))


def check_balanced_collection(case: Case) -> None:
    """Check that a balanced collection is worth more than v(N), which proves the core empty (Bondareva, Shapley)."""
    weights = _weights(case)
    claim = case.claim("the core is empty: a balanced collection is worth more")
    if not claim.check(bool(weights), "no balanced collection is listed"):
        return
    listed = list(weights)
    matrix = case.membership[listed].astype(float)
    values = np.array([weights[coalition] for coalition in listed])
    off = float(np.abs(values @ matrix - 1.0).max())
    claim.check(off <= 1e-9 and bool((values > 0).all()), f"weights at a player add up to 1 only within {off:.3g}")
    more = float(values @ case.worths[listed]) - case.worth
    claim.check(more > case.eps / 2, f"it is worth {more:.6g} more than all players")
    rank = int(np.linalg.matrix_rank(matrix))
    claim.check(rank == len(listed), "a part of the collection is balanced itself")


def _weights(case: Case) -> dict[Coalition, float]:
    """Read the balanced collection; what cannot be read is a failed item."""
    names, claim = Names(case.game.players), case.claim("balanced collection readable")
    found: dict[Coalition, float] = {}
    for name, weight, worth in rows(case.tables, "balanced_collection", ("coalition", "weight", "worth"), case.ledger):
        coalition, value = names.coalition(name), number(weight)
        known = coalition is not None and value is not None and coalition not in found
        if claim.check(known, f"{name}: unknown, repeated or without a weight") and coalition and value is not None:
            found[coalition] = value
            case.claim("worths of the balanced collection").equal(
                str(name), number(worth) or 0.0, float(case.worths[coalition]), case.eps
            )
    return found


def levels(excess: Matrix, gap: float) -> Iterator[tuple[float, Indices]]:
    """Yield (excess, coalitions) for the proper coalitions, largest excess first; what is within ``gap`` is equal."""
    order = np.argsort(-excess[1:-1], kind="stable") + 1
    if not len(order):
        return
    values = excess[order]
    starts = np.concatenate([[0], np.flatnonzero(values[:-1] - values[1:] > gap) + 1, [len(order)]])
    for first, last in pairwise(starts):
        yield float(values[first]), order[first:last]
