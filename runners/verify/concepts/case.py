"""One concept under verification: the game, what the run says of the concept, and what verifiers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from breakaway.data.games import CharacteristicFunctionGame, Payoffs, ThreatGame, TotalWorth
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.divisions import Accuracy
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.record import Claim, Ledger
from breakaway.runners.verify.tables import number


@dataclass(frozen=True)
class Case:
    """What a run claims of one concept.

    ``payoffs`` is a matrix with a row for each solution (for a polytope: each vertex) and a column for each player;
    ``row`` the concept's line of the table ``concepts``; ``threats`` the threats of the grand coalition, as rows over
    the players with infinity for those who do not take part, None where they were out of reach.
    """

    concept: str
    game: CharacteristicFunctionGame | ThreatGame
    ledger: Ledger
    accuracy: Accuracy
    payoffs: Matrix
    row: Mapping[str, object]
    tables: Mapping[str, pd.DataFrame]
    threats: Matrix | None

    @property
    def eps(self) -> float:
        """The tolerance in units of payoff."""
        return self.accuracy.eps

    @property
    def status(self) -> str:
        """``solved``, ``empty``, ``undefined`` or ``unfinished``, as claimed."""
        return str(self.row["status"])

    @property
    def complete(self) -> bool:
        """Whether the run claims to list every solution."""
        return self.row["complete"] is True

    def number(self, column: str) -> float | None:
        """Return a number of the concept's line; None when there is none."""
        return number(self.row.get(column))

    def claim(self, what: str) -> Claim:
        """Return the claim with this name about this concept."""
        return self.ledger.claim(f"{self.concept}: {what}")

    @cached_property
    def worth(self) -> float:
        """What the grand coalition shares; infinity when its feasible set is not a total worth."""
        if isinstance(self.game, ThreatGame):
            return self.game.feasible.worth if isinstance(self.game.feasible, TotalWorth) else np.inf
        return float(self.game.worths[self.game.players.everyone])

    @cached_property
    def worths(self) -> Matrix:
        """v(S) indexed by bitmask, 0 for the empty coalition; zeros for a game with given threats."""
        worths = np.zeros(self.game.players.everyone + 1)
        if isinstance(self.game, CharacteristicFunctionGame):
            for coalition, worth in self.game.worths.items():
                worths[coalition] = worth
        return worths

    @cached_property
    def membership(self) -> Matrix:
        """Which players (columns) are in which coalition (rows, by bitmask)."""
        n = len(self.game.players)
        result: Matrix = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1 == 1
        return result

    def totals(self, x: Payoffs | Matrix) -> Matrix:
        """Return x(S) for every coalition, by bitmask."""
        result: Matrix = self.membership @ np.asarray(x, dtype=float)
        return result

    @cached_property
    def weights(self) -> Matrix:
        """Bargaining weights within the grand coalition."""
        game = self.game
        if isinstance(game, CharacteristicFunctionGame):
            return np.array(game.coalition_weights.get(game.players.everyone, game.players.weights))
        return np.array(game.players.weights)

    @cached_property
    def disagreement(self) -> Matrix:
        """Disagreement payoffs."""
        return np.array(self.game.players.disagreement)

    def division(self) -> Division:
        """Return the division problem of the grand coalition under its threats."""
        asked = np.empty((0, len(self.weights))) if self.threats is None else self.threats
        return Division(self.worth, self.disagreement, self.weights, asked)


Verifier = Callable[[Case], None]
