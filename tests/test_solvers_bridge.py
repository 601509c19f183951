"""The registered Ipopt solver: every kind of model it must serve, and every way it can end."""

from __future__ import annotations

import logging
import math

import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.factory import SolverFactory as NewFactory
from pyomo.contrib.solver.common.results import SolutionStatus, TerminationCondition
from pyomo.contrib.solver.common.util import NoOptimalSolutionError

from breakaway.runners.solvers import (
    CapabilityError,
    Holding,
    InfeasibleError,
    LimitReachedError,
    NumericalError,
    OptionError,
    SolverOptions,
    Termination,
    UnboundedError,
    solve_model,
)
from breakaway.runners.solvers.ipopt import REGISTERED_NAME, RETURN_CODES


def hyperbola(sense=pyo.minimize):
    """Minimise x + y with x y >= 4, 0 <= x <= 1: (1, 4), objective 5; or its negative maximised."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 1))
    model.y = pyo.Var(bounds=(0, None))
    model.curve = pyo.Constraint(expr=model.x * model.y >= 4)
    cost = model.x + model.y
    model.cost = pyo.Objective(expr=cost if sense == pyo.minimize else -cost, sense=sense)
    for name in ("dual", "ipopt_zL_out", "ipopt_zU_out"):
        model.add_component(name, pyo.Suffix(direction=pyo.Suffix.IMPORT_EXPORT))
    return model


@pytest.mark.parametrize("factory", [pyo.SolverFactory, NewFactory], ids=["classic", "new"])
def test_registered_in_both_factories(factory):
    solver = factory(REGISTERED_NAME)
    assert bool(solver.available())
    assert len(solver.version()) == 3
    model = hyperbola()
    solver.solve(model)
    assert pyo.value(model.cost) == pytest.approx(5)
    assert model.dual[model.curve] == pytest.approx(1, rel=1e-5)


def test_classic_interface_reports_status_and_takes_options():
    results = pyo.SolverFactory(REGISTERED_NAME).solve(hyperbola(), options={"max_iter": 1}, load_solutions=False)
    assert results.solver.termination_condition == pyo.TerminationCondition.maxIterations


def test_new_interface_raises_on_request_and_reports_otherwise():
    solver = NewFactory(REGISTERED_NAME)
    with pytest.raises(NoOptimalSolutionError):
        solver.solve(hyperbola(), solver_options={"max_iter": 1})
    results = solver.solve(
        hyperbola(), solver_options={"max_iter": 1}, raise_exception_on_nonoptimal_result=False, load_solutions=False
    )
    assert results.termination_condition is TerminationCondition.iterationLimit
    assert results.extra_info.iteration_count == 1


def test_solution_loader_answers_for_chosen_components():
    model = hyperbola()
    loader = NewFactory(REGISTERED_NAME).solve(model, load_solutions=False).solution_loader
    assert loader.get_vars([model.y])[model.y] == pytest.approx(4)
    assert loader.get_duals([model.curve])[model.curve] == pytest.approx(1, rel=1e-5)
    assert loader.get_reduced_costs([model.x])[model.x] == pytest.approx(-3, rel=1e-5)
    assert model.y.value is None


@pytest.mark.parametrize(("sense", "sign"), [(pyo.minimize, 1.0), (pyo.maximize, -1.0)], ids=["min", "max"])
def test_signs_of_multipliers(sense, sign):
    """d objective / d right-hand side = 1 (y = 4 / x); d objective / d upper bound of x = 1 - 4 = -3."""
    model = hyperbola(sense)
    solve_model(model, solver="ipopt")
    assert model.dual[model.curve] == pytest.approx(sign * 1, rel=1e-6)
    assert model.ipopt_zU_out[model.x] == pytest.approx(sign * -3, rel=1e-6)
    assert model.ipopt_zL_out[model.x] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("sense", "sign"), [(pyo.minimize, 1.0), (pyo.maximize, -1.0)], ids=["min", "max"])
def test_sign_of_lower_bound_multiplier(sense, sign):
    """Minimise x^2 over x >= 2: the objective grows by 4 per unit of the bound."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(2, None))
    model.cost = pyo.Objective(expr=sign * model.x**2, sense=sense)
    model.ipopt_zL_out = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    solve_model(model, solver="ipopt")
    assert model.ipopt_zL_out[model.x] == pytest.approx(sign * 4, rel=1e-6)


