"""Surplus functions: column and row generation against the direct programme, bounds of blocks, bad functions, sizes."""

from __future__ import annotations

import numpy as np
import pytest
from application_cases import run_page
from numpy.typing import NDArray

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.group_families import family
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupGame,
    SurplusFunctionGame,
    Types,
    pairwise_surplus,
    payoff_within,
    sufficient_groups,
)
from breakaway.runners.asking import HowToSolve
from breakaway.runners.groups import assign as assigning
from breakaway.runners.groups.assign import assign
from breakaway.runners.groups.black_box import BlackBoxPricer, Blocks, checked_game, scaled_data, solve_black_box
from breakaway.runners.groups.direct import residuals, solve_direct
from breakaway.runners.groups.engine import solve_pairwise
from breakaway.runners.groups.growing import bounded, growing
from breakaway.runners.groups.rows import solve_by_rows
from breakaway.runners.groups.solution import GroupSolution

Rows = NDArray[np.int64]


def varied(types: int, max_size: int, seed: int = 0, min_size: int = 1) -> SurplusFunctionGame:
    """Return a game that no pairwise surplus describes: skills add up, the best and the worst member count."""
    rng = np.random.default_rng(seed)
    skill, taste = rng.random((types, 3)), rng.random(types)

    def surplus(groups: Rows) -> Floats:
        best = skill[groups].max(axis=1).sum(axis=1)
        apart = taste[groups].max(axis=1) - taste[groups].min(axis=1)
        return np.maximum(0.0, best * np.sqrt(groups.shape[1]) - 0.9 * groups.shape[1] - apart)

    return SurplusFunctionGame(Types.of(types, rng.uniform(0.5, 1.5, types)), surplus, min_size, max_size)


@pytest.mark.parametrize(("types", "max_size", "min_size"), [(12, 2, 1), (10, 3, 1), (9, 4, 2), (6, 5, 1), (7, 3, 3)])
def test_columns_agree_with_the_direct_programme(types: int, max_size: int, min_size: int) -> None:
    for seed in range(2):
        game = varied(types, max_size, seed, min_size)
        found, direct = solve_black_box(game), solve_direct(game, way="highs")
        assert found.complete
        assert found.primal == pytest.approx(direct.primal, abs=1e-7)
        assert found.dual == pytest.approx(direct.primal, abs=2e-7 * max(1.0, direct.primal))
        violations = residuals(game, found)
        assert violations.consistency <= 1e-8
        assert violations.blocking <= 1e-10


