"""Claimed solutions of one coalition against its feasible set: points, a total worth, a polyhedron, a convex set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from breakaway.data.games import ConvexSet, Points, Polyhedron
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.cuts import Body, Cuts, Reference, Rows
from breakaway.runners.verify.divisions import (
    EXTRA,
    MISSING,
    NOISE,
    Accuracy,
    check_maximisers,
    check_once,
    check_unblocked,
    compare_maximisers,
    required_worth,
)
from breakaway.runners.verify.optimum import Division, blocking_gain, log_product
from breakaway.runners.verify.products import Best
from breakaway.runners.verify.record import Ledger

INSIDE = "payoffs within the feasible set"

CONTINUOUS = 1e-6
"""Accuracy to which payoffs in polyhedra and convex sets are checked, relative to the scale."""

WIDE = 10.0
"""Solutions in continuous sets may be this many times the tolerance from the recomputed ones: those are known to 1e-11
in the log product, which near a constraint that only just binds is the square of the accuracy in payoffs."""

EDGE = 10.0
"""A worth within this many tolerances of what is required may be called enough or not."""

CONVEX_TIE = 1e-7
"""Log products over continuous sets that differ by no more are maximisers alike."""

SLACK = 1e-6
"""How far below the best claimed log product the search starts."""


@dataclass(frozen=True)
class Judged:
    """What was found about a coalition: whether anything is unblocked (None: not shown), and the best product."""

    exists: bool | None
    best: Best


def free_points(points: Points, problem: Division, eps: float) -> Matrix:
    """Return the points (rows) at or above disagreement that no threat blocks."""
    everything = np.array(points.payoffs, dtype=float).reshape(len(points.payoffs), len(problem.floor))
    rational = (everything >= problem.floor - eps).all(axis=1)
    stable = np.array([blocking_gain(problem.asked, x) <= eps for x in everything], dtype=bool)
    free: Matrix = everything[rational & stable]
    return free


def check_points(ledger: Ledger, name: str, points: Points, given: Matrix, problem: Division, acc: Accuracy) -> Judged:
    """Check solutions among finitely many points by going through all of them."""
    everything = np.array(points.payoffs, dtype=float).reshape(len(points.payoffs), len(problem.floor))
    check_once(ledger, name, given, acc.match)
    for x in given:
        gap = float(np.abs(everything - x).max(axis=1).min()) if len(everything) else np.inf
        ledger.claim(INSIDE).check(gap <= acc.eps, f"{name}: {x} is no point", min(gap, acc.scale))
        check_unblocked(ledger, name, x, problem, acc)
    free = free_points(points, problem, acc.eps)
    value = log_product(free, problem.floor, problem.weights, acc.eps)
    best = float(value.max()) if len(free) else -np.inf
    below = best - value if np.isfinite(best) else np.zeros(len(free))
    tie = acc.ties(free[below.argmin()], problem.floor, problem.weights) if len(free) else 0.0
    compare_maximisers(ledger, name, given, (free, below), tie, acc.match)
    return Judged(len(free) > 0, Best(best, exists=len(free) > 0, proven=True))


def check_total(ledger: Ledger, name: str, given: Matrix, problem: Division, acc: Accuracy) -> Judged:
    """Check solutions when a total worth is divided; on the knife edge both verdicts are within rounding."""
    found = required_worth(problem, acc)
    if found is None:
        return Judged(None, check_maximisers(ledger, name, list(map(tuple, given)), problem, acc))
    if abs(problem.worth - found) <= EDGE * acc.eps:
        return Judged(None, _on_the_edge(ledger, name, given, problem, acc))
    if problem.worth < found:
        ledger.claim(EXTRA).check(not len(given), f"{name}: solutions are listed, but nothing is unblocked")
        return Judged(False, Best(-np.inf, exists=False, proven=True))
    return Judged(True, check_maximisers(ledger, name, list(map(tuple, given)), problem, acc))


def _on_the_edge(ledger: Ledger, name: str, given: Matrix, problem: Division, acc: Accuracy) -> Best:
    if not len(given):
        ledger.claim(MISSING).leave(f"{name}: the worth just suffices or just falls short")
        return Best(-np.inf, exists=False, proven=False)
    return check_maximisers(ledger, name, list(map(tuple, given)), problem, acc)


def body_of(feasible: Polyhedron | ConvexSet, names: tuple[str, ...], floor: Matrix, acc: Accuracy) -> Body | None:
    """Return a continuous set in net payoffs in units of the scale; None when it has no numerical form."""
    if isinstance(feasible, Polyhedron):
        matrix = np.array(feasible.coefficients, dtype=float)
        largest = np.maximum(np.abs(matrix).max(axis=1), 1e-300)
        net = (np.array(feasible.bounds) - matrix @ floor) / (largest * acc.scale)
        return Rows(matrix / largest[:, None], net)
    if feasible.excess is None:
        return None
    cuts = Cuts(feasible.excess, names, floor, acc.scale)
    cuts.add(np.ones(len(names)))
    return cuts


def check_continuous(
    ledger: Ledger, name: str, body: Body | None, given: Matrix, problem: Division, acc: Accuracy
) -> Judged:
    """Check solutions in a polyhedron or convex set: each box of the unblocked set is solved with a dual bound.

    Without a numerical form it is only checked that nothing blocks the solutions.
    """
    check_once(ledger, name, given, acc.match)
    if body is None:
        ledger.claim(INSIDE).leave(
            f"{name}: the set is given by Pyomo constraints alone; add excess to have it checked"
        )
    sound = []
    for x in given:
        inside = body is None or _check_inside(ledger, name, x, body, problem, acc)
        sound.append(check_unblocked(ledger, name, x, problem, acc) and inside)
    values = [float(log_product(x, problem.floor, problem.weights, acc.eps)) for x in given]
    known = max(values, default=-np.inf)
    reference = Reference(acc.tolerance / 10, acc.effort, start=known - _unit(problem, acc) - SLACK)
    judge = None if body is None else body.best(problem.weights, _net(problem, acc), reference)
    z, below = judge.candidates() if judge is not None else (np.empty((0, len(problem.floor))), np.empty(0))
    if judge is None or (not len(z) and np.isfinite(known)):
        ledger.claim(MISSING).leave(f"{name}: not re-proven that no other allocation is as good")
        return Judged(True if any(sound) else None, Best(known, exists=any(sound), proven=False))
    if len(z):
        found = (problem.floor + acc.scale * z, below)
        compare_maximisers(ledger, name, given, found, CONVEX_TIE / NOISE, WIDE * acc.eps)
        return Judged(True, Best(judge.best + _unit(problem, acc), exists=True, proven=True))
    exists = any(sound) or (None if body is None else anything_unblocked(body, problem, acc))
    return Judged(exists, Best(-np.inf, exists=bool(exists), proven=exists is not None))


def _check_inside(ledger: Ledger, name: str, x: Matrix, body: Body, problem: Division, acc: Accuracy) -> bool:
    """Check that a solution lies in its set; half-spaces at it are a good start for what follows."""
    z = (x - problem.floor) / acc.scale
    if isinstance(body, Cuts):
        over = body.outside(z)
        body.add(z)
    else:
        over = float((body.rows @ z - body.bounds).max())
    words = f"{name}: {x} is outside by {over:.6g} of the scale"
    return ledger.claim(INSIDE).check(over <= acc.tolerance, words, max(over, 0.0) * acc.scale)


def anything_unblocked(body: Body, problem: Division, acc: Accuracy) -> bool | None:
    """Tell whether anything in a set is unblocked; None when that is not shown."""
    judge = body.best(problem.weights, _net(problem, acc), Reference(acc.tolerance / 10, acc.effort, shift=1.0))
    return None if judge is None else len(judge.candidates()[0]) > 0


def _net(problem: Division, acc: Accuracy) -> Matrix:
    net: Matrix = (problem.asked - problem.floor) / acc.scale
    return net


def _unit(problem: Division, acc: Accuracy) -> float:
    """Return what the log product gains when payoffs are not counted in units of the scale."""
    return float(problem.weights.sum()) * float(np.log(acc.scale))
