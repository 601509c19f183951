"""The restricted master by an interior point method: max s.tau with A tau <= mu, and its dual min mu.u.

Mehrotra's predictor and corrector on the normal equations (A diag(tau / z) A' + diag(w / u)) du = r, of as many rows as
there are types, by a dense Cholesky factor. Unlike a vertex of a degenerate master, payoffs from the interior of its
dual face price well, and a rough solution costs few steps; see Gondzio, Gonzalez-Brevis and Munari (2013), New
developments in the primal-dual column generation technique.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray

MOST_STEPS = 80
"""A master takes 3 to 30 steps; one that does not get there stops and leaves the point it has."""

TO_THE_BOUNDARY = 0.995
"""Fraction of the longest step that is taken."""

RIDGE = 1e-13
"""Relative increase of the diagonal before it is factored; a hundred thousand times more when that fails."""

BALANCED = 1e-10
"""Largest sum of violated masses, as a part of all, of a solved master."""


@dataclass(frozen=True, eq=False)
class Point:
    """A primal-dual point: ``taken`` tau and slack ``left`` w of every type, ``payoffs`` u and reduced costs z >= 0."""

    taken: Floats
    left: Floats
    payoffs: Floats
    reduced: Floats

    @property
    def products(self) -> float:
        """Return tau.z + w.u, the gap of a feasible point."""
        return inner(self.taken, self.reduced) + inner(self.left, self.payoffs)


def inner(a: Floats, b: Floats) -> float:
    """Return the inner product, on one thread: short products gain nothing from the threads of BLAS."""
    return float((a * b).sum())


def load_of(groups: GroupArray, taken: Floats, types: int) -> Floats:
    """Return A tau: the mass of each type in groups."""
    load = np.bincount((groups + 1).ravel(), np.repeat(taken, groups.shape[1]), minlength=types + 1)
    return load[1:].astype(np.float64, copy=False)


def payoff_of(groups: GroupArray, payoffs: Floats) -> Floats:
    """Return A'u: the sum of payoffs over the members of each group."""
    total: Floats = np.append(payoffs, 0.0)[groups].sum(axis=1)
    return total


def solve_master(kernels: Any, groups: GroupArray, surplus: Floats, masses: Floats, start: Point, gap: float) -> Point:
    """Return a point with tau.z + w.u <= gap, starting from a point that is strictly positive."""
    point, matrix = start, np.empty((len(masses), len(masses)))
    for _ in range(MOST_STEPS):
        unmet = masses - load_of(groups, point.taken, len(masses)) - point.left
        if point.products <= gap and np.abs(unmet).sum() <= BALANCED * masses.sum():
            break
        if not _factor(kernels, groups, point, matrix):
            break
        short = surplus - payoff_of(groups, point.payoffs) + point.reduced
        point = _step(_Newton(kernels, groups, matrix, point, unmet, short), point)
    return point


def _factor(kernels: Any, groups: GroupArray, point: Point, matrix: Floats) -> bool:
    """Factor the normal equations in place; False when rounding has made them indefinite."""
    for ridge in (RIDGE, 1e5 * RIDGE):
        diagonal = point.left / point.payoffs
        kernels.normal_matrix(groups, point.taken / point.reduced, diagonal, matrix)
        matrix.ravel()[:: len(matrix) + 1] *= 1.0 + ridge
        if kernels.factor(matrix):
            return True
    return False


@dataclass(frozen=True, eq=False)
class _Newton:
    """The Newton equations at a point: residuals, and the factor they share."""

    kernels: Any
    groups: GroupArray
    factor: Floats
    point: Point
    unmet: Floats
    short: Floats

    def direction(self, products: Floats, slack_products: Floats) -> Point:
        """Return the direction that changes tau z by ``products`` and w u by ``slack_products``, to first order."""
        p = self.point
        pull = (products + p.taken * self.short) / p.reduced
        right = load_of(self.groups, pull, len(p.payoffs)) + slack_products / p.payoffs - self.unmet
        payoffs = self.kernels.solve_factored(self.factor, right)
        reduced = payoff_of(self.groups, payoffs) - self.short
        taken = (products - p.taken * reduced) / p.reduced
        left = (slack_products - p.left * payoffs) / p.payoffs
        return Point(taken, left, payoffs, reduced)


def _step(newton: _Newton, p: Point) -> Point:
    """Aim at the boundary, see how far that leads, and correct towards the central path accordingly."""
    ahead = newton.direction(-p.taken * p.reduced, -p.left * p.payoffs)
    predicted = _moved(p, ahead, 1.0).products
    centre = (predicted / p.products) ** 3 * p.products / (len(p.taken) + len(p.left))
    corrected = newton.direction(
        centre - p.taken * p.reduced - ahead.taken * ahead.reduced,
        centre - p.left * p.payoffs - ahead.left * ahead.payoffs,
    )
    return _moved(p, corrected, TO_THE_BOUNDARY)


def _moved(p: Point, d: Point, part: float) -> Point:
    """Move in a direction, by ``part`` of the way to the boundary or, if that is further, by the whole direction."""
    primal = min(1.0, part * min(_room(p.taken, d.taken), _room(p.left, d.left)))
    dual = min(1.0, part * min(_room(p.payoffs, d.payoffs), _room(p.reduced, d.reduced)))
    return replace(
        p,
        taken=p.taken + primal * d.taken,
        left=p.left + primal * d.left,
        payoffs=p.payoffs + dual * d.payoffs,
        reduced=p.reduced + dual * d.reduced,
    )


def _room(values: Floats, change: Floats) -> float:
    """Return the longest step that keeps positive values from becoming negative."""
    return 1.0 / max(1e-300, float((-change / values).max(initial=0.0)))
