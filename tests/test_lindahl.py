"""The programme of Lindahl outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from public_goods_cases import (
    SMOOTH,
    ces_utilities,
    game_of,
    lindahl_point,
    log_utilities,
    pwl_utilities,
    random_utilities,
    reference_cases,
    rv_utilities,
)

from breakaway.data.public_goods import (
    FORMS,
    ExpressionUtilities,
    FormUtilities,
    Outcomes,
    Pieces,
    PublicGoodsGame,
    Terms,
    Utilities,
)
from breakaway.models import lindahl, public_goods
from breakaway.runners.solvers import solve_model

REFERENCE = {name: case for name, case in reference_cases().items() if case.expected.get("lindahl")}


def written_radial(utilities: Utilities, x: np.ndarray) -> list[float]:
    """The radial derivatives as the model writes them, at x."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(len(x)), initialize=dict(enumerate(x.tolist())))
    return [float(pyo.value(part)) for part in public_goods.radial_expressions(utilities, list(model.x.values()))]


@pytest.mark.parametrize("family", SMOOTH)
def test_radial_derivatives_are_those_of_the_utilities(family: str) -> None:
    rng = np.random.default_rng(3)
    for n in (1, 2, 5):
        utilities = random_utilities(family, n, 4, zeros=0.3)
        for _ in range(5):
            x = rng.uniform(0.0, 5.0, n)
            assert written_radial(utilities, x) == pytest.approx(utilities.smooth_jacobian(x) @ x, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_radial_derivative_of_every_form(form: str) -> None:
    terms = Terms.of([(0, 1, form, 1.5, 0.4, 0.3), (1, 0, form, -0.5, 2.5, 0.1)])
    utilities, x = FormUtilities(2, terms, Pieces.none(2)), np.array([0.7, 2.2])
    assert written_radial(utilities, x) == pytest.approx(utilities.smooth_jacobian(x) @ x, abs=1e-13)


def expressions(action: Mapping[str, Any]) -> dict[str, Any]:
    total = action["A"] + action["B"]
    return {
        "A": pyo.log(1 + total) - 0.3 * action["A"] ** 2,
        "B": pyo.sqrt(1 + action["A"]) - 0.2 * action["B"],
        "C": 1,
    }


def test_expressions_are_differentiated() -> None:
    utilities, x = ExpressionUtilities(("A", "B", "C"), expressions), np.array([0.7, 2.2, 1.0])
    assert written_radial(utilities, x) == pytest.approx(utilities.smooth_jacobian(x) @ x, abs=1e-12)
    assert written_radial(utilities, x)[2] == 0.0


@pytest.mark.parametrize("name", REFERENCE)
def test_reference(name: str) -> None:
    game = REFERENCE[name].game
    model = lindahl.build(game)
    assert solve_model(model).is_optimal
    assert public_goods.vector(game, model.action) == pytest.approx(REFERENCE[name].expected["lindahl"], abs=1e-7)


@pytest.mark.parametrize("family", SMOOTH)
def test_random_economies(family: str) -> None:
    compared = 0
    for n, seed in ((2, 1), (3, 0), (6, 2), (12, 3)):
        game = game_of(random_utilities(family, n, seed))
        fixed_point = lindahl_point(game.utilities)
        if fixed_point is not None:
            model = lindahl.build(game)
            assert solve_model(model).is_optimal
            assert public_goods.vector(game, model.action) == pytest.approx(fixed_point, rel=1e-5)
            compared += 1
    assert compared >= 3


@pytest.mark.parametrize("name", ["PG-log3-zero-in-core"])
def test_without_an_outcome_only_zero_is_feasible(name: str) -> None:
    game = reference_cases()[name].game
    model = lindahl.build(game)
    assert solve_model(model).is_optimal
    assert public_goods.vector(game, model.action).max() <= 1e-6


def test_bounds_and_start() -> None:
    game = game_of(rv_utilities([1.0, 2.0]), max_action=1.5)
    model = lindahl.build(game)
    assert [model.action[i].bounds for i in game.agents] == [(0.0, 1.5)] * 2
    assert [model.action[i].value for i in game.agents] == [0.75, 0.75]
    assert solve_model(model).is_optimal
    free, bound = public_goods.vector(game, model.action)
    assert bound == pytest.approx(1.5, abs=1e-6)
    assert free + bound == pytest.approx(free**3, abs=1e-6)  # agent 1's radial derivative is 0, agent 2's is positive
    started = lindahl.build(game, [0.5, 1.0])
    assert [started.action[i].value for i in game.agents] == [0.5, 1.0]


def test_refusals() -> None:
    with pytest.raises(ValueError, match="have kinks, where J"):
        lindahl.build(game_of(pwl_utilities([[[-1.0]]], [[0.0]])))
    with pytest.raises(ValueError, match="the start must be 2 finite actions"):
        lindahl.build(game_of(rv_utilities([1.0, 2.0])), [1.0])


def golden_models() -> dict[str, pyo.ConcreteModel]:
    three = log_utilities([[0.5, 0.25, 0.0], [0.25, 0.5, 0.25], [0.0, 0.25, 0.5]], [1.0, 1.0, 0.125])
    ces = ces_utilities([[0.5, 0.25], [0.25, 0.5]], [1.0, 2.0], 0.5, -1.0)
    written = ExpressionUtilities(("A", "B", "C"), expressions)
    return {
        "log": lindahl.build(game_of(three)),
        "ces": lindahl.build(game_of(ces, max_action=8.0)),
        "expressions": lindahl.build(PublicGoodsGame(written.names, written, Outcomes.of({}, 3))),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("lindahl", name)


def test_every_golden_text_is_used() -> None:
    assert golden_names("lindahl") == set(golden_models())


def test_page() -> None:
    pairs = run_page("lindahl")
    assert len(pairs) == 1
    for expected, found in pairs:
        assert found == expected
