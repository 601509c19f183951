"""Two agents with answers by hand, smooth and with pieces, that the tests of the programs of public goods share."""

from __future__ import annotations

from typing import Any

import numpy as np

from breakaway.data.arrays import frozen_floats
from breakaway.data.public_goods import CesSums, FormUtilities, LogSums, Outcomes, Pieces, PublicGoodsGame, Terms

NOBODY = Outcomes.of({}, 2)
PAIR = ("Ann", "Bob")

SMOOTH = PublicGoodsGame(
    PAIR,
    FormUtilities(
        2,
        Terms.of(
            [
                *((i, i, "linear", 1.0, 1.0, 0.0) for i in range(2)),
                *((i, 1 - i, "linear", 2.0, 1.0, 0.0) for i in range(2)),
                *((i, i, "quadratic", -1.0, 1.0, 0.0) for i in range(2)),
            ]
        ),
        Pieces.none(2),
    ),
    NOBODY,
)
"""u_i = x_i + 2 x_j - x_i^2 / 2, so that J = [[1 - x_A, 2], [2, 1 - x_B]]: (3, 3) is Lindahl."""

PIECES = PublicGoodsGame(
    PAIR,
    FormUtilities(
        2,
        Terms.of([]),
        Pieces(
            ("early", "late") * 2,
            np.array([0, 0, 1, 1]),
            frozen_floats([[-1.0, 2.0], [-2.0, 1.0], [2.0, -1.0], [1.0, -2.0]]),
            frozen_floats([0.0, 4.0, 0.0, 4.0]),
        ),
    ),
    NOBODY,
)
"""u_i = min(2 x_j - x_i, 4 + x_j - 2 x_i): both get the most at the kink (2, 2)."""

ALL_FORMS = PublicGoodsGame(
    PAIR,
    FormUtilities(
        2,
        Terms.of(
            [
                (0, 0, "linear", -0.5, 1.0, 0.0),
                (0, 1, "log", 2.0, 1.0, 0.0),
                (0, 1, "sqrt", 0.75, 1.0, 0.25),
                (1, 0, "power", 1.5, 0.5, 0.0625),
                (1, 1, "quadratic", -0.5, 1.0, 0.0),
                (1, 1, "cubic", -0.25, 1.0, 0.0),
            ]
        ),
        Pieces.none(2),
        LogSums(frozen_floats([[0.5, 0.25], [0.0, 0.0]])),
        CesSums(
            frozen_floats([[0.0, 0.0], [0.5, 0.25]]), frozen_floats(np.full((2, 2), 0.125)), frozen_floats([0.5, -1.0])
        ),
    ),
    NOBODY,
)
"""Utilities that hold every form there is."""


def expressions(x: dict[str, Any]) -> dict[str, Any]:
    """Return the utilities of SMOOTH, written by hand."""
    return {i: x[i] + 2 * x[j] - x[i] ** 2 / 2 for i, j in (PAIR, PAIR[::-1])}
