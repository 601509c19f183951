"""The model of the required worth: the least total payoff that leaves an allocation unblocked."""

from __future__ import annotations

from dataclasses import replace

import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from hypothesis import given, settings
from threat_cases import CAPACITY, EXAMPLE_1, THREE_PAIRS, UNEVEN, WEIGHTED, as_game, block_problems, by_brute_force

from breakaway.data.games import Players, Threat, ThreatGame, TotalWorth
from breakaway.models import required_worth
from breakaway.runners.solvers import InfeasibleError, SolverOptions, solve_model

# By hand. Three pairs: two players get .4. Weighted: A takes 2 and B 4.2, or B takes 5; d_A = 0, d_B = 1; C takes 2.
# B alone meets both pairs with 5. Uneven: A takes 7 and D 6, or B 2, C 10 and D 1.
REQUIRED = {"three pairs": (THREE_PAIRS, 0.8), "weighted": (WEIGHTED, 7.0), "uneven": (UNEVEN, 13.0)}


@pytest.mark.parametrize("name", REQUIRED)
def test_by_hand(name: str) -> None:
    game, expected = REQUIRED[name]
    model = required_worth.build(game)
    outcome = solve_model(model, solver="highs")
    assert outcome.objective == pytest.approx(expected, abs=1e-9)
    assert sum(required_worth.chosen_levels(model).values()) == pytest.approx(expected, abs=1e-12)


def test_without_threats_disagreement_is_enough() -> None:
    game = ThreatGame(Players.of(2, None, (1.0, -3.0)), TotalWorth(5.0), ())
    assert solve_model(required_worth.build(game), solver="highs").objective == pytest.approx(-2.0)


def test_the_worth_plays_no_part() -> None:
    values = [
        solve_model(required_worth.build(replace(UNEVEN, feasible=TotalWorth(w))), solver="highs").objective
        for w in (0.0, 100.0)
    ]
    assert values[0] == values[1]


def test_identical_players_do_not_change_the_required_worth() -> None:
    model = required_worth.build(THREE_PAIRS, identical=[("1", "2"), ("2", "3")])
    assert solve_model(model, solver="highs").objective == pytest.approx(0.8, abs=1e-9)
    assert [pyo.value(model.payoff[i]) for i in model.players] == pytest.approx([0.0, 0.4, 0.4], abs=1e-9)


def test_give_up_lists_every_cheapest_choice() -> None:
    model = required_worth.build(THREE_PAIRS)
    seen = []
    for _ in range(3):
        assert solve_model(model, solver="highs").objective == pytest.approx(0.8, abs=1e-9)
        chosen = {i: level for i, level in required_worth.chosen_levels(model).items() if level > 0}
        seen.append(tuple(chosen))
        required_worth.give_up(model, chosen)
    assert sorted(seen) == [("1", "2"), ("1", "3"), ("2", "3")]
    with pytest.raises(InfeasibleError):
        solve_model(model, solver="highs")


@given(block_problems(most_threats=5))
@settings(max_examples=25, deadline=None)
def test_every_choice_of_members_by_brute_force(problem) -> None:
    expected, _, _ = by_brute_force(problem)
    outcome = solve_model(required_worth.build(as_game(problem)), SolverOptions(), solver="highs")
    assert outcome.objective == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("game", [CAPACITY, EXAMPLE_1], ids=["polyhedron", "points"])
def test_only_for_a_total_worth(game: ThreatGame) -> None:
    with pytest.raises(ValueError, match="required worth is defined for a total worth"):
        required_worth.build(game)


def test_two_threats_with_one_name() -> None:
    game = replace(THREE_PAIRS, threats=(Threat("t", 3, (1.0, 1.0)), Threat("t", 5, (1.0, 1.0))))
    with pytest.raises(ValueError, match="give every threat a name of its own"):
        required_worth.build(game)


def golden_models() -> dict[str, pyo.ConcreteModel]:
    models = {
        "weighted": required_worth.build(WEIGHTED),
        "identical": required_worth.build(THREE_PAIRS, identical=[("1", "2"), ("2", "3")]),
        "given_up": required_worth.build(THREE_PAIRS),
    }
    required_worth.give_up(models["given_up"], {"1": 0.4, "2": 0.4})
    return models


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("required_worth", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("required_worth") == set(golden_models())


def test_page() -> None:
    pairs = run_page("required_worth")
    assert len(pairs) >= 1
    for expected, found in pairs:
        assert found == expected
