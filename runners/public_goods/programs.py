"""Program 3 solved: the largest least gain of a coalition within bounds, with the multipliers that prove it.

Let x be what a solver returns, lambda >= 0 the multipliers of the gains, scaled to the sum 1, and J supergradients at
x, of an agent with several binding pieces their average by multipliers. By concavity, for every y within the bounds,

    (bound)   least gain at y <= lambda' g(y) <= lambda' g(x) + sum over j of max over y_j of (lambda' J)_j (y_j - x_j).

Nothing else is believed of the solver: not that it is done, nor that x is the optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame, least_pieces
from breakaway.models import coalition_deviation
from breakaway.runners.public_goods.descent import UnboundedImprovementError
from breakaway.runners.public_goods.solution import Verdict
from breakaway.runners.solvers import SolverOptions, solve_model

TIGHTEST = 1e-10
"""Tolerance that solvers are asked for, unless the options name a smaller one."""


@dataclass(frozen=True, eq=False)
class BestDeviation:
    """What is known of the largest least gain of a coalition C within bounds.

    Attributes
    ----------
    members
        C, positions of the members.
    point
        x within the bounds, shape (n,), 0 outside C.
    gains
        u(x) - u(a), shape (n,).
    above
        Values of the affine functions that lie above the gains, at x: equal to ``gains`` up to the inactive pieces
        that have a multiplier, shape (n,).
    slopes
        J, shape (n, n): above + J (y - x) is at least the gain at y of every member; 0 outside C.
    multipliers
        lambda, shape (n,): sum 1, 0 outside C.
    excess
        The sum over j of max over y_j of (lambda' J)_j (y_j - x_j).
    """

    members: tuple[int, ...]
    point: Floats
    gains: Floats
    above: Floats
    slopes: Floats
    multipliers: Floats
    excess: float

    @property
    def least(self) -> float:
        """What every member gains at x at least: a lower bound of the largest least gain."""
        return float(self.gains[list(self.members)].min())

    @property
    def bound(self) -> float:
        """An upper bound of the largest least gain."""
        return float(self.multipliers @ self.above) + self.excess


def best_deviation(
    game: PublicGoodsGame, outcome: Floats, coalition: Sequence[int], upper: Floats, options: SolverOptions
) -> BestDeviation:
    """Find the actions of a coalition at which its least gain is largest.

    Parameters
    ----------
    game, outcome
        The economy, and the outcome a, shape (n,), from which the coalition deviates and the solver starts.
    coalition
        C, positions of the members.
    upper
        Upper bounds of all actions, finite, shape (n,).
    options
        Solver, limits and tolerance.

    Raises
    ------
    SolveError
        When the solver returns no point.
    """
    model = coalition_deviation.build(game, outcome, coalition, bounds=upper, start=outcome)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    solve_model(model, options.replace(tolerance=min(options.tolerance, TIGHTEST)))
    x = np.minimum(coalition_deviation.deviation(model, game), upper)
    return _judged(game, outcome, tuple(sorted(coalition)), x, upper, _weights(model, game))


def _weights(model: pyo.ConcreteModel, game: PublicGoodsGame) -> tuple[Floats, Floats]:
    """Return the multipliers of the gains of agents without pieces, shape (n,), and of all pieces, shape (pieces,)."""
    utilities = game.utilities
    number = {name: i for i, name in enumerate(game.agents)}
    row = {
        (int(i), name): k
        for k, (i, name) in enumerate(zip(utilities.pieces.agent, utilities.pieces.names, strict=True))
    }
    smooth, pieces = np.zeros(len(game)), np.zeros(len(utilities.pieces))
    for name, constraint in _items(model, "gain"):
        smooth[number[name]] = abs(model.dual.get(constraint, 0.0))
    for (name, piece), constraint in _items(model, "piece_gain"):
        pieces[row[number[name], piece]] = abs(model.dual.get(constraint, 0.0))
    return smooth, pieces


def _items(model: pyo.ConcreteModel, name: str) -> list[tuple[Any, Any]]:
    component = model.component(name)
    return [] if component is None else list(component.items())


def _judged(
    game: PublicGoodsGame,
    outcome: Floats,
    members: tuple[int, ...],
    x: Floats,
    upper: Floats,
    weights: tuple[Floats, Floats],
) -> BestDeviation:
    """Return what multipliers, whose scale does not matter, prove at x."""
    utilities, pieces, inside = game.utilities, game.utilities.pieces, np.zeros(len(game), dtype=bool)
    inside[list(members)] = True
    smooth, shares = weights[0].copy(), _shares(game, x, weights[1])
    np.add.at(smooth, pieces.agent, weights[1])
    total = smooth.sum()
    multipliers = smooth / total if total > 0 else inside / inside.sum()
    had = utilities.values(outcome)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = utilities.smooth_jacobian(x)
    above = utilities.smooth(x) - had
    np.add.at(slopes, pieces.agent, shares[:, None] * pieces.slopes)
    np.add.at(above, pieces.agent, shares * pieces.values(x))
    slopes[~inside], slopes[:, ~inside], above[~inside] = 0.0, 0.0, 0.0
    pull = multipliers @ slopes
    excess = float(np.where(pull > 0, pull * (upper - x), -pull * x)[inside].sum())
    return BestDeviation(members, x, utilities.values(x) - had, above, slopes, multipliers, excess)


def _shares(game: PublicGoodsGame, x: Floats, weights: Floats) -> Floats:
    """Return every piece's part of the multipliers of its agent; the least piece has all of it where there are none."""
    pieces, found = game.utilities.pieces, weights.copy()
    sums = np.bincount(pieces.agent, weights, len(game))
    chosen = least_pieces(game.utilities, x)
    without = np.flatnonzero((sums <= 0) & (chosen >= 0))
    found[chosen[without]], sums[without] = 1.0, 1.0
    shares: Floats = found / sums[pieces.agent]
    return shares


def without_limit(found: UnboundedImprovementError, method: str) -> Verdict:
    """Return the verdict on an outcome that some agents can improve on without limit: others may join."""
    coalition = tuple(np.flatnonzero(found.direction).tolist())
    return Verdict(False, coalition, found.point, (), None, method, 0, complete=False)
