"""Verifiers of the concepts with closed forms that ignore coalitions."""

from __future__ import annotations

import numpy as np

from breakaway.runners.verify.concepts.case import Case


def verify_equal_division(case: Case) -> None:
    """Everybody gets the same, and all is shared."""
    claim = case.claim("everybody gets worth / n")
    claim.check(len(case.payoffs) == 1, f"{len(case.payoffs)} solutions are listed, there is one")
    for x in case.payoffs:
        gap = float(np.abs(x - case.worth / len(x)).max())
        claim.check(gap <= case.eps, f"a payoff is off by {gap:.6g}", gap)
