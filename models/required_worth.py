"""Required worth: the least total payoff at which some allocation of a game with threats is unblocked.

A coalition can divide its worth v without being blocked if and only if v is at least its required worth; the
difference is the slack by which it holds together or fails. The feasible set of the game plays no part.

Sets, parameters and variables are those of :mod:`breakaway.models.unblocked`, in threshold form.

Equations::

    (total payoff)  minimise sum of x_i
    (reached), (order), (threat met), (identical) as in breakaway.models.unblocked;  x_i >= d_i

==========  =========================  =======
symbol      component                  unit
==========  =========================  =======
x_i         ``payoff[i]``              payoff
b_ik        ``reaches[i, k]``          none
tau_ik      ``level_payoff[i, k]``     payoff
y_ti        ``threat_payoff[t, i]``    payoff
d_i         ``disagreement[i]``        payoff
==========  =========================  =======

Exactness: exact, a mixed-integer linear programme. Under chosen levels the least total is the sum of the level
payoffs, so the optimum can be recomputed from the binaries alone.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, sections 2 and 3.2 (a block is viable when its
unblocked set is nonempty).
"""

from __future__ import annotations

import pyomo.environ as pyo

from breakaway.data.games import ThreatGame, TotalWorth
from breakaway.models import unblocked
from breakaway.models.unblocked import Pairs


def build(game: ThreatGame, identical: Pairs = ()) -> pyo.ConcreteModel:
    """Write the least total payoff that leaves an allocation unblocked.

    Parameters
    ----------
    game
        A game whose feasible set is a total worth; the worth itself plays no part.
    identical
        Pairs (i, j) of identical players, by name, for which x_i <= x_j is imposed.

    Raises
    ------
    ValueError
        When the feasible set is not a total worth, or two threats share a name.
    """
    if not isinstance(game.feasible, TotalWorth):
        raise ValueError(
            "required worth is defined for a total worth; for points and polyhedra build "
            "breakaway.models.coalitional_nash with formulation='smallest_gain'"
        )
    model = pyo.ConcreteModel(name="required worth")
    unblocked.add_players(model, game)
    unblocked.add_threats(model, game)
    _add_unbounded_payoff(model, game)
    unblocked.add_thresholds(model, game)
    unblocked.add_identical_order(model, identical)
    _add_total_payoff(model)
    return model


def _add_unbounded_payoff(model: pyo.ConcreteModel, game: ThreatGame) -> None:
    """x_i >= d_i, without an upper bound."""
    start = dict(zip(game.players.names, game.players.disagreement, strict=True))
    unblocked.add_payoff(model, dict.fromkeys(game.players.names), start)


def _add_total_payoff(model: pyo.ConcreteModel) -> None:
    """Minimise sum of x_i."""
    model.total_payoff = pyo.Objective(
        expr=pyo.quicksum(model.payoff.values()), sense=pyo.minimize, doc="least total payoff of an unblocked division"
    )


def chosen_levels(model: pyo.ConcreteModel) -> dict[str, float]:
    """Return the payoff that every player is raised to at the solution held by the model; d_i when to none."""
    return {i: unblocked.raised_level(model, i) for i in model.players}


def give_up(model: pyo.ConcreteModel, choices: dict[str, float]) -> None:
    """Exclude every solution that raises all these players to at least these levels."""
    unblocked.add_given_up(model, choices)
