"""Verifiers of the egalitarian solution and of the allocation of theorem 3."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from breakaway.data.coalitions import Coalition, members
from breakaway.data.games import CharacteristicFunctionGame, Payoffs, weights_within
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.concepts.case import Case
from breakaway.runners.verify.divisions import asked_rows
from breakaway.runners.verify.lorenz import equal_division_rows, most_equal
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.partitions import parts
from breakaway.runners.verify.tables import Names, number, rows, vectors

MOST_FOLLOWED = 8
"""Up to this many players every stack is built again."""

ELEMENTS = "the elements are all most equal unblocked divisions"


def verify_egalitarian(case: Case) -> None:
    """Every element is unblocked and shares all, and the elements are exactly those that no other one dominates."""
    if "egalitarian_solutions" in case.tables:
        _check_recursion(case)
        return
    if isinstance(case.game, CharacteristicFunctionGame):
        asked = equal_division_rows(case.worths, case.game.players.everyone, case.disagreement)
    else:
        asked = case.division().asked
    _check_elements(case, "N", case.worth, case.disagreement, asked, list(map(tuple, case.payoffs)))


def _check_elements(case: Case, what: str, worth: float, floor: Matrix, asked: Matrix, given: list[Payoffs]) -> None:
    found = most_equal(worth, floor, asked, case.accuracy)
    claim = case.claim(ELEMENTS)
    if found is None:
        claim.leave(f"{what}: not re-proven, the search over {len(asked)} threats was cut short")
    else:
        check_vectors(claim, what, given, _once(found, case.eps), 2 * case.eps)


def _once(found: Matrix, eps: float) -> list[Payoffs]:
    """Return rows as vectors, one of those that agree within 2 eps."""
    kept: list[Payoffs] = []
    for row in found:
        if not any(np.abs(row - other).max() <= 2 * eps for other in kept):
            kept.append(tuple(row))
    return kept


def _check_recursion(case: Case) -> None:
    """Check E(S) of every coalition against the listed elements of its strict subcoalitions."""
    elements = _listed(case)
    for block in range(1, case.game.players.everyone + 1):
        inside = members(block)
        floor = case.disagreement[list(inside)]
        asked = [asked_rows(block, part, elements.get(part, [])) for part in parts(block)]
        joined = np.concatenate(asked) if asked else np.empty((0, len(inside)))
        name = case.game.players.coalition_name(block)
        _check_elements(case, name, float(case.worths[block]), floor, joined, elements.get(block, []))
    grand = elements.get(case.game.players.everyone, [])
    claim = case.claim("solutions are the elements listed for all players")
    check_vectors(claim, "N", list(map(tuple, case.payoffs)), grand, case.eps)


def _listed(case: Case) -> Mapping[Coalition, list[Payoffs]]:
    names = Names(case.game.players)
    columns = ("coalition", "solution", "player", "payoff")
    lines = rows(case.tables, "egalitarian_solutions", columns, case.ledger)
    parsed = (((block := names.coalition(line[0]), line[1]), block, line) for line in lines)
    claim = case.ledger.claim("egalitarian_solutions table readable")
    return {key[0]: found for key, found in vectors("egalitarian_solutions", parsed, names, claim).items()}


def verify_stacked_averages(case: Case) -> None:
    """Every stack takes the largest average of those left, and its division shares all above the averages."""
    if not isinstance(case.game, CharacteristicFunctionGame):
        case.claim("stacks").leave("there is no characteristic function")
        return
    gamma = _weights(case, case.game)
    averages = case.worths - case.totals(case.disagreement)
    averages[1:] /= case.totals(gamma)[1:]
    found = _stacks(case)
    listed = case.claim("a stack is listed for each solution")
    listed.check(len(found) == max(len(case.payoffs), 1), f"{len(found)} stacks, {len(case.payoffs)} solutions")
    for key, coalitions in found.items():
        floor = _check_stack(case, key, coalitions, averages, gamma)
        solution = int(key) - 1 if key.isdigit() else -1
        if case.status == "empty":
            gap = float(floor.sum()) - case.worth
            case.claim("the stack costs more than the worth").check(gap > 0, f"stack {key} costs {-gap:.6g} less", 0.0)
        elif listed.check(0 <= solution < len(case.payoffs), f"stack {key} belongs to no solution"):
            _check_shared(case, key, case.payoffs[solution], floor, gamma)
    if case.complete and len(gamma) <= MOST_FOLLOWED:
        _check_all(case, averages, gamma)


def _weights(case: Case, game: CharacteristicFunctionGame) -> Matrix:
    """Return weights in the ratios of the pairs, after checking that every strict subcoalition has them."""
    n = len(game.players)
    gamma = np.array(weights_within(game, game.players.everyone), dtype=float)
    if n > 2:
        pairs = [weights_within(game, 1 | 1 << j) for j in range(1, n)]
        gamma = np.array([1.0, *(own / first for first, own in pairs)])
    claim = case.claim("weights are consistent")
    for block in range(1, game.players.everyone):
        ratio = np.array(weights_within(game, block)) / gamma[list(members(block))]
        claim.check(float(np.ptp(ratio)) <= 1e-8 * float(ratio.max()), game.players.coalition_name(block))
    return gamma


def _stacks(case: Case) -> dict[str, list[Coalition]]:
    """Return the coalitions of each stack by its number, in the order of the steps."""
    names = Names(case.game.players)
    lines = rows(case.tables, "stacks", ("solution", "step", "coalition", "worth", "average"), case.ledger)
    claim = case.claim("stacks table readable")
    found: dict[str, list[tuple[float, Coalition]]] = {}
    for solution, step, text, worth, average in lines:
        block, place, key = names.coalition(text), number(step), number(solution)
        if not claim.check(None not in (block, place, key), f"stack {solution}, step {step}: {text} cannot be read"):
            continue
        found.setdefault(f"{key:.0f}", []).append((float(place or 0), int(block or 0)))
        claim.check(number(worth) == case.worths[int(block or 0)], f"{text} is not worth {worth}")
        claim.check(number(average) is not None, f"{text}: {average} is no average")
    return {key: [block for _, block in sorted(steps)] for key, steps in found.items()}


def _check_stack(case: Case, key: str, coalitions: list[Coalition], averages: Matrix, gamma: Matrix) -> Matrix:
    """Check that each coalition of a stack has the largest average of those left; return y."""
    claim = case.claim("each coalition has the largest average of those left")
    left, floor = case.game.players.everyone, case.disagreement.copy()
    slack = 4 * case.eps / float(gamma.min())
    for block in coalitions:
        name = case.game.players.coalition_name(block)
        if not claim.check(not block & ~left and block > 0, f"stack {key}: {name} has players of an earlier one"):
            continue
        rivals = [part for part in range(1, left + 1) if not part & ~left]
        best = float(averages[rivals].max())
        claim.check(averages[block] >= best - slack, f"stack {key}: {name} is outdone", best - float(averages[block]))
        inside = list(members(block))
        floor[inside] += gamma[inside] * averages[block]
        left ^= block
    claim.check(left == 0, f"stack {key} leaves players out")
    return floor


def _check_shared(case: Case, key: str, x: Matrix, floor: Matrix, gamma: Matrix) -> None:
    """Check that x shares all and is y, raised to a common level per unit of weight where y is below it."""
    room = len(x) * case.eps
    case.claim("all of the worth is shared").equal(f"solution {key}", float(x.sum()), case.worth, room)
    raised = x > floor + 2 * case.eps
    net = (x - case.disagreement) / gamma
    level = float(net[raised].max()) if raised.any() else -np.inf
    even = float(np.ptp(net[raised])) if raised.any() else 0.0
    claim = case.claim("at or above the stacked averages, raised where they are lowest")
    below = float((floor - x).max())
    words = partial("solution {}: a payoff is {:.6g} below its average".format, key, below)
    claim.check(below <= 2 * case.eps, words, max(below, 0.0))
    slack = 4 * case.eps / float(gamma.min())
    claim.check(even <= slack, f"solution {key}: raised to different levels", even)
    claim.check(bool((net >= level - slack).all()), f"solution {key}: somebody below the level is not raised")


def _check_all(case: Case, averages: Matrix, gamma: Matrix) -> None:
    """Check that no choice among equal averages leads to a division that is not listed."""
    floors = _all_floors(case, averages, case.game.players.everyone, case.eps / float(gamma.min()))
    claim = case.claim("every stack is followed")
    for levels in floors:
        floor = case.disagreement + gamma * levels
        if floor.sum() <= case.worth - len(floor) * case.eps:
            near = any(float((floor - x).max()) <= 4 * case.eps for x in case.payoffs)
            claim.check(near, f"averages {tuple(floor.round(9).tolist())} belong to no solution")


def _all_floors(case: Case, averages: Matrix, left: Coalition, slack: float) -> list[Matrix]:
    """Return the levels of every stack of the players left, each player's by column; equal ones once."""
    n = len(case.disagreement)
    if not left:
        return [np.zeros(n)]
    rivals = [part for part in range(1, left + 1) if not part & ~left]
    best = float(averages[rivals].max())
    found: dict[tuple[float, ...], Matrix] = {}
    for block in rivals:
        if averages[block] >= best - slack:
            for rest in _all_floors(case, averages, left & ~block, slack):
                levels = rest + best * np.array([block >> i & 1 for i in range(n)])
                found.setdefault(tuple(levels.round(12).tolist()), levels)
    return list(found.values())
