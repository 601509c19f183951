"""All vertices of the payoffs with a given total under which every coalition gets at least so much, in fractions.

The double description method (Motzkin, Raiffa, Thompson and Thrall 1953): a simplex is cut by one coalition after the
other; new vertices lie where the cut meets an edge, and two vertices span an edge when no third one is tight wherever
both are.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from breakaway.data.coalitions import Coalition, members

Vertex = tuple[Fraction, ...]


def vertices(n: int, total: Fraction, least: Mapping[Coalition, Fraction]) -> list[Vertex]:
    """Return the vertices of {x : x(N) = total, x(S) >= least[S]}, sorted; none when it is empty.

    Parameters
    ----------
    n
        Number of players.
    total
        What all get together.
    least
        What each coalition gets at least; every single player must be there, so that the set is bounded.
    """
    tight = _simplex(n, total, [least[1 << i] for i in range(n)])
    cuts = sorted((s for s in least if s.bit_count() > 1), key=lambda s: (-s.bit_count(), s))
    for number, coalition in enumerate(cuts, start=n):
        tight = _cut(tight, members(coalition), least[coalition], 1 << number, n - 2)
    return sorted(tight)


def _simplex(n: int, total: Fraction, least: list[Fraction]) -> dict[Vertex, int]:
    """Return the vertices of {x >= least, x(N) = total}, each with the bitmask of the rows that are tight there."""
    room = total - sum(least)
    if room < 0:
        return {}
    every = (1 << n) - 1
    if room == 0:
        return {tuple(least): every}
    return {tuple(low + room if i == k else low for i, low in enumerate(least)): every ^ (1 << k) for k in range(n)}


def _cut(
    tight: Mapping[Vertex, int], inside: tuple[int, ...], least: Fraction, bit: int, common: int
) -> dict[Vertex, int]:
    """Return the vertices of the part with x(S) >= least; edges have at least ``common`` tight rows."""
    slack = {x: sum(x[i] for i in inside) - least for x in tight}
    kept = {x: rows | bit if slack[x] == 0 else rows for x, rows in tight.items() if slack[x] >= 0}
    outside = [(x, rows) for x, rows in tight.items() if slack[x] < 0]
    beyond = [(x, rows) for x, rows in tight.items() if slack[x] > 0]
    for x, own in outside:
        for y, other in beyond:
            both = own & other
            if both.bit_count() >= common and _spans_an_edge(tight, both):
                share = slack[y] / (slack[y] - slack[x])
                new = tuple(b + share * (a - b) for a, b in zip(x, y, strict=True))
                kept[new] = both | bit
    return kept


def _spans_an_edge(tight: Mapping[Vertex, int], both: int) -> bool:
    """Tell whether just two vertices are tight in all of these rows."""
    found = 0
    for rows in tight.values():
        if rows & both == both:
            found += 1
            if found > 2:
                return False
    return True
