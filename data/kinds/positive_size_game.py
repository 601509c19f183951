"""The kind ``positive-size-game``: a market whose groups take some mass of people (Wang 2019, section 3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats, frozen_floats
from breakaway.data.kinds.small_groups import build_types, types_frame, types_table
from breakaway.data.positive_size import (
    ROUNDING,
    CesSurplus,
    FunctionSurplus,
    LinearSurplus,
    PositiveSizeGame,
    QuadraticSurplus,
    RecipeSurplus,
    SurplusForm,
    ThresholdSurplus,
)
from breakaway.data.problems import Findings, counted
from breakaway.data.schema import NONNEGATIVE, POSITIVE, Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data, TypedTable

TABLES_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ces": ("coefficients",),
        "linear": ("coefficients",),
        "quadratic": ("products",),
        "bilinear": ("products",),
        "threshold": ("coefficients",),
        "recipes": ("recipe_values", "recipes"),
    }
)
"""The tables that each form of surplus needs beside the types."""

PARAMETERS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType({"ces": ("rho", "theta"), "threshold": ("intercept",)})
"""The parameters that belong to some forms only."""

OWN_TABLES = ("coefficients", "products", "recipe_values", "recipes")
OWN_PARAMETERS = ("rho", "theta", "intercept")


def _check(data: Data, findings: Findings) -> None:
    _check_sizes(data, findings)
    form = data.parameters.get("form")
    if not isinstance(form, str):
        return
    _check_parts(data, form, findings)
    if form == "ces":
        _check_ces(data, findings)
    if form in ("quadratic", "bilinear") and "products" in data.tables:
        _check_both_orders(data, data.tables["products"], findings)
    if form == "quadratic":
        _check_convex(data, findings)


def _check_sizes(data: Data, findings: Findings) -> None:
    """Report sizes in the wrong order, and groups larger than the market."""
    least, most = data.number("min_mass"), data.number("max_mass")
    if least is None:
        return
    if most is not None and least > most:
        _report(data, "min_mass", f"min_mass {least:.12g} is above max_mass {most:.12g}", "lower it", findings)
    table = data.tables.get("types")
    if table is None or table.unidentified() or not table.usable("mass").all():
        return
    total = math.fsum(table.numbers("mass").tolist())
    if least > total * (1 + ROUNDING):
        message = f"min_mass is {least:.12g}, and the market has {counted(total, 'person', 'people', 12)} in all"
        _report(data, "min_mass", message, "lower it: no group would be permitted", findings)


def _report(data: Data, name: str, message: str, remedy: str, findings: Findings) -> None:
    file, line = data.place(name)
    findings.add(file, message, remedy, row=line, column=name, value=repr(data.parameters.get(name)))


def _check_parts(data: Data, form: str, findings: Findings) -> None:
    """Report tables and parameters that the form lacks, and those that it does not have."""
    file, line = data.place("form")
    for name in OWN_TABLES:
        needed = name in TABLES_OF[form]
        if needed and name not in data.given:
            message = f"the form {form!r} needs the table {name!r}"
            findings.add(file, message, f"add {name}.csv, or change form", row=line, column="form", value=form)
        elif not needed and name in data.given:
            users = " or ".join(repr(user) for user, tables in TABLES_OF.items() if name in tables)
            message = f"the form {form!r} has no table {name!r}"
            findings.add(file, message, f"remove it, or use {users}", row=line, column="form", value=form)
    for name in OWN_PARAMETERS:
        if name in data.given and name not in PARAMETERS_OF.get(form, ()):
            (user,) = (user for user, names in PARAMETERS_OF.items() if name in names)
            message = f"the form {form!r} has no parameter {name!r}"
            _report(data, name, message, f"remove it, or use {user!r}", findings)


def _check_ces(data: Data, findings: Findings) -> None:
    """Report parameters and coefficients for which (sum of a nu^rho)^(theta/rho) is not defined."""
    if data.number("rho") == 0:
        _report(data, "rho", "rho is 0: the exponent theta/rho is not defined", "take a small number", findings)
    elif "rho" not in data.given:
        file, line = data.places[""]
        findings.add(file, "the form 'ces' needs the parameter 'rho'", "give it", row=line, column="rho")
    table = data.tables.get("coefficients")
    if table is None:
        return
    values = table.numbers("coefficient")
    for k in np.flatnonzero(values < 0).tolist():
        message, remedy = f"coefficient is {values[k]:.12g}", "it must be at least 0 with the form 'ces'"
        value = repr(float(values[k]))
        findings.add(table.file, message, remedy, row=table.rows[k], column="coefficient", value=value)
    if not table.unread and (values == 0).all():
        findings.add(table.file, "all coefficients are 0", "give some type a coefficient", column="coefficient")


def _check_both_orders(data: Data, table: TypedTable, findings: Findings) -> None:
    """Report pairs that are listed in both orders."""
    seen: dict[tuple[int, int], int] = {}
    names = data.domains.get("type", ())
    for k, (one, other) in enumerate(zip(table.values("type_a"), table.values("type_b"), strict=True)):
        if one is None or other is None:
            continue
        before = seen.setdefault((min(one, other), max(one, other)), k)
        if before != k and table.values("type_a")[before] != one:
            message = f"the pair of {names[one]!r} and {names[other]!r} stands in row {table.rows[before]} already"
            remedy = "list the pair once, in any order, with the sum of the two coefficients"
            findings.add(table.file, message, remedy, row=table.rows[k], column="type_b", value=names[other])


def _check_convex(data: Data, findings: Findings) -> None:
    """Report a quadratic surplus that is not convex."""
    table = data.tables.get("products")
    if table is None or table.unidentified() or not table.usable("coefficient").all() or "type" not in data.domains:
        return
    form = QuadraticSurplus(_matrix(table, len(data.domains["type"])))
    if form.curvature not in ("convex", "linear"):
        least = float(np.linalg.eigvalsh(form.matrix).min())
        message = f"the quadratic form is not convex: its least eigenvalue is {least:.6g}"
        _report(data, "form", message, "use 'bilinear', which may have any products", findings)


def _matrix(table: TypedTable, types: int) -> Floats:
    """Return the symmetric matrix Q with nu' Q nu = sum of coefficient x nu_a x nu_b."""
    matrix = np.zeros((types, types))
    pairs = zip(table.values("type_a"), table.values("type_b"), table.numbers("coefficient").tolist(), strict=True)
    for one, other, value in pairs:
        matrix[one, other] += value / 2
        matrix[other, one] += value / 2
    return frozen_floats(matrix)


