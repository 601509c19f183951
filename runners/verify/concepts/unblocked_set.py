"""The whole unblocked set, as boxes of a total worth or as points, and how far it reaches towards a target."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from breakaway.data.games import Points, ThreatGame
from breakaway.runners.verify.boxes import Levels, Mask, Matrix, demands, search
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.optimum import blocking_gain

HALVINGS = 60
"""Steps of bisection: a ratio in [0, 1] to 1e-18."""

ROUNDING = 1e-15
"""Error of a sum, relative to the scale of the game."""


@dataclass
class EveryBox:
    """Judge that takes every affordable box."""

    worth: float
    found: list[Matrix] = field(default_factory=list)

    def keep(self, low: Matrix) -> Mask:
        """Keep affordable boxes."""
        kept: Mask = self.room(low) >= 0
        return kept

    def room(self, low: Matrix) -> Matrix:
        """Return what is left of the worth."""
        left: Matrix = self.worth - low.sum(axis=1)
        return left

    def offer(self, low: Matrix, levels: Levels) -> None:
        """Take boxes that meet every threat."""
        self.found.append(low)


def unblocked_boxes(case: Case) -> Matrix | None:
    """Return the lower bounds of boxes that make up the unblocked set; None when the search was cut short."""
    judge = EveryBox(case.worth + case.eps)
    problem = case.division()
    essential = demands(problem.asked, problem.floor, case.accuracy.snap)
    if not search(essential, judge, case.accuracy.effort):
        return None
    return np.concatenate([np.empty((0, len(problem.floor))), *judge.found])


def unblocked_points(case: Case) -> Matrix | None:
    """Return the points with x >= d that no threat blocks; None when the feasible set is not a list of points."""
    if not isinstance(case.game, ThreatGame) or not isinstance(case.game.feasible, Points):
        return None
    table = np.array(case.game.feasible.payoffs, dtype=float).reshape(-1, len(case.disagreement))
    asked = case.division().asked
    free = [x for x in table if (x >= case.disagreement - case.eps).all() and blocking_gain(asked, x) <= case.eps]
    return np.array(free).reshape(-1, len(case.disagreement))


def reach(case: Case, low: Matrix, target: Matrix) -> tuple[Matrix, Matrix]:
    """Raise every box towards the target as far as the worth allows.

    Returns for each box the largest r in [0, 1] with sum of max(low_i, d_i + r (m_i - d_i)) <= worth, and the
    allocation that r gives.
    """
    way = target - case.disagreement
    under, over = np.zeros(len(low)), np.ones(len(low))

    def at(r: Matrix) -> Matrix:
        raised: Matrix = np.maximum(low, case.disagreement + r[:, None] * way)
        return raised

    worth = np.maximum(case.worth, low.sum(axis=1)) + ROUNDING * case.accuracy.scale
    whole = at(over).sum(axis=1) <= worth
    for _ in range(HALVINGS):
        middle = (under + over) / 2
        fits = at(middle).sum(axis=1) <= worth
        under, over = np.where(fits, middle, under), np.where(fits, over, middle)
    ratio = np.where(whole, 1.0, under)
    return ratio, at(ratio)


def compare_sets(case: Case, sure: Matrix, near: Matrix) -> None:
    """Check that every row of ``sure`` is listed as a solution, and that only rows of ``near`` are, each once."""
    listed, only = case.claim("every best allocation is listed"), case.claim("only best allocations are listed")
    once, match = case.claim("no solution is listed twice"), case.accuracy.match
    for best in sure:
        listed.check(_gap(best, case.payoffs) <= match, f"{_text(best)} is not listed")
    for k, own in enumerate(case.payoffs):
        gap = _gap(own, near)
        only.check(gap <= match, f"{_text(own)} is not best", gap if gap <= match else 0.0)
        once.check(_gap(own, case.payoffs[k + 1 :]) > match, f"{_text(own)} is listed twice")


def _gap(x: Matrix, others: Matrix) -> float:
    return float(np.abs(others - x).max(axis=1).min()) if len(others) else np.inf


def _text(x: Matrix) -> str:
    return f"({', '.join(f'{value:.9g}' for value in x)})"
