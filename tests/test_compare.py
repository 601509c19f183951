"""The same game by several methods and solvers: agreement, failures as rows, disagreements found."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest
from cli_calls import Call, call

from breakaway.data.games import Game
from breakaway.data.instances import load_instance
from breakaway.results.records import Answer
from breakaway.runners import compare as comparison
from breakaway.runners.asking import HowToSolve
from breakaway.runners.compare import COLUMNS, compare, contenders, disagreement
from breakaway.runners.dispatch import solve_game


def rows(answer: Call) -> dict[str, dict[str, object]]:
    """Return the rows of a comparison printed as JSON, by the name of the method."""
    table = answer.json["table"]
    assert all(tuple(row) == COLUMNS for row in table)
    return {row["method"]: row for row in table}


@pytest.mark.parametrize(
    ("instance", "value"),
    [("cartel-1-3-5", 4.0), ("example-1", math.log(16)), ("several-threats", None), ("example-5", None)],
)
def test_exact_highs_and_scip_agree(instance: str, value: float | None) -> None:
    answer = call("compare", instance, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.json["instance"] == instance
    found = rows(answer)
    assert list(found) == ["exact", "highs", "scip"]
    best = found["exact"]["value"] if value is None else value
    for name, row in found.items():
        assert (row["status"], row["agrees"], row["note"]) == ("optimal", True, ""), name
        assert row["value"] == pytest.approx(best, abs=1e-6)
        assert float(str(row["bound"])) >= float(str(row["value"])) - 1e-9
        assert float(str(row["gap"])) <= 1e-5
        assert row["solutions"] == found["exact"]["solutions"]
        assert row["viable"] == found["exact"]["viable"]
        assert float(str(row["seconds"])) > 0


def test_formulations_are_named() -> None:
    names = "exact,highs:chain_flow,scip:disjunctive"
    found = rows(call("compare", "example-4-singletons", "--solvers", names, "--json"))
    assert list(found) == names.split(",")
    assert all(row["agrees"] is True for row in found.values())


def test_a_comparison_for_reading() -> None:
    answer = call("compare", "cartel-2-3-4", "--solvers", "exact, highs")
    assert (answer.code, answer.err) == (0, "")
    head, exact, highs = (line.split() for line in answer.out.splitlines())
    assert head == list(COLUMNS)
    assert (exact[:6], exact[-1]) == (["exact", "optimal", "5", "5", "0.0e+00", "-"], "yes")
    assert (highs[:4], highs[-1]) == (["highs", "optimal", "5", "5"], "yes")


def test_a_game_without_a_solution_is_an_answer_too() -> None:
    found = rows(call("compare", "theorem-3-pairs", "--solvers", "exact,highs", "--json"))
    assert [row["agrees"] for row in found.values()] == [True, True]
    assert [row["solutions"] for row in found.values()] == [0, 0]


def test_a_polyhedron_says_that_exact_does_not_apply() -> None:
    found = rows(call("compare", "polyhedron-3", "--solvers", "exact,highs", "--json"))
    assert found["exact"]["note"] == "exact does not apply: solved by models"
    assert found["highs"]["agrees"] is True


@pytest.mark.parametrize("instance", ["example-4-singletons", "cartel-2-3-4"])
def test_an_unknown_solver_is_a_row_that_failed(instance: str) -> None:
    answer = call("compare", instance, "--solvers", "exact,magic,highs:magic", "--json")
    assert (answer.code, answer.err) == (0, "")
    found = rows(answer)
    assert found["exact"]["status"] == "optimal"
    for name in ("magic", "highs:magic"):
        assert found[name]["status"] == "failed"
        assert "magic" in str(found[name]["note"])
        assert [found[name][column] for column in ("value", "bound", "gap", "agrees")] == [None] * 4


def test_no_answer_at_all_is_exit_code_3() -> None:
    answer = call("compare", "example-4-singletons", "--solvers", "magic")
    assert answer.code == 3
    assert answer.out.splitlines()[1].split()[:4] == ["magic", "failed", "-", "-"]


@pytest.mark.parametrize(
    ("instance", "limit"), [("several-threats", "0.001"), ("example-5", "0.001"), ("cournot-heterogeneous-5", "0.2")]
)
def test_a_limit_is_a_row_with_what_is_known(instance: str, limit: str) -> None:
    answer = call("compare", instance, "--solvers", "exact,highs", "--time-limit", limit, "--json")
    assert (answer.code, answer.err) == (0, "")
    row = rows(answer)["highs"]
    assert (row["status"], row["agrees"]) == ("limit reached", None)
    assert "limit" in str(row["note"])


def lying(game: Game, how: HowToSolve) -> Answer:
    """Solve a game, and let HiGHS say something else."""
    answer = solve_game(game, how)
    if how.solver != "highs":
        return answer
    tables = {name: frame.copy() for name, frame in answer.tables.items()}
    if "structures" in tables:
        tables["structures"].loc[0, "viable"] = not tables["structures"].loc[0, "viable"]
    else:
        tables["solutions"].loc[0, "payoff"] += 1e-3
    return dataclasses.replace(answer, tables=tables)


@pytest.mark.parametrize(
    ("instance", "note"),
    [("cartel-2-3-4", "viable differs at 1|2|3"), ("example-4-singletons", "solutions differ by 0.001")],
)
def test_a_disagreement_is_found_and_is_no_success(instance: str, note: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "solve_game", lying)
    answer = call("compare", instance, "--solvers", "exact,highs")
    assert answer.code == 1
    assert "NO" in answer.out.splitlines()[2].split()
    found = rows(call("compare", instance, "--solvers", "exact,highs", "--json"))
    assert (found["highs"]["agrees"], found["highs"]["note"]) == (False, note)
    assert found["exact"]["agrees"] is True


# --- what a disagreement is ----------------------------------------------------------------------------------------


def answer_of(name: str) -> Answer:
    return solve_game(load_instance(name).game, HowToSolve(verify=False))


def changed(answer: Answer, table: str, change: pd.DataFrame) -> Answer:
    return dataclasses.replace(answer, tables={**answer.tables, table: change})


def test_numbering_and_order_of_solutions_do_not_matter() -> None:
    answer = answer_of("example-5")
    frame = answer.tables["solutions"]
    assert frame["solution"].nunique() == 3
    turned = frame.assign(solution=4 - frame["solution"]).sort_values(["solution", "player"], ignore_index=True)
    assert disagreement(answer, changed(answer, "solutions", turned)) == ""


def test_every_difference_is_put_into_words() -> None:
    answer = answer_of("cartel-1-3-5")
    structures, blocks, payoffs = (answer.tables[name] for name in ("structures", "blocks", "payoffs"))
    assert disagreement(answer, answer) == ""
    assert disagreement(answer, changed(answer, "structures", structures.iloc[1:])) == "1|2|3 is listed by one only"
    flipped = blocks.assign(viable=~blocks["viable"])
    assert disagreement(answer, changed(answer, "blocks", flipped)).startswith("viable differs at ")
    moved = payoffs.assign(payoff=payoffs["payoff"] * (1 + 1e-4))
    assert disagreement(answer, changed(answer, "payoffs", moved)).startswith("solutions of 1 in 1|2|3 differ by ")
    nearly = payoffs.assign(payoff=payoffs["payoff"] * (1 + 1e-9))
    assert disagreement(answer, changed(answer, "payoffs", nearly)) == ""
    gone = payoffs[payoffs["structure"] != "1+2|3"]
    assert "are listed by one only" in disagreement(answer, changed(answer, "payoffs", gone))
    game = answer_of("example-5")
    fewer = game.tables["solutions"].query("solution < 3")
    assert disagreement(game, changed(game, "solutions", fewer)) == "solutions differ by inf"


def test_in_python_as_well() -> None:
    progress: list[str] = []
    table = compare(load_instance("example-1").game, contenders(["exact", "highs"], HowToSolve()), progress.append)
    assert tuple(table.columns) == COLUMNS
    assert table["agrees"].tolist() == [True, True]
    assert progress == ["solving by exact", "solving by highs"]
