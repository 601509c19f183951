"""The structures of a game without transferable utility: viable, coarsest, efficient, from the definitions."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import NtuGame, Points
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.flags import check_coarsest, check_listed
from breakaway.runners.verify.maps import StructureRow
from breakaway.runners.verify.partitions import Lattice
from breakaway.runners.verify.tables import Names, flag, keyed, number, rows

if TYPE_CHECKING:
    from breakaway.runners.verify.ntu import NtuAudit

MOST_ALLOCATIONS = 200_000
"""Up to this many allocations of all structures together efficiency is recomputed."""


def check_structures(audit: NtuAudit, frame: pd.DataFrame, names: Names) -> None:
    """Check the flags of structures."""
    claimed = _read(audit, frame, names)
    name = audit.game.players.structure_name
    lattice = Lattice(len(audit.game.players))
    check_listed(audit.ledger, lattice, claimed, name)
    claim = audit.ledger.claim("structures viable iff all their blocks are")
    for structure, row in claimed.items():
        claim.flag(name(structure), row[1], all(audit.coalitions.get(block, (None,))[0] is True for block in structure))
    check_coarsest(audit.ledger, lattice, claimed, name)
    if "efficient" in frame:
        _check_efficient(audit, claimed, [tuple(map(int, pi)) for pi in lattice.structures])


def _read(audit: NtuAudit, frame: pd.DataFrame, names: Names) -> dict[Structure, StructureRow]:
    """Read the table; efficiency is None where it is not given."""
    table = frame if "efficient" in frame else frame.assign(efficient=False)
    columns = ("structure", "coalitions", "viable", "coarsest", "efficient")
    lines = rows({"structures": table}, "structures", columns, audit.ledger)
    parsers = [names.structure, number, flag, flag, flag]
    found = keyed("structures", lines, 1, parsers, audit.ledger.claim("structures table readable"))
    return {key[0]: row for key, row in found.items()}


def _check_efficient(audit: NtuAudit, claimed: dict[Structure, StructureRow], listed: list[Structure]) -> None:
    """Check that a structure is called efficient iff some solution of it is dominated by no allocation at all."""
    claim = audit.ledger.claim("efficient structures have an undominated solution")
    counts = [math.prod(len(_points(audit.game, block)) for block in pi) for pi in listed]
    if sum(counts) > MOST_ALLOCATIONS:
        claim.leave(f"not re-proven: the structures have {sum(counts):,} allocations")
        return
    everything = np.concatenate([_allocations(audit.game, pi) for pi in listed])
    eps = audit.accuracy.eps
    for structure, row in claimed.items():
        solutions = _joined(structure, [audit.solutions.get(block, []) for block in structure], audit.game)
        undominated = any(
            not ((everything >= x - eps).all(axis=1) & (everything > x + eps).any(axis=1)).any() for x in solutions
        )
        claim.flag(audit.game.players.structure_name(structure), row[3], undominated)


def _points(game: NtuGame, block: Coalition) -> list[tuple[float, ...]]:
    feasible = game.feasible_set(block)
    return list(feasible.payoffs) if isinstance(feasible, Points) else []


def _allocations(game: NtuGame, structure: Structure) -> Matrix:
    return _joined(structure, [_points(game, block) for block in structure], game)


def _joined(structure: Structure, choices: list[list[tuple[float, ...]]], game: NtuGame) -> Matrix:
    """Return every combination of the blocks' payoffs as rows over all players."""
    order = [player for block in structure for player in members(block)]
    found = [[value for part in combination for value in part] for combination in product(*choices)]
    table = np.array(found, dtype=float).reshape(len(found), len(game.players))
    result: Matrix = table[:, np.argsort(order)]
    return result
