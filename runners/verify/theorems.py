"""Recompute what an answer says of the theorems of section 5, and of the desirability of players.

Hypotheses are recomputed from the game, conclusions from the solutions and the viability of coalitions, which
:mod:`breakaway.runners.verify.characteristic` verifies; the most equal unblocked divisions are found again by branching
over boxes. Everything said in words (``lacking``, ``witness``) is read back and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import CharacteristicFunctionGame, Payoffs, weights_within
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.divisions import Accuracy
from breakaway.runners.verify.lorenz import candidates_above, dominated_by, equal_division_rows, lorenz_sums
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.tables import Names, flag, label, number, rows

GAME_LEVEL = ("theorem-3-printed", "theorem-3", "efficient-structures", "theorem-4-nonempty", "corollary-2")
"""Statements that every answer has, about the grand coalition."""

USES_CONSISTENT = ("theorem-3-printed", "theorem-3", "efficient-structures")
"""Statements that assume consistent weights; the others assume equal ones."""

STATEMENTS = (*GAME_LEVEL, "theorem-4-printed", "theorem-4")

Verdict = bool | None
"""What a hypothesis or a conclusion is; None on a knife edge, or when the effort did not suffice."""


@dataclass
class TheoremCheck:
    """What is known of a game whose theorems are checked: solutions and viability by coalition, as listed."""

    game: CharacteristicFunctionGame
    ledger: Ledger
    accuracy: Accuracy
    solutions: Mapping[Coalition, Sequence[Payoffs]]
    viable: Mapping[Coalition, bool | None]
    included: dict[Coalition, Verdict] = field(default_factory=dict)

    @cached_property
    def names(self) -> Names:
        """Reads names of coalitions."""
        return Names(self.game.players)

    @cached_property
    def worths(self) -> Matrix:
        """v(S) by bitmask."""
        found = np.zeros(self.everyone + 1)
        for s, worth in self.game.worths.items():
            found[s] = worth
        return found

    @property
    def everyone(self) -> Coalition:
        """The grand coalition."""
        return self.game.players.everyone

    @cached_property
    def floor(self) -> Matrix:
        """Disagreement payoffs."""
        return np.array(self.game.players.disagreement, dtype=float)

    @property
    def eps(self) -> float:
        """The tolerance in units of payoff."""
        return self.accuracy.eps

    @cached_property
    def best(self) -> Matrix:
        """The largest total worth of a partition of every coalition, by bitmask."""
        found = self.worths.copy()
        for whole in range(1, self.everyone + 1):
            part = (whole - 1) & whole
            while part:
                found[whole] = max(found[whole], found[part] + found[whole ^ part])
                part = (part - 1) & whole
        return found

    @cached_property
    def margins(self) -> Matrix:
        """The least that a coalition gains when i (row) takes the place of j (column), net of disagreement."""
        n = len(self.floor)
        found = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                with_j = [s for s in range(1, 1 << n) if s >> j & 1 and not s >> i & 1] if i != j else []
                found[i, j] = min((self.exchange(s, i, j) for s in with_j), default=0.0)
        return found

    def exchange(self, coalition: Coalition, i: int, j: int) -> float:
        """Return what a coalition with j gains when i takes j's place."""
        other = coalition ^ (1 << i | 1 << j)
        return float(self.worths[other] - self.worths[coalition] - self.floor[i] + self.floor[j])

    def not_below(self, margin: float) -> Verdict:
        """Tell whether a difference of worths is not negative; None where rounding decides, or fractions do."""
        if self.accuracy.exact and abs(margin) < 2 * self.eps * len(self.floor):
            return None
        if margin >= -0.01 * self.eps:
            return True
        return False if margin <= -2 * self.eps * len(self.floor) else None


def check_theorems(check: TheoremCheck, tables: Mapping[str, pd.DataFrame]) -> None:
    """Check the tables ``theorems`` and ``desirability``, as far as they are there."""
    if "desirability" in tables:
        _check_desirability(check, tables)
    if "theorems" not in tables:
        return
    columns = ("statement", "coalition", "hypothesis", "conclusion", "holds", "lacking", "witness")
    readable = check.ledger.claim("theorems table readable")
    listed = []
    for line in rows(tables, "theorems", columns, check.ledger):
        coalition, flags = check.names.coalition(line[1]), tuple(map(flag, line[2:5]))
        known = line[0] in STATEMENTS and coalition is not None and None not in flags
        if readable.check(known, f"theorems: {line[0]}, {line[1]} cannot be read"):
            listed.append((line[0], int(coalition or 0), *flags, _text(line[5]), _text(line[6])))
    once = check.ledger.claim("every theorem listed once")
    once.check(len({row[:2] for row in listed}) == len(listed), "a row is repeated")
    for statement in GAME_LEVEL:
        once.check((statement, check.everyone) in {row[:2] for row in listed}, f"{statement} is missing")
    for row in sorted(listed, key=lambda row: row[0] != "theorem-4"):
        _check_row(check, *row)


