"""Games with known cores, nucleoli and Shapley values, random ones, and what their tests share."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import coopgame
import numpy as np
import pandas as pd

from breakaway.data.coalitions import coalition_of, members
from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.results.records import Answer
from breakaway.runners.asking import HowToSolve
from breakaway.runners.comparison import solve_concepts
from breakaway.runners.concepts import Question
from breakaway.runners.verify.comparison import verify_comparison

Worth = Callable[[tuple[int, ...]], float]


def game_by(n: int, worth: Worth) -> CharacteristicFunctionGame:
    """Make a game from a function of the members, numbered from 1."""
    inside = {s: tuple(i + 1 for i in members(s)) for s in range(1, 1 << n)}
    return CharacteristicFunctionGame(Players.of(n), {s: float(worth(group)) for s, group in inside.items()})


def listed(n: int, worths: Mapping[str, float]) -> CharacteristicFunctionGame:
    """Make a game from worths like {"12": 1.0}; coalitions that are not listed are worth 0."""
    given = {coalition_of(int(i) - 1 for i in name): float(worth) for name, worth in worths.items()}
    return CharacteristicFunctionGame(Players.of(n), {s: given.get(s, 0.0) for s in range(1, 1 << n)})


def bankruptcy(estate: float, claims: Sequence[float]) -> CharacteristicFunctionGame:
    """O'Neill's game: a coalition is worth what the claims of the others leave."""
    return game_by(
        len(claims), lambda s: max(0.0, estate - sum(c for i, c in enumerate(claims, start=1) if i not in s))
    )


def voting(quota: float, weights: Sequence[float]) -> CharacteristicFunctionGame:
    """A coalition is worth 1 when its votes reach the quota."""
    return game_by(len(weights), lambda s: float(sum(weights[i - 1] for i in s) >= quota))


def savings(cost: Worth, n: int) -> CharacteristicFunctionGame:
    """A coalition is worth what it saves by sharing a cost."""
    return game_by(n, lambda s: sum(cost((i,)) for i in s) - cost(s))


GLOVES = listed(3, {"12": 1, "13": 1, "123": 1})
EXAMPLE_5 = listed(3, {"12": 0.8, "13": 0.8, "23": 0.8, "123": 1})
EXAMPLE_6 = listed(3, {"12": 0.8, "123": 1})
MAJORITY_5 = game_by(5, lambda s: float(len(s) >= 3))
COUNCIL = voting(37, [7, 7, 7, 7, 7, 1, 1, 1, 1, 1, 1])
"""The Security Council until 1965: five members with a veto, and two votes of the other six are needed."""

RUNWAYS = (3.0, 5.0, 8.0, 12.0)
AIRPORT = savings(lambda s: max(RUNWAYS[i - 1] for i in s), 4)
"""Littlechild and Owen (1973): airliners that need runways of different cost."""

THREE_AGAINST_TWO = game_by(5, lambda s: float({1, 2, 3} <= set(s) or ({4, 5} <= set(s) and len(s) >= 3)))
"""1, 2 and 3 together win, and so do 4 and 5 with any of them: a simple game that is no voting game."""

BANKRUPTCY = {estate: bankruptcy(estate, (100, 200, 300)) for estate in (100, 200, 300)}
"""The three estates of the Mishna."""

NO_IMPUTATION = listed(3, {"1": 0.5, "2": 0.5, "12": 0.6, "123": 0.9})

CASES = {
    "gloves": GLOVES,
    "example 5": EXAMPLE_5,
    "example 6": EXAMPLE_6,
    "majority of five": MAJORITY_5,
    "council": COUNCIL,
    "airport": AIRPORT,
    "three against two": THREE_AGAINST_TWO,
    **{f"estate {estate}": game for estate, game in BANKRUPTCY.items()},
}


def random_game(seed: int) -> CharacteristicFunctionGame:
    """Make a game of 3 to 6 players: convex, with a large grand coalition, unbalanced, or with negative worths."""
    rng = np.random.default_rng(seed)
    n, sort = int(rng.integers(3, 7)), seed % 4
    base = rng.integers(0, 12, n)

    def worth(group: tuple[int, ...]) -> float:
        size = len(group)
        match sort:
            case 0:
                return float(sum(base[i - 1] for i in group)) ** 2 / 10
            case 1:
                return float(rng.integers(0, 10)) * size**0.5 // 0.25 / 4 + (60 if size == n else 0)
            case 2:
                return float(rng.integers(0, 20)) / 2
            case _:
                return float(rng.normal(0, 3))

    game = game_by(n, worth)
    alone = [game.worths[1 << i] for i in range(n)]
    return dataclasses.replace(game, players=Players.of(n, None, [min(0.0, own) for own in alone]))


def ask(game: CharacteristicFunctionGame) -> Question:
    return Question(game, HowToSolve())


def theirs(game: CharacteristicFunctionGame) -> coopgame.Game:
    """Return the same game for coopgame, whose order of coalitions is ours."""
    return coopgame.Game([game.worths[s] for s in range(1, len(game.worths) + 1)])


def has_imputation(game: CharacteristicFunctionGame) -> bool:
    return sum(game.worths[1 << i] for i in range(len(game.players))) <= game.worths[game.players.everyone] + 1e-12


def scale(game: CharacteristicFunctionGame) -> float:
    return max(1.0, *(abs(worth) for worth in game.worths.values()))


def solved(game: CharacteristicFunctionGame, *concepts: str) -> Answer:
    return solve_concepts(game, concepts, HowToSolve(verify=False))


def failing(game: CharacteristicFunctionGame, answer: Answer, **tables: pd.DataFrame) -> set[str]:
    """Return the claims that fail when these tables replace those of an answer."""
    checks = verify_comparison(game, {**answer.tables, **tables}).checks
    return set(checks[checks["failed"] > 0]["claim"])


def changed(frame: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    """Return a copy with one cell changed."""
    copy = frame.copy()
    copy[column] = copy[column].astype(object)
    copy.loc[copy.index[row], column] = value
    return copy


def moved(game: CharacteristicFunctionGame, factor: float, shift: float) -> CharacteristicFunctionGame:
    """Return factor v(S) + shift |S|."""
    worths = {s: factor * worth + shift * s.bit_count() for s, worth in game.worths.items()}
    disagreement = [factor * d + shift for d in game.players.disagreement]
    players = Players.of(game.players.names, game.players.weights, disagreement)
    return dataclasses.replace(game, players=players, worths=worths)


def permutations_mean(game: CharacteristicFunctionGame) -> list[float]:
    """Return the mean marginal contribution over all orders, one order at a time."""
    n = len(game.players)
    sums = [0.0] * n
    for order in itertools.permutations(range(n)):
        before = 0
        for i in order:
            sums[i] += game.worths[before | 1 << i] - game.worths.get(before, 0.0)
            before |= 1 << i
    return [value / math.factorial(n) for value in sums]
