"""The unblocked set of a total worth as a union of boxes: all minimal lower bounds that meet every threat.

Every threat (T, y) asks for some member i of T with x_i >= y_i. Choosing one member for each threat gives lower bounds
l, and the unblocked set is the union over all choices of {x >= l, sum of x <= v}. Only the minimal l matter, and only
those that the worth can pay. They are built threat by threat (Berge's multiplication of clauses), dropping what is not
minimal after each.
"""

from __future__ import annotations

import numpy as np

from breakaway.runners.cover import essential
from breakaway.runners.division import BlockProblem, normalise
from breakaway.runners.search import Number

MOST_BOUNDS = 20_000
"""Most lower bounds that are kept at once."""


def minimal_bounds(problem: BlockProblem, most: int = MOST_BOUNDS) -> tuple[tuple[Number, ...], ...] | None:
    """Return all minimal vectors l >= d that meet every threat and whose total the worth can pay, sorted.

    Payoffs are gross of disagreement, over all positions of the problem. None when there are more than ``most``.
    """
    net = normalise(problem)
    rows = [[net.lower[i] for i in problem.positions]]
    column = {i: k for k, i in enumerate(problem.positions)}
    room = float(net.budget + problem.eps)
    if float(sum(rows[0])) > room:  # what single players can get is more than there is
        return ()
    for clause in sorted(essential(net.clauses), key=len):
        rows = _declined(rows, [(column[i], tau) for i, tau in clause], problem.eps, room)
        if len(rows) > most:
            return None
    d = [problem.disagreement[i] for i in problem.positions]
    return tuple(sorted(tuple(x + floor for x, floor in zip(row, d, strict=True)) for row in rows))


def _declined(
    rows: list[list[Number]], clause: list[tuple[int, Number]], eps: Number, room: float
) -> list[list[Number]]:
    """Raise each bound in every way that declines a threat; keep the minimal ones within the worth."""
    met, raised = [], []
    for row in rows:
        if any(row[k] >= tau - eps for k, tau in clause):
            met.append(row)
            continue
        for k, tau in clause:
            higher = [*row[:k], tau, *row[k + 1 :]]
            if float(sum(higher)) <= room:
                raised.append(higher)
    return _minimal(met + raised)


def _minimal(rows: list[list[Number]]) -> list[list[Number]]:
    """Keep the vectors that are not at or above another; one of several equal ones."""
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: (float(sum(row)), [float(x) for x in row]))
    values = np.array([[float(x) for x in row] for row in ordered])
    kept: list[int] = []
    for k, row in enumerate(values):
        if not kept or not (values[kept] <= row).all(axis=1).any():
            kept.append(k)
    return [ordered[k] for k in kept]
