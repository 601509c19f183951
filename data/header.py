"""``game.toml``: the kind, title, source and parameters of an instance, with the lines on which they stand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from breakaway.data.problems import Findings, suggestion
from breakaway.data.tables import decode

FILE = "game.toml"
KEYS = ("kind", "title", "source", "parameters")

_TOML_PLACE = re.compile(r"^(.*) \(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Header:
    """What ``game.toml`` says; ``places`` holds the file and line of each parameter and, under "", of all."""

    kind: str | None
    kind_line: int | None
    title: str
    source: str
    parameters: Mapping[str, object]
    places: Mapping[str, tuple[str, int | None]]


def read_header(content: bytes, default_title: str, findings: Findings) -> Header | None:
    """Read ``game.toml``; None, and a problem, when it is no TOML."""
    text = decode(FILE, content, findings)
    values = None if text is None else _parse(text, findings)
    if text is None or values is None:
        return None
    guessed = _report_unknown_keys(values, text, findings)
    kind = _text(values, "kind", "", text, findings)
    if "kind" not in values and "kind" not in guessed:
        findings.add(FILE, "key 'kind' is missing", 'name the kind of game, as in kind = "cournot"', column="kind")
    parameters = values.get("parameters", {})
    if not isinstance(parameters, dict):
        remedy = "make it a table: a line [parameters], then one line for each parameter"
        findings.add(FILE, "'parameters' is not a table", remedy, row=line_of(text, "parameters"), column="parameters")
        parameters = {}
    return Header(
        kind or None,
        line_of(text, "kind"),
        _text(values, "title", default_title, text, findings),
        _text(values, "source", "", text, findings),
        parameters,
        _places(text, parameters),
    )


def _parse(text: str, findings: Findings) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and integers with more digits than Python converts
        match = _TOML_PLACE.match(str(error))
        message, line, column = match.groups() if match else (str(error), None, None)
        findings.add(
            FILE,
            f"not TOML: {message[:1].lower()}{message[1:]}",
            'correct the line; texts stand in quotation marks, as in title = "A cartel"',
            row=None if line is None else int(line),
            column=column,
        )
        return None


def _report_unknown_keys(values: Mapping[str, Any], text: str, findings: Findings) -> set[str]:
    guessed = set()
    for key in values:
        if key not in KEYS:
            remedy = suggestion(key, KEYS, "keys")
            guessed |= {known for known in KEYS if repr(known) in remedy}
            findings.add(FILE, f"unknown key {key!r}", remedy, row=line_of(text, key), column=key)
    return guessed


def _text(values: Mapping[str, Any], key: str, default: str, text: str, findings: Findings) -> str:
    value = values.get(key, default)
    if isinstance(value, str):
        return value
    remedy = "write it in quotation marks"
    findings.add(FILE, f"{key} is {value!r}, which is not a text", remedy, row=line_of(text, key), column=key)
    return default


def _places(text: str, parameters: Mapping[str, object]) -> dict[str, tuple[str, int | None]]:
    match = re.search(r"^[ \t]*\[[ \t]*parameters[ \t]*\]", text, re.MULTILINE)
    start = match.end() if match else 0
    places: dict[str, tuple[str, int | None]] = {name: (FILE, line_of(text, name, start)) for name in parameters}
    places[""] = (FILE, text.count("\n", 0, start) + 1 if match else None)
    return places


def line_of(text: str, key: str, start: int = 0) -> int | None:
    """Return the number of the first line after ``start`` that begins with a key, None when no line does."""
    match = re.compile(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=", re.MULTILINE).search(text, start)
    return text.count("\n", 0, match.start()) + 1 if match else None
