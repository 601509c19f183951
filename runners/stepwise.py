"""All maximisers by repeated solves: take an optimum, exclude what it covers, until nothing better can be left.

The loop is the same for every feasible set and solver. What differs is given by a *judge*, which reads the choices that
a model made, evaluates them exactly, and says how to exclude them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from breakaway.runners.search import Number
from breakaway.runners.solvers import (
    Holding,
    InfeasibleError,
    LimitReachedError,
    Outcome,
    SolverOptions,
    Termination,
    solve_model,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One solve: which phase, the bound it proved, the exact value of what it chose, and Ipopt's value of the same.

    Values are logs of Nash products (totals in the phase "required worth"); ``nlp_value`` is None where Ipopt had
    nothing to do.
    """

    phase: str
    solver: str
    bound: float
    value: float
    nlp_value: float | None
    seconds: float


Journal = Callable[[Step], None]


def keep_no_journal(step: Step) -> None:
    """Forget the steps."""


@dataclass(slots=True)
class Clock:
    """One time limit for several solves, and the journal of the steps taken."""

    options: SolverOptions
    journal: Journal = keep_no_journal
    started: float = field(default_factory=time.perf_counter)

    def solve(self, model: Any, solver: str, best: float | None = None, bound: float = math.inf) -> Outcome | None:
        """Solve a model within the time that is left; None when it has no solution.

        Raises
        ------
        LimitReachedError
            When the limit is reached; its outcome carries the best value and the bound, as given here.
        """
        try:
            return solve_model(model, self._remaining(best, bound), solver=solver)
        except InfeasibleError:
            return None
        except LimitReachedError as error:
            raise self.limit_reached(best, bound) from error

    def _remaining(self, best: float | None, bound: float) -> SolverOptions:
        if self.options.time_limit is None:
            return self.options
        left = self.options.time_limit - (time.perf_counter() - self.started)
        if left <= 0:
            raise self.limit_reached(best, bound)
        return self.options.replace(time_limit=left)

    def limit_reached(self, best: float | None, bound: float) -> LimitReachedError:
        """Make the error that says what is known at the limit."""
        seconds = time.perf_counter() - self.started
        outcome = Outcome(
            termination=Termination.TIME_LIMIT,
            holding=Holding.NOTHING if best is None else Holding.FEASIBLE_POINT,
            objective=best,
            bound=bound,
            seconds=seconds,
            solver="model",
            version="",
        )
        known = "no value" if best is None else f"value {best:.12g}"
        return LimitReachedError(
            f"limit reached after {seconds:.3g} s with {known} and bound {bound:.12g}: raise time_limit", outcome
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """Exact evaluation of what a model chose.

    ``value`` is the log of the Nash product (-inf: not feasible, or zero); ``allocation`` holds net payoffs.
    """

    value: float
    allocation: tuple[Number, ...] = ()
    nlp_value: float | None = None


class Judge(Protocol):
    """What the loop needs to know of a kind of problem."""

    margin: float
    """How far below the best value a bound must be so that nothing is missed, in log product."""

    def value(self, model_value: float) -> float:
        """Turn an objective of the model into a log of the Nash product."""

    def evaluate(self, model: Any, best: float) -> Candidate:
        """Evaluate exactly what the model holds."""

    def exclude(self, model: Any) -> bool:
        """Exclude what the last candidate covers; False when that is everything."""

    def refine(self, model: Any) -> None:
        """Tighten a relaxation at the points just seen."""


def all_maximisers(model: Any, solver: str, judge: Judge, clock: Clock) -> tuple[list[Candidate], float]:
    """Return every candidate found and the proven upper bound of the log product.

    Steps: 1. solve the model; 2. stop when it is infeasible or its bound is below the best value; 3. evaluate the
    choices exactly; 4. exclude every allocation that the candidate is at least as good as; 5. tighten; repeat.

    Raises
    ------
    LimitReachedError
        With the best value and the bound.
    """
    found: list[Candidate] = []
    best, bound = -math.inf, math.inf
    while True:
        started = time.perf_counter()
        try:
            outcome = clock.solve(model, solver, best if found else None, bound)
        except LimitReachedError as error:
            raise clock.limit_reached(best if found else None, _bound_at_limit(error, judge, bound)) from error
        if outcome is None:
            return found, best
        left = judge.value(outcome.bound)
        if left < best - judge.margin:
            return found, best
        bound = max(best, min(bound, left))
        try:
            candidate = judge.evaluate(model, best)
        except LimitReachedError as error:
            raise clock.limit_reached(best if found else None, bound) from error
        seconds = time.perf_counter() - started
        clock.journal(Step("division", solver, left, candidate.value, candidate.nlp_value, seconds))
        if candidate.allocation:
            found.append(candidate)
            best = max(best, candidate.value)
        if not judge.exclude(model):
            return found, best
        judge.refine(model)


def _bound_at_limit(error: LimitReachedError, judge: Judge, bound: float) -> float:
    """Return the better of the bound so far and the one that the stopped solver had proven itself."""
    stopped = error.__cause__
    outcome = stopped.outcome if isinstance(stopped, LimitReachedError) else None
    if outcome is None or not math.isfinite(outcome.bound):
        return bound
    return min(bound, judge.value(outcome.bound))
