"""Recompute the claims of a comparison of concepts: what each concept says, and where each solution stands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from breakaway.data.games import CharacteristicFunctionGame, ThreatGame, TotalWorth
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.characteristic import verify_characteristic
from breakaway.runners.verify.concepts import VERIFIERS, Case
from breakaway.runners.verify.divisions import Accuracy, asked_rows, threat_rows
from breakaway.runners.verify.optimum import blocking_gain
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.tables import Names, label, read_coalition_solutions, rows, vectors

STATUSES = ("solved", "empty", "undefined", "unfinished")


def verify_comparison(
    game: CharacteristicFunctionGame | ThreatGame,
    tables: Mapping[str, pd.DataFrame],
    tolerance: float = 1e-9,
) -> Verification:
    """Recompute every claim of a comparison of solution concepts.

    Parameters
    ----------
    game
        The game.
    tables
        ``concepts``, ``solutions``, ``standing``; ``coalitions`` and ``coalition_solutions`` where threats were
        computed; tables of single concepts.
    tolerance
        Largest discrepancy allowed, relative to the scale of the game.

    Returns
    -------
    Verification
        A row for each claim; tables that are incomplete or unreadable are failures, never exceptions.
    """
    scale = _scale(game)
    ledger, accuracy = Ledger(scale), Accuracy(tolerance, scale)
    threats = _threats(game, tables, ledger, tolerance)
    payoffs = _payoffs(game, tables, ledger)
    named = []
    for row in _lines(tables, ledger):
        concept = str(row["concept"])
        named.append(concept)
        given = payoffs.get(concept, np.empty((0, len(game.players))))
        case = Case(concept, game, ledger, accuracy, given, row, tables, threats)
        _check_line(case)
        if case.status in ("solved", "empty"):
            VERIFIERS[concept](case)
    for concept in payoffs:
        ledger.claim("solutions belong to a concept listed").check(concept in named, f"{concept} is not listed")
    _check_standing(game, ledger, accuracy, tables, payoffs, threats)
    return ledger.close()


def _scale(game: CharacteristicFunctionGame | ThreatGame) -> float:
    if isinstance(game, CharacteristicFunctionGame):
        numbers = list(game.worths.values())
    else:
        numbers = [y for threat in game.threats for y in threat.payoffs]
        if isinstance(game.feasible, TotalWorth):
            numbers.append(game.feasible.worth)
    return max(map(abs, [*numbers, *game.players.disagreement]), default=0.0) or 1.0


def _lines(tables: Mapping[str, pd.DataFrame], ledger: Ledger) -> list[dict[str, object]]:
    """Return the lines of ``concepts`` whose concept and status are known."""
    claim = ledger.claim("concepts table readable")
    frame = tables.get("concepts", pd.DataFrame())
    needed = {"concept", "status", "solutions", "complete", "value", "bound"}
    if not claim.check(needed <= set(frame.columns), f"columns {sorted(needed - set(frame.columns))} are missing"):
        return []
    lines = []
    for line in frame.to_dict("records"):
        row = {str(key): value for key, value in line.items()}
        known = row["concept"] in VERIFIERS and row["status"] in STATUSES
        if claim.check(known, f"{row['concept']!r} with status {row['status']!r} is not known"):
            lines.append(row)
    return lines


def _threats(
    game: CharacteristicFunctionGame | ThreatGame, tables: Mapping[str, pd.DataFrame], ledger: Ledger, tolerance: float
) -> Matrix | None:
    """Return the threats of the grand coalition: given, or the verified solutions of its subcoalitions."""
    if isinstance(game, ThreatGame):
        return threat_rows(game)
    if "coalition_solutions" not in tables:
        return None
    frame = tables["coalition_solutions"]
    grand = game.players.coalition_name(game.players.everyone)
    own = frame[frame["coalition"] == grand] if "coalition" in frame.columns else frame
    recursion = {
        "coalition_solutions": frame,
        "solutions": own,
        **{k: tables[k] for k in ("coalitions",) if k in tables},
    }
    ledger.adopt(verify_characteristic(game, recursion, {}, tolerance), "threats")
    found = read_coalition_solutions(tables, Names(game.players), Ledger())  # what cannot be read failed above
    whole = game.players.everyone
    asked = [asked_rows(whole, part, payoffs) for part, payoffs in found.items() if part != whole]
    return np.concatenate([np.empty((0, len(game.players))), *asked])


def _payoffs(
    game: CharacteristicFunctionGame | ThreatGame, tables: Mapping[str, pd.DataFrame], ledger: Ledger
) -> dict[str, Matrix]:
    """Return the solutions of every concept as a matrix, a column for each player."""
    names, everyone = Names(game.players), game.players.everyone
    lines = rows(tables, "solutions", ("concept", "solution", "player", "payoff"), ledger)
    parsed = (((str(line[0]), line[1]), everyone, line) for line in lines)
    found = vectors("solutions", parsed, names, ledger.claim("solutions table readable"))
    return {key[0]: np.array(payoffs) for key, payoffs in found.items()}


def _check_line(case: Case) -> None:
    """Check that the status of a concept fits its number of solutions."""
    listed, claim = len(case.payoffs), case.claim("status fits the solutions listed")
    claim.check(case.number("solutions") == listed, f"{case.row['solutions']} are claimed, {listed} are listed")
    claim.check((case.status == "solved") == (listed > 0), f"status {case.status} with {listed} solutions")
    finite = bool(np.isfinite(case.payoffs).all())
    claim.check(finite, "a payoff is not a number")


def _check_standing(
    game: CharacteristicFunctionGame | ThreatGame,
    ledger: Ledger,
    accuracy: Accuracy,
    tables: Mapping[str, pd.DataFrame],
    payoffs: Mapping[str, Matrix],
    threats: Matrix | None,
) -> None:
    """Recompute the standing of every solution."""
    frame = tables.get("standing", pd.DataFrame(columns=["concept", "solution"]))
    records = [{str(key): cell for key, cell in row.items()} for row in frame.to_dict("records")]
    lines = {(str(row["concept"]), label(row["solution"])): row for row in records}
    once = ledger.claim("standing: one line for each solution")
    once.check(len(lines) == len(frame), "a line is repeated")
    known = {(concept, str(k)) for concept, matrix in payoffs.items() for k in range(1, len(matrix) + 1)}
    for concept, number in lines:
        once.check((concept, number) in known, f"{concept} {number} is no solution")
    for concept, matrix in payoffs.items():
        for k, x in enumerate(matrix, start=1):
            row = lines.get((concept, str(k)))
            if once.check(row is not None, f"{concept} {k} has no line") and row is not None:
                _check_core(game, ledger, accuracy, row, x)
                _check_blocking(ledger, accuracy, row, x, threats)


def _check_core(
    game: CharacteristicFunctionGame | ThreatGame,
    ledger: Ledger,
    accuracy: Accuracy,
    row: Mapping[str, object],
    x: Matrix,
) -> None:
    if isinstance(game, ThreatGame):
        return
    everyone = game.players.everyone
    excess = {s: v - sum(float(p) for i, p in enumerate(x) if s >> i & 1) for s, v in game.worths.items()}
    proper = [value for s, value in excess.items() if s != everyone]
    what, room = f"{row['concept']} {row['solution']}", len(x) * accuracy.eps
    if proper:
        worst = max(proper)
        ledger.claim("standing: core excess").equal(what, float(str(row["core_excess"])), worst, room)
        margin = max(worst, abs(excess[everyone]))
        if abs(margin - accuracy.eps) > len(x) * accuracy.snap:
            ledger.claim("standing: in the core").flag(what, row["in_core"] is True, margin <= accuracy.eps)
    _check_prekernel(ledger, accuracy, row, excess, len(x))


def _check_prekernel(
    ledger: Ledger, accuracy: Accuracy, row: Mapping[str, object], excess: Mapping[int, float], n: int
) -> None:
    """Recompute the balance of surpluses of all pairs, unless it is within rounding of the tolerance."""
    imbalance = abs(excess[(1 << n) - 1])
    for i in range(n):
        for j in range(i):
            one = max(value for s, value in excess.items() if s >> i & 1 and not s >> j & 1)
            other = max(value for s, value in excess.items() if s >> j & 1 and not s >> i & 1)
            imbalance = max(imbalance, abs(one - other))
    what = f"{row['concept']} {row['solution']}"
    room = n * accuracy.eps
    if abs(imbalance - room) > n * accuracy.snap:
        ledger.claim("standing: in the prekernel").flag(what, row["in_prekernel"] is True, imbalance <= room)


def _check_blocking(
    ledger: Ledger, accuracy: Accuracy, row: Mapping[str, object], x: Matrix, threats: Matrix | None
) -> None:
    if threats is None or not len(threats):
        return
    gain, what = blocking_gain(threats, x), f"{row['concept']} {row['solution']}"
    ledger.claim("standing: gain of the best threat").equal(
        what, float(str(row["threat_gain"])), gain, 2 * accuracy.eps
    )
    if abs(gain - accuracy.eps) > accuracy.snap:
        ledger.claim("standing: unblocked").flag(what, row["unblocked"] is True, gain <= accuracy.eps)
