"""What payoff environments, mechanisms and type spaces made in Python must be; each check raises a ValueError."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from breakaway.data.problems import counted

SUM_TOLERANCE = 1e-9
"""How far from 1 probabilities may sum."""


def check_labels(agents: Sequence[str], names: Sequence[Sequence[str]], what: str) -> None:
    """Refuse names that are not one nonempty list of distinct names for each agent."""
    if len(names) != len(agents):
        given = counted(len(names), "agent", "agents")
        raise ValueError(f"{what}s are given for {given}, but there are {len(agents)}; give one tuple for each agent")
    for agent, own in zip(agents, names, strict=True):
        if not own or len(set(own)) < len(own):
            raise ValueError(f"agent {agent!r} has no {what}, or one twice; give it distinct {what}s, at least one")


def check_agents(agents: Sequence[str]) -> None:
    """Refuse fewer than two agents, and names that are given twice."""
    if len(agents) < 2 or len(set(agents)) < len(agents):
        raise ValueError(f"agents are {', '.join(agents)}; give at least two distinct names")


def check_array(what: str, values: NDArray[np.float64], shape: tuple[int, ...]) -> None:
    """Refuse an array of another shape, or with entries that are not finite."""
    if values.shape != shape:
        raise ValueError(f"{what} has the shape {values.shape}; it must be {shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{what} has entries that are not finite; give finite numbers")


def check_lotteries(what: str, values: NDArray[np.float64], given: int) -> None:
    """Refuse arrays that are no lotteries: the first ``given`` axes say of what, the others hold the probabilities."""
    sums = values.reshape(math.prod(values.shape[:given]), -1).sum(axis=1)
    if (values < 0).any():
        raise ValueError(f"{what} has negative probabilities; they must be at least 0")
    wrong = np.flatnonzero(np.abs(sums - 1.0) > SUM_TOLERANCE)
    if len(wrong):
        place = tuple(int(k) for k in np.unravel_index(wrong[0], values.shape[:given]))
        raise ValueError(f"{what} sums to {sums[wrong[0]]:.12g} at {place}; probabilities must sum to 1")


def check_pattern(pattern: Sequence[int], agents: Sequence[str]) -> None:
    """Refuse a pattern that lacks a single agent, names a coalition twice, or one that does not exist."""
    if len(set(pattern)) < len(pattern) or not all(0 < coalition < 1 << len(agents) for coalition in pattern):
        raise ValueError(f"the pattern {tuple(pattern)} is no set of coalitions of {len(agents)} agents; use bitmasks")
    for i, name in enumerate(agents):
        if 1 << i not in pattern:
            raise ValueError(f"the pattern lacks the single agent {name!r}; add it: every agent can act alone")


def check_onto(agents: Sequence[str], own: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> None:
    """Refuse types whose payoff types are not all the payoff types of their agents."""
    for name, found, size in zip(agents, own, sizes, strict=True):
        if set(found.tolist()) != set(range(size)):
            raise ValueError(
                f"types of {name!r} have the payoff types {sorted(set(found.tolist()))}; use 0 to {size - 1}"
            )
