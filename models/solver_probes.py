"""Six tiny models with known answers, one per problem class, by which a solver proves what it can do.

Each is built so that a typical fault shows: relaxing the integers, dropping the logarithms or ignoring the quadratic
part all change the optimal value.

| class | model | optimum |
|---|---|---|
| LP | max 3x + 2y, x + y <= 4, x + 3y <= 7, 0 <= x <= 3, y >= 0 | 11 at (3, 1), dual of the first row 2 |
| MILP | max 5x + 4y, 6x + 4y <= 24, x + 2y <= 6, integer | 20 at (4, 0); relaxed 21 |
| QP | min (x - 1)^2 + (y - 2)^2, x + y <= 2 | 1/2 at (1/2, 3/2) |
| MIQP | min (x - 3/2)^2 + (y - 11/5)^2, x + y <= 3, integer | 0.29 at (1, 2); relaxed 0.245 |
| NLP | max log x + log y, x + 2y <= 4 | log 2 at (2, 1) |
| MINLP | max log x + log y - b/5, x + y <= 4, x <= 1 + 3b, y <= 4 - 2b, b binary | log 4 - 1/5; relaxed 1.3196 |

All are exact. They are this project's own; there is no source.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pyomo.environ as pyo


def linear() -> pyo.ConcreteModel:
    """Max 3x + 2y over a polygon; declares the suffix `dual`."""
    model = _plane(upper=10)
    model.x.setub(3)
    model.first_row = pyo.Constraint(expr=model.x + model.y <= 4)
    model.second_row = pyo.Constraint(expr=model.x + 3 * model.y <= 7)
    model.objective = pyo.Objective(expr=3 * model.x + 2 * model.y, sense=pyo.maximize)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    return model


def mixed_integer_linear() -> pyo.ConcreteModel:
    """Max 5x + 4y over the integer points of a polygon."""
    model = _plane(upper=10, domain=pyo.Integers)
    model.first_row = pyo.Constraint(expr=6 * model.x + 4 * model.y <= 24)
    model.second_row = pyo.Constraint(expr=model.x + 2 * model.y <= 6)
    model.objective = pyo.Objective(expr=5 * model.x + 4 * model.y, sense=pyo.maximize)
    return model


def convex_quadratic() -> pyo.ConcreteModel:
    """Min (x - 1)^2 + (y - 2)^2 below a line."""
    model = _plane(upper=10)
    model.row = pyo.Constraint(expr=model.x + model.y <= 2)
    model.objective = pyo.Objective(expr=(model.x - 1) ** 2 + (model.y - 2) ** 2)
    return model


def mixed_integer_quadratic() -> pyo.ConcreteModel:
    """Min (x - 3/2)^2 + (y - 11/5)^2 over the integer points below a line."""
    model = _plane(upper=10, domain=pyo.Integers)
    model.row = pyo.Constraint(expr=model.x + model.y <= 3)
    model.objective = pyo.Objective(expr=(model.x - 1.5) ** 2 + (model.y - 2.2) ** 2)
    return model


def nonlinear() -> pyo.ConcreteModel:
    """Max log x + log y on a budget."""
    model = _plane(lower=0.01, upper=10)
    model.budget = pyo.Constraint(expr=model.x + 2 * model.y <= 4)
    model.objective = pyo.Objective(expr=pyo.log(model.x) + pyo.log(model.y), sense=pyo.maximize)
    return model


def mixed_integer_nonlinear() -> pyo.ConcreteModel:
    """Max log x + log y - b/5 where b in {0, 1} moves room from y to x."""
    model = _plane(lower=0.01, upper=10)
    model.b = pyo.Var(domain=pyo.Binary, initialize=0)
    model.budget = pyo.Constraint(expr=model.x + model.y <= 4)
    model.room_x = pyo.Constraint(expr=model.x <= 1 + 3 * model.b)
    model.room_y = pyo.Constraint(expr=model.y <= 4 - 2 * model.b)
    model.objective = pyo.Objective(expr=pyo.log(model.x) + pyo.log(model.y) - 0.2 * model.b, sense=pyo.maximize)
    return model


def _plane(upper: float, lower: float = 0.0, domain: object = pyo.Reals) -> pyo.ConcreteModel:
    """Two variables x and y with equal bounds."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(domain=domain, bounds=(lower, upper), initialize=1)
    model.y = pyo.Var(domain=domain, bounds=(lower, upper), initialize=1)
    return model


#: Name of the class -> (builder, optimal value).
PROBES: Mapping[str, tuple[Callable[[], pyo.ConcreteModel], float]] = {
    "LP": (linear, 11.0),
    "MILP": (mixed_integer_linear, 20.0),
    "QP": (convex_quadratic, 0.5),
    "MIQP": (mixed_integer_quadratic, 0.29),
    "NLP": (nonlinear, math.log(2)),
    "MINLP": (mixed_integer_nonlinear, math.log(4) - 0.2),
}

#: Dual of `first_row` of the linear probe: change of the optimal value per unit of its right-hand side.
LINEAR_DUAL = 2.0
