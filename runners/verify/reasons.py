"""The tables that give reasons: who declines each threat, and which threats cannot be met.

They refer to solutions and threats by number and repeat numbers of other tables, so they are held against those. The
table ``met`` proves that a division is unblocked: for every threat it names a member who gets at least as much by
staying. The table ``failures`` proves that there is none: its threats alone ask for more than the worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.divisions import NOISE, Accuracy, required_worth
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.partitions import strictly_inside
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.tables import Key, Names, label, number, rows

DECLINED = "every threat declined by a member"
REPEATED = "failures repeat worths and required worths"
REAL = "listed threats are real"
ENOUGH, IRREDUCIBLE = "listed threats ask for more than the worth", "listed threats are irreducible"

Tables = Mapping[str, pd.DataFrame]
Columns = Mapping[str, Callable[[Any], Any]]
"""Columns that make up a key, with what reads their cells (None for what cannot be read)."""

Vector = Mapping[int, float]
"""Payoffs by player."""


@dataclass(frozen=True)
class Faced:
    """A solution and the threats to it, by key."""

    payoffs: Vector
    threats: Mapping[Key, Vector]


def numbered(
    tables: Tables, table: str, columns: Columns, names: Names, ledger: Ledger | None = None
) -> dict[Key, dict[int, float]]:
    """Gather payoffs given one player to a row into vectors, by key.

    Rows that cannot be read or come twice are left out; they fail with the ledger, which is for tables that nothing
    else reads.
    """
    unheard = Ledger() if ledger is None else ledger
    claim = unheard.claim(f"{table} table readable")
    found: dict[Key, dict[int, float]] = {}
    for line in rows(tables, table, (*columns, "player", "payoff"), unheard):
        key = _key(columns, line)
        player, payoff = names.player(line[-2]), number(line[-1])
        readable = None not in key and player is not None and payoff is not None
        fresh = readable and player not in found.get(key, {})
        if claim.check(fresh, partial(_words, table, line, "cannot be read or appears twice")):
            found.setdefault(key, {})[player or 0] = payoff or 0.0
    return found


def solution_columns(names: Names) -> Columns:
    """Return the columns that name a solution of a coalition."""
    return {"coalition": names.coalition, "solution": label}


def threat_columns(names: Names) -> Columns:
    """Return the columns that name a threat by a solution of a breakaway."""
    return {"breakaway": names.coalition, "threat": label}


def _key(columns: Columns, line: Sequence[Any]) -> Key:
    return tuple(parse(cell) for parse, cell in zip(columns.values(), line, strict=False))


def check_met(
    ledger: Ledger,
    tables: Tables,
    columns: tuple[Columns, Columns],
    faced: Mapping[Key, Faced],
    names: Names,
    eps: float,
) -> None:
    """Check the table ``met``.

    Parameters
    ----------
    columns
        Those that name a solution, and those that name a threat to it.
    faced
        What each solution faces, by its key.
    eps
        How far apart equal payoffs may be.
    """
    claim = ledger.claim(DECLINED)
    of_solution, of_threat = columns
    left = {(solution, threat) for solution, one in faced.items() for threat in one.threats}
    wanted = (*of_solution, *of_threat, "player", "payoff", "threat_payoff")
    for line in rows(tables, "met", wanted, ledger):
        solution, threat = _key(of_solution, line), _key(of_threat, line[len(of_solution) :])
        words = partial(_words, "met", line)
        if not claim.check((solution, threat) in left, partial(words, "is no threat to this solution, or comes twice")):
            continue
        left.discard((solution, threat))
        player = names.player(line[-3])
        stays, leaves = faced[solution].payoffs.get(player or 0), faced[solution].threats[threat].get(player or 0)
        if not claim.check(None not in (player, stays, leaves), partial(words, "names nobody who could decline")):
            continue
        claimed = np.array([_or_nan(number(cell)) for cell in line[-2:]])
        gap = float(np.abs(claimed - [_or_nan(stays), _or_nan(leaves)]).max())
        claim.check(gap <= eps, partial(words, "has other payoffs than the solution or the threat"), gap)
        loss = max(_or_nan(leaves) - _or_nan(stays), 0.0)
        claim.check(loss <= eps, partial(words, "would gain by leaving"), loss)
    for solution, threat in sorted(left, key=str):
        claim.fail(f"met: nobody declines threat {threat} to solution {solution}")


def check_met_by_parts(
    ledger: Ledger, tables: Tables, solutions: Mapping[Key, Vector], names: Names, eps: float
) -> None:
    """Check ``met`` where the solutions of all strict parts of a coalition threaten it.

    ``solutions`` has payoffs by coalition and number, as :func:`numbered` reads them.
    """
    faced = {
        key: Faced(payoffs, {k: v for k, v in solutions.items() if strictly_inside(k[0], key[0])})
        for key, payoffs in solutions.items()
    }
    check_met(ledger, tables, (solution_columns(names), threat_columns(names)), faced, names, eps)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _words(table: str, line: Sequence[Any], problem: str) -> str:
    return f"{table}: {', '.join(str(cell) for cell in line)} {problem}"


def check_listed_threats(ledger: Ledger, listed: Mapping[Key, Vector], real: Mapping[Key, Vector], eps: float) -> None:
    """Check that threats listed as causes are those that their numbers stand for."""
    claim = ledger.claim(REAL)
    for key, vector in listed.items():
        there = real.get(key, {})
        known = bool(vector) and vector.keys() == there.keys()
        gap = max((abs(vector[i] - there[i]) for i in vector), default=0.0) if known else 0.0
        claim.check(known and gap <= eps, f"failures: threat {key} is none, or promises something else", gap)


def check_repeated(
    ledger: Ledger, tables: Tables, columns: Columns, known: Callable[[Key], tuple[float, float] | None], eps: float
) -> None:
    """Check worth, required worth and shortfall in the table of failures, as far as they are given.

    ``known`` returns the recomputed worth and required worth of what the key stands for; None when there is nothing to
    compare with.
    """
    given = [c for c in ("worth", "required_worth", "shortfall") if c in tables["failures"]]
    claim = ledger.claim(REPEATED)
    for line in rows(tables, "failures", (*columns, *given), ledger):
        found = known(_key(columns, line))
        if found is None or not given:
            continue
        real = {"worth": found[0], "required_worth": found[1], "shortfall": found[1] - found[0]}
        claimed = np.array([_or_nan(number(cell)) for cell in line[-len(given) :]])
        gap = float(np.abs(claimed - [real[column] for column in given]).max())
        claim.check(gap <= eps, partial(_words, "failures", line, "repeats another worth or required worth"), gap)


def check_causes(ledger: Ledger, accuracy: Accuracy, name: str, problem: Division, asked: Matrix) -> None:
    """Check that threats alone ask for more than the worth, and no longer so when one of them is left out.

    In a run in fractions they may ask for more by less than rounding shows.
    """
    total = required_worth(replace(problem, asked=asked), accuracy)
    if total is None:
        ledger.claim(ENOUGH).leave(f"{name}: the search for the least total was cut short")
        return
    eps = accuracy.eps
    least = -NOISE * (1 + len(problem.floor)) * eps if accuracy.exact else eps / 2
    ledger.claim(ENOUGH).check(total > problem.worth + least, f"{name}: they ask for {total:.12g} only")
    for k in range(len(asked)):
        fewer = required_worth(replace(problem, asked=np.delete(asked, k, axis=0)), accuracy)
        spare = fewer is not None and fewer > problem.worth + (1 + len(problem.floor)) * eps
        ledger.claim(IRREDUCIBLE).check(not spare, f"{name}: threat {k + 1} in the list is not needed")
