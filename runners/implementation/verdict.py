"""What the theorems say: implementable by sufficiency, not implementable by necessity, or undecided.

Theorem 1 (robust coalitional implementation, whatever coalitions form): robust coalitional incentive compatibility,
robust coalitional monotonicity and the interior coalitional reward property suffice; the first two are necessary.

Theorem 2 (robust S implementation for a given pattern): robust S incentive compatibility, robust S monotonicity and
the interior S reward property suffice. The first is necessary. So is the second for the minimal pattern; where only
single agents and all agents together can form coalitions, a deception that contains the truth and that nobody
dissolves is fatal; for other patterns nothing is concluded from it. What is robustly coalitionally implementable is
robustly S implementable for every S, and a constant f is both.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Theorems 1 and 2, Propositions 1 and 2; Bergemann
and Morris (2011) for the minimal pattern. The proofs of what is new are in docs/patterns.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from breakaway.data.coalitions import Coalition, grand_coalition
from breakaway.data.payoff_environment import Deception, PayoffEnvironment
from breakaway.runners.implementation.incentives import in_order
from breakaway.runners.implementation.monotonicity import MonotonicityVerdict, lies
from breakaway.runners.implementation.whistle import Whistles


class Verdict(NamedTuple):
    """Whether a social choice function is implementable (None: undecided), and why in one sentence."""

    implementable: bool | None
    reason: str


CONSTANT = Verdict(True, "f is constant: a mechanism in which nobody is asked anything implements it")


def is_constant(environment: PayoffEnvironment) -> bool:
    """Tell whether f prescribes the same lottery at all profiles."""
    return not environment.differs.any()


def theorem_1(
    environment: PayoffEnvironment, incentives: bool | None, monotonicity: bool | None, interior: bool | None
) -> Verdict:
    """Judge robust coalitional implementation.

    Parameters
    ----------
    environment
        The payoff environment; its own pattern plays no part.
    incentives, monotonicity, interior
        Robust coalitional incentive compatibility, robust coalitional monotonicity and the interior coalitional reward
        property: True, False, or None where undecided.
    """
    if is_constant(environment):
        return CONSTANT
    if incentives is False:
        return Verdict(False, "a coalition gains by misreporting together, so truth is no equilibrium (Proposition 1)")
    if monotonicity is False:
        return Verdict(False, "no single agent dissolves some unacceptable deception (Proposition 2)")
    return _sufficient(incentives, monotonicity, interior, "Theorem 1", "coalitional ")


def theorem_2(
    environment: PayoffEnvironment,
    pattern: Sequence[Coalition],
    incentives: bool | None,
    monotonicity: MonotonicityVerdict | None,
    interior: bool | None,
    whatever_forms: bool | None = None,
) -> Verdict:
    """Judge robust S implementation for a coalition pattern.

    Parameters
    ----------
    environment
        The payoff environment; its own pattern plays no part.
    pattern
        S, the coalitions that can form.
    incentives, interior
        Robust S incentive compatibility and the interior S reward property: True, False, or None where undecided.
    monotonicity
        What is known of robust S monotonicity; None: nothing. Its deception counts where it contains the truth, see
        :func:`with_truth`.
    whatever_forms
        The verdict of Theorem 1.
    """
    if is_constant(environment):
        return CONSTANT
    if incentives is False:
        return Verdict(False, "a coalition that can form gains by misreporting, so truth is no equilibrium")
    if monotonicity is not None and monotonicity.holds is False and is_fatal(environment, pattern, monotonicity):
        return Verdict(False, "no coalition that can form dissolves some unacceptable deception: a bad equilibrium")
    if whatever_forms:
        return Verdict(True, "implementable whatever coalitions form, by Theorem 1")
    return _sufficient(incentives, monotonicity.holds if monotonicity else None, interior, "Theorem 2", "")


def _sufficient(
    incentives: bool | None, monotonicity: bool | None, interior: bool | None, theorem: str, which: str
) -> Verdict:
    if incentives and monotonicity and interior:
        return Verdict(True, f"all conditions of {theorem} hold")
    if incentives and monotonicity:
        open_ = "fails, and is not necessary" if interior is False else "was left open"
        return Verdict(None, f"everything else holds, but the interior {which}reward property {open_}")
    if monotonicity is False:
        return Verdict(None, "monotonicity fails, which is not known to be necessary for this pattern")
    return Verdict(None, "incentive compatibility or monotonicity was left open")


# --- deceptions that are fatal ----------------------------------------------------------------------------------------


def is_fatal(environment: PayoffEnvironment, pattern: Sequence[Coalition], monotonicity: MonotonicityVerdict) -> bool:
    """Tell whether a failure of monotonicity proves that f is not robustly S implementable."""
    larger = {coalition for coalition in pattern if coalition.bit_count() > 1}
    if not larger:
        return True
    deception = monotonicity.deception
    return larger == {grand_coalition(len(environment))} and deception is not None and contains_truth(deception)


def contains_truth(deception: Deception) -> bool:
    """Tell whether every type may report itself."""
    return all(own in reports for agent in deception for own, reports in enumerate(agent))


def with_truth(whistles: Whistles, verdict: MonotonicityVerdict) -> MonotonicityVerdict:
    """Return a verdict with the truth added to its deception, if nobody dissolves that either; else the verdict.

    ``whistles`` are those of the condition that was judged.
    """
    if verdict.holds is not False or verdict.deception is None or contains_truth(verdict.deception):
        return verdict
    wider = tuple(tuple(reports | {own} for own, reports in enumerate(agent)) for agent in verdict.deception)
    tests = (
        whistles.blows(*triple, wider)
        for coalition in in_order(whistles.coalitions)
        for triple in lies(wider, coalition)
    )
    stands = all(blow.holds is False for blow in tests)
    return replace(verdict, deception=wider) if stands else verdict
