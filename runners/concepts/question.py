"""What a solution concept is asked about, and what it says: the game, its endogenous threats, the payoffs found.

A concept takes a :class:`Question` and returns :class:`Found`, or raises :class:`UndefinedError` when the game is not
of the sort that it is defined for. Everything that several concepts need (worths by coalition, the recursion (31)-(32),
the threats that the grand coalition faces, its least unblocked payoffs) is computed once, by the question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from breakaway.data.coalitions import members
from breakaway.data.games import CharacteristicFunctionGame, Payoffs, Players, Threat, ThreatGame, TotalWorth
from breakaway.runners.asking import HowToSolve
from breakaway.runners.characteristic import CoalitionSolutions, divide_all
from breakaway.runners.division import BlockProblem
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.minimal_bounds import minimal_bounds
from breakaway.runners.ordered import worth_array
from breakaway.runners.search import Number
from breakaway.runners.setting import player_types, scale_of_game
from breakaway.runners.threat_game import block_problem, game_scale

MOST_RECURSIVE = 10
"""Up to this many players the recursion is run for the threats that a concept needs."""


class UndefinedError(Exception):
    """The concept is not defined for the game, or out of reach at its size; the message says why."""


@dataclass(frozen=True)
class Found:
    """What a solution concept says of a game.

    Attributes
    ----------
    payoffs
        Payoff vectors over all players: the solutions, sorted; for a ``polytope`` its vertices, or one of its points
        when ``complete`` is false. Empty when no payoff vector satisfies the concept.
    shape
        ``points``: the solution set is these points. ``polytope``: it is their convex hull.
    complete
        Whether every solution (every vertex) is listed.
    value, bound
        What the concept optimises, at its solution, and the proven bound of it; None where it optimises nothing.
    tables
        Further result tables, by name, as declared in :mod:`breakaway.results.tables`.
    note
        One sentence: why there is no solution, or what is to be known about those there are.
    """

    payoffs: tuple[Payoffs, ...]
    shape: Literal["points", "polytope"] = "points"
    complete: bool = True
    value: float | None = None
    bound: float | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Question:
    """A game, how to solve it, and what concepts share."""

    game: CharacteristicFunctionGame | ThreatGame
    how: HowToSolve
    shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What a family of concepts found and another concept of it may use."""

    @property
    def players(self) -> Players:
        """The players, with the weights and disagreement payoffs of the grand coalition."""
        return self.game.players

    @cached_property
    def scale(self) -> float:
        """The largest magnitude in the game, in its unit of payoff."""
        game = self.game
        return game_scale(game) if isinstance(game, ThreatGame) else scale_of_game(game)

    @property
    def eps(self) -> float:
        """The tolerance in the game's unit of payoff."""
        return self.how.options.tolerance * self.scale

    @cached_property
    def weights(self) -> np.ndarray:
        """Bargaining weights within the grand coalition, by player."""
        game = self.game
        if isinstance(game, CharacteristicFunctionGame):
            return np.array(game.coalition_weights.get(self.players.everyone, self.players.weights))
        return np.array(self.players.weights)

    @cached_property
    def disagreement(self) -> np.ndarray:
        """Disagreement payoffs, by player."""
        return np.array(self.players.disagreement)

    @cached_property
    def worths(self) -> np.ndarray:
        """v(S) by coalition, as an array indexed by bitmask; v of the empty coalition is 0.

        Raises
        ------
        UndefinedError
            When the game has no characteristic function.
        """
        if not isinstance(self.game, CharacteristicFunctionGame):
            raise UndefinedError("a worth for every coalition is needed, which a game with given threats does not have")
        return worth_array(self.game)

    @property
    def worth(self) -> float:
        """What the grand coalition shares.

        Raises
        ------
        UndefinedError
            When its feasible set is not a total worth.
        """
        if isinstance(self.game, ThreatGame):
            if not isinstance(self.game.feasible, TotalWorth):
                raise UndefinedError("a total worth to share is needed; this game has another feasible set")
            return self.game.feasible.worth
        return float(self.game.worths[self.players.everyone])

    @cached_property
    def solved(self) -> CoalitionSolutions:
        """The recursion (31)-(32): every coalition divided.

        Raises
        ------
        UndefinedError
            When the game has no characteristic function, or too many players.
        """
        if not isinstance(self.game, CharacteristicFunctionGame):
            raise UndefinedError("a worth for every coalition is needed, which a game with given threats does not have")
        if len(self.players) > MOST_RECURSIVE:
            raise UndefinedError(f"needs the solution of every coalition, computed up to {MOST_RECURSIVE} players")
        alike = player_types(self.game) if self.how.identical else PlayerTypes.distinct(len(self.players))
        solved = CoalitionSolutions(alike)
        divide_all(self.game, self.how, self.eps, solved)
        return solved

    @property
    def recursion_ran(self) -> bool:
        """Whether some concept asked for the recursion."""
        return "solved" in self.__dict__

    @cached_property
    def threat_game(self) -> ThreatGame:
        """The game G = (F, Theta, d) of the grand coalition: its threats as given, or its subcoalitions' solutions."""
        if isinstance(self.game, ThreatGame):
            return self.game
        players = self.players
        threats = [
            Threat(f"{players.coalition_name(part)} {k}", part, tuple(float(payoff) for _, payoff in solution))
            for part in sorted(range(1, players.everyone), key=lambda c: (c.bit_count(), members(c)))
            for k, solution in enumerate(self.solved.solutions(part), start=1)
        ]
        return ThreatGame(
            Players(players.names, tuple(self.weights), players.disagreement), TotalWorth(self.worth), tuple(threats)
        )

    @cached_property
    def block(self) -> BlockProblem:
        """The division of the grand coalition's worth under its threats."""
        if not isinstance(self.threat_game.feasible, TotalWorth):
            raise UndefinedError("a total worth to share is needed; this game has another feasible set")
        return block_problem(self.threat_game, self.eps)

    @cached_property
    def bounds(self) -> tuple[tuple[Number, ...], ...]:
        """The least payoff vectors at or above which nothing is blocked, among those that the worth can pay.

        The unblocked set is the union of the boxes above them. Raises :class:`UndefinedError` when there are too many.
        """
        found = minimal_bounds(self.block)
        if found is None:
            raise UndefinedError("has too many ways of meeting the threats to list")
        return found


Solve = Callable[[Question], Found]


@dataclass(frozen=True)
class Concept:
    """A solution concept: its name on the command line, what it is, what its value is, and how it is computed."""

    name: str
    title: str
    source: str
    value: str
    solve: Solve
