"""Worths by level from tables; what the runner refuses."""

from __future__ import annotations

import numpy as np
import pytest

from breakaway.data.games import AbatementGame, CournotMarket, PartitionFunctionGame, Players, ResearchRace
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.worths import FORMULATIONS, block_worths, solve_equilibrium

TABLE = PartitionFunctionGame(
    Players.of(3),
    {(1, 2, 4): (1.0, 2.0, 3.0), (3, 4): (4.0, 1.0), (5, 2): (5.0, 1.5), (1, 6): (0.5, 6.0), (7,): (9.0,)},
)


def test_partition_function_worths_are_looked_up() -> None:
    assert block_worths(TABLE, [(3, 4), (5, 2), (1, 6)]).tolist() == [[4.0, 1.0], [5.0, 1.5], [0.5, 6.0]]
    assert block_worths(TABLE, np.array([[7]])).tolist() == [[9.0]]


def test_a_structure_without_worths_is_named() -> None:
    with pytest.raises(ValueError, match=r"no worths for the structure \(2, 5\).*in the order of their first players"):
        block_worths(TABLE, [(3, 4), (2, 5)])


@pytest.mark.parametrize("structures", [[7], [[1.0, 6.0]], [(7,), (1, 6)], [[[1, 6]]]])
def test_arrays_of_another_shape_are_refused(structures: list) -> None:
    with pytest.raises(ValueError, match=r"shape \(structures, blocks\)"):
        block_worths(CournotMarket(Players.of(3), (2.0, 3.0, 4.0), 10.0), structures)


def test_a_partition_function_has_no_equilibrium_to_solve() -> None:
    with pytest.raises(TypeError, match="its worths come from block_worths"):
        solve_equilibrium(TABLE, (7,), SolverOptions())


@pytest.mark.parametrize(
    "game",
    [
        CournotMarket(Players.of(3), (2.0, 3.0, 4.0), 10.0),
        AbatementGame(Players.of(3), (1.0, 2.0, 3.0)),
        ResearchRace(Players.of(3), 4.0, 0.1),
    ],
    ids=lambda game: type(game).__name__,
)
def test_first_formulation_is_the_default(game: CournotMarket | AbatementGame | ResearchRace) -> None:
    found = solve_equilibrium(game, (1, 6), SolverOptions())
    assert found.formulation == next(iter(FORMULATIONS[type(game)]))
    assert found.structure == (1, 6)
    assert found.worths == pytest.approx(block_worths(game, [(1, 6)])[0], abs=1e-7)
