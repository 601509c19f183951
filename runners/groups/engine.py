"""Certified column generation for pairwise games: a stable assignment of a large market, with its proof.

1. Start from one-type groups.
2. Solve the master over the groups held, to a tenth of the gap that is still open (:mod:`.interior`).
3. Look for groups that beat its payoffs u, for every type and every size; look harder when few are found.
4. If none are found, search all permitted groups by proof. It gives excess_i >= (s(G) - u(G)) / |G| for every permitted
   group G of i, so u + excess is an imputation that no group improves upon, and mu.(u + excess) bounds the welfare.
5. Stop when bound less welfare is within the tolerance; otherwise add what was found, drop groups with large reduced
   costs, move payoffs up by the excess and start the next master there.
6. Turn the assignment into one with no more groups than types (:mod:`.vertex`).

Wang (2019), Small Group Cooperation in Games and Economies, section 2, for the two programs and their duality.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.groups import FiniteGroupGame, GroupArray, PairwiseGroupGame, permitted_count
from breakaway.runners.groups.interior import Point, inner, load_of, payoff_of, solve_master
from breakaway.runners.groups.pricing import PairwiseData, Pricer, distinct
from breakaway.runners.groups.protocol import GroupData, GroupPricer
from breakaway.runners.groups.solution import ROUNDING, GroupSolution, is_closed
from breakaway.runners.groups.vertex import vertex_of, within_masses

COLUMNS = "column generation"
"""The name of the method."""

TRIALS = (4, 32)
"""Trials per type of the quick search; more of them once few better groups are found."""

FEW = 20
"""Which fraction of the types counts as few, as 1 / FEW."""

MOST_COLUMNS, KEPT_COLUMNS = 12, 8
"""Groups per type above which the master is purged, and what is kept."""

PURGE_FROM = 0.05
"""Gap, as a part of the welfare, above which nothing is dropped: payoffs do not tell yet which groups matter."""

PURGE_AGAIN = 0.5
"""Part of the gap at one purge down to which the gap falls before the next; otherwise groups come and go for ever."""

SHARPER = 0.1
"""A master is solved to this part of the gap that is open."""

UNASSIGNED = 1e-10
"""A group with less than this part of its rarest member's mass is rounding, and is not formed."""

TINY = 1e-30
"""Part of the largest entry that a proof of payoffs of 0 may give away."""

BOUND_SHARE = 0.1
"""Part of the time that may be spent on bounds on the way, so that a time limit finds a good one."""

ProgressCall = Callable[[float, float, float, int], None]
"""Is told seconds, welfare, proven bound, and groups held."""


def solve_pairwise(
    game: PairwiseGroupGame,
    tolerance: float = 1e-7,
    time_limit: float | None = None,
    progress: ProgressCall | None = None,
    threads: int | None = None,
    absolute: float = math.inf,
) -> GroupSolution:
    """Return a stable assignment and an imputation of a pairwise game, and the gap between them.

    Parameters
    ----------
    game
        The game; every group of ``min_size`` to ``max_size`` members is permitted, with repeated types.
    tolerance
        Gap at which the answer is complete, relative to the welfare.
    time_limit
        Seconds after which the best assignment and the best proven bound are returned as they are, as they are when the
        user presses Ctrl-C; the step at hand is finished first. None: no limit.
    progress
        Is told of every round.
    threads
        Threads of the search; by default one per processor.
    absolute
        Gap, in money, that the answer must not exceed either.

    Returns
    -------
    GroupSolution
        ``imputation`` is feasible for every permitted group, and its total is ``dual``.
    """
    clock = Clock(time_limit)
    scaled, unit = scaled_game(game)
    return generate_columns(game, Pricer(scaled, threads), unit, tolerance, clock, progress, absolute)


