"""Nash without threats, split-the-difference, equal division: closed forms, other feasible sets, verification."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_calls import call
from solution_cases import FIRMS, payoffs, random_total_games, solved, tampered

from breakaway.data.coalitions import coalition_of
from breakaway.data.games import CharacteristicFunctionGame, Players, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.data.instances import load_instance
from breakaway.runners.asking import HowToSolve
from breakaway.runners.comparison import solve_concepts
from breakaway.runners.concepts.products import polished
from breakaway.runners.minimal_bounds import minimal_bounds
from breakaway.runners.threat_game import block_problem
from breakaway.runners.verify import verify_comparison

SIMPLE = ("nash", "split-the-difference", "equal-division")
ALL = ("nash", "split-the-difference", "kalai-smorodinsky", "phi", "equal-division")
LINE = Polyhedron(("sum",), ((1.0, 1.0, 1.0),), (16.0,))


def test_nash_ignores_every_threat_and_uses_weights() -> None:
    """16 - (1 + 2) = 13 is divided 1 : 2 : 1 above d = (1, 2, 0)."""
    game = replace(FIRMS, players=Players.of(3, (1.0, 2.0, 1.0), (1.0, 2.0, 0.0)))
    assert payoffs(solved(game, "nash"), "nash") == [pytest.approx((4.25, 8.5, 3.25), abs=1e-12)]


def test_split_the_difference_nets_out_what_players_get_alone() -> None:
    answer = solved(FIRMS, "split-the-difference")
    assert payoffs(answer, "split-the-difference") == [pytest.approx((10.0, 5.0, 1.0), abs=1e-12)]
    assert answer.tables["outside_options"]["outside_option"].tolist() == [9.0, 4.0, 0.0]
    weighted = replace(FIRMS, players=Players.of(3, (1.0, 1.0, 4.0)))
    assert payoffs(solved(weighted, "split-the-difference"), "split-the-difference") == [pytest.approx((9.5, 4.5, 2.0))]


def test_outside_options_of_a_characteristic_function_are_never_below_disagreement() -> None:
    worths = {0b01: -1.0, 0b10: 3.0, 0b11: 10.0}
    game = CharacteristicFunctionGame(Players.of(2), worths)
    answer = solved(game, "split-the-difference")  # type: ignore[arg-type]
    assert answer.tables["outside_options"]["outside_option"].tolist() == [0.0, 3.0]
    assert payoffs(answer, "split-the-difference") == [pytest.approx((3.5, 6.5))]


def test_nothing_to_split() -> None:
    answer = solved(replace(FIRMS, feasible=TotalWorth(12.0)), *SIMPLE)
    line = answer.tables["concepts"].set_index("concept").loc["split-the-difference"]
    assert line["status"] == "undefined"
    assert (
        line["note"] == "there is nothing to split: the outside options add up to 13, more than the 12 that all share"
    )
    points = ThreatGame(Players.of(2), Points(("p",), ((1.0, 1.0),)), (Threat("t", 0b01, (2.0,)),))
    note = solved(points, "split-the-difference").tables["concepts"]["note"][0]
    assert note == "there is nothing to split: nothing feasible gives everybody the outside option"


def test_equal_division_needs_a_total_worth() -> None:
    assert payoffs(solved(FIRMS, "equal-division"), "equal-division") == [pytest.approx((16 / 3,) * 3)]
    answer = solved(load_instance("example-1").game, "equal-division")  # type: ignore[arg-type]
    assert answer.tables["concepts"]["status"].tolist() == ["undefined"]


def test_nothing_to_gain_is_said() -> None:
    game = ThreatGame(Players.of(2, None, (1.0, 2.0)), TotalWorth(3.0), ())
    answer = solved(game, *SIMPLE[:2])
    assert payoffs(answer, "nash") == payoffs(answer, "split-the-difference") == [(1.0, 2.0)]
    notes = answer.tables["concepts"]["note"]
    assert all(note.startswith("no feasible allocation gives everybody more than") for note in notes)


def test_nash_of_points_lists_all_ties() -> None:
    rows = ((1.0, 4.0), (4.0, 1.0), (2.0, 2.0), (0.5, 1.0))
    game = ThreatGame(Players.of(2), Points(tuple("pqrs"), rows), (Threat("t", 0b01, (3.0,)),))
    answer = solved(game, *SIMPLE[:2])
    assert payoffs(answer, "nash") == [(1.0, 4.0), (2.0, 2.0), (4.0, 1.0)]
    assert payoffs(answer, "split-the-difference") == [(4.0, 1.0)]


@pytest.mark.parametrize("method", ["exact", "model"])
def test_polyhedra_are_exact(method: str) -> None:
    """A simplex as a polyhedron gives the closed forms; the shipped polyhedron satisfies its optimality conditions."""
    answer = solve_concepts(replace(FIRMS, feasible=LINE), SIMPLE[:2], HowToSolve(method=method))  # type: ignore[arg-type]
    assert payoffs(answer, "nash") == [pytest.approx((16 / 3,) * 3, abs=1e-12)]
    assert payoffs(answer, "split-the-difference") == [pytest.approx((10.0, 5.0, 1.0), abs=1e-12)]
    assert answer.certificate.claims["verified"] is True


def test_the_shipped_polyhedron() -> None:
    """Both rows are tight and 1 / x is a positive combination of them."""
    game = load_instance("polyhedron-3").game
    answer = solved(game, "nash")  # type: ignore[arg-type]
    (x,) = payoffs(answer, "nash")
    rows = np.array(game.feasible.coefficients)  # type: ignore[union-attr]
    assert rows @ x == pytest.approx(game.feasible.bounds, abs=1e-10)  # type: ignore[union-attr]
    prices, residual, *_ = np.linalg.lstsq(rows.T, 1 / np.array(x), rcond=None)
    assert prices.min() > 0
    assert residual.max() < 1e-20
    assert answer.certificate.claims["verified"] is True


def test_polishing_leaves_alone_what_it_cannot_improve() -> None:
    game = replace(FIRMS, feasible=LINE, threats=())
    far = np.array([1.0, 2.0, 3.0])
    assert polished(game, LINE, far) is far
    near = np.array([16 / 3 + 1e-7, 16 / 3, 16 / 3 - 1e-7])
    assert polished(game, LINE, near) == pytest.approx((16 / 3,) * 3, abs=1e-14)


@pytest.mark.parametrize("seed", range(4))
def test_closed_forms_on_random_games(seed: int) -> None:
    for game in random_total_games(12, seed):
        answer = solved(game, *ALL)
        assert answer.certificate.claims["verified"] is True
        d, weights = np.array(game.players.disagreement), np.array(game.players.weights)
        options = d.copy()
        for threat in game.threats:
            if threat.coalition.bit_count() == 1:
                i = threat.coalition.bit_length() - 1
                options[i] = max(options[i], threat.payoffs[0])
        worth = game.feasible.worth  # type: ignore[union-attr]
        for name, least in (("nash", d), ("split-the-difference", options)):
            left = worth - least.sum()
            expected = [pytest.approx(least + weights / weights.sum() * left, abs=1e-9)] if left >= 0 else []
            assert payoffs(answer, name) == expected


def test_model_and_exact_agree() -> None:
    for game in random_total_games(4, 9):
        here, there = solved(game, *SIMPLE[:2]), solve_concepts(game, SIMPLE[:2], HowToSolve(method="model"))
        for name in SIMPLE[:2]:
            for x, y in zip(payoffs(here, name), payoffs(there, name), strict=True):
                assert x == pytest.approx(y, abs=1e-9)


@pytest.mark.parametrize("name", ["example-1", "example-5", "example-6", "several-threats", "theorem-4-zero-product"])
def test_runs_of_shipped_instances_verify(tmp_path: Path, name: str) -> None:
    assert call("solve", name, "--concept", ",".join(ALL), "--out", tmp_path / "run").code == 0
    verified = call("verify", tmp_path / "run")
    assert verified.code == 0, verified.out


@pytest.mark.parametrize(
    ("concept", "table", "column", "claim"),
    [
        ("nash", "solutions", "payoff", "only maximisers listed"),
        ("nash", "concepts", "value", "log product of every solution"),
        ("split-the-difference", "solutions", "payoff", "only maximisers listed"),
        ("split-the-difference", "outside_options", "outside_option", "table outside_options: outside_option"),
        ("equal-division", "solutions", "payoff", "everybody gets worth / n"),
    ],
)
def test_a_changed_number_is_found(concept: str, table: str, column: str, claim: str) -> None:
    checks = verify_comparison(FIRMS, tampered(solved(FIRMS, concept).tables, table, column, -0.01)).checks
    failing = checks[checks["failed"] > 0]["claim"].tolist()
    assert any(name.startswith(f"{concept}: ") and claim.lower() in name.lower() for name in failing), failing


def test_a_changed_payoff_in_a_polyhedron_is_found() -> None:
    game = replace(FIRMS, feasible=LINE)
    for change, claim in ((0.01, "feasible"), (-0.01, "prices prove the product largest")):
        checks = verify_comparison(game, tampered(solved(game, "nash").tables, "solutions", "payoff", change)).checks
        assert checks.set_index("claim").at[f"nash: {claim}", "failed"] == 1


def test_no_box_is_listed_that_the_worth_cannot_pay() -> None:
    game = ThreatGame(Players.of(2), TotalWorth(5.0), (Threat("alone", 0b01, (9.0,)),))
    assert minimal_bounds(block_problem(game)) == ()
    assert minimal_bounds(block_problem(replace(game, feasible=TotalWorth(9.0)))) == ((9.0, 0.0),)


def test_weights_of_the_grand_coalition_count() -> None:
    everyone = coalition_of([0, 1])
    game = CharacteristicFunctionGame(Players.of(2), {1: 0.0, 2: 0.0, 3: 9.0}, {everyone: (1.0, 2.0)})
    answer = solved(game, "nash", "split-the-difference")  # type: ignore[arg-type]
    assert payoffs(answer, "nash") == payoffs(answer, "split-the-difference") == [pytest.approx((3.0, 6.0))]
