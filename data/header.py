"""``game.toml``: the kind, title, source and parameters of an instance, with the lines on which they stand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from breakaway.data.problems import Findings, nearest, suggestion
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
    given_as = _report_unknown_keys(values, text, findings)
    values |= {known: values[key] for known, key in given_as.items()}
    kind, title, source = (_text(values, key, text, findings) for key in ("kind", "title", "source"))
    if "kind" not in values:
        findings.add(FILE, "key 'kind' is missing", 'name the kind of game, as in kind = "cournot"', column="kind")
    parameters = values.get("parameters", {})
    if not isinstance(parameters, dict):
        remedy = "make it a table: a line [parameters], then one line for each parameter"
        findings.add(FILE, "'parameters' is not a table", remedy, row=line_of(text, "parameters"), column="parameters")
        return None
    places = _places(text, given_as.get("parameters", "parameters"), parameters)
    title = default_title if title is None else title
    return Header(kind, line_of(text, given_as.get("kind", "kind")), title, source or "", parameters, places)


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


def _report_unknown_keys(values: Mapping[str, Any], text: str, findings: Findings) -> dict[str, str]:
    """Report unknown keys; return which key stands for which known key, where that is plain, to check what it holds."""
    given_as: dict[str, str] = {}
    for key in values:
        if key not in KEYS:
            findings.add(
                FILE, f"unknown key {key!r}", suggestion(key, KEYS, "keys"), row=line_of(text, key), column=key
            )
            match = nearest(key, KEYS)
            if match is not None and match not in values:
                given_as[match] = key
    return given_as


def _text(values: Mapping[str, Any], key: str, text: str, findings: Findings) -> str | None:
    """Return a text, None when it is missing or, which is a problem, no text."""
    value = values.get(key)
    if value is None or isinstance(value, str):
        return value
    remedy = "write it in quotation marks"
    findings.add(FILE, f"{key} is {value!r}, which is not a text", remedy, row=line_of(text, key), column=key)
    return None


def _places(text: str, key: str, parameters: Mapping[str, object]) -> dict[str, tuple[str, int | None]]:
    line = line_of(text, key)
    start = 0 if line is None else sum(len(before) + 1 for before in text.split("\n")[:line])
    places: dict[str, tuple[str, int | None]] = {name: (FILE, line_of(text, name, start)) for name in parameters}
    places[""] = (FILE, line)
    return places


def line_of(text: str, key: str, start: int = 0) -> int | None:
    """Return the number of the first line after ``start`` that gives a key or a table; None when no line does."""
    name = rf"[\"']?{re.escape(key)}[\"']?"
    match = re.compile(rf"^[ \t]*({name}[ \t]*=|\[[ \t]*{name}[ \t]*\])", re.MULTILINE).search(text, start)
    return text.count("\n", 0, match.start()) + 1 if match else None
