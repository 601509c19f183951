"""Division of a worth under threats by Pyomo models: the same answers as the exact search, from general solvers.

Steps, as in docs/coalitional_nash.md:

1. The required worth is a MILP; the levels it chooses are added up exactly.
2. A worth that falls short has no division; a worth that just suffices has finitely many, all listed by MILP.
3. Otherwise the Nash product is maximised: by HiGHS with tangents to the logarithm, or by SCIP as it stands.
4. Under the chosen levels the optimum is water-filling, in closed form; Ipopt solves the same smooth model, and the two
   must agree.
5. One of the choices that bind is given up, and step 3 is repeated until nothing as good can be left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pyomo.environ import TransformationFactory, value

from breakaway.data.games import TotalWorth
from breakaway.models import chain_flow, coalitional_nash, required_worth
from breakaway.models.blocks import check_formulation
from breakaway.runners.choices import Choices, LevelNumbers, chain, choices_of
from breakaway.runners.division import BlockProblem, Divider, Division, same_allocation
from breakaway.runners.search import TIE, Clause, Number, water_filling
from breakaway.runners.solvers import NumericalError, Probe, ProblemClass, SolverOptions, Verdict, probe
from breakaway.runners.stepwise import Candidate, Clock, Journal, Step, all_maximisers, keep_no_journal

FORMULATIONS_OF: dict[str, tuple[str, ...]] = {
    "highs": ("outer_approximation", "chain_flow"),
    "scip": ("threshold", "disjunctive"),
}
"""Formulations that each solver can have, the default first."""

MARGINS = {"highs": 1e-7}
"""A solver's bound is trusted to this accuracy, in units of the log product (weights scaled to at most 1)."""

USUAL_MARGIN = 2e-6
"""The accuracy of SCIP, and of any solver that is known to Pyomo only by name."""

KNIFE_EDGE = 1e-6
"""A worth this close to what is required, relative to the scale, is judged from all cheapest choices."""

STEEPEST = 1e-5
"""Tangents to the logarithm touch at no smaller scaled payoff: steeper ones harm the MILP more than they help."""

AGREEMENT = 1e-6
"""Largest difference of Ipopt's and the closed form's log product, relative to 1 + its magnitude.

What Ipopt's tolerance means for the logarithm of a small share is added to it.
"""


def model_divider(
    options: SolverOptions | None = None,
    solver: str = "highs",
    formulation: str | None = None,
    journal: Journal = keep_no_journal,
) -> Divider:
    """Return a divider that solves every block problem by Pyomo models.

    Parameters
    ----------
    options
        Limits and tolerances; the time limit holds for one block problem and is split over its solves.
    solver
        ``"highs"`` (with Ipopt as a check), ``"scip"``, or the name of a MILP or MINLP solver that Pyomo knows, for
        the division; the required worth is a MILP for HiGHS.
    formulation
        One of :data:`FORMULATIONS_OF` the solver; None takes the first.
    journal
        Called with a :class:`~breakaway.runners.stepwise.Step` after every solve.

    Raises
    ------
    ValueError
        For a solver or formulation that does not fit.
    """
    check_method(solver, formulation)
    return ModelDivider(options or SolverOptions(), solver, formulation or formulations_of(solver)[0], journal)


@dataclass(frozen=True, slots=True)
class ModelDivider:
    """A divider by Pyomo models that can be sent to worker processes, if its journal can."""

    options: SolverOptions
    solver: str
    formulation: str
    journal: Journal

    def __call__(self, problem: BlockProblem) -> Division:
        """Divide."""
        return _divide(problem, self.solver, self.formulation, Clock(self.options, self.journal))


def check_method(solver: str, formulation: str | None) -> None:
    """Refuse a solver that no formulation is for, or a formulation that the solver cannot have."""
    formulations = formulations_of(solver)
    if formulation is not None:
        check_formulation(formulation, formulations)


def formulations_of(solver: str) -> tuple[str, ...]:
    """Return the formulations that a solver can have, the default first.

    A solver that Pyomo knows by name shows by a probe solve whether it can have the models meant for SCIP (MINLP) or
    those meant for HiGHS (MILP).

    Raises
    ------
    ValueError
        When the solver is not available here, or can have neither.
    """
    if solver in FORMULATIONS_OF:
        return FORMULATIONS_OF[solver]
    minlp = probe(solver, ProblemClass.MINLP)
    if _proves(minlp):
        return FORMULATIONS_OF["scip"]
    milp = probe(solver, ProblemClass.MILP)
    if _proves(milp):
        return FORMULATIONS_OF["highs"]
    why = milp.message or minlp.message
    raise ValueError(
        f"solver {solver!r} cannot divide: {why}; choose one of {', '.join(FORMULATIONS_OF)}, "
        "or a MILP or MINLP solver that `breakaway solvers` shows as available"
    )


