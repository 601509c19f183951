"""Nucleolus and prenucleolus: the literature, coopgame, Kohlberg's criterion, the prekernel."""

from __future__ import annotations

import itertools
from fractions import Fraction

import coopgame
import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from cli_calls import call
from core_games import (
    AIRPORT,
    BANKRUPTCY,
    CASES,
    COUNCIL,
    NO_IMPUTATION,
    RUNWAYS,
    ask,
    bankruptcy,
    changed,
    failing,
    game_by,
    has_imputation,
    listed,
    moved,
    random_game,
    scale,
    solved,
    theirs,
    voting,
)

from breakaway.models import nucleolus
from breakaway.runners.concepts.core import least_excess
from breakaway.runners.concepts.nucleolus import NUCLEOLUS, PRENUCLEOLUS, nucleolus_of, prenucleolus_of
from breakaway.runners.concepts.question import Question, UndefinedError
from breakaway.runners.ordered import subset_sums
from breakaway.runners.solvers import solve_model
from breakaway.runners.standing import standing_of

BOUND_AT_OWN = listed(3, {"12": 1, "13": 4, "23": 6, "123": 4})
"""Its prenucleolus (-1, 1, 4) is no imputation; at the nucleolus player 1 gets just 0."""

SEEDS = range(40)


# --- the literature ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estate", "awards"), [(100, (100 / 3,) * 3), (200, (50.0, 75.0, 75.0)), (300, (50.0, 100.0, 150.0))]
)
def test_the_talmud(estate: int, awards: tuple[float, ...]) -> None:
    """The awards of the Mishna are the nucleolus (Aumann and Maschler 1985)."""
    assert nucleolus_of(ask(BANKRUPTCY[estate])).payoffs == pytest.approx(awards, abs=1e-12)


@pytest.mark.parametrize("estate", [35.0, 120.5, 333.0, 480.0, 597.0])
def test_bankruptcy_follows_the_rule_of_the_talmud(estate: float) -> None:
    claims = (60.0, 90.5, 150.0, 300.0)
    awards = coopgame.talmud(estate, list(claims))
    assert nucleolus_of(ask(bankruptcy(estate, claims))).payoffs == pytest.approx(awards, abs=1e-9)


def test_airport() -> None:
    """coopgame's own algorithm for airports shares cost; what a player saves is own cost less share."""
    shares = coopgame.airport(list(RUNWAYS))["nucleolus"]
    savings = [own - share for own, share in zip(RUNWAYS, shares, strict=True)]
    assert nucleolus_of(ask(AIRPORT)).payoffs == pytest.approx(savings, abs=1e-12)


def test_gloves_council_and_majorities() -> None:
    assert nucleolus_of(ask(CASES["gloves"])).payoffs == (1.0, 0.0, 0.0)
    assert nucleolus_of(ask(COUNCIL)).payoffs == pytest.approx([0.2] * 5 + [0.0] * 6, abs=1e-15)
    # a strong constant-sum weighted majority game: the nucleolus is its homogeneous weights (Peleg 1968)
    weights = (3, 2, 2, 1, 1)
    assert nucleolus_of(ask(voting(5, weights))).payoffs == pytest.approx([w / 9 for w in weights], abs=1e-15)


def test_an_imputation_binds() -> None:
    question = ask(BOUND_AT_OWN)
    assert prenucleolus_of(question).payoffs == (-1.0, 1.0, 4.0)
    assert nucleolus_of(question).payoffs == (0.0, 0.5, 3.5)
    assert not standing_of(question, (0.0, 0.5, 3.5)).in_prekernel
    assert standing_of(question, (-1.0, 1.0, 4.0)).in_prekernel


def test_without_an_imputation_only_the_prenucleolus_exists() -> None:
    question = ask(NO_IMPUTATION)
    with pytest.raises(UndefinedError, match=r"together worth 1, more than 0\.9"):
        nucleolus_of(question)
    assert sum(prenucleolus_of(question).payoffs) == pytest.approx(0.9)
    lines = solved(NO_IMPUTATION, "nucleolus", "prenucleolus").tables["concepts"]
    assert lines["status"].tolist() == ["undefined", "solved"]


