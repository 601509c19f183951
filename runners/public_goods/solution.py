"""What every test of core membership returns: a verdict on one outcome, with what proves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.solvers import SolverOptions


@dataclass(frozen=True, slots=True)
class Levels:
    """The gain above which an agent leaves, in units of utility, and the band around it in which nothing is said.

    An outcome is in the core when nobody can gain more than ``eps``; it is on the boundary when the largest gain that
    all members of some coalition can have is within ``band`` of that.
    """

    eps: float = 1e-6

    @property
    def band(self) -> float:
        """A tenth of ``eps``."""
        return self.eps / 10.0

    @property
    def low(self) -> float:
        """Whoever cannot gain more than this is surely in the core."""
        return self.eps - self.band

    @property
    def high(self) -> float:
        """Who gains more than this surely leaves."""
        return self.eps + self.band


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a method says of one outcome a, and why.

    Attributes
    ----------
    in_core
        Whether a is in the core; None when it is on the boundary.
    coalition
        Members of the maximal deviating coalition by number, ascending; empty when nobody deviates. Deviations are
        closed under componentwise maximum, so there is only one.
    deviation
        An outcome that this coalition can provide and that all its members prefer, shape (n,), 0 for everybody else;
        None when nobody deviates.
    rounds
        Upper bounds of everybody's action in any deviation, each of shape (n,), as they become known: first those of
        the start. Empty for a method that has none.
    multipliers
        lambda > 0 with lambda' J <= 0 at the start, which prove that no deviation exceeds it; None when the start is
        the largest action of everybody.
    method
        The method's name.
    programs
        Convex programmes or linear systems that were solved.
    complete
        Whether the coalition is proven to be the maximal one.
    """

    in_core: bool | None
    coalition: tuple[int, ...]
    deviation: Floats | None
    rounds: tuple[Floats, ...]
    multipliers: Floats | None
    method: str
    programs: int
    complete: bool = True


MembershipTest = Callable[[PublicGoodsGame, Floats, Levels, SolverOptions], Verdict]
"""A method: takes the economy, an outcome of shape (n,), levels and solver options."""


def gains(game: PublicGoodsGame, outcome: Floats, at: Floats) -> Floats:
    """Return u(at) - u(outcome), shape (n,)."""
    found: Floats = game.utilities.values(at) - game.utilities.values(outcome)
    return found


def rightmost_eigenvalue(jacobian: Floats) -> float:
    """Return s(J), the largest real part of an eigenvalue; that of an empty matrix is minus infinity.

    For a matrix with entries at least 0 off the diagonal it is itself an eigenvalue, with a vector d >= 0.
    """
    return float(np.linalg.eigvals(jacobian).real.max()) if len(jacobian) else -np.inf


def perron_vector(jacobian: Floats) -> Floats:
    """Return d >= 0 with J d = s(J) d and sum 1, for a matrix with entries at least 0 off the diagonal."""
    values, vectors = np.linalg.eig(jacobian)
    vector = np.abs(vectors[:, int(values.real.argmax())].real)
    found: Floats = vector / vector.sum()
    return found
