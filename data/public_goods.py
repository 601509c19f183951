"""Public-goods economies in numbers: agents whose actions benefit the others (Bodwin 2017, section 2.2).

Every agent i chooses an action x_i >= 0. Its utility u_i is the sum of a smooth part and, if it has pieces, of the
least of them::

    u_i(x) = sum of benefits f(x_j)  +  log(1 + sum of c_ij x_j)  +  (sum of c_ij (x_j + s_ij)^e_i)^(1/e_i)
             + min over pieces k of i of (intercept_k + sum of slope_kj x_j)  -  sum of costs f(x_i)

Each term is concave, and none of an agent's utility falls in another's action: gradients J (n x n, J_ij = du_i/dx_j)
have entries at least 0 off the diagonal. Actions are in units of action, utilities in units of utility of each agent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import EqualArrays, Floats, Ints, frozen_floats


class Form(NamedTuple):
    """A function f of one action: value and slope, each of (x, exponent, shift), elementwise on arrays."""

    value: Callable[[Floats, Floats, Floats], Floats]
    slope: Callable[[Floats, Floats, Floats], Floats]


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "linear": Form(lambda x, e, s: x, lambda x, e, s: np.ones_like(x)),
        "log": Form(lambda x, e, s: np.log1p(x), lambda x, e, s: 1.0 / (1.0 + x)),
        "sqrt": Form(lambda x, e, s: np.sqrt(x + s), lambda x, e, s: 0.5 / np.sqrt(x + s)),
        "power": Form(lambda x, e, s: (x + s) ** e, lambda x, e, s: e * (x + s) ** (e - 1.0)),
        "quadratic": Form(lambda x, e, s: x * x / 2.0, lambda x, e, s: x),
        "cubic": Form(lambda x, e, s: x**3 / 3.0, lambda x, e, s: x * x),
    }
)
"""The forms of one action, without their coefficient."""


@dataclass(frozen=True, eq=False)
class Terms(EqualArrays):
    """Terms of one action each: row k adds ``coefficient[k]`` f(x of ``source[k]``) to the utility of ``agent[k]``.

    ``form`` names f in :data:`FORMS`; costs are terms of the agent's own action with a negative coefficient.
    """

    agent: Ints
    source: Ints
    form: tuple[str, ...]
    coefficient: Floats
    exponent: Floats
    shift: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, str, float, float, float]]) -> Terms:
        """Make terms from rows (agent, source, form, coefficient, exponent, shift)."""
        agent, source, form, coefficient, exponent, shift = zip(*rows, strict=True) if rows else ((),) * 6
        agents, sources = (np.array(column, dtype=np.int64) for column in (agent, source))
        numbers = (frozen_floats(column) for column in (coefficient, exponent, shift))
        return cls(agents, sources, tuple(form), *numbers)

    def __len__(self) -> int:
        """Return the number of terms."""
        return len(self.form)

    @cached_property
    def _rows(self) -> dict[str, Ints]:
        names = np.array(self.form, dtype=object)
        return {name: np.flatnonzero(names == name) for name in dict.fromkeys(self.form)}

    def _each(self, x: Floats, part: int) -> Floats:
        """Return value (part 0) or slope (part 1) of every term, given the action that it depends on."""
        found = np.empty(len(self))
        for name, rows in self._rows.items():
            found[rows] = FORMS[name][part](x[rows], self.exponent[rows], self.shift[rows])
        return self.coefficient * found

    def values(self, x: Floats) -> Floats:
        """Return the sum of every agent's terms, shape (n,)."""
        found: Floats = np.bincount(self.agent, self._each(x[self.source], 0), len(x)).astype(np.float64)
        return found

    def jacobian(self, x: Floats) -> Floats:
        """Return the derivatives of those sums, shape (n, n)."""
        n = len(x)
        flat = np.bincount(self.agent * n + self.source, self._each(x[self.source], 1), n * n)
        found: Floats = flat.reshape(n, n).astype(np.float64)
        return found

    @cached_property
    def _by_source(self) -> tuple[Terms, Terms]:
        """The terms of agents' own actions, and the others."""
        own = self.agent == self.source
        return self._part(own), self._part(~own)

    def _part(self, rows: NDArray[np.bool_]) -> Terms:
        form = tuple(np.array(self.form, dtype=object)[rows])
        numbers = (self.coefficient[rows], self.exponent[rows], self.shift[rows])
        return Terms(self.agent[rows], self.source[rows], form, *numbers)

    @cached_property
    def _idle_others(self) -> Floats:
        """The sum of every agent's terms of others' actions when these are 0."""
        others = self._by_source[1]
        return np.bincount(others.agent, others._each(np.zeros(len(others)), 0)).astype(np.float64)

    def alone(self, x: Floats) -> Floats:
        """Return those sums when agent i acts at x_i and nobody else does anything."""
        found = self._by_source[0].values(x)
        found[: len(self._idle_others)] += self._idle_others
        return found


