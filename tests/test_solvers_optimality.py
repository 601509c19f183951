"""Quadratic programs that HiGHS gets wrong are found out by the optimality conditions, and solved all the same."""

from __future__ import annotations

import importlib.metadata
import itertools
import math
import time

import numpy as np
import pyomo.environ as pyo
import pytest

from breakaway.models.solver_probes import PROBES
from breakaway.runners.solvers import (
    Holding,
    NumericalError,
    SolveError,
    SolverOptions,
    Termination,
    examine,
    highs,
    solve_model,
)
from breakaway.runners.solvers.optimality import Residual, quadratic_residual

needs_faulty_highs = pytest.mark.skipif(
    not importlib.metadata.version("highspy").startswith("1.15."), reason="the fault is that of HiGHS 1.15"
)


def box_program(curve, slope, bounds=(-1, 1), row=None, sense=pyo.maximize):
    """Max slope x - x' curve x / 2 in a box, with a row on the sum if given (or min of the negative)."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(len(slope)), bounds=bounds)
    x = model.x
    value = sum(s * x[i] for i, s in enumerate(slope)) - sum(
        0.5 * c * x[i] * x[j] for i, line in enumerate(curve) for j, c in enumerate(line) if c
    )
    if row is not None:
        model.row = pyo.Constraint(expr=(row[0], sum(x.values()), row[1]))
    model.value = pyo.Objective(expr=value if sense == pyo.maximize else -value, sense=sense)
    return model


def singular_program(sense=pyo.maximize):
    """Three actions of one player and three of another; only their sums matter to the first: 400 / 13."""
    curve = np.zeros((6, 6))
    curve[:3, :3] = 2
    curve[:3, 3:] = curve[3:, :3] = -0.5
    curve[3:, 3:] = 2 * np.eye(3)
    bounds = {i: (0, 10) if i < 3 else (0, 5) for i in range(6)}
    return box_program(curve.tolist(), [10] * 3 + [0] * 3, lambda _, i: bounds[i], sense=sense)


def slack_row_program(sense=pyo.maximize):
    """Strictly concave, in a box, with a row that is never active; HiGHS 1.15 says optimal."""
    curve = [[7, 1, -2, -3], [1, 11, -8, -1], [-2, -8, 8, 2], [-3, -1, 2, 4]]
    return box_program(curve, [8, 9, 9, 0], row=(-100, 100), sense=sense)


def unset_program(sense=pyo.maximize):
    """As above, but HiGHS 1.15 stops without a status."""
    curve = [[10, -1, 2, -4], [-1, 11, -3, 7], [2, -3, 3, -1], [-4, 7, -1, 11]]
    return box_program(curve, [-3, 3, 8, 3], row=(-100, 100), sense=sense)


def best(model):
    """Return the optimal value by projected gradients, which share nothing with either solver."""
    upper = np.array([v.ub for v in model.x.values()], dtype=float)
    lower = np.array([v.lb for v in model.x.values()], dtype=float)
    sign = 1.0 if model.value.sense == pyo.maximize else -1.0
    x, n = (lower + upper) / 2, len(upper)
    unit = np.eye(n)

    def value(point):
        model.x.set_values(dict(enumerate(map(float, point))))
        return sign * pyo.value(model.value)

    base = value(np.zeros(n))
    single = np.array([value(e) - base for e in unit])
    minus = np.array([value(-e) - base for e in unit])
    hessian = np.array([[value(e + f) - base for f in unit] for e in unit]) - single[:, None] - single
    gradient = (single - minus) / 2
    step = 1.0 / np.abs(np.linalg.eigvalsh(hessian)).max()
    for _ in range(5_000):
        x = np.clip(x + step * (gradient + hessian @ x), lower, upper)
    return sign * value(x)


HARD = [singular_program, slack_row_program, unset_program]


@pytest.mark.parametrize("sense", [pyo.maximize, pyo.minimize], ids=["max", "min"])
@pytest.mark.parametrize("build", HARD)
def test_hard_programs_are_solved_when_no_solver_is_named(build, sense):
    known = best(build(sense))
    model = build(sense)
    outcome = solve_model(model)
    assert outcome.is_optimal
    assert outcome.objective == pytest.approx(known, abs=1e-7)
    assert outcome.objective == pytest.approx(pyo.value(model.value))


def test_the_singular_program_has_its_known_value():
    assert best(singular_program()) == pytest.approx(400 / 13)


@needs_faulty_highs
@pytest.mark.parametrize("build", HARD)
def test_the_answer_of_the_second_solver_says_why_it_was_asked(build):
    outcome = solve_model(build(), SolverOptions(time_limit=30))
    assert outcome.solver == "ipopt"
    assert outcome.holding is Holding.LOCAL_OPTIMUM
    assert "asked because highs failed: HiGHS s" in outcome.message


@needs_faulty_highs
@pytest.mark.parametrize("sense", [pyo.maximize, pyo.minimize], ids=["max", "min"])
@pytest.mark.parametrize("build", [singular_program, slack_row_program])
def test_a_wrong_optimum_of_highs_is_an_error_that_names_ipopt(build, sense):
    with pytest.raises(NumericalError, match=r"set solver='ipopt'.*its point is not optimal, by .* at x\[") as caught:
        solve_model(build(sense), solver="highs")
    outcome = caught.value.outcome
    assert (outcome.termination, outcome.holding) == (Termination.REFUTED, Holding.FEASIBLE_POINT)
    assert outcome.bound == (math.inf if sense == pyo.maximize else -math.inf)
    assert (outcome.objective < best(build(sense)) - 1e-3) is (sense == pyo.maximize)


@needs_faulty_highs
def test_a_run_of_highs_without_a_status_names_ipopt():
    with pytest.raises(SolveError, match="ipopt takes every convex quadratic program"):
        solve_model(unset_program(), solver="highs")


@needs_faulty_highs
def test_no_second_solver_after_the_time_limit(monkeypatch):
    clock = itertools.count(0.0, 5.0)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    outcome = solve_model(singular_program(), SolverOptions(time_limit=5.0), check=False)
    assert (outcome.solver, outcome.termination) == ("highs", Termination.REFUTED)


def random_program(seed, sense):
    """A strictly convex program with an equation, a range, a one-sided row, bounds, and numbers of many sizes."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(6, 4)) * 10 ** rng.uniform(-1, 1)
    model = box_program((root.T @ root).tolist(), (50 * rng.normal(size=4)).tolist(), (-3, 4), sense=sense)
    a = rng.normal(size=(3, 4)).round(2)
    x = list(model.x.values())
    model.equation = pyo.Constraint(expr=a[0] @ x == 0.5)
    model.range = pyo.Constraint(expr=(-1, a[1] @ x, 1))
    model.at_most = pyo.Constraint(expr=a[2] @ x <= 0.2)
    return model


