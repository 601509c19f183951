"""The solution of Example 1: mean threats, beta, the product above them, by boxes, points and models."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from solution_cases import FIRMS, payoffs, random_total_games, solved, tampered
from threat_cases import case_named, game_of

from breakaway.data.games import Players, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.data.instances import load_instance
from breakaway.runners.asking import HowToSolve
from breakaway.runners.comparison import solve_concepts
from breakaway.runners.concepts import Question
from breakaway.runners.concepts.phi import frontier, mean_threats
from breakaway.runners.concepts.ratios import largest_common_ratio
from breakaway.runners.verify import verify_comparison

NAME = "phi"
THREE = Players.of(3)


def beta(game: ThreatGame, method: str = "exact") -> float | None:
    how = HowToSolve(method=method)  # type: ignore[arg-type]
    return largest_common_ratio(Question(game, how), mean_threats(game, 1e-9))


# --- Example 1 -----------------------------------------------------------------------------------------------------


def test_example_1() -> None:
    """Printed: a = (1, 1, 0), beta = 1, phi(G) = {y, z}."""
    case = case_named("ex1_finite")
    expected = case["expected"]
    for game in (game_of(case), load_instance("example-1").game):
        assert isinstance(game, ThreatGame)
        answer = solved(game, NAME)
        assert payoffs(answer, NAME) == [tuple(x) for x in sorted(expected["phi_solution"])]
        assert answer.tables["mean_threats"]["mean_threat"].tolist() == expected["phi_a"]
        assert beta(game) == expected["phi_beta"]
        assert answer.tables["concepts"]["value"].tolist() == pytest.approx([np.log(4)])
        assert answer.certificate.claims["verified"] is True


def coefficients(x: tuple[int, ...], shift: tuple[int, ...]) -> dict[tuple[int, ...], Fraction]:
    """Return the polynomial product of (x_i (1 + delta_i) - c_i) in delta, by exponents."""
    return {
        powers: Fraction(int(np.prod([v if p else v - c for v, c, p in zip(x, shift, powers, strict=True)])))
        for powers in product((0, 1), repeat=len(x))
    }


def test_example_1_every_strict_expansion_drops_y() -> None:
    """f(lambda o z) - f(lambda o y) = (1 + delta_3) (2 delta_1 + 2 delta_2 + 7 delta_1 delta_2), exactly."""
    y, z = coefficients((3, 3, 1), (1, 1, 0)), coefficients((2, 2, 4), (1, 1, 0))
    gap = {powers: z[powers] - y[powers] for powers in y}
    assert {powers: value for powers, value in gap.items() if value} == {
        (1, 0, 0): 2,
        (0, 1, 0): 2,
        (1, 1, 0): 7,
        (1, 0, 1): 2,
        (0, 1, 1): 2,
        (1, 1, 1): 7,
    }


# --- parts ---------------------------------------------------------------------------------------------------------


def test_dominated_threats_do_not_count_in_the_mean() -> None:
    assert frontier([(1.0, 1.0), (2.0, 1.0), (0.0, 3.0), (2.0, 1.0)]) == [(2.0, 1.0), (0.0, 3.0), (2.0, 1.0)]
    threats = tuple(Threat(f"t{k}", 0b011, y) for k, y in enumerate([(6.0, 0.0), (0.0, 6.0), (0.0, 5.0), (5.0, 0.0)]))
    game = ThreatGame(THREE, TotalWorth(9.0), threats)
    assert mean_threats(game, 0.0).tolist() == [1.0, 1.0, 0.0]


def test_coalitions_without_threats_count_at_disagreement_and_impossible_threats_do_not() -> None:
    players = Players.of(3, None, (1.0, 2.0, 3.0))
    threats = (Threat("low", 0b011, (9.0, 1.5)), Threat("pair", 0b110, (5.0, 3.0)))
    assert mean_threats(ThreatGame(players, TotalWorth(20.0), threats), 0.0).tolist() == [1.0, 3.0, 3.0]


def test_firms_by_hand() -> None:
    """a = ((9 + 5) / 3, (4 + 6) / 3, 0); firm 1's 9 binds, the other 7 are shared above (10/3, 0)."""
    answer = solved(FIRMS, NAME)
    assert answer.tables["mean_threats"]["mean_threat"].tolist() == pytest.approx([14 / 3, 10 / 3, 0.0])
    assert payoffs(answer, NAME) == [pytest.approx((9.0, 10 / 3 + 11 / 6, 11 / 6), abs=1e-12)]


