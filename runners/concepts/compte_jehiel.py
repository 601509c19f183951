"""The Nash product over the core: Ipopt finds the coalitions that bind, Newton's method the payoffs, duals a bound.

1. An empty core has no solution; the balanced collection says why. 2. A linear programme tells whether everybody can
gain within the core; if not, the product is 0 all over it. 3. Ipopt maximises the product. 4. On the coalitions that
are tight there, Newton's method solves sum of gamma log(x - d) with x(S) = v(S) to the precision of floats. 5. The
multipliers prove a bound by weak duality; what is not proven to 1e-12 is tried again with other tight coalitions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyomo.environ as pyo

from breakaway.data.coalitions import members
from breakaway.data.games import Payoffs
from breakaway.models import compte_jehiel
from breakaway.results.wording import braces, listing
from breakaway.runners.concepts.coalition_rows import scale_factor, scaled_game, solve_by_rows, tabled_game
from breakaway.runners.concepts.core import core_points, empty_core
from breakaway.runners.concepts.question import Concept, Found, Question, UndefinedError
from breakaway.runners.concepts.rational import KnownTotals
from breakaway.runners.division import fraction_of
from breakaway.runners.ordered import subset_sums
from breakaway.runners.solvers import solve_model

MOST_PLAYERS = 12
"""Most players; Ipopt gets a row for each of their coalitions."""

TIGHT = (1e-6, 1e-7, 1e-5, 1e-8, 1e-4)
"""A coalition with less slack than this, relative to the scale of the game, is tried as tight, in this order."""

PROVEN = 1e-12
"""A bound this close to the value, relative to it, needs no further try."""

DEPENDENT = 1e-9
"""A column of zeros and ones this close to others' span depends on them."""

MOST_STEPS = 60
"""Most steps of Newton's method."""


class _Proven(NamedTuple):
    """Payoffs, the log of their product, its proven bound, and the coalitions with a positive multiplier."""

    payoffs: np.ndarray
    value: float
    bound: float
    binding: list[int]


def _compte_jehiel(question: Question) -> Found:
    tabled_game(question)
    n = len(question.players)
    if n > MOST_PLAYERS:
        raise UndefinedError(f"is computed up to {MOST_PLAYERS} players")
    empty = empty_core(question)
    if empty is not None:
        return Found((), note=f"the core is empty: {empty.note}", tables=empty.tables)
    if n == 1:
        gain = question.worth - float(question.disagreement[0])
        value = float(question.weights[0]) * math.log(gain) if gain > question.eps else None
        return Found(((question.worth,),), value=value, bound=value)
    start = _smallest_gain(question)
    if start is None:
        points, complete = core_points(question)
        return Found(points, "polytope", complete, note="every division in the core leaves somebody at disagreement")
    proven = _maximise(question, start)
    payoffs: Payoffs = tuple(map(float, proven.payoffs))
    return Found((payoffs,), value=proven.value, bound=proven.bound, note=_who_binds(question, proven))


def _smallest_gain(question: Question) -> dict[str, float] | None:
    """Return payoffs (scaled) in the core at which everybody gains; None when there are none (step 2)."""
    game = scaled_game(question)
    model = solve_by_rows(
        question,
        lambda rows: compte_jehiel.build(game, "smallest_gain", rows),
        range(1, question.players.everyone),
    )
    gain = pyo.value(model.smallest_gain) / scale_factor(question)
    if gain <= question.eps:
        return None
    return {name: pyo.value(payoff) for name, payoff in model.payoff.items()}


def _maximise(question: Question, start: dict[str, float]) -> _Proven:
    """Return the best division that some choice of tight coalitions proves (steps 3 to 5)."""
    factor = scale_factor(question)
    model = compte_jehiel.build(scaled_game(question), "nash_product", start=start)
    solve_model(model, question.how.options, solver="ipopt")
    rough = np.array([pyo.value(payoff) for payoff in model.payoff.values()])
    duals = np.zeros(question.players.everyone + 1)
    for coalition, row in zip(range(1, question.players.everyone), model.enough.values(), strict=True):
        duals[coalition] = max(0.0, -float(model.dual.get(row, 0.0)))
    slack = subset_sums(rough) - question.worths * factor
    found = []
    for most in TIGHT:
        tight = np.flatnonzero(slack <= most)
        tight = tight[(tight > 0) & (tight < question.players.everyone)]
        proven = _on_face(question, rough / factor, tight, duals * factor)
        late = float((question.worths - subset_sums(proven.payoffs))[1:-1].max())
        if proven.bound - proven.value <= PROVEN * max(1.0, abs(proven.value)) and late <= question.eps:
            return proven
        found.append((max(late, 0.0) / question.scale + proven.bound - proven.value, proven))
    return min(found, key=lambda pair: pair[0])[1]


