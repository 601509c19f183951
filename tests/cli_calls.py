"""Calling the command line within the test process, and instances written for it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from breakaway.runners.cli import main


@dataclass(frozen=True)
class Call:
    """What a command did: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What was printed, which must be one JSON object and nothing else."""
        return json.loads(self.out)


def call(*words: str | Path) -> Call:
    """Run a command; a refusal by the parser of options is an exit code like any other."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = int(str(end.code))
    return Call(code, out.getvalue(), err.getvalue())


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """Write an instance given as texts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def market(folder: Path, costs: Sequence[float], intercept: float, title: str = "A market") -> Path:
    """Write a Cournot market with firms 1, 2, 3, ..."""
    return write_files(
        folder,
        {
            "game.toml": f'kind = "cournot"\ntitle = "{title}"\n[parameters]\ndemand_intercept = {intercept}\n',
            "players.csv": "player,unit_cost\n" + "".join(f"{k},{c!r}\n" for k, c in enumerate(costs, start=1)),
        },
    )


def tables_of(run: Path) -> dict[str, pd.DataFrame]:
    """Read the tables of a run as text, cell by cell."""
    return {path.stem: pd.read_csv(path, dtype=str, na_filter=False) for path in sorted(run.glob("*.csv"))}