@dataclass(frozen=True, eq=False)
class LogSums(EqualArrays):
    """log(1 + sum of c_ij x_j) for every agent: ``coefficients`` c >= 0 of shape (n, n), 0 for who has none."""

    coefficients: Floats

    def values(self, x: Floats) -> Floats:
        """Return every agent's value, shape (n,)."""
        found: Floats = np.log1p(self.coefficients @ x)
        return found

    def jacobian(self, x: Floats) -> Floats:
        """Return the derivatives, shape (n, n)."""
        found: Floats = self.coefficients / (1.0 + self.coefficients @ x)[:, None]
        return found

    def alone(self, x: Floats) -> Floats:
        """Return every agent's value when it acts alone."""
        found: Floats = np.log1p(np.diagonal(self.coefficients) * x)
        return found


@dataclass(frozen=True, eq=False)
class CesSums(EqualArrays):
    """(sum of c_ij (x_j + s_ij)^e_i)^(1/e_i): constant elasticity of substitution, e_i <= 1 and not 0.

    ``coefficients`` c >= 0 and ``shift`` s > 0 have shape (n, n), ``exponent`` e shape (n,); a row of zeros in c is an
    agent that has none. Where c is 0 the action does not count.
    """

    coefficients: Floats
    shift: Floats
    exponent: Floats

    @cached_property
    def _has(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.any(self.coefficients > 0, axis=1)
        return found

    def _powers(self, x: Floats, less: float) -> Floats:
        """Return c_ij (x_j + s_ij)^(e_i - less), x of shape (n,) or (n, n)."""
        base = np.where(self.coefficients > 0, x + self.shift, 1.0)
        return self.coefficients * base ** (self.exponent - less)[:, None]

    def _outer(self, sums: Floats, power: Floats) -> Floats:
        found = np.zeros(len(sums))
        found[self._has] = sums[self._has] ** power[self._has]
        return found

    def values(self, x: Floats) -> Floats:
        """Return every agent's value, shape (n,)."""
        return self._outer(self._powers(x[None, :], 0.0).sum(axis=1), 1.0 / self.exponent)

    def jacobian(self, x: Floats) -> Floats:
        """Return the derivatives, shape (n, n)."""
        outer = self._outer(self._powers(x[None, :], 0.0).sum(axis=1), 1.0 / self.exponent - 1.0)
        return outer[:, None] * self._powers(x[None, :], 1.0)

    def alone(self, x: Floats) -> Floats:
        """Return every agent's value when it acts alone."""
        return self._outer(self._powers(np.diag(x), 0.0).sum(axis=1), 1.0 / self.exponent)


@dataclass(frozen=True, eq=False)
class Pieces(EqualArrays):
    """Affine pieces: row k is intercept_k + slopes_k x and belongs to ``agent[k]``, who gets the least of its pieces.

    ``agent`` ascends; ``slopes`` has shape (pieces, n).
    """

    names: tuple[str, ...]
    agent: Ints
    slopes: Floats
    intercepts: Floats

    @classmethod
    def none(cls, agents: int) -> Pieces:
        """Return an empty list of pieces."""
        return cls((), np.zeros(0, dtype=np.int64), frozen_floats(np.zeros((0, agents))), frozen_floats([]))

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self.agent)

    def values(self, x: Floats) -> Floats:
        """Return the value of every piece, shape (pieces,)."""
        found: Floats = self.slopes @ x + self.intercepts
        return found

    def alone(self, x: Floats) -> Floats:
        """Return the value of every piece when its agent acts alone."""
        own = self.slopes[np.arange(len(self)), self.agent]
        found: Floats = own * x[self.agent] + self.intercepts
        return found

    def least(self, values: Floats, agents: int) -> Floats:
        """Return the least value of every agent's pieces, 0 for who has none, shape (agents,)."""
        found = np.full(agents, np.inf)
        np.minimum.at(found, self.agent, values)
        found[np.isinf(found)] = 0.0
        return found


