"""Division by Pyomo models: the same answers as the exact search, on every reference case and on random games."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from threat_cases import (
    CAPACITY,
    EPS,
    EXAMPLE_1,
    THREE_PAIRS,
    UNEVEN,
    WEIGHTED,
    assert_same_division,
    assert_same_payoffs,
    block_problems,
    by_brute_force,
    case_id,
    case_named,
    cases,
    game_of,
    mask,
    payoffs_of,
    sigma_by_recursion,
    verified,
)

from breakaway.data.games import Players, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.runners import model_division
from breakaway.runners.division import BlockProblem, Division, divide_exactly
from breakaway.runners.model_division import model_divider
from breakaway.runners.points import solve_points, unblocked_points
from breakaway.runners.solvers import LimitReachedError, NumericalError, SolverOptions, UnboundedError
from breakaway.runners.stepwise import Step
from breakaway.runners.threat_game import block_problem, game_scale, solve_general

BY_HIGHS = model_divider()
SCIP_SAMPLE = ["ex5", "ex6", "thm4_zero_product", "tie_nonpermutation"]
CHAIN_SAMPLE = ["ex5", "ex6", "tie_nonpermutation", "tu_rand_02_n3_size_con", "tu_rand_04_n4_size_eq"]
THREAT_CASES = cases("exogenous_tu")
TU_CASES = cases("tu_game")

MAJORITY = BlockProblem(
    (0, 1, 2), (1.0,) * 3, (0.0,) * 3, 1.0, [((i, 0.5), (j, 0.5)) for i, j in ((0, 1), (0, 2), (1, 2))], EPS
)
"""The worth just suffices for two of three players: three allocations of product zero."""


# --- reference cases -----------------------------------------------------------------------------------------------


def assert_solves(case: dict, division: Division) -> None:
    expected = case["expected"]
    assert division.viable == bool(expected["solutions"])
    assert_same_payoffs(payoffs_of(division), expected["solutions"])
    assert division.log_product == pytest.approx(expected["log_nash_value"], abs=1e-7)
    assert division.bound == pytest.approx(division.log_product, abs=1e-7)


@pytest.mark.parametrize("case", THREAT_CASES, ids=case_id)
def test_given_threats(case: dict) -> None:
    game = game_of(case)
    by_model, exactly = solve_general(game), divide_exactly(block_problem(game))
    assert_solves(case, by_model)
    assert_solves(case, exactly)
    assert_same_division(by_model, exactly)
    least = min(map(sum, case["expected"]["minimal_bounds"]))
    assert by_model.required == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("formulation", ["threshold", "disjunctive"])
@pytest.mark.parametrize("case", THREAT_CASES[::3], ids=case_id)
def test_given_threats_by_scip(case: dict, formulation: str) -> None:
    assert_solves(case, solve_general(game_of(case), solver="scip", formulation=formulation))


@pytest.mark.parametrize(("solver", "formulation"), [("highs", None), ("scip", None), ("scip", "disjunctive")])
def test_example_1_finite(solver: str, formulation: str | None) -> None:
    case = case_named("ex1_finite")
    division = solve_general(EXAMPLE_1, solver=solver, formulation=formulation)
    assert_solves(case, division)
    assert_same_division(division, solve_points(EXAMPLE_1, EPS))
    assert len(unblocked_points(EXAMPLE_1, EPS)) == len(case["expected"]["unblocked"])


def assert_sigma(case: dict, found: dict[int, Division]) -> None:
    for key, expected in case["expected"]["sigma"].items():
        assert_same_payoffs(payoffs_of(found[mask(key)]), expected)


@pytest.mark.parametrize("case", TU_CASES, ids=case_id)
def test_every_coalition_by_recursion(case: dict) -> None:
    exactly, by_model = sigma_by_recursion(case, divide_exactly), sigma_by_recursion(case, BY_HIGHS)
    assert_sigma(case, exactly)
    assert_sigma(case, by_model)
    for coalition, division in by_model.items():
        assert_same_division(division, exactly[coalition])


@pytest.mark.parametrize("name", SCIP_SAMPLE)
def test_every_coalition_by_scip(name: str) -> None:
    case = case_named(name)
    assert_sigma(case, sigma_by_recursion(case, model_divider(solver="scip")))


@pytest.mark.parametrize("name", CHAIN_SAMPLE)
def test_every_coalition_by_chain_flow(name: str) -> None:
    """Threats of coalitions that are held back are not proportional; those blocks go to the default formulation."""
    case = case_named(name)
    flow = model_divider(formulation="chain_flow")
    flowed = []

    def divide(problem: BlockProblem) -> Division:
        try:
            division = flow(problem)
        except ValueError:
            return BY_HIGHS(problem)
        flowed.append(division)
        return division

    assert_sigma(case, sigma_by_recursion(case, divide))
    assert len(flowed) > 2


@pytest.mark.parametrize("name", ["ex5", "thm4_zero_product", "tu_rand_06_n4_sparse_inc"])
def test_fractions_stay_exact(name: str) -> None:
    case = case_named(name)
    found = sigma_by_recursion(case, BY_HIGHS, lambda x: Fraction(repr(x)), Fraction(0))
    exactly = sigma_by_recursion(case, divide_exactly, lambda x: Fraction(repr(x)), Fraction(0))
    assert_sigma(case, found)
    for coalition, division in found.items():
        assert division.required == exactly[coalition].required
        assert division.solutions == exactly[coalition].solutions


# --- random games --------------------------------------------------------------------------------------------------


@given(block_problems())
@settings(max_examples=50, deadline=None)
def test_model_and_exact_search_agree(problem: BlockProblem) -> None:
    assert_same_division(BY_HIGHS(problem), divide_exactly(problem))


@given(block_problems(most_players=3, most_threats=3))
@settings(max_examples=5, deadline=None)
def test_scip_and_exact_search_agree(problem: BlockProblem) -> None:
    assert_same_division(model_divider(solver="scip")(problem), divide_exactly(problem))


@given(block_problems(most_threats=4))
@settings(max_examples=25, deadline=None)
def test_model_and_brute_force_agree(problem: BlockProblem) -> None:
    required, solutions, best = by_brute_force(problem)
    division = BY_HIGHS(problem)
    assert float(division.required) == pytest.approx(required, abs=1e-7)
    assert_same_payoffs(payoffs_of(division), solutions)
    assert division.log_product == pytest.approx(best, abs=1e-7)


@given(block_problems(most_threats=5))
@settings(max_examples=12, deadline=None)
def test_scale_and_unit_do_not_matter(problem: BlockProblem) -> None:
    """Payoffs in millionths or in millions: tolerances follow the scale of the game."""
    plain = BY_HIGHS(problem)
    for unit in (1e-6, 1e6):
        scaled = replace(
            problem,
            disagreement=[d * unit for d in problem.disagreement],
            worth=problem.worth * unit,
            clauses=[tuple((i, y * unit) for i, y in clause) for clause in problem.clauses],
            eps=problem.eps * unit,
        )
        division = BY_HIGHS(scaled)
        assert division.viable == plain.viable
        assert_same_payoffs([[y / unit for y in x] for x in payoffs_of(division)], payoffs_of(plain))


# --- the worth just suffices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["highs", "scip"])
def test_product_zero_lists_the_whole_unblocked_set(solver: str) -> None:
    division = model_divider(solver=solver)(MAJORITY)
    assert division.zero_product
    assert division.required == 1.0
    assert_same_payoffs(payoffs_of(division), [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    assert division.log_product == division.bound == -math.inf
    assert_same_division(division, divide_exactly(MAJORITY))


def test_no_slack_with_a_positive_product() -> None:
    clauses = [((0, 1.0),), ((1, 2.0),), ((0, 3.0), (1, 4.0))]
    problem = BlockProblem((0, 1), (1.0, 1.0), (0.0, 0.0), 5.0, clauses, EPS)
    division = BY_HIGHS(problem)
    assert not division.zero_product
    assert payoffs_of(division) in ([[1.0, 4.0]], [[3.0, 2.0]])
    assert payoffs_of(division) == [[3.0, 2.0]], "6 beats 4"
    assert_same_division(division, divide_exactly(problem))


@pytest.mark.parametrize("slack", [-1e-3, -1e-7, 0.0, 1e-7, 1e-5, 1e-3])
def test_near_the_knife_edge(slack: float) -> None:
    problem = replace(MAJORITY, worth=1.0 + slack)
    division = BY_HIGHS(problem)
    assert division.viable == (slack >= 0)
    assert division.required == 1.0
    assert_same_division(division, divide_exactly(problem))


# --- identical players ---------------------------------------------------------------------------------------------


def test_a_chain_of_identical_players_gives_one_solution_for_all_renamings() -> None:
    problem = replace(MAJORITY, worth=1.2, clauses=[((0, 0.5), (1, 0.5))], follower=(1, 2, -1))
    division = BY_HIGHS(problem)
    assert_same_payoffs(payoffs_of(division), [[0.2, 0.5, 0.5]])
    assert_same_division(division, divide_exactly(problem))


# --- what a run records, limits, errors ----------------------------------------------------------------------------


def test_journal_has_ipopt_beside_the_closed_form() -> None:
    steps: list[Step] = []
    solve_general(THREE_PAIRS, journal=steps.append)
    assert {step.phase for step in steps} == {"required worth", "division"}
    division = [step for step in steps if step.phase == "division"]
    assert len(division) >= 3, "three maximisers are three optima"
    for step in division:
        assert step.bound >= step.value - 1e-7
        assert step.nlp_value == pytest.approx(step.value, abs=1e-6)


def test_divider_travels_to_worker_processes() -> None:
    divide = pickle.loads(pickle.dumps(BY_HIGHS))
    assert_same_division(divide(MAJORITY), BY_HIGHS(MAJORITY))


def test_no_time_at_all_is_a_limit() -> None:
    with pytest.raises(LimitReachedError, match="raise time_limit") as caught:
        solve_general(THREE_PAIRS, SolverOptions(time_limit=1e-9))
    assert caught.value.outcome is not None
    assert caught.value.outcome.objective is None
    assert caught.value.outcome.bound == math.inf


def test_limit_after_the_first_optimum_carries_value_and_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    options = SolverOptions(time_limit=100.0)
    count = 0
    solve = model_division.Clock.solve

    def late(clock: model_division.Clock, model: object, solver: str, *known: float) -> object:
        nonlocal count
        count += 1
        if count > 3:  # required worth, division, its check by Ipopt
            clock.started -= 1000.0
        return solve(clock, model, solver, *known)

    monkeypatch.setattr(model_division.Clock, "solve", late)
    with pytest.raises(LimitReachedError) as caught:
        solve_general(THREE_PAIRS, options)
    best = math.log(0.2 * 0.4 * 0.4)
    assert caught.value.outcome is not None
    assert caught.value.outcome.objective == pytest.approx(best, abs=1e-9)
    assert caught.value.outcome.bound >= best - 1e-9
    assert caught.value.outcome.bound < 0.0


def test_ipopt_that_disagrees_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_division, "AGREEMENT", -1.0)
    with pytest.raises(NumericalError, match="Ipopt gives the log product"):
        solve_general(THREE_PAIRS)


def test_a_solver_that_pyomo_knows_by_name_divides_after_a_probe() -> None:
    """Pyomo's other interface to HiGHS is not in the table of solvers; its probe shows a MILP solver with a bound."""
    assert model_division.formulations_of("appsi_highs") == model_division.FORMULATIONS_OF["highs"]
    by_name, known = solve_general(THREE_PAIRS, solver="appsi_highs"), solve_general(THREE_PAIRS)
    assert by_name.log_product == pytest.approx(known.log_product, abs=1e-9)
    assert len(by_name.solutions) == len(known.solutions)


