"""Linear programmes with a row for every type and a column for every group, kept in HiGHS between solves.

maximise s.y subject to A y = b, y_G >= 0 unless G is free; A has G(i) in row i and column G. HiGHS is given the minimum
of -s.y: for maximisation, some of its methods return duals of the wrong sign. Its tolerances are absolute, so it is
given s and b in units in which the largest are about one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray, member_counts
from breakaway.runners.groups.scaling import unit_of

_HIGHS: Any = highspy.Highs

TOLERANCE = 1e-10
"""Feasibility tolerance, the smallest that HiGHS accepts."""


class ProgramError(Exception):
    """HiGHS ended without an optimum; ``status`` says how."""

    def __init__(self, status: highspy.HighsModelStatus) -> None:
        super().__init__(f"HiGHS ended with {status.name}")
        self.status = status

    @property
    def infeasible(self) -> bool:
        """Whether there is no feasible point."""
        kinds = highspy.HighsModelStatus
        return self.status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible)

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit ended the solve."""
        return self.status == highspy.HighsModelStatus.kTimeLimit


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimum: value, y by column, u by row, and the basis.

    ``basic_columns`` and ``basic_rows`` are numbers of columns and of rows (whose slack is basic), together as many as
    there are rows.
    """

    value: float
    amounts: Floats
    payoffs: Floats
    basic_columns: NDArray[np.int64]
    basic_rows: NDArray[np.int64]


class ColumnProgram:
    """A programme that keeps its basis while columns are added and right-hand sides or costs change."""

    def __init__(
        self,
        right: Floats,
        threads: int = 1,
        time_limit: float | None = None,
        seed: int = 0,
        money: float = 1.0,
    ) -> None:
        """Start without columns; ``right`` is b, shape (types,), and ``money`` the unit of s, a power of two."""
        self.columns = 0
        self._money, self._people = money, unit_of(right)
        self._rows = len(right)
        self._solver = _HIGHS()
        options = {
            "output_flag": False,
            "primal_feasibility_tolerance": TOLERANCE,
            "dual_feasibility_tolerance": TOLERANCE,
            "threads": threads,
            "random_seed": seed,
            "time_limit": math.inf if time_limit is None else time_limit,
        }
        for name, value in options.items():
            self._solver.setOptionValue(name, value)
        none = np.empty(0, dtype=np.int32)
        own = right / self._people
        self._solver.addRows(self._rows, own, own, 0, none, none, np.empty(0))

    def add(self, groups: GroupArray, surplus: Floats, free: NDArray[np.bool_] | None = None) -> None:
        """Add a column for every group; those that are ``free`` may be negative."""
        rows, members, counts = member_counts(groups)
        starts = np.searchsorted(rows, np.arange(len(groups))).astype(np.int32)
        least = np.zeros(len(groups)) if free is None else np.where(free, -math.inf, 0.0)
        most = np.full(len(groups), math.inf)
        arrays = (starts, members.astype(np.int32), counts)
        self._solver.addCols(len(groups), -surplus / self._money, least, most, len(counts), *arrays)
        self.columns += len(groups)

    def set_right(self, right: Floats) -> None:
        """Replace b."""
        self._people = unit_of(right)
        own = right / self._people
        self._solver.changeRowsBounds(self._rows, np.arange(self._rows, dtype=np.int32), own, own)

    def set_surplus(self, surplus: Floats) -> None:
        """Replace s."""
        self._solver.changeColsCost(self.columns, np.arange(self.columns, dtype=np.int32), -surplus / self._money)

    def solve(self) -> Optimum:
        """Maximise.

        Raises
        ------
        ProgramError
            When there is no optimum.
        """
        self._solver.run()
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise ProgramError(status)
        solution, basis = self._solver.getSolution(), self._solver.getBasis()
        basic = highspy.HighsBasisStatus.kBasic
        return Optimum(
            -self._solver.getInfo().objective_function_value * self._money * self._people,
            np.array(solution.col_value) * self._people,
            -np.array(solution.row_dual) * self._money,
            np.flatnonzero([status == basic for status in basis.col_status]),
            np.flatnonzero([status == basic for status in basis.row_status]),
        )
