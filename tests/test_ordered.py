"""The ordered search: against the recursion, reference values, the general search and the definition; its limits."""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import (
    assert_same_vectors,
    assert_verified,
    case_id,
    cases,
    characteristic_game,
    coalition_sets,
    mask,
    vectors,
)
from ordered_cases import random_game, required_of_all, with_slack

from breakaway.data.coalitions import members
from breakaway.data.games import CharacteristicFunctionGame, Players, ThreatGame, TotalWorth
from breakaway.data.instances import game_from_tables
from breakaway.data.problems import DataError
from breakaway.results.records import Answer
from breakaway.results.text import answer_text
from breakaway.runners import chains as chains_module
from breakaway.runners import division as division_module
from breakaway.runners.asking import About, HowToSolve, UnfinishedError
from breakaway.runners.chains import OrderedDivision, divide_grand
from breakaway.runners.characteristic import CoalitionSolutions, divide_all, solve_characteristic
from breakaway.runners.cover import Cover, TooManyStatesError
from breakaway.runners.dispatch import solve_game
from breakaway.runners.division import BlockProblem, divide_exactly
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.naive import naive_threat, same_solutions
from breakaway.runners.ordered import (
    InconsistentWeightsError,
    ThreatLevels,
    merged,
    required_worths,
    subset_sums,
    threat_levels,
    worth_array,
)
from breakaway.runners.search import SearchLimitError
from breakaway.runners.setting import scale_of_game
from breakaway.runners.stopping import stop_of
from breakaway.runners.verify import verify_characteristic

ORDERED = HowToSolve(method="ordered", verify=True)
LARGE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "reference" / "large_games.json").read_text(encoding="utf-8")
)
CONSISTENT = [case for case in cases("tu_game") if case["inputs"]["weights"]["type"] == "consistent"]


def levels_of(game: CharacteristicFunctionGame) -> ThreatLevels:
    return threat_levels(worth_array(game), game.players.weights, game.players.disagreement)


def divided(game: CharacteristicFunctionGame) -> OrderedDivision:
    levels, eps = levels_of(game), 1e-9 * scale_of_game(game)
    return divide_grand(levels, game.worths[game.players.everyone], float(required_worths(levels)[-1]), eps)


def failed_claims(game: CharacteristicFunctionGame, answer: Answer, **changed: pd.DataFrame) -> list[str]:
    found = verify_characteristic(game, {**answer.tables, **changed}, answer.certificate.claims)
    return found.checks.loc[found.checks["failed"] > 0, "claim"].tolist()


# --- against the recursion and reference values --------------------------------------------------------------------


@pytest.mark.parametrize("block", range(12))
def test_as_the_recursion_says(block: int) -> None:
    """Required worth and verdict of every coalition, all solutions of the grand coalition, zero products."""
    for seed in range(25 * block, 25 * block + 25):
        rng = random.Random(seed)
        game = random_game(rng, rng.randint(2, 6 + (seed % 25 == 0)))
        eps = 1e-9 * scale_of_game(game)
        solved = CoalitionSolutions(PlayerTypes.distinct(len(game.players)))
        divide_all(game, HowToSolve(), eps, solved)
        required = required_worths(levels_of(game))
        for coalition, worth in game.worths.items():
            own = solved.division(coalition)
            assert required[coalition] == pytest.approx(float(own.required), abs=10 * len(game.players) * eps)
            assert (required[coalition] <= worth + eps) == own.viable
        recursive, ordered = solved.division(game.players.everyone), divided(game).division
        assert ordered.viable == recursive.viable
        assert ordered.zero_product == recursive.zero_product
        assert ordered.log_product == pytest.approx(recursive.log_product, abs=1e-8)
        assert same_solutions(list(ordered.solutions), list(recursive.solutions), 100 * eps)


