"""Recompute the answer about a characteristic function of which only the grand coalition was divided.

Everything is held against the naive problem of Theorem 2, computed anew (:mod:`.naive`): the required worth of every
coalition, and for the grand coalition that its solutions are unblocked by all threats, that no division is better, and
that no maximiser is missing. The theorem itself is not proven again: that is done for small games, where the recursion
is run as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition
from breakaway.data.games import CharacteristicFunctionGame, Payoffs, Players
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.divisions import MISSING, NOISE, REQUIRED, Accuracy, check_once, compare_maximisers
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.naive import Chains, NaiveProblem
from breakaway.runners.verify.optimum import log_product
from breakaway.runners.verify.products import Best, check_products
from breakaway.runners.verify.record import Claim, Ledger, Verification
from breakaway.runners.verify.tables import Names, number, read_solutions, rows, vectors


@dataclass
class _Audit:
    game: CharacteristicFunctionGame
    ledger: Ledger
    accuracy: Accuracy
    problem: NaiveProblem
    required: Matrix
    exact: bool = False


def verify_ordered(
    game: CharacteristicFunctionGame,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, Any],
    tolerance: float,
) -> Verification:
    """Recompute every claim of an answer by ordered search; see ``verify_characteristic`` for the parameters."""
    scale = max(abs(worth) for worth in game.worths.values()) or 1.0
    ledger, names, accuracy = Ledger(scale), Names(game.players), Accuracy(tolerance, scale)
    problem = NaiveProblem(game)
    audit = _Audit(game, ledger, accuracy, problem, problem.required(), "knife_edges" in claims)
    viable = _check_coalitions(audit, tables)
    solutions = read_solutions(tables, names, ledger)
    _check_few(audit, tables, solutions, names)
    given = ledger.claim("solutions given for viable coalitions")
    given.check(bool(solutions) == bool(viable), f"N: {len(solutions)} solutions, viable is {viable}")
    best = _check_grand(audit, solutions, claims) if viable else Best(-np.inf, exists=False, proven=True)
    claimed = number(claims.get("required_worth"))
    if claimed is not None:
        ledger.claim(REQUIRED).equal("N", claimed, float(audit.required[-1]), _room(audit, len(game.players)))
    values = [_log(audit, np.array(x)) for x in solutions]
    tie = max((accuracy.ties(np.array(x), problem.floor, problem.weights) for x in solutions), default=0.0)
    check_products(ledger, claims, values, best, tie + tolerance)
    ledger.claim("theorem 2").leave("required worths and solutions are those of the naive problem")
    return ledger.close()


def _room(audit: _Audit, size: int) -> float:
    return (1 + size) * audit.accuracy.eps


def _log(audit: _Audit, x: Matrix) -> float:
    return float(log_product(x, audit.problem.floor, audit.problem.weights, audit.accuracy.eps))


# --- every coalition -----------------------------------------------------------------------------------------------


def all_names(players: Players) -> list[str]:
    """Return the names of all coalitions by bitmask; of nobody an empty one."""
    found = [""]
    for player in players.names:
        found += [f"{name}+{player}" if name else player for name in found]
    return found


def numbered_coalitions(players: Players, texts: list[object]) -> np.ndarray:
    """Return the bitmask of every name, 0 for what names no coalition."""
    known = {name: mask for mask, name in enumerate(all_names(players))}
    known.pop("")
    slow = Names(players)
    return np.array([known.get(str(text)) or slow.coalition(text) or 0 for text in texts], dtype=np.int64)


def _column(frame: pd.DataFrame, name: str) -> Matrix:
    """Return a column of numbers, NaN for what is not one."""
    return pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)


def _check_coalitions(audit: _Audit, tables: Mapping[str, pd.DataFrame]) -> bool:
    """Check worth, required worth, slack and flag of every coalition; return whether N is called viable."""
    ledger, players = audit.ledger, audit.game.players
    columns = ("coalition", "worth", "viable", "required_worth", "slack")
    if not rows({name: frame.head(1) for name, frame in tables.items()}, "coalitions", columns, ledger):
        return False
    frame = tables["coalitions"]
    masks = numbered_coalitions(players, frame["coalition"].tolist())
    counts = np.bincount(masks, minlength=players.everyone + 1)
    read = ledger.claim("coalitions table readable")
    _bulk(read, masks > 0, np.zeros(len(masks)), lambda k: f"row {k + 1} names nothing known")
    once = ledger.claim("every coalition listed once")
    name = players.coalition_name
    _bulk(once, counts[1:] == 1, np.zeros(players.everyone), lambda k: f"{name(k + 1)} is listed {counts[k + 1]} times")
    worth, required, slack = (_column(frame, column) for column in ("worth", "required_worth", "slack"))
    flags = frame["viable"].astype(str).str.lower().to_numpy()
    _bulk(read, np.isin(flags, ("true", "false")), np.zeros(len(masks)), lambda k: f"row {k + 1}: no flag")
    _check_numbers(audit, masks, (worth, required, slack), flags == "true")
    grand = np.flatnonzero(masks == players.everyone)
    return len(grand) > 0 and bool(flags[grand[0]] == "true")


def _check_numbers(
    audit: _Audit, masks: np.ndarray, numbers: tuple[Matrix, Matrix, Matrix], viable: np.ndarray
) -> None:
    """Check the numbers and flags of coalitions, row by row."""
    worth, required, slack = numbers
    ledger, eps, players = audit.ledger, audit.accuracy.eps, audit.game.players
    true_worth = np.array([0.0, *(audit.game.worths[s] for s in range(1, players.everyone + 1))])[masks]
    size = np.array([int(mask).bit_count() for mask in masks.tolist()])
    pairs = (
        ("worths follow from the definition", worth, true_worth, np.full(len(masks), eps)),
        (REQUIRED, required, audit.required[masks], (1 + size) * eps),
        ("slack is worth minus required worth", slack, worth - required, np.full(len(masks), eps)),
    )
    for claim, claimed, found, allowed in pairs:
        gap = np.abs(claimed - found)
        _bulk(ledger.claim(claim), gap <= allowed, gap, partial(_differs, players, masks, claimed, found))
    margin = true_worth - audit.required[masks]
    surely = np.where(audit.exact & (masks == players.everyone), NOISE * eps, -eps / 2)
    holds = np.where(viable, margin >= -(1 + size) * eps, margin < surely)
    flagged = ledger.claim("coalitions viable iff the slack allows")
    said = partial(_misjudged, players, masks, viable, margin)
    _bulk(flagged, holds, np.zeros(len(masks)), said)


def _differs(players: Players, masks: np.ndarray, claimed: Matrix, found: Matrix, k: int) -> str:
    return f"{players.coalition_name(int(masks[k]))}: claimed {claimed[k]:.12g}, recomputed {found[k]:.12g}"


def _misjudged(players: Players, masks: np.ndarray, viable: np.ndarray, margin: Matrix, k: int) -> str:
    return f"{players.coalition_name(int(masks[k]))}: claimed {bool(viable[k])}, the margin is {margin[k]:.9g}"


def _bulk(claim: Claim, holds: np.ndarray, residual: Matrix, said: Any) -> None:
    """Count many items at once; only the first that fails is put into words."""
    failing = np.flatnonzero(~holds)
    first = int(failing[0]) if len(failing) else -1
    for k in failing[:1]:
        claim.check(False, said(first), float(residual[k]))
    claim.checked += len(holds) - min(len(failing), 1)
    claim.failed += max(len(failing) - 1, 0)
    worst = float(np.nan_to_num(residual, nan=np.inf).max()) if len(residual) else 0.0
    claim.worst = max(claim.worst, worst / claim.scale)


# --- the grand coalition and single players ------------------------------------------------------------------------


def _check_few(audit: _Audit, tables: Mapping[str, pd.DataFrame], solutions: list[Payoffs], names: Names) -> None:
    """Check that ``coalition_solutions`` has what single players are worth, and repeats the solutions of N."""
    ledger, players = audit.ledger, audit.game.players
    lines = rows(tables, "coalition_solutions", ("coalition", "solution", "player", "payoff"), ledger)
    parsed = (((block := names.coalition(line[0]), line[1]), block, line) for line in lines)
    found = vectors("coalition_solutions", parsed, names, ledger.claim("coalition_solutions table readable"))
    by_block: dict[Coalition, list[Payoffs]] = {key[0]: payoffs for key, payoffs in found.items()}
    everyone = players.everyone
    same = ledger.claim("solutions are those of the grand coalition")
    check_vectors(same, "N", solutions, by_block.pop(everyone, []), audit.accuracy.eps)
    alone = ledger.claim("single players get their worth")
    for i in range(len(players)) if len(players) > 1 else ():
        worth = audit.game.worths[1 << i]
        check_vectors(alone, players.names[i], by_block.pop(1 << i, []), [(worth,)], audit.accuracy.eps)
    ledger.claim("no other coalition is divided").check(not by_block, f"{len(by_block)} more have solutions")


def _check_grand(audit: _Audit, solutions: list[Payoffs], claims: Mapping[str, Any]) -> Best:
    """Check that the solutions of N are exactly its maximisers; return what the search proved."""
    problem, accuracy, ledger = audit.problem, audit.accuracy, audit.ledger
    given = np.array(solutions, dtype=float).reshape(len(solutions), len(problem.floor))
    check_once(ledger, "N", given, accuracy.match)
    sound = [x for x in given if _check_sound(audit, x)]
    values = [_log(audit, x) for x in sound]
    target = max(values, default=-np.inf)
    tie = max((accuracy.ties(x, problem.floor, problem.weights) for x in sound), default=0.0)
    budget = float(audit.game.worths[audit.game.players.everyone] - problem.floor.sum())
    price = number(claims.get("price")) or 0.0
    if price <= 0:
        price = float(problem.weights.sum()) / max(budget, accuracy.eps)
    chains = Chains(problem, budget, accuracy.eps, price, target - 10 * tie - accuracy.tolerance)
    found = chains.best_divisions()
    if found is None:
        ledger.claim(MISSING).leave(f"N: the search was cut short after {chains.steps} chains")
        return Best(target, exists=bool(sound), proven=False)
    x = np.array([net + problem.floor for net in found]).reshape(len(found), len(problem.floor))
    logs = np.array([_log(audit, row) for row in x])
    best = float(logs.max()) if len(logs) else -np.inf
    below = np.zeros(len(logs)) if np.isneginf(best) else best - logs
    compare_maximisers(ledger, "N", given, (x, below), tie, accuracy.match)
    return Best(best, exists=len(x) > 0, proven=True)


def grand_agrees(game: CharacteristicFunctionGame, solutions: list[Payoffs], accuracy: Accuracy) -> bool:
    """Tell whether solutions of N are exactly the maximisers of its naive problem; true when that is out of reach."""
    problem = NaiveProblem(game)
    audit = _Audit(game, Ledger(accuracy.scale), accuracy, problem, problem.required())
    worth, everyone = game.worths[game.players.everyone], len(problem.floor)
    if not solutions:
        return worth <= float(audit.required[-1]) + _room(audit, everyone)
    _check_grand(audit, solutions, {})
    return audit.ledger.close().passed


def _check_sound(audit: _Audit, x: Matrix) -> bool:
    """Check that a solution is affordable, at or above disagreement, and unblocked."""
    ledger, eps, problem = audit.ledger, audit.accuracy.eps, audit.problem
    below = float((problem.floor - x).max())
    over = float(x.sum()) - audit.game.worths[audit.game.players.everyone]
    gain = problem.largest_gain(x)
    low = f"N: a payoff is {below:.6g} below disagreement"
    holds = [
        ledger.claim("payoffs at or above disagreement").check(below <= eps, low, max(below, 0.0)),
        ledger.claim("payoffs unblocked").check(gain <= eps, f"N: a threat gives every member {gain:.6g} more", gain),
        ledger.claim("payoffs within the worth").check(
            over <= eps, f"N: payoffs add up to {over:.6g} more than the worth", max(over, 0.0)
        ),
    ]
    return all(holds)
