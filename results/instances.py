"""Writing an instance: ``game.toml`` and CSV tables that read back as the same game.

Numbers are written with the fewest digits that give the same floating-point number again.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from breakaway.data.games import Game
from breakaway.data.header import FILE as HEADER_FILE
from breakaway.data.instances import tables_from_game
from breakaway.data.kinds import KINDS
from breakaway.data.schema import ParameterValue


def write_instance(folder: str | Path, game: Game, title: str, source: str, *, overwrite: bool = False) -> Path:
    """Write a game as an instance folder and return the folder.

    Parameters
    ----------
    folder
        The folder; it is made when it does not exist.
    game
        The game; it is written as it is, and checked when it is read.
    title, source
        Texts for ``game.toml``.
    overwrite
        Replace the instance that is in the folder: its ``game.toml`` and its tables; other files stay.

    Raises
    ------
    FileExistsError
        When the folder is not empty, unless it holds an instance and ``overwrite`` is true.
    """
    target = Path(folder)
    _make_room(target, overwrite)
    kind, parameters, tables = tables_from_game(game)
    (target / HEADER_FILE).write_text(toml_text(kind, title, source, parameters), encoding="utf-8", newline="\n")
    for name, frame in tables.items():
        (target / f"{name}.csv").write_text(csv_text(frame), encoding="utf-8", newline="\n")
    return target


def _make_room(target: Path, overwrite: bool) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if not any(target.iterdir()):
        return
    if not overwrite:
        raise FileExistsError(f"{target} is not empty: choose another folder, or set overwrite to replace an instance")
    if not (target / HEADER_FILE).is_file():
        raise FileExistsError(f"{target} is not empty and holds no instance to replace: choose another folder")
    for name in {table for kind in KINDS.values() for table in kind.table_names}:
        (target / f"{name}.csv").unlink(missing_ok=True)


def toml_text(kind: str, title: str, source: str, parameters: dict[str, ParameterValue]) -> str:
    """Write the contents of ``game.toml``."""
    lines = [f"{key} = {_toml_value(value)}" for key, value in (("kind", kind), ("title", title), ("source", source))]
    if parameters:
        lines += ["", "[parameters]"]
        lines += [f"{name} = {_toml_value(value)}" for name, value in parameters.items()]
    return "\n".join(lines) + "\n"


def _toml_value(value: ParameterValue) -> str:
    """Write a value; JSON's escapes are TOML's but for the control character U+007F, which JSON leaves as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def csv_text(frame: pd.DataFrame) -> str:
    """Write a table; names have no character that would need quoting."""
    columns = [
        [repr(cell).removesuffix(".0") if isinstance(cell, float) else str(cell) for cell in frame[name].tolist()]
        for name in frame.columns
    ]
    lines = [",".join(frame.columns), *(",".join(row) for row in zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"
