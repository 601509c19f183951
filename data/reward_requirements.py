"""What coalitions require of reward functions: pairs of profiles at which some member of theirs must not gain.

A reward function y for a base B gives an outcome for every profile of payoff types that the agents outside B report.
It is in the reward set of a family of coalitions that contain B when for every such S, all types theta''_S and all
reports theta'_{S minus B} there is a member j of S with, for all theta_-S,

    u_j(f(theta''_S, theta_-S), (theta''_S, theta_-S)) >= u_j(y(theta'_{S minus B}, theta_-S), (theta''_S, theta_-S)).

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, sections 4.1 (coalitional reward set Y_i: B one
agent, the family of all coalitions with it) and 5.1 (S reward set: B = S, the coalitions of the pattern that contain
S).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import EqualArrays, Ints
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment


@dataclass(frozen=True, eq=False)
class Requirements(EqualArrays):
    """What one coalition S requires: one requirement for all types theta''_S and reports theta'_{S minus B}.

    ``types`` and ``reports`` list theta''_S and theta'_{S minus B} of every requirement. By requirement k, some member
    must not gain at any of the pairs ``true[k, m]``, ``others[k, m]``: the number of the profile (theta''_S, theta_-S),
    and that of the profile (theta'_{S minus B}, theta_-S) which the agents outside B report; one for every theta_-S.
    """

    coalition: Coalition
    types: tuple[tuple[int, ...], ...]
    reports: tuple[tuple[int, ...], ...]
    true: Ints
    others: Ints

    def __len__(self) -> int:
        """Return the number of requirements."""
        return len(self.types)


def requirements(
    environment: PayoffEnvironment, base: Coalition, coalitions: Sequence[Coalition]
) -> tuple[Requirements, ...]:
    """Return what every coalition of a family requires, coalitions ascending.

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
    outside = environment.outside(base)
    return tuple(_of_coalition(environment, base, outside, coalition) for coalition in sorted(set(coalitions)))


def _of_coalition(environment: PayoffEnvironment, base: Coalition, outside: Ints, coalition: Coalition) -> Requirements:
    """Return the requirements of one coalition, types slowest, then reports."""
    both = list(_types_and_reports(environment, base, coalition))
    true = [environment.with_members(coalition, types) for types, _ in both]
    others = [
        outside[environment.with_members(coalition, _joined(base, coalition, types, said))] for types, said in both
    ]
    types, reports = zip(*both, strict=True)
    return Requirements(coalition, types, reports, np.array(true), np.array(others))


def _types_and_reports(
    environment: PayoffEnvironment, base: Coalition, coalition: Coalition
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield all types of a coalition with all reports of its members outside the base."""
    reports = environment.coalition_profiles(coalition & ~base)
    for types in environment.coalition_profiles(coalition):
        for reported in reports:
            yield types, reported


def _joined(base: Coalition, coalition: Coalition, types: Sequence[int], reported: Sequence[int]) -> list[int]:
    """Return types of a coalition where members outside the base have the reported ones."""
    said = dict(zip(members(coalition & ~base), reported, strict=True))
    return [said.get(j, own) for j, own in zip(members(coalition), types, strict=True)]
