"""Monotonicity: whether every unacceptable deception is dissolved by a coalition, whatever its members believe.

Two exact methods ask :class:`~breakaway.runners.implementation.whistle.Whistles` for far fewer tests than there are
deceptions. That a coalition S with types theta_S dissolves a deception in which it reports theta'_S depends on the
deception of the outsiders only, and the less room that leaves, the easier it is.

*Elimination*, for whistle-blowers that are single agents (robust monotonicity, robust coalitional monotonicity):
deceptions that nobody dissolves are closed under union, so there is a largest one.

1. Start from the deception in which every type may report anything.
2. Delete a report that its agent would rather denounce, given what the others may still report.
3. Repeat until no report can be deleted: what remains is the largest deception that nobody dissolves.
4. The condition holds if and only if it is acceptable.

Truthful reports are never deleted: a reward that pays an honest agent among honest others would be no reward.

*Learned clauses*, for any coalition pattern, where the union of two deceptions may well be dissolved by a coalition:

1. Eliminate reports by single agents; where the rest is acceptable, the condition holds.
2. Search for an unacceptable deception within the rest that no clause forbids (a mixed-integer linear programme).
3. Where there is none, the condition holds, and the clauses prove it.
4. Look for a coalition that dissolves the deception found, the largest first; where there is none, the condition fails.
5. For every lie by which it does, give the outsiders as much room as lets it, and learn the clause. Go to 2.

A test without an answer counts as dissolved for the time being; where such a test matters the answer is undecided.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 5 and 8; the elimination follows the
iterative characterisation of robust monotonicity in Bergemann and Morris (2011), Robust Implementation in General
Mechanisms.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from pyomo.environ import ConcreteModel

from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import Deception, PayoffEnvironment, anything, unacceptable_reports
from breakaway.models import deception_search
from breakaway.models.deception_search import Clause
from breakaway.runners.implementation.incentives import in_order
from breakaway.runners.implementation.whistle import Blow, Whistles
from breakaway.runners.solvers import InfeasibleError, SolverOptions, solve_model

HONEST = "the lie may go well among honest outsiders"

Triple = tuple[Coalition, tuple[int, ...], tuple[int, ...]]
"""A coalition S, its types theta_S and its report theta'_S."""


@dataclass(frozen=True, eq=False)
class Whistle:
    """A coalition that dissolves deceptions.

    Attributes
    ----------
    coalition, true, reported
        S, theta_S and theta'_S.
    room
        The outsiders' part says how much they may report; with that or less S dissolves whatever has this lie.
    round
        Counted from 1: the pass of the elimination, then, counted on, the candidate that a clause was learned from.
    blow
        What the test says: least gain, reward.
    """

    coalition: Coalition
    true: tuple[int, ...]
    reported: tuple[int, ...]
    room: Deception
    round: int
    blow: Blow


@dataclass(frozen=True, eq=False)
class MonotonicityVerdict:
    """Whether a monotonicity condition holds, and why.

    Attributes
    ----------
    holds
        None: undecided.
    deception
        When the condition fails, an unacceptable deception that nobody dissolves. After an elimination always the
        largest deception that nobody dissolves, acceptable when the condition holds; undecided: that nobody is known to
        dissolve. Otherwise None.
    whistles
        Who dissolves what, in order: the proof when the condition holds.
    method
        "elimination", "learned clauses" or "enumeration".
    tests
        How many times a coalition, its lie and what the outsiders may report were looked at.
    """

    holds: bool | None
    deception: Deception | None
    whistles: list[Whistle]
    method: str
    tests: int = 0


