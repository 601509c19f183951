"""Stable assignments by one linear programme over all permitted groups (Wang 2019, Theorem 2).

Groups that a table does not list and that are worth 0 need no column of their own: one group of each type is enough
(:func:`~breakaway.data.groups.sufficient_groups`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupArray,
    GroupGame,
    Types,
    group_sizes,
    member_counts,
    payoff_within,
    permitted_count,
    sufficient_count,
    sufficient_groups,
)
from breakaway.data.problems import counted
from breakaway.models import group_welfare
from breakaway.runners.groups.interior import load_of
from breakaway.runners.groups.program import ColumnProgram, ProgramError
from breakaway.runners.groups.scaling import scaled, unit_of
from breakaway.runners.groups.solution import GroupSolution, is_closed
from breakaway.runners.groups.vertex import within_masses
from breakaway.runners.solvers import InfeasibleError, LimitReachedError, NumericalError, SolverOptions, solve_model

MOST_COLUMNS = 5_000_000
"""Most groups of one linear programme: it takes about a minute and 3 GB."""

MODEL_COLUMNS = 2_000
"""Most groups for which the Pyomo model is built when the way is not chosen."""

NOISE = 1e-12
"""Part of its rarest member's mass up to which a group is rounding."""

SMALLEST = 1e-16
"""Part of the largest mass up to which a group is rounding."""

Way = Literal["auto", "model", "highs"]


def solve_direct(
    game: FiniteGroupGame, options: SolverOptions | None = None, way: Way = "auto", tolerance: float = 1e-7
) -> GroupSolution:
    """Solve the welfare programme over all groups.

    Parameters
    ----------
    game
        The game.
    options
        Solver and limits; a solver without duals cannot be used.
    way
        ``model``: build the Pyomo model and solve it by any solver; ``highs``: hand the columns to HiGHS as arrays;
        ``auto``: the model when it is small or a solver is named.
    tolerance
        Largest gap, relative to the welfare, at which the solution counts as complete.

    Raises
    ------
    ValueError
        When there are too many groups.
    InfeasibleError
        When the permitted groups cannot cover the market; the message names the types left over.
    LimitReachedError, NumericalError
        When HiGHS ends without an optimum.
    """
    options = options or SolverOptions()
    count = sufficient_count(game)
    if count > MOST_COLUMNS:
        raise ValueError(
            f"{count:,} groups: one linear programme takes up to {MOST_COLUMNS:,}; generate columns instead, or "
            "lower max_size"
        )
    started = time.perf_counter()
    groups, surplus = sufficient_groups(game)
    small = count <= MODEL_COLUMNS or options.solver not in (None, "highs")
    by_model = way == "model" or (way == "auto" and small)
    amounts, payoffs = (_by_model if by_model else _by_highs)(game, groups, surplus, options, started)
    imputation = lifted(game.types, groups, surplus, payoffs)
    amounts = serving(game, groups, amounts)
    formed = amounts > 0.0
    primal, dual = float(surplus[formed] @ amounts[formed]), float(game.types.masses @ imputation)
    return GroupSolution(
        groups=groups[formed],
        masses=amounts[formed],
        surplus=surplus[formed],
        imputation=imputation,
        primal=primal,
        dual=dual,
        groups_priced=permitted_count(game),
        history=((time.perf_counter() - started, primal, dual, len(groups)),),
        complete=is_closed(primal, dual, tolerance, float(surplus.max(initial=0.0) * game.types.masses.min())),
        method="direct",
    )


def _by_model(
    game: FiniteGroupGame, groups: GroupArray, surplus: Floats, options: SolverOptions, started: float
) -> tuple[Floats, Floats]:
    """Solve the Pyomo model; return tau and u."""
    if len(np.unique(groups[groups >= 0])) < len(game.types):
        raise not_covered(game, options)
    money, people = unit_of(surplus), unit_of(game.types.masses)
    model = group_welfare.build(scaled(game, money, people), groups=groups)
    try:
        solve_model(model, _time_left(options, started))
    except InfeasibleError as error:
        raise not_covered(game, options) from error
    u = group_welfare.payoffs(model)
    tau = np.array([pyo.value(model.formed[g]) for g in model.groups])
    return np.maximum(tau, 0.0) * people, np.array([u[i] for i in game.types.names]) * money


def _time_left(options: SolverOptions, started: float) -> SolverOptions:
    """Return the options with what is left of the time limit.

    Raises
    ------
    LimitReachedError
        When nothing is left.
    """
    if options.time_limit is None:
        return options
    left = options.time_limit - (time.perf_counter() - started)
    if left <= 0.0:
        raise LimitReachedError("the time limit was reached while the programme was written: raise time_limit")
    return options.replace(time_limit=left)


