"""Growing groups: what the largest permitted size is worth, and whether a market without a bound has a best size.

Without a bound on sizes a stable assignment need not exist: with one type and s(G) = |G| - 1 (Wang 2019, 2.4.3) groups
of up to N give a welfare of (N - 1) / N per person, which rises for ever and is never 1. A finite table cannot prove
that; it shows the welfare of each N, what the last step added, and the largest group that formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.arrays import frozen_floats
from breakaway.data.families import AnyGame
from breakaway.data.groups import FiniteGroupGame, GroupGame, PairwiseGroupGame, group_sizes, permitted_count
from breakaway.results.records import Answer
from breakaway.runners.asking import HowToSolve, PhaseClock
from breakaway.runners.groups.assign import assign
from breakaway.runners.solvers import InfeasibleError, LimitReachedError, NumericalError


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


COLUMNS = ["max_size", "welfare", "upper_bound", "gap", "increase", "largest_formed", "groups", "note"]

UNSOLVED = (InfeasibleError, LimitReachedError, NumericalError, KeyboardInterrupt)
"""What may keep a row from its welfare."""

INTERRUPTED = "interrupted"
"""The note of the row at which the user pressed Ctrl-C; it is the last."""


def growing(game: FiniteGroupGame, sizes: Sequence[int], how: HowToSolve | None = None) -> pd.DataFrame:
    """Return what a market is worth with groups of up to N members, for every N of ``sizes``.

    Parameters
    ----------
    game
        The game; a surplus function may be asked for groups of any size, tables for those up to their own bound.
    sizes
        The bounds N, such as ``range(2, 11)``.
    how
        How each game is solved; see :func:`~breakaway.runners.groups.assign.assign`. A time limit is for each.

    Returns
    -------
    A row for every N: ``max_size``, ``welfare``, ``upper_bound``, ``gap``, ``increase`` (of the welfare over the last
    row that has one; nan in the first), ``largest_formed`` (members of the largest group that formed), ``groups`` (how
    many are permitted) and ``note``: why there is no welfare, such as groups that cannot cover the market. When the
    last N still forms groups of N members and adds to the welfare, a larger bound may add more.

    Raises
    ------
    ValueError
        For sizes that the game does not have, or as :func:`~breakaway.runners.groups.assign.assign`.
    """
    games = [bounded(game, max_size) for max_size in sizes]
    rows, before = [], np.nan
    for smaller in games:
        row = _row(smaller, how)
        row["increase"] = row["welfare"] - before
        before = before if np.isnan(row["welfare"]) else row["welfare"]
        rows.append(row)
        if row["note"] == INTERRUPTED:
            break
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(game: FiniteGroupGame, how: HowToSolve | None) -> dict[str, Any]:
    """Solve a game; return its row without the increase."""
    row: dict[str, Any] = {"max_size": game.max_size, "largest_formed": 0, "groups": permitted_count(game), "note": ""}
    try:
        found = assign(game, how)
    except UNSOLVED as error:
        note = INTERRUPTED if isinstance(error, KeyboardInterrupt) else str(error)
        return row | {"welfare": np.nan, "upper_bound": np.nan, "gap": np.nan, "note": note}
    largest = int(group_sizes(found.groups).max(initial=0))
    note = INTERRUPTED if found.interrupted else ""
    known = {"welfare": found.primal, "upper_bound": found.dual, "gap": found.gap}
    return row | known | {"largest_formed": largest, "note": note}


def market_of(game: AnyGame, sizes: Sequence[int] = ()) -> FiniteGroupGame:
    """Return the game if its groups have a largest size, and may have these.

    Raises
    ------
    ValueError
        Naming the size, or the kinds of market that are needed.
    """
    if not isinstance(game, FiniteGroupGame):
        raise ValueError("groups grow in markets of small groups, of the kinds group-game and pairwise-group-game")
    for max_size in sizes:
        bounded(game, max_size)
    return game


def with_growing(answer: Answer, game: FiniteGroupGame, sizes: Sequence[int], how: HowToSolve) -> Answer:
    """Return the answer about a market with a table ``growing``; see :func:`growing`."""
    clock = PhaseClock()
    table = growing(game, sizes, how)
    clock.lap("growing")
    return replace(answer, tables={**answer.tables, "growing": table}, seconds={**answer.seconds, **clock.laps})
