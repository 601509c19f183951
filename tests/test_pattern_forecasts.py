"""Forecasts by pattern against the forecasts of every structure of players, which use another lattice."""

from __future__ import annotations

import pytest

from breakaway.data.coalitions import members
from breakaway.data.games import CournotMarket, Players
from breakaway.runners import viability_tables as tabulate
from breakaway.runners.asking import HowToSolve
from breakaway.runners.causes import irreducible_causes
from breakaway.runners.division import BlockProblem
from breakaway.runners.named_map import NamedMap
from breakaway.runners.recursion import judge
from breakaway.runners.viability import prepare

MARKETS = {
    "five identical firms": (60.0, (0.0,) * 5),
    "six identical firms": (60.0, (0.0,) * 6),
    "two kinds of firms": (60.0, (1.0, 4.0, 1.0, 4.0, 1.0)),
    "a pair of twins": (40.0, (1.0, 1.0, 3.0, 4.0)),
}


def maps(market: tuple[float, tuple[float, ...]]) -> tuple[NamedMap, NamedMap, float]:
    """Return the same map with every structure listed, and with one per pattern."""
    intercept, costs = market
    game = CournotMarket(Players.of(len(costs)), costs, intercept)
    setting, worths = prepare(game, HowToSolve())
    result = judge(setting, worths)
    return NamedMap(game.players, result, 10**6), NamedMap(game.players, result, 0), float(setting.eps)


@pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS)
def test_threats_by_pattern_are_those_of_every_structure_up_to_renaming(
    market: tuple[float, tuple[float, ...]],
) -> None:
    unfolded, folded, _ = maps(market)
    assert unfolded.unfolded
    assert not folded.unfolded
    for structure in folded.structures:
        for block in structure:
            if block.bit_count() == 1:
                continue
            here = {key(folded, t) for t in tabulate.threats_within(folded, structure, block)}
            there = {key(unfolded, t) for t in tabulate.threats_within(unfolded, structure, block)}
            assert here == there


def key(named: NamedMap, threat: tabulate.Threatened) -> tuple[object, ...]:
    """A threat up to renaming: types of the breakaway and of the resulting structure, payoffs by type."""
    types = named.types
    kind = {player: k for k, group in enumerate(types.groups) for player in group}
    payoffs = sorted((kind[player], round(payoff, 9)) for player, payoff in threat.vector)
    return (
        types.canonical(threat.forecast.breakaway),
        types.pattern(threat.forecast.structure),
        tuple(payoffs),
    )


@pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS)
def test_causes_by_pattern_are_sufficient_and_irreducible(market: tuple[float, tuple[float, ...]]) -> None:
    _, folded, eps = maps(market)
    failing = tabulate.failing_blocks(folded)
    assert failing
    for structure, coalition in failing:
        clauses = [threat.vector for threat in tabulate.threats_within(folded, structure, coalition)]
        block = folded.block(structure, coalition)
        players = folded.players
        problem = BlockProblem(
            members(coalition),
            players.weights,
            players.disagreement,
            block.worth,
            clauses,
            eps,
            folded.follower(coalition),
        )
        causes = irreducible_causes(problem)
        assert causes
        assert set(causes) <= set(clauses)
    table = tabulate.failures_table(folded, failing, {}, eps)
    assert set(zip(table["structure"], table["coalition"], strict=True)) == {
        (folded.players.structure_name(s), folded.players.coalition_name(c)) for s, c in failing
    }
