"""Type spaces of a payoff environment: payoff types of types, beliefs, and how beliefs are revised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.environment_checks import SUM_TOLERANCE
from breakaway.data.kinds.payoff_environment_profiles import (
    Labels,
    Members,
    Sums,
    agents_of,
    both_or_neither,
    check_all_listed,
    check_sums,
    everyone_has_some,
    labels_of,
    partial_profiles,
)
from breakaway.data.limits import MAX_TYPE_PROFILES
from breakaway.data.payoff_environment import Revision
from breakaway.data.problems import Findings
from breakaway.data.typed import Data, TypedTable


def check_type_space(data: Data, payoff_types: Labels, findings: Findings) -> None:
    """Report what is wrong with types, beliefs and revisions."""
    both = both_or_neither(data, "types", "beliefs", findings)
    if "revisions" in data.given and not both:
        file = data.tables["revisions"].file if "revisions" in data.tables else "revisions"
        findings.add(file, "beliefs are revised, but there is no type space", "add the tables types and beliefs")
    space, table = Labels.of(data, "types", "type", "type"), data.tables.get("types")
    if table is None:
        return
    own = labels_of(table, "payoff_type", payoff_types, findings)
    if space is None or not everyone_has_some(table, space, findings):
        return
    _check_onto(table, own, payoff_types, findings)
    if space.count > MAX_TYPE_PROFILES:
        message = f"{space.count:,} profiles of types: the limit is {MAX_TYPE_PROFILES:,}"
        findings.add(table.file, message, "leave out types", column="type")
    elif "beliefs" in data.tables:
        good = _check_beliefs(data.tables["beliefs"], space, findings)
        if "revisions" in data.tables:
            _check_revisions(data, space, good, findings)


def _check_onto(table: TypedTable, own: Ints, payoff_types: Labels, findings: Findings) -> None:
    """Report payoff types that no type has."""
    if (own < 0).any():
        return
    agents = agents_of(table, payoff_types.agents)
    for i, name in enumerate(payoff_types.agents):
        for k, label in enumerate(payoff_types.names[i]):
            if k not in own[agents == i]:
                message = f"no type of agent {name!r} has the payoff type {label!r}"
                findings.add(table.file, message, "give it to some type", column="payoff_type", value=label)


# --- beliefs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """The rows of a table of beliefs: whose, of which type, about which types of all others."""

    agents: Ints
    types: Ints
    others: tuple[Members, ...]

    @classmethod
    def of(cls, table: TypedTable, space: Labels, findings: Findings) -> Rows | None:
        """Read them; None, and problems, when some row is not about an agent, its type, and all others."""
        agents, own = agents_of(table, space.agents), labels_of(table, "type", space, findings)
        others = []
        for row, profile in enumerate(partial_profiles(table, "others", space, findings)):
            if profile is not None and agents[row] >= 0:
                wanted = [i for i in range(len(space.agents)) if i != agents[row]]
                if [i for i, _ in profile] == wanted:
                    others.append(profile)
                else:
                    names = " and ".join(space.agents[i] for i in wanted)
                    message = f"{space.text(profile)!r} is no profile of the other agents, who are {names}"
                    _report(table, row, "others", message, "name each of them once, and no one else", findings)
        complete = len(others) == len(table) and bool((own >= 0).all())
        return cls(agents, own, tuple(others)) if complete else None

    def place(self, row: int) -> tuple[int, ...]:
        """Return the others' types of a row, in the order of the agents."""
        return tuple(k for _, k in self.others[row])


def _report(table: TypedTable, row: int, column: str, message: str, remedy: str, findings: Findings) -> None:
    findings.add(table.file, message, remedy, row=table.rows[row], column=column)


def _check_beliefs(table: TypedTable, space: Labels, findings: Findings) -> bool:
    """Report beliefs that are missing, not about all others, or do not sum to 1; tell whether all can be read."""
    rows = Rows.of(table, space, findings)
    if rows is None:
        return False
    offsets = np.cumsum([0, *space.sizes])
    groups = offsets[rows.agents] + rows.types
    names = [f"{label!r} of {name!r}" for name, own in zip(space.agents, space.names, strict=True) for label in own]
    seen = np.isin(np.arange(offsets[-1]), groups)
    check_all_listed(table, "type", seen, names, "belief", findings)
    sums = Sums("probability", "the probabilities of", names)
    check_sums(table, sums, groups, table.numbers("probability"), findings)
    return bool(seen.all() and table.usable("probability").all())


