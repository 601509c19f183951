"""Markets in other units of money and people: the same answer, the same certificate, and the same faults found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import highspy
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyomo.contrib.solver.solvers.highs import Highs

from breakaway.data.arrays import frozen_floats
from breakaway.data.groups import (
    GroupGame,
    PairwiseGroupGame,
    SurplusFunctionGame,
    Types,
    all_groups,
    group_sizes,
    listed_surplus,
)
from breakaway.data.instances import load_instance
from breakaway.results.records import Answer
from breakaway.results.text import answer_text
from breakaway.runners.asking import HowToSolve
from breakaway.runners.groups import ranges
from breakaway.runners.groups.assign import assign, solve_assignment
from breakaway.runners.groups.black_box import solve_black_box
from breakaway.runners.groups.direct import solve_direct
from breakaway.runners.groups.listed import solve_listed
from breakaway.runners.groups.program import ColumnProgram, ProgramError
from breakaway.runners.groups.ranges import OptimalFace, group_ranges, payoff_ranges
from breakaway.runners.groups.rows import solve_by_rows
from breakaway.runners.groups.scaling import scaled, unit_of
from breakaway.runners.groups.solution import GroupSolution
from breakaway.runners.solvers import InfeasibleError, LimitReachedError, NumericalError, SolverOptions
from breakaway.runners.verify import verify_assignment

EXPONENTS = st.integers(-10, 10)


def market(money: float = 1.0, people: float = 1.0, types: int = 5) -> GroupGame:
    """A random market with all groups of up to three listed, in these units."""
    rng = np.random.default_rng(5)
    groups = all_groups(types, 1, 3)
    surplus, masses = rng.random(len(groups)) * group_sizes(groups), rng.uniform(0.5, 1.5, types)
    return GroupGame(Types.of(types, masses * people), groups, frozen_floats(surplus * money), 1, 3)


def as_function(game: GroupGame) -> SurplusFunctionGame:
    return SurplusFunctionGame(game.types, lambda groups: listed_surplus(game, groups), 1, 3)


WAYS: dict[str, Callable[[GroupGame], GroupSolution]] = {
    "arrays": lambda game: solve_direct(game, way="highs"),
    "model": lambda game: solve_direct(game, way="model"),
    "listed": solve_listed,
    "function": lambda game: solve_black_box(as_function(game)),
    "rows": solve_by_rows,
}
WELFARE = solve_direct(market()).primal


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=6, deadline=None)
@given(money=EXPONENTS, people=EXPONENTS)
def test_every_way_gives_the_welfare_in_every_unit(way: str, money: int, people: int) -> None:
    found = WAYS[way](market(10.0**money, 10.0**people))
    unit = 10.0**money * 10.0**people
    assert found.complete
    assert found.primal == pytest.approx(WELFARE * unit, rel=1.1e-7, abs=0)
    assert found.dual == pytest.approx(WELFARE * unit, rel=1.1e-7, abs=0)
    assert found.dual >= found.primal * (1 - 1e-12)


@settings(max_examples=12, deadline=None)
@given(money=EXPONENTS, people=EXPONENTS)
def test_answers_and_ranges_are_the_same_in_every_unit(money: int, people: int) -> None:
    answer, base = solve_assignment(market(10.0**money, 10.0**people)), solve_assignment(market())
    claims = answer.certificate.claims
    assert (claims["complete"], claims["verified"], claims["imputation_unique"]) == (True, True, True)
    assert answer.tables["assignment"]["group"].tolist() == base.tables["assignment"]["group"].tolist()
    for table, column, unit in (
        ("assignment", "mass", 10.0**people),
        ("imputation", "payoff_min", 10.0**money),
        ("group_ranges", "mass_max", 10.0**people),
    ):
        expected = base.tables[table][column].to_numpy() * unit
        assert answer.tables[table][column].to_numpy() == pytest.approx(expected, rel=1e-9, abs=1e-12 * unit)


def all_alone(game: GroupGame, claimed: float) -> dict[str, pd.DataFrame]:
    """Return the tables of an assignment in which everybody is alone, with a claim about its welfare."""
    own = listed_surplus(game, np.arange(len(game.types))[:, None])
    return {
        "assignment": pd.DataFrame({"group": game.types.names, "mass": game.types.masses, "surplus": own}),
        "imputation": pd.DataFrame({"type": game.types.names, "payoff": own}),
        "welfare": pd.DataFrame(
            [(claimed, claimed, 0.0, len(game.groups))], columns=["primal", "dual", "gap", "groups_priced"]
        ),
    }


@settings(max_examples=12, deadline=None)
@given(money=EXPONENTS, people=EXPONENTS)
def test_a_wrong_answer_is_refused_in_every_unit(money: int, people: int) -> None:
    game = market(10.0**money, 10.0**people)
    worth = float(game.surplus[: len(game.types)] @ game.types.masses)
    checks = verify_assignment(game, all_alone(game, worth), {"complete": True}).checks.set_index("claim")
    assert checks.loc["no group blocks", "failed"] == 1
    assert checks.loc["no assignment is worth more than the bound", "failed"] == 1
    checks = verify_assignment(game, all_alone(game, 1.01 * worth), {"complete": True}).checks.set_index("claim")
    assert checks.loc["welfare is what the formed groups are worth", "failed"] == 1


def test_worthless_groups_do_not_hide_small_surpluses() -> None:
    game = GroupGame(Types.of("AB", [1, 1]), np.array([[0, 1]], dtype=np.int32), np.array([1e-10]), 1, 2)
    for own in (game, dataclasses.replace(as_function(game), max_size=2)):
        checks = verify_assignment(own, all_alone(game, 0.0), {"complete": True}).checks.set_index("claim")
        assert checks.loc["no group blocks", "failed"] == 1


def test_masses_are_checked_against_those_of_their_own_type() -> None:
    game = GroupGame(Types.of("AB", [1e6, 1e-6]), np.array([[0, 0], [1, 1]], dtype=np.int32), np.ones(2), 2, 2)
    answer = solve_assignment(game)
    assert answer.certificate.claims["verified"] is True
    tables = {name: table.copy() for name, table in answer.tables.items()}
    tables["assignment"].loc[1, "mass"] *= 1.4
    checks = verify_assignment(game, tables, answer.certificate.claims).checks.set_index("claim")
    assert checks.loc["everybody is in some group", "failed"] == 1
    assert checks.loc["everybody is in some group", "worst_residual"] == pytest.approx(0.4)


def test_shipped_crews_in_large_money() -> None:
    game = load_instance("surplus-sharing").game
    assert isinstance(game, PairwiseGroupGame)
    large = scaled(game, 1e-5, 1.0)
    one, other = solve_assignment(game), solve_assignment(large)
    assert other.certificate.claims["verified"] is True
    ratio = other.tables["imputation"]["payoff_max"] / one.tables["imputation"]["payoff_max"]
    assert ratio.to_numpy() == pytest.approx(1e5)


def test_units_change_no_digit() -> None:
    assert [unit_of(x) for x in ([3.0, -5.0], [0.3], [], [0.0])] == [4.0, 0.25, 1.0, 1.0]
    program, other = (ColumnProgram(np.array([b, b])) for b in (3.0, 3e-9))
    for one, money in ((program, 1.0), (other, 1e-9)):
        one.add(np.array([[0, 1]], dtype=np.int32), np.array([0.7 * money]))
    assert program.solve().value == 0.7 * 3
    assert other.solve().payoffs.sum() == pytest.approx(0.7e-9, rel=1e-12)


def test_who_is_left_over_is_named_in_every_unit() -> None:
    game = GroupGame(Types.of("AB", [2e-9, 1e-9]), np.array([[0, 1]], dtype=np.int32), np.ones(1), 2, 2, "forbidden")
    with pytest.raises(InfeasibleError, match="such as 1e-09 of type 'A'"):
        solve_direct(game)


# --- what does not fit into time or floating point -------------------------------------------------------------------


def broken(_program: ColumnProgram) -> None:
    raise ProgramError(highspy.HighsModelStatus.kSolveError)


def test_ranges_that_cannot_be_computed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    game, solution = market(), solve_direct(market())
    face = OptimalFace(game, solution)
    monkeypatch.setattr(ranges.ColumnProgram, "solve", broken)
    for compute in (lambda: OptimalFace(game, solution), lambda: payoff_ranges(face), lambda: group_ranges(face)):
        with pytest.raises(NumericalError, match="kSolveError: leave the ranges out"):
            compute()
    answer = solve_assignment(game)
    assert answer.certificate.claims["verified"] is True
    assert answer.certificate.claims["complete"] is True
    assert str(answer.certificate.claims["ranges"]).startswith("left out: HiGHS ended with kSolveError")
    assert answer.tables["imputation"]["payoff_min"].isna().all()
    assert "The ranges are left out: HiGHS ended with kSolveError" in answer_text(answer)


def solved_within(seconds: float, types: int) -> Answer:
    return solve_assignment(market(types=types), HowToSolve(options=SolverOptions(time_limit=seconds)))


def test_a_time_limit_asks_for_columns_and_then_for_a_vertex() -> None:
    game = market(types=12)
    limited = HowToSolve(options=SolverOptions(time_limit=100.0))
    assert assign(market(), limited).method == "direct"
    assert assign(game, limited).method == "column generation"
    answer = solved_within(100.0, 12)
    assert answer.certificate.claims["method"] == "direct"
    assert answer.certificate.claims["verified"] is True
    assert len(answer.tables["group_ranges"]) >= 1


def test_a_programme_that_is_written_too_slowly_is_not_solved() -> None:
    options = SolverOptions(time_limit=1e-9)
    with pytest.raises(LimitReachedError, match="while the programme was written: raise time_limit"):
        solve_direct(market(), options, "model")
    with pytest.raises(LimitReachedError, match="while the programme was written: raise time_limit"):
        solve_direct(market(), options, "highs")


def test_rows_name_numerical_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        incumbent_objective = None

    monkeypatch.setattr(Highs, "solve", lambda *_: Failed())
    with pytest.raises(NumericalError, match="use column generation"):
        solve_by_rows(market())
