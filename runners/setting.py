"""What a bargaining game means for the recursions: player types, weights, disagreement, tolerance and worths."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure, bell_number, members, structure_of
from breakaway.data.games import (
    AbatementGame,
    CharacteristicFunctionGame,
    CournotMarket,
    ExternalityGame,
    PartitionFunctionGame,
    Payoffs,
    ResearchRace,
    weights_within,
)
from breakaway.models import cournot
from breakaway.runners.division import Divider, fraction_of
from breakaway.runners.lattice import Lattice, PlayerTypes
from breakaway.runners.recursion import Setting, Worths
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.worths import block_worths, solve_equilibrium

RecursiveGame = ExternalityGame | CharacteristicFunctionGame

FEW_PATTERNS = 2000
"""Up to this many type patterns, identical players are solved once per pattern; above it, only where n is too large
for the list of all structures, because telling the refinements of a pattern apart costs more than it saves."""

MOST_STRUCTURES = 200_000
"""Most structures that are listed one by one."""


def player_types(game: RecursiveGame) -> PlayerTypes:
    """Recognise identical players: equal data, and for tables of worths, worths that survive swapping them."""
    players = game.players
    n = len(players)
    common = list(zip(players.weights, players.disagreement, strict=True))
    match game:
        case CournotMarket():
            types = PlayerTypes.by_key(list(zip(common, game.unit_cost, strict=True)))
        case AbatementGame():
            types = PlayerTypes.by_key(list(zip(common, game.scale, strict=True)))
        case ResearchRace():
            types = PlayerTypes.by_key(common)
        case _ if game.coalition_weights:
            return PlayerTypes.distinct(n)
        case _:
            types = _types_of_table(game, common)
    few = bell_number(n) > MOST_STRUCTURES or types.count_patterns() <= FEW_PATTERNS
    return types if few else PlayerTypes.distinct(n)


def _types_of_table(game: PartitionFunctionGame | CharacteristicFunctionGame, common: Sequence[object]) -> PlayerTypes:
    """Group players whom the table of worths does not tell apart; being swappable is an equivalence relation."""
    first_like: list[int] = []
    for player in range(len(common)):
        twin = next(
            (p for p in sorted(set(first_like)) if common[p] == common[player] and _swappable(game, p, player)), player
        )
        first_like.append(twin)
    return PlayerTypes.by_key(first_like)


def _swapped(coalition: Coalition, one: int, other: int) -> Coalition:
    if (coalition >> one & 1) == (coalition >> other & 1):
        return coalition
    return coalition ^ (1 << one | 1 << other)


def _swappable(game: PartitionFunctionGame | CharacteristicFunctionGame, one: int, other: int) -> bool:
    if isinstance(game, CharacteristicFunctionGame):
        return all(game.worths[s] == game.worths[_swapped(s, one, other)] for s in game.worths)
    for structure, worths in game.worths.items():
        blocks = tuple(_swapped(block, one, other) for block in structure)
        renamed = structure_of(blocks)
        if renamed == structure and blocks == structure:
            continue
        twin = dict(zip(renamed, game.worths[renamed], strict=True))
        if any(twin[block] != worth for block, worth in zip(blocks, worths, strict=True)):
            return False
    return True


def scale_of(worths: Sequence[float] | NDArray[np.float64], disagreement: Payoffs) -> float:
    """Return the game's scale, to which tolerances are relative: its largest number in absolute value, or 1."""
    largest = max((abs(float(value)) for value in itertools.chain(worths, disagreement)), default=0.0)
    return largest or 1.0


def position_vector(values: Sequence[float], types: PlayerTypes) -> list[float]:
    """Reorder a vector over players to one over positions."""
    return [values[player] for player in types.player_at]


def position_weights(game: RecursiveGame, types: PlayerTypes) -> Callable[[Coalition], Sequence[float]]:
    """Return the weights within a coalition as a vector over positions."""
    common = position_vector(game.players.weights, types)
    special = getattr(game, "coalition_weights", {})

    def within(coalition: Coalition) -> Sequence[float]:
        if coalition not in special:
            return common
        vector = [0.0] * len(common)
        for player, weight in zip(members(coalition), weights_within(game, coalition), strict=True):
            vector[player] = weight
        return vector

    return within


def closed_form(game: ExternalityGame, lattice: Lattice) -> Worths:
    """Worths by table or closed form, for all structures of a level at once."""

    def of_level(level: range) -> list[list[float]]:
        array = lattice.representatives(level)
        order = np.argsort(array & -array, axis=1)
        worths = np.empty(array.shape)
        sorted_array = np.take_along_axis(array, order, axis=1)
        np.put_along_axis(worths, order, block_worths(game, sorted_array), axis=1)
        return [list(map(float, row)) for row in worths]

    return of_level


def by_model(game: ExternalityGame, lattice: Lattice, options: SolverOptions) -> Worths:
    """Worths from the equilibrium models, structure by structure; tables of worths need no model."""
    if isinstance(game, PartitionFunctionGame):
        return closed_form(game, lattice)
    market = game
    free = options.replace(solver=None)

    def of_structure(row: Sequence[int]) -> list[float]:
        structure: Structure = structure_of(row)
        solved = solve_equilibrium(market, structure, free)
        worth = dict(zip(structure, solved.worths, strict=True))
        return [worth[block] for block in row]

    def of_level(level: range) -> list[list[float]]:
        return [of_structure(row) for row in lattice.representatives(level).tolist()]

    return of_level


def rational_worths(game: ExternalityGame, lattice: Lattice) -> Worths:
    """Worths as fractions.

    Raises
    ------
    ValueError
        When worths are irrational in general.
    """
    if not isinstance(game, PartitionFunctionGame | CournotMarket):
        raise ValueError(
            "worths of abatement games and research races are irrational in general: leave out the rational option"
        )

    def of_structure(row: Sequence[int]) -> list[Fraction]:
        structure = structure_of(row)
        if isinstance(game, CournotMarket):
            worths: Sequence[Fraction] = cournot.closed_form_worths_exact(game, structure)
        else:
            worths = [fraction_of(worth) for worth in game.worths[structure]]
        worth = dict(zip(structure, worths, strict=True))
        return [worth[block] for block in row]

    return lambda level: [of_structure(row) for row in lattice.representatives(level).tolist()]


def in_fractions(setting: Setting) -> Setting:
    """Return a setting whose numbers are fractions and whose tolerance is 0."""
    weights = setting.weights
    return replace(
        setting,
        weights=lambda coalition: [fraction_of(weight) for weight in weights(coalition)],
        disagreement=[fraction_of(d) for d in setting.disagreement],
        eps=Fraction(0),
    )


def setting_of(game: RecursiveGame, types: PlayerTypes, divide: Divider, scale: float, tolerance: float) -> Setting:
    """Bind a game's data to a lattice of structures."""
    return Setting(
        Lattice(types),
        position_weights(game, types),
        position_vector(game.players.disagreement, types),
        tolerance * scale,
        divide,
    )


def scale_of_game(game: RecursiveGame) -> float:
    """Return the largest worth of a game in absolute value, found without listing its structures."""
    d = game.players.disagreement
    match game:
        case CharacteristicFunctionGame():
            return scale_of(list(game.worths.values()), d)
        case PartitionFunctionGame():
            return scale_of([worth for row in game.worths.values() for worth in row], d)
        case _:
            everyone = np.array([[game.players.everyone]])
            return scale_of(block_worths(game, everyone)[0], d)
