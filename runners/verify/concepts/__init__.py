"""Verifiers of solution concepts, by name: each recomputes what its concept claims, from the definition."""

from __future__ import annotations

from breakaway.runners.verify.concepts.case import Case, Verifier
from breakaway.runners.verify.concepts.coalitional import verify_coalitional_nash
from breakaway.runners.verify.concepts.simple import verify_equal_division

VERIFIERS: dict[str, Verifier] = {
    "coalitional-nash": verify_coalitional_nash,
    "equal-division": verify_equal_division,
}
"""The verifier of every concept."""

__all__ = ["VERIFIERS", "Case", "Verifier"]
