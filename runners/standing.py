"""Where a payoff vector stands: in the core or not, blocked by a credible threat or not, in the prekernel or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from breakaway.data.coalitions import members
from breakaway.data.games import CharacteristicFunctionGame
from breakaway.results.tables import TABLES
from breakaway.runners.concepts.question import Question, UndefinedError
from breakaway.runners.ordered import subset_sums

COLUMNS = TABLES["comparison"]["standing"].columns


class Standing(NamedTuple):
    """The standing of one payoff vector; None where the game does not define it.

    ``core_excess`` is the largest v(S) - x(S) over coalitions S other than the grand one, attained by
    ``core_coalition``; ``threat_gain`` the largest over threats (T, y) of the least y_i - x_i, attained by
    ``breakaway``, which walks away when it is positive.
    """

    in_core: bool | None
    core_coalition: str | None
    core_excess: float | None
    unblocked: bool | None
    breakaway: str | None
    threat_gain: float | None
    in_prekernel: bool | None


def standing_of(question: Question, payoffs: Sequence[float]) -> Standing:
    """Return where a payoff vector stands."""
    x = np.asarray(payoffs, dtype=float)
    core: tuple[bool | None, str | None, float | None] = (None, None, None)
    prekernel = None
    if isinstance(question.game, CharacteristicFunctionGame):
        excess = question.worths - subset_sums(x)
        core, prekernel = _core(question, excess), _prekernel(question, excess)
    return Standing(*core, *_blocking(question, x), prekernel)


def standing_table(rows: Sequence[tuple[str, int, Standing]]) -> pd.DataFrame:
    """Return the table of standings of (concept, number of the solution, standing)."""
    frame = pd.DataFrame([(name, number, *standing) for name, number, standing in rows], columns=list(COLUMNS))
    flags = ["in_core", "unblocked", "in_prekernel", "core_coalition", "breakaway"]
    return frame.astype(dict.fromkeys(flags, object))


def _core(question: Question, excess: np.ndarray) -> tuple[bool | None, str | None, float | None]:
    over = -float(excess[-1])
    inner = excess[1:-1]
    if not len(inner):
        return abs(over) <= question.eps, None, None
    worst = int(inner.argmax()) + 1
    name = question.players.coalition_name(worst)
    return bool(excess[worst] <= question.eps and abs(over) <= question.eps), name, float(excess[worst])


def _blocking(question: Question, x: np.ndarray) -> tuple[bool | None, str | None, float | None]:
    try:
        threats = question.threat_game.threats
    except UndefinedError:
        return None, None, None
    if not threats:
        return True, None, None
    gains = [min(y - x[i] for i, y in zip(members(t.coalition), t.payoffs, strict=True)) for t in threats]
    worst = int(np.argmax(gains))
    name = question.players.coalition_name(threats[worst].coalition)
    return bool(gains[worst] <= question.eps), name, float(gains[worst])


def _prekernel(question: Question, excess: np.ndarray) -> bool:
    """Tell whether the surpluses of every pair against each other balance (Davis and Maschler 1965)."""
    n = len(question.players)
    if abs(float(excess[-1])) > question.eps:
        return False
    masks = np.arange(1 << n)
    holds = [(masks >> i) & 1 == 1 for i in range(n)]

    def surplus(i: int, j: int) -> float:
        return float(excess[holds[i] & ~holds[j]].max())

    return all(abs(surplus(i, j) - surplus(j, i)) <= n * question.eps for i in range(n) for j in range(i))
