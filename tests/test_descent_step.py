"""The model of one step of the descent."""

from __future__ import annotations

import numpy as np
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from public_goods_cases import FAMILIES, game_of, log_utilities, pwl_utilities, random_game, rv_utilities

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame, least_pieces, supergradients
from breakaway.models import descent_step
from breakaway.models.public_goods import vector
from breakaway.runners.public_goods.descent import greatest_step
from breakaway.runners.solvers import SolverOptions, solve_model

TIGHT = SolverOptions(tolerance=1e-10)
PAIR = game_of(rv_utilities([1.0, 1.0]))
KINKS = game_of(pwl_utilities([[[-1.0, 1.0], [-2.0, 1.0]], [[1.0, -1.0]]], [[0.0, 1.0], [0.0]]))


def solved(game: PublicGoodsGame, a: Floats, x: Floats, level: float, chosen: Floats | None = None) -> Floats:
    model = descent_step.build(game, a, x, level, chosen)
    assert solve_model(model, TIGHT, solver="highs").is_optimal
    return vector(game, model.decrease)


def test_by_hand() -> None:
    # u_i = x_1 + x_2 - x_i^3 / 3 at x = (2, 2), a = 0: gains 4/3; J = [[-3, 1], [1, -3]]; level 7/3 leaves 1 to lose:
    # -3 z_1 + z_2 >= -1 and -3 z_2 + z_1 >= -1 meet at z = (1/2, 1/2).
    assert solved(PAIR, np.zeros(2), np.full(2, 2.0), 7 / 3) == pytest.approx([0.5, 0.5], abs=1e-9)


def test_bounds_bind() -> None:
    # At x = (0.1, 2), J = [[0.99, 1], [1, -3]]: the first row holds for all z, so that z_1 = 0.1 at its bound.
    z = solved(PAIR, np.zeros(2), np.array([0.1, 2.0]), 3.0)
    short = 3.0 - (2.1 - 8 / 3)
    assert z == pytest.approx([0.1, (short + 0.1) / 3], abs=1e-9)


def test_who_gains_enough_stays() -> None:
    model = descent_step.build(PAIR, [0.0, 0.0], [0.5, 2.0], 1.0)
    assert list(model.movers) == ["2"]
    assert model.shortfall["2"] == pytest.approx(1.0 - (2.5 - 8 / 3))


@pytest.mark.parametrize("family", FAMILIES)
def test_agrees_with_linear_systems(family: str) -> None:
    compared = 0
    for n, seed in ((2, 0), (3, 1), (5, 2), (8, 3)):
        game = random_game(family, n, seed)
        a = game.outcomes.actions[1]
        x = 2.0 * a + 1.0
        gains = game.utilities.values(x) - game.utilities.values(a)
        movers = np.flatnonzero(gains <= 1e-6)
        if not len(movers):
            continue
        jacobian = supergradients(game.utilities, x)[np.ix_(movers, movers)]
        z, _ = greatest_step(jacobian, gains[movers] - 1e-6, x[movers])
        assert solved(game, a, x, 1e-6)[movers] == pytest.approx(z, abs=1e-6 * x.max())
        compared += 1
    assert compared >= 2


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_gains_on_the_way(family: str) -> None:
    game = random_game(family, 4, 7)
    a = game.outcomes.actions[1]
    x = 2.0 * a + 1.0
    model = descent_step.build(game, a, x, 0.1)
    assert solve_model(model, TIGHT, solver="highs").is_optimal
    z, who = vector(game, model.decrease), [game.agents.index(i) for i in model.movers]
    had = game.utilities.values(a)
    for part in np.linspace(0.0, 1.0, 11):
        assert (game.utilities.values(x - part * z) - had)[who].max() <= 0.1 + 1e-7


def test_pieces_may_be_chosen() -> None:
    x = np.array([2.0, 1.0])  # the first agent's pieces are -1 and -2 there, the second one is the least
    assert least_pieces(KINKS.utilities, x).tolist() == [1, 2]
    least = descent_step.build(KINKS, [0.0, 0.0], x, 0.0)
    other = descent_step.build(KINKS, [0.0, 0.0], x, 0.0, np.array([0, 2]))
    assert list(least.movers) == ["1"]
    assert (least.slope["1", "1"], least.shortfall["1"]) == (-2.0, 2.0)
    assert (other.slope["1", "1"], other.shortfall["1"]) == (-1.0, 1.0)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"the descent has ended there; raise the level"):
        descent_step.build(PAIR, [0.0, 0.0], [1.0, 1.0], 0.0)
    with pytest.raises(ValueError, match="the point must be 2 finite actions"):
        descent_step.build(PAIR, [0.0, 0.0], [-1.0, 1.0], 0.0)
    with pytest.raises(ValueError, match="the outcome must be 2 finite actions"):
        descent_step.build(PAIR, [0.0], [1.0, 1.0], 0.0)
    with pytest.raises(ValueError, match="no piece of agent"):
        descent_step.build(KINKS, [0.0, 0.0], [2.0, 1.0], 0.0, np.array([2, 2]))
    with pytest.raises(ValueError, match="gives it more than the level already: choose a lower one"):
        descent_step.build(KINKS, [0.0, 0.0], [2.0, 1.0], -1.5, np.array([0, 2]))


def test_golden_text() -> None:
    game = game_of(log_utilities([[0.5, 0.25, 0.0], [0.25, 0.5, 0.25], [0.0, 0.25, 0.5]], [1.0, 1.0, 0.125]))
    assert golden_names("descent_step") == {"step"}
    model = descent_step.build(game, [0.0, 0.0, 0.0], [1.0, 3.0, 1.0], 0.25)
    assert model_text(model) == golden_text("descent_step", "step")


def test_page() -> None:
    pairs = run_page("descent_step")
    assert len(pairs) == 1
    for expected, found in pairs:
        assert found == expected
