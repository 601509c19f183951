"""Core membership by descent, and the answer made of it: reference cases, laws, limits, unbounded improvements."""

from __future__ import annotations

import math

import numpy as np
import pytest
from public_goods_cases import game_of, lindahl_point, pwl_utilities, random_game, random_utilities, reference_cases

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.public_goods import FormUtilities, Pieces, PublicGoodsGame, Terms
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.dispatch import solve_game
from breakaway.runners.public_goods.descent import descend, find_start, greatest_step
from breakaway.runners.public_goods.elimination import by_elimination
from breakaway.runners.public_goods.judge import by_descent, membership_path, preferred_outcome
from breakaway.runners.public_goods.solution import Levels, gains
from breakaway.runners.solvers import SolverOptions

CASES = reference_cases()
LEVELS = Levels()
FAMILIES = ("log", "sqrt", "rv", "sub", "ces", "pwl")


@pytest.mark.parametrize("bounded", [False, True], ids=["unbounded", "bounded"])
@pytest.mark.parametrize("name", CASES)
def test_descent_is_right_on_the_reference_cases(name: str, bounded: bool) -> None:
    case = reference_cases(bounded)[name]
    verdict = by_descent(case.game, case.game.outcomes.actions[0], Levels(case.eps))
    assert verdict.in_core is case.expected["in_core"]
    members = [i + 1 for i in verdict.coalition]
    assert members == (case.expected["max_deviating_coalition"] or [])
    if members:
        assert verdict.deviation is not None
        gained = gains(case.game, case.game.outcomes.actions[0], verdict.deviation)[list(verdict.coalition)]
        best = case.expected["maxmin_gain"][",".join(map(str, members))]
        assert gained.min() == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_answers_about_the_reference_cases_are_verified(name: str) -> None:
    answer = solve_game(CASES[name].game, HowToSolve(verify=True))
    assert answer.certificate.claims["verified"] is True
    row = answer.tables["membership"].iloc[0]
    assert row["in_core"] is CASES[name].expected["in_core"]
    assert row["lindahl"] is CASES[name].expected.get("is_lindahl", row["lindahl"])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.expected["in_core"]])
def test_the_preferred_outcome_by_halving_is_that_of_program_3(name: str) -> None:
    game, a = CASES[name].game, CASES[name].game.outcomes.actions[0]
    verdict = by_descent(game, a, LEVELS)
    found, _ = preferred_outcome(game, a, verdict.rounds[-1], LEVELS)
    members = list(verdict.coalition)
    assert verdict.deviation is not None
    by_model = gains(game, a, verdict.deviation)[members].min()
    assert gains(game, a, found)[members].min() == pytest.approx(by_model, abs=3e-7)


def test_a_step_by_hand() -> None:
    """-z1 + z2 / 2 >= -1 and z1 / 2 - z2 >= -1: both are met with equality at (2, 2), or at the bounds before."""
    jacobian = np.array([[-1.0, 0.5], [0.5, -1.0]])
    assert greatest_step(jacobian, np.array([-1.0, -1.0]), np.array([9.0, 9.0]))[0] == pytest.approx([2.0, 2.0])
    assert greatest_step(jacobian, np.array([-1.0, -1.0]), np.array([9.0, 1.0]))[0] == pytest.approx([1.5, 1.0])
    assert greatest_step(jacobian, np.array([0.0, 0.0]), np.array([9.0, 9.0]))[0] == pytest.approx([0.0, 0.0])


def test_steps_are_feasible_and_greatest() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        n = int(rng.integers(1, 8))
        jacobian = rng.uniform(0, 1, (n, n)) - np.diag(rng.uniform(0, n, n))
        short, upper = -rng.exponential(1.0, n), rng.exponential(2.0, n)
        z, _ = greatest_step(jacobian, short, upper)
        assert (z >= 0).all()
        assert (z <= upper).all()
        assert (jacobian @ z >= short - 1e-9).all()
        tight = (upper - z <= 1e-9) | (jacobian @ z - short <= 1e-9)
        assert tight.all()


