"""Coalitions as bitmasks, coalition structures as tuples of bitmasks.

Player number k (in the order of the ``players`` table) is bit ``1 << k``. A coalition structure is the tuple of its
blocks in the order of their first players, so equal structures are equal tuples. Names appear only at the edges:
:func:`format_coalition`, :func:`parse_coalition` and their twins for structures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

Coalition = int
Structure = tuple[int, ...]

MAX_PLAYERS = 13
"""Most players whose coalition structures are enumerated: there are 27,644,437 structures of 13 players."""


def members(coalition: Coalition) -> tuple[int, ...]:
    """Return the numbers of the players in a coalition, ascending."""
    result = []
    while coalition:
        low = coalition & -coalition
        result.append(low.bit_length() - 1)
        coalition ^= low
    return tuple(result)


def coalition_of(players: Iterable[int]) -> Coalition:
    """Return the bitmask of a collection of player numbers."""
    mask = 0
    for player in players:
        mask |= 1 << player
    return mask


def grand_coalition(n: int) -> Coalition:
    """Return the coalition of all of ``n`` players."""
    return (1 << n) - 1


def proper_subsets(coalition: Coalition) -> Iterator[Coalition]:
    """Yield the nonempty coalitions strictly inside ``coalition``, in descending order of their bitmasks."""
    subset = (coalition - 1) & coalition
    while subset:
        yield subset
        subset = (subset - 1) & coalition


def structure_of(blocks: Iterable[Coalition]) -> Structure:
    """Return the structure with these blocks: sorted by first player."""
    return tuple(sorted(blocks, key=lambda block: block & -block))


def finest_structure(n: int) -> Structure:
    """Return the structure in which every player stands alone."""
    return tuple(1 << player for player in range(n))


def is_partition(blocks: Sequence[Coalition], whole: Coalition) -> bool:
    """Tell whether nonempty, pairwise disjoint blocks cover ``whole``."""
    union = 0
    for block in blocks:
        if not block or union & block:
            return False
        union |= block
    return union == whole


def refines(fine: Structure, coarse: Structure) -> bool:
    """Tell whether every block of ``fine`` lies inside a block of ``coarse`` (equal structures refine each other)."""
    return all(any(not block & ~whole for whole in coarse) for block in fine)


def coarsest(structures: Iterable[Structure]) -> list[Structure]:
    """Return the maximal elements of the refinement order among ``structures``, coarser ones first."""
    found: list[Structure] = []
    for structure in sorted(set(structures), key=lambda s: (len(s), s)):
        if not any(refines(structure, other) for other in found):
            found.append(structure)
    return found


def splits(block: Coalition) -> Iterator[tuple[Coalition, Coalition]]:
    """Yield every way to split a block in two, the part with the block's first player first."""
    first = block & -block
    rest = block ^ first
    part = (rest - 1) & rest
    while rest:
        yield first | part, rest ^ part
        if not part:
            return
        part = (part - 1) & rest


@lru_cache(maxsize=64)
def bell_number(n: int) -> int:
    """Return the number of coalition structures of ``n`` players."""
    row = [1]
    for _ in range(n - 1):
        following = [row[-1]]
        for value in row:
            following.append(following[-1] + value)
        row = following
    return row[-1] if n else 1


def structures(whole: Coalition) -> Iterator[Structure]:
    """Yield every partition of ``whole`` into coalitions, each in canonical order.

    Raises
    ------
    ValueError
        When there are more than :data:`MAX_PLAYERS` players.
    """
    if whole.bit_count() > MAX_PLAYERS:
        raise ValueError(
            f"{whole.bit_count()} players have {bell_number(whole.bit_count()):.3g} coalition structures; "
            f"the limit is {MAX_PLAYERS} players"
        )
    yield from _structures(whole)


def _structures(whole: Coalition) -> Iterator[Structure]:
    if not whole:
        yield ()
        return
    first = whole & -whole
    rest = whole ^ first
    part = rest
    while True:
        for tail in _structures(rest ^ part):
            yield (first | part, *tail)
        if not part:
            return
        part = (part - 1) & rest


def format_coalition(coalition: Coalition, names: Sequence[str]) -> str:
    """Write a coalition as ``A+B``."""
    return "+".join(names[player] for player in members(coalition))


def format_structure(structure: Structure, names: Sequence[str]) -> str:
    """Write a structure as ``A+B|C``."""
    return "|".join(format_coalition(block, names) for block in structure)


def parse_coalition(text: str, names: Sequence[str], noun: str = "player") -> Coalition:
    """Read a coalition written as ``A+B``; spaces around ``+`` are allowed. ``noun`` is what members are called.

    Raises
    ------
    ValueError
        For an empty coalition, an unknown player or a player named twice; the message says which.
    """
    mask = 0
    for part in text.split("+"):
        name = part.strip()
        if not name:
            raise ValueError(f"coalition {text!r} has an empty member")
        if name not in names:
            raise ValueError(f"unknown {noun} {name!r} in coalition {text!r}")
        bit = 1 << list(names).index(name)
        if mask & bit:
            raise ValueError(f"{noun} {name!r} appears twice in coalition {text!r}")
        mask |= bit
    return mask


def parse_structure(text: str, names: Sequence[str]) -> Structure:
    """Read a structure written as ``A+B|C``.

    Raises
    ------
    ValueError
        When the blocks overlap or leave a player out, or a block is not a coalition.
    """
    blocks = [parse_coalition(part, names) for part in text.split("|")]
    seen = 0
    for block in blocks:
        if seen & block:
            raise ValueError(f"coalitions overlap in structure {text!r}: {format_coalition(seen & block, names)} twice")
        seen |= block
    missing = grand_coalition(len(names)) & ~seen
    if missing:
        raise ValueError(f"structure {text!r} is not a partition: {format_coalition(missing, names)} is missing")
    return structure_of(blocks)
