"""What column generation needs of a game: its data in units of about one, and a way to price its groups."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from breakaway.data.arrays import Floats
from breakaway.data.groups import GroupArray

Deadline = Callable[[], bool]
"""Says whether time is up."""


def never() -> bool:
    """Time is never up."""
    return False


@dataclass(frozen=True, eq=False)
class Proof:
    """What is proven at payoffs u: s(G) <= (u + excess)(G) for every permitted G.

    ``groups`` are groups with s(G) > u(G), padded. ``searched`` says that the search was not cut short; ``excess`` is
    infinite where nothing is proven.
    """

    excess: Floats
    groups: GroupArray
    searched: bool


@dataclass(frozen=True, eq=False)
class GroupData(ABC):
    """A game in units of its ``largest_entry``, the unit of money.

    ``masses``, shape (types,), add up to one; ``sizes`` are those of permitted groups.
    """

    masses: Floats
    sizes: range
    largest_entry: float

    @property
    def types(self) -> int:
        """Return the number of types."""
        return len(self.masses)

    @property
    def largest(self) -> int:
        """Return the greatest size."""
        return self.sizes.stop - 1

    @abstractmethod
    def raw(self, groups: GroupArray) -> Floats:
        """Return the surplus of padded groups; it may be negative where the group is worth 0."""


class GroupPricer(Protocol):
    """Prices the groups of a game."""

    @property
    def data(self) -> GroupData:
        """Return the game."""

    @property
    def kernels(self) -> Any:
        """Return the compiled loops of the master."""

    def look(self, payoffs: Floats, trials: int) -> tuple[GroupArray, Floats]:
        """Return good groups that contain every type, sorted and without repetition, and their s(G) - u(G).

        ``trials`` is how many starts each type is given.
        """

    def prove(self, payoffs: Floats, spared: float, time_is_up: Deadline = never) -> Proof:
        """Price all permitted groups; up to ``spared`` > 0 per member may be given away as excess."""

    def close(self) -> None:
        """Let go of what the pricer holds."""
