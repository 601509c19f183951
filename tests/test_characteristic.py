"""The recursion (31)-(32) without externalities: every reference case, both methods, zero products, laws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from map_cases import (
    assert_same_answers,
    assert_same_sets,
    assert_same_vectors,
    assert_verified,
    case_id,
    cases,
    characteristic_game,
    coalition_sets,
    flagged,
    mask,
    names_of,
    size_of,
    vectors,
)

from breakaway.data.coalitions import bell_number
from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.results.records import Answer
from breakaway.runners.asking import HowToSolve
from breakaway.runners.characteristic import solve_characteristic

TU_GAMES = cases("tu_game")
TOLERANCE = 1e-7
"""The reference values have nine decimals."""


def assert_as_expected(answer: Answer, case: Mapping[str, Any]) -> None:
    """Compare with a reference case: solutions of every coalition, ineffective ones, verdicts, the value of N."""
    expected, players = case["expected"], characteristic_game(case).players
    sigma = {(players.coalition_name(mask(key)),): own for key, own in expected["sigma"].items()}
    assert_same_sets(coalition_sets(answer), {place: own for place, own in sigma.items() if own}, TOLERANCE)
    table = answer.tables["coalitions"]
    assert {(name,) for name in table.loc[table["viable"], "coalition"]} == {
        place for place, own in sigma.items() if own
    }
    assert flagged(answer, "coarsest") == names_of(players, expected["coarsest"])
    assert len(flagged(answer, "viable")) == expected["n_viable"]
    assert len(answer.tables["structures"]) == bell_number(len(players))
    _assert_grand(answer, expected, players)


def _assert_grand(answer: Answer, expected: Mapping[str, Any], players: Players) -> None:
    claims = answer.certificate.claims
    everyone = players.coalition_name(players.everyone)
    coalitions = answer.tables["coalitions"].set_index("coalition")
    assert bool(coalitions.at[everyone, "viable"]) is expected["grand_viable"]
    assert claims["solutions"] == expected["n_solutions_N"]
    if expected["grand_viable"]:
        solutions = vectors(answer.tables["solutions"], [], "solution")[()]
        assert_same_vectors(solutions, coalition_sets(answer)[everyone,], 0.0)
        least = min(map(sum, expected["minimal_bounds_N"]))
        assert coalitions.at[everyone, "required_worth"] == pytest.approx(least, abs=TOLERANCE)
    else:
        assert answer.tables["solutions"].empty
        assert coalitions.at[everyone, "slack"] < 0
    if expected["log_nash_value_N"] is None:
        assert claims["log_nash_product"] is None
    else:
        assert claims["log_nash_product"] == pytest.approx(expected["log_nash_value_N"], abs=TOLERANCE)
        assert claims["upper_bound"] == pytest.approx(claims["log_nash_product"], abs=TOLERANCE)


@pytest.mark.parametrize("case", TU_GAMES, ids=case_id)
def test_reference_case_exactly(case: dict[str, Any]) -> None:
    """With identical players recognised and without: as expected, and all tables equal."""
    game = characteristic_game(case)
    recognised = solve_characteristic(game, HowToSolve(detail="all", verify=True))
    assert_verified(recognised)
    assert_as_expected(recognised, case)
    one_by_one = solve_characteristic(game, HowToSolve(detail="all", verify=False, identical=False))
    assert_as_expected(one_by_one, case)
    assert_same_answers(recognised, one_by_one, 1e-9)


@pytest.mark.parametrize("case", [case for case in TU_GAMES if size_of(case) <= 4], ids=case_id)
def test_reference_case_by_models(case: dict[str, Any]) -> None:
    answer = solve_characteristic(characteristic_game(case), HowToSolve(method="model", verify=True))
    assert_verified(answer)
    assert answer.certificate.claims["method"] == "model"
    assert_as_expected(answer, case)


def majority(n: int) -> CharacteristicFunctionGame:
    """A coalition of more than half of the players is worth 1."""
    return CharacteristicFunctionGame(Players.of(n), {s: float(2 * s.bit_count() > n) for s in range(1, 1 << n)})


@pytest.mark.parametrize("method", ["exact", "model"])
@pytest.mark.parametrize("identical", [True, False])
def test_majority_of_three_returns_the_whole_unblocked_set_flagged(method: Any, identical: bool) -> None:
    """Each pair shares 1 equally; of three, two must get 1/2 and nothing is left: product zero."""
    answer = solve_characteristic(majority(3), HowToSolve(method=method, identical=identical, verify=True))
    assert_verified(answer)
    assert answer.certificate.claims["zero_product"] is True
    assert answer.certificate.claims["log_nash_product"] is None
    expected = [(0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]
    assert_same_vectors(vectors(answer.tables["solutions"], [], "solution")[()], expected, 1e-9)
    assert flagged(answer, "coarsest") == {"1+2+3"}


@pytest.mark.parametrize("identical", [True, False])
def test_majority_of_five(identical: bool) -> None:
    """Three share 1 equally. Four: two get 1/3 and two 1/6. Five: some three get 1/3 and two get nothing."""
    answer = solve_characteristic(majority(5), HowToSolve(identical=identical, verify=True))
    assert_verified(answer)
    assert answer.certificate.claims["zero_product"] is True
    four = coalition_sets(answer)["1+2+3+4",]
    assert len(four) == 6
    assert all(sorted(x) == pytest.approx([1 / 6, 1 / 6, 1 / 3, 1 / 3]) for x in four)
    five = vectors(answer.tables["solutions"], [], "solution")[()]
    assert len(five) == 10
    assert all(sorted(x) == pytest.approx([0.0, 0.0, 1 / 3, 1 / 3, 1 / 3]) for x in five)


def test_an_ineffective_coalition_does_not_threaten() -> None:
    """1+2 has 3 and its members 2 each alone: it is not viable, and N is free to divide 9 equally."""
    worths = {1: 2.0, 2: 2.0, 4: 0.0, 3: 3.0, 5: 0.0, 6: 0.0, 7: 9.0}
    answer = solve_characteristic(CharacteristicFunctionGame(Players.of(3), worths))
    assert_verified(answer)
    assert ("1+2",) not in coalition_sets(answer)
    assert vectors(answer.tables["solutions"], [], "solution")[()] == [pytest.approx((3.0, 3.0, 3.0))]
    failures = answer.tables["failures"]
    pair = failures[failures["coalition"] == "1+2"]
    assert list(pair["shortfall"]) == [pytest.approx(1.0)] * 2
    assert sorted(pair["breakaway"]) == ["1", "2"]


def test_weights_of_single_coalitions() -> None:
    """The pair 1+2 divides 3 as 1 to 2, and N by the players' own weights, which are equal."""
    worths = {1: 0.0, 2: 0.0, 4: 0.0, 3: 3.0, 5: 0.0, 6: 0.0, 7: 9.0}
    answer = solve_characteristic(CharacteristicFunctionGame(Players.of(3), worths, {3: (1.0, 2.0)}))
    assert_verified(answer)
    assert coalition_sets(answer)["1+2",] == [pytest.approx((1.0, 2.0))]
    assert coalition_sets(answer)["1+2+3",] == [pytest.approx((3.0, 3.0, 3.0))]
