"""Ipopt behind `solve_model`: options and outcome of the registered solver in the words of this package."""

from __future__ import annotations

from typing import Any

from pyomo.common.errors import InfeasibleConstraintException
from pyomo.core.staleflag import StaleFlagManager

from breakaway.runners.solvers.classify import ModelFacts
from breakaway.runners.solvers.ipopt import RETURN_CODES, IpoptSolutionLoader, optimise, require_cyipopt
from breakaway.runners.solvers.nlp import smooth_problem
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
    return dotted(require_cyipopt().IPOPT_VERSION)


def solve(model: Any, facts: ModelFacts, options: SolverOptions) -> Outcome:
    """Solve a smooth model to a local optimum; values and suffixes are loaded when a point is held.

    The same steps as `BreakawayIpopt.solve`, without Pyomo's configuration and results objects, which cost as much
    time as a small solve.
    """
    StaleFlagManager.mark_all_as_stale()
    try:
        problem = smooth_problem(model)
    except InfeasibleConstraintException as error:
        return _outcome(facts, Termination.INFEASIBLE, Holding.INFEASIBILITY_PROOF, 0, str(error))
    answer = optimise(problem, model, ipopt_options(options))
    termination = _termination(answer.code)
    holding = _holding(termination, answer.violation, options.tolerance)
    if holding.has_point:
        IpoptSolutionLoader(model, problem, answer).load_solution()
    return _outcome(facts, termination, holding, answer.iterations, answer.message)


def _outcome(facts: ModelFacts, termination: Termination, holding: Holding, iterations: int, message: str) -> Outcome:
    """Make the outcome of a run; a local solver has no bound, and the caller computes the objective."""
    return Outcome(
        termination=termination,
        holding=holding,
        objective=None,
        bound=facts.no_bound,
        seconds=0.0,
        solver="ipopt",
        version=version(),
        iterations=iterations,
        message=message,
    )


def _termination(code: int) -> Termination:
    """Translate Ipopt's return code."""
    return _BY_RETURN_CODE.get(code, TERMINATIONS[RETURN_CODES.get(code, RETURN_CODES[-199])[0]])


def ipopt_options(options: SolverOptions) -> dict[str, Any]:
    """Translate the common options into Ipopt's.

    Ipopt relaxes every bound a little before it starts; the relaxation is kept below the tolerance, so that the
    objective is not better than it can be.
    """
    tolerance = options.tolerance
    return {
        **({} if options.time_limit is None else {"max_wall_time": float(options.time_limit)}),
        "tol": tolerance,
        "acceptable_tol": max(100 * tolerance, 1e-8),
        "constr_viol_tol": min(1e-4, 10 * tolerance),
        "compl_inf_tol": min(1e-4, 10 * tolerance),
        "bound_relax_factor": min(1e-8, 0.1 * tolerance),
        **options.native,
    }


def _holding(termination: Termination, violation: float, tolerance: float) -> Holding:
    """Say what Ipopt holds; at a limit a point counts only when it is feasible."""
    if termination in {Termination.OPTIMAL, Termination.ACCEPTABLE}:
        return Holding.LOCAL_OPTIMUM
    stopped_early = termination in {Termination.TIME_LIMIT, Termination.ITERATION_LIMIT, Termination.NUMERICAL}
    feasible = violation <= 10 * tolerance
    return Holding.FEASIBLE_POINT if stopped_early and feasible else Holding.NOTHING
