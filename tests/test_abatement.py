"""Joint abatement of pollution: Example 2 of Vohra and Ray (2025), equations (10) to (12)."""

from __future__ import annotations

import math
import time

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, levels, model_text, reference_cases, run_page
from hypothesis import given, settings
from hypothesis import strategies as st

from breakaway.data.coalitions import Structure, parse_structure, structures
from breakaway.data.games import AbatementGame, Players
from breakaway.models import abatement
from breakaway.runners.solvers import CapabilityError, SolverOptions
from breakaway.runners.worths import block_worths, coalition_gain, solve_equilibrium

GAMES = {
    "three countries": AbatementGame(Players.of(3), (1.0, 2.0, 3.0)),
    "four countries": AbatementGame(Players.of(4), (1.0, 1.0, 8.0, 8.0)),
    "five countries": AbatementGame(Players.of(5), (0.5, 1.0, 1.0, 2.5, 4.0)),
}
ROOT_2, ROOT_3 = math.sqrt(2.0), math.sqrt(3.0)


def worths_by_name(game: AbatementGame, text: str) -> dict[str, float]:
    structure = parse_structure(text, game.players.names)
    worths = abatement.closed_form_worths(game, [structure])[0]
    return {game.players.coalition_name(block): float(w) for block, w in zip(structure, worths, strict=True)}


def structures_of(game: AbatementGame) -> list[Structure]:
    return list(structures(game.players.everyone))


games = st.lists(st.floats(0.1, 10.0), min_size=2, max_size=5).map(
    lambda scales: AbatementGame(Players.of(len(scales)), tuple(scales))
)
triples = st.tuples(*[st.floats(0.1, 10.0)] * 3).map(lambda scales: AbatementGame(Players.of(3), scales))


# --- the paper's numbers -------------------------------------------------------------------------------------------


@given(game=triples)
@settings(deadline=None)
def test_equation_11_singletons(game: AbatementGame) -> None:
    total = sum(game.scale)
    expected = {str(i + 1): total - a / 3 for i, a in enumerate(game.scale)}
    assert worths_by_name(game, "1|2|3") == pytest.approx(expected, rel=1e-13)
    assert abatement.closed_form_actions(game, (1, 2, 4)) == pytest.approx(game.scale)


@given(game=triples)
@settings(deadline=None)
def test_equation_12_doubletons(game: AbatementGame) -> None:
    a1, a2, a3 = game.scale
    expected = {
        "1": 2 / 3 * a1 + ROOT_2 * (a2 + a3),
        "2+3": 2 * a1 + math.sqrt(32) / 3 * (a2 + a3),
    }
    found = worths_by_name(game, "1|2+3")
    assert found == pytest.approx(expected, rel=1e-13)
    assert abatement.closed_form_actions(game, (1, 6)) == pytest.approx([a1, ROOT_2 * a2, ROOT_2 * a3])
    alone = worths_by_name(game, "1|2|3")
    assert found["2+3"] > alone["2"] + alone["3"], "the doubleton is viable"


@given(game=triples)
@settings(deadline=None)
def test_grand_coalition_cannot_meet_the_three_singleton_threats(game: AbatementGame) -> None:
    total = sum(game.scale)
    worth = worths_by_name(game, "1+2+3")["1+2+3"]
    assert worth == pytest.approx(2 * ROOT_3 * total, rel=1e-13)
    threats = [worths_by_name(game, text)[i] for text, i in (("1|2+3", "1"), ("1+3|2", "2"), ("1+2|3", "3"))]
    assert sum(threats) == pytest.approx((2 / 3 + 2 * ROOT_2) * total, rel=1e-13)
    assert sum(threats) > worth


@pytest.mark.parametrize(("ratio", "binds"), [(4.828, False), (4.829, True), (6.0, True)])
def test_footnote_22_a_large_partner_makes_the_small_one_threaten(ratio: float, binds: bool) -> None:
    game = AbatementGame(Players.of(3), (1.0, 1.0, ratio))
    threat = worths_by_name(game, "1|2|3")["2"]
    assert (threat > worths_by_name(game, "1|2+3")["2+3"] / 2) is binds
    assert 4.828 < 2 + 2 * ROOT_2 < 4.829


@pytest.mark.parametrize("case", reference_cases("public_goods"), ids=lambda case: case["id"])
def test_reference_worths(case: dict) -> None:
    scales = tuple(map(float, case["inputs"]["a"]))
    game = AbatementGame(Players.of(len(scales)), scales)
    assert len(case["worths"]) == len(structures_of(game))
    for text, expected in case["worths"].items():
        assert list(worths_by_name(game, text).values()) == pytest.approx(expected, abs=case["tolerance"])


# --- the models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formulation", abatement.FORMULATIONS)
@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_model_agrees_with_closed_form(game: AbatementGame, formulation: str) -> None:
    for structure in structures_of(game):
        found = solve_equilibrium(game, structure, SolverOptions(), formulation)
        assert found.outcome.is_optimal
        assert found.outcome.solver == "ipopt"
        assert found.worths == pytest.approx(abatement.closed_form_worths(game, [structure])[0], rel=1e-9)
        expected = abatement.closed_form_actions(game, structure)
        assert list(found.actions) == list(game.players.names)
        assert list(found.actions.values()) == pytest.approx(expected, rel=1e-7)
        assert found.coalition_gain <= 1e-8


