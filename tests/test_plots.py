"""Pictures: the artists in the axes hold the data of the answer; files are written; bad requests are refused."""

import builtins
import dataclasses
import importlib.util

import numpy as np
import pandas as pd
import pytest
from result_samples import CASES, characteristic_answer, threat_answer, viability_answer

from breakaway.data.coalitions import parse_coalition
from breakaway.data.games import Players, Points, Threat, ThreatGame, TotalWorth
from breakaway.results import lattice_plot
from breakaway.results.hasse import hasse
from breakaway.results.plots import (
    PlotError,
    lattice_figure,
    payoffs_figure,
    plot_lattice,
    plot_payoffs,
    plot_triangle,
    triangle_figure,
)
from breakaway.results.triangle import (
    Claim,
    Triangle,
    blocked_region,
    blocks_something,
    triangle_of_answer,
    triangle_of_game,
    unblocked_bounds,
    unblocked_region,
)

pytestmark = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")

A10, A23 = viability_answer("ex4_A10"), viability_answer("ex4_A23")


def labelled(axes, label):
    """Return the artists of an axes that carry a label."""
    return [artist for artist in axes.get_children() if artist.get_label() == label]


def exogenous_game(case):
    info = CASES["threat_games"][case]
    names = tuple("123")
    threats = [Threat(f"t{k}", parse_coalition(c, names), tuple(y)) for k, (c, y) in enumerate(info["threats"])]
    players = Players.of(names, info["weights"], info["disagreement"])
    return ThreatGame(players, TotalWorth(info["total_worth"]), tuple(threats))


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_files_are_written(tmp_path, suffix):
    files = [
        plot_lattice(A23, tmp_path / f"lattice{suffix}"),
        plot_triangle(A10, triangle_of_answer(A10), tmp_path / f"triangle{suffix}"),
        plot_payoffs(A23, tmp_path / f"payoffs{suffix}"),
    ]
    start = b"\x89PNG" if suffix == ".png" else b"<?xml"
    for path in files:
        assert path.read_bytes().startswith(start)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(PlotError, match=r"pictures are PNG or SVG; end the file name in \.png or \.svg"):
        plot_lattice(A23, tmp_path / "lattice.pdf")


def test_missing_folder_is_a_plot_error(tmp_path):
    with pytest.raises(PlotError, match="give a file in an existing folder"):
        plot_lattice(A23, tmp_path / "nowhere" / "lattice.png")


def test_without_matplotlib(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **named):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PlotError, match=r"pip install breakaway\[plots\]"):
        payoffs_figure(A23)


