"""A stable assignment of a market to small groups: the method chosen by size, ranges of payoffs, and the answer.

The direct linear programme takes all groups when they fit; many pairs are a transport problem; otherwise columns are
generated with a certificate: for pairwise surplus, for listed groups, and for a surplus function. In every way every
type is served, and the gap between welfare and bound is proven.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from breakaway.data.groups import (
    FiniteGroupGame,
    GroupGame,
    PairwiseGroupGame,
    SurplusFunctionGame,
    sufficient_count,
    sufficient_groups,
)
from breakaway.models.small_groups import MOST_GROUPS
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock, UnfinishedError
from breakaway.runners.groups.black_box import checked_game, solve_black_box
from breakaway.runners.groups.direct import solve_direct
from breakaway.runners.groups.engine import COLUMNS, Clock, ProgressCall, solve_pairwise
from breakaway.runners.groups.listed import solve_listed
from breakaway.runners.groups.pairs import pairwise_form
from breakaway.runners.groups.ranges import (
    MOST_LISTED,
    GroupRanges,
    OptimalFace,
    PayoffRanges,
    group_ranges,
    payoff_ranges,
)
from breakaway.runners.groups.rows import solve_by_rows
from breakaway.runners.groups.solution import GroupSolution, ending
from breakaway.runners.groups.transport import solve_pairs
from breakaway.runners.solvers import LimitReachedError, NumericalError, SolveError, Termination
from breakaway.runners.verify.groups import verify_assignment

GAP = 1e-7
"""Gap, relative to the welfare, at which an assignment counts as stable."""

MOST_DIRECT = 10_000
"""Up to this many groups the linear programme over all of them is solved; columns are faster beyond."""

MOST_AT_ONCE = 300
"""Up to this many groups that is done under a time limit, too: the programme gives no bound when it is cut short."""

MOST_PAIRS = 2_000
"""Above this many groups of at most two, markets are solved by transport."""

MOST_RANGED = 60
"""Up to this many types the range of every payoff is computed unless told otherwise."""

MOST_VERIFIED = 2_000_000
"""Up to this many permitted groups the answer is verified unless told otherwise."""

Told = Callable[[str], None]
Limits = tuple[float, float | None, ProgressCall]
"""Gap, seconds, and whom to tell of every round."""


@dataclass(frozen=True, eq=False)
class Determined:
    """How far payoffs and groups are determined; None where it was not asked for, or ``left_out`` says why."""

    payoffs: PayoffRanges | None = None
    groups: GroupRanges | None = None
    left_out: str = ""


def assign(game: FiniteGroupGame, how: HowToSolve | None = None, told: Told = lambda _: None) -> GroupSolution:
    """Return a stable assignment and an imputation, with the gap between welfare and bound.

    Parameters
    ----------
    game
        The game.
    how
        ``method="model"`` solves the Pyomo model of the welfare programme over all groups or, when they are too many
        for a model, that of the imputations by row generation (HiGHS); otherwise the method is
        chosen by size. ``options.time_limit`` is for the whole; ``options.threads`` for the search.
    told
        Is called with a line of progress after every round.

    Raises
    ------
    ValueError
        When a surplus function returns NaN or a negative number, or depends on the order of members; when rows cannot
        be generated.
    InfeasibleError
        When the permitted groups cannot cover the market.
    """
    how = how or HowToSolve()
    options = how.options
    limits: Limits = (GAP, options.time_limit, lambda *record: told(_progress(*record)))
    if isinstance(game, SurplusFunctionGame):
        game = checked_game(game)
    if how.method == "model" and sufficient_count(game) > MOST_GROUPS:
        return solve_by_rows(game, *limits, threads=options.threads)
    if how.method == "model":
        return solve_direct(game, options.replace(solver=how.solver), "model", GAP)
    clock = Clock(options.time_limit)
    pairs = _market_of_pairs(game)
    if pairs is not None:
        return solve_pairs(pairs, GAP, clock.left(), limits[2])
    forbids = isinstance(game, GroupGame) and game.unlisted == "forbidden"
    most = MOST_DIRECT if forbids or options.time_limit is None else MOST_AT_ONCE
    if sufficient_count(game) <= most:
        return solve_direct(game, options, "auto", GAP)
    return _by_columns(game, limits, options.threads)


def _market_of_pairs(game: FiniteGroupGame) -> PairwiseGroupGame | None:
    """Return a market of many pairs as a pairwise game, None for any other.

    A table of few groups is left to the linear programme, which is sparse.
    """
    few = MOST_DIRECT if isinstance(game, GroupGame) else MOST_PAIRS
    return pairwise_form(game) if sufficient_count(game) > few else None


def _by_columns(game: FiniteGroupGame, limits: Limits, threads: int | None) -> GroupSolution:
    """Generate columns in the way of the game's kind."""
    if isinstance(game, PairwiseGroupGame):
        return solve_pairwise(game, *limits, threads=threads)
    return solve_listed(game, *limits) if isinstance(game, GroupGame) else solve_black_box(game, *limits)


