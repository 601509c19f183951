"""The parts of the verification against oracles: brute force, exact arithmetic, closed forms, known counts."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verify_tables import CASES, MapBuilder, characteristic_game, coalition, expected_solutions, externality_game

from breakaway.data.coalitions import bell_number, coarsest, finest_structure, refines
from breakaway.data.games import AbatementGame, CournotMarket, PartitionFunctionGame, Players, ResearchRace
from breakaway.runners.verify import verify_viability
from breakaway.runners.verify.divisions import Accuracy, required_worth
from breakaway.runners.verify.exact import ExactDivision
from breakaway.runners.verify.knife_edges import solve_characteristic, solve_linear, solve_map
from breakaway.runners.verify.optimum import Division, water_fill
from breakaway.runners.verify.partitions import Lattice, parts, replace
from breakaway.runners.verify.worths import equilibria

EXACT_MAPS = [name for name, case in CASES.items() if case["kind"] in {"cournot", "partition_function_game"}]


@pytest.mark.parametrize("n", range(1, 9))
def test_every_partition_is_enumerated_once(n: int) -> None:
    lattice = Lattice(n)
    assert len(set(lattice.structures)) == len(lattice.structures) == bell_number(n)
    assert lattice.structures[lattice.index[finest_structure(n)]] == finest_structure(n)


@pytest.mark.parametrize("seed", range(5))
def test_refinement_and_coarsest_agree_with_blocks_inside_blocks(seed: int) -> None:
    lattice = Lattice(5)
    rows = np.sort(np.random.default_rng(seed).choice(len(lattice.structures), 20, replace=False))
    chosen = [lattice.structures[k] for k in rows]
    for whole, structure in enumerate(lattice.structures):
        finer = {lattice.structures[k] for k in lattice.refining(rows, whole)}
        assert finer == {other for other in chosen if refines(other, structure)}
    assert {lattice.structures[k] for k in lattice.maximal(rows)} == set(coarsest(chosen))


def test_structure_induced_by_a_breakaway() -> None:
    assert replace((0b00111, 0b11000), 0b00111, 0b00010) == (0b00101, 0b00010, 0b11000)
    assert parts(0b1011) == [0b0001, 0b0010, 0b0011, 0b1000, 0b1001, 0b1010]


threats = st.lists(st.tuples(st.integers(1, 14), st.lists(st.integers(0, 9), min_size=4, max_size=4)), max_size=7)


def asked_matrix(listed: list[tuple[int, list[int]]]) -> np.ndarray:
    rows = [[y if mask >> i & 1 else np.inf for i, y in enumerate(payoffs)] for mask, payoffs in listed]
    return np.array(rows, dtype=float).reshape(len(rows), 4)


@given(listed=threats)
@settings(max_examples=150, deadline=None)
def test_required_worth_is_the_least_over_all_choices_of_who_meets_each_threat(
    listed: list[tuple[int, list[int]]],
) -> None:
    asked = asked_matrix(listed)
    choices = [[(i, y) for i, y in enumerate(row) if np.isfinite(y)] for row in asked]
    totals = []
    for choice in product(*choices):
        low = np.zeros(4)
        for i, y in choice:
            low[i] = max(low[i], y)
        totals.append(low.sum())
    problem = Division(10.0, np.zeros(4), np.ones(4), asked)
    assert required_worth(problem, Accuracy(1e-9, 10.0)) == pytest.approx(min(totals), abs=1e-9)
    exact = exact_division(asked, Fraction(10)).solve()[0]
    assert exact == Fraction(min(totals))


def exact_division(asked: np.ndarray, worth: Fraction) -> ExactDivision:
    listed = [{i: Fraction(y) for i, y in enumerate(row) if np.isfinite(y)} for row in asked]
    return ExactDivision(worth, (Fraction(0),) * 4, (Fraction(1),) * 4, listed)


@given(listed=threats, worth=st.integers(5, 30))
@settings(max_examples=60, deadline=None)
def test_exact_maximisers_beat_every_unblocked_division_on_a_grid(
    listed: list[tuple[int, list[int]]], worth: int
) -> None:
    asked = asked_matrix(listed)
    required, best = exact_division(asked, Fraction(worth)).solve()
    assert bool(best) == (required <= worth)
    grid = np.array([x for x in product(range(worth + 1), repeat=4) if sum(x) == worth][:: max(1, worth // 10)])
    blocked = (asked[None] > grid[:, None, :]).all(axis=2).any(axis=1)
    free = grid[~blocked]
    if best:
        top = float(np.prod([float(x) for x in best[0]]))
        assert all(sum(x) == worth for x in best)
        assert not len(free) or free.prod(axis=1).max() <= top + 1e-9


def test_water_filling_meets_lower_bounds_and_exhausts_the_worth() -> None:
    problem = Division(12.0, np.array([1.0, 0.0, 0.0]), np.array([1.0, 1.0, 2.0]), np.empty((0, 3)))
    low = np.array([[1.0, 0.0, 0.0], [5.0, 0.0, 0.0], [1.0, 8.0, 1.0], [6.0, 3.0, 3.0]])
    expected = [[3.75, 2.75, 5.5], [5.0, 7 / 3, 14 / 3], [2.0, 8.0, 2.0], [6.0, 3.0, 3.0]]
    assert np.allclose(water_fill(low, problem), expected, atol=1e-12)


@pytest.mark.parametrize("name", EXACT_MAPS)
def test_exact_recursion_finds_the_viable_structures_of_the_reference(name: str) -> None:
    game = externality_game(CASES[name])
    assert isinstance(game, PartitionFunctionGame | CournotMarket)
    lattice = Lattice(len(game.players))
    judged = solve_map(game, lattice)
    viable = {pi for pi in lattice.structures if all(judged[pi, block] for block in pi)}
    assert viable == {pi for pi, _ in expected_solutions(CASES[name])}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "tu_game"])
def test_exact_recursion_finds_the_solutions_of_the_reference(name: str) -> None:
    solved = solve_characteristic(characteristic_game(CASES[name]))
    for key, expected in CASES[name]["expected"]["sigma"].items():
        found = [tuple(map(float, x)) for x in sorted(solved[coalition(key)])]
        assert len(found) == len(expected), key
        assert all(np.allclose(x, y, atol=1e-8) for x, y in zip(found, sorted(expected), strict=True)), key


def test_exact_linear_system() -> None:
    third = Fraction(1, 3)
    assert solve_linear([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(2)]], [Fraction(1)] * 2) == [third, third]


@pytest.mark.parametrize("n", [2, 3, 5])
def test_cournot_equilibria_are_those_of_equation_27(n: int) -> None:
    cost = (1.0, 2.5, 3.0, 3.25, 4.0)[:n]
    game = CournotMarket(Players.of(n), cost, 30.0)
    for pi, (worths, gain) in equilibria(game, Lattice(n).structures).items():
        least = [min(c for i, c in enumerate(cost) if block >> i & 1) for block in pi]
        formula = [((30.0 + sum(least)) / (len(pi) + 1) - c) ** 2 for c in least]
        assert np.allclose(worths, formula, rtol=1e-12)
        assert gain <= 1e-12


def test_firm_that_cannot_sell_does_not_produce() -> None:
    game = CournotMarket(Players.of(2), (1.0, 9.0), 10.0)
    worths, gain = equilibria(game, [(1, 2)])[1, 2]
    assert worths == pytest.approx([20.25, 0.0])
    assert gain <= 1e-12


def test_abatement_worths_are_those_of_example_2() -> None:
    game = AbatementGame(Players.of(3), (1.0, 2.0, 3.0))
    found = equilibria(game, Lattice(3).structures)
    assert found[1, 2, 4][0] == pytest.approx([6 - 1 / 3, 6 - 2 / 3, 5])
    assert found[1, 6][0] == pytest.approx([1 + 5 * 2**0.5 - 1 / 3, 2 + 5 * 32**0.5 / 3])
    assert found[7,][0] == pytest.approx([12 * 3**0.5])
    assert max(gain for _, gain in found.values()) <= 0.0


@pytest.mark.parametrize("convention", ["equation-15", "equation-14"])
def test_research_race_solves_the_cubic_of_equation_17(convention: str) -> None:
    game = ResearchRace(Players.of(3), 2.0, 0.1, convention)  # type: ignore[arg-type]
    power = 3.0 ** (2.0 if convention == "equation-15" else 1.0)
    rates = np.roots([1 / power, 0.2 / power, 0.01 / power, -0.1])
    rate = float(rates[np.abs(rates.imag) < 1e-12].real.max())
    worths, residual = equilibria(game, [(7,)])[7,]
    assert worths == pytest.approx([rate / (0.1 + rate) - rate**2 / (2 * power)], rel=1e-12)
    assert residual <= 1e-12


def edge_game(pair: float) -> PartitionFunctionGame:
    """Three players who get 0.1, 0.2 and 0.3 alone; the pair of the first two gets ``pair``."""
    worths = {
        (1, 2, 4): (0.1, 0.2, 0.3),
        (3, 4): (pair, 0.3),
        (5, 2): (0.1, 0.2),
        (1, 6): (0.1, 0.2),
        (7,): (0.5,),
    }
    return PartitionFunctionGame(Players.of(3), worths)


AT_EDGE = "knife edges decided exactly"
BY_SLACK = "blocks viable iff the slack allows"


@pytest.mark.parametrize(
    ("pair", "viable", "exact", "floating"),
    [
        (0.3, True, None, None),
        (0.3, False, AT_EDGE, BY_SLACK),
        (0.299999999999, True, AT_EDGE, None),
        (0.299999999999, False, None, BY_SLACK),
        (0.29999999, False, None, None),
        (0.29999999, True, AT_EDGE, BY_SLACK),
    ],
)
@pytest.mark.parametrize("fractions", [True, False], ids=["fractions", "floating"])
def test_knife_edge_of_a_map_is_decided_as_in_the_run(
    pair: float, viable: bool, exact: str | None, floating: str | None, fractions: bool
) -> None:
    """A run in fractions is held to exact arithmetic, any other to the tolerance, 5e-10 for this game."""
    game = edge_game(pair)
    solutions = {((1, 2, 4), 1): [(0.1,)], ((1, 2, 4), 2): [(0.2,)], ((1, 2, 4), 4): [(0.3,)]}
    if viable:
        solutions |= {((3, 4), 3): [(0.1, 0.2)], ((3, 4), 4): [(0.3,)]}
    tables = MapBuilder(game, solutions).tables()
    edge = (tables["blocks"]["structure"] == "1+2|3") & (tables["blocks"]["coalition"] == "1+2")
    tables["blocks"].loc[edge, "viable"] = viable
    del tables["failures"]
    checks = verify_viability(game, tables, claims={"tolerance": 0.0 if fractions else 5e-10}).checks
    failed = set(checks.loc[checks["failed"] > 0, "claim"])
    failure = exact if fractions else floating
    assert (failure in failed) if failure else not failed
    edge = checks.set_index("claim").loc[AT_EDGE]
    assert bool(edge["checked"]) is fractions
    assert fractions or edge["detail"] == "1 blocks on the knife edge: judged with the tolerance, as in the run"
