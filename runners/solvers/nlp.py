"""A smooth Pyomo model as functions with exact sparse derivatives, by way of an NL file and casadi.

The path is Pyomo -> NL file (Pyomo's writer) -> casadi expression graph -> value, gradient, Jacobian and Hessian of

    minimise f(x)  subject to  g_lower <= g(x) <= g_upper,  x_lower <= x <= x_upper.

A maximised objective arrives with its sign changed.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyo
from pyomo.repn.plugins.nl_writer import NLWriter

from breakaway.runners.solvers.errors import CapabilityError, SolverUnavailableError
from breakaway.runners.solvers.translate import suffixes_hidden

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_REWRITES = {
    "47": "atanh(x): write 0.5 * log((1 + x) / (1 - x))",
    "50": "asinh(x): write log(x + sqrt(x**2 + 1))",
    "52": "acosh(x): write log(x + sqrt(x**2 - 1))",
}


def require_casadi() -> Any:
    """Import casadi, or say how to get it."""
    try:
        return importlib.import_module("casadi")
    except ImportError as error:
        raise SolverUnavailableError("ipopt needs casadi, which is missing: pip install casadi") from error


class CompiledFunction:
    """A casadi function that is called on numpy arrays without copies.

    Parameters
    ----------
    function : casadi.Function
        Function of dense column vectors with one output.

    The nonzeros of the output are returned as a fresh vector.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._buffer, self._evaluate = function.buffer()
        self._inputs = [np.zeros(function.nnz_in(i)) for i in range(function.n_in())]
        self._output = np.zeros(function.nnz_out(0))
        for i, array in enumerate(self._inputs):
            self._buffer.set_arg(i, array.data)
        self._buffer.set_res(0, self._output.data)

    def __call__(self, *arguments: Any) -> Vector:
        """Evaluate; arguments are vectors or scalars of the declared sizes."""
        for array, argument in zip(self._inputs, arguments, strict=True):
            array[:] = argument
        self._evaluate()
        return self._output.copy()


@dataclasses.dataclass(frozen=True)
class SmoothProblem:
    """A nonlinear program with exact sparse derivatives.

    Attributes
    ----------
    variables, constraints : list
        Pyomo components, in the order of the vectors x (length n) and g (length m).
    sign : float
        1 when the Pyomo objective is minimised, -1 when it is maximised.
    start, x_lower, x_upper : Vector
        Start and bounds of the variables, shape (n,).
    g_lower, g_upper : Vector
        Bounds of the constraint bodies, shape (m,).
    objective, gradient, bodies, jacobian, hessian : CompiledFunction
        f(x); its dense gradient; g(x); nonzeros of the Jacobian; nonzeros of the lower triangle of the Hessian
        of sigma f + lambda' g as a function of (x, sigma, lambda).
    jacobian_structure, hessian_structure : pair of Indices
        Row and column of every nonzero.
    """

    variables: list[Any]
    constraints: list[Any]
    sign: float
    start: Vector
    x_lower: Vector
    x_upper: Vector
    g_lower: Vector
    g_upper: Vector
    objective: CompiledFunction
    gradient: CompiledFunction
    bodies: CompiledFunction
    jacobian: CompiledFunction
    hessian: CompiledFunction
    jacobian_structure: tuple[Indices, Indices]
    hessian_structure: tuple[Indices, Indices]


def smooth_problem(model: Any) -> SmoothProblem:
    """Translate a Pyomo model.

    Raises
    ------
    CapabilityError
        When the model has integer variables, external functions or operators that have no smooth translation.
    pyomo.common.errors.InfeasibleConstraintException
        When a constraint without variables is violated.
    """
    casadi = require_casadi()
    with tempfile.TemporaryDirectory(prefix="breakaway-") as folder:
        path = os.path.join(folder, "model.nl")
        info = write_nl(model, path)
        _refuse_integers(info.variables)
        if info.external_function_libraries:
            raise CapabilityError("ipopt cannot take external functions: write them as Pyomo expressions")
        builder = _import_nl(casadi, path)
    return _differentiate(casadi, builder, info)


