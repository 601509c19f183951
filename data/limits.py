"""How many players a game may have, so that its coalitions or coalition structures can be listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from breakaway.data.coalitions import MAX_PLAYERS

MAX_PLAYERS_THREAT_GAME = 30
"""Most players of a game with given threats, which lists no coalitions of its own."""

MAX_PLAYERS_CHARACTERISTIC = 22
"""Most players of a characteristic function: it has 4,194,303 coalitions of 22 players."""

MAX_PLAYERS_INCONSISTENT = 16
"""Most players of a characteristic function some of whose coalitions have weights of their own."""

MAX_PLAYERS_NTU = 10
"""Most players of a game without transferable utility: its 1,023 coalitions face up to 57,000 threats."""

MAX_PLAYERS_STRATEGIC = 8
"""Most players of a game in strategic form: its profiles are listed in every one of 4,140 structures."""

MAX_PROFILES = 2_000_000
"""Most action profiles of a game in strategic form, added up over all coalition structures."""

MAX_GROUP_SIZE = 64
"""Most members of a group."""

MAX_AGENTS = 5_000
"""Most agents of a public-goods economy: each of its matrices of derivatives has 25,000,000 entries."""

MAX_PIECE_SLOPES = 50_000_000
"""Most slopes of the pieces of a public-goods economy, pieces times agents, 0 included."""

MAX_PAYOFF_AGENTS = 8
"""Most agents of a payoff environment: they have 255 coalitions."""

MAX_PAYOFF_PROFILES = 1_000
"""Most profiles of payoff types: payoffs of reports against truths are 1,000,000 for each agent."""

MAX_TYPE_PROFILES = 100_000
"""Most profiles of types of a type space: each belief of a type is about the others' part of them."""

MAX_MECHANISM_ENTRIES = 2_000_000
"""Most entries of a mechanism's outcome function: profiles of messages times outcomes."""

MAX_PLAYERS_IDENTICAL = 22
"""Most players when some are identical, so that structures are counted by type pattern."""

MAX_TYPE_PATTERNS = 25_000
"""Most type patterns (partitions of the multiset of types) that are worked through."""


def type_pattern_count(sizes: Sequence[int], cap: int = MAX_TYPE_PATTERNS) -> int:
    """Count the coalition structures that differ in types: the partitions of the vector ``sizes`` into vectors.

    ``sizes`` holds the number of players of each type. The count stops at ``cap + 1``. Every block type v is allowed
    in turn, singletons first: ways(s) becomes the sum over k of ways(s - k v).
    """
    sub_vectors = int(np.prod([float(size + 1) for size in sizes]))
    if sub_vectors > 2 * cap + 4:  # each pair of a vector and what remains is a partition of its own
        return cap + 1
    ways = np.zeros([size + 1 for size in sizes], dtype=np.int64)
    ways[(0,) * len(sizes)] = 1
    for vector in sorted(np.ndindex(*ways.shape), key=sum)[1:]:
        most = min(size // part for size, part in zip(sizes, vector, strict=True) if part)
        before = ways.copy()
        for times in range(1, most + 1):
            to = tuple(slice(times * part, None) for part in vector)
            fro = tuple(slice(None, size + 1 - times * part) for size, part in zip(sizes, vector, strict=True))
            ways[to] += before[fro]
        if ways.flat[-1] > cap:
            return cap + 1
    return int(ways.flat[-1])


def structure_limit(players: int, types: Iterable[Hashable] | None = None) -> tuple[str, str] | None:
    """Tell why the structures of so many players cannot be listed, with a remedy; None when they can.

    ``types`` gives each player's data: players with equal data are identical. Without it no players are.
    """
    if players <= MAX_PLAYERS:
        return None
    if types is None:
        return (
            f"{players} players: the limit is {MAX_PLAYERS}, whose structures number 27,644,437",
            "merge or leave out players",
        )
    if players > MAX_PLAYERS_IDENTICAL:
        return (
            f"{players} players: the limit is {MAX_PLAYERS}, or {MAX_PLAYERS_IDENTICAL} when many are identical",
            "merge or leave out players",
        )
    sizes = sorted(Counter(types).values())
    if type_pattern_count(sizes) <= MAX_TYPE_PATTERNS:
        return None
    return (
        f"{players} players of {len(sizes)} types: the limit is {MAX_PLAYERS}, or {MAX_PLAYERS_IDENTICAL} "
        f"with at most {MAX_TYPE_PATTERNS:,} type patterns",
        "merge or leave out players, or give more of them equal data in every column",
    )


def player_limit(players: int, limit: int) -> tuple[str, str] | None:
    """Tell that there are more players than ``limit``, with a remedy; None when there are not."""
    return None if players <= limit else (f"{players} players: the limit is {limit}", "merge or leave out players")


def profile_limit(profiles: int) -> tuple[str, str] | None:
    """Tell that the structures of a game have more profiles than are listed, with a remedy; None when not."""
    if profiles <= MAX_PROFILES:
        return None
    message = f"the coalition structures have {profiles:,} action profiles; the limit is {MAX_PROFILES:,}"
    return message, "leave out actions or players"
