"""Division under threats by brute force in exact arithmetic, sharing no code with the searches; random problems."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import strategies as st

from breakaway.runners.division import BlockProblem

Box = tuple[Fraction, ...]
"""Lower bounds by position."""

Clause = tuple[tuple[int, Fraction], ...]


def chain_of(i: int, follower: Sequence[int] | None) -> list[int]:
    """Return a position and those that follow it, whose payoffs are at least as high."""
    result = [i]
    while follower is not None and follower[result[-1]] != -1:
        result.append(follower[result[-1]])
    return result


def raised(box: Box, i: int, tau: Fraction, follower: Sequence[int] | None) -> Box:
    up = chain_of(i, follower)
    return tuple(max(low, tau) if j in up else low for j, low in enumerate(box))


def minimal(boxes: Iterable[Box]) -> set[Box]:
    """Return the boxes that are contained in no other."""
    listed = set(boxes)
    return {
        box
        for box in listed
        if not any(other != box and all(a <= b for a, b in zip(other, box, strict=True)) for other in listed)
    }


def minimal_bounds(lower: Box, clauses: Iterable[Clause], follower: Sequence[int] | None = None) -> set[Box]:
    """The unblocked set is the union of the boxes above these bounds: meet one clause after the other in every way."""
    boxes = {tuple(lower)}
    for clause in clauses:
        met = {box for box in boxes if any(box[i] >= tau for i, tau in clause)}
        boxes = minimal(met | {raised(box, i, tau, follower) for box in boxes - met for i, tau in clause})
    return boxes


def shared(box: Box, weights: Sequence[Fraction], budget: Fraction) -> Box:
    """Maximise the product of x_i^gamma_i above a box: bind the bounds that are highest per weight, as many as hold."""
    order = sorted(range(len(box)), key=lambda i: box[i] / weights[i], reverse=True)
    for k in range(len(box)):
        bound, free = order[:k], order[k:]
        level = (budget - sum(box[i] for i in bound)) / sum(weights[i] for i in free)
        if all(box[i] <= weights[i] * level for i in free):
            return tuple(box[i] if i in bound else weights[i] * level for i in range(len(box)))
    return box


@dataclass(frozen=True)
class Truth:
    """The least unblocked total, and all allocations of greatest product (all unblocked ones when that is zero)."""

    required: Fraction
    viable: bool
    solutions: set[Box]
    product: Fraction


def solve(problem: BlockProblem) -> Truth:
    """Solve a problem whose positions are 0, 1, ... and whose weights are integers, exactly."""
    d = problem.disagreement
    weights = [Fraction(w) for w in problem.weights]
    net = [tuple((i, tau - d[i]) for i, tau in clause) for clause in problem.clauses]
    boxes = minimal_bounds((Fraction(0),) * len(d), net, problem.follower)
    required = min(map(sum, boxes)) + sum(d)
    budget = problem.worth - sum(d)
    shares = {shared(box, weights, budget) for box in boxes if sum(box) <= budget}
    product = {x: math.prod(value**w for value, w in zip(x, problem.weights, strict=True)) for x in shares}
    best = max(product.values(), default=Fraction(0))
    gross = {tuple(a + b for a, b in zip(x, d, strict=True)) for x in shares if product[x] == best}
    return Truth(required, bool(shares), gross, best)


# --- random problems -----------------------------------------------------------------------------------------------


@st.composite
def chained_problems(
    draw: st.DrawFn, most_players: int = 5, most_threats: int = 6, chains: bool = True
) -> BlockProblem:
    """Threats on a coarse grid of halves and thirds; players of one group are identical."""
    sizes = draw(st.lists(st.integers(1, 3 if chains else 1), min_size=2, max_size=most_players))
    while sum(sizes) > most_players:
        sizes.pop()
    n, groups, start = sum(sizes), [], 0
    for size in sizes:
        groups.append(range(start, start + size))
        start += size
    weights = [w for group in groups for w in [draw(st.sampled_from([1, 1, 2, 3]))] * len(group)]
    d = [
        y for group in groups for y in [draw(st.sampled_from([Fraction(0), Fraction(-1), Fraction(1, 2)]))] * len(group)
    ]
    clauses = [draw(_clauses(groups, d)) for _ in range(draw(st.integers(0, most_threats)))]
    follower = [i + 1 if any(i in g and i + 1 in g for g in groups) else -1 for i in range(n)]
    worth = sum(d) + draw(st.integers(1, 72)) / Fraction(6)
    usable = [clause for clause in clauses if 0 < len(clause) < n]
    return BlockProblem(tuple(range(n)), weights, d, worth, usable, 0, follower if max(sizes) > 1 else None)


@st.composite
def _clauses(draw: st.DrawFn, groups: Sequence[range], d: Sequence[Fraction]) -> Clause:
    """The first members of some groups, whose payoffs ascend within a group."""
    literals: list[tuple[int, Fraction]] = []
    for group in groups:
        inside = group[: draw(st.integers(0, len(group)))]
        taus = sorted(draw(st.lists(_steps(), min_size=len(inside), max_size=len(inside))))
        literals += [(i, d[i] + tau) for i, tau in zip(inside, taus, strict=True)]
    return tuple(literals)


def _steps() -> st.SearchStrategy[Fraction]:
    return st.builds(Fraction, st.integers(0, 12), st.sampled_from([2, 3]))


def in_floats(problem: BlockProblem, eps: float = 1e-9) -> BlockProblem:
    """Return the problem in floating-point numbers."""
    return replace(
        problem,
        weights=[float(w) for w in problem.weights],
        disagreement=[float(y) for y in problem.disagreement],
        worth=float(problem.worth),
        clauses=[tuple((i, float(tau)) for i, tau in clause) for clause in problem.clauses],
        eps=eps,
    )


def unchained(problem: BlockProblem) -> BlockProblem:
    """Return the problem of players with names: every threat is made by every choice of identical players."""
    follower = problem.follower
    if follower is None:
        return problem
    heads = sorted(set(problem.positions) - set(follower))
    groups = [chain_of(i, follower) for i in heads]
    clauses = {
        tuple(sorted(itertools.chain.from_iterable(choice)))
        for clause in problem.clauses
        for choice in itertools.product(*(_assignments(group, dict(clause)) for group in groups))
    }
    return replace(problem, clauses=sorted(clauses), follower=None)


def _assignments(group: Sequence[int], payoff: dict[int, Fraction]) -> list[Clause]:
    asked = [payoff[i] for i in group if i in payoff]
    return [tuple(zip(chosen, asked, strict=True)) for chosen in itertools.permutations(group, len(asked))]


def renamed(problem: BlockProblem, solutions: Iterable[Box]) -> set[Box]:
    """Return all orders of identical players in some allocations."""
    if problem.follower is None:
        return set(solutions)
    heads = sorted(set(problem.positions) - set(problem.follower))
    groups = [chain_of(i, problem.follower) for i in heads]
    return {
        tuple(itertools.chain.from_iterable(choice))
        for x in solutions
        for choice in itertools.product(*(itertools.permutations([x[i] for i in group]) for group in groups))
    }
