"""Growing groups: what the largest permitted size is worth, and whether a market without a bound has a best size.

Without a bound on sizes a stable assignment need not exist: with one type and s(G) = |G| - 1 (Wang 2019, 2.4.3) groups
of up to N give a welfare of (N - 1) / N per person, which rises for ever and is never 1. A finite table cannot prove
that; it shows the welfare of each N, what the last step added, and the largest group that formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from breakaway.data.groups import FiniteGroupGame, GroupGame, PairwiseGroupGame, frozen_floats, group_sizes
from breakaway.runners.asking import HowToSolve
from breakaway.runners.groups.assign import assign


def bounded(game: FiniteGroupGame, max_size: int) -> FiniteGroupGame:
    """Return the game with groups of up to ``max_size`` members.

    Raises
    ------
    ValueError
        When the size is below the game's least, or its table says nothing of groups that large.
    """
    if max_size < game.min_size:
        raise ValueError(f"groups have at least {game.min_size} members: ask for sizes from there on, not {max_size}")
    if isinstance(game, PairwiseGroupGame | GroupGame) and max_size > game.max_size:
        raise ValueError(
            f"the tables are about groups of up to {game.max_size}: raise max_size in the game, with the costs or "
            f"groups of that size, before asking for {max_size}"
        )
    if isinstance(game, PairwiseGroupGame):
        return replace(game, max_size=max_size, size_cost=frozen_floats(game.size_cost[: max_size + 1]))
    if isinstance(game, GroupGame):
        small = group_sizes(game.groups) <= max_size
        groups, surplus = game.groups[small][:, :max_size], frozen_floats(game.surplus[small])
        return replace(game, max_size=max_size, groups=groups, surplus=surplus)
    return replace(game, max_size=max_size)


def growing(game: FiniteGroupGame, sizes: Sequence[int], how: HowToSolve | None = None) -> pd.DataFrame:
    """Return what a market is worth with groups of up to N members, for every N of ``sizes``.

    Parameters
    ----------
    game
        The game; a surplus function may be asked for groups of any size, tables for those up to their own bound.
    sizes
        The bounds N, such as ``range(2, 11)``.
    how
        How each game is solved; see :func:`~breakaway.runners.groups.assign.assign`.

    Returns
    -------
    A row for every N: ``max_size``, ``welfare``, ``upper_bound``, ``gap``, ``increase`` (of the welfare over the row
    before; nan in the first), ``largest_formed`` (members of the largest group that formed), ``groups`` (how many are
    permitted). When the last N still forms groups of N members and adds to the welfare, a larger bound may add more.

    Raises
    ------
    ValueError
        For sizes that the game does not have, or as :func:`~breakaway.runners.groups.assign.assign`.
    """
    rows = []
    for max_size in sizes:
        found = assign(bounded(game, max_size), how)
        largest = int(group_sizes(found.groups).max(initial=0))
        rows.append((max_size, found.primal, found.dual, found.gap, largest, found.groups_priced))
    columns = ["max_size", "welfare", "upper_bound", "gap", "largest_formed", "groups"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(4, "increase", np.append(np.nan, np.diff(table["welfare"]))[: len(table)])
    return table
