"""What every method for games of small groups returns: an assignment, an imputation, and the bound that proves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray
from breakaway.runners.solvers import Holding, Termination

History = Sequence[tuple[float, float, float, int]]
"""Progress: seconds since the start, welfare of the assignment, certified upper bound, columns of the master."""


@dataclass(frozen=True, eq=False)
class GroupSolution:
    """An assignment and an imputation with the proof that binds them.

    Attributes
    ----------
    groups
        The formed groups, shape (formed, members), padded with -1.
    masses
        tau, how many groups of each there are (> 0), shape (formed,).
    surplus
        s of each, money per group, shape (formed,).
    imputation
        u, money per member by type, shape (types,).
    primal
        Welfare s.tau of the assignment.
    dual
        Certified upper bound of the welfare.
    groups_priced
        How many permitted groups the proof covers.
    history
        How welfare and bound developed.
    complete
        Whether the gap is within the tolerance.
    method
        Which method found it.
    interrupted
        Whether the user ended it early.
    """

    groups: GroupArray
    masses: Floats
    surplus: Floats
    imputation: Floats
    primal: float
    dual: float
    groups_priced: int
    history: History
    complete: bool
    method: str
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """Distance of the certified bound from the welfare, in money; rounding below 0 counts as 0."""
        return max(self.dual - self.primal, 0.0)


ROUNDING = 1e-12
"""Least gap that is asked for, in units of the largest surplus, or entry of the tables, times the mass of all."""


def is_closed(primal: float, dual: float, tolerance: float, small: float) -> bool:
    """Tell whether a gap is within a tolerance, relative to the welfare.

    ``small`` is the largest surplus, or entry of the tables, times the mass of the rarest type: where nobody is known
    to make anything, the bound may be above 0 by the rounding of that. A group of that surplus alone is worth more.
    """
    return dual - primal <= (tolerance * abs(primal) if primal else ROUNDING * small)


def ending(complete: bool, seconds: float, time_limit: float | None, interrupted: bool = False) -> tuple[str, str]:
    """Return why a solve of so many seconds stopped and what it holds, in the words of a certificate.

    A gap that is open before the time limit, without an interruption, is one that floating point cannot close.
    """
    if complete:
        return Termination.OPTIMAL.value, Holding.PROVEN_OPTIMUM.value
    if interrupted:
        return Termination.INTERRUPTED.value, Holding.FEASIBLE_POINT.value
    limited = time_limit is not None and seconds >= time_limit
    return (Termination.TIME_LIMIT if limited else Termination.NUMERICAL).value, Holding.FEASIBLE_POINT.value
