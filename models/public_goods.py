"""What the models of public-goods economies share: agents, utilities as expressions, gradients as rows of numbers.

Agents are numbers in the arguments of functions (positions in the game) and names in the models. Actions of agents
outside a coalition are the constant 0 in an expression, not fixed variables: utilities that rise infinitely fast at 0
are then written without a term that no solver could differentiate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.calculus.derivatives import Modes, differentiate

from breakaway.data.arrays import Floats, Ints
from breakaway.data.public_goods import ExpressionUtilities, FormUtilities, PublicGoodsGame, Utilities

ACTIVE_TOLERANCE = 1e-7
"""A piece is active when it exceeds the least piece of its agent by at most this, times 1 + the size of the least."""

WRITTEN_FORMS: Mapping[str, Callable[[Any, float, float], Any]] = MappingProxyType(
    {
        "linear": lambda x, e, s: x,
        "log": lambda x, e, s: pyo.log(1.0 + x),
        "sqrt": lambda x, e, s: pyo.sqrt(x + s),
        "power": lambda x, e, s: (x + s) ** e,
        "quadratic": lambda x, e, s: x**2 / 2.0,
        "cubic": lambda x, e, s: x**3 / 3.0,
    }
)
"""The forms of one action (:data:`breakaway.data.public_goods.FORMS`) for numbers and Pyomo variables alike."""


# --- sets ----------------------------------------------------------------------------------------------------------


def add_agents(model: pyo.ConcreteModel, game: PublicGoodsGame, members: Sequence[int]) -> None:
    """Agents i; members of the coalition C."""
    model.agents = pyo.Set(initialize=game.agents, doc="agents i")
    inside = [game.agents[i] for i in members]
    model.members = pyo.Set(initialize=inside, within=model.agents, doc="members of the coalition C")


def coalition_name(game: PublicGoodsGame, members: Iterable[int]) -> str:
    """Return the names of agents, joined by plus signs."""
    return "+".join(game.agents[i] for i in members)


def checked_coalition(game: PublicGoodsGame, coalition: Iterable[int]) -> tuple[int, ...]:
    """Return the members in the order of the game.

    Raises
    ------
    ValueError
        When the coalition is empty, names an agent twice or one that is not there.
    """
    members = tuple(sorted(int(i) for i in coalition))
    if not members or len(set(members)) < len(members) or members[0] < 0 or members[-1] >= len(game):
        raise ValueError(
            f"{members} is no coalition of {len(game)} agents: give the position of every member once, from 0 to "
            f"{len(game) - 1}"
        )
    return members


def checked_actions(game: PublicGoodsGame, actions: Floats | Sequence[float], what: str) -> Floats:
    """Return actions as an array of shape (n,).

    Raises
    ------
    ValueError
        When there is not one finite action of at least 0 for every agent; ``what`` names them.
    """
    found = np.asarray(actions, dtype=np.float64)
    if found.shape != (len(game),) or not np.isfinite(found).all() or (found < 0).any():
        raise ValueError(f"{what} must be {len(game)} finite actions of at least 0, one for every agent; got {actions}")
    return found


# --- utilities as expressions --------------------------------------------------------------------------------------


def smooth_expression(utilities: Utilities, i: int, action: Sequence[Any]) -> Any:
    """Return the smooth part of u_i at actions that are Pyomo variables or numbers, in the order of the agents.

    The actions of agents outside a coalition are the number 0. Where every action that counts is a number, so is what
    is returned.
    """
    if isinstance(utilities, ExpressionUtilities):
        return utilities.written(action)[i]
    parts = (_written_terms(utilities, i, action), _log_sum(utilities, i, action), _ces_sum(utilities, i, action))
    return sum(parts[1:], parts[0])


def smooth_expressions(utilities: Utilities, members: Iterable[int], action: Sequence[Any]) -> dict[int, Any]:
    """Return the smooth parts of the members' utilities, as :func:`smooth_expression` does one."""
    if isinstance(utilities, ExpressionUtilities):
        written = utilities.written(action)
        return {i: written[i] for i in members}
    return {i: smooth_expression(utilities, i, action) for i in members}


def _written_terms(utilities: FormUtilities, i: int, action: Sequence[Any]) -> Any:
    """Sum of coefficient f(x_j) over the terms of agent i."""
    terms = utilities.terms
    rows = np.flatnonzero(terms.agent == i)
    columns = (column[rows].tolist() for column in (terms.source, terms.coefficient, terms.exponent, terms.shift))
    return pyo.quicksum(
        c * WRITTEN_FORMS[terms.form[k]](action[j], e, s) for k, j, c, e, s in zip(rows.tolist(), *columns, strict=True)
    )


