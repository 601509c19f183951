"""What the tests of implementation share: the reference cases as environments, and random environments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.payoff_environment import Deception, PayoffEnvironment, maximal_pattern

FAMILIES = ("common", "nearly-common", "private", "interdependent", "disposal", "charges")
"""Random environments: agents of one mind, nearly so, with private values, with any values, and two with rays."""


@dataclass(frozen=True)
class Case:
    """A reference case: its environment with the maximal pattern, its inputs as they stand, and what is known of it."""

    id: str
    kind: str
    environment: PayoffEnvironment
    inputs: dict[str, Any]
    expected: dict[str, Any]


def reference_environments() -> dict[str, tuple[PayoffEnvironment, dict[str, Any]]]:
    """Return the environments of the conditions' reference cases with what is known of each, by name."""
    cases = reference_cases("implementation")
    return {name: (case.environment, case.expected) for name, case in cases.items()}


def reference_cases(*kinds: str) -> dict[str, Case]:
    """Return the reference cases of some kinds (default: all) by name.

    The kinds are ``implementation``, ``whistle_test``, ``interim_equilibrium``, ``interim_coalitional_ic`` and
    ``paper_numbers``; a case that names an environment comes with it.
    """
    text = (Path(__file__).parent / "reference" / "implementation.json").read_text(encoding="utf-8")
    listed = json.loads(text)
    inputs = {case["id"]: case["inputs"] for case in listed}
    return {
        case["id"]: Case(
            case["id"],
            case["kind"],
            environment_of(inputs[case["inputs"].get("environment", case["id"])]),
            case["inputs"],
            case["expected"],
        )
        for case in listed
        if case["kind"] in kinds or not kinds
    }


def environment_of(inputs: dict[str, Any]) -> PayoffEnvironment:
    """Return the environment of a reference case: agents, types and outcomes 1, 2, ..., rays r1, r2, ..."""
    outcomes = inputs["n_outcomes"]
    return environment(np.array(inputs["u"]), np.array(inputs["f"])[..., :outcomes])


def environment(utilities: Floats, social_choice: Floats) -> PayoffEnvironment:
    """Return an environment with the maximal pattern and numbers as names.

    ``utilities`` has shape (n, types of agent 1, ..., of agent n, outcomes + rays), ``social_choice`` the shape of
    the types and the outcomes.
    """
    n, outcomes = len(utilities), social_choice.shape[-1]
    return PayoffEnvironment(
        agents=_numbers(n),
        payoff_types=tuple(map(_numbers, utilities.shape[1:-1])),
        outcomes=_numbers(outcomes),
        rays=tuple(f"r{k}" for k in _numbers(utilities.shape[-1] - outcomes)),
        utilities=utilities,
        social_choice=social_choice,
        pattern=maximal_pattern(n),
    )


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(k + 1) for k in range(count))


def deception_of(listed: Sequence[Sequence[Sequence[int]]]) -> Deception:
    """Return a deception of the reference cases, whose types are counted from 1."""
    return tuple(tuple(frozenset(k - 1 for k in reports) for reports in agent) for agent in listed)


# --- random environments ----------------------------------------------------------------------------------------------


def random_environment(
    seed: int, family: str | None = None, agents: int | None = None, types: int | None = None
) -> PayoffEnvironment:
    """Return a random environment of a family (default: one for each seed in turn), small numbers throughout.

    Beside :data:`FAMILIES` there is ``no-disposal``: as ``charges``, but nothing can be wasted.

    Two or three agents with two or three types each, two to four outcomes, unless ``agents`` and ``types`` say other.
    Three agents never have more than 12 profiles, so that all deceptions can be listed.
    """
    rng = np.random.default_rng(seed)
    name = family or FAMILIES[seed % len(FAMILIES)]
    n = agents or int(rng.choice([2, 2, 3]))
    sizes = (types,) * n if types else _sizes(n, rng)
    if name in ("charges", "no-disposal"):
        return _charges(sizes, rng, name == "charges")
    outcomes = int(rng.integers(2, 5))
    utilities = _utilities(name, (n, *sizes, outcomes), rng)
    choice = _choice(utilities, rng)
    if name == "disposal":
        utilities = np.concatenate([utilities, _waste(n, sizes)], axis=-1)
    return environment(utilities, choice)


