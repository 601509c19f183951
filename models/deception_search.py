"""Deception search: a deception that changes what the social choice function prescribes and that no clause forbids.

A deception lets every payoff type report some types. The search learns clauses: a coalition that dissolves one
deception dissolves all others that contain its lie and leave the outsiders no more room, so all of them are forbidden
at once. When no deception is left, somebody dissolves every unacceptable deception.

Sets: ``agents`` i; ``lies`` (i, t, r), reports r that type t of agent i may make at most; ``changes`` (p, q), true and
reported profiles that such reports allow and between which f differs; ``clauses`` k.
Parameters: none.
Variables: ``reports[i, t, r]`` b_itr in {0, 1}, whether r is in beta_i(t); ``change[p, q]`` w_pq >= 0, weights that
add up to 1.

Equations::

    (most reports)     maximise sum of b_itr
    (some report)      sum over r of b_itr >= 1                                      every agent i and type t
    (one change)       sum of w_pq = 1
    (change reported)  sum of w_pq over changes with p_i = t and q_i = r <= b_itr    every (i, t, r)
    (clause k)         sum over i in S of (1 - b_i,t(i),r(i)) + sum of b_jtr >= 1    (S, theta_S, theta'_S, beta_-S),
                       over outsiders j and reports r not in beta_j(t)               t(i) = theta_i, r(i) = theta'_i

A change of positive weight has all its reports allowed, because those b are at least that weight and binary: so the
deception is unacceptable, and w needs no integrality.

==========  =====================  ====
symbol      component              unit
==========  =====================  ====
b_itr       ``reports[i, t, r]``   none
w_pq        ``change[p, q]``       none
==========  =====================  ====

Exactness: exact, a mixed-integer linear programme. The objective asks for a largest deception, since what a coalition
dissolves with much room for the outsiders forbids most.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, sections 4.1 and 5.1 (deceptions, Definitions 5
and 8). The clauses are a conflict-driven search in the manner of logic-based Benders decomposition: Hooker and Ottosson
(2003), Logic-based Benders decomposition, Mathematical Programming 96.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import Deception, PayoffEnvironment, anything, unacceptable_reports


@dataclass(frozen=True, slots=True)
class Clause:
    """Forbids deceptions in which S with types theta_S may report theta'_S and the outsiders have no more room.

    Attributes
    ----------
    coalition
        S.
    true, reported
        theta_S and theta'_S, types of the members in ascending order.
    room
        A deception of which only the outsiders' part counts: the clause forbids what is within beta_-S.
    """

    coalition: Coalition
    true: tuple[int, ...]
    reported: tuple[int, ...]
    room: Deception


def build(
    environment: PayoffEnvironment, within: Deception | None = None, clauses: Sequence[Clause] = ()
) -> pyo.ConcreteModel:
    """Write the search for a largest unacceptable deception that no clause forbids.

    Parameters
    ----------
    environment
        Payoff types and f; utilities play no part.
    within
        A deception that contains all that are looked at; default: all reports.
    clauses
        What has been learned; :func:`add_clause` adds more.

    Raises
    ------
    ValueError
        When every deception within the given one is acceptable.
    """
    room = within or anything(environment.sizes)
    changes = unacceptable_reports(environment, room)
    if not len(changes):
        raise ValueError("every deception within the given one is acceptable: there is nothing to search")
    model = pyo.ConcreteModel(name="deception search")
    _add_lies(model, environment, room)
    _add_some_report(model)
    _add_changes(model, environment, changes.tolist())
    _add_one_change(model)
    _add_change_reported(model)
    _add_clauses(model)
    for clause in clauses:
        add_clause(model, environment, clause)
    _add_most_reports(model)
    return model


def add_clause(model: pyo.ConcreteModel, environment: PayoffEnvironment, clause: Clause) -> None:
    """Sum over S of (1 - b) + sum of b over the outsiders' reports that are not in the clause >= 1.

    A clause on a lie that the search does not allow anyway adds nothing.
    """
    names = environment.agents
    lie = zip(members(clause.coalition), clause.true, clause.reported, strict=True)
    told = [(names[i], *_type_names(environment, i, t, r)) for i, t, r in lie]
    if any(key not in model.lies for key in told):
        return
    beyond = [key for key in model.lies if _beyond(environment, clause, key)]
    left_out = pyo.quicksum(1 - model.reports[key] for key in told)
    model.clause.add(len(model.clause) + 1, left_out + pyo.quicksum(model.reports[key] for key in beyond) >= 1)


def found_deception(model: pyo.ConcreteModel, environment: PayoffEnvironment) -> Deception:
    """Return the deception at the solution held by the model."""
    return tuple(
        tuple(
            frozenset(r for r, report in enumerate(own) if _is_reported(model, (agent, true, report))) for true in own
        )
        for agent, own in zip(environment.agents, environment.payoff_types, strict=True)
    )


Lie = tuple[str, str, str]
"""Agent, true and reported payoff type, by name."""


def _type_names(environment: PayoffEnvironment, agent: int, true: int, reported: int) -> tuple[str, str]:
    own = environment.payoff_types[agent]
    return own[true], own[reported]


def _is_reported(model: pyo.ConcreteModel, lie: Lie) -> bool:
    return lie in model.lies and pyo.value(model.reports[lie]) > 0.5


def _beyond(environment: PayoffEnvironment, clause: Clause, lie: Lie) -> bool:
    """Tell whether a report is an outsider's that the room of a clause does not contain."""
    agent = environment.agents.index(lie[0])
    if clause.coalition >> agent & 1:
        return False
    own = environment.payoff_types[agent]
    return own.index(lie[2]) not in clause.room[agent][own.index(lie[1])]


