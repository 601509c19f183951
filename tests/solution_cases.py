"""What the tests of single solution concepts share: a game by hand, random games, payoffs of an answer, tampering."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import pandas as pd

from breakaway.data.coalitions import members
from breakaway.data.games import Players, Threat, ThreatGame, TotalWorth
from breakaway.results.records import Answer
from breakaway.runners.comparison import solve_concepts

FIRMS = ThreatGame(
    Players.of(3),
    TotalWorth(16.0),
    (Threat("1 alone", 0b001, (9.0,)), Threat("2 alone", 0b010, (4.0,)), Threat("1 and 2", 0b011, (5.0, 6.0))),
)
"""Three firms share 16; by hand: docs/solutions.md."""


def payoffs(answer: Answer, concept: str) -> list[tuple[float, ...]]:
    """Return the solutions of a concept, players in the order of the answer."""
    frame = answer.tables["solutions"].query("concept == @concept")
    return [tuple(rows["payoff"]) for _, rows in frame.groupby("solution")]


def solved(game: ThreatGame, *names: str) -> Answer:
    """Solve a game by concepts."""
    return solve_concepts(game, names)


def random_total_games(count: int, seed: int, most: int = 4) -> Iterator[ThreatGame]:
    """Yield games that share a total worth, in small whole numbers, so that ties and knife edges occur."""
    rng = random.Random(seed)
    for _ in range(count):
        n = rng.randint(2, most)
        d = [float(rng.choice([0, 0, 1, -1])) for _ in range(n)]
        threats: list[Threat] = []
        for coalition in range(1, (1 << n) - 1):
            for _ in range(rng.choice([0, 0, 1, 1, 2])):
                asked = tuple(d[i] + rng.randint(0, 3) for i in members(coalition))
                threats.append(Threat(f"t{len(threats)}", coalition, asked))
        weights = [rng.choice([1.0, 1.0, 2.0]) for _ in range(n)]
        worth = TotalWorth(sum(d) + rng.randint(2, 4 * n))
        yield ThreatGame(Players.of(n, weights, d), worth, tuple(threats))


def tampered(tables: Mapping[str, pd.DataFrame], table: str, column: str, change: float) -> dict[str, pd.DataFrame]:
    """Return the tables with the first number of a column changed."""
    frame = tables[table].copy()
    frame[column] = frame[column].astype(float)
    frame.iloc[0, frame.columns.get_loc(column)] += change
    return {**tables, table: frame}
