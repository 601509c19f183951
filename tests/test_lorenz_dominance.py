"""The model of Lorenz dominance: a more equal unblocked division, or the proof that there is none."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from hypothesis import given, settings
from threat_cases import THREE_PAIRS, UNEVEN, WEIGHTED, as_game, block_problems

from breakaway.data.games import Players, Threat, ThreatGame, TotalWorth
from breakaway.models import lorenz_dominance
from breakaway.runners.dominance import more_equal_division
from breakaway.runners.egalitarian import most_equal_unblocked
from breakaway.runners.lorenz import majorizes
from breakaway.runners.minimal_bounds import minimal_bounds
from breakaway.runners.solvers import InfeasibleError, solve_model
from breakaway.runners.threat_game import block_problem

THREATS = (Threat("1+2", 3, (6.0, 5.0)), Threat("1+4", 9, (4.0, 6.0)), Threat("2+3+4", 14, (5.0, 1.0, 6.0)))
ELEVEN = ThreatGame(Players.of(4), TotalWorth(11.0), THREATS)


def test_by_hand() -> None:
    """Without threats, equal division gains 1, 2 for (3, 2, 1): the poorest 2 - 1, the two poorest 4 - 3."""
    game = ThreatGame(Players.of(3), TotalWorth(6.0), ())
    found = more_equal_division(game, (3.0, 2.0, 1.0), 1e-9)
    assert found.gain == pytest.approx(2.0, abs=1e-7)
    assert found.more_equal == pytest.approx((2.0, 2.0, 2.0), abs=1e-12)


def test_a_threat_limits_the_gain() -> None:
    """Player 1 alone can get 3 of 6: the others share the rest equally, and gain .5 for the poorest, 0 for the two."""
    game = ThreatGame(Players.of(3), TotalWorth(6.0), (Threat("1", 1, (3.0,)),))
    found = more_equal_division(game, (3.0, 2.0, 1.0), 1e-9)
    assert found.gain == pytest.approx(0.5, abs=1e-7)
    assert found.more_equal == pytest.approx((3.0, 1.5, 1.5), abs=1e-12)
    best = more_equal_division(game, found.more_equal, 1e-9)
    assert best.more_equal is None
    assert best.bound == pytest.approx(0.0, abs=1e-7)


def test_payoffs_are_compared_net_of_disagreement() -> None:
    game = ThreatGame(Players.of(2, None, (4.0, 0.0)), TotalWorth(6.0), ())
    assert more_equal_division(game, (5.0, 1.0), 1e-9).more_equal is None
    assert more_equal_division(game, (4.0, 2.0), 1e-9).more_equal == pytest.approx((5.0, 1.0))


def test_a_renaming_is_not_more_equal() -> None:
    for x in ((0.4, 0.4, 0.2), (0.4, 0.2, 0.4), (0.2, 0.4, 0.4)):
        assert more_equal_division(THREE_PAIRS, x, 1e-9).more_equal is None


def test_a_blocked_division_may_have_nothing_as_equal() -> None:
    game = replace(THREE_PAIRS, feasible=TotalWorth(0.9))
    assert more_equal_division(game, (0.3, 0.3, 0.3), 1e-9).gain is None
    with pytest.raises(InfeasibleError):
        solve_model(lorenz_dominance.build(game, (0.3, 0.3, 0.3)), solver="highs")


def test_one_player_has_no_rank() -> None:
    game = ThreatGame(Players.of(1), TotalWorth(2.0), ())
    assert more_equal_division(game, (2.0,), 1e-9).more_equal is None


def test_a_payoff_for_every_player() -> None:
    with pytest.raises(ValueError, match="2 payoffs for 4 players: give one for each player"):
        lorenz_dominance.build(ELEVEN, (5.0, 6.0))


@given(block_problems(most_players=4, most_threats=5))
@settings(max_examples=12, deadline=None)
def test_the_elements_of_the_enumeration_are_maximal(problem) -> None:
    game = as_game(problem)
    eps = float(block_problem(game).eps)
    for x in most_equal_unblocked(block_problem(game))[:4]:
        found = more_equal_division(game, x, eps)
        assert found.more_equal is None
        assert found.bound == pytest.approx(0.0, abs=1e-5)


def test_every_other_unblocked_division_is_outdone() -> None:
    """Random points of the boxes of three games: the model's witness is unblocked and more equal, if there is one."""
    draw = random.Random(4)
    for game in (ELEVEN, WEIGHTED, replace(UNEVEN, feasible=TotalWorth(15.0))):
        problem = block_problem(game)
        elements = most_equal_unblocked(problem)
        total, d = game.feasible.worth, np.array(game.players.disagreement)
        for corner in minimal_bounds(problem)[:5]:
            cuts = np.diff([0.0, *sorted(draw.random() for _ in corner[1:]), 1.0])
            x = np.array(corner) + cuts * (total - sum(corner))
            found = more_equal_division(game, x.tolist(), 1e-9)
            dominated = any(majorizes(np.array(e) - d, x - d, 1e-9) for e in elements)
            assert dominated == (found.more_equal is not None)
            if found.more_equal is not None:
                y = found.more_equal
                assert sum(y) == pytest.approx(total)
                assert majorizes(np.array(y) - d, x - d, 1e-9)
                for threat in game.threats:
                    inside = [i for i in range(len(y)) if threat.coalition >> i & 1]
                    assert any(y[i] >= asked - 1e-9 for i, asked in zip(inside, threat.payoffs, strict=True))


def golden_models() -> dict[str, pyo.ConcreteModel]:
    return {
        "weighted": lorenz_dominance.build(WEIGHTED, (5.0, 1.0, 2.0)),
        "pairs": lorenz_dominance.build(THREE_PAIRS, (0.4, 0.4, 0.2)),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("lorenz_dominance", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("lorenz_dominance") == set(golden_models())


def test_page() -> None:
    pairs = run_page("lorenz_dominance")
    assert len(pairs) >= 1
    for expected, found in pairs:
        assert found == expected
