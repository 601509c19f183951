"""The kind ``ntu-game``: a feasible set for every coalition, without externalities (Vohra and Ray 2025, section 5)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice

import pandas as pd

from breakaway.data.coalitions import Coalition, format_coalition, grand_coalition, members
from breakaway.data.games import ConvexSet, FeasibleSet, NtuGame, Payoffs, Points, Polyhedron, TotalWorth
from breakaway.data.kinds.bargaining import (
    COALITION_WEIGHTS,
    build_coalition_weights,
    build_players,
    check_coalition_weights,
    coalition_weights_frame,
    disagreements,
    exact,
    missing_list,
    players_frame,
    players_table,
    report_limit,
)
from breakaway.data.limits import MAX_PLAYERS_NTU, player_limit
from breakaway.data.problems import SHOWN, Findings
from breakaway.data.schema import Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data, TypedTable

WAYS = ("points", "polyhedron_rows", "worths")
"""The tables that may give a coalition its feasible set; a polyhedron is given by its rows."""

Labelled = dict[tuple[Coalition, str], dict[int, float]]
"""Numbers by coalition and label (of a point or a row), and within them by player."""


def _check(data: Data, findings: Findings) -> None:
    if "players" not in data.tables:
        return
    if report_limit(data, lambda n: player_limit(n, MAX_PLAYERS_NTU), findings):
        return
    check_coalition_weights(data, findings)
    names = data.domains.get("player")
    if names is None:
        return
    _check_every_coalition(data, names, findings)
    _check_one_way(data, names, findings)
    if "points" in data.tables:
        _check_points(data, names, findings)
    if {"polyhedra", "polyhedron_rows"} & data.given:
        _check_polyhedra(data, names, findings)
    if "worths" in data.tables:
        _check_worths(data, names, findings)


def _check_every_coalition(data: Data, names: tuple[str, ...], findings: Findings) -> None:
    """Report coalitions without a feasible set, unless a broken row may be theirs or the parameter allows it."""
    if data.parameters.get("unlisted") == "disagreement":
        return
    tables = (*WAYS, "polyhedra")
    given = [data.tables[name] for name in tables if name in data.tables]
    if any(name in data.given and name not in data.tables for name in tables) or any(t.unidentified() for t in given):
        return
    listed = {coalition for table in given for coalition in table.values("coalition")}
    count = grand_coalition(len(names)) - len(listed)
    if count:
        absent = (coalition for coalition in range(1, 1 << len(names)) if coalition not in listed)
        entries = [format_coalition(coalition, names) for coalition in islice(absent, SHOWN)]
        file, line = data.place("unlisted")
        remedy = 'give each in points, polyhedra or worths, or set unlisted = "disagreement" if they cannot do anything'
        findings.add(file, missing_list(count, entries, "feasible set"), remedy, row=line, column="unlisted")


def _check_one_way(data: Data, names: tuple[str, ...], findings: Findings) -> None:
    """Report coalitions with two feasible sets, in the row where the second one begins."""
    first: dict[Coalition, str] = {}
    for way in WAYS:
        table = data.tables.get(way)
        reported: set[Coalition] = set()
        for k, coalition in enumerate(table.values("coalition") if table else ()):
            if table is None or coalition is None or coalition in reported:
                continue
            earlier = first.setdefault(coalition, way)
            if earlier != way:
                reported.add(coalition)
                name = format_coalition(coalition, names)
                message = f"coalition {name!r} has a feasible set in the table {earlier} already"
                remedy = "give every coalition exactly one of points, a polyhedron or a worth"
                findings.add(table.file, message, remedy, row=table.rows[k], column="coalition", value=name)


def _check_members(data: Data, table: TypedTable, names: tuple[str, ...], findings: Findings) -> None:
    """Report rows whose player is not a member of their coalition."""
    for k, (coalition, player) in enumerate(zip(table.values("coalition"), table.values("player"), strict=True)):
        if coalition is not None and player is not None and not coalition >> player & 1:
            message = f"player {names[player]!r} is not a member of {format_coalition(coalition, names)!r}"
            remedy = "list members of the coalition only"
            findings.add(table.file, message, remedy, row=table.rows[k], column="player", value=names[player])


def _gathered(table: TypedTable, label: str, value: str) -> Labelled:
    """Gather the usable rows of members by coalition and label, in the order of the table."""
    found: Labelled = {}
    columns = (table.values("coalition"), table.values(label), table.values("player"), table.numbers(value).tolist())
    for coalition, name, player, number in zip(*columns, strict=True):
        if None not in (coalition, name, player) and coalition >> player & 1:
            found.setdefault((coalition, name), {})[player] = number
    return found


def _check_points(data: Data, names: tuple[str, ...], findings: Findings) -> None:
    """Check that points list every member, members only, and nobody below disagreement."""
    table = data.tables["points"]
    _check_members(data, table, names, findings)
    _check_above_disagreement(data, table, names, findings)
    if table.unidentified():
        return
    for (coalition, point), payoffs in _gathered(table, "point", "payoff").items():
        absent = [names[player] for player in members(coalition) if player not in payoffs]
        if absent:
            name = format_coalition(coalition, names)
            message = f"point {point!r} of {name!r} lacks the payoff of {', '.join(absent)}"
            findings.add(table.file, message, "give every member a payoff in every point", column="player")


def _check_above_disagreement(data: Data, table: TypedTable, names: tuple[str, ...], findings: Findings) -> None:
    least = disagreements(data)
    if least is None:
        return
    numbers = table.numbers("payoff").tolist()
    for k, (point, player) in enumerate(zip(table.values("point"), table.values("player"), strict=True)):
        if point is not None and player is not None and numbers[k] < least[player]:
            message = (
                f"payoff {numbers[k]!r} of {names[player]!r} in point {point!r} is below the disagreement payoff "
                f"{least[player]!r}"
            )
            remedy = "leave out the point: nobody can be held below disagreement, or correct the payoff"
            findings.add(table.file, message, remedy, row=table.rows[k], column="payoff", value=repr(numbers[k]))


def _check_polyhedra(data: Data, names: tuple[str, ...], findings: Findings) -> None:
    """Check that rows and coefficients go together, and that some row bounds every member's payoff."""
    for name, other in (("polyhedra", "polyhedron_rows"), ("polyhedron_rows", "polyhedra")):
        if name not in data.given:
            message = f"table {name!r} is missing: polyhedra A x <= b need the tables polyhedra and polyhedron_rows"
            findings.add(data.tables[other].file if other in data.tables else other, message, f"add table {name!r}")
    table, rows = data.tables.get("polyhedra"), data.tables.get("polyhedron_rows")
    if table is None or rows is None:
        return
    _check_members(data, table, names, findings)
    if table.unidentified() or rows.unidentified():
        return
    listed = list(zip(rows.values("coalition"), rows.values("row"), strict=True))
    coefficients = _gathered(table, "row", "coefficient")
    _check_rows_match(table, rows, coefficients, names, findings)
    if table.usable("coefficient").all():
        bounded: dict[Coalition, set[int]] = {coalition: set() for coalition, _ in listed}
        for (coalition, _), line in coefficients.items():
            bounded.setdefault(coalition, set()).update(player for player, a in line.items() if a > 0)
        for coalition, held in bounded.items():
            free = [names[player] for player in members(coalition) if player not in held]
            if free:
                name = format_coalition(coalition, names)
                message = f"the payoff of {', '.join(free)} in {name!r} is unbounded: no positive coefficient"
                findings.add(table.file, message, "add a row that bounds it", column="coefficient")