@pytest.mark.parametrize("sense", [pyo.maximize, pyo.minimize], ids=["max", "min"])
def test_an_optimum_of_highs_that_stands_is_right(sense):
    stood = 0
    for seed in range(10):
        outcome = solve_model(random_program(seed, sense), solver="highs", check=False)
        known = solve_model(random_program(seed, sense), solver="ipopt").objective
        if outcome.is_optimal:
            stood += 1
            assert outcome.objective == pytest.approx(known, rel=1e-6, abs=1e-5)
            assert outcome.gap <= 1e-6 * max(1.0, abs(known))
    assert stood >= 8


# --- the residual itself: min (x - 1)^2 + (y - 2)^2, x + y <= 2, optimal at (1/2, 3/2) with the price -1 --------------


def residual(x, y, price, sense=pyo.minimize):
    model = PROBES["QP"][0]()
    if sense == pyo.maximize:
        model.objective.set_value(-model.objective.expr)
        model.objective.sense = sense
    values = pyo.ComponentMap([(model.x, x), (model.y, y)])
    return quadratic_residual(model, examine(model), values, pyo.ComponentMap([(model.row, price)]))


def test_the_optimum_has_no_residual():
    assert residual(0.5, 1.5, -1) == Residual(0.0, 0.0, "x", "x")
    assert residual(0.5, 1.5, 1, pyo.maximize) == Residual(0.0, 0.0, "x", "x")


@pytest.mark.parametrize("sense", [pyo.maximize, pyo.minimize], ids=["max", "min"])
def test_a_price_of_the_wrong_sign_or_without_effect_is_seen(sense):
    sign = -1 if sense == pyo.minimize else 1
    assert residual(0.5, 1.5, -sign, sense).optimality == pytest.approx(2 / 4)
    assert residual(0.5, 1.5, 0.0, sense).optimality == pytest.approx(1 / 4)
    assert residual(0.25, 1.0, sign, sense).suboptimal_at in {"x", "y", "row"}
    assert residual(0.25, 1.0, sign, sense).optimality > 0.1


def test_a_row_with_room_has_no_price():
    found = residual(0.0, 0.5, -3.0)
    assert found.suboptimal_at == "row"
    assert found.optimality == pytest.approx(0.75)


def test_points_outside_are_seen():
    row = residual(1.0, 2.0, 0.0)
    assert (row.infeasible_at, row.feasibility) == ("row", pytest.approx(1 / 2))
    bound = residual(-0.5, 2.0, 0.0)
    assert (bound.infeasible_at, bound.feasibility) == ("x", pytest.approx(0.5))


def test_an_infeasible_point_of_highs_is_not_held(monkeypatch):
    monkeypatch.setattr(highs, "_residual", lambda *_: Residual(0.3, 0.0, "row", "x"))
    with pytest.raises(NumericalError, match=r"its point violates row by 0\.3") as caught:
        solve_model(PROBES["QP"][0](), solver="highs")
    assert caught.value.outcome.holding is Holding.NOTHING
    assert caught.value.outcome.objective is None


def test_a_loose_tolerance_loosens_the_check(monkeypatch):
    monkeypatch.setattr(highs, "_residual", lambda *_: Residual(0.0, 1e-4, "row", "x"))
    assert solve_model(PROBES["QP"][0](), SolverOptions(solver="highs", tolerance=1e-4)).is_optimal
    with pytest.raises(NumericalError):
        solve_model(PROBES["QP"][0](), SolverOptions(solver="highs"))
