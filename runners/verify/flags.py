"""Flags of coalition structures: listed once, coarsest, efficient; and flags that hang on a threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from breakaway.data.coalitions import Structure
from breakaway.runners.verify.divisions import NOISE, Accuracy
from breakaway.runners.verify.maps import StructureRow
from breakaway.runners.verify.partitions import Lattice
from breakaway.runners.verify.record import Claim, Ledger

Rows = Mapping[Structure, StructureRow]
Name = Callable[[Structure], str]


def check_listed(ledger: Ledger, lattice: Lattice, rows: Rows, name: Name) -> None:
    """Check that every partition of the players is listed, with its number of coalitions."""
    claim = ledger.claim("every structure listed once")
    for structure in lattice.structures:
        if claim.check(structure in rows, f"{name(structure)} is missing"):
            count = rows[structure][0]
            ledger.claim("numbers of coalitions").check(count == len(structure), f"{name(structure)}: claimed {count}")


def check_coarsest(ledger: Ledger, lattice: Lattice, rows: Rows, name: Name) -> None:
    """Check that the structures called coarsest are the maximal ones among those called viable."""
    viable = np.array([lattice.index[pi] for pi, row in rows.items() if row[1]], dtype=np.intp)
    maximal = {lattice.structures[k] for k in lattice.maximal(viable)}
    claim = ledger.claim("coarsest structures are the maximal viable ones")
    for structure, row in rows.items():
        claim.flag(name(structure), row[2], structure in maximal)


def check_efficient(
    ledger: Ledger, totals: Mapping[Structure, float | Fraction], rows: Rows, acc: Accuracy, name: Name
) -> None:
    """Check that the structures called efficient have the largest total worth: exactly so, for totals in fractions.

    Where a run in fractions is held against totals that are rounded, both answers pass within the tolerance.
    """
    largest = max(totals.values(), default=0.0)
    claim = ledger.claim("efficient structures have the largest total")
    for structure, row in rows.items():
        if structure not in totals:
            continue
        if isinstance(total := totals[structure], Fraction):
            claim.flag(name(structure), row[3], total == largest)
        elif acc.exact and total > largest - 2 * acc.eps:
            claim.check(row[3] is not None, f"{name(structure)}: no flag")
        else:
            check_threshold(claim, name(structure), row[3], total - largest, (acc.eps / 2, 2 * acc.eps))


def viable_band(size: int, acc: Accuracy) -> tuple[float, float]:
    """Return between which slacks a block of ``size`` players may be called viable or not (see check_threshold).

    A run in fractions, with tolerance 0, may reject a worth that is short by less than the tolerance.
    """
    rounding = (1 + size) * acc.eps
    return (-NOISE * rounding if acc.exact else acc.eps / 2, rounding)


def check_threshold(claim: Claim, what: str, claimed: bool | None, margin: float, band: tuple[float, float]) -> None:
    """Check a flag that is true when ``margin`` is about zero or more.

    It must be true from minus the first number of ``band`` and false below minus the second; between them both
    answers are within rounding.
    """
    holds = claimed is not None and (margin >= -band[1] if claimed else margin < -band[0])
    claim.check(holds, lambda: f"{what}: claimed {claimed}, the margin is {margin:.9g}")
