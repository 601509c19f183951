"""Worths of coalitions from the definition of a game: equilibria are solved afresh and tested by best responses.

No closed form of the equilibrium is used. Cournot markets: the linear first-order conditions of the coalitions that
produce. Abatement: the root of each country's first-order condition. Research race: the root of equation (16) summed
over coalitions. Every equilibrium comes with the gain that some coalition would still make by a best response.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import AbatementGame, CournotMarket, ExternalityGame, PartitionFunctionGame, ResearchRace

Vector = NDArray[np.float64]
Equilibrium = tuple[Vector, float]
"""Worths of the blocks in the order of the structure, and the largest gain of a block from a best response."""


def bisect(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of a decreasing function between ``low`` and ``high``, to the last digit."""
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)


def equilibria(game: ExternalityGame, structures: Iterable[Structure]) -> dict[Structure, Equilibrium]:
    """Return the equilibrium between the blocks of each structure; structures without known worths are left out."""
    if isinstance(game, PartitionFunctionGame):
        return {pi: (np.array(game.worths[pi], dtype=float), 0.0) for pi in structures if pi in game.worths}
    solve = {CournotMarket: _cournot, AbatementGame: _abatement, ResearchRace: _race}[type(game)]
    return {pi: solve(game, pi) for pi in structures}  # type: ignore[operator]


def cheapest(game: CournotMarket, block: Coalition) -> float:
    """Return the unit cost at which a coalition produces: that of its cheapest member."""
    return min(game.unit_cost[i] for i in members(block))


def _cournot(game: CournotMarket, structure: Structure) -> Equilibrium:
    """Solve A - Q - q_S - c_S = 0 for the coalitions that produce (Example 4)."""
    cost = np.array([cheapest(game, block) for block in structure])
    output = np.zeros(len(structure))
    active = np.ones(len(structure), dtype=bool)
    while active.any():
        k = int(active.sum())
        output[:] = 0.0
        output[active] = np.linalg.solve(np.eye(k) + np.ones((k, k)), game.demand_intercept - cost[active])
        if (output >= 0).all():
            break
        active &= output > 0
    others = output.sum() - output
    profit = (game.demand_intercept - others - output - cost) * output
    best = np.maximum((game.demand_intercept - others - cost) / 2, 0.0)
    gain = (game.demand_intercept - others - best - cost) * best - profit
    return profit, float(gain.max())


@lru_cache(maxsize=4096)
def _abated(scale: float, size: int) -> tuple[float, float]:
    """Maximise s z - z^3 / (3 a^2) over z; return z and what a step to either side would add (Example 2)."""

    def value(z: float) -> float:
        return size * z - z**3 / (3 * scale**2)

    z = bisect(lambda z: size - z**2 / scale**2, 0.0, scale * (1.0 + size))
    return z, max(value(z * 1.001), value(z * 0.999), value(0.0)) - value(z)


def _abatement(game: AbatementGame, structure: Structure) -> Equilibrium:
    """Let each coalition maximise |S| sum of z minus its members' costs; others' z adds a constant (equation 10)."""
    total, gain = 0.0, 0.0
    costs = []
    for block in structure:
        cost = 0.0
        for i in members(block):
            z, better = _abated(game.scale[i], block.bit_count())
            total += z
            cost += z**3 / (3 * game.scale[i] ** 2)
            gain = max(gain, better)
        costs.append(cost)
    size = np.array([block.bit_count() for block in structure])
    return size * total - np.array(costs), gain


def _race(game: ResearchRace, structure: Structure) -> Equilibrium:
    """Solve equation (16) for all coalitions at once: one root for r plus the sum of the arrival rates.

    With R = r + sum of rates, (16) says rate_S = R / (1 + R^2 / s^alpha); adding up leaves a decreasing function of R.
    """
    power = np.array([float(block.bit_count()) ** game.exponent for block in structure])
    r = game.discount_rate

    def surplus(total: float) -> float:
        return float((1 / (1 + total**2 / power)).sum()) - (1 - r / total)

    total = bisect(surplus, r, r + float(np.sqrt(power).sum()))
    rate = total / (1 + total**2 / power)
    foc = 1 / total - rate / total**2 - rate / power
    worth = rate / total - rate**2 / (2 * power)
    return worth, float(np.abs(foc * rate).max())
