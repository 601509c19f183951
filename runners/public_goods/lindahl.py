"""Lindahl outcomes: actions a > 0 with J(a) a = 0, found for smooth utilities, and whether there are others.

Agent i has a personal price P_ij for a unit of j's action, negative for its own. Budgets balance, P a = 0; for every
action the others pay what its source receives; and at these prices nobody wants another outcome
(:mod:`breakaway.runners.public_goods.prices`).

The outcome is found by Newton's method for F(a) = J(a) a = 0 in log a, from a point at which F <= 0. The derivative of
F in a_j is J_ij + d/dt J_ij((1 + t) a) at t = 0, so that two more Jacobians give all of it.

At most one outcome is Lindahl when every u_i is strictly concave along rays from 0 and no F_i falls in the action of
another agent. Proof: let a and b be two, t = min a_i / b_i, attained at i, and name them so that t < 1. The second
condition gives F_i(a) >= F_i(t b). F_i(t b) / t is the slope of u_i(t b) in t, which by the first exceeds its value at
t = 1, which is F_i(b) = 0. So F_i(a) > 0, but F_i(a) = 0.

Reference: Elliott and Golub (2019), A Network Approach to Public Goods, theorem 1; Bodwin (2017), section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import FormUtilities, PublicGoodsGame, Terms
from breakaway.models import lindahl as programme
from breakaway.models.public_goods import derivative_rows, vector
from breakaway.runners.public_goods.prices import (
    LindahlOutcome,
    named,
    outside,
    priced,
    radial,
    relative_residual,
    strong_components,
    why_no_prices,
)
from breakaway.runners.public_goods.solution import rightmost_eigenvalue
from breakaway.runners.solvers import SolveError, SolverOptions, solve_model

METHODS = ("newton", "model")

STARTS = 8
"""Random starts of the search for further outcomes, besides the first."""

SPREAD = 1.5
"""Random starts differ from the outcome found by factors up to exp(SPREAD) either way."""

SEARCHED_AGENTS = 200
"""Most agents of an economy that is searched for further outcomes."""

NEWTON_STEPS = 60

LONGEST_STEP = 1.0
"""Newton changes no logarithm of an action by more than this in one step."""

DIFFERENCE = 1e-6
"""Relative difference of actions by which derivatives of J are taken along the ray."""

FARTHEST = 1e12
"""Largest action that is tried."""

RESIDUAL = 1e-12
"""Largest |(J(a) a)_i| of an outcome that is found, relative to the sum of the sizes of its terms."""

SAME = 1e-6
"""Outcomes whose actions differ by no more than this, relatively, count as one."""

MODEL_LIMIT = 100
"""Agents up to which the convex programme is asked when Newton's method finds nothing."""

UNDECIDED = 1e-9
"""A rightmost eigenvalue within this of 0, relative to the largest entry, has no sign."""

SHARE_COLUMNS = 50
"""Most agents for which the table of the outcome has a column of shares for every source."""

PRICED_AGENTS = 200
"""Most agents for which the table of prices is made: it has a row for every pair."""


@dataclass(frozen=True, eq=False)
class LindahlSearch:
    """What was found.

    Attributes
    ----------
    found
        All Lindahl outcomes that were found, that of the largest total action first.
    reason
        Why there is none, or how it is known whether there are others; and why there are no prices, if so.
    unique
        True when at most one can exist, by the proof above; False when several were found; None when it is not known.
    """

    found: tuple[LindahlOutcome, ...]
    reason: str
    unique: bool | None


# --- tests at a point ------------------------------------------------------------------------------------------------


def zero_in_core(game: PublicGoodsGame) -> bool | None:
    """Tell whether 0 is in the core: whether s(J(0)) <= 0; None when s is too near to 0 to tell, or a slope infinite.

    With several pieces active at 0, J takes from every agent the one that makes s(J) least: agents improve on 0
    together only if they do so on all pieces.
    """
    jacobian = _least_jacobian(game, np.zeros(len(game)))
    if jacobian is None:
        return None
    margin = UNDECIDED * float(np.abs(jacobian).max(initial=0.0))
    if _eigenvalues_below(jacobian, -margin):
        return True
    return None if _eigenvalues_below(jacobian, margin) else False


