"""Tables of small groups: what is read, what is refused, and how fast; groups as arrays."""

from __future__ import annotations

import itertools
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bad_input_cases import Case, Files
from group_cases import counts, padded, random_games, surplus_by_definition

from breakaway.data.groups import (
    GroupGame,
    PairwiseGroupGame,
    Types,
    all_groups,
    group_sizes,
    member_counts,
    multisets,
    one_type_groups,
    payoff_within,
    permitted_count,
    permitted_groups,
    sufficient_count,
    sufficient_groups,
    surpluses,
)
from breakaway.data.instances import check_instance, game_from_tables, load_instance, tables_from_game
from breakaway.runners.groups.assign import solve_assignment

GROUPS: Files = {
    "game.toml": 'kind = "group-game"\ntitle = "T"\nsource = "S"\n\n[parameters]\nmin_size = 1\nmax_size = 3\n',
    "types.csv": "type,mass\nHand,2\nTool,1.5\n",
    "groups.csv": "group,surplus\nHand+Tool+Tool,9\nTool + Hand,2\nTool,0\n",
}
FORBIDDEN: Files = {
    **GROUPS,
    "game.toml": 'kind = "group-game"\ntitle = "T"\nsource = "S"\n\n[parameters]\nunlisted = "forbidden"\n',
}
PAIRWISE: Files = {
    "game.toml": 'kind = "pairwise-group-game"\ntitle = "T"\n\n[parameters]\nmin_size = 2\nmax_size = 3\n',
    "types.csv": "type,mass,solo\nHand,2,0.5\nTool,1.5,\n",
    "pairs.csv": "type_a,type_b,value\nHand,Tool,3\nTool,Tool,-1\n",
    "sizes.csv": "size,cost\n3,0.5\n",
}
GOOD = {"group-game": GROUPS, "group-game-forbidden": FORBIDDEN, "pairwise-group-game": PAIRWISE}

