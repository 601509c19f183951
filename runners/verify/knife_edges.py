"""Blocks whose worth is all but exactly what is required.

A run in floating point judges them by the convention: viable is what falls short by no more than the tolerance. A run
in fractions has tolerance 0; its verdicts and solutions are held to the recursion in rational arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import (
    CharacteristicFunctionGame,
    CournotMarket,
    ExternalityGame,
    PartitionFunctionGame,
    Payoffs,
    ThreatGame,
    TotalWorth,
    weights_within,
)
from breakaway.runners.verify.audit import MapAudit
from breakaway.runners.verify.divisions import Accuracy, check_once, check_unblocked, compare_maximisers
from breakaway.runners.verify.exact import Exact, ExactDivision, exact
from breakaway.runners.verify.forecasts import Forecasts
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.partitions import Lattice, parts
from breakaway.runners.verify.products import Best
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.worths import cheapest

NAME = "knife edges decided exactly"

BY_TOLERANCE = "on the knife edge: judged with the tolerance, as in the run"

EDGE = 1e-7
"""Slack below this fraction of the game's scale is decided exactly."""

MOST_PLAYERS = 6
"""Largest game whose recursion is repeated in rational arithmetic."""

Solved = dict[tuple[Structure, Coalition], list[Exact]]


def on_edge(worth: float, required: float | None, scale: float) -> bool:
    """Tell whether a worth is so close to what is required that a run in fractions is checked exactly."""
    return required is not None and abs(worth - required) <= EDGE * scale


def check_exactly(
    ledger: Ledger,
    what: str,
    claimed: Sequence[Payoffs],
    exact: Sequence[Exact],
    problem: Division,
    acc: Accuracy,
) -> Best:
    """Check that the claimed solutions are exactly the maximisers found in rational arithmetic."""
    given, found = (
        np.array(listed, dtype=float).reshape(len(listed), len(problem.floor)) for listed in (claimed, exact)
    )
    if len(given) > len(found):
        check_once(ledger, what, given, acc.match)
    for x in given:
        check_unblocked(ledger, what, x, problem, acc)
    compare_maximisers(ledger, what, given, (found, np.zeros(len(found))), 1.0, acc.match)
    floor, weights = map(exact_numbers, (problem.floor, problem.weights))
    value = max((exact_log_product(x, floor, weights) for x in exact), default=-np.inf)
    return Best(value, exists=len(exact) > 0, proven=True, exact=True)


def exact_numbers(values: Iterable[float]) -> Exact:
    """Return the numbers that decimals stand for."""
    return tuple(map(exact, values))


def exact_log_product(x: Exact, floor: Exact, weights: Exact) -> float:
    """Return sum of gamma_i log(x_i - d_i), with differences in fractions; -infinity when one is zero."""
    net = [value - d for value, d in zip(x, floor, strict=True)]
    if min(net) <= 0:
        return -np.inf
    return float(sum(float(w) * math.log(value) for w, value in zip(weights, net, strict=True)))


class MapDecider:
    """The maximisers of the blocks of a map in rational arithmetic; the recursion is run when first asked for."""

    def __init__(self, game: ExternalityGame, lattice: Lattice) -> None:
        self._game, self._lattice = game, lattice
        self._solved: Solved | None = None

    def __call__(self, structure: Structure, block: Coalition) -> list[Exact] | None:
        """Return the maximisers of a block; None for irrational worths, many players, structures without output."""
        if not decided_exactly(self._game):
            return None
        if self._solved is None:
            assert isinstance(self._game, PartitionFunctionGame | CournotMarket)
            self._solved = solve_map(self._game, self._lattice)
        return self._solved.get((structure, block))


def check_map_edges(audit: MapAudit) -> None:
    """Check the flags of blocks on the knife edge: for a run in fractions, against the recursion in fractions."""
    claim = audit.ledger.claim(NAME)
    edges = [
        key
        for key, required in audit.required.items()
        if key in audit.tables.blocks
        and len(key[0]) < len(audit.game.players)
        and on_edge(audit.worth(*key), required, audit.ledger.scale)
    ]
    if not edges:
        return
    if not audit.accuracy.exact:
        claim.leave(f"{len(edges)} blocks {BY_TOLERANCE}")
        return
    if not isinstance(audit.game, PartitionFunctionGame | CournotMarket):
        claim.leave(f"{len(edges)} blocks on the knife edge: the worths are not rational numbers")
        return
    if len(audit.game.players) > MOST_PLAYERS:
        claim.leave(f"{len(edges)} blocks on the knife edge: exact arithmetic is for up to {MOST_PLAYERS} players")
        return
    for structure, block in edges:
        found = audit.decided(structure, block)
        if found is not None:
            claim.flag(audit.name(structure, block), audit.tables.blocks[structure, block][3], bool(found))


