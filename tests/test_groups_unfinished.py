"""Runs about markets that end early: what Ctrl-C and limits leave, how it is told, and how it is verified."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_calls import call, write_files

from breakaway.data.group_families import family
from breakaway.data.groups import FiniteGroupGame, GroupGame, SurplusFunctionGame, Types, pairwise_surplus
from breakaway.results.text import answer_text
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.groups import assign, engine
from breakaway.runners.groups.black_box import solve_black_box
from breakaway.runners.groups.engine import Clock, heeding_interrupts, solve_pairwise
from breakaway.runners.groups.listed import solve_listed
from breakaway.runners.groups.rows import solve_by_rows
from breakaway.runners.groups.solution import GroupSolution
from breakaway.runners.groups.transport import solve_pairs
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.verify import verify_assignment


def pairwise(max_size: int = 3) -> FiniteGroupGame:
    return family("iid", 40, max_size)


def listed() -> FiniteGroupGame:
    rng = np.random.default_rng(0)
    groups = np.unique(np.sort(rng.integers(0, 30, size=(4_000, 3)), axis=1), axis=0).astype(np.int32)
    return GroupGame(Types.of(30, np.ones(30)), groups, rng.random(len(groups)), 1, 3)


def function() -> SurplusFunctionGame:
    game = family("iid", 30, 3)
    return SurplusFunctionGame(game.types, lambda groups: pairwise_surplus(game, groups), 1, 3)


def press(*_: object) -> None:
    """Press Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


METHODS: dict[str, tuple[Callable[..., GroupSolution], Callable[[], FiniteGroupGame]]] = {
    "columns": (solve_pairwise, pairwise),
    "listed": (solve_listed, listed),
    "black box": (solve_black_box, function),
    "rows": (solve_by_rows, pairwise),
    "transport": (solve_pairs, lambda: pairwise(2)),
}


class TestCtrlC:
    @pytest.mark.parametrize("name", METHODS)
    def test_the_first_one_ends_the_work_with_what_is_known(self, name: str) -> None:
        solve, game = METHODS[name]
        rounds = []
        found = solve(game(), progress=lambda *record: (rounds.append(record), press()))
        assert found.interrupted
        assert len(rounds) == 1
        assert 0.0 <= found.primal <= found.dual
        assert not solve(game()).interrupted
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_the_second_one_is_not_waited_for(self) -> None:
        clock = Clock(None)

        def twice() -> None:
            with heeding_interrupts(clock):
                press()
                assert clock.time_is_up()
                press()

        with pytest.raises(KeyboardInterrupt):
            twice()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_the_handler_of_another_program_is_left_alone(self) -> None:
        pressed = []
        before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
        try:
            with heeding_interrupts(Clock(None)):
                press()
        finally:
            signal.signal(signal.SIGINT, before)
        assert pressed == [1]


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A market of 40 types whose pairs are worth something when they are close, in groups of up to three."""
    names = [f"t{k:02d}" for k in range(40)]
    rows = [f"{a},{b},{abs(k * k - n * n) % 17}" for k, a in enumerate(names) for n, b in enumerate(names) if k <= n]
    files = {
        "game.toml": 'kind = "pairwise-group-game"\ntitle = "Forty"\n[parameters]\nmax_size = 3\n',
        "types.csv": "type,mass\n" + "".join(f"{name},1\n" for name in names),
        "pairs.csv": "type_a,type_b,value\n" + "\n".join(rows) + "\n",
        "sizes.csv": "size,cost\n3,20\n",
    }
    return write_files(tmp_path / "market", files)


@pytest.fixture
def pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let columns be generated, and Ctrl-C be pressed in the second round."""
    real = engine._Run._record

    def record(self: engine._Run) -> None:
        real(self)
        if len(self.history) == 2:
            press()

    monkeypatch.setattr(assign, "MOST_DIRECT", 100)
    monkeypatch.setattr(engine._Run, "_record", record)


