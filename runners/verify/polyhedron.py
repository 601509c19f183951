"""Best division in a polyhedron {x >= d : A x <= b} under lower bounds, with a bound by weak duality.

For any multipliers lambda >= 0 with c = A' lambda > 0, the maximum of sum gamma_i log(x_i - d_i) over {x >= low,
A x <= b} is at most its maximum over {x >= low} less lambda (A x - b), attained at x_i = max(low_i, d_i + gamma_i/c_i).
A primal-dual interior-point method finds x and lambda; what it proves does not depend on how well it converged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakaway.runners.verify.boxes import Levels, Mask, Matrix

STEPS = 200
HOPELESS = -1e3
"""Log products below this (payoffs in units of the game's scale, per unit of weight) count as zero."""


@dataclass(frozen=True, eq=False)
class Slab:
    """The problem in net payoffs in units of the game's scale: maximise sum gamma_i log z_i over A z <= b."""

    weights: Matrix
    rows: Matrix
    bounds: Matrix

    def value(self, z: Matrix) -> float:
        """Return sum of gamma_i log z_i."""
        return float((self.weights * np.log(z)).sum())

    def dual_bound(self, low: Matrix, multipliers: Matrix) -> Matrix:
        """Return for each row of ``low`` an upper bound on the log product above it."""
        cost = multipliers @ self.rows
        if (cost <= 0).any():
            return np.full(len(low), np.inf)
        z = np.maximum(low, self.weights / cost)
        bound: Matrix = (self.weights * np.log(z) - cost * z).sum(axis=1) + multipliers @ self.bounds
        return bound


@dataclass(frozen=True, eq=False)
class Solved:
    """Outcome for one box: the division and its multipliers; ``z`` is None when the bound rules the box out."""

    z: Matrix | None
    multipliers: Matrix
    certain: bool = True


def best_above(slab: Slab, low: Matrix, cutoff: float) -> Solved:
    """Maximise the log product over the slab above ``low``, unless the bound falls below ``cutoff`` first."""
    tied = np.flatnonzero(low > 0)
    g = np.vstack([slab.rows, -np.eye(len(low))[tied]])
    h = np.concatenate([slab.bounds, -low[tied]])
    z = low + 0.1
    slack = np.maximum(h - g @ z, 0.1)
    dual = float(slab.weights.sum()) / slack
    length = 0.0
    for _ in range(STEPS):
        shrink = 0.1 if length > 0.9 else 0.7
        z, slack, dual, length = _step(slab.weights, g, h, (z, slack, dual), shrink)
        multipliers = dual[: len(slab.bounds)]
        bound = float(slab.dual_bound(low[None], multipliers)[0])
        if bound < cutoff:
            return Solved(None, multipliers)
        if bound - slab.value(z) < 1e-11 and np.abs(g @ z + slack - h).max() < 1e-12:
            return Solved(z, multipliers)
    return Solved(None, multipliers, certain=False)


def _step(
    weights: Matrix, g: Matrix, h: Matrix, state: tuple[Matrix, Matrix, Matrix], shrink: float
) -> tuple[Matrix, Matrix, Matrix, float]:
    """Take one Newton step to a gap ``shrink`` times as wide, staying inside z, slack, dual > 0; return its length."""
    z, slack, dual = state
    target = shrink * float(slack @ dual) / len(slack)
    stationary = -weights / z + g.T @ dual
    primal = g @ z + slack - h
    central = slack * dual - target
    hessian = np.diag(weights / z**2) + (g.T * (dual / slack)) @ g
    dz = np.linalg.lstsq(hessian, -stationary - g.T @ ((dual * primal - central) / slack), rcond=None)[0]
    dslack = -primal - g @ dz
    ddual = (-central - dual * dslack) / slack
    step = min(1.0, *(0.99 * _reach(v, dv) for v, dv in ((z, dz), (slack, dslack), (dual, ddual))))
    return z + step * dz, slack + step * dslack, dual + step * ddual, step


def _reach(value: NDArray[np.floating[Any]], change: NDArray[np.floating[Any]]) -> float:
    """Return the longest step along which a positive vector stays positive."""
    falling = change < 0
    return float((-value[falling] / change[falling]).min()) if falling.any() else np.inf


@dataclass
class BestInSlab:
    """Judge for the maximisers over a slab; boxes are in net payoffs in units of the game's scale."""

    slab: Slab
    slack: float
    best: float = -np.inf
    found: list[Matrix] = field(default_factory=list)
    known: list[Matrix] = field(default_factory=list)
    certain: bool = True

    def keep(self, low: Matrix) -> Mask:
        """Keep boxes that no known multipliers rule out."""
        kept: Mask = np.ones(len(low), dtype=np.bool_)
        for multipliers in self.known:
            kept[kept] = self.slab.dual_bound(low[kept], multipliers) >= self._cutoff()
        return kept

    def room(self, low: Matrix) -> Matrix:
        """Return no limit: what a payoff may rise to is left to the bound."""
        return np.full(len(low), np.inf)

    def offer(self, low: Matrix, levels: Levels) -> None:
        """Maximise in each box and remember the multipliers."""
        for box in low:
            if self.keep(box[None])[0]:
                self.solve(box)

    def solve(self, low: Matrix, keep: bool = True) -> None:
        """Maximise above one lower bound; ``keep`` says that it meets every threat, so that the division counts."""
        solved = best_above(self.slab, low, self._cutoff())
        self.certain &= solved.certain
        self.known = [solved.multipliers, *self.known[:20]]
        if keep and solved.z is not None:
            self.found.append(solved.z)
            self.best = max(self.best, self.slab.value(solved.z))

    def candidates(self) -> tuple[Matrix, Matrix]:
        """Return the divisions found (rows) and how far the log product of each is below the best."""
        z = np.array(self.found).reshape(len(self.found), len(self.slab.weights))
        below = self.best - np.array([self.slab.value(x) for x in z])
        return z[below <= self.slack], below[below <= self.slack]

    def _cutoff(self) -> float:
        return max(self.best - self.slack, HOPELESS * float(self.slab.weights.sum()))
