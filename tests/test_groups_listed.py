"""Games with many listed groups: column generation against the direct programme, unlisted groups, row generation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from breakaway.data.arrays import frozen_floats
from breakaway.data.groups import GroupArray, GroupGame, Types, Unlisted, group_sizes, member_counts, payoff_within
from breakaway.runners.asking import HowToSolve
from breakaway.runners.groups import assign as assigning
from breakaway.runners.groups.assign import assign
from breakaway.runners.groups.direct import solve_direct
from breakaway.runners.groups.listed import GroupIndex, solve_listed
from breakaway.runners.groups.rows import pricer_of, solve_by_rows
from breakaway.runners.groups.solution import GroupSolution
from breakaway.runners.solvers import InfeasibleError


def groups_of(rows: list[list[int]], width: int) -> GroupArray:
    return np.array([row + [-1] * (width - len(row)) for row in rows], dtype=np.int32)


def listed_game(types: int, listed: int, seed: int, unlisted: Unlisted = "zero", min_size: int = 1) -> GroupGame:
    """Draw a game with groups of up to four, each listed once."""
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(types, size=(listed, 4)), axis=1)
    sizes = rng.integers(min_size, 5, size=listed)
    groups = np.unique(np.where(np.arange(4) < sizes[:, None], groups, -1).astype(np.int32), axis=0)
    surplus = rng.random(len(groups)) * group_sizes(groups) ** 1.2
    return GroupGame(
        Types.of(types, rng.uniform(0.5, 1.5, types)), groups, frozen_floats(surplus), min_size, 4, unlisted
    )


def check(game: GroupGame, found: GroupSolution) -> None:
    """Check an answer by the definition: everybody is served once, nobody can do better, and the values meet."""
    rows, members, counts = member_counts(found.groups)
    served = np.bincount(members, counts * found.masses[rows], minlength=len(game.types))
    np.testing.assert_allclose(served, game.types.masses, rtol=1e-7)
    assert (found.masses > 0).all()
    u = found.imputation
    assert (game.surplus - payoff_within(game.groups, u)).max() <= 1e-9 * game.surplus.max()
    if game.unlisted == "zero":
        assert u.min() >= 0.0
    assert found.primal == pytest.approx(float(found.surplus @ found.masses), rel=1e-12)
    assert found.dual == pytest.approx(float(game.types.masses @ u), rel=1e-12)
    assert found.complete
    assert -1e-9 <= found.gap <= 1e-7 * max(1.0, found.dual)


@pytest.mark.parametrize("unlisted", ["zero", "forbidden"])
@pytest.mark.parametrize("min_size", [1, 2])
def test_columns_agree_with_the_direct_programme(unlisted: Unlisted, min_size: int) -> None:
    for seed in range(3):
        game = listed_game(20, 2_000, seed, unlisted, min_size)
        found = solve_listed(game)
        check(game, found)
        assert found.primal == pytest.approx(solve_direct(game, way="highs").primal, abs=1e-7)
        assert found.method == "column generation"


def test_proof_covers_the_groups_that_are_permitted() -> None:
    assert solve_listed(listed_game(4, 30, 0)).groups_priced == 4 + 10 + 20 + 35
    forbidden = listed_game(4, 60, 0, "forbidden")
    assert solve_listed(forbidden).groups_priced == len(forbidden.groups)


def test_payoffs_below_zero_where_unlisted_groups_are_forbidden() -> None:
    # By hand: A can only be in AAB, B also in BB, which is worth more. mu = (2, 2): 1 AAB, 1/2 BB; u_B = 5, u_A = -2.
    game = GroupGame(
        Types.of(["A", "B"], [2.0, 2.0]),
        groups_of([[0, 0, 1], [1, 1]], 3),
        frozen_floats([1.0, 10.0]),
        2,
        3,
        "forbidden",
    )
    found = solve_listed(game)
    check(game, found)
    assert found.primal == pytest.approx(6.0, abs=1e-8)
    np.testing.assert_allclose(found.imputation, [-2.0, 5.0], atol=1e-6)


def test_market_that_cannot_be_covered_names_who_is_left() -> None:
    game = GroupGame(Types.of(["A", "B"], [2.0, 1.0]), groups_of([[0, 1]], 2), frozen_floats([1.0]), 1, 2, "forbidden")
    with pytest.raises(InfeasibleError, match=r"leave over at least 1 person, such as 1 of type 'A'"):
        solve_listed(game)


def test_nothing_listed() -> None:
    game = GroupGame(Types.of(3, [1.0, 2.0, 3.0]), groups_of([], 2).reshape(0, 2), frozen_floats([]), 2, 2)
    found = solve_listed(game)
    assert (found.primal, found.dual) == (0.0, pytest.approx(0.0, abs=1e-7))
    check_masses = np.bincount(found.groups[:, 0], 2 * found.masses)
    np.testing.assert_allclose(check_masses, [1.0, 2.0, 3.0])


def test_listed_groups_in_any_order_are_found_again() -> None:
    game = listed_game(30, 500, 1)
    index = GroupIndex(30, game.groups, game.surplus)
    order = np.random.default_rng(0).permutation(len(game.groups))
    np.testing.assert_array_equal(index.find(game.groups[order]), order)
    absent = groups_of([[0, 0, 0, 0], [29, 29, 29, 29], [5]], 4)
    listed = {tuple(group) for group in game.groups.tolist()}
    expected = [tuple(group) in listed for group in absent.tolist()]
    assert (index.find(absent) >= 0).tolist() == expected


def test_time_limit_returns_a_bound() -> None:
    game = listed_game(200, 60_000, 3)
    found, best = solve_listed(game, time_limit=0.0), solve_listed(game)
    assert not found.complete
    assert found.primal <= best.primal <= found.dual < np.inf
    assert (game.surplus - payoff_within(game.groups, found.imputation)).max() <= 1e-9


def test_progress_is_told_without_premiums() -> None:
    told: list[tuple[float, float, float, int]] = []
    found = solve_listed(listed_game(20, 2_000, 0, "forbidden"), progress=lambda *record: told.append(record))
    assert told[-1][1] == pytest.approx(found.primal, rel=1e-4)
    assert all(bound >= found.primal - 1e-9 for _, _, bound, _ in told)


def test_many_groups_are_solved_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    game = listed_game(40, 4_000, 0)
    assert assign(game).method == "direct"
    monkeypatch.setattr(assigning, "MOST_DIRECT", 1_000)
    found = assign(game)
    assert found.method == "column generation"
    check(game, found)


def test_hundred_thousand_groups_take_few_columns() -> None:
    game = listed_game(200, 100_000, 5)
    found = solve_listed(game)
    check(game, found)
    assert max(columns for *_, columns in found.history) < 12_000


# --- row generation on the model -------------------------------------------------------------------------------------


def test_rows_agree_with_columns() -> None:
    game = listed_game(30, 3_000, 2)
    found = solve_by_rows(game)
    check(game, found)
    assert found.method == "row generation"
    assert found.primal == pytest.approx(solve_listed(game).primal, abs=1e-7)


def test_method_model_generates_rows_when_groups_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    game = listed_game(10, 200, 0)
    assert assign(game, HowToSolve(method="model")).method == "direct"
    monkeypatch.setattr(assigning, "MOST_GROUPS", 100)
    found = assign(game, HowToSolve(method="model"))
    assert found.method == "row generation"
    check(game, found)


def test_rows_are_refused_where_payoffs_may_be_negative() -> None:
    game = listed_game(5, 50, 0, "forbidden")
    with pytest.raises(ValueError, match="leave the method to choose itself"):
        solve_by_rows(game)
    pricer_of(replace(game, unlisted="zero")).close()
