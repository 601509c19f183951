"""Random characteristic functions for the tests of Theorem 2 and of the ordered search."""

from __future__ import annotations

import random

from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.runners.ordered import required_worths, threat_levels, worth_array

ABOVE = (0.0, 1e-3, 0.1, 0.5, 1.0)
"""What N is worth above its required worth, in half of the games."""


def gain(rng: random.Random, style: str, size: int) -> float:
    """Draw what a coalition is worth above disagreement."""
    match style:
        case "whole":
            return float(rng.randint(0, 4 * size))
        case "growing":
            return round(size**1.4 * rng.uniform(0.3, 0.42), 3)
        case "few":
            return float(rng.choice([0, 1, 1, 2]))
        case "real":
            return rng.uniform(0, size)
        case "equal":
            return float(size * (rng.random() < 0.8))
        case _:
            return rng.randint(0, 6) / 4


def random_game(rng: random.Random, n: int) -> CharacteristicFunctionGame:
    """Draw a game: many or no ties, weights and disagreement equal or not, some coalitions without feasible payoff."""
    style = rng.choice(["whole", "growing", "few", "real", "equal", "quarters"])
    weights = [1.0] * n if rng.random() < 0.4 else [rng.choice([1.0, 2.0, 3.0, 0.5]) for _ in range(n)]
    floor = [0.0] * n if rng.random() < 0.5 else [rng.choice([0.0, 1.0, -1.0, 0.5]) for _ in range(n)]
    worths = {}
    for coalition in range(1, 1 << n):
        size, total = coalition.bit_count(), sum(d for i, d in enumerate(floor) if coalition >> i & 1)
        worths[coalition] = total + (gain(rng, style, size) if size == 1 or rng.random() > 0.1 else -1.0)
    game = CharacteristicFunctionGame(Players.of(n, weights, floor), worths)
    return game if rng.random() < 0.5 else with_slack(game, rng.choice(ABOVE))


def required_of_all(game: CharacteristicFunctionGame) -> float:
    """Return the required worth of the grand coalition."""
    levels = threat_levels(worth_array(game), game.players.weights, game.players.disagreement)
    return float(required_worths(levels)[-1])


def with_slack(game: CharacteristicFunctionGame, slack: float) -> CharacteristicFunctionGame:
    """Return the game in which the grand coalition has so much more than it needs."""
    worths = {**game.worths, game.players.everyone: required_of_all(game) + slack}
    return CharacteristicFunctionGame(game.players, worths)
