"""Verifier of the Nash product over the core: in the core, and optimal by multipliers found with least squares."""

from __future__ import annotations

import numpy as np

from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.concepts.balance import (
    MOST_BASES,
    check_balanced_collection,
    check_in_core,
    check_vertices,
    corner_payoffs,
    everyone_direction,
    nonnegative_fit,
    without,
)
from breakaway.runners.verify.concepts.case import Case


def verify_compte_jehiel(case: Case) -> None:
    """Verify the best product in the core, the core itself where the product is 0 all over it, or that it is empty."""
    if case.status == "empty":
        check_balanced_collection(case)
        return
    check_in_core(case, case.worths, "every coalition gets its worth")
    if case.number("value") is None:
        _check_nobody_gains(case)
        return
    only = case.claim("there is one best division, and it is listed")
    if only.check(len(case.payoffs) == 1 and case.complete, f"{len(case.payoffs)} are listed"):
        _check_product(case, case.payoffs[0])


def _check_nobody_gains(case: Case) -> None:
    """Check that no division in the core gives everybody more than disagreement, and that the core is listed."""
    claim = case.claim("every division in the core leaves somebody at disagreement")
    n, room = len(case.game.players), len(case.game.players) * case.eps
    if n == 1:
        claim.check(case.worth <= case.disagreement[0] + room, "the only player gains")
        return
    if n > MOST_BASES:
        claim.leave(f"re-proven up to {MOST_BASES} players")
        return
    corners = corner_payoffs(case, case.worths, room)
    # the mean of all vertices gains where any of them does
    least = float((corners.mean(axis=0) - case.disagreement).min()) if len(corners) else np.inf
    claim.check(least <= 10 * room, f"in some division everybody gains, on average {least:.6g} at least")
    check_vertices(case, case.worths)


def _check_product(case: Case, x: Matrix) -> None:
    """Check the product, and bound it by weak duality: multipliers on the coalitions that get just their worth."""
    gain, n = x - case.disagreement, len(x)
    claim = case.claim("log of the product, and nothing in the core is better")
    if not claim.check(bool((gain > 0).all()), "somebody does not gain"):
        return
    price = case.weights / gain
    allowed = float(price.sum()) * case.eps
    value, bound = case.number("value"), case.number("bound")
    product = float(case.weights @ np.log(gain))
    claim.equal("log of the product", np.nan if value is None else value, product, allowed)
    claim.equal("its bound", np.nan if bound is None else bound, product, allowed)
    tight = np.flatnonzero((case.totals(x) - case.worths)[1:-1] <= 10 * n * case.eps) + 1
    members = case.membership[tight].astype(float)
    one = everyone_direction(n)
    weights = price.max() * nonnegative_fit(-without(one, members).T, without(one, price[None])[0] / price.max())[0]
    level = float(np.mean(price + weights @ members))
    prices = level - weights @ members
    best = np.inf
    if (prices > 0).all():
        best = float(case.weights @ (np.log(case.weights / prices) - 1.0) - prices @ case.disagreement)
        best += level * case.worth - float(weights @ case.worths[tight])
    claim.check(best - product <= 2 * allowed, f"multipliers prove only that the log is at most {best:.12g}")
