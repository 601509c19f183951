"""Solution concepts side by side: the comparison, where each solution stands, its print, picture and verification."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli_calls import call

from breakaway.data.coalitions import members
from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.data.instances import load_instance
from breakaway.results.storage import read_run
from breakaway.results.text import answer_text
from breakaway.runners.asking import HowToSolve
from breakaway.runners.comparison import solve_concepts
from breakaway.runners.concepts import CONCEPTS, Question, concepts_named
from breakaway.runners.minimal_bounds import minimal_bounds
from breakaway.runners.standing import standing_of
from breakaway.runners.verify import verify_comparison
from breakaway.runners.verify.concepts import VERIFIERS

TU = ["example-5", "example-6", "tie-not-permutation", "theorem-4-zero-product"]


def random_game(seed: int, n: int) -> CharacteristicFunctionGame:
    """Integer worths, zero for single players."""
    rng = np.random.default_rng(seed)
    worths = {c: float(rng.integers(0, 6 * c.bit_count())) if c.bit_count() > 1 else 0.0 for c in range(1, 1 << n)}
    return CharacteristicFunctionGame(Players.of(n), worths)


class TestNames:
    def test_every_concept_has_a_verifier(self) -> None:
        assert set(VERIFIERS) == set(CONCEPTS)

    def test_all_and_repetitions(self) -> None:
        assert [c.name for c in concepts_named(["all"])] == list(CONCEPTS)
        assert [c.name for c in concepts_named(["equal-division", "coalitional-nash", "equal-division"])] == [
            "equal-division",
            "coalitional-nash",
        ]

    def test_an_unknown_name_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(ValueError, match=r"'equal-divison' \(did you mean equal-division\?\); concepts are"):
            concepts_named(["equal-divison"])

    @pytest.mark.parametrize("name", ["cartel-2-3-4", "roommates", "abatement-levels-3"])
    def test_other_kinds_are_refused(self, name: str) -> None:
        answer = call("solve", name, "--concept", "equal-division")
        assert answer.code == 2
        assert "leave out --concept" in answer.err


class TestStanding:
    @pytest.mark.parametrize("seed", range(20))
    def test_against_the_definitions(self, seed: int) -> None:
        game = random_game(seed, 3)
        question = Question(game, HowToSolve())
        x = tuple(np.random.default_rng(seed).dirichlet([1, 1, 1]) * game.worths[7])
        stands = standing_of(question, x)
        excess = {c: v - sum(x[i] for i in members(c)) for c, v in game.worths.items() if c != 7}
        assert stands.core_excess == pytest.approx(max(excess.values()))
        assert stands.in_core is bool(max(excess.values()) <= question.eps)
        gains = [
            min(y - x[i] for i, y in solution) for part in range(1, 7) for solution in question.solved.solutions(part)
        ]
        assert stands.threat_gain == pytest.approx(max(gains))
        assert stands.unblocked is bool(max(gains) <= question.eps)

    def test_the_prekernel_of_a_symmetric_game_holds_equal_division_only(self) -> None:
        question = Question(load_instance("example-5").game, HowToSolve())
        assert standing_of(question, (1 / 3, 1 / 3, 1 / 3)).in_prekernel is True
        assert standing_of(question, (0.4, 0.4, 0.2)).in_prekernel is False
        assert standing_of(question, (0.3, 0.3, 0.3)).in_prekernel is False  # not all is shared


class TestMinimalBounds:
    @pytest.mark.parametrize("seed", range(30))
    def test_against_all_choices(self, seed: int) -> None:
        problem = Question(random_game(seed, 4), HowToSolve()).block
        lows = set()
        for choice in itertools.product(*problem.clauses):
            low = list(map(float, problem.disagreement))
            for i, y in choice:
                low[i] = max(low[i], float(y))
            if sum(low) <= problem.worth + problem.eps:
                lows.add(tuple(low))
        least = {a for a in lows if not any(b != a and all(p <= q for p, q in zip(b, a, strict=True)) for b in lows)}
        assert set(minimal_bounds(problem) or ()) == least

    def test_too_many_are_not_listed(self) -> None:
        problem = Question(random_game(1, 4), HowToSolve()).block
        assert minimal_bounds(problem, most=0) is None


class TestAnswers:
    @pytest.mark.parametrize("name", [*TU, "example-1", "several-threats"])
    def test_every_concept_of_shipped_games_is_verified(self, name: str) -> None:
        answer = solve_concepts(load_instance(name).game, ["all"])
        claims = answer.certificate.claims
        assert claims["verified"] is True
        assert list(answer.tables["concepts"]["concept"]) == list(CONCEPTS)
        assert set(answer.tables["concepts"]["status"]) <= {"solved", "empty", "undefined"}

    def test_a_run_on_disk(self, tmp_path: Path) -> None:
        run = tmp_path / "run"
        assert call("solve", "example-6", "--concept", "coalitional-nash,equal-division", "--out", run).code == 0
        assert call("verify", run).code == 0
        assert read_run(run).answer.concept == "comparison"
        assert json.loads((run / "run.json").read_text())["concept"] == "comparison"

    def test_print(self) -> None:
        text = answer_text(solve_concepts(load_instance("example-5").game, ["coalitional-nash", "equal-division"]))
        assert "No credible threat blocks: coalitional-nash. None is in the core." in text
        assert "equal-division: {1,2}, whose members gain at least 0.06667 each" in text
        assert max(map(len, text.splitlines())) <= 110

    @pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")
    def test_picture(self, tmp_path: Path) -> None:
        run = tmp_path / "run"
        answer = call("solve", "example-6", "--concept", "all", "--out", run, "--plots")
        assert (answer.code, answer.err) == (0, "")
        assert [path.name for path in run.glob("*.png")] == ["concepts.png"]


class TestTampering:
    """Every claim of a comparison fails when its table is changed."""

    @pytest.mark.parametrize(
        ("table", "row", "column", "value", "claim"),
        [
            ("solutions", 0, "payoff", 0.35, "standing: "),
            ("concepts", 1, "solutions", 2, "equal-division: status fits the solutions listed"),
            ("concepts", 0, "value", -1.0, "coalitional-nash: "),
            ("concepts", 0, "concept", "nobody", "concepts table readable"),
            ("standing", 0, "unblocked", False, "standing: unblocked"),
            ("standing", 0, "in_core", True, "standing: in the core"),
            ("standing", 0, "threat_gain", 0.2, "standing: gain of the best threat"),
            ("standing", 0, "in_prekernel", True, "standing: in the prekernel"),
            ("standing", 0, "core_excess", 0.0, "standing: core excess"),
            ("coalition_solutions", 3, "payoff", 0.5, "threats: "),
        ],
    )
    def test_fails(self, table: str, row: int, column: str, value: object, claim: str) -> None:
        game = load_instance("example-5").game
        assert isinstance(game, CharacteristicFunctionGame)
        answer = solve_concepts(game, ["coalitional-nash", "equal-division"])
        frames: dict[str, pd.DataFrame] = {name: frame.copy() for name, frame in answer.tables.items()}
        frames[table][column] = frames[table][column].astype(object)
        frames[table].loc[row, column] = value
        checks = verify_comparison(game, frames).checks
        failed = checks[checks["failed"] > 0]["claim"]
        assert any(name.startswith(claim) for name in failed), list(failed)
