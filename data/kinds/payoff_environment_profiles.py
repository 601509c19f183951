"""Profiles of payoff types, messages and types in the tables of a payoff environment, and lotteries over outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats, Ints
from breakaway.data.environment_checks import SUM_TOLERANCE
from breakaway.data.kinds.bargaining import missing_list
from breakaway.data.problems import SHOWN, Findings, suggestion
from breakaway.data.typed import Data, TypedTable, Types

Members = tuple[tuple[int, int], ...]
"""Agents, ascending, each with the number of its payoff type, message or type."""


@dataclass(frozen=True)
class Labels:
    """What every agent can be, send or have: ``names`` by agent, in the order of the table; ``noun`` is what it is."""

    agents: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    noun: str

    @classmethod
    def of(cls, data: Data, name: str, column: str, noun: str) -> Labels | None:
        """Read them from a table; None when the table is missing or some row of it cannot be identified."""
        table = data.tables.get(name)
        if table is None or table.unidentified() or "agent" not in data.domains:
            return None
        agents = data.domains["agent"]
        found: list[list[str]] = [[] for _ in agents]
        for agent, label in zip(agents_of(table, agents).tolist(), table.values(column), strict=True):
            found[agent].append(label)
        return cls(agents, tuple(map(tuple, found)), noun)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many every agent has."""
        return tuple(map(len, self.names))

    @property
    def count(self) -> int:
        """How many profiles there are."""
        return math.prod(self.sizes)

    def profile_name(self, number: int) -> str:
        """Write the profile of a number as ``a1:low|a2:high``."""
        return self.text(tuple(enumerate(map(int, np.unravel_index(number, self.sizes)))))

    def text(self, members: Members) -> str:
        """Write a profile of some agents as ``a1:low|a2:high``."""
        return "|".join(f"{self.agents[i]}:{self.names[i][k]}" for i, k in members)


def agents_of(table: TypedTable, agents: Sequence[str]) -> Ints:
    """Return the agent of every row, -1 where unusable, also of the table that names them."""
    cells = table.cells["agent"]
    distinct = [agents.index(value) if isinstance(value, str) else value for value in cells.distinct]
    return np.array([*distinct, -1], dtype=np.int64)[cells.codes]


def labels_of(table: TypedTable, column: str, labels: Labels, findings: Findings) -> Ints:
    """Return the number of every row's label among its agent's, -1 where unusable; report those unknown."""
    agents = agents_of(table, labels.agents)
    found = np.full(len(table), -1, dtype=np.int64)
    for row, (agent, label) in enumerate(zip(agents.tolist(), table.values(column), strict=True)):
        if agent < 0 or label is None:
            continue
        if label in labels.names[agent]:
            found[row] = labels.names[agent].index(label)
        else:
            message, remedy = _unknown(agent, label, labels)
            findings.add(table.file, message, remedy, row=table.rows[row], column=column, value=label)
    return found


def _unknown(agent: int, label: str, labels: Labels) -> tuple[str, str]:
    name, known = labels.agents[agent], labels.names[agent]
    return f"agent {name!r} has no {labels.noun} {label!r}", suggestion(label, known, f"{labels.noun}s of {name}")


def whole_profiles(table: TypedTable, column: str, labels: Labels, findings: Findings) -> Ints:
    """Return the number of the profile in every row, -1 where unusable; report what is no profile of all agents."""
    everyone = tuple(range(len(labels.agents)))
    numbers = np.full(len(table.cells[column].distinct) + 1, -1, dtype=np.int64)
    for k, members in enumerate(_numbered(table, column, labels, findings)):
        if members is not None and _names_all(table, column, k, members, everyone, labels, findings):
            numbers[k] = np.ravel_multi_index(tuple(own for _, own in members), labels.sizes)
    return numbers[table.cells[column].codes]


def partial_profiles(table: TypedTable, column: str, labels: Labels, findings: Findings) -> list[Members | None]:
    """Return the profile of some agents in every row, None where unusable; report unknown labels."""
    distinct = [*_numbered(table, column, labels, findings), None]
    return [distinct[code] for code in table.cells[column].codes.tolist()]


