"""The answer about a public-goods economy: every outcome judged, and the Lindahl outcome, with what proves them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, Method, PhaseClock, UnfinishedError
from breakaway.runners.public_goods.brute_force import by_brute_force
from breakaway.runners.public_goods.elimination import by_elimination, by_elimination_as_printed
from breakaway.runners.public_goods.frontier import pareto_frontier
from breakaway.runners.public_goods.judge import best_alone, by_descent, individually_rational, membership_path
from breakaway.runners.public_goods.lindahl import (
    LindahlSearch,
    find_lindahl,
    is_lindahl,
    price_tables,
    zero_in_core,
)
from breakaway.runners.public_goods.solution import Levels, MembershipTest, Verdict, gains
from breakaway.runners.solvers import LimitReachedError
from breakaway.runners.verify.public_goods import verify_public_goods

METHODS: Mapping[Method, MembershipTest] = MappingProxyType(
    {
        "exact": by_descent,
        "descent": by_descent,
        "elimination": by_elimination,
        "elimination-as-printed": by_elimination_as_printed,
        "brute-force": by_brute_force,
    }
)
"""The tests of core membership by name; ``exact`` is the usual one."""

MOST_VERIFIED = 200
"""Most agents of an economy whose answer is verified without being asked."""

MOST_LINDAHL = 200
"""Most agents for whom the Lindahl outcome is computed without being asked for all detail."""

STATUS = {True: "in the core", False: "not in the core", None: "on the boundary"}


@dataclass(frozen=True, eq=False)
class Judged:
    """One outcome with its verdict and what else is said of it.

    ``verdict`` is None when a limit was reached. ``proof`` is the descent whose rounds prove the verdict, the verdict
    itself when that is how it was found.
    """

    name: str
    actions: Floats
    verdict: Verdict | None
    rational: bool | None
    lindahl: bool | None
    path: tuple[Floats, ...]
    proof: Verdict | None


def solve_public_goods(
    game: PublicGoodsGame,
    how: HowToSolve | None = None,
    about: About = UNNAMED,
    told: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Judge every outcome of an economy, and find its Lindahl outcome.

    Returns
    -------
    Tables ``membership`` (outcome, in_core, pareto_efficient, individually_rational, lindahl, ...), ``deviation``
    (outcome, agent, action, gain), ``elimination`` (outcome, round, agent, bound), ``membership_path``, ``lindahl``,
    ``lindahl_prices`` and, for two agents, ``frontier``; see :mod:`breakaway.results.tables`.

    Raises
    ------
    UnfinishedError
        When a limit is reached; it carries what is known.
    ValueError
        For a method that is not one of :data:`METHODS`, or more agents than it can take.
    """
    how, clock = how or HowToSolve(), PhaseClock()
    levels = Levels(how.least_gain)
    judged, reason = _judge_all(game, how, levels, told)
    clock.lap("outcomes")
    search = _lindahl(game, how)
    clock.lap("lindahl")
    tables = _tables(game, judged, levels, search)
    claims = _claims(game, how, levels, judged, search)
    clock.lap("tables")
    residual = None
    if how.verify or (how.verify is None and len(game) <= MOST_VERIFIED):
        verification = verify_public_goods(game, tables, claims, how.options.tolerance)
        residual = verification.residual
        claims |= {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
        clock.lap("verification")
    status = ("optimal", "proven optimum") if not reason else ("limit", "part of the outcomes")
    certificate = Certificate(*status, claims, residual)
    options = how.asked() | {"method": claims["method"]}
    answer = Answer("public-goods", *about, game.agents, tables, certificate, options, clock.laps)
    if reason:
        raise UnfinishedError(reason, answer)
    return answer


def _judge_all(
    game: PublicGoodsGame, how: HowToSolve, levels: Levels, told: Callable[[str], None]
) -> tuple[list[Judged], str]:
    """Judge the outcomes one by one; return them, and why not all were judged."""
    found: list[Judged] = []
    reasons = []
    limit, start, alone = how.options.time_limit, time.perf_counter(), best_alone(game)
    for k, (name, actions) in enumerate(zip(game.outcomes.names, game.outcomes.actions, strict=True)):
        if limit is not None and time.perf_counter() - start > limit:
            reasons.append(
                f"the time limit of {limit:g} s was reached with {k} of {len(game.outcomes)} outcomes judged"
            )
            break
        told(f"outcome {k + 1} of {len(game.outcomes)}: {name}")
        verdict: Verdict | None
        proof: Verdict | None
        try:
            verdict = METHODS[how.method](game, actions, levels, how.options)
            proof = verdict if verdict.method == "descent" else by_descent(game, actions, levels)
        except LimitReachedError as error:
            reasons.append(f"outcome {name!r}: {error}")
            verdict = proof = None
        found.append(_judge(game, name, actions, verdict, proof, levels, alone))
    return found, "; ".join(reasons)


def _judge(
    game: PublicGoodsGame,
    name: str,
    actions: Floats,
    verdict: Verdict | None,
    proof: Verdict | None,
    levels: Levels,
    alone: Floats,
) -> Judged:
    rational = individually_rational(game, actions, levels, alone)
    path = membership_path(game, actions, levels) if proof is not None and proof.in_core else ()
    return Judged(name, actions, verdict, rational, is_lindahl(game, actions), path, proof)


def _lindahl(game: PublicGoodsGame, how: HowToSolve) -> LindahlSearch:
    if len(game) > MOST_LINDAHL and how.detail != "all":
        return LindahlSearch((), f"not looked for with more than {MOST_LINDAHL} agents; ask for detail 'all'", None)
    return find_lindahl(game, how.options)


# --- tables ----------------------------------------------------------------------------------------------------------


def _tables(
    game: PublicGoodsGame, judged: list[Judged], levels: Levels, search: LindahlSearch
) -> dict[str, pd.DataFrame]:
    tables = {
        "membership": _membership(game, judged),
        "deviation": _deviations(game, judged),
        "elimination": _rounds(game, [(j.name, j.verdict) for j in judged]),
        "membership_path": _chains(game, "action", "step", [(j.name, j.path) for j in judged]),
        **price_tables(game, search),
    }
    if any(j.proof is not j.verdict for j in judged):
        tables["proof"] = _rounds(game, [(j.name, j.proof) for j in judged])
    if len(game) == 2:
        tables["frontier"] = pareto_frontier(game, levels=levels)
    return tables


def _rounds(game: PublicGoodsGame, verdicts: list[tuple[str, Verdict | None]]) -> pd.DataFrame:
    """Return the bounds of everybody's action by round, with the multipliers of the start in round 0."""
    known = [(name, verdict) for name, verdict in verdicts if verdict is not None and verdict.rounds]
    found = _chains(game, "bound", "round", [(name, verdict.rounds) for name, verdict in known])
    found["multiplier"] = np.nan
    for name, verdict in known:
        if verdict.multipliers is not None:
            found.loc[(found["outcome"] == name) & (found["round"] == 0), "multiplier"] = verdict.multipliers
    return found


def _membership(game: PublicGoodsGame, judged: list[Judged]) -> pd.DataFrame:
    rows = [(j.name, *_standing(game, j), *_findings(game, j)) for j in judged]
    columns = ["outcome", "in_core", "pareto_efficient", "individually_rational", "lindahl"]
    return pd.DataFrame(rows, columns=[*columns, "status", "coalition", "least_gain", "rounds"], dtype=object).astype(
        {"least_gain": float}
    )


def _standing(game: PublicGoodsGame, j: Judged) -> tuple[bool | None, ...]:
    """Whether the outcome is in the core, Pareto efficient, individually rational, and a Lindahl outcome."""
    if j.verdict is None:
        return None, None, j.rational, j.lindahl
    efficient = _efficient(game, j.verdict)
    return j.verdict.in_core, efficient, j.rational, j.lindahl


def _efficient(game: PublicGoodsGame, verdict: Verdict) -> bool | None:
    """Everybody together cannot gain: the coalition of all does not deviate."""
    if verdict.in_core is None:
        return None
    if verdict.in_core or len(verdict.coalition) < len(game):
        return True if verdict.complete else None
    return False


def _findings(game: PublicGoodsGame, j: Judged) -> tuple[object, ...]:
    verdict = j.verdict
    if verdict is None:
        return "not decided", None, np.nan, 0
    members = list(verdict.coalition)
    name = "+".join(game.agents[i] for i in members) or None
    least = np.nan if verdict.deviation is None else float(gains(game, j.actions, verdict.deviation)[members].min())
    return STATUS[verdict.in_core], name, least, max(len(verdict.rounds) - 1, 0)


def _deviations(game: PublicGoodsGame, judged: list[Judged]) -> pd.DataFrame:
    rows = []
    for j in judged:
        if j.verdict is not None and j.verdict.deviation is not None:
            y = j.verdict.deviation
            gain = gains(game, j.actions, y)
            rows += [(j.name, game.agents[i], float(y[i]), float(gain[i])) for i in j.verdict.coalition]
    return pd.DataFrame(rows, columns=["outcome", "agent", "action", "gain"])


def _chains(
    game: PublicGoodsGame, value: str, number: str, chains: list[tuple[str, tuple[Floats, ...]]]
) -> pd.DataFrame:
    """Return points by outcome and step in long form."""
    agents = np.array(game.agents, dtype=object)
    blank = pd.DataFrame({"outcome": [], number: np.zeros(0, dtype=np.int64), "agent": [], value: np.zeros(0)})
    parts = [
        pd.DataFrame({"outcome": name, number: step, "agent": agents, value: point})
        for name, points in chains
        for step, point in enumerate(points)
    ]
    return pd.concat(parts, ignore_index=True) if parts else blank


def _claims(
    game: PublicGoodsGame, how: HowToSolve, levels: Levels, judged: list[Judged], search: LindahlSearch
) -> dict[str, object]:
    known = [j.verdict for j in judged if j.verdict is not None]
    method = known[0].method if known else str(how.method)
    claims: dict[str, object] = {
        "method": method,
        "eps": levels.eps,
        "band": levels.band,
        "tolerance": how.options.tolerance,
        "programs": sum(verdict.programs for verdict in known),
        "zero_in_core": zero_in_core(game),
        "lindahl_unique": search.unique,
        "lindahl_residual": search.found[0].residual if search.found else None,
        "lindahl_reason": search.reason or None,
    }
    unbounded = [j.name for j in judged if j.verdict is not None and not j.verdict.complete]
    return claims | ({"unbounded": unbounded} if unbounded else {})
