"""The kind ``threat-game``: a feasible set and a list of threats (Vohra and Ray 2025, section 2)."""

from __future__ import annotations

import pandas as pd

from breakaway.data.coalitions import coalition_of, members
from breakaway.data.games import ConvexSet, FeasibleSet, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.data.kinds.bargaining import (
    build_players,
    column,
    disagreements,
    exact,
    grouped,
    players_frame,
    players_table,
    report_limit,
)
from breakaway.data.limits import MAX_PLAYERS_THREAT_GAME, player_limit
from breakaway.data.problems import Findings
from breakaway.data.schema import Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data, TypedTable


def _check(data: Data, findings: Findings) -> None:
    if "players" not in data.tables:
        return
    if report_limit(data, lambda n: player_limit(n, MAX_PLAYERS_THREAT_GAME), findings):
        return
    _check_feasible_set(data, findings)
    _check_total_worth(data, findings)
    if "threats" in data.tables:
        _check_threats(data, data.tables["threats"], findings)
    if "points" in data.tables:
        _check_points(data, data.tables["points"], findings)
    if {"polyhedron", "rows"} & data.given:
        _check_polyhedron(data, findings)


def _check_feasible_set(data: Data, findings: Findings) -> None:
    ways = {
        "the parameter total_worth": "total_worth" in data.given,
        "the table points": "points" in data.given,
        "the tables polyhedron and rows": bool({"polyhedron", "rows"} & data.given),
    }
    given = [way for way, present in ways.items() if present]
    if len(given) == 1:
        return
    file, line = data.place("total_worth")
    message = f"the feasible set is given by {' and '.join(given)}" if given else "no feasible set is given"
    findings.add(file, message, f"give exactly one of {', '.join(ways)}", row=line)


def _check_total_worth(data: Data, findings: Findings) -> None:
    total, payoffs = data.number("total_worth"), disagreements(data)
    if total is None or payoffs is None:
        return
    least = sum(map(exact, payoffs))
    if exact(total) < least:
        file, line = data.place("total_worth")
        message = f"total_worth {total!r} is below the sum of the disagreement payoffs, {float(least):.12g}"
        remedy = "raise it or lower the disagreement payoffs"
        findings.add(file, message, remedy, row=line, column="total_worth", value=repr(total))


def _check_threats(data: Data, table: TypedTable, findings: Findings) -> None:
    names = data.domains.get("player")
    payoffs = disagreements(data)
    if names is None:
        return
    makers: dict[str, set[int]] = {}
    numbers = table.numbers("payoff").tolist()
    for k, (threat, player) in enumerate(zip(table.values("threat"), table.values("player"), strict=True)):
        if threat is None or player is None:
            continue
        joined = makers.setdefault(threat, set())
        completes = player not in joined and len(joined) == len(names) - 1
        joined.add(player)
        if completes:
            message = f"threat {threat!r} is made by all players: nobody is left to walk away from"
            remedy = "leave out at least one player; what all can reach together is the feasible set"
            findings.add(table.file, message, remedy, row=table.rows[k], column="threat", value=threat)
        if payoffs is not None and numbers[k] < payoffs[player]:
            message = (
                f"payoff {numbers[k]!r} of {names[player]!r} in threat {threat!r} is below the disagreement "
                f"payoff {payoffs[player]!r}"
            )
            remedy = "leave out the threat: the player would not join it, or correct the payoff"
            findings.add(table.file, message, remedy, row=table.rows[k], column="payoff", value=repr(numbers[k]))


def _check_points(data: Data, table: TypedTable, findings: Findings) -> None:
    """Check that every point names every player, and that some point gives everyone the disagreement payoff."""
    names, payoffs = data.domains.get("player"), disagreements(data)
    if names is None or table.unidentified():
        return
    points: dict[str, dict[int, float]] = {}
    rows = zip(table.values("point"), table.values("player"), table.numbers("payoff").tolist(), strict=True)
    for point, player, payoff in rows:
        points.setdefault(point, {})[player] = payoff
    complete = True
    for point, of_players in points.items():
        absent = [name for player, name in enumerate(names) if player not in of_players]
        if absent:
            complete = False
            message = f"point {point!r} lacks the payoff of {', '.join(absent)}"
            findings.add(table.file, message, "give every player a payoff in every point", column="player")
    if payoffs is None or not complete or not table.usable("payoff").all():
        return
    if not any(all(of_players[k] >= payoffs[k] for k in of_players) for of_players in points.values()):
        message = "no point gives every player the disagreement payoff"
        findings.add(table.file, message, "add such a point or lower the disagreement payoffs", column="payoff")


def _check_polyhedron(data: Data, findings: Findings) -> None:
    """Check that rows and coefficients go together and that every payoff is bounded by some row."""
    for name, other in (("polyhedron", "rows"), ("rows", "polyhedron")):
        if name not in data.given:
            message = f"table {name!r} is missing: a polyhedron A x <= b needs the tables polyhedron and rows"
            findings.add(data.tables[other].file if other in data.tables else other, message, f"add table {name!r}")
    table, rows = data.tables.get("polyhedron"), data.tables.get("rows")
    if table is None or rows is None or table.unidentified():
        return
    used = set(table.values("row"))
    for k, row in enumerate(rows.values("row")):
        if row is not None and data.domains["row"].index(row) not in used:
            message = f"row {row!r} has no coefficients"
            remedy = f"give it coefficients in {table.file}, or remove it"
            findings.add(rows.file, message, remedy, row=rows.rows[k], column="row", value=row)
    bounded = set(pd.Series(table.values("player"))[table.numbers("coefficient") > 0])
    if table.usable("coefficient").all():
        for player, name in enumerate(data.domains.get("player", ())):
            if player not in bounded:
                message = f"the payoff of {name!r} is unbounded: the player has no positive coefficient"
                findings.add(table.file, message, "add a row that bounds it", column="coefficient")


