"""Games in strategic form: how the recursion over profiles grows, and what arrays save over plain loops.

Instances. n players with m actions each; payoffs are whole numbers uniform on 0 to 99, drawn with
``numpy.random.default_rng(seed)``; the seed is the first from ``--seed`` up whose players have a Nash equilibrium in
pure actions, so that there is a map. Profiles are counted in every structure. Every size runs in a process of its own,
which reports its greatest memory; times are of the recursion, without tables and verification.

The comparison solves the same games by the literal definition in plain Python: it tries every profile of every
structure and looks every payoff up one by one. Both must find the same equilibria.
Run ``python benchmarks/strategic_form.py --help``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from machine import describe_machine, markdown_table, seconds, timed

from breakaway.data.coalitions import Structure, finest_structure, members, proper_subsets, refines, structure_of
from breakaway.data.games import Players, StrategicFormGame
from breakaway.runners.strategic_recursion import StrategicMap, judge_strategic, scale_of_payoffs

HEADER = ("players", "actions", "structures", "profiles", "viable", "equilibria", "wall s", "CPU s", "peak MB")
PEER_HEADER = ("players", "actions", "profiles", "method", "same equilibria", "wall s", "CPU s", "ratio")
SIZES = ("4x3", "5x3", "6x3", "6x4", "7x3", "8x2")
TOLERANCE = 1e-9

Profile = tuple[tuple[int, ...], ...]
"""The actions of the members of each block."""


def game_of(n: int, m: int, seed: int) -> StrategicFormGame:
    """Draw payoffs until the players alone have an equilibrium."""
    for attempt in itertools.count(seed):
        values = np.random.default_rng(attempt).integers(0, 100, (m,) * n + (n,)).astype(float)
        actions = {1 << player: tuple(map(str, range(m))) for player in range(n)}
        game = StrategicFormGame(Players.of(n), actions, {finest_structure(n): values})
        own = [values[..., k] == values[..., k].max(axis=k, keepdims=True) for k in range(n)]
        if np.logical_and.reduce(own).any():
            return game
    raise AssertionError("unreachable")


def solve(game: StrategicFormGame) -> StrategicMap:
    """Judge every structure by arrays."""
    result = StrategicMap(game, TOLERANCE * scale_of_payoffs(game))
    judge_strategic(result)
    return result


class PlainLoops:
    """The recursion by the literal definition: dictionaries and loops, one profile at a time."""

    def __init__(self, game: StrategicFormGame) -> None:
        self.n = len(game.players)
        self.eps = TOLERANCE * scale_of_payoffs(game)
        table = game.payoffs[finest_structure(self.n)]
        self.sizes = table.shape[:-1]
        self.payoff = {index: tuple(table[index].tolist()) for index in np.ndindex(*self.sizes)}
        self.found: dict[Structure, list[tuple[int, ...]]] = {}

    def run(self, order: Sequence[Structure]) -> None:
        """Judge structures that are given finest first; an equilibrium is a profile of all players' actions."""
        for structure in order:
            self.found[structure] = self.equilibria(structure)

    def equilibria(self, structure: Structure) -> list[tuple[int, ...]]:
        """Return the profiles at which every block has the largest product among its unblocked answers."""
        best: dict[tuple[int, tuple[int, ...]], float] = {}
        value: dict[tuple[int, tuple[int, ...]], float] = {}
        for block in structure:
            threats = self.threats(structure, block)
            inside = members(block)
            outside = [player for player in range(self.n) if player not in inside]
            for profile, x in self.payoff.items():
                if any(all(y[i] > x[i] + self.eps for i in part) for part, y in threats):
                    continue
                others = tuple(profile[player] for player in outside)
                product = x[inside[0]] if len(inside) == 1 else math.prod(max(x[i], 0.0) for i in inside)
                value[block, profile] = product
                best[block, others] = max(best.get((block, others), -math.inf), product)
        return [
            profile
            for profile in self.payoff
            if all(
                value.get((block, profile), -1.0)
                >= best.get((block, tuple(profile[p] for p in range(self.n) if not block >> p & 1)), 0.0) * (1 - 1e-9)
                for block in structure
            )
        ]

    def threats(self, structure: Structure, block: int) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
        """Return the members of every breakaway, and everybody's payoffs where it may lead."""
        others = [other for other in structure if other != block]
        return [
            (members(part), self.payoff[profile])
            for part in proper_subsets(block)
            for outcome in self.outcomes(structure_of([*others, part, block ^ part]))
            for profile in self.found[outcome]
        ]

    def outcomes(self, structure: Structure) -> list[Structure]:
        """Return a viable structure itself, of another one the coarsest viable refinements."""
        if self.found[structure]:
            return [structure]
        viable = [pi for pi, profiles in self.found.items() if profiles and refines(pi, structure)]
        return [pi for pi in viable if not any(pi != other and refines(pi, other) for other in viable)]


