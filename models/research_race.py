"""A race of research coalitions for one prize: each chooses its arrival rate, Nash between coalitions.

The coalition whose discovery arrives first, at its Poisson rate, wins a prize of value 1. Larger coalitions reach a
rate at less cost, by synergy; the discount rate makes late discoveries worth less.

Sets: ``coalitions`` (the blocks S of the structure).
Parameters: the discount rate r > 0, in 1/time; the efficiency k_S = |S|^alpha, in 1/time^2 per prize.
Variables: the arrival rate lambda_S of every coalition, in 1/time.

Equations, with X = r + Lambda and Lambda the sum of all rates::

    (15, worth)    v(S) = lambda_S / X - lambda_S^2 / (2 k_S)
    (16, first)    X - lambda_S = lambda_S X^2 / k_S                       equation (16) times X^2, as in (19)
    (aggregate)    maximise  sum of sqrt(k_S) arctan(X / sqrt(k_S))  -  X  +  r log X    over X >= r
    (rates)        lambda_S = X / (1 + X^2 / k_S)

====================  ==========================  ============
symbol                component                   unit
====================  ==========================  ============
r                     ``discount_rate``           1/time
k_S = |S|^alpha       ``efficiency[S]``           1/time^2
lambda_S              ``arrival_rate[S]``         1/time
X = r + Lambda        ``discounted_total``        1/time
v(S, pi)              ``worth[S]``                prizes
====================  ==========================  ============

Exactness. Payoffs are concave in the own rate, so equation (16) is necessary and sufficient for an equilibrium. Solved
for lambda_S and summed it says h(X) = sum of 1/(1 + X^2/k_S) - 1 + r/X = 0, and h falls strictly: the equilibrium is
unique. ``first_order`` stacks (16), a square polynomial system. ``aggregate`` maximises the integral of h, a strictly
concave function of one variable, and so has no other local solution; the rates are expressions in X. The race has no
exact potential in the rates.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, Example 3, equations (13) to (23), after Loury
(1979) and Reinganum (1982). Equation (15) is the paper's analysis and the default; equations (13) and (14) imply the
exponent alpha - 1 in place of alpha, which the convention ``equation-14`` of the game chooses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike

from breakaway.data.coalitions import Structure
from breakaway.data.games import ResearchRace
from breakaway.models.blocks import FloatArray, block_sizes, check_formulation, named_blocks, structure_array

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "first_order": "equation (16) for every coalition, a square polynomial system; exact",
        "aggregate": "concave NLP in the discounted total alone; exact",
    }
)
"""Formulations and what they are, the default first."""

_MAX_STEPS = 200
_MOST_DIGITS = 150
_SETTLED = 2.0**-49
"""A relative step of Newton's method that is rounding alone: eight units in the last place."""


def build(game: ResearchRace, structure: Structure, formulation: str = "first_order") -> pyo.ConcreteModel:
    """Write the equilibrium between the coalitions of a structure.

    Parameters
    ----------
    game
        The race.
    structure
        A partition of the firms, as a tuple of bitmasks.
    formulation
        ``"first_order"``: equation (16) for every coalition, a square system. ``"aggregate"``: a concave problem in
        the discounted total X alone. Both are exact.

    Raises
    ------
    ValueError
        For an unknown formulation, blocks that are no partition, a discount rate that is not positive, or a synergy
        so large that powers overflow.
    """
    check_formulation(formulation, FORMULATIONS)
    _check_parameters(game)
    model = pyo.ConcreteModel(name=f"Research race, {game.players.structure_name(structure)}")
    _add_sets(model, game, structure)
    _add_parameters(model, game)
    if formulation == "first_order":
        _add_arrival_rate(model)
        _add_discounted_total(model)
        _add_marginal_payoff(model)
    else:
        _add_discounted_total_choice(model)
        _add_arrival_rate_in_total(model)
        _add_aggregate_potential(model)
    _add_worth(model)
    return model


def _check_parameters(game: ResearchRace) -> None:
    """Refuse r <= 0, for which a coalition without rivals has no best rate, and powers that overflow."""
    if not game.discount_rate > 0:
        raise ValueError(f"discount_rate must be positive, not {game.discount_rate}: without it nobody hurries")
    if not game.exponent * math.log10(max(2, len(game.players))) <= _MOST_DIGITS:
        raise ValueError(
            f"synergy {game.synergy} makes the efficiency of {len(game.players)} firms exceed 1e{_MOST_DIGITS}; "
            f"choose a smaller synergy"
        )


