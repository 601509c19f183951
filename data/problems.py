"""What is wrong with an instance: problems with their place and remedy, collected and raised once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Row = int | str
"""A row of a file is its line number; a row of a frame is its index label."""

SHOWN = 20
"""How many names or entries a problem lists."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (file, row, column), the offending value, what is wrong and what to do."""

    file: str
    row: Row | None
    column: str | None
    value: str | None
    message: str
    remedy: str

    def __str__(self) -> str:
        """Write ``file:row:column: message; remedy``; a part of the place that does not apply is left out."""
        place = ":".join(str(part) for part in (self.file, self.row, self.column) if part is not None)
        return f"{place}: {self.message}; {self.remedy}"


class DataError(ValueError):
    """Raised once for an instance, with all of its problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems; the message has one line for each."""
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Write one line for each problem."""
        return "\n".join(map(str, self.problems))


class Findings:
    """Collects the problems of one instance while it is read."""

    def __init__(self) -> None:
        """Start with none."""
        self._problems: list[Problem] = []
        self._files: dict[str, int] = {}

    def expect(self, *files: str) -> None:
        """Fix the order in which the problems of files are listed."""
        for file in files:
            self._files.setdefault(file, len(self._files))

    def add(
        self,
        file: str,
        message: str,
        remedy: str,
        *,
        row: Row | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        """Note one problem."""
        self.expect(file)
        self._problems.append(Problem(file, row, column, value, message, remedy))

    def __bool__(self) -> bool:
        """Tell whether there is any problem."""
        return bool(self._problems)

    def problems(self) -> list[Problem]:
        """Return the problems file by file, in each file by row (problems of a whole file first)."""
        return sorted(self._problems, key=lambda problem: (self._files[problem.file], _row_key(problem.row)))

    def raise_if_any(self) -> None:
        """Raise :class:`DataError` when there is any problem."""
        if self._problems:
            raise DataError(self.problems())


def _row_key(row: Row | None) -> tuple[int, int]:
    return (0, 0) if row is None else (1, row) if isinstance(row, int) else (1, 0)


def nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name most like ``name``, or None when none is alike (case is ignored)."""
    folded = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def counted(amount: float, one: str, many: str, digits: int = 6) -> str:
    """Write ``1 member``, ``3 members`` or ``2.5 people``, with so many significant digits at most."""
    text = f"{amount:.{digits}g}"
    return f"{text} {one if text == '1' else many}"


def suggestion(name: str, known: Sequence[str], what: str) -> str:
    """Return a remedy for an unknown name: the nearest known name, otherwise all known names."""
    match = nearest(name, known)
    if match is not None:
        return f"did you mean {match!r}?"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"known {what}: {', '.join(known[:SHOWN])}{more}" if known else f"there are no {what} here"
