"""Joint abatement of pollution: joint maximisation within every coalition of countries, Nash between coalitions.

Every country enjoys the sum of all abatement and pays for its own. A coalition counts the benefit of all its members
when it chooses their abatement; transfers inside it are free.

Sets: ``players`` (countries) and ``coalitions`` (the blocks S of the structure), with ``members[S]``.
Parameters: the scales a_i (know-how or population), in units of abatement; the sizes |S|.
Variables: the abatement z_i of every country, in units of abatement. Payoffs are measured in abatement, too: a unit of
it is worth a unit of utility to each country.

Equations, with S(i) the coalition of country i::

    (10, worth)    v(S) = |S| (sum of all z_j) - sum of z_i^3 / (3 a_i^2) over S
    (potential)    maximise  sum of |S(i)| z_i - z_i^3 / (3 a_i^2)
    (marginal)     |S(i)| - z_i^2 / a_i^2 = 0

====================  ==========================  =========
symbol                component                   unit
====================  ==========================  =========
a_i                   ``scale[i]``                abatement
|S(i)|                ``partners[i]``             countries
z_i                   ``abatement[i]``            abatement
sum of z_i            ``total_abatement``         abatement
z_i^3 / (3 a_i^2)     ``cost[i]``                 utility
v(S, pi)              ``worth[S]``                utility
====================  ==========================  =========

Exactness. Payoffs are additive across countries, so each coalition has a dominant choice, z_i = a_i sqrt|S(i)|. Both
formulations are exact: ``potential`` is an exact potential, strictly concave on z >= 0 (a convex NLP); ``first_order``
is a square system with one solution on z >= 0.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, Example 2, equations (10) to (12), after Ray and
Vohra (2001). The paper prints the cost of country 2 in the grand coalition with z_3; it is z_2^3 / (3 a_2^2).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from breakaway.data.coalitions import Structure, members
from breakaway.data.games import AbatementGame
from breakaway.models.blocks import (
    FloatArray,
    block_sizes,
    check_formulation,
    named_blocks,
    structure_array,
    sum_of_members,
)

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "potential": "concave NLP whose maximiser is the equilibrium; exact",
        "first_order": "stacked optimality conditions, a square quadratic system; exact",
    }
)
"""Formulations and what they are, the default first."""


def build(game: AbatementGame, structure: Structure, formulation: str = "potential") -> pyo.ConcreteModel:
    """Write the equilibrium between the coalitions of a structure.

    Parameters
    ----------
    game
        The countries and their scales.
    structure
        A partition of the countries, as a tuple of bitmasks.
    formulation
        ``"potential"``: a concave NLP. ``"first_order"``: the stacked optimality conditions, a square system. Both
        are exact.

    Raises
    ------
    ValueError
        For an unknown formulation or blocks that are no partition.
    """
    check_formulation(formulation, FORMULATIONS)
    model = pyo.ConcreteModel(name=f"Abatement, {game.players.structure_name(structure)}")
    _add_sets(model, game, structure)
    _add_parameters(model, game)
    _add_abatement(model)
    _add_total_abatement(model)
    _add_cost(model)
    _add_worth(model)
    if formulation == "potential":
        _add_potential(model)
    else:
        _add_marginal_payoff(model)
    return model


def _add_sets(model: pyo.ConcreteModel, game: AbatementGame, structure: Structure) -> None:
    """Countries i; coalitions S of the structure; members of S."""
    blocks = named_blocks(game.players, structure)
    model.players = pyo.Set(initialize=game.players.names, doc="countries i")
    model.coalitions = pyo.Set(initialize=list(blocks), doc="coalitions S of the structure")
    model.members = pyo.Set(model.coalitions, initialize=blocks, within=model.players, doc="countries of coalition S")


def _add_parameters(model: pyo.ConcreteModel, game: AbatementGame) -> None:
    """a_i in units of abatement; |S(i)| in countries."""
    scales = dict(zip(game.players.names, game.scale, strict=True))
    partners = {i: len(model.members[s]) for s in model.coalitions for i in model.members[s]}
    model.scale = pyo.Param(model.players, initialize=scales, within=pyo.PositiveReals, doc="a_i, scale of country i")
    model.partners = pyo.Param(
        model.players, initialize=partners, within=pyo.PositiveIntegers, doc="|S(i)|, countries in the coalition of i"
    )


def _add_abatement(model: pyo.ConcreteModel) -> None:
    """z_i >= 0."""

    def scale(m: pyo.ConcreteModel, i: str) -> float:
        return float(m.scale[i])

    model.abatement = pyo.Var(
        model.players, within=pyo.NonNegativeReals, initialize=scale, doc="z_i, abatement of country i"
    )


def _add_total_abatement(model: pyo.ConcreteModel) -> None:
    """Sum of z_i over all countries."""
    model.total_abatement = pyo.Expression(expr=pyo.quicksum(model.abatement.values()), doc="benefit of every country")


def _add_cost(model: pyo.ConcreteModel) -> None:
    """z_i^3 / (3 a_i^2)."""

    def cubic(m: pyo.ConcreteModel, i: str) -> object:
        return m.abatement[i] ** 3 / (3 * m.scale[i] ** 2)

    model.cost = pyo.Expression(model.players, rule=cubic, doc="cost borne by country i")


def _add_worth(model: pyo.ConcreteModel) -> None:
    """v(S) = |S| (sum of all z_j) - sum of cost_i over S."""

    def joint_payoff(m: pyo.ConcreteModel, s: str) -> object:
        return len(m.members[s]) * m.total_abatement - pyo.quicksum(m.cost[i] for i in m.members[s])

    model.worth = pyo.Expression(model.coalitions, rule=joint_payoff, doc="v(S, pi), joint payoff of coalition S")


def _add_potential(model: pyo.ConcreteModel) -> None:
    """Maximise sum of |S(i)| z_i - cost_i."""
    terms = (model.partners[i] * model.abatement[i] - model.cost[i] for i in model.players)
    model.potential = pyo.Objective(expr=pyo.quicksum(terms), sense=pyo.maximize, doc="exact potential")


def _add_marginal_payoff(model: pyo.ConcreteModel) -> None:
    """z_i^2 / a_i^2 = |S(i)|."""

    def marginal(m: pyo.ConcreteModel, i: str) -> object:
        return m.abatement[i] ** 2 / m.scale[i] ** 2 == m.partners[i]

    model.marginal_payoff = pyo.Constraint(
        model.players, rule=marginal, doc="the marginal cost of i is its coalition's marginal benefit"
    )


def closed_form_worths(game: AbatementGame, structures: ArrayLike) -> FloatArray:
    """v(S, pi) = |S| sum_T sqrt|T| a(T) - |S|^(3/2) a(S) / 3, vectorised over structures, a(T) the sum of scales.

    Parameters
    ----------
    game
        The countries and their scales.
    structures
        Bitmasks, shape (structures, blocks).

    Returns
    -------
    Joint payoffs of the blocks, in the shape of ``structures``.
    """
    array = structure_array(structures)
    sizes = block_sizes(array, len(game.players))
    abatement = np.sqrt(sizes) * sum_of_members(array, game.scale)
    benefit = abatement.sum(axis=1, keepdims=True)
    worths: FloatArray = sizes * (benefit - abatement / 3.0)
    return worths


def closed_form_actions(game: AbatementGame, structure: Structure) -> FloatArray:
    """Return the abatement z_i = a_i sqrt|S(i)| of every country, shape (players,)."""
    abatement = np.array(game.scale, dtype=float)
    for block in structure:
        abatement[list(members(block))] *= np.sqrt(block.bit_count())
    return abatement
