"""The recursion of section 3.2 for games in strategic form without transfers: all Nash-in-Nash equilibria.

Steps, numbered as in :mod:`breakaway.runners.recursion`:

1. The finest structure is viable; its equilibria are the Nash equilibria in pure actions.
2. For m = n - 1 down to 1 coalitions, for every structure pi with m coalitions:
3. for every S in pi and every T strictly inside S, pi^T replaces S by T and S - T;
4. if pi^T is viable, T threatens with its payoffs in every equilibrium of pi^T (8);
5. otherwise with its payoffs in every equilibrium of the coarsest viable structures that refine pi^T (9);
6. a profile is an equilibrium iff the joint action of every S is admissible (payoffs at least d, unblocked by every
   threat) and has the largest Nash product among the admissible answers to the others' actions (7); pi is viable iff
   it has one;
7. the answer is the coarsest viable structures and their equilibria.

An equilibrium is a whole profile: what S gets depends on the actions of the others, so equilibria are no products of
solutions of single coalitions. Profiles are worked through as arrays, an axis for each coalition.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure, members, structure_of
from breakaway.data.games import StrategicFormGame, weights_within
from breakaway.runners.lattice import DistinctRefinements, Lattice, PlayerTypes
from breakaway.runners.search import TIE
from breakaway.runners.solvers import LimitReachedError, SolveError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


class NoEquilibriumError(SolveError):
    """A structure has no equilibrium in pure actions, or none that counts; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a breakaway T expects in one structure: its distinct payoff vectors there, shape (vectors, members of T)."""

    breakaway: Coalition
    structure: Structure
    vectors: FloatArray


@dataclass(frozen=True, slots=True)
class Judged:
    """A structure judged: its equilibria as action numbers (equilibria, blocks), their payoffs (equilibria, players).

    ``standing[k]`` tells whether block k has an admissible joint action against some actions of the others.
    """

    structure: Structure
    equilibria: IntArray
    payoffs: FloatArray
    standing: tuple[bool, ...]

    @property
    def viable(self) -> bool:
        """Whether there is an equilibrium."""
        return len(self.equilibria) > 0


@dataclass(slots=True)
class StrategicMap:
    """Every structure judged so far, finest first, with what breakaways expect from them."""

    game: StrategicFormGame
    eps: float
    lattice: Lattice = field(init=False)
    judged: list[Judged] = field(default_factory=list)
    _refinements: DistinctRefinements = field(init=False)
    _number: dict[Structure, int] = field(default_factory=dict)
    _outcomes: dict[int, list[Judged]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Build the lattice of structures."""
        self.lattice = Lattice(PlayerTypes.distinct(len(self.game.players)))
        self._refinements = DistinctRefinements(self.lattice)

    def enter(self, judged: Judged) -> None:
        """Record the next structure."""
        number = len(self.judged)
        self.judged.append(judged)
        self._number[judged.structure] = number
        self._refinements.add(number, judged.viable)

    def outcomes(self, structure: Structure) -> list[Judged]:
        """Return the structure when it is viable, otherwise its coarsest viable refinements: steps 4 and 5."""
        number = self._number[structure]
        if number not in self._outcomes:
            self._outcomes[number] = [self.judged[k] for k in self._refinements.coarsest(number)]
        return self._outcomes[number]

    def coarsest(self) -> set[Structure]:
        """Return the coarsest viable structures: step 7."""
        return {judged.structure for judged in self.outcomes((self.game.players.everyone,))}

    def forecasts(self, structure: Structure, block: Coalition) -> Iterator[Forecast]:
        """Yield what every breakaway of a block expects, small breakaways first."""
        others = [other for other in structure if other != block]
        parts = [part for split in self.lattice.moves(block) for part in split[:2]]
        for part in sorted(parts, key=lambda t: (t.bit_count(), members(t))):
            columns = list(members(part))
            for outcome in self.outcomes(structure_of([*others, part, block ^ part])):
                yield Forecast(part, outcome.structure, distinct_rows(outcome.payoffs[:, columns]))


def distinct_rows(rows: FloatArray) -> FloatArray:
    """Return the distinct rows in the order in which they first appear."""
    if len(rows) == 1:
        return rows
    first = np.unique(rows, axis=0, return_index=True)[1]
    found: FloatArray = rows[np.sort(first)]
    return found


def scale_of_payoffs(game: StrategicFormGame) -> float:
    """Return the largest payoff in absolute value, to which tolerances are relative, or 1."""
    largest = max(float(np.abs(values).max()) for values in game.payoffs.values())
    return max(largest, *(abs(d) for d in game.players.disagreement)) or 1.0


