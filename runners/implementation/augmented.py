"""The augmented mechanisms of Theorems 1 and 2, from finitely many rewards and integers.

An agent reports a payoff type, and either blows no whistle (NB) or blows it (B) with rewards and an integer k.

* Rule 1. Nobody blows: f is carried out at the reported payoff types.
* Rule 2. The coalition S blows: its first member decides. With its reward y for the base B and its integer k the
  outcome is y(reports of the agents outside B) with probability k / (k + 1), and else a lottery over interior rewards
  y^1, y^2, ... with probabilities 1/2, 1/4, ..., the last of which takes what remains.

The base B is the first member of S alone (Theorem 1); by Theorem 2 it is S where some coalition of the pattern contains
S, and else the first member alone.

The paper's mechanism has all rewards and all integers. Two things are left out here without loss: what an agent that
does not blow would propose, and what an agent would propose for bases of which it is not the first member. The limits
do lose something: with a largest integer and a best reward of the menu, equilibria in which agents blow the whistle
survive. So nothing here proves full implementation. It proves, on given type spaces, that truth is an equilibrium, and
that bad equilibria without whistles are dissolved, by whom and with what.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, sections 4.2 and 5.2, Claims 1, 3, 4 and 6.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from breakaway.data.arrays import Floats, Ints
from breakaway.data.coalitions import Coalition, members
from breakaway.data.limits import MAX_MECHANISM_ENTRIES
from breakaway.data.payoff_environment import (
    STRICT,
    Deception,
    Mechanism,
    PayoffEnvironment,
    TypeSpace,
    coalitions_with,
    maximal_pattern,
    minimal_pattern,
)
from breakaway.runners.implementation.incentives import in_order
from breakaway.runners.implementation.interim import Strategy
from breakaway.runners.implementation.monotonicity import lies
from breakaway.runners.implementation.rewards import Reward, RewardSet

Theorem = Literal[1, 2]

SAME_REWARD = 1e-9
"""Rewards whose weights differ by no more are the same."""

SAME_GAIN = 1e-9
"""Of those who dissolve a deception with gains that differ by no more, the first is named."""


@dataclass(frozen=True, eq=False)
class Menu:
    """What can be proposed in an augmented mechanism.

    Attributes
    ----------
    environment
        The payoff environment; for Theorem 2 with its pattern.
    theorem
        1 or 2.
    interior
        For every base the interior rewards y^1, y^2, ..., arrays of shape (Q, K + R): profiles of the agents outside
        the base, weights of outcomes and amounts along rays.
    rewards
        For every base all rewards that may be proposed, in the same form; the interior ones are among them.
    """

    environment: PayoffEnvironment
    theorem: Theorem
    interior: Mapping[Coalition, tuple[Floats, ...]]
    rewards: Mapping[Coalition, tuple[Floats, ...]]

    @property
    def blowers(self) -> tuple[Coalition, ...]:
        """The coalitions whose deviations dissolve deceptions: single agents, or the pattern."""
        return minimal_pattern(len(self.environment)) if self.theorem == 1 else self.environment.pattern

    def own_bases(self, agent: int) -> list[Coalition]:
        """Return the bases for which an agent proposes a reward: those of which it is the first member."""
        return [base for base in sorted(self.rewards) if base & -base == 1 << agent]

    def tail(self, base: Coalition) -> Floats:
        """Return the lottery over the interior rewards of a base, shape (Q, K + R)."""
        count = len(self.interior[base])
        shares = [0.5**k for k in range(1, count)] + [0.5 ** (count - 1)]
        found: Floats = np.einsum("k,kqx->qx", np.array(shares), np.array(self.interior[base]))
        return found


def reward_menu(
    environment: PayoffEnvironment,
    theorem: Theorem,
    rewards: Iterable[Reward] = (),
    interior: Iterable[Reward] | None = None,
) -> Menu:
    """Return a menu of rewards.

    Parameters
    ----------
    environment
        The payoff environment.
    theorem
        Whose mechanism the menu is for.
    rewards
        Rewards to propose, such as those with which a monotonicity condition was proved (``whistle.blow.rewards``).
    interior
        The interior rewards, at least one for every base. None: where rays make everybody worse off at every profile,
        two constant outcomes below all that f prescribes, one further down than the other; else what f prescribes if
        the base reports given types, for all types where that is a reward.

    Raises
    ------
    ValueError
        When a reward is outside the reward set of its base, has a base that the theorem does not have, or an interior
        reward is missing.
    """
    sets = {base: RewardSet(environment, base, family) for base, family in _families(environment, theorem).items()}
    chosen = _by_base(sets, _default_interior(environment, sets) if interior is None else interior, environment)
    for base in sets:
        if not chosen[base]:
            raise ValueError(f"no interior reward has the base {environment.coalition_name(base)}: give at least one")
    offered = _by_base(sets, rewards, environment)
    every = {base: _distinct([*chosen[base], *offered[base]]) for base in sets}
    return Menu(environment, theorem, chosen, every)


def _families(environment: PayoffEnvironment, theorem: Theorem) -> dict[Coalition, tuple[Coalition, ...]]:
    """Return the bases of rewards with the coalitions that rewards must not tempt."""
    everybody = maximal_pattern(len(environment))
    if theorem == 1:
        return {base: coalitions_with(everybody, base) for base in minimal_pattern(len(environment))}
    families = {base: coalitions_with(environment.pattern, base) for base in everybody}
    return {base: family for base, family in families.items() if family}


def _by_base(
    sets: Mapping[Coalition, RewardSet], rewards: Iterable[Reward], environment: PayoffEnvironment
) -> dict[Coalition, tuple[Floats, ...]]:
    """Return the weights of distinct rewards by base, each checked by the definition of its reward set."""
    found: dict[Coalition, list[Floats]] = {base: [] for base in sets}
    for reward in rewards:
        if reward.base not in sets:
            names = ", ".join(environment.coalition_name(base) for base in sets)
            raise ValueError(f"the base {reward.base} of a reward is none of the theorem's; choose one of {names}")
        if not sets[reward.base].contains(reward.weights):
            name = environment.coalition_name(reward.base)
            raise ValueError(
                f"a reward of {name} is not in its reward set: it would tempt some coalition; leave it out"
            )
        found[reward.base].append(reward.weights)
    return {base: _distinct(own) for base, own in found.items()}


def _distinct(rewards: Sequence[Floats]) -> tuple[Floats, ...]:
    """Return rewards without repetitions."""
    found: list[Floats] = []
    for reward in rewards:
        if not any(np.abs(reward - other).max() <= SAME_REWARD for other in found):
            found.append(reward)
    return tuple(found)


# --- interior rewards -------------------------------------------------------------------------------------------------


def _default_interior(environment: PayoffEnvironment, sets: Mapping[Coalition, RewardSet]) -> Iterator[Reward]:
    """Yield interior rewards of every base."""
    low = _wasted(environment)
    for base, own in sets.items():
        if low is not None:
            yield from (Reward(base, np.tile(outcome, (own.profiles, 1))) for outcome in low)
        else:
            yield from (reward for reward in _slices(environment, base) if own.contains(reward.weights))


def _wasted(environment: PayoffEnvironment) -> Floats | None:
    """Return two outcomes that nobody prefers to what f prescribes at any profile, shape (2, K + R), the second worse.

    From the outcome that needs it least one goes along all harmful rays until all are no better off, then 1 further.
    None: no rays together make everybody worse off everywhere.
    """
    vertices = len(environment.outcomes)
    worth, along = environment.worth[:, :, :vertices], environment.worth[:, :, vertices:]
    harmful = (along <= 0).all(axis=(0, 1))
    loss = -along[:, :, harmful].sum(axis=2)
    if not harmful.any() or (loss <= STRICT).any():
        return None
    prescribed = np.einsum("ipp->ip", environment.payoffs)
    amounts = ((worth - prescribed[:, :, None]) / loss[:, :, None]).max(axis=(0, 1))
    best = int(amounts.argmin())
    found = np.zeros((2, worth.shape[2] + along.shape[2]))
    found[:, best] = 1.0
    found[:, vertices:] = np.outer(max(float(amounts[best]), 0.0) + np.arange(2.0), harmful)
    return found


def _slices(environment: PayoffEnvironment, base: Coalition) -> Iterator[Reward]:
    """Yield what f prescribes if the base reports given types, for all its types."""
    rays = np.zeros((len(environment.profiles), len(environment.rays)))
    chosen = np.concatenate([environment.chosen, rays], axis=1)
    for types in environment.coalition_profiles(base):
        yield Reward(base, chosen[environment.with_members(base, types)])


# --- the mechanism ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class AugmentedMechanism:
    """An augmented mechanism: its menu, its integers (ascending), and the mechanism itself.

    Messages of an agent come by payoff type. For each the first is ``<type>-NB``; then ``<type>-B-r<numbers>-k<k>``
    with the numbers of its rewards for the bases of which it is the first member, from 1, and the integer, which runs
    fastest.
    """

    menu: Menu
    integers: tuple[int, ...]
    mechanism: Mechanism

    def silent(self, reports: Sequence[Ints]) -> Strategy:
        """Return the strategies of reporting payoff types without a whistle, for every agent shape (T_i,)."""
        blocks = [_block(self.menu, i, self.integers) for i in range(len(self.menu.environment))]
        return tuple(np.asarray(own) * block for own, block in zip(reports, blocks, strict=True))

    def truthful(self, type_space: TypeSpace) -> Strategy:
        """Return the strategies of reporting the own payoff type without a whistle."""
        return self.silent(type_space.payoff_type)

    def message(
        self, agent: int, payoff_type: int, integer: int, rewards: Mapping[Coalition, int] | None = None
    ) -> int:
        """Return the number of the message that blows the whistle.

        ``rewards`` gives the numbers of rewards of the menu, from 0, by base; for other bases it is the first.

        Raises
        ------
        ValueError
            When the mechanism does not have the integer.
        """
        if integer not in self.integers:
            raise ValueError(f"the mechanism has no integer {integer}; choose one of {list(self.integers)}")
        bases, chosen = self.menu.own_bases(agent), rewards or {}
        counts = [len(self.menu.rewards[base]) for base in bases]
        choice = int(np.ravel_multi_index([chosen.get(base, 0) for base in bases], counts))
        block = _block(self.menu, agent, self.integers)
        return payoff_type * block + 1 + choice * len(self.integers) + self.integers.index(integer)


def augmented_mechanism(menu: Menu, integers: int | Sequence[int]) -> AugmentedMechanism:
    """Return the mechanism of Theorem 1 or 2 with the rewards of a menu and some integers.

    Parameters
    ----------
    menu
        The rewards.
    integers
        The largest one K, for 0, ..., K; or those that agents may send. A single large one makes a small mechanism:
        whoever dissolves a deception with an integer does so with every larger one.

    Raises
    ------
    ValueError
        When an integer is negative, or there is none; when the outcome function would have too many entries; when a
        lottery between a reward and the interior ones is no reward, so that truth might be no equilibrium.
    """
    chosen = tuple(range(integers + 1)) if isinstance(integers, int) else tuple(sorted(set(integers)))
    if not chosen or chosen[0] < 0:
        raise ValueError(f"the integers are {integers}; give at least one, each at least 0")
    return _augmented(menu, chosen)


def _augmented(menu: Menu, integers: tuple[int, ...]) -> AugmentedMechanism:
    """Carry out Rules 1 and 2 for all profiles of messages."""
    environment = menu.environment
    _check_size(menu, integers)
    names = tuple(tuple(_names(menu, i, integers)) for i in range(len(environment)))
    blocks = [_block(menu, i, integers) for i in range(len(environment))]
    shape = [size for pair in zip(environment.sizes, blocks, strict=True) for size in pair]
    outcome = np.zeros((*shape, environment.worth.shape[2]))
    _carry_out(environment, outcome)
    mixed = {base: _lotteries(menu, base, integers) for base in menu.rewards}
    for coalition in maximal_pattern(len(environment)):
        _reward(menu, coalition, mixed, outcome)
    return AugmentedMechanism(menu, integers, Mechanism(names, outcome.reshape(*map(len, names), -1)))


def _choices(menu: Menu, agent: int) -> int:
    """Return how many combinations of rewards an agent can propose."""
    return math.prod(len(menu.rewards[base]) for base in menu.own_bases(agent))


def _block(menu: Menu, agent: int, integers: tuple[int, ...]) -> int:
    """Return how many messages an agent has for each payoff type."""
    return 1 + _choices(menu, agent) * len(integers)


def _check_size(menu: Menu, integers: tuple[int, ...]) -> None:
    environment = menu.environment
    counts = [size * _block(menu, i, integers) for i, size in enumerate(environment.sizes)]
    entries = math.prod(counts) * environment.worth.shape[2]
    if entries > MAX_MECHANISM_ENTRIES:
        said = " x ".join(map(str, counts))
        raise ValueError(
            f"{said} messages and {environment.worth.shape[2]} outcomes and rays make {entries:,} entries of the "
            f"outcome function, the limit is {MAX_MECHANISM_ENTRIES:,}: give fewer rewards or integers"
        )


def _names(menu: Menu, agent: int, integers: tuple[int, ...]) -> Iterator[str]:
    counts = [range(1, len(menu.rewards[base]) + 1) for base in menu.own_bases(agent)]
    for label in menu.environment.payoff_types[agent]:
        yield f"{label}-NB"
        for chosen in itertools.product(*counts):
            numbers = ".".join(map(str, chosen))
            yield from (f"{label}-B-r{numbers}-k{k}" for k in integers)


def _carry_out(environment: PayoffEnvironment, outcome: Floats) -> None:
    """Rule 1: nobody blows, and f is carried out."""
    place = [part for _ in environment.agents for part in (slice(None), 0)]
    outcome[(*place, slice(len(environment.outcomes)))] = environment.social_choice


def _reward(menu: Menu, coalition: Coalition, mixed: Mapping[Coalition, Floats], outcome: Floats) -> None:
    """Rule 2: a coalition blows, and its first member's proposal for the base is carried out."""
    environment = menu.environment
    lead = members(coalition)[0]
    base = coalition if coalition in menu.rewards else 1 << lead
    bases = menu.own_bases(lead)
    counts = [len(menu.rewards[own]) for own in bases]
    chosen = np.unravel_index(np.arange(math.prod(counts)), counts)[bases.index(base)]
    table = mixed[base][chosen][:, :, environment.outside(base)]
    table = table.reshape(-1, *environment.sizes, table.shape[-1])
    joined = [(size, len(table) if i == lead else 1) for i, size in enumerate(environment.sizes)]
    shape = [size for pair in joined for size in pair]
    blow = [slice(1, None) if coalition >> i & 1 else slice(0, 1) for i in range(len(environment))]
    place = [part for own in blow for part in (slice(None), own)]
    outcome[tuple(place)] = np.moveaxis(table, 0, lead + 1).reshape(*shape, -1)


