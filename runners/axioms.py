"""Axioms as an instrument: whether a solution satisfies them on a game, and if not, which game shows it.

A *solution* takes a game G = (F, Theta, d) with threats and returns payoff vectors. Each axiom of sections 2.2 to 2.4
of Vohra and Ray (2025) is a family of trials: it builds transformed games from a given one, solves both, and compares
the two sets as the axiom says. A trial that fails comes back as a :class:`Violation`: both games, both sets, and a
sentence. Passing trials prove nothing beyond themselves; a violation is a counter-example.

[UHC] is about sequences of games and has no trials; docs/axioms.md says what is known of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, permutations

import numpy as np

from breakaway.data.games import CharacteristicFunctionGame, Game, Payoffs, Points, ThreatGame, TotalWorth
from breakaway.results.wording import vector
from breakaway.runners.asking import HowToSolve
from breakaway.runners.axiom_games import (
    Vector,
    affine,
    expanded,
    expansions,
    inside,
    is_unblocked,
    pair,
    sample,
    size,
)
from breakaway.runners.concepts import Question, UndefinedError, concepts_named
from breakaway.runners.concepts.phi import mean_threats
from breakaway.runners.concepts.simple import outside_options
from breakaway.runners.threat_game import game_scale

Solution = Callable[[ThreatGame], Sequence[Payoffs]]
"""A solution: payoff vectors over all players of a game with threats; it may raise :class:`UndefinedError`."""

SAME = 1e-7
"""Payoffs closer than this, relative to the scale of the game, are the same."""

MOST_PERMUTED = 4
"""Up to this many players, lists of points are made symmetric for [Sym]; larger ones would be too long."""

MOST_PAIRS = 4
"""Most pairs of points of one game that [Exp] is tested on."""

DOUBLINGS, HALVINGS = 12, 60
"""Steps in which one of two points is scaled until both are solutions."""


@dataclass(frozen=True)
class Violation:
    """A counter-example: two games, their solutions, and why they break the axiom.

    ``transformed`` is the game that the axiom makes of ``game``; they are the same where the axiom is about one game.
    """

    axiom: str
    game: ThreatGame
    transformed: ThreatGame
    solutions: tuple[Payoffs, ...]
    transformed_solutions: tuple[Payoffs, ...]
    explanation: str

    @property
    def size(self) -> tuple[int, int, int]:
        """Players, then points and threats, then digits: small ones are read first."""
        return size(self.game)


@dataclass(frozen=True)
class AxiomReport:
    """What the trials of one axiom gave: how many were made, how many the solution was undefined for, what failed."""

    axiom: str
    tried: int
    undefined: int
    violations: tuple[Violation, ...]

    @property
    def passed(self) -> bool | None:
        """Whether every trial held; None when there was none."""
        return not self.violations if self.tried else None

    @property
    def smallest(self) -> Violation | None:
        """The smallest counter-example."""
        return min(self.violations, key=lambda v: v.size, default=None)


@dataclass(frozen=True)
class NamedSolution:
    """A solution concept by its name, as a function of games with threats.

    ``shift`` returns c >= d for solutions that maximise the product of x_i - c_i over unblocked x >= c, whatever F is,
    as long as it contains such x; None for others. It decides [Exp] without trying expansions.
    """

    name: str
    solve: Solution
    shift: Callable[[ThreatGame, Vector], Vector | None]

    def __call__(self, game: ThreatGame) -> Sequence[Payoffs]:
        """Return the solutions of a game."""
        return self.solve(game)


def solution_named(name: str, how: HowToSolve | None = None) -> NamedSolution:
    """Return a solution concept by name.

    Raises
    ------
    ValueError
        When the name is unknown.
    """
    (concept,) = concepts_named([name])
    asked = how or HowToSolve()

    def solve(game: ThreatGame) -> tuple[Payoffs, ...]:
        found = concept.solve(Question(game, asked))
        if not found.complete:
            raise UndefinedError("not all solutions are listed")
        return found.payoffs

    return NamedSolution(name, solve, _SHIFTS.get(name, _no_shift))


def _no_shift(game: ThreatGame, least: Vector) -> Vector | None:
    return None


def _disagreement(game: ThreatGame, least: Vector) -> Vector | None:
    return np.array(game.players.disagreement)


def _options(game: ThreatGame, least: Vector) -> Vector | None:
    return outside_options(Question(game, HowToSolve()))


def _mean(game: ThreatGame, least: Vector) -> Vector | None:
    """Return the mean threats where beta = 1, which it is when ``least``, a feasible point or less, is above them."""
    mean = mean_threats(game, SAME * game_scale(game))
    return mean if (least >= mean).all() else None


_SHIFTS: Mapping[str, Callable[[ThreatGame, Vector], Vector | None]] = {
    "coalitional-nash": _disagreement,
    "nash": _disagreement,
    "split-the-difference": _options,
    "phi": _mean,
}


Trial = Callable[[], Violation | None]
"""One test of an axiom; None when it holds."""


@dataclass(frozen=True)
class Axiom:
    """An axiom: its short name, what it says, and its trials on a game."""

    name: str
    statement: str
    trials: Callable[[Solution, ThreatGame, random.Random], Iterator[Trial]]


def threat_game_of(game: Game, how: HowToSolve | None = None) -> ThreatGame:
    """Return the game with threats that the grand coalition of a game faces.

    Raises
    ------
    ValueError
        For kinds of games that have none.
    """
    if not isinstance(game, CharacteristicFunctionGame | ThreatGame):
        raise ValueError("axioms are tested on kinds threat-game and characteristic-function: give one of those")
    return Question(game, how or HowToSolve()).threat_game


def check_axioms(
    solution: Solution, games: Iterable[ThreatGame], axioms: Sequence[str] = (), seed: int = 0
) -> list[AxiomReport]:
    """Test a solution on games.

    Parameters
    ----------
    solution
        A function from games to payoff vectors, such as :func:`solution_named` gives.
    games
        Games to start from.
    axioms
        Names among :data:`AXIOMS`; empty for all.
    seed
        Of the transformations that are drawn.

    Raises
    ------
    ValueError
        When an axiom is unknown.
    """
    unknown = [name for name in axioms if name not in AXIOMS]
    if unknown:
        raise ValueError(f"unknown axiom {unknown[0]!r}; axioms are {', '.join(AXIOMS)}")
    listed = list(games)
    return [_report(AXIOMS[name], solution, listed, seed) for name in axioms or AXIOMS]


def _report(axiom: Axiom, solution: Solution, games: Sequence[ThreatGame], seed: int) -> AxiomReport:
    tried = undefined = 0
    violations = []
    once = lru_cache(maxsize=256)(solution)
    for number, game in enumerate(games):
        rng = random.Random(f"{seed} {axiom.name} {number}")
        trials = axiom.trials(_With(once, solution), game, rng)
        while True:
            try:
                trial = next(trials, None)
                if trial is None:
                    break
                violation = trial()
            except UndefinedError:
                undefined += 1
                continue
            tried += 1
            violations += [] if violation is None else [violation]
    return AxiomReport(axiom.name, tried, undefined, tuple(violations))


@dataclass(frozen=True)
class _With:
    """A solution that remembers what it found; what else is known of the original one stays within reach."""

    solve: Solution
    original: Solution

    def __call__(self, game: ThreatGame) -> Sequence[Payoffs]:
        return self.solve(game)

    def shift(self, game: ThreatGame, least: Vector) -> Vector | None:
        return self.original.shift(game, least) if isinstance(self.original, NamedSolution) else None


# --- comparing -----------------------------------------------------------------------------------------------------


def contains(found: Iterable[Payoffs], x: Sequence[float], room: float) -> bool:
    """Tell whether a set holds a payoff vector, to within ``room``."""
    return any(max(abs(a - b) for a, b in zip(y, x, strict=True)) <= room for y in found)


def same_set(one: Sequence[Payoffs], other: Sequence[Payoffs], room: float) -> bool:
    """Tell whether two sets of payoff vectors agree to within ``room``."""
    return all(contains(other, x, room) for x in one) and all(contains(one, x, room) for x in other)


def _room(game: ThreatGame) -> float:
    return SAME * game_scale(game)


def set_text(found: Sequence[Payoffs]) -> str:
    """Write a set of payoff vectors, the first few of it."""
    shown = ", ".join(vector(x) for x in found[:4])
    return "{" + shown + (f", ... {len(found)} in all" if len(found) > 4 else "") + "}"


# --- the axioms ----------------------------------------------------------------------------------------------------


def _is_solution(solution: Solution, game: ThreatGame, rng: random.Random) -> Iterator[Trial]:
    """Section 2.2: a solution is a subset of U(G), and not empty where U(G) is not."""

    def trial() -> Violation | None:
        found = tuple(solution(game))
        reason = None
        for x in found:
            if not inside(game, np.array(x), _room(game)):
                reason = f"{vector(x)} is not feasible"
            elif not is_unblocked(game, np.array(x), _room(game)):
                reason = f"{vector(x)} is blocked"
        if not found and solution_named("coalitional-nash")(game):
            reason = "nothing is chosen, although some allocation is unblocked"
        return None if reason is None else Violation("solution", game, game, found, found, reason)

    yield trial


def _invariance(solution: Solution, game: ThreatGame, rng: random.Random) -> Iterator[Trial]:
    """[Inv]: affine changes of every player's payoffs change the solution in the same way."""
    n = len(game.players)
    for _ in range(3):
        shift = [rng.randint(-3, 3) for _ in range(n)]
        factor = [rng.choice([0.5, 2.0, 4.0])] * n
        if not isinstance(game.feasible, TotalWorth):
            factor = [rng.choice([0.5, 1.0, 2.0, 4.0]) for _ in range(n)]

        def trial(shift: list[int] = shift, factor: list[float] = factor) -> Violation | None:
            changed = affine(game, shift, factor)
            found, there = tuple(solution(game)), tuple(solution(changed))
            moved = [tuple(a + b * x for a, b, x in zip(shift, factor, one, strict=True)) for one in found]
            if same_set(moved, there, _room(changed)):
                return None
            rule = f"payoffs become {vector(shift)} + {vector(factor)} x"
            words = f"{rule}: {set_text(found)} becomes {set_text(moved)}, but the solution is {set_text(there)}"
            return Violation("invariance", game, changed, found, there, words)

        yield trial


