"""The constrained egalitarian solution: by its recursion, by the front, by a model; stacked averages; verification."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest
from application_cases import run_page
from hypothesis import given
from hypothesis import strategies as st
from theorem_cases import CASES, game_of, mask, random_games

from breakaway.data.coalitions import members
from breakaway.data.games import CharacteristicFunctionGame, Players, Threat, ThreatGame, TotalWorth
from breakaway.data.instances import load_instance
from breakaway.runners.asking import HowToSolve
from breakaway.runners.comparison import solve_concepts
from breakaway.runners.egalitarian import (
    TooManyError,
    egalitarian_front,
    egalitarian_solutions,
    highest_averages,
    listed_elements,
)
from breakaway.runners.lorenz import filled, lorenz_maximal, majorizes, poorest_sums
from breakaway.runners.stacks import consistent_weights, stacks
from breakaway.runners.verify.comparison import verify_comparison

EGALITARIAN = [case for case in CASES if "egalitarian_N" in case["expected"]]
grid = st.lists(st.integers(0, 12).map(lambda k: Fraction(k, 2)), min_size=4, max_size=4)


def close(found, expected, tolerance=1e-7) -> bool:
    found, expected = sorted(tuple(x) for x in found), sorted(tuple(x) for x in expected)
    pairs = zip(itertools.chain(*found), itertools.chain(*expected), strict=False)
    return len(found) == len(expected) and all(abs(float(a) - float(b)) <= tolerance for a, b in pairs)


# --- Lorenz dominance ------------------------------------------------------------------------------------------------


def test_majorization_by_hand() -> None:
    assert poorest_sums((3, 1, 2)) == [1, 3, 6]
    assert majorizes((2, 2, 2), (3, 2, 1))
    assert not majorizes((3, 2, 1), (1, 2, 3))
    assert majorizes((4, 4, 1), (6, 2, 1))
    assert not majorizes((6, 2, 2), (5, 4, 1))
    assert not majorizes((5, 4, 1), (6, 2, 2))
    assert not majorizes((1.0 + 1e-9, 1.0 - 1e-9), (1.0, 1.0), 1e-8)


@given(grid, grid)
def test_majorization_is_transfers_to_poorer_players(x, y) -> None:
    """Hardy, Littlewood and Polya: x majorizes y (here: is more equal) iff sum max(0, c - x) is smaller for all c."""
    y[0] += sum(x) - sum(y)
    levels = [*x, *y]
    gaps = [sum(max(0, c - b) for b in y) - sum(max(0, c - a) for a in x) for c in levels]
    assert majorizes(x, y) == (min(gaps) >= 0 and max(gaps) > 0)


@given(st.lists(grid, min_size=1, max_size=8))
def test_the_maximal_points_are_those_that_none_majorizes(points) -> None:
    shared = [(*x[:3], Fraction(40) - sum(x[:3])) for x in points]
    expected = {x for x in shared if not any(majorizes(y, x) for y in shared)}
    assert set(lorenz_maximal(shared)) == expected


@given(grid, grid, st.integers(0, 20))
def test_the_lemma_on_filling(lower, more, rest) -> None:
    """If top_j(l) <= top_j(x) for all j and x shares the total, fill(l) is x up to renaming or majorizes it."""
    x = [a + b for a, b in zip(sorted(lower, reverse=True), more, strict=True)]
    x[0] += Fraction(rest)
    level = filled(lower, sum(x))
    assert sum(level) == sum(x)
    assert all(a >= b for a, b in zip(level, lower, strict=True))
    assert sorted(level) == sorted(x) or majorizes(level, x)


# --- the solution ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", EGALITARIAN, ids=lambda case: case["id"])
def test_reference(case) -> None:
    game = game_of(case)
    everyone = game.players.everyone
    expected = case["expected"]["egalitarian_N"]
    assert close(egalitarian_solutions(game, 1e-9)[everyone], expected, case["tolerance"])
    assert close(egalitarian_solutions(game, Fraction(0), rational=True)[everyone], expected, case["tolerance"])
    assert close(listed_elements(egalitarian_front(game, everyone, 1e-9)), expected, case["tolerance"])


def test_dutta_and_ray_theorem_1_on_random_games() -> None:
    """E(S), by recursion, is L of what equal division leaves unblocked, for every coalition, empty sets included."""
    coalitions = several = empty = 0
    for game in random_games(11, 240):
        recursion = egalitarian_solutions(game, Fraction(0), rational=True)
        for s, elements in recursion.items():
            front = listed_elements(egalitarian_front(game, s, Fraction(0), rational=True))
            assert sorted(elements) == sorted(front)
            coalitions, several, empty = coalitions + 1, several + (len(elements) > 1), empty + (not elements)
    assert coalitions == 80 * (7 + 15 + 31)
    assert several > 50
    assert empty > 500


def test_tolerance_zero_as_a_float_spoils_no_fraction() -> None:
    """The first pays 17/3, less than the float next to it, which as a claim would leave nothing unblocked."""
    worths = {0b0001: 2, 0b0010: 4, 0b0011: 9, 0b0100: 5, 0b0110: 9, 0b1001: 4, 0b1010: 6, 0b1011: 17, 0b1100: 10}
    worths |= {0b1101: 9, 0b1110: 4, 0b1111: 22}
    game = CharacteristicFunctionGame(Players.of(4), {s: float(worths.get(s, 0)) for s in range(1, 16)})
    exact = listed_elements(egalitarian_front(game, 0b1111, Fraction(0), rational=True))
    assert len(exact) == 3
    assert listed_elements(egalitarian_front(game, 0b1111, 0.0, rational=True)) == exact


def test_in_floats_as_in_fractions() -> None:
    for game in random_games(12, 60):
        exact = egalitarian_solutions(game, Fraction(0), rational=True)
        rounded = egalitarian_solutions(game, 1e-9)
        for s, elements in exact.items():
            assert close([[float(x) for x in e] for e in elements], rounded[s])


def test_disagreement_shifts_the_solution() -> None:
    """Payoffs are compared net of d: a game shifted by d has its solutions shifted by d."""
    draw = random.Random(13)
    for game in random_games(13, 40, (3, 4)):
        d = [float(draw.randint(-3, 3)) for _ in game.players.names]
        totals = {s: sum(x for i, x in enumerate(d) if s >> i & 1) for s in game.worths}
        moved = CharacteristicFunctionGame(
            Players.of(len(d), None, d), {s: v + totals[s] for s, v in game.worths.items()}
        )
        plain = egalitarian_solutions(game, 1e-8)
        for s, elements in egalitarian_solutions(moved, 1e-8).items():
            own = [x for i, x in enumerate(d) if s >> i & 1]
            assert close([np.subtract(e, own) for e in elements], plain[s])
        everyone = game.players.everyone
        front = listed_elements(egalitarian_front(moved, everyone, 1e-8))
        assert close([np.subtract(e, d) for e in front], plain[everyone])


@pytest.mark.parametrize("n", [8, 10, 12])
def test_up_to_twelve_players_by_the_front(n: int) -> None:
    """Tight games: v(N) is 2% above the cheapest chain. The elements are unblocked and none majorizes another."""
    draw, everyone = random.Random(n), (1 << n) - 1
    worths = {s: round((0.5 + draw.random()) * s.bit_count() ** 1.1, 3) for s in range(1, 1 << n)}
    highest = highest_averages(CharacteristicFunctionGame(Players.of(n), worths), everyone)
    cost = [0.0]
    for r in range(1, 1 << n):
        cost.append(highest[r] + min(cost[r ^ (1 << k)] for k in members(r)))
    worths[everyone] = 1.02 * cost[-1]
    elements = np.array(
        listed_elements(egalitarian_front(CharacteristicFunctionGame(Players.of(n), worths), everyone, 1e-9))
    )
    assert len(elements) > 1
    assert elements.sum(axis=1) == pytest.approx(worths[everyone])
    holds = (np.arange(1, everyone)[:, None] >> np.arange(n)) & 1 == 1
    asked = np.array([worths[s] / s.bit_count() for s in range(1, everyone)])
    for x in elements:
        assert (np.where(holds, x, -np.inf).max(axis=1) >= asked - 1e-9).all()
        assert not any(majorizes(y, x, 1e-9) for y in elements)


def test_more_elements_than_are_listed() -> None:
    """Simple majority of 9 has 9 choose 5 divisions."""
    worths = {s: float(s.bit_count() >= 5) for s in range(1, 1 << 9)}
    front = egalitarian_front(CharacteristicFunctionGame(Players.of(9), worths), 511, 1e-9)
    assert len(front.profiles) == 1
    assert len(listed_elements(front)) == 126
    with pytest.raises(TooManyError, match="more than 100 egalitarian divisions"):
        listed_elements(front, most=100)


# --- stacked averages -------------------------------------------------------------------------------------------------


def test_stacks_of_example_6_by_hand() -> None:
    game = load_instance("example-6").game
    (stack,), complete = stacks(game, (1.0, 1.0, 1.0), 1e-9)
    assert complete
    assert stack.coalitions == (0b011, 0b100)
    assert stack.averages == pytest.approx((0.4, 0.0))
    assert stack.floor == pytest.approx((0.4, 0.4, 0.0))
    assert stack.payoffs == pytest.approx((0.4, 0.4, 0.2))


def test_stacks_with_weights_and_disagreement_by_hand() -> None:
    """Net of d = (1, 0, 0): 1+2 share 6 as 2 to 1 (4, 2), 3 has 1; N has 1.5 more, which all go to 3."""
    players = Players.of(3, (2.0, 1.0, 2.0), (1.0, 0.0, 0.0))
    worths = {1: 1.0, 2: 0.0, 4: 1.0, 3: 7.0, 5: 2.0, 6: 1.0, 7: 9.5}
    game = CharacteristicFunctionGame(players, worths)
    gamma = consistent_weights(game)
    assert gamma == pytest.approx((1.0, 0.5, 1.0))
    (stack,), _ = stacks(game, gamma, 1e-9)
    assert stack.floor == pytest.approx((5.0, 2.0, 1.0))
    assert stack.payoffs == pytest.approx((5.0, 2.0, 2.5))


def test_weights_are_consistent_up_to_scale_in_every_strict_subcoalition() -> None:
    worths = dict.fromkeys(range(1, 8), 1.0)
    pairs = {3: (2.0, 4.0), 5: (1.0, 3.0), 6: (4.0, 6.0), 7: (9.0, 1.0, 1.0)}
    consistent = CharacteristicFunctionGame(Players.of(3), worths, pairs)
    assert consistent_weights(consistent) == pytest.approx((1.0, 2.0, 3.0))
    assert consistent_weights(CharacteristicFunctionGame(Players.of(3), worths, pairs | {6: (4.0, 7.0)})) == 6


def test_every_choice_among_equal_averages_is_followed() -> None:
    worths = {s: float(s.bit_count() >= 3) for s in range(1, 32)}
    found, complete = stacks(CharacteristicFunctionGame(Players.of(5), worths), (1.0,) * 5, 1e-9)
    assert complete
    assert len(found) == 10
    few, complete = stacks(CharacteristicFunctionGame(Players.of(5), worths), (1.0,) * 5, 1e-9, most=4)
    assert len(few) <= 4
    assert not complete


# --- at the command line's level --------------------------------------------------------------------------------------

BOTH = ("egalitarian", "stacked-averages")
QUICK = HowToSolve(verify=False)


def frames(game, names=BOTH, how=QUICK):
    return solve_concepts(game, names, how)


@pytest.mark.parametrize("name", ["example-5", "example-6", "tie-not-permutation", "theorem-4-zero-product"])
def test_every_claim_is_verified(name: str) -> None:
    answer = solve_concepts(load_instance(name).game, BOTH, HowToSolve(verify=True))
    assert answer.certificate.claims["verified"] is True


def test_given_threats_are_verified() -> None:
    game = ThreatGame(Players.of(3), TotalWorth(1.0), (Threat("a", 3, (0.4, 0.5)), Threat("b", 6, (0.4, 0.4))))
    answer = solve_concepts(game, BOTH, HowToSolve(verify=True))
    assert answer.certificate.claims["verified"] is True
    concepts = answer.tables["concepts"].set_index("concept")
    assert concepts.at["egalitarian", "status"] == "solved"
    assert concepts.at["stacked-averages", "status"] == "undefined"


def test_the_model_proves_every_element() -> None:
    answer = frames(load_instance("example-5").game, ["egalitarian"], HowToSolve(method="model", verify=False))
    (note,) = answer.tables["concepts"]["note"]
    assert note == "no unblocked division is more equal than one of these, by the model of Lorenz dominance"


def test_inconsistent_weights_have_no_stack() -> None:
    answer = frames(load_instance("majority-5-inconsistent-weights").game, ["stacked-averages"])
    (line,) = answer.tables["concepts"].to_dict("records")
    assert line["status"] == "undefined"
    assert line["note"] == "needs consistent weights; those of 1+2+3 differ from those of its pairs"


def test_seven_players_are_verified_against_equal_division() -> None:
    (game,) = random_games(3, 1, (7,))
    rich = CharacteristicFunctionGame(game.players, {**game.worths, 127: 2 * max(game.worths.values())})
    answer = frames(rich, ["egalitarian"], HowToSolve(verify=True))
    assert "egalitarian_solutions" not in answer.tables
    assert answer.certificate.claims["verified"] is True


def failed(game, tables) -> set[str]:
    checks = verify_comparison(game, tables).checks
    return set(checks.loc[checks["failed"] > 0, "claim"])


def tampered(name: str, change) -> set[str]:
    game = load_instance(name).game
    tables = {key: frame.copy() for key, frame in frames(game).tables.items()}
    change(tables)
    return failed(game, tables)


def test_nothing_fails_untouched() -> None:
    assert tampered("example-6", lambda tables: None) == set()


def test_a_changed_element_is_found() -> None:
    def change(tables) -> None:
        tables["egalitarian_solutions"].loc[lambda f: f["coalition"] == "1+2", "payoff"] = [0.5, 0.3]

    assert "egalitarian: the elements are all most equal unblocked divisions" in tampered("example-6", change)


def test_a_missing_element_is_found() -> None:
    def change(tables) -> None:
        frame = tables["egalitarian_solutions"]
        gone = (frame["coalition"] == "1+2+3") & (frame["solution"] == 2)
        tables["egalitarian_solutions"] = frame[~gone]

    found = tampered("example-6", change)
    assert "egalitarian: the elements are all most equal unblocked divisions" in found
    assert "egalitarian: solutions are the elements listed for all players" in found


def test_a_division_that_is_not_the_stack_s_is_found() -> None:
    def change(tables) -> None:
        own = tables["solutions"]["concept"] == "stacked-averages"
        tables["solutions"].loc[own, "payoff"] = [0.45, 0.4, 0.15]

    assert "stacked-averages: at or above the stacked averages, raised where they are lowest" in tampered(
        "example-6", change
    )


def test_a_stack_in_the_wrong_order_is_found() -> None:
    def change(tables) -> None:
        tables["stacks"]["step"] = [2, 1]

    assert "stacked-averages: each coalition has the largest average of those left" in tampered("example-6", change)


def test_a_stack_left_out_is_found() -> None:
    def change(tables) -> None:
        tables["stacks"] = tables["stacks"][tables["stacks"]["solution"] < 3]
        own = (tables["solutions"]["concept"] == "stacked-averages") & (tables["solutions"]["solution"] == 3)
        tables["solutions"] = tables["solutions"][~own]

    assert "stacked-averages: every stack is followed" in tampered("example-5", change)


def test_page() -> None:
    pairs = run_page("egalitarian")
    assert len(pairs) >= 1
    for expected, found in pairs:
        assert found == expected


def test_keys_of_the_reference_are_read() -> None:
    assert mask("1,3") == 0b101