def same(result: StrategicMap, plain: PlainLoops) -> bool:
    """Tell whether both found the same equilibria, told apart by the payoffs of all players."""
    for judged in result.judged:
        one = sorted(map(tuple, judged.payoffs.tolist()))
        if one != sorted(plain.payoff[profile] for profile in plain.found[judged.structure]):
            return False
    return True


def report_one(n: int, m: int, seed: int) -> None:
    """Solve one game and print its figures as JSON; meant for a process of its own."""
    game = game_of(n, m, seed)
    run = timed(lambda: solve(game))
    judged = run.answer.judged
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "structures": len(judged),
        "profiles": len(judged) * m**n,
        "viable": sum(one.viable for one in judged),
        "equilibria": sum(len(one.equilibria) for one in judged),
        "wall": run.wall,
        "cpu": run.cpu,
        "megabytes": kilobytes / (1024**2 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(figures))


def growth_row(n: int, m: int, seed: int) -> list[str]:
    """Write one line of the table of growth, from a fresh process."""
    command = [sys.executable, __file__, "--one", f"{n}x{m}", "--seed", str(seed)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    f: dict[str, Any] = json.loads(answer.stdout)
    counts = [f"{f[name]:,}" for name in ("structures", "profiles", "viable", "equilibria")]
    return [str(n), str(m), *counts, seconds(f["wall"]), seconds(f["cpu"]), f"{f['megabytes']:.0f}"]


def peer_rows(n: int, m: int, seed: int, repeats: int = 3) -> Iterator[list[str]]:
    """Solve one game by arrays and by plain loops, in this process."""
    game = game_of(n, m, seed)
    runs = [timed(lambda: solve(game)) for _ in range(repeats)]
    arrays = sorted(runs, key=lambda run: run.cpu)[repeats // 2]
    order = [judged.structure for judged in arrays.answer.judged]
    plain = PlainLoops(game)
    loops = timed(lambda: plain.run(order))
    lead = [str(n), str(m), f"{len(order) * m**n:,}"]
    yield [*lead, "arrays", "yes", seconds(arrays.wall), seconds(arrays.cpu), "1"]
    agree = "yes" if same(arrays.answer, plain) else "NO"
    yield [*lead, "plain Python", agree, seconds(loops.wall), seconds(loops.cpu), f"{loops.cpu / arrays.cpu:.0f}"]


def size(text: str) -> tuple[int, int]:
    n, m = text.split("x")
    return int(n), int(m)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=size, nargs="*", default=[size(s) for s in SIZES], help="players x actions")
    parser.add_argument(
        "--peer-sizes", type=size, nargs="*", default=[(4, 3), (5, 3)], help="compared with plain loops"
    )
    parser.add_argument("--quick", action="store_true", help="4x2 and 4x3, compared at 4x2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", type=size, help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    asked = arguments(given)
    if asked.one is not None:
        report_one(*asked.one, asked.seed)
        return
    sizes, peer_sizes = ([(4, 2), (4, 3)], [(4, 2)]) if asked.quick else (asked.sizes, asked.peer_sizes)
    print(describe_machine(), f"Seed {asked.seed}.\n", flush=True)
    if sizes:
        print_as_ready(HEADER, (growth_row(n, m, asked.seed) for n, m in sizes))
    if peer_sizes:
        print_as_ready(PEER_HEADER, (line for n, m in peer_sizes for line in peer_rows(n, m, asked.seed)))


def print_as_ready(header: Sequence[str], rows: Iterable[list[str]]) -> None:
    """Print a table line by line."""
    print(markdown_table(header, []), flush=True)
    for line in rows:
        print("| " + " | ".join(line) + " |", flush=True)
    print(flush=True)


if __name__ == "__main__":
    main()
