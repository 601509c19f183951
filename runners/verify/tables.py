"""Result tables into typed records; what cannot be read is a failed item of the claim that the table is readable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, Structure, members, parse_coalition, parse_structure
from breakaway.data.games import Payoffs, Players
from breakaway.data.groups import Types
from breakaway.runners.verify.record import Claim, Ledger

Key = tuple[Any, ...]
Row = tuple[Any, ...]
Vectors = dict[Key, list[Payoffs]]
Parsed = TypeVar("Parsed")

TRUTH = {"true": True, "false": False}


class Names:
    """Reads names of players, coalitions and structures, each text once; unknown ones give None."""

    def __init__(self, players: Players) -> None:
        self.players = players
        self._coalitions: dict[str, Coalition | None] = {}
        self._structures: dict[str, Structure | None] = {}

    def coalition(self, text: object) -> Coalition | None:
        """Return the coalition that a text names."""
        return _once(self._coalitions, text, lambda name: parse_coalition(name, self.players.names))

    def structure(self, text: object) -> Structure | None:
        """Return the structure that a text names."""
        return _once(self._structures, text, lambda name: parse_structure(name, self.players.names))

    def player(self, text: object) -> int | None:
        """Return the number of the player that a text names."""
        coalition = self.coalition(text)
        return None if coalition is None or coalition.bit_count() != 1 else coalition.bit_length() - 1


def _once(known: dict[str, Parsed | None], text: object, parse: Callable[[str], Parsed]) -> Parsed | None:
    name = label(text)
    if name not in known:
        try:
            known[name] = parse(name)
        except ValueError:
            known[name] = None
    return known[name]


def label(value: object) -> str:
    """Write a name or number of a vector as text; a name read as a whole number (player 1) is written as one."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number(value: object) -> float | None:
    """Return a finite number, None for anything else."""
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) and not _is_flag(value) else None


def flag(value: object) -> bool | None:
    """Return True or False, None for anything else."""
    if _is_flag(value):
        return bool(value)
    return TRUTH.get(value.strip().lower()) if isinstance(value, str) else None


def _is_flag(value: object) -> bool:
    return type(value).__name__ in {"bool", "bool_"}


def rows(tables: Mapping[str, pd.DataFrame], name: str, columns: Iterable[str], ledger: Ledger) -> list[Row]:
    """Return the rows of a table as tuples of the named columns; a missing table or column is a failed item."""
    claim = ledger.claim(f"{name} table readable")
    frame = tables.get(name)
    if frame is None:
        claim.fail(f"there is no table {name}")
        return []
    missing = [column for column in columns if column not in frame.columns]
    claim.check(not missing, f"table {name} has no column {', '.join(missing)}")
    if missing:
        return []
    return list(zip(*(frame[column].tolist() for column in columns), strict=True))


def keyed(
    table: str, lines: list[Row], width: int, parsers: list[Callable[[Any], Any]], claim: Claim
) -> dict[Key, Row]:
    """Return rows as a dict from the first ``width`` parsed columns to the others; None marks what cannot be read."""
    result: dict[Key, Row] = {}
    for line in lines:
        values = tuple(parse(cell) for parse, cell in zip(parsers, line, strict=True))
        words = partial(_words, table, line)
        if claim.check(None not in values[:width], partial(words, "names nothing known")):
            if claim.check(values[:width] not in result, partial(words, "appears twice")):
                result[values[:width]] = values[width:]
            claim.check(None not in values[width:], partial(words, "has a value that cannot be read"))
    return result


def vectors(table: str, lines: Iterable[tuple[Key, Coalition | None, Row]], names: Names, claim: Claim) -> Vectors:
    """Gather payoffs given one player to a row into vectors over the members of a coalition.

    Parameters
    ----------
    table
        Name of the table, for messages.
    lines
        For each row: the key of the vector, the coalition it is for, and the row as it stands, player and payoff
        last. The last entry of the key numbers the vectors that share the rest.
    names
        Reads the players' names.
    claim
        Where rows that cannot be read are counted.

    Returns
    -------
    dict
        From keys without their last entry to the vectors, payoffs in the order of the players table.
    """
    found: dict[Key, tuple[Coalition, Row, dict[int, float]]] = {}
    for key, coalition, line in lines:
        player, value = names.player(line[-2]), number(line[-1])
        words = partial(_words, table, line)
        known = None not in key and not _is_nan(key[-1])
        if coalition is None or player is None or value is None or not known:
            claim.fail(partial(words, "cannot be read"))
            continue
        vector = found.setdefault((*key[:-1], label(key[-1])), (coalition, line, {}))[2]
        fresh = bool(coalition >> player & 1) and player not in vector
        if claim.check(fresh, partial(words, "is for no member or appears twice")):
            vector[player] = value
    result: Vectors = {}
    for key, (coalition, line, vector) in found.items():
        inside = members(coalition)
        words = partial(_words, table, line[:-2], "lacks the payoff of a member")
        if claim.check(len(vector) == len(inside), words):
            result.setdefault(key[:-1], []).append(tuple(vector[player] for player in inside))
    return result


def read_solutions(tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger) -> list[Payoffs]:
    """Read the solutions of the grand coalition."""
    everyone = names.players.everyone
    lines = rows(tables, "solutions", ("solution", "player", "payoff"), ledger)
    parsed = (((None if line[0] is None else "N", line[0]), everyone, line) for line in lines)
    return vectors("solutions", parsed, names, ledger.claim("solutions table readable")).get(("N",), [])


def read_coalition_solutions(
    tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger
) -> dict[Coalition, list[Payoffs]]:
    """Read the solutions of every coalition, payoffs in the order of its members."""
    lines = rows(tables, "coalition_solutions", ("coalition", "solution", "player", "payoff"), ledger)
    parsed = (((block := names.coalition(line[0]), line[1]), block, line) for line in lines)
    found = vectors("coalition_solutions", parsed, names, ledger.claim("coalition_solutions table readable"))
    return {key[0]: payoffs for key, payoffs in found.items()}


def read_imputation(types: Types, tables: Mapping[str, pd.DataFrame], ledger: Ledger) -> Floats | None:
    """Read the payoff of every type, shape (types,); None when one is missing."""
    claim = ledger.claim("imputation table readable")
    known_types = set(types.names)
    found: dict[str, float] = {}
    for name, payoff in rows(tables, "imputation", ("type", "payoff"), ledger):
        value, kind = number(payoff), label(name)
        known = kind in known_types and value is not None and kind not in found
        if claim.check(known, f"{kind}: unknown type, no payoff, or listed twice"):
            found[kind] = float(value or 0.0)
    missing = [name for name in types.names if name not in found]
    if not claim.check(not missing, f"no payoff for {', '.join(missing[:5])}"):
        return None
    return np.array([found[name] for name in types.names])


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _words(table: str, cells: Iterable[Any], problem: str) -> str:
    return f"{table}: {', '.join(str(cell) for cell in cells)} {problem}"
