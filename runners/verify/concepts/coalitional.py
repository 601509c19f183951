"""Verifier of the coalitional Nash solution beside other concepts, and of others that maximise a product."""

from __future__ import annotations

import pandas as pd

from breakaway.data.games import Players, Threat, ThreatGame, TotalWorth
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.threat_game import verify_threat_game


def verify_coalitional_nash(case: Case) -> None:
    """All maximisers over the unblocked set, by the verification of one game with threats."""
    if case.threats is None:
        case.claim("all maximisers").leave("the threats were out of reach")
        return
    check_maximisers_of(case, given_game(case))


def check_maximisers_of(case: Case, game: ThreatGame) -> None:
    """Check that the solutions are all coalitional Nash solutions of a game with threats."""
    claims = {"log_nash_product": case.number("value"), "upper_bound": case.number("bound"), "complete": case.complete}
    names = case.game.players.names
    rows = [(k, names[i], x) for k, row in enumerate(case.payoffs, start=1) for i, x in enumerate(row)]
    solutions = pd.DataFrame(rows, columns=["solution", "player", "payoff"])
    case.ledger.adopt(verify_threat_game(game, solutions, claims, case.accuracy.tolerance), case.concept)


def given_game(case: Case) -> ThreatGame:
    """Return the game with threats that the grand coalition faces."""
    if isinstance(case.game, ThreatGame):
        return case.game
    players = Players(case.game.players.names, tuple(case.weights), case.game.players.disagreement)
    threats = []
    for k, row in enumerate([] if case.threats is None else case.threats):
        coalition = sum(1 << i for i, y in enumerate(row) if y < float("inf"))
        threats.append(Threat(str(k), coalition, tuple(y for y in row if y < float("inf"))))
    return ThreatGame(players, TotalWorth(case.worth), tuple(threats))
