"""The kind ``strategic-form``: joint actions of every coalition and the payoffs of every profile (section 3.1)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from breakaway.data.coalitions import (
    Coalition,
    Structure,
    finest_structure,
    format_coalition,
    format_structure,
    grand_coalition,
    members,
    structures,
)
from breakaway.data.games import Selection, StrategicFormGame
from breakaway.data.kinds.bargaining import (
    COALITION_WEIGHTS,
    build_coalition_weights,
    build_players,
    check_coalition_weights,
    coalition_weights_frame,
    disagreements,
    missing_list,
    players_frame,
    players_table,
    report_limit,
)
from breakaway.data.limits import MAX_PLAYERS_STRATEGIC, player_limit, profile_limit
from breakaway.data.problems import SHOWN, Findings, suggestion
from breakaway.data.schema import Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data, Profile, TypedTable

ActionNames = Mapping[Coalition, tuple[str, ...]]


@dataclass(frozen=True)
class Grid:
    """Every profile that a game must list, numbered through: structure by structure, the last block fastest.

    Where actions are by player, the profiles of the finest structure are all there are.
    """

    names: tuple[str, ...]
    actions: ActionNames
    by_player: bool
    offsets: Mapping[Structure, int] = field(default_factory=dict)
    _number: Mapping[tuple[Coalition, str], int] = field(default_factory=dict)
    total: int = 0

    @classmethod
    def of(cls, names: tuple[str, ...], actions: ActionNames, by_player: bool) -> Grid:
        """Give every profile a number."""
        offsets, total = {}, 0
        whole = grand_coalition(len(names))
        for structure in [finest_structure(len(names))] if by_player else structures(whole):
            offsets[structure] = total
            total += math.prod(len(actions[block]) for block in structure)
        numbers = {(block, name): k for block, own in actions.items() for k, name in enumerate(own)}
        return cls(names, actions, by_player, offsets, numbers, total)

    def shape(self, structure: Structure) -> tuple[int, ...]:
        """Return the number of actions of each block."""
        return tuple(len(self.actions[block]) for block in structure)

    def number(self, profile: Profile) -> int:
        """Return the number of a profile, -1 when it is none."""
        structure = tuple(block for block, _ in profile)
        if structure not in self.offsets or any(pair not in self._number for pair in profile):
            return -1
        own = tuple(self._number[pair] for pair in profile)
        return self.offsets[structure] + int(np.ravel_multi_index(own, self.shape(structure)))

    def name(self, number: int) -> str:
        """Write the profile of a number."""
        structure = max((s for s in self.offsets if self.offsets[s] <= number), key=self.offsets.__getitem__)
        own = np.unravel_index(number - self.offsets[structure], self.shape(structure))
        pairs = zip(structure, own, strict=True)
        return "|".join(f"{format_coalition(block, self.names)}:{self.actions[block][k]}" for block, k in pairs)


def structure_profiles(actions: ActionNames, n: int, by_player: bool) -> int:
    """Count the profiles of all structures."""
    sizes = {block: len(own) for block, own in actions.items()}
    if by_player:
        return math.prod(sizes.values()) * sum(1 for _ in structures(grand_coalition(n)))
    return sum(math.prod(sizes.get(block, 0) for block in pi) for pi in structures(grand_coalition(n)))


# --- checks --------------------------------------------------------------------------------------------------------


def _check(data: Data, findings: Findings) -> None:
    if "players" not in data.tables:
        return
    if report_limit(data, lambda n: player_limit(n, MAX_PLAYERS_STRATEGIC), findings):
        return
    check_coalition_weights(data, findings)
    _check_selection(data, findings)
    if "actions" not in data.tables or "player" not in data.domains:
        return
    grid = _grid(data, findings)
    if grid is not None and "payoffs" in data.tables:
        numbers = _check_profiles(data, "payoffs", grid, findings)
        if numbers is not None and _check_complete(data, grid, numbers, findings):
            _check_inaction(data, grid, findings)
        _check_chosen(data, grid, findings)


def _check_selection(data: Data, findings: Findings) -> None:
    """Refuse a choice between equilibria of the surplus game where there are no transfers."""
    if data.parameters.get("transfers"):
        return
    for name in ("equilibrium", "equilibria"):
        if name in data.given:
            file, line = data.place(name) if name == "equilibrium" else (data.tables[name].file, None)
            message = f"{name!r} chooses between equilibria of the surplus game, but there are no transfers"
            findings.add(file, message, "set transfers = true, or leave it out", row=line, column=name)


def _by_player(data: Data) -> bool:
    return "player" in data.tables["actions"].table.column_names


def _action_names(data: Data) -> dict[Coalition, tuple[str, ...]]:
    """Return the actions by coalition in the order of the table; unusable rows are left out."""
    table = data.tables["actions"]
    owners = table.values("player" if _by_player(data) else "coalition")
    found: dict[Coalition, list[str]] = {}
    for owner, action in zip(owners, table.values("action"), strict=True):
        if owner is not None and action is not None:
            coalition = 1 << owner if _by_player(data) else owner
            own = found.setdefault(coalition, [])
            own += [action] if action not in own else []
    return {coalition: tuple(found[coalition]) for coalition in sorted(found)}


def _grid(data: Data, findings: Findings) -> Grid | None:
    """Give every profile a number; None when actions are missing or too many."""
    table, names, by_player = data.tables["actions"], data.domains["player"], _by_player(data)
    actions = _action_names(data)
    whole = grand_coalition(len(names))
    owners = list(finest_structure(len(names))) if by_player else list(range(1, whole + 1))
    absent = [format_coalition(owner, names) for owner in owners if owner not in actions]
    if absent:
        if len(absent) > table.unidentified():
            message = missing_list(len(absent), absent, "player" if by_player else "coalition")
            findings.add(table.file, message, "give each at least one action", column=table.table.column_names[0])
        return None
    excess = profile_limit(structure_profiles(actions, len(names), by_player))
    if excess is not None:
        findings.add(table.file, *excess, column="action")
        return None
    return None if table.unidentified() else Grid.of(names, actions, by_player)


def _check_profiles(data: Data, name: str, grid: Grid, findings: Findings) -> NDArray[np.int64] | None:
    """Return the number of every distinct profile of a table; report those that are none, and then return None."""
    table = data.tables[name]
    cells = table.cells["profile"]
    numbers = np.array([grid.number(profile) for profile in cells.distinct], dtype=np.int64)
    for k in np.flatnonzero((cells.codes >= 0) & np.isin(cells.codes, np.flatnonzero(numbers < 0))).tolist():
        profile = cells.distinct[int(cells.codes[k])]
        text = _profile_text(profile, grid.names)
        findings.add(table.file, *_why_unknown(profile, grid), row=table.rows[k], column="profile", value=text)
    return None if (numbers < 0).any() else numbers


def _profile_text(profile: Profile, names: Sequence[str]) -> str:
    return "|".join(f"{format_coalition(block, names)}:{action}" for block, action in profile)


def _why_unknown(profile: Profile, grid: Grid) -> tuple[str, str]:
    """Say what is wrong with a profile, and the remedy."""
    for block, action in profile:
        name = format_coalition(block, grid.names)
        if block not in grid.actions:
            return f"profile gives {name!r} an action, but actions are by player", "write one action for each player"
        if action not in grid.actions[block]:
            return f"{name!r} has no action {action!r}", suggestion(action, grid.actions[block], f"actions of {name}")
    raise AssertionError("a profile of known actions was not numbered")


def _check_complete(data: Data, grid: Grid, numbers: NDArray[np.int64], findings: Findings) -> bool:
    """Report payoffs that are missing, all at once; tell whether the table is complete."""
    table = data.tables["payoffs"]
    rows = table.usable("profile", "player")
    seen = np.zeros((grid.total, len(grid.names)), dtype=bool)
    players = np.array([-1 if p is None else p for p in table.values("player")])
    seen[numbers[table.cells["profile"].codes[rows]], players[rows]] = True
    count = int((~seen).sum())
    if count > table.unidentified():
        first = np.argwhere(~seen)[:SHOWN].tolist()
        entries = [f"{grid.names[player]} at {grid.name(number)}" for number, player in first]
        message = missing_list(count, entries, "payoff")
        remedy = "list every player at every profile" + ("" if grid.by_player else " of every structure")
        findings.add(table.file, message, remedy, column="payoff")
    return not count and bool(table.usable("payoff").all())


def _check_inaction(data: Data, grid: Grid, findings: Findings) -> None:
    """Check that a player alone can always get its disagreement payoff, as the theory assumes (section 3.1)."""
    least = disagreements(data)
    if least is None:
        return
    table = data.tables["players"]
    payoffs = _payoff_arrays(data, grid)
    for player, d in enumerate(least):
        worst = min((_guaranteed(payoffs[pi], pi, player) for pi in payoffs if 1 << player in pi), default=math.inf)
        if worst < d - 1e-9 * max(1.0, abs(d)):
            findings.add(
                table.file,
                f"player {grid.names[player]!r} alone can be held to {worst:.12g}, less than the disagreement payoff "
                f"{d!r}",
                "lower the disagreement payoff, or add an action that secures it",
                row=table.rows[player],
                column="disagreement",
                value=repr(d),
            )


def _guaranteed(values: NDArray[np.float64], structure: Structure, player: int) -> float:
    """Return what a player who stands alone gets at least when it answers the others' actions best."""
    return float(values[..., player].max(axis=structure.index(1 << player)).min())


