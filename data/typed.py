"""Typed cells: every distinct text of a column is parsed once, so a table of 500,000 rows is read in seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from breakaway.data.coalitions import Coalition, Structure, parse_coalition, parse_structure, structure_of
from breakaway.data.formulas import Formula, FormulaError, parse_formula
from breakaway.data.problems import Findings, Row, nearest, suggestion
from breakaway.data.schema import Column, ColumnType, ParameterValue, Table
from breakaway.data.tables import RawTable

Parser = Callable[[str], Any]

Profile = tuple[tuple[Coalition, str], ...]
"""The coalitions of a structure, each with the name of its action, in the order of the structure."""

Types = tuple[tuple[int, str], ...]
"""The numbers of some agents, ascending, each with the name of its type, message or action."""

_NAME = re.compile(r"[\w.-]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SEPARATOR = re.compile(r"[;\t]")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


class CellError(ValueError):
    """A cell that cannot be read: what is wrong with it, and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        """Keep message and remedy."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UnknownNameError(CellError):
    """A cell that names something that the defining table does not have."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a table defines.

    ``doubtful``: the table has rows with a broken or repeated name, so that an unknown name may be one of them and is
    not reported once more where it is used.
    """

    names: tuple[str, ...]
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a column: ``distinct[codes[k]]`` is the value of row k, and code -1 marks an unusable cell."""

    codes: NDArray[np.int64]
    distinct: tuple[Any, ...]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which cells have a value."""
        return self.codes >= 0

    def expanded(self) -> list[Any]:
        """Return the value of every row, None where unusable."""
        values = (*self.distinct, None)
        return [values[code] for code in self.codes.tolist()]

    def numbers(self) -> NDArray[np.float64]:
        """Return a column of numbers as an array, NaN where unusable."""
        return np.array((*self.distinct, math.nan), dtype=np.float64)[self.codes]


@dataclass(frozen=True, slots=True)
class TypedTable:
    """A table with typed cells.

    ``rows`` names its rows; ``unread`` counts the rows that could not be split into cells, ``repeated`` those whose
    key is that of an earlier row.
    """

    table: Table
    file: str
    rows: Sequence[Row]
    cells: Mapping[str, Cells]
    unread: int = 0
    repeated: int = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def values(self, column: str) -> list[Any]:
        """Return a column, None where a cell is unusable."""
        return self.cells[column].expanded()

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a cell is unusable."""
        return self.cells[column].numbers()

    def usable(self, *columns: str) -> NDArray[np.bool_]:
        """Tell of each row whether its cells in all these columns have a value."""
        usable = np.ones(len(self.rows), dtype=np.bool_)
        for column in columns:
            usable &= self.cells[column].usable
        return usable

    def unidentified(self) -> int:
        """Return how many rows have a broken or repeated key: each may be the row that seems to be missing."""
        return self.unread + self.repeated + int((~self.usable(*self.table.keys)).sum())


@dataclass(frozen=True, slots=True)
class Data:
    """What a kind checks and builds from: the readable tables, the usable parameters and the names by domain.

    ``places`` maps a parameter's name (``""``: the parameters as a whole) to its file and line.
    """

    tables: Mapping[str, TypedTable]
    parameters: Mapping[str, ParameterValue]
    domains: Mapping[str, tuple[str, ...]]
    given: frozenset[str]
    places: Mapping[str, tuple[str, int | None]]

    def number(self, parameter: str) -> float | None:
        """Return a parameter that is a number, None when it is not given or not usable."""
        value = self.parameters.get(parameter)
        return None if value is None else float(value)

    def place(self, parameter: str) -> tuple[str, int | None]:
        """Return the file and line of a parameter."""
        return self.places.get(parameter, self.places[""])


def parse_name(text: str) -> str:
    """Read a name: letters, digits, ``_``, ``-`` and ``.``."""
    if _NAME.fullmatch(text):
        return text
    bad = "".join(dict.fromkeys(character for character in text if not _NAME.fullmatch(character)))
    raise CellError(f"name {text!r} contains {bad!r}", "use letters, digits, '_', '-' and '.' only")


