"""Claims about the product itself: its logarithm, the bound proven on it, and whether it is zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from breakaway.runners.verify.record import Claim, Ledger
from breakaway.runners.verify.tables import flag, number


@dataclass(frozen=True)
class Best:
    """Best log product found (-infinity for zero), whether any division is unblocked, whether that is proven.

    ``exact`` says that it was found in rational arithmetic, where no positive payoff is too small to count.
    """

    log_product: float
    exists: bool
    proven: bool
    exact: bool = False


def check_products(ledger: Ledger, claims: Mapping[str, Any], values: list[float], best: Best, tie: float) -> None:
    """Check the claims about the product that are made.

    Parameters
    ----------
    ledger
        Where the claims are counted.
    claims
        ``log_nash_product`` (None for a product of zero or no solution), ``upper_bound``, ``zero_product``.
    values
        Recomputed log products of the claimed solutions, -infinity for zero.
    best
        What the verification found.
    tie
        By how much a log product moves when payoffs move by the tolerance.
    """
    if "log_nash_product" in claims:
        _check_log(_logarithms(ledger, "log product of every solution"), claims["log_nash_product"], values, tie)
    if claims.get("upper_bound") is not None:
        _check_bound(_logarithms(ledger, "upper bound holds"), claims["upper_bound"], values, best, tie)
    if "zero_product" in claims:
        zero = best.exists and np.isneginf(best.log_product) if best.proven else _all_zero(values)
        ledger.claim("zero product flagged").flag("zero_product", flag(claims["zero_product"]), bool(zero))


def _logarithms(ledger: Ledger, name: str) -> Claim:
    """Open a claim whose residuals are differences of logarithms, not payoffs."""
    claim = ledger.claim(name)
    claim.scale = 1.0
    return claim


def _all_zero(values: list[float]) -> bool:
    return bool(values) and max(values) == -np.inf


def _check_log(claim: Claim, claimed: Any, values: list[float], tie: float) -> None:
    value = number(claimed)
    if value is None:
        none = claimed is None or claimed == -np.inf
        claim.check(none and not any(map(np.isfinite, values)), f"claimed {claimed}, the solutions have {values[:3]}")
        return
    claim.check(bool(values), f"claimed {value:.12g} without a solution")
    for product in values:
        claim.equal("log product", value, product, tie)


def _check_bound(claim: Claim, claimed: Any, values: list[float], best: Best, tie: float) -> None:
    bound = number(claimed)
    largest = max([best.log_product, *values])
    if bound is None:
        claim.fail(f"claimed {claimed} is not a number")
        return
    over = max(largest - bound, 0.0)
    claim.check(over <= tie, f"claimed {bound:.12g}, but a division attains {largest:.12g}", over)
    if not best.proven:
        claim.note = "against the divisions found; the search was cut short"
