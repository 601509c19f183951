"""The tables of a game in strategic form against the game told again: equilibria, payoffs, threats and reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import Payoffs
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.strategic_game import Profile, Retold, Threats
from breakaway.runners.verify.tables import Key, Names, flag, label, number, rows, vectors

Solutions = dict[tuple[Structure, str], Profile]
"""The equilibrium of a structure with a number."""


@dataclass
class Retelling:
    """A game told again, the tables that are held against it, and where the checks are counted."""

    retold: Retold
    tables: Mapping[str, pd.DataFrame]
    names: Names
    ledger: Ledger

    def named(self, structure: Structure) -> str:
        """Name a structure, for messages."""
        return self.retold.game.players.structure_name(structure)


def check_blocks(told: Retelling) -> None:
    """Check that every block is listed once, without worths, and whether some joint action of it is admissible."""
    claim = told.ledger.claim("coalitions with an admissible joint action")
    listed: dict[Key, bool | None] = {}
    columns = ("structure", "coalition", "viable", "worth", "required_worth", "slack")
    for structure, coalition, viable, *worths in rows(told.tables, "blocks", columns, told.ledger):
        key = told.names.structure(structure), told.names.coalition(coalition)
        fresh = key not in listed and all(isinstance(cell, float) and math.isnan(cell) for cell in worths)
        claim.check(fresh, f"{coalition} in {structure} is listed twice or has a worth")
        listed[key] = flag(viable)
    for structure in told.retold.equilibria:
        for block in structure:
            threats = told.retold.threats(structure, block)
            payoffs = (told.retold.payoff(structure, profile) for profile in told.retold.profiles(structure))
            stands = any(told.retold.objection(block, x, threats) is None for x in payoffs)
            claim.flag(f"block {block} in {told.named(structure)}", listed.pop((structure, block), None), stands)
    claim.check(not listed, f"{len(listed)} rows name no coalition of a structure")


def check_equilibria(told: Retelling) -> Solutions:
    """Check that the table lists exactly the equilibria; return them by structure and number."""
    claim = told.ledger.claim("the equilibria are all that there are")
    actions: dict[tuple[Structure, str], dict[Coalition, str]] = {}
    for structure, k, coalition, action in rows(
        told.tables, "equilibria", ("structure", "solution", "coalition", "action"), told.ledger
    ):
        where, who = told.names.structure(structure), told.names.coalition(coalition)
        if where is None or who is None or not claim.check(who in where, f"{coalition} is not in {structure}"):
            claim.fail(f"{structure}, {k}, {coalition} cannot be read")
            continue
        own = actions.setdefault((where, label(k)), {})
        claim.check(who not in own, f"{coalition} has two actions in equilibrium {k} of {structure}")
        own[who] = str(action)
    solutions: Solutions = {}
    for (where, k), chosen in actions.items():
        profile = told.retold.profile_of(where, chosen)
        fresh = profile is not None and profile not in {p for (pi, _), p in solutions.items() if pi == where}
        real = fresh and profile in told.retold.equilibria[where]
        if claim.check(real, f"number {k} of {told.named(where)} is no equilibrium") and profile is not None:
            solutions[where, k] = profile
    for structure, found in told.retold.equilibria.items():
        listed = {profile for (where, _), profile in solutions.items() if where == structure}
        claim.check(set(found) == listed, f"{told.named(structure)} has {len(found)} equilibria, not {len(listed)}")
    return solutions


def check_payoffs(told: Retelling, solutions: Solutions) -> None:
    """Check everybody's payoff in every equilibrium."""
    claim = told.ledger.claim("payoffs are those of the equilibria")
    left = {(pi, block, k, player) for pi, k in solutions for block in pi for player in members(block)}
    for structure, coalition, k, player, payoff in rows(
        told.tables, "payoffs", ("structure", "coalition", "solution", "player", "payoff"), told.ledger
    ):
        where, who, block = told.names.structure(structure), told.names.player(player), told.names.coalition(coalition)
        value = number(payoff)
        what = f"{player} in {structure}, equilibrium {k}"
        if (where, block, label(k), who) not in left or value is None or where is None or who is None:
            claim.fail(f"{what}, cannot be placed")
            continue
        left.discard((where, block, label(k), who))
        claim.equal(what, value, told.retold.payoff(where, solutions[where, label(k)])[who], told.retold.eps)
    claim.check(not left, f"{len(left)} payoffs are missing")


def check_threats(told: Retelling) -> None:
    """Check that the table of threats, where there is one, has every threat and no other."""
    if "threats" not in told.tables:
        return
    claim = told.ledger.claim("threats follow from finer structures")
    listed = _threat_vectors(told)
    for structure in told.retold.equilibria:
        for block in structure:
            for (part, outcome), real in told.retold.threats(structure, block).items():
                claimed = listed.pop((structure, part, outcome), [])
                check_vectors(claim, f"block {part} in {told.named(structure)}", claimed, real, told.retold.eps)
    for structure, _, _ in listed:
        claim.fail(f"a threat in {told.named(structure)} leads nowhere")


def _threat_vectors(told: Retelling) -> dict[Key, list[Payoffs]]:
    """Read the table of threats by structure, breakaway and resulting structure."""
    columns = ("structure", "breakaway", "resulting_structure", "threat", "player", "payoff")
    names, parsed = told.names, []
    for line in rows(told.tables, "threats", columns, told.ledger):
        pi, part, result, k = line[:4]
        parsed.append(
            ((names.structure(pi), names.coalition(part), names.structure(result), k), names.coalition(part), line)
        )
    return vectors("threats", parsed, names, told.ledger.claim("threats table readable"))


