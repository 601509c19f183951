"""Words and columns for answers on paper: numbers as people write them, lists, sets, aligned tables."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 110
"""Widest line of a printed answer."""
GLUE = "\u00a0"
"""A blank at which no paragraph is broken; it is printed as an ordinary blank."""
_EXACT = 6


def number(value: float, digits: int = 4) -> str:
    """Write a number with ``digits`` significant digits, or up to six when that makes it exact (7.5625, not 7.562).

    There are no trailing zeros, and an exponent only when the number is extreme.
    """
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4 or magnitude > 11:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{_trimmed(mantissa)}e{exponent}"
    short = round(value, _EXACT - 1 - magnitude)
    if digits < _EXACT and abs(value - short) <= 1e-9 * abs(value):
        digits = _EXACT
    return _trimmed(f"{value:.{max(digits - 1 - magnitude, 0)}f}")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def apart(*values: float) -> list[str]:
    """Write numbers with as many digits as it takes to tell those apart that differ."""
    for digits in range(4, 13):
        texts = [number(value, digits) for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def settled(value: float, scale: float, relative: float = 1e-9) -> float:
    """Return 0 for a difference that is rounding noise beside ``scale``, otherwise the value itself."""
    return 0.0 if abs(value) <= relative * max(1.0, abs(scale)) else value


def seconds(value: float) -> str:
    """Write a time span."""
    if value < 0.0995:
        return f"{1000 * value:.2g} ms" if value < 0.01 else f"{1000 * value:.0f} ms"
    return f"{value:.2g} s" if value < 9.95 else f"{value:,.0f} s"


def listing(items: Iterable[str], last: str = "and", most: int | None = None) -> str:
    """Write ``a, b and c``; beyond ``most`` items the rest is counted."""
    words = list(items)
    if most is not None and len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def agents(names: Sequence[str]) -> str:
    """Write names of agents; those that may be read as numbers as ``agents 1 and 2``."""
    plain = all(name[:1].isalpha() for name in names)
    return listing(names) if plain else f"agent{'s' if len(names) > 1 else ''} {listing(names)}"


def braces(coalition: str) -> str:
    """Write the coalition ``A+B`` as the set ``{A,B}``."""
    return "{" + coalition.replace("+", ",") + "}"


def vector(values: Iterable[float]) -> str:
    """Write a payoff vector as ``(9, 4, 3)``."""
    return "(" + ", ".join(number(value) for value in values) + ")"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write ``1 structure`` or ``5 structures``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def yes_no(flag: object) -> str:
    """Write a flag."""
    return "yes" if flag else "no"


def paragraph(text: str, indent: int = 0, hanging: int = 0) -> list[str]:
    """Break a paragraph into lines of at most :data:`WIDTH` characters."""
    start = " " * indent
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=start + " " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(GLUE, " ") for line in lines]


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Iterable[int] = ()) -> list[str]:
    """Lay out a table with two blanks between columns; ``numeric`` columns are aligned at the decimal point."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in header]
    right = set(numeric)
    laid_out = [
        _column(title, _at_point(cells) if k in right else cells, right_aligned=k in right)
        for k, (title, cells) in enumerate(zip(header, columns, strict=True))
    ]
    return [("  " + "  ".join(line)).rstrip() for line in zip(*laid_out, strict=True)]


def _column(title: str, cells: Sequence[str], right_aligned: bool) -> list[str]:
    width = max(map(len, [title, *cells]))
    return [text.rjust(width) if right_aligned else text.ljust(width) for text in (title, *cells)]


def _at_point(cells: Sequence[str]) -> list[str]:
    tails = [len(cell) - cell.index(".") if "." in cell else 0 for cell in cells]
    longest = max(tails, default=0)
    return [cell + " " * (longest - tail) for cell, tail in zip(cells, tails, strict=True)]


def fits(lines: Sequence[str]) -> bool:
    """Tell whether no line is wider than :data:`WIDTH`."""
    return all(len(line) <= WIDTH for line in lines)
