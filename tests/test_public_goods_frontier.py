"""The Pareto frontier of two agents."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from public_goods_cases import FAMILIES, game_of, log_utilities, random_utilities, reference_cases, rv_utilities

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.public_goods.frontier import pareto_frontier
from breakaway.runners.public_goods.judge import best_alone
from breakaway.runners.public_goods.solution import Levels

PAIR = game_of(rv_utilities([1.0, 1.0]))


def points_of(frame: pd.DataFrame) -> Floats:
    """Actions by point, shape (points, 2)."""
    return frame["action"].to_numpy().reshape(-1, 2)


def test_pollution_game_by_hand() -> None:
    # s(J) = 0 for J = [[1 - x^2, 1], [1, 1 - y^2]] is 1 / x^2 + 1 / y^2 = 1; the axes never get there.
    frame = pareto_frontier(PAIR, 9)
    assert list(frame.columns) == ["point", "agent", "action", "utility", "in_core"]
    assert frame["point"].tolist() == [k for k in range(1, 8) for _ in range(2)]
    assert frame["agent"].tolist() == ["1", "2"] * 7
    x = points_of(frame)
    assert (x**-2.0).sum(axis=1) == pytest.approx(np.ones(7), rel=1e-12)
    assert np.arctan2(x[:, 1], x[:, 0]) == pytest.approx(np.linspace(0.0, np.pi / 2, 9)[1:-1], abs=1e-12)
    assert frame["utility"].to_numpy().reshape(-1, 2) == pytest.approx(x.sum(axis=1)[:, None] - x**3 / 3)
    # Alone an agent has 2/3 at 1: the core is where both have that.
    utilities = x.sum(axis=1)[:, None] - x**3 / 3
    assert frame["in_core"].tolist() == [bool(u.min() >= 2 / 3) for u in utilities for _ in range(2)]
    assert 0 < sum(frame["in_core"]) < len(frame)


def test_the_lindahl_outcome_lies_on_it() -> None:
    case = reference_cases()["PG-rv2-1-1-lindahl"]
    middle = points_of(pareto_frontier(case.game, 3))
    assert middle.tolist() == [pytest.approx(case.expected["lindahl"], rel=1e-12)]


@pytest.mark.parametrize("bound", [math.inf, 1.5, 0.4])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_point_is_dominated(family: str, bound: float) -> None:
    # Along the frontier nobody can rise without the other falling; a fine grid around each point has nothing better.
    rng, seen = np.random.default_rng(5), 0
    for seed in range(4):
        game = game_of(random_utilities(family, 2, seed), max_action=bound)
        for x in points_of(pareto_frontier(game, 15)):
            best = least_gain_of_others(game, x, rng)
            assert best <= 1e-6
            seen += 1
    assert seen >= (1 if bound < 1 else 4)


def least_gain_of_others(game: PublicGoodsGame, x: Floats, rng: np.random.Generator) -> float:
    """The largest least gain over x among many outcomes, near and far."""
    had, most = game.utilities.values(x), min(game.max_action, 10.0 * (1.0 + x.max()))
    steps = rng.normal(size=(150, 2)) * 10.0 ** rng.uniform(-4, 0, (150, 1)) * (1.0 + x.max())
    others = np.clip(np.vstack([x + steps, rng.uniform(0.0, most, (50, 2))]), 0.0, game.max_action)
    return max(float((game.utilities.values(y) - had).min()) for y in others)


@pytest.mark.parametrize("family", FAMILIES)
def test_core_is_what_is_individually_rational(family: str) -> None:
    for seed in range(4):
        game = game_of(random_utilities(family, 2, seed), max_action=20.0)
        frame = pareto_frontier(game, 15)
        alone = np.array([game.utilities.alone(np.full(2, x)) for x in np.linspace(0.0, 20.0, 2_001)])
        alone = alone.max(axis=0)
        assert best_alone(game) == pytest.approx(alone, abs=2e-2)
        for _, rows in frame.groupby("point"):
            gain = float((alone - rows["utility"].to_numpy()).max())
            assert abs(gain) <= 2e-2 or rows["in_core"].tolist() == [gain < 1e-6] * 2


def test_within_the_band_nothing_is_said() -> None:
    first = pareto_frontier(PAIR, 9)["utility"].to_numpy()[:2]
    gain = float((best_alone(PAIR) - first).max())
    assert gain > 0.1
    for eps, expected in ((0.8 * gain, False), (gain, None), (1.2 * gain, True)):
        assert pareto_frontier(PAIR, 9, Levels(eps))["in_core"].tolist()[:2] == [expected] * 2


def test_where_nobody_acts_there_is_no_frontier() -> None:
    game = game_of(log_utilities([[0.5, 0.2], [0.2, 0.5]], [1.0, 1.0]))
    frame = pareto_frontier(game, 5)
    assert len(frame) == 0
    assert list(frame.columns) == ["point", "agent", "action", "utility", "in_core"]


def test_a_box_that_is_too_small_leaves_its_corner() -> None:
    frame = pareto_frontier(game_of(rv_utilities([1.0, 2.0]), max_action=0.5), 4)
    assert points_of(frame).tolist() == [[0.5, 0.5]]
    assert points_of(pareto_frontier(game_of(rv_utilities([1.0, 2.0]), max_action=0.5), 5)).tolist() == [[0.5, 0.5]]


def test_edges_of_a_box() -> None:
    # At x = 1.1 the second agent's benefit from acting more outweighs its cost until y = 1, by its own.
    x = points_of(pareto_frontier(game_of(rv_utilities([1.0, 1.0]), max_action=1.1), 41))
    on_edge = x[np.isclose(x.max(axis=1), 1.1)]
    assert len(on_edge) == len(x)
    assert x.min() >= 1.0 - 1e-12


def test_refusals() -> None:
    with pytest.raises(ValueError, match="for two agents only; there are 3"):
        pareto_frontier(game_of(rv_utilities([1.0, 1.0, 1.0])))
    with pytest.raises(ValueError, match="at least 2 points"):
        pareto_frontier(PAIR, 1)
