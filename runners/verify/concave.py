"""Upper bounds of concave functions from their values alone: on a segment, of derivatives, of one variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from breakaway.data.arrays import Floats

MOST_SAMPLES = 3_000
"""Points of one segment at which functions are looked at."""

FIRST_SAMPLES = 9

SECTIONS = 80
"""Steps of a golden section: they narrow the bracket by 1e-16."""

MOST_DOUBLINGS = 120

GOLDEN = (5.0**0.5 - 1.0) / 2.0

Values = Callable[[Floats], Floats]
"""Takes a point, shape (n,), and returns the values of several concave functions there."""


class Excess(NamedTuple):
    """By how much which function may exceed its ceiling at which place (0: start, 1: end); ``seen``: it does."""

    row: int
    place: float
    value: float
    seen: bool


def excess_on_segment(values: Values, start: Floats, end: Floats, ceilings: Floats) -> Excess | None:
    """Return where one of several concave functions exceeds its ceiling between two points, None where none does.

    Between two samples a concave function lies below both lines through the samples on either side. Where that bound
    exceeds the ceiling the interval is halved, until a sample exceeds it, or no bound does.

    Parameters
    ----------
    values
        The functions, shape (m,) at a point of shape (n,).
    start, end
        Ends of the segment, shape (n,).
    ceilings
        Shape (m,).
    """
    places = np.linspace(0.0, 1.0, FIRST_SAMPLES)
    found = np.array([values(start + s * (end - start)) - ceilings for s in places])
    while True:
        if (found > 0).any():
            at, row = np.unravel_index(int(found.argmax()), found.shape)
            return Excess(int(row), float(places[at]), float(found[at, row]), True)
        bounds = tents(places, found)
        wide = np.flatnonzero((bounds > 0).any(axis=1))
        if not len(wide):
            return None
        if len(places) + len(wide) > MOST_SAMPLES:
            at, row = np.unravel_index(int(bounds.argmax()), bounds.shape)
            return Excess(int(row), float(places[at]), float(bounds[at, row]), False)
        middles = 0.5 * (places[wide] + places[wide + 1])
        more = np.array([values(start + s * (end - start)) - ceilings for s in middles])
        places, found = np.insert(places, wide + 1, middles), np.insert(found, wide + 1, more, axis=0)


def tents(places: Floats, found: Floats) -> Floats:
    """Return upper bounds of concave functions on every interval between samples.

    Parameters
    ----------
    places
        Where the samples lie, ascending, shape (k,), k >= 3.
    found
        Values there, shape (k, m).

    Returns
    -------
    Floats
        Shape (k - 1, m): the top of the tent of the line through the two samples on the left of the interval and that
        through the two on its right; at either end there is one line.
    """
    width = np.diff(places)[:, None]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        slopes = np.diff(found, axis=0) / width
        endless = np.full((1, found.shape[1]), np.inf)
        up = np.vstack([endless, slopes[:-1]])
        down = np.vstack([slopes[1:], -endless])
        left, right = found[:-1], found[1:]
        top = (np.maximum(up, 0.0) * right - np.minimum(down, 0.0) * left - up * down * width) / (up - down)
        top = np.where(np.isinf(up), right - down * width, np.where(np.isinf(down), left + up * width, top))
    top = np.where((up <= 0) | (down >= 0), -np.inf, top)
    bounds = np.maximum(np.maximum(left, right), top)
    return np.where(np.isnan(bounds), np.inf, bounds)


# --- derivatives -----------------------------------------------------------------------------------------------------


def quotients(values: Values, point: Floats, steps: Floats) -> Floats:
    """Return the difference quotients (u(point + h_j e_j) - u(point)) / h_j of functions, shape (m, n).

    With h < 0 they are upper bounds of the derivatives of concave functions, with h > 0 lower bounds.
    """
    here = values(point)
    found = np.empty((len(here), len(point)))
    moved = point.copy()
    for j, step in enumerate(steps.tolist()):
        moved[j] = point[j] + step
        found[:, j] = (values(moved) - here) / (moved[j] - point[j])
        moved[j] = point[j]
    return found


# --- one variable ----------------------------------------------------------------------------------------------------


def highest(values: Values, most: float, agents: int) -> Floats:
    """Return the maxima of concave functions of one variable each, between 0 and ``most``, by golden section.

    Parameters
    ----------
    values
        Takes a variable for each function, shape (n,), and returns their values.
    most
        Largest value of every variable; infinite when there is none.
    agents
        n.

    Returns
    -------
    Floats
        Shape (n,); infinite where a function still rises after :data:`MOST_DOUBLINGS` doublings.
    """
    low, high = np.zeros(agents), np.full(agents, most if np.isfinite(most) else 1.0)
    best, rising = values(low), np.zeros(agents, dtype=bool)
    if not np.isfinite(most):
        high, rising = _bracket(values, high)
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    found = [values(inner[0]), values(inner[1])]
    for _ in range(SECTIONS):
        left = found[0] >= found[1]
        low, high = np.where(left, low, inner[0]), np.where(left, inner[1], high)
        inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
        found = [values(inner[0]), values(inner[1])]
        best = np.maximum(best, np.maximum(*found))
    best = np.maximum(best, np.maximum(values(low), values(high)))
    return np.where(rising, np.inf, best)


def _bracket(values: Values, high: Floats) -> tuple[Floats, np.ndarray]:
    """Double variables while their functions rise; return where they stand and which rise still."""
    here = values(high)
    for _ in range(MOST_DOUBLINGS):
        there = values(2.0 * high)
        rising = there > here
        if not rising.any():
            break
        high, here = np.where(rising, 2.0 * high, high), np.where(rising, there, here)
    return 2.0 * high, rising
