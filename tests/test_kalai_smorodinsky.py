"""The Kalai-Smorodinsky solution under threats: the models, and the solution by boxes against that by models."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from solution_cases import FIRMS, payoffs, random_total_games, solved, tampered
from threat_cases import CAPACITY, EXAMPLE_1, THREE_PAIRS, WEIGHTED

from breakaway.data.games import Players, Points, Threat, ThreatGame, TotalWorth
from breakaway.data.instances import load_instance
from breakaway.models import kalai_smorodinsky
from breakaway.runners.asking import HowToSolve
from breakaway.runners.comparison import solve_concepts
from breakaway.runners.concepts import Question
from breakaway.runners.concepts.ratios import fill_box, ideal_payoffs, lexicographic_best, ratios
from breakaway.runners.solvers import InfeasibleError, solve_model
from breakaway.runners.verify import verify_comparison

NAME = "kalai-smorodinsky"


# --- the models ----------------------------------------------------------------------------------------------------


def test_ideal_payoffs_and_ratio_by_hand() -> None:
    """Firm 1 asks for 9, firm 2 for 4: ideals 16 - 4, 16 - 9, 16 - 13; 7 of 7 + 3 are left for firms 2 and 3."""
    found = {}
    for player in FIRMS.players.names:
        outcome = solve_model(kalai_smorodinsky.build(FIRMS, "ideal_payoff", player=player), solver="highs")
        found[player] = outcome.objective
    assert found == pytest.approx({"1": 12.0, "2": 7.0, "3": 3.0}, abs=1e-7)
    model = kalai_smorodinsky.build(FIRMS, target={"1": 12.0, "2": 7.0, "3": 3.0})
    assert solve_model(model, solver="highs").objective == pytest.approx(0.7, abs=1e-7)
    assert kalai_smorodinsky.chosen_levels(model) == {"1": 9.0, "2": 4.0, "3": 0.0}


def test_a_cap_ends_the_ratio() -> None:
    model = kalai_smorodinsky.build(FIRMS, target={"1": 2.0, "2": 1.0, "3": 1.0}, cap=1.0)
    assert solve_model(model, solver="highs").objective == pytest.approx(1.0, abs=1e-9)


def test_players_whose_target_is_disagreement_have_no_ratio() -> None:
    model = kalai_smorodinsky.build(FIRMS, target={"1": 12.0, "2": 0.0, "3": 0.0})
    assert list(model.ratio_of_player) == ["1"]
    assert solve_model(model, solver="highs").objective == pytest.approx(1.0, abs=1e-7)


def test_everything_blocked_is_infeasible() -> None:
    with pytest.raises(InfeasibleError):
        solve_model(kalai_smorodinsky.build(replace(FIRMS, feasible=TotalWorth(12.0)), "ideal_payoff", player="1"))


def test_the_model_of_a_polyhedron_and_of_points() -> None:
    for game, top in ((CAPACITY, None), (EXAMPLE_1, 4.0)):
        player = game.players.names[-1]
        outcome = solve_model(kalai_smorodinsky.build(game, "ideal_payoff", player=player), solver="highs")
        assert outcome.is_optimal
        assert top is None or outcome.objective == pytest.approx(top, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs a target"),
        ({"formulation": "ideal_payoff"}, "needs a target and no player"),
        ({"formulation": "ideal_payoff", "player": "9"}, "players are 1, 2, 3"),
        ({"target": {"1": 1.0}}, "must name every player once: 1, 2, 3"),
        ({"target": {"1": 1.0, "2": -1.0, "3": 0.0}}, "'2', -1, is below disagreement, 0: raise it"),
        ({"target": {"1": 0.0, "2": 0.0, "3": 0.0}}, "raise it for at least one player"),
        ({"formulation": "nothing"}, "nothing"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        kalai_smorodinsky.build(FIRMS, **arguments)  # type: ignore[arg-type]


def golden_models() -> dict[str, pyo.ConcreteModel]:
    models = {
        "ideal_payoff": kalai_smorodinsky.build(WEIGHTED, "ideal_payoff", player="A"),
        "common_ratio": kalai_smorodinsky.build(WEIGHTED, target={"A": 5.0, "B": 1.0, "C": 4.0}, cap=1.0),
        "points": kalai_smorodinsky.build(EXAMPLE_1, target={"1": 3.0, "2": 3.0, "3": 4.0}),
        "given_up": kalai_smorodinsky.build(THREE_PAIRS, target={"1": 1.0, "2": 1.0, "3": 1.0}),
    }
    kalai_smorodinsky.give_up(models["given_up"], {"1": 0.4, "2": 0.4})
    return models


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("kalai_smorodinsky", name)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("kalai_smorodinsky") == set(golden_models())
    assert set(kalai_smorodinsky.FORMULATIONS) <= set(golden_models())


# --- the solution --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["exact", "model"])
def test_firms_by_hand(method: str) -> None:
    answer = solve_concepts(FIRMS, [NAME], HowToSolve(method=method))  # type: ignore[arg-type]
    assert payoffs(answer, NAME) == [pytest.approx((9.0, 4.9, 2.1), abs=1e-12)]
    assert answer.tables["ideal_payoffs"]["ideal_payoff"].tolist() == pytest.approx([12.0, 7.0, 3.0], abs=1e-12)
    assert answer.tables["concepts"]["value"].tolist() == pytest.approx([0.7], abs=1e-12)
    assert answer.certificate.claims["verified"] is True


def test_example_5_has_three_solutions() -> None:
    """Two players need 0.4 each of 1, and everybody's ideal is 0.6 or less: by symmetry the third has 0.2."""
    answer = solve_concepts(load_instance("example-5").game, [NAME])
    assert payoffs(answer, NAME) == [pytest.approx(x) for x in ((0.2, 0.4, 0.4), (0.4, 0.2, 0.4), (0.4, 0.4, 0.2))]


