"""What a solve came to, in two words (why it stopped, what is held), with value and bound."""

from __future__ import annotations

import dataclasses
import enum
import math


class Termination(enum.Enum):
    """Why the solver stopped."""

    OPTIMAL = "optimal"
    ACCEPTABLE = "acceptable tolerance reached"
    INFEASIBLE = "infeasible"
    LOCALLY_INFEASIBLE = "locally infeasible"
    UNBOUNDED = "unbounded"
    INFEASIBLE_OR_UNBOUNDED = "infeasible or unbounded"
    TIME_LIMIT = "time limit"
    ITERATION_LIMIT = "iteration or node limit"
    INTERRUPTED = "interrupted"
    EVALUATION_ERROR = "function could not be evaluated"
    NUMERICAL = "numerical difficulties"
    REFUTED = "optimum claimed at a point that fails the optimality conditions"
    TOO_MANY_EQUALITIES = "more equality constraints than variables"
    CRASHED = "crashed"
    HUNG = "stopped because it did not answer"
    ERROR = "error"


class Holding(enum.Enum):
    """What is in hand after the solver stopped."""

    PROVEN_OPTIMUM = "proven optimum"
    LOCAL_OPTIMUM = "local optimum"
    FEASIBLE_POINT = "feasible point"
    INFEASIBILITY_PROOF = "infeasibility proof"
    NOTHING = "nothing"

    @property
    def has_point(self) -> bool:
        """Whether values were loaded into the model."""
        return self in {Holding.PROVEN_OPTIMUM, Holding.LOCAL_OPTIMUM, Holding.FEASIBLE_POINT}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Result of one solve. The values themselves are in the model.

    Attributes
    ----------
    termination : Termination
        Why the solver stopped.
    holding : Holding
        What is held; values are loaded into the model when a point is held.
    objective : float or None
        Objective of the loaded values, recomputed from the model; None when no point is held.
    bound : float
        Proven bound of the objective: from below when minimising, from above when maximising; infinite when
        none is known.
    seconds : float
        Wall-clock time of the call, with writing the model and reading the answer.
    solver, version : str
        Which solver gave the answer.
    iterations, nodes : int or None
        Work done, where the solver says.
    message : str
        The solver's own words.
    """

    termination: Termination
    holding: Holding
    objective: float | None
    bound: float
    seconds: float
    solver: str
    version: str
    iterations: int | None = None
    nodes: int | None = None
    message: str = ""

    @property
    def is_optimal(self) -> bool:
        """Whether the solver finished with an optimum, proven or local."""
        return self.holding in {Holding.PROVEN_OPTIMUM, Holding.LOCAL_OPTIMUM}

    @property
    def gap(self) -> float:
        """Absolute distance of objective and bound, in units of the objective; infinite when one is missing."""
        if self.objective is None:
            return math.inf
        return abs(self.objective - self.bound)

    @property
    def relative_gap(self) -> float:
        """Gap divided by the magnitude of the objective (at least 1e-10)."""
        if self.objective is None:
            return math.inf
        return self.gap / max(abs(self.objective), 1e-10)
