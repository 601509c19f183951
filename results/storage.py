"""A run on disk: one CSV file per table, the instance as it was, and ``run.json``.

Numbers are written with 12 significant digits, flags as ``true`` and ``false``, a missing number as an empty cell.
Every file is first written under a temporary name and then renamed, ``run.json`` last, so that an interrupted write
never damages a table that was finished before.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pandas as pd

from breakaway.results.checkpoint import CHECKPOINT_FILE
from breakaway.results.encoding import from_plain, to_json
from breakaway.results.records import Answer, Certificate
from breakaway.results.tables import Concept, Kind, kind_of

RUN_FILE = "run.json"
INSTANCE_FOLDER = "instance"
FORMAT = "breakaway-run"
FORMAT_VERSION = 1
_TEMPORARY = ".part"
_UNFINISHED_WORK = {CHECKPOINT_FILE, CHECKPOINT_FILE + _TEMPORARY}
_FLAGS = {"true": True, "false": False}
_DTYPES: Mapping[str, np.dtype] = {
    "boolean": np.dtype(bool),
    "integer": np.dtype(np.int64),
    "number": np.dtype(np.float64),
}


class RunError(Exception):
    """A run folder cannot be written or read; the message names the file and the remedy."""


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A run read back from its folder.

    Attributes
    ----------
    folder, instance : Path
        The run's folder, and the folder within it that holds the instance as it was solved.
    answer : Answer
        Tables with the types they were written with, certificate, options and times.
    command : str
        The command line that made the run.
    versions : mapping
        Versions of the package and of the solvers.
    inputs : mapping
        sha256 of every instance file.
    altered : tuple of str
        Files that are no longer as the run wrote them.
    """

    folder: Path
    instance: Path
    answer: Answer
    command: str
    versions: Mapping[str, str]
    inputs: Mapping[str, str]
    altered: tuple[str, ...]


def write_run(
    folder: str | os.PathLike[str],
    answer: Answer,
    *,
    command: str | Sequence[str],
    instance_files: Mapping[str, bytes],
    versions: Mapping[str, str],
) -> Path:
    """Write a run and return its folder.

    ``instance_files`` maps plain file names to their bytes; they are copied to ``instance/``. An earlier run of the
    same instance (same kind and title) in the folder is replaced; other files there are left alone.

    Raises
    ------
    RunError
        When the folder holds something that is not a run, or a run of another instance, or cannot be written.
    """
    target = Path(folder)
    stale = _files_of_earlier_run(target, answer.kind, answer.title)
    inputs = {_plain_name(name): bytes(content) for name, content in instance_files.items()}
    tables = {f"{_plain_name(name)}.csv": _csv(frame) for name, frame in answer.tables.items()}
    header = _header(answer, command, inputs, versions, tables)
    files = {f"{INSTANCE_FOLDER}/{name}": content for name, content in inputs.items()} | tables
    files[RUN_FILE] = to_json(header).encode()
    try:
        _write_all(target, files)
        for name in stale - files.keys():
            (target / name).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{target}: cannot be written ({error}); give another folder") from error
    return target


def _plain_name(name: str) -> str:
    if not name or name != Path(name).name or name.startswith("."):
        raise RunError(f"{name!r} is not a plain file name; give names without folders")
    return name


def check_room(folder: str | os.PathLike[str], kind: str, title: str) -> None:
    """Check that a run about an instance of this kind and title may be written to a folder, before it is solved.

    Raises
    ------
    RunError
        When the folder holds something that is not a run, or a run of another instance.
    """
    _files_of_earlier_run(Path(folder), kind, title)


def _files_of_earlier_run(target: Path, kind: str, title: str) -> set[str]:
    if not target.exists():
        return set()
    if not target.is_dir():
        raise RunError(f"{target}: is a file, not a folder; give another folder")
    if {path.name for path in target.iterdir()} <= _UNFINISHED_WORK:
        return set()
    if not (target / RUN_FILE).exists():
        raise RunError(f"{target}: is not empty and holds no {RUN_FILE}, so it is not a run; give another folder")
    header = _read_header(target)
    if (header["kind"], header["title"]) != (kind, title):
        raise RunError(
            f"{target}: holds a run of another instance, {header['title']!r} ({header['kind']}); give another folder"
        )
    inputs = {f"{INSTANCE_FOLDER}/{name}" for name in header["inputs"]}
    return inputs | {f"{name}.csv" for name in header["tables"]}