def test_a_quadratic_solver_is_refused_the_cubic_cost() -> None:
    with pytest.raises(CapabilityError):
        solve_equilibrium(GAMES["three countries"], (7,), SolverOptions(solver="highs"))


@given(game=games, data=st.data())
@settings(max_examples=60, deadline=None)
def test_potential_changes_as_the_payoff_of_a_deviating_coalition(game: AbatementGame, data: st.DataObject) -> None:
    model = abatement.build(game, data.draw(st.sampled_from(structures_of(game))))
    coalition = data.draw(st.sampled_from(list(model.coalitions)))
    levels_of_z = st.floats(0.0, 20.0)
    for country in model.players:
        model.abatement[country] = data.draw(levels_of_z)
    before = pyo.value(model.potential), pyo.value(model.worth[coalition])
    for country in model.members[coalition]:
        model.abatement[country] = data.draw(levels_of_z)
    after = pyo.value(model.potential), pyo.value(model.worth[coalition])
    scale = max(1.0, *map(abs, before + after))
    assert after[0] - before[0] == pytest.approx(after[1] - before[1], abs=1e-12 * scale)


def test_every_component_is_documented() -> None:
    for formulation in abatement.FORMULATIONS:
        model = abatement.build(GAMES["three countries"], (1, 6), formulation)
        for component in model.component_objects(descend_into=True):
            assert component.doc, component.name


@pytest.mark.parametrize("formulation", abatement.FORMULATIONS)
def test_golden_text(formulation: str) -> None:
    model = abatement.build(GAMES["three countries"], (1, 6), formulation)
    assert model_text(model) == golden_text("abatement", formulation)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("abatement") == set(abatement.FORMULATIONS)


# --- laws ----------------------------------------------------------------------------------------------------------


@given(game=games)
@settings(max_examples=40, deadline=None)
def test_no_coalition_gains_by_a_best_response(game: AbatementGame) -> None:
    for structure in structures_of(game):
        gain = coalition_gain(game, structure, abatement.closed_form_actions(game, structure))
        assert gain == pytest.approx(0.0, abs=1e-11)


@given(game=games, factor=st.floats(0.1, 10.0))
@settings(max_examples=40, deadline=None)
def test_worths_are_proportional_to_scales(game: AbatementGame, factor: float) -> None:
    larger = AbatementGame(game.players, tuple(factor * a for a in game.scale))
    for level in levels(len(game.players)):
        expected = factor * abatement.closed_form_worths(game, level)
        assert abatement.closed_form_worths(larger, level) == pytest.approx(expected, rel=1e-12)


@given(game=games, data=st.data())
@settings(max_examples=40, deadline=None)
def test_merging_raises_total_surplus(game: AbatementGame, data: st.DataObject) -> None:
    structure = data.draw(st.sampled_from([s for s in structures_of(game) if len(s) > 1]))
    merged = (structure[0] | structure[1], *structure[2:])
    totals = [abatement.closed_form_worths(game, [s]).sum() for s in (structure, merged)]
    assert totals[1] > totals[0]


def test_all_structures_of_ten_countries_are_quick() -> None:
    game = AbatementGame(Players.of(10), tuple(1.0 + i for i in range(10)))
    arrays = [np.array(level) for level in levels(10)]
    started = time.perf_counter()
    sizes = [block_worths(game, array).shape for array in arrays]
    assert time.perf_counter() - started < 1.0
    assert sizes == [array.shape for array in arrays]


# --- best responses ------------------------------------------------------------------------------------------------


def test_coalition_gain_against_a_grid_of_deviations() -> None:
    game, z = GAMES["three countries"], np.array([0.5, 2.0, 4.0])
    grid = np.linspace(0.0, 10.0, 100_001)
    first = float((grid - grid**3 / 3.0).max()) - (0.5 - 0.5**3 / 3.0)
    pair = sum(
        float((2.0 * grid - grid**3 / (3.0 * a * a)).max()) - (2.0 * now - now**3 / (3.0 * a * a))
        for a, now in ((2.0, 2.0), (3.0, 4.0))
    )
    assert coalition_gain(game, (1, 6), z) == pytest.approx(max(first, pair), abs=1e-8)


def test_unknown_formulation_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown formulation 'nash'; choose one of 'potential', 'first_order'"):
        abatement.build(GAMES["three countries"], (7,), "nash")


def test_blocks_that_are_no_partition_are_refused() -> None:
    with pytest.raises(ValueError, match="is not a partition of the players 1, 2, 3"):
        abatement.build(GAMES["three countries"], (1, 2))


# --- the page ------------------------------------------------------------------------------------------------------


def test_page_shows_its_real_output() -> None:
    pairs = run_page("abatement")
    assert pairs
    for written, obtained in pairs:
        assert obtained == written