def _independence(solution: Solution, game: ThreatGame, rng: random.Random) -> Iterator[Trial]:
    """[IIA]: of a smaller feasible set, with the same threats, the solutions that are still there are chosen."""
    found = tuple(solution(game))
    points = [tuple(map(float, x)) for x in sample(game, rng)]
    for _ in range(3 if found else 0):
        kept = [x for x in found if rng.random() < 0.7] or [rng.choice(found)]
        others = [x for x in points if not contains(found, x, _room(game))]
        smaller = kept + [x for x in others if rng.random() < 0.5]
        rng.shuffle(smaller)

        def trial(smaller: list[Payoffs] = smaller, kept: list[Payoffs] = kept) -> Violation | None:
            if not all(inside(game, np.array(x), _room(game)) for x in smaller):
                return None
            reduced = replace(game, feasible=Points(tuple(f"p{k}" for k in range(1, len(smaller) + 1)), tuple(smaller)))
            there = tuple(solution(reduced))
            if same_set(kept, there, _room(game)):
                return None
            words = f"of the solutions {set_text(found)}, {set_text(kept)} stay feasible when F shrinks to "
            words += f"{set_text(smaller)}, but the solution is {set_text(there)}"
            return Violation("independence", game, reduced, found, there, words)

        yield trial