def _csv(frame: pd.DataFrame) -> bytes:
    text = pd.DataFrame({str(name): _cells_to_write(str(name), frame[name]) for name in frame.columns})
    return text.to_csv(index=False, float_format="%.12g", lineterminator="\n").encode()


def _cells_to_write(name: str, column: pd.Series) -> pd.Series:
    kind = kind_of(name, column)
    if kind == "boolean":
        return column.map({True: "true", False: "false"}).reset_index(drop=True)
    if kind == "number":
        return (column.astype(float) + 0.0).reset_index(drop=True)
    return column.reset_index(drop=True)


def _header(
    answer: Answer,
    command: str | Sequence[str],
    inputs: Mapping[str, bytes],
    versions: Mapping[str, str],
    tables: Mapping[str, bytes],
) -> dict[str, object]:
    certificate = answer.certificate
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "command": command if isinstance(command, str) else shlex.join(command),
        "concept": answer.concept,
        "kind": answer.kind,
        "title": answer.title,
        "source": answer.source,
        "players": answer.players,
        "status": {"termination": certificate.termination, "holding": certificate.holding},
        "certificate": {"claims": certificate.claims, "residual": certificate.residual},
        "options": answer.options,
        "seed": answer.options.get("seed"),
        "versions": versions,
        "seconds": answer.seconds,
        "inputs": {name: _sha256(content) for name, content in inputs.items()},
        "tables": {name: _table_entry(answer, name, tables[f"{name}.csv"]) for name in answer.tables},
    }


def _table_entry(answer: Answer, name: str, content: bytes) -> dict[str, object]:
    frame = answer.tables[name]
    return {
        "rows": len(frame),
        "complete": answer.certificate.claims.get(name, "all") != "partial",
        "columns": {str(column): kind_of(str(column), frame[column]) for column in frame.columns},
        "sha256": _sha256(content),
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_all(target: Path, files: Mapping[str, bytes]) -> None:
    (target / INSTANCE_FOLDER).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / (name + _TEMPORARY)).write_bytes(content)
    for name in files:
        os.replace(target / (name + _TEMPORARY), target / name)


def read_run(folder: str | os.PathLike[str]) -> StoredRun:
    """Read a run back; numbers agree with what was written to 12 significant digits.

    Raises
    ------
    RunError
        When the folder is missing or not a run, or a file of it is missing or not in its format.
    """
    source = Path(folder)
    if not source.is_dir():
        raise RunError(f"{source}: no such folder; give the folder that `breakaway solve ... --out` wrote")
    header = _read_header(source)
    contents = {name: _read_bytes(source / f"{name}.csv") for name in header["tables"]}
    tables = {
        name: _frame(source / f"{name}.csv", contents[name], entry["columns"])
        for name, entry in header["tables"].items()
    }
    altered = [f"{name}.csv" for name, entry in header["tables"].items() if _sha256(contents[name]) != entry["sha256"]]
    return StoredRun(
        source,
        source / INSTANCE_FOLDER,
        _answer(source, header, tables),
        header["command"],
        header["versions"],
        header["inputs"],
        (*altered, *_altered_inputs(source / INSTANCE_FOLDER, header["inputs"])),
    )


_HEADER_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "command": str,
    "concept": str,
    "kind": str,
    "title": str,
    "source": str,
    "players": list,
    "status": dict,
    "certificate": dict,
    "options": dict,
    "versions": dict,
    "seconds": dict,
    "inputs": dict,
    "tables": dict,
}