def write_nl(model: Any, path: str) -> Any:
    """Write a model as an NL file without presolve, scaling, labels or suffixes; return Pyomo's NLWriterInfo."""
    with suffixes_hidden(model), open(path, "w", newline="\n", encoding="utf-8") as stream:
        return NLWriter().write(model, stream, linear_presolve=False, scale_model=False)


def start_value(variable: Any) -> float:
    """Return the value of a variable, or when it has none the number nearest to zero well inside its bounds."""
    if variable.value is not None:
        return float(variable.value)
    lower, upper = variable.bounds
    lower = -np.inf if lower is None else lower
    upper = np.inf if upper is None else upper
    margin = min(1.0, 0.5 * (upper - lower))
    return float(min(max(0.0, lower + margin), upper - margin))


def _refuse_integers(variables: list[Any]) -> None:
    """Raise CapabilityError when a variable is not continuous."""
    for variable in variables:
        if not variable.is_continuous():
            raise CapabilityError(f"ipopt cannot take the integer variable {variable.name}: fix it or use scip")


def _import_nl(casadi: Any, path: str) -> Any:
    """Read the NL file into a casadi NlpBuilder, with a clear error for operators that it lacks."""
    builder = casadi.NlpBuilder()
    try:
        builder.import_nl(path)
    except RuntimeError as error:
        raise CapabilityError(_unsupported_operator(str(error))) from error
    return builder


def _unsupported_operator(message: str) -> str:
    """Turn casadi's message about an operator into one that says what to write instead."""
    code = re.search(r"Unknown (?:unary|binary) operation: (\d+)", message)
    if code and code[1] in _REWRITES:
        return f"ipopt cannot take {_REWRITES[code[1]]} instead"
    if "If-then-else" in message:
        return "ipopt cannot take Expr_if: it is not smooth; use a smooth expression or binary variables with scip"
    return f"ipopt cannot take an operator of the model: {message.splitlines()[-1].strip()}"


def _differentiate(casadi: Any, builder: Any, info: Any) -> SmoothProblem:
    """Build the derivative functions of an imported NL file."""
    x = casadi.vertcat(*builder.x)
    g = casadi.vertcat(*builder.g) if builder.g else casadi.MX(0, 1)
    f = builder.f if info.objectives else casadi.MX(0)
    scalar = casadi.Function("nlp", [x], [casadi.densify(f), casadi.densify(g)]).expand()
    x = casadi.SX.sym("x", x.numel())
    f, g = scalar(x)
    sigma, multipliers = casadi.SX.sym("sigma"), casadi.SX.sym("lambda", g.numel())
    jacobian = casadi.jacobian(g, x)
    hessian = casadi.tril(casadi.hessian(sigma * f + casadi.dot(multipliers, g), x)[0])

    def compiled(name: str, arguments: list[Any], output: Any) -> CompiledFunction:
        return CompiledFunction(casadi.Function(name, arguments, [output]))

    return SmoothProblem(
        variables=list(info.variables),
        constraints=list(info.constraints),
        sign=-1.0 if info.objectives and info.objectives[0].sense == pyo.maximize else 1.0,
        start=np.array([start_value(v) for v in info.variables]),
        x_lower=np.array(builder.x_lb, dtype=float),
        x_upper=np.array(builder.x_ub, dtype=float),
        g_lower=np.array(builder.g_lb, dtype=float),
        g_upper=np.array(builder.g_ub, dtype=float),
        objective=compiled("f", [x], f),
        gradient=compiled("df", [x], casadi.densify(casadi.gradient(f, x))),
        bodies=compiled("g", [x], casadi.densify(g)),
        jacobian=compiled("dg", [x], jacobian),
        hessian=compiled("ddl", [x, sigma, multipliers], hessian),
        jacobian_structure=_structure(jacobian),
        hessian_structure=_structure(hessian),
    )


def _structure(matrix: Any) -> tuple[Indices, Indices]:
    """Return rows and columns of the nonzeros of a casadi matrix, in the order of its nonzeros."""
    rows, columns = matrix.sparsity().get_triplet()
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)
