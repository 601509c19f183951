"""Optimal bases in fractions: a basis that floating point found is solved and checked exactly.

Data are taken as the decimal numbers that they are written as. A basis that passes is optimal without any tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from breakaway.data.groups import GroupArray
from breakaway.runners.groups.program import Optimum

MOST_TYPES = 16
"""Most types of which bases are solved in fractions: the time grows with the cube."""

MOST_EXACT_GROUPS = 50_000
"""Most groups that are compared with payoffs in fractions."""


def fractions_of(values: Sequence[float] | NDArray[np.float64]) -> list[Fraction]:
    """Return decimal numbers as fractions: 0.1 becomes 1/10."""
    return [Fraction(repr(float(value))) for value in values]


@dataclass(frozen=True, slots=True)
class ExactOptimum:
    """An optimum in fractions: value, y by basic column (others are 0), u by row."""

    value: Fraction
    amounts: dict[int, Fraction]
    payoffs: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class ExactProgram:
    """maximise s.y subject to A y = b, y_G >= 0 unless free: the columns of a programme, with s in fractions."""

    groups: GroupArray
    surplus: Sequence[Fraction]
    free: frozenset[int] = frozenset()

    def optimum(self, right: Sequence[Fraction], found: Optimum) -> ExactOptimum | None:
        """Return the basic solution of an optimum found in floating point; None when it is not exactly optimal."""
        columns, rows = found.basic_columns.tolist(), found.basic_rows.tolist()
        basis = [self._column(g, len(right)) for g in columns]
        basis += [[Fraction(int(i == row)) for i in range(len(right))] for row in rows]
        costs = [self.surplus[g] for g in columns] + [Fraction(0)] * len(rows)
        amounts = solve_linear([list(row) for row in zip(*basis, strict=True)], list(right))
        payoffs = solve_linear(basis, costs)
        if amounts is None or payoffs is None or not self._feasible(columns, amounts) or not self._dual(payoffs):
            return None
        value = sum((c * y for c, y in zip(costs, amounts, strict=True)), Fraction(0))
        kept = {g: y for g, y in zip(columns, amounts[: len(columns)], strict=True) if y}
        return ExactOptimum(value, kept, tuple(payoffs))

    def _column(self, group: int, types: int) -> list[Fraction]:
        members = self.groups[group].tolist()
        return [Fraction(members.count(i)) for i in range(types)]

    def _feasible(self, columns: Sequence[int], amounts: Sequence[Fraction]) -> bool:
        """Tell whether basic columns are at least 0 unless free, and slacks are 0."""
        own, slacks = amounts[: len(columns)], amounts[len(columns) :]
        return not any(slacks) and all(y >= 0 or g in self.free for g, y in zip(columns, own, strict=True))

    def _dual(self, payoffs: Sequence[Fraction]) -> bool:
        """Tell whether no group gets less than its surplus, and free groups get exactly that."""
        slack = self.slack(payoffs)
        return bool((slack >= 0).all()) and not any(slack[g] for g in self.free)

    def slack(self, payoffs: Sequence[Fraction]) -> NDArray[np.object_]:
        """Return u(G) - s(G) by column, times a common denominator, as integers."""
        scale = math.lcm(*(x.denominator for x in (*payoffs, *self.surplus)))
        own = np.array([*(int(u * scale) for u in payoffs), 0], dtype=object)
        asked = np.array([int(s * scale) for s in self.surplus], dtype=object)
        return np.asarray(own[self.groups].sum(axis=1) - asked, dtype=object)


def solve_linear(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction] | None:
    """Solve a square system by elimination; None when it is singular. ``matrix`` is overwritten."""
    n = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for k in range(n):
        pivot = next((r for r in range(k, n) if rows[r][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] if x else x for x in rows[k]]
        for r in range(n):
            if r != k and (factor := rows[r][k]):
                rows[r] = [x - factor * y if y else x for x, y in zip(rows[r], rows[k], strict=True)]
    return [row[n] for row in rows]
