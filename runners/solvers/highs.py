"""HiGHS for linear, mixed-integer linear and convex quadratic models, through Pyomo's `highs` interface.

Duals and reduced costs are those of HiGHS: change of the optimal objective per unit of right-hand side or bound, for
minimisation and maximisation alike. A model with integer variables has no duals; its suffixes come back empty.

HiGHS 1.15 calls some points of convex quadratic programs optimal that are not. Every optimum that it claims for one is
therefore held against the optimality conditions (:mod:`~breakaway.runners.solvers.optimality`); a point that fails them
is no more than a feasible point, with no bound.

Reference: Huangfu and Hall (2018), Parallelizing the dual revised simplex method.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any

from pyomo.contrib.solver.common.util import IncompatibleModelError, NoDualsError, NoReducedCostsError
from pyomo.contrib.solver.solvers.highs import Highs

from breakaway.runners.solvers.classify import ModelFacts, ProblemClass
from breakaway.runners.solvers.errors import CapabilityError, OptionError, SolverUnavailableError
from breakaway.runners.solvers.optimality import Residual, quadratic_residual
from breakaway.runners.solvers.options import SolverOptions
from breakaway.runners.solvers.outcome import Holding, Outcome, Termination
from breakaway.runners.solvers.translate import TERMINATIONS, dotted

#: HiGHS accepts feasibility tolerances down to this number.
SMALLEST_TOLERANCE = 1e-10

#: Violation of the optimality conditions, relative to the numbers in them, that refutes an optimum; a looser tolerance
#: of the options allows ten times itself.
REFUTING = 1e-6

_threads_in_use: dict[str, int] = {}


def require_highspy() -> Any:
    """Import highspy, or say how to get it."""
    try:
        return importlib.import_module("highspy")
    except ImportError as error:
        raise SolverUnavailableError("highs needs highspy, which is missing: pip install highspy") from error


def solve(model: Any, facts: ModelFacts, options: SolverOptions) -> Outcome:
    """Solve an LP, MILP or convex QP; values and suffixes are loaded when a point is held."""
    _share_threads(options.threads)
    solver = Highs()
    try:
        results = solver.solve(
            model,
            threads=options.threads,
            time_limit=options.time_limit,
            rel_gap=options.rel_gap,
            abs_gap=options.abs_gap,
            solver_options=_native_options(options),
            load_solutions=False,
            raise_exception_on_nonoptimal_result=False,
        )
    except IncompatibleModelError as error:
        raise CapabilityError(f"highs refuses the model: {error}") from error
    holding = _holding(results)
    if holding.has_point:
        results.solution_loader.load_vars()
        with contextlib.suppress(NoDualsError, NoReducedCostsError):
            results.solution_loader.load_import_suffixes()
    outcome = _outcome(results, facts, holding)
    if facts.problem_class is not ProblemClass.QP:
        return outcome
    if outcome.termination is Termination.ERROR:
        outcome = dataclasses.replace(outcome, message=f"{outcome.message}; ipopt takes every convex quadratic program")
    if not holding.has_point:
        return outcome
    return _judge(outcome, _residual(results, model, facts), max(REFUTING, 10 * options.tolerance), facts)


def _residual(results: Any, model: Any, facts: ModelFacts) -> Residual:
    """Recompute the optimality conditions of a QP at the point of HiGHS, with its row duals."""
    duals: Mapping[Any, float] = {}
    with contextlib.suppress(NoDualsError):
        duals = results.solution_loader.get_duals()
    return quadratic_residual(model, facts, results.solution_loader.get_vars(), duals)


def _judge(outcome: Outcome, residual: Residual, limit: float, facts: ModelFacts) -> Outcome:
    """Take back what HiGHS says of a QP where its point is not feasible, or not optimal as claimed."""
    if residual.feasibility > limit:
        words = f"its point violates {residual.infeasible_at} by {residual.feasibility:.3g}"
        holding = Holding.NOTHING
    elif outcome.is_optimal and residual.optimality > limit:
        words = f"its point is not optimal, by {residual.optimality:.3g} at {residual.suboptimal_at}"
        holding = Holding.FEASIBLE_POINT
    else:
        return outcome
    termination = Termination.REFUTED if outcome.is_optimal else outcome.termination
    message = f"HiGHS says {outcome.termination.value}, but {words} (relative)"
    return dataclasses.replace(outcome, termination=termination, holding=holding, bound=facts.no_bound, message=message)


def _outcome(results: Any, facts: ModelFacts, holding: Holding) -> Outcome:
    """Translate Pyomo's results of a HiGHS run."""
    termination = TERMINATIONS[results.termination_condition]
    work = results.extra_info
    counts = [getattr(work, f"{method}_iteration_count", 0) for method in ("simplex", "ipm", "qp")]
    nodes = getattr(work, "mip_node_count", -1)
    return Outcome(
        termination=termination,
        holding=holding,
        objective=None,
        bound=_bound(results, facts, termination),
        seconds=0.0,
        solver="highs",
        version=dotted(results.solver_version),
        iterations=sum(count for count in counts if count > 0),
        nodes=nodes if nodes >= 0 else None,
        message=f"HiGHS stopped: {termination.value}",
    )


def _bound(results: Any, facts: ModelFacts, termination: Termination) -> float:
    """Return the proven bound, which for an optimal LP or QP is the value itself."""
    if results.objective_bound is not None:
        return float(results.objective_bound)
    return 0.0 if termination is Termination.OPTIMAL and facts.objective is None else facts.no_bound


def _holding(results: Any) -> Holding:
    """Say what HiGHS holds."""
    words = results.solution_status.name
    if words == "optimal":
        return Holding.PROVEN_OPTIMUM
    if words == "feasible":
        return Holding.FEASIBLE_POINT
    infeasible = results.termination_condition.name == "provenInfeasible"
    return Holding.INFEASIBILITY_PROOF if infeasible else Holding.NOTHING


def _native_options(options: SolverOptions) -> dict[str, Any]:
    """Translate tolerance and seed, add the native options, and refuse those that HiGHS does not know."""
    tolerance = max(options.tolerance, SMALLEST_TOLERANCE)
    translated = {
        "primal_feasibility_tolerance": tolerance,
        "dual_feasibility_tolerance": tolerance,
        "mip_feasibility_tolerance": tolerance,
        "qp_regularization_value": min(1e-7, tolerance),
        "random_seed": options.seed,
    }
    highspy = require_highspy()
    trial = highspy.Highs()
    trial.setOptionValue("output_flag", False)
    for name, setting in options.native.items():
        if trial.setOptionValue(name, setting) != highspy.HighsStatus.kOk:
            raise OptionError(f"highs refuses the option {name}={setting!r}: see its name and type in HiGHS's list")
    return {**translated, **options.native}


def _share_threads(threads: int) -> None:
    """Restart the thread pool of HiGHS when the number of threads changes.

    HiGHS has one pool in a process and reports an error for a solve that wants another number of threads.
    """
    if _threads_in_use.get("highs", threads) != threads:
        require_highspy().Highs.resetGlobalScheduler(True)
    _threads_in_use["highs"] = threads
