"""The reward set: what may be promised to those who blow the whistle without tempting coalitions when all is well.

A reward function y gives an outcome for every profile of payoff types that the agents outside its base B report. It is
a reward when in every coalition S of a family, with whatever types and whatever its members outside B report, some
member never gains by asking for it instead of what the social choice function f prescribes.

Sets: ``others`` the profiles theta'_-B; ``outcomes`` x and ``rays`` r; ``alone`` the pairs (i, theta, theta'_-B) at
which the agent i must not gain, if the family has a single agent; ``requirements`` (S, theta''_S, theta'_{S minus B})
of coalitions of two or more, ``keepers`` (requirement, j) for every member j, and ``kept_pairs`` (requirement, j,
theta, theta'_-B) at which j must not gain if it is the one who keeps the requirement.
Parameters: ``utility[i, theta, x]`` u_i, utility of an outcome or of a unit of a ray; ``prescribed_utility[i, theta]``
u_i(f(theta), theta), utility; ``room[i, theta]`` M, utility, what i can gain at most from any outcome;
``belief[theta, theta'_-B]`` a weight, where an expectation is asked for.
Variables: ``weight[theta'_-B, x]`` y as a lottery, no unit; ``amount[theta'_-B, r]``, in units of the ray;
``keeps[requirement, j]`` z, binary.

Equations::

    (lottery)            sum over x of weight = 1                                     for every theta'_-B
    (reward utility)     u_i(y(theta'_-B), theta) = sum over x of u_i weight + sum over r of u_i amount
    (alone)              u_i(y(theta'_-B), theta) <= u_i(f(theta), theta)             S = {i}
    (kept)               u_j(y(theta'_-B), theta) <= u_j(f(theta), theta) + M (1 - z_j)
    (some member keeps)  sum over j in S of z_j >= 1
    (expectation)        maximise sum of belief[theta, theta'_-B] u_i(y(theta'_-B), theta)

=================  =================================  ============
symbol             component                          unit
=================  =================================  ============
y                  ``weight[others, outcome]``        none
y                  ``amount[others, ray]``            of the ray
z_j                ``keeps[requirement, j]``          none
u_i                ``utility[i, profile, outcome]``   utility
M                  ``room[i, profile]``               utility
=================  =================================  ============

Exactness: the set is the definition, a polyhedron if the family has single agents only, otherwise a union of polyhedra
written with binaries. M is the largest utility of an outcome less that of f; rays that raise nobody's utility need
nothing more. A ray that raises the utility of a member of a coalition would make M infinite: it needs a largest amount,
and then y is restricted to amounts no larger than that.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, section 4.1 (coalitional reward set) and section
5.1 (S reward set).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.data.reward_requirements import Requirements, requirements

NOBODY = "-"
"""Name of the profile of no agents."""

Pair = tuple[str, str, str]
Kept = tuple[str, str, str, str, str, str]


def build(
    environment: PayoffEnvironment,
    base: Coalition,
    coalitions: Sequence[Coalition],
    expectation: tuple[int, Floats] | None = None,
    largest_amount: float = math.inf,
) -> pyo.ConcreteModel:
    """Write the reward functions of a base that tempt no coalition of a family.

    Parameters
    ----------
    environment
        The payoff environment; its coalition pattern plays no part.
    base
        B, a bitmask.
    coalitions
        The family, bitmasks that contain the base.
    expectation
        An agent i and its belief, shape (P profiles, Q profiles of the others): weights of true and reported profiles;
        the model then asks for the reward that i expects most of. None: any reward.
    largest_amount
        The largest amount along a ray.

    Raises
    ------
    ValueError
        When the base is empty or unknown, a coalition does not contain it, a ray raises the utility of a member of a
        coalition of two or more and no largest amount is given, or the belief has another shape.
    """
    model = pyo.ConcreteModel(name=f"rewards of {environment.coalition_name(base)}")
    add_rewards(model, environment, base, coalitions, largest_amount)
    if expectation is not None:
        _add_expectation(model, environment, base, *expectation)
    return model


def add_rewards(
    model: pyo.ConcreteModel,
    environment: PayoffEnvironment,
    base: Coalition,
    coalitions: Sequence[Coalition],
    largest_amount: float = math.inf,
) -> None:
    """Add the reward set of a base; arguments and errors are those of :func:`build`."""
    required = requirements(environment, base, coalitions)
    _add_outcomes(model, environment, base)
    _add_utilities(model, environment)
    _add_lotteries(model, environment, largest_amount)
    _add_reward_utility(model, environment)
    _add_alone(model, environment, base, required)
    _add_requirements(model, environment, base, required)
    _add_room(model, environment, required, largest_amount)
    _add_kept(model)


def profile_names(environment: PayoffEnvironment, coalition: Coalition) -> list[str]:
    """Return the names of the profiles of payoff types of a coalition, in the order of ``coalition_profiles``."""
    types = environment.coalition_profiles(coalition)
    return [environment.members_name(coalition, own) or NOBODY for own in types]


def _add_outcomes(model: pyo.ConcreteModel, environment: PayoffEnvironment, base: Coalition) -> None:
    """theta'_-B, x, r."""
    names = profile_names(environment, environment.others(base))
    model.others = pyo.Set(initialize=names, ordered=True, doc="theta'_-B, profiles that the others report")
    model.outcomes = pyo.Set(initialize=list(environment.outcomes), ordered=True, doc="x, deterministic outcomes")
    model.rays = pyo.Set(initialize=list(environment.rays), ordered=True, doc="r, directions without bound")


