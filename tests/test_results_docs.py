"""docs/reading_answers.md: its answer, its tables and its code are what the program does."""

import re
from pathlib import Path

import pytest

from breakaway.data.instances import load_instance
from breakaway.results.tables import COLUMNS, TABLES
from breakaway.results.text import answer_text
from breakaway.runners.asking import About
from breakaway.runners.viability import solve_viability

PAGE = (Path(__file__).parents[1] / "docs" / "reading_answers.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def table_rows() -> list[str]:
    rows = []
    for concept, tables in TABLES.items():
        for name, table in tables.items():
            columns = ", ".join([*table.columns, *(f"{column} (may be missing)" for column in table.optional)])
            rows.append(f"| `{name}` ({concept}) | {table.row} | {columns} |")
    return rows


def column_rows() -> list[str]:
    return [f"| `{name}` | {column.meaning} |" for name, column in COLUMNS.items()]


def without_certificate(text: str) -> str:
    return text[: text.index("Certificate:")]


def test_the_printed_answer_is_real():
    instance = load_instance("cartel-1-3-5")
    answer = solve_viability(instance.game, about=About(instance.kind, instance.title, instance.source))
    (shown,) = fenced("text")
    assert without_certificate(shown) == without_certificate(answer_text(answer))
    assert "Certificate: optimal, proven optimum; checked independently" in shown


def test_the_tables_are_the_declared_ones():
    for row in (*table_rows(), *column_rows()):
        assert row in PAGE


def test_the_code_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in fenced("python"):
        exec(code, names)
    assert "does not hold together" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"run", "lattice.png", "payoffs.png", "triangle.svg"}
