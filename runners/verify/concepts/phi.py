"""Verifier of the solution of Example 1: mean threats, beta, and the maximisers of the shifted product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakaway.data.games import ThreatGame, TotalWorth
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.concepts.coalitional import check_maximisers_of, given_game
from breakaway.runners.verify.concepts.simple import check_listed
from breakaway.runners.verify.concepts.unblocked_set import (
    compare_sets,
    reach,
    unblocked_boxes,
    unblocked_points,
)
from breakaway.runners.verify.optimum import log_product

LOOSE = 1e-6
"""Log products further apart differ beyond doubt."""


def verify_phi(case: Case) -> None:
    """All maximisers of the product above beta a + (1 - beta) d, over the unblocked set."""
    if case.threats is None:
        case.claim("mean threats").leave("the threats were out of reach")
        return
    mean = _mean_threats(case, case.threats)
    listed = isinstance(case.game, ThreatGame) and not isinstance(case.game.feasible, TotalWorth)
    low = None if listed else unblocked_boxes(case)
    if low is None and not listed:
        case.claim("mean threats").leave("the search for all boxes was cut short")
        return
    beta = _beta(case, mean) if low is None else float(reach(case, low, mean)[0].max(initial=-1.0))
    if beta < 0:
        case.claim("empty only where all is blocked").check(not len(case.payoffs), "nothing is unblocked")
        return
    subtracted = case.disagreement + beta * (mean - case.disagreement)
    check_listed(case, "mean_threats", "mean_threat", mean)
    check_listed(case, "mean_threats", "subtracted", subtracted)
    if low is not None and _is_exhausted(case, low, subtracted):
        _check_exhausted(case, low, mean, beta)
        return
    game = given_game(case)
    check_maximisers_of(case, replace(game, players=replace(game.players, disagreement=tuple(map(float, subtracted)))))


def _is_exhausted(case: Case, low: Matrix, subtracted: Matrix) -> bool:
    """Tell whether nobody can get more than bounds and subtracted payoffs: the worth is used up in every box."""
    return case.worth - float(np.maximum(low, subtracted).sum(axis=1).min()) <= 10 * case.eps


def _check_exhausted(case: Case, low: Matrix, mean: Matrix, beta: float) -> None:
    """All allocations that reach beta, one for each box, of largest product; where it is zero, all of them."""
    reached, x = reach(case, low, mean)
    value = log_product(x, case.disagreement + beta * (mean - case.disagreement), case.weights, case.eps)
    room = case.eps / max(float((mean - case.disagreement).max()), case.eps)
    best = value[reached >= beta - room / 100].max()
    with np.errstate(invalid="ignore"):
        below = np.where(np.isneginf(value) & np.isneginf(best), 0.0, best - value)
    sure = (reached >= beta - room / 100) & (below <= room / 100)
    compare_sets(case, x[sure], x[(reached >= beta - 10 * room) & (below <= LOOSE)])


def _mean_threats(case: Case, asked: Matrix) -> Matrix:
    """Return a: over all coalitions other than N, the mean of worst and best payoff on the Pareto frontier."""
    n = len(case.disagreement)
    total = np.zeros(n)
    for coalition in case.membership[1:-1]:
        own = asked[(np.isfinite(asked) == coalition).all(axis=1)][:, coalition]
        own = own[(own >= case.disagreement[coalition] - case.eps).all(axis=1)]
        if not len(own):
            own = case.disagreement[None, coalition]
        worse = [((own >= y).all(axis=1) & (own > y).any(axis=1)).any() for y in own]
        frontier = own[~np.array(worse)]
        total[coalition] += (frontier.min(axis=0) + frontier.max(axis=0)) / 2
    mean: Matrix = np.maximum(total / max(1, 2 ** (n - 1) - 1), case.disagreement)
    return mean


def _beta(case: Case, mean: Matrix) -> float:
    """Return beta for points or a polyhedron, -1 when nothing is unblocked."""
    points = unblocked_points(case)
    if points is None:
        return 1.0 if len(case.payoffs) else -1.0  # a solution above the mean threats is itself the proof
    way = mean - case.disagreement
    counts = way > case.eps
    ratios = (points[:, counts] - case.disagreement[counts]) / way[counts]
    return float(ratios.min(axis=1, initial=1.0).max(initial=-1.0))
