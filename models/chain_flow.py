"""The coalitional Nash solution as a unit flow over coalitions, for threats in proportion to the weights.

When every threat is worth the same per unit of weight to all its members, y_i = d_i + gamma_i t_T, put
beta(R) = max of t_T over the threats inside R. An allocation is unblocked if and only if in every coalition R some
member has a net payoff per weight of at least beta(R). The best allocations come from chains: from R = N, one member
i of a threat T(R) with t_T = beta(R) takes just gamma_i beta(R) and leaves; at some R the others share all that is left
in proportion to their weights. A chain is a unit flow; the logarithm of the shared money is cut off by tangents.

Sets: ``players`` i; ``coalitions`` R that chains can reach; ``arcs`` (R, i), where i in T(R) leaves R.
Parameters: gamma_i, d_i, beta(R), gamma(R) = sum of gamma_i over R, the worth v.
Variables: f_Ri in {0, 1}, whether i leaves R; s_R in {0, 1}, whether R shares; m_R >= 0, what it shares; w_R, at most
s_R gamma(R) log(m_R / gamma(R)); the payoff x_i.

Equations::

    (flow)        s_R + sum of f_Ri over i  =  sum of f_Qj over Q - j = R,   plus 1 for R = N
    (share)       gamma(R) beta(R) s_R  <=  m_R  <=  (v - sum of d) s_R
    (budget)      sum of m_R + sum of gamma_i beta(R) f_Ri  <=  v - sum of d_i
    (tangent)     w_R <= gamma(R) [ (log p - 1) s_R + m_R / (gamma(R) p) ]     for points p > 0
    (payoff)      x_i = d_i + sum of gamma_i beta(R) f_Ri + sum over R with i of m_R gamma_i / gamma(R)
    (product)     maximise  sum of gamma_i log(gamma_i beta(R)) f_Ri + sum of g(R) s_R + w_R,
                  g(R) = sum of gamma_i log(gamma_i) over R

==============  ==========================  =======
symbol          component                   unit
==============  ==========================  =======
f_Ri            ``takes[R, i]``             none
s_R             ``shares[R]``               none
m_R             ``shared_money[R]``         payoff
w_R             ``log_gain[R]``             none
x_i             ``payoff[i]``               payoff
beta(R)         ``claim[R]``                payoff
gamma_i, d_i    ``weight[i]``,              none,
                ``disagreement[i]``         payoff
==============  ==========================  =======

Exactness: a relaxation of the logarithm, exact in the limit of tangents. The number of coalitions may reach 2^n.

Reference: Vohra and Ray (2025), Nash Bargaining in Coalitional Games, equation (33) and theorem 1. Perspective cuts:
Frangioni and Gentile (2006), Perspective cuts for a class of convex 0-1 mixed integer programs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import pyomo.environ as pyo

from breakaway.data.coalitions import coalition_of, format_coalition, members
from breakaway.data.games import ThreatGame, TotalWorth
from breakaway.models import unblocked
from breakaway.models.unblocked import Pairs

TANGENTS = 8
"""Tangent points with which the logarithm of a share starts: the greatest share, a half of it, a quarter, ..."""


@dataclasses.dataclass(frozen=True)
class Claim:
    """A proportional threat: who makes it, and t_T, its net payoff per unit of weight."""

    coalition: int
    per_weight: float
    payoffs: Mapping[int, float]


@dataclasses.dataclass(frozen=True)
class Network:
    """Coalitions that chains reach, with the claim that stands in each (None: no threat inside)."""

    claims: Mapping[int, Claim | None]

    def arcs(self) -> list[tuple[int, int]]:
        """Return the pairs (R, i) where i may take its claim and leave R; the last player always shares."""
        return [(r, i) for r, claim in self.claims.items() for i in leavers(r, claim)]


def leavers(coalition: int, claim: Claim | None) -> tuple[int, ...]:
    """Return the players who may leave a coalition: the members of the threat that claims most."""
    return members(claim.coalition) if claim and coalition & (coalition - 1) else ()


def build(game: ThreatGame, identical: Pairs = ()) -> pyo.ConcreteModel:
    """Write the flow.

    Raises
    ------
    ValueError
        When the feasible set is not a total worth, a threat is not in proportion to the weights, or pairs of identical
        players are given: their order breaks the chains.
    """
    if not isinstance(game.feasible, TotalWorth):
        raise ValueError(
            "chain_flow needs a total worth; use formulation='outer_approximation' for points and polyhedra"
        )
    if identical:
        raise ValueError("chain_flow cannot order identical players; leave identical out, or use another formulation")
    network = _network(game, proportional_claims(game))
    model = pyo.ConcreteModel(name="coalitional Nash solution by chain_flow")
    unblocked.add_players(model, game)
    _add_network(model, game, network)
    _add_money(model, game, game.feasible.worth)
    _add_flow_variables(model)
    _add_flow(model)
    _add_share(model)
    _add_budget(model)
    _add_payoff(model)
    _add_tangents(model, unblocked.payoff_scale(game))
    _add_product(model)
    return model


def proportional_claims(game: ThreatGame) -> list[Claim]:
    """Return the blocking threats as claims, the greatest first, then the smallest coalition.

    Raises
    ------
    ValueError
        Naming a threat that is not in proportion to the weights.
    """
    names, weights, d = game.players.names, game.players.weights, game.players.disagreement
    claims = []
    for threat, asked in unblocked.blocking_threats(game).items():
        payoffs = {names.index(name): payoff for name, payoff in asked.items()}
        ratios = [(payoff - d[i]) / weights[i] for i, payoff in payoffs.items()]
        if max(ratios) - min(ratios) > 1e-9 * max(ratios):
            raise ValueError(
                f"threat {threat!r} is not in proportion to the weights, which chain_flow needs; "
                f"use formulation='outer_approximation'"
            )
        claims.append(Claim(coalition_of(payoffs), ratios[0], payoffs))
    return sorted(claims, key=lambda c: (-c.per_weight, c.coalition.bit_count(), c.coalition))


def _network(game: ThreatGame, claims: list[Claim]) -> Network:
    """Follow all chains from N."""
    found: dict[int, Claim | None] = {}
    pending = [game.players.everyone]
    while pending:
        coalition = pending.pop()
        if coalition in found:
            continue
        claim = next((c for c in claims if not c.coalition & ~coalition), None)
        found[coalition] = claim
        pending += [coalition & ~(1 << i) for i in leavers(coalition, claim)]
    return Network({r: found[r] for r in sorted(found, reverse=True)})


def _add_network(model: pyo.ConcreteModel, game: ThreatGame, network: Network) -> None:
    """Coalitions R, arcs (R, i), where they lead, beta(R) and the payoff of each claim."""
    names = game.players.names
    label = {r: format_coalition(r, names) for r in network.claims}
    arcs = network.arcs()
    model.coalitions = pyo.Set(initialize=list(label.values()), doc="coalitions R that chains reach")
    model.present = pyo.Set(
        model.coalitions,
        initialize={label[r]: [names[i] for i in members(r)] for r in network.claims},
        doc="players who have not left R",
    )
    model.arcs = pyo.Set(initialize=[(label[r], names[i]) for r, i in arcs], dimen=2, doc="player i may leave R")
    model.leads_to = pyo.Param(
        model.arcs,
        initialize={(label[r], names[i]): label[r & ~(1 << i)] for r, i in arcs},
        within=pyo.Any,
        doc="R - i, the coalition after i has left",
    )
    model.claim = pyo.Param(
        model.coalitions,
        initialize={label[r]: claim.per_weight if claim else 0.0 for r, claim in network.claims.items()},
        within=pyo.NonNegativeReals,
        doc="beta(R), greatest threat inside R, net and per unit of weight",
    )
    model.taken = pyo.Param(
        model.arcs,
        initialize={
            (label[r], names[i]): claim.payoffs[i]
            for r, claim in network.claims.items()
            if claim
            for i in leavers(r, claim)
        },
        within=pyo.Reals,
        doc="d_i + gamma_i beta(R), payoff with which i leaves R",
    )


def _add_money(model: pyo.ConcreteModel, game: ThreatGame, worth: float) -> None:
    """Surplus v - sum of d_i, and gamma(R)."""
    model.surplus = pyo.Param(initialize=worth - sum(game.players.disagreement), within=pyo.Reals, doc="v - sum of d_i")
    model.total_weight = pyo.Param(
        model.coalitions,
        initialize={r: sum(model.weight[i] for i in model.present[r]) for r in model.coalitions},
        within=pyo.PositiveReals,
        doc="gamma(R), weight of the players in R",
    )


def _add_flow_variables(model: pyo.ConcreteModel) -> None:
    """f_Ri, s_R in {0, 1}; m_R >= 0; w_R."""
    model.takes = pyo.Var(model.arcs, within=pyo.Binary, doc="f_Ri, whether i takes its claim and leaves R")
    model.shares = pyo.Var(model.coalitions, within=pyo.Binary, doc="s_R, whether R shares what is left")
    model.shared_money = pyo.Var(model.coalitions, within=pyo.NonNegativeReals, doc="m_R, what R shares")
    model.log_gain = pyo.Var(model.coalitions, within=pyo.Reals, doc="w_R, at most s_R gamma(R) log(m_R / gamma(R))")


def _add_flow(model: pyo.ConcreteModel) -> None:
    """s_R + sum of f_Ri = sum of f_Qj with Q - j = R, plus 1 for R = N."""
    leaving: dict[str, list[str]] = {r: [] for r in model.coalitions}
    entering: dict[str, list[tuple[str, str]]] = {r: [] for r in model.coalitions}
    for r, i in model.arcs:
        leaving[r].append(i)
        entering[model.leads_to[r, i]].append((r, i))
    source = model.coalitions.at(1)

    def balance(m: pyo.ConcreteModel, r: str) -> object:
        inflow = pyo.quicksum(m.takes[arc] for arc in entering[r]) + (1 if r == source else 0)
        return m.shares[r] + pyo.quicksum(m.takes[r, i] for i in leaving[r]) == inflow

    model.flow = pyo.Constraint(model.coalitions, rule=balance, doc="what enters R leaves R or shares there")


def _add_share(model: pyo.ConcreteModel) -> None:
    """gamma(R) beta(R) s_R <= m_R <= (v - sum of d_i) s_R."""
    model.least_share = pyo.Constraint(
        model.coalitions,
        rule=lambda m, r: m.total_weight[r] * m.claim[r] * m.shares[r] <= m.shared_money[r],
        doc="equal sharing in R meets every threat inside R",
    )
    model.greatest_share = pyo.Constraint(
        model.coalitions,
        rule=lambda m, r: m.shared_money[r] <= m.surplus * m.shares[r],
        doc="only the coalition that shares has money",
    )


def _add_budget(model: pyo.ConcreteModel) -> None:
    """Sum of m_R + sum of gamma_i beta(R) f_Ri <= v - sum of d_i."""
    taken = pyo.quicksum((model.taken[r, i] - model.disagreement[i]) * model.takes[r, i] for r, i in model.arcs)
    model.budget = pyo.Constraint(
        expr=pyo.quicksum(model.shared_money.values()) + taken <= model.surplus, doc="what is taken and shared is there"
    )


def _add_payoff(model: pyo.ConcreteModel) -> None:
    """x_i = d_i + gamma_i beta(R) along the chain, or i's part of what is shared."""
    arcs: dict[str, list[str]] = {i: [] for i in model.players}
    for r, i in model.arcs:
        arcs[i].append(r)

    def payoff(m: pyo.ConcreteModel, i: str) -> object:
        taken = pyo.quicksum((m.taken[r, i] - m.disagreement[i]) * m.takes[r, i] for r in arcs[i])
        shared = (m.shared_money[r] * (m.weight[i] / m.total_weight[r]) for r in m.coalitions if i in m.present[r])
        return m.disagreement[i] + taken + pyo.quicksum(shared)

    model.payoff = pyo.Expression(model.players, rule=payoff, doc="x_i, payoff of player i")


