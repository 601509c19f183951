"""Blocks whose worth is all but exactly what is required, decided in rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import (
    CharacteristicFunctionGame,
    CournotMarket,
    ExternalityGame,
    PartitionFunctionGame,
    ThreatGame,
    TotalWorth,
    weights_within,
)
from breakaway.runners.verify.audit import MapAudit
from breakaway.runners.verify.exact import Exact, ExactDivision, exact
from breakaway.runners.verify.forecasts import Forecasts
from breakaway.runners.verify.partitions import Lattice, parts
from breakaway.runners.verify.worths import cheapest

NAME = "knife edges decided exactly"

EDGE = 1e-7
"""Slack below this fraction of the game's scale is decided exactly."""

MOST_PLAYERS = 6
"""Largest game whose recursion is repeated in rational arithmetic."""

Solved = dict[tuple[Structure, Coalition], list[Exact]]


def check_map_edges(audit: MapAudit) -> None:
    """Check the flags of blocks on the knife edge against the recursion in rational arithmetic."""
    claim = audit.ledger.claim(NAME)
    edges = [
        key
        for key, required in audit.required.items()
        if required is not None
        and key in audit.tables.blocks
        and len(key[0]) < len(audit.game.players)
        and abs(audit.worth(*key) - required) <= EDGE * audit.ledger.scale
    ]
    if not edges:
        return
    if not isinstance(audit.game, PartitionFunctionGame | CournotMarket):
        claim.leave(f"{len(edges)} blocks on the knife edge: the worths are not rational numbers")
        return
    if len(audit.game.players) > MOST_PLAYERS:
        claim.leave(f"{len(edges)} blocks on the knife edge: exact arithmetic is for up to {MOST_PLAYERS} players")
        return
    needed = solve_map(audit.game, audit.lattice, min(len(pi) for pi, _ in edges))
    for structure, block in edges:
        if (structure, block) in needed:
            claim.flag(audit.name(structure, block), audit.tables.blocks[structure, block][3], needed[structure, block])


def decided_exactly(game: ExternalityGame | CharacteristicFunctionGame) -> bool:
    """Tell whether knife edges of a game are decided in rational arithmetic: rational worths and few players."""
    rational = isinstance(game, PartitionFunctionGame | CournotMarket | CharacteristicFunctionGame)
    return rational and len(game.players) <= MOST_PLAYERS


def solve_map(
    game: PartitionFunctionGame | CournotMarket, lattice: Lattice, fewest: int
) -> dict[tuple[Structure, Coalition], bool]:
    """Return which blocks have an unblocked division, for all structures of at least ``fewest`` coalitions."""
    payoffs: Solved = {}
    viable: set[Structure] = set()
    judged: dict[tuple[Structure, Coalition], bool] = {}
    for size in range(len(game.players), fewest - 1, -1):
        forecasts: Forecasts[Fraction] = Forecasts(lattice, frozenset(viable), payoffs)
        for structure in (pi for pi in lattice.structures if len(pi) == size):
            solved = _blocks(game, structure, forecasts)
            judged.update({(structure, block): bool(found) for block, found in solved.items()})
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
        solved[block] = _division(exact(game.worths[block]), floor, weights_within(game, block), threats).solve()[1]
    return solved


def solve_threat_game(game: ThreatGame) -> bool:
    """Tell exactly whether some division of a total worth is unblocked."""
    assert isinstance(game.feasible, TotalWorth)
    threats = [dict(zip(members(t.coalition), map(exact, t.payoffs), strict=True)) for t in game.threats]
    players = game.players
    division = _division(exact(game.feasible.worth), players.disagreement, players.weights, threats)
    return division.solve()[0] <= division.worth


def _division(
    worth: Fraction, floor: tuple[float, ...], weights: tuple[float, ...], threats: list[dict[int, Fraction]]
) -> ExactDivision:
    return ExactDivision(worth, tuple(map(exact, floor)), tuple(map(exact, weights)), threats)


def _positions(block: Coalition, part: Coalition) -> list[int]:
    inside = members(block)
    return [inside.index(player) for player in members(part)]
