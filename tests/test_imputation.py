"""The model of the imputations of a market of small groups."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from group_cases import CASES, counts, game_of, padded

from breakaway.data.groups import GroupGame, Types, sufficient_groups
from breakaway.models import imputation
from breakaway.runners.solvers import solve_model
from breakaway.runners.solvers.capabilities import CAPABILITIES, LP

SMALL = ["ex2.4.1_mu_1_1", "ex2.3.2_uniform3", "bipartite_2x2", "random_15_I6_N2-3", "sparse_01_I6_N1-4"]


def formed_of(name: str) -> np.ndarray:
    case = CASES[name]
    return padded([entry["group"] for entry in case["expected"]["one_tau"]], case["inputs"]["Nmax"])


@pytest.mark.parametrize("name", CASES)
def test_reference(name: str) -> None:
    game, expected = game_of(name), CASES[name]["expected"]
    model = imputation.build(game)
    outcome = solve_model(model, solver="highs")
    assert outcome.objective == pytest.approx(expected["value"], abs=1e-9)
    tau = imputation.assignment(model)
    assert min(tau.values()) >= -1e-9
    assert sum(model.surplus[group] * mass for group, mass in tau.items()) == pytest.approx(expected["value"], abs=1e-8)
    u = [pyo.value(model.payoff[i]) for i in model.types]
    for low, value, high in zip(expected["u_min"], u, expected["u_max"], strict=True):
        assert float(Fraction(low)) - 1e-8 <= value <= float(Fraction(high)) + 1e-8


@pytest.mark.parametrize("solver", [name for name, can in CAPABILITIES.items() if LP in can.classes])
def test_duals_of_every_solver_are_assignments(solver: str) -> None:
    game = game_of("random_10_I5_N1-3")
    model = imputation.build(game)
    value = CASES["random_10_I5_N1-3"]["expected"]["value"]
    assert solve_model(model, solver=solver).objective == pytest.approx(value, abs=1e-6)
    if CAPABILITIES[solver].duals:
        tau = imputation.assignment(model)
        assert sum(model.surplus[group] * mass for group, mass in tau.items()) == pytest.approx(value, abs=1e-5)
    else:
        with pytest.raises(ValueError, match="the model holds no duals"):
            imputation.assignment(model)


@pytest.mark.parametrize("name", SMALL)
def test_along_gives_the_ends_of_the_ranges(name: str) -> None:
    game, expected = game_of(name), CASES[name]["expected"]
    for i, who in enumerate(game.types.names):
        for sign, end in ((1, expected["u_min"]), (-1, expected["u_max"])):
            model = imputation.build(game, "along", formed=formed_of(name), direction={who: sign})
            assert sign * solve_model(model, solver="highs").objective == pytest.approx(
                float(Fraction(end[i])), abs=1e-8
            )


@pytest.mark.parametrize("name", SMALL)
def test_least_squares_is_an_imputation_and_the_nearest_to_equal(name: str) -> None:
    game = game_of(name)
    model = imputation.build(game, "least_squares", formed=formed_of(name))
    solve_model(model, solver="highs")
    u = np.array([pyo.value(model.payoff[i]) for i in model.types])
    groups, surplus = sufficient_groups(game)
    assert (counts(game, groups) @ u - surplus).min() >= -1e-6
    assert game.types.masses @ u == pytest.approx(CASES[name]["expected"]["value"], abs=1e-6)
    other = np.array([float(Fraction(x)) for x in CASES[name]["expected"]["one_u"]])
    assert game.types.masses @ u**2 <= game.types.masses @ other**2 + 1e-6
    assert (game.types.masses * u) @ (other - u) >= -1e-5  # no imputation lies on the near side of u


def test_rows_are_added() -> None:
    game = game_of("ex2.4.2")
    model = imputation.build(game, groups=padded([[0, 0], [1, 1], [2, 2]], 3))
    assert solve_model(model, solver="highs").objective == pytest.approx(1.5)
    assert imputation.add_row(model, {"1": 2, "0": 1}, 9.0) == "0+1+1"
    assert solve_model(model, solver="highs").objective == pytest.approx(6.0)
    assert imputation.assignment(model)["0+1+1"] == pytest.approx(0.5)
    with pytest.raises(ValueError, match=r"group 0\+1\+1 has a row already"):
        imputation.add_row(model, {"0": 1, "1": 2}, 9.0)


def test_refusals() -> None:
    game = game_of("ex2.4.1_mu_1_1")
    formed = padded([[0, 1]], 2)
    with pytest.raises(ValueError, match="the groups formed go with"):
        imputation.build(game, formed=formed)
    with pytest.raises(ValueError, match="the groups formed go with"):
        imputation.build(game, "least_squares")
    with pytest.raises(ValueError, match="a direction goes with 'along'"):
        imputation.build(game, "along", formed=formed)
    with pytest.raises(ValueError, match="the direction names 'Z'; types are 0, 1"):
        imputation.build(game, "along", formed=formed, direction={"Z": 1.0})


def golden_models() -> dict[str, pyo.ConcreteModel]:
    game = GroupGame(Types.of(["H", "T"], [0.25, 1.5]), padded([[0, 1, 1], [1, 1]], 3), np.array([9.0, 3.0]), 1, 3)
    formed = padded([[0, 1, 1], [1, 1]], 3)
    return {
        "least_total": imputation.build(game),
        "along": imputation.build(game, "along", formed=formed, direction={"T": -1.0}),
        "least_squares": imputation.build(game, "least_squares", formed=formed),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("imputation", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("imputation") == set(imputation.FORMULATIONS)


def test_page() -> None:
    pairs = run_page("imputation")
    assert len(pairs) == 2
    for expected, found in pairs:
        assert found == expected
