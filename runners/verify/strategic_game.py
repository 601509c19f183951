"""A game in strategic form told again from its definition, by trying every profile of every structure.

Section 3 of Vohra and Ray (2025) in plain loops: Nash-in-Nash equilibria by (7)-(9), coalitional Nash equilibria of the
surplus game.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import Payoffs, StrategicFormGame, weights_within
from breakaway.runners.verify.partitions import Lattice, parts, replace

TIE = 1e-9
"""Products that differ by no more, relative to the larger, are equal."""

Profile = tuple[int, ...]
"""The number of the joint action of each block of a structure."""

Threats = dict[tuple[Coalition, Structure], list[Payoffs]]
"""The distinct payoffs of each breakaway in each structure that it may lead to."""


@dataclass
class Retold:
    """A game told again from its definition, structure by structure from the finest."""

    game: StrategicFormGame
    eps: float
    lattice: Lattice = field(init=False)
    equilibria: dict[Structure, list[Profile]] = field(default_factory=dict)
    _outcomes: dict[Structure, list[Structure]] = field(default_factory=dict)
    _payoffs: dict[Structure, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """List the structures."""
        self.lattice = Lattice(len(self.game.players))

    def by_level(self) -> list[Structure]:
        """Return the structures, finest first."""
        return sorted(self.lattice.structures, key=len, reverse=True)

    def profiles(self, structure: Structure) -> Iterator[Profile]:
        """Yield every profile as action numbers."""
        return product(*(range(size) for size in self._table(structure).shape[:-1]))

    def payoff(self, structure: Structure, profile: Profile) -> Payoffs:
        """Return everybody's payoff at a profile."""
        return tuple(self._table(structure)[profile].tolist())

    def _table(self, structure: Structure) -> NDArray[np.float64]:
        if structure not in self._payoffs:
            self._payoffs[structure] = self.game.payoffs_in(structure)
        return self._payoffs[structure]

    def profile_of(self, structure: Structure, actions: Mapping[Coalition, str]) -> Profile | None:
        """Return the profile in which the blocks take the named joint actions; None when there is none."""
        names = [self.game.joint_actions(block) for block in structure]
        if set(actions) != set(structure) or any(
            actions[b] not in own for b, own in zip(structure, names, strict=True)
        ):
            return None
        return tuple(own.index(actions[block]) for block, own in zip(structure, names, strict=True))

    # --- without transfers -----------------------------------------------------------------------------------------

    def tell(self) -> None:
        """Find all Nash-in-Nash equilibria of all structures."""
        for structure in self.by_level():
            self.equilibria[structure] = self.nash_in_nash(structure)

    def nash_in_nash(self, structure: Structure) -> list[Profile]:
        """Return every profile at which each block's joint action has the largest product among unblocked answers."""
        best: dict[tuple[int, Profile], float] = {}
        allowed: dict[tuple[int, Profile], float] = {}
        for k, block in enumerate(structure):
            threats = self.threats(structure, block)
            for profile in self.profiles(structure):
                x = self.payoff(structure, profile)
                if self.objection(block, x, threats) is None:
                    value = self.value(block, x)
                    allowed[k, profile] = value
                    others = (k, profile[:k] + profile[k + 1 :])
                    best[others] = max(best.get(others, -math.inf), value)
        blocks = range(len(structure))
        return [
            p for p in self.profiles(structure) if all(self.is_best(structure, k, p, allowed, best) for k in blocks)
        ]

    def is_best(
        self,
        structure: Structure,
        k: int,
        profile: Profile,
        allowed: Mapping[tuple[int, Profile], float],
        best: Mapping[tuple[int, Profile], float],
    ) -> bool:
        """Tell whether block number k answers the others best; payoffs of a player alone tie within the tolerance."""
        if (k, profile) not in allowed:
            return False
        most = best[k, profile[:k] + profile[k + 1 :]]
        return allowed[k, profile] >= most - (self.eps if structure[k].bit_count() == 1 else TIE * most)

    def value(self, block: Coalition, x: Payoffs) -> float:
        """Return what a block maximises: a player alone its payoff, others the weighted Nash product of gains over d.

        A gain within the tolerance is none.
        """
        if block.bit_count() == 1:
            return x[block.bit_length() - 1]
        total = 1.0
        for player, weight in zip(members(block), weights_within(self.game, block), strict=True):
            gain = x[player] - self.game.players.disagreement[player]
            total *= gain**weight if gain > self.eps else 0.0
        return total

    def outcomes(self, structure: Structure) -> list[Structure]:
        """Return a viable structure itself, of another one the coarsest viable refinements."""
        if self.equilibria[structure]:
            return [structure]
        if structure not in self._outcomes:
            viable = np.array(
                sorted(self.lattice.index[pi] for pi, found in self.equilibria.items() if found), dtype=np.intp
            )
            finer = self.lattice.refining(viable, self.lattice.index[structure])
            self._outcomes[structure] = [self.lattice.structures[k] for k in self.lattice.maximal(finer)]
        return self._outcomes[structure]

    def threats(self, structure: Structure, block: Coalition) -> Threats:
        """Return the distinct payoffs of every breakaway in every structure that it may lead to, (8)-(9)."""
        found: Threats = {}
        for part in parts(block):
            for outcome in self.outcomes(replace(structure, block, part)):
                payoffs = [self.payoff(outcome, profile) for profile in self.equilibria[outcome]]
                own = dict.fromkeys(tuple(x[i] for i in members(part)) for x in payoffs)
                found[part, outcome] = list(own)
        return found

    def objection(self, block: Coalition, x: Payoffs, threats: Threats) -> str | None:
        """Say why a block cannot have the payoffs x: a member below d, or a threat; None when nothing is in the way."""
        for player in members(block):
            if x[player] < self.game.players.disagreement[player] - self.eps:
                return "disagreement"
        for (part, _), offers in threats.items():
            for y in offers:
                if self.blocks(part, y, x):
                    return "threat"
        return None

    def blocks(self, part: Coalition, y: Payoffs, x: Payoffs) -> bool:
        """Tell whether every member of a breakaway gets more from the threat."""
        return all(offer > x[player] + self.eps for player, offer in zip(members(part), y, strict=True))

    def dominated(self, x: Payoffs) -> bool:
        """Tell whether some profile of some structure gives nobody less and somebody more."""
        mine = np.array(x)
        for values in self.game.payoffs.values():
            flat = values.reshape(-1, len(x))
            if ((flat >= mine - self.eps).all(axis=1) & (flat > mine + self.eps).any(axis=1)).any():
                return True
        return False

    # --- with transfers --------------------------------------------------------------------------------------------

    def sums(self, structure: Structure, profile: Profile) -> Payoffs:
        """Return the sum of payoffs of every block."""
        x = self.payoff(structure, profile)
        return tuple(math.fsum(x[i] for i in members(block)) for block in structure)

    def coalitional_nash(self, structure: Structure) -> list[Profile]:
        """Return every profile at which each block has the largest sum of payoffs, given the others' actions."""
        sums = {profile: self.sums(structure, profile) for profile in self.profiles(structure)}
        most: dict[tuple[int, Profile], float] = {}
        for profile, own in sums.items():
            for k, total in enumerate(own):
                others = (k, profile[:k] + profile[k + 1 :])
                most[others] = max(most.get(others, -math.inf), total)
        return [
            profile
            for profile, own in sums.items()
            if all(v >= most[k, profile[:k] + profile[k + 1 :]] - self.eps for k, v in enumerate(own))
        ]
