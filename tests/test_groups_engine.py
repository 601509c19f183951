"""Certified column generation: equal to the programme over all groups, to reference values, and to its own proof."""

from __future__ import annotations

import json
from itertools import combinations_with_replacement
from pathlib import Path

import highspy
import numpy as np
import pytest
from application_cases import run_page

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.group_families import FAMILIES, family
from breakaway.data.groups import PairwiseGroupGame, Types, permitted_groups
from breakaway.runners.groups.engine import scaled_game, solve_pairwise
from breakaway.runners.groups.pricing import Pricer
from breakaway.runners.groups.solution import GroupSolution

REFERENCE = json.loads((Path(__file__).parent / "reference" / "pairwise_groups.json").read_text(encoding="utf-8"))


def random_game(seed: int, types: int, min_size: int, max_size: int) -> PairwiseGroupGame:
    """Draw values of both signs; every other seed makes groups of one type the best."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.3, 1.0, (types, types))
    values = (values + values.T) / 2.0 + (seed % 2) * np.eye(types)
    return PairwiseGroupGame(
        types=Types.of(types, rng.uniform(0.2, 2.0, types)),
        solo=frozen_floats(rng.normal(-0.3, 0.5, types)),
        values=frozen_floats(values),
        size_cost=frozen_floats([0.0, *np.cumsum(rng.uniform(0.0, 1.0, max_size))]),
        min_size=min_size,
        max_size=max_size,
    )


def every_group(game: PairwiseGroupGame) -> list[tuple[int, ...]]:
    sizes = range(game.min_size, game.max_size + 1)
    return [group for n in sizes for group in combinations_with_replacement(range(len(game.types)), n)]


def worth(game: PairwiseGroupGame, group: tuple[int, ...]) -> float:
    """Return s(G) as it is written, pair by pair."""
    pairs = sum(game.values[group[a], group[b]] for b in range(len(group)) for a in range(b))
    return max(0.0, sum(game.solo[i] for i in group) + pairs - game.size_cost[len(group)])


def greatest_welfare(game: PairwiseGroupGame) -> float:
    """Solve the welfare programme over all groups, one column each."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    for mass in game.types.masses:
        solver.addRow(mass, mass, 0, np.array([], dtype=np.int32), np.array([]))
    for group in every_group(game):
        members, counts = np.unique(group, return_counts=True)
        solver.addCol(
            -worth(game, group), 0.0, np.inf, len(members), members.astype(np.int32), counts.astype(np.float64)
        )
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return -solver.getObjectiveValue()


def check_assignment(game: PairwiseGroupGame, found: GroupSolution) -> None:
    """Everybody is in a permitted group, and welfare is what the groups are worth."""
    served = np.zeros(len(game.types))
    for group, mass, surplus in zip(found.groups, found.masses, found.surplus, strict=True):
        members = tuple(int(i) for i in group if i >= 0)
        assert game.min_size <= len(members) <= game.max_size
        assert mass > 0.0
        assert surplus == pytest.approx(worth(game, members), abs=1e-12)
        np.add.at(served, list(members), mass)
    np.testing.assert_allclose(served, game.types.masses, rtol=1e-8)
    assert found.primal == pytest.approx(float(found.masses @ found.surplus), rel=1e-9, abs=1e-12)


def least_slack(game: PairwiseGroupGame, payoffs: Floats) -> float:
    """Return the least of u(G) - s(G) over all permitted groups."""
    return min(sum(payoffs[i] for i in group) - worth(game, group) for group in every_group(game))


def check_proof(game: PairwiseGroupGame, found: GroupSolution) -> None:
    """No permitted group improves upon the imputation, which costs the bound."""
    assert found.dual == pytest.approx(float(game.types.masses @ found.imputation), rel=1e-12, abs=1e-12)
    assert least_slack(game, found.imputation) >= -1e-12
    assert (found.imputation >= 0.0).all()
    assert found.groups_priced == len(every_group(game))


SMALL_CASES = [
    *((seed, 1 + seed, 1, 4) for seed in range(8)),
    *((seed, 12, 1, 3) for seed in range(10, 14)),
    *((seed, 9, 2, 4) for seed in range(20, 26)),
    *((seed, 6, 1, 5) for seed in range(30, 34)),
    *((seed, 7, 3, 4) for seed in range(40, 44)),
    *((seed, 8, 2, 2) for seed in range(50, 54)),
    (60, 5, 1, 1),
]


@pytest.mark.parametrize(("seed", "types", "min_size", "max_size"), SMALL_CASES)
def test_the_welfare_is_that_of_the_program_over_all_groups(
    seed: int, types: int, min_size: int, max_size: int
) -> None:
    game = random_game(seed, types, min_size, max_size)
    found = solve_pairwise(game, absolute=1e-7)
    assert found.complete
    assert found.gap <= 1e-7
    assert found.primal == pytest.approx(greatest_welfare(game), abs=2e-7)
    check_assignment(game, found)
    check_proof(game, found)


