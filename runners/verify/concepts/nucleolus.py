"""Verifiers of nucleolus and prenucleolus by Kohlberg's criterion (1971), with weights found by least squares.

For every t, the coalitions with an excess of at least t must be balanced: weights > 0 on all of them (and, among
imputations, weights >= 0 on players who get just their own worth) add up to the same at every player. The levels are
taken from the largest excess down. Once a level is balanced, the span of its coalitions is harmless for those that
follow, so each level is looked at in the space that is left, until none is.
"""

from __future__ import annotations

import numpy as np

from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.concepts.balance import (
    SMALL,
    Indices,
    check_in_core,
    everyone_direction,
    levels,
    nonnegative_fit,
    orthonormal,
    without,
)
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.tables import Names, number, rows


def verify_nucleolus(case: Case) -> None:
    """Verify an imputation that meets Kohlberg's criterion, with its excesses."""
    claim = case.claim("nobody gets less than alone")
    for x in case.payoffs:
        least = float((x - _own(case)).min())
        claim.check(least >= -len(x) * case.eps, f"a player gets {-least:.6g} less than alone", max(0.0, -least))
    _verify(case, individually_rational=True)


def verify_prenucleolus(case: Case) -> None:
    """Verify a division that meets Kohlberg's criterion, with its excesses."""
    _verify(case, individually_rational=False)


def _verify(case: Case, individually_rational: bool) -> None:
    check_in_core(case, np.full(len(case.worths), -np.inf), "all is shared")
    only = case.claim("there is one, and it is listed")
    if not only.check(len(case.payoffs) == 1 and case.complete, f"{len(case.payoffs)} solutions are listed"):
        return
    x = case.payoffs[0]
    n = len(x)
    if n == 1:
        return
    excess = case.worths - case.totals(x)
    largest = float(excess[1:-1].max())
    value, bound = case.number("value"), case.number("bound")
    claim = case.claim("largest excess and its bound")
    claim.equal("largest excess", np.nan if value is None else value, largest, n * case.eps)
    claim.equal("its bound", np.nan if bound is None else bound, largest, n * case.eps)
    at_own = np.flatnonzero(x - _own(case) <= n * case.eps) if individually_rational else np.empty(0, dtype=int)
    _check_kohlberg(case, excess, at_own)
    _check_levels(case, excess)


def _own(case: Case) -> Matrix:
    own: Matrix = case.worths[1 << np.arange(len(case.game.players))]
    return own


def _check_kohlberg(case: Case, excess: Matrix, at_own: Indices) -> None:
    """Check level by level that nothing can be shifted to the coalitions with the largest excesses."""
    n = len(case.game.players)
    claim = case.claim("coalitions with an excess of at least t are balanced, for every t")
    harmless = everyone_direction(n)
    for level, coalitions in levels(excess, n * case.eps):
        vectors = without(harmless, case.membership[coalitions].astype(float))
        vectors = vectors[np.linalg.norm(vectors, axis=1) > SMALL]
        if not len(vectors):
            continue
        alone = without(harmless, np.eye(n)[at_own])
        columns = np.concatenate([vectors, alone]).T
        weights, missing = nonnegative_fit(columns, -vectors.sum(axis=0))
        if not claim.check(missing <= 1e-7 * len(vectors), f"not for t = {level:.6g}: they can be treated better"):
            return
        used = alone[weights[len(vectors) :] > SMALL]
        harmless = orthonormal(np.concatenate([harmless, vectors, used]))
        if len(harmless) == n:
            return
    claim.check(False, "the levels do not determine the payoffs")


def _check_levels(case: Case, excess: Matrix) -> None:
    """Check the table of excesses: right, in order, without gaps, and far enough down to determine the payoffs."""
    names, room = Names(case.game.players), len(case.game.players) * case.eps
    claim = case.claim("levels of excess")
    listed: dict[int, float] = {}
    last = (0, np.inf)
    for concept, level, value, name in rows(
        case.tables, "excess_levels", ("concept", "level", "excess", "coalition"), case.ledger
    ):
        if concept != case.concept:
            continue
        coalition, at, claimed = names.coalition(name), number(level), number(value)
        if coalition is None or at is None or claimed is None or coalition in listed:
            claim.fail(f"{name}: unknown, repeated or without a number")
            continue
        claim.equal(f"excess of {name}", claimed, float(excess[coalition]), room)
        step = int(at) - last[0]
        fits = step == 1 if last[1] - claimed > 2 * room else step in (0, 1)
        claim.check(fits and claimed <= last[1] + room, f"{name} is out of order")
        listed[coalition], last = claimed, (int(at), claimed)
    above = [s for s in range(1, len(excess) - 1) if excess[s] > last[1] + 2 * room and s not in listed]
    claim.check(not above, "a coalition with a larger excess is not listed")
    matrix = case.membership[[len(excess) - 1, *listed]].astype(float)
    claim.check(int(np.linalg.matrix_rank(matrix)) == matrix.shape[1], "the list does not determine the payoffs")
