"""Core membership in public-goods economies: how descent, elimination and brute force grow with the number of agents.

Instances. Agents with utilities u_i = sum of x_j - x_i^3 / (3 alpha_i^2), alpha evenly spaced from 1 to 8, and the
utilitarian outcome a_i = sqrt(n) alpha_i. It is in the core, which takes elimination n convex programmes to find:
every round removes one agent. With ``--family log`` utilities are u_i = sum of W_ij log(1 + x_j) - c_i x_i, W uniform
on [0.1, 1], c = n / 4, and the outcome maximises a weighted sum of utilities, with weights evenly spaced from 1 to 1.5.
Every size is judged by all methods in one run; they must agree.

Seconds are of one call; brute force stops at the limit. Growth exponents are slopes of least squares of log CPU seconds
on log n, over the sizes from ``--fit-from`` up. With ``--verify`` the largest size is also answered in full, tables
included, and its certificate is checked by the independent verifier. Linear algebra is kept to one thread.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from machine import Timed, describe_machine, markdown_table, seconds, timed

from breakaway.data.public_goods import FormUtilities, PublicGoodsGame
from breakaway.runners.asking import HowToSolve
from breakaway.runners.public_goods.answer import solve_public_goods
from breakaway.runners.public_goods.brute_force import every_coalition, judged_by
from breakaway.runners.public_goods.descent import find_start
from breakaway.runners.public_goods.elimination import by_elimination
from breakaway.runners.public_goods.judge import by_descent
from breakaway.runners.public_goods.solution import Levels, Verdict
from breakaway.runners.solvers import SolverOptions

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from public_goods_cases import game_of, log_utilities, rv_utilities

LEVELS, OPTIONS = Levels(), SolverOptions()
HEADER = ("family", "n", "method", "in the core", "programmes", "wall s", "CPU s", "ratio")


def cubic(n: int) -> PublicGoodsGame:
    """Return the cubic-cost economy with its utilitarian outcome."""
    alpha = np.linspace(1.0, 8.0, n)
    return game_of(rv_utilities(alpha), {"utilitarian": np.sqrt(n) * alpha})


def logarithmic(n: int) -> PublicGoodsGame:
    """Return the logarithmic economy with the outcome that maximises a weighted sum of utilities."""
    weights, costs = np.random.default_rng(n).uniform(0.1, 1.0, (n, n)), np.full(n, n / 4)
    regard = np.linspace(1.0, 1.5, n)
    utilities: FormUtilities = log_utilities(weights, costs)
    return game_of(utilities, {"weighted": np.maximum(regard @ weights / (regard * costs) - 1.0, 0.0)})


FAMILIES = {"cubic": cubic, "log": logarithmic}


@dataclass(frozen=True)
class Run:
    """One method on one size; ``verdict`` is None at the limit."""

    family: str
    n: int
    method: str
    work: Timed[Verdict | None]
    programmes: str


def run(family: str, game: PublicGoodsGame, method: str, limit: float) -> Run:
    """Time one method on one economy."""
    outcome, total = game.outcomes.actions[0], 2 ** len(game) - 1
    if method == "brute force":
        work, done = _brute_force(game, limit)
        words = f"{done:,}" if done == total else f"{done:,} of {total:,}"
        return Run(family, len(game), method, work, words)
    by: Callable[..., Verdict] = {"descent": by_descent, "elimination": by_elimination}[method]
    work = timed(lambda: by(game, outcome, LEVELS, OPTIONS))
    return Run(family, len(game), method, work, f"{work.answer.programs:,}")


def _brute_force(game: PublicGoodsGame, limit: float) -> tuple[Timed[Verdict | None], int]:
    """Judge coalition after coalition until all are done or the limit is reached; return how many were."""
    outcome, tried = game.outcomes.actions[0], []

    def judge() -> Verdict | None:
        end = time.perf_counter() + limit
        start = find_start(game, outcome, LEVELS.low)
        for best in every_coalition(game, outcome, start.point, OPTIONS):
            tried.append(best)
            if time.perf_counter() > end and len(tried) < 2 ** len(game) - 1:
                return None
        return judged_by(tried, LEVELS, start.multipliers)

    return timed(judge), len(tried)


def rows(runs: list[Run]) -> list[list[object]]:
    """Return the rows of the table; ratios are of CPU seconds, to the descent at the same size."""
    descent = {(r.family, r.n): r.work.cpu for r in runs if r.method == "descent"}
    found = []
    for r in runs:
        verdict, ratio = r.work.answer, f"{r.work.cpu / descent[r.family, r.n]:.3g}"
        said, ratio = ("limit", f"≥ {ratio}") if verdict is None else (_words(verdict), ratio)
        found.append([r.family, r.n, r.method, said, r.programmes, seconds(r.work.wall), seconds(r.work.cpu), ratio])
    return found


def _words(verdict: Verdict) -> str:
    return {True: "yes", False: "no", None: "boundary"}[verdict.in_core]


def growth(runs: list[Run], fit_from: int) -> list[list[object]]:
    """Return the growth exponents of every family and method that has at least three sizes."""
    found = []
    for family, method in dict.fromkeys((r.family, r.method) for r in runs):
        mine = [r for r in runs if (r.family, r.method) == (family, method) and r.work.answer and r.n >= fit_from]
        if len(mine) >= 3:
            slope = np.polyfit(np.log([r.n for r in mine]), np.log([r.work.cpu for r in mine]), 1)[0]
            found.append([family, method, f"{mine[0].n} to {mine[-1].n}", f"{slope:.2f}"])
    return found


def disagreements(runs: list[Run]) -> list[str]:
    """Return the sizes at which methods differ."""
    said: dict[tuple[str, int], set[object]] = {}
    for r in runs:
        if r.work.answer is not None:
            said.setdefault((r.family, r.n), set()).add((r.work.answer.in_core, r.work.answer.coalition))
    return [f"{family}, {n} agents: methods differ" for (family, n), answers in said.items() if len(answers) > 1]


def verify(family: str, n: int) -> str:
    """Answer the largest size in full and verify it."""
    answer = timed(lambda: solve_public_goods(FAMILIES[family](n), HowToSolve(verify=True)))
    claims = answer.answer.certificate.claims
    times = ", ".join(f"{name} {seconds(value)}" for name, value in answer.answer.seconds.items())
    return (
        f"{family}, {n} agents, answered in full: verified {claims['verified']}, {claims['checks']:,} checks, residual "
        f"{answer.answer.certificate.residual:.1e}, {seconds(answer.cpu)} CPU s ({times})."
    )


def main() -> int:
    """Time the methods and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--brute-sizes", type=int, nargs="*", default=[5, 8, 10, 12, 15])
    parser.add_argument("--elimination-sizes", type=int, nargs="*", default=[5, 8, 10, 12, 15, 20, 50, 100])
    sizes = [5, 8, 10, 12, 15, 20, 50, 100, 200, 500, 1000]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="of the descent")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds of brute force at one size")
    parser.add_argument("--fit-from", type=int, default=20)
    parser.add_argument("--verify", action="store_true")
    asked = parser.parse_args()
    print(describe_machine() + "\n")
    plan = {"descent": asked.sizes, "elimination": asked.elimination_sizes, "brute force": asked.brute_sizes}
    runs = []
    for family in asked.family:
        for method in plan:
            run(family, FAMILIES[family](3), method, asked.limit)
        for n in asked.sizes:
            game = FAMILIES[family](n)
            runs += [run(family, game, method, asked.limit) for method, sizes in plan.items() if n in sizes]
    print(markdown_table(HEADER, rows(runs)) + "\n")
    print(markdown_table(("family", "method", "n", "exponent"), growth(runs, asked.fit_from)))
    if asked.verify:
        print("\n" + "\n".join(verify(family, max(asked.sizes)) for family in asked.family))
    wrong = disagreements(runs)
    print("\n".join(["", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
