"""The printed answers about one coalition's division: games with given threats, and characteristic functions."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping

import pandas as pd

from breakaway.results.payoff_lines import Share, share_lines, shares, solutions_of
from breakaway.results.records import Answer
from breakaway.results.threats import Failure, declined, declined_lines, failure_lines, promises
from breakaway.results.wording import aligned, apart, listing, number, paragraph, plural, settled, vector, yes_no

MOST_SOLUTIONS = 20
MOST_COALITIONS = 31
MOST_STRUCTURES = 15
MOST_PROVEN = 3
"""Most solutions, coalitions, structures and proofs that are listed in print."""


def division_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer about a game with given threats."""
    solutions = solutions_of(answer.tables["solutions"])
    yield paragraph(_division_headline(answer, len(solutions)))
    yield solution_section(answer, solutions, "Solutions, not proven to be all", total=True)
    yield _value_section(answer)
    yield _failure_section(answer)
    yield _proof_section(answer, answer.tables.get("met"))


def characteristic_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer about a game without externalities."""
    solutions = solutions_of(answer.tables["solutions"])
    yield paragraph(_characteristic_headline(answer, bool(solutions)))
    yield solution_section(answer, solutions, "Solutions, not proven to be all", total=True)
    if not solutions:
        yield structure_payoffs(answer)
    yield _coalition_section(answer)
    yield _failure_section(answer)
    yield _theorem_section(answer)
    yield grand_proof(answer)


def grand_name(answer: Answer) -> str:
    """Write the grand coalition."""
    return "+".join(answer.players)


def _division_headline(answer: Answer, count: int) -> str:
    claims = answer.certificate.claims
    if count == 0:
        return "No feasible division meets every threat: some coalition breaks away from each of them."
    if claims.get("zero_product"):
        lead = f"No division that meets every threat gives everybody more than disagreement; there are {count} in all."
        return lead if count > 1 else lead.replace("there are 1 in all", "there is one in all")
    if count > 1:
        return f"{_listed(claims, f'There are {count} coalitional Nash solutions')}."
    payoffs = solutions_of(answer.tables["solutions"])[0]
    gets = listing(f"{player} gets {number(payoff)}" for player, payoff in payoffs.items())
    return f"{_listed(claims, 'There is one coalitional Nash solution')}: {gets}."


def _listed(claims: Mapping[str, object], text: str) -> str:
    return text if claims.get("complete", True) else f"{text} so far; the list is not proven complete"


def solution_section(answer: Answer, solutions: list[dict[str, float]], incomplete: str, *, total: bool) -> list[str]:
    """Return the section of solutions; ``incomplete`` is its title when the list is not claimed to be complete."""
    if not solutions:
        return []
    found = [Share("", f"{k} of {len(solutions)}", x) for k, x in enumerate(solutions[:MOST_SOLUTIONS], start=1)]
    rest = len(solutions) - MOST_SOLUTIONS
    more = [f"  ... and {rest} more: see solutions.csv"] if rest > 0 else []
    title = "Solutions" if answer.certificate.claims.get("complete", True) else incomplete
    return [title, *share_lines(answer.players, found, "", total=total), *more]


def _value_section(answer: Answer) -> list[str]:
    claims = {name: value for name, value in answer.certificate.claims.items() if isinstance(value, int | float)}
    parts = []
    if "log_nash_product" in claims and not claims.get("zero_product"):
        parts.append(f"Log of the Nash product {number(claims['log_nash_product'], 7)}")
        if "upper_bound" in claims:
            parts[0] += f", proven not above {number(claims['upper_bound'], 7)}"
        if "gap" in claims:
            parts[0] += f" (gap {number(settled(claims['gap'], 1.0), 2)})"
    if "required_worth" in claims:
        parts.append(f"Least total that meets every threat: {number(claims['required_worth'])}")
    return parts


def _characteristic_headline(answer: Answer, holds: bool) -> str:
    coalitions = answer.tables["coalitions"]
    row = coalitions[coalitions["coalition"] == grand_name(answer)]
    need = ""
    if not row.empty:
        worth, required = apart(row["worth"].iloc[0], row["required_worth"].iloc[0])
        needs = (
            f"{'and needs only' if holds else 'but needs'} {required}" if worth != required else "and needs all of it"
        )
        need = f": it is worth {worth} {needs} to meet every threat"
    head = f"The grand coalition {grand_name(answer)} {'holds together' if holds else 'does not hold together'}{need}."
    structures = answer.tables.get("structures")
    if holds and answer.certificate.claims.get("zero_product"):
        return f"{head} None of its solutions gives everybody more than disagreement."
    if holds or structures is None:
        return head
    return f"{head} {coarsest_sentence(structures)}"


def coarsest_sentence(structures: pd.DataFrame) -> str:
    """Name the coarsest viable structures."""
    names = structures[structures["coarsest"].astype(bool)]["structure"]
    are = "structure is" if len(names) == 1 else "structures are"
    return f"The coarsest viable {are} {listing(names, most=6)}."


def structure_payoffs(answer: Answer) -> list[str]:
    """Return the section of payoffs in the coarsest viable structures."""
    structures = answer.tables.get("structures")
    if structures is None:
        return []
    payoffs = {str(c): solutions_of(rows) for c, rows in answer.tables["coalition_solutions"].groupby("coalition")}
    names = structures[structures["coarsest"].astype(bool)]["structure"].tolist()
    found = [
        share
        for name in names[:MOST_STRUCTURES]
        for share in shares(name, {block: payoffs.get(block, []) for block in name.split("|")})
    ]
    rest = len(names) - MOST_STRUCTURES
    more = [f"  ... and {rest} more: see structures.csv"] if rest > 0 else []
    return ["Payoffs in the coarsest viable structures", *share_lines(answer.players, found, "structure"), *more]


def _coalition_section(answer: Answer) -> list[str]:
    coalitions = answer.tables["coalitions"]
    size = coalitions["coalition"].str.count(r"\+")
    ordered = coalitions.loc[size.sort_values(kind="stable", ascending=False).index]
    solutions = answer.tables["coalition_solutions"].groupby("coalition")["solution"].nunique()
    unknown = "-" if answer.certificate.claims.get("coalition_solutions") == "partial" else "0"
    rows = [
        _coalition_row(record, str(solutions.get(record["coalition"], unknown if record["viable"] else "0")))
        for record in ordered.head(MOST_COALITIONS).to_dict("records")
    ]
    viable = int(coalitions["viable"].sum())
    rest = len(coalitions) - MOST_COALITIONS
    more = [f"  ... and {rest:,} more: see coalitions.csv"] if rest > 0 else []
    header = ("coalition", "viable", "worth", "required", "slack", "solutions")
    return [f"{plural(len(coalitions), 'coalition')}, {viable:,} viable", *aligned(header, rows, range(2, 6)), *more]


def _coalition_row(record: Mapping[Hashable, object], solutions: str) -> tuple[str, ...]:
    worth, required, slack = (float(str(record[name])) for name in ("worth", "required_worth", "slack"))
    numbers = (number(worth), number(required), number(settled(slack, worth)), solutions)
    return str(record["coalition"]), yes_no(record["viable"]), *numbers


def _failure_section(answer: Answer) -> list[str]:
    listed = answer.tables.get("failures")
    if listed is None or listed.empty:
        return []
    keys = ["coalition"] if "coalition" in listed else []
    groups = listed.groupby(keys, sort=False) if keys else [((grand_name(answer),), listed)]
    failures = [
        Failure("", str(coalition), rows["worth"].iloc[0], rows["required_worth"].iloc[0], promises(rows))
        for (coalition,), rows in groups
    ]
    failures.sort(key=lambda failure: -len(failure.coalition.split("+")))
    title = "Why some coalitions fail" if keys else "Why no division holds"
    return [title, *failure_lines(failures, "failures")]


def _theorem_section(answer: Answer) -> list[str]:
    """Say which theorems apply to the game, and what they lack or fail by."""
    listed = answer.tables.get("theorems")
    if listed is None:
        return []
    everyone = listed[listed["coalition"] == grand_name(answer)].fillna({"lacking": "", "witness": ""})
    rows = [
        (row["statement"], yes_no(row["hypothesis"]), yes_no(row["conclusion"]), row["lacking"], _short(row["witness"]))
        for row in everyone.to_dict("records")
    ]
    return ["Theorems", *aligned(("statement", "assumed", "concluded", "lacking", "witness"), rows)]


def _short(witness: str) -> str:
    """Write the payoffs in a witness as everywhere in print."""
    return " ".join(
        number(float(word)) if re.fullmatch(r"-?[\d.]+(e-?\d+)?", word) else word for word in witness.split()
    )


def grand_proof(answer: Answer) -> list[str]:
    """Return the section of who declines each threat to the grand coalition."""
    met = answer.tables.get("met")
    return _proof_section(answer, None if met is None else met[met["coalition"] == grand_name(answer)])


def _proof_section(answer: Answer, met: pd.DataFrame | None) -> list[str]:
    if met is None or met.empty:
        return []
    tolerance = float(str(answer.certificate.claims.get("tolerance", 0.0)))
    payoffs = answer.tables["solutions"].groupby("solution")["payoff"]
    groups = []
    for solution, rows in met.groupby("solution", sort=False):
        found = declined(rows, tolerance, answer.players)
        binding = sum(one.binding for one in found)
        title = f"{vector(payoffs.get_group(solution))}, {plural(len(found), 'threat')}, {binding} binding"
        groups.append((title, found))
    lines = ["Proof: every threat is declined by a member who gets at least as much by staying"]
    lines += declined_lines(groups[:MOST_PROVEN], "met")
    rest = len(groups) - MOST_PROVEN
    return lines + ([f"  ... and {plural(rest, 'more solution')}: see met.csv"] if rest > 0 else [])