def generate_columns(
    game: FiniteGroupGame,
    pricer: GroupPricer,
    unit: float,
    tolerance: float,
    clock: Clock,
    progress: ProgressCall | None = None,
    absolute: float = math.inf,
) -> GroupSolution:
    """Return a stable assignment of a game by a pricer of its groups, which is closed; see :func:`solve_pairwise`.

    ``unit`` is the welfare that one unit of the pricer's data stands for.
    """
    try:
        with heeding_interrupts(clock):
            run = _Run(pricer, unit, tolerance, clock, progress, absolute)
            run.rounds()
            return run.solution(game)
    finally:
        pricer.close()


def scaled_game(game: PairwiseGroupGame) -> tuple[PairwiseData, float]:
    """Return the game with largest entry and total mass one, and the welfare that one unit stands for."""
    used = game.size_cost[game.min_size : game.max_size + 1]
    largest = max(float(np.abs(entries).max(initial=0.0)) for entries in (game.solo, game.values, used)) or 1.0
    mass = float(game.types.masses.sum())
    data = PairwiseData(
        masses=game.types.masses / mass,
        sizes=range(game.min_size, game.max_size + 1),
        largest_entry=largest,
        solo=game.solo / largest,
        values=np.ascontiguousarray(game.values / largest),
        size_cost=game.size_cost / largest,
    )
    return data, largest * mass


@dataclass(slots=True)
class Clock:
    """Seconds since the start, and whether time is up: the limit has passed, or the user has interrupted."""

    limit: float | None
    start: float = field(default_factory=time.perf_counter)
    interrupted: bool = False

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self.start

    def left(self) -> float | None:
        """Return the seconds until the limit, at least 0; None without a limit."""
        return None if self.limit is None else max(0.0, self.limit - self.seconds())

    def time_is_up(self) -> bool:
        """Tell whether the limit has passed, or the user has interrupted."""
        return self.interrupted or (self.limit is not None and self.seconds() >= self.limit)


