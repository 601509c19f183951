"""The tables of an answer about a game without transferable utility."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, coarsest, members, structures
from breakaway.data.games import NtuGame, Points, TotalWorth
from breakaway.results.text_ntu import EVERY_POINT
from breakaway.runners.asking import HowToSolve
from breakaway.runners.causes import irreducible_causes
from breakaway.runners.ntu_recursion import Named, NtuSolutions, Reach, divide, same_solutions, threat_game
from breakaway.runners.search import Clause
from breakaway.runners.threat_game import block_problem

MOST_EFFICIENCY = 6
"""Up to this many players efficiency is judged: it compares every structure with every other."""


def solutions_table(solved: NtuSolutions) -> pd.DataFrame:
    """One row per member of every solution of every coalition divided."""
    players = solved.players
    rows = [
        (players.coalition_name(coalition), number, players.names[player], float(payoff))
        for coalition in solved.divisions
        for number, solution in enumerate(solved.solutions(coalition), start=1)
        for player, payoff in solution
    ]
    return pd.DataFrame(rows, columns=["coalition", "solution", "player", "payoff"])


def coalitions_table(solved: NtuSolutions, naive: NtuSolutions | None, tolerance: float) -> pd.DataFrame:
    """One row per coalition divided; the log product is missing where it is zero or there is no solution."""
    rows = []
    for coalition, division in solved.divisions.items():
        log = division.log_product if division.log_product > -math.inf else math.nan
        row = [solved.players.coalition_name(coalition), division.viable, len(division.solutions), log]
        if naive is not None:
            row.append(same_solutions(division, naive.divisions[coalition], tolerance))
        rows.append(row)
    columns = ["coalition", "viable", "solutions", "log_nash_product"]
    return pd.DataFrame(rows, columns=columns + (["naive_agrees"] if naive is not None else []))


def naive_table(solved: NtuSolutions, naive: NtuSolutions, tolerance: float) -> pd.DataFrame:
    """Solutions of the naive problem (33), of the coalitions where they differ."""
    differing = {
        coalition: division
        for coalition, division in naive.divisions.items()
        if not same_solutions(solved.divisions[coalition], division, tolerance)
    }
    return solutions_table(NtuSolutions(solved.players, differing))


def structures_table(game: NtuGame, solved: NtuSolutions, eps: float) -> pd.DataFrame:
    """Every structure: viable when each of its coalitions is; efficiency where all sets are finite."""
    listed: list[Structure] = sorted(structures(game.players.everyone), key=lambda s: (-len(s), s))
    viable = {s: all(solved.divisions[block].viable for block in s) for s in listed}
    top = set(coarsest(s for s in listed if viable[s]))
    table = pd.DataFrame(
        {
            "structure": [game.players.structure_name(s) for s in listed],
            "coalitions": [len(s) for s in listed],
            "viable": [viable[s] for s in listed],
            "coarsest": [s in top for s in listed],
        }
    )
    finite = all(isinstance(feasible, Points) for feasible in game.feasible.values())
    if finite and len(game.players) <= MOST_EFFICIENCY:
        table["efficient"] = [viable[s] and _is_efficient(game, solved, s, listed, eps) for s in listed]
    return table


def _is_efficient(
    game: NtuGame, solved: NtuSolutions, structure: Structure, listed: list[Structure], eps: float
) -> bool:
    """Tell whether some solution of a structure is dominated by no allocation of any structure."""
    return any(
        not any(_dominates(game, other, x, eps) for other in listed) for x in _joint_solutions(solved, structure)
    )


def _joint_solutions(solved: NtuSolutions, structure: Structure) -> Iterator[dict[int, float]]:
    for parts in itertools.product(*(solved.solutions(block) for block in structure)):
        yield {player: float(payoff) for part in parts for player, payoff in part}


def _dominates(game: NtuGame, structure: Structure, x: dict[int, float], eps: float) -> bool:
    """Tell whether the blocks of a structure can give everybody x_i, and somebody more."""
    better = [_improves(game, block, x, eps) for block in structure]
    return None not in better and True in better


def _improves(game: NtuGame, block: Coalition, x: dict[int, float], eps: float) -> bool | None:
    """Tell whether some point gives all members x_i and one of them more; None when no point gives all x_i."""
    own = [x[player] for player in members(block)]
    feasible = game.feasible_set(block)
    points = feasible.payoffs if isinstance(feasible, Points) else ()
    enough = [p for p in points if all(y >= low - eps for y, low in zip(p, own, strict=True))]
    if not enough:
        return None
    return any(y > low + eps for p in enough for y, low in zip(p, own, strict=True))


def met_table(solved: NtuSolutions) -> pd.DataFrame:
    """For every solution of every coalition and every threat, the member who has least reason to leave."""
    players = solved.players
    rows = []
    for coalition in solved.divisions:
        threats = solved.threats(coalition)
        for number, solution in enumerate(solved.solutions(coalition), start=1):
            payoff_of = dict(solution)
            for threat in threats:
                who, asked = max(threat.clause, key=lambda pair: payoff_of[pair[0]] - pair[1])
                names = players.coalition_name(coalition), number, players.coalition_name(threat.breakaway)
                rows.append((*names, threat.number, players.names[who], float(payoff_of[who]), float(asked)))
    columns = ["coalition", "solution", "breakaway", "threat", "player", "payoff", "threat_payoff"]
    return pd.DataFrame(rows, columns=columns)


def failures_table(game: NtuGame, solved: NtuSolutions, how: HowToSolve, reach: Reach) -> pd.DataFrame:
    """Why coalitions are ineffective: for each point a threat that blocks it; otherwise threats that leave nothing."""
    players = game.players
    rows = []
    for coalition, division in solved.divisions.items():
        if division.viable:
            continue
        for point, threat in _causes(game, solved.threats(coalition), coalition, how, reach):
            names = players.coalition_name(coalition), point, players.coalition_name(threat.breakaway), threat.number
            rows += [(*names, players.names[player], float(payoff)) for player, payoff in threat.clause]
    return pd.DataFrame(rows, columns=["coalition", "point", "breakaway", "threat", "player", "payoff"])


def _causes(
    game: NtuGame, threats: list[Named], coalition: Coalition, how: HowToSolve, reach: Reach
) -> Iterator[tuple[str, Named]]:
    faced = threat_game(game, coalition, threats)
    feasible = faced.feasible
    if isinstance(feasible, Points):
        for name, x in zip(feasible.names, feasible.payoffs, strict=True):
            yield name, _strongest(threats, dict(zip(members(coalition), x, strict=True)))
        return
    if isinstance(feasible, TotalWorth):
        source = {_local(threat.clause, coalition): threat for threat in threats}
        kept = [source[clause] for clause in irreducible_causes(block_problem(faced, reach.eps))]
    else:
        kept = _irreducible(game, threats, coalition, how, reach)
    for threat in kept:
        yield EVERY_POINT, threat


def _strongest(threats: list[Named], x: dict[int, float]) -> Named:
    """Return the threat that gives all of its members most above x."""
    return max(threats, key=lambda threat: min(payoff - x[player] for player, payoff in threat.clause))


def _local(clause: Clause, coalition: Coalition) -> Clause:
    place = {player: k for k, player in enumerate(members(coalition))}
    return tuple((place[player], payoff) for player, payoff in clause)


def _irreducible(
    game: NtuGame, threats: list[Named], coalition: Coalition, how: HowToSolve, reach: Reach
) -> list[Named]:
    """Leave threats out, large coalitions first, as long as nothing is unblocked without them."""
    kept = list(threats)
    for threat in reversed(threats):
        fewer = [other for other in kept if other is not threat]
        if not divide(threat_game(game, coalition, fewer), how, reach, coalition).viable:
            kept = fewer
    return kept
