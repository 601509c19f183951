"""Check what a run says about growing groups, as far as that can be told without solving each market again."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from breakaway.data.groups import FiniteGroupGame, GroupGame, permitted_groups
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.tables import number, rows

COLUMNS = ("max_size", "welfare", "upper_bound", "gap", "increase", "largest_formed", "groups")


def check_growing(
    game: FiniteGroupGame, tables: Mapping[str, pd.DataFrame], ledger: Ledger, tolerance: float, closed: float
) -> None:
    """Check the table ``growing``: numbers of groups, gaps, increases, and that larger groups make no market worse.

    ``tolerance`` is relative to the welfare; ``closed`` is what welfare and bound of one market may be apart, as a part
    of the welfare: the row of the game's own largest size is compared with its bound.
    """
    claim, before, most = ledger.claim("growing groups fit together"), math.nan, -math.inf
    for line in rows(tables, "growing", COLUMNS, ledger):
        size, welfare, bound, gap, added, largest, groups = (number(cell) for cell in line)
        what = f"up to {line[0]} members"
        if not claim.check(size is not None and size.is_integer(), f"{what}: no size"):
            continue
        claim.check(groups == _permitted(game, int(size or 0)), f"{what}: {line[6]} groups are not what is permitted")
        if welfare is None:
            continue
        room = tolerance * max(abs(welfare), abs(bound or 0.0))
        claim.check(largest is not None and 0 < largest <= (size or 0), f"{what}: groups of {line[5]} members form")
        if bound is not None:
            claim.equal(f"{what}: gap", math.nan if gap is None else gap, max(bound - welfare, 0.0), room)
            claim.check(welfare <= bound + room, f"{what}: {welfare:.12g}, more than at most {bound:.12g}")
            claim.check(most <= bound + room, f"{what}: at most {bound:.12g}, but smaller groups make {most:.12g}")
        if not math.isnan(before):
            claim.equal(f"{what}: increase", math.nan if added is None else added, welfare - before, room)
        before, most = welfare, max(most, welfare)
        if size == game.max_size:
            _compare_with_run(tables, ledger, welfare, bound, max(tolerance, closed))
    claim.leave("markets of other sizes are not solved again")


def _permitted(game: FiniteGroupGame, size: int) -> int:
    """Return how many groups of up to so many members are permitted."""
    if isinstance(game, GroupGame) and game.unlisted == "forbidden":
        return int(((game.groups >= 0).sum(axis=1) <= size).sum())
    return permitted_groups(len(game.types), game.min_size, size)


def _compare_with_run(
    tables: Mapping[str, pd.DataFrame], ledger: Ledger, welfare: float, bound: float | None, part: float
) -> None:
    """Check that the row of the game itself and the run's own welfare do not exceed each other's bounds."""
    lines = rows(tables, "welfare", ("primal", "dual"), ledger)
    primal, dual = (number(cell) for cell in lines[0]) if len(lines) == 1 else (None, None)
    claim = ledger.claim("growing groups end at the welfare of the run")
    if primal is not None and bound is not None:
        claim.check(primal <= bound + part * abs(bound), f"at most {bound:.12g}, the run has {primal:.12g}")
    if dual is not None:
        claim.check(welfare <= dual + part * abs(dual), f"{welfare:.12g}, the run proves at most {dual:.12g}")
