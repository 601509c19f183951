"""JSON in and out: numbers that JSON lacks are written as the words ``inf``, ``-inf`` and ``nan``."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping, Set
from fractions import Fraction
from os import PathLike, fspath

import numpy as np
import pandas as pd

_WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def to_json(value: object) -> str:
    """Write a value as indented JSON text, with a newline at the end."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: object) -> object:
    """Turn a value into what JSON has: mappings, lists, text, numbers, booleans and null.

    Raises
    ------
    TypeError
        For a value that has no plain form; the message names its type.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> object:
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Fraction):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, PathLike):
        return fspath(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON: {value!r}")


def from_plain(value: object) -> object:
    """Undo :func:`plain` for numbers: the words for infinity and not-a-number become floats again."""
    if isinstance(value, str):
        return _WORDS.get(value, value)
    if isinstance(value, dict):
        return {key: from_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    return value


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return a table as a list of records; a missing cell is null."""
    columns = [str(name) for name in frame.columns]
    cells = zip(*(_cells(frame[name]) for name in frame.columns), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in cells]


def _cells(column: pd.Series) -> list[object]:
    missing = column.isna().tolist()
    return [None if gone else plain(cell) for cell, gone in zip(column.tolist(), missing, strict=True)]
