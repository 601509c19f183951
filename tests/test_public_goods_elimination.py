"""Elimination and brute force: reference cases, the printed algorithm failing where it must, random points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from public_goods_cases import Case, reference_cases

from breakaway.data.groups import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.public_goods.brute_force import by_brute_force, every_coalition
from breakaway.runners.public_goods.elimination import by_elimination, by_elimination_as_printed
from breakaway.runners.public_goods.solution import Levels, MembershipTest, Verdict, gains
from breakaway.runners.solvers import SolverOptions

CASES = reference_cases()
BOXED = reference_cases(bounded=True)
OPTIONS = SolverOptions()
PRINTED = json.loads((Path(__file__).parent / "reference" / "public-goods.json").read_text(encoding="utf-8"))


def asked(method: MembershipTest, case: Case) -> Verdict:
    return method(case.game, case.game.outcomes.actions[0], Levels(case.eps), OPTIONS)


def assert_deviates(game: PublicGoodsGame, outcome: Floats, verdict: Verdict, levels: Levels) -> None:
    assert verdict.deviation is not None
    inside = np.isin(np.arange(len(game)), verdict.coalition)
    assert (verdict.deviation[~inside] == 0).all()
    assert ((verdict.deviation >= 0) & (verdict.deviation <= game.max_action)).all()
    assert (gains(game, outcome, verdict.deviation)[inside] > levels.eps).all()


@pytest.mark.parametrize("boxed", [False, True], ids=["unbounded", "boxed"])
@pytest.mark.parametrize("name", list(CASES))
def test_elimination_is_right_on_the_reference_cases(name: str, boxed: bool) -> None:
    case = (BOXED if boxed else CASES)[name]
    verdict = asked(by_elimination, case)
    assert verdict.in_core is case.expected["in_core"]
    assert verdict.coalition == case.coalition
    if not verdict.in_core:
        assert_deviates(case.game, case.game.outcomes.actions[0], verdict, Levels(case.eps))


@pytest.mark.parametrize("name", list(BOXED))
def test_brute_force_reproduces_every_coalition_of_the_reference_cases(name: str) -> None:
    case, levels = BOXED[name], Levels(BOXED[name].eps)
    top = np.full(len(case.game), case.game.max_action)
    tried = {best.members: best for best in every_coalition(case.game, case.game.outcomes.actions[0], top, OPTIONS)}
    expected = {tuple(int(i) - 1 for i in key.split(",")): t for key, t in case.expected["maxmin_gain"].items()}
    assert tried.keys() == expected.keys()
    for members, best in tried.items():
        assert best.least == pytest.approx(expected[members], abs=2e-9)
        assert best.least - 1e-12 <= best.bound <= best.least + 1e-9
    verdict = asked(by_brute_force, case)
    assert verdict.in_core is case.expected["in_core"]
    assert verdict.coalition == case.coalition
    assert verdict.programs == 2 ** len(case.game) - 1
    if not verdict.in_core:
        assert_deviates(case.game, case.game.outcomes.actions[0], verdict, levels)


@pytest.mark.parametrize("case", [c for c in PRINTED if "literal_paper_algorithm_says_core" in c["expected"]], ids=lambda c: c["id"])
def test_the_printed_algorithm_says_what_it_is_known_to_say(case: dict[str, Any]) -> None:
    verdict = asked(by_elimination_as_printed, CASES[case["id"]])
    assert verdict.in_core is case["expected"]["literal_paper_algorithm_says_core"]
