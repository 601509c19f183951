"""Division over a convex set under threats: branch on who meets each threat, with smooth concave solves in each box.

The unblocked set is the union of the boxes F and {x >= l} over all choices of who meets which threat. In a box of a
convex set the log of the Nash product is strictly concave: it has one maximiser, and a local optimum is the global one.

Steps: 1. take the box of greatest value, at first all of F; 2. stop when its value is below the best found; 3. if no
threat blocks its maximiser, that is a solution: the box holds nothing else as good; 4. otherwise every unblocked
allocation in the box gives some member of the threat what it asks: replace the box by one for each member; repeat.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyomo.environ as pyo

from breakaway.data.games import ConvexSet, FeasibleSet, Payoffs, Polyhedron, ThreatGame
from breakaway.models import coalitional_nash
from breakaway.runners.choices import Choices, LevelNumbers
from breakaway.runners.division import Division
from breakaway.runners.model_division import listed, log_product
from breakaway.runners.search import Clause
from breakaway.runners.solvers import NumericalError, Outcome, UnboundedError
from breakaway.runners.stepwise import Clock, Step

CONVEX_TIE = 1e-7
"""Log products from Ipopt that differ by no more are maximisers alike."""

THIN = 1e-6
"""A box with less room than this, relative to the scale, counts as one without interior, and a gain of less as none."""

CONVEX_TOLERANCE = 1e-7
"""Accuracy to which payoffs in polyhedra and convex sets are known, relative to the game's scale."""

PRECISE = {"tol": 1e-14, "compl_inf_tol": 1e-14, "dual_inf_tol": 1e-9, "constr_viol_tol": 1e-10}
"""Ipopt's options for the best allocation of a box: a constraint that only just binds blurs payoffs by the root of its
complementarity, so that 1e-9 would leave four digits."""


def highest_allocations(game: ThreatGame, clock: Clock) -> tuple[Payoffs, ...] | None:
    """Return for each player an allocation of a polyhedron or convex set in which their payoff is largest.

    None when the set is empty.

    Raises
    ------
    UnboundedError
        When some payoff is not bounded; the message names the player.
    """
    lower = dict(zip(game.players.names, game.players.disagreement, strict=True))
    found = []
    for name in lower:
        model = coalitional_nash.build(without_threats(game), "room", lower=lower, raised=[name])
        try:
            outcome = clock.solve(model, smooth_solver(game.feasible))
        except UnboundedError as error:
            raise UnboundedError(f"the payoff of {name!r} is not bounded: add a constraint that bounds it") from error
        if outcome is None:
            return None
        found.append(tuple(float(pyo.value(x)) for x in model.payoff.values()))
    return tuple(found)


def tops_of(allocations: Sequence[Payoffs]) -> Payoffs:
    """Return the largest payoff of each player, from :func:`highest_allocations`."""
    return tuple(x[i] for i, x in enumerate(allocations))


def check_midpoints(game: ThreatGame, allocations: Sequence[Payoffs], clock: Clock) -> None:
    """Spot-check that a set is convex: halfway between allocations of it, it must offer everybody as much.

    Each allocation is paired with the next one.

    Raises
    ------
    ValueError
        When a midpoint is out of reach; the message gives the two allocations.
    """
    scale = max(abs(x) for allocation in allocations for x in allocation) or 1.0
    for one, other in itertools.pairwise(allocations):
        middle = {name: (x + y) / 2 for name, x, y in zip(game.players.names, one, other, strict=True)}
        model = coalitional_nash.build(without_threats(game), "room", lower=middle)
        if clock.solve(model, smooth_solver(game.feasible)) is None or pyo.value(model.room) < -THIN * scale:
            words = " and ".join(f"({', '.join(f'{x:.6g}' for x in end)})" for end in (one, other))
            who = "+".join(game.players.names)
            raise ValueError(
                f"the set of {who} is not convex: nothing in it gives everybody the average of {words}; "
                "give a convex set, or list points"
            )


def without_threats(game: ThreatGame) -> ThreatGame:
    """Return the plain bargaining problem on the feasible set."""
    return ThreatGame(game.players, game.feasible, ())


