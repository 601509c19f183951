"""What the tests of public goods share: the reference cases, random economies of six families, and points in them."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highspy
import numpy as np

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.public_goods import (
    CesSums,
    FormUtilities,
    LogSums,
    Outcomes,
    Pieces,
    PublicGoodsGame,
    Terms,
)

FAMILIES = ("log", "sqrt", "rv", "sub", "ces", "pwl")
SMOOTH = FAMILIES[:-1]

Row = tuple[int, int, str, float, float, float]


@dataclass(frozen=True)
class Case:
    """A reference case: the game with its one outcome ``a``, what is known of it, and the eps that it was judged by."""

    id: str
    game: PublicGoodsGame
    expected: dict[str, Any]
    eps: float

    @property
    def coalition(self) -> tuple[int, ...]:
        """The maximal deviating coalition, agents counted from 0, () when there is none."""
        return tuple(i - 1 for i in self.expected["max_deviating_coalition"] or ())


def reference_cases(bounded: bool = False) -> dict[str, Case]:
    """Return the reference cases by name; ``bounded`` puts actions into the box that their gains were computed in."""
    text = (Path(__file__).parent / "reference" / "public-goods.json").read_text(encoding="utf-8")
    return {case["id"]: _case(case, bounded) for case in json.loads(text)}


def _case(case: dict[str, Any], bounded: bool) -> Case:
    inputs = case["inputs"]
    most = inputs["box_for_maxmin_gain"] if bounded else math.inf
    game = game_of(utilities_of(inputs), {"a": inputs["point"]}, most)
    return Case(case["id"], game, case["expected"], inputs["eps"])


def utilities_of(inputs: dict[str, Any]) -> FormUtilities:
    """Return the utilities of a reference case."""
    if inputs["family"] == "min_affine":
        return pwl_utilities(inputs["C"], inputs["b"])
    params = inputs["params"]
    if inputs["family"] == "rv":
        return rv_utilities(params["alpha"])
    others = {name: params[name] for name in ("s", "rho") if name in params}
    return BUILDERS[inputs["family"]](params["W"], params["c"], **others)


def game_of(
    utilities: FormUtilities, outcomes: dict[str, Any] | None = None, max_action: float = math.inf
) -> PublicGoodsGame:
    """Return a game of agents 1, 2, ... and the outcomes by name."""
    n = utilities.agents
    return PublicGoodsGame(tuple(str(i + 1) for i in range(n)), utilities, Outcomes.of(outcomes or {}, n), max_action)


def _benefits(weights: Any, form: str, shift: float = 0.0) -> list[Row]:
    n = len(weights)
    return [(i, j, form, float(weights[i][j]), 1.0, shift) for i in range(n) for j in range(n) if weights[i][j]]


def _costs(costs: Any, form: str) -> list[Row]:
    return [(i, i, form, -float(cost), 1.0, 0.0) for i, cost in enumerate(costs)]


def _terms(rows: list[Row], n: int, **parts: Any) -> FormUtilities:
    return FormUtilities(n, Terms.of(rows), Pieces.none(n), **parts)


def log_utilities(weights: Any, costs: Any) -> FormUtilities:
    """Return u_i = sum_j W_ij log(1 + x_j) - c_i x_i."""
    return _terms(_benefits(weights, "log") + _costs(costs, "linear"), len(costs))


def sqrt_utilities(weights: Any, costs: Any, s: float) -> FormUtilities:
    """Return u_i = sum_j W_ij sqrt(x_j + s) - c_i x_i^2 / 2."""
    return _terms(_benefits(weights, "sqrt", s) + _costs(costs, "quadratic"), len(costs))


def rv_utilities(alphas: Any, weights: Any = None) -> FormUtilities:
    """Return u_i = sum_j W_ij x_j - x_i^3 / (3 alpha_i^2); W_ij = 1 unless told otherwise."""
    n = len(alphas)
    rows = _benefits(np.ones((n, n)) if weights is None else weights, "linear")
    return _terms(rows + _costs([float(alpha) ** -2 for alpha in alphas], "cubic"), n)


def sub_utilities(weights: Any, costs: Any) -> FormUtilities:
    """Return u_i = log(1 + sum_j W_ij x_j) - c_i x_i."""
    return _terms(_costs(costs, "linear"), len(costs), log_sums=LogSums(frozen_floats(weights)))


def ces_utilities(weights: Any, costs: Any, s: float, rho: float) -> FormUtilities:
    """Return u_i = (sum_j W_ij (x_j + s)^rho)^(1/rho) - c_i x_i^2 / 2."""
    n = len(costs)
    shift = frozen_floats(np.where(np.array(weights) > 0, s, 0.0))
    sums = CesSums(frozen_floats(weights), shift, frozen_floats([rho] * n))
    return _terms(_costs(costs, "quadratic"), n, ces_sums=sums)


def pwl_utilities(slopes: Any, intercepts: Any) -> FormUtilities:
    """Return u_i = min over pieces k of C_ik x + b_ik."""
    n = len(slopes)
    agent = np.repeat(np.arange(n), [len(rows) for rows in slopes])
    names = tuple(str(k + 1) for rows in slopes for k in range(len(rows)))
    flat = frozen_floats([row for rows in slopes for row in rows])
    pieces = Pieces(names, agent, flat, frozen_floats([b for row in intercepts for b in row]))
    return FormUtilities(n, Terms.of([]), pieces)


BUILDERS: dict[str, Any] = {"log": log_utilities, "sqrt": sqrt_utilities, "sub": sub_utilities, "ces": ces_utilities}


# --- random economies -------------------------------------------------------------------------------------------------


def generator(family: str, n: int, seed: int) -> np.random.Generator:
    """Return the random numbers of an economy."""
    return np.random.default_rng([zlib.crc32(family.encode()), n, seed])


def random_utilities(family: str, n: int, seed: int, zeros: float = 0.0) -> FormUtilities:
    """Return random utilities; ``zeros`` is the share of pairs whose externality is 0 (not for pwl)."""
    rng = generator(family, n, seed)
    if family == "pwl":
        return _random_pwl(n, rng)
    weights = rng.uniform(0.1, 1.0, (n, n)).round(2)
    weights[(rng.uniform(size=(n, n)) < zeros) & ~np.eye(n, dtype=bool)] = 0.0
    if family == "rv":
        return rv_utilities(rng.uniform(0.5, 4.0, n).round(2), weights if zeros else None)
    if family in ("log", "sub"):
        return BUILDERS[family](weights, (rng.uniform(0.2, 0.8, n) * 0.55 * n).round(2))
    costs, shift = rng.uniform(0.2, 1.2, n).round(2), float(rng.choice([0.01, 0.05, 0.2, 0.5]))
    if family == "sqrt":
        return sqrt_utilities(weights, costs, shift)
    return ces_utilities((weights / n).round(3), costs, shift, float(rng.choice([-1.0, -0.5, 0.3, 0.5, 0.8])))


def _random_pwl(n: int, rng: np.random.Generator) -> FormUtilities:
    """Return utilities with two or three pieces each, whose last pieces let no improvement go on for ever."""
    slopes, intercepts = [], []
    for i in range(n):
        count = int(rng.integers(2, 4))
        rows = rng.uniform(0.1, 1.5, (count, n)).round(1)
        others = rows.sum(axis=1) - rows[:, i]
        rows[:, i] = -(others * np.linspace(rng.uniform(0.2, 0.9), rng.uniform(1.1, 2.0), count)).round(1) - 0.1
        slopes.append(rows.tolist())
        intercepts.append([0.0, *np.cumsum(rng.uniform(0.3, 2.0, count - 1).round(1)).tolist()])
    return pwl_utilities(slopes, intercepts)


def random_game(family: str, n: int, seed: int, zeros: float = 0.0, max_action: float = math.inf) -> PublicGoodsGame:
    """Return a random economy with its random points as outcomes."""
    utilities = random_utilities(family, n, seed, zeros)
    points = random_points(utilities, generator(family + " points", n, seed))
    return game_of(utilities, {name: np.minimum(x, max_action) for name, x in points.items()}, max_action)


# --- points -----------------------------------------------------------------------------------------------------------


def random_points(utilities: FormUtilities, rng: np.random.Generator) -> dict[str, Floats]:
    """Return points of an economy by name: Lindahl outcomes and their neighbours, the Pareto frontier, edges, and 0."""
    n = utilities.agents
    points: dict[str, Floats] = {"zero": np.zeros(n)}
    points |= _kinks(utilities, rng) if len(utilities.pieces) else _around_lindahl(utilities, rng)
    frontier = _frontier_of_pieces if len(utilities.pieces) else _frontier_on_ray
    for k in range(3):
        points[f"pareto-{k}"] = frontier(utilities, rng, np.ones(n, dtype=bool))
    moved = points["pareto-0"] * (1.0 + rng.uniform(-0.02, 0.02, n))
    some = rng.permutation(n) < max(1, n - 1 - rng.integers(0, n))
    edge = frontier(utilities, rng, some)
    edge_up = np.where(some, edge, 0.0) * (1.0 + rng.uniform(0.0, 0.1, n))
    points |= {"perturbed": moved, "edge": np.where(some, edge, 0.0), "edge-up": edge_up}
    points |= {"inside": points["pareto-1"] * rng.uniform(0.2, 0.9), "outside": points["pareto-2"] * 1.3}
    return points


def lindahl_point(utilities: FormUtilities) -> Floats | None:
    """Return a > 0 with J(a) a = 0, by iterating "marginal cost times action = benefit at the margin", or None.

    Smooth families only, whose costs are c x, c x^2 / 2 or c x^3 / 3.
    """
    terms, n = utilities.terms, utilities.agents
    own = [k for k in range(len(terms)) if terms.coefficient[k] < 0]
    costs = np.array([-terms.coefficient[k] for k in own])
    power = {"linear": 1.0, "quadratic": 2.0, "cubic": 3.0}[terms.form[own[0]]]
    x = np.full(n, 10.0)
    for _ in range(20_000):
        benefit = utilities.smooth_jacobian(x) @ x + costs * x**power
        new = (benefit / costs) ** (1.0 / power)
        if (abs(new - x) <= 1e-15 * (1.0 + x)).all():
            break
        x = new
    return x if x.min() > 1e-6 else None


def _around_lindahl(utilities: FormUtilities, rng: np.random.Generator) -> dict[str, Floats]:
    x = lindahl_point(utilities)
    if x is None:
        return {}
    near = x * (1.0 + 1e-4 * rng.uniform(-1.0, 1.0, len(x)))
    return {"lindahl": x, "lindahl-up": 1.05 * x, "lindahl-down": 0.95 * x, "lindahl-near": near}


def rightmost(matrix: Floats) -> float:
    """Return the largest real part of an eigenvalue."""
    return float(np.linalg.eigvals(matrix).real.max())


def _frontier_on_ray(utilities: FormUtilities, rng: np.random.Generator, chosen: Any) -> Floats:
    """Return the point of a random ray at which the chosen agents cannot improve any more: s(J) = 0, or 0."""
    direction = np.where(chosen, rng.uniform(0.3, 1.0, len(chosen)), 0.0)

    def slope(step: float) -> float:
        return rightmost(utilities.smooth_jacobian(step * direction)[np.ix_(chosen, chosen)])

    low, high = 0.0, 1.0
    if slope(0.0) <= 0:
        return 0.0 * direction
    while slope(high) > 0:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    found: Floats = high * direction
    return found


def _frontier_of_pieces(utilities: FormUtilities, rng: np.random.Generator, chosen: Any) -> Floats:
    """Return the point at which the chosen agents' least gain over a random level is largest; kinks are vertices."""
    pieces, n = utilities.pieces, utilities.agents
    level, weight = rng.uniform(-2.0, 2.0, n), rng.uniform(0.5, 1.5, n)
    program = highspy.Highs()
    program.silent()
    x = [program.addVariable(0.0, 1e4 if chosen[j] else 0.0) for j in range(n)]
    gain = program.addVariable(-1e6, 1e6)
    for k, i in enumerate(pieces.agent.tolist()):
        if chosen[i]:
            value = sum(float(c) * x[j] for j, c in enumerate(pieces.slopes[k]))
            program.addConstr(value - float(weight[i]) * gain >= float(level[i] - pieces.intercepts[k]))
    program.maximize(gain)
    return np.array([max(0.0, program.variableValue(x[j])) for j in range(n)])


def _kinks(utilities: FormUtilities, rng: np.random.Generator) -> dict[str, Floats]:
    """Return points at which two pieces of every agent are equal, where actions there are not negative."""
    pieces, n = utilities.pieces, utilities.agents
    found = {}
    for attempt in range(20):
        pairs = [rng.choice(np.flatnonzero(pieces.agent == i), 2, replace=False) for i in range(n)]
        slopes = np.array([pieces.slopes[one] - pieces.slopes[other] for one, other in pairs])
        rhs = np.array([pieces.intercepts[other] - pieces.intercepts[one] for one, other in pairs])
        if abs(np.linalg.det(slopes)) > 1e-6 and (x := np.linalg.solve(slopes, rhs)).min() >= 0:
            found[f"kink-{attempt}"] = x
    return dict(list(found.items())[:2])
