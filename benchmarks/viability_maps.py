"""Viability maps of heterogeneous Cournot markets: how the recursion grows, and what it saves over solvers.

Instances. n firms with unit costs uniform on [1, 5], rounded to cents, from ``random.Random(seed)``; demand intercept
A = (n + 1) max c - C + 10, where C is the sum of the costs, so that every cartel produces in every structure: A + C >
(n + 1) max c, condition (25) of Vohra and Ray (2025). A triple is a structure, a coalition in it, and a part of the
coalition that breaks away. Every n runs in a process of its own, which reports its greatest memory.

The comparison solves the same map with one Pyomo model per block (required worth by HiGHS; division by SCIP, or by
HiGHS and Ipopt), on the same closed-form worths, and checks that the maps agree.
Run ``python benchmarks/viability_maps.py --help``.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from machine import Timed, describe_machine, markdown_table, seconds, timed

from breakaway.data.games import CournotMarket, Players
from breakaway.runners.asking import HowToSolve
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.recursion import ViabilityMap, judge
from breakaway.runners.setting import closed_form, scale_of_game, setting_of

GROWTH_HEADER = (
    "n", "structures", "triples", "viable", "coarsest", "wall s", "CPU s", "CPU µs per triple", "peak MB",
)  # fmt: skip
PEERS_HEADER = ("n", "structures", "blocks divided", "method", "same map", "wall s", "CPU s", "ratio")
PEERS = {"one Pyomo + SCIP solve per block": "scip", "one Pyomo + HiGHS solve per block": "highs"}
AGREEMENT = 1e-6
"""Largest difference of two payoffs that counts as the same, relative to the game's largest worth."""


def market(n: int, seed: int) -> CournotMarket:
    """Draw costs that satisfy condition (25)."""
    rng = random.Random(seed)
    costs = tuple(round(rng.uniform(1.0, 5.0), 2) for _ in range(n))
    return CournotMarket(Players.of(n), costs, (n + 1) * max(costs) - sum(costs) + 10.0)


def solve_map(game: CournotMarket, how: HowToSolve) -> ViabilityMap:
    """Judge every structure; worths are closed forms whatever divides the blocks."""
    types = PlayerTypes.distinct(len(game.players))
    setting = setting_of(game, types, how.divider(), scale_of_game(game), how.options.tolerance)
    return judge(setting, closed_form(game, setting.lattice))


def report_one(n: int, seed: int) -> None:
    """Solve one map and print its figures as JSON; meant for a process of its own."""
    game = market(n, seed)
    run = timed(lambda: solve_map(game, HowToSolve()))
    found = run.answer
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "structures": len(found.lattice.patterns),
        "triples": found.triples,
        "viable": sum(found.viable),
        "coarsest": len(found.coarsest),
        "wall": run.wall,
        "cpu": run.cpu,
        "megabytes": kilobytes / (1024**2 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(figures))


def figures_of(n: int, seed: int) -> dict[str, Any]:
    """Solve one map in a fresh process."""
    command = [sys.executable, __file__, "--one", str(n), "--seed", str(seed)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(answer.stdout)
    return figures


def growth_row(n: int, seed: int) -> list[str]:
    """Write one line of the table of growth."""
    f = figures_of(n, seed)
    counts = [f"{f[name]:,}" for name in ("structures", "triples", "viable", "coarsest")]
    each = 1e6 * f["cpu"] / f["triples"]
    return [str(n), *counts, seconds(f["wall"]), seconds(f["cpu"]), f"{each:.1f}", f"{f['megabytes']:.0f}"]


def same_map(one: ViabilityMap, other: ViabilityMap, scale: float) -> bool:
    """Tell whether two maps have the same verdicts, coarsest structures, required worths and payoffs."""
    if one.viable != other.viable or one.coarsest != other.coarsest:
        return False
    pairs = (
        (a.division, b.division)
        for row, other_row in zip(one.blocks, other.blocks, strict=True)
        for a, b in zip(row, other_row, strict=True)
    )
    return all(
        abs(a.required - b.required) <= AGREEMENT * scale
        and len(a.solutions) == len(b.solutions)
        and all(
            abs(x - y) <= AGREEMENT * scale
            for p, q in zip(a.solutions, b.solutions, strict=True)
            for (_, x), (_, y) in zip(p, q, strict=True)
        )
        for a, b in pairs
    )


def peer_rows(n: int, seed: int, repeats: int = 3) -> Iterator[list[str]]:
    """Solve one map by the recursion and by a model per block, in this process; yield lines as they are ready."""
    game = market(n, seed)
    scale = scale_of_game(game)
    runs = [timed(lambda: solve_map(game, HowToSolve())) for _ in range(repeats)]
    exact = sorted(runs, key=lambda run: run.cpu)[repeats // 2]
    yield _peer_row(n, "exact", exact, exact, scale)
    for name, solver in PEERS.items():
        how = HowToSolve(method="model", solver=solver)
        run = timed(lambda how=how: solve_map(game, how))  # type: ignore[misc]
        yield _peer_row(n, name, run, exact, scale)


def _peer_row(n: int, name: str, run: Timed[ViabilityMap], exact: Timed[ViabilityMap], scale: float) -> list[str]:
    found = run.answer
    divided = sum(block.coalition.bit_count() > 1 for row in found.blocks for block in row)
    same = "yes" if same_map(exact.answer, found, scale) else "NO"
    counts = [str(n), str(len(found.lattice.patterns)), str(divided)]
    return [*counts, name, same, seconds(run.wall), seconds(run.cpu), f"{run.cpu / exact.cpu:.0f}"]


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[6, 7, 8, 9, 10], help="n of the maps")
    parser.add_argument("--peer-sizes", type=int, nargs="*", default=[5, 6], help="n of the maps solved block by block")
    parser.add_argument("--quick", action="store_true", help="maps up to n = 7, compared at n = 4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    asked = arguments(given)
    if asked.one is not None:
        report_one(asked.one, asked.seed)
        return
    sizes, peer_sizes = ([6, 7], [4]) if asked.quick else (asked.sizes, asked.peer_sizes)
    print(describe_machine(), f"Seed {asked.seed}.\n", flush=True)
    if sizes:
        print_as_ready(GROWTH_HEADER, (growth_row(n, asked.seed) for n in sizes))
    if peer_sizes:
        print_as_ready(PEERS_HEADER, (line for n in peer_sizes for line in peer_rows(n, asked.seed)))


def print_as_ready(header: Sequence[str], rows: Iterable[list[str]]) -> None:
    """Print a table line by line."""
    print(markdown_table(header, []), flush=True)
    for line in rows:
        print("| " + " | ".join(line) + " |", flush=True)
    print(flush=True)


if __name__ == "__main__":
    main()
