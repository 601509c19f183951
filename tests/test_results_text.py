"""The printed answer: golden texts, sentences, numbers, and the JSON form."""

import dataclasses
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from result_samples import CASES, characteristic_answer, threat_answer, viability_answer

from breakaway.results.encoding import from_plain, plain
from breakaway.results.records import Answer, Certificate
from breakaway.results.text import answer_json, answer_text
from breakaway.results.threats import Failure, Promise, failure_lines, failure_sentence
from breakaway.results.wording import WIDTH, apart, listing, number, paragraph, seconds, settled

GOLDEN = Path(__file__).parent / "golden_answers"
ANSWERS = {
    **{case: viability_answer(case) for case in CASES["viability"] if case != "cournot_sym6"},
    **{case: threat_answer(case) for case in CASES["threat_games"]},
    **{case: characteristic_answer(case) for case in CASES["characteristic"]},
}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_golden_text(path):
    assert answer_text(ANSWERS[path.stem]) == path.read_text(encoding="utf-8")


def test_golden_texts_cover_every_concept():
    assert {ANSWERS[path.stem].concept for path in GOLDEN.glob("*.txt")} == {
        "viability",
        "coalitional-nash",
        "characteristic-function",
    }


@pytest.mark.parametrize("case", ANSWERS)
def test_no_line_is_wider_than_a_page(case):
    assert max(map(len, answer_text(ANSWERS[case]).splitlines())) <= WIDTH


def test_example_4_low_demand_holds_together():
    text = answer_text(viability_answer("ex4_A10"))
    assert "The grand coalition 1+2+3 holds together: it is worth 16 and needs only 14.78" in text
    assert "  structure  solution  1  2  3\n  1+2+3      only      9  4  3\n" in text
    assert "Why the others fail" not in text


def test_example_4_high_demand_says_who_walks_away():
    text = answer_text(viability_answer("ex4_A23"))
    assert (
        "{1,2,3} falls short by 0.7778: 1, 2 and 3 can each walk away to 64 (in 1|2+3), 36 (in 1+3|2) and 21.78" in text
    )
    assert "Proof: 64 + 36 + 21.78 = 121.8 > 121, its worth." in text
    assert "No viable structure is efficient: the coarsest viable structures are 1|2+3, 1+2|3 and 1+3|2." in joined(
        text
    )


def test_all_three_solutions_of_the_race_are_listed():
    text = answer_text(viability_answer("rd3_a4_r0.01"))
    assert "1 of 3    0.2673  0.3584  0.3584" in text
    assert "3 of 3    0.3584  0.3584  0.2673" in text


def test_many_structures_are_counted():
    text = answer_text(viability_answer("pfg_rand_05_n5"))
    assert "52 coalition structures, 32 viable; the coarsest viable (all: structures.csv)" in text
    assert "It is not efficient: 1+2+3+4|5 would give more in total." in joined(text)
    assert len(text.splitlines()) < 110


def joined(text: str) -> str:
    """Undo the breaking of lines."""
    return " ".join(text.split())


def with_structures(answer: Answer, **columns) -> Answer:
    structures = answer.tables["structures"].assign(**columns)
    return dataclasses.replace(answer, tables={**answer.tables, "structures": structures})


def test_patterns_of_identical_players_are_counted():
    answer = viability_answer("ex2_111")
    kept = ["1+2+3", "1+2|3", "1|2|3"]
    tables = {name: frame[frame["structure"].isin(kept)] for name, frame in answer.tables.items()}
    text = answer_text(with_structures(dataclasses.replace(answer, tables=tables), renamings=[1, 3, 1]))
    assert "3 patterns of 5 coalition structures, 2 viable" in text
    assert "structure  viable  coarsest  efficient  alike  coalition" in text


