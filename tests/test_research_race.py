"""A race of research coalitions: Example 3 of Vohra and Ray (2025), equations (13) to (23)."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext

import numpy as np
import pytest
from application_cases import DOCS, golden_names, golden_text, levels, model_text, reference_cases, run_page
from hypothesis import given, settings
from hypothesis import strategies as st

from breakaway.data.coalitions import Structure, structures
from breakaway.data.games import Players, ResearchRace
from breakaway.models import research_race
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.worths import block_worths, coalition_gain, solve_equilibrium

PAIR, GRAND = (3, 4), (7,)
SMALL_RATE = 1e-12
"""Stands for the limit of r at zero, where nobody hurries."""


def race(n: int, synergy: float, discount_rate: float) -> ResearchRace:
    return ResearchRace(Players.of(n), synergy, discount_rate)


def consecutive(sizes: Sequence[int]) -> Structure:
    """Return the structure whose blocks of these sizes take the players in order."""
    starts = itertools.accumulate(sizes, initial=0)
    return tuple(((1 << size) - 1) << start for start, size in zip(starts, sizes, strict=False))


def worths(game: ResearchRace, structure: Structure) -> list[float]:
    return [float(w) for w in research_race.closed_form_worths(game, [structure])[0]]


def crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of a function that is negative at ``low`` and positive at ``high``, by bisection."""
    assert function(low) < 0.0 < function(high)
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)


races = st.builds(race, st.integers(1, 5), st.floats(1.0, 10.0), st.floats(1e-4, 5.0))


# --- the paper's numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("synergy", [1.0, 2.0, 3.3, 6.0])
@pytest.mark.parametrize("r", [0.01, 0.5, 2.0])
def test_equations_17_and_18_grand_coalition(synergy: float, r: float) -> None:
    game = race(3, synergy, r)
    rate = float(research_race.closed_form_actions(game, GRAND)[0])
    assert rate * (r + rate) ** 2 / 3**synergy == pytest.approx(r, rel=1e-13)
    assert worths(game, GRAND)[0] == pytest.approx(rate / (r + rate) - rate**2 / (2 * 3**synergy), rel=1e-13)


@pytest.mark.parametrize("synergy", [1.0, 2.0, 3.3, 6.0])
@pytest.mark.parametrize("r", [0.01, 0.5, 2.0])
def test_equations_19_and_20_doubleton(synergy: float, r: float) -> None:
    game = race(3, synergy, r)
    pair, lone = map(float, research_race.closed_form_actions(game, PAIR))
    total = r + pair + lone
    assert r + lone == pytest.approx(pair * total**2 / 2**synergy, rel=1e-13)
    assert r + pair == pytest.approx(lone * total**2, rel=1e-13)
    assert worths(game, PAIR)[0] == pytest.approx(pair / total - pair**2 / (2 * 2**synergy), rel=1e-12)
    assert worths(game, PAIR)[1] == pytest.approx(lone / total - lone**2 / 2, rel=1e-12)


@given(game=races)
@settings(max_examples=60, deadline=None)
def test_equation_16_holds_in_every_structure(game: ResearchRace) -> None:
    for structure in structures(game.players.everyone):
        rates = research_race.closed_form_actions(game, structure)
        total = game.discount_rate + rates.sum()
        powers = np.array([block.bit_count() for block in structure], dtype=float) ** game.synergy
        marginal_gain, marginal_cost = (total - rates) / total**2, rates / powers
        assert marginal_gain == pytest.approx(marginal_cost, rel=1e-11)
        assert coalition_gain(game, structure, rates) <= 1e-13


@given(game=races)
@settings(max_examples=30, deadline=None)
def test_equation_21_singletons_get_less_than_a_third(game: ResearchRace) -> None:
    alone = worths(race(3, game.synergy, game.discount_rate), (1, 2, 4))
    assert alone[0] == pytest.approx(alone[1], rel=1e-15)
    assert 0.0 < alone[0] < 1.0 / 3.0


@pytest.mark.parametrize("synergy", [1.0, 3.3, 5.0])
def test_doubleton_without_impatience(synergy: float) -> None:
    power = 2 ** (synergy / 2)
    expected = power / (power + 1) - power / (2 * (power + 1) ** 2)
    assert worths(race(3, synergy, SMALL_RATE), PAIR)[0] == pytest.approx(expected, rel=1e-10)


def test_doubleton_takes_the_whole_surplus_as_synergy_grows() -> None:
    payoffs = [worths(race(3, synergy, 0.1), PAIR)[0] for synergy in (4.0, 10.0, 20.0, 60.0)]
    assert payoffs == sorted(payoffs)
    assert 1.0 - payoffs[-1] < 1e-6


def test_equation_22_high_synergy_blocks_equal_division() -> None:
    game = race(3, 4.0, 0.1)
    share = worths(game, PAIR)[0] / 2
    assert 1 / 3 < share < 1 / 2
    assert share > worths(game, (1, 2, 4))[0], "a single firm does not break the pair"
    assert share > worths(game, GRAND)[0] / 3


