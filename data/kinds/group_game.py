"""The kind ``group-game``: a market of small groups with listed surpluses (Wang 2019, section 2)."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from breakaway.data.arrays import frozen_floats
from breakaway.data.groups import GroupGame, Unlisted
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
from breakaway.data.problems import SHOWN, Findings, counted
from breakaway.data.schema import NONNEGATIVE, Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data, TypedTable


def _check(data: Data, findings: Findings) -> None:
    check_sizes(data, findings)
    table = data.tables.get("groups")
    if table is not None:
        _check_group_sizes(data, table, findings)
        _check_every_type_has_a_group(data, table, findings)


def _check_group_sizes(data: Data, table: TypedTable, findings: Findings) -> None:
    """Report groups with fewer or more members than are permitted."""
    sizes = sizes_of(data, _largest(table))
    if sizes is None:
        return
    for k, group in enumerate(table.values("group")):
        if group is None or sizes[0] <= len(group) <= sizes[1]:
            continue
        name = "+".join(data.domains["type"][i] for i in group)
        bound, relation, change = (
            ("max_size", "above", "raise") if len(group) > sizes[1] else ("min_size", "below", "lower")
        )
        limit = sizes[1] if bound == "max_size" else sizes[0]
        findings.add(
            table.file,
            f"group {name!r} has {counted(len(group), 'member', 'members')}, {relation} {bound} {limit}",
            f"leave the group out or {change} {bound}",
            row=table.rows[k],
            column="group",
            value=name,
        )


def _largest(table: TypedTable) -> int:
    """Return the size of the largest listed group."""
    return max((len(group) for group in table.cells["group"].distinct), default=1)


def _check_every_type_has_a_group(data: Data, table: TypedTable, findings: Findings) -> None:
    """Report types that are in no group, where only listed groups can form."""
    if data.parameters.get("unlisted") != "forbidden" or "types" not in data.tables or table.unidentified():
        return
    used = {i for group in table.cells["group"].distinct for i in group}
    absent = [name for i, name in enumerate(data.domains.get("type", ())) if i not in used]
    if absent:
        more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
        message = f"no permitted group contains {', '.join(absent[:SHOWN])}{more}, and unlisted groups are forbidden"
        remedy = "list a group for each of these types (alone, say), or set unlisted to zero"
        findings.add(table.file, message, remedy, column="group")


def _build(data: Data) -> GroupGame:
    table = data.tables["groups"]
    cells = table.cells["group"]
    sizes = sizes_of(data, _largest(table))
    if sizes is None:
        raise AssertionError("sizes that passed the check are not usable")
    rows = np.array([[*group, *[-1] * (sizes[1] - len(group))] for group in cells.distinct], dtype=np.int32)
    groups = rows.reshape(-1, sizes[1])[cells.codes]
    groups.setflags(write=False)
    unlisted = cast(Unlisted, data.parameters["unlisted"])
    return GroupGame(build_types(data), groups, frozen_floats(table.numbers("surplus")), *sizes, unlisted)


def _to_tables(game: GroupGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    """Write a game as tables."""
    names = [game.types.group_name(group) for group in game.groups.tolist()]
    frame = pd.DataFrame({"group": names, "surplus": game.surplus.tolist()})
    parameters = sizes_written(game.min_size, game.max_size) | {"unlisted": game.unlisted}
    return parameters, {"types": types_frame(game.types), "groups": frame}


GROUP_GAME = Kind(
    name="group-game",
    meaning="A market of small groups whose surpluses are listed. A continuum of people of each type forms groups of "
    "`min_size` to `max_size` members, who share the surplus of their group.",
    tables=(
        types_table(),
        Table(
            "groups",
            "The groups with a surplus, each once, its members in any order. There may be none when `unlisted` is "
            "`zero`.",
            (
                Column("group", ColumnType.GROUP, "the members by type, with repetitions", key=True, domain="type"),
                Column("surplus", ColumnType.NUMBER, "what a group has to share, s", "money", bound=NONNEGATIVE),
            ),
            may_be_empty=True,
        ),
    ),
    parameters=(
        MIN_SIZE,
        max_size_parameter(None, "members of the largest group, N; by default that of the largest listed group"),
        Parameter(
            "unlisted",
            str,
            "groups of permitted sizes that are not listed: they have surplus 0, or cannot form",
            default="zero",
            choices=("zero", "forbidden"),
        ),
    ),
    game_type=GroupGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