@dataclass(frozen=True, eq=False)
class FormUtilities(EqualArrays):
    """Utilities made of the forms that tables can hold."""

    agents: int
    terms: Terms
    pieces: Pieces
    log_sums: LogSums | None = None
    ces_sums: CesSums | None = None

    @property
    def _smooth_parts(self) -> tuple[Terms | LogSums | CesSums, ...]:
        return tuple(part for part in (self.terms, self.log_sums, self.ces_sums) if part is not None)

    def smooth(self, x: Floats) -> Floats:
        """Return the smooth part of every utility at actions x, shape (n,)."""
        found: Floats = np.sum([part.values(x) for part in self._smooth_parts], axis=0, dtype=np.float64)
        return found

    def smooth_jacobian(self, x: Floats) -> Floats:
        """Return the derivatives of the smooth parts, shape (n, n); row i is that of u_i."""
        found: Floats = np.sum([part.jacobian(x) for part in self._smooth_parts], axis=0, dtype=np.float64)
        return found

    def values(self, x: Floats) -> Floats:
        """Return u(x), shape (n,)."""
        return self.smooth(x) + self.pieces.least(self.pieces.values(x), self.agents)

    def alone(self, x: Floats) -> Floats:
        """Return what every agent has when it acts at x_i and nobody else does anything, shape (n,)."""
        smooth = np.sum([part.alone(x) for part in self._smooth_parts], axis=0, dtype=np.float64)
        return smooth + self.pieces.least(self.pieces.alone(x), self.agents)


