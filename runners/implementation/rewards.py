"""Reward functions and the sets that they must lie in: membership by the definition, emptiness, best elements.

A reward function y gives an outcome for every profile of payoff types that the agents outside its base B may report.
It is in the reward set Y_B[F] of a family F of coalitions that contain B when for every S in F, all types theta''_S
and all reports theta'_{S minus B} some member j of S does not gain, whatever the types theta_-S:

    u_j(f(theta''_S, theta_-S), (theta''_S, theta_-S)) >= u_j(y(theta'_{S minus B}, theta_-S), (theta''_S, theta_-S)).

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, sections 4.1 (coalitional reward set Y_i: B one
agent, F all coalitions with it) and 5.1 (S reward set: B = S, F the coalitions of the pattern that contain S).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from breakaway.data.coalitions import Coalition, members
from breakaway.data.groups import EqualArrays, Floats
from breakaway.data.payoff_environment import Ints, PayoffEnvironment, coalitions_with, maximal_pattern

TOLERANCE = 1e-8
"""A member that gains no more than this, times the largest utility where that is above 1, does not gain."""


@dataclass(frozen=True, eq=False)
class Reward(EqualArrays):
    """A reward function: for every profile of the agents outside the base a lottery, and amounts along the rays.

    ``weights`` has shape (Q, K + R): profiles of the others in the order of ``coalition_profiles``, weights of the
    K outcomes (they sum to 1), amounts of the R rays.
    """

    base: Coalition
    weights: Floats


@dataclass(frozen=True, eq=False)
class Requirement(EqualArrays):
    """What a coalition S with types theta''_S requires at the reports theta'_{S minus B} of its members outside B.

    Some member must not gain at any of the pairs (``true[m]``, ``others[m]``): a profile (theta''_S, theta_-S), and the
    number of the profile (theta'_{S minus B}, theta_-S) that the agents outside B report; one for every theta_-S.
    """

    coalition: Coalition
    types: tuple[int, ...]
    reported: tuple[int, ...]
    true: Ints
    others: Ints


@dataclass(frozen=True, eq=False)
class Rows:
    """All requirements of one coalition: ``true`` and ``others`` of shape (requirements, profiles theta_-S)."""

    coalition: Coalition
    true: Ints
    others: Ints


class RewardSet:
    """The reward set Y_B[F] of a payoff environment: ``base`` B and ``coalitions`` F."""

    def __init__(self, environment: PayoffEnvironment, base: Coalition, coalitions: Sequence[Coalition]) -> None:
        """Index what every coalition requires.

        Raises
        ------
        ValueError
            When the base is empty or unknown, or a coalition does not contain it.
        """
        self.environment, self.base = environment, base
        self.coalitions = checked_family(environment, base, coalitions)
        self.columns = environment.worth.shape[-1]
        self.tolerance = TOLERANCE * max(1.0, float(np.abs(environment.worth).max(initial=0.0)))

    @cached_property
    def profiles(self) -> int:
        """How many profiles Q the agents outside the base have."""
        return len(self.environment.coalition_profiles(self.environment.others(self.base)))

    @property
    def is_convex(self) -> bool:
        """Whether no coalition of two or more requires anything, so that the set is a polyhedron."""
        return all(len(members(coalition)) == 1 for coalition in self.coalitions)

    @cached_property
    def base_payoffs(self) -> Floats:
        """u_j(f(theta), theta), shape (n, P)."""
        found: Floats = np.einsum("ipp->ip", self.environment.payoffs)
        return found

    @cached_property
    def rows(self) -> tuple[Rows, ...]:
        """The requirements of every coalition as arrays."""
        return tuple(_rows(self.environment, self.base, coalition) for coalition in self.coalitions)

    def requirements(self) -> Iterator[Requirement]:
        """Yield what every coalition requires, by coalition, types and reports."""
        for rows in self.rows:
            types = self.environment.coalition_profiles(rows.coalition)
            reports = self.environment.coalition_profiles(rows.coalition & ~self.base)
            pairs = [(own, reported) for own in types for reported in reports]
            for (own, reported), true, others in zip(pairs, rows.true, rows.others, strict=True):
                yield Requirement(rows.coalition, own, reported, true, others)

    def gains(self, weights: Floats) -> Floats:
        """Return u_j(y(theta'_-B), theta) - u_j(f(theta), theta), shape (n, P, Q)."""
        found: Floats = self.environment.worth @ weights.T - self.base_payoffs[:, :, None]
        return found

    def contains(self, weights: Floats) -> bool:
        """Return whether y, of shape (Q, K + R), is a reward function of this set, by the definition."""
        return self.is_reward(weights) and self.most_broken(weights) is None

    def is_reward(self, weights: Floats) -> bool:
        """Return whether y gives an outcome for every profile of the others: a lottery, and amounts of at least 0."""
        if weights.shape != (self.profiles, self.columns):
            return False
        total = weights[:, : len(self.environment.outcomes)].sum(axis=1)
        return bool((weights >= -TOLERANCE).all() and (np.abs(total - 1.0) <= TOLERANCE).all())

    def most_broken(self, weights: Floats) -> tuple[int, int, Floats] | None:
        """Return the requirement that y misses most: number of the coalition, number of the requirement, gains.

        The gains are those of the coalition's members at the profile where each gains most; None when y meets all.
        """
        gains = self.gains(weights)
        worst, found = self.tolerance, None
        for number, rows in enumerate(self.rows):
            own = gains[list(members(rows.coalition))][:, rows.true, rows.others].max(axis=2)
            missed = own.min(axis=0)
            row = int(missed.argmax())
            if missed[row] > worst:
                worst, found = float(missed[row]), (number, row, own[:, row])
        return found


def coalitional_family(environment: PayoffEnvironment, agent: int) -> tuple[Coalition, ...]:
    """Return the coalitions that the coalitional reward set of an agent looks at: all with it."""
    return coalitions_with(maximal_pattern(len(environment)), 1 << agent)


def checked_family(
    environment: PayoffEnvironment, base: Coalition, coalitions: Sequence[Coalition]
) -> tuple[Coalition, ...]:
    """Return a family of coalitions, ascending.

    Raises
    ------
    ValueError
        When the base is empty or unknown, or a coalition does not contain it or has unknown members.
    """
    everyone = (1 << len(environment)) - 1
    if not 0 < base <= everyone:
        raise ValueError(f"the base {base} is no coalition of {len(environment)} agents: give a bitmask of 1 or more")
    wrong = [coalition for coalition in coalitions if coalition & base != base or not 0 < coalition <= everyone]
    if wrong:
        raise ValueError(
            f"the reward set of {environment.coalition_name(base)} looks at coalitions that contain its base only; "
            f"got the bitmasks {wrong}; choose them with breakaway.data.payoff_environment.coalitions_with"
        )
    return tuple(sorted(set(coalitions)))


def _rows(environment: PayoffEnvironment, base: Coalition, coalition: Coalition) -> Rows:
    """Return the requirements of one coalition, types slowest, then reports."""
    outside = environment.outside(base)
    joined = members(coalition)
    reports = environment.coalition_profiles(coalition & ~base)
    true, others = [], []
    for types in environment.coalition_profiles(coalition):
        own = dict(zip(joined, types, strict=True))
        numbers = environment.with_members(coalition, types)
        for reported in reports:
            said = own | dict(zip(members(coalition & ~base), reported, strict=True))
            true.append(numbers)
            others.append(outside[environment.with_members(coalition, [said[j] for j in joined])])
    return Rows(coalition, np.array(true), np.array(others))
