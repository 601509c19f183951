"""From an outcome that is not an optimum to the exception that says what to do."""

from __future__ import annotations

from breakaway.runners.solvers.errors import (
    InfeasibleError,
    LimitReachedError,
    NumericalError,
    SolveError,
    SolverCrashedError,
    SolverHungError,
    UnboundedError,
)
from breakaway.runners.solvers.outcome import Outcome, Termination

_REMEDIES: dict[Termination, tuple[type[SolveError], str]] = {
    Termination.INFEASIBLE: (InfeasibleError, "relax a constraint or a bound"),
    Termination.LOCALLY_INFEASIBLE: (
        InfeasibleError,
        "no feasible point was found near the start: try other start values, or a global solver such as scip",
    ),
    Termination.INFEASIBLE_OR_UNBOUNDED: (InfeasibleError, "give every variable finite bounds to tell the two apart"),
    Termination.UNBOUNDED: (UnboundedError, "give the variables of the objective finite bounds"),
    Termination.TIME_LIMIT: (LimitReachedError, "raise time_limit, or accept a larger rel_gap"),
    Termination.ITERATION_LIMIT: (LimitReachedError, "raise the limit of iterations or nodes among the native options"),
    Termination.EVALUATION_ERROR: (NumericalError, "start inside the domain of every logarithm, root and power"),
    Termination.NUMERICAL: (NumericalError, "scale the model, loosen tolerance, or start elsewhere"),
    Termination.REFUTED: (NumericalError, "set solver='ipopt', which takes every convex quadratic program"),
    Termination.TOO_MANY_EQUALITIES: (NumericalError, "remove redundant equality constraints"),
    Termination.CRASHED: (SolverCrashedError, "set another solver, or loosen tolerance; the model itself may be fine"),
    Termination.HUNG: (SolverHungError, "raise time_limit, or set another solver"),
    Termination.INTERRUPTED: (LimitReachedError, "run it again"),
    Termination.ERROR: (SolveError, "see the solver's message; another solver may do"),
}


def raise_unless_optimal(outcome: Outcome) -> None:
    """Raise the exception of an outcome that is not an optimum.

    Raises
    ------
    InfeasibleError, UnboundedError, LimitReachedError, NumericalError, SolverCrashedError, SolveError
        With the outcome attached.
    """
    if outcome.is_optimal:
        return
    error, remedy = _REMEDIES.get(outcome.termination, _REMEDIES[Termination.ERROR])
    raise error(
        f"{outcome.solver}: {outcome.termination.value} after {outcome.seconds:.3g} s{_known(outcome)}: {remedy}"
        + (f" [{outcome.message}]" if outcome.message else ""),
        outcome,
    )


def _known(outcome: Outcome) -> str:
    """Say what value and bound are held."""
    if outcome.objective is None:
        return f", {outcome.holding.value} held"
    return f", {outcome.holding.value} with value {outcome.objective:.12g} and bound {outcome.bound:.12g} held"
