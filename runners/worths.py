"""Worths of the blocks of coalition structures: closed forms by the level, equilibrium models one by one.

:func:`block_worths` gives the recursion its numbers: v(S, pi) for all structures of a level at once.
:func:`solve_equilibrium` solves the Pyomo model of one structure and certifies the answer: it reports the most that
any coalition could still gain by a best response, computed here from the payoffs of the paper with numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike, NDArray

from breakaway.data.coalitions import Structure, members
from breakaway.data.games import AbatementGame, CournotMarket, ExternalityGame, PartitionFunctionGame, ResearchRace
from breakaway.models import abatement, cournot, research_race
from breakaway.models.blocks import structure_array
from breakaway.runners.solvers import Outcome, SolverOptions, solve_model

FloatArray = NDArray[np.float64]
MarketGame = CournotMarket | AbatementGame | ResearchRace
"""The games whose worths come from an equilibrium between coalitions."""

FORMULATIONS: Mapping[type, Mapping[str, str]] = MappingProxyType(
    {
        CournotMarket: cournot.FORMULATIONS,
        AbatementGame: abatement.FORMULATIONS,
        ResearchRace: research_race.FORMULATIONS,
    }
)
"""Formulations of each kind of game and what they are, the default first."""


@dataclass(frozen=True, slots=True)
class EquilibriumSolution:
    """The equilibrium between the coalitions of one structure, as a solver found it.

    Attributes
    ----------
    structure : Structure
        The coalition structure.
    formulation : str
        The formulation of the model that was solved.
    worths : tuple of float
        v(S, pi) for every block, in the order of the structure.
    actions : mapping
        Output or abatement of every player, or arrival rate of every coalition, by name.
    coalition_gain : float
        The most that any single coalition gains by its best response to the others' actions, in the unit of worths;
        zero, to the accuracy of the solver, in an equilibrium.
    outcome : Outcome
        Status, times and solver.
    """

    structure: Structure
    formulation: str
    worths: tuple[float, ...]
    actions: Mapping[str, float]
    coalition_gain: float
    outcome: Outcome


def block_worths(game: ExternalityGame, structures: ArrayLike) -> FloatArray:
    """Return v(S, pi) for every block of structures with equally many blocks.

    Parameters
    ----------
    game
        A partition function, a Cournot market, an abatement game or a research race.
    structures
        Bitmasks of shape (structures, blocks).

    Returns
    -------
    Worths in the shape of ``structures``: looked up for a partition function, closed forms otherwise.

    Raises
    ------
    ValueError
        For an array of another shape, or a structure for which a partition function has no worths.
    """
    match game:
        case PartitionFunctionGame():
            return _table_worths(game, structures)
        case CournotMarket():
            return cournot.closed_form_worths(game, structures)
        case AbatementGame():
            return abatement.closed_form_worths(game, structures)
        case ResearchRace():
            return research_race.closed_form_worths(game, structures)


def _table_worths(game: PartitionFunctionGame, structures: ArrayLike) -> FloatArray:
    """Look the worths of structures up in the table of a partition function."""
    array = structure_array(structures)
    try:
        return np.array([game.worths[tuple(row)] for row in array.tolist()], dtype=float).reshape(array.shape)
    except KeyError as missing:
        raise ValueError(
            f"the partition function has no worths for the structure {missing.args[0]} (bitmasks); add its row to the "
            f"table 'worths', and give blocks in the order of their first players"
        ) from None


def solve_equilibrium(
    game: MarketGame, structure: Structure, options: SolverOptions, formulation: str | None = None
) -> EquilibriumSolution:
    """Solve the equilibrium model of one structure and measure what a coalition could still gain.

    Parameters
    ----------
    game
        A Cournot market, an abatement game or a research race.
    structure
        A partition of the players, as a tuple of bitmasks.
    options
        Solver, tolerances and limits; without a solver, HiGHS takes QPs and linear systems, Ipopt everything else.
    formulation
        One of ``FORMULATIONS[type(game)]``; None takes the default.

    Raises
    ------
    TypeError
        For a game whose worths are given.
    ValueError
        For an unknown formulation or a structure that is no partition.
    SolveError
        When the solver does not end in an optimum; the message says what to do.
    """
    if type(game) not in FORMULATIONS:
        raise TypeError(f"a {type(game).__name__} has no equilibrium to solve; its worths come from block_worths")
    chosen = next(iter(FORMULATIONS[type(game)])) if formulation is None else formulation
    model = _build(game, structure, chosen)
    outcome = solve_model(model, options)
    values = _action_values(game, model)
    return EquilibriumSolution(
        structure=structure,
        formulation=chosen,
        worths=tuple(float(pyo.value(worth)) for worth in model.worth.values()),
        actions=MappingProxyType(values),
        coalition_gain=coalition_gain(game, structure, list(values.values())),
        outcome=outcome,
    )


def _build(game: MarketGame, structure: Structure, formulation: str) -> pyo.ConcreteModel:
    """Build the model of a game in a formulation."""
    match game:
        case CournotMarket():
            return cournot.build(game, structure, formulation)
        case AbatementGame():
            return abatement.build(game, structure, formulation)
        case ResearchRace():
            return research_race.build(game, structure, formulation)


def _action_values(game: MarketGame, model: pyo.ConcreteModel) -> dict[str, float]:
    """Read the actions of a solved model by the name of the player or coalition."""
    match game:
        case CournotMarket():
            component = model.output
        case AbatementGame():
            component = model.abatement
        case ResearchRace():
            component = model.arrival_rate
    return {name: float(pyo.value(action)) for name, action in component.items()}


def coalition_gain(game: MarketGame, structure: Structure, actions: ArrayLike) -> float:
    """Return the most that a single coalition gains by its best response to the actions of the others.

    Parameters
    ----------
    game
        A Cournot market, an abatement game or a research race.
    structure
        A partition of the players.
    actions
        Output or abatement of every player, shape (players,); arrival rate of every coalition, shape (blocks,).

    Returns
    -------
    The gain, in the unit of worths; never negative but for rounding.
    """
    values = np.asarray(actions, dtype=float)
    match game:
        case CournotMarket():
            gains = [_cartel_gain(game, list(members(block)), values) for block in structure]
        case AbatementGame():
            gains = [_abatement_gain(game, list(members(block)), values) for block in structure]
        case ResearchRace():
            gains = [_race_gain(game, structure, number, values) for number in range(len(structure))]
    return max(gains)


def _cartel_gain(game: CournotMarket, cartel: list[int], output: FloatArray) -> float:
    """Best joint profit max(0, A - Q_others - c(S))^2 / 4, less the profit now."""
    cost = np.array(game.unit_cost)[cartel]
    now = (game.demand_intercept - output.sum() - cost) @ output[cartel]
    margin = game.demand_intercept - (output.sum() - output[cartel].sum()) - cost.min()
    return float(max(0.0, margin) ** 2 / 4.0 - now)


def _abatement_gain(game: AbatementGame, coalition: list[int], abatement_now: FloatArray) -> float:
    """Every member's |S| z - z^3 / (3 a^2) is greatest at a sqrt|S|: the sum of the greatest, less the sum now."""
    scale = np.array(game.scale)[coalition]
    size = len(coalition)

    def added(z: FloatArray) -> float:
        return float((size * z - z**3 / (3.0 * scale**2)).sum())

    return added(scale * np.sqrt(size)) - added(abatement_now[coalition])


def _race_gain(game: ResearchRace, structure: Structure, number: int, rates: FloatArray) -> float:
    """Best payoff (15) over the own rate, at the positive root of lambda (B + lambda)^2 = k B, less the payoff now.

    B is the discount rate plus the rivals' rates. The derivative of (15) is B / (B + lambda)^2 - lambda / k.
    """
    efficiency: float = float(structure[number].bit_count()) ** game.exponent
    base = game.discount_rate + float(np.delete(rates, number).sum())

    def payoff(rate: float) -> float:
        return rate / (base + rate) - rate**2 / (2.0 * efficiency)

    roots = np.roots([1.0, 2.0 * base, base**2, -efficiency * base])
    best = max(payoff(float(root.real)) for root in roots if root.real > 0.0)
    return best - payoff(float(rates[number]))
