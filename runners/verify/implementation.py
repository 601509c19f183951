"""Recompute the claims of an answer about robust implementation from the definitions of Guo and Yannelis (2020)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import STRICT, PayoffEnvironment, maximal_pattern, minimal_pattern
from breakaway.runners.verify.deceptions import Whistler, lies_that_matter, replay, standing, who_dissolves
from breakaway.runners.verify.implementation_interim import most_interim_gain, patterns_asked
from breakaway.runners.verify.implementation_tables import (
    Listed,
    Menus,
    Pattern,
    Reader,
    Report,
    Tables,
    Verdicts,
    read_conditions,
    read_deceptions,
    read_rewards,
    read_violations,
    read_whistles,
)
from breakaway.runners.verify.implementation_verdicts import (
    check_indifference,
    check_patterns,
    check_relations,
    check_verdicts,
)
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.whistles import Allowed, Effort, RewardFunctions, Search, profiles_with

COMPATIBILITY = ("ex_post_ic", "robust_coalitional_ic", "robust_s_ic")
MONOTONICITY = ("robust_monotonicity", "robust_coalitional_monotonicity", "robust_s_monotonicity")

EXCESS = STRICT / 5
"""What a reward may give to all members of a coalition by rounding, relative to the largest utility."""

EFFORT = 20_000
"""Programmes, or deceptions, that one search may take."""


def verify_implementation(
    environment: PayoffEnvironment, tables: Tables, claims: Mapping[str, Any], tolerance: float = 1e-9
) -> Verification:
    """Recompute every claim about a social choice function.

    Parameters
    ----------
    environment
        The payoff environment with its social choice function and coalition pattern.
    tables
        ``conditions``, ``violations``, ``deceptions``, ``whistles``, ``verdict`` and, where given, ``rewards`` and
        ``patterns``, as in :data:`breakaway.results.tables.TABLES`.
    claims
        ``violations`` and ``rewards``: "partial" where not all are listed.
    tolerance
        Largest discrepancy of gains, relative to the largest utility.

    Returns
    -------
    Verification
        A row for each claim. What a search does not settle within its effort is said to be not re-proven.
    """
    size = max(1.0, float(np.abs(environment.worth).max()))
    ledger, reader = Ledger(size), Reader(environment)
    conditions = read_conditions(reader, tables, ledger)
    for name in (*COMPATIBILITY, *MONOTONICITY):
        listed = any(key[0] == name for key in conditions)
        ledger.claim("every condition judged").check(listed, f"{name} is not listed")
    _check_compatibility(reader, conditions, tables, claims, tolerance * size, ledger)
    _check_efficiency(environment, conditions, ledger)
    deceptions = read_deceptions(reader, tables, ledger)
    whistles, menus = read_whistles(reader, tables, ledger), _rewards(reader, tables, ledger)
    for key, condition in conditions.items():
        if key[0] in MONOTONICITY:
            own = _own_deception(deceptions, *key)
            who = ledger.claim("deceptions listed for conditions that fail alone")
            who.check((own is not None) == (condition.holds is False), f"{key[0]}, {key[1]}")
            sets = _reward_sets(environment, key[0], reader.pattern(key[1]) or ())
            if condition.holds is False and own is not None:
                _check_deception(environment, key[0], own, sets, ledger)
            if condition.holds:
                mine = [one for one in whistles if one.report[0] == key[0]]
                _check_whistles(reader, key[0], _whistlers(sets, mine, menus, size, ledger), claims, ledger)
    _check_type_space(environment, conditions, ledger)
    check_indifference(environment, conditions, ledger)
    check_relations(environment, conditions, ledger)
    fatal = {key[1] for key in conditions if _is_fatal(reader, key, _own_deception(deceptions, *key))}
    verdicts = check_verdicts(reader, conditions, fatal, tables, ledger)
    patterns = _patterns(reader, tables)
    most = {one: _most_gain(environment, one) for one in sorted({one for own in patterns.values() for one in own})}
    ic = {name: _is_compatible(max(most[one] for one in pattern)) for name, pattern in patterns.items()}
    check_patterns(reader, conditions, verdicts, ic, tables, ledger)
    return ledger.close()


def _check_type_space(environment: PayoffEnvironment, conditions: Verdicts, ledger: Ledger) -> None:
    """Check what is said of truth on the type space of the instance."""
    for name, pattern in patterns_asked(environment).items():
        for key, condition in conditions.items():
            if key[0] != name:
                continue
            claim, most = ledger.claim("truth on the type space"), most_interim_gain(environment, pattern)
            if most is None or STRICT / 2 < most <= 2 * STRICT:
                claim.leave(f"{name}: not re-proven with belief revisions, many types, or gains of about {STRICT:g}")
            else:
                claim.flag(name, condition.holds, most <= STRICT)


def _is_fatal(reader: Reader, key: tuple[str, str], deception: Allowed | None) -> bool:
    """Tell whether only single agents and all together can form coalitions, and a deception contains the truth."""
    everybody = (1 << len(reader.environment)) - 1
    joint = [one for one in reader.pattern(key[1]) or () if one.bit_count() > 1]
    fits = key[0] == "robust_s_monotonicity" and joint == [everybody]
    return fits and deception is not None and all(own.diagonal().all() for own in deception)


# --- incentive compatibility -----------------------------------------------------------------------------------------


def _misreport(
    environment: PayoffEnvironment, coalition: Coalition, true: tuple[int, ...], reported: tuple[int, ...]
) -> Floats:
    """Return what members gain by a misreport, shape (members, profiles of the others)."""
    here, there = profiles_with(environment, coalition, true), profiles_with(environment, coalition, reported)
    return np.stack(
        [environment.payoffs[i][here, there] - environment.payoffs[i][here, here] for i in members(coalition)]
    )


def _gainful(environment: PayoffEnvironment, coalition: Coalition) -> dict[tuple[Any, Any], float]:
    """Return the least of the members' best gains for every misreport by which all gain, even a little."""
    types = list(product(*(range(environment.sizes[i]) for i in members(coalition))))
    found = {}
    for true, reported in product(types, types):
        if true != reported:
            least = float(_misreport(environment, coalition, true, reported).max(axis=1).min())
            if least > STRICT / 2:
                found[true, reported] = least
    return found


