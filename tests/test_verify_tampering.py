"""Verification of tampered tables: each kind of tampering fails the claim that it breaks, and never raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from verify_tables import (
    CASES,
    MapBuilder,
    Tables,
    characteristic_game,
    characteristic_tables,
    coalition,
    expected_solutions,
    externality_game,
)

from breakaway.data.games import Players
from breakaway.runners.verify import Verification, verify_characteristic, verify_viability

Tamper = Callable[[Tables], None]

CARTEL = CASES["ex4_A23"]
"""Three firms: the grand coalition fails by three threats, the pairs are viable."""

LABELS = {"solution", "threat"}
"""Columns that number vectors: another number for a vector of one player is the same claim."""


def failed(verification: Verification) -> set[str]:
    return set(verification.checks.loc[verification.checks["failed"] > 0, "claim"])


def cartel_tables() -> Tables:
    return MapBuilder(externality_game(CARTEL), expected_solutions(CARTEL)).tables()


def verify_cartel(tables: Tables) -> Verification:
    return verify_viability(externality_game(CARTEL), tables, 1e-8)


def row_of(table: pd.DataFrame, **values: Any) -> int:
    mask = np.logical_and.reduce([table[column] == value for column, value in values.items()])
    assert mask.any()
    return int(table.index[mask][0])


def edit(name: str, column: str, change: Callable[[Any], Any], **where: Any) -> Tamper:
    def tamper(tables: Tables) -> None:
        table = tables[name].astype({column: object})
        row = row_of(table, **where)
        table.loc[row, column] = change(table.loc[row, column])
        tables[name] = table

    return tamper


def drop(name: str, **where: Any) -> Tamper:
    def tamper(tables: Tables) -> None:
        mask = np.logical_and.reduce([tables[name][column] == value for column, value in where.items()])
        assert mask.any()
        tables[name] = tables[name][~mask]

    return tamper


def add(name: str, **changes: Any) -> Tamper:
    def tamper(tables: Tables) -> None:
        tables[name] = pd.concat([tables[name], tables[name].iloc[[0]].assign(**changes)], ignore_index=True)

    return tamper


def move(tables: Tables) -> None:
    """Move 0.0001 from firm 2 to firm 3 within their cartel."""
    edit("payoffs", "payoff", lambda x: x - 1e-4, coalition="2+3", player="2")(tables)
    edit("payoffs", "payoff", lambda x: x + 1e-4, coalition="2+3", player="3")(tables)


def raise_required(tables: Tables) -> None:
    edit("blocks", "required_worth", lambda x: x + 1e-4, coalition="2+3")(tables)
    edit("blocks", "slack", lambda x: x - 1e-4, coalition="2+3")(tables)


def superfluous_threat(tables: Tables) -> None:
    """List a threat of the pair 1+2 among the reasons why the grand coalition fails."""
    threats = tables["threats"]
    pair = threats[(threats["structure"] == "1+2+3") & (threats["breakaway"] == "1+2")]
    tables["failures"] = pd.concat([tables["failures"], pair.assign(coalition="1+2+3", shortfall=7 / 9)])


def pay_everybody(tables: Tables) -> None:
    """Give payoffs to the grand coalition, which is not viable."""
    everyone = pd.DataFrame({"structure": "1+2+3", "coalition": "1+2+3", "solution": 1, "player": ["1", "2", "3"]})
    tables["payoffs"] = pd.concat([tables["payoffs"], everyone.assign(payoff=40.0)])


def nothing(value: Any) -> Any:
    return np.nan


def negate(value: bool) -> bool:
    return not value


NO = "payoffs given for the blocks of viable structures"
THREATS = "threats follow from finer structures"

TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "a payoff raised": (
        edit("payoffs", "payoff", lambda x: x + 1e-4, coalition="2+3", player="3"),
        "payoffs within the worth",
    ),
    "a payoff lowered": (
        edit("payoffs", "payoff", lambda x: x - 1e-4, coalition="2+3", player="3"),
        "all maximisers listed",
    ),
    "a payoff below a threat": (
        edit("payoffs", "payoff", lambda x: 24.9, coalition="2+3", player="2"),
        "payoffs unblocked",
    ),
    "a payoff below disagreement": (
        edit("payoffs", "payoff", lambda x: -1.0, coalition="2+3", player="3"),
        "payoffs at or above disagreement",
    ),
    "payoffs moved": (move, "only maximisers listed"),
    "payoffs of a viable structure dropped": (drop("payoffs", structure="1|2+3"), NO),
    "payoffs of a structure that is not viable": (pay_everybody, NO),
    "a payoff row dropped": (drop("payoffs", coalition="2+3", player="3"), "payoffs table readable"),
    "a structure called viable": (
        edit("structures", "viable", negate, structure="1+2+3"),
        "structures viable iff all their blocks are",
    ),
    "a structure called not viable": (
        edit("structures", "viable", negate, structure="1|2|3"),
        "structures viable iff all their blocks are",
    ),
    "a block called viable": (
        edit("blocks", "viable", negate, coalition="1+2+3"),
        "blocks viable iff the slack allows",
    ),
    "a block called not viable": (
        edit("blocks", "viable", negate, coalition="2+3"),
        "blocks viable iff the slack allows",
    ),
    "a structure called coarsest": (
        edit("structures", "coarsest", negate, structure="1|2|3"),
        "coarsest structures are the maximal viable ones",
    ),
    "a structure called efficient": (
        edit("structures", "efficient", negate, structure="1+2|3"),
        "efficient structures have the largest total",
    ),
    "a wrong number of coalitions": (
        edit("structures", "coalitions", lambda x: x + 1, structure="1+2|3"),
        "numbers of coalitions",
    ),
    "a structure dropped": (drop("structures", structure="1+3|2"), "every structure listed once"),
    "a structure twice": (add("structures"), "structures table readable"),
    "a block dropped": (drop("blocks", structure="1+3|2", coalition="1+3"), "every block listed once"),
    "a coalition that is no block": (add("blocks", structure="1|2|3", coalition="1+2"), "every block listed once"),
    "a worth changed": (
        edit("blocks", "worth", lambda x: x + 1e-4, coalition="2+3"),
        "worths follow from the definition",
    ),
    "a slack changed": (
        edit("blocks", "slack", lambda x: x + 1e-4, coalition="2+3"),
        "slack is worth minus required worth",
    ),
    "a required worth too high": (raise_required, "required worths are least totals"),
    "a threat changed": (edit("threats", "payoff", lambda x: x + 1e-4, breakaway="2"), THREATS),
    "a threat dropped": (drop("threats", breakaway="1+2"), THREATS),
    "a threat added": (add("threats", structure="1+2|3", breakaway="1", threat=2), THREATS),
    "a threat by nobody's part": (add("threats", structure="1|2|3", breakaway="1"), THREATS),
    "a wrong outcome": (edit("threats", "resulting_structure", lambda x: "1+2+3", breakaway="1"), THREATS),
    "a shortfall changed": (
        edit("failures", "shortfall", lambda x: x + 1e-4, player="2"),
        "shortfall is required worth minus worth",
    ),
    "a reason dropped": (drop("failures", player="2"), "listed threats ask for more than the worth"),
    "a reason too many": (superfluous_threat, "listed threats are irreducible"),
    "a reason changed": (edit("failures", "payoff", lambda x: x + 1e-4, player="2"), "listed threats are real"),
    "reasons for a viable block": (
        add("failures", structure="1+2|3", coalition="1+2"),
        "failures listed for the blocks that fail",
    ),
    "no reasons": (
        lambda tables: tables.update(failures=tables["failures"].iloc[:0]),
        "failures listed for the blocks that fail",
    ),
}


def test_untampered_tables_pass() -> None:
    verification = verify_cartel(cartel_tables())
    assert verification.passed
    assert verification.residual < 1e-9


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_fails_the_claim_that_it_breaks(name: str) -> None:
    tamper, claim = TAMPERINGS[name]
    tables = cartel_tables()
    tamper(tables)
    verification = verify_cartel(tables)
    assert not verification.passed
    assert claim in failed(verification), failed(verification)
    assert verification.checks.set_index("claim").loc[claim, "detail"]


@pytest.mark.parametrize("table", ["structures", "blocks", "payoffs", "threats", "failures"])
@pytest.mark.parametrize("value", ["nobody", "", None, np.nan, np.inf, "1+1", "1+9"])
def test_unreadable_cells_fail_the_claim_that_the_table_is_readable(table: str, value: Any) -> None:
    whole = cartel_tables()
    readable_label = isinstance(value, str | float) and not pd.isna(value)
    for column in whole[table].columns:
        if column in LABELS and readable_label:
            continue
        tables = dict(whole)
        tables[table] = tables[table].astype({column: object})
        tables[table].loc[tables[table].index[0], column] = value
        assert f"{table} table readable" in failed(verify_cartel(tables)), (column, value)


@pytest.mark.parametrize("table", ["structures", "blocks", "payoffs", "threats", "failures"])
def test_every_changed_number_and_flag_fails(table: str) -> None:
    whole = cartel_tables()
    for row, column in ((r, c) for r in whole[table].index for c in whole[table].columns if c not in LABELS):
        value = whole[table].loc[row, column]
        if isinstance(value, str):
            continue
        tables = dict(whole)
        tables[table] = tables[table].astype({column: object})
        tables[table].loc[row, column] = not value if isinstance(value, bool | np.bool_) else value + 1e-4
        assert not verify_cartel(tables).passed, (row, column)


@pytest.mark.parametrize("table", ["structures", "blocks", "payoffs", "threats", "failures"])
def test_every_dropped_or_doubled_row_fails(table: str) -> None:
    whole = cartel_tables()
    for k in range(len(whole[table])):
        dropped = whole | {table: whole[table].drop(index=whole[table].index[k])}
        doubled = whole | {table: pd.concat([whole[table], whole[table].iloc[[k]]])}
        assert not verify_cartel(dropped).passed, k
        assert f"{table} table readable" in failed(verify_cartel(doubled)), k


@pytest.mark.parametrize("table", ["structures", "blocks", "payoffs"])
def test_missing_table_or_column_fails(table: str) -> None:
    tables = cartel_tables()
    without = {name: frame for name, frame in tables.items() if name != table}
    assert f"{table} table readable" in failed(verify_cartel(without))
    for column in tables[table].columns:
        narrow = tables | {table: tables[table].drop(columns=column)}
        assert f"{table} table readable" in failed(verify_cartel(narrow))
    assert not verify_cartel(tables | {table: pd.DataFrame()}).passed


def test_empty_tables_fail_and_do_not_raise() -> None:
    assert "every structure listed once" in failed(verify_cartel({}))


def characteristic(name: str) -> tuple[Any, Tables, dict[str, Any]]:
    case = CASES[name]
    game = characteristic_game(case)
    sigma = {coalition(key): [tuple(x) for x in xs] for key, xs in case["expected"]["sigma"].items()}
    claims = {
        "log_nash_product": case["expected"]["log_nash_value_N"],
        "zero_product": case["expected"]["log_nash_value_N"] is None and bool(sigma[max(sigma)]),
    }
    return game, characteristic_tables(game, sigma), claims


CHARACTERISTIC: dict[str, tuple[str, Tamper, str]] = {
    "a tied solution dropped": (
        "ex5",
        drop("coalition_solutions", coalition="1+2+3", solution=3),
        "all maximisers listed",
    ),
    "a solution of a zero product dropped": (
        "thm4_zero_product",
        drop("coalition_solutions", coalition="1+2+3+4", solution=2),
        "all maximisers listed",
    ),
    "a tie that is no permutation dropped": (
        "tie_nonpermutation",
        drop("coalition_solutions", coalition="1+2+3+4", solution=1),
        "all maximisers listed",
    ),
    "a solution of N dropped": ("ex5", drop("solutions", solution=1), "solutions are those of the grand coalition"),
    "a coalition dropped": ("ex5", drop("coalitions", coalition="1+3"), "every coalition listed once"),
    "a coalition twice": ("ex5", add("coalitions"), "coalitions table readable"),
    "a worth changed": (
        "ex5",
        edit("coalitions", "worth", lambda x: x + 1e-4, coalition="1+2"),
        "worths follow from the definition",
    ),
    "a slack changed": (
        "ex5",
        edit("coalitions", "slack", lambda x: x + 1e-4, coalition="1+2"),
        "slack is worth minus required worth",
    ),
    "an ineffective coalition called viable": (
        "thm4_zero_product",
        edit("coalitions", "viable", negate, coalition="1+2"),
        "coalitions viable iff the slack allows",
    ),
    "a structure called coarsest": (
        "ex5",
        edit("structures", "coarsest", negate, structure="1|2|3"),
        "coarsest structures are the maximal viable ones",
    ),
    "NaN": ("ex5", edit("coalition_solutions", "payoff", nothing, player="1"), "coalition_solutions table readable"),
    "an unknown player": ("ex5", edit("solutions", "player", lambda x: "x", player="1"), "solutions table readable"),
}


@pytest.mark.parametrize("name", CHARACTERISTIC)
def test_tampered_characteristic_function_fails(name: str) -> None:
    instance, tamper, claim = CHARACTERISTIC[name]
    game, tables, claims = characteristic(instance)
    assert verify_characteristic(game, tables, claims, 1e-8).passed
    tamper(tables)
    assert claim in failed(verify_characteristic(game, tables, claims, 1e-8))


def test_added_solution_is_no_maximiser() -> None:
    game, tables, claims = characteristic("ex5")
    players: Players = game.players
    extra = pd.DataFrame({"coalition": "1+2+3", "solution": 4, "player": players.names, "payoff": [0.5, 0.4, 0.1]})
    tables["coalition_solutions"] = pd.concat([tables["coalition_solutions"], extra])
    assert "only maximisers listed" in failed(verify_characteristic(game, tables, claims, 1e-8))


@pytest.mark.parametrize(
    ("claim", "value", "name"),
    [
        ("log_nash_product", -3.4, "log product of every solution"),
        ("log_nash_product", None, "log product of every solution"),
        ("log_nash_product", "much", "log product of every solution"),
        ("upper_bound", -3.5, "upper bound holds"),
        ("upper_bound", float("nan"), "upper bound holds"),
        ("zero_product", True, "zero product flagged"),
        ("required_worth", 0.9, "required worths are least totals"),
    ],
)
def test_false_claims_about_the_product_fail(claim: str, value: Any, name: str) -> None:
    game, tables, claims = characteristic("ex5")
    assert name in failed(verify_characteristic(game, tables, claims | {claim: value}, 1e-8))
