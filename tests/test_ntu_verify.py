"""Verification of games without transferable utility: every claim that is tampered with is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pytest
from ntu_cases import ball

from breakaway.data.games import NtuGame, Players, TotalWorth
from breakaway.data.instances import load_instance
from breakaway.results.records import Answer
from breakaway.runners.ntu import solve_ntu
from breakaway.runners.verify import Verification, verify_ntu

Tables = dict[str, pd.DataFrame]

PAIRS = {3: ("1", "2"), 5: ("1", "3"), 6: ("2", "3")}
BALL = NtuGame(
    Players.of(3),
    {**{mask: ball(names, size=1.2) for mask, names in PAIRS.items()}, 7: ball(("1", "2", "3"), size=1.3)},
)
TOTAL = NtuGame(Players.of(3), {3: TotalWorth(0.8), 5: TotalWorth(0.8), 6: TotalWorth(0.8), 7: TotalWorth(0.7)})
GAMES: dict[str, NtuGame] = {
    "roommates": load_instance("roommates").game,
    "nonconvex": load_instance("theorem-2-nonconvex").game,
    "several": load_instance("ntu-several-threats").game,
    "polyhedra": load_instance("ntu-polyhedra").game,
    "ball": BALL,
    "total": TOTAL,
}
ANSWERS: dict[str, Answer] = {name: solve_ntu(game) for name, game in GAMES.items()}


def verify(name: str, tables: Mapping[str, pd.DataFrame], **claims: Any) -> Verification:
    return verify_ntu(GAMES[name], tables, {**ANSWERS[name].certificate.claims, **claims})


@pytest.mark.parametrize("name", GAMES)
def test_answers_hold(name: str) -> None:
    found = verify(name, ANSWERS[name].tables)
    assert found.passed, found.checks[found.checks["failed"] > 0].to_string()
    assert found.checks["checked"].sum() > 50


def shifted(table: str, row: int, by: float) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table].loc[row, "payoff"] += by

    return change


def flipped(table: str, column: str, row: int = 0) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table].loc[row, column] = not tables[table].loc[row, column]

    return change


def dropped(table: str, query: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        kept = tables[table].query(f"not ({query})").reset_index(drop=True)
        assert len(kept) < len(tables[table])
        tables[table] = kept

    return change


def put(table: str, column: str, row: int, value: object) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table] = tables[table].astype({column: object})
        tables[table].loc[row, column] = value

    return change


def without(table: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        del tables[table]

    return change


def of_everyone(*payoffs: float) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        for table in ("coalition_solutions", "solutions"):
            frame = tables[table]
            rows = frame.index[-len(payoffs) :]
            frame.loc[rows, "payoff"] = list(payoffs)

    return change


TAMPERED = {
    "a point that is none": ("several", shifted("coalition_solutions", 7, 0.5), "payoffs within the feasible set"),
    "a maximiser is missing": (
        "several",
        dropped("coalition_solutions", "coalition == 'Ada+Ben' and solution == 2"),
        "all maximisers listed",
    ),
    "a blocked point": ("nonconvex", of_everyone(3.0, 1.0, 3.0), "payoffs unblocked"),
    "the wrong solutions of N": ("several", shifted("solutions", 0, 1.0), "solutions are those of the grand coalition"),
    "a coalition said to fail": (
        "several",
        flipped("coalitions", "viable"),
        "coalitions viable iff something is unblocked",
    ),
    "a coalition said to hold": (
        "roommates",
        flipped("coalitions", "viable", 6),
        "coalitions viable iff something is unblocked",
    ),
    "a coalition is missing": ("roommates", dropped("coalitions", "coalition == '1+2'"), "every coalition listed once"),
    "a wrong number of solutions": ("several", put("coalitions", "solutions", 3, 1), "numbers of solutions"),
    "a wrong log product": ("several", put("coalitions", "log_nash_product", 3, 2.0), "log products of coalitions"),
    "a structure said to hold": (
        "roommates",
        flipped("structures", "viable", 4),
        "structures viable iff all their blocks are",
    ),
    "a structure said to be coarsest": (
        "roommates",
        flipped("structures", "coarsest", 0),
        "coarsest structures are the maximal viable ones",
    ),
    "a structure said to be efficient": (
        "roommates",
        flipped("structures", "efficient", 1),
        "efficient structures have an undominated solution",
    ),
    "a structure is missing": (
        "roommates",
        dropped("structures", "structure == '1|2|3'"),
        "every structure listed once",
    ),
    "nobody declines": ("several", dropped("met", "breakaway == 'Ada+Ben'"), "every threat declined by a member"),
    "a threat that is none": ("roommates", shifted("failures", 0, 0.5), "listed threats are real"),
    "a point without a reason": (
        "roommates",
        dropped("failures", "point == 'second'"),
        "every point of a failing coalition blocked by the threat listed",
    ),
    "no reasons": (
        "roommates",
        dropped("failures", "coalition == '1+2+3'"),
        "failures listed for the coalitions that fail",
    ),
    "the naive problem agrees": (
        "nonconvex",
        flipped("coalitions", "naive_agrees", 6),
        "naive problem agrees where it is said to",
    ),
    "other naive solutions": (
        "nonconvex",
        shifted("naive_solutions", 0, 1.0),
        "naive solutions listed where they differ",
    ),
    "too few threats on a worth": (
        "total",
        dropped("failures", "breakaway == '1+2'"),
        "listed threats ask for more than the worth",
    ),
    "an allocation outside a polyhedron": (
        "polyhedra",
        shifted("coalition_solutions", 3, 0.01),
        "payoffs within the feasible set",
    ),
    "a worse allocation in a polyhedron": (
        "polyhedra",
        shifted("coalition_solutions", 3, -0.01),
        "only maximisers listed",
    ),
    "an allocation outside a ball": (
        "ball",
        shifted("coalition_solutions", 3, 0.01),
        "payoffs within the feasible set",
    ),
    "a worse allocation in a ball": ("ball", shifted("coalition_solutions", 3, -0.01), "only maximisers listed"),
    "a missing maximiser in a ball": (
        "ball",
        dropped("coalition_solutions", "coalition == '1+2+3' and solution == 3"),
        "all maximisers listed",
    ),
    "an unreadable payoff": (
        "roommates",
        put("coalition_solutions", "payoff", 0, "much"),
        "coalition_solutions table readable",
    ),
    "an unknown coalition": ("roommates", put("coalitions", "coalition", 0, "7"), "coalitions table readable"),
    "no table of coalitions": ("roommates", without("coalitions"), "coalitions table readable"),
    "no table of solutions": ("roommates", without("coalition_solutions"), "coalition_solutions table readable"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampering_is_found_out(case: str) -> None:
    name, change, claim = TAMPERED[case]
    tables = {table: frame.copy() for table, frame in ANSWERS[name].tables.items()}
    change(tables)
    found = verify(name, tables)
    failed = found.checks[found.checks["failed"] > 0]["claim"].tolist()
    assert claim in failed, failed


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"log_nash_product": 1.0}, "log product of every solution"),
        ({"upper_bound": -2.0}, "upper bound holds"),
        ({"zero_product": True}, "zero product flagged"),
        ({"complete": False}, "complete lists claimed where the product is positive"),
    ],
)
@pytest.mark.parametrize("name", ["several", "ball"])
def test_claims_are_recomputed(name: str, claims: dict[str, Any], expected: str) -> None:
    tables = ANSWERS[name].tables
    found = verify(name, tables, **claims)
    assert expected in found.checks[found.checks["failed"] > 0]["claim"].tolist()
