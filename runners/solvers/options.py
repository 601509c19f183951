"""The one options object that every runner and every solver accepts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from breakaway.runners.solvers.errors import OptionError


@dataclasses.dataclass(frozen=True)
class SolverOptions:
    """What to ask of a solver, in the same words for all of them.

    Attributes
    ----------
    solver : str or None
        Name of the solver; None picks one by the class of the problem.
    time_limit : float or None
        Wall-clock limit of one solve, in seconds; None means no limit.
    rel_gap, abs_gap : float
        A branch-and-bound solver stops when bound and value agree to this relative or absolute gap.
    tolerance : float
        Feasibility and optimality tolerance, in the units of the model.
    threads : int
        Number of threads that a solver may use.
    seed : int
        Random seed, where a solver has one.
    native : mapping
        Options in the solver's own words; they overrule the ones above.

    Raises
    ------
    OptionError
        When a number is negative or not a number.
    """

    solver: str | None = None
    time_limit: float | None = None
    rel_gap: float = 1e-9
    abs_gap: float = 1e-9
    tolerance: float = 1e-9
    threads: int = 1
    seed: int = 0
    native: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that no solver could honour."""
        for name in ("rel_gap", "abs_gap"):
            _require(name, getattr(self, name), least=0.0)
        _require("tolerance", self.tolerance, above=0.0)
        if self.time_limit is not None:
            _require("time_limit", self.time_limit, above=0.0)
        _require("threads", self.threads, least=1)
        _require("seed", self.seed, least=0)
        object.__setattr__(self, "native", dict(self.native))

    def replace(self, **changes: Any) -> SolverOptions:
        """Return a copy with some attributes changed, for example `options.replace(time_limit=60)`."""
        return dataclasses.replace(self, **changes)


def _require(name: str, number: float, least: float = -math.inf, above: float = -math.inf) -> None:
    """Raise OptionError unless `number` is a number, at least `least` and greater than `above`."""
    if not (number >= least and number > above):
        limit = f"greater than {above:g}" if above > -math.inf else f"at least {least:g}"
        raise OptionError(f"option {name} is {number!r}: set it to a number {limit}")
