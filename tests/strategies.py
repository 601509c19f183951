"""Hypothesis strategies for random games of every kind."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st
from positive_cases import positive_size_games
from public_goods_cases import FAMILIES, random_game

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.coalitions import finest_structure, members, structures
from breakaway.data.games import (
    AbatementGame,
    CharacteristicFunctionGame,
    CournotMarket,
    NtuGame,
    PartitionFunctionGame,
    Players,
    Points,
    Polyhedron,
    ResearchRace,
    StrategicFormGame,
    Threat,
    ThreatGame,
    TotalWorth,
)
from breakaway.data.groups import GroupGame, PairwiseGroupGame, Types, all_groups
from breakaway.data.payoff_environment import Mechanism, PayoffEnvironment, Revision, TypeSpace
from breakaway.data.public_goods import PublicGoodsGame

letters = st.characters(categories=["Lu", "Ll", "Nd"]) | st.sampled_from("_-.")
names = st.text(letters, min_size=1, max_size=8)
positive = st.floats(min_value=1e-6, max_value=1e6)
money = st.floats(min_value=0.0, max_value=1e6)
zero = st.just(0.0)
numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@st.composite
def players(draw: st.DrawFn, least: int = 1, most: int = 4, disagreement: st.SearchStrategy = zero) -> Players:
    labels = draw(st.lists(names, min_size=least, max_size=most, unique=True))
    n = len(labels)
    weights = draw(st.lists(positive, min_size=n, max_size=n))
    return Players.of(labels, weights, draw(st.lists(disagreement, min_size=n, max_size=n)))


def labels(n: int) -> st.SearchStrategy:
    return st.lists(names, min_size=n, max_size=n, unique=True)


@st.composite
def rows(draw: st.DrawFn, entries: st.SearchStrategy, n: int, most: int = 3) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, draw(st.lists(st.lists(entries, min_size=n, max_size=n), min_size=1, max_size=most))))


@st.composite
def threat_games(draw: st.DrawFn) -> ThreatGame:
    group = draw(players(least=2, disagreement=money))
    n = len(group)
    sets = draw(st.lists(st.integers(1, group.everyone - 1), max_size=4))
    threats = tuple(
        Threat(name, mask, tuple(group.disagreement[k] + draw(money) for k in members(mask)))
        for name, mask in zip(draw(labels(len(sets))), sets, strict=True)
    )
    form = draw(st.sampled_from(["total", "points", "polyhedron"]))
    if form == "total":
        return ThreatGame(group, TotalWorth(2.0 * sum(group.disagreement) + draw(positive)), threats)
    matrix = draw(rows(positive, n))
    if form == "points":
        matrix = (tuple(d + draw(money) for d in group.disagreement), *matrix)
        return ThreatGame(group, Points(tuple(draw(labels(len(matrix)))), matrix), threats)
    bounds = tuple(draw(numbers) for _ in matrix)
    return ThreatGame(group, Polyhedron(tuple(draw(labels(len(matrix)))), matrix, bounds), threats)


@st.composite
def coalition_weights(draw: st.DrawFn, group: Players) -> dict[int, tuple[float, ...]]:
    masks = draw(st.lists(st.integers(1, group.everyone), unique=True, max_size=3))
    return {mask: tuple(draw(positive) for _ in members(mask)) for mask in masks}


@st.composite
def characteristic_functions(draw: st.DrawFn) -> CharacteristicFunctionGame:
    group = draw(players())
    worths = {mask: draw(money if mask.bit_count() == 1 else numbers) for mask in range(1, group.everyone + 1)}
    return CharacteristicFunctionGame(group, worths, draw(coalition_weights(group)))


@st.composite
def feasible_sets(draw: st.DrawFn, floor: tuple[float, ...]) -> TotalWorth | Points | Polyhedron:
    form = draw(st.sampled_from(["total", "points", "polyhedron"]))
    if form == "total":
        return TotalWorth(2.0 * sum(floor) + draw(positive))
    matrix = draw(rows(positive, len(floor)))
    names_of_rows = tuple(draw(labels(len(matrix))))
    if form == "points":
        return Points(names_of_rows, tuple(tuple(d + x for d, x in zip(floor, p, strict=True)) for p in matrix))
    return Polyhedron(names_of_rows, matrix, tuple(draw(numbers) for _ in matrix))


@st.composite
def ntu_games(draw: st.DrawFn) -> NtuGame:
    group = draw(players(most=3, disagreement=money))
    listed = sorted(draw(st.lists(st.integers(1, group.everyone), min_size=1, unique=True)))
    feasible = {mask: draw(feasible_sets(group.of_members(group.disagreement, mask))) for mask in listed}
    return NtuGame(group, feasible, draw(coalition_weights(group)))


@st.composite
def partition_functions(draw: st.DrawFn) -> PartitionFunctionGame:
    group = draw(players())
    worths = {structure: tuple(draw(money) for _ in structure) for structure in structures(group.everyone)}
    return PartitionFunctionGame(group, worths, draw(coalition_weights(group)))


@st.composite
def cournot_markets(draw: st.DrawFn) -> CournotMarket:
    group = draw(players(most=6))
    costs = tuple(draw(money) for _ in group.names)
    least = (len(costs) + 1) * max(map(Fraction, costs)) - sum(map(Fraction, costs))
    return CournotMarket(group, costs, float(least) * 1.001 + draw(positive))


@st.composite
def abatement_games(draw: st.DrawFn) -> AbatementGame:
    group = draw(players(most=6))
    return AbatementGame(group, tuple(draw(positive) for _ in group.names))


@st.composite
def research_races(draw: st.DrawFn) -> ResearchRace:
    convention = draw(st.sampled_from(["equation-15", "equation-14"]))
    return ResearchRace(draw(players(most=6)), draw(st.floats(1.0, 10.0)), draw(positive), convention)


@st.composite
def strategic_forms(draw: st.DrawFn) -> StrategicFormGame:
    """Draw a game with actions by player or by coalition, and with transfers sometimes chosen equilibria."""
    group = draw(players(most=3, disagreement=st.just(-1e301)))
    n, everyone = len(group), group.everyone
    by_player = draw(st.booleans())
    owners = finest_structure(n) if by_player else range(1, everyone + 1)
    actions = {owner: tuple(draw(st.lists(names, min_size=1, max_size=2, unique=True))) for owner in owners}
    payoffs = {}
    for pi in [finest_structure(n)] if by_player else structures(everyone):
        shape = (*(len(actions[block]) for block in pi), n)
        entries = draw(st.lists(numbers, min_size=math.prod(shape), max_size=math.prod(shape)))
        payoffs[pi] = np.array(entries).reshape(shape)
    weights = draw(coalition_weights(group))
    plain = StrategicFormGame(group, actions, payoffs, False, "unique", {}, weights)
    if not draw(st.booleans()):
        return plain
    listed = draw(st.lists(st.sampled_from(list(structures(everyone))), unique=True, max_size=2))
    chosen = {pi: tuple(draw(st.sampled_from(plain.joint_actions(block))) for block in pi) for pi in listed}
    selection = draw(st.sampled_from(["unique", "largest-total", "first"]))
    return StrategicFormGame(group, actions, payoffs, True, selection, chosen, weights)


@st.composite
def markets(draw: st.DrawFn) -> Types:
    labels = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return Types.of(labels, draw(st.lists(positive, min_size=len(labels), max_size=len(labels))))


@st.composite
def group_games(draw: st.DrawFn) -> GroupGame:
    types, size = draw(markets()), draw(st.integers(1, 3))
    permitted = all_groups(len(types), draw(st.integers(1, size)), size)
    listed = draw(st.lists(st.integers(0, len(permitted) - 1), min_size=1, max_size=6, unique=True))
    surplus = frozen_floats(draw(st.lists(money, min_size=len(listed), max_size=len(listed))))
    least = int((permitted[0] >= 0).sum())
    covered = set(permitted[listed].ravel().tolist()) >= set(range(len(types)))
    unlisted = draw(st.sampled_from(["zero", "forbidden"] if covered else ["zero"]))
    return GroupGame(types, permitted[listed], surplus, least, size, unlisted)


@st.composite
def pairwise_group_games(draw: st.DrawFn) -> PairwiseGroupGame:
    types, size = draw(markets()), draw(st.integers(1, 3))
    n = len(types)
    some = st.floats(min_value=-1e6, max_value=1e6)
    values = np.array(draw(st.lists(some, min_size=n * n, max_size=n * n))).reshape(n, n)
    least = draw(st.integers(1, size))
    costs = np.zeros(size + 1)
    costs[least:] = draw(st.lists(some, min_size=size + 1 - least, max_size=size + 1 - least))
    solo = frozen_floats(draw(st.lists(some, min_size=n, max_size=n)))
    return PairwiseGroupGame(types, solo, np.triu(values) + np.triu(values, 1).T, costs, least, size)


@st.composite
def public_goods_games(draw: st.DrawFn) -> PublicGoodsGame:
    family, n, seed = draw(st.sampled_from(FAMILIES)), draw(st.integers(2, 4)), draw(st.integers(0, 1000))
    return random_game(family, n, seed, draw(st.sampled_from([0.0, 0.4])), draw(st.sampled_from([2.5, math.inf])))


@st.composite
def payoff_environments(draw: st.DrawFn) -> PayoffEnvironment:
    n = draw(st.integers(2, 3))
    agents = tuple(draw(st.lists(names, min_size=n, max_size=n, unique=True)))
    payoff_types = tuple(tuple(draw(st.lists(names, min_size=1, max_size=3, unique=True))) for _ in agents)
    sizes = tuple(map(len, payoff_types))
    every = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    vertices = draw(st.integers(1, len(every)))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    pattern = [s for s in range(1, 1 << n) if s.bit_count() == 1 or draw(st.booleans())]
    return PayoffEnvironment(
        agents,
        payoff_types,
        tuple(every[:vertices]),
        tuple(every[vertices:]),
        rng.normal(scale=100, size=(n, *sizes, len(every))),
        lotteries(rng, sizes, (vertices,)),
        tuple(pattern),
        draw(st.none() | mechanisms(n, vertices, len(every) - vertices)),
        draw(st.none() | type_spaces(sizes)),
    )


def lotteries(rng: np.random.Generator, given: tuple[int, ...], over: tuple[int, ...]) -> Floats:
    """Return random lotteries with many zeros, shape (*given, *over)."""
    weights = rng.random((math.prod(given), math.prod(over))) ** 3 * (rng.random((math.prod(given), 1)) < 0.8)
    weights[weights < 0.1] = 0.0
    weights[weights.sum(axis=1) == 0.0, 0] = 1.0
    return (weights / weights.sum(axis=1, keepdims=True)).reshape((*given, *over))


@st.composite
def mechanisms(draw: st.DrawFn, n: int, vertices: int, rays: int) -> Mechanism:
    messages = tuple(tuple(draw(st.lists(names, min_size=1, max_size=2, unique=True))) for _ in range(n))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    sizes = tuple(map(len, messages))
    amounts = rng.integers(0, 3, size=(*sizes, rays))
    return Mechanism(messages, np.concatenate([lotteries(rng, sizes, (vertices,)), amounts], axis=-1))


@st.composite
def type_spaces(draw: st.DrawFn, sizes: tuple[int, ...]) -> TypeSpace:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    own = tuple(np.array([*range(size), *draw(st.lists(st.integers(0, size - 1), max_size=1))]) for size in sizes)
    types = tuple(tuple(draw(st.lists(names, min_size=len(k), max_size=len(k), unique=True))) for k in own)
    others = [tuple(len(k) for j, k in enumerate(own) if j != i) for i in range(len(own))]
    beliefs = tuple(lotteries(rng, (len(k),), others[i]) for i, k in enumerate(own))
    revisions = []
    for t, belief in enumerate(beliefs[0]):
        for seen in np.flatnonzero(belief.reshape(others[0][0], -1).sum(axis=1) == 0).tolist():
            revised = np.zeros(others[0])
            revised[seen] = lotteries(rng, (), others[0][1:])
            revisions.append(Revision(0, t, ((1, seen),), revised))
    return TypeSpace(types, own, beliefs, tuple(revisions))


GAMES = {
    "threat-game": threat_games(),
    "characteristic-function": characteristic_functions(),
    "ntu-game": ntu_games(),
    "partition-function": partition_functions(),
    "cournot": cournot_markets(),
    "abatement": abatement_games(),
    "research-race": research_races(),
    "strategic-form": strategic_forms(),
    "group-game": group_games(),
    "pairwise-group-game": pairwise_group_games(),
    "positive-size-game": positive_size_games(("linear", "ces", "threshold", "quadratic", "bilinear", "recipes")),
    "public-goods": public_goods_games(),
    "payoff-environment": payoff_environments(),
}
"""A strategy for each kind of game."""