def _lotteries(menu: Menu, base: Coalition, integers: tuple[int, ...]) -> Floats:
    """Return the lotteries of Rule 2, shape (rewards, integers, Q, K + R), each checked to be a reward."""
    share = np.array([k / (k + 1) for k in integers])
    rewards = np.array(menu.rewards[base])
    found: Floats = np.einsum("k,rqx->rkqx", share, rewards) + np.einsum("k,qx->kqx", 1 - share, menu.tail(base))
    allowed = RewardSet(menu.environment, base, _families(menu.environment, menu.theorem)[base])
    for reward, place in np.ndindex(len(rewards), len(integers)):
        if not allowed.contains(found[reward, place]):
            name = menu.environment.coalition_name(base)
            raise ValueError(
                f"reward {reward + 1} of {name} with the integer {integers[place]} makes a lottery with the interior "
                "rewards that is no reward: it would tempt some coalition; leave the reward out, or give other "
                "interior rewards"
            )
    return found


# --- dissolving deceptions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dissolution:
    """Who dissolves a deception, and with what, whatever its members believe.

    Attributes
    ----------
    coalition, true, reported
        S, theta_S and the theta'_S that it reports in the deception.
    reward
        The number of the reward for the base S in the menu, from 0.
    integer
        The least integer with which every member gains strictly at all types and reports of the others.
    least_gain
        What every member gains at least with that integer, in utility.
    """

    coalition: Coalition
    true: tuple[int, ...]
    reported: tuple[int, ...]
    reward: int
    integer: int
    least_gain: float


