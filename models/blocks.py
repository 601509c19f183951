"""What the models of equilibrium between coalitions share: blocks by name, and sums and minima over their members.

A structure is a tuple of bitmasks (:mod:`breakaway.data.coalitions`); many structures with the same number of blocks
are an integer array of shape (structures, blocks), so that their worths come from a few numpy operations.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from breakaway.data.coalitions import Structure, format_coalition, is_partition, members
from breakaway.data.games import Players

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def named_blocks(players: Players, structure: Structure) -> dict[str, tuple[str, ...]]:
    """Map the name of each block, in the order of the structure, to the names of its members.

    Raises
    ------
    ValueError
        When the blocks are not a partition of the players.
    """
    if not is_partition(structure, players.everyone):
        raise ValueError(
            f"{structure} is not a partition of the players {', '.join(players.names)} (bitmasks; all players together "
            f"are {players.everyone}); read structures with breakaway.data.coalitions.parse_structure"
        )
    return {
        format_coalition(block, players.names): tuple(players.names[player] for player in members(block))
        for block in structure
    }


def structure_array(structures: ArrayLike) -> IntArray:
    """Return structures with equally many blocks as an integer array of shape (structures, blocks).

    Raises
    ------
    ValueError
        When the structures differ in their number of blocks, or blocks are not integers.
    """
    try:
        array = np.asarray(structures)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            "structures must be an array of bitmasks of shape (structures, blocks); pass the structures of one level "
            "at a time, those with equally many blocks"
        )
    return array.astype(np.int64, copy=False)


def least_of_members(structures: IntArray, values: Sequence[float]) -> FloatArray:
    """Return the least value of a member for every block, in the shape of ``structures``."""
    return _over_members(structures, values, np.minimum, np.inf)


def sum_of_members(structures: IntArray, values: Sequence[float]) -> FloatArray:
    """Return the sum of the members' values for every block, in the shape of ``structures``."""
    return _over_members(structures, values, np.add, 0.0)


def _over_members(structures: IntArray, values: Sequence[float], combine: np.ufunc, empty: float) -> FloatArray:
    """Combine the members' values of every block; of every coalition once when blocks outnumber coalitions."""
    coalitions = structures
    if 1 << len(values) <= structures.size:
        coalitions = np.arange(1 << len(values))
    result = np.full(coalitions.shape, empty)
    for player, value in enumerate(values):
        combine(result, value, out=result, where=(coalitions >> player & 1).astype(bool))
    return result if coalitions is structures else result[structures]


def block_sizes(structures: IntArray, player_count: int) -> FloatArray:
    """Return the number of members of every block, in the shape of ``structures``."""
    return sum_of_members(structures, (1.0,) * player_count)


def check_formulation(formulation: str, known: Collection[str]) -> None:
    """Refuse a formulation that the model does not offer.

    Raises
    ------
    ValueError
        The message lists the formulations there are.
    """
    if formulation not in known:
        raise ValueError(f"unknown formulation {formulation!r}; choose one of {', '.join(map(repr, known))}")
