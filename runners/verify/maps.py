"""The tables of a viability map as typed records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure
from breakaway.data.games import Payoffs, Players
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.tables import Names, flag, keyed, number, rows, vectors

StructureRow = tuple[float | None, bool | None, bool | None, bool | None]
"""Number of coalitions, viable, coarsest, efficient; None for what cannot be read."""

BlockRow = tuple[float | None, float | None, float | None, bool | None]
"""Worth, required worth, slack, viable; None for what cannot be read."""

Breakaway = tuple[Structure, Coalition, Structure]
"""A structure, the coalition that breaks away, and the structure that results."""


@dataclass(frozen=True)
class MapTables:
    """What the tables of a viability map claim; ``threats`` and ``failures`` are None when there is no such table."""

    structures: dict[Structure, StructureRow]
    blocks: dict[tuple[Structure, Coalition], BlockRow]
    payoffs: dict[tuple[Structure, Coalition], list[Payoffs]]
    threats: dict[Breakaway, list[Payoffs]] | None
    failures: dict[tuple[Structure, Coalition], list[tuple[Coalition, Structure, Payoffs]]] | None
    shortfalls: dict[tuple[Structure, Coalition], set[float | None]]


def read_map(tables: Mapping[str, pd.DataFrame], players: Players, ledger: Ledger) -> MapTables:
    """Read the tables; what cannot be read is a failed item of the claim that the table is readable."""
    names = Names(players)
    failures, shortfalls = _failures(tables, names, ledger)
    return MapTables(
        structures=read_structures(tables, names, ledger),
        blocks=_blocks(tables, names, ledger),
        payoffs=_payoffs(tables, names, ledger),
        threats=_threats(tables, names, ledger),
        failures=failures,
        shortfalls=shortfalls,
    )


def read_structures(tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger) -> dict[Structure, StructureRow]:
    """Read the table of structures."""
    columns = ("structure", "coalitions", "viable", "coarsest", "efficient")
    parsers: list[Callable[[Any], Any]] = [names.structure, number, flag, flag, flag]
    lines = rows(tables, "structures", columns, ledger)
    found = keyed("structures", lines, 1, parsers, ledger.claim("structures table readable"))
    return {key[0]: row for key, row in found.items()}


def _blocks(
    tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger
) -> dict[tuple[Structure, Coalition], BlockRow]:
    columns = ("structure", "coalition", "worth", "required_worth", "slack", "viable")
    parsers: list[Callable[[Any], Any]] = [names.structure, names.coalition, number, number, number, flag]
    lines = rows(tables, "blocks", columns, ledger)
    return keyed("blocks", lines, 2, parsers, ledger.claim("blocks table readable"))


def _payoffs(
    tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger
) -> dict[tuple[Structure, Coalition], list[Payoffs]]:
    lines = rows(tables, "payoffs", ("structure", "coalition", "solution", "player", "payoff"), ledger)
    parsed = (((names.structure(line[0]), block := names.coalition(line[1]), line[2]), block, line) for line in lines)
    return vectors("payoffs", parsed, names, ledger.claim("payoffs table readable"))


def _threats(tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger) -> dict[Breakaway, list[Payoffs]] | None:
    if "threats" not in tables:
        return None
    columns = ("structure", "breakaway", "resulting_structure", "threat", "player", "payoff")
    claim = ledger.claim("threats table readable")
    numbered: dict[tuple[Any, ...], Structure | None] = {}
    parsed = []
    for line in rows(tables, "threats", columns, ledger):
        pi, part, result, k = line[:4]
        key = (names.structure(pi), names.coalition(part), names.structure(result), k)
        parsed.append((key, key[1], line))
        if numbered.setdefault((key[0], key[1], str(k)), key[2]) != key[2]:
            claim.fail(f"threats: number {k} of {part} in {pi} is used twice")
    return vectors("threats", parsed, names, claim)


def _failures(tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger) -> tuple[Any, Any]:
    """Return the listed threats and the claimed shortfalls of each block; the threats are None without the table."""
    if "failures" not in tables:
        return None, {}
    columns = ("structure", "coalition", "shortfall", "breakaway", "resulting_structure", "threat", "player", "payoff")
    claim = ledger.claim("failures table readable")
    parsed = []
    shortfalls: dict[Any, set[float | None]] = {}
    for line in rows(tables, "failures", columns, ledger):
        pi, block, short, part, result, k = line[:6]
        where = (names.structure(pi), names.coalition(block))
        key = (*where, names.coalition(part), names.structure(result), k)
        parsed.append((key, key[2], line))
        shortfalls.setdefault(where, set()).add(number(short))
        claim.check(number(short) is not None, f"failures: {short} is no shortfall of {block} in {pi}")
    found = vectors("failures", parsed, names, claim)
    gathered: dict[Any, list[Any]] = {}
    for (structure, coalition, breakaway, outcome), payoffs in found.items():
        gathered.setdefault((structure, coalition), []).extend((breakaway, outcome, y) for y in payoffs)
    return gathered, shortfalls
