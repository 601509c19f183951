"""The recursive viability algorithm with externalities (section 3.2 of Vohra and Ray 2025).

Steps, as numbered in docs/viability.md:

1. The finest structure is viable, with its equilibrium payoffs.
2. For m = n - 1 down to 1 coalitions, for every structure pi with m coalitions:
3. for every S in pi and every T strictly inside S, pi^T replaces S by T and S - T;
4. if pi^T is viable, T threatens with its payoffs in the Nash-in-Nash equilibria of pi^T;
5. otherwise with its payoffs in those of the coarsest viable structures that refine pi^T;
6. pi is viable iff every S in pi has an unblocked division of v(S, pi);
7. the answer is the coarsest viable structures and their payoffs.

Structures are patterns of :mod:`breakaway.runners.lattice`: with identical players each pattern is judged once.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_all_start_methods, get_context

from breakaway.data.coalitions import Coalition, members
from breakaway.runners.division import BlockProblem, Divider, Division
from breakaway.runners.lattice import Lattice, Refinements, refinements_of
from breakaway.runners.search import Clause, Number, undominated
from breakaway.runners.solvers import LimitReachedError

ThreatTable = dict[Coalition, tuple[Clause, ...]]
"""For every block of a structure, the payoffs with which it threatens when a breakaway leads to that structure."""

Worths = Callable[[range], Sequence[Sequence[Number]]]
"""Worths of all blocks of the patterns of a level, in the order of the pattern."""

PARALLEL_FROM = 64
"""Levels with fewer patterns are judged in this process: starting workers costs more than they save."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a pattern: what it has, what it needs, and its coalitional Nash solutions (by position)."""

    coalition: Coalition
    worth: Number
    division: Division


@dataclass(frozen=True, slots=True)
class Setting:
    """What stays fixed during a recursion; vectors are indexed by position of the lattice's player types."""

    lattice: Lattice
    weights: Callable[[Coalition], Sequence[Number]]
    disagreement: Sequence[Number]
    eps: Number
    divide: Divider


