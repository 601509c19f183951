"""The printed answer about a market of small groups: groups that form, what everybody gets, how far it is proven."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from breakaway.results.records import Answer
from breakaway.results.wording import aligned, number, paragraph, plural, settled

MOST_GROUPS = 20
MOST_TYPES = 20
"""Most groups and types that are listed in print."""


def group_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer about a stable assignment."""
    yield paragraph(_headline(answer))
    yield _group_section(_in_words(answer))
    yield _payoff_section(answer)
    yield _unique_section(answer)
    yield _growing_section(answer)


def _headline(answer: Answer) -> str:
    welfare = answer.tables["welfare"].iloc[0]
    primal, dual, gap = (float(welfare[name]) for name in ("primal", "dual", "gap"))
    priced = int(welfare["groups_priced"])
    formed = plural(len(answer.tables["assignment"]), "group")
    if answer.certificate.claims.get("complete"):
        proof = (
            f"none of the {priced:,} permitted groups could do better"
            if priced
            else "no permitted group could do better"
        )
        return f"A stable assignment with {formed} is worth {number(primal, 8)}: {proof} (gap {number(gap, 2)})."
    if math.isnan(primal):
        return f"No assignment was found; none is worth more than {number(dual, 8)}."
    if math.isinf(dual):
        return f"Stopped with {formed} worth {number(primal, 8)}; what others may be worth is not known."
    return (
        f"Stopped with {formed} worth {number(primal, 8)}; no assignment is worth more than {number(dual, 8)} "
        f"(gap {number(gap, 2)})."
    )


def _in_words(answer: Answer) -> pd.DataFrame:
    """Return the assignment with its groups in words: ``2 T + H``, or amounts of people, ``0.2 T + 0.1 H``."""
    assignment = answer.tables["assignment"]
    if "composition" not in answer.tables:
        return assignment.assign(group=[group_in_words(group, answer.players) for group in assignment["group"]])
    between = _between(answer.players)
    parts: dict[str, list[str]] = {}
    columns = (answer.tables["composition"][name].tolist() for name in ("group", "type", "amount"))
    for group, name, amount in zip(*columns, strict=True):
        parts.setdefault(group, []).append(f"{number(amount)}{between}{name}")
    return assignment.assign(group=[" + ".join(parts.get(group, [])) for group in assignment["group"]])


def _group_section(assignment: pd.DataFrame) -> list[str]:
    if assignment.empty:
        return []
    total = assignment["mass"] * assignment["surplus"]
    ordered = assignment.loc[total.sort_values(ascending=False, kind="stable").index]
    columns = (ordered[name].tolist()[:MOST_GROUPS] for name in ("group", "mass", "surplus"))
    rows = [
        (group, number(mass), number(surplus), number(mass * surplus))
        for group, mass, surplus in zip(*columns, strict=True)
    ]
    rest = len(assignment) - MOST_GROUPS
    more = [f"  ... and {rest:,} more: see assignment.csv"] if rest > 0 else []
    return ["Groups that form", *aligned(("group", "how many", "surplus of one", "of all"), rows, range(1, 4)), *more]


def group_in_words(group: str, types: Sequence[str]) -> str:
    """Write ``T+T+H`` as ``2 T + H``; where a type's name may be read as a number, ``2+3+3`` as ``1 × 2 + 2 × 3``."""
    counts, between = Counter(group.split("+")), _between(types)
    always = between != " "
    return " + ".join(f"{times}{between}{name}" if always or times > 1 else name for name, times in counts.items())


def _between(types: Sequence[str]) -> str:
    """Return what stands between a count and a name: a blank when every name begins with a letter."""
    return " " if all(name[:1].isalpha() for name in types) else " × "


def _payoff_section(answer: Answer) -> list[str]:
    imputation = answer.tables["imputation"]
    if imputation["payoff"].isna().all():
        return []
    ranged = bool(imputation["payoff_min"].notna().any())
    scale = float(imputation["payoff"].abs().max()) or 1.0
    columns = ("type", "payoff", "payoff_min", "payoff_max")
    rows = [
        (
            name,
            *(number(scale * settled(value / scale, 1.0)) for value in ((payoff, low, high) if ranged else (payoff,))),
        )
        for name, payoff, low, high in zip(*(imputation[column].tolist() for column in columns), strict=True)
    ]
    header = ("type", "payoff", "least", "most") if ranged else ("type", "payoff")
    rest = len(rows) - MOST_TYPES
    more = [f"  ... and {rest:,} more: see imputation.csv"] if rest > 0 else []
    bounding = "Payoffs that prove the bound" if answer.certificate.claims.get("complete") is False else None
    title = bounding or "What a member of each type gets" + (", of all stable payoffs" if ranged else "")
    return [title, *aligned(header, rows[:MOST_TYPES], range(1, len(header))), *more]


def _unique_section(answer: Answer) -> list[str]:
    claims = answer.certificate.claims
    words = {True: "the only one", False: "one of many", None: "not known to be the only one"}
    parts = [
        f"{what} {words[flag if isinstance(flag, bool) else None]}"
        for what, key in (("the imputation is", "imputation_unique"), ("the assignment is", "assignment_unique"))
        if key in claims
        for flag in (claims[key],)
    ]
    said = f"{'; '.join(parts)}."[:1].upper() + f"{'; '.join(parts)}."[1:] if parts else ""
    left_out = f"The ranges are {claims['ranges']}." if "ranges" in claims else ""
    return paragraph(" ".join(filter(None, (said, left_out)))) if said or left_out else []


def _growing_section(answer: Answer) -> list[str]:
    """Say what the market is worth with groups of up to N members, and whether more may be to come."""
    if "growing" not in answer.tables:
        return []
    table = answer.tables["growing"]
    columns = ("max_size", "welfare", "upper_bound", "increase", "largest_formed")
    rows = [
        (str(size), number(welfare, 8), number(bound, 8), number(added, 4), str(largest) if largest else "-")
        for size, welfare, bound, added, largest in zip(*(table[name].tolist() for name in columns), strict=True)
    ]
    header = ("up to", "worth", "at most", "added", "largest that forms")
    notes = [
        line
        for size, note in zip(table["max_size"], table["note"], strict=True)
        if note
        for line in paragraph(f"Up to {size}: {note}.", indent=2, hanging=2)
    ]
    return ["With groups of up to so many members", *aligned(header, rows, range(5)), *notes]
