"""Exact search over the unblocked set of a TU threat game: all maximisers, or the least unblocked total.

The unblocked set is ``{x >= 0 : sum x <= W, for every clause some x_i >= tau_i}``, payoffs measured from the
disagreement point. A *clause* is a threat (T, y) written as pairs ``((i, y_i), ...)``; it is met when one *literal*
``x_i >= y_i`` holds. The search branches on who meets an unmet clause, exclusively: in branch j the j-th literal holds
and the literals before it do not, so no allocation is met twice. Two objectives share it:

* :class:`NashProduct`: maximise ``sum gamma_i log x_i``. Under lower bounds l alone the optimum is water-filling,
  ``x_i = max(l_i, gamma_i t)`` with t from the budget, in closed form and unique.
* :class:`LeastTotal`: minimise ``sum x_i``; under lower bounds l alone the optimum is l itself.

A node's bound is the optimum under its lower bounds less a Lagrangian penalty: raising x_i to tau costs at least
``loss(i, tau)`` at the price of the relaxation, and unmet clauses without a common position add up.

Identical players are *positions* of one chain in ascending order of payoff: ``follower[i]`` is the next position, and
``x_i >= tau`` then means that all later positions of the chain have tau as well. One clause thereby stands for every
way in which identical players may fill the threat, and one solution for all its permutations.

Numbers may be floats (with a tolerance) or :class:`fractions.Fraction` (with tolerance 0).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import ge
from typing import Any, NamedTuple, Protocol

Number = Any
"""A float or a Fraction; one search uses one of them throughout."""

Literal = tuple[int, Number]
Clause = tuple[Literal, ...]
Oracle = Callable[[Sequence[Number]], Clause | None]
"""Given x, return a clause that x does not meet, or None when x meets every clause."""

NO_FOLLOWER = -1

TIE = 1e-9
"""Allocations whose log Nash products differ by no more are maximisers alike."""


PACKED = 40
"""How many unmet clauses, the costliest first, share in a node's penalty."""

ASCENT = (2, 2, 1)
"""What a clause divides its room by in each round of the dual ascent: halves first, so that neighbours get some.

Whole numbers, so that the penalty of a total in fractions is a fraction and prunes no tie.
"""


class SearchLimitError(RuntimeError):
    """The node limit was reached; ``bound`` is what is still proven, ``best`` the best value found (or None)."""

    def __init__(self, message: str, bound: float, best: float | None) -> None:
        super().__init__(message)
        self.bound = bound
        self.best = best


def water_filling(
    positions: Sequence[int], weights: Sequence[Number], lower: Sequence[Number], budget: Number
) -> tuple[list[Number], Number]:
    """Maximise ``sum gamma_i log x_i`` over ``x >= lower, sum x <= budget``: ``x_i = max(l_i, gamma_i t)``.

    Parameters
    ----------
    positions
        The positions that take part; the other entries of the vectors are ignored (and 0 in the answer).
    weights, lower
        Indexed by position. ``sum(lower) <= budget`` is the caller's business.
    budget
        The total to share.

    Returns
    -------
    tuple
        The allocation, indexed by position, and the water level t.
    """
    share: list[Number] = [0] * len(lower)
    free = list(positions)
    left, mass = budget, sum(weights[i] for i in free)
    level = left / mass
    while True:
        bound = [i for i in free if lower[i] > weights[i] * level]
        if not bound:
            break
        for i in bound:
            share[i] = lower[i]
            left -= lower[i]
            mass -= weights[i]
        free = [i for i in free if lower[i] <= weights[i] * level]
        if not free:
            break
        level = left / mass
    if level < 0:
        level = 0 * level
    for i in free:
        share[i] = weights[i] * level
    return share, level


class Objective(Protocol):
    """What the search maximises: an optimum under lower bounds, and the loss of raising one position."""

    @property
    def tie(self) -> Number:
        """Allocations whose values differ by no more are optima alike."""

    def relax(self, lower: Sequence[Number]) -> tuple[float, Sequence[Number], Number] | None:
        """Return (value, x, price) of the optimum under lower bounds, or None when they do not fit."""

    def loss(self, i: int, current: Number, raised: Number, price: Number) -> Number:
        """Return a lower bound on what is lost when position i rises from ``current`` to ``raised``."""


