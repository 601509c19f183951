"""What a group of positive size can gain at given payoffs: the most of s(nu) - u.nu, and a bound that proves it.

A linear gain over 0 <= low <= nu <= high with a permitted size is largest when the types that bring most are taken
first. So pieces are exact; a concave surplus lies below its tangents; a convex one is largest at a vertex; and on small
boxes others lie below linear functions that are close to them, box by box.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.positive_size import (
    CesSurplus,
    FunctionSurplus,
    LinearSurplus,
    PositiveSizeGame,
    QuadraticSurplus,
    RecipeSurplus,
    ThresholdSurplus,
)

MOST_TYPES = 11
"""Up to this many types all vertices are listed."""

MOST_BOXES = 60_000
"""Most boxes that are looked at together."""

SAMPLES = 2_000
"""How many groups are drawn where nothing can be proven."""


@dataclass(frozen=True)
class Gain:
    """What a group can gain: the most that was found, by which group, and a bound (infinite when none is proven)."""

    most: float
    group: Floats
    bound: float
    note: str = ""


def most_gain(game: PositiveSizeGame, payoffs: Floats, formed: Floats, room: float) -> Gain:
    """Return what a group can gain at payoffs u, shape (types,).

    Parameters
    ----------
    game
        The game.
    payoffs
        u, money per person.
    formed
        Groups at which a tangent may be close, shape (groups, types).
    room
        Gains up to this much need not be told apart from none.
    """
    form = game.form
    if isinstance(form, LinearSurplus | ThresholdSurplus | RecipeSurplus):
        return _of_pieces(game, payoffs)
    if form.curvature in ("linear", "concave"):
        return _of_concave(game, payoffs, formed)
    if form.curvature == "convex" and len(game.types) <= MOST_TYPES:
        return _of_convex(game, payoffs)
    if isinstance(form, QuadraticSurplus) or (isinstance(form, CesSurplus) and form.rho > 0):
        return _by_boxes(game, payoffs, room)
    return _sampled(game, payoffs, formed)


def best_linear(game: PositiveSizeGame, weights: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return the largest weights.nu over low <= nu <= high with a permitted size, and nu; each row is a problem.

    The value is minus infinity where no such nu exists. All arrays have the shape (problems, types).
    """
    order = np.argsort(-weights, axis=1)
    span = np.take_along_axis(high - low, order, axis=1)
    before = np.cumsum(span, axis=1) - span
    size = low.sum(axis=1, keepdims=True)
    wanted = np.where(np.take_along_axis(weights, order, axis=1) > 0, game.largest - size, game.smallest - size)
    taken = np.empty_like(span)
    np.put_along_axis(taken, order, np.clip(wanted - before, 0.0, span), axis=1)
    group = low + taken
    slip = 1e-12 * game.total
    none = (size[:, 0] > game.largest + slip) | (high.sum(axis=1) < game.smallest - slip) | (span < -slip).any(axis=1)
    return np.where(none, -np.inf, (weights * group).sum(axis=1)), group


def _of_pieces(game: PositiveSizeGame, payoffs: Floats) -> Gain:
    """Try every piece of a surplus that is the largest of linear ones."""
    form, types = game.form, len(game.types)
    slopes, constants, least = np.zeros((1, types)), np.zeros(1), np.zeros((1, types))
    if isinstance(form, RecipeSurplus):
        least = np.vstack([least, form.amounts])
        slopes, constants = np.zeros_like(least), np.append(constants, form.worth)
    elif isinstance(form, ThresholdSurplus):
        slopes = np.vstack([slopes, form.coefficients])
        constants, least = np.append(constants, form.intercept), np.zeros_like(slopes)
    elif isinstance(form, LinearSurplus):
        slopes = form.coefficients[None, :]
    values, groups = best_linear(game, slopes - payoffs, least, np.broadcast_to(game.types.masses, least.shape))
    k = int(np.argmax(values + constants))
    most = float(values[k] + constants[k])
    return Gain(most, groups[k], most)


def _of_concave(game: PositiveSizeGame, payoffs: Floats, formed: Floats) -> Gain:
    """Bound a concave surplus by its tangents at formed groups and at the composition of the market."""
    shares = np.array([game.smallest, game.largest]) / game.total
    points = np.vstack([formed, np.outer(shares, game.types.masses)])
    points = points[(points > 0).all(axis=1)]
    best = Gain(-np.inf, points[0], np.inf)
    for point, worth in zip(points, game.form.values(points).tolist(), strict=True):
        slope = _slope(game, point)
        weights = (slope - payoffs)[None, :]
        value, group = best_linear(game, weights, np.zeros_like(weights), game.types.masses[None, :])
        bound = float(value[0] + worth - slope @ point)
        own = float(game.form.values(group)[0] - group[0] @ payoffs)
        at = group[0] if own > best.most else best.group
        best = Gain(max(best.most, own), at, min(best.bound, bound))
    note = "derivatives of the surplus are differences" if isinstance(game.form, FunctionSurplus) else ""
    return Gain(best.most, best.group, best.bound, note)


def _slope(game: PositiveSizeGame, point: Floats) -> Floats:
    """Return the derivatives of the surplus at a group."""
    form = game.form
    if isinstance(form, CesSurplus):
        used = form.coefficients > 0
        inner = float((form.coefficients[used] * point[used] ** form.rho).sum())
        slope = np.zeros(len(point))
        slope[used] = form.coefficients[used] * point[used] ** (form.rho - 1.0)
        return np.asarray(form.theta * inner ** (form.theta / form.rho - 1.0) * slope)
    if isinstance(form, QuadraticSurplus):
        return np.asarray(2.0 * form.matrix @ point)
    steps = np.diag(1e-3 * point)
    central = [(form.values(point + h * steps) - form.values(point - h * steps)) / (2 * h) for h in (1.0, 0.5)]
    return np.asarray((4.0 * central[1] - central[0]) / 3.0 / np.diag(steps))