def choice_parser(column: Column) -> Parser:
    """Return a parser of one of a column's words."""

    def parse(text: str) -> str:
        if text not in column.choices:
            raise CellError(f"unknown {column.name} {text!r}", suggestion(text, column.choices, f"{column.name}s"))
        return text

    return parse


def parse_number(text: str, column: Column) -> float:
    """Read a finite number within the column's bound."""
    if _NOT_FINITE.fullmatch(text):
        raise CellError(f"{text!r} is not a finite number", "give a finite number")
    if not _NUMBER.fullmatch(text):
        raise CellError(f"{text!r} is not a number", "write a number such as 2, 0.5 or 1e-3")
    value = float(text)
    if math.isinf(value):
        raise CellError(f"{text!r} is too large for a number", "choose larger units")
    if column.bound is not None and not column.bound.allows(value):
        raise CellError(f"{column.name} is {text}", f"it must be {column.bound}")
    return value


def member_parser(names: Sequence[str], domain: str) -> Parser:
    """Return a parser of references: the text of a known name becomes its number."""
    numbers = {name: k for k, name in enumerate(names)}

    def parse(text: str) -> int:
        if text not in numbers:
            raise UnknownNameError(f"unknown {domain} {text!r}", suggestion(text, names, f"{domain}s"))
        return numbers[text]

    return parse


def coalition_parser(names: Sequence[str], noun: str = "player") -> Callable[[str], Coalition]:
    """Return a parser of coalitions that remembers what it has read; ``noun`` is what members are called."""
    known: dict[str, Coalition] = {"": 0}
    bits = {name: 1 << k for k, name in enumerate(names)}

    def parse(text: str) -> Coalition:
        found = known.get(text)
        if found:
            return found
        head, _, last = text.rpartition("+")
        smaller, bit = known.get(head), bits.get(last, 0)
        if smaller is not None and bit and not smaller & bit and not text.startswith("+"):
            found = smaller | bit  # one player more than a coalition met before: the rule in long tables
        else:
            try:
                found = parse_coalition(text, names, noun)
            except ValueError as error:
                raise _coalition_error(text, str(error), names, noun) from None
        known[text] = found
        return found

    return parse


def _coalition_error(text: str, message: str, names: Sequence[str], noun: str) -> CellError:
    for part in text.split("+"):
        name = part.strip()
        if name and name not in names:
            return UnknownNameError(message, suggestion(name, names, f"{noun}s"))
    return CellError(message, "write a coalition as A+B, each member once")


def structure_parser(names: Sequence[str]) -> Callable[[str], Structure]:
    """Return a parser of coalition structures; blocks met before are looked up, not parsed again."""
    coalition = coalition_parser(names)
    everyone = (1 << len(names)) - 1

    def parse(text: str) -> Structure:
        try:
            blocks = [coalition(part) for part in text.split("|")]
        except CellError as error:
            raise type(error)(f"{error.message} of structure {text!r}", error.remedy) from None
        union = 0
        for block in blocks:
            union |= block
        if union == everyone and sum(blocks) == everyone:
            return structure_of(blocks)
        try:
            return parse_structure(text, names)
        except ValueError as error:
            raise CellError(str(error), "put every player in exactly one coalition, as in A+B|C") from None

    return parse


def profile_parser(names: Sequence[str]) -> Callable[[str], Profile]:
    """Return a parser of action profiles such as ``A:low|B+C:high``: the action of every coalition of a structure."""
    coalition = coalition_parser(names)
    everyone = (1 << len(names)) - 1

    def parse(text: str) -> Profile:
        found: dict[Coalition, str] = {}
        for part in text.split("|"):
            who, colon, action = part.partition(":")
            if not colon:
                raise CellError(f"{part.strip()!r} of profile {text!r} names no action", "write it as A:low|B:high")
            found[coalition(who.strip())] = parse_name(action.strip())
        union = 0
        for block in found:
            union |= block
        if union != everyone or sum(found) != everyone or len(found) <= text.count("|"):
            message = f"profile {text!r} does not give every player one action"
            raise CellError(message, "put every player in exactly one coalition, as in A+B:joint|C:low")
        return tuple((block, found[block]) for block in structure_of(found))

    return parse


