"""Frozen games of groups of positive size: groups that take some people of every type (Wang 2019, section 3).

A group is a vector nu of amounts of people by type, 0 <= nu <= mu, whose size (the sum of its entries) is permitted;
many groups are an array of shape (groups, types). Surpluses are amounts of money per group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from breakaway.data.arrays import EqualArrays, Floats
from breakaway.data.groups import Types

Curvature = Literal["linear", "concave", "convex", "neither"]
"""What is known of the shape of a surplus function on all groups; ``neither``: nothing."""

PSD_TOLERANCE = 1e-12
"""How far below 0 an eigenvalue may be, relative to the largest, and still count as 0."""

ROUNDING = 1e-9
"""By how much, relative to the market, the least size may exceed the market and still count as equal."""


@dataclass(frozen=True, eq=False)
class LinearSurplus(EqualArrays):
    """s(nu) = sum of c_i nu_i; ``coefficients`` c has shape (types,), money per person."""

    coefficients: Floats

    @property
    def curvature(self) -> Curvature:
        """Linear."""
        return "linear"

    def values(self, groups: Floats) -> Floats:
        """Return the surplus of each group, shape (groups,)."""
        return np.asarray(groups @ self.coefficients)


@dataclass(frozen=True, eq=False)
class CesSurplus(EqualArrays):
    """s(nu) = (sum of a_i nu_i^rho)^(theta/rho): constant elasticity of substitution, homogeneous of degree theta.

    ``coefficients`` a >= 0 has shape (types,), some a_i > 0; rho is not 0; theta > 0. With rho < 0, a group that lacks
    a type with a_i > 0 is worth 0.
    """

    coefficients: Floats
    rho: float
    theta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse parameters for which the formula is not defined."""
        if (self.coefficients < 0).any() or not (self.coefficients > 0).any():
            raise ValueError("coefficients must be at least 0, and one of them greater than 0")
        if self.rho == 0 or not self.theta > 0:
            raise ValueError(f"rho is {self.rho} and theta {self.theta}: rho must not be 0, theta be greater than 0")

    @property
    def curvature(self) -> Curvature:
        """Concave for rho <= 1 and theta <= 1, convex for rho >= 1 and theta >= 1."""
        if self.rho == self.theta == 1:
            return "linear"
        if self.rho <= 1 and self.theta <= 1:
            return "concave"
        return "convex" if self.rho >= 1 and self.theta >= 1 else "neither"

    def values(self, groups: Floats) -> Floats:
        """Return the surplus of each group, shape (groups,)."""
        used = self.coefficients > 0
        with np.errstate(divide="ignore"):
            inner = (self.coefficients[used] * groups[:, used] ** self.rho).sum(axis=1)
            return np.asarray(inner ** (self.theta / self.rho))


@dataclass(frozen=True, eq=False)
class QuadraticSurplus(EqualArrays):
    """s(nu) = nu' Q nu; ``matrix`` Q is symmetric, shape (types, types), money per pair of people."""

    matrix: Floats

    def __post_init__(self) -> None:
        """Refuse a matrix that is not symmetric."""
        if not np.array_equal(self.matrix, self.matrix.T):
            raise ValueError("the matrix must be symmetric: give (Q + Q') / 2, which has the same surpluses")

    @property
    def curvature(self) -> Curvature:
        """Convex for positive semidefinite Q, concave for negative semidefinite Q."""
        if not self.matrix.any():
            return "linear"
        eigenvalues = np.linalg.eigvalsh(self.matrix)
        zero = PSD_TOLERANCE * np.abs(eigenvalues).max()
        if eigenvalues.min() >= -zero:
            return "convex"
        return "concave" if eigenvalues.max() <= zero else "neither"

    def values(self, groups: Floats) -> Floats:
        """Return the surplus of each group, shape (groups,)."""
        return np.asarray(((groups @ self.matrix) * groups).sum(axis=1))


@dataclass(frozen=True, eq=False)
class ThresholdSurplus(EqualArrays):
    """s(nu) = max(0, b + sum of c_i nu_i); ``intercept`` b, money; ``coefficients`` c, shape (types,)."""

    intercept: float
    coefficients: Floats

    @property
    def curvature(self) -> Curvature:
        """Convex."""
        return "convex"

    def values(self, groups: Floats) -> Floats:
        """Return the surplus of each group, shape (groups,)."""
        return np.maximum(self.intercept + groups @ self.coefficients, 0.0)


