"""Public goods in numbers and in tables: utilities of the reference cases, the kind, its checks, and assumptions."""

from __future__ import annotations

import numpy as np
import pytest
from public_goods_cases import (
    FAMILIES,
    SMOOTH,
    lindahl_point,
    random_game,
    random_utilities,
    reference_cases,
    rightmost,
)

from breakaway.data.public_goods import supergradients

CASES = reference_cases()


# --- the shared cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "utilities" in case.expected])
def test_a_reference_case_has_its_utilities_and_gradients(name: str) -> None:
    case = CASES[name]
    point = case.game.outcomes.actions[0]
    assert case.game.utilities.values(point) == pytest.approx(case.expected["utilities"], abs=1e-9)
    gradients = supergradients(case.game.utilities, point)
    assert gradients @ point == pytest.approx(case.expected["radial_derivative"], rel=1e-5, abs=1e-7)
    assert rightmost(gradients) == pytest.approx(case.expected["rightmost_eig_J"], abs=1e-7)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "lindahl" in case.expected])
def test_the_lindahl_point_of_a_reference_case(name: str) -> None:
    case = CASES[name]
    assert lindahl_point(case.game.utilities) == pytest.approx(case.expected["lindahl"], rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [2, 5])
def test_gradients_of_random_economies_are_those_of_their_values(family: str, n: int) -> None:
    utilities = random_utilities(family, n, 0)
    point = np.linspace(0.3, 1.1, n) + 0.01 / n
    gradients, step = supergradients(utilities, point), 1e-6
    for j in range(n):
        change = np.eye(n)[j] * step
        slope = (utilities.values(point + change) - utilities.values(point - change)) / (2 * step)
        assert gradients[:, j] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("family", SMOOTH)
def test_random_points_are_what_their_names_say(family: str) -> None:
    game = random_game(family, 3, 1)
    points = dict(zip(game.outcomes.names, game.outcomes.actions, strict=True))
    assert min(map(np.min, points.values())) >= 0
    assert points["edge"].min() == 0
    assert rightmost(supergradients(game.utilities, points["pareto-0"])) == pytest.approx(0.0, abs=1e-9)
    assert supergradients(game.utilities, points["lindahl"]) @ points["lindahl"] == pytest.approx(0.0, abs=1e-9)