UtilityFunction = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes every agent's action by name, numbers or Pyomo variables alike, and returns every agent's utility by name."""


@dataclass(frozen=True, eq=False)
class ExpressionUtilities:
    """Utilities that a Python function writes as Pyomo expressions of the actions.

    The function must work with numbers and with Pyomo variables (``pyomo.environ.log`` and the like do). It must be
    concave, differentiable for x >= 0, and not fall in anybody else's action: :mod:`breakaway.data.assumptions` tests
    that on a sample.
    """

    names: tuple[str, ...]
    utilities: UtilityFunction
    pieces: Pieces = field(init=False)

    def __post_init__(self) -> None:
        """Expressions have no pieces."""
        object.__setattr__(self, "pieces", Pieces.none(len(self.names)))

    @property
    def agents(self) -> int:
        """The number of agents."""
        return len(self.names)

    def written(self, actions: Sequence[Any]) -> list[Any]:
        """Return the utilities of all agents at actions that are numbers or Pyomo variables, in the agents' order.

        Raises
        ------
        ValueError
            When the function does not return a utility for every agent.
        """
        found = self.utilities(dict(zip(self.names, actions, strict=True)))
        absent = [name for name in self.names if name not in found]
        if absent:
            raise ValueError(f"the function gives no utility of {', '.join(absent)}; return one for every agent")
        return [found[name] for name in self.names]

    def values(self, x: Floats) -> Floats:
        """Return u(x), shape (n,)."""
        return np.array([float(value) for value in self.written(x.tolist())])

    smooth = values

    def alone(self, x: Floats) -> Floats:
        """Return what every agent has when it acts at x_i and nobody else does anything, shape (n,)."""
        rows = np.diag(x)
        return np.array([self.values(row)[i] for i, row in enumerate(rows)])

    @cached_property
    def _expressions(self) -> tuple[list[Any], list[Any]]:
        """The actions as Pyomo variables, and every utility as an expression of them."""
        import pyomo.environ as pyo  # noqa: PLC0415 - only expressions need it

        holder = pyo.ConcreteModel()
        holder.action = pyo.Var(range(self.agents), bounds=(0.0, None))
        actions = [holder.action[i] for i in range(self.agents)]
        return actions, self.written(actions)

    def smooth_jacobian(self, x: Floats) -> Floats:
        """Return the derivatives, shape (n, n), by reverse differentiation of the expressions."""
        return np.array([self.slopes_of(i, x) for i in range(self.agents)])

    def value_of(self, i: int, x: Floats) -> float:
        """Return u_i(x) of one agent, evaluated as an expression."""
        from pyomo.core.expr.visitor import evaluate_expression  # noqa: PLC0415

        utility = self._at(x)[i]
        return float(evaluate_expression(utility) if hasattr(utility, "is_expression_type") else utility)

    def slopes_of(self, i: int, x: Floats) -> Floats:
        """Return the derivatives of u_i at x, shape (n,), by reverse differentiation."""
        from pyomo.core.expr.calculus.derivatives import Modes, differentiate  # noqa: PLC0415

        utility = self._at(x)[i]
        if not hasattr(utility, "is_expression_type"):
            return np.zeros(self.agents)
        slopes = differentiate(utility, wrt_list=self._expressions[0], mode=Modes.reverse_numeric)
        return np.array([float(slope) for slope in slopes])

    def sources_of(self, i: int) -> set[int]:
        """Return the agents whose actions stand in the expression of u_i."""
        from pyomo.core.expr.visitor import identify_variables  # noqa: PLC0415

        actions, utilities = self._expressions
        if not hasattr(utilities[i], "is_expression_type"):
            return set()
        numbers = {id(action): j for j, action in enumerate(actions)}
        return {numbers[id(found)] for found in identify_variables(utilities[i]) if id(found) in numbers}

    def _at(self, x: Floats) -> list[Any]:
        """Return the expressions of all utilities, their variables at x."""
        actions, utilities = self._expressions
        for action, value in zip(actions, x.tolist(), strict=True):
            action.set_value(value, skip_validation=True)
        return utilities


Utilities = FormUtilities | ExpressionUtilities


def least_pieces(utilities: Utilities, x: Floats) -> Ints:
    """Return the number of every agent's least piece at x (the first of equals), -1 for who has none, shape (n,)."""
    pieces, chosen = utilities.pieces, np.full(utilities.agents, -1)
    order = np.lexsort((-np.arange(len(pieces)), -pieces.values(x)))
    chosen[pieces.agent[order]] = order
    return chosen


def supergradients(utilities: Utilities, x: Floats, chosen: Ints | None = None) -> Floats:
    """Return J with u_i(y) <= u_i(x) + J_i (y - x) for all y, shape (n, n).

    ``chosen`` is the piece that every agent's row is taken from, -1 for who has none; without it the least at x. With
    a piece that is not the least at x, the inequality holds with the value of that piece in place of u_i(x).
    """
    chosen = least_pieces(utilities, x) if chosen is None else chosen
    found: Floats = utilities.smooth_jacobian(x)
    has = chosen >= 0
    found[has] += utilities.pieces.slopes[chosen[has]]
    return found


@dataclass(frozen=True, eq=False)
class Outcomes(EqualArrays):
    """Outcomes that are asked about: names, and everybody's action in each, shape (outcomes, n)."""

    names: tuple[str, ...]
    actions: Floats

    @classmethod
    def of(cls, actions: Mapping[str, Sequence[float]] | Sequence[Sequence[float]], agents: int) -> Outcomes:
        """Make outcomes from rows of actions, named by the mapping or 1, 2, ...."""
        named = actions if isinstance(actions, Mapping) else {str(k + 1): row for k, row in enumerate(actions)}
        rows = np.array([list(row) for row in named.values()], dtype=np.float64).reshape(-1, agents)
        return cls(tuple(named), frozen_floats(rows))

    def __len__(self) -> int:
        """Return the number of outcomes."""
        return len(self.names)


@dataclass(frozen=True, eq=False)
class PublicGoodsGame(EqualArrays):
    """A public-goods economy and the outcomes that are asked about.

    ``max_action`` is the largest action of every agent; infinite when actions are unbounded.
    """

    agents: tuple[str, ...]
    utilities: Utilities
    outcomes: Outcomes
    max_action: float = math.inf

    def __len__(self) -> int:
        """Return the number of agents."""
        return len(self.agents)
