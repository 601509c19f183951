"""One threat game: the exact search against Pyomo models solved by SCIP and by HiGHS.

Instances. n players with equal weights; every coalition T other than all players threatens with an equal division of
v(T) = |T|^1.4 U, rounded to 3 digits, U uniform on [0.30, 0.42], drawn for T = 1, 2, ... as bitmasks from
``random.Random(seed)``. All players together have a multiple of the least worth at which an allocation is unblocked:
1.15 in the class "ordinary", 1.02 in the class "tight". That least worth is found by a recursion over coalitions
that shares no code with the solvers.

The exact search is timed with its required worth; the models are only asked for the division, all maximisers included.
Run ``python benchmarks/threat_games.py --help``.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from machine import Timed, describe_machine, markdown_table, seconds, timed
from numpy.typing import NDArray
from pyomo.environ import TransformationFactory

from breakaway.data.coalitions import members
from breakaway.data.games import TotalWorth
from breakaway.models import coalitional_nash
from breakaway.runners.choices import choices_of
from breakaway.runners.division import BlockProblem, Division, divide_exactly
from breakaway.runners.model_division import TotalWorthJudge, listed, margin_of
from breakaway.runners.search import TIE
from breakaway.runners.solvers import LimitReachedError, SolveError, SolverOptions
from breakaway.runners.stepwise import Clock, Step, all_maximisers

CLASSES = {"ordinary": 1.15, "tight": 1.02}
"""Worth of all players, as a multiple of what is required."""

PEERS = {
    "SCIP, threshold": ("scip", "threshold"),
    "SCIP, disjunctive (big-M)": ("scip", "disjunctive"),
    "HiGHS, outer approximation": ("highs", "outer_approximation"),
    "HiGHS, chain flow": ("highs", "chain_flow"),
}
HEADER = (
    "class", "n", "threats", "method", "value", "bound", "gap", "maximisers", "first s", "all s", "all CPU s", "ratio",
)  # fmt: skip
AGREEMENT = 1e-6
"""Largest difference of two log products, and of two payoffs, that counts as the same answer."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A threat game of one class, with its required worth from the recursion."""

    kind: str
    problem: BlockProblem
    required: float


@dataclass(slots=True)
class Result:
    """What a method said, and when it had its first optimum (NaN: never)."""

    value: float
    bound: float
    solutions: Sequence[Sequence[tuple[int, float]]]
    first: float = math.nan
    failure: str = ""


@dataclass(slots=True)
class Progress:
    """Keeps the steps of a model method."""

    steps: list[Step] = field(default_factory=list)

    def __call__(self, step: Step) -> None:
        """Note a step."""
        self.steps.append(step)


def worths(n: int, seed: int) -> NDArray[np.float64]:
    """Return v(T) by bitmask; v of no player is 0."""
    rng = random.Random(seed)
    drawn = [round(t.bit_count() ** 1.4 * rng.uniform(0.30, 0.42), 3) for t in range(1, 1 << n)]
    return np.array([0.0, *drawn])


def required_worth(v: NDArray[np.float64], n: int) -> float:
    """Return the least unblocked total.

    h(R) = min(|R| b(R), b(R) + min over i in R of h(R - i)), b(R) = max of v(T) / |T| over T inside R, T not N.
    """
    sizes = np.array([t.bit_count() for t in range(1 << n)])
    best = v / np.maximum(sizes, 1)
    best[-1] = 0.0
    masks = np.arange(1 << n)
    for i in range(n):
        within = masks[masks >> i & 1 == 1]
        best[within] = np.maximum(best[within], best[within ^ 1 << i])
    least = np.zeros(1 << n)
    for size in range(1, n + 1):
        layer = masks[sizes == size]
        after = np.full(len(layer), np.inf)
        for i in range(n):
            inside = layer >> i & 1 == 1
            after[inside] = np.minimum(after[inside], least[layer[inside] ^ 1 << i])
        least[layer] = np.minimum(size * best[layer], best[layer] + after)
    return float(least[-1])


def instance(kind: str, n: int, seed: int) -> Instance:
    """Draw the instance of a class."""
    v = worths(n, seed)
    required = required_worth(v, n)
    clauses = []
    for t in range(1, (1 << n) - 1):
        share = float(v[t]) / t.bit_count()
        clauses.append(tuple((i, share) for i in members(t)))
    worth = round(CLASSES[kind] * required, 3)
    problem = BlockProblem(tuple(range(n)), [1.0] * n, [0.0] * n, worth, clauses, 1e-9 * max(worth, float(v.max())))
    return Instance(kind, problem, required)


def by_exact_search(game: Instance, repeats: int) -> Timed[Result]:
    """Divide exactly; the median time of some repetitions."""
    runs = [timed(lambda: divide_exactly(game.problem)) for _ in range(repeats)]
    division: Division = runs[0].answer
    if abs(division.required - game.required) > AGREEMENT:
        raise ArithmeticError(f"required worth {division.required} differs from the recursion's {game.required}")
    wall = statistics.median(run.wall for run in runs)
    cpu = statistics.median(run.cpu for run in runs)
    return Timed(Result(division.log_product, division.bound, division.solutions, wall), wall, cpu)


