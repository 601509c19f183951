"""How to solve a game: the options that every bargaining runner shares."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from breakaway.results.records import Answer
from breakaway.runners.division import Divider, divide_exactly
from breakaway.runners.model_division import model_divider
from breakaway.runners.solvers import SolverOptions

Method = Literal[
    "exact", "model", "ordered", "descent", "elimination", "elimination-as-printed", "brute-force", "enumeration"
]
ORDERED_ONLY = (
    "method ordered divides the grand coalition of a characteristic function and nothing else: use method exact"
)
Detail = Literal["auto", "all", "failures", "none"]


@dataclass(frozen=True, slots=True)
class HowToSolve:
    """How to solve a bargaining game.

    Attributes
    ----------
    method
        ``exact``: specialised search and closed-form worths. ``model``: every equilibrium and every division is a
        Pyomo model. ``ordered``: of a characteristic function with the same weights in every coalition, only the grand
        coalition is divided, by the naive problem of Theorem 2; ``exact`` takes it by itself for many players.
    solver
        For the divisions of ``model``: ``highs`` (outer approximation, with Ipopt; the default) or ``scip``.
    formulation
        Of the division model; None takes the solver's first.
    options
        Tolerance (relative to the game's largest number), limits, threads and seed of the solvers.
    workers
        Processes that divide blocks.
    identical
        Solve identical players once per type pattern; off, every structure is solved by itself.
    rational
        Compute in fractions with tolerance 0, so that knife edges are decided exactly: ``exact`` method, games whose
        data are rational (tables of worths, Cournot markets, given threats on a total worth).
    detail
        ``all``: list every threat, who meets it, and every failure's causes; ``failures``: only the causes; ``none``;
        ``auto``: by size.
    verify
        Check the answer against the definitions with independent code; None: by size.
    least_gain
        Of public goods: the gain, in units of utility, above which an agent leaves.

    Raises
    ------
    ValueError
        When fractions are asked of a Pyomo model, or the least gain is not positive.
    """

    method: Method = "exact"
    solver: str | None = None
    formulation: str | None = None
    options: SolverOptions = field(default_factory=SolverOptions)
    workers: int = 1
    identical: bool = True
    rational: bool = False
    detail: Detail = "auto"
    verify: bool | None = None
    least_gain: float = 1e-6

    def __post_init__(self) -> None:
        """Refuse what cannot be had together."""
        if not self.least_gain > 0:
            raise ValueError(f"the least gain is {self.least_gain:g}; it must be greater than 0")
        if self.rational and self.method == "model":
            raise ValueError("Pyomo models compute in floating point: the rational option needs the exact method")

    def divider(self) -> Divider:
        """Return the way in which blocks are divided.

        Raises
        ------
        ValueError
            When the method divides no blocks.
        """
        if self.method == "ordered":
            raise ValueError(ORDERED_ONLY)
        if self.method == "exact":
            return divide_exactly
        if self.method != "model":
            raise ValueError(f"method {self.method} is for public goods: use method exact or model")
        return model_divider(self.options, self.solver or "highs", self.formulation)

    def asked(self) -> dict[str, object]:
        """Return the options as they are recorded with an answer."""
        return {
            "method": self.method,
            "solver": (self.solver or "highs") if self.method == "model" else None,
            "formulation": self.formulation,
            "tolerance": self.options.tolerance,
            "time_limit": self.options.time_limit,
            "rel_gap": self.options.rel_gap,
            "abs_gap": self.options.abs_gap,
            "threads": self.options.threads,
            "seed": self.options.seed,
            "workers": self.workers,
            "identical": self.identical,
            "rational": self.rational,
            "detail": self.detail,
            "least_gain": self.least_gain,
        }


class About(NamedTuple):
    """What an answer says of its game: the instance's kind, title and source."""

    kind: str = ""
    title: str = ""
    source: str = ""


UNNAMED = About()
"""What an answer says of a game that comes from no instance."""


class UnfinishedError(Exception):
    """Work stopped early: by a limit, a failure or the user.

    ``answer`` holds what is known: the structures or coalitions judged so far, the value and bound of one division.
    """

    def __init__(self, reason: str, answer: Answer) -> None:
        super().__init__(reason)
        self.answer = answer


class PhaseClock:
    """Wall-clock time by phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a phase."""
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now
