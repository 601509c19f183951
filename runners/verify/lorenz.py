"""Recompute the most equal divisions of an unblocked set: those that no other one Lorenz-dominates.

The unblocked set is a union of boxes {x >= low} (:mod:`breakaway.runners.verify.boxes`). In each, the most equal
division of a worth is max(low_i, d_i + t), net of d; boxes whose most equal division is already dominated hold none
that is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from breakaway.runners.verify.boxes import Levels, Mask, Matrix, demands, search
from breakaway.runners.verify.divisions import Accuracy
from breakaway.runners.verify.optimum import Division, Sharing, water_fill

AT_ONCE = 64
"""Divisions that are compared with all others at a time."""


def lorenz_sums(x: Matrix, floor: Matrix) -> Matrix:
    """Return what the j poorest have together, net, for each row of x and each j."""
    sums: Matrix = np.cumsum(np.sort(np.atleast_2d(x) - floor, axis=1), axis=1)
    return sums


def dominated_by(sums: Matrix, better: Matrix, eps: float) -> Mask:
    """Tell which rows of Lorenz sums a single row is nowhere below, and above in some place by more than eps."""
    gap = better - sums
    result: Mask = (gap.min(axis=1) >= -eps) & (gap.max(axis=1) > eps)
    return result


def equal_division_rows(worths: Matrix, block: int, floor: Matrix) -> Matrix:
    """Return the threats of equal division, net of d, of all strict subcoalitions, as rows over a coalition's members.

    ``worths`` is indexed by bitmask, ``floor`` by player; players who are no members have infinity.
    """
    inside = [i for i in range(len(floor)) if block >> i & 1]
    found = []
    part = (block - 1) & block
    while part:
        joined = np.array([part >> i & 1 == 1 for i in inside])
        d = floor[inside]
        share = (worths[part] - d[joined].sum()) / joined.sum()
        found.append(np.where(joined, d + share, np.inf))
        part = (part - 1) & block
    return np.array(found).reshape(len(found), len(inside))


@dataclass
class MostEqual(Sharing):
    """Judge for the most equal divisions: keeps boxes that may hold one that none found so far dominates."""

    found: Matrix = field(init=False)
    sums: Matrix = field(init=False)

    def __post_init__(self) -> None:
        """Start with nothing found."""
        self.found = self.sums = np.empty((0, len(self.problem.floor)))

    def keep(self, low: Matrix) -> Mask:
        """Keep affordable boxes whose most equal division is not dominated."""
        kept: Mask = self.room(low) >= 0
        kept[kept] = ~self._outdone(lorenz_sums(water_fill(low[kept], self.problem), self.problem.floor))
        return kept

    def offer(self, low: Matrix, levels: Levels) -> None:
        """Record the most equal divisions of boxes that meet every threat."""
        if not len(low):
            return
        x = water_fill(low, self.problem)
        self.found, self.sums = (
            np.concatenate([self.found, x]),
            np.concatenate([self.sums, lorenz_sums(x, self.problem.floor)]),
        )
        alive = ~self._outdone(self.sums)
        self.found, self.sums = self.found[alive], self.sums[alive]

    def _outdone(self, sums: Matrix) -> Mask:
        outdone: Mask = np.zeros(len(sums), dtype=np.bool_)
        for first in range(0, len(self.sums), AT_ONCE):
            gap = self.sums[first : first + AT_ONCE, None, :] - sums[None, :, :]
            outdone |= ((gap.min(axis=2) >= -self.eps) & (gap.max(axis=2) > self.eps)).any(axis=0)
        return outdone


@dataclass
class NowhereBelow(Sharing):
    """Judge for divisions that dominate a given one: keeps boxes whose most equal division is nowhere below one.

    Whatever a box holds has Lorenz sums of at most those of its most equal division.
    """

    given: Matrix
    found: Matrix = field(init=False)

    def __post_init__(self) -> None:
        """Start with nothing found."""
        self.found = np.empty((0, len(self.problem.floor)))

    def keep(self, low: Matrix) -> Mask:
        """Keep affordable boxes that may hold a dominating division."""
        kept: Mask = self.room(low) >= 0
        sums = lorenz_sums(water_fill(low[kept], self.problem), self.problem.floor)
        nowhere_below: Mask = np.all(sums[:, None, :] >= self.given[None, :, :] - self.eps, axis=2)
        kept[kept] = nowhere_below.any(axis=1)
        return kept

    def offer(self, low: Matrix, levels: Levels) -> None:
        """Record the most equal divisions of boxes that meet every threat, those alike in Lorenz sums once."""
        if len(low):
            x = np.concatenate([self.found, water_fill(low, self.problem)])
            rounded = np.round(lorenz_sums(x, self.problem.floor) / self.eps)
            self.found = x[np.unique(rounded, axis=0, return_index=True)[1]]


def candidates_above(worth: float, floor: Matrix, asked: Matrix, given: Matrix, accuracy: Accuracy) -> Matrix | None:
    """Return unblocked divisions of a worth among which is one that dominates a given one, if there is any.

    ``given`` has Lorenz sums as rows; the other parameters are those of :func:`most_equal`. None when the effort does
    not suffice.
    """
    judge = NowhereBelow(Division(worth, floor, np.ones(len(floor)), asked), accuracy.eps, given)
    if floor.sum() > worth + accuracy.eps:
        return judge.found
    return judge.found if search(demands(asked, floor, accuracy.snap), judge, accuracy.effort) else None


def most_equal(worth: float, floor: Matrix, asked: Matrix, accuracy: Accuracy) -> Matrix | None:
    """Return all most equal unblocked divisions of a worth as rows; None when the effort does not suffice.

    Parameters
    ----------
    worth
        What is shared, all of it.
    floor
        Disagreement payoffs of the members.
    asked
        Threats x members, infinity for those who do not take part.
    accuracy
        Tolerance and effort.
    """
    problem = Division(worth, floor, np.ones(len(floor)), asked)
    judge = MostEqual(problem, accuracy.eps)
    if floor.sum() > worth + accuracy.eps:
        return judge.found
    return judge.found if search(demands(asked, floor, accuracy.snap), judge, accuracy.effort) else None
