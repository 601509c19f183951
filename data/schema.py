"""Declarations of the tables: every column and parameter once, with type, unit, bounds, default and meaning.

A :class:`Kind` names its tables and parameters, checks what lies beyond single cells, builds the frozen game object
and writes it back. Adding a kind takes one file in ``data/kinds`` and one line in its registry; reading, checking of
cells, writing and documentation follow from the declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from breakaway.data.problems import Findings
    from breakaway.data.typed import Data

ParameterValue = float | bool | str


class ColumnType(Enum):
    """What the cells of a column are; the value is the word used in the documentation."""

    NAME = "new name"
    LABEL = "label"
    MEMBER = "name"
    NUMBER = "number"
    COALITION = "coalition"
    STRUCTURE = "structure"
    PROFILE = "profile"
    TYPES = "profile of single agents"
    FORMULA = "formula"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Bound:
    """A least value; ``strict`` excludes the value itself."""

    least: float
    strict: bool = False

    def allows(self, value: float) -> bool:
        """Tell whether a value respects the bound."""
        return value > self.least if self.strict else value >= self.least

    def __str__(self) -> str:
        """Write ``greater than 0`` or ``at least 0``."""
        return f"{'greater than' if self.strict else 'at least'} {self.least:g}"


POSITIVE = Bound(0.0, strict=True)
NONNEGATIVE = Bound(0.0)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    ``domain`` names the set of names that a NAME column defines or that a MEMBER, COALITION or STRUCTURE column
    refers to. A column with a default may be left out, and its cells may be left empty; a default of NaN is a number
    that nobody gave. A LABEL column with ``choices`` takes no other labels.
    """

    name: str
    type: ColumnType
    meaning: str
    unit: str = ""
    key: bool = False
    default: float | str | None = None
    bound: Bound | None = None
    domain: str = "player"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a kind; tables that define names come before tables that use them.

    ``alternative`` is the same table with other columns; the header of the file tells which of the two is given.
    A table without rows is an error unless it ``may_be_empty``. ``further`` is the meaning of columns of numbers with
    other names; a table without it takes none.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    optional: bool = False
    alternative: Table | None = None
    may_be_empty: bool = False
    further: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that together identify a row."""
        return tuple(column.name for column in self.columns if column.key)

    def with_header(self, given: Iterable[str]) -> Table:
        """Return the table or its alternative, whichever shares more columns with those given."""
        if self.alternative is None:
            return self
        header = set(given)
        return max((self, self.alternative), key=lambda table: len(header & set(table.column_names)))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a kind: a number (with a bound), a Boolean, or one of a set of words (``choices``)."""

    name: str
    type: type[float] | type[bool] | type[str]
    meaning: str
    unit: str = ""
    default: ParameterValue | None = None
    required: bool = False
    bound: Bound | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of game: its declaration, the checks beyond single cells, and the way to the game object and back.

    ``check(data, findings)`` runs even when cells are unusable and must then judge only what can be judged;
    ``build(data)`` runs only on data without problems; ``to_tables(game)`` returns the parameters and the tables.
    """

    name: str
    meaning: str
    tables: tuple[Table, ...]
    parameters: tuple[Parameter, ...]
    game_type: type
    check: Callable[[Data, Findings], None]
    build: Callable[[Data], Any]
    to_tables: Callable[[Any], tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]]

    @property
    def table_names(self) -> tuple[str, ...]:
        """The names of the tables, in order."""
        return tuple(table.name for table in self.tables)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(parameter.name for parameter in self.parameters)
