"""Markets of pairs by the network simplex method: against the direct programme, limits, and the choice of method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from breakaway.data.arrays import frozen_floats
from breakaway.data.group_families import FAMILIES, family
from breakaway.data.groups import PairwiseGroupGame, Types
from breakaway.runners.groups.assign import assign
from breakaway.runners.groups.direct import residuals, solve_direct
from breakaway.runners.groups.transport import solve_pairs


def random_game(types: int, seed: int, min_size: int = 1, whole: bool = False) -> PairwiseGroupGame:
    """Draw a game with values and solo surpluses of either sign; whole numbers make ties."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1.0, 2.0, (types, types))
    values, solo, masses = values + values.T, rng.uniform(-0.5, 0.7, types), rng.uniform(0.5, 1.5, types)
    if whole:
        values, solo, masses = np.round(values), np.round(solo), np.ceil(masses)
    cost = frozen_floats([0.0, 0.1, 0.4])
    return PairwiseGroupGame(Types.of(types, masses), frozen_floats(solo), frozen_floats(values), cost, min_size, 2)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("min_size", [1, 2])
def test_pairs_agree_with_the_direct_programme(min_size: int, whole: bool) -> None:
    for seed in range(12):
        game = random_game(1 + 2 * seed, seed, min_size, whole)
        found, direct = solve_pairs(game), solve_direct(game, way="highs")
        assert found.complete
        assert found.method == "network simplex"
        assert found.primal == pytest.approx(direct.primal, abs=1e-8)
        assert found.dual == pytest.approx(direct.primal, abs=1e-8)
        violations = residuals(game, found)
        assert violations.consistency <= 1e-10
        assert violations.blocking <= 1e-10
        assert violations.sharing <= 1e-8
        assert found.imputation.min() >= -1e-12


@pytest.mark.parametrize("name", FAMILIES)
def test_pairs_of_every_family(name: str) -> None:
    game = family(name, 90, 2)
    found = solve_pairs(game)
    assert found.gap == pytest.approx(0.0, abs=1e-10)
    assert found.groups_priced == 90 + 45 * 91
    assert found.primal == pytest.approx(solve_direct(game, way="highs").primal, abs=1e-9)
    assert residuals(game, found).consistency <= 1e-12


def test_time_limit_returns_an_assignment_and_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("breakaway.runners.groups.transport.ROUND", 1)
    game = family("coulomb", 90, 2)
    best = solve_pairs(game)
    told: list[tuple[float, float, float, int]] = []
    found = solve_pairs(game, time_limit=0.0, progress=lambda *record: told.append(record))
    assert not found.complete
    assert found.primal < best.primal <= found.dual
    assert len(told) == 1
    violations = residuals(game, found)
    assert violations.consistency <= 1e-12
    assert violations.blocking <= 1e-10


def test_pairs_are_refused_larger_groups() -> None:
    with pytest.raises(ValueError, match=r"up to 3 members: use breakaway\.runners\.groups\.engine"):
        solve_pairs(family("iid", 5, 3))


def test_game_worth_nothing() -> None:
    game = replace(random_game(4, 0), solo=np.full(4, -9.0))
    found = solve_pairs(game)
    assert (found.primal, found.dual) == (0.0, 0.0)
    assert found.complete


def test_assign_chooses_transport_for_many_pairs() -> None:
    assert assign(family("iid", 30, 2)).method == "direct"
    found = assign(family("iid", 90, 2))
    assert found.method == "network simplex"
    assert found.complete
