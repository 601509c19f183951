"""Interim S equilibria of a finite mechanism: is there a coalition whose members all expect to gain by deviating.

Strategies sigma are an interim S equilibrium when no coalition S of the pattern, types t_S of its members and messages
m_S are such that every member i expects more from m_S than from sigma_S(t_S), while all others play sigma:

    sum over t_-S of [u_i(g(m_S, sigma_-S(t_-S)), theta(t)) - u_i(g(sigma(t)), theta(t))] pi_i(t_i)[t_-S | t_S] > 0

The coalition pools what its members know: each conditions on the others' types, and revises its belief where it thought
those impossible (:func:`breakaway.runners.implementation.type_spaces.pooled_belief`). Every coalition, every profile of
its types and every profile of its messages is gone through, so that "no deviation" is a proof.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 1 and 10, Lemma 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import STRICT, Mechanism, PayoffEnvironment, TypeSpace, maximal_pattern
from breakaway.runners.implementation.incentives import in_order
from breakaway.runners.implementation.type_spaces import Revising, check_revisions, pooled_belief

Strategy: TypeAlias = tuple[Ints, ...]
"""For every agent the number of the message of each of its types, shape (T_i,)."""

TIE = 1e-9
"""Of deviations whose least gains differ by no more the first is reported, so that rounding does not choose."""

MAX_VALUES = 4_000_000
"""Most payoffs held at once, messages times types times members; more are gone through in turn."""

MAX_STRATEGIES = 100_000
"""Most profiles of strategies that are gone through for all equilibria."""


@dataclass(frozen=True, slots=True)
class InterimDeviation:
    """A coalition whose members all gain.

    Attributes
    ----------
    coalition
        S.
    types, messages
        t_S and m_S: numbers of types and of messages, of the members in ascending order.
    before, after
        Expected utilities of the members when they play sigma, and when they deviate.
    revised
        For every member whether its belief had to be revised, since it thought the others' types impossible.
    """

    coalition: Coalition
    types: tuple[int, ...]
    messages: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    revised: tuple[bool, ...]

    @property
    def gains(self) -> tuple[float, ...]:
        """What every member gains, in utility."""
        return tuple(after - before for before, after in zip(self.before, self.after, strict=True))


# --- equilibria -------------------------------------------------------------------------------------------------------


def is_interim_equilibrium(
    environment: PayoffEnvironment,
    mechanism: Mechanism,
    type_space: TypeSpace,
    strategy: Strategy,
    pattern: Sequence[Coalition],
    revising: Revising = "marginal",
) -> bool:
    """Tell whether strategies are an interim S equilibrium for a pattern; see :func:`interim_deviation`."""
    return interim_deviation(environment, mechanism, type_space, strategy, pattern, revising) is None


def interim_deviation(
    environment: PayoffEnvironment,
    mechanism: Mechanism,
    type_space: TypeSpace,
    strategy: Strategy,
    pattern: Sequence[Coalition],
    revising: Revising = "marginal",
    strict: float = STRICT,
) -> InterimDeviation | None:
    """Return a profitable deviation of a coalition of a pattern (Definition 1); None proves that there is none.

    Parameters
    ----------
    environment, mechanism, type_space
        The game that is played; the environment's own pattern, mechanism and type space play no part.
    strategy
        For every agent and type the number of its message.
    pattern
        The coalitions that can deviate; with all coalitions the equilibrium is an interim strong equilibrium.
    revising
        What is believed after an impossible event of which the type space's ``revisions`` say nothing.
    strict
        The gain in utility above which an agent deviates.

    Returns
    -------
    Of the smallest coalition that deviates, the types and messages with which its members' least gain is largest.

    Raises
    ------
    ValueError
        When mechanism, type space or strategies do not fit the environment; the message says what to change.
    """
    check_play(environment, mechanism, type_space)
    check_strategy(environment, mechanism, type_space, strategy)
    return _first_deviation(_Game(environment, mechanism, type_space, revising), strategy, pattern, strict)


def interim_equilibria(
    environment: PayoffEnvironment,
    mechanism: Mechanism,
    type_space: TypeSpace,
    pattern: Sequence[Coalition],
    revising: Revising = "marginal",
) -> list[Strategy]:
    """Return all interim S equilibria in pure strategies, by going through all profiles of strategies.

    Raises
    ------
    ValueError
        When there are more than :data:`MAX_STRATEGIES` profiles, or what is given does not fit together.
    """
    sizes = [len(own) for own in type_space.types]
    counts = [len(own) for own in mechanism.messages]
    total = math.prod(count**size for count, size in zip(counts, sizes, strict=True))
    if total > MAX_STRATEGIES:
        message = f"there are {total:,} profiles of strategies, the limit is {MAX_STRATEGIES:,}"
        raise ValueError(f"{message}: take fewer types or messages, or ask about one profile with interim_deviation")
    check_play(environment, mechanism, type_space)
    game = _Game(environment, mechanism, type_space, revising)
    own = [list(itertools.product(range(count), repeat=size)) for count, size in zip(counts, sizes, strict=True)]
    profiles = (tuple(np.array(one, dtype=np.int64) for one in chosen) for chosen in itertools.product(*own))
    return [strategy for strategy in profiles if _first_deviation(game, strategy, pattern, STRICT) is None]


def yields_social_choice(
    environment: PayoffEnvironment, mechanism: Mechanism, type_space: TypeSpace, strategy: Strategy
) -> bool:
    """Tell whether strategies lead to what f prescribes, g(sigma(t)) = f(theta(t)), at every profile of types."""
    own = [len(one) for one in type_space.types]
    sent = mechanism.outcome[np.ix_(*strategy)].reshape(math.prod(own), -1)
    wanted = np.zeros_like(sent)
    wanted[:, : len(environment.outcomes)] = environment.social_choice[np.ix_(*type_space.payoff_type)].reshape(
        len(sent), -1
    )
    return bool(np.allclose(sent, wanted, rtol=0.0, atol=TIE))


# --- incentive compatibility on a type space --------------------------------------------------------------------------


def interim_coalitional_ic(
    environment: PayoffEnvironment, type_space: TypeSpace, revising: Revising = "marginal"
) -> bool:
    """Tell whether f is interim coalitionally incentive compatible on a type space (Definition 10)."""
    return interim_coalitional_violation(environment, type_space, revising) is None


def interim_coalitional_violation(
    environment: PayoffEnvironment, type_space: TypeSpace, revising: Revising = "marginal"
) -> InterimDeviation | None:
    """Return a coalition of types t_S that all gain by appearing as types t'_S; None when there is none.

    The report depends on t'_S through payoff types alone, and every payoff type belongs to some type. So this asks
    whether truth is an interim strong equilibrium of the direct mechanism; the messages found are payoff types.
    """
    everyone = maximal_pattern(len(environment))
    return interim_deviation(
        environment, direct_mechanism(environment), type_space, type_space.payoff_type, everyone, revising
    )


def direct_mechanism(environment: PayoffEnvironment) -> Mechanism:
    """Return the mechanism in which agents report payoff types, and f is carried out."""
    rays = np.zeros((*environment.sizes, len(environment.rays)))
    return Mechanism(environment.payoff_types, np.concatenate([environment.social_choice, rays], axis=-1))


# --- thresholds -------------------------------------------------------------------------------------------------------


def bisect_threshold(holds: Callable[[float], bool], low: float, high: float, width: float = 1e-13) -> float:
    """Return where something that holds at ``low`` and fails at ``high`` ceases to hold, by halving the interval.

    Parameters
    ----------
    holds
        What is asked of a number; it changes its answer once between the ends, or one of its changes is found.
    low, high
        The ends; ``low`` may be the greater.
    width
        Halving ends when the interval is no longer than that, or no number lies inside.

    Raises
    ------
    ValueError
        When it fails at ``low`` or holds at ``high``.
    """
    if not holds(low) or holds(high):
        raise ValueError(f"it must hold at {low:g} and fail at {high:g}: choose ends between which it changes")
    while abs(high - low) > width:
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


# --- one coalition ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Game:
    """What is played, but for the strategies."""

    environment: PayoffEnvironment
    mechanism: Mechanism
    type_space: TypeSpace
    revising: Revising


def _first_deviation(
    game: _Game, strategy: Strategy, pattern: Sequence[Coalition], strict: float
) -> InterimDeviation | None:
    """Return the best deviation of the smallest coalition that has one."""
    for coalition in in_order(pattern):
        found = _Play(game, strategy, coalition).best_deviation(strict)
        if found is not None:
            return found
    return None


class _Play:
    """What the members of one coalition get from each of their messages, as each of their types."""

    def __init__(self, game: _Game, strategy: Strategy, coalition: Coalition) -> None:
        self.environment, self.type_space, self.revising = game.environment, game.type_space, game.revising
        self.coalition, self.inside, self.strategy = coalition, members(coalition), strategy
        self.outside = members(game.environment.others(coalition))
        self.counts = [len(game.mechanism.messages[i]) for i in self.inside]
        sizes = [len(game.type_space.types[i]) for i in self.outside]
        self.types_outside = np.array(list(itertools.product(*map(range, sizes))), dtype=np.int64)
        self._group(game.mechanism)

    def _group(self, mechanism: Mechanism) -> None:
        """Take the lotteries for every message of the members, against each profile of messages that outsiders send.

        ``self.lotteries`` has shape (profiles of members' messages, profiles sent times outcomes and rays);
        ``self.sent`` says which profile is sent by each profile of the outsiders' types.
        """
        sizes = [len(mechanism.messages[i]) for i in self.outside]
        sent = np.zeros(len(self.types_outside), dtype=np.int64)
        for c, i in enumerate(self.outside):
            sent = sent * sizes[c] + self.strategy[i][self.types_outside[:, c]]
        distinct, places = np.unique(sent, return_inverse=True)
        self.sent, self.profiles_sent = places.reshape(-1), len(distinct)
        ordered = mechanism.outcome.transpose(*self.inside, *self.outside, -1)
        chosen = ordered.reshape(math.prod(self.counts), math.prod(sizes), -1)[:, distinct]
        self.lotteries = chosen.reshape(len(chosen), -1)

    def best_deviation(self, strict: float) -> InterimDeviation | None:
        """Return the deviation with the largest least gain, the first of several; None when none is a gain."""
        best, found = strict, None
        for types in self._blocks():
            values = self._values(types)
            own = [self._own_message(one) for one in types]
            before = values[own, np.arange(len(types))]
            least = (values - before).min(axis=2)
            top = float(least.max())
            if top > best + (TIE if found else 0.0):
                place = int(np.argmax(least.T.reshape(-1) >= top - TIE))
                which, message = divmod(place, len(values))
                best, found = top, self._deviation(types[which], message, before[which], values[message, which])
        return found

    def _blocks(self) -> Iterator[list[tuple[int, ...]]]:
        """Yield the profiles of the members' types in parts whose payoffs are not too many."""
        sizes = [len(self.type_space.types[i]) for i in self.inside]
        profiles = itertools.product(*map(range, sizes))
        at_once = max(1, MAX_VALUES // (len(self.lotteries) * len(self.inside)))
        while block := list(itertools.islice(profiles, at_once)):
            yield block

    def _values(self, types: list[tuple[int, ...]]) -> Floats:
        """Return expected utilities, shape (profiles of members' messages, given profiles of types, members)."""
        weights = np.stack([self._weights(one, i) for one in types for i in self.inside], axis=1)
        found: Floats = (self.lotteries @ weights).reshape(-1, len(types), len(self.inside))
        return found

    def _weights(self, types: tuple[int, ...], agent: int) -> Floats:
        """Return what a weight in each lottery is worth to a member, shape (profiles sent times outcomes and rays,)."""
        belief, _ = self._belief(types, agent)
        worth = self.environment.worth[agent][self._payoff_profiles(types)] * belief.reshape(-1, 1)
        found = np.zeros((self.profiles_sent, worth.shape[1]))
        np.add.at(found, self.sent, worth)
        return found.reshape(-1)

    def _belief(self, types: tuple[int, ...], agent: int) -> tuple[Floats, bool]:
        known = dict(zip(self.inside, types, strict=True))
        own = known.pop(agent)
        return pooled_belief(self.type_space, agent, own, known, self.revising)

    def _payoff_profiles(self, types: tuple[int, ...]) -> Ints:
        """Return the numbers of the profiles of payoff types, for every profile of the outsiders' types."""
        payoff_type = self.type_space.payoff_type
        own = {i: np.full(len(self.types_outside), payoff_type[i][k]) for i, k in zip(self.inside, types, strict=True)}
        own |= {i: payoff_type[i][self.types_outside[:, c]] for c, i in enumerate(self.outside)}
        return np.ravel_multi_index([own[i] for i in range(len(own))], self.environment.sizes)

    def _own_message(self, types: tuple[int, ...]) -> int:
        sent = [int(self.strategy[i][k]) for i, k in zip(self.inside, types, strict=True)]
        return int(np.ravel_multi_index(sent, self.counts))

    def _deviation(self, types: tuple[int, ...], message: int, before: Floats, after: Floats) -> InterimDeviation:
        return InterimDeviation(
            self.coalition,
            types,
            tuple(int(m) for m in np.unravel_index(message, self.counts)),
            tuple(map(float, before)),
            tuple(map(float, after)),
            tuple(self._belief(types, i)[1] for i in self.inside),
        )


# --- checks -----------------------------------------------------------------------------------------------------------


def check_play(environment: PayoffEnvironment, mechanism: Mechanism, type_space: TypeSpace) -> None:
    """Refuse a mechanism and a type space that do not fit an environment, with a ValueError."""
    if len(type_space.payoff_type) != len(environment) or len(type_space.beliefs) != len(environment):
        raise ValueError(f"give the payoff types and the beliefs of types for each of the {len(environment)} agents")
    replace(environment, mechanism=mechanism, type_space=type_space)
    check_revisions(environment, type_space)


def check_strategy(
    environment: PayoffEnvironment, mechanism: Mechanism, type_space: TypeSpace, strategy: Strategy
) -> None:
    """Refuse strategies that are not a message for each type of every agent, with a ValueError."""
    if len(strategy) != len(environment):
        raise ValueError(f"{len(strategy)} strategies for {len(environment)} agents: give one for each")
    for i, (name, own) in enumerate(zip(environment.agents, strategy, strict=True)):
        types, messages = len(type_space.types[i]), len(mechanism.messages[i])
        if own.shape != (types,) or own.min() < 0 or own.max() >= messages:
            message = f"the strategy of {name!r} must be a message number from 0 to {messages - 1}"
            raise ValueError(f"{message} for each of its {types} types; got {own.tolist()}")