def _compatible(environment: PayoffEnvironment, pattern: Pattern) -> bool | None:
    """Tell whether no coalition of a pattern gains by misreporting; None on the verge of it."""
    return _is_compatible(max((_most_gain(environment, coalition) for coalition in pattern), default=0.0))


def _most_gain(environment: PayoffEnvironment, coalition: Coalition) -> float:
    """Return the largest least gain in any misreport of a coalition; 0 when all are trifles."""
    return max(_gainful(environment, coalition).values(), default=0.0)


def _is_compatible(most: float) -> bool | None:
    return None if STRICT / 2 < most <= 1.5 * STRICT else most <= STRICT


def _check_compatibility(
    reader: Reader, conditions: Verdicts, tables: Tables, claims: Mapping[str, Any], room: float, ledger: Ledger
) -> None:
    """Check incentive compatibility and its violations: all coalitions, all types, all reports tried."""
    environment, listed = reader.environment, read_violations(reader, tables, ledger)
    flag, gain = ledger.claim("incentive compatibility"), ledger.claim("every member of a violation gains")
    told, every = ledger.claim("gains by misreporting"), ledger.claim("every violation listed")
    expected: set[Report] = set()
    for name, pattern in conditions:
        if name not in COMPATIBILITY:
            continue
        family = _family(environment, name, reader.pattern(pattern) or ())
        holds, compatible = conditions[name, pattern].holds, _compatible(environment, family)
        if compatible is None:
            flag.leave(f"{name}: a gain is as large as what counts")
        else:
            flag.flag(f"{name}, {pattern}", holds, compatible)
        for coalition in family:
            for (true, reported), least in _gainful(environment, coalition).items():
                report = (name, coalition, true, reported)
                expected.add(report)
                complete = claims.get("violations") != "partial" and least > 1.5 * STRICT
                every.check(report in listed or not complete, partial(_words, environment, report))
        own = any(report[0] == name for report in listed)
        every.check(own == (holds is False), f"{name}: violations are listed if and only if it fails")
    for report, gains in listed.items():
        what = partial(_words, environment, report)
        if gain.check(report in expected and set(gains) == set(members(report[1])), what):
            _check_gains(environment, report, gains, room, told)


