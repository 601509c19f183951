"""Markets of pairs, N = 2, as one transport problem: a stable assignment from the network simplex, with its proof.

1. S_ij is the surplus of the pair (i, j); on the diagonal it is twice that of one alone where that is more and
   permitted. By Proposition 1 the welfare is half of max S.gamma over plans gamma between two copies of the market.
2. ``emd`` of POT finds an optimal plan and potentials, within a limited number of pivots.
3. S is symmetric, so the plan and its transpose are both optimal, and so is their mean: tau is read off it. The mean of
   both potentials is the imputation u.
4. One pass over all pairs lifts u where u_i + u_j < S_ij by rounding; then mu.u is a proven bound.

What does not end so within the limits is left to column generation (:mod:`.engine`).

Wang (2019), Small Group Cooperation in Games and Economies, Proposition 1 and section 2.3; Flamary et al. (2021), POT:
Python Optimal Transport, JMLR 22(78).
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakaway.data.groups import (
    FiniteGroupGame,
    Floats,
    GroupArray,
    GroupGame,
    PairwiseGroupGame,
    permitted_count,
    surplus_of,
    surpluses,
)
from breakaway.runners.groups.engine import ROUNDING, Clock
from breakaway.runners.groups.interior import inner, load_of
from breakaway.runners.groups.solution import GroupSolution

MOST_TYPES = 3_000
"""Most types of a plan that is held as a matrix: some 700 MB."""

LEAST_PIVOTS = 20_000
"""Pivots that are always granted. More than that is granted to many types: types to the power 1.5."""

SECONDS_PER_PAIR = 2e-6
"""Time that a plan may take, by pair of types; with less than that to spend none is sought."""

DUST = 1e-12
"""Part of a type's mass below which an entry of the plan is rounding."""


def solve_pairs(
    game: FiniteGroupGame, tolerance: float = 1e-7, time_limit: float | None = None
) -> GroupSolution | None:
    """Return a stable assignment and an imputation of a market of pairs, or None when transport does not find them.

    Parameters
    ----------
    game
        The game, with groups of at most two members.
    tolerance
        Gap at which the answer is complete, in the unit of welfare; relative to the welfare when that is below one.
    time_limit
        Seconds; nothing is sought when they are fewer than the search may take.

    Returns
    -------
    GroupSolution | None
        A complete solution. None when groups have another size, unlisted groups are forbidden, there are more than
        ``MOST_TYPES`` types, POT is not installed, the pivots do not suffice, or the gap is not closed.
    """
    clock = Clock(time_limit)
    transport = transport_for(game, time_limit)
    if transport is None:
        return None
    table, alone = pair_surplus(game)
    masses = game.types.masses / game.types.masses.sum()
    found = _plan(transport, masses, table)
    if found is None:
        return None
    plan, payoffs = found
    imputation = lifted_over_pairs(table, payoffs)
    groups, tau = _assignment(masses, plan, table, alone)
    solution = _solution(game, groups, tau * game.types.masses.sum(), imputation, tolerance, clock)
    return solution if solution.complete else None


def transport_for(game: FiniteGroupGame, time_limit: float | None) -> Any | None:
    """Return POT where the game is a transport problem that fits the limits, None otherwise."""
    types = len(game.types)
    unfit = game.max_size != 2 or (isinstance(game, GroupGame) and game.unlisted == "forbidden")
    slow = time_limit is not None and time_limit < SECONDS_PER_PAIR * types**2
    if unfit or slow or types > MOST_TYPES:
        return None
    try:
        return importlib.import_module("ot")
    except ImportError:
        return None


def pair_surplus(game: FiniteGroupGame) -> tuple[Floats, NDArray[np.bool_]]:
    """Return S_ij, shape (types, types), and which types do best alone rather than with their like, shape (types,).

    Raises
    ------
    ValueError
        When the surplus function of a game says that it breaks its rules.
    """
    types = np.arange(len(game.types))
    table = _pair_table(game)
    if game.min_size == 2:
        return table, np.zeros(len(types), dtype=bool)
    twice_alone = 2.0 * surplus_of(game, types[:, None])
    alone = np.asarray(twice_alone >= table.diagonal())
    np.fill_diagonal(table, np.maximum(table.diagonal(), twice_alone))
    return table, alone


def _pair_table(game: FiniteGroupGame) -> Floats:
    """Return s([i, j]), shape (types, types)."""
    if isinstance(game, PairwiseGroupGame):
        own = game.solo - game.size_cost[2] / 2.0
        return np.maximum(game.values + own[:, None] + own[None], 0.0)
    rows, columns = np.triu_indices(len(game.types))
    table = np.zeros((len(game.types), len(game.types)))
    table[rows, columns] = surplus_of(game, np.column_stack([rows, columns]))
    table[columns, rows] = table[rows, columns]
    return table


def _plan(transport: Any, masses: Floats, table: Floats) -> tuple[Floats, Floats] | None:
    """Return a symmetric optimal plan and payoffs, None when the pivots do not suffice; masses add up to one."""
    scale = float(table.max()) or 1.0
    pivots = int(max(LEAST_PIVOTS, len(masses) ** 1.5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that pivots do not suffice is told by the log as well
        plan, log = transport.emd(masses, masses, -table / scale, numItermax=pivots, log=True)
    if log["warning"] is not None:
        return None
    return (plan + plan.T) / 2.0, -scale * (log["u"] + log["v"]) / 2.0


def lifted_over_pairs(table: Floats, payoffs: Floats) -> Floats:
    """Return payoffs u raised so that u_i + u_j >= S_ij for all pairs, by half of what the pair lacks for each."""
    lacking = ((table - payoffs).max(axis=1) - payoffs) / 2.0
    return np.asarray(payoffs + np.maximum(lacking, 0.0), dtype=np.float64)


def _assignment(masses: Floats, plan: Floats, table: Floats, alone: NDArray[np.bool_]) -> tuple[GroupArray, Floats]:
    """Return the groups of a symmetric plan and tau, which serves everybody.

    Who is in a pair of different types without a surplus, or is lost to rounding, goes to groups of the own type.
    """
    rows, columns = np.nonzero(np.triu((plan > 0.0) & (table > 0.0), 1))
    taken = plan[rows, columns]
    formed = taken > DUST * np.minimum(masses[rows], masses[columns])
    pairs, taken = np.column_stack([rows, columns])[formed].astype(np.int32), taken[formed]
    left = masses - load_of(pairs, taken, len(masses))
    own = np.flatnonzero(left > DUST * masses).astype(np.int32)
    like = np.column_stack([own, np.where(alone[own], -1, own)]).astype(np.int32)
    return np.concatenate([pairs, like]), np.append(taken, np.where(alone[own], 1.0, 0.5) * left[own])


def _solution(
    game: FiniteGroupGame,
    groups: GroupArray,
    tau: Floats,
    imputation: Floats,
    tolerance: float,
    clock: Clock,
) -> GroupSolution:
    """Return the solution, whose welfare is what its groups are worth and whose bound is mu.u."""
    surplus = surpluses(game, groups)
    primal, dual = inner(surplus, tau), inner(game.types.masses, imputation)
    goal = max(tolerance * min(1.0, primal), ROUNDING * float(game.types.masses.sum()) * float(imputation.max()))
    return GroupSolution(
        groups=groups,
        masses=tau,
        surplus=surplus,
        imputation=imputation,
        primal=primal,
        dual=dual,
        groups_priced=permitted_count(game),
        history=((clock.seconds(), primal, dual, len(groups)),),
        complete=dual - primal <= goal,
        method="pairs",
    )
