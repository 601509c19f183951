"""Program 3: the deviation of a coalition whose least gain is largest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from public_goods_cases import Case, random_game, reference_cases
from public_goods_pair import ALL_FORMS, NOBODY, PAIR, PIECES, SMOOTH, expressions

from breakaway.data.arrays import frozen_floats
from breakaway.data.public_goods import (
    ExpressionUtilities,
    FormUtilities,
    Pieces,
    PublicGoodsGame,
    Terms,
)
from breakaway.models import coalition_deviation
from breakaway.runners.solvers import ProblemClass, UnboundedError, examine, solve_model

CASES = reference_cases(bounded=True)


def members_of(text: str) -> tuple[int, ...]:
    return tuple(int(i) - 1 for i in text.split(","))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_reference_gains_of_every_coalition(case: Case) -> None:
    a = case.game.outcomes.actions[0]
    utility = case.game.utilities.values(a)
    for text, expected in case.expected["maxmin_gain"].items():
        members = members_of(text)
        model = coalition_deviation.build(case.game, a, members)
        outcome = solve_model(model)
        assert outcome.is_optimal
        assert outcome.objective == pytest.approx(expected, abs=2e-8)
        x = coalition_deviation.deviation(model, case.game)
        gains = case.game.utilities.values(x) - utility
        assert gains[list(members)].min() == pytest.approx(expected, abs=2e-8)
        assert not np.delete(x, members).any()


@pytest.mark.parametrize(
    ("coalition", "gain", "actions"), [((0,), 0.5, (1.0, 0.0)), ((1,), 0.5, (0.0, 1.0)), ((0, 1), 4.5, (3.0, 3.0))]
)
def test_smooth_by_hand(coalition: tuple[int, ...], gain: float, actions: tuple[float, float]) -> None:
    model = coalition_deviation.build(SMOOTH, (0.0, 0.0), coalition)
    assert examine(model).problem_class is ProblemClass.NLP
    outcome = solve_model(model)
    assert outcome.solver == "ipopt"
    assert outcome.objective == pytest.approx(gain, abs=1e-8)
    assert coalition_deviation.deviation(model, SMOOTH) == pytest.approx(actions, abs=1e-3)


def test_pieces_by_hand() -> None:
    model = coalition_deviation.build(PIECES, (1.0, 1.0), (1, 0))
    assert examine(model).problem_class is ProblemClass.LP
    outcome = solve_model(model)
    assert outcome.solver == "highs"
    assert outcome.objective == pytest.approx(1.0)
    assert coalition_deviation.deviation(model, PIECES) == pytest.approx([2.0, 2.0])
    alone = coalition_deviation.build(PIECES, (1.0, 1.0), (1,))
    assert solve_model(alone).objective == pytest.approx(-1.0)


def test_bounds() -> None:
    model = coalition_deviation.build(SMOOTH, (0.0, 0.0), (0, 1), bounds=(1.0, np.inf))
    assert model.action["Ann"].bounds == (0.0, 1.0)
    assert model.action["Bob"].bounds == (0.0, None)
    # Ann at 1; Bob's gain 2 + x - x^2 / 2 falls from 1 on, Ann's 1/2 + 2 x rises: equal where x^2 / 2 + x = 3 / 2.
    assert solve_model(model).objective == pytest.approx(2.5, abs=1e-8)
    assert pyo.value(model.action["Bob"]) == pytest.approx(1.0, abs=1e-4)
    bounded = dataclasses.replace(SMOOTH, max_action=2.0)
    assert coalition_deviation.build(bounded, (0.0, 0.0), (0,)).action["Ann"].bounds == (0.0, 2.0)


def test_start() -> None:
    model = coalition_deviation.build(SMOOTH, (3.0, 3.0), (0, 1))
    assert [model.action[i].value for i in PAIR] == [3.0, 3.0]
    assert model.least_gain.value == 0.0
    model = coalition_deviation.build(SMOOTH, (3.0, 3.0), (0,), bounds=(2.0, 2.0), start=(2.5, 1.0))
    assert model.action["Ann"].value == 2.0
    assert model.least_gain.value == pytest.approx(2.0 - 2.0 - 4.5)


def test_an_improvement_without_limit_is_unbounded() -> None:
    pieces = Pieces(("only",) * 2, np.array([0, 1]), frozen_floats([[-1.0, 2.0], [2.0, -1.0]]), frozen_floats([0, 0]))
    game = PublicGoodsGame(PAIR, FormUtilities(2, Terms.of([]), pieces), NOBODY)
    with pytest.raises(UnboundedError):
        solve_model(coalition_deviation.build(game, (0.0, 0.0), (0, 1)))


def test_a_slope_that_is_infinite_where_outsiders_stand_does_no_harm() -> None:
    """sqrt x_2 is not differentiable at 0, where agent 2 stands outside; the model of agent 1 does not contain it."""
    rows = [(i, j, "sqrt", 1.0, 1.0, 0.0) for i in range(2) for j in range(2)]
    costs = [(i, i, "linear", -1.0, 1.0, 0.0) for i in range(2)]
    game = PublicGoodsGame(PAIR, FormUtilities(2, Terms.of(rows + costs), Pieces.none(2)), NOBODY)
    model = coalition_deviation.build(game, (0.0, 0.0), (0,))
    assert str(model.smooth_utility["Ann"].expr) == "sqrt(action[Ann]) - action[Ann]"
    assert solve_model(model).objective == pytest.approx(0.25, abs=1e-8)


def test_expressions_give_the_same_gains() -> None:
    game = PublicGoodsGame(PAIR, ExpressionUtilities(PAIR, expressions), NOBODY)
    for coalition in ((0,), (0, 1)):
        found = solve_model(coalition_deviation.build(game, (1.0, 2.0), coalition)).objective
        expected = solve_model(coalition_deviation.build(SMOOTH, (1.0, 2.0), coalition)).objective
        assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("family", ["log", "rv", "pwl"])
def test_a_larger_scale_of_utility_scales_the_gain(family: str) -> None:
    game = random_game(family, 3, seed=3)
    terms, pieces = game.utilities.terms, game.utilities.pieces
    tenfold = FormUtilities(
        3,
        dataclasses.replace(terms, coefficient=10.0 * terms.coefficient),
        dataclasses.replace(pieces, slopes=10.0 * pieces.slopes, intercepts=10.0 * pieces.intercepts),
    )
    a = game.outcomes.actions[1]
    one = solve_model(coalition_deviation.build(game, a, (0, 2))).objective
    ten = solve_model(coalition_deviation.build(dataclasses.replace(game, utilities=tenfold), a, (0, 2))).objective
    assert ten == pytest.approx(10.0 * one, abs=1e-7)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"\(\) is no coalition of 2 agents"):
        coalition_deviation.build(SMOOTH, (0.0, 0.0), ())
    with pytest.raises(ValueError, match="give the position of every member once, from 0 to 1"):
        coalition_deviation.build(SMOOTH, (0.0, 0.0), (0, 2))
    with pytest.raises(ValueError, match="the outcome must be 2 finite actions"):
        coalition_deviation.build(SMOOTH, (0.0, np.nan), (0,))
    with pytest.raises(ValueError, match="bounds must be 2 numbers of at least 0"):
        coalition_deviation.build(SMOOTH, (0.0, 0.0), (0,), bounds=(1.0, -1.0))
    with pytest.raises(ValueError, match="the start must be 2 finite actions"):
        coalition_deviation.build(SMOOTH, (0.0, 0.0), (0,), start=(1.0,))


def golden_models() -> dict[str, pyo.ConcreteModel]:
    return {
        "smooth": coalition_deviation.build(SMOOTH, (3.0, 3.0), (0, 1), bounds=(3.0, np.inf)),
        "one_member": coalition_deviation.build(SMOOTH, (3.0, 3.0), (1,)),
        "pieces": coalition_deviation.build(PIECES, (2.0, 2.0), (0, 1)),
        "all_forms": coalition_deviation.build(ALL_FORMS, (0.0, 0.0), (0, 1), start=(1.0, 1.0)),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("coalition_deviation", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("coalition_deviation") == set(golden_models())
    constraints = {c.name for m in golden_models().values() for c in m.component_objects(pyo.Constraint)}
    assert constraints == {"gain", "piece_gain"}


def test_every_component_is_documented() -> None:
    for model in golden_models().values():
        for component in model.component_objects():
            assert component.doc or component.name.endswith(("_index", "_domain")), component.name


def test_page() -> None:
    pairs = run_page("coalition_deviation")
    assert pairs
    for expected, found in pairs:
        assert found == expected