def _add_tangents(model: pyo.ConcreteModel, scale: float) -> None:
    """Tangents at the scale of payoffs per weight and at its halvings."""
    model.tangent = pyo.Constraint(pyo.Any, doc="w_R lies below tangent number m of s_R gamma(R) log(m_R / gamma(R))")
    for r in model.coalitions:
        top = scale / model.total_weight[r]
        for halvings in range(TANGENTS):
            add_tangent(model, r, top / 2**halvings)


def add_tangent(model: pyo.ConcreteModel, coalition: str, point: float) -> None:
    """w_R <= gamma(R) [(log p - 1) s_R + m_R / (gamma(R) p)].

    Parameters
    ----------
    model
        A chain-flow model.
    coalition
        Name of R, not the empty coalition.
    point
        p > 0, the net payoff per unit of weight at which the tangent touches.
    """
    weight = model.total_weight[coalition]
    chord = weight * (math.log(point) - 1.0) * model.shares[coalition] + model.shared_money[coalition] / point
    model.tangent[coalition, len(model.tangent) + 1] = model.log_gain[coalition] <= chord


def _add_product(model: pyo.ConcreteModel) -> None:
    """Maximise the log of what is taken and shared, times the weights."""
    taken = (
        model.weight[i] * math.log(model.taken[r, i] - model.disagreement[i]) * model.takes[r, i] for r, i in model.arcs
    )
    own = {r: sum(model.weight[i] * math.log(model.weight[i]) for i in model.present[r]) for r in model.coalitions}
    shared = (own[r] * model.shares[r] + model.log_gain[r] for r in model.coalitions)
    model.linearised_product = pyo.Objective(
        expr=pyo.quicksum(taken) + pyo.quicksum(shared),
        sense=pyo.maximize,
        doc="upper bound of the log of the weighted Nash product",
    )