def _check_gains(
    environment: PayoffEnvironment, report: Report, gains: Mapping[int, Any], room: float, told: Any
) -> None:
    """Check each member's gain at its profile, and that it gains nowhere more."""
    here, found = profiles_with(environment, *report[1:3]), _misreport(environment, *report[1:])
    for row, i in enumerate(members(report[1])):
        profile, own = gains[i]
        at = np.flatnonzero(here == environment.number(profile))
        who = f"{environment.agents[i]} in {_words(environment, report)}"
        if told.check(at.size == 1, f"{who}: the members have other types in {environment.profile_name(profile)}"):
            told.equal(who, own, float(found[row, at[0]]), room)
            told.check(found[row, at[0]] >= found[row].max() - room, f"{who} gains more elsewhere")


def _words(environment: PayoffEnvironment, report: Report) -> str:
    name, coalition, true, reported = report
    own, said = (environment.members_name(coalition, types) for types in (true, reported))
    return f"{name}: {environment.coalition_name(coalition)} with {own} reporting {said}"


def _check_efficiency(environment: PayoffEnvironment, conditions: Verdicts, ledger: Ledger) -> None:
    """Weak Pareto efficiency within the range of f: everybody together does not gain by any misreport."""
    for (name, _), condition in conditions.items():
        if name == "weak_pareto_within_range":
            found = _compatible(environment, (maximal_pattern(len(environment))[-1],))
            claim = ledger.claim("weak Pareto efficiency within the range")
            if found is None:
                claim.leave("a gain is as large as what counts")
            else:
                claim.flag(name, condition.holds, found)


# --- monotonicity -----------------------------------------------------------------------------------------------------


def _family(environment: PayoffEnvironment, name: str, pattern: Pattern) -> Pattern:
    """Return the coalitions that a condition is about: those of the pattern, unless the condition has its own."""
    if name in ("ex_post_ic", "robust_monotonicity"):
        return minimal_pattern(len(environment))
    if name in ("robust_coalitional_ic", "robust_coalitional_monotonicity"):
        return maximal_pattern(len(environment))
    return pattern


def _reward_sets(environment: PayoffEnvironment, name: str, pattern: Pattern) -> dict[Coalition, RewardFunctions]:
    """Return the reward set of every coalition that may blow the whistle."""
    family = _family(environment, name, pattern)
    blowers = minimal_pattern(len(environment)) if name == "robust_coalitional_monotonicity" else family
    return {
        base: RewardFunctions(environment, base, tuple(one for one in family if one & base == base)) for base in blowers
    }


def _own_deception(deceptions: Mapping[str, Allowed], name: str, pattern: str) -> Allowed | None:
    """Return the deception named after a condition, with or without the pattern."""
    return deceptions.get(f"{name} {pattern}", deceptions.get(name))


