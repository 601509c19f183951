"""What a payoff environment must satisfy beyond single cells."""

from __future__ import annotations

import numpy as np

from breakaway.data.kinds.payoff_environment_beliefs import check_type_space
from breakaway.data.kinds.payoff_environment_profiles import (
    Labels,
    Sums,
    both_or_neither,
    check_all_listed,
    check_sums,
    everyone_has_some,
    whole_profiles,
)
from breakaway.data.kinds.payoff_environment_utilities import Outcomes, check_utilities
from breakaway.data.limits import MAX_MECHANISM_ENTRIES, MAX_PAYOFF_AGENTS, MAX_PAYOFF_PROFILES
from breakaway.data.problems import Findings
from breakaway.data.typed import Data


def check(data: Data, findings: Findings) -> None:
    """Report everything that is wrong beyond single cells."""
    types = Labels.of(data, "payoff_types", "payoff_type", "payoff type")
    outcomes = Outcomes.of(data)
    if types is not None:
        _check_pattern(data, types, findings)
        if not _check_size(data, types, findings):
            return
    _check_outcomes(data, outcomes, findings)
    if types is not None and outcomes is not None:
        check_utilities(data, types, outcomes, findings)
        _check_social_choice(data, types, outcomes, findings)
    if outcomes is not None:
        _check_mechanism(data, outcomes, findings)
    if types is not None:
        check_type_space(data, types, findings)


def _check_size(data: Data, types: Labels, findings: Findings) -> bool:
    """Report environments with too few or too many agents, or too many profiles; tell whether there is no such."""
    n, table = len(types.agents), data.tables["payoff_types"]
    problem = None
    if n == 1:
        problem = "1 agent: a coalition needs at least 2", "add the payoff types of other agents"
    elif n > MAX_PAYOFF_AGENTS:
        problem = f"{n} agents: the limit is {MAX_PAYOFF_AGENTS}", "merge or leave out agents"
    elif types.count > MAX_PAYOFF_PROFILES:
        message = f"{types.count:,} profiles of payoff types: the limit is {MAX_PAYOFF_PROFILES:,}"
        problem = message, "leave out agents or payoff types"
    if problem is not None:
        findings.add(table.file, *problem, column="agent" if n != 1 else None)
    return problem is None


def _check_outcomes(data: Data, outcomes: Outcomes | None, findings: Findings) -> None:
    if outcomes is not None and not outcomes.vertices:
        file = data.tables["outcomes"].file
        remedy = "give at least one outcome the role vertex: rays only move outcomes"
        findings.add(file, "every outcome is a ray", remedy, column="role")


# --- the social choice function and the pattern -----------------------------------------------------------------------


def _check_social_choice(data: Data, types: Labels, outcomes: Outcomes, findings: Findings) -> None:
    table = data.tables.get("social_choice")
    if table is None:
        return
    places = outcomes.places(table)
    for row in np.flatnonzero(places >= outcomes.vertices).tolist():
        name = outcomes.names[places[row]]
        message = f"{name!r} is a ray, which no lottery can hold"
        remedy = "name a vertex; what is moved along a ray can be a vertex of its own"
        findings.add(table.file, message, remedy, row=table.rows[row], column="outcome", value=name)
    numbers = whole_profiles(table, "profile", types, findings)
    names = [types.profile_name(p) for p in range(types.count)]
    sums = Sums("probability", "the probabilities at", names)
    check_sums(table, sums, numbers, table.numbers("probability"), findings)
    if (numbers >= 0).all():
        seen = np.isin(np.arange(types.count), numbers)
        check_all_listed(table, "profile", seen, names, "profile", findings)


def _check_pattern(data: Data, types: Labels, findings: Findings) -> None:
    """Report a pattern that is not as the parameter says, or lacks a single agent."""
    pattern, table = data.parameters.get("coalition_pattern"), data.tables.get("coalitions")
    file, line = data.place("coalition_pattern")
    listed = "coalitions" in data.given
    if pattern == "listed" and not listed:
        message, remedy = "no coalitions are listed", "add the table coalitions, or choose maximal or minimal"
        findings.add(file, message, remedy, row=line, column="coalition_pattern")
    if pattern in ("maximal", "minimal") and listed:
        message = f"coalitions are listed, but the coalition pattern is {pattern!r}"
        remedy = 'set coalition_pattern = "listed", or remove the table coalitions'
        findings.add(file, message, remedy, row=line, column="coalition_pattern")
    if table is None or table.unidentified():
        return
    given = set(table.values("coalition"))
    for agent, name in enumerate(types.agents):
        if 1 << agent not in given:
            message = f"the pattern lacks the single agent {name!r}"
            findings.add(table.file, message, "list every agent alone: it can always act alone", column="coalition")


# --- the mechanism ----------------------------------------------------------------------------------------------------


def _check_mechanism(data: Data, outcomes: Outcomes, findings: Findings) -> None:
    if not both_or_neither(data, "messages", "outcome_function", findings):
        return
    messages, table = Labels.of(data, "messages", "message", "message"), data.tables.get("outcome_function")
    if messages is None or table is None:
        return
    if not everyone_has_some(data.tables["messages"], messages, findings):
        return
    if messages.count * len(outcomes.names) > MAX_MECHANISM_ENTRIES:
        message = f"{messages.count:,} profiles of messages: the limit is {MAX_MECHANISM_ENTRIES:,}, times outcomes"
        findings.add(data.tables["messages"].file, message, "leave out messages", column="message")
        return
    numbers = whole_profiles(table, "message_profile", messages, findings)
    names = [messages.profile_name(p) for p in range(messages.count)]
    seen = np.isin(np.arange(messages.count), numbers)
    if (numbers >= 0).all():
        check_all_listed(table, "message_profile", seen, names, "message profile", findings)
    on_vertices = np.where(outcomes.places(table) < outcomes.vertices, table.numbers("weight"), 0.0)
    sums = Sums("weight", "the weights of vertices at", names)
    check_sums(table, sums, numbers, on_vertices, findings)
