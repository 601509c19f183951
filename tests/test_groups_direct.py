"""Stable assignments by one programme, the ranges of payoffs and groups, and what cannot be covered."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from application_cases import run_page
from group_cases import CASES, counts, game_of, padded, random_games, spread, surplus_by_definition

from breakaway.data.groups import (
    FiniteGroupGame,
    GroupArray,
    GroupGame,
    PairwiseGroupGame,
    SurplusFunctionGame,
    Types,
    all_groups,
    one_type_groups,
    payoff_within,
    permitted_count,
    surpluses,
)
from breakaway.data.instances import load_instance
from breakaway.models import group_welfare, imputation
from breakaway.runners.groups import direct
from breakaway.runners.groups.direct import lifted, residuals, solve_direct
from breakaway.runners.groups.exact import ExactProgram, fractions_of, solve_linear
from breakaway.runners.groups.program import ColumnProgram
from breakaway.runners.groups.ranges import (
    OptimalFace,
    group_order,
    group_ranges,
    payoff_ranges,
    tight_groups,
    welfare_derivative,
)
from breakaway.runners.solvers import InfeasibleError, LimitReachedError, SolverOptions, solve_model

FORBIDDEN_PAIRS = GroupGame(Types.of(["A", "B"], [1, 1]), padded([[0, 1]], 2), np.array([1.0]), 2, 2, "forbidden")


def everything_permitted(game: FiniteGroupGame) -> tuple[GroupArray, np.ndarray]:
    """Return all groups with their surpluses by definition; forbidden ones at minus infinity."""
    groups = all_groups(len(game.types), game.min_size, game.max_size)
    return groups, np.array([surplus_by_definition(game, group) for group in groups.tolist()])


# --- the direct programme ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["model", "highs"])
@pytest.mark.parametrize("name", CASES)
def test_reference(name: str, way: direct.Way) -> None:
    game, expected = game_of(name), CASES[name]["expected"]
    solution = solve_direct(game, way=way)
    assert solution.complete
    assert [solution.primal, solution.dual] == pytest.approx([expected["value"]] * 2, abs=1e-8)
    assert solution.groups_priced == expected["n_groups"]
    assert max(dataclasses.astuple(residuals(game, solution))) < 1e-8


@pytest.mark.parametrize("game", random_games(), ids=lambda game: type(game).__name__)
def test_stable_by_the_definition(game: FiniteGroupGame) -> None:
    solution = solve_direct(game)
    groups, surplus = everything_permitted(game)
    assert solution.groups_priced == len(groups)
    assert (counts(game, groups) @ solution.imputation - surplus).min() >= -1e-9
    own = np.array([surplus_by_definition(game, group) for group in solution.groups.tolist()])
    assert counts(game, solution.groups) @ solution.imputation == pytest.approx(own, abs=1e-8)
    assert counts(game, solution.groups).T @ solution.masses == pytest.approx(game.types.masses, abs=1e-9)
    assert solution.surplus == pytest.approx(own)


@pytest.mark.parametrize("game", random_games(5), ids=lambda game: type(game).__name__)
def test_model_and_arrays_agree(game: FiniteGroupGame) -> None:
    by_model, by_arrays = solve_direct(game, way="model"), solve_direct(game, way="highs")
    assert by_model.primal == pytest.approx(by_arrays.primal, abs=1e-8)
    by_ipopt = solve_direct(game, SolverOptions(solver="ipopt", tolerance=1e-8))
    assert by_ipopt.dual == pytest.approx(by_arrays.dual, abs=1e-5)


def test_payoffs_are_lifted_to_a_bound() -> None:
    game = game_of("random_08_I4_N2-3")
    groups, surplus = everything_permitted(game)
    rng = np.random.default_rng(1)
    for _ in range(20):
        u = lifted(game.types, groups, surplus, rng.uniform(-3, 15, 4))
        assert (counts(game, groups) @ u - surplus).min() >= -1e-12
        assert game.types.masses @ u >= CASES["random_08_I4_N2-3"]["expected"]["value"] - 1e-9


def test_growing_sizes_approach_a_value_that_none_attains() -> None:
    for most in (2, 5, 10, 40):
        groups = padded([[0] * n for n in range(2, most + 1)], most)
        game = GroupGame(Types.of(1, [1.0]), groups, np.arange(1.0, most), 1, most)
        solution = solve_direct(game)
        assert solution.primal == pytest.approx((most - 1) / most, abs=1e-9)
        assert solution.groups.shape == (1, most)


def test_unlisted_groups_of_a_large_table_need_no_columns() -> None:
    rng = np.random.default_rng(3)
    pairs = np.sort(rng.integers(0, 300, (2000, 4)), axis=1)
    groups = np.unique(pairs, axis=0).astype(np.int32)
    game = GroupGame(Types.of(300, rng.random(300) + 0.5), groups, rng.random(len(groups)), 1, 4)
    solution = solve_direct(game, way="highs")
    assert solution.groups_priced == permitted_count(game) == 348_881_875
    assert solution.complete
    assert solution.history[-1][3] == len(groups) + 300


def test_what_cannot_be_covered_is_named() -> None:
    uneven = dataclasses.replace(FORBIDDEN_PAIRS, types=Types.of(["A", "B"], [2, 1.25]))
    for way in ("model", "highs"):
        with pytest.raises(InfeasibleError, match=r"leave over at least 0\.75 people, such as 0\.75 of type 'A'; set"):
            solve_direct(uneven, way=way)
    nobody = dataclasses.replace(FORBIDDEN_PAIRS, types=Types.of(["A", "B", "C"], [1, 1, 0.5]))
    with pytest.raises(InfeasibleError, match=r"0\.5 of type 'C'"):
        solve_direct(nobody)


def test_limits() -> None:
    large = PairwiseGroupGame(Types.of(200, np.ones(200)), np.zeros(200), np.zeros((200, 200)), np.zeros(5), 1, 4)
    with pytest.raises(ValueError, match="one linear programme takes up to 5,000,000"):
        solve_direct(large)
    rng = np.random.default_rng(0)
    values = rng.random((60, 60))
    middle = PairwiseGroupGame(Types.of(60, np.ones(60)), np.zeros(60), values + values.T, np.zeros(4), 1, 3)
    with pytest.raises(LimitReachedError, match="raise time_limit"):
        solve_direct(middle, SolverOptions(time_limit=1e-4), way="highs")


# --- ranges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_ranges_of_payoffs_are_exact(name: str) -> None:
    game, expected = game_of(name), CASES[name]["expected"]
    face = OptimalFace(game, solve_direct(game))
    ranges = payoff_ranges(face)
    assert ranges.exact_value == Fraction(expected["value_exact"])
    assert ranges.exact_least == tuple(map(Fraction, expected["u_min"]))
    assert ranges.exact_most == tuple(map(Fraction, expected["u_max"]))
    assert ranges.unique == expected["u_unique"]
    for known in expected.get("directional_derivatives", []):
        assert welfare_derivative(face, known["d"]) == float(Fraction(known["value"]))
    groups, surplus = everything_permitted(game)
    assert (counts(game, groups) @ ranges.canonical - surplus).min() >= -1e-8
    assert game.types.masses @ ranges.canonical == pytest.approx(expected["value"], abs=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_ranges_of_groups_are_exact(name: str) -> None:
    game, expected = game_of(name), CASES[name]["expected"]
    ranges = group_ranges(OptimalFace(game, solve_direct(game)))
    order = group_order(ranges.groups)
    known = sorted(expected["groups_possible"], key=lambda entry: (len(entry["group"]), entry["group"]))
    assert ranges.groups[order].tolist() == padded([entry["group"] for entry in known], game.max_size).tolist()
    assert ranges.least[order] == pytest.approx([entry["tau_min"] for entry in known], abs=1e-9)
    assert ranges.most[order] == pytest.approx([entry["tau_max"] for entry in known], abs=1e-9)
    assert ranges.unique == expected["tau_unique"]
    assert ranges.exact_least is not None
    assert ranges.exact_most is not None
    assert [float(x) for x in ranges.exact_most] == ranges.most.tolist()


def test_derivatives_are_those_of_the_welfare() -> None:
    game = game_of("random_20_I8_N1-3")
    face = OptimalFace(game, solve_direct(game))
    rng = np.random.default_rng(5)
    for _ in range(5):
        d = rng.integers(-2, 3, 8).astype(float)
        moved = dataclasses.replace(game, types=Types.of(8, game.types.masses + 1e-6 * d))
        rate = (solve_direct(moved).primal - solve_direct(game).primal) / 1e-6
        assert welfare_derivative(face, d) == pytest.approx(rate, abs=1e-5)


@pytest.mark.parametrize("name", ["bipartite_4x4", "random_15_I6_N2-3", "sparse_01_I6_N1-4"])
def test_a_pricer_gives_the_ranges_of_all_groups(name: str) -> None:
    game = game_of(name)
    groups = all_groups(len(game.types), game.min_size, game.max_size)
    worth = surpluses(game, groups)
    calls = []

    def price(payoffs: np.ndarray) -> GroupArray:
        short = worth - payoff_within(groups, payoffs)
        calls.append(1)
        return groups[np.argsort(-short)[:2]][np.sort(-short)[:2] < -1e-9]

    solution = solve_direct(game)
    by_pricing, by_listing = (
        payoff_ranges(OptimalFace(game, solution, price)),
        payoff_ranges(OptimalFace(game, solution)),
    )
    assert calls
    assert by_pricing.exact_least is None
    assert by_pricing.least == pytest.approx(by_listing.least, abs=1e-8)
    assert by_pricing.most == pytest.approx(by_listing.most, abs=1e-8)
    assert by_pricing.canonical == pytest.approx(by_listing.canonical, abs=1e-6)


def test_the_most_equal_imputation_by_hand() -> None:
    # Adam and Fay halve their 8. Boaz and Gia would halve 6, Carl and Eva 2, but Boaz + Eva >= 7: from (5, 1, 0, 2),
    # raising Boaz and Carl by t changes the squares by 4 t + 4 t^2.
    game = load_instance("marriage").game
    ranges = payoff_ranges(OptimalFace(game, solve_direct(game)))
    assert ranges.exact_least == (3, 5, 0, 1, 3, 0)
    assert ranges.exact_most == (5, 6, 1, 2, 5, 1)
    assert ranges.canonical == pytest.approx([4, 5, 0, 2, 4, 1], abs=1e-7)
    assert ranges.canonical @ ranges.canonical == pytest.approx(62)


def test_splitting_a_type_does_not_change_the_most_equal_imputation() -> None:
    game = game_of("random_15_I6_N2-3")
    whole = payoff_ranges(OptimalFace(game, solve_direct(game)))
    first = surpluses(game, all_groups(6, 2, 3))
    twin = np.array([0, 1, 2, 3, 4, 5, 0])
    split = all_groups(7, 2, 3)
    known = {tuple(g): s for g, s in zip(all_groups(6, 2, 3).tolist(), first.tolist(), strict=True)}
    merged = [sorted(int(twin[i]) for i in group if i >= 0) for group in split.tolist()]
    surplus = np.array([known[tuple(group + [-1] * (3 - len(group)))] for group in merged])
    masses = game.types.masses.tolist()
    twins = GroupGame(Types.of(7, [masses[0] / 4, *masses[1:], 0.75 * masses[0]]), split, surplus, 2, 3)
    both = payoff_ranges(OptimalFace(twins, solve_direct(twins))).canonical
    assert both == pytest.approx([*whole.canonical, whole.canonical[0]], abs=1e-6)


def test_unbounded_payoffs_where_groups_are_forbidden() -> None:
    face = OptimalFace(FORBIDDEN_PAIRS, solve_direct(FORBIDDEN_PAIRS))
    ranges = payoff_ranges(face)
    assert ranges.least.tolist() == [-math.inf] * 2
    assert ranges.most.tolist() == [math.inf] * 2
    assert ranges.canonical == pytest.approx([0.5, 0.5])
    assert not ranges.unique
    assert welfare_derivative(face, [1, 0]) == -math.inf
    assert welfare_derivative(face, [1, 1]) == 1.0
    assert group_ranges(face).unique


def test_many_types_are_answered_in_floats() -> None:
    rng = np.random.default_rng(8)
    values = rng.random((20, 20))
    game = PairwiseGroupGame(Types.of(20, np.ones(20)), np.zeros(20), values + values.T, np.zeros(3), 1, 2)
    face = OptimalFace(game, solve_direct(game))
    ranges = payoff_ranges(face)
    assert ranges.exact_least is None
    assert (ranges.least <= ranges.canonical + 1e-9).all()
    assert (ranges.canonical <= ranges.most + 1e-9).all()
    assert len(group_ranges(face).groups) >= 10


def test_listed_groups_that_are_left_out_at_first_are_found() -> None:
    rng = np.random.default_rng(2)
    n = 30
    values = rng.integers(0, 4, (n, n)).astype(float)
    game = PairwiseGroupGame(Types.of(n, np.ones(n)), np.zeros(n), values + values.T, np.zeros(4), 1, 3)
    face = OptimalFace(game, solve_direct(game))
    assert len(face.groups) < len(face.known[0]) == permitted_count(game)
    ranges = payoff_ranges(face)
    groups, surplus = face.known
    assert not ranges.unique
    assert (payoff_within(groups, ranges.canonical) - surplus).min() >= -1e-7
    assert ranges.canonical.sum() == pytest.approx(face.solution.primal, abs=1e-7)
    i = int(np.argmax(ranges.most - ranges.least))
    for sign, end in ((1, ranges.least[i]), (-1, ranges.most[i])):
        model = imputation.build(game, "along", formed=face.solution.groups, direction={str(i): sign})
        assert sign * solve_model(model, solver="highs").objective == pytest.approx(end, abs=1e-7)


def test_too_much_to_list() -> None:
    idle = GroupGame(Types.of(30, np.ones(30)), padded([[0, 1]], 4), np.ones(1), 1, 4)
    face = OptimalFace(idle, solve_direct(idle))
    with pytest.raises(ValueError, match=r"28 types have payoff 0 and can be put into 35,959 groups"):
        tight_groups(face, np.array([0.5, 0.5, *[0.0] * 28]))
    large = PairwiseGroupGame(Types.of(200, np.ones(200)), np.zeros(200), np.zeros((200, 200)), np.zeros(4), 1, 3)
    solution = solve_direct(GroupGame(large.types, one_type_groups(large), np.zeros(200), 1, 3))
    with pytest.raises(ValueError, match="more than 200,000 groups: give a pricer"):
        OptimalFace(large, solution)


# --- fractions -----------------------------------------------------------------------------------------------------


def test_linear_systems_in_fractions() -> None:
    third = Fraction(1, 3)
    assert solve_linear([[Fraction(0), third], [Fraction(2), Fraction(1)]], [Fraction(1), Fraction(4)]) == [
        Fraction(1, 2),
        Fraction(3),
    ]
    assert solve_linear([[third, third], [third, third]], [Fraction(1), Fraction(1)]) is None


def test_a_basis_that_is_not_optimal_is_refused() -> None:
    game = game_of("ex2.4.2")
    groups = all_groups(3, 2, 3)
    surplus = surpluses(game, groups)
    program = ColumnProgram(game.types.masses)
    program.add(groups, surplus)
    found = program.solve()
    exact = ExactProgram(groups, fractions_of(surplus))
    optimum = exact.optimum(fractions_of(game.types.masses), found)
    assert optimum is not None
    assert optimum.value == 6
    better = surplus.copy()
    better[-1] = 100.0
    assert ExactProgram(groups, fractions_of(better)).optimum(fractions_of(game.types.masses), found) is None
    assert exact.optimum(fractions_of([1.0, 10.0, 1.0]), found) is None


def test_a_decimal_is_the_fraction_that_was_written() -> None:
    assert fractions_of([0.1, 2.0, 900.0833236913959]) == [
        Fraction(1, 10),
        Fraction(2),
        Fraction(9000833236913959, 10_000_000_000_000),
    ]


def test_surplus_functions_are_asked_by_size() -> None:
    game = SurplusFunctionGame(Types.of(3, [1, 1, 1]), spread, 1, 3)
    assert solve_direct(game).primal == pytest.approx(-solve_model(group_welfare.build(game)).objective)


def test_page() -> None:
    pairs = run_page("groups")
    assert len(pairs) == 2
    for expected, found in pairs:
        assert found == expected