@dataclass(slots=True)
class ViabilityMap:
    """Every structure judged, finest first: blocks, verdict and threats per pattern, and the coarsest viable ones."""

    lattice: Lattice
    blocks: list[tuple[Block, ...]] = field(default_factory=list)
    viable: list[bool] = field(default_factory=list)
    threats: list[ThreatTable] = field(default_factory=list)
    coarsest: list[int] = field(default_factory=list)
    triples: int = 0


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a caller may attach: progress after every level, finished levels to start from, workers, a limit.

    The time limit, in seconds, is looked at after every structure (after every level with workers).
    """

    level_done: Callable[[ViabilityMap], None] = lambda _: None
    finished: Sequence[tuple[Block, ...]] = ()
    workers: int = 1
    time_limit: float | None = None


def judge(
    setting: Setting, worths: Worths, hooks: Hooks | None = None, result: ViabilityMap | None = None
) -> ViabilityMap:
    """Judge every structure, from the finest up.

    Parameters
    ----------
    setting
        Lattice, weights, disagreement payoffs, tolerance and the divider that solves each block.
    worths
        v(S, pi) for the patterns of a level.
    hooks
        Progress, resumption, workers and a time limit.
    result
        An empty map to fill, for a caller who wants to keep what is judged before a limit or an interruption.

    Returns
    -------
    The map of all structures.

    Raises
    ------
    LimitReachedError
        When the time limit is reached.
    """
    hooks = hooks or Hooks()
    lattice = setting.lattice
    refinements = refinements_of(lattice)
    result = ViabilityMap(lattice) if result is None else result
    deadline = math.inf if hooks.time_limit is None else time.monotonic() + hooks.time_limit
    previous: range | None = None
    for level in lattice.levels():
        divided = _divide_level(setting, result, level, worths, hooks)
        for number, blocks in zip(level, divided, strict=True):
            viable = previous is None or all(block.division.viable for block in blocks)
            _enter(result, refinements, number, blocks, viable)
            if time.monotonic() > deadline and number + 1 < len(lattice.patterns):
                raise LimitReachedError(
                    f"the time limit of {hooks.time_limit:g} s was reached after {number + 1} of "
                    f"{len(lattice.patterns)} structures; give more time, or resume"
                )
        if previous is not None:
            refinements.forget(previous)
        previous = level
        hooks.level_done(result)
    result.coarsest = refinements.coarsest(len(lattice.patterns) - 1)
    return result


def _divide_level(
    setting: Setting, result: ViabilityMap, level: range, worths: Worths, hooks: Hooks
) -> Iterable[tuple[Block, ...]]:
    """Take steps 3, 4 and 6 for every structure of a level: return its blocks, divided."""
    if level.stop <= len(hooks.finished):
        return hooks.finished[level.start : level.stop]
    result.triples += sum(_triples(setting.lattice, number) for number in level)
    jobs = list(zip(level, worths(level), strict=True))
    if hooks.workers > 1 and len(jobs) >= PARALLEL_FROM and "fork" in get_all_start_methods():
        return _in_parallel(setting, result, jobs, hooks.workers)
    return (_divide_structure(setting, result.threats, number, row) for number, row in jobs)


def _triples(lattice: Lattice, number: int) -> int:
    return 2 * sum(len(lattice.moves(block)) for block in lattice.patterns[number])


Job = tuple[int, Sequence[Number]]
_shared: dict[str, object] = {}


def _in_parallel(setting: Setting, result: ViabilityMap, jobs: list[Job], workers: int) -> list[tuple[Block, ...]]:
    """Divide a level in forked workers, which read the finished levels from the memory they share."""
    _shared["setting"], _shared["threats"] = setting, result.threats
    size = max(1, math.ceil(len(jobs) / (8 * workers)))
    chunks = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
            return list(itertools.chain.from_iterable(pool.map(_divide_chunk, chunks)))
    finally:
        _shared.clear()


def _divide_chunk(jobs: list[Job]) -> list[tuple[Block, ...]]:
    setting, threats = _shared["setting"], _shared["threats"]
    if not isinstance(setting, Setting) or not isinstance(threats, list):
        raise TypeError("a worker started without the recursion that it serves")
    return [_divide_structure(setting, threats, number, row) for number, row in jobs]


def _divide_structure(
    setting: Setting, threats: Sequence[ThreatTable], number: int, worths: Sequence[Number]
) -> tuple[Block, ...]:
    """Divide every block of a structure; equal blocks (identical players) are divided once."""
    divided: dict[tuple[Coalition, Number], Block] = {}
    for coalition, worth in zip(setting.lattice.patterns[number], worths, strict=True):
        if (coalition, worth) not in divided:
            division = _divide_block(setting, threats, number, coalition, worth)
            divided[coalition, worth] = Block(coalition, worth, division)
    return tuple(divided[key] for key in zip(setting.lattice.patterns[number], worths, strict=True))


def _divide_block(
    setting: Setting, threats: Sequence[ThreatTable], number: int, block: Coalition, worth: Number
) -> Division:
    lattice = setting.lattice
    positions = members(block)
    if len(positions) == 1:
        return alone(positions[0], worth, setting.weights(block), setting.disagreement, setting.eps)
    base = lattice.key(lattice.patterns[number])
    clauses: list[Clause] = []
    for one, other, change in lattice.moves(block):
        table = threats[lattice.number[base + change]]
        clauses += table[one]
        if other != one:
            clauses += table[other]
    follower = lattice.types.follower(block)
    return setting.divide(
        BlockProblem(positions, setting.weights(block), setting.disagreement, worth, clauses, setting.eps, follower)
    )


def alone(position: int, worth: Number, weights: Sequence[Number], d: Sequence[Number], eps: Number) -> Division:
    """Give a player alone the worth, be it less than disagreement: Theta*({i}) = {v(i)}."""
    gain = worth - d[position]
    value = float(weights[position]) * math.log(gain) if gain > eps else -math.inf
    solutions: tuple[Clause, ...] = (((position, worth),),)
    return Division(min(d[position], worth), True, solutions, value, value, 0, value == -math.inf)


def _enter(
    result: ViabilityMap, refinements: Refinements, number: int, blocks: tuple[Block, ...], viable: bool
) -> None:
    """Take steps 4 and 5: record a judged structure and the payoffs with which its blocks threaten."""
    result.blocks.append(blocks)
    result.viable.append(viable)
    refinements.add(number, viable)
    if viable:
        table = {block.coalition: block.division.solutions for block in blocks}
    else:
        table = _forecast(result.threats, refinements, number)
    result.threats.append(table)


def _forecast(threats: Sequence[ThreatTable], refinements: Refinements, number: int) -> ThreatTable:
    """Step 5: threats of the blocks of a structure that will crumble to its coarsest viable refinements."""
    found: dict[Coalition, dict[int, Clause]] = {block: {} for block in refinements.lattice.patterns[number]}
    for fine, arrangement in refinements.arrangements(number):
        table = threats[fine]
        for block, pieces in arrangement:
            vectors = table[block] if len(pieces) == 1 else products([table[piece] for piece in pieces], refinements)
            for vector in vectors:
                found[block][id(vector)] = vector
    return {block: tuple(undominated(clauses.values())) for block, clauses in found.items()}


def products(parts: Sequence[Sequence[Clause]], refinements: Refinements) -> list[Clause]:
    """Join the payoffs of the pieces of a coalition in every combination.

    Pieces that hold identical players share positions; their payoffs then take the type's positions in ascending order.
    """
    joined = [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts)]
    if refinements.lattice.types.all_distinct:
        return [tuple(sorted(clause)) for clause in joined]
    return [refinements.lattice.types.in_order(clause) for clause in joined]