@pytest.mark.parametrize("case", CONSISTENT, ids=case_id)
def test_reference_case(case: dict[str, Any]) -> None:
    game, expected = characteristic_game(case), case["expected"]
    answer = solve_characteristic(game, ORDERED)
    assert_verified(answer)
    table = answer.tables["coalitions"].set_index("coalition")
    for key, own in expected["sigma"].items():
        assert bool(table.loc[game.players.coalition_name(mask(key)), "viable"]) is bool(own)
    assert answer.certificate.claims["solutions"] == expected["n_solutions_N"]
    if expected["grand_viable"]:
        everyone = ",".join(game.players.names)
        found = vectors(answer.tables["solutions"], [], "solution")[()]
        assert_same_vectors(found, expected["sigma"][everyone], 1e-7)


@pytest.mark.parametrize("case", LARGE, ids=case_id)
def test_large_reference_case(case: dict[str, Any]) -> None:
    inputs, expected = case["inputs"], case["expected"]
    worths = {mask(key): float(worth) for key, worth in inputs["worth"].items()}
    answer = solve_characteristic(CharacteristicFunctionGame(Players.of(inputs["n"]), worths), ORDERED)
    assert_verified(answer)
    claims = answer.certificate.claims
    assert claims["log_nash_product"] == pytest.approx(expected["log_nash_value"], abs=1e-7)
    assert claims["solutions"] == expected["n_solutions"]
    assert_same_vectors(vectors(answer.tables["solutions"], [], "solution")[()], expected["solutions"], 1e-7)


@pytest.mark.parametrize("slack", [1.15, 1.02])
def test_twelve_players_as_the_general_search_says(slack: float) -> None:
    rng = random.Random(12)
    worths = {s: round(s.bit_count() ** 1.4 * rng.uniform(0.3, 0.42), 3) for s in range(1, 1 << 12)}
    game = CharacteristicFunctionGame(Players.of(12), worths)
    game = with_slack(game, round((slack - 1) * required_of_all(game), 3))
    threats = [naive_threat(game, s, float) for s in range(1, game.players.everyone)]
    worth, eps = game.worths[game.players.everyone], 1e-9 * scale_of_game(game)
    general = divide_exactly(BlockProblem(tuple(range(12)), [1.0] * 12, [0.0] * 12, worth, threats, eps))
    ordered = divided(game)
    assert ordered.division.required == pytest.approx(general.required, abs=1e-9)
    assert ordered.division.log_product == pytest.approx(general.log_product, abs=1e-9)
    assert same_solutions(list(ordered.division.solutions), list(general.solutions), eps)
    assert ordered.root_bound >= ordered.division.log_product - 1e-9


# --- the answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(5))
def test_answers_are_verified(block: int) -> None:
    for seed in range(500 + 20 * block, 520 + 20 * block):
        rng = random.Random(seed)
        game = random_game(rng, rng.randint(1, 6))
        answer = solve_characteristic(game, ORDERED)
        assert_verified(answer)
        assert answer.certificate.claims["method"] == "ordered"
        assert len(answer.tables["coalitions"]) == game.players.everyone
        sizes = {name.count("+") + 1 for name in answer.tables["coalition_solutions"]["coalition"]}
        assert sizes <= {1, len(game.players)}


def growing(n: int, seed: int = 1) -> CharacteristicFunctionGame:
    rng = random.Random(seed)
    worths = {s: round(s.bit_count() ** 1.4 * rng.uniform(0.3, 0.42), 3) for s in range(1, 1 << n)}
    return with_slack(CharacteristicFunctionGame(Players.of(n), worths), 1.0)


def test_eleven_different_players_take_the_ordered_search_unasked() -> None:
    answer = solve_characteristic(growing(11), HowToSolve(verify=True))
    assert_verified(answer)
    assert answer.certificate.claims["method"] == "ordered"
    assert answer.certificate.claims["theorem_2"] == "not compared"
    assert answer.certificate.claims["coalition_solutions"] == "partial"


def test_twelve_identical_players_are_still_divided_one_and_all() -> None:
    worths = {s: float(s.bit_count() ** 2) for s in range(1, 1 << 12)}
    answer = solve_characteristic(CharacteristicFunctionGame(Players.of(12), worths), HowToSolve(verify=False))
    assert answer.certificate.claims["method"] == "exact"
    assert len(coalition_sets(answer)) == 4095


