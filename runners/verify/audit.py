"""A viability map under verification: the game, its tables, and what follows from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import ExternalityGame, weights_within
from breakaway.runners.verify.divisions import Accuracy, asked_rows
from breakaway.runners.verify.forecasts import Forecasts
from breakaway.runners.verify.maps import MapTables, read_map
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.partitions import Lattice, parts
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.worths import Equilibrium, equilibria


@dataclass
class MapAudit:
    """Everything the checks of a viability map share."""

    game: ExternalityGame
    ledger: Ledger
    accuracy: Accuracy
    tables: MapTables
    lattice: Lattice
    equilibria: Mapping[Structure, Equilibrium]
    forecasts: Forecasts[float]
    required: dict[tuple[Structure, Coalition], float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, game: ExternalityGame, tables: Mapping[str, pd.DataFrame], tolerance: float, effort: float) -> MapAudit:
        """Read the tables, enumerate the structures and solve the equilibrium of each."""
        lattice = Lattice(len(game.players))
        solved = equilibria(game, lattice.structures)
        scale = max((float(np.abs(worths).max()) for worths, _ in solved.values()), default=0.0) or 1.0
        ledger = Ledger(scale)
        claims = read_map(tables, game.players, ledger)
        viable = frozenset(pi for pi, row in claims.structures.items() if row[1])
        forecasts = Forecasts(lattice, viable, claims.payoffs)
        return cls(game, ledger, Accuracy(tolerance, scale, effort), claims, lattice, solved, forecasts)

    def name(self, structure: Structure, block: Coalition) -> str:
        """Name a block within a structure, for messages."""
        return f"{self.game.players.coalition_name(block)} in {self.game.players.structure_name(structure)}"

    def worth(self, structure: Structure, block: Coalition) -> float:
        """Return the recomputed worth of a block."""
        return float(self.equilibria[structure][0][structure.index(block)])

    def division(self, structure: Structure, block: Coalition) -> Division:
        """Return the division problem of a block against the threats of all its parts.

        In the finest structure every player gets its worth by definition, be it less than disagreement.
        """
        worth = self.worth(structure, block)
        floor = np.array(self.game.players.of_members(self.game.players.disagreement, block))
        if len(structure) == len(self.game.players):
            floor = np.minimum(floor, worth)
        asked = [
            asked_rows(block, part, payoffs)
            for part in parts(block)
            for payoffs in self.forecasts.threats(structure, block, part).values()
        ]
        joined = np.concatenate(asked) if asked else np.empty((0, len(members(block))))
        return Division(worth, floor, np.array(weights_within(self.game, block)), joined)