def test_a_single_imputation_and_a_single_player() -> None:
    only = game_by(4, lambda s: float(sum(s)) if len(s) in (1, 4) else 20.0)
    assert nucleolus_of(ask(only)).payoffs == (1.0, 2.0, 3.0, 4.0)
    one = game_by(1, lambda s: 2.0)
    assert NUCLEOLUS.solve(ask(one)).payoffs == PRENUCLEOLUS.solve(ask(one)).payoffs == ((2.0,),)
    for game in (only, one):
        assert failing(game, solved(game, "nucleolus", "prenucleolus")) == set()


def test_large_games_keep_to_their_symmetry_and_bounds() -> None:
    """Players whose swap leaves the worths alone get the same; row by row the optimum of the whole first stage."""
    game = game_by(9, lambda s: min(sum(i <= 4 for i in s), sum(i > 4 for i in s)) * 2.0)
    question = ask(game)
    payoffs = nucleolus_of(question).payoffs
    assert payoffs == pytest.approx([2.0] * 4 + [0.0] * 5, abs=1e-12)
    whole = solve_model(nucleolus.build(game), solver="highs").objective
    assert nucleolus_of(question).stages[0][0] == pytest.approx(whole, abs=1e-9)


def test_payoffs_are_exact_for_decimal_worths() -> None:
    game = listed(3, {"12": 0.1, "13": 0.3, "23": 0.7, "123": 0.9})
    exact = coopgame.nucleolus_exact([0, 0, "0.1", 0, "0.3", "0.7", "0.9"])["allocation"]
    assert [Fraction(x) for x in exact] == [Fraction(str(round(x, 15))) for x in nucleolus_of(ask(game)).payoffs]