def _of_convex(game: PositiveSizeGame, payoffs: Floats) -> Gain:
    """Try every vertex of the permitted groups."""
    groups = np.array(list(_vertices(game)))
    gains = game.form.values(groups) - groups @ payoffs
    k = int(np.argmax(gains))
    return Gain(float(gains[k]), groups[k], float(gains[k]))


def _vertices(game: PositiveSizeGame) -> Iterator[Floats]:
    """Yield the groups that take types as a whole, but for one that fills up to the least or largest size."""
    masses = game.types.masses
    everybody = range(len(masses))
    for count in range(len(masses) + 1):
        for taken in combinations(everybody, count):
            group = np.zeros(len(masses))
            group[list(taken)] = masses[list(taken)]
            size = float(group.sum())
            if game.smallest * (1 - 1e-12) <= size <= game.largest * (1 + 1e-12):
                yield group
            for i in everybody:
                for whole in (game.smallest, game.largest):
                    if i not in taken and 0 < whole - size <= masses[i]:
                        mixed = group.copy()
                        mixed[i] = whole - size
                        yield mixed


def _by_boxes(game: PositiveSizeGame, payoffs: Floats, room: float) -> Gain:
    """Split the amounts into boxes until the gain on each is below ``room`` or there are too many."""
    low, high = np.zeros((1, len(game.types))), game.types.masses[None, :].copy()
    best = Gain(-np.inf, high[0], np.inf)
    settled = -np.inf
    while True:
        constant, slope = _above(game, low, high)
        values, groups = best_linear(game, slope - payoffs, low, high)
        bounds = values + constant
        permitted = values > -np.inf
        low, high, bounds, groups = low[permitted], high[permitted], bounds[permitted], groups[permitted]
        gains = game.form.values(groups) - groups @ payoffs
        if len(gains) and gains.max() > best.most:
            best = Gain(float(gains.max()), groups[int(np.argmax(gains))], np.inf)
        enough = max(room, best.most + room)
        rest = bounds > enough
        settled = max(settled, float(bounds[~rest].max(initial=-np.inf)))
        if not rest.any():
            return Gain(best.most, best.group, settled)
        if rest.sum() > MOST_BOXES:
            return Gain(best.most, best.group, float(bounds.max()), f"after {MOST_BOXES:,} boxes")
        low, high = _halves(low[rest], high[rest], game.types.masses)


def _halves(low: Floats, high: Floats, masses: Floats) -> tuple[Floats, Floats]:
    """Halve every box across its widest side."""
    rows, side = np.arange(len(low)), np.argmax((high - low) / masses, axis=1)
    middle = 0.5 * (low[rows, side] + high[rows, side])
    upper, lower = low.copy(), high.copy()
    upper[rows, side] = middle
    lower[rows, side] = middle
    return np.vstack([low, upper]), np.vstack([lower, high])


def _above(game: PositiveSizeGame, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return linear functions (constant, slope) that are nowhere below the surplus on each box."""
    if isinstance(game.form, QuadraticSurplus):
        return _above_products(game.form.matrix, low, high)
    if isinstance(game.form, CesSurplus):
        return _above_ces(game.form, low, high)
    raise TypeError(f"no bound is known for a {type(game.form).__name__}")


def _above_products(matrix: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bound q x y from above, by q (h_x y + l_y x - h_x l_y) for q > 0 and q (l_x y + l_y x - l_x l_y) for q < 0.

    These are the inequalities of McCormick (1976). For the square of one amount with q > 0 that is the chord, for q < 0
    the tangent at the middle is taken.
    """
    plus, minus = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
    off = minus - np.diag(np.diag(minus))
    square = np.diag(minus)
    middle = 0.5 * (low + high)
    slope = (high + low) @ plus + 2.0 * low @ off + 2.0 * middle * square
    constant = -((high @ plus) * low).sum(axis=1) - ((low @ off) * low).sum(axis=1) - (square * middle**2).sum(axis=1)
    return constant, slope


def _above_ces(form: CesSurplus, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bound the sum of a nu^rho by tangents (rho <= 1) or chords, and its power likewise."""
    a, rho, power = form.coefficients, form.rho, form.theta / form.rho
    middle = 0.5 * (low + high)
    span = np.maximum(high - low, 1e-300)
    rate = rho * middle ** (rho - 1.0) if rho <= 1 else (high**rho - low**rho) / span
    base = middle**rho - rate * middle if rho <= 1 else low**rho - rate * low
    least, most = (a * low**rho).sum(axis=1), (a * high**rho).sum(axis=1)
    centre = 0.5 * (least + most)
    outer = power * centre ** (power - 1.0) if power <= 1 else (most**power - least**power) / (most - least)
    shift = centre**power - outer * centre if power <= 1 else least**power - outer * least
    return shift + outer * (a * base).sum(axis=1), outer[:, None] * a * rate


def _sampled(game: PositiveSizeGame, payoffs: Floats, formed: Floats) -> Gain:
    """Try groups drawn at random, without a proof."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(SAMPLES, len(game.types)))
    zero = np.zeros_like(weights)
    _, corners = best_linear(game, weights, zero, np.broadcast_to(game.types.masses, zero.shape))
    share = rng.random((SAMPLES, 1))
    mixed = share * corners + (1.0 - share) * rng.permutation(corners)
    groups = np.vstack([corners, mixed, formed])
    gains = game.form.values(groups) - groups @ payoffs
    k = int(np.argmax(gains))
    note = f"no bound is proven for this surplus; {len(groups):,} groups were tried"
    return Gain(float(gains[k]), groups[k], np.inf, note)
