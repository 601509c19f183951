"""What the kinds of coalitional bargaining share: players with weights and disagreement payoffs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from breakaway.data.coalitions import MAX_PLAYERS, Coalition, format_coalition, members
from breakaway.data.games import Payoffs, Players
from breakaway.data.limits import MAX_PLAYERS_IDENTICAL, structure_limit
from breakaway.data.problems import SHOWN, Findings
from breakaway.data.schema import POSITIVE, Column, ColumnType, Table
from breakaway.data.typed import Data, TypedTable

PLAYER = Column("player", ColumnType.NAME, "name of the player", key=True)
WEIGHT = Column("weight", ColumnType.NUMBER, "bargaining weight gamma", default=1.0, bound=POSITIVE)
DISAGREEMENT = Column("disagreement", ColumnType.NUMBER, "disagreement payoff d", unit="payoff", default=0.0)

COALITION_WEIGHTS = Table(
    "coalition_weights",
    "Weights within single coalitions, in place of those of `players`; a listed coalition lists all its members.",
    (
        Column("coalition", ColumnType.COALITION, "the coalition", key=True),
        Column("player", ColumnType.MEMBER, "a member of it", key=True),
        Column("weight", ColumnType.NUMBER, "weight gamma of the member within the coalition", bound=POSITIVE),
    ),
    optional=True,
)


def players_table(*own: Column) -> Table:
    """Declare a players table with the columns of a kind between the name and the common columns."""
    return Table("players", "The players, in the order in which they appear.", (PLAYER, *own, WEIGHT, DISAGREEMENT))


def build_players(data: Data) -> Players:
    """Build the players of a game."""
    table = data.tables["players"]
    return Players(tuple(table.values("player")), column(table, "weight"), column(table, "disagreement"))


def column(table: TypedTable, name: str) -> Payoffs:
    """Return a column of numbers, one for each player."""
    return tuple(table.numbers(name).tolist())


def players_frame(players: Players, **own: Payoffs) -> pd.DataFrame:
    """Write players as a table; ``own`` are the further columns of a kind."""
    return pd.DataFrame(
        {"player": players.names, **own, "weight": players.weights, "disagreement": players.disagreement}
    )


def report_limit(data: Data, limit: Callable[[int], tuple[str, str] | None], findings: Findings) -> bool:
    """Report too many players; tell whether there are."""
    excess = limit(len(data.domains.get("player", ())))
    if excess is not None:
        findings.add(data.tables["players"].file, *excess, column="player")
    return excess is not None


def report_structure_limit(data: Data, findings: Findings) -> bool:
    """Report too many players for their structures to be listed; tell whether there are, or may be."""
    table = data.tables["players"]
    players = len(data.domains.get("player", ()))
    types = player_types(table)
    if types is None and players <= MAX_PLAYERS_IDENTICAL:
        return players > MAX_PLAYERS  # whether players are identical is known once their cells are right
    return report_limit(data, lambda n: structure_limit(n, types or ()), findings)


def player_types(table: TypedTable) -> list[tuple[float, ...]] | None:
    """Return every player's numbers, which make players identical when equal; None when a cell is unusable."""
    numeric = [name for name in table.table.column_names if name != "player"]
    if not table.usable(*numeric).all():
        return None
    return list(zip(*(column(table, name) for name in numeric), strict=True))


def exact(value: float) -> Fraction:
    """Return the decimal number that a user wrote as an exact fraction."""
    return Fraction(repr(value))


def disagreements(data: Data) -> list[float] | None:
    """Return the disagreement payoffs by player number, None when a player or a payoff is unusable."""
    table = data.tables.get("players")
    if table is None or table.unidentified() or not table.usable("disagreement").all():
        return None
    return list(column(table, "disagreement"))


def report_below_disagreement(
    data: Data, worths: Sequence[Fraction | float], tolerance: float, findings: Findings
) -> None:
    """Report players whose worth alone, in the finest structure, is below their disagreement payoff."""
    payoffs = disagreements(data)
    if payoffs is None:
        return
    table = data.tables["players"]
    for k, (worth, payoff) in enumerate(zip(worths, payoffs, strict=True)):
        if worth < exact(payoff) - Fraction(tolerance):
            findings.add(
                table.file,
                f"player {data.domains['player'][k]!r} gets {float(worth):.12g} when all stand alone, "
                f"less than the disagreement payoff {payoff!r}",
                "lower the disagreement payoff",
                row=table.rows[k],
                column="disagreement",
                value=repr(payoff),
            )


def check_coalition_weights(data: Data, findings: Findings) -> None:
    """Check that every row names a member of its coalition and that every listed coalition is complete."""
    table = data.tables.get("coalition_weights")
    names = data.domains.get("player")
    if table is None or names is None:
        return
    listed: dict[Coalition, list[int]] = {}
    for k, (coalition, player) in enumerate(zip(table.values("coalition"), table.values("player"), strict=True)):
        if coalition is None or player is None:
            continue
        if not coalition >> player & 1:
            message = f"player {names[player]!r} is not a member of {format_coalition(coalition, names)!r}"
            remedy = "list members of the coalition only"
            findings.add(table.file, message, remedy, row=table.rows[k], column="player", value=names[player])
        listed.setdefault(coalition, []).append(player)
    if table.unidentified():
        return
    for coalition, players in listed.items():
        absent = [names[player] for player in members(coalition) if player not in players]
        if absent:
            message = f"coalition {format_coalition(coalition, names)!r} lacks the weight of {', '.join(absent)}"
            remedy = "list all members of a coalition, or none"
            findings.add(table.file, message, remedy, column="weight")


def build_coalition_weights(data: Data) -> dict[Coalition, Payoffs]:
    """Build the weights within single coalitions."""
    table = data.tables.get("coalition_weights")
    if table is None:
        return {}
    rows = zip(table.values("coalition"), table.values("player"), table.numbers("weight").tolist(), strict=True)
    weights: dict[Coalition, dict[int, float]] = {}
    for coalition, player, weight in rows:
        weights.setdefault(coalition, {})[player] = weight
    return {
        coalition: tuple(of_members[player] for player in members(coalition))
        for coalition, of_members in sorted(weights.items())
    }


def coalition_weights_frame(players: Players, weights: Mapping[Coalition, Payoffs]) -> dict[str, pd.DataFrame]:
    """Write the weights within single coalitions as a table; no weights, no table."""
    if not weights:
        return {}
    rows = [
        (players.coalition_name(coalition), players.names[player], weight)
        for coalition, of_members in weights.items()
        for player, weight in zip(members(coalition), of_members, strict=True)
    ]
    return {"coalition_weights": pd.DataFrame(rows, columns=COALITION_WEIGHTS.column_names)}


def missing_list(count: int, entries: Sequence[str], what: str) -> str:
    """Say how many entries are missing, and list the first :data:`~breakaway.data.problems.SHOWN` of them."""
    shown = ", ".join(entries[:SHOWN])
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    verb = "is" if count == 1 else "are"
    return f"{count} {what}{'' if count == 1 else 's'} {verb} missing: {shown}{more}"


def grouped(codes: np.ndarray, order: np.ndarray) -> list[np.ndarray]:
    """Split row numbers into the groups of equal ``codes``, each sorted by ``order``; groups in order of code."""
    rows = np.lexsort((order, codes))
    starts = np.flatnonzero(np.diff(codes[rows])) + 1
    return np.split(rows, starts)
