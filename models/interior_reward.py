"""Interior reward: two outcomes that some agent ranks for sure, and that nobody who could ask for them gains from.

When the agents outside a coalition B report theta'_-B, B may be given one of two outcomes. Every agent of a coalition
around B that could have brought this report about keeps f at both of them, whatever the types of this coalition; and
agent i of B, of type theta_i, prefers the first to the second at all types of the others, by the margin.

Sets: ``outcomes`` k and ``rays`` r; ``sides``, high and low; ``others``, profiles theta with i of type theta_i;
``kept`` (j, theta), agents j who keep f at theta: j in S in F, theta_-S = theta'_-S; ``rated``, these, and i
at the others.
Parameters: ``worth[j, theta, x]`` u_j(x, theta), in utility, of an outcome or per unit of a ray; ``due[j, theta]``
u_j(f(theta), theta), in utility; ``cap``, in utility.
Variables: ``weight[s, k]`` a_sk and ``amount[s, r]`` a_sr, the outcomes a_s; ``margin`` t, in utility.

Equations::

    (most)    maximise t
    (whole)   sum over k of a_sk = 1                                 s = high, low
    (keeps)   u_j(a_s, theta) <= u_j(f(theta), theta)                s = high, low;  (j, theta) in kept
    (ranked)  u_i(a_high, theta) - u_i(a_low, theta) >= t            theta in others
    (bounds)  a_sk >= 0, a_sr >= 0, t <= cap

==========  =====================  =======
symbol      component              unit
==========  =====================  =======
a_sk        ``weight[s, k]``       none
a_sr        ``amount[s, r]``       units of the ray
t           ``margin``             utility
u_j(x, .)   ``worth[j, theta, x]`` utility
==========  =====================  =======

Exactness: an exact linear programme for these outcomes. By minimax, t > 0 if and only if i, whatever it believes about
the others, ranks some two of them strictly. With single agents only (F = {{i}}) that is conditional no total
indifference at (i, theta_i, theta'_-i), and all of these together are the interior reward property of the minimal
pattern. For other patterns positive optima are sufficient when everybody in S keeps f, and exact when ``kept`` holds
the rows that matter (docs/interior_reward.md).

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 6, 9 and 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment

SIDES = ("high", "low")

Row: TypeAlias = tuple[int, int]
"""An agent j, and the number of a profile theta at which it keeps f."""


def build(
    environment: PayoffEnvironment,
    base: Coalition,
    coalitions: Sequence[Coalition],
    reported: Sequence[int],
    agent: int,
    own_type: int,
    kept: Sequence[Row] | None = None,
    cap: float | None = None,
) -> pyo.ConcreteModel:
    """Write the largest margin by which an agent of one type ranks two rewards for sure.

    Parameters
    ----------
    environment
        The payoff environment; its own pattern plays no part.
    base
        B, whose members may be rewarded.
    coalitions
        F, the coalitions that could ask for the reward; each contains B.
    reported
        theta'_-B, types of the agents outside B, ascending.
    agent, own_type
        i, a member of B, and its type theta_i.
    kept
        Who is to keep f where; None: everybody who can bring the report about, as :func:`kept_rows` says.
    cap
        Margins above it are not told apart; None: no limit, so that rays may make the model unbounded.

    Raises
    ------
    ValueError
        When the agent is not in the base, or a coalition does not contain the base.
    """
    _check(environment, base, coalitions, agent)
    rows = kept_rows(environment, base, coalitions, reported) if kept is None else sorted(set(kept))
    model = pyo.ConcreteModel(name="interior reward")
    others = environment.with_members(1 << agent, [own_type]).tolist()
    name = {p: environment.profile_name(environment.profiles[p].tolist()) for p in {*others, *(p for _, p in rows)}}
    _add_sets(model, environment, [(environment.agents[j], name[p]) for j, p in rows], [name[p] for p in others])
    _add_worth(model, environment, sorted({*rows, *((agent, p) for p in others)}), name)
    _add_due(model, environment, rows, name)
    _add_rewards(model)
    _add_margin(model, cap)
    _add_whole(model)
    _add_keeps(model)
    _add_ranked(model, environment.agents[agent])
    _add_most(model)
    return model


def kept_rows(
    environment: PayoffEnvironment, base: Coalition, coalitions: Sequence[Coalition], reported: Sequence[int]
) -> tuple[Row, ...]:
    """Return all (j, number of theta) with j in S, S in F, theta_-S = theta'_-S, ascending."""
    said = dict(zip(members(environment.others(base)), reported, strict=True))
    found: set[Row] = set()
    for coalition in coalitions:
        rest = environment.others(coalition)
        numbers = environment.with_members(rest, [said[k] for k in members(rest)])
        found |= {(j, int(p)) for j in members(coalition) for p in numbers}
    return tuple(sorted(found))


