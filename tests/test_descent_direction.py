"""Program 4: directions of descent, as printed and upward."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from public_goods_cases import SMOOTH as SMOOTH_FAMILIES
from public_goods_cases import random_game, reference_cases, rightmost
from public_goods_pair import PAIR, PIECES, SMOOTH

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame, supergradients
from breakaway.models import coalition_deviation, descent_direction
from breakaway.runners.solvers import solve_model
from breakaway.runners.solvers.capabilities import CAPABILITIES, LP

CASES = reference_cases()
EVERYBODY = (0, 1)


def descent(
    game: PublicGoodsGame, point: object, coalition: tuple[int, ...], *arguments: object
) -> tuple[float, Floats]:
    """Return the rate and the direction."""
    model = descent_direction.build(game, point, coalition, *arguments)
    outcome = solve_model(model, solver="highs")
    assert outcome.is_optimal
    return float(outcome.objective), descent_direction.direction(model, game)


@pytest.mark.parametrize(
    ("formulation", "point", "rate"),
    [("upward", 3.0, 0.0), ("upward", 1.0, 1.0), ("max-min", 3.0, 0.0), ("max-min", 1.0, -1.0), ("max-min", 4.0, 0.5)],
)
def test_smooth_by_hand(formulation: str, point: float, rate: float) -> None:
    found, direction = descent(SMOOTH, (point, point), EVERYBODY, formulation)
    assert found == pytest.approx(rate, abs=1e-9)
    assert direction == pytest.approx([-0.5, -0.5])


@pytest.mark.parametrize("solver", [name for name, can in CAPABILITIES.items() if LP in can.classes])
@pytest.mark.parametrize("formulation", descent_direction.FORMULATIONS)
def test_every_solver_of_linear_programmes(formulation: str, solver: str) -> None:
    model = descent_direction.build(SMOOTH, (2.0, 5.0), EVERYBODY, formulation)
    assert solve_model(model, solver=solver).objective == pytest.approx(0.0, abs=1e-7)
    assert descent_direction.direction(model, SMOOTH) == pytest.approx([-2 / 3, -1 / 3], abs=1e-5)


def test_a_coalition_of_one() -> None:
    rate, direction = descent(SMOOTH, (0.5, 0.0), (0,))
    assert rate == pytest.approx(0.5)
    assert direction == pytest.approx([-1.0, 0.0])


def test_pieces_by_hand() -> None:
    kink = (2.0, 2.0)
    for formulation in descent_direction.FORMULATIONS:
        assert descent(PIECES, kink, EVERYBODY, formulation)[0] == pytest.approx(-0.5)
    early, late = np.array([0, 2]), np.array([1, 3])
    assert descent(PIECES, kink, EVERYBODY, "upward", early)[0] == pytest.approx(0.5)
    assert descent(PIECES, kink, EVERYBODY, "upward", late)[0] == pytest.approx(-0.5)
    assert descent(PIECES, (1.0, 1.0), EVERYBODY)[0] == pytest.approx(0.5)


def frontier_outcomes() -> list[str]:
    """Reference cases that are smooth and Pareto efficient, in which everybody acts."""
    smooth = [name for name in CASES if "pwl" not in name and CASES[name].game.outcomes.actions[0].min() > 0]
    return [n for n in smooth if len(CASES[n].coalition) < len(CASES[n].game)]


@pytest.mark.parametrize("name", frontier_outcomes())
def test_on_the_frontier_both_find_the_direction_in_which_nothing_changes(name: str) -> None:
    game = CASES[name].game
    a, everybody = game.outcomes.actions[0], tuple(range(len(game)))
    jacobian = supergradients(game.utilities, a)
    values, vectors = np.linalg.eig(jacobian)
    perron = np.abs(np.real(vectors[:, np.argmax(values.real)]))
    for formulation in descent_direction.FORMULATIONS:
        rate, direction = descent(game, a, everybody, formulation)
        assert rate == pytest.approx(0.0, abs=1e-8)
        assert direction == pytest.approx(-perron / perron.sum(), abs=1e-6)


@pytest.mark.parametrize("family", SMOOTH_FAMILIES)
@pytest.mark.parametrize("n", [2, 4])
def test_below_the_frontier_no_utility_rises(family: str, n: int) -> None:
    game, seen = random_game(family, n, seed=2), 0
    for a in game.outcomes.actions:
        jacobian = supergradients(game.utilities, a)
        if a.min() > 0 and rightmost(jacobian) > 1e-9:
            rate, direction = descent(game, a, tuple(range(n)))
            assert rate > 0
            assert (jacobian @ direction).max() <= -rate + 1e-9
            seen += 1
    assert seen


def test_the_printed_program_raises_a_utility_where_the_upward_one_does_not() -> None:
    """Second round of the elimination in the case on which it errs: agents 1 and 3 under the bounds of round one."""
    case = CASES["PG-log3-literal-fails"]
    a, coalition = case.game.outcomes.actions[0], (0, 2)
    _, slide = descent(case.game, a, (0, 1, 2))
    bounds = a + (a / -slide).min() * slide
    assert bounds == pytest.approx([0.1827, 0.0, 2.7864], abs=1e-4)
    model = coalition_deviation.build(case.game, a, coalition, bounds)
    assert solve_model(model).objective == pytest.approx(-0.9485, abs=1e-4)
    x = coalition_deviation.deviation(model, case.game)
    assert x == pytest.approx(bounds, abs=1e-6)
    jacobian = supergradients(case.game.utilities, x)
    rate, printed = descent(case.game, x, coalition, "max-min")
    assert printed == pytest.approx([0.0, 0.0, -1.0])
    assert (jacobian @ printed)[[0, 2]] == pytest.approx([rate, 0.5151], abs=1e-4)
    rate, upward = descent(case.game, x, coalition, "upward")
    assert upward == pytest.approx([-1.0, 0.0, 0.0])
    assert (jacobian @ upward)[[0, 2]] == pytest.approx([-rate, -0.5073], abs=1e-4)
    assert case.coalition == (2,)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="unknown formulation 'down'; choose one of 'upward', 'max-min'"):
        descent_direction.build(SMOOTH, (1.0, 1.0), EVERYBODY, "down")
    with pytest.raises(ValueError, match="agent 'Bob' is no member and acts at 1: set the actions of all others to 0"):
        descent_direction.build(SMOOTH, (1.0, 1.0), (0,))
    with pytest.raises(ValueError, match="is no coalition of 2 agents"):
        descent_direction.build(SMOOTH, (1.0, 1.0), (0, 0))
    with pytest.raises(ValueError, match="the point must be 2 finite actions"):
        descent_direction.build(SMOOTH, (1.0,), EVERYBODY)
    for wrong in ([-1, 2], [2, 2], [0]):
        with pytest.raises(ValueError, match=r"no piece of agent 'Ann' is chosen: choose one of \[0, 1\]"):
            descent_direction.build(PIECES, (2.0, 2.0), EVERYBODY, chosen=np.array(wrong))
    with pytest.raises(ValueError, match=r"no piece of agent 'Ann' is chosen: choose one of \[-1\]"):
        descent_direction.build(SMOOTH, (2.0, 2.0), EVERYBODY, chosen=np.array([0, 0]))


def golden_models() -> dict[str, pyo.ConcreteModel]:
    return {
        "upward": descent_direction.build(PIECES, (2.0, 2.0), EVERYBODY, chosen=np.array([0, 3])),
        "max-min": descent_direction.build(SMOOTH, (1.0, 2.0), EVERYBODY, "max-min"),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("descent_direction", name)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("descent_direction") == set(descent_direction.FORMULATIONS) == set(golden_models())


def test_every_component_is_documented() -> None:
    for model in golden_models().values():
        assert list(model.members) == list(PAIR)
        for component in model.component_objects():
            assert component.doc or component.name.endswith(("_index", "_domain")), component.name


def test_page() -> None:
    pairs = run_page("descent_direction")
    assert pairs
    for expected, found in pairs:
        assert found == expected
