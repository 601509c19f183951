"""Theorem 2 both ways: the naive problem of every coalition against the recursion, claims and columns included."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from map_cases import assert_verified, case_id, cases, characteristic_game
from ordered_cases import random_game

from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.runners.asking import HowToSolve
from breakaway.runners.characteristic import CoalitionSolutions, divide_all, solve_characteristic
from breakaway.runners.division import fraction_of
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.naive import (
    EVERY,
    GRAND,
    Agreement,
    divide_naively,
    naive_threat,
    same_required,
    same_solutions,
)
from breakaway.runners.setting import scale_of_game
from breakaway.runners.verify import verify_characteristic


def own_weights(game: CharacteristicFunctionGame, rng: random.Random) -> CharacteristicFunctionGame:
    """Draw weights of their own for about half of the coalitions."""
    chosen = [s for s in game.worths if rng.random() < 0.5]
    weights = {s: tuple(rng.choice([1.0, 2.0, 3.0]) for _ in range(s.bit_count())) for s in chosen}
    return CharacteristicFunctionGame(game.players, game.worths, weights)


def assert_agreement(game: CharacteristicFunctionGame, how: HowToSolve) -> None:
    eps = 0.0 if how.rational else 1e-9 * scale_of_game(game)
    solved = CoalitionSolutions(PlayerTypes.distinct(len(game.players)))
    divide_all(game, how, eps, solved)
    naive = divide_naively(game, how, eps)
    assert naive.keys() == game.worths.keys()
    for coalition, own in naive.items():
        recursive = solved.division(coalition)
        assert own.viable == recursive.viable
        assert same_required(own.required, recursive.required, coalition, eps)
        assert same_solutions(list(own.solutions), list(solved.solutions(coalition)), eps)


@pytest.mark.parametrize("seed", range(60))
def test_both_problems_agree(seed: int) -> None:
    rng = random.Random(seed)
    assert_agreement(random_game(rng, rng.randint(2, 5)), HowToSolve())


@pytest.mark.parametrize("seed", range(60))
def test_both_problems_agree_with_inconsistent_weights(seed: int) -> None:
    rng = random.Random(1000 + seed)
    assert_agreement(own_weights(random_game(rng, rng.randint(2, 5)), rng), HowToSolve())


@pytest.mark.parametrize("seed", range(20))
def test_both_problems_agree_exactly_in_fractions(seed: int) -> None:
    rng = random.Random(2000 + seed)
    assert_agreement(own_weights(random_game(rng, 4), rng), HowToSolve(rational=True))


def test_the_threat_of_a_coalition_by_hand() -> None:
    """Players 1 and 3 with weights 1 and 3, disagreement 1 and 2: of the 8 left over 11 - 3, a quarter and the rest."""
    game = CharacteristicFunctionGame(Players.of(3, [1, 2, 3], [1, 0, 2]), dict.fromkeys(range(1, 8), 11.0))
    assert naive_threat(game, 0b101, float) == ((0, 3.0), (2, 8.0))
    assert naive_threat(game, 0b101, fraction_of) == ((0, Fraction(3)), (2, Fraction(8)))


def test_a_coalition_without_feasible_payoff_does_not_threaten() -> None:
    """1+2 has less than its members' disagreement payoffs."""
    worths = {1: 1.0, 2: 1.0, 4: 0.0, 3: 1.5, 5: 1.0, 6: 1.0, 7: 6.0}
    game = CharacteristicFunctionGame(Players.of(3, None, [1, 1, 0]), worths)
    assert naive_threat(game, 0b011, float) == ()
    answer = solve_characteristic(game)
    assert_verified(answer)
    assert answer.certificate.claims["theorem_2"] == "agrees"


@pytest.mark.parametrize("case", cases("tu_game"), ids=case_id)
def test_reference_cases_agree(case: dict[str, Any]) -> None:
    answer = solve_characteristic(characteristic_game(case), HowToSolve(verify=False))
    claims, table = answer.certificate.claims, answer.tables["coalitions"]
    assert claims["theorem_2"] == "agrees"
    assert claims["theorem_2_compared"] == EVERY
    assert table["agrees"].all()
    assert table["naive_required_worth"].to_numpy() == pytest.approx(table["required_worth"].to_numpy(), abs=1e-8)


def seven_players() -> CharacteristicFunctionGame:
    return random_game(random.Random(3), 7)


def test_seven_players_are_compared_by_ordered_search() -> None:
    answer = solve_characteristic(seven_players(), HowToSolve(verify=True))
    assert_verified(answer)
    assert answer.certificate.claims["theorem_2"] == "agrees"
    assert answer.certificate.claims["theorem_2_compared"] == GRAND


def test_many_players_with_inconsistent_weights_are_not_compared() -> None:
    game = seven_players()
    heavier = CharacteristicFunctionGame(game.players, game.worths, {0b11: (1.0, 5.0)})
    answer = solve_characteristic(heavier, HowToSolve(verify=True))
    assert_verified(answer)
    assert answer.certificate.claims["theorem_2"] == "not compared"
    assert "agrees" not in answer.tables["coalitions"]


def test_a_difference_is_named() -> None:
    agreement = Agreement({1: 0.0, 2: 0.0}, {1: True, 2: False}, EVERY)
    assert agreement.claims("-ABC".__getitem__) == {"theorem_2": "differs: B", "theorem_2_compared": EVERY}


@pytest.mark.parametrize(("column", "claim"), [("naive_required_worth", "naive"), ("agrees", "agree")])
def test_a_changed_comparison_is_noticed(column: str, claim: str) -> None:
    game = random_game(random.Random(5), 4)
    answer = solve_characteristic(game)
    assert_verified(answer)
    table = answer.tables["coalitions"].copy()
    table.loc[9, column] = False if column == "agrees" else table.loc[9, column] + 0.01
    found = verify_characteristic(game, {**answer.tables, "coalitions": table}, answer.certificate.claims)
    failed = found.checks[found.checks["failed"] > 0]["claim"]
    assert any(claim in name for name in failed)


@pytest.mark.parametrize("claimed", ["differs: 1", "not compared"])
def test_a_changed_claim_is_noticed(claimed: str) -> None:
    game = random_game(random.Random(5), 4)
    answer = solve_characteristic(game)
    found = verify_characteristic(game, answer.tables, {**answer.certificate.claims, "theorem_2": claimed})
    failed = found.checks[found.checks["failed"] > 0]["claim"]
    assert list(failed) == ["theorem 2 claimed as compared"]
