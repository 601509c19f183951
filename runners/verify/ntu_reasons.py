"""The reasons in an answer without transferable utility: who declines, what blocks which point, the naive problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import Payoffs, Points, TotalWorth
from breakaway.runners.verify.divisions import asked_rows
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.ntu_sets import anything_unblocked, free_points
from breakaway.runners.verify.optimum import log_product
from breakaway.runners.verify.partitions import strictly_inside
from breakaway.runners.verify.reasons import (
    Vector,
    check_causes,
    check_listed_threats,
    check_met_by_parts,
    numbered,
    solution_columns,
    threat_columns,
)
from breakaway.runners.verify.tables import Key, Names, flag, label, rows, vectors

if TYPE_CHECKING:
    from breakaway.runners.verify.ntu import NtuAudit

BLOCKED = "every point of a failing coalition blocked by the threat listed"
NAIVE = "naive problem agrees where it is said to"
EVERY_POINT = "*"

Tables = Mapping[str, pd.DataFrame]


def check_reasons(audit: NtuAudit, tables: Tables, names: Names) -> None:
    """Check who declines each threat, and which threats block what failing coalitions could do."""
    solutions = numbered(tables, "coalition_solutions", solution_columns(names), names)
    if "met" in tables:
        check_met_by_parts(audit.ledger, tables, solutions, names, audit.accuracy.eps)
    if "failures" in tables:
        columns = {"coalition": names.coalition, "point": label, **threat_columns(names)}
        listed = numbered(tables, "failures", columns, names, audit.ledger)
        real = {key: solutions.get(key[2:], {}) for key in listed if strictly_inside(key[2], key[0])}
        check_listed_threats(audit.ledger, listed, real, audit.accuracy.eps)
        _check_blocked(audit, {key: listed[key] for key in real if listed[key].keys() == real[key].keys()})


def _check_blocked(audit: NtuAudit, listed: Mapping[Key, Vector]) -> None:
    """Check that threats are listed for failing coalitions and no others, and that they block what there is."""
    by_coalition: dict[Coalition, dict[str, list[tuple[Coalition, Payoffs]]]] = {}
    for (block, point, part, _), vector in listed.items():
        payoffs = tuple(vector[player] for player in members(part))
        by_coalition.setdefault(block, {}).setdefault(point, []).append((part, payoffs))
    claim = audit.ledger.claim("failures listed for the coalitions that fail")
    for block, row in audit.coalitions.items():
        found, name = by_coalition.get(block, {}), audit.game.players.coalition_name(block)
        needed = row[0] is False and not _is_empty(audit, block)
        if not claim.check(bool(found) == needed, f"{name}: listed {len(found)}, viable is {row[0]}"):
            continue
        if found:
            _check_causes(audit, block, name, found)


def _is_empty(audit: NtuAudit, block: Coalition) -> bool:
    """Tell whether a polyhedron or convex set is shown to be empty, so that no threat is needed to leave nothing."""
    body, problem = audit.body(block), audit.division(block)
    return (
        body is not None
        and anything_unblocked(body, replace(problem, asked=problem.asked[:0]), audit.accuracy) is False
    )


def _check_causes(
    audit: NtuAudit, block: Coalition, name: str, found: Mapping[str, list[tuple[Coalition, Payoffs]]]
) -> None:
    feasible, claim = audit.game.feasible_set(block), audit.ledger.claim(BLOCKED)
    if isinstance(feasible, Points):
        for point, x in zip(feasible.names, feasible.payoffs, strict=True):
            own = dict(zip(members(block), x, strict=True))
            gains = [
                min(y - own[player] for player, y in zip(members(part), payoffs, strict=True))
                for part, payoffs in found.get(label(point), [])
            ]
            claim.check(
                bool(gains) and max(gains) > audit.accuracy.eps, f"{name} at {point}: no listed threat blocks it"
            )
        return
    asked = [asked_rows(block, part, [payoffs]) for part, payoffs in found.get(EVERY_POINT, [])]
    claim.check(bool(asked), f"{name}: no threats are listed")
    if isinstance(feasible, TotalWorth) and asked:
        check_causes(audit.ledger, audit.accuracy, name, audit.division(block), np.concatenate(asked))
    elif asked:
        body, problem = audit.body(block), replace(audit.division(block), asked=np.concatenate(asked))
        left = None if body is None else anything_unblocked(body, problem, audit.accuracy)
        if left is None:
            claim.leave(f"{name}: not re-proven that its listed threats leave nothing")
        else:
            claim.check(not left, f"{name}: its listed threats leave something")


def check_naive(audit: NtuAudit, tables: Tables, names: Names) -> None:
    """Check where the naive problem agrees: recomputed for finite sets, for others only against the table."""
    frame = tables.get("coalitions")
    if frame is None or "naive_agrees" not in frame:
        return
    claim = audit.ledger.claim(NAIVE)
    flags = {
        names.coalition(c): flag(f) for c, f in rows(tables, "coalitions", ("coalition", "naive_agrees"), audit.ledger)
    }
    finite = all(isinstance(feasible, Points) for feasible in audit.game.feasible.values())
    if not finite:
        claim.leave("not re-proven: some sets are not finite")
        return
    given = _naive_given(audit, tables, names)
    free: dict[Coalition, list[Payoffs]] = {}
    for block in sorted(range(1, audit.game.players.everyone + 1), key=lambda c: (c.bit_count(), c)):
        free[block] = _best_points(audit, block, {})
        naive = _best_points(audit, block, free)
        same = set(naive) == set(audit.solutions.get(block, []))
        claim.flag(audit.game.players.coalition_name(block), flags.get(block), same)
        listed = audit.ledger.claim("naive solutions listed where they differ")
        expected = [] if same else naive
        check_vectors(
            listed, audit.game.players.coalition_name(block), given.get(block, []), expected, audit.accuracy.eps
        )


def _naive_given(audit: NtuAudit, tables: Tables, names: Names) -> dict[Coalition, list[Payoffs]]:
    lines = rows(tables, "naive_solutions", ("coalition", "solution", "player", "payoff"), audit.ledger)
    parsed = (((block := names.coalition(line[0]), line[1]), block, line) for line in lines)
    found = vectors("naive_solutions", parsed, names, audit.ledger.claim("naive_solutions table readable"))
    return {key[0]: payoffs for key, payoffs in found.items()}


def _best_points(audit: NtuAudit, block: Coalition, threats: Mapping[Coalition, list[Payoffs]]) -> list[Payoffs]:
    """Return the points of greatest product among those that these threats do not block."""
    problem, acc = audit.division(block, threats), audit.accuracy
    feasible = audit.game.feasible_set(block)
    free = (
        free_points(feasible, problem, acc.eps) if isinstance(feasible, Points) else np.empty((0, len(problem.floor)))
    )
    if not len(free):
        return []
    value = log_product(free, problem.floor, problem.weights, acc.eps)
    best = float(value.max())
    kept = free if np.isneginf(best) else free[value >= best - acc.tolerance]
    return sorted({tuple(map(float, x)) for x in kept})
