"""Recompute a viability map: every structure, block, threat, payoff and flag from the definition of section 3.2.

The recursion need not be solved again. Given the claimed payoffs of finer structures, the threats to a structure, its
required worths and its solutions follow; when each structure is right given the finer ones, the whole map is right.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from breakaway.data.coalitions import Structure
from breakaway.data.games import ExternalityGame
from breakaway.runners.verify.audit import MapAudit
from breakaway.runners.verify.blocks import check_blocks, check_totals, check_viable, check_worths
from breakaway.runners.verify.divisions import EFFORT, made_in_fractions
from breakaway.runners.verify.failures import check_failure_numbers, check_failures
from breakaway.runners.verify.flags import check_coarsest, check_efficient, check_listed
from breakaway.runners.verify.knife_edges import MapDecider, check_map_edges
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.partitions import parts, strictly_inside
from breakaway.runners.verify.pattern_map import verify_patterns
from breakaway.runners.verify.reasons import Faced, Vector, check_met, numbered
from breakaway.runners.verify.record import Verification
from breakaway.runners.verify.tables import Key, Names, label


def verify_viability(
    game: ExternalityGame,
    tables: Mapping[str, pd.DataFrame],
    tolerance: float = 1e-9,
    claims: Mapping[str, object] | None = None,
    effort: float = EFFORT,
) -> Verification:
    """Recompute every claim of a viability map.

    Parameters
    ----------
    game
        The game whose map it is.
    tables
        ``structures``, ``blocks``, ``payoffs``, and where given ``threats``, ``met`` and ``failures``. A column
        ``renamings`` of ``structures`` says that one structure is listed for all its renamings by identical players.
    tolerance
        Largest discrepancy allowed, relative to the largest absolute worth.
    claims
        ``{"threats": "partial"}`` says that the table of threats need not be complete; ``identical_players`` lists
        groups of players that may be exchanged (by default, all that the game does not tell apart); ``tolerance`` 0
        says that the run was made in fractions, so that its knife edges must be decided exactly.
    effort
        Work allowed for the search over one block, in boxes x threats x players.

    Returns
    -------
    Verification
        A row for each claim; tables that are incomplete or unreadable are failures, never exceptions.
    """
    claims = claims or {}
    if "structures" in tables and "renamings" in tables["structures"]:
        return verify_patterns(game, tables, claims, tolerance, effort)
    audit = MapAudit.of(game, tables, tolerance, effort, made_in_fractions(claims))
    audit.decider = MapDecider(audit.game, audit.lattice)
    _check_structures(audit)
    check_worths(audit)
    _check_threats(audit, complete=claims.get("threats", "all") != "partial")
    check_blocks(audit)
    check_failures(audit)
    names = Names(game.players)
    check_failure_numbers(audit, tables, names)
    if "met" in tables:
        _check_met(audit, tables, names)
    check_totals(audit, tables, names)
    check_map_edges(audit)
    return audit.ledger.close()


def _check_structures(audit: MapAudit) -> None:
    """Check that every partition is listed, and the flags of each."""
    rows, name = audit.tables.structures, audit.game.players.structure_name
    check_listed(audit.ledger, audit.lattice, rows, name)
    check_viable(audit)
    check_coarsest(audit.ledger, audit.lattice, rows, name)
    totals = {pi: float(worths.sum()) for pi, (worths, _) in audit.equilibria.items()}
    check_efficient(audit.ledger, totals, rows, audit.accuracy, name)


def _check_threats(audit: MapAudit, complete: bool) -> None:
    """Compare the table of threats with those that follow from the payoffs of finer structures, (8)-(9)."""
    claim = audit.ledger.claim("threats follow from finer structures")
    if audit.tables.threats is None:
        claim.leave("no table of threats; they are recomputed from the payoffs where they are needed")
        return
    left = set(audit.tables.threats)
    for structure in audit.equilibria:
        for block in structure:
            for part in parts(block):
                for outcome, real in audit.forecasts.threats(structure, block, part).items():
                    left.discard((structure, part, outcome))
                    claimed = audit.tables.threats.get((structure, part, outcome), [])
                    what = f"{audit.name(structure, part)} leading to {audit.game.players.structure_name(outcome)}"
                    if complete or claimed:
                        check_vectors(claim, what, claimed, real, audit.accuracy.eps, complete)
    for structure, part, outcome in left:
        result = audit.game.players.structure_name(outcome)
        claim.fail(f"{audit.name(structure, part)} does not lead to {result}")


def _check_met(audit: MapAudit, tables: Mapping[str, pd.DataFrame], names: Names) -> None:
    """Check who declines the threats of the table of threats, in every block of the viable structures."""
    solution = {"structure": names.structure, "coalition": names.coalition, "solution": label}
    threat = {"breakaway": names.coalition, "resulting_structure": names.structure, "threat": label}
    by_structure: dict[Structure, dict[Key, Vector]] = {}
    threats = numbered(tables, "threats", {"structure": names.structure, **threat}, names)
    for (structure, *key), vector in threats.items():
        by_structure.setdefault(structure, {})[tuple(key)] = vector
    faced = {
        key: Faced(payoffs, {k: v for k, v in by_structure.get(key[0], {}).items() if strictly_inside(k[0], key[1])})
        for key, payoffs in numbered(tables, "payoffs", solution, names).items()
    }
    check_met(audit.ledger, tables, (solution, threat), faced, names, audit.accuracy.eps)
