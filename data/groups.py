"""Frozen games of small groups: a continuum of types that form groups of a few members (Wang 2019, sections 2 and 3).

A group is a multiset of types. In arrays it is a row of type numbers in ascending order, padded with -1 up to the
largest size; on paper it is written ``T+T+H``. Masses are amounts of people, surpluses amounts of money per group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
GroupArray: TypeAlias = NDArray[np.int32]
"""Groups as rows of type numbers, ascending, padded with -1."""

Unlisted = Literal["zero", "forbidden"]


@dataclass(frozen=True, eq=False)
class Types:
    """The types of a market: names, and how many people there are of each (masses mu_i > 0, shape (types,))."""

    names: tuple[str, ...]
    masses: Floats

    @classmethod
    def of(cls, names: Sequence[str] | int, masses: Sequence[float] | Floats) -> Types:
        """Make types; an integer I names them 0, 1, ..., I - 1."""
        labels = tuple(map(str, range(names))) if isinstance(names, int) else tuple(names)
        return cls(labels, frozen_floats(masses))

    def __len__(self) -> int:
        """Return the number of types."""
        return len(self.names)

    def group_name(self, group: Sequence[int]) -> str:
        """Write a group as ``A+A+B``; entries of -1 are padding."""
        return "+".join(self.names[i] for i in group if i >= 0)


def frozen_floats(values: Sequence[float] | Floats) -> Floats:
    """Return a read-only copy of an array of floats."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class GroupGame:
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


@dataclass(frozen=True, eq=False)
class PairwiseGroupGame:
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


SurplusFunction = Callable[[NDArray[np.int64]], Floats]
"""Takes groups of one size n as type numbers of shape (m, n) and returns their surpluses, shape (m,)."""


@dataclass(frozen=True, eq=False)
class SurplusFunctionGame:
    """A game whose surplus is a vectorised, symmetric function of type numbers, for use from Python."""

    types: Types
    surplus: SurplusFunction
    min_size: int
    max_size: int


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
    total = game.solo[groups].sum(axis=1) - game.size_cost[size]
    for a in range(size):
        for b in range(a):
            total += game.values[groups[:, a], groups[:, b]]
    return np.maximum(total, 0.0)


def listed_surplus(game: GroupGame, groups: NDArray[np.int64]) -> Floats:
    """Return listed surpluses of groups of one size; for those not listed 0, or -infinity when they are forbidden."""
    padded = np.full((len(groups), game.max_size), -1, dtype=np.int64)
    padded[:, : groups.shape[1]] = np.sort(groups, axis=1)
    default = 0.0 if game.unlisted == "zero" else -np.inf
    known = {row.tobytes(): value for row, value in zip(game.groups.astype(np.int64), game.surplus, strict=True)}
    return np.array([known.get(row.tobytes(), default) for row in padded])
