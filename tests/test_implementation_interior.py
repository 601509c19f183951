"""Interior rewards and indifference: reference cases, relations between patterns, kernels against a grid."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from implementation_cases import environment, random_environment, reference_environments

from breakaway.data.arrays import Floats
from breakaway.data.payoff_environment import (
    PayoffEnvironment,
    coalitions_with,
    maximal_pattern,
    minimal_pattern,
)
from breakaway.models import interior_reward as model_of
from breakaway.runners.implementation import interior
from breakaway.runners.implementation.branching import ProgramError
from breakaway.runners.implementation.interior import (
    conditional_no_total_indifference,
    interior_reward,
    kernel_rows,
)
from breakaway.runners.implementation.rewards import RewardSet
from breakaway.runners.solvers import SolverOptions, UnboundedError, solve_model

REFERENCE = reference_environments()


def mixed_environment(seed: int) -> PayoffEnvironment:
    """Return a small random environment of two agents in which f mixes three outcomes."""
    rng = np.random.default_rng(seed)
    sizes = [(1, 2), (2, 2), (1, 3), (2, 1)][seed % 4]
    utilities = rng.integers(0, 5, size=(2, *sizes, 3)).astype(float)
    weights = rng.integers(0, 4, size=(*sizes, 3)) + np.eye(3)[rng.integers(3, size=sizes)]
    return environment(utilities, weights / weights.sum(axis=-1, keepdims=True))


# --- the reference cases ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFERENCE)
def test_indifference(name: str) -> None:
    game, expected = REFERENCE[name]
    found = conditional_no_total_indifference(game)
    assert found.holds == str(expected["conditional_no_total_indifference"]).lower()
    least = expected["cnti_min_margin"]
    assert found.margin == (math.inf if least is None else pytest.approx(least, abs=1e-6))


@pytest.mark.parametrize("name", REFERENCE)
def test_interior_coalitional_reward(name: str) -> None:
    game, expected = REFERENCE[name]
    found = interior_reward(game, "coalitional")
    assert found.holds == str(expected["interior_coalitional_reward_sufficient_LP"]).lower()


def test_kernels_settle_what_the_sufficient_programme_leaves_open() -> None:
    game, _ = REFERENCE["RI-ex1-no-disposal-.5-1"]
    for found in (interior_reward(game, "coalitional"), interior_reward(game, maximal_pattern(2))):
        assert (found.holds, found.method, found.margin) == ("false", "kernels of the reward sets", 0.0)
        assert found.reason == (
            "1 of type 1 may be indifferent between all rewards that mix with all others when the others report 2:2"
        )


@pytest.mark.parametrize("name", REFERENCE)
def test_the_minimal_pattern_is_indifference(name: str) -> None:
    game, _ = REFERENCE[name]
    assert interior_reward(game, minimal_pattern(len(game))).holds == conditional_no_total_indifference(game).holds


def test_disposal() -> None:
    game, _ = REFERENCE["RI-ex1-three-types"]
    found = interior_reward(game, maximal_pattern(2))
    assert (found.holds, found.margin, found.method) == ("true", math.inf, "disposal")


def with_rays(game: PayoffEnvironment, rays: list[list[float]]) -> PayoffEnvironment:
    """Return an environment with rays that give the agents the same at all profiles."""
    along = np.broadcast_to(
        np.array(rays).T.reshape(len(game), *(1,) * len(game), len(rays)), (len(game), *game.sizes, len(rays))
    )
    return environment(np.concatenate([game.utilities, along], axis=-1), game.social_choice)


def test_disposal_takes_rays_together_that_help_nobody() -> None:
    game = mixed_environment(17)
    assert interior_reward(game, "coalitional").holds == "false"
    assert interior_reward(with_rays(game, [[-1.0, 0.0], [0.0, -1.0]]), "coalitional").method == "disposal"
    assert interior_reward(with_rays(game, [[-1.0, -2.0], [3.0, 0.0]]), "coalitional").method == "disposal"
    for rays in ([[-1.0, 0.0]], [[-1.0, 1.0], [1.0, -1.0]]):
        assert interior_reward(with_rays(game, rays), "coalitional").method != "disposal"


@pytest.mark.parametrize("seed", [4, 5])
def test_disposal_agrees_with_the_programmes(seed: int) -> None:
    game = random_environment(seed)
    assert interior_reward(game, "coalitional").method == "disposal"
    for agent in range(len(game)):
        family = coalitions_with(maximal_pattern(len(game)), 1 << agent)
        for reported in game.coalition_profiles(game.others(1 << agent)):
            with pytest.raises(UnboundedError):
                solve_model(model_of.build(game, 1 << agent, family, reported, agent, own_type=0))


def test_limits_leave_it_open() -> None:
    game, _ = REFERENCE["RI-ex1-no-disposal-.5-1"]
    rewards = RewardSet(game, 1, coalitions_with(maximal_pattern(2), 1))
    with pytest.raises(ProgramError, match="the limit of time or of 20,000 rows was reached"):
        kernel_rows(rewards, SolverOptions(time_limit=1e-9))


def test_a_kernel_left_open_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    game, _ = REFERENCE["RI-ex1-no-disposal-.5-1"]
    monkeypatch.setattr(interior, "MOST_TESTS", 3)
    found = interior_reward(game, "coalitional")
    assert found.holds == "undecided"
    assert "left open: the limit of time or of 3 rows was reached" in found.reason


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 13, 32, 84])
def test_indifference_rules_it_out_for_every_pattern(seed: int) -> None:
    game = mixed_environment(seed)
    plain = conditional_no_total_indifference(game).holds
    for found in (interior_reward(game, "coalitional"), interior_reward(game, maximal_pattern(2))):
        assert not (plain == "false" and found.holds != "false")


@pytest.mark.parametrize("seed", [14, 17, 32])
def test_scale_and_shift_change_the_margin_only(seed: int) -> None:
    game = mixed_environment(seed)
    moved = environment(2.0 * game.utilities + np.arange(2.0).reshape(2, 1, 1, 1), game.social_choice)
    one, other = interior_reward(game, "coalitional"), interior_reward(moved, "coalitional")
    assert (one.holds, one.method) == (other.holds, other.method)
    assert other.margin == pytest.approx(2.0 * one.margin, abs=1e-6)


# --- kernels ----------------------------------------------------------------------------------------------------------


def grid_rewards(rewards: RewardSet, parts: int) -> Floats:
    """Return the rewards of a set whose lotteries have weights in multiples of 1 / parts, shape (m, Q, K)."""
    lotteries = [w for w in itertools.product(range(parts + 1), repeat=rewards.columns) if sum(w) == parts]
    all_of_them = itertools.product(np.array(lotteries) / parts, repeat=rewards.profiles)
    return np.array([y for y in map(np.array, all_of_them) if rewards.contains(y)])


def meets(rewards: RewardSet, z: Floats, rows: list[list[tuple[int, int]]]) -> float:
    """Return by how much a reward misses the worst of the rows, 0 when it meets all."""
    gains = rewards.gains(z)
    return max([0.0, *(float(gains[j, p, q]) for q, own in enumerate(rows) for j, p in own)])


@pytest.mark.parametrize("seed", [14, 17, 27, 29, 32, 57, 75, 84])
def test_kernels_on_a_grid(seed: int) -> None:
    game = mixed_environment(seed)
    looked = 0
    for base in (1, 2):
        rewards = RewardSet(game, base, coalitions_with(maximal_pattern(2), base))
        points = grid_rewards(rewards, 12 if rewards.profiles == 1 else 4)
        needed, possible = kernel_rows(rewards)
        assert all(set(sure) <= set(maybe) for sure, maybe in zip(needed, possible, strict=True))
        for z in points:
            mixes = all(rewards.contains(r * z + (1 - r) * y) for y in points for r in (0.05, 0.5))
            looked += 1
            if meets(rewards, z, possible) == 0.0:
                assert mixes
            if meets(rewards, z, needed) > 0.5 and rewards.profiles == 1:
                assert not mixes
    assert looked