def dissolve(menu: Menu, deception: Deception, blowers: Sequence[Coalition] | None = None) -> Dissolution | None:
    """Return who dissolves a deception with one reward of the menu, and the least integer for that.

    Asked are all coalitions that the theorem has blow the whistle, or ``blowers``, some of them.
    Of all who can it is the one with the least integer, then the one whose members gain most, then the first. None:
    nobody can with a single reward. Then members may still be able to with different rewards for different beliefs,
    which :func:`breakaway.runners.implementation.interim.interim_deviation` finds on a given type space.
    """
    best: Dissolution | None = None
    for coalition in in_order(menu.blowers if blowers is None else blowers):
        for found in _dissolving(menu, coalition, deception):
            if best is None or _is_better(found, best):
                best = found
    return best


def _is_better(one: Dissolution, other: Dissolution) -> bool:
    """Tell whether one needs a lesser integer, or the same and gains more."""
    if one.integer != other.integer:
        return one.integer < other.integer
    return one.least_gain > other.least_gain + SAME_GAIN


def _dissolving(menu: Menu, coalition: Coalition, deception: Deception) -> Iterator[Dissolution]:
    """Yield the types, reports and rewards with which a coalition dissolves a deception."""
    environment, tail = menu.environment, menu.tail(coalition)
    pairs = _pairs(environment, coalition, deception)
    for _, true, reported in lies(deception, coalition):
        rest = _gains(environment, coalition, true, reported, pairs, tail)
        for number, reward in enumerate(menu.rewards[coalition]):
            gains = _gains(environment, coalition, true, reported, pairs, reward)
            if gains.min() > STRICT:
                integer = least_integer(gains, rest)
                value = float(((integer * gains + rest) / (integer + 1)).min())
                yield Dissolution(coalition, true, reported, number, integer, value)


