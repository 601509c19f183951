"""The range of every payoff over all stable payoffs, for surpluses in linear pieces and convex ones.

Stable payoffs are those at which no permitted group gains and the groups of one optimal assignment share exactly what
they have. Each end of a range is a linear programme over the groups listed. With linear pieces, groups that gain at its
optimum are added until there are none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.models import positive_size
from breakaway.runners.groups.positive_solution import PositiveSolution, group_of_pieces
from breakaway.runners.groups.positive_vertices import vertices
from breakaway.runners.solvers import SolveError, SolverOptions, UnboundedError, solve_model

MOST_RANGED = 8
"""Up to this many types ranges are computed unless told otherwise."""

MOST_ADDED = 200
"""Most groups that are added for one end of a range."""


def with_ranges(
    game: PositiveSizeGame, solution: PositiveSolution, options: SolverOptions | None = None
) -> PositiveSolution:
    """Return the solution with the ranges of all payoffs, where the method has them and they are not known yet.

    An end that nothing bounds is infinite; where a programme is not solved, the ranges stay unknown.
    """
    if solution.method not in ("pieces", "vertices") or not solution.complete:
        return solution
    options = (options or SolverOptions()).replace(solver=None)
    groups, ends = vertices(game), []
    try:
        for direction in (*np.eye(len(game.types)), *-np.eye(len(game.types))):
            end, groups = _end(game, solution, groups, direction, options)
            ends.append(end)
    except SolveError:
        return solution
    least, most = np.array(ends).reshape(2, -1) * [[1.0], [-1.0]]
    return replace(solution, least=least, most=most)


def _end(
    game: PositiveSizeGame, solution: PositiveSolution, groups: Floats, direction: Floats, options: SolverOptions
) -> tuple[float, Floats]:
    """Return what a direction is worth at least over all stable payoffs, and the groups listed by then."""
    room = 1e-9 * max(1.0, float(np.abs(solution.surplus).max(initial=0.0)))
    for _ in range(MOST_ADDED):
        model = positive_size.build(game, "along", groups=groups, formed=solution.groups, direction=direction)
        try:
            solve_model(model, options, "highs")
        except UnboundedError:
            return -np.inf, groups
        payoffs = np.array([pyo.value(model.payoff[i]) for i in model.types])
        if solution.method == "vertices":
            break
        gain, group = group_of_pieces(game, payoffs, options)
        if gain <= room:
            break
        groups = np.vstack([groups, group])
    return float(direction @ payoffs), groups
