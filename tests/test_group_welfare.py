"""The model of the welfare of a market of small groups."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from group_cases import CASES, counts, game_of, padded, random_games

from breakaway.data.groups import GroupGame, PairwiseGroupGame, Types, sufficient_groups
from breakaway.models import group_welfare, small_groups
from breakaway.runners.solvers import InfeasibleError, SolverOptions, solve_model
from breakaway.runners.solvers.capabilities import CAPABILITIES, LP

PAIRS_ONLY = GroupGame(Types.of(["A", "B"], [2, 1]), padded([[0, 1]], 2), np.array([1.0]), 2, 2, "forbidden")


@pytest.mark.parametrize("formulation", ["assigned", "at_most"])
@pytest.mark.parametrize("name", CASES)
def test_reference(name: str, formulation: str) -> None:
    game, expected = game_of(name), CASES[name]["expected"]
    model = group_welfare.build(game, formulation)
    outcome = solve_model(model, solver="highs")
    assert -outcome.objective == pytest.approx(expected["value"], abs=1e-9)
    u = np.array(list(group_welfare.payoffs(model).values()))
    groups, surplus = sufficient_groups(game)
    assert game.types.masses @ u == pytest.approx(expected["value"], abs=1e-8)
    assert (counts(game, groups) @ u - surplus).min() >= -1e-8


@pytest.mark.parametrize("solver", [name for name, can in CAPABILITIES.items() if LP in can.classes])
@pytest.mark.parametrize("name", ["ex2.4.2", "random_04_I3_N1-3", "roommate_cycle5_N1"])
def test_duals_of_every_solver_are_payoffs(name: str, solver: str) -> None:
    game, value = game_of(name), CASES[name]["expected"]["value"]
    model = group_welfare.build(game)
    outcome = solve_model(model, solver=solver)
    assert -outcome.objective == pytest.approx(value, abs=1e-6)
    if CAPABILITIES[solver].duals:
        u = np.array(list(group_welfare.payoffs(model).values()))
        assert game.types.masses @ u == pytest.approx(value, abs=1e-6)
        assert u.min() >= -1e-6
    else:
        with pytest.raises(ValueError, match="the model holds no duals"):
            group_welfare.payoffs(model)


@pytest.mark.parametrize("method", ["simplex", "ipm"])
@pytest.mark.parametrize("presolve", ["on", "off"])
@pytest.mark.parametrize("crossover", ["on", "off"])
def test_duals_keep_their_sign_with_every_method_of_highs(method: str, presolve: str, crossover: str) -> None:
    game = game_of("random_08_I4_N2-3")
    model = group_welfare.build(game)
    native = {"solver": method, "presolve": presolve, "run_crossover": crossover}
    solve_model(model, SolverOptions(native=native, tolerance=1e-7), solver="highs")
    u = np.array(list(group_welfare.payoffs(model).values()))
    assert game.types.masses @ u == pytest.approx(CASES["random_08_I4_N2-3"]["expected"]["value"], abs=1e-5)


def test_left_over_by_hand() -> None:
    with pytest.raises(InfeasibleError):
        solve_model(group_welfare.build(PAIRS_ONLY), solver="highs")
    model = group_welfare.build(PAIRS_ONLY, "uncovered")
    assert solve_model(model, solver="highs").objective == pytest.approx(1.0)
    assert [pyo.value(model.left_over[i]) for i in "AB"] == pytest.approx([1.0, 0.0])


def test_nobody_is_left_over_when_groups_of_one_type_are_permitted() -> None:
    for game in random_games(4):
        assert solve_model(group_welfare.build(game, "uncovered"), solver="highs").objective == pytest.approx(
            0, abs=1e-8
        )


def test_fewer_groups_are_worth_less() -> None:
    game = game_of("ex2.4.2")
    model = group_welfare.build(game, groups=padded([[0, 0], [1, 1], [2, 2], [0, 1]], 3))
    assert -solve_model(model, solver="highs").objective == pytest.approx(3.5)  # 1+2 once, 3+3 half a time


def test_refusals() -> None:
    game = game_of("ex2.4.2")
    with pytest.raises(ValueError, match="group 0 has 1 member; permitted are 2 to 3"):
        group_welfare.build(game, groups=padded([[0]], 3))
    with pytest.raises(ValueError, match="some group is given twice"):
        group_welfare.build(game, groups=padded([[0, 1], [1, 0]], 3))
    with pytest.raises(ValueError, match=r"group A\+A is forbidden"):
        group_welfare.build(PAIRS_ONLY, groups=padded([[0, 0]], 2))
    with pytest.raises(ValueError, match="no group contains type '1'"):
        group_welfare.build(game, groups=padded([[0, 0], [2, 2]], 3))
    with pytest.raises(ValueError, match="unknown formulation"):
        group_welfare.build(game, "dual")
    many = PairwiseGroupGame(Types.of(100, np.ones(100)), np.zeros(100), np.zeros((100, 100)), np.zeros(5), 1, 4)
    with pytest.raises(ValueError, match=r"4,598,125 groups: a Pyomo model lists up to 200,000"):
        group_welfare.build(many)
    assert small_groups.MOST_GROUPS == 200_000


def golden_models() -> dict[str, pyo.ConcreteModel]:
    game = GroupGame(Types.of(["H", "T"], [0.25, 1.5]), padded([[0, 1, 1], [1, 1]], 3), np.array([9.0, 3.0]), 1, 3)
    return {formulation: group_welfare.build(game, formulation) for formulation in group_welfare.FORMULATIONS}


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("group_welfare", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("group_welfare") == set(group_welfare.FORMULATIONS)


def test_page() -> None:
    pairs = run_page("group_welfare")
    assert len(pairs) == 2
    for expected, found in pairs:
        assert found == expected
