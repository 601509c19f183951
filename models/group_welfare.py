"""Welfare of a market of small groups: the assignment of people to groups that has the largest total surplus.

A continuum of people of finitely many types forms groups of a few members each; tau(G) counts the groups G. An
assignment is stable if and only if it is a largest one, and the duals of its programme are payoffs at which no group
can do better.

Sets: ``types`` i; ``groups`` G, the groups that may form (by default enough for the whole game).
Parameters: ``mass[i]`` mu_i, people of type i; ``surplus[G]`` s(G), money per group; ``count[G, i]`` G(i), members of
type i in G. Variables: tau(G); in ``uncovered`` also the people left over.

Equations::

    (minus welfare)  minimise  - sum over G of s(G) tau(G)                    assigned, at_most
    (assigned)       sum over G of G(i) tau(G) = mu_i                         assigned; consistency condition (2)
    (at most)        sum over G of G(i) tau(G) <= mu_i                        at_most
    (left over)      minimise  sum of r_i                                     uncovered
    (covered)        sum over G of G(i) tau(G) + r_i = mu_i                   uncovered

==========  =======================  ====================  ================
symbol      component                formulations          unit
==========  =======================  ====================  ================
tau(G)      ``formed[G]``            all                   groups
r_i         ``left_over[i]``         ``uncovered``         people
mu_i        ``mass[i]``              all                   people
s(G)        ``surplus[G]``           all                   money per group
G(i)        ``count[G, i]``          all                   people per group
- u_i       dual of ``assigned[i]``  ``assigned``          money per person
- u_i       dual of ``at_most[i]``   ``at_most``           money per person
==========  =======================  ====================  ================

Exactness: exact, linear programmes. ``at_most`` has the value of ``assigned`` when groups of one type are permitted,
because s >= 0: whoever is left over can be put there. ``uncovered`` tells whether the groups can cover the market at
all (optimum 0), and who is left over if not. The objective is minimised, so that duals have one sign with every solver:
for maximised programmes some methods of some solvers return the opposite one.

Reference: Wang (2019), Small Group Cooperation in Games and Economies, Theorem 2, (2) and (5).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyomo.environ as pyo

from breakaway.data.groups import FiniteGroupGame, GroupArray
from breakaway.models import small_groups
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "assigned": "everybody is assigned to some group; the duals are payoffs of either sign",
        "at_most": "nobody is assigned twice; the duals are payoffs of at least 0",
        "uncovered": "how few people can be left over; tells whether the groups can cover the market",
    }
)
"""Formulations and what they are, the default first."""


def build(game: FiniteGroupGame, formulation: str = "assigned", groups: GroupArray | None = None) -> pyo.ConcreteModel:
    """Write the welfare of a market of small groups.

    Parameters
    ----------
    game
        Types with masses, and surpluses of groups.
    formulation
        ``"assigned"``, ``"at_most"`` or ``"uncovered"``; see :data:`FORMULATIONS`.
    groups
        The groups that may form, as rows of type numbers padded with -1; None: enough for the whole game.

    Raises
    ------
    ValueError
        For an unknown formulation, too many groups, a group that is not permitted, or a type that is in no group
        (but for ``uncovered``).
    """
    check_formulation(formulation, FORMULATIONS)
    chosen, surplus = small_groups.chosen_groups(game, groups)
    model = pyo.ConcreteModel(name=f"welfare of small groups, {formulation}")
    small_groups.add_types(model, game.types)
    small_groups.add_groups(model, game.types, chosen, surplus)
    add_formed(model)
    if formulation == "uncovered":
        add_left_over(model)
        add_covered(model)
        add_fewest_left_over(model)
    else:
        add_consistency(model, formulation)
        add_minus_welfare(model)
    add_duals(model)
    return model


def add_formed(model: pyo.ConcreteModel) -> None:
    """tau(G) >= 0."""
    model.formed = pyo.Var(model.groups, within=pyo.NonNegativeReals, initialize=0.0, doc="tau(G), how many form")


def add_left_over(model: pyo.ConcreteModel) -> None:
    """r_i >= 0."""
    start = {i: model.mass[i] for i in model.types}
    model.left_over = pyo.Var(model.types, within=pyo.NonNegativeReals, initialize=start, doc="r_i, people in no group")


def people_assigned(model: pyo.ConcreteModel) -> dict[str, object]:
    """Return the expressions sum over G of G(i) tau(G), by type."""
    terms: dict[str, list[object]] = {i: [] for i in model.types}
    for group, i in model.members:
        terms[i].append(model.count[group, i] * model.formed[group])
    return {i: pyo.quicksum(parts) for i, parts in terms.items()}


def add_consistency(model: pyo.ConcreteModel, formulation: str) -> None:
    """Sum over G of G(i) tau(G) = mu_i, or <= mu_i."""
    small_groups.check_every_type(list(model.types), {i for _, i in model.members})
    people = people_assigned(model)
    if formulation == "assigned":
        model.assigned = pyo.Constraint(
            model.types, rule=lambda m, i: (people[i], m.mass[i]), doc="everybody is in some group"
        )
    else:
        model.at_most = pyo.Constraint(
            model.types, rule=lambda m, i: (None, people[i], m.mass[i]), doc="nobody is in two groups"
        )


def add_covered(model: pyo.ConcreteModel) -> None:
    """Sum over G of G(i) tau(G) + r_i = mu_i."""
    people = people_assigned(model)
    model.covered = pyo.Constraint(
        model.types,
        rule=lambda m, i: (people[i] + m.left_over[i], m.mass[i]),
        doc="everybody is in some group or left over",
    )


def add_minus_welfare(model: pyo.ConcreteModel) -> None:
    """Minimise - sum over G of s(G) tau(G)."""
    welfare = pyo.quicksum(model.surplus[g] * model.formed[g] for g in model.groups)
    model.minus_welfare = pyo.Objective(expr=-welfare, doc="total surplus, negated")


def add_fewest_left_over(model: pyo.ConcreteModel) -> None:
    """Minimise sum of r_i."""
    model.fewest_left_over = pyo.Objective(expr=pyo.quicksum(model.left_over.values()), doc="people in no group")


def add_duals(model: pyo.ConcreteModel) -> None:
    """Ask the solver for the dual of every constraint."""
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)


def payoffs(model: pyo.ConcreteModel) -> dict[str, float]:
    """Return the imputation u_i by type from the duals that the model holds.

    Raises
    ------
    ValueError
        When the model holds no duals: it is not solved, by a solver without duals, or it is ``uncovered``.
    """
    rows = model.component("assigned") or model.component("at_most")
    if rows is None or any(rows[i] not in model.dual for i in model.types):
        raise ValueError(
            "the model holds no duals: solve 'assigned' or 'at_most' by a solver that returns them (highs)"
        )
    return {i: -float(model.dual[rows[i]]) for i in model.types}
