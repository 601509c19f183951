"""Verifier of the Shapley value by the potential of Hart and Mas-Colell (1989), another formula than the average."""

from __future__ import annotations

import numpy as np

from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.concepts.case import Case


def verify_shapley(case: Case) -> None:
    """Payoffs are the marginal contributions P(N) - P(N - i) to the potential P."""
    claim = case.claim("marginal contributions to the potential")
    claim.check(len(case.payoffs) == 1 and case.complete, f"{len(case.payoffs)} solutions are listed, there is one")
    potential, n = _potential(case.worths), len(case.game.players)
    everyone = len(potential) - 1
    expected = potential[everyone] - potential[everyone ^ (1 << np.arange(n))]
    for x in case.payoffs:
        gap = float(np.abs(x - expected).max())
        claim.check(gap <= n * case.eps, f"a payoff is off by {gap:.6g}", gap)


def _potential(worths: Matrix) -> Matrix:
    """Return P with P(empty) = 0 and sum over i in S of P(S) - P(S - i) = v(S)."""
    masks = np.arange(len(worths))
    n = len(worths).bit_length() - 1
    sizes = np.sum([(masks >> i) & 1 for i in range(n)], axis=0)
    potential = np.zeros(len(worths))
    for size in range(1, n + 1):
        of_size = masks[sizes == size]
        below = np.zeros(len(of_size))
        for i in range(n):
            inside = (of_size >> i) & 1 == 1
            below[inside] += potential[of_size[inside] ^ (1 << i)]
        potential[of_size] = (worths[of_size] + below) / size
    return potential
