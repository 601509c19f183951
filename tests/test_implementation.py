"""The answer about a social choice function: conditions, witnesses, verdicts, patterns, truth on a type space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from implementation_cases import reference_environments

from breakaway.data.instances import load_instance
from breakaway.data.payoff_environment import minimal_pattern
from breakaway.results.records import Answer
from breakaway.runners.asking import HowToSolve
from breakaway.runners.dispatch import solve_game
from breakaway.runners.implementation.type_spaces import payoff_type_space
from breakaway.runners.pictures import write_pictures
from breakaway.runners.verify import verify_implementation

CASES = reference_environments()
NAMES = {
    "ex_post_ic": "ex_post_ic",
    "robust_coalitional_ic": "robust_coalitional_ic",
    "robust_monotonicity": "robust_monotonicity",
    "robust_coalitional_monotonicity": "robust_coalitional_monotonicity",
    "robust_Sbar_monotonicity": "robust_s_monotonicity",
    "conditional_no_total_indifference": "conditional_no_total_indifference",
}


def held(answer: Answer) -> dict[tuple[str, str], str]:
    """Return what the answer says of every condition and pattern."""
    columns = (answer.tables["conditions"][name] for name in ("condition", "coalition_pattern", "holds"))
    return {(condition, pattern): holds for condition, pattern, holds in zip(*columns, strict=True)}


@pytest.mark.parametrize(
    "name", ["RI-ex1-three-types", "RI-ex2", "RI-constant-scf", "RI-union-closure-counterexample", "RI-rand9-2x2x2-B"]
)
def test_answers_agree_with_the_reference_and_are_verified(name: str) -> None:
    environment, expected = CASES[name]
    answer = solve_game(environment)
    said = {condition: holds for (condition, _), holds in held(answer).items()}
    for reference, condition in NAMES.items():
        assert said[condition] == str(expected[reference]).lower()
    assert answer.certificate.claims["verified"] is True
    assert answer.certificate.claims["complete"] is True


def test_enumeration_says_the_same() -> None:
    environment, _ = CASES["RI-ex1-two-types"]
    assert held(solve_game(environment, HowToSolve(method="enumeration"))) == held(solve_game(environment))


def test_coalitions_can_help_and_hurt() -> None:
    """Example 1 is implementable for single agents alone, Example 2 only when both can act together."""
    for name, expected in (
        ("robust-example-1", {"minimal": "true", "maximal": "false"}),
        ("robust-example-2", {"minimal": "false", "maximal": "true"}),
    ):
        patterns = solve_game(load_instance(name).game).tables["patterns"]
        assert dict(zip(patterns["coalition_pattern"], patterns["implementable"], strict=True)) == expected


def test_truth_on_the_type_space_of_the_instance() -> None:
    """In Example 2 nobody ever wants to lie; with Example 1's types, two who are sure of each other do."""
    answer = solve_game(load_instance("robust-example-2").game)
    assert held(answer)["interim_coalitional_ic", "maximal"] == "true"
    environment, _ = CASES["RI-ex1-three-types"]
    space = payoff_type_space(environment, np.full((3, 3), 1.0 / 9.0))
    sure = np.array(space.beliefs[0])
    sure[1] = [0.0, 1.0, 0.0]
    lied = replace(environment, type_space=replace(space, beliefs=(sure, sure)))
    answer = solve_game(lied)
    rows = answer.tables["conditions"].set_index("condition")
    assert rows.loc["interim_coalitional_ic", "holds"] == "false"
    assert rows.loc["interim_coalitional_ic", "margin"] == pytest.approx(0.125)
    assert answer.certificate.claims["verified"] is True
    wrong = answer.tables["conditions"].replace({"holds": {"false": "true"}})
    tables = dict(answer.tables) | {"conditions": wrong}
    checks = verify_implementation(lied, tables, answer.certificate.claims).checks.set_index("claim")
    assert checks.loc["truth on the type space", "failed"] == 2


def test_the_pattern_of_single_agents_is_judged_once() -> None:
    environment = replace(CASES["RI-ex1-two-types"][0], pattern=minimal_pattern(2))
    verdicts = solve_game(environment).tables["verdict"]
    assert verdicts["coalition_pattern"].tolist() == ["maximal", "minimal"]
    assert set(verdicts["implementable"]) == {"true"}


def test_methods_of_other_games_are_refused() -> None:
    with pytest.raises(ValueError, match="method descent is not for implementation: use one of exact, enumeration"):
        solve_game(CASES["RI-ex2"][0], HowToSolve(method="descent"))


def test_the_lattice_of_patterns_is_drawn(tmp_path: Path) -> None:
    environment, _ = CASES["RI-ex2"]
    answer = solve_game(environment)
    assert [path.name for path in write_pictures(tmp_path, environment, answer)] == ["patterns.png"]
    assert (tmp_path / "patterns.png").stat().st_size > 5_000
