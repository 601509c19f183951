"""The core: divisions of the worth of all players under which no coalition gets less than its worth.

The core may be empty. Then coalitions with weights that add up to 1 at every player, a balanced collection, are
together worth more than the grand coalition: the optimal dual of one linear programme, and the dual ray of another,
name them.

Sets: ``players`` i; ``coalitions`` S, the coalitions whose worth is asked for (by default all but the grand one).
Parameters: ``worth[S]`` v(S) and ``worth_of_all`` v(N), in the game's unit of payoff.
Variables: the payoff x_i; the excess e by which every coalition may fall short.

Equations::

    (enough)        sum over i in S of x_i >= v(S)                        least_total, feasible
    (total payoff)  minimise sum of x_i                                   least_total
    (efficient)     sum of x_i = v(N)                                     feasible, least_excess
    (short by e)    sum over i in S of x_i + e >= v(S)                    least_excess
    (excess)        minimise e                                            least_excess

==========  ========================  ============================  =======
symbol      component                 formulations                  unit
==========  ========================  ============================  =======
x_i         ``payoff[i]``             all                           payoff
e           ``excess``                ``least_excess``              payoff
v(S)        ``worth[S]``              all                           payoff
v(N)        ``worth_of_all``          all                           payoff
lambda_S    dual of ``enough[S]``     ``least_total``               none
lambda_S    dual of ``short_by[S]``   ``least_excess``              none
==========  ========================  ============================  =======

Exactness: exact, linear programmes. ``least_total``: the core is empty if and only if the optimum exceeds v(N); the
duals are the weights of a balanced collection that is worth the optimum. ``feasible``: infeasible if and only if the
core is empty; a dual ray, divided by its entry for (efficient), is a balanced collection. ``least_excess``: the optimum
is the excess of the least core, and positive if and only if the core is empty.

Reference: Gillies (1959); Bondareva (1963) and Shapley (1967), On balanced sets and cores; Maschler, Peleg and Shapley
(1979), Geometric properties of the kernel, nucleolus, and related solution concepts (the least core).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import CharacteristicFunctionGame
from breakaway.models.blocks import check_formulation

FORMULATIONS: Mapping[str, str] = MappingProxyType(
    {
        "least_total": "the least total at which every coalition gets its worth; its duals are a balanced collection",
        "feasible": "the core itself, without an objective; infeasible when it is empty",
        "least_excess": "the least excess that all coalitions can be held to: the least core",
    }
)
"""Formulations and what they are, the default first."""


def build(
    game: CharacteristicFunctionGame,
    formulation: str = "least_total",
    coalitions: Collection[Coalition] | None = None,
) -> pyo.ConcreteModel:
    """Write a linear programme of the core.

    Parameters
    ----------
    game
        A characteristic function.
    formulation
        ``"least_total"``, ``"feasible"`` or ``"least_excess"``; see :data:`FORMULATIONS`.
    coalitions
        Bitmasks of the coalitions that have a row; None: all but the grand one. With fewer rows the optimum is a
        bound from below, until no other coalition is short.

    Raises
    ------
    ValueError
        For an unknown formulation, or when the grand coalition is among the coalitions or none is given.
    """
    check_formulation(formulation, FORMULATIONS)
    model = pyo.ConcreteModel(name=f"core by {formulation}")
    add_players(model, game)
    add_coalitions(model, game, coalitions)
    add_payoff(model, game)
    if formulation == "least_excess":
        add_excess(model)
        add_short_by(model)
    else:
        add_enough(model)
    if formulation != "least_total":
        add_efficient(model)
    _add_objective(model, formulation)
    add_duals(model)
    return model


def add_players(model: pyo.ConcreteModel, game: CharacteristicFunctionGame) -> None:
    """Players i and v(N)."""
    model.players = pyo.Set(initialize=game.players.names, doc="players i")
    model.worth_of_all = pyo.Param(
        initialize=float(game.worths[game.players.everyone]), within=pyo.Reals, doc="v(N), worth of all players"
    )


def add_coalitions(
    model: pyo.ConcreteModel, game: CharacteristicFunctionGame, coalitions: Collection[Coalition] | None
) -> None:
    """Coalitions S with their members and v(S).

    Raises
    ------
    ValueError
        When the grand coalition is among them, or there is none.
    """
    everyone = game.players.everyone
    asked = range(1, everyone) if coalitions is None else coalitions
    if not all(0 < coalition < everyone for coalition in asked) or not len(asked):
        raise ValueError("rows are for coalitions that are neither empty nor the grand one, and there must be one")
    names = {coalition: game.players.coalition_name(coalition) for coalition in asked}
    model.coalitions = pyo.Set(initialize=list(names.values()), doc="coalitions S that have a row")
    inside = {name: [game.players.names[player] for player in members(coalition)] for coalition, name in names.items()}
    model.members = pyo.Set(model.coalitions, initialize=inside, doc="members of S")
    worths = {name: float(game.worths[coalition]) for coalition, name in names.items()}
    model.worth = pyo.Param(model.coalitions, initialize=worths, within=pyo.Reals, doc="v(S), worth of the coalition")


def add_payoff(model: pyo.ConcreteModel, game: CharacteristicFunctionGame) -> None:
    """Payoff x_i, without bounds; it starts at an equal part of v(N)."""
    part = float(game.worths[game.players.everyone]) / len(game.players)
    model.payoff = pyo.Var(model.players, initialize=part, doc="x_i, payoff of player i")


def add_excess(model: pyo.ConcreteModel) -> None:
    """Largest excess e, of either sign."""
    model.excess = pyo.Var(initialize=0.0, doc="e, by how much a coalition may fall short")


def total_of(model: pyo.ConcreteModel, coalition: str) -> object:
    """Return the expression sum over i in S of x_i."""
    return pyo.quicksum(model.payoff[i] for i in model.members[coalition])


def add_enough(model: pyo.ConcreteModel) -> None:
    """Sum over i in S of x_i >= v(S)."""
    model.enough = pyo.Constraint(
        model.coalitions, rule=lambda m, s: total_of(m, s) >= m.worth[s], doc="every coalition gets its worth"
    )


def add_short_by(model: pyo.ConcreteModel) -> None:
    """Sum over i in S of x_i + e >= v(S)."""
    model.short_by = pyo.Constraint(
        model.coalitions,
        rule=lambda m, s: total_of(m, s) + m.excess >= m.worth[s],
        doc="no coalition is short of its worth by more than e",
    )


def add_efficient(model: pyo.ConcreteModel) -> None:
    """Sum of x_i = v(N)."""
    model.efficient = pyo.Constraint(
        expr=pyo.quicksum(model.payoff.values()) == model.worth_of_all, doc="all that the players share is shared"
    )


def _add_objective(model: pyo.ConcreteModel, formulation: str) -> None:
    """Minimise sum of x_i, or e, or nothing."""
    if formulation == "least_total":
        total = pyo.quicksum(model.payoff.values())
        model.total_payoff = pyo.Objective(expr=total, doc="least total that gives every coalition its worth")
    elif formulation == "least_excess":
        add_largest_excess(model)
    else:
        model.nothing = pyo.Objective(expr=0.0, doc="any division in the core will do")


def add_largest_excess(model: pyo.ConcreteModel) -> None:
    """Minimise e."""
    model.largest_excess = pyo.Objective(expr=model.excess, doc="least excess of the worst-treated coalition")


def add_duals(model: pyo.ConcreteModel) -> None:
    """Ask the solver for the dual of every constraint."""
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
