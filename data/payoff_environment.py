"""Payoff environments: agents with payoff types, outcomes, a social choice function (Guo and Yannelis 2020, section 2).

The set A of outcomes is all lotteries over finitely many deterministic outcomes (vertices), moved by any amount along
rays: with free disposal everything that is worth less is there too. Utilities are linear in a lottery. Profiles of
payoff types are numbered 0 to P - 1 in the order of the last agent's type running fastest; coalitions are bitmasks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import EqualArrays, Floats, Ints
from breakaway.data.coalitions import Coalition, format_coalition, members
from breakaway.data.environment_checks import (
    check_agents,
    check_array,
    check_labels,
    check_lotteries,
    check_onto,
    check_pattern,
)
from breakaway.data.problems import suggestion

Deception: TypeAlias = tuple[tuple[frozenset[int], ...], ...]
"""For every agent and payoff type the set of payoff types that it may report, never empty."""

STRICT = 1e-6
"""A gain counts as strict when it is greater, in units of utility."""

SAME_WEIGHT = 1e-9
"""Lotteries whose weights differ by no more are the same."""


def minimal_pattern(agents: int) -> tuple[Coalition, ...]:
    """Return the coalition pattern of single agents."""
    return tuple(1 << i for i in range(agents))


def maximal_pattern(agents: int) -> tuple[Coalition, ...]:
    """Return the coalition pattern of all coalitions."""
    return tuple(range(1, 1 << agents))


def coalitions_with(pattern: Sequence[Coalition], base: Coalition) -> tuple[Coalition, ...]:
    """Return the coalitions of a pattern that contain all members of another, ascending."""
    return tuple(sorted(coalition for coalition in pattern if coalition & base == base))


@dataclass(frozen=True, eq=False)
class Mechanism(EqualArrays):
    """A mechanism (M, g): messages of every agent by name, and the lottery that each message profile leads to.

    ``outcome`` has shape (messages of agent 1, ..., of agent n, vertices + rays): weights of a lottery, then amounts
    along the rays.
    """

    messages: tuple[tuple[str, ...], ...]
    outcome: Floats


@dataclass(frozen=True, eq=False)
class Revision(EqualArrays):
    """What a type of an agent believes when other members of a coalition turn out to have types it thought impossible.

    ``members`` holds the other members with their types, ascending; ``belief`` has shape (T_1, ..., T_n) without the
    agent's own: probabilities of the others' types, 1 in all where the members' types are as observed.
    """

    agent: int
    type: int
    members: tuple[tuple[int, int], ...]
    belief: Floats


@dataclass(frozen=True, eq=False)
class TypeSpace(EqualArrays):
    """A finite type space: types of every agent by name, the payoff type of each, and what each believes.

    ``payoff_type[i]`` has shape (T_i,); ``beliefs[i]`` has shape (T_i, T_1, ..., T_n) without T_i among the latter:
    the probability of the others' types, in the order of the agents; rows sum to 1. ``revisions`` is the belief
    revising rule as far as it is given.
    """

    types: tuple[tuple[str, ...], ...]
    payoff_type: tuple[Ints, ...]
    beliefs: tuple[Floats, ...]
    revisions: tuple[Revision, ...] = ()


@dataclass(frozen=True, eq=False)
class PayoffEnvironment(EqualArrays):
    """A payoff environment with a social choice function f and a coalition pattern.

    Attributes
    ----------
    agents
        Names of the agents.
    payoff_types
        Names of every agent's payoff types.
    outcomes, rays
        Names of the deterministic outcomes, and of the directions in which any outcome may be moved without bound.
    utilities
        u_i, shape (n, types of agent 1, ..., of agent n, outcomes + rays): of an outcome, or per unit of a ray.
    social_choice
        f, shape (types of agent 1, ..., of agent n, outcomes): probabilities of the outcomes at every profile.
    pattern
        The coalitions that can form, ascending; every single agent is one.
    """

    agents: tuple[str, ...]
    payoff_types: tuple[tuple[str, ...], ...]
    outcomes: tuple[str, ...]
    rays: tuple[str, ...]
    utilities: Floats
    social_choice: Floats
    pattern: tuple[Coalition, ...]
    mechanism: Mechanism | None = None
    type_space: TypeSpace | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit, lotteries that are none, and patterns without a single agent (ValueError)."""
        check_agents(self.agents)
        check_labels(self.agents, self.payoff_types, "payoff type")
        n, vertices = len(self), len(self.outcomes)
        check_array("utilities", self.utilities, (n, *self.sizes, vertices + len(self.rays)))
        check_array("social_choice", self.social_choice, (*self.sizes, vertices))
        check_lotteries("social_choice", self.social_choice, n)
        check_pattern(self.pattern, self.agents)
        if self.mechanism is not None:
            self._check_mechanism(self.mechanism)
        if self.type_space is not None:
            self._check_type_space(self.type_space)

    def _check_mechanism(self, mechanism: Mechanism) -> None:
        check_labels(self.agents, mechanism.messages, "message")
        n, vertices = len(self), len(self.outcomes)
        shape = tuple(map(len, mechanism.messages))
        check_array("the outcome function", mechanism.outcome, (*shape, vertices + len(self.rays)))
        check_lotteries("the outcome function", mechanism.outcome[..., :vertices], n)
        if (mechanism.outcome < 0).any():
            raise ValueError("the outcome function moves outcomes backwards along rays; amounts must be at least 0")

    def _check_type_space(self, space: TypeSpace) -> None:
        check_labels(self.agents, space.types, "type")
        check_onto(self.agents, space.payoff_type, self.sizes)
        shape = tuple(map(len, space.types))
        for i, belief in enumerate(space.beliefs):
            check_array(f"the belief of {self.agents[i]!r}", belief, (shape[i], *shape[:i], *shape[i + 1 :]))
            check_lotteries(f"the belief of {self.agents[i]!r}", belief, 1)

    def __len__(self) -> int:
        """Return the number of agents."""
        return len(self.agents)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many payoff types every agent has."""
        return tuple(len(own) for own in self.payoff_types)

    @cached_property
    def profiles(self) -> Ints:
        """The payoff types of all agents in every profile, shape (P, n)."""
        return np.array(list(itertools.product(*map(range, self.sizes))), dtype=np.int64)

    @cached_property
    def worth(self) -> Floats:
        """u_i of every outcome and ray at every profile, shape (n, P, outcomes + rays)."""
        found: Floats = self.utilities.reshape(len(self), len(self.profiles), -1)
        return found

    @cached_property
    def chosen(self) -> Floats:
        """The lottery f at every profile, shape (P, outcomes)."""
        found: Floats = self.social_choice.reshape(len(self.profiles), -1)
        return found

    @cached_property
    def payoffs(self) -> Floats:
        """u_i(f(reported), true), shape (n, P true, P reported)."""
        found: Floats = np.einsum("ipk,rk->ipr", self.worth[:, :, : len(self.outcomes)], self.chosen)
        return found

    @cached_property
    def differs(self) -> NDArray[np.bool_]:
        """Whether f prescribes different lotteries at two profiles, shape (P, P)."""
        found: NDArray[np.bool_] = np.abs(self.chosen[:, None, :] - self.chosen[None, :, :]).max(axis=-1) > SAME_WEIGHT
        return found

    def number(self, types: Sequence[int]) -> int:
        """Return the number of a profile of payoff types."""
        return int(np.ravel_multi_index(tuple(types), self.sizes))

    def coalition_profiles(self, coalition: Coalition) -> list[tuple[int, ...]]:
        """Return the payoff types that the members of a coalition can have together."""
        return list(itertools.product(*(range(self.sizes[i]) for i in members(coalition))))

    def with_members(self, coalition: Coalition, types: Sequence[int]) -> Ints:
        """Return the numbers of all profiles in which the members have given types, in the order of the others'.

        For one coalition the k-th entries of two such lists have the same types of the others.
        """
        fixed = dict(zip(members(coalition), types, strict=True))
        axes = [[fixed[i]] if i in fixed else list(range(size)) for i, size in enumerate(self.sizes)]
        return np.ravel_multi_index(np.ix_(*axes), self.sizes).reshape(-1)

    def others(self, coalition: Coalition) -> Coalition:
        """Return the agents outside a coalition."""
        return ((1 << len(self)) - 1) & ~coalition

    def outside(self, coalition: Coalition) -> Ints:
        """Return for every profile the number of the outsiders' part of it, shape (P,).

        The profiles of the outsiders are numbered 0 to Q - 1 in the order of ``coalition_profiles(others(coalition))``,
        which is also the order of ``with_members(coalition, types)``.
        """
        found = np.empty(len(self.profiles), dtype=np.int64)
        for types in self.coalition_profiles(coalition):
            numbers = self.with_members(coalition, types)
            found[numbers] = np.arange(len(numbers))
        return found

    def profile_name(self, profile: Sequence[int]) -> str:
        """Write a profile of payoff types as ``a1:low|a2:high``."""
        return self.members_name((1 << len(self)) - 1, profile)

    def members_name(self, coalition: Coalition, types: Sequence[int]) -> str:
        """Write the payoff types of the members of a coalition as ``a1:low|a2:high``."""
        pairs = zip(members(coalition), types, strict=True)
        return "|".join(f"{self.agents[i]}:{self.payoff_types[i][k]}" for i, k in pairs)

    def coalition_name(self, coalition: Coalition) -> str:
        """Write a coalition as ``A+B``."""
        return format_coalition(coalition, self.agents)

    def pattern_name(self, pattern: Sequence[Coalition]) -> str:
        """Write a coalition pattern as ``minimal``, ``maximal``, or its coalitions of two or more, ``A+B|A+C``."""
        joint = [coalition for coalition in sorted(pattern) if coalition.bit_count() > 1]
        if not joint:
            return "minimal"
        everything = set(pattern) | set(minimal_pattern(len(self))) == set(maximal_pattern(len(self)))
        return "maximal" if everything else "|".join(map(self.coalition_name, joint))


def deception(environment: PayoffEnvironment, reports: Mapping[str, Mapping[str, Iterable[str]]]) -> Deception:
    """Return the deception with given reports of agents' payoff types, all by name; all other types report the truth.

    Raises
    ------
    ValueError
        When a name is unknown, or a payoff type has nothing to report.
    """
    found = [[{k} for k in range(size)] for size in environment.sizes]
    for agent, own in reports.items():
        i = _place(agent, environment.agents, "agent")
        names = environment.payoff_types[i]
        for label, reported in own.items():
            k = _place(label, names, "payoff type")
            found[i][k] = {_place(name, names, "payoff type") for name in reported}
            if not found[i][k]:
                raise ValueError(
                    f"the deception is empty: {label!r} of {agent!r} has nothing to report; "
                    "let it report some payoff type, the truth if nothing else"
                )
    return tuple(tuple(map(frozenset, agent)) for agent in found)


def _place(name: str, known: Sequence[str], what: str) -> int:
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; {suggestion(name, known, f'{what}s')}")
    return list(known).index(name)


def truthful(sizes: Sequence[int]) -> Deception:
    """Return the deception in which everybody reports its own payoff type."""
    return tuple(tuple(frozenset({k}) for k in range(size)) for size in sizes)


def anything(sizes: Sequence[int]) -> Deception:
    """Return the deception in which everybody may report any payoff type."""
    return tuple(tuple(frozenset(range(size)) for _ in range(size)) for size in sizes)


def unacceptable_reports(environment: PayoffEnvironment, deception: Deception) -> Ints:
    """Return the numbers of true and reported profiles between which a deception changes what f prescribes.

    Shape (pairs, 2), ascending; without any pair the deception is acceptable.
    """
    allowed = np.ones((1, 1), dtype=bool)
    for reports in deception:
        own = np.array([[k in allowed_here for k in range(len(reports))] for allowed_here in reports])
        both = allowed[:, None, :, None] & own[:, None, :]
        allowed = both.reshape(len(allowed) * len(own), -1)
    return np.argwhere(allowed & environment.differs)
