"""Verifier of the Kalai-Smorodinsky solution under threats: ideal payoffs and lexicographic order over all boxes."""

from __future__ import annotations

import numpy as np

from breakaway.runners.verify.boxes import Mask, Matrix
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.concepts.simple import check_listed
from breakaway.runners.verify.concepts.unblocked_set import compare_sets, reach, unblocked_boxes, unblocked_points

SURE, LOOSE = 1e-11, 1e-7
"""Ratios closer than the first are the same beyond doubt; further apart than the second, they differ beyond doubt."""


def verify_kalai_smorodinsky(case: Case) -> None:
    """All unblocked allocations whose ratios to the ideal gains are best in the lexicographic order."""
    if case.threats is None:
        case.claim("best in the lexicographic order").leave("the threats were out of reach")
        return
    low = unblocked_points(case)
    points = low is not None
    if low is None:
        low = unblocked_boxes(case)
    if low is None:
        case.claim("best in the lexicographic order").leave("the search for all boxes was cut short")
        return
    if not len(low):
        case.claim("empty only where all is blocked").check(not len(case.payoffs), "nothing is unblocked")
        return
    slack = 0.0 if points else np.maximum(case.worth - low.sum(axis=1, keepdims=True), 0.0)
    ideal = (low + slack).max(axis=0)
    check_listed(case, "ideal_payoffs", "ideal_payoff", ideal)
    _check_best(case, low if points else reach(case, low, ideal)[1], ideal)


def _check_best(case: Case, x: Matrix, ideal: Matrix) -> None:
    """Check that the solutions listed are those that are best."""
    way = ideal - case.disagreement
    counts = way > case.eps
    ratios = np.sort((x[:, counts] - case.disagreement[counts]) / way[counts], axis=1)
    compare_sets(case, x[_leading(ratios, SURE)], x[_leading(ratios, LOOSE)])
    value = case.number("value")
    if counts.any():
        least = float(ratios[:, 0].max())
        claim = case.claim("smallest ratio")
        claim.check(value is not None and abs(value - least) <= LOOSE, f"claimed {value}, recomputed {least:.12g}")


def _leading(ratios: Matrix, tie: float) -> Mask:
    """Mark the rows that are best in the lexicographic order, up to ties in every place."""
    kept: Mask = np.ones(len(ratios), dtype=np.bool_)
    for column in ratios.T:
        kept &= column >= column[kept].max() - tie
    return kept
