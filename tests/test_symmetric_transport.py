"""The symmetric transport problem: its value is the welfare, and its plans are assignments (Proposition 1)."""

from __future__ import annotations

import math

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from group_cases import CASES, counts, game_of, padded, random_games

from breakaway.data.groups import GroupGame, PairwiseGroupGame, Types, group_sizes, surpluses
from breakaway.models import group_welfare, imputation, symmetric_transport
from breakaway.runners.groups.direct import solve_direct
from breakaway.runners.solvers import solve_model

FORBIDDEN = GroupGame(
    Types.of(["A", "B"], [2, 1]), padded([[0, 1], [0], [1]], 2), np.array([1.0, 0.0, 0.0]), 1, 2, "forbidden"
)


@pytest.mark.parametrize("name", CASES)
def test_reference(name: str) -> None:
    game, expected = game_of(name), CASES[name]["expected"]
    orbits = symmetric_transport.fractional_groups(game)
    assert orbits.replicas == expected["M_lcm"]
    assert symmetric_transport.replica_count(game, "factorial") == expected["M_factorial"]
    assert len(orbits.size) == expected["n_fractional_lcm"]
    for known in expected.get("shat_nonzero", []):
        orbit = tuple(known["counts"])
        assert game.max_size * orbits.per_person[orbit] == pytest.approx(float(known["shat"].replace("9/2", "4.5")))
        assert orbits.size[orbit] == known["size"]
    outcome = solve_model(symmetric_transport.build(game), solver="highs")
    assert -outcome.objective == pytest.approx(expected["transport_value"], abs=1e-8)


@pytest.mark.parametrize("game", random_games(8), ids=lambda game: type(game).__name__)
def test_proposition_1_three_programmes_have_one_value(game) -> None:
    welfare = -solve_model(group_welfare.build(game), solver="highs").objective
    payoffs = solve_model(imputation.build(game), solver="highs").objective
    transport = -solve_model(symmetric_transport.build(game), solver="highs").objective
    factorial = -solve_model(symmetric_transport.build(game, replicas="factorial"), solver="highs").objective
    assert [payoffs, transport, factorial] == pytest.approx([welfare] * 3, abs=1e-8)


@pytest.mark.parametrize("formulation", symmetric_transport.FORMULATIONS)
@pytest.mark.parametrize("name", ["ex2.4.2", "ex4.4.2_H2o5", "random_04_I3_N1-3", "zero_surplus_fixed"])
def test_plans_are_assignments_and_back(name: str, formulation: str) -> None:
    game = game_of(name)
    orbits = symmetric_transport.fractional_groups(game, formulation)
    model = symmetric_transport.build(game, formulation)
    value = -solve_model(model, solver="highs").objective
    assert value == pytest.approx(CASES[name]["expected"]["value"], abs=1e-8)
    people = {f: pyo.value(model.people[symmetric_transport.orbit_name(game, f)]) for f in orbits.size}
    plan = {orbit: mass for orbit, mass in people.items() if mass > 1e-12}
    groups, masses = symmetric_transport.assignment_of_plan(game, plan, orbits)
    assert counts(game, groups).T @ masses == pytest.approx(game.types.masses, abs=1e-9)
    assert surpluses(game, groups) @ masses == pytest.approx(value, abs=1e-8)
    back = symmetric_transport.plan_of_assignment(game, groups, masses, orbits.replicas)
    if formulation == "corresponding":
        assert back == pytest.approx(plan, abs=1e-9)
    density = symmetric_transport.density(back)
    orders = {f: math.factorial(sum(f)) / math.prod(map(math.factorial, f)) for f in back}
    assert sum(density[f] * orders[f] for f in back) == pytest.approx(game.types.masses.sum(), abs=1e-9)


def test_an_optimal_plan_can_use_an_orbit_that_corresponds_to_no_group() -> None:
    game = game_of("ex2.4.2")
    orbits = symmetric_transport.fractional_groups(game, "all_orbits")
    assert len(orbits.size) == 28
    idle = GroupGame(Types.of(2, [5, 1]), padded([[0, 0]], 3), np.array([0.0]), 2, 3)
    found = symmetric_transport.fractional_groups(idle, "all_orbits")
    plan = {(5, 1): 6.0}
    assert found.size[5, 1] == 0
    groups, masses = symmetric_transport.assignment_of_plan(idle, plan, found)
    assert counts(idle, groups).T @ masses == pytest.approx([5.0, 1.0])
    assert group_sizes(groups).tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_of_pairs_has_the_masses_as_margins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, least = 5, 1 + seed % 2
    values = rng.random((n, n))
    game = PairwiseGroupGame(Types.of(n, rng.random(n) + 0.1), np.zeros(n), values + values.T, np.zeros(3), least, 2)
    solution = solve_direct(game)
    plan = symmetric_transport.pair_plan(game, solution.groups, solution.masses)
    assert plan == pytest.approx(plan.T)
    assert plan.sum(axis=0) == pytest.approx(game.types.masses, abs=1e-9)


def test_the_diagonal_is_doubled() -> None:
    game = game_of("ex2.3.2_uniform3")
    groups, masses = padded([[0, 0], [0, 1], [1, 2], [2, 2]], 2), np.array([0.1, 0.8, 0.2, 0.4])
    expected = np.array([[0.2, 0.8, 0.0], [0.8, 0.0, 0.2], [0.0, 0.2, 0.8]])
    assert symmetric_transport.pair_plan(game, groups, masses) == pytest.approx(expected)
    with pytest.raises(ValueError, match="a matrix shows pairs only"):
        symmetric_transport.pair_plan(game_of("ex2.4.2"), groups, masses)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="unknown replicas 'N'"):
        symmetric_transport.build(FORBIDDEN, replicas="N")
    with pytest.raises(ValueError, match="choose 'corresponding'"):
        symmetric_transport.build(FORBIDDEN, "all_orbits")
    with pytest.raises(ValueError, match=r"293,930 orbits: the model lists up to 200,000"):
        symmetric_transport.build(
            GroupGame(Types.of(10, np.ones(10)), padded([[0]], 4), np.ones(1), 1, 4), "all_orbits"
        )
    assert -solve_model(symmetric_transport.build(FORBIDDEN), solver="highs").objective == pytest.approx(1.0)


def golden_models() -> dict[str, pyo.ConcreteModel]:
    game = GroupGame(Types.of(["H", "T"], [0.25, 1.5]), padded([[0, 1, 1], [1, 1]], 3), np.array([9.0, 3.0]), 2, 3)
    return {
        formulation: symmetric_transport.build(game, formulation) for formulation in symmetric_transport.FORMULATIONS
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("symmetric_transport", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("symmetric_transport") == set(symmetric_transport.FORMULATIONS)


def test_page() -> None:
    pairs = run_page("symmetric_transport")
    assert len(pairs) == 2
    for expected, found in pairs:
        assert found == expected
