"""Every check of an instance: one edit of a good instance, and all the lines that it prints."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bad_input_cases import CASES, CHARACTERISTIC, COURNOT, GOOD, PARTITION, POINTS, TOTAL, Case, Files, many_firms
from hypothesis import given, settings
from hypothesis import strategies as st

from breakaway.data.instances import check_instance, game_from_tables, load_instance, tables_from_game
from breakaway.data.parameters import parse_parameter
from breakaway.data.problems import DataError, Problem, nearest
from breakaway.data.schema import Parameter
from breakaway.data.typed import CellError

Write = Callable[[Files], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_files(files: Files) -> Path:
        for path in tmp_path.iterdir():
            path.unlink()
        for name, text in files.items():
            (tmp_path / name).write_bytes(text.encode())
        return tmp_path

    return write_files


def lines(folder: Path) -> list[str]:
    return [str(problem).replace(f"{folder}", "FOLDER") for problem in check_instance(folder)]


@pytest.mark.parametrize("name", GOOD)
def test_good_instances_are_good(name: str, write: Write) -> None:
    assert lines(write(GOOD[name])) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_edit_gives_exactly_these_lines(case: Case, write: Write) -> None:
    folder = write(case.files())
    assert tuple(lines(folder)) == case.lines
    with pytest.raises(DataError) as caught:
        load_instance(folder)
    assert str(caught.value).replace(str(folder), "FOLDER").splitlines() == list(case.lines)


def test_case_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_problem_keeps_its_parts(write: Write) -> None:
    (problem,) = check_instance(write({**COURNOT, "players.csv": COURNOT["players.csv"].replace("Bob,3", "Bob,x")}))
    assert problem == Problem(
        file="players.csv",
        row=5,
        column="unit_cost",
        value="x",
        message="'x' is not a number",
        remedy="write a number such as 2, 0.5 or 1e-3",
    )


def test_all_problems_come_at_once_file_by_file(write: Write) -> None:
    files = {
        "game.toml": TOTAL["game.toml"].replace("= 10", "= -1").replace("title", "tittle"),
        "players.csv": TOTAL["players.csv"].replace("Bob,1", "Bob,0"),
        "threats.csv": TOTAL["threats.csv"].replace("t,Ann,2", "t,Ann,nan").replace("u,Cid,1", "u,Kit,1"),
        "treats.csv": "threat\n",
    }
    assert lines(write(files)) == [
        "game.toml:2:tittle: unknown key 'tittle'; did you mean 'title'?",
        "game.toml:6:total_worth: total_worth -1.0 is below the sum of the disagreement payoffs, 1; "
        "raise it or lower the disagreement payoffs",
        "players.csv:3:weight: weight is 0; it must be greater than 0",
        "threats.csv:2:payoff: 'nan' is not a finite number; give a finite number",
        "threats.csv:4:player: unknown player 'Kit'; known players: Ann, Bob, Cid",
        "treats.csv: unknown table 'treats' for the kind threat-game; did you mean 'threats'?",
    ]


def test_every_missing_worth_is_counted_and_twenty_are_listed(write: Write) -> None:
    names = [f"p{k}" for k in range(6)]
    files = {
        **CHARACTERISTIC,
        "players.csv": "player\n" + "\n".join(names) + "\n",
        "worths.csv": "coalition,worth\n" + "".join(f"{name},1\n" for name in names),
    }
    del files["coalition_weights.csv"]
    (line,) = lines(write(files))
    assert line.startswith("worths.csv:coalition: 57 worths are missing: p0+p1, p0+p2, p1+p2, ")
    assert line.endswith(" and 37 more; add their rows, or give the parameter missing_worth")
    assert line.count(", ") == 20  # nineteen in the list of twenty, one in the remedy


def test_missing_worth_fills_in(write: Write) -> None:
    files = dict(CHARACTERISTIC)
    files["game.toml"] += "[parameters]\nmissing_worth = 0.25\n"
    files["worths.csv"] = "coalition,worth\nAnn,1\nBob,1\nCid,1\nAnn+Bob+Cid,6\n"
    game = load_instance(write(files)).game
    assert {mask: worth for mask, worth in game.worths.items() if mask.bit_count() == 2} == {3: 0.25, 5: 0.25, 6: 0.25}
    files["worths.csv"] = "coalition,worth\nAnn,1\nCid,1\nAnn+Bob+Cid,6\n"
    assert lines(write(files)) == [
        "worths.csv:worth: worth 0.25 of 'Bob' is below the disagreement payoff 1.0; "
        "raise the worth or lower the disagreement payoff"
    ]


@pytest.mark.parametrize(
    ("file", "given", "meant"),
    [("points.csv", "point.csv", "points"), ("players.csv", "player.csv", "players")],
)
def test_misspelt_table_is_one_problem(write: Write, file: str, given: str, meant: str) -> None:
    files = {given if name == file else name: text for name, text in POINTS.items()}
    expected = f"{given}: unknown table {given[:-4]!r} for the kind threat-game; did you mean {meant!r}?"
    assert lines(write(files)) == [expected]


def test_missing_structures_are_listed_among_many(write: Write) -> None:
    names = [f"p{k}" for k in range(9)]
    finest = "|".join(names)
    files = {
        **PARTITION,
        "players.csv": "player\n" + "\n".join(names) + "\n",
        "worths.csv": "structure,coalition,worth\n" + "".join(f"{finest},{name},1\n" for name in names),
    }
    (line,) = lines(write(files))
    assert line.startswith("worths.csv:structure: 21146 structures are missing: p0+p1+p2+p3+p4+p5+p6+p7+p8, ")
    assert line.endswith(" and 21126 more; add the worths of their coalitions")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_not_utf8_names_the_byte(write: Write, encoding: str) -> None:
    folder = write(COURNOT)
    text = COURNOT["players.csv"].replace("Bob", "Zoë")
    (folder / "players.csv").write_bytes(text.encode(encoding))
    byte, position, row = {"latin-1": ("0xeb", 51, 5), "utf-16": ("0xff", 0, 1)}[encoding]
    assert lines(folder) == [
        f"players.csv:{row}: not UTF-8: byte {byte} at byte position {position} (counted from 0); "
        "save the file with the encoding UTF-8"
    ]


def test_header_not_utf8(write: Write) -> None:
    folder = write(COURNOT)
    (folder / "game.toml").write_bytes(b'kind = "cournot"\ntitle = "\xe9"\n')
    assert lines(folder) == [
        "game.toml:2: not UTF-8: byte 0xe9 at byte position 26 (counted from 0); save the file with the encoding UTF-8"
    ]


def test_no_such_instance(tmp_path: Path) -> None:
    assert [str(problem) for problem in check_instance("cartel-2-3-5")] == [
        "cartel-2-3-5: there is no such folder, and no shipped instance of that name; did you mean 'cartel-2-3-4'?"
    ]
    assert lines(tmp_path / "nothing") == [
        "FOLDER: there is no such folder, and no shipped instance of that name; "
        "`breakaway instances` lists the shipped instances"
    ]
    (tmp_path / "file").write_text("")
    assert lines(tmp_path / "file") == [f"FOLDER: this is a file; give the folder that contains it: {tmp_path}"]


def firms(n: int) -> pd.DataFrame:
    return pd.DataFrame({"player": [f"p{k}" for k in range(n)], "unit_cost": [1.0] * n})


def test_identical_players_may_be_many() -> None:
    assert len(game_from_tables("cournot", {"players": firms(22)}, {"demand_intercept": 61}).players) == 22
    with pytest.raises(DataError, match=r"^players:player: 23 players: the limit is 13, or 22 when many are identical"):
        game_from_tables("cournot", {"players": firms(23)}, {"demand_intercept": 61})


def test_unusable_cells_among_many_players_give_no_verdict_on_their_number() -> None:
    frame = firms(20).astype({"unit_cost": object})
    frame.loc[3, "unit_cost"] = "x"
    with pytest.raises(DataError) as caught:
        game_from_tables("cournot", {"players": frame}, {"demand_intercept": 61})
    assert str(caught.value) == "players:3:unit_cost: 'x' is not a number; write a number such as 2, 0.5 or 1e-3"


@pytest.mark.parametrize(
    ("kind", "most", "message"),
    [
        ("characteristic-function", 22, "23 players: the limit is 22; merge or leave out players"),
        ("threat-game", 30, "31 players: the limit is 30; merge or leave out players"),
        (
            "partition-function",
            13,
            "14 players: the limit is 13, whose structures number 27,644,437; merge or leave out players",
        ),
    ],
)
def test_limits_of_kinds(kind: str, most: int, message: str) -> None:
    with pytest.raises(DataError) as caught:
        game_from_tables(kind, {"players": firms(most + 1)[["player"]]}, {})
    assert [str(p) for p in caught.value.problems if p.column == "player"] == [f"players:player: {message}"]


def cournot_frames() -> dict[str, pd.DataFrame]:
    return {"players": pd.DataFrame({"player": ["a", "b", "c"], "unit_cost": [2.0, 3.0, 4.0]}, index=["x", "y", "z"])}


def test_frames_name_rows_by_their_index() -> None:
    tables = cournot_frames()
    tables["players"].loc["y", "unit_cost"] = np.nan
    with pytest.raises(DataError) as caught:
        game_from_tables("cournot", tables, {"demand_intercept": 10})
    assert str(caught.value) == "players:y:unit_cost: 'nan' is not a finite number; give a finite number"


def test_missing_text_in_a_frame_is_an_empty_cell() -> None:
    for missing in (None, np.nan, pd.NA):
        tables = cournot_frames()
        tables["players"]["player"] = pd.Series(["a", missing, "c"], index=["x", "y", "z"], dtype=object)
        with pytest.raises(DataError) as caught:
            game_from_tables("cournot", tables, {"demand_intercept": 10})
        assert str(caught.value) == "players:y:player: the cell is empty; give the name of the player"


def test_nan_never_becomes_a_default() -> None:
    tables = cournot_frames()
    tables["players"]["weight"] = [1.0, np.nan, 1.0]
    with pytest.raises(DataError, match=r"^players:y:weight: 'nan' is not a finite number"):
        game_from_tables("cournot", tables, {"demand_intercept": 10})


def test_frames_with_two_columns_of_one_name() -> None:
    frame = cournot_frames()["players"]
    doubled = pd.concat([frame, frame[["unit_cost"]]], axis=1)
    with pytest.raises(DataError) as caught:
        game_from_tables("cournot", {"players": doubled}, {"demand_intercept": 10})
    assert str(caught.value) == "players:unit_cost: column 'unit_cost' appears twice; keep one of the two"


def test_frames_are_not_changed() -> None:
    tables = cournot_frames()
    before = tables["players"].copy(deep=True)
    game_from_tables("cournot", tables, {"demand_intercept": 10})
    pd.testing.assert_frame_equal(tables["players"], before)
    tables["players"].loc["y", "unit_cost"] = -1.0
    before = tables["players"].copy(deep=True)
    with pytest.raises(DataError):
        game_from_tables("cournot", tables, {"demand_intercept": 10})
    pd.testing.assert_frame_equal(tables["players"], before)


@pytest.mark.parametrize(
    ("kind", "tables", "parameters", "message"),
    [
        ("cournott", {}, {}, "kind:kind: unknown kind 'cournott'; did you mean 'cournot'?"),
        (
            "cournot",
            {},
            {"demand_intercept": 10},
            "players: table 'players' is missing; add it: The players, in the order in which they appear.",
        ),
        (
            "cournot",
            cournot_frames(),
            {},
            "parameters:demand_intercept: parameter 'demand_intercept' is missing; "
            "give it in [parameters]: the price A at which demand is zero",
        ),
        (
            "cournot",
            {**cournot_frames(), "costs": pd.DataFrame()},
            {"demand_intercept": 10},
            "costs: unknown table 'costs' for the kind cournot; known tables: players",
        ),
    ],
)
def test_scripted_mistakes(kind: str, tables: dict[str, pd.DataFrame], parameters: dict, message: str) -> None:
    with pytest.raises(DataError) as caught:
        game_from_tables(kind, tables, parameters)
    assert str(caught.value) == message


def test_parameters_of_numpy_are_numbers() -> None:
    for value in (np.int64(10), np.float32(10), 10):
        assert game_from_tables("cournot", cournot_frames(), {"demand_intercept": value}).demand_intercept == 10.0


def test_boolean_parameters() -> None:
    parameter = Parameter("transfers", bool, "whether payoffs can be transferred", default=False)
    assert parse_parameter(parameter, True) is True
    for value in (1, "true", None):
        with pytest.raises(CellError) as caught:
            parse_parameter(parameter, value)
        assert str(caught.value) == f"transfers is {value!r}, which is not a Boolean"
        assert caught.value.remedy == "write true or false, without quotes"


def test_header_row_with_unmatched_quotes(write: Write) -> None:
    assert lines(write({**COURNOT, "players.csv": 'player,"unit_cost\nAnn,2\n'})) == [
        "players.csv:1: quotation marks do not match; "
        "close every quotation mark on its own line, or use none: no cell needs them"
    ]


def test_empty_cells_take_the_default(write: Write) -> None:
    players = CHARACTERISTIC["players.csv"].replace("Bob,2,1", "Bob,,")
    game = load_instance(write({**CHARACTERISTIC, "players.csv": players})).game
    assert (game.players.weights, game.players.disagreement) == ((1.0, 1.0, 3.0), (0.0, 0.0, 0.0))


def test_misspelt_keys_are_read_all_the_same(write: Write) -> None:
    header = 'kindd = "cournot"\ntitel = "T"\n[paramters]\ndemand_intercept = -10\n'
    assert lines(write({**COURNOT, "game.toml": header})) == [
        "game.toml:1:kindd: unknown key 'kindd'; did you mean 'kind'?",
        "game.toml:2:titel: unknown key 'titel'; did you mean 'title'?",
        "game.toml:3:paramters: unknown key 'paramters'; did you mean 'parameters'?",
        "game.toml:4:demand_intercept: demand_intercept is -10; it must be greater than 0",
    ]


def test_parameters_that_are_no_table_give_no_follow_up(write: Write) -> None:
    assert lines(write({**COURNOT, "game.toml": 'kind = "cournot"\nparameters = 10\n'})) == [
        "game.toml:2:parameters: 'parameters' is not a table; "
        "make it a table: a line [parameters], then one line for each parameter"
    ]


def test_an_empty_kind_is_unknown(write: Write) -> None:
    (line,) = lines(write({**COURNOT, "game.toml": 'kind = ""\n'}))
    assert line.startswith("game.toml:1:kind: unknown kind ''; known kinds: threat-game, ")


FRAGMENTS = st.sampled_from([b",", b"\n", b'"', b"|", b"+", b"#", b"=", b"[", b"nan", b"Ann", b"-1", b"\xff", b"\x00"])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_in_a_file_is_read_or_reported(data: st.DataObject) -> None:
    """Replacing any stretch of any file gives an instance or problems, never another error."""
    files = {name: text.encode() for name, text in GOOD[data.draw(st.sampled_from(sorted(GOOD)))].items()}
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, min(len(content), start + 12)))
    patch = b"".join(data.draw(st.lists(FRAGMENTS, max_size=3)))
    files[name] = content[:start] + patch + content[stop:]
    with tempfile.TemporaryDirectory() as folder:
        for file, text in files.items():
            (Path(folder) / file).write_bytes(text)
        problems = check_instance(folder)
        if not problems:
            assert load_instance(folder).game.players.names
        assert all(problem.message and problem.remedy for problem in problems)


def test_tables_of_something_else() -> None:
    with pytest.raises(TypeError, match=r"^int is not a game of a known kind; known kinds: threat-game, "):
        tables_from_game(3)


def cell_edits() -> list[Case]:
    """Return the cases that edit a cell or a row of a table other than players, on which other tables depend."""
    return [case for case in CASES if case.old and case.new and case.file not in ("players.csv", "game.toml")]


EXCUSED = {"row-without-coefficients", "points-below-disagreement"}
"""Cases about what a table lacks, which is not judged while a row of that table is broken."""

NAMING = {"players.csv", "rows.csv"}
"""Tables that define names; while a row of theirs is broken, an unknown name elsewhere may be the one meant."""


@pytest.mark.parametrize("name", GOOD)
def test_two_edits_print_the_lines_of_both_and_no_others(name: str, write: Write) -> None:
    second_edits = [case for case in cell_edits() if case.good is GOOD[name]]
    first_edits = [case for case in CASES if case.good is GOOD[name] and case.old and case.new]
    for first, second in product(first_edits, second_edits):
        if first.file in (second.file, "game.toml"):
            continue
        found = lines(write({**first.files(), second.file: second.files()[second.file]}))
        assert set(found) <= {*first.lines, *second.lines}
        if not {first.file, second.file} & NAMING and not {first.name, second.name} & EXCUSED:
            assert set(found) == {*first.lines, *second.lines}


@pytest.mark.parametrize(("name", "match"), [("weigth", "weight"), ("WEIGHT", "weight"), ("xyz", None)])
def test_nearest(name: str, match: str | None) -> None:
    assert nearest(name, ["player", "weight"]) == match


def test_many_firms_of_few_types() -> None:
    frame = pd.DataFrame({"player": [f"p{k}" for k in range(16)], "unit_cost": [1.0, 2.0] * 8})
    assert len(game_from_tables("cournot", {"players": frame}, {"demand_intercept": 61}).players) == 16
    frame["weight"] = [1.0] * 10 + [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    with pytest.raises(DataError, match=r"16 players of 8 types: the limit is 13"):
        game_from_tables("cournot", {"players": frame}, {"demand_intercept": 61})


def test_thirty_players_in_a_file(write: Write) -> None:
    assert lines(write({**COURNOT, "players.csv": many_firms(30)})) == [
        "players.csv:player: 30 players: the limit is 13, or 22 when many are identical; merge or leave out players"
    ]
