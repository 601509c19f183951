"""The coalitional Nash solution itself, as one concept among those that are compared."""

from __future__ import annotations

from breakaway.data.games import ThreatGame
from breakaway.runners.coalitional_nash import divide_game, method_that_applies
from breakaway.runners.concepts.question import Concept, Found, Question


def _solve(question: Question) -> Found:
    if isinstance(question.game, ThreatGame):
        division = divide_game(question.game, method_that_applies(question.game, question.how))
        solutions = division.solutions
    else:
        everyone = question.players.everyone
        division = question.solved.division(everyone)
        solutions = question.solved.solutions(everyone)
    payoffs = tuple(tuple(float(x) for _, x in solution) for solution in solutions)
    if not payoffs:
        return Found((), note="every division of what all share is blocked")
    if division.zero_product:
        return Found(
            payoffs, complete=division.complete, note="no unblocked allocation gives everybody more than disagreement"
        )
    return Found(payoffs, complete=division.complete, value=division.log_product, bound=division.bound)


COALITIONAL_NASH = Concept(
    "coalitional-nash",
    "coalitional Nash solution: the largest Nash product that no credible threat blocks",
    "Vohra and Ray (2025), Theorem 1 and (31)-(32)",
    "log of the Nash product",
    _solve,
)