def _add_utilities(model: pyo.ConcreteModel, environment: PayoffEnvironment) -> None:
    """u_i(x, theta) and u_i(f(theta), theta)."""
    everyone = (1 << len(environment)) - 1
    model.agents = pyo.Set(initialize=list(environment.agents), ordered=True, doc="i, agents")
    model.profiles = pyo.Set(initialize=profile_names(environment, everyone), ordered=True, doc="theta, true profiles")
    directions = [*environment.outcomes, *environment.rays]
    keys = ((i, theta, x) for i in model.agents for theta in model.profiles for x in directions)
    values = dict(zip(keys, (environment.worth.ravel() + 0.0).tolist(), strict=True))
    model.utility = pyo.Param(
        model.agents, model.profiles, directions, initialize=values, within=pyo.Reals, doc="u_i of x, or per unit of r"
    )
    prescribed = np.einsum("ipp->ip", environment.payoffs).ravel().tolist()
    pairs = ((i, theta) for i in model.agents for theta in model.profiles)
    model.prescribed_utility = pyo.Param(
        model.agents,
        model.profiles,
        initialize=dict(zip(pairs, prescribed, strict=True)),
        within=pyo.Reals,
        doc="u_i(f(theta), theta)",
    )


def _add_lotteries(model: pyo.ConcreteModel, environment: PayoffEnvironment, largest_amount: float) -> None:
    """Lottery: sum over x of weight = 1."""
    top = None if math.isinf(largest_amount) else largest_amount
    model.weight = pyo.Var(model.others, model.outcomes, bounds=(0.0, 1.0), doc="y, probability of an outcome")
    if environment.rays:
        model.amount = pyo.Var(model.others, model.rays, bounds=(0.0, top), doc="y, amount along a ray")
    model.lottery = pyo.Constraint(
        model.others,
        rule=lambda m, q: pyo.quicksum(m.weight[q, x] for x in m.outcomes) == 1.0,
        doc="probabilities sum to 1",
    )


def _add_reward_utility(model: pyo.ConcreteModel, environment: PayoffEnvironment) -> None:
    """u_i(y(theta'_-B), theta)."""

    def utility(m: pyo.ConcreteModel, i: str, theta: str, q: str) -> object:
        lottery = pyo.quicksum(m.utility[i, theta, x] * m.weight[q, x] for x in m.outcomes)
        if not environment.rays:
            return lottery
        return lottery + pyo.quicksum(m.utility[i, theta, r] * m.amount[q, r] for r in m.rays)

    model.reward_utility = pyo.Expression(
        model.agents, model.profiles, model.others, rule=utility, doc="u_i(y(theta'_-B), theta)"
    )


def _add_alone(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, base: Coalition, required: Iterable[Requirements]
) -> None:
    """Alone: u_i(y(theta'_-B), theta) <= u_i(f(theta), theta)."""
    pairs: list[Pair] = []
    for own in required:
        if len(members(own.coalition)) == 1:
            name = environment.coalition_name(own.coalition)
            pairs += [(name, *both) for both in _pair_names(environment, base, own.true.ravel(), own.others.ravel())]
    model.alone_pairs = pyo.Set(initialize=pairs, dimen=3, ordered=True, doc="(i, theta, theta'_-B) of single agents")
    model.alone = pyo.Constraint(
        model.alone_pairs,
        rule=lambda m, i, theta, q: m.reward_utility[i, theta, q] <= m.prescribed_utility[i, theta],
        doc="a single agent does not gain",
    )


def _pair_names(
    environment: PayoffEnvironment, base: Coalition, true: Iterable[int], others: Iterable[int]
) -> list[tuple[str, str]]:
    reported = profile_names(environment, environment.others(base))
    profiles = environment.profiles
    return [(environment.profile_name(profiles[p]), reported[q]) for p, q in zip(true, others, strict=True)]