CASES = (
    Case(
        "negative-mass",
        GROUPS,
        "types.csv",
        "Hand,2",
        "Hand,-2",
        ("types.csv:2:mass: mass is -2; it must be greater than 0",),
    ),
    Case(
        "negative-surplus",
        GROUPS,
        "groups.csv",
        "Tool,9",
        "Tool,-9",
        ("groups.csv:2:surplus: surplus is -9; it must be at least 0",),
    ),
    Case(
        "too-large",
        GROUPS,
        "game.toml",
        "max_size = 3",
        "max_size = 2",
        (
            "groups.csv:2:group: group 'Hand+Tool+Tool' has 3 members, above max_size 2; leave the group out or raise "
            "max_size",
        ),
    ),
    Case(
        "too-small",
        GROUPS,
        "game.toml",
        "min_size = 1",
        "min_size = 2",
        ("groups.csv:4:group: group 'Tool' has 1 member, below min_size 2; leave the group out or lower min_size",),
    ),
    Case(
        "unknown-type",
        GROUPS,
        "groups.csv",
        "Hand+Tool+Tool",
        "Hand+Tol+Tool",
        ("groups.csv:2:group: unknown type 'Tol' in group 'Hand+Tol+Tool'; did you mean 'Tool'?",),
    ),
    Case(
        "empty-member",
        GROUPS,
        "groups.csv",
        "Hand+Tool+Tool",
        "Hand++Tool",
        ("groups.csv:2:group: group 'Hand++Tool' has an empty member; write a group as A+A+B",),
    ),
    Case(
        "group-twice-in-another-order",
        GROUPS,
        "groups.csv",
        "Tool,0",
        "Hand+Tool,3",
        ("groups.csv:4:group: group 'Hand+Tool' is given twice, first in row 3; keep one of the rows",),
    ),
    Case(
        "group-twice-with-one-surplus",
        GROUPS,
        "groups.csv",
        "Tool,0",
        "Hand+Tool,2",
        ("groups.csv:4:group: group 'Hand+Tool' is given twice, first in row 3; keep one of the rows",),
    ),
    Case(
        "no-group-where-others-are-forbidden",
        FORBIDDEN,
        "groups.csv",
        None,
        "group,surplus\n",
        (
            "groups.csv:group: no permitted group contains Hand, Tool, and unlisted groups are forbidden; list a group "
            "for each of these types (alone, say), or set unlisted to zero",
        ),
    ),
    Case(
        "no-whole-size",
        GROUPS,
        "game.toml",
        "max_size = 3",
        "max_size = 3.5",
        ("game.toml:7:max_size: max_size is 3.5, which is not a whole number; count members",),
    ),
    Case(
        "size-zero",
        GROUPS,
        "game.toml",
        "min_size = 1",
        "min_size = 0",
        ("game.toml:6:min_size: min_size is 0; it must be at least 1",),
    ),
    Case(
        "huge-size",
        GROUPS,
        "game.toml",
        "max_size = 3",
        "max_size = 1e9",
        ("game.toml:7:max_size: max_size is 1000000000: the limit is 64 members; permit smaller groups only",),
    ),
    Case(
        "sizes-in-the-wrong-order",
        GROUPS,
        "game.toml",
        "min_size = 1",
        "min_size = 4",
        ("game.toml:7:max_size: max_size 3 is below min_size 4; raise it or lower min_size",),
    ),
    Case(
        "default-size-below-the-least",
        {file: text for file, text in PAIRWISE.items() if file != "sizes.csv"},
        "game.toml",
        "min_size = 2\nmax_size = 3",
        "min_size = 4",
        ("game.toml:4:max_size: max_size 2, the default, is below min_size 4; give max_size, or lower min_size",),
    ),
    Case(
        "other-word-for-unlisted",
        FORBIDDEN,
        "game.toml",
        "forbidden",
        "none",
        ("game.toml:6:unlisted: unlisted is 'none'; write one of 'zero', 'forbidden'",),
    ),
    Case(
        "type-in-no-permitted-group",
        FORBIDDEN,
        "types.csv",
        "Tool,1.5\n",
        "Tool,1.5\nSpare,1\n",
        (
            "groups.csv:group: no permitted group contains Spare, and unlisted groups are forbidden; list a group for "
            "each of these types (alone, say), or set unlisted to zero",
        ),
    ),
    Case(
        "pair-with-two-values",
        PAIRWISE,
        "pairs.csv",
        "Hand,Tool,3",
        "Hand,Tool,3\nTool,Hand,4",
        (
            "pairs.csv:3:type_b: the pair of 'Tool' and 'Hand' stands in row 2 already, with the value 3.0, and 4.0 "
            "here; list the pair once, in any order",
        ),
    ),
    Case(
        "pair-in-both-orders",
        PAIRWISE,
        "pairs.csv",
        "Hand,Tool,3",
        "Hand,Tool,3\nTool,Hand,3",
        (
            "pairs.csv:3:type_b: the pair of 'Tool' and 'Hand' stands in row 2 already, with the value 3.0; list the "
            "pair once, in any order",
        ),
    ),
    Case(
        "pair-twice",
        PAIRWISE,
        "pairs.csv",
        "Hand,Tool,3",
        "Hand,Tool,3\nHand,Tool,3",
        ("pairs.csv:3:type_b: type_a 'Hand', type_b 'Tool' is given twice, first in row 2; keep one of the rows",),
    ),
    Case(
        "unknown-type-of-a-pair",
        PAIRWISE,
        "pairs.csv",
        "Tool,Tool",
        "Tool,Toll",
        ("pairs.csv:3:type_b: unknown type 'Toll'; did you mean 'Tool'?",),
    ),
    Case(
        "size-that-is-not-permitted",
        PAIRWISE,
        "sizes.csv",
        "3,0.5",
        "4,0.5",
        (
            "sizes.csv:2:size: size 4 is not permitted: groups have 2 to 3 members; leave the row out, or change "
            "min_size or max_size",
        ),
    ),
    Case(
        "size-that-is-not-whole",
        PAIRWISE,
        "sizes.csv",
        "3,0.5",
        "2.5,0.5",
        ("sizes.csv:2:size: size 2.5 is not a whole number; count members",),
    ),
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    def write_files(files: Files) -> Path:
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write_files


@pytest.mark.parametrize("name", GOOD)
def test_good_instances_are_good(name: str, write: Callable[[Files], Path]) -> None:
    assert check_instance(write(GOOD[name])) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_edit_gives_exactly_these_lines(case: Case, write: Callable[[Files], Path]) -> None:
    assert tuple(map(str, check_instance(write(case.files())))) == case.lines


def test_all_problems_come_at_once(write: Callable[[Files], Path]) -> None:
    files = {
        **GROUPS,
        "types.csv": "type,mass\nHand,0\nTool,x\n",
        "groups.csv": "group,surplus\nHand+Tol,-1\nTool,nan\n",
    }
    assert [str(problem).split(";")[0] for problem in check_instance(write(files))] == [
        "types.csv:2:mass: mass is 0",
        "types.csv:3:mass: 'x' is not a number",
        "groups.csv:2:group: unknown type 'Tol' in group 'Hand+Tol'",
        "groups.csv:2:surplus: surplus is -1",
        "groups.csv:3:surplus: 'nan' is not a finite number",
    ]


def test_what_is_read_from_groups(write: Callable[[Files], Path]) -> None:
    game = load_instance(write(GROUPS)).game
    expected = GroupGame(
        Types.of(["Hand", "Tool"], [2, 1.5]), padded([[0, 1, 1], [0, 1], [1]], 3), np.array([9.0, 2.0, 0.0]), 1, 3
    )
    assert game == expected
    assert hash(game) == hash(expected)
    assert game != GroupGame(game.types, game.groups, np.array([9.0, 2.0, 1.0]), 1, 3)
    assert pickle.loads(pickle.dumps(game)) == game
    assert [game.types.group_name(group) for group in game.groups] == ["Hand+Tool+Tool", "Hand+Tool", "Tool"]


def test_the_largest_listed_group_is_the_default_bound(write: Callable[[Files], Path]) -> None:
    game = load_instance(write(FORBIDDEN)).game
    assert (game.min_size, game.max_size, game.unlisted) == (1, 3, "forbidden")
    assert permitted_count(game) == 3


def test_what_is_read_from_pairs(write: Callable[[Files], Path]) -> None:
    game = load_instance(write(PAIRWISE)).game
    assert isinstance(game, PairwiseGroupGame)
    assert game.values.tolist() == [[0.0, 3.0], [3.0, -1.0]]  # noqa: PD011
    assert game.solo.tolist() == [0.5, 0.0]
    assert game.size_cost.tolist() == [0.0, 0.0, 0.0, 0.5]
    groups = padded([[0, 1], [0, 0], [1, 1], [0, 1, 1]], 3)
    assert surpluses(game, groups).tolist() == [3.5, 1.0, 0.0, 5.0]  # .5 + 3; .5 + .5; -1 counts as 0; .5 + 6 - 1 - .5


def test_pairs_and_sizes_may_be_left_out() -> None:
    game = game_from_tables("pairwise-group-game", {"types": pd.DataFrame({"type": ["A"], "mass": [1.0]})})
    assert (game.min_size, game.max_size) == (1, 2)
    assert set(tables_from_game(game)[2]) == {"types"}


def test_a_game_may_list_no_groups(write: Callable[[Files], Path]) -> None:
    empty = GroupGame(Types.of(["Hand", "Tool"], [2, 1.5]), np.empty((0, 3), dtype=np.int32), np.empty(0), 1, 3)
    read = load_instance(write({**GROUPS, "groups.csv": "group,surplus\n"})).game
    assert read == empty
    assert float(solve_assignment(read).tables["welfare"].loc[0, "dual"]) == 0
    kind, parameters, tables = tables_from_game(empty)
    assert game_from_tables(kind, tables, parameters) == empty


def test_half_a_million_pairs_are_read_in_seconds(write: Callable[[Files], Path]) -> None:
    n = 1000
    values = np.random.default_rng(0).random((n, n)).round(5)
    rows = [f"t{i},t{j},{values[i, j]}" for i in range(n) for j in range(i, n)]
    folder = write(
        {
            "game.toml": 'kind = "pairwise-group-game"\n[parameters]\nmax_size = 4\n',
            "types.csv": "type,mass\n" + "".join(f"t{i},1\n" for i in range(n)),
            "pairs.csv": "type_a,type_b,value\n" + "\n".join(rows) + "\n",
        }
    )
    started = time.perf_counter()
    game = load_instance(folder).game
    assert time.perf_counter() - started < 30.0
    assert game.values[7, 12] == game.values[12, 7] == values[7, 12]  # noqa: PD011
    assert permitted_count(game) == 42_084_793_750


def test_the_large_market() -> None:
    instance = load_instance("market-1000")
    game = instance.game
    assert permitted_count(game) == 167_668_500
    assert np.count_nonzero(np.triu(game.values)) == 10_029
    assert sum(len((instance.path / name).read_bytes()) for name in instance.files) < 200_000
    rng = np.random.default_rng(1000)
    place = rng.random((1000, 2)).round(4)
    assert game.types.masses == pytest.approx(rng.uniform(0.5, 1.5, 1000).round(3))
    craft = rng.integers(0, 4, 1000)
    one, other = np.nonzero(np.triu(game.values))
    distance = np.hypot(*(place[one] - place[other]).T)
    assert distance.max() < 0.2
    assert (craft[one] != craft[other]).all()
    expected = (1 + rng.random(len(one))) * (1 - 4 * distance)
    assert game.values[one, other] == pytest.approx(expected, abs=5.1e-4)  # noqa: PD011


def test_example_2_4_4_is_the_best_trade() -> None:
    # The pair maximises sqrt(x) + 100 sqrt(100 - x) + 100 - 2 (100 - x) over x <= 50.
    x = np.linspace(0.0, 0.1, 1_000_001)
    worth = np.sqrt(x) + 100 * np.sqrt(100 - x) + 100 - 2 * (100 - x)
    game = load_instance("groups-2-4-4").game
    assert surpluses(game, padded([[0, 1]], 2))[0] == pytest.approx(worth.max(), abs=1e-9)


# --- groups as arrays ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("types", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_multisets_are_all_and_in_order(types: int, size: int) -> None:
    expected = list(itertools.combinations_with_replacement(range(types), size))
    assert list(map(tuple, multisets(types, size).tolist())) == expected
    assert len(expected) == permitted_groups(types, size, size)


def test_members_are_counted() -> None:
    groups = all_groups(4, 1, 3)
    rows, members, number = member_counts(groups)
    found = np.zeros((len(groups), 4))
    found[rows, members] = number
    expected = [[group.count(i) for i in range(4)] for group in groups.tolist()]
    assert found.tolist() == expected
    assert found.sum(axis=1).tolist() == group_sizes(groups).tolist()
    u = np.array([1.0, 10.0, 100.0, 1000.0])
    assert payoff_within(groups, u) == pytest.approx(found @ u)
    assert all(len(part) == 0 for part in member_counts(groups[:0]))


@pytest.mark.parametrize("game", random_games(6), ids=lambda game: type(game).__name__)
def test_surpluses_by_definition(game) -> None:
    groups = all_groups(len(game.types), game.min_size, game.max_size)
    assert surpluses(game, groups) == pytest.approx([surplus_by_definition(game, group) for group in groups.tolist()])
    enough, surplus = sufficient_groups(game)
    assert surplus == pytest.approx(surpluses(game, enough))
    assert len(enough) <= sufficient_count(game)
    assert (counts(game, one_type_groups(game)) == game.min_size * np.eye(len(game.types))).all()


def test_forbidden_groups_are_worth_minus_infinity() -> None:
    game = GroupGame(Types.of(2, [1, 1]), padded([[0, 1]], 3), np.array([4.0]), 1, 3, "forbidden")
    assert surpluses(game, padded([[0, 1], [0, 0], [0, 1, 1]], 3)).tolist() == [4.0, -np.inf, -np.inf]
    assert sufficient_groups(game)[0].tolist() == [[0, 1, -1]]
