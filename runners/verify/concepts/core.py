"""Verifiers of the core and the least core: from the definitions, with balanced weights found by least squares."""

from __future__ import annotations

import numpy as np

from breakaway.runners.verify.concepts.balance import (
    SMALL,
    check_balanced_collection,
    check_in_core,
    check_vertices,
    everyone_direction,
    nonnegative_fit,
    without,
)
from breakaway.runners.verify.concepts.case import Case


def verify_core(case: Case) -> None:
    """Verify that coalitions get their worth and all vertices are listed, or that a balanced collection forbids it."""
    if case.status == "empty":
        check_balanced_collection(case)
        return
    check_in_core(case, case.worths, "every coalition gets its worth")
    if case.complete and len(case.game.players) > 1:
        check_vertices(case, case.worths)


def verify_least_core(case: Case) -> None:
    """Verify that the excess is attained, and that balanced weights on coalitions with that excess allow no less."""
    claim = case.claim("the largest excess is least")
    if len(case.game.players) == 1:
        check_in_core(case, case.worths, "all is shared")
        return
    value, bound, room = case.number("value"), case.number("bound"), len(case.game.players) * case.eps
    if value is None or bound is None or not len(case.payoffs):
        claim.fail("there is no excess or no bound, or no point")
        return
    check_in_core(case, case.worths - value, "no coalition is short by more than the excess")
    claim.equal("bound of the excess", bound, value, room)
    excess = case.worths - case.totals(case.payoffs.mean(axis=0))
    worst = np.flatnonzero(excess[1:-1] >= value - room) + 1
    missing = _imbalance(case, worst)
    claim.check(missing <= SMALL * 10, f"the coalitions with the largest excess can be treated better ({missing:.3g})")
    if case.complete:
        check_vertices(case, np.where(np.arange(len(excess)) == len(excess) - 1, case.worth, case.worths - value))


def _imbalance(case: Case, coalitions: np.ndarray) -> float:
    """Return how far weights >= 0 that add up to 1 must stay from giving every player the same sum."""
    if not len(coalitions):
        return np.inf
    flat = without(everyone_direction(len(case.game.players)), case.membership[coalitions].astype(float))
    columns = np.concatenate([flat.T, np.ones((1, len(coalitions)))])
    target = np.zeros(len(columns))
    target[-1] = 1.0
    return nonnegative_fit(columns, target)[1]
