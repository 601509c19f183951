"""Why work stopped before its end, and what is known then: the certificate of an unfinished answer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from breakaway.runners.search import SearchLimitError
from breakaway.runners.solvers import (
    CapabilityError,
    LimitReachedError,
    OptionError,
    SolveError,
    SolverUnavailableError,
)

STOPS = (SolveError, SearchLimitError, KeyboardInterrupt)
"""What may stop work early: a failed solve, a limit of the search, the user."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why work stopped, in words and as a termination, with the log product and its bound where they are known."""

    reason: str
    termination: str
    value: float | None = None
    bound: float | None = None

    @property
    def holding(self) -> str:
        """What is held: a point whose product is known, or nothing."""
        return "nothing" if self.value is None else "feasible point"


def stop_of(error: BaseException) -> Stop:
    """Return what an early end leaves known of the division that was being solved.

    Value and bound are those of a limit; after any other failure of a solver they are not to be trusted.
    """
    if isinstance(error, KeyboardInterrupt):
        return Stop("interrupted", "interrupted")
    if isinstance(error, SearchLimitError):
        return Stop(str(error), "iteration or node limit", _finite(error.best), _finite(error.bound))
    outcome = error.outcome if isinstance(error, SolveError) else None
    if outcome is None:
        return Stop(str(error), "time limit" if isinstance(error, LimitReachedError) else "solver failure")
    if isinstance(error, LimitReachedError):
        return Stop(str(error), outcome.termination.value, _finite(outcome.objective), _finite(outcome.bound))
    return Stop(str(error), outcome.termination.value)


def never_started(error: BaseException) -> bool:
    """Tell whether a solver was refused before it did anything, so that there is nothing to report."""
    return isinstance(error, SolverUnavailableError | CapabilityError | OptionError)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
