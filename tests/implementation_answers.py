"""Tables of answers about implementation, made from the conditions' own functions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import PayoffEnvironment, maximal_pattern, minimal_pattern
from breakaway.runners.implementation.incentives import coalition_violations
from breakaway.runners.implementation.monotonicity import by_elimination, by_learned_clauses
from breakaway.runners.implementation.whistle import Whistles

REPORT = ["condition", "coalition", "true_profile", "reported_profile"]
WORDS = {True: "true", False: "false", None: "undecided"}
COLUMNS = {
    "conditions": ["condition", "coalition_pattern", "holds"],
    "violations": [*REPORT, "agent", "others_profile", "gain"],
    "deceptions": ["deception", "agent", "payoff_type", "reported_type"],
    "whistles": [*REPORT, "round", "least_gain"],
    "rewards": [*REPORT, "round", "reward", "others_reported", "outcome", "weight"],
    "verdict": ["theorem", "coalition_pattern", "implementable", "reason"],
}


def tables_of(environment: PayoffEnvironment, interior: bool | None = None) -> dict[str, pd.DataFrame]:
    """Return the tables of an answer; the interior reward property is taken to be as given."""
    lines: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
    n, own = len(environment), environment.pattern
    name = environment.pattern_name(own)
    holds: dict[str, bool | None] = {}
    for condition, pattern in (
        ("ex_post_ic", minimal_pattern(n)),
        ("robust_coalitional_ic", maximal_pattern(n)),
        ("robust_s_ic", own),
    ):
        holds[condition] = _compatibility(environment, condition, pattern, lines)
    for condition, kind in (
        ("robust_monotonicity", "minimal"),
        ("robust_coalitional_monotonicity", "coalitional"),
        ("robust_s_monotonicity", "pattern"),
    ):
        holds[condition] = _monotonicity(environment, condition, kind, lines)
    patterns = {"ex_post_ic": "minimal", "robust_monotonicity": "minimal", "robust_s_ic": name}
    patterns["robust_s_monotonicity"] = name
    lines["conditions"] = [(one, patterns.get(one, "maximal"), WORDS[value]) for one, value in holds.items()]
    lines["conditions"] += [("interior_reward", one, WORDS[interior]) for one in dict.fromkeys(("coalitional", name))]
    first, second = _verdicts(environment, holds, interior)
    lines["verdict"] = [("1", "maximal", WORDS[first], "why"), ("2", name, WORDS[second], "why")]
    return {table: pd.DataFrame(rows, columns=COLUMNS[table]) for table, rows in lines.items()}


def _verdicts(
    environment: PayoffEnvironment, holds: dict[str, bool | None], interior: bool | None
) -> tuple[bool | None, bool | None]:
    """Return what Theorems 1 and 2 say.

    Where only single agents and everybody can form coalitions, a deception that nobody dissolves rules implementation
    out when it contains the truth. What is constant is implemented by asking nobody.
    """
    if not environment.differs.any():
        return True, True
    first = _verdict([holds["robust_coalitional_ic"], holds["robust_coalitional_monotonicity"]], interior)
    fatal = _is_fatal(environment)
    monotone = holds["robust_s_monotonicity"] if fatal or holds["robust_s_monotonicity"] else None
    return first, True if first else _verdict([holds["robust_s_ic"], monotone], interior)


def _is_fatal(environment: PayoffEnvironment) -> bool:
    if environment.pattern_name(environment.pattern) == "minimal":
        return True
    if [one for one in environment.pattern if one.bit_count() > 1] != [(1 << len(environment)) - 1]:
        return False
    deception = by_learned_clauses(environment, Whistles(environment, "pattern")).deception
    return deception is not None and all(t in reports for own in deception for t, reports in enumerate(own))


def _verdict(needed: list[bool | None], interior: bool | None) -> bool | None:
    if False in needed:
        return False
    return True if None not in needed and interior else None


def _report(environment: PayoffEnvironment, one: Any) -> tuple[str, str, str]:
    names = [environment.members_name(one.coalition, types) for types in (one.true, one.reported)]
    return (environment.coalition_name(one.coalition), names[0], names[1])


def _compatibility(
    environment: PayoffEnvironment, condition: str, pattern: tuple[int, ...], lines: dict[str, list[Any]]
) -> bool:
    found = coalition_violations(environment, pattern)
    for one in found:
        for i, others, gain in zip(members(one.coalition), one.others, one.gains, strict=True):
            at = environment.profile_name(environment.profiles[others].tolist())
            row = (condition, *_report(environment, one), environment.agents[i], at, gain)
            lines["violations"].append(row)
    return not found


def _monotonicity(
    environment: PayoffEnvironment, condition: str, kind: Any, lines: dict[str, list[Any]]
) -> bool | None:
    whistles = Whistles(environment, kind)
    single = kind != "pattern" or environment.pattern_name(environment.pattern) == "minimal"
    found = (by_elimination if single else by_learned_clauses)(environment, whistles)
    for one in found.whistles:
        key = (condition, *_report(environment, one), one.round)
        lines["whistles"].append((*key, one.blow.value))
        outsiders = environment.others(one.coalition)
        for number, reward in enumerate(one.blow.rewards, 1):
            for types, weights in zip(environment.coalition_profiles(outsiders), reward.weights.tolist(), strict=True):
                others = environment.members_name(outsiders, types)
                names = (*environment.outcomes, *environment.rays)
                pairs = zip(names, weights, strict=True)
                lines["rewards"] += [(*key[:4], one.round, number, others, name, w) for name, w in pairs if w]
    if found.holds is False and found.deception is not None:
        for i, own in enumerate(found.deception):
            names = environment.payoff_types[i]
            rows = [(names[t], names[r]) for t, reports in enumerate(own) for r in sorted(reports)]
            lines["deceptions"] += [(condition, environment.agents[i], *row) for row in rows]
    return found.holds