# --- against coopgame, and by definition ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_literature_cases_agree_with_coopgame(name: str) -> None:
    check_against_coopgame(ask(CASES[name]), 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_games_agree_with_coopgame(seed: int) -> None:
    game = random_game(seed)
    check_against_coopgame(ask(game), 1e-8 * scale(game))


def check_against_coopgame(question: Question, room: float) -> None:
    game = question.game
    other = theirs(game)
    found = prenucleolus_of(question)
    assert found.payoffs == pytest.approx(coopgame.prenucleolus(other)["allocation"], abs=room)
    assert found.stages[0][0] == pytest.approx(float(least_excess(question)), abs=room)
    check_prekernel(question, found.payoffs)
    if has_imputation(game):
        payoffs = nucleolus_of(question).payoffs
        assert payoffs == pytest.approx(coopgame.nucleolus(other)["allocation"], abs=room)
        assert coopgame.is_in_kernel(other, list(payoffs), tolerance=10 * room)
        check_prekernel(question, payoffs)
    shares = tuple(question.worth / len(question.players) for _ in question.players.names)
    check_prekernel(question, shares)


def check_prekernel(question: Question, payoffs: tuple[float, ...]) -> None:
    """Hold the flag of ``standing`` against coopgame's largest imbalance."""
    violation = coopgame.kernel_violation(theirs(question.game), list(payoffs), domain="preimputation")
    assert not 1e-9 * question.scale < violation < 1e-6 * question.scale
    assert standing_of(question, payoffs).in_prekernel is (violation <= 1e-9 * question.scale)


@pytest.mark.parametrize("seed", range(12))
def test_random_games_hold_by_definition(seed: int) -> None:
    game = random_game(seed)
    assert failing(game, solved(game, "nucleolus", "prenucleolus")) == set()


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_no_nearby_division_is_better(seed: int) -> None:
    """The definition itself: shifting a little between any two players makes the sorted excesses larger."""
    game = random_game(seed)
    question = ask(game)
    n = len(game.players)
    x = np.array(prenucleolus_of(question).payoffs)

    def complaints(payoffs: np.ndarray) -> list[float]:
        return np.sort(np.round((question.worths - subset_sums(payoffs))[1:-1], 7))[::-1].tolist()

    best = complaints(x)
    for i, j in itertools.permutations(range(n), 2):
        shift = np.zeros(n)
        shift[i], shift[j] = 0.01, -0.01
        assert complaints(x + shift) > best


@pytest.mark.parametrize("seed", range(6))
def test_covariance(seed: int) -> None:
    """The nucleolus of factor v + shift is factor x + shift."""
    game = random_game(seed)
    for factor, shift in ((1e6, 0.0), (1e-6, 0.0), (3.0, 100.0)):
        other = moved(game, factor, shift)
        expected = np.array(prenucleolus_of(ask(game)).payoffs) * factor + shift
        assert prenucleolus_of(ask(other)).payoffs == pytest.approx(expected, abs=1e-9 * scale(other) + 1e-13)


def test_both_are_the_same_where_the_core_is_not_empty() -> None:
    for seed in range(0, 40, 4):
        question = ask(random_game(seed))
        assert nucleolus_of(question).payoffs == pytest.approx(prenucleolus_of(question).payoffs, abs=1e-12)
        assert standing_of(question, nucleolus_of(question).payoffs).in_core


# --- tables, model, command line -----------------------------------------------------------------------------------


def test_levels_of_the_talmud() -> None:
    table = solved(BANKRUPTCY[200], "nucleolus", "prenucleolus").tables["excess_levels"]
    own = table[table["concept"] == "nucleolus"]
    assert own["level"].tolist() == [1, 1, 2, 2]
    assert own["excess"].tolist() == [-50.0, -50.0, -75.0, -75.0]
    assert own["coalition"].tolist() == ["1", "2+3", "2", "3"]
    assert len(table) == 8


def test_tampering_is_found() -> None:
    game = BANKRUPTCY[200]
    answer = solved(game, "nucleolus", "prenucleolus")
    claim = "coalitions with an excess of at least t are balanced, for every t"
    shifted = changed(changed(answer.tables["solutions"], 1, "payoff", 76.0), 2, "payoff", 74.0)
    assert f"nucleolus: {claim}" in failing(game, answer, solutions=shifted)
    assert f"prenucleolus: {claim}" not in failing(game, answer, solutions=shifted)
    more = changed(answer.tables["solutions"], 0, "payoff", 51.0)
    assert "nucleolus: all is shared" in failing(game, answer, solutions=more)
    value = changed(answer.tables["concepts"], 0, "value", -49.0)
    assert failing(game, answer, concepts=value) == {"nucleolus: largest excess and its bound"}
    levels = answer.tables["excess_levels"]
    for wrong in (changed(levels, 1, "level", 2), changed(levels, 0, "excess", -40.0), levels.iloc[1:]):
        assert failing(game, answer, excess_levels=wrong) == {"nucleolus: levels of excess"}
    assert "nucleolus: levels of excess" in failing(game, answer, excess_levels=levels.iloc[:2])


def test_the_prenucleolus_is_not_taken_for_the_nucleolus() -> None:
    answer = solved(BOUND_AT_OWN, "nucleolus", "prenucleolus")
    assert failing(BOUND_AT_OWN, answer) == set()
    payoffs = answer.tables["solutions"].copy()
    payoffs.loc[:, "payoff"] = [-1.0, 1.0, 4.0, 0.0, 0.5, 3.5]
    failed = failing(BOUND_AT_OWN, answer, solutions=payoffs)
    assert "nucleolus: nobody gets less than alone" in failed
    assert any(claim.startswith("prenucleolus: coalitions with an excess") for claim in failed)


def test_a_stage_of_the_model() -> None:
    game = BANKRUPTCY[200]
    model = nucleolus.build(game, {1: 50.0}, [2, 4, 3, 5])
    assert solve_model(model, solver="highs").objective == pytest.approx(-75.0)
    assert [pyo.value(x) for x in model.payoff.values()] == pytest.approx([50.0, 75.0, 75.0])
    with pytest.raises(ValueError, match="neither empty nor the grand one"):
        nucleolus.build(game, coalitions=[7])


def golden_models() -> dict[str, pyo.ConcreteModel]:
    game = BANKRUPTCY[200]
    return {
        "first": nucleolus.build(game),
        "later": nucleolus.build(game, {1: 50.0}, [2, 4, 3, 5], individually_rational=False),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("nucleolus", name)


def test_every_stage_has_a_golden_text() -> None:
    assert golden_names("nucleolus") == set(golden_models())


def test_solve_and_verify_at_the_command_line(tmp_path) -> None:
    run = str(tmp_path / "run")
    answer = call("solve", "example-6", "--concept", "nucleolus,prenucleolus", "--out", run)
    assert answer.code == 0
    assert "0.45  0.45  0.1" in answer.out
    assert call("verify", run).code == 0
    table = tmp_path / "run" / "solutions.csv"
    table.write_text(table.read_text().replace("nucleolus,1,1,0.45", "nucleolus,1,1,0.44", 1))
    assert call("verify", run).code == 1


def test_page() -> None:
    pairs = run_page("nucleolus")
    assert len(pairs) >= 1
    for expected, found in pairs:
        assert found == expected
