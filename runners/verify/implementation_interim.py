"""Truth on a type space by its definition: no coalition of types gains by reporting other payoff types.

Definitions 1 (for the direct mechanism and truth) and 10 of Guo and Yannelis (2020), told anew with loops over
coalitions, types and reports.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment, TypeSpace, maximal_pattern

CASES = 2_000_000
"""Most triples of coalition, types and reports that are gone through."""


def most_interim_gain(environment: PayoffEnvironment, pattern: Sequence[Coalition]) -> float | None:
    """Return the most that all members of a coalition gain for some types and report; None when not computed."""
    space = environment.type_space
    if space is None or space.revisions or _cases(environment, space, pattern) > CASES:
        return None
    return max((_most_gain(environment, space, coalition) for coalition in pattern), default=0.0)


def patterns_asked(environment: PayoffEnvironment) -> dict[str, tuple[Coalition, ...]]:
    """Return the coalitions that each statement about the type space is about."""
    return {
        "interim_coalitional_ic": maximal_pattern(len(environment)),
        "truth_is_interim_s_equilibrium": environment.pattern,
    }


def _cases(environment: PayoffEnvironment, space: TypeSpace, pattern: Sequence[Coalition]) -> int:
    counts = [len(own) * size for own, size in zip(space.types, environment.sizes, strict=True)]
    return sum(int(np.prod([counts[i] for i in members(coalition)])) for coalition in pattern)


def _most_gain(environment: PayoffEnvironment, space: TypeSpace, coalition: Coalition) -> float:
    joined = list(members(coalition))
    reports = list(itertools.product(*(range(environment.sizes[i]) for i in joined)))
    best = 0.0
    for types in itertools.product(*(range(len(space.types[i])) for i in joined)):
        beliefs = [_belief(space, i, dict(zip(joined, types, strict=True))) for i in joined]
        for report in reports:
            change = _changes(environment, space, joined, types, report)
            gains = [float((belief * own).sum()) for belief, own in zip(beliefs, change, strict=True)]
            best = max(best, min(gains))
    return best


def _belief(space: TypeSpace, agent: int, known: dict[int, int]) -> Floats:
    """Return what an agent believes of the outsiders once the members' types are known.

    What was thought impossible leaves the belief about the outsiders as it was.
    """
    belief = space.beliefs[agent][known[agent]]
    others = [j for j in range(len(space.types)) if j != agent]
    at = belief[tuple(known.get(j, slice(None)) for j in others)]
    if at.sum() > 0:
        return np.asarray(at / at.sum())
    return np.asarray(belief.sum(axis=tuple(k for k, j in enumerate(others) if j in known)))


def _changes(
    environment: PayoffEnvironment, space: TypeSpace, joined: list[int], types: Sequence[int], report: Sequence[int]
) -> list[Floats]:
    """Return what every member gains by a report at all types of the outsiders, each of shape (T_j of outsiders)."""
    outsiders = [j for j in range(len(environment)) if j not in joined]
    shape = tuple(len(space.types[j]) for j in outsiders)
    found = [np.zeros(shape) for _ in joined]
    for there in np.ndindex(*shape):
        true, told = [0] * len(environment), [0] * len(environment)
        for i, own, said in zip(joined, types, report, strict=True):
            true[i], told[i] = int(space.payoff_type[i][own]), int(said)
        for j, own in zip(outsiders, there, strict=True):
            true[j] = told[j] = int(space.payoff_type[j][own])
        here, reached = environment.number(true), environment.number(told)
        for k, i in enumerate(joined):
            found[k][there] = environment.payoffs[i][here, reached] - environment.payoffs[i][here, here]
    return found
