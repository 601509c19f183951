"""Why a linear programme has no feasible point: a dual ray, by name of constraint (Farkas's lemma).

Multipliers y on the constraints, each of a sign that its sense allows, under which the left-hand sides cancel while the
right-hand sides do not: their sum is a contradiction. Signs are those of duals: y >= 0 on a row with a lower bound,
y <= 0 on a row with an upper bound, when the model minimises.
"""

from __future__ import annotations

from typing import Any

from pyomo.contrib.solver.solvers.highs import Highs

from breakaway.runners.solvers.classify import ProblemClass, examine
from breakaway.runners.solvers.errors import CapabilityError, NumericalError
from breakaway.runners.solvers.highs import _share_threads
from breakaway.runners.solvers.options import SolverOptions

ZERO = 1e-9
"""Multipliers up to this, relative to the largest, are left out."""


def infeasibility_ray(model: Any, options: SolverOptions | None = None) -> dict[str, float]:
    """Return a dual ray of an infeasible linear programme, by HiGHS.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        A linear programme without a feasible point. Nothing is loaded into it.
    options : SolverOptions, optional
        Tolerance, limits, threads.

    Returns
    -------
    dict
        From names of constraints to multipliers, those that are not zero; scaled at will.

    Raises
    ------
    CapabilityError
        When the model is not linear.
    NumericalError
        When HiGHS finds no ray: the model is feasible, or infeasible by its bounds alone.
    """
    if examine(model).problem_class is not ProblemClass.LP:
        raise CapabilityError("a dual ray is computed for linear programmes only: fix or relax what is not linear")
    options = options or SolverOptions()
    _share_threads(options.threads)
    solver = Highs()
    # presolve finds most infeasible models out before the simplex method could leave a ray
    solver.solve(
        model,
        threads=options.threads,
        time_limit=options.time_limit,
        solver_options={"presolve": "off", "solver": "simplex", **options.native},
        load_solutions=False,
        raise_exception_on_nonoptimal_result=False,
    )
    solver._solver_model.setOptionValue("output_flag", False)
    _, found, ray = solver._solver_model.getDualRay()
    if not found:
        raise NumericalError("highs found no dual ray: solve the model first to see that it is infeasible")
    values = {row.name: float(ray[k]) for row, k in solver._pyomo_con_to_solver_con_map.items()}
    least = ZERO * max(map(abs, values.values()), default=0.0)
    return {name: value for name, value in values.items() if abs(value) > least}
