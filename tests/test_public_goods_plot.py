"""Pictures of public goods: the artists hold the data of the answer; boundary cases are drawn; bad requests refused."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from public_goods_cases import game_of, log_utilities

from breakaway.data.instances import load_instance
from breakaway.data.public_goods import Outcomes
from breakaway.results import plane_plot, public_goods_plot
from breakaway.results.canvas import PlotError
from breakaway.results.plots import bounds_figure, gains_figure, plane_figure, plot_bounds, plot_gains, plot_plane
from breakaway.results.records import Answer, Certificate
from breakaway.runners.dispatch import solve_game
from breakaway.runners.pictures import payoff_triangle, write_pictures

pytestmark = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")

TABLES = {
    "membership": ["outcome", "in_core", "pareto_efficient", "individually_rational", "lindahl", "status"],
    "deviation": ["outcome", "agent", "action", "gain"],
    "elimination": ["outcome", "round", "agent", "bound"],
    "membership_path": ["outcome", "step", "agent", "action"],
    "lindahl": ["agent", "action", "utility"],
    "frontier": ["point", "agent", "action", "utility", "in_core"],
}
STATUS = {True: "in the core", False: "not in the core", None: "on the boundary"}


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Compute utilities on a coarse grid."""
    monkeypatch.setattr(plane_plot, "FINENESS", 41)


@pytest.fixture(scope="module")
def pair():
    """The shipped economy of Ann and Bob, solved."""
    game = load_instance("public-goods-log-2").game
    return game, solve_game(game)


def economy(n, outcomes):
    """Return an economy of agents 1, ..., n, each of whom benefits from everybody."""
    weights = np.full((n, n), 0.5) + np.eye(n)
    return game_of(log_utilities(weights, np.full(n, 0.6)), outcomes)


def answer(game, verdicts, **rows):
    """Return an answer with verdicts by outcome and rows of further tables."""
    rows["membership"] = [(name, known, known, known, False, STATUS[known]) for name, known in verdicts.items()]
    tables = {name: pd.DataFrame(rows.get(name, []), columns=columns) for name, columns in TABLES.items()}
    found = Certificate("optimal", "proven", {})
    return Answer("public-goods", "public-goods", "Title", "source", game.agents, tables, found)


def labelled(axes, label):
    """Return the artists of an axes that carry a label."""
    return [artist for artist in axes.get_children() if artist.get_label() == label]


def points(line):
    """Return the points of a line, shape (points, 2)."""
    return np.column_stack(line.get_data())


