"""Deviation of a coalition: the actions of its members at which the least of their gains is largest.

A coalition deviates from an outcome when its members, alone, have actions at which each of them is better off; nobody
else then acts. The coalition can do so if and only if the largest least gain is above 0.

Sets: ``agents`` i; ``members`` of the coalition C; ``pieces`` (i, k) of the members, where utilities have pieces.
Parameters: ``outcome_utility[i]`` u_i(a), utility; ``intercept[i, k]`` b_ik, utility, and ``slope[i, k, j]`` s_ikj,
utility of i per action of j.
Variables: ``action[i]`` x_i of the members, in units of action; ``least_gain`` t, in units of utility. The actions of
all others are the number 0.

Equations::

    (largest least gain)  maximise t
    (smooth utility)      f_i = the part of u_i(x) without pieces; the forms are in breakaway.data.public_goods
    (gain)                t <= f_i - u_i(a)                                    for members without pieces
    (piece gain)          t <= f_i + b_ik + sum over j of s_ikj x_j - u_i(a)   for every piece of the other members
    (bound)               0 <= x_i <= upper bound of i

=============  ==========================  ==================
symbol         component                   unit
=============  ==========================  ==================
x_i            ``action[i]``               action
t              ``least_gain``              utility
f_i            ``smooth_utility[i]``       utility
u_i(a)         ``outcome_utility[i]``      utility
b_ik           ``intercept[i, k]``         utility
s_ikj          ``slope[i, k, j]``          utility per action
=============  ==========================  ==================

Exactness: the model is the definition. Utilities are concave, so that the programme is convex and a local optimum is a
global one: a nonlinear programme for Ipopt, or a linear one for HiGHS when all utilities are linear and pieces. The
optimum may be unbounded when actions are not bounded. An outcome on which a bound is binding need not be Pareto
efficient for the coalition.

Reference: Bodwin (2017), Testing Core Membership in Public Goods Economies, section 4.2, Program 3, in epigraph form.
Its formula is missing in the copies at hand; it is reconstructed from the text and the proofs around it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.models import public_goods


def build(
    game: PublicGoodsGame,
    outcome: Floats | Sequence[float],
    coalition: Iterable[int],
    bounds: Floats | Sequence[float] | None = None,
    start: Floats | Sequence[float] | None = None,
) -> pyo.ConcreteModel:
    """Write the deviation that is best for the member who gains least.

    Parameters
    ----------
    game
        The economy; its own outcomes play no part.
    outcome
        a, shape (n,), from which the coalition deviates.
    coalition
        C, positions of the members.
    bounds
        Upper bounds of all agents' actions, shape (n,), infinite for none; None: the largest action of the game.
    start
        Actions from which a solver starts, shape (n,); None: the outcome. Only those of members count.

    Raises
    ------
    ValueError
        For an empty or unknown coalition, or actions or bounds that are not at least 0.
    """
    a = public_goods.checked_actions(game, outcome, "the outcome")
    members = public_goods.checked_coalition(game, coalition)
    upper = _checked_bounds(game, bounds)
    x = _start(game, a if start is None else start, members, upper)
    model = pyo.ConcreteModel(name=f"deviation of {public_goods.coalition_name(game, members)}")
    public_goods.add_agents(model, game, members)
    _add_outcome_utility(model, game, a, members)
    _add_action(model, game, upper, x)
    _add_smooth_utility(model, game, members)
    _add_least_gain(model, game, a, x, members)
    _add_gain(model, game, members)
    _add_piece_gain(model, game, members)
    _add_largest_least_gain(model)
    return model


def _checked_bounds(game: PublicGoodsGame, bounds: Floats | Sequence[float] | None) -> Floats:
    upper = np.full(len(game), game.max_action) if bounds is None else np.asarray(bounds, dtype=np.float64)
    if upper.shape != (len(game),) or not (upper >= 0).all():
        raise ValueError(f"bounds must be {len(game)} numbers of at least 0, one for every agent; got {bounds}")
    return upper


def _start(game: PublicGoodsGame, near: Floats | Sequence[float], members: Sequence[int], upper: Floats) -> Floats:
    """Return the actions to start from: within the bounds, 0 outside the coalition."""
    found = np.zeros(len(game))
    inside = list(members)
    found[inside] = np.minimum(public_goods.checked_actions(game, near, "the start"), upper)[inside]
    return found


def _add_outcome_utility(model: pyo.ConcreteModel, game: PublicGoodsGame, a: Floats, members: Sequence[int]) -> None:
    """u_i(a)."""
    utility = game.utilities.values(a)
    values = {game.agents[i]: float(utility[i]) for i in members}
    model.outcome_utility = pyo.Param(
        model.members, initialize=values, within=pyo.Reals, doc="u_i(a), utility of i in the outcome"
    )


def _add_action(model: pyo.ConcreteModel, game: PublicGoodsGame, upper: Floats, start: Floats) -> None:
    """0 <= x_i <= upper bound."""
    top = {name: None if math.isinf(bound) else bound for name, bound in zip(game.agents, upper.tolist(), strict=True)}
    values = dict(zip(game.agents, start.tolist(), strict=True))
    model.action = pyo.Var(
        model.members,
        bounds=lambda _, i: (0.0, top[i]),
        initialize={i: values[i] for i in model.members},
        doc="x_i, action of member i; all others act at 0",
    )


def _add_smooth_utility(model: pyo.ConcreteModel, game: PublicGoodsGame, members: Sequence[int]) -> None:
    """f_i: u_i(x) without its pieces."""
    action = [model.action[name] if name in model.members else 0.0 for name in game.agents]
    written = public_goods.smooth_expressions(game.utilities, members, action)
    model.smooth_utility = pyo.Expression(
        model.members,
        initialize={game.agents[i]: utility for i, utility in written.items()},
        doc="f_i, utility of i at x, without its pieces",
    )


def _add_least_gain(
    model: pyo.ConcreteModel, game: PublicGoodsGame, a: Floats, start: Floats, members: Sequence[int]
) -> None:
    """t, starting from the least gain at the start."""
    gains = game.utilities.values(start) - game.utilities.values(a)
    model.least_gain = pyo.Var(
        within=pyo.Reals, initialize=float(gains[list(members)].min()), doc="t, least gain of a member"
    )


def _add_gain(model: pyo.ConcreteModel, game: PublicGoodsGame, members: Sequence[int]) -> None:
    """Gain: t <= f_i - u_i(a)."""
    with_pieces = set(game.utilities.pieces.agent.tolist())
    smooth = [game.agents[i] for i in members if i not in with_pieces]
    if smooth:
        model.gain = pyo.Constraint(
            smooth,
            rule=lambda m, i: m.least_gain <= m.smooth_utility[i] - m.outcome_utility[i],
            doc="t <= u_i(x) - u_i(a)",
        )


def _add_piece_gain(model: pyo.ConcreteModel, game: PublicGoodsGame, members: Sequence[int]) -> None:
    """Gain: t <= f_i + b_ik + sum over j of s_ikj x_j - u_i(a)."""
    pieces = game.utilities.pieces
    rows = [(i, k) for k, i in enumerate(pieces.agent.tolist()) if i in members]
    if not rows:
        return
    public_goods.add_slopes(model, game, {(i, k): pieces.slopes[k, list(members)] for i, k in rows}, members)
    named = public_goods.row_names(game, rows)
    intercepts = {named[i, k]: float(pieces.intercepts[k]) for i, k in rows}
    model.intercept = pyo.Param(
        model.pieces, initialize=intercepts, within=pyo.Reals, doc="b_ik, piece k of u_i where nobody acts"
    )

    def gain(m: pyo.ConcreteModel, i: str, k: str) -> object:
        piece = m.intercept[i, k] + pyo.quicksum(m.slope[i, k, j] * m.action[j] for j in m.members)
        return m.least_gain <= m.smooth_utility[i] + piece - m.outcome_utility[i]

    model.piece_gain = pyo.Constraint(model.pieces, rule=gain, doc="t <= piece k of u_i(x), less u_i(a)")


def _add_largest_least_gain(model: pyo.ConcreteModel) -> None:
    """Maximise t."""
    model.largest_least_gain = pyo.Objective(expr=model.least_gain, sense=pyo.maximize, doc="least gain of a member")


def deviation(model: pyo.ConcreteModel, game: PublicGoodsGame) -> Floats:
    """Return the actions x that the model holds, shape (n,): 0 outside the coalition and at least 0 inside."""
    found: Floats = np.maximum(public_goods.vector(game, model.action), 0.0)
    return found
