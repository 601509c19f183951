"""What a published time needs beside it: versions, load, wall-clock and processor seconds, tables in Markdown."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Generic, TypeVar

PACKAGES = ("breakaway", "pyomo", "highspy", "casadi", "cyipopt-wheels", "pyscipopt", "numpy")

_Answer = TypeVar("_Answer")


def describe_machine() -> str:
    """Return versions, platform, processors and load in one paragraph."""
    load = "unknown" if not hasattr(os, "getloadavg") else f"{os.getloadavg()[0]:.2f}"
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return (
        f"Python {platform.python_version()}, {packages}; {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors, load {load} at the start."
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True, slots=True)
class Timed(Generic[_Answer]):
    """An answer with the seconds it took; ``cpu`` counts this process and the children it has waited for."""

    answer: _Answer
    wall: float
    cpu: float


def timed(work: Callable[[], _Answer]) -> Timed[_Answer]:
    """Do some work and say how long it took."""
    wall, cpu = time.perf_counter(), _processor_seconds()
    answer = work()
    return Timed(answer, time.perf_counter() - wall, _processor_seconds() - cpu)


def _processor_seconds() -> float:
    now = os.times()
    return time.process_time() + now.children_user + now.children_system


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write rows as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def seconds(value: float) -> str:
    """Write seconds with three significant digits."""
    return f"{value:.3g}"
