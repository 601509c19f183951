"""Recompute the comparison with the naive problem of Theorem 2: its required worths, and where it agrees.

The naive problem is solved again from (33): by dynamic programming where weights are the same in every coalition, by
the search over boxes where they are not. A coalition agrees when both problems have the same required worth, and when
the solutions of the recursion are exactly the maximisers of the naive problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import CharacteristicFunctionGame, Payoffs, weights_within
from breakaway.runners.verify.divisions import Accuracy, asked_rows, check_maximisers, required_worth
from breakaway.runners.verify.naive import NaiveProblem
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.ordered import grand_agrees
from breakaway.runners.verify.partitions import parts
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.tables import Names, flag, number

EVERY = "solutions of every coalition"
"""What ``theorem_2_compared`` says when more than required worths were compared."""

Solutions = Mapping[Coalition, list[Payoffs]]


def same_weights(game: CharacteristicFunctionGame) -> bool:
    """Tell whether players have the same weights in every coalition."""
    common = {s: game.players.of_members(game.players.weights, s) for s in game.coalition_weights}
    return all(weights == common[s] for s, weights in game.coalition_weights.items())


def naive_division(game: CharacteristicFunctionGame, block: Coalition) -> Division:
    """Return the division problem of a coalition against the unconstrained Nash divisions of its parts."""
    floor = np.array(game.players.of_members(game.players.disagreement, block))
    if len(floor) == 1:
        floor = np.minimum(floor, game.worths[block])
    asked = [asked_rows(block, part, psi) for part in parts(block) if (psi := _unconstrained(game, part))]
    joined = np.concatenate(asked) if asked else np.empty((0, len(floor)))
    return Division(game.worths[block], floor, np.array(weights_within(game, block)), joined)


def _unconstrained(game: CharacteristicFunctionGame, part: Coalition) -> list[Payoffs]:
    weights = np.array(weights_within(game, part))
    floor = np.array(game.players.of_members(game.players.disagreement, part))
    gain = game.worths[part] - float(floor.sum())
    return [tuple((floor + weights * gain / weights.sum()).tolist())] if gain >= 0 else []


def check_theorem_2(
    game: CharacteristicFunctionGame,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, Any],
    solutions: Solutions,
    ledger: Ledger,
    accuracy: Accuracy,
) -> None:
    """Check the columns ``naive_required_worth`` and ``agrees`` of ``coalitions``, and the claim ``theorem_2``."""
    frame = tables.get("coalitions", pd.DataFrame())
    given = {"coalition", "required_worth", "naive_required_worth", "agrees"} <= set(frame.columns)
    if "theorem_2" in claims:
        said = ledger.claim("theorem 2 claimed as compared")
        said.check(given == (claims["theorem_2"] != "not compared"), f"claimed {claims['theorem_2']}, columns: {given}")
    if not given:
        return
    names = Names(game.players)
    required = _required(game, ledger, accuracy)
    verdicts: dict[str, bool | None] = {}
    for row in frame.to_dict("records"):
        block, name = names.coalition(row["coalition"]), str(row["coalition"])
        if block is None:
            continue
        verdicts[name] = flag(row["agrees"])
        room = (1 + block.bit_count()) * accuracy.eps
        claimed, recursive = number(row["naive_required_worth"]), number(row["required_worth"])
        found = required.get(block)
        if found is None:
            continue
        worth = np.nan if claimed is None else claimed
        ledger.claim("required worths of the naive problem").equal(name, worth, found, room)
        same = recursive is not None and abs(recursive - found) <= 20 * room
        agrees = same and _same_solutions(game, block, solutions.get(block, []), claims, accuracy)
        ledger.claim("recursion and naive problem agree").flag(name, verdicts[name], agrees)
    _check_verdict(ledger, claims, verdicts)


def _required(game: CharacteristicFunctionGame, ledger: Ledger, accuracy: Accuracy) -> dict[Coalition, float]:
    """Return the required worths of the naive problem, where they are found with the effort allowed."""
    if same_weights(game):
        return dict(enumerate(NaiveProblem(game).required().tolist()))
    found = {block: required_worth(naive_division(game, block), accuracy) for block in game.worths}
    if None in found.values():
        ledger.claim("required worths of the naive problem").leave("a search for the least total was cut short")
    return {block: least for block, least in found.items() if least is not None}


def _same_solutions(
    game: CharacteristicFunctionGame,
    block: Coalition,
    solutions: list[Payoffs],
    claims: Mapping[str, Any],
    accuracy: Accuracy,
) -> bool:
    """Tell whether claimed solutions are exactly those of the naive problem, as far as that was compared."""
    if len(members(block)) == 1:
        return True
    if claims.get("theorem_2_compared") != EVERY:
        return block != game.players.everyone or grand_agrees(game, solutions, accuracy)
    problem, scratch = naive_division(game, block), Ledger(accuracy.scale)
    least = required_worth(problem, accuracy)
    room = (1 + len(problem.floor)) * accuracy.eps
    if not solutions:
        return least is None or least > problem.worth - room
    check_maximisers(scratch, "naive", solutions, problem, accuracy)
    return scratch.close().passed


def _check_verdict(ledger: Ledger, claims: Mapping[str, Any], verdicts: Mapping[str, bool | None]) -> None:
    """Check that ``theorem_2`` sums up the column ``agrees``."""
    if "theorem_2" not in claims:
        return
    differing = [f"differs: {name}" for name, agrees in verdicts.items() if not agrees]
    claim = ledger.claim("theorem 2 claimed as compared")
    claim.check(
        claims["theorem_2"] in (differing or ["agrees"]), f"claimed {claims['theorem_2']}, found {differing[:1]}"
    )
