"""Linear programmes with a row for each coalition, solved with the rows that matter.

A game of 16 players has 65,534 coalitions besides the grand one, of which a few dozen bind. The programme is written
for some of them and solved; coalitions that its payoffs leave short are added; when there are none, the optimum is that
of the whole programme.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition
from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.runners.concepts.question import Question, UndefinedError
from breakaway.runners.ordered import subset_sums
from breakaway.runners.solvers import NumericalError, solve_model

MOST_PLAYERS = 16
"""Most players of a game whose coalitions are asked for."""

FEW_COALITIONS = 126
"""Up to this many coalitions all have a row from the start."""

SHORT = 1e-9
"""A coalition that is short by more than this, relative to the scale of the game, gets a row."""

POSITIVE = 1e-7
"""Duals above this are taken for positive; weights of balanced collections of 16 players are far larger."""

ROWS_PER_PLAYER = 6
"""Rows for each player that a round adds: those most short at its payoffs, and as many at the mean of all rounds so
far, recent ones weighing more, which keeps the payoffs from jumping between corners."""

GROWTH = 1.25
"""By how much more rows each round adds than the one before."""

MOST_ROUNDS = 200
"""Rounds after which the solver's tolerance must be to blame."""

Build = Callable[[Sequence[Coalition]], pyo.ConcreteModel]


def tabled_game(question: Question) -> CharacteristicFunctionGame:
    """Return the game, a characteristic function within reach.

    Raises
    ------
    UndefinedError
        When the game has no characteristic function, or too many players.
    """
    if not isinstance(question.game, CharacteristicFunctionGame):
        raise UndefinedError("a worth for every coalition is needed, which a game with given threats does not have")
    if len(question.players) > MOST_PLAYERS:
        raise UndefinedError(f"is computed up to {MOST_PLAYERS} players")
    return question.game


def scaled_game(question: Question) -> CharacteristicFunctionGame:
    """Return the game in units of about its largest number, for solvers; the factor is a power of two, so exact."""
    game, factor = tabled_game(question), scale_factor(question)
    players = Players(
        game.players.names, game.players.weights, tuple(payoff * factor for payoff in game.players.disagreement)
    )
    worths = {coalition: worth * factor for coalition, worth in game.worths.items()}
    return CharacteristicFunctionGame(players, worths, game.coalition_weights)


def scale_factor(question: Question) -> float:
    """Return the power of two by which the solvers' units are larger than the game's."""
    return float(2.0 ** -round(math.log2(question.scale)))


def solve_by_rows(question: Question, build: Build, candidates: Sequence[Coalition]) -> pyo.ConcreteModel:
    """Solve a linear programme over all candidates, with rows only for those that matter.

    Parameters
    ----------
    question
        The game; its worths are scaled as in :func:`scaled_game`.
    build
        Writes the programme for some of the coalitions. The model has ``payoff`` and, when a coalition may be short,
        ``excess``.
    candidates
        The coalitions that are asked for. If the programme could be unbounded with few rows, they come with their
        complements.

    Returns
    -------
    The model, solved, with duals for the rows that it has.

    Raises
    ------
    SolveError
        When the solver fails.
    """
    worths = question.worths * scale_factor(question)
    everyone = question.players.everyone
    asked = np.asarray(candidates)
    rows = _first_rows(asked, everyone)
    options = question.how.options
    options = options.replace(tolerance=min(options.tolerance, SHORT))
    centre: np.ndarray | None = None
    for turn in range(MOST_ROUNDS):
        model = build([int(row) for row in rows])
        solve_model(model, options, solver="highs")
        payoffs = np.array([pyo.value(payoff) for payoff in model.payoff.values()])
        allowed = pyo.value(model.excess) if hasattr(model, "excess") else 0.0
        fresh = np.setdiff1d(asked, rows, assume_unique=True)
        short = (worths - subset_sums(payoffs))[fresh] - allowed
        if not (short > SHORT).any():
            return model
        centre = payoffs if centre is None else (payoffs + centre) / 2
        there = (worths - subset_sums(centre))[fresh]
        more = int(ROWS_PER_PLAYER * len(payoffs) * GROWTH**turn)
        rows = np.concatenate([rows, np.union1d(_worst(fresh, short, more), _worst(fresh, there, more))])
    raise NumericalError(f"highs: coalitions are still short after {MOST_ROUNDS} rounds: loosen tolerance")


def _worst(coalitions: np.ndarray, short: np.ndarray, most: int) -> np.ndarray:
    """Return the coalitions that are most short."""
    return coalitions[np.argsort(-short, kind="stable")[:most]]


def _first_rows(asked: np.ndarray, everyone: Coalition) -> np.ndarray:
    """Return all coalitions when they are few; else single players, what they leave, and one with its complement."""
    if len(asked) <= FEW_COALITIONS:
        return asked
    single = np.array([bit for k in range(everyone.bit_length()) for bit in (1 << k, everyone ^ (1 << k))])
    first = np.array([asked[0], everyone ^ int(asked[0])])
    return np.intersect1d(asked, np.concatenate([single, first]))


def positive_duals(
    question: Question, model: pyo.ConcreteModel, component: pyo.Constraint
) -> tuple[list[Coalition], list[float]]:
    """Return the coalitions whose rows have a positive dual, the largest first, and these duals."""
    named = {question.players.coalition_name(1 << i): 1 << i for i in range(len(question.players))}
    found = []
    for name, row in component.items():
        dual = float(model.dual.get(row, 0.0))
        if dual > POSITIVE:
            found.append((dual, sum(named[player] for player in str(name).split("+"))))
    found.sort(key=lambda pair: (-pair[0], pair[1]))
    return [coalition for _, coalition in found], [dual for dual, _ in found]