def by_model(problem: BlockProblem, solver: str, formulation: str, limit: float) -> Result:
    """Divide by a Pyomo model within a time limit."""
    progress = Progress()
    clock = Clock(SolverOptions(time_limit=limit), progress)
    choices = choices_of(problem)
    model = coalitional_nash.build(choices.game(TotalWorth(float(choices.budget / choices.scale))), formulation)
    if formulation == "disjunctive":
        TransformationFactory("gdp.bigm").apply_to(model)
    judge = TotalWorthJudge(choices, clock, margin_of(solver) * choices.weight_scale, formulation == "chain_flow")
    try:
        found, bound = all_maximisers(model, solver, judge, clock)
    except SolveError as error:
        return _unfinished(error, judge, progress)
    best = max(candidate.value for candidate in found)
    solutions = listed(problem, [c.allocation for c in found if c.value >= best - TIE])
    return Result(best, bound, solutions, _first(progress, best))


def _first(progress: Progress, best: float) -> float:
    """Return when the best value was first held."""
    passed = 0.0
    for step in progress.steps:
        passed += step.seconds
        if step.value >= best - TIE:
            break
    return passed


def _unfinished(error: SolveError, judge: TotalWorthJudge, progress: Progress) -> Result:
    """Return the best value and the least bound known when a method stopped early, its last solve included.

    A linearised logarithm overestimates, so that what HiGHS holds has a value only once it is evaluated: by a step.
    """
    values = [step.value for step in progress.steps]
    bounds = [step.bound for step in progress.steps]
    for stopped in (error, error.__cause__):
        outcome = stopped.outcome if isinstance(stopped, SolveError) else None
        if outcome is None:
            continue
        summary = outcome.solver == "model"
        bounds.append(outcome.bound if summary else judge.value(outcome.bound))
        if outcome.objective is not None and (summary or outcome.solver.startswith("scip")):
            values.append(outcome.objective if summary else judge.value(outcome.objective))
    failure = "limit" if isinstance(error, LimitReachedError) else type(error).__name__
    return Result(max(values, default=-math.inf), min(bounds, default=math.inf), [], math.nan, failure)


def agrees(one: Result, other: Result) -> bool:
    """Tell whether two methods found the same value and the same maximisers."""
    if abs(one.value - other.value) > AGREEMENT or len(one.solutions) != len(other.solutions):
        return False
    pairs = zip(one.solutions, other.solutions, strict=True)
    return all(abs(a - b) <= AGREEMENT for x, y in pairs for (_, a), (_, b) in zip(x, y, strict=True))


def row(game: Instance, method: str, run: Timed[Result], exact: Timed[Result]) -> list[str]:
    """Write one line of the table."""
    result = run.answer
    ratio = run.cpu / exact.cpu
    if result.failure:
        maximisers, times = result.failure, f"≥ {ratio:.0f}"
    else:
        maximisers = str(len(result.solutions)) + ("" if agrees(result, exact.answer) else " (DIFFERS)")
        times = "1" if run is exact else f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
    first = "-" if math.isnan(result.first) else seconds(result.first)
    numbers = [f"{result.value:.7f}", f"{result.bound:.7f}", f"{result.bound - result.value:.2g}"]
    if result.value == -math.inf:
        numbers = ["none", numbers[1], "inf"]
    sizes = [str(len(game.problem.positions)), str(len(game.problem.clauses))]
    return [game.kind, *sizes, method, *numbers, maximisers, first, seconds(run.wall), seconds(run.cpu), times]


def measure(kind: str, n: int, asked: argparse.Namespace) -> list[list[str]]:
    """Solve one instance by every method."""
    game = instance(kind, n, asked.seed)
    exact = by_exact_search(game, asked.repeats if n <= 12 else 1)
    rows = [row(game, "exact", exact, exact)]
    for name in asked.peers if n <= asked.peers_up_to else []:
        solver, formulation = PEERS[name]
        run = timed(lambda s=solver, f=formulation: by_model(game.problem, s, f, asked.limit))  # type: ignore[misc]
        rows.append(row(game, name, run, exact))
    return rows


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[6, 8, 10, 12, 14, 16], help="n of the class ordinary")
    parser.add_argument("--tight-sizes", type=int, nargs="*", default=[6, 8, 10], help="n of the class tight")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for a model")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS), help="models to compare with")
    parser.add_argument("--peers-up-to", type=int, default=12, help="largest n that models are asked for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3, help="of the exact search up to n = 12; the median is given")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    asked = arguments(given)
    print(describe_machine(), f"Seed {asked.seed}, limit {asked.limit:g} s.\n", flush=True)
    print(markdown_table(HEADER, []), flush=True)
    for kind, sizes in (("ordinary", asked.sizes), ("tight", asked.tight_sizes)):
        for n in sizes:
            for line in measure(kind, n, asked):
                print("| " + " | ".join(line) + " |", flush=True)


if __name__ == "__main__":
    main()
