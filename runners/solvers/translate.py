"""Small translations that the backends share: Pyomo's statuses, values and suffixes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyomo.environ as pyo
from pyomo.contrib.solver.common.results import TerminationCondition

from breakaway.runners.solvers.classify import ModelFacts
from breakaway.runners.solvers.outcome import Termination

#: Pyomo's reasons for stopping in our words.
TERMINATIONS: Mapping[TerminationCondition, Termination] = {
    TerminationCondition.convergenceCriteriaSatisfied: Termination.OPTIMAL,
    TerminationCondition.maxTimeLimit: Termination.TIME_LIMIT,
    TerminationCondition.iterationLimit: Termination.ITERATION_LIMIT,
    TerminationCondition.objectiveLimit: Termination.ITERATION_LIMIT,
    TerminationCondition.minStepLength: Termination.NUMERICAL,
    TerminationCondition.unbounded: Termination.UNBOUNDED,
    TerminationCondition.provenInfeasible: Termination.INFEASIBLE,
    TerminationCondition.locallyInfeasible: Termination.LOCALLY_INFEASIBLE,
    TerminationCondition.infeasibleOrUnbounded: Termination.INFEASIBLE_OR_UNBOUNDED,
    TerminationCondition.interrupted: Termination.INTERRUPTED,
    TerminationCondition.error: Termination.ERROR,
    TerminationCondition.licensingProblems: Termination.ERROR,
    TerminationCondition.emptyModel: Termination.ERROR,
    TerminationCondition.unknown: Termination.ERROR,
}


def dotted(version: Iterable[Any] | None) -> str:
    """Write a version tuple with dots."""
    return ".".join(str(part) for part in version or ())


def objective_of(facts: ModelFacts) -> float:
    """Compute the objective from the values in the model; zero for a feasibility problem."""
    return 0.0 if facts.objective is None else float(pyo.value(facts.objective))


def clear_import_suffixes(model: Any) -> None:
    """Empty the suffixes that a solver would have filled, so that no stale dual survives."""
    for suffix in model.component_objects(pyo.Suffix, active=True, descend_into=True):
        if suffix.import_enabled():
            suffix.clear()


@contextlib.contextmanager
def suffixes_hidden(model: Any) -> Iterator[None]:
    """Make all suffixes of a model local for a while, so that no interface or file writer trips over them."""
    found = list(model.component_objects(pyo.Suffix, active=True, descend_into=True))
    directions = [suffix.direction for suffix in found]
    for suffix in found:
        suffix.direction = pyo.Suffix.LOCAL
    try:
        yield
    finally:
        for suffix, direction in zip(found, directions, strict=True):
            suffix.direction = direction
