"""Games of small groups made in Python: what they refuse, with the place and the remedy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from breakaway.data.groups import GroupGame, PairwiseGroupGame, SurplusFunctionGame, Types
from breakaway.data.positive_size import CesSurplus, LinearSurplus, PositiveSizeGame, RecipeSurplus

AB = Types.of("AB", [1.0, 2.0])


@pytest.mark.parametrize(
    ("names", "masses", "message"),
    [
        (5, [1, 1, 1], "there are 5 types and 3 masses: give one mass for each type"),
        ("AB", 1.0, r"there are 2 types and masses of shape \(\)"),
        ("AB", [1, 0], "the mass of type 'B' is 0: masses must be greater than 0; leave types without people out"),
        ("AB", [-1, 1], "the mass of type 'A' is -1"),
        ("AB", [1, np.nan], r"masses\[1\] is nan: give finite numbers"),
        ("AB", [np.inf, 1], r"masses\[0\] is inf: give finite numbers"),
        (["A", "B", "A"], [1, 1, 1], "types 0 and 2 are both named 'A': give each a name of its own"),
        (["A", "B+C"], [1, 1], "the name of type 1 is 'B\\+C': give a text without '\\+'"),
        (["A", ""], [1, 1], "the name of type 1 is ''"),
        (["A", 7], [1, 1], "the name of type 1 is 7"),
        (0, [], "there are no types: give at least one"),
    ],
)
def test_types(names: Any, masses: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Types.of(names, masses)


def listed(
    groups: Any = ((0, 1), (1, -1)), surplus: Any = (1.0, 2.0), least: Any = 1, most: Any = 2, **more: Any
) -> Any:
    return GroupGame(AB, np.array(groups), np.array(surplus), least, most, **more)


def pairwise(solo: Any = (0, 0), values: Any = ((0, 1), (1, 0)), cost: Any = (0, 0, 0), most: int = 2) -> Any:
    return PairwiseGroupGame(AB, np.array(solo), np.array(values), np.array(cost), 1, most)


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "a type that is not there": (
        lambda: listed([[0, 1], [1, 2]]),
        r"row 1 of groups is \[1, 2\]: type numbers are 0 to 1",
    ),
    "a number below -1": (lambda: listed([[0, 1], [-2, 1]]), r"row 1 of groups is \[-2, 1\]: type numbers"),
    "members out of order": (
        lambda: listed([[1, 0], [1, -1]]),
        r"row 0 of groups is \[1, 0\]: give the members in ascending order, with -1 at the end",
    ),
    "a gap": (lambda: listed([[0, 1], [-1, 1]]), r"row 1 of groups is \[-1, 1\]: give the members in ascending order"),
    "nobody": (
        lambda: listed([[0, 1], [-1, -1]]),
        r"row 1 of groups is \[-1, -1\]: groups have 1 to 2 members: leave it out, or permit it",
    ),
    "too few": (lambda: listed(least=2), r"row 1 of groups is \[1, -1\]: groups have 2 to 2 members"),
    "too many": (lambda: listed(most=1), r"row 0 of groups is \[0, 1\]: groups have 1 to 1 members"),
    "no table": (lambda: listed([0, 1]), "a row for each group: give shape"),
    "no numbers": (lambda: listed([[0.0, 1.0]], [1.0]), "no array of whole numbers"),
    "another number of surpluses": (
        lambda: listed(surplus=[1.0]),
        r"surplus has shape \(1,\): give an array of shape \(2,\)",
    ),
    "a loss": (lambda: listed(surplus=[1.0, -0.5]), r"surplus\[1\] is -0.5: surpluses are 0 or above"),
    "an unknown surplus": (lambda: listed(surplus=[np.nan, 1.0]), r"surplus\[0\] is nan: give finite numbers"),
    "complex": (lambda: listed(surplus=[1j, 1.0]), "surplus is of complex128: give an array of real numbers"),
    "unlisted": (lambda: listed(unlisted="never"), "unlisted is 'never': give one of zero, forbidden"),
    "sizes in the wrong order": (lambda: listed(least=3), "min_size is 3, max_size 2: give 1 <= min_size <= max_size"),
    "half a member": (lambda: listed(least=0.5), "min_size is 0.5, max_size 2: .*, whole numbers"),
    "an order of pairs": (
        lambda: pairwise(values=[[0, 1], [2, 0]]),
        r"values\[0, 1\] is 1 but values\[1, 0\] is 2: the value of a pair has no order",
    ),
    "values of other types": (lambda: pairwise(values=np.zeros((3, 3))), r"values has shape \(3, 3\): .* \(2, 2\)"),
    "an unknown value": (lambda: pairwise(values=[[0, np.nan], [np.nan, 0]]), r"values\[0, 1\] is nan"),
    "solo of other types": (lambda: pairwise(solo=[1.0]), r"solo has shape \(1,\): give an array of shape \(2,\)"),
    "a size without a cost": (lambda: pairwise(most=3), r"size_cost has shape \(3,\): give an array of shape \(4,\)"),
    "a list": (
        lambda: PairwiseGroupGame(AB, [0, 0], np.zeros((2, 2)), np.zeros(3), 1, 2),  # type: ignore[arg-type]
        "solo is a list: give an array of real numbers",
    ),
    "no members": (lambda: SurplusFunctionGame(AB, len, 0, 2), "min_size is 0, max_size 2"),  # type: ignore[arg-type]
    "a coefficient that is unknown": (
        lambda: PositiveSizeGame(AB, LinearSurplus(np.array([1.0, np.nan])), 0.5, 1.0),
        "coefficients of the surplus has an entry that is not finite",
    ),
    "an exponent that is unknown": (
        lambda: PositiveSizeGame(AB, CesSurplus(np.ones(2), np.nan), 0.5, 1.0),
        "rho of the surplus has an entry that is not finite",
    ),
    "an infinite recipe": (
        lambda: PositiveSizeGame(AB, RecipeSurplus(("r",), np.ones((1, 2)), np.array([np.inf])), 0.5, 1.0),
        "worth of the surplus has an entry that is not finite",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_games(name: str) -> None:
    make, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_in_order_is_taken() -> None:
    assert listed().max_size == 2
    assert listed(np.empty((0, 2), dtype=np.int32), np.empty(0)).groups.shape == (0, 2)
    assert pairwise(values=[[0, 0.1 + 0.2], [0.3, 0]]).min_size == 1


def test_a_million_groups_are_checked_at_once() -> None:
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(0, 1000, size=(1_000_000, 3)), axis=1).astype(np.int32)
    types, surplus = Types.of(1000, np.ones(1000)), rng.random(1_000_000)
    before = time.process_time()
    GroupGame(types, groups, surplus, 1, 3)
    assert time.process_time() - before < 1.0
