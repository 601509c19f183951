"""Many players: the ordered search against the general exact search and SCIP, on the same characteristic functions.

Instances are those of ``threat_games.py``: n players with equal weights, v(T) = |T|^1.4 U, U uniform on [0.30, 0.42],
three digits, and for all players together 1.15 (class "ordinary") or 1.02 (class "tight") times the least worth at
which an allocation is unblocked. Every method finds the required worth or is spared it, as said below, and all
maximisers with proof:

- "ordered" gets v, and finds the required worths of all 2^n coalitions and the division of the grand coalition;
- "general" gets the equal divisions of all coalitions as threats, and finds the required worth and the division;
- "SCIP" gets the same threats as a Pyomo model with thresholds, and finds the division alone.

Each method runs in a process of its own with a limit of wall-clock seconds, and its peak memory is given. The general
search has no limit of its own and is ended 30 s after it. A method that reaches its limit is not asked about more
players. Run ``python benchmarks/ordered_search.py --help``.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import queue
import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from machine import describe_machine, markdown_table, seconds, timed
from threat_games import AGREEMENT, CLASSES, by_model, instance, required_worth, worths

from breakaway.runners.chains import divide_grand
from breakaway.runners.division import divide_exactly
from breakaway.runners.ordered import required_worths, threat_levels

HEADER = ("class", "n", "method", "value", "bound", "maximisers", "wall s", "CPU s", "ratio", "peak MB")
GRACE = 30.0
"""Seconds beyond the limit for drawing the instance and for a solver to notice its limit."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a method said: value, bound, number of maximisers ("limit": not proven), seconds and memory."""

    value: float
    bound: float
    maximisers: str
    wall: float
    cpu: float
    megabytes: float


Said = tuple[float, float, str]
"""Value, bound, and the number of maximisers or why it stopped."""


def ordered(kind: str, n: int, seed: int, _limit: float) -> Callable[[], Said]:
    v = worths(n, seed)
    v[-1] = round(CLASSES[kind] * required_worth(v, n), 3)

    def work() -> Said:
        levels = threat_levels(v, [1.0] * n, [0.0] * n)
        required = required_worths(levels)
        division = divide_grand(levels, float(v[-1]), float(required[-1]), 1e-9 * float(v.max())).division
        return division.log_product, division.bound, str(len(division.solutions))

    return work


def general(kind: str, n: int, seed: int, _limit: float) -> Callable[[], Said]:
    problem = instance(kind, n, seed).problem

    def work() -> Said:
        division = divide_exactly(problem)
        return division.log_product, division.bound, str(len(division.solutions))

    return work


def scip(kind: str, n: int, seed: int, limit: float) -> Callable[[], Said]:
    problem = instance(kind, n, seed).problem

    def work() -> Said:
        result = by_model(problem, "scip", "threshold", limit)
        return result.value, result.bound, result.failure or str(len(result.solutions))

    return work


METHODS: dict[str, Callable[[str, int, int, float], Callable[[], Said]]] = {
    "ordered": ordered,
    "general": general,
    "SCIP": scip,
}


def _in_process(name: str, asked: tuple[str, int, int, float], answers: multiprocessing.Queue[Found]) -> None:
    done = timed(METHODS[name](*asked))
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    answers.put(Found(*done.answer, done.wall, done.cpu, peak / 1e3))


def run(name: str, kind: str, n: int, seed: int, limit: float) -> Found:
    """Run a method in a process of its own; end it some time after its limit."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_in_process, args=(name, (kind, n, seed, limit), answers))
    before = _children_seconds()
    process.start()
    try:
        found: Found = answers.get(timeout=limit + GRACE)
    except queue.Empty:
        process.kill()
        process.join()
        found = Found(-math.inf, math.inf, "limit", limit + GRACE, _children_seconds() - before, math.nan)
    process.join()
    return found


def _children_seconds() -> float:
    """Return the processor seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(kind: str, n: int, name: str, found: Found, base: Found) -> list[str]:
    """Write one line of the table; a method that disagrees with the ordered search says so."""
    stopped = not found.maximisers.isdigit()
    ratio = found.cpu / base.cpu
    times = f"≥ {ratio:.0f}" if stopped else "1" if found is base else f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
    differs = not stopped and (abs(found.value - base.value) > AGREEMENT or found.maximisers != base.maximisers)
    value = "none" if found.value == -math.inf else f"{found.value:.7f}"
    bound = "none" if found.bound == math.inf else f"{found.bound:.7f}"
    memory = "-" if math.isnan(found.megabytes) else f"{found.megabytes:.0f}"
    said = "not proven" if stopped else found.maximisers + (" (DIFFERS)" if differs else "")
    return [kind, str(n), name, value, bound, said, seconds(found.wall), seconds(found.cpu), times, memory]


def measure(asked: argparse.Namespace) -> None:
    """Print one line for every method, class and size."""
    for kind in CLASSES:
        open_to = [name for name in METHODS if name in ("ordered", *asked.methods)]
        for n in asked.sizes:
            base = None
            for name in list(open_to):
                found = run(name, kind, n, asked.seed, asked.limit)
                base = base or found
                print("| " + " | ".join(row(kind, n, name, found, base)) + " |", flush=True)
                if not found.maximisers.isdigit():
                    open_to.remove(name)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 12, 14, 16, 18, 20])
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for a method")
    parser.add_argument("--methods", nargs="*", choices=["general", "SCIP"], default=["general", "SCIP"])
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    asked = arguments(given)
    print(describe_machine(), f"Seed {asked.seed}, limit {asked.limit:g} s.\n", flush=True)
    print(markdown_table(HEADER, []), flush=True)
    measure(asked)


if __name__ == "__main__":
    main()
