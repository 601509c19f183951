"""A public-goods economy as its verification sees it: agents and outcomes by name, gains, and what tables say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.runners.verify.record import Ledger
from breakaway.runners.verify.tables import keyed, label, number, rows

ROUNDING = 1e-11
"""Rounding of gains relative to utilities: actions in tables have 12 significant digits."""


@dataclass(eq=False)
class Standing:
    """What the tables say of one outcome: flags, further cells, and what its deviation comes to."""

    flags: dict[str, bool | None]
    more: dict[str, Any]
    members: tuple[int, ...] = ()
    least: float | None = None


@dataclass(frozen=True, eq=False)
class Chain:
    """Points of everybody's numbers, shape (steps, n), and the multipliers of the first; None where there are none."""

    points: Floats
    multipliers: Floats | None


@dataclass(frozen=True, eq=False)
class Provision:
    """An economy with the levels of a run; ``outcomes`` are actions by name, ``unbounded`` names of outcomes."""

    game: PublicGoodsGame
    eps: float
    band: float
    tolerance: float
    unbounded: frozenset[str]
    outcomes: Mapping[str, Floats]
    _had: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, game: PublicGoodsGame, claims: Mapping[str, Any], tolerance: float, ledger: Ledger) -> Provision:
        """Read the levels of a run; levels that make no sense are a failed claim and taken as the usual ones."""
        eps, band = number(claims.get("eps", 1e-6)), number(claims.get("band", 1e-7))
        sensible = eps is not None and band is not None and eps > 0.0 and 0.0 <= band <= 0.1001 * eps
        claim = ledger.claim("levels make sense")
        if not claim.check(sensible, f"least gain {claims.get('eps')}, band {claims.get('band')}"):
            eps, band = 1e-6, 1e-7
        named = zip(game.outcomes.names, game.outcomes.actions, strict=True)
        unbounded = frozenset(label(name) for name in claims.get("unbounded") or ())
        return cls(game, float(eps or 0.0), float(band or 0.0), tolerance, unbounded, dict(named))

    def named(self, agent: int) -> str:
        """Return the name of an agent."""
        return self.game.agents[agent]

    def had(self, outcome: str) -> Floats:
        """Return u(a), shape (n,)."""
        if outcome not in self._had:
            self._had[outcome] = self.game.utilities.values(self.outcomes[outcome])
        return self._had[outcome]

    def gains(self, outcome: str, at: Floats) -> Floats:
        """Return u(at) - u(a), shape (n,)."""
        found: Floats = self.game.utilities.values(at) - self.had(outcome)
        return found

    def room(self, outcome: str, utilities: Floats) -> Floats:
        """Return by what listed gains may differ from recomputed ones, shape (n,)."""
        found: Floats = self.tolerance * (1.0 + np.abs(self.had(outcome)) + np.abs(utilities))
        return found

    def ceilings(self, outcome: str, above: float) -> Floats:
        """Return the gains that nobody may exceed where nobody gains more than eps + ``above``, shape (n,)."""
        found: Floats = self.eps + above + 0.1 * self.band + ROUNDING * (1.0 + np.abs(self.had(outcome)))
        return found


def coalition_name(world: Provision, members: tuple[int, ...]) -> str:
    """Write a coalition as ``A+B``."""
    return "+".join(world.named(i) for i in members)


def _whole(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and found.is_integer() and found >= 0 else None


def read_deviations(
    world: Provision, tables: Mapping[str, pd.DataFrame], ledger: Ledger
) -> dict[str, dict[int, tuple[float, float]]]:
    """Return by outcome and agent the action and the gain of everybody who deviates."""
    place = {name: k for k, name in enumerate(world.game.agents)}
    lines = rows(tables, "deviation", ("outcome", "agent", "action", "gain"), ledger)
    parsers = [
        lambda x: label(x) if label(x) in world.outcomes else None,
        lambda x: place.get(label(x)),
        number,
        number,
    ]
    found: dict[str, dict[int, tuple[float, float]]] = {}
    read = keyed("deviation", lines, 2, parsers, ledger.claim("deviation table readable"))
    for (outcome, agent), (action, gain) in read.items():
        if action is not None and gain is not None:
            found.setdefault(outcome, {})[agent] = (action, gain)
    return found


def read_chains(
    world: Provision, tables: Mapping[str, pd.DataFrame], table: str, step: str, value: str, ledger: Ledger
) -> dict[str, Chain] | None:
    """Return by outcome the points that a table lists agent by agent; None when there is no such table.

    An outcome whose rows are not a number for every agent at every step from 0 on is left out, and a failed item.
    """
    if table not in tables:
        return None
    place = {name: k for k, name in enumerate(world.game.agents)}
    weighted = "multiplier" in tables[table].columns
    lines = rows(tables, table, ("outcome", step, "agent", value, *(["multiplier"] if weighted else [])), ledger)
    claim = ledger.claim(f"{table} table readable")
    parsers = [
        lambda x: label(x) if label(x) in world.outcomes else None,
        _whole,
        lambda x: place.get(label(x)),
        number,
        lambda x: float("nan") if number(x) is None else number(x),
    ]
    found: dict[str, dict[tuple[int, int], tuple[float, float]]] = {}
    for (outcome, k, agent), (cell, *weight) in keyed(table, lines, 3, parsers[: 4 + weighted], claim).items():
        known = float("nan") if cell is None else cell
        found.setdefault(outcome, {})[k, agent] = (known, weight[0] if weight else float("nan"))
    chains = {outcome: _chain(cells, len(place)) for outcome, cells in found.items()}
    for outcome, chain in chains.items():
        claim.check(chain is not None, f"{table}: {outcome} lacks a {step} or an agent")
    return {outcome: chain for outcome, chain in chains.items() if chain is not None}


def _chain(cells: dict[tuple[int, int], tuple[float, float]], agents: int) -> Chain | None:
    steps = 1 + max(k for k, _ in cells)
    points, weights = np.full((steps, agents), np.nan), np.full(agents, np.nan)
    if len(cells) != steps * agents:
        return None
    for (k, agent), (value, weight) in cells.items():
        points[k, agent] = value
        if k == 0:
            weights[agent] = weight
    return None if np.isnan(points).any() else Chain(points, None if np.isnan(weights).any() else weights)
