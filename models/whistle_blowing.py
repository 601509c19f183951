"""Blowing the whistle: a reward by which every member of a coalition gains, whatever the others' types and reports.

A coalition S with payoff types theta_S is to report theta'_S while the others follow a deception. It blows the whistle
when, whatever its members conjecture about the others' true and reported types, some reward gives each of them an
expected gain over what the social choice function f makes of the reports. The first model looks for the reward whose
least gain is largest; the second for the conjectures at which the rewards of a menu do worst.

Sets: those of :mod:`breakaway.models.reward_set`; ``members`` i of S; ``pairs`` (theta_-S, theta'_-S) of profiles that
the others may have and report; ``menu`` k, rewards.
Parameters: ``deceived_utility[i, pair]`` u_i(f(theta'_S, theta'_-S), (theta_S, theta_-S)), utility;
``conjecture[i, pair]`` psi_i, a probability; ``reward_gain[k, i, pair]`` g_k, gain of i by the reward k, utility;
``spread[k, i]`` M, utility.
Variables: y as in the reward set; ``least_gain`` t, utility. Of the second model: ``conjecture[i, pair]`` psi_i;
``wanting[k, i]`` w, binary; ``served`` s, utility.

Equations::

    (largest least gain)  maximise t,  t <= 1,  y in the reward set
    (gain)                t <= u_i(y(theta'_-S), (theta_S, theta_-S)) - deceived_utility[i, pair]        at every pair
    (expected gain)       t <= sum over pairs of psi_i (u_i(y(theta'_-S), (theta_S, theta_-S)) - deceived_utility)

    (hardest)             minimise s
    (conjecture)          sum over pairs of psi_i = 1,  psi_i >= 0
    (wanting)             sum over pairs of g_k psi_i <= s + M (1 - w_ki)      by the reward k, i expects no more than s
    (some member)         sum over i of w_ki >= 1                              for every reward of the menu

================  =================================  =======
symbol            component                          unit
================  =================================  =======
t                 ``least_gain``                     utility
psi_i             ``conjecture[i, pair]``            none
g_k               ``reward_gain[k, i, pair]``        utility
w_ki              ``wanting[k, i]``                  none
s                 ``served``                         utility
================  =================================  =======

Exactness: t > 0 without conjectures proves that the coalition blows. It is necessary, too, when the reward set is
convex (minimax) or there is one pair only. Otherwise the coalition blows exactly when the hardest conjectures of a
finite menu leave s > 0; t <= 0 at some conjectures proves that it does not. Gains above 1 are not told apart, because
rays may make them as large as one likes. A linear programme when the reward set is convex (a single member for the
second model), a mixed-integer one otherwise.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 5 and 8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyomo.environ as pyo

from breakaway.data.arrays import Floats, Ints
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.models import reward_set

MOST = 1.0
"""Largest least gain that is asked for."""


def build(
    environment: PayoffEnvironment,
    base: Coalition,
    coalitions: Sequence[Coalition],
    types: tuple[Sequence[int], Sequence[int]],
    pairs: Ints | Sequence[tuple[int, int]],
    conjectures: Floats | None = None,
    largest_amount: float = math.inf,
) -> pyo.ConcreteModel:
    """Write the reward by which the member that gains least gains most.

    Parameters
    ----------
    environment, base, coalitions, largest_amount
        As in :func:`breakaway.models.reward_set.build`; the members are those of the base.
    types
        Payoff types theta_S that the members have, and theta'_S that they are to report, members ascending.
    pairs
        Numbers of the others' true and reported profiles, shape (pairs, 2).
    conjectures
        psi_i of every member, shape (members, pairs): the gains are expected ones. None: gains at every pair.

    Raises
    ------
    ValueError
        As :func:`breakaway.models.reward_set.build`, and when the conjectures have another shape.
    """
    listed = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    model = pyo.ConcreteModel(name=f"whistle of {environment.coalition_name(base)}")
    reward_set.add_rewards(model, environment, base, coalitions, largest_amount)
    _add_pairs(model, environment, base, listed)
    _add_deceived_utility(model, environment, base, types, listed)
    _add_least_gain(model, environment, base, types[0])
    if conjectures is None:
        _add_gain(model)
    else:
        _add_expected_gain(model, conjectures)
    model.largest_least_gain = pyo.Objective(expr=model.least_gain, sense=pyo.maximize, doc="least gain of a member")
    return model


def _add_pairs(model: pyo.ConcreteModel, environment: PayoffEnvironment, base: Coalition, pairs: Ints) -> None:
    """Members i, and pairs (theta_-S, theta'_-S)."""
    names = list(model.others)
    model.members = pyo.Set(
        initialize=[environment.agents[i] for i in members(base)], ordered=True, doc="i, members of the coalition"
    )
    model.pairs = pyo.Set(
        initialize=[(names[q], names[r]) for q, r in pairs.tolist()],
        dimen=2,
        ordered=True,
        doc="(theta_-S, theta'_-S), true and reported profiles of the others",
    )


def _add_deceived_utility(
    model: pyo.ConcreteModel,
    environment: PayoffEnvironment,
    base: Coalition,
    types: tuple[Sequence[int], Sequence[int]],
    pairs: Ints,
) -> None:
    """u_i(f(theta'_S, theta'_-S), (theta_S, theta_-S))."""
    true = environment.with_members(base, types[0])[pairs[:, 0]]
    reported = environment.with_members(base, types[1])[pairs[:, 1]]
    values = environment.payoffs[list(members(base))][:, true, reported]
    keys = [(i, *pair) for i in model.members for pair in model.pairs]
    model.deceived_utility = pyo.Param(
        model.members,
        model.pairs,
        initialize=dict(zip(keys, values.ravel().tolist(), strict=True)),
        within=pyo.Reals,
        doc="u_i of what f makes of the reports",
    )


def _add_least_gain(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, base: Coalition, true: Sequence[int]
) -> None:
    """t, and the gains u_i(y(theta'_-S), (theta_S, theta_-S)) - deceived_utility."""
    profiles = environment.profiles[environment.with_members(base, true)]
    full = dict(zip(model.others, map(environment.profile_name, profiles), strict=True))
    model.least_gain = pyo.Var(bounds=(None, MOST), doc="t, least gain of a member")
    model.reward_gain = pyo.Expression(
        model.members,
        model.pairs,
        rule=lambda m, i, q, r: m.reward_utility[i, full[q], r] - m.deceived_utility[i, q, r],
        doc="gain of i by the reward at a pair",
    )


def _add_gain(model: pyo.ConcreteModel) -> None:
    """Gain: t <= u_i(y(theta'_-S), (theta_S, theta_-S)) - deceived_utility."""
    model.gain = pyo.Constraint(
        model.members,
        model.pairs,
        rule=lambda m, *key: m.least_gain <= m.reward_gain[key],
        doc="t is at most the gain of every member at every pair",
    )


def _add_expected_gain(model: pyo.ConcreteModel, conjectures: Floats) -> None:
    """Gain that a member expects: t <= sum over pairs of psi_i times the gain."""
    keys = [(i, *pair) for i in model.members for pair in model.pairs]
    shape = (len(model.members), len(model.pairs))
    if np.shape(conjectures) != shape:
        raise ValueError(f"conjectures have the shape {shape}, members and pairs; got {np.shape(conjectures)}")
    model.conjecture = pyo.Param(
        model.members,
        model.pairs,
        initialize=dict(zip(keys, np.ravel(conjectures).tolist(), strict=True)),
        within=pyo.NonNegativeReals,
        doc="psi_i, probability of a pair",
    )
    model.expected_gain = pyo.Constraint(
        model.members,
        rule=lambda m, i: m.least_gain <= pyo.quicksum(m.conjecture[i, p] * m.reward_gain[i, p] for p in m.pairs),
        doc="t is at most what every member expects to gain",
    )


def build_conjecture(gains: Floats) -> pyo.ConcreteModel:
    """Write the conjectures at which the rewards of a menu do worst.

    Parameters
    ----------
    gains
        g_k of every reward, member and pair, shape (menu, members, pairs).
    """
    model = pyo.ConcreteModel(name="hardest conjectures")
    _add_menu(model, gains)
    _add_conjecture(model)
    model.served = pyo.Var(
        bounds=(float(gains.min()), float(gains.max())), doc="s, what the best reward leaves to some member"
    )
    _add_wanting(model, gains)
    model.hardest = pyo.Objective(expr=model.served, sense=pyo.minimize, doc="what the menu guarantees")
    return model


def _add_menu(model: pyo.ConcreteModel, gains: Floats) -> None:
    """k, i, pairs, and g_k."""
    menu, joined, pairs = gains.shape
    model.menu = pyo.RangeSet(menu, doc="k, rewards of the menu")
    model.members = pyo.RangeSet(joined, doc="i, members of the coalition")
    model.pairs = pyo.RangeSet(pairs, doc="pairs of true and reported profiles of the others")
    keys = ((k, i, p) for k in model.menu for i in model.members for p in model.pairs)
    model.reward_gain = pyo.Param(
        model.menu,
        model.members,
        model.pairs,
        initialize=dict(zip(keys, gains.ravel().tolist(), strict=True)),
        within=pyo.Reals,
        doc="g_k, gain of i by the reward k at a pair",
    )


def _add_conjecture(model: pyo.ConcreteModel) -> None:
    """Conjecture: sum over pairs of psi_i = 1."""
    model.conjecture = pyo.Var(model.members, model.pairs, bounds=(0.0, 1.0), doc="psi_i, probability of a pair")
    model.total = pyo.Constraint(
        model.members,
        rule=lambda m, i: pyo.quicksum(m.conjecture[i, p] for p in m.pairs) == 1.0,
        doc="probabilities sum to 1",
    )


def _add_wanting(model: pyo.ConcreteModel, gains: Floats) -> None:
    """Wanting: sum over pairs of g_k psi_i <= s + M (1 - w_ki), and some member wants; a single member always does."""
    alone = len(model.members) == 1
    room = gains.max(axis=2) - gains.min()
    if not alone:
        keys = ((k, i) for k in model.menu for i in model.members)
        model.spread = pyo.Param(
            model.menu,
            model.members,
            initialize=dict(zip(keys, room.ravel().tolist(), strict=True)),
            within=pyo.NonNegativeReals,
            doc="M, largest gain less least gain of all",
        )
        model.wanting = pyo.Var(model.menu, model.members, within=pyo.Binary, doc="w_ki, 1: k leaves i at most s")
        model.some_member = pyo.Constraint(
            model.menu,
            rule=lambda m, k: pyo.quicksum(m.wanting[k, i] for i in m.members) >= 1,
            doc="every reward leaves some member at most s",
        )

    def at_most(m: pyo.ConcreteModel, k: int, i: int) -> object:
        expected = pyo.quicksum(m.reward_gain[k, i, p] * m.conjecture[i, p] for p in m.pairs)
        return expected <= (m.served if alone else m.served + m.spread[k, i] * (1 - m.wanting[k, i]))

    model.expected = pyo.Constraint(model.menu, model.members, rule=at_most, doc="i expects at most s of the reward k")


def conjectures(model: pyo.ConcreteModel) -> Floats:
    """Return the conjectures psi_i that the second model holds, shape (members, pairs); rows sum to 1."""
    found = np.array([[pyo.value(model.conjecture[i, p]) for p in model.pairs] for i in model.members])
    shares = np.maximum(found, 0.0)
    rows: Floats = shares / shares.sum(axis=1, keepdims=True)
    return rows
