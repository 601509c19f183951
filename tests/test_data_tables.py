"""Reading CSV files: what is tolerated, which line is which, and how fast it goes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from breakaway.data.coalitions import parse_coalition, structures
from breakaway.data.games import Players
from breakaway.data.instances import load_instance
from breakaway.data.problems import Findings
from breakaway.data.tables import read_csv

PLAIN = "player,unit_cost,weight\nAnn,2,1\nBob,3,1\nCid,4,1\n"


def read(content: bytes) -> tuple[list[object], list[list[str]]]:
    findings = Findings()
    table = read_csv("players.csv", content, findings)
    assert not findings.problems()
    assert table is not None
    return table.rows(), table.frame.to_numpy().tolist()


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.rstrip().encode(),
        PLAIN.replace(",", " , ").encode(),
        PLAIN.replace("Bob", '"Bob"').replace("3,1", '"3", "1"').encode(),
    ],
    ids=["plain", "byte-order-mark", "crlf", "cr", "no-last-newline", "spaces", "quotes"],
)
def test_the_same_table_in_many_dresses(content: bytes) -> None:
    assert read(content) == ([2, 3, 4], [["Ann", "2", "1"], ["Bob", "3", "1"], ["Cid", "4", "1"]])


def test_comments_and_blank_lines_keep_the_line_numbers() -> None:
    rows, cells = read(b"# first\n\nplayer,unit_cost\n# second\nAnn,2\n   \n\nBob,3\n")
    assert rows == [5, 8]
    assert cells == [["Ann", "2"], ["Bob", "3"]]


def test_quoted_cells_may_hold_commas_and_quotes() -> None:
    assert read(b'a,b\n"x,y","say ""so"""\n')[1] == [["x,y", 'say "so"']]


def test_coalitions_and_structures_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "game.toml").write_text('kind = "partition-function"\n')
    (tmp_path / "players.csv").write_text("player\nb\na\n")
    (tmp_path / "worths.csv").write_text(
        'structure,coalition,worth\na | b,a,1\n" b|a ",b,2\n a + b ,b +a,5\n', encoding="utf-8"
    )
    assert load_instance(tmp_path).game.worths == {(0b01, 0b10): (2.0, 1.0), (0b11,): (5.0,)}


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    texts = ["0.1", "1e-7", "123456789.123456789", ".5", "5.", "+3", "1E3", "4.35", "0.30000000000000004", "2.675"]
    (tmp_path / "game.toml").write_text('kind = "abatement"\n')
    table = "player,scale\n" + "".join(f"p{k},{text}\n" for k, text in enumerate(texts))
    (tmp_path / "players.csv").write_text(table)
    assert load_instance(tmp_path).game.scale == tuple(map(float, texts))


def test_hundreds_of_thousands_of_rows_are_read_in_seconds(tmp_path: Path) -> None:
    """The worths of ten players: 115,975 structures, 562,595 rows."""
    players = Players.of(10)
    (tmp_path / "game.toml").write_text('kind = "partition-function"\n')
    (tmp_path / "players.csv").write_text("player\n" + "\n".join(players.names) + "\n")
    lines = ["structure,coalition,worth"]
    for k, structure in enumerate(structures(players.everyone)):
        name = players.structure_name(structure)
        lines += [f"{name},{block},{k + 0.25 + len(block)}" for block in name.split("|")]
    (tmp_path / "worths.csv").write_text("\n".join(lines) + "\n")
    start = time.perf_counter()
    game = load_instance(tmp_path).game
    assert time.perf_counter() - start < 40.0
    assert (len(lines), len(game.worths)) == (562_596, 115_975)
    assert game.worths[(parse_coalition("+".join(players.names), players.names),)] == (20.25,)
