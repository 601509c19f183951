"""The model of interior rewards: by hand, the paper's indifference condition, refusals, printed form."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from implementation_cases import environment, random_environment, reference_environments

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import PayoffEnvironment, coalitions_with, maximal_pattern
from breakaway.models import interior_reward
from breakaway.runners.solvers import InfeasibleError, SolverOptions, UnboundedError, solve_model

TIGHT = SolverOptions(tolerance=1e-10)

PAIR = environment(
    np.array([[[[0.0, 2.0, 1.0]], [[1.0, 0.0, 3.0]]], [[[1.0, 0.0, 2.0]], [[0.0, 2.0, 2.0]]]]),
    np.array([[[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]]),
)
"""Agent 1 has two types, agent 2 one; f prescribes the first outcome at type 1 and the third at type 2."""


def solved(model: pyo.ConcreteModel) -> float:
    """Solve and return the margin."""
    assert solve_model(model, TIGHT).is_optimal
    return float(pyo.value(model.margin))


def reward(model: pyo.ConcreteModel, side: str) -> Floats:
    """Return the weights and amounts of one of the two rewards."""
    columns = [*(model.weight[side, k] for k in model.outcomes), *(model.amount[side, r] for r in model.rays)]
    return np.array([pyo.value(column) for column in columns])


def test_by_hand() -> None:
    # Agent 1 alone: u_1 <= 0 at type 1 leaves (1, 0, 0) only, where u = (0, 2, 1): both rewards are the first outcome.
    assert solved(interior_reward.build(PAIR, 1, [1], [0], agent=0, own_type=0)) == pytest.approx(0.0, abs=1e-9)
    # Agent 2 alone, report 1 of type 1: u_2 <= 1 there, u_2 = (1, 0, 2); weights (w1, w2, w3) with w1 + 2 w3 <= 1.
    # u_2 at the types of agent 1 is (1, 0, 2) and (0, 2, 2): high (0, 1/2, 1/2) has (1, 2), low (a, b, 0) has (a, 2 b);
    # 1 - a = 2 - 2 b with a + b = 1 at a = 1/3.
    model = interior_reward.build(PAIR, 2, [2], [0], agent=1, own_type=0)
    assert solved(model) == pytest.approx(2 / 3, abs=1e-9)
    assert reward(model, "high") == pytest.approx([0.0, 0.5, 0.5], abs=1e-9)
    assert reward(model, "low") == pytest.approx([1 / 3, 2 / 3, 0.0], abs=1e-9)


def test_a_cap_is_a_cap() -> None:
    assert solved(interior_reward.build(PAIR, 2, [2], [0], 1, 0, cap=0.25)) == pytest.approx(0.25, abs=1e-9)


def test_the_coalition_adds_rows() -> None:
    alone = interior_reward.kept_rows(PAIR, 2, [2], [0])
    together = interior_reward.kept_rows(PAIR, 2, [2, 3], [0])
    assert alone == ((1, 0),)  # agent 2 at the profile that is reported
    assert together == ((0, 0), (0, 1), (1, 0), (1, 1))  # both agents at all profiles


@pytest.mark.parametrize("seed", range(8))
def test_kept_rows_by_the_definition(seed: int) -> None:
    game = random_environment(seed)
    for base in maximal_pattern(len(game)):
        family = coalitions_with(maximal_pattern(len(game)), base)[:2]
        for reported in game.coalition_profiles(game.others(base)):
            said = dict(zip(members(game.others(base)), reported, strict=True))
            rows = {
                (j, p)
                for coalition in family
                for p, types in enumerate(game.profiles.tolist())
                for j in members(coalition)
                if all(types[k] == said[k] for k in said if not coalition >> k & 1)
            }
            assert interior_reward.kept_rows(game, base, family, reported) == tuple(sorted(rows))


def by_belief(game: PayoffEnvironment, agent: int, own: int, reported: int, belief: Floats) -> float:
    """Return how far apart the best and the worst outcome are that do not tempt an agent, for one belief.

    The outcomes are those of a fine grid of lotteries.
    """
    names = game.with_members(1 << agent, [own])
    tempted = game.with_members(game.others(1 << agent), [game.profiles[reported][k] for k in others_of(game, agent)])
    grid = np.array([w for w in np.ndindex(*(13,) * len(game.outcomes)) if sum(w) == 12]) / 12
    due = game.payoffs[agent, tempted, tempted]
    fits = grid[(grid @ game.worth[agent, tempted].T <= due + 1e-9).all(axis=1)]
    values = fits @ game.worth[agent, names].T @ belief
    return float(np.ptp(values)) if len(values) else 0.0


def others_of(game: PayoffEnvironment, agent: int) -> tuple[int, ...]:
    return members(game.others(1 << agent))


@pytest.mark.parametrize("name", ["RI-rand7-2x3-C", "RI-rand10-2x3-D", "RI-rand19-2x2-D", "RI-rand6-2x2-D"])
def test_minimax(name: str) -> None:
    """No belief tells outcomes of a grid further apart than the margin of the hardest belief, the multipliers, does."""
    game, _ = reference_environments()[name]
    for agent, own in ((0, 0), (1, 1)):
        rest = game.others(1 << agent)
        for reported in game.coalition_profiles(rest):
            model = interior_reward.build(game, 1 << agent, [1 << agent], reported, agent, own)
            model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
            margin = solved(model)
            belief = np.abs([model.dual[model.ranked[theta]] for theta in model.others])
            assert belief.sum() == pytest.approx(1.0, abs=1e-7)
            profile = game.number([dict(zip(members(rest), reported, strict=True)).get(k, 0) for k in range(len(game))])
            assert by_belief(game, agent, own, profile, belief) <= margin + 1e-7


@pytest.mark.parametrize("seed", [0, 2, 4, 5, 7, 11])
def test_rewards_answer_to_the_definition(seed: int) -> None:
    game = random_environment(seed)
    family, reported = coalitions_with(maximal_pattern(len(game)), 1), [0] * (len(game) - 1)
    model = interior_reward.build(game, 1, family, reported, agent=0, own_type=0, cap=1.0)
    margin = solved(model)
    high, low = reward(model, "high"), reward(model, "low")
    for j, p in interior_reward.kept_rows(game, 1, family, reported):
        assert max(game.worth[j, p] @ high, game.worth[j, p] @ low) <= game.payoffs[j, p, p] + 1e-7
    there = game.worth[0, game.with_members(1, [0])]
    assert (there @ (high - low)).min() >= margin - 1e-7


def test_free_disposal_has_no_limit() -> None:
    game, expected = reference_environments()["RI-ex2"]
    assert expected["cnti_min_margin"] is None
    with pytest.raises(UnboundedError):
        solve_model(interior_reward.build(game, 1, [1, 3], [0], 0, 0))
    assert solved(interior_reward.build(game, 1, [1, 3], [0], 0, 0, cap=5.0)) == pytest.approx(5.0)


def test_nothing_to_give() -> None:
    worst = environment(np.array([[[[1.0, 2.0]], [[2.0, 1.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]]), np.ones((2, 1, 2)) / 2)
    rows = [(0, 0), (0, 1)]  # agent 1 keeps f at both types: fine for the two outcomes mixed evenly only
    assert solved(interior_reward.build(worst, 1, [1], [0], 0, 0, rows)) == pytest.approx(0.0, abs=1e-9)
    lower = environment(worst.utilities, np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    with pytest.raises(InfeasibleError):
        solve_model(interior_reward.build(lower, 1, [1], [0], 0, 0))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="agent number 0 is no member of the base 2: only members rank"):
        interior_reward.build(PAIR, 2, [2], [0], agent=0, own_type=0)
    with pytest.raises(ValueError, match="choose those that do with coalitions_with"):
        interior_reward.build(PAIR, 2, [1], [0], agent=1, own_type=0)


@pytest.mark.parametrize(
    ("name", "family", "kept"), [("alone", [1], None), ("coalitions", [1, 3], None), ("rows", [1, 3], [(0, 0), (1, 1)])]
)
def test_golden_text(name: str, family: list[int], kept: list[tuple[int, int]] | None) -> None:
    assert golden_names("interior_reward") == {"alone", "coalitions", "rows"}
    game, _ = reference_environments()["RI-ex2"]
    model = interior_reward.build(game, 1, family, [1], agent=0, own_type=0, kept=kept, cap=1.0)
    assert model_text(model) == golden_text("interior_reward", name)


def test_page() -> None:
    pairs = run_page("interior_reward")
    assert len(pairs) == 2
    for expected, found in pairs:
        assert found == expected
