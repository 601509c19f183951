"""Where the coalition structures stand in a Hasse diagram: levels by number of coalitions, edges between neighbours.

Structure b stands directly below a when a arises from b by merging two coalitions. When one structure stands for all
its renamings by identical players, a pattern is joined to the patterns of its mergers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from breakaway.data.coalitions import Structure, parse_structure

Pattern = tuple[tuple[int, ...], ...]
SWEEPS = 8
"""Passes of the barycentre rule that reduces crossings."""


@dataclass(frozen=True, slots=True)
class Hasse:
    """Positions of structures, by name, in a drawing, and pairs (finer, coarser) of neighbours."""

    positions: Mapping[str, tuple[float, float]]
    edges: tuple[tuple[str, str], ...]

    @property
    def width(self) -> int:
        """The number of structures on the widest level."""
        levels = [y for _, y in self.positions.values()]
        return max(map(levels.count, set(levels)))


def hasse(structures: Sequence[str], players: Sequence[str], identical: Sequence[Sequence[str]] = ()) -> Hasse:
    """Lay out structures; ``identical`` lists groups of players that may be exchanged.

    Level m, the structures with m coalitions, lies at height -m; each level is centred at 0 with unit distances.
    """
    kind = {player: k for k, group in enumerate(identical) for player in group}
    kinds = [kind.get(player, len(identical) + k) for k, player in enumerate(players)]
    parsed = {name: parse_structure(name, players) for name in structures}
    by_pattern = {_pattern(structure, kinds): name for name, structure in parsed.items()}
    edges = tuple(
        (name, above)
        for name, structure in parsed.items()
        for above in dict.fromkeys(by_pattern.get(_pattern(merged, kinds), "") for merged in _mergers(structure))
        if above
    )
    levels: dict[int, list[str]] = {}
    for name, structure in parsed.items():
        levels.setdefault(len(structure), []).append(name)
    return Hasse(settle(levels, edges), edges)


def _pattern(structure: Structure, kinds: Sequence[int]) -> Pattern:
    return tuple(
        sorted(tuple(sorted(kinds[k] for k in range(block.bit_length()) if block >> k & 1)) for block in structure)
    )


def _mergers(structure: Structure) -> list[Structure]:
    return [
        (*(block for block in structure if block not in pair), pair[0] | pair[1])
        for pair in itertools.combinations(structure, 2)
    ]


def settle(levels: Mapping[int, list[str]], edges: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Return positions of the names on every level, at the height of minus its number, with few crossings."""
    neighbours: dict[str, list[str]] = {name: [] for level in levels.values() for name in level}
    for below, above in edges:
        neighbours[below].append(above)
        neighbours[above].append(below)
    place = {name: x for level in levels.values() for name, x in _spread(level)}
    for _ in range(SWEEPS):
        for number in sorted(levels):
            near = {name: [place[other] for other in neighbours[name]] for name in levels[number]}
            mean = {name: sum(xs) / len(xs) if xs else place[name] for name, xs in near.items()}
            place.update(_spread(sorted(levels[number], key=lambda name: (round(mean[name], 9), place[name]))))
    return {name: (place[name], -float(number)) for number, level in levels.items() for name in level}


def _spread(level: Sequence[str]) -> list[tuple[str, float]]:
    return [(name, k - (len(level) - 1) / 2) for k, name in enumerate(level)]
