"""What a solved question amounts to: an answer with its tables, and the certificate that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import get_args

import pandas as pd

from breakaway.results.tables import Concept, table_problems


@dataclass(frozen=True)
class Certificate:
    """Why an answer may be trusted.

    Attributes
    ----------
    termination : str
        Why the solve stopped, such as ``optimal`` or ``time limit``.
    holding : str
        What is held, such as ``proven optimum`` or ``feasible point``.
    claims : mapping
        What is claimed, by name: ``log_nash_product`` and its ``upper_bound``, ``gap``, ``required_worth``,
        ``zero_product``, ``complete`` (all maximisers are listed), ``tolerance`` (in the game's unit), ``verified`` and
        ``checks`` (number of claims recomputed), ``threats`` (``all`` or ``partial``), ``identical_players`` (groups of
        names that may be exchanged), ...
    residual : float or None
        Largest violation that the independent check found, relative to the scale of the game; None when not run.
    """

    termination: str
    holding: str
    claims: Mapping[str, object] = field(default_factory=dict)
    residual: float | None = None

    def __post_init__(self) -> None:
        """Freeze the claims."""
        object.__setattr__(self, "claims", MappingProxyType(dict(self.claims)))


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one question about one game.

    Attributes
    ----------
    concept : str
        ``coalitional-nash``, ``viability`` or ``characteristic-function``.
    kind, title, source : str
        Of the instance, as in its ``game.toml``.
    players : tuple of str
        Names, in the order of the players table.
    tables : mapping of str to DataFrame
        The tables of :data:`breakaway.results.tables.TABLES` for this concept; further tables and columns may be added.
    certificate : Certificate
        Why the answer may be trusted.
    options : mapping
        What was asked for: ``method``, ``tolerance``, ``seed``, ...
    seconds : mapping
        Wall-clock time of each phase.

    Raises
    ------
    ValueError
        When the concept is unknown, or a table or a column that consumers rely on is missing.
    """

    concept: Concept
    kind: str
    title: str
    source: str
    players: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]
    certificate: Certificate
    options: Mapping[str, object] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the tables against their declaration and freeze the mappings."""
        if self.concept not in get_args(Concept):
            raise ValueError(f"unknown concept {self.concept!r}; concepts are {', '.join(get_args(Concept))}")
        problems = table_problems(self.concept, self.tables)
        if problems:
            raise ValueError(f"an answer about {self.concept} is incomplete: {'; '.join(problems)}")
        object.__setattr__(self, "players", tuple(self.players))
        for name in ("tables", "options", "seconds"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
