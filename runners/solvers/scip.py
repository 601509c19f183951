"""SCIP, for global optima of mixed-integer nonlinear models, in a process of its own.

The wheel of SCIP can abort the whole process in the linear algebra that it bundles, so each solve runs in a worker with
a time limit; a crash or a hang of the worker is an exception here, not the end of the program. The model goes over as
an NL file, which also keeps the suffixes of Pyomo out of the way of SCIP. There are no duals.

Reference: Bestuzheva et al. (2023), Enabling research through the SCIP Optimization Suite 8.0.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyomo.common.errors import InfeasibleConstraintException

from breakaway.runners.solvers.classify import ModelFacts
from breakaway.runners.solvers.errors import CapabilityError, OptionError, SolverUnavailableError
from breakaway.runners.solvers.nlp import write_nl
from breakaway.runners.solvers.options import SolverOptions
from breakaway.runners.solvers.outcome import Holding, Outcome, Termination
from breakaway.runners.solvers.translate import clear_import_suffixes

#: The program that solves one model.
WORKER = Path(__file__).with_name("scip_worker.py")

#: Seconds that the worker may take beyond the time limit before it is stopped.
GRACE = 10.0

#: With a feasibility tolerance at its arithmetic tolerance of 1e-9 SCIP can branch on rounding errors without end.
SMALLEST_TOLERANCE = 1e-8

TERMINATIONS: Mapping[str, Termination] = {
    "optimal": Termination.OPTIMAL,
    "gaplimit": Termination.OPTIMAL,
    "infeasible": Termination.INFEASIBLE,
    "unbounded": Termination.UNBOUNDED,
    "inforunbd": Termination.INFEASIBLE_OR_UNBOUNDED,
    "timelimit": Termination.TIME_LIMIT,
    "userinterrupt": Termination.INTERRUPTED,
    "terminate": Termination.INTERRUPTED,
    "nodelimit": Termination.ITERATION_LIMIT,
    "totalnodelimit": Termination.ITERATION_LIMIT,
    "stallnodelimit": Termination.ITERATION_LIMIT,
    "memlimit": Termination.ITERATION_LIMIT,
    "sollimit": Termination.ITERATION_LIMIT,
    "bestsollimit": Termination.ITERATION_LIMIT,
    "restartlimit": Termination.ITERATION_LIMIT,
    "primallimit": Termination.ITERATION_LIMIT,
    "duallimit": Termination.ITERATION_LIMIT,
}


def solve(model: Any, facts: ModelFacts, options: SolverOptions) -> Outcome:
    """Solve a model to a proven global optimum; values are loaded when a point is held.

    Raises
    ------
    SolverUnavailableError
        When pyscipopt is not installed.
    OptionError, CapabilityError
        When SCIP refuses an option or an operator of the model.
    """
    with tempfile.TemporaryDirectory(prefix="breakaway-") as name:
        folder = Path(name)
        try:
            info = write_nl(model, str(folder / "model.nl"))
        except InfeasibleConstraintException as error:
            return _outcome(facts, Termination.INFEASIBLE, Holding.INFEASIBILITY_PROOF, message=str(error))
        request = {"parameters": scip_parameters(options)}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        failure = _run_worker(folder, options.time_limit)
        if failure is not None:
            termination, message = failure
            return _outcome(facts, termination, Holding.NOTHING, message=message)
        answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    _raise_refusal(answer)
    return _accept(answer, facts, info.variables, model)


def scip_parameters(options: SolverOptions) -> dict[str, Any]:
    """Translate the common options into SCIP's parameters."""
    parameters: dict[str, Any] = {
        "display/verblevel": 0,
        "limits/gap": options.rel_gap,
        "limits/absgap": options.abs_gap,
        "numerics/feastol": max(options.tolerance, SMALLEST_TOLERANCE),
        "lp/threads": options.threads,
        "randomization/randomseedshift": options.seed,
    }
    if options.time_limit is not None:
        parameters["limits/time"] = options.time_limit
    return {**parameters, **options.native}


def _run_worker(folder: Path, time_limit: float | None) -> tuple[Termination, str] | None:
    """Run the worker; return None when it answered, else how it failed and a message."""
    patience = None if time_limit is None else time_limit + GRACE
    # -P keeps the folder of the worker off the import path, where our module names could hide others.
    command = [sys.executable, "-P", str(WORKER), str(folder)]
    try:
        done = subprocess.run(command, timeout=patience, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        return Termination.HUNG, f"the worker did not stop within {GRACE:g} s after its limit of {time_limit:g} s"
    if done.returncode == 0 and (folder / "answer.json").exists():
        return None
    return Termination.CRASHED, f"the worker ended with {_exit_words(done.returncode)}; {_last_line(done.stderr)}"


def _exit_words(code: int) -> str:
    """Describe the exit code of a process."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _raise_refusal(answer: Mapping[str, Any]) -> None:
    """Raise when the worker could not even begin."""
    failure = answer.get("failure")
    if failure == "missing":
        raise SolverUnavailableError("scip needs pyscipopt, which is missing: pip install 'breakaway[scip]'")
    if failure == "option":
        raise OptionError(f"scip refuses the option {answer['message']}: see its name and type in SCIP's list")
    if failure == "read":
        raise CapabilityError(
            f"scip cannot read the model ({answer['message']}): write it with log, exp, powers, abs, sin and cos only"
        )


def _accept(answer: Mapping[str, Any], facts: ModelFacts, variables: list[Any], model: Any) -> Outcome:
    """Load the values of an answer and translate the rest."""
    termination = TERMINATIONS.get(answer["status"], Termination.ERROR)
    holding = _holding(termination, answer["values"] is not None)
    if holding.has_point:
        for column, variable in enumerate(variables):
            variable.set_value(answer["values"][str(column)], skip_validation=True)
        clear_import_suffixes(model)
    return _outcome(
        facts,
        termination,
        holding,
        bound=answer["bound"],
        version=answer["version"],
        nodes=answer["nodes"],
        message=f"SCIP stopped: {answer['status']}",
    )


def _holding(termination: Termination, has_values: bool) -> Holding:
    """Say what SCIP holds."""
    if termination is Termination.INFEASIBLE:
        return Holding.INFEASIBILITY_PROOF
    if not has_values or termination in {Termination.UNBOUNDED, Termination.INFEASIBLE_OR_UNBOUNDED}:
        return Holding.NOTHING
    return Holding.PROVEN_OPTIMUM if termination is Termination.OPTIMAL else Holding.FEASIBLE_POINT


def _outcome(
    facts: ModelFacts,
    termination: Termination,
    holding: Holding,
    *,
    bound: float | None = None,
    version: str = "",
    nodes: int | None = None,
    message: str = "",
) -> Outcome:
    """Make the outcome of a SCIP run; the objective is computed from the loaded values by the caller."""
    return Outcome(
        termination=termination,
        holding=holding,
        objective=None,
        bound=facts.no_bound if bound is None else bound,
        seconds=0.0,
        solver="scip",
        version=version,
        nodes=nodes,
        message=message,
    )
