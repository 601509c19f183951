"""The same game by several methods and solvers: value, bound, gap, time and agreement side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from breakaway.data.families import AnyGame
from breakaway.results.records import Answer
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.dispatch import solve_game
from breakaway.runners.solvers import SolveError

AGREE = 1e-6
"""Payoffs and log products that differ by no more (relative to the largest payoff) agree."""

COLUMNS = ("method", "status", "value", "bound", "gap", "solutions", "viable", "seconds", "agrees", "note")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to solve: ``exact``, or a solver with an optional formulation, written ``scip:disjunctive``."""

    name: str
    how: HowToSolve


def contenders(names: Sequence[str], how: HowToSolve) -> list[Contender]:
    """Read names such as ``exact``, ``highs``, ``highs:chain_flow``, ``scip``, ``scip:disjunctive``.

    Raises
    ------
    ValueError
        When no name is given.
    """
    if not names:
        raise ValueError("no solvers to compare; name some, such as exact,highs,scip")
    result = []
    for name in names:
        solver, _, formulation = name.partition(":")
        if solver == "exact":
            result.append(Contender(name, replace(how, method="exact")))
        else:
            result.append(Contender(name, replace(how, method="model", solver=solver, formulation=formulation or None)))
    return result


def compare(game: AnyGame, entries: Sequence[Contender], progress: Progress = lambda _: None) -> pd.DataFrame:
    """Solve a game in every way and tabulate the answers.

    Returns
    -------
    One row per way: ``status``; ``value`` (log Nash product, or the number of viable structures of a map), ``bound``
    and ``gap`` (the largest gap of any division of a map); numbers of solutions and of viable structures or coalitions;
    wall-clock ``seconds``; ``agrees`` with the first way that answered; a ``note`` on failures and differences.

    Raises
    ------
    KeyboardInterrupt
        When the user interrupts.
    """
    first: Answer | None = None
    rows = []
    for entry in entries:
        progress(f"solving by {entry.name}")
        start = time.perf_counter()
        try:
            answer = solve_game(game, replace(entry.how, verify=False, detail="none"))
        except UnfinishedError as stop:
            if isinstance(stop.__cause__, KeyboardInterrupt):
                raise stop.__cause__ from None
            rows.append(_unfinished(entry.name, stop, time.perf_counter() - start))
            continue
        except (SolveError, ValueError) as error:
            rows.append(_without_answer(entry.name, "failed", error, time.perf_counter() - start))
            continue
        seconds = time.perf_counter() - start
        first = first or answer
        rows.append(_row(entry.name, entry.how.method, answer, first, seconds))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _unfinished(name: str, stop: UnfinishedError, seconds: float) -> dict[str, object]:
    certificate = stop.answer.certificate
    status = "limit reached" if "limit" in certificate.termination else "failed"
    known = {
        "value": certificate.claims.get("log_nash_product", certificate.claims.get("welfare")),
        "bound": certificate.claims.get("upper_bound"),
        "gap": certificate.claims.get("gap"),
    }
    return {**_without_answer(name, status, stop, seconds), **known}


def _without_answer(name: str, status: str, error: Exception, seconds: float) -> dict[str, object]:
    note = str(error).splitlines()[0] if str(error) else type(error).__name__
    return {"method": name, "status": status, "seconds": seconds, "agrees": None, "note": note}


def _row(name: str, method: str, answer: Answer, first: Answer, seconds: float) -> dict[str, object]:
    claims, tables = answer.certificate.claims, answer.tables
    verdicts = tables.get("structures", tables.get("coalitions"))
    viable = None if verdicts is None else int(verdicts["viable"].sum())
    value = claims.get("log_nash_product", claims.get("welfare", viable))
    difference = disagreement(first, answer)
    note = difference or ("exact does not apply: solved by models" if answer.options["method"] != method else "")
    return {
        "method": name,
        "status": answer.certificate.termination,
        "value": value,
        "bound": claims.get("upper_bound", value),
        "gap": claims.get("gap"),
        "solutions": _solutions(tables),
        "viable": viable,
        "seconds": seconds,
        "agrees": difference == "",
        "note": note,
    }