def test_sixteen_players_print_short() -> None:
    answer = solve_characteristic(growing(16), HowToSolve(verify=False), About("characteristic-function", "Many"))
    assert answer.tables["coalitions"]["coalition"].is_unique
    text = answer_text(answer)
    assert "65,535 coalitions" in text
    assert "and 65,504 more: see coalitions.csv" in text
    assert len(text.splitlines()) < 150
    second = next(line for line in text.splitlines() if line.startswith("  1+2+3+4+5+6+7+8+9+10+11+12+13+14+15 "))
    assert second.split()[-1] == "-"


def test_coalitions_come_by_size_and_members() -> None:
    answer = solve_characteristic(growing(4), ORDERED)
    assert answer.tables["coalitions"]["coalition"].tolist() == [
        "+".join(str(i + 1) for i in inside) for size in range(1, 5) for inside in combinations(range(4), size)
    ]


def test_majority_of_seven_lists_all_that_is_unblocked() -> None:
    """Four share 1 equally and block whoever has less: some four of seven have 1/4, and nothing is left."""
    worths = {s: float(s.bit_count() >= 4) for s in range(1, 128)}
    answer = solve_characteristic(CharacteristicFunctionGame(Players.of(7), worths), ORDERED)
    assert_verified(answer)
    assert answer.certificate.claims["zero_product"] is True
    assert answer.certificate.claims["log_nash_product"] is None
    found = vectors(answer.tables["solutions"], [], "solution")[()]
    expected = [[0.25 * (i in inside) for i in range(7)] for inside in combinations(range(7), 4)]
    assert_same_vectors(found, sorted(map(tuple, expected)), 1e-9)


# --- refusals and limits -------------------------------------------------------------------------------------------


def test_inconsistent_weights_are_refused_with_a_remedy() -> None:
    game = CharacteristicFunctionGame(Players.of(3), dict.fromkeys(range(1, 8), 1.0), {3: (1.0, 2.0)})
    with pytest.raises(InconsistentWeightsError, match=r"1\+2 has weights of its own.*--method exact"):
        solve_characteristic(game, ORDERED)


def test_listed_weights_that_are_the_players_own_are_no_obstacle() -> None:
    game = CharacteristicFunctionGame(Players.of(3), dict.fromkeys(range(1, 8), 1.0), {3: (1.0, 1.0)})
    assert_verified(solve_characteristic(game, ORDERED))


def test_other_games_refuse_the_method() -> None:
    with pytest.raises(ValueError, match="use method exact"):
        solve_game(ThreatGame(Players.of(2), TotalWorth(1.0), ()), ORDERED)
    with pytest.raises(ValueError, match="use method exact"):
        ORDERED.divider()


def test_too_many_players_for_models() -> None:
    game = CharacteristicFunctionGame(Players.of(17), dict.fromkeys(range(1, 1 << 17), 0.0))
    with pytest.raises(ValueError, match=r"up to 16; use --method ordered"):
        solve_characteristic(game, HowToSolve(method="model"))


def test_own_weights_lower_the_limit_of_players() -> None:
    names = [f"p{i}" for i in range(17)]
    tables = {
        "players": pd.DataFrame({"player": names}),
        "worths": pd.DataFrame({"coalition": ["p0"], "worth": [1.0]}),
        "coalition_weights": pd.DataFrame({"coalition": ["p0+p1"] * 2, "player": ["p0", "p1"], "weight": [1.0, 2.0]}),
    }
    with pytest.raises(DataError, match=r"the limit is 16 when coalitions have weights of their own; remove"):
        game_from_tables("characteristic-function", tables, {"missing_worth": 0})
    del tables["coalition_weights"]
    assert len(game_from_tables("characteristic-function", tables, {"missing_worth": 0}).players) == 17


