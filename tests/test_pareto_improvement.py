"""Programs 1 and 2: directions in which everybody improves."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from public_goods_cases import SMOOTH as SMOOTH_FAMILIES
from public_goods_cases import game_of, random_game, reference_cases, rightmost, sqrt_utilities
from public_goods_pair import NOBODY, PAIR, PIECES, SMOOTH

from breakaway.data.public_goods import PublicGoodsGame, supergradients
from breakaway.models import pareto_improvement
from breakaway.runners.solvers import solve_model
from breakaway.runners.solvers.capabilities import CAPABILITIES, LP

CASES = reference_cases()


def fastest(game: PublicGoodsGame, outcome: object, direction: str, solver: str = "highs") -> float:
    """Return the value of Program 1 or 2."""
    found = solve_model(pareto_improvement.build(game, outcome, direction), solver=solver)
    assert found.is_optimal
    return float(found.objective)


@pytest.mark.parametrize(
    ("outcome", "up", "down"),
    [((0.0, 0.0), 1.5, None), ((1.0, 1.0), 1.0, -1.0), ((3.0, 3.0), 0.0, 0.0), ((4.0, 4.0), -0.5, 0.5)],
)
def test_smooth_by_hand(outcome: tuple[float, float], up: float, down: float | None) -> None:
    assert fastest(SMOOTH, outcome, "up") == pytest.approx(up, abs=1e-9)
    if down is not None:
        assert fastest(SMOOTH, outcome, "down") == pytest.approx(down, abs=1e-9)


@pytest.mark.parametrize("solver", [name for name, can in CAPABILITIES.items() if LP in can.classes])
@pytest.mark.parametrize(("direction", "value"), [("up", -0.5), ("down", 0.5)])
def test_every_solver_of_linear_programmes(direction: str, value: float, solver: str) -> None:
    assert fastest(SMOOTH, (4.0, 4.0), direction, solver) == pytest.approx(value, abs=1e-7)


def test_direction_by_hand() -> None:
    model = pareto_improvement.build(SMOOTH, (4.0, 4.0), "down")
    solve_model(model)
    assert [pyo.value(model.direction[i]) for i in PAIR] == pytest.approx([-0.5, -0.5])


@pytest.mark.parametrize(("outcome", "up", "down"), [((1.0, 1.0), 0.5, -0.5), ((2.0, 2.0), -0.5, -0.5)])
def test_pieces_by_hand(outcome: tuple[float, float], up: float, down: float) -> None:
    assert fastest(PIECES, outcome, "up") == pytest.approx(up)
    assert fastest(PIECES, outcome, "down") == pytest.approx(down)


def test_all_pieces_within_the_tolerance_are_active() -> None:
    near = (2.0, 2.0 + 1e-8)
    assert len(pareto_improvement.build(PIECES, near).pieces) == 4
    assert len(pareto_improvement.build(PIECES, near, tolerance=0.0).pieces) == 2


def test_who_cannot_move_has_no_direction() -> None:
    up = PublicGoodsGame(PAIR, SMOOTH.utilities, NOBODY, max_action=2.0)
    assert list(pareto_improvement.build(up, (2.0, 1.0)).movers) == ["Bob"]
    assert list(pareto_improvement.build(up, (0.0, 1.0), "down").movers) == ["Bob"]
    with pytest.raises(ValueError, match="everybody acts at its largest action already"):
        pareto_improvement.build(up, (2.0, 2.0))
    with pytest.raises(ValueError, match="everybody acts at 0 already"):
        pareto_improvement.build(up, (0.0, 0.0), "down")


@pytest.mark.parametrize("family", SMOOTH_FAMILIES)
@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_sign_is_that_of_the_rightmost_eigenvalue(family: str, n: int) -> None:
    """Where all act and benefit from all, Program 1 is above 0 iff s(J) > 0, and Program 2 iff s(J) < 0."""
    game, seen = random_game(family, n, seed=1), 0
    for a in game.outcomes.actions:
        s = rightmost(supergradients(game.utilities, a))
        if a.min() > 0 and abs(s) > 1e-9:
            assert (fastest(game, a, "up") > 0) == (s > 0)
            assert (fastest(game, a, "down") > 0) == (s < 0)
            seen += 1
    assert seen >= 2


@pytest.mark.parametrize("name", CASES)
def test_reference_outcomes_can_be_improved_when_all_deviate(name: str) -> None:
    case = CASES[name]
    a = case.game.outcomes.actions[0]
    efficient = case.coalition != tuple(range(len(case.game)))
    best = [fastest(case.game, a, direction) for direction in ("up", "down") if direction == "up" or a.any()]
    assert (max(best) <= 1e-9) == efficient


def test_a_part_that_can_improve_is_not_seen_without_strict_externalities() -> None:
    case = CASES["PG-weak-externality-zero"]
    assert fastest(case.game, (0.0, 0.0, 0.0), "up") == pytest.approx(case.expected["grand_coalition_program1_value"])
    assert case.coalition == (0, 1)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="unknown formulation 'sideways'; choose one of 'up', 'down'"):
        pareto_improvement.build(SMOOTH, (1.0, 1.0), "sideways")
    with pytest.raises(ValueError, match="the outcome must be 2 finite actions of at least 0, one for every agent"):
        pareto_improvement.build(SMOOTH, (1.0, -1.0))
    with pytest.raises(ValueError, match="the outcome must be 2 finite actions"):
        pareto_improvement.build(SMOOTH, (1.0, 2.0, 3.0))
    steep = game_of(sqrt_utilities([[0.5, 0.5], [0.5, 0.5]], [1.0, 1.0], 0.0))
    with pytest.raises(ValueError, match="agent '1' has an infinite slope in the action of agent '2' at 0"):
        pareto_improvement.build(steep, (1.0, 0.0))
    assert fastest(steep, (1.0, 0.0), "down") == pytest.approx(-0.25)


def golden_models() -> dict[str, pyo.ConcreteModel]:
    return {
        "up": pareto_improvement.build(PIECES, (2.0, 2.0)),
        "down": pareto_improvement.build(SMOOTH, (4.0, 0.0), "down"),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("pareto_improvement", name)


def test_every_direction_has_a_golden_text() -> None:
    assert golden_names("pareto_improvement") == set(pareto_improvement.DIRECTIONS) == set(golden_models())


def test_every_component_is_documented() -> None:
    for model in golden_models().values():
        for component in model.component_objects():
            assert component.doc or component.name.endswith(("_index", "_domain")), component.name


def test_page() -> None:
    pairs = run_page("pareto_improvement")
    assert pairs
    for expected, found in pairs:
        assert found == expected