def test_low_synergy_and_impatience_break_the_grand_coalition() -> None:
    for r, viable in ((0.01, True), (0.1, True), (0.3, False), (0.5, False)):
        game = race(3, 1.0, r)
        lone = worths(game, PAIR)[1]
        assert worths(game, PAIR)[0] > 2 * worths(game, (1, 2, 4))[0], "the pair stays together"
        assert (3 * lone <= worths(game, GRAND)[0]) is viable


@pytest.mark.parametrize("case", reference_cases("rnd_race"), ids=lambda case: case["id"])
def test_reference_rates_and_worths(case: dict) -> None:
    inputs = case["inputs"]
    game = race(inputs["n"], inputs["alpha"], inputs["r"])
    assert case["types"]
    for pattern in case["types"]:
        structure = consecutive(pattern["sizes"])
        assert worths(game, structure) == pytest.approx(pattern["worths"], abs=case["tolerance"])
        rates = research_race.closed_form_actions(game, structure)
        assert rates == pytest.approx(pattern["rates"], abs=case["tolerance"])


THRESHOLDS = reference_cases("rnd_threshold")[0]
RATES = THRESHOLDS["inputs"]["r"]


@pytest.mark.parametrize(("r", "expected"), list(zip(RATES, THRESHOLDS["alpha_bar_pair_gt_two_thirds"], strict=True)))
def test_synergy_from_which_a_doubleton_gets_two_thirds(r: float, expected: float) -> None:
    found = crossing(lambda a: worths(race(3, a, max(r, SMALL_RATE)), PAIR)[0] - 2 / 3, 1.0, 10.0)
    assert found == pytest.approx(expected, abs=THRESHOLDS["tolerance"])


def test_limit_of_the_threshold_in_closed_form() -> None:
    found = crossing(lambda a: worths(race(3, a, SMALL_RATE), PAIR)[0] - 2 / 3, 1.0, 10.0)
    assert found == pytest.approx(2 * math.log2((5 + math.sqrt(57)) / 4), abs=1e-10)


@pytest.mark.parametrize(
    ("r", "expected"),
    list(zip(RATES, THRESHOLDS["alpha_equal_division_of_N_blocked"], strict=True)),
)
def test_synergy_from_which_equal_division_of_the_grand_coalition_is_blocked(r: float, expected: float) -> None:
    def advantage(synergy: float) -> float:
        game = race(3, synergy, max(r, 1e-18))
        return worths(game, PAIR)[0] / 2 - worths(game, GRAND)[0] / 3

    assert crossing(advantage, 2.0, 8.0) == pytest.approx(expected, abs=2e-6 if r == 0 else THRESHOLDS["tolerance"])


# --- conventions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("synergy", [1.0, 2.5, 4.0])
def test_equation_14_lowers_the_exponent_by_one(synergy: float) -> None:
    under_14 = ResearchRace(Players.of(4), synergy, 0.1, "equation-14")
    for level in levels(4):
        expected = [worths(race(4, synergy - 1.0, 0.1), structure) for structure in level]
        assert block_worths(under_14, level) == pytest.approx(np.array(expected), rel=1e-14)


@pytest.mark.parametrize(("size", "synergy"), [(2, 1.0), (2, 3.0), (3, 4.0)])
def test_budget_that_equations_13_and_14_imply(size: int, synergy: float) -> None:
    budget = 0.7
    effort = sum((budget / size) ** (1 / synergy) for _ in range(size)) ** synergy
    rate = math.sqrt(2 * effort)
    assert budget == pytest.approx(rate**2 / (2 * size ** (synergy - 1)))


# --- precision and speed -------------------------------------------------------------------------------------------


