"""Prices behind a Lindahl outcome, from the derivatives there, and who can have none.

P_ij = theta_i J_ij(a) with theta > 0, theta' J(a) = 0 and J(a) a = 0: the numbers theta_i J_ij a_j add up to 0 by row
and by column, which makes those off the diagonal a circulation. A circulation has no flow between strong components:
where one agent benefits from another, the other must benefit from it, perhaps through others, or there are no prices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats, Ints
from breakaway.data.public_goods import PublicGoodsGame

NAMED = 5
"""Most agents named in a reason."""


@dataclass(frozen=True, eq=False)
class LindahlOutcome:
    """A Lindahl outcome and its prices.

    Attributes
    ----------
    actions
        a > 0, shape (n,).
    residual
        The largest |(J(a) a)_i| relative to the sum of |J_ij(a)| a_j.
    weights
        theta > 0 with theta' J(a) = 0 and sum 1, shape (n,); None when there are none.
    prices
        P_ij = theta_i J_ij(a), shape (n, n), in units of account per action; None when there are none.
    shares
        What part of the marginal cost of j's action i pays, P_ij / -P_jj, shape (n, n); not a number for i = j and for
        actions that nobody pays for. None when there are no prices.
    """

    actions: Floats
    residual: float
    weights: Floats | None
    prices: Floats | None
    shares: Floats | None


def radial(game: PublicGoodsGame, a: Floats) -> tuple[Floats, Floats, Floats]:
    """Return J(a), J(a) a and |J(a)| a, for utilities without pieces."""
    jacobian = game.utilities.smooth_jacobian(a)
    return jacobian, jacobian @ a, np.abs(jacobian) @ a


def relative_residual(values: Floats, sizes: Floats) -> float:
    """Return the largest |(J(a) a)_i| relative to the sum of the sizes of its terms."""
    return float((np.abs(values) / np.where(sizes > 0, sizes, 1.0)).max())


def priced(game: PublicGoodsGame, a: Floats) -> LindahlOutcome:
    """Return the outcome a, at which J(a) a = 0, with its prices if there are any."""
    jacobian, values, sizes = radial(game, a)
    residual, weights = relative_residual(values, sizes), _weights(jacobian, a)
    if weights is None:
        return LindahlOutcome(a, residual, None, None, None)
    prices = weights[:, None] * jacobian
    received = -np.diagonal(prices)
    shares, paid = np.full_like(prices, np.nan), received > 0
    shares[:, paid] = prices[:, paid] / received[paid]
    np.fill_diagonal(shares, np.nan)
    return LindahlOutcome(a, residual, weights, prices, shares)


def _weights(jacobian: Floats, a: Floats) -> Floats | None:
    """Return theta > 0 with theta' J(a) = 0 and sum 1, or None.

    Every component has its own weights; they get a part of 1 in proportion to its number of agents.
    """
    components = strong_components(jacobian)
    within = np.zeros(jacobian.shape, dtype=bool)
    for members in components:
        within[np.ix_(members, members)] = True
    if jacobian[~within].any():
        return None
    weights = np.empty(len(a))
    for members in components:
        flows = jacobian[np.ix_(members, members)] * a[members]
        weights[members] = stationary(flows) * len(members) / len(a)
    return weights


def stationary(rates: Floats) -> Floats:
    """Return theta > 0 with sum 1 for which theta' Q = 0; Q has these entries off the diagonal and row sums 0.

    ``rates`` (n, n) must connect everybody with everybody. By the elimination of Grassmann, Taksar and Heyman (1985):
    it subtracts nothing, so that every entry has small relative error.
    """
    q = rates.copy()
    for k in range(len(q) - 1, 0, -1):
        q[:k, k] /= q[k, :k].sum()
        q[:k, :k] += np.outer(q[:k, k], q[k, :k])
    theta = np.ones(len(q))
    for k in range(1, len(q)):
        theta[k] = theta[:k] @ q[:k, k]
    found: Floats = theta / theta.sum()
    return found


def strong_components(jacobian: Floats) -> list[Ints]:
    """Return the strong components of the graph with an arc from i to j where J_ij > 0, ordered by first member."""
    reach = ((jacobian > 0) | np.eye(len(jacobian), dtype=bool)).astype(np.float32)
    for _ in range(len(jacobian).bit_length()):
        reach = (reach @ reach > 0).astype(np.float32)
    mutual: NDArray[np.bool_] = (reach > 0) & (reach.T > 0)
    first = mutual.argmax(axis=1)
    return [np.flatnonzero(first == i) for i in np.unique(first)]


def outside(members: Ints, n: int) -> Ints:
    """Return the agents that are not members."""
    return np.setdiff1d(np.arange(n), members)


def why_no_prices(game: PublicGoodsGame, a: Floats) -> str:
    """Return who would pay without being paid, where there are no prices at a."""
    jacobian, n = game.utilities.smooth_jacobian(a), len(game)
    payers = next(
        members
        for members in strong_components(jacobian)
        if jacobian[np.ix_(members, outside(members, n))].any()
        and not jacobian[np.ix_(outside(members, n), members)].any()
    )
    return f"{named(game, payers)} would pay for the actions of others, but nobody else benefits from theirs"


def named(game: PublicGoodsGame, members: Ints) -> str:
    """Return the names of agents, the first few of many."""
    names = [game.agents[i] for i in members[:NAMED].tolist()]
    return ", ".join(names) + (f" and {len(members) - NAMED} more" if len(members) > NAMED else "")
