"""What can a solver do here? It is asked to solve tiny models with known answers, once per process.

`available()` of an interface is not proof: some say yes and cannot solve, some drop a term of the objective or relax
integers and say optimal. A solver that gives a wrong answer to a probe is refused for that class of problem.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from breakaway.models.solver_probes import LINEAR_DUAL, PROBES
from breakaway.runners.solvers import highs, local, named, scip
from breakaway.runners.solvers.capabilities import CAPABILITIES
from breakaway.runners.solvers.classify import ModelFacts, ProblemClass, examine
from breakaway.runners.solvers.errors import CapabilityError, SolveError, SolverUnavailableError
from breakaway.runners.solvers.options import SolverOptions
from breakaway.runners.solvers.outcome import Holding, Outcome
from breakaway.runners.solvers.translate import objective_of

Backend = Callable[[Any, ModelFacts, SolverOptions], Outcome]

#: The solvers that this package reaches by itself.
BACKENDS: Mapping[str, Backend] = {"highs": highs.solve, "ipopt": local.solve, "scip": scip.solve}

#: Solvers that `solver_table` looks for besides.
WELL_KNOWN = ("gurobi", "cplex", "xpress", "mosek", "glpk", "cbc", "baron")

_PROBE_OPTIONS = SolverOptions(time_limit=20.0, rel_gap=1e-8, abs_gap=1e-8, tolerance=1e-8)
_PROBE_TOLERANCE = 1e-5


class Verdict(enum.Enum):
    """What a probe showed."""

    RIGHT = "yes"
    WRONG = "wrong"
    REFUSED = "no"
    UNAVAILABLE = "unavailable"


@dataclasses.dataclass(frozen=True)
class Probe:
    """Result of one probe solve.

    Attributes
    ----------
    verdict : Verdict
        Whether the answer was right.
    message : str
        What happened when it was not.
    version : str
        Version of the solver, where it says.
    duals : bool
        Whether the right dual came back (linear probe only).
    proven : bool
        Whether the optimum came with a proof.
    """

    verdict: Verdict
    message: str = ""
    version: str = ""
    duals: bool = False
    proven: bool = False


@functools.cache
def probe(solver: str, problem_class: ProblemClass) -> Probe:
    """Let a solver prove that it can solve a class of problems; the answer is kept for the life of the process.

    Parameters
    ----------
    solver : str
        `highs`, `ipopt`, `scip`, or a name of Pyomo's SolverFactory.
    problem_class : ProblemClass
        The class to try.
    """
    if solver in CAPABILITIES and problem_class not in CAPABILITIES[solver].classes:
        return Probe(Verdict.REFUSED, f"{solver} is not meant for {problem_class.value}")
    build, known = PROBES[problem_class.value]
    model = build()
    facts = examine(model)
    try:
        outcome = _run(solver, model, facts)
    except SolverUnavailableError as error:
        return Probe(Verdict.UNAVAILABLE, str(error))
    except SolveError as error:
        return Probe(Verdict.REFUSED, str(error))
    if not outcome.is_optimal:
        return Probe(Verdict.REFUSED, f"{problem_class.value}: {outcome.termination.value}", outcome.version)
    value = objective_of(facts)
    if abs(value - known) > _PROBE_TOLERANCE or not _integral(facts):
        return Probe(Verdict.WRONG, f"{problem_class.value}: says {value:.6g}, true is {known:.6g}", outcome.version)
    proven = outcome.holding is Holding.PROVEN_OPTIMUM
    return Probe(Verdict.RIGHT, "", outcome.version, _right_dual(model, problem_class), proven)


def require_proof(solver: str, facts: ModelFacts) -> None:
    """Raise unless a solver has shown that it can solve models of this class.

    Raises
    ------
    SolverUnavailableError
        When the solver cannot be used here at all.
    CapabilityError
        When it failed or gave a wrong answer.
    """
    shown = probe(solver, facts.problem_class)
    if shown.verdict is Verdict.UNAVAILABLE:
        raise SolverUnavailableError(shown.message)
    if shown.verdict is not Verdict.RIGHT:
        able = ", ".join(n for n, capability in CAPABILITIES.items() if facts.problem_class in capability.classes)
        kind = facts.problem_class.value
        raise CapabilityError(f"{solver} failed the probe for {kind} ({shown.message}): use {able}")


def returns_duals(solver: str) -> bool:
    """Whether a solver returned the right dual of the linear probe."""
    return probe(solver, ProblemClass.LP).duals


def solver_table(solvers: Sequence[str] | None = None) -> pd.DataFrame:
    """Tell what each solver can do here.

    Parameters
    ----------
    solvers : sequence of str, optional
        Names; by default the solvers of this package and the well-known ones.

    Returns
    -------
    pandas.DataFrame
        Columns solver, available (bool), version, one per problem class ("yes", "no", "wrong", ""), duals (bool),
        global (bool: every optimum that it claims is a proven global one), note (why not, what to install).
    """
    return pd.DataFrame([_row(name) for name in solvers or (*CAPABILITIES, *WELL_KNOWN)])


def _row(solver: str) -> dict[str, Any]:
    """Probe one solver for all classes."""
    first = probe(solver, ProblemClass.LP)
    if first.verdict is Verdict.UNAVAILABLE:
        blank: dict[str, Any] = {kind.value: "" for kind in ProblemClass}
        row = {"solver": solver, "available": False, "version": "", **blank, "duals": False, "global": False}
        return {**row, "note": first.message}
    probes = {kind: probe(solver, kind) for kind in ProblemClass}
    right = [found for found in probes.values() if found.verdict is Verdict.RIGHT]
    notes = [found.message for found in probes.values() if found.verdict is Verdict.WRONG]
    return {
        "solver": solver,
        "available": bool(right),
        "version": first.version,
        **{kind.value: found.verdict.value for kind, found in probes.items()},
        "duals": first.duals,
        "global": bool(right) and all(found.proven for found in right),
        "note": "; ".join(notes) or (_reached(solver) if right else first.message),
    }


def _reached(solver: str) -> str:
    """Say how a solver is reached."""
    return CAPABILITIES[solver].reached if solver in CAPABILITIES else "Pyomo's SolverFactory"


def _run(solver: str, model: Any, facts: ModelFacts) -> Outcome:
    """Run a probe; the linear one asks for duals, and is tried without them when they make the interface fail."""
    if solver in BACKENDS:
        return BACKENDS[solver](model, facts, _PROBE_OPTIONS)
    wants_duals = facts.problem_class is ProblemClass.LP
    try:
        return named.solve(solver, model, facts, _PROBE_OPTIONS, duals=wants_duals)
    except SolverUnavailableError:
        raise
    except SolveError:
        if not wants_duals:
            raise
    return named.solve(solver, model, facts, _PROBE_OPTIONS)


def _integral(facts: ModelFacts) -> bool:
    """Whether the integer variables have integer values."""
    integers = (v for v in facts.free_variables if not v.is_continuous())
    return all(abs(v.value - round(v.value)) <= _PROBE_TOLERANCE for v in integers)


def _right_dual(model: Any, problem_class: ProblemClass) -> bool:
    """Whether the dual of the linear probe came back with the right sign."""
    if problem_class is not ProblemClass.LP:
        return False
    dual = model.dual.get(model.first_row)
    return dual is not None and abs(dual - LINEAR_DUAL) <= _PROBE_TOLERANCE
