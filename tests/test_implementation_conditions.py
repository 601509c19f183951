"""Incentive compatibility and monotonicity: reference cases, enumeration, proofs, how the conditions are related."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import pytest
from implementation_cases import deception_of, environment, random_environment, reference_environments

from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import (
    STRICT,
    Coalition,
    Deception,
    PayoffEnvironment,
    anything,
    maximal_pattern,
    minimal_pattern,
    truthful,
    unacceptable_reports,
)
from breakaway.runners.implementation.enumeration import all_deceptions, by_enumeration, count_deceptions, undissolved
from breakaway.runners.implementation.incentives import (
    coalition_violations,
    is_ex_post_ic,
    largest_violation,
    weakly_pareto_within_range,
)
from breakaway.runners.implementation.monotonicity import (
    MonotonicityVerdict,
    Whistle,
    allows,
    by_elimination,
    by_learned_clauses,
    cannot_dissolve,
    lies,
)
from breakaway.runners.implementation.whistle import Blow, Whistles

CASES = reference_environments()
SMALL = [name for name, (case, _) in CASES.items() if count_deceptions(case.sizes) <= 100]
ELIMINATED = {
    "minimal": ("robust_monotonicity", "largest_no_whistle_deception"),
    "coalitional": ("robust_coalitional_monotonicity", "largest_no_whistle_deception_coalitional"),
}


def coalitional_ic(case: PayoffEnvironment) -> bool:
    return not coalition_violations(case, maximal_pattern(len(case)))


def monotone(case: PayoffEnvironment, kind: str) -> bool | None:
    return by_elimination(case, Whistles(case, kind)).holds


def monotone_for(case: PayoffEnvironment, pattern: Sequence[Coalition]) -> MonotonicityVerdict:
    return by_learned_clauses(case, Whistles(case, "pattern", pattern))


def union(deceptions: Iterable[Deception]) -> Deception:
    def both(one: Deception, other: Deception) -> Deception:
        return tuple(tuple(a | b for a, b in zip(own, same, strict=True)) for own, same in zip(one, other, strict=True))

    return reduce(both, deceptions)


# --- incentive compatibility ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_incentive_compatibility_of_reference_cases(name: str) -> None:
    case, expected = CASES[name]
    violations = coalition_violations(case, maximal_pattern(len(case)))
    assert is_ex_post_ic(case) is expected["ex_post_ic"]
    assert (not violations) is expected["robust_coalitional_ic"]
    first = expected["robust_coalitional_ic_violation_first"]
    if first is None:
        assert not violations
        return
    assert [i + 1 for i in members(violations[0].coalition)] == first["S"]
    assert [t + 1 for t in violations[0].true] == first["true"]
    assert [t + 1 for t in violations[0].reported] == first["report"]


def test_the_pattern_of_one_pair_is_incentive_compatible_in_the_case_of_three_agents() -> None:
    case, expected = CASES["RI-rand9-2x2x2-B"]
    assert expected["robust_S_ic_pattern_singletons_plus_12"] is True
    assert coalition_violations(case, (0b001, 0b010, 0b100, 0b011)) == []


def test_example_1_both_gain_by_reporting_the_highest_types() -> None:
    violations = coalition_violations(CASES["RI-ex1-three-types"][0], maximal_pattern(2))
    assert [(v.coalition, v.true, v.reported, v.gains) for v in violations] == [(0b11, (1, 1), (2, 2), (0.125, 0.125))]
    assert largest_violation(violations) is violations[0]


@pytest.mark.parametrize("seed", range(30))
def test_violations_by_plain_loops(seed: int) -> None:
    case = random_environment(seed)
    pattern = maximal_pattern(len(case))
    found = {(v.coalition, v.true, v.reported): v for v in coalition_violations(case, pattern)}
    expected = set()
    for coalition in pattern:
        for true in case.coalition_profiles(coalition):
            for reported in case.coalition_profiles(coalition):
                pairs = list(
                    zip(case.with_members(coalition, true), case.with_members(coalition, reported), strict=True)
                )
                best = [
                    max(case.payoffs[i, p, q] - case.payoffs[i, p, p] for p, q in pairs) for i in members(coalition)
                ]
                if min(best) > STRICT:
                    expected.add((coalition, true, reported))
                    violation = found[coalition, true, reported]
                    assert violation.gains == pytest.approx(best, abs=1e-12)
                    lied = dict(pairs)
                    for i, p, gain in zip(members(coalition), violation.others, violation.gains, strict=True):
                        assert case.payoffs[i, p, lied[p]] - case.payoffs[i, p, p] == pytest.approx(gain, abs=1e-12)
    assert set(found) == expected


def test_without_a_violation_there_is_no_largest() -> None:
    with pytest.raises(ValueError, match="the social choice function is incentive compatible"):
        largest_violation([])


def test_the_largest_violation_is_that_of_the_largest_least_gain() -> None:
    violations = coalition_violations(CASES["RI-rand20-2x2-A"][0], maximal_pattern(2))
    assert len(violations) > 0
    assert largest_violation(violations).least_gain == max(min(v.gains) for v in violations)


# --- monotonicity: reference cases ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ELIMINATED)
@pytest.mark.parametrize("name", CASES)
def test_elimination_of_reference_cases(name: str, kind: str) -> None:
    case, expected = CASES[name]
    condition, largest = ELIMINATED[kind]
    verdict = by_elimination(case, Whistles(case, kind))
    assert verdict.holds is expected[condition]
    assert verdict.deception == deception_of(expected[largest])
    assert verdict.method == "elimination"


@pytest.mark.parametrize("name", CASES)
def test_learned_clauses_of_reference_cases(name: str) -> None:
    case, expected = CASES[name]
    pattern = maximal_pattern(len(case))
    verdict = monotone_for(case, pattern)
    assert verdict.holds is expected["robust_Sbar_monotonicity"]
    assert (verdict.deception is None) is verdict.holds
    if verdict.deception is not None:
        assert_nobody_dissolves(case, Whistles(case, "pattern", pattern), verdict.deception)


@pytest.mark.parametrize("name", [n for n, (_, x) in CASES.items() if x["Sbar_bad_deception_example"] is not None])
def test_stored_deceptions_are_dissolved_by_nobody(name: str) -> None:
    case, expected = CASES[name]
    whistles = Whistles(case, "pattern", maximal_pattern(len(case)))
    assert_nobody_dissolves(case, whistles, deception_of(expected["Sbar_bad_deception_example"]))


def test_one_pair_does_not_help_in_the_case_of_three_agents() -> None:
    case, expected = CASES["RI-rand9-2x2x2-B"]
    pattern = (0b001, 0b010, 0b100, 0b011)
    verdict = monotone_for(case, pattern)
    assert verdict.holds is expected["robust_S_monotonicity_pattern_singletons_plus_12"] is False
    assert verdict.deception is not None
    assert_nobody_dissolves(case, Whistles(case, "pattern", pattern), verdict.deception)


def assert_nobody_dissolves(case: PayoffEnvironment, whistles: Whistles, deception: Deception) -> None:
    assert len(unacceptable_reports(case, deception)) > 0
    assert all(len(reports) > 0 for own in deception for reports in own)
    for coalition in whistles.coalitions:
        for triple in lies(deception, coalition):
            assert whistles.blows(*triple, deception).holds is False


# --- monotonicity: enumeration ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_enumeration_agrees_in_reference_cases(name: str) -> None:
    case, expected = CASES[name]
    for kind, (condition, largest) in ELIMINATED.items():
        whistles = Whistles(case, kind)
        assert by_enumeration(case, whistles).holds is expected[condition]
        assert union(undissolved(case, whistles)) == deception_of(expected[largest])
    whistles = Whistles(case, "pattern", maximal_pattern(len(case)))
    assert by_enumeration(case, whistles).holds is expected["robust_Sbar_monotonicity"]


@pytest.mark.parametrize("seed", range(40))
def test_every_method_agrees_with_enumeration(seed: int) -> None:
    case = random_environment(seed, agents=2, types=2)
    for kind in ELIMINATED:
        expected = by_enumeration(case, Whistles(case, kind)).holds
        assert expected is not None
        assert by_elimination(case, Whistles(case, kind)).holds is expected
        assert by_learned_clauses(case, Whistles(case, kind)).holds is expected
    pattern = maximal_pattern(len(case))
    assert monotone_for(case, pattern).holds is by_enumeration(case, Whistles(case, "pattern", pattern)).holds


@pytest.mark.parametrize("seed", range(6))
def test_learned_clauses_agree_with_enumeration_for_patterns_of_three_agents(seed: int) -> None:
    case = random_environment(seed, agents=3, types=2)
    for listed in ((0b011,), (0b111,), (0b011, 0b101)):
        pattern = (*minimal_pattern(3), *listed)
        expected = by_enumeration(case, Whistles(case, "pattern", pattern)).holds
        assert expected is not None
        assert monotone_for(case, pattern).holds is expected


@pytest.mark.parametrize("seed", range(12))
def test_the_largest_deception_is_the_union_of_all_that_nobody_dissolves(seed: int) -> None:
    case = random_environment(seed, agents=2, types=2)
    for kind in ELIMINATED:
        verdict = by_elimination(case, Whistles(case, kind))
        listed = list(undissolved(case, Whistles(case, kind)))
        assert verdict.deception == union(listed)
        assert verdict.deception in listed
        assert truthful(case.sizes) in listed


def test_under_the_maximal_pattern_unions_may_be_dissolved() -> None:
    case, expected = CASES["RI-union-closure-counterexample"]
    whistles = Whistles(case, "pattern", maximal_pattern(2))
    one = deception_of([[[2], [2]], [[1], [2]]])
    other = deception_of([[[1], [2]], [[2], [2]]])
    listed = list(undissolved(case, whistles))
    assert one in listed
    assert other in listed
    assert union([one, other]) not in listed
    assert expected["robust_Sbar_monotonicity"] is False


def test_too_many_deceptions() -> None:
    case, _ = CASES["RI-ex1-three-types"]
    assert count_deceptions(case.sizes) == 343**2
    with pytest.raises(ValueError, match=r"there are 117,649 deceptions, more than 1,000: raise the limit, or use"):
        by_enumeration(case, Whistles(case, "minimal"), limit=1000)


def test_deceptions_are_counted() -> None:
    listed = list(all_deceptions((2, 3)))
    assert len(listed) == len(set(listed)) == count_deceptions((2, 3)) == 9 * 343
    assert truthful((2, 3)) in listed
    assert anything((2, 3)) in listed


# --- monotonicity: proofs ---------------------------------------------------------------------------------------------


def settles(whistle: Whistle, deception: Deception) -> bool:
    """Tell whether a whistle says that its coalition dissolves a deception."""
    triple = (whistle.coalition, whistle.true, whistle.reported)
    outsiders = [j for j in range(len(deception)) if not whistle.coalition >> j & 1]
    return allows(deception, triple) and all(
        own <= room for j in outsiders for own, room in zip(deception[j], whistle.room[j], strict=True)
    )


@pytest.mark.parametrize("seed", range(24))
def test_whistles_prove_a_condition_that_holds(seed: int) -> None:
    case = random_environment(seed, agents=2, types=2)
    whistles = Whistles(case, "pattern", maximal_pattern(2))
    verdicts = [by_elimination(case, Whistles(case, kind)) for kind in ELIMINATED]
    for verdict in (*verdicts, by_learned_clauses(case, whistles)):
        assert all(whistle.blow.holds for whistle in verdict.whistles)
        unsettled = [
            deception
            for deception in all_deceptions(case.sizes)
            if len(unacceptable_reports(case, deception)) and not any(settles(w, deception) for w in verdict.whistles)
        ]
        assert (not unsettled) is verdict.holds


@pytest.mark.parametrize("name", SMALL)
def test_lies_that_go_well_among_honest_outsiders_are_never_dissolved(name: str) -> None:
    case, _ = CASES[name]
    whistles = Whistles(case, "pattern", maximal_pattern(len(case)))
    for deception in (truthful(case.sizes), anything(case.sizes)):
        for coalition in whistles.coalitions:
            for triple in lies(deception, coalition):
                if cannot_dissolve(case, triple, deception):
                    assert whistles.blows(*triple, deception).holds is False


def test_elimination_is_refused_where_coalitions_blow() -> None:
    case, _ = CASES["RI-ex2"]
    with pytest.raises(ValueError, match="for other patterns use by_learned_clauses"):
        by_elimination(case, Whistles(case, "pattern", maximal_pattern(2)))


# --- tests without an answer ------------------------------------------------------------------------------------------


class Silent(Whistles):
    """Whistles that give no answer for some coalitions."""

    def __init__(self, case: PayoffEnvironment, silent: Sequence[Coalition], pattern: Sequence[Coalition]) -> None:
        super().__init__(case, "pattern", pattern)
        self.silent = silent

    def blows(self, coalition: Coalition, true: Sequence[int], reported: Sequence[int], deception: Deception) -> Blow:
        if coalition in self.silent:
            return Blow(None, float("nan"), "left open", np.empty((0, 2), dtype=np.int64))
        return super().blows(coalition, true, reported, deception)


def test_tests_without_an_answer_leave_a_condition_undecided() -> None:
    case, expected = CASES["RI-ex1-two-types"]
    assert expected["robust_monotonicity"] is True
    silent = Silent(case, (0b01, 0b10), minimal_pattern(2))
    for verdict in (by_elimination(case, silent), by_learned_clauses(case, silent), by_enumeration(case, silent)):
        assert verdict.holds is None
        assert verdict.whistles == []


def test_tests_without_an_answer_do_not_matter_where_others_answer() -> None:
    case, _ = CASES["RI-ex2"]
    silent = Silent(case, (0b01,), maximal_pattern(2))
    assert by_learned_clauses(case, silent).holds is True
    assert by_enumeration(case, silent).holds is True


def test_a_condition_fails_although_some_tests_have_no_answer() -> None:
    utilities = np.zeros((3, 2, 2, 2, 2))
    utilities[0, 0, ..., 1] = utilities[0, 1, ..., 0] = 1.0
    choice = np.zeros((2, 2, 2, 2))
    choice[0, ..., 1] = choice[1, ..., 0] = 1.0
    choice[:, :, 1] = [0.5, 0.5]
    case = environment(utilities, choice)
    assert monotone(case, "minimal") is False
    silent = Silent(case, (0b001,), minimal_pattern(3))
    for verdict in (by_elimination(case, silent), by_learned_clauses(case, silent)):
        assert verdict.holds is False
        assert verdict.deception is not None
        assert len(unacceptable_reports(case, verdict.deception)) > 0


# --- logical relations ------------------------------------------------------------------------------------------------

SEEDS = range(120)


def test_robust_monotonicity_implies_ex_post_incentive_compatibility() -> None:
    cases = [random_environment(seed) for seed in SEEDS]
    holds = [case for case in cases if monotone(case, "minimal")]
    assert len(holds) >= 20
    assert all(is_ex_post_ic(case) for case in holds)
    assert sum(not is_ex_post_ic(case) for case in cases) >= 20


def test_robust_coalitional_monotonicity_implies_robust_monotonicity() -> None:
    holds = [case for case in map(random_environment, SEEDS) if monotone(case, "coalitional")]
    assert len(holds) >= 20
    assert all(monotone(case, "minimal") for case in holds)


def test_two_agents_ex_post_ic_and_weak_pareto_efficiency_imply_coalitional_ic() -> None:
    cases = [random_environment(seed, agents=2) for seed in SEEDS]
    both = [case for case in cases if is_ex_post_ic(case) and weakly_pareto_within_range(case)]
    assert len(both) >= 20
    assert all(coalitional_ic(case) for case in both)
    assert all(is_ex_post_ic(case) and weakly_pareto_within_range(case) for case in cases if coalitional_ic(case))


def test_incentive_compatibility_gets_harder_with_the_pattern() -> None:
    for seed in SEEDS:
        case = random_environment(seed, agents=3, types=2)
        found = coalition_violations(case, maximal_pattern(3))
        for pattern in ((0b001, 0b010, 0b100), (0b001, 0b010, 0b100, 0b011)):
            assert coalition_violations(case, pattern) == [v for v in found if v.coalition in pattern]


def test_coalitional_monotonicity_does_not_imply_coalitional_ic() -> None:
    case, _ = CASES["RI-ex1-no-disposal-.5-1"]
    assert monotone(case, "coalitional") is True
    assert not coalitional_ic(case)


def test_robust_monotonicity_does_not_imply_coalitional_monotonicity() -> None:
    case, _ = CASES["RI-ex1-no-disposal-.5-.75-1"]
    assert monotone(case, "minimal") is True
    assert monotone(case, "coalitional") is False


def test_monotonicity_for_the_maximal_pattern_does_not_imply_ex_post_ic() -> None:
    case, _ = CASES["RI-rand19-2x2-D"]
    assert monotone_for(case, maximal_pattern(2)).holds is True
    assert not is_ex_post_ic(case)


def test_a_richer_pattern_can_help() -> None:
    case, _ = CASES["RI-ex2"]
    assert monotone(case, "minimal") is False
    assert monotone_for(case, maximal_pattern(2)).holds is True


def test_a_constant_social_choice_function_satisfies_everything() -> None:
    case, _ = CASES["RI-constant-scf"]
    assert coalitional_ic(case)
    verdicts = [by_elimination(case, Whistles(case, kind)) for kind in ELIMINATED]
    for verdict in (*verdicts, monotone_for(case, maximal_pattern(2))):
        assert verdict.holds is True
        assert verdict.whistles == []
