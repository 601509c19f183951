"""Recompute the claims about one game with threats: solutions feasible, unblocked, and exactly all maximisers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.coalitions import members
from breakaway.data.games import Payoffs, Points, Polyhedron, ThreatGame, TotalWorth
from breakaway.runners.verify.boxes import Matrix, demands, search
from breakaway.runners.verify.divisions import (
    EFFORT,
    EXTRA,
    MISSING,
    Accuracy,
    check_claims,
    check_maximisers,
    check_once,
    check_required,
    check_unblocked,
    compare_maximisers,
    made_in_fractions,
    required_worth,
    threat_rows,
)
from breakaway.runners.verify.knife_edges import (
    BY_TOLERANCE,
    MOST_PLAYERS,
    NAME,
    check_exactly,
    on_edge,
    solve_threat_game,
)
from breakaway.runners.verify.ntu_sets import CONTINUOUS, body_of, check_continuous
from breakaway.runners.verify.optimum import Division, blocking_gain, log_product
from breakaway.runners.verify.polyhedron import BestInSlab, Slab
from breakaway.runners.verify.products import Best
from breakaway.runners.verify.reasons import (
    ENOUGH,
    Faced,
    check_causes,
    check_listed_threats,
    check_met,
    check_repeated,
    numbered,
)
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.tables import Key, Names, label, number, read_solutions

TINY = 1e-300
"""Stands in for the size of a row of zeros."""

RELAXED = 1e3
"""Solutions in a polyhedron come from interior points: they may be this many times further from the maximiser."""


def verify_threat_game(
    game: ThreatGame,
    solutions: pd.DataFrame,
    claims: Mapping[str, Any],
    tolerance: float = 1e-9,
    effort: float = EFFORT,
    reasons: Mapping[str, pd.DataFrame] | None = None,
) -> Verification:
    """Recompute every claim about the coalitional Nash solution of a game with threats.

    Parameters
    ----------
    game
        The game; its feasible set may be a total worth, points, a polyhedron or a convex set.
    solutions
        Columns ``solution, player, payoff``.
    claims
        ``log_nash_product``, ``upper_bound``, ``required_worth``, ``zero_product``, ``complete``; None or absent for
        what is not claimed. With ``complete`` false the solutions need not be all maximisers. ``tolerance`` 0 says
        that the run was made in fractions, so that a knife edge must be decided exactly.
    tolerance
        Largest discrepancy allowed, relative to the largest absolute worth or payoff.
    effort
        Work allowed for the search, in boxes x threats x players.
    reasons
        The tables ``met`` and ``failures``, where there are any.

    Returns
    -------
    Verification
        A row for each claim; tables that are incomplete or unreadable are failures, never exceptions.
    """
    scale = _scale(game)
    ledger, accuracy = Ledger(scale), Accuracy(tolerance, scale, effort, made_in_fractions(claims))
    names = Names(game.players)
    given = read_solutions({"solutions": solutions}, names, ledger)
    problem = _problem(game)
    if isinstance(game.feasible, TotalWorth):
        best = _check_total(game, ledger, claims, given, problem, accuracy)
    elif isinstance(game.feasible, Points):
        best = _check_points(game.feasible, ledger, given, problem, accuracy)
    elif isinstance(game.feasible, Polyhedron):
        best = _check_polyhedron(game.feasible, ledger, given, problem, accuracy)
    else:
        accuracy = replace(accuracy, tolerance=max(tolerance, CONTINUOUS))
        claimed = np.array(given, dtype=float).reshape(len(given), len(game.players))
        body = body_of(game.feasible, game.players.names, problem.floor, accuracy)
        best = check_continuous(ledger, "N", body, claimed, problem, accuracy).best
    if claims.get("complete") is False:
        _forgive(ledger)
    check_claims(ledger, claims, given, problem, best, accuracy)
    _check_reasons(game, ledger, {**(reasons or {}), "solutions": solutions}, names, problem, accuracy)
    return ledger.close()


def _forgive(ledger: Ledger) -> None:
    """Drop the claims of a complete list of maximisers, which the run does not make."""
    for name in (MISSING, EXTRA):
        ledger.claims.pop(name, None)
        ledger.claim(name).leave("the run does not claim that its list is complete")


def _scale(game: ThreatGame) -> float:
    """Return the largest absolute number among worth, points and threats; 1 if all are zero."""
    numbers = [value for threat in game.threats for value in threat.payoffs]
    if isinstance(game.feasible, TotalWorth):
        numbers.append(game.feasible.worth)
    if isinstance(game.feasible, Points):
        numbers.extend(value for point in game.feasible.payoffs for value in point)
    return max(map(abs, numbers), default=0.0) or 1.0


def _problem(game: ThreatGame) -> Division:
    """Return the threats as rows over the players, with the total worth if there is one."""
    asked = threat_rows(game)
    worth = game.feasible.worth if isinstance(game.feasible, TotalWorth) else np.inf
    return Division(worth, np.array(game.players.disagreement), np.array(game.players.weights), asked)


def _check_total(
    game: ThreatGame,
    ledger: Ledger,
    claims: Mapping[str, Any],
    given: list[Payoffs],
    problem: Division,
    acc: Accuracy,
) -> Best:
    """Check solutions, required worth and the knife edge when a total worth is divided."""
    required = check_required(ledger, "N", number(claims.get("required_worth")), problem, acc)
    edge = ledger.claim(NAME)
    close = on_edge(problem.worth, required, ledger.scale)
    if close and acc.exact and len(game.players) <= MOST_PLAYERS:
        exact = solve_threat_game(game)
        edge.flag("N has an unblocked division", bool(given), bool(exact))
        return check_exactly(ledger, "N", given, exact, problem, acc)
    if close:
        many = f"on the knife edge: exact arithmetic is for up to {MOST_PLAYERS} players"
        edge.leave(f"N is {many if acc.exact else BY_TOLERANCE}")
    return check_maximisers(ledger, "N", given, problem, acc)


def _check_points(points: Points, ledger: Ledger, given: list[Payoffs], problem: Division, acc: Accuracy) -> Best:
    """Check solutions among finitely many points by going through all of them."""
    everything = np.array(points.payoffs, dtype=float).reshape(len(points.payoffs), len(problem.floor))
    claimed = np.array(given, dtype=float).reshape(len(given), len(problem.floor))
    check_once(ledger, "N", claimed, acc.match)
    for x in claimed:
        gap = float(np.abs(everything - x).max(axis=1).min()) if len(everything) else np.inf
        ledger.claim("payoffs among the points").check(gap <= acc.eps, f"N: {x} is no point", min(gap, acc.scale))
        check_unblocked(ledger, "N", x, problem, acc)
    rational = (everything >= problem.floor - acc.eps).all(axis=1)
    stable = np.array([blocking_gain(problem.asked, x) <= acc.eps for x in everything], dtype=bool)
    free = everything[rational & stable]
    value = log_product(free, problem.floor, problem.weights, acc.eps)
    best = float(value.max()) if len(free) else -np.inf
    below = best - value if np.isfinite(best) else np.zeros(len(free))
    tie = acc.ties(free[below.argmin()], problem.floor, problem.weights) if len(free) else 0.0
    compare_maximisers(ledger, "N", claimed, (free, below), tie, acc.match)
    return Best(best, exists=len(free) > 0, proven=True)


def _check_polyhedron(
    polyhedron: Polyhedron, ledger: Ledger, given: list[Payoffs], problem: Division, acc: Accuracy
) -> Best:
    """Check solutions in a polyhedron: one concave problem for each box of the unblocked set, with a dual bound."""
    matrix, bounds = np.array(polyhedron.coefficients, dtype=float), np.array(polyhedron.bounds)
    size = np.maximum(np.abs(matrix).sum(axis=1), TINY)
    claimed = np.array(given, dtype=float).reshape(len(given), len(problem.floor))
    check_once(ledger, "N", claimed, RELAXED * acc.eps)
    values = [-np.inf]
    for x in claimed:
        over = float(((matrix @ x - bounds) / size).max())
        inside = ledger.claim("payoffs within the polyhedron").check(
            over <= acc.eps, f"N: a row is exceeded by {over:.6g}", max(over, 0.0)
        )
        if check_unblocked(ledger, "N", x, problem, acc) and inside:
            values.append(float(log_product(x, problem.floor, problem.weights, acc.eps)))
    return _compare_in_slab(ledger, claimed, max(values), _slab(matrix, bounds, problem, acc.scale), problem, acc)


def _slab(matrix: Matrix, bounds: Matrix, problem: Division, scale: float) -> Slab:
    """Return the polyhedron in net payoffs in units of the game's scale, rows scaled to a largest entry of 1."""
    size = np.maximum(np.abs(matrix).max(axis=1), TINY)
    return Slab(problem.weights, matrix / size[:, None], (bounds - matrix @ problem.floor) / (size * scale))


