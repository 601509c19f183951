"""The models of whistle-blowing: rewards for given conjectures, and the hardest conjectures for given rewards."""

from __future__ import annotations

import itertools

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from implementation_cases import reference_cases
from test_reward_set import in_reward_set, small

from breakaway.models import reward_set, whistle_blowing
from breakaway.runners.solvers import ProblemClass, examine, solve_model

NONCONVEX = reference_cases("whistle_test")["RI-nonconvex-reward-set"]
PAIRS = [(0, 2), (1, 2), (2, 0)]


def test_no_single_reward_serves_where_the_reward_set_is_not_convex() -> None:
    model = whistle_blowing.build(NONCONVEX.environment, 0b01, (0b01, 0b11), ((0,), (0,)), PAIRS)
    assert examine(model).problem_class is ProblemClass.MILP
    outcome = solve_model(model)
    assert outcome.objective == pytest.approx(NONCONVEX.expected["uniform_reward_value"], abs=1e-9)
    assert outcome.bound == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("part", np.linspace(0.0, 1.0, 21))
def test_every_conjecture_has_a_reward(part: float) -> None:
    """The reports c at a and at b; the third pair is no harder. The two kinds of reward give 1 - p and 1.5 p - 0.25."""
    psi = np.array([[part, 1.0 - part, 0.0]])
    model = whistle_blowing.build(NONCONVEX.environment, 0b01, (0b01, 0b11), ((0,), (0,)), PAIRS, conjectures=psi)
    gain = solve_model(model).objective
    assert gain > 1e-6
    assert gain >= min(max(1.0 - part, 1.5 * part - 0.25), 1.0) - 1e-9
    assert in_reward_set(NONCONVEX.environment, 0b01, (0b01, 0b11), reward_set.weights(model))


def test_gains_without_limit_are_cut_at_one() -> None:
    case = small()
    model = whistle_blowing.build(case, 0b11, (), ((0, 0), (0, 0)), [(0, 0)])
    outcome = solve_model(model)
    assert outcome.objective == pytest.approx(1.0)
    assert list(model.others) == [reward_set.NOBODY]


def test_hardest_conjecture_of_a_menu_by_hand() -> None:
    """Two rewards of one agent cross at equal parts; what an agent gains everywhere is no hardship."""
    gains = np.array([[[2.0, -1.0]], [[-1.0, 2.0]]])
    model = whistle_blowing.build_conjecture(gains)
    assert examine(model).problem_class is ProblemClass.LP
    assert solve_model(model).objective == pytest.approx(0.5)
    assert whistle_blowing.conjectures(model) == pytest.approx(np.array([[0.5, 0.5]]))


def test_two_members_have_conjectures_of_their_own() -> None:
    """Member 1 fears the first pair under reward 2, member 2 fears it under reward 1."""
    gains = np.array([[[2.0, 1.0], [-1.0, 3.0]], [[-1.0, 3.0], [2.0, 1.0]]])
    model = whistle_blowing.build_conjecture(gains)
    assert examine(model).problem_class is ProblemClass.MILP
    assert solve_model(model).objective == pytest.approx(-1.0)


@pytest.mark.parametrize("seed", range(10))
def test_hardest_conjectures_against_all_choices_of_wanting_members(seed: int) -> None:
    gains = np.random.default_rng(seed).integers(-3, 6, size=(3, 2, 3)).astype(float)
    model = whistle_blowing.build_conjecture(gains)
    outcome = solve_model(model)
    best = min(_served(gains, choice) for choice in itertools.product(range(2), repeat=3))
    assert outcome.objective == pytest.approx(best, abs=1e-7)
    psi = whistle_blowing.conjectures(model)
    served = np.einsum("kip,ip->ki", gains, psi).min(axis=1).max()
    assert served == pytest.approx(best, abs=1e-7)


def _served(gains: np.ndarray, choice: tuple[int, ...]) -> float:
    """Return the value when the k-th reward leaves ``choice[k]`` wanting: members are games against their rewards."""
    values = []
    for i in range(gains.shape[1]):
        rows = [k for k, member in enumerate(choice) if member == i]
        if rows:
            model = whistle_blowing.build_conjecture(gains[rows][:, [i]])
            values.append(solve_model(model).objective)
    return max(values)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"conjectures have the shape \(1, 3\)"):
        whistle_blowing.build(
            NONCONVEX.environment, 0b01, (0b01,), ((0,), (0,)), PAIRS, conjectures=np.array([1.0, 0.0, 0.0])
        )


def golden_models() -> dict[str, pyo.ConcreteModel]:
    case = small()
    types = ((0,), (0,))
    pairs = [(0, 0), (0, 1), (1, 1)]
    gains = np.array([[[1.0, -1.0], [0.0, 2.0]], [[-2.0, 3.0], [1.0, 1.0]]])
    return {
        "one_reward": whistle_blowing.build(case, 0b01, (0b01,), types, pairs),
        "conjectures": whistle_blowing.build(case, 0b01, (0b01,), types, pairs, np.array([[0.5, 0.25, 0.25]])),
        "hardest": whistle_blowing.build_conjecture(gains),
        "hardest_alone": whistle_blowing.build_conjecture(gains[:, :1]),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("whistle_blowing", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("whistle_blowing") == set(golden_models())
    constraints = {c.name for m in golden_models().values() for c in m.component_objects(pyo.Constraint)}
    of_rewards = {"lottery", "alone", "some_member_keeps", "kept"}
    assert constraints == of_rewards | {"gain", "expected_gain", "total", "some_member", "expected"}


def test_every_component_is_documented() -> None:
    for model in golden_models().values():
        for component in model.component_objects():
            assert component.doc or component.name.endswith(("_index", "_domain")), component.name


def test_page() -> None:
    pairs = run_page("whistle_blowing")
    assert pairs
    for expected, found in pairs:
        assert found == expected