def test_an_unfinished_recursion_says_so():
    answer = viability_answer("ex4_A10")
    tables = {name: frame[frame["structure"] != "1+2+3"] for name, frame in answer.tables.items()}
    unfinished = Certificate("time limit", "feasible point", {"tolerance": 1e-9}, None)
    text = answer_text(dataclasses.replace(answer, tables=tables, certificate=unfinished))
    assert "The grand coalition 1+2+3 has not been judged yet." in text
    assert (
        "Certificate: time limit, feasible point; not yet checked independently (`breakaway verify` does); "
        "method exact; 12 ms." in joined(text)
    )


def test_a_failed_check_is_loud():
    certificate = Certificate("optimal", "proven optimum", {"verified": False, "checks": 12, "tolerance": 1e-9}, 0.5)
    text = answer_text(dataclasses.replace(viability_answer("ex4_A10"), certificate=certificate))
    assert "CHECK FAILED, 12 claims, largest residual 0.5 (tolerance 1e-09)" in text


def test_only_the_required_tables():
    answer = viability_answer("ex4_A23")
    tables = {name: answer.tables[name] for name in ("structures", "blocks", "payoffs")}
    text = answer_text(dataclasses.replace(answer, tables=tables))
    assert "{1,2,3} falls short by 0.7778.\n    It is worth 121 and needs 121.8 to meet every threat." in text
    assert "Proof that they hold" not in text


def failure(*promises: Promise, structure: str = "1+2+3+4", coalition: str = "1+2+3+4") -> Failure:
    return Failure(structure, coalition, 10.0, 12.0, promises)


def test_a_coalition_leaves_together():
    promises = (
        Promise("1+2", "1+2|3|4", {"1": 4.0, "2": 5.5}),
        Promise("1+2", "1+2|3|4", {"1": 5.5, "2": 4.0}),
        Promise("4", "1+2+3|4", {"4": 3.0}),
    )
    assert failure_sentence(failure(*promises)).replace("\u00a0", " ") == (
        "{1,2,3,4} falls short by 2: 4 can walk away to 3 (in 1+2+3|4) and {1,2} can leave together for (4, 5.5) or "
        "(5.5, 4) (in 1+2|3|4)."
    )
    reason = failure_lines([failure(*promises)], "failures")[-1]
    assert (
        reason
        == "    Proof: no division of its worth 10 in which each of these 3 threats is declined by one of its members."
    )


def test_a_failure_within_a_structure_names_the_structure():
    promise = Promise("1", "1|2|3|4", {"1": 11.0})
    lines = failure_lines([failure(promise, structure="1+2|3+4", coalition="1+2")], "failures")
    assert lines == [
        "  In 1+2|3+4, {1,2} falls short by 2: 1 can walk away to 11 (in 1|2|3|4).",
        "    Proof: 11 > 10, its worth.",
    ]


def test_a_failure_without_a_worth():
    """Finitely many points: each is blocked by one of the threats."""
    blocked = Failure("", "1+2", math.nan, math.nan, (Promise("1", "", {"1": 6.0}), Promise("2", "", {"2": 5.0})))
    assert failure_lines([blocked], "failures") == [
        "  {1,2} finds no division: 1 and 2 can each walk away to 6 and 5.",
        "    Proof: every feasible point gives less than one of these threats to all of its members.",
    ]


def test_many_failures_are_counted():
    assert failure_lines([failure()] * 11, "blocks")[-1] == "  ... and 3 more: see blocks.csv"


def test_equal_offers_are_said_once():
    promises = (Promise("1", "", {"1": 6.0}), Promise("2", "", {"2": 6.0}))
    assert failure_sentence(failure(*promises)).endswith("1 and 2 can each walk away to 6.")


def nash(solutions: list[list[float]], **claims) -> Answer:
    rows = [(k, p, x) for k, xs in enumerate(solutions, 1) for p, x in zip("ab", xs, strict=True)]
    frame = pd.DataFrame(rows, columns=["solution", "player", "payoff"])
    certificate = Certificate("optimal", "proven optimum", claims, 0.0)
    return Answer("coalitional-nash", "threat-game", "t", "", ("a", "b"), {"solutions": frame}, certificate)


