"""All maximisers of the Nash product over a cover, by a price for money.

For a price mu > 0 of a unit of payoff, the Nash product of an allocation that meets all clauses is bounded by

    U(mu) = sum_i max_{x_i >= l_i} (gamma_i log x_i - mu x_i) + mu W - (least cost of meeting the clauses),

where raising x_i beyond its maximiser to tau costs what ``gamma_i log x - mu x`` loses. U is convex in mu; its minimum
is found from the sign of spending minus budget. At that price the ways of meeting the clauses are listed, cheapest
first; each is a box whose optimum is water-filling. The list stops when the bound falls below the best value found,
so that every maximiser is in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from breakaway.runners.cover import Cover
from breakaway.runners.search import TIE, Number, Optimum, SearchLimitError, water_filling

PRICE_STEPS = 24
"""Most evaluations of the bound while the price is sought; any price gives a valid bound."""


@dataclass(slots=True)
class PricedCover:
    """The maximisation of the Nash product of a budget over the boxes of a cover."""

    positions: Sequence[int]
    weights: Sequence[Number]
    budget: Number
    eps: Number
    cover: Cover
    limit: int = 2_000_000
    _found: dict[tuple[Number, ...], tuple[float, tuple[Number, ...]]] = field(default_factory=dict)
    _best: float = -math.inf
    _taus: list[NDArray[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        """Turn the thresholds into arrays, once for all prices."""
        self._taus = [np.array(taus, dtype=np.float64) for taus in self.cover.thresholds]

    def maximisers(self) -> Optimum:
        """Return every maximiser; the value is proven optimal."""
        price = self._best_price()
        top, costs = self._price_out(price)
        boxes = 0
        for cost, lower in self.cover.within(costs):
            if top - cost < self._best - TIE:
                break
            boxes += 1
            if boxes > self.limit:
                raise SearchLimitError(f"no proof within {self.limit} boxes", top - cost, self._best)
            self._try(lower)
        best = self._best
        kept = [(x, lower) for lower, (value, x) in self._found.items() if value >= best - TIE]
        return Optimum(best, [x for x, _ in kept], [lower for _, lower in kept], len(self.cover.moves) + boxes)

    def _try(self, lower: Sequence[Number]) -> None:
        """Fill the box above some lower bounds, if the budget allows."""
        if sum(lower[i] for i in self.positions) > self.budget + self.eps:
            return
        x, _ = water_filling(self.positions, self.weights, lower, self.budget)
        value = sum(float(self.weights[i]) * math.log(x[i]) if x[i] > 0 else -math.inf for i in self.positions)
        self._found[tuple(lower)] = value, tuple(x)
        self._best = max(self._best, value)

    def _price_out(self, price: float) -> tuple[float, list[list[float]]]:
        """Return the bound without clauses at a price, and the cost of every threshold."""
        top = price * float(self.budget)
        costs: list[list[float]] = [[0.0] * len(taus) for taus in self._taus]
        for i in self.positions:
            weight, taus = float(self.weights[i]), self._taus[i]
            free = max(float(taus[0]), weight / price)
            gain = weight * math.log(free) - price * free
            top += gain
            raised = np.maximum(taus, free)
            costs[i] = np.where(taus > free, gain - (weight * np.log(raised) - price * raised), 0.0).tolist()
        return top, costs

    def _bound(self, price: float) -> tuple[float, float]:
        """Return U(price) and the spending of the cheapest way of meeting the clauses."""
        top, costs = self._price_out(price)
        cost, lower = self.cover.least(costs)
        self._try(lower)
        spending = sum(max(float(lower[i]), float(self.weights[i]) / price) for i in self.positions)
        return top - cost, spending

    def _best_price(self) -> float:
        """Minimise U: the price is right when the cheapest way of meeting the clauses spends the budget."""
        low = sum(float(self.weights[i]) for i in self.positions) / float(self.budget)
        best, _ = self._bound(low)
        price, high = low, math.inf
        for _ in range(PRICE_STEPS):
            if best - self._best <= TIE:
                break
            trial = price_between(low, high)
            value, spending = self._bound(trial)
            if spending > float(self.budget):
                low = trial
            else:
                high = trial
            if value < best:
                best, price = value, trial
        return price


def price_between(low: float, high: float) -> float:
    """Return a price to try: twice the lowest while there is no upper end, then the geometric mean."""
    return 2 * low if math.isinf(high) else math.sqrt(low * high)
