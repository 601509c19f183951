"""The Shapley value: all orders, coopgame, the axioms that characterise it, tampering."""

from __future__ import annotations

import time

import coopgame
import numpy as np
import pytest
from application_cases import run_page
from cli_calls import call
from core_games import (
    AIRPORT,
    CASES,
    GLOVES,
    RUNWAYS,
    ask,
    changed,
    failing,
    game_by,
    permutations_mean,
    random_game,
    scale,
    solved,
    theirs,
    voting,
)

from breakaway.data.coalitions import members
from breakaway.runners.concepts.shapley import shapley_value


def test_gloves() -> None:
    assert shapley_value(ask(GLOVES).worths) == pytest.approx((2 / 3, 1 / 6, 1 / 6), abs=1e-15)


def test_airport_by_the_formula_of_littlechild_and_owen() -> None:
    """Every stretch of runway is shared equally by those who need it."""
    shares, share, before = [], 0.0, 0.0
    for k, cost in enumerate(RUNWAYS):
        share += (cost - before) / (len(RUNWAYS) - k)
        before = cost
        shares.append(share)
    savings = [own - part for own, part in zip(RUNWAYS, shares, strict=True)]
    assert shapley_value(ask(AIRPORT).worths) == pytest.approx(savings, abs=1e-12)


def test_a_voting_game_of_shapley_and_shubik() -> None:
    """One vote of 2 against three of 1, majority 3: the large voter is pivotal in half of the orders."""
    assert shapley_value(ask(voting(3, (2, 1, 1, 1))).worths) == pytest.approx((1 / 2, 1 / 6, 1 / 6, 1 / 6), abs=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_literature_cases_agree_with_coopgame(name: str) -> None:
    found = shapley_value(ask(CASES[name]).worths)
    assert found == pytest.approx(coopgame.shapley(theirs(CASES[name])), abs=1e-12 * scale(CASES[name]))


@pytest.mark.parametrize("seed", range(60))
def test_random_games_agree_with_coopgame_and_all_orders(seed: int) -> None:
    game = random_game(seed)
    found = shapley_value(ask(game).worths)
    assert found == pytest.approx(coopgame.shapley(theirs(game)), abs=1e-12 * scale(game))
    assert found == pytest.approx(permutations_mean(game), abs=1e-12 * scale(game))
    assert sum(found) == pytest.approx(game.worths[game.players.everyone], abs=1e-12 * scale(game))


@pytest.mark.parametrize("seed", range(10))
def test_additive_and_nothing_for_null_players(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (np.array([0.0, *rng.normal(size=31)]) for _ in range(2))
    both = np.array(shapley_value(one)) + shapley_value(other)
    assert shapley_value(one + other) == pytest.approx(both, abs=1e-12)
    idle = np.array([one[s & 0b01111] for s in range(32)])
    assert shapley_value(idle)[4] == pytest.approx(0.0, abs=1e-15)


def test_sixteen_players_are_quick() -> None:
    """A game with a closed form: v(S) = (sum of a)^2, in which player i gets a_i times the sum of all."""
    a = np.arange(1.0, 17.0)
    worths = np.array([sum(a[i] for i in members(s)) ** 2 for s in range(1 << 16)])
    started = time.perf_counter()
    found = shapley_value(worths)
    assert time.perf_counter() - started < 5
    assert found == pytest.approx(a * a.sum(), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_verified_and_tampering_is_found(seed: int) -> None:
    game = random_game(seed)
    answer = solved(game, "shapley")
    assert failing(game, answer) == set()
    payoff = float(answer.tables["solutions"]["payoff"].iloc[0])
    wrong = changed(answer.tables["solutions"], 0, "payoff", payoff + 0.01 * scale(game))
    assert "shapley: marginal contributions to the potential" in failing(game, answer, solutions=wrong)


def test_one_player() -> None:
    game = game_by(1, lambda s: 7.0)
    assert shapley_value(ask(game).worths) == (7.0,)
    assert failing(game, solved(game, "shapley")) == set()


def test_solve_and_verify_at_the_command_line(tmp_path) -> None:
    run = str(tmp_path / "run")
    assert call("solve", "example-6", "--concept", "shapley", "--out", run).code == 0
    assert call("verify", run).code == 0
    undefined = call("solve", "example-4-singletons", "--concept", "shapley", "--json")
    assert undefined.json["tables"]["concepts"][0]["status"] == "undefined"


def test_page() -> None:
    pairs = run_page("shapley")
    assert len(pairs) >= 1
    for expected, found in pairs:
        assert found == expected
