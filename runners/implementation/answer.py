"""The answer about a social choice function: every condition with its witness, the theorems' verdicts, the patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import STRICT, PayoffEnvironment, maximal_pattern, minimal_pattern
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock
from breakaway.runners.implementation.enumeration import by_enumeration
from breakaway.runners.implementation.incentives import Violation, coalition_violations
from breakaway.runners.implementation.interim import direct_mechanism, interim_deviation
from breakaway.runners.implementation.interior import Interior, conditional_no_total_indifference, interior_reward
from breakaway.runners.implementation.monotonicity import (
    MonotonicityVerdict,
    Whistle,
    by_elimination,
    by_learned_clauses,
)
from breakaway.runners.implementation.patterns import (
    MOST_AGENTS,
    MOST_AGENTS_IN_FULL,
    judge_patterns,
    pattern_table,
)
from breakaway.runners.implementation.verdict import theorem_1, theorem_2, with_truth
from breakaway.runners.implementation.whistle import Kind, Whistles
from breakaway.runners.verify.implementation import verify_implementation

Told = Callable[[str], None]

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "robust_monotonicity": "minimal",
        "robust_coalitional_monotonicity": "coalitional",
        "robust_s_monotonicity": "pattern",
    }
)
"""Who may blow the whistle, and whom rewards must not tempt, by condition."""

HOLDS = {True: "true", False: "false", None: "undecided"}


class TheoremVerdict(NamedTuple):
    """What a theorem says of a coalition pattern: implementable (None: undecided), and why in one sentence."""

    theorem: str
    pattern: str
    implementable: bool | None
    reason: str


@dataclass(frozen=True, eq=False)
class Finding:
    """What is found about one condition.

    Attributes
    ----------
    condition, pattern
        Its name in the tables, and the coalition pattern that it is about.
    holds
        None: undecided.
    reason
        One sentence.
    method
        How it was decided.
    violations
        All coalitions that gain by misreporting, for incentive compatibility.
    monotonicity
        The deception that nobody dissolves, or who dissolves what, for monotonicity.
    margin
        By how much the condition holds or fails, in utility, where that is computed.
    """

    condition: str
    pattern: str
    holds: bool | None
    reason: str
    method: str
    violations: tuple[Violation, ...] = ()
    monotonicity: MonotonicityVerdict | None = None
    margin: float | None = None

    @property
    def deception_name(self) -> str:
        """The name of the deception that shows that the condition fails."""
        return f"{self.condition} {self.pattern}"


def solve_implementation(
    environment: PayoffEnvironment,
    how: HowToSolve | None = None,
    about: About = UNNAMED,
    told: Told = lambda _: None,
) -> Answer:
    """Decide whether a social choice function survives coalitions, whatever agents believe.

    Returns
    -------
    Tables ``conditions``, ``violations``, ``deceptions``, ``whistles``, ``rewards``, ``verdict`` and, with up to three
    agents (four with all detail), ``patterns``; see :mod:`breakaway.results.tables`.

    Raises
    ------
    SolveError
        When a solver fails.
    ValueError
        When there are too many deceptions to enumerate.
    """
    how, clock = how or HowToSolve(), PhaseClock()
    found = find_conditions(environment, how, told)
    clock.lap("conditions")
    tables = {
        "conditions": condition_table(found),
        "violations": violation_table(environment, found),
        "deceptions": deception_table(environment, found),
        **whistle_tables(environment, found),
        "verdict": verdict_table(judge(environment, found)),
    }
    if len(environment) <= (MOST_AGENTS if how.detail == "all" else MOST_AGENTS_IN_FULL):
        tables["patterns"] = pattern_table(environment, judge_patterns(environment, how.options, told))
        clock.lap("patterns")
    claims: dict[str, object] = {
        "method": "enumeration" if how.method == "enumeration" else "elimination and learned clauses",
        "strict_gain": STRICT,
        "tolerance": how.options.tolerance,
        "complete": all(finding.holds is not None for finding in found),
    }
    residual = None
    if how.verify is not False:
        verification = verify_implementation(environment, tables, claims, how.options.tolerance)
        residual = verification.residual
        claims |= {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
        clock.lap("verification")
    certificate = Certificate("optimal", "proven optimum", claims, residual)
    options = how.asked() | {"method": claims["method"]}
    return Answer("implementation", *about, environment.agents, tables, certificate, options, clock.laps)


def judge(environment: PayoffEnvironment, found: Iterable[Finding]) -> list[TheoremVerdict]:
    """Return what the theorems say: whatever the pattern is, for the instance's pattern, and for single agents."""
    known = {(finding.condition, finding.pattern): finding for finding in found}

    def holds(condition: str, pattern: str) -> bool | None:
        return known[condition, pattern].holds

    first = theorem_1(
        environment,
        holds("robust_coalitional_ic", "maximal"),
        holds("robust_coalitional_monotonicity", "maximal"),
        holds("interior_reward", "coalitional"),
    )
    judged = [("Theorem 1", "maximal", first)]
    for pattern in dict.fromkeys((environment.pattern, minimal_pattern(len(environment)))):
        name = environment.pattern_name(pattern)
        ic, monotonicity = _of_pattern(name)
        second = theorem_2(
            environment,
            pattern,
            holds(ic, name),
            known[monotonicity, name].monotonicity,
            holds("interior_reward", name),
            first.implementable,
        )
        judged.append(("Theorem 2", name, second))
    return [TheoremVerdict(theorem, name, *verdict) for theorem, name, verdict in judged]