def _eigenvalues_below(jacobian: Floats, bound: float) -> bool:
    """Tell whether s(J) < bound: exactly when (bound I - J) z = 1 has a solution z > 0."""
    try:
        z = np.linalg.solve(bound * np.eye(len(jacobian)) - jacobian, np.ones(len(jacobian)))
    except np.linalg.LinAlgError:
        return False
    return bool((z > 0).all())


def _least_jacobian(game: PublicGoodsGame, x: Floats) -> Floats | None:
    """Return J with the active pieces for which s(J) is least, by policy iteration; None where a slope is infinite."""
    agents = range(len(game))
    try:
        rows = derivative_rows(game, x, agents, agents)
    except ValueError:
        return None
    choices = [np.array([row for (i, _), row in rows.items() if i == agent]) for agent in agents]
    picked = [0] * len(game)
    while True:
        jacobian = np.array([options[k] for options, k in zip(choices, picked, strict=True)])
        if len(rows) == len(game):
            return jacobian
        reach = jacobian @ (direction := _positive_direction(jacobian))
        better = [int((options @ direction).argmin()) for options in choices]
        gain = [reach[i] - float(choices[i][k] @ direction) for i, k in enumerate(better)]
        if max(gain) <= UNDECIDED * float(np.abs(jacobian).max()):
            return jacobian
        picked = [k if gain[i] > 0 else picked[i] for i, k in enumerate(better)]


def _positive_direction(jacobian: Floats) -> Floats:
    """Return d > 0 with sum 1 close to an eigenvector of s(J)."""
    n, scale = len(jacobian), float(np.abs(jacobian).max())
    values, vectors = np.linalg.eig(jacobian + UNDECIDED * scale / n)
    found = np.abs(vectors[:, int(values.real.argmax())].real)
    return np.asarray(found / found.sum(), dtype=np.float64)


def is_lindahl(game: PublicGoodsGame, outcome: Floats, tolerance: float = 1e-6) -> bool | None:
    """Tell whether a > 0 and |(J(a) a)_i| <= tolerance times the sum over j of |J_ij(a)| a_j, for every agent.

    None at a kink where some mixture of active pieces would have it so, but utilities are not differentiable.
    """
    if not (outcome > 0).all():
        return False
    agents = range(len(game))
    rows = derivative_rows(game, outcome, agents, agents)
    low, high = np.full(len(game), np.inf), np.full(len(game), -np.inf)
    for (i, _), row in rows.items():
        value, room = float(row @ outcome), tolerance * float(np.abs(row) @ outcome)
        low[i], high[i] = min(low[i], value - room), max(high[i], value + room)
    if not ((low <= 0) & (high >= 0)).all():
        return False
    return True if len(rows) == len(game) else None


# --- the search ------------------------------------------------------------------------------------------------------


def find_lindahl(
    game: PublicGoodsGame,
    options: SolverOptions | None = None,
    starts: int = STARTS,
    seed: int = 0,
    method: str = "newton",
) -> LindahlSearch:
    """Find the Lindahl outcomes of an economy with smooth utilities.

    Parameters
    ----------
    game
        The economy; its outcomes play no part.
    options
        For the solver of the programme, where that is asked.
    starts
        Random starts besides the first, where nothing proves that the outcome is the only one; none above
        :data:`SEARCHED_AGENTS` agents.
    seed
        Of the random starts.
    method
        ``"newton"``: Newton's method, and the programme when that finds nothing, up to :data:`MODEL_LIMIT` agents.
        ``"model"``: the programme :mod:`breakaway.models.lindahl` at any size, then Newton's method from there.

    Raises
    ------
    ValueError
        For an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r} of finding Lindahl outcomes: use one of {', '.join(METHODS)}")
    obstacle = _obstacle(game)
    if obstacle:
        return LindahlSearch((), obstacle, None)
    first = _newton(game, _upper_point(game)) if method == "newton" else None
    if first is None and (method == "model" or len(game) <= MODEL_LIMIT):
        first = _newton(game, _by_model(game, options))
    found = [] if first is None else [first]
    proven, starts = _at_most_one(game), starts if len(game) <= SEARCHED_AGENTS else 0
    if not (proven and found):
        _search_further(game, found, starts, np.random.default_rng(seed))
    return _answer(game, found, proven, starts)


def _search_further(game: PublicGoodsGame, found: list[Floats], starts: int, rng: np.random.Generator) -> None:
    """Add the outcomes that Newton's method reaches from random starts around the first found, or around 1."""
    around = found[0] if found else np.ones(len(game))
    for _ in range(starts):
        a = _newton(game, around * np.exp(rng.uniform(-SPREAD, SPREAD, len(game))))
        if a is not None and not any((np.abs(a - other) <= SAME * other).all() for other in found):
            found.append(a)