def _on_face(question: Question, rough: np.ndarray, tight: np.ndarray, duals: np.ndarray) -> _Proven:
    """Maximise over {x : x(N) = v(N), x(S) = v(S) for tight S}, and prove a bound with the multipliers."""
    everyone, n = question.players.everyone, len(rough)
    face = [everyone, *tight.tolist()]
    rows = np.array([[float(s >> i & 1) for i in range(n)] for s in face])
    right = question.worths[face]
    x = _newton(rough, rows, right, question.weights, question.disagreement)
    for i, payoff in _settled(question, face).items():
        x[i] = payoff
    price = question.weights / (x - question.disagreement)
    multipliers = _multipliers(rows, price, duals[tight])
    signs = np.array([1.0] + [-1.0] * len(tight))
    value = float(question.weights @ np.log(x - question.disagreement))
    bound = _bound(question, (signs * multipliers) @ rows, float((signs * multipliers) @ right))
    binding = [int(s) for s, m in zip(tight, multipliers[1:], strict=True) if m > 1e-6 * price.max()]
    return _Proven(x, value, max(bound, value), binding)


def _settled(question: Question, face: list[int]) -> dict[int, float]:
    """Return the payoffs that follow from the worths of the tight coalitions alone, computed in fractions."""
    known = KnownTotals(len(question.players))
    for coalition in face:
        known.add(coalition, fraction_of(float(question.worths[coalition])))
    return {i: float(payoff) for i, payoff in known.settled_payoffs().items()}


def _multipliers(rows: np.ndarray, price: np.ndarray, duals: np.ndarray) -> np.ndarray:
    """Return mu and lambda >= 0 with price = mu - sum over S of lambda_S 1_S, on few coalitions.

    The solver's duals may be large where many coalitions are tight; on independent ones they are not.
    """
    columns = np.array([1.0] + [-1.0] * len(duals)) * rows.T
    rough = np.array([float(np.mean(price + duals @ rows[1:])), *duals])
    support = _independent(columns, rough)
    multipliers = np.zeros(len(rough))
    multipliers[support] = np.linalg.lstsq(columns[:, support], price, rcond=None)[0]
    multipliers[1:] = np.maximum(multipliers[1:], 0.0)
    return multipliers


def _independent(columns: np.ndarray, rough: np.ndarray) -> list[int]:
    """Return independent columns that carry nonnegative weights with the same sum as the rough ones (Caratheodory).

    The first column stays whatever the sign of its weight. The others join by size; one that depends on those that
    are in is replaced by them, until its weight or that of one of them is used up.
    """
    weights, support = rough.copy(), [0]
    for k in (1 + np.argsort(-rough[1:], kind="stable")).tolist():
        if weights[k] <= 0:
            break
        share = np.linalg.lstsq(columns[:, support], columns[:, k], rcond=None)[0]
        if np.abs(columns[:, support] @ share - columns[:, k]).max() > DEPENDENT:
            support.append(k)
            continue
        steps = [(weights[k], k)]
        steps += [(-weights[j] / part, j) for j, part in zip(support, share, strict=True) if j and part < -DEPENDENT]
        step, leaving = min(steps)
        weights[support] += step * share
        weights[k] -= step
        if leaving != k:
            support[support.index(leaving)] = k
    return support


def _newton(rough: np.ndarray, rows: np.ndarray, right: np.ndarray, weights: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Maximise sum of weight log(x - d) subject to rows x = right, by damped Newton steps within the plane."""
    shift = np.linalg.lstsq(rows, right - rows @ rough, rcond=None)[0]
    x = rough + shift if ((rough + shift) > d).all() else rough
    _, sizes, directions = np.linalg.svd(rows)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    plane = directions[rank:].T
    for _ in range(MOST_STEPS if plane.size else 0):
        gain = x - d
        slope, curve = weights / gain, weights / gain**2
        step = plane @ np.linalg.solve(plane.T @ (curve[:, None] * plane), plane.T @ slope)
        falling = step < 0
        longest = float((gain[falling] / -step[falling]).min()) if falling.any() else math.inf
        x = x + step * min(1.0, 0.9 * longest)
        if np.abs(step).max() <= 1e-15 * np.abs(gain).max():
            break
    return x


def _bound(question: Question, prices: np.ndarray, right: float) -> float:
    """Return the bound that multipliers prove: the largest sum of gamma log(x - d) - prices x, plus their worth."""
    if (prices <= 0).any():
        return math.inf
    weights = question.weights
    return float(weights @ (np.log(weights / prices) - 1.0) - prices @ question.disagreement + right)


def _who_binds(question: Question, proven: _Proven) -> str:
    if not proven.binding:
        return "no coalition binds: it is the Nash solution without coalitions"
    ordered = sorted(proven.binding, key=lambda s: (s.bit_count(), members(s)))
    named = [braces(question.players.coalition_name(coalition)) for coalition in ordered]
    return f"the worth{'s' if named[1:] else ''} of {listing(named, most=8)} bind{'' if named[1:] else 's'}"


COMPTE_JEHIEL = Concept(
    "compte-jehiel",
    "Nash product over the core: every coalition can insist on its worth",
    "Compte and Jehiel (2010)",
    "log of the Nash product",
    _compte_jehiel,
)
