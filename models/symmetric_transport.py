"""The symmetric transport problem of a market of small groups: groups of all sizes as replicas of one size.

With M a common multiple of the permitted sizes, a group of n members becomes M / n copies of itself, a fractional group
of M places that stands for N people. A stable assignment is then a symmetric transport plan between M copies of the
market, all with the market's masses: an optimal plan is a largest assignment, and has its value.

Sets: ``types`` i; ``fractional_groups`` F, orbits of the plan: multisets of M types, by default those that correspond
to a permitted group; ``sizes`` n.
Parameters: ``mass[i]`` mu_i; ``share[F, i]`` the part of F that is of type i; ``surplus_per_person[F]`` S(F) / N with
S(F) = max over n of (N / n) s(P_n F), where P_n F is the group of n members of which F consists, and 0 where there is
none.
Variables: rho(F), the people whom the plan puts into the orbit F.

Equations::

    (minus welfare)  minimise  - sum over F of (S(F) / N) rho(F)                       (4), (8)
    (marginal)       sum over F of share_i(F) rho(F) = mu_i                            every marginal is mu

==========  ============================  ================
symbol      component                     unit
==========  ============================  ================
rho(F)      ``people[F]``                 people
mu_i        ``mass[i]``                   people
S(F) / N    ``surplus_per_person[F]``     money per person
- u_i       dual of ``marginal[i]``       money per person
==========  ============================  ================

Exactness: exact, a linear programme with the value of :mod:`breakaway.models.group_welfare`. The least common multiple
of the permitted sizes is enough for M (12 for sizes 1 to 4); the paper takes N!. The plan itself has a density on I^M,
the same for every order of the types of an orbit: :func:`density`; for pairs that is the matrix of tau with its
diagonal doubled, :func:`pair_plan`. An optimal plan may also use orbits that correspond to no group, where payoffs
are 0; the paper says it cannot.

Reference: Wang (2019), Small Group Cooperation in Games and Economies, Proposition 1, sections 2.3.1 to 2.3.3, (7) to
(13).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupArray,
    GroupGame,
    all_groups,
    group_sizes,
    permitted_groups,
    surpluses,
    symmetric_plan,
)
from breakaway.models import small_groups
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "corresponding": "the orbits that correspond to a permitted group, as many as the paper counts",
        "all_orbits": "every multiset of M types, so that the programme is the whole transport problem",
    }
)
"""Formulations and what they are, the default first."""

REPLICAS = ("least_common_multiple", "factorial")
"""How many copies of the market a plan connects, the default first."""

Counts = tuple[int, ...]
"""A fractional group: how many of its M places each type has."""


@dataclass(frozen=True, slots=True)
class Orbits:
    """Fractional groups: M, and for each the permitted size with the largest surplus per person, and that surplus.

    ``size`` is 0 for orbits that correspond to no permitted group, whose surplus is 0.
    """

    replicas: int
    size: Mapping[Counts, int]
    per_person: Mapping[Counts, float]


def build(
    game: FiniteGroupGame, formulation: str = "corresponding", replicas: str = "least_common_multiple"
) -> pyo.ConcreteModel:
    """Write the symmetric transport problem of a market of small groups.

    Parameters
    ----------
    game
        Types with masses, and surpluses of groups.
    formulation
        ``"corresponding"`` or ``"all_orbits"``; see :data:`FORMULATIONS`.
    replicas
        ``"least_common_multiple"`` or ``"factorial"``, the number M of copies of the market.

    Raises
    ------
    ValueError
        For an unknown formulation or number of replicas, too many orbits, all orbits of a game that forbids groups,
        or a type that is in no group.
    """
    check_formulation(formulation, FORMULATIONS)
    orbits = fractional_groups(game, formulation, replicas)
    model = pyo.ConcreteModel(name=f"symmetric transport between {orbits.replicas} copies, {formulation}")
    small_groups.add_types(model, game.types)
    add_fractional_groups(model, game, orbits)
    add_people(model)
    add_marginal(model)
    add_minus_welfare(model)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    return model


def replica_count(game: FiniteGroupGame, replicas: str = "least_common_multiple") -> int:
    """Return M: the least common multiple of the permitted sizes, or the factorial of the largest.

    Raises
    ------
    ValueError
        For another word.
    """
    if replicas not in REPLICAS:
        raise ValueError(f"unknown replicas {replicas!r}; choose one of {', '.join(map(repr, REPLICAS))}")
    if replicas == "factorial":
        return math.factorial(game.max_size)
    return math.lcm(*range(game.min_size, game.max_size + 1))


def fractional_groups(
    game: FiniteGroupGame, formulation: str = "corresponding", replicas: str = "least_common_multiple"
) -> Orbits:
    """Return the orbits with S(F) / N = max over n of s(P_n F) / n and the size n that attains it; small sizes first.

    Raises
    ------
    ValueError
        For too many orbits, all orbits of a game that forbids groups, or unknown replicas.
    """
    places = replica_count(game, replicas)
    size: dict[Counts, int] = {}
    per_person: dict[Counts, float] = {}
    if formulation == "all_orbits":
        _check_all_orbits(game, places)
        size = dict.fromkeys(_ways_to_fill(places, len(game.types)), 0)
        per_person = dict.fromkeys(size, 0.0)
    groups = _permitted(game)
    counts = _counts_of(len(game.types))
    rows = zip(groups.tolist(), group_sizes(groups).tolist(), surpluses(game, groups).tolist(), strict=True)
    for group, n, surplus in rows:
        orbit = tuple(places // n * own for own in counts(group))
        if not size.get(orbit) or surplus / n > per_person[orbit]:
            size[orbit], per_person[orbit] = n, surplus / n
    return Orbits(places, MappingProxyType(size), MappingProxyType(per_person))


def _permitted(game: FiniteGroupGame) -> GroupArray:
    """Return all permitted groups."""
    if isinstance(game, GroupGame) and game.unlisted == "forbidden":
        return game.groups
    _check_count(permitted_groups(len(game.types), game.min_size, game.max_size), "groups")
    return all_groups(len(game.types), game.min_size, game.max_size)


def _counts_of(types: int) -> Callable[[list[int]], Counts]:
    """Return the function from a padded group to how many members of each type it has."""

    def counts(group: list[int]) -> Counts:
        own = Counter(group)
        return tuple(own[i] for i in range(types))

    return counts


def _ways_to_fill(places: int, types: int) -> Iterator[Counts]:
    """Yield how many of the places each type can have, in all ways."""
    if types == 1:
        yield (places,)
        return
    for own in range(places, -1, -1):
        for rest in _ways_to_fill(places - own, types - 1):
            yield (own, *rest)


def _check_all_orbits(game: FiniteGroupGame, places: int) -> None:
    """Refuse all orbits where some groups are forbidden or there are too many."""
    if isinstance(game, GroupGame) and game.unlisted == "forbidden":
        raise ValueError("where groups are forbidden, orbits that correspond to none are too: choose 'corresponding'")
    _check_count(math.comb(len(game.types) + places - 1, places), "orbits")


def _check_count(count: int, what: str) -> None:
    if count > small_groups.MOST_GROUPS:
        raise ValueError(
            f"{count:,} {what}: the model lists up to {small_groups.MOST_GROUPS:,}; take fewer types or smaller "
            "groups, or solve the equivalent breakaway.models.group_welfare"
        )


def add_fractional_groups(model: pyo.ConcreteModel, game: FiniteGroupGame, orbits: Orbits) -> None:
    """Add the orbits F with S(F) / N and the share of each type."""
    names = {orbit: orbit_name(game, orbit) for orbit in orbits.size}
    model.fractional_groups = pyo.Set(initialize=list(names.values()), doc="fractional groups F")
    worth = {names[orbit]: value for orbit, value in orbits.per_person.items()}
    model.surplus_per_person = pyo.Param(
        model.fractional_groups, initialize=worth, within=pyo.Reals, doc="S(F) / N, largest surplus per person"
    )
    share = {
        (names[orbit], game.types.names[i]): own / orbits.replicas
        for orbit in orbits.size
        for i, own in enumerate(orbit)
        if own
    }
    model.members = pyo.Set(initialize=list(share), dimen=2, doc="types i in fractional group F")
    model.share = pyo.Param(model.members, initialize=share, within=pyo.PositiveReals, doc="part of F of type i")


def orbit_name(game: FiniteGroupGame, orbit: Counts) -> str:
    """Write a fractional group as ``2*A+4*B``: how many of its places each type has."""
    return "+".join(f"{own}*{name}" for own, name in zip(orbit, game.types.names, strict=True) if own)


def add_people(model: pyo.ConcreteModel) -> None:
    """rho(F) >= 0."""
    model.people = pyo.Var(
        model.fractional_groups, within=pyo.NonNegativeReals, initialize=0.0, doc="rho(F), people in the orbit"
    )


def add_marginal(model: pyo.ConcreteModel) -> None:
    """Sum over F of share_i(F) rho(F) = mu_i."""
    small_groups.check_every_type(list(model.types), {i for _, i in model.members})
    parts: dict[str, list[object]] = {i: [] for i in model.types}
    for orbit, i in model.members:
        parts[i].append(model.share[orbit, i] * model.people[orbit])
    model.marginal = pyo.Constraint(
        model.types,
        rule=lambda m, i: (pyo.quicksum(parts[i]), m.mass[i]),
        doc="every copy of the market is used up",
    )


def add_minus_welfare(model: pyo.ConcreteModel) -> None:
    """Minimise - sum over F of (S(F) / N) rho(F)."""
    welfare = pyo.quicksum(model.surplus_per_person[f] * model.people[f] for f in model.fractional_groups)
    model.minus_welfare = pyo.Objective(expr=-welfare, doc="total surplus, negated")


def plan_of_assignment(game: FiniteGroupGame, groups: GroupArray, masses: Floats, replicas: int) -> dict[Counts, float]:
    """Return rho(F) = sum over n of n tau_n(P_n F), the orbits of an assignment, in people.

    Parameters
    ----------
    game
        The game.
    groups, masses
        Groups as rows of type numbers padded with -1, and tau of each.
    replicas
        M; every size must divide it.
    """
    plan: dict[Counts, float] = {}
    counts = _counts_of(len(game.types))
    for group, n, tau in zip(groups.tolist(), group_sizes(groups).tolist(), masses.tolist(), strict=True):
        orbit = tuple(replicas // n * own for own in counts(group))
        plan[orbit] = plan.get(orbit, 0.0) + n * tau
    return plan


def assignment_of_plan(
    game: FiniteGroupGame, plan: Mapping[Counts, float], orbits: Orbits
) -> tuple[GroupArray, Floats]:
    """Return the groups and tau_n(G) = rho / n of a plan, n being the size with the largest surplus per person.

    People in an orbit that corresponds to no group go to groups of their own type, of the least permitted size: an
    optimal plan has such orbits only of types whose payoff is 0.
    """
    formed: dict[tuple[int, ...], float] = {}
    for orbit, people in plan.items():
        if n := orbits.size[orbit]:
            group = tuple(i for i, own in enumerate(orbit) for _ in range(own * n // orbits.replicas))
            formed[group] = formed.get(group, 0.0) + people / n
            continue
        for i, own in enumerate(orbit):
            if own:
                group = (i,) * game.min_size
                formed[group] = formed.get(group, 0.0) + people * own / orbits.replicas / game.min_size
    rows = [[*group, *[-1] * (game.max_size - len(group))] for group in formed]
    return np.array(rows, dtype=np.int32).reshape(len(rows), game.max_size), np.array(list(formed.values()))


def density(plan: Mapping[Counts, float]) -> dict[Counts, float]:
    """Return what the plan puts on every single list of types of an orbit: rho(F) divided by the number of its orders.

    With (9) and (10) that is (product of the n_i!) tau / (M - 1)! for a plan of groups of one size.
    """
    return {
        orbit: people * math.prod(map(math.factorial, orbit)) / math.factorial(sum(orbit))
        for orbit, people in plan.items()
    }


def pair_plan(game: FiniteGroupGame, groups: GroupArray, masses: Floats) -> Floats:
    """Return the plan gamma of an assignment in pairs, shape (types, types): tau symmetrised, its diagonal doubled.

    Rows and columns sum to the masses. People who stay alone are put on the diagonal.

    Raises
    ------
    ValueError
        When groups have more than two members.
    """
    if game.max_size > 2:
        raise ValueError(f"groups have up to {game.max_size} members: a matrix shows pairs only")
    return symmetric_plan(len(game.types), groups, masses)