def _add_lies(model: pyo.ConcreteModel, environment: PayoffEnvironment, room: Deception) -> None:
    """Agents i, their reports (i, t, r), and b_itr in {0, 1}."""
    model.agents = pyo.Set(initialize=environment.agents, doc="agents i")
    lies = [
        (environment.agents[i], *_type_names(environment, i, t, r))
        for i, own in enumerate(room)
        for t, reports in enumerate(own)
        for r in sorted(reports)
    ]
    model.lies = pyo.Set(initialize=lies, dimen=3, doc="reports r that type t of agent i may make at most")
    model.reports = pyo.Var(model.lies, within=pyo.Binary, doc="b_itr, whether type t of agent i may report r")


def _add_some_report(model: pyo.ConcreteModel) -> None:
    """Sum over r of b_itr >= 1."""
    choices: dict[tuple[str, str], list[Lie]] = defaultdict(list)
    for lie in model.lies:
        choices[lie[:2]].append(lie)

    def some(m: pyo.ConcreteModel, agent: str, true: str) -> object:
        return pyo.quicksum(m.reports[lie] for lie in choices[agent, true]) >= 1

    model.some_report = pyo.Constraint(list(choices), rule=some, doc="type t of agent i reports something")


def _add_changes(model: pyo.ConcreteModel, environment: PayoffEnvironment, changes: Sequence[Sequence[int]]) -> None:
    """w_pq >= 0 for the changes (p, q), f(p) != f(q)."""
    names = [environment.profile_name(profile) for profile in environment.profiles]
    model.changes = pyo.Set(
        initialize=[(names[p], names[q]) for p, q in changes],
        dimen=2,
        doc="true and reported profiles between which f differs",
    )
    model.change = pyo.Var(model.changes, bounds=(0, 1), doc="w_pq, weight of the change from p to q")
    model.change_lies = pyo.Set(
        model.changes,
        dimen=3,
        initialize={(names[p], names[q]): _lies_between(environment, p, q) for p, q in changes},
        doc="reports by which p is reported as q",
    )


def _lies_between(environment: PayoffEnvironment, true: int, reported: int) -> list[Lie]:
    pairs = zip(environment.profiles[true], environment.profiles[reported], strict=True)
    return [(environment.agents[i], *_type_names(environment, i, int(t), int(r))) for i, (t, r) in enumerate(pairs)]


def _add_one_change(model: pyo.ConcreteModel) -> None:
    """Sum of w_pq = 1."""
    model.one_change = pyo.Constraint(
        expr=pyo.quicksum(model.change.values()) == 1, doc="the deception changes what f prescribes"
    )


def _add_change_reported(model: pyo.ConcreteModel) -> None:
    """Sum of w_pq over changes that need a report <= b of that report."""
    through: dict[Lie, list[tuple[str, str]]] = defaultdict(list)
    for change in model.changes:
        for lie in model.change_lies[change]:
            through[lie].append(change)

    def reported(m: pyo.ConcreteModel, agent: str, true: str, report: str) -> object:
        lie = agent, true, report
        return pyo.quicksum(m.change[change] for change in through[lie]) <= m.reports[lie]

    model.change_reported = pyo.Constraint(list(through), rule=reported, doc="a change needs all its reports")


def _add_clauses(model: pyo.ConcreteModel) -> None:
    """Clauses k, none yet."""
    model.clause = pyo.Constraint(pyo.PositiveIntegers, doc="a deception that a coalition dissolves is forbidden")


def _add_most_reports(model: pyo.ConcreteModel) -> None:
    """Maximise sum of b_itr."""
    model.most_reports = pyo.Objective(
        expr=pyo.quicksum(model.reports.values()), sense=pyo.maximize, doc="as many reports as possible"
    )
