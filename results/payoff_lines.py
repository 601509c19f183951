"""Payoffs on paper: one column per player where that fits, a list in words where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from breakaway.results.wording import aligned, fits, listing, number, paragraph


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a table of payoffs: where, which solution of how many, and who gets what."""

    place: str
    solution: str
    payoffs: Mapping[str, float]


def solutions_of(frame: pd.DataFrame) -> list[dict[str, float]]:
    """Return the payoff vectors of a table (solution, player, payoff) of one coalition, in order."""
    found: dict[object, dict[str, float]] = {}
    for solution, player, payoff in zip(frame["solution"], frame["player"], frame["payoff"], strict=True):
        found.setdefault(solution, {})[player] = payoff
    return list(found.values())


def shares(structure: str, by_coalition: Mapping[str, Sequence[Mapping[str, float]]]) -> list[Share]:
    """Return the lines of one structure: blocks with one solution together, every other solution on its own."""
    single: dict[str, float] = {}
    for found in by_coalition.values():
        if len(found) == 1:
            single.update(found[0])
    lines = [
        Share(structure, _which(k, len(found), coalition, len(by_coalition)), payoffs)
        for coalition, found in by_coalition.items()
        if len(found) > 1
        for k, payoffs in enumerate(found, start=1)
    ]
    return ([Share(structure, "only", single)] if single else []) + lines


def _which(k: int, of: int, coalition: str, blocks: int) -> str:
    return f"{k} of {of}" if blocks == 1 else f"{k} of {of} for {coalition}"


def share_lines(players: Sequence[str], found: Sequence[Share], place: str, total: bool = False) -> list[str]:
    """Lay out payoffs with a column per player; in words when that is wider than a page.

    ``place`` is the title of the first column; ``total`` adds the sum of the payoffs.
    """
    header = [place, "solution", *players, *(["total"] if total else [])]
    rows = [_share_row(share, players, total) for share in found]
    for previous, row in zip(reversed([share.place for share in found[:-1]]), reversed(rows[1:]), strict=True):
        if row[0] == previous:
            row[0] = ""
    if not any(share.place for share in found):
        header, rows = header[1:], [row[1:] for row in rows]
    lines = aligned(header, rows, range(len(header) - len(players) - total, len(header)))
    return lines if fits(lines) else list(_in_words(found))


def _share_row(share: Share, players: Sequence[str], total: bool) -> list[str]:
    cells = [number(share.payoffs[player]) if player in share.payoffs else "" for player in players]
    return [share.place, share.solution, *cells, *([number(sum(share.payoffs.values()))] if total else [])]


def _in_words(found: Iterable[Share]) -> Iterable[str]:
    for share in found:
        gets = listing(f"{player} gets {number(payoff)}" for player, payoff in share.payoffs.items())
        yield from paragraph(f"{share.place} ({share.solution}): {gets}".removeprefix(" "), indent=2, hanging=4)
