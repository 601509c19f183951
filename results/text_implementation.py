"""The printed answer about robust implementation: which coalitions may act, who gains by lying, who denounces whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from breakaway.results.records import Answer
from breakaway.results.wording import GLUE, agents, aligned, braces, fits, listing, number, paragraph

MOST_ROWS = 12
"""Most rows of a table that are printed."""

NOTHING = 1e-9
"""Weights in a lottery that are not told."""

CONDITIONS = {
    "ex_post_ic": "ex-post incentive compatibility",
    "robust_coalitional_ic": "robust coalitional incentive compatibility",
    "robust_s_ic": "robust S incentive compatibility",
    "weak_pareto_within_range": "weak Pareto efficiency within the range",
    "robust_monotonicity": "robust monotonicity",
    "robust_coalitional_monotonicity": "robust coalitional monotonicity",
    "robust_s_monotonicity": "robust S monotonicity",
    "interior_reward": "interior reward property",
    "conditional_no_total_indifference": "conditional no total indifference",
    "interim_coalitional_ic": "interim coalitional incentive compatibility on the type space",
    "truth_is_interim_s_equilibrium": "truth is an interim S equilibrium on the type space",
}
"""The conditions in words."""

FLAGS = {"true": "yes", "false": "no", "undecided": "not decided"}

Row = dict[str, Any]

_MISREPORT = ("coalition", "true_profile", "reported_profile")


def implementation_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer about a social choice function."""
    yield _headline(answer)
    yield _condition_section(answer)
    yield _violation_section(answer)
    yield from _deception_sections(answer)
    yield from _whistle_sections(answer)
    yield _verdict_section(answer)
    yield _pattern_section(answer)


