"""The coalitional Nash solution of one game with threats: all maximisers, who declines each threat, and a proof.

Methods: ``exact`` shares a total worth by the specialised search of :mod:`breakaway.runners.division` and enumerates
points; ``model`` solves Pyomo models (:mod:`breakaway.runners.threat_game`). Polyhedra and convex sets always take
``model``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from breakaway.data.coalitions import members
from breakaway.data.games import ConvexSet, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock, UnfinishedError
from breakaway.runners.causes import irreducible_causes
from breakaway.runners.convex import CONVEX_TOLERANCE
from breakaway.runners.division import Division, divide_exactly
from breakaway.runners.points import solve_points
from breakaway.runners.search import Clause
from breakaway.runners.stopping import STOPS, Stop, never_started, stop_of
from breakaway.runners.threat_game import block_problem, game_scale, solve_general
from breakaway.runners.verify import verify_threat_game

MOST_EXPLAINED_THREATS = 5_000
"""Up to this many threats a failure is explained and the answer verified unless told otherwise."""


def solve_coalitional_nash(game: ThreatGame, how: HowToSolve | None = None, about: About = UNNAMED) -> Answer:
    """Return all coalitional Nash solutions of a game with threats, with a certificate.

    Parameters
    ----------
    game
        A game with a total worth, points, a polyhedron or a convex set as its feasible set.
    how
        Method, solver, tolerance, detail.
    about
        Kind, title and source of the instance, for the answer.

    Returns
    -------
    Tables ``solutions``, ``met`` (who declines each threat) and, when nothing is unblocked, ``failures``.

    Raises
    ------
    UnfinishedError
        When a limit is reached, a solver fails or the user interrupts; it carries the value and bound known then.
    SolveError
        When the solver is not available, or refuses the question.
    """
    how = method_that_applies(game, how or HowToSolve())
    clock = PhaseClock()
    eps = tolerance_of(game, how)
    try:
        division = divide_game(game, how)
    except STOPS as error:
        if never_started(error):
            raise
        stop = stop_of(error)
        raise UnfinishedError(stop.reason, _partial_answer(game, stop, how, about)) from error
    clock.lap("solution")
    tables = {"solutions": solutions_table(game, division.solutions)}
    if how.detail != "none":
        tables["met"] = _met_table(game, division.solutions)
        if not division.viable and (how.detail != "auto" or len(game.threats) <= MOST_EXPLAINED_THREATS):
            tables["failures"] = _failures_table(game, division, how)
    clock.lap("tables")
    claims = claims_of(division, how, eps)
    residual, checks = _verification(game, tables, claims, how)
    clock.lap("verification")
    holding = "proven optimum" if division.viable else "infeasibility proof"
    certificate = Certificate("optimal" if division.viable else "infeasible", holding, {**claims, **checks}, residual)
    return Answer("coalitional-nash", *about, game.players.names, tables, certificate, how.asked(), clock.laps)


def _partial_answer(game: ThreatGame, stop: Stop, how: HowToSolve, about: About) -> Answer:
    """Say what is known when the solution was stopped: no solution is listed, because none is proven."""
    value, bound = stop.value, stop.bound
    claims = {
        "log_nash_product": value,
        "upper_bound": bound,
        "gap": None if value is None or bound is None else bound - value,
        "solutions": "partial",
        "complete": False,
        "tolerance": tolerance_of(game, how),
        "method": how.method,
    }
    certificate = Certificate(stop.termination, stop.holding, claims)
    tables = {"solutions": solutions_table(game, ())}
    return Answer("coalitional-nash", *about, game.players.names, tables, certificate, how.asked())


def tolerance_of(game: ThreatGame, how: HowToSolve) -> float:
    """Return the tolerance in units of payoff: 0 in fractions; in a convex set, Ipopt's accuracy."""
    if how.rational:
        return 0.0
    relative = how.options.tolerance
    if isinstance(game.feasible, ConvexSet):
        relative = max(relative, CONVEX_TOLERANCE)
    return relative * game_scale(game)


def method_that_applies(game: ThreatGame, how: HowToSolve) -> HowToSolve:
    """Return the options with ``model`` for a polyhedron or convex set, to which the exact search does not apply."""
    return replace(how, method="model") if isinstance(game.feasible, Polyhedron | ConvexSet) else how


