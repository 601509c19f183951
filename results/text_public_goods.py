"""The printed answer about a public-goods economy: which outcomes hold, who would walk away, the Lindahl outcome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from breakaway.results.records import Answer
from breakaway.results.wording import GLUE, agents, aligned, fits, listing, number, paragraph, plural, settled

MOST_OUTCOMES = 20
MOST_ROWS = 20
MOST_NAMED = 5
"""Most outcomes, rows of a table, and agents of a sentence that are printed."""

NOTHING = 1e-7
"""Smallest action that is not printed as 0."""


def public_goods_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer about outcomes of a public-goods economy."""
    yield from _headlines(answer)
    yield _outcome_section(answer)
    yield _deviation_section(answer)
    yield _proof_section(answer)
    yield _lindahl_section(answer)
    yield _zero_section(answer)


def _headlines(answer: Answer) -> Iterator[list[str]]:
    """One sentence for every outcome, and one for those that are left out."""
    outcomes = _rows(answer.tables["membership"])
    lines: list[str] = []
    for row in outcomes[:MOST_OUTCOMES]:
        lines += paragraph(f"{row['outcome']}: {_verdict(answer, row)}", hanging=2)
    rest = len(outcomes) - MOST_OUTCOMES
    if rest > 0:
        inside = sum(bool(row["in_core"]) for row in outcomes if not pd.isna(row["in_core"]))
        lines.append(f"... and {rest:,} more outcomes; {inside:,} of all {len(outcomes):,} are in the core")
    yield lines


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame by column."""
    return [{str(key): cell for key, cell in row.items()} for row in frame.to_dict("records")]


def _verdict(answer: Answer, row: dict[str, Any]) -> str:
    in_core, eps = row["in_core"], answer.certificate.claims.get("eps")
    if pd.isna(in_core):
        if row.get("status") == "not decided":
            return "not decided before a limit was reached."
        about = f"about {number(eps, 2)}" if isinstance(eps, float) else "as good as nothing"
        return (
            f"on the boundary: the most that all members of some coalition can gain is {about}, too little to say "
            "whether they would walk away."
        )
    if in_core:
        return "in the core: no coalition can do better alone."
    return f"not in the core: {_walk(answer, row['outcome'])}"


def _walk(answer: Answer, outcome: str) -> str:
    """Say who would walk away, and what they would do and gain."""
    members = _rows(_of(answer.tables["deviation"], outcome))
    names = [row["agent"] for row in members]
    endless = outcome in _listed(answer.certificate.claims.get("unbounded"))
    limit = ", and there is no limit to what can be gained" if endless else ""
    if len(names) == 1:
        (only,) = members
        acts = "do nothing" if _action(only) == "0" else f"act at {_action(only)}"
        return f"{agents(names)} alone would walk away, {acts} and gain {number(only['gain'])}{limit}."
    least = number(min((row["gain"] for row in members), default=float("nan")))
    if len(names) == len(answer.players):
        everybody = "both" if len(names) == 2 else f"all {len(names):,}"
        return f"{everybody} together can do better, and each would gain at least {least}{limit}."
    who = agents(names) if len(names) <= MOST_NAMED else f"{len(names):,} of {len(answer.players):,} agents"
    return f"{who} would walk away together, and each would gain at least {least}{limit}."


def _action(row: dict[str, Any]) -> str:
    """Write an action; 0 when it is but rounding."""
    return number(settled(row["action"], 1.0, NOTHING))


def _listed(claim: object) -> list[str]:
    return [str(name) for name in claim] if isinstance(claim, list | tuple) else []


def _of(frame: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Return the rows of one outcome."""
    return frame[frame["outcome"] == outcome]


def _flag(cell: object) -> str:
    return "-" if cell is None or pd.isna(cell) else ("yes" if cell else "no")  # type: ignore[call-overload]


# --- tables ----------------------------------------------------------------------------------------------------------


def _outcome_section(answer: Answer) -> list[str]:
    outcomes = _rows(answer.tables["membership"])
    flags = ("in_core", "pareto_efficient", "individually_rational", "lindahl")
    rows = [(str(row["outcome"]), *(_flag(row[name]) for name in flags)) for row in outcomes[:MOST_OUTCOMES]]
    if not rows:
        return ["No outcome was judged."]
    header = ("outcome", "in the core", "Pareto efficient", "individually rational", "Lindahl")
    return ["What holds of each outcome", *aligned(header, rows), *_more(len(outcomes), MOST_OUTCOMES, "membership")]


