"""The Kalai-Smorodinsky solution under threats: everybody comes equally close to the most that is left for them.

A player's ideal payoff is the most that any allocation which nobody blocks leaves for the player. The solution raises
all players together, in proportion to what their ideals are above disagreement, as far as the unblocked set allows.
With another target point in place of the ideal, the same model gives the number beta of Example 1.

Sets, parameters, payoffs, feasible sets and thresholds are those of :mod:`breakaway.models.unblocked`.

Equations::

    (ideal)         maximise x_j of one player j
    (common ratio)  maximise r,   x_i - d_i >= r (m_i - d_i) for every i with m_i > d_i,   r <= cap
    (reached), (order), (threat met), (total) or (rows) or (one point) as in breakaway.models.unblocked;  x_i >= d_i

==========  =========================  =======
symbol      component                  unit
==========  =========================  =======
x_i         ``payoff[i]``              payoff
m_i         ``target[i]``              payoff
r           ``ratio``                  none
b_ik        ``reaches[i, k]``          none
tau_ik      ``level_payoff[i, k]``     payoff
y_ti        ``threat_payoff[t, i]``    payoff
d_i         ``disagreement[i]``        payoff
==========  =========================  =======

Exactness: exact, mixed-integer linear programmes (a convex set makes them mixed-integer convex). The largest common
ratio is the first stage of the lexicographic solution; under the levels chosen the other stages have a closed form.

Reference: Kalai and Smorodinsky (1975), Other Solutions to Nash's Bargaining Problem, Econometrica 43; Imai (1983),
Individual Monotonicity and Lexicographic Maxmin Solution, Econometrica 51. With threats: Vohra and Ray (2025), section
2.5, where beta is defined as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import pyomo.environ as pyo

from breakaway.data.games import ThreatGame
from breakaway.models import unblocked
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "common_ratio": "the largest ratio r that all players can have of the way from d to a target; needs target",
        "ideal_payoff": "the largest payoff of one player in the unblocked set; needs player",
    }
)
"""Formulations and what they are, the default first."""


def build(
    game: ThreatGame,
    formulation: str = "common_ratio",
    target: Mapping[str, float] | None = None,
    player: str | None = None,
    cap: float = math.inf,
) -> pyo.ConcreteModel:
    """Write the first stage of the Kalai-Smorodinsky solution, or the ideal payoff of one player.

    Parameters
    ----------
    game
        Players with disagreement payoffs, feasible set, threats; the bargaining weights play no part.
    formulation
        ``"common_ratio"`` or ``"ideal_payoff"``; see :data:`FORMULATIONS`.
    target
        With ``common_ratio`` only: a payoff m_i >= d_i for every player, by name, above d_i for at least one.
    player
        With ``ideal_payoff`` only: whose payoff is maximised.
    cap
        With ``common_ratio`` only: the largest ratio that is of interest, such as 1.

    Raises
    ------
    ValueError
        For an unknown formulation, a target or player that is missing, misplaced or unknown, a target that asks for
        nothing or for less than disagreement, or two threats with one name.
    """
    check_formulation(formulation, FORMULATIONS)
    if (target is not None) != (formulation == "common_ratio") or (player is not None) != (
        formulation != "common_ratio"
    ):
        raise ValueError("common_ratio needs a target and no player, ideal_payoff a player and no target")
    model = pyo.ConcreteModel(name=f"Kalai-Smorodinsky solution: {formulation.replace('_', ' ')}")
    unblocked.add_players(model, game)
    unblocked.add_threats(model, game)
    d = dict(zip(game.players.names, game.players.disagreement, strict=True))
    unblocked.add_payoff(model, unblocked.highest_payoffs(game), d)
    unblocked.add_feasible_set(model, game)
    unblocked.add_thresholds(model, game)
    if target is not None:
        _add_target(model, _checked(target, d))
        _add_ratio(model, cap)
    elif player is not None:
        _add_ideal_payoff(model, player)
    return model


def _checked(target: Mapping[str, float], d: Mapping[str, float]) -> Mapping[str, float]:
    """Return the target if it names every player, asks for no less than disagreement, and for more of someone."""
    if set(target) != set(d):
        raise ValueError(f"the target must name every player once: {', '.join(d)}")
    low = [i for i, own in d.items() if target[i] < own]
    if low:
        raise ValueError(
            f"the target of {low[0]!r}, {target[low[0]]:g}, is below disagreement, {d[low[0]]:g}: raise it"
        )
    if all(target[i] <= own for i, own in d.items()):
        raise ValueError("the target is the disagreement point: raise it for at least one player")
    return target


def _add_target(model: pyo.ConcreteModel, target: Mapping[str, float]) -> None:
    """m_i, and the players with m_i > d_i."""
    model.target = pyo.Param(
        model.players, initialize=dict(target), within=pyo.Reals, doc="m_i, payoff that counts as ratio 1"
    )
    aspiring = [i for i in model.players if target[i] > model.disagreement[i]]
    model.aspiring = pyo.Set(initialize=aspiring, doc="players with m_i > d_i")


def _add_ratio(model: pyo.ConcreteModel, cap: float) -> None:
    """Maximise r, where x_i - d_i >= r (m_i - d_i)."""
    model.ratio = pyo.Var(
        bounds=(0.0, None if math.isinf(cap) else cap), initialize=0.0, doc="r, part of the way from d to the target"
    )

    def keeps_up(m: pyo.ConcreteModel, i: str) -> object:
        return m.payoff[i] - m.disagreement[i] >= (m.target[i] - m.disagreement[i]) * m.ratio

    model.ratio_of_player = pyo.Constraint(model.aspiring, rule=keeps_up, doc="x_i - d_i >= r (m_i - d_i)")
    model.largest_ratio = pyo.Objective(expr=model.ratio, sense=pyo.maximize, doc="ratio that all players have")


def _add_ideal_payoff(model: pyo.ConcreteModel, player: str) -> None:
    """Maximise x_j."""
    if player not in model.players:
        raise ValueError(f"player {player!r} is not in the game; players are {', '.join(model.players)}")
    model.ideal_payoff = pyo.Objective(
        expr=model.payoff[player], sense=pyo.maximize, doc=f"largest payoff of {player} that nobody blocks"
    )


def chosen_levels(model: pyo.ConcreteModel) -> dict[str, float]:
    """Return the payoff that every player is raised to at the solution held by the model; d_i when to none."""
    return {i: unblocked.raised_level(model, i) for i in model.players}


def give_up(model: pyo.ConcreteModel, choices: Mapping[str, float]) -> None:
    """Exclude every solution that raises all these players to at least these levels."""
    unblocked.add_given_up(model, choices)
