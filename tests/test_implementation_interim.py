"""Type spaces and interim S equilibria: reference cases, Lemma 1, revised beliefs, the definition spelt out."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from application_cases import run_page
from implementation_cases import Case, environment, random_environment, reference_cases

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import (
    Mechanism,
    PayoffEnvironment,
    Revision,
    TypeSpace,
    maximal_pattern,
    minimal_pattern,
)
from breakaway.runners.implementation.incentives import Violation, coalition_violations
from breakaway.runners.implementation.interim import (
    Strategy,
    bisect_threshold,
    direct_mechanism,
    interim_coalitional_ic,
    interim_coalitional_violation,
    interim_deviation,
    interim_equilibria,
    is_interim_equilibrium,
    yields_social_choice,
)
from breakaway.runners.implementation.type_spaces import (
    Revising,
    deception_type_space,
    lemma_1_type_space,
    payoff_type_space,
    pooled_belief,
    random_type_space,
)

INTERIM = reference_cases("interim_equilibrium")
CASES = reference_cases()
THRESHOLD = (math.sqrt(13.0) - 1.0) / 6.0
MINIMAL, MAXIMAL = minimal_pattern(2), maximal_pattern(2)


def table_3_1(eps: float) -> Floats:
    return np.array([[eps**2, eps], [1.0 - eps - 2.0 * eps**2, eps**2]])


def strategy_of(*numbers: tuple[int, ...]) -> Strategy:
    return tuple(np.array(own) for own in numbers)


# --- the paper's examples ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", INTERIM.values(), ids=INTERIM)
def test_reference_cases_of_example_2(case: Case) -> None:
    game = case.environment
    space = payoff_type_space(game, np.array(case.inputs["common_prior"]))
    direct = direct_mechanism(game)
    bad = strategy_of(*(tuple(k - 1 for k in own) for own in case.inputs["strategy"]))
    found = {
        "strategy_is_interim_equilibrium": is_interim_equilibrium(game, direct, space, bad, MINIMAL),
        "strategy_is_interim_strong_equilibrium": is_interim_equilibrium(game, direct, space, bad, MAXIMAL),
        "truth_is_interim_strong_equilibrium": is_interim_equilibrium(game, direct, space, space.payoff_type, MAXIMAL),
    }
    assert found == case.expected


def test_the_threshold_of_table_3_1() -> None:
    game = CASES["RI-ex2"].environment
    direct, bad = direct_mechanism(game), strategy_of((0, 0), (1, 1))

    def holds(eps: float) -> bool:
        space = payoff_type_space(game, table_3_1(eps))
        return interim_deviation(game, direct, space, bad, MINIMAL, strict=1e-13) is None

    assert bisect_threshold(holds, 0.1, 0.49) == pytest.approx(THRESHOLD, abs=1e-12)
    assert holds(THRESHOLD - 1e-9)
    assert not holds(THRESHOLD + 1e-9)


def test_example_2_in_the_direct_mechanism_has_bad_equilibria_but_no_bad_strong_equilibrium() -> None:
    game = CASES["RI-ex2"].environment
    direct, space = direct_mechanism(game), payoff_type_space(game, table_3_1(0.1))
    interim = interim_equilibria(game, direct, space, MINIMAL)
    assert [yields_social_choice(game, direct, space, strategy) for strategy in interim] == [False, True, False, False]
    (strong,) = interim_equilibria(game, direct, space, MAXIMAL)
    assert yields_social_choice(game, direct, space, strong)


def test_example_1_is_violated_on_the_type_space_of_lemma_1() -> None:
    case = CASES["RI-ex1-lemma1-type-space"]
    game, expected = case.environment, case.expected["violation"]
    (violation,) = (v for v in coalition_violations(game, MAXIMAL) if v.true == (1, 1) and v.reported == (2, 2))
    space = lemma_1_type_space(game, violation)
    assert space.beliefs[0].tolist() == [[1 / 3, 1 / 3, 1 / 3], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]
    assert interim_coalitional_ic(game, space) == case.expected["interim_coalitional_ic"]
    found = interim_coalitional_violation(game, space)
    assert found is not None
    assert [i + 1 for i in members(found.coalition)] == expected["S"]
    assert [k + 1 for k in found.types] == expected["types"]
    assert [k + 1 for k in found.messages] == expected["report"]
    assert found.before == pytest.approx(expected["payoff_truth"], abs=1e-12)
    assert found.after == pytest.approx(expected["payoff_deviation"], abs=1e-12)
    assert found.revised == (False, False)


def test_example_1_numbers() -> None:
    expected = CASES["RI-ex1-numbers"].expected
    payoffs = CASES["RI-ex1-numbers"].environment.payoffs
    assert payoffs[:, 4, 8] == pytest.approx(expected["u_deviation"], abs=1e-12)
    assert payoffs[:, 4, 4] == pytest.approx(expected["u_truth"], abs=1e-12)


# --- Definitions 4 and 10 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(24))
def test_lemma_1_finds_a_violating_type_space_whenever_definition_4_fails(seed: int) -> None:
    game = random_environment(seed)
    violations = coalition_violations(game, maximal_pattern(len(game)))
    for violation in violations[:3]:
        space = lemma_1_type_space(game, violation)
        found = interim_deviation(
            game, direct_mechanism(game), space, space.payoff_type, [violation.coalition], strict=1e-9
        )
        assert found is not None
        assert min(found.gains) >= violation.least_gain - 1e-9
        assert not interim_coalitional_ic(game, space)
    if not violations:
        for k in range(3):
            assert interim_coalitional_ic(game, random_type_space(game, seed=k, impossible=0.5), "uniform")


def test_some_environments_satisfy_and_some_violate_definition_4() -> None:
    games = [random_environment(seed) for seed in range(24)]
    violated = [bool(coalition_violations(game, maximal_pattern(len(game)))) for game in games]
    assert 5 < sum(violated) < 20


# --- the definition, spelt out ----------------------------------------------------------------------------------------


def spelt_out(
    game: PayoffEnvironment,
    mechanism: Mechanism,
    space: TypeSpace,
    strategy: Strategy,
    coalition: Coalition,
    revising: Revising,
) -> float:
    """Return the largest least gain of a coalition, by Definition 1 with loops."""
    joined = members(coalition)
    types = list(itertools.product(*(range(len(own)) for own in space.types)))
    best = -math.inf
    for own in itertools.product(*(range(len(space.types[i])) for i in joined)):
        possible = [t for t in types if all(t[i] == k for i, k in zip(joined, own, strict=True))]
        for sent in itertools.product(*(range(len(mechanism.messages[i])) for i in joined)):
            gains = []
            for i in joined:
                chances = believed(space, i, joined, own, types, possible, revising)
                gains.append(sum(p * gain_of(game, mechanism, space, strategy, joined, sent, i, t) for t, p in chances))
            best = max(best, min(gains))
    return best


def believed(
    space: TypeSpace,
    i: int,
    joined: tuple[int, ...],
    own: tuple[int, ...],
    types: list[tuple[int, ...]],
    possible: list[tuple[int, ...]],
    revising: Revising,
) -> list[tuple[tuple[int, ...], float]]:
    """Return the profiles of types that agent i holds for possible once the coalition has met, with probabilities."""
    prior = {t: space.beliefs[i][t[i]][tuple(k for j, k in enumerate(t) if j != i)] for t in types}
    chances = [prior[t] for t in possible]
    if sum(chances) == 0 and revising == "uniform":
        chances = [1.0] * len(possible)
    elif sum(chances) == 0:
        mine = own[joined.index(i)]
        outside = [j for j in range(len(space.types)) if j not in joined]
        chances = [
            sum(p for s, p in prior.items() if s[i] == mine and all(s[j] == t[j] for j in outside)) for t in possible
        ]
    return [(t, chance / sum(chances)) for t, chance in zip(possible, chances, strict=True)]


def gain_of(
    game: PayoffEnvironment,
    mechanism: Mechanism,
    space: TypeSpace,
    strategy: Strategy,
    joined: tuple[int, ...],
    sent: tuple[int, ...],
    i: int,
    t: tuple[int, ...],
) -> float:
    played = [int(strategy[j][k]) for j, k in enumerate(t)]
    changed = [sent[joined.index(j)] if j in joined else message for j, message in enumerate(played)]
    worth = game.utilities[(i, *(int(space.payoff_type[j][k]) for j, k in enumerate(t)))]
    return float(worth @ (mechanism.outcome[tuple(changed)] - mechanism.outcome[tuple(played)]))


@pytest.mark.parametrize("revising", ["marginal", "uniform"])
@pytest.mark.parametrize("seed", range(6))
def test_deviations_are_those_of_the_definition(seed: int, revising: Revising) -> None:
    rng = np.random.default_rng(seed)
    n = 2 + seed % 2
    game = environment(rng.normal(size=(n, *(2,) * n, 3)), np.full((*(2,) * n, 3), 1 / 3))
    space = random_type_space(game, seed, types=2 if n == 2 else 1, impossible=0.6)
    counts = rng.integers(2, 4, size=n).tolist()
    mechanism = Mechanism(
        tuple(tuple(map(str, range(count))) for count in counts), rng.dirichlet(np.ones(3), size=counts)
    )
    strategy = tuple(rng.integers(count, size=len(own)) for count, own in zip(counts, space.types, strict=True))
    for coalition in maximal_pattern(n):
        wanted = spelt_out(game, mechanism, space, strategy, coalition, revising)
        found = interim_deviation(game, mechanism, space, strategy, [coalition], revising, strict=-math.inf)
        assert found is not None
        assert min(found.gains) == pytest.approx(wanted, abs=1e-9)


def test_the_definition_is_tested_where_beliefs_are_revised() -> None:
    game = environment(np.zeros((3, 2, 2, 2, 1)), np.ones((2, 2, 2, 1)))
    space = random_type_space(game, 1, types=1, impossible=0.6)
    surprised = [pooled_belief(space, 0, own, {1: k})[1] for own in range(2) for k in range(2)]
    assert True in surprised
    assert False in surprised


# --- beliefs ----------------------------------------------------------------------------------------------------------


def three_agents() -> tuple[PayoffEnvironment, TypeSpace]:
    """Agent 1 is sure that agent 2 is of type 1, and that agent 3 is so with probability 3/4."""
    game = environment(np.zeros((3, 1, 2, 2, 1)), np.ones((1, 2, 2, 1)))
    beliefs = (
        np.array([[[0.75, 0.25], [0.0, 0.0]]]),
        np.full((2, 1, 2), 0.5),
        np.full((2, 1, 2), 0.5),
    )
    return game, TypeSpace(game.payoff_types, tuple(np.arange(k) for k in (1, 2, 2)), beliefs)


def test_beliefs_are_conditioned_and_revised() -> None:
    _, space = three_agents()
    alone, surprised = pooled_belief(space, 0, 0, {})
    assert alone.tolist() == [[0.75, 0.25], [0.0, 0.0]]
    assert not surprised
    assert pooled_belief(space, 0, 0, {2: 1})[0].tolist() == [1.0, 0.0]
    marginal, surprised = pooled_belief(space, 0, 0, {1: 1})
    assert marginal.tolist() == [0.75, 0.25]
    assert surprised
    assert pooled_belief(space, 0, 0, {1: 1}, "uniform")[0].tolist() == [0.5, 0.5]
    everybody, surprised = pooled_belief(space, 0, 0, {1: 1, 2: 0})
    assert everybody == 1.0
    assert surprised


def test_a_listed_revision_goes_before_the_rule() -> None:
    game, space = three_agents()
    listed = Revision(0, 0, ((1, 1),), np.array([[0.0, 0.0], [0.1, 0.9]]))
    space = replace(space, revisions=(listed,))
    assert pooled_belief(space, 0, 0, {1: 1}, "uniform")[0].tolist() == [0.1, 0.9]
    assert pooled_belief(space, 0, 0, {1: 0})[0].tolist() == [0.75, 0.25]
    assert interim_coalitional_ic(game, space)


def test_how_beliefs_are_revised_decides() -> None:
    """Agents 1 and 2 gain by a joint report at the type of 3 that 1, surprised by 2's type, may hold for likely."""
    utilities = np.zeros((3, 1, 2, 2, 2))
    utilities[:2, 0, 1, :, 1] = [2.0, -1.0]
    choice = np.zeros((1, 2, 2, 2))
    choice[0, 0, :, 1] = choice[0, 1, :, 0] = 1.0
    game = environment(utilities, choice)
    _, space = three_agents()
    space = replace(space, beliefs=(np.array([[[0.25, 0.75], [0.0, 0.0]]]), *space.beliefs[1:]))
    direct, truth = direct_mechanism(game), space.payoff_type
    both = [0b011]
    assert interim_deviation(game, direct, space, truth, both, "marginal") is None
    found = interim_deviation(game, direct, space, truth, both, "uniform")
    assert found is not None
    assert (found.coalition, found.types, found.messages) == (0b011, (0, 1), (0, 0))
    assert found.gains == pytest.approx((0.5, 0.5))
    assert found.revised == (True, False)