def decided_exactly(game: ExternalityGame | CharacteristicFunctionGame) -> bool:
    """Tell whether knife edges of a game are decided in rational arithmetic: rational worths and few players."""
    rational = isinstance(game, PartitionFunctionGame | CournotMarket | CharacteristicFunctionGame)
    return rational and len(game.players) <= MOST_PLAYERS


def solve_map(game: PartitionFunctionGame | CournotMarket, lattice: Lattice) -> Solved:
    """Return the exact solutions of every block of every structure, none for a block that is not viable."""
    payoffs: Solved = {}
    viable: set[Structure] = set()
    judged: Solved = {}
    for size in range(len(game.players), 0, -1):
        forecasts: Forecasts[Fraction] = Forecasts(lattice, frozenset(viable), payoffs)
        for structure in (pi for pi in lattice.structures if len(pi) == size):
            solved = _blocks(game, structure, forecasts)
            judged.update({(structure, block): found for block, found in solved.items()})
            if solved and all(solved.values()):
                viable.add(structure)
                payoffs.update({(structure, block): found for block, found in solved.items()})
    return judged


def _blocks(
    game: PartitionFunctionGame | CournotMarket, structure: Structure, forecasts: Forecasts[Fraction]
) -> dict[Coalition, list[Exact]]:
    """Return all solutions of each block of a structure; players of the finest structure get their worths."""
    worths = _worths(game, structure)
    if len(structure) == len(game.players):
        return {block: [(worth,)] for block, worth in worths.items()}
    result = {}
    for block, worth in worths.items():
        threats = [
            dict(zip(_positions(block, part), payoffs, strict=True))
            for part in parts(block)
            for vectors in forecasts.threats(structure, block, part).values()
            for payoffs in vectors
        ]
        floor = game.players.of_members(game.players.disagreement, block)
        result[block] = _division(worth, floor, weights_within(game, block), threats).solve()[1]
    return result


def _worths(game: PartitionFunctionGame | CournotMarket, structure: Structure) -> dict[Coalition, Fraction]:
    """Return the exact worths of the blocks; nothing for a structure without worths or a coalition without output."""
    if isinstance(game, PartitionFunctionGame):
        return dict(zip(structure, map(exact, game.worths.get(structure, ())), strict=False))
    cost = [exact(cheapest(game, block)) for block in structure]
    intercept = exact(game.demand_intercept)
    output = solve_linear(
        [[Fraction(1 + (i == j)) for j in range(len(cost))] for i in range(len(cost))], [intercept - c for c in cost]
    )
    if min(output) < 0:
        return {}
    price = intercept - sum(output)
    return {block: (price - c) * q for block, c, q in zip(structure, cost, output, strict=True)}


def solve_linear(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve a regular linear system exactly by elimination; every leading pivot must be nonzero."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = rows[k] = [value / rows[k][k] for value in rows[k]]
        for i, row in enumerate(rows):
            if i != k:
                rows[i] = [a - row[k] * b for a, b in zip(row, pivot, strict=True)]
    return [row[-1] for row in rows]


def solve_characteristic(game: CharacteristicFunctionGame) -> dict[Coalition, list[Exact]]:
    """Return the exact solutions of every coalition by the recursion (31)-(32)."""
    solved: dict[Coalition, list[Exact]] = {}
    for block in sorted(game.worths, key=lambda coalition: (coalition.bit_count(), coalition)):
        threats = [
            dict(zip(_positions(block, part), payoffs, strict=True))
            for part in parts(block)
            for payoffs in solved.get(part, [])
        ]
        floor = game.players.of_members(game.players.disagreement, block)
        if block.bit_count() == 1:
            solved[block] = [(exact(game.worths[block]),)]
            continue
        solved[block] = _division(exact(game.worths[block]), floor, weights_within(game, block), threats).solve()[1]
    return solved


def solve_threat_game(game: ThreatGame) -> list[Exact]:
    """Return the exact solutions of a game with threats on a total worth; none when no division is unblocked."""
    assert isinstance(game.feasible, TotalWorth)
    threats = [dict(zip(members(t.coalition), map(exact, t.payoffs), strict=True)) for t in game.threats]
    players = game.players
    return _division(exact(game.feasible.worth), players.disagreement, players.weights, threats).solve()[1]


def _division(
    worth: Fraction, floor: tuple[float, ...], weights: tuple[float, ...], threats: list[dict[int, Fraction]]
) -> ExactDivision:
    return ExactDivision(worth, exact_numbers(floor), exact_numbers(weights), threats)


def _positions(block: Coalition, part: Coalition) -> list[int]:
    inside = members(block)
    return [inside.index(player) for player in members(part)]
