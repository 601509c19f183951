"""Who can blow the whistle: reference cases, the definitions, and the models beside the specialised search."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
from implementation_cases import (
    FAMILIES,
    Case,
    deception_of,
    environment,
    random_environment,
    reference_cases,
)
from test_reward_set import in_reward_set

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import (
    STRICT,
    Deception,
    PayoffEnvironment,
    anything,
    maximal_pattern,
    truthful,
)
from breakaway.models import reward_set, whistle_blowing
from breakaway.runners.implementation import branching
from breakaway.runners.implementation.branching import ProgramError
from breakaway.runners.implementation.rewards import Reward
from breakaway.runners.implementation.whistle import Blow, Kind, Whistles
from breakaway.runners.solvers import SolverOptions, Termination, solve_model

Question: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...]]

CASES = reference_cases("implementation")


def survivors(environment: PayoffEnvironment, whistles: Whistles) -> Deception:
    """Delete what single agents blow against until nobody blows."""
    beta = [[set(reports) for reports in own] for own in anything(environment.sizes)]
    before = None
    while before != beta:
        before = [[set(reports) for reports in own] for own in beta]
        for i, own in enumerate(beta):
            for true, reports in enumerate(own):
                for reported in sorted(reports):
                    current = tuple(tuple(map(frozenset, agent)) for agent in beta)
                    blow = whistles.blows(1 << i, (true,), (reported,), current)
                    assert blow.holds is not None, blow.method
                    if blow.holds:
                        reports.discard(reported)
    return tuple(tuple(map(frozenset, own)) for own in beta)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_largest_deception_that_no_agent_dissolves(case: Case) -> None:
    left = survivors(case.environment, Whistles(case.environment, "minimal"))
    listed = [[[k + 1 for k in sorted(reports)] for reports in own] for own in left]
    assert listed == case.expected["largest_no_whistle_deception"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_largest_deception_that_no_agent_dissolves_with_coalitional_rewards(case: Case) -> None:
    left = survivors(case.environment, Whistles(case.environment, "coalitional"))
    listed = [[[k + 1 for k in sorted(reports)] for reports in own] for own in left]
    assert listed == case.expected["largest_no_whistle_deception_coalitional"]


# --- the proofs that come with the answers ----------------------------------------------------------------------------


def gains_of(blow: Blow, case: PayoffEnvironment, question: Question, reward: Reward) -> Floats:
    """Return what members gain by a reward at every pair, shape (members, pairs), by the definition."""
    coalition, true, said = question
    truths, reports = case.with_members(coalition, true), case.with_members(coalition, said)
    found = np.empty((len(members(coalition)), len(blow.pairs)))
    for row, i in enumerate(members(coalition)):
        for k, (q, reported) in enumerate(blow.pairs.tolist()):
            prescribed = case.chosen[reports[reported]] @ case.worth[i, truths[q], : len(case.outcomes)]
            found[row, k] = case.worth[i, truths[q]] @ reward.weights[reported] - prescribed
    return found


def check(blow: Blow, whistles: Whistles, question: Question, rng: np.random.Generator) -> None:
    """Hold an answer against the definition where it is true, against the model where it is false."""
    case, coalition = whistles.environment, question[0]
    family = tuple(required.coalition for required in whistles.reward_set(coalition).requirements)
    assert blow.holds is not None
    if blow.holds:
        assert blow.value > STRICT
        assert all(in_reward_set(case, coalition, family, reward.weights) for reward in blow.rewards)
        gains = np.array([gains_of(blow, case, question, reward) for reward in blow.rewards])
        for _ in range(20):
            psi = rng.dirichlet(np.full(len(blow.pairs), 0.3), size=gains.shape[1])
            served = np.einsum("kip,ip->ki", gains, psi).min(axis=1).max()
            assert served >= blow.value - 1e-7
    elif blow.conjectures is not None:
        assert blow.conjectures.sum(axis=1) == pytest.approx(1.0)
        model = whistle_blowing.build(case, coalition, family, question[1:], blow.pairs, blow.conjectures)
        outcome = solve_model(model, check=False)
        assert outcome.termination in (Termination.OPTIMAL, Termination.INFEASIBLE)
        assert outcome.objective is None or outcome.objective <= STRICT + 1e-8
    else:
        assert not solve_model(reward_set.build(case, coalition, family), check=False).is_optimal


def random_question(whistles: Whistles, rng: np.random.Generator) -> tuple[Question, Deception]:
    case = whistles.environment
    coalition = whistles.coalitions[int(rng.integers(len(whistles.coalitions)))]
    profiles = case.coalition_profiles(coalition)
    true, reported = (profiles[int(rng.integers(len(profiles)))] for _ in range(2))
    deception = tuple(
        tuple(frozenset({k} | {other for other in range(size) if rng.random() < 0.4}) for k in range(size))
        for size in case.sizes
    )
    return (coalition, true, reported), deception


@pytest.mark.parametrize("family", FAMILIES)
def test_every_answer_proves_itself(family: str) -> None:
    answers = set()
    for seed in range(2):
        rng = np.random.default_rng(seed)
        case = random_environment(seed, family, agents=2 + seed, types=2)
        for kind in ("minimal", "coalitional", "pattern"):
            whistles = Whistles(case, kind)
            for _ in range(4):
                question, deception = random_question(whistles, rng)
                blow = whistles.blows(*question, deception)
                answers.add(blow.holds)
                check(blow, whistles, question, rng)
    assert False in answers


def test_menus_of_random_environments_prove_themselves() -> None:
    methods = set()
    rng = np.random.default_rng(5)
    for seed in (0, 1, 5):
        whistles = Whistles(random_environment(seed, "charges", agents=3, types=2), "pattern")
        for _ in range(40):
            question, deception = random_question(whistles, rng)
            blow = whistles.blows(*question, deception)
            if blow.method not in methods or "menu" in blow.method:
                check(blow, whistles, question, rng)
            methods.add(blow.method)
    assert "some conjectures have no reward, by a menu" in methods
    assert "one reward, by branching" in methods


@pytest.mark.parametrize("seed", range(8))
def test_the_best_single_reward_is_that_of_the_model(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = random_environment(seed, types=2)
    for kind in ("minimal", "coalitional", "pattern"):
        whistles = Whistles(case, kind)
        question, deception = random_question(whistles, rng)
        coalition = question[0]
        family = tuple(required.coalition for required in whistles.reward_set(coalition).requirements)
        pairs = np.argwhere(whistles.pairs(coalition, deception))
        outcome = solve_model(whistle_blowing.build(case, coalition, family, question[1:], pairs), check=False)
        value, reward = whistles.one_reward(*question, deception)
        if reward is None:
            assert outcome.termination is Termination.INFEASIBLE
            continue
        assert value == pytest.approx(outcome.objective, abs=1e-6)
        assert in_reward_set(case, coalition, family, reward.weights)
        blow = whistles.blows(*question, deception)
        assert value <= STRICT or blow.holds
        if kind == "minimal":
            assert blow.value == pytest.approx(value, abs=1e-7)


# --- rewards that depend on conjectures -------------------------------------------------------------------------------

NONCONVEX = reference_cases("whistle_test")["RI-nonconvex-reward-set"]
DECEPTION = deception_of(NONCONVEX.inputs["deception"])


def test_a_menu_where_no_single_reward_serves() -> None:
    whistles = Whistles(NONCONVEX.environment, "coalitional")
    blow = whistles.blows(0b01, (0,), (0,), DECEPTION)
    assert blow.holds is NONCONVEX.expected["is_whistle_blower"]
    assert blow.reward is None
    assert len(blow.rewards) == 2
    assert blow.value == pytest.approx(0.5)
    check(blow, whistles, (0b01, (0,), (0,)), np.random.default_rng(0))
    value, reward = whistles.one_reward(0b01, (0,), (0,), DECEPTION)
    assert reward is not None
    assert value == pytest.approx(NONCONVEX.expected["uniform_reward_value"], abs=1e-9)


def with_third(utilities: list[list[float]]) -> PayoffEnvironment:
    """Return that environment with an agent 3 of one type, whose utilities are given by the type of agent 2."""
    case = NONCONVEX.environment
    third = np.array(utilities).reshape(1, 1, 3, 1, 4)
    return environment(np.concatenate([case.utilities[:, :, :, None], third]), case.social_choice[:, :, None])


PATTERN = (0b001, 0b010, 0b100, 0b101, 0b111)
WITH_THIRD = (*DECEPTION, ((frozenset({0})),))


def test_a_menu_for_two_members() -> None:
    """Agent 3 gains by whatever is not prescribed, and so is no obstacle."""
    case = with_third([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0], [-1.0, 0.0, 0.0, 0.0]])
    whistles = Whistles(case, "pattern", PATTERN)
    question = (0b101, (0, 0), (0, 0))
    blow = whistles.blows(*question, WITH_THIRD)
    assert blow.holds
    assert len(blow.rewards) > 1
    check(blow, whistles, question, np.random.default_rng(1))
    assert whistles.one_reward(*question, WITH_THIRD)[0] == pytest.approx(0.0, abs=1e-9)


def test_members_with_conjectures_of_their_own_defeat_every_menu() -> None:
    """Agent 3 is as agent 1; when one thinks a and the other b, no reward serves both, although mixtures would."""
    case = with_third(NONCONVEX.environment.utilities[0, 0].tolist())
    whistles = Whistles(case, "pattern", PATTERN)
    question = (0b101, (0, 0), (0, 0))
    blow = whistles.blows(*question, WITH_THIRD)
    assert blow.holds is False
    assert blow.conjectures is not None
    assert not np.allclose(blow.conjectures[0], blow.conjectures[1])
    check(blow, whistles, question, np.random.default_rng(1))
    alone = Whistles(case, "coalitional").blows(0b001, (0,), (0,), WITH_THIRD)
    assert alone.method == "a menu of rewards"


# --- answers that follow from others, limits, refusals ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["minimal", "coalitional", "pattern"])
def test_answers_that_follow_are_those_that_are_found(kind: Kind) -> None:
    rng = np.random.default_rng(3)
    for seed in (1, 4, 5):
        case = random_environment(seed, types=2)
        kept = Whistles(case, kind)
        for _ in range(40):
            question, deception = random_question(kept, rng)
            assert kept.blows(*question, deception).holds is Whistles(case, kind).blows(*question, deception).holds


def test_a_reward_against_more_serves_against_less() -> None:
    case = CASES["RI-ex1-three-types"].environment
    whistles = Whistles(case, "coalitional")
    more = whistles.blows(0b01, (0,), (2,), anything(case.sizes))
    assert more.holds
    assert whistles.blows(0b01, (0,), (2,), truthful(case.sizes)) is more
    less = whistles.blows(0b01, (1,), (1,), truthful(case.sizes))
    assert less.holds is False
    assert whistles.blows(0b01, (1,), (1,), anything(case.sizes)) is less


def test_a_listed_pattern_of_three_agents() -> None:
    """Members 1 and 2 together also answer for agent 3, whose reports they cannot know."""
    case = CASES["RI-rand9-2x2x2-B"].environment
    whistles = Whistles(case, "pattern", (0b001, 0b010, 0b100, 0b011))
    assert whistles.coalitions == (0b001, 0b010, 0b011, 0b100)
    assert [required.coalition for required in whistles.reward_set(0b001).requirements] == [0b001, 0b011]
    assert whistles.reward_set(0b100).is_convex
    assert [required.coalition for required in whistles.reward_set(0b011).requirements] == [0b011]
    assert Whistles(case, "pattern").coalitions == maximal_pattern(3)


def test_a_ray_that_raises_utilities_needs_no_bound() -> None:
    case = NONCONVEX.environment
    ray = np.zeros((2, 1, 3, 1))
    ray[1] = 1.0
    lifted = environment(np.concatenate([case.utilities, ray], axis=-1), case.social_choice)
    blow = Whistles(lifted, "coalitional").blows(0b01, (0,), (0,), DECEPTION)
    assert blow.holds
    assert all(in_reward_set(lifted, 0b01, (0b01, 0b11), reward.weights) for reward in blow.rewards)


def test_a_limit_leaves_a_question_open() -> None:
    whistles = Whistles(NONCONVEX.environment, "coalitional", options=SolverOptions(time_limit=1e-9))
    blow = whistles.blows(0b01, (0,), (0,), DECEPTION)
    assert blow.holds is None
    assert "limit" in blow.method
    with pytest.raises(ProgramError, match="raise or leave out the time limit"):
        whistles.one_reward(0b01, (0,), (0,), DECEPTION)


def test_a_solver_without_an_answer_leaves_a_question_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ProgramError("HiGHS ended with kUnknown")

    monkeypatch.setattr(branching.RewardProgram, "solve", fail)
    for kind in ("minimal", "coalitional"):
        blow = Whistles(NONCONVEX.environment, kind).blows(0b01, (0,), (0,), DECEPTION)
        assert blow.holds is None
        assert blow.method == "left open: HiGHS ended with kUnknown"


def test_an_empty_reward_set_serves_nobody() -> None:
    tempting = environment(np.array([[[[0.0, 1.0]], [[1.0, 0.0]]], [[[0.0, 0.0]]] * 2]), np.eye(2)[[[0], [1]]])
    for kind in ("minimal", "coalitional"):
        blow = Whistles(tempting, kind).blows(0b01, (0,), (1,), anything(tempting.sizes))
        assert blow.holds is False
        assert blow.method == "the reward set is empty"


def test_refusals() -> None:
    case = NONCONVEX.environment
    with pytest.raises(ValueError, match="unknown kind 'strong'"):
        Whistles(case, "strong")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="coalition 3 cannot blow the whistle here"):
        Whistles(case, "coalitional").blows(0b11, (0, 0), (0, 0), DECEPTION)
