"""Core membership of random points by descent, elimination and the printed algorithm, against brute force.

Random economies of six families (``tests/public_goods_cases.py``: log, sqrt, rv, sub, ces and piecewise linear;
seeds 0, 1, ... for every family and size), and in each of them Lindahl outcomes and their neighbours, points of the
Pareto frontier and near it, points at which some agents do nothing, points inside and outside, kinks, and 0. In "weak"
economies two pairs in five have an externality of 0. Brute force solves a convex programme for every coalition and
proves its value by multipliers.

A method agrees when truth value and maximal deviating coalition are those of brute force. A point is on the boundary
when the largest least gain of some coalition is within the band around eps (two bands, for what rounding adds). The
exit code is 1 when descent or elimination disagrees anywhere else.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from machine import describe_machine, markdown_table

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.public_goods.brute_force import every_coalition, judged_by
from breakaway.runners.public_goods.descent import find_start
from breakaway.runners.public_goods.elimination import by_elimination, by_elimination_as_printed
from breakaway.runners.public_goods.judge import by_descent
from breakaway.runners.public_goods.solution import Levels, Verdict
from breakaway.runners.solvers import SolveError, SolverOptions

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from public_goods_cases import FAMILIES, SMOOTH, random_game

METHODS = {"descent": by_descent, "elimination": by_elimination, "printed": by_elimination_as_printed}
ECONOMIES = {2: 16, 3: 9, 4: 4, 5: 1, 6: 1}
WEAK = {3: 2, 4: 2}
PLANS = {"strict": (FAMILIES, ECONOMIES, False), "weak": (SMOOTH, WEAK, True)}
LEVELS, OPTIONS = Levels(), SolverOptions()


@dataclass(frozen=True)
class Economy:
    """A random economy: its family, number of agents, seed, and whether some externalities are 0."""

    family: str
    agents: int
    seed: int
    weak: bool

    @property
    def label(self) -> str:
        """Return the row of the table that it belongs to."""
        return f"{self.family}, weak" if self.weak else self.family

    def game(self) -> PublicGoodsGame:
        """Return the economy with its points."""
        return random_game(self.family, self.agents, self.seed, 0.4 if self.weak else 0.0)


@dataclass(frozen=True)
class Point:
    """What came of a point: by brute force, and by the methods ("agrees", "boundary" or what was said instead)."""

    economy: Economy
    name: str
    truth: str
    gap: float
    said: dict[str, str]


def judge(economy: Economy, names: Iterable[str] | None = None) -> list[Point]:
    """Judge the points of an economy by all methods."""
    game = economy.game()
    named = zip(game.outcomes.names, game.outcomes.actions, strict=True)
    return [_point(economy, game, name, a) for name, a in named if names is None or name in names]


def _point(economy: Economy, game: PublicGoodsGame, name: str, outcome: Floats) -> Point:
    start = find_start(game, outcome, LEVELS.low)
    tried = list(every_coalition(game, outcome, start.point, OPTIONS))
    truth = judged_by(tried, LEVELS, start.multipliers)
    near = any(abs(best.least - LEVELS.eps) <= 2 * LEVELS.band for best in tried)
    said = {method: _said(by, game, outcome, truth, near) for method, by in METHODS.items()}
    return Point(economy, name, _words(truth), max(best.bound - best.least for best in tried), said)


def _said(by: object, game: PublicGoodsGame, outcome: Floats, truth: Verdict, near: bool) -> str:
    try:
        found = by(game, outcome, LEVELS, OPTIONS)
    except SolveError as error:
        return f"failed: {error}"
    if (found.in_core, found.coalition) == (truth.in_core, truth.coalition):
        return "boundary" if truth.in_core is None else "agrees"
    return "boundary" if near else _words(found)


def _words(verdict: Verdict) -> str:
    words = {True: "core", False: "not core", None: "boundary"}[verdict.in_core]
    return " ".join([words, "+".join(str(i + 1) for i in verdict.coalition)]).strip()


def economies(share: float, seed: int, kinds: list[str]) -> list[Economy]:
    """Return the economies, a share of the full set, the large ones first."""
    plans = [plan for kind, plan in PLANS.items() if kind in kinds]
    return [
        Economy(family, n, seed + k, weak)
        for families, counts, weak in plans
        for n, count in reversed(counts.items())
        for family in families
        for k in range(math.ceil(share * count))
    ]


def table(points: list[Point]) -> str:
    """Count what came of the points of every family, and of all."""
    labels = list(dict.fromkeys(p.economy.label for p in points))
    rows = [_row(label, [p for p in points if p.economy.label == label]) for label in labels]
    header = ["family", "points", "in the core", "boundary", "largest gap"]
    header += [f"{method} {what}" for method in METHODS for what in ("agrees", "errs")]
    return markdown_table(header, [*rows, _row("all", points)])


def _row(label: str, points: list[Point]) -> list[object]:
    core = sum(p.truth == "core" for p in points)
    boundary = sum("boundary" in p.said.values() for p in points)
    row: list[object] = [label, f"{len(points):,}", core, boundary, f"{max(p.gap for p in points):.1e}"]
    for method in METHODS:
        agrees = sum(p.said[method] == "agrees" for p in points)
        row += [f"{agrees:,}", agrees_not(method, points)]
    return row


def agrees_not(method: str, points: list[Point]) -> int:
    """Return at how many points a method errs or fails."""
    return sum(p.said[method] not in ("agrees", "boundary") for p in points)


def print_errors(points: list[Point]) -> None:
    """Print where descent or elimination disagree with brute force."""
    for p in points:
        for method in ("descent", "elimination"):
            if agrees_not(method, [p]):
                print(f"{p.economy}, {p.name}: {method} says {p.said[method]}; brute force {p.truth}\n", flush=True)


def main() -> int:
    """Judge the points, print every disagreement and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--share", type=float, default=1.0, help="part of the economies of every family and size")
    parser.add_argument("--seed", type=int, default=0, help="first seed of every family and size")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--agents", type=int, nargs="+", choices=ECONOMIES, default=list(ECONOMIES), help="sizes")
    parser.add_argument("--kinds", nargs="+", choices=PLANS, default=list(PLANS), help="externalities")
    arguments = parser.parse_args()
    print(describe_machine() + "\n")
    asked = economies(arguments.share, arguments.seed, arguments.kinds)
    plan = [e for e in asked if e.family in arguments.families and e.agents in arguments.agents]
    points: list[Point] = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        for k, found in enumerate(pool.map(judge, plan), 1):
            points += found
            print_errors(found)
            if sys.stderr.isatty():
                print(f"\r{k} of {len(plan)} economies, {len(points):,} points", end="", file=sys.stderr)
    print(table(points))
    return 1 if any(agrees_not(method, points) for method in ("descent", "elimination")) else 0


if __name__ == "__main__":
    raise SystemExit(main())
