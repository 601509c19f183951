"""The largest least gain over a reward set: linear programmes, and branching over who does not gain.

The reward set asks of every coalition that one of its members does not gain. The search starts without what coalitions
of two or more require. Where the optimum breaks a requirement, it branches: in each branch one member of that coalition
does not gain. Only requirements that are broken are ever branched on, and no bound on utilities (big M) is needed.

Steps at a node:
1. solve: maximise t <= 1 subject to the rows; without a point, or at a bound that is no better than what is held, stop;
2. find the requirement that the optimum breaks most; if there is none, hold the optimum;
3. for every member, the one that gains least first: add the rows by which it does not gain, and search on.

The mixed-integer programme breakaway.models.whistle_blowing says the same.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import STRICT
from breakaway.runners.implementation.rewards import Reward, RewardSet
from breakaway.runners.solvers.options import SolverOptions

MOST = 1.0
"""Least gains above this are not told apart: a ray can make them as large as one likes."""

SAME = 1e-9
"""Values that are nearer to each other than this are the same."""

_HIGHS: Any = highspy.Highs


class ProgramError(Exception):
    """HiGHS ended with neither an optimum nor a proof that there is no point."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimum: t, the reward y of shape (Q, K + R), and the multipliers of the rows that were added, in order."""

    value: float
    weights: Floats
    multipliers: Floats


class RewardProgram:
    """maximise t <= 1 over rewards y, subject to rows a.y + b t <= c that are added and dropped last in, first out.

    y >= 0 has shape (blocks, K + R); in every block the weights of the outcomes sum to 1.
    """

    def __init__(self, blocks: int, outcomes: int, rays: int, options: SolverOptions) -> None:
        """Write the lotteries."""
        self.blocks, self.width = blocks, outcomes + rays
        self.rows = 0
        self._solver = _HIGHS()
        for name, value in _highs_options(options).items():
            self._solver.setOptionValue(name, value)
        columns = blocks * self.width + 1
        most = np.append(np.full(columns - 1, math.inf), MOST)
        least = np.append(np.zeros(columns - 1), -math.inf)
        cost = np.append(np.zeros(columns - 1), -1.0)
        none = np.empty(0, dtype=np.int32)
        self._solver.addCols(columns, cost, least, most, 0, none, none, np.empty(0))
        index = (np.arange(blocks)[:, None] * self.width + np.arange(outcomes)).astype(np.int32)
        starts = np.arange(blocks, dtype=np.int32) * outcomes
        one = np.ones(blocks)
        self._solver.addRows(blocks, one, one, index.size, starts, index.ravel(), np.ones(index.size))

    def add_blocks(self, blocks: Ints, coefficients: Floats, right: Floats, least: float = 0.0) -> None:
        """Add rows that touch one block each: coefficients[r] . y[blocks[r]] + least t <= right[r]."""
        index = blocks[:, None] * self.width + np.arange(self.width)
        if least:
            index = np.column_stack([index, np.full(len(blocks), self.blocks * self.width)])
            coefficients = np.column_stack([coefficients, np.full(len(blocks), least)])
        self._add(index.astype(np.int32), coefficients, right)

    def add_gains(self, coefficients: Floats, right: Floats, least: bool = True) -> None:
        """Add rows t - coefficients[r] . y <= right[r] over all blocks, coefficients of shape (rows, blocks, K + R).

        Without ``least`` the rows do not contain t.
        """
        flat = coefficients.reshape(len(right), -1)
        index = np.broadcast_to(np.arange(flat.shape[1] + 1, dtype=np.int32), (len(right), flat.shape[1] + 1))
        self._add(np.ascontiguousarray(index), np.column_stack([-flat, np.full(len(right), float(least))]), right)

    def _add(self, index: Any, coefficients: Floats, right: Floats) -> None:
        rows, width = coefficients.shape
        starts = np.arange(rows, dtype=np.int32) * width
        below = np.full(rows, -math.inf)
        self._solver.addRows(rows, below, right, index.size, starts, index.ravel(), coefficients.ravel())
        self.rows += rows

    def drop(self, rows: int) -> None:
        """Take back the rows down to a number of them."""
        last = np.arange(self.blocks + rows, self.blocks + self.rows, dtype=np.int32)
        if len(last):
            self._solver.deleteRows(len(last), last)
        self.rows = rows

    def solve(self) -> Optimum | None:
        """Return an optimum, or None where there is no point.

        Raises
        ------
        ProgramError
            When HiGHS has neither, also when it starts anew with presolve.
        """
        for presolve in ("off", "on"):
            self._solver.setOptionValue("presolve", presolve)
            self._solver.run()
            status = self._solver.getModelStatus()
            if status == highspy.HighsModelStatus.kOptimal:
                self._solver.setOptionValue("presolve", "off")
                return self._optimum()
            if status == highspy.HighsModelStatus.kInfeasible:
                self._solver.setOptionValue("presolve", "off")
                return None
            self._solver.clearSolver()
        raise ProgramError(f"HiGHS ended with {status.name}")

    def _optimum(self) -> Optimum:
        solution = self._solver.getSolution()
        values = np.array(solution.col_value)
        weights = np.maximum(values[:-1], 0.0).reshape(self.blocks, self.width)
        return Optimum(float(values[-1]), weights, -np.array(solution.row_dual)[self.blocks :])


