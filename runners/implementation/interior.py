"""Interior rewards: whether there are always two rewards that an agent ranks, and that mix with every reward.

A reward z mixes with all rewards when no lottery between z and any y in the reward set Y_B leaves the set. Those z are
the kernel of Y_B, which is convex; so by minimax the interior reward property holds if and only if for every base B,
agent i in B and type theta_i two rewards in the kernel are ranked by i at all types of the others and all reports. The
kernel is a product over the reports theta'_-B, so every report has a linear programme of its own.

Steps of :func:`interior_reward`:
1. if outcomes can be moved along rays until everybody is worse off everywhere, the property holds;
2. if conditional no total indifference fails, so does the property, for a reward never tempts its single owner;
3. rewards at which no member of any coalition gains lie in the kernel: if enough of them are ranked, it holds;
4. else find which rows "agent j keeps f at theta" matter: those that some y in Y_B meets as an equation while j is the
   one member of its coalition that keeps f. The kernel lies within the rows that matter, and contains the rewards that
   meet these and the rows where a second member is about to gain as well. Where the two answers differ: undecided.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 6, 9 and 12; the proof of step 4 is
in docs/interior_reward.md.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import (
    STRICT,
    PayoffEnvironment,
    coalitions_with,
    maximal_pattern,
    minimal_pattern,
)
from breakaway.data.reward_requirements import Requirements
from breakaway.models import interior_reward as model_of
from breakaway.models.interior_reward import Row
from breakaway.runners.implementation.branching import (
    Limits,
    ProgramError,
    RewardProgram,
    add_no_gain,
    program_of,
    search,
)
from breakaway.runners.implementation.rewards import RewardSet
from breakaway.runners.solvers import InfeasibleError, SolverOptions, UnboundedError, solve_model

Holds: TypeAlias = Literal["true", "false", "undecided"]
"""What is known of a condition."""

MOST_TESTS = 20_000
"""Rows that are looked at before the question is left open."""

NEARLY = 1e-7
"""Gains down to minus this, times the largest utility where that is above 1, are about to be gains."""

Base: TypeAlias = tuple[Coalition, tuple[Coalition, ...]]
"""A base B and the coalitions F that its rewards must not tempt."""


class Interior(NamedTuple):
    """What is known of an interior reward property.

    Attributes
    ----------
    holds
        "true", "false" or "undecided".
    reason
        One sentence.
    margin
        The least margin, in utility, by which an agent ranks two rewards for sure; inf: as large as one likes; nan:
        none was computed.
    method
        The step that decided.
    """

    holds: Holds
    reason: str
    margin: float
    method: str


def conditional_no_total_indifference(environment: PayoffEnvironment, options: SolverOptions | None = None) -> Interior:
    """Decide Definition 12: whatever it believes, no agent is indifferent between all outcomes that do not tempt it.

    The margin is the least over agents, their types and the others' reports of the largest sure difference between two
    outcomes of R_i(theta'_-i).
    """
    if _disposal(environment):
        reason = "every agent ranks outcomes that are moved along rays by more or by less, for sure"
        return Interior("true", reason, math.inf, "disposal")
    worst = _least_margin(environment, _bases(environment, minimal_pattern(len(environment))), options)
    method = "linear programmes, one for each agent, type and report"
    if worst.margin > STRICT:
        return Interior("true", "every agent ranks two outcomes that do not tempt it, for sure", worst.margin, method)
    return Interior("false", worst.sentence(environment), worst.margin, method)


def interior_reward(
    environment: PayoffEnvironment,
    pattern: Sequence[Coalition] | Literal["coalitional"],
    options: SolverOptions | None = None,
) -> Interior:
    """Decide the interior S reward property of a pattern (Definition 9), or the coalitional one (Definition 6)."""
    bases = _bases(environment, pattern)
    if _disposal(environment):
        reason = "outcomes can be moved along rays until everybody is worse off than under f, by more or by less"
        return Interior("true", reason, math.inf, "disposal")
    plain = conditional_no_total_indifference(environment, options)
    if plain.holds == "false" or all(family == (base,) for base, family in bases):
        return plain
    worst = _least_margin(environment, bases, options)
    if worst.margin > STRICT:
        reason = "every agent ranks two rewards at which no member of any coalition gains"
        return Interior("true", reason, worst.margin, "rewards at which nobody gains")
    return _by_kernel(environment, bases, options or SolverOptions())


def _bases(environment: PayoffEnvironment, pattern: Sequence[Coalition] | Literal["coalitional"]) -> list[Base]:
    """Return the bases B with their coalitions: single agents, or all that lie in a coalition of the pattern."""
    n = len(environment)
    if pattern == "coalitional":
        return [(1 << i, coalitions_with(maximal_pattern(n), 1 << i)) for i in range(n)]
    chosen = sorted({*pattern, *minimal_pattern(n)})
    families = ((base, coalitions_with(chosen, base)) for base in maximal_pattern(n))
    return [(base, family) for base, family in families if family]


def _disposal(environment: PayoffEnvironment) -> bool:
    """Tell whether the rays that raise nobody's utility, taken together, lower everybody's at every profile."""
    along = environment.worth[:, :, len(environment.outcomes) :]
    harmless = (along <= 0).all(axis=(0, 1))
    return bool(harmless.any() and (along[:, :, harmless].sum(axis=-1) < -STRICT).all())


# --- margins ----------------------------------------------------------------------------------------------------------


class _Worst(NamedTuple):
    """The least margin, and where it is: base, agent, its type, what the agents outside the base report."""

    margin: float
    base: Coalition
    agent: int
    own_type: int
    reported: tuple[int, ...]

    def sentence(self, environment: PayoffEnvironment, which: str = "rewards") -> str:
        """Say that an agent may be indifferent between all rewards of some sort."""
        name, own = environment.agents[self.agent], environment.payoff_types[self.agent][self.own_type]
        said = environment.members_name(environment.others(self.base), self.reported)
        where = f" when the others report {said}" if said else ""
        base = environment.coalition_name(self.base)
        if self.margin == -math.inf:
            return f"{base} has no {which}{where}"
        of_base = "" if self.base == 1 << self.agent else f" of {base}"
        return f"{name} of type {own} may be indifferent between all {which}{of_base}{where}"


def _least_margin(
    environment: PayoffEnvironment,
    bases: Sequence[Base],
    options: SolverOptions | None,
    kept: dict[Coalition, list[list[Row]]] | None = None,
) -> _Worst:
    """Return the least margin; the search ends with the first that is not positive.

    ``kept`` gives for every base and number of the outsiders' profile the rows to be kept; None: all rows.
    """
    worst = _Worst(math.inf, *_first_case(environment, bases))
    for base, family, agent, own_type, q, reported in _cases(environment, bases):
        rows = None if kept is None else kept[base][q]
        model = model_of.build(environment, base, family, reported, agent, own_type, rows)
        margin = _margin(model, options)
        if margin < worst.margin:
            worst = _Worst(margin, base, agent, own_type, reported)
        if margin <= STRICT:
            break
    return worst


def _first_case(environment: PayoffEnvironment, bases: Sequence[Base]) -> tuple[Coalition, int, int, tuple[int, ...]]:
    base, _, agent, own_type, _, reported = next(_cases(environment, bases))
    return base, agent, own_type, reported


def _cases(
    environment: PayoffEnvironment, bases: Sequence[Base]
) -> Iterator[tuple[Coalition, tuple[Coalition, ...], int, int, int, tuple[int, ...]]]:
    """Yield base, coalitions, agent, type, number and types of the outsiders' profile."""
    for base, family in bases:
        profiles = environment.coalition_profiles(environment.others(base))
        for agent in members(base):
            for own_type, (q, reported) in itertools.product(range(environment.sizes[agent]), enumerate(profiles)):
                yield base, family, agent, own_type, q, reported


def _margin(model: pyo.ConcreteModel, options: SolverOptions | None) -> float:
    """Return the largest margin: inf when there is no limit, minus inf when there is no outcome at all."""
    try:
        solve_model(model, options)
    except UnboundedError:
        return math.inf
    except InfeasibleError:
        return -math.inf
    return float(pyo.value(model.margin)) + 0.0


# --- the kernel -------------------------------------------------------------------------------------------------------


def _by_kernel(environment: PayoffEnvironment, bases: Sequence[Base], options: SolverOptions) -> Interior:
    """Find the rows that matter, and ask again within them."""
    method = "kernels of the reward sets"
    needed: dict[Coalition, list[list[Row]]] = {}
    possible: dict[Coalition, list[list[Row]]] = {}
    try:
        for base, family in bases:
            rewards = RewardSet(environment, base, family)
            if _is_empty(rewards, options):
                reason = f"{environment.coalition_name(base)} has no rewards"
                return Interior("false", reason, -math.inf, method)
            needed[base], possible[base] = kernel_rows(rewards, options)
    except ProgramError as error:
        return Interior("undecided", f"which rewards mix with all others was left open: {error}", math.nan, method)
    inner = _least_margin(environment, bases, options, possible)
    if inner.margin > STRICT:
        reason = "every agent ranks two rewards that mix with all others"
        return Interior("true", reason, inner.margin, method)
    outer = _least_margin(environment, bases, options, needed)
    if outer.margin <= STRICT:
        reason = outer.sentence(environment, "rewards that mix with all others")
        return Interior("false", reason, outer.margin, method)
    reason = (
        "two members of a coalition are about to gain at once, so that it is open which rewards mix with all others"
    )
    return Interior("undecided", reason, inner.margin, method)


def _is_empty(rewards: RewardSet, options: SolverOptions) -> bool:
    """Tell whether there is no reward at all."""
    found = search(program_of(rewards, options), rewards, Limits(above=-math.inf, enough=-math.inf))
    if found.weights is None and not found.complete:
        raise ProgramError("whether there is any reward was not found out")
    return found.weights is None


def kernel_rows(rewards: RewardSet, options: SolverOptions | None = None) -> tuple[list[list[Row]], list[list[Row]]]:
    """Return for every outsiders' profile the rows (j, theta) that surely matter, and those that may.

    Where rewards exist, those that mix with all others meet the former, and those that meet the latter mix with all.

    Raises
    ------
    ProgramError
        When HiGHS fails, or the limit of time or of :data:`MOST_TESTS` rows is reached.
    """
    options = options or SolverOptions()
    program = program_of(rewards, options)
    deadline = math.inf if options.time_limit is None else time.monotonic() + options.time_limit
    needed: list[set[Row]] = [set() for _ in range(rewards.profiles)]
    possible: list[set[Row]] = [set() for _ in range(rewards.profiles)]
    tests = 0
    for rows in rewards.requirements:
        for number, j in itertools.product(range(len(rows.true)), members(rows.coalition)):
            for true, others in zip(rows.true[number].tolist(), rows.others[number].tolist(), strict=True):
                if (j, true) in needed[others]:
                    continue
                tests += 1
                if tests > MOST_TESTS or time.monotonic() > deadline:
                    raise ProgramError(f"the limit of time or of {MOST_TESTS:,} rows was reached")
                value = _tightness(program, rewards, rows, number, j, (true, others))
                if value > STRICT:
                    needed[others].add((j, true))
                if value > -math.inf:
                    possible[others].add((j, true))
    return [sorted(rows) for rows in needed], [sorted(rows) for rows in possible]


def _tightness(
    program: RewardProgram, rewards: RewardSet, rows: Requirements, number: int, j: int, pair: tuple[int, int]
) -> float:
    """Return the largest least gain of the other members over rewards at which j keeps f, exactly at one pair.

    The members gain at some pair of the requirement each. Minus inf when somebody always loses clearly; when the
    search ends early, 0.
    """
    below = -NEARLY * max(1.0, rewards.tolerance / 1e-8)
    before = program.rows
    add_no_gain(program, rewards, j, rows.true[number], rows.others[number])
    worth, due = rewards.environment.worth, rewards.base_payoffs
    program.add_blocks(np.array([pair[1]]), -worth[j, pair[:1]], -due[j, pair[:1]])
    rest = [k for k in members(rows.coalition) if k != j]
    best = -math.inf
    for places in itertools.product(range(rows.true.shape[1]), repeat=len(rest)):
        inner = program.rows
        if rest:
            true, others = rows.true[number, list(places)], rows.others[number, list(places)]
            program.add_blocks(others, -worth[rest, true], -due[rest, true], least=1.0)
        found = search(program, rewards, Limits(above=below, enough=STRICT))
        program.drop(inner)
        best = max(best, found.value if found.complete else max(found.value, 0.0))
        if best > STRICT:
            break
    program.drop(before)
    return best