def test_dual_of_a_constraint_with_constants_on_both_sides():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=1)
    model.row = pyo.Constraint(expr=pyo.exp(model.x) + 7 == 3 + 6)
    model.cost = pyo.Objective(expr=3 * model.x)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    solve_model(model)
    assert model.x.value == pytest.approx(math.log(2))
    assert model.dual[model.row] == pytest.approx(3 / 2)


def test_range_constraint_binds_on_either_side():
    for sense, value in ((pyo.minimize, 1.0), (pyo.maximize, 3.0)):
        model = pyo.ConcreteModel()
        model.x = pyo.Var(initialize=2, bounds=(0.1, None))
        model.band = pyo.Constraint(expr=(0, pyo.log(model.x), math.log(3)))
        model.size = pyo.Objective(expr=model.x, sense=sense)
        assert solve_model(model).objective == pytest.approx(value, rel=1e-8)


def test_fixed_and_unused_variables_keep_their_values():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=1)
    model.fixed = pyo.Var(initialize=2)
    model.fixed.fix()
    model.unused = pyo.Var(initialize=17)
    model.blank = pyo.Var()
    model.cost = pyo.Objective(expr=(model.x - model.fixed) ** 4 + pyo.exp(model.fixed))
    solve_model(model)
    assert model.x.value == pytest.approx(2, abs=1e-2)
    assert (model.fixed.value, model.unused.value, model.blank.value) == (2, 17, None)


def test_variable_fixed_by_equal_bounds():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(3, 3))
    model.y = pyo.Var(bounds=(0, 9))
    model.row = pyo.Constraint(expr=model.x * model.y <= 6)
    model.gain = pyo.Objective(expr=pyo.log(1 + model.y), sense=pyo.maximize)
    assert solve_model(model).objective == pytest.approx(math.log(3))
    assert model.x.value == pytest.approx(3)


def test_variable_that_appears_only_in_the_objective():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 2))
    model.y = pyo.Var(bounds=(-1, 1))
    model.row = pyo.Constraint(expr=pyo.exp(model.x) >= 2)
    model.cost = pyo.Objective(expr=model.x + model.y)
    assert solve_model(model).objective == pytest.approx(math.log(2) - 1)


def test_no_objective_finds_a_feasible_point():
    model = pyo.ConcreteModel()
    model.x = pyo.Var()
    model.row = pyo.Constraint(expr=pyo.exp(model.x) == 5)
    outcome = solve_model(model)
    assert outcome.termination is Termination.OPTIMAL
    assert outcome.objective == 0.0
    assert model.x.value == pytest.approx(math.log(5))


def test_no_constraints():
    model = pyo.ConcreteModel()
    model.x = pyo.Var()
    model.cost = pyo.Objective(expr=pyo.cosh(model.x - 1))
    assert solve_model(model).objective == pytest.approx(1)


def test_named_expressions_and_blocks():
    model = pyo.ConcreteModel()
    model.inner = pyo.Block()
    model.inner.x = pyo.Var(initialize=1, bounds=(0.1, 10))
    model.inner.logs = pyo.Expression(expr=pyo.log(model.inner.x))
    model.twice = pyo.Expression(expr=2 * model.inner.logs)
    model.inner.row = pyo.Constraint(expr=model.twice + model.inner.logs <= 3)
    model.gain = pyo.Objective(expr=model.twice, sense=pyo.maximize)
    assert solve_model(model).objective == pytest.approx(2)


def test_mutable_parameters_are_read_at_each_solve():
    model = pyo.ConcreteModel()
    model.p = pyo.Param(initialize=1.0, mutable=True)
    model.x = pyo.Var(bounds=(0.1, None))
    model.cost = pyo.Objective(expr=model.x - model.p * pyo.log(model.x))
    for p in (1.0, 2.0):
        model.p.set_value(p)
        solve_model(model)
        assert model.x.value == pytest.approx(p, rel=1e-6)


