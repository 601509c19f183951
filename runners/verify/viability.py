"""Recompute a viability map: every structure, block, threat, payoff and flag from the definition of section 3.2.

The recursion need not be solved again. Given the claimed payoffs of finer structures, the threats to a structure, its
required worths and its solutions follow; when each structure is right given the finer ones, the whole map is right.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure
from breakaway.data.games import ExternalityGame
from breakaway.runners.verify.audit import MapAudit
from breakaway.runners.verify.divisions import EFFORT, check_maximisers, check_required
from breakaway.runners.verify.failures import check_failures
from breakaway.runners.verify.flags import check_coarsest, check_efficient, check_listed, check_threshold, viable_band
from breakaway.runners.verify.knife_edges import check_map_edges, decided_exactly
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.partitions import parts
from breakaway.runners.verify.record import Verification

GIVEN = "payoffs given for the blocks of viable structures"


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
        ``structures``, ``blocks``, ``payoffs``, and where given ``threats`` and ``failures``.
    tolerance
        Largest discrepancy allowed, relative to the largest absolute worth.
    claims
        ``{"threats": "partial"}`` says that the table of threats need not be complete.
    effort
        Work allowed for the search over one block, in boxes x threats x players.

    Returns
    -------
    Verification
        A row for each claim; tables that are incomplete or unreadable are failures, never exceptions.
    """
    audit = MapAudit.of(game, tables, tolerance, effort)
    _check_structures(audit)
    _check_worths(audit)
    _check_threats(audit, complete=(claims or {}).get("threats", "all") != "partial")
    for structure in audit.equilibria:
        for block in structure:
            _check_block(audit, structure, block)
    _check_payoff_keys(audit)
    check_failures(audit)
    check_map_edges(audit)
    return audit.ledger.close()


def _check_structures(audit: MapAudit) -> None:
    """Check that every partition is listed, and the flags of each."""
    rows, name = audit.tables.structures, audit.game.players.structure_name
    check_listed(audit.ledger, audit.lattice, rows, name)
    viable = audit.ledger.claim("structures viable iff all their blocks are")
    for structure, row in rows.items():
        blocks = [audit.tables.blocks.get((structure, block)) for block in structure]
        holds = all(block is not None and block[3] is True for block in blocks)
        viable.flag(name(structure), row[1], holds or len(structure) == len(audit.game.players))
    check_coarsest(audit.ledger, audit.lattice, rows, name)
    totals = {pi: float(worths.sum()) for pi, (worths, _) in audit.equilibria.items()}
    check_efficient(audit.ledger, totals, rows, audit.accuracy.eps, name)


def _check_worths(audit: MapAudit) -> None:
    """Check that every block is listed, with the worth that it has in the recomputed equilibrium."""
    listed = audit.ledger.claim("every block listed once")
    worths = audit.ledger.claim("worths follow from the definition")
    best = audit.ledger.claim("no coalition gains by a best response")
    for structure, (_, gain) in audit.equilibria.items():
        eps = audit.accuracy.eps
        best.check(gain <= eps, f"{audit.game.players.structure_name(structure)}: a coalition gains", gain)
        for block in structure:
            row = audit.tables.blocks.get((structure, block))
            name = audit.name(structure, block)
            if listed.check(row is not None, f"{name} is missing") and row and row[0] is not None:
                worths.equal(name, row[0], audit.worth(structure, block), eps)
    for structure, block in audit.tables.blocks:
        listed.check(block in structure, f"{audit.name(structure, block)} is no block")


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


def _check_block(audit: MapAudit, structure: Structure, block: Coalition) -> None:
    """Check the required worth, slack, flag and solutions of one block against its recomputed threats."""
    ledger, name, eps = audit.ledger, audit.name(structure, block), audit.accuracy.eps
    problem = audit.division(structure, block)
    worth, required, slack, viable = audit.tables.blocks.get((structure, block), (None, None, None, None))
    found = check_required(ledger, name, required, problem, audit.accuracy)
    audit.required[structure, block] = found
    if worth is not None and required is not None and slack is not None:
        ledger.claim("slack is worth minus required worth").equal(name, slack, worth - required, eps)
    if found is not None and (structure, block) in audit.tables.blocks:
        band = viable_band(block.bit_count(), eps, decided_exactly(audit.game))
        check_threshold(ledger.claim("blocks viable iff the slack allows"), name, viable, problem.worth - found, band)
    solutions = audit.tables.payoffs.get((structure, block), [])
    given = ledger.claim(GIVEN)
    needed = structure in audit.forecasts.viable
    given.check(bool(solutions) == needed, f"{name}: {len(solutions)} solutions, viable is {needed}")
    if needed:
        check_maximisers(ledger, name, solutions, problem, audit.accuracy)


def _check_payoff_keys(audit: MapAudit) -> None:
    """Check that payoffs are given for nothing but blocks."""
    claim = audit.ledger.claim(GIVEN)
    for structure, block in audit.tables.payoffs:
        claim.check(block in structure, f"{audit.name(structure, block)} is no block")
