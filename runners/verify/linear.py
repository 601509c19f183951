"""Small linear programmes by the simplex method on a dense tableau, each answer with the multipliers that prove it.

maximise c x subject to A x <= b, x >= 0. Nothing rests on the method having worked: a bound counts when its multipliers
y >= 0 have A' y >= c, and then c x <= b y for every x; there is no x at all when A' y >= 0 and b y < 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats

PIVOT = 1e-9
"""Entries of a tableau that count as 0."""

EXACT = 1e-7
"""By how much multipliers may miss what they prove, relative to the largest entry of a programme."""

MOST_PIVOTS = 5_000
"""Pivots after which a programme is given up."""


@dataclass(frozen=True, eq=False)
class Linear:
    """What is known of a programme: ``bound`` of its value, and a point that reaches it; without a point there is none.

    ``bound`` is infinite when the value is, or when nothing was proven.
    """

    bound: float
    point: Floats | None
    proven: bool


def maximise(c: Floats, a: Floats, b: Floats) -> Linear:
    """Maximise c x over x >= 0 with A x <= b; shapes (n,), (m, n), (m,)."""
    m, n = a.shape
    table = np.zeros((m + 1, n + m + 2))
    table[:m, :n], table[:m, n : n + m], table[:m, -1] = a, np.eye(m), b
    basis = np.arange(n, n + m)
    size = 1.0 + max(float(np.abs(part).max()) if part.size else 0.0 for part in (a, b, c))
    if m and b.min() < 0.0:
        table[:m, -2], table[m, -2] = -1.0, 1.0
        _pivot(table, basis, int(b.argmin()), n + m)
        if not _climb(table, basis):
            return Linear(np.inf, None, False)
        if table[m, -1] < -PIVOT * size:
            y = np.clip(table[m, n : n + m], 0.0, None)
            proven = bool((a.T @ y).min(initial=0.0) >= -EXACT * size * max(1.0, y.sum()) and b @ y < 0.0)
            return Linear(-np.inf if proven else np.inf, None, proven)
        _leave(table, basis, n + m)
    table[:m, -2] = 0.0
    table[m] = 0.0
    table[m, :n] = -c
    cost = np.concatenate([c, np.zeros(m + 1)])
    table[m] += cost[basis] @ table[:m]
    bounded = _climb(table, basis)
    x = np.zeros(n + m + 1)
    x[basis] = table[:m, -1]
    y = np.clip(table[m, n : n + m], 0.0, None)
    proven = bounded and bool((a.T @ y - c).min(initial=0.0) >= -EXACT * size)
    return Linear(float(b @ y) if proven else np.inf, np.clip(x[:n], 0.0, None), proven)


def _climb(table: Floats, basis: np.ndarray) -> bool:
    """Pivot until no column improves the last row; False when the value has no limit or pivots run out."""
    for step in range(MOST_PIVOTS):
        row = table[-1, :-1]
        better = np.flatnonzero(row < -PIVOT)
        if not better.size:
            return True
        column = int(better[0]) if step > MOST_PIVOTS // 10 else int(better[row[better].argmin()])
        steep = table[:-1, column]
        rows = np.flatnonzero(steep > PIVOT)
        if not rows.size:
            return False
        ratios = table[rows, -1] / steep[rows]
        ties = rows[ratios <= ratios.min() + 1e-12]
        _pivot(table, basis, int(ties[basis[ties].argmin()]), column)
    return False


def _leave(table: Floats, basis: np.ndarray, column: int) -> None:
    """Take the auxiliary variable out of the basis, where it is 0."""
    for row in np.flatnonzero(basis == column):
        entry = np.abs(table[row, :-2])
        _pivot(table, basis, int(row), int(entry.argmax()))


def _pivot(table: Floats, basis: np.ndarray, row: int, column: int) -> None:
    table[row] /= table[row, column]
    others = table[:, column].copy()
    others[row] = 0.0
    table -= np.outer(others, table[row])
    basis[row] = column


def game_value(gains: Floats) -> float:
    """Return an upper bound of the value of a matrix game to the one who chooses rows: max min over mixtures of rows.

    ``gains`` has shape (rows, columns). The bound is the best row against the mixture of columns that was found.
    """
    return float((gains @ worst_mixture(gains)).max())


def sure_value(gains: Floats) -> float:
    """Return what a mixture of rows surely gives, whatever the column: a lower bound of the value of the game."""
    return -game_value(-gains.T)


def worst_mixture(gains: Floats) -> Floats:
    """Return the mixture of columns that leaves least to the one who chooses rows, shape (columns,)."""
    low = float(gains.min())
    shifted = gains - low + 1.0
    found = maximise(np.ones(shifted.shape[1]), shifted, np.ones(len(shifted))).point
    total = 0.0 if found is None else float(found.sum())
    if found is None or total <= 0.0:
        return np.full(gains.shape[1], 1.0 / gains.shape[1])
    mixture: Floats = found / total
    return mixture
