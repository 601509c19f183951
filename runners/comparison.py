"""Several solution concepts of one game side by side: payoffs, where each stands, and what each proves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from breakaway.data.games import CharacteristicFunctionGame, Game, ThreatGame
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock
from breakaway.runners.characteristic import MOST_DETAILED, coalition_solutions_table, coalitions_table
from breakaway.runners.concepts import Concept, Found, Question, UndefinedError, concepts_named
from breakaway.runners.solvers import SolveError
from breakaway.runners.standing import standing_of, standing_table
from breakaway.runners.stopping import STOPS, stop_of
from breakaway.runners.verify.comparison import verify_comparison


def solve_concepts(game: Game, names: Sequence[str], how: HowToSolve | None = None, about: About = UNNAMED) -> Answer:
    """Solve a game by several concepts.

    Parameters
    ----------
    game
        A characteristic function, or a game with given threats.
    names
        Names of concepts, as in :data:`breakaway.runners.concepts.CONCEPTS`, or ``all``.
    how
        Method, solver, tolerance.
    about
        Kind, title and source of the instance, for the answer.

    Returns
    -------
    Tables ``concepts`` (what each says, in a row), ``solutions`` (payoffs by concept), ``standing`` (of each solution:
    in the core, unblocked, in the prekernel) and what single concepts add. A concept that is not defined for the game,
    or that a solver failed at, has a row that says so.

    Raises
    ------
    ValueError
        When a name is unknown, or the game is neither a characteristic function nor one with given threats.
    """
    if not isinstance(game, CharacteristicFunctionGame | ThreatGame):
        raise ValueError(
            "solution concepts are compared for kinds characteristic-function and threat-game; for this game leave "
            "out --concept"
        )
    wanted = concepts_named(names)
    how = how or HowToSolve()
    question, clock = Question(game, how), PhaseClock()
    found: dict[str, tuple[str, Found]] = {}
    for concept in wanted:
        found[concept.name] = _ask(concept, question)
        clock.lap(concept.name)
    tables = _tables(question, wanted, found)
    clock.lap("tables")
    unfinished = [name for name, (status, _) in found.items() if status == "unfinished"]
    claims: dict[str, object] = {"concepts": len(wanted), "tolerance": question.eps, "method": how.method}
    residual = None
    if how.verify or (how.verify is None and len(game.players) <= MOST_DETAILED):
        verification = verify_comparison(game, tables, how.options.tolerance)
        residual = verification.residual
        claims |= {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
        clock.lap("verification")
    status = ("limit", "some concepts only") if unfinished else ("optimal", "proven optimum")
    certificate = Certificate(*status, claims, residual)
    return Answer("comparison", *about, game.players.names, tables, certificate, how.asked(), clock.laps)


def _ask(concept: Concept, question: Question) -> tuple[str, Found]:
    """Return the status and what was found; a failure of one concept leaves the others alone."""
    try:
        found = concept.solve(question)
    except UndefinedError as reason:
        return "undefined", Found((), complete=False, note=str(reason))
    except STOPS as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "unfinished", Found((), complete=False, note=stop_of(error).reason)
    except SolveError as error:
        return "unfinished", Found((), complete=False, note=str(error))
    return ("solved" if found.payoffs else "empty"), found


def _tables(
    question: Question, wanted: Sequence[Concept], found: dict[str, tuple[str, Found]]
) -> dict[str, pd.DataFrame]:
    rows, payoffs, standings = [], [], []
    further: dict[str, pd.DataFrame] = {}
    for concept in wanted:
        status, what = found[concept.name]
        value = np.nan if what.value is None else what.value
        bound = np.nan if what.bound is None else what.bound
        rows.append((concept.name, status, len(what.payoffs), what.complete, what.shape, value, bound, what.note))
        for number, x in enumerate(what.payoffs, start=1):
            named = zip(question.players.names, x, strict=True)
            payoffs += [(concept.name, number, player, float(payoff)) for player, payoff in named]
            standings.append((concept.name, number, standing_of(question, x)))
        for name, frame in what.tables.items():
            together = name in further and "concept" in frame.columns
            further[name] = pd.concat([further[name], frame], ignore_index=True) if together else frame
    if isinstance(question.game, CharacteristicFunctionGame) and question.recursion_ran:
        further["coalitions"] = coalitions_table(question.game, question.solved)
        further["coalition_solutions"] = coalition_solutions_table(question.players, question.solved)
    columns = ["concept", "status", "solutions", "complete", "shape", "value", "bound", "note"]
    return {
        "concepts": pd.DataFrame(rows, columns=columns),
        "solutions": pd.DataFrame(payoffs, columns=["concept", "solution", "player", "payoff"]),
        "standing": standing_table(standings),
        **further,
    }
