"""Groups of positive size: the assignment of a market to groups of some mass that has the largest total surplus.

A group takes the amount nu_i of type i, not more than there is, and has a permitted size; gamma(nu) counts the groups.
An assignment is stable if and only if its total surplus is largest, and the duals of its programme are payoffs at which
no group can do better. They may be negative: people who spoil a group must be in some group all the same.

Sets: ``types`` i; ``groups`` g, those given; ``pieces`` k, pieces of a piecewise linear surplus.
Parameters: ``mass[i]`` mu_i, people; ``amount_in[g, i]`` nu_i(g), people of type i in group g; ``surplus[g]`` s(g),
money per group; ``constant[k]`` V_k, money, ``slope[k, i]`` c_ki, money per person, and ``least[k, i]`` r_ki, people: a
group with nu >= r_k may have V_k + c_k.nu; ``payoff[i]`` u_i, money per person (a variable in ``along``);
``direction[i]`` d_i, people; eps' and eps, the sizes permitted.

Equations::

    (minus welfare)  minimise  - M s(z / M)                                     one_composition
    (minus welfare)  minimise  - sum of s(g) gamma(g)                           listed
    (minus welfare)  minimise  - sum over k of (V_k y_k + sum of c_ki z_ki)     pieces
    (minus gain)     minimise  sum of u_i nu_i - s(nu)                          most_gain
    (minus gain)     minimise  sum over k, i of u_i z_ki - sum over k of (V_k y_k + sum of c_ki z_ki)
                                                                                most_gain_of_pieces
    (assigned)       z_i = mu_i                                                 one_composition
                     sum over g of nu_i(g) gamma(g) = mu_i                      listed
                     sum over k of z_ki = mu_i                                  pieces
    (rate)           minimise  sum of d_i u_i                                   along
    (no blocking)    sum over i of nu_i(g) u_i >= s(g), row g for the g-th of ``groups``        along
    (shared)         the same with = for the groups formed                      along
    (one group)      sum over k of y_k = 1                                      most_gain_of_pieces
    (large enough)   sum of z_i >= eps' M, nu for z / M                         one_composition, most_gain
                     sum over i of z_ki >= eps' y_k                             pieces, most_gain_of_pieces
    (small enough)   the same with <= and eps
    (enough)         z_ki >= r_ki y_k                                           pieces, most_gain_of_pieces
    (at hand)        z_ki <= mu_i y_k                                           pieces, most_gain_of_pieces

==========  =======================  =========================================  ================
symbol      component                formulations                               unit
==========  =======================  =========================================  ================
M           ``formed``               ``one_composition``                        groups
gamma(g)    ``formed[g]``            ``listed``                                 groups
y_k         ``formed[k]``            ``pieces``, ``most_gain_of_pieces``        groups
z_i, z_ki   ``people``               ``one_composition``, pieces                people
nu_i        ``amount[i]``            ``most_gain``                              people per group
u_i         ``payoff[i]``            ``along``                                  money per person
- u_i       dual of ``assigned[i]``  those that have it                         money per person
==========  =======================  =========================================  ================

Exactness. ``one_composition`` is exact for concave s: by Jensen's inequality everybody may be in groups with the
composition of the market, and M s(z / M) is jointly concave, so that a local optimum is one and the duals are payoffs.
``listed`` is a linear programme, exact for convex s when the groups are the vertices of all permitted groups, and the
master of column generation otherwise. ``pieces`` is exact for surpluses that are the largest of the pieces that a group
may have: recipes, linear surplus, max(0, b + c.nu). It is linear, and so is ``most_gain_of_pieces``, whose optimum is a
single piece. ``most_gain`` is as hard as s: concave s have one optimum, others need a global solver. ``along`` goes
through the payoffs that every optimal assignment has in common with its duals, which the groups of one describe; it is
exact when ``groups`` has the groups that could block.

Reference: Wang (2019), Small Group Cooperation in Games and Economies, section 3, Theorems 3 and 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.calculus.derivatives import Modes, differentiate

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import (
    CesSurplus,
    FunctionSurplus,
    LinearSurplus,
    PositiveSizeGame,
    QuadraticSurplus,
    RecipeSurplus,
    SurplusForm,
    ThresholdSurplus,
)
from breakaway.models import small_groups
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "one_composition": "everybody in groups with the composition of the market; exact for concave surplus",
        "listed": "the groups given may form, and no other; the duals are payoffs",
        "pieces": "a surplus that is the largest of linear pieces, as one linear programme",
        "most_gain": "the group that gains most at given payoffs; nonlinear",
        "most_gain_of_pieces": "the group that gains most at given payoffs, for a surplus in linear pieces",
        "along": "the stable payoffs under which a direction of masses is worth least",
    }
)
"""Formulations and what they are."""

PIECEWISE = (LinearSurplus, ThresholdSurplus, RecipeSurplus)
"""Surpluses that are the largest of linear pieces."""


def build(
    game: PositiveSizeGame,
    formulation: str,
    groups: Floats | None = None,
    payoffs: Sequence[float] | Floats | None = None,
    formed: Floats | None = None,
    direction: Sequence[float] | Floats | None = None,
) -> pyo.ConcreteModel:
    """Write a programme of a market of groups of positive size.

    Parameters
    ----------
    game
        Types with masses, sizes of groups, and the surplus.
    formulation
        One of :data:`FORMULATIONS`.
    groups
        With ``listed`` and ``along``, where they are needed: amounts by type, shape (groups, types).
    payoffs
        With ``most_gain`` and ``most_gain_of_pieces``, where they are needed: payoffs by type, shape (types,).
    formed
        With ``along``, where they are needed: the groups of an optimal assignment, shape (formed, types).
    direction
        With ``along``, where it is needed: the change of the mass of each type, shape (types,).

    Raises
    ------
    ValueError
        For an unknown formulation, arguments that are missing or misplaced, a group that is not permitted, or a surplus
        that the formulation cannot have.
    """
    check_formulation(formulation, FORMULATIONS)
    _check_given(formulation, {"groups": groups, "payoffs": payoffs, "formed": formed, "direction": direction})
    _check_form(game, formulation)
    model = pyo.ConcreteModel(name=f"groups of positive size, {formulation}")
    small_groups.add_types(model, game.types)
    if payoffs is not None:
        add_payoffs(model, _one_for_each(game, "payoffs", payoffs))
    if formulation == "one_composition":
        _build_one_composition(model, game)
    elif formulation == "listed":
        _build_listed(model, game, groups)
    elif formulation == "along":
        _build_along(model, game, groups, formed, _one_for_each(game, "direction", direction))
    elif formulation == "most_gain":
        add_amount(model, game)
        add_sizes(model, game, [(None, 1.0, model.amount)])
        add_minus_gain(model, surplus_expression(game.form, list(model.amount.values())), model.amount)
    else:
        _build_pieces(model, game, formulation)
    add_duals(model)
    return model


NEEDED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "one_composition": frozenset(),
        "listed": frozenset({"groups"}),
        "pieces": frozenset(),
        "most_gain": frozenset({"payoffs"}),
        "most_gain_of_pieces": frozenset({"payoffs"}),
        "along": frozenset({"groups", "formed", "direction"}),
    }
)
"""What each formulation needs beyond the game; it takes nothing else."""


def _check_given(formulation: str, given: Mapping[str, Any]) -> None:
    """Refuse arguments that are missing, and those that the formulation does not have."""
    needed = NEEDED[formulation]
    wrong = {name for name, value in given.items() if (value is not None) != (name in needed)}
    if wrong:
        words = ", ".join(sorted(needed)) or "no argument beyond the game"
        raise ValueError(f"{', '.join(sorted(wrong))} missing or out of place: {formulation!r} takes {words}")


def _check_form(game: PositiveSizeGame, formulation: str) -> None:
    """Refuse a surplus that the formulation cannot have."""
    name, form = type(game.form).__name__, game.form
    if formulation.endswith("pieces") and not isinstance(form, PIECEWISE):
        raise ValueError(f"a {name} has no linear pieces: use 'one_composition', 'listed' or 'most_gain'")
    smooth = not isinstance(form, ThresholdSurplus | RecipeSurplus)
    if formulation in ("one_composition", "most_gain") and not smooth:
        raise ValueError(f"a {name} is not smooth: use 'pieces' or 'most_gain_of_pieces'")


def _one_for_each(game: PositiveSizeGame, name: str, values: Sequence[float] | Floats | None) -> list[float]:
    """Return values by type, as plain numbers."""
    found = [] if values is None else [float(value) for value in values]
    if len(found) != len(game.types):
        raise ValueError(f"{name} has {len(found)} entries: give one for each of the {len(game.types)} types")
    return found


def check_permitted(game: PositiveSizeGame, groups: Floats | None) -> Floats:
    """Return the groups; refuse groups of other sizes, and groups with more people of a type than there are."""
    if groups is None or groups.ndim != 2 or groups.shape[1] != len(game.types):
        raise ValueError(f"groups must be an array with a row of {len(game.types)} amounts for each")
    room = 1e-9 * game.total
    sizes = groups.sum(axis=1)
    inside = ((groups >= -room) & (groups <= game.types.masses + room)).all(axis=1)
    inside &= (sizes >= game.smallest - room) & (sizes <= game.largest + room)
    for row in np.flatnonzero(~inside)[:1].tolist():
        raise ValueError(
            f"group {groups[row].tolist()} is not permitted: amounts are 0 to the mass of the type, sizes "
            f"{game.smallest:.6g} to {game.largest:.6g}"
        )
    return groups


# --- everybody in groups of one composition ---------------------------------------------------------------------------


def _build_one_composition(model: pyo.ConcreteModel, game: PositiveSizeGame) -> None:
    """Write M s(z / M)."""
    most = game.total / game.smallest
    model.formed = pyo.Var(bounds=(0.0, None), initialize=0.5 * (most + game.total / game.largest), doc="M, groups")
    start = {i: model.mass[i] for i in model.types}
    model.people = pyo.Var(model.types, bounds=(0.0, None), initialize=start, doc="z_i, people of type i in groups")
    model.assigned = pyo.Constraint(
        model.types, rule=lambda m, i: (m.people[i] - m.mass[i], 0.0), doc="everybody is in some group"
    )
    add_sizes(model, game, [(None, model.formed, model.people)])
    group = [people / model.formed for people in model.people.values()]
    model.minus_welfare = pyo.Objective(
        expr=-model.formed * surplus_expression(game.form, group), doc="total surplus, negated"
    )


def surplus_expression(form: SurplusForm, group: Sequence[Any]) -> Any:
    """Return s(nu) as an expression of the amounts of all types."""
    if isinstance(form, FunctionSurplus):
        return form.value(group)
    if isinstance(form, LinearSurplus):
        return pyo.quicksum(c * nu for c, nu in zip(form.coefficients.tolist(), group, strict=True))
    if isinstance(form, CesSurplus):
        terms = [a * nu**form.rho for a, nu in zip(form.coefficients.tolist(), group, strict=True) if a > 0]
        return pyo.quicksum(terms) ** (form.theta / form.rho)
    if isinstance(form, QuadraticSurplus):
        pairs = zip(*(index.tolist() for index in np.nonzero(np.triu(form.matrix))), strict=True)
        return pyo.quicksum(float(form.matrix[a, b]) * (1.0 if a == b else 2.0) * group[a] * group[b] for a, b in pairs)
    raise ValueError(f"a {type(form).__name__} is not smooth: it is written in linear pieces")


# --- groups given -----------------------------------------------------------------------------------------------------


def _build_listed(model: pyo.ConcreteModel, game: PositiveSizeGame, groups: Floats | None) -> None:
    """Write the welfare over groups given; their names are 0, 1, ..."""
    add_groups(model, game, check_permitted(game, groups))
    model.formed = pyo.Var(model.groups, within=pyo.NonNegativeReals, initialize=0.0, doc="gamma(g), how many form")
    parts: dict[str, list[Any]] = {i: [] for i in model.types}
    for g, i in model.inside:
        parts[i].append(model.amount_in[g, i] * model.formed[g])
    model.assigned = pyo.Constraint(
        model.types, rule=lambda m, i: (pyo.quicksum(parts[i]) - m.mass[i], 0.0), doc="everybody is in some group"
    )
    welfare = pyo.quicksum(model.surplus[g] * model.formed[g] for g in model.groups)
    model.minus_welfare = pyo.Objective(expr=-welfare, doc="total surplus, negated")


def add_groups(model: pyo.ConcreteModel, game: PositiveSizeGame, groups: Floats) -> None:
    """Add groups g with s(g) and their amounts nu_i(g), which are not 0."""
    model.groups = pyo.Set(initialize=range(len(groups)), doc="groups g")
    inside = {
        (g, game.types.names[i]): float(groups[g, i])
        for g, i in zip(*(index.tolist() for index in np.nonzero(groups)), strict=True)
    }
    model.inside = pyo.Set(initialize=list(inside), dimen=2, doc="types i in group g")
    model.amount_in = pyo.Param(model.inside, initialize=inside, within=pyo.Reals, doc="nu_i(g), people of type i")
    worth = dict(enumerate(game.form.values(groups).tolist()))
    model.surplus = pyo.Param(model.groups, initialize=worth, within=pyo.Reals, doc="s(g), surplus of the group")


def _build_along(
    model: pyo.ConcreteModel,
    game: PositiveSizeGame,
    groups: Floats | None,
    formed: Floats | None,
    direction: Sequence[float],
) -> None:
    """Write the least worth of a direction; the rows of the groups come first, then those of the groups formed."""
    blocking, sharing = check_permitted(game, groups), check_permitted(game, formed)
    add_groups(model, game, np.vstack([blocking, sharing]))
    model.payoff = pyo.Var(model.types, initialize=0.0, doc="u_i, payoff of everybody of type i")
    paid: dict[int, list[Any]] = {g: [] for g in model.groups}
    for g, i in model.inside:
        paid[g].append(model.amount_in[g, i] * model.payoff[i])
    model.no_blocking = pyo.Constraint(
        range(len(blocking)),
        rule=lambda m, g: pyo.quicksum(paid[g]) >= m.surplus[g],
        doc="no group can do better",
    )
    model.shared = pyo.Constraint(
        range(len(blocking), len(blocking) + len(sharing)),
        rule=lambda m, g: pyo.quicksum(paid[g]) == m.surplus[g],
        doc="groups formed share what they have",
    )
    change = dict(zip(model.types, direction, strict=True))
    model.direction = pyo.Param(model.types, initialize=change, within=pyo.Reals, doc="d_i, change of mass")
    rate = pyo.quicksum(model.direction[i] * model.payoff[i] for i in model.types)
    model.rate = pyo.Objective(expr=rate, doc="what the direction is worth")


# --- linear pieces ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pieces:
    """A surplus as the largest of linear pieces: V_k + c_k.nu for groups with nu >= r_k.

    ``constant`` V has shape (pieces,), ``slope`` c and ``least`` r have shape (pieces, types).
    """

    names: tuple[str, ...]
    constant: Floats
    slope: Floats
    least: Floats


def pieces_of(form: SurplusForm) -> Pieces:
    """Return the linear pieces of a surplus.

    Raises
    ------
    ValueError
        When it has none.
    """
    if isinstance(form, LinearSurplus):
        slope = form.coefficients[None, :]
        return Pieces(("all",), np.zeros(1), slope, np.zeros_like(slope))
    if isinstance(form, ThresholdSurplus):
        slope = np.vstack([np.zeros_like(form.coefficients), form.coefficients])
        return Pieces(("below", "above"), np.array([0.0, form.intercept]), slope, np.zeros_like(slope))
    if isinstance(form, RecipeSurplus):
        least = np.vstack([np.zeros(form.amounts.shape[1]), form.amounts])
        names = ("no recipe", *(f"recipe {name}" for name in form.names))
        return Pieces(names, np.append(0.0, form.worth), np.zeros_like(least), least)
    raise ValueError(f"a {type(form).__name__} has no linear pieces")


def _build_pieces(model: pyo.ConcreteModel, game: PositiveSizeGame, formulation: str) -> None:
    """Write the welfare, or the gain of one group, over groups of every piece."""
    add_pieces(model, pieces_of(game.form))
    model.formed = pyo.Var(model.pieces, within=pyo.NonNegativeReals, initialize=0.0, doc="y_k, groups of piece k")
    model.people = pyo.Var(
        model.pieces, model.types, within=pyo.NonNegativeReals, initialize=0.0, doc="z_ki, people in groups of piece k"
    )
    rows = [(k, model.formed[k], {i: model.people[k, i] for i in model.types}) for k in model.pieces]
    add_sizes(model, game, rows)
    add_enough(model)
    add_at_hand(model)
    surplus = pyo.quicksum(
        model.constant[k] * model.formed[k] + pyo.quicksum(model.slope[k, i] * people[i] for i in model.types)
        for k, _, people in rows
    )
    if formulation == "pieces":
        model.assigned = pyo.Constraint(
            model.types,
            rule=lambda m, i: (pyo.quicksum(m.people[k, i] for k in m.pieces) - m.mass[i], 0.0),
            doc="everybody is in some group",
        )
        model.minus_welfare = pyo.Objective(expr=-surplus, doc="total surplus, negated")
    else:
        model.one_group = pyo.Constraint(expr=pyo.quicksum(model.formed.values()) == 1.0, doc="one group")
        group = {i: pyo.quicksum(model.people[k, i] for k in model.pieces) for i in model.types}
        add_minus_gain(model, surplus, group)


def add_pieces(model: pyo.ConcreteModel, pieces: Pieces) -> None:
    """Pieces k with V_k, c_ki and r_ki."""
    model.pieces = pyo.Set(initialize=pieces.names, doc="pieces k of the surplus")
    constant = dict(zip(pieces.names, pieces.constant.tolist(), strict=True))
    model.constant = pyo.Param(model.pieces, initialize=constant, within=pyo.Reals, doc="V_k, constant of a piece")
    keys = [(k, i) for k in model.pieces for i in model.types]
    for name, values, doc in (
        ("slope", pieces.slope, "c_ki, what a person of type i adds in piece k"),
        ("least", pieces.least, "r_ki, least amount of type i for piece k"),
    ):
        cells = dict(zip(keys, values.ravel().tolist(), strict=True))
        model.add_component(name, pyo.Param(model.pieces, model.types, initialize=cells, within=pyo.Reals, doc=doc))


def add_enough(model: pyo.ConcreteModel) -> None:
    """z_ki >= r_ki y_k."""
    model.enough = pyo.Constraint(
        [(k, i) for k in model.pieces for i in model.types if model.least[k, i] > 0],
        rule=lambda m, k, i: (0.0, m.people[k, i] - m.least[k, i] * m.formed[k], None),
        doc="groups of a piece have what it takes",
    )


def add_at_hand(model: pyo.ConcreteModel) -> None:
    """z_ki <= mu_i y_k."""
    model.at_hand = pyo.Constraint(
        model.pieces,
        model.types,
        rule=lambda m, k, i: (None, m.people[k, i] - m.mass[i] * m.formed[k], 0.0),
        doc="no group has more of a type than there is",
    )


# --- one group, sizes, payoffs ----------------------------------------------------------------------------------------


def add_payoffs(model: pyo.ConcreteModel, payoffs: Sequence[float]) -> None:
    """u_i."""
    values = dict(zip(model.types, payoffs, strict=True))
    model.payoff = pyo.Param(
        model.types, initialize=values, within=pyo.Reals, mutable=True, doc="u_i, payoff of type i"
    )


def add_amount(model: pyo.ConcreteModel, game: PositiveSizeGame) -> None:
    """0 <= nu_i <= mu_i."""
    share = 0.5 * (game.smallest + game.largest) / game.total
    model.amount = pyo.Var(
        model.types,
        bounds=lambda m, i: (0.0, m.mass[i]),
        initialize=lambda m, i: share * m.mass[i],
        doc="nu_i, people of type i in the group",
    )


def add_sizes(
    model: pyo.ConcreteModel, game: PositiveSizeGame, rows: Sequence[tuple[Any, Any, Mapping[str, Any]]]
) -> None:
    """Eps' M <= sum of z_i <= eps M, for (name of the row, M, z) in ``rows``; one row without a name is not indexed."""
    sizes = {name: (formed, pyo.quicksum(people.values())) for name, formed, people in rows}
    for component, size, sign, doc in (
        ("large_enough", game.smallest, 1.0, "no group is smaller than permitted"),
        ("small_enough", game.largest, -1.0, "no group is larger than permitted"),
    ):
        room = {name: sign * (people - size * formed) for name, (formed, people) in sizes.items()}
        row = (
            pyo.Constraint(expr=room[None] >= 0.0, doc=doc)
            if None in room
            else pyo.Constraint(list(room), rule=lambda _, k, room=room: room[k] >= 0.0, doc=doc)
        )
        model.add_component(component, row)


