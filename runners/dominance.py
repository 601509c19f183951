"""Is a division Lorenz-maximal among the unblocked ones? A proof, or a more equal unblocked division, by a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from breakaway.data.games import Payoffs, ThreatGame
from breakaway.models import lorenz_dominance
from breakaway.runners.lorenz import filled, majorizes
from breakaway.runners.solvers import InfeasibleError, SolverOptions, solve_model


@dataclass(frozen=True, slots=True)
class Dominance:
    """What the model of :mod:`breakaway.models.lorenz_dominance` says of a division.

    Attributes
    ----------
    gain
        The largest gain of the poorest over the division, and its proven ``bound``; both 0 for a Lorenz-maximal one,
        None when no unblocked division is as equal (which happens only to a division that is blocked).
    more_equal
        An unblocked division of the same total that majorizes it; None when there is none. It is recomputed from the
        levels that the model chose, as max(l_i, t), so that tolerances of the solver do not enter.
    """

    gain: float | None
    bound: float | None
    more_equal: Payoffs | None


def more_equal_division(
    game: ThreatGame, payoffs: Sequence[float], eps: float, options: SolverOptions | None = None
) -> Dominance:
    """Look for an unblocked division of the same total that majorizes a given one, net of disagreement.

    Parameters
    ----------
    game
        Players and threats.
    payoffs
        The division, by player.
    eps
        Tolerance in the unit of payoff: what majorizes by no more does not.
    options
        Solver, limits, tolerances.

    Raises
    ------
    SolveError
        When the solver reaches a limit or fails.
    """
    if len(payoffs) == 1:
        return Dominance(0.0, 0.0, None)
    model = lorenz_dominance.build(game, payoffs)
    try:
        outcome = solve_model(model, options)
    except InfeasibleError:
        return Dominance(None, None, None)
    d = game.players.disagreement
    levels = lorenz_dominance.chosen_levels(model).values()
    net = filled([level - floor for level, floor in zip(levels, d, strict=True)], sum(payoffs) - sum(d))
    given = [x - floor for x, floor in zip(payoffs, d, strict=True)]
    witness = tuple(x + floor for x, floor in zip(net, d, strict=True)) if majorizes(net, given, eps) else None
    return Dominance(outcome.objective, outcome.bound, witness)
