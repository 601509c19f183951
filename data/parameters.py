"""Parameters of an instance: checked against their declarations, defaults filled in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

from breakaway.data.problems import Findings, suggestion
from breakaway.data.schema import Kind, Parameter, ParameterValue
from breakaway.data.typed import CellError

Places = Mapping[str, tuple[str, int | None]]
"""File and line of every parameter given; the entry ``""`` is for the parameters as a whole."""


def read_parameters(
    kind: Kind, given: Mapping[str, object], places: Places, findings: Findings
) -> dict[str, ParameterValue]:
    """Return the usable parameters, defaults included; everything else is a problem.

    Units are those of the declarations (:class:`~breakaway.data.schema.Parameter`).
    """
    guessed = _report_unknown(kind, given, places, findings)
    values: dict[str, ParameterValue] = {}
    for parameter in kind.parameters:
        if parameter.name in given:
            value = _given_value(parameter, given[parameter.name], places, findings)
        else:
            value = parameter.default
            if parameter.required and parameter.name not in guessed:
                file, line = places[""]
                message = f"parameter {parameter.name!r} is missing"
                remedy = f"give it in [parameters]: {parameter.meaning}"
                findings.add(file, message, remedy, row=line, column=parameter.name)
        if value is not None:
            values[parameter.name] = value
    return values


def _report_unknown(kind: Kind, given: Mapping[str, object], places: Places, findings: Findings) -> set[str]:
    """Report parameters that the kind does not have; return the names that were probably meant."""
    guessed = set()
    for name in given:
        if name in kind.parameter_names:
            continue
        remedy = suggestion(name, kind.parameter_names, f"parameters of {kind.name}")
        guessed |= {known for known in kind.parameter_names if repr(known) in remedy}
        file, line = places.get(name, places[""])
        findings.add(file, f"unknown parameter {name!r}", remedy, row=line, column=name, value=str(given[name]))
    return guessed


def _given_value(parameter: Parameter, value: object, places: Places, findings: Findings) -> ParameterValue | None:
    try:
        return parse_parameter(parameter, value)
    except CellError as error:
        file, line = places.get(parameter.name, places[""])
        findings.add(file, error.message, error.remedy, row=line, column=parameter.name, value=str(value))
        return None


def parse_parameter(parameter: Parameter, value: object) -> ParameterValue:
    """Return a parameter's value as its declared type.

    Raises
    ------
    CellError
        When the type is wrong, the number is not finite or breaks its bound, or the word is not among the choices.
    """
    if parameter.type is bool:
        return _boolean(parameter, value)
    if parameter.type is float:
        return _number(parameter, value)
    return _choice(parameter, value)


def _boolean(parameter: Parameter, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise CellError(f"{parameter.name} is {value!r}, which is not a Boolean", "write true or false, without quotes")


def _number(parameter: Parameter, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        remedy = "write a number, without quotation marks"
        raise CellError(f"{parameter.name} is {value!r}, which is not a number", remedy)
    try:
        number = float(value)
    except OverflowError:
        raise CellError(f"{parameter.name} is too large for a number", "choose larger units") from None
    if not math.isfinite(number):
        raise CellError(f"{parameter.name} is {value}, which is not a finite number", "give a finite number")
    if parameter.bound is not None and not parameter.bound.allows(number):
        raise CellError(f"{parameter.name} is {value}", f"it must be {parameter.bound}")
    return number


def _choice(parameter: Parameter, value: object) -> str:
    if isinstance(value, str) and value in parameter.choices:
        return value
    remedy = f"write one of {', '.join(map(repr, parameter.choices))}"
    raise CellError(f"{parameter.name} is {value!r}", remedy)