def needed_integer(menu: Menu, deceptions: Iterable[Deception]) -> int:
    """Return the least integer that suffices to dissolve each of some deceptions; 0 when there are none.

    Raises
    ------
    ValueError
        When nobody dissolves a deception with one reward of the menu.
    """
    needed = 0
    for deception in deceptions:
        found = dissolve(menu, deception)
        if found is None:
            said = deception_name(menu.environment, deception)
            raise ValueError(f"no single reward of the menu dissolves the deception {said}: give further rewards")
        needed = max(needed, found.integer)
    return needed


def deception_name(environment: PayoffEnvironment, deception: Deception) -> str:
    """Write a deception as ``a1: low as low or high, ...``."""
    parts = []
    for agent, labels, own in zip(environment.agents, environment.payoff_types, deception, strict=True):
        told = (f"{labels[k]} as {' or '.join(labels[r] for r in sorted(reports))}" for k, reports in enumerate(own))
        parts.append(f"{agent}: {', '.join(told)}")
    return "; ".join(parts)


def least_integer(gains: Floats, rest: Floats) -> int:
    """Return the least integer k with (k gains + rest) / (k + 1) > STRICT everywhere.

    ``gains`` are those of the reward alone, each greater than :data:`STRICT`; ``rest`` those of the interior rewards.
    """
    most = float(((STRICT - rest) / (gains - STRICT)).max())
    integer = max(0, math.floor(most))
    while ((integer * gains + rest) / (integer + 1)).min() <= STRICT:
        integer += 1
    return integer


