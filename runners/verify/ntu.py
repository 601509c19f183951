"""Recompute the solution of a game without transferable utility: the recursion (31)-(32), coalition by coalition.

The claimed solutions of smaller coalitions are the threats to larger ones; a coalition without solutions is ineffective
and never blocks. Points are gone through one by one; over polyhedra and convex sets with numerical functions each box
of the unblocked set is solved with a dual bound. What that cannot show is said to be not re-proven.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import ConvexSet, NtuGame, Payoffs, Points, Polyhedron, TotalWorth, weights_within
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.cuts import Body
from breakaway.runners.verify.divisions import EFFORT, Accuracy, asked_rows, check_claims
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.ntu_reasons import check_naive, check_reasons
from breakaway.runners.verify.ntu_sets import (
    CONTINUOUS,
    Judged,
    body_of,
    check_continuous,
    check_points,
    check_total,
)
from breakaway.runners.verify.ntu_structures import check_structures
from breakaway.runners.verify.optimum import Division, log_product
from breakaway.runners.verify.partitions import parts
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.tables import Names, flag, number, read_coalition_solutions, read_solutions, rows

CoalitionRow = tuple[bool | None, float | None, float | None]
"""Viable, number of solutions, log product; None for what cannot be read."""


@dataclass
class NtuAudit:
    """A game, what its tables claim, and where the checks are counted."""

    game: NtuGame
    ledger: Ledger
    accuracy: Accuracy
    coalitions: dict[Coalition, CoalitionRow]
    solutions: dict[Coalition, list[Payoffs]]
    judged: dict[Coalition, Judged] = field(default_factory=dict)

    def division(self, block: Coalition, threats: Mapping[Coalition, list[Payoffs]] | None = None) -> Division:
        """Return the problem of a coalition against solutions of its parts, by default the claimed ones."""
        given = self.solutions if threats is None else threats
        asked = [asked_rows(block, part, given.get(part, [])) for part in parts(block)]
        joined = np.concatenate(asked) if asked else np.empty((0, len(members(block))))
        feasible = self.game.feasible_set(block)
        worth = feasible.worth if isinstance(feasible, TotalWorth) else np.inf
        floor = np.array(self.game.players.of_members(self.game.players.disagreement, block))
        return Division(worth, floor, np.array(weights_within(self.game, block)), joined)

    def body(self, block: Coalition) -> Body | None:
        """Return the polyhedron or convex set of a coalition in numbers; None when it has no numerical form."""
        feasible = self.game.feasible_set(block)
        if not isinstance(feasible, Polyhedron | ConvexSet):
            return None
        inside = tuple(self.game.players.names[player] for player in members(block))
        floor = np.array(self.game.players.of_members(self.game.players.disagreement, block))
        return body_of(feasible, inside, floor, self.accuracy)


def verify_ntu(
    game: NtuGame,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, Any],
    tolerance: float = 1e-9,
    effort: float = EFFORT,
) -> Verification:
    """Recompute every claim about the coalitional Nash solution of a game without transferable utility.

    Parameters
    ----------
    game
        The game.
    tables
        ``solutions``, ``coalitions``, ``coalition_solutions`` and where given ``structures``, ``met``, ``failures``,
        ``naive_solutions``.
    claims
        About the grand coalition: ``log_nash_product``, ``upper_bound``, ``zero_product``, ``complete``; None or absent
        for what is not claimed.
    tolerance
        Largest discrepancy allowed, relative to the largest number of the game; at least 1e-6 where a set is a
        polyhedron or a convex set.
    effort
        Work allowed for the search over one coalition, in boxes x threats x players.

    Returns
    -------
    Verification
        A row for each claim; tables that are incomplete or unreadable are failures, never exceptions.
    """
    ledger, names = Ledger(), Names(game.players)
    solutions = read_coalition_solutions(tables, names, ledger)
    scale = ledger.scale = _scale(game, solutions)
    for claim in ledger.claims.values():
        claim.scale = scale
    accuracy = Accuracy(max(tolerance, CONTINUOUS) if _is_continuous(game) else tolerance, scale, effort)
    audit = NtuAudit(game, ledger, accuracy, _coalitions(tables, names, ledger), solutions)
    for block in sorted(range(1, game.players.everyone + 1), key=lambda c: (c.bit_count(), c)):
        audit.judged[block] = _check_coalition(audit, block)
    _check_grand(audit, tables, claims, names)
    if "structures" in tables:
        check_structures(audit, tables["structures"], names)
    check_reasons(audit, tables, names)
    check_naive(audit, tables, names)
    return ledger.close()


def _is_continuous(game: NtuGame) -> bool:
    return any(isinstance(feasible, Polyhedron | ConvexSet) for feasible in game.feasible.values())


def _scale(game: NtuGame, solutions: Mapping[Coalition, list[Payoffs]]) -> float:
    """Return the largest absolute number among points, worths, disagreement and claimed payoffs; 1 if all are zero."""
    numbers = [*game.players.disagreement, *(x for found in solutions.values() for y in found for x in y)]
    for feasible in game.feasible.values():
        if isinstance(feasible, TotalWorth):
            numbers.append(feasible.worth)
        if isinstance(feasible, Points):
            numbers.extend(x for point in feasible.payoffs for x in point)
    return max(map(abs, numbers), default=0.0) or 1.0


def _coalitions(tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger) -> dict[Coalition, CoalitionRow]:
    claim = ledger.claim("coalitions table readable")
    found: dict[Coalition, CoalitionRow] = {}
    for line in rows(tables, "coalitions", ("coalition", "viable", "solutions", "log_nash_product"), ledger):
        block = names.coalition(line[0])
        if claim.check(block is not None and block not in found, f"coalitions: {line[0]} is unknown or appears twice"):
            found[block or 0] = (flag(line[1]), number(line[2]), number(line[3]))
    return found


def _check_coalition(audit: NtuAudit, block: Coalition) -> Judged:
    """Check the solutions of one coalition, their number, its flag and its log product."""
    name, given = audit.game.players.coalition_name(block), audit.solutions.get(block, [])
    judged = _judge(audit, block, name, np.array(given, dtype=float).reshape(len(given), block.bit_count()))
    row = audit.coalitions.get(block)
    if not audit.ledger.claim("every coalition listed once").check(row is not None, f"{name} is missing") or not row:
        return judged
    viable, count, log = row
    audit.ledger.claim("numbers of solutions").check(
        count == len(given), f"{name}: claimed {count}, {len(given)} listed"
    )
    flags = audit.ledger.claim("coalitions viable iff something is unblocked")
    if judged.exists is None:
        flags.leave(f"{name}: not re-proven that nothing is unblocked")
        flags.flag(name, viable, bool(given))
    else:
        flags.flag(name, viable, judged.exists)
    _check_log(audit, name, log, given, block)
    return judged


def _judge(audit: NtuAudit, block: Coalition, name: str, given: Matrix) -> Judged:
    """Check the solutions of a coalition by the kind of its feasible set."""
    problem, feasible = audit.division(block), audit.game.feasible_set(block)
    match feasible:
        case Points():
            return check_points(audit.ledger, name, feasible, given, problem, audit.accuracy)
        case TotalWorth():
            return check_total(audit.ledger, name, given, problem, audit.accuracy)
        case _:
            return check_continuous(audit.ledger, name, audit.body(block), given, problem, audit.accuracy)


def _check_log(audit: NtuAudit, name: str, log: float | None, given: list[Payoffs], block: Coalition) -> None:
    """Check the log product claimed for a coalition; it is missing where the product is zero or nothing is listed."""
    problem = audit.division(block)
    claim = audit.ledger.claim("log products of coalitions")
    claim.scale = 1.0
    for x in given:
        own = float(log_product(np.array(x), problem.floor, problem.weights, audit.accuracy.eps))
        tie = audit.accuracy.ties(np.array(x), problem.floor, problem.weights) if math.isfinite(own) else 0.0
        if math.isfinite(own) and log is not None:
            claim.equal(name, log, own, tie + audit.accuracy.tolerance)
        else:
            claim.check(math.isinf(own) and log is None, f"{name}: claimed {log}, the product is {own}")
    claim.check(bool(given) or log is None, f"{name}: claimed {log} without a solution")


def _check_grand(audit: NtuAudit, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, Any], names: Names) -> None:
    """Check that ``solutions`` repeats those of the grand coalition, and what is claimed about their product."""
    everyone = audit.game.players.everyone
    given = audit.solutions.get(everyone, [])
    claim = audit.ledger.claim("solutions are those of the grand coalition")
    check_vectors(claim, "N", read_solutions(tables, names, audit.ledger), given, audit.accuracy.eps)
    judged = audit.judged[everyone]
    check_claims(audit.ledger, claims, given, audit.division(everyone), judged.best, audit.accuracy)
    flags = audit.ledger.claim("complete lists claimed where the product is positive")
    complete = flag(claims.get("complete"))
    if complete is not None:
        zero = bool(flag(claims.get("zero_product"))) and not _is_finite(audit.game, everyone)
        flags.flag("N", complete, not zero)


def _is_finite(game: NtuGame, block: Coalition) -> bool:
    return isinstance(game.feasible_set(block), Points | TotalWorth)
