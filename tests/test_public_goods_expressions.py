"""Utilities written for models are the utilities of the data, whatever their form; rows are their derivatives."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from public_goods_cases import FAMILIES, random_game, random_utilities
from public_goods_pair import ALL_FORMS, PAIR, PIECES, expressions

from breakaway.data.public_goods import FORMS, ExpressionUtilities, Utilities
from breakaway.models import public_goods

UTILITIES: dict[str, Utilities] = {
    **{family: random_utilities(family, 4, seed=5) for family in FAMILIES},
    "all forms": ALL_FORMS.utilities,
    "expressions": ExpressionUtilities(PAIR, expressions),
}


def least_written(utilities: Utilities, x: np.ndarray, members: list[int]) -> list[float]:
    """Return the members' utilities as the models write them, with the actions of all others at the number 0."""
    model = pyo.ConcreteModel()
    model.action = pyo.Var(members, initialize={i: float(x[i]) for i in members})
    action = [model.action[i] if i in members else 0.0 for i in range(utilities.agents)]
    written = public_goods.smooth_expressions(utilities, members, action)
    for i in members:
        assert pyo.value(written[i]) == pyo.value(public_goods.smooth_expression(utilities, i, action))
    least = utilities.pieces.least(utilities.pieces.values(x), utilities.agents)
    return [pyo.value(written[i]) + float(least[i]) for i in members]


@pytest.mark.parametrize("name", UTILITIES)
def test_written_utilities_are_those_of_the_data(name: str) -> None:
    utilities, rng = UTILITIES[name], np.random.default_rng(7)
    for _ in range(10):
        inside = rng.random(utilities.agents) < 0.7
        x = np.where(inside, rng.uniform(0.0, 3.0, utilities.agents), 0.0)
        members = np.flatnonzero(inside).tolist()
        assert least_written(utilities, x, members) == pytest.approx(utilities.values(x)[members], abs=1e-12)


def test_every_form_is_written() -> None:
    assert set(public_goods.WRITTEN_FORMS) == set(FORMS)
    x, e, s = np.array([0.75]), np.array([0.5]), np.array([0.25])
    for name, form in FORMS.items():
        assert public_goods.WRITTEN_FORMS[name](0.75, 0.5, 0.25) == pytest.approx(float(form.value(x, e, s)[0]))


def test_where_nobody_acts_utilities_are_numbers() -> None:
    for utilities in UTILITIES.values():
        found = public_goods.smooth_expression(utilities, 0, [0.0] * utilities.agents)
        assert float(found) == pytest.approx(float(utilities.smooth(np.zeros(utilities.agents))[0]))


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_one_sided_derivatives(family: str) -> None:
    game, rng, h = random_game(family, 3, seed=4), np.random.default_rng(8), 1e-6
    for x in game.outcomes.actions:
        if x.min() < 1e-3:
            continue
        d = rng.uniform(-1.0, 1.0, 3)
        rows = public_goods.derivative_rows(game, x, [0, 2], [0, 1, 2])
        slopes = {i: min(float(row @ d) for (agent, _), row in rows.items() if agent == i) for i in (0, 2)}
        change = (game.utilities.values(x + h * d) - game.utilities.values(x)) / h
        assert list(slopes.values()) == pytest.approx(change[[0, 2]].tolist(), abs=1e-4)


def test_names_of_rows() -> None:
    rows = public_goods.derivative_rows(PIECES, np.array([2.0, 2.0]), [0, 1], [1])
    assert list(public_goods.row_names(PIECES, rows).values()) == [(i, k) for i in PAIR for k in ("early", "late")]
    assert [row.tolist() for row in rows.values()] == [[2.0], [1.0], [-1.0], [-2.0]]
    assert public_goods.coalition_name(PIECES, [0, 1]) == "Ann+Bob"
