"""The verification of groups of positive size: it finds what is wrong, and its bounds are never below the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from positive_cases import SMALL, market, positive_size_games

from breakaway.data.arrays import frozen_floats
from breakaway.data.positive_size import CesSurplus, FunctionSurplus, PositiveSizeGame, QuadraticSurplus
from breakaway.results.records import Answer
from breakaway.runners.groups.positive import positive_answer
from breakaway.runners.groups.positive_vertices import vertices
from breakaway.runners.verify import positive_blocking
from breakaway.runners.verify.positive import verify_positive
from breakaway.runners.verify.positive_blocking import best_linear, most_gain

Tables = dict[str, pd.DataFrame]
NONE = np.empty((0, 2))


@pytest.fixture(scope="module")
def answer() -> Answer:
    return positive_answer(SMALL["recipes"])


def failing(game: PositiveSizeGame, tables: Tables, answer: Answer) -> dict[str, str]:
    checks = verify_positive(game, tables, answer.certificate.claims).checks
    failed = checks[checks["failed"] > 0]
    return dict(zip(failed["claim"], failed["detail"], strict=True))


def edit(table: str, row: int, column: str, value: object) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table].loc[row, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (edit("assignment", 0, "mass", 4.0), "everybody is in some group"),
        (edit("assignment", 0, "mass", -5.0), "masses not negative"),
        (edit("assignment", 0, "surplus", 2.0), "surpluses follow from the definition"),
        (edit("composition", 0, "amount", 0.6), "groups permitted"),
        (edit("composition", 0, "amount", 0.05), "surpluses follow from the definition"),
        (edit("composition", 0, "type", "C"), "composition table readable"),
        (edit("imputation", 0, "payoff", -1.0), "no group blocks"),
        (edit("imputation", 0, "payoff", 9.0), "formed groups share their surplus"),
        (edit("imputation", 0, "type", "C"), "imputation table readable"),
        (edit("welfare", 0, "primal", 6.0), "welfare is what the formed groups are worth"),
        (edit("welfare", 0, "dual", 4.0), "no assignment is worth more than the bound"),
        (edit("welfare", 0, "gap", 1.0), "gap is dual minus primal"),
        (lambda tables: tables.pop("composition"), "composition table readable"),
    ],
)
def test_one_wrong_number_is_found(answer: Answer, change: Callable[[Tables], None], claim: str) -> None:
    tables = {name: frame.copy() for name, frame in answer.tables.items()}
    assert failing(SMALL["recipes"], tables, answer) == {}
    change(tables)
    assert claim in failing(SMALL["recipes"], tables, answer)


def test_the_group_that_blocks_is_named(answer: Answer) -> None:
    tables = {name: frame.copy() for name, frame in answer.tables.items()}
    tables["imputation"]["payoff"] = 0.0
    detail = failing(SMALL["recipes"], tables, answer)["no group blocks"]
    assert "blocks: it is worth 1 and its members get 0" in detail


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_the_best_of_a_linear_gain_is_that_of_the_best_vertex() -> None:
    rng = np.random.default_rng(3)
    game = market(QuadraticSurplus(frozen_floats(np.eye(4))), [0.3, 0.2, 0.4, 0.1], 0.35, 0.6)
    weights = rng.normal(size=(50, 4))
    values, groups = best_linear(game, weights, np.zeros((50, 4)), np.tile(game.types.masses, (50, 1)))
    assert values == pytest.approx((vertices(game) @ weights.T).max(axis=0), abs=1e-12)
    assert (groups.sum(axis=1) <= 0.6 + 1e-12).all()
    assert (groups.sum(axis=1) >= 0.35 - 1e-12).all()
    impossible, _ = best_linear(game, weights[:1], np.array([[0.3, 0.2, 0.2, 0.0]]), game.types.masses[None, :])
    assert impossible.tolist() == [-np.inf]


def drawn_groups(game: PositiveSizeGame, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (200, len(game.types))
    _, corners = best_linear(game, rng.normal(size=shape), np.zeros(shape), np.tile(game.types.masses, (200, 1)))
    share = rng.random((200, 1))
    return np.vstack([corners, share * corners + (1 - share) * corners[::-1]])


@settings(max_examples=60, deadline=None)
@given(
    positive_size_games(("linear", "ces", "threshold", "quadratic", "bilinear", "recipes")),
    st.lists(st.floats(-2, 5), min_size=4, max_size=4),
)
def test_no_group_gains_more_than_the_bound(game: PositiveSizeGame, payoffs: list[float]) -> None:
    u = np.array(payoffs[: len(game.types)])
    gain = most_gain(game, u, np.empty((0, len(u))), 1e-3)
    groups = drawn_groups(game, 0)
    gains = game.form.values(groups) - groups @ u
    assert gains.max() <= gain.bound + 1e-9
    assert gain.most <= gain.bound + 1e-9
    assert game.form.values(gain.group[None, :])[0] - gain.group @ u == pytest.approx(gain.most, abs=1e-9)


@pytest.mark.parametrize(("rho", "theta"), [(0.5, 1.5), (0.3, 1.2), (2.0, 0.5), (3.0, 0.9)])
def test_boxes_bound_constant_elasticity(rho: float, theta: float) -> None:
    game = market(CesSurplus(frozen_floats([1.0, 2.0]), rho, theta), [0.5, 0.5], 0.2, 0.4)
    for payoffs in ([1.0, 1.0], [2.0, 4.0], [0.0, 3.0]):
        gain = most_gain(game, np.array(payoffs), NONE, 1e-4)
        line = np.linspace(0.0, 0.4, 201)
        mesh = np.array([[x, y] for x in line for y in line if 0.2 <= x + y <= 0.4])
        best = float((game.form.values(mesh) - mesh @ np.array(payoffs)).max())
        assert best <= gain.bound + 1e-12
        assert gain.bound <= max(1e-4, gain.most + 1e-4)


def test_too_many_boxes_leave_a_bound_and_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positive_blocking, "MOST_BOXES", 2)
    gain = most_gain(SMALL["bilinear"], np.array([0.2, 0.2]), NONE, 1e-12)
    assert gain.note == "after 2 boxes"
    assert gain.most <= gain.bound < np.inf


BY_HAND: Tables = {
    "assignment": pd.DataFrame({"group": ["pair", "rest"], "mass": [2.0, 1.0], "surplus": [0.15, 0.0]}),
    "composition": pd.DataFrame(
        {"group": ["pair", "pair", "rest"], "type": ["A", "B", "C"], "amount": [0.15, 0.25, 0.2]}
    ),
    "imputation": pd.DataFrame({"type": ["A", "B", "C"], "payoff": [0.625, 0.225, 0.0]}),
    "welfare": pd.DataFrame({"primal": [0.3], "dual": [0.3], "gap": [0.0]}),
}
"""Of the surplus 4 x A x B: the payoffs of A and B are the gradient (1, 0.6) less 0.375, what another person costs."""


@pytest.mark.parametrize("known", [True, False])
def test_what_is_not_proven_is_said(known: bool) -> None:
    """Products are bounded box by box; a function of which nothing is known is only tried."""
    products = QuadraticSurplus(frozen_floats([[0, 2, 0], [2, 0, 0], [0, 0, 0]]))
    form = products if known else FunctionSurplus(lambda nu: 4 * nu[0] * nu[1])
    game = market(form, [0.3, 0.5, 0.2], 0.2, 0.4)
    checks = verify_positive(game, BY_HAND, {"complete": True}).checks.set_index("claim")
    assert checks["failed"].sum() == 0
    bound = checks.loc["no assignment is worth more than the bound"]
    assert bound["checked"] == int(known)
    assert ("no bound is proven" in bound["detail"]) is not known


def test_derivatives_of_functions_are_differences() -> None:
    gain = most_gain(SMALL["function"], np.array([1.0, 0.5]), np.array([[0.1, 0.1]]), 1e-9)
    assert gain.note == "derivatives of the surplus are differences"
    assert gain.most <= gain.bound
