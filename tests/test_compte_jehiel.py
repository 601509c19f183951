"""The Nash product over the core: by hand, by vertices and random divisions, weak duality, tampering."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from cli_calls import call
from core_games import (
    BANKRUPTCY,
    COUNCIL,
    EXAMPLE_5,
    EXAMPLE_6,
    GLOVES,
    ask,
    changed,
    failing,
    game_by,
    listed,
    moved,
    random_game,
    scale,
    solved,
)

from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.models import compte_jehiel
from breakaway.runners.concepts.compte_jehiel import COMPTE_JEHIEL
from breakaway.runners.concepts.core import core_points, empty_core
from breakaway.runners.concepts.question import Found, UndefinedError
from breakaway.runners.solvers import solve_model

WITH_CORE = [seed for seed in range(60) if empty_core(ask(random_game(seed))) is None]


def found(game: CharacteristicFunctionGame) -> Found:
    return COMPTE_JEHIEL.solve(ask(game))


def weighted(game: CharacteristicFunctionGame, weights: list[float], d: list[float]) -> CharacteristicFunctionGame:
    return dataclasses.replace(game, players=Players.of(len(weights), weights, d))


# --- by hand -------------------------------------------------------------------------------------------------------


def test_example_6() -> None:
    """1 and 2 get 0.8 together and share it equally."""
    answer = found(EXAMPLE_6)
    assert answer.payoffs == (pytest.approx((0.4, 0.4, 0.2), abs=1e-14),)
    assert answer.value == pytest.approx(math.log(0.4 * 0.4 * 0.2), abs=1e-12)
    assert answer.bound == pytest.approx(answer.value, abs=1e-12)
    assert answer.note == "the worth of {1,2} binds"


def test_weights_and_disagreement() -> None:
    """Weights 1, 3, 2 share what is left of 1 above disagreement; when {1,2} binds, 1 and 2 share its 1.48 - 0.4."""
    game = weighted(EXAMPLE_6, [1.0, 3.0, 2.0], [0.1, 0.3, -0.5])
    game = dataclasses.replace(game, worths={**game.worths, 1: 0.1, 2: 0.3, 4: -0.5, 5: -0.4, 6: -0.2})
    free = np.array([0.1, 0.3, -0.5]) + np.array([1, 3, 2]) / 6 * 1.1
    assert free[0] + free[1] > 0.8
    assert found(game).payoffs == (pytest.approx(tuple(free), abs=1e-14),)
    assert found(game).note == "no coalition binds: it is the Nash solution without coalitions"
    tighter = dataclasses.replace(game, worths={**game.worths, 3: 1.48, 7: 1.5})
    assert found(tighter).payoffs == (pytest.approx((0.1 + 0.27, 0.3 + 0.81, 0.02), abs=1e-13),)


def test_estates() -> None:
    """With 200, equal parts are in the core; with 600 everybody gets the claim."""
    assert found(BANKRUPTCY[200]).payoffs == (pytest.approx((200 / 3,) * 3, abs=1e-11),)
    full = game_by(3, lambda s: 100.0 * sum(s))
    answer = found(full)
    assert answer.payoffs == (pytest.approx((100.0, 200.0, 300.0), abs=1e-10),)
    assert answer.bound == pytest.approx(answer.value, abs=1e-9)
    assert failing(full, solved(full, "compte-jehiel")) == set()


def test_an_irrational_solution() -> None:
    """With x_2 = t both pairs bind: 2 log(5 - t) + log t + log(t - 2) is largest where 4 t^2 - 16 t + 10 = 0."""
    t = 2 + math.sqrt(96) / 8
    game = listed(4, {"12": 5, "23": 5, "1234": 8})
    answer = found(game)
    assert answer.payoffs[0] == pytest.approx((5 - t, t, 5 - t, t - 2), abs=1e-13)
    assert answer.note == "the worths of {1,2} and {2,3} bind"
    nested = listed(4, {"123": 7, "12": 5, "1234": 8})
    assert found(nested).payoffs[0] == pytest.approx((2.5, 2.5, 2.0, 1.0), abs=1e-13)


def test_an_empty_core_has_its_proof() -> None:
    answer = found(EXAMPLE_5)
    assert answer.payoffs == ()
    assert answer.note.startswith("the core is empty: {1,2}, {1,3} and {2,3} with weights 1/2")
    assert answer.tables["balanced_collection"]["weight"].tolist() == [0.5] * 3


def test_where_somebody_gains_nothing_the_core_is_the_answer() -> None:
    answer = found(GLOVES)
    assert (answer.payoffs, answer.value, answer.shape) == (((1.0, 0.0, 0.0),), None, "polytope")
    assert answer.note == "every division in the core leaves somebody at disagreement"
    wide = listed(3, {"12": 1, "123": 1})
    assert found(wide).payoffs == ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    for game in (GLOVES, wide, COUNCIL):
        assert failing(game, solved(game, "compte-jehiel")) == set()
    assert found(COUNCIL).complete is False


def test_one_player_and_many() -> None:
    one = game_by(1, lambda s: math.e)
    assert found(one).payoffs == ((math.e,),)
    assert found(one).value == pytest.approx(1.0)
    nothing = game_by(1, lambda s: 0.0)
    assert found(nothing).value is None
    for game in (one, nothing):
        assert failing(game, solved(game, "compte-jehiel")) == set()
    with pytest.raises(UndefinedError, match="up to 12 players"):
        found(game_by(13, lambda s: 1.0))


# --- by definition -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", WITH_CORE)
def test_nothing_in_the_core_is_better(seed: int) -> None:
    game = random_game(seed)
    question = ask(game)
    answer = found(game)
    assert failing(game, solved(game, "compte-jehiel")) == set()
    d = question.disagreement
    if answer.value is None:
        return
    (x,) = (np.array(payoffs) for payoffs in answer.payoffs)
    assert answer.bound == pytest.approx(answer.value, abs=1e-9)
    assert answer.value == pytest.approx(float(np.log(x - d).sum()), abs=1e-9)
    corners, complete = core_points(question)
    if complete:
        # by concavity: no vertex of the core lies in the direction in which the product rises
        rises = (np.array(corners) - x) @ (1 / (x - d))
        assert rises.max() <= 1e-7 * len(x)
        rng = np.random.default_rng(seed)
        mixed = rng.dirichlet(np.ones(len(corners)), 200) @ np.array(corners)
        gains = np.maximum(mixed - d, 1e-300)
        assert np.log(gains).sum(axis=1).max() <= answer.value + 1e-9


@pytest.mark.parametrize("seed", WITH_CORE[:6])
def test_scale(seed: int) -> None:
    """Payoffs scale with the worths, whatever the unit."""
    game = random_game(seed)
    for factor in (1e6, 1e-6):
        other = moved(game, factor, 0.0)
        expected = np.array(found(game).payoffs) * factor
        assert np.array(found(other).payoffs) == pytest.approx(expected, abs=1e-9 * scale(game) * factor)


def test_ten_players() -> None:
    game = game_by(10, lambda s: sum(s) ** 2 / 100)
    answer = found(game)
    assert answer.bound == pytest.approx(answer.value, abs=1e-9)
    # everybody would like an equal part; the large players' worths bind
    assert sum(answer.payoffs[0]) == pytest.approx(55**2 / 100, abs=1e-9)
    assert (np.diff(answer.payoffs[0]) > -1e-12).all()


# --- the model, the command line -----------------------------------------------------------------------------------


def test_the_smallest_gain() -> None:
    model = compte_jehiel.build(EXAMPLE_6, "smallest_gain")
    assert solve_model(model, solver="highs").objective == pytest.approx(0.2)
    assert solve_model(compte_jehiel.build(GLOVES, "smallest_gain"), solver="highs").objective == pytest.approx(0.0)


def test_the_start_is_set_and_names_are_checked() -> None:
    model = compte_jehiel.build(EXAMPLE_6, start={"1": 0.5})
    assert pyo.value(model.payoff["1"]) == 0.5
    with pytest.raises(ValueError, match="unknown formulation"):
        compte_jehiel.build(EXAMPLE_6, "product")


@pytest.mark.parametrize("formulation", compte_jehiel.FORMULATIONS)
def test_golden_text(formulation: str) -> None:
    assert model_text(compte_jehiel.build(EXAMPLE_6, formulation)) == golden_text("compte_jehiel", formulation)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("compte_jehiel") == set(compte_jehiel.FORMULATIONS)


def test_tampering_is_found() -> None:
    answer = solved(EXAMPLE_6, "compte-jehiel")
    assert failing(EXAMPLE_6, answer) == set()
    claim = "compte-jehiel: log of the product, and nothing in the core is better"
    for column, value in (("value", -3.0), ("bound", -3.0)):
        assert failing(EXAMPLE_6, answer, concepts=changed(answer.tables["concepts"], 0, column, value)) == {claim}
    worse = changed(changed(answer.tables["solutions"], 0, "payoff", 0.5), 1, "payoff", 0.3)
    value = changed(answer.tables["concepts"], 0, "value", math.log(0.5 * 0.3 * 0.2))
    bound = changed(value, 0, "bound", math.log(0.5 * 0.3 * 0.2))
    assert claim in failing(EXAMPLE_6, answer, solutions=worse, concepts=bound)
    outside = changed(changed(answer.tables["solutions"], 0, "payoff", 0.3), 2, "payoff", 0.3)
    assert "compte-jehiel: every coalition gets its worth" in failing(EXAMPLE_6, answer, solutions=outside)
    hidden = changed(answer.tables["concepts"], 0, "value", np.nan)
    failed = failing(EXAMPLE_6, answer, concepts=hidden)
    assert "compte-jehiel: every division in the core leaves somebody at disagreement" in failed


def test_solve_and_verify_at_the_command_line(tmp_path) -> None:
    run = str(tmp_path / "run")
    answer = call("solve", "example-6", "--concept", "compte-jehiel,core", "--out", run)
    assert answer.code == 0
    assert "compte-jehiel: the worth of {1,2} binds." in answer.out
    assert call("verify", run).code == 0
    assert "is computed" not in answer.out


def test_page() -> None:
    pairs = run_page("compte_jehiel")
    assert len(pairs) >= 1
    for expected, obtained in pairs:
        assert obtained == expected
