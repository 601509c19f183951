"""The printed answer about a game without transferable utility."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import pandas as pd

from breakaway.results.payoff_lines import solutions_of
from breakaway.results.records import Answer
from breakaway.results.text_divisions import (
    MOST_COALITIONS,
    MOST_STRUCTURES,
    coarsest_sentence,
    grand_name,
    grand_proof,
    solution_section,
    structure_payoffs,
)
from breakaway.results.threats import promises
from breakaway.results.wording import aligned, braces, listing, number, paragraph, plural, vector, yes_no

MOST_POINTS = 12
"""Most blocked points of a coalition that are listed in print."""

EVERY_POINT = "*"
"""Stands in the table of failures for all allocations of a set that is not finite."""


def ntu_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer, each a list of lines."""
    solutions = solutions_of(answer.tables["solutions"])
    yield paragraph(_headline(answer, solutions))
    yield solution_section(answer, solutions, "A solution; there may be more with the product zero", total=False)
    if not solutions:
        yield structure_payoffs(answer)
    yield _failure_section(answer)
    yield _structure_section(answer)
    yield _coalition_section(answer)
    yield _naive_section(answer)
    yield grand_proof(answer)
    yield _proven_section(answer)


def _headline(answer: Answer, solutions: list[dict[str, float]]) -> str:
    grand = grand_name(answer)
    if not solutions:
        return f"The grand coalition {grand} breaks up{_whatever_it_does(answer, grand)}. {_what_holds(answer)}".strip()
    head = f"The grand coalition {grand} holds together"
    claims = answer.certificate.claims
    if claims.get("zero_product"):
        return f"{head}, but whatever meets every threat leaves somebody no more than disagreement."
    if len(solutions) > 1:
        return f"{head}: it has {len(solutions)} coalitional Nash solutions."
    gets = listing(f"{player} gets {number(payoff)}" for player, payoff in solutions[0].items())
    return f"{head}: {gets}."


def _whatever_it_does(answer: Answer, grand: str) -> str:
    failures = answer.tables.get("failures")
    if failures is None or failures[failures["coalition"] == grand].empty:
        return ""
    points = failures.loc[failures["coalition"] == grand, "point"].unique()
    if EVERY_POINT in points:
        return " whatever it does: no feasible allocation meets every threat"
    if len(points) == 1:
        return ": its only feasible point is blocked"
    return f" whatever it does: each of its {len(points)} feasible points is blocked"


def _what_holds(answer: Answer) -> str:
    structures = answer.tables.get("structures")
    if structures is None:
        return ""
    viable = structures["coarsest"].astype(bool).any()
    return coarsest_sentence(structures) if viable else "No coalition structure is viable."


def _failure_section(answer: Answer) -> list[str]:
    failures = answer.tables.get("failures")
    if failures is None or failures.empty:
        return []
    lines = ["Why coalitions break up"]
    groups = sorted(failures.groupby("coalition", sort=False), key=lambda group: -str(group[0]).count("+"))
    for coalition, rows in groups:
        if EVERY_POINT in set(rows["point"]):
            threats = listing(_offer(found) for found in _threats(rows))
            lines += paragraph(f"{braces(str(coalition))}, all allocations: {threats}", indent=2, hanging=2)
            continue
        points = list(rows.groupby("point", sort=False))
        for point, found in points[:MOST_POINTS]:
            lines += paragraph(f"{braces(str(coalition))} at {point}: {_offer(found)}", indent=2, hanging=2)
        if len(points) > MOST_POINTS:
            lines.append(f"  ... and {len(points) - MOST_POINTS} more: see failures.csv")
    return lines


def _threats(rows: pd.DataFrame) -> list[pd.DataFrame]:
    return [found for _, found in rows.groupby(["breakaway", "threat"], sort=False)]


def _offer(rows: pd.DataFrame) -> str:
    (promise,) = promises(rows)
    payoffs = list(promise.payoffs.values())
    if len(payoffs) == 1:
        return f"{promise.breakaway} leaves for {number(payoffs[0])}"
    return f"{braces(promise.breakaway)} leave for {vector(payoffs)}"


def _structure_section(answer: Answer) -> list[str]:
    structures = answer.tables.get("structures")
    if structures is None:
        return []
    order = structures.assign(rank=-structures["viable"].astype(int)).sort_values(["rank", "coalitions"], kind="stable")
    flags = [name for name in ("viable", "coarsest", "efficient") if name in structures]
    rows = [
        [str(record["structure"]), *(yes_no(record[name]) for name in flags)]
        for record in order.head(MOST_STRUCTURES).to_dict("records")
    ]
    rest = len(structures) - MOST_STRUCTURES
    more = [f"  ... and {rest:,} more: see structures.csv"] if rest > 0 else []
    title = f"{plural(len(structures), 'coalition structure')}, {int(structures['viable'].sum()):,} viable"
    return [title, *aligned(["structure", *flags], rows), *more]


def _coalition_section(answer: Answer) -> list[str]:
    coalitions = answer.tables["coalitions"]
    size = coalitions["coalition"].str.count(r"\+")
    ordered = coalitions.loc[size.sort_values(kind="stable", ascending=False).index]
    rows = [_coalition_row(record) for record in ordered.head(MOST_COALITIONS).to_dict("records")]
    rest = len(coalitions) - MOST_COALITIONS
    more = [f"  ... and {rest:,} more: see coalitions.csv"] if rest > 0 else []
    viable = int(coalitions["viable"].sum())
    header = ("coalition", "viable", "solutions", "log product")
    return [f"{plural(len(coalitions), 'coalition')}, {viable:,} viable", *aligned(header, rows, (2, 3)), *more]


def _coalition_row(record: Mapping[Hashable, object]) -> tuple[str, ...]:
    log = float(str(record["log_nash_product"]))
    return str(record["coalition"]), yes_no(record["viable"]), str(record["solutions"]), number(log)


def _naive_section(answer: Answer) -> list[str]:
    coalitions = answer.tables["coalitions"]
    if "naive_agrees" not in coalitions:
        return []
    wrong = coalitions[~coalitions["naive_agrees"].astype(bool)]["coalition"].tolist()
    if not wrong:
        return paragraph("Threats that ignore threats (the naive problem of Theorem 2) give the same solutions.")
    naive = answer.tables["naive_solutions"]
    parts = []
    for coalition in wrong:
        found = solutions_of(naive[naive["coalition"] == coalition])
        parts.append(f"{braces(coalition)} {listing((vector(x.values()) for x in found), most=3) or 'nothing'}")
    return paragraph(
        f"Threats that ignore threats (the naive problem of Theorem 2) would give {listing(parts, most=6)}: "
        "without convex sets the shortcut fails.",
        hanging=2,
    )


def _proven_section(answer: Answer) -> list[str]:
    proven = answer.certificate.claims.get("proven")
    return paragraph(f"Proven: {proven}.", hanging=2) if proven else []