def serving(game: FiniteGroupGame, groups: GroupArray, amounts: Floats) -> Floats:
    """Return tau without what is rounding, and with everybody in some group where groups of one type are permitted."""
    masses = game.types.masses
    rarest = np.append(masses, np.inf)[groups].min(axis=1)
    kept = np.where(amounts > np.maximum(NOISE * rarest, SMALLEST * masses.max()), amounts, 0.0)
    if isinstance(game, GroupGame) and game.unlisted == "forbidden":
        return kept
    kept = within_masses(groups, kept, masses)
    left = masses - load_of(groups, kept, len(masses))
    own = np.flatnonzero((group_sizes(groups) == game.min_size) & (groups[:, 0] == groups[:, game.min_size - 1]))
    left = left[groups[own, 0]]
    kept[own] += np.where(left > NOISE * masses[groups[own, 0]], left, 0.0) / game.min_size
    return kept


def _by_highs(
    game: FiniteGroupGame, groups: GroupArray, surplus: Floats, options: SolverOptions, started: float
) -> tuple[Floats, Floats]:
    """Solve by HiGHS without a model; return tau and u."""
    options = _time_left(options, started)
    program = ColumnProgram(
        game.types.masses, options.threads, options.time_limit, options.seed, money=unit_of(surplus)
    )
    program.add(groups, surplus)
    try:
        found = program.solve()
    except ProgramError as error:
        if error.infeasible:
            raise not_covered(game, options) from error
        if error.out_of_time:
            raise LimitReachedError(f"{error}: raise time_limit, or generate columns") from error
        raise NumericalError(f"{error}: scale the surpluses, or use way='model' with another solver") from error
    return np.maximum(found.amounts, 0.0), found.payoffs


def not_covered(game: FiniteGroupGame, options: SolverOptions | None = None) -> InfeasibleError:
    """Return the error that the permitted groups cannot cover the market: who is left over at least."""
    people = unit_of(game.types.masses)
    model = group_welfare.build(scaled(game, 1.0, people), "uncovered")
    solve_model(model, (options or SolverOptions()).replace(solver=None))
    found = {i: float(pyo.value(model.left_over[i])) for i in model.types}
    left = {i: mass * people for i, mass in found.items() if mass > 1e-9}
    named = ", ".join(f"{mass:.6g} of type {i!r}" for i, mass in list(left.items())[:10])
    return InfeasibleError(
        "the permitted groups cannot cover the market and leave over at least "
        f"{counted(sum(left.values()), 'person', 'people')}, such as {named or 'none beyond rounding'}; "
        "set unlisted to zero, or list groups for them (such as groups of one type)"
    )


def lifted(types: Types, groups: GroupArray, surplus: Floats, payoffs: Floats) -> Floats:
    """Return payoffs raised so that no group gets less than its surplus, so that mu.u is a bound of the welfare.

    Type i is raised by the largest (s(G) - u(G))^+ / |G| of a group G that contains it: G then gets what it lacks.
    """
    short = np.maximum(surplus - payoff_within(groups, payoffs), 0.0) / group_sizes(groups)
    lacking = np.flatnonzero(short)
    rows, members, _ = member_counts(groups[lacking])
    raised = np.zeros(len(types))
    np.maximum.at(raised, members, short[lacking][rows])
    return np.asarray(payoffs + raised, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Residuals:
    """Largest violations of the conditions of a stable assignment, over the groups of the direct programme.

    ``consistency``: people per type, |A tau - mu|; ``blocking``: money per member, max (s(G) - u(G)) / |G|;
    ``sharing``: money per member of a formed group, max |u(G) - s(G)| / |G|; ``balance``: money, |mu.u - s.tau|.
    """

    consistency: float
    blocking: float
    sharing: float
    balance: float


def residuals(game: FiniteGroupGame, solution: GroupSolution) -> Residuals:
    """Return by how much a solution violates the conditions of a stable assignment."""
    groups, surplus = sufficient_groups(game)
    rows, members, counts = member_counts(solution.groups)
    assigned = np.bincount(members, counts * solution.masses[rows], minlength=len(game.types))
    u = solution.imputation
    short = (surplus - payoff_within(groups, u)) / group_sizes(groups)
    spread = np.abs(solution.surplus - payoff_within(solution.groups, u)) / group_sizes(solution.groups)
    return Residuals(
        float(np.abs(assigned - game.types.masses).max()),
        float(max(short.max(), 0.0)),
        float(spread.max(initial=0.0)),
        float(abs(game.types.masses @ u - solution.surplus @ solution.masses)),
    )
