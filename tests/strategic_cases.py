"""Games in strategic form for the tests: random ones in both forms, the oracle's view of a game, games of books."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from strategic_oracle import Coalition as Members
from strategic_oracle import Oracle, Profile, Structure

from breakaway.data.coalitions import Coalition, coalition_of, finest_structure, members, structure_of, structures
from breakaway.data.games import Players, StrategicFormGame


def by_player(
    n: int,
    sizes: Sequence[int],
    seed: int,
    most: int = 9,
    transfers: bool = False,
    weights: Sequence[float] | None = None,
) -> StrategicFormGame:
    """Draw whole payoffs from 0 to ``most`` for every combination of the players' actions."""
    values = np.random.default_rng(seed).integers(0, most + 1, (*sizes, n)).astype(float)
    actions = {1 << player: tuple(f"a{k}" for k in range(size)) for player, size in enumerate(sizes)}
    players = Players.of(n, weights)
    return StrategicFormGame(players, actions, {finest_structure(n): values}, transfers)


def by_coalition(n: int, seed: int, most: int = 6, transfers: bool = False) -> StrategicFormGame:
    """Draw one to three joint actions for every coalition, and whole payoffs for every profile of every structure."""
    rng = np.random.default_rng(seed)
    everyone = (1 << n) - 1
    actions = {mask: tuple(f"a{k}" for k in range(rng.integers(1, 4))) for mask in range(1, everyone + 1)}
    payoffs = {
        pi: rng.integers(0, most + 1, (*(len(actions[block]) for block in pi), n)).astype(float)
        for pi in structures(everyone)
    }
    return StrategicFormGame(Players.of(n), actions, payoffs, transfers)


def spelt_out(game: StrategicFormGame) -> StrategicFormGame:
    """Write a game whose actions are by player with a list of joint actions for every coalition."""
    everyone = game.players.everyone
    actions = {mask: tuple(a.replace("+", "-") for a in game.joint_actions(mask)) for mask in range(1, everyone + 1)}
    payoffs = {pi: game.payoffs_in(pi) for pi in structures(everyone)}
    return StrategicFormGame(game.players, actions, payoffs, game.transfers, game.selection)


def oracle_of(game: StrategicFormGame) -> Oracle:
    """Return the oracle of a game; it looks payoffs up entry by entry in the arrays that the game was made of."""

    def actions(block: Members) -> list[object]:
        mask = coalition_of(block)
        if mask in game.actions:
            return list(range(len(game.actions[mask])))
        return list(itertools.product(*(range(len(game.actions[1 << player])) for player in sorted(block))))

    def payoffs(profile: Profile) -> tuple[int, ...]:
        if not game.by_player:
            own = {coalition_of(block): action for block, action in profile.items()}
            pi = structure_of(own)
            return tuple(map(int, game.payoffs[pi][tuple(own[block] for block in pi)]))
        single: dict[int, object] = {}
        for block, action in profile.items():
            joint = action if isinstance(action, tuple) else (action,)
            single |= dict(zip(sorted(block), joint, strict=True))
        index = tuple(single[player] for player in range(len(game.players)))
        return tuple(map(int, game.payoffs[finest_structure(len(game.players))][index]))

    d, gamma = map(int, game.players.disagreement), map(int, game.players.weights)
    return Oracle(len(game.players), actions, payoffs, list(d), list(gamma))


def as_sets(structure: Sequence[Coalition]) -> Structure:
    """Return a structure in the words of the oracle."""
    return frozenset(frozenset(members(block)) for block in structure)


def joint_names(game: StrategicFormGame, profile: Profile) -> dict[str, str]:
    """Return the names of the joint actions of the oracle's profile, by the names of the coalitions."""
    found = {}
    for block, action in profile.items():
        mask = coalition_of(block)
        if mask in game.actions:
            name = game.actions[mask][int(str(action))]
        else:
            assert isinstance(action, tuple)
            name = "+".join(game.actions[1 << i][k] for i, k in zip(sorted(block), action, strict=True))
        found[game.players.coalition_name(mask)] = name
    return found


def two_by_two(
    rows: Sequence[Sequence[tuple[float, float]]], names: Sequence[str], transfers: bool = False
) -> StrategicFormGame:
    """Return a game of two players with two actions each."""
    own = tuple(names)
    return StrategicFormGame(Players.of(2), {1: own, 2: own}, {(1, 2): np.array(rows, dtype=float)}, transfers)


PRISONERS = two_by_two([[(3, 3), (0, 4)], [(4, 0), (1, 1)]], ("quiet", "tell"))
PENNIES = two_by_two([[(1, 0), (0, 1)], [(0, 1), (1, 0)]], ("heads", "tails"))
MEETING = two_by_two([[(2, 1), (0, 0)], [(0, 0), (1, 2)]], ("opera", "fight"))
