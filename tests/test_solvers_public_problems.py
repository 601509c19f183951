"""The Ipopt bridge on models that nobody here wrote: published problems with published optima."""

from __future__ import annotations

import math

import kkt
import numpy as np
import pyomo.environ as pyo
import pytest
from hock_schittkowski import PROBLEMS

from breakaway.runners.solvers import Holding, SolverOptions, Termination, solve_model

SENSES = {"min": pyo.minimize, "max": pyo.maximize}


def test_the_collection_is_large_enough():
    assert len(PROBLEMS) >= 60


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_published_optimum_and_optimality_conditions(name, sense):
    problem = PROBLEMS[name]
    model = problem.build(SENSES[sense])
    outcome = solve_model(model, solver="ipopt")
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.holding is Holding.LOCAL_OPTIMUM
    expected = problem.optimum if sense == "min" else -problem.optimum
    assert outcome.objective == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert kkt.violation(model) <= 1e-7
    assert kkt.stationarity(model) <= 1e-6
    assert kkt.complementarity(model) <= 1e-6


def chained_rosenbrock(n: int) -> pyo.ConcreteModel:
    """Sum over i of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2; optimum 0 at (1, ..., 1)."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(n), initialize=lambda m, i: -1.2 if i % 2 == 0 else 1.0)
    model.objective = pyo.Objective(
        expr=sum(100 * (model.x[i + 1] - model.x[i] ** 2) ** 2 + (1 - model.x[i]) ** 2 for i in range(n - 1))
    )
    return model


def test_chained_rosenbrock_of_200_variables():
    model = chained_rosenbrock(200)
    # The function has a second minimum near x_1 = -1, so the start is on the side of the published one.
    model.x[0].set_value(1.2)
    outcome = solve_model(model)
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.objective == pytest.approx(0.0, abs=1e-10)
    assert [x.value for x in model.x.values()] == pytest.approx([1.0] * 200, abs=1e-5)


def water_level(weights: np.ndarray, floors: np.ndarray, budget: float) -> float:
    """Return t with sum of max(floor_i, weight_i t) = budget, by sorting the points where a floor stops binding."""
    order = np.argsort(floors / weights)
    for k in range(len(order), 0, -1):
        free, bound = order[:k], order[k:]
        level = (budget - floors[bound].sum()) / weights[free].sum()
        if level >= (floors / weights)[order[k - 1]] - 1e-12:
            return float(level)
    raise AssertionError("the floors exceed the budget")


def test_water_filling_of_50_players():
    rng = np.random.default_rng(7)
    weights, floors, budget = rng.uniform(0.5, 2.0, 50), rng.uniform(0.1, 2.0, 50), 80.0
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(50), bounds=lambda m, i: (floors[i], None))
    model.budget = pyo.Constraint(expr=sum(model.x.values()) <= budget)
    model.objective = pyo.Objective(expr=sum(weights[i] * pyo.log(model.x[i]) for i in range(50)), sense=pyo.maximize)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    outcome = solve_model(model)
    level = water_level(weights, floors, budget)
    expected = np.maximum(floors, weights * level)
    assert expected.sum() == pytest.approx(budget)
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.objective == pytest.approx(float((weights * np.log(expected)).sum()), rel=1e-8)
    assert [x.value for x in model.x.values()] == pytest.approx(expected, abs=1e-6)
    # The price of the budget is the reciprocal of the water level.
    assert model.dual[model.budget] == pytest.approx(1 / level, rel=1e-6)


def test_optimal_control_in_curved_coordinates():
    """min sum h u_k^2 with log y_{k+1} - log y_k = h v_k, v_{k+1} = v_k + h u_k, from rest at 1 to rest at e."""
    steps, h = 40, 1 / 40
    model = pyo.ConcreteModel()
    model.y = pyo.Var(range(steps + 1), initialize=1.5, bounds=(0.1, 10))
    model.v = pyo.Var(range(steps + 1), initialize=0.0)
    model.u = pyo.Var(range(steps), initialize=0.0)
    model.move = pyo.Constraint(
        range(steps), rule=lambda m, k: pyo.log(m.y[k + 1]) - pyo.log(m.y[k]) == h * m.v[k] + h * h / 2 * m.u[k]
    )
    model.push = pyo.Constraint(range(steps), rule=lambda m, k: m.v[k + 1] == m.v[k] + h * m.u[k])
    for variable, value in ((model.y[0], 1), (model.v[0], 0), (model.y[steps], math.e), (model.v[steps], 0)):
        variable.fix(value)
    model.objective = pyo.Objective(expr=sum(h * u**2 for u in model.u.values()))
    outcome = solve_model(model, SolverOptions(), solver="ipopt")
    # In log y the problem is linear-quadratic: the control of least norm that meets two linear conditions.
    k = np.arange(steps)
    conditions = np.vstack([np.full(steps, h), h * h * (steps - k - 0.5)])
    target = np.array([0.0, 1.0])
    control = conditions.T @ np.linalg.solve(conditions @ conditions.T, target)
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.objective == pytest.approx(float(h * control @ control), rel=1e-8)
    assert [model.u[i].value for i in range(steps)] == pytest.approx(control, abs=1e-5)


def test_the_conditions_notice_a_wrong_multiplier():
    model = PROBLEMS["HS043"].build()
    solve_model(model, solver="ipopt")
    active = max(model.constraints.values(), key=lambda c: abs(model.dual[c]))
    model.dual[active] = -model.dual[active]
    assert kkt.stationarity(model) > 1e-2
    assert kkt.complementarity(model) > 1e-2
