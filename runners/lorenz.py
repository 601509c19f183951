"""Lorenz dominance: which of two divisions of one total is more equal, and the most equal ones of a set of boxes.

A division x *majorizes* (Lorenz-dominates) y of the same total when the j poorest in x have together at least as much
as the j poorest in y, for every j, and more for some j (Vohra and Ray 2025, section 5.4). Numbers are floats, with a
tolerance, or :class:`fractions.Fraction`, with tolerance 0.

Everything here rests on one lemma. Write top_j for the total of the j richest. *Fill* l to a total v: the division
max(l_i, t), with t such that v is shared.

    If top_j(l) <= top_j(x) for all j and x shares v, then fill(l) is x up to renaming or majorizes it.

Let b players have l_i > t. For j <= b, top_j(fill) = top_j(l) <= top_j(x). For j > b, top_j(x) is concave in j and v at
j = n, so it is at least the straight line from top_b(x) to v, which lies above the line from top_b(l) to v, which is
top_j(fill). In particular fill(l) majorizes every other division x >= l of v; among its renamings it alone is in that
box, since the sum of squares has one minimiser there. So the Lorenz-maximal divisions of a union of boxes are among the
fills of its minimal corners, and finitely many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from breakaway.runners.search import Number, water_filling

Vector = tuple[Number, ...]
"""Payoffs by player."""


def poorest_sums(x: Sequence[Number]) -> list[Number]:
    """Return what the j poorest have together, for j = 1, ..., n."""
    return list(accumulate(sorted(x)))


def majorizes(x: Sequence[Number], y: Sequence[Number], eps: Number = 0) -> bool:
    """Tell whether x is more equal than y, a division of the same total.

    Parameters
    ----------
    x, y
        Payoffs of the same players.
    eps
        Sums that differ by no more are equal; 0 compares exactly.
    """
    gaps = [a - b for a, b in zip(poorest_sums(x), poorest_sums(y), strict=True)]
    return bool(min(gaps) >= -eps and max(gaps) > eps)


def lorenz_maximal(points: Iterable[Vector], eps: Number = 0) -> list[Vector]:
    """Return the points of one total that no other point majorizes, sorted; points within eps are listed once.

    A majorizing point has a smaller sum of squares, so one pass in ascending order of it compares each point with the
    maximal ones only.
    """
    ordered = sorted(points, key=lambda x: sum(float(value) ** 2 for value in x))
    kept: list[Vector] = []
    profiles: dict[tuple[Number, ...], None] = {}
    for x in ordered:
        if not any(majorizes(profile, x, eps) for profile in profiles):
            kept.append(x)
            profiles.setdefault(tuple(sorted(x)))
    return _distinct(kept, eps)


def in_order(points: Iterable[Vector]) -> list[Vector]:
    """Sort points by player; payoffs that differ by rounding count as equal."""
    listed = list(points)
    scale = max((abs(float(value)) for x in listed for value in x), default=1.0) or 1.0
    return sorted(listed, key=lambda x: tuple(round(float(value) / scale, 9) for value in x))


def _distinct(points: Iterable[Vector], eps: Number) -> list[Vector]:
    """Sort points and drop those within eps of another."""
    found: list[Vector] = []
    for x in in_order(points):
        if not any(all(abs(a - b) <= eps for a, b in zip(x, y, strict=True)) for y in reversed(found)):
            found.append(x)
    return found


def filled(lower: Sequence[Number], total: Number, eps: Number = 0) -> Vector:
    """Return max(l_i, t) with the level t at which the total is shared; l itself when nothing (or eps) is left."""
    if total - sum(lower) <= eps:
        return tuple(lower)
    share, _ = water_filling(range(len(lower)), [1] * len(lower), lower, total)
    return tuple(share)


def most_equal_in_boxes(corners: Iterable[Sequence[Number]], total: Number, eps: Number = 0) -> list[Vector]:
    """Return all Lorenz-maximal divisions of a total within a union of boxes {x >= l}.

    Parameters
    ----------
    corners
        The lower bounds l; those that cost more than the total (by more than eps) are left out.
    total
        What is shared, all of it.
    eps
        Tolerance in the unit of payoff.
    """
    return lorenz_maximal((filled(low, total, eps) for low in corners if sum(low) <= total + eps), eps)