def _check_chosen(data: Data, grid: Grid, findings: Findings) -> None:
    """Check that every chosen profile belongs to its structure."""
    table = data.tables.get("equilibria")
    if table is None or _check_profiles(data, "equilibria", grid, findings) is None or grid.by_player:
        return
    for k, (structure, profile) in enumerate(zip(table.values("structure"), table.values("profile"), strict=True)):
        if structure is not None and profile is not None and structure != tuple(block for block, _ in profile):
            message = f"the profile is not one of the structure {format_structure(structure, grid.names)!r}"
            text = _profile_text(profile, grid.names)
            remedy = "give each coalition of the structure its action"
            findings.add(table.file, message, remedy, row=table.rows[k], column="profile", value=text)


# --- the game and back ---------------------------------------------------------------------------------------------


def _payoff_arrays(data: Data, grid: Grid) -> dict[Structure, NDArray[np.float64]]:
    """Gather the payoffs of each structure: an axis for each block, one for the players."""
    table = data.tables["payoffs"]
    cells = table.cells["profile"]
    numbers = np.array([grid.number(profile) for profile in cells.distinct], dtype=np.int64)
    values = np.empty((grid.total, len(grid.names)))
    values[numbers[cells.codes], np.array(table.values("player"))] = table.numbers("payoff")
    found = {}
    for structure, start in grid.offsets.items():
        shape = grid.shape(structure)
        found[structure] = values[start : start + math.prod(shape)].reshape(*shape, len(grid.names))
    return found


