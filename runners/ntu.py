"""Coalitional Nash bargaining without transferable utility: all solutions of every coalition, with a certificate.

The recursion is that of :mod:`breakaway.runners.ntu_recursion`. The certificate says in words what is proven: over
finite sets and total worths all maximisers are found exactly; over polyhedra and convex sets each box of the unblocked
set has one maximiser, found by Ipopt, and all boxes that could hold a better one are gone through.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from breakaway.data.coalitions import Coalition
from breakaway.data.games import ConvexSet, NtuGame, Polyhedron, TotalWorth
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock, UnfinishedError
from breakaway.runners.coalitional_nash import claims_of
from breakaway.runners.ntu_recursion import (
    NtuSolutions,
    Reach,
    divide_all,
    divide_naively,
    is_continuous,
    reach_of,
)
from breakaway.runners.ntu_tables import (
    coalitions_table,
    failures_table,
    met_table,
    naive_table,
    solutions_table,
    structures_table,
)
from breakaway.runners.stopping import STOPS, Stop, never_started, stop_of
from breakaway.runners.verify import verify_ntu

MOST_DETAILED = 6
"""Up to this many players threats are listed, answers verified and the naive problem solved, unless told otherwise."""

MOST_CONTINUOUS = 4
"""The same for games with polyhedra or convex sets."""

PROVEN_FINITE = "all maximisers of every coalition, by going through every point against every threat"
PROVEN_TOTAL = "all maximisers of every coalition, by exhaustive search"
PROVEN_CONVEX = (
    "all maximisers of every coalition up to 1e-7 of the scale, if the sets are convex: each box of the unblocked set "
    "has one maximiser, a local optimum is the global one, and every box that may hold a better one was solved"
)


def solve_ntu(game: NtuGame, how: HowToSolve | None = None, about: About = UNNAMED) -> Answer:
    """Return the coalitional Nash solutions of every coalition, and which structures hold together.

    Parameters
    ----------
    game
        A game without transferable utility: points, polyhedra, convex sets, total worths.
    how
        Method, solver, tolerance, detail. ``exact`` goes through points, searches total worths, and enumerates boxes of
        polyhedra and convex sets; ``model`` solves mixed-integer models where there are any.
    about
        Kind, title and source of the instance, for the answer.

    Returns
    -------
    Tables ``solutions`` (of N), ``coalitions``, ``coalition_solutions``, ``structures``, ``failures``, and by size
    ``met`` and ``naive_solutions``.

    Raises
    ------
    UnfinishedError
        When a limit is reached, a solver fails, a set does not bound the payoffs or the user interrupts; it carries the
        coalitions divided so far.
    SolveError
        When the solver is not available, or refuses the question.
    ValueError
        When fractions or, for a convex set, a formulation are asked for, or a convex set is found not to be convex.
    """
    how = how or HowToSolve()
    if how.rational:
        raise ValueError(
            "games without transferable utility are solved in floating point: leave out the rational option"
        )
    if how.formulation is not None and any(isinstance(feasible, ConvexSet) for feasible in game.feasible.values()):
        raise ValueError("convex sets are solved by boxes, or by SCIP with thresholds: leave out the formulation")
    clock = PhaseClock()
    solved = NtuSolutions(game.players)
    reach = Reach(1.0, how.options.tolerance, {})
    try:
        reach = reach_of(game, how)
        divide_all(game, how, reach, solved)
    except STOPS as error:
        if never_started(error):
            raise
        stop = stop_of(error)
        raise UnfinishedError(stop.reason, _partial_answer(game, stop, solved, how, reach, about)) from error
    clock.lap("recursion")
    naive = divide_naively(game, how, reach) if _in_detail(game, how) else None
    clock.lap("naive problem")
    tables = _tables(game, solved, naive, how, reach)
    clock.lap("tables")
    claims = _claims(game, solved, naive, tables, how, reach)
    residual, checks = _verification(game, tables, claims, how)
    clock.lap("verification")
    certificate = Certificate("optimal", "proven optimum", {**claims, **checks}, residual)
    return Answer("ntu", *about, game.players.names, tables, certificate, how.asked(), clock.laps)


def _in_detail(game: NtuGame, how: HowToSolve) -> bool:
    if how.detail != "auto":
        return how.detail == "all"
    return len(game.players) <= (MOST_CONTINUOUS if is_continuous(game) else MOST_DETAILED)


def _tables(
    game: NtuGame, solved: NtuSolutions, naive: NtuSolutions | None, how: HowToSolve, reach: Reach
) -> dict[str, pd.DataFrame]:
    by_coalition = solutions_table(solved)
    everyone = by_coalition["coalition"] == game.players.coalition_name(game.players.everyone)
    tables = {
        "solutions": by_coalition.loc[everyone, ["solution", "player", "payoff"]].reset_index(drop=True),
        "coalitions": coalitions_table(solved, naive, 10 * reach.eps),
        "coalition_solutions": by_coalition,
        "structures": structures_table(game, solved, reach.eps),
    }
    if _in_detail(game, how):
        tables["met"] = met_table(solved)
    if naive is not None:
        tables["naive_solutions"] = naive_table(solved, naive, 10 * reach.eps)
    if how.detail != "none":
        tables["failures"] = failures_table(game, solved, how, reach)
    return tables


def _claims(
    game: NtuGame,
    solved: NtuSolutions,
    naive: NtuSolutions | None,
    tables: Mapping[str, pd.DataFrame],
    how: HowToSolve,
    reach: Reach,
) -> dict[str, object]:
    grand = solved.divisions[game.players.everyone]
    claims = claims_of(grand, how, reach.eps)
    del claims["required_worth"]
    claims |= {
        "proven": _proven(game),
        "incomplete_coalitions": [
            game.players.coalition_name(c) for c, division in solved.divisions.items() if not division.complete
        ],
    }
    if naive is not None:
        claims["naive_agrees"] = bool(tables["coalitions"]["naive_agrees"].all())
    return claims


def _proven(game: NtuGame) -> str:
    kinds = {type(feasible) for feasible in game.feasible.values()}
    if kinds & {Polyhedron, ConvexSet}:
        return PROVEN_CONVEX
    return PROVEN_TOTAL if TotalWorth in kinds else PROVEN_FINITE


def _partial_answer(
    game: NtuGame, stop: Stop, solved: NtuSolutions, how: HowToSolve, reach: Reach, about: About
) -> Answer:
    """Tabulate the coalitions divided so far; the grand coalition comes last, so its solutions are not known."""
    tables = {
        "solutions": pd.DataFrame(columns=["solution", "player", "payoff"]),
        "coalitions": coalitions_table(solved, None, math.nan),
        "coalition_solutions": solutions_table(solved),
    }
    everyone: Coalition = game.players.everyone
    claims = {
        **dict.fromkeys(tables, "partial"),
        "judged": len(solved.divisions),
        "of": everyone,
        "complete": False,
        "tolerance": reach.eps,
        "method": how.method,
    }
    certificate = Certificate(stop.termination, "smaller coalitions only", claims)
    return Answer("ntu", *about, game.players.names, tables, certificate, how.asked())


def _verification(
    game: NtuGame, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, object], how: HowToSolve
) -> tuple[float | None, dict[str, object]]:
    small = len(game.players) <= (MOST_CONTINUOUS if is_continuous(game) else MOST_DETAILED)
    if how.verify is False or (how.verify is None and not small):
        return None, {"verified": False}
    verification = verify_ntu(game, tables, claims, how.options.tolerance)
    return verification.residual, {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
