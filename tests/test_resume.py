"""Work that is interrupted or stopped by a limit: what stays on disk, and how it is taken up again."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_calls import call, market, tables_of

from breakaway.data.games import CournotMarket, Players
from breakaway.data.instances import load_instance
from breakaway.results.checkpoint import drop_checkpoint, read_checkpoint, write_checkpoint
from breakaway.runners import cli
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.dispatch import blocks_from_plain, blocks_to_plain, resume_key, solve_game
from breakaway.runners.recursion import Hooks, ViabilityMap
from breakaway.runners.solvers import SolverOptions

EIGHT = (1.0, 1.5, 2.0, 2.25, 3.0, 3.5, 4.0, 4.75)
"""Unit costs of eight firms, all different: 4,140 structures, 56,674 triples."""


@pytest.fixture
def eight(tmp_path: Path) -> Path:
    return market(tmp_path / "eight", EIGHT, 40.0)


@pytest.fixture
def six(tmp_path: Path) -> Path:
    """Six of these firms: 203 structures in levels of 1, 15, 65, 90, 31 and 1; 1,712 triples."""
    return market(tmp_path / "six", EIGHT[:6], 40.0)


def claims_of(run: Path) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads((run / "run.json").read_text())["certificate"]["claims"]
    return claims


def same_tables(one: Path, other: Path) -> None:
    here, there = tables_of(one), tables_of(other)
    assert set(here) == set(there)
    for name, table in here.items():
        assert table.equals(there[name]), name


# --- Ctrl-C --------------------------------------------------------------------------------------------------------


def interrupted(words: list[str], after: str) -> tuple[int, str]:
    """Press Ctrl-C in a terminal once it shows ``after``; return the exit code and what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = b""
        while after.encode() not in shown:
            shown += os.read(ours, 4096)
        os.killpg(process.pid, signal.SIGINT)
        try:
            while more := os.read(ours, 4096):
                shown += more
        except OSError:
            pass  # the other end is closed: all was read
        finally:
            os.close(ours)
        code = process.wait(timeout=30)
    return code, shown.decode()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_keeps_finished_work_and_the_same_command_resumes(tmp_path: Path, eight: Path, workers: str) -> None:
    run = tmp_path / "run"
    words = ["solve", str(eight), "--out", str(run), "--workers", workers, "--detail", "none", "--no-verify"]
    command = [sys.executable, "-m", "breakaway.runners.cli", *words]
    code, shown = interrupted(command, "295 of 4,140 coalition structures judged")
    assert code == 3
    assert "Traceback" not in shown
    said = shown.rsplit("\x1b[K", 1)[1].strip()
    assert said.startswith("no answer: interrupted; ")
    assert said.endswith(f"what is known is in {run}; to resume, run the same command again")
    assert (run / "checkpoint.json").exists()
    header = json.loads((run / "run.json").read_text())
    assert header["status"] == {"termination": "interrupted", "holding": "finer structures only"}
    assert 295 <= claims_of(run)["judged"] < 4140
    assert len(tables_of(run)["structures"]) == claims_of(run)["judged"]
    assert call("verify", run).code == 3

    assert call(*words).code == 0
    assert not (run / "checkpoint.json").exists()
    assert claims_of(run)["complete"] is True
    assert claims_of(run)["triples"] < 56674
    whole = tmp_path / "whole"
    assert call("solve", eight, "--out", whole, "--detail", "none", "--no-verify").code == 0
    assert claims_of(whole)["triples"] == 56674
    same_tables(run, whole)


def test_ctrl_c_without_a_folder_says_what_would_keep_the_work(six: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, 81)
    answer = call("solve", six)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err == (
        "no answer: interrupted; 81 of 203 structures were judged; "
        "with --out DIR finished work is kept and can be resumed\n"
    )


def interrupt_after(monkeypatch: pytest.MonkeyPatch, judged: int) -> None:
    """Let the user press Ctrl-C as soon as so many structures are judged."""
    real = cli._FinishedWork._level_done

    def level_done(self: cli._FinishedWork, result: ViabilityMap) -> None:
        real(self, result)
        if len(result.blocks) >= judged:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli._FinishedWork, "_level_done", level_done)


