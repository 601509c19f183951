"""What must fit together: indifference, relations between conditions, verdicts of the theorems, patterns."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.payoff_environment import STRICT, PayoffEnvironment
from breakaway.runners.verify.implementation_tables import WORDS, Reader, Tables, Verdicts, word
from breakaway.runners.verify.linear import maximise
from breakaway.runners.verify.record import Claim, Ledger
from breakaway.runners.verify.tables import label, number, rows
from breakaway.runners.verify.whistles import profiles_with

Word = bool | None


def said(conditions: Verdicts, name: str, pattern: str | None = None) -> Word:
    """Return what is said of a condition (for a pattern); None where it is undecided or not listed."""
    found = [one.holds for key, one in conditions.items() if key[0] == name and pattern in (None, key[1])]
    return found[0] if found else None


# --- no total indifference --------------------------------------------------------------------------------------------


def check_indifference(environment: PayoffEnvironment, conditions: Verdicts, ledger: Ledger) -> None:
    """Check conditional no total indifference, and the interior reward property as far as it is about single agents.

    With single agents only the two are the same; with more coalitions the latter implies the former.
    """
    names = ("conditional_no_total_indifference", "interior_reward")
    asked = {key: one for key, one in conditions.items() if key[0] in names}
    if not asked:
        return
    claim, least = ledger.claim("conditional no total indifference"), _least_difference(environment)
    for (name, pattern), one in asked.items():
        what = f"{name}, {pattern}"
        if least is None or abs(least - STRICT) <= STRICT / 2:
            claim.leave(f"{what}: not re-proven")
        elif name == names[0] or pattern == "minimal":
            claim.flag(what, one.holds, least > STRICT)
        elif one.holds is True and least <= STRICT:
            claim.fail(f"{what}: some agent is indifferent between all of its rewards")
        else:
            claim.leave(f"{what}: not re-proven for coalitions of two or more")


def _least_difference(environment: PayoffEnvironment) -> float | None:
    """Return by how much every agent surely prefers one outcome to another, at least; None when not proven.

    For an agent i, its type and reports theta'_-i of the others: the largest t such that for outcomes a and b by which
    i never gains when the others are theta'_-i, u_i(a) - u_i(b) >= t whatever the others' true types. At most 1.
    """
    least = 1.0
    for i in range(len(environment)):
        others = len(environment.profiles) // environment.sizes[i]
        for q in range(others):
            for own in range(environment.sizes[i]):
                found = _difference(environment, i, own, q)
                if found is None:
                    return None
                least = min(least, found)
    return least


def _difference(environment: PayoffEnvironment, i: int, own: int, q: int) -> float | None:
    """Return the value of one programme: probabilities of all outcomes but the last and amounts, twice; then t."""
    k, worth = len(environment.outcomes) - 1, environment.worth[i]
    slopes = np.concatenate([worth[:, :k] - worth[:, [k]], worth[:, k + 1 :]], axis=1)
    at = np.array([profiles_with(environment, 1 << i, (t,))[q] for t in range(environment.sizes[i])])
    room = environment.payoffs[i][at, at] - worth[at, k]
    here = slopes[profiles_with(environment, 1 << i, (own,))]
    width = slopes.shape[1]
    lottery = (np.arange(width) < k).astype(float)[None, :]
    inside: Floats = np.concatenate([lottery, slopes[at]])
    none = np.zeros_like(inside)
    column, cap = np.zeros((len(inside), 1)), np.zeros((1, 2 * width + 1))
    cap[0, -1] = 1.0
    a = np.concatenate(
        [
            np.concatenate([inside, none, column], axis=1),
            np.concatenate([none, inside, column], axis=1),
            np.concatenate([-here, here, np.ones((len(here), 1))], axis=1),
            cap,
        ]
    )
    limits = np.concatenate([[1.0], room, [1.0], room, np.zeros(len(here)), [1.0]])
    found = maximise(cap[0], a, limits)
    if not found.proven:
        return None
    return 0.0 if found.point is None else found.bound


# --- relations --------------------------------------------------------------------------------------------------------


def check_relations(environment: PayoffEnvironment, conditions: Verdicts, ledger: Ledger) -> None:
    """Check what follows from what: nothing that is said may contradict it."""
    claim = ledger.claim("conditions fit together")
    implied = [
        ("robust_monotonicity", "ex_post_ic"),
        ("robust_coalitional_monotonicity", "robust_monotonicity"),
        ("robust_coalitional_ic", "robust_s_ic"),
        ("robust_s_ic", "ex_post_ic"),
        ("robust_coalitional_ic", "weak_pareto_within_range"),
    ]
    for one, other in implied:
        wrong = said(conditions, one) is True and said(conditions, other) is False
        claim.check(not wrong, f"{one} holds, so {other} does")
    if len(environment) == 2:
        both = said(conditions, "ex_post_ic") is True and said(conditions, "weak_pareto_within_range") is True
        wrong = both and said(conditions, "robust_coalitional_ic") is False
        claim.check(not wrong, "with two agents ex-post IC and weak Pareto efficiency imply robust coalitional IC")
    if ("robust_s_monotonicity", "minimal") in conditions:
        pair = [said(conditions, name) for name in ("robust_s_monotonicity", "robust_monotonicity")]
        claim.check(set(pair) != {True, False}, "for single agents robust S monotonicity is robust monotonicity")


# --- theorems ---------------------------------------------------------------------------------------------------------


def check_verdicts(
    reader: Reader, conditions: Verdicts, fatal: Collection[str], tables: Tables, ledger: Ledger
) -> dict[tuple[str, str], Word]:
    """Check the verdicts of Theorems 1 and 2 against the conditions; return them by theorem and pattern.

    ``fatal`` are the patterns for which the deception that nobody dissolves rules implementation out.
    """
    readable, claim = ledger.claim("verdict table readable"), ledger.claim("verdicts follow from the conditions")
    found: dict[tuple[str, str], Word] = {}
    for theorem, pattern, word_ in rows(tables, "verdict", ("theorem", "coalition_pattern", "implementable"), ledger):
        key = (label(theorem)[-1:], label(pattern))
        known = key[0] in ("1", "2") and word(word_) in WORDS and reader.pattern(pattern) is not None
        if readable.check(
            known and key not in found, f"verdict: {theorem}, {pattern}, {word_} cannot be read, or twice"
        ):
            found[key] = WORDS[word(word_)]
    for number_ in ("1", "2"):
        ledger.claim("every theorem judged").check(any(key[0] == number_ for key in found), f"theorem {number_}")
    first = _first_theorem(conditions)
    for (theorem, pattern), verdict in found.items():
        if always_the_same(reader):
            claim.check(verdict is True, f"theorem {theorem}, {pattern}: what is always the same is implementable")
            continue
        expected = first if theorem == "1" else _second_theorem(conditions, pattern, first, pattern in fatal)
        claim.check(verdict in expected, f"theorem {theorem}, {pattern}: claimed {verdict}, expected {expected}")
    return found


def always_the_same(reader: Reader) -> bool:
    """Tell whether f prescribes one lottery: a mechanism without any choice implements it."""
    chosen = reader.environment.chosen
    return bool((chosen == chosen[0]).all())


def _first_theorem(conditions: Verdicts) -> list[Word]:
    """Return what Theorem 1 and Propositions 1 and 2 allow to be said of robust coalitional implementation."""
    needed = [said(conditions, name) for name in ("robust_coalitional_ic", "robust_coalitional_monotonicity")]
    return _judged(needed, said(conditions, "interior_reward", "coalitional"))


def _judged(needed: list[Word], interior: Word) -> list[Word]:
    if False in needed:
        return [False]
    return [True] if None not in needed and interior is True else [None]


def _second_theorem(conditions: Verdicts, pattern: str, first: list[Word], fatal: bool) -> list[Word]:
    """Return what may be said of implementation for a pattern.

    Robust S incentive compatibility is necessary; monotonicity where only single agents act, and where only these and
    all together do if the deception that nobody dissolves contains the truth. Whatever is robustly coalitionally
    implementable is so for every pattern.
    """
    compatible, monotone = (said(conditions, name, pattern) for name in ("robust_s_ic", "robust_s_monotonicity"))
    if pattern == "minimal":
        compatible = said(conditions, "ex_post_ic") if compatible is None else compatible
        monotone = said(conditions, "robust_monotonicity") if monotone is None else monotone
    if pattern == "maximal" and compatible is None:
        compatible = said(conditions, "robust_coalitional_ic")
    expected = _judged([compatible, monotone], said(conditions, "interior_reward", pattern))
    if compatible is not False and monotone is False and pattern != "minimal":
        expected = [False] if fatal else [None]
    return [True, None] if expected == [None] and first == [True] else expected


# --- patterns ---------------------------------------------------------------------------------------------------------


def check_patterns(
    reader: Reader,
    conditions: Verdicts,
    verdicts: Mapping[tuple[str, str], Word],
    compatible: Mapping[str, Word],
    tables: Tables,
    ledger: Ledger,
) -> None:
    """Check the table of coalition patterns: incentive compatibility anew, the rest for fitting together."""
    if "patterns" not in tables:
        return
    columns = ("coalition_pattern", "robust_s_ic", "robust_s_monotonicity", "interior_reward", "implementable", "class")
    claim, judged = ledger.claim("patterns table readable"), ledger.claim("incentive compatibility for every pattern")
    fits, seen = ledger.claim("patterns fit together"), set[str]()
    for line in rows(tables, "patterns", columns, ledger):
        pattern, words = label(line[0]), [word(cell) for cell in line[1:5]]
        known = reader.pattern(line[0]) is not None and pattern not in seen and number(line[5]) is not None
        if not claim.check(
            known and all(one in WORDS for one in words), f"patterns: {pattern} cannot be read, or twice"
        ):
            continue
        seen.add(pattern)
        ic, monotone, interior, implementable = (WORDS[one] for one in words)
        if compatible.get(pattern) is None:
            judged.leave(f"{pattern}: a gain is as large as what counts")
        else:
            judged.flag(pattern, ic, bool(compatible[pattern]))
        _check_pattern(
            conditions, verdicts, pattern, (ic, monotone, interior, implementable), fits, always_the_same(reader)
        )


def _check_pattern(
    conditions: Verdicts,
    verdicts: Mapping[tuple[str, str], Word],
    pattern: str,
    row: tuple[Word, Word, Word, Word],
    claim: Claim,
    everywhere_same: bool,
) -> None:
    """Check one pattern against the conditions and the verdict for it, and its own verdict against its conditions."""
    ic, monotone, interior, implementable = row
    for name, own in (("robust_s_ic", ic), ("robust_s_monotonicity", monotone), ("interior_reward", interior)):
        if (name, pattern) in conditions:
            claim.check(own is conditions[name, pattern].holds, f"{pattern}: {name} is judged otherwise above")
    if ("2", pattern) in verdicts:
        claim.check(implementable is verdicts["2", pattern], f"{pattern}: the theorem is judged otherwise above")
    if everywhere_same:
        claim.check(implementable is True, f"{pattern}: what is always the same is implementable")
        return
    first, everywhere = _first_theorem(conditions), verdicts.get(("1", "maximal"))
    expected = _judged([ic, monotone if pattern == "minimal" or monotone is not False else None], interior)
    if ic is not False and monotone is False and pattern != "minimal":
        expected = [None, False]
    if expected == [None] and (first == [True] or everywhere is True):
        expected = [True, None]
    claim.check(implementable in expected, f"{pattern}: claimed {implementable}, expected {expected}")
