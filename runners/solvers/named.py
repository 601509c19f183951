"""Any further solver that Pyomo knows, by its name in `pyo.SolverFactory`.

Nothing is taken on trust: `probing` decides beforehand which classes of problem such a solver may have.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

from pyomo.opt import SolverFactory, TerminationCondition

from breakaway.runners.solvers.classify import ModelFacts, ProblemClass
from breakaway.runners.solvers.errors import SolveError, SolverCrashedError, SolverUnavailableError
from breakaway.runners.solvers.options import SolverOptions
from breakaway.runners.solvers.outcome import Holding, Outcome, Termination
from breakaway.runners.solvers.translate import clear_import_suffixes, dotted, suffixes_hidden

TERMINATIONS: Mapping[TerminationCondition, Termination] = {
    TerminationCondition.optimal: Termination.OPTIMAL,
    TerminationCondition.globallyOptimal: Termination.OPTIMAL,
    TerminationCondition.locallyOptimal: Termination.OPTIMAL,
    TerminationCondition.feasible: Termination.ACCEPTABLE,
    TerminationCondition.infeasible: Termination.INFEASIBLE,
    TerminationCondition.unbounded: Termination.UNBOUNDED,
    TerminationCondition.infeasibleOrUnbounded: Termination.INFEASIBLE_OR_UNBOUNDED,
    TerminationCondition.maxTimeLimit: Termination.TIME_LIMIT,
    TerminationCondition.maxIterations: Termination.ITERATION_LIMIT,
    TerminationCondition.maxEvaluations: Termination.ITERATION_LIMIT,
    TerminationCondition.minStepLength: Termination.NUMERICAL,
    TerminationCondition.userInterrupt: Termination.INTERRUPTED,
    TerminationCondition.resourceInterrupt: Termination.INTERRUPTED,
}

#: Words of the common options in the language of solvers whose names begin so; a time limit is passed by Pyomo.
OPTION_NAMES: Mapping[str, Mapping[str, str]] = {
    "gurobi": {
        "rel_gap": "MIPGap",
        "abs_gap": "MIPGapAbs",
        "tolerance": "FeasibilityTol",
        "threads": "Threads",
        "seed": "Seed",
    },
    "appsi_highs": {
        "rel_gap": "mip_rel_gap",
        "abs_gap": "mip_abs_gap",
        "tolerance": "primal_feasibility_tolerance",
        "seed": "random_seed",
    },
    "glpk": {"rel_gap": "mipgap"},
    "cbc": {"rel_gap": "ratio", "abs_gap": "allow", "threads": "threads"},
}


def interface(name: str) -> Any:
    """Return Pyomo's interface to a solver.

    Raises
    ------
    SolverUnavailableError
        When Pyomo does not know the name or says that the solver is not there.
    """
    if name not in SolverFactory:
        raise SolverUnavailableError(f"{name} is neither one of highs, ipopt, scip nor a name that Pyomo knows")
    solver = SolverFactory(name)
    try:
        available = bool(solver.available(exception_flag=False))
    except Exception as error:
        raise SolverUnavailableError(f"{name} cannot be used here: {error}") from error
    if not available:
        raise SolverUnavailableError(f"{name} is known to Pyomo but not installed or not licensed here: install it")
    return solver


def version(name: str) -> str:
    """Return the version that a solver's interface reports, empty when it reports none."""
    try:
        found = interface(name).version()
    except Exception:
        return ""
    return dotted(found) if isinstance(found, tuple) else ""


def solve(name: str, model: Any, facts: ModelFacts, options: SolverOptions, *, duals: bool = False) -> Outcome:
    """Solve a model with a solver known to Pyomo; values are loaded when a point is held.

    Parameters
    ----------
    name : str
        Name in Pyomo's SolverFactory.
    duals : bool
        Whether the solver was seen to return duals; if not, import suffixes are hidden from it and stay empty.

    Raises
    ------
    SolverUnavailableError
        When the solver is not there.
    SolverCrashedError
        When its interface raises anything.
    """
    solver = interface(name)
    for option, setting in {**_translated(name, options), **options.native}.items():
        solver.options[option] = setting
    limit = {} if options.time_limit is None else {"timelimit": options.time_limit}
    hide = not duals or facts.problem_class.discrete
    clear_import_suffixes(model)
    try:
        with suffixes_hidden(model) if hide else contextlib.nullcontext():
            results = solver.solve(model, load_solutions=False, **limit)
            termination = TERMINATIONS.get(results.solver.termination_condition, Termination.ERROR)
            holding = _holding(results, facts, termination)
            if holding.has_point:
                model.solutions.load_from(results)
    except SolveError:
        raise
    except Exception as error:
        raise SolverCrashedError(f"{name} failed with {type(error).__name__}: {error}; set another solver") from error
    return Outcome(
        termination=termination,
        holding=holding,
        objective=None,
        bound=_bound(results, facts),
        seconds=0.0,
        solver=name,
        version=version(name),
        message=str(results.solver.message or f"{name} stopped: {results.solver.termination_condition}"),
    )


def _translated(name: str, options: SolverOptions) -> dict[str, Any]:
    """Say the common options in the words of a solver, as far as they are known."""
    words = next((words for stem, words in OPTION_NAMES.items() if name.startswith(stem)), {})
    return {word: getattr(options, option) for option, word in words.items()}


def _holding(results: Any, facts: ModelFacts, termination: Termination) -> Holding:
    """Say what is held; a nonlinear optimum counts as proven only when the bound meets the value."""
    if termination is Termination.INFEASIBLE:
        nonlinear = facts.problem_class in {ProblemClass.NLP, ProblemClass.MINLP}
        return Holding.NOTHING if nonlinear else Holding.INFEASIBILITY_PROOF
    if len(results.solution) == 0:
        return Holding.NOTHING
    if termination is not Termination.OPTIMAL:
        return Holding.FEASIBLE_POINT
    if facts.problem_class in {ProblemClass.NLP, ProblemClass.MINLP} and not math.isfinite(_bound(results, facts)):
        return Holding.LOCAL_OPTIMUM
    return Holding.PROVEN_OPTIMUM


def _bound(results: Any, facts: ModelFacts) -> float:
    """Return the bound that a solver reports, or the infinite one."""
    reported = results.problem.upper_bound if facts.maximise else results.problem.lower_bound
    try:
        bound = float(reported)
    except (TypeError, ValueError):
        return facts.no_bound
    return bound if math.isfinite(bound) else facts.no_bound
