"""The reward set: its model, membership by the definition, emptiness and best elements."""

from __future__ import annotations

import itertools

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from implementation_cases import environment, random_environment

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import PayoffEnvironment, coalitions_with, maximal_pattern
from breakaway.data.reward_requirements import requirements
from breakaway.models import reward_set
from breakaway.runners.implementation.branching import some_reward
from breakaway.runners.implementation.rewards import RewardSet, coalitional_family
from breakaway.runners.solvers import InfeasibleError, ProblemClass, SolverOptions, examine, solve_model


def small(rays: bool = True) -> PayoffEnvironment:
    """One type of agent 1, two of agent 2, two outcomes: the rule gives the first, and rays waste one unit."""
    utilities = np.array([[[[0.0, 2.0], [1.0, 0.0]]], [[[0.0, 1.0], [0.0, 3.0]]]])
    if rays:
        waste = np.broadcast_to(-np.eye(2).reshape(2, 1, 1, 2), (2, 1, 2, 2))
        utilities = np.concatenate([utilities, waste], axis=-1)
    return environment(utilities, np.eye(2)[[0, 0]].reshape(1, 2, 2))


def in_reward_set(case: PayoffEnvironment, base: int, family: tuple[int, ...], weights: Floats) -> bool:
    """Read the definition aloud: for every S, types and reports some member gains at no types of the others."""
    others = members(case.others(base))
    number = {types: q for q, types in enumerate(case.coalition_profiles(case.others(base)))}

    def gain(j: int, true: tuple[int, ...], said: tuple[int, ...]) -> float:
        p = case.number(true)
        return float(case.worth[j, p] @ weights[number[said]] - case.payoffs[j, p, p])

    def meets(joined: tuple[int, ...], types: tuple[int, ...], said: dict[int, int]) -> bool:
        outsiders = [j for j in range(len(case)) if j not in joined]
        profiles = []
        for rest in itertools.product(*(range(case.sizes[j]) for j in outsiders)):
            true = dict(zip(joined, types, strict=True)) | dict(zip(outsiders, rest, strict=True))
            profiles.append((tuple(true[j] for j in range(len(case))), tuple(said.get(j, true[j]) for j in others)))
        return any(all(gain(j, *profile) <= 1e-7 for profile in profiles) for j in joined)

    for coalition in family:
        joined = members(coalition)
        outside = [j for j in joined if j in others]
        for types in itertools.product(*(range(case.sizes[j]) for j in joined)):
            for reports in itertools.product(*(range(case.sizes[j]) for j in outside)):
                if not meets(joined, types, dict(zip(outside, reports, strict=True))):
                    return False
    return True


def random_rewards(case: PayoffEnvironment, rewards: RewardSet, seed: int) -> list[Floats]:
    """Return lotteries, what the rule prescribes for some types of the base, and mixtures of the two."""
    rng = np.random.default_rng(seed)
    outcomes = len(case.outcomes)
    found = []
    for types in case.coalition_profiles(rewards.base):
        prescribed = np.zeros((rewards.profiles, rewards.columns))
        prescribed[:, :outcomes] = case.chosen[case.with_members(rewards.base, types)]
        drawn = np.zeros_like(prescribed)
        drawn[:, :outcomes] = np.eye(outcomes)[rng.integers(outcomes, size=rewards.profiles)]
        drawn[:, outcomes:] = rng.integers(0, 3, size=(rewards.profiles, len(case.rays)))
        found += [prescribed, drawn, (prescribed + drawn) / 2]
    return found


@pytest.mark.parametrize("base", [0b01, 0b11])
def test_membership_is_the_definition_and_the_model(base: int) -> None:
    answers = []
    for seed in range(8):
        case = random_environment(seed)
        family = coalitions_with(maximal_pattern(len(case)), base)
        rewards = RewardSet(case, base, family)
        model = reward_set.build(case, base, family)
        for weights in random_rewards(case, rewards, seed)[:4]:
            answers.append(rewards.contains(weights))
            assert answers[-1] == in_reward_set(case, base, family, weights)
            assert answers[-1] == model_holds(model, weights)
    assert 3 < sum(answers) < len(answers) - 3


def model_holds(model: pyo.ConcreteModel, weights: Floats) -> bool:
    """Whether the constraints of the model have a solution in which the reward is as given."""
    for q, row in zip(model.others, weights, strict=True):
        for x, value in zip(model.outcomes, row, strict=False):
            model.weight[q, x].fix(float(value))
        for r, value in zip(model.rays, row[len(model.outcomes) :], strict=True):
            model.amount[q, r].fix(float(value))
    outcome = solve_model(model, SolverOptions(tolerance=1e-7), check=False)
    return outcome.is_optimal


@pytest.mark.parametrize("seed", range(12))
def test_an_element_is_found_exactly_where_the_model_has_one(seed: int) -> None:
    case = random_environment(seed)
    base = 1 << seed % 2
    family = coalitional_family(case, seed % 2)
    rewards = RewardSet(case, base, family)
    found = some_reward(rewards)
    model = reward_set.build(case, base, family)
    if found is None:
        with pytest.raises(InfeasibleError):
            solve_model(model)
    else:
        assert in_reward_set(case, base, family, found.weights)
        assert rewards.contains(found.weights)
        assert solve_model(model).is_optimal
        assert in_reward_set(case, base, family, reward_set.weights(model))


