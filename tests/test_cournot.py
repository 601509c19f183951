"""Cartels in a Cournot market: Example 4 of Vohra and Ray (2025), equations (24) to (30)."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, levels, model_text, reference_cases, run_page
from hypothesis import given, settings
from hypothesis import strategies as st

from breakaway.data.coalitions import Structure, finest_structure, parse_structure, structure_of, structures
from breakaway.data.games import CournotMarket, Players
from breakaway.models import cournot
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.worths import block_worths, coalition_gain, solve_equilibrium

EXAMPLE_4 = CournotMarket(Players.of(3), (2.0, 3.0, 4.0), 10.0)
EXAMPLE_4_LARGE = CournotMarket(Players.of(3), (1.0, 3.0, 5.0), 23.0)
MARKETS = {
    "three firms": EXAMPLE_4,
    "three identical firms": CournotMarket(Players.of(3), (1.0, 1.0, 1.0), 10.0),
    "four firms": CournotMarket(Players.of(4), (1.0, 2.0, 3.0, 4.0), 20.0),
    "five firms, a tie": CournotMarket(Players.of(5), (1.0, 2.0, 2.0, 6.0, 9.0), 60.0),
}
SOLVES = [(f, solver) for f in cournot.FORMULATIONS for solver in ("highs", "ipopt")]


def worths_by_name(game: CournotMarket, text: str) -> dict[str, float]:
    structure = parse_structure(text, game.players.names)
    worths = cournot.closed_form_worths(game, [structure])[0]
    return {game.players.coalition_name(block): float(w) for block, w in zip(structure, worths, strict=True)}


@st.composite
def interior_markets(draw: st.DrawFn) -> CournotMarket:
    """Markets that satisfy condition (25), A + C > (n + 1) max c, with costs of two decimals."""
    costs = draw(st.lists(st.integers(1, 999), min_size=2, max_size=5))
    margin = draw(st.integers(1, 2000))
    intercept = (len(costs) + 1) * max(costs) - sum(costs) + margin
    return CournotMarket(Players.of(len(costs)), tuple(c / 100 for c in costs), intercept / 100)


@st.composite
def any_markets(draw: st.DrawFn) -> CournotMarket:
    """Markets in which some firms may be too dear to produce."""
    costs = draw(st.lists(st.integers(0, 999), min_size=2, max_size=4))
    return CournotMarket(Players.of(len(costs)), tuple(c / 100 for c in costs), draw(st.integers(1, 1200)) / 100)


def structures_of(game: CournotMarket) -> list[Structure]:
    return list(structures(game.players.everyone))


def random_structure(data: st.DataObject, game: CournotMarket) -> Structure:
    return data.draw(st.sampled_from(structures_of(game)))


# --- the paper's numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("game", MARKETS.values(), ids=MARKETS)
def test_equations_24_and_26_singletons(game: CournotMarket) -> None:
    n, total = len(game.players), sum(game.unit_cost)
    expected = [(game.demand_intercept + total) / (n + 1) - c for c in game.unit_cost]
    alone = finest_structure(n)
    assert cournot.closed_form_actions(game, alone) == pytest.approx(expected, rel=1e-14)
    assert cournot.closed_form_worths(game, [alone])[0] == pytest.approx(np.square(expected), rel=1e-14)


@pytest.mark.parametrize("game", MARKETS.values(), ids=MARKETS)
def test_equation_27_every_structure(game: CournotMarket) -> None:
    for structure in structures_of(game):
        least = [min(c for i, c in enumerate(game.unit_cost) if block >> i & 1) for block in structure]
        price = (game.demand_intercept + sum(least)) / (len(structure) + 1)
        expected = [(price - c) ** 2 for c in least]
        assert cournot.closed_form_worths(game, [structure])[0] == pytest.approx(expected, rel=1e-13)


def test_equations_28_to_30_identical_firms() -> None:
    game = CournotMarket(Players.of(3), (1.0, 1.0, 1.0), 10.0)
    assert worths_by_name(game, "1|2|3") == {"1": 81 / 16, "2": 81 / 16, "3": 81 / 16}
    assert worths_by_name(game, "1|2+3") == {"1": 9.0, "2+3": 9.0}
    assert worths_by_name(game, "1+2+3") == {"1+2+3": 81 / 4}
    assert 81 / 9 < 2 * 81 / 16, "the intermediate structure is not viable"
    assert 81 / 4 > 3 * 81 / 16, "the grand coalition is viable"


def test_example_4_first_market() -> None:
    assert worths_by_name(EXAMPLE_4, "1|2|3") == {"1": 7.5625, "2": 3.0625, "3": 0.5625}
    assert worths_by_name(EXAMPLE_4, "1|2+3") == {"1": 9.0, "2+3": 4.0}
    assert worths_by_name(EXAMPLE_4, "1+3|2") == {"1+3": 9.0, "2": 4.0}
    assert worths_by_name(EXAMPLE_4, "1+2|3") == pytest.approx({"1+2": 100 / 9, "3": 16 / 9}, rel=1e-15)
    assert worths_by_name(EXAMPLE_4, "1+2+3") == {"1+2+3": 16.0}


def test_example_4_second_market_threats_exceed_the_monopoly_profit() -> None:
    threats = [worths_by_name(EXAMPLE_4_LARGE, s)[i] for s, i in (("1|2+3", "1"), ("1+3|2", "2"), ("1+2|3", "3"))]
    assert threats == pytest.approx([64.0, 36.0, 21.7777777778])
    assert sum(threats) == pytest.approx(121.7777777778)
    assert worths_by_name(EXAMPLE_4_LARGE, "1+2+3") == {"1+2+3": 121.0}
    assert worths_by_name(EXAMPLE_4_LARGE, "1+2|3")["1+2"] == pytest.approx(75.1111111111)
    assert worths_by_name(EXAMPLE_4_LARGE, "1|2|3") == {"1": 49.0, "2": 25.0, "3": 9.0}


@pytest.mark.parametrize("case", reference_cases("cournot"), ids=lambda case: case["id"])
def test_reference_worths(case: dict) -> None:
    costs = tuple(map(float, case["inputs"]["c"]))
    game = CournotMarket(Players.of(len(costs)), costs, float(case["inputs"]["A"]))
    assert len(case["worths"]) == len(structures_of(game))
    for text, expected in case["worths"].items():
        assert list(worths_by_name(game, text).values()) == pytest.approx(expected, abs=case["tolerance"])


# --- the models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("formulation", "solver"), SOLVES)
@pytest.mark.parametrize("game", MARKETS.values(), ids=MARKETS)
def test_model_agrees_with_closed_form(game: CournotMarket, formulation: str, solver: str) -> None:
    scale = float(cournot.closed_form_worths(game, [finest_structure(len(game.players))]).max())
    for structure in structures_of(game):
        found = solve_equilibrium(game, structure, SolverOptions(solver=solver), formulation)
        assert found.outcome.is_optimal
        assert found.outcome.solver == solver
        assert found.worths == pytest.approx(cournot.closed_form_worths(game, [structure])[0], abs=1e-8 * scale)
        assert found.coalition_gain <= 1e-8 * scale


@pytest.mark.parametrize("formulation", cournot.FORMULATIONS)
def test_outputs_without_ties_agree_with_closed_form(formulation: str) -> None:
    game = MARKETS["four firms"]
    for structure in structures_of(game):
        found = solve_equilibrium(game, structure, SolverOptions(), formulation)
        expected = cournot.closed_form_actions(game, structure)
        assert list(found.actions) == list(game.players.names)
        assert list(found.actions.values()) == pytest.approx(expected, abs=1e-7)


def test_firms_that_tie_share_equally() -> None:
    game = MARKETS["five firms, a tie"]
    structure = parse_structure("1|2+3+4|5", game.players.names)
    output = cournot.closed_form_actions(game, structure)
    assert output[1] == output[2] == pytest.approx(8.0)
    assert output[3] == 0.0
    found = solve_equilibrium(game, structure, SolverOptions(), "first_order")
    assert list(found.actions.values()) == pytest.approx(output, abs=1e-9)


@given(game=any_markets(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_potential_changes_as_the_profit_of_a_deviating_cartel(game: CournotMarket, data: st.DataObject) -> None:
    model = cournot.build(game, random_structure(data, game))
    outputs = st.lists(st.floats(0, 10), min_size=len(game.players), max_size=len(game.players))
    cartel = data.draw(st.sampled_from(list(model.coalitions)))

    def set_outputs(values: list[float], firms: list[str]) -> tuple[float, float]:
        for firm, value in zip(game.players.names, values, strict=True):
            if firm in firms:
                model.output[firm] = value
        for s in model.coalitions:
            model.coalition_output[s] = sum(model.output[i].value for i in model.members[s])
        return pyo.value(model.potential), pyo.value(model.worth[cartel])

    potential, profit = set_outputs(data.draw(outputs), list(game.players.names))
    potential_after, profit_after = set_outputs(data.draw(outputs), list(model.members[cartel]))
    assert potential_after - potential == pytest.approx(profit_after - profit, abs=1e-9)


def test_every_component_is_documented() -> None:
    for formulation in cournot.FORMULATIONS:
        model = cournot.build(EXAMPLE_4, (1, 6), formulation)
        for component in model.component_objects(descend_into=True):
            assert component.doc or component.name.endswith("_index"), component.name


@pytest.mark.parametrize("formulation", cournot.FORMULATIONS)
def test_golden_text(formulation: str) -> None:
    assert model_text(cournot.build(EXAMPLE_4, (1, 6), formulation)) == golden_text("cournot", formulation)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("cournot") == set(cournot.FORMULATIONS)


# --- laws ----------------------------------------------------------------------------------------------------------


@given(game=interior_markets())
@settings(max_examples=60, deadline=None)
def test_condition_25_makes_every_cartel_produce(game: CournotMarket) -> None:
    for structure in structures_of(game):
        output = cournot.closed_form_actions(game, structure)
        for block in structure:
            assert sum(x for i, x in enumerate(output) if block >> i & 1) > 0.0
        assert coalition_gain(game, structure, output) <= 1e-8


@given(game=interior_markets(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_model_equals_closed_form_in_random_markets(game: CournotMarket, data: st.DataObject) -> None:
    structure = random_structure(data, game)
    expected = cournot.closed_form_worths(game, [structure])[0]
    for formulation in cournot.FORMULATIONS:
        found = solve_equilibrium(game, structure, SolverOptions(), formulation)
        assert found.worths == pytest.approx(expected, abs=1e-6)
        assert found.coalition_gain <= 1e-8


@given(game=any_markets(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_closed_form_holds_when_dear_cartels_stay_out(game: CournotMarket, data: st.DataObject) -> None:
    structure = random_structure(data, game)
    assert coalition_gain(game, structure, cournot.closed_form_actions(game, structure)) <= 1e-12
    found = solve_equilibrium(game, structure, SolverOptions(), "potential")
    assert found.worths == pytest.approx(cournot.closed_form_worths(game, [structure])[0], abs=1e-6)


@given(game=any_markets())
@settings(max_examples=60, deadline=None)
def test_fractions_agree_with_floats(game: CournotMarket) -> None:
    for structure in structures_of(game):
        exact = cournot.closed_form_worths_exact(game, structure)
        assert [float(w) for w in exact] == pytest.approx(cournot.closed_form_worths(game, [structure])[0], abs=1e-12)


@given(game=any_markets(), factor=st.integers(1, 50), shift=st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_worths_scale_with_the_square_of_the_unit_of_price(game: CournotMarket, factor: int, shift: int) -> None:
    changed = CournotMarket(
        game.players, tuple(factor * (c + shift) for c in game.unit_cost), factor * (game.demand_intercept + shift)
    )
    for level in levels(len(game.players)):
        expected = factor**2 * cournot.closed_form_worths(game, level)
        assert cournot.closed_form_worths(changed, level) == pytest.approx(expected, abs=1e-9 * factor**2)


@given(game=any_markets(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_relabelling_firms_relabels_worths(game: CournotMarket, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(game.players))))
    relabelled = CournotMarket(game.players, tuple(game.unit_cost[i] for i in order), game.demand_intercept)
    structure = random_structure(data, relabelled)
    there = [sum(1 << order[i] for i in range(len(order)) if block >> i & 1) for block in structure]
    assert cournot.closed_form_worths(relabelled, [structure]) == pytest.approx(
        cournot.closed_form_worths(game, [there])
    )


def test_exact_worths_read_numbers_as_decimals() -> None:
    game = CournotMarket(Players.of(2), (0.1, 0.2), 0.7)
    assert cournot.closed_form_worths_exact(game, (1, 2)) == (Fraction(7, 30) ** 2, Fraction(2, 15) ** 2)
    assert cournot.closed_form_worths_exact(EXAMPLE_4, (3, 4)) == (Fraction(100, 9), Fraction(16, 9))


def test_all_structures_of_ten_firms_are_quick() -> None:
    game = CournotMarket(Players.of(10), tuple(1.0 + i / 10 for i in range(10)), 30.0)
    arrays = [np.array(level) for level in levels(10)]
    started = time.perf_counter()
    total = sum(block_worths(game, array).size for array in arrays)
    assert time.perf_counter() - started < 1.0
    assert sum(len(array) for array in arrays) == 115_975
    assert total == sum(array.size for array in arrays)


# --- best responses ------------------------------------------------------------------------------------------------


def test_coalition_gain_against_a_grid_of_deviations() -> None:
    structure, output = (3, 4), np.array([2.0, 0.5, 1.0])
    rivals, grid = 1.0, np.linspace(0.0, 10.0, 100_001)
    now = (10.0 - 3.5 - 2.0) * 2.0 + (10.0 - 3.5 - 3.0) * 0.5
    first = float(((10.0 - rivals - grid - 2.0) * grid).max()) - now
    second = float(((10.0 - 2.5 - grid - 4.0) * grid).max()) - (10.0 - 3.5 - 4.0) * 1.0
    assert coalition_gain(EXAMPLE_4, structure, output) == pytest.approx(max(first, second), abs=1e-8)


def test_production_by_a_dear_firm_is_a_gain_forgone() -> None:
    structure = parse_structure("1+3|2", EXAMPLE_4.players.names)
    output = cournot.closed_form_actions(EXAMPLE_4, structure)
    assert coalition_gain(EXAMPLE_4, structure, output) == pytest.approx(0.0, abs=1e-14)
    assert coalition_gain(EXAMPLE_4, structure, output + np.array([-0.5, 0.0, 0.5])) == pytest.approx(1.0)


# --- errors --------------------------------------------------------------------------------------------------------


def test_unknown_formulation_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown formulation 'kkt'; choose one of 'potential', 'first_order'"):
        cournot.build(EXAMPLE_4, (7,), "kkt")


def test_blocks_that_are_no_partition_are_refused() -> None:
    with pytest.raises(ValueError, match="is not a partition of the players 1, 2, 3"):
        cournot.build(EXAMPLE_4, (3, 6))


def test_first_order_refuses_a_market_without_interior_output() -> None:
    game = CournotMarket(Players.of(["a", "b"]), (1.0, 9.0), 10.0)
    with pytest.raises(ValueError, match=r"cartel b does not produce in a\|b.*use formulation='potential'"):
        cournot.build(game, (1, 2), "first_order")
    assert worths_by_name(game, "a|b") == {"a": 20.25, "b": 0.0}


def test_structures_of_different_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="one level at a time"):
        block_worths(EXAMPLE_4, [structure_of([7]), structure_of([1, 6])])


# --- the page ------------------------------------------------------------------------------------------------------


def test_page_shows_its_real_output() -> None:
    pairs = run_page("cournot")
    assert pairs
    for written, obtained in pairs:
        assert obtained == written
