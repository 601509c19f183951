"""Verifiers of the concepts that ignore what coalitions of several players could do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakaway.data.games import CharacteristicFunctionGame, Polyhedron, ThreatGame
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.concepts.coalitional import check_maximisers_of, given_game
from breakaway.runners.verify.divisions import threat_rows
from breakaway.runners.verify.tables import Names, rows, vectors

PROOF = 1e-9
"""Largest gap between the log of a product and its proven bound."""

TINY = 1e-300


def verify_equal_division(case: Case) -> None:
    """Everybody gets the same, and all is shared."""
    claim = case.claim("everybody gets worth / n")
    claim.check(len(case.payoffs) == 1, f"{len(case.payoffs)} solutions are listed, there is one")
    for x in case.payoffs:
        gap = float(np.abs(x - case.worth / len(x)).max())
        claim.check(gap <= case.eps, f"a payoff is off by {gap:.6g}", gap)


def verify_nash(case: Case) -> None:
    """All maximisers of the product over everything feasible."""
    _check_best(case, replace(given_game(case), threats=()))


def verify_split_the_difference(case: Case) -> None:
    """All maximisers of the product of payoffs above the outside options."""
    options = _outside_options(case)
    check_listed(case, "outside_options", "outside_option", options)
    game = given_game(case)
    above = replace(game.players, disagreement=tuple(map(float, options)))
    _check_best(case, replace(game, players=above, threats=()))


def _check_best(case: Case, game: ThreatGame) -> None:
    """Check that the solutions are all maximisers of the product in a game without threats."""
    if isinstance(game.feasible, Polyhedron) and case.complete and len(case.payoffs):
        _check_prices(case, game, game.feasible)
    else:
        check_maximisers_of(case, game)


def _check_prices(case: Case, game: ThreatGame, rows: Polyhedron) -> None:
    """Prove a solution in a polyhedron by weak duality: prices of the tight rows bound every product from above.

    For prices y >= 0 and c = A' y > 0 every feasible x has sum of gamma_i log(x_i - d_i) at most sum of gamma_i
    (log(gamma_i / c_i) - 1) + y (b - A d). The sum is strictly concave, so that there is one maximiser.
    """
    d, weights = np.array(game.players.disagreement), np.array(game.players.weights)
    matrix, bounds, x = np.array(rows.coefficients), np.array(rows.bounds), case.payoffs[0]
    case.claim("one solution").check(len(case.payoffs) == 1, f"{len(case.payoffs)} are listed, there is one")
    over, below = float((matrix @ x - bounds).max()), float((d - x).max())
    room = case.eps * max(1.0, float(np.abs(matrix).sum(axis=1).max()))
    case.claim("feasible").check(over <= room, f"a row is exceeded by {over:.6g}", max(over, 0.0))
    gains = case.claim("gains are positive")
    if not gains.check(below < 0, f"a payoff is {below:.6g} below what is subtracted", max(below, 0.0)):
        return
    tight = bounds - matrix @ x <= 1e3 * room
    prices = np.maximum(np.linalg.lstsq(matrix[tight].T, weights / (x - d), rcond=None)[0], 0.0)
    cost = np.maximum(prices @ matrix[tight], TINY)
    value = float((weights * np.log(x - d)).sum())
    proven = float((weights * (np.log(weights / cost) - 1)).sum() + prices @ (bounds - matrix @ d)[tight])
    claim = case.claim("prices prove the product largest")
    claim.check(proven - value <= PROOF, f"the product may be larger by {proven - value:.3g} in the logarithm")
    listed = case.number("value")
    agrees = listed is not None and abs(listed - value) <= PROOF
    case.claim("log of the product").check(agrees, f"claimed {listed}, recomputed {value:.12g}")


def _outside_options(case: Case) -> Matrix:
    """Return the best of d_i and what {i} gets alone."""
    options: Matrix = case.disagreement.copy()
    if isinstance(case.game, CharacteristicFunctionGame):
        alone = np.array([case.worths[1 << i] for i in range(len(options))])
        result: Matrix = np.maximum(options, alone)
        return result
    asked = threat_rows(case.game)
    for row in asked[np.isfinite(asked).sum(axis=1) == 1]:
        options = np.maximum(options, np.where(np.isfinite(row), row, -np.inf))
    return options


def check_listed(case: Case, table: str, column: str, recomputed: Matrix) -> None:
    """Check a table with a number for every player."""
    claim = case.claim(f"table {table}: {column}")
    names = Names(case.game.players)
    lines = rows(case.tables, table, ("player", column), case.ledger)
    everyone = case.game.players.everyone
    found = vectors(table, ((("N", 1), everyone, line) for line in lines), names, claim).get(("N",), [])
    if claim.check(len(found) == 1, f"{len(found)} numbers are listed for a player, there is one"):
        for player, here, there in zip(case.game.players.names, found[0], recomputed, strict=True):
            claim.equal(player, here, float(there), (1 + len(recomputed)) * case.eps)