def test_an_empty_set() -> None:
    """Agent 1 likes whatever it could get better than what the rule prescribes."""
    case = environment(np.array([[[[0.0, 1.0, 1.0]]], [[[0.0, 0.0, 0.0]]]]), np.array([[[1.0, 0.0, 0.0]]]))
    assert some_reward(RewardSet(case, 0b01, (0b01,))) is not None
    worse = environment(np.array([[[[0.0, 1.0], [1.0, 0.0]]], [[[0.0, 0.0]] * 2]]), np.eye(2)[[[0, 1]]])
    assert some_reward(RewardSet(worse, 0b01, (0b01,))) is not None
    tempting = environment(np.array([[[[0.0, 1.0]], [[1.0, 0.0]]], [[[0.0, 0.0]]] * 2]), np.eye(2)[[[0], [1]]])
    assert some_reward(RewardSet(tempting, 0b01, (0b01,))) is None
    with pytest.raises(InfeasibleError):
        solve_model(reward_set.build(tempting, 0b01, (0b01,)))


def test_best_element_by_hand() -> None:
    """Alone, agent 1 may have outcome 2 when agent 2 says 2; with agent 2 it must waste what either gains at (1, 1)."""
    case = small()
    belief = np.zeros((2, 2))
    belief[0, 1] = 1.0
    alone = reward_set.build(case, 0b01, (0b01,), expectation=(0, belief))
    assert examine(alone).problem_class is ProblemClass.LP
    assert solve_model(alone).objective == pytest.approx(2.0)
    together = reward_set.build(case, 0b01, (0b01, 0b11), expectation=(0, belief))
    assert examine(together).problem_class is ProblemClass.MILP
    assert solve_model(together).objective == pytest.approx(2.0)
    assert reward_set.weights(together)[1] == pytest.approx([0.0, 1.0, 0.0, 1.0])
    without = reward_set.build(small(rays=False), 0b01, (0b01, 0b11), expectation=(0, belief))
    assert solve_model(without).objective == pytest.approx(0.0)
    assert reward_set.weights(without)[1] == pytest.approx([1.0, 0.0])


def test_a_ray_that_raises_a_member_needs_a_largest_amount() -> None:
    base = small()
    utilities = base.utilities.copy()
    utilities[1, 0, :, 3] = 1.0
    case = environment(utilities, base.social_choice)
    with pytest.raises(ValueError, match="a ray raises the utility of 2"):
        reward_set.build(case, 0b01, (0b01, 0b11))
    assert solve_model(reward_set.build(case, 0b01, (0b01, 0b11), largest_amount=5.0)).is_optimal
    assert solve_model(reward_set.build(case, 0b01, (0b01,))).is_optimal
    model = reward_set.build(case, 0b01, (0b01, 0b11), largest_amount=5.0)
    assert model.room["2", "1:1|2:1"] == pytest.approx(1.0 + 5.0)
    assert model.amount["2:1", "r2"].bounds == (0.0, 5.0)


def test_refusals() -> None:
    case = small()
    with pytest.raises(ValueError, match="the base 0 is no coalition of 2 agents"):
        reward_set.build(case, 0, ())
    with pytest.raises(ValueError, match="looks at coalitions that contain its base only"):
        requirements(case, 0b01, (0b10,))
    with pytest.raises(ValueError, match=r"a belief has the shape \(2, 2\)"):
        reward_set.build(case, 0b01, (0b01,), expectation=(0, np.zeros(2)))


def test_shapes_and_negative_weights_are_no_rewards() -> None:
    rewards = RewardSet(small(), 0b01, (0b01,))
    good = np.array([[1.0, 0.0, 0.0, 0.0]] * 2)
    assert rewards.contains(good)
    assert not rewards.contains(good[:1])
    assert not rewards.contains(good * 0.5)
    assert not rewards.contains(good + np.array([0.5, -0.5, 0.0, 0.0]))


def golden_models() -> dict[str, pyo.ConcreteModel]:
    belief = np.array([[0.0, 0.5], [0.5, 0.0]])
    return {
        "alone": reward_set.build(small(), 0b01, (0b01,), expectation=(0, belief)),
        "coalitions": reward_set.build(small(), 0b01, (0b01, 0b11), largest_amount=3.0),
        "everybody": reward_set.build(small(rays=False), 0b11, (0b11,)),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("reward_set", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("reward_set") == set(golden_models())
    constraints = {c.name for m in golden_models().values() for c in m.component_objects(pyo.Constraint)}
    assert constraints == {"lottery", "alone", "some_member_keeps", "kept"}


def test_every_component_is_documented() -> None:
    for model in golden_models().values():
        for component in model.component_objects():
            assert component.doc or component.name.endswith(("_index", "_domain")), component.name


def test_page() -> None:
    pairs = run_page("reward_set")
    assert pairs
    for expected, found in pairs:
        assert found == expected