def test_without_threats_and_with_equal_reach_it_is_equal_division_of_the_surplus() -> None:
    game = ThreatGame(Players.of(3, None, (1.0, 0.0, -1.0)), TotalWorth(6.0), ())
    assert payoffs(solve_concepts(game, [NAME]), NAME) == [pytest.approx((3.0, 2.0, 1.0))]


def test_the_lexicographic_order_decides_beyond_the_smallest_ratio() -> None:
    """Ideals are (4, 4, 4); the first two points have the smallest ratio 1/4, and the second (1, 3, 4) has more."""
    rows = ((1.0, 2.0, 4.0), (1.0, 3.0, 4.0), (4.0, 4.0, 0.5), (4.0, 0.5, 3.0))
    game = ThreatGame(Players.of(3), Points(("p", "q", "r", "s"), rows), ())
    assert payoffs(solve_concepts(game, [NAME]), NAME) == [(1.0, 3.0, 4.0)]


def test_nothing_to_gain_and_nothing_unblocked() -> None:
    tight = ThreatGame(Players.of(2, None, (1.0, 2.0)), TotalWorth(3.0), ())
    answer = solve_concepts(tight, [NAME])
    assert payoffs(answer, NAME) == [(1.0, 2.0)]
    assert "nobody can be given more" in answer.tables["concepts"]["note"][0]
    blocked = replace(FIRMS, feasible=TotalWorth(12.0))
    for method in ("exact", "model"):
        answer = solve_concepts(blocked, [NAME], HowToSolve(method=method))  # type: ignore[arg-type]
        assert answer.tables["concepts"][["status", "note"]].values.tolist() == [
            ["empty", "every allocation is blocked"]
        ]


def test_a_polyhedron_is_refused_in_words() -> None:
    answer = solve_concepts(load_instance("polyhedron-3").game, [NAME])
    assert answer.tables["concepts"]["status"].tolist() == ["undefined"]
    assert "total worth or choose from a list of points" in answer.tables["concepts"]["note"][0]


