"""The optimality conditions of a convex quadratic program, recomputed from the model at the point of a solver.

For min f(x) with lower <= A x <= upper and l <= x <= u, a feasible x is optimal if and only if row multipliers y exist
such that r = grad f(x) - A'y pushes against active bounds only: r_j > 0 only where x_j = l_j, r_j < 0 only where
x_j = u_j, and likewise y_k > 0 only where row k is at its lower side, y_k < 0 only at its upper side. Maximisation is
minimisation of -f. Everything but x and y comes from the Pyomo model.

Reference: Nocedal and Wright (2006), Numerical Optimization, section 16.1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyo
from pyomo.repn import generate_standard_repn

from breakaway.runners.solvers.classify import ModelFacts
from breakaway.runners.solvers.nlp import start_value

Vector = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Residual:
    """By how much a point fails, and the variable or constraint where it fails most.

    Attributes
    ----------
    feasibility : float
        Largest violation of a bound or row, relative to the largest number in it (at least 1).
    optimality : float
        Largest multiplier on the wrong side or on something inactive, relative to the largest term of the
        stationarity condition (at least 1); where the distance from the bound, relative as above, is smaller,
        that distance.
    infeasible_at, suboptimal_at : str
        Names of the worst component of each.
    """

    feasibility: float
    optimality: float
    infeasible_at: str
    suboptimal_at: str


@dataclasses.dataclass(frozen=True)
class _Ranges:
    """Values between two sides, with the size that makes a distance from a side small or large."""

    names: list[str]
    value: Vector
    lower: Vector
    upper: Vector
    size: Vector

    def violation(self) -> Vector:
        """Return max(lower - value, value - upper, 0) / size."""
        outside = np.maximum(self.lower - self.value, self.value - self.upper)
        return np.asarray(np.maximum(outside, 0.0) / self.size)

    def misdirection(self, multiplier: Vector) -> Vector:
        """Return min(|multiplier|, distance from the side that it pushes against)."""
        distance = np.where(multiplier > 0, self.value - self.lower, self.upper - self.value) / self.size
        return np.asarray(np.minimum(np.abs(multiplier), np.maximum(distance, 0.0)))


def quadratic_residual(
    model: Any, facts: ModelFacts, values: Mapping[Any, float], duals: Mapping[Any, float]
) -> Residual:
    """Measure how far a point and row multipliers are from the optimality conditions.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        A model of class QP (or LP with an objective).
    facts : ModelFacts
        What `examine` found in it.
    values : mapping
        Value of every free variable that reached the solver.
    duals : mapping
        Change of the optimal objective per unit of right-hand side of every constraint; absent means zero.
    """
    column = {id(variable): j for j, variable in enumerate(facts.free_variables)}
    x = np.array([values[v] if v in values else start_value(v) for v in facts.free_variables])
    sign = -1.0 if facts.maximise else 1.0
    pull, size = _gradient(facts.objective.expr, column, x, sign)
    rows, multipliers = [], []
    for constraint in model.component_data_objects(pyo.Constraint, active=True, descend_into=True):
        repn = generate_standard_repn(constraint.body)
        index = [column[id(variable)] for variable in repn.linear_vars]
        terms = np.array(repn.linear_coefs, dtype=float) * x[index]
        rows.append((constraint.name, repn.constant + terms.sum(), *_sides(constraint), _size(terms)))
        price = sign * duals.get(constraint, 0.0)
        multipliers.append(price)
        pushed = price * np.array(repn.linear_coefs, dtype=float)
        np.subtract.at(pull, index, pushed)
        np.maximum.at(size, index, np.abs(pushed))
    unit = max(1.0, float(size.max(initial=0.0)))
    bounds = ((v.name, x_j, *_sides(v), max(1.0, abs(x_j))) for v, x_j in zip(facts.free_variables, x, strict=True))
    return _worst(((_ranges(bounds), pull / unit), (_ranges(iter(rows)), np.array(multipliers) / unit)))


def _gradient(expression: Any, column: Mapping[int, int], x: Vector, sign: float) -> tuple[Vector, Vector]:
    """Return sign x gradient of a quadratic expression, and the largest term of each of its entries."""
    repn = generate_standard_repn(expression, quadratic=True)
    pull, size = np.zeros(len(x)), np.zeros(len(x))

    def add(j: int, term: float) -> None:
        pull[j] += sign * term
        size[j] = max(size[j], abs(term))

    for variable, coefficient in zip(repn.linear_vars, repn.linear_coefs, strict=True):
        add(column[id(variable)], coefficient)
    for (a, b), coefficient in zip(repn.quadratic_vars, repn.quadratic_coefs, strict=True):
        one, other = column[id(a)], column[id(b)]
        add(one, coefficient * x[other])
        add(other, coefficient * x[one])
    return pull, size


def _sides(component: Any) -> tuple[float, float]:
    """Return lower and upper bound of a variable or constraint, infinite where there is none."""
    lower, upper = pyo.value(component.lb), pyo.value(component.ub)
    return -math.inf if lower is None else float(lower), math.inf if upper is None else float(upper)


def _size(terms: Vector) -> float:
    """Return the largest term of a row, at least 1."""
    return max(1.0, float(np.abs(terms).max(initial=0.0)))


def _ranges(lines: Iterator[tuple[str, float, float, float, float]]) -> _Ranges:
    """Collect (name, value, lower, upper, size) lines."""
    listed = list(lines)
    numbers = np.array([line[1:] for line in listed], dtype=float).reshape(len(listed), 4)
    return _Ranges([line[0] for line in listed], *numbers.T)


def _worst(parts: tuple[tuple[_Ranges, Vector], ...]) -> Residual:
    """Return the largest violation and the largest misdirected multiplier of bounds and rows."""
    names = [name for ranges, _ in parts for name in ranges.names]
    outside = np.concatenate([ranges.violation() for ranges, _ in parts])
    astray = np.concatenate([ranges.misdirection(multiplier) for ranges, multiplier in parts])
    return Residual(
        float(outside.max()), float(astray.max()), names[int(outside.argmax())], names[int(astray.argmax())]
    )