def smooth_solver(feasible: FeasibleSet) -> str:
    """Return the solver for models without binaries and without a logarithm."""
    return "highs" if isinstance(feasible, Polyhedron) else "ipopt"


def scaled_set(game: ThreatGame, scale: float) -> Polyhedron | ConvexSet:
    """Return a polyhedron or convex set in net payoffs divided by a scale, of players named by number.

    Raises
    ------
    ValueError
        When the feasible set is neither.
    """
    feasible, d = game.feasible, game.players.disagreement
    match feasible:
        case Polyhedron(names, coefficients, bounds):
            paid = [sum(a * low for a, low in zip(row, d, strict=True)) for row in coefficients]
            net = tuple((bound - floor) / scale for bound, floor in zip(bounds, paid, strict=True))
            return Polyhedron(names, coefficients, net)
        case ConvexSet():
            return ConvexSet(_Rescaled(feasible, game.players.names, d, scale))
        case _:
            raise ValueError("the feasible set is neither a polyhedron nor a convex set; use solve_general")


@dataclass(frozen=True, slots=True)
class _Rescaled:
    """The constraints of a convex set, for payoffs that are net and scaled."""

    convex: ConvexSet
    names: tuple[str, ...]
    disagreement: Payoffs
    scale: float

    def __call__(self, block: Any, payoff: Mapping[str, Any]) -> None:
        """Add the constraints."""
        pairs = zip(self.names, self.disagreement, strict=True)
        self.convex.constrain(block, {name: d + self.scale * payoff[str(i)] for i, (name, d) in enumerate(pairs)})


@dataclass(frozen=True, slots=True)
class InBox:
    """The best allocation of a box, in scaled net payoffs; ``value`` is -inf when somebody can gain nothing there."""

    value: float
    scaled: tuple[float, ...]


@dataclass(slots=True)
class Boxes:
    """A convex set cut into boxes by lower bounds: the best allocation of each."""

    choices: Choices
    feasible: Polyhedron | ConvexSet
    clock: Clock
    solved: int = 0
    bound: float = math.inf

    def best_in(self, numbers: LevelNumbers) -> InBox | None:
        """Return the best allocation that raises positions to levels; None when there is no such allocation.

        Raises
        ------
        NumericalError
            When Ipopt finds nothing in a box that has room.
        """
        self.solved += 1
        names = [str(i) for i in self.choices.problem.positions]
        lower = dict.fromkeys(names, 0.0) | self.choices.named(numbers)
        fuzz = float(self.choices.problem.eps) / self.choices.scale
        found = self._room(lower, names)
        if found is None or found[0] < -fuzz:
            return None
        room, inside = found
        if room > THIN:
            return self._best_above(lower, lower, inside)
        wider = {name: max(low - fuzz, 0.0) for name, low in lower.items()}
        idle = [name for name in names if wider[name] == 0.0]
        gaining = self._room(wider, idle) if idle else (room, inside)
        if gaining is None or (idle and gaining[0] <= THIN):
            return InBox(-math.inf, self._snapped(inside, lower))
        return self._best_above(wider, lower, gaining[1])

    def _game(self) -> ThreatGame:
        return without_threats(self.choices.game(self.feasible))

    def _room(self, lower: Mapping[str, float], raised: Sequence[str]) -> tuple[float, tuple[float, ...]] | None:
        """Return by how much the bounds of some positions can be exceeded, and where; None when F is empty."""
        model = coalitional_nash.build(self._game(), "room", lower=dict(lower), raised=raised)
        if self.clock.solve(model, smooth_solver(self.feasible), bound=self.bound) is None:
            return None
        return float(pyo.value(model.room)), _payoffs(model)

    def _best_above(self, lower: Mapping[str, float], levels: Mapping[str, float], start: tuple[float, ...]) -> InBox:
        """Maximise above lower bounds; payoffs as good as at their levels are taken to be there."""
        model = coalitional_nash.build(self._game(), "fixed_choices", lower=dict(lower))
        for i, variable in enumerate(model.payoff.values()):
            variable.set_value(max(start[i], CONVEX_TOLERANCE))
        if self._solve_closely(model) is None:
            raise NumericalError("Ipopt finds nothing in a box that has room: the set may not be convex, or is thin")
        scaled = self._snapped(_payoffs(model), levels)
        problem = self.choices.problem
        return InBox(log_product(problem, net_of(self.choices, scaled), THIN * self.choices.scale), scaled)

    def _snapped(self, scaled: tuple[float, ...], levels: Mapping[str, float]) -> tuple[float, ...]:
        fuzz = max(CONVEX_TOLERANCE, 2 * float(self.choices.problem.eps) / self.choices.scale)
        return tuple(low if abs(x - low) <= fuzz else x for x, low in zip(scaled, levels.values(), strict=True))

    def _solve_closely(self, model: Any) -> Outcome | None:
        """Solve to more digits than usual; where Ipopt cannot reach them, as usual."""
        options = self.clock.options
        precise = Clock(options.replace(native={**PRECISE, **options.native}), started=self.clock.started)
        try:
            return precise.solve(model, "ipopt", bound=self.bound)
        except NumericalError:
            return self.clock.solve(model, "ipopt", bound=self.bound)