def _pairs(environment: PayoffEnvironment, coalition: Coalition, deception: Deception) -> Ints:
    """Return the numbers of true and reported profiles of the outsiders in a deception, shape (pairs, 2)."""
    allowed: NDArray[np.bool_] = reduce(
        np.kron,
        [
            np.array([[k in reports for k in range(environment.sizes[j])] for reports in deception[j]])
            for j in members(environment.others(coalition))
        ],
        np.ones((1, 1), dtype=bool),
    )
    return np.argwhere(allowed)


def _gains(
    environment: PayoffEnvironment,
    coalition: Coalition,
    true: tuple[int, ...],
    reported: tuple[int, ...],
    pairs: Ints,
    reward: Floats,
) -> Floats:
    """Return u_i(y(theta'_-S), theta) - u_i(f(theta'), theta) of every member at every pair, shape (S, pairs)."""
    joined = list(members(coalition))
    there = environment.with_members(coalition, true)[pairs[:, 0]]
    told = environment.with_members(coalition, reported)[pairs[:, 1]]
    found: Floats = np.einsum("ipx,px->ip", environment.worth[joined][:, there], reward[pairs[:, 1]])
    return found - environment.payoffs[joined][:, there, told]


# --- tables -----------------------------------------------------------------------------------------------------------


