"""The result tables of a game in strategic form without transfers, as DataFrames keyed by names.

Worths do not exist without transfers: the columns ``worth``, ``required_worth``, ``slack`` and ``shortfall`` are empty
(not a number). A solution is an equilibrium of the whole structure, with the same number in all of its coalitions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.runners.strategic_recursion import (
    BoolArray,
    FloatArray,
    Judged,
    StrategicMap,
    admissible,
    best_answers,
    declined,
)

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A threat with its number within the structure that it is made in and its breakaway."""

    breakaway: Coalition
    structure: Structure
    number: int
    vector: FloatArray


def numbered_threats(result: StrategicMap, structure: Structure, block: Coalition) -> list[Numbered]:
    """Return every threat that a block faces, numbered within its breakaway."""
    found: list[Numbered] = []
    counts: dict[Coalition, int] = {}
    for forecast in result.forecasts(structure, block):
        for vector in forecast.vectors:
            number = counts[forecast.breakaway] = counts.get(forecast.breakaway, 0) + 1
            found.append(Numbered(forecast.breakaway, forecast.structure, number, vector))
    return found


def structures_table(result: StrategicMap) -> pd.DataFrame:
    """One row per structure: number of coalitions, verdict, coarsest, efficient, number of equilibria.

    While structures are still to be judged, which are coarsest or efficient is not known, and none is said to be.
    """
    complete = len(result.judged) == len(result.lattice.patterns)
    coarsest = result.coarsest() if complete else set()
    efficient = efficient_structures(result) if complete else set()
    rows: list[Row] = [
        (
            result.game.players.structure_name(judged.structure),
            len(judged.structure),
            judged.viable,
            judged.structure in coarsest,
            judged.structure in efficient,
            len(judged.equilibria),
        )
        for judged in result.judged
    ]
    columns = ["structure", "coalitions", "viable", "coarsest", "efficient", "equilibria"]
    return pd.DataFrame(rows, columns=columns)


def efficient_structures(result: StrategicMap) -> set[Structure]:
    """Return the structures with an equilibrium that no profile of any structure Pareto-dominates.

    A profile dominates payoffs x when nobody gets less than x_i - eps and somebody more than x_i + eps.
    """
    everything = np.concatenate([v.reshape(-1, v.shape[-1]) for v in result.game.payoffs.values()])
    everything = np.unique(everything, axis=0)
    everything = everything[np.argsort(-everything.sum(axis=1), kind="stable")]
    known: dict[tuple[float, ...], bool] = {}

    def dominated(x: FloatArray) -> bool:
        key = tuple(x.tolist())
        if key not in known:
            over = (everything >= x - result.eps).all(axis=1) & (everything > x + result.eps).any(axis=1)
            known[key] = bool(over.any())
        return known[key]

    return {j.structure for j in result.judged if any(not dominated(x) for x in j.payoffs)}


def blocks_table(result: StrategicMap) -> pd.DataFrame:
    """One row per block of every structure; viable when some joint action is admissible against some of the others."""
    rows: list[Row] = [
        (*_where(result, judged.structure, block), math.nan, math.nan, math.nan, standing)
        for judged in result.judged
        for block, standing in zip(judged.structure, judged.standing, strict=True)
    ]
    return pd.DataFrame(rows, columns=["structure", "coalition", "worth", "required_worth", "slack", "viable"])


def _where(result: StrategicMap, structure: Structure, block: Coalition) -> tuple[str, str]:
    players = result.game.players
    return players.structure_name(structure), players.coalition_name(block)


def payoffs_table(result: StrategicMap) -> pd.DataFrame:
    """One row per player of every equilibrium."""
    names = result.game.players.names
    rows: list[Row] = [
        (*_where(result, judged.structure, block), number, names[player], float(payoffs[player]))
        for judged in result.judged
        for block in judged.structure
        for number, payoffs in enumerate(judged.payoffs, start=1)
        for player in members(block)
    ]
    return pd.DataFrame(rows, columns=["structure", "coalition", "solution", "player", "payoff"])