def _progress(seconds: float, primal: float, dual: float, columns: int) -> str:
    return f"welfare {primal:.9g}, bound {dual:.9g}, gap {dual - primal:.1e}, {columns:,} groups, {seconds:.0f} s"


def solve_assignment(
    game: FiniteGroupGame, how: HowToSolve | None = None, about: About = UNNAMED, told: Told = lambda _: None
) -> Answer:
    """Return a stable assignment of a market to small groups, as an answer with its certificate.

    Returns
    -------
    Tables ``assignment`` (group, mass, surplus), ``imputation`` (type, payoff and, for small markets, its range over
    all stable payoffs), ``welfare`` (primal, dual, gap, groups_priced), ``convergence`` and, for small markets,
    ``group_ranges`` (group, mass_min, mass_max).

    Raises
    ------
    UnfinishedError
        When the time limit is reached, the user presses Ctrl-C, or floating point ends, before the gap is closed; it
        carries assignment, imputation (without payoffs when there is no bound), welfare and bound.
    KeyboardInterrupt
        When the user presses Ctrl-C before anything is known, such as while one linear programme is solved.
    ValueError, SolveError
        As :func:`assign`.
    """
    how, clock, started = how or HowToSolve(), PhaseClock(), time.perf_counter()
    solution = assign(game, how, told)
    clock.lap("assignment")
    solution, determined = _determine(game, solution, how, Clock(how.options.time_limit, started))
    clock.lap("ranges")
    tables = _tables(game, solution, determined)
    claims = _claims(solution, determined, how)
    residual = None
    if how.verify or (how.verify is None and sufficient_count(game) <= MOST_VERIFIED):
        verification = verify_assignment(game, tables, claims, how.options.tolerance)
        residual = verification.residual
        claims |= {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
        clock.lap("verification")
    status = ending(solution.complete, clock.laps["assignment"], how.options.time_limit, solution.interrupted)
    certificate = Certificate(*status, claims, residual)
    answer = Answer("stable-assignment", *about, game.types.names, tables, certificate, how.asked(), clock.laps)
    if not solution.complete:
        raise UnfinishedError(_short_of_proof(game, solution, status[0]), answer)
    return answer


EARLY = {Termination.TIME_LIMIT.value: "the limit was reached", Termination.INTERRUPTED.value: "interrupted"}
"""How an early end is called."""


def _short_of_proof(game: FiniteGroupGame, solution: GroupSolution, termination: str) -> str:
    """Say what is held, and why no more: a time limit, the user, or floating point."""
    early = EARLY.get(termination)
    if solution.dual == np.inf:
        return (
            f"{early} with an assignment worth {solution.primal:.9g}, and before every permitted group "
            "was evaluated once: no bound is known; give it more time or lower max_size"
        )
    held = (
        f"an assignment worth {solution.primal:.9g}; none is worth more than {solution.dual:.9g} "
        f"(gap {solution.gap:.2g})"
    )
    return f"{early} with {held}" if early else f"{held}; {_scaling(game, solution)}"


def _scaling(game: FiniteGroupGame, solution: GroupSolution) -> str:
    """Say that floating point has come to its end, with which numbers, and what to do about them."""
    masses, few = game.types.masses, sufficient_count(game) <= MOST_LISTED
    largest = (sufficient_groups(game)[1] if few else solution.surplus).max(initial=0.0)
    return (
        f"floating point could not close the gap further with masses from {masses.min():.3g} to {masses.max():.3g} and "
        f"surpluses up to {largest:.3g}: leave out types of hardly any people, or merge them with others like them"
    )


def _determine(
    game: FiniteGroupGame, solution: GroupSolution, how: HowToSolve, clock: Clock
) -> tuple[GroupSolution, Determined]:
    """Return the solution, from an optimal vertex if ranges are wanted, and how far it is determined."""
    wanted = how.detail == "all" or (how.detail == "auto" and len(game.types) <= MOST_RANGED)
    if not (wanted and solution.complete and sufficient_count(game) <= MOST_LISTED):
        return solution, Determined()
    payoffs = None
    try:
        solution = _optimal(game, solution, how, clock)
        face = OptimalFace(game, solution)
        payoffs = payoff_ranges(face, how.options)
        return solution, Determined(payoffs, group_ranges(face))
    except ValueError as error:  # more tight groups than are worth listing
        return solution, Determined(payoffs, left_out=str(error))
    except SolveError as error:
        return solution, Determined(payoffs, left_out=str(error))


def _optimal(game: FiniteGroupGame, solution: GroupSolution, how: HowToSolve, clock: Clock) -> GroupSolution:
    """Return an optimal assignment: columns stop at a gap, and the programme over all groups at a vertex.

    Raises
    ------
    SolveError
        When time is up, or HiGHS ends without an optimum.
    """
    if clock.time_is_up():
        raise LimitReachedError("the time limit was reached: raise time_limit, or leave the ranges out (detail none)")
    if solution.method != COLUMNS:
        return solution
    options = how.options.replace(time_limit=clock.left())
    vertex = solve_direct(game, options, "highs", GAP)
    if not vertex.complete:
        raise NumericalError("floating point found no optimal vertex")
    return replace(vertex, history=solution.history, groups_priced=solution.groups_priced)


def _tables(game: FiniteGroupGame, solution: GroupSolution, determined: Determined) -> dict[str, pd.DataFrame]:
    types, ranges = game.types, determined.payoffs
    order = np.lexsort([*solution.groups.T[::-1], (solution.groups >= 0).sum(axis=1)])
    unknown = np.full(len(types), np.nan)
    payoffs = ranges.canonical if ranges is not None else solution.imputation if solution.dual < np.inf else unknown
    tables = {
        "assignment": pd.DataFrame(
            {
                "group": [types.group_name(solution.groups[k]) for k in order],
                "mass": solution.masses[order],
                "surplus": solution.surplus[order],
            }
        ),
        "imputation": pd.DataFrame(
            {
                "type": types.names,
                "payoff": payoffs,
                "payoff_min": unknown if ranges is None else ranges.least,
                "payoff_max": unknown if ranges is None else ranges.most,
            }
        ),
        "welfare": pd.DataFrame(
            [(solution.primal, solution.dual, solution.gap, solution.groups_priced)],
            columns=["primal", "dual", "gap", "groups_priced"],
        ),
        "convergence": pd.DataFrame(solution.history, columns=["seconds", "primal", "dual", "columns"]),
    }
    if determined.groups is not None:
        tables["group_ranges"] = _group_table(game, determined.groups)
    return tables


def _group_table(game: FiniteGroupGame, ranges: GroupRanges) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": [game.types.group_name(group) for group in ranges.groups],
            "surplus": ranges.surplus,
            "mass_min": ranges.least,
            "mass_max": ranges.most,
        }
    )


def _claims(solution: GroupSolution, determined: Determined, how: HowToSolve) -> dict[str, object]:
    claims: dict[str, object] = {
        "welfare": solution.primal,
        "upper_bound": solution.dual,
        "gap": solution.gap,
        "complete": solution.complete,
        "groups_priced": solution.groups_priced,
        "tolerance": how.options.tolerance,
        "method": solution.method,
    }
    if determined.left_out:
        claims["ranges"] = f"left out: {determined.left_out}"
    if determined.payoffs is not None:
        claims["imputation_unique"] = determined.payoffs.unique
    if determined.groups is not None:
        claims["assignment_unique"] = determined.groups.unique
    return claims
