"""What the kinds of small groups share: types with masses, and the sizes that groups may have."""

from __future__ import annotations

import pandas as pd

from breakaway.data.groups import Types
from breakaway.data.limits import MAX_GROUP_SIZE
from breakaway.data.problems import Findings
from breakaway.data.schema import POSITIVE, Bound, Column, ColumnType, Parameter, ParameterValue, Table
from breakaway.data.typed import Data

TYPE = Column("type", ColumnType.NAME, "name of the type", key=True, domain="type")
MASS = Column("mass", ColumnType.NUMBER, "how many people there are of the type, mu", "people", bound=POSITIVE)

MIN_SIZE = Parameter("min_size", float, "members of the smallest group, N'", default=1.0, bound=Bound(1.0))


def max_size_parameter(default: float | None, meaning: str) -> Parameter:
    """Declare the size of the largest group."""
    return Parameter("max_size", float, meaning, default=default, bound=Bound(1.0))


def types_table(*own: Column) -> Table:
    """Declare a types table with the columns of a kind behind the common ones."""
    return Table("types", "The types of people, in the order in which they appear.", (TYPE, MASS, *own))


def build_types(data: Data) -> Types:
    """Build the types of a game."""
    table = data.tables["types"]
    return Types.of(table.values("type"), table.numbers("mass"))


def types_frame(types: Types) -> pd.DataFrame:
    """Write types as a table."""
    return pd.DataFrame({"type": types.names, "mass": types.masses.tolist()})


def sizes_of(data: Data, largest: int) -> tuple[int, int] | None:
    """Return the least and the largest size; without ``max_size``, groups have up to ``largest`` members.

    None when a size is not usable.
    """
    least, most = data.number("min_size"), data.number("max_size")
    if least is None or (most is None and "max_size" in data.given):
        return None
    sizes = (least, max(least, float(min(largest, MAX_GROUP_SIZE))) if most is None else most)
    if any(not size.is_integer() for size in sizes) or not sizes[0] <= sizes[1] <= MAX_GROUP_SIZE:
        return None
    return int(sizes[0]), int(sizes[1])


def check_sizes(data: Data, findings: Findings) -> None:
    """Report sizes that are no whole numbers, too large, or in the wrong order."""
    least, most = data.number("min_size"), data.number("max_size")
    for name, size in (("min_size", least), ("max_size", most)):
        if size is not None and not size.is_integer():
            _report(data, name, size, f"{name} is {size!r}, which is not a whole number", "count members", findings)
        elif size is not None and size > MAX_GROUP_SIZE:
            message = f"{name} is {size:.12g}: the limit is {MAX_GROUP_SIZE} members"
            _report(data, name, size, message, "permit smaller groups only", findings)
    if least is not None and most is not None and least > most:
        given = "max_size" in data.given
        message = f"max_size {most:.12g}{'' if given else ', the default,'} is below min_size {least:.12g}"
        remedy = "raise it or lower min_size" if given else "give max_size, or lower min_size"
        _report(data, "max_size", most, message, remedy, findings)


def _report(data: Data, name: str, size: float, message: str, remedy: str, findings: Findings) -> None:
    file, line = data.place(name)
    findings.add(file, message, remedy, row=line, column=name, value=repr(size))


def sizes_written(min_size: int, max_size: int) -> dict[str, ParameterValue]:
    """Write the sizes as parameters."""
    return {"min_size": float(min_size), "max_size": float(max_size)}
