"""Imputations of a market of small groups: payoffs by type of least total at which no group can do better.

Everybody of one type gets the same. Payoffs at which no group can do better, and which add up to no more than the
welfare, are those of the stable assignments; where they are not unique they form a polyhedron, the optimal face.

Sets: ``types`` i; ``groups`` G, those that have a row (by default enough for the whole game); more rows can be added.
Parameters: ``mass[i]`` mu_i, people of type i; ``surplus[G]`` s(G), money per group; ``count[G, i]`` G(i), members of
type i in G; ``direction[i]`` d_i, change of the masses. Variables: payoffs u_i, free in sign.

Equations::

    (no blocking)  sum over i in G of u_i >= s(G), row k for the k-th of ``groups``   all
    (shared)       sum over i in G of u_i  = s(G), for the groups formed              along, least_squares
    (total)        minimise  sum of mu_i u_i                                          least_total
    (rate)         minimise  sum of d_i u_i                                           along
    (squares)      minimise  sum of mu_i u_i^2                                        least_squares

==========  ============================  ============================  ================
symbol      component                     formulations                  unit
==========  ============================  ============================  ================
u_i         ``payoff[i]``                 all                           money per person
mu_i        ``mass[i]``                   all                           people
d_i         ``direction[i]``              ``along``                     people
s(G)        ``surplus[G]``                all                           money per group
G(i)        ``count[G, i]``               all                           people per group
tau(G)      dual of ``no_blocking[k]``    ``least_total``               groups
==========  ============================  ============================  ================

Exactness: exact. ``least_total`` is the dual of :mod:`breakaway.models.group_welfare`. ``along`` and ``least_squares``
are about the optimal face, which the groups of any one optimal assignment describe: ``along`` is the derivative of the
welfare as masses change in the direction d; ``least_squares`` (convex quadratic, one optimum) picks the most equal
imputation, which does not change when a type is split into two of the same kind.

Reference: Wang (2019), Small Group Cooperation in Games and Economies, Theorem 2, (3) and (6).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyomo.environ as pyo

from breakaway.data.groups import FiniteGroupGame, GroupArray, Types, member_counts
from breakaway.models import small_groups
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "least_total": "payoffs of least total at which no group can do better; the duals are an assignment",
        "along": "the imputation under which a direction of masses is worth least: a derivative of the welfare",
        "least_squares": "the most equal imputation; a convex quadratic programme",
    }
)
"""Formulations and what they are, the default first."""


def build(
    game: FiniteGroupGame,
    formulation: str = "least_total",
    groups: GroupArray | None = None,
    formed: GroupArray | None = None,
    direction: Mapping[str, float] | None = None,
) -> pyo.ConcreteModel:
    """Write a programme of the imputations of a market of small groups.

    Parameters
    ----------
    game
        Types with masses, and surpluses of groups.
    formulation
        ``"least_total"``, ``"along"`` or ``"least_squares"``; see :data:`FORMULATIONS`.
    groups
        The groups that have a row, as rows of type numbers padded with -1; None: enough for the whole game.
    formed
        With ``along`` and ``least_squares`` only, where they are needed: the groups of an optimal assignment.
    direction
        With ``along`` only, where it is needed: the change of mass by type; types left out do not change.

    Raises
    ------
    ValueError
        For an unknown formulation, arguments that are missing or misplaced, an unknown type in the direction, too
        many groups, or a group that is not permitted.
    """
    check_formulation(formulation, FORMULATIONS)
    _check_arguments(game.types, formulation, formed, direction)
    chosen, surplus = small_groups.chosen_groups(game, groups)
    model = pyo.ConcreteModel(name=f"imputation of small groups, {formulation}")
    small_groups.add_types(model, game.types)
    small_groups.add_groups(model, game.types, chosen, surplus)
    add_payoff(model)
    add_no_blocking(model)
    if formed is not None:
        add_shared(model, game, formed)
    _add_objective(model, direction or {}, formulation)
    add_duals(model)
    return model


def _check_arguments(
    types: Types, formulation: str, formed: GroupArray | None, direction: Mapping[str, float] | None
) -> None:
    """Refuse arguments that do not go with the formulation."""
    if (formed is not None) != (formulation != "least_total"):
        raise ValueError(
            "the groups formed go with 'along' and 'least_squares' and with no other: give both or neither"
        )
    if (direction is not None) != (formulation == "along"):
        raise ValueError("a direction goes with 'along' and with no other: give both or neither")
    for name in direction or {}:
        if name not in types.names:
            raise ValueError(f"the direction names {name!r}; types are {', '.join(types.names[:20])}")


def add_payoff(model: pyo.ConcreteModel) -> None:
    """u_i, free in sign."""
    model.payoff = pyo.Var(model.types, initialize=0.0, doc="u_i, payoff of everybody of type i")


def add_no_blocking(model: pyo.ConcreteModel) -> None:
    """Sum over i in G of u_i >= s(G), row k for the k-th group."""
    model.no_blocking = pyo.ConstraintList(doc="no group can do better: row k is for the k-th of groups")
    totals: dict[str, list[object]] = {group: [] for group in model.groups}
    for group, i in model.members:
        totals[group].append(model.count[group, i] * model.payoff[i])
    for group, parts in totals.items():
        model.no_blocking.add(pyo.quicksum(parts) >= model.surplus[group])


def add_row(model: pyo.ConcreteModel, group: Mapping[str, int], surplus: float) -> str:
    """Add sum over i in G of u_i >= s(G) for a further group, given by members of each type; return its name.

    Raises
    ------
    ValueError
        When the group has a row already.
    """
    name = "+".join(i for i in model.types for _ in range(group.get(i, 0)))
    if name in model.groups:
        raise ValueError(f"group {name} has a row already: compare its payoffs with that row's surplus")
    model.groups.add(name)
    total = pyo.quicksum((count * model.payoff[i] for i, count in group.items()))
    model.no_blocking.add(total >= surplus)
    return name


def add_shared(model: pyo.ConcreteModel, game: FiniteGroupGame, formed: GroupArray) -> None:
    """Sum over i in G of u_i = s(G) for the groups formed."""
    chosen, surplus = small_groups.chosen_groups(game, formed)
    names = [game.types.group_name(group) for group in chosen.tolist()]
    model.groups_formed = pyo.Set(initialize=names, doc="groups G of an optimal assignment")
    parts: dict[str, list[object]] = {name: [] for name in names}
    for row, i, count in zip(*(array.tolist() for array in member_counts(chosen)), strict=True):
        parts[names[row]].append(count * model.payoff[game.types.names[i]])
    share = dict(zip(names, surplus, strict=True))
    model.shared = pyo.Constraint(
        model.groups_formed,
        rule=lambda m, g: (pyo.quicksum(parts[g]), share[g]),
        doc="the members of a formed group share its surplus",
    )


def _add_objective(model: pyo.ConcreteModel, direction: Mapping[str, float], formulation: str) -> None:
    """Minimise sum of mu_i u_i, of d_i u_i, or of mu_i u_i^2."""
    if formulation == "least_total":
        total = pyo.quicksum(model.mass[i] * model.payoff[i] for i in model.types)
        model.total = pyo.Objective(expr=total, doc="payoffs of all people")
    elif formulation == "along":
        d = {i: direction.get(i, 0.0) for i in model.types}
        model.direction = pyo.Param(
            model.types, initialize=d, within=pyo.Reals, doc="d_i, change of the mass of type i"
        )
        rate = pyo.quicksum(model.direction[i] * model.payoff[i] for i in model.types)
        model.rate = pyo.Objective(expr=rate, doc="derivative of the welfare")
    else:
        squares = pyo.quicksum(model.mass[i] * model.payoff[i] ** 2 for i in model.types)
        model.squares = pyo.Objective(expr=squares, doc="inequality of the payoffs")


def add_duals(model: pyo.ConcreteModel) -> None:
    """Ask the solver for the dual of every constraint."""
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)


def assignment(model: pyo.ConcreteModel) -> dict[str, float]:
    """Return tau(G) by group from the duals that the model holds; rows of duals 0 are left out.

    Raises
    ------
    ValueError
        When the model holds no duals.
    """
    rows = list(model.no_blocking.values())
    if any(row not in model.dual for row in rows):
        raise ValueError("the model holds no duals: solve it by a solver that returns them (highs)")
    found = {group: float(model.dual[row]) for group, row in zip(model.groups, rows, strict=True)}
    return {group: mass for group, mass in found.items() if mass != 0.0}