def _text(cell: Any) -> str:
    return cell.strip() if isinstance(cell, str) else ""


def _check_row(
    check: TheoremCheck,
    statement: str,
    coalition: Coalition,
    hypothesis: bool,
    conclusion: bool,
    holds: bool,
    lacking: str,
    witness: str,
) -> None:
    what, ledger = f"{statement}, {check.game.players.coalition_name(coalition)}", check.ledger
    ledger.claim("a theorem holds unless only its hypothesis is true").flag(what, holds, conclusion or not hypothesis)
    said = ledger.claim("what a theorem lacks, and what shows that it fails, is said")
    said.check(bool(lacking) == (not hypothesis), f"{what}: hypothesis {hypothesis}, lacking {lacking!r}")
    said.check(bool(witness) == (not conclusion), f"{what}: conclusion {conclusion}, witness {witness!r}")
    for kind, claimed, found in (
        ("hypotheses", hypothesis, _hypothesis(check, statement, coalition)),
        ("conclusions", conclusion, _conclusion(check, statement, coalition)),
    ):
        claim = ledger.claim(f"{kind} of theorems")
        if found is None:
            claim.leave(f"{what}: not re-proven, on a knife edge or the search was cut short")
        else:
            claim.flag(what, claimed, found)
    if lacking:
        ledger.claim("what a hypothesis lacks").check(
            _lacks(check, statement, coalition, lacking), f"{what}: {lacking}"
        )
    if witness:
        shown = _witnesses(check, coalition, witness)
        ledger.claim("witnesses against conclusions").check(shown, f"{what}: {witness}")


# --- hypotheses ----------------------------------------------------------------------------------------------------


def _hypothesis(check: TheoremCheck, statement: str, coalition: Coalition) -> Verdict:
    worths, best = check.worths, check.best
    if statement in USES_CONSISTENT:
        dearest = {"theorem-3-printed": _dearest_pair(check), "theorem-3": float(best[-1])}.get(statement, -np.inf)
        return _both(_consistent(check), check.not_below(float(worths[-1]) - dearest))
    verdict: Verdict = True
    if statement == "theorem-4-nonempty":
        verdict = check.not_below(float((worths - best)[1:].min()))
    elif statement == "corollary-2":
        verdict = check.not_below(float(np.maximum(check.margins, check.margins.T).min()))
    elif statement == "theorem-4":
        without = _without_product(check, coalition)
        verdict = None if without and check.accuracy.exact else not without
    return _both(_equal(check, coalition), verdict)


def _both(one: Verdict, other: Verdict) -> Verdict:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _consistent(check: TheoremCheck) -> bool:
    """Tell whether strict subcoalitions weigh their members in the ratios in which pairs with the first player do."""
    n = len(check.floor)
    ratios = [1.0]
    for j in range(1, n):
        first, own = weights_within(check.game, 1 | 1 << j)
        ratios.append(own / first)
    return all(_proportional(check, s, np.array(ratios)) for s in range(1, check.everyone))


def _proportional(check: TheoremCheck, coalition: Coalition, gamma: Matrix) -> bool:
    ratio = np.array(weights_within(check.game, coalition)) / gamma[list(members(coalition))]
    return bool(np.ptp(ratio) <= 1e-8 * ratio.max())


def _equal(check: TheoremCheck, coalition: Coalition) -> bool:
    """Tell whether all coalitions inside one weigh their members equally."""
    ones = np.ones(len(check.floor))
    return all(_proportional(check, s, ones) for s in range(1, coalition + 1) if not s & ~coalition)


def _dearest_pair(check: TheoremCheck) -> float:
    """Return the largest v(S) + v(T) over disjoint S and T; -infinity for a single player."""
    sets = np.arange(1, check.everyone + 1)
    apart = (sets[:, None] & sets) == 0
    sums = check.worths[sets][:, None] + check.worths[sets]
    return float(sums[apart].max()) if apart.any() else -np.inf


def _without_product(check: TheoremCheck, coalition: Coalition) -> bool:
    """Tell whether every solution, of which there are some, leaves a member with disagreement."""
    d = check.floor[list(members(coalition))]
    found = [min(np.array(x) - d) <= check.eps for x in check.solutions.get(coalition, [])]
    return bool(found) and all(found)


