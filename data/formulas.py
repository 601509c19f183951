"""Formulas in cells, such as ``theta * quantity + transfer``: read without running anything, computed with arrays.

A formula consists of numbers, names, ``+ - * / **``, parentheses, and the functions of :data:`FUNCTIONS`. Its text
becomes a syntax tree in which every node is of a kind listed here; anything else is refused, with its place.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.problems import counted, suggestion

LONGEST = 1_000
"""Most characters of a formula."""

DEEPEST = 60
"""Most levels of a formula's tree."""

FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "log": (1, np.log),
    "sqrt": (1, np.sqrt),
    "min": (2, lambda *values: reduce(np.minimum, values)),
    "max": (2, lambda *values: reduce(np.maximum, values)),
}
"""The functions by name, each with its number of arguments: 1, or at least 2 of ``min`` and ``max``; log is natural."""

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_ALLOWED = "use numbers, names, + - * / **, parentheses, and the functions " + ", ".join(FUNCTIONS)


class FormulaError(ValueError):
    """A text that is no formula: what is wrong with it, and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        """Keep message and remedy."""
        super().__init__(f"{message}; {remedy}")
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class Formula:
    """A formula: its text and its tree; two are equal when their texts are."""

    text: str

    def __post_init__(self) -> None:
        """Refuse a text that is no formula with a :class:`FormulaError`."""
        _check(self.text)

    @property
    def names(self) -> tuple[str, ...]:
        """The names whose values the formula needs, each once, in the order of the text."""
        found = [node for node, _ in _nodes(self._tree) if isinstance(node, ast.Name)]
        return tuple(dict.fromkeys(node.id for node in sorted(found, key=lambda node: node.col_offset)))

    @cached_property
    def _tree(self) -> ast.expr:
        return ast.parse(self.text, mode="eval").body

    def values(self, values: Mapping[str, Floats | float]) -> Floats:
        """Return the formula's values where its names have ``values``, arrays that broadcast together.

        A value that is no number (a division by zero, a logarithm of a number below 0) is NaN or infinite.

        Raises
        ------
        KeyError
            When a name has no value.
        """
        with np.errstate(all="ignore"):
            return np.asarray(_value(self._tree, values), dtype=np.float64)


def parse_formula(text: str) -> Formula:
    """Read a formula.

    Raises
    ------
    FormulaError
        When the text is none: what is wrong, and the remedy.
    """
    return Formula(text.strip())


def _check(text: str) -> None:
    if len(text) > LONGEST:
        raise FormulaError(f"the formula has {len(text):,} characters", f"the limit is {LONGEST:,}")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError(f"{text!r} is not a formula", f"{_ALLOWED}; write every * between factors") from None
    for node, depth in _nodes(tree):
        if depth > DEEPEST:
            raise FormulaError(f"{text!r} is nested too deeply", "write fewer signs and parentheses in each other")
        _check_node(node, text)


def _nodes(tree: ast.expr) -> Iterator[tuple[ast.AST, int]]:
    """Yield the nodes of a tree with their depths; the name of a function is part of its call."""
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        below = node.args if isinstance(node, ast.Call) else list(ast.iter_child_nodes(node))
        stack += [(child, depth + 1) for child in below if isinstance(child, ast.expr)]


def _check_node(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Call):
        _check_call(node, text)
    elif isinstance(node, ast.Constant):
        _check_number(node.value, text)
    elif isinstance(node, ast.Name):
        if node.id in FUNCTIONS:
            raise FormulaError(f"function {node.id!r} has no arguments", f"write {node.id}(...)")
    elif isinstance(node, ast.BinOp):
        if type(node.op) not in _OPERATORS:
            remedy = "write ** for a power" if isinstance(node.op, ast.BitXor) else _ALLOWED
            raise FormulaError(f"{text!r} has an operator that formulas do not have", remedy)
    elif not (isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS):
        raise FormulaError(f"{text!r} holds {ast.unparse(node)!r}, which no formula may hold", _ALLOWED)


def _check_call(node: ast.Call, text: str) -> None:
    if not isinstance(node.func, ast.Name) or node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
        raise FormulaError(f"{text!r} holds {ast.unparse(node)!r}, which no formula may hold", _ALLOWED)
    name = node.func.id
    if name not in FUNCTIONS:
        raise FormulaError(f"unknown function {name!r}", suggestion(name, tuple(FUNCTIONS), "functions"))
    wanted = FUNCTIONS[name][0]
    if len(node.args) < wanted or (wanted == 1 and len(node.args) > 1):
        given = counted(len(node.args), "argument", "arguments")
        raise FormulaError(f"function {name!r} has {given}", f"give it {'one' if wanted == 1 else 'at least two'}")


def _check_number(value: object, text: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormulaError(f"{text!r} holds {value!r}, which is not a number", _ALLOWED)
    try:
        finite = np.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise FormulaError(f"{text!r} holds a number that is too large", "choose larger units")


def _value(node: ast.expr, values: Mapping[str, Floats | float]) -> Any:
    if isinstance(node, ast.Constant):
        return np.float64(float(node.value))  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return np.asarray(values[node.id], dtype=np.float64)
    if isinstance(node, ast.UnaryOp):
        return _SIGNS[type(node.op)](_value(node.operand, values))
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return FUNCTIONS[node.func.id][1](*(_value(arg, values) for arg in node.args))