# --- laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES[:5])
def test_lindahl_outcomes_are_in_the_core_by_the_path_of_one_step(family: str) -> None:
    for seed in range(6):
        utilities = random_utilities(family, 2 + seed % 4, seed)
        a = lindahl_point(utilities)
        if a is None:
            continue
        game = game_of(utilities, {"a": a})
        assert by_descent(game, a, LEVELS).in_core is True
        assert [point.tolist() for point in membership_path(game, a, LEVELS)] == [a.tolist(), [0.0] * len(a)]


@pytest.mark.parametrize("family", FAMILIES)
def test_deviations_are_closed_under_union(family: str) -> None:
    """Each single agent or pair that can deviate lies in the maximal coalition, and below its bounds."""
    game = random_game(family, 4, 1)
    for a in game.outcomes.actions:
        verdict = by_descent(game, a, LEVELS)
        for members in ([0], [1], [2], [3], [0, 1], [1, 2], [2, 3], [0, 3]):
            alone = np.zeros(4)
            alone[members] = find_start(game, a, LEVELS.high).point[members]
            end = descend(game, a, LEVELS.high, alone, LEVELS.band / 100).end
            inside = set(np.flatnonzero(end).tolist())
            assert inside <= set(verdict.coalition)
            if inside:
                assert (end <= verdict.rounds[-1] + 1e-6).all()


def scaled(utilities: FormUtilities, factors: Floats) -> FormUtilities:
    terms = utilities.terms
    rows = zip(terms.agent, terms.source, terms.form, terms.coefficient, terms.exponent, terms.shift, strict=True)
    return FormUtilities(
        utilities.agents,
        Terms.of([(int(i), int(j), form, c * factors[i], e, s) for i, j, form, c, e, s in rows]),
        utilities.pieces,
    )


def test_scaling_an_agents_utility_changes_nothing() -> None:
    factors = frozen_floats([3.0, 0.5, 20.0, 1.0])
    for seed in range(2):
        game = random_game("log", 4, seed)
        assert isinstance(game.utilities, FormUtilities)
        other = PublicGoodsGame(game.agents, scaled(game.utilities, factors), game.outcomes)
        for a in game.outcomes.actions:
            one, two = by_descent(game, a, Levels(1e-5)), by_descent(other, a, Levels(1e-5))
            if None not in (one.in_core, two.in_core):
                assert (one.in_core, one.coalition) == (two.in_core, two.coalition)


def test_an_outcome_nobody_leaves_is_not_left_when_the_least_gain_rises() -> None:
    game = random_game("sqrt", 5, 2)
    for a in game.outcomes.actions:
        coalitions = [set(by_descent(game, a, Levels(eps)).coalition) for eps in (1e-6, 1e-3, 1e-1)]
        assert coalitions[0] >= coalitions[1] >= coalitions[2]


# --- boundaries, limits, unbounded improvements ----------------------------------------------------------------------


def test_a_gain_of_just_the_least_gain_is_on_the_boundary() -> None:
    """u = 2 x - x^2 / 2 for one agent alone: its best is 2; at a the gain is 2 - u(a)."""
    terms = Terms.of([(0, 0, "linear", 2.0, 1, 0), (0, 0, "quadratic", -1.0, 1, 0)])
    utilities = FormUtilities(1, terms, Pieces.none(1))
    for factor, expected in ((0.5, True), (1.0, None), (1.5, False)):
        a = 2.0 - math.sqrt(2.0 * factor * LEVELS.eps)
        answer = solve_game(game_of(utilities, {"a": [a]}))
        row = answer.tables["membership"].iloc[0]
        assert row["in_core"] is expected
        assert row["status"] == {True: "in the core", False: "not in the core", None: "on the boundary"}[expected]
        assert answer.certificate.claims["verified"] is True


