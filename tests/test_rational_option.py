"""The rational option: the same map in fractions with tolerance 0, where the data are rational."""

from __future__ import annotations

from fractions import Fraction

import pytest

from breakaway.data.games import (
    CharacteristicFunctionGame,
    CournotMarket,
    PartitionFunctionGame,
    Players,
    Threat,
    ThreatGame,
    TotalWorth,
)
from breakaway.data.instances import load_instance
from breakaway.runners.asking import HowToSolve
from breakaway.runners.characteristic import solve_characteristic
from breakaway.runners.coalitional_nash import solve_coalitional_nash
from breakaway.runners.compare import disagreement
from breakaway.runners.dispatch import blocks_from_plain, blocks_to_plain, solve_game
from breakaway.runners.recursion import judge
from breakaway.runners.viability import prepare, solve_viability

RATIONAL = HowToSolve(rational=True)


@pytest.mark.parametrize(
    "name", ["cartel-2-3-4", "cartel-1-3-5", "partition-function-4", "cournot-heterogeneous-5-weighted"]
)
def test_fractions_and_floats_give_the_same_verified_map(name: str) -> None:
    game = load_instance(name).game
    exact, floating = solve_viability(game, RATIONAL), solve_viability(game)
    assert exact.certificate.claims["verified"] is True
    assert exact.certificate.claims["tolerance"] == 0
    assert disagreement(floating, exact) == ""


def test_a_worth_below_what_is_required_by_less_than_the_tolerance_fails_only_in_fractions() -> None:
    """Two players get 0.1 and 0.2 alone and 0.3 less 1e-12 together: a float run grants the tolerance."""
    worths = {(1, 2): (0.1, 0.2), (3,): (0.299999999999,)}
    game = PartitionFunctionGame(Players.of(2), worths)
    verdicts = [
        solve_viability(game, how).tables["structures"].set_index("structure")["viable"]["1+2"]
        for how in (HowToSolve(verify=False), HowToSolve(rational=True, verify=False))
    ]
    assert verdicts == [True, False]


def test_a_worth_of_exactly_what_is_required_is_viable_in_fractions() -> None:
    """0.1 + 0.2 is 0.3 as decimals, though not as floats."""
    game = PartitionFunctionGame(Players.of(2), {(1, 2): (0.1, 0.2), (3,): (0.3,)})
    answer = solve_viability(game, RATIONAL)
    assert answer.tables["structures"]["viable"].all()
    assert answer.tables["blocks"].set_index("coalition")["slack"]["1+2"] == 0


@pytest.mark.parametrize("name", ["example-2-123", "example-3-high-synergy"])
def test_irrational_worths_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="irrational in general: leave out the rational option"):
        solve_viability(load_instance(name).game, RATIONAL)


def test_models_cannot_compute_in_fractions() -> None:
    with pytest.raises(ValueError, match="needs the exact method"):
        solve_viability(load_instance("cartel-2-3-4").game, HowToSolve("model", rational=True))


def test_fractions_survive_a_checkpoint() -> None:
    game = CournotMarket(Players.of(3), (2.0, 3.0, 4.0), 10.0)
    setting, worths = prepare(game, RATIONAL)
    blocks = judge(setting, worths).blocks
    restored = blocks_from_plain(blocks_to_plain(blocks))
    assert restored == blocks
    assert isinstance(restored[-1][0].worth, Fraction)


def test_characteristic_functions_are_solved_in_fractions() -> None:
    for name in ("example-5", "coarsest-inefficient", "theorem-3-pairs", "majority-5-inconsistent-weights"):
        game = load_instance(name).game
        assert isinstance(game, CharacteristicFunctionGame)
        exact, floating = solve_characteristic(game, RATIONAL), solve_characteristic(game)
        assert exact.certificate.claims["verified"] is True
        assert disagreement(floating, exact) == ""


def test_a_threat_game_is_decided_exactly_at_its_knife_edge() -> None:
    """Threats of 0.1, 0.2 and 0.3 on a worth of 0.6 leave exactly one division; on 1e-12 less, none."""
    players = Players.of(3)
    threats = tuple(Threat(f"t{i}", 1 << i, (0.1 * (i + 1) if i < 2 else 0.3,)) for i in range(3))
    for worth, viable in ((0.6, True), (0.599999999999, False)):
        answer = solve_coalitional_nash(ThreatGame(players, TotalWorth(worth), threats), RATIONAL)
        assert (len(answer.tables["solutions"]) > 0) is viable


def test_points_are_not_shared_in_fractions() -> None:
    game = load_instance("example-1").game
    assert isinstance(game, ThreatGame)
    with pytest.raises(ValueError, match="only a total worth is shared in fractions"):
        solve_coalitional_nash(game, RATIONAL)


def test_efficient_structures_are_told_in_fractions() -> None:
    """0.1 + 0.2 is 0.3 in fractions, and more in floats: both structures have the largest total."""
    games = (
        CharacteristicFunctionGame(Players.of(2), {0b01: 0.1, 0b10: 0.2, 0b11: 0.3}),
        PartitionFunctionGame(Players.of(2), {(1, 2): (0.1, 0.2), (3,): (0.3,)}),
        PartitionFunctionGame(Players.of(2), {(1, 2): (0.05, 0.05), (3,): (0.1,)}),
    )
    for game in games:
        answer = solve_game(game, RATIONAL)
        assert answer.tables["structures"]["efficient"].tolist() == [True, True]
        assert answer.certificate.claims["verified"] is True