def _of_pattern(name: str) -> tuple[str, str]:
    """Return the names of incentive compatibility and monotonicity for a pattern."""
    return ("ex_post_ic", "robust_monotonicity") if name == "minimal" else ("robust_s_ic", "robust_s_monotonicity")


def find_conditions(environment: PayoffEnvironment, how: HowToSolve, told: Told = lambda _: None) -> list[Finding]:
    """Decide every condition, for the minimal and the maximal pattern and the instance's own."""
    steps: list[Callable[[], Finding]] = []
    n, own = len(environment), environment.pattern
    steps += [
        lambda: _incentives(environment, "ex_post_ic", minimal_pattern(n)),
        lambda: _incentives(environment, "robust_coalitional_ic", maximal_pattern(n)),
        lambda: _incentives(environment, "robust_s_ic", own),
        lambda: _incentives(environment, "weak_pareto_within_range", ((1 << n) - 1,)),
        lambda: _monotonicity(environment, "robust_monotonicity", minimal_pattern(n), how),
        lambda: _monotonicity(environment, "robust_coalitional_monotonicity", maximal_pattern(n), how),
        lambda: _monotonicity(environment, "robust_s_monotonicity", own, how),
        lambda: _interior(environment, None, how),
        *((lambda p=p: _interior(environment, p, how)) for p in dict.fromkeys((minimal_pattern(n), own))),
        lambda: _indifference(environment, how),
    ]
    if environment.type_space is not None:
        steps += [
            lambda: _interim(environment, "interim_coalitional_ic", maximal_pattern(n)),
            lambda: _interim(environment, "truth_is_interim_s_equilibrium", own),
        ]
    found = []
    for k, step in enumerate(steps):
        told(f"condition {k + 1} of {len(steps)}")
        found.append(step())
    return found


def _incentives(environment: PayoffEnvironment, condition: str, pattern: tuple[Coalition, ...]) -> Finding:
    violations = tuple(coalition_violations(environment, pattern))
    reason = (
        f"{len(violations):,} misreports by which every member of a coalition gains"
        if violations
        else "no coalition gains by misreporting"
    )
    margin = max((violation.least_gain for violation in violations), default=None)
    name = "maximal" if condition == "weak_pareto_within_range" else environment.pattern_name(pattern)
    return Finding(condition, name, not violations, reason, "enumeration", violations, margin=margin)


def _monotonicity(
    environment: PayoffEnvironment, condition: str, pattern: tuple[Coalition, ...], how: HowToSolve
) -> Finding:
    kind = KINDS[condition]
    whistles = Whistles(environment, kind, pattern, how.options)
    if how.method == "enumeration":
        verdict = by_enumeration(environment, whistles)
    elif kind == "pattern" and environment.pattern_name(pattern) != "minimal":
        verdict = with_truth(whistles, by_learned_clauses(environment, whistles, how.options))
    else:
        verdict = by_elimination(environment, whistles)
    reason = {
        True: "somebody blows the whistle on every unacceptable deception",
        False: "nobody dissolves a deception that is unacceptable",
        None: "some tests of whistle-blowing had no answer",
    }[verdict.holds]
    name = environment.pattern_name(pattern)
    return Finding(condition, name, verdict.holds, reason, verdict.method, monotonicity=verdict)


def _interior(environment: PayoffEnvironment, pattern: tuple[Coalition, ...] | None, how: HowToSolve) -> Finding:
    name = "coalitional" if pattern is None else environment.pattern_name(pattern)
    return _as_finding("interior_reward", name, interior_reward(environment, pattern or "coalitional", how.options))


def _indifference(environment: PayoffEnvironment, how: HowToSolve) -> Finding:
    found = conditional_no_total_indifference(environment, how.options)
    return _as_finding("conditional_no_total_indifference", "minimal", found)


def _interim(environment: PayoffEnvironment, condition: str, pattern: tuple[Coalition, ...]) -> Finding:
    """Decide whether truth in the direct mechanism withstands coalitions on the type space of the instance."""
    space = environment.type_space
    if space is None:
        raise ValueError("the instance has no type space: add the tables types and beliefs")
    found = interim_deviation(environment, direct_mechanism(environment), space, space.payoff_type, pattern)
    name = environment.pattern_name(pattern)
    if found is None:
        reason = "no coalition of types gains; impossible events leave beliefs about outsiders as they were"
        return Finding(condition, name, True, reason, "enumeration")
    who = environment.coalition_name(found.coalition)
    types = ", ".join(space.types[i][t] for i, t in zip(members(found.coalition), found.types, strict=True))
    reports = environment.members_name(found.coalition, found.messages)
    reason = f"{who} of types {types} gain by reporting {reports}"
    return Finding(condition, name, False, reason, "enumeration", margin=min(found.gains))


