"""Games in strategic form judged by hand, so to speak: exact integers, dictionaries and the words of section 3.

Nothing of the package is used. A coalition is a frozenset of players 0, 1, 2, a structure a frozenset of coalitions, a
profile a dict from coalitions to actions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

Coalition = frozenset[int]
Structure = frozenset[Coalition]
Profile = Mapping[Coalition, object]
PayoffsOf = Callable[[Profile], tuple[int, ...]]


def partitions(players: list[int]) -> Iterator[Structure]:
    """Yield every partition."""
    if not players:
        yield frozenset()
        return
    first, rest = players[0], players[1:]
    for size in range(len(rest) + 1):
        for friends in itertools.combinations(rest, size):
            left = [player for player in rest if player not in friends]
            for others in partitions(left):
                yield others | {frozenset({first, *friends})}


def finer(one: Structure, other: Structure) -> bool:
    return one != other and all(any(block <= whole for whole in other) for block in one)


class Oracle:
    """Nash-in-Nash equilibria of every structure, from the finest to the coarsest."""

    def __init__(
        self, n: int, actions: Callable[[Coalition], list[object]], payoffs: PayoffsOf, d: list[int], gamma: list[int]
    ) -> None:
        self.actions, self.payoffs, self.d, self.gamma = actions, payoffs, d, gamma
        self.structures = sorted(partitions(list(range(n))), key=len, reverse=True)
        self.equilibria: dict[Structure, list[Profile]] = {}
        for structure in self.structures:
            self.equilibria[structure] = self.judge(structure)

    def profiles(self, structure: Structure) -> list[Profile]:
        blocks = list(structure)
        return [dict(zip(blocks, own, strict=True)) for own in itertools.product(*map(self.actions, blocks))]

    def judge(self, structure: Structure) -> list[Profile]:
        return [
            profile
            for profile in self.profiles(structure)
            if all(self.agrees(structure, block, profile) for block in structure)
        ]

    def agrees(self, structure: Structure, block: Coalition, profile: Profile) -> bool:
        """(7): the action of a block is allowed, and no allowed one has a larger product."""
        allowed = [
            own for own in self.actions(block) if self.allows(structure, block, self.payoffs({**profile, block: own}))
        ]
        if profile[block] not in allowed:
            return False
        products = {own: self.product(block, self.payoffs({**profile, block: own})) for own in allowed}
        return products[profile[block]] == max(products.values())

    def product(self, block: Coalition, x: tuple[int, ...]) -> int:
        return math.prod((x[i] - self.d[i]) ** self.gamma[i] for i in block)

    def allows(self, structure: Structure, block: Coalition, x: tuple[int, ...]) -> bool:
        if any(x[i] < self.d[i] for i in block):
            return False
        for size in range(1, len(block)):
            for part in map(frozenset, itertools.combinations(block, size)):
                left = (structure - {block}) | {part, block - part}
                if any(all(y[i] > x[i] for i in part) for y in self.forecast(left)):
                    return False
        return True

    def forecast(self, structure: Structure) -> list[tuple[int, ...]]:
        """(8) and (9): everybody's payoffs in the equilibria that follow a breakaway."""
        viable = [pi for pi, found in self.equilibria.items() if found and (pi == structure or finer(pi, structure))]
        coarsest = [pi for pi in viable if not any(finer(pi, other) for other in viable)]
        return [self.payoffs(profile) for pi in coarsest for profile in self.equilibria[pi]]

    def coarsest(self) -> set[Structure]:
        viable = [pi for pi, found in self.equilibria.items() if found]
        return {pi for pi in viable if not any(finer(pi, other) for other in viable)}

    def surplus_equilibria(self, structure: Structure) -> list[Profile]:
        """Return the coalitional Nash equilibria of section 3.3."""

        def total(block: Coalition, profile: Profile) -> Fraction:
            x = self.payoffs(profile)
            return sum((Fraction(x[i]) for i in block), Fraction(0))

        return [
            profile
            for profile in self.profiles(structure)
            if all(
                total(block, profile) >= total(block, {**profile, block: own})
                for block in structure
                for own in self.actions(block)
            )
        ]