def divide_game(game: ThreatGame, how: HowToSolve) -> Division:
    """Solve a game with threats by the method asked for."""
    eps = tolerance_of(game, how)
    if how.rational and not isinstance(game.feasible, TotalWorth):
        raise ValueError("only a total worth is shared in fractions: leave out the rational option for points")
    if how.method == "model":
        return solve_general(game, how.options, how.solver or "highs", how.formulation)
    if isinstance(game.feasible, Points):
        return solve_points(game, eps)
    problem = block_problem(game, eps)
    return divide_exactly(problem.in_fractions() if how.rational else problem)


def solutions_table(game: ThreatGame, solutions: Sequence[Clause]) -> pd.DataFrame:
    """One row per player of every maximiser."""
    names = game.players.names
    rows = [
        (number, names[player], float(payoff))
        for number, solution in enumerate(solutions, start=1)
        for player, payoff in solution
    ]
    return pd.DataFrame(rows, columns=["solution", "player", "payoff"])


def _met_table(game: ThreatGame, solutions: Sequence[Clause]) -> pd.DataFrame:
    """For every maximiser and every threat, the member who has least reason to leave."""
    players = game.players
    rows = []
    for number, solution in enumerate(solutions, start=1):
        payoff_of = dict(solution)
        for threat in game.threats:
            pairs = zip(members(threat.coalition), threat.payoffs, strict=True)
            who, asked = max(pairs, key=lambda pair: payoff_of[pair[0]] - pair[1])
            breakaway = players.coalition_name(threat.coalition)
            rows.append((number, breakaway, threat.name, players.names[who], float(payoff_of[who]), float(asked)))
    return pd.DataFrame(rows, columns=["solution", "breakaway", "threat", "player", "payoff", "threat_payoff"])


def _failures_table(game: ThreatGame, division: Division, how: HowToSolve) -> pd.DataFrame:
    """Threats that leave nothing: an irreducible set for a total worth, one for each point otherwise."""
    if isinstance(game.feasible, TotalWorth):
        worth, required = game.feasible.worth, float(division.required)
        floating = block_problem(game, tolerance_of(game, how))
        problem = floating.in_fractions() if how.rational else floating
        by_clause = dict(zip(problem.clauses, game.threats, strict=True))
        causes = [by_clause[clause] for clause in irreducible_causes(problem)]
    else:
        worth = required = math.nan
        causes = _one_for_each_point(game) if isinstance(game.feasible, Points) else []
    names = game.players.names
    rows = [
        (worth, required, required - worth, game.players.coalition_name(cause.coalition), cause.name, names[i], y)
        for cause in causes
        for i, y in _clause(cause)
    ]
    columns = ["worth", "required_worth", "shortfall", "breakaway", "threat", "player", "payoff"]
    return pd.DataFrame(rows, columns=columns)


def _clause(threat: Threat) -> Clause:
    return tuple(zip(members(threat.coalition), threat.payoffs, strict=True))


def _one_for_each_point(game: ThreatGame) -> list[Threat]:
    """For every feasible point, the threat that gains most over it."""
    points = game.feasible.payoffs if isinstance(game.feasible, Points) else ()
    found = {}
    for x in points:
        threat = max(game.threats, key=lambda t: min(y - x[i] for i, y in _clause(t)))
        found[threat.name] = threat
    return list(found.values())


def claims_of(division: Division, how: HowToSolve, eps: float) -> dict[str, object]:
    """Return what is claimed of a division: value, bound, gap, required worth, completeness."""
    finite = division.viable and division.log_product > -math.inf
    required = float(division.required)
    return {
        "log_nash_product": division.log_product if finite else None,
        "upper_bound": division.bound if finite else None,
        "gap": division.bound - division.log_product if finite else None,
        "required_worth": None if math.isnan(required) else required,
        "solutions": len(division.solutions),
        "zero_product": division.zero_product,
        "complete": division.complete,
        "nodes": division.nodes,
        "tolerance": eps,
        "method": how.method,
    }


def _verification(
    game: ThreatGame, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, object], how: HowToSolve
) -> tuple[float | None, dict[str, object]]:
    if how.verify is False or (how.verify is None and len(game.threats) > MOST_EXPLAINED_THREATS):
        return None, {"verified": False}
    verification = verify_threat_game(game, tables["solutions"], claims, how.options.tolerance, reasons=tables)
    return verification.residual, {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
