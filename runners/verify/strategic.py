"""Recompute every claim of an answer about a game in strategic form from the definition of section 3.

Without transfers the whole recursion is told again (:mod:`breakaway.runners.verify.strategic_game`) and the tables are
held against it; with transfers the coalitional Nash equilibria, and the map of the worths that they give as any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Structure
from breakaway.data.games import PartitionFunctionGame, Payoffs, StrategicFormGame
from breakaway.runners.verify.flags import check_coarsest, check_listed
from breakaway.runners.verify.maps import read_structures
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.strategic_game import Profile, Retold
from breakaway.runners.verify.strategic_tables import (
    Retelling,
    Solutions,
    check_blocks,
    check_equilibria,
    check_failures,
    check_met,
    check_payoffs,
    check_refusals,
    check_threats,
)
from breakaway.runners.verify.tables import Names, flag, label, number, rows
from breakaway.runners.verify.viability import verify_viability


def verify_strategic(
    game: StrategicFormGame,
    tables: Mapping[str, pd.DataFrame],
    tolerance: float = 1e-9,
    claims: Mapping[str, object] | None = None,
) -> Verification:
    """Recompute every claim of an answer about a game in strategic form.

    Parameters
    ----------
    game
        The game.
    tables
        Those of :func:`breakaway.runners.strategic.solve_strategic`; ``threats``, ``met``, ``failures`` and
        ``refusals`` may be missing.
    tolerance
        Largest discrepancy allowed, relative to the largest absolute payoff.
    claims
        With transfers, what :func:`breakaway.runners.verify.verify_viability` takes.

    Returns
    -------
    Verification
        A row for each claim; tables that are incomplete or unreadable are failures, never exceptions.
    """
    scale = max([*(float(np.abs(v).max()) for v in game.payoffs.values()), *map(abs, game.players.disagreement)]) or 1.0
    retold = Retold(game, tolerance * scale)
    if game.transfers:
        return _verify_surplus(retold, tables, tolerance, claims or {}, scale)
    retold.tell()
    told = Retelling(retold, tables, Names(game.players), Ledger(scale))
    _check_structures(told)
    check_blocks(told)
    solutions = check_equilibria(told)
    check_payoffs(told, solutions)
    check_threats(told)
    check_met(told, solutions)
    check_failures(told)
    check_refusals(told)
    return told.ledger.close()


def _check_structures(told: Retelling) -> None:
    """Check that every structure is listed, with its flags."""
    retold, ledger = told.retold, told.ledger
    listed = read_structures(told.tables, told.names, ledger)
    name = retold.game.players.structure_name
    check_listed(ledger, retold.lattice, listed, name)
    check_coarsest(ledger, retold.lattice, listed, name)
    viable = ledger.claim("viable structures are those with an equilibrium")
    efficient = ledger.claim("efficient structures have an undominated equilibrium")
    for structure, row in listed.items():
        found = retold.equilibria[structure]
        viable.flag(name(structure), row[1], bool(found))
        undominated = any(not retold.dominated(retold.payoff(structure, profile)) for profile in found)
        efficient.flag(name(structure), row[3], undominated)


def _verify_surplus(
    retold: Retold, tables: Mapping[str, pd.DataFrame], tolerance: float, claims: Mapping[str, object], scale: float
) -> Verification:
    """Check the coalitional Nash equilibria, then the map of the worths that they give."""
    told = Retelling(retold, tables, Names(retold.game.players), Ledger(scale))
    for structure in retold.by_level():
        retold.equilibria[structure] = retold.coalitional_nash(structure)
    solutions = check_equilibria(told)
    counting = _counting(told, solutions)
    worths: dict[Structure, Payoffs] = {}
    claim = told.ledger.claim("one equilibrium of each structure gives its worths, by the game's rule")
    for structure, found in retold.equilibria.items():
        chosen = [profile for key, profile in solutions.items() if key[0] == structure and key in counting]
        sound = len(chosen) == 1 and chosen[0] in found and _by_the_rule(retold, structure, chosen[0])
        if claim.check(sound, f"{retold.game.players.structure_name(structure)}: {len(chosen)} equilibria count"):
            worths[structure] = retold.sums(structure, chosen[0])
    if len(worths) < len(retold.equilibria):
        return told.ledger.close()
    induced = PartitionFunctionGame(retold.game.players, worths, retold.game.coalition_weights)
    mapped = verify_viability(induced, tables, tolerance, claims)
    return Verification(pd.concat([told.ledger.close().checks, mapped.checks], ignore_index=True))


def _counting(told: Retelling, solutions: Solutions) -> set[tuple[Structure, str]]:
    """Return the equilibria (structure, number) that are said to give the worths; check their sums of payoffs."""
    claim = told.ledger.claim("sums of payoffs in the equilibria")
    said: dict[tuple[Structure, str], set[bool | None]] = {}
    columns = ("structure", "solution", "coalition", "worth", "counts")
    for structure, k, coalition, worth, counts in rows(told.tables, "equilibria", columns, told.ledger):
        where, block, value = told.names.structure(structure), told.names.coalition(coalition), number(worth)
        what = f"{coalition} in {structure}, equilibrium {k}"
        if where is None or block not in where or value is None or (where, label(k)) not in solutions:
            claim.fail(what)
            continue
        sums = told.retold.sums(where, solutions[where, label(k)])
        claim.equal(what, value, sums[where.index(block)], (1 + len(sums)) * told.retold.eps)
        said.setdefault((where, label(k)), set()).add(flag(counts))
    for (where, k), flags in said.items():
        claim.check(len(flags) == 1 and None not in flags, f"equilibrium {k} of {told.named(where)} counts in part")
    return {key for key, flags in said.items() if True in flags}


def _by_the_rule(retold: Retold, structure: Structure, chosen: Profile) -> bool:
    """Tell whether the game's table or rule leads to this equilibrium, or to one with the same worths."""
    game, found = retold.game, retold.equilibria[structure]
    if structure in game.chosen:
        return retold.profile_of(structure, dict(zip(structure, game.chosen[structure], strict=True))) == chosen
    if game.selection == "first":
        return chosen == min(found)
    sums = {profile: retold.sums(structure, profile) for profile in found}
    if game.selection == "largest-total":
        most = max(map(math.fsum, sums.values()))
        sums = {profile: own for profile, own in sums.items() if math.fsum(own) >= most - 2 * retold.eps}
    own = sums.get(chosen)
    allowed = 3 * retold.eps
    return own is not None and all(
        abs(mine - its) <= allowed for other in sums.values() for mine, its in zip(own, other, strict=True)
    )
