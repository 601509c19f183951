"""Any market of pairs as a pairwise game, whose tables :mod:`.transport` takes.

With groups of at most two every surplus is pairwise: solo_i = s(i), or 0 where singles are not permitted, and
values_ij = s(i, j) - solo_i - solo_j. Surpluses are at least 0, so that the maximum with 0 changes nothing.
"""

from __future__ import annotations

import numpy as np

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.groups import FiniteGroupGame, GroupGame, PairwiseGroupGame, surplus_of

MOST_TYPES = 3_000
"""Most types whose pairs are tabulated: 4.5 million pairs, some 300 MB."""


def pairwise_form(game: FiniteGroupGame) -> PairwiseGroupGame | None:
    """Return a market of pairs as a pairwise game with the same surpluses, but for rounding.

    Parameters
    ----------
    game
        A game of small groups. The surplus function of one is asked for every pair once.

    Returns
    -------
    PairwiseGroupGame | None
        None when the largest group is not a pair, unlisted groups are forbidden, or a table or function has more than
        ``MOST_TYPES`` types.

    Raises
    ------
    ValueError
        When a surplus function that is checked breaks its rules.
    """
    if game.max_size != 2 or (isinstance(game, GroupGame) and game.unlisted == "forbidden"):
        return None
    if isinstance(game, PairwiseGroupGame):
        return game
    types = len(game.types)
    if types > MOST_TYPES:
        return None
    solo = surplus_of(game, np.arange(types)[:, None]) if game.min_size == 1 else np.zeros(types)
    values = _pair_table(game) - solo[:, None] - solo[None]
    return PairwiseGroupGame(
        game.types, frozen_floats(solo), frozen_floats(values), frozen_floats(np.zeros(3)), game.min_size, 2
    )


def _pair_table(game: FiniteGroupGame) -> Floats:
    """Return s(i, j), shape (types, types)."""
    rows, columns = np.triu_indices(len(game.types))
    table = np.zeros((len(game.types), len(game.types)))
    table[rows, columns] = surplus_of(game, np.column_stack([rows, columns]))
    table[columns, rows] = table[rows, columns]
    return table
