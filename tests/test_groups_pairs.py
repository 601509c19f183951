"""Markets of pairs given by a table or a function: as pairwise games, by three methods, verified, held against POT."""

from __future__ import annotations

import numpy as np
import pytest

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.group_families import FAMILIES, family
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupGame,
    PairwiseGroupGame,
    SurplusFunctionGame,
    Types,
    all_groups,
    pairwise_surplus,
    surpluses,
)
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.groups import assign as assigning
from breakaway.runners.groups import pairs
from breakaway.runners.groups.assign import assign, solve_assignment
from breakaway.runners.groups.direct import residuals, solve_direct
from breakaway.runners.groups.engine import solve_pairwise
from breakaway.runners.groups.pairs import pairwise_form
from breakaway.runners.groups.transport import solve_pairs
from breakaway.runners.solvers import SolverOptions

WELFARE = {
    ("iid", 30): 0.202260727379,
    ("skill", 30): 0.266122323189,
    ("skill", 100): 0.256743148491,
    ("coulomb", 100): 9.076029468836,
    ("iid", 300): 0.221811383914,
    ("planar", 300): 0.277750485244,
}
"""Optimal welfare of markets of pairs with seed 0, certified to 3e-10 or better by another implementation."""


def random_game(seed: int, types: int, min_size: int) -> PairwiseGroupGame:
    """Draw values of both signs and solos that are negative for most, and profitable for some."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.3, 1.0, (types, types))
    return PairwiseGroupGame(
        types=Types.of(types, rng.uniform(0.2, 2.0, types)),
        solo=frozen_floats(rng.normal(-0.2, 0.6, types)),
        values=frozen_floats(values + values.T),
        size_cost=frozen_floats([0.0, 0.1, 0.4]),
        min_size=min_size,
        max_size=2,
    )


def as_function(game: PairwiseGroupGame) -> SurplusFunctionGame:
    def surplus(groups: np.ndarray) -> Floats:
        return pairwise_surplus(game, np.sort(groups, axis=1))

    return SurplusFunctionGame(game.types, surplus, game.min_size, game.max_size)


def as_table(game: PairwiseGroupGame, unlisted: str = "zero") -> GroupGame:
    """List the groups with a surplus."""
    groups = all_groups(len(game.types), game.min_size, 2)
    surplus = surpluses(game, groups)
    listed = surplus > 0.0
    return GroupGame(game.types, groups[listed], surplus[listed], game.min_size, 2, unlisted)  # type: ignore[arg-type]


def needed_form(game: FiniteGroupGame) -> PairwiseGroupGame:
    form = pairwise_form(game)
    assert form is not None
    return form


CASES = [(seed, 1 + 3 * seed, min_size) for seed in range(8) for min_size in (1, 2)]


@pytest.mark.parametrize("given", [as_table, as_function])
@pytest.mark.parametrize(("seed", "types", "min_size"), CASES)
def test_the_pairwise_form_has_the_same_surpluses(given: object, seed: int, types: int, min_size: int) -> None:
    game = random_game(seed, types, min_size)
    assert callable(given)
    form = needed_form(given(game))
    groups = all_groups(types, min_size, 2)
    np.testing.assert_allclose(surpluses(form, groups), surpluses(game, groups), atol=1e-14)
    assert (form.min_size, form.max_size) == (min_size, 2)


def test_a_pairwise_game_is_its_own_form() -> None:
    game = random_game(0, 5, 1)
    assert pairwise_form(game) is game


def test_singles_and_groups_of_one_type_are_the_best_for_some() -> None:
    formed = [row for seed, types, least in CASES for row in solve_pairs(random_game(seed, types, least)).groups]
    assert any(row[1] < 0 for row in formed)
    assert any(row[0] == row[1] for row in formed)
    assert any(row[0] < row[1] for row in formed)


@pytest.mark.parametrize(("seed", "types", "min_size"), CASES)
def test_transport_columns_and_the_direct_programme_agree(seed: int, types: int, min_size: int) -> None:
    game = random_game(seed, types, min_size)
    found, direct = solve_pairs(needed_form(as_function(game))), solve_direct(game, way="highs")
    assert found.complete
    assert found.primal == pytest.approx(direct.primal, abs=1e-9)
    assert found.dual == pytest.approx(direct.primal, abs=1e-9)
    assert solve_pairwise(game).primal == pytest.approx(found.primal, abs=2e-7)
    violations = residuals(game, found)
    assert violations.consistency <= 1e-12
    assert violations.blocking <= 1e-12
    assert violations.sharing <= 1e-9
    assert found.groups_priced == direct.groups_priced


@pytest.mark.parametrize(("name", "types"), WELFARE)
def test_reference_values(name: str, types: int) -> None:
    found = solve_pairs(family(name, types, 2))
    assert found.complete
    assert found.gap <= 1e-10
    assert found.primal == pytest.approx(WELFARE[name, types], abs=1e-9)
    assert residuals(family(name, types, 2), found).consistency <= 1e-12


@pytest.mark.parametrize("name", FAMILIES)
def test_the_network_simplex_of_pot_finds_the_same_welfare(name: str) -> None:
    ot = pytest.importorskip("ot")
    game = family(name, 60, 2)
    rows = np.repeat(np.arange(60), 60)
    table = pairwise_surplus(game, np.column_stack([rows, np.tile(np.arange(60), 60)])).reshape(60, 60)
    np.fill_diagonal(table, np.maximum(table.diagonal(), 2.0 * pairwise_surplus(game, np.arange(60)[:, None])))
    cost = ot.emd2(game.types.masses, game.types.masses, -table)
    assert solve_pairs(game).primal == pytest.approx(-cost / 2.0, abs=1e-10)


@pytest.mark.parametrize("given", [as_function, lambda game: game])
def test_answers_are_verified(given: object) -> None:
    assert callable(given)
    game = given(random_game(3, 70, 1))
    answer = solve_assignment(game, HowToSolve(verify=True, detail="none"))
    claims = answer.certificate.claims
    assert claims["verified"] is True
    assert claims["method"] == "network simplex"
    assert claims["groups_priced"] == 70 + 35 * 71
    assert answer.tables["assignment"]["mass"].gt(0.0).all()


def test_a_full_table_is_transport_and_a_sparse_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    table = as_table(random_game(4, 70, 2))
    assert assign(table).method == "direct"
    monkeypatch.setattr(assigning, "MOST_DIRECT", 500)
    found = assign(table)
    assert found.method == "network simplex"
    assert found.primal == pytest.approx(solve_direct(table).primal, abs=1e-9)


def test_what_is_no_market_of_pairs_has_no_form(monkeypatch: pytest.MonkeyPatch) -> None:
    game = random_game(5, 6, 1)
    assert pairwise_form(family("iid", 6, 3)) is None
    assert pairwise_form(family("iid", 6, 1)) is None
    assert pairwise_form(as_table(game, "forbidden")) is None
    monkeypatch.setattr(pairs, "MOST_TYPES", 5)
    assert pairwise_form(as_function(game)) is None
    assert pairwise_form(game) is game


def test_a_limit_leaves_an_assignment_and_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breakaway.runners.groups.transport.ROUND", 1)
    game = as_function(family("coulomb", 90, 2))
    best = assign(game).primal
    with pytest.raises(UnfinishedError, match="the limit was reached with an assignment worth") as stopped:
        solve_assignment(game, HowToSolve(options=SolverOptions(time_limit=1e-9), detail="none"))
    claims = stopped.value.answer.certificate.claims
    assert claims["welfare"] < best <= claims["upper_bound"]


def test_a_function_that_breaks_its_rules_is_refused() -> None:
    game = SurplusFunctionGame(Types.of(70, np.ones(70)), lambda groups: np.full(len(groups), -1.0), 1, 2)
    with pytest.raises(ValueError, match="has surplus -1; surpluses are 0 or above"):
        assign(game)
