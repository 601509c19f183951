"""The payoff triangle of three players who share a fixed worth: who blocks what, and what nobody blocks.

A division of the worth is a point of the triangle in which player i's payoff exceeds the disagreement payoff by
x_i - d_i >= 0, with corners where one player gets all. The set that no threat blocks is a union of smaller triangles
{x >= l}, one for each way to choose somebody who declines each threat (section 2 of Vohra and Ray 2025).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from breakaway.data.coalitions import members
from breakaway.data.games import ThreatGame, TotalWorth
from breakaway.results.payoff_lines import solutions_of
from breakaway.results.records import Answer

Point = tuple[float, float]
Payoffs = tuple[float, float, float]

CORNERS: tuple[Point, Point, Point] = ((0.5, math.sqrt(3) / 2), (0.0, 0.0), (1.0, 0.0))
"""Where the first player gets all (top), where the second does (left) and where the third does (right)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A threat: members (numbers 0, 1, 2) and what each would get."""

    members: tuple[int, ...]
    payoffs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Triangle:
    """Three players, what they share, their threats and the solutions."""

    players: tuple[str, ...]
    worth: float
    threats: tuple[Claim, ...]
    solutions: tuple[Payoffs, ...]
    disagreement: Payoffs = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse what has no triangle."""
        if len(self.players) != 3:
            raise ValueError(f"a payoff triangle needs three players, not {len(self.players)}; use plot_payoffs")
        if self.surplus <= 0:
            raise ValueError("a payoff triangle needs a worth above the disagreement payoffs; use plot_payoffs")

    @property
    def surplus(self) -> float:
        """What there is to share beyond the disagreement payoffs."""
        return self.worth - sum(self.disagreement)

    def point(self, payoffs: Sequence[float]) -> Point:
        """Return where a division of the worth lies."""
        shares = [(x - d) / self.surplus for x, d in zip(payoffs, self.disagreement, strict=True)]
        return (
            sum(share * x for share, (x, _) in zip(shares, CORNERS, strict=True)),
            sum(share * y for share, (_, y) in zip(shares, CORNERS, strict=True)),
        )

    def corner(self, player: int) -> Payoffs:
        """Return the division in which a player gets all the surplus."""
        d = self.disagreement
        a, b, c = (d[k] + (self.surplus if k == player else 0.0) for k in range(3))
        return a, b, c


def triangle_of_game(answer: Answer, game: ThreatGame) -> Triangle:
    """Return the triangle of a game with given threats that shares a total worth.

    Raises
    ------
    ValueError
        When there are not three players, or the feasible set is not a total worth.
    """
    if not isinstance(game.feasible, TotalWorth):
        raise ValueError("a payoff triangle needs a total worth; use plot_payoffs for other feasible sets")
    claims = tuple(Claim(members(threat.coalition), threat.payoffs) for threat in game.threats)
    if len(answer.players) != 3:
        raise ValueError(f"a payoff triangle needs three players, not {len(answer.players)}; use plot_payoffs")
    a, b, c = game.players.disagreement
    found = _vectors(solutions_of(answer.tables["solutions"]), answer.players)
    return Triangle(answer.players, game.feasible.worth, claims, found, (a, b, c))


def triangle_of_answer(answer: Answer) -> Triangle:
    """Return the triangle of the grand coalition in an answer about coalition structures.

    Raises
    ------
    ValueError
        When there are not three players, or the answer has no table of threats.
    """
    if "threats" not in answer.tables:
        raise ValueError("a payoff triangle needs the table of threats; solve with all details")
    grand = "+".join(answer.players)
    blocks, threats, payoffs = (answer.tables[name] for name in ("blocks", "threats", "payoffs"))
    worth = float(blocks[blocks["structure"] == grand]["worth"].iloc[0])
    place = {player: k for k, player in enumerate(answer.players)}
    rows = threats[threats["structure"] == grand]
    claims = [
        Claim(tuple(place[player] for player in group["player"]), tuple(group["payoff"]))
        for _, group in rows.groupby(["breakaway", "resulting_structure", "threat"], sort=False)
    ]
    found = _vectors(solutions_of(payoffs[payoffs["structure"] == grand]), answer.players)
    return Triangle(answer.players, worth, tuple(claims), found)


def _vectors(solutions: Iterable[Mapping[str, float]], players: Sequence[str]) -> tuple[Payoffs, ...]:
    one, two, three = players if len(players) == 3 else ("", "", "")
    return tuple((x[one], x[two], x[three]) for x in solutions) if one else ()


def blocks_something(triangle: Triangle, threat: Claim) -> bool:
    """Tell whether a threat blocks any division: all of its members must gain on their disagreement payoffs."""
    d = triangle.disagreement
    return all(y - d[k] > 1e-9 * triangle.surplus for k, y in zip(threat.members, threat.payoffs, strict=True))


def blocked_region(triangle: Triangle, threat: Claim) -> list[Payoffs]:
    """Return the corners of the region that a threat blocks, closed: x_i <= y_i for each of its members."""
    region = [triangle.corner(player) for player in range(3)]
    for player, payoff in zip(threat.members, threat.payoffs, strict=True):
        region = _cut(region, player, payoff)
    return region


def _cut(region: Sequence[Payoffs], player: int, most: float) -> list[Payoffs]:
    """Keep the part of a convex polygon in which a player gets at most ``most`` (Sutherland and Hodgman 1974)."""
    kept: list[Payoffs] = []
    for a, b in zip(region, [*region[1:], *region[:1]], strict=True):
        if a[player] <= most:
            kept.append(a)
        if (a[player] - most) * (b[player] - most) < 0:
            t = (most - a[player]) / (b[player] - a[player])
            x, y, z = (p + t * (q - p) for p, q in zip(a, b, strict=True))
            kept.append((x, y, z))
    return kept


def unblocked_bounds(triangle: Triangle, tolerance: float = 1e-9) -> list[Payoffs]:
    """Return the least vectors l such that every division with x >= l is unblocked and some division has x >= l."""
    bounds = {triangle.disagreement}
    for threat in triangle.threats:
        bounds = _least({raised for bound in bounds for raised in _declining(bound, threat)})
    room = triangle.worth + tolerance * max(1.0, abs(triangle.worth))
    return sorted(bound for bound in bounds if sum(bound) <= room)


def _declining(bound: Payoffs, threat: Claim) -> list[Payoffs]:
    raised = []
    for player, payoff in zip(threat.members, threat.payoffs, strict=True):
        a, b, c = (max(x, payoff) if k == player else x for k, x in enumerate(bound))
        raised.append((a, b, c))
    return raised


def _least(bounds: Iterable[Payoffs]) -> set[Payoffs]:
    found = set(bounds)
    below = itertools.product(found, repeat=2)
    beaten = {b for a, b in below if a != b and all(x <= y for x, y in zip(a, b, strict=True))}
    return found - beaten


def unblocked_region(triangle: Triangle, bound: Payoffs) -> list[Payoffs]:
    """Return the corners of the divisions of the worth that give everybody at least ``bound``."""
    left = max(triangle.worth - sum(bound), 0.0)
    corners = []
    for player in range(3):
        a, b, c = (x + (left if k == player else 0.0) for k, x in enumerate(bound))
        corners.append((a, b, c))
    return corners