def _check_rows_match(
    table: TypedTable, rows: TypedTable, coefficients: Labelled, names: tuple[str, ...], findings: Findings
) -> None:
    """Report rows without coefficients, and coefficients of rows that are not declared."""
    listed = set(zip(rows.values("coalition"), rows.values("row"), strict=True))
    for k, (coalition, row) in enumerate(zip(rows.values("coalition"), rows.values("row"), strict=True)):
        if (coalition, row) not in coefficients:
            message = f"row {row!r} of {format_coalition(coalition, names)!r} has no coefficients"
            remedy = f"give it coefficients in {table.file}, or remove it"
            findings.add(rows.file, message, remedy, row=rows.rows[k], column="row", value=row)
    reported = set()
    for k, key in enumerate(zip(table.values("coalition"), table.values("row"), strict=True)):
        if key not in listed and key not in reported:
            reported.add(key)
            message = f"row {key[1]!r} of {format_coalition(key[0], names)!r} has no right-hand side"
            remedy = f"add it to {rows.file}, or correct its name"
            findings.add(table.file, message, remedy, row=table.rows[k], column="row", value=key[1])


def _check_worths(data: Data, names: tuple[str, ...], findings: Findings) -> None:
    """Report worths below what the members have by disagreeing."""
    least = disagreements(data)
    if least is None:
        return
    table = data.tables["worths"]
    for k, (coalition, worth) in enumerate(
        zip(table.values("coalition"), table.numbers("worth").tolist(), strict=True)
    ):
        if coalition is None or math.isnan(worth):
            continue
        floor = sum(exact(least[player]) for player in members(coalition))
        if exact(worth) < floor:
            name = format_coalition(coalition, names)
            message = f"worth {worth!r} of {name!r} is below the sum of its disagreement payoffs, {float(floor):.12g}"
            remedy = "raise the worth or lower the disagreement payoffs"
            findings.add(table.file, message, remedy, row=table.rows[k], column="worth", value=repr(worth))