class TestPlane:
    def test_a_panel_for_every_outcome(self, pair):
        game, found = pair
        titles = [axes.get_title(loc="left") for axes in plane_figure(found, game).axes]
        assert titles == [
            "lindahl: in the core",
            "too-much: both walk away",
            "pareto: Ann walks away",
            "nothing: both walk away",
        ]

    def test_core_frontier_lindahl_and_path(self, pair):
        game, found = pair
        axes = plane_figure(found, game).axes[0]
        frontier = found.tables["frontier"]
        (whole,), (core,), (lindahl,), (path,) = (
            labelled(axes, label)
            for label in ("Pareto frontier", "the core", "Lindahl outcome", "path on which nobody gains")
        )
        assert len(points(whole)) == len(frontier) / 2
        assert len(points(core)) == (frontier["in_core"] == True).sum() / 2  # noqa: E712 - cells may be missing
        assert points(lindahl)[0] == pytest.approx(found.tables["lindahl"]["action"].to_numpy())
        assert points(path)[0] == pytest.approx(game.outcomes.actions[0])
        assert points(path)[-1].tolist() == [0.0, 0.0]
        assert axes.get_xlabel() == "action of Ann"
        assert axes.get_ylabel() == "action of Bob"

    def test_shaded_and_tinted_regions(self, pair):
        game, found = pair
        first, *_, last = plane_figure(found, game).axes
        assert len(labelled(first, "nobody prefers")) == 1
        assert labelled(first, "both prefer") == []
        assert len(labelled(last, "both prefer")) == 1
        assert labelled(last, "nobody prefers") == []

    def test_the_arrow_ends_where_they_go(self, pair):
        game, found = pair
        axes = plane_figure(found, game).axes[2]
        (arrow,) = axes.texts
        rows = found.tables["deviation"].query("outcome == 'pareto'")
        assert arrow.xyann == pytest.approx(tuple(game.outcomes.actions[2]))
        assert arrow.xy == pytest.approx((rows["action"].item(), 0.0))
        assert labelled(plane_figure(found, game).axes[0], "what they do instead") == []

    def test_a_deviation_out_of_sight_is_a_direction(self):
        game = economy(2, {"a": [1.0, 1.0]})
        found = answer(game, {"a": False}, deviation=[("a", "1", 1e9, 5.0), ("a", "2", 1e9, 5.0)])
        (axes,) = plane_figure(found, game).axes
        assert len(labelled(axes, "towards what they do instead")) == 1
        assert axes.get_xlim()[1] < 2.0

    def test_the_core_in_two_parts_and_a_single_point(self):
        game = economy(2, {"a": [1.0, 1.0]})
        flags = [True, True, False, True, None]
        rows = [(k, agent, 1.0 + k, 0.0, flag) for k, flag in enumerate(flags) for agent in "12"]
        (axes,) = plane_figure(answer(game, {"a": None}, frontier=rows), game).axes
        (first,), (second,) = labelled(axes, "the core"), labelled(axes, "_the core")
        assert points(first).tolist() == [[1.0, 1.0], [2.0, 2.0]]
        assert points(second).tolist() == [[4.0, 4.0]]
        assert second.get_marker() == "o"

    def test_nothing_known_but_the_outcome(self):
        game = economy(2, {"a": [0.0, 0.0]})
        (axes,) = plane_figure(answer(game, {"a": None}), game).axes
        assert axes.get_title(loc="left") == "a: on the boundary"
        assert {line.get_label() for line in axes.lines if points(line).size} == {"the outcome"}

    def test_no_outcome(self):
        game = economy(2, {})
        found = answer(game, {}, frontier=[(1, "1", 1.0, 0.0, True), (1, "2", 2.0, 0.0, True)])
        (axes,) = plane_figure(found, game).axes
        assert labelled(axes, "the outcome") == []
        assert len(labelled(axes, "the core")) == 1

    def test_bounded_actions_end_the_frame(self):
        game = replace(economy(2, {"a": [1.0, 1.5]}), max_action=1.5)
        (axes,) = plane_figure(answer(game, {"a": True}), game).axes
        assert axes.get_ylim() == pytest.approx((0.0, 1.53))

    def test_more_outcomes_than_panels(self):
        game = economy(2, {f"a{k}": [1.0 + k, 1.0] for k in range(8)})
        figure = plane_figure(answer(game, dict.fromkeys(game.outcomes.names, True)), game)
        assert len(figure.axes) == 6
        assert figure.get_suptitle() == "Title (first 6 of 8 outcomes)"

    def test_three_agents_are_refused(self):
        game = economy(3, {"a": [1.0, 1.0, 1.0]})
        with pytest.raises(ValueError, match="drawn for two agents; this economy has 3"):
            plane_figure(answer(game, {"a": True}), game)


class TestGains:
    def deviation(self, members, gain=0.5):
        return [("a", str(i), 2.0, gain * (i + 1)) for i in members]

    def test_bars_of_members_and_shades_of_outsiders(self):
        game = economy(4, {"a": [1.0] * 4})
        gains, actions = gains_figure(answer(game, {"a": False}, deviation=self.deviation([1, 3])), game).axes
        assert [bar.get_height() for bar in gains.containers[0]] == [1.0, 2.0]
        assert [bar.get_center()[0] for bar in gains.containers[0]] == pytest.approx([0.0, 2.0])
        assert len(labelled(gains, "left behind")) + len(labelled(gains, "_left behind")) == 2
        assert gains.get_title(loc="left") == "a: 1+3 walk away"
        (before,), (after,) = (labelled(actions, f"action {of}") for of in ("in the outcome", "of who walks away"))
        assert points(before)[:, 1].tolist() == [1.0] * 4
        assert points(after).tolist() == [[0.0, 2.0], [2.0, 2.0]]
        assert [tick.get_text() for tick in gains.get_xticklabels()] == ["1", "2", "3", "4"]

    def test_many_agents_are_sorted_and_counted(self):
        game = economy(60, {"a": np.ones(60)})
        gains, actions = gains_figure(answer(game, {"a": False}, deviation=self.deviation(range(21, 61))), game).axes
        assert gains.get_title(loc="left") == "a: 40 of 60 agents walk away"
        assert gains.get_xlabel() == "60 agents, by what they do when they walk away"
        assert points(labelled(actions, "action of who walks away")[0])[:, 0].tolist() == list(range(40))

    def test_gains_of_different_orders_get_a_logarithmic_axis(self):
        game = economy(3, {"a": [1.0] * 3})
        rows = [("a", "1", 1.0, 1e-3), ("a", "2", 1e6, 10.0)]
        gains, actions = gains_figure(answer(game, {"a": False}, deviation=rows), game).axes
        assert gains.get_yscale() == "log"
        assert actions.get_yscale() == "symlog"

    def test_several_outcomes(self):
        game = economy(3, {"a": [1.0] * 3, "b": [2.0] * 3, "c": [0.0] * 3})
        rows = [(name, "1", 1.0, 0.2) for name in "abc"]
        figure = gains_figure(answer(game, dict.fromkeys("abc", False), deviation=rows), game)
        titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison and axes.get_title(loc="left")]
        assert titles == ["a: 1 walks away", "b: 1 walks away", "c: 1 walks away"]
        assert sum(axes.axison for axes in figure.axes) == 6

    def test_nobody_walks_away(self):
        game = economy(3, {"a": [1.0] * 3})
        with pytest.raises(PlotError, match="nobody walks away; draw the bounds instead"):
            gains_figure(answer(game, {"a": True}), game)


