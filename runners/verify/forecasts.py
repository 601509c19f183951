"""The threats that finer structures make, by the literal definition (8)-(9) of Vohra and Ray (2025)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Generic, TypeVar

import numpy as np

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.runners.verify.partitions import Lattice, Rows, replace

Amount = TypeVar("Amount")

Threats = dict[Structure, list[tuple[Amount, ...]]]
"""Payoff vectors of a breakaway in each structure that it may lead to."""


@dataclass
class Forecasts(Generic[Amount]):
    """What a breakaway can count on, given which structures are viable and the payoffs in them.

    ``payoffs[pi, S]`` lists the solutions of block S of the viable structure pi, members in ascending order.
    """

    lattice: Lattice
    viable: frozenset[Structure]
    payoffs: Mapping[tuple[Structure, Coalition], list[tuple[Amount, ...]]]
    _coarsest: dict[Structure, list[Structure]] = field(default_factory=dict)
    _viable_rows: Rows | None = None

    def outcomes(self, induced: Structure) -> list[Structure]:
        """Return the structure that a breakaway induces if it is viable, else its coarsest viable refinements."""
        if induced in self.viable:
            return [induced]
        if induced not in self._coarsest:
            if self._viable_rows is None:
                self._viable_rows = np.array(sorted(self.lattice.index[pi] for pi in self.viable), dtype=np.intp)
            finer = self.lattice.refining(self._viable_rows, self.lattice.index[induced])
            self._coarsest[induced] = [self.lattice.structures[k] for k in self.lattice.maximal(finer)]
        return self._coarsest[induced]

    def threats(self, structure: Structure, block: Coalition, part: Coalition) -> Threats[Amount]:
        """Return Theta*(T, pi) for T = ``part`` strictly inside S = ``block`` of pi, apart for each outcome."""
        return {pi: self.divided(pi, part) for pi in self.outcomes(replace(structure, block, part))}

    def divided(self, structure: Structure, part: Coalition) -> list[tuple[Amount, ...]]:
        """Return the payoff vectors of a coalition that may be split in a structure: products over its pieces."""
        pieces = [block for block in structure if block & part]
        if len(pieces) == 1:
            return self.payoffs.get((structure, part), [])
        order = np.argsort([player for piece in pieces for player in members(piece)])
        solutions = [self.payoffs.get((structure, piece), []) for piece in pieces]
        joined = [tuple(x for vector in choice for x in vector) for choice in product(*solutions)]
        return [tuple(vector[k] for k in order) for vector in joined]
