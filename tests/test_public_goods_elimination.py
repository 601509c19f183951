"""Elimination and brute force: reference cases, the printed algorithm failing where it must, random points."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from public_goods_cases import FAMILIES, Case, game_of, log_utilities, random_game, reference_cases, rv_utilities

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import FormUtilities, Pieces, PublicGoodsGame, Terms
from breakaway.runners.public_goods.brute_force import MOST_AGENTS, by_brute_force, every_coalition, judged_by
from breakaway.runners.public_goods.elimination import by_elimination, by_elimination_as_printed
from breakaway.runners.public_goods.judge import by_descent
from breakaway.runners.public_goods.solution import Levels, MembershipTest, Verdict, gains
from breakaway.runners.solvers import NumericalError, SolverOptions

CASES = reference_cases()
BOXED = reference_cases(bounded=True)
OPTIONS = SolverOptions()
PRINTED = json.loads((Path(__file__).parent / "reference" / "public-goods.json").read_text(encoding="utf-8"))


def known(what: str) -> list[dict[str, Any]]:
    """Return the reference cases of which this is known."""
    return [case for case in PRINTED if what in case["expected"]]


def asked(method: MembershipTest, case: Case) -> Verdict:
    return method(case.game, case.game.outcomes.actions[0], Levels(case.eps), OPTIONS)


def assert_deviates(game: PublicGoodsGame, outcome: Floats, verdict: Verdict, levels: Levels) -> None:
    assert verdict.deviation is not None
    inside = np.isin(np.arange(len(game)), verdict.coalition)
    assert (verdict.deviation[~inside] == 0).all()
    assert ((verdict.deviation >= 0) & (verdict.deviation <= game.max_action)).all()
    assert (gains(game, outcome, verdict.deviation)[inside] > levels.eps).all()


@pytest.mark.parametrize("name", list(CASES))
def test_elimination_is_right_on_the_reference_cases(name: str) -> None:
    case = CASES[name]
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
    verdict = judged_by(list(tried.values()), levels, None)
    assert verdict.in_core is case.expected["in_core"]
    assert verdict.coalition == case.coalition
    assert verdict.programs == 2 ** len(case.game) - 1
    if not verdict.in_core:
        assert_deviates(case.game, case.game.outcomes.actions[0], verdict, levels)


@pytest.mark.parametrize(
    "case", [c for c in PRINTED if "literal_paper_algorithm_says_core" in c["expected"]], ids=lambda c: c["id"]
)
def test_the_printed_algorithm_says_what_it_is_known_to_say(case: dict[str, Any]) -> None:
    verdict = asked(by_elimination_as_printed, CASES[case["id"]])
    assert verdict.in_core is case["expected"]["literal_paper_algorithm_says_core"]


@pytest.mark.parametrize("name", [name for name in CASES if "literal-fails" in name])
def test_upward_directions_mend_the_counter_examples(name: str) -> None:
    case = CASES[name]
    outcome, levels = case.game.outcomes.actions[0], Levels(case.eps)
    assert asked(by_elimination_as_printed, case).in_core is True
    assert by_elimination_as_printed(case.game, outcome, levels, OPTIONS, "upward").in_core is False


@pytest.mark.parametrize(
    "case", [c for c in PRINTED if "upward_variant_says_core" in c["expected"]], ids=lambda c: c["id"]
)
def test_the_upward_variant_says_what_it_is_known_to_say(case: dict[str, Any]) -> None:
    mine = CASES[case["id"]]
    outcome, levels = mine.game.outcomes.actions[0], Levels(mine.eps)
    verdict = by_elimination_as_printed(mine.game, outcome, levels, OPTIONS, "upward")
    assert verdict.in_core is case["expected"]["upward_variant_says_core"]


def test_the_printed_algorithm_misses_improvements_of_a_part_of_the_agents() -> None:
    case = CASES["PG-weak-externality-zero"]
    assert asked(by_elimination_as_printed, case).in_core is True
    assert asked(by_elimination, case).coalition == asked(by_brute_force, case).coalition == (0, 1)


# --- rounds -----------------------------------------------------------------------------------------------------------


def test_bounds_fall_round_by_round_to_nothing() -> None:
    verdict = asked(by_elimination, CASES["PG-rv3-1-2-4-utilitarian"])
    assert verdict.in_core
    assert (verdict.rounds[-1] == 0).all()
    assert all(
        (after <= before).all() and (after == 0).sum() > (before == 0).sum()
        for before, after in pairwise(verdict.rounds)
    )
    assert verdict.programs == len(verdict.rounds) - 1


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.expected["in_core"]])
def test_no_deviation_exceeds_the_bounds(name: str) -> None:
    verdict, descent = (asked(method, CASES[name]) for method in (by_elimination, by_descent))
    greatest = descent.rounds[-1]
    assert all((greatest <= bounds + 1e-7 * (1.0 + bounds)).all() for bounds in verdict.rounds)


@pytest.mark.parametrize(("eps", "expected"), [(0.6, False), (2.0 / 3.0, None), (0.75, True)])
@pytest.mark.parametrize("method", [by_elimination, by_brute_force])
def test_gains_within_the_band_are_on_the_boundary(method: MembershipTest, eps: float, expected: bool | None) -> None:
    """u = x - x^3 / 3: from 0 an agent alone gains 2/3 at x = 1."""
    verdict = method(game_of(rv_utilities([1.0])), np.zeros(1), Levels(eps), OPTIONS)
    assert verdict.in_core is expected
    assert verdict.coalition == ((0,) if expected is False else ())


def test_a_solver_that_is_not_exact_enough_is_no_boundary() -> None:
    case = CASES["PG-log3-lindahl"]
    with pytest.raises(NumericalError, match=r"known to be between .* use the method descent"):
        by_elimination(case.game, case.game.outcomes.actions[0], Levels(1e-11), OPTIONS)


# --- random points ----------------------------------------------------------------------------------------------------


def points(family: str, n: int, seed: int, zeros: float, most: float) -> Iterator[tuple[PublicGoodsGame, Floats]]:
    """Return every fourth point of a random economy."""
    game = random_game(family, n, seed, zeros, most)
    return ((game, outcome) for outcome in game.outcomes.actions[seed % 4 :: 4])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("n", "zeros", "most"), [(2, 0.0, math.inf), (3, 0.5, math.inf), (3, 0.0, 1.0)])
def test_methods_agree_on_random_points(family: str, n: int, zeros: float, most: float) -> None:
    levels = Levels()
    for game, outcome in points(family, n, 2_000, zeros, most):
        truth = by_brute_force(game, outcome, levels, OPTIONS)
        for method in (by_elimination, by_descent):
            verdict = method(game, outcome, levels, OPTIONS)
            assert (verdict.in_core, verdict.coalition) == (truth.in_core, truth.coalition), outcome
            if verdict.in_core is False:
                assert_deviates(game, outcome, verdict, levels)


def test_scaling_a_utility_changes_nothing() -> None:
    outcome = np.array([0.3, 0.2, 0.25])
    scaled = log_utilities(np.array([[5.0, 6.0, 4.0], [0.5, 0.4, 0.6], [0.6, 0.5, 0.5]]), [10.0, 1.0, 1.1])
    plain = log_utilities(np.array([[0.5, 0.6, 0.4], [0.5, 0.4, 0.6], [0.6, 0.5, 0.5]]), [1.0, 1.0, 1.1])
    verdicts = [by_elimination(game_of(u), outcome, Levels(), OPTIONS) for u in (plain, scaled)]
    assert verdicts[0].in_core is verdicts[1].in_core
    assert verdicts[0].coalition == verdicts[1].coalition


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_brute_force_refuses_many_agents() -> None:
    n = MOST_AGENTS + 1
    game = game_of(rv_utilities([1.0] * n))
    with pytest.raises(ValueError, match="at most 16 agents: use the method descent"):
        by_brute_force(game, np.ones(n), Levels(), OPTIONS)


@pytest.mark.parametrize("method", [by_elimination, by_elimination_as_printed, by_brute_force])
def test_improvements_without_limit_are_deviations(method: MembershipTest) -> None:
    rows = [(0, 1, "linear", 2.0, 1.0, 0.0), (0, 0, "linear", -1.0, 1.0, 0.0)]
    rows += [(1 - i, 1 - j, *form) for i, j, *form in rows]
    game = game_of(FormUtilities(2, Terms.of(rows), Pieces.none(2)))
    verdict = method(game, np.zeros(2), Levels(), OPTIONS)
    assert verdict.in_core is False
    assert not verdict.complete
    assert_deviates(game, np.zeros(2), verdict, Levels())