def _build(data: Data) -> PositiveSizeGame:
    types = build_types(data)
    most = data.number("max_mass")
    least = float(data.parameters["min_mass"])
    total = math.fsum(types.masses.tolist())
    return PositiveSizeGame(types, _form(data, len(types)), least, max(least, total) if most is None else most)


def _form(data: Data, types: int) -> SurplusForm:
    form = data.parameters["form"]
    if form in ("quadratic", "bilinear"):
        return QuadraticSurplus(_matrix(data.tables["products"], types))
    if form == "recipes":
        return _recipes(data, types)
    table = data.tables["coefficients"]
    coefficients = np.zeros(types)
    coefficients[table.values("type")] = table.numbers("coefficient")
    if form == "ces":
        rho, theta = float(data.parameters["rho"]), float(data.parameters["theta"])
        return CesSurplus(frozen_floats(coefficients), rho, theta)
    if form == "threshold":
        return ThresholdSurplus(float(data.parameters["intercept"]), frozen_floats(coefficients))
    return LinearSurplus(frozen_floats(coefficients))


def _recipes(data: Data, types: int) -> RecipeSurplus:
    values, table = data.tables["recipe_values"], data.tables["recipes"]
    amounts = np.zeros((len(values), types))
    amounts[table.values("recipe"), table.values("type")] = table.numbers("amount")
    return RecipeSurplus(tuple(values.values("recipe")), frozen_floats(amounts), frozen_floats(values.numbers("value")))


