"""Verifiers of solution concepts, by name: each recomputes what its concept claims, from the definition."""

from __future__ import annotations

from breakaway.runners.verify.concepts.case import Case, Verifier
from breakaway.runners.verify.concepts.coalitional import verify_coalitional_nash
from breakaway.runners.verify.concepts.compte_jehiel import verify_compte_jehiel
from breakaway.runners.verify.concepts.core import verify_core, verify_least_core
from breakaway.runners.verify.concepts.egalitarian import verify_egalitarian, verify_stacked_averages
from breakaway.runners.verify.concepts.kalai_smorodinsky import verify_kalai_smorodinsky
from breakaway.runners.verify.concepts.nucleolus import verify_nucleolus, verify_prenucleolus
from breakaway.runners.verify.concepts.phi import verify_phi
from breakaway.runners.verify.concepts.shapley import verify_shapley
from breakaway.runners.verify.concepts.simple import (
    verify_equal_division,
    verify_nash,
    verify_split_the_difference,
)

VERIFIERS: dict[str, Verifier] = {
    "coalitional-nash": verify_coalitional_nash,
    "nash": verify_nash,
    "split-the-difference": verify_split_the_difference,
    "kalai-smorodinsky": verify_kalai_smorodinsky,
    "phi": verify_phi,
    "egalitarian": verify_egalitarian,
    "stacked-averages": verify_stacked_averages,
    "core": verify_core,
    "least-core": verify_least_core,
    "nucleolus": verify_nucleolus,
    "prenucleolus": verify_prenucleolus,
    "shapley": verify_shapley,
    "compte-jehiel": verify_compte_jehiel,
    "equal-division": verify_equal_division,
}
"""The verifier of every concept."""

__all__ = ["VERIFIERS", "Case", "Verifier"]