class TestLattice:
    def test_example_4_colours_and_shapes(self):
        axes = lattice_figure(A23).axes[0]
        (viable,), (failing,), (coarsest,) = (
            labelled(axes, label) for label in ("viable", "not viable", "coarsest viable")
        )
        assert len(viable.get_offsets()) == 4
        assert failing.get_offsets().tolist() == [[0.0, -1.0]]
        assert sorted(failing.get_array()) == pytest.approx([-7 / 9], abs=1e-8)
        assert len(coarsest.get_offsets()) == 3
        assert set(coarsest.get_offsets()[:, 1]) == {-2.0}
        assert failing.get_hatch()
        assert not viable.get_hatch()

    def test_the_colour_map_is_centred_at_zero(self):
        (failing,) = labelled(lattice_figure(A23).axes[0], "not viable")
        assert failing.norm(0.0) == pytest.approx(0.5)
        assert failing.norm(-7 / 9) == pytest.approx(0.0, abs=1e-6)
        assert failing.norm(9.0) == pytest.approx(1.0)

    def test_every_structure_is_labelled_with_its_slack(self):
        texts = {text.get_text() for text in lattice_figure(A23).axes[0].texts}
        assert texts == {"1+2+3\n-0.7778", "1|2+3\n2", "1+2|3\n1.111", "1+3|2\n6", "1|2|3\n9"}

    def test_no_failing_structure(self):
        axes = lattice_figure(A10).axes[0]
        assert labelled(axes, "not viable") == []
        assert len(labelled(axes, "viable")[0].get_offsets()) == 5

    def test_five_players_label_only_the_coarsest(self):
        axes = lattice_figure(viability_answer("cournot_5_b")).axes[0]
        assert [text.get_text() for text in axes.texts] == ["1+2+3+4+5"]
        assert len(labelled(axes, "viable")[0].get_offsets()) == 15
        assert len(labelled(axes, "not viable")[0].get_offsets()) == 37

    def test_too_many_structures_become_a_summary(self, monkeypatch):
        monkeypatch.setattr(lattice_plot, "MOST_DRAWN", 51)
        bars, ranges = lattice_figure(viability_answer("cournot_5_b")).axes
        widths = {c.get_label(): [patch.get_width() for patch in c] for c in bars.containers}
        assert widths["coarsest viable"] == [100, 0, 0, 0, 0]
        assert widths["other viable"] == pytest.approx([0, 100 * 8 / 15, 8, 30, 100])
        assert widths["not viable"] == pytest.approx([0, 100 * 7 / 15, 92, 70, 0])
        assert [text.get_text() for text in bars.texts] == ["1 of 1", "8 of 15", "2 of 25", "3 of 10", "1 of 1"]
        assert len(labelled(ranges, "median")[0].get_xdata()) == 5

    def test_labels_of_neighbours_are_staggered(self):
        names = ["1+2+3|4+5", "1+2+4|3+5", "1+2+5|3+4"]
        drawing = hasse(names, "12345")
        assert lattice_plot._lanes(names, drawing, unit=0.4) == dict(zip(names, (0, 1, 2), strict=True))
        assert lattice_plot._lanes(names, drawing, unit=2.0) == dict.fromkeys(names, 0)

    def test_hasse_diagram_joins_neighbours(self):
        drawing = hasse(A10.tables["structures"]["structure"].tolist(), "123")
        assert set(drawing.edges) == {
            *((pair, "1+2+3") for pair in ("1|2+3", "1+2|3", "1+3|2")),
            *(("1|2|3", pair) for pair in ("1|2+3", "1+2|3", "1+3|2")),
        }
        assert drawing.width == 3
        assert {y for _, y in drawing.positions.values()} == {-1.0, -2.0, -3.0}

    def test_hasse_diagram_of_four_players_has_every_edge(self):
        names = viability_answer("cournot_4_a").tables["structures"]["structure"].tolist()
        edges = hasse(names, "1234").edges
        assert len(edges) == 7 + 6 * 3 + 6
        assert len(set(edges)) == len(edges)

    def test_patterns_are_joined_up_to_identical_players(self):
        names = ["1+2+3+4", "1+2+3|4", "1+2|3+4", "1+2|3|4", "1|2|3|4"]
        edges = set(hasse(names, "1234", [["1", "2", "3", "4"]]).edges)
        assert edges == {
            ("1+2+3|4", "1+2+3+4"),
            ("1+2|3+4", "1+2+3+4"),
            ("1+2|3|4", "1+2+3|4"),
            ("1+2|3|4", "1+2|3+4"),
            ("1|2|3|4", "1+2|3|4"),
        }

    def test_identical_players_are_taken_from_the_certificate(self):
        kept = ["1+2+3", "1+2|3", "1|2|3"]
        answer = viability_answer("ex2_111")
        tables = {name: frame[frame["structure"].isin(kept)] for name, frame in answer.tables.items()}
        claims = {"identical_players": [["1", "2", "3"]]}
        certificate = dataclasses.replace(answer.certificate, claims=claims)
        axes = lattice_figure(dataclasses.replace(answer, tables=tables, certificate=certificate)).axes[0]
        (edges,) = [c for c in axes.collections if type(c).__name__ == "LineCollection"]
        assert len(edges.get_segments()) == 2

    def test_other_answers_have_no_lattice(self):
        with pytest.raises(PlotError, match="an answer about characteristic-function has plot_payoffs"):
            lattice_figure(characteristic_answer("ex5"))


