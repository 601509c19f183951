"""What methods for groups of positive size share: question and progress, the solution, the master programme."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.models import positive_size
from breakaway.runners.groups.solution import History
from breakaway.runners.solvers import SolverOptions, solve_model

FEW = 1e-12
"""A group of which fewer form, in units of the whole market, does not form."""


@dataclass(frozen=True, eq=False)
class PositiveSolution:
    """An assignment to groups of positive size and payoffs, with the bound that binds them.

    Attributes
    ----------
    groups
        The formed groups nu, people by type, shape (formed, types).
    masses
        gamma, how many of each form (> 0), shape (formed,).
    surplus
        s of each, money per group, shape (formed,).
    imputation
        u, money per person by type, shape (types,), of either sign; no group gains at it beyond rounding.
    least, most
        The range of every payoff over all stable payoffs, NaN where not known, shape (types,).
    primal
        Welfare of the assignment.
    dual
        Proven upper bound of the welfare of every assignment, u.mu.
    history
        How welfare and bound developed.
    complete
        Whether the gap is within the tolerance.
    method
        ``pieces``, ``one composition``, ``vertices`` or ``columns``.
    """

    groups: Floats
    masses: Floats
    surplus: Floats
    imputation: Floats
    least: Floats
    most: Floats
    primal: float
    dual: float
    history: History
    complete: bool
    method: str

    @property
    def gap(self) -> float:
        """Distance of the proven bound from the welfare, in money; rounding below 0 counts as 0."""
        return max(self.dual - self.primal, 0.0)


@dataclass
class Work:
    """A question, when it was asked, and the progress so far."""

    game: PositiveSizeGame
    options: SolverOptions
    tolerance: float
    started: float = field(default_factory=time.perf_counter)
    history: list[tuple[float, float, float, int]] = field(default_factory=list)

    def note(self, primal: float, dual: float, columns: int) -> None:
        """Note welfare and bound."""
        self.history.append((time.perf_counter() - self.started, primal, dual, columns))

    def closed(self, primal: float, dual: float) -> bool:
        """Tell whether a gap is within the tolerance."""
        return dual - primal <= self.tolerance * max(1.0, abs(dual))

    def left(self) -> SolverOptions:
        """Return the options with the time that is left."""
        if self.options.time_limit is None:
            return self.options
        spent = time.perf_counter() - self.started
        return self.options.replace(time_limit=max(self.options.time_limit - spent, 0.01))

    def out_of_time(self) -> bool:
        """Tell whether the time is over."""
        limit = self.options.time_limit
        return limit is not None and time.perf_counter() - self.started >= limit

    def close(self, groups: Floats, masses: Floats, payoffs: Floats, most_gain: float, method: str) -> PositiveSolution:
        """Return the solution: payoffs raised until no group gains, groups that do form, and the gap."""
        game = self.game
        formed = masses > FEW * game.total / game.largest
        raised = payoffs + max(most_gain, 0.0) / game.smallest
        surplus = game.form.values(groups[formed])
        primal, dual = float(surplus @ masses[formed]), float(raised @ game.types.masses)
        self.note(primal, dual, len(groups))
        unknown = np.full(len(game.types), np.nan)
        return PositiveSolution(
            groups[formed],
            masses[formed],
            surplus,
            raised,
            unknown,
            unknown,
            primal,
            dual,
            tuple(self.history),
            self.closed(primal, dual),
            method,
        )


def solve_master(work: Work, groups: Floats) -> tuple[Floats, Floats]:
    """Solve the programme over groups given; return how many of each form, and payoffs."""
    model = positive_size.build(work.game, "listed", groups=groups)
    solve_model(model, work.options, "highs")
    masses = np.array([pyo.value(model.formed[g]) for g in model.groups])
    return np.maximum(masses, 0.0), positive_size.payoffs_of(model)


def group_of_pieces(game: PositiveSizeGame, payoffs: Floats, options: SolverOptions) -> tuple[float, Floats]:
    """Return a bound of what any group gains at payoffs, and the group that gains most; for linear pieces."""
    model = positive_size.build(game, "most_gain_of_pieces", payoffs=payoffs)
    outcome = solve_model(model, options, "highs")
    people = np.array([[pyo.value(model.people[k, i]) for i in model.types] for k in model.pieces])
    formed = np.array([pyo.value(model.formed[k]) for k in model.pieces])
    k = int(np.argmax(formed))
    least = positive_size.pieces_of(game.form).least[k]
    return -outcome.bound, np.clip(people[k] / formed[k], least, game.types.masses)