def test_improvements_without_limit_are_named_with_their_direction() -> None:
    """Two agents who pay 1 for what brings the other 2 gain ever more; the third has nothing to do with them."""
    utilities = pwl_utilities([[[-1.0, 2.0, 0.0]], [[2.0, -1.0, 0.0]], [[0.0, 0.0, -1.0]]], [[0.0], [0.0], [0.0]])
    game = game_of(utilities, {"a": [1.0, 1.0, 0.0]})
    answer = solve_game(game)
    row = answer.tables["membership"].iloc[0]
    assert row["in_core"] is False
    assert row["coalition"] == "1+2"
    assert answer.certificate.claims["unbounded"] == ["a"]
    assert (answer.tables["deviation"]["gain"] > 1e6).all()
    assert answer.certificate.claims["verified"] is True


def test_bounds_end_improvements_without_limit() -> None:
    utilities = pwl_utilities([[[-1.0, 2.0]], [[2.0, -1.0]]], [[0.0], [0.0]])
    top = game_of(utilities, {"a": [5.0, 5.0]}, 5.0)
    assert by_descent(top, np.array([5.0, 5.0]), LEVELS).in_core is True


def test_a_time_limit_leaves_the_outcomes_that_were_judged() -> None:
    game = random_game("log", 3, 0)
    with pytest.raises(UnfinishedError, match="the time limit of 1e-09 s was reached") as stopped:
        solve_game(game, HowToSolve(options=SolverOptions(time_limit=1e-9)))
    assert stopped.value.answer.tables["membership"].empty


@pytest.mark.parametrize("method", ["elimination", "brute-force"])
def test_other_methods_agree_and_are_proven_by_the_descent(method: str) -> None:
    game = CASES["PG-log4-pareto"].game
    answer = solve_game(game, HowToSolve(method=method))  # type: ignore[arg-type]
    assert answer.tables["membership"].iloc[0]["coalition"] == "1+2+3"
    assert answer.certificate.claims["verified"] is True
    assert not answer.tables["proof"].empty


def test_methods_of_other_games_are_refused() -> None:
    with pytest.raises(ValueError, match="method ordered is not for public goods"):
        solve_game(CASES["PG-log2-pareto"].game, HowToSolve(method="ordered"))
    with pytest.raises(ValueError, match="it must be greater than 0"):
        HowToSolve(least_gain=0.0)


def test_many_agents() -> None:
    """Dense benefits log(1 + sum of W_ij x_j) of 120 agents: the Lindahl outcome, and a bit more of it."""
    n = 120
    utilities = random_utilities("sub", n, 0)
    a = lindahl_point(utilities)
    assert a is not None
    game = game_of(utilities, {"lindahl": a, "more": 1.05 * a})
    assert by_descent(game, a, LEVELS).in_core is True
    verdict = by_descent(game, 1.05 * a, LEVELS)
    assert verdict.in_core is False
    assert verdict.deviation is not None
    assert (gains(game, 1.05 * a, verdict.deviation)[list(verdict.coalition)] > LEVELS.eps).all()


def test_a_start_is_not_sent_out_of_all_scale_where_slopes_balance() -> None:
    """With J = [[-1.8, 1.2], [0.3, -0.2]] far out, s(J) = 0: no finite move lowers everybody's gain."""
    game = game_of(random_utilities("pwl", 2, 7))
    verdict = by_descent(game, np.array([7.0 / 6.0, 0.0]), LEVELS)
    assert verdict.in_core is False
    assert verdict.coalition == (0,)
    assert verdict.rounds[0].max() < 10.0


@pytest.mark.parametrize(("family", "agents"), [("log", 3), ("sqrt", 4)])
def test_rounding_of_a_mover_does_not_stop_the_others(family: str, agents: int) -> None:
    """With externalities of 0 a mover can be just at its level, where its step is no more than rounding."""
    game = random_game(family, agents, 0, 0.5)
    a = game.outcomes.actions[game.outcomes.names.index("pareto-0")]
    verdict = by_descent(game, a, LEVELS)
    other = by_elimination(game, a, LEVELS, SolverOptions())
    assert (verdict.in_core, verdict.coalition) == (other.in_core, other.coalition)
    assert verdict.deviation is not None
    assert gains(game, a, verdict.deviation)[list(verdict.coalition)].min() > LEVELS.eps