def _lacks(check: TheoremCheck, statement: str, coalition: Coalition, text: str) -> bool:
    """Check what is said to be missing: weights or a product of a coalition, worth above some blocks, an order."""
    name, _, fault = text.partition(": ")
    if fault:
        part = check.names.coalition(name)
        if part is None or part & ~coalition:
            return False
        if fault == "product":
            return _without_product(check, part)
        uneven = not _consistent(check) if statement in USES_CONSISTENT else not _equal(check, part)
        return fault == "weights" and uneven
    if text.startswith("worth of "):
        blocks = [check.names.coalition(block) for block in text.removeprefix("worth of ").split("|")]
        return None not in blocks and _dearer(check, [int(block or 0) for block in blocks])
    one, _, other = text.removeprefix("order of ").partition(" and ")
    i, j = check.names.player(one), check.names.player(other)
    return i is not None and j is not None and max(check.margins[i, j], check.margins[j, i]) < 0


def _dearer(check: TheoremCheck, blocks: list[Coalition]) -> bool:
    """Tell whether disjoint blocks are worth more than their union, or than all players."""
    union = sum(blocks)
    disjoint = sum(block.bit_count() for block in blocks) == union.bit_count() and union <= check.everyone
    total = float(sum(check.worths[block] for block in blocks))
    return disjoint and total > min(check.worths[union], check.worths[check.everyone])


# --- conclusions ---------------------------------------------------------------------------------------------------


def _conclusion(check: TheoremCheck, statement: str, coalition: Coalition) -> Verdict:
    match statement:
        case "theorem-3-printed" | "theorem-3":
            holds = bool(check.viable.get(check.everyone))
            return holds and _both_all(_undominated(check, x) for x in check.solutions.get(check.everyone, []))
        case "efficient-structures":
            return _efficient_viable(check)
        case "theorem-4-nonempty":
            return all(check.viable.get(s) for s in range(1, check.everyone + 1))
        case "corollary-2":
            return _permutations(check)
        case "theorem-4":
            return _included(check, coalition)
    return _both_all(_included(check, s) for s in range(1, check.everyone + 1))


def _both_all(verdicts: Any) -> Verdict:
    found: Verdict = True
    for verdict in verdicts:
        found = _both(found, verdict)
    return found


def _undominated(check: TheoremCheck, x: Payoffs) -> Verdict:
    """Tell whether no structure lets everybody have as much as in x, and some more."""
    n = len(x)
    if not check.accuracy.exact and check.best[-1] - sum(x) <= n * check.eps:
        return True
    totals = np.array([sum(x[i] for i in members(s)) for s in range(check.everyone + 1)])
    affordable = np.where(check.worths >= totals - check.eps, check.worths, -np.inf)
    affordable[0] = 0.0
    best = affordable.copy()
    for whole in range(1, check.everyone + 1):
        part = (whole - 1) & whole
        while part:
            best[whole] = max(best[whole], best[part] + best[whole ^ part])
            part = (part - 1) & whole
    gain = float(best[-1]) - float(totals[-1])
    if gain <= n * check.eps:
        return None if check.accuracy.exact else True
    return False if gain > 4 * n * check.eps else None


def _efficient_viable(check: TheoremCheck) -> Verdict:
    """Tell whether every coalition of every structure of largest total worth is viable."""
    top = float(check.best[-1])
    short = np.array([top - check.worths[s] - check.best[check.everyone ^ s] for s in range(check.everyone + 1)])
    failing = [short[s] for s in range(1, check.everyone + 1) if not check.viable.get(s)]
    if not failing or min(failing) > 2 * check.eps * len(check.floor):
        return True
    return False if min(failing) <= 0.01 * check.eps and not check.accuracy.exact else None


def _permutations(check: TheoremCheck) -> Verdict:
    profiles = np.sort(np.array(check.solutions.get(check.everyone, [])).reshape(-1, len(check.floor)) - check.floor)
    spread = float(np.ptp(profiles, axis=0).max()) if len(profiles) else 0.0
    if spread <= 5 * check.eps:
        return True
    return False if spread > 40 * check.eps else None


def _included(check: TheoremCheck, coalition: Coalition) -> Verdict:
    """Tell whether no most equal unblocked division of a coalition dominates one of its solutions."""
    if coalition not in check.included:
        check.included[coalition] = _search_dominating(check, coalition)
    return check.included[coalition]


def _search_dominating(check: TheoremCheck, coalition: Coalition) -> Verdict:
    given = np.array(check.solutions.get(coalition, []))
    if not len(given):
        return True
    floor = check.floor[list(members(coalition))]
    asked = equal_division_rows(check.worths, coalition, check.floor)
    sums, room = lorenz_sums(given, floor), len(floor) * check.eps
    elements = candidates_above(float(check.worths[coalition]), floor, asked, sums, check.accuracy)
    if elements is None:
        return None
    better = lorenz_sums(elements, floor) if len(elements) else np.empty((0, len(floor)))
    if any(dominated_by(sums, row, 4 * room).any() for row in better):
        return False
    return None if any(dominated_by(sums, row, room / 4).any() for row in better) else True