FUNCTIONS = {
    "log": (pyo.log, math.log),
    "log10": (pyo.log10, math.log10),
    "exp": (pyo.exp, math.exp),
    "sqrt": (pyo.sqrt, math.sqrt),
    "sin": (pyo.sin, math.sin),
    "cos": (pyo.cos, math.cos),
    "tan": (pyo.tan, math.tan),
    "asin": (pyo.asin, math.asin),
    "acos": (pyo.acos, math.acos),
    "atan": (pyo.atan, math.atan),
    "sinh": (pyo.sinh, math.sinh),
    "cosh": (pyo.cosh, math.cosh),
    "tanh": (pyo.tanh, math.tanh),
    "power": (lambda x: x**1.7, lambda x: x**1.7),
    "exponential": (lambda x: 2.5**x, lambda x: 2.5**x),
    "reciprocal": (lambda x: 1 / x, lambda x: 1 / x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_smooth_function_is_inverted(name):
    """Solve f(x) = f(0.6) from x = 0.4; f is monotone between."""
    symbolic, numeric = FUNCTIONS[name]
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=0.4, bounds=(0.1, 0.9))
    model.row = pyo.Constraint(expr=symbolic(model.x) == numeric(0.6))
    solve_model(model)
    assert model.x.value == pytest.approx(0.6, rel=1e-7)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (pyo.asinh, r"asinh\(x\): write log"),
        (pyo.acosh, r"acosh\(x\): write log"),
        (pyo.atanh, r"atanh\(x\): write 0.5"),
        (lambda x: pyo.Expr_if(x >= 1.2, x**2, x), "not smooth"),
    ],
    ids=["asinh", "acosh", "atanh", "Expr_if"],
)
def test_operators_without_translation_are_refused_with_a_remedy(function, words):
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=1.5)
    model.row = pyo.Constraint(expr=function(model.x) <= 3)
    model.cost = pyo.Objective(expr=model.x**2)
    with pytest.raises(CapabilityError, match=words):
        solve_model(model, solver="ipopt")


def test_integer_variables_are_refused_by_the_registered_solver():
    model = pyo.ConcreteModel()
    model.b = pyo.Var(domain=pyo.Binary)
    model.cost = pyo.Objective(expr=pyo.exp(model.b))
    with pytest.raises(CapabilityError, match="integer variable b"):
        NewFactory(REGISTERED_NAME).solve(model)


def test_start_outside_the_domain_is_an_evaluation_error():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=-1)
    model.cost = pyo.Objective(expr=model.x - pyo.log(model.x))
    with pytest.raises(NumericalError, match="start inside the domain"):
        solve_model(model)
    assert solve_model(model, check=False).termination is Termination.EVALUATION_ERROR


