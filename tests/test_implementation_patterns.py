"""Verdicts of the theorems, the coalition patterns and the picture of their lattice."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from application_cases import run_page
from implementation_answers import COLUMNS
from implementation_cases import environment, random_environment, reference_environments

from breakaway.data.payoff_environment import (
    Deception,
    PayoffEnvironment,
    maximal_pattern,
    minimal_pattern,
    unacceptable_reports,
)
from breakaway.results.canvas import PlotError
from breakaway.results.patterns_plot import coalitions_of, patterns_figure, plot_patterns
from breakaway.results.records import Answer, Certificate
from breakaway.runners.implementation.enumeration import undissolved
from breakaway.runners.implementation.incentives import coalition_violations
from breakaway.runners.implementation.interior import interior_reward
from breakaway.runners.implementation.monotonicity import MonotonicityVerdict, by_elimination, by_learned_clauses
from breakaway.runners.implementation.patterns import (
    PatternFinding,
    all_patterns,
    classes,
    judge_patterns,
    pattern_table,
    symmetries,
)
from breakaway.runners.implementation.verdict import contains_truth, is_fatal, theorem_1, theorem_2, with_truth
from breakaway.runners.implementation.whistle import Whistles

REFERENCE = reference_environments()
HOLDS, FAILS = MonotonicityVerdict(True, None, [], "test"), MonotonicityVerdict(False, None, [], "test")
OPEN = MonotonicityVerdict(None, None, [], "test")
EXAMPLE_2, _ = REFERENCE["RI-ex2"]
TRIO = random_environment(2, "nearly-common", agents=3, types=2)
needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("incentives", "monotonicity", "interior", "expected", "reason"),
    [
        (True, True, True, True, "all conditions of Theorem 1 hold"),
        (False, True, True, False, "Proposition 1"),
        (None, False, True, False, "Proposition 2"),
        (True, True, False, None, "the interior coalitional reward property fails, and is not necessary"),
        (True, True, None, None, "the interior coalitional reward property was left open"),
        (True, None, True, None, "was left open"),
    ],
)
def test_theorem_1(
    incentives: bool | None, monotonicity: bool | None, interior: bool | None, expected: bool | None, reason: str
) -> None:
    found = theorem_1(EXAMPLE_2, incentives, monotonicity, interior)
    assert found.implementable is expected
    assert reason in found.reason


def test_theorem_2() -> None:
    single, pairs, everyone = minimal_pattern(3), (1, 2, 3, 4), (1, 2, 4, 7)
    assert theorem_2(TRIO, pairs, True, HOLDS, True).implementable is True
    assert theorem_2(TRIO, pairs, False, HOLDS, True).implementable is False
    assert theorem_2(TRIO, pairs, True, FAILS, True).implementable is None
    assert theorem_2(TRIO, pairs, True, OPEN, True).implementable is None
    assert theorem_2(TRIO, pairs, True, None, True).implementable is None
    assert theorem_2(TRIO, pairs, True, HOLDS, None).implementable is None
    assert theorem_2(TRIO, pairs, None, HOLDS, True).implementable is None
    assert theorem_2(TRIO, single, True, FAILS, True).implementable is False
    assert theorem_2(TRIO, everyone, True, FAILS, True).implementable is None
    found = theorem_2(TRIO, pairs, True, FAILS, True, whatever_forms=True)
    assert (found.implementable, found.reason) == (True, "implementable whatever coalitions form, by Theorem 1")


def test_a_constant_rule_is_implementable() -> None:
    game, _ = REFERENCE["RI-constant-scf"]
    assert theorem_1(game, True, True, False).implementable is True
    assert theorem_2(game, maximal_pattern(2), True, HOLDS, False).implementable is True


def full(game: PayoffEnvironment) -> Deception:
    return tuple(tuple(frozenset(range(size)) for _ in range(size)) for size in game.sizes)


def test_fatal_deceptions() -> None:
    honest = MonotonicityVerdict(False, full(TRIO), [], "test")
    partly = ((frozenset({1}), frozenset({1})), *full(TRIO)[1:])
    assert contains_truth(full(TRIO))
    assert not contains_truth(partly)
    assert is_fatal(TRIO, (1, 2, 4, 7), honest)
    assert not is_fatal(TRIO, (1, 2, 4, 7), MonotonicityVerdict(False, partly, [], "test"))
    assert not is_fatal(TRIO, (1, 2, 3, 4, 7), honest)
    assert is_fatal(TRIO, minimal_pattern(3), MonotonicityVerdict(False, partly, [], "test"))


@pytest.mark.parametrize("name", ["RI-union-closure-counterexample", "RI-rand8-2x2-D", "RI-rand20-2x2-A"])
def test_the_truth_joins_when_nobody_dissolves_that_either(name: str) -> None:
    game, _ = REFERENCE[name]
    whistles = Whistles(game, "pattern", maximal_pattern(2))
    stand = {d for d in undissolved(game, whistles) if len(unacceptable_reports(game, d))}
    assert stand
    for deception in stand:
        wider = tuple(tuple(reports | {own} for own, reports in enumerate(agent)) for agent in deception)
        found = with_truth(whistles, MonotonicityVerdict(False, deception, [], "test"))
        assert found.deception == (wider if wider in stand else deception)
    assert with_truth(whistles, HOLDS) is HOLDS


def test_an_example_of_the_paper() -> None:
    for pattern, expected in ((minimal_pattern(2), False), (maximal_pattern(2), True)):
        whistles = Whistles(EXAMPLE_2, "pattern", pattern)
        search = by_elimination if len(pattern) == 2 else by_learned_clauses
        verdict = theorem_2(
            EXAMPLE_2,
            pattern,
            not coalition_violations(EXAMPLE_2, pattern),
            search(EXAMPLE_2, whistles),
            interior_reward(EXAMPLE_2, pattern).holds == "true",
        )
        assert verdict.implementable is expected


# --- patterns ---------------------------------------------------------------------------------------------------------


def test_all_patterns() -> None:
    assert all_patterns(2) == [(1, 2), (1, 2, 3)]
    assert [len(all_patterns(n)) for n in (1, 2, 3, 4)] == [1, 2, 16, 2048]
    assert all_patterns(3)[0] == minimal_pattern(3)
    assert all_patterns(3)[-1] == maximal_pattern(3)
    with pytest.raises(ValueError, match=r"5 agents have 2\^26 coalition patterns; they are listed for up to 4"):
        all_patterns(5)


def test_classes_of_agents_who_are_alike() -> None:
    """The numbers of families of the coalitions of two or more, up to renaming, by hand for 3 and Burnside for 4."""
    for n, expected in ((2, 2), (3, 8), (4, 180)):
        orders = list(itertools.permutations(range(n)))
        assert len(set(classes(all_patterns(n), orders).values())) == expected
    swapped = classes(all_patterns(3), [(0, 1, 2), (1, 0, 2)])
    assert len(set(swapped.values())) == 12
    assert swapped[1, 2, 4, 6] == swapped[1, 2, 4, 5] == (1, 2, 4, 5)


def test_agents_who_are_alike() -> None:
    assert symmetries(EXAMPLE_2) == [(0, 1), (1, 0)]
    assert symmetries(REFERENCE["RI-ex1-three-types"][0]) == [(0, 1), (1, 0)]
    assert symmetries(REFERENCE["RI-dictator-private-values"][0]) == [(0, 1)]
    assert symmetries(REFERENCE["RI-rand7-2x3-C"][0]) == [(0, 1)]
    other = EXAMPLE_2.utilities.copy()
    other[1, 0, 1, 0] += 1.0
    assert symmetries(environment(other, EXAMPLE_2.social_choice)) == [(0, 1)]


@pytest.mark.parametrize(("factors", "alike"), [((1, 1, 1), 6), ((1, 2, 1), 2), ((1, 2, 3), 1)])
def test_two_or_three_of_three_agents(factors: tuple[int, ...], alike: int) -> None:
    """Agents with their own value of a quantity, charged theta_i: an outcome is a quantity and who pays."""
    profiles = list(itertools.product(range(2), repeat=3))
    worth = np.array(
        [[[factors[i] * theta[i] * sum(o) - o[i] for o in profiles] for theta in profiles] for i in range(3)]
    )
    game = environment(worth.reshape(3, 2, 2, 2, 8).astype(float), np.eye(8).reshape(2, 2, 2, 8))
    orders = symmetries(game)
    assert len(orders) == alike
    assert all(tuple(factors[i] for i in order) == factors for order in orders)


@pytest.mark.parametrize("name", ["RI-ex1-three-types", "RI-ex2", "RI-rand9-2x2x2-B", "RI-ex1-no-disposal-.5-1"])
def test_reference_cases(name: str) -> None:
    game, expected = REFERENCE[name]
    found = {finding.pattern: finding for finding in judge_patterns(game)}
    least, most = found[minimal_pattern(len(game))], found[maximal_pattern(len(game))]
    assert least.incentives is expected["ex_post_ic"]
    assert most.incentives is expected["robust_coalitional_ic"]
    assert least.monotonicity is expected["robust_monotonicity"]
    assert most.monotonicity is expected["robust_Sbar_monotonicity"]
    if len(game) == 3:
        pair = found[1, 2, 3, 4]
        assert pair.incentives is expected["robust_S_ic_pattern_singletons_plus_12"]
        assert pair.monotonicity is expected["robust_S_monotonicity_pattern_singletons_plus_12"]


@pytest.mark.parametrize("game", [TRIO, random_environment(8, "disposal", agents=3, types=2)], ids=["trio", "disposal"])
def test_shared_answers_are_those_of_every_pattern_alone(game: PayoffEnvironment) -> None:
    for finding in judge_patterns(game, in_full=True)[::5]:
        alone = by_learned_clauses(game, Whistles(game, "pattern", finding.pattern))
        assert finding.monotonicity is alone.holds
        assert finding.incentives is not coalition_violations(game, finding.pattern)
        plain = interior_reward(game, finding.pattern).holds
        assert finding.interior is {"true": True, "false": False, "undecided": None}[plain]


def test_classes_are_judged_once() -> None:
    theta = np.stack(np.meshgrid(*[np.arange(2.0)] * 3, indexing="ij")).sum(axis=0)
    shared = theta[..., None] * np.arange(4.0) - np.arange(4.0) ** 2 / 2
    game = environment(np.broadcast_to(shared, (3, *shared.shape)).copy(), np.eye(4)[theta.astype(int)])
    told: list[str] = []
    findings = judge_patterns(game, told=told.append)
    assert len(symmetries(game)) == 6
    assert len(told) == 8
    assert [len({f.verdict for f in findings if f.alike == k}) for k in range(1, 9)] == [1] * 8
    table = pattern_table(game, findings)
    assert table["coalition_pattern"].is_unique
    assert table["class"].nunique() == 8


def test_too_many_agents() -> None:
    rng = np.random.default_rng(0)
    game = environment(rng.random((5, 1, 1, 1, 1, 1, 2)), np.ones((1, 1, 1, 1, 1, 2)) / 2)
    with pytest.raises(ValueError, match="judge the patterns that matter one by one"):
        judge_patterns(game)


# --- the page and the picture -----------------------------------------------------------------------------------------


def test_page() -> None:
    pairs = run_page("patterns")
    assert len(pairs) == 1
    for expected, found in pairs:
        assert found == expected


def answer(table: pd.DataFrame, agents: tuple[str, ...]) -> Answer:
    """Return an answer that has nothing but a table of patterns."""
    tables = {name: pd.DataFrame(columns=columns) for name, columns in COLUMNS.items()} | {"patterns": table}
    certificate = Certificate("optimal", "proven optimum", {}, 0.0)
    return Answer("implementation", "payoff-environment", "A rule", "", agents, tables, certificate)


def table_of(n: int, alike: bool = False) -> pd.DataFrame:
    """Return a table in which pairs help and the coalition of the first two hurts."""
    patterns = all_patterns(n)
    first = classes(patterns, list(itertools.permutations(range(n))) if alike else [tuple(range(n))])
    number = {pattern: k for k, pattern in enumerate(dict.fromkeys(first.values()), 1)}
    game = environment(np.zeros((n, *(1,) * n, 1)), np.ones((*(1,) * n, 1)))
    findings = [
        PatternFinding(
            p, True, len(p) > n, True, theorem_2(TRIO, p, True, HOLDS if len(p) > n else FAILS, True), number[first[p]]
        )
        for p in patterns
    ]
    table = pattern_table(game, findings)
    hurt = table["coalition_pattern"].str.contains(r"\b1\+2\b(?!\+)") & ~table["coalition_pattern"].isin(["1+2"])
    table.loc[hurt, ["robust_s_ic", "implementable"]] = "false"
    return table


@needs_matplotlib
def test_the_lattice_of_three_agents() -> None:
    table = table_of(3)
    (axes,) = patterns_figure(answer(table, ("1", "2", "3"))).axes
    labels = {text.get_text().replace(",\n", "|").replace(", ", "|") for text in axes.texts}
    assert labels == set(table["coalition_pattern"])
    counts = {
        points.get_label(): len(points.get_offsets())
        for points in axes.collections
        if hasattr(points, "get_sizes") and len(points.get_offsets())
    }
    hurt = int((table["robust_s_ic"] == "false").sum())
    assert counts["implementable"] == int((table["implementable"] == "true").sum())
    assert counts["not implementable: a coalition gains by misreporting"] == hurt
    assert counts["not implementable: nobody dissolves a bad equilibrium"] == 1
    lines = sum(len(c.get_segments()) for c in axes.collections if hasattr(c, "get_segments"))
    assert lines == 4 * 2**3  # a cube of four dimensions
    assert {text.get_text() for text in axes.get_legend().get_texts()} >= {
        "one coalition more helps",
        "one coalition more hurts",
    }


@needs_matplotlib
def test_the_lattices_of_two_and_of_four_agents() -> None:
    (axes,) = patterns_figure(answer(table_of(2), ("1", "2"))).axes
    assert {text.get_text() for text in axes.texts} == {"minimal", "maximal"}
    (axes,) = patterns_figure(answer(table_of(4, alike=True), ("1", "2", "3", "4"))).axes
    assert sum(len(c.get_offsets()) for c in axes.collections if not hasattr(c, "get_segments")) == 180
    assert not axes.texts
    (axes,) = patterns_figure(answer(table_of(4), ("1", "2", "3", "4"))).axes
    assert [text.get_text() for text in axes.texts] == [
        str(count) for count in (1, 11, 55, 165, 330, 462, 462, 330, 165, 55, 11, 1)
    ]


@needs_matplotlib
def test_the_picture_is_written(tmp_path: Path) -> None:
    assert plot_patterns(answer(table_of(2), ("1", "2")), tmp_path / "patterns.png").stat().st_size > 5_000
    with pytest.raises(PlotError, match="solve a payoff environment of two to four agents"):
        plot_patterns(answer(table_of(2).iloc[:1], ("1", "2")), tmp_path / "none.png")


def test_names_of_patterns() -> None:
    agents = ("Ann", "Bob", "Cy")
    assert coalitions_of("minimal", agents) == frozenset()
    assert coalitions_of("maximal", agents) == {3, 5, 6, 7}
    assert coalitions_of("Ann+Bob|Bob+Cy", agents) == {3, 6}
