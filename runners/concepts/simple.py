"""Concepts with closed forms that ignore coalitions: equal division."""

from __future__ import annotations

from breakaway.runners.concepts.question import Concept, Found, Question


def _equal_division(question: Question) -> Found:
    n = len(question.players)
    return Found(((question.worth / n,) * n,))


EQUAL_DIVISION = Concept(
    "equal-division",
    "equal division: everybody gets the same, whatever the disagreement payoffs",
    "Dutta and Ray (1989), the norm without participation constraints",
    "",
    _equal_division,
)
