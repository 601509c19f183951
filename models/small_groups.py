"""What the models of small groups share: types with masses, groups with members and surpluses.

A group is a multiset of types, written ``A+A+B``; G(i) is how many members of type i it has.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import pyomo.environ as pyo

from breakaway.data.groups import (
    FiniteGroupGame,
    GroupArray,
    Types,
    group_sizes,
    member_counts,
    sufficient_count,
    sufficient_groups,
    surpluses,
)
from breakaway.data.problems import counted

MOST_GROUPS = 200_000
"""Most groups that a Pyomo model lists: it takes some 10 microseconds and a kilobyte for each."""


def chosen_groups(game: FiniteGroupGame, groups: GroupArray | None) -> tuple[GroupArray, list[float]]:
    """Return the groups that a model lists, and their surpluses: those given, or enough for the whole game.

    Raises
    ------
    ValueError
        When there are too many, or a given group is not permitted.
    """
    count = sufficient_count(game) if groups is None else len(groups)
    if count > MOST_GROUPS:
        raise ValueError(
            f"{count:,} groups: a Pyomo model lists up to {MOST_GROUPS:,}; give it some of them (groups=...), or solve "
            "with breakaway.runners.groups, which writes larger programmes without Pyomo"
        )
    if groups is None:
        found, surplus = sufficient_groups(game)
        return found, surplus.tolist()
    _check_permitted(game, groups)
    return groups, surpluses(game, groups).tolist()


def _check_permitted(game: FiniteGroupGame, groups: GroupArray) -> None:
    """Refuse groups of other sizes, groups listed twice, and forbidden ones."""
    sizes = group_sizes(groups)
    for row in np.flatnonzero((sizes < game.min_size) | (sizes > game.max_size))[:1].tolist():
        raise ValueError(
            f"group {game.types.group_name(groups[row])} has {counted(sizes[row], 'member', 'members')}; permitted "
            f"are {game.min_size} to {game.max_size}"
        )
    for row in np.flatnonzero(surpluses(game, groups) == -math.inf)[:1].tolist():
        raise ValueError(
            f"group {game.types.group_name(groups[row])} is forbidden: list it in the game, or leave it out"
        )
    if len(np.unique(np.sort(groups, axis=1), axis=0)) < len(groups):
        raise ValueError("some group is given twice: give each group once, its types in any order")


def check_every_type(names: Sequence[str], contained: Collection[str]) -> None:
    """Refuse types that are in no group: their masses cannot be assigned.

    Raises
    ------
    ValueError
        The message names the first of them.
    """
    for name in names:
        if name not in contained:
            raise ValueError(f"no group contains type {name!r}: give the model a group for it, of that type alone say")


def add_types(model: pyo.ConcreteModel, types: Types) -> None:
    """Types i and mu_i."""
    model.types = pyo.Set(initialize=types.names, doc="types i")
    masses = dict(zip(types.names, types.masses.tolist(), strict=True))
    model.mass = pyo.Param(model.types, initialize=masses, within=pyo.PositiveReals, doc="mu_i, people of type i")


def add_groups(model: pyo.ConcreteModel, types: Types, groups: GroupArray, surplus: Sequence[float]) -> None:
    """Add groups G with s(G) and their members G(i) > 0."""
    names = [types.group_name(group) for group in groups.tolist()]
    model.groups = pyo.Set(initialize=names, doc="groups G")
    model.surplus = pyo.Param(
        model.groups,
        initialize=dict(zip(names, surplus, strict=True)),
        within=pyo.Reals,
        doc="s(G), surplus of the group",
    )
    rows, members, counts = member_counts(groups)
    inside = {
        (names[g], types.names[i]): count
        for g, i, count in zip(rows.tolist(), members.tolist(), counts.tolist(), strict=True)
    }
    model.members = pyo.Set(initialize=list(inside), dimen=2, doc="types i in group G")
    model.count = pyo.Param(model.members, initialize=inside, within=pyo.PositiveReals, doc="G(i), members of type i")