def _upper_point(game: PublicGoodsGame) -> Floats | None:
    """Return equal actions 1, 2, 4, ... at which no radial derivative is positive, or None."""
    x = np.ones(len(game))
    while (radial(game, x)[1] > 0).any():
        x = 2.0 * x
        if x[0] > FARTHEST:
            return None
    return x


def _by_model(game: PublicGoodsGame, options: SolverOptions | None) -> Floats | None:
    """Return the solution of the convex programme if it is positive."""
    above = _upper_point(game)
    model = programme.build(game, None if above is None else np.minimum(above, game.max_action))
    try:
        solve_model(model, options)
    except SolveError:
        return None
    actions = vector(game, model.action)
    return actions if actions.min() > 0 else None


def _newton(game: PublicGoodsGame, start: Floats | None) -> Floats | None:
    """Return a > 0 with J(a) a = 0, by Newton's method in log a, or None when it does not converge.

    Below :data:`RESIDUAL` it goes on for as long as the residual falls.
    """
    if start is None:
        return None
    a, best, least = start, None, np.inf
    for _ in range(NEWTON_STEPS):
        jacobian, values, sizes = radial(game, a)
        residual = relative_residual(values, sizes)
        if not np.isfinite(residual) or (best is not None and residual >= least):
            break
        if residual <= RESIDUAL:
            best, least = a, residual
        step = _newton_step(game, a, jacobian, values)
        if step is None or step.min() <= 0 or step.max() > FARTHEST:
            break
        a = step
    return best


def _newton_step(game: PublicGoodsGame, a: Floats, jacobian: Floats, values: Floats) -> Floats | None:
    """Return a moved towards J(a) a = 0; None when the derivative is singular."""
    up, down = (game.utilities.smooth_jacobian(a * (1.0 + h)) for h in (DIFFERENCE, -DIFFERENCE))
    derivative = (jacobian + (up - down) / (2.0 * DIFFERENCE)) * a
    try:
        step = np.linalg.solve(derivative, -values)
    except np.linalg.LinAlgError:
        return None
    found: Floats = a * np.exp(step / max(1.0, float(np.abs(step).max()) / LONGEST_STEP))
    return found


def _answer(game: PublicGoodsGame, found: list[Floats], proven: bool, starts: int) -> LindahlSearch:
    """Return the outcomes within the bounds, with their prices and what is known of others."""
    if not found:
        return LindahlSearch((), "none was found: Newton's method and the programme end at no a > 0", None)
    inside = sorted((a for a in found if a.max() <= game.max_action), key=lambda a: -float(a.sum()))
    if not inside:
        who = int(found[0].argmax())
        needs = f"{game.agents[who]} would have to act at {found[0][who]:.6g}, above max_action {game.max_action:g}"
        return LindahlSearch((), f"actions are bounded too tightly: {needs}", None)
    unique = False if len(inside) > 1 else (True if proven else None)
    known = {
        True: "at most one can exist: every utility is strictly concave along rays from 0, and no radial derivative "
        "falls in the action of another agent",
        False: f"{len(inside)} were found; there may be more",
        None: f"{starts or 'no'} further starts were tried and led to no other; whether there is one is not proven",
    }[unique]
    outcomes = tuple(priced(game, a) for a in inside)
    if outcomes[0].prices is None:
        known += f". There are no prices: {why_no_prices(game, inside[0])}"
    return LindahlSearch(outcomes, known, unique)


# --- why there is none, and whether there is only one ----------------------------------------------------------------