@pytest.mark.parametrize("seed", range(8))
def test_models_agree_with_boxes_and_both_verify(seed: int) -> None:
    for game in random_total_games(3, seed):
        exact = solve_concepts(game, [NAME])
        model = solve_concepts(game, [NAME], HowToSolve(method="model"))
        assert exact.certificate.claims["verified"] is True
        assert model.certificate.claims["verified"] is True
        here, there = payoffs(exact, NAME), payoffs(model, NAME)
        assert len(here) == len(there)
        for x, y in zip(here, there, strict=True):
            assert x == pytest.approx(y, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_no_sampled_allocation_is_better(seed: int) -> None:
    """Draw unblocked allocations at random: none has better ratios, and none exceeds an ideal payoff."""
    rng = np.random.default_rng(seed)
    for game in random_total_games(8, 100 + seed):
        question = Question(game, HowToSolve())
        ideal = ideal_payoffs(question)
        if ideal is None or not payoffs(solved(game, NAME), NAME):
            continue
        best = np.array(payoffs(solved(game, NAME), NAME)[0])
        d, worth = np.array(game.players.disagreement), question.worth
        drawn = [d + share * (worth - d.sum()) for share in rng.dirichlet(np.ones(len(d)), 300)]
        free = [x for x in drawn if all(_declined(t, x) for t in game.threats)]
        for x in free:
            assert (x <= ideal + 1e-9).all()
        kept = lexicographic_best([best, *free], d, ideal, question.eps)
        assert any(np.array_equal(best, x) for x in kept)


def _declined(threat: Threat, x: np.ndarray) -> bool:
    inside = [i for i in range(len(x)) if threat.coalition >> i & 1]
    return any(x[i] >= y for i, y in zip(inside, threat.payoffs, strict=True))


def test_filling_a_box_with_bounds_and_players_without_a_way() -> None:
    lower, d, target = np.array([3.0, 0.0, 1.0]), np.zeros(3), np.array([4.0, 4.0, 0.0])
    assert fill_box(lower, d, target, 6.0, 1e-9).tolist() == pytest.approx([3.0, 2.0, 1.0])
    assert ratios(np.array([3.0, 2.0, 1.0]), d, target, 1e-9).tolist() == pytest.approx([0.5, 0.75])


@pytest.mark.parametrize(
    ("table", "column", "claim"),
    [
        ("solutions", "payoff", "only best allocations are listed"),
        ("ideal_payoffs", "ideal_payoff", "table ideal_payoffs: ideal_payoff"),
        ("concepts", "value", "smallest ratio"),
    ],
)
def test_a_changed_number_is_found(table: str, column: str, claim: str) -> None:
    answer = solve_concepts(FIRMS, [NAME])
    checks = verify_comparison(FIRMS, tampered(answer.tables, table, column, 0.01)).checks.set_index("claim")
    assert checks.at[f"{NAME}: {claim}", "failed"] > 0


def test_a_missing_solution_is_found() -> None:
    game = load_instance("example-5").game
    tables = dict(solve_concepts(game, [NAME]).tables)
    tables["solutions"] = tables["solutions"].query("solution != 2").replace({"solution": {3: 2}})
    tables["standing"] = tables["standing"].query("solution != 2").replace({"solution": {3: 2}})
    tables["concepts"] = tables["concepts"].assign(solutions=2)
    checks = verify_comparison(game, tables).checks.set_index("claim")
    assert checks.at[f"{NAME}: every best allocation is listed", "failed"] == 1


def test_random_points_verify() -> None:
    rng = random.Random(5)
    for _ in range(20):
        rows = tuple(tuple(float(rng.randint(0, 4)) for _ in range(3)) for _ in range(6))
        threat = Threat("t", 0b011, (float(rng.randint(0, 4)), float(rng.randint(0, 4))))
        game = ThreatGame(Players.of(3), Points(tuple("abcdef"), rows), (threat,))
        assert solved(game, NAME).certificate.claims["verified"] is True


def test_page() -> None:
    pairs = run_page("kalai_smorodinsky")
    assert len(pairs) == 1
    for expected, found in pairs:
        assert found == expected
