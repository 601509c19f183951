"""Division of one coalition's worth under threats: the least worth that suffices, and all coalitional Nash solutions.

This is the one step that the recursions repeat. A :class:`BlockProblem` is what a coalition faces; a *divider* solves
it. :func:`divide_exactly` is the specialised search; the Pyomo models stand beside it in
:mod:`breakaway.runners.model_division`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

import numpy as np

from breakaway.runners.cover import Cover, TooManyStatesError, essential
from breakaway.runners.pricing import PricedCover
from breakaway.runners.search import (
    TIE,
    Clause,
    LeastTotal,
    NashProduct,
    Number,
    Objective,
    Optimum,
    Search,
    SearchLimitError,
    water_filling,
)


def fraction_of(number: Number) -> Fraction:
    """Return a number exactly: a fraction as it is, a float as the decimal that it prints as (0.1 becomes 1/10)."""
    return number if isinstance(number, Fraction) else Fraction(repr(float(number)))


@dataclass(frozen=True, slots=True)
class BlockProblem:
    """A coalition with a worth to share and threats to meet.

    ``positions`` are the members; ``weights`` and ``disagreement`` are indexed by position over all players. A clause
    is a threat's payoffs as pairs (position, payoff), not net of disagreement. ``follower`` chains identical members
    (see :mod:`breakaway.runners.search`). ``eps`` is the tolerance in the game's unit: a threat is met when
    x >= y - eps.
    """

    positions: tuple[int, ...]
    weights: Sequence[Number]
    disagreement: Sequence[Number]
    worth: Number
    clauses: Sequence[Clause]
    eps: Number
    follower: Sequence[int] | None = None
    limit: int = 5_000_000

    def in_fractions(self) -> BlockProblem:
        """Return the same problem in fractions with tolerance 0; floats are read as the decimals they print as."""
        return replace(
            self,
            weights=[fraction_of(weight) for weight in self.weights],
            disagreement=[fraction_of(d) for d in self.disagreement],
            worth=fraction_of(self.worth),
            clauses=[tuple((i, fraction_of(y)) for i, y in clause) for clause in self.clauses],
            eps=Fraction(0),
        )


@dataclass(frozen=True, slots=True)
class Division:
    """The answer to a block problem.

    ``required`` is the least total of an unblocked allocation; ``solutions`` lists all maximisers as pairs (position,
    payoff), empty when the block is not viable. ``log_product`` and ``bound`` are the best value and the proven upper
    bound of sum gamma log(x - d), -inf when the best product is zero; then every unblocked allocation is listed.
    ``complete`` is false when maximisers are missing, which happens only for a polyhedron whose best product is zero.
    """

    required: Number
    viable: bool
    solutions: tuple[Clause, ...]
    log_product: float
    bound: float
    nodes: int = 0
    zero_product: bool = False
    complete: bool = True


_Answer = TypeVar("_Answer")

MOST_AT_ONCE = 25_000
"""Up to this many threats are searched at once; larger families enter as answers violate them."""

MORE_EACH_ROUND = 20
"""How many violated threats each answer adds to the pool."""

Divider = Callable[[BlockProblem], Division]


@dataclass(slots=True)
class Normalised:
    """A block problem net of disagreement payoffs: one lower bound per position, and clauses with several members."""

    lower: list[Number]
    clauses: list[Clause]
    budget: Number


def normalise(problem: BlockProblem) -> Normalised:
    """Net out disagreement, turn single-member threats into lower bounds, and drop clauses that those meet."""
    d = problem.disagreement
    lower: list[Number] = [0 * value for value in d]
    several: list[Clause] = []
    for clause in problem.clauses:
        if len(clause) == 1:
            i, tau = clause[0]
            _raise(lower, i, tau - d[i], problem.follower)
        else:
            several.append(clause)
    open_clauses = []
    for clause in several:
        for i, tau in clause:
            if lower[i] >= tau - d[i] - problem.eps:
                break
        else:
            open_clauses.append(tuple((i, tau - d[i]) for i, tau in clause))
    budget = problem.worth - sum(d[i] for i in problem.positions)
    return Normalised(lower, open_clauses, budget)


def _raise(lower: list[Number], i: int, tau: Number, follower: Sequence[int] | None) -> None:
    while i != -1 and lower[i] < tau:
        lower[i] = tau
        i = follower[i] if follower else -1


def divide_exactly(problem: BlockProblem) -> Division:
    """Solve a block problem by closed forms where they suffice and by exact search otherwise.

    Raises
    ------
    SearchLimitError
        When the proof needs more nodes than ``problem.limit``.
    """
    net = normalise(problem)
    net.clauses = essential(net.clauses)
    paid = sum(problem.disagreement[i] for i in problem.positions)
    least = _least_total(problem, net)
    required = least.value + paid
    if least.value > net.budget + problem.eps:
        return Division(required, False, (), -math.inf, -math.inf, least.states)
    if net.budget - least.value <= problem.eps:
        return without_slack(problem, _all_cheapest(problem, net, least), required, least.states)
    optimum = _nash(problem, net, least)
    solutions = listed(problem, optimum.allocations)
    return Division(required, True, solutions, optimum.value, optimum.value, least.states + optimum.nodes)


@dataclass(frozen=True, slots=True)
class _Least:
    """The least unblocked total net of disagreement, an allocation that attains it, and the cover that proved it."""

    value: Number
    allocation: tuple[Number, ...]
    states: int
    cover: Cover | None = None


def _least_total(problem: BlockProblem, net: Normalised) -> _Least:
    start = sum(net.lower[i] for i in problem.positions)
    if not net.clauses:
        return _Least(start, tuple(net.lower), 0)

    def cheapest(clauses: Sequence[Clause]) -> _Least:
        cover = _cover(problem, net, clauses)
        if cover is None:
            optimum = _searched(problem, net, clauses, LeastTotal(problem.positions), every=False)
            return _Least(-optimum.value, optimum.allocations[0], optimum.nodes)
        cost, payoffs = cover.least(_payments(cover))
        return _Least(start + cost, tuple(payoffs), len(cover.moves), cover)

    return _with_pool(net.clauses, problem.eps, cheapest, lambda least: [least.allocation])


def _cover(
    problem: BlockProblem, net: Normalised, clauses: Sequence[Clause], known: _Least | None = None
) -> Cover | None:
    """Return the states of meeting some clauses, the known ones if those are all; None when they are too many."""
    if known is not None and known.cover is not None and len(clauses) == len(net.clauses) <= MOST_AT_ONCE:
        return known.cover
    try:
        return Cover(net.lower, clauses, problem.eps, problem.follower)
    except TooManyStatesError:
        return None


def _payments(cover: Cover) -> list[list[Number]]:
    """Cost every threshold at what has to be paid above the lower bound."""
    return [[tau - taus[0] for tau in taus] for taus in cover.thresholds]


def _all_cheapest(problem: BlockProblem, net: Normalised, least: _Least) -> list[tuple[Number, ...]]:
    """Return every allocation that meets all threats at the least total."""
    if not net.clauses:
        return [least.allocation]

    def cheapest(clauses: Sequence[Clause]) -> list[tuple[Number, ...]]:
        cover = _cover(problem, net, clauses, least)
        if cover is None:
            objective = LeastTotal(problem.positions, tie=problem.eps)
            return _searched(problem, net, clauses, objective, every=True).allocations
        limit = least.value - sum(net.lower[i] for i in problem.positions) + problem.eps
        return [tuple(x) for _, x in cover.within(_payments(cover), limit)]

    return _with_pool(net.clauses, problem.eps, cheapest, lambda found: found)


def _searched(
    problem: BlockProblem, net: Normalised, clauses: Sequence[Clause], objective: Objective, *, every: bool
) -> Optimum:
    """Branch and bound, for threats with too many states for the dynamic programme."""
    search = Search(objective, list(clauses), problem.eps, problem.follower, node_limit=problem.limit, every=every)
    try:
        optimum = search.run(net.lower)
    except SearchLimitError as error:
        if isinstance(objective, LeastTotal):  # its bound is minus a total: nothing is known of the product yet
            raise SearchLimitError(f"{error}, while seeking the least total", math.inf, None) from error
        raise
    if optimum is None:
        raise ArithmeticError("the unblocked set was found nonempty and empty")
    return optimum


def _nash(problem: BlockProblem, net: Normalised, least: _Least) -> Optimum:
    """Return all maximisers of the Nash product, net of disagreement."""
    share, _ = water_filling(problem.positions, problem.weights, net.lower, net.budget)
    eps = problem.eps
    if all(any(share[i] >= tau - eps for i, tau in clause) for clause in net.clauses):
        value = sum(float(problem.weights[i]) * math.log(share[i]) for i in problem.positions)
        return Optimum(value, [tuple(share)], [tuple(net.lower)], 0)

    def best(clauses: Sequence[Clause]) -> Optimum:
        cover = _cover(problem, net, clauses, least)
        if cover is None:
            objective = NashProduct(problem.positions, problem.weights, net.budget, slack=eps)
            return _searched(problem, net, clauses, objective, every=True)
        return PricedCover(problem.positions, problem.weights, net.budget, eps, cover).maximisers()

    return _with_pool(net.clauses, eps, best, lambda optimum: optimum.allocations)


def _with_pool(
    clauses: Sequence[Clause],
    eps: Number,
    solve: Callable[[Sequence[Clause]], _Answer],
    allocations: Callable[[_Answer], Sequence[Sequence[Number]]],
) -> _Answer:
    """Solve with few clauses first when there are many, adding those that the answers violate until none is."""
    if len(clauses) <= MOST_AT_ONCE:
        return solve(clauses)
    asked = np.full((len(clauses), 1 + max(i for clause in clauses for i, _ in clause)), np.inf)
    for row, clause in enumerate(clauses):
        for i, tau in clause:
            asked[row, i] = float(tau)
    pool: set[int] = set()
    while True:
        answer = solve([clauses[row] for row in sorted(pool)])
        violated: set[int] = set()
        for x in allocations(answer):
            gap = (asked - np.array([float(value) for value in x[: asked.shape[1]]])).min(axis=1)
            rows = np.flatnonzero(gap > float(eps))
            violated.update(rows[np.argsort(-gap[rows], kind="stable")[:MORE_EACH_ROUND]].tolist())
        if not violated - pool:
            return answer
        pool |= violated


def without_slack(
    problem: BlockProblem, allocations: list[tuple[Number, ...]], required: Number, nodes: int
) -> Division:
    """Compare the allocations of a finite unblocked set: the worth just suffices."""
    values = []
    for x in allocations:
        shares = [x[i] for i in problem.positions]
        positive = min(shares) > problem.eps
        values.append(
            sum(float(problem.weights[i]) * math.log(x[i]) for i in problem.positions) if positive else -math.inf
        )
    best = max(values)
    if best == -math.inf:
        return Division(required, True, listed(problem, allocations), best, best, nodes, zero_product=True)
    kept = [x for x, value in zip(allocations, values, strict=True) if value >= best - TIE]
    return Division(required, True, listed(problem, kept), best, best, nodes)


def same_allocation(one: Clause, other: Clause, eps: Number) -> bool:
    """Tell whether two allocations of the same members agree to within eps."""
    return all(abs(a - b) <= eps for (_, a), (_, b) in zip(one, other, strict=True))


def listed(problem: BlockProblem, allocations: Iterable[Sequence[Number]]) -> tuple[Clause, ...]:
    """Add disagreement back, sort, and drop repetitions."""
    d = problem.disagreement
    gross = [tuple((i, x[i] + d[i]) for i in problem.positions) for x in allocations]
    scale = max((abs(float(value)) for c in gross for _, value in c), default=1.0) or 1.0
    ordered = sorted(gross, key=lambda c: tuple(round(float(value) / scale, 9) for _, value in c))
    merge = max(problem.eps * 10, 0)
    kept = ordered[:1]
    for here, following in pairwise(ordered):
        if not same_allocation(here, following, merge):
            kept.append(following)
    return tuple(kept)
