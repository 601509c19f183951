"""CSV files and frames as raw tables: cells as strings, rows named as the user sees them.

A CSV file is UTF-8 (a byte order mark is tolerated), has a header row, and may have blank lines and comment lines
that start with ``#``. Cells are separated by commas and may be quoted; a cell never spans lines. Rows keep the line
numbers of the file, so that every problem can name its line.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from breakaway.data.problems import Findings, Row
from breakaway.data.schema import ColumnType, Table


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as text.

    ``frame`` has a column of strings for each column of the table, and rows named by line number or index label.
    ``unread`` counts the rows that do not have the columns of the header, which are not in ``frame``.
    """

    file: str
    header_row: int | None
    frame: pd.DataFrame
    unread: int = 0

    def rows(self) -> list[Row]:
        """Return the names of the rows."""
        return [label if isinstance(label, int) else str(label) for label in self.frame.index.tolist()]


def decode(file: str, content: bytes, findings: Findings) -> str | None:
    """Return the text of a UTF-8 file, lines ended by newlines; None, and a problem, when it is not UTF-8."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        findings.add(
            file,
            f"not UTF-8: byte {content[error.start]:#04x} at byte position {error.start} (counted from 0)",
            "save the file with the encoding UTF-8",
            row=content.count(b"\n", 0, error.start) + 1,
        )
        return None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_csv(file: str, content: bytes, findings: Findings) -> RawTable | None:
    """Read a CSV file; None, and problems, when no table can be made of it."""
    text = decode(file, content, findings)
    if text is None:
        return None
    lines = [
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if line and not line.isspace() and not line.startswith("#")
    ]
    if not lines:
        findings.add(file, "the file is empty", "give it a header row and one row for each entry")
        return None
    header_row, header_line = lines[0]
    header = _split(file, header_row, header_line, findings)
    if header is None:
        return None
    _check_header(file, header_row, header, findings)
    return _table_of_lines(file, header_row, header, lines[1:], findings)


def _split(file: str, number: int, line: str, findings: Findings) -> list[str] | None:
    if '"' not in line:
        return [cell.strip() for cell in line.split(",")]
    try:
        (cells,) = csv.reader([line], strict=True, skipinitialspace=True)
    except csv.Error:
        findings.add(
            file,
            "quotation marks do not match",
            "close every quotation mark on its own line, or use none: no cell needs them",
            row=number,
            value=line,
        )
        return None
    return [cell.strip() for cell in cells]


def _check_header(file: str, row: int, header: Sequence[str], findings: Findings) -> None:
    seen: set[str] = set()
    for position, name in enumerate(header, start=1):
        if not name:
            findings.add(
                file, f"column {position} has no name", "name it, or remove the trailing comma of each row", row=row
            )
        elif name in seen:
            findings.add(file, f"column {name!r} appears twice", "keep one of the two", row=row, column=name)
        seen.add(name)


def _table_of_lines(
    file: str, header_row: int, header: Sequence[str], lines: Sequence[tuple[int, str]], findings: Findings
) -> RawTable:
    columns = _columns_of_plain_lines([line for _, line in lines], len(header))
    if columns is not None:
        return RawTable(file, header_row, _frame_of_columns(header, columns, [number for number, _ in lines]))
    numbers: list[int] = []
    rows: list[list[str]] = []
    for number, line in lines:
        cells = _split(file, number, line, findings)
        if cells is None:
            continue
        if len(cells) == len(header):
            numbers.append(number)
            rows.append(cells)
        else:
            _report_ragged(file, number, line, len(cells), header, findings)
    frame = _frame_of_columns(header, list(zip(*rows, strict=True)) if rows else [()] * len(header), numbers)
    return RawTable(file, header_row, frame, unread=len(lines) - len(rows))


def _columns_of_plain_lines(lines: Sequence[str], width: int) -> list[list[str]] | None:
    """Return the cells column by column when every line has ``width`` of them and no quotation mark, else None.

    Long tables are plain, and cut like this they are read several times faster than line by line.
    """
    if not lines or any('"' in line or line.count(",") != width - 1 for line in lines):
        return None
    cells = ",".join(lines).split(",")
    return [[cell.strip() for cell in cells[k::width]] for k in range(width)]


def _report_ragged(file: str, number: int, line: str, count: int, header: Sequence[str], findings: Findings) -> None:
    findings.add(
        file,
        f"{count} {'cell' if count == 1 else 'cells'} where the header has {len(header)} columns ({', '.join(header)})",
        "give every row one cell for each column, separated by commas, with a point as the decimal sign",
        row=number,
        value=line,
    )


def _frame_of_columns(header: Sequence[str], columns: Sequence[Sequence[str]], numbers: Sequence[int]) -> pd.DataFrame:
    """Make a frame of strings; of two columns with one name the first counts."""
    series: dict[str, pd.Series[str]] = {}
    index = pd.Index(numbers, dtype=np.int64)
    for name, cells in zip(header, columns, strict=True):
        if name and name not in series:
            series[name] = pd.Series(cells, index=index, dtype=object)
    return pd.DataFrame(series, index=index)


def raw_of_frame(table: Table, frame: pd.DataFrame, findings: Findings) -> RawTable:
    """Take a caller's frame as a raw table, rows named by its index; the frame itself is never changed.

    A missing value counts as an empty cell, but a NaN in a column of numbers stays a NaN, which is an error: the
    result of a calculation must not turn into a default.
    """
    numeric = {column.name for column in table.columns if column.type is ColumnType.NUMBER}
    if table.further:
        numeric |= {str(label) for label in frame.columns} - set(table.column_names)
    texts: dict[str, list[str]] = {}
    for position, label in enumerate(frame.columns):
        name = str(label)
        if name in texts:
            findings.add(table.name, f"column {name!r} appears twice", "keep one of the two", column=name)
        else:
            texts[name] = [_text(cell, name in numeric) for cell in frame.iloc[:, position].tolist()]
    return RawTable(table.name, None, pd.DataFrame(texts, index=frame.index, dtype=object))


def _text(cell: object, numeric: bool) -> str:
    if cell is None or cell is pd.NA:
        return ""
    if isinstance(cell, float):
        if cell != cell and not numeric:  # noqa: PLR0124 - NaN is the value that differs from itself
            return ""
        return repr(float(cell))
    return str(cell).strip()
