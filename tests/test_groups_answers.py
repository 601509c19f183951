"""Answers about markets of small groups: print, pictures, verification, a user's own assignment, limits."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli_calls import call

from breakaway.data.group_families import family
from breakaway.data.groups import GroupGame, PairwiseGroupGame, SurplusFunctionGame, Types
from breakaway.data.instances import load_instance
from breakaway.results.groups_plot import convergence_figure, groups_figure
from breakaway.results.text import answer_text
from breakaway.results.text_groups import group_in_words
from breakaway.results.transport_plot import plans, transport_figure
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.groups.assign import solve_assignment
from breakaway.runners.groups.solution import ending
from breakaway.runners.pictures import write_pictures
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.verify import verify_assignment
from breakaway.runners.verify.blocking import search_blocking

SHIPPED = ("groups-2-4-1", "groups-2-4-2", "groups-2-4-4", "marriage", "roommates-odd-cycle", "surplus-sharing")


def bricks() -> GroupGame:
    """Example 2.4.2 of Wang (2019)."""
    groups = np.array([[0, 1, 1], [2, 2, 2], [0, 1, -1], [2, 2, -1]], dtype=np.int32)
    return GroupGame(Types.of(["A", "B", "C"], [1, 1, 1]), groups, np.array([9.0, 4, 2, 3]), 2, 3)


class TestBlocking:
    """The independent search finds what going through all groups finds."""

    @pytest.mark.parametrize("seed", range(8))
    @pytest.mark.parametrize("types", [3, 6])
    def test_pairwise_groups_of_up_to_four(self, seed: int, types: int) -> None:
        game = family("iid", types, 4, seed)
        payoffs = np.random.default_rng(seed).uniform(0, 0.6, types)
        found = search_blocking(game, payoffs)
        best, excess = -np.inf, np.zeros(types)
        for size in range(1, 5):
            for group in itertools.combinations_with_replacement(range(types), size):
                pairs = sum(game.values[a, b] for a, b in itertools.combinations(group, 2))  # noqa: PD011
                gain = pairs + game.solo[list(group)].sum() - game.size_cost[size] - payoffs[list(group)].sum()
                best = max(best, gain)
                for i in set(group):
                    excess[i] = max(excess[i], gain / size)
        assert found.exhaustive
        assert max(found.gain, 0) == pytest.approx(max(best, 0), abs=1e-9)
        assert found.excess == pytest.approx(excess, abs=1e-9)

    def test_unlisted_groups_gain_where_payoffs_are_negative(self) -> None:
        found = search_blocking(bricks(), np.array([0.0, 4.5, -0.5]))
        assert found.gain == pytest.approx(5.5)  # CCC is worth 4 and gets -1.5
        assert found.group == (2, 2, 2)

    def test_too_many_groups_are_left_and_said_so(self) -> None:
        game = SurplusFunctionGame(Types.of(200, np.ones(200)), lambda g: np.zeros(len(g)), 1, 4)
        found = search_blocking(game, np.zeros(200))
        assert not found.exhaustive
        assert "68,685,050 groups of 4 members are too many" in found.notes[0]


class TestAnswers:
    @pytest.mark.parametrize("name", SHIPPED)
    def test_shipped_markets_are_stable_and_verified(self, name: str) -> None:
        game = load_instance(name).game
        assert isinstance(game, GroupGame | PairwiseGroupGame)
        answer = solve_assignment(game)
        assert answer.certificate.claims["verified"] is True
        assert answer.certificate.claims["complete"] is True
        assert max(map(len, answer_text(answer).splitlines())) <= 110

    @pytest.mark.parametrize("name", ["surplus-sharing", "marriage"])
    def test_what_is_exact_has_no_residual(self, name: str) -> None:
        game = load_instance(name).game
        assert isinstance(game, PairwiseGroupGame)
        answer = solve_assignment(game)
        assert answer.certificate.claims["verified"] is True
        assert answer.certificate.residual == pytest.approx(0, abs=1e-13)

    def test_both_ways_give_one_welfare(self) -> None:
        game = family("planar", 30, 3, 1)
        by_columns = solve_assignment(game, HowToSolve(detail="none"))
        by_model = solve_assignment(game, HowToSolve(method="model", detail="none"))
        for name in ("primal", "dual"):
            values = [float(answer.tables["welfare"][name].iloc[0]) for answer in (by_columns, by_model)]
            assert values[0] == pytest.approx(values[1], abs=1e-7)

    @pytest.mark.parametrize("name", ["iid", "planar", "coulomb", "skill"])
    def test_what_columns_prove_is_confirmed_by_the_independent_search(self, name: str) -> None:
        game = family(name, 80, 4, 0)
        answer = solve_assignment(game, HowToSolve(verify=True, detail="none"))
        assert answer.certificate.claims["groups_priced"] == 1_929_500
        assert answer.certificate.claims["verified"] is True

    def test_print(self) -> None:
        text = answer_text(solve_assignment(bricks()))
        assert "is worth 6: none of the 16 permitted groups could do better" in text
        assert "A + 2 B" in text
        assert "The imputation is the only one; the assignment is one of many." in text

    @pytest.mark.parametrize(
        ("group", "types", "words"),
        [
            ("T+T+H", ("T", "H"), "2 T + H"),
            ("1+2+2", ("1", "2"), "1 × 1 + 2 × 2"),
            ("T+T+H", ("T", "H", "3rd"), "2 × T + 1 × H"),
            (".5+-1", (".5", "-1"), "1 × .5 + 1 × -1"),
        ],
    )
    def test_counts_and_names_that_are_numbers_are_told_apart(
        self, group: str, types: tuple[str, ...], words: str
    ) -> None:
        assert group_in_words(group, types) == words

    def test_print_of_types_that_are_numbers(self) -> None:
        text = answer_text(solve_assignment(load_instance("groups-2-4-2").game))
        assert "  1 × 1 + 2 × 2      0.5" in text

    def test_a_limit_leaves_an_assignment_and_a_bound(self) -> None:
        game = family("planar", 400, 4, 0)
        with pytest.raises(UnfinishedError, match="none is worth more than") as stop:
            solve_assignment(game, HowToSolve(options=SolverOptions(time_limit=0.2)))
        welfare = stop.value.answer.tables["welfare"].iloc[0]
        assert welfare["primal"] <= welfare["dual"] < np.inf
        assert stop.value.answer.certificate.claims["complete"] is False
        assert stop.value.answer.certificate.termination == "time limit"

    def test_a_gap_that_floating_point_leaves_is_no_limit(self) -> None:
        types = Types.of(["A", "B"], [1e9, 1e-9])
        game = GroupGame(types, np.array([[0, 1]], dtype=np.int32), np.array([1e12]), 1, 2)
        with pytest.raises(
            UnfinishedError, match=r"from 1e-09 to 1e\+09 and surpluses up to 1e\+12: leave out"
        ) as stop:
            solve_assignment(game, HowToSolve(options=SolverOptions(time_limit=100)))
        assert "limit" not in str(stop.value)
        assert stop.value.answer.certificate.termination == "numerical difficulties"

    @pytest.mark.parametrize(
        ("complete", "seconds", "limit", "words"),
        [
            (True, 2.0, 1.0, ("optimal", "proven optimum")),
            (False, 2.0, 1.0, ("time limit", "feasible point")),
            (False, 0.5, 1.0, ("numerical difficulties", "feasible point")),
            (False, 0.5, None, ("numerical difficulties", "feasible point")),
        ],
    )
    def test_why_a_solve_stopped(
        self, complete: bool, seconds: float, limit: float | None, words: tuple[str, str]
    ) -> None:
        assert ending(complete, seconds, limit) == words

    @pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")
    def test_a_run_on_disk_with_pictures(self, tmp_path: Path) -> None:
        run = tmp_path / "run"
        assert call("solve", "marriage", "--out", run, "--plots").code == 0
        assert {path.name for path in run.glob("*.png")} == {"groups.png", "transport.png"}
        assert call("verify", run).code == 0
        assert json.loads((run / "run.json").read_text())["concept"] == "stable-assignment"

    @pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")
    def test_rounds_are_drawn_when_there_are_some(self, tmp_path: Path) -> None:
        game = load_instance("groups-2-4-2").game
        direct = solve_assignment(game)
        rounds = pd.DataFrame([(0.1, 5.0, np.inf, 3), (0.2, 5.0, 6.5, 4), (0.3, 6.0, 6.0, 5)])
        rounds.columns = direct.tables["convergence"].columns
        generated = dataclasses.replace(direct, tables={**direct.tables, "convergence": rounds})
        (tmp_path / "direct").mkdir()
        assert [path.name for path in write_pictures(tmp_path, game, generated)] == ["groups.png", "convergence.png"]
        assert [path.name for path in write_pictures(tmp_path / "direct", game, direct)] == ["groups.png"]
        (gaps,) = convergence_figure(generated).axes[1].lines
        assert np.asarray(gaps.get_ydata())[~np.isnan(gaps.get_ydata())].tolist() == [1.5]  # the gap of 0 is not drawn
        with pytest.raises(ValueError, match="in one round"):
            convergence_figure(direct)
        drawn = {text.get_text() for text in groups_figure(direct).axes[0].texts}
        assert "2 × 3: 0.5 of them, worth 3 each" in drawn

    def test_compare(self) -> None:
        answer = call("compare", "marriage", "--solvers", "exact,highs", "--json")
        assert answer.code == 0
        rows = json.loads(answer.out)["table"]
        assert [(row["value"], row["agrees"]) for row in rows] == [(16, True), (16, True)]


class TestTransport:
    """The picture of pairs as a symmetric transport plan."""

    def test_the_diagonal_is_doubled_and_the_marginals_are_the_masses(self) -> None:
        game = load_instance("groups-2-4-1").game
        assert isinstance(game, GroupGame)
        masses = Types.of(["1", "2"], [2.0, 1.0])
        answer = solve_assignment(GroupGame(masses, game.groups, game.surplus, 2, 2))
        pairs, plan = plans(answer)
        assert pairs.tolist() == [[0.5, 1.0], [0.0, 0.0]]
        assert plan.tolist() == [[1.0, 1.0], [1.0, 0.0]]

    @pytest.mark.parametrize("name", ["marriage", "roommates-odd-cycle"])
    def test_marginals(self, name: str) -> None:
        game = load_instance(name).game
        assert isinstance(game, GroupGame | PairwiseGroupGame)
        _, plan = plans(solve_assignment(game))
        assert plan == pytest.approx(plan.T)
        assert plan.sum(axis=0) == pytest.approx(game.types.masses)

    def test_larger_groups_have_no_plan_of_pairs(self) -> None:
        with pytest.raises(ValueError, match="more than two members"):
            transport_figure(solve_assignment(bricks()))


class TestTampering:
    @pytest.mark.parametrize(
        ("table", "row", "column", "value", "claim"),
        [
            ("assignment", 0, "mass", 0.3, "everybody is in some group"),
            ("assignment", 0, "mass", -0.25, "masses not negative"),
            ("assignment", 0, "surplus", 5.0, "surpluses follow from the definition"),
            ("assignment", 0, "group", "A", "groups permitted"),
            ("assignment", 0, "group", "A+X", "assignment table readable"),
            ("imputation", 1, "payoff", 4.4, "no group blocks"),
            ("imputation", 1, "payoff", 4.6, "formed groups share their surplus"),
            ("imputation", 0, "payoff", -0.1, "payoffs not negative"),
            ("imputation", 0, "type", "B", "imputation table readable"),
            ("welfare", 0, "primal", 5.9, "welfare is what the formed groups are worth"),
            ("welfare", 0, "dual", 5.9, "no assignment is worth more than the bound"),
            ("welfare", 0, "gap", 0.1, "gap is dual minus primal"),
            ("welfare", 0, "groups_priced", 15, "every permitted group is covered"),
        ],
    )
    def test_fails(self, table: str, row: int, column: str, value: object, claim: str) -> None:
        answer = solve_assignment(bricks())
        frames: dict[str, pd.DataFrame] = {name: frame.copy() for name, frame in answer.tables.items()}
        frames[table][column] = frames[table][column].astype(object)
        frames[table].loc[row, column] = value
        checks = verify_assignment(bricks(), frames, answer.certificate.claims).checks
        assert claim in set(checks[checks["failed"] > 0]["claim"])


class TestResiduals:
    """The residual is what was found, not what the check allows."""

    game = PairwiseGroupGame(Types.of(2, [1, 1]), np.zeros(2), 1.0 - np.eye(2), np.zeros(5), 1, 4)

    def worst(self, payoffs: tuple[float, float], dual: float) -> tuple[float, bool]:
        tables = {
            "assignment": pd.DataFrame({"group": ["0+0+1+1"], "mass": [0.5]}),
            "imputation": pd.DataFrame({"type": ["0", "1"], "payoff": payoffs}),
            "welfare": pd.DataFrame([(2.0, dual, dual - 2.0, 14)], columns=["primal", "dual", "gap", "groups_priced"]),
        }
        checks = verify_assignment(self.game, tables, {"complete": True}).checks.set_index("claim")
        bound = checks.loc["no assignment is worth more than the bound"]
        return float(bound["worst_residual"]) * 4, bool(bound["failed"])  # 4: the largest surplus

    @pytest.mark.parametrize(
        ("short", "over", "failed"), [(0.0, 0.0, False), (4e-9, 4e-9, False), (4e-8, 4e-8, False), (4e-5, 4e-5, True)]
    )
    def test_a_bound_too_low_by(self, short: float, over: float, failed: bool) -> None:
        assert self.worst((1.0, 1.0), 2.0 - short) == (pytest.approx(over, rel=1e-6, abs=1e-15), failed)

    def test_payoffs_that_prove_less(self) -> None:
        residual, failed = self.worst((1 - 1e-8, 1 - 1e-8), 2.0)  # the four lack 4e-8, each of them 1e-8
        assert residual == pytest.approx(0, abs=1e-15)
        assert not failed


def test_a_market_worth_nothing_is_verified() -> None:
    types = Types.of(2, [1.0, 2.0])
    game = PairwiseGroupGame(types, np.full(2, -1.0), np.full((2, 2), -3.0), np.zeros(3), 1, 2)
    answer = solve_assignment(game)
    assert answer.tables["welfare"]["dual"].iloc[0] == 0
    assert answer.certificate.claims["verified"] is True


class TestOwnAssignment:
    """``verify INSTANCE --assignment FILE --imputation FILE``."""

    def tables(self, folder: Path, payoffs: tuple[float, float, float]) -> tuple[str, ...]:
        (folder / "a.csv").write_text("group,mass\n1+2+2,0.5\n3+3,0.5\n1+1,0.25\n")
        names = [f"{name},{payoff}\n" for name, payoff in zip("123", payoffs, strict=True)]
        (folder / "u.csv").write_text("type,payoff\n" + "".join(names))
        return "--assignment", str(folder / "a.csv"), "--imputation", str(folder / "u.csv")

    def test_stable(self, tmp_path: Path) -> None:
        answer = call("verify", "groups-2-4-2", *self.tables(tmp_path, (0, 4.5, 1.5)))
        assert answer.code == 0
        assert answer.out.endswith("Stable.\n")

    def test_a_blocking_group_is_named(self, tmp_path: Path) -> None:
        answer = call("verify", "groups-2-4-2", *self.tables(tmp_path, (0, 4.5, 1)))
        assert answer.code == 1
        assert "Not stable: 3+3 blocks: it is worth 3 and its members get 2." in answer.out

    def test_what_cannot_be_read_is_listed_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("group\n1+2+2\n")
        answer = call(
            "verify", "groups-2-4-2", "--assignment", tmp_path / "a.csv", "--imputation", tmp_path / "absent.csv"
        )
        assert answer.code == 2
        assert "a.csv:1: column mass is missing" in answer.err
        assert "absent.csv: cannot be read" in answer.err

    def test_who_is_left_over_and_who_shares_otherwise_is_said(self, tmp_path: Path) -> None:
        options = self.tables(tmp_path, (3, 0, 3))
        (tmp_path / "a.csv").write_text("group,mass\n1+1,0.25\n")
        answer = call("verify", "groups-2-4-2", *options)
        assert answer.code == 1
        assert "0.5 of 1 person of type 1 is in groups" in answer.out
        assert "members of 1+1 get 6, it is worth 0" in answer.out
        assert "claimed" not in answer.out

    def test_cells_that_mean_nothing_are_bad_input(self, tmp_path: Path) -> None:
        options = self.tables(tmp_path, (0, 4.5, 1.5))
        (tmp_path / "a.csv").write_text("group,mass,note\n1+2+2,half,x\n3+9,0.5,\n1+2+,1,\n1+1,-1,\n2+1,1,\n1+2,1,\n")
        (tmp_path / "u.csv").write_text("type,payoff\n1,0\n2,nan\n")
        answer = call("verify", "groups-2-4-2", *options)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.splitlines() == [
            "a.csv:2:mass: 'half' is not a number; write a number such as 2, 0.5 or 1e-3",
            "a.csv:3:group: unknown type '9' in group '3+9'; known types: 1, 2, 3",
            "a.csv:4:group: group '1+2+' has an empty member; write a group as A+A+B",
            "a.csv:5:mass: mass is -1; it must be at least 0",
            "a.csv:7:group: group '1+2' is given twice, first in row 6; keep one of the rows",
            "u.csv:type: there is no payoff of 3; give every type one row",
            "u.csv:3:payoff: 'nan' is not a finite number; give a finite number",
            "7 problems; nothing was solved",
        ]

    def test_a_group_that_is_too_large_is_named(self, tmp_path: Path) -> None:
        _, assignment, *imputation = self.tables(tmp_path, (0, 4.5, 1.5))
        Path(assignment).write_text("group,mass\n1+1+2+2,0.5\n3+3,0.5\n")
        answer = call("verify", "groups-2-4-2", "--assignment", assignment, *imputation)
        assert answer.code == 1
        assert "1+1+2+2 may not form" in answer.out

    def test_both_tables_are_needed(self, tmp_path: Path) -> None:
        answer = call("verify", "groups-2-4-2", *self.tables(tmp_path, (0, 4.5, 1.5))[:2])
        assert answer.code == 2
        assert "give --assignment and --imputation" in answer.err

    def test_other_kinds_are_refused(self, tmp_path: Path) -> None:
        answer = call("verify", "example-5", *self.tables(tmp_path, (0, 4.5, 1.5)))
        assert answer.code == 2
        assert "assignments belong to markets of small groups" in answer.err