def _to_tables(game: PositiveSizeGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    """Write a game as tables.

    Raises
    ------
    TypeError
        For a surplus that is a Python function.
    """
    form, types = game.form, game.types
    parameters: dict[str, ParameterValue] = {"min_mass": game.min_mass, "max_mass": game.max_mass}
    tables = {"types": types_frame(types)}
    if isinstance(form, FunctionSurplus):
        raise TypeError("a surplus that is a Python function cannot be written as tables: use one of the forms")
    if isinstance(form, QuadraticSurplus):
        convex = form.curvature in ("convex", "linear")
        return parameters | {"form": "quadratic" if convex else "bilinear"}, tables | {
            "products": _products(game, form)
        }
    if isinstance(form, RecipeSurplus):
        return parameters | {"form": "recipes"}, tables | _recipe_tables(game, form)
    tables["coefficients"] = pd.DataFrame({"type": types.names, "coefficient": form.coefficients.tolist()})
    if isinstance(form, CesSurplus):
        return parameters | {"form": "ces", "rho": form.rho, "theta": form.theta}, tables
    if isinstance(form, ThresholdSurplus):
        return parameters | {"form": "threshold", "intercept": form.intercept}, tables
    return parameters | {"form": "linear"}, tables


def _products(game: PositiveSizeGame, form: QuadraticSurplus) -> pd.DataFrame:
    one, other = np.nonzero(np.triu(form.matrix))
    if not len(one):
        one = other = np.zeros(1, dtype=np.int64)
    names = np.array(game.types.names, dtype=object)
    coefficient = form.matrix[one, other] * np.where(one == other, 1.0, 2.0)
    return pd.DataFrame({"type_a": names[one], "type_b": names[other], "coefficient": coefficient.tolist()})


def _recipe_tables(game: PositiveSizeGame, form: RecipeSurplus) -> dict[str, pd.DataFrame]:
    rows = [
        (name, game.types.names[i], amount)
        for name, amounts in zip(form.names, form.amounts.tolist(), strict=True)
        for i, amount in enumerate(amounts)
        if amount > 0 or (i == 0 and not any(amounts))
    ]
    return {
        "recipe_values": pd.DataFrame({"recipe": form.names, "value": form.worth.tolist()}),
        "recipes": pd.DataFrame(rows, columns=["recipe", "type", "amount"]),
    }


_FORMS = (
    "surplus of a group that takes nu_i of type i: `ces` (sum of a_i nu_i^rho)^(theta/rho); `linear` sum of a_i nu_i; \
`threshold` max(0, intercept + sum of a_i nu_i); `quadratic` (convex) and `bilinear` (any) the sum over `products` of \
coefficient x nu_a x nu_b; `recipes` the largest value of a recipe for which the group has every amount, 0 without one"
)

POSITIVE_SIZE_GAME = Kind(
    name="positive-size-game",
    meaning="A market whose people form groups of `min_mass` to `max_mass` people, not more of any type than there "
    "are. A group shares its surplus, which depends on the amounts of the types that it takes.",
    tables=(
        types_table(),
        Table(
            "coefficients",
            "The coefficients of the forms `ces`, `linear` and `threshold`; types not listed have 0.",
            (
                Column("type", ColumnType.MEMBER, "the type", key=True, domain="type"),
                Column("coefficient", ColumnType.NUMBER, "coefficient a of the type"),
            ),
            optional=True,
        ),
        Table(
            "products",
            "The products of the forms `quadratic` and `bilinear`; each pair once, in any order.",
            (
                Column("type_a", ColumnType.MEMBER, "one type", key=True, domain="type"),
                Column("type_b", ColumnType.MEMBER, "the other; may be the same", key=True, domain="type"),
                Column("coefficient", ColumnType.NUMBER, "coefficient of the product of the two amounts"),
            ),
            optional=True,
        ),
        Table(
            "recipe_values",
            "The recipes of the form `recipes`, and what they yield.",
            (
                Column("recipe", ColumnType.NAME, "name of the recipe", key=True, domain="recipe"),
                Column("value", ColumnType.NUMBER, "what a group that can make it has", "money", bound=NONNEGATIVE),
            ),
            optional=True,
        ),
        Table(
            "recipes",
            "What a group needs for each recipe; types not listed are not needed.",
            (
                Column("recipe", ColumnType.MEMBER, "the recipe", key=True, domain="recipe"),
                Column("type", ColumnType.MEMBER, "a type that it needs", key=True, domain="type"),
                Column("amount", ColumnType.NUMBER, "least amount of the type", "people", bound=NONNEGATIVE),
            ),
            optional=True,
        ),
    ),
    parameters=(
        Parameter("form", str, _FORMS, required=True, choices=tuple(TABLES_OF)),
        Parameter("min_mass", float, "people in the smallest group", "people", required=True, bound=POSITIVE),
        Parameter(
            "max_mass",
            float,
            "people in the largest group; without it, all people may be one",
            "people",
            bound=POSITIVE,
        ),
        Parameter("rho", float, "exponent rho of the form `ces`, not 0"),
        Parameter("theta", float, "degree theta of the form `ces`", default=1.0, bound=POSITIVE),
        Parameter("intercept", float, "intercept of the form `threshold`", "money", default=0.0),
    ),
    game_type=PositiveSizeGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
