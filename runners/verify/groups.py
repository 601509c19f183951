"""Recompute the claims of a stable assignment: who is in which group, what each gets, that no group can do better."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.groups import FiniteGroupGame, GroupGame, PairwiseGroupGame, surpluses
from breakaway.data.problems import counted
from breakaway.runners.verify.blocking import Blocking, largest_entry, search_blocking
from breakaway.runners.verify.growth import check_growing
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.tables import number, read_imputation, rows

RELATIVE_GAP = 1e-7
"""Gap of welfare, relative to the welfare, within which an assignment counts as stable."""


NOTHING = 1e-12
"""Gap, in units of the largest surplus times the mass of the rarest type, up to which a market is worth nothing."""

ROUNDING = 1e-15
"""Relative error of one sum in floating point."""


def verify_assignment(
    game: FiniteGroupGame, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, Any], tolerance: float = 1e-9
) -> Verification:
    """Recompute every claim about an assignment and its imputation.

    Parameters
    ----------
    game
        The game of small groups.
    tables
        ``assignment`` (group, mass, surplus; the surplus may be left out), ``imputation`` (type, payoff) and, where
        given, ``welfare`` (primal, dual, gap, groups_priced).
    claims
        ``complete``: whether the gap is claimed to be within the run's tolerance. If it is false, groups may share
        other than their surplus by the gap in all, and without a bound payoffs are not looked at.
    tolerance
        Largest discrepancy allowed: of surpluses and payoffs relative to the largest surplus of a formed group, of
        masses to the mass of the type, of welfare to the welfare.

    Returns
    -------
    Verification
        A row for each claim; a group that blocks is named, with what it is worth and what its members get.
    """
    ledger = Ledger()
    formed, masses, listed = _assignment(game, tables, ledger)
    defined = _surpluses(game, formed)
    surplus = np.where(np.isfinite(defined), defined, 0.0)
    money, rounding = float(surplus.max(initial=0.0)), _rounding(game)
    ledger.scale = money or 1.0
    _check_masses(game, ledger, formed, masses, tolerance)
    _check_surpluses(game, ledger, formed, listed, defined, max(tolerance * money, rounding))
    primal, open_gap = float(surplus @ masses), _open_gap(tables, claims)
    if open_gap == np.inf:
        _check_without_bound(ledger, tables, primal, tolerance)
        return ledger.close()
    payoffs = read_imputation(game.types, tables, ledger)
    if payoffs is not None:
        blocking = search_blocking(game, payoffs)
        money = money or blocking.largest
        ledger.scale = money or 1.0
        part = max(tolerance, RELATIVE_GAP) if "welfare" in tables else tolerance
        slack, left_open = max(part * money, rounding), part * abs(primal)
        if open_gap:
            _check_short_of_sharing(ledger, (formed, masses, surplus), payoffs, open_gap, left_open)
        else:
            _check_sharing(game, ledger, (formed, masses, surplus), payoffs, (slack, left_open))
        _check_blocking(game, ledger, payoffs, blocking, slack)
        if "welfare" in tables:
            nothing = NOTHING * money * float(game.types.masses.min())
            proven = float(game.types.masses @ (payoffs + blocking.excess))
            room = (tolerance, max(left_open, nothing))
            _check_welfare(ledger, tables, claims, (primal, proven), blocking, room)
    if "growing" in tables:
        check_growing(game, tables, ledger, tolerance, RELATIVE_GAP)
    return ledger.close()


def _rounding(game: FiniteGroupGame) -> float:
    """Return the rounding of a surplus in money: entries of the tables may cancel in it."""
    return ROUNDING * largest_entry(game) * game.max_size**2 if isinstance(game, PairwiseGroupGame) else 0.0


def _open_gap(tables: Mapping[str, pd.DataFrame], claims: Mapping[str, Any]) -> float:
    """Return the gap that an unfinished run says it leaves open, infinite without a bound; 0 for any other."""
    if claims.get("complete") is not False or not {"primal", "dual"} <= set(tables.get("welfare", pd.DataFrame())):
        return 0.0
    cells = tables["welfare"][["primal", "dual"]].to_numpy()
    primal, dual = (number(cell) for cell in cells[0]) if len(cells) == 1 else (None, None)
    if primal is None or dual is None:
        return np.inf if len(cells) == 1 and cells[0, 1] == np.inf else 0.0
    return max(dual - primal, 0.0)


def _check_without_bound(ledger: Ledger, tables: Mapping[str, pd.DataFrame], primal: float, tolerance: float) -> None:
    """Check the welfare of a run that was ended before there was any bound; its payoffs claim nothing."""
    own = number(tables["welfare"]["primal"].iloc[0])
    claim = ledger.claim("welfare is what the formed groups are worth")
    claim.equal("primal", np.nan if own is None else own, primal, tolerance * abs(primal))
    ledger.claim("no group blocks").leave("the run was ended before there was a bound, so it claims no payoffs")


def _surpluses(game: FiniteGroupGame, formed: list[tuple[int, ...]]) -> Floats:
    """Return the surpluses of groups; -infinity for those that may not form."""
    found = np.full(len(formed), -np.inf)
    permitted = [k for k, group in enumerate(formed) if game.min_size <= len(group) <= game.max_size]
    padded = np.full((len(permitted), game.max_size), -1, dtype=np.int32)
    for row, k in enumerate(permitted):
        padded[row, : len(formed[k])] = formed[k]
    found[permitted] = surpluses(game, padded)
    return found


def _assignment(
    game: FiniteGroupGame, tables: Mapping[str, pd.DataFrame], ledger: Ledger
) -> tuple[list[tuple[int, ...]], Floats, list[float | None]]:
    """Return formed groups, their masses and the surpluses listed."""
    place = {name: k for k, name in enumerate(game.types.names)}
    columns = ["group", "mass"] + (["surplus"] if "surplus" in tables.get("assignment", pd.DataFrame()) else [])
    claim = ledger.claim("assignment table readable")
    formed, masses, listed = [], [], []
    for line in rows(tables, "assignment", columns, ledger):
        names = [part.strip() for part in str(line[0]).split("+")]
        unknown = [name for name in names if name not in place]
        mass = number(line[1])
        if claim.check(not unknown and mass is not None, f"{line[0]}: unknown type {', '.join(unknown)} or no mass"):
            formed.append(tuple(sorted(place[name] for name in names)))
            masses.append(float(mass or 0.0))
            listed.append(number(line[2]) if len(line) > 2 else None)
    return formed, np.array(masses), listed


def _check_masses(
    game: FiniteGroupGame, ledger: Ledger, formed: list[tuple[int, ...]], masses: Floats, tolerance: float
) -> None:
    """Check that no mass is negative and everybody is in some group, relative to the masses of the types."""
    positive, used = ledger.claim("masses not negative"), np.zeros(len(game.types))
    served = ledger.claim("everybody is in some group")
    positive.scale = served.scale = 1.0
    for group, mass in zip(formed, masses, strict=True):
        short = max(-mass, 0.0) / game.types.masses[list(group)].min()
        positive.check(short <= tolerance, f"{game.types.group_name(group)} has mass {mass:.6g}", short)
        np.add.at(used, list(group), mass)
    for name, have, want in zip(game.types.names, used, game.types.masses, strict=True):
        off = abs(float(have - want)) / float(want)
        served.check(off <= tolerance, partial(_served, name, float(have), float(want)), off)


def _served(name: str, have: float, want: float) -> str:
    """Say how many people of a type are in groups, and how many there are."""
    verb = "is" if want == 1 else "are"
    return f"{have:.12g} of {counted(want, 'person', 'people', 12)} of type {name} {verb} in groups"


def _check_surpluses(
    game: FiniteGroupGame,
    ledger: Ledger,
    formed: list[tuple[int, ...]],
    listed: list[float | None],
    surplus: Floats,
    eps: float,
) -> None:
    """Check that groups are permitted (their surplus is not -infinity) and worth what is listed."""
    permitted, worth = ledger.claim("groups permitted"), ledger.claim("surpluses follow from the definition")
    for group, own, found in zip(formed, listed, surplus, strict=True):
        name, allowed = game.types.group_name(group), bool(np.isfinite(found))
        permitted.check(allowed, f"{name} may not form: {len(group)} members, or not listed")
        if own is not None and allowed:
            worth.equal(name, own, float(found), eps)


def _check_sharing(
    game: FiniteGroupGame,
    ledger: Ledger,
    assignment: tuple[list[tuple[int, ...]], Floats, Floats],
    payoffs: Floats,
    room: tuple[float, float],
) -> None:
    """Check that formed groups share exactly their surplus.

    ``room`` is what one group may be off by, and what all groups together may, which is a gap of welfare: a group of
    small mass may be off by more than one of large mass.
    """
    slack, left_open = room
    shared, over = ledger.claim("formed groups share their surplus"), 0.0
    for group, mass, worth in zip(*assignment, strict=True):
        gets = float(payoffs[list(group)].sum())
        over += float(mass) * abs(gets - float(worth))
        allowed = max(slack, left_open / max(float(mass), 1e-300))
        off, name = abs(gets - float(worth)), game.types.group_name(group)
        shared.check(off <= allowed, f"members of {name} get {gets:.12g}, it is worth {float(worth):.12g}", off)
    most = max(left_open, slack * float(game.types.masses.sum()))
    shared.check(over <= most, f"payoffs and surpluses differ by {over:.6g} in all", over)


def _check_short_of_sharing(
    ledger: Ledger,
    assignment: tuple[list[tuple[int, ...]], Floats, Floats],
    payoffs: Floats,
    gap: float,
    room: float,
) -> None:
    """Check that payoffs and surpluses of formed groups differ by no more than the gap that a run leaves open."""
    over = sum(float(m) * abs(float(payoffs[list(g)].sum()) - float(s)) for g, m, s in zip(*assignment, strict=True))
    claim = ledger.claim("formed groups share their surplus but for the gap")
    claim.check(over <= gap + room, f"payoffs and surpluses differ by {over:.6g} in all", max(over - gap, 0.0))


def _check_blocking(game: FiniteGroupGame, ledger: Ledger, payoffs: Floats, blocking: Blocking, slack: float) -> None:
    """Check that no permitted group could do better."""
    claim = ledger.claim("no group blocks")
    if blocking.gain > -np.inf:
        claim.check(blocking.gain <= slack, lambda: _blocks(game, payoffs, blocking), max(blocking.gain, 0.0))
    for note in blocking.notes:
        claim.leave(note)
    if not (isinstance(game, GroupGame) and game.unlisted == "forbidden"):
        claim = ledger.claim("payoffs not negative")
        for name, payoff in zip(game.types.names, payoffs, strict=True):
            claim.check(payoff >= -slack, f"type {name} gets {payoff:.6g}", max(-float(payoff), 0.0))


def _blocks(game: FiniteGroupGame, payoffs: Floats, blocking: Blocking) -> str:
    """Name the group that gains most, what it is worth and what its members get."""
    gets = float(payoffs[list(blocking.group)].sum())
    name = game.types.group_name(blocking.group)
    return f"{name} blocks: it is worth {gets + blocking.gain:.9g} and its members get {gets:.9g}"


def _check_welfare(
    ledger: Ledger,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, Any],
    found: tuple[float, float],
    blocking: Blocking,
    room: tuple[float, float],
) -> None:
    """Check both values of the duality relation, the gap between them and the number of groups that it covers.

    ``found`` is what the formed groups are worth, and the bound that the payoffs prove: what they come to when they are
    raised by all that any group gains. ``room`` is what values may be off by, as a part of them; and the gap at which
    an assignment counts as stable, in money, by which the claimed bound may be below the proven one, too.
    """
    lines = rows(tables, "welfare", ("primal", "dual", "gap", "groups_priced"), ledger)
    if not ledger.claim("welfare table readable").check(len(lines) == 1, f"{len(lines)} rows, there is one"):
        return
    own, dual, gap, priced = (number(cell) for cell in lines[0])
    (primal, proven), (tolerance, closed) = found, room
    total = tolerance * max(abs(primal), abs(dual or 0.0))
    ledger.claim("welfare is what the formed groups are worth").equal("primal", own or 0.0, primal, total)
    ledger.claim("gap is dual minus primal").equal("gap", gap or 0.0, (dual or 0.0) - (own or 0.0), total)
    claim = ledger.claim("no assignment is worth more than the bound")
    if blocking.exhaustive:
        above = proven - (-np.inf if dual is None else dual)
        claim.check(above <= total + closed, f"proven {proven:.12g}, claimed {dual}", max(above, 0.0))
        covered = ledger.claim("every permitted group is covered")
        covered.check(priced == blocking.covered, f"claimed {priced}, there are {blocking.covered}")
    else:
        claim.leave(blocking.notes[0])
    if claims.get("complete"):
        ledger.claim("the gap is closed").check((gap or 0.0) <= closed, f"gap {gap}", gap or 0.0)
