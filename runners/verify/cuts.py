"""Best division in a convex set {x >= d : g(x) <= 0} under lower bounds, with a bound: the set inside a polyhedron.

For convex g every point p gives a half-space that contains the set, g_k(p) + grad g_k(p) (x - p) <= 0. Over finitely
many of them the maximisers are found with a bound by weak duality (:mod:`breakaway.runners.verify.polyhedron`). Where
a maximiser lies outside the set, a half-space at it is added (Kelley 1960); one that lies inside is one of the set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from breakaway.runners.verify.boxes import Matrix, demands, search
from breakaway.runners.verify.polyhedron import BestInSlab, Slab

ROUNDS = 60
"""Most rounds of cutting."""

STEP = 1e-5
"""Step of the numerical gradients, relative to the scale."""

Excess = Callable[[Mapping[str, float]], Sequence[float]]


@dataclass
class Cuts:
    """A convex set in net payoffs in units of the scale, and the half-spaces around it so far."""

    excess: Excess
    names: tuple[str, ...]
    floor: Matrix
    scale: float
    rows: list[Matrix] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)

    def values(self, z: Matrix) -> Matrix:
        """Return g(x) at net scaled payoffs."""
        x = self.floor + self.scale * z
        return np.array(self.excess(dict(zip(self.names, map(float, x), strict=True))), dtype=float)

    def gradient(self, z: Matrix) -> Matrix:
        """Return the gradients of g, a row for each function, by central differences."""
        steps = STEP * np.eye(len(z))
        columns = [(self.values(z + step) - self.values(z - step)) / (2 * STEP) for step in steps]
        return np.stack(columns, axis=1)

    def outside(self, z: Matrix) -> float:
        """Return how far a point is outside, in units of the scale: the largest g over its gradient's size."""
        size = np.abs(self.gradient(z)).sum(axis=1)
        return float((self.values(z) / np.maximum(size, 1e-300)).max())

    def add(self, z: Matrix) -> None:
        """Add the half-spaces at a point."""
        for value, slope in zip(self.values(z), self.gradient(z), strict=True):
            size = float(np.abs(slope).max())
            if size > 0:
                self.rows.append(slope / size)
                self.bounds.append((float(slope @ z) - float(value)) / size)

    def slab(self, weights: Matrix, shift: float) -> Slab:
        """Return the polyhedron of the half-spaces, in payoffs moved up by ``shift``."""
        rows = np.array(self.rows)
        return Slab(weights, rows, np.array(self.bounds) + shift * rows.sum(axis=1))

    def best(self, weights: Matrix, asked: Matrix, reference: Reference) -> BestInSlab | None:
        """Return the judge that holds all maximisers over the unblocked part; None when they are not proven to be all.

        Parameters
        ----------
        weights
            Bargaining weights.
        asked
            The threats in net payoffs in units of the scale; infinity for players who are not members.
        reference
            From where gains are counted, and how accurately.
        """
        for _ in range(ROUNDS):
            judge = best_in_slab(self.slab(weights, reference.shift), asked, reference)
            if judge is None:
                return None
            candidates, _ = judge.candidates()
            beyond = [z for z in candidates - reference.shift if self.outside(z) > reference.accuracy]
            if not beyond:
                return judge
            for z in beyond:
                self.add(z)
        return None


@dataclass(frozen=True, eq=False)
class Rows:
    """A polyhedron in net payoffs in units of the scale; rows have the largest entry 1."""

    rows: Matrix
    bounds: Matrix

    def best(self, weights: Matrix, asked: Matrix, reference: Reference) -> BestInSlab | None:
        """Return the judge that holds all maximisers over the unblocked part; None when they are not proven to be all.

        Parameters are those of :meth:`Cuts.best`.
        """
        slab = Slab(weights, self.rows, self.bounds + reference.shift * self.rows.sum(axis=1))
        return best_in_slab(slab, asked, reference)


Body = Cuts | Rows


@dataclass(frozen=True)
class Reference:
    """From where gains are counted, ``shift`` below disagreement, and the log product to start the search from.

    With a positive shift every allocation of the set has a positive product: there is a maximiser iff anything is
    unblocked. ``accuracy`` is how far outside a convex set a maximiser may be, in units of the scale; ``effort`` bounds
    each search.
    """

    accuracy: float
    effort: float
    start: float = -np.inf
    shift: float = 0.0


def best_in_slab(slab: Slab, asked: Matrix, reference: Reference) -> BestInSlab | None:
    """Return the judge that holds all maximisers over the unblocked part of a slab; None when the search was cut."""
    low = np.full(len(slab.weights), reference.shift)
    judge = BestInSlab(slab, slack=1e-5, best=reference.start)
    judge.solve(low, keep=False)
    complete = search(demands(asked + reference.shift, low, reference.accuracy), judge, reference.effort)
    return judge if complete and judge.certain else None
