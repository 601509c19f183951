"""Checks of one division problem: solutions feasible, individually rational, unblocked, and exactly all maximisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import Payoffs, ThreatGame
from breakaway.runners.verify.boxes import Matrix, demands, search
from breakaway.runners.verify.optimum import BestDivisions, Division, blocking_gain, least_total, log_product
from breakaway.runners.verify.products import Best, check_products
from breakaway.runners.verify.record import Ledger

MISSING, EXTRA, ONCE = "all maximisers listed", "only maximisers listed", "solutions listed once"
REQUIRED = "required worths are least totals"

EFFORT = 2e9
"""Work allowed for one search (boxes x threats x players): about 20 seconds."""

NOISE = 0.02
"""Payoffs closer than this fraction of the tolerance are the same: twice the rounding of 12 digits at 1e-9."""


def made_in_fractions(claims: Mapping[str, Any]) -> bool:
    """Tell whether a run claims to have been made in fractions: then its tolerance is 0."""
    return claims.get("tolerance") == 0


@dataclass(frozen=True)
class Accuracy:
    """Tolerances of a verification: relative ``tolerance``, the game's ``scale``, ``effort`` for one search.

    ``exact`` says that the run was made in fractions, with tolerance 0: its knife edges are held to exact arithmetic.
    In any other run a coalition is viable when its worth falls short of what is required by no more than ``eps``.
    """

    tolerance: float
    scale: float
    effort: float = EFFORT
    exact: bool = False

    @property
    def eps(self) -> float:
        """The tolerance in units of payoff."""
        return self.tolerance * self.scale

    @property
    def snap(self) -> float:
        """Payoffs closer than this are the same."""
        return NOISE * self.eps

    @property
    def match(self) -> float:
        """Payoff vectors closer than this are the same solution."""
        return 2 * self.eps

    def ties(self, x: Matrix, floor: Matrix, weights: Matrix) -> float:
        """Return by how much the log product near x moves when payoffs move by eps."""
        net = np.maximum(x - floor, self.eps)
        return self.eps * float((weights / net).sum())


def asked_rows(block: Coalition, part: Coalition, payoffs: Sequence[Payoffs]) -> Matrix:
    """Return threats of T inside S as rows over the members of S, infinity for those outside T."""
    inside = members(block)
    columns = [inside.index(player) for player in members(part)]
    result = np.full((len(payoffs), len(inside)), np.inf)
    if len(payoffs):
        result[:, columns] = payoffs
    return result


def threat_rows(game: ThreatGame) -> Matrix:
    """Return given threats as rows over the players, infinity for those outside the coalition."""
    asked = np.full((len(game.threats), len(game.players)), np.inf)
    for row, threat in zip(asked, game.threats, strict=True):
        row[list(members(threat.coalition))] = threat.payoffs
    return asked


def required_worth(problem: Division, accuracy: Accuracy, guess: float = np.inf) -> float | None:
    """Return the least total at which some division is unblocked; None when the effort does not suffice."""
    essential = demands(problem.asked, problem.floor, accuracy.snap, problem.chains)
    return least_total(essential, guess, _room(problem, accuracy), accuracy.effort)


def _room(problem: Division, accuracy: Accuracy) -> float:
    """Return the error of a total: payoffs that round alike may differ by eps each."""
    return (1 + len(problem.floor)) * accuracy.eps


def check_required(ledger: Ledger, what: str, claimed: float | None, problem: Division, acc: Accuracy) -> float | None:
    """Check a claimed required worth; return the recomputed one."""
    claim = ledger.claim(REQUIRED)
    found = required_worth(problem, acc, np.inf if claimed is None else claimed)
    if found is None:
        claim.leave(f"{what}: the search for the least total was cut short")
    elif claimed is not None:
        claim.equal(what, claimed, found, _room(problem, acc))
    return found


def check_unblocked(ledger: Ledger, what: str, x: Matrix, problem: Division, accuracy: Accuracy) -> bool:
    """Check that one solution is affordable, gives everybody d_i or more, and is blocked by no threat."""
    over = float(x.sum()) - problem.worth
    below = float((problem.floor - x).max())
    gain = blocking_gain(problem.asked, x)
    least = f"; it gives every member {gain:.6g} more" if gain > 0 else ""
    holds = [
        ledger.claim("payoffs at or above disagreement").check(
            below <= accuracy.eps, f"{what}: a payoff is {below:.6g} below disagreement", max(below, 0.0)
        ),
        ledger.claim("payoffs unblocked").check(
            gain <= accuracy.eps, f"{what}: a threat blocks{least}", max(gain, 0.0)
        ),
    ]
    if np.isfinite(problem.worth):
        words = f"{what}: payoffs add up to {over:.6g} more than the worth"
        holds.append(ledger.claim("payoffs within the worth").check(over <= accuracy.eps, words, max(over, 0.0)))
    return all(holds)


def check_maximisers(ledger: Ledger, what: str, claimed: Sequence[Payoffs], problem: Division, acc: Accuracy) -> Best:
    """Check that the claimed solutions are exactly all maximisers; return what the search proved.

    Solutions whose log product is within rounding of the best must be listed; those within the tolerance may be.
    """
    given = np.array(claimed, dtype=float).reshape(len(claimed), len(problem.floor))
    check_once(ledger, what, given, acc.match)
    sound = [x for x in given if check_unblocked(ledger, what, x, problem, acc)]
    judge, complete = _search_best(problem, sound, acc)
    x, below = judge.candidates()
    tie = acc.ties(x[below.argmin()], problem.floor, problem.weights) if len(x) else 0.0
    if complete:
        compare_maximisers(ledger, what, given, (x, below), tie, acc.match)
        return Best(judge.best if len(x) else -np.inf, exists=len(x) > 0, proven=True)
    ledger.claim(MISSING).leave(f"{what}: not re-proven, the search over {len(problem.asked)} threats was cut short")
    for division in given:
        value = float(log_product(division, problem.floor, problem.weights, acc.eps))
        words = partial(_said, what, "solution", division, "is not a maximiser")
        ledger.claim(EXTRA).check(judge.best <= value + 10 * tie, words)
    return Best(judge.best, exists=len(sound) > 0, proven=False)


def _search_best(problem: Division, sound: list[Matrix], acc: Accuracy) -> tuple[BestDivisions, bool]:
    """Search for all divisions about as good as the best sound one, or the best of all if there is none."""
    start = max((float(log_product(x, problem.floor, problem.weights, acc.eps)) for x in sound), default=-np.inf)
    tie = max((acc.ties(x, problem.floor, problem.weights) for x in sound), default=0.0)
    judge = BestDivisions(problem, acc.eps, slack=max(10 * tie, 1e-3), best=start - tie)
    return judge, search(demands(problem.asked, problem.floor, acc.snap, problem.chains), judge, acc.effort)


def check_once(ledger: Ledger, what: str, given: Matrix, match: float) -> None:
    """Check that no solution is listed twice."""
    for k, x in enumerate(given):
        double = bool((np.abs(given[k + 1 :] - x).max(axis=1) <= match).any())
        ledger.claim(ONCE).check(not double, partial(_said, what, "solution", x, "is listed twice"))


def compare_maximisers(
    ledger: Ledger, what: str, given: Matrix, found: tuple[Matrix, Matrix], tie: float, match: float
) -> None:
    """Check claimed against recomputed maximisers; ``found`` holds divisions and how far each is below the best."""
    x, below = found
    listed = ledger.claim(MISSING)
    if not len(given) and not len(x):
        listed.check(True, "")
    for division in _distinct(x[below <= NOISE * tie], match):
        gap = _distance(division, given)
        words = partial(_said, what, "maximiser", division, "is not listed")
        listed.check(gap <= match, words, gap if gap <= match else 0.0)
    for division in given:
        gap = _distance(division, x[below <= 10 * tie])
        ledger.claim(EXTRA).check(gap <= match, partial(_said, what, "solution", division, "is not a maximiser"))


def _distinct(x: Matrix, match: float) -> list[Matrix]:
    """Return one of each group of rows that are the same solution."""
    found: list[Matrix] = []
    for row in x:
        if not found or _distance(row, np.array(found)) > match:
            found.append(row)
    return found


def _distance(x: Matrix, others: Matrix) -> float:
    return float(np.abs(others - x).max(axis=1).min()) if len(others) else np.inf


def _said(what: str, kind: str, x: Matrix, problem: str) -> str:
    return f"{what}: {kind} ({', '.join(f'{value:.9g}' for value in x)}) {problem}"


def check_claims(
    ledger: Ledger,
    claims: Mapping[str, Any],
    given: Sequence[Payoffs],
    problem: Division,
    best: Best,
    acc: Accuracy,
) -> None:
    """Check what is claimed about the product of the solutions of a transferable-utility problem."""
    solutions = [np.array(x) for x in given]
    if best.exact:
        check_products(ledger, claims, [best.log_product] * len(solutions), best, acc.tolerance)
        return
    values = [float(log_product(x, problem.floor, problem.weights, acc.eps)) for x in solutions]
    ties = [acc.ties(x, problem.floor, problem.weights) for x, v in zip(solutions, values, strict=True) if v > -np.inf]
    check_products(ledger, claims, values, best, max(ties, default=0.0) + acc.tolerance)
