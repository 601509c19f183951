"""Threats as sentences: who can walk away, to what, and who declines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from breakaway.results.wording import GLUE, aligned, apart, braces, listing, number, paragraph, settled, vector

MOST_FAILURES = 8
MOST_DECLINED = 8
"""Most failures, and most threats against one payoff vector, that are spelt out in print."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a breakaway promises its members, and the structure in which it would find itself ("" when none)."""

    breakaway: str
    structure: str
    payoffs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """A coalition that cannot meet all threats; ``structure`` is "" when there is none.

    ``worth`` and ``required`` are not-a-number when what the coalition can share is not a total worth. With
    ``renamed`` each promise stands for those in which identical players are exchanged as well.
    """

    structure: str
    coalition: str
    worth: float
    required: float
    promises: tuple[Promise, ...]
    renamed: bool = False


def promises(frame: pd.DataFrame) -> tuple[Promise, ...]:
    """Gather the rows of a table of threats (one player each) into promises, in the order of the table."""
    found: dict[tuple[str, str, object], dict[str, float]] = {}
    structures = _texts(frame, "resulting_structure")
    for breakaway, structure, threat, player, payoff in zip(
        frame["breakaway"], structures, frame["threat"], frame["player"], frame["payoff"], strict=True
    ):
        found.setdefault((breakaway, structure, threat), {})[player] = payoff
    return tuple(Promise(breakaway, structure, payoffs) for (breakaway, structure, _), payoffs in found.items())


def _texts(frame: pd.DataFrame, column: str) -> Sequence[str]:
    return frame[column].tolist() if column in frame else [""] * len(frame)


def failure_lines(failures: Sequence[Failure], table: str, most: int = MOST_FAILURES) -> list[str]:
    """Write one sentence per failure, each with its reason; beyond ``most`` they are counted."""
    lines = []
    for failure in failures[:most]:
        lines += paragraph(failure_sentence(failure), indent=2, hanging=2)
        lines += paragraph(_reason(failure), indent=4, hanging=2)
    if len(failures) > most:
        lines.append(f"  ... and {len(failures) - most:,} more: see {table}.csv")
    return lines


def failure_sentence(failure: Failure) -> str:
    """Say by how much a coalition falls short and who can walk away to what."""
    where = f"In {failure.structure}, " if "|" in failure.structure else ""
    short = f"falls short by {number(failure.required - failure.worth)}"
    head = f"{where}{braces(failure.coalition)} {'finds no division' if math.isnan(failure.worth) else short}"
    if not failure.promises:
        return f"{head}."
    alone = [promise for promise in failure.promises if len(promise.payoffs) == 1]
    together = [promise for promise in failure.promises if len(promise.payoffs) > 1]
    parts = ([_walk_alone(_in_order(alone, failure.coalition))] if alone else []) + _leave_together(together)
    return f"{head}: {listing(parts) if len(parts) < 3 else '; '.join(parts)}."


def _in_order(alone: Iterable[Promise], coalition: str) -> list[Promise]:
    order = coalition.split("+")
    return sorted(alone, key=lambda promise: order.index(promise.breakaway))


def _walk_alone(alone: Sequence[Promise]) -> str:
    who = listing(promise.breakaway for promise in alone)
    offers = [f"{number(next(iter(p.payoffs.values())))}{_inside(p)}" for p in alone]
    gets = offers[0] if len(set(offers)) == 1 else listing(offers)
    return f"{who} can {'each ' if len(alone) > 1 else ''}walk away to {gets}"


def _inside(promise: Promise) -> str:
    return f" (in{GLUE}{promise.structure})" if promise.structure else ""


def _leave_together(together: Iterable[Promise]) -> list[str]:
    offers: dict[tuple[str, str], list[str]] = {}
    for promise in together:
        offers.setdefault((promise.breakaway, _inside(promise)), []).append(vector(promise.payoffs.values()))
    return [
        f"{braces(breakaway)} can leave together for {listing(vectors, 'or')}{inside}"
        for (breakaway, inside), vectors in offers.items()
    ]


def _reason(failure: Failure) -> str:
    if math.isnan(failure.worth):
        return "Proof: every feasible point gives less than one of these threats to all of its members."
    worth, required = apart(failure.worth, failure.required)
    if not failure.promises:
        return f"It is worth {worth} and needs {required} to meet every threat."
    alone = [promise for promise in failure.promises if len(promise.payoffs) == 1]
    demands = [next(iter(promise.payoffs.values())) for promise in _in_order(alone, failure.coalition)]
    total, worth = apart(sum(demands), failure.worth)
    if len(alone) == len(failure.promises) and sum(demands) > failure.worth:
        terms = f"{' + '.join(map(number, demands))} = " if len(demands) > 1 else ""
        return f"Proof: {terms}{total} > {worth}, its worth."
    count = len(failure.promises)
    these = "this threat" if count == 1 else f"each of these {count} threats"
    alike = ", and each with identical players exchanged," if failure.renamed else ""
    return f"Proof: no division of its worth {worth} in which {these}{alike} is declined by one of its members."


@dataclass(frozen=True, slots=True)
class Declined:
    """A threat that somebody declines: who, what they get, what the threat would give them."""

    promise_by: str
    structure: str
    player: str
    payoff: float
    threat_payoff: float
    tolerance: float

    @property
    def binding(self) -> bool:
        """Whether the player is just as well off by leaving."""
        return settled(self.payoff - self.threat_payoff, self.payoff) <= self.tolerance


def declined(met: pd.DataFrame, tolerance: float, players: Sequence[str]) -> list[Declined]:
    """Return for each threat against one payoff vector the member with least reason to leave.

    Binding threats come first, then those of small coalitions, in the order of ``players``.
    """
    place = {player: k for k, player in enumerate(players)}
    best: dict[tuple[str, str, object], Declined] = {}
    columns = (met["breakaway"], _texts(met, "resulting_structure"), met["threat"], met["player"])
    for who, where, threat, player, payoff, asked in zip(*columns, met["payoff"], met["threat_payoff"], strict=True):
        found = Declined(who, where, player, payoff, asked, tolerance)
        known = best.get((who, where, threat))
        if known is None or payoff - asked > known.payoff - known.threat_payoff:
            best[who, where, threat] = found

    def rank(one: Declined) -> tuple[bool, int, list[int]]:
        members = one.promise_by.split("+")
        return not one.binding, len(members), [place[member] for member in members]

    return sorted(best.values(), key=rank)


def declined_lines(groups: Iterable[tuple[str, Sequence[Declined]]], table: str) -> Iterator[str]:
    """Lay out who declines what: each group is a payoff vector in words and the threats against it."""
    for title, found in groups:
        if not found:
            continue
        yield from paragraph(f"{title}:", indent=2, hanging=2)
        rows = [_declined_row(one) for one in found[:MOST_DECLINED]]
        header: tuple[str, ...] = ("threat of", "declined by", "who gets", "would get", "", "in")
        if not any(one.structure for one in found):
            header, rows = header[:-1], [row[:-1] for row in rows]
        shown = aligned(header, rows, (2, 3))
        yield from ("  " + line for line in shown)
        if len(found) > MOST_DECLINED:
            yield f"    ... and {len(found) - MOST_DECLINED} more: see {table}.csv"


def _declined_row(one: Declined) -> tuple[str, ...]:
    gets, asked = apart(one.payoff, one.threat_payoff)
    if one.binding:
        gets = asked = number(one.payoff)
    return braces(one.promise_by), one.player, gets, asked, "binding" if one.binding else "", one.structure