def add_minus_gain(model: pyo.ConcreteModel, surplus: Any, group: Mapping[str, Any]) -> None:
    """Minimise sum of u_i nu_i - s(nu)."""
    paid = pyo.quicksum(model.payoff[i] * group[i] for i in model.types)
    model.minus_gain = pyo.Objective(expr=paid - surplus, doc="what the members get now, less their surplus")


def add_duals(model: pyo.ConcreteModel) -> None:
    """Ask the solver for the dual of every constraint."""
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)


# --- what a solved model says -----------------------------------------------------------------------------------------


def payoffs_of(model: pyo.ConcreteModel) -> Floats:
    """Return the payoffs u_i, shape (types,), from the duals that the model holds.

    Raises
    ------
    ValueError
        When the model holds no duals: it is not solved, by a solver without duals, or has no such constraint.
    """
    rows = model.component("assigned")
    if rows is None or any(rows[i] not in model.dual for i in model.types):
        raise ValueError(
            "the model holds no duals of 'assigned': solve 'one_composition', 'listed' or 'pieces' by a solver that "
            "returns them (highs, ipopt)"
        )
    return np.array([-float(model.dual[rows[i]]) for i in model.types])


def gradient(game: PositiveSizeGame, group: Floats) -> Floats:
    """Return the derivatives of a smooth surplus by the amount of each type at a group, shape (types,).

    Raises
    ------
    ValueError
        When the surplus is in pieces, or has no finite derivatives at the group.
    """
    model = build(game, "most_gain", payoffs=np.zeros(len(game.types)))
    for amount, value in zip(model.amount.values(), group.tolist(), strict=True):
        amount.set_value(value, skip_validation=True)
    wrt = list(model.amount.values())
    try:
        found = differentiate(model.minus_gain.expr, wrt_list=wrt, mode=Modes.reverse_numeric)
    except (ZeroDivisionError, OverflowError):
        found = [math.inf]
    if not all(map(math.isfinite, found)):
        raise ValueError(f"the surplus has no finite derivatives at the group {group.tolist()}")
    return -np.array(found, dtype=np.float64)
