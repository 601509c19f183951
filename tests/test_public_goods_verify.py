"""The verification of answers about public goods: right ones pass, and everything that is changed in one is found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from public_goods_cases import game_of, log_utilities, random_game, reference_cases, rv_utilities

from breakaway.data.public_goods import ExpressionUtilities, Outcomes, PublicGoodsGame
from breakaway.results.records import Answer
from breakaway.runners.asking import HowToSolve
from breakaway.runners.public_goods.answer import solve_public_goods
from breakaway.runners.verify import verify_public_goods
from breakaway.runners.verify.concave import excess_on_segment, highest, tents
from breakaway.runners.verify.lindahl import is_lindahl, slopes
from breakaway.runners.verify.provision import Provision
from breakaway.runners.verify.provision_descent import furthest, greatest_deviation
from breakaway.runners.verify.record import Ledger

Tables = dict[str, pd.DataFrame]
Claims = dict[str, Any]
Change = Callable[[Tables, Claims], None]

CASES = {(name, bounded): case for bounded in (False, True) for name, case in reference_cases(bounded).items()}
TRIED = [key for k, key in enumerate(CASES) if not key[1] or k % 3 == 0]
WRONG_AS_PRINTED = {
    "PG-log3-literal-fails",
    "PG-weak-externality-zero",
    "PG-pwl-kink-literal-fails-1",
    "PG-pwl-kink-literal-fails-2",
}


def failing(game: PublicGoodsGame, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, Any]) -> dict[str, str]:
    checks = verify_public_goods(game, tables, claims).checks
    failed = checks[checks["failed"] > 0]
    return dict(zip(failed["claim"], failed["detail"], strict=True))


def solved(game: PublicGoodsGame, method: Any = "exact", eps: float = 1e-6) -> Answer:
    return solve_public_goods(game, HowToSolve(method=method, verify=False, least_gain=eps))


# --- right answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", TRIED, ids=lambda key: f"{key[0]}{'-bounded' if key[1] else ''}")
def test_right_answers_pass(key: tuple[str, bool]) -> None:
    case = CASES[key]
    answer = solved(case.game, eps=case.eps)
    checks = verify_public_goods(case.game, answer.tables, answer.certificate.claims)
    assert failing(case.game, answer.tables, answer.certificate.claims) == {}
    assert checks.passed
    proven = checks.checks.set_index("claim")
    other = "no coalition deviates from the core" if case.expected["in_core"] else "no other coalition deviates"
    assert proven.loc[other, "checked"] == 1
    assert answer.tables["membership"]["in_core"].tolist() == [case.expected["in_core"]]


@pytest.mark.parametrize("method", ["elimination", "brute-force"])
@pytest.mark.parametrize("name", ["PG-log3-literal-fails", "PG-sqrt3-lindahl", "PG-pwl-kink-literal-fails-1"])
def test_right_answers_of_other_methods_pass(name: str, method: str) -> None:
    case = CASES[name, True]
    answer = solved(case.game, method, case.eps)
    assert failing(case.game, answer.tables, answer.certificate.claims) == {}


@pytest.mark.parametrize("name", sorted(WRONG_AS_PRINTED))
def test_the_printed_method_is_found_out(name: str) -> None:
    case = CASES[name, False]
    answer = solved(case.game, "elimination-as-printed", case.eps)
    assert answer.tables["membership"]["in_core"].tolist() == [True]
    found = failing(case.game, answer.tables, answer.certificate.claims)
    assert {"no coalition deviates from the core", "bounds are above every deviation"} <= set(found)
    members = "+".join(case.game.agents[i] for i in case.coalition)
    assert found["no coalition deviates from the core"] == f"a: {members} can"


def test_verdicts_without_bounds_are_proven_anew() -> None:
    case = CASES["PG-log3-pareto", False]
    answer = solved(case.game)
    tables = {name: answer.tables[name] for name in ("membership", "deviation")}
    checks = verify_public_goods(case.game, tables, answer.certificate.claims).checks.set_index("claim")
    assert checks["failed"].sum() == 0
    assert checks.loc["no other coalition deviates", "checked"] == 1
    assert "not re-proven" not in checks.loc["no other coalition deviates", "detail"]


def test_numbers_of_twelve_digits_pass() -> None:
    game = random_game("sqrt", 3, 5)
    answer = solved(game)
    tables = {
        name: frame.map(lambda cell: float(f"{cell:.12g}") if isinstance(cell, float) else cell)
        for name, frame in answer.tables.items()
    }
    assert failing(game, tables, answer.certificate.claims) == {}


def test_expressions_are_verified() -> None:
    import pyomo.environ as pyo  # noqa: PLC0415

    def utilities(x: Mapping[str, Any]) -> dict[str, Any]:
        both = pyo.log(1 + x["A"]) + pyo.log(1 + x["B"])
        return {name: both - 0.8 * x[name] for name in "AB"}

    outcomes = Outcomes.of({"frugal": [0.1, 0.1], "Lindahl": [1.5, 1.5]}, 2)
    game = PublicGoodsGame(("A", "B"), ExpressionUtilities(("A", "B"), utilities), outcomes, 5.0)
    answer = solved(game)
    assert failing(game, answer.tables, answer.certificate.claims) == {}
    assert answer.tables["membership"]["in_core"].tolist() == [False, True]


# --- the boundary -----------------------------------------------------------------------------------------------------


def boundary_game(eps: float) -> PublicGoodsGame:
    """One agent with u = x - x^3 / 3, best at 1; the outcome is x with u(1) - u(x) = eps."""
    return game_of(rv_utilities([1.0]), {"near": [1.0 - math.sqrt(eps) + eps / 6.0], "far": [0.5]}, 3.0)


def test_the_boundary_is_verified() -> None:
    game = boundary_game(1e-6)
    answer = solved(game)
    assert answer.tables["membership"]["status"].tolist() == ["on the boundary", "not in the core"]
    checks = verify_public_goods(game, answer.tables, answer.certificate.claims).checks.set_index("claim")
    assert checks["failed"].sum() == 0
    assert checks.loc["on the boundary", "checked"] == 2


@pytest.mark.parametrize("eps", [0.7e-6, 1.4e-6])
def test_what_is_not_on_the_boundary_is_found(eps: float) -> None:
    game = boundary_game(eps)
    tables = {name: frame.copy() for name, frame in solved(boundary_game(1e-6)).tables.items()}
    assert "on the boundary" in failing(game, tables, {"eps": 1e-6, "band": 1e-7})


# --- wrong answers ----------------------------------------------------------------------------------------------------


GAME = random_game("log", 3, 1)
PAIR = game_of(log_utilities([[0.71, 0.29], [0.38, 0.82]], [0.6, 0.3]), {"a": [0.9, 2.5]})


@pytest.fixture(scope="module")
def answer() -> Answer:
    return solved(GAME)


@pytest.fixture(scope="module")
def pair() -> Answer:
    return solved(PAIR)


def edit(table: str, column: str, value: Any, **where: Any) -> Change:
    """Change a cell of the first row that has these values."""

    def change(tables: Tables, _: Claims) -> None:
        frame = tables[table]
        rows = frame.index[np.logical_and.reduce([frame[name] == cell for name, cell in where.items()])]
        old = frame.loc[rows[0], column]
        frame[column] = frame[column].astype(object)
        frame.loc[rows[0], column] = value(old) if callable(value) else value

    return change


def drop(table: str, **where: Any) -> Change:
    """Leave out the first row that has these values."""

    def change(tables: Tables, _: Claims) -> None:
        frame = tables[table]
        rows = frame.index[np.logical_and.reduce([frame[name] == cell for name, cell in where.items()])]
        tables[table] = frame.drop(index=rows[0])

    return change


def twice(table: str) -> Change:
    def change(tables: Tables, _: Claims) -> None:
        tables[table] = pd.concat([tables[table], tables[table].iloc[:1]], ignore_index=True)

    return change


def claimed(name: str, value: Any) -> Change:
    def change(_: Tables, claims: Claims) -> None:
        claims[name] = value

    return change


def tampered(answer: Answer, game: PublicGoodsGame, change: Change) -> dict[str, str]:
    tables = {name: frame.copy() for name, frame in answer.tables.items()}
    claims = dict(answer.certificate.claims)
    assert failing(game, tables, claims) == {}
    change(tables, claims)
    return failing(game, tables, claims)


LONE, CORE, ALL = {"outcome": "pareto-2"}, {"outcome": "lindahl"}, {"outcome": "zero"}

TAMPERINGS: dict[str, tuple[Change, str]] = {
    "core denied": (
        edit("membership", "in_core", False, **CORE),
        "deviations listed for outcomes outside the core alone",
    ),
    "core invented": (edit("membership", "in_core", True, **ALL), "no coalition deviates from the core"),
    "boundary invented": (edit("membership", "in_core", None, **CORE), "on the boundary"),
    "flag unreadable": (edit("membership", "in_core", "perhaps", **CORE), "membership table readable"),
    "status of another": (edit("membership", "status", "not in the core", **CORE), "status is that of the flag"),
    "coalition of another": (edit("membership", "coalition", "1+2", **LONE), "coalition is those who deviate"),
    "least gain": (edit("membership", "least_gain", 0.5, **LONE), "least gain is that of the deviation"),
    "least gain in the core": (edit("membership", "least_gain", 0.1, **CORE), "least gain is that of the deviation"),
    "rounds": (edit("membership", "rounds", 1, **CORE), "rounds counted"),
    "efficiency denied": (
        edit("membership", "pareto_efficient", False, **CORE),
        "Pareto efficient unless everybody deviates",
    ),
    "efficiency invented": (
        edit("membership", "pareto_efficient", True, **ALL),
        "Pareto efficient unless everybody deviates",
    ),
    "rationality denied": (edit("membership", "individually_rational", False, **CORE), "individually rational"),
    "rationality invented": (edit("membership", "individually_rational", True, **LONE), "individually rational"),
    "Lindahl denied": (edit("membership", "lindahl", False, **CORE), "Lindahl outcomes"),
    "Lindahl invented": (edit("membership", "lindahl", True, outcome="lindahl-near"), "Lindahl outcomes"),
    "unknown outcome": (edit("membership", "outcome", "nowhere", **CORE), "every outcome judged"),
    "outcome listed twice": (twice("membership"), "membership table readable"),
    "outcome left out": (drop("membership", **CORE), "every outcome judged"),
    "gain": (edit("deviation", "gain", lambda gain: gain + 1e-6, **ALL), "gains follow from the utilities"),
    "action": (edit("deviation", "action", lambda action: 4 * action, **ALL), "every member of a deviation gains"),
    "negative action": (edit("deviation", "action", -0.1, **ALL), "actions possible"),
    "unknown agent": (edit("deviation", "agent", "9", **ALL), "deviation table readable"),
    "member left out": (drop("deviation", outcome="zero", agent="3"), "no other coalition deviates"),
    "member invented": (edit("deviation", "agent", "1", **LONE), "no other coalition deviates"),
    "no member left": (drop("deviation", **LONE), "deviations listed for outcomes outside the core alone"),
    "deviation of another": (
        edit("deviation", "outcome", "lindahl", **LONE),
        "deviations listed for outcomes outside the core alone",
    ),
    "start too low": (edit("elimination", "bound", 0.1, round=0, **ALL), "bounds are above every deviation"),
    "bound too low": (edit("elimination", "bound", 0.1, round=2, agent="1", **ALL), "bounds are above every deviation"),
    "bound rises": (edit("elimination", "bound", 99.0, round=2, **CORE), "bounds never rise, and are never below 0"),
    "bound missing": (drop("elimination", **CORE), "elimination table readable"),
    "round of nobody": (edit("elimination", "round", 1.5, **CORE), "elimination table readable"),
    "multiplier negative": (edit("elimination", "multiplier", -1.0, round=0, **CORE), "multipliers prove the start"),
    "multiplier too large": (edit("elimination", "multiplier", 9.0, round=0, **CORE), "multipliers prove the start"),
    "path begins elsewhere": (
        edit("membership_path", "action", 9.0, step=0, **CORE),
        "paths fall from the outcome to 0",
    ),
    "path left out": (edit("membership_path", "outcome", "zero", **CORE), "membership_path table readable"),
    "action of the Lindahl outcome": (
        edit("lindahl", "action", lambda x: 1.001 * x, agent="1"),
        "the Lindahl outcome is one",
    ),
    "Lindahl utility": (edit("lindahl", "utility", 0.0, agent="1"), "Lindahl utilities follow from the actions"),
    "Lindahl share": (edit("lindahl", "share_2", 0.9, agent="1"), "shares follow from the prices"),
    "Lindahl agent left out": (drop("lindahl", agent="2"), "lindahl table readable"),
    "price": (
        edit("lindahl_prices", "price", lambda p: 1.01 * p, agent="1", source="2"),
        "prices of every action add up to 0",
    ),
    "sign of a price": (
        edit("lindahl_prices", "price", lambda p: -p, agent="1", source="2"),
        "others pay for an action and the agent is paid",
    ),
    "share": (edit("lindahl_prices", "share", 0.9, agent="1", source="2"), "shares follow from the prices"),
    "price left out": (drop("lindahl_prices", agent="1", source="2"), "lindahl_prices table readable"),
    "doing nothing": (claimed("zero_in_core", True), "doing nothing in the core"),
    "eps": (claimed("eps", -1.0), "levels make sense"),
    "band": (claimed("band", 1.0), "levels make sense"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_is_changed_is_found(answer: Answer, name: str) -> None:
    change, claim = TAMPERINGS[name]
    assert claim in tampered(answer, GAME, change)


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (edit("frontier", "action", lambda x: 1.01 * x, agent="1"), "frontier points are Pareto efficient"),
        (edit("frontier", "action", -1.0, agent="1"), "frontier within the actions"),
        (edit("frontier", "utility", 9.0, agent="1"), "frontier utilities follow from the actions"),
        (edit("frontier", "in_core", lambda flag: not flag, agent="1"), "frontier points in the core"),
        (drop("frontier", agent="1"), "frontier table readable"),
    ],
)
def test_what_is_changed_on_the_frontier_is_found(pair: Answer, change: Change, claim: str) -> None:
    point = pair.tables["frontier"]["point"].iloc[len(pair.tables["frontier"]) // 2]
    middle = pair.tables["frontier"][pair.tables["frontier"]["point"] == point].reset_index(drop=True)
    shorter = {**pair.tables, "frontier": middle}
    one = Answer("public-goods", "", "", "", pair.players, shorter, pair.certificate)
    assert claim in tampered(one, PAIR, change)


def test_prices_that_balance_but_suit_nobody_are_found(answer: Answer) -> None:
    """Transfers around a circle keep all sums and budgets."""

    def change(tables: Tables, _: Claims) -> None:
        frame, a = tables["lindahl_prices"], tables["lindahl"].set_index("agent")["action"]
        turn = {("1", "2"): 1, ("1", "3"): -1, ("2", "3"): 1, ("2", "1"): -1, ("3", "1"): 1, ("3", "2"): -1}
        for row, (agent, source) in enumerate(zip(frame["agent"], frame["source"], strict=True)):
            frame.loc[row, "price"] += 0.01 * turn.get((agent, source), 0) / a[source]
        owed = {
            name: -frame.loc[(frame["agent"] == name) & (frame["source"] == name), "price"].iloc[0] for name in "123"
        }
        frame["share"] = frame["price"] / frame["source"].map(owed)

    found = tampered(answer, GAME, change)
    assert "nobody would buy anything else at these prices" in found
    assert "everybody receives what it pays" not in found
    assert "prices of every action add up to 0" not in found


@pytest.mark.parametrize("name", ["membership", "deviation"])
def test_a_missing_table_is_found(answer: Answer, name: str) -> None:
    tables = {key: frame for key, frame in answer.tables.items() if key != name}
    assert f"{name} table readable" in failing(GAME, tables, answer.certificate.claims)


@pytest.mark.parametrize("name", ["membership", "deviation", "elimination", "membership_path", "lindahl_prices"])
def test_a_missing_column_is_found(answer: Answer, name: str) -> None:
    tables = {**answer.tables, name: answer.tables[name].iloc[:, 1:]}
    assert f"{name} table readable" in failing(GAME, tables, answer.certificate.claims)


def test_a_path_on_which_somebody_gains_is_found() -> None:
    """Who acts twice as much as is best gains half way down to 0."""
    game = game_of(log_utilities([[1.0, 0.5], [0.5, 1.0]], [0.5, 0.5]), {"a": [2.0, 2.0]}, 10.0)
    answer = solved(game)
    assert failing(game, answer.tables, answer.certificate.claims) == {}
    tables = {**answer.tables}
    jumps = [("a", 0, "1", 2.0), ("a", 0, "2", 2.0), ("a", 1, "1", 0.0), ("a", 1, "2", 2.0)]
    rows = [*jumps, ("a", 2, "1", 0.0), ("a", 2, "2", 0.0)]
    tables["membership_path"] = pd.DataFrame(rows, columns=["outcome", "step", "agent", "action"])
    found = failing(game, tables, answer.certificate.claims)
    assert list(found) == ["nobody gains along a path"]
    assert found["nobody gains along a path"].startswith("a, step 1: 1 gains")


# --- bounds of concave functions --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-2, 2)), min_size=1, max_size=5), st.integers(3, 9))
def test_concave_functions_stay_below_their_tents(lines: list[tuple[float, float]], samples: int) -> None:
    def value(s: Any) -> Any:
        return np.min([slope * s + height for slope, height in lines], axis=0) - (s - 0.4) ** 2

    places = np.linspace(0.0, 1.0, samples)
    bounds = tents(places, value(places)[:, None])[:, 0]
    for k, bound in enumerate(bounds):
        assert value(np.linspace(places[k], places[k + 1], 30)).max() <= bound + 1e-12


@pytest.mark.parametrize(("ceiling", "exceeded"), [(0.25 + 1e-9, False), (0.25 - 1e-9, True)])
def test_the_top_of_a_function_is_found_between_samples(ceiling: float, exceeded: bool) -> None:
    """The root of x less x is at most 1/4, at x = 1/4, and infinitely steep at 0."""
    found = excess_on_segment(lambda x: np.sqrt(x) - x, np.array([3.3]), np.array([0.0]), np.array([ceiling]))
    assert (found is not None) == exceeded
    if found is not None:
        assert found.seen
        assert 3.3 * (1 - found.place) == pytest.approx(0.25, abs=1e-3)


def test_the_highest_values_alone() -> None:
    found = highest(lambda x: np.array([np.log1p(x[0]) - x[0] / 8, -abs(x[1] - 2), x[2]]), np.inf, 3)
    assert found == pytest.approx([np.log(8) - 7 / 8, 0.0, np.inf])
    assert highest(lambda x: x, 5.0, 2) == pytest.approx([5.0, 5.0])


def test_the_furthest_step_is_the_greatest_that_is_allowed() -> None:
    jacobian, short = np.array([[-2.0, 1.0], [0.5, -1.0]]), np.array([-1.0, -0.5])
    z = furthest(jacobian, short, np.array([5.0, 5.0]))
    assert jacobian @ z == pytest.approx(short)
    assert furthest(jacobian, short, np.array([0.1, 5.0])) == pytest.approx([0.1, 0.55])


@pytest.mark.parametrize("family", ["log", "sqrt", "rv", "sub", "ces", "pwl"])
def test_the_greatest_deviation_found_anew_is_the_same(family: str) -> None:
    game = random_game(family, 3, 7)
    answer = solved(game)
    world = Provision.of(game, answer.certificate.claims, 1e-9, Ledger())
    last = answer.tables["elimination"]
    for name, in_core in zip(
        answer.tables["membership"]["outcome"], answer.tables["membership"]["in_core"], strict=True
    ):
        rows = last[last["outcome"] == name]
        end = rows.loc[rows["round"] == rows["round"].max(), "bound"].to_numpy()
        found = greatest_deviation(world, name, world.band if in_core is False else -world.band)
        assert found is not None
        assert found == pytest.approx(end, rel=1e-3, abs=1e-5)
        assert (found > 0).tolist() == (end > 0).tolist()


@pytest.mark.parametrize("family", ["log", "rv", "sub", "ces"])
def test_difference_quotients_enclose_the_derivatives(family: str) -> None:
    game, x = random_game(family, 4, 2), np.array([0.7, 1.1, 0.4, 2.0])
    exact = game.utilities.smooth_jacobian(x)
    assert (slopes(game.utilities, x, 1e-3 * x) <= exact + 1e-9).all()
    assert (slopes(game.utilities, x, -1e-3 * x) >= exact - 1e-9).all()


def test_kinks_leave_lindahl_open() -> None:
    game = random_game("pwl", 3, 1)
    world = Provision.of(game, {}, 1e-9, Ledger())
    assert is_lindahl(world, np.zeros(3)) is False
    assert is_lindahl(world, world.outcomes["pareto-1"]) in (None, False)