@pytest.mark.parametrize(
    ("solver", "formulation", "message"),
    [
        ("ipopt", None, "solver 'ipopt' cannot divide: ipopt is not meant for MILP; choose one of highs, scip"),
        ("highs", "threshold", "choose one of 'outer_approximation', 'chain_flow'"),
        ("scip", "chain_flow", "choose one of 'threshold', 'disjunctive'"),
    ],
)
def test_solver_and_formulation_must_fit(solver: str, formulation: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_divider(solver=solver, formulation=formulation)
    with pytest.raises(ValueError, match=message):
        solve_general(THREE_PAIRS, solver=solver, formulation=formulation)


# --- points --------------------------------------------------------------------------------------------------------


def random_points(seed: int) -> ThreatGame:
    rng = np.random.default_rng(seed)
    n, count = int(rng.integers(2, 5)), int(rng.integers(1, 12))
    d = tuple(map(float, rng.integers(0, 2, n)))
    points = tuple(tuple(map(float, row)) for row in rng.integers(0, 7, (count, n)))
    threats = []
    for k in range(int(rng.integers(0, 5))):
        coalition = int(rng.integers(1, 2**n - 1))
        threats.append(Threat(f"t{k}", coalition, tuple(map(float, rng.integers(0, 6, coalition.bit_count())))))
    return ThreatGame(Players.of(n, None, d), Points(tuple(f"p{k}" for k in range(count)), points), tuple(threats))


@pytest.mark.parametrize("seed", range(40))
def test_points_by_model_and_by_enumeration(seed: int) -> None:
    game = random_points(seed)
    division = solve_points(game, EPS * game_scale(game))
    assert_same_division(solve_general(game), division)
    assert verified(game, division).passed


def test_points_that_a_threat_exceeds_within_the_tolerance_are_unblocked() -> None:
    game = ThreatGame(Players.of(2), Points(("p",), ((1.0, 2.0),)), (Threat("t", 1, (1.0 + 1e-10,)),))
    assert solve_general(game).viable
    assert solve_points(game, 1e-9).viable
    harder = replace(game, threats=(Threat("t", 1, (1.0 + 1e-6,)),))
    assert not solve_general(harder).viable
    assert not solve_points(harder, 1e-9).viable


def test_points_below_disagreement_are_not_feasible() -> None:
    game = ThreatGame(Players.of(2, None, (1.0, 1.0)), Points(("p", "q"), ((0.5, 9.0), (2.0, 2.0))), ())
    assert payoffs_of(solve_general(game)) == [[2.0, 2.0]]
    assert not solve_general(replace(game, feasible=Points(("p",), ((0.5, 9.0),)))).viable


def test_enumeration_is_for_points() -> None:
    with pytest.raises(ValueError, match="not a list of points"):
        solve_points(THREE_PAIRS, EPS)


# --- polyhedra -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("solver", "formulation"), [("highs", None), ("scip", None), ("scip", "disjunctive")])
def test_capacities(solver: str, formulation: str | None) -> None:
    division = solve_general(CAPACITY, solver=solver, formulation=formulation)
    assert division.complete
    assert division.viable
    assert len(division.solutions) == 1
    checked = verified(CAPACITY, division)
    assert checked.passed, checked.checks


@pytest.mark.parametrize("game", [THREE_PAIRS, WEIGHTED, UNEVEN], ids=["three pairs", "weighted", "uneven"])
def test_a_total_worth_written_as_a_polyhedron(game: ThreatGame) -> None:
    n = len(game.players)
    rows = Polyhedron(("total",), ((1.0,) * n,), (game.feasible.worth,))
    division = solve_general(replace(game, feasible=rows))
    exactly = divide_exactly(block_problem(game))
    assert division.complete
    assert_same_payoffs(payoffs_of(division), payoffs_of(exactly), 1e-6)
    assert division.log_product == pytest.approx(exactly.log_product, abs=1e-6)
    assert math.isnan(division.required)


def test_polyhedron_in_which_nothing_is_unblocked() -> None:
    division = solve_general(replace(CAPACITY, threats=(Threat("t", 1, (11.0,)),)))
    assert not division.viable
    assert division.solutions == ()


def test_polyhedron_of_product_zero_is_not_complete() -> None:
    rows = Polyhedron(("total", "nothing-for-1"), ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)), (4.0, 0.0))
    game = ThreatGame(Players.of(3), rows, (Threat("t", 2, (1.0,)),))
    division = solve_general(game)
    assert division.viable
    assert division.zero_product
    assert not division.complete
    (solution,) = payoffs_of(division)
    assert solution[0] == pytest.approx(0.0, abs=1e-9)
    assert solution[1] >= 1.0 - 1e-9
    assert sum(solution) <= 4.0 + 1e-9


def test_polyhedron_without_a_bound() -> None:
    rows = Polyhedron(("only-1",), ((1.0, 0.0),), (5.0,))
    with pytest.raises(UnboundedError, match="add rows that bound every payoff"):
        solve_general(ThreatGame(Players.of(2), rows, (Threat("t", 1, (1.0,)),)))


def test_block_problem_is_for_a_total_worth() -> None:
    with pytest.raises(ValueError, match="use solve_general"):
        block_problem(CAPACITY)


def test_scale_of_a_game() -> None:
    assert game_scale(THREE_PAIRS) == 1.0
    assert game_scale(EXAMPLE_1) == 6.0
    assert game_scale(ThreatGame(Players.of(2), TotalWorth(0.0), ())) == 1.0