def _compare_in_slab(
    ledger: Ledger, claimed: Matrix, start: float, slab: Slab, problem: Division, acc: Accuracy
) -> Best:
    """Search the boxes of the unblocked set for all maximisers over the slab and compare."""
    unit = float(problem.weights.sum()) * float(np.log(acc.scale))
    judge = BestInSlab(slab, slack=1e-5, best=start - unit - 1e-6)
    judge.solve(np.zeros(len(problem.floor)), keep=False)
    net = (problem.asked - problem.floor) / acc.scale
    complete = search(demands(net, np.zeros(len(problem.floor)), acc.snap / acc.scale), judge, acc.effort)
    z, below = judge.candidates()
    if not (complete and judge.certain and len(z)):
        ledger.claim(MISSING).leave("N: not re-proven, no unblocked division with a positive product was found")
        return Best(start, exists=len(claimed) > 0, proven=False)
    x = problem.floor + acc.scale * z
    compare_maximisers(ledger, "N", claimed, (x, below), 1e-7, RELAXED * acc.eps)
    return Best(judge.best + unit, exists=True, proven=True)


def _check_reasons(
    game: ThreatGame,
    ledger: Ledger,
    tables: Mapping[str, pd.DataFrame],
    names: Names,
    problem: Division,
    acc: Accuracy,
) -> None:
    """Check who declines each threat, and the threats that leave nothing."""
    solution, threat = {"solution": label}, {"breakaway": names.coalition, "threat": label}
    real: dict[Key, dict[int, float]] = {
        (t.coalition, label(t.name)): dict(zip(members(t.coalition), t.payoffs, strict=True)) for t in game.threats
    }
    faced = {key: Faced(payoffs, real) for key, payoffs in numbered(tables, "solutions", solution, names).items()}
    if "met" in tables:
        check_met(ledger, tables, (solution, threat), faced, names, acc.eps)
    if "failures" not in tables:
        return
    listed = numbered(tables, "failures", threat, names, ledger)
    check_listed_threats(ledger, listed, real, acc.eps)
    asked = np.full((len(listed), len(game.players)), np.inf)
    for row, vector in zip(asked, listed.values(), strict=True):
        row[list(vector)] = list(vector.values())
    _check_causes(game, ledger, tables, problem, asked, acc)


