"""The allocation by which Vohra and Ray (2025) prove theorem 3: averages stacked from the highest down.

Let gamma be weights that are consistent across coalitions, and alpha(S) the worth of S, net of disagreement, per unit
of weight. S_1 has the largest alpha of all coalitions, S_2 of those among the other players, and so on. Give every i in
S_k the payoff y_i = d_i + gamma_i alpha(S_k). A coalition T that would walk away with its unconstrained Nash division
has some S_k as the first that it meets; the members in S_k already get gamma_i alpha(S_k) >= gamma_i alpha(T). So
nothing at or above y is blocked, and y costs v(S_1) + ... + v(S_m): when N is worth as much, N is viable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure, members, structure_of
from breakaway.data.games import CharacteristicFunctionGame, Payoffs, weights_within
from breakaway.runners.search import Number, water_filling

SAME_RATIO = 1e-9
"""Relative difference of two ratios of weights that are the same."""

MOST_STACKS = 1_000
"""Most stacks that are followed when several coalitions have the largest average."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack: coalitions S_1, ..., S_m from the highest average down, y, and the division x >= y.

    ``averages`` are alpha(S_k), in units of payoff per unit of weight. ``payoffs`` is x, which gives what y leaves of
    v(N) to those who have least per unit of weight (the largest Nash product above y); None when y costs more than
    v(N).
    """

    coalitions: tuple[Coalition, ...]
    averages: Payoffs
    floor: Payoffs
    payoffs: Payoffs | None

    @property
    def structure(self) -> Structure:
        """The coalitions as a structure."""
        return structure_of(self.coalitions)


def consistent_weights(game: CharacteristicFunctionGame) -> Payoffs | Coalition:
    """Return weights gamma that all strict subcoalitions use up to scale, or a coalition that does not use them.

    Only strict subcoalitions count: theorem 3 says nothing of how N weighs its members. For up to two players any
    weights will do, and those of N are returned.
    """
    n = len(game.players)
    gamma = list(weights_within(game, game.players.everyone))
    if n > 2:
        gamma = [1.0, *(_ratio(weights_within(game, 1 | 1 << j)) for j in range(1, n))]
    for coalition in sorted(game.worths, key=lambda c: (c.bit_count(), c)):
        if coalition.bit_count() > 1 and coalition != game.players.everyone:
            ratios = [w / gamma[i] for w, i in zip(weights_within(game, coalition), members(coalition), strict=True)]
            if max(ratios) > min(ratios) * (1.0 + SAME_RATIO):
                return coalition
    return tuple(gamma)


def _ratio(pair: Payoffs) -> float:
    return pair[1] / pair[0]


def stacks(
    game: CharacteristicFunctionGame, gamma: Payoffs, eps: float, most: int = MOST_STACKS
) -> tuple[tuple[Stack, ...], bool]:
    """Return every stack with its division, and whether that is all of them.

    Stacks that give everybody the same are listed once.

    Parameters
    ----------
    game
        A characteristic function.
    gamma
        Consistent weights, by player.
    eps
        Tolerance in the unit of payoff; averages within it, per unit of weight, are the same.
    most
        How many stacks are followed.
    """
    n, d = len(game.players), np.array(game.players.disagreement)
    averages, highest = _averages(game, np.array(gamma), d)
    scale = max(map(abs, game.worths.values())) or 1.0
    found: dict[tuple[float, ...], Stack] = {}
    for followed, coalitions in enumerate(_stacked(averages, highest, (1 << n) - 1, eps / min(gamma))):
        if followed == most:
            return tuple(found.values()), False
        tops = [float(averages[s]) for s in coalitions]
        level = {i: top for s, top in zip(coalitions, tops, strict=True) for i in members(s)}
        floor = tuple(float(d[i]) + gamma[i] * level[i] for i in range(n))
        payoffs = _shared(game, gamma, floor, eps)
        stack = Stack(coalitions, tuple(tops), floor, payoffs)
        found.setdefault(tuple(round(y / scale, 9) for y in payoffs or floor), stack)
    return tuple(found.values()), True


def _averages(
    game: CharacteristicFunctionGame, gamma: NDArray[np.float64], d: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return alpha(S), and the largest alpha(T) over T inside S, by bitmask; -inf for the empty coalition."""
    n = len(gamma)
    holds = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
    worths = np.zeros(1 << n)
    worths[list(game.worths)] = list(game.worths.values())
    averages = np.full(1 << n, -np.inf)
    averages[1:] = (worths[1:] - holds[1:] @ d) / (holds[1:] @ gamma)
    highest = averages.copy()
    for i in range(n):
        table = highest.reshape(-1, 2, 1 << i)
        table[:, 1] = np.maximum(table[:, 1], table[:, 0])
    return averages, highest


def _stacked(
    averages: NDArray[np.float64], highest: NDArray[np.float64], left: Coalition, eps: float
) -> Iterator[tuple[Coalition, ...]]:
    """Yield every way to go on with the players left, the larger coalition first."""
    if not left:
        yield ()
        return
    inside = _subsets(left)
    best = inside[averages[inside] >= highest[left] - eps]
    for top in sorted(best.tolist(), key=lambda s: (-s.bit_count(), s)):
        for rest in _stacked(averages, highest, left ^ top, eps):
            yield (top, *rest)


def _subsets(whole: Coalition) -> NDArray[np.int64]:
    """Return the nonempty coalitions inside one, as bitmasks."""
    found = np.zeros(1, dtype=np.int64)
    for i in members(whole):
        found = np.concatenate([found, found | 1 << i])
    return found[1:]


def _shared(game: CharacteristicFunctionGame, gamma: Payoffs, floor: Sequence[float], eps: float) -> Payoffs | None:
    """Return the division of all of v(N) above a floor with the largest Nash product; None when it costs more."""
    d, worth = game.players.disagreement, game.worths[game.players.everyone]
    if sum(floor) > worth + eps:
        return None
    net = [y - own for y, own in zip(floor, d, strict=True)]
    share, _ = water_filling(range(len(d)), gamma, net, worth - sum(d))
    return tuple(x + own for x, own in zip(share, d, strict=True))


def partition_totals(worths: Mapping[Coalition, Number], whole: Coalition) -> dict[Coalition, tuple[Number, Coalition]]:
    """Return for every subset of a coalition the largest total of a partition of it, and that partition's first block.

    Parameters
    ----------
    worths
        Worths of the coalitions that may be blocks.
    whole
        All of the players 0, ..., n - 1.

    Returns
    -------
    By bitmask; the first block is that of the subset's first player, among equals the subset itself. A total of
    -infinity says that there is no partition. By subsets of subsets, 3^n / 2 steps.
    """
    best: dict[Coalition, tuple[Number, Coalition]] = {0: (0, 0)}
    for coalition in range(1, whole + 1):
        first = coalition & -coalition
        rest = coalition ^ first
        chosen = (worths.get(coalition, -math.inf), coalition)
        part = rest
        while part:
            part = (part - 1) & rest
            total = worths.get(first | part, -math.inf) + best[rest ^ part][0]
            if total > chosen[0]:
                chosen = (total, first | part)
        best[coalition] = chosen
    return best


def best_partition(totals: Mapping[Coalition, tuple[Number, Coalition]], coalition: Coalition) -> Structure:
    """Read the partition of largest total worth of a coalition."""
    blocks = []
    while coalition:
        block = totals[coalition][1]
        blocks.append(block)
        coalition ^= block
    return structure_of(blocks)
