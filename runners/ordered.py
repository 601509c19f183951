"""The naive problem of Theorem 2 solved for every coalition at once, when bargaining weights are consistent.

Let u_i = (x_i - d_i) / gamma_i. Without coalitional constraints T divides its worth so that all its members have
u_i = alpha(T) = (v(T) - d(T)) / gamma(T). Against these threats a division of S is unblocked iff every T strictly
inside S has a member with u_i >= alpha(T); a coalition with v(T) < d(T) has no feasible payoff and never threatens.

**Order the players by u.** With beta(R) = max of alpha(T) over T inside R (0 if none is positive), x is unblocked iff

    max over i in R of u_i >= beta(R)   for every R inside S, threats of S itself excepted.

So some member i of R has at least beta(R); set i aside, and the same question is asked of R - i. A sequence of such
steps is a *chain*. Paying exactly beta(R) at each step meets every threat, and no unblocked division pays less than one
of its chains. It is enough to choose i among the members of one threat T*(R) that attains beta(R), because one of them
must have as much.

**Required worth.** With h(R) the least cost of serving R, T = R included,

    h(R) = min over i in R of gamma_i beta(R) + h(R - i),   h of nobody = 0,
    required worth of S = d(S) + min over i in S of gamma_i b(S) + h(S - i),

where b(S) is beta(S) without T = S. Both are O(n 2^n). :mod:`breakaway.runners.chains` divides the worth.

Source: Vohra and Ray (2025), *Nash Bargaining in Coalitional Games*, equation (33) and Theorem 2; the ordering is that
of the proof of Theorem 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition
from breakaway.data.games import CharacteristicFunctionGame

Floats = NDArray[np.float64]
Masks = NDArray[np.int32]

MERGE = 1e-14
"""Threat levels that differ by no more, relative to the largest, are rounding errors of one level."""


class InconsistentWeightsError(ValueError):
    """The ordered search was asked of a game whose weights differ from coalition to coalition."""


@dataclass(frozen=True, slots=True)
class ThreatLevels:
    """What threatens every coalition R, by bitmask R: arrays of 2^n entries.

    Attributes
    ----------
    weights, disagreement
        gamma_i and d_i by player.
    level
        beta(R), T = R included; payoff per unit of weight.
    threat
        T*(R), a coalition inside R that attains the level; 0 where the level is 0.
    to_go
        h(R), the least cost of serving R.
    """

    weights: Floats
    disagreement: Floats
    level: Floats
    threat: Masks
    to_go: Floats

    @property
    def n(self) -> int:
        """Number of players."""
        return len(self.weights)

    def strict(self, coalition: Coalition) -> tuple[float, Coalition]:
        """Return b(S) and a threat that attains it: the largest level strictly inside a coalition."""
        parts = [coalition ^ (1 << i) for i in range(self.n) if coalition >> i & 1]
        part = max(parts, key=lambda r: float(self.level[r]))
        return float(self.level[part]), int(self.threat[part])


def worth_array(game: CharacteristicFunctionGame) -> Floats:
    """Return v by bitmask, 0 for nobody."""
    worths = game.worths
    return np.array([0.0, *(worths[coalition] for coalition in range(1, game.players.everyone + 1))])


def check_consistent(game: CharacteristicFunctionGame) -> None:
    """Refuse weights of single coalitions.

    Raises
    ------
    InconsistentWeightsError
        When the game has ``coalition_weights`` that differ from the players' weights.
    """
    players = game.players
    for coalition, own in game.coalition_weights.items():
        if own != players.of_members(players.weights, coalition):
            raise InconsistentWeightsError(
                f"coalition {players.coalition_name(coalition)} has weights of its own: the ordered search needs the "
                "same weights in every coalition; remove coalition_weights, or solve with --method exact"
            )


def is_consistent(game: CharacteristicFunctionGame) -> bool:
    """Tell whether every coalition has the players' weights."""
    within = game.players.of_members
    return all(own == within(game.players.weights, s) for s, own in game.coalition_weights.items())


