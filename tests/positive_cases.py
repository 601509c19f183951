"""What the tests of groups of positive size share: the reference games, and random ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from breakaway.data.arrays import frozen_floats
from breakaway.data.groups import Types
from breakaway.data.positive_size import (
    CesSurplus,
    FunctionSurplus,
    LinearSurplus,
    PositiveSizeGame,
    QuadraticSurplus,
    RecipeSurplus,
    SurplusForm,
    ThresholdSurplus,
)

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "reference" / "positive_groups.json").read_text(encoding="utf-8"))
}
PRODUCTS = frozen_floats([[0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


def form_of(surplus: dict[str, Any]) -> SurplusForm:
    """Return the surplus of a reference case."""
    if "rho" in surplus:
        return CesSurplus(frozen_floats(surplus["a"]), surplus["rho"], surplus.get("theta", 1.0))
    if "Q" in surplus:
        return QuadraticSurplus(frozen_floats(surplus["Q"]))
    if "r" in surplus:
        names = tuple(f"r{k}" for k in range(len(surplus["V"])))
        return RecipeSurplus(names, frozen_floats(surplus["r"]), frozen_floats(surplus["V"]))
    if surplus["form"] == "max(0,1-2.5*nu_0)":
        return ThresholdSurplus(1.0, frozen_floats([-2.5, 0.0]))
    assert surplus["form"] == "4*nu_0*nu_1"
    return QuadraticSurplus(PRODUCTS)


def game_of(name: str) -> PositiveSizeGame:
    """Return the game of a reference case."""
    inputs = CASES[name]["inputs"]
    masses = inputs["mu"]
    return PositiveSizeGame(
        Types.of(len(masses), masses), form_of(inputs["surplus"]), inputs["eps_lo"], inputs["eps_hi"]
    )


def market(form: SurplusForm, masses: list[float], least: float, most: float) -> PositiveSizeGame:
    """Return a game with types A, B, ..."""
    return PositiveSizeGame(Types.of(list("ABCDEFGHIJKLMNO"[: len(masses)]), masses), form, least, most)


SMALL: dict[str, PositiveSizeGame] = {
    "linear": market(LinearSurplus(frozen_floats([1.0, -2.0])), [0.5, 0.5], 0.2, 0.4),
    "ces": market(CesSurplus(frozen_floats([1.0, 2.0]), 0.5, 0.5), [0.5, 0.5], 0.2, 0.4),
    "threshold": market(ThresholdSurplus(-0.1, frozen_floats([1.0, 0.5])), [0.5, 0.5], 0.2, 0.4),
    "quadratic": market(QuadraticSurplus(frozen_floats([[2.0, 1.0], [1.0, 3.0]])), [0.5, 0.5], 0.2, 0.4),
    "bilinear": market(QuadraticSurplus(frozen_floats([[0.0, 1.0], [1.0, 0.0]])), [0.5, 0.5], 0.2, 0.4),
    "recipes": market(
        RecipeSurplus(("pair", "alone"), frozen_floats([[0.1, 0.1], [0.0, 0.2]]), frozen_floats([1.0, 0.5])),
        [0.5, 0.5],
        0.2,
        0.4,
    ),
    "function": market(FunctionSurplus(lambda nu: nu[0] ** 0.5 * nu[1] ** 0.25, "concave"), [0.5, 0.5], 0.2, 0.4),
}
"""One small game for each form."""


@st.composite
def positive_size_games(
    draw: st.DrawFn, forms: tuple[str, ...] = ("linear", "ces", "threshold", "quadratic", "recipes")
) -> PositiveSizeGame:
    """Draw a game with one to four types."""
    count = draw(st.integers(1, 4))
    share = st.floats(0.05, 1.0)
    masses = np.array(draw(st.lists(share, min_size=count, max_size=count)))
    total = float(masses.sum())
    low, high = sorted((draw(share) * total, draw(share) * total))
    entries = st.floats(-2.0, 4.0).map(lambda x: round(x, 3))
    form = draw(st.sampled_from(forms))
    weights = frozen_floats(draw(st.lists(entries, min_size=count, max_size=count)))
    return PositiveSizeGame(Types.of(count, masses), _drawn(draw, form, weights, masses, entries), low, high)


def _drawn(draw: st.DrawFn, form: str, weights: Any, masses: Any, entries: Any) -> SurplusForm:
    count = len(weights)
    if form == "linear":
        return LinearSurplus(weights)
    if form == "threshold":
        return ThresholdSurplus(draw(entries), weights)
    if form == "ces":
        rho, theta = draw(st.sampled_from([-0.5, 0.3, 0.5, 1.0])), draw(st.sampled_from([0.4, 0.8, 1.0]))
        return CesSurplus(frozen_floats(np.abs(weights) + 0.1), rho, theta)
    if form == "recipes":
        recipes = draw(st.integers(1, 3))
        shares = draw(st.lists(st.floats(0.0, 0.5), min_size=recipes * count, max_size=recipes * count))
        worth = draw(st.lists(st.floats(0.0, 3.0), min_size=recipes, max_size=recipes))
        amounts = np.array(shares).reshape(recipes, count) * masses
        return RecipeSurplus(tuple(f"r{k}" for k in range(recipes)), frozen_floats(amounts), frozen_floats(worth))
    factor = np.array(draw(st.lists(entries, min_size=count * count, max_size=count * count))).reshape(count, count)
    return QuadraticSurplus(frozen_floats(factor @ factor.T if form == "quadratic" else factor + factor.T))
