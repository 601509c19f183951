"""Type spaces of a payoff environment: from a prior, from Lemma 1, at random, and what types believe in a coalition.

A member of a coalition knows the types of the other members. It conditions on them; where it thought them impossible,
a belief revising rule says what it then believes of the agents outside: that of the type space, and where that is
silent the marginal of its belief on the outsiders (``marginal``, the default) or a uniform one (``uniform``).

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, section 2 and Lemma 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.coalitions import members
from breakaway.data.environment_checks import SUM_TOLERANCE, check_array, check_lotteries
from breakaway.data.payoff_environment import Deception, PayoffEnvironment, TypeSpace
from breakaway.runners.implementation.incentives import Violation

Revising = Literal["marginal", "uniform"]
"""What is believed of outsiders after an impossible event: as before, or any types alike."""

# --- type spaces ------------------------------------------------------------------------------------------------------


def payoff_type_space(environment: PayoffEnvironment, prior: Floats) -> TypeSpace:
    """Return the type space in which types are payoff types, with beliefs from a common prior.

    ``prior`` holds the probabilities of the profiles, shape (types of agent 1, ..., of agent n).

    Raises
    ------
    ValueError
        When the prior has another shape, is no probability, or gives a payoff type probability 0.
    """
    prior = np.asarray(prior, dtype=np.float64)
    check_array("the prior", prior, environment.sizes)
    check_lotteries("the prior", prior, 0)
    beliefs = []
    for i, own in enumerate(environment.payoff_types):
        joint = np.moveaxis(prior, i, 0)
        chance = joint.sum(axis=tuple(range(1, joint.ndim)))
        for k in np.flatnonzero(chance == 0):
            name = f"payoff type {own[k]!r} of agent {environment.agents[i]!r}"
            raise ValueError(f"the prior gives {name} probability 0, so its belief is open: give it a positive one")
        beliefs.append(joint / chance.reshape(-1, *[1] * (joint.ndim - 1)))
    return TypeSpace(environment.payoff_types, _own_types(environment), tuple(beliefs))


def lemma_1_type_space(environment: PayoffEnvironment, violation: Violation) -> TypeSpace:
    """Return the type space of Lemma 1, on which a violation of Definition 4 violates Definition 10.

    Types are payoff types. Every member of the coalition is, as its true type there, certain of the profile at which it
    gains; all other types hold all profiles of the others for equally likely. What a member is certain of agrees with
    the other members' types, so that no belief is revised.

    Raises
    ------
    ValueError
        When at the profile of a member the members have other types than the violation says.
    """
    beliefs = _uniform_beliefs(environment.sizes)
    true = dict(zip(members(violation.coalition), violation.true, strict=True))
    for i, number in zip(true, violation.others, strict=True):
        profile = environment.profiles[number]
        if any(profile[j] != k for j, k in true.items()):
            wanted = environment.members_name(violation.coalition, violation.true)
            name = environment.profile_name(profile)
            raise ValueError(f"at {name} the members are not {wanted}: choose a profile with these types")
        beliefs[i][true[i]] = 0.0
        beliefs[i][(true[i], *np.delete(profile, i))] = 1.0
    return TypeSpace(environment.payoff_types, _own_types(environment), beliefs)


def random_type_space(environment: PayoffEnvironment, seed: int, types: int = 2, impossible: float = 0.3) -> TypeSpace:
    """Return a random type space with several types for each payoff type, named ``low.1``, ``low.2``, ...

    Parameters
    ----------
    environment
        The payoff environment.
    seed
        Of the random numbers.
    types
        How many types have the same payoff type.
    impossible
        The chance that a type rules out a given profile of the others, so that beliefs have to be revised.
    """
    names = tuple(tuple(f"{label}.{c + 1}" for label in own for c in range(types)) for own in environment.payoff_types)
    own = tuple(np.repeat(np.arange(size), types) for size in environment.sizes)
    return TypeSpace(names, own, _random_beliefs(np.random.default_rng(seed), list(map(len, names)), impossible))


def deception_type_space(
    environment: PayoffEnvironment, deception: Deception, seed: int, impossible: float = 0.0
) -> tuple[TypeSpace, tuple[Ints, ...]]:
    """Return a type space in which every report of a deception is that of some type, and what each type reports.

    There is a type ``low-as-high`` for every report ``high`` that the deception allows to ``low``, with random beliefs:
    what any such type believes is one of the conjectures against which the deception has to be dissolved.

    Parameters
    ----------
    environment, deception
        The payoff environment and the deception.
    seed, impossible
        As in :func:`random_type_space`.

    Returns
    -------
    The type space, and for every agent the payoff type that each of its types reports, shape (T_i,).
    """
    pairs = [[(k, told) for k, reports in enumerate(own) for told in sorted(reports)] for own in deception]
    names = tuple(
        tuple(f"{labels[k]}-as-{labels[told]}" for k, told in own)
        for labels, own in zip(environment.payoff_types, pairs, strict=True)
    )
    true = tuple(np.array([k for k, _ in own], dtype=np.int64) for own in pairs)
    told = tuple(np.array([reported for _, reported in own], dtype=np.int64) for own in pairs)
    beliefs = _random_beliefs(np.random.default_rng(seed), list(map(len, names)), impossible)
    return TypeSpace(names, true, beliefs), told


def _random_beliefs(rng: np.random.Generator, sizes: Sequence[int], impossible: float) -> tuple[Floats, ...]:
    """Return random beliefs of every type of every agent, shape (T_i, the others' ...) each."""
    shapes = [tuple(np.delete(sizes, i)) for i in range(len(sizes))]
    return tuple(
        np.array([_random_belief(rng, shape, impossible) for _ in range(size)])
        for size, shape in zip(sizes, shapes, strict=True)
    )


def _random_belief(rng: np.random.Generator, shape: tuple[int, ...], impossible: float) -> Floats:
    """Return random probabilities of the others' types, at least one of them positive."""
    weights = rng.exponential(size=shape) * (rng.random(shape) >= impossible)
    if not weights.any():
        weights.reshape(-1)[rng.integers(weights.size)] = 1.0
    found: Floats = weights / weights.sum()
    return found


def _own_types(environment: PayoffEnvironment) -> tuple[Ints, ...]:
    return tuple(np.arange(size) for size in environment.sizes)


def _uniform_beliefs(sizes: Sequence[int]) -> tuple[Floats, ...]:
    """Return beliefs that hold all types of the others for equally likely, shape (T_i, the others' ...) each."""
    others = [tuple(np.delete(sizes, i)) for i in range(len(sizes))]
    return tuple(np.full((size, *rest), 1.0 / math.prod(rest)) for size, rest in zip(sizes, others, strict=True))


# --- beliefs ----------------------------------------------------------------------------------------------------------


def pooled_belief(
    type_space: TypeSpace, agent: int, own: int, observed: Mapping[int, int], revising: Revising = "marginal"
) -> tuple[Floats, bool]:
    """Return what a type believes of outsiders once it knows the types of other members, and whether it was surprised.

    Parameters
    ----------
    type_space
        Whose beliefs and revisions.
    agent, own
        The agent and its type.
    observed
        Agents with their types, all but ``agent``; empty for an agent on its own.
    revising
        What is believed after an impossible event that the type space's ``revisions`` do not mention.

    Returns
    -------
    Probabilities of the outsiders' types, shape (T_j of every outsider j, ascending), and True when what is observed
    had probability 0.
    """
    belief = type_space.beliefs[agent][own]
    place = _place(agent, observed, belief.ndim)
    for revision in type_space.revisions:
        if (revision.agent, revision.type, dict(revision.members)) == (agent, own, dict(observed)):
            return revision.belief[place], True
    chance = belief[place].sum()
    if chance > 0:
        return belief[place] / chance, False
    if revising == "uniform":
        return np.full(belief[place].shape, 1.0 / belief[place].size), True
    return belief.sum(axis=tuple(j - (j > agent) for j in observed)), True


def _place(agent: int, observed: Mapping[int, int], axes: int) -> tuple[int | slice, ...]:
    """Return the index of the part of a belief in which others have given types."""
    place: list[int | slice] = [slice(None)] * axes
    for other, k in observed.items():
        place[other - (other > agent)] = k
    return tuple(place)


def check_revisions(environment: PayoffEnvironment, type_space: TypeSpace) -> None:
    """Refuse revised beliefs that are no probabilities, deny what is observed, or revise what Bayes' rule settles.

    Raises
    ------
    ValueError
        The message names agent and type, and what to change.
    """
    sizes = list(map(len, type_space.types))
    for revision in type_space.revisions:
        agent, own = environment.agents[revision.agent], type_space.types[revision.agent][revision.type]
        what = f"the revised belief of {own!r} of {agent!r}"
        check_array(what, revision.belief, tuple(np.delete(sizes, revision.agent)))
        check_lotteries(what, revision.belief, 0)
        place = _place(revision.agent, dict(revision.members), revision.belief.ndim)
        if abs(revision.belief[place].sum() - 1.0) > SUM_TOLERANCE:
            raise ValueError(f"{what} denies what is observed; give the observed types probability 1")
        if type_space.beliefs[revision.agent][revision.type][place].sum() > SUM_TOLERANCE:
            raise ValueError(f"{what} is about types that it held for possible; leave it out, Bayes' rule applies")
