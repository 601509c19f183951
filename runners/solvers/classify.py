"""The class of a model (LP, MILP, QP, MIQP, NLP, MINLP), found from the model itself."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.base.sos import SOSConstraint
from pyomo.core.expr.numvalue import polynomial_degree
from pyomo.core.expr.visitor import identify_variables
from pyomo.gdp import Disjunct, Disjunction
from pyomo.mpec import Complementarity
from pyomo.repn import generate_standard_repn

from breakaway.runners.solvers.errors import CapabilityError


class ProblemClass(enum.Enum):
    """Class of an optimisation problem.

    QP and MIQP have linear constraints and an objective that is convex quadratic (concave when maximised);
    every other quadratic model counts as NLP or MINLP.
    """

    LP = "LP"
    MILP = "MILP"
    QP = "QP"
    MIQP = "MIQP"
    NLP = "NLP"
    MINLP = "MINLP"

    @property
    def discrete(self) -> bool:
        """Whether some variable is binary or integer."""
        return self in {ProblemClass.MILP, ProblemClass.MIQP, ProblemClass.MINLP}


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """What the solver layer needs to know of a model before it solves it.

    Attributes
    ----------
    problem_class : ProblemClass
        Class of the model, with fixed variables taken as numbers.
    objective : object or None
        The one active objective, None for a pure feasibility problem.
    free_variables : tuple
        The variables that are not fixed and appear in an active constraint or the objective.
    integer_variable : str
        Name of one unfixed integer variable, empty when there is none.
    nonlinear_component : str
        Name of one nonlinear constraint or objective, empty when there is none.
    """

    problem_class: ProblemClass
    objective: Any
    free_variables: tuple[Any, ...]
    integer_variable: str
    nonlinear_component: str

    @property
    def maximise(self) -> bool:
        """Whether the objective is maximised."""
        return self.objective is not None and self.objective.sense == pyo.maximize

    @property
    def no_bound(self) -> float:
        """The bound that says nothing: plus infinity when maximising, else minus infinity."""
        return math.inf if self.maximise else -math.inf


_MUST_BE_TRANSFORMED = (
    (Disjunction, "disjunctions", "apply TransformationFactory('gdp.bigm') or ('gdp.hull') first"),
    (Disjunct, "disjuncts", "apply TransformationFactory('gdp.bigm') or ('gdp.hull') first"),
    (pyo.LogicalConstraint, "logical constraints", "apply TransformationFactory('core.logical_to_linear') first"),
    (Complementarity, "complementarity conditions", "apply TransformationFactory('mpec.simple_disjunction') first"),
    (SOSConstraint, "SOS constraints", "write them with binary variables"),
)


def examine(model: Any) -> ModelFacts:
    """Find the class of a Pyomo model and the facts that decide which solver may have it.

    Raises
    ------
    CapabilityError
        When the model has untransformed disjunctions, logical constraints, complementarities or SOS constraints,
        or more than one active objective.
    """
    refuse_untransformed(model)
    objective = single_objective(model)
    constraints = list(model.component_data_objects(pyo.Constraint, active=True, descend_into=True))
    variables = _free_variables(constraints, objective)
    integer = next((v.name for v in variables if not v.is_continuous()), "")
    curved = next((c.name for c in constraints if polynomial_degree(c.body) not in {0, 1}), "")
    shape = "nonlinear" if curved else _objective_shape(objective)
    if shape == "nonlinear" and not curved:
        curved = objective.name
    return ModelFacts(_CLASS_OF[shape, bool(integer)], objective, tuple(variables), integer, curved)


def refuse_untransformed(model: Any) -> None:
    """Raise CapabilityError for components that no solver here accepts as they stand."""
    for ctype, words, remedy in _MUST_BE_TRANSFORMED:
        first = next(iter(model.component_data_objects(ctype, active=True, descend_into=(pyo.Block, Disjunct))), None)
        if first is not None:
            raise CapabilityError(f"the model has {words} (such as {first.name}) that no solver here takes: {remedy}")


def single_objective(model: Any) -> Any:
    """Return the active objective, or None; more than one is a CapabilityError."""
    objectives = list(model.component_data_objects(pyo.Objective, active=True, descend_into=True))
    if len(objectives) > 1:
        names = ", ".join(o.name for o in objectives)
        raise CapabilityError(f"the model has {len(objectives)} active objectives ({names}): deactivate all but one")
    return objectives[0] if objectives else None


_CLASS_OF = {
    ("linear", False): ProblemClass.LP,
    ("linear", True): ProblemClass.MILP,
    ("convex quadratic", False): ProblemClass.QP,
    ("convex quadratic", True): ProblemClass.MIQP,
    ("nonlinear", False): ProblemClass.NLP,
    ("nonlinear", True): ProblemClass.MINLP,
}


def _free_variables(constraints: Iterable[Any], objective: Any) -> list[Any]:
    """Return the distinct unfixed variables of the constraints and the objective, in order of appearance."""
    found: dict[int, Any] = {}
    for expression in _expressions(constraints, objective):
        for variable in identify_variables(expression, include_fixed=False):
            found.setdefault(id(variable), variable)
    return list(found.values())


def _expressions(constraints: Iterable[Any], objective: Any) -> Iterator[Any]:
    """Yield the bodies of the constraints, then the objective."""
    for constraint in constraints:
        yield constraint.body
    if objective is not None:
        yield objective.expr


def _objective_shape(objective: Any) -> str:
    """Say whether an objective is linear, convex quadratic (in its sense) or nonlinear."""
    degree = 0 if objective is None else polynomial_degree(objective.expr)
    if degree in {0, 1}:
        return "linear"
    if degree == 2 and _has_convex_hessian(objective):
        return "convex quadratic"
    return "nonlinear"


def _has_convex_hessian(objective: Any) -> bool:
    """Whether the Hessian of a quadratic objective is positive semidefinite (negative when maximised)."""
    repn = generate_standard_repn(objective.expr, quadratic=True)
    column: dict[int, int] = {}
    for pair in repn.quadratic_vars:
        for variable in pair:
            column.setdefault(id(variable), len(column))
    hessian = np.zeros((len(column), len(column)))
    for (a, b), coefficient in zip(repn.quadratic_vars, repn.quadratic_coefs, strict=True):
        hessian[column[id(a)], column[id(b)]] += coefficient
        hessian[column[id(b)], column[id(a)]] += coefficient
    if objective.sense == pyo.maximize:
        hessian = -hessian
    eigenvalues = np.linalg.eigvalsh(hessian) if column else np.zeros(1)
    return bool(eigenvalues[0] >= -1e-12 * max(1.0, float(np.abs(eigenvalues).max())))
