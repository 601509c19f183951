"""Markets of pairs by transport: groups of at most two, any number of types that a dense table holds.

By Proposition 1 of Wang (2019) with groups of one and two (two replicas of everybody),

    welfare = 1/2 max sum S_ij pi_ij,   both marginals of pi are mu,   S_ij = s(i, j),   S_ii = max(s(i, i), 2 s(i)),

and u_i is the mean of the dual payoffs of type i as one who sends and as one who gets. A plan pi gives (pi_ij + pi_ji)
/ 2 groups of i and j, and pi_ii / 2 pairs of i or pi_ii single persons. A compiled network simplex method finds pi
(:mod:`.pair_kernels`); every plan on the way is an assignment, and payoffs lifted to what pairs lack prove a bound.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray, PairwiseGroupGame, pairwise_surplus, permitted_count
from breakaway.runners.groups.engine import Clock, ProgressCall, heeding_interrupts
from breakaway.runners.groups.solution import GroupSolution, is_closed

ROUND = 20
"""How often every sender is looked at between two looks at the clock."""

FORMED = 1e-12
"""Part of the largest mass below which a pair is rounding."""


def solve_pairs(
    game: PairwiseGroupGame,
    tolerance: float = 1e-7,
    time_limit: float | None = None,
    progress: ProgressCall | None = None,
) -> GroupSolution:
    """Return a stable assignment and an imputation of a market whose groups have at most two members.

    Parameters
    ----------
    game
        The game, with ``max_size`` 2.
    tolerance
        Gap at which the answer counts as complete, relative to the welfare.
    time_limit
        Seconds after which the plan and the bound at hand are returned as they are. None: no limit.
    progress
        Is told now and then.

    Raises
    ------
    ValueError
        When groups may have another largest size.
    """
    from breakaway.runners.groups import pair_kernels as kernels  # noqa: PLC0415 - numba takes a while to import

    if game.max_size != 2:
        raise ValueError(f"groups have up to {game.max_size} members: use breakaway.runners.groups.engine")
    clock, types = Clock(time_limit), len(game.types)
    table, paired = pair_table(game)
    unit = float(table.max()) or 1.0
    scaled = table / unit
    tree, place = np.empty((5, 2 * types + 1), dtype=np.int64), np.zeros(2, dtype=np.int64)
    flow, potential = np.zeros(2 * types + 1), np.zeros(2 * types + 1)
    kernels.start(scaled, game.types.masses, tree, flow, potential)
    history: list[tuple[float, float, float, int]] = []
    with heeding_interrupts(clock):
        while True:
            kernels.improve(scaled, tree, flow, potential, place, ROUND * types)
            finished = bool(place[1] >= types)
            if finished or progress is not None or clock.time_is_up():
                imputation = lifted(table, unit * (potential[:types] + potential[types:-1]) / 2.0)
                pairs, masses = plan_of(tree[0], flow, types)
                primal = float((table[pairs[:, 0], pairs[:, 1]] * masses).sum()) / 2.0
                history.append((clock.seconds(), primal, float((game.types.masses * imputation).sum()), len(pairs)))
                if progress is not None:
                    progress(*history[-1])
            if finished or clock.time_is_up():
                found = _solution(game, paired, pairs, masses, imputation, history, tolerance)
                return replace(found, interrupted=clock.interrupted)


def pair_table(game: PairwiseGroupGame) -> tuple[Floats, np.ndarray]:
    """Return S, shape (types, types), and for which types two of them are better off as a pair than alone."""
    types = np.arange(len(game.types))
    table = game.values + game.solo[:, None] + game.solo[None] - game.size_cost[2]
    np.maximum(table, 0.0, out=table)
    if game.min_size == 2:
        return table, np.ones(len(types), dtype=bool)
    alone = 2.0 * pairwise_surplus(game, types[:, None])
    paired = np.asarray(table.diagonal() > alone)
    table[types, types] = np.maximum(table.diagonal(), alone)
    return table, paired


def lifted(table: Floats, payoffs: Floats) -> Floats:
    """Return payoffs raised by half of the most that a pair with the type lacks, so that no pair lacks anything."""
    lacking = (table - payoffs).max(axis=1) - payoffs
    return np.asarray(payoffs + np.maximum(lacking, 0.0) / 2.0, dtype=np.float64)


def plan_of(parent: np.ndarray, flow: Floats, types: int) -> tuple[np.ndarray, Floats]:
    """Return the pairs that a plan uses, as (sender, receiver) types of shape (m, 2), and their masses."""
    nodes = np.flatnonzero((flow[:-1] > FORMED * flow.max()) & (parent[:-1] < 2 * types))
    up = parent[nodes]
    sends = nodes < types
    pairs = np.column_stack([np.where(sends, nodes, up), np.where(sends, up, nodes) - types])
    return pairs, flow[nodes]


def _solution(
    game: PairwiseGroupGame,
    paired: np.ndarray,
    pairs: np.ndarray,
    masses: Floats,
    imputation: Floats,
    history: list[tuple[float, float, float, int]],
    tolerance: float,
) -> GroupSolution:
    """Turn a plan into groups."""
    groups: GroupArray = np.sort(pairs, axis=1).astype(np.int32)
    single = (groups[:, 0] == groups[:, 1]) & ~paired[groups[:, 0]]
    groups[single, 1] = -1
    every, at = np.unique(groups, axis=0, return_inverse=True)
    tau: Floats = np.zeros(len(every))
    np.add.at(tau, at.ravel(), np.where(single, masses, masses / 2.0))
    surplus = np.empty(len(every))
    for size in (1, 2):
        rows = (every >= 0).sum(axis=1) == size
        surplus[rows] = pairwise_surplus(game, every[rows, :size].astype(np.int64))
    primal, dual = float((surplus * tau).sum()), float((game.types.masses * imputation).sum())
    return GroupSolution(
        groups=every,
        masses=tau,
        surplus=surplus,
        imputation=imputation,
        primal=primal,
        dual=dual,
        groups_priced=permitted_count(game),
        history=history,
        complete=is_closed(primal, dual, tolerance, float(np.abs(game.values).max() * game.types.masses.min())),
        method="network simplex",
    )