def test_beta_below_one_by_hand() -> None:
    """Example 5: a = 0.8/3 each; two players need 0.4, the third has 0.2 = beta 0.8/3, so beta = 3/4."""
    game = Question(load_instance("example-5").game, HowToSolve()).threat_game  # type: ignore[arg-type]
    assert beta(game) == pytest.approx(0.75, abs=1e-12)
    assert beta(game, "model") == pytest.approx(0.75, abs=1e-9)
    answer = solved(game, NAME)
    assert payoffs(answer, NAME) == [pytest.approx(x) for x in ((0.2, 0.4, 0.4), (0.4, 0.2, 0.4), (0.4, 0.4, 0.2))]
    assert "beta = 0.75" in answer.tables["concepts"]["note"][0]
    assert "no unblocked allocation gives everybody more" in answer.tables["concepts"]["note"][0]


def test_points_with_beta_below_one_are_all_that_reach_it() -> None:
    """a = (2, 0, 0): the points give player 1 ratios 1/2, 1/2 and 1/4; the first two are solutions, [PO] or not."""
    points = Points(("p", "q", "r"), ((1.0, 1.0, 1.0), (1.0, 2.0, 1.0), (0.5, 9.0, 9.0)))
    game = ThreatGame(THREE, points, (Threat("t", 0b011, (6.0, 0.0)),))
    assert beta(game) == 0.5
    assert payoffs(solved(game, NAME), NAME) == [(1.0, 1.0, 1.0), (1.0, 2.0, 1.0)]


def test_everything_blocked() -> None:
    answer = solved(replace(FIRMS, feasible=TotalWorth(12.0)), NAME)
    assert answer.tables["concepts"]["status"].tolist() == ["empty"]


def test_polyhedra() -> None:
    """Where beta is 1 the model of the coalitional Nash solution finds it; below, nothing is listed."""
    box = Polyhedron(("sum",), ((1.0, 1.0, 1.0),), (16.0,))
    answer = solved(replace(FIRMS, feasible=box), NAME)
    assert payoffs(answer, NAME) == [pytest.approx((9.0, 10 / 3 + 11 / 6, 11 / 6), abs=1e-5)]
    tight = ThreatGame(THREE, Polyhedron(("sum",), ((1.0, 1.0, 1.0),), (3.0,)), (Threat("t", 0b011, (18.0, 0.0)),))
    answer = solved(tight, NAME)
    assert answer.tables["concepts"]["status"].tolist() == ["undefined"]
    assert answer.tables["concepts"]["note"][0].startswith("subtracts 0.5 of the mean threats")


# --- random games --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_models_agree_with_boxes_and_both_verify(seed: int) -> None:
    for game in random_total_games(3, 50 + seed):
        exact = solved(game, NAME)
        model = solve_concepts(game, [NAME], HowToSolve(method="model"))
        assert exact.certificate.claims["verified"] is True
        assert model.certificate.claims["verified"] is True
        here, there = payoffs(exact, NAME), payoffs(model, NAME)
        assert len(here) == len(there)
        for x, y in zip(here, there, strict=True):
            assert x == pytest.approx(y, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_no_sampled_allocation_goes_further_or_has_a_larger_product(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for game in random_total_games(8, 70 + seed):
        found = payoffs(solved(game, NAME), NAME)
        if not found:
            continue
        d, worth = np.array(game.players.disagreement), Question(game, HowToSolve()).worth
        way, weights = mean_threats(game, 1e-9) - d, np.array(game.players.weights)
        reached = beta(game)
        assert reached is not None
        best = np.prod((np.array(found[0]) - d - reached * way).clip(0) ** weights)
        for share in rng.dirichlet(np.ones(len(d)), 300):
            x = d + share * (worth - d.sum())
            if any(all(x[i] < y for i, y in zip(_inside(t), t.payoffs, strict=True)) for t in game.threats):
                continue
            if way.any():
                assert (x - d)[way > 0].min() >= 0
                assert min(1.0, ((x - d)[way > 0] / way[way > 0]).min()) <= reached + 1e-9
            if (x >= d + reached * way).all():
                assert np.prod((x - d - reached * way) ** weights) <= best + 1e-9


def _inside(threat: Threat) -> list[int]:
    return [i for i in range(threat.coalition.bit_length()) if threat.coalition >> i & 1]


@pytest.mark.parametrize(
    ("table", "column", "claim"),
    [
        ("solutions", "payoff", "only maximisers listed"),
        ("mean_threats", "mean_threat", "table mean_threats: mean_threat"),
        ("mean_threats", "subtracted", "table mean_threats: subtracted"),
    ],
)
def test_a_changed_number_is_found(table: str, column: str, claim: str) -> None:
    checks = verify_comparison(FIRMS, tampered(solved(FIRMS, NAME).tables, table, column, -0.01)).checks
    assert checks.set_index("claim").at[f"{NAME}: {claim}", "failed"] > 0


def test_a_changed_payoff_is_found_where_the_product_is_zero() -> None:
    game = load_instance("example-5").game
    checks = verify_comparison(game, tampered(solved(game, NAME).tables, "solutions", "payoff", 0.01)).checks  # type: ignore[arg-type]
    assert checks.set_index("claim").at[f"{NAME}: only best allocations are listed", "failed"] == 1
