"""Checks of the blocks of a viability map: worths, required worths, slack, verdicts, solutions."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure
from breakaway.runners.verify.audit import Audit
from breakaway.runners.verify.divisions import check_maximisers, check_required
from breakaway.runners.verify.flags import check_threshold, viable_band
from breakaway.runners.verify.knife_edges import check_exactly, on_edge
from breakaway.runners.verify.tables import Names, number

GIVEN = "payoffs given for the blocks of viable structures"


def check_blocks(audit: Audit) -> None:
    """Check required worths, slack, verdicts and solutions of all blocks."""
    for structure in audit.equilibria:
        for block in structure:
            _check_block(audit, structure, block)
    _check_payoff_keys(audit)


def check_viable(audit: Audit) -> None:
    """Check that structures are viable iff all their blocks are; the finest always is."""
    viable = audit.ledger.claim("structures viable iff all their blocks are")
    for structure, row in audit.tables.structures.items():
        blocks = [audit.tables.blocks.get((structure, block)) for block in structure]
        holds = all(block is not None and block[3] is True for block in blocks)
        finest = len(structure) == len(audit.game.players)
        viable.flag(audit.game.players.structure_name(structure), row[1], holds or finest)


def check_worths(audit: Audit) -> None:
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
        known = structure in audit.equilibria and block in structure
        listed.check(known, f"{audit.name(structure, block)} is no block")


def check_totals(audit: Audit, tables: Mapping[str, pd.DataFrame], names: Names) -> None:
    """Check the worths of structures, where they are given."""
    frame = tables.get("structures", pd.DataFrame())
    if not {"structure", "worth"} <= set(frame.columns):
        return
    claim = audit.ledger.claim("worths of structures are the totals of blocks")
    for text, worth in zip(frame["structure"].tolist(), frame["worth"].tolist(), strict=True):
        structure, claimed = names.structure(text), number(worth)
        if structure is None or structure not in audit.equilibria:
            continue
        if claim.check(claimed is not None, f"{text}: {worth} is no worth"):
            total = float(audit.equilibria[structure][0].sum())
            claim.equal(str(text), float(claimed or 0.0), total, len(structure) * audit.accuracy.eps)


def _check_block(audit: Audit, structure: Structure, block: Coalition) -> None:
    """Check the required worth, slack, flag and solutions of one block against its recomputed threats."""
    ledger, name, eps = audit.ledger, audit.name(structure, block), audit.accuracy.eps
    problem = audit.division(structure, block)
    worth, required, slack, viable = audit.tables.blocks.get((structure, block), (None, None, None, None))
    found = check_required(ledger, name, required, problem, audit.accuracy)
    audit.required[structure, block] = found
    if worth is not None and required is not None and slack is not None:
        ledger.claim("slack is worth minus required worth").equal(name, slack, worth - required, eps)
    if found is not None and (structure, block) in audit.tables.blocks:
        band = viable_band(block.bit_count(), audit.accuracy)
        check_threshold(ledger.claim("blocks viable iff the slack allows"), name, viable, problem.worth - found, band)
    solutions = audit.solutions(structure, block)
    given = ledger.claim(GIVEN)
    needed = audit.is_viable(structure)
    given.check(bool(solutions) == needed, f"{name}: {len(solutions)} solutions, viable is {needed}")
    if not needed:
        return
    close = audit.accuracy.exact and on_edge(problem.worth, found, ledger.scale)
    exact = audit.decided(structure, block) if close else None
    if exact is None:
        check_maximisers(ledger, name, solutions, problem, audit.accuracy)
    else:
        check_exactly(ledger, name, solutions, exact, problem, audit.accuracy)


def _check_payoff_keys(audit: Audit) -> None:
    """Check that payoffs are given for nothing but blocks."""
    claim = audit.ledger.claim(GIVEN)
    for structure, block in audit.tables.payoffs:
        known = structure in audit.equilibria and block in structure
        claim.check(known, f"{audit.name(structure, block)} is no block")
