"""The kind ``cournot``: cartels in a Cournot market (Vohra and Ray 2025, Example 4)."""

from __future__ import annotations

from fractions import Fraction

import pandas as pd

from breakaway.data.games import CournotMarket
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
from breakaway.data.schema import NONNEGATIVE, POSITIVE, Column, ColumnType, Kind, Parameter, ParameterValue
from breakaway.data.typed import Data


def _check(data: Data, findings: Findings) -> None:
    table = data.tables.get("players")
    if table is None or report_structure_limit(data, findings):
        return
    intercept = data.number("demand_intercept")
    if intercept is None or table.unidentified() or not table.usable("unit_cost").all():
        return
    costs = [exact(cost) for cost in column(table, "unit_cost")]
    price = (exact(intercept) + sum(costs)) / (len(costs) + 1)
    highest = max(range(len(costs)), key=costs.__getitem__)
    if price <= costs[highest]:
        _report_no_interior_output(data, costs, highest, findings)
    else:
        report_below_disagreement(data, [(price - cost) ** 2 for cost in costs], 0.0, findings)


def _report_no_interior_output(data: Data, costs: list[Fraction], highest: int, findings: Findings) -> None:
    """Report that condition (25), A + C > (n + 1) max c, fails, and the least A that would do."""
    table = data.tables["players"]
    least = (len(costs) + 1) * costs[highest] - sum(costs)
    findings.add(
        table.file,
        f"firm {data.domains['player'][highest]!r} would not produce when all stand alone: A + sum of costs does not "
        f"exceed {len(costs) + 1} x {float(costs[highest]):.12g}, condition (25)",
        f"raise demand_intercept above {float(least):.12g}, lower the unit cost, or leave the firm out",
        row=table.rows[highest],
        column="unit_cost",
        value=repr(float(costs[highest])),
    )


def _build(data: Data) -> CournotMarket:
    costs = column(data.tables["players"], "unit_cost")
    return CournotMarket(build_players(data), costs, float(data.parameters["demand_intercept"]))


def _to_tables(game: CournotMarket) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    return {"demand_intercept": game.demand_intercept}, {
        "players": players_frame(game.players, unit_cost=game.unit_cost)
    }


COURNOT = Kind(
    name="cournot",
    meaning="Cartels in a Cournot market with inverse demand p = A - Q and constant unit costs. Condition (25), "
    "A + sum of costs > (n + 1) x highest cost, must hold, so that every coalition of every structure produces.",
    tables=(
        players_table(
            Column("unit_cost", ColumnType.NUMBER, "constant cost of a unit of output", "money", bound=NONNEGATIVE)
        ),
    ),
    parameters=(
        Parameter(
            "demand_intercept", float, "the price A at which demand is zero", "money", required=True, bound=POSITIVE
        ),
    ),
    game_type=CournotMarket,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