def test_a_limit_keeps_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains_module, "NODES", 2)
    with pytest.raises(UnfinishedError, match="no proof within 2 chains") as caught:
        solve_characteristic(growing(8), ORDERED)
    answer = caught.value.answer
    assert len(answer.tables["coalitions"]) == 255
    assert answer.tables["solutions"].empty
    bound = answer.certificate.claims["upper_bound"]
    assert bound >= solve_characteristic(growing(8), HowToSolve()).certificate.claims["log_nash_product"] - 1e-9


def test_a_limit_without_slack_knows_no_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains_module, "NODES", 2)
    worths = {s: float(s.bit_count() >= 4) for s in range(1, 128)}
    with pytest.raises(UnfinishedError, match="cost the least") as caught:
        solve_characteristic(CharacteristicFunctionGame(Players.of(7), worths), ORDERED)
    assert caught.value.answer.certificate.claims["upper_bound"] is None


def test_a_limit_of_the_least_total_is_no_bound_of_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many states for the graph, and one node allowed to the branch and bound that takes over."""

    def too_many(*_: object) -> Cover:
        raise TooManyStatesError("too many")

    monkeypatch.setattr(division_module, "Cover", too_many)
    rng = random.Random(4)
    clauses = [tuple((i, rng.random()) for i in inside) for inside in combinations(range(8), 3)]
    problem = BlockProblem(tuple(range(8)), [1.0] * 8, [0.0] * 8, 20.0, clauses, 1e-9, limit=1)
    with pytest.raises(SearchLimitError, match="while seeking the least total") as caught:
        divide_exactly(problem)
    assert caught.value.bound == math.inf
    assert caught.value.best is None
    stop = stop_of(caught.value)
    assert stop.bound is None
    assert stop.holding == "nothing"


# --- verification --------------------------------------------------------------------------------------------------


def test_changed_cells_are_noticed() -> None:
    game = growing(6)
    answer = solve_characteristic(game, ORDERED)
    assert_verified(answer)
    for name, column in (
        ("coalitions", "worth"), ("coalitions", "required_worth"), ("coalitions", "slack"),
        ("solutions", "payoff"), ("coalition_solutions", "payoff"),
    ):  # fmt: skip
        table = answer.tables[name].copy()
        table.loc[3, column] += 1e-3
        assert failed_claims(game, answer, **{name: table}), (name, column)
    flags = answer.tables["coalitions"].copy()
    flags["viable"] = ~flags["viable"]
    assert "coalitions viable iff the slack allows" in failed_claims(game, answer, coalitions=flags)
    assert failed_claims(game, answer, coalitions=answer.tables["coalitions"].drop(index=7))
    assert failed_claims(game, answer, coalitions=answer.tables["coalitions"].drop(columns="slack"))


def test_a_missing_and_a_worse_solution_are_noticed() -> None:
    worths = {1: 0.0, 2: 0.0, 4: 0.0, 3: 0.8, 5: 0.8, 6: 0.8, 7: 1.0}
    game = CharacteristicFunctionGame(Players.of(3), worths)
    answer = solve_characteristic(game, ORDERED)
    assert answer.certificate.claims["solutions"] == 3
    solutions, rows = answer.tables["solutions"], answer.tables["coalition_solutions"]
    fewer = {
        "solutions": solutions[solutions["solution"] != 2],
        "coalition_solutions": rows[(rows["solution"] != 2) | (rows["coalition"] != "1+2+3")],
    }
    assert "all maximisers listed" in failed_claims(game, answer, **fewer)
    worse = {
        name: table.assign(payoff=table["payoff"].where((table["payoff"] - 0.2).abs() > 1e-6, 0.1))
        for name, table in (("solutions", solutions), ("coalition_solutions", rows))
    }
    assert "only maximisers listed" in failed_claims(game, answer, **worse)


# --- laws ----------------------------------------------------------------------------------------------------------

games = st.builds(lambda seed, n: random_game(random.Random(seed), n), st.integers(0, 10**6), st.integers(2, 5))


@settings(deadline=None, max_examples=60)
@given(games)
def test_solutions_are_unblocked_by_equal_levels(game: CharacteristicFunctionGame) -> None:
    """By the definition: in every strict subcoalition somebody has at least the unconstrained Nash payoff."""
    for solution in divided(game).division.solutions:
        x = [payoff for _, payoff in solution]
        assert sum(x) <= game.worths[game.players.everyone] + 1e-8
        for coalition in range(1, game.players.everyone):
            psi = naive_threat(game, coalition, float)
            assert not psi or any(x[i] >= y - 1e-8 for i, y in psi)


@settings(deadline=None, max_examples=40)
@given(games, st.floats(0.1, 10.0), st.randoms(use_true_random=False))
def test_units_and_names_do_not_matter(game: CharacteristicFunctionGame, unit: float, rng: random.Random) -> None:
    n = len(game.players)
    order = rng.sample(range(n), n)
    floor = [unit * game.players.disagreement[i] for i in order]
    players = Players.of(n, [game.players.weights[i] for i in order], floor)
    worths = {s: unit * game.worths[sum(1 << order[k] for k in members(s))] for s in game.worths}
    before, after = divided(game).division, divided(CharacteristicFunctionGame(players, worths)).division
    assert after.required == pytest.approx(unit * before.required, abs=1e-8 * unit * max(1, scale_of_game(game)))
    assert after.viable == before.viable
    assert len(after.solutions) == len(before.solutions)


@settings(deadline=None, max_examples=40)
@given(games)
def test_the_root_bound_holds(game: CharacteristicFunctionGame) -> None:
    found = divided(game)
    if not math.isnan(found.root_bound):
        assert found.root_bound >= found.division.log_product - 1e-9
        assert found.price > 0


def test_subset_sums_and_merging_by_hand() -> None:
    assert subset_sums(np.array([1.0, 2.0, 4.0])).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    third = float(Fraction(1, 3))
    assert merged(np.array([0.0, third, np.nextafter(third, 1), 0.5])).tolist() == [
        0.0, np.nextafter(third, 1), np.nextafter(third, 1), 0.5,
    ]  # fmt: skip


# --- knife edges in fractions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("worth", "viable"), [(1.2, True), (1.2 - 1e-12, False), (1.2 + 1e-12, True)])
def test_a_knife_edge_is_decided_in_fractions(worth: float, viable: bool) -> None:
    """Every pair of four players would share 0.8 equally: three of them must have 0.4. On the edge: single players."""
    worths = {s: 0.8 if s.bit_count() == 2 else 0.0 for s in range(1, 16)}
    game = CharacteristicFunctionGame(Players.of(4), {**worths, 15: worth})
    answer = solve_characteristic(game, HowToSolve(method="ordered", rational=True))
    if worth <= 1.2:  # a slack far below the tolerance counts as none in a verification
        assert failed_claims(game, answer) == []
    assert bool(answer.tables["coalitions"]["viable"].iloc[-1]) is viable
    assert answer.certificate.claims["solutions"] == 4 * viable
    assert answer.certificate.claims["zero_product"] is (worth == 1.2)
    assert answer.certificate.claims["knife_edges"] == 4
    tolerant = solve_characteristic(game, HowToSolve(method="ordered"))
    assert bool(tolerant.tables["coalitions"]["viable"].iloc[-1]) is True


@pytest.mark.parametrize("block", range(4))
def test_edges_are_as_the_recursion_in_fractions_says(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        rng = random.Random(seed)
        game = random_game(rng, rng.randint(2, 5))
        game = with_slack(game, rng.choice([0.0, 0.0, -1e-13, 1e-13]))
        answer = solve_characteristic(game, HowToSolve(method="ordered", rational=True))
        solved = CoalitionSolutions(PlayerTypes.distinct(len(game.players)))
        divide_all(game, HowToSolve(rational=True), 0.0, solved)
        own = solved.division(game.players.everyone)
        assert bool(answer.tables["coalitions"]["viable"].iloc[-1]) is own.viable
        assert answer.certificate.claims["solutions"] == len(own.solutions)