def _proves(shown: Probe) -> bool:
    return shown.verdict is Verdict.RIGHT and shown.proven


def margin_of(solver: str) -> float:
    """Return the accuracy to which a solver's bound is trusted, in units of the log product."""
    return MARGINS.get(solver, USUAL_MARGIN)


def _divide(problem: BlockProblem, solver: str, formulation: str, clock: Clock) -> Division:
    """Take steps 1 to 5."""
    choices = choices_of(problem)
    eps = problem.eps
    required, cheapest, solves = _required_worth(choices, clock)
    paid = sum(problem.disagreement[i] for i in problem.positions)
    if required > choices.budget + eps:
        return Division(required + paid, False, (), -math.inf, -math.inf, solves)
    if choices.budget - required <= eps:
        kept = [lower for lower in cheapest if choices.total(lower) <= required + eps]
        return _without_slack(problem, kept, required + paid, solves)
    model = _division_model(choices, formulation)
    judge = TotalWorthJudge(choices, clock, margin_of(solver) * choices.weight_scale, formulation == "chain_flow")
    found, bound = all_maximisers(model, solver, judge, clock)
    best = max(candidate.value for candidate in found)
    kept_allocations = [c.allocation for c in found if c.value >= best - TIE]
    solutions = listed(problem, kept_allocations)
    return Division(required + paid, True, solutions, best, bound, solves + len(found))


def _division_model(choices: Choices, formulation: str) -> Any:
    game = choices.game(TotalWorth(float(choices.budget / choices.scale)))
    model = coalitional_nash.build(game, formulation, choices.identical())
    if formulation == "disjunctive":
        TransformationFactory("gdp.bigm").apply_to(model)
    return model


def _required_worth(choices: Choices, clock: Clock) -> tuple[Number, list[list[Number]], int]:
    """Return the least total, the cheapest lower bounds and the number of solves.

    All of the cheapest are found when the worth is on a knife edge or the arithmetic is exact, otherwise one.
    """
    found: list[list[Number]] = []
    best: Number = None
    exact = choices.problem.eps == 0
    model = required_worth.build(choices.game(TotalWorth(0.0)), choices.identical()) if choices.clauses else None
    while model is not None:
        started = time.perf_counter()
        outcome = clock.solve(model, "highs")
        if outcome is None or (found and outcome.bound * choices.scale > float(best) + KNIFE_EDGE * choices.scale):
            break
        numbers = choices.reduced(choices.numbers(required_worth.chosen_levels(model)))
        found.append(choices.lower_bounds(numbers))
        total = choices.total(found[-1])
        best = total if best is None else min(best, total)
        seconds = time.perf_counter() - started
        clock.journal(Step("required worth", "highs", outcome.bound * choices.scale, float(total), None, seconds))
        near = abs(float(choices.budget - best)) <= KNIFE_EDGE * choices.scale
        if not (near or exact):
            break
        required_worth.give_up(model, choices.named(numbers))
    if not found:
        found = [choices.lower_bounds({})]
        best = choices.total(found[0])
    return best, found, len(found)


def _without_slack(
    problem: BlockProblem, lowers: Sequence[Sequence[Number]], required: Number, solves: int
) -> Division:
    """Compare the cheapest lower bounds: when the worth just suffices there are no other unblocked allocations."""
    values = [log_product(problem, x, problem.eps) for x in lowers]
    best = max(values)
    kept = [x for x, own in zip(lowers, values, strict=True) if own >= best - TIE]
    solutions = listed(problem, kept)
    return Division(required, True, solutions, best, best, solves, zero_product=best == -math.inf)


def log_product(problem: BlockProblem, net: Sequence[Number], zero: Number = 0) -> float:
    """Return sum of gamma_i log x_i of net payoffs; -inf when one is at most ``zero``."""
    if min(net[i] for i in problem.positions) <= zero:
        return -math.inf
    return sum(float(problem.weights[i]) * math.log(net[i]) for i in problem.positions)