@contextmanager
def heeding_interrupts(clock: Clock) -> Iterator[None]:
    """Let the first Ctrl-C end the time, so that what is known is returned, and a second one raise KeyboardInterrupt.

    Only where Ctrl-C would have raised it at once: in the main thread, with Python's own handler.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if clock.interrupted:
            raise KeyboardInterrupt
        clock.interrupted = True

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Run:
    """One run of column generation: groups held, the point of the master, and the best bound so far."""

    def __init__(
        self,
        pricer: GroupPricer,
        unit: float,
        tolerance: float,
        clock: Clock,
        progress: ProgressCall | None,
        absolute: float,
    ) -> None:
        self.pricer, self.data, self.unit, self.clock = pricer, pricer.data, unit, clock
        self.tolerance, self.absolute, self.progress = tolerance, absolute / unit, progress
        self.history: list[tuple[float, float, float, int]] = []
        self.bound, self.imputation = math.inf, np.zeros(self.data.types)
        self.groups = one_type_groups(self.data)
        self.surplus = np.maximum(self.data.raw(self.groups), 0.0)
        self.point = self._first_point()
        self.bounds_took, self.bounded_at = 0.0, 0.0
        self.trials, self.purged_at = 0, math.inf

    # --- the master --------------------------------------------------------------------------------------------------

    def _first_point(self) -> Point:
        sizes = (self.groups >= 0).sum(axis=1)
        payoffs = np.full(self.data.types, float((self.surplus / sizes).max()) + 0.01)
        return self._point(payoffs, np.zeros(len(self.groups)), 0.01)

    def _point(self, payoffs: Floats, taken: Floats, room: float) -> Point:
        """Return a point with these payoffs, which leave every group held a reduced cost, and balanced products.

        ``room`` is the gap of the point, per unit of mass; groups get at least their share of it.
        """
        data = self.data
        reduced = payoff_of(self.groups, payoffs) - self.surplus
        taken = np.maximum(taken, room / (len(taken) + data.types) / reduced)
        taken = within_masses(self.groups, taken, 0.99 * data.masses)
        return Point(taken, data.masses - load_of(self.groups, taken, data.types), payoffs, reduced)

    @property
    def welfare(self) -> float:
        """Return the scaled welfare of the master's point."""
        return inner(self.surplus, self.point.taken)

    @property
    def goal(self) -> float:
        """Return the scaled gap at which the run stops."""
        return max(min(self.tolerance * self.welfare, self.absolute), ROUNDING)

    # --- rounds ------------------------------------------------------------------------------------------------------

    def rounds(self) -> None:
        """Repeat steps 2 to 5 until the gap is closed or time is up."""
        target = SHARPER * inner(self.data.masses, self.point.payoffs)
        while True:
            self.point = solve_master(
                self.pricer.kernels, self.groups, self.surplus, self.data.masses, self.point, target
            )
            found, excess = self._look()
            gap = self._gap(excess)
            if not len(found) or gap <= self.goal:
                found, excess = self._prove()
                gap = self._gap(excess)
            elif self.bounds_took <= BOUND_SHARE * (self.clock.seconds() - self.bounded_at):
                self._bound_by_pairs()
            self._record()
            if self.bound - self.welfare <= self.goal or self.clock.time_is_up():
                return
            self._next_master(found, excess, gap)
            target = max(SHARPER * gap, 0.2 * self.goal)

    def _gap(self, excess: Floats) -> float:
        return inner(self.data.masses, self.point.payoffs + excess) - self.welfare

    def _look(self) -> tuple[GroupArray, Floats]:
        """Look for groups that beat the payoffs; return them and how much every type may gain."""
        while True:
            groups, gains = self.pricer.look(self.point.payoffs, TRIALS[self.trials])
            better = gains > 0.1 * self.goal
            groups, gains = groups[better], gains[better]
            if len(groups) * FEW > self.data.types or self.trials + 1 == len(TRIALS):
                return groups, excess_of(groups, gains, self.data.types)
            self.trials += 1

    def _prove(self) -> tuple[GroupArray, Floats]:
        """Search all permitted groups and keep the bound if it is the best."""
        proof = self.pricer.prove(self.point.payoffs, 0.25 * self.goal, self.clock.time_is_up)
        self._keep(proof.excess)
        groups, _ = distinct(proof.groups, np.zeros(len(proof.groups)))
        return groups, proof.excess

    def _bound_by_pairs(self) -> None:
        """Bound the welfare as a search that has no time would."""
        before = self.clock.seconds()
        self._keep(self.pricer.prove(self.point.payoffs, 0.25 * self.goal, lambda: True).excess)
        self.bounded_at = self.clock.seconds()
        self.bounds_took = self.bounded_at - before

    def _bound_at_nothing(self) -> None:
        """Bound the welfare of a market in which nobody seems to make anything, from payoffs of 0."""
        nothing = np.zeros(self.data.types)
        self._keep_payoffs(self.pricer.prove(nothing, TINY, self.clock.time_is_up).excess)

    def _keep(self, excess: Floats) -> None:
        self._keep_payoffs(self.point.payoffs + excess)

    def _keep_payoffs(self, payoffs: Floats) -> None:
        bound = inner(self.data.masses, payoffs)
        if bound < self.bound:
            self.bound, self.imputation = bound, payoffs

    def _record(self) -> None:
        line = (self.clock.seconds(), self.welfare * self.unit, self.bound * self.unit, len(self.groups))
        self.history.append(line)
        if self.progress is not None:
            self.progress(*line)

    def _next_master(self, found: GroupArray, excess: Floats, gap: float) -> None:
        """Add the groups found, drop the least useful, and place the point where all groups have a reduced cost."""
        held, old = len(self.groups), self.point.taken
        groups, first = np.unique(np.concatenate([self.groups, found]), axis=0, return_index=True)
        taken = np.append(old, np.zeros(len(found)))[first]
        surplus = np.maximum(self.data.raw(groups), 0.0)
        room = SHARPER * gap
        payoffs = self.point.payoffs + excess + room
        telling = gap <= min(PURGE_AGAIN * self.purged_at, PURGE_FROM * self.welfare)
        if telling and len(groups) > MOST_COLUMNS * self.data.types:
            self.purged_at = gap
            kept = _most_useful(payoff_of(groups, self.point.payoffs) - surplus, taken, first >= held, self.data.types)
            groups, taken, surplus = groups[kept], taken[kept], surplus[kept]
        self.groups, self.surplus = groups, surplus
        self.point = self._point(payoffs, taken, inner(self.data.masses, excess) + room)

    # --- the answer --------------------------------------------------------------------------------------------------

    def solution(self, game: FiniteGroupGame) -> GroupSolution:
        """Return what is held, in the units of the game."""
        types, data = game.types, self.data
        if not math.isfinite(self.bound):
            self._bound_by_pairs()
        taken = vertex_of(self.groups, self.surplus, data.masses, self.point, self.bound - self.goal)
        groups, taken = with_leftovers(self.groups, taken, data)
        surplus = np.maximum(data.raw(groups), 0.0)
        primal = inner(surplus, taken)
        if not primal and not self.clock.time_is_up():
            self._bound_at_nothing()
        self.history.append((self.clock.seconds(), primal * self.unit, self.bound * self.unit, len(self.groups)))
        mass = float(types.masses.sum())
        return GroupSolution(
            groups=groups,
            masses=taken * mass,
            surplus=surplus * data.largest_entry,
            imputation=self.imputation * data.largest_entry,
            primal=primal * self.unit,
            dual=self.bound * self.unit,
            groups_priced=permitted_count(game) if math.isfinite(self.bound) else 0,
            history=self.history,
            complete=is_closed(primal, self.bound, self.tolerance, float(data.masses.min()))
            and self.bound - primal <= max(self.absolute, ROUNDING),
            method=COLUMNS,
            interrupted=self.clock.interrupted,
        )