def _numbered(table: TypedTable, column: str, labels: Labels, findings: Findings) -> Iterator[Members | None]:
    """Yield every distinct profile of a column with numbers for labels, None when it has an unknown one."""
    for k, profile in enumerate(table.cells[column].distinct):
        unknown = [(i, label) for i, label in profile if label not in labels.names[i]]
        if unknown:
            for row in np.flatnonzero(table.cells[column].codes == k).tolist():
                message, remedy = _unknown(*unknown[0], labels)
                value = types_text(profile, labels.agents)
                findings.add(table.file, message, remedy, row=table.rows[row], column=column, value=value)
        yield None if unknown else tuple((i, labels.names[i].index(label)) for i, label in profile)


def types_text(profile: Types, agents: Sequence[str]) -> str:
    """Write a profile as it stands in a cell."""
    return "|".join(f"{agents[i]}:{label}" for i, label in profile)


def _names_all(
    table: TypedTable, column: str, k: int, members: Members, wanted: Sequence[int], labels: Labels, findings: Findings
) -> bool:
    """Tell whether a distinct profile names all agents; report its rows when it does not."""
    absent = [labels.agents[i] for i in wanted if i not in dict(members)]
    for row in np.flatnonzero(table.cells[column].codes == k).tolist() if absent else ():
        message = f"profile {labels.text(members)!r} gives {', '.join(absent)} no {labels.noun}"
        remedy = "name every agent, as in A:low|B:high"
        findings.add(table.file, message, remedy, row=table.rows[row], column=column, value=labels.text(members))
    return not absent


@dataclass(frozen=True)
class Sums:
    """Probabilities that must sum to 1 in every group of rows: their column, ``what`` they are, and whose."""

    column: str
    what: str
    names: Sequence[str]


def check_sums(table: TypedTable, sums: Sums, groups: Ints, weights: Floats, findings: Findings) -> None:
    """Report groups of rows (numbered; -1 for none) whose weights do not sum to 1, at their first row."""
    if table.unidentified() or (groups < 0).any() or not table.usable(sums.column).all():
        return
    found = np.bincount(groups, weights=weights, minlength=len(sums.names))
    for group in np.unique(groups).tolist():
        if abs(found[group] - 1.0) > SUM_TOLERANCE:
            row = int(np.argmax(groups == group))
            message = f"{sums.what} {sums.names[group]} sum to {found[group]:.12g}"
            findings.add(table.file, message, "make them sum to 1", row=table.rows[row], column=sums.column)


def check_all_listed(
    table: TypedTable, column: str, seen: NDArray[np.bool_], names: Sequence[str], what: str, findings: Findings
) -> None:
    """Report entries of which a table has no row."""
    absent = np.flatnonzero(~seen).tolist()
    if len(absent) > table.unidentified():
        message = missing_list(len(absent), [names[k] for k in absent[:SHOWN]], what)
        findings.add(table.file, message, f"add at least one row for each {what}", column=column)


def both_or_neither(data: Data, first: str, second: str, findings: Findings) -> bool:
    """Tell whether both of two tables are given; report one that lacks the other."""
    given = [name in data.given for name in (first, second)]
    if any(given) and not all(given):
        here, lacks = (first, second) if given[0] else (second, first)
        file = data.tables[here].file if here in data.tables else here
        findings.add(file, f"table {lacks!r} is missing: the two belong together", f"add it, or remove {here!r}")
    return all(given)


def everyone_has_some(table: TypedTable, labels: Labels, findings: Findings) -> bool:
    """Report agents without a message or type; tell whether there are none."""
    absent = [name for name, own in zip(labels.agents, labels.names, strict=True) if not own]
    for name in absent:
        remedy = "give it at least one row"
        findings.add(table.file, f"agent {name!r} has no {labels.noun}", remedy, column="agent", value=name)
    return not absent