def test_a_type_space_for_every_report_of_a_deception() -> None:
    game = random_environment(0, "private", agents=2, types=2)
    deception = ((frozenset({0, 1}), frozenset({1})), (frozenset({0}), frozenset({0})))
    space, told = deception_type_space(game, deception, seed=1)
    assert space.types == (("1-as-1", "1-as-2", "2-as-2"), ("1-as-1", "2-as-1"))
    assert [own.tolist() for own in space.payoff_type] == [[0, 0, 1], [0, 1]]
    assert [own.tolist() for own in told] == [[0, 1, 1], [0, 0]]


# --- what is refused --------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused() -> None:
    game = CASES["RI-ex2"].environment
    direct, space = direct_mechanism(game), payoff_type_space(game, table_3_1(0.1))
    truth = space.payoff_type
    with pytest.raises(ValueError, match="message number from 0 to 1 for each of its 2 types"):
        interim_deviation(game, direct, space, strategy_of((0, 2), (0, 1)), MINIMAL)
    with pytest.raises(ValueError, match="1 strategies for 2 agents: give one for each"):
        interim_deviation(game, direct, space, truth[:1], MINIMAL)
    with pytest.raises(ValueError, match="beliefs of types for each of the 2 agents"):
        interim_deviation(game, direct, replace(space, beliefs=space.beliefs[:1]), truth, MINIMAL)
    with pytest.raises(ValueError, match="must sum to 1"):
        payoff_type_space(game, np.full((2, 2), 0.3))
    with pytest.raises(ValueError, match="probability 0, so its belief is open: give it a positive one"):
        payoff_type_space(game, np.array([[0.5, 0.5], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="choose a profile with these types"):
        lemma_1_type_space(game, Violation(3, (1, 1), (0, 0), (3, 2), (1.0, 1.0)))
    with pytest.raises(ValueError, match="profiles of strategies, the limit is 100,000"):
        interim_equilibria(game, direct, random_type_space(game, 0, types=6), MINIMAL)
    with pytest.raises(ValueError, match="choose ends between which it changes"):
        bisect_threshold(lambda x: x < 1, 0.0, 0.5)


@pytest.mark.parametrize(
    ("members_types", "belief", "message"),
    [
        (((1, 1),), [[0.5, 0.5], [0.0, 0.0]], "give the observed types probability 1"),
        (((1, 0),), [[0.5, 0.5], [0.0, 0.0]], "leave it out, Bayes' rule applies"),
        (((1, 1),), [[0.0, 0.0], [0.5, 0.4]], "must sum to 1"),
    ],
)
def test_wrong_revisions_are_refused(
    members_types: tuple[tuple[int, int], ...], belief: list[list[float]], message: str
) -> None:
    game, space = three_agents()
    space = replace(space, revisions=(Revision(0, 0, members_types, np.array(belief)),))
    with pytest.raises(ValueError, match=message):
        interim_coalitional_ic(game, space)


def test_the_page_prints_what_it_says() -> None:
    pairs = run_page("interim")
    assert len(pairs) >= 4
    for written, obtained in pairs:
        assert obtained == written
