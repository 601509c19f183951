"""Pictures made by ``solve --plots``: which ones an answer gets, and what happens when they cannot be drawn."""

from __future__ import annotations

import builtins
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_calls import call, market

from breakaway.data.instances import load_instance, shipped_instances
from breakaway.results.canvas import PlotError
from breakaway.results.storage import read_run
from breakaway.runners.asking import HowToSolve
from breakaway.runners.dispatch import solve_game
from breakaway.runners.pictures import payoff_triangle

drawn = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")

PNG = b"\x89PNG\r\n\x1a\n"


def pictures(run: Path) -> set[str]:
    for path in run.glob("*.png"):
        assert path.read_bytes().startswith(PNG)
        assert path.stat().st_size > 5_000
    return {path.name for path in run.glob("*.png")}


@drawn
@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        ("cartel-1-3-5", {"lattice.png", "payoffs.png", "triangle.png"}),
        ("cournot-heterogeneous-4", {"lattice.png", "payoffs.png"}),
        ("example-4-singletons", {"triangle.png"}),
        ("example-5", {"triangle.png"}),
        ("example-1", set()),
        ("coarsest-inefficient", set()),
    ],
)
def test_pictures_that_an_answer_gets(tmp_path: Path, instance: str, expected: set[str]) -> None:
    answer = call("solve", instance, "--out", tmp_path / "run", "--plots")
    assert (answer.code, answer.err) == (0, "")
    assert pictures(tmp_path / "run") == expected
    assert call("verify", tmp_path / "run").code == 0


@drawn
def test_no_pictures_unless_asked(tmp_path: Path) -> None:
    assert call("solve", "cartel-1-3-5", "--out", tmp_path / "run").code == 0
    assert pictures(tmp_path / "run") == set()


@drawn
def test_patterns_of_identical_firms_are_drawn(tmp_path: Path) -> None:
    twelve = market(tmp_path / "twelve", [1.0] * 12, 61.0)
    answer = call("solve", twelve, "--out", tmp_path / "run", "--plots")
    assert (answer.code, answer.err) == (0, "")
    assert pictures(tmp_path / "run") == {"lattice.png", "payoffs.png"}


@drawn
def test_the_lattice_of_patterns_joins_each_to_its_mergers(tmp_path: Path) -> None:
    from breakaway.results.lattice_plot import lattice_figure  # noqa: PLC0415

    twelve = market(tmp_path / "twelve", [1.0] * 12, 61.0)
    assert call("solve", twelve, "--out", tmp_path / "run", "--detail", "none").code == 0
    stored = read_run(tmp_path / "run").answer
    assert stored.certificate.claims["identical_players"] == [[str(k) for k in range(1, 13)]]
    figure = lattice_figure(stored)
    (edges,) = [artist for artist in figure.axes[0].collections if type(artist).__name__ == "LineCollection"]
    assert len(edges.get_segments()) == edges_between_partitions(12)


def edges_between_partitions(n: int) -> int:
    """Count pairs of partitions of n of which one arises from the other by adding two of its parts."""
    partitions, found = {(1,) * n}, 0
    while partitions:
        mergers = [
            {
                tuple(sorted((*(x for k, x in enumerate(p) if k not in (i, j)), p[i] + p[j])))
                for i in range(len(p))
                for j in range(i)
            }
            for p in partitions
        ]
        found += sum(map(len, mergers))
        partitions = set().union(*mergers)
    return found


def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def guarded(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError("No module named 'matplotlib'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", guarded)


@pytest.mark.parametrize("as_json", [False, True])
def test_without_matplotlib_the_answer_is_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    without_matplotlib(monkeypatch)
    run = tmp_path / "run"
    answer = call("solve", "cartel-1-3-5", "--out", run, "--plots", *(["--json"] if as_json else []))
    assert answer.code == 1
    assert answer.err == "pictures are missing: pictures need matplotlib: pip install breakaway[plots]\n"
    if as_json:
        assert answer.json["status"]["holding"] == "proven optimum"
    else:
        assert "the coarsest viable structures are 1|2+3, 1+3|2 and 1+2|3" in answer.out
    assert pictures(run) == set()
    assert json.loads((run / "run.json").read_text())["status"]["holding"] == "proven optimum"
    monkeypatch.undo()
    assert call("verify", run).code == 0


@pytest.mark.parametrize("error", [ImportError("no backend"), PlotError("lattice.png: cannot be written")])
def test_pictures_that_fail_do_not_hide_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: object) -> object:
        raise error

    monkeypatch.setattr("breakaway.runners.cli.write_pictures", failing)
    answer = call("solve", "cartel-1-3-5", "--out", tmp_path / "run", "--plots")
    assert (answer.code, answer.err) == (1, f"pictures are missing: {error}\n")
    assert "Tables and run.json are in" in answer.out


WITHOUT_A_TRIANGLE = {
    "example-1",
    "polyhedron-3",
    "abatement-levels-3",
    "shared-laboratory-3",
    "ntu-polyhedra",
    "ntu-several-threats",
    "roommates",
    "theorem-2-nonconvex",
}
"""Games of three players who share no worth."""


BARGAINING = [
    instance.name
    for instance in shipped_instances()
    if instance.kind
    not in ("group-game", "pairwise-group-game", "positive-size-game", "public-goods", "payoff-environment")
]
"""Markets of small groups have pictures of their own."""


@pytest.mark.parametrize("name", BARGAINING)
def test_triangles_are_for_three_players_who_share_a_worth(name: str) -> None:
    game = load_instance(name).game
    triangle = payoff_triangle(game, solve_game(game, HowToSolve(verify=False)))
    if len(game.players) != 3 or name in WITHOUT_A_TRIANGLE:
        assert triangle is None
    else:
        assert triangle is not None
        assert triangle.disagreement == game.players.disagreement
