"""Why blocks fail: each listed set of threats is real, asks for more than the worth, and needs all its members."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure
from breakaway.data.games import Payoffs
from breakaway.runners.verify.audit import Audit
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.reasons import REAL, check_causes, check_listed_threats, check_repeated, numbered
from breakaway.runners.verify.tables import Key, Names, label

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
    real = audit.ledger.claim(REAL)
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
    if inside:
        asked = np.concatenate([audit.rows(block, part, payoffs) for part, payoffs in inside])
        problem = audit.division(structure, block)
        check_causes(audit.ledger, audit.accuracy, audit.name(structure, block), problem, asked)


def check_failure_numbers(audit: Audit, tables: Mapping[str, pd.DataFrame], names: Names) -> None:
    """Check the numbers that the table of failures repeats, and those by which it refers to the table of threats."""
    if "failures" not in tables:
        return

    def known(key: Key) -> tuple[float, float] | None:
        required = audit.required.get((key[0], key[1]))
        return None if required is None else (audit.worth(key[0], key[1]), required)

    where = {"structure": names.structure, "coalition": names.coalition}
    eps = (2 + len(audit.game.players)) * audit.accuracy.eps
    check_repeated(audit.ledger, tables, where, known, eps)
    if "threats" in tables:
        columns = {
            "structure": names.structure,
            "breakaway": names.coalition,
            "resulting_structure": names.structure,
            "threat": label,
        }
        listed, real = (numbered(tables, table, columns, names) for table in ("failures", "threats"))
        shown = {key[:2] for key in real}
        listed = {key: vector for key, vector in listed.items() if key[:2] in shown}
        check_listed_threats(audit.ledger, listed, real, audit.accuracy.eps)
