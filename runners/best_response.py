"""Coalitional Nash equilibria of games whose payoffs are expressions: best responses, one coalition after the other.

Concave quadratic sums are solved by Ipopt, whose optimum is then the global one, and not by HiGHS: HiGHS 1.15 calls
points optimal that are not, in quadratic programs whose only constraints are bounds.

Steps for one structure and one starting point:

1. Every coalition in turn solves its best answer to the actions of all others as they stand (Gauss-Seidel).
2. It moves from its actions towards that answer: all the way, or by the fraction ``damping``.
3. The rounds end when, in a whole round, no joint payoff changed and no coalition could gain by more than the
   tolerance; after ``rounds`` rounds without that, there is no answer from this start.
4. Certificate: at the final actions every coalition solves its best answer again, from several starting points; the
   largest gain found is reported. It is *proven* when each of these optima is global: because the sum is linear or
   concave quadratic (the eigenvalues of its Hessian are looked at), or because a global solver proved it. Otherwise
   it is local evidence.
5. The same from several starting points, to look for equilibria with other worths. Finding one equilibrium only is no
   proof that there is no other.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition, Structure, members, structures
from breakaway.data.games import ExpressionGame, PartitionFunctionGame, Payoffs, Selection
from breakaway.models import best_response
from breakaway.results.records import Answer
from breakaway.runners.asking import UNNAMED, About, HowToSolve
from breakaway.runners.recursion import Hooks
from breakaway.runners.solvers import Outcome, ProblemClass, SolverOptions, examine, solve_model
from breakaway.runners.strategic_recursion import NoEquilibriumError
from breakaway.runners.viability import solve_viability

Actions = dict[tuple[str, str], float]

WORTH_ACCURACY = 10.0
"""Errors of worths, in tolerances of the iteration: rounds that settle have not quite arrived."""

UNBOUNDED_START = 1.0
"""Where an action without bounds starts, and how far from its bound one with a single bound."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """How equilibria are looked for.

    Attributes
    ----------
    options
        Of the solver of single answers; without a solver name HiGHS takes linear sums, Ipopt all others.
    starts
        Starting points: the middle of the bounds first, then random ones within them.
    rounds
        Most rounds from one start.
    damping
        Fraction of the way to its best answer that a coalition moves; less than 1 where rounds go round in circles.
    tolerance
        Change of joint payoffs in a round, and gain, below which the rounds end; relative to the largest joint payoff.
    seed
        Of the random starting points.
    certifying_starts
        Starting points of each answer of the certificate, the equilibrium itself included.
    proof
        ``local``: as the solver by class gives; ``global``: certify with SCIP where nothing else proves.
    selection
        Which equilibrium counts where several were found with different worths, as in a game in strategic form.
    """

    options: SolverOptions = field(default_factory=SolverOptions)
    starts: int = 2
    rounds: int = 200
    damping: float = 1.0
    tolerance: float = 1e-9
    seed: int = 0
    certifying_starts: int = 2
    proof: str = "local"
    selection: Selection = "unique"

    def __post_init__(self) -> None:
        """Refuse settings under which nothing could be found."""
        if not (self.starts >= 1 and self.rounds >= 1 and self.certifying_starts >= 1 and 0 < self.damping <= 1):
            raise ValueError("starts, rounds and certifying_starts must be at least 1, damping above 0 and at most 1")
        if self.proof not in ("local", "global"):
            raise ValueError(f"proof is {self.proof!r}: write 'local' or 'global'")


@dataclass(frozen=True, slots=True)
class CoalitionalEquilibrium:
    """A coalitional Nash equilibrium of one structure, as found.

    Attributes
    ----------
    structure
        The coalition structure.
    actions
        The action of every player, by player and name.
    payoffs
        What every player gets before transfers, in the order of the players.
    worths
        The sum over each block, in the order of the structure.
    gains
        The most that each block was found to gain by another joint action, in units of payoff.
    proven
        Whether each of these gains is proven to be the largest.
    rounds
        Rounds that it took.
    """

    structure: Structure
    actions: Mapping[tuple[str, str], float]
    payoffs: Payoffs
    worths: Payoffs
    gains: Payoffs
    proven: bool
    rounds: int

    @property
    def largest_gain(self) -> float:
        """The certificate: the largest gain of any block."""
        return max(self.gains)


def coalitional_equilibria(
    game: ExpressionGame, structure: Structure, iteration: Iteration | None = None
) -> list[CoalitionalEquilibrium]:
    """Look for coalitional Nash equilibria of a structure from several starting points.

    Returns
    -------
    The equilibria with distinct worths, in the order in which they were found; at least one.

    Raises
    ------
    NoEquilibriumError
        When the rounds converged from no start.
    SolveError
        When a best answer could not be solved, for instance because it is unbounded.
    """
    iteration = iteration or Iteration()
    found: list[CoalitionalEquilibrium] = []
    failure: NoEquilibriumError | None = None
    for start in _starting_points(game, iteration.starts, iteration.seed):
        try:
            one = _equilibrium_from(game, structure, iteration, start)
        except NoEquilibriumError as error:
            failure = failure or error
            continue
        scale = max(1.0, *(abs(worth) for worth in one.worths))
        if not any(np.allclose(one.worths, other.worths, rtol=0.0, atol=1e-6 * scale) for other in found):
            found.append(one)
    if not found:
        raise failure or NoEquilibriumError("no starting point was tried; set starts to 1 or more")
    return found


def _equilibrium_from(
    game: ExpressionGame, structure: Structure, iteration: Iteration, start: Actions
) -> CoalitionalEquilibrium:
    """Take steps 1 to 4 from one starting point."""
    answers = {block: _respondent(game, block, start, iteration.options) for block in structure}
    actions = dict(start)
    before = joint_payoffs(game, structure, actions)
    for number in range(1, iteration.rounds + 1):
        gain = _round(game, answers, actions, iteration)
        after = joint_payoffs(game, structure, actions)
        allowed = iteration.tolerance * max(1.0, *(abs(worth) for worth in after))
        if gain <= allowed and max(abs(a - b) for a, b in zip(after, before, strict=True)) <= allowed:
            return _certified(game, structure, iteration, answers, actions, number)
        before = after
    raise NoEquilibriumError(
        f"best responses of {game.players.structure_name(structure)} did not settle in {iteration.rounds} rounds (the "
        f"last brought a gain of {gain:.3g}); set damping below 1, give more rounds, or check that payoffs are concave "
        f"in each coalition's own actions"
    )


@dataclass(frozen=True, slots=True)
class _Respondent:
    """A coalition's best answer as a model, the options that it is solved with, and whether any optimum is global."""

    model: pyo.ConcreteModel
    options: SolverOptions
    concave: bool


