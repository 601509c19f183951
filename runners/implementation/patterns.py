"""Which coalitions help: what is implementable under every coalition pattern.

More coalitions make truth harder to sustain (incentive compatibility) and bad equilibria easier or harder to dissolve
(monotonicity): a coalition may blow the whistle, but whoever blows it must not tempt larger coalitions. So neither
direction in the lattice of patterns is always better.

Steps of :func:`judge_patterns`:
1. find the coalitions that gain by misreporting: a pattern is incentive compatible when it has none of them;
2. find which agents are alike: patterns that differ by exchanging them form a class, of which one is judged;
3. decide what all patterns share: no total indifference, disposal, robust coalitional monotonicity, Theorem 1;
4. judge the monotonicity of what is left, pattern by pattern; answers of whistle-blowing tests are shared by all
   patterns that give the coalition the same reward set.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, sections 3 and 5.1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, coalition_of, members
from breakaway.data.payoff_environment import (
    PayoffEnvironment,
    coalitions_with,
    maximal_pattern,
    minimal_pattern,
)
from breakaway.runners.implementation.incentives import coalition_violations, in_order
from breakaway.runners.implementation.interior import conditional_no_total_indifference, interior_reward
from breakaway.runners.implementation.monotonicity import MonotonicityVerdict, by_elimination, by_learned_clauses
from breakaway.runners.implementation.verdict import Verdict, theorem_1, theorem_2, with_truth
from breakaway.runners.implementation.whistle import Blow, Whistles
from breakaway.runners.solvers import SolverOptions

Pattern = tuple[Coalition, ...]

MOST_AGENTS = 4
"""Five agents have 2^26 patterns."""

MOST_AGENTS_IN_FULL = 3
"""Up to this many agents monotonicity is judged even where incentive compatibility settles the verdict."""

SAME_DIGITS = 12
"""Decimals in which utilities and probabilities are compared when agents are found alike."""

KNOWN = {"true": True, "false": False, "undecided": None}


@dataclass(frozen=True, eq=False)
class PatternFinding:
    """What is found about one coalition pattern; None: undecided.

    ``monotonicity`` is also None where it was not asked, because incentive compatibility fails. ``alike`` is the number
    of its class, from 1.
    """

    pattern: Pattern
    incentives: bool
    monotonicity: bool | None
    interior: bool | None
    verdict: Verdict
    alike: int


def all_patterns(agents: int) -> list[Pattern]:
    """Return all coalition patterns, by the number of coalitions, then by the coalitions.

    Raises
    ------
    ValueError
        For more than :data:`MOST_AGENTS` agents.
    """
    if agents > MOST_AGENTS:
        raise ValueError(
            f"{agents} agents have 2^{2**agents - agents - 1} coalition patterns; they are listed for up to "
            f"{MOST_AGENTS}: judge the patterns that matter one by one, as the instance's own"
        )
    larger = in_order([coalition for coalition in maximal_pattern(agents) if coalition.bit_count() > 1])
    single = minimal_pattern(agents)
    chosen = (some for count in range(len(larger) + 1) for some in itertools.combinations(larger, count))
    return [tuple(sorted((*single, *some))) for some in chosen]


# --- agents who are alike ---------------------------------------------------------------------------------------------


def symmetries(environment: PayoffEnvironment) -> list[tuple[int, ...]]:
    """Return the permutations of the agents that leave the environment as it is, outcomes renamed as needed.

    Entry i of a permutation is the agent whose place i takes; payoff types correspond by their order.
    """
    found = _columns(environment, tuple(range(len(environment))))
    return [
        order
        for order in itertools.permutations(range(len(environment)))
        if all(environment.sizes[i] == environment.sizes[j] for i, j in enumerate(order))
        and all(np.array_equal(one, other) for one, other in zip(_columns(environment, order), found, strict=True))
    ]


def _columns(environment: PayoffEnvironment, order: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return outcomes and rays as sorted rows of their utilities and probabilities, with the agents permuted."""
    n, vertices = len(environment), len(environment.outcomes)
    place = [order.index(i) for i in range(n)]
    moved = np.stack([environment.utilities[i].transpose(*place, n) for i in place])
    chosen = environment.social_choice.transpose(*place, n)
    worth = moved.reshape(-1, moved.shape[-1]).T
    outcomes = np.concatenate([worth[:vertices], chosen.reshape(-1, vertices).T], axis=1)
    return _sorted_rows(outcomes), _sorted_rows(worth[vertices:])


def _sorted_rows(rows: Floats) -> Floats:
    rounded: Floats = np.round(rows, SAME_DIGITS) + 0.0
    return rounded[np.lexsort(rounded.T[::-1])] if len(rows) else rounded


def classes(patterns: Iterable[Pattern], orders: Sequence[tuple[int, ...]]) -> dict[Pattern, Pattern]:
    """Return for every pattern the first one that differs from it only by exchanging agents who are alike."""
    first: dict[Pattern, Pattern] = {}
    for pattern in patterns:
        if pattern not in first:
            for order in orders:
                first.setdefault(_renamed(pattern, order), pattern)
    return first


def _renamed(pattern: Pattern, order: tuple[int, ...]) -> Pattern:
    return tuple(sorted(coalition_of(order[i] for i in members(coalition)) for coalition in pattern))


# --- shared answers ---------------------------------------------------------------------------------------------------


