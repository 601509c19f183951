"""The documentation of the tables, made from their declarations: ``python -m breakaway.data.document``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from breakaway.data.kinds import KINDS
from breakaway.data.schema import Bound, Column, ColumnType, Kind, Parameter, Table

INTRODUCTION = """\
# The tables of an instance

This page is made from the declarations in `data/kinds`: `python -m breakaway.data.document > docs/tables.md`.

An instance is a folder with `game.toml` and one CSV file for each table, `<table>.csv`.

`game.toml` holds `kind` (required), `title` (default: the folder's name), `source` (default: empty) and the table
`[parameters]`. Every file is UTF-8. A CSV file has a header row and cells separated by commas; blank lines and lines
that start with `#` are skipped. An empty cell, or a column that is left out, takes the column's default; without a
default it is an error, and so is a table, column, key or parameter that the kind does not know. Columns marked with an
asterisk are the key: no two rows may agree in all of them.

Names consist of letters, digits, `_`, `-` and `.`. A coalition is written `A+B`, a coalition structure `A+B|C`; spaces
around the separators are allowed, and the order of members and of coalitions does not matter. A profile gives every
coalition of a structure its action, `A+B:high|C:low`; a profile of single agents gives each its type or message,
`A:high|B:low`. A group is written like a coalition, but may have several members of one type, `T+T+H`. Numbers are
finite and have a point as the decimal sign.

Up to 13 players where coalition structures are listed; up to 22 where many players are identical (equal in every column
of `players`), as long as structures have at most 25,000 type patterns. Up to 22 players in a `characteristic-function`,
up to 10 in an `ntu-game`, up to 30 in a `threat-game`; up to 8 in a `strategic-form` game, whose structures may have
2,000,000 profiles in all.
"""


def schema_markdown(kinds: Iterable[Kind] = tuple(KINDS.values())) -> str:
    """Return the page on the tables of all kinds."""
    return INTRODUCTION + "".join(_kind_section(kind) for kind in kinds)


def _kind_section(kind: Kind) -> str:
    sections = [_table_section(table) for table in kind.tables]
    if kind.parameters:
        head = ("parameter", "values", "unit", "default", "meaning")
        sections.append("\n**Parameters**\n\n" + _grid(head, [_parameter_row(p) for p in kind.parameters]))
    return f"\n## `{kind.name}`\n\n{kind.meaning}\n" + "".join(sections)


def _table_section(table: Table) -> str:
    optional = " (optional)" if table.optional else ""
    head = ("column", "values", "unit", "default", "meaning")
    rows = [_column_row(column) for column in table.columns]
    if table.further:
        rows.append(("any other", "number", "", "required", table.further))
    text = f"\n**`{table.name}.csv`**{optional}. {table.meaning}\n\n" + _grid(head, rows)
    if table.alternative is None:
        return text
    rows = [_column_row(column) for column in table.alternative.columns]
    return f"{text}\nOr, in place of these columns: {table.alternative.meaning}\n\n" + _grid(head, rows)


def _column_row(column: Column) -> tuple[str, ...]:
    words = " or ".join(f"`{choice}`" for choice in column.choices)
    kind = f"{column.domain} name" if column.type is ColumnType.MEMBER else words or column.type.value
    return (
        f"`{column.name}`{'*' if column.key else ''}",
        _bounded(kind, column.bound),
        column.unit,
        _default(column),
        column.meaning,
    )


def _default(column: Column) -> str:
    if column.default is None:
        return "required"
    if isinstance(column.default, str):
        return f"`{column.default}`"
    return "none" if math.isnan(column.default) else f"{column.default:g}"


def _parameter_row(parameter: Parameter) -> tuple[str, ...]:
    kinds = {float: "number", bool: "`true` or `false`", str: " or ".join(f"`{c}`" for c in parameter.choices)}
    values = _bounded(kinds[parameter.type], parameter.bound)
    default = "none" if parameter.default is None else f"`{parameter.default}`"
    return (
        f"`{parameter.name}`",
        values,
        parameter.unit,
        "required" if parameter.required else default,
        parameter.meaning,
    )


def _bounded(kind: str, bound: Bound | None) -> str:
    return kind if bound is None else f"{kind}, {bound}"


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    print(schema_markdown(), end="")