def _solutions(tables: Mapping[str, pd.DataFrame]) -> int | None:
    """Return the number of solutions; of a market of small groups, of the groups that form."""
    if "assignment" in tables:
        return len(tables["assignment"])
    return len(tables["solutions"].groupby("solution")) if "solutions" in tables else None


def disagreement(one: Answer, other: Answer) -> str:
    """Return the first difference between two answers to the same question in words; empty when they agree."""
    for name in ("structures", "coalitions", "blocks"):
        if name in one.tables and name in other.tables:
            flags = _flags_differ(one.tables[name], other.tables[name])
            if flags:
                return flags
    for name in ("solutions", "payoffs", "coalition_solutions"):
        if name in one.tables and name in other.tables:
            payoffs = _payoffs_differ(one.tables[name], other.tables[name])
            if payoffs:
                return payoffs
    if "welfare" in one.tables and "welfare" in other.tables:
        return _welfare_differs(one.tables["welfare"], other.tables["welfare"])
    return ""


def _welfare_differs(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Compare the welfare of two assignments; the assignments themselves need not be the same."""
    here, there = float(one["primal"].iloc[0]), float(other["primal"].iloc[0])
    differ = abs(here - there) > AGREE * max(abs(here), abs(there))
    return f"welfare differs: {here:.9g} and {there:.9g}" if differ else ""


def _flags_differ(one: pd.DataFrame, other: pd.DataFrame) -> str:
    keys = [c for c in ("structure", "coalition") if c in one.columns]
    flags = [c for c in ("viable", "coarsest", "efficient") if c in one.columns]
    both = one.merge(other, on=keys, how="outer", suffixes=("", " there"), indicator=True)
    unmatched = both["_merge"] != "both"
    if unmatched.any():
        return f"{both.loc[unmatched, keys[-1]].iloc[0]} is listed by one only"
    for flag in flags:
        differ = both[flag] != both[f"{flag} there"]
        if differ.any():
            return f"{flag} differs at {' in '.join(map(str, both.loc[differ, keys[::-1]].iloc[0]))}"
    return ""


def _payoffs_differ(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Compare solution sets: as many vectors, each with a partner; the numbers of the solutions do not matter."""
    here, there = _vectors(one), _vectors(other)
    if here.keys() != there.keys():
        return f"payoffs of {sorted(here.keys() ^ there.keys())[0]} are listed by one only"
    scale = max(float(one["payoff"].abs().max()), 1e-300) if len(one) else 1.0
    for key, vectors in here.items():
        worst = _distance(vectors, there[key])
        if worst > AGREE * scale:
            where = " in ".join(key[::-1])
            return f"solutions {'of ' + where + ' ' if where else ''}differ by {worst:.3g}"
    return ""


def _vectors(frame: pd.DataFrame) -> dict[tuple[str, ...], list[tuple[float, ...]]]:
    """Group payoff vectors by what they belong to."""
    keys = [c for c in ("structure", "coalition") if c in frame.columns]
    found: dict[tuple[str, ...], list[tuple[float, ...]]] = {}
    for key, group in frame.groupby([*keys, "solution"], sort=False):
        owner = tuple(map(str, key[:-1])) if isinstance(key, tuple) else ()
        found.setdefault(owner, []).append(tuple(group["payoff"]))
    return found


def _distance(one: list[tuple[float, ...]], other: list[tuple[float, ...]]) -> float:
    """Return the largest distance of a vector to its partner; infinite when there are not as many."""
    if len(one) != len(other):
        return float("inf")
    left = [np.array(vector) for vector in other]
    worst = 0.0
    for vector in one:
        gaps = [float(np.abs(candidate - np.array(vector)).max()) for candidate in left]
        nearest = int(np.argmin(gaps))
        worst = max(worst, gaps[nearest])
        left.pop(nearest)
    return worst