def _sizes(n: int, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(k) for k in rng.integers(2, 4, size=n)) if n == 2 else (2, 2, int(rng.integers(2, 4)))


def _utilities(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return utilities of the outcomes, shape (n, types ..., outcomes)."""
    n = shape[0]
    if name == "private":
        own = [_along(rng.integers(0, 5, size=(shape[1 + i], shape[-1])), i, n) for i in range(n)]
        return np.stack([np.broadcast_to(values, shape[1:]) for values in own]).astype(float)
    if name in ("common", "nearly-common", "disposal"):
        shared = np.broadcast_to(rng.integers(0, 5, size=shape[1:]), shape).astype(float)
        return shared if name == "common" else shared + rng.integers(-1, 2, size=shape) / 2
    return rng.integers(0, 5, size=shape).astype(float)


def _along(values: Floats, agent: int, n: int) -> Floats:
    """Return values by (own type, outcome) with axes for the others' types."""
    return values.reshape([len(values) if k == agent else 1 for k in range(n)] + [-1])


def _choice(utilities: Floats, rng: np.random.Generator) -> Floats:
    """Return a social choice function: best for all together, for one agent, a constant, any, or a mixture of two."""
    outcomes = utilities.shape[-1]
    identity = np.eye(outcomes)
    shape = utilities.shape[1:-1]
    best = identity[utilities.sum(axis=0).argmax(axis=-1)]
    dictated = identity[utilities[0].argmax(axis=-1)]
    any_outcome = identity[rng.integers(outcomes, size=shape)]
    one = np.broadcast_to(identity[rng.integers(outcomes)], best.shape)
    options = [best, best, dictated, any_outcome, one, (best + any_outcome) / 2]
    found: Floats = np.array(options[int(rng.integers(len(options)))])
    return found


def _waste(n: int, sizes: tuple[int, ...]) -> Floats:
    """Return a ray for every agent along which that agent alone loses one unit."""
    rays = np.broadcast_to(-np.eye(n).reshape(n, *(1,) * n, n), (n, *sizes, n))
    return np.array(rays)


def _charges(sizes: tuple[int, ...], rng: np.random.Generator, disposal: bool) -> PayoffEnvironment:
    """Return a public good with a quantity and charges: u_i = v_i(theta) q - t_i, perhaps with a ray to waste each.

    The quantity is half the sum of the types. Every agent is charged a quarter of its type squared, which keeps it
    honest where values are private, or, at random, an equal share of the quantity.
    """
    n = len(sizes)
    levels = [np.sort(rng.choice([0.0, 0.5, 1.0, 1.5, 2.0], size=size, replace=False)) for size in sizes]
    theta = np.stack(np.meshgrid(*levels, indexing="ij"))
    quantity = theta.sum(axis=0) / 2
    weight = float(rng.choice([0.0, 0.0, 0.5]))
    value = (1 - weight) * theta + weight * theta.mean(axis=0)
    own = theta**2 / 4 if rng.random() < 0.6 else np.broadcast_to(quantity / n, theta.shape)
    chosen = np.stack([quantity, *own]).reshape(1 + n, -1).T
    table, place = np.unique(chosen, axis=0, return_inverse=True)
    worth = value[..., None] * table[:, 0] - table[:, 1:].T.reshape(n, *(1,) * n, -1)
    less = [-value[..., None], _waste(n, sizes)] if disposal else []
    choice = np.eye(len(table))[place.ravel()].reshape(*sizes, -1)
    return environment(np.concatenate([worth, *less], axis=-1), choice)