def _as_finding(condition: str, pattern: str, found: Interior) -> Finding:
    holds = {"true": True, "false": False, "undecided": None}[found.holds]
    return Finding(condition, pattern, holds, found.reason, found.method, margin=found.margin)


# --- tables ----------------------------------------------------------------------------------------------------------


def condition_table(found: Iterable[Finding]) -> pd.DataFrame:
    """Return the conditions, one a row."""
    rows = [(f.condition, f.pattern, HOLDS[f.holds], f.reason, f.method, f.margin) for f in found]
    columns = ["condition", "coalition_pattern", "holds", "reason", "method", "margin"]
    return pd.DataFrame(rows, columns=columns).astype({"margin": float})


def violation_table(environment: PayoffEnvironment, found: Iterable[Finding]) -> pd.DataFrame:
    """Return every misreport by which all members of a coalition gain, a member a row.

    Those that show that f is not weakly Pareto efficient stand among those of all coalitions.
    """
    rows = []
    for finding in found:
        if finding.condition == "weak_pareto_within_range":
            continue
        if finding.condition == "weak_pareto_within_range":
            continue
        for violation in finding.violations:
            group = violation.coalition
            true, reported = (environment.members_name(group, types) for types in (violation.true, violation.reported))
            for i, others, gain in zip(members(group), violation.others, violation.gains, strict=True):
                at = environment.profile_name(environment.profiles[others].tolist())
                name = environment.coalition_name(group)
                rows.append((finding.condition, finding.pattern, name, true, reported, environment.agents[i], gain, at))
    columns = [
        "condition",
        "coalition_pattern",
        "coalition",
        "true_profile",
        "reported_profile",
        "agent",
        "gain",
        "others_profile",
    ]
    return pd.DataFrame(rows, columns=columns)


def deception_table(environment: PayoffEnvironment, found: Iterable[Finding]) -> pd.DataFrame:
    """Return for every monotonicity condition that fails an unacceptable deception that nobody dissolves."""
    rows = [
        (
            finding.deception_name,
            environment.agents[i],
            environment.payoff_types[i][true],
            environment.payoff_types[i][r],
        )
        for finding in found
        if finding.holds is False and finding.monotonicity is not None and finding.monotonicity.deception is not None
        for i, own in enumerate(finding.monotonicity.deception)
        for true, reports in enumerate(own)
        for r in sorted(reports)
    ]
    return pd.DataFrame(rows, columns=["deception", "agent", "payoff_type", "reported_type"])


def whistle_tables(environment: PayoffEnvironment, found: Iterable[Finding]) -> dict[str, pd.DataFrame]:
    """Return who dissolves what, in order, and with which rewards: only weights that are not 0 are listed."""
    whistles, rewards = [], []
    for finding in found:
        verdict = finding.monotonicity
        for whistle in verdict.whistles if verdict is not None else ():
            key = (finding.condition, finding.pattern, *_named(environment, whistle))
            whistles.append((*key, whistle.round, whistle.blow.value))
            rewards += [(*key, whistle.round, *row) for row in _reward_rows(environment, whistle)]
    report = ["condition", "coalition_pattern", "coalition", "true_profile", "reported_profile"]
    return {
        "whistles": pd.DataFrame(whistles, columns=[*report, "round", "least_gain"]),
        "rewards": pd.DataFrame(rewards, columns=[*report, "round", "reward", "others_reported", "outcome", "weight"]),
    }


def _named(environment: PayoffEnvironment, whistle: Whistle) -> tuple[str, str, str]:
    group = whistle.coalition
    true, reported = (environment.members_name(group, types) for types in (whistle.true, whistle.reported))
    return environment.coalition_name(group), true, reported


def _reward_rows(environment: PayoffEnvironment, whistle: Whistle) -> Iterator[tuple[int, str, str, float]]:
    """Yield number of the reward, what the others report, outcome or ray, and its weight."""
    outsiders = environment.others(whistle.coalition)
    names = (*environment.outcomes, *environment.rays)
    for number, reward in enumerate(whistle.blow.rewards, 1):
        for types, weights in zip(environment.coalition_profiles(outsiders), reward.weights.tolist(), strict=True):
            others = environment.members_name(outsiders, types)
            yield from ((number, others, names[k], weight) for k, weight in enumerate(weights) if weight)


def verdict_table(verdicts: Iterable[TheoremVerdict]) -> pd.DataFrame:
    """Return what the theorems say, one a row."""
    rows = [(verdict.theorem, verdict.pattern, HOLDS[verdict.implementable], verdict.reason) for verdict in verdicts]
    return pd.DataFrame(rows, columns=["theorem", "coalition_pattern", "implementable", "reason"])
