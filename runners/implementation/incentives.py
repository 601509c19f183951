"""Incentive compatibility: coalitions that gain by misreporting when everybody else tells the truth.

A coalition S violates it when at some types theta_S there is a report theta'_S != theta_S such that every member gains
at some types of the others: u_i(f(theta'_S, theta_-S), theta) > u_i(f(theta), theta). The types of the others at which
members gain may differ, since beliefs may. With single agents this is ex-post incentive compatibility (Definition 7
with the minimal pattern), with all coalitions robust coalitional incentive compatibility (Definition 4).

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 4 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, grand_coalition, members
from breakaway.data.payoff_environment import STRICT, PayoffEnvironment, minimal_pattern


@dataclass(frozen=True, slots=True)
class Violation:
    """A coalition that gains by misreporting.

    Attributes
    ----------
    coalition
        S.
    true, reported
        theta_S and theta'_S, types of the members in ascending order.
    others
        For every member the number of the true profile (theta_S, theta_-S) at which it gains most.
    gains
        What every member gains there, each greater than :data:`STRICT`.
    """

    coalition: Coalition
    true: tuple[int, ...]
    reported: tuple[int, ...]
    others: tuple[int, ...]
    gains: tuple[float, ...]

    @property
    def least_gain(self) -> float:
        """The gain of the member that gains least."""
        return min(self.gains)


def in_order(pattern: Sequence[Coalition]) -> list[Coalition]:
    """Return coalitions by their size, then by their members."""
    return sorted(pattern, key=lambda coalition: (coalition.bit_count(), members(coalition)))


def coalition_violations(environment: PayoffEnvironment, pattern: Sequence[Coalition]) -> list[Violation]:
    """Return every violation by a coalition of a pattern.

    They come by the coalitions' size and members, then by true and by reported types. An empty list proves robust
    S incentive compatibility.
    """
    return [violation for coalition in in_order(pattern) for violation in _violations_by(environment, coalition)]


def largest_violation(violations: Sequence[Violation]) -> Violation:
    """Return the violation in which the least gain of a member is largest; the first of several.

    Raises
    ------
    ValueError
        When there is none.
    """
    if not violations:
        raise ValueError("no violation is given; the social choice function is incentive compatible")
    return max(violations, key=lambda violation: violation.least_gain)


def is_ex_post_ic(environment: PayoffEnvironment) -> bool:
    """Tell whether no single agent gains by misreporting, whatever the others' types."""
    return not coalition_violations(environment, minimal_pattern(len(environment)))


def weakly_pareto_within_range(environment: PayoffEnvironment) -> bool:
    """Tell whether at no profile another value of f is better for everybody."""
    return not coalition_violations(environment, (grand_coalition(len(environment)),))


def _violations_by(environment: PayoffEnvironment, coalition: Coalition) -> list[Violation]:
    """Return the violations by one coalition."""
    joint = environment.coalition_profiles(coalition)
    numbers = np.array([environment.with_members(coalition, types) for types in joint])
    best, where = _best_gains(environment, coalition, numbers)
    return [
        Violation(
            coalition,
            joint[true],
            joint[reported],
            tuple(int(numbers[true, k]) for k in where[:, true, reported]),
            tuple(map(float, best[:, true, reported])),
        )
        for true, reported in np.argwhere(best.min(axis=0) > STRICT)
    ]


def _best_gains(environment: PayoffEnvironment, coalition: Coalition, numbers: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Return every member's best gain, shape (members, true, reported), and at which types of the others it is.

    ``numbers`` holds the profiles by the members' and by the others' types, shape (of members, of others).
    """
    best, where = [], []
    for i in members(coalition):
        own = environment.payoffs[i]
        gains = own[numbers[:, None, :], numbers[None, :, :]] - own[numbers, numbers][:, None, :]
        best.append(gains.max(axis=-1))
        where.append(gains.argmax(axis=-1))
    return np.array(best), np.array(where)
