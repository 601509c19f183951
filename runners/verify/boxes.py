"""The unblocked set as a union of boxes, found by branching on who meets each threat.

A division x meets the threat (T, y) when x_i >= y_i for some i in T (section 2 of Vohra and Ray 2025: it is then not
blocked by it). The set of divisions that meet all threats is therefore a union of boxes {x : x >= low}. The search
starts with the disagreement payoffs as the only box, takes a threat that a box does not meet, and replaces the box by
one for each member who may meet the threat; in the branch of the k-th member the first k - 1 do not meet it, so no
division is counted twice. Payoffs enter as *levels*: the rank of a payoff among all that threats ask for the player.

Identical players may form a *chain*, whose payoffs ascend. A threat by the first k of a chain, payoffs ascending, then
stands for the same threat by any k of them: it blocks x iff the k players who get least would all gain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Levels = NDArray[np.int32]
Mask = NDArray[np.bool_]
Chains = tuple[tuple[int, ...], ...]
"""Identical players, each chain in ascending order of payoff; players in no chain are on their own."""

NOBODY = np.int32(2**30)
"""Level of a player who is not a member of the threatening coalition: never reached."""

CHUNK = 1_000_000
"""Most numbers (boxes x threats x players) handled at once."""

DOMINATION_LIMIT = 3_000
"""Above this many threats, only the strongest ones are tried for making others redundant."""


@dataclass(frozen=True, eq=False)
class Demands:
    """Essential threats in levels: ``needed`` (threats x players), ``values[i]`` the payoff of each level of i.

    The players of a chain share their levels.
    """

    needed: Levels
    values: tuple[Matrix, ...]
    chains: Chains = ()

    @classmethod
    def of(cls, needed: Levels, values: tuple[Matrix, ...], chains: Chains = ()) -> Demands:
        """Keep the essential ones among threats given in levels."""
        return cls(_essential(np.unique(needed, axis=0)), values, chains)

    def payoffs(self, low: Levels) -> Matrix:
        """Return the payoffs (boxes x players) of boxes given in levels."""
        return np.stack([self.values[i][low[:, i]] for i in range(low.shape[1])], axis=1)


class Judge(Protocol):
    """What a search is for: which boxes are worth pursuing, and what to do with those that meet every threat."""

    def keep(self, low: Matrix) -> Mask:
        """Tell which boxes (boxes x players, in payoffs) may still hold something that is wanted."""

    def room(self, low: Matrix) -> Matrix:
        """Return by how much any one payoff of each box may rise."""

    def offer(self, low: Matrix, levels: Levels) -> None:
        """Take boxes that meet every threat."""


def levels_of(asked: Matrix, floor: Matrix, snap: float, chains: Chains = ()) -> tuple[Matrix, ...]:
    """Return for each player the distinct payoffs asked, the floor first; payoffs within ``snap`` are one level."""
    alike = {i: chain for chain in chains for i in chain}
    result = []
    for i, least in enumerate(floor):
        column = asked[:, alike.get(i, (i,))].ravel()
        found = np.unique(np.concatenate([[least], column[np.isfinite(column) & (column > least + snap)]]))
        first = np.concatenate([[True], np.diff(found) > snap])
        result.append(found[np.append(np.flatnonzero(first)[1:] - 1, len(found) - 1)])
    return tuple(result)


def demands(asked: Matrix, floor: Matrix, snap: float = 0.0, chains: Chains = ()) -> Demands:
    """Turn threats into levels and drop the redundant ones.

    Parameters
    ----------
    asked
        Threats x players: the threat payoff of each member, infinity for players who are not members.
    floor
        Disagreement payoffs; a threat that gives a member no more than this never blocks.
    snap
        Payoffs of one player that differ by less are taken for the same.
    chains
        Players whose payoffs ascend.
    """
    blocking = asked[(asked > floor + snap).all(axis=1)] if len(asked) else asked.reshape(0, len(floor))
    values = levels_of(blocking, floor, snap, chains)
    needed = np.full(blocking.shape, NOBODY, dtype=np.int32)
    for i, payoffs in enumerate(values):
        member = np.isfinite(blocking[:, i])
        needed[member, i] = np.searchsorted(payoffs, blocking[member, i])
    return Demands.of(needed, values, chains)


def _essential(needed: Levels) -> Levels:
    """Drop threats that are met whenever another one is: the other asks as much for fewer or the same members."""
    size = (needed != NOBODY).sum(axis=1)
    ordered = needed[np.argsort(size, kind="stable")]
    kept: Levels = ordered[:0]
    for start in range(0, len(ordered), 512):
        batch = ordered[start : start + 512]
        batch = batch[~_implied(batch, kept[:DOMINATION_LIMIT])]
        rivals = _implied(batch, batch, strict=True)
        kept = np.concatenate([kept, batch[~rivals]])
    return kept


def _implied(threats: Levels, others: Levels, strict: bool = False) -> Mask:
    """Tell which threats are implied by one of the others; ``strict`` leaves a threat's own row out."""
    if not len(threats) or not len(others):
        return np.zeros(len(threats), dtype=np.bool_)
    implied = np.ones((len(threats), len(others)), dtype=np.bool_)
    for i in range(threats.shape[1]):
        np.logical_and(implied, others[None, :, i] >= threats[:, None, i], out=implied)
    if strict:
        np.fill_diagonal(implied, False)
    result: Mask = np.logical_or.reduce(implied, axis=1)
    return result


