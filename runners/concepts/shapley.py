"""The Shapley value: everybody's contribution, averaged over all orders in which the players may come."""

from __future__ import annotations

import math

import numpy as np

from breakaway.data.games import Payoffs
from breakaway.runners.concepts.question import Concept, Found


def shapley_value(worths: np.ndarray) -> Payoffs:
    """Return sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)) for every player i.

    Parameters
    ----------
    worths
        v(S) indexed by bitmask, of length 2^n; v of the empty coalition is 0.
    """
    n = len(worths).bit_length() - 1
    masks = np.arange(len(worths))
    sizes = np.sum([(masks >> i) & 1 for i in range(n)], axis=0)
    chance = np.array([1.0 / (n * math.comb(n - 1, size)) for size in range(n)])
    payoffs = []
    for i in range(n):
        without = masks[(masks >> i) & 1 == 0]
        gains = worths[without | 1 << i] - worths[without]
        payoffs.append(math.fsum((chance[sizes[without]] * gains).tolist()))
    return tuple(payoffs)


SHAPLEY = Concept(
    "shapley",
    "Shapley value: what a player adds to those before, averaged over all orders",
    "Shapley (1953)",
    "",
    lambda question: Found((shapley_value(question.worths),)),
)