def test_random_games_have_negative_solos_and_groups_of_one_type() -> None:
    games = [random_game(*case) for case in SMALL_CASES]
    assert sum((game.solo < 0.0).any() for game in games) > len(games) / 2
    formed = [row[row >= 0] for game in games[:8] for row in solve_pairwise(game).groups]
    assert any(len(group) > len(set(group)) > 0 for group in formed)


@pytest.mark.parametrize("case", REFERENCE, ids=lambda c: f"{c['family']}-{c['types']}-{c['max_size']}")
def test_reference_values_to_seven_digits(case: dict[str, float]) -> None:
    game = family(str(case["family"]), int(case["types"]), int(case["max_size"]), int(case["seed"]))
    found = solve_pairwise(game, absolute=1e-7)
    assert found.complete
    assert found.gap <= 1e-7
    assert found.primal == pytest.approx(case["welfare"], abs=1e-7)
    assert len(found.groups) <= len(game.types)
    assert found.groups_priced == permitted_groups(len(game.types), 1, game.max_size)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_proof_covers_every_group_of_a_family(name: str) -> None:
    game = family(name, 24, 4, seed=3)
    found = solve_pairwise(game)
    check_assignment(game, found)
    check_proof(game, found)


@pytest.mark.parametrize(("name", "types", "max_size"), [("planar", 30, 4), ("coulomb", 26, 3), ("iid", 30, 2)])
def test_a_time_limit_leaves_a_valid_bound(name: str, types: int, max_size: int) -> None:
    game = family(name, types, max_size)
    best = solve_pairwise(game).primal
    found = solve_pairwise(game, time_limit=0.0)
    assert not found.complete
    assert found.primal <= best <= found.dual + 1e-9
    check_assignment(game, found)
    check_proof(game, found)


def test_a_search_that_is_cut_short_bounds_what_it_has_not_searched() -> None:
    game = random_game(5, 20, 1, 4)
    data, _ = scaled_game(game)
    pricer = Pricer(data)
    try:
        for calls in (0, 3, 20, 60):
            left = iter(range(calls))
            proof = pricer.prove(np.full(20, 0.05), 1e-9, lambda left=left: next(left, None) is None)
            assert not proof.searched
            payoffs = (np.full(20, 0.05) + proof.excess) * data.largest_entry
            assert least_slack(game, payoffs) >= -1e-12
        assert pricer.prove(np.full(20, 0.05), 1e-9).searched
    finally:
        pricer.close()


def test_the_record_of_a_run_only_improves() -> None:
    told: list[tuple[float, float, float, int]] = []
    found = solve_pairwise(family("planar", 60, 3), progress=lambda *line: told.append(line))
    assert told == found.history[: len(told)]
    seconds, _, bounds, _ = np.array(found.history).T
    assert (np.diff(seconds) >= 0.0).all()
    assert (np.diff(bounds) <= 0.0).all()
    assert found.history[-1][1:3] == (found.primal, found.dual)


def test_answers_do_not_depend_on_the_number_of_threads() -> None:
    game = family("planar", 60, 4)
    one, three = solve_pairwise(game, threads=1), solve_pairwise(game, threads=3)
    np.testing.assert_array_equal(one.groups, three.groups)
    np.testing.assert_array_equal(one.imputation, three.imputation)


@pytest.mark.parametrize(("money", "people"), [(1e6, 1e3), (1e-6, 1.0), (1.0, 1e-4)])
def test_units_of_money_and_people_do_not_matter(money: float, people: float) -> None:
    game = family("skill", 30, 4)
    other = PairwiseGroupGame(
        types=Types.of(30, people * game.types.masses),
        solo=frozen_floats(money * game.solo),
        values=frozen_floats(money * game.values),
        size_cost=frozen_floats(money * game.size_cost),
        min_size=1,
        max_size=4,
    )
    found = solve_pairwise(other)
    assert found.complete
    assert found.primal == pytest.approx(money * people * solve_pairwise(game).primal, rel=1e-7)


def test_a_market_without_surplus_has_nothing_to_prove() -> None:
    zero = PairwiseGroupGame(Types.of(3, [1.0, 2.0, 3.0]), np.zeros(3), np.zeros((3, 3)), np.zeros(4), 2, 3)
    found = solve_pairwise(zero)
    assert found.complete
    assert found.primal == 0.0
    assert found.dual <= 1e-9
    check_assignment(zero, found)


def test_families_say_what_they_offer() -> None:
    with pytest.raises(ValueError, match="choose a family of iid, planar, coulomb, skill"):
        family("grid", 5, 2)
    with pytest.raises(ValueError, match="max_size from 1 to 4"):
        family("iid", 5, 5)


def test_programs_print_what_the_page_says() -> None:
    pairs = run_page("column_generation")
    assert len(pairs) == 2
    for written, obtained in pairs:
        assert obtained == written
