"""What a verification says: a named claim for each thing recomputed, and how often and how badly it failed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

Detail = str | Callable[[], str]
"""What to say about a failing item; a function where writing it for every item would be slow."""


@dataclass(frozen=True, eq=False)
class Verification:
    """The outcome of recomputing the claims of a run.

    ``checks`` has a row for each claim: ``claim`` (what was recomputed), ``checked`` and ``failed`` (numbers of
    items), ``worst_residual`` (largest numerical discrepancy, relative to the scale of the game; 0 for claims that
    are not numerical) and ``detail`` (the first failing item in words, or why nothing was re-proven).
    """

    checks: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether no item of any claim failed."""
        return int(self.checks["failed"].sum()) == 0

    @property
    def residual(self) -> float:
        """The largest discrepancy over all claims, relative to the scale of the game."""
        return float(self.checks["worst_residual"].max()) if len(self.checks) else 0.0


@dataclass
class Claim:
    """One named claim while it is being checked; ``scale`` is the game's scale, in units of payoff."""

    name: str
    scale: float = 1.0
    checked: int = 0
    failed: int = 0
    worst: float = 0.0
    detail: str = ""
    note: str = ""

    def check(self, holds: bool, detail: Detail, residual: float = 0.0) -> bool:
        """Count one item; ``residual`` is in units of payoff, ``detail`` is kept when the item is the first to fail."""
        self.checked += 1
        size = abs(residual) / self.scale
        self.worst = max(self.worst, math.inf if math.isnan(size) else size)
        if not holds:
            self.failed += 1
            self.detail = self.detail or (detail if isinstance(detail, str) else detail())
        return holds

    def fail(self, detail: Detail) -> None:
        """Count one item that failed."""
        self.check(False, detail)

    def equal(self, what: str, claimed: float, recomputed: float, allowed: float) -> bool:
        """Count one number, which may differ from the recomputed one by ``allowed``."""
        gap = abs(claimed - recomputed) if claimed != recomputed else 0.0
        return self.check(gap <= allowed, lambda: f"{what}: claimed {claimed:.12g}, recomputed {recomputed:.12g}", gap)

    def flag(self, what: str, claimed: bool | None, recomputed: bool) -> bool:
        """Count one flag, which must be the recomputed one."""
        return self.check(claimed is recomputed, lambda: f"{what}: claimed {claimed}, recomputed {recomputed}")

    def leave(self, note: str) -> None:
        """Say that an item was not re-proven, and why; it counts neither as checked nor as failed."""
        self.note = self.note or note


@dataclass
class Ledger:
    """The claims of one verification, in the order in which they are first named."""

    scale: float = 1.0
    claims: dict[str, Claim] = field(default_factory=dict)

    def claim(self, name: str) -> Claim:
        """Return the claim with this name, opened if it is new."""
        return self.claims.setdefault(name, Claim(name, self.scale))

    def adopt(self, part: Verification, prefix: str) -> None:
        """Count the checks of a part of the work as claims of the whole, named after the part."""
        columns = (part.checks[name].tolist() for name in ("claim", "checked", "failed", "worst_residual", "detail"))
        for name, checked, failed, worst, detail in zip(*columns, strict=True):
            claim = self.claim(f"{prefix}: {name}")
            claim.checked += checked
            claim.failed += failed
            claim.worst = max(claim.worst, worst)
            claim.detail = claim.detail or (detail if failed else "")
            claim.note = claim.note or ("" if failed else detail)

    def close(self) -> Verification:
        """Return the verification that these claims make."""
        rows = [(c.name, c.checked, c.failed, c.worst, c.detail if c.failed else c.note) for c in self.claims.values()]
        return Verification(pd.DataFrame(rows, columns=["claim", "checked", "failed", "worst_residual", "detail"]))
