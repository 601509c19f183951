"""Groups of positive size: reference values, models against models, closed forms, laws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from hypothesis import given, settings
from positive_cases import CASES, SMALL, game_of, market, positive_size_games

from breakaway.data.arrays import frozen_floats
from breakaway.data.positive_size import (
    CesSurplus,
    FunctionSurplus,
    LinearSurplus,
    PositiveSizeGame,
    QuadraticSurplus,
    RecipeSurplus,
    ThresholdSurplus,
)
from breakaway.models import positive_size
from breakaway.runners.asking import HowToSolve
from breakaway.runners.groups import positive, positive_columns
from breakaway.runners.groups.positive import positive_answer, solve_positive
from breakaway.runners.groups.positive_ranges import with_ranges
from breakaway.runners.groups.positive_solution import Work
from breakaway.runners.groups.positive_vertices import vertices
from breakaway.runners.solvers import NumericalError, solve_model
from breakaway.runners.verify.positive import verify_positive

METHODS = {
    "pos_ces": "one composition",
    "pos_convex": "vertices",
    "pos_recipes": "pieces",
    "pos_negative": "pieces",
    "pos_bilinear": "columns",
}


def solved(model: pyo.ConcreteModel, solver: str = "highs") -> float:
    outcome = solve_model(model, solver=solver)
    assert outcome.is_optimal
    return -float(outcome.objective or 0.0)


# --- the reference cases ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_reference_case(name: str) -> None:
    case, game = CASES[name], game_of(name)
    expected, tolerance = case["expected"], case["tolerance"]
    solution = solve_positive(game)
    assert solution.complete
    assert solution.method == next(method for stem, method in METHODS.items() if name.startswith(stem))
    assert solution.primal == pytest.approx(expected["value"], abs=tolerance)
    assert solution.primal <= solution.dual + 1e-12
    assert solution.dual == pytest.approx(expected["value"], abs=max(tolerance, 1e-6))
    if "u" in expected or "one_u" in expected:
        assert solution.imputation == pytest.approx(np.array(expected.get("u", expected.get("one_u"))), abs=1e-7)
    listed = expected.get("assignment", expected.get("one_assignment", expected.get("assignment_by_recipe")))
    if listed is not None:
        ours = sorted(zip(solution.groups.tolist(), solution.masses.tolist(), strict=True))
        theirs = sorted((row["nu"], row["gamma"]) for row in listed)
        assert len(ours) == len(theirs)
        for (group, mass), (nu, gamma) in zip(ours, theirs, strict=True):
            assert group == pytest.approx(nu, abs=1e-5)
            assert mass == pytest.approx(gamma, rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_a_reference_case_verifies(name: str) -> None:
    answer = positive_answer(game_of(name))
    assert answer.concept == "stable-assignment"
    assert answer.certificate.claims["verified"] is True
    assert answer.certificate.residual is not None
    assert answer.certificate.residual < 1e-5


def test_payoffs_of_at_least_0_would_be_too_dear() -> None:
    """Lemma 30 takes payoffs of at least 0; here that costs 1 instead of 2/3, so the duality relation would fail."""
    game = game_of("pos_negative_imputation")
    solution = solve_positive(game)
    assert solution.imputation == pytest.approx([-5 / 6, 5 / 3], abs=1e-12)
    model = positive_size.build(
        game, "along", groups=vertices(game), formed=np.empty((0, 2)), direction=game.types.masses
    )
    assert -solved(model) == pytest.approx(2 / 3, abs=1e-9)
    model.payoff["0"].setlb(0.0)
    model.payoff["1"].setlb(0.0)
    assert -solved(model) == pytest.approx(CASES["pos_negative_imputation"]["expected"]["dual_with_u_nonneg"], abs=1e-9)


# --- programmes against each other ------------------------------------------------------------------------------------


def test_a_linear_surplus_has_one_value_in_three_programmes() -> None:
    game = SMALL["linear"]
    assert solved(positive_size.build(game, "pieces")) == pytest.approx(-0.5, abs=1e-9)
    assert solved(positive_size.build(game, "listed", groups=vertices(game))) == pytest.approx(-0.5, abs=1e-9)
    assert solved(positive_size.build(game, "one_composition"), "ipopt") == pytest.approx(-0.5, abs=1e-9)
    assert solve_positive(game).imputation == pytest.approx([1.0, -2.0], abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_pieces_agree_with_vertices_for_a_threshold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    game = market(
        ThresholdSurplus(float(rng.uniform(-0.3, 0.3)), frozen_floats(rng.uniform(-1, 2, 4))),
        rng.dirichlet(np.ones(4)).tolist(),
        0.2,
        0.5,
    )
    listed = positive_size.build(game, "listed", groups=vertices(game))
    assert solved(positive_size.build(game, "pieces")) == pytest.approx(solved(listed), abs=1e-9)


@pytest.mark.parametrize("name", ["ces", "function"])
def test_the_duals_of_one_composition_are_the_payoffs(name: str) -> None:
    game = SMALL[name]
    model = positive_size.build(game, "one_composition")
    welfare = solved(model, "ipopt")
    solution = solve_positive(game)
    assert solution.primal == pytest.approx(welfare, rel=1e-7)
    assert positive_size.payoffs_of(model) == pytest.approx(solution.imputation, rel=1e-6)


@pytest.mark.parametrize("solver", ["highs", "ipopt", "scip"])
def test_every_solver_finds_the_group_that_gains_most(solver: str) -> None:
    """At payoffs of 0 that is the recipe of value 1, and the largest group for the concave surplus."""
    model = positive_size.build(SMALL["recipes"], "most_gain_of_pieces", payoffs=[0.0, 0.0])
    assert solved(model, solver) == pytest.approx(1.0, abs=1e-6)
    if solver != "highs":
        model = positive_size.build(SMALL["ces"], "most_gain", payoffs=[0.0, 0.0])
        best = max(SMALL["ces"].form.values(np.array([[x, 0.4 - x] for x in np.linspace(0, 0.4, 4001)])))
        assert solved(model, solver) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_generated_groups_reach_the_vertices_of_a_convex_surplus(seed: int) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.uniform(-1, 2, (3, 3))
    matrix = factor @ factor.T
    masses = rng.dirichlet(np.ones(3) * 3).tolist()
    convex = market(QuadraticSurplus(frozen_floats(matrix)), masses, 0.2, 0.4)
    hidden = FunctionSurplus(lambda nu: sum(matrix[a, b] * nu[a] * nu[b] for a in range(3) for b in range(3)))
    found = solve_positive(dataclasses.replace(convex, form=hidden))
    assert (found.method, found.complete) == ("columns", True)
    assert found.primal == pytest.approx(solve_positive(convex).primal, abs=1e-6)


def test_convex_surplus_of_many_types_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    game = market(QuadraticSurplus(frozen_floats(np.eye(3))), [0.3, 0.3, 0.4], 0.3, 0.3)
    assert solve_positive(game).method == "vertices"
    monkeypatch.setattr(positive, "MOST_TYPES_OF_VERTICES", 2)
    solution = solve_positive(game)
    assert (solution.method, solution.complete) == ("columns", True)
    assert solution.primal == pytest.approx(solve_positive(game).primal, abs=1e-6)


def test_increasing_returns_without_a_closed_form() -> None:
    """Constant elasticity with degree 3/2: neither concave nor convex; here the largest groups of all are best."""
    game = market(CesSurplus(frozen_floats([1.0, 1.0]), 0.5, 1.5), [0.5, 0.5], 0.2, 0.4)
    solution = solve_positive(game)
    assert solution.complete
    assert solution.groups == pytest.approx(np.array([[0.2, 0.2]]), abs=1e-5)
    assert solution.primal == pytest.approx(2.5 * (2 * 0.2**0.5) ** 3, abs=1e-6)


def test_out_of_time_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Work, "out_of_time", lambda work: True)
    game = game_of("pos_bilinear")
    answer = positive_answer(game)
    assert (answer.certificate.holding, answer.certificate.claims["complete"]) == ("feasible point", False)
    welfare = answer.tables["welfare"].iloc[0]
    assert welfare["primal"] < 0.3 - 1e-3
    assert welfare["dual"] >= 0.3 - 1e-9
    assert answer.certificate.claims["verified"] is True


def test_without_any_bound_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positive_columns, "MOST_ROUNDS", 1)
    with pytest.raises(NumericalError, match="no bound was proven: raise time_limit"):
        solve_positive(game_of("pos_bilinear"))


# --- ranges of payoffs ------------------------------------------------------------------------------------------------


def test_the_range_of_a_reference_case() -> None:
    imputation = positive_answer(game_of("pos_convex_quad_0")).tables["imputation"]
    expected = np.array(CASES["pos_convex_quad_0"]["expected"]["u_range"])
    assert imputation[["payoff_min", "payoff_max"]].to_numpy() == pytest.approx(expected, abs=1e-9)


def test_payoffs_that_are_not_unique_have_their_range() -> None:
    """Per person, the pair of 0.1 + 0.1 yields 5 and the recipe for B alone 2.5: A can get 0 to 7.5 of the 10."""
    answer = positive_answer(SMALL["recipes"])
    imputation = answer.tables["imputation"].set_index("type")
    assert imputation.loc["A", ["payoff_min", "payoff_max"]].tolist() == pytest.approx([0.0, 7.5], abs=1e-8)
    assert imputation.loc["B", ["payoff_min", "payoff_max"]].tolist() == pytest.approx([2.5, 10.0], abs=1e-8)
    assert answer.certificate.claims["imputation_unique"] is False
    plain = positive_answer(SMALL["recipes"], HowToSolve(detail="none"))
    assert plain.tables["imputation"]["payoff_min"].isna().all()


def test_ranges_are_derivatives_of_the_welfare() -> None:
    """The groups permitted are held fixed, so that the market after a small change is served by the same ones."""
    game = SMALL["recipes"]
    solution = with_ranges(game, solve_positive(game))
    for i, step in ((0, 1e-4), (1, 1e-4)):
        change = np.zeros(2)
        change[i] = step
        model = positive_size.build(game, "pieces")
        before = solved(model)
        model.assigned[game.types.names[i]].set_value(
            pyo.quicksum(model.people[k, game.types.names[i]] for k in model.pieces) == 0.5 + step
        )
        assert (solved(model) - before) / step == pytest.approx(solution.least[i], abs=1e-6)


def test_payoffs_of_a_market_with_one_group_are_bounded_by_nothing() -> None:
    game = market(ThresholdSurplus(0.0, frozen_floats([1.0, 1.0])), [0.5, 0.5], 1.0, 1.0)
    solution = with_ranges(game, solve_positive(game))
    assert solution.least.tolist() == [-np.inf, -np.inf]
    assert solution.most.tolist() == [np.inf, np.inf]


# --- vertices, by definition ------------------------------------------------------------------------------------------


def test_the_vertices_of_a_market_of_three() -> None:
    game = market(QuadraticSurplus(frozen_floats(np.eye(3))), [0.2, 0.3, 0.5], 0.4, 0.5)
    found = {tuple(np.round(group, 12).tolist()) for group in vertices(game)}
    assert found == {
        *((0.2, 0.2, 0.0), (0.1, 0.3, 0.0), (0.2, 0.3, 0.0)),
        *((0.2, 0.0, 0.2), (0.2, 0.0, 0.3), (0.0, 0.3, 0.1), (0.0, 0.3, 0.2)),
        *((0.0, 0.0, 0.4), (0.0, 0.0, 0.5)),
    }
    with pytest.raises(ValueError, match="generate groups"):
        vertices(market(QuadraticSurplus(frozen_floats(np.eye(13))), [0.1] * 13, 0.4, 0.5))


# --- laws -------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(positive_size_games())
def test_answers_verify(game: PositiveSizeGame) -> None:
    answer = positive_answer(game)
    assert answer.certificate.claims["complete"] is True
    checks = verify_positive(game, answer.tables, answer.certificate.claims, 1e-9).checks
    assert checks[checks["failed"] > 0].empty, checks[checks["failed"] > 0].to_string()


@settings(max_examples=20, deadline=None)
@given(positive_size_games(("linear", "ces", "threshold", "quadratic")))
def test_twice_the_market_is_worth_twice_as_much_in_groups_twice_as_large(game: PositiveSizeGame) -> None:
    """With masses and sizes doubled and s(nu / 2) in place of s(nu), as many groups form, each twice as large."""
    solution = solve_positive(game)
    form = game.form
    half = FunctionSurplus(lambda nu: _value(form, [x / 2 for x in nu]), form.curvature)
    if form.curvature == "convex":
        half = _halved(form)
    types = dataclasses.replace(game.types, masses=frozen_floats(2 * game.types.masses))
    double = solve_positive(PositiveSizeGame(types, half, 2 * game.min_mass, 2 * game.max_mass))
    assert double.primal == pytest.approx(solution.primal, abs=1e-7 * max(1.0, abs(solution.primal)))


def _value(form: object, group: list[object]) -> object:
    return positive_size.surplus_expression(form, group)


def _halved(form: object) -> object:
    if isinstance(form, ThresholdSurplus):
        return ThresholdSurplus(form.intercept, frozen_floats(form.coefficients / 2))
    assert isinstance(form, QuadraticSurplus)
    return QuadraticSurplus(frozen_floats(form.matrix / 4))


# --- the models -------------------------------------------------------------------------------------------------------

GOLDEN = {
    "one_composition": ("ces", {}),
    "listed": ("quadratic", {"groups": np.array([[0.2, 0.0], [0.1, 0.2]])}),
    "pieces": ("recipes", {}),
    "most_gain": ("bilinear", {"payoffs": [1.0, 0.5]}),
    "most_gain_of_pieces": ("threshold", {"payoffs": [1.0, 0.5]}),
    "along": (
        "quadratic",
        {"groups": np.array([[0.2, 0.0]]), "formed": np.array([[0.1, 0.2]]), "direction": [1.0, 0.0]},
    ),
}


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("positive_size") == set(GOLDEN) == set(positive_size.FORMULATIONS)


@pytest.mark.parametrize("formulation", GOLDEN)
def test_a_formulation_prints_as_it_did(formulation: str) -> None:
    game, arguments = GOLDEN[formulation]
    model = positive_size.build(SMALL[game], formulation, **arguments)
    assert model_text(model) == golden_text("positive_size", formulation)


def test_every_component_says_what_it_is() -> None:
    for formulation, (game, arguments) in GOLDEN.items():
        model = positive_size.build(SMALL[game], formulation, **arguments)
        for component in model.component_objects((pyo.Set, pyo.Param, pyo.Var, pyo.Constraint, pyo.Objective)):
            assert component.doc or "_index" in component.name or "_domain" in component.name, component.name


@pytest.mark.parametrize(
    ("game", "formulation", "arguments", "message"),
    [
        ("ces", "best", {}, "unknown formulation 'best'"),
        ("ces", "listed", {}, "groups missing or out of place: 'listed' takes groups"),
        ("ces", "one_composition", {"payoffs": [0, 0]}, "takes no argument beyond the game"),
        ("ces", "pieces", {}, "a CesSurplus has no linear pieces: use 'one_composition'"),
        ("recipes", "most_gain", {"payoffs": [0, 0]}, "not smooth: use 'pieces'"),
        ("ces", "most_gain", {"payoffs": [0]}, "payoffs has 1 entries: give one for each of the 2 types"),
        ("ces", "listed", {"groups": np.array([0.2, 0.1])}, "a row of 2 amounts"),
        ("ces", "listed", {"groups": np.array([[0.1, 0.05]])}, r"not permitted: .* sizes 0.2 to 0.4"),
    ],
)
def test_wrong_arguments_are_refused(game: str, formulation: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        positive_size.build(SMALL[game], formulation, **arguments)


def test_payoffs_need_duals() -> None:
    with pytest.raises(ValueError, match="holds no duals of 'assigned'"):
        positive_size.payoffs_of(positive_size.build(SMALL["recipes"], "pieces"))
    with pytest.raises(ValueError, match="no finite derivatives"):
        positive_size.gradient(SMALL["ces"], np.array([0.0, 0.2]))


def test_the_gradient_is_that_of_the_closed_form() -> None:
    group = np.array([0.15, 0.1])
    assert positive_size.gradient(SMALL["bilinear"], group) == pytest.approx([0.2, 0.3], abs=1e-12)
    a, b = 0.15, 0.1
    expected = [0.5 * a**-0.5 * b**0.25, 0.25 * a**0.5 * b**-0.75]
    assert positive_size.gradient(SMALL["function"], group) == pytest.approx(expected, rel=1e-12)


# --- the surpluses ----------------------------------------------------------------------------------------------------


def test_values_by_hand() -> None:
    groups = np.array([[0.1, 0.2], [0.3, 0.0]])
    assert LinearSurplus(frozen_floats([1, 2])).values(groups).tolist() == pytest.approx([0.5, 0.3])
    assert CesSurplus(frozen_floats([1, 1]), 1.0, 2.0).values(groups).tolist() == pytest.approx([0.09, 0.09])
    assert CesSurplus(frozen_floats([1, 1]), -1.0).values(groups).tolist() == pytest.approx([0.2 / 3, 0.0])
    assert SMALL["quadratic"].form.values(groups).tolist() == pytest.approx([0.02 + 0.04 + 0.12, 0.18])
    assert SMALL["threshold"].form.values(groups).tolist() == pytest.approx([0.1, 0.2])
    assert SMALL["recipes"].form.values(groups).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("rho", "theta", "curvature"),
    [
        (0.5, 1, "concave"),
        (-1, 0.5, "concave"),
        (2, 1, "convex"),
        (2, 3, "convex"),
        (1, 1, "linear"),
        (0.5, 2, "neither"),
    ],
)
def test_the_curvature_of_constant_elasticity(rho: float, theta: float, curvature: str) -> None:
    assert CesSurplus(frozen_floats([1, 2]), rho, theta).curvature == curvature


def test_the_curvature_of_quadratic_forms() -> None:
    for matrix, curvature in ((np.eye(2), "convex"), (-np.eye(2), "concave"), (np.zeros((2, 2)), "linear")):
        assert QuadraticSurplus(frozen_floats(matrix)).curvature == curvature
    assert SMALL["bilinear"].form.curvature == "neither"


def test_games_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="0 < min_mass <= max_mass"):
        market(SMALL["ces"].form, [0.5, 0.5], 0.5, 0.4)
    with pytest.raises(ValueError, match=r"more than all 1\.0 people"):
        market(SMALL["ces"].form, [0.5, 0.5], 1.5, 2.0)
    with pytest.raises(ValueError, match="leave types without people out"):
        market(SMALL["ces"].form, [0.5, 0.0], 0.2, 0.4)
    with pytest.raises(ValueError, match="for 2 types, the market has 3"):
        market(SMALL["ces"].form, [0.5, 0.5, 0.5], 0.2, 0.4)
    with pytest.raises(ValueError, match="at least 0"):
        CesSurplus(frozen_floats([1, -1]), 0.5)
    with pytest.raises(ValueError, match="rho must not be 0"):
        CesSurplus(frozen_floats([1, 1]), 0.0)
    with pytest.raises(ValueError, match="symmetric"):
        QuadraticSurplus(frozen_floats([[0, 1], [0, 0]]))
    with pytest.raises(ValueError, match="at least 0"):
        RecipeSurplus(("a",), frozen_floats([[1, 1]]), frozen_floats([-1]))
    with pytest.raises(ValueError, match="one row of amounts"):
        RecipeSurplus(("a",), frozen_floats([[1, 1]]), frozen_floats([1, 2]))
    with pytest.raises(ValueError, match="return a finite number"):
        solve_positive(market(FunctionSurplus(lambda nu: float("nan"), "concave"), [0.5, 0.5], 0.2, 0.4))


def test_the_page_prints_what_it_says() -> None:
    pairs = run_page("positive_size")
    assert pairs
    for written, obtained in pairs:
        assert obtained == written
