"""Bad input at the command line: exit code 2, the place and the remedy on standard error, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input_cases import CHARACTERISTIC, COURNOT, PARTITION, TOTAL, Files, many_firms
from cli_calls import Call, call, write_files

PARTITION_REMEDY = "put every player in exactly one coalition, as in A+B|C"


def edited(good: Files, file: str, old: str, new: str) -> Files:
    assert old in good[file]
    return {**good, file: good[file].replace(old, new, 1)}


BAD: dict[str, tuple[Files, str]] = {
    "a missing worth": (
        edited(CHARACTERISTIC, "worths.csv", "Ann+Bob,", "# Ann+Bob,"),
        "worths.csv:coalition: 1 worth is missing: Ann+Bob; add their rows, or give the parameter missing_worth",
    ),
    "a duplicate row": (
        {**COURNOT, "players.csv": COURNOT["players.csv"] + "Bob,3,1\n"},
        "players.csv:7:player: player 'Bob' is given twice, first in row 5; keep one of the rows",
    ),
    "an unknown player": (
        edited(TOTAL, "threats.csv", "u,Cid", "u,Kit"),
        "threats.csv:4:player: unknown player 'Kit'; known players: Ann, Bob, Cid",
    ),
    "overlapping coalitions": (
        edited(PARTITION, "worths.csv", "Ann+Cid|Bob,Bob", "Ann+Bob|Bob,Bob"),
        f"worths.csv:8:structure: coalitions overlap in structure 'Ann+Bob|Bob': Bob twice; {PARTITION_REMEDY}",
    ),
    "a structure that is not a partition": (
        edited(PARTITION, "worths.csv", "Ann+Cid|Bob,Bob", "Ann|Bob,Bob"),
        f"worths.csv:8:structure: structure 'Ann|Bob' is not a partition: Cid is missing; {PARTITION_REMEDY}",
    ),
    "NaN": (
        edited(COURNOT, "players.csv", "Bob,3", "Bob,nan"),
        "players.csv:5:unit_cost: 'nan' is not a finite number; give a finite number",
    ),
    "a negative weight": (
        edited(COURNOT, "players.csv", "Bob,3,1", "Bob,3,-1"),
        "players.csv:5:weight: weight is -1; it must be greater than 0",
    ),
    "a threat below the disagreement payoff": (
        edited(TOTAL, "threats.csv", "t,Ann,2", "t,Ann,0.5"),
        "threats.csv:2:payoff: payoff 0.5 of 'Ann' in threat 't' is below the disagreement payoff 1.0; "
        "leave out the threat: the player would not join it, or correct the payoff",
    ),
    "an empty table": (
        {**TOTAL, "players.csv": "player\n"},
        "players.csv: table 'players' has no rows; add one row for each entry",
    ),
    "a wrong kind": (
        edited(COURNOT, "game.toml", "cournot", "cornot"),
        "game.toml:1:kind: unknown kind 'cornot'; did you mean 'cournot'?",
    ),
    "no interior output": (
        edited(COURNOT, "players.csv", "Cid,4", "Cid,9"),
        "players.csv:6:unit_cost: firm 'Cid' would not produce when all stand alone: A + sum of costs does not exceed "
        "4 x 9, condition (25); raise demand_intercept above 22, lower the unit cost, or leave the firm out",
    ),
    "30 players where 13 is the limit": (
        {**COURNOT, "players.csv": many_firms(30, 0.01)},
        "players.csv:player: 30 players: the limit is 13, or 22 when many are identical; merge or leave out players",
    ),
}


def refused(answer: Call, *lines: str) -> None:
    """Assert that a command names exactly these problems on standard error, and nothing else anywhere."""
    assert answer.code == 2
    assert answer.out == ""
    count = f"{len(lines)} problem" + ("s" if len(lines) > 1 else "")
    assert answer.err.splitlines() == [*lines, f"{count}; nothing was solved"]


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", ["check", "solve", "compare"])
def test_bad_input_is_refused_with_place_and_remedy(tmp_path: Path, command: str, name: str) -> None:
    files, line = BAD[name]
    folder = write_files(tmp_path / "instance", files)
    out = tmp_path / "run"
    refused(call(command, folder, *(["--out", out] if command == "solve" else [])), line)
    assert not out.exists()
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)


@pytest.mark.parametrize("command", ["check", "solve", "compare"])
def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path, command: str) -> None:
    folder = write_files(tmp_path / "instance", COURNOT)
    (folder / "players.csv").write_bytes(COURNOT["players.csv"].replace("Bob", "Zoë").encode("latin-1"))
    why = "not UTF-8: byte 0xeb at byte position 51 (counted from 0); save the file with the encoding UTF-8"
    refused(call(command, folder), f"players.csv:5: {why}")


def test_several_problems_come_at_once(tmp_path: Path) -> None:
    files = {
        "game.toml": TOTAL["game.toml"].replace("total_worth = 10", 'total_worth = "ten"'),
        "players.csv": TOTAL["players.csv"].replace("Bob,1", "Bob,-1"),
        "threats.csv": TOTAL["threats.csv"].replace("t,Ann,2", "t,Ann,nan").replace("u,Cid,1", "u,Kit,1"),
    }
    answer = call("solve", write_files(tmp_path / "instance", files), "--out", tmp_path / "run")
    places = [line.split(": ")[0] for line in answer.err.splitlines()]
    assert places == [
        "game.toml:6:total_worth",
        "players.csv:3:weight",
        "threats.csv:2:payoff",
        "threats.csv:4:player",
        "4 problems; nothing was solved",
    ]
    assert answer.code == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["check", "solve", "compare"])
def test_problems_as_json(tmp_path: Path, command: str) -> None:
    files, line = BAD["NaN"]
    answer = call(command, write_files(tmp_path / "instance", files), "--json")
    assert (answer.code, answer.err) == (2, "")
    assert answer.json == {"problems": [line]}


@pytest.mark.parametrize("command", ["check", "solve", "compare"])
def test_an_unknown_instance_names_the_nearest_one(command: str) -> None:
    refused(
        call(command, "cartel-2-3-5"),
        "cartel-2-3-5: there is no such folder, and no shipped instance of that name; did you mean 'cartel-2-3-4'?",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--plots"], "--plots needs a folder to write to: add --out DIR"),
        (["--workers", "0"], "--workers 0: at least one process is needed"),
        (["--solver", "scip"], "--solver and --formulation are for Pyomo models: add --method model"),
        (["--formulation", "threshold"], "--solver and --formulation are for Pyomo models: add --method model"),
        (["--method", "model", "--formulation", "treshold"], "treshold"),
        (["--method", "model", "--rational"], "the rational option needs the exact method"),
        (["--tolerance", "-1"], "tolerance"),
        (["--time-limit", "0"], "time_limit"),
        (["--threads", "0"], "threads"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, words: list[str], message: str) -> None:
    out = [] if words == ["--plots"] else ["--out", tmp_path / "run"]
    answer = call("solve", "cartel-2-3-4", *words, *out)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("instance", ["example-1", "example-2-123", "example-3-high-synergy"])
def test_fractions_are_refused_where_there_are_none(instance: str) -> None:
    answer = call("solve", instance, "--rational")
    assert (answer.code, answer.out) == (2, "")
    assert "leave out the rational option" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["sovle", "cartel-2-3-4"],
        ["solve"],
        ["solve", "cartel-2-3-4", "--method", "magic"],
        ["solve", "cartel-2-3-4", "--workers", "two"],
        ["verify"],
    ],
)
def test_words_that_are_no_command_show_the_usage(words: list[str]) -> None:
    answer = call(*words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("usage: breakaway")


def test_compare_needs_a_solver() -> None:
    answer = call("compare", "example-1", "--solvers", " , ")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "no solvers to compare; name some, such as exact,highs,scip\n"


def test_a_foreign_folder_is_refused_before_anything_is_solved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.md").write_text("mine")
    monkeypatch.setattr("breakaway.runners.cli.solve_instance", None)
    answer = call("solve", "cartel-2-3-4", "--out", tmp_path)
    assert answer.code == 2
    assert answer.err == f"{tmp_path}: is not empty and holds no run.json, so it is not a run; give another folder\n"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"notes.md": "mine"}


def test_the_run_of_another_instance_is_not_replaced(tmp_path: Path) -> None:
    assert call("solve", "example-1", "--out", tmp_path / "run").code == 0
    before = (tmp_path / "run" / "run.json").read_bytes()
    answer = call("solve", "cartel-2-3-4", "--out", tmp_path / "run")
    assert answer.code == 2
    assert "holds a run of another instance" in answer.err
    assert answer.err.endswith("give another folder\n")
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    answer = call("solve", "example-1", "--out", tmp_path / "file")
    assert (answer.code, answer.err) == (2, f"{tmp_path / 'file'}: is a file, not a folder; give another folder\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "run.json: is missing from the run; solve the instance again"),
        ("{", "is not JSON"),
        ("{}", "was not written by breakaway; give the folder of a run"),
    ],
)
def test_verify_refuses_what_is_no_run(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    answer = call("verify", tmp_path)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    as_json = call("verify", tmp_path, "--json")
    assert as_json.code == 2
    assert message in as_json.json["error"]


@pytest.mark.parametrize("tolerance", ["0", "-1e-9", "1", "nan"])
def test_verify_refuses_a_tolerance_that_means_nothing(tmp_path: Path, tolerance: str) -> None:
    assert call("solve", "example-1", "--out", tmp_path / "run").code == 0
    answer = call("verify", tmp_path / "run", f"--tolerance={tolerance}")
    assert (answer.code, answer.out) == (2, "")
    assert "give a number between 0 and 1, such as 1e-9" in answer.err
