"""The printed answer about implementation: verdict, conditions, misreports, deceptions, whistle-blowers, patterns."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from implementation_answers import COLUMNS, tables_of
from implementation_cases import reference_cases

from breakaway.results.records import Answer, Certificate
from breakaway.results.text import answer_json, answer_text
from breakaway.results.wording import WIDTH

CASES = reference_cases("implementation")


def answer(rows: dict[str, list[tuple[Any, ...]]], agents: tuple[str, ...] = ("A", "B")) -> Answer:
    tables = {name: pd.DataFrame(rows.get(name, []), columns=columns) for name, columns in COLUMNS.items()}
    if "patterns" in rows:
        names = [
            "coalition_pattern",
            "robust_s_ic",
            "robust_s_monotonicity",
            "interior_reward",
            "implementable",
            "class",
        ]
        tables["patterns"] = pd.DataFrame(rows["patterns"], columns=names)
    certificate = Certificate("optimal", "proven optimum")
    return Answer("implementation", "payoff-environment", "Charges", "", agents, tables, certificate)


def printed(agents: tuple[str, ...] = ("A", "B"), **rows: list[tuple[Any, ...]]) -> str:
    return answer_text(answer(rows, agents))


def joined(text: str) -> str:
    return " ".join(text.split())


SINGLE = ("Theorem 2", "minimal", "true", "everything holds")
COALITIONS = ("Theorem 1", "maximal", "false", "robust coalitional incentive compatibility is necessary and fails")
LIE = ("robust_coalitional_ic", "A+B", "A:.5|B:.5", "A:1|B:1")
GAINS = [(*LIE, "A", "A:.5|B:.5", 0.125), (*LIE, "B", "A:.5|B:.5", 0.125)]


def test_the_verdict_comes_first() -> None:
    text = joined(printed(verdict=[COALITIONS, SINGLE], violations=GAINS))
    assert (
        "The rule is robustly implementable when only single agents act, and not when coalitions may or may not form: "
        "at A:.5|B:.5 both gain by reporting A:1|B:1."
    ) in text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (
            ("2", "minimal", "false", "robust monotonicity is necessary and fails."),
            "not robustly implementable when only",
        ),
        (("2", "maximal", "true", ""), "is robustly implementable when both may act together."),
        (("2", "A+B", "undecided", ""), "may or may not be robustly implementable when {A,B} may form beside single"),
    ],
)
def test_verdicts_of_a_single_pattern(verdict: tuple[str, ...], words: str) -> None:
    assert words in joined(printed(verdict=[verdict]))


def test_without_a_misreport_the_reason_is_given() -> None:
    verdict = [("2", "minimal", "false", "robust monotonicity is necessary and fails.")]
    assert "single agents act: robust monotonicity is necessary and fails." in joined(printed(verdict=verdict))
    other = [("ex_post_ic", "A", "A:1", "A:2", "A", "A:1|B:1", 0.5), ("robust_s_ic", "B", "B:1", "B:2", "B", "", 0.2)]
    text = joined(printed(verdict=verdict, violations=other))
    assert "when only single agents act: at A:1 A gains by reporting A:2." in text


def test_three_agents_are_named() -> None:
    rows = [("robust_s_ic", "1+2", "1:a|2:a", "1:b|2:b", agent, "1:a|2:a|3:c", 1.0) for agent in "12"]
    text = joined(printed(("1", "2", "3"), verdict=[("2", "maximal", "false", "why")], violations=rows))
    assert "when all coalitions may form: at 1:a|2:a agents 1 and 2 gain by reporting 1:b|2:b." in text


def test_nothing_judged_is_said() -> None:
    assert "Nothing was judged." in printed()


def test_conditions_with_and_without_reasons() -> None:
    rows = [
        ("ex_post_ic", "minimal", "true"),
        ("interior_reward", "coalitional", "undecided"),
        ("robust_s_ic", "A+B", "false"),
    ]
    text = printed(conditions=rows)
    assert ["ex-post", "incentive", "compatibility", "single", "agents", "yes"] in [
        line.split() for line in text.splitlines()
    ]
    assert "interior coalitional reward property  all            not decided" in text
    assert "robust S incentive compatibility      {A,B}          no" in text


def test_misreports_once_and_largest_first() -> None:
    more = [("ex_post_ic", "A", "A:1", "A:.5", "A", "A:1|B:.5", 0.25)]
    repeated = [("robust_s_ic", *row[1:]) for row in GAINS]
    text = printed(violations=GAINS + repeated + more)
    assert (
        "  coalition  types      report   agent   gain  when types are\n"
        "  A          A:1        A:.5     A      0.25   A:1|B:.5\n"
        "  A+B        A:.5|B:.5  A:1|B:1  A      0.125  A:.5|B:.5\n"
        "                                 B      0.125  A:.5|B:.5\n"
    ) in text
    assert text.count("A:.5|B:.5  A:1|B:1") == 1


def test_the_deception_that_nobody_dissolves() -> None:
    own = [("A", "low", "low"), ("A", "low", "high"), ("A", "high", "high"), ("B", "low", "low")]
    rows = [
        (name, *row)
        for name in ("robust_monotonicity minimal", "robust_coalitional_monotonicity maximal")
        for row in own
    ]
    text = printed(deceptions=rows)
    assert "Nobody dissolves this deception, so robust monotonicity and robust coalitional monotonicity fail" in text
    assert ("  agent  type  may report\n  A      low   low or high\n         high  high\n  B      low   low\n") in text


def whistles(rewards: list[tuple[Any, ...]], holds: str = "true") -> str:
    lie = ("robust_monotonicity", "A", "A:low", "A:high")
    return printed(
        conditions=[("robust_monotonicity", "minimal", holds)],
        whistles=[(*lie, 1, 0.5)],
        rewards=[(*lie, 1, *row) for row in rewards],
    )


def test_who_blows_the_whistle_with_which_reward() -> None:
    text = whistles([(1, "B:low", "gold", 1.0), (1, "B:high", "gold", 1.0)])
    assert "Why robust monotonicity holds: who blows the whistle" in text
    assert ["A", "A:low", "A:high", "0.5", "gold"] in [line.split() for line in text.splitlines()]
    text = whistles([(1, "B:low", "gold", 0.25), (1, "B:low", "lead", 0.75), (1, "B:high", "lead", 1.0 - 1e-13)])
    asked = "A of A:low asks for gold (0.25), lead (0.75) if B:low is reported; lead if B:high is reported."
    assert asked in joined(text)
    text = whistles([(1, f"B:{name}", "gold" if name == "low" else "lead", 1.0) for name in ("low", "high", "odd")])
    assert "A of A:low asks for gold if B:low is reported; lead otherwise." in joined(text)
    text = whistles([(1, "B:low", "gold", 1.0), (2, "B:low", "lead", 1.0)])
    assert "one of 2 rewards, by what it believes" in text
    assert "blows the whistle" not in whistles([], "false")
    assert ["A", "A:low", "A:high", "0.5"] in [line.split() for line in whistles([]).splitlines()]


def test_patterns_of_like_agents_share_a_line() -> None:
    rows = [
        ("minimal", "true", "false", "true", "false", 1),
        ("A+B", "true", "true", "true", "true", 2),
        ("A+C", "true", "true", "true", "true", 2),
        ("maximal", "false", "true", "true", "false", 3),
    ]
    text = printed(("A", "B", "C"), patterns=rows)
    assert (
        "  coalitions     alike  S-IC  S-monotone  interior  implementable\n"
        "  single agents      1  yes   no          yes       no\n"
        "  {A,B}              2  yes   yes         yes       yes\n"
        "  all                1  no    yes         yes       no\n"
    ) in text


@pytest.mark.parametrize("name", ["RI-ex1-three-types", "RI-rand9-2x2x2-B", "RI-ex1-no-disposal-.5-.75-1"])
def test_reference_answers_are_printed_within_the_lines(name: str) -> None:
    environment = CASES[name].environment
    certificate = Certificate("optimal", "proven optimum")
    tables = tables_of(environment)
    whole = Answer("implementation", "payoff-environment", name, "", environment.agents, tables, certificate)
    text = answer_text(whole)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "Conditions" in text
    assert "what the theorems say" in text.lower()
    assert '"concept": "implementation"' in answer_json(whole)