def _check_causes(
    game: ThreatGame,
    ledger: Ledger,
    tables: Mapping[str, pd.DataFrame],
    problem: Division,
    asked: Matrix,
    acc: Accuracy,
) -> None:
    """Check that the threats listed as causes leave nothing."""
    given = ledger.claim("failures listed when no division holds")
    given.check(tables["solutions"].empty or not len(asked), f"{len(asked)} threats listed beside solutions")
    if isinstance(game.feasible, TotalWorth):
        required = required_worth(problem, acc)
        check_repeated(
            ledger,
            tables,
            {},
            lambda _: None if required is None else (problem.worth, required),
            (2 + len(game.players)) * acc.eps,
        )
        needed = tables["solutions"].empty and float(problem.floor.sum()) <= problem.worth + acc.eps
        if given.check(bool(len(asked)) == needed, f"{len(asked)} threats listed") and len(asked):
            check_causes(ledger, acc, "N", problem, asked)
    if isinstance(game.feasible, Points) and tables["solutions"].empty:
        for name, x in zip(game.feasible.names, np.array(game.feasible.payoffs), strict=True):
            below = bool((x < problem.floor - acc.eps).any())
            blocked = below or (len(asked) > 0 and blocking_gain(asked, x) > acc.eps)
            ledger.claim(ENOUGH).check(blocked, f"point {name}: no listed threat blocks it")
