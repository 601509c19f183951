"""Reward functions and the sets that they must lie in: membership by the definition, emptiness, best elements.

What coalitions require of a reward function is written down in :mod:`breakaway.data.reward_requirements`.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, sections 4.1 and 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from breakaway.data.arrays import EqualArrays, Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment, coalitions_with, maximal_pattern
from breakaway.data.reward_requirements import requirements

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


class RewardSet:
    """The reward set Y_B[F] of a payoff environment: ``base`` B and ``coalitions`` F."""

    def __init__(self, environment: PayoffEnvironment, base: Coalition, coalitions: Sequence[Coalition]) -> None:
        """Index what every coalition requires.

        Raises
        ------
        ValueError
            When the base is empty or unknown, or a coalition does not contain it or has unknown members.
        """
        self.environment, self.base = environment, base
        self.requirements = requirements(environment, base, coalitions)
        self.columns = environment.worth.shape[-1]
        self.tolerance = TOLERANCE * max(1.0, float(np.abs(environment.worth).max(initial=0.0)))

    @cached_property
    def profiles(self) -> int:
        """How many profiles Q the agents outside the base have."""
        return len(self.environment.coalition_profiles(self.environment.others(self.base)))

    @property
    def is_convex(self) -> bool:
        """Whether no coalition of two or more requires anything, so that the set is a polyhedron."""
        return all(len(members(required.coalition)) == 1 for required in self.requirements)

    @cached_property
    def base_payoffs(self) -> Floats:
        """u_j(f(theta), theta), shape (n, P)."""
        found: Floats = np.einsum("ipp->ip", self.environment.payoffs)
        return found

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
        for number, required in enumerate(self.requirements):
            own = gains[list(members(required.coalition))][:, required.true, required.others].max(axis=2)
            missed = own.min(axis=0)
            row = int(missed.argmax())
            if missed[row] > worst:
                worst, found = float(missed[row]), (number, row, own[:, row])
        return found


def coalitional_family(environment: PayoffEnvironment, agent: int) -> tuple[Coalition, ...]:
    """Return the coalitions that the coalitional reward set of an agent looks at: all with it."""
    return coalitions_with(maximal_pattern(len(environment)), 1 << agent)