def _respondent(game: ExpressionGame, block: Coalition, start: Actions, options: SolverOptions) -> _Respondent:
    """Build the model of a coalition's answer and choose its solver."""
    model = best_response.build(game, block, start)
    shape = examine(model).problem_class
    chosen = options.solver or ("highs" if shape is ProblemClass.LP else "ipopt")
    return _Respondent(model, options.replace(solver=chosen), shape in (ProblemClass.LP, ProblemClass.QP))


def _round(
    game: ExpressionGame, answers: Mapping[Coalition, _Respondent], actions: Actions, iteration: Iteration
) -> float:
    """Let every coalition answer once; return the largest gain that a coalition saw when it was its turn."""
    largest = 0.0
    for block, respondent in answers.items():
        now = _joint_payoff(game, block, actions)
        best = _answer(respondent, actions)
        own = {key: float(pyo.value(action)) for key, action in respondent.model.action.items()}
        largest = max(largest, float(best.objective or 0.0) - now)
        for key, value in own.items():
            actions[key] += iteration.damping * (value - actions[key])
    return largest


def _answer(respondent: _Respondent, actions: Actions, start: Actions | None = None, solver: str = "") -> Outcome:
    """Solve the best answer of a coalition to the actions of the others, from its own actions or a given start."""
    model = respondent.model
    for key in model.given:
        model.given[key] = actions[key]
    for key, action in model.action.items():
        action.set_value((start or actions)[key], skip_validation=True)
    return solve_model(model, respondent.options, solver or None)


def _certified(
    game: ExpressionGame,
    structure: Structure,
    iteration: Iteration,
    answers: Mapping[Coalition, _Respondent],
    actions: Actions,
    rounds: int,
) -> CoalitionalEquilibrium:
    """Take step 4: let every coalition look for a gain again, from several starting points."""
    gains, proven = [], True
    for block, respondent in answers.items():
        now = _joint_payoff(game, block, actions)
        most, sure = _best_known(game, respondent, actions, iteration)
        gains.append(most - now)
        proven &= sure
    payoffs = payoffs_of(game, actions)
    worths = joint_payoffs(game, structure, actions)
    frozen = MappingProxyType(dict(actions))
    return CoalitionalEquilibrium(structure, frozen, payoffs, worths, tuple(gains), proven, rounds)


def _best_known(
    game: ExpressionGame, respondent: _Respondent, actions: Actions, iteration: Iteration
) -> tuple[float, bool]:
    """Return the best joint payoff that a coalition can find, or a proven bound of it, and whether it is proven."""
    best = -math.inf
    for start in [actions, *_starting_points(game, iteration.certifying_starts - 1, iteration.seed + 1)]:
        found = _answer(respondent, actions, start)
        best = max(best, float(found.objective or 0.0))
        if respondent.concave:
            return best, True
    if iteration.proof == "global":
        return max(best, _answer(respondent, actions, solver="scip").bound), True
    return best, False


def _starting_points(game: ExpressionGame, count: int, seed: int) -> Iterator[Actions]:
    """Yield starting points: the middle of the bounds, then random points within them."""
    ranges = {key: _range(*bounds) for key, bounds in game.bounds().items()}
    if count > 0:
        yield {key: (low + high) / 2 for key, (low, high) in ranges.items()}
    rng = random.Random(seed)
    for _ in range(count - 1):
        yield {key: rng.uniform(low, high) for key, (low, high) in ranges.items()}


