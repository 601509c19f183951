"""The tables of an answer about implementation as records: names of coalitions, profiles and patterns into numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, parse_coalition
from breakaway.data.payoff_environment import PayoffEnvironment, maximal_pattern, minimal_pattern
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.tables import label, number, rows
from breakaway.runners.verify.whistles import Allowed

Pattern: TypeAlias = tuple[Coalition, ...]
Report: TypeAlias = tuple[str, Coalition, tuple[int, ...], tuple[int, ...]]
"""A condition, a coalition, its types and what it reports."""

WORDS = {"true": True, "false": False, "undecided": None}


@dataclass(frozen=True)
class Condition:
    """What is said of one condition for one pattern; ``holds`` is None where it is undecided."""

    name: str
    pattern: str
    holds: bool | None


@dataclass
class Reader:
    """Reads names of one environment; None for what is unknown."""

    environment: PayoffEnvironment
    _profiles: dict[Coalition, dict[str, tuple[int, ...]]] = field(default_factory=dict)

    def coalition(self, text: object) -> Coalition | None:
        """Return the coalition that a text names."""
        try:
            return parse_coalition(label(text), self.environment.agents)
        except ValueError:
            return None

    def types(self, coalition: Coalition, text: object) -> tuple[int, ...] | None:
        """Return the payoff types of members that a text names; of nobody where there are no members."""
        if coalition not in self._profiles:
            known = self.environment.coalition_profiles(coalition)
            self._profiles[coalition] = {self.environment.members_name(coalition, types): types for types in known}
        return self._profiles[coalition].get("" if blank(text) else label(text))

    def agent(self, text: object) -> int | None:
        """Return the number of an agent."""
        names = self.environment.agents
        return names.index(label(text)) if label(text) in names else None

    def type(self, agent: int, text: object) -> int | None:
        """Return the number of a payoff type."""
        names = self.environment.payoff_types[agent]
        return names.index(label(text)) if label(text) in names else None

    def pattern(self, text: object) -> Pattern | None:
        """Return the coalitions of a pattern, ascending."""
        alone, name = minimal_pattern(len(self.environment)), label(text)
        if name == "minimal":
            return alone
        if name in ("maximal", "coalitional"):
            return maximal_pattern(len(self.environment))
        joint = [self.coalition(part) for part in name.split("|")]
        return None if None in joint else tuple(sorted({*alone, *(part for part in joint if part is not None)}))

    def report(self, condition: object, coalition: object, true: object, reported: object) -> Report | None:
        """Return a coalition that reports something else than its types."""
        group = self.coalition(coalition)
        if group is None:
            return None
        own, said = self.types(group, true), self.types(group, reported)
        return None if own is None or said is None else (label(condition), group, own, said)


def blank(cell: object) -> bool:
    """Tell whether a cell holds nothing."""
    return cell is None or cell == "" or (isinstance(cell, float) and np.isnan(cell))


def word(cell: object) -> str:
    """Return true, false or undecided as a text, also where the cell holds a flag."""
    return label(cell).lower()


Tables: TypeAlias = Mapping[str, pd.DataFrame]
Verdicts: TypeAlias = dict[tuple[str, str], Condition]


def read_conditions(reader: Reader, tables: Tables, ledger: Ledger) -> Verdicts:
    """Read what is said of every condition."""
    claim, found = ledger.claim("conditions table readable"), {}
    for name, pattern, holds in rows(tables, "conditions", ("condition", "coalition_pattern", "holds"), ledger):
        key = (label(name), label(pattern))
        known = word(holds) in WORDS and reader.pattern(pattern) is not None and key not in found
        if claim.check(known, f"{key[0]}, {key[1]}: unknown pattern, neither true nor false nor undecided, or twice"):
            found[key] = Condition(*key, WORDS[word(holds)])
    return found


def read_violations(
    reader: Reader, tables: Tables, ledger: Ledger
) -> dict[Report, dict[int, tuple[tuple[int, ...], float]]]:
    """Read, for every report by which a coalition gains, each member's profile and gain."""
    columns = (*REPORT, "agent", "others_profile", "gain")
    claim, everybody = ledger.claim("violations table readable"), (1 << len(reader.environment)) - 1
    found: dict[Report, dict[int, tuple[tuple[int, ...], float]]] = {}
    for line in rows(tables, "violations", columns, ledger):
        report, agent = reader.report(*line[:4]), reader.agent(line[4])
        profile, gain = reader.types(everybody, line[5]), number(line[6])
        if report is None or agent is None or profile is None or gain is None or not report[1] >> agent & 1:
            claim.fail(f"violations: {', '.join(map(str, line))} names nothing known, or no member")
            continue
        fresh = agent not in found.setdefault(report, {})
        if claim.check(fresh, f"violations: {', '.join(map(str, line))} appears twice"):
            found[report][agent] = (profile, gain)
    return found


