"""The printed answer about public goods: verdicts in plain words, from tiny frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from breakaway.results.records import Answer, Certificate
from breakaway.results.text import answer_text
from breakaway.results.wording import WIDTH

AGENTS = ("Ann", "Bob", "Chad")
MEMBERSHIP = ["outcome", "in_core", "pareto_efficient", "individually_rational", "lindahl", "status"]
DEVIATION = ["outcome", "agent", "action", "gain"]
STAY: tuple[Any, ...] = ("stay-put", True, True, True, True, "in the core")
LEAVE: tuple[Any, ...] = ("utilitarian", False, True, False, False, "not in the core")
NEAR: tuple[Any, ...] = ("near", None, None, True, False, "on the boundary")


def answer(
    outcomes: list[tuple[Any, ...]],
    deviations: list[tuple[str, str, float, float]],
    claims: dict[str, Any] | None = None,
    agents: tuple[str, ...] = AGENTS,
    **tables: pd.DataFrame,
) -> Answer:
    frames = {
        "membership": pd.DataFrame(outcomes, columns=MEMBERSHIP, dtype=object),
        "deviation": pd.DataFrame(deviations, columns=DEVIATION),
        **tables,
    }
    certificate = Certificate("optimal", "proven", {"eps": 1e-6, **(claims or {})})
    return Answer("public-goods", "public-goods", "Clean air", "", agents, frames, certificate)


def printed(*args: Any, **tables: Any) -> str:
    return answer_text(answer(*args, **tables))


def joined(text: str) -> str:
    """Undo the breaking of lines."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("outcome", "deviations", "sentence"),
    [
        (STAY, [], "stay-put: in the core: no coalition can do better alone."),
        (
            LEAVE,
            [("utilitarian", "Chad", 0.53, 0.12)],
            "utilitarian: not in the core: Chad alone would walk away, act at 0.53 and gain 0.12.",
        ),
        (
            LEAVE,
            [("utilitarian", "Chad", 7e-9, 0.12)],
            "utilitarian: not in the core: Chad alone would walk away, do nothing and gain 0.12.",
        ),
        (
            LEAVE,
            [("utilitarian", "Ann", 0.5, 0.25), ("utilitarian", "Chad", 0.4, 0.125)],
            "utilitarian: not in the core: Ann and Chad would walk away together, and each would gain at least 0.125.",
        ),
        (
            LEAVE,
            [("utilitarian", name, 0.5, 0.25) for name in AGENTS],
            "utilitarian: not in the core: all 3 together can do better, and each would gain at least 0.25.",
        ),
        (
            NEAR,
            [],
            "near: on the boundary: the most that all members of some coalition can gain is about 1e-06, too little to "
            "say whether they would walk away.",
        ),
        ((*NEAR[:5], "not decided"), [], "near: not decided before a limit was reached."),
    ],
)
def test_the_verdict_is_a_sentence(outcome: Any, deviations: Any, sentence: str) -> None:
    assert sentence in joined(printed([outcome], deviations))


def test_names_that_are_numbers_are_called_agents() -> None:
    rows = [("utilitarian", "1", 0.5, 0.25), ("utilitarian", "3", 0.4, 0.125)]
    text = joined(printed([LEAVE], rows, agents=("1", "2", "3")))
    assert "agents 1 and 3 would walk away together" in text
    assert "agent 1 alone would" in joined(printed([LEAVE], rows[:1], agents=("1", "2", "3")))
    assert "both together can do better" in joined(printed([LEAVE], rows, agents=("1", "3")))


def test_many_members_and_outcomes_are_counted() -> None:
    agents = tuple(f"a{k}" for k in range(40))
    rows = [("utilitarian", name, 1.0, 0.5) for name in agents[:30]]
    outcomes = [LEAVE, *(("x" + str(k), *STAY[1:]) for k in range(29))]
    text = printed(outcomes, rows, agents=agents)
    assert "30 of 40 agents would walk away together, and each would gain at least 0.5." in text
    assert "... and 10 more outcomes; 29 of all 30 are in the core" in text
    assert "... and 10 more: see deviation.csv" in text
    assert "... and 10 more: see membership.csv" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_gains_without_limit_are_said() -> None:
    rows = [("utilitarian", "Chad", 5.0, 2.0)]
    text = joined(printed([LEAVE], rows, {"unbounded": ["utilitarian"]}))
    assert "act at 5 and gain 2, and there is no limit to what can be gained." in text


