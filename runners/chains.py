"""All coalitional Nash solutions of the grand coalition over the chains of :mod:`breakaway.runners.ordered`.

A chain serves players one by one; once sharing what is left in proportion to weights meets every threat inside the
rest R, that is best for R, because it is what R would do without threats. So a solution is a chain that stops there.

For a price mu > 0 let f(u) = log u - mu u, greatest at 1 / mu. Money left over at a coalition R is worth at most
mu x (money) + D_mu(R), where

    D_mu(R) = gamma(R) f(1 / mu)                                              if beta(R) <= 1 / mu,
    D_mu(R) = max over i in T*(R) of gamma_i f(beta(R)) + D_mu(R - i)         otherwise,

over the steps that can still be afforded: those with (least paid so far) + gamma_i beta(R) + h(R - i) <= budget. U(mu)
= mu W + D_mu(N) bounds the product. The best price is found as in :mod:`breakaway.runners.pricing`; then chains are
followed best first until none that is left can be as good as the best, which lists every maximiser.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, members
from breakaway.runners.division import BlockProblem, Division, listed, without_slack
from breakaway.runners.ordered import Floats, Masks, ThreatLevels, subset_sums
from breakaway.runners.pricing import price_between
from breakaway.runners.search import TIE, SearchLimitError

PRICE_STEPS = 24
"""Most evaluations of the bound while the price is sought; any price gives a valid bound."""

NODES = 2_000_000
"""Most chains that are followed."""

ROUNDING = 1e-13
"""What rounding may add up to, relative to the budget or to the largest level."""

Rows = NDArray[np.intp]
Runs = tuple[tuple[float, Coalition], ...]
"""A chain up to the order within a level: (level, players set aside at it), levels descending."""

_Node = tuple[float, int, Coalition, float, float, Runs]
"""Minus a bound, a number that breaks ties, whom a chain leaves over, money left, value so far, the chain."""


@dataclass(frozen=True, slots=True)
class OrderedDivision:
    """The division of the grand coalition's worth: ``price`` is that of the last bound, ``root_bound`` U at it.

    Both are NaN where none was needed: without slack, or when nothing is unblocked. ``states`` counts the coalitions
    that chains may reach, as far as they were needed for the bound.
    """

    division: Division
    price: float
    root_bound: float
    states: int


@dataclass(slots=True)
class _Layer:
    """The coalitions of one size that a chain may leave over, and what they face."""

    masks: Masks
    level: Floats
    threat: Masks

    def above(self, floor: float) -> _Layer:
        """Return the coalitions with a level above a floor."""
        kept = np.flatnonzero(self.level > floor)
        return _Layer(self.masks[kept], self.level[kept], self.threat[kept])


@dataclass(slots=True)
class Chains:
    """The chains of the grand coalition within a budget (net of disagreement)."""

    levels: ThreatLevels
    budget: float
    slack: float
    limit: int
    everyone: Coalition = field(init=False)
    total: Floats = field(init=False)
    paid: Floats = field(init=False)
    bound: Floats = field(init=False)
    constant: float = field(init=False)
    layers: list[_Layer] = field(init=False)

    def __post_init__(self) -> None:
        """Set up what every price shares."""
        self.everyone = (1 << self.levels.n) - 1
        self.total = subset_sums(self.levels.weights)
        self.paid = np.full(self.everyone + 1, np.inf)
        self.bound = np.full(self.everyone + 1, -np.inf)
        self.constant = float((self.levels.weights * np.log(self.levels.weights)).sum())
        self.layers = self._reach()

    # --- the coalitions that chains reach ---------------------------------------------------------------------------

    def _reach(self) -> list[_Layer]:
        """List the coalitions with something to meet that affordable chains leave over, largest first."""
        self.paid[self.everyone] = 0.0
        level, threat = self.levels.strict(self.everyone)
        layer = _Layer(np.array([self.everyone], np.int32), np.array([level]), np.array([threat], np.int32))
        layers = []
        while len(layer.masks):
            layer = layer.above(0.0)
            layers.append(layer)
            masks = self._follow(layer)
            layer = _Layer(masks, self.levels.level[masks], self.levels.threat[masks])
        return layers

    def _follow(self, layer: _Layer) -> Masks:
        """Take every affordable step from a layer; return the coalitions reached."""
        found = []
        for _, after, cost, _ in self._steps(layer):
            self.paid[after] = np.minimum(self.paid[after], cost)
            found.append(after)
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int32)

    def _steps(self, layer: _Layer) -> Iterator[tuple[Rows, Masks, Floats, float]]:
        """Yield for each player the rows that may set them aside, what is left over, what is paid, and the weight."""
        paid = self.paid[layer.masks]
        for i, weight in enumerate(self.levels.weights.tolist()):
            rows = np.flatnonzero(layer.threat & (1 << i))
            after: Masks = layer.masks[rows] ^ np.int32(1 << i)
            cost: Floats = paid[rows] + weight * layer.level[rows]
            kept = np.flatnonzero(cost + self.levels.to_go[after] <= self.budget + self.slack)
            if len(kept):
                yield rows[kept], after[kept], cost[kept], weight

    # --- the bound at a price ---------------------------------------------------------------------------------------

    def price_out(self, price: float) -> float:
        """Compute D at a price, for the coalitions reached; return the bound U."""
        for layer in reversed(self.layers):
            above = layer.above(1 / price)
            gain = np.log(above.level) - price * above.level
            best = np.full(len(above.masks), -np.inf)
            for rows, after, _, weight in self._steps(above):
                best[rows] = np.maximum(best[rows], weight * gain[rows] + self._completion(after, price))
            self.bound[above.masks] = best
        return price * self.budget + self.completion(self.everyone, price)

    def _completion(self, masks: Masks, price: float) -> Floats:
        free = self.total[masks] * (-math.log(price) - 1)
        result: Floats = np.where(self.levels.level[masks] > 1 / price, self.bound[masks], free)
        return result

    def completion(self, coalition: Coalition, price: float) -> float:
        """Return D(R) at the price that was last priced out."""
        if self.level(coalition)[0] > 1 / price:
            return float(self.bound[coalition])
        return float(self.total[coalition]) * (-math.log(price) - 1)

    def level(self, coalition: Coalition) -> tuple[float, Coalition]:
        """Return the level that the members of a coalition left over have to meet, and a threat that attains it."""
        if coalition == self.everyone:
            return self.levels.strict(coalition)
        return float(self.levels.level[coalition]), int(self.levels.threat[coalition])

    def attaining(self, price: float) -> Runs:
        """Return a chain that attains the bound at the price that was last priced out."""
        runs: Runs = ()
        rest = self.everyone
        level, threat = self.level(rest)
        while level > 1 / price and rest:
            gain = math.log(level) - price * level
            i = max(members(threat), key=lambda k: self._through(k, rest, gain, price))
            runs = _longer(runs, level, i)
            rest ^= 1 << i
            level, threat = self.level(rest)
        return runs

    def _through(self, i: int, rest: Coalition, gain: float, price: float) -> float:
        """Return the value of setting player i aside."""
        after = rest ^ (1 << i)
        value = float(self.levels.weights[i]) * gain + self.completion(after, price)
        return value if float(self.levels.to_go[after]) <= self.budget + self.slack else -math.inf

    def filled(self, runs: Runs) -> tuple[float, float]:
        """Return the water level above a chain's payoffs (at most 0: not affordable), and the sum of gamma log u.

        The value is -inf when the water level does not meet the threats inside what the chain leaves over.
        """
        left, rest, value = self.budget, self.everyone, 0.0
        for level, served in runs:
            if left >= level * float(self.total[rest]):
                break
            left -= level * float(self.total[served])
            value += float(self.total[served]) * math.log(level)
            rest ^= served
        if not rest:
            return 0.0, value if left >= -self.slack else -math.inf
        shared = self._shared(rest, left)
        return left / float(self.total[rest]), -math.inf if shared is None else value + shared

    def best_price(self) -> tuple[float, float]:
        """Minimise U; D is left at the best price.

        The bound is attained by one chain; the price that is right for this chain is tried next, if it lies between
        prices known to be too low and too high. The search ends when the bound is attained by a division.
        """
        low = trial = float(self.total[self.everyone]) / self.budget
        high = price = best = math.inf
        held = -math.inf
        for _ in range(PRICE_STEPS):
            value = self.price_out(trial)
            water, reached = self.filled(self.attaining(trial))
            held = max(held, reached)
            if value < best:
                price, best = trial, value
            if best - held <= TIE or (low, high) == (trial, trial):
                break
            low, high = (trial, high) if water < 1 / trial else (low, trial)
            trial = 1 / water if water > 0 and low < 1 / water < high else price_between(low, high)
        if trial != price:
            self.price_out(price)
        return price, best

    # --- chains, best first -----------------------------------------------------------------------------------------

    def maximisers(self, price: float) -> tuple[float, list[Runs], int]:
        """Return the best sum of gamma log u, all chains that attain it, and how many were followed.

        The constant, sum of gamma log gamma, is left out.

        Raises
        ------
        SearchLimitError
            When more than ``limit`` chains would have to be followed.
        """
        best, found = -math.inf, []
        seen: set[Runs] = {()}
        count = itertools.count()
        top = price * self.budget + self.completion(self.everyone, price)
        heap: list[_Node] = [(-top, next(count), self.everyone, self.budget, 0.0, ())]
        while heap and -heap[0][0] >= best - TIE:
            upper, number, rest, left, value, runs = heapq.heappop(heap)
            if number > self.limit:
                raise SearchLimitError(
                    f"no proof within {self.limit} chains", self.constant - upper, self.constant + best
                )
            shared = self._shared(rest, left)
            if shared is not None:
                best = max(best, value + shared)
                found.append((value + shared, runs))
                continue
            for i, level, after, money in self._affordable(rest, left):
                longer = _longer(runs, level, i)
                if longer in seen:
                    continue
                seen.add(longer)
                gained = value + float(self.levels.weights[i]) * math.log(level)
                upper = gained + price * money + self.completion(after, price)
                heapq.heappush(heap, (-upper, next(count), after, money, gained, longer))
        return best, [runs for value, runs in found if value >= best - TIE], len(seen)

    def _shared(self, rest: Coalition, left: float) -> float | None:
        """Return what sharing the money left in proportion to weights is worth; None when a threat is not met."""
        if not rest:
            return 0.0
        mass = float(self.total[rest])
        level = self.level(rest)[0]
        if left <= 0 or left / mass < level * (1 - ROUNDING):
            return None
        return mass * math.log(left / mass)

    def _affordable(self, rest: Coalition, left: float) -> Iterator[tuple[int, float, Coalition, float]]:
        """Yield (player, level, what is left over, money left) for the steps that the money allows."""
        level, threat = self.level(rest)
        if level <= 0:
            return
        for i in members(threat):
            after, money = rest ^ (1 << i), left - float(self.levels.weights[i]) * level
            if float(self.levels.to_go[after]) <= money + self.slack:
                yield i, level, after, money

    def cheapest(self) -> list[Runs]:
        """Return all chains that the budget affords, down to players who need nothing: for a budget without slack.

        Raises
        ------
        SearchLimitError
            When more than ``limit`` chains would have to be followed.
        """
        found = []
        seen: set[Runs] = {()}
        stack: list[tuple[Coalition, float, Runs]] = [(self.everyone, self.budget, ())]
        while stack:
            rest, left, runs = stack.pop()
            if not rest or self.level(rest)[0] <= 0:
                found.append(runs)
            for i, level, after, money in self._affordable(rest, left) if rest else ():
                longer = _longer(runs, level, i)
                if longer not in seen:
                    seen.add(longer)
                    stack.append((after, money, longer))
            if len(seen) > self.limit:
                raise SearchLimitError(f"more than {self.limit} chains cost the least", math.inf, None)
        return found

    def allocation(self, runs: Runs, *, share: bool) -> tuple[float, ...]:
        """Return payoffs net of disagreement; what chains leave over is shared, or kept."""
        weights = self.levels.weights.tolist()
        payoffs, rest, left = [0.0] * len(weights), self.everyone, self.budget
        for level, served in runs:
            for i in members(served):
                payoffs[i] = weights[i] * level
                left -= payoffs[i]
            rest ^= served
        if share and rest:
            level = max(left, 0.0) / float(self.total[rest])
            for i in members(rest):
                payoffs[i] = weights[i] * level
        return tuple(payoffs)


def _longer(runs: Runs, level: float, player: int) -> Runs:
    """Set a player aside at a level not above those before."""
    if runs and runs[-1][0] == level:
        return *runs[:-1], (level, runs[-1][1] | 1 << player)
    return *runs, (level, 1 << player)


def divide_grand(levels: ThreatLevels, worth: float, required: float, eps: float) -> OrderedDivision:
    """Divide the worth of the grand coalition: all maximisers, or the reason why there are none.

    Parameters
    ----------
    levels
        The threats within every coalition.
    worth, required
        v(N) and its required worth, in the unit of payoff.
    eps
        Tolerance in the unit of payoff: N is viable iff required <= worth + eps, and has slack above eps.

    Raises
    ------
    SearchLimitError
        When the proof needs more chains than :data:`NODES`.
    """
    problem = BlockProblem(
        tuple(range(levels.n)), levels.weights.tolist(), levels.disagreement.tolist(), worth, (), eps
    )
    if required > worth + eps:
        return OrderedDivision(Division(required, False, (), -math.inf, -math.inf), math.nan, math.nan, 0)
    budget = worth - float(levels.disagreement.sum())
    if worth - required <= eps:
        chains = Chains(levels, budget, eps, NODES)
        allocations = [chains.allocation(runs, share=False) for runs in chains.cheapest()]
        return OrderedDivision(without_slack(problem, allocations, required, 0), math.nan, math.nan, 0)
    chains = Chains(levels, budget, ROUNDING * abs(budget), NODES)
    price, root = chains.best_price()
    best, found, nodes = chains.maximisers(price)
    solutions = listed(problem, [chains.allocation(runs, share=True) for runs in found])
    value = best + chains.constant
    states = sum(len(layer.masks) for layer in chains.layers)
    return OrderedDivision(
        Division(required, True, solutions, value, value, nodes), price, root + chains.constant, states
    )