def _witnesses(check: TheoremCheck, coalition: Coalition, text: str) -> bool:
    """Check what is said to show that a conclusion is false."""
    if text.endswith(": not viable"):
        blocks = [check.names.coalition(block) for block in text.removesuffix(": not viable").split("|")]
        return any(block is not None and check.viable.get(block) is False for block in blocks)
    name, _, rest = text.rpartition(": ")
    part = check.names.coalition(name) if name else coalition
    first, sign, second = rest.partition(" <> " if " <> " in rest else " < ")
    x = _vector(first)
    if part is None or x is None or not _listed(check, part, x):
        return False
    if sign == " <> ":
        y = _vector(second)
        return y is not None and _listed(check, part, y) and not _renamed(check, x, y)
    y = _vector(second)
    if y is not None and len(y) == part.bit_count():
        return _more_equal(check, part, x, y)
    blocks = [check.names.coalition(block) for block in second.split("|")]
    if None in blocks or sum(int(b or 0) for b in blocks) != check.everyone:
        return False
    return _better_structure(check, x, [int(b or 0) for b in blocks])


def _vector(text: str) -> Matrix | None:
    values = [number(word) for word in text.split()]
    return None if None in values else np.array(values, dtype=float)


def _listed(check: TheoremCheck, coalition: Coalition, x: Matrix) -> bool:
    """Tell whether a vector is a listed solution of a coalition."""
    given = [np.array(y) for y in check.solutions.get(coalition, [])]
    return any(len(y) == len(x) and bool(np.abs(y - x).max() <= 2 * check.eps) for y in given)


def _renamed(check: TheoremCheck, x: Matrix, y: Matrix) -> bool:
    return bool(np.abs(np.sort(x - check.floor) - np.sort(y - check.floor)).max() <= 5 * check.eps)


def _more_equal(check: TheoremCheck, coalition: Coalition, x: Matrix, y: Matrix) -> bool:
    """Tell whether y shares the worth of a coalition, is blocked by no equal division, and majorizes x."""
    floor, room = check.floor[list(members(coalition))], len(x) * check.eps
    asked = equal_division_rows(check.worths, coalition, check.floor)
    unblocked = not len(asked) or float((asked - y).min(axis=1).max()) <= 2 * check.eps
    shares = abs(float(y.sum()) - check.worths[coalition]) <= room
    return bool(unblocked and shares and dominated_by(lorenz_sums(x, floor), lorenz_sums(y, floor)[0], room / 2)[0])


def _better_structure(check: TheoremCheck, x: Matrix, blocks: list[Coalition]) -> bool:
    """Tell whether every block of a structure can pay what its members have in x, and all blocks more in total."""
    pays = [check.worths[s] >= sum(x[i] for i in members(s)) - 2 * check.eps for s in blocks]
    return all(pays) and float(sum(check.worths[s] for s in blocks)) > float(x.sum())


# --- desirability --------------------------------------------------------------------------------------------------


def _check_desirability(check: TheoremCheck, tables: Mapping[str, pd.DataFrame]) -> None:
    """Check the margin of every ordered pair of players, where it is attained, and the flag."""
    columns = ("player", "other", "at_least_as_desirable", "margin", "witness")
    claim = check.ledger.claim("desirability of players")
    n, seen = len(check.floor), set()
    player: Callable[[object], int | None] = check.names.player
    for line in rows(tables, "desirability", columns, check.ledger):
        i, j, s = player(line[0]), player(line[1]), check.names.coalition(line[4])
        margin, what = number(line[3]), f"{label(line[0])} and {label(line[1])}"
        known = i is not None and j is not None and i != j and s is not None and margin is not None
        if not claim.check(known, f"{what}: cannot be read") or i is None or j is None or s is None:
            continue
        claim.check((i, j) not in seen, f"{what}: repeated")
        seen.add((i, j))
        claim.equal(what, float(margin or 0.0), float(check.margins[i, j]), check.eps)
        attained = bool(s >> j & 1 and not s >> i & 1) and check.exchange(s, i, j) <= check.margins[i, j] + check.eps
        claim.check(attained, f"{what}: the margin is not that of {line[4]}")
        verdict = check.not_below(float(check.margins[i, j]))
        if verdict is not None:
            claim.flag(what, flag(line[2]), verdict)
    claim.check(len(seen) == n * (n - 1), f"{len(seen)} of {n * (n - 1)} pairs are listed")
