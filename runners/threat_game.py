"""The coalitional Nash solutions of one game with threats, for every feasible set, by Pyomo models.

A total worth is a block problem for the divider of :mod:`breakaway.runners.model_division`. For points and polyhedra
the loop of :mod:`breakaway.runners.stepwise` is the same, with another judge: a point is evaluated as it stands; under
chosen levels a polyhedron leaves a smooth concave model, which Ipopt solves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from breakaway.data.coalitions import members
from breakaway.data.games import Points, Polyhedron, ThreatGame, TotalWorth
from breakaway.models import coalitional_nash
from breakaway.models.unblocked import payoff_scale
from breakaway.runners.choices import Choices, LevelNumbers, choices_of
from breakaway.runners.division import BlockProblem, Division
from breakaway.runners.model_division import (
    STEEPEST,
    check_method,
    formulations_of,
    listed,
    log_product,
    margin_of,
    model_divider,
)
from breakaway.runners.points import best_points, point_array
from breakaway.runners.search import TIE, Number
from breakaway.runners.solvers import SolverOptions, UnboundedError
from breakaway.runners.stepwise import Candidate, Clock, Journal, all_maximisers, keep_no_journal

POLYHEDRON_TIE = 1e-7
"""Log products from Ipopt that differ by no more are maximisers alike."""

ACTIVE = 1e-6
"""A payoff this close to its lower bound, relative to the scale, is taken to be held there."""


def solve_general(
    game: ThreatGame,
    options: SolverOptions | None = None,
    solver: str = "highs",
    formulation: str | None = None,
    journal: Journal = keep_no_journal,
) -> Division:
    """Return all coalitional Nash solutions of a game with threats, by Pyomo models.

    For points and polyhedra ``required`` is NaN. For a polyhedron whose best product is zero one solution is given and
    ``complete`` is false: the maximisers are then all unblocked allocations, in general infinitely many.

    Parameters
    ----------
    game
        The game; positions of the answer are players in their order.
    options
        Limits and tolerances; the time limit holds for the whole game and is split over its solves.
    solver, formulation, journal
        As for :func:`~breakaway.runners.model_division.model_divider`.

    Raises
    ------
    ValueError
        For a solver or formulation that does not fit the game.
    LimitReachedError
        Carrying the best value and the bound.
    UnboundedError
        When a polyhedron does not bound the payoffs.
    """
    check_method(solver, formulation)
    asked = options or SolverOptions()
    eps = TIE * game_scale(game)
    match game.feasible:
        case TotalWorth():
            return model_divider(asked, solver, formulation, journal)(block_problem(game, eps))
        case Points():
            return _solve_points(game, eps, solver, formulation, Clock(asked, journal))
        case Polyhedron():
            return _solve_polyhedron(game, eps, solver, formulation, Clock(asked, journal))


def game_scale(game: ThreatGame) -> float:
    """Return the largest magnitude of a worth, threat or feasible payoff; 1 when all are zero."""
    numbers = [abs(payoff) for threat in game.threats for payoff in threat.payoffs]
    numbers += [abs(d) for d in game.players.disagreement]
    match game.feasible:
        case TotalWorth(worth):
            numbers.append(abs(worth))
        case Points(payoffs=points):
            numbers += [abs(payoff) for point in points for payoff in point]
        case Polyhedron():
            numbers.append(payoff_scale(game))
    return max(numbers, default=0.0) or 1.0


def block_problem(game: ThreatGame, eps: Number | None = None) -> BlockProblem:
    """Return the block problem of a game whose feasible set is a total worth.

    ``eps`` is by default 1e-9 of the largest magnitude in the game.

    Raises
    ------
    ValueError
        When the feasible set is not a total worth.
    """
    if not isinstance(game.feasible, TotalWorth):
        raise ValueError("a block problem shares a total worth; use solve_general for points and polyhedra")
    return _problem(game, game.feasible.worth, TIE * game_scale(game) if eps is None else eps)


def _problem(game: ThreatGame, worth: Number, eps: Number, leeway: Number = 0.0) -> BlockProblem:
    """Return players and threats as a block problem; threats ask for ``leeway`` less than they say."""
    clauses = [
        tuple((i, payoff - leeway) for i, payoff in zip(members(t.coalition), t.payoffs, strict=True))
        for t in game.threats
    ]
    players = game.players
    return BlockProblem(tuple(range(len(players))), players.weights, players.disagreement, worth, clauses, eps)


# --- points --------------------------------------------------------------------------------------------------------


def _solve_points(game: ThreatGame, eps: float, solver: str, formulation: str | None, clock: Clock) -> Division:
    """Choose a point; forbid it; choose again, until no point as good is left."""
    d = np.array(game.players.disagreement)
    allocations = point_array(game)
    # A point that a threat exceeds by no more than eps is unblocked; the models know no leeway, so it is granted here.
    choices = choices_of(_problem(game, math.nan, eps, leeway=eps), scale=payoff_scale(game))
    rational = [k for k, x in enumerate(allocations) if (x >= d - eps).all()]
    net = {str(k): np.maximum(allocations[k] - d, 0.0) / choices.scale for k in rational}
    if not net:
        return best_points(game, [], eps)
    feasible = Points(tuple(net), tuple(tuple(map(float, x)) for x in net.values()))
    model = _master(choices, feasible, solver, formulation)
    judge = PointsJudge(choices, allocations, d, eps, margin_of(solver) * choices.weight_scale)
    found, _ = all_maximisers(model, solver, judge, clock)
    return best_points(game, [np.array(c.allocation) for c in found], eps)


def _master(choices: Choices, feasible: Points | Polyhedron, solver: str, formulation: str | None) -> Any:
    model = coalitional_nash.build(choices.game(feasible), formulation or formulations_of(solver)[0])
    if formulation == "disjunctive":
        pyo.TransformationFactory("gdp.bigm").apply_to(model)
    return model


@dataclass(slots=True)
class PointsJudge:
    """Choices among points; candidates hold gross payoffs."""

    choices: Choices
    allocations: Any
    disagreement: Any
    eps: float
    margin: float
    _seen: int = -1

    def value(self, model_value: float) -> float:
        """Return the log of the unscaled Nash product."""
        return self.choices.value(model_value)

    def evaluate(self, model: Any, best: float) -> Candidate:
        """Evaluate the chosen point as it stands in the table."""
        self._seen = int(coalitional_nash.chosen_point(model))
        x = self.allocations[self._seen]
        own = log_product(self.choices.problem, x - self.disagreement, self.eps)
        return Candidate(own, tuple(map(float, x)))

    def exclude(self, model: Any) -> bool:
        """Forbid the point."""
        coalitional_nash.forbid_point(model, str(self._seen))
        return any(not chosen.fixed for chosen in model.chosen.values())

    def refine(self, model: Any) -> None:
        """Add tangents at the point."""
        _add_tangents(model, (self.allocations[self._seen] - self.disagreement) / self.choices.scale)


def _add_tangents(model: Any, scaled: Sequence[float]) -> None:
    if model.component("log_gain") is not None:
        for i, point in enumerate(scaled):
            coalitional_nash.add_tangent(model, str(i), max(float(point), STEEPEST))


# --- polyhedra -----------------------------------------------------------------------------------------------------


def _solve_polyhedron(game: ThreatGame, eps: float, solver: str, formulation: str | None, clock: Clock) -> Division:
    """Tell whether the best product is positive; if so, choose levels, solve what they leave, give one up, repeat."""
    choices = choices_of(_problem(game, math.nan, eps), scale=payoff_scale(game))
    feasible = _scaled_rows(game, choices.scale)
    trial = coalitional_nash.build(choices.game(feasible), "smallest_gain")
    if clock.solve(trial, "highs") is None:
        return Division(math.nan, False, (), -math.inf, -math.inf, 1)
    if pyo.value(trial.smallest_gain) * choices.scale <= eps:
        return _one_of_product_zero(choices, trial)
    judge = PolyhedronJudge(choices, feasible, clock, margin_of(solver) * choices.weight_scale)
    found, bound = all_maximisers(_master(choices, feasible, solver, formulation), solver, judge, clock)
    if not found:
        raise UnboundedError(
            "the polyhedron has unblocked allocations but no best one: add rows that bound every payoff"
        )
    best = max(candidate.value for candidate in found)
    kept = [c.allocation for c in found if c.value >= best - POLYHEDRON_TIE]
    rounded = replace(choices.problem, eps=ACTIVE * choices.scale / 10)
    return Division(math.nan, True, listed(rounded, kept), best, max(best, bound), 1 + len(found))


def _scaled_rows(game: ThreatGame, scale: float) -> Polyhedron:
    """Return the polyhedron in scaled net payoffs: A x <= (b - A d) / scale."""
    rows = game.feasible
    if not isinstance(rows, Polyhedron):
        raise ValueError("the feasible set is not a polyhedron; use solve_general")
    coefficients, d = np.array(rows.coefficients), np.array(game.players.disagreement)
    bounds = (np.array(rows.bounds) - coefficients @ d) / scale
    return Polyhedron(rows.names, rows.coefficients, tuple(map(float, bounds)))


def _one_of_product_zero(choices: Choices, trial: Any) -> Division:
    """Return one unblocked allocation of a game whose best product is zero."""
    net = [max(0.0, pyo.value(trial.payoff[str(i)])) * choices.scale for i in choices.problem.positions]
    solutions = listed(choices.problem, [net])
    return Division(math.nan, True, solutions, -math.inf, -math.inf, 1, zero_product=True, complete=False)


@dataclass(slots=True)
class PolyhedronJudge:
    """Choices of levels in a polyhedron: what they leave is a concave model for Ipopt."""

    choices: Choices
    feasible: Polyhedron
    clock: Clock
    margin: float
    _binding: LevelNumbers = field(default_factory=dict)
    _seen: tuple[Number, ...] = ()

    def value(self, model_value: float) -> float:
        """Return the log of the unscaled Nash product."""
        return self.choices.value(model_value)

    def evaluate(self, model: Any, best: float) -> Candidate:
        """Maximise under the chosen levels, unless they force somebody's gain to zero."""
        choices = self.choices
        numbers = choices.reduced(choices.numbers(coalitional_nash.chosen_levels(model)))
        lower = choices.named(numbers)
        self._binding, self._seen = numbers, ()
        if not self._leaves_gain(lower):
            return Candidate(-math.inf)
        inner = coalitional_nash.build(choices.game(self.feasible), "fixed_choices", lower=lower)
        outcome = self.clock.solve(inner, "ipopt", best if best > -math.inf else None)
        if outcome is None:
            return Candidate(-math.inf)
        scaled = tuple(float(pyo.value(inner.payoff[str(i)])) for i in choices.problem.positions)
        self._binding = {i: k for i, k in numbers.items() if scaled[i] <= choices.model_level(i, k) + ACTIVE}
        self._seen = scaled
        own = choices.value(float(pyo.value(inner.log_nash_product)))
        return Candidate(own, tuple(x * choices.scale for x in scaled), own)

    def _leaves_gain(self, lower: dict[str, float]) -> bool:
        """Tell whether some feasible allocation above the lower bounds gives everybody a gain."""
        trial = coalitional_nash.build(self.choices.game(self.feasible), "smallest_gain")
        for name, level in lower.items():
            trial.payoff[name].setlb(level)
        for key in trial.reaches:
            trial.reaches[key].fix(int(trial.level_payoff[key] <= lower.get(key[0], 0.0)))
        outcome = self.clock.solve(trial, "highs")
        return outcome is not None and bool(pyo.value(trial.smallest_gain) > ACTIVE * 1e-3)

    def exclude(self, model: Any) -> bool:
        """Give up one of the choices that bind; without any, the candidate is best of all."""
        if not self._binding:
            return False
        coalitional_nash.give_up(model, self.choices.named(self._binding))
        return True

    def refine(self, model: Any) -> None:
        """Add tangents where the model's optimum and the candidate are."""
        _add_tangents(model, [pyo.value(model.payoff[str(i)]) for i in self.choices.problem.positions])
        if self._seen:
            _add_tangents(model, self._seen)