def _range(low: float | None, high: float | None) -> tuple[float, float]:
    """Return a finite range to start in."""
    if low is None and high is None:
        return -UNBOUNDED_START, UNBOUNDED_START
    if high is None:
        return float(low or 0.0), float(low or 0.0) + 2 * UNBOUNDED_START
    if low is None:
        return high - 2 * UNBOUNDED_START, high
    return low, high


def payoffs_of(game: ExpressionGame, actions: Mapping[tuple[str, str], float]) -> Payoffs:
    """Return every player's payoff at given actions, in the order of the players."""
    found = game.payoffs_at(actions)
    return tuple(float(pyo.value(found[name])) for name in game.players.names)


def _joint_payoff(game: ExpressionGame, block: Coalition, actions: Actions) -> float:
    payoffs = payoffs_of(game, actions)
    return sum(payoffs[player] for player in members(block))


def joint_payoffs(game: ExpressionGame, structure: Structure, actions: Mapping[tuple[str, str], float]) -> Payoffs:
    """Return the sum of payoffs of each block of a structure."""
    payoffs = payoffs_of(game, actions)
    return tuple(sum(payoffs[player] for player in members(block)) for block in structure)


def choose(game: ExpressionGame, found: list[CoalitionalEquilibrium], selection: Selection) -> CoalitionalEquilibrium:
    """Choose the equilibrium that gives the worths of its structure.

    Raises
    ------
    NoEquilibriumError
        When several have different worths and the rule is ``unique``.
    """
    if selection == "largest-total":
        return max(found, key=lambda one: sum(one.worths))
    if selection == "unique" and len(found) > 1:
        listed = "; ".join(f"({', '.join(f'{worth:.6g}' for worth in one.worths)})" for one in found)
        raise NoEquilibriumError(
            f"{game.players.structure_name(found[0].structure)} has coalitional Nash equilibria with different worths: "
            f"{listed}; set selection to 'largest-total' or 'first'"
        )
    return found[0]


def worths_by_best_response(
    game: ExpressionGame, iteration: Iteration | None = None
) -> tuple[PartitionFunctionGame, list[CoalitionalEquilibrium]]:
    """Find an equilibrium of every structure, and the partition function that they give.

    Raises
    ------
    NoEquilibriumError, SolveError
        As :func:`coalitional_equilibria` and :func:`choose`.
    """
    iteration = iteration or Iteration()
    equilibria = [
        choose(game, coalitional_equilibria(game, structure, iteration), iteration.selection)
        for structure in sorted(structures(game.players.everyone), key=lambda pi: (-len(pi), pi))
    ]
    worths = {one.structure: one.worths for one in equilibria}
    return PartitionFunctionGame(game.players, worths, game.coalition_weights), equilibria


def solve_expression_game(
    game: ExpressionGame,
    how: HowToSolve | None = None,
    iteration: Iteration | None = None,
    about: About = UNNAMED,
    hooks: Hooks | None = None,
) -> Answer:
    """Judge every coalition structure of a game whose payoffs are expressions.

    Parameters
    ----------
    game
        The game.
    how
        How its map is solved, as for every game with externalities. Worths are only as exact as the equilibria: the
        tolerance is raised to that of the iteration.
    iteration
        How its equilibria are looked for.
    about, hooks
        As in :func:`breakaway.runners.viability.solve_viability`.

    Returns
    -------
    The answer about the partition function, with the tables ``actions`` (structure, player, action, value) and
    ``gains`` (structure, coalition, gain, proven), and the claims ``largest_coalition_gain`` and ``gain_proven``.

    Raises
    ------
    NoEquilibriumError, SolveError, UnfinishedError
        When equilibria are not found or several differ, or the map cannot be finished.
    """
    how, iteration = how or HowToSolve(), iteration or Iteration()
    induced, equilibria = worths_by_best_response(game, iteration)
    accuracy = max(how.options.tolerance, WORTH_ACCURACY * iteration.tolerance)
    answer = solve_viability(induced, replace(how, options=how.options.replace(tolerance=accuracy)), about, hooks)
    claims = {
        **answer.certificate.claims,
        "largest_coalition_gain": max(one.largest_gain for one in equilibria),
        "gain_proven": all(one.proven for one in equilibria),
    }
    tables = {
        **answer.tables,
        "actions": _actions_table(game, equilibria),
        "gains": _gains_table(game, equilibria),
    }
    return replace(answer, tables=tables, certificate=replace(answer.certificate, claims=claims))


def _actions_table(game: ExpressionGame, equilibria: list[CoalitionalEquilibrium]) -> pd.DataFrame:
    rows = [
        (game.players.structure_name(one.structure), player, name, value)
        for one in equilibria
        for (player, name), value in one.actions.items()
    ]
    return pd.DataFrame(rows, columns=["structure", "player", "action", "value"])


def _gains_table(game: ExpressionGame, equilibria: list[CoalitionalEquilibrium]) -> pd.DataFrame:
    rows = [
        (game.players.structure_name(one.structure), game.players.coalition_name(block), gain, one.proven)
        for one in equilibria
        for block, gain in zip(one.structure, one.gains, strict=True)
    ]
    return pd.DataFrame(rows, columns=["structure", "coalition", "gain", "proven"])
