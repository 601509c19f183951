"""Which coalition structures of a game in strategic form hold together, with and without transfers."""

from __future__ import annotations

import pandas as pd

from breakaway.data.games import StrategicFormGame
from breakaway.results.records import Answer, Certificate
from breakaway.runners import strategic_tables as tabulate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock, UnfinishedError
from breakaway.runners.recursion import Hooks
from breakaway.runners.solvers import LimitReachedError
from breakaway.runners.strategic_recursion import StrategicMap, judge_strategic, scale_of_payoffs
from breakaway.runners.strategic_surplus import solve_surplus_game
from breakaway.runners.verify import verify_strategic

MOST_DETAILED_STRUCTURES = 203
"""Up to this many structures (six players) every threat is listed unless told otherwise."""

MOST_REASONS = 15_000
"""Up to this many declined threats, and up to this many refused profiles, are listed unless told otherwise."""

MOST_VERIFIED_PROFILES = 20_000
"""Up to this many profiles, over all structures, the answer is verified at once; larger ones by `breakaway verify`."""


def solve_strategic(
    game: StrategicFormGame, how: HowToSolve | None = None, about: About = UNNAMED, hooks: Hooks | None = None
) -> Answer:
    """Judge every coalition structure of a game in strategic form and certify the answer.

    Parameters
    ----------
    game
        The game; with transfers its worths come from coalitional Nash equilibria, and its map from
        :func:`breakaway.runners.viability.solve_viability`.
    how
        Tolerance (relative to the largest payoff), time limit, detail.
    about
        Kind, title and source of the instance, for the answer.
    hooks
        With transfers, progress and resumption of the recursion.

    Returns
    -------
    Tables ``structures``, ``blocks``, ``payoffs``, ``equilibria``, and by size ``threats``, ``met``, ``failures`` and
    ``refusals``.

    Raises
    ------
    NoEquilibriumError
        When the finest structure has no equilibrium in pure actions; with transfers, when some structure has none, or
        several with different worths and no choice between them.
    UnfinishedError
        When a limit is reached; it carries what is known.
    ValueError
        When fractions or Pyomo models are asked for, and there are no transfers.
    """
    how = how or HowToSolve()
    if game.transfers:
        return solve_surplus_game(game, how, about, hooks)
    _refuse(how)
    clock = PhaseClock()
    result = StrategicMap(game, how.options.tolerance * scale_of_payoffs(game))
    try:
        judge_strategic(result, how.options.time_limit)
    except LimitReachedError as error:
        raise UnfinishedError(str(error), _partial_answer(result, how, about)) from error
    clock.lap("recursion")
    tables = _tables(result, how)
    clock.lap("tables")
    claims = _claims(result, tables)
    residual, checks = _verification(game, tables, claims, how)
    clock.lap("verification")
    certificate = Certificate("optimal", "proven optimum", {**claims, **checks}, residual)
    return Answer("viability", *about, game.players.names, tables, certificate, how.asked(), clock.laps)


def _refuse(how: HowToSolve) -> None:
    if how.rational:
        raise ValueError("games in strategic form without transfers are solved in floating point: leave out rational")
    if how.method == "model":
        raise ValueError("games in strategic form without transfers are enumerated: use the exact method")


def _tables(result: StrategicMap, how: HowToSolve) -> dict[str, pd.DataFrame]:
    tables = {
        "structures": tabulate.structures_table(result),
        "blocks": tabulate.blocks_table(result),
        "payoffs": tabulate.payoffs_table(result),
        "equilibria": tabulate.equilibria_table(result),
    }
    few = how.detail == "auto" and len(result.judged) <= MOST_DETAILED_STRUCTURES
    if how.detail == "all" or (few and tabulate.met_rows(result) <= MOST_REASONS):
        tables["threats"] = tabulate.threats_table(result)
        tables["met"] = tabulate.met_table(result)
    if how.detail in ("all", "failures") or few:
        tables["failures"] = tabulate.failures_table(result)
    if how.detail in ("all", "failures") or (few and tabulate.refused_profiles(result) <= MOST_REASONS):
        tables["refusals"] = tabulate.refusals_table(result)
    return tables


def _claims(result: StrategicMap, tables: dict[str, pd.DataFrame]) -> dict[str, object]:
    profiles = sum(result.game.payoffs_in(judged.structure)[..., 0].size for judged in result.judged)
    return {
        "transfers": False,
        "structures": len(result.judged),
        "viable": int(tables["structures"]["viable"].sum()),
        "profiles": profiles,
        "equilibria": int(tables["structures"]["equilibria"].sum()),
        "complete": True,
        "threats": "all" if "threats" in tables else "partial",
        "tolerance": float(result.eps),
        "method": "exact",
    }


def _partial_answer(result: StrategicMap, how: HowToSolve, about: About) -> Answer:
    """Tabulate the structures judged so far; which are coarsest or efficient is not known yet."""
    tables = {
        "structures": tabulate.structures_table(result),
        "blocks": tabulate.blocks_table(result),
        "payoffs": tabulate.payoffs_table(result),
        "equilibria": tabulate.equilibria_table(result),
    }
    claims = {
        **dict.fromkeys(tables, "partial"),
        "transfers": False,
        "judged": len(result.judged),
        "of": len(result.lattice.patterns),
        "complete": False,
        "tolerance": float(result.eps),
    }
    certificate = Certificate("time limit", "finer structures only", claims)
    return Answer("viability", *about, result.game.players.names, tables, certificate, how.asked())


def _verification(
    game: StrategicFormGame, tables: dict[str, pd.DataFrame], claims: dict[str, object], how: HowToSolve
) -> tuple[float | None, dict[str, object]]:
    small = int(str(claims["profiles"])) <= MOST_VERIFIED_PROFILES
    if how.verify is False or (how.verify is None and not small):
        return None, {"verified": False}
    verification = verify_strategic(game, tables, how.options.tolerance, claims)
    return verification.residual, {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
