"""Best answers of coalitions as Pyomo models, equilibria by best responses, worths without closed forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page

from breakaway.data.coalitions import parse_structure, structures
from breakaway.data.games import AbatementGame, CournotMarket, ExpressionGame, Players
from breakaway.models import abatement, best_response, cournot
from breakaway.runners.asking import HowToSolve
from breakaway.runners.best_response import (
    Iteration,
    choose,
    coalitional_equilibria,
    payoffs_of,
    solve_expression_game,
    worths_by_best_response,
)
from breakaway.runners.solvers import SolverOptions, UnboundedError, solve_model
from breakaway.runners.strategic_recursion import NoEquilibriumError
from breakaway.runners.viability import solve_viability

QUICK = Iteration(starts=1, certifying_starts=1, tolerance=1e-8)


def cournot_game(costs: tuple[float, ...], intercept: float) -> ExpressionGame:
    """Example 4 from payoffs alone: (A - Q - c_i) q_i."""
    players = Players.of(len(costs))
    cost = dict(zip(players.names, costs, strict=True))

    def profits(output: Mapping[str, Any]) -> dict[str, Any]:
        price = intercept - sum(output.values())
        return {firm: (price - cost[firm]) * output[firm] for firm in output}

    return ExpressionGame(players, dict.fromkeys(players.names, (0.0, intercept)), profits)


def abatement_game(scales: tuple[float, ...]) -> ExpressionGame:
    """Example 2 from payoffs alone: the sum of z less z_i^3 / (3 a_i^2)."""
    players = Players.of(len(scales))
    scale = dict(zip(players.names, scales, strict=True))

    def utilities(z: Mapping[str, Any]) -> dict[str, Any]:
        return {i: sum(z.values()) - z[i] ** 3 / (3 * scale[i] ** 2) for i in z}

    return ExpressionGame(players, dict.fromkeys(players.names, (0.0, None)), utilities)


# --- the model -----------------------------------------------------------------------------------------------------


def two_goods() -> ExpressionGame:
    """Two players, the second with two actions; a separable concave payoff with the greatest sum at 1, 2 and 3."""

    def payoffs(a: Mapping[str, Any]) -> dict[str, Any]:
        x, y = a["Ann"], a["Bob"]
        return {"Ann": 10 - (x - 1) ** 2 + y["work"], "Bob": 5 - (y["work"] - 1.5) ** 2 - (y["rest"] - 3) ** 2}

    return ExpressionGame(
        Players.of(("Ann", "Bob")), {"Ann": (0, 4), "Bob": {"work": (0, None), "rest": (None, 2.5)}}, payoffs
    )


def test_golden_text() -> None:
    assert golden_names("best_response") == {"member"}
    model = best_response.build(two_goods(), 2, {("Ann", ""): 1.0, ("Bob", "work"): 0.5, ("Bob", "rest"): 0.0})
    assert model_text(model) == golden_text("best_response", "member")


@pytest.mark.parametrize("solver", ["highs", "ipopt"])
def test_a_best_answer(solver: str) -> None:
    """Together they choose x = 1 and work = 2, where 1 - 2 (work - 1.5) = 0; rest is at its upper bound."""
    game = two_goods()
    start = dict.fromkeys(game.bounds(), 0.0)
    model = best_response.build(game, 3, start)
    outcome = solve_model(model, SolverOptions(solver=solver))
    assert outcome.is_optimal
    found = {key: pyo.value(action) for key, action in model.action.items()}
    assert found == pytest.approx({("Ann", ""): 1.0, ("Bob", "work"): 2.0, ("Bob", "rest"): 2.5}, abs=1e-6)
    assert outcome.objective == pytest.approx(10 + 2 + 5 - 0.25 - 0.25, abs=1e-6)


def test_given_actions_may_be_changed() -> None:
    """The best answer of firm 1 to q_2 is (8 - q_2) / 2 in the market with A = 10 and costs 2 and 3."""
    game = cournot_game((2.0, 3.0), 10.0)
    model = best_response.build(game, 1, {("1", ""): 0.0, ("2", ""): 0.0})
    for rival in (0.0, 2.0, 5.0):
        model.given["2", ""] = rival
        assert solve_model(model).is_optimal
        assert pyo.value(model.action["1", ""]) == pytest.approx((8 - rival) / 2, abs=1e-6)


def test_wrong_questions_are_refused() -> None:
    game = two_goods()
    with pytest.raises(ValueError, match=r"^4 is no coalition of the players Ann, Bob .*from 1 to 3\); read names"):
        best_response.build(game, 4, {})
    with pytest.raises(ValueError, match="the action of Ann, Bob rest has no value; give one for every action"):
        best_response.build(game, 1, {("Bob", "work"): 1.0})
    with pytest.raises(
        ValueError, match="actions must have an entry for each player and no other; the players are 1, 2"
    ):
        ExpressionGame(Players.of(2), {"1": (0, 1)}, lambda a: a)
    silent = ExpressionGame(Players.of(2), {"1": (0, 1), "2": (0, 1)}, lambda a: {"1": a["1"]})
    with pytest.raises(ValueError, match="gives no payoff of 2; return one for every player"):
        payoffs_of(silent, {("1", ""): 0.0, ("2", ""): 0.0})


# --- the paper's examples without their closed forms ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("costs", "intercept"), [((2.0, 3.0, 4.0), 10.0), ((1.0, 3.0, 5.0), 23.0), ((1.0, 1.0, 1.0), 10.0)], ids=str
)
def test_cournot(costs: tuple[float, ...], intercept: float) -> None:
    """Equation (27), and the map of structures, from the payoffs of firms alone."""
    market = CournotMarket(Players.of(len(costs)), costs, intercept)
    answer = solve_expression_game(cournot_game(costs, intercept), iteration=QUICK)
    assert_same_map(answer.tables, solve_viability(market).tables, 1e-6)
    for structure in structures(market.players.everyone):
        expected = cournot.closed_form_worths(market, [structure])[0]
        assert worths_of(answer.tables, market.players.structure_name(structure)) == pytest.approx(expected, abs=1e-6)
    claims = answer.certificate.claims
    assert claims["gain_proven"] is True
    assert abs(float(str(claims["largest_coalition_gain"]))) <= 1e-9 * intercept**2


def test_cournot_with_four_firms() -> None:
    market = CournotMarket(Players.of(4), (1.0, 2.0, 3.0, 4.0), 20.0)
    coarse = Iteration(starts=1, certifying_starts=1, tolerance=1e-6)
    answer = solve_expression_game(cournot_game(market.unit_cost, 20.0), iteration=coarse)
    assert_same_map(answer.tables, solve_viability(market).tables, 1e-3)


@pytest.mark.parametrize("scales", [(1.0, 2.0, 3.0), (1.0, 1.0, 6.0), (1.0, 2.0, 3.0, 4.0)], ids=str)
def test_abatement(scales: tuple[float, ...]) -> None:
    """Example 2 from utilities alone; every coalition has a dominant choice, so two rounds are enough."""
    game = AbatementGame(Players.of(len(scales)), scales)
    partition, equilibria = worths_by_best_response(abatement_game(scales), QUICK)
    assert {one.rounds for one in equilibria} == {2}
    for one in equilibria:
        expected = abatement.closed_form_worths(game, [one.structure])[0]
        assert one.worths == pytest.approx(expected, abs=1e-7)
        assert one.largest_gain <= 1e-8
        actions = [one.actions[name, ""] for name in game.players.names]
        assert actions == pytest.approx(abatement.closed_form_actions(game, one.structure), abs=1e-5)
    tolerant = HowToSolve(options=SolverOptions(tolerance=1e-8))
    assert_same_map(solve_viability(partition, tolerant).tables, solve_viability(game).tables, 1e-6)


def worths_of(tables: Mapping[str, pd.DataFrame], structure: str) -> list[float]:
    blocks = tables["blocks"]
    return [float(worth) for worth in blocks[blocks["structure"] == structure]["worth"]]


def assert_same_map(found: Mapping[str, pd.DataFrame], expected: Mapping[str, pd.DataFrame], allowed: float) -> None:
    """Compare verdicts, worths and payoffs structure by structure, whatever their order."""
    flags = ["structure", "viable", "coarsest", "efficient"]
    one, other = (t["structures"][flags].sort_values("structure").reset_index(drop=True) for t in (found, expected))
    pd.testing.assert_frame_equal(one, other)
    keys = ["structure", "coalition", "solution", "player"]
    for name, number, by in (("blocks", "worth", keys[:2]), ("payoffs", "payoff", keys)):
        mine, theirs = (t[name].sort_values([*by, number])[number].to_numpy(float) for t in (found, expected))
        assert mine == pytest.approx(theirs, abs=allowed)


def advertising() -> ExpressionGame:
    """Three equal firms choose output and advertising: profit (10 - Q + A / 2) q_i - a_i^2."""

    def profits(firm: Mapping[str, Any]) -> dict[str, Any]:
        margin = 10 - sum(own["q"] for own in firm.values()) + sum(own["a"] for own in firm.values()) / 2
        return {i: margin * own["q"] - own["a"] ** 2 for i, own in firm.items()}

    return ExpressionGame(Players.of(3), {name: {"q": (0, 10), "a": (0, 5)} for name in "123"}, profits)


def test_bounds_as_the_only_constraints_and_a_singular_hessian() -> None:
    """All together 10 Q - 13 Q^2 / 16 with a_i = Q / 4 is greatest at Q = 80 / 13: worth 400 / 13.

    Alone, a_i = q_i / 4 and 10 - 4 q + 3 q / 8 = 0: q = 80 / 29, worth 15 q^2 / 16.
    """
    for structure, worth in (((7,), 400 / 13), ((1, 2, 4), 15 / 16 * (80 / 29) ** 2)):
        (found,) = coalitional_equilibria(advertising(), structure, QUICK)
        assert found.worths == pytest.approx([worth] * len(structure), abs=1e-6)
        assert found.proven is True


# --- certificates, several equilibria, failures --------------------------------------------------------------------


def coordination() -> ExpressionGame:
    """Each player wants to match the other where it is cheap: equilibria at (0, 0) and (1, 1), with other worths."""

    def payoffs(a: Mapping[str, Any]) -> dict[str, Any]:
        x, y = a["1"], a["2"]
        return {"1": 2 * x * y - x**2 / 2 - 0.45 * x, "2": 2 * x * y - y**2 / 2 - 0.45 * y}

    return ExpressionGame(Players.of(2), {"1": (0, 1), "2": (0, 1)}, payoffs)


def test_several_starts_find_several_equilibria() -> None:
    game, apart = coordination(), parse_structure("1|2", ("1", "2"))
    found = coalitional_equilibria(game, apart, Iteration(starts=8))
    worths = sorted(one.worths for one in found)
    assert worths == [pytest.approx((0.0, 0.0), abs=1e-6), pytest.approx((1.05, 1.05), abs=1e-6)]
    with pytest.raises(NoEquilibriumError, match=r"^1\|2 has coalitional Nash equilibria with different worths: "):
        choose(game, found, "unique")
    assert choose(game, found, "largest-total").worths == pytest.approx((1.05, 1.05), abs=1e-6)
    assert choose(game, found, "first") is found[0]


def circling() -> ExpressionGame:
    """Player 1 wants to be where player 2 is, player 2 where player 1 is not: full steps go round in circles."""

    def payoffs(a: Mapping[str, Any]) -> dict[str, Any]:
        x, y = a["1"], a["2"]
        return {"1": -((x - y) ** 2), "2": -((y + x) ** 2)}

    return ExpressionGame(Players.of(2), {"1": (-1, 2), "2": (-2, 1)}, payoffs)


def test_damping_settles_what_goes_round_in_circles() -> None:
    apart = (1, 2)
    with pytest.raises(
        NoEquilibriumError, match=r"did not settle in 30 rounds .* set damping below 1, give more rounds"
    ):
        coalitional_equilibria(circling(), apart, Iteration(starts=1, rounds=30))
    (found,) = coalitional_equilibria(circling(), apart, Iteration(starts=1, damping=0.5))
    assert list(found.actions.values()) == pytest.approx([0.0, 0.0], abs=1e-3)
    assert found.largest_gain <= 1e-8


def two_hills() -> ExpressionGame:
    """One player whose payoff has a low hill near -1 and a high one near 1; the middle leads to either."""

    def payoffs(a: Mapping[str, Any]) -> dict[str, Any]:
        x = a["1"]
        return {"1": -((x**2 - 1) ** 2) + 0.3 * x}

    return ExpressionGame(Players.of(1), {"1": (-2.0, 1.6)}, payoffs)


def test_the_certificate_looks_for_gains_from_other_starts() -> None:
    """From the low hill, about (-0.96, -0.29), the gain is about 0.6."""
    (low,) = coalitional_equilibria(two_hills(), (1,), Iteration(starts=1, certifying_starts=8))
    if low.actions["1", ""] < 0:
        assert low.largest_gain == pytest.approx(0.6, abs=0.01)
    assert low.proven is False


def test_a_global_proof_by_scip() -> None:
    pytest.importorskip("pyscipopt")
    (found,) = coalitional_equilibria(two_hills(), (1,), Iteration(starts=1, certifying_starts=1, proof="global"))
    assert found.proven is True
    best = max(-((x**2 - 1) ** 2) + 0.3 * x for x in np.linspace(-2, 1.6, 20001))
    now = found.payoffs[0]
    assert found.largest_gain == pytest.approx(best - now, abs=1e-5)


def test_an_unbounded_answer_is_an_error() -> None:
    game = ExpressionGame(Players.of(1), {"1": (0, None)}, lambda a: {"1": a["1"]})
    with pytest.raises(UnboundedError):
        coalitional_equilibria(game, (1,))


@pytest.mark.parametrize("bad", [{"starts": 0}, {"damping": 0.0}, {"damping": 1.5}, {"rounds": 0}, {"proof": "total"}])
def test_settings_under_which_nothing_is_found_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be at least 1|write 'local' or 'global'"):
        Iteration(**bad)


def test_the_answer_has_actions_and_gains() -> None:
    answer = solve_expression_game(two_goods(), iteration=QUICK)
    actions = answer.tables["actions"].set_index(["structure", "player", "action"])["value"]
    assert actions["Ann|Bob", "Bob", "work"] == pytest.approx(1.5, abs=1e-6)
    assert actions["Ann+Bob", "Bob", "work"] == pytest.approx(2.0, abs=1e-6)
    gains = answer.tables["gains"]
    assert set(gains["coalition"]) == {"Ann", "Bob", "Ann+Bob"}
    assert math.isclose(gains["gain"].abs().max(), 0.0, abs_tol=1e-8)
    assert gains["proven"].all()


def test_programs_print_what_the_page_says() -> None:
    pairs = run_page("best_response")
    assert pairs
    for written, obtained in pairs:
        assert obtained == written
