"""Verification of maps that list one structure per pattern of identical players, against that of every structure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli_calls import call, market, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st

from breakaway.data.coalitions import Coalition, bell_number, members, structure_of
from breakaway.data.games import (
    AbatementGame,
    CournotMarket,
    ExternalityGame,
    PartitionFunctionGame,
    Payoffs,
    Players,
    ResearchRace,
)
from breakaway.results.records import Answer
from breakaway.runners import viability
from breakaway.runners.asking import HowToSolve
from breakaway.runners.verify import Verification, verify_viability
from breakaway.runners.verify.boxes import demands, search
from breakaway.runners.verify.divisions import Accuracy, required_worth
from breakaway.runners.verify.forecasts import Forecasts
from breakaway.runners.verify.kinds import Kinds, Profile, kinds_of
from breakaway.runners.verify.optimum import BestDivisions, Division
from breakaway.runners.verify.partitions import Lattice, parts
from breakaway.runners.verify.pattern_forecasts import PatternForecasts

Tables = dict[str, pd.DataFrame]

GAMES: dict[str, ExternalityGame] = {
    "four identical firms": CournotMarket(Players.of(4), (1.0,) * 4, 61.0),
    "six identical firms": CournotMarket(Players.of(6), (1.0,) * 6, 61.0),
    "two kinds of firms": CournotMarket(Players.of(5), (1.0, 4.0, 1.0, 4.0, 1.0), 60.0),
    "unequal weights": CournotMarket(Players.of(4, (1.0, 2.0, 1.0, 2.0)), (1.0,) * 4, 40.0),
    "five countries": AbatementGame(Players.of(5), (1.0,) * 5),
    "three researchers": ResearchRace(Players.of(3), 4.0, 0.1),
}
"""Small games, whose maps are listed structure by structure unless a test forbids it."""


@pytest.fixture
def by_pattern(monkeypatch: pytest.MonkeyPatch) -> Callable[[ExternalityGame], Answer]:
    monkeypatch.setattr(viability, "MOST_NAMED_STRUCTURES", 0)
    return lambda game: viability.solve_viability(game, HowToSolve(verify=False))


def failed(verification: Verification) -> set[str]:
    return set(verification.checks.loc[verification.checks["failed"] > 0, "claim"])


@pytest.mark.parametrize("name", GAMES)
def test_maps_by_pattern_pass(name: str, by_pattern: Callable[[ExternalityGame], Answer]) -> None:
    answer = by_pattern(GAMES[name])
    structures = answer.tables["structures"]
    assert int(structures["renamings"].sum()) == bell_number(len(answer.players)) > len(structures)
    verification = verify_viability(GAMES[name], answer.tables, 1e-9, answer.certificate.claims)
    assert failed(verification) == set()
    assert verification.residual <= 1e-9
    counted = verification.checks.set_index("claim")["checked"]
    assert counted["one structure listed for each pattern"] == len(structures)
    assert counted["required worths are least totals"] == len(answer.tables["blocks"])


RACE = "three researchers"
"""The grand coalition divides unequally: one solution in three orders."""

EditTables = Callable[[Tables], None]


def put(table: str, row: int, column: str, change: Callable[[object], object]) -> EditTables:
    def edit(tables: Tables) -> None:
        frame = tables[table].astype({column: object})
        frame.loc[row, column] = change(frame.loc[row, column])
        tables[table] = frame

    return edit


def drop(table: str, keep: Callable[[pd.DataFrame], pd.Series]) -> EditTables:
    def edit(tables: Tables) -> None:
        kept = tables[table][keep(tables[table])]
        assert len(kept) < len(tables[table])
        tables[table] = kept.reset_index(drop=True)

    return edit


def double(tables: Tables) -> None:
    """List a second structure of the pattern 2 + 1."""
    twin = tables["structures"].query("coalitions == 2").replace({"structure": {"1|2+3": "1+2|3"}})
    assert twin["structure"].tolist() == ["1+2|3"]
    tables["structures"] = pd.concat([tables["structures"], twin], ignore_index=True)


def move(tables: Tables) -> None:
    """Move a little from one player to another in every order of the solution of the grand coalition."""
    frame = tables["payoffs"]
    payoffs = frame["payoff"].to_numpy().copy()
    for _, rows in frame[frame["coalition"] == "1+2+3"].groupby("solution"):
        order = rows["payoff"].sort_values().index
        payoffs[order[0]] += 1e-4
        payoffs[order[-1]] -= 1e-4
    tables["payoffs"] = frame.assign(payoff=payoffs)


NEGATE: Callable[[object], object] = lambda flag: not flag  # noqa: E731
MORE: Callable[[object], object] = lambda value: float(str(value)) + 1e-4  # noqa: E731

TAMPERINGS: dict[str, tuple[str, EditTables, str]] = {
    "a number of renamings": (RACE, put("structures", 1, "renamings", MORE), "structures of each pattern counted"),
    "a pattern listed twice": (RACE, double, "one structure listed for each pattern"),
    "a pattern left out": (
        RACE,
        drop("structures", lambda t: t["coalitions"] != 2),
        "one structure listed for each pattern",
    ),
    "a block left out": (RACE, drop("blocks", lambda t: t["coalition"] != "2+3"), "every block listed once"),
    "a worth": (RACE, put("blocks", 4, "worth", MORE), "worths follow from the definition"),
    "a required worth": (RACE, put("blocks", 4, "required_worth", MORE), "required worths are least totals"),
    "a slack": (RACE, put("blocks", 4, "slack", MORE), "slack is worth minus required worth"),
    "a block's verdict": (RACE, put("blocks", 4, "viable", NEGATE), "blocks viable iff the slack allows"),
    "a verdict": (RACE, put("structures", 1, "viable", NEGATE), "structures viable iff all their blocks are"),
    "a coarsest flag": (
        RACE,
        put("structures", 1, "coarsest", NEGATE),
        "coarsest structures are the maximal viable ones",
    ),
    "an efficient flag": (
        RACE,
        put("structures", 2, "efficient", NEGATE),
        "efficient structures have the largest total",
    ),
    "payoffs": (RACE, move, "only maximisers listed"),
    "an order of a solution": (
        RACE,
        drop("payoffs", lambda t: (t["coalition"] != "1+2+3") | (t["solution"] != 2)),
        "solutions listed in every order of identical players",
    ),
    "payoffs of a block": (
        RACE,
        drop("payoffs", lambda t: t["coalition"] != "1+2+3"),
        "payoffs given for the blocks of viable structures",
    ),
    "what a threat promises": ("five countries", put("failures", 0, "payoff", MORE), "listed threats are real"),
    "where a threat leads": (
        "five countries",
        put("failures", 0, "resulting_structure", lambda _: "1+2+3+4+5"),
        "listed threats are real",
    ),
    "a shortfall": ("five countries", put("failures", 0, "shortfall", MORE), "shortfall is required worth minus worth"),
    "causes left out": (
        "five countries",
        drop("failures", lambda t: t["structure"] != t["structure"].iloc[0]),
        "failures listed for the blocks that fail",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampered_maps_by_pattern_fail(name: str, by_pattern: Callable[[ExternalityGame], Answer]) -> None:
    game, edit, claim = TAMPERINGS[name]
    answer = by_pattern(GAMES[game])
    tables = {table: frame.copy() for table, frame in answer.tables.items()}
    edit(tables)
    assert claim in failed(verify_viability(GAMES[game], tables, 1e-9, answer.certificate.claims))


def test_any_structure_may_stand_for_its_pattern(by_pattern: Callable[[ExternalityGame], Answer]) -> None:
    """Players 1 and 3 exchange their names throughout."""
    game = GAMES[RACE]
    answer = by_pattern(game)
    exchange = str.maketrans("13", "31")
    tables = {
        name: frame.assign(**{c: frame[c].str.translate(exchange) for c in frame.select_dtypes(["object", "string"])})
        for name, frame in answer.tables.items()
    }
    assert "3|2+1" in set(tables["structures"]["structure"])
    assert failed(verify_viability(game, tables, 1e-9, answer.certificate.claims)) == set()


@pytest.mark.parametrize(
    ("groups", "passes"),
    [
        ([["1", "3", "5"], ["2", "4"]], True),
        ([["1", "2", "3"]], False),
        ([["1", "3"], ["3", "5"]], False),
        ([["1", "Kit"]], False),
        ("all", False),
        (None, True),
    ],
)
def test_players_said_to_be_identical_must_be(
    groups: object, passes: bool, by_pattern: Callable[[ExternalityGame], Answer]
) -> None:
    game = GAMES["two kinds of firms"]
    answer = by_pattern(game)
    claims = {**answer.certificate.claims, "identical_players": groups}
    verification = verify_viability(game, answer.tables, 1e-9, claims)
    assert ("players said to be identical are" in failed(verification)) is not passes


def symmetric_table(change: float = 0.0) -> PartitionFunctionGame:
    """Four players whose worths depend on sizes only, but for one worth of {1,2}."""
    worths = {
        structure: tuple(float(block.bit_count() ** 2) / len(structure) for block in structure)
        for structure in Lattice(4).structures
    }
    worths[0b0011, 0b1100] = (worths[0b0011, 0b1100][0] + change, worths[0b0011, 0b1100][1])
    return PartitionFunctionGame(Players.of(4), worths)


def test_tables_of_worths_tell_who_is_identical() -> None:
    assert kinds_of(symmetric_table()).groups == ((0, 1, 2, 3),)
    assert kinds_of(symmetric_table(0.5)).groups == ((0, 1), (2, 3))
    weighted = PartitionFunctionGame(Players.of(4), symmetric_table().worths, {0b0011: (1.0, 2.0)})
    assert kinds_of(weighted).groups == ((0,), (1,), (2,), (3,))


# --- the parts against brute force ---------------------------------------------------------------------------------

KINDS = [
    Kinds(((0, 1, 2, 3, 4),)),
    Kinds(((0, 2, 4), (1, 3))),
    Kinds(((0,), (1, 2, 3, 4))),
    Kinds(((0, 1), (2,), (3, 4))),
]


@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: str(kinds.groups))
def test_patterns_are_the_classes_of_structures(kinds: Kinds) -> None:
    classes: dict[object, int] = {}
    for structure in Lattice(5).structures:
        pattern = kinds.pattern(structure)
        classes[pattern] = classes.get(pattern, 0) + 1
    assert {pattern: kinds.renamings(pattern) for pattern in kinds.patterns()} == classes
    assert all(kinds.pattern(kinds.representative(pattern)) == pattern for pattern in classes)


def orders(kinds: Kinds, block: Coalition, profile: Profile) -> list[Payoffs]:
    """Return a profile in every order of identical players."""
    ways = [sorted(set(permutations(payoffs))) for payoffs in profile]
    order = np.argsort(kinds.columns(block))
    return [tuple(np.concatenate(choice)[order]) for choice in product(*ways)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: str(kinds.groups))
def test_threats_by_pattern_are_those_of_every_structure(kinds: Kinds, seed: int) -> None:
    """Random verdicts and solutions that depend on patterns only; threats by (8)-(9) for every structure."""
    rng, lattice = np.random.default_rng(seed), Lattice(5)
    viable = {p for p in kinds.patterns() if len(p) == 5 or rng.random() < 0.4}
    profiles: dict[object, list[Profile]] = {}
    for pattern in viable:
        for counts in set(pattern):
            drawn = [tuple(tuple(sorted(rng.integers(0, 9, n).astype(float))) for n in counts) for _ in range(2)]
            profiles[pattern, counts] = list(dict.fromkeys(drawn))
    named_viable = frozenset(pi for pi in lattice.structures if kinds.pattern(pi) in viable)
    named = {
        (pi, block): [x for f in profiles[kinds.pattern(pi), kinds.counts(block)] for x in orders(kinds, block, f)]
        for pi in named_viable
        for block in pi
    }
    every, folded = Forecasts(lattice, named_viable, named), PatternForecasts(frozenset(viable), profiles)  # type: ignore[arg-type]
    for pi in lattice.structures:
        for block in pi:
            for part in parts(block):
                listed = every.threats(pi, block, part).values()
                there = {kinds.profile(part, vector) for vectors in listed for vector in vectors}
                assert folded.threats(kinds.pattern(pi), kinds.counts(block), kinds.counts(part)) == there


CHAINS = ((0, 1, 2), (3, 4))

ascending = st.tuples(
    st.lists(st.integers(0, 6), max_size=3).map(sorted), st.lists(st.integers(0, 6), max_size=2).map(sorted)
).filter(any)


def rows_of(threats: list[tuple[list[int], list[int]]]) -> np.ndarray:
    """Give every threat to the players who get least."""
    rows = np.full((len(threats), 5), np.inf)
    for row, (one, other) in zip(rows, threats, strict=True):
        row[: len(one)] = one
        row[3 : 3 + len(other)] = other
    return rows


def renamed(rows: np.ndarray) -> np.ndarray:
    """Return every threat in all renamings within chains."""
    orders_of = [(*one, *other) for one in permutations(range(3)) for other in permutations((3, 4))]
    return np.unique(np.concatenate([rows[:, order] for order in orders_of]), axis=0)


@given(threats=st.lists(ascending, min_size=1, max_size=5), worth=st.integers(5, 40))
@settings(max_examples=100, deadline=None)
def test_one_threat_in_a_chain_stands_for_all_its_renamings(
    threats: list[tuple[list[int], list[int]]], worth: int
) -> None:
    accuracy = Accuracy(1e-9, 40.0)
    floor, weights = np.zeros(5), np.array([1.0, 1.0, 1.0, 2.0, 2.0])
    rows = rows_of(threats)
    chained = Division(float(worth), floor, weights, rows, CHAINS)
    single = Division(float(worth), floor, weights, renamed(rows))
    assert required_worth(chained, accuracy) == pytest.approx(required_worth(single, accuracy), abs=1e-9)
    assert best_ascending(chained, accuracy) == best_ascending(single, accuracy)


def best_ascending(problem: Division, accuracy: Accuracy) -> set[Payoffs]:
    """Return the maximisers, payoffs sorted within chains."""
    judge = BestDivisions(problem, accuracy.eps, slack=1e-9)
    assert search(demands(problem.asked, problem.floor, accuracy.snap, problem.chains), judge, accuracy.effort)
    divisions, below = judge.candidates()
    if np.isneginf(judge.best):
        return set()
    best = divisions[below <= 1e-9]
    return {tuple(np.round([*sorted(x[:3]), *sorted(x[3:])], 8)) for x in best}


# --- the command line ----------------------------------------------------------------------------------------------


def sizes(structure: str) -> tuple[int, ...]:
    return tuple(sorted((block.count("+") + 1 for block in structure.split("|")), reverse=True))


def test_twelve_identical_firms(tmp_path: Path) -> None:
    """Coarsest types (3,3,3,1,1,1) and (5,5,2); 77 patterns for 4,213,597 structures."""
    twelve, run = market(tmp_path / "twelve", [1.0] * 12, 61.0), tmp_path / "run"
    answer = call("solve", twelve, "--out", run)
    assert (answer.code, answer.err) == (0, "")
    assert "77 patterns of 4,213,597 coalition structures, 4 viable" in answer.out
    assert "alike" in answer.out
    structures = tables_of(run)["structures"]
    coarsest = structures[structures["coarsest"] == "true"]
    assert {
        sizes(name): int(ways) for name, ways in zip(coarsest["structure"], coarsest["renamings"], strict=True)
    } == {
        (3, 3, 3, 1, 1, 1): 61_600,
        (5, 5, 2): 8_316,
    }
    assert structures["renamings"].astype(int).sum() == bell_number(12)
    verified = call("verify", run)
    assert (verified.code, verified.err) == (0, "")
    assert "one structure listed for each pattern" in verified.out
    assert verified.out.splitlines()[-1].endswith(" 0 failed")


def test_knife_edges_of_patterns_are_left_open(tmp_path: Path) -> None:
    """Ten identical firms: a block of type (6,4) has exactly what it needs, which floating point cannot decide."""
    run = tmp_path / "run"
    assert call("solve", market(tmp_path / "ten", [2.0] * 10, 10.0), "--out", run, "--detail", "none").code == 0
    verified = call("verify", run)
    assert verified.code == 0
    assert "1 blocks on the knife edge: structures are listed by pattern" in verified.out


def test_a_tampered_map_by_pattern_fails_at_the_command_line(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert call("solve", market(tmp_path / "ten", [1.0] * 10, 61.0), "--out", run, "--detail", "none").code == 0
    blocks = (run / "blocks.csv").read_text()
    (run / "blocks.csv").write_text(blocks.replace("false", "true", 1))
    answer = call("verify", run)
    assert answer.code == 1
    assert "blocks.csv: is not as the run wrote it" in answer.out
    assert "blocks viable iff the slack allows" in answer.out


def test_members_and_columns_agree_where_nobody_is_identical() -> None:
    kinds = Kinds(tuple((player,) for player in range(5)))
    for structure in Lattice(5).structures:
        assert kinds.representative(kinds.pattern(structure)) == structure_of(structure)
        assert all(kinds.columns(block) == list(members(block)) for block in structure)