def _rows(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame by column."""
    return [{str(key): cell for key, cell in row.items()} for row in frame.to_dict("records")]


def _table(answer: Answer, name: str) -> list[Row]:
    return _rows(answer.tables.get(name, pd.DataFrame()))


def _word(cell: object) -> str:
    """Return true, false or undecided."""
    return str(cell).lower()


def _text(cell: object) -> str:
    return "" if cell is None or (isinstance(cell, float) and pd.isna(cell)) else str(cell)


def _more(count: int, most: int, table: str) -> list[str]:
    return [f"  ... and {count - most:,} more: see {table}.csv"] if count > most else []


# --- the first sentences ---------------------------------------------------------------------------------------------


def _headline(answer: Answer) -> list[str]:
    """Say for which coalition patterns the rule can be implemented, for which not, and what stands in the way."""
    rows = _verdicts(answer)
    clauses: list[str] = []
    for verdict, start, next_start in (
        ("true", "is robustly implementable", ""),
        ("false", "is not robustly implementable", "not"),
        ("undecided", "may or may not be robustly implementable", "perhaps"),
    ):
        own = [row for row in rows if _word(row["implementable"]) == verdict]
        if own:
            who = listing(dict.fromkeys(_who(answer, row) for row in own), "or" if verdict == "false" else "and")
            because = _because(answer, own) if verdict == "false" else ""
            clauses.append(f"{next_start if clauses else start} {who}{because}")
    return paragraph(f"The rule {', and '.join(clauses)}.") if clauses else ["Nothing was judged."]


def _verdicts(answer: Answer) -> list[Row]:
    """Return the verdicts of Theorem 2, narrowest pattern first, then that of Theorem 1."""
    rows = [row for row in _table(answer, "verdict") if _theorem(row) == "2"]
    rows.sort(key=lambda row: (row["coalition_pattern"] != "minimal", row["coalition_pattern"] == "maximal"))
    return rows + [row for row in _table(answer, "verdict") if _theorem(row) == "1"]


def _theorem(row: Row) -> str:
    return str(row["theorem"])[-1:]


def _who(answer: Answer, row: Row) -> str:
    """Say for which coalitions a verdict is."""
    pattern = str(row["coalition_pattern"])
    if _theorem(row) == "1":
        return "when coalitions may or may not form"
    if pattern == "minimal":
        return "when only single agents act"
    if pattern == "maximal":
        return "when both may act together" if len(answer.players) == 2 else "when all coalitions may form"
    joint = [braces(coalition) for coalition in pattern.split("|")]
    return f"when {listing(joint, most=4)} may form beside single agents"


def _because(answer: Answer, rows: list[Row]) -> str:
    """Name the misreport by which most is gained where incentives fail, otherwise the reason of a verdict."""
    conditions = {"robust_coalitional_ic" if _theorem(row) == "1" else "robust_s_ic" for row in rows}
    if any(row["coalition_pattern"] == "minimal" for row in rows):
        conditions.add("ex_post_ic")
    found = _violations(answer, conditions)
    if not found:
        reason = _text(rows[0]["reason"]).rstrip(".")
        return f": {reason}" if reason else ""
    worst = max(found, key=_least)
    names = [str(row["agent"]) for row in worst]
    who = "both gain" if len(names) == 2 == len(answer.players) else f"{agents(names)} gain{'s' * (len(names) == 1)}"
    at, said = (_glued(worst[0][key]) for key in ("true_profile", "reported_profile"))
    return f": at {at} {who} by reporting {said}"


def _least(misreport: list[Row]) -> float:
    return min(float(row["gain"]) for row in misreport)


def _glued(profile: object) -> str:
    return str(profile).replace(" ", GLUE)


def _violations(answer: Answer, conditions: Collection[str] | None = None) -> list[list[Row]]:
    """Return the misreports against some conditions (default: any), each once, with the rows of its members."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in _table(answer, "violations"):
        if conditions is None or row["condition"] in conditions:
            key = (*(str(row[name]) for name in _MISREPORT), str(row["condition"]))
            found.setdefault(key, []).append(row)
    unique: dict[tuple[str, ...], list[Row]] = {}
    for key, own in found.items():
        unique.setdefault(key[:-1], own)
    return list(unique.values())


# --- conditions ------------------------------------------------------------------------------------------------------


def _condition_section(answer: Answer) -> list[str]:
    """Show every condition, whether it holds, and for which coalitions."""
    rows = _table(answer, "conditions")
    header = ["condition", "coalitions", "holds"]
    lines = [[_named(row), _pattern(row), FLAGS[_word(row["holds"])]] for row in rows]
    reasons = [_text(row.get("reason")) for row in rows]
    if any(reasons):
        told = aligned([*header, "why"], [[*line, why] for line, why in zip(lines, reasons, strict=True)])
        if fits(told):
            return ["Conditions", *told]
    return ["Conditions", *aligned(header, lines)]


def _named(row: Row) -> str:
    """Return the condition of a row in words."""
    if (row["condition"], row["coalition_pattern"]) == ("interior_reward", "coalitional"):
        return "interior coalitional reward property"
    return CONDITIONS.get(str(row["condition"]), str(row["condition"]))


def _pattern(row: Row) -> str:
    words = {"minimal": "single agents", "maximal": "all", "coalitional": "all"}
    pattern = str(row["coalition_pattern"])
    return words.get(pattern, ", ".join(map(braces, pattern.split("|"))))


def _violation_section(answer: Answer) -> list[str]:
    """Show the misreports by which coalitions gain, largest least gain first."""
    found = sorted(_violations(answer), key=_least, reverse=True)
    rows = []
    for members in found[:MOST_ROWS]:
        for k, row in enumerate(members):
            same = ("", "", "") if k else tuple(str(row[key]) for key in _MISREPORT)
            rows.append((*same, str(row["agent"]), number(row["gain"]), _text(row["others_profile"])))
    if not rows:
        return []
    title = "Who gains by misreporting: each member at those types of the others at which it gains most"
    body = aligned(("coalition", "types", "report", "agent", "gain", "when types are"), rows, (4,))
    return [title, *body, *_more(len(found), MOST_ROWS, "violations")]


# --- deceptions and whistle-blowers ----------------------------------------------------------------------------------


def _deception_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield, for every monotonicity condition that fails, a deception that nobody dissolves; like ones together."""
    frame = answer.tables.get("deceptions", pd.DataFrame())
    if frame.empty:
        return
    told: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for name, own in frame.groupby("deception", sort=False):
        told.setdefault(tuple(_reports(own)), []).append(_condition_name(str(name)))
    for lines, names in told.items():
        title = f"Nobody dissolves this deception, so {listing(names)} {'fails' if len(names) == 1 else 'fail'}"
        body = aligned(("agent", "type", "may report"), list(lines[:MOST_ROWS]))
        yield [*paragraph(title), *body, *_more(len(lines), MOST_ROWS, "deceptions")]


def _condition_name(name: str) -> str:
    """Return a condition in words; its pattern, if named, is left out."""
    return CONDITIONS.get(name.split(" ", maxsplit=1)[0], name)


def _reports(own: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Yield agent, type, and what it may report."""
    last = None
    for (agent, true), rows in own.groupby(["agent", "payoff_type"], sort=False):
        yield (str(agent) if agent != last else "", str(true), " or ".join(map(str, rows["reported_type"])))
        last = agent


def _whistle_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield, for the monotonicity conditions that hold, who dissolves what and how; like ones together."""
    held = {str(row["condition"]) for row in _table(answer, "conditions") if _word(row["holds"]) == "true"}
    told: dict[tuple[str, ...], list[str]] = {}
    for name, own in answer.tables["whistles"].groupby("condition", sort=False):
        if str(name) in held:
            told.setdefault(tuple(_whistles(answer, _rows(own))), []).append(CONDITIONS.get(str(name), str(name)))
    for lines, names in told.items():
        title = f"Why {listing(names)} {'holds' if len(names) == 1 else 'hold'}: who blows the whistle"
        yield [*paragraph(title), *lines]


def _whistles(answer: Answer, own: list[Row]) -> list[str]:
    """Return a line for every whistle-blower, and one reward in full."""
    menus = [_menu(answer, row) for row in own[:MOST_ROWS]]
    rows = [
        (*(str(row[key]) for key in _MISREPORT), number(row["least_gain"]), _reward(menu))
        for row, menu in zip(own, menus, strict=False)
    ]
    header = ("who", "of types", "told to report", "gains at least", "by asking for")
    lines = aligned(header, rows, (3,))
    if not fits(lines):
        lines = aligned(header[:4], [row[:4] for row in rows], (3,))
    return [*lines, *_more(len(own), MOST_ROWS, "whistles"), *_example(own, menus)]


def _menu(answer: Answer, whistle: Row) -> list[dict[str, str]]:
    """Return the rewards of a whistle-blower: what it gets by what the others report."""
    frame = answer.tables.get("rewards", pd.DataFrame())
    keys = [key for key in ("condition", *_MISREPORT, "round") if key in frame.columns and key in whistle]
    for key in keys:
        frame = frame[frame[key] == whistle[key]]
    frame = frame.assign(others_reported=frame["others_reported"].map(_text)) if len(frame) else frame
    menus = [own for _, own in frame.groupby("reward")] if "reward" in frame.columns else [frame][: len(frame)]
    return [{str(k): _lottery(rows) for k, rows in own.groupby("others_reported", sort=False)} for own in menus]


def _reward(menu: list[dict[str, str]]) -> str:
    """Say what a whistle-blower asks for, in a few words."""
    if len(menu) > 1:
        return f"one of {len(menu)} rewards, by what it believes"
    outcomes = list(dict.fromkeys(menu[0].values())) if menu else [""]
    return outcomes[0] if len(outcomes) == 1 else "depends on the reports of others"


def _lottery(own: pd.DataFrame) -> str:
    """Write a lottery with its probabilities; amounts along rays are last."""
    parts = zip(own["outcome"].map(str), own["weight"].astype(float), strict=True)
    some = [(name, number(weight, 3)) for name, weight in parts if abs(weight) > NOTHING]
    return ", ".join(name if weight == "1" else f"{name} ({weight})" for name, weight in some)


def _example(own: list[Row], menus: list[list[dict[str, str]]]) -> list[str]:
    """Write the first reward that depends on the others' reports in full, its most frequent outcome last."""
    for row, menu in zip(own, menus, strict=False):
        if len(menu) == 1 and len(set(menu[0].values())) > 1 and len(menu[0]) <= MOST_ROWS:
            usual, times = Counter(menu[0].values()).most_common(1)[0]
            told = [(others, outcome) for others, outcome in menu[0].items() if times == 1 or outcome != usual]
            rest = [f"{outcome} if {others} is reported" for others, outcome in told]
            rest += [f"{usual} otherwise"] if times > 1 else []
            return paragraph(f"{row['coalition']} of {row['true_profile']} asks for {'; '.join(rest)}.", 2, 2)
    return []


# --- verdicts --------------------------------------------------------------------------------------------------------


def _verdict_section(answer: Answer) -> list[str]:
    """Show what the theorems say, and why."""
    rows = _verdicts(answer)
    if not rows:
        return []
    lines = ["What the theorems say"]
    for row in rows:
        verdict = {"true": "implementable", "false": "not implementable"}.get(_word(row["implementable"]), "undecided")
        reason = _text(row["reason"]).rstrip(".")
        text = f"Theorem {_theorem(row)}, {_who(answer, row)}: {verdict}{': ' + reason if reason else ''}."
        lines += paragraph(text, indent=2, hanging=2)
    return lines


def _pattern_section(answer: Answer) -> list[str]:
    """Show which coalitions help and which hurt; patterns that differ by the names of like agents once."""
    rows = _table(answer, "patterns")
    if not rows:
        return []
    first: dict[Any, list[Row]] = {}
    for row in rows:
        first.setdefault(row["class"], []).append(row)
    keys = ("robust_s_ic", "robust_s_monotonicity", "interior_reward", "implementable")
    lines = [(_pattern(own[0]), str(len(own)), *(FLAGS[_word(own[0][key])] for key in keys)) for own in first.values()]
    header = ("coalitions", "alike", "S-IC", "S-monotone", "interior", "implementable")
    title = "Which coalitions help: what holds when these may form beside single agents"
    return [title, *aligned(header, lines[:MOST_ROWS], (1,)), *_more(len(lines), MOST_ROWS, "patterns")]
