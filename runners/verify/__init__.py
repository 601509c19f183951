"""Recompute every claim of a run from the definitions, sharing no code with the models and solvers."""

from breakaway.runners.verify.characteristic import verify_characteristic
from breakaway.runners.verify.comparison import verify_comparison
from breakaway.runners.verify.groups import verify_assignment
from breakaway.runners.verify.implementation import verify_implementation
from breakaway.runners.verify.ntu import verify_ntu
from breakaway.runners.verify.positive import verify_positive
from breakaway.runners.verify.public_goods import verify_public_goods
from breakaway.runners.verify.record import Verification
from breakaway.runners.verify.strategic import verify_strategic
from breakaway.runners.verify.threat_game import verify_threat_game
from breakaway.runners.verify.viability import verify_viability

__all__ = [
    "Verification",
    "verify_assignment",
    "verify_characteristic",
    "verify_comparison",
    "verify_implementation",
    "verify_ntu",
    "verify_positive",
    "verify_public_goods",
    "verify_strategic",
    "verify_threat_game",
    "verify_viability",
]