def check_met(told: Retelling, solutions: Solutions) -> None:
    """Check who declines each threat in each equilibrium, and that somebody declines every threat."""
    if "met" not in told.tables:
        return
    claim = told.ledger.claim("every threat is declined by a member who gets as much")
    declined: dict[Key, int] = {}
    columns = ("structure", "coalition", "solution", "breakaway", "resulting_structure", "player")
    for line in rows(told.tables, "met", (*columns, "payoff", "threat_payoff"), told.ledger):
        where, block, part = told.names.structure(line[0]), told.names.coalition(line[1]), told.names.coalition(line[3])
        outcome, who, k = told.names.structure(line[4]), told.names.player(line[5]), label(line[2])
        have, offered = number(line[6]), number(line[7])
        words = partial("{0}, equilibrium {2}: {5} does not decline for {3}".format, *line)
        if (
            where is None
            or block is None
            or who is None
            or have is None
            or offered is None
            or (where, k) not in solutions
        ):
            claim.fail(words)
            continue
        offers = told.retold.threats(where, block).get((part or 0, outcome or ()), [])
        real = any(
            abs(dict(zip(members(part or 0), y, strict=True)).get(who, math.inf) - offered) <= told.retold.eps
            for y in offers
        )
        gets = told.retold.payoff(where, solutions[where, k])[who]
        claim.check(real and have >= offered - told.retold.eps, words)
        claim.equal(f"payoff of {line[5]} in {line[0]}", have, gets, told.retold.eps)
        key = (where, block, k, part, outcome)
        declined[key] = declined.get(key, 0) + 1
    for where, k in solutions:
        for block in where:
            for (part, outcome), offers in told.retold.threats(where, block).items():
                count = declined.get((where, block, k, part, outcome), 0)
                claim.check(
                    count == len(offers), f"{told.named(where)}, equilibrium {k}: a threat is not declined once"
                )


def check_failures(told: Retelling) -> None:
    """Check that the threats listed for a coalition are real, and that one of them blocks whatever it can do."""
    if "failures" not in told.tables:
        return
    claim = told.ledger.claim("coalitions that fail are blocked whatever they do")
    columns = ("structure", "coalition", "breakaway", "resulting_structure", "threat", "player", "payoff")
    names, parsed = told.names, []
    for line in rows(told.tables, "failures", columns, told.ledger):
        key = names.structure(line[0]), names.coalition(line[1]), names.coalition(line[2]), names.structure(line[3])
        parsed.append(((*key, line[4]), key[2], line))
    reasons: dict[tuple[Structure, Coalition], Threats] = {}
    for (pi, block, part, outcome), found in vectors("failures", parsed, names, claim).items():
        reasons.setdefault((pi, block), {})[part, outcome] = found
    for structure, profiles in told.retold.equilibria.items():
        for block in structure if not profiles else ():
            given = reasons.pop((structure, block), {})
            real = told.retold.threats(structure, block)
            payoffs = [told.retold.payoff(structure, profile) for profile in told.retold.profiles(structure)]
            fails = all(told.retold.objection(block, x, real) for x in payoffs)
            what = f"block {block} in {told.named(structure)}"
            for threat, claimed in given.items():
                check_vectors(claim, what, claimed, real.get(threat, []), told.retold.eps, complete=False)
            explained = all(told.retold.objection(block, x, given) for x in payoffs)
            claim.check(explained == fails, f"{what}: the threats listed do not explain whether it fails")
    claim.check(not reasons, "failures of coalitions that do not fail are listed")


def check_refusals(told: Retelling) -> None:
    """Check the reason why each profile of the structures that are not viable is no equilibrium."""
    if "refusals" not in told.tables:
        return
    claim = told.ledger.claim("every profile of a structure that is not viable is refused for a reason")
    columns = ("structure", "profile", "coalition", "reason", "breakaway", "resulting_structure", "action")
    given = {(line[0], line[1]): line[2:] for line in rows(told.tables, "refusals", columns, told.ledger)}
    for structure, found in told.retold.equilibria.items():
        for profile in told.retold.profiles(structure) if not found else ():
            actions = _actions(told, structure, profile)
            name = told.retold.game.profile_name(structure, actions)
            reason = given.pop((told.named(structure), name), None)
            holds = reason is not None and _upset(told, structure, profile, reason)
            claim.check(
                holds,
                partial("{0}: {1} is not refused, or not for the reason given".format, told.named(structure), name),
            )
    claim.check(not given, f"{len(given)} refusals of profiles that there are not")


def _actions(told: Retelling, structure: Structure, profile: Profile) -> list[str]:
    return [told.retold.game.joint_actions(block)[k] for block, k in zip(structure, profile, strict=True)]


def _upset(told: Retelling, structure: Structure, profile: Profile, reason: tuple[object, ...]) -> bool:
    """Tell whether a coalition has the reason that is given to refuse a profile."""
    coalition, why, breakaway, resulting, action = reason
    block = told.names.coalition(coalition)
    if block is None or block not in structure:
        return False
    x, threats = told.retold.payoff(structure, profile), told.retold.threats(structure, block)
    if why == "disagreement":
        return told.retold.objection(block, x, {}) is not None
    if why == "threat":
        part, outcome = told.names.coalition(breakaway), told.names.structure(resulting)
        offers = threats.get((part or 0, outcome or ()), [])
        return any(told.retold.blocks(part or 0, y, x) for y in offers)
    names, k = told.retold.game.joint_actions(block), structure.index(block)
    if why != "better answer" or action not in names:
        return False
    better = told.retold.payoff(structure, (*profile[:k], names.index(str(action)), *profile[k + 1 :]))
    allowed = told.retold.objection(block, better, threats) is None
    return allowed and told.retold.value(block, better) > told.retold.value(block, x)
