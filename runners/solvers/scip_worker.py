"""Solves one NL file with SCIP in a process of its own: `python scip_worker.py FOLDER`.

The folder holds `model.nl` and `request.json` (SCIP parameters by name); the worker adds `answer.json`. It imports
nothing but the standard library and pyscipopt, so that it starts fast, and it is run as a file, not as a module.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

#: SCIP's NL reader names variables by kind (continuous, binary, integer) and column number.
_COLUMN_NAME = re.compile(r"[xbi](\d+)")


def main(folder: Path) -> None:
    """Read the request, solve, write the answer."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    try:
        answer = solve(str(folder / "model.nl"), request["parameters"], str(folder / "ipopt.opt"))
    except ImportError as error:
        answer = {"failure": "missing", "message": str(error)}
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def solve(path: str, parameters: dict[str, Any], ipopt_options: str) -> dict[str, Any]:
    """Solve an NL file.

    Returns
    -------
    dict
        Status, values by column, objective bound, nodes, version; or `failure` and `message`.
    """
    import pyscipopt  # noqa: PLC0415  (a missing package is an answer, not a crash)

    model = pyscipopt.Model()
    known = model.getParams()
    if "nlpi/ipopt/optfile" in known:
        # The bundled MUMPS can abort the process with its default ordering; 0 is approximate minimum degree.
        Path(ipopt_options).write_text("mumps_pivot_order 0\n", encoding="utf-8")
        model.setParam("nlpi/ipopt/optfile", ipopt_options)
    for name, setting in parameters.items():
        try:
            model.setParam(name, setting)
        except (KeyError, ValueError, TypeError, LookupError) as error:
            return {"failure": "option", "message": f"{name}={setting!r}: {error}"}
    try:
        model.readProblem(path)
    except Exception as error:  # pyscipopt raises bare Exception for most of SCIP's return codes
        return {"failure": "read", "message": str(error)}
    model.optimize()
    return report(model)


def report(model: Any) -> dict[str, Any]:
    """Collect status, bound and the best point."""
    values = {}
    if model.getNSols() > 0:
        best = model.getBestSol()
        for variable in model.getVars():
            column = _COLUMN_NAME.fullmatch(variable.name)
            if column:
                values[column[1]] = best[variable]
    infinity = model.infinity()
    bound = model.getDualbound()
    return {
        "status": model.getStatus(),
        "values": values if model.getNSols() > 0 else None,
        "bound": bound if abs(bound) < infinity else None,
        "nodes": model.getNTotalNodes(),
        "version": f"{model.getMajorVersion()}.{model.getMinorVersion()}.{model.getTechVersion()}",
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
