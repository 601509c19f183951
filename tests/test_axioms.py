"""Axioms as an instrument: the coalitional Nash solution passes, others fail what they must, and games show it."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from application_cases import run_page
from cli_calls import call

from breakaway.data.games import (
    CharacteristicFunctionGame,
    CournotMarket,
    Players,
    Points,
    Polyhedron,
    Threat,
    ThreatGame,
    TotalWorth,
)
from breakaway.data.instances import load_instance
from breakaway.results.instances import write_instance
from breakaway.runners.asking import HowToSolve
from breakaway.runners.axiom_games import affine, expansions, is_unblocked, random_games, sample
from breakaway.runners.axioms import (
    AXIOMS,
    AxiomReport,
    check_axioms,
    expansion_violation,
    lost_for_good,
    same_set,
    solution_named,
    threat_game_of,
    tied_pair,
)
from breakaway.runners.concepts import UndefinedError

EXAMPLE_1 = threat_game_of(load_instance("example-1").game)
ALONE = ThreatGame(
    Players.of(2), Points(("p", "q", "r"), ((1.0, 1.0), (2.0, 2.0), (3.0, 1.0))), (Threat("alone", 0b01, (1.0,)),)
)
"""Example 1 with two players."""


def failed(reports: list[AxiomReport]) -> set[str]:
    return {report.axiom for report in reports if report.passed is False}


# --- who passes and who fails --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_coalitional_nash_solution_passes_everything(seed: int) -> None:
    """Theorem 1 and Corollary 1, on 360 games in all."""
    reports = check_axioms(solution_named("coalitional-nash"), random_games(120, seed), seed=seed)
    assert [report.axiom for report in reports] == list(AXIOMS)
    for report in reports:
        assert report.passed is True, report.smallest
        assert report.tried >= 100


def test_the_models_pass_too() -> None:
    solution = solution_named("coalitional-nash", HowToSolve(method="model"))
    reports = check_axioms(solution, random_games(3, 7, players=(2, 3)), ["solution", "invariance", "independence"])
    assert all(report.passed is True for report in reports)


@pytest.mark.parametrize(
    ("concept", "axioms"),
    [
        ("nash", {"solution"}),
        ("split-the-difference", {"solution", "pareto", "expansion"}),
        ("kalai-smorodinsky", {"independence"}),
        ("phi", {"pareto", "expansion"}),
        ("equal-division", {"solution", "invariance"}),
    ],
)
def test_what_each_other_concept_fails(concept: str, axioms: set[str]) -> None:
    reports = check_axioms(solution_named(concept), random_games(30, 1))
    assert failed(reports) == axioms
    for report in reports:
        for violation in report.violations:
            assert violation.axiom == report.axiom
            assert violation.explanation
            again = solution_named(concept)
            assert tuple(again(violation.game)) == violation.solutions
            assert tuple(again(violation.transformed)) == violation.transformed_solutions


def test_symmetry_asks_for_equal_weights() -> None:
    """Corollary 1: with unequal weights the coalitional Nash solution fails [Sym] and nothing else."""
    game = ThreatGame(Players.of(2, (1.0, 2.0)), TotalWorth(3.0), ())
    reports = check_axioms(solution_named("coalitional-nash"), [game])
    assert failed(reports) == {"symmetry"}
    (violation,) = reports[-1].violations
    assert violation.solutions == (pytest.approx((1.0, 2.0)),)


def test_polyhedra_can_be_tested() -> None:
    box = Polyhedron(("sum", "first"), ((1.0, 1.0), (2.0, 1.0)), (6.0, 8.0))
    game = ThreatGame(Players.of(2, None, (1.0, 0.0)), box, (Threat("t", 0b10, (2.0,)),))
    reports = check_axioms(solution_named("coalitional-nash"), [game])
    assert not failed(reports)
    assert {report.axiom: report.tried for report in reports}["invariance"] == 3


# --- Example 1 and the smallest games ------------------------------------------------------------------------------


def test_example_1_with_its_own_numbers() -> None:
    """phi keeps z = (2, 2, 4) and drops y = (3, 3, 1) after every strict expansion."""
    (report,) = check_axioms(solution_named("phi"), [EXAMPLE_1], ["expansion"])
    (violation,) = report.violations
    assert violation.solutions == ((2.0, 2.0, 4.0), (3.0, 3.0, 1.0))
    assert violation.transformed_solutions == ((4.0, 4.0, 8.0),)
    assert violation.explanation.startswith("(3, 3, 1) is chosen")
    assert violation.explanation.endswith("by the sign argument")
    assert set(violation.game.threats) == set(EXAMPLE_1.threats)
    (report,) = check_axioms(solution_named("coalitional-nash"), [EXAMPLE_1], ["expansion"])
    assert (report.passed, report.tried) == (True, 2)


def test_two_players_suffice_for_both_failures_of_phi() -> None:
    reports = check_axioms(solution_named("phi"), [ALONE])
    assert failed(reports) == {"pareto", "expansion"}
    found = {report.axiom: report.smallest for report in reports if report.violations}
    assert found["pareto"] is not None
    assert found["pareto"].solutions == ((1.0, 1.0), (1.0, 2.0))


def test_phi_chooses_a_point_and_one_above_it() -> None:
    """The paper calls [PO] clear for phi: d = 0, Theta({1}) = {1}, F = {(1, 1), (1, 2)}, (1, 2) = (1, 2) o (1, 1)."""
    game = ThreatGame(Players.of(2), Points(("x", "y"), ((1.0, 1.0), (1.0, 2.0))), (Threat("t", 0b01, (1.0,)),))
    assert tuple(solution_named("phi")(game)) == ((1.0, 1.0), (1.0, 2.0))
    assert tuple(solution_named("coalitional-nash")(game)) == ((1.0, 2.0),)


def test_upper_hemicontinuity_fails_as_printed() -> None:
    """Threats fall to (2, 2); (3, 1, 1) is the solution all along, and in the limit it is not: 2 2 3 > 3 1 1."""
    choose, points = solution_named("coalitional-nash"), Points(("x", "y"), ((3.0, 1.0, 1.0), (2.0, 2.0, 3.0)))

    def chosen(more: float) -> tuple[tuple[float, ...], ...]:
        threats = (Threat("pair", 0b011, (2.0 + more, 2.0 + more)),)
        return tuple(choose(ThreatGame(Players.of(3), points, threats)))

    assert {chosen(1.0 / k) for k in (1, 10, 1000, 100000)} == {((3.0, 1.0, 1.0),)}
    assert chosen(0.0) == ((2.0, 2.0, 3.0),)


# --- the sign argument ---------------------------------------------------------------------------------------------


def test_the_sign_argument_decides_as_a_fine_grid_does() -> None:
    """Draw x, y with equal products above c; compare with the best of many expansions."""
    rng = random.Random(3)
    grid = [np.array(f) for f in itertools.product((1.0001, 1.1, 3.0, 50.0), repeat=3)]
    seen = set()
    for _ in range(150):
        c = np.array([rng.choice([0.0, 1.0, 2.0]) for _ in range(3)])
        x, y = (c + np.array([rng.choice([0.5, 1.0, 2.0, 4.0]) for _ in range(3)]) for _ in range(2))
        y[2] = c[2] + np.prod(x - c) / np.prod((y - c)[:2])

        def gain(factor: np.ndarray, x: np.ndarray = x, y: np.ndarray = y, c: np.ndarray = c) -> float:
            return float(np.log(factor * x - c).sum() - np.log(factor * y - c).sum())

        lost = lost_for_good(x, y, c)
        seen.add(lost)
        assert lost == (max(gain(factor) for factor in grid) < -1e-12)
    assert seen == {True, False}


def test_without_a_known_shift_the_violation_says_what_was_tried() -> None:
    named = solution_named("phi")

    def unknown(game: ThreatGame) -> list[tuple[float, ...]]:
        return list(named(game))

    violation = expansion_violation(unknown, EXAMPLE_1, np.array([3.0, 3.0, 1.0]), np.array([2.0, 2.0, 4.0]))
    assert violation is not None
    assert violation.explanation.endswith(f"none of {len(expansions(3))} keeps it")
    assert expansion_violation(unknown, EXAMPLE_1, np.array([2.0, 2.0, 4.0]), np.array([3.0, 3.0, 1.0])) is None
    assert expansion_violation(unknown, EXAMPLE_1, np.array([1.0, 1.0, 1.0]), np.array([3.0, 3.0, 1.0])) is None


def test_expansions_are_strict() -> None:
    for n in (2, 3, 5):
        family = expansions(n)
        assert len(family) == len(set(family))
        assert all(len(factor) == n and min(factor) > 1.0 for factor in family)


def test_points_are_scaled_until_both_are_chosen() -> None:
    choose = solution_named("coalitional-nash")
    game = ThreatGame(Players.of(2), TotalWorth(9.0), ())
    tied = tied_pair(choose, game, np.array([4.0, 1.0]), np.array([1.0, 1.0]))
    assert tied is not None
    assert tied[0].tolist() == [4.0, 1.0]
    assert tied[1] == pytest.approx([2.0, 2.0])
    assert tied_pair(lambda game: [], game, np.array([4.0, 1.0]), np.array([1.0, 1.0])) is None


# --- transformed games ---------------------------------------------------------------------------------------------


def test_affine_games() -> None:
    threats = (Threat("t", 0b10, (2.0,)),)
    game = ThreatGame(Players.of(2, None, (1.0, 0.0)), TotalWorth(6.0), threats)
    moved = affine(game, (1.0, -1.0), (2.0, 2.0))
    assert moved.players.disagreement == (3.0, -1.0)
    assert moved.feasible == TotalWorth(12.0)
    assert moved.threats[0].payoffs == (3.0,)
    with pytest.raises(UndefinedError, match="no such transform"):
        affine(game, (1.0, -1.0), (2.0, 1.0))
    rows = ThreatGame(game.players, Polyhedron(("r",), ((1.0, 2.0),), (8.0,)), ())
    changed = affine(rows, (1.0, -1.0), (2.0, 4.0)).feasible
    assert isinstance(changed, Polyhedron)
    for x in ((2.0, 3.0), (4.0, 2.0), (9.0, 9.0)):
        there = (1.0 + 2.0 * x[0], -1.0 + 4.0 * x[1])
        slack = changed.bounds[0] - np.dot(changed.coefficients[0], there)
        assert slack == pytest.approx(8.0 - x[0] - 2.0 * x[1])


def test_random_games_are_in_the_domain() -> None:
    kinds = set()
    for game in random_games(80, 4):
        d = np.array(game.players.disagreement)
        kinds.add(type(game.feasible))
        rng = random.Random(0)
        assert any((x > d).all() for _ in range(5) for x in sample(game, rng))
        for threat in game.threats:
            inside = [i for i in range(len(d)) if threat.coalition >> i & 1]
            assert all(y >= d[i] for i, y in zip(inside, threat.payoffs, strict=True))
    assert kinds == {TotalWorth, Points}
    assert list(random_games(5, 4)) == list(random_games(5, 4))


def test_comparing_sets_and_blocking() -> None:
    assert same_set([(1.0, 2.0)], [(1.0, 2.0 + 1e-9)], 1e-7)
    assert not same_set([(1.0, 2.0)], [(1.0, 2.0), (2.0, 1.0)], 1e-7)
    assert is_unblocked(EXAMPLE_1, np.array([3.0, 3.0, 1.0]), 0.0)
    assert not is_unblocked(ALONE, np.array([0.5, 3.0]), 0.0)


def test_unknown_axioms_and_games_without_threats() -> None:
    with pytest.raises(ValueError, match="axioms are solution, invariance"):
        check_axioms(solution_named("phi"), [EXAMPLE_1], ["fairness"])
    with pytest.raises(ValueError, match="did you mean phi"):
        solution_named("phy")
    with pytest.raises(ValueError, match="threat-game and characteristic-function"):
        threat_game_of(CournotMarket(Players.of(2), (1.0, 2.0), 10.0))


# --- the command ---------------------------------------------------------------------------------------------------


def test_the_command_writes_counterexamples_that_load_and_violate(tmp_path: Path) -> None:
    out = tmp_path / "axioms"
    done = call("axioms", "--random", "12", "--seed", "1", "--concept", "phi,kalai-smorodinsky", "--out", out)
    assert done.code == 0, done.err
    table = pd.read_csv(out / "axioms.csv", keep_default_na=False)
    assert len(table) == 2 * len(AXIOMS)
    failing = table[table["verdict"] == "fails"]
    assert set(failing["axiom"]) == {"pareto", "expansion", "independence"}
    for row in failing.to_dict("records"):
        folder = Path(str(row["instance"]))
        game = load_instance(folder / "game").game
        assert isinstance(game, ThreatGame)
        choose = solution_named(str(row["concept"]))
        if row["axiom"] == "pareto":
            assert not (folder / "transformed").exists()
            assert len(choose(game)) == 2
        else:
            changed = load_instance(folder / "transformed").game
            assert isinstance(changed, ThreatGame)
            assert not same_set(choose(game), choose(changed), 1e-7)
        assert f"{row['concept']} fails {row['axiom']}" in done.out
    again = call("axioms", "--random", "12", "--seed", "1", "--concept", "phi,kalai-smorodinsky", "--out", out)
    assert (again.code, again.out) == (0, done.out)


def test_the_command_on_an_instance_and_as_json() -> None:
    done = call("axioms", "example-5", "--json")
    assert done.code == 0
    found = done.json
    assert (found["instance"], found["random"], found["seed"]) == ("example-5", 0, 0)
    assert {row["verdict"] for row in found["table"]} == {"holds"}
    assert {row["concept"] for row in found["table"]} == {"coalitional-nash"}
    undefined = call("axioms", "example-1", "--concept", "equal-division")
    assert "-" in undefined.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--concept", "nahs"], "did you mean nash"),
        (["--random", "0"], "--random 0: give the number of games"),
        (["example-1", "--random", "-1"], "--random -1: give the number of games"),
        (["cartel-2-3-4"], "axioms are tested on kinds threat-game and characteristic-function"),
        (["no-such-instance"], "no shipped instance of that name"),
    ],
)
def test_bad_input(words: list[str], message: str) -> None:
    done = call("axioms", *words)
    assert done.code == 2
    assert message in done.err


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    done = call("axioms", "example-1", "--concept", "phi", "--out", tmp_path / "file")
    assert done.code == 2
    assert "give another folder" in done.err


def test_many_players_are_refused_in_words(tmp_path: Path) -> None:
    game = CharacteristicFunctionGame(Players.of(11), dict.fromkeys(range(1, 1 << 11), 0.0))
    write_instance(tmp_path / "big", game, "Eleven", "made for a test")
    done = call("axioms", tmp_path / "big")
    assert done.code == 2
    assert "computed up to 10 players" in done.err


def test_page() -> None:
    pairs = run_page("axioms")
    assert len(pairs) == 3
    for expected, found in pairs:
        assert found == expected
