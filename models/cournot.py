"""Cartels in a Cournot market: joint maximisation within every coalition, Nash between coalitions.

The firms sell one good at the price p = A - Q. Every cartel of a structure chooses its members' outputs so as to
maximise their joint profit, given the outputs of all other firms; transfers inside a cartel are free.

Sets: ``players`` (firms) and ``coalitions`` (the blocks S of the structure), with ``members[S]``.
Parameters: the demand intercept A and the unit costs c_i, in units of price.
Variables: the output x_i of every firm and the output Q_S of every cartel, in units of quantity (demand has slope 1,
so a unit of quantity is a unit of price).

Equations, with Q the sum of all x_i and c(S) the least unit cost in S::

    (worth)        v(S) = (A - Q) Q_S - sum of c_i x_i over S
    (output)       Q_S = sum of x_i over S
    (potential)    maximise  sum of (A - c_i) x_i  -  Q^2 / 2  -  sum of Q_S^2 / 2 over the cartels
    (marginal)     A - Q - Q_S - c(S) = 0
    (least cost)   x_i = Q_S / (number of firms in S with cost c(S)), and 0 for every dearer firm in S

====================  ==========================  =========
symbol                component                   unit
====================  ==========================  =========
A                     ``demand_intercept``        price
c_i                   ``unit_cost[i]``            price
x_i                   ``output[i]``               quantity
Q_S                   ``coalition_output[S]``     quantity
Q                     ``total_output``            quantity
p = A - Q             ``price``                   price
v(S, pi)              ``worth[S]``                money
====================  ==========================  =========

Exactness. ``potential`` is exact for all costs: the objective changes by just what the profit of a cartel changes
when that cartel alone deviates, and it is concave, so its maximisers are the equilibria. It is a convex QP.
``first_order`` is exact when every cartel produces, which condition (25) of the paper guarantees for every structure:
it is a square linear system. Cartels' outputs are unique; between firms of a cartel that tie at its least cost the
split is not, and ``first_order`` shares equally.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, Example 4, equations (24) to (30). Potentials:
Monderer and Shapley (1996), Potential Games.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import accumulate
from types import MappingProxyType

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from breakaway.data.coalitions import Structure, members
from breakaway.data.games import CournotMarket
from breakaway.models.blocks import FloatArray, check_formulation, least_of_members, named_blocks, structure_array

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "potential": "concave QP whose maximisers are the equilibria; exact for all costs",
        "first_order": "stacked optimality conditions, a square linear system; exact when every cartel produces",
    }
)
"""Formulations and what they are, the default first."""


def build(game: CournotMarket, structure: Structure, formulation: str = "potential") -> pyo.ConcreteModel:
    """Write the equilibrium between the cartels of a structure.

    Parameters
    ----------
    game
        The market.
    structure
        A partition of the firms, as a tuple of bitmasks.
    formulation
        ``"potential"``: a concave QP, exact for all costs. ``"first_order"``: the stacked optimality conditions, a
        square linear system, exact when every cartel produces.

    Raises
    ------
    ValueError
        For an unknown formulation, blocks that are no partition, or ``first_order`` where a cartel would not produce.
    """
    check_formulation(formulation, FORMULATIONS)
    model = pyo.ConcreteModel(name=f"Cournot market, {game.players.structure_name(structure)}")
    _add_sets(model, game, structure)
    _add_parameters(model, game)
    _add_output(model)
    _add_coalition_output(model)
    _add_total_output(model)
    _add_price(model)
    _add_worth(model)
    if formulation == "potential":
        _add_output_balance(model)
        _add_potential(model)
    else:
        _check_every_cartel_produces(game, structure)
        _add_marginal_profit(model)
        _add_least_cost_firms(model)
    return model


def _add_sets(model: pyo.ConcreteModel, game: CournotMarket, structure: Structure) -> None:
    """Firms i; cartels S of the structure; members of S."""
    blocks = named_blocks(game.players, structure)
    model.players = pyo.Set(initialize=game.players.names, doc="firms i")
    model.coalitions = pyo.Set(initialize=list(blocks), doc="cartels S of the structure")
    model.members = pyo.Set(model.coalitions, initialize=blocks, within=model.players, doc="firms of cartel S")


def _add_parameters(model: pyo.ConcreteModel, game: CournotMarket) -> None:
    """Demand intercept A and unit costs c_i, in units of price."""
    costs = dict(zip(game.players.names, game.unit_cost, strict=True))
    model.demand_intercept = pyo.Param(
        initialize=game.demand_intercept, within=pyo.Reals, doc="A, price at zero output"
    )
    model.unit_cost = pyo.Param(model.players, initialize=costs, within=pyo.Reals, doc="c_i, unit cost of firm i")


def _add_output(model: pyo.ConcreteModel) -> None:
    """x_i >= 0."""
    model.output = pyo.Var(model.players, within=pyo.NonNegativeReals, initialize=0.0, doc="x_i, output of firm i")


def _add_coalition_output(model: pyo.ConcreteModel) -> None:
    """Q_S >= 0."""
    model.coalition_output = pyo.Var(
        model.coalitions, within=pyo.NonNegativeReals, initialize=0.0, doc="Q_S, output of cartel S"
    )


def _add_total_output(model: pyo.ConcreteModel) -> None:
    """Q = sum of Q_S over the cartels."""
    model.total_output = pyo.Expression(expr=pyo.quicksum(model.coalition_output.values()), doc="Q, output of all")


def _add_price(model: pyo.ConcreteModel) -> None:
    """Price: p = A - Q."""
    model.price = pyo.Expression(expr=model.demand_intercept - model.total_output, doc="p, price")


def _add_worth(model: pyo.ConcreteModel) -> None:
    """v(S) = p Q_S - sum of c_i x_i over S."""

    def joint_profit(m: pyo.ConcreteModel, s: str) -> object:
        return m.price * m.coalition_output[s] - pyo.quicksum(m.unit_cost[i] * m.output[i] for i in m.members[s])

    model.worth = pyo.Expression(model.coalitions, rule=joint_profit, doc="v(S, pi), joint profit of cartel S")


def _add_output_balance(model: pyo.ConcreteModel) -> None:
    """Q_S = sum of x_i over S."""

    def balance(m: pyo.ConcreteModel, s: str) -> object:
        return m.coalition_output[s] == pyo.quicksum(m.output[i] for i in m.members[s])

    model.output_balance = pyo.Constraint(model.coalitions, rule=balance, doc="Q_S is the sum of its firms' outputs")


def _add_potential(model: pyo.ConcreteModel) -> None:
    """Maximise sum of (A - c_i) x_i - Q^2 / 2 - sum of Q_S^2 / 2."""
    margins = pyo.quicksum((model.demand_intercept - model.unit_cost[i]) * model.output[i] for i in model.players)
    squares = model.total_output**2 + pyo.quicksum(q**2 for q in model.coalition_output.values())
    model.potential = pyo.Objective(expr=margins - squares / 2, sense=pyo.maximize, doc="exact potential")


def _add_marginal_profit(model: pyo.ConcreteModel) -> None:
    """Marginal joint profit: A - Q - Q_S - c(S) = 0."""

    def marginal(m: pyo.ConcreteModel, s: str) -> object:
        return m.coalition_output[s] + m.total_output == m.demand_intercept - _least_cost(m, s)

    model.marginal_profit = pyo.Constraint(
        model.coalitions, rule=marginal, doc="joint profit of S is stationary in the output of its least-cost firms"
    )


def _add_least_cost_firms(model: pyo.ConcreteModel) -> None:
    """x_i = Q_S / (number of least-cost firms in S), 0 for dearer firms."""

    def share(m: pyo.ConcreteModel, s: str, i: str) -> object:
        cheapest = [j for j in m.members[s] if m.unit_cost[j] == _least_cost(m, s)]
        return m.output[i] - (i in cheapest) / len(cheapest) * m.coalition_output[s] == 0

    model.least_cost_firms = pyo.Constraint(
        [(s, i) for s in model.coalitions for i in model.members[s]],
        rule=share,
        doc="the firms of least cost carry the production of their cartel",
    )


def _least_cost(model: pyo.ConcreteModel, coalition: str) -> float:
    """c(S) = min of c_i over S."""
    return min(float(model.unit_cost[i]) for i in model.members[coalition])


def _check_every_cartel_produces(game: CournotMarket, structure: Structure) -> None:
    """Refuse a structure in which a cartel would stay out of the market."""
    costs = least_of_members(structure_array([structure]), game.unit_cost)
    idle = np.flatnonzero(equilibrium_price(game.demand_intercept, costs)[0] <= costs[0])
    if idle.size:
        name = game.players.coalition_name(structure[int(idle[0])])
        raise ValueError(
            f"cartel {name} does not produce in {game.players.structure_name(structure)}, so first-order conditions "
            f"with equality do not hold; use formulation='potential', or raise the demand intercept"
        )


def equilibrium_price(demand_intercept: float, least_costs: FloatArray) -> FloatArray:
    """Return the price p that solves p + sum of max(0, p - c(S)) = A, for every row of ``least_costs``.

    The left side is the largest, over numbers j of active cartels, of p + sum of (p - c) over the j cheapest; so p is
    the least of (A + the j smallest costs) / (j + 1). With j = all cartels this is (A + C(pi)) / (|pi| + 1) of
    equation (27).

    Parameters
    ----------
    demand_intercept
        A, in units of price.
    least_costs
        c(S), shape (structures, blocks), in units of price.

    Returns
    -------
    Prices, shape (structures,).
    """
    ordered = np.sort(least_costs, axis=1)
    active = np.arange(1, ordered.shape[1] + 1)
    prices: FloatArray = ((demand_intercept + np.cumsum(ordered, axis=1)) / (active + 1.0)).min(axis=1)
    return np.minimum(prices, demand_intercept)


def closed_form_worths(game: CournotMarket, structures: ArrayLike) -> FloatArray:
    """v(S, pi) = max(0, p - c(S))^2 with the equilibrium price p: equation (27), vectorised over structures.

    Parameters
    ----------
    game
        The market.
    structures
        Bitmasks, shape (structures, blocks).

    Returns
    -------
    Joint profits of the blocks, in the shape of ``structures``. They also hold where condition (25) fails: a cartel
    whose least cost exceeds the price earns nothing.
    """
    costs = least_of_members(structure_array(structures), game.unit_cost)
    price = equilibrium_price(game.demand_intercept, costs)
    return np.square(np.maximum(0.0, price[:, np.newaxis] - costs))


def closed_form_worths_exact(game: CournotMarket, structure: Structure) -> tuple[Fraction, ...]:
    """Return the worths of equation (27) as fractions, each number of the market read as its shortest decimal."""
    least = [min(Fraction(repr(float(game.unit_cost[i]))) for i in members(block)) for block in structure]
    intercept = Fraction(repr(float(game.demand_intercept)))
    sums = accumulate(sorted(least), initial=intercept)
    price = min(total / (active + 1) for active, total in enumerate(sums))
    return tuple(max(Fraction(0), price - cost) ** 2 for cost in least)


def closed_form_actions(game: CournotMarket, structure: Structure) -> FloatArray:
    """Return the output of every firm, shape (players,): equation (24) for the least-cost firms of each cartel.

    Firms that tie at the least cost of their cartel share its output equally; dearer firms produce nothing.
    """
    costs = least_of_members(structure_array([structure]), game.unit_cost)[0]
    price = equilibrium_price(game.demand_intercept, costs[np.newaxis, :])[0]
    output = np.zeros(len(game.players))
    for block, cost in zip(structure, costs, strict=True):
        cheapest = [player for player in members(block) if game.unit_cost[player] == cost]
        output[cheapest] = max(0.0, price - cost) / len(cheapest)
    return output
