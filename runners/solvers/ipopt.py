"""Ipopt as a Pyomo solver that needs nothing but wheels: the model by way of casadi, the algorithm by cyipopt.

Registered in Pyomo under the name `breakaway_ipopt`, both in the new factory (`pyomo.contrib.solver`) and in the
classic `pyo.SolverFactory`. Multipliers come back with the signs of the ASL interface of Ipopt: every dual, lower-bound
multiplier and upper-bound multiplier is the change of the optimal objective per unit of change of the right-hand side
or bound, whether the objective is minimised or maximised.

Reference: Waechter and Biegler (2006), On the implementation of an interior-point filter line-search algorithm.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.collections import ComponentMap
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.contrib.solver.common.base import Availability, SolverBase
from pyomo.contrib.solver.common.config import SolverConfig
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import Results, SolutionStatus, TerminationCondition
from pyomo.contrib.solver.common.solution_loader import NoSolutionSolutionLoader, SolutionLoader
from pyomo.contrib.solver.common.util import NoOptimalSolutionError
from pyomo.core.staleflag import StaleFlagManager

from breakaway.runners.solvers.errors import OptionError, SolverUnavailableError
from breakaway.runners.solvers.nlp import SmoothProblem, Vector, smooth_problem

#: Name under which the solver is registered in both factories of Pyomo.
REGISTERED_NAME = "breakaway_ipopt"

#: Ipopt's return codes as Pyomo's two words: why it stopped and what is held.
RETURN_CODES: Mapping[int, tuple[TerminationCondition, SolutionStatus]] = {
    0: (TerminationCondition.convergenceCriteriaSatisfied, SolutionStatus.optimal),  # Solve_Succeeded
    1: (TerminationCondition.convergenceCriteriaSatisfied, SolutionStatus.optimal),  # Solved_To_Acceptable_Level
    2: (TerminationCondition.locallyInfeasible, SolutionStatus.infeasible),  # Infeasible_Problem_Detected
    3: (TerminationCondition.minStepLength, SolutionStatus.unknown),  # Search_Direction_Becomes_Too_Small
    4: (TerminationCondition.unbounded, SolutionStatus.unknown),  # Diverging_Iterates
    5: (TerminationCondition.interrupted, SolutionStatus.unknown),  # User_Requested_Stop
    6: (TerminationCondition.convergenceCriteriaSatisfied, SolutionStatus.feasible),  # Feasible_Point_Found
    -1: (TerminationCondition.iterationLimit, SolutionStatus.unknown),  # Maximum_Iterations_Exceeded
    -2: (TerminationCondition.error, SolutionStatus.unknown),  # Restoration_Failed
    -3: (TerminationCondition.error, SolutionStatus.unknown),  # Error_In_Step_Computation
    -4: (TerminationCondition.maxTimeLimit, SolutionStatus.unknown),  # Maximum_CpuTime_Exceeded
    -5: (TerminationCondition.maxTimeLimit, SolutionStatus.unknown),  # Maximum_WallTime_Exceeded
    -10: (TerminationCondition.error, SolutionStatus.noSolution),  # Not_Enough_Degrees_Of_Freedom
    -11: (TerminationCondition.error, SolutionStatus.noSolution),  # Invalid_Problem_Definition
    -12: (TerminationCondition.error, SolutionStatus.noSolution),  # Invalid_Option
    -13: (TerminationCondition.error, SolutionStatus.noSolution),  # Invalid_Number_Detected
    -100: (TerminationCondition.error, SolutionStatus.noSolution),  # Unrecoverable_Exception
    -101: (TerminationCondition.error, SolutionStatus.noSolution),  # NonIpopt_Exception_Thrown
    -102: (TerminationCondition.error, SolutionStatus.noSolution),  # Insufficient_Memory
    -199: (TerminationCondition.error, SolutionStatus.noSolution),  # Internal_Error
}

_DEFAULTS: Mapping[str, Any] = {"print_level": 0, "sb": "yes"}


def require_cyipopt() -> Any:
    """Import cyipopt, or say how to get it."""
    try:
        return importlib.import_module("cyipopt")
    except ImportError as error:
        raise SolverUnavailableError("ipopt needs cyipopt, which is missing: pip install cyipopt-wheels") from error


@dataclasses.dataclass(frozen=True)
class IpoptAnswer:
    """Raw answer of one run, in the vectors of the SmoothProblem.

    Attributes
    ----------
    code, message : int, str
        Ipopt's return code and its words.
    x : Vector
        Primal point, shape (n,).
    multipliers, lower, upper : Vector
        Multipliers of g (m,), of the lower and the upper bounds (n,), all for minimisation and in Ipopt's signs.
    iterations : int
        Number of iterations.
    violation : float
        Largest violation of a constraint or bound, in units of the model.
    """

    code: int
    message: str
    x: Vector
    multipliers: Vector
    lower: Vector
    upper: Vector
    iterations: int
    violation: float


class _Callbacks:
    """The functions that cyipopt calls; a value that is not finite makes Ipopt shorten its step."""

    def __init__(self, problem: SmoothProblem, evaluation_error: type[Exception]) -> None:
        self._problem = problem
        self._error = evaluation_error
        self.iterations = 0

    def objective(self, x: Vector) -> float:
        return float(self._finite(self._problem.objective(x))[0])

    def gradient(self, x: Vector) -> Vector:
        return self._finite(self._problem.gradient(x))

    def constraints(self, x: Vector) -> Vector:
        return self._finite(self._problem.bodies(x))

    def jacobian(self, x: Vector) -> Vector:
        return self._finite(self._problem.jacobian(x))

    def jacobianstructure(self) -> tuple[Any, Any]:
        return self._problem.jacobian_structure

    def hessian(self, x: Vector, multipliers: Vector, sigma: float) -> Vector:
        return self._finite(self._problem.hessian(x, sigma, multipliers))

    def hessianstructure(self) -> tuple[Any, Any]:
        return self._problem.hessian_structure

    def intermediate(self, _mode: int, iteration: int, *_progress: float) -> bool:
        self.iterations = int(iteration)
        return True

    def _finite(self, values: Vector) -> Vector:
        if not np.isfinite(values).all():
            raise self._error
        return values


def run_ipopt(
    problem: SmoothProblem, options: Mapping[str, Any], warm: Mapping[str, Vector] | None = None
) -> IpoptAnswer:
    """Run Ipopt on a translated problem.

    Parameters
    ----------
    problem : SmoothProblem
        The problem, minimised.
    options : mapping
        Ipopt options by name.
    warm : mapping, optional
        Start multipliers `lagrange` (m,), `zl` and `zu` (n,), in Ipopt's signs.

    Raises
    ------
    OptionError
        When Ipopt does not know an option or refuses its value.
    """
    cyipopt = require_cyipopt()
    callbacks = _Callbacks(problem, cyipopt.CyIpoptEvaluationError)
    solver = cyipopt.Problem(
        n=len(problem.start),
        m=len(problem.g_lower),
        problem_obj=callbacks,
        lb=problem.x_lower,
        ub=problem.x_upper,
        cl=problem.g_lower,
        cu=problem.g_upper,
    )
    for name, setting in {**_DEFAULTS, **options}.items():
        _add_option(solver, name, setting)
    x, info = solver.solve(problem.start, **(warm or {}))
    message = info["status_msg"]
    return IpoptAnswer(
        code=int(info["status"]),
        message=message.decode() if isinstance(message, bytes) else str(message),
        x=np.asarray(x),
        multipliers=np.asarray(info["mult_g"]),
        lower=np.asarray(info["mult_x_L"]),
        upper=np.asarray(info["mult_x_U"]),
        iterations=callbacks.iterations,
        violation=_violation(problem, np.asarray(x)),
    )


def _add_option(solver: Any, name: str, setting: Any) -> None:
    """Hand one option to cyipopt; a refusal becomes an OptionError."""
    try:
        solver.add_option(name, setting)
    except TypeError as error:
        raise OptionError(
            f"ipopt refuses the option {name}={setting!r}: see its name and type in Ipopt's list"
        ) from error


def _violation(problem: SmoothProblem, x: Vector) -> float:
    """Return the largest amount by which a point misses a bound of g or x; infinite when g cannot be evaluated."""
    g = problem.bodies(x)
    if not np.isfinite(g).all():
        return float("inf")
    parts = (problem.g_lower - g, g - problem.g_upper, problem.x_lower - x, x - problem.x_upper)
    return max(0.0, *(float(part.max(initial=0.0)) for part in parts))


class IpoptSolutionLoader(SolutionLoader):  # type: ignore[misc]
    """Gives the vectors of an answer back to the Pyomo model."""

    def __init__(self, model: Any, problem: SmoothProblem, answer: IpoptAnswer) -> None:
        self._pyomo_model = model
        self._problem = problem
        self._answer = answer

    def get_number_of_solutions(self) -> int:
        """One point is always at hand."""
        return 1

    def get_vars(self, vars_to_load: Sequence[Any] | None = None) -> Mapping[Any, float]:
        """Map variables to values."""
        return _select(zip(self._problem.variables, self._answer.x.tolist(), strict=True), vars_to_load)

    def get_duals(self, cons_to_load: Sequence[Any] | None = None) -> dict[Any, float]:
        """Map constraints to duals: change of the objective per unit of right-hand side."""
        duals = (-self._problem.sign * self._answer.multipliers).tolist()
        return dict(_select(zip(self._problem.constraints, duals, strict=True), cons_to_load))

    def get_bound_multipliers(self) -> tuple[Mapping[Any, float], Mapping[Any, float]]:
        """Map variables to multipliers of lower and upper bounds: change of the objective per unit of bound."""
        lower = (self._problem.sign * self._answer.lower).tolist()
        upper = (-self._problem.sign * self._answer.upper).tolist()
        variables = self._problem.variables
        return ComponentMap(zip(variables, lower, strict=True)), ComponentMap(zip(variables, upper, strict=True))

    def get_reduced_costs(self, vars_to_load: Sequence[Any] | None = None) -> Mapping[Any, float]:
        """Map variables to reduced costs, the sum of both bound multipliers."""
        lower, upper = self.get_bound_multipliers()
        return _select(((v, lower[v] + upper[v]) for v in self._problem.variables), vars_to_load)

    def load_import_suffixes(self) -> None:
        """Fill the suffixes `dual`, `rc`, `ipopt_zL_out` and `ipopt_zU_out` that the model declares."""
        suffixes = self._collect_and_clear_import_suffixes()
        lower, upper = self.get_bound_multipliers()
        values = {"dual": self.get_duals, "rc": self.get_reduced_costs}
        for name, source in values.items():
            if name in suffixes:
                suffixes[name].update(source())
        for name, multipliers in {"ipopt_zL_out": lower, "ipopt_zU_out": upper}.items():
            if name in suffixes:
                suffixes[name].update(multipliers)


def _select(pairs: Iterable[tuple[Any, float]], wanted: Sequence[Any] | None) -> Mapping[Any, float]:
    """Return the pairs as a map, restricted to the wanted components when some are named."""
    found: Mapping[Any, float] = ComponentMap(pairs)
    return found if wanted is None else ComponentMap((c, found[c]) for c in wanted)


@SolverFactory.register(REGISTERED_NAME, doc="Ipopt by casadi and cyipopt, from wheels alone")
class BreakawayIpopt(SolverBase):  # type: ignore[misc]
    """Ipopt for any smooth Pyomo model.

    Ipopt's own options go in `solver_options`. With `warm_start_init_point = "yes"` the multipliers start from the
    suffixes `dual`, `ipopt_zL_in` and `ipopt_zU_in` (or `ipopt_zL_out`, `ipopt_zU_out` when the former are absent).
    """

    CONFIG = SolverConfig()

    def available(self) -> Availability:
        """Whether casadi and cyipopt can be imported."""
        try:
            self.version()
        except SolverUnavailableError:
            return Availability.NotFound
        return Availability.FullLicense

    def version(self) -> tuple[int, ...]:
        """Return the version of Ipopt."""
        return tuple(require_cyipopt().IPOPT_VERSION)

    def solve(self, model: Any, **keywords: Any) -> Results:
        """Solve a Pyomo model; keywords are those of Pyomo's SolverConfig."""
        started = time.perf_counter()
        config = self.config(value=keywords, preserve_implicit=True)
        StaleFlagManager.mark_all_as_stale()
        results = self._new_results(config)
        try:
            problem = smooth_problem(model)
        except InfeasibleConstraintException as error:
            _record_infeasible_constant(results, model, str(error))
        else:
            _record_answer(results, model, problem, optimise(problem, model, _options_of(config)))
        if config.raise_exception_on_nonoptimal_result and results.solution_status is not SolutionStatus.optimal:
            raise NoOptimalSolutionError
        _load(results, model, config)
        results.timing_info.wall_time = time.perf_counter() - started
        return results

    def _new_results(self, config: Any) -> Results:
        """Return an empty results object."""
        results = Results()
        results.solver_name = self.name
        results.solver_version = self.version()
        results.solver_config = config
        results.timing_info.start_timestamp = datetime.datetime.now(datetime.UTC)
        return results


