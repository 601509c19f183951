"""The verification of answers about implementation: right ones pass, and everything that is changed is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implementation_answers import tables_of
from implementation_cases import deception_of, random_environment, reference_cases

from breakaway.data.payoff_environment import PayoffEnvironment, maximal_pattern, minimal_pattern
from breakaway.runners.verify import verify_implementation
from breakaway.runners.verify.linear import game_value, maximise, sure_value
from breakaway.runners.verify.whistles import RewardFunctions, Search, serves, someone_blows

Tables = dict[str, pd.DataFrame]
Change = Callable[[Tables], None]

CASES = reference_cases("implementation")
PATTERNS = [(1, 2, 3, 4), (1, 2, 4, 7), (1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 7)]


def checked(environment: PayoffEnvironment, tables: Mapping[str, pd.DataFrame], **claims: Any) -> pd.DataFrame:
    return verify_implementation(environment, tables, claims).checks.set_index("claim")


def failing(environment: PayoffEnvironment, tables: Mapping[str, pd.DataFrame], **claims: Any) -> dict[str, str]:
    checks = checked(environment, tables, **claims)
    return checks.loc[checks["failed"] > 0, "detail"].to_dict()


# --- right answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_right_answers_pass(name: str) -> None:
    environment, expected = CASES[name].environment, CASES[name].expected
    tables = tables_of(environment)
    indifferent = {True: "true", False: "false"}[expected["conditional_no_total_indifference"]]
    tables["conditions"].loc[len(tables["conditions"])] = ["conditional_no_total_indifference", "minimal", indifferent]
    checks = checked(environment, tables)
    assert checks["failed"].sum() == 0, checks
    holds = dict(zip(tables["conditions"]["condition"], tables["conditions"]["holds"], strict=True))
    known = [holds["robust_monotonicity"], holds["robust_coalitional_monotonicity"], holds["robust_s_monotonicity"]]
    asked = ("robust_monotonicity", "robust_coalitional_monotonicity", "robust_Sbar_monotonicity")
    assert known == ["true" if expected[key] else "false" for key in asked]
    proven, refuted = known.count("true"), known.count("false")
    dissolved = "somebody dissolves every unacceptable deception"
    assert (0 if dissolved not in checks.index else checks.loc[dissolved, "checked"]) == proven
    standing = "nobody dissolves a deception"
    assert (0 if standing not in checks.index else checks.loc[standing, "checked"]) == refuted
    assert checks.loc["conditional no total indifference", "checked"] == 1


@pytest.mark.parametrize("seed", [0, 4, 5, 13, 19, 28, 29, 34])
def test_right_answers_about_random_environments_pass(seed: int) -> None:
    environment = random_environment(seed)
    if len(environment) == 3:
        environment = dataclasses.replace(environment, pattern=PATTERNS[seed % 4])
    assert failing(environment, tables_of(environment)) == {}


@pytest.mark.parametrize("name", ["RI-ex2", "RI-ex1-two-types"])
def test_tables_of_twelve_digits_pass(name: str) -> None:
    environment = CASES[name].environment
    tables = {
        name: frame.map(lambda cell: float(f"{cell:.12g}") if isinstance(cell, float) else cell or np.nan)
        for name, frame in tables_of(environment).items()
    }
    assert failing(environment, tables) == {}


def test_a_reference_deception_stands_for_its_condition() -> None:
    case = CASES["RI-ex1-no-disposal-.5-.75-1"]
    tables = tables_of(case.environment)
    names = case.environment.payoff_types
    known = deception_of(case.expected["largest_no_whistle_deception_coalitional"])
    rows = [
        ("robust_coalitional_monotonicity maximal", case.environment.agents[i], names[i][t], names[i][r])
        for i, own in enumerate(known)
        for t, reports in enumerate(own)
        for r in sorted(reports)
    ]
    tables["deceptions"] = pd.DataFrame(rows, columns=tables["deceptions"].columns)
    assert failing(case.environment, tables) == {}


def test_without_rewards_nothing_is_proven() -> None:
    environment = CASES["RI-ex2"].environment
    tables = tables_of(environment)
    del tables["rewards"]
    checks = checked(environment, tables)
    assert checks.loc["rewards are in the reward set", "detail"] == "not re-proven: no rewards are listed"
    assert checks.loc["somebody dissolves every unacceptable deception", "failed"] == 1


# --- wrong answers ----------------------------------------------------------------------------------------------------


def edit(table: str, column: str, value: Any, **where: Any) -> Change:
    """Change a cell of the first row that has these values."""

    def change(tables: Tables) -> None:
        frame = tables[table]
        rows = _rows(frame, where)
        old = frame.loc[rows[0], column]
        frame[column] = frame[column].astype(object)
        frame.loc[rows[0], column] = value(old) if callable(value) else value

    return change


def misplaced(tables: Tables) -> None:
    """Say that all rewards for robust S monotonicity belong to the round after theirs."""
    rewards = tables["rewards"]
    rewards.loc[rewards["condition"] == S["condition"], "round"] += 1


def drop(table: str, **where: Any) -> Change:
    """Leave out all rows that have these values."""

    def change(tables: Tables) -> None:
        rows = _rows(tables[table], where)
        assert len(rows)
        tables[table] = tables[table].drop(index=rows)

    return change


def twice(table: str) -> Change:
    def change(tables: Tables) -> None:
        tables[table] = pd.concat([tables[table], tables[table].iloc[:1]], ignore_index=True)

    return change


def add(table: str, row: tuple[Any, ...]) -> Change:
    def change(tables: Tables) -> None:
        tables[table].loc[len(tables[table])] = list(row)

    return change


def _rows(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.Index:
    keep = [frame[name] == cell for name, cell in where.items()] or [pd.Series(True, index=frame.index)]
    return frame.index[np.logical_and.reduce(keep)]


def holds(condition: str, word: str) -> Change:
    return edit("conditions", "holds", word, condition=condition)


THREE, TWO, SECOND, CONSTANT = "RI-ex1-three-types", "RI-ex1-two-types", "RI-ex2", "RI-constant-scf"
FATAL = "RI-rand10-2x3-D"
S, RM = {"condition": "robust_s_monotonicity"}, {"condition": "robust_monotonicity"}
PROVEN, INSIDE = "somebody dissolves every unacceptable deception", "rewards are in the reward set"
GAINS = "whistle-blowers gain whatever they conjecture"

TAMPERINGS: dict[str, tuple[str, Change, str]] = {
    "compatibility invented": (THREE, holds("robust_coalitional_ic", "true"), "incentive compatibility"),
    "compatibility denied": (TWO, holds("ex_post_ic", "false"), "incentive compatibility"),
    "compatibility left open": (TWO, holds("ex_post_ic", "undecided"), "incentive compatibility"),
    "condition unreadable": (TWO, holds("ex_post_ic", "perhaps"), "conditions table readable"),
    "condition left out": (TWO, drop("conditions", condition="robust_monotonicity"), "every condition judged"),
    "condition twice": (TWO, twice("conditions"), "conditions table readable"),
    "pattern unknown": (TWO, edit("conditions", "coalition_pattern", "1+9"), "conditions table readable"),
    "gain": (THREE, edit("violations", "gain", lambda gain: gain + 1e-6), "gains by misreporting"),
    "gain elsewhere": (THREE, edit("violations", "others_profile", "1:1|2:1"), "gains by misreporting"),
    "violation left out": (THREE, drop("violations", condition="robust_s_ic"), "every violation listed"),
    "member left out": (THREE, drop("violations", agent="1"), "every member of a violation gains"),
    "violation of another report": (
        THREE,
        edit("violations", "reported_profile", "1:1|2:1"),
        "every member of a violation gains",
    ),
    "violation unreadable": (THREE, edit("violations", "agent", "7"), "violations table readable"),
    "violation twice": (THREE, twice("violations"), "violations table readable"),
    "monotonicity invented": (SECOND, holds("robust_monotonicity", "true"), PROVEN),
    "monotonicity denied": (
        TWO,
        holds("robust_monotonicity", "false"),
        "deceptions listed for conditions that fail alone",
    ),
    "deception left out": (
        SECOND,
        drop("deceptions", deception="robust_monotonicity"),
        "deceptions listed for conditions that fail alone",
    ),
    "deception empty": (
        SECOND,
        drop("deceptions", deception="robust_monotonicity", agent="1", payoff_type="1"),
        "every type has something to report",
    ),
    "deception of another": (
        SECOND,
        edit("deceptions", "agent", "9", deception="robust_monotonicity"),
        "deceptions table readable",
    ),
    "deception twice": (SECOND, twice("deceptions"), "deceptions table readable"),
    "whistle left out": (TWO, drop("whistles", coalition="1", **RM), PROVEN),
    "all whistles left out": (SECOND, drop("whistles", **S), PROVEN),
    "whistle unreadable": (TWO, edit("whistles", "reported_profile", "1:9"), "whistles table readable"),
    "whistle twice": (TWO, twice("whistles"), "whistles table readable"),
    "whistle of a coalition that cannot blow": (
        TWO,
        add("whistles", ("robust_monotonicity", "1+2", "1:1|2:1", "1:2|2:2", 3, 1.0)),
        "who blows is of the pattern",
    ),
    "least gain": (TWO, edit("whistles", "least_gain", 50.0, **RM), GAINS),
    "reward left out": (TWO, drop("rewards", coalition="1", **RM), PROVEN),
    "lottery that is none": (TWO, edit("rewards", "weight", lambda weight: weight + 0.1, **RM), INSIDE),
    "reward unreadable": (TWO, edit("rewards", "outcome", "gold", **RM), "rewards table readable"),
    "reward twice": (TWO, twice("rewards"), "rewards table readable"),
    "rewards of another round": (SECOND, misplaced, PROVEN),
    "verdict invented": (THREE, edit("verdict", "implementable", "true"), "verdicts follow from the conditions"),
    "verdict denied": (TWO, edit("verdict", "implementable", "false"), "verdicts follow from the conditions"),
    "fatal deception left open": (
        FATAL,
        edit("verdict", "implementable", "undecided", theorem="2"),
        "verdicts follow from the conditions",
    ),
    "what is constant denied": (
        CONSTANT,
        edit("verdict", "implementable", "undecided"),
        "verdicts follow from the conditions",
    ),
    "verdict unreadable": (TWO, edit("verdict", "implementable", "maybe"), "verdict table readable"),
    "theorem left out": (TWO, drop("verdict", theorem="1"), "every theorem judged"),
    "interior rewards invented": (
        CONSTANT,
        holds("interior_reward", "true"),
        "conditional no total indifference",
    ),
    "indifference denied": (
        CONSTANT,
        add("conditions", ("conditional_no_total_indifference", "minimal", "true")),
        "conditional no total indifference",
    ),
    "relation broken": (SECOND, holds("robust_coalitional_monotonicity", "true"), "conditions fit together"),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Tables]:
    return {name: tables_of(CASES[name].environment) for name in (THREE, TWO, SECOND, CONSTANT, FATAL)}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_is_changed_is_found(what: str, answers: dict[str, Tables]) -> None:
    name, change, claim = TAMPERINGS[what]
    tables = {table: frame.copy() for table, frame in answers[name].items()}
    change(tables)
    assert claim in failing(CASES[name].environment, tables)


def patterns_of(environment: PayoffEnvironment, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    columns = ["coalition_pattern", "robust_s_ic", "robust_s_monotonicity", "interior_reward", "implementable", "class"]
    assert len(environment) == 2
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize(
    ("row", "claim"),
    [
        (("minimal", "true", "false", "true", "false", 1), None),
        (("minimal", "false", "false", "true", "false", 1), "incentive compatibility for every pattern"),
        (("minimal", "true", "false", "true", "true", 1), "patterns fit together"),
        (("maximal", "true", "true", "true", "undecided", 2), "patterns fit together"),
        (("maximal", "true", "false", "undecided", "undecided", 2), "patterns fit together"),
        (("1+3", "true", "true", "true", "true", 2), "patterns table readable"),
    ],
)
def test_the_table_of_patterns_is_checked(row: tuple[Any, ...], claim: str | None, answers: dict[str, Tables]) -> None:
    environment = CASES[SECOND].environment
    tables = {**answers[SECOND], "patterns": patterns_of(environment, [row])}
    assert list(failing(environment, tables)) == ([] if claim is None else [claim])


def test_that_not_all_is_listed_may_be_said() -> None:
    environment = random_environment(34)
    tables = tables_of(environment)
    report = ["condition", "coalition", "true_profile", "reported_profile"]
    assert len(tables["violations"].query("condition == 'robust_coalitional_ic'")[report].drop_duplicates()) > 1
    first = tables["violations"].query("condition == 'robust_coalitional_ic'").iloc[0]
    drop("violations", **first[report].to_dict())(tables)
    assert list(failing(environment, tables)) == ["every violation listed"]
    assert failing(environment, tables, violations="partial") == {}


# --- parts ------------------------------------------------------------------------------------------------------------


def test_no_single_reward_serves_but_a_menu_does() -> None:
    """The reward set of an agent is not convex; every conjecture has a reward, none serves for all."""
    case = reference_cases("whistle_test")["RI-nonconvex-reward-set"]
    family = tuple(one for one in maximal_pattern(2) if one & 1)
    rewards = RewardFunctions(case.environment, 1, family)
    pairs = rewards.pairs([np.eye(1, dtype=bool), np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0]], dtype=bool)])
    assert someone_blows(rewards, (0,), (0,), pairs, Search(1000))
    assert not someone_blows(
        RewardFunctions(case.environment, 1, (1, 3)), (0,), (0,), np.ones((3, 3), bool), Search(1000)
    )


def test_menus_of_rewards() -> None:
    pairs = np.ones((1, 2), dtype=bool)
    first, second = np.array([[[2.0, -1.0]]]), np.array([[[-1.0, 2.0]]])
    assert not serves([first], pairs, 0.1)
    assert not serves([second], pairs, 0.1)
    assert serves([first, second], pairs, 0.1)
    assert serves([first, second], pairs, 0.49)
    assert not serves([first, second], pairs, 0.51)
    both = [np.concatenate([one, other]) for one, other in ((first, second), (second, first))]
    assert not serves(both, pairs, 0.1), "members may conjecture differently: each defeats one reward"
    assert serves([np.concatenate([first, first]), np.concatenate([second, second]), np.ones((2, 1, 2))], pairs, 0.1)


def test_the_simplex_method_proves_its_answers() -> None:
    one = maximise(np.array([3.0, 2.0]), np.array([[1.0, 1.0], [1.0, 3.0]]), np.array([4.0, 6.0]))
    assert one.proven
    assert one.bound == pytest.approx(12.0)
    assert one.point == pytest.approx([4.0, 0.0])
    none = maximise(np.ones(1), np.array([[1.0], [-1.0]]), np.array([1.0, -2.0]))
    assert none.proven
    assert none.point is None
    endless = maximise(np.ones(1), np.array([[-1.0]]), np.array([0.0]))
    assert not endless.proven
    assert endless.bound == np.inf


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_bounds_of_matrix_games_meet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gains = rng.integers(-5, 6, size=rng.integers(1, 7, size=2)).astype(float)
    assert sure_value(gains) == pytest.approx(game_value(gains), abs=1e-9)


@pytest.mark.parametrize("name", [THREE, SECOND])
def test_truth_is_never_denounced(name: str) -> None:
    """A reward that pays an honest agent among honest others would be no reward, where f is ex-post compatible."""
    environment = CASES[name].environment
    honest = [np.eye(size, dtype=bool) for size in environment.sizes]
    for base in minimal_pattern(2):
        rewards = RewardFunctions(environment, base, (base,))
        for own in range(environment.sizes[base - 1]):
            assert not someone_blows(rewards, (own,), (own,), rewards.pairs(honest), Search(1000))