def _build(data: Data) -> NtuGame:
    feasible: dict[Coalition, FeasibleSet] = {}
    if "points" in data.tables:
        feasible |= _build_points(data.tables["points"])
    if "polyhedra" in data.tables:
        feasible |= _build_polyhedra(data.tables["polyhedra"], data.tables["polyhedron_rows"])
    if "worths" in data.tables:
        table = data.tables["worths"]
        worths = zip(table.values("coalition"), table.numbers("worth").tolist(), strict=True)
        feasible |= {coalition: TotalWorth(worth) for coalition, worth in worths}
    return NtuGame(build_players(data), dict(sorted(feasible.items())), build_coalition_weights(data))


def _build_points(table: TypedTable) -> dict[Coalition, FeasibleSet]:
    points: dict[Coalition, dict[str, Payoffs]] = {}
    for (coalition, point), payoffs in _gathered(table, "point", "payoff").items():
        points.setdefault(coalition, {})[point] = tuple(payoffs[player] for player in members(coalition))
    return {coalition: Points(tuple(by_name), tuple(by_name.values())) for coalition, by_name in points.items()}


def _build_polyhedra(table: TypedTable, rows: TypedTable) -> dict[Coalition, FeasibleSet]:
    coefficients = _gathered(table, "row", "coefficient")
    bounds: dict[Coalition, dict[str, float]] = {}
    for coalition, row, bound in zip(
        rows.values("coalition"), rows.values("row"), rows.numbers("rhs").tolist(), strict=True
    ):
        bounds.setdefault(coalition, {})[row] = bound
    return {
        coalition: Polyhedron(
            tuple(by_row),
            tuple(tuple(coefficients[coalition, row].get(i, 0.0) for i in members(coalition)) for row in by_row),
            tuple(by_row.values()),
        )
        for coalition, by_row in bounds.items()
    }


