"""Games without transferable utility with finite sets: footnote 28, brute force, Theorem 2 without convexity."""

from __future__ import annotations

import itertools
import json
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
from ntu_cases import best, blocked, finite, random_finite, recursion, small_vectors, solutions, unblocked

from breakaway.data.coalitions import coalition_of, coarsest, structures
from breakaway.data.games import NtuGame, Players, Points
from breakaway.data.instances import load_instance
from breakaway.results.text import answer_text
from breakaway.runners.asking import HowToSolve
from breakaway.runners.compare import compare, contenders
from breakaway.runners.ntu import PROVEN_FINITE, solve_ntu

CASES = json.loads((Path(__file__).parent / "reference" / "ntu.json").read_text(encoding="utf-8"))


def named(game: NtuGame, sigma: dict[int, Any]) -> dict[str, set[tuple[float, ...]]]:
    """Write coalitions by name, leaving out those without solutions."""
    return {
        game.players.coalition_name(mask): {tuple(map(float, x)) for x in found}
        for mask, found in sigma.items()
        if found
    }


# --- the roommates of footnote 28 ----------------------------------------------------------------------------------


def structure_name(blocks: list[list[int]]) -> str:
    return "|".join("+".join(map(str, block)) for block in sorted(blocks))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_reference_case(case: dict[str, Any]) -> None:
    inputs, expected = case["inputs"], case["expected"]
    sets = {coalition_of(int(i) - 1 for i in key.split(",")): [tuple(x) for x in F] for key, F in inputs["F"].items()}
    answer = solve_ntu(finite(sets, inputs["n"]))
    table = answer.tables["structures"]
    assert len(table) == expected["n_structures"]
    assert set(table[table["viable"]]["structure"]) == {structure_name(s) for s in expected["viable"]}
    assert set(table[table["coarsest"]]["structure"]) == {structure_name(s) for s in expected["coarsest"]}
    found = solutions(answer)
    for entry in expected["payoffs"]:
        for block, payoffs in entry["blocks"].items():
            assert found[block.replace(",", "+")] == {tuple(x) for x in payoffs}
    assert answer.certificate.claims["verified"] is True


def test_roommates_no_viable_structure_is_efficient() -> None:
    instance = load_instance("roommates")
    answer = solve_ntu(instance.game)
    assert answer.tables["solutions"].empty
    assert not answer.tables["structures"]["efficient"].any()
    blocks = answer.tables["failures"].drop_duplicates("point").set_index("point")["breakaway"].to_dict()
    assert blocks == {"first": "2+3", "second": "1+3", "third": "1+2"}
    text = answer_text(answer)
    assert "breaks up whatever it does: each of its 3 feasible points is blocked" in text
    assert "{1,2,3} at first: {2,3} leave for (3, 2)" in text
    assert answer.certificate.claims["proven"] == PROVEN_FINITE


# --- against brute force -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 4])
def test_finite_games_against_brute_force(n: int) -> None:
    rng = random.Random(n)
    failing = 0
    for _ in range(60 if n < 4 else 25):
        sets = random_finite(rng, n)
        game, sigma = finite(sets, n), recursion(sets)
        answer = solve_ntu(game)
        assert answer.certificate.claims["verified"] is True
        assert solutions(answer) == named(game, sigma)
        table = answer.tables["coalitions"].set_index("coalition")
        assert dict(table["viable"]) == {
            game.players.coalition_name(mask): bool(found) for mask, found in sigma.items()
        }
        viable = [s for s in structures(game.players.everyone) if all(sigma[block] for block in s)]
        rows = answer.tables["structures"].set_index("structure")
        assert {name for name, row in rows.iterrows() if row["viable"]} == set(map(game.players.structure_name, viable))
        top = set(map(game.players.structure_name, coarsest(viable)))
        assert {name for name, row in rows.iterrows() if row["coarsest"]} == top
        naive = unblocked(sets, {mask: best(points) for mask, points in sets.items()})
        agrees = {game.players.coalition_name(m): best(list(naive[m])) == sigma[m] for m in sets}
        assert dict(table["naive_agrees"]) == agrees
        failing += not sigma[game.players.everyone]
    assert failing or n == 2


def test_models_find_what_going_through_points_finds() -> None:
    rng = random.Random(7)
    for _ in range(4):
        table = compare(finite(random_finite(rng, 3), 3), contenders(["exact", "highs", "scip"], HowToSolve()))
        assert table["status"].tolist() == ["optimal"] * 3
        assert table["agrees"].all(), table["note"].tolist()


def test_several_maximisers_are_all_threats() -> None:
    answer = solve_ntu(load_instance("ntu-several-threats").game)
    found = solutions(answer)
    assert found["Ada+Ben"] == {(4.0, 2.0), (2.0, 4.0)}
    assert found["Ada+Ben+Cyd"] == {(3.0, 3.0, 2.0)}
    game = load_instance("ntu-several-threats").game
    points = game.feasible[7]
    assert isinstance(points, Points)
    for name, number in (("help-Ada", 0), ("help-Ben", 1)):
        x = tuple(map(int, points.payoffs[points.names.index(name)]))
        assert blocked(7, x, {3: {((4, 2), (2, 4))[number]}})
        assert not blocked(7, x, {3: {((2, 4), (4, 2))[number]}})