def test_tables_of_outcomes_and_members() -> None:
    text = printed([STAY, LEAVE, NEAR], [("utilitarian", "Ann", 0.5, 0.25), ("utilitarian", "Chad", 0.0, 0.125)])
    assert (
        "  outcome      in the core  Pareto efficient  individually rational  Lindahl\n"
        "  stay-put     yes          yes               yes                    yes\n"
        "  utilitarian  no           yes               no                     no\n"
        "  near         -            -                 yes                    no\n"
    ) in text
    assert (
        "  outcome      agent  action   gain\n  utilitarian  Ann       0.5  0.25\n               Chad      0    0.125\n"
    ) in text


def rounds(bounds: dict[str, list[float]]) -> pd.DataFrame:
    rows = [(name, k, "Ann", bound) for name, chain in bounds.items() for k, bound in enumerate(chain)]
    return pd.DataFrame(rows, columns=["outcome", "round", "agent", "bound"])


def test_the_proof_is_told_in_rounds() -> None:
    table = rounds({"stay-put": [2.0, 1.0, 0.0], "utilitarian": [2.0, 0.5]})
    text = joined(printed([STAY, LEAVE], [("utilitarian", "Ann", 0.5, 0.1)], elimination=table))
    assert "They fall to 0 for stay-put (2 rounds): nobody can walk away." in text
    assert "They leave only the coalition named for utilitarian (1 round): no larger one walks away." in text


def test_bounds_that_prove_nothing_are_no_proof() -> None:
    assert "Proof" not in printed([STAY], [], elimination=rounds({"stay-put": [2.0, 1.0]}))
    assert "Proof" not in printed([STAY], [])
    kept = joined(printed([STAY], [], elimination=rounds({}), proof=rounds({"stay-put": [2.0, 0.0]})))
    assert "They fall to 0 for stay-put (1 round)" in kept


LINDAHL = pd.DataFrame({"agent": AGENTS, "action": [1.0, 2.0, 3.0], "utility": [0.1, 0.2, 0.3]})
SHARES = LINDAHL.assign(share_Ann=[np.nan, 0.4, 0.6], share_Bob=[0.5, np.nan, 0.5], share_Chad=[0.25, 0.75, np.nan])


@pytest.mark.parametrize(("unique", "words"), [(True, " (the only one)"), (False, " (one of several)"), (None, "")])
def test_the_lindahl_outcome_with_its_shares(unique: bool | None, words: str) -> None:
    text = printed([STAY], [], {"lindahl_unique": unique}, lindahl=SHARES)
    assert f"The Lindahl outcome{words}, and what part of another's marginal cost each agent pays" in text
    assert "  agent  action  utility  of Ann  of Bob  of Chad\n" in text
    assert ["Bob", "2", "0.2", "0.4", "-", "0.75"] in [line.split() for line in text.splitlines()]


def test_shares_that_do_not_fit_are_left_to_the_table() -> None:
    wide = pd.concat([LINDAHL, pd.DataFrame({f"share_somebody_{k}": [0.1, 0.2, 0.3] for k in range(12)})], axis=1)
    text = printed([STAY], [], lindahl=wide)
    assert "The Lindahl outcome; shares of costs: see lindahl_prices.csv" in text
    assert "of somebody" not in text


def test_without_lindahl_outcome_the_reason_is_given() -> None:
    text = joined(printed([STAY], [], {"lindahl_reason": "utilities have kinks"}, lindahl=LINDAHL.iloc[:0]))
    assert "No Lindahl outcome: utilities have kinks." in text
    assert "Lindahl outcome" not in printed([STAY], [])


@pytest.mark.parametrize(("zero", "words"), [(True, "is in the core"), (False, "is not in the core")])
def test_doing_nothing_is_judged(zero: bool, words: str) -> None:
    assert f"That nobody acts at all {words}." in printed([STAY], [], {"zero_in_core": zero})
    assert "nobody acts" not in printed([STAY], [], {"zero_in_core": None})


def test_no_outcome_is_said() -> None:
    assert "No outcome was judged." in printed([], [])
