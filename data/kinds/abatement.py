"""The kind ``abatement``: joint abatement of pollution (Vohra and Ray 2025, Example 2)."""

from __future__ import annotations

import pandas as pd

from breakaway.data.games import AbatementGame
from breakaway.data.kinds.bargaining import (
    build_players,
    column,
    exact,
    players_frame,
    players_table,
    report_below_disagreement,
    report_structure_limit,
)
from breakaway.data.problems import Findings
from breakaway.data.schema import POSITIVE, Column, ColumnType, Kind, ParameterValue
from breakaway.data.typed import Data


def _check(data: Data, findings: Findings) -> None:
    table = data.tables.get("players")
    if table is None or report_structure_limit(data, findings):
        return
    if not table.unidentified() and table.usable("scale").all():
        scales = [exact(scale) for scale in column(table, "scale")]
        report_below_disagreement(data, [sum(scales) - scale / 3 for scale in scales], 0.0, findings)


def _build(data: Data) -> AbatementGame:
    return AbatementGame(build_players(data), column(data.tables["players"], "scale"))


def _to_tables(game: AbatementGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    return {}, {"players": players_frame(game.players, scale=game.scale)}


ABATEMENT = Kind(
    name="abatement",
    meaning="Joint abatement of pollution: a country pays z^3 / (3 a^2) for its abatement z, all enjoy the sum of z.",
    tables=(
        players_table(
            Column("scale", ColumnType.NUMBER, "scale a of the country in its cost z^3 / (3 a^2)", bound=POSITIVE)
        ),
    ),
    parameters=(),
    game_type=AbatementGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