@dataclass
class _Bench:
    """The environment, the tests made, and what came of them."""

    environment: PayoffEnvironment
    whistles: Whistles
    found: list[Whistle] = field(default_factory=list)
    tests: int = 0
    round: int = 0

    def test(self, triple: Triple, deception: Deception) -> Blow:
        """Ask whether a coalition dissolves a deception, and count."""
        self.tests += 1
        if cannot_dissolve(self.environment, triple, deception):
            return Blow(False, 0.0, HONEST, np.empty((0, 2), dtype=np.int64))
        return self.whistles.blows(*triple, deception)

    def note(self, triple: Triple, room: Deception, blow: Blow) -> None:
        """Keep a coalition that dissolves something."""
        self.found.append(Whistle(*triple, room, self.round, blow))

    def verdict(self, holds: bool | None, deception: Deception | None, method: str) -> MonotonicityVerdict:
        """Sum up."""
        return MonotonicityVerdict(holds, deception, self.found, method, self.tests)

    def accepts(self, deception: Deception) -> bool:
        """Tell whether a deception is acceptable."""
        return not len(unacceptable_reports(self.environment, deception))


def by_elimination(environment: PayoffEnvironment, whistles: Whistles) -> MonotonicityVerdict:
    """Decide a monotonicity condition in which only single agents blow the whistle.

    Parameters
    ----------
    environment
        The payoff environment.
    whistles
        The condition: kind ``minimal`` or ``coalitional``.

    Raises
    ------
    ValueError
        When coalitions of two or more may blow.
    """
    if any(len(members(coalition)) > 1 for coalition in whistles.coalitions):
        raise ValueError(
            "elimination is exact only where single agents blow the whistle; for other patterns use by_learned_clauses"
        )
    bench = _Bench(environment, whistles)
    rest = _eliminate(bench, anything(environment.sizes))
    if bench.accepts(rest):
        return bench.verdict(True, rest, "elimination")
    proven = len(bench.found)
    sure = _eliminate(bench, rest, leave_open=False)
    del bench.found[proven:]
    if bench.accepts(sure):
        return bench.verdict(None, rest, "elimination")
    return bench.verdict(False, sure, "elimination")


def by_learned_clauses(
    environment: PayoffEnvironment, whistles: Whistles, options: SolverOptions | None = None
) -> MonotonicityVerdict:
    """Decide robust S monotonicity for any coalition pattern; ``options`` are those of the search for deceptions."""
    bench = _Bench(environment, whistles)
    rest = _eliminate(bench, anything(environment.sizes))
    if bench.accepts(rest):
        return bench.verdict(True, None, "learned clauses")
    model = deception_search.build(environment, within=rest)
    left_open = False
    while True:
        bench.round += 1
        candidate = _candidate(model, environment, options)
        if candidate is None:
            return bench.verdict(None if left_open else True, None, "learned clauses")
        clauses = _dissolve(bench, candidate, rest)
        if not clauses:
            clauses = _unanswered(bench, candidate)
            left_open = True
        if not clauses:
            return bench.verdict(False, candidate, "learned clauses")
        for clause in clauses:
            deception_search.add_clause(model, environment, clause)


def lies(deception: Deception, coalition: Coalition) -> Iterator[Triple]:
    """Yield the types and reports that a deception allows a coalition, truthful ones included."""
    own = [[(t, r) for t, reports in enumerate(deception[i]) for r in sorted(reports)] for i in members(coalition)]
    for told in itertools.product(*own):
        yield coalition, tuple(t for t, _ in told), tuple(r for _, r in told)


def allows(deception: Deception, triple: Triple) -> bool:
    """Tell whether a deception allows a coalition with these types to report those."""
    return all(r in deception[i][t] for i, t, r in zip(members(triple[0]), triple[1], triple[2], strict=True))


def cannot_dissolve(environment: PayoffEnvironment, triple: Triple, deception: Deception) -> bool:
    """Tell whether a coalition cannot dissolve a deception because its lie may go well among honest outsiders.

    Where the outsiders may be honest at theta_-S and no member loses by the lie there, members who are sure of that ask
    for more than u_i(f(theta), theta), all of them; but a reward leaves some member of S no more than that.
    """
    coalition, true, reported = triple
    outsiders = members(environment.others(coalition))
    honest = np.array(
        [
            all(k in deception[j][k] for j, k in zip(outsiders, types, strict=True))
            for types in environment.coalition_profiles(environment.others(coalition))
        ]
    )
    told, lied = environment.with_members(coalition, true), environment.with_members(coalition, reported)
    own = environment.payoffs[list(members(coalition))]
    gains = own[:, told, lied] - own[:, told, told]
    return bool((honest & (gains >= 0).all(axis=0)).any())