@dataclass(frozen=True, slots=True)
class NashProduct:
    """The log of the Nash product, ``sum gamma_i log x_i``, within a budget."""

    positions: tuple[int, ...]
    weights: Sequence[Number]
    budget: Number
    slack: Number = 1e-12
    tie: float = TIE

    def relax(self, lower: Sequence[Number]) -> tuple[float, Sequence[Number], Number] | None:
        """Fill water to the budget; the price of money is 1 / level."""
        if sum(lower[i] for i in self.positions) > self.budget + self.slack:
            return None
        share, level = water_filling(self.positions, self.weights, lower, self.budget)
        value = 0.0
        for i in self.positions:
            if share[i] <= 0:
                return -math.inf, share, level
            value += self.weights[i] * math.log(share[i])
        return value, share, level

    def loss(self, i: int, current: Number, raised: Number, price: Number) -> float:
        """Loss of ``gamma log x - x / t`` between ``current`` (its maximiser above the bound) and ``raised``."""
        if current <= 0 or price <= 0:
            return 0.0
        return float((raised - current) / price) - float(self.weights[i]) * math.log(raised / current)


@dataclass(frozen=True, slots=True)
class LeastTotal:
    """Minus the total of the lower bounds: what has to be paid so that nobody walks away."""

    positions: tuple[int, ...]
    tie: Number = 0
    cap: Number = math.inf

    def relax(self, lower: Sequence[Number]) -> tuple[float, Sequence[Number], Number] | None:
        """Pay the lower bounds and nothing else."""
        total = sum(lower[i] for i in self.positions)
        return None if total > self.cap else (-total, lower, 1)

    def loss(self, i: int, current: Number, raised: Number, price: Number) -> Number:
        """Every unit costs 1."""
        return raised - current


class _Meter:
    """How much of the loss of raising one position is already charged to clauses, threshold by threshold."""

    __slots__ = ("charges", "loss", "losses")

    def __init__(self, loss: Callable[[Number], Number]) -> None:
        self.loss = loss
        self.losses: dict[Number, Number] = {}
        self.charges: dict[Number, Number] = {}

    def _loss_at(self, tau: Number) -> Number:
        known = self.losses.get(tau)
        if known is None:
            known = self.losses[tau] = self.loss(tau)
        return known

    def room(self, tau: Number) -> Number:
        """Return what a clause met at tau may still be charged: the least room at tau and above."""
        charges = self.charges
        room = self._loss_at(tau) - sum(w for t, w in charges.items() if t <= tau)
        if room <= 0:
            return 0
        for level in charges:
            if level > tau:
                room = min(room, self._loss_at(level) - sum(w for t, w in charges.items() if t <= level))
        return room

    def put(self, tau: Number, weight: Number) -> None:
        """Charge a clause met at tau."""
        self.charges[tau] = self.charges.get(tau, 0) + weight


class Node(NamedTuple):
    """A subproblem: bounds on every position, and the clauses that the lower bounds leave open."""

    lower: list[Number]
    upper: list[Number]
    open_clauses: list[Clause]
    seen: int
    """How many clauses of the pool the node has already taken into account."""


@dataclass(slots=True)
class Optimum:
    """What a search found: the best value, every optimal allocation (by position), and the effort."""

    value: float
    allocations: list[tuple[Number, ...]]
    lower_bounds: list[tuple[Number, ...]]
    nodes: int
    clauses: list[Clause] = field(default_factory=list)