def _log_sum(utilities: FormUtilities, i: int, action: Sequence[Any]) -> Any:
    """log(1 + sum of c_ij x_j)."""
    if utilities.log_sums is None or not utilities.log_sums.coefficients[i].any():
        return 0.0
    row = utilities.log_sums.coefficients[i].tolist()
    return pyo.log(1.0 + pyo.quicksum(c * action[j] for j, c in enumerate(row) if c))


def _ces_sum(utilities: FormUtilities, i: int, action: Sequence[Any]) -> Any:
    """(sum of c_ij (x_j + s_ij)^e_i)^(1/e_i)."""
    if utilities.ces_sums is None or not utilities.ces_sums.coefficients[i].any():
        return 0.0
    row, shift = utilities.ces_sums.coefficients[i].tolist(), utilities.ces_sums.shift[i].tolist()
    exponent = float(utilities.ces_sums.exponent[i])
    inside = pyo.quicksum(c * (action[j] + shift[j]) ** exponent for j, c in enumerate(row) if c)
    return inside ** (1.0 / exponent)


# --- radial derivatives as expressions -----------------------------------------------------------------------------

WRITTEN_RADIAL: Mapping[str, Callable[[Any, float, float], Any]] = MappingProxyType(
    {
        "linear": lambda x, e, s: x,
        "log": lambda x, e, s: x / (1.0 + x),
        "sqrt": lambda x, e, s: 0.5 * x / pyo.sqrt(x + s),
        "power": lambda x, e, s: e * x * (x + s) ** (e - 1.0),
        "quadratic": lambda x, e, s: x**2,
        "cubic": lambda x, e, s: x**3,
    }
)
"""f'(x) x for the forms of :data:`WRITTEN_FORMS`, for numbers and Pyomo variables alike."""


def radial_expressions(utilities: Utilities, action: Sequence[Any]) -> list[Any]:
    """Return (J(x) x)_i for every agent i: how fast the smooth part of u_i rises as all actions grow in proportion.

    ``action`` holds Pyomo variables; for :class:`ExpressionUtilities` they are differentiated symbolically.
    """
    if isinstance(utilities, ExpressionUtilities):
        return [_radial_of(written, action) for written in utilities.written(action)]
    parts = (_radial_terms(utilities, action), _radial_log_sums(utilities, action), _radial_ces_sums(utilities, action))
    return [terms + log_sum + ces_sum for terms, log_sum, ces_sum in zip(*parts, strict=True)]


def _radial_of(written: Any, action: Sequence[Any]) -> Any:
    """Sum over j of du/dx_j x_j."""
    if not hasattr(written, "is_expression_type"):
        return 0.0
    slopes = differentiate(written, wrt_list=list(action), mode=Modes.reverse_symbolic)
    return pyo.quicksum(slope * x for slope, x in zip(slopes, action, strict=True))


def _radial_terms(utilities: FormUtilities, action: Sequence[Any]) -> list[Any]:
    """Sum of coefficient f'(x_j) x_j over the terms of every agent."""
    terms = utilities.terms
    found: list[list[Any]] = [[] for _ in action]
    columns = (terms.agent, terms.source, terms.coefficient, terms.exponent, terms.shift)
    for form, i, j, c, e, s in zip(terms.form, *(column.tolist() for column in columns), strict=True):
        found[i].append(c * WRITTEN_RADIAL[form](action[j], e, s))
    return [pyo.quicksum(parts) for parts in found]


def _radial_log_sums(utilities: FormUtilities, action: Sequence[Any]) -> list[Any]:
    """S / (1 + S) with S the sum of c_ij x_j."""
    if utilities.log_sums is None:
        return [0.0] * len(action)
    rows = utilities.log_sums.coefficients.tolist()
    sums = (pyo.quicksum(c * x for c, x in zip(row, action, strict=True) if c) for row in rows)
    return [total / (1.0 + total) for total in sums]


def _radial_ces_sums(utilities: FormUtilities, action: Sequence[Any]) -> list[Any]:
    """S^(1/e_i - 1) times the sum of c_ij (x_j + s_ij)^(e_i - 1) x_j, with S the sum of c_ij (x_j + s_ij)^e_i."""
    if utilities.ces_sums is None:
        return [0.0] * len(action)
    sums = utilities.ces_sums
    return [
        _radial_ces(list(zip(row, shift, action, strict=True)), e) if any(row) else 0.0
        for row, shift, e in zip(sums.coefficients.tolist(), sums.shift.tolist(), sums.exponent.tolist(), strict=True)
    ]


def _radial_ces(row: Sequence[tuple[float, float, Any]], e: float) -> Any:
    inside = pyo.quicksum(c * (x + s) ** e for c, s, x in row if c)
    return inside ** (1.0 / e - 1.0) * pyo.quicksum(c * (x + s) ** (e - 1.0) * x for c, s, x in row if c)