def optimise(problem: SmoothProblem, model: Any, options: Mapping[str, Any]) -> IpoptAnswer:
    """Run Ipopt on a translated model; a problem that leaves nothing to optimise is only evaluated.

    Parameters
    ----------
    problem : SmoothProblem
        The translation of `model`.
    model : pyomo.environ.ConcreteModel
        Read for start multipliers when the options ask for a warm start.
    options : mapping
        Ipopt options by name.
    """
    if not problem.variables:
        return _constant_answer(problem)
    if (problem.x_lower > problem.x_upper).any() or (problem.g_lower > problem.g_upper).any():
        crossed = "Some lower bound exceeds its upper bound."
        return dataclasses.replace(_constant_answer(problem), code=2, message=crossed)
    warm = _start_multipliers(problem, model) if options.get("warm_start_init_point") == "yes" else None
    return run_ipopt(problem, options, warm)


def _options_of(config: Any) -> dict[str, Any]:
    """Read Ipopt's options from a Pyomo configuration."""
    options = dict(config.solver_options.value())
    if config.time_limit is not None:
        options.setdefault("max_wall_time", float(config.time_limit))
    if sys.stdout in config.tee:
        options.setdefault("print_level", 5)
    return options


def _constant_answer(problem: SmoothProblem) -> IpoptAnswer:
    """Return the start point as the answer, with zero multipliers."""
    n, m = len(problem.start), len(problem.g_lower)
    zeros = np.zeros(n)
    violation = _violation(problem, problem.start)
    return IpoptAnswer(0, "Nothing to optimise.", problem.start, np.zeros(m), zeros, zeros, 0, violation)