def test_steps_that_leave_the_domain_are_shortened():
    """From x = 30 the first Newton step of x - 0.5 log x lands far below zero."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=30)
    model.cost = pyo.Objective(expr=model.x - 0.5 * pyo.log(model.x))
    outcome = solve_model(model)
    assert outcome.termination is Termination.OPTIMAL
    assert model.x.value == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((None, None), 0), ((0, None), 1), ((None, -3), -4), ((2, 3), 2.5), ((-5, 10), 0), ((0, 0.2), 0.1)],
)
def test_missing_start_values_are_put_inside_the_bounds(bounds, expected):
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=bounds)
    model.cost = pyo.Objective(expr=pyo.exp(model.x))
    NewFactory(REGISTERED_NAME).solve(model, solver_options={"max_iter": 0}, raise_exception_on_nonoptimal_result=False)
    assert model.x.value == pytest.approx(expected, abs=1e-6)


def test_infeasible_model_raises_and_loads_nothing():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=5)
    model.row = pyo.Constraint(expr=pyo.exp(model.x) <= -1)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    model.dual[model.row] = 3.0
    with pytest.raises(InfeasibleError, match="other start values") as caught:
        solve_model(model)
    assert caught.value.outcome is not None
    assert caught.value.outcome.holding is Holding.NOTHING
    assert model.x.value == 5
    assert len(model.dual) == 0


def test_violated_constraint_without_variables_is_a_proof_of_infeasibility():
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(), pyo.Var(initialize=4)
    model.y.fix()
    model.row = pyo.Constraint(expr=model.y <= 3)
    model.cost = pyo.Objective(expr=pyo.exp(model.x))
    outcome = solve_model(model, check=False)
    assert outcome.termination is Termination.INFEASIBLE
    assert outcome.holding is Holding.INFEASIBILITY_PROOF


def test_crossed_bounds_are_infeasible():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(2, 1))
    model.cost = pyo.Objective(expr=pyo.exp(model.x))
    with pytest.raises(InfeasibleError):
        solve_model(model)


def test_unbounded_model_raises():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=1)
    model.cost = pyo.Objective(expr=pyo.exp(-model.x) - model.x)
    with pytest.raises(UnboundedError, match="finite bounds"):
        solve_model(model)


def test_more_equalities_than_variables():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=1)
    model.rows = pyo.Constraint([1, 2], rule=lambda m, i: pyo.exp(i * m.x) == math.e**i)
    with pytest.raises(NumericalError, match="redundant equality"):
        solve_model(model)


def test_iteration_limit_with_and_without_check():
    options = SolverOptions(native={"max_iter": 2})
    model = hyperbola()
    with pytest.raises(LimitReachedError, match="native options"):
        solve_model(model, options, solver="ipopt")
    outcome = solve_model(hyperbola(), options, solver="ipopt", check=False)
    assert outcome.termination is Termination.ITERATION_LIMIT
    assert outcome.iterations == 2
    assert outcome.bound == -math.inf
    assert outcome.gap == math.inf


def test_time_limit():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(60), initialize=-1.2)
    model.cost = pyo.Objective(expr=sum(100 * (model.x[i + 1] - model.x[i] ** 2) ** 2 for i in range(59)) + model.x[0])
    with pytest.raises(LimitReachedError, match="time_limit"):
        solve_model(model, SolverOptions(time_limit=1e-4))


def test_unknown_option_is_named(capfd):
    with pytest.raises(OptionError, match="nonsense"):
        solve_model(hyperbola(), SolverOptions(native={"nonsense": 1}), solver="ipopt")
    with pytest.raises(OptionError, match="max_iter"):
        solve_model(hyperbola(), SolverOptions(native={"max_iter": "many"}), solver="ipopt")


def test_nothing_is_printed(capfd, caplog):
    with caplog.at_level(logging.WARNING):
        solve_model(hyperbola(), solver="ipopt")
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_warm_start_from_point_and_multipliers_saves_iterations():
    model = hyperbola()
    cold = solve_model(model, solver="ipopt")
    native = {
        "warm_start_init_point": "yes",
        "mu_init": 1e-9,
        "warm_start_bound_push": 1e-12,
        "warm_start_mult_bound_push": 1e-12,
        "warm_start_slack_bound_push": 1e-12,
        "warm_start_bound_frac": 1e-12,
        "warm_start_slack_bound_frac": 1e-12,
    }
    warm = solve_model(model, SolverOptions(native=native), solver="ipopt")
    assert warm.objective == pytest.approx(cold.objective)
    assert cold.iterations is not None
    assert warm.iterations is not None
    assert warm.iterations <= 2 < cold.iterations


@pytest.mark.parametrize("sense", [pyo.minimize, pyo.maximize], ids=["min", "max"])
def test_warm_start_reads_multipliers_in_the_signs_it_writes(sense):
    model = hyperbola(sense)
    solve_model(model, solver="ipopt")
    before = {name: list(model.component(name).items()) for name in ("dual", "ipopt_zL_out", "ipopt_zU_out")}
    native = {
        "warm_start_init_point": "yes",
        "max_iter": 0,
        "warm_start_bound_push": 1e-14,
        "warm_start_mult_bound_push": 1e-14,
        "warm_start_slack_bound_push": 1e-14,
        "warm_start_bound_frac": 1e-14,
        "warm_start_slack_bound_frac": 1e-14,
    }
    NewFactory(REGISTERED_NAME).solve(model, solver_options=native, raise_exception_on_nonoptimal_result=False)
    for name, multipliers in before.items():
        for component, value in multipliers:
            assert model.component(name)[component] == pytest.approx(value, rel=1e-4, abs=1e-4)


def test_every_return_code_of_ipopt_is_translated():
    codes = {*range(7), *range(-5, 0), *range(-13, -9), -100, -101, -102, -199}
    assert set(RETURN_CODES) == codes
    optimal = {code for code, (_, status) in RETURN_CODES.items() if status is SolutionStatus.optimal}
    assert optimal == {0, 1}
