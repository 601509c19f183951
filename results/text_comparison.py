"""The printed comparison of solution concepts: what each gives whom, and whether anybody would walk away from it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

import pandas as pd

from breakaway.results.payoff_lines import Share, share_lines, solutions_of
from breakaway.results.records import Answer
from breakaway.results.wording import aligned, braces, fits, listing, number, paragraph, plural

MOST_SOLUTIONS = 8
"""Most solutions of one concept that are listed in print."""


def comparison_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of a comparison."""
    lines = answer.tables["concepts"].to_dict("records")
    yield paragraph(_headline(answer, lines))
    yield _payoff_section(answer, lines)
    yield _note_section(lines)
    yield _walkers_section(answer)


def _headline(answer: Answer, lines: Sequence[Mapping[Hashable, object]]) -> str:
    standing = answer.tables["standing"]
    known = [line for line in lines if _judged_by_its_points(line)]
    held = [str(line["concept"]) for line in known if _all(standing, str(line["concept"]), "unblocked")]
    core = [str(line["concept"]) for line in lines if _all(standing, str(line["concept"]), "in_core")]
    solved = sum(line["status"] == "solved" for line in lines)
    head = f"{plural(len(lines), 'solution concept')}, {solved} with a solution."
    if standing["unblocked"].notna().any():
        head += (
            f" No credible threat blocks: {listing(held)}." if held else " Credible threats block every one of them."
        )
    if standing["in_core"].notna().any():
        head += f" In the core: {listing(core)}." if core else " None is in the core."
    return head


def _judged_by_its_points(line: Mapping[Hashable, object]) -> bool:
    """Tell whether a whole solution set is unblocked when the points listed are: what the core contains is."""
    one_point = line["solutions"] == 1 and bool(line["complete"])
    return line["shape"] == "points" or one_point or line["concept"] == "core"


def _all(standing: pd.DataFrame, concept: str, column: str) -> bool:
    flags = standing[standing["concept"] == concept][column]
    return len(flags) > 0 and all(flag is True or flag == 1 for flag in flags)


def _payoff_section(answer: Answer, lines: Sequence[Mapping[Hashable, object]]) -> list[str]:
    by_concept = {str(name): rows for name, rows in answer.tables["solutions"].groupby("concept", sort=False)}
    standing = {(row["concept"], row["solution"]): row for row in answer.tables["standing"].to_dict("records")}
    rows, found = [], []
    for line in lines:
        concept = str(line["concept"])
        solutions = solutions_of(by_concept[concept]) if concept in by_concept else []
        if not solutions:
            rows.append([concept, str(line["status"]), *[""] * len(answer.players), "", ""])
        for k, payoffs in enumerate(solutions[:MOST_SOLUTIONS], start=1):
            which = _which(line, k, len(solutions))
            stands = standing[concept, k]
            found.append(Share(concept, which, payoffs))
            cells = [number(payoffs[player]) for player in answer.players]
            rows.append(
                [concept if k == 1 else "", which, *cells, _flag(stands["in_core"]), _flag(stands["unblocked"])]
            )
        if len(solutions) > MOST_SOLUTIONS:
            rows.append(["", f"... {len(solutions)} in all", *[""] * len(answer.players), "", ""])
    header = ["concept", "solution", *answer.players, "in core", "unblocked"]
    laid_out = aligned(header, rows, range(2, 2 + len(answer.players)))
    return laid_out if fits(laid_out) else share_lines(answer.players, found, "concept")


def _which(line: Mapping[Hashable, object], k: int, of: int) -> str:
    if line["shape"] == "polytope":
        return f"vertex {k} of {of}" if line["complete"] else "one of many"
    if not line["complete"]:
        return f"{k} of at least {of}"
    return "only" if of == 1 else f"{k} of {of}"


def _flag(value: object) -> str:
    return "-" if value is None or pd.isna(value) else ("yes" if value else "no")  # type: ignore[call-overload]


def _note_section(lines: Sequence[Mapping[Hashable, object]]) -> list[str]:
    """Write the notes; concepts that have the same one share a paragraph, where the first of them stands."""
    noted: dict[str, list[str]] = {}
    for line in lines:
        if isinstance(line["note"], str) and line["note"]:
            noted.setdefault(line["note"], []).append(str(line["concept"]))
    return [text for note, names in noted.items() for text in paragraph(f"{listing(names)}: {note}.", hanging=2)]


def _walkers_section(answer: Answer) -> list[str]:
    """Say who walks away from the solutions that some threat blocks."""
    standing = answer.tables["standing"]
    blocked = standing[standing["unblocked"] == False]  # noqa: E712  # None means not known
    if blocked.empty:
        return []
    lines = ["Who would walk away"]
    for concept, rows in blocked.groupby("concept", sort=False):
        first = rows.iloc[0]
        who = braces(str(first["breakaway"]))
        gain = number(float(first["threat_gain"]))
        which = "" if len(rows) == 1 else f" (solution {first['solution']}; {len(rows)} in all are blocked)"
        lines += paragraph(f"{concept}{which}: {who}, whose members gain at least {gain} each", indent=2, hanging=2)
    return lines
