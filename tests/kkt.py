"""Optimality conditions of a Pyomo model, from returned multipliers and Pyomo's own derivatives.

Nothing of the solver layer is used. With the signs of the project (every multiplier is the change of the optimal
objective per unit of right-hand side or bound) the conditions are, for minimisation and maximisation alike,

    gradient f = sum over constraints of dual * gradient g + zL + zU,

with multipliers of minimisation nonnegative on lower and nonpositive on upper sides, and the other way round for
maximisation, and zero on sides that are not active.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.calculus.derivatives import differentiate
from pyomo.core.expr.visitor import identify_variables


def stationarity(model: Any) -> float:
    """Return the largest entry of gradient f - sum dual gradient g - zL - zU, relative to the gradient (at least 1)."""
    objective = next(model.component_data_objects(pyo.Objective, active=True))
    constraints = list(model.component_data_objects(pyo.Constraint, active=True))
    gradients = {id(c): _gradient(c.body) for c in constraints}
    target = _gradient(objective.expr)
    variables = {
        id(v): v for e in (objective.expr, *(c.body for c in constraints)) for v in identify_variables(e, False)
    }
    worst = 0.0
    for key, variable in variables.items():
        forces = [model.dual[c] * gradients[id(c)].get(key, 0.0) for c in constraints]
        total = sum(forces) + model.ipopt_zL_out[variable] + model.ipopt_zU_out[variable]
        worst = max(worst, abs(target.get(key, 0.0) - total))
    return worst / max(1.0, *(abs(entry) for entry in target.values()))


def complementarity(model: Any) -> float:
    """Return the largest wrong-signed multiplier or product of multiplier and slack, relative to the objective."""
    objective = next(model.component_data_objects(pyo.Objective, active=True))
    sign = 1.0 if objective.sense == pyo.minimize else -1.0
    worst = 0.0
    for c in model.component_data_objects(pyo.Constraint, active=True):
        if not c.equality:
            worst = max(worst, _side(sign * model.dual[c], c.lslack(), c.uslack()))
    for variable, multiplier in model.ipopt_zL_out.items():
        worst = max(worst, _side(sign * multiplier, variable.value - _finite(variable.lb, -1), math.inf))
    for variable, multiplier in model.ipopt_zU_out.items():
        worst = max(worst, _side(sign * multiplier, math.inf, _finite(variable.ub, 1) - variable.value))
    return worst / max(1.0, abs(pyo.value(objective)))


def violation(model: Any) -> float:
    """Return the largest violation of a constraint or a bound."""
    slacks = [min(c.lslack(), c.uslack()) for c in model.component_data_objects(pyo.Constraint, active=True)]
    for variable in model.component_data_objects(pyo.Var):
        slacks.append(variable.value - _finite(variable.lb, -1))
        slacks.append(_finite(variable.ub, 1) - variable.value)
    return max(0.0, -min(slacks))


def _gradient(expression: Any) -> dict[int, float]:
    """Return the gradient of an expression by variable id."""
    variables = list(identify_variables(expression, include_fixed=False))
    if not variables:
        return {}
    entries = differentiate(expression, wrt_list=variables)
    return {id(v): float(pyo.value(entry)) for v, entry in zip(variables, entries, strict=True)}


def _side(multiplier: float, lower_slack: float, upper_slack: float) -> float:
    """Return how far a multiplier is from belonging to an active side: positive to the lower, negative to the upper."""
    slack = lower_slack if multiplier > 0 else upper_slack
    product = abs(multiplier) * max(slack, 0.0) if np.isfinite(slack) else abs(multiplier)
    return float(product)


def _finite(bound: float | None, side: int) -> float:
    """Return a bound, or the infinity on its side."""
    return side * math.inf if bound is None else float(bound)