@pytest.mark.parametrize("name", ["planar", "coulomb"])
def test_columns_agree_with_the_pairwise_engine(name: str) -> None:
    game = family(name, 40, 3)
    black_box = SurplusFunctionGame(game.types, lambda groups: pairwise_surplus(game, groups), 1, 3)
    found = solve_black_box(black_box)
    assert found.complete
    assert found.groups_priced == 40 + 820 + 11_480
    assert found.primal == pytest.approx(solve_pairwise(game).primal, abs=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_blocks_hold_every_group_once_and_bound_it(size: int) -> None:
    game = checked_game(varied(7, size, min_size=size))
    pricer = BlackBoxPricer(scaled_data(game))
    rng = np.random.default_rng(1)
    groups, surplus = sufficient_groups(game)
    surplus = surplus / pricer.data.largest_entry
    for _ in range(4):
        u = rng.uniform(0.0, 0.4, 7)
        if size in pricer.blocks:
            blocks = pricer.blocks[size]
            bounds = blocks.bounds(u)
            for b in range(len(blocks.heads)):
                inside, _ = blocks.groups_of(np.array([b]))
                gains = pricer.data.of_size(inside) - u[inside].sum(axis=1)
                assert gains.max() <= bounds[b] + 1e-12
        before = pricer.evaluated
        excess = pricer.prove(u, 1e-9).excess
        assert (surplus - payoff_within(groups, u + excess)).max() <= 1e-12
        assert pricer.evaluated - before <= len(groups)
    everything, _ = Blocks(7, size).groups_of(np.arange(len(Blocks(7, size).heads)))
    np.testing.assert_array_equal(np.unique(everything, axis=0), groups[:, :size])
    assert len(everything) == len(groups)


def test_later_passes_evaluate_little() -> None:
    game = checked_game(varied(30, 3))
    pricer = BlackBoxPricer(scaled_data(game))
    u = solve_black_box(game).imputation / pricer.data.largest_entry
    pricer.prove(u, 1e-6)
    assert pricer.evaluated == 30 + 465 + 4_960
    pricer.prove(u * 1.001, 1e-6)
    pricer.prove(u + 1e-4 * np.random.default_rng(0).random(30), 1e-6)
    assert pricer.evaluated < 1.25 * (30 + 465 + 4_960)


def test_pass_that_is_cut_short_leaves_valid_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breakaway.runners.groups.black_box.BATCH", 300)
    game = checked_game(varied(20, 3))
    pricer = BlackBoxPricer(scaled_data(game))
    groups, surplus = sufficient_groups(game)
    surplus = surplus / pricer.data.largest_entry
    assert np.isinf(pricer.prove(np.full(20, 0.1), 1e-9, lambda: True).excess).all()
    pricer.prove(np.full(20, 0.2), 1e-9)
    for allowed in (0, 2, 5):
        asked = iter(range(100))
        u = np.random.default_rng(allowed).uniform(0.0, 0.2, 20)
        proof = pricer.prove(u, 1e-9, lambda asked=asked, allowed=allowed: next(asked) >= allowed)  # type: ignore[misc]
        assert not proof.searched
        assert np.isfinite(proof.excess).all()
        assert (surplus - payoff_within(groups, u + proof.excess)).max() <= 1e-12


def test_time_limit_says_that_nothing_is_proven() -> None:
    game = varied(20, 3)
    found, best = solve_black_box(game, time_limit=0.0), solve_black_box(game)
    assert not found.complete
    assert found.dual == np.inf
    assert 0.0 <= found.primal <= best.primal + 1e-9


def test_rows_agree_with_columns() -> None:
    game = varied(20, 3)
    found = solve_by_rows(game)
    assert found.complete
    assert found.method == "row generation"
    assert found.primal == pytest.approx(solve_black_box(game).primal, abs=1e-7)
    assert residuals(game, found).blocking <= 1e-10


@pytest.mark.parametrize("name", ["iid", "planar", "coulomb", "skill"])
def test_rows_agree_with_the_pairwise_engine(name: str) -> None:
    game = family(name, 25, 3, seed=4)
    found, engine = solve_by_rows(game), solve_pairwise(game)
    assert found.complete
    assert found.primal == pytest.approx(engine.primal, abs=1e-7 * max(1.0, engine.primal))
    assert abs(float(game.types.masses @ found.imputation) - found.dual) <= 1e-9 * max(1.0, found.dual)
    assert residuals(game, found).blocking <= 1e-9 * max(1.0, found.dual)


def test_assign_chooses_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    game = varied(15, 3)
    direct = assign(game)
    monkeypatch.setattr(assigning, "MOST_DIRECT", 100)
    columns = assign(game)
    monkeypatch.setattr(assigning, "MOST_GROUPS", 100)
    rows = assign(game, HowToSolve(method="model"))
    assert [direct.method, columns.method, rows.method] == ["direct", "column generation", "row generation"]
    assert columns.primal == pytest.approx(direct.primal, abs=1e-7)
    assert rows.primal == pytest.approx(direct.primal, abs=1e-7)


# --- bad functions ---------------------------------------------------------------------------------------------------


def spoilt(spoil: object) -> SurplusFunctionGame:
    """Return a game with three types whose group A+B is spoilt."""

    def surplus(groups: Rows) -> Floats:
        worth = np.ones(len(groups))
        ordered = np.sort(groups, axis=1)
        worth[(ordered == [0, 1]).all(axis=1) if groups.shape[1] == 2 else np.zeros(len(groups), bool)] = spoil
        return worth

    return SurplusFunctionGame(Types.of(["A", "B", "C"], [1.0, 1.0, 1.0]), surplus, 1, 2)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (np.nan, r"group (A\+B|B\+A) has surplus nan: return a finite number for every permitted group"),
        (np.inf, r"group (A\+B|B\+A) has surplus inf: return a finite number"),
        (-0.5, r"group (A\+B|B\+A) has surplus -0.5; surpluses are 0 or above: return np.maximum\(0, ...\)"),
    ],
)
def test_bad_surpluses_name_the_group(spoil: float, message: str) -> None:
    for solve in (solve_black_box, assign, solve_by_rows):
        with pytest.raises(ValueError, match=message):
            solve(spoilt(spoil))


def test_rare_bad_surpluses_are_found_when_they_are_met() -> None:
    types = Types.of(60, np.ones(60))

    def surplus(groups: Rows) -> Floats:
        rare = (np.sort(groups, axis=1) == np.arange(11, 11 + 7 * groups.shape[1], 7)).all(axis=1)
        return np.where(rare & (groups.shape[1] == 3), np.nan, groups.shape[1] - 1.0)

    with pytest.raises(ValueError, match=r"group 11\+18\+25 has surplus nan"):
        solve_black_box(SurplusFunctionGame(types, surplus, 1, 3))


def test_surplus_that_is_not_symmetric_names_two_orders() -> None:
    game = SurplusFunctionGame(Types.of(["A", "B"], [1.0, 1.0]), lambda groups: 1.0 + groups[:, 0], 2, 2)
    expected = r"not symmetric: A\+B is worth 1, but in the order B\+A it is worth 2; make the function sort"
    with pytest.raises(ValueError, match=expected):
        solve_black_box(game)