@dataclass(slots=True)
class Search:
    """Best-first branch and bound over the unblocked set; every maximiser is listed.

    ``clauses`` is the pool known at the start; ``oracle``, if given, may add clauses that a candidate violates, so that
    large families of threats need not be written out.
    """

    objective: Objective
    clauses: list[Clause]
    tolerance: Number
    follower: Sequence[int] | None = None
    oracle: Oracle | None = None
    node_limit: int = 5_000_000
    every: bool = True
    nodes: int = 0
    _best: float = -math.inf
    _found: list[tuple[float, tuple[Number, ...], tuple[Number, ...]]] = field(default_factory=list)

    def run(self, lower: Sequence[Number]) -> Optimum | None:
        """Search from the given lower bounds; None when nothing is feasible."""
        heap: list[tuple[float, int, Node]] = []
        count = 0
        root = Node(list(lower), [math.inf] * len(lower), list(self.clauses), len(self.clauses))
        pending = [root]
        while True:
            for node in pending:
                ranked = self._evaluate(node)
                if ranked is not None:
                    count += 1
                    heapq.heappush(heap, (-ranked[0], -count, ranked[1]))
            if not heap or self._pruned(-heap[0][0]):
                break
            if self.nodes > self.node_limit:
                best = self._best if self._found else None
                raise SearchLimitError(f"no proof within {self.node_limit} nodes", -heap[0][0], best)
            pending = self._branch(heapq.heappop(heap)[2])
        return self._collect()

    def _pruned(self, bound: float) -> bool:
        if self.every:
            return bool(bound < self._best - self.objective.tie)
        return bound <= self._best

    def _collect(self) -> Optimum | None:
        if not self._found:
            return None
        kept = [entry for entry in self._found if entry[0] >= self._best - self.objective.tie]
        if not self.every:
            kept = [max(kept, key=lambda entry: entry[0])]
        return Optimum(self._best, [k[1] for k in kept], [k[2] for k in kept], self.nodes, self.clauses)

    def _evaluate(self, node: Node) -> tuple[float, Node] | None:
        """Bound a node: close it with a candidate, drop it, or return its bound for the queue."""
        while True:
            self.nodes += 1
            node = self._with_new_clauses(node)
            relaxed = self._propagate(node)
            if relaxed is None:
                return None
            value, x, price, unmet, open_clauses = relaxed
            if unmet:
                bound = value - self._penalty(self._ranked(unmet, x, price), x, price)
                if self._pruned(bound):
                    return None
                return bound, Node(node.lower, node.upper, open_clauses, node.seen)
            added = self.oracle(x) if self.oracle else None
            if added is None:
                self._record(value, x, node.lower)
                return None
            self.clauses.append(added)
            node = Node(node.lower, node.upper, open_clauses, node.seen)

    def _with_new_clauses(self, node: Node) -> Node:
        if node.seen == len(self.clauses):
            return node
        fresh = self.clauses[node.seen :]
        return Node(node.lower, node.upper, node.open_clauses + fresh, len(self.clauses))

    def _propagate(self, node: Node) -> tuple[float, Sequence[Number], Number, list[Clause], list[Clause]] | None:
        """Raise bounds for clauses with one literal left until nothing changes; None when the node is empty."""
        lower, upper, eps = node.lower, node.upper, self.tolerance
        open_clauses = node.open_clauses
        while True:
            remaining: list[Clause] = []
            raised = False
            for clause in open_clauses:
                alive = []
                for i, tau in clause:
                    if lower[i] >= tau - eps:
                        break
                    if tau < upper[i]:
                        alive.append((i, tau))
                else:
                    if not alive:
                        return None
                    if len(alive) == 1:
                        self._raise(lower, *alive[0])
                        raised = True
                    else:
                        remaining.append(clause if len(alive) == len(clause) else tuple(alive))
            open_clauses = remaining
            if not raised:
                break
        relaxed = self.objective.relax(lower)
        if relaxed is None or self._pruned(relaxed[0]):
            return None
        value, x, price = relaxed
        unmet = [c for c in open_clauses if all(x[i] < tau - eps for i, tau in c)]
        return value, x, price, unmet, open_clauses

    def _raise(self, lower: list[Number], i: int, tau: Number) -> None:
        """Set x_i >= tau, and the same for the positions that follow i in its chain."""
        while i != NO_FOLLOWER and lower[i] < tau:
            lower[i] = tau
            i = self.follower[i] if self.follower else NO_FOLLOWER

    def _cost(self, literal: Literal, x: Sequence[Number], price: Number) -> Number:
        i, tau = literal
        cost: Number = 0
        while i != NO_FOLLOWER and x[i] < tau:
            cost += self.objective.loss(i, x[i], tau, price)
            i = self.follower[i] if self.follower else NO_FOLLOWER
        return cost

    def _ranked(self, unmet: Iterable[Clause], x: Sequence[Number], price: Number) -> list[tuple[float, Clause]]:
        """Order unmet clauses by their least loss, greatest first."""
        losses = [(min(self._cost(literal, x, price) for literal in c), c) for c in unmet]
        return sorted(losses, key=lambda pair: (-pair[0], len(pair[1])))

    def _penalty(self, ranked: Sequence[tuple[float, Clause]], x: Sequence[Number], price: Number) -> Number:
        """Bound what meeting the unmet clauses costs, by dual ascent on the covering problem.

        Every clause gets a weight such that, at every position, the weights of the clauses that x_i = tau would meet
        never exceed the loss of x_i = tau; the weights add up to the bound.
        """
        total: Number = 0
        meters: dict[int, _Meter] = {}
        packed = [(loss, self._raised_positions(clause, x)) for loss, clause in ranked[:PACKED]]
        for divisor in ASCENT:
            for loss, literals in packed:
                if loss <= 0:
                    break
                room = math.inf
                for positions, tau in literals:
                    slack = min(self._meter(meters, i, x, price).room(tau) for i in positions)
                    room = min(room, slack * len(positions))
                    if room <= 0:
                        break
                if room > 0:
                    weight = room / divisor
                    total += weight
                    for positions, tau in literals:
                        for i in positions:
                            meters[i].put(tau, weight / len(positions))
        return total

    def _meter(self, meters: dict[int, _Meter], i: int, x: Sequence[Number], price: Number) -> _Meter:
        meter = meters.get(i)
        if meter is None:
            objective = self.objective
            meter = meters[i] = _Meter(lambda tau: objective.loss(i, x[i], tau, price))
        return meter

    def _raised_positions(self, clause: Clause, x: Sequence[Number]) -> list[tuple[list[int], Number]]:
        """For every literal, the positions that it raises."""
        result = []
        for i, tau in clause:
            positions, j = [], i
            while j != NO_FOLLOWER and x[j] < tau:
                positions.append(j)
                j = self.follower[j] if self.follower else NO_FOLLOWER
            result.append((positions, tau))
        return result

    def _branch(self, node: Node) -> list[Node]:
        """Split on the unmet clause whose least loss is greatest, cheapest literal first."""
        relaxed = self.objective.relax(node.lower)
        if relaxed is None:
            return []
        _, x, price = relaxed
        eps = self.tolerance
        unmet = [c for c in node.open_clauses if all(x[i] < tau - eps for i, tau in c)]
        clause = max(unmet, key=lambda c: (min(self._cost(literal, x, price) for literal in c), -len(c)))
        children = []
        upper = node.upper
        for i, tau in sorted(clause, key=lambda literal: self._cost(literal, x, price)):
            lower = node.lower.copy()
            self._raise(lower, i, tau)
            children.append(Node(lower, upper.copy(), node.open_clauses, node.seen))
            upper = self._exclude(upper, i, tau)
        return children

    def _exclude(self, upper: list[Number], i: int, tau: Number) -> list[Number]:
        """Return the upper bounds that say x_i < tau (then earlier positions of the chain are below tau too)."""
        result = upper.copy()
        result[i] = min(result[i], tau)
        if self.follower:
            for j in range(i - 1, -1, -1):
                if self.follower[j] != j + 1:
                    break
                result[j] = min(result[j], tau)
        return result

    def _record(self, value: float, x: Sequence[Number], lower: Sequence[Number]) -> None:
        self._best = max(self._best, value)
        self._found.append((value, tuple(x), tuple(lower)))


def undominated(clauses: Iterable[Clause]) -> list[Clause]:
    """Drop clauses over the same positions that a harder one implies (quadratic; for short lists)."""
    candidates = list(clauses)
    if len(candidates) == 1:
        return candidates
    if len(candidates[0]) == 1:
        return [max(candidates)]
    kept: list[tuple[Clause, tuple[Number, ...]]] = []
    keyed = sorted(((tuple(tau for _, tau in c), c) for c in candidates), key=lambda pair: sum(pair[0]), reverse=True)
    for asked, clause in keyed:
        if not any(all(map(ge, harder, asked)) for _, harder in kept):
            kept.append((clause, asked))
    return [clause for clause, _ in kept]