def _add_sets(model: pyo.ConcreteModel, game: ResearchRace, structure: Structure) -> None:
    """Coalitions S of the structure; members of S."""
    blocks = named_blocks(game.players, structure)
    model.players = pyo.Set(initialize=game.players.names, doc="firms i")
    model.coalitions = pyo.Set(initialize=list(blocks), doc="coalitions S of the structure")
    model.members = pyo.Set(model.coalitions, initialize=blocks, within=model.players, doc="firms of coalition S")


def _add_parameters(model: pyo.ConcreteModel, game: ResearchRace) -> None:
    """Discount rate r in 1/time; k_S = |S|^alpha in 1/time^2."""
    powers = {s: float(len(model.members[s])) ** game.exponent for s in model.coalitions}
    model.discount_rate = pyo.Param(initialize=game.discount_rate, within=pyo.PositiveReals, doc="r, discount rate")
    model.efficiency = pyo.Param(
        model.coalitions, initialize=powers, within=pyo.PositiveReals, doc="k_S, size of S to the power of synergy"
    )


def _add_arrival_rate(model: pyo.ConcreteModel) -> None:
    """lambda_S >= 0."""

    def undisturbed(m: pyo.ConcreteModel, s: str) -> float:
        return 0.5 * math.sqrt(m.efficiency[s])

    model.arrival_rate = pyo.Var(
        model.coalitions, within=pyo.NonNegativeReals, initialize=undisturbed, doc="lambda_S, arrival rate of S"
    )


def _add_discounted_total(model: pyo.ConcreteModel) -> None:
    """X = r + sum of lambda_S."""
    total = model.discount_rate + pyo.quicksum(model.arrival_rate.values())
    model.discounted_total = pyo.Expression(expr=total, doc="X, discount rate plus all arrival rates")


def _add_marginal_payoff(model: pyo.ConcreteModel) -> None:
    """lambda_S X^2 / k_S = X - lambda_S."""

    def marginal(m: pyo.ConcreteModel, s: str) -> object:
        own, total = m.arrival_rate[s], m.discounted_total
        return own * total**2 / m.efficiency[s] - total + own == 0

    model.marginal_payoff = pyo.Constraint(model.coalitions, rule=marginal, doc="equation (16) times X^2")


def _add_discounted_total_choice(model: pyo.ConcreteModel) -> None:
    """X >= r."""
    rate = float(pyo.value(model.discount_rate))
    start = rate + math.sqrt(max(model.efficiency.values()))
    model.discounted_total = pyo.Var(
        bounds=(rate, None), initialize=start, doc="X, discount rate plus all arrival rates"
    )


def _add_arrival_rate_in_total(model: pyo.ConcreteModel) -> None:
    """lambda_S = X / (1 + X^2 / k_S)."""

    def best_rate(m: pyo.ConcreteModel, s: str) -> object:
        return m.discounted_total / (1 + m.discounted_total**2 / m.efficiency[s])

    model.arrival_rate = pyo.Expression(model.coalitions, rule=best_rate, doc="lambda_S, arrival rate of S")


def _add_aggregate_potential(model: pyo.ConcreteModel) -> None:
    """Maximise sum of sqrt(k_S) arctan(X / sqrt(k_S)) - X + r log X."""
    total = model.discounted_total
    roots = [math.sqrt(k) for k in model.efficiency.values()]
    value = pyo.quicksum(root * pyo.atan(total / root) for root in roots) - total
    model.aggregate_potential = pyo.Objective(
        expr=value + model.discount_rate * pyo.log(total), sense=pyo.maximize, doc="integral of h(X)"
    )


def _add_worth(model: pyo.ConcreteModel) -> None:
    """v(S) = lambda_S / X - lambda_S^2 / (2 k_S)."""

    def expected_payoff(m: pyo.ConcreteModel, s: str) -> object:
        own = m.arrival_rate[s]
        return own / m.discounted_total - own**2 / (2 * m.efficiency[s])

    model.worth = pyo.Expression(model.coalitions, rule=expected_payoff, doc="v(S, pi), equation (15)")