def _obstacle(game: PublicGoodsGame) -> str:
    """Return why there is no Lindahl outcome, '' when nothing speaks against it.

    Agents F who benefit from nobody else need J_FF(a) a_F = 0. By concavity J_FF(0) a_F is no less, so s(J_FF(0)) >= 0.
    """
    if len(game.utilities.pieces):
        return "utilities made of pieces have kinks; Lindahl outcomes are looked for where there are none"
    with np.errstate(divide="ignore", invalid="ignore"):
        jacobian = game.utilities.smooth_jacobian(np.zeros(len(game)))
    if not np.isfinite(jacobian).all():
        return ""
    for members in strong_components(jacobian):
        others, own = outside(members, len(game)), jacobian[np.ix_(members, members)]
        alone = not jacobian[np.ix_(members, others)].any()
        if alone and _eigenvalues_below(own, -UNDECIDED * float(np.abs(own).max())):
            who = f"{named(game, members)}, who benefit from nobody else," if len(others) else "the agents"
            return f"{who} cannot improve on not acting at all: s(J(0)) = {rightmost_eigenvalue(own):.4g} among them"
    return ""


def _at_most_one(game: PublicGoodsGame) -> bool:
    """Tell whether the forms prove that there is at most one Lindahl outcome: the two conditions of the module."""
    utilities = game.utilities
    if not isinstance(utilities, FormUtilities):
        return False
    curved = _curved(utilities.terms, len(game))
    if utilities.log_sums is not None:
        curved |= utilities.log_sums.coefficients.any(axis=1)
    if utilities.ces_sums is not None:
        has = utilities.ces_sums.coefficients.any(axis=1)
        if (utilities.ces_sums.exponent[has] <= 0).any():
            return False
    return bool(curved.all()) and _rising(utilities.terms)


def _curved(terms: Terms, n: int) -> NDArray[np.bool_]:
    """Tell of every agent whether a term makes its utility strictly concave along rays, shape (n,)."""
    forms = np.array(terms.form, dtype=object)
    flat = (forms == "linear") | ((forms == "power") & np.isin(terms.exponent, (0.0, 1.0)))
    found = np.zeros(n, dtype=bool)
    found[terms.agent[~flat & (terms.coefficient != 0)]] = True
    return found


def _rising(terms: Terms) -> bool:
    """Tell whether no term's c f'(x) x falls in the action of another agent."""
    forms = np.array(terms.form, dtype=object)
    rising = np.isin(forms, ("linear", "log", "sqrt")) | ((forms == "power") & (terms.exponent > 0))
    return bool((rising & (terms.coefficient >= 0))[terms.agent != terms.source].all())


# --- tables ----------------------------------------------------------------------------------------------------------


def price_tables(game: PublicGoodsGame, search: LindahlSearch) -> dict[str, pd.DataFrame]:
    """Return the tables ``lindahl`` and ``lindahl_prices`` of the first outcome; without rows where there is none."""
    outcome = search.found[0] if search.found else None
    actions = np.zeros(0) if outcome is None else outcome.actions
    columns: dict[str, object] = {
        "agent": game.agents if outcome is not None else (),
        "action": actions,
        "utility": np.zeros(0) if outcome is None else game.utilities.values(actions),
    }
    if outcome is not None and outcome.shares is not None and len(game) <= SHARE_COLUMNS:
        columns |= {f"share_{name}": outcome.shares[:, j] for j, name in enumerate(game.agents)}
    return {"lindahl": pd.DataFrame(columns), "lindahl_prices": _pairs(game, outcome)}


def _pairs(game: PublicGoodsGame, outcome: LindahlOutcome | None) -> pd.DataFrame:
    """Return a row for every pair of agents, up to :data:`PRICED_AGENTS` of them."""
    names, prices, shares = np.array(game.agents, dtype=object), np.zeros((0, 0)), np.zeros((0, 0))
    if outcome is None or outcome.prices is None or outcome.shares is None or len(game) > PRICED_AGENTS:
        names = names[:0]
    else:
        prices, shares = outcome.prices, outcome.shares
    pairs = {"agent": np.repeat(names, len(names)), "source": np.tile(names, len(names))}
    return pd.DataFrame(pairs | {"price": prices.ravel(), "share": shares.ravel()})