REPORT = ("condition", "coalition", "true_profile", "reported_profile")


def read_deceptions(reader: Reader, tables: Tables, ledger: Ledger) -> dict[str, Allowed]:
    """Read the deceptions by name."""
    claim = ledger.claim("deceptions table readable")
    found: dict[str, Allowed] = {}
    for line in rows(tables, "deceptions", ("deception", "agent", "payoff_type", "reported_type"), ledger):
        agent = reader.agent(line[1])
        own, said = (None, None) if agent is None else (reader.type(agent, line[2]), reader.type(agent, line[3]))
        if agent is None or own is None or said is None:
            claim.fail(f"deceptions: {', '.join(map(str, line))} names nothing known")
            continue
        sizes = reader.environment.sizes
        allowed = found.setdefault(label(line[0]), [np.zeros((size, size), dtype=bool) for size in sizes])
        claim.check(not allowed[agent][own, said], f"deceptions: {', '.join(map(str, line))} appears twice")
        allowed[agent][own, said] = True
    return found


@dataclass(frozen=True, eq=False)
class Listed:
    """A whistle-blower as listed: who, its round, its least gain."""

    report: Report
    round: int
    least: float


def read_whistles(reader: Reader, tables: Tables, ledger: Ledger) -> list[Listed]:
    """Read the whistle-blowers in the order in which they are listed."""
    claim, found = ledger.claim("whistles table readable"), []
    seen: set[tuple[Report, int]] = set()
    for line in rows(tables, "whistles", (*REPORT, "round", "least_gain"), ledger):
        report, at, least = reader.report(*line[:4]), number(line[4]), number(line[5])
        if report is None or at is None or least is None:
            claim.fail(f"whistles: {', '.join(map(str, line))} names nothing known, or lacks a number")
            continue
        if claim.check((report, int(at)) not in seen, f"whistles: {', '.join(map(str, line))} appears twice"):
            seen.add((report, int(at)))
            found.append(Listed(report, int(at), least))
    return found


Menus: TypeAlias = dict[tuple[Report, int | None], dict[int, Floats]]


def read_rewards(reader: Reader, tables: Tables, ledger: Ledger) -> Menus:
    """Read the rewards of every whistle-blower by their numbers; the round is None where none is given."""
    claim, environment = ledger.claim("rewards table readable"), reader.environment
    frame = tables.get("rewards", pd.DataFrame())
    more = [name for name in ("round", "reward") if name in frame.columns]
    place = {name: k for k, name in enumerate((*environment.outcomes, *environment.rays))}
    found: Menus = {}
    columns = (*REPORT, "others_reported", "outcome", "weight", *more)
    for line in rows(tables, "rewards", columns, ledger):
        extra: dict[str, Any] = dict(zip(more, line[7:], strict=True))
        at, which = number(extra.get("round", 0)), number(extra.get("reward", 1))
        report, column, weight = reader.report(*line[:4]), place.get(label(line[5])), number(line[6])
        told = None if report is None else reader.types(environment.others(report[1]), line[4])
        if report is None or told is None or column is None or weight is None or at is None or which is None:
            claim.fail(f"rewards: {', '.join(map(str, line))} names nothing known, or lacks a number")
            continue
        menu = found.setdefault((report, int(at) if "round" in extra else None), {})
        sizes = [environment.sizes[j] for j in range(len(environment)) if not report[1] >> j & 1]
        row = int(np.ravel_multi_index(told, tuple(sizes))) if sizes else 0
        weights = menu.setdefault(int(which), np.full((int(np.prod(sizes, initial=1)), len(place)), np.nan))
        if claim.check(bool(np.isnan(weights[row, column])), f"rewards: {', '.join(map(str, line))} appears twice"):
            weights[row, column] = weight
    return {key: {k: np.nan_to_num(weights) for k, weights in menu.items()} for key, menu in found.items()}
