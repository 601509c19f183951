"""What the tests of section 5 share: reference cases and random characteristic functions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from breakaway.data.coalitions import coalition_of, members
from breakaway.data.games import CharacteristicFunctionGame, Players

CASES = json.loads((Path(__file__).parent / "reference" / "theorem_cases.json").read_text(encoding="utf-8"))


def mask(key: str) -> int:
    """Return the coalition that a key of a reference case names."""
    return coalition_of(int(player) - 1 for player in key.split(","))


def game_of(case: Mapping[str, Any]) -> CharacteristicFunctionGame:
    """Return the game of a reference case."""
    inputs = case["inputs"]
    worths = {mask(key): worth for key, worth in inputs["worth"].items()}
    gamma = inputs["weights"]["gamma"]
    if inputs["weights"]["type"] == "consistent":
        return CharacteristicFunctionGame(Players.of(inputs["n"], gamma), worths)
    weights = {mask(key): tuple(map(float, row)) for key, row in gamma.items()}
    return CharacteristicFunctionGame(Players.of(inputs["n"]), worths, weights)


def random_worths(draw: random.Random, n: int, style: int) -> dict[int, float]:
    """Return worths: hundredths growing with size, small integers, superadditive-looking, or few and simple."""
    everyone = (1 << n) - 1
    worths: dict[int, float] = {}
    for s in range(1, everyone + 1):
        size = s.bit_count()
        match style:
            case 0:
                worths[s] = round(draw.random() * size, 2)
            case 1:
                worths[s] = float(draw.randint(0, 9))
            case 2:
                worths[s] = round((0.5 + draw.random()) * size**1.3, 2)
            case _:
                worths[s] = float(draw.choice([0, 0, 0, 1, 2]))
    if style == 3:
        worths[everyone] = max(worths.values()) + draw.choice([0.0, 0.5, 1.0])
    return worths


def random_games(seed: int, count: int, sizes: tuple[int, ...] = (3, 4, 5)) -> Iterator[CharacteristicFunctionGame]:
    """Yield games with equal weights and d = 0, in turn of each size and style."""
    draw = random.Random(seed)
    for k in range(count):
        n = sizes[k % len(sizes)]
        yield CharacteristicFunctionGame(Players.of(n), random_worths(draw, n, k // len(sizes) % 4))


def random_weights(
    draw: random.Random, game: CharacteristicFunctionGame, consistent: bool
) -> CharacteristicFunctionGame:
    """Return a game with random weights, one per player or one per player and coalition."""
    players = game.players
    if consistent:
        weights = [float(draw.randint(1, 5)) for _ in players.names]
        return CharacteristicFunctionGame(Players.of(players.names, weights, players.disagreement), game.worths)
    own = {s: tuple(float(draw.randint(1, 5)) for _ in members(s)) for s in game.worths}
    return CharacteristicFunctionGame(players, game.worths, own)
