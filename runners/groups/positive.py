"""Stable assignments to groups of positive size (Wang 2019, section 3): the method chosen by the shape of the surplus.

Surpluses in linear pieces are one linear programme. With concave surplus everybody is in groups of one composition.
With convex surplus the vertices of the permitted groups suffice. For all others groups are generated, each the one that
gains most at the payoffs so far.

The bound: when no permitted group gains more than r at payoffs u, payoffs u + max(r, 0) / eps' leave none that gains
anything, and no assignment is worth more than their total.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import CesSurplus, LinearSurplus, PositiveSizeGame, QuadraticSurplus
from breakaway.models import positive_size
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock
from breakaway.runners.groups.positive_columns import solve_by_columns
from breakaway.runners.groups.positive_ranges import MOST_RANGED, with_ranges
from breakaway.runners.groups.positive_solution import FEW, PositiveSolution, Work, group_of_pieces, solve_master
from breakaway.runners.groups.positive_vertices import MOST_TYPES_OF_VERTICES, vertices
from breakaway.runners.groups.solution import ending
from breakaway.runners.solvers import SolverOptions, solve_model
from breakaway.runners.verify.positive import verify_positive

GAP = 1e-7
"""Gap, relative to the welfare, at which a solution counts as complete."""


def solve_positive(
    game: PositiveSizeGame, options: SolverOptions | None = None, tolerance: float = GAP
) -> PositiveSolution:
    """Return a stable assignment and payoffs.

    Parameters
    ----------
    game
        The game.
    options
        Limits, tolerance and threads; the solver is chosen by the programme. ``time_limit`` is for the whole when
        groups are generated, and for each programme otherwise.
    tolerance
        Largest gap, relative to the welfare, at which the solution counts as complete. When groups are generated they
        are until then.

    Raises
    ------
    SolveError
        When a programme is not solved.
    ValueError
        When a surplus function from Python has no value, or no derivatives where they are needed.
    """
    options = (options or SolverOptions()).replace(solver=None)
    work = Work(game, options, tolerance)
    if isinstance(game.form, positive_size.PIECEWISE):
        return _by_pieces(work)
    if game.form.curvature in ("linear", "concave"):
        return _by_one_composition(work)
    if game.form.curvature == "convex" and len(game.types) <= MOST_TYPES_OF_VERTICES:
        return _by_vertices(work)
    return solve_by_columns(work)


# --- linear pieces ----------------------------------------------------------------------------------------------------


def _by_pieces(work: Work) -> PositiveSolution:
    """Solve one linear programme."""
    game = work.game
    model = positive_size.build(game, "pieces")
    solve_model(model, work.options, "highs")
    masses = np.array([pyo.value(model.formed[k]) for k in model.pieces])
    people = np.array([[pyo.value(model.people[k, i]) for i in model.types] for k in model.pieces])
    used = masses > FEW * game.total / game.largest
    least = positive_size.pieces_of(game.form).least[used]
    groups = np.clip(people[used] / masses[used, None], least, game.types.masses)
    payoffs = positive_size.payoffs_of(model)
    gain, _ = group_of_pieces(game, payoffs, work.options)
    return work.close(groups, masses[used], payoffs, gain, "pieces")


# --- concave surplus --------------------------------------------------------------------------------------------------


def _by_one_composition(work: Work) -> PositiveSolution:
    """Put everybody in groups of one composition; the payoffs are the gradient and what size is worth."""
    game = work.game
    fewest, most = game.total / game.largest, game.total / game.smallest
    numbers = [fewest, most]
    welfare = _welfare_of(game, numbers)
    if game.form.curvature == "concave" and fewest < most:
        model = positive_size.build(game, "one_composition")
        solve_model(model, work.options, "ipopt")
        numbers.append(min(max(float(pyo.value(model.formed)), fewest), most))
        welfare = _welfare_of(game, numbers)
    best = int(np.flatnonzero(welfare >= welfare.max() - 1e-14 * abs(welfare.max()))[0])
    group = game.types.masses / numbers[best]
    payoffs, gain = _payoffs_at(game, group)
    solution = work.close(group[None, :], np.array([numbers[best]]), payoffs, gain, "one composition")
    return _determined(game, solution)


def _welfare_of(game: PositiveSizeGame, numbers: list[float]) -> Floats:
    """Return M s(mu / M) for every M."""
    each = np.array(numbers)
    return np.asarray(each * game.form.values(game.types.masses / each[:, None]))


def _payoffs_at(game: PositiveSizeGame, group: Floats) -> tuple[Floats, float]:
    """Return u = gradient + k, with u.nu = s(nu) at the group, and the most that any group can gain.

    By concavity s(x) - u.x <= s(nu) + gradient.(x - nu) - u.x = k (|nu| - |x|) for every group x.
    """
    gradient = positive_size.gradient(game, group)
    size = math.fsum(group.tolist())
    worth = float(game.form.values(group[None, :])[0])
    k = (worth - float(gradient @ group)) / size
    return gradient + k, max(k * (size - game.smallest), k * (size - game.largest))


def _determined(game: PositiveSizeGame, solution: PositiveSolution) -> PositiveSolution:
    """Note that the payoffs are the only ones: the surplus is smooth and a formed group lies inside the permitted."""
    smooth = isinstance(game.form, CesSurplus | QuadraticSurplus | LinearSurplus)
    inside = bool((solution.groups < game.types.masses).all())
    if not (smooth and inside and solution.complete):
        return solution
    return replace(solution, least=solution.imputation, most=solution.imputation)


# --- convex surplus ---------------------------------------------------------------------------------------------------


def _by_vertices(work: Work) -> PositiveSolution:
    """Solve the linear programme over all vertices of the permitted groups."""
    groups = vertices(work.game)
    masses, payoffs = solve_master(work, groups)
    gain = float((work.game.form.values(groups) - groups @ payoffs).max())
    return work.close(groups, masses, payoffs, gain, "vertices")


# --- the answer -------------------------------------------------------------------------------------------------------


def positive_answer(game: PositiveSizeGame, how: HowToSolve | None = None, about: About = UNNAMED) -> Answer:
    """Return a stable assignment to groups of positive size, as an answer with its certificate.

    Returns
    -------
    Tables ``assignment`` (group, mass, surplus), ``composition`` (group, type, amount), ``imputation`` (type, payoff
    and, where known, its range over all stable payoffs), ``welfare`` (primal, dual, gap; groups_priced is 0, since
    groups are not counted) and ``convergence``.

    Raises
    ------
    SolveError, ValueError
        As :func:`solve_positive`.
    """
    how, clock = how or HowToSolve(), PhaseClock()
    solution = solve_positive(game, how.options)
    clock.lap("assignment")
    if how.detail == "all" or (how.detail == "auto" and len(game.types) <= MOST_RANGED):
        solution = with_ranges(game, solution, how.options)
        clock.lap("ranges")
    tables = _tables(game, solution)
    claims: dict[str, object] = {
        "welfare": solution.primal,
        "upper_bound": solution.dual,
        "gap": solution.gap,
        "complete": solution.complete,
        "groups_priced": 0,
        "tolerance": how.options.tolerance,
        "method": solution.method,
    }
    if np.isfinite(solution.least).all():
        spread = solution.most - solution.least
        claims["imputation_unique"] = bool((spread <= GAP * np.maximum(1.0, np.abs(solution.most))).all())
    residual = None
    if how.verify is not False:
        verification = verify_positive(game, tables, claims, how.options.tolerance)
        residual = verification.residual
        claims |= {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
        clock.lap("verification")
    status = ending(solution.complete, clock.laps["assignment"], how.options.time_limit)
    certificate = Certificate(*status, claims, residual)
    return Answer("stable-assignment", *about, game.types.names, tables, certificate, how.asked(), clock.laps)


def _tables(game: PositiveSizeGame, solution: PositiveSolution) -> dict[str, pd.DataFrame]:
    order = np.lexsort([*-solution.groups.T[::-1]])
    names = [f"g{k + 1}" for k in range(len(order))]
    groups, types = solution.groups[order], game.types.names
    rows, members = np.nonzero(groups)
    return {
        "assignment": pd.DataFrame(
            {"group": names, "mass": solution.masses[order], "surplus": solution.surplus[order]}
        ),
        "composition": pd.DataFrame(
            {
                "group": [names[k] for k in rows],
                "type": [types[i] for i in members],
                "amount": groups[rows, members],
            }
        ),
        "imputation": pd.DataFrame(
            {
                "type": types,
                "payoff": solution.imputation,
                "payoff_min": solution.least,
                "payoff_max": solution.most,
            }
        ),
        "welfare": pd.DataFrame(
            [(solution.primal, solution.dual, solution.gap, 0)], columns=["primal", "dual", "gap", "groups_priced"]
        ),
        "convergence": pd.DataFrame(solution.history, columns=["seconds", "primal", "dual", "columns"]),
    }
