"""The Kalai-Smorodinsky solution adapted to threats: lexicographic maxmin of gains relative to ideal gains.

Ideal payoffs are taken over the unblocked set, m_i = max {x_i : x in U(G)}, and so is the maximum. That keeps the
solution inside U(G), and makes it depend on threats through U(G) alone.
"""

from __future__ import annotations

import pandas as pd

from breakaway.runners.concepts.question import Concept, Found, Question
from breakaway.runners.concepts.ratios import candidates, distinct, ideal_payoffs, lexicographic_best, ratios


def _solve(question: Question) -> Found:
    d, eps = question.disagreement, question.eps
    ideal = ideal_payoffs(question)
    if ideal is None:
        return Found((), note="every allocation is blocked")
    best = distinct(lexicographic_best(candidates(question, ideal), d, ideal, eps), eps)
    payoffs = tuple(tuple(map(float, x)) for x in best)
    table = pd.DataFrame({"player": question.players.names, "ideal_payoff": ideal})
    least = [float(own[0]) for x in best if len(own := ratios(x, d, ideal, eps))]
    if not least:
        return Found(payoffs, tables={"ideal_payoffs": table}, note="nobody can be given more than disagreement")
    return Found(payoffs, value=min(least), bound=min(least), tables={"ideal_payoffs": table})


KALAI_SMORODINSKY = Concept(
    "kalai-smorodinsky",
    "Kalai-Smorodinsky under threats: equal parts of what each could get at most, lexicographically, unblocked",
    "Kalai and Smorodinsky (1975), Imai (1983); over the unblocked set of Vohra and Ray (2025)",
    "smallest ratio of a gain to the ideal gain",
    _solve,
)
