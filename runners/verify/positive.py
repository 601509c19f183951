"""Recompute the claims of a stable assignment to groups of positive size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.runners.verify.positive_blocking import Gain, most_gain
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.tables import label, number, read_imputation, rows

RELATIVE_GAP = 1e-7
"""Gap of welfare, relative to the welfare, within which an assignment counts as stable."""

COLUMN_GAP = 1e-6
"""The same where groups were generated, for a surplus that is neither concave nor convex."""


def verify_positive(
    game: PositiveSizeGame, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, Any], tolerance: float = 1e-9
) -> Verification:
    """Recompute every claim about an assignment and its payoffs.

    Parameters
    ----------
    game
        The game of groups of positive size.
    tables
        ``assignment`` (group, mass, surplus; the surplus may be left out), ``composition`` (group, type, amount),
        ``imputation`` (type, payoff) and, where given, ``welfare`` (primal, dual, gap).
    claims
        ``complete``: whether the gap is claimed to be within the run's tolerance.
    tolerance
        Largest discrepancy allowed, relative to the largest surplus of a formed group (amounts: to the market).

    Returns
    -------
    Verification
        A row for each claim. What a group can gain is bounded from above with linear pieces, with concave and convex
        surplus, and with products and CES; for other Python functions groups are only tried, and the note says so.
    """
    ledger = Ledger()
    names, masses, groups, listed = _assignment(game, tables, ledger)
    surplus = game.form.values(groups)
    ledger.scale = max(float(np.abs(surplus).max(initial=0.0)), 1e-300)
    for claim in ledger.claims.values():
        claim.scale = ledger.scale
    eps = tolerance * ledger.scale
    _check_assignment(game, ledger, tolerance, names, masses, groups)
    for name, own, worth in zip(names, listed, surplus.tolist(), strict=True):
        if own is not None:
            ledger.claim("surpluses follow from the definition").equal(f"surplus of {name}", own, worth, eps)
    payoffs = read_imputation(game.types, tables, ledger)
    if payoffs is not None:
        _check_stability(game, ledger, tables, claims, eps, _Formed(names, masses, groups, surplus), payoffs)
    return ledger.close()


class _Formed:
    """Formed groups as the tables have them: names, how many, amounts of shape (groups, types), and surpluses."""

    def __init__(self, names: list[str], masses: Floats, groups: Floats, surplus: Floats) -> None:
        self.names, self.masses, self.groups, self.surplus = names, masses, groups, surplus
        self.welfare = float(surplus @ masses)


def _assignment(
    game: PositiveSizeGame, tables: Mapping[str, pd.DataFrame], ledger: Ledger
) -> tuple[list[str], Floats, Floats, list[float | None]]:
    """Return names, masses, amounts and listed surpluses of the formed groups."""
    place = {name: k for k, name in enumerate(game.types.names)}
    columns = ["group", "mass"] + (["surplus"] if "surplus" in tables.get("assignment", pd.DataFrame()) else [])
    claim = ledger.claim("assignment table readable")
    found: dict[str, tuple[float, float | None]] = {}
    for line in rows(tables, "assignment", columns, ledger):
        name, mass = label(line[0]), number(line[1])
        if claim.check(mass is not None and name not in found, f"{name}: no mass, or listed twice"):
            found[name] = (float(mass or 0.0), number(line[2]) if len(line) > 2 else None)
    groups = np.zeros((len(found), len(place)))
    row = {name: k for k, name in enumerate(found)}
    claim, seen = ledger.claim("composition table readable"), set()
    for group, member, amount in rows(tables, "composition", ("group", "type", "amount"), ledger):
        name, kind, value = label(group), label(member), number(amount)
        known = name in row and kind in place and value is not None and (name, kind) not in seen
        if claim.check(known, f"{name}, {kind}: unknown group or type, no amount, or listed twice"):
            groups[row[name], place[kind]] = float(value or 0.0)
            seen.add((name, kind))
    masses = np.array([mass for mass, _ in found.values()], dtype=np.float64)
    return list(found), masses, groups, [own for _, own in found.values()]


def _check_assignment(
    game: PositiveSizeGame, ledger: Ledger, tolerance: float, names: list[str], masses: Floats, groups: Floats
) -> None:
    """Check amounts, sizes, masses, and that everybody is in some group."""
    room = tolerance * game.total
    permitted, positive = ledger.claim("groups permitted"), ledger.claim("masses not negative")
    for name, mass, group in zip(names, masses.tolist(), groups, strict=True):
        size = float(group.sum())
        outside = max(
            float(np.maximum(-group, group - game.types.masses).max()), game.smallest - size, size - game.largest
        )
        permitted.check(outside <= room, f"{name} of {size:.6g} people may not form: {outside:.3g} outside the bounds")
        positive.check(mass >= 0.0, f"{name} has mass {mass:.6g}")
    served = ledger.claim("everybody is in some group")
    for name, have, want in zip(game.types.names, (masses @ groups).tolist(), game.types.masses.tolist(), strict=True):
        what = f"people of type {name} in groups"
        served.check(abs(have - want) <= room, f"{what}: {have:.12g}, there are {want:.12g}")


def _check_stability(
    game: PositiveSizeGame,
    ledger: Ledger,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, Any],
    eps: float,
    formed: _Formed,
    payoffs: Floats,
) -> None:
    """Check that groups share their surplus, that none could do better, and both values of the duality relation."""
    total = float(game.types.masses @ payoffs)
    relative = COLUMN_GAP if game.form.curvature == "neither" else RELATIVE_GAP
    allowed = relative * max(1.0, abs(total)) if "welfare" in tables else eps
    unshared = max(allowed, total - formed.welfare if not claims.get("complete", True) else 0.0)
    shared = ledger.claim("formed groups share their surplus")
    for name, mass, group, worth in zip(formed.names, formed.masses, formed.groups, formed.surplus, strict=True):
        left = float(group @ payoffs - worth)
        holds = mass * abs(left) <= unshared + eps
        shared.check(holds, f"the members of {name} get {left:.6g} more than its surplus {worth:.9g}", left)
    room = allowed * game.smallest / game.total
    gain = most_gain(game, payoffs, formed.groups, room)
    claim = ledger.claim("no group blocks")
    claim.check(gain.most <= room, lambda: _blocks(game, payoffs, gain), max(gain.most, 0.0))
    if gain.bound > room:
        claim.leave(gain.note or f"a gain up to {gain.bound:.3g} is not ruled out")
    if "welfare" in tables:
        proven = total + max(gain.bound, 0.0) * game.total / game.smallest
        _check_welfare(ledger, tables, claims, formed.welfare, proven, allowed, gain.note)


def _blocks(game: PositiveSizeGame, payoffs: Floats, gain: Gain) -> str:
    """Name the group that gains most, what it is worth and what its members get."""
    pairs = zip(gain.group.tolist(), game.types.names, strict=True)
    parts = [f"{amount:.6g} {name}" for amount, name in pairs if amount > 0]
    gets = float(gain.group @ payoffs)
    return f"{' + '.join(parts)} blocks: it is worth {gets + gain.most:.9g} and its members get {gets:.9g}"


def _check_welfare(
    ledger: Ledger,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, Any],
    primal: float,
    proven: float,
    allowed: float,
    note: str,
) -> None:
    """Check the welfare, its bound and the gap between them."""
    lines = rows(tables, "welfare", ("primal", "dual", "gap"), ledger)
    if not ledger.claim("welfare table readable").check(len(lines) == 1, f"{len(lines)} rows, there is one"):
        return
    own, dual, gap = (number(cell) for cell in lines[0])
    ledger.claim("welfare is what the formed groups are worth").equal("primal", own or 0.0, primal, allowed * 1e-2)
    ledger.claim("gap is dual minus primal").equal("gap", gap or 0.0, (dual or 0.0) - (own or 0.0), allowed * 1e-2)
    claim = ledger.claim("no assignment is worth more than the bound")
    if np.isfinite(proven):
        short = proven - (dual or 0.0)
        claim.check(short <= 2.0 * allowed, f"proven {proven:.12g}, claimed {dual}", max(short, 0.0))
    else:
        claim.leave(note)
    if claims.get("complete"):
        ledger.claim("the gap is closed").check((gap or 0.0) <= allowed, f"gap {gap}", gap or 0.0)
