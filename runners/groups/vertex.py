"""From a point inside the face of optimal assignments to one of its vertices, with no more groups than types.

HiGHS solves the program of the groups that come nearest to being taken there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray
from breakaway.runners.groups.interior import Point, inner, load_of
from breakaway.runners.solvers.highs import require_highspy

USED = 4
"""How many groups per type take part: those with the least ratio of reduced cost to what is taken."""

SHARP = 1e-10
"""Feasibility tolerances of HiGHS, the smallest that it takes."""

SMALL = 1e-11
"""A group that is taken by less, as a part of all mass, is not formed."""


def vertex_of(groups: GroupArray, surplus: Floats, masses: Floats, point: Point, enough: float) -> Floats:
    """Return tau >= 0 with A tau <= mu on few groups; that of the point if the welfare is below it and ``enough``."""
    used = np.argsort(point.reduced / point.taken, kind="stable")[: USED * len(masses)]
    found = _solve(groups[used], surplus[used], masses * len(masses)) / len(masses)
    taken = np.zeros(len(groups))
    taken[used] = np.where(found > SMALL, found, 0.0)
    vertex = within_masses(groups, taken, masses)
    inside = within_masses(groups, point.taken, masses)
    return vertex if inner(surplus, vertex) >= min(enough, inner(surplus, inside)) else inside


def within_masses(groups: GroupArray, taken: Floats, masses: Floats) -> Floats:
    """Take less of groups whose types are used up: A tau <= mu afterwards."""
    load = load_of(groups, taken, len(masses))
    scale = np.append(masses / np.maximum(load, masses), 1.0)
    reduced: Floats = taken * scale[groups].min(axis=1)
    return reduced


def _solve(groups: GroupArray, surplus: Floats, masses: Floats) -> Floats:
    highspy = require_highspy()
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    for tolerance in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        solver.setOptionValue(tolerance, SHARP)
    solver.passModel(_program(highspy, groups, surplus, masses))
    solver.run()
    return np.array(solver.getSolution().col_value)


def _program(highspy: Any, groups: GroupArray, surplus: Floats, masses: Floats) -> Any:
    """Return max s.tau with A tau <= mu, posed as a minimum; entries of the masses are about one."""
    program = highspy.HighsLp()
    columns, rows = len(groups), len(masses)
    program.num_col_, program.num_row_ = columns, rows
    program.col_cost_ = -surplus
    program.col_lower_, program.col_upper_ = np.zeros(columns), np.full(columns, np.inf)
    program.row_lower_, program.row_upper_ = np.full(rows, -np.inf), masses
    first = np.ones(groups.shape, dtype=bool)
    first[:, 1:] = groups[:, 1:] != groups[:, :-1]
    entry = first & (groups >= 0)
    counts = (groups[:, :, None] == groups[:, None, :]).sum(axis=2)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = np.append(0, np.cumsum(entry.sum(axis=1))).astype(np.int32)
    program.a_matrix_.index_ = groups[entry]
    program.a_matrix_.value_ = counts[entry].astype(np.float64)
    return program
