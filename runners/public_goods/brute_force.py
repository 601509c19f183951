"""Brute force: Program 3 for every coalition, the definition of the core taken literally; the oracle of other methods.

An outcome is in the core when the largest least gain of no coalition exceeds eps. Every one of the 2^n - 1 convex
programmes comes with a bound from its multipliers (:mod:`breakaway.runners.public_goods.programs`), so that "no
deviation" is proven as well. Deviations are closed under componentwise maximum: the union of all coalitions that
deviate is the maximal one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.public_goods.descent import UnboundedImprovementError, find_start
from breakaway.runners.public_goods.programs import BestDeviation, best_deviation, without_limit
from breakaway.runners.public_goods.solution import Levels, Verdict
from breakaway.runners.solvers import SolverOptions

MOST_AGENTS = 16
"""Most agents whose coalitions are all tried: 65,535 convex programmes."""


def by_brute_force(game: PublicGoodsGame, outcome: Floats, levels: Levels, options: SolverOptions) -> Verdict:
    """Test core membership by trying every coalition.

    A coalition whose largest least gain is not proven to be on one side of the band leaves the outcome on the boundary,
    unless another one deviates.

    Raises
    ------
    LimitReachedError
        When no bound of the deviations is found.
    SolveError
        When a solver returns no point.
    ValueError
        With more than :data:`MOST_AGENTS` agents.
    """
    _refuse_many(game)
    try:
        start = find_start(game, outcome, levels.low)
    except UnboundedImprovementError as found:
        return without_limit(found, "brute-force")
    tried = list(every_coalition(game, outcome, start.point, options))
    return judged_by(tried, levels, start.multipliers)


def judged_by(tried: Sequence[BestDeviation], levels: Levels, multipliers: Floats | None) -> Verdict:
    """Return the verdict that the best deviations of all coalitions come to."""
    deviating = [best for best in tried if best.least > levels.high]
    if not deviating:
        in_core = True if all(best.bound <= levels.low for best in tried) else None
        return Verdict(in_core, (), None, (), multipliers, "brute-force", len(tried))
    union = tuple(sorted(set().union(*(best.members for best in deviating))))
    point = next(best.point for best in tried if best.members == union)
    return Verdict(False, union, point, (), multipliers, "brute-force", len(tried))


def every_coalition(
    game: PublicGoodsGame, outcome: Floats, upper: Floats, options: SolverOptions
) -> Iterator[BestDeviation]:
    """Yield the best deviation of every coalition, the smallest first, within bounds of shape (n,)."""
    agents = np.arange(len(game)).tolist()
    for size in range(1, len(agents) + 1):
        for members in combinations(agents, size):
            yield best_deviation(game, outcome, members, upper, options)


def _refuse_many(game: PublicGoodsGame) -> None:
    if len(game) > MOST_AGENTS:
        raise ValueError(
            f"brute force would try 2^{len(game)} - 1 coalitions and takes at most {MOST_AGENTS} agents: "
            "use the method descent"
        )
