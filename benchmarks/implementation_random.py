"""Monotonicity of random social choice functions: elimination and learned clauses against all deceptions.

Random environments of six families with two or three agents (``tests/implementation_cases.py``, seeds 0, 1, ...; those
with more deceptions than can be listed are passed over). Robust monotonicity and robust coalitional monotonicity are
decided by elimination, robust S monotonicity by learned clauses: for the maximal pattern and, with three agents, for
single agents with one pair and for single agents with all three together. The same is decided by its definition: every
unacceptable deception is listed, and every coalition tried on it. A deception that a method names as a witness is tried
by everybody once more.

The exit code is 1 when a method disagrees with enumeration, or leaves open what enumeration decides.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from machine import describe_machine, markdown_table, seconds, timed

from breakaway.data.payoff_environment import Coalition, PayoffEnvironment, maximal_pattern, unacceptable_reports
from breakaway.runners.implementation.enumeration import by_enumeration, count_deceptions
from breakaway.runners.implementation.monotonicity import (
    MonotonicityVerdict,
    by_elimination,
    by_learned_clauses,
    lies,
)
from breakaway.runners.implementation.whistle import Kind, Whistles

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from implementation_cases import random_environment

HEADER = ("condition", "environments", "holds", "fails", "left open", "agree", "fast CPU s", "enumeration CPU s")
WORDS = {True: "holds", False: "fails", None: "left open"}


@dataclass(frozen=True)
class Condition:
    """A monotonicity condition: its name, the kind of whistles, and the coalitions that may form."""

    name: str
    kind: Kind
    pattern: tuple[Coalition, ...] | None = None

    def whistles(self, environment: PayoffEnvironment) -> Whistles:
        """Return the test of whistle-blowing, without answers."""
        return Whistles(environment, self.kind, self.pattern)


@dataclass(frozen=True)
class Compared:
    """A condition of an environment by both ways: what they say, CPU seconds, and whether a witness is none."""

    seed: int
    condition: str
    fast: bool | None
    listed: bool | None
    fast_seconds: float
    listed_seconds: float
    false_witness: bool

    @property
    def agrees(self) -> bool:
        """Whether both say the same, and a witness is one."""
        return self.fast is self.listed and not self.false_witness


def conditions(agents: int) -> list[Condition]:
    """Return the conditions that are compared for so many agents."""
    found = [
        Condition("robust monotonicity", "minimal"),
        Condition("robust coalitional monotonicity", "coalitional"),
        Condition("robust S monotonicity, maximal", "pattern", maximal_pattern(agents)),
    ]
    if agents == 3:
        found.append(Condition("robust S monotonicity, one pair", "pattern", (0b001, 0b010, 0b100, 0b011)))
        found.append(Condition("robust S monotonicity, no pair but all", "pattern", (0b001, 0b010, 0b100, 0b111)))
    return found


def compare(seed: int) -> list[Compared]:
    """Compare all conditions of an environment."""
    environment = random_environment(seed)
    return [compare_one(seed, environment, condition) for condition in conditions(len(environment))]


def compare_one(seed: int, environment: PayoffEnvironment, condition: Condition) -> Compared:
    """Decide a condition both ways, each with whistles of its own."""
    decide = by_learned_clauses if condition.kind == "pattern" else by_elimination
    fast = timed(lambda: decide(environment, condition.whistles(environment)))
    whistles = condition.whistles(environment)
    listed = timed(lambda: by_enumeration(environment, whistles))
    witness = is_false_witness(environment, whistles, fast.answer)
    return Compared(seed, condition.name, fast.answer.holds, listed.answer.holds, fast.cpu, listed.cpu, witness)


def is_false_witness(environment: PayoffEnvironment, whistles: Whistles, verdict: MonotonicityVerdict) -> bool:
    """Tell whether a condition is said to fail by a deception that is acceptable, or that somebody dissolves."""
    if verdict.holds is not False:
        return False
    deception = verdict.deception
    if deception is None or not len(unacceptable_reports(environment, deception)):
        return True
    return any(
        whistles.blows(*triple, deception).holds is not False
        for coalition in whistles.coalitions
        for triple in lies(deception, coalition)
    )


def seeds(first: int, most: int) -> Iterator[int]:
    """Yield the seeds of environments with no more than so many deceptions."""
    return (seed for seed in itertools.count(first) if count_deceptions(random_environment(seed).sizes) <= most)


def table(compared: list[Compared]) -> str:
    """Count what was said about every condition, and in all."""
    names = dict.fromkeys(c.condition for c in compared)
    rows = [_row(name, [c for c in compared if c.condition == name]) for name in names]
    return markdown_table(HEADER, [*rows, _row("all", compared)])


def _row(name: str, compared: list[Compared]) -> list[object]:
    said = [sum(c.listed is truth for c in compared) for truth in (True, False, None)]
    fast, listed = (sum(getattr(c, what) for c in compared) for what in ("fast_seconds", "listed_seconds"))
    agree = sum(c.agrees for c in compared)
    return [name, len({c.seed for c in compared}), *said, agree, seconds(fast), seconds(listed)]


def print_differences(compared: list[Compared]) -> None:
    """Print where a method disagrees with enumeration."""
    for c in compared:
        if not c.agrees:
            false = "; its witness is none" if c.false_witness else ""
            print(
                f"Seed {c.seed}, {c.condition}: {WORDS[c.fast]}, by enumeration {WORDS[c.listed]}{false}\n", flush=True
            )


def main() -> int:
    """Compare, print every difference and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=int, default=240)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--most-deceptions", type=int, default=4_000, help="environments with more are passed over")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    asked = parser.parse_args()
    print(describe_machine() + "\n", flush=True)
    chosen = itertools.islice(seeds(asked.first, asked.most_deceptions), asked.environments)
    compared: list[Compared] = []
    with ProcessPoolExecutor(asked.workers) as pool:
        for k, found in enumerate(pool.map(compare, chosen), 1):
            compared += found
            print_differences(found)
            if sys.stderr.isatty():
                print(f"\r{k} of {asked.environments} environments", end="", file=sys.stderr)
    print(table(compared))
    return 0 if all(c.agrees for c in compared) else 1


if __name__ == "__main__":
    raise SystemExit(main())