def search(problem: Demands, judge: Judge, effort: float) -> bool:
    """Offer the judge every box of the unblocked set that it keeps; tell whether the search was exhaustive.

    ``effort`` bounds the work, counted in boxes x threats x players.
    """
    players = len(problem.values)
    width = max(1, CHUNK // max(1, players * len(problem.needed)))
    price = _prices(problem)
    stack = [(np.zeros((1, players), dtype=np.int32), np.full((1, players), NOBODY, dtype=np.int32))]
    while stack:
        low, high = stack.pop()
        payoffs = problem.payoffs(low)
        keep = judge.keep(payoffs)
        low, high, payoffs = low[keep], high[keep], payoffs[keep]
        effort -= low.size * max(1, len(problem.needed))
        if effort < 0:
            return False
        if not len(low):
            continue
        met = _met(low, problem.needed)
        done = met.all(axis=1)
        judge.offer(payoffs[done], low[done])
        low, high, payoffs, met = low[~done], high[~done], payoffs[~done], met[~done]
        if len(low):
            children = _branch(problem, price, low, high, payoffs, met, judge.room(payoffs))
            stack.extend(_slices(children, width))
    return True


def _prices(problem: Demands) -> Matrix:
    """Return the payoff (threats x players) that meets each threat, infinity for players who are not members."""
    price = np.full(problem.needed.shape, np.inf)
    for i, payoffs in enumerate(problem.values):
        member = problem.needed[:, i] != NOBODY
        price[member, i] = payoffs[problem.needed[member, i]]
    return price


def _met(low: Levels, needed: Levels) -> Mask:
    met: Mask = np.zeros((len(low), len(needed)), dtype=np.bool_)
    for i in range(low.shape[1]):
        np.logical_or(met, low[:, i, None] >= needed[None, :, i], out=met)
    return met


def _branch(
    problem: Demands, price: Matrix, low: Levels, high: Levels, payoffs: Matrix, met: Mask, room: Matrix
) -> tuple[Levels, Levels]:
    """Branch each box on the unmet threat with the fewest members who can still meet it, dearest first."""
    able = np.zeros(met.shape, dtype=np.int16)
    least = np.full(met.shape, np.inf)
    for i in range(low.shape[1]):
        rise = price[None, :, i] - payoffs[:, i, None]
        can = (rise <= room[:, None]) & (problem.needed[None, :, i] < high[:, i, None])
        able += can
        np.minimum(least, np.where(can, rise, np.inf), out=least)
    dear = np.where(np.isfinite(least), least, 0.0) / (1.0 + np.abs(room[:, None]))
    score = np.where(met, np.inf, able - 0.999 * np.minimum(dear, 1.0))
    pick = score.argmin(axis=1)
    alive = able[np.arange(len(low)), pick] > 0
    low, high, payoffs, room, asked = low[alive], high[alive], payoffs[alive], room[alive], problem.needed[pick[alive]]
    cost = price[pick[alive]] - payoffs
    lows, highs = _children(low, high, asked, (cost <= room[:, None]) & (asked < high))
    return _ascending(lows, highs, problem.chains) if problem.chains else (lows, highs)


def _children(low: Levels, high: Levels, asked: Levels, can: Mask) -> tuple[Levels, Levels]:
    lows, highs = [], []
    for i in range(low.shape[1]):
        rows = can[:, i]
        child = low[rows].copy()
        child[:, i] = asked[rows, i]
        lows.append(child)
        highs.append(high[rows].copy())
        high[:, i] = np.minimum(high[:, i], asked[:, i])
    return np.concatenate(lows), np.concatenate(highs)


def _ascending(low: Levels, high: Levels, chains: Chains) -> tuple[Levels, Levels]:
    """Narrow boxes to payoffs that ascend along chains, and drop those that become empty."""
    for chain in map(list, chains):
        low[:, chain] = np.maximum.accumulate(low[:, chain], axis=1)
        high[:, chain] = np.minimum.accumulate(high[:, chain[::-1]], axis=1)[:, ::-1]
    kept = (low < high).all(axis=1)
    return low[kept], high[kept]


def _slices(children: tuple[Levels, Levels], width: int) -> list[tuple[Levels, Levels]]:
    low, high = children
    return [(low[k : k + width], high[k : k + width]) for k in range(0, len(low), width)]