# --- gradients as numbers ------------------------------------------------------------------------------------------


def derivative_rows(
    game: PublicGoodsGame,
    x: Floats,
    members: Sequence[int],
    movers: Sequence[int],
    tolerance: float = ACTIVE_TOLERANCE,
) -> dict[tuple[int, int], Floats]:
    """Return the rows whose least value along d is D_d u_i(x), by (agent, piece): one for every active piece.

    Parameters
    ----------
    game
        The economy.
    x
        Where derivatives are taken, shape (n,).
    members
        Agents whose rows are wanted.
    movers
        Agents whose actions may change; rows have shape (len(movers),).
    tolerance
        See :data:`ACTIVE_TOLERANCE`. An agent without pieces has one row, of piece -1.

    Raises
    ------
    ValueError
        Where a derivative is infinite.
    """
    utilities = game.utilities
    jacobian = _finite_jacobian(game, x, members, movers)
    pieces, values = utilities.pieces, utilities.pieces.values(x)
    least = pieces.least(values, utilities.agents)
    limit = least + tolerance * (1.0 + np.abs(least))
    found: dict[tuple[int, int], Floats] = {}
    for i in members:
        own = np.flatnonzero(pieces.agent == i)
        for k in own[values[own] <= limit[i]].tolist():
            found[i, k] = jacobian[i, movers] + pieces.slopes[k, movers]
        if not len(own):
            found[i, -1] = jacobian[i, movers]
    return found


def chosen_rows(
    game: PublicGoodsGame, x: Floats, members: Sequence[int], movers: Sequence[int], chosen: Ints
) -> dict[tuple[int, int], Floats]:
    """Return one row for every member, from the piece ``chosen`` for it (-1: it has none), by (agent, piece).

    Raises
    ------
    ValueError
        When ``chosen`` has no number for every agent, or a piece of another; where a derivative is infinite.
    """
    pieces = game.utilities.pieces
    jacobian = _finite_jacobian(game, x, members, movers)
    found: dict[tuple[int, int], Floats] = {}
    for i in members:
        k = int(chosen[i]) if len(chosen) == len(game) else -2
        own = np.flatnonzero(pieces.agent == i).tolist() or [-1]
        if k not in own:
            raise ValueError(f"no piece of agent {game.agents[i]!r} is chosen: choose one of {own}")
        found[i, k] = jacobian[i, movers] + (pieces.slopes[k, movers] if k >= 0 else 0.0)
    return found


def _finite_jacobian(game: PublicGoodsGame, x: Floats, members: Sequence[int], movers: Sequence[int]) -> Floats:
    """Return the derivatives of the smooth parts, shape (n, n), refusing those that are infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        jacobian = game.utilities.smooth_jacobian(x)
    infinite = np.argwhere(~np.isfinite(jacobian[np.ix_(members, movers)]))
    if len(infinite):
        i, j = members[infinite[0, 0]], movers[infinite[0, 1]]
        raise ValueError(
            f"the utility of agent {game.agents[i]!r} has an infinite slope in the action of agent {game.agents[j]!r} "
            f"at {x[j]:g}: give the form that it comes from a shift above 0"
        )
    return jacobian


def row_names(game: PublicGoodsGame, rows: Iterable[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, str]]:
    """Return the names (agent, piece) of rows; the only row of an agent without pieces has the name ''."""
    names = game.utilities.pieces.names
    return {(i, k): (game.agents[i], names[k] if k >= 0 else "") for i, k in rows}


def add_slopes(
    model: pyo.ConcreteModel, game: PublicGoodsGame, rows: Mapping[tuple[int, int], Floats], movers: Sequence[int]
) -> None:
    """s_ikj, the derivative of piece k of agent i in the action of j, in utility per action."""
    named = row_names(game, rows)
    model.pieces = pyo.Set(initialize=list(named.values()), dimen=2, doc="pieces (i, k) of u_i; a smooth one is ''")
    slopes = {
        (*named[row], game.agents[j]): slope
        for row, values in rows.items()
        for j, slope in zip(movers, values.tolist(), strict=True)
    }
    model.slope = pyo.Param(list(slopes), initialize=slopes, within=pyo.Reals, doc="s_ikj, derivative of u_i in x_j")


# --- answers -------------------------------------------------------------------------------------------------------


def vector(game: PublicGoodsGame, component: Mapping[str, Any]) -> Floats:
    """Return the values of a component indexed by names of agents, shape (n,); 0 for agents that it leaves out."""
    found = np.zeros(len(game))
    for i, name in enumerate(game.agents):
        if name in component:
            found[i] = pyo.value(component[name])
    return found
