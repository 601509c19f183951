"""`solve_model` with every solver: choice, refusal, signs, limits, failures, probes."""

from __future__ import annotations

import importlib.util
import itertools
import math
import pickle
import sys
import textwrap

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.solver.common.base import Availability, SolverBase
from pyomo.contrib.solver.common.factory import SolverFactory as NewFactory
from pyomo.contrib.solver.solvers.highs import Highs
from pyomo.gdp import Disjunction, GDP_Error

from breakaway.models.solver_probes import PROBES
from breakaway.runners.solvers import (
    CAPABILITIES,
    CapabilityError,
    Holding,
    InfeasibleError,
    LimitReachedError,
    OptionError,
    ProblemClass,
    SolveError,
    SolverCrashedError,
    SolverHungError,
    SolverOptions,
    SolverUnavailableError,
    Termination,
    UnboundedError,
    Verdict,
    examine,
    probe,
    probing,
    scip,
    solve_model,
    solver_table,
)
from breakaway.runners.solvers.capabilities import DEFAULT_SOLVER
from breakaway.runners.solvers.failures import _REMEDIES

needs_scip = pytest.mark.skipif(
    importlib.util.find_spec("pyscipopt") is None, reason="pyscipopt is an extra: pip install 'breakaway[scip]'"
)
SOLVERS = [pytest.param(name, marks=needs_scip if name == "scip" else ()) for name in CAPABILITIES]