def equilibria_table(result: StrategicMap) -> pd.DataFrame:
    """One row per coalition of every equilibrium: its joint action."""
    rows: list[Row] = []
    for judged in result.judged:
        actions = [result.game.joint_actions(block) for block in judged.structure]
        for number, chosen in enumerate(judged.equilibria.tolist(), start=1):
            for block, own, k in zip(judged.structure, actions, chosen, strict=True):
                structure, coalition = _where(result, judged.structure, block)
                rows.append((structure, number, coalition, own[k]))
    return pd.DataFrame(rows, columns=["structure", "solution", "coalition", "action"])


def threats_table(result: StrategicMap) -> pd.DataFrame:
    """One row per player of every threat against every structure."""
    rows: list[Row] = []
    for structure, block in _bargaining(result):
        here = result.game.players.structure_name(structure)
        for threat in numbered_threats(result, structure, block):
            rows += [(here, *row) for row in _threat_rows(result, threat)]
    columns = ["structure", "breakaway", "resulting_structure", "threat", "player", "payoff"]
    return pd.DataFrame(rows, columns=columns)


def _bargaining(result: StrategicMap) -> Iterator[tuple[Structure, Coalition]]:
    """Yield the blocks with several members."""
    for judged in result.judged:
        yield from ((judged.structure, block) for block in judged.structure if block.bit_count() > 1)


def _source(result: StrategicMap, threat: Numbered) -> tuple[str, str, int]:
    players = result.game.players
    return players.coalition_name(threat.breakaway), players.structure_name(threat.structure), threat.number


def _threat_rows(result: StrategicMap, threat: Numbered) -> Iterator[Row]:
    names = result.game.players.names
    for player, payoff in zip(members(threat.breakaway), threat.vector.tolist(), strict=True):
        yield (*_source(result, threat), names[player], payoff)


def met_table(result: StrategicMap) -> pd.DataFrame:
    """For every equilibrium and every threat, the member who has least reason to leave: the proof that it holds."""
    names = result.game.players.names
    rows: list[Row] = []
    for judged in result.judged:
        for block in judged.structure if judged.viable else ():
            threats = numbered_threats(result, judged.structure, block)
            for number, payoffs in enumerate(judged.payoffs.tolist(), start=1):
                for threat in threats:
                    asked = dict(zip(members(threat.breakaway), threat.vector.tolist(), strict=True))
                    who = max(asked, key=lambda player: payoffs[player] - asked[player])
                    where = _where(result, judged.structure, block)
                    rows.append((*where, number, *_source(result, threat), names[who], payoffs[who], asked[who]))
    columns = ["structure", "coalition", "solution", "breakaway", "resulting_structure", "threat", "player"]
    return pd.DataFrame(rows, columns=[*columns, "payoff", "threat_payoff"])


def met_rows(result: StrategicMap) -> int:
    """Return about how many rows the table of declined threats would have, for the caller to decide on it."""
    return sum(
        len(judged.equilibria) * sum(len(forecast.vectors) for forecast in result.forecasts(judged.structure, block))
        for judged in result.judged
        for block in judged.structure
        if judged.viable and block.bit_count() > 1
    )


def failures_table(result: StrategicMap) -> pd.DataFrame:
    """For every coalition that no joint action serves, few threats that block all of its actions whatever others do."""
    rows: list[Row] = []
    for judged in result.judged:
        for block, standing in zip(judged.structure, judged.standing, strict=True):
            if not standing:
                where = _where(result, judged.structure, block)
                for threat in _blocking_everything(result, judged.structure, block):
                    rows += [(*where, math.nan, math.nan, math.nan, *row) for row in _threat_rows(result, threat)]
    columns = ["structure", "coalition", "worth", "required_worth", "shortfall", "breakaway", "resulting_structure"]
    return pd.DataFrame(rows, columns=[*columns, "threat", "player", "payoff"])


def _blocking_everything(result: StrategicMap, structure: Structure, block: Coalition) -> list[Numbered]:
    """Choose threats that together block every profile with payoffs of at least d; none of them can be left out."""
    payoffs = result.game.payoffs_in(structure)
    open_to_all = admissible(payoffs, block, [], result.game, result.eps)
    threats = numbered_threats(result, structure, block)
    passed = [declined(payoffs, t.breakaway, t.vector, result.eps) & open_to_all for t in threats]
    kept = _cover([open_to_all & ~one for one in passed], open_to_all)
    return [threats[k] for k in kept]