def _check(environment: PayoffEnvironment, base: Coalition, coalitions: Sequence[Coalition], agent: int) -> None:
    if not base >> agent & 1:
        raise ValueError(f"agent number {agent} is no member of the base {base}: only members rank its rewards")
    if any(coalition & base != base for coalition in coalitions):
        raise ValueError("a coalition does not contain the base; choose those that do with coalitions_with")


def _add_sets(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, kept: Sequence[tuple[str, str]], others: Sequence[str]
) -> None:
    """Outcomes, rays, the two sides, who keeps f where, the profiles of i's type."""
    model.outcomes = pyo.Set(initialize=environment.outcomes, doc="deterministic outcomes k")
    model.rays = pyo.Set(initialize=environment.rays, doc="rays r")
    model.sides = pyo.Set(initialize=SIDES, doc="the better and the worse reward")
    model.kept = pyo.Set(dimen=2, initialize=kept, doc="agents j who keep f at theta")
    model.others = pyo.Set(initialize=others, doc="profiles theta with i of type theta_i")


def _add_worth(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, rated: Sequence[Row], name: Mapping[int, str]
) -> None:
    """u_j(x, theta) where some row needs it."""
    columns = (*environment.outcomes, *environment.rays)
    values = {
        (environment.agents[j], name[p], x): value
        for j, p in rated
        for x, value in zip(columns, environment.worth[j, p].tolist(), strict=True)
    }
    pairs = [(environment.agents[j], name[p]) for j, p in rated]
    model.rated = pyo.Set(dimen=2, initialize=pairs, doc="agents j and profiles theta of some row")
    model.worth = pyo.Param(
        model.rated, model.outcomes | model.rays, initialize=values, within=pyo.Reals, doc="u_j(x, theta)"
    )


def _add_due(
    model: pyo.ConcreteModel, environment: PayoffEnvironment, kept: Sequence[Row], name: Mapping[int, str]
) -> None:
    """u_j(f(theta), theta) for (j, theta) in kept."""
    values = {(environment.agents[j], name[p]): environment.payoffs[j, p, p].item() for j, p in kept}
    model.due = pyo.Param(model.kept, initialize=values, within=pyo.Reals, doc="u_j(f(theta), theta)")


def _add_rewards(model: pyo.ConcreteModel) -> None:
    """a_sk >= 0 and a_sr >= 0."""
    model.weight = pyo.Var(model.sides, model.outcomes, within=pyo.NonNegativeReals, doc="a_sk, weight of an outcome")
    model.amount = pyo.Var(model.sides, model.rays, within=pyo.NonNegativeReals, doc="a_sr, amount along a ray")


def _add_margin(model: pyo.ConcreteModel, cap: float | None) -> None:
    """Margin t <= cap."""
    model.margin = pyo.Var(bounds=(None, cap), doc="t, by how much i ranks the two rewards for sure")


def _add_whole(model: pyo.ConcreteModel) -> None:
    """Sum over k of a_sk = 1."""

    def is_whole(m: pyo.ConcreteModel, s: str) -> object:
        return pyo.quicksum(m.weight[s, k] for k in m.outcomes) == 1

    model.whole = pyo.Constraint(model.sides, rule=is_whole, doc="each reward is a lottery, moved along rays")


def _utility(m: pyo.ConcreteModel, s: str, j: str, theta: str) -> Any:
    """u_j(a_s, theta)."""
    along = pyo.quicksum(m.worth[j, theta, r] * m.amount[s, r] for r in m.rays)
    return pyo.quicksum(m.worth[j, theta, k] * m.weight[s, k] for k in m.outcomes) + along


def _add_keeps(model: pyo.ConcreteModel) -> None:
    """u_j(a_s, theta) <= u_j(f(theta), theta)."""

    def does_not_gain(m: pyo.ConcreteModel, s: str, j: str, theta: str) -> object:
        return _utility(m, s, j, theta) <= m.due[j, theta]

    model.keeps = pyo.Constraint(model.sides, model.kept, rule=does_not_gain, doc="j does not gain over f at theta")


def _add_ranked(model: pyo.ConcreteModel, agent: str) -> None:
    """u_i(a_high, theta) - u_i(a_low, theta) >= t."""

    def prefers_high(m: pyo.ConcreteModel, theta: str) -> object:
        return _utility(m, "high", agent, theta) - _utility(m, "low", agent, theta) >= m.margin

    model.ranked = pyo.Constraint(model.others, rule=prefers_high, doc="i prefers the better reward at theta")


def _add_most(model: pyo.ConcreteModel) -> None:
    """Maximise t."""
    model.most = pyo.Objective(expr=model.margin, sense=pyo.maximize, doc="the largest margin of a sure ranking")