def belief_arrays(table: TypedTable, space: Labels) -> tuple[Floats, ...]:
    """Return the beliefs of every agent, shape (own types, types of the first other, ..., of the last)."""
    rows = Rows.of(table, space, Findings())
    assert rows is not None
    found = tuple(np.zeros((size, *_others(space, i))) for i, size in enumerate(space.sizes))
    for row, probability in enumerate(table.numbers("probability").tolist()):
        found[rows.agents[row]][(rows.types[row], *rows.place(row))] = probability
    return found


def _others(space: Labels, agent: int) -> tuple[int, ...]:
    return tuple(size for i, size in enumerate(space.sizes) if i != agent)


# --- revised beliefs --------------------------------------------------------------------------------------------------


def _check_revisions(data: Data, space: Labels, beliefs_are_good: bool, findings: Findings) -> None:
    """Report revised beliefs that contradict what is observed or the belief itself, or do not sum to 1."""
    table = data.tables["revisions"]
    rows = Rows.of(table, space, findings)
    members = partial_profiles(table, "coalition_types", space, findings)
    if rows is None or any(found is None for found in members):
        return
    observed = [found for found in members if found is not None]
    beliefs = belief_arrays(data.tables["beliefs"], space) if beliefs_are_good else None
    for row, seen in enumerate(observed):
        problem = _contradiction(rows, row, seen, space, beliefs)
        if problem is not None:
            _report(table, row, *problem, findings)
    keys = [(rows.agents[row], rows.types[row], seen) for row, seen in enumerate(observed)]
    numbers = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    groups = np.array([numbers[key] for key in keys], dtype=np.int64)
    names = [f"{space.names[i][k]!r} of {space.agents[i]!r} after {space.text(seen)}" for i, k, seen in numbers]
    sums = Sums("probability", "the probabilities of", names)
    check_sums(table, sums, groups, table.numbers("probability"), findings)


def _contradiction(
    rows: Rows, row: int, seen: Members, space: Labels, beliefs: tuple[Floats, ...] | None
) -> tuple[str, str, str] | None:
    """Return the column, what is wrong and the remedy; None when a row contradicts nothing."""
    agent, own = int(rows.agents[row]), int(rows.types[row])
    name = space.agents[agent]
    if agent in dict(seen):
        return "coalition_types", f"{name!r} observes its own type", "name other members of the coalition only"
    if not set(seen) <= set(rows.others[row]):
        message = f"{space.text(seen)} is observed, but the belief is about {space.text(rows.others[row])}"
        return "others", message, "what is observed must have probability 1: repeat its types"
    if beliefs is None:
        return None
    chance = float(_observed(beliefs[agent][own], agent, seen).sum())
    if chance <= SUM_TOLERANCE:
        return None
    message = f"type {space.names[agent][own]!r} of {name!r} gives {space.text(seen)} the probability {chance:.12g}"
    return "coalition_types", message, "remove the row: Bayes' rule says what it then believes"


def _observed(belief: Floats, agent: int, seen: Members) -> Floats:
    """Return the part of a belief where some of the others have given types."""
    place: list[int | slice] = [slice(None)] * belief.ndim
    for other, k in seen:
        place[other - (other > agent)] = k
    return belief[tuple(place)]


def revisions(table: TypedTable, space: Labels) -> tuple[Revision, ...]:
    """Return the revised beliefs in the order of the table."""
    rows = Rows.of(table, space, Findings())
    assert rows is not None
    found: dict[tuple[int, int, Members], Floats] = {}
    for row, seen in enumerate(partial_profiles(table, "coalition_types", space, Findings())):
        assert seen is not None
        agent, own = int(rows.agents[row]), int(rows.types[row])
        belief = found.setdefault((agent, own, seen), np.zeros(_others(space, agent)))
        belief[rows.place(row)] = table.numbers("probability")[row]
    return tuple(Revision(agent, own, seen, belief) for (agent, own, seen), belief in found.items())