def _cover(blocked: Sequence[BoolArray], everything: BoolArray) -> list[int]:
    """Choose sets that cover ``everything``: the largest gain first, then leave out what is not needed."""
    left, kept = everything.copy(), []
    while left.any():
        gains = [int((one & left).sum()) for one in blocked]
        kept.append(int(np.argmax(gains)))
        left &= ~blocked[kept[-1]]
    for k in list(kept):
        others = [blocked[m] for m in kept if m != k]
        if not (everything & ~np.logical_or.reduce(others or [np.zeros_like(everything)])).any():
            kept.remove(k)
    return sorted(kept)


# --- why no profile of a structure is an equilibrium -----------------------------------------------------------------

REFUSALS = ["structure", "profile", "coalition", "reason", "breakaway", "resulting_structure", "threat", "action"]


def refusals_table(result: StrategicMap) -> pd.DataFrame:
    """For every profile of the structures that are not viable, one coalition that upsets it, and why.

    ``reason`` is ``disagreement`` (a member gets less than d), ``threat`` (a breakaway blocks) or ``better answer``
    (the coalition has an admissible ``action`` with a larger Nash product); ``threat`` is 0 where there is none.
    """
    rows: list[Row] = []
    for judged in result.judged:
        if not judged.viable:
            rows += _refusals(result, judged)
    return pd.DataFrame(rows, columns=REFUSALS)


def refused_profiles(result: StrategicMap) -> int:
    """Return how many rows the table of refusals has."""
    shapes = [result.game.payoffs_in(j.structure).shape[:-1] for j in result.judged if not j.viable]
    return sum(math.prod(shape) for shape in shapes)


def _refusals(result: StrategicMap, judged: Judged) -> list[Row]:
    """Explain every profile of a structure: threats first, then better answers."""
    game, structure = result.game, judged.structure
    payoffs = game.payoffs_in(structure)
    actions = [game.joint_actions(block) for block in structure]
    found: dict[tuple[int, ...], Row] = {}
    for block in structure:
        blocked_by = _first_objection(result, payoffs, structure, block)
        for profile, objection in blocked_by.items():
            found.setdefault(profile, (game.players.coalition_name(block), *objection, ""))
    for k, block in enumerate(structure):
        for profile, better in _better_answers(result, payoffs, structure, k).items():
            row = (game.players.coalition_name(block), "better answer", "", "", 0, actions[k][better])
            found.setdefault(profile, row)
    here = game.players.structure_name(structure)
    rows: list[Row] = []
    for profile in sorted(found):
        chosen = [own[k] for own, k in zip(actions, profile, strict=True)]
        rows.append((here, game.profile_name(structure, chosen), *found[profile]))
    return rows


def _first_objection(
    result: StrategicMap, payoffs: FloatArray, structure: Structure, block: Coalition
) -> dict[tuple[int, ...], Row]:
    """Return, for every profile that is not admissible to a block, the first thing that is in its way."""
    left = admissible(payoffs, block, [], result.game, result.eps)
    found: dict[tuple[int, ...], Row] = dict.fromkeys(_profiles(~left), ("disagreement", "", "", 0))
    for threat in numbered_threats(result, structure, block):
        blocked = left & ~declined(payoffs, threat.breakaway, threat.vector, result.eps)
        found |= dict.fromkeys(_profiles(blocked), ("threat", *_source(result, threat)))
        left &= ~blocked
    return found


def _better_answers(
    result: StrategicMap, payoffs: FloatArray, structure: Structure, axis: int
) -> dict[tuple[int, ...], int]:
    """Return, for every profile that is admissible to a block but not its best answer, the number of a best answer."""
    block = structure[axis]
    allowed = admissible(payoffs, block, list(result.forecasts(structure, block)), result.game, result.eps)
    best = best_answers(payoffs, axis, block, allowed, result.game, result.eps)
    first = np.broadcast_to(best.argmax(axis=axis, keepdims=True), best.shape)
    return {profile: int(first[profile]) for profile in _profiles(allowed & ~best)}


def _profiles(mask: BoolArray) -> list[tuple[int, ...]]:
    return [tuple(profile) for profile in np.argwhere(mask).tolist()]