@pytest.mark.usefixtures("pressed")
class TestCommandLine:
    def test_what_is_known_is_told_written_and_verified(self, market: Path, tmp_path: Path) -> None:
        run = tmp_path / "run"
        answer = call("solve", market, "--out", run)
        assert answer.code == 3
        assert answer.out.splitlines()[3].startswith("Stopped with ")
        assert "Payoffs that prove the bound" in answer.out
        assert answer.err.startswith("no answer: interrupted with an assignment worth ")
        assert answer.err.endswith(f"what is known is in {run}\n")
        header = json.loads((run / "run.json").read_text())
        assert header["status"] == {"termination": "interrupted", "holding": "feasible point"}
        assert header["certificate"]["claims"]["verified"] is True
        verified = call("verify", run)
        assert (verified.code, verified.err) == (0, "")
        last = verified.out.splitlines()[-1]
        assert last.startswith("the run is unfinished (interrupted): its assignment is worth ")
        assert last.endswith(", and it may not be stable")
        assert "formed groups share their surplus but for the gap" in verified.out

    def test_json_has_the_tables(self, market: Path) -> None:
        found = call("solve", market, "--json")
        assert found.code == 3
        assert set(found.json) == {"error", "status", "claims", "tables"}
        assert found.json["tables"]["welfare"][0]["gap"] > 0

    @pytest.mark.parametrize(
        ("name", "column", "change"),
        [
            ("imputation", 1, 0.5),
            ("assignment", 1, 1.1),
            ("assignment", 2, 1.1),
            ("welfare", 0, 1.1),
            ("welfare", 1, 0.9),
        ],
    )
    def test_nothing_can_be_changed_unnoticed(
        self, market: Path, tmp_path: Path, name: str, column: int, change: float
    ) -> None:
        run = tmp_path / "run"
        assert call("solve", market, "--out", run, "--no-verify").code == 3
        lines = (run / f"{name}.csv").read_text().splitlines()
        cells = lines[1].split(",")
        cells[column] = repr(float(cells[column]) * change)
        (run / f"{name}.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
        found = call("verify", run, "--json")
        assert found.code == 1
        assert any(check["failed"] for check in found.json["checks"])
        assert "unfinished" not in found.json


class TestGrowing:
    """``solve INSTANCE --grow 1,2``."""

    def test_the_table_is_printed_written_and_verified(self, tmp_path: Path) -> None:
        run = tmp_path / "run"
        answer = call("solve", "surplus-sharing", "--grow", "2, 1,3", "--out", run)
        assert (answer.code, answer.err) == (0, "")
        at = answer.out.splitlines().index("With groups of up to so many members")
        assert [line.split() for line in answer.out.splitlines()[at + 2 : at + 5]] == [
            ["1", "740", "740", "-", "1"],
            ["2", "915", "915", "175", "2"],
            ["3", "1250", "1250", "335", "3"],
        ]
        assert call("verify", run).code == 0
        for cell, text in ((1, "916"), (2, "914"), (3, "1"), (4, "174"), (5, "4"), (6, "21")):
            assert "growing groups fit together" in self.failing(run, cell, text), cell

    @staticmethod
    def failing(run: Path, cell: int, text: str) -> list[str]:
        """Change a cell of the row of N = 2; return the claims that fail, and put it back."""
        path = run / "growing.csv"
        before = path.read_text()
        lines = before.splitlines()
        cells = lines[2].split(",")
        assert cells[cell] != text
        cells[cell] = text
        path.write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]) + "\n")
        found = call("verify", run, "--json").json["checks"]
        path.write_text(before)
        return [check["claim"] for check in found if check["failed"]]

    @pytest.mark.parametrize(
        ("instance", "sizes", "message"),
        [
            ("surplus-sharing", "5", "the tables are about groups of up to 4: raise max_size in the game"),
            ("surplus-sharing", "0", "groups have at least 1 members"),
            ("surplus-sharing", "1-2", "--grow 1-2: give numbers of members, such as 2,3,4"),
            (
                "example-5",
                "2",
                "groups grow in markets of small groups, of the kinds group-game and pairwise-group-game",
            ),
        ],
    )
    def test_sizes_that_cannot_be_are_bad_input(self, instance: str, sizes: str, message: str) -> None:
        answer = call("solve", instance, "--grow", sizes)
        assert (answer.code, answer.out) == (2, "")
        assert message in answer.err


def test_without_any_assignment_nothing_is_said_of_levels(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> GroupSolution:
        raise KeyboardInterrupt

    monkeypatch.setattr(assign, "solve_direct", interrupted)
    answer = call("solve", market)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err == "interrupted; no assignment was found yet, so there is nothing to keep\n"


def test_a_run_without_a_bound_claims_no_payoffs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assign, "MOST_DIRECT", 0)
    with pytest.raises(UnfinishedError, match="no bound is known; give it more time or lower max_size") as stop:
        assign.solve_assignment(function(), HowToSolve(options=SolverOptions(time_limit=1e-6)))
    answer = stop.value.answer
    assert answer.tables["imputation"]["payoff"].isna().all()
    assert answer.tables["welfare"]["dual"].tolist() == [np.inf]
    assert answer.tables["welfare"]["groups_priced"].tolist() == [0]
    assert answer.certificate.claims["verified"] is True
    assert "what others may be worth is not known" in answer_text(answer)
    assert "Payoffs" not in answer_text(answer)
    tables = {**answer.tables, "welfare": answer.tables["welfare"].assign(primal=99.0)}
    checks = verify_assignment(function(), tables, answer.certificate.claims).checks
    assert checks.loc[checks["failed"] > 0, "claim"].tolist() == ["welfare is what the formed groups are worth"]