def _check_deception(
    environment: PayoffEnvironment,
    name: str,
    allowed: Allowed,
    sets: dict[Coalition, RewardFunctions],
    ledger: Ledger,
) -> None:
    """Check a deception: never empty, not acceptable, and no coalition that could dissolve it."""
    empty = [environment.agents[i] for i, own in enumerate(allowed) if not own.any(axis=1).all()]
    if not ledger.claim("every type has something to report").check(not empty, f"{name}: not so for {empty}"):
        return
    matter = bool(lies_that_matter(environment, allowed).any())
    ledger.claim("deceptions are unacceptable").check(matter, f"{name}: the deception never changes the outcome")
    claim = ledger.claim("nobody dissolves a deception")
    try:
        found = who_dissolves(sets, allowed, Search(EFFORT))
    except Effort:
        claim.leave(f"{name}: not re-proven within the effort")
        return
    claim.check(found is None, lambda: f"{_words(environment, (name, *(found or (0, (), ()))))} can")


def _rewards(reader: Reader, tables: Tables, ledger: Ledger) -> Menus:
    if "rewards" not in tables:
        ledger.claim("rewards are in the reward set").leave("not re-proven: no rewards are listed")
        return {}
    return read_rewards(reader, tables, ledger)


def _whistlers(
    sets: Mapping[Coalition, RewardFunctions], listed: list[Listed], menus: Menus, size: float, ledger: Ledger
) -> list[Whistler]:
    """Return the whistle-blowers with rewards, each reward held against the definition of the reward set."""
    inside, possible = ledger.claim("rewards are in the reward set"), ledger.claim("who blows is of the pattern")
    found = []
    for one in listed:
        name, coalition, true, reported = one.report
        menu = menus.get((one.report, one.round), menus.get((one.report, None), {}))
        if coalition not in sets:
            possible.fail(f"{name}: coalition {coalition} cannot blow")
            continue
        possible.check(True, "")
        rewards = sets[coalition]
        what = _words(rewards.environment, one.report)
        good = []
        for number, weights in menu.items():
            excess = rewards.excess(weights)
            if inside.check(excess <= EXCESS * size, f"{what}, reward {number}: everybody gains {excess:.6g}", excess):
                good.append(rewards.gains(weights, true, reported))
        if menu:
            found.append(Whistler(what, rewards, true, reported, good, one.least - EXCESS * size))
    return found


def _check_whistles(
    reader: Reader, name: str, whistlers: list[Whistler], claims: Mapping[str, Any], ledger: Ledger
) -> None:
    """Check that the whistle-blowers listed dissolve every unacceptable deception."""
    environment, claim = reader.environment, ledger.claim("somebody dissolves every unacceptable deception")
    gain = ledger.claim("whistle-blowers gain whatever they conjecture")
    left, waiting = replay(environment, whistlers)
    for whistler in whistlers:
        alone = whistler.alone and name != "robust_s_monotonicity"
        gain.check(whistler not in waiting if alone else whistler.may_serve(), f"{whistler.name}: not so")
    if not lies_that_matter(environment, left).any():
        claim.check(True, "")
        return
    try:
        found = standing(environment, left, waiting, Search(EFFORT))
    except Effort:
        claim.leave(f"{name}: not re-proven within the effort")
        return
    if found is not None and claims.get("rewards") == "partial":
        claim.leave(f"{name}: not re-proven, not all rewards are listed")
        return
    claim.check(found is None, lambda: f"{name}: nobody dissolves {_told(environment, found or [])}")


def _told(environment: PayoffEnvironment, allowed: Allowed) -> str:
    """Write a deception: who reports what."""
    parts = []
    for i, own in enumerate(allowed):
        names = environment.payoff_types[i]
        for t, reports in enumerate(own):
            said = "/".join(names[r] for r in np.flatnonzero(reports))
            parts.append(f"{environment.agents[i]}:{names[t]} reports {said}")
    return "; ".join(parts)


def _patterns(reader: Reader, tables: Mapping[str, pd.DataFrame]) -> dict[str, Pattern]:
    """Return the patterns of the table of patterns."""
    if "patterns" not in tables or "coalition_pattern" not in tables["patterns"].columns:
        return {}
    known = {str(name): reader.pattern(name) for name in tables["patterns"]["coalition_pattern"].tolist()}
    return {name: pattern for name, pattern in known.items() if pattern is not None}
