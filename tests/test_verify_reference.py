"""Verification of tables made from independently computed values: everything holds, nothing is left unchecked."""

from __future__ import annotations

import numpy as np
import pytest
from application_cases import run_page
from verify_tables import (
    CASES,
    MapBuilder,
    characteristic_game,
    characteristic_tables,
    coalition,
    expected_solutions,
    externality_game,
    solutions_table,
    structure,
    threat_game,
)

from breakaway.data.games import ExternalityGame
from breakaway.runners.verify import Verification, verify_characteristic, verify_threat_game, verify_viability
from breakaway.runners.verify.divisions import REQUIRED, Accuracy, required_worth
from breakaway.runners.verify.threat_game import _problem

MAP_KINDS = {"cournot", "public_goods", "partition_function_game", "rnd_race"}
MAPS = [name for name, case in CASES.items() if case["kind"] in MAP_KINDS and "payoffs" in case["expected"]]
CHARACTERISTIC = [name for name, case in CASES.items() if case["kind"] == "tu_game"]
EXOGENOUS = [name for name, case in CASES.items() if case["kind"] == "exogenous_tu"]

TOLERANCE = 1e-8
"""The reference values have nine decimals."""


def assert_passed(verification: Verification) -> None:
    failed = verification.checks[verification.checks["failed"] > 0]
    assert verification.passed, failed[["claim", "detail"]].to_string()
    assert verification.residual <= TOLERANCE


def checked(verification: Verification, claim: str) -> int:
    return int(verification.checks.set_index("claim").at[claim, "checked"])


@pytest.mark.parametrize("name", MAPS)
def test_viability_map_of_reference_case(name: str) -> None:
    case = CASES[name]
    builder = MapBuilder(externality_game(case), expected_solutions(case))
    verification = verify_viability(builder.game, builder.tables(), TOLERANCE)
    assert_passed(verification)
    assert checked(verification, "every structure listed once") == len(builder.lattice.structures)
    assert checked(verification, REQUIRED) == sum(map(len, builder.lattice.structures))
    assert checked(verification, "threats follow from finer structures") > 0


@pytest.mark.parametrize("name", [name for name in MAPS if "worth" in CASES[name]["expected"]])
def test_recomputed_worths_are_those_of_the_reference(name: str) -> None:
    case = CASES[name]
    builder = MapBuilder(externality_game(case), expected_solutions(case))
    for row in case["expected"]["worth"]:
        for key, worth in row["worth"].items():
            assert builder.worth(structure(row["structure"]), coalition(key)) == pytest.approx(worth, abs=1e-8)


@pytest.mark.parametrize("name", MAPS)
def test_flags_that_the_builder_writes_are_those_of_the_reference(name: str) -> None:
    case = CASES[name]
    builder = MapBuilder(externality_game(case), expected_solutions(case))
    table = builder.structures()
    for flag in ("viable", "coarsest"):
        expected = {builder.players.structure_name(structure(pi)) for pi in case["expected"][flag]}
        assert set(table.loc[table[flag], "structure"]) == expected


@pytest.mark.parametrize("name", CHARACTERISTIC)
def test_characteristic_function_of_reference_case(name: str) -> None:
    case = CASES[name]
    game = characteristic_game(case)
    sigma = {coalition(key): [tuple(x) for x in xs] for key, xs in case["expected"]["sigma"].items()}
    log_product = case["expected"]["log_nash_value_N"]
    claims = {"log_nash_product": log_product, "zero_product": log_product is None and bool(sigma[max(sigma)])}
    verification = verify_characteristic(game, characteristic_tables(game, sigma), claims, TOLERANCE)
    assert_passed(verification)
    assert checked(verification, "every coalition listed once") == 2 ** len(game.players) - 1
    assert checked(verification, "zero product flagged") == 1


@pytest.mark.parametrize("name", EXOGENOUS)
def test_threat_game_of_reference_case(name: str) -> None:
    case = CASES[name]
    game, expected = threat_game(case), case["expected"]
    bounds = expected["minimal_bounds"]
    claims = {
        "log_nash_product": expected["log_nash_value"],
        "upper_bound": expected["log_nash_value"],
        "required_worth": min(map(sum, bounds)),
        "zero_product": False,
        "complete": True,
    }
    solutions = solutions_table(game.players, [tuple(x) for x in expected["solutions"]])
    verification = verify_threat_game(game, solutions, claims, TOLERANCE)
    assert_passed(verification)
    assert checked(verification, REQUIRED) == 1
    assert checked(verification, "all maximisers listed") == len(expected["solutions"])


@pytest.mark.parametrize("name", EXOGENOUS)
def test_required_worth_is_the_least_sum_of_the_known_minimal_bounds(name: str) -> None:
    problem = _problem(threat_game(CASES[name]))
    found = required_worth(problem, Accuracy(1e-9, 10.0))
    assert found == pytest.approx(np.sum(CASES[name]["expected"]["minimal_bounds"], axis=1).min(), abs=1e-8)


@pytest.mark.parametrize("share", ["absent", "partial"])
def test_threats_may_be_absent_or_partial(share: str) -> None:
    case = CASES["ex4_A23"]
    game: ExternalityGame = externality_game(case)
    tables = MapBuilder(game, expected_solutions(case)).tables()
    threats = tables.pop("threats")
    if share == "partial":
        tables["threats"] = threats[threats["breakaway"] == "2"]
    verification = verify_viability(game, tables, TOLERANCE, {"threats": share})
    assert_passed(verification)
    claim = "threats follow from finer structures"
    assert checked(verification, claim) == {"absent": 0, "partial": 3}[share]


def test_partial_table_of_threats_fails_when_all_are_claimed() -> None:
    case = CASES["ex4_A23"]
    game = externality_game(case)
    tables = MapBuilder(game, expected_solutions(case)).tables()
    tables["threats"] = tables["threats"][lambda table: table["breakaway"] == "2"]
    checks = verify_viability(game, tables, TOLERANCE).checks
    assert checks.loc[checks["failed"] > 0, "claim"].tolist() == ["threats follow from finer structures"]


def test_page_shows_real_output() -> None:
    pairs = run_page("verify")
    assert len(pairs) == 2
    for expected, obtained in pairs:
        assert obtained == expected
