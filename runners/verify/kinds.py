"""Identical players: coalitions and structures up to renaming, counted and enumerated from their definition.

Players are of one *kind* when exchanging them leaves the game as it is. A coalition is then described by how many
players of each kind it has, a structure by the *pattern* of these counts, and a payoff vector by its *profile*: the
payoffs of each kind in ascending order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

from breakaway.data.coalitions import Coalition, Structure, members, structure_of
from breakaway.data.games import AbatementGame, CournotMarket, ExternalityGame, PartitionFunctionGame, Payoffs
from breakaway.runners.verify.boxes import Chains
from breakaway.runners.verify.record import Ledger

Counts = tuple[int, ...]
"""How many players of each kind a coalition has."""

Pattern = tuple[Counts, ...]
"""The counts of the coalitions of a structure, sorted."""

Profile = tuple[tuple[float, ...], ...]
"""Payoffs by kind, ascending within each."""


@dataclass(frozen=True)
class Kinds:
    """The players of each kind, ascending; a player like no other is a kind of its own."""

    groups: tuple[tuple[int, ...], ...]

    def of_player(self) -> dict[int, int]:
        """Return the kind of each player."""
        return {player: kind for kind, group in enumerate(self.groups) for player in group}

    def counts(self, coalition: Coalition) -> Counts:
        """Count the players of each kind in a coalition."""
        return tuple(sum(coalition >> player & 1 for player in group) for group in self.groups)

    def pattern(self, structure: Structure) -> Pattern:
        """Return the pattern of a structure."""
        return tuple(sorted(map(self.counts, structure)))

    def columns(self, coalition: Coalition) -> list[int]:
        """Return the members of a coalition, kind by kind."""
        return [player for group in self.groups for player in group if coalition >> player & 1]

    def profile(self, coalition: Coalition, payoffs: Payoffs) -> Profile:
        """Return the profile of a payoff vector, which lists the members in the order of the players table."""
        payoff = dict(zip(members(coalition), payoffs, strict=True))
        return tuple(
            tuple(sorted(payoff[player] for player in group if coalition >> player & 1)) for group in self.groups
        )

    def representative(self, pattern: Pattern) -> Structure:
        """Return a structure with this pattern."""
        pools = [iter(group) for group in self.groups]
        return structure_of(
            sum(1 << next(pool) for pool, count in zip(pools, counts, strict=True) for _ in range(count))
            for counts in pattern
        )

    def patterns(self) -> list[Pattern]:
        """Return every pattern, from the finest: players join a coalition or open one, one player after another."""
        found: set[Pattern] = {()}
        for kind, group in enumerate(self.groups):
            for _ in group:
                found = {grown for pattern in found for grown in _with_one_more(pattern, kind, len(self.groups))}
        return sorted(found, key=lambda pattern: (-len(pattern), pattern))

    def renamings(self, pattern: Pattern) -> int:
        """Count the structures with this pattern."""
        ways = math.prod(math.factorial(len(group)) for group in self.groups)
        ways //= math.prod(math.factorial(count) for counts in pattern for count in counts)
        return ways // math.prod(map(math.factorial, Counter(pattern).values()))


def chains_of(counts: Counts) -> Chains:
    """Return the columns of each kind in a coalition whose columns go kind by kind."""
    ends = [sum(counts[: kind + 1]) for kind in range(len(counts))]
    return tuple(tuple(range(end - count, end)) for end, count in zip(ends, counts, strict=True) if count > 1)


def _with_one_more(pattern: Pattern, kind: int, kinds: int) -> set[Pattern]:
    alone = tuple(int(k == kind) for k in range(kinds))
    grown = {tuple(sorted((*pattern, alone)))}
    for counts in set(pattern):
        rest = list(pattern)
        rest.remove(counts)
        grown.add(tuple(sorted((*rest, tuple(map(sum, zip(counts, alone, strict=True)))))))
    return grown


@cache
def patterns_of(counts: Counts) -> tuple[Pattern, ...]:
    """Return every way to split a coalition into pieces, up to renaming; itself in one piece included."""
    starts = [0, *(sum(counts[: kind + 1]) for kind in range(len(counts)))]
    return tuple(Kinds(tuple(tuple(range(a, b)) for a, b in pairwise(starts))).patterns())


@cache
def mergers(pattern: Pattern) -> frozenset[Pattern]:
    """Return the patterns that arise when two coalitions of a pattern merge."""
    found = set()
    for k, one in enumerate(pattern):
        for m in range(k + 1, len(pattern)):
            both = tuple(map(sum, zip(one, pattern[m], strict=True)))
            found.add(tuple(sorted((*pattern[:k], *pattern[k + 1 : m], *pattern[m + 1 :], both))))
    return frozenset(found)


def parts_of(counts: Counts) -> list[Counts]:
    """Return the counts of the coalitions strictly inside a coalition."""
    return [part for part in product(*(range(count + 1) for count in counts)) if any(part) and part != counts]


def joined(profiles: Iterable[Profile]) -> Profile:
    """Return the profile of a coalition whose pieces have these profiles."""
    return tuple(tuple(sorted(x for payoffs in kind for x in payoffs)) for kind in zip(*profiles, strict=True))


def kinds_of(game: ExternalityGame) -> Kinds:
    """Group the players who may be exchanged, by the data of the game."""
    groups: list[list[int]] = []
    for player in range(len(game.players)):
        home = next((group for group in groups if exchangeable(game, group[0], player)), None)
        if home is None:
            groups.append([player])
        else:
            home.append(player)
    return Kinds(tuple(map(tuple, groups)))


def exchangeable(game: ExternalityGame, one: int, other: int) -> bool:
    """Tell whether exchanging two players leaves the game as it is."""
    columns: list[Sequence[float]] = [game.players.weights, game.players.disagreement]
    if isinstance(game, CournotMarket):
        columns.append(game.unit_cost)
    if isinstance(game, AbatementGame):
        columns.append(game.scale)
    if any(column[one] != column[other] for column in columns):
        return False
    return not isinstance(game, PartitionFunctionGame) or _same_worths(game, one, other)


def _same_worths(game: PartitionFunctionGame, one: int, other: int) -> bool:
    if game.coalition_weights:
        return False

    def exchanged(block: Coalition) -> Coalition:
        return block ^ (1 << one | 1 << other) if (block >> one ^ block >> other) & 1 else block

    for structure, worths in game.worths.items():
        swapped = {exchanged(block): worth for block, worth in zip(structure, worths, strict=True)}
        image = structure_of(swapped)
        if game.worths.get(image) != tuple(swapped[block] for block in image):
            return False
    return True


def claimed_kinds(game: ExternalityGame, claims: Mapping[str, object], ledger: Ledger) -> Kinds:
    """Return the kinds by which patterns are listed: those claimed, if they are kinds, else those of the game."""
    found = kinds_of(game)
    claim = ledger.claim("players said to be identical are")
    given = claims.get("identical_players")
    if given is None:
        return found
    home = {name: found.of_player()[player] for player, name in enumerate(game.players.names)}
    groups = [tuple(map(str, group)) for group in given] if isinstance(given, list | tuple) else []
    named = [name for group in groups for name in group]
    sound = len(set(named)) == len(named) and bool(groups)
    for group in groups:
        alike = all(name in home and home[name] == home.get(group[0]) for name in group)
        sound &= claim.check(alike, f"{', '.join(group)}: exchanging them changes the game")
    if not claim.check(sound, f"{given!r} are no groups of players"):
        return found
    number = {name: player for player, name in enumerate(game.players.names)}
    together = [tuple(sorted(number[name] for name in group)) for group in groups if group]
    return Kinds(tuple(sorted([*together, *((number[name],) for name in home if name not in named)])))
