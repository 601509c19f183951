"""The kind ``characteristic-function``: a worth for every coalition, without externalities (section 5)."""

from __future__ import annotations

from itertools import islice

import pandas as pd

from breakaway.data.coalitions import format_coalition, grand_coalition
from breakaway.data.games import CharacteristicFunctionGame
from breakaway.data.kinds.bargaining import (
    COALITION_WEIGHTS,
    build_coalition_weights,
    build_players,
    check_coalition_weights,
    coalition_weights_frame,
    disagreements,
    missing_list,
    players_frame,
    players_table,
    report_limit,
)
from breakaway.data.limits import MAX_PLAYERS_CHARACTERISTIC, MAX_PLAYERS_INCONSISTENT, player_limit
from breakaway.data.problems import SHOWN, Findings
from breakaway.data.schema import Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data


def _check(data: Data, findings: Findings) -> None:
    if "players" not in data.tables:
        return
    if report_limit(data, lambda n: _limit(n, own_weights="coalition_weights" in data.tables), findings):
        return
    check_coalition_weights(data, findings)
    if "worths" in data.tables:
        _check_all_coalitions(data, findings)
        _check_single_players(data, findings)


def _limit(players: int, *, own_weights: bool) -> tuple[str, str] | None:
    """Tell that there are too many players: fewer are allowed when coalitions have weights of their own."""
    if own_weights and MAX_PLAYERS_INCONSISTENT < players <= MAX_PLAYERS_CHARACTERISTIC:
        return (
            f"{players} players: the limit is {MAX_PLAYERS_INCONSISTENT} when coalitions have weights of their own",
            "remove coalition_weights, or merge or leave out players",
        )
    return player_limit(players, MAX_PLAYERS_CHARACTERISTIC)


def _check_all_coalitions(data: Data, findings: Findings) -> None:
    table = data.tables["worths"]
    names = data.domains.get("player")
    if names is None or "missing_worth" in data.given:
        return
    listed = {coalition for coalition in table.values("coalition") if coalition is not None}
    count = grand_coalition(len(names)) - len(listed)
    if count > table.unidentified():
        absent = (coalition for coalition in range(1, 1 << len(names)) if coalition not in listed)
        entries = [format_coalition(coalition, names) for coalition in islice(absent, SHOWN)]
        remedy = "add their rows, or give the parameter missing_worth"
        findings.add(table.file, missing_list(count, entries, "worth"), remedy, column="coalition")


def _check_single_players(data: Data, findings: Findings) -> None:
    """Report v({i}) < d_i, in the row of the worth or, for a default worth, in the row of the player."""
    payoffs = disagreements(data)
    if payoffs is None:
        return
    table, names = data.tables["worths"], data.domains["player"]
    worths = table.numbers("worth").tolist()
    singles = {c: k for k, c in enumerate(table.values("coalition")) if c is not None and c.bit_count() == 1}
    for player, payoff in enumerate(payoffs):
        k = singles.get(1 << player)
        worth = data.number("missing_worth") if k is None else worths[k]
        if worth is not None and worth < payoff:
            message = f"worth {worth!r} of {names[player]!r} is below the disagreement payoff {payoff!r}"
            remedy = "raise the worth or lower the disagreement payoff"
            row = None if k is None else table.rows[k]
            findings.add(table.file, message, remedy, row=row, column="worth", value=repr(worth))


def _build(data: Data) -> CharacteristicFunctionGame:
    players = build_players(data)
    table = data.tables["worths"]
    listed = dict(zip(table.values("coalition"), table.numbers("worth").tolist(), strict=True))
    default = data.number("missing_worth")
    worths = {coalition: listed.get(coalition, default) for coalition in range(1, players.everyone + 1)}
    complete = {coalition: worth for coalition, worth in worths.items() if worth is not None}
    return CharacteristicFunctionGame(players, complete, build_coalition_weights(data))


def _to_tables(game: CharacteristicFunctionGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    rows = [(game.players.coalition_name(coalition), worth) for coalition, worth in game.worths.items()]
    tables = {
        "players": players_frame(game.players),
        "worths": pd.DataFrame(rows, columns=["coalition", "worth"]),
        **coalition_weights_frame(game.players, game.coalition_weights),
    }
    return {}, tables


CHARACTERISTIC_FUNCTION = Kind(
    name="characteristic-function",
    meaning="A game with transferable utility and without externalities: a worth for every coalition.",
    tables=(
        players_table(),
        Table(
            "worths",
            "The worth v(S) of every coalition S.",
            (
                Column("coalition", ColumnType.COALITION, "the coalition S", key=True),
                Column("worth", ColumnType.NUMBER, "its worth v(S); of a single player at least d", "payoff"),
            ),
        ),
        COALITION_WEIGHTS,
    ),
    parameters=(
        Parameter("missing_worth", float, "worth of the coalitions not listed; none: all must be listed", "payoff"),
    ),
    game_type=CharacteristicFunctionGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