def plan(sense=pyo.maximize):
    """Max 3x + 2y with x + y <= 4, x <= 3 (or min of its negative): 11 at (3, 1)."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 3))
    model.y = pyo.Var(bounds=(0, None))
    model.room = pyo.Constraint(expr=model.x + model.y <= 4)
    value = 3 * model.x + 2 * model.y
    model.value = pyo.Objective(expr=value if sense == pyo.maximize else -value, sense=sense)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    model.rc = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    return model


def market_split(rows=5, n=40):
    """A market-split model (Cornuejols and Dawande 1999): far beyond the limits of these tests."""
    weights = np.random.default_rng(1).integers(0, 100, (rows, n)).tolist()
    model = pyo.ConcreteModel()
    model.take = pyo.Var(range(n), domain=pyo.Binary)
    model.miss = pyo.Var(range(rows), bounds=(0, None))

    def surplus(k):
        return sum(w * model.take[i] for i, w in enumerate(weights[k])) - sum(weights[k]) // 2

    model.over = pyo.Constraint(range(rows), rule=lambda m, k: surplus(k) <= m.miss[k])
    model.under = pyo.Constraint(range(rows), rule=lambda m, k: surplus(k) >= -m.miss[k])
    model.cost = pyo.Objective(expr=sum(model.miss.values()))
    return model


# --- the class of a model and the choice of a solver -----------------------------------------------------------------


@pytest.mark.parametrize("name", PROBES)
def test_class_and_default_solver(name):
    build, known = PROBES[name]
    model = build()
    kind = examine(model).problem_class
    assert kind.value == name
    if DEFAULT_SOLVER[kind] == "scip" and importlib.util.find_spec("pyscipopt") is None:
        pytest.skip("pyscipopt is an extra")
    outcome = solve_model(model)
    assert outcome.solver == DEFAULT_SOLVER[kind]
    assert outcome.objective == pytest.approx(known, abs=1e-6)


def test_class_depends_on_what_is_fixed_and_on_curvature():
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(initialize=2.0, bounds=(0, 5)), pyo.Var(bounds=(0, 5))
    model.cost = pyo.Objective(expr=model.x * model.y)
    assert examine(model).problem_class is ProblemClass.NLP
    model.x.fix()
    assert examine(model).problem_class is ProblemClass.LP
    model.x.unfix()
    model.cost.set_value((model.x - model.y) ** 2)
    assert examine(model).problem_class is ProblemClass.QP
    model.cost.sense = pyo.maximize
    assert examine(model).problem_class is ProblemClass.NLP
    model.cost.sense = pyo.minimize
    model.y.domain = pyo.Integers
    assert examine(model).problem_class is ProblemClass.MIQP


def test_quadratic_constraints_are_nonlinear():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(initialize=1)
    model.ball = pyo.Constraint(expr=model.x**2 <= 4)
    facts = examine(model)
    assert facts.problem_class is ProblemClass.NLP
    assert facts.nonlinear_component == "ball"


def test_default_solver_is_capable_of_its_class():
    assert set(DEFAULT_SOLVER) == set(ProblemClass)
    for kind, name in DEFAULT_SOLVER.items():
        assert kind in CAPABILITIES[name].classes


# --- refusals before the solve ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("solver", "kind", "words"),
    [
        ("highs", "NLP", "objective is nonlinear"),
        ("highs", "MINLP", "b is integer"),
        ("highs", "MIQP", "use scip"),
        ("ipopt", "MILP", "x is integer"),
        ("ipopt", "MINLP", "b is integer, objective is nonlinear"),
    ],
)
def test_mismatch_is_refused_before_solving(solver, kind, words):
    model = PROBES[kind][0]()
    values = [v.value for v in model.component_data_objects(pyo.Var)]
    with pytest.raises(CapabilityError, match=words):
        solve_model(model, SolverOptions(solver=solver), check=False)
    assert [v.value for v in model.component_data_objects(pyo.Var)] == values


def test_untransformed_disjunctions_are_refused():
    model = plan()
    model.either = Disjunction(expr=[model.x <= 1, model.y <= 1])
    with pytest.raises(CapabilityError, match=r"gdp\.bigm"):
        solve_model(model)
    pyo.TransformationFactory("gdp.bigm").apply_to(model, bigM=10)
    assert solve_model(model).objective == pytest.approx(11)


def test_logical_constraints_sos_and_several_objectives_are_refused():
    model = plan()
    model.pair = pyo.Var([1, 2], bounds=(0, 1))
    model.sos = pyo.SOSConstraint(var=model.pair, sos=1)
    with pytest.raises(CapabilityError, match="SOS"):
        solve_model(model)
    model.sos.deactivate()
    model.b = pyo.BooleanVar()
    model.rule = pyo.LogicalConstraint(expr=model.b)
    with pytest.raises(CapabilityError, match="logical_to_linear"):
        solve_model(model)
    model.rule.deactivate()
    model.second = pyo.Objective(expr=model.x)
    with pytest.raises(CapabilityError, match="2 active objectives"):
        solve_model(model)


@pytest.mark.parametrize(
    "options",
    [{"tolerance": 0}, {"rel_gap": -1}, {"abs_gap": math.nan}, {"time_limit": 0}, {"threads": 0}, {"seed": -1}],
    ids=lambda options: next(iter(options)),
)
def test_impossible_options_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        SolverOptions(**options)


def test_options_are_frozen_and_replaced():
    options = SolverOptions(time_limit=5)
    assert options.replace(seed=3) == SolverOptions(time_limit=5, seed=3)
    with pytest.raises(AttributeError):
        options.seed = 4


@pytest.mark.parametrize("solver", SOLVERS)
def test_unknown_native_option_is_named(solver):
    with pytest.raises(OptionError, match="nonsense"):
        solve_model(plan(), SolverOptions(solver=solver, native={"nonsense": 1}))


def test_unknown_solver():
    with pytest.raises(SolverUnavailableError, match="neither one of highs, ipopt, scip"):
        solve_model(plan(), solver="no_such_solver")


# --- answers, signs, suffixes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("sense", "sign"), [(pyo.maximize, 1), (pyo.minimize, -1)], ids=["max", "min"])
def test_linear_answer_on_every_solver(solver, sense, sign):
    model = plan(sense)
    outcome = solve_model(model, solver=solver)
    assert outcome.is_optimal
    assert outcome.holding is (Holding.LOCAL_OPTIMUM if solver == "ipopt" else Holding.PROVEN_OPTIMUM)
    assert outcome.objective == pytest.approx(sign * 11, rel=1e-8)
    assert outcome.version
    assert outcome.seconds > 0
    if solver == "ipopt":
        assert outcome.bound == sign * math.inf
    else:
        assert outcome.gap <= 1e-6
        assert outcome.relative_gap <= 1e-6


@pytest.mark.parametrize("solver", ["highs", "ipopt"])
@pytest.mark.parametrize(("sense", "sign"), [(pyo.maximize, 1), (pyo.minimize, -1)], ids=["max", "min"])
def test_signs_of_duals_and_reduced_costs(solver, sense, sign):
    """A unit more room is worth 2, a unit more of the bound of x is worth 3 - 2 = 1."""
    model = plan(sense)
    solve_model(model, solver=solver)
    assert model.dual[model.room] == pytest.approx(sign * 2, rel=1e-6)
    assert model.rc[model.x] == pytest.approx(sign * 1, rel=1e-6)


def test_duals_of_a_quadratic_model_agree_between_highs_and_ipopt():
    """min (x - 1)^2 + (y - 2)^2 with x + y <= 2: d/drhs = -1."""
    for solver in ("highs", "ipopt"):
        model = PROBES["QP"][0]()
        model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
        solve_model(model, solver=solver)
        assert model.dual[model.row] == pytest.approx(-1, rel=1e-6)


def test_integer_model_leaves_no_stale_duals():
    model = plan()
    solve_model(model)
    assert len(model.dual) == 1
    model.x.domain = pyo.Integers
    outcome = solve_model(model)
    assert outcome.objective == pytest.approx(11)
    assert outcome.nodes is not None
    assert len(model.dual) == 0


@needs_scip
def test_scip_is_not_disturbed_by_dual_suffixes():
    model = PROBES["MINLP"][0]()
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT_EXPORT)
    model.dual[model.budget] = 2.0
    outcome = solve_model(model, solver="scip")
    assert outcome.objective == pytest.approx(math.log(4) - 0.2, abs=1e-7)
    assert len(model.dual) == 0
    assert model.dual.direction == pyo.Suffix.IMPORT_EXPORT


@needs_scip
def test_scip_maps_values_of_all_kinds_of_variables_back():
    model = pyo.ConcreteModel()
    model.c = pyo.Var(range(2), bounds=(0.1, 9))
    model.b = pyo.Var(range(3), domain=pyo.Binary)
    model.i = pyo.Var(range(2), domain=pyo.Integers, bounds=(-5, 5))
    model.one = pyo.Constraint(expr=sum(model.b.values()) == 1)
    model.pick = pyo.Constraint(expr=model.b[1] >= 0.5)
    model.link = pyo.Constraint(expr=model.c[0] + model.i[0] == 2.5)
    model.curve = pyo.Constraint(expr=pyo.exp(model.c[1]) + model.i[1] <= 1)
    model.gain = pyo.Objective(expr=7 + pyo.log(model.c[0]) + model.c[1], sense=pyo.maximize)
    outcome = solve_model(model)
    assert [v.value for v in model.b.values()] == pytest.approx([0, 1, 0])
    assert model.i[0].value == pytest.approx(-5)
    assert model.i[1].value == pytest.approx(-5)
    assert model.c[0].value == pytest.approx(7.5)
    assert model.c[1].value == pytest.approx(math.log(6))
    assert outcome.objective == pytest.approx(7 + math.log(7.5) + math.log(6))
    assert outcome.bound >= outcome.objective - 1e-6


@needs_scip
def test_objective_is_recomputed_from_the_values():
    model = PROBES["MINLP"][0]()
    outcome = solve_model(model, SolverOptions(tolerance=1e-4))
    assert outcome.objective == pyo.value(model.objective)


def test_changing_the_number_of_threads_does_not_break_highs():
    for threads in (1, 2, 1):
        assert solve_model(plan(), SolverOptions(threads=threads)).objective == pytest.approx(11)


@pytest.mark.parametrize("solver", SOLVERS)
def test_model_without_free_variables(solver):
    model = plan()
    model.x.fix(1)
    model.y.fix(2)
    outcome = solve_model(model, solver=solver)
    assert outcome.holding is Holding.PROVEN_OPTIMUM
    assert (outcome.objective, outcome.bound) == (7, 7)
    model.y.fix(9)
    with pytest.raises(InfeasibleError, match="room"):
        solve_model(model, solver=solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_variable_that_cancels_out_gets_a_value(solver):
    model = plan()
    model.z = pyo.Var(bounds=(2, 8))
    model.value.set_value(model.value.expr + 0 * model.z)
    assert solve_model(model, solver=solver).objective == pytest.approx(11)
    assert 2 <= model.z.value <= 8


@pytest.mark.parametrize("solver", SOLVERS)
def test_feasibility_problem(solver):
    model = plan()
    model.value.deactivate()
    outcome = solve_model(model, solver=solver)
    assert outcome.is_optimal
    assert outcome.objective == 0
    assert model.x.value + model.y.value <= 4 + 1e-8


# --- infeasible, unbounded, limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_infeasible_model(solver):
    model = _infeasible()
    with pytest.raises(InfeasibleError, match=solver) as caught:
        solve_model(model, solver=solver)
    outcome = solve_model(model, solver=solver, check=False)
    assert caught.value.outcome is not None
    assert outcome.objective is None
    assert not outcome.is_optimal
    assert outcome.holding is (Holding.NOTHING if solver == "ipopt" else Holding.INFEASIBILITY_PROOF)
    assert (model.x.value, model.y.value) == (None, None)


@pytest.mark.parametrize("solver", SOLVERS)
def test_unbounded_model(solver):
    model = plan()
    model.room.deactivate()
    with pytest.raises(UnboundedError, match="finite bounds"):
        solve_model(model, solver=solver)


def test_time_limit_of_highs_keeps_the_bound():
    options = SolverOptions(time_limit=0.3)
    with pytest.raises(LimitReachedError, match="time_limit") as caught:
        solve_model(market_split(), options)
    outcome = solve_model(market_split(), options, check=False)
    assert caught.value.outcome is not None
    assert outcome.termination is Termination.TIME_LIMIT
    assert outcome.holding is Holding.FEASIBLE_POINT
    assert outcome.objective is not None
    assert 0 <= outcome.bound < outcome.objective
    assert outcome.gap == pytest.approx(outcome.objective - outcome.bound)
    assert outcome.seconds < 5


def test_node_limit_of_highs():
    options = SolverOptions(native={"mip_max_nodes": 1})
    with pytest.raises(LimitReachedError, match="nodes"):
        solve_model(market_split(), options)


def test_iteration_limit_of_a_linear_program():
    options = SolverOptions(native={"simplex_iteration_limit": 0, "presolve": "off"})
    model = plan()
    outcome = solve_model(model, options, check=False)
    assert outcome.termination is Termination.ITERATION_LIMIT
    assert outcome.bound == math.inf


@needs_scip
def test_limits_of_scip_keep_the_bound():
    outcome = solve_model(market_split(), SolverOptions(solver="scip", time_limit=0.5), check=False)
    assert outcome.termination is Termination.TIME_LIMIT
    assert math.isfinite(outcome.bound)
    with pytest.raises(LimitReachedError, match="nodes"):
        solve_model(market_split(), SolverOptions(solver="scip", native={"limits/nodes": 1}))


def test_every_failure_has_an_exception_and_a_remedy():
    finished = {Termination.OPTIMAL, Termination.ACCEPTABLE}
    assert set(_REMEDIES) == set(Termination) - finished
    assert all(issubclass(error, SolveError) and remedy for error, remedy in _REMEDIES.values())


def test_errors_travel_between_processes_with_their_outcome():
    with pytest.raises(InfeasibleError) as caught:
        solve_model(_infeasible())
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is InfeasibleError
    assert str(copy) == str(caught.value)
    assert copy.outcome == caught.value.outcome


def _infeasible():
    model = plan()
    model.more = pyo.Constraint(expr=model.x + model.y >= 5)
    return model


# --- facts about the solvers that the project relies on --------------------------------------------------------------


def test_hull_transformation_refuses_inclusive_disjunctions():
    model = plan()
    model.either = Disjunction(expr=[model.x <= 1, model.y <= 1], xor=False)
    with pytest.raises(GDP_Error, match="Must be an XOR"):
        pyo.TransformationFactory("gdp.hull").apply_to(model)


def test_irreducible_infeasible_subsystem_needs_strategy_two():
    lp = highspy.Highs()
    lp.setOptionValue("output_flag", False)
    x, y = lp.addVariable(0, 10), lp.addVariable(0, 10)
    lp.addConstr(x + y >= 8)
    lp.addConstr(x + y <= 5)
    lp.addConstr(x - y <= 9)
    lp.run()
    lp.setOptionValue("iis_strategy", 2)
    status, subsystem = lp.getIis()
    assert status == highspy.HighsStatus.kOk
    assert sorted(subsystem.row_index_) == [0, 1]


# --- the SCIP worker -------------------------------------------------------------------------------------------------


def worker(tmp_path, monkeypatch, text):
    """Put a program in the place of the SCIP worker."""
    path = tmp_path / "worker.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    monkeypatch.setattr(scip, "WORKER", path)


def test_crash_of_the_worker_is_an_exception(tmp_path, monkeypatch):
    worker(
        tmp_path,
        monkeypatch,
        "import os, sys; print('mumps ordering failed', file=sys.stderr); sys.stderr.flush(); os.abort()",
    )
    with pytest.raises(SolverCrashedError, match=r"SIGABRT.*mumps ordering failed") as caught:
        solve_model(plan(), solver="scip")
    assert not isinstance(caught.value, SolverHungError)
    outcome = solve_model(plan(), solver="scip", check=False)
    assert outcome.termination is Termination.CRASHED
    assert outcome.holding is Holding.NOTHING


def test_worker_that_ends_without_an_answer(tmp_path, monkeypatch):
    worker(tmp_path, monkeypatch, "raise SystemExit(0)")
    with pytest.raises(SolverCrashedError, match="exit code 0"):
        solve_model(plan(), solver="scip")


def test_worker_that_hangs_is_stopped(tmp_path, monkeypatch):
    worker(tmp_path, monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(scip, "GRACE", 0.2)
    with pytest.raises(SolverHungError, match="raise time_limit"):
        solve_model(plan(), SolverOptions(solver="scip", time_limit=0.2))


def test_missing_package_is_reported_with_the_remedy(tmp_path, monkeypatch):
    worker(
        tmp_path,
        monkeypatch,
        f"""
        import runpy, sys
        sys.modules["pyscipopt"] = None
        sys.argv[0] = {str(scip.WORKER)!r}
        runpy.run_path({str(scip.WORKER)!r}, run_name="__main__")
        """,
    )
    with pytest.raises(SolverUnavailableError, match=r"breakaway\[scip\]"):
        solve_model(plan(), solver="scip")


@needs_scip
def test_operator_that_scip_cannot_read():
    model = PROBES["MINLP"][0]()
    model.odd = pyo.Constraint(expr=pyo.tanh(model.x) <= model.b)
    with pytest.raises(CapabilityError, match="cannot read"):
        solve_model(model, solver="scip")


@pytest.mark.parametrize(("package", "solver"), [("highspy", "highs"), ("casadi", "ipopt"), ("cyipopt", "ipopt")])
def test_missing_packages_are_named(package, solver, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SolverUnavailableError, match=f"pip install {package}"):
        solve_model(plan(), solver=solver)


# --- probes and solvers by name --------------------------------------------------------------------------------------


class _Confident(SolverBase):
    """Says optimal whatever it is asked, with every variable at 1."""

    def available(self):
        return Availability.FullLicense

    def version(self):
        return (9, 9)

    def solve(self, model, **keywords):
        results = Highs().solve(_answer_of_ones(model), load_solutions=False)
        loader = results.solution_loader
        loader.get_vars = lambda vars_to_load=None: _ones(model)
        return results


def _answer_of_ones(model):
    other = pyo.ConcreteModel()
    other.x = pyo.Var(bounds=(1, 1))
    other.o = pyo.Objective(expr=other.x)
    return other


def _ones(model):
    return pyo.ComponentMap((v, 1.0) for v in model.component_data_objects(pyo.Var))


class _Relaxing(_Confident):
    """Solves the linear relaxation and says optimal, as one interface does with binaries."""

    def solve(self, model, **keywords):
        relaxed = [v for v in model.component_data_objects(pyo.Var) if not v.is_continuous()]
        domains = [v.domain for v in relaxed]
        for v in relaxed:
            v.setlb(v.lb)
            v.setub(v.ub)
            v.domain = pyo.Reals
        try:
            return Highs().solve(model, load_solutions=False)
        finally:
            for v, domain in zip(relaxed, domains, strict=True):
                v.domain = domain


class _Failing(_Confident):
    """Says that it is available and cannot solve."""

    def solve(self, model, **keywords):
        raise RuntimeError("no library")


@pytest.fixture(scope="module", autouse=True)
def pretenders():
    for name, cls in (("confident", _Confident), ("relaxing", _Relaxing), ("failing", _Failing)):
        NewFactory.register(f"test_{name}")(cls)
    probe.cache_clear()


@pytest.mark.parametrize("solver", SOLVERS)
def test_probes_prove_the_capability_table(solver):
    for kind in ProblemClass:
        expected = Verdict.RIGHT if kind in CAPABILITIES[solver].classes else Verdict.REFUSED
        assert probe(solver, kind).verdict is expected
    assert probing.returns_duals(solver) is CAPABILITIES[solver].duals
    proven = probe(solver, ProblemClass.LP).proven
    assert proven is CAPABILITIES[solver].proves_global


def test_solver_with_wrong_answers_is_refused():
    assert probe("test_confident", ProblemClass.NLP).verdict is Verdict.WRONG
    with pytest.raises(CapabilityError, match="true is"):
        solve_model(PROBES["NLP"][0](), solver="test_confident")


def test_solver_that_relaxes_integers_is_refused_for_integers_only():
    assert probe("test_relaxing", ProblemClass.LP).verdict is Verdict.RIGHT
    assert probe("test_relaxing", ProblemClass.MILP).verdict is Verdict.WRONG
    assert solve_model(plan(), solver="test_relaxing").objective == pytest.approx(11)
    with pytest.raises(CapabilityError, match="says 21, true is 20"):
        solve_model(PROBES["MILP"][0](), solver="test_relaxing")


def test_solver_that_is_available_and_cannot_solve():
    assert bool(NewFactory("test_failing").available())
    found = probe("test_failing", ProblemClass.LP)
    assert found.verdict is Verdict.REFUSED
    assert "no library" in found.message


def test_a_probe_is_run_once():
    assert probe("test_failing", ProblemClass.LP) is probe("test_failing", ProblemClass.LP)


def test_named_solver_with_options_limits_and_duals():
    model = plan(pyo.minimize)
    outcome = solve_model(model, SolverOptions(solver="appsi_highs", time_limit=10))
    assert outcome.holding is Holding.PROVEN_OPTIMUM
    assert outcome.objective == pytest.approx(-11)
    assert outcome.bound == pytest.approx(-11)
    assert model.dual[model.room] == pytest.approx(-2)
    model.more = pyo.Constraint(expr=model.x + model.y >= 5)
    with pytest.raises(InfeasibleError):
        solve_model(model, solver="appsi_highs")
    assert len(model.dual) == 0


@needs_scip
def test_scip_direct_survives_a_dual_suffix():
    model = plan()
    outcome = solve_model(model, solver="scip_direct")
    assert outcome.objective == pytest.approx(11)
    assert len(model.dual) == 0
    assert model.dual.import_enabled()


def test_solver_table():
    table = solver_table(["highs", "test_confident", "test_relaxing", "test_failing", "no_such_solver"])
    classes = [kind.value for kind in ProblemClass]
    assert list(table.columns) == ["solver", "available", "version", *classes, "duals", "global", "note"]
    rows = table.set_index("solver")
    assert list(rows.loc["highs", classes]) == ["yes", "yes", "yes", "no", "no", "no"]
    assert bool(rows.loc["highs", "duals"])
    assert bool(rows.loc["highs", "global"])
    assert set(rows.loc["test_confident", classes]) == {"wrong"}
    assert rows.loc["test_relaxing", "MILP"] == "wrong"
    assert not rows.loc["test_failing", "available"]
    assert "no library" in rows.loc["test_failing", "note"]
    assert not rows.loc["no_such_solver", "available"]
    assert "nor a name that Pyomo knows" in rows.loc["no_such_solver", "note"]


def test_table_of_known_solvers_lists_ours_first():
    table = solver_table()
    assert list(table["solver"][:3]) == ["highs", "ipopt", "scip"]
    missing = table[~table["available"]]
    assert all(missing["note"].str.len() > 0)


# --- solver against solver -------------------------------------------------------------------------------------------


@needs_scip
@pytest.mark.parametrize("seed", range(3))
def test_solvers_agree_on_random_convex_models(seed):
    weights = [1 + (seed * 7 + i * 5) % 4 for i in range(4)]
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(4), bounds=(0.01, 10))
    model.budget = pyo.Constraint(expr=sum(model.x.values()) <= 6 + seed)
    model.pairs = pyo.Constraint(
        list(itertools.combinations(range(4), 2)), rule=lambda m, i, j: m.x[i] + 2 * m.x[j] >= 1 + 0.1 * seed
    )
    model.gain = pyo.Objective(expr=sum(w * pyo.log(model.x[i]) for i, w in enumerate(weights)), sense=pyo.maximize)
    local, proven = solve_model(model, solver="ipopt"), solve_model(model, solver="scip")
    assert local.objective == pytest.approx(proven.objective, abs=1e-6)
    assert local.objective is not None
    assert local.objective <= proven.bound + 1e-6
