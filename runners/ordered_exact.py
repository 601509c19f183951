"""The grand coalition's knife edge in fractions: whether its worth suffices exactly, and what is unblocked then.

The tables of :mod:`breakaway.runners.ordered` are floats, right to about 1e-12. When worth and required worth differ by
no more than the tolerance, the few chains that cost within the tolerance of the least are followed once more, and what
they pay is computed in fractions: for each coalition R left over, the exact beta(R) is the largest exact level among
the threats inside R whose float level is within the tolerance of the largest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import CharacteristicFunctionGame
from breakaway.runners.division import BlockProblem, Division, fraction_of, listed, without_slack
from breakaway.runners.ordered import Floats, ThreatLevels, unconstrained_levels, worth_array
from breakaway.runners.search import TIE, SearchLimitError, water_filling

MOST_CHAINS = 20_000
"""Most chains that are followed in fractions."""

Payoffs = tuple[Fraction, ...]


@dataclass(slots=True)
class ExactChains:
    """Chains whose payments, net of disagreement, are fractions; ``eps`` in the unit of payoff."""

    game: CharacteristicFunctionGame
    levels: ThreatLevels
    eps: float
    weights: Payoffs = field(init=False)
    floor: Payoffs = field(init=False)
    own: Floats = field(init=False)
    known: dict[Coalition, tuple[Fraction, Coalition]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read weights and disagreement as the decimals they print as."""
        players = self.game.players
        self.weights = tuple(map(fraction_of, players.weights))
        self.floor = tuple(map(fraction_of, players.disagreement))
        self.own = unconstrained_levels(worth_array(self.game), self.levels.weights, self.levels.disagreement)

    def level(self, rest: Coalition) -> tuple[Fraction, Coalition]:
        """Return the exact beta(R) and a threat that attains it; everybody together does not threaten."""
        if rest not in self.known:
            everyone = self.game.players.everyone
            near = self.levels.strict(rest)[0] if rest == everyone else float(self.levels.level[rest])
            room = self.eps / float(self.levels.weights.min())
            threats = np.flatnonzero(self.own >= max(near - room, 0.0))
            inside = threats[((threats & ~rest) == 0) & (threats > 0) & (threats != everyone)]
            exact = ((self._own_level(int(t)), int(t)) for t in inside)
            self.known[rest] = max(exact, default=(Fraction(0), 0))
        level, threat = self.known[rest]
        return (level, threat) if level > 0 else (Fraction(0), 0)

    def _own_level(self, threat: Coalition) -> Fraction:
        inside = members(threat)
        gain = fraction_of(self.game.worths[threat]) - sum((self.floor[i] for i in inside), Fraction(0))
        return gain / sum(self.weights[i] for i in inside)

    def cheapest(self, most: float) -> list[Payoffs]:
        """Return what every chain pays that may cost ``most`` or less.

        Raises
        ------
        SearchLimitError
            When there are more than :data:`MOST_CHAINS`.
        """
        nobody = (Fraction(0),) * len(self.weights)
        stack: list[tuple[Coalition, Payoffs]] = [(self.game.players.everyone, nobody)]
        seen, found = {(self.game.players.everyone, nobody)}, set()
        while stack:
            rest, paid = stack.pop()
            level, threat = self.level(rest) if rest else (Fraction(0), 0)
            if not threat:
                found.add(paid)
            for i in members(threat):
                after, more = rest ^ (1 << i), (*paid[:i], self.weights[i] * level, *paid[i + 1 :])
                cost = float(sum(more)) + float(self.levels.to_go[after])
                if cost <= most + self.eps and (after, more) not in seen:
                    seen.add((after, more))
                    stack.append((after, more))
            if len(seen) > MOST_CHAINS:
                raise SearchLimitError(f"more than {MOST_CHAINS} chains to compare in fractions", math.inf, None)
        return sorted(found)


def divide_edge(game: CharacteristicFunctionGame, levels: ThreatLevels, required: float, eps: float) -> Division:
    """Divide the worth of the grand coalition in fractions, given that it about suffices.

    Parameters
    ----------
    game, levels
        The game and its tables of threats.
    required
        The required worth in floating point.
    eps
        How far apart worth and required worth may be, in the unit of payoff.

    Raises
    ------
    SearchLimitError
        When too many chains cost about the least.
    """
    chains = ExactChains(game, levels, eps)
    floor = sum(chains.floor, Fraction(0))
    lows = chains.cheapest(required - float(floor) + eps)
    budget = fraction_of(game.worths[game.players.everyone]) - floor
    least = min(map(sum, lows))
    if least > budget:
        return Division(least + floor, False, (), -math.inf, -math.inf, len(lows))
    positions = tuple(range(len(chains.weights)))
    problem = BlockProblem(positions, chains.weights, chains.floor, budget + floor, (), Fraction(0))
    if least == budget:
        return without_slack(problem, [low for low in lows if sum(low) == budget], least + floor, len(lows))
    shares = [tuple(water_filling(positions, chains.weights, low, budget)[0]) for low in lows if sum(low) <= budget]
    values = [sum(float(w) * math.log(x) for w, x in zip(chains.weights, share, strict=True)) for share in shares]
    best = max(values)
    kept = [share for share, value in zip(shares, values, strict=True) if value >= best - TIE]
    return Division(least + floor, True, listed(problem, kept), best, best, len(lows))
