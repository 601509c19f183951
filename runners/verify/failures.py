"""Why blocks fail: each listed set of threats is real, asks for more than the worth, and needs all its members."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakaway.data.coalitions import Coalition, Structure
from breakaway.data.games import Payoffs
from breakaway.runners.verify.audit import Audit
from breakaway.runners.verify.divisions import required_worth
from breakaway.runners.verify.matching import check_vectors

ENOUGH, IRREDUCIBLE = "listed threats ask for more than the worth", "listed threats are irreducible"

Listed = list[tuple[Coalition, Structure, Payoffs]]


def check_failures(audit: Audit) -> None:
    """Check the table of failures, if there is one, block by block."""
    if audit.tables.failures is None:
        return
    ledger = audit.ledger
    given = ledger.claim("failures listed for the blocks that fail")
    for (structure, block), row in audit.tables.blocks.items():
        if structure not in audit.equilibria or block not in structure:
            continue
        listed = audit.tables.failures.get((structure, block), [])
        name = audit.name(structure, block)
        problem = audit.division(structure, block)
        needed = row[3] is False and float(problem.floor.sum()) <= problem.worth + audit.accuracy.eps
        if given.check(bool(listed) == needed, f"{name}: {len(listed)} threats listed, viable is {row[3]}") and listed:
            _check_real(audit, structure, block, listed)
            _check_set(audit, structure, block, listed)
    for structure, block in audit.tables.failures:
        known = (structure, block) in audit.tables.blocks
        given.check(known, f"{audit.name(structure, block)} is no block")


def _check_real(audit: Audit, structure: Structure, block: Coalition, listed: Listed) -> None:
    """Check that each listed threat is among those that the breakaway has, and the shortfall."""
    real = audit.ledger.claim("listed threats are real")
    eps = audit.accuracy.eps
    for part, outcome, payoffs in listed:
        what = f"{audit.name(structure, part)} leading to {audit.game.players.structure_name(outcome)}"
        if real.check(part & ~block == 0 and part != block, f"{what}: not inside the block"):
            possible = audit.possible(structure, block, part, outcome)
            check_vectors(real, what, [payoffs], possible, eps, complete=False)
    required = audit.required.get((structure, block))
    for shortfall in audit.tables.shortfalls[structure, block]:
        if required is not None and shortfall is not None:
            short = required - audit.worth(structure, block)
            claim = audit.ledger.claim("shortfall is required worth minus worth")
            claim.equal(audit.name(structure, block), shortfall, short, (2 + block.bit_count()) * eps)


def _check_set(audit: Audit, structure: Structure, block: Coalition, listed: Listed) -> None:
    """Check that the listed threats alone ask for more than the worth, and no longer so when one is left out."""
    inside = [(part, payoffs) for part, _, payoffs in listed if part & ~block == 0]
    if not inside:
        return
    rows = np.concatenate([audit.rows(block, part, payoffs) for part, payoffs in inside])
    problem = audit.division(structure, block)
    name, eps = audit.name(structure, block), audit.accuracy.eps
    total = required_worth(replace(problem, asked=rows), audit.accuracy)
    if total is None:
        audit.ledger.claim(ENOUGH).leave(f"{name}: the search for the least total was cut short")
        return
    audit.ledger.claim(ENOUGH).check(total > problem.worth + eps / 2, f"{name}: they ask for {total:.12g} only")
    for k in range(len(rows)):
        fewer = required_worth(replace(problem, asked=np.delete(rows, k, axis=0)), audit.accuracy)
        spare = fewer is not None and fewer > problem.worth + (1 + block.bit_count()) * eps
        audit.ledger.claim(IRREDUCIBLE).check(not spare, f"{name}: threat {k + 1} in the list is not needed")