def _start_multipliers(problem: SmoothProblem, model: Any) -> dict[str, Vector]:
    """Read start multipliers from the suffixes of a model, in Ipopt's signs; what is missing is zero."""
    sign = problem.sign

    def read(components: list[Any], *names: str) -> Vector:
        suffix: Any = next((s for s in (model.component(name) for name in names) if isinstance(s, pyo.Suffix)), {})
        return np.array([float(suffix.get(c, None) or 0.0) for c in components])

    return {
        "lagrange": -sign * read(problem.constraints, "dual"),
        "zl": sign * read(problem.variables, "ipopt_zL_in", "ipopt_zL_out"),
        "zu": -sign * read(problem.variables, "ipopt_zU_in", "ipopt_zU_out"),
    }


def _record_infeasible_constant(results: Results, model: Any, message: str) -> None:
    """Note that a constraint without variables is violated."""
    results.termination_condition = TerminationCondition.provenInfeasible
    results.solution_status = SolutionStatus.noSolution
    results.solution_loader = NoSolutionSolutionLoader(model, message)
    results.extra_info.iteration_count = 0
    results.extra_info.message = message


def _record_answer(results: Results, model: Any, problem: SmoothProblem, answer: IpoptAnswer) -> None:
    """Put status, iterations and the loader into the results."""
    unknown = (TerminationCondition.unknown, SolutionStatus.unknown)
    results.termination_condition, results.solution_status = RETURN_CODES.get(answer.code, unknown)
    results.solution_loader = IpoptSolutionLoader(model, problem, answer)
    results.extra_info.return_code = answer.code
    results.extra_info.message = answer.message
    results.extra_info.iteration_count = answer.iterations
    results.extra_info.violation = answer.violation


def _load(results: Results, model: Any, config: Any) -> None:
    """Load values and suffixes when asked, and compute the objective."""
    if results.solution_status is SolutionStatus.noSolution or not config.load_solutions:
        return
    results.solution_loader.load_solution()
    objective = next(iter(model.component_data_objects(pyo.Objective, active=True)), None)
    if objective is not None:
        results.incumbent_objective = pyo.value(objective, exception=False)