def _pareto(solution: Solution, game: ThreatGame, rng: random.Random) -> Iterator[Trial]:
    """[PO]: of x >> d and an expansion of x, x is never chosen."""
    d = np.array(game.players.disagreement)
    n = len(d)
    above = [x for x in sample(game, rng) if (x > d + _room(game)).all()]
    for x in sorted(above, key=lambda one: not is_unblocked(game, one, 0.0))[:4]:
        some = rng.randrange(n)
        for factor in ([2.0] * n, *([2.0 if (i == some) == one else 1.0 for i in range(n)] for one in (True, False))):
            if max(factor) == 1.0:
                continue

            def trial(x: Vector = x, factor: list[float] = factor) -> Violation | None:
                two = pair(game, x, expanded(d, x, factor))
                there = tuple(solution(two))
                if not contains(there, tuple(x), _room(two)):
                    return None
                words = f"{vector(x)} is chosen from {set_text(two_points(two))}, where everybody has at least as much "
                words += "in the other, and somebody more"
                return Violation("pareto", two, two, there, there, words)

            yield trial


def _expansion(solution: Solution, game: ThreatGame, rng: random.Random) -> Iterator[Trial]:
    """[Exp]: when x is chosen from two unblocked points, some strict expansion of both keeps it chosen."""
    d = np.array(game.players.disagreement)
    free = [x for x in sample(game, rng) if is_unblocked(game, x, 0.0) and (x > d + _room(game)).all()]
    pairs = list(combinations(range(len(free)), 2))
    for one, other in rng.sample(pairs, min(MOST_PAIRS, len(pairs))):
        for turn in (0, 1):

            def trial(one: int = one, other: int = other, turn: int = turn) -> Violation | None:
                tied = tied_pair(solution, game, free[one], free[other])
                x, y = (free[one], free[other]) if tied is None else (tied[turn], tied[1 - turn])
                return expansion_violation(solution, game, x, y)

            yield trial


