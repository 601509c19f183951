"""Verification of single games with threats, on games whose answers are plain by hand."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from verify_tables import CASES, solutions_table

from breakaway.data.coalitions import coalition_of
from breakaway.data.games import FeasibleSet, Payoffs, Players, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.runners.verify import Verification, verify_threat_game

PAIR = Threat("pair", 0b011, (4.0, 4.0))
"""Players 1 and 2 can walk away with 4 each."""


def game(feasible: FeasibleSet, *threats: Threat, players: int | Players = 3) -> ThreatGame:
    return ThreatGame(Players.of(players) if isinstance(players, int) else players, feasible, threats)


def verify(instance: ThreatGame, solutions: list[Payoffs], **claims: Any) -> Verification:
    return verify_threat_game(instance, solutions_table(instance.players, solutions), claims)


def failed(verification: Verification) -> set[str]:
    return set(verification.checks.loc[verification.checks["failed"] > 0, "claim"])


def checked(verification: Verification, claim: str) -> int:
    return int(verification.checks.set_index("claim").at[claim, "checked"])  # noqa: PD008


BOTH = [(4.0, 3.0, 3.0), (3.0, 4.0, 3.0)]


def test_two_maximisers_by_hand() -> None:
    """Equal division gives 10/3 each, which the pair blocks: one of the two must get 4."""
    log = math.log(36)
    verification = verify(
        game(TotalWorth(10.0), PAIR),
        BOTH,
        log_nash_product=log,
        upper_bound=log,
        required_worth=4.0,
        zero_product=False,
        complete=True,
    )
    assert verification.passed
    assert checked(verification, "all maximisers listed") == 2


@pytest.mark.parametrize(
    ("solutions", "claim"),
    [
        ([BOTH[0]], "all maximisers listed"),
        ([], "all maximisers listed"),
        ([*BOTH, (4.0, 4.0, 2.0)], "only maximisers listed"),
        ([*BOTH, BOTH[0]], "solutions listed once"),
        ([(10 / 3, 10 / 3, 10 / 3)], "payoffs unblocked"),
        ([(4.0, 3.0, 3.0001), BOTH[1]], "payoffs within the worth"),
        ([(4.0001, 2.9999, 3.0), BOTH[1]], "only maximisers listed"),
        ([(11.0, -0.5, -0.5)], "payoffs at or above disagreement"),
    ],
)
def test_false_solutions_fail(solutions: list[Payoffs], claim: str) -> None:
    assert claim in failed(verify(game(TotalWorth(10.0), PAIR), solutions))


@pytest.mark.parametrize(
    ("claims", "claim"),
    [
        ({"log_nash_product": 3.6}, "log product of every solution"),
        ({"log_nash_product": None}, "log product of every solution"),
        ({"upper_bound": 3.5}, "upper bound holds"),
        ({"upper_bound": "high"}, "upper bound holds"),
        ({"required_worth": 4.001}, "required worths are least totals"),
        ({"required_worth": 3.999}, "required worths are least totals"),
        ({"zero_product": True}, "zero product flagged"),
        ({"zero_product": "perhaps"}, "zero product flagged"),
    ],
)
def test_false_claims_fail(claims: dict[str, Any], claim: str) -> None:
    assert failed(verify(game(TotalWorth(10.0), PAIR), BOTH, **claims)) == {claim}


def test_product_of_zero_makes_the_finite_unblocked_set_the_solution() -> None:
    """A worth of 4 goes to one of the pair, the others get nothing."""
    instance = game(TotalWorth(4.0), PAIR)
    both = [(4.0, 0.0, 0.0), (0.0, 4.0, 0.0)]
    claims = {"log_nash_product": None, "upper_bound": None, "required_worth": 4.0}
    assert verify(instance, both, **claims, zero_product=True).passed
    assert failed(verify(instance, both, **claims, zero_product=False)) == {"zero product flagged"}
    assert failed(verify(instance, both[:1], **claims, zero_product=True)) == {"all maximisers listed"}


def test_empty_unblocked_set() -> None:
    instance = game(TotalWorth(3.0), PAIR)
    claims = {"log_nash_product": None, "required_worth": 4.0, "zero_product": False}
    assert verify(instance, [], **claims).passed
    assert "payoffs unblocked" in failed(verify(instance, [(1.0, 1.0, 1.0)], **claims))
    assert "log product of every solution" in failed(verify(instance, [], log_nash_product=1.0))


def test_weights_and_disagreement() -> None:
    """Net payoffs of a worth 11 above d = (1, 0, 1) are shared 1 : 1 : 2, so (3.25, 2.25, 5.5)."""
    instance = game(TotalWorth(11.0), players=Players.of(3, (1, 1, 2), (1, 0, 1)))
    best = (3.25, 2.25, 5.5)
    log = 2 * math.log(2.25) + 2 * math.log(4.5)
    assert verify(instance, [best], log_nash_product=log, required_worth=2.0).passed
    assert not verify(instance, [(3.25, 2.25 - 1e-6, 5.5 + 1e-6)], log_nash_product=log).passed


def test_run_that_does_not_claim_completeness_need_not_list_all() -> None:
    verification = verify(game(TotalWorth(10.0), PAIR), BOTH[:1], log_nash_product=math.log(36), complete=False)
    assert verification.passed
    assert checked(verification, "all maximisers listed") == 0
    better = verify(game(TotalWorth(10.0), PAIR), [(5.0, 2.0, 3.0)], upper_bound=math.log(31), complete=False)
    assert failed(better) == {"upper bound holds"}


def example_1() -> ThreatGame:
    inputs = CASES["ex1_finite"]["inputs"]
    threats = [
        Threat(str(k), coalition_of(i - 1 for i in threat["coalition"]), tuple(map(float, threat["payoff"])))
        for k, threat in enumerate(inputs["threats"])
    ]
    return game(Points(("a", "b"), tuple(tuple(map(float, point)) for point in inputs["F"])), *threats)


def test_points_of_example_1() -> None:
    """(2, 2, 4) has the product 16, (3, 3, 1) has 9."""
    best = [(2.0, 2.0, 4.0)]
    assert verify(example_1(), best, log_nash_product=math.log(16), zero_product=False, complete=True).passed
    assert failed(verify(example_1(), [(3.0, 3.0, 1.0)])) == {"all maximisers listed", "only maximisers listed"}
    assert "payoffs among the points" in failed(verify(example_1(), [(2.0, 2.0, 4.0001)]))
    assert "all maximisers listed" in failed(verify(example_1(), []))


def test_points_that_are_blocked_or_irrational_are_no_solutions() -> None:
    points = Points(("a", "b", "c"), ((3.0, 3.0, 9.0), (4.0, 1.0, 1.0), (5.0, 5.0, -1.0)))
    assert verify(game(points, PAIR), [(4.0, 1.0, 1.0)], log_nash_product=math.log(4)).passed
    assert "payoffs unblocked" in failed(verify(game(points, PAIR), [(3.0, 3.0, 9.0)]))


def test_points_with_a_product_of_zero_are_all_solutions() -> None:
    points = Points(("a", "b"), ((4.0, 0.0, 1.0), (0.0, 4.0, 1.0)))
    both = [(4.0, 0.0, 1.0), (0.0, 4.0, 1.0)]
    assert verify(game(points, PAIR), both, zero_product=True, log_nash_product=None).passed
    assert failed(verify(game(points, PAIR), both[:1], zero_product=True)) == {"all maximisers listed"}


def test_polyhedron_with_a_binding_threat() -> None:
    """Over x1 + 2 x2 <= 12 player 2 alone can have 4, which leaves 4 for player 1 instead of (6, 3)."""
    rows = Polyhedron(("a", "b"), ((1.0, 2.0), (1.0, 1.0)), (12.0, 9.0))
    instance = game(rows, Threat("t", 0b10, (4.0,)), players=2)
    log = math.log(16)
    claims = {"log_nash_product": log, "upper_bound": log, "required_worth": None, "zero_product": False}
    verification = verify(instance, [(4.0, 4.0)], **claims, complete=True)
    assert verification.passed
    assert checked(verification, "all maximisers listed") == 1
    assert "payoffs unblocked" in failed(verify(instance, [(6.0, 3.0)]))
    assert "payoffs within the polyhedron" in failed(verify(instance, [(4.001, 4.0)]))
    assert failed(verify(instance, [(3.999, 4.0)])) >= {"all maximisers listed", "only maximisers listed"}


def test_polyhedron_with_two_maximisers() -> None:
    rows = Polyhedron(("a",), ((1.0, 1.0, 1.0),), (10.0,))
    assert verify(game(rows, PAIR), BOTH, log_nash_product=math.log(36)).passed
    assert failed(verify(game(rows, PAIR), BOTH[:1])) == {"all maximisers listed"}


def test_polyhedron_whose_unblocked_set_is_empty_is_left_open() -> None:
    verification = verify(game(Polyhedron(("a",), ((1.0, 1.0, 1.0),), (3.0,)), PAIR), [])
    assert verification.passed
    assert checked(verification, "all maximisers listed") == 0
    assert "not re-proven" in verification.checks.set_index("claim").at["all maximisers listed", "detail"]  # noqa: PD008


@pytest.mark.parametrize("seed", range(12))
def test_polyhedron_of_one_row_of_ones_is_a_total_worth(seed: int) -> None:
    """Both ways of verifying accept the maximisers of the other: no code for the optimum is shared."""
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 5))
    threats = [
        Threat(str(k), mask, tuple(random.uniform(0.5, 2.0, mask.bit_count()).round(3).tolist()))
        for k, mask in enumerate(random.integers(1, 2**n - 1, 6).tolist())
    ]
    players = Players.of(n, random.integers(1, 4, n).tolist(), random.uniform(0, 0.4, n).round(3).tolist())
    total = game(TotalWorth(2.5 * n), *threats, players=players)
    rows = game(Polyhedron(("a",), ((1.0,) * n,), (2.5 * n,)), *threats, players=players)
    solutions = water_filled(total)
    assert verify(total, solutions).passed
    verification = verify(rows, solutions)
    assert verification.passed, verification.checks.to_string()
    assert checked(verification, "all maximisers listed") == len(solutions)


def water_filled(instance: ThreatGame) -> list[Payoffs]:
    """Maximise by trying every way of meeting the threats, one member each, with the level found by bisection."""
    assert isinstance(instance.feasible, TotalWorth)
    d, weights = np.array(instance.players.disagreement), np.array(instance.players.weights)
    lows = {tuple(d)}
    for threat in instance.threats:
        members = [i for i in range(len(d)) if threat.coalition >> i & 1]
        lows = {
            tuple(max(x, y) if i == k else x for k, x in enumerate(low))
            for low in lows
            for i, y in zip(members, threat.payoffs, strict=True)
        }
    found: dict[Payoffs, float] = {}
    for low in lows:
        if sum(low) <= instance.feasible.worth:
            below, above = 0.0, instance.feasible.worth
            for _ in range(200):
                level = (below + above) / 2
                x = np.maximum(low, d + weights * level)
                below, above = (level, above) if x.sum() < instance.feasible.worth else (below, level)
            found[tuple(x.round(12).tolist())] = float((weights * np.log(x - d)).sum())
    return [x for x, value in found.items() if value >= max(found.values()) - 1e-11]


def all_threats(n: int, each: float) -> list[Threat]:
    return [Threat(str(k), k, (each,) * k.bit_count()) for k in range(1, 2**n - 1)]


def test_sixteen_players_with_all_threats() -> None:
    instance = game(TotalWorth(16.0), *all_threats(16, 0.5), players=16)
    start = time.perf_counter()
    verification = verify(instance, [(1.0,) * 16], log_nash_product=0.0, upper_bound=0.0, required_worth=8.0)
    assert verification.passed
    assert checked(verification, "all maximisers listed") == 1
    assert time.perf_counter() - start < 30


def test_search_that_is_cut_short_is_said_not_to_prove_completeness() -> None:
    random = np.random.default_rng(3)
    threats = [Threat(str(k), k, (float(random.uniform(0.3, 1.0)),) * k.bit_count()) for k in range(1, 2**10 - 1)]
    instance = game(TotalWorth(12.0), *threats, players=10)
    solutions = solutions_table(instance.players, [(1.2,) * 10])
    claims = {"log_nash_product": 10 * math.log(1.2), "required_worth": 5.0}
    verification = verify_threat_game(instance, solutions, claims, effort=1e3)
    rows = verification.checks.set_index("claim")
    assert rows.loc["all maximisers listed", "checked"] == 0
    assert "not re-proven" in str(rows.loc["all maximisers listed", "detail"])
    assert rows.loc["payoffs unblocked", "checked"] == 1


@pytest.mark.parametrize("worth", ["0.3", "0.299999999999", "0.300000000001"])
@pytest.mark.parametrize("listed", [True, False])
def test_knife_edge_of_a_run_in_fractions_is_decided_exactly(worth: str, listed: bool) -> None:
    """Threats 0.1 and 0.2 leave 0.3 exactly, though 0.1 + 0.2 > 0.3 in floating point."""
    instance = game(TotalWorth(float(worth)), Threat("a", 1, (0.1,)), Threat("b", 2, (0.2,)), players=2)
    verification = verify(instance, [(0.1, 0.2)] if listed else [], tolerance=0.0)
    exact = float(worth) >= 0.3
    assert ("knife edges decided exactly" in failed(verification)) is (listed is not exact)
    assert verification.passed is (listed is exact)


@pytest.mark.parametrize("worth", ["0.3", "0.299999999999", "0.300000000001", "0.29999999"])
@pytest.mark.parametrize("listed", [True, False])
def test_knife_edge_of_a_floating_run_is_decided_by_the_tolerance(worth: str, listed: bool) -> None:
    """Viable is what falls short by no more than 1e-9 of the scale, be the deficit exact or a rounding error."""
    instance = game(TotalWorth(float(worth)), Threat("a", 1, (0.1,)), Threat("b", 2, (0.2,)), players=2)
    verification = verify(instance, [(0.1, 0.2)] if listed else [])
    viable = float(worth) > 0.29999999
    assert verification.passed is (listed is viable)
    assert ("all maximisers listed" in failed(verification)) is (viable and not listed)
    assert ("payoffs within the worth" in failed(verification)) is (listed and not viable)


def test_malformed_solutions_fail() -> None:
    instance = game(TotalWorth(10.0), PAIR)
    table = solutions_table(instance.players, BOTH)
    for bad in (table.iloc[1:], table.assign(player="x"), table.assign(payoff=np.nan), pd.DataFrame({"player": []})):
        assert "solutions table readable" in failed(verify_threat_game(instance, bad, {}))