def types_parser(names: Sequence[str], domain: str) -> Callable[[str], Types]:
    """Return a parser of profiles of single agents such as ``A:low|B:high``, of some agents or all."""
    member = member_parser(names, domain)

    def parse(text: str) -> Types:
        found: dict[int, str] = {}
        for part in text.split("|"):
            who, colon, name = (piece.strip() for piece in part.partition(":"))
            if not (who and colon and name):
                raise CellError(
                    f"{part.strip()!r} of profile {text!r} is not {domain}:name", "write it as A:low|B:high"
                )
            try:
                number = member(who)
            except UnknownNameError as error:
                raise UnknownNameError(f"{error.message} in profile {text!r}", error.remedy) from None
            if number in found:
                raise CellError(f"{domain} {who!r} appears twice in profile {text!r}", "keep one of the two")
            found[number] = name
        return tuple(sorted(found.items()))

    return parse


def group_parser(names: Sequence[str], domain: str) -> Callable[[str], tuple[int, ...]]:
    """Return a parser of groups such as ``T+T+H``, with repetitions: type numbers in ascending order."""
    member = member_parser(names, domain)

    def parse(text: str) -> tuple[int, ...]:
        parts = [part.strip() for part in text.split("+")]
        if not all(parts):
            raise CellError(f"group {text!r} has an empty member", "write a group as A+A+B")
        try:
            return tuple(sorted(map(member, parts)))
        except UnknownNameError as error:
            raise UnknownNameError(f"{error.message} in group {text!r}", error.remedy) from None

    return parse


def parser_of(column: Column, domains: Mapping[str, Names]) -> Parser | None:
    """Return the parser of a column's cells, or None when the names it refers to are not known."""
    if column.type is ColumnType.NUMBER:
        return lambda text: parse_number(text, column)
    if column.type in (ColumnType.NAME, ColumnType.LABEL):
        return choice_parser(column) if column.choices else parse_name
    if column.type is ColumnType.FORMULA:
        return _read_formula
    domain = domains.get(column.domain)
    if domain is None:
        return None
    of_domain: dict[ColumnType, Callable[[Sequence[str], str], Parser]] = {
        ColumnType.MEMBER: member_parser,
        ColumnType.GROUP: group_parser,
        ColumnType.COALITION: coalition_parser,
        ColumnType.TYPES: types_parser,
    }
    if column.type in of_domain:
        return of_domain[column.type](domain.names, column.domain)
    return (structure_parser if column.type is ColumnType.STRUCTURE else profile_parser)(domain.names)


def _read_formula(text: str) -> Formula:
    try:
        return parse_formula(text)
    except FormulaError as error:
        raise CellError(error.message, error.remedy) from None


def read_column(column: Column, raw: RawTable, domains: Mapping[str, Names], findings: Findings) -> Cells:
    """Parse one column; every unusable cell is a problem of its own."""
    rows = len(raw.frame)
    if column.name not in raw.frame:
        known = column.default is not None
        return Cells(np.full(rows, 0 if known else -1, dtype=np.int64), (column.default,) if known else ())
    parse = parser_of(column, domains)
    if parse is None:
        return Cells(np.full(rows, -1, dtype=np.int64), ())
    codes, texts = pd.factorize(raw.frame[column.name].to_numpy(dtype=object))
    positions: dict[Any, int] = {}
    lookup = np.full(len(texts), -1, dtype=np.int64)
    errors: dict[int, CellError] = {}
    for k, text in enumerate(texts.tolist()):
        try:
            lookup[k] = positions.setdefault(_value(column, text, parse), len(positions))
        except CellError as error:
            errors[k] = error
    domain = domains.get(column.domain)
    if domain is not None and domain.doubtful:
        errors = {k: error for k, error in errors.items() if not isinstance(error, UnknownNameError)}
    if errors:
        _report_cells(column, raw, codes, errors, findings)
    return Cells(lookup[codes], tuple(positions))


def _value(column: Column, text: str, parse: Parser) -> Any:
    if text:
        return parse(text)
    if column.default is None:
        raise CellError("the cell is empty", f"give the {column.meaning}")
    return column.default


def _report_cells(
    column: Column, raw: RawTable, codes: NDArray[np.intp], errors: Mapping[int, CellError], findings: Findings
) -> None:
    rows = raw.rows()
    texts = raw.frame[column.name].tolist()
    for k in np.flatnonzero(np.isin(codes, list(errors))).tolist():
        error = errors[int(codes[k])]
        findings.add(raw.file, error.message, error.remedy, row=rows[k], column=column.name, value=texts[k])


