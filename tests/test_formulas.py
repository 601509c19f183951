"""Formulas in cells: what is read, what it comes to, and that nothing else is ever run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakaway.data.formulas import DEEPEST, LONGEST, FormulaError, parse_formula

VALUES = {"theta": 0.5, "quantity": 2.0, "transfer_1": -0.125}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("theta * quantity + transfer_1", 0.875),
        ("-theta**2", -0.25),
        ("(-theta)**2", 0.25),
        ("2 ** 3 ** 2", 512.0),
        ("+ quantity / 4 - 1e-1", 0.4),
        ("1 / 3 * 3", 1.0),
        ("min(quantity, theta, 1)", 0.5),
        ("max(theta, quantity) - abs(transfer_1)", 1.875),
        ("sqrt(quantity * 2) + log(1)", 2.0),
        ("3", 3.0),
    ],
)
def test_what_a_formula_comes_to(text: str, value: float) -> None:
    assert float(parse_formula(text).values(VALUES)) == pytest.approx(value, rel=1e-15)


def test_values_may_be_arrays_that_broadcast() -> None:
    found = parse_formula("theta * quantity").values({"theta": np.array([[1.0], [2.0]]), "quantity": np.arange(3.0)})
    assert found.tolist() == [[0, 1, 2], [0, 2, 4]]


def test_the_names_that_a_formula_needs() -> None:
    assert parse_formula("b * min(a, b) - c / 2").names == ("b", "a", "c")
    assert parse_formula("1 + 1").names == ()


@pytest.mark.parametrize("text", ["1 / zero", "log(-1)", "sqrt(zero - 1)", "zero ** -1", "(zero - 8) ** 0.5"])
def test_what_is_no_number_is_not_finite(text: str) -> None:
    assert not math.isfinite(parse_formula(text).values({"zero": 0.0}))


def test_a_name_without_a_value() -> None:
    with pytest.raises(KeyError, match="price"):
        parse_formula("price * 2").values(VALUES)


ALLOWED = "use numbers, names, + - * / **, parentheses, and the functions abs, log, sqrt, min, max"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 theta", f"'2 theta' is not a formula; {ALLOWED}; write every * between factors"),
        ("", f"'' is not a formula; {ALLOWED}; write every * between factors"),
        ("theta ^ 2", "'theta ^ 2' has an operator that formulas do not have; write ** for a power"),
        ("theta % 2", f"'theta % 2' has an operator that formulas do not have; {ALLOWED}"),
        ("sqr(theta)", "unknown function 'sqr'; did you mean 'sqrt'?"),
        ("open(theta)", "unknown function 'open'; known functions: abs, log, sqrt, min, max"),
        ("abs(1, 2)", "function 'abs' has 2 arguments; give it one"),
        ("min(1)", "function 'min' has 1 argument; give it at least two"),
        ("min * 2", "function 'min' has no arguments; write min(...)"),
        ("theta.real", f"'theta.real' holds 'theta.real', which no formula may hold; {ALLOWED}"),
        ("__import__('os').system('true')", "holds \"__import__('os').system('true')\", which no formula may hold"),
        ("(lambda: 1)()", "which no formula may hold"),
        ("[1][0]", "holds '[1][0]', which no formula may hold"),
        ("1 if theta else 2", "which no formula may hold"),
        ("theta < 2", "holds 'theta < 2', which no formula may hold"),
        ("not theta", "holds 'not theta', which no formula may hold"),
        ("(x := 1)", "which no formula may hold"),
        ("max(*theta)", "which no formula may hold"),
        ("max(1, key=2)", "which no formula may hold"),
        ("'a' * 9", "holds 'a', which is not a number"),
        ("True", "holds True, which is not a number"),
        ("2j", "holds 2j, which is not a number"),
        ("1e999", "holds a number that is too large; choose larger units"),
        ("1" * 400, "holds a number that is too large; choose larger units"),
        ("-" * (DEEPEST + 1) + "1", "is nested too deeply; write fewer signs and parentheses in each other"),
        ("(" * 300 + "1" + ")" * 300, "is not a formula"),
        ("1" + "+1" * LONGEST, f"the formula has {2 * LONGEST + 1:,} characters; the limit is {LONGEST:,}"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse_formula(text)
    assert message in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    refused = None
    try:
        formula = parse_formula(text)
    except FormulaError as error:
        refused = error
    else:
        assert formula.values(dict.fromkeys(formula.names, 1.0)).shape == ()
    assert refused is None or (refused.message and refused.remedy)


FORMULAS = st.recursive(
    st.sampled_from(["theta", "quantity", "2", "0.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        inner.map(lambda one: f"-{one}"),
        st.tuples(inner, inner).map(lambda parts: f"max({parts[0]}, {parts[1]})"),
    ),
    max_leaves=8,
)


@given(FORMULAS)
def test_values_are_python_s(text: str) -> None:
    names = {"theta": 0.5, "quantity": 2.0}
    expected = eval(text, {"__builtins__": {"max": max}}, names)
    assert float(parse_formula(text).values(names)) == pytest.approx(expected, rel=1e-12, abs=1e-12)
