"""The recursive viability algorithm with externalities (section 3.2 of Vohra and Ray 2025).

Steps, as numbered in docs/viability.md:

1. The finest structure is viable, with its equilibrium payoffs.
2. For m = n - 1 down to 1 coalitions, for every structure pi with m coalitions:
3. for every S in pi and every T strictly inside S, pi^T replaces S by T and S - T;
4. if pi^T is viable, T threatens with its payoffs in the Nash-in-Nash equilibria of pi^T;
5. otherwise with its payoffs in those of the coarsest viable structures that refine pi^T;
6. pi is viable iff every S in pi has an unblocked division of v(S, pi);
7. the answer is the coarsest viable structures and their payoffs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, members
from breakaway.runners.division import Division, Divider, BlockProblem, divide_exactly, essential
from breakaway.runners.lattice import Lattice, Pattern, PlayerTypes, Refinements, refinements_of
from breakaway.runners.search import Clause, Number

Worths = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Worths of all blocks of some structures (structures x blocks, bitmasks of players) -> the same shape."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a pattern: what it has, what it needs, and its coalitional Nash solutions (by position)."""

    coalition: Coalition
    worth: Number
    division: Division


@dataclass(slots=True)
class ViabilityMap:
    """Every structure judged: blocks per pattern, threats per pattern, and the flags of the answer."""

    lattice: Lattice
    blocks: list[tuple[Block, ...]] = field(default_factory=list)
    viable: list[bool] = field(default_factory=list)
    threats: list[dict[Coalition, tuple[Clause, ...]]] = field(default_factory=list)
    coarsest: list[int] = field(default_factory=list)
    triples: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """What stays fixed during a recursion."""

    lattice: Lattice
    weights: Callable[[Coalition], Sequence[Number]]
    disagreement: Sequence[Number]
    eps: Number
    divide: Divider


def judge(setting: Setting, worths: Callable[[range], Sequence[Sequence[Number]]]) -> ViabilityMap:
    lattice = setting.lattice
    refinements = refinements_of(lattice)
    result = ViabilityMap(lattice)
    previous: range | None = None
    for level in lattice.levels():
        for number, row in zip(level, worths(level), strict=True):
            blocks = tuple(
                Block(s, v, _divide_block(setting, result, number, s, v))
                for s, v in zip(lattice.patterns[number], row, strict=True)
            )
            viable = previous is None or all(b.division.viable for b in blocks)
            result.blocks.append(blocks)
            result.viable.append(viable)
            refinements.add(number, viable)
            result.threats.append(_threats_from(result, refinements, number, blocks, viable))
        if previous is not None:
            refinements.forget(previous)
        previous = level
    result.coarsest = refinements.coarsest(len(lattice.patterns) - 1)
    return result


def _divide_block(setting: Setting, result: ViabilityMap, number: int, block: Coalition, worth: Number) -> Division:
    positions = members(block)
    if len(positions) == 1:
        return Division(setting.disagreement[positions[0]], worth >= setting.disagreement[positions[0]] - setting.eps, (((positions[0], worth),),), 0.0, 0.0)
    lattice = setting.lattice
    base = lattice.key(lattice.patterns[number])
    clauses: list[Clause] = []
    threats, find = result.threats, lattice.number
    for one, other, change in lattice.moves(block):
        table = threats[find[base + change]]
        clauses += table[one]
        clauses += table[other]
    result.triples += 2 * len(lattice.moves(block))
    problem = BlockProblem(
        positions, setting.weights(block), setting.disagreement, worth, clauses, setting.eps, lattice.types.follower(block)
    )
    return setting.divide(problem)


def _threats_from(result, refinements, number, blocks, viable):
    if viable:
        return {b.coalition: b.division.solutions for b in blocks}
    found = {b.coalition: set() for b in blocks}
    for fine, arrangement in refinements.arrangements(number):
        table = result.threats[fine]
        for block, pieces in arrangement:
            if len(pieces) == 1:
                found[block].update(table[block])
            else:
                found[block].update(products([table[p] for p in pieces]))
    return {block: tuple(essential(clauses)) for block, clauses in found.items()}


def products(parts: Sequence[Sequence[Clause]]) -> list[Clause]:
    """Join the payoffs of the pieces of a coalition in every combination."""
    return [tuple(sorted(itertools.chain.from_iterable(choice))) for choice in itertools.product(*parts)]