def read_table(table: Table, raw: RawTable, domains: Mapping[str, Names], findings: Findings) -> TypedTable | None:
    """Check a raw table's columns, cells and keys; None, and a problem, when it has no rows and needs some."""
    _check_columns(table, raw, findings)
    if raw.frame.empty and not raw.unread and not table.may_be_empty:
        remedy = "add one row for each entry" + (", or remove the table" if table.optional else "")
        findings.add(raw.file, f"table {table.name!r} has no rows", remedy)
        return None
    columns = [*table.columns, *_further_columns(table, raw)]
    cells = {column.name: read_column(column, raw, domains, findings) for column in columns}
    typed = TypedTable(table, raw.file, raw.rows(), cells, raw.unread)
    return replace(typed, repeated=_check_keys(typed, raw, findings))


def _check_columns(table: Table, raw: RawTable, findings: Findings) -> None:
    given = [str(name) for name in raw.frame.columns]
    further = {column.name for column in _further_columns(table, raw)}
    unknown = [name for name in given if name not in table.column_names and name not in further]
    taken = set()
    for name in unknown:
        free = [known for known in table.column_names if known not in given]
        match = nearest(name, free)
        taken.add(match)
        remedy = _column_remedy(name, match, table)
        findings.add(raw.file, f"unknown column {name!r}", remedy, row=raw.header_row, column=name, value=name)
    if any(_SEPARATOR.search(name) for name in unknown):
        return
    for column in table.columns:
        if column.name not in given and column.name not in taken and column.default is None:
            message = f"column {column.name!r} is missing"
            findings.add(raw.file, message, f"add it: {column.meaning}", row=raw.header_row, column=column.name)


def _further_columns(table: Table, raw: RawTable) -> list[Column]:
    """Return the columns of numbers beyond those declared; what rather is a declared column misspelt is none."""
    if not table.further:
        return []
    given = [str(name) for name in raw.frame.columns]
    free = [known for known in table.column_names if known not in given]
    return [
        Column(name, ColumnType.NUMBER, "number")
        for name in given
        if name not in table.column_names
        and name.isidentifier()
        and (nearest(name, free) is None or all(map(_NUMBER.fullmatch, raw.frame[name].tolist())))
    ]


def _column_remedy(name: str, match: str | None, table: Table) -> str:
    if _SEPARATOR.search(name):
        return "separate the columns by commas"
    return f"did you mean {match!r}?" if match else suggestion(name, table.column_names, "columns")


def _check_keys(typed: TypedTable, raw: RawTable, findings: Findings) -> int:
    """Report rows whose key is that of an earlier row; return how many."""
    keys = typed.table.keys
    codes = pd.DataFrame({key: typed.cells[key].codes for key in keys})
    identified = codes[typed.usable(*keys)]
    repeated = identified[identified.duplicated()]
    if repeated.empty:
        return 0
    given = [key for key in keys if key in raw.frame]
    first: dict[tuple[int, ...], int] = {}
    for k, key in zip(identified.index.tolist(), identified.itertuples(index=False, name=None), strict=True):
        first.setdefault(key, k)
    for k, key in zip(repeated.index.tolist(), repeated.itertuples(index=False, name=None), strict=True):
        texts = [str(raw.frame[name].iloc[k]) for name in given]
        entry = ", ".join(f"{name} {text!r}" for name, text in zip(given, texts, strict=True) if text)
        message = f"{entry} is given twice, first in row {typed.rows[first[key]]}"
        findings.add(raw.file, message, "keep one of the rows", row=typed.rows[k], column=given[-1], value=texts[-1])
    return len(repeated)


def defined_names(typed: TypedTable, raw: RawTable) -> dict[str, Names]:
    """Return the names that a table defines, by domain; malformed ones count, so that references to them are known."""
    return {
        column.domain: Names(
            tuple(dict.fromkeys(text for text in raw.frame[column.name].tolist() if text)),
            doubtful=typed.unidentified() > 0,
        )
        for column in typed.table.columns
        if column.type is ColumnType.NAME and column.name in raw.frame
    }
