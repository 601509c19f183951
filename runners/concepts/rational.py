"""Linear algebra in fractions over coalitions: what known totals imply, and exact weights of dual vertices.

A row is a bitmask: its coefficients are 1 for the members. Solvers only say which rows matter; every number is then
computed here, so that no tolerance of theirs enters a payoff or a weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm

import numpy as np

from breakaway.data.coalitions import Coalition, members
from breakaway.runners.division import fraction_of

Column = Sequence[Fraction | int]

ZERO, ONE = Fraction(0), Fraction(1)


class KnownTotals:
    """Totals x(T) = c_T that are known, and what follows from them.

    The rows are kept in reduced echelon form: each begins with a 1 in a column in which all the others have a 0.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.totals: dict[Coalition, Fraction] = {}
        self._rows: dict[int, list[Fraction]] = {}

    @property
    def rank(self) -> int:
        """The number of independent totals; with n of them the payoffs are determined."""
        return len(self._rows)

    def add(self, coalition: Coalition, total: Fraction) -> bool:
        """Take a total as known; false when it follows from the others already."""
        row = [*(Fraction(coalition >> i & 1) for i in range(self.n)), total]
        for pivot, known in self._rows.items():
            row = _minus(row, row[pivot], known)
        lead = next((i for i in range(self.n) if row[i]), None)
        if lead is None:
            return False
        row = [value / row[lead] for value in row]
        self._rows = {pivot: _minus(known, known[lead], row) for pivot, known in self._rows.items()}
        self._rows[lead] = row
        self.totals[coalition] = total
        return True

    def payoffs(self) -> tuple[Fraction, ...]:
        """Return the payoffs that the totals determine; all n are needed."""
        return tuple(self._rows[i][-1] for i in range(self.n))

    def settled_payoffs(self) -> dict[int, Fraction]:
        """Return the payoffs of the players for whom they follow from the totals."""
        return {i: row[-1] for i, row in self._rows.items() if not any(row[j] for j in range(self.n) if j != i)}

    def open_coalitions(self) -> np.ndarray:
        """Return the coalitions, ascending, whose total does not follow from those that are known."""
        free = [j for j in range(self.n) if j not in self._rows]
        masks = np.arange(1, 1 << self.n)
        is_open = np.zeros(len(masks), dtype=bool)
        for j in free:
            # e_j less what the pivots must give up spans, over all j, the directions in which payoffs can still move
            direction = [ZERO] * self.n
            direction[j] = ONE
            for pivot, row in self._rows.items():
                direction[pivot] = -row[j]
            whole = lcm(*(value.denominator for value in direction))
            moves = sum((masks >> i & 1) * int(value * whole) for i, value in enumerate(direction))
            is_open |= moves != 0
        return masks[is_open]


def _minus(row: list[Fraction], factor: Fraction, other: Sequence[Fraction]) -> list[Fraction]:
    if not factor:
        return row
    return [value - factor * less for value, less in zip(row, other, strict=True)]


def incidence(coalition: Coalition, n: int, *further: int) -> list[Fraction]:
    """Return the 0/1 column of a coalition, with further entries below."""
    inside = set(members(coalition))
    return [*(ONE if i in inside else ZERO for i in range(n)), *map(Fraction, further)]


def dual_vertex(
    columns: Sequence[Column], target: Column, weights: Sequence[float], signed: Sequence[bool]
) -> list[Fraction] | None:
    """Return exact weights with sum of weight times column = target, nonnegative where ``signed``.

    Parameters
    ----------
    columns, target
        Vectors of equal length.
    weights
        Roughly such weights, from a solver; those near 0 should have been left out.
    signed
        Which weights must not be negative.

    Returns
    -------
    Weights on independent columns, 0 on the others: columns that depend on the rest are given up one by one, in the
    way in which a polytope's point moves to a vertex. None when the columns do not reach the target.
    """
    rough = list(weights)
    support = list(range(len(columns)))
    while (null := _dependence([columns[k] for k in support])) is not None:
        if not any(value > 0 and signed[k] for k, value in zip(support, null, strict=True)):
            null = [-value for value in null]
        falling = [
            (rough[k] / float(value), k) for k, value in zip(support, null, strict=True) if value > 0 and signed[k]
        ]
        step, leaving = min(falling) if falling else (0.0, next(k for k, v in zip(support, null, strict=True) if v))
        for k, value in zip(support, null, strict=True):
            rough[k] -= step * float(value)
        support.remove(leaving)
    found = _solve([columns[k] for k in support], target)
    if found is None or any(value < 0 and signed[k] for k, value in zip(support, found, strict=True)):
        return None
    exact = [ZERO] * len(columns)
    for k, value in zip(support, found, strict=True):
        exact[k] = value
    return exact


def _dependence(columns: Sequence[Column]) -> list[Fraction] | None:
    """Return coefficients, not all 0, with which the columns add up to 0; None when they are independent."""
    reduced, pivots = _echelon(columns, len(columns))
    free = next((k for k in range(len(columns)) if k not in pivots), None)
    if free is None:
        return None
    null = [ZERO] * len(columns)
    null[free] = ONE
    for row, pivot in enumerate(pivots):
        null[pivot] = -reduced[row][free]
    return null


def _solve(columns: Sequence[Column], target: Column) -> list[Fraction] | None:
    """Return the coefficients of independent columns that add up to the target; None when there are none."""
    reduced, pivots = _echelon([*columns, target], len(columns))
    if any(row[-1] for row in reduced[len(pivots) :]):
        return None
    return [row[-1] for row in reduced[: len(columns)]]


def _echelon(columns: Sequence[Column], pivotable: int) -> tuple[list[list[Fraction]], list[int]]:
    """Reduce the matrix with these columns; return its rows and the pivot column of each of the first of them."""
    rows = [[Fraction(value) for value in row] for row in zip(*columns, strict=True)]
    pivots: list[int] = []
    for k in range(pivotable):
        top = len(pivots)
        lead = next((r for r in range(top, len(rows)) if rows[r][k]), None)
        if lead is None:
            continue
        rows[top], rows[lead] = rows[lead], rows[top]
        pivot = [value / rows[top][k] for value in rows[top]]
        rows = [pivot if r == top else _minus(row, row[k], pivot) for r, row in enumerate(rows)]
        pivots.append(k)
    return rows, pivots


def exact_worths(worths: Iterable[float]) -> list[Fraction]:
    """Return the numbers that the decimals of the data stand for."""
    return [fraction_of(float(worth)) for worth in worths]