@dataclass(frozen=True, eq=False)
class RecipeSurplus(EqualArrays):
    """s(nu) = the largest V_k with nu >= r_k, 0 without one: a group has what the best recipe that it can make yields.

    ``names`` of the recipes; ``amounts`` r >= 0, shape (recipes, types), people; ``worth`` V >= 0, shape (recipes,),
    money.
    """

    names: tuple[str, ...]
    amounts: Floats
    worth: Floats

    def __post_init__(self) -> None:
        """Refuse negative amounts and values, and arrays that do not fit."""
        if self.amounts.shape[:1] != self.worth.shape or len(self.names) != len(self.worth):
            raise ValueError("give one row of amounts, one value and one name for each recipe")
        if (self.amounts < 0).any() or (self.worth < 0).any():
            raise ValueError("amounts and values of recipes must be at least 0")

    @property
    def curvature(self) -> Curvature:
        """Neither: it jumps."""
        return "neither"

    def values(self, groups: Floats) -> Floats:
        """Return the surplus of each group, shape (groups,)."""
        can = (groups[:, None, :] >= self.amounts[None, :, :]).all(axis=2)
        return np.asarray(np.where(can, self.worth[None, :], 0.0).max(axis=1, initial=0.0))


@dataclass(frozen=True)
class FunctionSurplus:
    """s(nu) = value(nu), for use from Python.

    ``value`` takes the amounts of all types in their order and returns the surplus. It must work with numbers and with
    the variables of a Pyomo model alike: arithmetic, and the functions of ``pyomo.environ``. ``curvature`` is what is
    known of it; nobody checks that, and answers rely on it.
    """

    value: Callable[[Sequence[Any]], Any]
    curvature: Curvature = "neither"

    def values(self, groups: Floats) -> Floats:
        """Return the surplus of each group, shape (groups,).

        Raises
        ------
        ValueError
            When the function returns no finite number for a group.
        """
        found = np.array([float(self.value(group)) for group in groups.tolist()], dtype=np.float64)
        for row in np.flatnonzero(~np.isfinite(found))[:1].tolist():
            raise ValueError(
                f"the surplus of the group {groups[row].tolist()} is {found[row]}: make the function return a finite "
                "number for every permitted group"
            )
        return found


SurplusForm: TypeAlias = (
    LinearSurplus | CesSurplus | QuadraticSurplus | ThresholdSurplus | RecipeSurplus | FunctionSurplus
)
"""The surplus functions of games of groups of positive size."""


FINITE = ("coefficients", "rho", "theta", "matrix", "intercept", "amounts", "worth")
"""Numbers of surplus functions."""


@dataclass(frozen=True, eq=False)
class PositiveSizeGame(EqualArrays):
    """A market whose people form groups of ``min_mass`` to ``max_mass`` people, epsilon' and epsilon of the paper.

    The paper takes a market of mass 1; here the masses of ``types`` may have any sum.
    """

    types: Types
    form: SurplusForm
    min_mass: float
    max_mass: float

    def __post_init__(self) -> None:
        """Refuse sizes that no group can have, and a surplus of other types."""
        if not 0 < self.min_mass <= self.max_mass:
            raise ValueError(
                f"min_mass is {self.min_mass} and max_mass {self.max_mass}: 0 < min_mass <= max_mass must hold"
            )
        if self.min_mass > self.total * (1 + ROUNDING):
            raise ValueError(f"min_mass is {self.min_mass}, more than all {self.total} people: lower it")
        for name in FINITE:
            if not np.isfinite(getattr(self.form, name, 0.0)).all():
                raise ValueError(f"{name} of the surplus has an entry that is not finite: give finite numbers")
        widths = [
            array.shape[-1]
            for name in ("coefficients", "matrix", "amounts")
            if (array := getattr(self.form, name, None)) is not None
        ]
        if any(width != len(self.types) for width in widths):
            raise ValueError(f"the surplus is for {widths[0]} types, the market has {len(self.types)}")

    @property
    def total(self) -> float:
        """How many people there are, |mu|."""
        return math.fsum(self.types.masses.tolist())

    @property
    def smallest(self) -> float:
        """Size of the smallest group."""
        return min(self.min_mass, self.total)

    @property
    def largest(self) -> float:
        """Size of the largest group: ``max_mass``, or all people if they are fewer."""
        return min(self.max_mass, self.total)
