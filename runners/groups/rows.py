"""Imputations by row generation on the Pyomo model, with HiGHS kept between solves: for markets of moderate size.

1. Start with one row for every type: no group of one type blocks.
2. Solve min mu.u over the rows held. Its duals tau are an assignment, so its value is the welfare of that assignment.
3. Price groups at u as in column generation (:mod:`.engine`): quickly, and by proof when nothing is found; u + excess
   is feasible for every permitted group, and mu.(u + excess) bounds the welfare.
4. Add the rows of the groups found, and solve again from the last basis; Pyomo is not asked what has changed.

Column generation on arrays is faster; here the programme is one that can be printed, exported and extended.
"""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
from pyomo.contrib.solver.solvers.highs import Highs

from breakaway.data.arrays import Floats
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupArray,
    PairwiseGroupGame,
    SurplusFunctionGame,
    one_type_groups,
    permitted_count,
    surpluses,
)
from breakaway.models import imputation
from breakaway.runners.groups import black_box, listed
from breakaway.runners.groups.direct import serving
from breakaway.runners.groups.engine import TINY, Clock, ProgressCall, heeding_interrupts, scaled_game
from breakaway.runners.groups.pricing import Pricer
from breakaway.runners.groups.protocol import GroupPricer
from breakaway.runners.groups.scaling import scaled, unit_of
from breakaway.runners.groups.solution import ROUNDING, GroupSolution, is_closed
from breakaway.runners.solvers import NumericalError
from breakaway.runners.solvers.highs import require_highspy

TRIALS = (1, 4, 16)
"""Starts per type of the quick search; more of them when it finds nothing."""

WORTH_A_ROW = 0.1
"""A group gets a row when it lacks more than this part of the gap that is asked for, per unit of mass."""

SHARP = 1e-10
"""Feasibility tolerance, the smallest that HiGHS accepts."""


def pricer_of(game: FiniteGroupGame, threads: int | None = None) -> GroupPricer:
    """Return the pricer of a game.

    Raises
    ------
    ValueError
        When unlisted groups are forbidden: payoffs may then be negative, which pricing does not know.
    """
    if isinstance(game, PairwiseGroupGame):
        return Pricer(scaled_game(game)[0], threads)
    if isinstance(game, SurplusFunctionGame):
        return black_box.BlackBoxPricer(black_box.scaled_data(game))
    if game.unlisted == "forbidden":
        raise ValueError("rows are not generated when unlisted groups are forbidden: leave the method to choose itself")
    return listed.ListedPricer(listed.scaled_data(game))


def solve_by_rows(
    game: FiniteGroupGame,
    tolerance: float = 1e-7,
    time_limit: float | None = None,
    progress: ProgressCall | None = None,
    threads: int | None = None,
) -> GroupSolution:
    """Return a stable assignment and an imputation by row generation on the imputation model.

    Parameters
    ----------
    game
        The game; listed games with forbidden groups are refused.
    tolerance
        Gap at which the answer is complete, relative to the welfare.
    time_limit
        Seconds after which the best bound is returned as it is; the step at hand is finished first. None: no limit.
    progress
        Is told of every round.
    threads
        Threads of the search; by default one per processor.

    Raises
    ------
    ValueError
        For a game with forbidden groups, or a surplus function that breaks a rule.
    """
    clock = Clock(time_limit)
    checked: FiniteGroupGame = black_box.checked_game(game) if isinstance(game, SurplusFunctionGame) else game
    pricer = pricer_of(checked, threads)
    try:
        with heeding_interrupts(clock):
            run = _Run(checked, pricer, tolerance, clock, progress)
            run.rounds()
            return run.solution()
    finally:
        pricer.close()


