"""Claimed payoff vectors against recomputed ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from breakaway.data.games import Payoffs
from breakaway.runners.verify.record import Claim


def check_vectors(
    claim: Claim, what: str, claimed: Sequence[Payoffs], real: Sequence[Payoffs], allowed: float, complete: bool = True
) -> None:
    """Check that claimed vectors are among the real ones, and with ``complete`` that none is missing or doubled.

    Every claimed vector is paired with the nearest real one that is still free.
    """
    free = np.array(real, dtype=float)
    for vector in claimed:
        gaps = np.abs(free - vector).max(axis=1) if len(free) else np.empty(0)
        nearest = float(gaps.min()) if len(gaps) else np.inf
        found = nearest <= allowed
        claim.check(found, partial(_say, what, vector, "is not what they would get"), nearest if found else 0.0)
        if found:
            free = np.delete(free, int(gaps.argmin()), axis=0)
    if complete:
        for left in free.tolist():
            claim.fail(partial(_say, what, left, "is missing"))


def _say(what: str, vector: Sequence[float], problem: str) -> str:
    return f"{what}: ({', '.join(f'{value:.9g}' for value in vector)}) {problem}"
