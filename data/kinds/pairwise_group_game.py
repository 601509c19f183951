"""The kind ``pairwise-group-game``: small groups whose surplus adds up over pairs (Wang 2019, section 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from breakaway.data.arrays import frozen_floats
from breakaway.data.groups import PairwiseGroupGame
from breakaway.data.kinds.small_groups import (
    MIN_SIZE,
    build_types,
    check_sizes,
    max_size_parameter,
    sizes_of,
    sizes_written,
    types_frame,
    types_table,
)
from breakaway.data.problems import Findings
from breakaway.data.schema import POSITIVE, Column, ColumnType, Kind, ParameterValue, Table
from breakaway.data.typed import Data, TypedTable


def _check(data: Data, findings: Findings) -> None:
    check_sizes(data, findings)
    if "pairs" in data.tables:
        _check_both_orders(data, data.tables["pairs"], findings)
    if "sizes" in data.tables:
        _check_listed_sizes(data, data.tables["sizes"], findings)


def _check_both_orders(data: Data, table: TypedTable, findings: Findings) -> None:
    """Report pairs that are listed in both orders."""
    names = data.domains.get("type")
    usable = table.usable("type_a", "type_b", "value")
    if names is None or not usable.any():
        return
    one, other, value = _ends(table)
    low, high = np.minimum(one, other), np.maximum(one, other)
    rows = np.flatnonzero(usable & (one != other))
    order = rows[np.argsort(low[rows] * len(names) + high[rows], kind="stable")]
    first, second = order[:-1], order[1:]
    same = (low[first] == low[second]) & (high[first] == high[second]) & (one[first] != one[second])
    for before, after in zip(first[same].tolist(), second[same].tolist(), strict=True):
        here, there = float(value[after]), float(value[before])
        values = f"with the value {there!r}" + (f", and {here!r} here" if here != there else "")
        findings.add(
            table.file,
            f"the pair of {names[one[after]]!r} and {names[other[after]]!r} stands in row {table.rows[before]} "
            f"already, {values}",
            "list the pair once, in any order",
            row=table.rows[after],
            column="type_b",
            value=names[other[after]],
        )


def _ends(table: TypedTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the two types and the value of every row, -1 and NaN where unusable."""
    numbers = [
        np.array((*table.cells[name].distinct, -1), dtype=np.int64)[table.cells[name].codes]
        for name in ("type_a", "type_b")
    ]
    return numbers[0], numbers[1], table.numbers("value")


def _check_listed_sizes(data: Data, table: TypedTable, findings: Findings) -> None:
    """Report costs of sizes that are no whole numbers or are not permitted."""
    sizes = sizes_of(data, 1)
    for k, size in enumerate(table.numbers("size").tolist()):
        if size != size or sizes is None:  # noqa: PLR0124 - NaN marks an unusable cell
            continue
        if not size.is_integer():
            message, remedy = f"size {size!r} is not a whole number", "count members"
        elif not sizes[0] <= size <= sizes[1]:
            message = f"size {size:.12g} is not permitted: groups have {sizes[0]} to {sizes[1]} members"
            remedy = "leave the row out, or change min_size or max_size"
        else:
            continue
        findings.add(table.file, message, remedy, row=table.rows[k], column="size", value=f"{size:.12g}")


def _build(data: Data) -> PairwiseGroupGame:
    sizes = sizes_of(data, 1)
    if sizes is None:
        raise AssertionError("sizes that passed the check are not usable")
    types = build_types(data)
    values = np.zeros((len(types), len(types)))
    if "pairs" in data.tables:
        one, other, value = _ends(data.tables["pairs"])
        values[one, other] = value
        values[other, one] = value
    values.setflags(write=False)
    costs = np.zeros(sizes[1] + 1)
    if "sizes" in data.tables:
        table = data.tables["sizes"]
        costs[table.numbers("size").astype(np.int64)] = table.numbers("cost")
    solo = frozen_floats(data.tables["types"].numbers("solo"))
    return PairwiseGroupGame(types, solo, values, frozen_floats(costs), *sizes)


def _to_tables(game: PairwiseGroupGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    tables = {"types": types_frame(game.types).assign(solo=game.solo.tolist())}
    one, other = np.nonzero(np.triu(game.values))
    names = np.array(game.types.names, dtype=object)
    if len(one):
        value = game.values[one, other].tolist()  # noqa: PD011 - an array, not a frame
        tables["pairs"] = pd.DataFrame({"type_a": names[one], "type_b": names[other], "value": value})
    sizes = np.flatnonzero(game.size_cost)
    if len(sizes):
        tables["sizes"] = pd.DataFrame({"size": sizes.tolist(), "cost": game.size_cost[sizes].tolist()})
    return sizes_written(game.min_size, game.max_size), tables


PAIRWISE_GROUP_GAME = Kind(
    name="pairwise-group-game",
    meaning="A market of small groups with s(G) = max(0, sum of `solo` over the members + sum of `value` over the "
    "pairs of members - `cost` of the size). A continuum of people of each type forms groups of `min_size` to "
    "`max_size` members, who share the surplus of their group.",
    tables=(
        types_table(
            Column("solo", ColumnType.NUMBER, "what a member of the type adds by itself", "money", default=0.0)
        ),
        Table(
            "pairs",
            "What pairs of members add; pairs not listed add 0. A pair is listed once, in any order.",
            (
                Column("type_a", ColumnType.MEMBER, "type of one member", key=True, domain="type"),
                Column("type_b", ColumnType.MEMBER, "type of the other; may be the same", key=True, domain="type"),
                Column("value", ColumnType.NUMBER, "what the pair adds", "money", default=0.0),
            ),
            optional=True,
        ),
        Table(
            "sizes",
            "What groups of a size cost; sizes not listed cost 0.",
            (
                Column("size", ColumnType.NUMBER, "number of members", key=True, bound=POSITIVE),
                Column("cost", ColumnType.NUMBER, "cost of a group of that size", "money", default=0.0),
            ),
            optional=True,
        ),
    ),
    parameters=(MIN_SIZE, max_size_parameter(2.0, "members of the largest group, N")),
    game_type=PairwiseGroupGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
