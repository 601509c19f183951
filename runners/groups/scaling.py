"""Units of money and people in which the numbers of a market are about one.

Solvers compare with absolute tolerances, so that surpluses of 1e-8, or masses of 1e9, would be lost in them. Units are
powers of two: dividing by them and multiplying again changes no digit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.groups import FiniteGroupGame, GroupGame, PairwiseGroupGame, SurplusFunction, Types


def unit_of(values: ArrayLike) -> float:
    """Return the power of two next below the largest magnitude; 1 when all are 0."""
    largest = float(np.abs(np.asarray(values, dtype=np.float64)).max(initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if largest > 0.0 else 1.0


def scaled(game: FiniteGroupGame, money: float, people: float) -> FiniteGroupGame:
    """Return the game with surpluses in units of ``money`` and masses in units of ``people``."""
    types = Types(game.types.names, frozen_floats(game.types.masses / people))
    if isinstance(game, GroupGame):
        return replace(game, types=types, surplus=frozen_floats(game.surplus / money))
    if isinstance(game, PairwiseGroupGame):
        solo, values, costs = (frozen_floats(part / money) for part in (game.solo, game.values, game.size_cost))
        return replace(game, types=types, solo=solo, values=values, size_cost=costs)
    return replace(game, types=types, surplus=_InUnits(game.surplus, money))


@dataclass(frozen=True, slots=True)
class _InUnits:
    """A surplus function in units of ``money``."""

    surplus: SurplusFunction
    money: float

    def __call__(self, groups: NDArray[Any]) -> Floats:
        """Return the surpluses of groups of one size."""
        return np.asarray(self.surplus(groups), dtype=np.float64) / self.money