def closed_form_worths(game: ResearchRace, structures: ArrayLike) -> FloatArray:
    """v(S, pi) = t (1 + t) / 2 with t = lambda_S / X = 1 / (1 + X^2 / k_S): equations (15) and (16) combined.

    X is solved to full double precision, once for every pattern of block sizes.

    Parameters
    ----------
    game
        The race.
    structures
        Bitmasks, shape (structures, blocks).

    Returns
    -------
    Expected payoffs of the blocks, in the shape of ``structures``.
    """
    efficiencies, totals = _solve_patterns(game, structures)
    shares = 1.0 / (1.0 + np.square(totals) / efficiencies)
    worths: FloatArray = 0.5 * shares * (1.0 + shares)
    return worths


def closed_form_actions(game: ResearchRace, structure: Structure) -> FloatArray:
    """Return the arrival rate lambda_S = X / (1 + X^2 / k_S) of every coalition, shape (blocks,)."""
    efficiencies, totals = _solve_patterns(game, [structure])
    rates: FloatArray = (totals / (1.0 + np.square(totals) / efficiencies))[0]
    return rates


def _solve_patterns(game: ResearchRace, structures: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return k_S, shape (structures, blocks), and X, shape (structures, 1).

    Structures with the same block sizes have the same sums of their smallest 1, 2, ... blocks, which make the bits of
    a key.
    """
    _check_parameters(game)
    array = structure_array(structures)
    sizes = block_sizes(array, len(game.players))
    ascending = np.sort(sizes, axis=1)
    partial_sums = np.cumsum(ascending, axis=1).astype(np.int64)
    _, first, pattern = np.unique((1 << partial_sums).sum(axis=1), return_index=True, return_inverse=True)
    totals = _discounted_total(ascending[first] ** game.exponent, game.discount_rate)
    return sizes**game.exponent, totals[pattern, np.newaxis]


def _discounted_total(efficiencies: FloatArray, discount_rate: float) -> FloatArray:
    """Return the root X of h(X) = 0 for every row of k_S, by Newton's method in log X inside a shrinking bracket.

    h is positive at X = r and, with two blocks or more, at the root of the second largest k; it is at most
    (sum of k) / X^2 - 1 + r / X, whose root bounds X from above.

    Parameters
    ----------
    efficiencies
        k_S, shape (patterns, blocks), in 1/time^2.
    discount_rate
        r > 0, in 1/time.

    Raises
    ------
    ArithmeticError
        When the root is not settled, which finite, positive parameters rule out.
    """
    descending = np.sort(efficiencies, axis=1)[:, ::-1]
    second = np.sqrt(descending[:, 1]) if descending.shape[1] > 1 else np.zeros(len(descending))
    low = np.maximum(discount_rate, second)
    high = 0.5 * (discount_rate + np.sqrt(discount_rate**2 + 4.0 * descending.sum(axis=1)))
    total: FloatArray = np.sqrt(low * high)
    for _ in range(_MAX_STEPS):
        value, slope = _surplus_rate(total, descending, discount_rate)
        low, high = np.where(value >= 0.0, total, low), np.where(value <= 0.0, total, high)
        newton = total * np.exp(-value / slope)
        settled = np.abs(value) <= _SETTLED * np.abs(slope)
        trusted = settled | ((newton >= low) & (newton <= high))
        total = np.where(trusted, newton, np.sqrt(low * high))
        if settled.all():
            return total
    raise ArithmeticError(f"equation (16) is not settled after {_MAX_STEPS} steps; check synergy and discount_rate")


def _surplus_rate(total: FloatArray, descending: FloatArray, discount_rate: float) -> tuple[FloatArray, FloatArray]:
    """Return h(X) and its derivative in log X; the largest block enters as 1 - t, which does not cancel."""
    ratios = np.square(total)[:, np.newaxis] / descending
    shares = 1.0 / (1.0 + ratios)
    patience = discount_rate / total
    value = shares[:, 1:].sum(axis=1) + patience - ratios[:, 0] * shares[:, 0]
    slope = -2.0 * (ratios * np.square(shares)).sum(axis=1) - patience
    return value, slope