def _highs_options(options: SolverOptions) -> dict[str, Any]:
    """Return the settings of HiGHS for many small programmes that start from one another."""
    tolerance = max(options.tolerance, 1e-10)
    return {
        "output_flag": False,
        "solver": "simplex",
        "primal_feasibility_tolerance": tolerance,
        "dual_feasibility_tolerance": tolerance,
        "threads": options.threads,
        "random_seed": options.seed,
    }


@dataclass(frozen=True)
class Limits:
    """When a search stops looking: rewards with t <= ``above`` do not count, one with t > ``enough`` ends it.

    It ends incomplete after ``nodes`` programmes, or at ``deadline``, a time of ``time.monotonic``.
    """

    above: float = STRICT
    enough: float = math.inf
    nodes: int = 20_000
    deadline: float = math.inf


@dataclass
class Search:
    """What a search holds: the largest t found with its reward, and whether it looked everywhere it had to.

    ``bound`` and ``multipliers`` are the largest t, and the multipliers of the rows, without what coalitions of two or
    more require: minus infinity where there is no point even so, infinity where none was looked for.
    """

    value: float = -math.inf
    weights: Floats | None = None
    bound: float = math.inf
    multipliers: Floats = field(default_factory=lambda: np.empty(0))
    complete: bool = True
    nodes: int = 0


def search(program: RewardProgram, rewards: RewardSet, limits: Limits) -> Search:
    """Search the reward set for the largest t.

    The programme holds the rows of the gains and of single agents; rows that the search adds are dropped again.

    Raises
    ------
    ProgramError
        When HiGHS fails, or its points miss the rows by more than the tolerance of the reward set.
    """
    found = Search()
    _branch(program, rewards, found, limits, frozenset())
    return found


def _branch(
    program: RewardProgram, rewards: RewardSet, found: Search, limits: Limits, kept: frozenset[tuple[int, int]]
) -> None:
    """Search below a node, where somebody keeps the requirements ``kept``."""
    if found.nodes >= limits.nodes or time.monotonic() > limits.deadline:
        found.complete = False
        return
    optimum = program.solve()
    found.nodes += 1
    if found.nodes == 1:
        found.bound = -math.inf if optimum is None else optimum.value
        found.multipliers = np.empty(0) if optimum is None else optimum.multipliers
    if optimum is None or optimum.value <= max(found.value + SAME, limits.above):
        return
    broken = rewards.most_broken(optimum.weights)
    if broken is None:
        found.value, found.weights = optimum.value, optimum.weights
        return
    number, row, gains = broken
    if (number, row) in kept:
        raise ProgramError("HiGHS misses its rows; bring the utilities to numbers of about 1")
    rows = program.rows
    for k in np.argsort(gains, kind="stable").tolist():
        _add_keeper(program, rewards, (number, row), k)
        _branch(program, rewards, found, limits, kept | {(number, row)})
        program.drop(rows)
        if found.value > min(limits.enough, MOST - SAME) or not found.complete:
            return


def _add_keeper(program: RewardProgram, rewards: RewardSet, requirement: tuple[int, int], k: int) -> None:
    """Add u_j(y(theta'_-B), theta) <= u_j(f(theta), theta) for the k-th member j of a coalition."""
    number, row = requirement
    required = rewards.requirements[number]
    j = members(required.coalition)[k]
    add_no_gain(program, rewards, j, required.true[row], required.others[row])


def add_no_gain(program: RewardProgram, rewards: RewardSet, agent: int, true: Ints, others: Ints) -> None:
    """Add u_j(y(others), true) <= u_j(f(true), true) for an agent j at pairs of profiles."""
    program.add_blocks(others, rewards.environment.worth[agent, true], rewards.base_payoffs[agent, true])


def program_of(rewards: RewardSet, options: SolverOptions) -> RewardProgram:
    """Return the programme of the reward functions of a base, with what single agents require."""
    environment = rewards.environment
    program = RewardProgram(rewards.profiles, len(environment.outcomes), len(environment.rays), options)
    for required in rewards.requirements:
        if len(members(required.coalition)) == 1:
            (agent,) = members(required.coalition)
            add_no_gain(program, rewards, agent, required.true.ravel(), required.others.ravel())
    return program


def some_reward(rewards: RewardSet, options: SolverOptions | None = None) -> Reward | None:
    """Return an element of a reward set, or None when the set is empty.

    Raises
    ------
    ProgramError
        When HiGHS fails, or the search is stopped before it looked everywhere.
    """
    found = search(program_of(rewards, options or SolverOptions()), rewards, Limits(above=-math.inf, enough=-math.inf))
    if not found.complete:
        raise ProgramError(f"no reward was found in {found.nodes} programmes, and not all possibilities were tried")
    return None if found.weights is None else Reward(rewards.base, found.weights)