def test_surplus_of_a_wrong_shape() -> None:
    game = SurplusFunctionGame(Types.of(2, [1.0, 1.0]), lambda groups: np.ones(groups.shape), 2, 2)
    with pytest.raises(
        ValueError, match=r"returned shape \(1000, 2\): return one number for each row, shape \(1000,\)"
    ):
        solve_black_box(game)


def test_error_of_the_function_itself_names_a_group() -> None:
    worths = np.arange(4.0)
    game = SurplusFunctionGame(Types.of("ABCDE", np.ones(5)), lambda groups: worths[groups].sum(axis=1), 1, 2)
    for solve in (solve_black_box, assign):
        with pytest.raises(IndexError) as caught:
            solve(game)
        assert caught.value.__notes__ == ["the surplus function failed at group E"]


def test_function_that_changes_its_argument_does_no_harm() -> None:
    game = varied(15, 3)

    def surplus(groups: Rows) -> Floats:
        worth = game.surplus(groups)
        groups[:] = 0
        return worth

    changed = SurplusFunctionGame(game.types, surplus, 1, 3)
    assert solve_black_box(changed).primal == solve_black_box(game).primal


def test_complex_surpluses_are_refused() -> None:
    game = SurplusFunctionGame(Types.of(2, [1.0, 1.0]), lambda groups: np.sqrt(groups[:, 0] - 1.0 + 0.0j), 1, 2)
    with pytest.raises(ValueError, match="returned complex numbers: make it return real ones") as error:
        solve_black_box(game)
    assert error.value.__notes__[0].startswith("the surplus function failed at group ")


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_growing_groups_of_one_type_approach_one() -> None:
    """Example 2.4.3 of Wang (2019): (N - 1) / N, for ever larger groups."""
    game = SurplusFunctionGame(Types.of(["A"], [1.0]), lambda groups: np.full(len(groups), groups.shape[1] - 1.0), 1, 2)
    table = growing(game, range(1, 13))
    sizes = table["max_size"].to_numpy()
    np.testing.assert_allclose(table["welfare"], (sizes - 1) / sizes, atol=1e-9)
    np.testing.assert_allclose(table["increase"][1:], 1 / (sizes[1:] * (sizes[1:] - 1)), atol=1e-9)
    assert np.isnan(table["increase"][0])
    assert table["largest_formed"].tolist() == sizes.tolist()
    assert table["groups"].tolist() == sizes.tolist()
    assert (table["gap"].abs() <= 1e-9).all()


def test_growing_stops_to_pay_where_costs_rise() -> None:
    table = growing(family("iid", 12, 4), [1, 2, 3, 4])
    assert (np.diff(table["welfare"]) >= -1e-9).all()
    full = solve_pairwise(family("iid", 12, 4))
    assert table["welfare"].iloc[-1] == pytest.approx(full.primal, abs=1e-7)


def test_sizes_whose_groups_cannot_cover_the_market_are_noted() -> None:
    """Only A alone and A+A+B may form, so that B finds no group of less than three."""
    groups = np.array([[0, -1, -1], [0, 0, 1]], dtype=np.int32)
    game = GroupGame(Types.of("AB", [2.0, 1.0]), groups, np.array([1.0, 5.0]), 1, 3, "forbidden")
    table = growing(game, [1, 2, 3])
    assert np.isnan(table["welfare"].to_numpy()).tolist() == [True, True, False]
    assert table["note"].str.contains("cannot cover the market and leave over at least 1 person").tolist() == [
        True,
        True,
        False,
    ]
    assert table["welfare"].iloc[2] == pytest.approx(5.0)
    assert np.isnan(table["increase"]).all()


def test_ctrl_c_keeps_the_rows_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(game: FiniteGroupGame, how: HowToSolve | None) -> GroupSolution:
        if game.max_size == 3:
            raise KeyboardInterrupt
        return assign(game, how)

    monkeypatch.setattr("breakaway.runners.groups.growing.assign", pressed)
    table = growing(family("iid", 6, 4), [1, 2, 3, 4])
    assert table["max_size"].tolist() == [1, 2, 3]
    assert table["note"].tolist() == ["", "", "interrupted"]
    assert np.isnan(table["welfare"].iloc[2])


def test_tables_are_cut_to_smaller_sizes() -> None:
    groups = np.array([[0, 1, -1], [0, 0, 1]], dtype=np.int32)
    game = GroupGame(Types.of(2, [1.0, 1.0]), groups, frozen_floats([1.0, 5.0]), 1, 3)
    smaller = bounded(game, 2)
    assert isinstance(smaller, GroupGame)
    assert smaller.groups.tolist() == [[0, 1]]
    assert growing(game, [2, 3])["welfare"].tolist() == pytest.approx([1.0, 2.5])
    with pytest.raises(ValueError, match="tables are about groups of up to 3"):
        bounded(game, 4)
    with pytest.raises(ValueError, match="at least 1 members"):
        bounded(game, 0)


def test_programs_of_the_page_print_what_it_says() -> None:
    pairs = run_page("surplus_functions")
    assert len(pairs) == 6
    for written, obtained in pairs:
        assert obtained == written
