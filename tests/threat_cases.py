"""What the tests of games with threats share: reference cases, small games, the recursion, comparison of divisions."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from breakaway.data.coalitions import Coalition, coalition_of, members, proper_subsets
from breakaway.data.games import Players, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.runners.division import BlockProblem, Divider, Division
from breakaway.runners.search import water_filling
from breakaway.runners.verify import Verification, verify_threat_game

CASES = json.loads((Path(__file__).parent / "reference" / "threat_games.json").read_text(encoding="utf-8"))

EPS = 1e-8


def cases(*kinds: str) -> list[dict[str, Any]]:
    return [case for case in CASES if case["kind"] in kinds]


def case_id(case: Mapping[str, Any]) -> str:
    return case["id"]


def case_named(name: str) -> dict[str, Any]:
    return next(case for case in CASES if case["id"] == name)


def mask(key: str) -> Coalition:
    return coalition_of(int(player) - 1 for player in key.split(","))


def game_of(case: Mapping[str, Any]) -> ThreatGame:
    inputs = case["inputs"]
    threats = tuple(
        Threat(f"t{k}", coalition_of(i - 1 for i in t["coalition"]), tuple(map(float, t["payoff"])))
        for k, t in enumerate(inputs["threats"])
    )
    players = Players.of(inputs["n"], inputs["weights"], inputs["d"])
    if "v" in inputs:
        return ThreatGame(players, TotalWorth(inputs["v"]), threats)
    names = tuple(f"p{k}" for k in range(len(inputs["F"])))
    return ThreatGame(players, Points(names, tuple(tuple(map(float, x)) for x in inputs["F"])), threats)


def weights_in(case: Mapping[str, Any], coalition: Coalition, number: Callable[[float], Any]) -> list[Any]:
    """Return the weights within a coalition, indexed by player."""
    weights, n = case["inputs"]["weights"], case["inputs"]["n"]
    if weights["type"] == "consistent":
        return [number(w) for w in weights["gamma"]]
    result = [number(1.0)] * n
    inside = members(coalition)
    for player, weight in zip(inside, weights["gamma"][",".join(str(i + 1) for i in inside)], strict=True):
        result[player] = number(weight)
    return result


def sigma_by_recursion(
    case: Mapping[str, Any], divide: Divider, number: Callable[[float], Any] = float, eps: Any = EPS
) -> dict[Coalition, Division]:
    """Divide the worth of every coalition, smaller ones first: threats are the solutions of strict subsets."""
    worths = {mask(key): number(worth) for key, worth in case["inputs"]["worth"].items()}
    found: dict[Coalition, Division] = {}
    for coalition in sorted(worths, key=lambda s: (s.bit_count(), s)):
        inside = members(coalition)
        worth = worths[coalition]
        if len(inside) == 1:
            found[coalition] = Division(number(0.0), True, (((inside[0], worth),),), 0.0, 0.0)
            continue
        clauses = [clause for subset in proper_subsets(coalition) for clause in found[subset].solutions]
        zeros = [number(0.0)] * case["inputs"]["n"]
        weights = weights_in(case, coalition, number)
        found[coalition] = divide(BlockProblem(inside, weights, zeros, worth, clauses, eps))
    return found


def payoffs_of(division: Division) -> list[list[float]]:
    return [[float(payoff) for _, payoff in solution] for solution in division.solutions]


def assert_same_payoffs(found: list[list[float]], expected: list[list[float]], tolerance: float = 1e-7) -> None:
    """Compare two lists of allocations as sets."""
    assert len(found) == len(expected), f"{found} against {expected}"
    left = list(expected)
    for x in found:
        match = next((y for y in left if max(map(abs, map(float.__sub__, x, map(float, y)))) <= tolerance), None)
        assert match is not None, f"{x} is not among {left}"
        left.remove(match)


def assert_same_division(one: Division, other: Division, tolerance: float = 1e-7) -> None:
    assert (one.viable, one.zero_product, one.complete) == (other.viable, other.zero_product, other.complete)
    assert abs(float(one.required - other.required)) <= tolerance or (
        math.isnan(one.required) and math.isnan(other.required)
    )
    assert_same_payoffs(payoffs_of(one), payoffs_of(other), tolerance)
    assert one.log_product == other.log_product or abs(one.log_product - other.log_product) <= tolerance
    assert one.bound == other.bound or abs(one.bound - other.bound) <= tolerance


def verified(game: ThreatGame, division: Division) -> Verification:
    """Check a division by the definition."""
    rows = [
        (number, game.players.names[i], float(payoff))
        for number, solution in enumerate(division.solutions, start=1)
        for i, payoff in solution
    ]
    product = division.log_product if math.isfinite(division.log_product) else None
    required = None if math.isnan(division.required) else float(division.required)
    claims = {
        "log_nash_product": product,
        "upper_bound": product,
        "required_worth": required,
        "zero_product": division.zero_product,
        "complete": division.complete,
    }
    return verify_threat_game(game, pd.DataFrame(rows, columns=["solution", "player", "payoff"]), claims)


def by_brute_force(problem: BlockProblem) -> tuple[float, list[list[float]], float]:
    """Try every choice of one member per threat: required worth, maximisers, log product (-inf when zero or none)."""
    d, positions = problem.disagreement, problem.positions
    required, best, kept = math.inf, -math.inf, []
    budget = problem.worth - sum(d)
    for choice in itertools.product(*problem.clauses):
        lower = [0.0] * len(d)
        for i, payoff in choice:
            lower[i] = max(lower[i], payoff - d[i])
        required = min(required, sum(lower) + sum(d))
        if sum(lower) > budget + problem.eps:
            continue
        share, _ = water_filling(positions, problem.weights, lower, budget)
        value = (
            sum(w * math.log(x) for w, x in zip(problem.weights, share, strict=True)) if min(share) > 0 else -math.inf
        )
        kept.append((value, [x + own for x, own in zip(share, d, strict=True)]))
        best = max(best, value)
    unique: list[list[float]] = []
    for value, x in kept:
        if value >= best - 1e-9 and not any(max(map(abs, map(float.__sub__, x, y))) <= 1e-7 for y in unique):
            unique.append(x)
    return required, sorted(unique), best


@st.composite
def block_problems(draw: st.DrawFn, most_players: int = 4, most_threats: int = 6) -> BlockProblem:
    """Games over a total worth with payoffs on a coarse grid, so that ties and exact fits are common."""
    n = draw(st.integers(2, most_players))
    weights = draw(st.lists(st.sampled_from([1.0, 1.0, 2.0, 3.0]), min_size=n, max_size=n))
    d = draw(st.lists(st.sampled_from([0.0, 0.0, -1.0, 1.5]), min_size=n, max_size=n))
    sets = draw(st.lists(st.integers(1, 2**n - 2), max_size=most_threats))
    clauses = [tuple((i, d[i] + draw(st.integers(0, 8)) / 2) for i in members(s)) for s in sets]
    worth = sum(d) + draw(st.integers(1, 40)) / 4
    return BlockProblem(tuple(range(n)), weights, d, worth, clauses, EPS)


def as_game(problem: BlockProblem) -> ThreatGame:
    n = len(problem.positions)
    threats = tuple(
        Threat(f"t{k}", coalition_of(i for i, _ in clause), tuple(payoff for _, payoff in clause))
        for k, clause in enumerate(problem.clauses)
    )
    return ThreatGame(Players.of(n, problem.weights, problem.disagreement), TotalWorth(problem.worth), threats)


THREE_PAIRS = ThreatGame(
    Players.of(3),
    TotalWorth(1.0),
    tuple(Threat(name, s, (0.4, 0.4)) for name, s in (("pair-12", 3), ("pair-13", 5), ("pair-23", 6))),
)
"""Example 5 of the paper: each pair can share .8 equally."""

WEIGHTED = ThreatGame(
    Players.of("ABC", (1.0, 2.0, 3.0), (0.0, 1.0, 0.5)),
    TotalWorth(12.0),
    (Threat("AB", 3, (2.0, 5.0)), Threat("BC", 6, (4.2, 5.3)), Threat("C", 4, (2.0,))),
)
"""Threats of the pairs in proportion to the weights, net of disagreement: per weight 2, 1.6; C alone claims .5."""

UNEVEN = ThreatGame(
    Players.of("ABCD", (1.0, 1.0, 2.0, 1.0)),
    TotalWorth(20.0),
    (
        Threat("AB", 3, (6.0, 2.0)),
        Threat("AC", 5, (7.0, 10.0)),
        Threat("BCD", 14, (8.0, 9.0, 6.0)),
        Threat("D", 8, (1.0,)),
        Threat("idle", 9, (0.0, 5.0)),
    ),
)
"""Threats in no proportion; the last one never blocks, because A is offered no more than the disagreement payoff."""

EXAMPLE_1 = game_of(case_named("ex1_finite"))

CAPACITY = ThreatGame(
    Players.of(("casting", "milling", "assembly")),
    Polyhedron(("machine", "labour"), ((1.0, 2.0, 1.0), (3.0, 1.0, 2.0)), (20.0, 30.0)),
    (Threat("t1", 3, (5.0, 5.0)), Threat("t2", 6, (6.0, 6.0)), Threat("t3", 5, (5.0, 4.0))),
)
"""Three departments share two capacities."""
