"""Instances: a folder, the name of a shipped instance, or a script's frames become a checked, frozen game.

The folders beside this file are the shipped instances.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from breakaway.data.assembly import assemble
from breakaway.data.families import AnyGame
from breakaway.data.header import FILE as HEADER_FILE
from breakaway.data.header import Header, read_header
from breakaway.data.kinds import KINDS
from breakaway.data.problems import Findings, Problem, nearest, suggestion
from breakaway.data.schema import Kind, ParameterValue
from breakaway.data.tables import RawTable, raw_of_frame, read_csv


@dataclass(frozen=True, slots=True)
class Instance:
    """A checked instance.

    ``parameters`` has the defaults filled in; ``files`` maps every file that was read to the SHA-256 of its bytes.
    """

    name: str
    path: Traversable
    kind: str
    title: str
    source: str
    parameters: Mapping[str, ParameterValue]
    game: AnyGame
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        """Freeze the mappings."""
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through plain dicts: a frozen view cannot be pickled."""
        values = (self.name, self.path, self.kind, self.title, self.source, dict(self.parameters), self.game)
        return type(self), (*values, dict(self.files))


class ShippedInstance(NamedTuple):
    """An instance that comes with the package."""

    name: str
    kind: str
    title: str
    source: str


def load_instance(path_or_name: str | Path) -> Instance:
    """Read and check an instance: a folder, or the name of a shipped instance.

    Raises
    ------
    DataError
        With every problem of the instance.
    """
    findings = Findings()
    instance = _read(path_or_name, findings)
    findings.raise_if_any()
    if instance is None:
        raise AssertionError("an instance without problems was not built")
    return instance


def check_instance(path_or_name: str | Path) -> list[Problem]:
    """Return every problem of an instance; an empty list means that it is in order."""
    findings = Findings()
    _read(path_or_name, findings)
    return findings.problems()


def shipped_instances() -> list[ShippedInstance]:
    """Return the instances that come with the package, by name."""
    shipped = []
    for name in _shipped_names():
        findings = Findings()
        header = read_header((_shipped_folder() / name / HEADER_FILE).read_bytes(), name, findings)
        findings.raise_if_any()
        if header is not None:
            shipped.append(ShippedInstance(name, header.kind or "", header.title, header.source))
    return shipped


def game_from_tables(
    kind: str, tables: Mapping[str, pd.DataFrame], parameters: Mapping[str, object] | None = None
) -> AnyGame:
    """Make a game from frames, with the checks of files; rows are named by the frame's index.

    Parameters
    ----------
    kind
        The kind of game, such as ``"cournot"``.
    tables
        A frame for each table; frames are not changed.
    parameters
        The parameters by name.

    Raises
    ------
    DataError
        With every problem; its file is the table's name.
    """
    findings = Findings()
    declaration = _kind(kind, "kind", None, findings)
    findings.raise_if_any()
    by_name = {table.name: table for table in declaration.tables} if declaration else {}
    raws: dict[str, RawTable | None] = {
        name: raw_of_frame(by_name[name], frame, findings) if name in by_name else None
        for name, frame in tables.items()
    }
    assembled = None
    if declaration is not None:
        assembled = assemble(declaration, raws, parameters or {}, {"": ("parameters", None)}, "", findings)
    findings.raise_if_any()
    if assembled is None:
        raise AssertionError("a game without problems was not built")
    return assembled[0]


def tables_from_game(game: AnyGame) -> tuple[str, dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    """Return kind, parameters and tables of a game: the inverse of :func:`game_from_tables`.

    Raises
    ------
    TypeError
        When the object is not a game of a known kind.
    """
    for kind in KINDS.values():
        if isinstance(game, kind.game_type):
            return (kind.name, *kind.to_tables(game))
    raise TypeError(f"{type(game).__name__} is not a game of a known kind; known kinds: {', '.join(KINDS)}")


def _read(path_or_name: str | Path, findings: Findings) -> Instance | None:
    folder = _locate(path_or_name, findings)
    if folder is None:
        return None
    contents = {
        entry.name: entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.is_file() and _is_input(entry.name)
    }
    if HEADER_FILE not in contents:
        findings.add(HEADER_FILE, f"there is no {HEADER_FILE} in {folder}", 'add it, with at least kind = "..."')
        return None
    name = Path(str(folder)).resolve().name
    header = read_header(contents[HEADER_FILE], name, findings)
    kind = None if header is None else _kind(header.kind, HEADER_FILE, header.kind_line, findings)
    if header is None or kind is None:
        return None
    raws = {
        Path(file).stem: read_csv(file, content, findings) for file, content in contents.items() if file != HEADER_FILE
    }
    return _instance(name, folder, kind, header, raws, contents, findings)


def _instance(
    name: str,
    folder: Traversable,
    kind: Kind,
    header: Header,
    raws: Mapping[str, RawTable | None],
    contents: Mapping[str, bytes],
    findings: Findings,
) -> Instance | None:
    assembled = assemble(kind, raws, header.parameters, header.places, ".csv", findings)
    if assembled is None:
        return None
    game, parameters = assembled
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    return Instance(name, folder, kind.name, header.title, header.source, parameters, game, hashes)


def _is_input(name: str) -> bool:
    return name == HEADER_FILE or (name.lower().endswith(".csv") and not name.startswith((".", "~")))


def _kind(name: str | None, file: str, line: int | None, findings: Findings) -> Kind | None:
    if name is None:
        return None
    if name not in KINDS:
        remedy = suggestion(name, list(KINDS), "kinds")
        findings.add(file, f"unknown kind {name!r}", remedy, row=line, column="kind", value=name)
    return KINDS.get(name)


def _shipped_folder() -> Traversable:
    return files("breakaway.data.instances")


def _shipped_names() -> list[str]:
    return sorted(entry.name for entry in _shipped_folder().iterdir() if (entry / HEADER_FILE).is_file())


def _locate(path_or_name: str | Path, findings: Findings) -> Traversable | None:
    path = Path(path_or_name)
    if path.is_dir():
        return path
    name = str(path_or_name)
    shipped = _shipped_names()
    if name in shipped:
        return _shipped_folder() / name
    if path.is_file():
        findings.add(name, "this is a file", f"give the folder that contains it: {path.parent}")
        return None
    match = nearest(name, shipped)
    remedy = f"did you mean {match!r}?" if match else "`breakaway instances` lists the shipped instances"
    findings.add(name, "there is no such folder, and no shipped instance of that name", remedy)
    return None
