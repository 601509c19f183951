"""Viability maps: every reference case by both methods, with and without recognising identical players, and hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from map_cases import (
    MAP_KINDS,
    assert_same_answers,
    assert_same_numbers,
    assert_same_sets,
    assert_same_vectors,
    assert_verified,
    case_id,
    cases,
    externality_game,
    flagged,
    map_of,
    mask,
    names_of,
    numbers_by,
    payoff_sets,
    scale_of,
    size_of,
    structure,
)

from breakaway.data.coalitions import bell_number
from breakaway.data.games import (
    AbatementGame,
    CharacteristicFunctionGame,
    CournotMarket,
    ExternalityGame,
    Players,
)
from breakaway.data.instances import load_instance, shipped_instances
from breakaway.results.records import Answer
from breakaway.runners.asking import About, HowToSolve, UnfinishedError
from breakaway.runners.characteristic import solve_characteristic
from breakaway.runners.recursion import Hooks, ViabilityMap
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.viability import solve_viability

MAPS = cases(*MAP_KINDS)
TOLERANCE = 1e-7
"""The reference values have nine decimals."""

MODEL_ACCURACY = 1e-8
"""Of the equilibrium models, relative to the largest worth."""

FIVE_BY_MODEL = {"cournot_sym5", "cournot_5_b"}
BY_MODEL = [case for case in MAPS if size_of(case) <= 4 or case["id"] in FIVE_BY_MODEL]


def assert_as_expected(answer: Answer, case: Mapping[str, Any], tolerance: float = TOLERANCE) -> None:
    """Compare an answer with a reference case: verdicts, all payoff vectors of every block, worths."""
    game, expected = externality_game(case), case["expected"]
    players = game.players
    assert len(answer.tables["structures"]) == expected["n_structures"]
    assert int(answer.tables["structures"]["viable"].sum()) == expected["n_viable"]
    assert flagged(answer, "viable") == names_of(players, expected["viable"])
    assert flagged(answer, "coarsest") == names_of(players, expected["coarsest"])
    if "payoffs" in expected:
        assert_same_sets(payoff_sets(answer), _expected_payoffs(players, expected), tolerance)
    if "worth" in expected:
        worths = numbers_by(answer.tables["blocks"], ["structure", "coalition"], "worth")
        assert_same_numbers(worths, _expected_worths(players, expected), tolerance)
    for row in expected.get("types", []):
        _assert_worths_of_type(answer, row)
    for row in expected.get("payoffs_sorted_by_type", []):
        _assert_payoffs_of_type(answer, row)


def _expected_payoffs(players: Players, expected: Mapping[str, Any]) -> dict[tuple[str, ...], list[list[float]]]:
    return {
        (players.structure_name(structure(row["structure"])), players.coalition_name(mask(key))): vectors
        for row in expected["payoffs"]
        for key, vectors in row["blocks"].items()
    }


def _expected_worths(players: Players, expected: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    return {
        (players.structure_name(structure(row["structure"])), players.coalition_name(mask(key))): value
        for row in expected["worth"]
        for key, value in row["worth"].items()
    }


def sizes(structure_name: str) -> list[int]:
    return sorted((len(block.split("+")) for block in structure_name.split("|")), reverse=True)


def _assert_worths_of_type(answer: Answer, row: Mapping[str, Any]) -> None:
    """Structures of one type of sizes have the same worths by size, and the same verdict."""
    blocks = answer.tables["blocks"]
    expected = dict(zip(row["sizes"], row["value"], strict=True))
    chosen = [name for name in answer.tables["structures"]["structure"] if sizes(name) == row["sizes"]]
    assert chosen
    for name in chosen:
        own = blocks[blocks["structure"] == name]
        for coalition, worth in zip(own["coalition"], own["worth"], strict=True):
            assert worth == pytest.approx(expected[len(coalition.split("+"))], abs=TOLERANCE)
    assert {name in flagged(answer, "viable") for name in chosen} == {row["viable"]}


def _assert_payoffs_of_type(answer: Answer, row: Mapping[str, Any]) -> None:
    """Up to renaming, blocks of one size in structures of one type share these sorted payoffs."""
    found = {place: own for place, own in payoff_sets(answer).items() if sizes(place[0]) == row["sizes"]}
    assert found
    for (_, coalition), own in found.items():
        distinct = {tuple(round(payoff, 8) for payoff in sorted(vector)) for vector in own}
        assert_same_vectors(sorted(distinct), row["blocks"][str(len(coalition.split("+")))], TOLERANCE)


# --- reference cases -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", MAPS, ids=case_id)
def test_reference_case_exactly(case: dict[str, Any]) -> None:
    """By type patterns and structure by structure: both as expected, and all tables equal."""
    game = externality_game(case)
    by_pattern = solve_viability(game, HowToSolve(verify=size_of(case) <= 5, detail="all"))
    if size_of(case) <= 5:
        assert_verified(by_pattern)
    assert_as_expected(by_pattern, case)
    one_by_one = solve_viability(game, HowToSolve(identical=False, verify=False, detail="all"))
    assert_as_expected(one_by_one, case)
    assert_same_answers(by_pattern, one_by_one, 1e-9)


@pytest.mark.parametrize("case", BY_MODEL, ids=case_id)
def test_reference_case_by_models(case: dict[str, Any]) -> None:
    answer = solve_viability(externality_game(case), HowToSolve(method="model", verify=True))
    assert_verified(answer)
    assert answer.certificate.claims["method"] == "model"
    assert answer.options["solver"] == "highs"
    assert_as_expected(answer, case, TOLERANCE + MODEL_ACCURACY * scale_of(answer))


# --- every shipped instance by both methods ------------------------------------------------------------------------


def shipped() -> list[str]:
    """Return the shipped instances with structures to judge, up to five players."""
    names = []
    for entry in shipped_instances():
        game = load_instance(entry.name).game
        if isinstance(game, ExternalityGame | CharacteristicFunctionGame) and len(game.players) <= 5:
            names.append(entry.name)
    return names


@pytest.mark.parametrize("name", shipped())
def test_both_methods_give_the_same_map(name: str) -> None:
    instance = load_instance(name)
    about = About(instance.kind, instance.title, instance.source)
    how = HowToSolve(detail="all", verify=False), HowToSolve(method="model", detail="all", verify=True)
    solve = solve_characteristic if isinstance(instance.game, CharacteristicFunctionGame) else solve_viability
    exact, by_model = (solve(instance.game, each, about) for each in how)  # type: ignore[arg-type]
    assert_verified(by_model)
    assert (exact.kind, exact.title, exact.source) == about
    assert_same_answers(exact, by_model, 1e-6)


# --- hooks, workers, size ------------------------------------------------------------------------------------------

SEVEN = CournotMarket(Players.of(7), (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 4.5), 45.0)
SIX = CournotMarket(Players.of(6), (1.0, 1.5, 2.0, 3.0, 4.0, 4.5), 45.0)


def assert_same_maps(one: ViabilityMap, other: ViabilityMap) -> None:
    assert one.lattice.patterns == other.lattice.patterns
    assert one.viable == other.viable
    assert one.coarsest == other.coarsest
    assert one.threats == other.threats
    for mine, theirs in zip(one.blocks, other.blocks, strict=True):
        assert [b.coalition for b in mine] == [b.coalition for b in theirs]
        assert [b.worth for b in mine] == [b.worth for b in theirs]
        assert [b.division.solutions for b in mine] == [b.division.solutions for b in theirs]
        assert [b.division.required for b in mine] == [b.division.required for b in theirs]


def test_two_workers_give_the_same_map_as_one() -> None:
    alone = map_of(SEVEN)
    together = map_of(SEVEN, Hooks(workers=2))
    assert len(alone.lattice.patterns) == bell_number(7) == 877
    assert_same_maps(alone, together)
    assert together.triples == alone.triples == 9_604


def test_finished_levels_are_not_solved_again() -> None:
    whole = map_of(SIX)
    stops = [level.stop for level in whole.lattice.levels()]
    left = []
    for stop in stops:
        resumed = map_of(SIX, Hooks(finished=whole.blocks[:stop]))
        assert_same_maps(whole, resumed)
        assert resumed.triples == sum(_triples_of(whole, k) for k in range(stop, len(whole.viable)))
        left.append(resumed.triples)
    assert left[0] == whole.triples == 1_712
    assert left == sorted(set(left), reverse=True)
    assert left[-1] == 0


def _triples_of(result: ViabilityMap, number: int) -> int:
    """Count pairs (block, strict nonempty part): 2^s - 2 for a block of s players."""
    return sum(2 ** block.bit_count() - 2 for block in result.lattice.patterns[number])


def test_a_level_that_is_finished_in_part_is_solved_again() -> None:
    whole = map_of(SIX)
    second = whole.lattice.levels()[1]
    resumed = map_of(SIX, Hooks(finished=whole.blocks[: second.stop - 1]))
    assert_same_maps(whole, resumed)
    assert resumed.triples == whole.triples


def test_progress_is_reported_after_every_level() -> None:
    seen: list[int] = []
    map_of(SIX, Hooks(level_done=lambda partial: seen.append(len(partial.viable))))
    assert seen == [1, 16, 81, 171, 202, 203]


def test_resuming_an_answer_gives_the_same_tables() -> None:
    kept: list[ViabilityMap] = []
    plain = solve_viability(SIX, HowToSolve(verify=False), hooks=Hooks(level_done=kept.append))
    resumed = solve_viability(SIX, HowToSolve(verify=False), hooks=Hooks(finished=kept[-1].blocks[:171]))
    assert resumed.certificate.claims["triples"] < plain.certificate.claims["triples"]  # type: ignore[operator]
    for name, table in plain.tables.items():
        assert table.equals(resumed.tables[name]), name


def test_many_identical_players_are_listed_by_pattern() -> None:
    """Twelve identical firms: 77 patterns stand for 4,213,597 structures; verdicts as in the concept's table."""
    market = CournotMarket(Players.of(12), (1.0,) * 12, 61.0)
    answer = solve_viability(market)
    assert answer.certificate.termination == "optimal"
    table = answer.tables["structures"]
    assert len(table) == 77
    assert int(table["renamings"].sum()) == bell_number(12)
    for other in answer.tables.values():
        assert set(other["structure"]) <= set(table["structure"])
    coarsest = sorted(sizes(name) for name in flagged(answer, "coarsest"))
    assert coarsest == [[3, 3, 3, 1, 1, 1], [5, 5, 2]]