def chosen_levels(model: pyo.ConcreteModel) -> dict[str, float]:
    """Return the payoffs with which players leave along the chain held by the model; d_i for those who share."""
    found = {i: float(model.disagreement[i]) for i in model.players}
    for r, i in model.arcs:
        if pyo.value(model.takes[r, i]) > 0.5:
            found[i] = float(model.taken[r, i])
    return found


def sharing_coalition(model: pyo.ConcreteModel) -> str:
    """Return the name of the coalition that shares at the end of the chain held by the model."""
    return str(max(model.coalitions, key=lambda r: pyo.value(model.shares[r])))


def give_up(model: pyo.ConcreteModel, choices: Mapping[str, float]) -> None:
    """Exclude the chains in which all these players leave with at least these payoffs, and the chain just held."""
    if model.component("given_up") is None:
        model.given_up = pyo.Constraint(
            pyo.PositiveIntegers, doc="one of the choices of an earlier optimum is given up"
        )
        model.other_chain = pyo.Constraint(pyo.PositiveIntegers, doc="a chain that was found is not found again")
    chain = [arc for arc in model.arcs if pyo.value(model.takes[arc]) > 0.5]
    arcs = [(r, i) for r, i in model.arcs if i in choices and model.taken[r, i] >= choices[i]]
    covered = len({i for r, i in chain if (r, i) in arcs}) == len(choices)
    model.given_up.add(len(model.given_up) + 1, pyo.quicksum(model.takes[a] for a in arcs) <= len(choices) - 1)
    if not covered:
        flow = pyo.quicksum(model.takes[a] for a in chain) + model.shares[sharing_coalition(model)]
        model.other_chain.add(len(model.other_chain) + 1, flow <= len(chain))
