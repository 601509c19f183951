"""The kind strategic-form: reading, every check with its message, both forms of actions, limits."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cli_calls import write_files
from strategic_cases import by_coalition, by_player

from breakaway.data.coalitions import parse_structure, structures
from breakaway.data.games import Players, StrategicFormGame
from breakaway.data.instances import check_instance, game_from_tables, load_instance, tables_from_game
from breakaway.data.limits import MAX_PROFILES, profile_limit
from breakaway.data.problems import DataError

Files = dict[str, str]

BY_PLAYER: Files = {
    "game.toml": 'kind = "strategic-form"\ntitle = "T"\nsource = "S"\n',
    "players.csv": "player\nAnn\nBob\n",
    "actions.csv": "player,action\nAnn,up\nAnn,down\nBob,left\n",
    "payoffs.csv": (
        "profile,player,payoff\nAnn:up|Bob:left,Ann,3\nAnn:up|Bob:left,Bob,1\nBob:left | Ann:down,Ann,2\n"
        "Ann:down|Bob:left,Bob,2\n"
    ),
}
BY_COALITION: Files = {
    "game.toml": 'kind = "strategic-form"\ntitle = "T"\nsource = "S"\n[parameters]\ntransfers = true\n',
    "players.csv": "player\nAnn\nBob\n",
    "actions.csv": "coalition,action\nAnn,up\nBob,left\nBob+Ann,merge\nAnn+Bob,wait\n",
    "payoffs.csv": (
        "profile,player,payoff\nAnn:up|Bob:left,Ann,3\nAnn:up|Bob:left,Bob,1\nAnn+Bob:merge,Ann,4\n"
        "Ann+Bob:merge,Bob,4\nBob+Ann:wait,Ann,1\nAnn+Bob:wait,Bob,0\n"
    ),
    "equilibria.csv": "structure,profile\nAnn+Bob,Ann+Bob:merge\n",
}

CASES: dict[str, tuple[Files, str, str, str, tuple[str, ...]]] = {
    "payoff missing": (
        BY_PLAYER, "payoffs.csv", "Ann:up|Bob:left,Bob,1\n", "",
        (
            "payoffs.csv:payoff: 1 payoff is missing: Bob at Ann:up|Bob:left; list every player at every profile",
        ),
    ),
    "profiles of a structure missing": (
        BY_COALITION, "payoffs.csv", "Ann+Bob:merge,Ann,4\nAnn+Bob:merge,Bob,4\n", "",
        (
            "payoffs.csv:payoff: 2 payoffs are missing: Ann at Ann+Bob:merge, Bob at Ann+Bob:merge; "
            "list every player at every profile of every structure",
        ),
    ),
    "unknown action": (
        BY_PLAYER, "payoffs.csv", "Ann:up|Bob:left,Bob", "Ann:upp|Bob:left,Bob",
        ("payoffs.csv:3:profile: 'Ann' has no action 'upp'; did you mean 'up'?",),
    ),
    "joint action where actions are by player": (
        BY_PLAYER, "payoffs.csv", "Ann:up|Bob:left,Bob", "Ann+Bob:up,Bob",
        (
            "payoffs.csv:3:profile: profile gives 'Ann+Bob' an action, but actions are by player; "
            "write one action for each player",
        ),
    ),
    "no action named": (
        BY_PLAYER, "payoffs.csv", "Ann:up|Bob:left,Bob", "Ann|Bob:left,Bob",
        ("payoffs.csv:3:profile: 'Ann' of profile 'Ann|Bob:left' names no action; write it as A:low|B:high",),
    ),
    "a player twice": (
        BY_COALITION, "payoffs.csv", "Ann+Bob:merge,Ann", "Ann+Bob:merge|Bob:left,Ann",
        (
            "payoffs.csv:4:profile: profile 'Ann+Bob:merge|Bob:left' does not give every player one action; "
            "put every player in exactly one coalition, as in A+B:joint|C:low",
        ),
    ),
    "unknown player": (
        BY_PLAYER, "payoffs.csv", "Ann:up|Bob:left,Bob", "Ann:up|Bop:left,Bob",
        ("payoffs.csv:3:profile: unknown player 'Bop' in coalition 'Bop'; did you mean 'Bob'?",),
    ),
    "player without actions": (
        BY_PLAYER, "actions.csv", "Bob,left\n", "",
        ("actions.csv:player: 1 player is missing: Bob; give each at least one action",),
    ),
    "coalition without actions": (
        BY_COALITION, "actions.csv", "Bob+Ann,merge\nAnn+Bob,wait\n", "",
        ("actions.csv:coalition: 1 coalition is missing: Ann+Bob; give each at least one action",),
    ),
    "action twice": (
        BY_PLAYER, "actions.csv", "Ann,down", "Ann,up",
        ("actions.csv:3:action: player 'Ann', action 'up' is given twice, first in row 2; keep one of the rows",),
    ),
    "no guarantee of disagreement": (
        BY_PLAYER, "players.csv", "player\nAnn\nBob\n", "player,disagreement\nAnn,0\nBob,1.5\n",
        (
            "players.csv:3:disagreement: player 'Bob' alone can be held to 1, less than the disagreement payoff 1.5; "
            "lower the disagreement payoff, or add an action that secures it",
        ),
    ),
    "choice without transfers": (
        BY_COALITION, "game.toml", "transfers = true", 'equilibrium = "first"',
        (
            "game.toml:5:equilibrium: 'equilibrium' chooses between equilibria of the surplus game, but there are no "
            "transfers; set transfers = true, or leave it out",
            "equilibria.csv:equilibria: 'equilibria' chooses between equilibria of the surplus game, but there are no "
            "transfers; set transfers = true, or leave it out",
        ),
    ),
    "unknown choice": (
        BY_COALITION, "game.toml", "transfers = true", 'transfers = true\nequilibrium = "best"',
        ("game.toml:6:equilibrium: equilibrium is 'best'; write one of 'unique', 'largest-total', 'first'",),
    ),
    "profile of another structure": (
        BY_COALITION, "equilibria.csv", "Ann+Bob,Ann+Bob:merge", "Ann+Bob,Ann:up|Bob:left",
        (
            "equilibria.csv:2:profile: the profile is not one of the structure 'Ann+Bob'; "
            "give each coalition of the structure its action",
        ),
    ),
}  # fmt: skip


def lines(folder: Path) -> tuple[str, ...]:
    return tuple(str(problem) for problem in check_instance(folder))


@pytest.mark.parametrize("files", [BY_PLAYER, BY_COALITION], ids=["by player", "by coalition"])
def test_good_instances_are_good(files: Files, tmp_path: Path) -> None:
    assert lines(write_files(tmp_path, files)) == ()


@pytest.mark.parametrize("name", CASES)
def test_one_edit_gives_exactly_these_lines(name: str, tmp_path: Path) -> None:
    good, file, old, new, expected = CASES[name]
    assert old in good[file]
    folder = write_files(tmp_path, {**good, file: good[file].replace(old, new, 1)})
    assert lines(folder) == expected
    with pytest.raises(DataError):
        load_instance(folder)


def test_what_is_read_by_player(tmp_path: Path) -> None:
    game = load_instance(write_files(tmp_path, BY_PLAYER)).game
    assert isinstance(game, StrategicFormGame)
    assert game.by_player
    assert game.actions == {1: ("up", "down"), 2: ("left",)}
    assert game.payoffs[1, 2].tolist() == [[[3.0, 1.0]], [[2.0, 2.0]]]
    assert game.joint_actions(3) == ("up+left", "down+left")
    assert game.payoffs_in((3,)).tolist() == [[3.0, 1.0], [2.0, 2.0]]
    assert game.profile_name((3,), ("down+left",)) == "Ann:down|Bob:left"


def test_what_is_read_by_coalition(tmp_path: Path) -> None:
    game = load_instance(write_files(tmp_path, BY_COALITION)).game
    assert isinstance(game, StrategicFormGame)
    assert not game.by_player
    assert game.actions == {1: ("up",), 2: ("left",), 3: ("merge", "wait")}
    assert game.payoffs[(3,)].tolist() == [[4.0, 4.0], [1.0, 0.0]]
    assert game.transfers
    assert game.chosen == {(3,): ("merge",)}


def test_joint_actions_of_players_combine_in_the_order_of_the_players() -> None:
    """Every entry of every structure is the payoff at the same actions of the players."""
    game = by_player(4, (2, 3, 2, 2), 5)
    finest = game.payoffs[1, 2, 4, 8]
    for structure in structures(15):
        values = game.payoffs_in(structure)
        own = [list(enumerate(game.joint_actions(block))) for block in structure]
        for profile in itertools.product(*own):
            name = game.profile_name(structure, [action for _, action in profile])
            index = tuple(int(part.split(":a")[1]) for part in name.split("|"))
            assert values[tuple(k for k, _ in profile)].tolist() == finest[index].tolist()


def test_games_are_frozen_compared_and_pickled() -> None:
    game = by_coalition(3, 1)
    again = pickle.loads(pickle.dumps(game))
    assert again == game
    assert again != by_coalition(3, 2)
    assert (game == "game") is False
    with pytest.raises(ValueError, match="read-only"):
        game.payoffs[(7,)][0, 0] = 1.0
    with pytest.raises(TypeError, match="unhashable"):
        hash(game)


def test_a_table_of_choices_comes_back() -> None:
    game = by_player(3, (2, 2, 2), 0, transfers=True)
    pi = parse_structure("1+3|2", game.players.names)
    chosen = StrategicFormGame(game.players, game.actions, game.payoffs, True, "first", {pi: ("a0+a1", "a1")})
    kind, parameters, tables = tables_from_game(chosen)
    assert tables["equilibria"].to_dict("records") == [{"structure": "1+3|2", "profile": "1:a0|2:a1|3:a1"}]
    assert game_from_tables(kind, tables, parameters) == chosen


# --- limits --------------------------------------------------------------------------------------------------------


def test_at_most_eight_players(tmp_path: Path) -> None:
    files = {**BY_PLAYER, "players.csv": "player\n" + "".join(f"p{k}\n" for k in range(9))}
    assert lines(write_files(tmp_path, files))[0] == (
        "players.csv:player: 9 players: the limit is 8; merge or leave out players"
    )


def test_at_most_two_million_profiles() -> None:
    """Eight players with three actions each have 6,561 profiles in each of 4,140 structures."""
    names = Players.of(8).names
    tables = {
        "players": pd.DataFrame({"player": names}),
        "actions": pd.DataFrame(list(itertools.product(names, "abc")), columns=["player", "action"]),
        "payoffs": pd.DataFrame(
            [("|".join(f"{p}:a" for p in names), "1", 0.0)], columns=["profile", "player", "payoff"]
        ),
    }
    with pytest.raises(DataError) as caught:
        game_from_tables("strategic-form", tables)
    assert str(caught.value) == (
        "actions:action: the coalition structures have 27,162,540 action profiles; the limit is 2,000,000; "
        "leave out actions or players"
    )


def test_the_limit_of_profiles() -> None:
    assert profile_limit(MAX_PROFILES) is None
    assert profile_limit(MAX_PROFILES + 1) is not None
    assert by_player(2, (2, 2), 0).payoffs[1, 2].dtype == np.float64
