"""The coalitional Nash solutions of one game with threats, for every feasible set, by Pyomo models.

A total worth is a block problem for the divider of :mod:`breakaway.runners.model_division`. For points and polyhedra
the loop of :mod:`breakaway.runners.stepwise` is the same, with another judge: a point is evaluated as it stands; under
chosen levels a polyhedron leaves a smooth concave model, which Ipopt solves. A convex set goes by enumeration of boxes
(:mod:`breakaway.runners.convex`), or by the same loop with a MINLP solver.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from breakaway.data.coalitions import members
from breakaway.data.games import ConvexSet, FeasibleSet, Payoffs, Points, Polyhedron, ThreatGame, TotalWorth
from breakaway.models import coalitional_nash
from breakaway.models.unblocked import payoff_scale
from breakaway.runners.choices import Choices, LevelNumbers, choices_of
from breakaway.runners.convex import (
    CONVEX_TIE,
    CONVEX_TOLERANCE,
    Boxes,
    check_midpoints,
    divide_convex,
    highest_allocations,
    net_of,
    scaled_set,
    tops_of,
)
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
from breakaway.runners.points import best_points, point_array, solve_points
from breakaway.runners.search import TIE, Number
from breakaway.runners.solvers import SolverOptions, UnboundedError
from breakaway.runners.stepwise import Candidate, Clock, Journal, all_maximisers, keep_no_journal

ACTIVE = 1e-6
"""A payoff this close to its lower bound, relative to the scale, is taken to be held there."""


def solve_general(
    game: ThreatGame,
    options: SolverOptions | None = None,
    solver: str = "highs",
    formulation: str | None = None,
    journal: Journal = keep_no_journal,
    eps: float | None = None,
) -> Division:
    """Return all coalitional Nash solutions of a game with threats, by Pyomo models.

    For points, polyhedra and convex sets ``required`` is NaN. For a polyhedron or convex set whose best product is zero
    one solution is given and ``complete`` is false: the maximisers are then all unblocked allocations, in general
    infinitely many.

    Parameters
    ----------
    game
        The game; positions of the answer are players in their order.
    options
        Limits and tolerances; the time limit holds for the whole game and is split over its solves.
    solver, formulation, journal
        As for :func:`~breakaway.runners.model_division.model_divider`; a convex set takes ``highs`` for
        :func:`solve_convex` by Ipopt, and no formulation.
    eps
        Tolerance in the game's unit of payoff; by default 1e-9 of :func:`game_scale`.

    Raises
    ------
    ValueError
        For a solver or formulation that does not fit the game.
    LimitReachedError
        Carrying the best value and the bound.
    UnboundedError
        When a polyhedron or convex set does not bound the payoffs.
    """
    check_method(solver, formulation)
    asked = options or SolverOptions()
    eps = TIE * game_scale(game) if eps is None else eps
    match game.feasible:
        case TotalWorth():
            return model_divider(asked, solver, formulation, journal)(block_problem(game, eps))
        case Points():
            return _solve_points(game, eps, solver, formulation, Clock(asked, journal))
        case Polyhedron():
            return _solve_polyhedron(game, eps, solver, formulation, Clock(asked, journal))
        case ConvexSet():
            if formulation is not None:
                raise ValueError(
                    "a convex set is solved by boxes, or by SCIP with thresholds: leave out the formulation"
                )
            return solve_convex(game, max(eps, CONVEX_TOLERANCE * game_scale(game)), Clock(asked, journal), solver)


def game_scale(game: ThreatGame) -> float:
    """Return the largest magnitude of a worth, threat or feasible payoff; 1 when all are zero."""
    numbers = [abs(payoff) for threat in game.threats for payoff in threat.payoffs]
    numbers += [abs(d) for d in game.players.disagreement]
    match game.feasible:
        case TotalWorth(worth):
            numbers.append(abs(worth))
        case Points(payoffs=points):
            numbers += [abs(payoff) for point in points for payoff in point]
        case Polyhedron() | ConvexSet():
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
    """Choose a point; forbid it; choose again, until no point as good is left.

    Models have the points that give everybody a gain; when all of these are blocked, the others are read off the table.
    """
    d = np.array(game.players.disagreement)
    allocations = point_array(game)
    # A point that a threat exceeds by no more than eps is unblocked; the models know no leeway, so it is granted here.
    choices = choices_of(_problem(game, math.nan, eps, leeway=eps), scale=payoff_scale(game))
    gaining = [k for k, x in enumerate(allocations) if (x > d + eps).all()]
    net = {str(k): (allocations[k] - d) / choices.scale for k in gaining}
    if not net:
        return solve_points(game, eps)
    feasible = Points(tuple(net), tuple(tuple(map(float, x)) for x in net.values()))
    model = _master(choices, feasible, solver, formulation)
    judge = PointsJudge(choices, allocations, d, eps, margin_of(solver) * choices.weight_scale)
    found, _ = all_maximisers(model, solver, judge, clock)
    if not found:
        return solve_points(game, eps)
    return best_points(game, [np.array(c.allocation) for c in found], eps)


def _master(choices: Choices, feasible: FeasibleSet, solver: str, formulation: str | None) -> Any:
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


# --- polyhedra and convex sets -------------------------------------------------------------------------------------


def _solve_polyhedron(game: ThreatGame, eps: float, solver: str, formulation: str | None, clock: Clock) -> Division:
    """Tell whether the best product is positive; if so, choose levels, solve what they leave, give one up, repeat."""
    choices = choices_of(_problem(game, math.nan, eps), scale=payoff_scale(game))
    feasible = scaled_set(game, choices.scale)
    trial = coalitional_nash.build(choices.game(feasible), "smallest_gain")
    if clock.solve(trial, "highs") is None:
        return NOTHING
    if pyo.value(trial.smallest_gain) * choices.scale <= eps:
        return _one_of_product_zero(choices, trial)
    found = _by_master(Boxes(choices, feasible, clock), _master(choices, feasible, solver, formulation), solver)
    if not found.viable:
        raise UnboundedError(
            "the polyhedron has unblocked allocations but no best one: add rows that bound every payoff"
        )
    return found


def solve_convex(
    game: ThreatGame, eps: float, clock: Clock, solver: str = "ipopt", tops: Payoffs | None = None
) -> Division:
    """Return all coalitional Nash solutions over a polyhedron or convex set.

    Parameters
    ----------
    game
        The game; its feasible set is a polyhedron or a convex set.
    eps
        Tolerance in the game's unit of payoff, at least what Ipopt reaches.
    clock
        Time limit and journal.
    solver
        ``"ipopt"`` (or ``"highs"``): enumeration of boxes (:mod:`breakaway.runners.convex`); a MINLP solver such as
        ``"scip"``: the model with thresholds, each of its choices evaluated by Ipopt.
    tops
        The largest payoff of each player in the set, where it is known.

    Raises
    ------
    UnboundedError
        When the set does not bound the payoffs.
    ValueError
        When a convex set is found not to be convex.
    LimitReachedError
        Carrying the bound.
    """
    if tops is None:
        highest = highest_allocations(game, clock)
        if highest is None:
            return NOTHING
        if isinstance(game.feasible, ConvexSet):
            check_midpoints(game, highest, clock)
        tops = tops_of(highest)
    gains = [top - d for top, d in zip(tops, game.players.disagreement, strict=True)]
    if max(gains) <= eps:
        return _only_disagreement(game, eps)
    choices = choices_of(_problem(game, math.nan, eps), scale=max(gains))
    feasible = scaled_set(game, choices.scale)
    if solver in ("ipopt", "highs"):
        return divide_convex(choices, feasible, clock)
    model = _master(choices, feasible, solver, None)
    for variable, gain in zip(model.payoff.values(), gains, strict=True):
        variable.setub(gain / choices.scale + ACTIVE)
    found = _by_master(Boxes(choices, feasible, clock), model, solver)
    return found if found.viable else divide_convex(choices, feasible, clock)


def _only_disagreement(game: ThreatGame, eps: float) -> Division:
    """Divide a set that gives nobody more than disagreement."""
    floor = Points(("disagreement",), (game.players.disagreement,))
    return solve_points(replace(game, feasible=floor), eps)


NOTHING = Division(math.nan, False, (), -math.inf, -math.inf, 1)
"""The division of a set without an unblocked allocation."""


def _by_master(boxes: Boxes, model: Any, solver: str) -> Division:
    """Let a model choose levels until no choice as good is left; not viable when none has a positive product."""
    choices = boxes.choices
    judge = ConvexJudge(boxes, margin_of(solver) * choices.weight_scale)
    found, bound = all_maximisers(model, solver, judge, boxes.clock)
    if not found:
        return NOTHING
    best = max(candidate.value for candidate in found)
    kept = [c.allocation for c in found if c.value >= best - CONVEX_TIE]
    rounded = replace(choices.problem, eps=ACTIVE * choices.scale / 10)
    return Division(math.nan, True, listed(rounded, kept), best, max(best, bound), 1 + len(found))


def _one_of_product_zero(choices: Choices, trial: Any) -> Division:
    """Return one unblocked allocation of a game whose best product is zero."""
    net = [max(0.0, pyo.value(trial.payoff[str(i)])) * choices.scale for i in choices.problem.positions]
    solutions = listed(choices.problem, [net])
    return Division(math.nan, True, solutions, -math.inf, -math.inf, 1, zero_product=True, complete=False)


@dataclass(slots=True)
class ConvexJudge:
    """Choices of levels in a polyhedron or convex set: what they leave is a concave model for Ipopt."""

    boxes: Boxes
    margin: float
    _binding: LevelNumbers = field(default_factory=dict)
    _seen: tuple[float, ...] = ()

    def value(self, model_value: float) -> float:
        """Return the log of the unscaled Nash product."""
        return self.boxes.choices.value(model_value)

    def evaluate(self, model: Any, best: float) -> Candidate:
        """Maximise under the chosen levels, unless they force somebody's gain to zero."""
        choices = self.boxes.choices
        numbers = choices.reduced(choices.numbers(coalitional_nash.chosen_levels(model)))
        self._binding, self._seen = numbers, ()
        found = self.boxes.best_in(numbers)
        if found is None or found.value == -math.inf:
            return Candidate(-math.inf)
        self._seen = found.scaled
        self._binding = {i: k for i, k in numbers.items() if found.scaled[i] <= choices.model_level(i, k) + ACTIVE}
        return Candidate(found.value, tuple(net_of(choices, found.scaled)), found.value)

    def exclude(self, model: Any) -> bool:
        """Give up one of the choices that bind; without any, the candidate is best of all."""
        if not self._binding:
            return False
        coalitional_nash.give_up(model, self.boxes.choices.named(self._binding))
        return True

    def refine(self, model: Any) -> None:
        """Add tangents where the model's optimum and the candidate are."""
        _add_tangents(model, [pyo.value(model.payoff[str(i)]) for i in self.boxes.choices.problem.positions])
        if self._seen:
            _add_tangents(model, self._seen)