class TestTriangle:
    def test_example_4_geometry(self):
        triangle = triangle_of_answer(A10)
        assert triangle.worth == 16
        assert triangle.solutions == ((9, 4, 3),)
        assert unblocked_bounds(triangle) == [pytest.approx((9, 4, 16 / 9))]
        region = unblocked_region(triangle, unblocked_bounds(triangle)[0])
        assert [sum(corner) for corner in region] == pytest.approx([16, 16, 16])

    def test_example_4_artists(self):
        axes = triangle_figure(A10, triangle_of_answer(A10)).axes[0]
        (star,) = labelled(axes, "solution (9, 4, 3)")
        x = star.get_xdata()[0], star.get_ydata()[0]
        assert x == pytest.approx((9 / 16 * 0.5 + 3 / 16, 9 / 16 * 3**0.5 / 2))
        (unblocked,) = labelled(axes, "unblocked")
        assert len(unblocked.get_xy()) == 4
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels[1:4] == ["{1} leaves for 9", "{2} leaves for 4", "{3} leaves for 1.778"]
        assert "{1,2} leaves for (7.5625, 3.549)" in labels

    def test_empty_unblocked_set(self):
        axes = triangle_figure(A23, triangle_of_answer(A23)).axes[0]
        assert unblocked_bounds(triangle_of_answer(A23)) == []
        assert labelled(axes, "unblocked: empty")
        assert not [a for a in axes.get_children() if str(a.get_label()).startswith("solution")]

    def test_three_solutions_of_the_race(self):
        answer = viability_answer("rd3_a4_r0.01")
        axes = triangle_figure(answer, triangle_of_answer(answer)).axes[0]
        stars = [a for a in axes.get_children() if str(a.get_label()).startswith("solution")]
        assert len(stars) == 3
        assert len(unblocked_bounds(triangle_of_answer(answer))) == 3

    def test_game_with_given_threats(self):
        answer, game = threat_answer("exo_rand_01_n3"), exogenous_game("exo_rand_01_n3")
        triangle = triangle_of_game(answer, game)
        assert unblocked_bounds(triangle) == [(0, 0, 9), (0, 9, 0)]
        axes = triangle_figure(answer, game).axes[0]
        assert labelled(axes, "{1,2} leaves for (0, 5): blocks nothing")

    @pytest.mark.parametrize("case", ["ex4_A10", "ex4_A23", "ex2_111", "rd3_a4_r0.01"])
    def test_points_are_unblocked_exactly_where_shaded(self, case):
        triangle = triangle_of_answer(viability_answer(case))
        bounds = unblocked_bounds(triangle)
        for point in np.random.default_rng(7).dirichlet([1, 1, 1], 500) * triangle.worth:
            blocked = any(
                all(point[k] < y for k, y in zip(t.members, t.payoffs, strict=True)) for t in triangle.threats
            )
            shaded = any(all(point >= bound) for bound in bounds)
            assert shaded == (not blocked)

    def test_blocked_regions_are_clipped(self):
        triangle = Triangle(("a", "b", "c"), 10.0, (), ())
        assert blocked_region(triangle, Claim((0,), (4.0,))) == [(4, 6, 0), (0, 10, 0), (0, 0, 10), (4, 0, 6)]
        assert len(blocked_region(triangle, Claim((0, 1), (2.0, 3.0)))) == 4
        assert len(blocked_region(triangle, Claim((0, 1), (20.0, 30.0)))) == 3
        assert not blocks_something(triangle, Claim((0, 1), (0.0, 3.0)))

    def test_disagreement_moves_the_corners(self):
        triangle = Triangle(("a", "b", "c"), 10.0, (), (), (1.0, 2.0, 3.0))
        assert triangle.corner(0) == (5, 2, 3)
        assert triangle.point((5, 2, 3)) == pytest.approx((0.5, 3**0.5 / 2))

    def test_what_has_no_triangle_is_refused(self):
        with pytest.raises(ValueError, match="needs three players, not 4"):
            triangle_of_answer(viability_answer("cournot_4_a"))
        with pytest.raises(ValueError, match="needs a worth above the disagreement payoffs"):
            Triangle(("a", "b", "c"), 1.0, (), (), (1.0, 0.0, 0.0))
        without = {name: frame for name, frame in A10.tables.items() if name != "threats"}
        with pytest.raises(ValueError, match="needs the table of threats"):
            triangle_of_answer(dataclasses.replace(A10, tables=without))
        game = exogenous_game("exo_rand_01_n3")
        points = dataclasses.replace(game, feasible=Points(("p",), ((1.0, 1.0, 1.0),)))
        with pytest.raises(ValueError, match="needs a total worth"):
            triangle_of_game(threat_answer("exo_rand_01_n3"), points)


class TestPayoffs:
    def test_one_mark_per_player_and_structure(self):
        axes = payoffs_figure(A23).axes[0]
        marks = {line.get_label(): line.get_xdata().tolist() for line in axes.lines}
        assert marks["1"] == [64, 49, 49, 49]
        assert marks["3"] == pytest.approx([11, 196 / 9, 15, 9])
        ticks = axes.get_yticklabels()
        assert [tick.get_text() for tick in ticks] == ["1|2+3", "1+2|3", "1+3|2", "1|2|3"]
        assert [tick.get_fontweight() for tick in ticks] == ["bold", "bold", "bold", "normal"]

    def test_all_solutions_have_a_line(self):
        axes = payoffs_figure(viability_answer("rd3_a4_r0.01")).axes[0]
        names = [tick.get_text() for tick in axes.get_yticklabels()]
        assert names[:3] == ["1+2+3  1 of 3", "1+2+3  2 of 3", "1+2+3  3 of 3"]
        assert len({line.get_marker() for line in axes.lines}) == 3

    def test_solutions_of_a_threat_game(self):
        axes = payoffs_figure(characteristic_answer("ex5")).axes[0]
        marks = {line.get_label(): line.get_xdata().tolist() for line in axes.lines}
        assert marks == {"1": [0.2, 0.4, 0.4], "2": [0.4, 0.2, 0.4], "3": [0.4, 0.4, 0.2]}

    def test_what_does_not_fit_is_said(self):
        axes = payoffs_figure(viability_answer("pfg_rand_05_n5")).axes[0]
        assert axes.get_title("left") == "A table of worths for five players (first 21 lines; 32 viable structures)"
        assert len(axes.get_yticklabels()) == 21

    def test_nothing_to_draw(self):
        with pytest.raises(PlotError, match="there are no payoffs to draw"):
            payoffs_figure(characteristic_answer("thm3_pairwise_gcs_fails"))

    def test_nothing_is_drawn_for_absent_players(self):
        frame = pd.DataFrame({"solution": [1, 1], "player": ["1", "2"], "payoff": [1.0, 2.0]})
        answer = dataclasses.replace(threat_answer("exo_rand_01_n3"), tables={"solutions": frame})
        assert [len(line.get_xdata()) for line in payoffs_figure(answer).axes[0].lines] == [1, 1, 0]
