"""The tables of the kind ``ntu-game``: every check, with the lines that it prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from breakaway.data.games import NtuGame, Players, Points, Polyhedron, TotalWorth
from breakaway.data.instances import check_instance, load_instance, shipped_instances
from breakaway.runners.cli import ANSWERED, NO_ANSWER, main

FILES = {
    "game.toml": 'kind = "ntu-game"\ntitle = "T"\nsource = "S"\n',
    "players.csv": "player,weight,disagreement\nAnn,1,0\nBob,2,1\n",
    "points.csv": (
        "coalition,point,player,payoff\nAnn,a,Ann,1\nAnn+Bob,x,Ann,2\nAnn+Bob,x,Bob,3\nAnn+Bob,y,Bob,2\nAnn+Bob,y,Ann,3\n"
    ),
    "worths.csv": "coalition,worth\nBob,1.5\n",
}
POLYHEDRA = {
    **FILES,
    "points.csv": "coalition,point,player,payoff\nAnn,a,Ann,1\n",
    "polyhedron_rows.csv": "coalition,row,rhs\nAnn+Bob,hours,10\nAnn+Bob,money,8\n",
    "polyhedra.csv": (
        "coalition,row,player,coefficient\nAnn+Bob,hours,Ann,1\nAnn+Bob,hours,Bob,2\nAnn+Bob,money,Bob,1\n"
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    def write_files(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write_files


def lines(folder: Path) -> list[str]:
    return [str(problem) for problem in check_instance(folder)]


def test_points_and_worths(write: Callable[[dict[str, str]], Path]) -> None:
    game = load_instance(write(FILES)).game
    assert game == NtuGame(
        Players.of(("Ann", "Bob"), (1.0, 2.0), (0.0, 1.0)),
        {1: Points(("a",), ((1.0,),)), 2: TotalWorth(1.5), 3: Points(("x", "y"), ((2.0, 3.0), (3.0, 2.0)))},
    )


def test_polyhedra(write: Callable[[dict[str, str]], Path]) -> None:
    game = load_instance(write(POLYHEDRA)).game
    assert game.feasible[3] == Polyhedron(("hours", "money"), ((1.0, 2.0), (0.0, 1.0)), (10.0, 8.0))


REMEDY = 'give each in points, polyhedra or worths, or set unlisted = "disagreement" if they cannot do anything'
BROKEN = {
    "a coalition without a set": (
        FILES,
        ("points.csv", "Ann,a,Ann,1\n", ""),
        [f"game.toml:unlisted: 1 feasible set is missing: Ann; {REMEDY}"],
    ),
    "two sets for one coalition": (
        FILES,
        ("worths.csv", "Bob,1.5\n", "Bob,1.5\nAnn,2\n"),
        [
            "worths.csv:3:coalition: coalition 'Ann' has a feasible set in the table points already; "
            "give every coalition exactly one of points, a polyhedron or a worth"
        ],
    ),
    "a member is missing": (
        FILES,
        ("points.csv", "Ann+Bob,y,Bob,2\n", ""),
        [
            "points.csv:player: point 'y' of 'Ann+Bob' lacks the payoff of Bob; "
            "give every member a payoff in every point"
        ],
    ),
    "no member": (
        FILES,
        ("points.csv", "Ann,a,Ann,1\n", "Ann,a,Ann,1\nAnn,a,Bob,4\n"),
        ["points.csv:3:player: player 'Bob' is not a member of 'Ann'; list members of the coalition only"],
    ),
    "below disagreement": (
        FILES,
        ("points.csv", "Ann+Bob,y,Bob,2\n", "Ann+Bob,y,Bob,0.5\n"),
        [
            "points.csv:5:payoff: payoff 0.5 of 'Bob' in point 'y' is below the disagreement payoff 1.0; "
            "leave out the point: nobody can be held below disagreement, or correct the payoff"
        ],
    ),
    "a worth below disagreement": (
        FILES,
        ("worths.csv", "Bob,1.5", "Bob,0.5"),
        [
            "worths.csv:2:worth: worth 0.5 of 'Bob' is below the sum of its disagreement payoffs, 1; "
            "raise the worth or lower the disagreement payoffs"
        ],
    ),
    "a row without coefficients": (
        POLYHEDRA,
        ("polyhedron_rows.csv", "Ann+Bob,money,8\n", "Ann+Bob,money,8\nAnn+Bob,space,3\n"),
        [
            "polyhedron_rows.csv:4:row: row 'space' of 'Ann+Bob' has no coefficients; "
            "give it coefficients in polyhedra.csv, or remove it"
        ],
    ),
    "coefficients without a row": (
        POLYHEDRA,
        ("polyhedra.csv", "Ann+Bob,money,Bob", "Ann+Bob,mony,Bob"),
        [
            "polyhedron_rows.csv:3:row: row 'money' of 'Ann+Bob' has no coefficients; "
            "give it coefficients in polyhedra.csv, or remove it",
            "polyhedra.csv:4:row: row 'mony' of 'Ann+Bob' has no right-hand side; "
            "add it to polyhedron_rows.csv, or correct its name",
        ],
    ),
    "an unbounded payoff": (
        POLYHEDRA,
        ("polyhedra.csv", "Ann+Bob,hours,Ann,1", "Ann+Bob,hours,Ann,-1"),
        [
            "polyhedra.csv:coefficient: the payoff of Ann in 'Ann+Bob' is unbounded: no positive coefficient; "
            "add a row that bounds it"
        ],
    ),
    "an unknown word": (
        FILES,
        ("game.toml", 'source = "S"\n', 'source = "S"\n[parameters]\nunlisted = "nothing"\n'),
        ["game.toml:5:unlisted: unlisted is 'nothing'; write one of 'error', 'disagreement'"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_edit_gives_exactly_these_lines(case: str, write: Callable[[dict[str, str]], Path]) -> None:
    files, (name, old, new), expected = BROKEN[case]
    assert old in files[name]
    assert lines(write({**files, name: files[name].replace(old, new, 1)})) == expected


def test_polyhedra_need_both_tables(write: Callable[[dict[str, str]], Path]) -> None:
    files = dict(POLYHEDRA)
    del files["polyhedra.csv"]
    assert lines(write(files)) == [
        "polyhedron_rows.csv: table 'polyhedra' is missing: polyhedra A x <= b need the tables polyhedra and "
        "polyhedron_rows; add table 'polyhedra'"
    ]


def test_too_many_players(write: Callable[[dict[str, str]], Path]) -> None:
    names = [f"p{k}" for k in range(11)]
    files = {"game.toml": FILES["game.toml"], "players.csv": "player\n" + "\n".join(names) + "\n"}
    (line,) = lines(write(files))
    assert line == "players.csv:player: 11 players: the limit is 10; merge or leave out players"


# --- the command line ----------------------------------------------------------------------------------------------

SHIPPED = [shipped.name for shipped in shipped_instances() if shipped.kind == "ntu-game"]


@pytest.mark.parametrize("name", SHIPPED)
def test_commands(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", name]) == ANSWERED
    assert main(["solve", name, "--out", str(tmp_path / "run")]) == ANSWERED
    assert main(["verify", str(tmp_path / "run")]) == ANSWERED
    assert "every claim holds" in capsys.readouterr().out


def test_compare(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "roommates", "--solvers", "exact,highs"]) == ANSWERED
    assert capsys.readouterr().out.count("optimal") == 2


def test_an_unbounded_set_is_no_answer(
    write: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files = {**POLYHEDRA, "polyhedra.csv": POLYHEDRA["polyhedra.csv"].replace("hours,Bob,2", "hours,Bob,-2")}
    files["polyhedra.csv"] = files["polyhedra.csv"].replace("money,Bob,1", "money,Bob,1\nAnn+Bob,money,Ann,-9")
    assert main(["solve", str(write(files))]) == NO_ANSWER
    assert "the payoff of 'Ann' is not bounded: add a constraint that bounds it" in capsys.readouterr().err