def exact_worths(sizes: Sequence[int], synergy: int, discount_rate: str) -> list[Decimal]:
    """Solve the sum of 1 / (1 + X^2 / k) = 1 - r / X by bisection with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        r, powers = Decimal(discount_rate), [Decimal(size) ** synergy for size in sizes]
        low, high = r, r + sum(powers) + 1
        for _ in range(400):
            middle = (low + high) / 2
            surplus = sum(1 / (1 + middle**2 / k) for k in powers) - 1 + r / middle
            low, high = (middle, high) if surplus > 0 else (low, middle)
        shares = [1 / (1 + low**2 / k) for k in powers]
        return [t * (1 + t) / 2 for t in shares]


@pytest.mark.parametrize("sizes", [(1,), (4,), (1, 1), (3, 1), (2, 2, 1), (5, 1, 1), (1, 1, 1, 1, 1, 1)])
@pytest.mark.parametrize("synergy", [1, 4, 25])
@pytest.mark.parametrize("r", ["0.0009765625", "0.5", "64"])
def test_closed_form_has_full_double_precision(sizes: tuple[int, ...], synergy: int, r: str) -> None:
    found = worths(race(sum(sizes), synergy, float(r)), consecutive(sizes))
    expected = [float(w) for w in exact_worths(sizes, synergy, r)]
    assert found == pytest.approx(expected, rel=2e-15, abs=0.0)


def test_all_structures_of_ten_firms_are_quick() -> None:
    game = race(10, 4.0, 0.1)
    arrays = [np.array(level) for level in levels(10)]
    started = time.perf_counter()
    sizes = [block_worths(game, array).shape for array in arrays]
    assert time.perf_counter() - started < 1.0
    assert sizes == [array.shape for array in arrays]


def test_structures_of_a_level_get_the_worths_they_get_alone() -> None:
    game = race(6, 3.0, 0.2)
    for level in levels(6):
        expected = np.array([worths(game, structure) for structure in level])
        assert block_worths(game, level) == pytest.approx(expected, rel=1e-15)


# --- the models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formulation", research_race.FORMULATIONS)
@pytest.mark.parametrize(("n", "synergy", "r"), [(3, 4.0, 0.1), (4, 1.0, 0.5), (4, 6.0, 0.01), (5, 3.3, 1.0)])
def test_model_agrees_with_closed_form(n: int, synergy: float, r: float, formulation: str) -> None:
    game = race(n, synergy, r)
    for structure in structures(game.players.everyone):
        found = solve_equilibrium(game, structure, SolverOptions(), formulation)
        assert found.outcome.is_optimal
        assert found.outcome.solver == "ipopt"
        assert found.worths == pytest.approx(worths(game, structure), abs=1e-8)
        assert list(found.actions) == [game.players.coalition_name(block) for block in structure]
        expected = research_race.closed_form_actions(game, structure)
        assert list(found.actions.values()) == pytest.approx(expected, rel=1e-6)
        assert found.coalition_gain <= 1e-8


@given(game=races, data=st.data())
@settings(max_examples=25, deadline=None)
def test_formulations_agree_in_random_races(game: ResearchRace, data: st.DataObject) -> None:
    structure = data.draw(st.sampled_from(list(structures(game.players.everyone))))
    for formulation in research_race.FORMULATIONS:
        found = solve_equilibrium(game, structure, SolverOptions(), formulation)
        assert found.worths == pytest.approx(worths(game, structure), abs=1e-7)
        assert found.coalition_gain <= 1e-8


def test_every_component_is_documented() -> None:
    for formulation in research_race.FORMULATIONS:
        model = research_race.build(race(3, 4.0, 0.1), (1, 6), formulation)
        for component in model.component_objects(descend_into=True):
            assert component.doc, component.name


@pytest.mark.parametrize("formulation", research_race.FORMULATIONS)
def test_golden_text(formulation: str) -> None:
    model = research_race.build(race(3, 4.0, 0.1), (1, 6), formulation)
    assert model_text(model) == golden_text("research_race", formulation)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("research_race") == set(research_race.FORMULATIONS)


# --- best responses and errors -------------------------------------------------------------------------------------


def test_coalition_gain_against_a_grid_of_deviations() -> None:
    game, rates = race(3, 4.0, 0.1), np.array([1.0, 2.0])
    grid = np.linspace(0.0, 10.0, 1_000_001)
    gains = [
        float((grid / (0.1 + rival + grid) - grid**2 / (2 * power)).max())
        - (own / (0.1 + rival + own) - own**2 / (2 * power))
        for own, rival, power in ((1.0, 2.0, 16.0), (2.0, 1.0, 1.0))
    ]
    assert coalition_gain(game, PAIR, rates) == pytest.approx(max(gains), abs=1e-9)


def test_a_race_without_discounting_is_refused() -> None:
    for refused in (research_race.closed_form_worths, research_race.closed_form_actions):
        with pytest.raises(ValueError, match="discount_rate must be positive"):
            refused(race(3, 4.0, 0.0), [GRAND])
    with pytest.raises(ValueError, match="discount_rate must be positive"):
        research_race.build(race(3, 4.0, -1.0), GRAND)


def test_a_synergy_that_overflows_is_refused() -> None:
    with pytest.raises(ValueError, match="choose a smaller synergy"):
        research_race.closed_form_worths(race(10, 200.0, 0.1), [(1023,)])


def test_an_unsettled_root_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(research_race, "_MAX_STEPS", 1)
    with pytest.raises(ArithmeticError, match="not settled after 1 steps"):
        research_race.closed_form_worths(race(3, 4.0, 0.1), [PAIR])


def test_unknown_formulation_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown formulation 'potential'; choose one of 'first_order', 'aggregate'"):
        research_race.build(race(3, 4.0, 0.1), GRAND, "potential")


# --- the page ------------------------------------------------------------------------------------------------------


def test_page_shows_its_real_output() -> None:
    pairs = run_page("research_race")
    assert pairs
    for written, obtained in pairs:
        assert obtained == written


def test_page_shows_the_thresholds() -> None:
    page = (DOCS / "research_race.md").read_text(encoding="utf-8")
    rows = re.findall(r"^  \| (\d\S*)(?: \(limit\))? \| (\d\S*) \| (\d\S*) \|$", page, flags=re.MULTILINE)
    columns = (RATES, THRESHOLDS["alpha_bar_pair_gt_two_thirds"], THRESHOLDS["alpha_equal_division_of_N_blocked"])
    assert [tuple(map(float, row)) for row in rows] == [
        (r, round(pair, 6), round(equal, 6)) for r, pair, equal in zip(*columns, strict=True)
    ]
