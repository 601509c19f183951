"""Four families of random pairwise games, for tests and benchmarks: independent, planar, Coulomb, skills.

In all of them s(G) = max(0, sum of solo + sum of pair values within G - k_n), groups have 1 to ``max_size`` <= 4
members, and masses are uniform on [0.5, 1.5] before they are scaled to total 1. Draws follow one order per family, so
that a seed names one game for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.groups import PairwiseGroupGame, Types

LARGEST = 4
"""Size costs are tabulated for groups of up to four."""


class Family(NamedTuple):
    """How a family draws (solo, values) for a number of types, and its costs k_1, ..., k_4."""

    draw: Callable[[np.random.Generator, int], tuple[Floats, Floats]]
    size_cost: tuple[float, float, float, float]


def _iid(rng: np.random.Generator, types: int) -> tuple[Floats, Floats]:
    """Draw pair values that are independent and uniform on [0, 1]."""
    upper = np.triu(rng.random((types, types)))
    return np.zeros(types), np.maximum(upper, upper.T)


def _planar(rng: np.random.Generator, types: int) -> tuple[Floats, Floats]:
    """Place types in the unit square; a pair is worth its distance."""
    place = rng.random((types, 2))
    distance = np.sqrt(((place[:, None] - place[None]) ** 2).sum(axis=2))
    return 0.1 * rng.random(types), distance


def _coulomb(_rng: np.random.Generator, types: int) -> tuple[Floats, Floats]:
    """Place types evenly on [0, 1]; a pair is worth 20 less its repulsion 1 / (distance + 0.02)."""
    place = np.linspace(0.0, 1.0, types)
    return np.zeros(types), 20.0 - 1.0 / (np.abs(place[:, None] - place[None]) + 0.02)


def _skill(rng: np.random.Generator, types: int) -> tuple[Floats, Floats]:
    """Give every type four skills and four needs; a pair is worth the mean of what each does for the other."""
    skills, needs = rng.random((types, 4)), rng.random((types, 4))
    served = skills @ needs.T
    return -0.2 * rng.random(types), (served + served.T) / 2.0


FAMILIES = {
    "iid": Family(_iid, (0.0, 0.55, 1.8, 3.6)),
    "planar": Family(_planar, (0.0, 0.3, 1.2, 2.6)),
    "coulomb": Family(_coulomb, (0.0, 0.0, 0.0, 0.0)),
    "skill": Family(_skill, (0.0, 0.6, 2.6, 6.0)),
}
"""The families by name."""


def family(name: str, types: int, max_size: int, seed: int = 0) -> PairwiseGroupGame:
    """Return a game of a family: ``types`` types, groups of 1 to ``max_size`` members.

    Raises
    ------
    ValueError
        For an unknown family, or groups of more than four.
    """
    if name not in FAMILIES or not 1 <= max_size <= LARGEST:
        raise ValueError(f"choose a family of {', '.join(FAMILIES)} and a max_size from 1 to {LARGEST}")
    rng = np.random.default_rng(seed)
    solo, values = FAMILIES[name].draw(rng, types)
    masses = rng.uniform(0.5, 1.5, types)
    cost = (0.0, *FAMILIES[name].size_cost[:max_size])
    return PairwiseGroupGame(
        types=Types.of(types, masses / masses.sum()),
        solo=frozen_floats(solo),
        values=frozen_floats(values),
        size_cost=frozen_floats(cost),
        min_size=1,
        max_size=max_size,
    )