def augmented_tables(augmented: AugmentedMechanism) -> dict[str, pd.DataFrame]:
    """Return what the messages of a mechanism mean, as tables.

    ``messages`` (agent, message, payoff_type, whistle, integer, and the numbers of the rewards by base in words), and
    ``rewards`` (coalition, reward, interior, others_reported, outcome, weight). The outcome function is written with
    the environment: ``write_instance(folder, replace(environment, mechanism=augmented.mechanism), ...)``.
    """
    rows = [row for i in range(len(augmented.menu.environment)) for row in _message_rows(augmented, i)]
    columns = ["agent", "message", "payoff_type", "whistle", "rewards", "integer"]
    messages = pd.DataFrame(rows, columns=columns).astype({"integer": "Int64"})
    return {"messages": messages, "rewards": _reward_rows(augmented.menu)}


def _message_rows(augmented: AugmentedMechanism, agent: int) -> Iterator[tuple[object, ...]]:
    environment, bases = augmented.menu.environment, augmented.menu.own_bases(agent)
    counts = [range(1, len(augmented.menu.rewards[base]) + 1) for base in bases]
    names, name = iter(augmented.mechanism.messages[agent]), environment.agents[agent]
    for label in environment.payoff_types[agent]:
        yield name, next(names), label, "NB", "", None
        for chosen in itertools.product(*counts):
            said = "|".join(f"{environment.coalition_name(base)}:{k}" for base, k in zip(bases, chosen, strict=True))
            yield from ((name, next(names), label, "B", said, k) for k in augmented.integers)


def _reward_rows(menu: Menu) -> pd.DataFrame:
    environment, rows = menu.environment, []
    names = (*environment.outcomes, *environment.rays)
    for base in in_order(list(menu.rewards)):
        others = environment.others(base)
        told = [environment.members_name(others, types) for types in environment.coalition_profiles(others)]
        for number, reward in enumerate(menu.rewards[base]):
            inside = number < len(menu.interior[base])
            first = (environment.coalition_name(base), number + 1, inside)
            rows += [(*first, told[q], names[x], float(reward[q, x])) for q, x in np.argwhere(reward).tolist()]
    columns = ["coalition", "reward", "interior", "others_reported", "outcome", "weight"]
    return pd.DataFrame(rows, columns=columns)
