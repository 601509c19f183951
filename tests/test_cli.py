"""The command line: every command for reading and as JSON, exit codes, runs on disk and their verification."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_calls import call, market, tables_of

from breakaway.data.instances import shipped_instances
from breakaway.runners import cli
from breakaway.runners.solvers import SolverUnavailableError

INSTANCES = [str(instance.name) for instance in shipped_instances()]

CONCEPTS = {
    "cartel-2-3-4": "viability",
    "example-4-singletons": "coalitional-nash",
    "example-5": "characteristic-function",
}
"""One shipped instance for each concept."""


def solved(tmp_path: Path, instance: str, *options: str) -> Path:
    answer = call("solve", instance, "--out", tmp_path / "run", *options)
    assert answer.code == 0, answer.err
    return tmp_path / "run"


# --- check, instances, solvers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("instance", INSTANCES)
def test_shipped_instances_have_no_problems(instance: str) -> None:
    answer = call("check", instance)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{instance}: no problems. ")


def test_check_as_json() -> None:
    answer = call("check", "cartel-2-3-4", "--json")
    assert answer.code == 0
    assert answer.json == {
        "instance": "cartel-2-3-4",
        "kind": "cournot",
        "title": "Cartels of three firms with unit costs 2, 3 and 4: all hold together",
        "problems": [],
    }


def test_instances_are_listed() -> None:
    answer = call("instances")
    assert answer.code == 0
    assert answer.out.splitlines()[0].split() == ["name", "kind", "title"]
    assert [line.split()[0] for line in answer.out.splitlines()[1:]] == INSTANCES
    listed = call("instances", "--json").json["instances"]
    assert [row["name"] for row in listed] == INSTANCES
    assert set(listed[0]) == {"name", "kind", "title", "source"}


def test_solvers_are_listed() -> None:
    answer = call("solvers")
    assert answer.code == 0
    assert [line.split()[:2] for line in answer.out.splitlines()[1:3]] == [["highs", "yes"], ["ipopt", "yes"]]
    by_name = {row["solver"]: row for row in call("solvers", "--json").json["solvers"]}
    assert by_name["highs"]["available"] is True
    assert by_name["highs"]["MILP"] == "yes"
    assert by_name["ipopt"]["NLP"] == "yes"


# --- solve ---------------------------------------------------------------------------------------------------------


def test_solve_for_reading() -> None:
    answer = call("solve", "cartel-2-3-4")
    assert (answer.code, answer.err) == (0, "")
    assert "The grand coalition 1+2+3 holds together: it is worth 16" in answer.out
    assert "1+2+3      only      9  4  3" in answer.out
    assert "Certificate: optimal, proven optimum; checked independently" in answer.out
    assert answer.out == answer.out.rstrip("\n") + "\n"


@pytest.mark.parametrize("instance", CONCEPTS)
def test_solve_as_json(instance: str) -> None:
    answer = call("solve", instance, "--json")
    assert (answer.code, answer.err) == (0, "")
    found = answer.json
    assert found["concept"] == CONCEPTS[instance]
    assert found["status"] == {"termination": "optimal", "holding": "proven optimum"}
    assert found["certificate"]["claims"]["verified"] is True
    assert found["certificate"]["residual"] <= 1e-9
    key = "payoffs" if CONCEPTS[instance] == "viability" else "solutions"
    assert all(isinstance(row["payoff"], float) for row in found["tables"][key])


def test_numbers_of_the_example_as_json() -> None:
    tables = call("solve", "cartel-2-3-4", "--json").json["tables"]
    grand = {row["player"]: row["payoff"] for row in tables["payoffs"] if row["structure"] == "1+2+3"}
    assert grand == pytest.approx({"1": 9.0, "2": 4.0, "3": 3.0})
    assert [row["structure"] for row in tables["structures"] if row["coarsest"]] == ["1+2+3"]


def test_solve_writes_nothing_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("check", "solve", "compare"):
        assert call(command, "example-1").code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_disk_says_how_it_was_made(tmp_path: Path) -> None:
    run = solved(tmp_path, "cartel-1-3-5", "--seed", "7")
    header = json.loads((run / "run.json").read_text())
    assert header["command"] == f"breakaway solve cartel-1-3-5 --out {run} --seed 7"
    assert (header["seed"], header["options"]["seed"]) == (7, 7)
    assert header["status"] == {"termination": "optimal", "holding": "proven optimum"}
    assert {"python", "breakaway", "pyomo", "highspy"} <= set(header["versions"])
    assert set(header["inputs"]) == {"game.toml", "players.csv"}
    assert sorted(header["tables"]) == sorted(tables_of(run))
    for name, entry in header["tables"].items():
        assert entry["sha256"] == hashlib.sha256((run / f"{name}.csv").read_bytes()).hexdigest()


def test_solving_twice_into_one_folder_replaces_the_run(tmp_path: Path) -> None:
    run = solved(tmp_path, "cartel-1-3-5")
    assert (run / "met.csv").exists()
    before = {name: table for name, table in tables_of(run).items() if name in {"structures", "blocks", "payoffs"}}
    solved(tmp_path, "cartel-1-3-5", "--detail", "none")
    after = tables_of(run)
    assert set(after) == set(before)
    for name, table in before.items():
        assert table.equals(after[name]), name
    assert call("verify", run).code == 0


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "breakaway.runners.cli", "check", "example-1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("example-1: no problems. threat-game with 3 players")


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m breakaway.runners.cli instances | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0].startswith("name")
    assert "Traceback" not in done.stderr


# --- workers, identical players, methods ---------------------------------------------------------------------------


def same_tables(one: Path, other: Path) -> None:
    here, there = tables_of(one), tables_of(other)
    assert set(here) == set(there)
    for name, table in here.items():
        assert table.equals(there[name]), name


def test_two_workers_give_the_tables_of_one(tmp_path: Path) -> None:
    seven = market(tmp_path / "seven", [1, 1.5, 2, 2.25, 3, 3.5, 4], 30)
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert call("solve", seven, "--workers", workers, "--out", out, "--detail", "failures").code == 0
    same_tables(tmp_path / "1", tmp_path / "2")


@pytest.mark.parametrize("instance", ["cartel-symmetric-5", "example-2-five-countries", "partition-function-4"])
def test_identical_players_change_no_table(tmp_path: Path, instance: str) -> None:
    for name, option in (("patterns", []), ("each", ["--no-identical"])):
        assert call("solve", instance, "--out", tmp_path / name, *option).code == 0
    for name, table in tables_of(tmp_path / "patterns").items():
        other = tables_of(tmp_path / "each")[name]
        assert len(table) == len(other)
        keys = [c for c in ("structure", "coalition", "solution", "player") if c in table and name != "failures"]
        if name in {"structures", "blocks"}:
            both = table.merge(other, on=keys, suffixes=("", " there"))
            assert len(both) == len(table)
            for flag in {"viable", "coarsest", "efficient"} & set(table.columns):
                assert both[flag].equals(both[f"{flag} there"]), (name, flag)
        if name == "payoffs":
            assert vectors(table) == vectors(other)


def vectors(payoffs: object) -> set[tuple[object, ...]]:
    rows = payoffs.groupby(["structure", "coalition", "solution"], sort=False)  # type: ignore[attr-defined]
    return {
        (structure, coalition, tuple(round(float(x), 8) for x in group.sort_values("player")["payoff"]))
        for (structure, coalition, _), group in rows
    }


@pytest.mark.parametrize("instance", ["cartel-1-3-5", "example-4-singletons", "example-5"])
def test_fractions_give_the_same_answer(tmp_path: Path, instance: str) -> None:
    run = solved(tmp_path, instance, "--rational")
    assert call("verify", run).code == 0
    assert call("solve", instance, "--json").json["tables"].keys() <= tables_of(run).keys()


# --- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instance", ["several-threats", "example-5", "cournot-heterogeneous-5", "polyhedron-3"])
def test_a_limit_leaves_what_is_known(tmp_path: Path, instance: str) -> None:
    run = tmp_path / "run"
    words = ["solve", instance, "--method", "model", "--time-limit", "0.001"]
    answer = call(*words, "--out", run)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("no answer: ")
    assert f"what is known is in {run}" in answer.err
    header = json.loads((run / "run.json").read_text())
    assert header["status"]["termination"] == "time limit"
    assert header["status"]["holding"] not in {"proven optimum", "infeasibility proof"}
    assert header["certificate"]["claims"]["complete"] is False
    for table in {"solutions", "coalitions", "blocks"} & set(header["tables"]):
        assert header["tables"][table]["complete"] is False
    as_json = call(*words, "--json")
    assert as_json.code == 3
    assert set(as_json.json) == {"error", "status", "claims"}
    assert as_json.json["status"] == header["status"]


def test_a_limit_after_a_value_is_found_keeps_value_and_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from breakaway.runners import stepwise  # noqa: PLC0415

    monkeypatch.setattr(stepwise.Clock, "_remaining", remaining_until(3, stepwise.Clock._remaining))
    answer = call("solve", "several-threats", "--method", "model", "--time-limit", "60", "--out", tmp_path / "run")
    assert answer.code == 3
    claims = json.loads((tmp_path / "run" / "run.json").read_text())["certificate"]["claims"]
    assert claims["log_nash_product"] <= claims["upper_bound"]
    assert claims["gap"] == pytest.approx(claims["upper_bound"] - claims["log_nash_product"])


def remaining_until(calls: int, real: Callable[..., object]) -> Callable[..., object]:
    left = [calls]

    def remaining(clock: object, best: float | None, bound: float) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise clock.limit_reached(best, bound)  # type: ignore[attr-defined]
        return real(clock, best, bound)

    return remaining


@pytest.mark.parametrize("instance", ["several-threats", "example-5", "cournot-heterogeneous-5"])
def test_an_unfinished_run_is_not_verified(tmp_path: Path, instance: str) -> None:
    run = tmp_path / "run"
    assert call("solve", instance, "--method", "model", "--time-limit", "0.001", "--out", run).code == 3
    answer = call("verify", run)
    assert (answer.code, answer.out) == (3, "")
    assert "the run is unfinished (time limit); finish it, with a higher limit if it has one: breakaway" in answer.err
    assert call("verify", run, "--json").json["error"] + "\n" == answer.err


def test_a_finished_run_replaces_the_unfinished_one(tmp_path: Path) -> None:
    words = ["solve", "example-5", "--method", "model", "--out", tmp_path / "run"]
    assert call(*words, "--time-limit", "0.001").code == 3
    assert call(*words).code == 0
    assert call("verify", tmp_path / "run").code == 0


def test_a_solver_that_is_not_there_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object, **__: object) -> object:
        raise SolverUnavailableError("scip is not installed: pip install breakaway[scip]")

    monkeypatch.setattr("breakaway.runners.stepwise.solve_model", unavailable)
    answer = call("solve", "example-1", "--method", "model", "--solver", "scip", "--out", tmp_path / "run")
    assert answer.code == 3
    assert answer.err == "no answer: scip is not installed: pip install breakaway[scip]\n"
    assert not (tmp_path / "run").exists()


def test_the_unexpected_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise ArithmeticError("two patterns share a key")

    monkeypatch.setattr(cli, "solve_instance", broken)
    with pytest.raises(ArithmeticError, match="two patterns share a key"):
        call("solve", "example-1")


# --- verify --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "instance", [pytest.param(name, marks=[pytest.mark.slow] * (name == "market-1000")) for name in INSTANCES]
)
def test_untouched_runs_of_shipped_instances_pass(tmp_path: Path, instance: str) -> None:
    run = solved(tmp_path, instance, "--no-verify")
    answer = call("verify", run)
    assert answer.code == 0, answer.out
    assert answer.err == ""
    last = answer.out.splitlines()[-1]
    assert last.startswith(f"{run}: every claim holds; ")
    assert last.endswith(" 0 failed")


def test_verify_as_json(tmp_path: Path) -> None:
    run = solved(tmp_path, "cartel-2-3-4")
    found = call("verify", run, "--json").json
    assert found["passed"] is True
    assert found["altered"] == []
    assert found["tolerance"] == 1e-9
    assert found["residual"] <= 1e-9
    assert all(check["failed"] == 0 for check in found["checks"])
    assert {"claim", "checked", "failed", "worst_residual", "detail"} == set(found["checks"][0])


def test_a_wide_tolerance_is_pointed_out(tmp_path: Path) -> None:
    run = solved(tmp_path, "cartel-2-3-4")
    assert call("verify", run).out.splitlines()[-1].endswith("items checked, 0 failed")
    answer = call("verify", run, "--tolerance", "1e-3")
    assert answer.code == 0
    assert answer.out.splitlines()[-1] == "tolerance 0.001, more than the usual 1e-09"


Edit = Callable[[list[str]], list[str]]


def cell(line: int, column: int, text: str) -> Edit:
    def change(lines: list[str]) -> list[str]:
        cells = lines[line].split(",")
        assert cells[column] != text
        cells[column] = text
        return [*lines[:line], ",".join(cells), *lines[line + 1 :]]

    return change


def without(line: int) -> Edit:
    return lambda lines: [*lines[:line], *lines[line + 1 :]]


def tamper(run: Path, name: str, edit: Edit, *, cover: bool) -> None:
    """Edit a file of a run; ``cover`` hides the traces in run.json, so that only its content tells."""
    path = run / name
    path.write_text("\n".join(edit(path.read_text().splitlines())) + "\n")
    if cover:
        header = json.loads((run / "run.json").read_text())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if name.startswith("instance/"):
            header["inputs"][path.name] = digest
        else:
            header["tables"][path.stem]["sha256"] = digest
        (run / "run.json").write_text(json.dumps(header))


TAMPERINGS: dict[str, tuple[str, str, Edit]] = {
    "a payoff changed": ("cartel-1-3-5", "payoffs.csv", cell(1, 4, "49.5")),
    "a required worth changed": ("cartel-1-3-5", "blocks.csv", cell(10, 3, "121.9")),
    "a flag flipped": ("cartel-1-3-5", "structures.csv", cell(5, 2, "true")),
    "a coarsest flag flipped": ("cartel-1-3-5", "structures.csv", cell(1, 3, "true")),
    "a row dropped": ("cartel-1-3-5", "blocks.csv", without(3)),
    "a solution dropped": ("example-5", "coalition_solutions.csv", without(10)),
    "a threat changed": ("cartel-1-3-5", "threats.csv", cell(1, 5, "49.5")),
    "a cause changed": ("cartel-1-3-5", "failures.csv", cell(1, 9, "65")),
    "a maximiser changed": ("example-4-singletons", "solutions.csv", cell(1, 2, "8")),
    "a coalition's flag flipped": ("theorem-3-pairs", "coalitions.csv", cell(7, 2, "true")),
    "a cost of the instance changed": ("cartel-1-3-5", "instance/players.csv", cell(1, 1, "1.25")),
}


@pytest.mark.parametrize("cover", [False, True], ids=["traces left", "traces covered"])
@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_tampered_run_fails(tmp_path: Path, name: str, cover: bool) -> None:
    instance, file, edit = TAMPERINGS[name]
    run = solved(tmp_path, instance)
    tamper(run, file, edit, cover=cover)
    answer = call("verify", run)
    assert (answer.code, answer.err) == (1, "")
    assert "FAILED" in answer.out
    assert (f"{file}: is not as the run wrote it" in answer.out) is not cover
    found = call("verify", run, "--json")
    assert found.code == 1
    assert found.json["passed"] is False
    assert found.json["altered"] == ([] if cover else [file])
    assert any(check["failed"] for check in found.json["checks"])


LABELS = {"solution", "threat"}
"""Columns that number vectors: another number for a vector of one player may be the same claim."""

SEVERAL = ["cartel-1-3-5", "example-5", "theorem-3-pairs", "example-4-singletons", "example-1", "polyhedron-3"]


@pytest.mark.parametrize("instance", SEVERAL)
def test_no_cell_of_a_run_can_be_changed(tmp_path: Path, instance: str) -> None:
    """In every table and column one cell is changed and the traces are covered; verification finds every one."""
    run = solved(tmp_path, instance)
    unnoticed = []
    for path in sorted(run.glob("*.csv")):
        text, header = path.read_text(), (run / "run.json").read_text()
        lines = text.splitlines()
        for column, name in enumerate(lines[0].split(",") if len(lines) > 1 else []):
            line = len(lines) // 2 if len(lines) > 2 else 1
            if name in LABELS and path.stem != "met":
                continue
            tamper(run, path.name, cell(line, column, other(lines[line].split(",")[column])), cover=True)
            if call("verify", run).code != 1:
                unnoticed.append((path.name, name))
            path.write_text(text)
            (run / "run.json").write_text(header)
    assert unnoticed == []
    assert call("verify", run).code == 0


def other(text: str) -> str:
    """Return another cell of the same type: a flag turned, a number that is larger, another name."""
    if text in {"true", "false"}:
        return "false" if text == "true" else "true"
    if text.isdigit():
        return str(int(text) + 7)
    try:
        return repr(float(text) + 0.01)
    except ValueError:
        return "1"


@pytest.mark.parametrize("instance", SEVERAL)
@pytest.mark.parametrize("place", [1, -1], ids=["first", "last"])
def test_no_row_of_a_run_can_be_dropped(tmp_path: Path, instance: str, place: int) -> None:
    run = solved(tmp_path, instance)
    for path in sorted(run.glob("*.csv")):
        text, header = path.read_text(), (run / "run.json").read_text()
        if len(text.splitlines()) > 1:
            tamper(run, path.name, lambda lines: without(place % len(lines))(lines), cover=True)
            assert call("verify", run).code == 1, path.name
            path.write_text(text)
            (run / "run.json").write_text(header)
    assert call("verify", run).code == 0


def test_a_file_that_is_gone_is_bad_input(tmp_path: Path) -> None:
    run = solved(tmp_path, "cartel-1-3-5")
    (run / "payoffs.csv").unlink()
    answer = call("verify", run)
    assert answer.code == 2
    assert answer.err == f"{run / 'payoffs.csv'}: is missing from the run; solve the instance again\n"


# --- progress ------------------------------------------------------------------------------------------------------


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "breakaway.runners.cli", "solve", "cournot-heterogeneous-4"]
    piped = subprocess.run(words, capture_output=True, text=True, check=True)
    assert piped.stderr == ""
    shown, out = on_terminal(words)
    assert "1 of 15 coalition structures judged, 1 viable" in shown
    assert "15 of 15 coalition structures judged" in shown
    assert shown.endswith("\r\x1b[K")
    assert untimed(out) == untimed(piped.stdout)
    silent, _ = on_terminal([*words, "--json"])
    assert silent == ""


def untimed(text: str) -> str:
    """Leave out the certificate, which tells the time."""
    return text.partition("Certificate")[0]


def on_terminal(words: list[str]) -> tuple[str, str]:
    """Run a command whose standard error is a terminal; return what it shows there, and its standard output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=30)
    shown = b""
    try:
        while more := os.read(ours, 4096):
            shown += more
    except OSError:
        pass  # the other end is closed: all was read
    finally:
        os.close(ours)
    assert process.returncode == 0
    return shown.decode(), out
