"""Payoff environments in numbers and in tables: the reference cases, random environments, the kind and its checks."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input_cases import Case
from environment_bad_input import CASES as BAD
from environment_bad_input import FORMULAS, GOOD, LISTED
from implementation_cases import FAMILIES, random_environment, reference_cases

from breakaway.data.families import participants
from breakaway.data.instances import check_instance, game_from_tables, load_instance, tables_from_game
from breakaway.data.payoff_environment import (
    Mechanism,
    PayoffEnvironment,
    anything,
    deception,
    maximal_pattern,
    truthful,
)
from breakaway.data.problems import DataError
from breakaway.runners.implementation.incentives import coalition_violations

CASES = reference_cases()


@pytest.mark.parametrize("name", CASES)
def test_a_reference_case_is_an_environment(name: str) -> None:
    environment = CASES[name].environment
    assert len(environment.payoffs) == len(environment)
    assert environment.chosen.sum(axis=1) == pytest.approx(np.ones(len(environment.profiles)))


def test_the_paper_s_numbers_of_example_1() -> None:
    case = CASES["RI-ex1-numbers"]
    environment = case.environment
    true, report = environment.number((1, 1)), environment.number((2, 2))
    assert environment.payoffs[:, true, report].tolist() == case.expected["u_deviation"]
    assert environment.payoffs[:, true, true].tolist() == case.expected["u_truth"]


@pytest.mark.parametrize("seed", range(24))
def test_a_random_environment_is_complete(seed: int) -> None:
    environment = random_environment(seed)
    assert np.isfinite(environment.utilities).all()
    assert environment.chosen.sum(axis=1) == pytest.approx(np.ones(len(environment.profiles)))
    assert bool(environment.rays) == (FAMILIES[seed % len(FAMILIES)] in ("disposal", "charges"))
    assert environment == random_environment(seed)


def test_what_cannot_be_wasted_has_no_rays() -> None:
    with_rays, without = (random_environment(7, family) for family in ("charges", "no-disposal"))
    assert np.array_equal(with_rays.social_choice, without.social_choice)
    assert (len(with_rays.rays), without.rays) == (1 + len(with_rays), ())


# --- tables that are wrong --------------------------------------------------------------------------------------------


def found(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [str(problem) for problem in check_instance(folder)]


@pytest.mark.parametrize("name", GOOD)
def test_good_tables_are_good(name: str, tmp_path: Path) -> None:
    assert found(tmp_path, GOOD[name]) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_one_edit_gives_exactly_these_lines(case: Case, tmp_path: Path) -> None:
    assert found(tmp_path, case.files()) == list(case.lines)


def test_case_names_are_unique() -> None:
    assert len({case.name for case in BAD}) == len(BAD)


# --- what the tables say ----------------------------------------------------------------------------------------------


def game_of(folder: Path, files: dict[str, str]) -> PayoffEnvironment:
    assert found(folder, files) == []
    game = load_instance(folder).game
    assert isinstance(game, PayoffEnvironment)
    return game


def test_everything_that_tables_can_say(tmp_path: Path) -> None:
    game = game_of(tmp_path, LISTED)
    assert (game.agents, game.payoff_types) == (("Ann", "Bob"), (("low", "high"), ("low", "high")))
    assert (game.outcomes, game.rays, game.pattern) == (("bridge", "nothing"), ("waste",), (1, 2, 3))
    assert game.worth[0, 0].tolist() == [1, 0, -1]
    assert game.chosen.tolist() == [[0, 1], [0.5, 0.5], [1, 0], [1, 0]]
    assert game.mechanism is not None
    assert game.mechanism.messages == (("yes", "no"), ("yes",))
    assert game.mechanism.outcome.tolist() == [[[1, 0, 2.5]], [[0, 1, 0]]]
    space = game.type_space
    assert space is not None
    assert [own.tolist() for own in space.payoff_type] == [[0, 1], [0, 1, 1]]
    assert space.beliefs[0].tolist() == [[0.25, 0, 0.75], [1, 0, 0]]
    assert space.beliefs[1].tolist() == [[1, 0], [0, 1], [1, 0]]
    (revision,) = space.revisions
    assert (revision.agent, revision.type, revision.members, revision.belief.tolist()) == (0, 0, ((1, 1),), [0, 1, 0])
    assert game_from_tables(*reordered(tables_from_game(game))) == game


def reordered(parts: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    kind, parameters, tables = parts
    return kind, tables, parameters


def test_formulas_give_utilities_and_rates_along_rays(tmp_path: Path) -> None:
    game = game_of(tmp_path, FORMULAS)
    assert game.worth[0].tolist() == [[-1, 0, -1], [-1, 0, -1], [3, 0, -1], [3, 0, -1]]
    assert game.worth[1].tolist() == [[1, 0, -1], [5, 0, -1], [3, 0, -1], [5, 0, -1]]
    assert game.pattern == (1, 2, 3)


def test_the_minimal_pattern(tmp_path: Path) -> None:
    minimal = {"game.toml": FORMULAS["game.toml"] + '[parameters]\ncoalition_pattern = "minimal"\n'}
    assert game_of(tmp_path, FORMULAS | minimal).pattern == (1, 2)


def test_one_agent_may_have_a_formula_and_another_a_list(tmp_path: Path) -> None:
    rows = LISTED["utilities.csv"].splitlines(keepends=True)
    ann = "".join(row for row in rows if not row.startswith("Bob"))
    game = game_of(tmp_path, LISTED | {"utilities.csv": ann, "formulas.csv": "agent,formula\nBob,3\n"})
    assert game.worth[:, 0].tolist() == [[1, 0, -1], [3, 3, 0]]


def test_a_number_that_a_calculation_lost_is_no_attribute() -> None:
    kind, parameters, tables = tables_from_game(random_environment(0))
    tables["outcomes"]["price"] = np.nan
    with pytest.raises(DataError, match=r"outcomes:0:price: 'nan' is not a finite number"):
        game_from_tables(kind, tables, parameters)


SHIPPED = {
    "robust-constant": "RI-constant-scf",
    "robust-dictator": "RI-dictator-private-values",
    "robust-example-1": "RI-ex1-three-types",
    "robust-example-1-no-disposal-2": "RI-ex1-no-disposal-.5-1",
    "robust-example-1-no-disposal-3": "RI-ex1-no-disposal-.5-.75-1",
    "robust-example-1-two-types": "RI-ex1-two-types",
    "robust-example-2": "RI-ex2",
    "robust-no-single-reward": "RI-nonconvex-reward-set",
    "robust-union-of-deceptions": "RI-union-closure-counterexample",
}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_instance_is_the_reference_case(name: str) -> None:
    game, reference = load_instance(name).game, CASES[SHIPPED[name]].environment
    assert isinstance(game, PayoffEnvironment)
    assert np.array_equal(game.utilities, reference.utilities)
    assert np.array_equal(game.social_choice, reference.social_choice)
    assert game.pattern == reference.pattern


def test_example_2_has_the_prior_of_table_3_1_and_its_direct_mechanism() -> None:
    game = load_instance("robust-example-2").game
    assert isinstance(game, PayoffEnvironment)
    assert game.type_space is not None
    assert game.mechanism is not None
    prior = np.array(CASES["RI-ex2-interim-eps0.1"].inputs["common_prior"])
    assert game.type_space.beliefs[0] == pytest.approx(prior / prior.sum(axis=1, keepdims=True), rel=1e-12)
    assert game.type_space.beliefs[1] == pytest.approx(prior.T / prior.T.sum(axis=1, keepdims=True), rel=1e-12)
    assert np.array_equal(game.mechanism.outcome[..., :3], game.social_choice)
    assert not game.mechanism.outcome[..., 3:].any()


def test_the_public_good_for_three_tempts_nobody_but_all_three_together() -> None:
    game = load_instance("robust-public-good-3").game
    assert isinstance(game, PayoffEnvironment)
    assert game.pattern == (1, 2, 3, 4, 5, 6)
    (violation,) = coalition_violations(game, maximal_pattern(3))
    assert (violation.coalition, violation.true, violation.reported) == (0b111, (1, 1, 1), (2, 2, 2))
    assert violation.gains == (0.25 - 0.15625,) * 3


# --- in Python --------------------------------------------------------------------------------------------------------


def test_a_deception_by_name(tmp_path: Path) -> None:
    game = game_of(tmp_path, LISTED)
    assert deception(game, {}) == truthful(game.sizes)
    lies = deception(game, {"Bob": {"low": ["high", "low"], "high": ["low"]}})
    assert lies == ((frozenset({0}), frozenset({1})), (frozenset({0, 1}), frozenset({0})))


@pytest.mark.parametrize(
    ("reports", "message"),
    [
        ({"Bob": {"low": []}}, "the deception is empty: 'low' of 'Bob' has nothing to report; let it report some"),
        ({"Rob": {"low": ["low"]}}, "unknown agent 'Rob'; did you mean 'Bob'?"),
        ({"Bob": {"lo": ["low"]}}, "unknown payoff type 'lo'; did you mean 'low'?"),
        ({"Bob": {"low": ["hi"]}}, "unknown payoff type 'hi'; "),
    ],
)
def test_a_deception_that_is_none(reports: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        deception(game_of(tmp_path, LISTED), reports)


def changed(game: PayoffEnvironment, **changes: Any) -> PayoffEnvironment:
    return dataclasses.replace(game, **changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda game: {"agents": ("Ann",)}, "agents are Ann; give at least two distinct names"),
        (lambda game: {"payoff_types": (("low", "low"), ("a", "b"))}, "agent 'Ann' has no payoff type, or one twice"),
        (lambda game: {"payoff_types": (("low", "high"),)}, "payoff types are given for 1 agent, but there are 2"),
        (lambda game: {"outcomes": ("bridge",)}, "utilities has the shape (2, 2, 2, 3); it must be (2, 2, 2, 2)"),
        (lambda game: {"utilities": game.utilities * np.nan}, "utilities has entries that are not finite"),
        (lambda game: {"social_choice": game.social_choice - 0.5}, "social_choice has negative probabilities"),
        (lambda game: {"social_choice": game.social_choice * 2}, "social_choice sums to 2 at (0, 0)"),
        (lambda game: {"pattern": (1, 3)}, "the pattern lacks the single agent 'Bob'; add it"),
        (lambda game: {"pattern": (1, 2, 4)}, "the pattern (1, 2, 4) is no set of coalitions of 2 agents"),
        (
            lambda game: {"mechanism": Mechanism(game.mechanism.messages, -game.mechanism.outcome)},
            "the outcome function has negative probabilities",
        ),
        (
            lambda game: {"mechanism": Mechanism(game.mechanism.messages, game.mechanism.outcome * [1, 1, -1])},
            "the outcome function moves outcomes backwards along rays",
        ),
        (
            lambda game: {"type_space": dataclasses.replace(game.type_space, payoff_type=(np.array([0, 0]),) * 2)},
            "types of 'Ann' have the payoff types [0]; use 0 to 1",
        ),
        (
            lambda game: {"type_space": dataclasses.replace(game.type_space, beliefs=game.type_space.beliefs[::-1])},
            "the belief of 'Ann' has the shape (3, 2); it must be (2, 3)",
        ),
    ],
)
def test_environments_that_do_not_fit_together_are_refused(change: Any, message: str, tmp_path: Path) -> None:
    game = game_of(tmp_path, LISTED)
    with pytest.raises(ValueError, match=re.escape(message)):
        changed(game, **change(game))


def test_equal_environments_are_equal_and_hash_alike(tmp_path: Path) -> None:
    game = game_of(tmp_path, LISTED)
    again = load_instance(tmp_path).game
    assert game == again
    assert hash(game) == hash(again)
    assert game != changed(game, type_space=None)
    assert game != changed(game, utilities=game.utilities + 1)
    assert participants(game) == "2 agents"


def test_profiles_have_numbers_and_names(tmp_path: Path) -> None:
    game = game_of(tmp_path, LISTED)
    assert [game.profile_name(profile) for profile in game.profiles[:2]] == ["Ann:low|Bob:low", "Ann:low|Bob:high"]
    assert game.with_members(0b10, (1,)).tolist() == [1, 3]
    assert game.with_members(0b11, (1, 0)).tolist() == [2]
    assert game.coalition_profiles(0b01) == [(0,), (1,)]
    assert game.coalition_name(0b11) == "Ann+Bob"
    assert anything(game.sizes) == ((frozenset({0, 1}),) * 2,) * 2
