"""The recursion (31)-(32) for feasible sets of any kind: every coalition under the solutions of those inside it.

Steps: 1. take coalitions by size; 2. the threats to S are all solutions of all T strictly inside S; 3. S chooses the
best of F(S) that no threat blocks, all maximisers; 4. without an unblocked allocation S is ineffective: it has no
solution, and its threat set {d} never blocks anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from breakaway.data.coalitions import Coalition, members, proper_subsets
from breakaway.data.games import (
    ConvexSet,
    NtuGame,
    Payoffs,
    Players,
    Points,
    Polyhedron,
    Threat,
    ThreatGame,
    TotalWorth,
    weights_within,
)
from breakaway.runners.asking import HowToSolve
from breakaway.runners.convex import CONVEX_TOLERANCE, check_midpoints, highest_allocations, tops_of
from breakaway.runners.division import Division, divide_exactly
from breakaway.runners.points import solve_points
from breakaway.runners.search import Clause
from breakaway.runners.stepwise import Clock
from breakaway.runners.threat_game import NOTHING, block_problem, solve_convex, solve_general


@dataclass(frozen=True, slots=True)
class Reach:
    """What can be reached at all: a game's scale and tolerance, and the largest payoffs in its continuous sets.

    ``tops[S]`` is None for an empty set.
    """

    scale: float
    eps: float
    tops: dict[Coalition, Payoffs | None]


@dataclass(frozen=True, slots=True)
class NtuSolutions:
    """Every coalition divided (so far, during the recursion); the solutions are pairs (player, payoff)."""

    players: Players
    divisions: dict[Coalition, Division] = field(default_factory=dict)

    def solutions(self, coalition: Coalition) -> tuple[Clause, ...]:
        """Return all solutions of a coalition."""
        return self.divisions[coalition].solutions

    def threats(self, coalition: Coalition) -> list[Named]:
        """Return the solutions of the coalitions strictly inside one, small coalitions first."""
        return [
            Named(part, number, clause)
            for part in by_size(proper_subsets(coalition))
            for number, clause in enumerate(self.solutions(part), start=1)
        ]


@dataclass(frozen=True, slots=True)
class Named:
    """A threat with its provenance: breakaway, number of its solution, payoffs."""

    breakaway: Coalition
    number: int
    clause: Clause


def by_size(coalitions: Iterator[Coalition] | range) -> list[Coalition]:
    """Return coalitions, small ones first, in the order of their members."""
    return sorted(coalitions, key=lambda c: (c.bit_count(), members(c)))


def is_continuous(game: NtuGame) -> bool:
    """Tell whether some coalition has a polyhedron or a convex set."""
    return any(isinstance(feasible, Polyhedron | ConvexSet) for feasible in game.feasible.values())


def reach_of(game: NtuGame, how: HowToSolve) -> Reach:
    """Find the scale of a game, and spot-check convex sets.

    Raises
    ------
    UnboundedError
        When a polyhedron or convex set does not bound a payoff.
    ValueError
        When a convex set is found not to be convex.
    """
    numbers = [abs(d) for d in game.players.disagreement]
    tops: dict[Coalition, Payoffs | None] = {}
    for coalition, feasible in game.feasible.items():
        match feasible:
            case TotalWorth(worth):
                numbers.append(abs(worth))
            case Points(payoffs=points):
                numbers += [abs(payoff) for point in points for payoff in point]
            case _:
                tops[coalition] = _tops(threat_game(game, coalition, []), how)
                numbers += map(abs, tops[coalition] or ())
    scale = max(numbers, default=0.0) or 1.0
    tolerance = max(how.options.tolerance, CONVEX_TOLERANCE) if tops else how.options.tolerance
    return Reach(scale, tolerance * scale, tops)


def _tops(game: ThreatGame, how: HowToSolve) -> Payoffs | None:
    clock = Clock(how.options)
    highest = highest_allocations(game, clock)
    if highest is None:
        return None
    if isinstance(game.feasible, ConvexSet):
        check_midpoints(game, highest, clock)
    return tops_of(highest)


def threat_game(game: NtuGame, coalition: Coalition, threats: list[Named]) -> ThreatGame:
    """Return the game with threats that a coalition faces; its players are the members, in order."""
    inside = members(coalition)
    place = {player: k for k, player in enumerate(inside)}
    group = Players.of(
        [game.players.names[player] for player in inside],
        weights_within(game, coalition),
        game.players.of_members(game.players.disagreement, coalition),
    )
    faced = tuple(
        Threat(
            f"{game.players.coalition_name(named.breakaway)} {named.number}",
            sum(1 << place[player] for player, _ in named.clause),
            tuple(float(payoff) for _, payoff in named.clause),
        )
        for named in threats
    )
    return ThreatGame(group, game.feasible_set(coalition), faced)


def divide(faced: ThreatGame, how: HowToSolve, reach: Reach, coalition: Coalition) -> Division:
    """Return all solutions of one coalition by the method asked for; positions are members in order."""
    match faced.feasible:
        case TotalWorth() if how.method == "exact":
            return divide_exactly(block_problem(faced, reach.eps))
        case Points() if how.method == "exact":
            return solve_points(faced, reach.eps)
        case Polyhedron() | ConvexSet() if reach.tops[coalition] is None:
            return NOTHING
        case Polyhedron() if how.method == "exact":
            return solve_convex(faced, reach.eps, Clock(how.options), tops=reach.tops[coalition])
        case ConvexSet():
            solver = "ipopt" if how.method == "exact" else how.solver or "highs"
            return solve_convex(faced, reach.eps, Clock(how.options), solver, reach.tops[coalition])
        case _:
            return solve_general(faced, how.options, how.solver or "highs", how.formulation, eps=reach.eps)


def named_by_player(division: Division, coalition: Coalition) -> Division:
    """Return a division whose positions are members of a coalition with players in their place."""
    inside = members(coalition)
    solutions = tuple(tuple((inside[i], payoff) for i, payoff in solution) for solution in division.solutions)
    return Division(
        division.required,
        division.viable,
        solutions,
        division.log_product,
        division.bound,
        division.nodes,
        division.zero_product,
        division.complete,
    )


def divide_all(game: NtuGame, how: HowToSolve, reach: Reach, solved: NtuSolutions) -> None:
    """Run the recursion (31)-(32), entering every coalition as it is divided."""
    for coalition in by_size(range(1, game.players.everyone + 1)):
        faced = threat_game(game, coalition, solved.threats(coalition))
        solved.divisions[coalition] = named_by_player(divide(faced, how, reach, coalition), coalition)


def divide_naively(game: NtuGame, how: HowToSolve, reach: Reach) -> NtuSolutions:
    """Solve the naive problem (33) of every coalition: the threats are the Nash solutions that ignore all threats.

    With several unconstrained solutions (sets that are not convex) each is a threat.
    """
    free, naive = NtuSolutions(game.players), NtuSolutions(game.players)
    for coalition in by_size(range(1, game.players.everyone + 1)):
        alone = divide(threat_game(game, coalition, []), how, reach, coalition)
        free.divisions[coalition] = named_by_player(alone, coalition)
        faced = threat_game(game, coalition, free.threats(coalition))
        naive.divisions[coalition] = named_by_player(divide(faced, how, reach, coalition), coalition)
    return naive


def same_solutions(one: Division, other: Division, tolerance: float) -> bool:
    """Tell whether two divisions have the same solutions; incomplete lists (product zero) are compared by existence."""
    if one.viable != other.viable or one.zero_product != other.zero_product:
        return False
    if not (one.complete and other.complete):
        return True
    if len(one.solutions) != len(other.solutions):
        return False
    return all(
        any(math.dist([y for _, y in x], [y for _, y in z]) <= tolerance for z in other.solutions)
        for x in one.solutions
    )
