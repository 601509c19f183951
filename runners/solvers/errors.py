"""One exception class for each way in which a solve can fail; the message says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breakaway.runners.solvers.outcome import Outcome


class SolveError(Exception):
    """A solve that did not end in an optimum.

    Attributes
    ----------
    outcome : Outcome or None
        What is known in spite of the failure, bound included; None when the solver never ran.
    """

    def __init__(self, message: str, outcome: Outcome | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome


class SolverUnavailableError(SolveError):
    """The solver is not installed, not licensed, or unknown."""


class CapabilityError(SolveError):
    """The solver cannot solve problems of this class, or the model must be transformed first."""


class OptionError(SolveError, ValueError):
    """An option is unknown to the solver or has an impossible value."""


class InfeasibleError(SolveError):
    """The model has no feasible point (proven, or locally by a nonlinear solver)."""


class UnboundedError(SolveError):
    """The objective improves without limit."""


class LimitReachedError(SolveError):
    """A limit of time, iterations or nodes was reached before the end."""


class NumericalError(SolveError):
    """Functions could not be evaluated, or the arithmetic broke down."""


class SolverCrashedError(SolveError):
    """The solver process died or raised an unexpected error."""


class SolverHungError(SolverCrashedError):
    """The solver process did not answer within its time limit and a period of grace."""