def test_no_solution():
    assert "No feasible division meets every threat" in answer_text(nash([]))


def test_incomplete_list_of_solutions():
    text = answer_text(nash([[1, 2], [2, 1]], complete=False))
    assert "There are 2 coalitional Nash solutions so far; the list is not proven complete." in text


def test_zero_product():
    text = answer_text(nash([[0, 2], [2, 0]], zero_product=True, log_nash_product=None))
    assert "gives everybody more than disagreement; there are 2 in all" in text
    assert "Log of the Nash product" not in text


def test_a_knife_edge_needs_all_there_is():
    answer = characteristic_answer("ex5")
    coalitions = answer.tables["coalitions"].assign(required_worth=answer.tables["coalitions"]["worth"])
    certificate = dataclasses.replace(answer.certificate, claims={"zero_product": True, "complete": False})
    tables = {**answer.tables, "coalitions": coalitions}
    text = joined(answer_text(dataclasses.replace(answer, tables=tables, certificate=certificate)))
    assert "holds together: it is worth 1 and needs all of it to meet every threat. None of its solutions gives" in text
    assert "Solutions, not proven to be all" in text


def test_many_players_are_written_in_words():
    names = tuple(f"player-number-{k}" for k in range(1, 13))
    frame = pd.DataFrame({"solution": 1, "player": names, "payoff": 1.0})
    certificate = Certificate("optimal", "proven optimum")
    text = answer_text(Answer("coalitional-nash", "threat-game", "t", "s", names, {"solutions": frame}, certificate))
    assert "(1 of 1): player-number-1 gets 1, player-number-2 gets 1" in text
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (64.0, "64"),
        (21.77777777, "21.78"),
        (7.5625, "7.5625"),
        (-0.77777777, "-0.7778"),
        (121.7777778, "121.8"),
        (1234567.0, "1234567"),
        (0.0, "0"),
        (-0.0, "0"),
        (1e-9 / 3, "3.333e-10"),
        (1e-9, "1e-09"),
        (0.00012345678, "0.0001235"),
        (2e13, "2e+13"),
        (99999.6, "99999.6"),
        (99999.96, "100000"),
        (math.inf, "infinite"),
        (math.nan, "-"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_numbers_that_differ_are_written_apart():
    assert apart(121.00012, 121.00034) == ["121.0001", "121.0003"]
    assert apart(5.0, 5.0) == ["5", "5"]


def test_rounding_noise_is_nothing():
    assert settled(-3e-15, 16.0) == 0.0
    assert settled(-3e-5, 16.0) == -3e-5


def test_words():
    assert listing(["1"]) == "1"
    assert listing("abc") == "a, b and c"
    assert listing("abcde", most=2) == "a, b and 3 more"
    assert [seconds(t) for t in (0.0012, 0.0125, 0.5, 12.3)] == ["1.2 ms", "12 ms", "0.5 s", "12 s"]
    assert paragraph("word " * 40, indent=2)[0].startswith("  word")


def test_json_answer():
    answer = json.loads(answer_json(viability_answer("ex4_A23")))
    assert answer["concept"] == "viability"
    assert answer["status"] == {"termination": "optimal", "holding": "proven optimum"}
    assert answer["tables"]["structures"][0] == {
        "structure": "1+2+3",
        "coalitions": 1,
        "viable": False,
        "coarsest": False,
        "efficient": True,
        "worth": 121.0,
    }
    assert len(answer["tables"]["failures"]) == 3


def test_json_knows_numbers_that_json_lacks():
    value = {"a": math.inf, "b": [-math.inf, 1.5], "c": "text"}
    assert json.loads(json.dumps(plain(value))) == {"a": "inf", "b": ["-inf", 1.5], "c": "text"}
    assert from_plain(plain(value)) == value
    with pytest.raises(TypeError, match="object has no form in JSON"):
        plain(object())
    answer = nash([[1.0, math.nan]])
    assert json.loads(answer_json(answer))["tables"]["solutions"][1]["payoff"] is None