class _SharedWhistles(Whistles):
    """Tests of whistle-blowing for one pattern, answered by whoever has the same reward set."""

    def __init__(
        self,
        environment: PayoffEnvironment,
        pattern: Pattern,
        options: SolverOptions | None,
        pool: dict[tuple[Coalition, ...], Whistles],
    ) -> None:
        super().__init__(environment, "pattern", pattern, options)
        self._pool = pool

    def blows_at(
        self, coalition: Coalition, true: Sequence[int], reported: Sequence[int], pairs: NDArray[np.bool_]
    ) -> Blow:
        """Ask those whose pattern is the coalitions that contain this one: its reward set looks at no others."""
        family = coalitions_with(self.coalitions, coalition)
        key = (coalition, *family)
        if key not in self._pool:
            self._pool[key] = Whistles(self.environment, "pattern", family, self.options)
        return self._pool[key].blows_at(coalition, true, reported, pairs)


@dataclass
class _Shared:
    """What all patterns of an environment share."""

    environment: PayoffEnvironment
    options: SolverOptions | None
    gaining: frozenset[Coalition]
    interior: bool | None = None
    monotone: bool | None = None
    whatever_forms: bool | None = None
    pool: dict[tuple[Coalition, ...], Whistles] = field(default_factory=dict)

    def incentives_of(self, pattern: Pattern) -> bool:
        """Tell whether robust S incentive compatibility holds."""
        return not self.gaining & set(pattern)

    def interior_of(self, pattern: Pattern) -> bool | None:
        """Decide the interior S reward property."""
        if self.interior is not None:
            return self.interior
        return KNOWN[interior_reward(self.environment, pattern, self.options).holds]

    def monotonicity_of(self, pattern: Pattern) -> MonotonicityVerdict:
        """Decide robust S monotonicity."""
        if self.monotone:
            return MonotonicityVerdict(True, None, [], "robust coalitional monotonicity")
        whistles = _SharedWhistles(self.environment, pattern, self.options, self.pool)
        single = all(coalition.bit_count() == 1 for coalition in pattern)
        if single:
            return by_elimination(self.environment, whistles)
        return with_truth(whistles, by_learned_clauses(self.environment, whistles, self.options))


def _shared(environment: PayoffEnvironment, options: SolverOptions | None) -> _Shared:
    """Decide what all patterns share.

    Where single agents blow with rewards that tempt no coalition at all, they do so for every pattern. Rewards at which
    nobody gains suffice for every pattern if they do for the maximal one; indifference is fatal for all.
    """
    everybody = maximal_pattern(len(environment))
    found = _Shared(environment, options, frozenset(v.coalition for v in coalition_violations(environment, everybody)))
    if conditional_no_total_indifference(environment, options).holds == "false":
        found.interior = False
    else:
        richest = interior_reward(environment, everybody, options)
        found.interior = True if richest.method in ("disposal", "rewards at which nobody gains") else None
    found.monotone = by_elimination(environment, Whistles(environment, "coalitional", None, options)).holds
    coalitional = found.interior
    if coalitional is None:
        coalitional = KNOWN[interior_reward(environment, "coalitional", options).holds]
    found.whatever_forms = theorem_1(environment, not found.gaining, found.monotone, coalitional).implementable
    return found


# --- the patterns -----------------------------------------------------------------------------------------------------


def judge_patterns(
    environment: PayoffEnvironment,
    options: SolverOptions | None = None,
    told: Callable[[str], None] = lambda _: None,
    in_full: bool | None = None,
) -> list[PatternFinding]:
    """Judge every coalition pattern of up to four agents.

    Parameters
    ----------
    environment
        The payoff environment; its own pattern plays no part.
    options
        Of the solver; its time limit is that of one test.
    told
        Is told the progress.
    in_full
        Whether to judge monotonicity also where a coalition gains by misreporting; default: up to three agents.

    Raises
    ------
    ValueError
        For more agents.
    """
    patterns = all_patterns(len(environment))
    first = classes(patterns, symmetries(environment))
    number = {pattern: k for k, pattern in enumerate(dict.fromkeys(first[p] for p in patterns), 1)}
    everything = len(environment) <= MOST_AGENTS_IN_FULL if in_full is None else in_full
    shared = _shared(environment, options)
    judged: dict[Pattern, PatternFinding] = {}
    for pattern, alike in number.items():
        told(f"coalition pattern {alike} of {len(number)}")
        judged[pattern] = _judge(shared, pattern, alike, everything)
    return [_for_pattern(judged[first[pattern]], pattern) for pattern in patterns]


def _judge(shared: _Shared, pattern: Pattern, alike: int, everything: bool) -> PatternFinding:
    incentives = shared.incentives_of(pattern)
    monotonicity = shared.monotonicity_of(pattern) if incentives or everything else None
    interior = shared.interior_of(pattern)
    verdict = theorem_2(
        shared.environment, pattern, incentives, monotonicity, interior, whatever_forms=shared.whatever_forms
    )
    holds = monotonicity.holds if monotonicity is not None else shared.monotone or None
    return PatternFinding(pattern, incentives, holds, interior, verdict, alike)


def _for_pattern(finding: PatternFinding, pattern: Pattern) -> PatternFinding:
    """Return the finding about another pattern of the class."""
    return PatternFinding(
        pattern, finding.incentives, finding.monotonicity, finding.interior, finding.verdict, finding.alike
    )


def pattern_table(environment: PayoffEnvironment, findings: Iterable[PatternFinding]) -> pd.DataFrame:
    """Return the patterns, one a row."""
    word = {True: "true", False: "false", None: "undecided"}
    rows = [
        (
            environment.pattern_name(finding.pattern),
            word[finding.incentives],
            word[finding.monotonicity],
            word[finding.interior],
            word[finding.verdict.implementable],
            finding.alike,
        )
        for finding in findings
    ]
    columns = [
        "coalition_pattern",
        "robust_s_ic",
        "robust_s_monotonicity",
        "interior_reward",
        "implementable",
        "class",
    ]
    return pd.DataFrame(rows, columns=columns)