def judge_strategic(result: StrategicMap, time_limit: float | None = None) -> None:
    """Judge every structure, from the finest up; ``result`` holds what is judged at any time.

    Raises
    ------
    NoEquilibriumError
        When the players have no Nash equilibrium in pure actions as they stand alone.
    LimitReachedError
        When the time limit, in seconds, is reached.
    """
    deadline = math.inf if time_limit is None else time.monotonic() + time_limit
    total = len(result.lattice.patterns)
    for pattern in result.lattice.patterns:
        judged = judge_structure(result, structure_of(pattern))
        if not result.judged and not judged.viable:
            raise NoEquilibriumError(no_ground(result.game, judged.structure))
        result.enter(judged)
        if time.monotonic() > deadline and len(result.judged) < total:
            raise LimitReachedError(
                f"the time limit of {time_limit:g} s was reached after {len(result.judged)} of {total} structures; "
                f"give more time"
            )


def no_ground(game: StrategicFormGame, finest: Structure) -> str:
    """Say that the recursion cannot start."""
    return (
        f"{game.players.structure_name(finest)} has no Nash equilibrium in pure actions, from which every threat is "
        f"derived; mixed actions are not formed: list those that matter as actions, with their expected payoffs"
    )


def judge_structure(result: StrategicMap, structure: Structure) -> Judged:
    """Find all equilibria of a structure: step 6."""
    game = result.game
    payoffs = game.payoffs_in(structure)
    stable = np.ones(payoffs.shape[:-1], dtype=bool)
    standing = []
    for k, block in enumerate(structure):
        allowed = admissible(payoffs, block, list(result.forecasts(structure, block)), game, result.eps)
        standing.append(bool(allowed.any()))
        stable &= allowed
        if stable.any():
            stable &= best_answers(payoffs, k, block, allowed, game, result.eps)
    equilibria = np.argwhere(stable)
    return Judged(structure, equilibria, payoffs[tuple(equilibria.T)], tuple(standing))


def admissible(
    payoffs: FloatArray, block: Coalition, forecasts: list[Forecast], game: StrategicFormGame, eps: float
) -> BoolArray:
    """Tell at which profiles the payoffs of a block are at least d and unblocked: x_i >= y_i for some i in T."""
    allowed: BoolArray = np.ones(payoffs.shape[:-1], dtype=bool)
    for player in members(block):
        allowed &= payoffs[..., player] >= game.players.disagreement[player] - eps
    asked: dict[Coalition, list[FloatArray]] = {}
    for forecast in forecasts:
        asked.setdefault(forecast.breakaway, []).append(forecast.vectors)
    for part, vectors in asked.items():
        for vector in hardest(np.concatenate(vectors)):
            allowed &= declined(payoffs, part, vector, eps)
    return allowed


def declined(payoffs: FloatArray, part: Coalition, vector: FloatArray, eps: float) -> BoolArray:
    """Tell at which profiles some member of T gets at least what the threat offers."""
    found: BoolArray = np.zeros(payoffs.shape[:-1], dtype=bool)
    for player, asked in zip(members(part), vector.tolist(), strict=True):
        found |= payoffs[..., player] >= asked - eps
    return found


def hardest(vectors: FloatArray) -> FloatArray:
    """Return the threats of one coalition that no other of its threats implies: the undominated vectors."""
    if len(vectors) == 1:
        return vectors
    if vectors.shape[1] == 1:
        most: FloatArray = vectors.max(axis=0, keepdims=True)
        return most
    left = np.unique(vectors, axis=0)
    left = left[np.argsort(-left.sum(axis=1), kind="stable")]
    kept = []
    while len(left):
        kept.append(left[0])
        left = left[(left > left[0]).any(axis=1)]
    return np.array(kept)


def best_answers(
    payoffs: FloatArray, axis: int, block: Coalition, allowed: BoolArray, game: StrategicFormGame, eps: float
) -> BoolArray:
    """Tell at which profiles the joint action of a block is a best admissible answer to the others' actions.

    The logarithms of Nash products tie within ``TIE``; a gain of at most ``eps`` is none, and where the best product
    is zero every admissible answer is best. A player alone maximises its payoff; payoffs tie within ``eps``.
    """
    values, tie = _log_products(payoffs, block, game, eps), TIE
    if block.bit_count() == 1:
        values, tie = payoffs[..., members(block)[0]], eps
    best = np.where(allowed, values, -np.inf).max(axis=axis, keepdims=True)
    found: BoolArray = allowed & (values >= best - tie)
    return found


def _log_products(payoffs: FloatArray, block: Coalition, game: StrategicFormGame, eps: float) -> FloatArray:
    total: FloatArray = np.zeros(payoffs.shape[:-1])
    for player, weight in zip(members(block), weights_within(game, block), strict=True):
        gain = payoffs[..., player] - game.players.disagreement[player]
        total += weight * np.log(gain, out=np.full(gain.shape, -np.inf), where=gain > eps)
    return total
