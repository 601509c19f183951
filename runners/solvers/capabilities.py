"""Which solver may have which class of problem, and which one is chosen when none is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from breakaway.runners.solvers.classify import ModelFacts, ProblemClass
from breakaway.runners.solvers.errors import CapabilityError

LP, MILP, QP, MIQP, NLP, MINLP = ProblemClass


@dataclasses.dataclass(frozen=True)
class Capability:
    """What a solver can do here.

    Attributes
    ----------
    classes : frozenset of ProblemClass
        Classes that it may be given.
    duals : bool
        Whether duals come back (for models without integer variables).
    proves_global : bool
        Whether its optimum is a proven global one.
    reached : str
        How it is reached.
    install : str
        What makes it available.
    """

    classes: frozenset[ProblemClass]
    duals: bool
    proves_global: bool
    reached: str
    install: str


#: The solvers that this package knows by itself.
CAPABILITIES: Mapping[str, Capability] = {
    "highs": Capability(frozenset({LP, MILP, QP}), True, True, "Pyomo's highs interface", "pip install highspy"),
    "ipopt": Capability(
        frozenset({LP, QP, NLP}), True, False, "NL file, casadi, cyipopt", "pip install casadi cyipopt-wheels"
    ),
    "scip": Capability(
        frozenset(ProblemClass), False, True, "NL file, pyscipopt in a subprocess", "pip install breakaway[scip]"
    ),
}

#: The solver that is taken when none is named.
DEFAULT_SOLVER: Mapping[ProblemClass, str] = {
    LP: "highs",
    MILP: "highs",
    QP: "highs",
    NLP: "ipopt",
    MIQP: "scip",
    MINLP: "scip",
}

#: The solver that is asked when the default one has no answer that can be trusted.
SECOND_SOLVER: Mapping[ProblemClass, str] = {QP: "ipopt"}


def refuse_mismatch(solver: str, facts: ModelFacts) -> None:
    """Raise CapabilityError when a known solver must not have a model of this class."""
    if facts.problem_class in CAPABILITIES[solver].classes:
        return
    able = ", ".join(name for name, capability in CAPABILITIES.items() if facts.problem_class in capability.classes)
    raise CapabilityError(f"{solver} cannot solve this {facts.problem_class.value}{why(facts)}: use {able}")


def why(facts: ModelFacts) -> str:
    """Name what makes the model integer or nonlinear."""
    parts = []
    if facts.integer_variable:
        parts.append(f"{facts.integer_variable} is integer")
    if facts.nonlinear_component:
        parts.append(f"{facts.nonlinear_component} is nonlinear (not convex quadratic)")
    return f" ({', '.join(parts)})" if parts else ""
