"""Ipopt behind `solve_model`: options and outcome of the registered solver in the words of this package."""

from __future__ import annotations

from typing import Any

from breakaway.runners.solvers.classify import ModelFacts
from breakaway.runners.solvers.ipopt import BreakawayIpopt
from breakaway.runners.solvers.options import SolverOptions
from breakaway.runners.solvers.outcome import Holding, Outcome, Termination
from breakaway.runners.solvers.translate import TERMINATIONS, dotted

_BY_RETURN_CODE = {
    1: Termination.ACCEPTABLE,
    -10: Termination.TOO_MANY_EQUALITIES,
    -13: Termination.EVALUATION_ERROR,
    -2: Termination.NUMERICAL,
    -3: Termination.NUMERICAL,
}


def version() -> str:
    """Return the version of Ipopt."""
    return dotted(BreakawayIpopt().version())


def solve(model: Any, facts: ModelFacts, options: SolverOptions) -> Outcome:
    """Solve a smooth model to a local optimum; values and suffixes are loaded when a point is held."""
    results = BreakawayIpopt().solve(
        model,
        time_limit=options.time_limit,
        solver_options=ipopt_options(options),
        load_solutions=False,
        raise_exception_on_nonoptimal_result=False,
    )
    info = results.extra_info.value()
    termination = _BY_RETURN_CODE.get(info.get("return_code"), TERMINATIONS[results.termination_condition])
    holding = _holding(termination, info.get("violation"), options.tolerance)
    if holding.has_point:
        results.solution_loader.load_solution()
    return Outcome(
        termination=termination,
        holding=holding,
        objective=None,
        bound=facts.no_bound,
        seconds=0.0,
        solver="ipopt",
        version=dotted(results.solver_version),
        iterations=info["iteration_count"],
        message=info["message"],
    )


def ipopt_options(options: SolverOptions) -> dict[str, Any]:
    """Translate the common options into Ipopt's.

    Ipopt relaxes every bound a little before it starts; the relaxation is kept below the tolerance, so that the
    objective is not better than it can be.
    """
    tolerance = options.tolerance
    return {
        "tol": tolerance,
        "acceptable_tol": max(100 * tolerance, 1e-8),
        "constr_viol_tol": min(1e-4, 10 * tolerance),
        "compl_inf_tol": min(1e-4, 10 * tolerance),
        "bound_relax_factor": min(1e-8, 0.1 * tolerance),
        **options.native,
    }


def _holding(termination: Termination, violation: float | None, tolerance: float) -> Holding:
    """Say what Ipopt holds; at a limit a point counts only when it is feasible."""
    if termination in {Termination.OPTIMAL, Termination.ACCEPTABLE}:
        return Holding.LOCAL_OPTIMUM
    if termination is Termination.INFEASIBLE:
        return Holding.INFEASIBILITY_PROOF
    stopped_early = termination in {Termination.TIME_LIMIT, Termination.ITERATION_LIMIT, Termination.NUMERICAL}
    feasible = violation is not None and violation <= 10 * tolerance
    return Holding.FEASIBLE_POINT if stopped_early and feasible else Holding.NOTHING
