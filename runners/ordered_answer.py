"""The answer about a characteristic function with many players: the grand coalition divided, every coalition judged.

The recursion divides every coalition, which takes 3^n steps and more. The ordered search (:mod:`.ordered`, with
:mod:`.chains`) judges every coalition in n 2^n steps by Theorem 2, and divides the grand coalition alone.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition
from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import About, HowToSolve, PhaseClock, UnfinishedError
from breakaway.runners.chains import OrderedDivision, divide_grand
from breakaway.runners.coalitional_nash import claims_of
from breakaway.runners.ordered import Floats, check_consistent, required_worths, threat_levels, worth_array
from breakaway.runners.ordered_exact import divide_edge
from breakaway.runners.search import Clause
from breakaway.runners.setting import scale_of
from breakaway.runners.stopping import STOPS, Stop, stop_of
from breakaway.runners.verify import verify_characteristic


def solve_ordered(game: CharacteristicFunctionGame, how: HowToSolve, about: About) -> Answer:
    """Return the coalitional Nash solutions of the grand coalition, and the required worth of every coalition.

    Parameters
    ----------
    game
        A characteristic function with the same weights in every coalition.
    how
        Tolerance, verification; ``rational`` decides the grand coalition's knife edge in fractions, and counts the
        coalitions on the edge that are not so decided (``knife_edges``).
    about
        Kind, title and source of the instance, for the answer.

    Returns
    -------
    Tables ``solutions`` (of N), ``coalitions``, ``coalition_solutions`` (of N and of single players only).

    Raises
    ------
    InconsistentWeightsError
        When coalitions have weights of their own.
    UnfinishedError
        When a limit is reached or the user interrupts; it carries the required worths where they are known.
    """
    check_consistent(game)
    how, clock = replace(how, method="ordered"), PhaseClock()
    worths = worth_array(game)
    eps = how.options.tolerance * scale_of(worths, game.players.disagreement)
    required: Floats | None = None
    try:
        levels = threat_levels(worths, game.players.weights, game.players.disagreement)
        required = required_worths(levels)
        single = 1 << np.arange(len(game.players))
        required[single] = np.minimum(required[single], worths[single])
        clock.lap("required worths")
        if how.rational and abs(worths[-1] - required[-1]) <= eps:
            found = OrderedDivision(divide_edge(game, levels, float(required[-1]), eps), math.nan, math.nan, 0)
        else:
            found = divide_grand(levels, float(worths[-1]), float(required[-1]), eps)
    except STOPS as error:
        stop = stop_of(error)
        raise UnfinishedError(stop.reason, _partial_answer(game, worths, required, stop, (how, eps, about))) from error
    clock.lap("grand coalition")
    tables = _tables(game.players, worths, required, found, eps)
    clock.lap("tables")
    claims = _claims(found, how, eps)
    if how.rational:
        claims["knife_edges"] = int((np.abs(worths - required)[1:-1] <= eps).sum())
    residual, checks = _verification(game, tables, claims, how)
    clock.lap("verification")
    certificate = Certificate("optimal", "proven optimum", {**claims, **checks}, residual)
    names = game.players.names
    return Answer("characteristic-function", *about, names, tables, certificate, how.asked(), clock.laps)


def _claims(found: OrderedDivision, how: HowToSolve, eps: float) -> dict[str, object]:
    """Return the claims about the grand coalition; the price and its bound let the optimum be proven again."""
    known = not math.isnan(found.price)
    return {
        **claims_of(found.division, how, eps),
        "price": found.price if known else None,
        "states": found.states,
        "coalition_solutions": "partial",
        "theorem_2": "not compared",
    }


def _tables(
    players: Players, worths: Floats, required: Floats, found: OrderedDivision, eps: float
) -> dict[str, pd.DataFrame]:
    solutions = found.division.solutions
    return {
        "solutions": _solutions_table(players, solutions),
        "coalitions": _with_verdict(coalitions_frame(players, worths, required, eps), found.division.viable),
        "coalition_solutions": _few_coalitions(players, worths, solutions),
    }


def _solutions_table(players: Players, solutions: tuple[Clause, ...]) -> pd.DataFrame:
    rows = [
        (number, players.names[i], float(payoff))
        for number, solution in enumerate(solutions, start=1)
        for i, payoff in solution
    ]
    return pd.DataFrame(rows, columns=["solution", "player", "payoff"])


def _few_coalitions(players: Players, worths: Floats, solutions: tuple[Clause, ...]) -> pd.DataFrame:
    """List the solutions of single players and of the grand coalition."""
    singles = [(1 << i, ((i, float(worths[1 << i])),)) for i in range(len(players))]
    listed: list[tuple[Coalition, int, Clause]] = [(single, 1, x) for single, x in singles]
    if len(players) > 1:
        listed += [(players.everyone, number, x) for number, x in enumerate(solutions, start=1)]
    rows = [
        (players.coalition_name(coalition), number, players.names[i], float(payoff))
        for coalition, number, x in listed
        for i, payoff in x
    ]
    return pd.DataFrame(rows, columns=["coalition", "solution", "player", "payoff"])


def coalitions_frame(players: Players, worths: Floats, required: Floats, eps: float) -> pd.DataFrame:
    """List every coalition, by size: worth, viability, required worth, slack; all arrays are by bitmask."""
    order = _by_size(len(players))
    slack = worths - required
    columns = {
        "coalition": np.array(_coalition_names(players), dtype=object)[order],
        "worth": worths[order],
        "viable": (slack >= -eps)[order],
        "required_worth": required[order],
        "slack": slack[order],
    }
    return pd.DataFrame(columns)


def _with_verdict(coalitions: pd.DataFrame, viable: bool) -> pd.DataFrame:
    """Enter the verdict on the grand coalition, which may have been decided in fractions, in the last row."""
    coalitions.loc[coalitions.index[-1], "viable"] = viable
    return coalitions


def _coalition_names(players: Players) -> list[str]:
    """Return the name of every coalition by bitmask, of nobody first."""
    names = [""]
    for player in players.names:
        names += [player, *(f"{name}+{player}" for name in names[1:])]
    return names


def _by_size(n: int) -> np.ndarray:
    """Return the bitmasks of all coalitions, smaller ones first, those of one size in the order of their members."""
    size, mirrored = np.zeros(1 << n, dtype=np.int8), np.zeros(1 << n, dtype=np.int32)
    for i in range(n):
        size[1 << i : 2 << i] = size[: 1 << i] + 1
        mirrored[1 << i : 2 << i] = mirrored[: 1 << i] | 1 << (n - 1 - i)
    return np.lexsort((-mirrored, size))[1:]


def _partial_answer(
    game: CharacteristicFunctionGame,
    worths: Floats,
    required: Floats | None,
    stop: Stop,
    asked: tuple[HowToSolve, float, About],
) -> Answer:
    """Tabulate the required worths, if they are known; no solution is proven."""
    how, eps, about = asked
    players = game.players
    empty = pd.DataFrame(columns=["coalition", "worth", "viable", "required_worth", "slack"])
    coalitions = empty if required is None else coalitions_frame(players, worths, required, eps)
    tables = {
        "solutions": _solutions_table(players, ()),
        "coalitions": coalitions,
        "coalition_solutions": _few_coalitions(players, worths, ()),
    }
    value, bound = stop.value, stop.bound
    claims = {
        "log_nash_product": value,
        "upper_bound": bound,
        "gap": None if value is None or bound is None else bound - value,
        **dict.fromkeys(tables, "partial"),
        "judged": len(coalitions),
        "of": players.everyone,
        "complete": False,
        "tolerance": eps,
        "method": how.method,
    }
    certificate = Certificate(stop.termination, "required worths only", claims)
    return Answer("characteristic-function", *about, players.names, tables, certificate, how.asked())


def _verification(
    game: CharacteristicFunctionGame, tables: dict[str, pd.DataFrame], claims: dict[str, object], how: HowToSolve
) -> tuple[float | None, dict[str, object]]:
    if not how.verify:
        return None, {"verified": False}
    verification = verify_characteristic(game, tables, claims, how.options.tolerance)
    return verification.residual, {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