def _symmetry(solution: Solution, game: ThreatGame, rng: random.Random) -> Iterator[Trial]:
    """[Sym]: with no threats, equal d and F closed under permutations, so is the solution."""
    n = len(game.players)
    level = min(game.players.disagreement)
    players = replace(game.players, disagreement=(level,) * n)
    if isinstance(game.feasible, TotalWorth):
        sets: list[TotalWorth | Points] = [game.feasible]
    elif n > MOST_PERMUTED:
        return
    else:
        sets = []
        for _ in range(2):
            some = rng.sample(list(sample(game, rng)), 1)
            orbit = sorted({tuple(float(x[i]) for i in order) for x in some for order in permutations(range(n))})
            sets.append(Points(tuple(f"p{k}" for k in range(1, len(orbit) + 1)), tuple(orbit)))
    for feasible in sets:

        def trial(feasible: TotalWorth | Points = feasible) -> Violation | None:
            pure = ThreatGame(players, feasible, ())
            found = tuple(solution(pure))
            for x in found:
                for order in permutations(range(n)):
                    renamed = tuple(x[i] for i in order)
                    if not contains(found, renamed, _room(pure)):
                        words = f"{vector(x)} is chosen and its permutation {vector(renamed)} is not"
                        return Violation("symmetry", pure, pure, found, found, words)
            return None

        yield trial


def two_points(game: ThreatGame) -> tuple[Payoffs, ...]:
    """Return the points of a game with a list of points."""
    return game.feasible.payoffs if isinstance(game.feasible, Points) else ()


# --- expansion -----------------------------------------------------------------------------------------------------


