"""The printed answer about a game in strategic form without transfers: verdict, equilibria, failures, proofs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

import pandas as pd

from breakaway.results.records import Answer
from breakaway.results.text_structures import MOST_OF_MANY, MOST_STRUCTURES, in_reading_order, proof_section
from breakaway.results.threats import MOST_FAILURES, Failure, failure_sentence, promises
from breakaway.results.wording import aligned, braces, fits, listing, number, paragraph, plural, yes_no

MOST_EQUILIBRIA = 12
"""Most equilibria that are listed in print."""

_VERB = {"threat": "blocked by a threat to", "disagreement": "below disagreement for a member of"}


def strategic_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer, each a list of lines."""
    structures = in_reading_order(answer.tables["structures"])
    yield _headline(answer, structures)
    yield _structure_section(structures)
    yield _equilibrium_section(answer, structures)
    yield _failure_section(answer, structures)
    yield proof_section(answer)


def _headline(answer: Answer, structures: pd.DataFrame) -> list[str]:
    """Say in a sentence or two whether the grand coalition holds, and what does."""
    grand = "+".join(answer.players)
    row = structures[structures["coalitions"] == 1]
    if row.empty:
        return paragraph(f"The grand coalition {grand} has not been judged yet.")
    if row["viable"].iloc[0]:
        count = plural(int(row["equilibria"].iloc[0]), "joint action")
        first = f"The grand coalition {grand} holds together: it has {count} that nobody can improve on by leaving."
        return paragraph(first)
    coarsest = structures[structures["coarsest"].astype(bool)]["structure"]
    efficient = structures[structures["efficient"].astype(bool)]["structure"]
    are = "structure is" if len(coarsest) == 1 else "structures are"
    second = f"The coarsest viable {are} {listing(coarsest, most=6)}."
    third = " No equilibrium of any structure is efficient." if efficient.empty else ""
    return paragraph(f"The grand coalition {grand} does not hold together. {second}{third}")


def _structure_section(structures: pd.DataFrame) -> list[str]:
    title = f"{plural(len(structures), 'coalition structure')}, {int(structures['viable'].sum()):,} viable"
    shown = structures
    if len(structures) > MOST_STRUCTURES:
        shown = structures[structures["coarsest"].astype(bool)].head(MOST_OF_MANY)
        title += f"; {len(shown)} of {int(structures['coarsest'].sum())} coarsest viable (all: structures.csv)"
    rows = [
        [
            str(row["structure"]),
            *(yes_no(row[flag]) for flag in ("viable", "coarsest", "efficient")),
            f"{int(row['equilibria']):,}",
        ]
        for row in shown.to_dict("records")
    ]
    return [title, *aligned(["structure", "viable", "coarsest", "efficient", "equilibria"], rows, [4])]


def _equilibrium_section(answer: Answer, structures: pd.DataFrame) -> list[str]:
    """List actions and payoffs in the equilibria of the coarsest viable structures."""
    names = structures[structures["coarsest"].astype(bool)]["structure"].tolist()
    actions, payoffs = answer.tables["equilibria"], answer.tables["payoffs"]
    payoff_of = _payoffs(payoffs[payoffs["structure"].isin(names)])
    rows = []
    for name in names:
        for k, own in actions[actions["structure"] == name].groupby("solution", sort=True):
            gets = [number(payoff_of[name, k][player]) for player in answer.players]
            rows.append([name, str(k), ", ".join(own["action"]), *gets])
    if not rows:
        return []
    header = ["structure", "number", "actions", *answer.players]
    lines = aligned(header, rows[:MOST_EQUILIBRIA], range(3, len(header)))
    if not fits(lines):
        lines = [line for row in rows[:MOST_EQUILIBRIA] for line in _in_words(row, answer.players)]
    rest = len(rows) - MOST_EQUILIBRIA
    more = [f"  ... and {plural(rest, 'more equilibrium', 'more equilibria')}: see equilibria.csv"] if rest > 0 else []
    return ["Equilibria of the coarsest viable structures, with payoffs", *lines, *more]


def _payoffs(frame: pd.DataFrame) -> dict[tuple[str, int], dict[str, float]]:
    found: dict[tuple[str, int], dict[str, float]] = {}
    columns = (frame[name] for name in ("structure", "solution", "player", "payoff"))
    for structure, solution, player, payoff in zip(*columns, strict=True):
        found.setdefault((structure, solution), {})[player] = payoff
    return found


def _in_words(row: list[str], players: tuple[str, ...]) -> list[str]:
    gets = listing(f"{player} gets {payoff}" for player, payoff in zip(players, row[3:], strict=True))
    return paragraph(f"{row[0]} (number {row[1]}), actions {row[2]}: {gets}", indent=2, hanging=4)


def _failure_section(answer: Answer, structures: pd.DataFrame) -> list[str]:
    failing = structures[~structures["viable"].astype(bool)]["structure"].tolist()
    if not failing:
        return []
    most = MOST_OF_MANY if len(structures) > MOST_STRUCTURES else MOST_FAILURES
    lines = ["Why the others fail"]
    for name in failing[:most]:
        lines += _why(answer, name)
    more = f"  ... and {plural(len(failing) - most, 'more structure')}: see failures.csv and refusals.csv"
    return [*lines, *([more] if len(failing) > most else [])]


def _why(answer: Answer, structure: str) -> list[str]:
    """Explain one structure: coalitions that no joint action serves, or a count of what upsets its profiles."""
    blocks = answer.tables["blocks"]
    stuck = blocks[(blocks["structure"] == structure) & ~blocks["viable"].astype(bool)]["coalition"]
    listed = answer.tables.get("failures")
    nan = float("nan")
    lines = []
    for coalition in stuck:
        rows = (
            None if listed is None else listed[(listed["structure"] == structure) & (listed["coalition"] == coalition)]
        )
        failure = Failure(structure, coalition, nan, nan, () if rows is None else promises(rows))
        sentence = failure_sentence(failure).replace("finds no division", "finds no joint action that holds")
        lines += paragraph(sentence, indent=2, hanging=2)
        if failure.promises:
            lines.append("    Proof: whatever it does, one of these threats gives more to all who make it.")
    if not lines:
        lines = paragraph(f"{structure} has no equilibrium{_counted(answer, structure)}.", indent=2, hanging=2)
    return lines


def _counted(answer: Answer, structure: str) -> str:
    refusals = answer.tables.get("refusals")
    if refusals is None:
        return ""
    own = refusals[refusals["structure"] == structure]
    parts = [
        _phrase(coalition, reason, len(rows))
        for (coalition, reason), rows in own.groupby(["coalition", "reason"], sort=True)
    ]
    return f": of its {plural(len(own), 'profile')}, {listing(parts)} (refusals.csv lists them)"


def _phrase(coalition: Hashable, reason: Hashable, count: int) -> str:
    verb = "is" if count == 1 else "are"
    if reason == "better answer":
        return f"{braces(str(coalition))} has a better answer at {count:,}"
    words: Mapping[str, str] = _VERB
    return f"{count:,} {verb} {words[str(reason)]} {braces(str(coalition))}"
