"""What the tests of Cournot, abatement and research race share: reference cases, golden texts, pages that run."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyomo.environ as pyo

from breakaway.data.coalitions import Structure, structures

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
DOCS = HERE.parent / "docs"


def reference_cases(kind: str) -> list[dict[str, Any]]:
    """Return the reference cases of a kind."""
    cases = json.loads((HERE / "reference" / "applications.json").read_text(encoding="utf-8"))
    return [case for case in cases if case["kind"] == kind]


def levels(n: int) -> Iterator[list[Structure]]:
    """Yield the structures of n players by their number of blocks."""
    by_count: dict[int, list[Structure]] = {}
    for structure in structures((1 << n) - 1):
        by_count.setdefault(len(structure), []).append(structure)
    yield from (by_count[count] for count in sorted(by_count))


def model_text(model: pyo.ConcreteModel) -> str:
    """Return the text that Pyomo prints of a model, without trailing blanks."""
    stream = io.StringIO()
    model.pprint(ostream=stream)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def golden_names(stem: str) -> set[str]:
    """Return the formulations that have a golden text, for the model of this stem."""
    return {path.name.removeprefix(f"{stem}-").removesuffix(".txt") for path in GOLDEN.glob(f"{stem}-*.txt")}


def golden_text(stem: str, formulation: str) -> str:
    """Return the golden text of a formulation."""
    return (GOLDEN / f"{stem}-{formulation}.txt").read_text(encoding="utf-8")


def run_page(stem: str) -> list[tuple[str, str]]:
    """Run the Python blocks of docs/<stem>.md in one namespace; return pairs of output written and output obtained."""
    page = (DOCS / f"{stem}.md").read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": f"docs_{stem}"}
    pairs = []
    for code, expected in re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", page, flags=re.DOTALL):
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            exec(compile(code, f"docs/{stem}.md", "exec"), namespace)
        pairs.append((expected, stream.getvalue()))
    return pairs
