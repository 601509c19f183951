"""The search for Lindahl outcomes, their prices, and tests at a point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from public_goods_cases import (
    SMOOTH,
    Case,
    ces_utilities,
    game_of,
    lindahl_point,
    log_utilities,
    pwl_utilities,
    random_game,
    random_utilities,
    reference_cases,
    rv_utilities,
    sqrt_utilities,
)

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import ExpressionUtilities, FormUtilities, Outcomes, Pieces, PublicGoodsGame, Terms
from breakaway.runners.public_goods.judge import by_descent
from breakaway.runners.public_goods.lindahl import (
    LindahlSearch,
    find_lindahl,
    is_lindahl,
    price_tables,
    zero_in_core,
)
from breakaway.runners.public_goods.prices import LindahlOutcome, stationary, strong_components
from breakaway.runners.public_goods.solution import Levels, rightmost_eigenvalue

CASES = reference_cases()
REFERENCE = {name: case for name, case in CASES.items() if case.expected.get("lindahl")}
NO_POSITIVE = "cannot improve on not acting at all"


def only(search: LindahlSearch) -> LindahlOutcome:
    """The one outcome found."""
    (outcome,) = search.found
    return outcome


def holds(game: PublicGoodsGame, outcome: LindahlOutcome) -> None:
    """Assert the definition: radial derivatives 0, J singular, budgets balance, payments go to their source."""
    a, jacobian = outcome.actions, game.utilities.smooth_jacobian(outcome.actions)
    sizes = np.abs(jacobian) @ a
    assert a.min() > 0
    assert (np.abs(jacobian @ a) <= 1e-14 * sizes).all()
    assert outcome.residual <= 1e-14
    assert abs(rightmost_eigenvalue(jacobian)) <= 1e-9 * np.abs(jacobian).max()
    assert outcome.weights is not None
    assert outcome.weights.min() > 0
    assert outcome.weights.sum() == pytest.approx(1.0)
    prices = outcome.prices
    assert (np.abs(prices @ a) <= 1e-13 * np.abs(prices) @ a).all()
    assert (np.abs(prices.sum(axis=0)) <= 1e-13 * np.abs(prices).sum(axis=0)).all()
    assert (prices[~np.eye(len(a), dtype=bool)] >= 0).all()


# --- the search ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFERENCE)
def test_reference(name: str) -> None:
    case: Case = REFERENCE[name]
    for method in ("newton", "model"):
        search = find_lindahl(case.game, method=method)
        assert only(search).actions == pytest.approx(case.expected["lindahl"], rel=1e-12)
        holds(case.game, only(search))
    assert search.unique is (None if "ces" in name else True)


@pytest.mark.parametrize("alpha", [[1.0, 1.0], [1.0, 2.0, 4.0], [0.5, 0.5, 3.0, 7.0, 20.0]])
def test_pollution_game_has_a_formula(alpha: list[float]) -> None:
    # u_i = Z - z_i^3 / (3 alpha_i^2): z_i = Z^(1/3) alpha_i^(2/3), Z = (sum of alpha_i^(2/3))^(3/2), u_i = 2 Z / 3
    parts = np.array(alpha) ** (2 / 3)
    total = parts.sum() ** 1.5
    game = game_of(rv_utilities(alpha))
    search = find_lindahl(game)
    assert only(search).actions == pytest.approx(total ** (1 / 3) * parts, rel=1e-14)
    assert game.utilities.values(only(search).actions) == pytest.approx(np.full(len(alpha), 2 * total / 3), rel=1e-13)
    # J_ij = 1 off the diagonal and 1 - Z / z_i on it, so that theta_i Z / z_i = 1 for weights of sum 1
    assert only(search).weights == pytest.approx(parts / parts.sum(), rel=1e-13)
    shares = only(search).shares
    for j, z in enumerate(only(search).actions):
        others = [shares[i, j] for i in range(len(alpha)) if i != j]
        expected = [parts[i] / (parts.sum() - parts[j]) for i in range(len(alpha)) if i != j]
        assert others == pytest.approx(expected, rel=1e-12)
        assert np.isnan(shares[j, j])
        assert z > 0


@pytest.mark.parametrize("family", SMOOTH)
def test_random_economies(family: str) -> None:
    found = 0
    for n, seed in [(2, s) for s in range(6)] + [(4, s) for s in range(6)] + [(30, 0)]:
        game = game_of(random_utilities(family, n, seed))
        search, fixed_point = find_lindahl(game), lindahl_point(game.utilities)
        if fixed_point is None:
            assert not search.found
            assert NO_POSITIVE in search.reason
            continue
        holds(game, only(search))
        assert only(search).actions == pytest.approx(fixed_point, rel=1e-8)
        found += 1
    assert found >= 10


@pytest.mark.parametrize("family", SMOOTH)
def test_lindahl_outcomes_are_in_the_core(family: str) -> None:
    for seed in range(4):
        game = game_of(random_utilities(family, 4, seed))
        for outcome in find_lindahl(game).found:
            assert by_descent(game, outcome.actions, Levels()).in_core is True
            assert by_descent(game, 1.05 * outcome.actions, Levels()).in_core is False


@pytest.mark.parametrize("family", SMOOTH)
def test_a_hundred_agents(family: str) -> None:
    game = game_of(random_utilities(family, 100, 1))
    holds(game, only(find_lindahl(game)))


def test_the_programme_and_newton_agree_at_thirty_agents() -> None:
    game = game_of(random_utilities("log", 30, 2))
    by_model, by_newton = (only(find_lindahl(game, method=method)).actions for method in ("model", "newton"))
    assert by_model == pytest.approx(by_newton, rel=1e-13)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(0.01, 100.0), min_size=3, max_size=3))
def test_scaling_utilities_changes_weights_alone(seed: int, scale: list[float]) -> None:
    plain = random_utilities("sqrt", 3, seed)
    terms = plain.terms
    rows = zip(terms.agent, terms.source, terms.form, terms.coefficient, terms.exponent, terms.shift, strict=True)
    scaled = Terms.of([(i, j, form, scale[i] * c, e, s) for i, j, form, c, e, s in rows])
    one, other = only(find_lindahl(game_of(plain))), only(find_lindahl(game_of(FormUtilities(3, scaled, plain.pieces))))
    assert other.actions == pytest.approx(one.actions, rel=1e-10)
    assert other.shares == pytest.approx(one.shares, rel=1e-8, nan_ok=True)
    assert other.weights * np.array(scale) / (other.weights @ scale) == pytest.approx(one.weights, rel=1e-8)


# --- none, several, not known ----------------------------------------------------------------------------------------


def test_where_zero_is_in_the_core_there_is_none() -> None:
    search = find_lindahl(CASES["PG-log3-zero-in-core"].game)
    assert search.found == ()
    assert search.reason == f"the agents {NO_POSITIVE}: s(J(0)) = -0.06362 among them"


def test_pieces_are_not_searched() -> None:
    search = find_lindahl(game_of(pwl_utilities([[[-1.0, 1.0]], [[1.0, -1.0]]], [[0.0], [0.0]])))
    assert search.found == ()
    assert "kinks" in search.reason


def test_agents_who_would_not_act_are_named() -> None:
    search = find_lindahl(CASES["PG-weak-externality-zero"].game)
    assert search.found == ()
    assert search.reason == f"3, who benefit from nobody else, {NO_POSITIVE}: s(J(0)) = -0.5 among them"


def test_bounds_that_are_too_tight() -> None:
    search = find_lindahl(game_of(rv_utilities([1.0, 8.0]), max_action=5.0))
    assert search.found == ()
    # Z^(1/3) = 5^(1/2) for parts 1 and 4
    assert search.reason == "actions are bounded too tightly: 2 would have to act at 8.94427, above max_action 5"
    assert only(find_lindahl(game_of(rv_utilities([1.0, 8.0]), max_action=9.0))).actions[1] == pytest.approx(80**0.5)


def test_improvement_without_end_has_none() -> None:
    rows = [(i, j, "linear", 1.0, 1.0, 0.0) for i in range(2) for j in range(2)] + [(0, 0, "quadratic", -1.0, 1.0, 0.0)]
    search = find_lindahl(game_of(FormUtilities(2, Terms.of(rows), Pieces.none(2))))
    assert search.found == ()
    assert search.reason.startswith("none was found")


def test_a_part_that_only_receives_has_no_prices() -> None:
    # Agents 1 and 2 benefit from each other; 3 benefits from 1, and nobody from 3.
    weights = [[0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    search = find_lindahl(game_of(log_utilities(weights, [1.0, 1.0, 1.0])))
    assert only(search).actions == pytest.approx([1.0, 1.0, 0.5])
    assert only(search).prices is None
    assert "There are no prices: 3 would pay for the actions of others, but nobody else benefits" in search.reason
    tables = price_tables(game_of(log_utilities(weights, [1.0] * 3)), search)
    assert list(tables["lindahl"].columns) == ["agent", "action", "utility"]
    assert len(tables["lindahl_prices"]) == 0


def test_parts_that_have_nothing_to_do_with_each_other_are_priced_apart() -> None:
    weights = [[0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 3.0]]
    game = game_of(log_utilities(weights, [1.0, 1.0, 1.0]))
    outcome = only(find_lindahl(game))
    assert outcome.actions == pytest.approx([1.0, 1.0, 2.0])
    holds(game, outcome)
    assert outcome.weights == pytest.approx([1 / 3] * 3)
    assert np.isnan(outcome.shares[:, 2]).all()  # nobody else pays for it


def test_ces_with_a_positive_exponent_is_proven_unique() -> None:
    weights, costs = [[0.3, 0.6], [0.5, 0.4]], [0.3, 0.2]
    assert find_lindahl(game_of(ces_utilities(weights, costs, 0.1, 0.5))).unique is True
    search = find_lindahl(game_of(ces_utilities(weights, costs, 0.1, -0.5)))
    assert search.unique is None
    assert search.reason == "8 further starts were tried and led to no other; whether there is one is not proven"


def linear_in_the_first(action: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "A": 2 * pyo.log(1 + action["B"]) - action["A"],
        "B": 2 * pyo.log(1 + action["A"]) - action["B"],
    }


def test_expressions() -> None:
    utilities = ExpressionUtilities(("A", "B"), linear_in_the_first)
    game = PublicGoodsGame(utilities.names, utilities, Outcomes.of({}, 2))
    search = find_lindahl(game)
    assert only(search).actions == pytest.approx([1.0, 1.0], rel=1e-12)  # 2 b / (1 + b) = a and the reverse
    assert search.unique is None
    holds(game, only(search))


def several(action: Mapping[str, Any]) -> dict[str, Any]:
    """J(a) a = 0 is a = K b exp(-3 b) and b = K a exp(-3 a) with K = e^2.5, which has cycles beside a = b = 2.5 / 3."""
    a, b = action["A"], action["B"]
    cost = 3.0 * math.exp(-2.5)
    return {"A": 1 - pyo.exp(-3 * b) - cost * a, "B": 1 - pyo.exp(-3 * a) - cost * b}


def test_several_outcomes_are_all_reported_and_repeatable() -> None:
    utilities = ExpressionUtilities(("A", "B"), several)
    game = PublicGoodsGame(utilities.names, utilities, Outcomes.of({}, 2))
    search, again = find_lindahl(game), find_lindahl(game)
    assert search.unique is False
    assert search.reason == "3 were found; there may be more"
    assert [o.actions.tolist() for o in search.found] == [o.actions.tolist() for o in again.found]
    assert [o.actions.sum() for o in search.found] == sorted((o.actions.sum() for o in search.found), reverse=True)
    for outcome in search.found:
        holds(game, outcome)
        a, b = outcome.actions
        assert a == pytest.approx(math.exp(2.5 - 3 * b) * b, rel=1e-10)
        assert by_descent(game, outcome.actions, Levels()).in_core is True
    assert any(outcome.actions == pytest.approx([2.5 / 3] * 2) for outcome in search.found)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="use one of newton, model"):
        find_lindahl(CASES["PG-log2-lindahl"].game, method="guess")


# --- tests at a point ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_is_lindahl(name: str) -> None:
    game = CASES[name].game
    assert is_lindahl(game, game.outcomes.actions[0]) is bool(CASES[name].expected.get("lindahl"))


def test_zero_and_edges_are_not_lindahl() -> None:
    game = CASES["PG-rv2-1-1-lindahl"].game
    assert is_lindahl(game, np.zeros(2)) is False
    assert is_lindahl(game, np.array([1.4, 0.0])) is False
    exact = np.full(2, 2.0**0.5)
    assert is_lindahl(game, exact * (1.0 + 1e-8)) is True
    assert is_lindahl(game, exact * (1.0 + 1e-4)) is False


def test_kinks_are_not_decided() -> None:
    slopes = [[[-1.0, 2.0], [-2.0, 1.0]], [[1.0, -1.0]]]
    game = game_of(pwl_utilities(slopes, [[0.0, 2.0], [0.0]]))
    assert is_lindahl(game, np.array([1.0, 1.0])) is None  # -a_1 + 2 a_2 = 1 and -2 a_1 + a_2 + 2 = 1: both active
    assert is_lindahl(game, np.array([0.5, 0.5])) is False
    flat = game_of(pwl_utilities([[[-1.0, 1.0]], [[1.0, -1.0]]], [[0.0], [0.0]]))
    assert is_lindahl(flat, np.array([3.0, 3.0])) is True


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not np.any(case.game.outcomes.actions)])
def test_zero_of_the_reference_cases(name: str) -> None:
    assert zero_in_core(CASES[name].game) is CASES[name].expected["in_core"]


@pytest.mark.parametrize("family", ["log", "sub", "rv", "ces", "pwl"])
def test_zero_in_core_agrees_with_the_descent(family: str) -> None:
    for n in (2, 3, 5):
        for seed in range(6):
            game = random_game(family, n, seed, max_action=50.0)
            assert zero_in_core(game) is by_descent(game, np.zeros(n), Levels()).in_core


def test_zero_near_the_boundary_is_not_decided() -> None:
    assert zero_in_core(game_of(log_utilities([[1.0, 1.0], [1.0, 1.0]], [2.0, 2.0]))) is None
    assert zero_in_core(game_of(log_utilities([[1.0, 1.0], [1.0, 1.0]], [2.1, 2.0]))) is True
    assert zero_in_core(game_of(log_utilities([[1.0, 1.0], [1.0, 1.0]], [1.9, 2.0]))) is False
    assert zero_in_core(game_of(sqrt_utilities([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0], 0.0))) is None


def test_zero_with_pieces_takes_the_worst_of_them() -> None:
    # With the first pieces together they improve; A's second piece, active at 0 too, forbids it.
    first, second = [[-1.0, 2.0]], [[-1.0, 2.0], [-1.0, 0.5]]
    other = [[2.0, -1.0]]
    assert zero_in_core(game_of(pwl_utilities([first, other], [[0.0], [0.0]]))) is False
    assert zero_in_core(game_of(pwl_utilities([second, other], [[0.0, 0.0], [0.0]]))) is None  # s = 0 exactly
    worse = [[-1.0, 2.0], [-1.0, 0.4]]
    assert zero_in_core(game_of(pwl_utilities([worse, other], [[0.0, 0.0], [0.0]]))) is True


# --- parts -----------------------------------------------------------------------------------------------------------


def test_stationary_weights_of_two_states() -> None:
    assert stationary(np.array([[0.0, 3.0], [1.0, 0.0]])) == pytest.approx([0.25, 0.75])
    assert stationary(np.array([[7.0]])).tolist() == [1.0]


def test_strong_components() -> None:
    jacobian = np.zeros((5, 5)) - np.eye(5)
    for i, j in [(0, 1), (1, 2), (2, 0), (3, 0), (4, 3)]:
        jacobian[i, j] = 1.0
    assert [members.tolist() for members in strong_components(jacobian)] == [[0, 1, 2], [3], [4]]


def chain(n: int) -> Floats:
    """Agent i benefits from i + 1 alone, the last from the first."""
    return np.roll(np.eye(n), 1, axis=1)


def test_a_long_cycle_is_one_component() -> None:
    for n in (2, 3, 17, 33):
        assert len(strong_components(chain(n))) == 1


def test_tables() -> None:
    game = CASES["PG-rv3-1-1-1-lindahl"].game
    tables = price_tables(game, find_lindahl(game))
    lindahl = tables["lindahl"].set_index("agent")
    assert lindahl["action"].tolist() == pytest.approx([3.0**0.5] * 3)
    assert lindahl.loc["2", ["share_1", "share_3"]].tolist() == pytest.approx([0.5, 0.5])
    assert np.isnan(lindahl.loc["2", "share_2"])
    prices = tables["lindahl_prices"]
    assert len(prices) == 9
    assert prices.groupby("source")["price"].sum().tolist() == pytest.approx([0.0] * 3)
    empty = price_tables(game, LindahlSearch((), "none", None))
    assert {name: list(frame.columns) for name, frame in empty.items()} == {
        "lindahl": ["agent", "action", "utility"],
        "lindahl_prices": ["agent", "source", "price", "share"],
    }
    assert all(len(frame) == 0 for frame in empty.values())