def threat_levels(worths: Floats, weights: Sequence[float], disagreement: Sequence[float]) -> ThreatLevels:
    """Tabulate levels, threats that attain them, and least costs, for every coalition.

    Parameters
    ----------
    worths
        v by bitmask, 2^n entries, in the unit of payoff.
    weights, disagreement
        gamma_i > 0 and d_i by player.
    """
    gamma, d = np.asarray(weights, dtype=np.float64), np.asarray(disagreement, dtype=np.float64)
    level = merged(unconstrained_levels(worths, gamma, d))
    threat = _spread_upwards(level)
    return ThreatLevels(gamma, d, level, threat, _least_costs(level, gamma))


def unconstrained_levels(worths: Floats, gamma: Floats, d: Floats) -> Floats:
    """Return alpha(T) = (v(T) - d(T)) / gamma(T) by bitmask; 0 for nobody and where it would be negative."""
    level = worths - subset_sums(d)
    level[1:] /= subset_sums(gamma)[1:]
    level[0] = 0.0
    return np.maximum(level, 0.0)


def subset_sums(values: Floats) -> Floats:
    """Return the sum of a vector over every coalition, by bitmask."""
    result = np.zeros(1 << len(values))
    for i, value in enumerate(values):
        result[1 << i : 2 << i] = result[: 1 << i] + value
    return result


def merged(level: Floats) -> Floats:
    """Give one value to levels that differ by rounding alone, so that ties are ties; the largest of each group."""
    ordered = np.sort(level)
    last = np.flatnonzero(np.append(np.diff(ordered) > MERGE * ordered[-1], True))
    tops = ordered[last]
    result: Floats = tops[np.searchsorted(tops, level)]
    return result


def _spread_upwards(level: Floats) -> Masks:
    """Turn alpha into beta in place; return for every coalition a threat inside it that attains the level."""
    threat = np.arange(len(level), dtype=np.int32)
    threat[level <= 0] = 0
    for i in range(len(level).bit_length() - 1):
        halves, threats = level.reshape(-1, 2, 1 << i), threat.reshape(-1, 2, 1 << i)
        without, within = halves[:, 0, :], halves[:, 1, :]
        better = without >= within
        np.maximum(within, without, out=within)
        np.copyto(threats[:, 1, :], threats[:, 0, :], where=better)
    return threat


def coalitions_by_size(n: int) -> Iterator[Masks]:
    """Yield the bitmasks of all coalitions of one player, of two, and so on."""
    sizes = np.zeros(1 << n, dtype=np.int8)
    for i in range(n):
        sizes[1 << i : 2 << i] = sizes[: 1 << i] + 1
    order = np.argsort(sizes, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(sizes, minlength=n + 1))
    for size in range(1, n + 1):
        yield order[ends[size - 1] : ends[size]]


def _least_costs(level: Floats, gamma: Floats) -> Floats:
    """Return h(R) by bitmask."""
    cost = np.zeros(len(level))
    for layer in coalitions_by_size(len(gamma)):
        cost[layer] = _cheapest_step(layer, level[layer], cost, gamma)
    return cost


def _cheapest_step(layer: Masks, level: Floats, cost: Floats, gamma: Floats) -> Floats:
    """Return min over i in R of gamma_i level(R) + cost(R - i) for the coalitions R of a layer."""
    best = np.full(len(layer), np.inf)
    for i, weight in enumerate(gamma):
        rows = np.flatnonzero(layer & (1 << i))
        best[rows] = np.minimum(best[rows], weight * level[rows] + cost[layer[rows] ^ (1 << i)])
    return best


def required_worths(levels: ThreatLevels) -> Floats:
    """Return the required worth of every coalition by bitmask (0 for nobody), in the unit of payoff."""
    result = subset_sums(levels.disagreement)
    for layer in coalitions_by_size(levels.n):
        strict = np.zeros(len(layer))
        for i in range(levels.n):
            rows = np.flatnonzero(layer & (1 << i))
            strict[rows] = np.maximum(strict[rows], levels.level[layer[rows] ^ (1 << i)])
        result[layer] += _cheapest_step(layer, strict, levels.to_go, levels.weights)
    return result