def _build(data: Data) -> ThreatGame:
    players = build_players(data)
    threats = _build_threats(data.tables["threats"]) if "threats" in data.tables else ()
    return ThreatGame(players, _build_feasible(data, len(players)), threats)


def _build_threats(table: TypedTable) -> tuple[Threat, ...]:
    payoffs = table.numbers("payoff")
    players = table.cells["player"]
    numbers = pd.Series(players.expanded()).to_numpy(dtype="int64")
    threats = table.cells["threat"]
    return tuple(
        Threat(
            threats.distinct[int(threats.codes[rows[0]])],
            coalition_of(numbers[rows].tolist()),
            tuple(payoffs[rows].tolist()),
        )
        for rows in grouped(threats.codes, numbers)
    )


def _build_feasible(data: Data, n: int) -> FeasibleSet:
    if "points" in data.tables:
        return _build_points(data.tables["points"])
    if "polyhedron" in data.tables:
        return _build_polyhedron(data.tables["rows"], data.tables["polyhedron"], n)
    return TotalWorth(float(data.parameters["total_worth"]))


def _build_points(table: TypedTable) -> Points:
    points = table.cells["point"]
    payoffs = table.numbers("payoff")
    groups = grouped(points.codes, pd.Series(table.values("player")).to_numpy(dtype="int64"))
    return Points(tuple(points.distinct), tuple(tuple(payoffs[rows].tolist()) for rows in groups))


def _build_polyhedron(rows: TypedTable, table: TypedTable, n: int) -> Polyhedron:
    coefficients = [[0.0] * n for _ in range(len(rows))]
    entries = zip(table.values("row"), table.values("player"), table.numbers("coefficient").tolist(), strict=True)
    for row, player, coefficient in entries:
        coefficients[row][player] = coefficient
    return Polyhedron(tuple(rows.values("row")), tuple(map(tuple, coefficients)), column(rows, "rhs"))


def _to_tables(game: ThreatGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    """Write a game as tables.

    Raises
    ------
    TypeError
        When the feasible set is given by Pyomo constraints.
    """
    names = game.players.names
    tables = {"players": players_frame(game.players)}
    if game.threats:
        rows = [
            (threat.name, names[player], payoff)
            for threat in game.threats
            for player, payoff in zip(members(threat.coalition), threat.payoffs, strict=True)
        ]
        tables["threats"] = pd.DataFrame(rows, columns=["threat", "player", "payoff"])
    match game.feasible:
        case TotalWorth(worth):
            return {"total_worth": worth}, tables
        case Points(labels, payoffs):
            tables["points"] = _matrix_frame(labels, names, payoffs, ("point", "player", "payoff"))
        case Polyhedron(labels, coefficients, bounds):
            tables["polyhedron"] = _matrix_frame(labels, names, coefficients, ("row", "player", "coefficient"))
            tables["rows"] = pd.DataFrame({"row": labels, "rhs": bounds})
        case ConvexSet():
            raise TypeError("the feasible set is given by Pyomo constraints, which no table holds; keep it in Python")
    return {}, tables


def _matrix_frame(
    labels: tuple[str, ...],
    names: tuple[str, ...],
    entries: tuple[tuple[float, ...], ...],
    columns: tuple[str, str, str],
) -> pd.DataFrame:
    rows = [
        (label, name, entry)
        for label, line in zip(labels, entries, strict=True)
        for name, entry in zip(names, line, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(columns))


THREAT_GAME = Kind(
    name="threat-game",
    meaning="A bargaining problem with coalitional threats. The feasible set is given by exactly one of the "
    "parameter `total_worth`, the table `points`, or the tables `polyhedron` and `rows`.",
    tables=(
        players_table(),
        Table(
            "threats",
            "The threats (T, y): the players listed under one label form T and get y when they walk away. Without "
            "this table there are none.",
            (
                Column("threat", ColumnType.LABEL, "label of the threat", key=True),
                Column("player", ColumnType.MEMBER, "a player who makes it", key=True),
                Column("payoff", ColumnType.NUMBER, "what the player then gets; at least d", "payoff"),
            ),
            optional=True,
        ),
        Table(
            "points",
            "Finitely many feasible allocations.",
            (
                Column("point", ColumnType.LABEL, "label of the allocation", key=True),
                Column("player", ColumnType.MEMBER, "the player; every point lists all", key=True),
                Column("payoff", ColumnType.NUMBER, "the player's payoff", "payoff"),
            ),
            optional=True,
        ),
        Table(
            "rows",
            "The rows of a polyhedron A x <= b of feasible allocations.",
            (
                Column("row", ColumnType.NAME, "name of the row", key=True, domain="row"),
                Column("rhs", ColumnType.NUMBER, "right-hand side b", "payoff"),
            ),
            optional=True,
        ),
        Table(
            "polyhedron",
            "The coefficients A; those not listed are 0.",
            (
                Column("row", ColumnType.MEMBER, "the row", key=True, domain="row"),
                Column("player", ColumnType.MEMBER, "the player", key=True),
                Column("coefficient", ColumnType.NUMBER, "coefficient of the player's payoff"),
            ),
            optional=True,
        ),
    ),
    parameters=(
        Parameter(
            "total_worth", float, "what the payoffs may sum to; at least the sum of disagreement payoffs", "payoff"
        ),
    ),
    game_type=ThreatGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
