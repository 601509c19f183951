"""The solution phi of Example 1: mean threats are subtracted, as if they were disagreement payoffs.

m_i(S) is the mean of player i's worst and best payoff on the Pareto frontier of Theta(S), a_i the mean of m_i(S) over
all 2^(n-1) - 1 coalitions S with i in S, other than N. With beta the largest number in [0, 1] such that some unblocked
x has x >= b = beta a + (1 - beta) d, phi maximises the product of (x_i - b_i)^gamma_i over the unblocked x >= b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import Payoffs, ThreatGame
from breakaway.runners.concepts.products import best_above, found_of
from breakaway.runners.concepts.question import Concept, Found, Question
from breakaway.runners.concepts.ratios import Vector, largest_common_ratio


def frontier(payoffs: Sequence[Payoffs]) -> list[Payoffs]:
    """Return the vectors that no other one exceeds in some payoff without being below it in another."""
    return [
        y
        for y in payoffs
        if not any(z != y and all(one >= other for one, other in zip(z, y, strict=True)) for z in payoffs)
    ]


def mean_threats(game: ThreatGame, eps: float) -> Vector:
    """Return a, the mean over coalitions S other than N of what player i gets, on average, in the threats of S.

    A coalition without threats has Theta(S) = {d_S}. Threats that give a member less than disagreement, by more than
    eps, are not in Theta(S): assumption [Dom 2] of the paper.
    """
    d, n = game.players.disagreement, len(game.players)
    threats: dict[Coalition, list[Payoffs]] = {}
    for threat in game.threats:
        if all(y >= d[i] - eps for i, y in zip(members(threat.coalition), threat.payoffs, strict=True)):
            threats.setdefault(threat.coalition, []).append(threat.payoffs)
    total = np.zeros(n)
    for coalition in range(1, game.players.everyone):
        inside = list(members(coalition))
        best = np.array(frontier(threats.get(coalition, [game.players.of_members(d, coalition)])))
        total[inside] += (best.min(axis=0) + best.max(axis=0)) / 2
    mean: Vector = total / max(1, 2 ** (n - 1) - 1)
    return mean


def _solve(question: Question) -> Found:
    game, d = question.threat_game, question.disagreement
    mean = np.maximum(mean_threats(game, question.eps), d)
    beta = largest_common_ratio(question, mean)
    if beta is None:
        return Found((), note="every allocation is blocked")
    subtracted = d + beta * (mean - d)
    found = found_of(best_above(question, subtracted, game.threats))
    table = pd.DataFrame({"player": question.players.names, "mean_threat": mean, "subtracted": subtracted})
    note = f"beta = {beta:.6g}: that part of the way from disagreement to the mean threats is subtracted"
    if found.value is None:
        note += ", and no unblocked allocation gives everybody more than that"
    return replace(found, tables={"mean_threats": table}, note=note)


PHI = Concept(
    "phi",
    "solution of Example 1: mean threats are subtracted before the product is maximised over unblocked allocations",
    "Vohra and Ray (2025), section 2.5, Example 1",
    "log of the product of payoffs above what is subtracted",
    _solve,
)