def _add_requirements(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, base: Coalition, required: Iterable[Requirements]
) -> None:
    """(S, theta''_S, theta'_{S minus B}), members j, and the pairs of profiles at which j must not gain."""
    keys: list[Pair] = []
    kept: list[Kept] = []
    for own in required:
        joined = members(own.coalition)
        if len(joined) == 1:
            continue
        for row in range(len(own)):
            key = _requirement_name(environment, base, own, row)
            pairs = _pair_names(environment, base, own.true[row], own.others[row])
            keys.append(key)
            kept += [(*key, environment.agents[j], *pair) for j in joined for pair in pairs]
    model.requirements = pyo.Set(initialize=keys, dimen=3, ordered=True, doc="(S, theta''_S, theta'_{S minus B})")
    keepers = list(dict.fromkeys(key[:4] for key in kept))
    model.keepers = pyo.Set(initialize=keepers, dimen=4, ordered=True, doc="requirement and member j of its coalition")
    model.kept_pairs = pyo.Set(initialize=kept, dimen=6, ordered=True, doc="requirement, j, theta, theta'_-B")


def _requirement_name(environment: PayoffEnvironment, base: Coalition, own: Requirements, row: int) -> Pair:
    return (
        environment.coalition_name(own.coalition),
        environment.members_name(own.coalition, own.types[row]),
        environment.members_name(own.coalition & ~base, own.reports[row]) or NOBODY,
    )


def _add_room(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, required: Iterable[Requirements], largest_amount: float
) -> None:
    """M: largest utility of an outcome, less u_j(f(theta), theta)."""
    outcomes = len(environment.outcomes)
    joined = {j for own in required if len(members(own.coalition)) > 1 for j in members(own.coalition)}
    rises = np.maximum(environment.worth[:, :, outcomes:], 0.0).sum(axis=2)
    raised = [environment.agents[j] for j in sorted(joined) if rises[j].any()]
    if raised and math.isinf(largest_amount):
        raise ValueError(
            f"a ray raises the utility of {', '.join(raised)}, so that gains have no bound: give largest_amount, or "
            "ask breakaway.runners.implementation.whistle, which needs no bound"
        )
    most = environment.worth[:, :, :outcomes].max(axis=2)
    if raised:
        most = most + rises * largest_amount
    room = np.maximum(most - np.einsum("ipp->ip", environment.payoffs), 0.0)
    values = {
        (environment.agents[j], theta): float(room[j, p]) for j in joined for p, theta in enumerate(model.profiles)
    }
    model.room = pyo.Param(
        list(values), initialize=values, within=pyo.NonNegativeReals, doc="M, what j can gain at most at theta"
    )


def _add_kept(model: pyo.ConcreteModel) -> None:
    """Kept: u_j(y) <= u_j(f) + M (1 - z_j); some member keeps: sum over j of z_j >= 1."""
    model.keeps = pyo.Var(model.keepers, within=pyo.Binary, doc="z_j, 1: member j does not gain")
    agents: dict[Pair, list[str]] = {}
    for *key, j in model.keepers:
        agents.setdefault((key[0], key[1], key[2]), []).append(j)
    model.some_member_keeps = pyo.Constraint(
        model.requirements,
        rule=lambda m, *key: pyo.quicksum(m.keeps[(*key, j)] for j in agents[key]) >= 1,
        doc="some member does not gain",
    )

    def kept(m: pyo.ConcreteModel, *key: str) -> object:
        j, theta, q = key[3:]
        slack = m.room[j, theta] * (1 - m.keeps[key[:4]])
        return m.reward_utility[j, theta, q] <= m.prescribed_utility[j, theta] + slack

    model.kept = pyo.Constraint(model.kept_pairs, rule=kept, doc="member j does not gain if it keeps the requirement")


def _add_expectation(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, base: Coalition, agent: int, belief: Floats
) -> None:
    """Maximise the sum of belief[theta, theta'_-B] u_i(y(theta'_-B), theta)."""
    shape = (len(environment.profiles), len(model.others))
    if np.shape(belief) != shape:
        raise ValueError(
            f"a belief has the shape {shape}, weights of true profiles and of profiles that the agents outside "
            f"{environment.coalition_name(base)} report; got {np.shape(belief)}"
        )
    keys = [(theta, q) for theta in model.profiles for q in model.others]
    values = {key: value for key, value in zip(keys, np.ravel(belief).tolist(), strict=True) if value}
    model.belief = pyo.Param(list(values), initialize=values, within=pyo.Reals, doc="weight of theta and theta'_-B")
    name = environment.agents[agent]
    model.expectation = pyo.Objective(
        expr=pyo.quicksum(model.belief[key] * model.reward_utility[(name, *key)] for key in values),
        sense=pyo.maximize,
        doc="utility that the agent expects of y",
    )


def weights(model: pyo.ConcreteModel) -> Floats:
    """Return the reward that the model holds, shape (Q, K + R): lotteries, then amounts; no entry below 0."""
    rows = []
    for q in model.others:
        lottery = [pyo.value(model.weight[q, x], exception=False) or 0.0 for x in model.outcomes]
        rows.append([*lottery, *(pyo.value(model.amount[q, r], exception=False) or 0.0 for r in model.rays)])
    found: Floats = np.maximum(np.array(rows, dtype=np.float64), 0.0)
    return found
