"""Games without transferable utility with polyhedra and convex sets: closed forms, three ways of one set, limits."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyomo.environ as pyo
import pytest
from ntu_cases import Simplex, ball, solutions, transferable

from breakaway.data.games import (
    CharacteristicFunctionGame,
    ConvexSet,
    NtuGame,
    Players,
    Points,
    Polyhedron,
    Threat,
    ThreatGame,
    TotalWorth,
)
from breakaway.data.instances import load_instance, tables_from_game
from breakaway.results.text import answer_text
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.characteristic import solve_characteristic
from breakaway.runners.coalitional_nash import solve_coalitional_nash
from breakaway.runners.compare import compare, contenders
from breakaway.runners.ntu import PROVEN_CONVEX, PROVEN_TOTAL, solve_ntu
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.verify import verify_threat_game

NAMES = ("1", "2", "3")


def close(found: set[tuple[float, ...]], expected: list[tuple[float, ...]], tolerance: float = 1e-6) -> bool:
    """Tell whether two sets of allocations are the same, each with a partner."""
    return len(found) == len(expected) and all(any(math.dist(x, y) <= tolerance for y in expected) for x in found)


# --- closed forms --------------------------------------------------------------------------------------------------


def test_an_ellipsoid_without_threats() -> None:
    # Maximise sum of g_i log(x_i) on sum (x_i / a_i)^2 = 1: x_i = a_i sqrt(g_i / sum g).
    weights, axes = (1.0, 2.0, 3.0), (3.0, 5.0, 4.0)
    game = NtuGame(Players.of(3, weights), {7: ball(NAMES, axes)})
    answer = solve_ntu(game)
    expected = tuple(a * math.sqrt(w / 6) for a, w in zip(axes, weights, strict=True))
    assert close(solutions(answer)["1+2+3"], [expected])
    assert answer.certificate.claims["verified"] is True
    assert answer.certificate.claims["proven"] == PROVEN_CONVEX


def test_an_ellipsoid_with_disagreement() -> None:
    # In a disc with d = (c, 0) and equal weights the first-order conditions are x (x - c) = y^2 and x^2 + y^2 = 1.
    game = NtuGame(Players.of(2, disagreement=(0.5, 0.0)), {3: ball(NAMES[:2])})
    (found,) = solutions(solve_ntu(game))["1+2"]
    x = (0.5 + math.sqrt(0.25 + 8)) / 4
    assert found == pytest.approx((x, math.sqrt(1 - x * x)), abs=1e-6)


def test_pairs_of_a_disc_bind_in_a_ball() -> None:
    # Each pair shares a disc of radius 1.2 equally, .8485 each. In the ball of radius 1.3 equal shares are .7506, so
    # two of the three players must have .8485, and the third gets what is left.
    pairs = {
        mask: ball([NAMES[i] for i in inside], size=1.2) for mask, inside in ((3, (0, 1)), (5, (0, 2)), (6, (1, 2)))
    }
    answer = solve_ntu(NtuGame(Players.of(3), {**pairs, 7: ball(NAMES, size=1.3)}))
    y = 1.2 / math.sqrt(2)
    z = math.sqrt(1.3**2 - 2 * y * y)
    assert close(solutions(answer)["1+2+3"], [(y, y, z), (y, z, y), (z, y, y)])
    assert answer.certificate.claims["verified"] is True
    assert answer.certificate.claims["naive_agrees"] is True


def test_a_ball_that_is_too_small_breaks_up() -> None:
    pairs = {
        mask: ball([NAMES[i] for i in inside], size=1.2) for mask, inside in ((3, (0, 1)), (5, (0, 2)), (6, (1, 2)))
    }
    answer = solve_ntu(NtuGame(Players.of(3), {**pairs, 7: ball(NAMES, size=1.1)}))
    assert answer.tables["solutions"].empty
    failures = answer.tables["failures"]
    assert set(failures["point"]) == {"*"}
    assert set(failures["breakaway"]) == {"1+2", "1+3", "2+3"}
    assert answer.certificate.claims["verified"] is True
    assert "whatever it does: no feasible allocation meets every threat" in answer_text(answer)


def test_a_convex_set_with_auxiliary_variables() -> None:
    def production(block: pyo.Block, payoff: Mapping[str, Any]) -> None:
        block.hours = pyo.Var(list(payoff), bounds=(0.0, 10.0), initialize=1.0)
        block.day = pyo.Constraint(expr=sum(block.hours.values()) <= 8.0)
        block.output = pyo.Constraint(list(payoff), rule=lambda b, i: payoff[i] <= pyo.sqrt(b.hours[i] + 1e-9))

    answer = solve_ntu(NtuGame(Players.of(2), {3: ConvexSet(production)}))
    assert close(solutions(answer)["1+2"], [(2.0, 2.0)])
    assert answer.certificate.claims["verified"] is True
    (note,) = {row for row in [answer.certificate.claims["proven"]] if "if the sets are convex" in str(row)}
    assert note == PROVEN_CONVEX


# --- one set, three ways -------------------------------------------------------------------------------------------

GAMES = {
    "ordinary": {1: 1.0, 2: 1.0, 4: 0.0, 3: 5.0, 5: 4.0, 6: 3.0, 7: 8.0},
    "three solutions": {1: 0.0, 2: 0.0, 4: 0.0, 3: 0.8, 5: 0.8, 6: 0.8, 7: 1.0},
    "no division": {1: 0.0, 2: 0.0, 4: 0.0, 3: 0.8, 5: 0.8, 6: 0.8, 7: 0.7},
}


@pytest.mark.parametrize("way", ["total", "polyhedron", "convex"])
@pytest.mark.parametrize("name", GAMES)
def test_transferable_utility_given_in_three_ways(name: str, way: str) -> None:
    game = transferable(GAMES[name], way)
    answer = solve_ntu(game)
    expected = solutions(solve_characteristic(CharacteristicFunctionGame(game.players, GAMES[name])))
    found = solutions(answer)
    assert found.keys() == expected.keys()
    for coalition, vectors in expected.items():
        assert close(found[coalition], list(vectors)), coalition
    assert answer.certificate.claims["verified"] is True
    if way == "total":
        assert answer.certificate.claims["proven"] == PROVEN_TOTAL


@pytest.mark.parametrize("way", ["polyhedron", "convex"])
def test_a_product_of_zero_gives_one_solution_and_says_so(way: str) -> None:
    majority = {1: 0.0, 2: 0.0, 4: 0.0, 3: 1.0, 5: 1.0, 6: 1.0, 7: 1.0}
    answer = solve_ntu(transferable(majority, way))
    claims = answer.certificate.claims
    assert (claims["zero_product"], claims["complete"], claims["verified"]) == (True, False, True)
    assert claims["incomplete_coalitions"] == ["1+2+3"]
    everything = solutions(solve_ntu(transferable(majority, "total")))["1+2+3"]
    assert len(everything) == 3
    (found,) = solutions(answer)["1+2+3"]
    assert any(math.dist(found, x) <= 1e-6 for x in everything)
    assert "leaves somebody no more than disagreement" in " ".join(answer_text(answer).split())


def test_kinds_of_sets_mix() -> None:
    rng = random.Random(5)
    pair = Points(("a", "b"), ((2.0, 1.0), (1.0, 2.0)))
    feasible = {1: TotalWorth(0.5), 3: pair, 5: ball(("1", "3"), size=2.0), 7: Simplex(rng.uniform(5, 6)).worth}
    game = NtuGame(Players.of(3), {**feasible, 7: TotalWorth(float(feasible[7]))})
    answer = solve_ntu(game)
    assert solutions(answer)["1+2"] == {(1.0, 2.0), (2.0, 1.0)}
    assert close(solutions(answer)["1+3"], [(math.sqrt(2), math.sqrt(2))])
    assert answer.certificate.claims["verified"] is True
    assert "efficient" not in answer.tables["structures"]


def test_theorem_2_holds_in_random_polyhedra() -> None:
    rng = random.Random(11)
    for _ in range(4):
        feasible = {}
        for mask in range(1, 8):
            size = mask.bit_count()
            rows = tuple(tuple(rng.uniform(0.5, 2.0) for _ in range(size)) for _ in range(2))
            feasible[mask] = Polyhedron(("r", "s"), rows, tuple(rng.uniform(1, 2) * size**1.3 for _ in rows))
        answer = solve_ntu(NtuGame(Players.of(3), feasible))
        assert answer.certificate.claims["naive_agrees"] is True
        assert answer.certificate.claims["verified"] is True


# --- methods -------------------------------------------------------------------------------------------------------


def test_boxes_highs_and_scip_agree_on_polyhedra() -> None:
    table = compare(load_instance("ntu-polyhedra").game, contenders(["exact", "highs", "scip"], HowToSolve()))
    assert table["status"].tolist() == ["optimal"] * 3
    assert table["agrees"].all(), table["note"].tolist()


def test_boxes_and_scip_agree_on_a_ball() -> None:
    game = NtuGame(Players.of(3), {3: ball(NAMES[:2], size=1.2), 7: ball(NAMES, size=1.3)})
    table = compare(game, contenders(["exact", "scip"], HowToSolve()))
    assert table["status"].tolist() == ["optimal"] * 2
    assert table["agrees"].all(), table["note"].tolist()


def test_a_threat_game_over_a_convex_set() -> None:
    game = ThreatGame(Players.of(3), ball(NAMES, size=3.0), (Threat("pair", 3, (2.0, 2.0)),))
    answer = solve_coalitional_nash(game)
    x = math.sqrt(2.5)
    found = {tuple(rows["payoff"]) for _, rows in answer.tables["solutions"].groupby("solution")}
    assert close(found, [(2.0, x, x), (x, 2.0, x)])
    assert answer.certificate.claims["verified"] is True
    spoilt = answer.tables["solutions"].assign(payoff=answer.tables["solutions"]["payoff"] * 0.999)
    assert not verify_threat_game(game, spoilt, answer.certificate.claims).passed


# --- what is refused -----------------------------------------------------------------------------------------------


def test_an_unbounded_polyhedron_is_named() -> None:
    game = NtuGame(Players.of(("Ann", "Bob")), {3: Polyhedron(("r",), ((1.0, -1.0),), (2.0,))})
    with pytest.raises(UnfinishedError, match="payoff of 'Ann' is not bounded"):
        solve_ntu(game)


def test_an_unbounded_convex_set_is_named() -> None:
    def half(block: pyo.Block, payoff: Mapping[str, Any]) -> None:
        block.one = pyo.Constraint(expr=payoff["Ann"] ** 2 <= 1.0)

    with pytest.raises(UnfinishedError, match="payoff of 'Bob' is not bounded"):
        solve_ntu(NtuGame(Players.of(("Ann", "Bob")), {3: ConvexSet(half)}))


def test_a_set_that_is_not_convex_is_found_out() -> None:
    def hyperbola(block: pyo.Block, payoff: Mapping[str, Any]) -> None:
        a, b = payoff.values()
        block.low = pyo.Constraint(expr=(a + 1) * (b + 1) <= 4.0)

    with pytest.raises(ValueError, match=r"the set of 1\+2 is not convex"):
        solve_ntu(NtuGame(Players.of(2), {3: ConvexSet(hyperbola)}))


def test_a_formulation_for_a_convex_set_is_refused() -> None:
    how = HowToSolve("model", "scip", "disjunctive")
    with pytest.raises(ValueError, match="leave out the formulation"):
        solve_ntu(NtuGame(Players.of(2), {3: ball(NAMES[:2])}), how)
    with pytest.raises(ValueError, match="leave out the formulation"):
        solve_coalitional_nash(ThreatGame(Players.of(2), ball(NAMES[:2]), ()), how)


def test_an_empty_polyhedron_is_ineffective() -> None:
    game = NtuGame(Players.of(2), {3: Polyhedron(("r",), ((1.0, 1.0),), (-1.0,))})
    answer = solve_ntu(game)
    assert "1+2" not in solutions(answer)
    assert answer.certificate.claims["verified"] is True


def test_a_time_limit_stops_the_recursion() -> None:
    how = HowToSolve(options=SolverOptions(time_limit=1e-6))
    with pytest.raises(UnfinishedError, match="limit reached") as caught:
        solve_ntu(load_instance("ntu-polyhedra").game, how)
    claims = caught.value.answer.certificate.claims
    assert claims["complete"] is False
    assert claims["of"] == 7


def test_convex_sets_cannot_be_written_as_tables() -> None:
    convex = ball(NAMES[:2])
    with pytest.raises(TypeError, match="keep it in Python"):
        tables_from_game(NtuGame(Players.of(2), {3: convex}))
    with pytest.raises(TypeError, match="keep it in Python"):
        tables_from_game(ThreatGame(Players.of(2), convex, ()))


def test_without_numbers_only_blocking_is_checked() -> None:
    game = NtuGame(Players.of(2), {3: ball(NAMES[:2], checked=False)})
    answer = solve_ntu(game)
    assert answer.certificate.claims["verified"] is True
    again = solve_ntu(replace(game, feasible={3: ball(NAMES[:2])}))
    assert int(str(again.certificate.claims["checks"])) > int(str(answer.certificate.claims["checks"]))