def _payoffs(model: Any) -> tuple[float, ...]:
    return tuple(max(0.0, float(pyo.value(x))) for x in model.payoff.values())


@dataclass(order=True, slots=True)
class _Node:
    rank: tuple[float, int]
    numbers: LevelNumbers = field(compare=False)
    best: InBox = field(compare=False)


def divide_convex(choices: Choices, feasible: Polyhedron | ConvexSet, clock: Clock) -> Division:
    """Return all coalitional Nash solutions over a polyhedron or convex set, by enumeration of boxes.

    ``required`` is NaN. When the best product is zero one solution is given and ``complete`` is false.

    Raises
    ------
    LimitReachedError
        Carrying the bound.
    """
    boxes = Boxes(choices, feasible, clock)
    found: list[InBox] = []
    for node in _by_value(boxes):
        boxes.bound = node.best.value
        best = max((one.value for one in found), default=-math.inf)
        clock.journal(Step("division", "ipopt", node.best.value, best, node.best.value, 0.0))
        if found and node.best.value < best - CONVEX_TIE:
            break
        if _blocking(choices, node.best) is None:
            found.append(node.best)
            if node.best.value == -math.inf:
                break
    return _as_division(choices, found, boxes.solved)


def _by_value(boxes: Boxes) -> Iterator[_Node]:
    """Yield boxes from the most valuable; those whose best allocation is blocked are replaced by their parts."""
    counter = itertools.count()
    seen: set[frozenset[tuple[int, int]]] = set()
    heap: list[_Node] = []

    def offer(numbers: LevelNumbers) -> None:
        key = frozenset(numbers.items())
        if key not in seen:
            seen.add(key)
            best = boxes.best_in(numbers)
            if best is not None:
                heapq.heappush(heap, _Node((-best.value, next(counter)), numbers, best))

    offer({})
    while heap:
        node = heapq.heappop(heap)
        yield node
        for i, number in _blocking(boxes.choices, node.best) or ():
            offer({**node.numbers, i: max(number, node.numbers.get(i, 0))})


def _blocking(choices: Choices, best: InBox) -> tuple[tuple[int, int], ...] | None:
    """Return a threat that blocks an allocation, one with few members; None when there is none."""
    return min(choices.unmet(net_of(choices, best.scaled)), key=len, default=None)


def _as_division(choices: Choices, found: Sequence[InBox], solved: int) -> Division:
    if not found:
        return Division(math.nan, False, (), -math.inf, -math.inf, solved)
    best = max(one.value for one in found)
    zero = best == -math.inf
    kept = [net_of(choices, one.scaled) for one in found if zero or one.value >= best - CONVEX_TIE]
    solutions: tuple[Clause, ...] = listed(choices.problem, kept)
    return Division(math.nan, True, solutions, best, best, solved, zero_product=zero, complete=not zero)


def net_of(choices: Choices, scaled: Sequence[float]) -> list[float]:
    """Return net payoffs by position, in units of payoff."""
    return [x * choices.scale for x in scaled]
