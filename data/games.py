"""Frozen game objects: what a checked instance becomes, and what models and runners start from.

Coalitions are bitmasks and structures tuples of bitmasks (:mod:`breakaway.data.coalitions`). Payoffs, worths and
disagreement payoffs share one unit, the game's unit of money or utility; weights have none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import (
    Coalition,
    Structure,
    finest_structure,
    format_coalition,
    format_structure,
    members,
)

Payoffs = tuple[float, ...]
"""Payoffs of the members of a coalition, in the order of the players table."""


@dataclass(frozen=True, slots=True)
class FrozenMappings:
    """Base of games that hold mappings: they are frozen when the game is made, and pickled as plain dicts."""

    def __post_init__(self) -> None:
        """Freeze the mappings."""
        for name, value in self._values().items():
            if isinstance(value, Mapping):
                object.__setattr__(self, name, MappingProxyType(dict(value)))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through plain dicts: a frozen view cannot be pickled."""
        plain = (dict(value) if isinstance(value, Mapping) else value for value in self._values().values())
        return type(self), tuple(plain)

    def _values(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Players:
    """The players of a game: names, bargaining weights gamma_i > 0 and disagreement payoffs d_i."""

    names: tuple[str, ...]
    weights: Payoffs
    disagreement: Payoffs

    @classmethod
    def of(
        cls,
        names: Sequence[str] | int,
        weights: Sequence[float] | None = None,
        disagreement: Sequence[float] | None = None,
    ) -> Players:
        """Make players with weight 1 and disagreement 0 unless told; an integer n names them 1, 2, ..., n."""
        labels = tuple(str(k + 1) for k in range(names)) if isinstance(names, int) else tuple(names)
        ones = (1.0,) * len(labels)
        zeros = (0.0,) * len(labels)
        return cls(
            labels,
            ones if weights is None else tuple(map(float, weights)),
            zeros if disagreement is None else tuple(map(float, disagreement)),
        )

    def __len__(self) -> int:
        """Return the number of players."""
        return len(self.names)

    @property
    def everyone(self) -> Coalition:
        """The grand coalition N."""
        return (1 << len(self.names)) - 1

    def coalition_name(self, coalition: Coalition) -> str:
        """Write a coalition as ``A+B``."""
        return format_coalition(coalition, self.names)

    def structure_name(self, structure: Structure) -> str:
        """Write a structure as ``A+B|C``."""
        return format_structure(structure, self.names)

    def of_members(self, values: Sequence[float], coalition: Coalition) -> Payoffs:
        """Return the entries of a vector over all players that belong to a coalition."""
        return tuple(values[player] for player in members(coalition))


@dataclass(frozen=True, slots=True)
class Threat:
    """A threat (T, y): coalition T can walk away and get the payoffs y, one for each member in order."""

    name: str
    coalition: Coalition
    payoffs: Payoffs


@dataclass(frozen=True, slots=True)
class TotalWorth:
    """Transferable utility: F = {x >= d : sum of x_i <= worth}."""

    worth: float


@dataclass(frozen=True, slots=True)
class Points:
    """Finitely many feasible allocations, each a payoff for every player."""

    names: tuple[str, ...]
    payoffs: tuple[Payoffs, ...]


@dataclass(frozen=True, slots=True)
class Polyhedron:
    """F = {x >= d : A x <= b}; ``coefficients`` has a row for each name in ``names``, a column for each player."""

    names: tuple[str, ...]
    coefficients: tuple[Payoffs, ...]
    bounds: Payoffs


@dataclass(frozen=True, slots=True)
class ConvexSet:
    """F = {x >= d : constraints}, a compact convex set given in Python by Pyomo constraints.

    ``constrain(block, payoff)`` adds constraints (and auxiliary variables, if any) to a Pyomo block; ``payoff`` maps
    the name of each player of the set to an expression for x_i, in units of payoff. That the set is convex is the
    caller's promise. ``excess(payoff)``, optional, gives the same set in numbers for verification: it maps payoffs by
    name to the values g_k(x) of smooth convex functions, all at most 0 within the set.
    """

    constrain: Callable[[Any, Mapping[str, Any]], None]
    excess: Callable[[Mapping[str, float]], Sequence[float]] | None = None


FeasibleSet = TotalWorth | Points | Polyhedron | ConvexSet


@dataclass(frozen=True, slots=True)
class ThreatGame:
    """A game G = (F, Theta, d) with coalitional threats (section 2 of Vohra and Ray 2025).

    ``players`` carries d and the weights of the grand coalition; ``threats`` lists every (T, y) with T a strict
    subset of the players.
    """

    players: Players
    feasible: FeasibleSet
    threats: tuple[Threat, ...]


@dataclass(frozen=True, slots=True)
class CharacteristicFunctionGame(FrozenMappings):
    """A TU game without externalities: a worth v(S) for every nonempty coalition (section 5).

    ``coalition_weights`` overrides the players' weights within single coalitions (inconsistent weights).
    """

    players: Players
    worths: Mapping[Coalition, float]
    coalition_weights: Mapping[Coalition, Payoffs] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NtuGame(FrozenMappings):
    """A game without transferable utility and without externalities: a feasible set F(S) for coalitions S (section 5).

    Points, rows of polyhedra and weights list the members of S in the order of the players; a total worth lets a
    coalition transfer. A coalition that is not in ``feasible`` can only disagree: F(S) = {d_S}.
    """

    players: Players
    feasible: Mapping[Coalition, FeasibleSet]
    coalition_weights: Mapping[Coalition, Payoffs] = field(default_factory=dict)

    def feasible_set(self, coalition: Coalition) -> FeasibleSet:
        """Return F(S)."""
        found = self.feasible.get(coalition)
        if found is not None:
            return found
        return Points(("disagreement",), (self.players.of_members(self.players.disagreement, coalition),))


@dataclass(frozen=True, slots=True)
class PartitionFunctionGame(FrozenMappings):
    """A TU game with externalities: a worth v(S, pi) for every block S of every structure pi (section 3.3).

    ``worths[pi]`` lists the worths of the blocks of pi in the order of the structure.
    """

    players: Players
    worths: Mapping[Structure, Payoffs]
    coalition_weights: Mapping[Coalition, Payoffs] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CournotMarket:
    """Cartels in a Cournot market with demand p = A - Q and constant unit costs (Example 4)."""

    players: Players
    unit_cost: Payoffs
    demand_intercept: float


@dataclass(frozen=True, slots=True)
class AbatementGame:
    """Joint abatement of pollution: country i pays z_i^3 / (3 a_i^2), everyone enjoys the sum of z (Example 2)."""

    players: Players
    scale: Payoffs


SynergyConvention = Literal["equation-15", "equation-14"]


@dataclass(frozen=True, slots=True)
class ResearchRace:
    """A race of research coalitions for a prize of value 1 (Example 3).

    A coalition of s firms pays lambda^2 / (2 s^alpha) for the arrival rate lambda under ``equation-15`` (the paper's
    analysis), and lambda^2 / (2 s^(alpha - 1)) under ``equation-14`` (what its equations 13 and 14 imply).
    """

    players: Players
    synergy: float
    discount_rate: float
    convention: SynergyConvention = "equation-15"

    @property
    def exponent(self) -> float:
        """The exponent of the coalition's size in its cost of effort."""
        return self.synergy if self.convention == "equation-15" else self.synergy - 1.0


FloatArray = NDArray[np.float64]
Selection = Literal["unique", "largest-total", "first"]


@dataclass(frozen=True, eq=False, slots=True)
class StrategicFormGame(FrozenMappings):
    """A game in strategic form with finitely many joint actions (sections 3.1 to 3.3).

    Attributes
    ----------
    actions
        Names of the joint actions of coalitions. Either every coalition is listed, or only single players are; then
        the joint actions of a coalition are all combinations of its members' actions, written ``low+high``.
    payoffs
        ``payoffs[pi]`` has one axis for each coalition of pi, over its joint actions, and a last axis over the
        players. Where only single players have actions, only the finest structure is listed.
    transfers
        Whether members of a coalition can pay each other: then coalitions maximise the sum of their payoffs.
    selection
        With transfers, which coalitional Nash equilibrium counts where several differ in worths: ``unique`` (none of
        them: that is an error), the one of ``largest-total`` worth, or the ``first`` in the order of the actions.
    chosen
        With transfers, joint actions (one for each coalition) that overrule ``selection`` in single structures.
    coalition_weights
        Weights within single coalitions, in place of the players' weights.
    """

    players: Players
    actions: Mapping[Coalition, tuple[str, ...]]
    payoffs: Mapping[Structure, FloatArray]
    transfers: bool = False
    selection: Selection = "unique"
    chosen: Mapping[Structure, tuple[str, ...]] = field(default_factory=dict)
    coalition_weights: Mapping[Coalition, Payoffs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Freeze the mappings and the arrays."""
        frozen = {structure: np.array(values, dtype=np.float64) for structure, values in self.payoffs.items()}
        for values in frozen.values():
            values.setflags(write=False)
        object.__setattr__(self, "payoffs", frozen)
        FrozenMappings.__post_init__(self)

    def __eq__(self, other: object) -> bool:
        """Tell whether two games are the same, entry by entry."""
        if not isinstance(other, StrategicFormGame):
            return NotImplemented
        plain = ("players", "actions", "transfers", "selection", "chosen", "coalition_weights")
        return (
            all(getattr(self, name) == getattr(other, name) for name in plain)
            and self.payoffs.keys() == other.payoffs.keys()
            and all(np.array_equal(values, other.payoffs[structure]) for structure, values in self.payoffs.items())
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def by_player(self) -> bool:
        """Whether actions belong to single players, so that coalitions combine their members' actions."""
        return set(self.actions) == {1 << player for player in range(len(self.players))}

    def joint_actions(self, coalition: Coalition) -> tuple[str, ...]:
        """Return the names of the joint actions of a coalition."""
        if coalition in self.actions:
            return self.actions[coalition]
        own = [self.actions[1 << player] for player in members(coalition)]
        return tuple(map("+".join, itertools.product(*own)))

    def payoffs_in(self, structure: Structure) -> FloatArray:
        """Return the payoffs under a structure: an axis over the joint actions of each block, one over players."""
        if structure in self.payoffs:
            return self.payoffs[structure]
        finest = self.payoffs[finest_structure(len(self.players))]
        order = [player for block in structure for player in members(block)]
        sizes = [math.prod(finest.shape[player] for player in members(block)) for block in structure]
        return finest.transpose(*order, len(self.players)).reshape(*sizes, len(self.players))

    def profile_name(self, structure: Structure, actions: Sequence[str]) -> str:
        """Write the joint actions of the blocks of a structure as a profile, by player where actions are."""
        if not self.by_player:
            pairs = [
                (self.players.coalition_name(block), action) for block, action in zip(structure, actions, strict=True)
            ]
        else:
            single = {
                player: own
                for block, action in zip(structure, actions, strict=True)
                for player, own in zip(members(block), action.split("+"), strict=True)
            }
            pairs = [(name, single[player]) for player, name in enumerate(self.players.names)]
        return "|".join(f"{who}:{action}" for who, action in pairs)


Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class ExpressionGame(FrozenMappings):
    """A game whose payoffs are expressions of continuous actions, with transfers inside coalitions (section 3.3).

    Attributes
    ----------
    players
        The players.
    actions
        For every player's name the bounds of its action, or the bounds of each of its actions by name; None is no
        bound.
    payoffs
        A function that takes the actions by player (for a player with named actions: by player, then by name) and
        returns every player's payoff. It must work with numbers and with Pyomo variables alike.
    coalition_weights
        Weights within single coalitions, in place of the players' weights.
    """

    players: Players
    actions: Mapping[str, Bounds | Mapping[str, Bounds]]
    payoffs: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    coalition_weights: Mapping[Coalition, Payoffs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that every player has an action, and freeze the mappings."""
        absent = [name for name in self.players.names if not self.actions.get(name)]
        if absent or len(self.actions) != len(self.players):
            known = ", ".join(self.players.names)
            raise ValueError(f"actions must have an entry for each player and no other; the players are {known}")
        FrozenMappings.__post_init__(self)

    def bounds(self) -> dict[tuple[str, str], Bounds]:
        """Return the bounds of all actions by player and name; the only action of a player has the name ``""``."""
        found: dict[tuple[str, str], Bounds] = {}
        for player in self.players.names:
            own = self.actions[player]
            found |= {(player, name): b for name, b in own.items()} if isinstance(own, Mapping) else {(player, ""): own}
        return found

    def payoffs_at(self, values: Mapping[tuple[str, str], Any]) -> Mapping[str, Any]:
        """Return every player's payoff at the values (or variables) of all actions, keyed as in :meth:`bounds`.

        Raises
        ------
        ValueError
            When the function does not return a payoff for every player.
        """
        arguments: dict[str, Any] = {}
        for (player, name), value in values.items():
            if name:
                arguments.setdefault(player, {})[name] = value
            else:
                arguments[player] = value
        found = self.payoffs(arguments)
        absent = [name for name in self.players.names if name not in found]
        if absent:
            raise ValueError(f"the payoff function gives no payoff of {', '.join(absent)}; return one for every player")
        return found


ExternalityGame = PartitionFunctionGame | CournotMarket | AbatementGame | ResearchRace
"""The games whose coalition structures are judged by the recursion of section 3.2."""

Game = ThreatGame | CharacteristicFunctionGame | NtuGame | ExternalityGame | StrategicFormGame


def weights_within(game: Game | ExpressionGame, coalition: Coalition) -> Payoffs:
    """Return the bargaining weights of the members within a coalition, in the order of the players table."""
    special: Mapping[Coalition, Payoffs] = getattr(game, "coalition_weights", {})
    if coalition in special:
        return special[coalition]
    return game.players.of_members(game.players.weights, coalition)
