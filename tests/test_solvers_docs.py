"""The page on solvers says what the code does: its programs run, its tables name everything."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from pathlib import Path

import pytest

from breakaway.runners import solvers
from breakaway.runners.solvers import CAPABILITIES, Holding, ProblemClass, SolveError, SolverOptions
from breakaway.runners.solvers.capabilities import DEFAULT_SOLVER

PAGE = (Path(__file__).parents[1] / "docs" / "solvers.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, flags=re.DOTALL)


def cells(first: str) -> list[str]:
    """Return the cells of the table row that begins with a given cell."""
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_page_has_programs():
    assert len(PROGRAMS) == 2


@pytest.mark.parametrize(("program", "printed"), PROGRAMS, ids=["solve_model", "registered"])
def test_programs_of_the_page_print_what_it_says(program, printed):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(program, "docs/solvers.md", "exec"), {})
    assert out.getvalue() == printed


@pytest.mark.parametrize("name", CAPABILITIES)
def test_table_of_solvers_is_the_capability_table(name):
    row = dict(zip(cells("name"), cells(f"`{name}`"), strict=True))
    for kind in ProblemClass:
        expected = "no" if kind not in CAPABILITIES[name].classes else "yes"
        expected += " (default)" if DEFAULT_SOLVER[kind] == name else ""
        assert row[kind.value] == expected
    assert (row["duals"] != "no") is CAPABILITIES[name].duals
    assert ("proven" in row["optimum"]) is CAPABILITIES[name].proves_global


def test_every_option_holding_and_exception_is_on_the_page():
    for field in dataclasses.fields(SolverOptions):
        assert f"`{field.name}`" in PAGE
    for holding in Holding:
        assert len(cells(holding.value)) == 3
    errors = [name for name, item in vars(solvers).items() if isinstance(item, type) and issubclass(item, SolveError)]
    assert len(errors) >= 9
    for name in errors:
        assert f"`{name}`" in PAGE
