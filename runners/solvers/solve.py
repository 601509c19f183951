"""`solve_model`: one way into every solver."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pyomo.environ as pyo

from breakaway.runners.solvers import named
from breakaway.runners.solvers.capabilities import CAPABILITIES, DEFAULT_SOLVER, SECOND_SOLVER, refuse_mismatch
from breakaway.runners.solvers.classify import ModelFacts, examine
from breakaway.runners.solvers.failures import raise_unless_optimal
from breakaway.runners.solvers.nlp import start_value
from breakaway.runners.solvers.options import SolverOptions
from breakaway.runners.solvers.outcome import Holding, Outcome, Termination
from breakaway.runners.solvers.probing import BACKENDS, require_proof, returns_duals
from breakaway.runners.solvers.translate import clear_import_suffixes, objective_of

#: Reasons for stopping that call for the second solver.
_NO_ANSWER = frozenset({Termination.REFUTED, Termination.ERROR})


def solve_model(
    model: Any, options: SolverOptions | None = None, solver: str | None = None, check: bool = True
) -> Outcome:
    """Solve a Pyomo model and load the values that are held into it.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        The model. Suffixes `dual`, `rc`, `ipopt_zL_out`, `ipopt_zU_out` that it declares for import are filled where
        the solver has such numbers, and emptied where it has not.
    options : SolverOptions, optional
        Solver, limits, tolerances.
    solver : str, optional
        Name that overrules the one in the options. None in both picks by the class of the model: HiGHS for LP, MILP
        and convex QP, Ipopt for NLP, SCIP for MIQP and MINLP. A convex QP for which HiGHS has no answer that meets
        the optimality conditions is then solved by Ipopt; the outcome names the solver and says why.
    check : bool
        Whether anything but an optimum raises.

    Returns
    -------
    Outcome
        Why the solver stopped, what is held, value, bound, time.

    Raises
    ------
    CapabilityError, SolverUnavailableError, OptionError
        Before the solve, whatever `check` says.
    SolveError
        One of its subclasses, when `check` is set and the outcome is not an optimum; it carries the outcome.
    """
    options = options or SolverOptions()
    started = time.perf_counter()
    facts = examine(model)
    named_solver = solver or options.solver
    name = named_solver or DEFAULT_SOLVER[facts.problem_class]
    _refuse(name, facts)
    outcome = dataclasses.replace(_dispatch(name, model, facts, options), solver=name)
    if named_solver is None and outcome.termination in _NO_ANSWER:
        outcome = _ask_again(outcome, model, facts, options, time.perf_counter() - started)
    outcome = dataclasses.replace(_complete(outcome, model, facts), seconds=time.perf_counter() - started)
    if check:
        raise_unless_optimal(outcome)
    return outcome


def _refuse(name: str, facts: ModelFacts) -> None:
    """Refuse a solver that must not have this model, before it sees it."""
    if name in CAPABILITIES:
        refuse_mismatch(name, facts)
    else:
        require_proof(name, facts)


def _dispatch(name: str, model: Any, facts: ModelFacts, options: SolverOptions) -> Outcome:
    """Hand the model to its solver."""
    if not facts.free_variables:
        return _evaluate_constant_model(model, facts, options)
    if name in BACKENDS:
        return BACKENDS[name](model, facts, options)
    return named.solve(name, model, facts, options, duals=returns_duals(name))


def _ask_again(outcome: Outcome, model: Any, facts: ModelFacts, options: SolverOptions, elapsed: float) -> Outcome:
    """Hand a model to the second solver of its class, if there is one and time is left; its message says why."""
    second = SECOND_SOLVER.get(facts.problem_class)
    left = None if options.time_limit is None else options.time_limit - elapsed
    if second is None or (left is not None and left <= 0):
        return outcome
    again = _dispatch(second, model, facts, options.replace(time_limit=left, native={}))
    message = f"{again.message}; asked because {outcome.solver} failed: {outcome.message}"
    return dataclasses.replace(again, solver=second, message=message)


def _complete(outcome: Outcome, model: Any, facts: ModelFacts) -> Outcome:
    """Recompute the objective from the loaded values, or empty the suffixes when no point is held.

    A variable that cancels out of the model reaches no solver; it gets a value inside its bounds.
    """
    if not outcome.holding.has_point:
        clear_import_suffixes(model)
        return outcome
    for variable in facts.free_variables:
        if variable.value is None:
            variable.set_value(start_value(variable), skip_validation=True)
    return dataclasses.replace(outcome, objective=objective_of(facts))


def _evaluate_constant_model(model: Any, facts: ModelFacts, options: SolverOptions) -> Outcome:
    """Judge a model in which every variable is fixed: it is optimal if and only if it is feasible."""
    constraints = model.component_data_objects(pyo.Constraint, active=True)
    violated = next((c.name for c in constraints if _slack(c) < -options.tolerance), "")
    return Outcome(
        termination=Termination.INFEASIBLE if violated else Termination.OPTIMAL,
        holding=Holding.INFEASIBILITY_PROOF if violated else Holding.PROVEN_OPTIMUM,
        objective=None,
        bound=facts.no_bound if violated else objective_of(facts),
        seconds=0.0,
        solver="",
        version="",
        message=f"no variable is free; violated: {violated}" if violated else "no variable is free",
    )


def _slack(constraint: Any) -> float:
    """Return the least distance of a constraint body from its bounds, negative when violated."""
    return float(min(constraint.lslack(), constraint.uslack()))
