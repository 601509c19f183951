"""Problems of the public Hock-Schittkowski collection as Pyomo models, with their published optima.

Source: Hock and Schittkowski (1981), Test Examples for Nonlinear Programming Codes, Lecture Notes in Economics and
Mathematical Systems 187. The number in a name is that of the book; start points are the book's. Optima are those of
the book, in closed form where it gives one. For number 112 the book's value is not optimal; the problem is number 111
in other variables and has its optimum.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import pyomo.environ as pyo
from pyomo.environ import cos, exp, log, sin, sqrt

Bounds = Sequence[tuple[float | None, float | None]] | tuple[float | None, float | None]

FREE = (None, None)
POSITIVE = (0, None)


@dataclasses.dataclass(frozen=True)
class Problem:
    """One problem: `write` turns variables into (objective, constraints)."""

    name: str
    write: Callable[..., tuple[Any, list[Any]]]
    start: tuple[float, ...]
    bounds: Bounds
    optimum: float

    def build(self, sense: int = pyo.minimize) -> pyo.ConcreteModel:
        """Build the model with the suffixes for all multipliers; maximising turns the sign of the objective."""
        n = len(self.start)
        limits = self.bounds if isinstance(self.bounds[0], tuple) else [self.bounds] * n
        model = pyo.ConcreteModel(self.name)
        model.x = pyo.Var(range(n), bounds=dict(enumerate(limits)))
        for variable, value in zip(model.x.values(), self.start, strict=True):
            variable.set_value(value, skip_validation=True)  # some of the book's starts lie outside the bounds
        objective, constraints = self.write(*model.x.values())
        model.constraints = pyo.ConstraintList()
        for constraint in constraints:
            model.constraints.add(constraint)
        model.objective = pyo.Objective(expr=objective if sense == pyo.minimize else -objective, sense=sense)
        for name in ("dual", "ipopt_zL_out", "ipopt_zU_out"):
            model.add_component(name, pyo.Suffix(direction=pyo.Suffix.IMPORT))
        return model


PROBLEMS: dict[str, Problem] = {}


def problem(number: int, start: Sequence[float], optimum: float, bounds: Bounds = FREE) -> Callable[[Any], Any]:
    """Register a problem under its number."""

    def register(write: Any) -> Any:
        name = f"HS{number:03d}"
        PROBLEMS[name] = Problem(name, write, tuple(start), bounds, optimum)
        return write

    return register


def rosenbrock(a: Any, b: Any) -> Any:
    return 100 * (b - a**2) ** 2 + (1 - a) ** 2


@problem(1, (-2, 1), 0.0, [FREE, (-1.5, None)])
def _(a, b):
    return rosenbrock(a, b), []


@problem(3, (10, 1), 0.0, [FREE, POSITIVE])
def _(a, b):
    return b + 1e-5 * (b - a) ** 2, []


@problem(4, (1.125, 0.125), 8 / 3, [(1, None), POSITIVE])
def _(a, b):
    return (a + 1) ** 3 / 3 + b, []


@problem(5, (0, 0), -(math.sqrt(3) / 2 + math.pi / 3), [(-1.5, 4), (-3, 3)])
def _(a, b):
    return sin(a + b) + (a - b) ** 2 - 1.5 * a + 2.5 * b + 1, []


@problem(6, (-1.2, 1), 0.0)
def _(a, b):
    return (1 - a) ** 2, [10 * (b - a**2) == 0]


@problem(7, (2, 2), -math.sqrt(3))
def _(a, b):
    return log(1 + a**2) - b, [(1 + a**2) ** 2 + b**2 == 4]


@problem(9, (0, 0), -0.5)
def _(a, b):
    return sin(math.pi * a / 12) * cos(math.pi * b / 16), [4 * a - 3 * b == 0]


@problem(10, (-10, 10), -1.0)
def _(a, b):
    return a - b, [-3 * a**2 + 2 * a * b - b**2 + 1 >= 0]


@problem(11, (4.9, 0.1), -8.498464223)
def _(a, b):
    return (a - 5) ** 2 + b**2 - 25, [-(a**2) + b >= 0]


@problem(12, (0, 0), -30.0)
def _(a, b):
    return 0.5 * a**2 + b**2 - a * b - 7 * a - 7 * b, [25 - 4 * a**2 - b**2 >= 0]


@problem(14, (2, 2), 9 - 2.875 * math.sqrt(7))
def _(a, b):
    return (a - 2) ** 2 + (b - 1) ** 2, [-0.25 * a**2 - b**2 + 1 >= 0, a - 2 * b + 1 == 0]


@problem(15, (-2, 1), 306.5, [(None, 0.5), FREE])
def _(a, b):
    return rosenbrock(a, b), [a * b - 1 >= 0, a + b**2 >= 0]


@problem(18, (2, 2), 5.0, [(2, 50), (0, 50)])
def _(a, b):
    return 0.01 * a**2 + b**2, [a * b - 25 >= 0, a**2 + b**2 - 25 >= 0]


@problem(19, (20.1, 5.84), -6961.81381, [(13, 100), (0, 100)])
def _(a, b):
    return (a - 10) ** 3 + (b - 20) ** 3, [
        (a - 5) ** 2 + (b - 5) ** 2 - 100 >= 0,
        -((b - 5) ** 2) - (a - 6) ** 2 + 82.81 >= 0,
    ]


@problem(21, (-1, -1), -99.96, [(2, 50), (-50, 50)])
def _(a, b):
    return 0.01 * a**2 + b**2 - 100, [10 * a - b - 10 >= 0]


@problem(22, (2, 2), 1.0)
def _(a, b):
    return (a - 2) ** 2 + (b - 1) ** 2, [-a - b + 2 >= 0, -(a**2) + b >= 0]


@problem(24, (1, 0.5), -1.0, POSITIVE)
def _(a, b):
    root = math.sqrt(3)
    value = ((a - 3) ** 2 - 9) * b**3 / (27 * root)
    return value, [a / root - b >= 0, a + root * b >= 0, -a - root * b + 6 >= 0]


@problem(26, (-2.6, 2, 2), 0.0)
def _(a, b, c):
    return (a - b) ** 2 + (b - c) ** 4, [(1 + b**2) * a + c**4 - 3 == 0]


@problem(27, (2, 2, 2), 0.04)
def _(a, b, c):
    return 0.01 * (a - 1) ** 2 + (b - a**2) ** 2, [a + c**2 + 1 == 0]


@problem(28, (-4, 1, 1), 0.0)
def _(a, b, c):
    return (a + b) ** 2 + (b + c) ** 2, [a + 2 * b + 3 * c - 1 == 0]


@problem(29, (1, 1, 1), -16 * math.sqrt(2))
def _(a, b, c):
    return -a * b * c, [-(a**2) - 2 * b**2 - 4 * c**2 + 48 >= 0]


@problem(30, (1, 1, 1), 1.0, [(1, 10), (-10, 10), (-10, 10)])
def _(a, b, c):
    return a**2 + b**2 + c**2, [a**2 + b**2 - 1 >= 0]


@problem(31, (1, 1, 1), 6.0, [(-10, 10), (1, 10), (-10, 1)])
def _(a, b, c):
    return 9 * a**2 + b**2 + 9 * c**2, [a * b - 1 >= 0]


@problem(32, (0.1, 0.7, 0.2), 1.0, POSITIVE)
def _(a, b, c):
    return (a + 3 * b + c) ** 2 + 4 * (a - b) ** 2, [6 * b + 4 * c - a**3 - 3 >= 0, 1 - a - b - c == 0]


@problem(34, (0, 1.05, 2.9), -math.log(math.log(10)), [(0, 100), (0, 100), (0, 10)])
def _(a, b, c):
    return -a, [b - exp(a) >= 0, c - exp(b) >= 0]


@problem(35, (0.5, 0.5, 0.5), 1 / 9, POSITIVE)
def _(a, b, c):
    quadratic = 2 * a**2 + 2 * b**2 + c**2 + 2 * a * b + 2 * a * c
    return 9 - 8 * a - 6 * b - 4 * c + quadratic, [3 - a - b - 2 * c >= 0]


@problem(36, (10, 10, 10), -3300.0, [(0, 20), (0, 11), (0, 42)])
def _(a, b, c):
    return -a * b * c, [72 - a - 2 * b - 2 * c >= 0]


@problem(37, (10, 10, 10), -3456.0, (0, 42))
def _(a, b, c):
    return -a * b * c, [(0, a + 2 * b + 2 * c, 72)]


@problem(38, (-3, -1, -3, -1), 0.0, (-10, 10))
def _(a, b, c, d):
    first = rosenbrock(a, b) + 90 * (d - c**2) ** 2 + (1 - c) ** 2
    return first + 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1), []


@problem(39, (2, 2, 2, 2), -1.0)
def _(a, b, c, d):
    return -a, [b - a**3 - c**2 == 0, a**2 - b - d**2 == 0]


@problem(40, (0.8, 0.8, 0.8, 0.8), -0.25)
def _(a, b, c, d):
    return -a * b * c * d, [a**3 + b**2 - 1 == 0, a**2 * d - c == 0, d**2 - b == 0]


@problem(41, (2, 2, 2, 2), 52 / 27, [(0, 1), (0, 1), (0, 1), (0, 2)])
def _(a, b, c, d):
    return 2 - a * b * c, [a + 2 * b + 2 * c - d == 0]


@problem(42, (1, 1, 1, 1), 28 - 10 * math.sqrt(2))
def _(a, b, c, d):
    return (a - 1) ** 2 + (b - 2) ** 2 + (c - 3) ** 2 + (d - 4) ** 2, [a - 2 == 0, c**2 + d**2 - 2 == 0]


@problem(43, (0, 0, 0, 0), -44.0)
def _(a, b, c, d):
    return a**2 + b**2 + 2 * c**2 + d**2 - 5 * a - 5 * b - 21 * c + 7 * d, [
        8 - a**2 - b**2 - c**2 - d**2 - a + b - c + d >= 0,
        10 - a**2 - 2 * b**2 - c**2 - 2 * d**2 + a + d >= 0,
        5 - 2 * a**2 - b**2 - c**2 - 2 * a + b + d >= 0,
    ]


@problem(45, (2, 2, 2, 2, 2), 1.0, [(0, i) for i in range(1, 6)])
def _(a, b, c, d, e):
    return 2 - a * b * c * d * e / 120, []


@problem(46, (math.sqrt(2) / 2, 1.75, 0.5, 2, 2), 0.0)
def _(a, b, c, d, e):
    value = (a - b) ** 2 + (c - 1) ** 2 + (d - 1) ** 4 + (e - 1) ** 6
    return value, [a**2 * d + sin(d - e) - 1 == 0, b + c**4 * d**2 - 2 == 0]


@problem(48, (3, 5, -3, 2, -2), 0.0)
def _(a, b, c, d, e):
    return (a - 1) ** 2 + (b - c) ** 2 + (d - e) ** 2, [a + b + c + d + e - 5 == 0, c - 2 * (d + e) + 3 == 0]


@problem(49, (10, 7, 2, -3, 0.8), 0.0)
def _(a, b, c, d, e):
    value = (a - b) ** 2 + (c - 1) ** 2 + (d - 1) ** 4 + (e - 1) ** 6
    return value, [a + b + c + 4 * d - 7 == 0, c + 5 * e - 6 == 0]


@problem(50, (35, -31, 11, 5, -5), 0.0)
def _(a, b, c, d, e):
    value = (a - b) ** 2 + (b - c) ** 2 + (c - d) ** 4 + (d - e) ** 2
    return value, [a + 2 * b + 3 * c - 6 == 0, b + 2 * c + 3 * d - 6 == 0, c + 2 * d + 3 * e - 6 == 0]


@problem(51, (2.5, 0.5, 2, -1, 0.5), 0.0)
def _(a, b, c, d, e):
    value = (a - b) ** 2 + (b + c - 2) ** 2 + (d - 1) ** 2 + (e - 1) ** 2
    return value, [a + 3 * b - 4 == 0, c + d - 2 * e == 0, b - e == 0]


@problem(52, (2, 2, 2, 2, 2), 1859 / 349)
def _(a, b, c, d, e):
    value = (4 * a - b) ** 2 + (b + c - 2) ** 2 + (d - 1) ** 2 + (e - 1) ** 2
    return value, [a + 3 * b == 0, c + d - 2 * e == 0, b - e == 0]


@problem(53, (2, 2, 2, 2, 2), 176 / 43, (-10, 10))
def _(a, b, c, d, e):
    value = (a - b) ** 2 + (b + c - 2) ** 2 + (d - 1) ** 2 + (e - 1) ** 2
    return value, [a + 3 * b == 0, c + d - 2 * e == 0, b - e == 0]


@problem(56, (1, 1, 1, *3 * [math.asin(math.sqrt(1 / 4.2))], math.asin(math.sqrt(5 / 7.2))), -3.456)
def _(a, b, c, d, e, f, g):
    pairs = [x - 4.2 * sin(angle) ** 2 == 0 for x, angle in ((a, d), (b, e), (c, f))]
    return -a * b * c, [*pairs, a + 2 * b + 2 * c - 7.2 * sin(g) ** 2 == 0]


@problem(60, (2, 2, 2), 0.03256820025, (-10, 10))
def _(a, b, c):
    value = (a - 1) ** 2 + (a - b) ** 2 + (b - c) ** 4
    return value, [a * (1 + b**2) + c**4 - 4 - 3 * math.sqrt(2) == 0]


@problem(61, (0, 0, 0), -143.6461422)
def _(a, b, c):
    value = 4 * a**2 + 2 * b**2 + 2 * c**2 - 33 * a + 16 * b - 24 * c
    return value, [3 * a - 2 * b**2 - 7 == 0, 4 * a - c**2 - 11 == 0]


@problem(62, (0.7, 0.2, 0.1), -26272.51448, (0, 1))
def _(a, b, c):
    terms = (
        255 * log((a + b + c + 0.03) / (0.09 * a + b + c + 0.03))
        + 280 * log((b + c + 0.03) / (0.07 * b + c + 0.03))
        + 290 * log((c + 0.03) / (0.13 * c + 0.03))
    )
    return -32.174 * terms, [a + b + c - 1 == 0]


@problem(63, (2, 2, 2), 961.7151721, POSITIVE)
def _(a, b, c):
    value = 1000 - a**2 - 2 * b**2 - c**2 - a * b - a * c
    return value, [8 * a + 14 * b + 7 * c - 56 == 0, a**2 + b**2 + c**2 - 25 == 0]


@problem(64, (1, 1, 1), 6299.842428, (1e-5, 300))
def _(a, b, c):
    value = 5 * a + 50000 / a + 20 * b + 72000 / b + 10 * c + 144000 / c
    return value, [1 - 4 / a - 32 / b - 120 / c >= 0]


@problem(65, (-5, 5, 0), 0.9535288567, [(-4.5, 4.5), (-4.5, 4.5), (-5, 5)])
def _(a, b, c):
    value = (a - b) ** 2 + (a + b - 10) ** 2 / 9 + (c - 5) ** 2
    return value, [48 - a**2 - b**2 - c**2 >= 0]


@problem(66, (0, 1.05, 2.9), 0.5181632741, [(0, 100), (0, 100), (0, 10)])
def _(a, b, c):
    return 0.2 * c - 0.8 * a, [b - exp(a) >= 0, c - exp(b) >= 0]


@problem(71, (1, 5, 5, 1), 17.0140173, (1, 5))
def _(a, b, c, d):
    return a * d * (a + b + c) + c, [a * b * c * d >= 25, a**2 + b**2 + c**2 + d**2 == 40]


@problem(72, (1, 1, 1, 1), 727.67937, [(0.001, (4 - i) * 1e5) for i in range(4)])
def _(a, b, c, d):
    return 1 + a + b + c + d, [
        0.0401 - 4 / a - 2.25 / b - 1 / c - 0.25 / d >= 0,
        0.010085 - 0.16 / a - 0.36 / b - 0.64 / c - 0.64 / d >= 0,
    ]


@problem(73, (1, 1, 1, 1), 29.8943782, POSITIVE)
def _(a, b, c, d):
    spread = sqrt(0.28 * a**2 + 0.19 * b**2 + 20.5 * c**2 + 0.62 * d**2)
    return 24.55 * a + 26.75 * b + 39 * c + 40.5 * d, [
        2.3 * a + 5.6 * b + 11.1 * c + 1.3 * d - 5 >= 0,
        12 * a + 11.9 * b + 41.8 * c + 52.1 * d - 21 - 1.645 * spread >= 0,
        a + b + c + d - 1 == 0,
    ]


def _electric(a, b, c, d, limit):
    return 3 * a + 1e-6 * a**3 + 2 * b + 2e-6 / 3 * b**3, [
        (-limit, d - c, limit),
        1000 * sin(-c - 0.25) + 1000 * sin(-d - 0.25) + 894.8 - a == 0,
        1000 * sin(c - 0.25) + 1000 * sin(c - d - 0.25) + 894.8 - b == 0,
        1000 * sin(d - 0.25) + 1000 * sin(d - c - 0.25) + 1294.8 == 0,
    ]


@problem(74, (0, 0, 0, 0), 5126.4981, [(0, 1200), (0, 1200), (-0.55, 0.55), (-0.55, 0.55)])
def _(a, b, c, d):
    return _electric(a, b, c, d, 0.55)


@problem(75, (0, 0, 0, 0), 5174.4129, [(0, 1200), (0, 1200), (-0.48, 0.48), (-0.48, 0.48)])
def _(a, b, c, d):
    return _electric(a, b, c, d, 0.48)


@problem(76, (0.5, 0.5, 0.5, 0.5), -4.681818181, POSITIVE)
def _(a, b, c, d):
    quadratic = a**2 + 0.5 * b**2 + c**2 + 0.5 * d**2 - a * c + c * d
    return quadratic - a - 3 * b + c - d, [
        5 - a - 2 * b - c - d >= 0,
        4 - 3 * a - b - 2 * c + d >= 0,
        b + 4 * c - 1.5 >= 0,
    ]


@problem(77, (2, 2, 2, 2, 2), 0.24150513)
def _(a, b, c, d, e):
    value = (a - 1) ** 2 + (a - b) ** 2 + (c - 1) ** 2 + (d - 1) ** 4 + (e - 1) ** 6
    return value, [
        a**2 * d + sin(d - e) - 2 * math.sqrt(2) == 0,
        b + c**4 * d**2 - 8 - math.sqrt(2) == 0,
    ]


def _sphere(a, b, c, d, e):
    squares = a**2 + b**2 + c**2 + d**2 + e**2
    return [squares - 10 == 0, b * c - 5 * d * e == 0, a**3 + b**3 + 1 == 0]


@problem(78, (-2, 1.5, 2, -1, -1), -2.91970041)
def _(a, b, c, d, e):
    return a * b * c * d * e, _sphere(a, b, c, d, e)


@problem(79, (2, 2, 2, 2, 2), 0.0787768209)
def _(a, b, c, d, e):
    value = (a - 1) ** 2 + (a - b) ** 2 + (b - c) ** 2 + (c - d) ** 4 + (d - e) ** 4
    root = math.sqrt(2)
    return value, [a + b**2 + c**3 - 2 - 3 * root == 0, b - c**2 + d + 2 - 2 * root == 0, a * e - 2 == 0]


@problem(80, (-2, 2, 2, -1, -1), 0.0539498478, [(-2.3, 2.3)] * 2 + [(-3.2, 3.2)] * 3)
def _(a, b, c, d, e):
    return exp(a * b * c * d * e), _sphere(a, b, c, d, e)


@problem(81, (-2, 2, 2, -1, -1), 0.0539498478, [(-2.3, 2.3)] * 2 + [(-3.2, 3.2)] * 3)
def _(a, b, c, d, e):
    return exp(a * b * c * d * e) - 0.5 * (a**3 + b**3 + 1) ** 2, _sphere(a, b, c, d, e)


@problem(100, (1, 2, 0, 4, 0, 1, 1), 680.6300573)
def _(a, b, c, d, e, f, g):
    value = (a - 10) ** 2 + 5 * (b - 12) ** 2 + c**4 + 3 * (d - 11) ** 2 + 10 * e**6 + 7 * f**2 + g**4
    return value - 4 * f * g - 10 * f - 8 * g, [
        127 - 2 * a**2 - 3 * b**4 - c - 4 * d**2 - 5 * e >= 0,
        282 - 7 * a - 3 * b - 10 * c**2 - d + e >= 0,
        196 - 23 * a - b**2 - 6 * f**2 + 8 * g >= 0,
        -4 * a**2 - b**2 + 3 * a * b - 2 * c**2 - 5 * f + 11 * g >= 0,
    ]


@problem(104, (6, 3, 0.4, 0.2, 6, 6, 1, 0.5), 3.9511634396, (0.1, 10))
def _(a, b, c, d, e, f, g, h):
    value = 0.4 * a**0.67 * g**-0.67 + 0.4 * b**0.67 * h**-0.67 + 10 - a - b
    return value, [
        1 - 0.0588 * e * g - 0.1 * a >= 0,
        1 - 0.0588 * f * h - 0.1 * a - 0.1 * b >= 0,
        1 - 4 * c / e - 2 * c**-0.71 / e - 0.0588 * c**-1.3 * g >= 0,
        1 - 4 * d / f - 2 * d**-0.71 / f - 0.0588 * d**-1.3 * h >= 0,
        (0.1, value, 4.2),
    ]


@problem(110, (9,) * 10, -45.77846971, (2.001, 9.999))
def _(*x):
    product = math.prod(x[1:], start=x[0])
    return sum(log(v - 2) ** 2 + log(10 - v) ** 2 for v in x) - product**0.2, []


_GIBBS = (-6.089, -17.164, -34.054, -5.914, -24.721, -14.986, -24.1, -10.708, -26.662, -22.179)


def _balance(m):
    return [
        m[0] + 2 * m[1] + 2 * m[2] + m[5] + m[9] - 2 == 0,
        m[3] + 2 * m[4] + m[5] + m[6] - 1 == 0,
        m[2] + m[6] + m[7] + 2 * m[8] + m[9] - 1 == 0,
    ]


@problem(111, (-2.3,) * 10, -47.76109026, (-100, 100))
def _(*x):
    moles = [exp(v) for v in x]
    total = sum(moles)
    return sum(m * (c + v - log(total)) for m, c, v in zip(moles, _GIBBS, x, strict=True)), _balance(moles)


@problem(112, (0.1,) * 10, -47.76109026, (1e-6, None))
def _(*x):
    total = sum(x)
    return sum(v * (c + log(v / total)) for c, v in zip(_GIBBS, x, strict=True)), _balance(x)


@problem(113, (2, 3, 5, 5, 1, 2, 7, 3, 6, 10), 24.3062091)
def _(*x):
    a, b, c, d, e, f, g, h, i, j = x
    value = a**2 + b**2 + a * b - 14 * a - 16 * b + (c - 10) ** 2 + 4 * (d - 5) ** 2 + (e - 3) ** 2
    value += 2 * (f - 1) ** 2 + 5 * g**2 + 7 * (h - 11) ** 2 + 2 * (i - 10) ** 2 + (j - 7) ** 2 + 45
    return value, [
        105 - 4 * a - 5 * b + 3 * g - 9 * h >= 0,
        -10 * a + 8 * b + 17 * g - 2 * h >= 0,
        8 * a - 2 * b - 5 * i + 2 * j + 12 >= 0,
        -3 * (a - 2) ** 2 - 4 * (b - 3) ** 2 - 2 * c**2 + 7 * d + 120 >= 0,
        -5 * a**2 - 8 * b - (c - 6) ** 2 + 2 * d + 40 >= 0,
        -0.5 * (a - 8) ** 2 - 2 * (b - 4) ** 2 - 3 * e**2 + f + 30 >= 0,
        -(a**2) - 2 * (b - 2) ** 2 + 2 * a * b - 14 * e + 6 * f >= 0,
        3 * a - 6 * b - 12 * (i - 8) ** 2 + 7 * j >= 0,
    ]