def listed(problem: BlockProblem, allocations: Iterable[Sequence[Number]]) -> tuple[Clause, ...]:
    """Add disagreement to net payoffs, sort them after rounding to the scale, and drop repetitions."""
    d = problem.disagreement
    gross = [tuple((i, x[i] + d[i]) for i in problem.positions) for x in allocations]
    scale = max((abs(float(payoff)) for x in gross for _, payoff in x), default=1.0) or 1.0
    ordered = sorted(gross, key=lambda x: tuple(round(float(payoff) / scale, 9) for _, payoff in x))
    kept = ordered[:1]
    for here, following in pairwise(ordered):
        if not same_allocation(here, following, problem.eps * 10):
            kept.append(following)
    return tuple(kept)


@dataclass(slots=True)
class TotalWorthJudge:
    """Choices of levels under a total worth: water-filling is the exact optimum, Ipopt confirms it."""

    choices: Choices
    clock: Clock
    margin: float
    may_share_to_meet: bool = False
    _binding: LevelNumbers = field(default_factory=dict)
    _seen: tuple[Number, ...] = ()

    def value(self, model_value: float) -> float:
        """Return the log of the unscaled Nash product."""
        return self.choices.value(model_value)

    def evaluate(self, model: Any, best: float) -> Candidate:
        """Water-fill under the levels chosen; a box whose bounds exceed the budget holds nothing."""
        choices, problem = self.choices, self.choices.problem
        numbers = choices.numbers(coalitional_nash.chosen_levels(model))
        if self.may_share_to_meet:
            numbers = choices.completed(numbers)
        numbers = choices.reduced(numbers)
        lower = choices.lower_bounds(numbers)
        self._seen = ()
        if choices.total(lower) > choices.budget + problem.eps:
            self._binding = numbers
            return Candidate(-math.inf)
        share, level = water_filling(problem.positions, problem.weights, lower, choices.budget)
        bound = {i for i in problem.positions if lower[i] > problem.weights[i] * level}
        self._binding = {i: k for i, k in numbers.items() if self._raises(i, choices.levels[i][k], lower, bound)}
        self._seen = tuple(share)
        own = log_product(problem, share)
        if own < best - TIE:
            return Candidate(own, self._seen)
        return Candidate(own, self._seen, self._confirm(lower, own))

    def _raises(self, start: int, level: Number, lower: Sequence[Number], bound: set[int]) -> bool:
        """Tell whether raising a position to a level is what binds it or a later one of its chain."""
        return any(i in bound and lower[i] == level for i in chain(start, self.choices.problem.follower))

    def _confirm(self, lower: Sequence[Number], own: float) -> float | None:
        """Let Ipopt maximise under the same lower bounds; None where they leave it no interior."""
        choices = self.choices
        if float(choices.budget - choices.total(lower)) <= KNIFE_EDGE * choices.scale:
            return None
        game = choices.game(TotalWorth(float(choices.budget / choices.scale)))
        bounds = {str(i): float(lower[i] / choices.scale) for i in choices.problem.positions}
        model = coalitional_nash.build(game, "fixed_choices", choices.identical(), lower=bounds)
        outcome = self.clock.solve(model, "ipopt", own)
        found = -math.inf if outcome is None else choices.value(float(value(model.log_nash_product)))
        if not abs(found - own) <= AGREEMENT * (1.0 + abs(own)) + self._blur():
            raise NumericalError(
                f"Ipopt gives the log product {found:.12g} where the closed form gives {own:.12g}: "
                f"tighten tolerance, or divide exactly",
                outcome,
            )
        return found

    def _blur(self) -> float:
        """Return by how much the log product changes when shares are off by ten times the solver's tolerance."""
        choices = self.choices
        scaled = [float(self._seen[i] / choices.scale) for i in choices.problem.positions]
        weights = sum(float(choices.problem.weights[i]) for i in choices.problem.positions)
        return 10.0 * self.clock.options.tolerance * weights / min(scaled)

    def exclude(self, model: Any) -> bool:
        """Give up one of the choices that bind; without any, the candidate is best of all."""
        if not self._binding:
            return False
        coalitional_nash.give_up(model, self.choices.named(self._binding))
        return True

    def refine(self, model: Any) -> None:
        """Add tangents where the model's optimum and the candidate are."""
        if model.component("takes") is not None:
            coalition = chain_flow.sharing_coalition(model)
            money = value(model.shared_money[coalition]) / value(model.total_weight[coalition])
            chain_flow.add_tangent(model, coalition, max(money, STEEPEST))
        elif model.component("log_gain") is not None:
            for i in self.choices.problem.positions:
                points = {value(model.payoff[str(i)])}
                if self._seen:
                    points.add(float(self._seen[i] / self.choices.scale))
                for point in points:
                    coalitional_nash.add_tangent(model, str(i), max(point, STEEPEST))
