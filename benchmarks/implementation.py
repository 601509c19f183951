"""Monotonicity as types and agents grow: elimination and learned clauses against listing all deceptions.

Random environments of three families (``tests/implementation_cases.py``: agents nearly of one mind, any values, a
public good with charges and disposal), the same for all methods. Robust monotonicity and robust coalitional
monotonicity are decided by elimination, robust S monotonicity for the maximal pattern by learned clauses, and each by
enumeration: all unacceptable deceptions are listed until nobody dissolves one. All use the same test of
whistle-blowing, each with answers of its own.

Every row adds up the environments of one size. Each method has a limit of processor seconds for all of them; a method
that reaches it is not asked about the sizes that follow, and its ratio, of processor seconds, is a lower bound. Run
``python benchmarks/implementation.py --help``.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from machine import describe_machine, markdown_table, seconds, timed

from breakaway.data.payoff_environment import PayoffEnvironment, maximal_pattern
from breakaway.runners.implementation.enumeration import by_enumeration, count_deceptions
from breakaway.runners.implementation.monotonicity import by_elimination, by_learned_clauses
from breakaway.runners.implementation.whistle import Whistles

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from implementation_cases import random_environment

HEADER = ("condition", "agents x types", "deceptions", "method", "holds", "fails", "open", "wall s", "CPU s", "ratio")
CONDITIONS = ("robust", "coalitional", "maximal")
FAMILIES = ("nearly-common", "interdependent", "charges")


class OutOfTime(BaseException):
    """The limit is reached; no error, so that nothing that handles errors catches it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a method said of the environments of one size, with seconds; ``stopped``: not of all, by the limit."""

    said: tuple[bool | None, ...]
    wall: float
    cpu: float
    stopped: bool


def whistles(environment: PayoffEnvironment, condition: str) -> Whistles:
    """Return the test of whistle-blowing of a condition, without answers."""
    if condition == "maximal":
        return Whistles(environment, "pattern", maximal_pattern(len(environment)))
    return Whistles(environment, "minimal" if condition == "robust" else "coalitional")


def fast(environment: PayoffEnvironment, condition: str) -> bool | None:
    """Decide a condition by its own method."""
    decide = by_learned_clauses if condition == "maximal" else by_elimination
    return decide(environment, whistles(environment, condition)).holds


def enumeration(environment: PayoffEnvironment, condition: str) -> bool | None:
    """Decide a condition by listing deceptions, however many."""
    limit = count_deceptions(environment.sizes)
    return by_enumeration(environment, whistles(environment, condition), limit).holds


METHODS: dict[str, Callable[[PayoffEnvironment, str], bool | None]] = {"fast": fast, "enumeration": enumeration}
NAMES = {"robust": "elimination", "coalitional": "elimination", "maximal": "learned clauses"}


def environments(agents: int, types: int, count: int) -> list[PayoffEnvironment]:
    """Return so many environments of every family, of one size."""
    return [random_environment(seed, family, agents, types) for family in FAMILIES for seed in range(count)]


def run(method: str, condition: str, chosen: Sequence[PayoffEnvironment], limit: float) -> Found:
    """Ask a method about environments until it has used up its processor seconds."""
    said: list[bool | None] = []

    def work() -> bool:
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            said.extend(METHODS[method](environment, condition) for environment in chosen)
        except OutOfTime:
            return True
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return False

    done = timed(work)
    return Found(tuple(said), done.wall, done.cpu, done.answer)


def stop(_number: int, _frame: FrameType | None) -> None:
    """End a method that has reached its limit."""
    raise OutOfTime


def row(condition: str, size: str, chosen: Sequence[PayoffEnvironment], name: str, found: Found, base: Found) -> str:
    """Write one line of the table; a method that disagrees with the fast one says so."""
    said = [sum(answer is truth for answer in found.said) for truth in (True, False, None)]
    differs = any(a is not b for a, b in zip(found.said, base.said, strict=False))
    stopped = f"{name} (limit)" if found.stopped else name
    compared = found.cpu / base.cpu
    ratio = "1" if found is base else f"{'≥ ' if found.stopped else ''}{compared:.{1 if compared < 10 else 0}f}"
    if base.stopped:
        ratio = "-"
    cells = [condition, size, f"{count_deceptions(chosen[0].sizes):.3g}", stopped + (" DIFFERS" if differs else "")]
    return "| " + " | ".join(map(str, [*cells, *said, seconds(found.wall), seconds(found.cpu), ratio])) + " |"


def measure(asked: argparse.Namespace) -> bool:
    """Print one line for every condition, size and method; return whether all agree."""
    agree = True
    for condition in asked.conditions:
        open_to = ["fast", "enumeration"]
        for size in asked.sizes:
            agents, types = map(int, size.split("x"))
            chosen = environments(agents, types, asked.count)
            base = None
            for method in list(open_to):
                found = run(method, condition, chosen, asked.limit)
                base = base or found
                agree &= all(a is b for a, b in zip(found.said, base.said, strict=False))
                name = NAMES[condition] if method == "fast" else method
                print(row(condition, size, chosen, name, found, base), flush=True)
                if found.stopped:
                    open_to.remove(method)
            if "fast" not in open_to:
                break
    return agree


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = ["2x2", "3x2", "2x3", "4x2", "2x4", "3x3", "2x5", "3x4", "4x3"]
    parser.add_argument("--sizes", nargs="+", default=sizes, help="agents x types of each, small ones first")
    parser.add_argument("--count", type=int, default=3, help="environments of every family and size")
    parser.add_argument("--limit", type=float, default=60.0, help="processor seconds for the environments of a size")
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=CONDITIONS)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Measure; the exit code is 1 when methods disagree."""
    asked = arguments(given)
    print(describe_machine(), f"{asked.count} seeds, limit {asked.limit:g} s.\n", flush=True)
    signal.signal(signal.SIGPROF, stop)
    for condition in CONDITIONS:
        run("fast", condition, environments(2, 2, 1), asked.limit)
    print(markdown_table(HEADER, []), flush=True)
    return 0 if measure(asked) else 1


if __name__ == "__main__":
    raise SystemExit(main())