def tied_pair(solution: Solution, game: ThreatGame, x: Vector, y: Vector) -> tuple[Vector, Vector] | None:
    """Scale up one of two points until both are chosen from the pair; None where the choice jumps.

    [Exp] asks for more than other axioms imply only when both points are chosen. Scaling up leaves points unblocked.
    """
    d = np.array(game.players.disagreement)

    def chosen(one: Vector, other: Vector) -> tuple[bool, bool]:
        two = pair(game, one, other)
        there = tuple(solution(two))
        return contains(there, tuple(one), _room(two)), contains(there, tuple(other), _room(two))

    first, second = chosen(x, y)
    if first == second:
        return (x, y) if first else None
    kept, raised = (x, y) if first else (y, x)
    low, high = 1.0, 2.0
    for _ in range(DOUBLINGS):
        state = chosen(kept, d + high * (raised - d))
        if state != (True, False):
            break
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        if state == (True, True):
            return kept, d + high * (raised - d)
        middle = (low + high) / 2
        before = chosen(kept, d + middle * (raised - d))
        low, high, state = (middle, high, state) if before == (True, False) else (low, middle, before)
    return None


def expansion_violation(solution: Solution, game: ThreatGame, x: Vector, y: Vector) -> Violation | None:
    """Return a violation of [Exp] at x, chosen from {x, y}: no strict expansion keeps it.

    For solutions that maximise a product of payoffs above some c it is proven by :func:`lost_for_good`; otherwise it
    says that none of the :func:`~breakaway.runners.axiom_games.expansions` does.
    """
    two = pair(game, x, y)
    found = tuple(solution(two))
    if not contains(found, tuple(x), _room(two)):
        return None
    d = np.array(game.players.disagreement)
    family = expansions(len(d))
    for factor in family:
        larger = pair(game, expanded(d, x, factor), expanded(d, y, factor))
        if contains(tuple(solution(larger)), tuple(expanded(d, x, factor)), _room(larger)):
            return None
    larger = pair(game, expanded(d, x, family[0]), expanded(d, y, family[0]))
    words = f"{vector(x)} is chosen from {set_text(found)}" if len(found) > 1 else f"{vector(x)} is chosen"
    words += f"; after the expansion by {vector(family[0])} only {set_text(tuple(solution(larger)))} is; "
    shift = solution.shift(two, np.minimum(x, y)) if isinstance(solution, _With | NamedSolution) else None
    proven = shift is not None and lost_for_good(x - d, y - d, shift - d)
    words += "no strict expansion keeps it, by the sign argument" if proven else f"none of {len(family)} keeps it"
    return Violation("expansion", two, larger, found, tuple(solution(larger)), words)


def lost_for_good(x: Vector, y: Vector, shift: Vector) -> bool:
    """Tell whether every strict expansion makes y better than x for the product of payoffs above ``shift``.

    Payoffs and shift are net of d, and x and y have the same product of z_i - c_i > 0. For an expansion lambda, the
    derivative of sum of log(lambda_i x_i - c_i) - log(lambda_i y_i - c_i) by lambda_i has the sign of c_i (y_i - x_i),
    whatever lambda_i >= 1 is. If no sign is positive and one is negative, the sum falls from 0 for every lambda >> 1.
    Weights gamma_i > 0 change no sign.
    """
    signs = shift * (y - x)
    return bool((signs <= 0).all() and (signs < 0).any())


AXIOMS: Mapping[str, Axiom] = {
    axiom.name: axiom
    for axiom in (
        Axiom("solution", "chooses unblocked allocations, and some wherever there are any", _is_solution),
        Axiom("invariance", "[Inv] affine changes of payoffs change the solution alike", _invariance),
        Axiom("independence", "[IIA] solutions that stay feasible stay solutions, and no others", _independence),
        Axiom("pareto", "[PO] of two points, one above the other, the lower is not chosen", _pareto),
        Axiom("expansion", "[Exp] some strict expansion keeps a chosen point chosen from two", _expansion),
        Axiom("symmetry", "[Sym] without threats, a symmetric game has a symmetric solution", _symmetry),
    )
}
"""The axioms of sections 2.2 to 2.4, by name; [UHC] is about sequences and is not among them."""
