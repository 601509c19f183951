"""The kind ``partition-function``: a worth for every coalition of every structure (section 3.3)."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pandas as pd

from breakaway.data.coalitions import (
    Structure,
    bell_number,
    finest_structure,
    format_coalition,
    format_structure,
    grand_coalition,
    structures,
)
from breakaway.data.games import PartitionFunctionGame
from breakaway.data.kinds.bargaining import (
    COALITION_WEIGHTS,
    build_coalition_weights,
    build_players,
    check_coalition_weights,
    coalition_weights_frame,
    disagreements,
    grouped,
    missing_list,
    players_frame,
    players_table,
    report_limit,
)
from breakaway.data.limits import structure_limit
from breakaway.data.problems import SHOWN, Findings
from breakaway.data.schema import Column, ColumnType, Kind, ParameterValue, Table
from breakaway.data.typed import Data


def _check(data: Data, findings: Findings) -> None:
    if "players" not in data.tables or report_limit(data, structure_limit, findings):
        return
    check_coalition_weights(data, findings)
    if "worths" in data.tables and "player" in data.domains:
        _check_blocks(data, findings)
        _check_single_players(data, findings)


def _check_blocks(data: Data, findings: Findings) -> None:
    """Check that every row names a block of its structure, and that no structure and no block is missing."""
    table, names = data.tables["worths"], data.domains["player"]
    found: dict[Structure, int] = {}
    stray = 0
    for k, (structure, block) in enumerate(zip(table.values("structure"), table.values("coalition"), strict=True)):
        if structure is None or block is None:
            continue
        if block in structure:
            found[structure] = found.get(structure, 0) | block
            continue
        stray += 1
        text = format_coalition(block, names)
        message = f"{text!r} is not a coalition of the structure {format_structure(structure, names)!r}"
        remedy = "name a block of the structure"
        findings.add(table.file, message, remedy, row=table.rows[k], column="coalition", value=text)
    _check_complete(data, found, table.unidentified() + stray, findings)


def _check_complete(data: Data, found: dict[Structure, int], excused: int, findings: Findings) -> None:
    """Report missing worths, unless the ``excused`` rows, whose place is not known, may be all of them."""
    table, names = data.tables["worths"], data.domains["player"]
    everyone = grand_coalition(len(names))
    absent = [
        f"{format_coalition(block, names)} in {format_structure(structure, names)}"
        for structure, listed in found.items()
        if listed != everyone
        for block in structure
        if not listed & block
    ]
    unlisted = bell_number(len(names)) - len(found)
    if len(absent) > excused:
        message = missing_list(len(absent), absent, "worth")
        findings.add(table.file, message, "add a row for every coalition of a structure", column="coalition")
    if unlisted > excused:
        unseen = (structure for structure in structures(everyone) if structure not in found)
        entries = [format_structure(structure, names) for structure in islice(unseen, SHOWN)]
        message = missing_list(unlisted, entries, "structure")
        findings.add(table.file, message, "add the worths of their coalitions", column="structure")


def _check_single_players(data: Data, findings: Findings) -> None:
    payoffs = disagreements(data)
    if payoffs is None:
        return
    table, names = data.tables["worths"], data.domains["player"]
    finest = finest_structure(len(names))
    worths = table.numbers("worth").tolist()
    for k, (structure, block) in enumerate(zip(table.values("structure"), table.values("coalition"), strict=True)):
        if structure != finest or block not in finest:
            continue
        player = block.bit_length() - 1
        if worths[k] < payoffs[player]:
            message = (
                f"worth {worths[k]!r} of {names[player]!r} in the finest structure is below the disagreement "
                f"payoff {payoffs[player]!r}"
            )
            remedy = "raise the worth or lower the disagreement payoff"
            findings.add(table.file, message, remedy, row=table.rows[k], column="worth", value=repr(worths[k]))


def _build(data: Data) -> PartitionFunctionGame:
    table = data.tables["worths"]
    cells = table.cells["structure"]
    first_players = np.array([block & -block for block in table.values("coalition")], dtype=np.int64)
    worths = table.numbers("worth")
    groups = grouped(cells.codes, first_players)
    by_structure = {cells.distinct[int(cells.codes[rows[0]])]: tuple(worths[rows].tolist()) for rows in groups}
    return PartitionFunctionGame(build_players(data), by_structure, build_coalition_weights(data))


def _to_tables(game: PartitionFunctionGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    rows = [
        (game.players.structure_name(structure), game.players.coalition_name(block), worth)
        for structure, worths in game.worths.items()
        for block, worth in zip(structure, worths, strict=True)
    ]
    tables = {
        "players": players_frame(game.players),
        "worths": pd.DataFrame(rows, columns=["structure", "coalition", "worth"]),
        **coalition_weights_frame(game.players, game.coalition_weights),
    }
    return {}, tables


PARTITION_FUNCTION = Kind(
    name="partition-function",
    meaning="A game with transferable utility and externalities: a worth for every coalition of every structure.",
    tables=(
        players_table(),
        Table(
            "worths",
            "The worth v(S, pi) of every coalition S of every coalition structure pi.",
            (
                Column("structure", ColumnType.STRUCTURE, "the coalition structure pi", key=True),
                Column("coalition", ColumnType.COALITION, "a coalition S of it", key=True),
                Column("worth", ColumnType.NUMBER, "its worth v(S, pi); in the finest structure at least d", "payoff"),
            ),
        ),
        COALITION_WEIGHTS,
    ),
    parameters=(),
    game_type=PartitionFunctionGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
