"""Column generation for groups of positive size with any surplus that a solver can read.

The bound is proven by SCIP, to its own feasibility tolerance of some 1e-8: gaps below 1e-7 or so are out of reach.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.models import positive_size
from breakaway.runners.groups.positive_solution import PositiveSolution, Work, solve_master
from breakaway.runners.groups.positive_vertices import vertices
from breakaway.runners.solvers import NumericalError, SolveError, solve_model

COLUMN_GAP = 1e-6
"""Least gap, relative to the welfare, at which groups stop being generated."""

MOST_ROUNDS = 500
"""Most rounds."""

MOST_STARTS = 6
"""Most groups from which better ones are searched for in a round."""

MOST_STALLS = 3
"""How many proofs may leave the bound as it is."""

FIRST_VERTICES = 8
"""Up to this many types column generation starts from all vertices."""


@dataclass
class _Columns:
    """Groups so far, the model that prices them, and what is proven."""

    work: Work
    groups: Floats
    model: Any
    recent: list[Floats] = field(default_factory=list)
    held: PositiveSolution | None = None
    stalls: int = 0

    def add(self, groups: Floats) -> None:
        """Add groups."""
        self.groups = np.vstack([self.groups, groups])
        self.recent = [*groups, *self.recent][:MOST_STARTS]


def solve_by_columns(work: Work) -> PositiveSolution:
    """Generate groups until the bound meets the welfare.

    1. Solve the programme over the groups so far; 2. from groups formed and groups found last, climb to groups that
    gain at its payoffs, and go on with 1 while there are any; 3. otherwise find the group that gains most by a global
    solver, which proves a bound; 4. stop when the bound is met, when it does not improve, or when the time is over.

    Raises
    ------
    SolveError
        When a programme is not solved, or nothing was proven within the time.
    """
    work.tolerance = max(work.tolerance, COLUMN_GAP)
    game = work.game
    zero = np.zeros(len(game.types))
    columns = _Columns(work, _first_groups(game), positive_size.build(game, "most_gain", payoffs=zero))
    for _ in range(MOST_ROUNDS):
        masses, payoffs = solve_master(work, columns.groups)
        small = 0.1 * _worth_adding(work, columns.groups, masses)
        better = _climb(columns, masses, payoffs, small)
        if len(better) and not work.out_of_time():
            columns.add(better)
        elif not _prove(columns, masses, payoffs, small):
            break
    if columns.held is None or not math.isfinite(columns.held.dual):
        raise NumericalError("no bound was proven: raise time_limit, or take fewer types")
    return _merged(work, columns.held)


def _first_groups(game: PositiveSizeGame) -> Floats:
    """Return groups with the composition of the market, and with few types all vertices."""
    masses = game.types.masses
    own = np.minimum(np.outer([game.smallest / game.total, game.largest / game.total], masses), masses)
    return np.vstack([own, vertices(game)]) if len(game.types) <= FIRST_VERTICES else own


def _worth_adding(work: Work, groups: Floats, masses: Floats) -> float:
    """Return the gain of one group that would leave a gap of the whole tolerance."""
    welfare = abs(float(work.game.form.values(groups) @ masses))
    return work.tolerance * max(1.0, welfare) * work.game.smallest / work.game.total


def _climb(columns: _Columns, masses: Floats, payoffs: Floats, small: float) -> Floats:
    """Return groups that gain more than ``small``, by a local solver from formed and recent groups."""
    order = np.argsort(-masses)[: min(MOST_STARTS, int((masses > 0).sum()))]
    found: list[Floats] = []
    for start in [*columns.groups[order], *columns.recent]:
        group = _climb_from(columns, payoffs, start)
        if group is None or _gain(columns.work.game, group, payoffs) <= small:
            continue
        if all(np.abs(group - other).max() > 1e-7 * columns.work.game.total for other in found):
            found.append(group)
    return np.array(found).reshape(len(found), columns.groups.shape[1])


def _climb_from(columns: _Columns, payoffs: Floats, start: Floats) -> Floats | None:
    """Return a group that gains no less than those near it; None where the local solver fails."""
    _set(columns.model.payoff, payoffs)
    inside = 1e-6 * columns.work.game.types.masses
    _set(columns.model.amount, np.clip(start, inside, columns.work.game.types.masses - inside))
    try:
        solve_model(columns.model, columns.work.left(), "ipopt")
    except SolveError:
        return None
    return _read(columns)


def _set(component: Any, values: Floats) -> None:
    """Give an indexed component its values, in its order."""
    for key, value in zip(component, values.tolist(), strict=True):
        component[key] = value


def _read(columns: _Columns) -> Floats:
    """Return the group that the model holds, moved into the permitted ones where rounding left them."""
    game = columns.work.game
    group = np.array([amount.value for amount in columns.model.amount.values()], dtype=np.float64)
    group = np.clip(group, 0.0, game.types.masses)
    size = float(group.sum())
    if size > game.largest:
        return np.asarray(group * (game.largest / size))
    room = game.types.masses - group
    return np.asarray(group + room * (max(game.smallest - size, 0.0) / max(float(room.sum()), 1e-300)))


def _gain(game: PositiveSizeGame, group: Floats, payoffs: Floats) -> float:
    return float(game.form.values(group[None, :])[0] - group @ payoffs)


def _prove(columns: _Columns, masses: Floats, payoffs: Floats, small: float) -> bool:
    """Bound what any group gains, keep the best bound, add the group that gains most; tell whether to go on."""
    work = columns.work
    _set(columns.model.payoff, payoffs)
    outcome = solve_model(columns.model, work.left().replace(abs_gap=small), "scip", check=False)
    found = work.close(columns.groups, masses, payoffs, -outcome.bound, "columns")
    held = columns.held
    if held is None or found.dual < held.dual:
        columns.stalls, columns.held = 0, found
    else:
        columns.stalls += 1
        columns.held = _with_bound(work, found, held)
    if columns.held.complete or work.out_of_time() or not outcome.holding.has_point or columns.stalls >= MOST_STALLS:
        return False
    group = _read(columns)
    columns.add(group[None, :])
    return _gain(work.game, group, payoffs) > 0.0


def _with_bound(work: Work, found: PositiveSolution, held: PositiveSolution) -> PositiveSolution:
    """Return the newer assignment with the older payoffs, whose bound is lower."""
    complete = work.closed(found.primal, held.dual)
    return replace(found, imputation=held.imputation, dual=held.dual, complete=complete)


def _merged(work: Work, solution: PositiveSolution) -> PositiveSolution:
    """Put two groups that form into one of their mean composition, as long as that loses nothing."""
    groups, masses, form = solution.groups, solution.masses, work.game.form
    while (pair := _pair_to_merge(work.game, groups, masses)) is not None:
        a, b = pair
        total = masses[a] + masses[b]
        mean = (masses[a] * groups[a] + masses[b] * groups[b]) / total
        groups, masses = np.vstack([np.delete(groups, pair, 0), mean]), np.append(np.delete(masses, pair), total)
    surplus = form.values(groups)
    primal = float(surplus @ masses)
    complete = work.closed(primal, solution.dual)
    return replace(solution, groups=groups, masses=masses, surplus=surplus, primal=primal, complete=complete)


def _pair_to_merge(game: PositiveSizeGame, groups: Floats, masses: Floats) -> tuple[int, int] | None:
    """Return two groups that are worth no more than as many groups of their mean composition."""
    worth = masses * game.form.values(groups)
    for a, b in combinations(range(len(groups)), 2):
        people = masses[a] * groups[a] + masses[b] * groups[b]
        total = masses[a] + masses[b]
        if total * float(game.form.values(people[None, :] / total)[0]) >= worth[a] + worth[b]:
            return a, b
    return None
