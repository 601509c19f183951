"""Verification judges knife edges as the run did: by the tolerance, or exactly when it was made in fractions."""

from __future__ import annotations

import numpy as np
import pytest

from breakaway.data.games import CharacteristicFunctionGame, Players, Threat, ThreatGame, TotalWorth
from breakaway.runners.asking import HowToSolve
from breakaway.runners.dispatch import solve_game, verify_answer


def rounding_game(seed: int) -> CharacteristicFunctionGame:
    """Worths in tenths, added up in floating point, so that sums miss the exact edge by rounding errors."""
    rng = np.random.default_rng(seed)
    alone = rng.integers(0, 4, size=3) / 10
    worths = {}
    for s in range(1, 8):
        own = sum(float(alone[i]) for i in range(3) if s >> i & 1)
        worths[s] = own + (float(rng.choice([0.0, 0.1, 1e-16, -1e-16, 1e-12, -1e-12])) if s.bit_count() > 1 else 0.0)
    return CharacteristicFunctionGame(Players.of(3), worths)


@pytest.mark.parametrize("seed", range(25))
def test_floating_answers_on_knife_edges_are_accepted(seed: int) -> None:
    game = rounding_game(seed)
    answer = solve_game(game)
    assert verify_answer(game, answer.tables, answer.certificate.claims, 1e-9).passed


@pytest.mark.parametrize(("worth", "viable"), [(0.6, True), (0.599999999999, False), (0.600000000001, True)])
def test_runs_in_fractions_are_verified_however_small_the_slack(worth: float, viable: bool) -> None:
    threats = tuple(Threat(f"t{i}", 1 << i, (y,)) for i, y in enumerate((0.0, 0.2, 0.4)))
    game = ThreatGame(Players.of(3), TotalWorth(worth), threats)
    answer = solve_game(game, HowToSolve(rational=True))
    assert answer.certificate.claims["zero_product"] is (worth == 0.6)
    assert (len(answer.tables["solutions"]) > 0) is viable
    assert verify_answer(game, answer.tables, answer.certificate.claims, 1e-9).passed
    claims = {**answer.certificate.claims, "zero_product": worth != 0.6}
    assert not verify_answer(game, answer.tables, claims, 1e-9).passed


@pytest.mark.parametrize("method", ["exact", "ordered"])
@pytest.mark.parametrize("rational", [True, False])
def test_a_player_worth_less_than_disagreement_gets_the_worth(method: str, rational: bool) -> None:
    worths = {1: 0.5, 2: 0.0, 3: 3.0, 4: 0.2, 5: 1.4, 6: 0.6, 7: 3.2}
    game = CharacteristicFunctionGame(Players(("1", "2", "3"), (1.0,) * 3, (1.0, 0.0, 0.5)), worths)
    answer = solve_game(game, HowToSolve(method=method, rational=rational))  # type: ignore[arg-type]
    alone = answer.tables["coalitions"].set_index("coalition").loc["1"]
    assert (bool(alone["viable"]), alone["required_worth"], alone["slack"]) == (True, 0.5, 0.0)
    assert verify_answer(game, answer.tables, answer.certificate.claims, 1e-9).passed