def test_ctrl_c_while_tables_are_made_keeps_the_recursion(
    tmp_path: Path, six: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> object:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    words = ["solve", str(six), "--out", str(run), "--detail", "none", "--no-verify"]
    with monkeypatch.context() as patch:
        patch.setattr("breakaway.runners.viability._tables", slow)
        answer = call(*words)
    assert (answer.code, answer.err) == (3, "interrupted; to resume, run the same command again\n")
    assert {path.name for path in run.iterdir()} == {"checkpoint.json"}
    assert call(*words).code == 0
    assert claims_of(run)["triples"] == 0


@pytest.mark.parametrize("words", [["solve", "example-1"], ["compare", "example-1"], ["compare", "example-5"]])
def test_ctrl_c_in_a_single_division(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("breakaway.runners.coalitional_nash.solve_points", slow)
    monkeypatch.setattr("breakaway.runners.asking.divide_exactly", slow)
    answer = call(*words)
    assert (answer.code, answer.out) == (3, "")
    assert "interrupted" in answer.err


# --- limits --------------------------------------------------------------------------------------------------------


def test_a_recursion_that_reaches_its_limit_resumes_from_its_finished_levels(
    tmp_path: Path, six: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0] * 100 + [1e9] * 400)
    monkeypatch.setattr("breakaway.runners.recursion.time.monotonic", lambda: next(clock))
    run = tmp_path / "run"
    words = ["solve", str(six), "--out", str(run), "--detail", "none", "--no-verify"]
    answer = call(*words, "--time-limit", "60")
    assert answer.code == 3
    assert "the time limit of 60 s was reached after " in answer.err
    assert answer.err.endswith("to resume, run the same command again\n")
    monkeypatch.undo()
    assert call(*words, "--time-limit", "60").code == 0
    assert claims_of(run)["complete"] is True
    assert claims_of(run)["triples"] < 1712


def test_a_limit_before_the_first_level_says_that_nothing_can_be_resumed(tmp_path: Path, six: Path) -> None:
    answer = call("solve", six, "--out", tmp_path / "run", "--time-limit", "1e-9")
    assert answer.code == 3
    assert answer.err.endswith("; no level was finished, so there is nothing to resume\n")


# --- checkpoints ---------------------------------------------------------------------------------------------------


def test_long_work_is_kept_on_disk_while_it_goes_on(tmp_path: Path, six: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed leaves a checkpoint and no run; the same command takes it up."""
    run = tmp_path / "run"
    words = ["solve", str(six), "--out", str(run), "--detail", "none", "--no-verify"]

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> object:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(cli, "CHECKPOINT_AFTER", 0.0)
        patch.setattr("breakaway.runners.viability._tables", killed)
        with pytest.raises(KilledError):
            call(*words)
    assert {path.name for path in run.iterdir()} == {"checkpoint.json"}
    (run / "checkpoint.json.part").write_text("cut off")
    assert call(*words).code == 0
    assert claims_of(run)["triples"] == 0
    assert {path.name for path in run.iterdir()} >= {"run.json", "structures.csv", "checkpoint.json.part"}


@pytest.mark.parametrize(
    "change", [["--tolerance", "1e-8"], ["--no-identical"], ["--rational"], "players.csv"], ids=str
)
def test_work_on_another_question_is_not_taken_up(tmp_path: Path, six: Path, change: list[str] | str) -> None:
    before = resume_key(load_instance(six), HowToSolve())
    how = HowToSolve()
    if isinstance(change, str):
        (six / change).write_text((six / change).read_text().replace("3.5", "3.25"))
    else:
        asked = cli.parser().parse_args(["solve", str(six), *change])
        how = cli._how(asked)
    assert resume_key(load_instance(six), how) != before


def test_workers_and_details_do_not_hinder_resumption(six: Path) -> None:
    instance = load_instance(six)
    other = HowToSolve(workers=4, detail="all", verify=False, options=SolverOptions(time_limit=5.0))
    assert resume_key(instance, HowToSolve()) == resume_key(instance, other)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": "k"}', '{"key": "k", "levels": 3}', '{"key": "other"}'])
def test_a_broken_checkpoint_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "checkpoint.json").write_text(content)
    assert read_checkpoint(tmp_path, "k") == []


def test_a_checkpoint_whose_levels_make_no_sense_is_as_good_as_none(tmp_path: Path, six: Path) -> None:
    run = tmp_path / "run"
    key = resume_key(load_instance(six), cli._how(cli.parser().parse_args(["solve", str(six)])))
    write_checkpoint(run, key, [[["x"]], 3])
    answer = call("solve", six, "--out", run, "--detail", "none", "--no-verify")
    assert (answer.code, answer.err) == (0, "")
    assert claims_of(run)["triples"] == 1712


def test_a_checkpoint_gives_back_every_number(tmp_path: Path) -> None:
    kept: list[ViabilityMap] = []
    costs = (1.0, 1.0, 7 / 3, 3.1)
    for rational in (False, True):
        how = HowToSolve(rational=rational, verify=False)
        solve_game(CournotMarket(Players.of(4), costs, 20.0), how, hooks=Hooks(kept.append))
        blocks = kept[-1].blocks
        write_checkpoint(tmp_path, "k", blocks_to_plain(blocks))
        assert blocks_from_plain(read_checkpoint(tmp_path, "k")) == blocks
        assert isinstance(blocks[0][0].worth, Fraction if rational else float)
    drop_checkpoint(tmp_path)
    drop_checkpoint(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_known_travels_with_the_error() -> None:
    game = CournotMarket(Players.of(8), EIGHT, 40.0)

    def stop(result: ViabilityMap) -> None:
        if len(result.blocks) > 29:
            raise KeyboardInterrupt

    with pytest.raises(UnfinishedError, match="interrupted") as caught:
        solve_game(game, HowToSolve(), hooks=Hooks(stop))
    answer = caught.value.answer
    assert answer.certificate.holding == "finer structures only"
    assert len(answer.tables["structures"]) == answer.certificate.claims["judged"] == 295
    assert not answer.tables["structures"][["coarsest", "efficient"]].to_numpy().any()