def _deviation_section(answer: Answer) -> list[str]:
    deviation = answer.tables["deviation"]
    if deviation.empty:
        return []
    rows, last = [], None
    for row in _rows(deviation)[:MOST_ROWS]:
        outcome = row["outcome"] if row["outcome"] != last else ""
        last = row["outcome"]
        rows.append((str(outcome), str(row["agent"]), _action(row), number(row["gain"])))
    title = "Who would walk away: the largest coalition, what its members do while others do nothing, and their gains"
    body = aligned(("outcome", "agent", "action", "gain"), rows, (2, 3))
    return [title, *body, *_more(len(deviation), MOST_ROWS, "deviation")]


def _more(count: int, most: int, table: str) -> list[str]:
    return [f"  ... and {count - most:,} more: see {table}.csv"] if count > most else []


# --- proof -----------------------------------------------------------------------------------------------------------


def _proof_section(answer: Answer) -> list[str]:
    """Say how many rounds it took until the bounds of deviations left nobody, or only those who deviate."""
    bounds = answer.tables.get("proof", answer.tables.get("elimination", pd.DataFrame()))
    if bounds.empty:
        return []
    rounds = bounds.groupby("outcome", sort=False)["round"].max()
    ends = bounds[bounds["round"] == bounds["outcome"].map(rounds)].groupby("outcome")["bound"].max()
    words = {name: f"{name} ({plural(int(rounds[name]), 'round')})".replace(" ", GLUE) for name in rounds.index}
    inside = answer.tables["membership"].set_index("outcome")["in_core"]
    held = [words[name] for name in words if _flag(inside[name]) == "yes" and ends[name] == 0]
    left = [words[name] for name in words if _flag(inside[name]) == "no" and ends[name] > 0]
    parts = []
    if held:
        parts.append(f"They fall to 0 for {listing(held, most=6)}: nobody can walk away.")
    if left:
        parts.append(f"They leave only the coalition named for {listing(left, most=6)}: no larger one walks away.")
    start = "Proof: from round to round, upper bounds of everybody's action in any deviation fall."
    return paragraph(" ".join([start, *parts]), hanging=2) if parts else []


# --- Lindahl ---------------------------------------------------------------------------------------------------------


def _lindahl_section(answer: Answer) -> list[str]:
    """Show the Lindahl outcome with what part of others' marginal costs each agent pays, or say why there is none."""
    lindahl, claims = answer.tables.get("lindahl", pd.DataFrame()), answer.certificate.claims
    if lindahl.empty:
        reason = claims.get("lindahl_reason")
        return paragraph(f"No Lindahl outcome: {reason}.", hanging=2) if reason else []
    unique = claims.get("lindahl_unique")
    known = (" (the only one)" if unique else " (one of several)") if isinstance(unique, bool) else ""
    shares = [column for column in lindahl.columns if str(column).startswith("share_")]
    lines = _lindahl_lines(lindahl, shares)
    if shares and fits(lines):
        title = f"The Lindahl outcome{known}, and what part of another's marginal cost each agent pays"
    else:
        title, lines = (
            f"The Lindahl outcome{known}; shares of costs: see lindahl_prices.csv",
            _lindahl_lines(lindahl, []),
        )
    return [title, *lines, *_more(len(lindahl), MOST_ROWS, "lindahl")]


def _lindahl_lines(lindahl: pd.DataFrame, shares: list[str]) -> list[str]:
    rows = [
        (str(row["agent"]), *(number(row[name]) for name in ("action", "utility")), *_shares(row, shares))
        for row in _rows(lindahl)[:MOST_ROWS]
    ]
    header = ("agent", "action", "utility", *(f"of {name.removeprefix('share_')}" for name in shares))
    return aligned(header, rows, range(1, len(header)))


def _shares(row: dict[str, Any], shares: list[str]) -> list[str]:
    own = f"share_{row['agent']}"
    return ["-" if name == own else number(row[name], 3) for name in shares]


def _zero_section(answer: Answer) -> list[str]:
    zero = answer.certificate.claims.get("zero_in_core")
    if not isinstance(zero, bool):
        return []
    return ["That nobody acts at all is in the core." if zero else "That nobody acts at all is not in the core."]
