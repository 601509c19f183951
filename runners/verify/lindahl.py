"""Recompute Lindahl outcomes, their prices and the Pareto frontier of two agents by difference quotients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import FORMS, FormUtilities, Terms, Utilities
from breakaway.runners.verify.concave import quotients
from breakaway.runners.verify.provision import Provision
from breakaway.runners.verify.record import Claim, Ledger
from breakaway.runners.verify.tables import flag, keyed, label, number, rows

STEP = 1e-4
"""Central difference quotients are taken over this part of an action on either side; their error is of order STEP^2."""

NEAR_ZERO = 1e-6
"""J(a) a counts as 0 up to this, relative to |J(a)| |a|."""

PRICE_ROOM = 1e-6
"""By how much prices may differ from gradients, relative to what everybody pays and receives."""

NOISE = 1e-7
"""Difference quotients times actions below this, relative to utility, may be their error."""


# --- derivatives -----------------------------------------------------------------------------------------------------


def slopes(utilities: Utilities, point: Floats, steps: Floats) -> Floats:
    """Return difference quotients of utilities in every action, shape (n, n); terms of one action all at once."""
    if not isinstance(utilities, FormUtilities):
        return quotients(utilities.values, point, steps)
    terms, n = utilities.terms, len(point)
    moved = point + steps
    change = _each(terms, moved) - _each(terms, point)
    by_term: Floats = change / (moved - point)[terms.source]
    found = np.zeros((n, n))
    np.add.at(found, (terms.agent, terms.source), by_term)
    if len(utilities.pieces) or utilities.log_sums is not None or utilities.ces_sums is not None:
        found = found + quotients(replace(utilities, terms=Terms.of([])).values, point, steps)
    return found


def _each(terms: Terms, x: Floats) -> Floats:
    """Return the value of every term."""
    found, forms = np.empty(len(terms)), np.array(terms.form, dtype=object)
    for name in sorted(set(terms.form)):
        mine = forms == name
        found[mine] = FORMS[name].value(x[terms.source[mine]], terms.exponent[mine], terms.shift[mine])
    return terms.coefficient * found


def _sides(utilities: Utilities, point: Floats) -> tuple[Floats, Floats]:
    """Return lower and upper bounds of all supergradients at a positive point: quotients forward and backward."""
    return slopes(utilities, point, STEP * point), slopes(utilities, point, -STEP * point)


def is_lindahl(world: Provision, a: Floats) -> bool | None:
    """Tell whether everybody acts and J(a) a = 0; None where difference quotients do not tell.

    J(a) a is the derivative along the ray through a, which lies between the quotients forward and backward.
    """
    if not (a > 0).all():
        return False
    below, here, above = (world.game.utilities.values(part * a) for part in (1.0 - STEP, 1.0, 1.0 + STEP))
    forward, backward = (above - here) / STEP, (here - below) / STEP
    lower, upper = _sides(world.game.utilities, a)
    size = 0.5 * np.abs(lower + upper) @ a
    if len(world.game.utilities.pieces):
        outside = (forward > NEAR_ZERO * size) | (backward < -NEAR_ZERO * size)
        return False if outside.any() else None
    moved = size > NOISE * (1.0 + np.abs(here))
    part = float(np.divide(0.5 * np.abs(forward + backward), size, out=np.zeros(len(a)), where=moved).max())
    if part <= NEAR_ZERO and not moved.all():
        return None
    return None if 0.3 * NEAR_ZERO < part < 3.0 * NEAR_ZERO else part <= NEAR_ZERO


def zero_stays(world: Provision) -> bool | None:
    """Tell whether the rightmost eigenvalue of J(0) is at most 0; None within rounding of it, or at kinks."""
    n = len(world.game)
    found = slopes(world.game.utilities, np.zeros(n), np.full(n, 1e-7))
    right, size = float(np.linalg.eigvals(found).real.max()), float(np.abs(found).max())
    if right > 1e-5 * size:
        return False
    return True if right < -1e-5 * size and not len(world.game.utilities.pieces) else None


# --- the Lindahl outcome ---------------------------------------------------------------------------------------------


def check_lindahl(world: Provision, tables: Mapping[str, pd.DataFrame], ledger: Ledger) -> None:
    """Check the Lindahl outcome, its prices, and that nobody would rather have anything else at these prices."""
    if "lindahl" not in tables or (tables["lindahl"].empty and tables.get("lindahl_prices", pd.DataFrame()).empty):
        return
    place = {name: k for k, name in enumerate(world.game.agents)}
    claim = ledger.claim("lindahl table readable")
    lines = rows(tables, "lindahl", ("agent", "action", "utility"), ledger)
    read = keyed("lindahl", lines, 1, [lambda x: place.get(label(x)), number, number], claim)
    complete = len(read) == len(place) and all(None not in cells for cells in read.values())
    if not claim.check(complete, "lindahl: an agent, an action or a utility is missing"):
        return
    a, told = np.array([read[k,] for k in range(len(place))]).T
    highest = world.game.max_action
    possible = ledger.claim("Lindahl actions possible")
    if not possible.check(bool(((a > 0) & (a <= highest)).all()), "somebody does not act, or more than possible"):
        return
    utility = world.game.utilities.values(a)
    same = ledger.claim("Lindahl utilities follow from the actions")
    for name, own, found in zip(place, told.tolist(), utility.tolist(), strict=True):
        same.equal(name, own, found, world.tolerance * (1.0 + abs(found)))
    found_lindahl = is_lindahl(world, a)
    balanced = ledger.claim("the Lindahl outcome is one")
    if found_lindahl is None:
        balanced.leave("not decided by difference quotients")
    else:
        balanced.check(found_lindahl, "scaling it up or down would change somebody's utility")
    prices = _read_prices(world, tables, place, ledger)
    if prices is not None:
        _check_prices(world, a, prices[0], ledger)
        _check_shares(world, tables, *prices, ledger)


def _read_prices(
    world: Provision, tables: Mapping[str, pd.DataFrame], place: Mapping[str, int], ledger: Ledger
) -> tuple[Floats, Floats] | None:
    """Return prices P and shares, both of shape (n, n), row: who pays, column: whose action; None when incomplete."""
    n, claim = len(world.game), ledger.claim("lindahl_prices table readable")
    lines = rows(tables, "lindahl_prices", ("agent", "source", "price", "share"), ledger)
    parsers = [lambda x: place.get(label(x)), lambda x: place.get(label(x)), number, _or_nan]
    prices, shares = np.full((n, n), np.nan), np.full((n, n), np.nan)
    for (agent, source), (price, share) in keyed("lindahl_prices", lines, 2, parsers, claim).items():
        prices[agent, source] = np.nan if price is None else price
        shares[agent, source] = share
    claim.check(not np.isnan(prices).any(), "lindahl_prices: a price is missing")
    return None if np.isnan(prices).any() else (prices, shares)


def _or_nan(value: object) -> float:
    found = number(value)
    return float("nan") if found is None else found


def _check_prices(world: Provision, a: Floats, prices: Floats, ledger: Ledger) -> None:
    """Check signs, that prices of every action cancel out, budgets, and that prices follow the gradients of utility.

    With P_i = theta_i J_i, theta_i > 0, whatever agent i can afford, P_i x <= 0, is no better than a:
    u_i(x) <= u_i(a) + J_i (x - a) <= u_i(a).
    """
    sizes, names = np.abs(prices), world.game.agents
    signs = np.where(np.eye(len(a), dtype=bool), prices <= 0, prices >= 0).all(axis=1)
    ledger.claim("others pay for an action and the agent is paid").check(
        bool(signs.all()), f"a price of {names[int(signs.argmin())]} has the wrong sign"
    )
    tiny = np.finfo(float).tiny
    balance = ledger.claim("prices of every action add up to 0")
    for name, total, size in zip(names, prices.sum(axis=0).tolist(), (sizes.sum(axis=0) + tiny).tolist(), strict=True):
        balance.check(abs(total) <= PRICE_ROOM * size, f"those of {name} add up to {total:.6g}", total / size)
    budget = ledger.claim("everybody receives what it pays")
    for name, total, size in zip(names, (prices @ a).tolist(), (sizes @ a + tiny).tolist(), strict=True):
        budget.check(abs(total) <= PRICE_ROOM * size, f"{name} pays {total:.6g} more than it receives", total / size)
    _check_gradients(world, a, prices, ledger)


def _check_gradients(world: Provision, a: Floats, prices: Floats, ledger: Ledger) -> None:
    lower, upper = _sides(world.game.utilities, a)
    weighted, claim = 0.5 * (lower + upper) * a, ledger.claim("nobody would buy anything else at these prices")
    paid, noise = prices * a, NOISE * (1.0 + np.abs(world.game.utilities.values(a)))
    for i, name in enumerate(world.game.agents):
        if np.abs(weighted[i]).sum() <= noise[i]:
            claim.leave(f"not re-proven: no action changes the utility of {name} at the margin")
            continue
        theta = float(paid[i] @ weighted[i]) / float(weighted[i] @ weighted[i])
        away = float(np.abs(paid[i] - theta * weighted[i]).max())
        room = PRICE_ROOM * float(np.abs(paid[i]).sum())
        claim.check(theta > 0 and away <= room, f"the prices of {name} are not in proportion to its marginal utilities")


def _check_shares(
    world: Provision, tables: Mapping[str, pd.DataFrame], prices: Floats, shares: Floats, ledger: Ledger
) -> None:
    """Check shares P_ij / -P_jj of others, and that both tables have the same."""
    claim, names = ledger.claim("shares follow from the prices"), world.game.agents
    others = ~np.eye(len(names), dtype=bool)
    received = -np.diagonal(prices)
    owed = np.divide(prices, received, out=np.full_like(prices, np.nan), where=received > 0)
    same = np.isclose(shares, owed, rtol=1e-9, atol=1e-9, equal_nan=True)
    for i, j in np.argwhere(others & ~same).tolist():
        claim.check(False, f"{names[i]} of {names[j]}: {shares[i, j]:.6g}, recomputed {owed[i, j]:.6g}")
    claim.check(True, "")
    frame, place = tables["lindahl"], {name: k for k, name in enumerate(names)}
    told = [place[label(name)] for name in frame["agent"].tolist()]
    for j, name in enumerate(names):
        if f"share_{name}" not in frame.columns:
            continue
        column = np.array([_or_nan(cell) for cell in frame[f"share_{name}"].tolist()])
        wrong = others[told, j] & ~np.isclose(column, owed[told, j], rtol=1e-9, atol=1e-9, equal_nan=True)
        claim.check(not wrong.any(), f"share_{name} of {names[told[int(wrong.argmax())]]} is another")


# --- the frontier ----------------------------------------------------------------------------------------------------


def check_frontier(world: Provision, tables: Mapping[str, pd.DataFrame], alone: Floats, ledger: Ledger) -> None:
    """Check points of the Pareto frontier of two agents.

    Utilities are recomputed; nobody can gain while the other does; a point is in the core exactly when nobody could do
    better alone, ``alone`` being what the agents can have so.
    """
    if "frontier" not in tables or len(world.game) != 2:
        return
    place = {name: k for k, name in enumerate(world.game.agents)}
    claim = ledger.claim("frontier table readable")
    lines = rows(tables, "frontier", ("point", "agent", "action", "utility", "in_core"), ledger)
    parsers = [label, lambda x: place.get(label(x)), number, number, lambda x: "" if flag(x) is None else flag(x)]
    points: dict[str, dict[int, tuple[float, float, bool | str]]] = {}
    for (point, agent), (action, utility, stays) in keyed("frontier", lines, 2, parsers, claim).items():
        if action is not None and utility is not None:
            points.setdefault(point, {})[agent] = (action, utility, stays)
    for point, pair in points.items():
        if claim.check(len(pair) == 2, f"frontier: point {point} lacks an agent"):
            _check_frontier_point(world, point, [pair[0], pair[1]], alone, ledger)


def _check_frontier_point(
    world: Provision, point: str, cells: list[tuple[float, float, bool | str]], alone: Floats, ledger: Ledger
) -> None:
    a, told = np.array([[cell[0], cell[1]] for cell in cells]).T
    possible = ledger.claim("frontier within the actions")
    if not possible.check(bool(((a >= 0) & (a <= world.game.max_action)).all()), f"point {point}"):
        return
    utility = world.game.utilities.values(a)
    same = ledger.claim("frontier utilities follow from the actions")
    for own, found in zip(told.tolist(), utility.tolist(), strict=True):
        same.equal(f"point {point}", own, found, world.tolerance * (1.0 + abs(found)))
    best, stays = ledger.claim("frontier points are Pareto efficient"), ledger.claim("frontier points in the core")
    _check_no_improvement(world, point, a, best)
    most, flags = float((alone - utility).max()), {cell[2] for cell in cells}
    if abs(most - world.eps) <= world.band + world.tolerance * (1.0 + float(np.abs(utility).max())):
        stays.leave(f"point {point}: on the boundary")
    else:
        stays.check(flags == {most <= world.eps}, f"point {point}: somebody could gain {most:.6g} alone")


def _check_no_improvement(world: Provision, point: str, a: Floats, claim: Claim) -> None:
    """Check that no direction raises both utilities, up to the error of difference quotients.

    Where both are free to act more, some direction upward does when the rightmost eigenvalue of the quotients forward
    is above 0; where one acts as much as possible, when more of the other's action does. Some direction downward does
    when the eigenvalue of the quotients backward is below 0.
    """
    if not (a > 0).all():
        claim.leave("not re-proven where somebody does not act")
        return
    lower, upper = (matrix * a for matrix in _sides(world.game.utilities, a))
    room = STEP * float(max(np.abs(lower).max(), np.abs(upper).max()))
    free = a < world.game.max_action
    if free.all():
        rises = float(np.linalg.eigvals(lower).real.max()) > room
    else:
        rises = bool((lower[:, free] > room).all(axis=0).any())
    falls = float(np.linalg.eigvals(upper).real.max()) < -room
    claim.check(not (rises or falls), f"point {point}: both could gain by acting {'more' if rises else 'less'}")