class _Run:
    """One run: the model with its rows, the payoffs it has now, and the best bound so far."""

    def __init__(
        self,
        game: FiniteGroupGame,
        pricer: GroupPricer,
        tolerance: float,
        clock: Clock,
        progress: ProgressCall | None,
    ) -> None:
        self.game, self.pricer, self.tolerance, self.clock, self.progress = game, pricer, tolerance, clock, progress
        self.groups = one_type_groups(game)
        self.names = {game.types.group_name(group) for group in self.groups.tolist()}
        self.money, self.people = unit_of(pricer.data.largest_entry), unit_of(game.types.masses)
        self.model = imputation.build(scaled(game, self.money, self.people), groups=self.groups)
        self.highs = kept_highs()
        self.payoffs, self.welfare = np.zeros(len(game.types)), 0.0
        self.bound, self.imputation = np.inf, self.payoffs
        self.history: list[tuple[float, float, float, int]] = []

    @property
    def goal(self) -> float:
        """Return the gap, in money, at which the run stops."""
        return max(self.tolerance * abs(self.welfare), ROUNDING * self._most)

    @property
    def _most(self) -> float:
        """Return the largest entry of the tables times the mass of all."""
        return self._unit * float(self.game.types.masses.sum())

    def rounds(self) -> None:
        """Repeat steps 2 to 4 until the gap is closed, time is up, or nothing new is found."""
        while True:
            self._solve()
            found = self._look()
            if not len(found):
                found = self._prove()
            self._record()
            if self.bound - self.welfare <= self.goal or self.clock.time_is_up() or not self._add(found):
                return

    def _solve(self) -> None:
        """Solve the programme over the rows held.

        Raises
        ------
        NumericalError
            When HiGHS ends without an optimum: the programme is feasible and bounded, and its time is not limited.
        """
        results = self.highs.solve(self.model)
        if results.incumbent_objective is None:
            raise NumericalError(
                "HiGHS could not solve the programme of the imputations: use column generation (method exact)"
            )
        results.solution_loader.load_vars()
        results.solution_loader.load_import_suffixes()
        self.payoffs = np.array([pyo.value(self.model.payoff[i]) for i in self.game.types.names]) * self.money
        self.welfare = float(results.incumbent_objective) * self.money * self.people

    @property
    def _unit(self) -> float:
        return self.pricer.data.largest_entry

    @property
    def _spared(self) -> float:
        """Return the payoff per member, in units of the pricer, that a proof may give away."""
        return 0.25 * self.goal / self._most

    def _look(self) -> GroupArray:
        for trials in TRIALS:
            groups, gains = self.pricer.look(self.payoffs / self._unit, trials)
            better = groups[gains > WORTH_A_ROW * self._spared]
            if len(better):
                return better
        return groups[:0]

    def _prove(self) -> GroupArray:
        """Price all groups, and keep the bound if it is the best."""
        proof = self.pricer.prove(self.payoffs / self._unit, self._spared, self.clock.time_is_up)
        self._keep(self.payoffs + self._unit * proof.excess)
        return proof.groups

    def _keep(self, payoffs: Floats) -> None:
        bound = float(self.game.types.masses @ payoffs)
        if bound < self.bound:
            self.bound, self.imputation = bound, payoffs

    def _record(self) -> None:
        line = (self.clock.seconds(), self.welfare, self.bound, len(self.names))
        self.history.append(line)
        if self.progress is not None:
            self.progress(*line)

    def _add(self, found: GroupArray) -> bool:
        """Add a row for every group that has none; tell whether there was one."""
        named = {self.game.types.group_name(group): k for k, group in enumerate(found.tolist())}
        fresh = found[[k for name, k in named.items() if name not in self.names]]
        rows = []
        worth = surpluses(self.game, fresh) / self.money
        for group, surplus in zip(fresh.tolist(), worth.tolist(), strict=True):
            inside = [self.game.types.names[i] for i in group if i >= 0]
            self.names.add(imputation.add_row(self.model, {i: inside.count(i) for i in inside}, surplus))
            rows.append(self.model.no_blocking[len(self.model.no_blocking)])
        self.groups = np.concatenate([self.groups, fresh])
        self.highs.add_constraints(rows)
        return bool(rows)

    def solution(self) -> GroupSolution:
        """Return the assignment that the duals are, and the imputation of the best bound."""
        if not np.isfinite(self.bound):
            proof = self.pricer.prove(self.payoffs / self._unit, self._spared, self.clock.time_is_up)
            self._keep(self.payoffs + self._unit * proof.excess)
        place = {self.game.types.group_name(group): k for k, group in enumerate(self.groups.tolist())}
        taken = np.zeros(len(self.groups))
        for name, mass in imputation.assignment(self.model).items():
            taken[place[name]] = max(mass, 0.0) * self.people
        taken = serving(self.game, self.groups, taken)
        formed = taken > 0.0
        surplus = surpluses(self.game, self.groups[formed])
        primal = float(surplus @ taken[formed])
        if not primal:
            self._keep(self._unit * self.pricer.prove(np.zeros(len(self.payoffs)), TINY, self.clock.time_is_up).excess)
        return GroupSolution(
            groups=self.groups[formed],
            masses=taken[formed],
            surplus=surplus,
            imputation=self.imputation,
            primal=primal,
            dual=self.bound,
            groups_priced=permitted_count(self.game) if np.isfinite(self.bound) else 0,
            history=self.history,
            complete=is_closed(primal, self.bound, self.tolerance, self._unit * float(self.game.types.masses.min())),
            method="row generation",
            interrupted=self.clock.interrupted,
        )


def kept_highs() -> Highs:
    """Return a HiGHS that keeps its model, and is told of every change instead of looking for it."""
    require_highspy()
    solver = Highs()
    for check in solver.config.auto_updates:
        solver.config.auto_updates[check] = False
    solver.config.load_solutions = False
    solver.config.raise_exception_on_nonoptimal_result = False
    for tolerance in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        solver.config.solver_options[tolerance] = SHARP
    return solver