def _read_header(folder: Path) -> dict[str, Any]:
    path = folder / RUN_FILE
    try:
        header = json.loads(_read_bytes(path).decode())
    except ValueError as error:
        raise RunError(f"{path}: is not JSON ({error}); solve the instance again") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise RunError(f"{path}: was not written by breakaway; give the folder of a run")
    if header.get("format_version") != FORMAT_VERSION:
        raise RunError(
            f"{path}: has format version {header.get('format_version')!r}, this program reads version "
            f"{FORMAT_VERSION}; solve the instance again"
        )
    for key, expected in _HEADER_TYPES.items():
        if not isinstance(header.get(key), expected):
            raise RunError(f"{path}: entry {key!r} is missing or malformed; solve the instance again")
    _check_entries(path, header)
    return header


def _check_entries(path: Path, header: dict[str, Any]) -> None:
    for name in (*header["inputs"], *header["tables"]):
        _plain_name(name)
    for name, entry in header["tables"].items():
        if not (isinstance(entry, dict) and isinstance(entry.get("columns"), dict) and "sha256" in entry):
            raise RunError(f"{path}: the entry of table {name!r} is malformed; solve the instance again")
        for column, kind in entry["columns"].items():
            if kind not in get_args(Kind):
                raise RunError(f"{path}: column {column!r} of {name} is of unknown kind {kind!r}; solve again")
    certificate_good = {"claims", "residual"} <= header["certificate"].keys()
    if not (certificate_good and {"termination", "holding"} <= header["status"].keys()):
        raise RunError(f"{path}: entry 'status' or 'certificate' is malformed; solve the instance again")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise RunError(f"{path}: is missing from the run; solve the instance again") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error})") from error


def _frame(path: Path, content: bytes, columns: Mapping[str, Kind]) -> pd.DataFrame:
    try:
        raw = pd.read_csv(io.BytesIO(content), header=None, dtype=str, na_filter=False, encoding="utf-8")
    except (ValueError, pd.errors.ParserError) as error:
        raise RunError(f"{path}: is not a table in CSV ({error}); solve the instance again") from error
    found = raw.iloc[0].tolist()
    if found != list(columns):
        raise RunError(
            f"{path}: has columns {', '.join(found)} instead of {', '.join(columns)}; solve the instance again"
        )
    cells = raw.iloc[1:].reset_index(drop=True).set_axis(found, axis="columns")
    return pd.DataFrame({name: _cells_read(path, cells[name], kind) for name, kind in columns.items()})


def _cells_read(path: Path, cells: pd.Series, kind: Kind) -> pd.Series:
    if kind == "text":
        return cells
    if kind == "boolean":
        if (cells == "").any() and cells.isin([*_FLAGS, ""]).all():  # a flag that is not defined for its row
            return cells.map(_FLAGS.get).astype(object)
        good = cells.isin(list(_FLAGS))
        values = cells.map(_FLAGS)
        wanted = "true or false"
    else:
        values = pd.to_numeric(cells.mask(cells == "", "nan"), errors="coerce")
        good = values.notna() | ((cells == "") if kind == "number" else False)
        good &= True if kind == "number" else (values % 1 == 0)
        wanted = "a number" if kind == "number" else "a whole number"
    if not good.all():
        row = int(np.argmin(good.to_numpy()))
        raise RunError(f"{path}:{row + 2}:{cells.name}: {cells.iloc[row]!r} is not {wanted}; solve the instance again")
    return values.astype(_DTYPES[kind])


def _altered_inputs(folder: Path, inputs: Mapping[str, str]) -> list[str]:
    return [
        f"{INSTANCE_FOLDER}/{name}" for name, digest in inputs.items() if _sha256(_read_bytes(folder / name)) != digest
    ]


def _answer(folder: Path, header: dict[str, Any], tables: Mapping[str, pd.DataFrame]) -> Answer:
    claims = cast(dict[str, object], from_plain(header["certificate"]["claims"]))
    residual = cast(float | None, from_plain(header["certificate"]["residual"]))
    status = header["status"]
    try:
        return Answer(
            cast(Concept, header["concept"]),
            header["kind"],
            header["title"],
            header["source"],
            tuple(header["players"]),
            tables,
            Certificate(status["termination"], status["holding"], claims, residual),
            cast(dict[str, object], from_plain(header["options"])),
            header["seconds"],
        )
    except ValueError as error:
        raise RunError(f"{folder / RUN_FILE}: {error}; solve the instance again") from error
