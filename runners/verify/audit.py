"""A viability map under verification: the game, its tables, and what follows from both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import ExternalityGame, Payoffs, weights_within
from breakaway.runners.verify.boxes import Chains, Matrix
from breakaway.runners.verify.divisions import Accuracy, asked_rows
from breakaway.runners.verify.exact import Exact
from breakaway.runners.verify.forecasts import Forecasts
from breakaway.runners.verify.maps import MapTables, read_map
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.partitions import Lattice, parts
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.worths import Equilibrium, equilibria


@dataclass
class Readings:
    """What every audit starts from: the tables as read, and the equilibrium of each structure solved afresh."""

    game: ExternalityGame
    ledger: Ledger
    accuracy: Accuracy
    tables: MapTables
    equilibria: Mapping[Structure, Equilibrium]

    @classmethod
    def of(
        cls,
        game: ExternalityGame,
        tables: Mapping[str, pd.DataFrame],
        structures: Iterable[Structure],
        tolerance: float,
        effort: float,
        exact: bool = False,
    ) -> Readings:
        """Read the tables and solve the equilibrium of each structure."""
        solved = equilibria(game, structures)
        scale = max((float(np.abs(worths).max()) for worths, _ in solved.values()), default=0.0) or 1.0
        ledger = Ledger(scale)
        claims = read_map(tables, game.players, ledger)
        return cls(game, ledger, Accuracy(tolerance, scale, effort, exact), claims, solved)


@dataclass
class Audit(ABC):
    """Everything the checks of a viability map share, be its structures listed one by one or by pattern."""

    readings: Readings
    required: dict[tuple[Structure, Coalition], float | None] = field(default_factory=dict)

    @property
    def game(self) -> ExternalityGame:
        """The game whose map it is."""
        return self.readings.game

    @property
    def ledger(self) -> Ledger:
        """Where the checks are counted."""
        return self.readings.ledger

    @property
    def accuracy(self) -> Accuracy:
        """The tolerances."""
        return self.readings.accuracy

    @property
    def tables(self) -> MapTables:
        """The tables as read."""
        return self.readings.tables

    @property
    def equilibria(self) -> Mapping[Structure, Equilibrium]:
        """The recomputed equilibria, by structure."""
        return self.readings.equilibria

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
        worth, columns = self.worth(structure, block), self.columns(block)
        floor = np.array([self.game.players.disagreement[player] for player in columns])
        if len(structure) == len(self.game.players):
            floor = np.minimum(floor, worth)
        weight = dict(zip(members(block), weights_within(self.game, block), strict=True))
        weights = np.array([weight[player] for player in columns])
        asked = self.threats_to(structure, block)
        joined = np.concatenate(asked) if asked else np.empty((0, len(columns)))
        return Division(worth, floor, weights, joined, self.chains(block))

    def columns(self, block: Coalition) -> Sequence[int]:
        """Return the members of a block in the order in which its divisions list them."""
        return members(block)

    def chains(self, block: Coalition) -> Chains:
        """Return the columns of a block whose payoffs ascend."""
        return ()

    def decided(self, structure: Structure, block: Coalition) -> list[Exact] | None:
        """Return the maximisers of a block in rational arithmetic; None where that is out of reach."""
        return None

    @abstractmethod
    def is_viable(self, structure: Structure) -> bool:
        """Tell whether a structure is claimed to be viable."""

    @abstractmethod
    def threats_to(self, structure: Structure, block: Coalition) -> list[Matrix]:
        """Return the threats of all parts of a block, as rows over its columns."""

    @abstractmethod
    def possible(self, structure: Structure, block: Coalition, part: Coalition, outcome: Structure) -> list[Payoffs]:
        """Return the payoffs that a part of a block has in an outcome of its breakaway; none if it is no outcome."""

    @abstractmethod
    def rows(self, block: Coalition, part: Coalition, payoffs: Payoffs) -> Matrix:
        """Return a threat of a part of a block as a row over the columns of the block."""

    @abstractmethod
    def solutions(self, structure: Structure, block: Coalition) -> list[Payoffs]:
        """Return the claimed solutions of a block, payoffs in the order of its columns."""


@dataclass
class MapAudit(Audit):
    """A map that lists every structure of players."""

    lattice: Lattice = field(kw_only=True)
    forecasts: Forecasts[float] = field(kw_only=True)
    decider: Callable[[Structure, Coalition], list[Exact] | None] | None = None

    @classmethod
    def of(
        cls,
        game: ExternalityGame,
        tables: Mapping[str, pd.DataFrame],
        tolerance: float,
        effort: float,
        exact: bool = False,
    ) -> MapAudit:
        """Read the tables, enumerate the structures and solve the equilibrium of each."""
        lattice = Lattice(len(game.players))
        readings = Readings.of(game, tables, lattice.structures, tolerance, effort, exact)
        viable = frozenset(pi for pi, row in readings.tables.structures.items() if row[1])
        return cls(readings, lattice=lattice, forecasts=Forecasts(lattice, viable, readings.tables.payoffs))

    def decided(self, structure: Structure, block: Coalition) -> list[Exact] | None:
        """Return the maximisers of a block in rational arithmetic, where a decider was given."""
        return self.decider(structure, block) if self.decider else None

    def is_viable(self, structure: Structure) -> bool:
        """Tell whether a structure is claimed to be viable."""
        return structure in self.forecasts.viable

    def threats_to(self, structure: Structure, block: Coalition) -> list[Matrix]:
        """Return the threats of all parts of a block, by (8)-(9), as rows over its columns."""
        return [
            asked_rows(block, part, payoffs)
            for part in parts(block)
            for payoffs in self.forecasts.threats(structure, block, part).values()
        ]

    def possible(self, structure: Structure, block: Coalition, part: Coalition, outcome: Structure) -> list[Payoffs]:
        """Return the payoffs that a part of a block has in an outcome of its breakaway."""
        return self.forecasts.threats(structure, block, part).get(outcome, [])

    def rows(self, block: Coalition, part: Coalition, payoffs: Payoffs) -> Matrix:
        """Return a threat of a part of a block as a row over the members of the block."""
        return asked_rows(block, part, [payoffs])

    def solutions(self, structure: Structure, block: Coalition) -> list[Payoffs]:
        """Return the claimed solutions of a block."""
        return self.tables.payoffs.get((structure, block), [])
