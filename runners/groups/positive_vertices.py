"""The vertices of the permitted groups of positive size, {0 <= nu <= mu, eps' <= sum of nu <= eps}.

At a vertex every type is all in the group or not at all, but for one at most, of which there is as much as makes the
size eps' or eps.
"""

from __future__ import annotations

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import PositiveSizeGame

MOST_TYPES_OF_VERTICES = 12
"""Up to this many types all vertices are listed: up to some 20,000."""

ROUNDING = 1e-12
"""Sizes that differ by less, relative to the market, are equal."""


def vertices(game: PositiveSizeGame) -> Floats:
    """Return all vertices, shape (vertices, types); their number grows like 2^types.

    Raises
    ------
    ValueError
        With more than :data:`MOST_TYPES_OF_VERTICES` types.
    """
    count = len(game.types)
    if count > MOST_TYPES_OF_VERTICES:
        raise ValueError(f"{count} types: vertices are listed for up to {MOST_TYPES_OF_VERTICES}; generate groups")
    masses, room = game.types.masses, ROUNDING * game.total
    inside = (np.arange(2**count)[:, None] >> np.arange(count)) & 1 == 1
    whole = np.where(inside, masses, 0.0)
    sizes = whole.sum(axis=1)
    found = [whole[(sizes >= game.smallest - room) & (sizes <= game.largest + room)]]
    for size in sorted({game.smallest, game.largest}):
        for i in range(count):
            rest = size - sizes
            rows = ~inside[:, i] & (rest > room) & (rest < masses[i] - room)
            mixed = whole[rows].copy()
            mixed[:, i] = rest[rows]
            found.append(mixed)
    return np.vstack(found)
