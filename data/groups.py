"""Frozen games of small groups: a continuum of types that form groups of a few members (Wang 2019, sections 2 and 3).

A group is a multiset of types. In arrays it is a row of type numbers in ascending order, padded with -1 up to the
largest size; on paper it is written ``T+T+H``. Masses are amounts of people, surpluses amounts of money per group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import EqualArrays, Floats, frozen_floats
from breakaway.data.group_checks import (
    check_groups,
    check_numbers,
    check_sizes,
    check_surplus,
    check_symmetric,
    check_types,
)

GroupArray: TypeAlias = NDArray[np.int32]
"""Groups as rows of type numbers, ascending, padded with -1."""

Unlisted = Literal["zero", "forbidden"]


@dataclass(frozen=True, eq=False)
class Types(EqualArrays):
    """The types of a market: names, and how many people there are of each (masses mu_i > 0, shape (types,))."""

    names: tuple[str, ...]
    masses: Floats

    def __post_init__(self) -> None:
        """Refuse names that are given twice, and masses that are no amounts of people, with a ValueError."""
        check_types(self.names, self.masses)

    @classmethod
    def of(cls, names: Sequence[str] | int, masses: Sequence[float] | Floats) -> Types:
        """Make types; an integer I names them 0, 1, ..., I - 1.

        Raises
        ------
        ValueError
            For no types, names that are given twice, and masses that are not one for each type, finite and above 0.
        """
        labels = tuple(map(str, range(names))) if isinstance(names, int) else tuple(names)
        return cls(labels, frozen_floats(masses))

    def __len__(self) -> int:
        """Return the number of types."""
        return len(self.names)

    def group_name(self, group: Sequence[int]) -> str:
        """Write a group as ``A+A+B``; entries of -1 are padding."""
        return "+".join(self.names[i] for i in group if i >= 0)


@dataclass(frozen=True, eq=False)
class GroupGame(EqualArrays):
    """A game with listed surpluses: ``surplus[k] >= 0`` belongs to the group in row k of ``groups``.

    All groups of ``min_size`` to ``max_size`` members are permitted; those not listed have surplus 0 when ``unlisted``
    is ``zero``, and cannot form when it is ``forbidden``.
    """

    types: Types
    groups: GroupArray
    surplus: Floats
    min_size: int
    max_size: int
    unlisted: Unlisted = "zero"

    def __post_init__(self) -> None:
        """Refuse impossible sizes, groups and surpluses, with a ValueError that names the first."""
        check_sizes(self.min_size, self.max_size)
        check_groups(self.groups, len(self.types), self.min_size, self.max_size)
        check_numbers("surplus", self.surplus, (len(self.groups),))
        check_surplus(self.surplus)
        if self.unlisted not in get_args(Unlisted):
            raise ValueError(f"unlisted is {self.unlisted!r}: give one of {', '.join(get_args(Unlisted))}")


@dataclass(frozen=True, eq=False)
class PairwiseGroupGame(EqualArrays):
    """A game with s(G) = max(0, sum of ``solo`` + sum of ``values`` over pairs within G - ``size_cost`` of its size).

    ``solo`` has shape (types,), ``values`` is symmetric of shape (types, types) and its diagonal is the value of two
    members of one type; ``size_cost[n]`` is the cost k_n of a group of n members, shape (max_size + 1,).
    """

    types: Types
    solo: Floats
    values: Floats
    size_cost: Floats
    min_size: int
    max_size: int

    def __post_init__(self) -> None:
        """Refuse impossible sizes, arrays that do not fit, and values that depend on the order, with a ValueError."""
        check_sizes(self.min_size, self.max_size)
        types = len(self.types)
        check_numbers("solo", self.solo, (types,))
        check_numbers("values", self.values, (types, types))
        check_numbers("size_cost", self.size_cost, (self.max_size + 1,))
        check_symmetric(self.values)


SurplusFunction = Callable[[NDArray[np.int64]], Floats]
"""Takes groups of one size n as type numbers of shape (m, n) and returns their surpluses, shape (m,)."""


@dataclass(frozen=True, eq=False)
class SurplusFunctionGame:
    """A game whose surplus is a vectorised, symmetric function of type numbers, for use from Python."""

    types: Types
    surplus: SurplusFunction
    min_size: int
    max_size: int

    def __post_init__(self) -> None:
        """Refuse impossible sizes with a ValueError; what the function returns is checked when it is called."""
        check_sizes(self.min_size, self.max_size)


FiniteGroupGame: TypeAlias = GroupGame | PairwiseGroupGame | SurplusFunctionGame
"""The games whose groups have finitely many members."""


def permitted_groups(types: int, min_size: int, max_size: int) -> int:
    """Return how many multisets of ``min_size`` to ``max_size`` members there are."""
    return sum(math.comb(types + size - 1, size) for size in range(min_size, max_size + 1))


def surplus_of(game: FiniteGroupGame, groups: NDArray[np.int64]) -> Floats:
    """Return the surpluses of groups of one size, given as type numbers of shape (m, n).

    For listed games use :func:`listed_surplus`, which looks groups up.
    """
    if isinstance(game, PairwiseGroupGame):
        return pairwise_surplus(game, groups)
    if isinstance(game, SurplusFunctionGame):
        return np.asarray(game.surplus(groups), dtype=np.float64)
    return listed_surplus(game, groups)


def pairwise_surplus(game: PairwiseGroupGame, groups: NDArray[np.int64]) -> Floats:
    """Return max(0, solo + pairs - cost of the size) for groups of one size, shape (m, n)."""
    size = groups.shape[1]
    total: Floats = game.solo[groups].sum(axis=1) - game.size_cost[size]
    for a in range(size):
        for b in range(a):
            total += game.values[groups[:, a], groups[:, b]]
    return np.maximum(total, 0.0)


def listed_surplus(game: GroupGame, groups: NDArray[np.int64]) -> Floats:
    """Return listed surpluses of groups of one size; for those not listed 0, or -infinity when they are forbidden."""
    default = 0.0 if game.unlisted == "zero" else -np.inf
    found = np.full(len(groups), default)
    width = max(game.groups.shape[1], groups.shape[1])
    listed = _keys(_padded(game.groups, width))
    order = np.argsort(listed)
    asked = _keys(_padded(np.sort(groups, axis=1), width))
    places = np.searchsorted(listed, asked, sorter=order)
    inside = places < len(listed)
    rows = order[places[inside]]
    hits = listed[rows] == asked[inside]
    found[np.flatnonzero(inside)[hits]] = game.surplus[rows[hits]]
    return found


def _padded(groups: NDArray[np.integer], width: int) -> GroupArray:
    """Return groups as rows of ``width`` entries, padded with -1."""
    padded = np.full((len(groups), width), -1, dtype=np.int32)
    padded[:, : groups.shape[1]] = groups
    return padded


def _keys(groups: GroupArray) -> NDArray[np.void]:
    """Return one sortable key for every row, shape (m,)."""
    raised = np.ascontiguousarray((groups + 1).astype(">u4"))
    return raised.view(np.dtype((np.void, raised.itemsize * raised.shape[1]))).ravel()


def multisets(types: int, size: int) -> GroupArray:
    """Return all groups of one size in lexicographic order, shape (C(types + size - 1, size), size)."""
    groups = np.arange(types, dtype=np.int32)[:, None]
    for _ in range(size - 1):
        last = groups[:, -1]
        choices = types - last
        before = np.repeat(np.cumsum(choices) - choices, choices)
        added = np.arange(len(before)) - before + np.repeat(last, choices)
        groups = np.column_stack([np.repeat(groups, choices, axis=0), added.astype(np.int32)])
    return groups


def all_groups(types: int, min_size: int, max_size: int) -> GroupArray:
    """Return all groups of ``min_size`` to ``max_size`` members, padded with -1: smaller ones first."""
    return np.vstack([_padded(multisets(types, size), max_size) for size in range(min_size, max_size + 1)])


def group_sizes(groups: GroupArray) -> NDArray[np.int64]:
    """Return the number of members of each group, shape (m,)."""
    return np.asarray((groups >= 0).sum(axis=1), dtype=np.int64)


def surpluses(game: FiniteGroupGame, groups: GroupArray) -> Floats:
    """Return the surpluses of groups of any sizes, padded with -1; -infinity where a group is forbidden."""
    sizes = group_sizes(groups)
    found = np.empty(len(groups))
    for size in np.unique(sizes).tolist():
        rows = sizes == size
        found[rows] = surplus_of(game, groups[rows, :size].astype(np.int64))
    return found


def one_type_groups(game: FiniteGroupGame) -> GroupArray:
    """Return, for every type, the group of ``min_size`` members of that type."""
    own = np.arange(len(game.types), dtype=np.int32)[:, None]
    return _padded(np.repeat(own, game.min_size, axis=1), game.max_size)


def permitted_count(game: FiniteGroupGame) -> int:
    """Return how many groups are permitted."""
    if isinstance(game, GroupGame) and game.unlisted == "forbidden":
        return len(game.groups)
    return permitted_groups(len(game.types), game.min_size, game.max_size)


def sufficient_count(game: FiniteGroupGame) -> int:
    """Return how many groups :func:`sufficient_groups` lists, or somewhat more."""
    return len(game.groups) + len(game.types) if isinstance(game, GroupGame) else permitted_count(game)


def sufficient_groups(game: FiniteGroupGame) -> tuple[GroupArray, Floats]:
    """Return permitted groups that suffice for the welfare and for every imputation, with their surpluses.

    Those are all permitted groups, but for unlisted groups with surplus 0 one group of each type: it keeps payoffs at
    0 or above, and then no other unlisted group can block.
    """
    if not isinstance(game, GroupGame):
        groups = all_groups(len(game.types), game.min_size, game.max_size)
        return groups, surpluses(game, groups)
    listed = _padded(game.groups, max(game.max_size, game.groups.shape[1]))
    if game.unlisted == "forbidden":
        return listed, game.surplus
    own = one_type_groups(game)
    own = own[~np.isin(_keys(own), _keys(listed))]
    return np.vstack([listed, own]), np.concatenate([game.surplus, np.zeros(len(own))])


def member_counts(groups: GroupArray) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return the incidence of types in groups as (group, type, count) triples, sorted by group, then by type.

    ``count`` is G(i), how many members of type i the group has.
    """
    inside = groups >= 0
    first = inside.copy()
    first[:, 1:] &= groups[:, 1:] != groups[:, :-1]
    rows, places = np.nonzero(first)
    sizes = group_sizes(groups)
    goes_on = np.append(rows[1:] == rows[:-1], False)[: len(rows)]
    ends = np.where(goes_on, np.roll(places, -1), sizes[rows])
    return rows, groups[rows, places].astype(np.int64), (ends - places).astype(np.float64)


def payoff_within(groups: GroupArray, imputation: Floats) -> Floats:
    """Return the total payoff of the members of each group, u(G) = sum over i in G of u_i, shape (m,)."""
    return np.asarray(np.append(imputation, 0.0)[groups].sum(axis=1), dtype=np.float64)


def symmetric_plan(types: int, groups: GroupArray, masses: Floats) -> Floats:
    """Return the transport plan of an assignment to groups of one and two, shape (types, types).

    A pair [i, j] of mass tau carries tau from i to j and tau from j to i, so that a pair [i, i] carries 2 tau from i to
    itself (Wang 2019, equations 9 and 10); who stays alone is carried to itself. Rows and columns add up to the masses
    of the types.
    """
    plan = np.zeros((types, types))
    first = groups[:, 0]
    second = groups[:, 1] if groups.shape[1] > 1 else np.full(len(groups), -1)
    alone = second < 0
    np.add.at(plan, (first[alone], first[alone]), masses[alone])
    np.add.at(plan, (first[~alone], second[~alone]), masses[~alone])
    np.add.at(plan, (second[~alone], first[~alone]), masses[~alone])
    return plan