def test_detail_chooses_the_tables() -> None:
    market = CournotMarket(Players.of(3), (1.0, 3.0, 5.0), 23.0)
    shown = {
        detail: set(solve_viability(market, HowToSolve(detail=detail)).tables) for detail in ("all", "failures", "none")
    }
    always = {"structures", "blocks", "payoffs"}
    assert shown["none"] == always
    assert shown["failures"] == always | {"failures"}
    assert shown["all"] == always | {"failures", "threats", "met"}


def test_efficient_structures_have_the_largest_total() -> None:
    """Three equal countries: the grand coalition alone is efficient, and it is not viable (Example 2)."""
    answer = solve_viability(AbatementGame(Players.of(3), (1.0, 1.0, 1.0)))
    assert_verified(answer)
    assert flagged(answer, "efficient") == {"1+2+3"}
    assert "1+2+3" not in flagged(answer, "viable")
    totals = numbers_by(answer.tables["structures"], ["structure"], "worth")
    assert max(totals, key=totals.__getitem__) == ("1+2+3",)


def test_a_limit_before_the_first_structure_leaves_an_empty_map() -> None:
    """With so little time not even the worths of the finest structure are computed."""
    how = HowToSolve("model", options=SolverOptions(time_limit=1e-9))
    with pytest.raises(UnfinishedError) as stopped:
        solve_viability(load_instance("cournot-heterogeneous-5").game, how)
    assert stopped.value.answer.tables["structures"].empty
    assert stopped.value.answer.certificate.claims["judged"] == 0