def _build(data: Data) -> StrategicFormGame:
    actions = _action_names(data)
    grid = Grid.of(tuple(data.domains["player"]), actions, _by_player(data))
    return StrategicFormGame(
        build_players(data),
        actions,
        _payoff_arrays(data, grid),
        bool(data.parameters["transfers"]),
        cast(Selection, data.parameters["equilibrium"]),
        _chosen(data.tables.get("equilibria"), grid.by_player),
        build_coalition_weights(data),
    )


def _chosen(table: TypedTable | None, by_player: bool) -> dict[Structure, tuple[str, ...]]:
    """Return the chosen joint actions of each structure."""
    found: dict[Structure, tuple[str, ...]] = {}
    if table is None:
        return found
    for structure, profile in zip(table.values("structure"), table.values("profile"), strict=True):
        own = dict(profile)
        if by_player:
            found[structure] = tuple("+".join(own[1 << player] for player in members(block)) for block in structure)
        else:
            found[structure] = tuple(own[block] for block in structure)
    return found


def _to_tables(game: StrategicFormGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    owner = "player" if game.by_player else "coalition"
    actions = [(game.players.coalition_name(who), name) for who, own in game.actions.items() for name in own]
    tables = {
        "players": players_frame(game.players),
        "actions": pd.DataFrame(actions, columns=[owner, "action"]),
        "payoffs": pd.DataFrame(_payoff_rows(game), columns=["profile", "player", "payoff"]),
        **coalition_weights_frame(game.players, game.coalition_weights),
    }
    if game.chosen:
        chosen = [(game.players.structure_name(pi), game.profile_name(pi, own)) for pi, own in game.chosen.items()]
        tables["equilibria"] = pd.DataFrame(chosen, columns=["structure", "profile"])
    parameters: dict[str, ParameterValue] = {"transfers": game.transfers}
    return parameters | ({"equilibrium": game.selection} if game.transfers else {}), tables


def _payoff_rows(game: StrategicFormGame) -> Iterator[tuple[str, str, float]]:
    for structure, values in game.payoffs.items():
        own = [game.actions[block] for block in structure]
        flat = values.reshape(-1, len(game.players)).tolist()
        for actions, payoffs in zip(itertools.product(*own), flat, strict=True):
            name = game.profile_name(structure, actions)
            yield from ((name, player, payoff) for player, payoff in zip(game.players.names, payoffs, strict=True))


ACTION = Column("action", ColumnType.LABEL, "name of the action", key=True)

STRATEGIC_FORM = Kind(
    name="strategic-form",
    meaning="A game in strategic form with finitely many actions. A player who stands alone must always have an action "
    "that gives at least its disagreement payoff.",
    tables=(
        players_table(),
        Table(
            "actions",
            "What each coalition can do jointly.",
            (Column("coalition", ColumnType.COALITION, "the coalition", key=True), ACTION),
            alternative=Table(
                "actions",
                "what each player can do; a coalition then combines its members' actions.",
                (Column("player", ColumnType.MEMBER, "the player", key=True), ACTION),
            ),
        ),
        Table(
            "payoffs",
            "What every player gets at every profile: at every combination of the players' actions or, where actions "
            "are by coalition, of the actions of the coalitions of every structure.",
            (
                Column("profile", ColumnType.PROFILE, "the actions, such as A:low|B:high or A+B:joint|C:low", key=True),
                Column("player", ColumnType.MEMBER, "the player", key=True),
                Column("payoff", ColumnType.NUMBER, "what the player gets", "payoff"),
            ),
        ),
        Table(
            "equilibria",
            "With transfers: the coalitional Nash equilibrium that counts in a structure.",
            (
                Column("structure", ColumnType.STRUCTURE, "the coalition structure", key=True),
                Column("profile", ColumnType.PROFILE, "the actions, written as in `payoffs`"),
            ),
            optional=True,
        ),
        COALITION_WEIGHTS,
    ),
    parameters=(
        Parameter("transfers", bool, "whether members of a coalition can pay each other", default=False),
        Parameter(
            "equilibrium",
            str,
            "with transfers, which coalitional Nash equilibrium counts where several differ in worths: none of them "
            "(an error that lists them), the one of largest total worth, or the first in the order of the actions",
            default="unique",
            choices=("unique", "largest-total", "first"),
        ),
    ),
    game_type=StrategicFormGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
