"""What games of small groups refuse when they are made: each error names what is wrong, where, and what to do.

All checks go over whole arrays: a million groups take about a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from breakaway.data.problems import counted

ROUNDING = 1e-12
"""Difference of two values of a pair, relative to the largest value, that counts as rounding."""

NUMERIC = "biuf"
"""Kinds of arrays that hold real numbers."""


def check_numbers(what: str, array: Any, shape: tuple[int, ...]) -> None:
    """Refuse what is no array of finite real numbers of this shape.

    Raises
    ------
    ValueError
        Naming the first entry that is no finite number.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in NUMERIC:
        kind = f"of {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
        raise ValueError(f"{what} is {kind}: give an array of real numbers (numpy.asarray(..., dtype=float))")
    if array.shape != shape:
        raise ValueError(f"{what} has shape {array.shape}: give an array of shape {shape}")
    if array.size and not (np.isfinite(array.min()) and np.isfinite(array.max())):
        place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise ValueError(f"{what}[{_inside(place)}] is {array[place]}: give finite numbers")


def _inside(place: Sequence[int]) -> str:
    return ", ".join(map(str, place))


def check_types(names: tuple[str, ...], masses: Any) -> None:
    """Refuse names that are no names or are given twice, and masses that are no amounts of people.

    Raises
    ------
    ValueError
        For no types, another number of masses than of names, a name that is empty, has a ``+`` or is given twice, and a
        mass that is not finite or not greater than 0.
    """
    if not names:
        raise ValueError("there are no types: give at least one")
    if np.shape(masses) != (len(names),):
        given = f"{len(masses)} masses" if np.ndim(masses) == 1 else f"masses of shape {np.shape(masses)}"
        raise ValueError(f"there are {counted(len(names), 'type', 'types')} and {given}: give one mass for each type")
    for k, name in enumerate(names):
        if not isinstance(name, str) or not name.strip() or "+" in name:
            raise ValueError(f"the name of type {k} is {name!r}: give a text without '+', which joins the members")
    if len(set(names)) < len(names):
        again = next(k for k, name in enumerate(names) if name in names[:k])
        first = names.index(names[again])
        raise ValueError(f"types {first} and {again} are both named {names[again]!r}: give each a name of its own")
    check_numbers("masses", masses, (len(names),))
    if masses.min() <= 0:
        k = int(np.flatnonzero(masses <= 0)[0])
        raise ValueError(
            f"the mass of type {names[k]!r} is {masses[k]:.12g}: masses must be greater than 0; leave types without "
            "people out"
        )


def check_sizes(min_size: int, max_size: int) -> None:
    """Refuse sizes that are no whole numbers, below 1, or in the wrong order.

    Raises
    ------
    ValueError
        Naming both sizes.
    """
    whole = all(isinstance(size, int | np.integer) for size in (min_size, max_size))
    if not whole or not 1 <= min_size <= max_size:
        raise ValueError(f"min_size is {min_size}, max_size {max_size}: give 1 <= min_size <= max_size, whole numbers")


def check_groups(groups: Any, types: int, min_size: int, max_size: int) -> None:
    """Refuse an array of groups whose rows are not ascending type numbers padded with -1, of permitted sizes.

    Raises
    ------
    ValueError
        Naming the first row that is wrong, and its content.
    """
    if not isinstance(groups, np.ndarray) or groups.dtype.kind not in "iu" or groups.ndim != 2:
        raise ValueError("groups is no array of whole numbers with a row for each group: give shape (groups, members)")
    if groups.size and not -1 <= groups.min() <= groups.max() < types:
        bad = ((groups < -1) | (groups >= types)).any(axis=1)
        raise _row_error(groups, bad, f"type numbers are 0 to {types - 1}, and -1 fills up")
    in_place = _ascending(groups)
    if not in_place.all():
        raise _row_error(groups, ~in_place, "give the members in ascending order, with -1 at the end")
    sizes = np.count_nonzero(groups >= 0, axis=1)
    permitted = (sizes >= min_size) & (sizes <= max_size)
    if not permitted.all():
        raise _row_error(
            groups, ~permitted, f"groups have {min_size} to {max_size} members: leave it out, or permit it"
        )


def _ascending(groups: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Tell of each row whether its members ascend and -1 comes last."""
    right = np.ones(len(groups), dtype=np.bool_)
    for before, after in zip(groups.T[:-1], groups.T[1:], strict=True):
        right &= (after < 0) | ((before >= 0) & (before <= after))
    return right


def _row_error(groups: NDArray[np.integer], bad: NDArray[np.bool_] | np.bool_, remedy: str) -> ValueError:
    k = int(np.flatnonzero(bad)[0])
    return ValueError(f"row {k} of groups is {groups[k].tolist()}: {remedy}")


def check_surplus(surplus: NDArray[np.float64]) -> None:
    """Refuse negative surpluses.

    Raises
    ------
    ValueError
        Naming the first.
    """
    if surplus.size and surplus.min() < 0:
        k = int(np.flatnonzero(surplus < 0)[0])
        raise ValueError(f"surplus[{k}] is {surplus[k]:.12g}: surpluses are 0 or above; leave out groups that lose")


def check_symmetric(values: NDArray[np.float64]) -> None:
    """Refuse values of pairs that depend on the order by more than rounding.

    Raises
    ------
    ValueError
        Naming the pair where they differ most.
    """
    if np.array_equal(values, values.T):
        return
    differ = np.abs(values - values.T)
    a, b = np.unravel_index(int(differ.argmax()), values.shape)
    if differ[a, b] > ROUNDING * np.abs(values).max():
        raise ValueError(
            f"values[{a}, {b}] is {values[a, b]:.12g} but values[{b}, {a}] is {values[b, a]:.12g}: the value of a pair "
            "has no order; give (values + values.T) / 2, say"
        )
