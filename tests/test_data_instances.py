"""Shipped instances, and reading what was written."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import GAMES

from breakaway.data.coalitions import parse_structure, structures
from breakaway.data.families import GROUP_GAMES, AnyGame
from breakaway.data.games import PartitionFunctionGame, Players, Points, Polyhedron, Threat, ThreatGame, TotalWorth
from breakaway.data.instances import (
    check_instance,
    game_from_tables,
    load_instance,
    shipped_instances,
    tables_from_game,
)
from breakaway.data.kinds import KINDS
from breakaway.data.kinds.research_race import payoff_alone
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.results.instances import write_instance

ONE_TO = {n: tuple(str(k + 1) for k in range(n)) for n in range(3, 7)}
TREES = ("Alder", "Birch", "Cedar", "Elm", "Fir")
COASTS = ("Ash", "Bay", "Cob", "Dew")
FRIENDS = ("Ann", "Bob", "Cid", "Dan")
WINDS = ("North", "East", "South", "West")
PAPERS = ("Vohra and Ray (2025)", "Wang (2019)", "Guo and Yannelis (2020)")
EXPECTED = {
    "abatement-levels-3": ("strategic-form", ("Ash", "Bay", "Cob")),
    "abatement-levels-4": ("strategic-form", ("Ash", "Bay", "Cob", "Dew")),
    "battle-of-the-sexes": ("strategic-form", ("Ann", "Bob")),
    "cartel-1-3-5": ("cournot", ONE_TO[3]),
    "cartel-2-3-4": ("cournot", ONE_TO[3]),
    "cartel-levels-3": ("strategic-form", ONE_TO[3]),
    "cartel-symmetric-3": ("cournot", ONE_TO[3]),
    "cartel-symmetric-4": ("cournot", ONE_TO[4]),
    "cartel-symmetric-5": ("cournot", ONE_TO[5]),
    "cartel-symmetric-6": ("cournot", ONE_TO[6]),
    "coarsest-inefficient": ("characteristic-function", ONE_TO[4]),
    "cournot-heterogeneous-4": ("cournot", TREES[:4]),
    "cournot-heterogeneous-5": ("cournot", TREES),
    "cournot-heterogeneous-5-weighted": ("cournot", TREES),
    "example-1": ("threat-game", ONE_TO[3]),
    "example-2-116": ("abatement", ONE_TO[3]),
    "example-2-123": ("abatement", ONE_TO[3]),
    "example-2-1234": ("abatement", ONE_TO[4]),
    "example-2-five-countries": ("abatement", ONE_TO[5]),
    "example-2-four-countries": ("abatement", ONE_TO[4]),
    "example-2-symmetric": ("abatement", ONE_TO[3]),
    "example-3-four-firms": ("research-race", ONE_TO[4]),
    "example-3-high-synergy": ("research-race", ONE_TO[3]),
    "example-3-low-synergy": ("research-race", ONE_TO[3]),
    "example-3-weighted": ("research-race", ONE_TO[3]),
    "example-4-singletons": ("threat-game", ONE_TO[3]),
    "example-5": ("characteristic-function", ONE_TO[3]),
    "example-6": ("characteristic-function", ONE_TO[3]),
    "groups-2-3-2": ("group-game", ONE_TO[3]),
    "groups-2-4-1": ("group-game", ("1", "2")),
    "groups-2-4-2": ("group-game", ONE_TO[3]),
    "groups-2-4-3": ("group-game", ("1",)),
    "groups-2-4-4": ("group-game", ("1", "2")),
    "majority-5-inconsistent-weights": ("characteristic-function", ONE_TO[5]),
    "market-1000": ("pairwise-group-game", tuple(f"t{k:03d}" for k in range(1000))),
    "marriage": ("pairwise-group-game", ("Adam", "Boaz", "Carl", "Eva", "Fay", "Gia")),
    "ntu-polyhedra": ("ntu-game", ("casting", "milling", "assembly")),
    "ntu-several-threats": ("ntu-game", ("Ada", "Ben", "Cyd")),
    "partition-function-4": ("partition-function", ("Ash", "Bay", "Cob", "Dew")),
    "partition-function-5": ("partition-function", ("Ash", "Bay", "Cob", "Dew", "Eve")),
    "polyhedron-3": ("threat-game", ("casting", "milling", "assembly")),
    "positive-ces": ("positive-size-game", ("mason", "carpenter")),
    "positive-negative-payoff": ("positive-size-game", ("noisy", "quiet")),
    "positive-recipes": ("positive-size-game", ("potter", "glazier", "packer")),
    "pollution-3": ("public-goods", COASTS[:3]),
    "pollution-4": ("public-goods", COASTS),
    "public-goods-ces-3": ("public-goods", FRIENDS[:3]),
    "public-goods-kinks-3": ("public-goods", FRIENDS[:3]),
    "public-goods-leontief-3": ("public-goods", ("Aalst", "Berg", "Doorn")),
    "public-goods-log-2": ("public-goods", FRIENDS[:2]),
    "public-goods-log-3": ("public-goods", FRIENDS[:3]),
    "public-goods-no-externality": ("public-goods", FRIENDS[:3]),
    "public-goods-printed-errs": ("public-goods", FRIENDS[:3]),
    "public-goods-sqrt-3": ("public-goods", FRIENDS[:3]),
    "public-goods-sqrt-4": ("public-goods", FRIENDS),
    "robust-constant": ("payoff-environment", ("1", "2")),
    "robust-dictator": ("payoff-environment", ("1", "2")),
    "robust-example-1": ("payoff-environment", ("1", "2")),
    "robust-example-1-no-disposal-2": ("payoff-environment", ("1", "2")),
    "robust-example-1-no-disposal-3": ("payoff-environment", ("1", "2")),
    "robust-example-1-two-types": ("payoff-environment", ("1", "2")),
    "robust-example-2": ("payoff-environment", ("1", "2")),
    "robust-no-single-reward": ("payoff-environment", ("1", "2")),
    "robust-public-good-3": ("payoff-environment", FRIENDS[:3]),
    "robust-union-of-deceptions": ("payoff-environment", ("1", "2")),
    "roommates": ("ntu-game", ONE_TO[3]),
    "roommates-odd-cycle": ("pairwise-group-game", ("Ann", "Ben", "Cas", "Dot", "Eli")),
    "several-threats": ("threat-game", WINDS),
    "shared-laboratory-3": ("strategic-form", ("Ida", "Jon", "Kay")),
    "surplus-sharing": ("pairwise-group-game", ("cook", "griller", "seller", "driver", "bookkeeper")),
    "theorem-2-nonconvex": ("ntu-game", ONE_TO[3]),
    "theorem-3-pairs": ("characteristic-function", ONE_TO[3]),
    "theorem-4-zero-product": ("characteristic-function", ONE_TO[4]),
    "tie-not-permutation": ("characteristic-function", ONE_TO[4]),
    "toy-production": (
        "group-game",
        (
            *("brick_2x4", "brick_2x2", "plate_2x6", "slope_2x2", "wheel"),
            "axle",
            "window",
            "door",
            "figure",
            "propeller",
        ),
    ),
}


def test_the_list_of_shipped_instances_is_this() -> None:
    assert [shipped.name for shipped in shipped_instances()] == sorted(EXPECTED)


def test_every_kind_and_every_feasible_set_is_shipped() -> None:
    games = [load_instance(name).game for name in EXPECTED]
    assert {kind for kind, _ in EXPECTED.values()} == set(KINDS)
    feasible = {type(game.feasible) for game in games if isinstance(game, ThreatGame)}
    assert feasible == {TotalWorth, Points, Polyhedron}


def names_in(game: AnyGame) -> tuple[str, ...]:
    if isinstance(game, PublicGoodsGame | PayoffEnvironment):
        return game.agents
    return game.types.names if isinstance(game, GROUP_GAMES) else game.players.names


@pytest.mark.parametrize("name", EXPECTED)
def test_shipped_instance(name: str, tmp_path: Path) -> None:
    assert check_instance(name) == []
    instance = load_instance(name)
    game = instance.game
    assert (instance.kind, names_in(game)) == EXPECTED[name]
    assert instance.name == name
    assert instance.title
    assert instance.source == "made for Breakaway" or any(paper in instance.source for paper in PAPERS)
    again = load_instance(write_instance(tmp_path / name, instance.game, instance.title, instance.source))
    assert again.game == instance.game
    assert (again.name, again.kind, again.title, again.source) == (name, instance.kind, instance.title, instance.source)


def test_shipped_list_agrees_with_the_instances() -> None:
    for shipped in shipped_instances():
        instance = load_instance(shipped.name)
        assert shipped == (instance.name, instance.kind, instance.title, instance.source)


def test_main_instance() -> None:
    game = load_instance("cartel-2-3-4").game
    assert game == game_from_tables(*reordered(tables_from_game(game)))
    assert game.demand_intercept == 10.0
    assert game.unit_cost == (2.0, 3.0, 4.0)
    assert game.players == Players.of(3)


def reordered(parts: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    kind, parameters, tables = parts
    return kind, tables, parameters


def test_example_1() -> None:
    game = load_instance("example-1").game
    assert game.feasible == Points(("y", "z"), ((3.0, 3.0, 1.0), (2.0, 2.0, 4.0)))
    assert game.threats == (Threat("all-to-1", 0b011, (6.0, 0.0)), Threat("all-to-2", 0b011, (0.0, 6.0)))


def test_polyhedron() -> None:
    game = load_instance("polyhedron-3").game
    expected = Polyhedron(("machine-hours", "labour-hours"), ((1.0, 2.0, 1.0), (3.0, 1.0, 2.0)), (20.0, 30.0))
    assert game.feasible == expected
    assert [threat.coalition for threat in game.threats] == [0b011, 0b110, 0b101]


def test_partition_function_worths_stand_in_the_order_of_the_structure() -> None:
    game = load_instance("partition-function-4").game
    assert isinstance(game, PartitionFunctionGame)
    assert set(game.worths) == set(structures(0b1111))
    assert game.worths[parse_structure("Dew|Cob|Bay|Ash", game.players.names)] == (9.0, 8.0, 5.0, 8.0)


def test_inconsistent_weights_and_missing_worth() -> None:
    instance = load_instance("majority-5-inconsistent-weights")
    assert instance.game.coalition_weights[0b00111] == (15.0, 8.0, 10.0)
    assert instance.parameters == {"missing_worth": 0.0}
    assert sum(instance.game.worths.values()) == 16


def test_files_are_hashed_as_they_are() -> None:
    instance = load_instance("cartel-2-3-4")
    assert sorted(instance.files) == ["game.toml", "players.csv"]
    content = (Path(str(instance.path)) / "players.csv").read_bytes()
    assert instance.files["players.csv"] == hashlib.sha256(content).hexdigest()


def test_defaults_are_among_the_parameters() -> None:
    assert load_instance("example-3-high-synergy").parameters == {
        "synergy": 4.0,
        "discount_rate": 0.1,
        "convention": "equation-15",
    }


def test_instance_is_frozen_and_pickles() -> None:
    instance = load_instance("example-5")
    with pytest.raises(dataclasses.FrozenInstanceError):
        instance.name = "other"
    with pytest.raises(TypeError):
        instance.files["game.toml"] = ""
    assert pickle.loads(pickle.dumps(instance)) == instance


def test_a_folder_beats_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_instance(tmp_path / "example-5", load_instance("cartel-2-3-4").game, "Mine", "me")
    monkeypatch.chdir(tmp_path)
    assert load_instance("example-5").title == "Mine"


def test_title_and_source_may_be_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "my-market"
    folder.mkdir()
    (folder / "game.toml").write_text('kind = "abatement"\n')
    (folder / "players.csv").write_text("player,scale\na,1\n")
    (folder / "notes.txt").write_text("other files are left alone")
    instance = load_instance(folder)
    assert (instance.name, instance.title, instance.source) == ("my-market", "my-market", "")


@pytest.mark.parametrize("kind", GAMES)
def test_writing_and_reading_gives_the_same_game(kind: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(GAMES[kind], st.text(), st.text())
    def check(game: Any, title: str, source: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            instance = load_instance(write_instance(folder, game, title, source))
        assert (instance.kind, instance.title, instance.source, instance.game) == (kind, title, source, game)

    check()


@pytest.mark.parametrize("kind", GAMES)
def test_frames_of_a_game_make_the_same_game(kind: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(GAMES[kind])
    def check(game: Any) -> None:
        assert game_from_tables(*reordered(tables_from_game(game))) == game

    check()


def test_strategies_cover_every_kind() -> None:
    assert set(GAMES) == set(KINDS)


def test_writing_twice_needs_overwrite(tmp_path: Path) -> None:
    first, second = load_instance("several-threats"), load_instance("cartel-2-3-4")
    write_instance(tmp_path, first.game, "first", "")
    (tmp_path / "notes.txt").write_text("kept")
    with pytest.raises(FileExistsError, match="set overwrite to replace"):
        write_instance(tmp_path, second.game, "second", "")
    assert load_instance(tmp_path).title == "first"
    write_instance(tmp_path, second.game, "second", "", overwrite=True)
    assert load_instance(tmp_path).game == second.game
    assert sorted(path.name for path in tmp_path.iterdir()) == ["game.toml", "notes.txt", "players.csv"]


def test_overwrite_replaces_nothing_but_an_instance(tmp_path: Path) -> None:
    (tmp_path / "players.csv").write_text("somebody's own file")
    with pytest.raises(FileExistsError, match="holds no instance to replace"):
        write_instance(tmp_path, load_instance("cartel-2-3-4").game, "t", "s", overwrite=True)
    assert (tmp_path / "players.csv").read_text() == "somebody's own file"


@pytest.mark.parametrize("r", [0.001, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_payoff_alone_in_the_race_solves_equation_16(n: int, r: float) -> None:
    low, high = 0.0, 10.0
    for _ in range(200):
        rate = (low + high) / 2
        total = r + n * rate
        low, high = (rate, high) if 1 / total - rate / total**2 - rate > 0 else (low, rate)
    assert payoff_alone(n, r) == pytest.approx(rate / total - rate**2 / 2, rel=1e-10)