# --- elimination ------------------------------------------------------------------------------------------------------


def _eliminate(bench: _Bench, start: Deception, leave_open: bool = True) -> Deception:
    """Delete reports that single agents denounce until none is left; tests without an answer delete nothing.

    With ``leave_open=False`` such tests delete: what is left then, nobody dissolves for sure.
    """
    deception, before = start, None
    looked_at: dict[Triple, Deception] = {}
    while deception != before:
        before = deception
        bench.round += 1
        for triple in _single_lies(deception):
            outsiders = _outsiders(deception, triple[0])
            if looked_at.get(triple) == outsiders:
                continue
            looked_at[triple] = outsiders
            blow = bench.test(triple, deception)
            if blow.holds or (blow.holds is None and not leave_open):
                bench.note(triple, deception, blow)
                deception = _without(deception, triple)
    return deception


def _single_lies(deception: Deception) -> list[Triple]:
    """Return the untruthful reports of a deception, agent by agent."""
    return [triple for i in range(len(deception)) for triple in lies(deception, 1 << i) if triple[1] != triple[2]]


def _outsiders(deception: Deception, coalition: Coalition) -> Deception:
    return tuple(own for i, own in enumerate(deception) if not coalition >> i & 1)


def _without(deception: Deception, triple: Triple) -> Deception:
    """Return a deception without a report of a single agent."""
    (agent,), (true,), (reported,) = members(triple[0]), triple[1], triple[2]
    return _changed(deception, agent, true, deception[agent][true] - {reported})


def _changed(deception: Deception, agent: int, true: int, reports: frozenset[int]) -> Deception:
    """Return a deception in which a type of an agent has other reports."""
    own = tuple(reports if t == true else old for t, old in enumerate(deception[agent]))
    return (*deception[:agent], own, *deception[agent + 1 :])


# --- learned clauses --------------------------------------------------------------------------------------------------


def _candidate(model: ConcreteModel, environment: PayoffEnvironment, options: SolverOptions | None) -> Deception | None:
    """Return a largest unacceptable deception that no clause forbids; None when that is proven not to exist."""
    try:
        solve_model(model, options)
    except InfeasibleError:
        return None
    return deception_search.found_deception(model, environment)


def _dissolve(bench: _Bench, candidate: Deception, rest: Deception) -> list[Clause]:
    """Return what is learned from a candidate: a clause for every lie by which one coalition dissolves it.

    Large coalitions come first: few outsiders make for easy tests and for clauses that settle much.
    """
    clauses = []
    for coalition in reversed(in_order(bench.whistles.coalitions)):
        for triple in lies(candidate, coalition):
            blow = bench.test(triple, candidate)
            if blow.holds:
                room, blow = _most_room(bench, triple, candidate, rest, blow)
                bench.note(triple, room, blow)
                clauses.append(Clause(*triple, room))
        if clauses:
            break
    return clauses


def _most_room(
    bench: _Bench, triple: Triple, candidate: Deception, rest: Deception, blow: Blow
) -> tuple[Deception, Blow]:
    """Return a deception with much room for the outsiders within the rest that a coalition still dissolves."""
    whole = bench.test(triple, rest)
    if whole.holds:
        return rest, whole
    room = candidate
    for j, own in enumerate(rest):
        if triple[0] >> j & 1:
            continue
        for true, reports in enumerate(own):
            for report in sorted(reports - room[j][true]):
                wider = _changed(room, j, true, room[j][true] | {report})
                answer = bench.test(triple, wider)
                if answer.holds:
                    room, blow = wider, answer
    return room, blow


def _unanswered(bench: _Bench, candidate: Deception) -> list[Clause]:
    """Return a clause for every coalition whose test against a candidate has no answer."""
    return [
        Clause(*triple, candidate)
        for coalition in bench.whistles.coalitions
        for triple in lies(candidate, coalition)
        if bench.test(triple, candidate).holds is None
    ]