def test_a_coalition_without_a_set_can_only_disagree() -> None:
    players = Players.of(2, disagreement=(1.0, 2.0))
    answer = solve_ntu(NtuGame(players, {3: Points(("x",), ((2.0, 3.0),))}))
    assert solutions(answer) == {"1": {(1.0,)}, "2": {(2.0,)}, "1+2": {(2.0, 3.0)}}


def test_solutions_with_product_zero_threaten_nobody() -> None:
    sets = {1: [(0,)], 2: [(0,)], 4: [(0,)], 3: [(0, 5)], 5: [(0, 0)], 6: [(0, 0)], 7: [(1, 1, 1)]}
    assert solutions(solve_ntu(finite(sets, 3)))["1+2+3"] == {(1.0, 1.0, 1.0)}


def test_weights_within_a_coalition() -> None:
    points = Points(("x", "y"), ((4.0, 1.0), (1.0, 3.0)))
    singles = {1: Points(("a",), ((0.0,),)), 2: Points(("a",), ((0.0,),))}
    assert solutions(solve_ntu(NtuGame(Players.of(2), {**singles, 3: points})))["1+2"] == {(4.0, 1.0)}
    weighted = NtuGame(Players.of(2), {**singles, 3: points}, {3: (1.0, 2.0)})
    assert solutions(solve_ntu(weighted))["1+2"] == {(1.0, 3.0)}


# --- Theorem 2 without convexity -----------------------------------------------------------------------------------


def test_theorem_2_fails_without_convexity() -> None:
    answer = solve_ntu(load_instance("theorem-2-nonconvex").game)
    assert solutions(answer)["1+2+3"] == {(4.0, 2.0, 1.0)}
    assert solutions(answer, "naive_solutions") == {"1+2+3": {(3.0, 1.0, 3.0)}}
    assert answer.certificate.claims["naive_agrees"] is False
    # By hand: alone 1 gets 3, so 1+2 cannot agree on (2, 5); they agree on (4, 2), which beats (3, 1). The naive threat
    # (2, 5) gives 1 less than 3 and blocks nothing in which 1 has 3.
    assert blocked(0b111, (3, 1, 3), {0b001: {(3,)}, 0b011: {(4, 2)}})
    assert not blocked(0b111, (3, 1, 3), {0b001: {(3,)}, 0b011: {(2, 5)}})


def failures_of_theorem_2(most: int) -> list[tuple[Any, ...]]:
    """Go through all games in which 1 gets a alone and 1+2 has two points, payoffs from 1 to ``most``.

    Returns a, the points of 1+2, and what N then gives to 1 and 2 in an allocation on which both problems disagree.
    """
    vectors = small_vectors(1, most, 2)
    found = []
    for a, (p, q) in itertools.product(range(1, most + 1), itertools.combinations(vectors, 2)):
        sets = {0b001: [(a,)], 0b010: [(0,)], 0b011: [p, q]}
        sigma = recursion(sets)
        naive = {mask: best(points) for mask, points in sets.items()}
        differing = [x for x in vectors if blocked(0b111, (*x, 1), sigma) != blocked(0b111, (*x, 1), naive)]
        found += [(a, p, q, x) for x in differing]
    return found


def test_the_counter_example_is_the_smallest_of_its_shape() -> None:
    assert failures_of_theorem_2(4) == []
    found = failures_of_theorem_2(5)
    assert len(found) == 3
    assert min(found, key=lambda game: game[0] + sum(map(sum, game[1:]))) == (3, (2, 5), (4, 2), (3, 1))


def test_the_naive_unblocked_set_is_never_smaller() -> None:
    rng = random.Random(2)
    differ = 0
    everywhere = [(*x, 1) for x in small_vectors(0, 9, 2)]
    for _ in range(300):
        sets = random_finite(rng, 3, 9) | {1: [(rng.randint(2, 6),)], 7: everywhere}
        true = unblocked(sets, recursion(sets))
        naive = unblocked(sets, {mask: best(points) for mask, points in sets.items()})
        assert all(true[mask] <= naive[mask] for mask in sets)
        differ += any(true[mask] != naive[mask] for mask in sets)
    assert differ


def test_three_players_who_get_nothing_alone_cannot_break_theorem_2() -> None:
    rng = random.Random(3)
    for _ in range(300):
        sets = random_finite(rng, 3, 6)
        sets |= {0b001: [(0,)], 0b010: [(0,)], 0b100: [(0,)]}
        naive = unblocked(sets, {mask: best(points) for mask, points in sets.items()})
        assert unblocked(sets, recursion(sets)) == naive


# --- the rest ------------------------------------------------------------------------------------------------------


def test_fractions_are_refused() -> None:
    with pytest.raises(ValueError, match="leave out the rational option"):
        solve_ntu(load_instance("roommates").game, HowToSolve(rational=True))


def test_detail_none_lists_solutions_only() -> None:
    answer = solve_ntu(load_instance("roommates").game, HowToSolve(detail="none", verify=False))
    assert set(answer.tables) == {"solutions", "coalitions", "coalition_solutions", "structures"}
    assert "breaks up. The coarsest viable structures are" in answer_text(answer)


def test_games_are_frozen_and_pickle() -> None:
    game = load_instance("roommates").game
    assert pickle.loads(pickle.dumps(game)) == game
    with pytest.raises(TypeError):
        game.feasible[1] = game.feasible[2]  # type: ignore[index]