def one_type_groups(data: GroupData) -> GroupArray:
    """Return the groups of one type with a surplus, of every size, and those of the least size without."""
    names, members = np.arange(data.types)[:, None], np.arange(data.largest)[None]
    groups = np.concatenate([np.where(members < n, names, -1) for n in data.sizes]).astype(np.int32)
    useful = data.raw(groups) > 0.0
    useful[: data.types] = True
    return groups[useful]


def excess_of(groups: GroupArray, gains: Floats, types: int) -> Floats:
    """Return for every type the largest gain per member of these groups, at least 0."""
    excess = np.zeros(types + 1)
    share = np.repeat(gains / (groups >= 0).sum(axis=1), groups.shape[1])
    np.maximum.at(excess, groups.ravel(), share)
    return excess[:types]


def _most_useful(reduced: Floats, taken: Floats, fresh: np.ndarray, types: int) -> np.ndarray:
    """Return the positions of new groups, of those with the least reduced costs, and of those most taken."""
    useful = fresh.copy()
    useful[np.argsort(reduced, kind="stable")[: KEPT_COLUMNS * types]] = True
    useful[np.argsort(-taken, kind="stable")[: 2 * types]] = True
    return np.flatnonzero(useful)


def with_leftovers(groups: GroupArray, taken: Floats, data: GroupData) -> tuple[GroupArray, Floats]:
    """Put those who are in no group into one-type groups of the least size; return the groups formed."""
    taken = np.where(taken > UNASSIGNED * np.append(data.masses, np.inf)[groups].min(axis=1), taken, 0.0)
    left = np.maximum(data.masses - load_of(groups, taken, data.types), 0.0)
    alone = one_type_groups(data)[: data.types]
    every, at = np.unique(np.concatenate([groups, alone]), axis=0, return_inverse=True)
    mass = np.bincount(at.ravel(), np.append(taken, left / data.sizes.start), minlength=len(every))
    formed = mass > UNASSIGNED * np.append(data.masses, np.inf)[every].min(axis=1)
    return every[formed], mass[formed]