def _to_tables(game: NtuGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    """Write a game as tables.

    Raises
    ------
    TypeError
        When a feasible set is given by Pyomo constraints.
    """
    complete = len(game.feasible) == game.players.everyone
    parameters: dict[str, ParameterValue] = {} if complete else {"unlisted": "disagreement"}
    tables = {"players": players_frame(game.players), **coalition_weights_frame(game.players, game.coalition_weights)}
    tables |= {name: table for name, table in _set_frames(game) if len(table)}
    return parameters, tables


def _set_frames(game: NtuGame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the tables of feasible sets, empty ones included."""
    points, coefficients, rows, worths = [], [], [], []
    for coalition, feasible in game.feasible.items():
        name = game.players.coalition_name(coalition)
        match feasible:
            case Points(labels, payoffs):
                points += _entries(game, coalition, labels, payoffs)
            case Polyhedron(labels, matrix, bounds):
                coefficients += _entries(game, coalition, labels, matrix)
                rows += [(name, row, bound) for row, bound in zip(labels, bounds, strict=True)]
            case TotalWorth(worth):
                worths.append((name, worth))
            case ConvexSet():
                raise TypeError(
                    f"the set of {name!r} is given by Pyomo constraints, which no table holds; keep it in Python"
                )
    yield "points", pd.DataFrame(points, columns=["coalition", "point", "player", "payoff"])
    yield "polyhedron_rows", pd.DataFrame(rows, columns=["coalition", "row", "rhs"])
    yield "polyhedra", pd.DataFrame(coefficients, columns=["coalition", "row", "player", "coefficient"])
    yield "worths", pd.DataFrame(worths, columns=["coalition", "worth"])


def _entries(
    game: NtuGame, coalition: Coalition, labels: Iterable[str], matrix: Iterable[Payoffs]
) -> list[tuple[str, str, str, float]]:
    name = game.players.coalition_name(coalition)
    inside = [game.players.names[player] for player in members(coalition)]
    return [
        (name, label, player, entry)
        for label, line in zip(labels, matrix, strict=True)
        for player, entry in zip(inside, line, strict=True)
    ]


COALITION = Column("coalition", ColumnType.COALITION, "the coalition S", key=True)

NTU_GAME = Kind(
    name="ntu-game",
    meaning="A game without transferable utility and without externalities: a feasible set F(S) for every coalition, "
    "given by exactly one of the tables `points`, `polyhedra` with `polyhedron_rows`, and `worths`.",
    tables=(
        players_table(),
        Table(
            "points",
            "Finitely many feasible allocations of a coalition.",
            (
                COALITION,
                Column("point", ColumnType.LABEL, "label of the allocation", key=True),
                Column("player", ColumnType.MEMBER, "a member of S; every point lists all members", key=True),
                Column("payoff", ColumnType.NUMBER, "the member's payoff; at least d", "payoff"),
            ),
            optional=True,
        ),
        Table(
            "polyhedron_rows",
            "The rows of polyhedra {x >= d : A x <= b} of feasible allocations.",
            (
                COALITION,
                Column("row", ColumnType.LABEL, "label of the row", key=True),
                Column("rhs", ColumnType.NUMBER, "right-hand side b", "payoff"),
            ),
            optional=True,
        ),
        Table(
            "polyhedra",
            "The coefficients A; those not listed are 0.",
            (
                COALITION,
                Column("row", ColumnType.LABEL, "the row", key=True),
                Column("player", ColumnType.MEMBER, "a member of S", key=True),
                Column("coefficient", ColumnType.NUMBER, "coefficient of the member's payoff"),
            ),
            optional=True,
        ),
        Table(
            "worths",
            "Coalitions whose members can transfer utility: the payoffs may sum to the worth.",
            (
                COALITION,
                Column("worth", ColumnType.NUMBER, "the worth; at least the sum of disagreement payoffs", "payoff"),
            ),
            optional=True,
        ),
        COALITION_WEIGHTS,
    ),
    parameters=(
        Parameter(
            "unlisted",
            str,
            "what coalitions without a feasible set can do: they are an `error`, or can only reach `disagreement`",
            default="error",
            choices=("error", "disagreement"),
        ),
    ),
    game_type=NtuGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