class TestBounds:
    def traces(self, n, names=("a",)):
        chain = [(name, k, str(i + 1), 4.0 - 2.0 * k + 0.01 * i * (k < 2)) for name in names for k in range(3)
                 for i in range(n)]  # fmt: skip
        return {"elimination": chain, "membership_path": chain[: 3 * n]}

    def test_a_line_for_every_agent(self):
        game = economy(12, {"a": np.ones(12)})
        bounds, path = bounds_figure(answer(game, {"a": True}, **self.traces(12))).axes
        assert [line.get_label() for line in bounds.lines] == [str(i + 1) for i in range(12)]
        assert len({(line.get_color(), line.get_linestyle()) for line in bounds.lines}) == 12
        assert bounds.lines[0].get_ydata().tolist() == [4.0, 2.0, 0.0]
        assert (bounds.get_xlabel(), bounds.get_ylabel()) == ("round", "bound on the action")
        assert (path.get_xlabel(), path.get_ylabel()) == ("step of the path", "action")
        assert path.get_title(loc="left") == "a: path to 0"

    def test_bands_for_many_agents(self):
        game = economy(13, {"a": np.ones(13)})
        bounds, path = bounds_figure(answer(game, {"a": True}, **self.traces(13))).axes
        for axes in (bounds, path):
            assert [line.get_label() for line in axes.lines] == ["median agent"]
            assert axes.lines[0].get_ydata().tolist() == pytest.approx([4.06, 2.06, 0.0])
            assert {band.get_label() for band in axes.collections} == {"all agents", "the middle half"}

    def test_outcomes_without_a_path_have_one_panel(self):
        game = economy(3, {"a": np.ones(3), "b": np.ones(3)})
        found = answer(game, {"a": True, "b": None}, **self.traces(3, ("a", "b")))
        titles = [axes.get_title(loc="left") for axes in bounds_figure(found).axes]
        assert titles == ["a: in the core", "a: path to 0", "b: on the boundary"]

    def test_a_far_start_gets_a_logarithmic_axis(self):
        game = economy(3, {"a": np.ones(3)})
        rows = [("a", k, str(i), 10.0 ** (4 - 2 * k)) for k in range(4) for i in (1, 2, 3)]
        (axes,) = bounds_figure(answer(game, {"a": False}, elimination=rows)).axes
        assert axes.get_yscale() == "symlog"
        assert axes.get_title(loc="left") == "a: not in the core"

    def test_nothing_to_draw(self):
        game = economy(3, {"a": np.ones(3)})
        with pytest.raises(PlotError, match="solve with the method descent"):
            bounds_figure(answer(game, {"a": None}))

    def test_round_ticks_are_few(self):
        assert public_goods_plot._some(range(26)) == [0, 3, 6, 9, 12, 15, 18, 21, 24]
        assert public_goods_plot._some([0]) == [0]


def test_files_are_written(tmp_path, pair):
    game, found = pair
    three = economy(3, {"a": [1.0] * 3})
    other = answer(
        three, {"a": False}, deviation=[("a", "1", 1.0, 0.2)], elimination=[("a", 0, str(i), 1.0) for i in (1, 2, 3)]
    )
    for path in (
        plot_plane(found, game, tmp_path / "plane.svg"),
        plot_gains(other, three, tmp_path / "gains.svg"),
        plot_bounds(other, tmp_path / "bounds.svg"),
    ):
        assert path.read_bytes().startswith(b"<?xml")


def test_which_pictures_an_economy_gets(tmp_path, pair):
    game, found = pair
    assert [path.name for path in write_pictures(tmp_path, game, found)] == ["plane.png"]
    shipped = load_instance("public-goods-kinks-3").game
    three = replace(shipped, outcomes=Outcomes.of({"nothing": [0.0] * 3}, 3))
    solved = solve_game(three)
    assert [path.name for path in write_pictures(tmp_path, three, solved)] == ["gains.png", "bounds.png"]
    assert payoff_triangle(three, solved) is None
    nothing = answer(three, {"nothing": None})
    assert write_pictures(tmp_path, three, nothing) == []


def test_an_outcome_that_was_not_decided():
    game = economy(3, {"a": [1.0] * 3})
    found = answer(game, {"a": None})
    table = found.tables["membership"].drop(columns="status")
    undecided = replace(found, tables={**found.tables, "membership": table})
    assert public_goods_plot.headline(undecided, "a") == "a: not decided"
