"""The constrained egalitarian solution of Dutta and Ray: the most equal divisions that no coalition blocks.

Three ways to it, which the tests hold against each other. Payoffs are compared net of disagreement (the paper puts
d = 0), so the recursion starts from E({i}) = {v(i)}.

* :func:`egalitarian_solutions`: the definition, a recursion over coalitions. E(S) = L(U^e(S)), where U^e(S) is what no
  strict subcoalition T blocks with an element of E(T), and L picks the Lorenz-maximal divisions of all of v(S).
* :func:`most_equal_unblocked`: L of the unblocked set of any threats, through its minimal corners.
* :func:`egalitarian_front`: by Dutta and Ray (1991), theorem 1, E(S) = L(U^naive(S)): equal division is threat enough.
  A dynamic programme over subsets then needs no corners and no recursion.

The front. Write a(T) for the worth of T per member and beta(R) for the largest a(T) with T inside R, T != S. A division
is unblocked if and only if, with its players sorted from the richest, each has at least beta(R), R being the player and
all poorer ones: that player is the richest member of every T inside R to which they belong. So the corners are chains:
from R = S on, somebody in R is given beta(R) and leaves. A chain is abandoned when another one, which has left the same
R, has given its j best paid no more for every j: completing both alike and filling keeps that order (the lemma of
:mod:`breakaway.runners.lorenz`). What is left are the profiles of E(S); every way of handing a profile to the players
that is unblocked is then an element, because it is as equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from breakaway.data.coalitions import Coalition, members, proper_subsets
from breakaway.data.games import CharacteristicFunctionGame
from breakaway.runners.division import BlockProblem, fraction_of
from breakaway.runners.lorenz import Vector, filled, in_order, lorenz_maximal, majorizes, most_equal_in_boxes
from breakaway.runners.minimal_bounds import minimal_bounds
from breakaway.runners.search import Clause, Number

Solutions = dict[Coalition, tuple[Vector, ...]]
"""All elements of E(S) by coalition S: payoffs of its members, sorted; none when everything is blocked."""

MOST_CHAINS = 200_000
"""Most partial chains that the front keeps at once."""

MOST_ELEMENTS = 20_000
"""Most elements of one solution that are listed."""


class TooManyError(Exception):
    """There are more corners, chains or elements than are kept; the message says which."""


def egalitarian_solutions(game: CharacteristicFunctionGame, eps: Number, rational: bool = False) -> Solutions:
    """Return the constrained egalitarian solution of every coalition, by its definition.

    Parameters
    ----------
    game
        A characteristic function; weights play no part.
    eps
        Tolerance in the unit of payoff.
    rational
        Compute in fractions with tolerance 0.

    Raises
    ------
    TooManyError
        When an unblocked set has too many corners.
    """
    found: Solutions = {}
    for coalition in sorted(game.worths, key=int.bit_count):
        inside = members(coalition)
        if len(inside) == 1:
            worth = game.worths[coalition]
            found[coalition] = ((fraction_of(worth) if rational else worth,),)
            continue
        clauses: list[Clause] = [
            tuple(zip(members(part), element, strict=True))
            for part in proper_subsets(coalition)
            for element in found[part]
        ]
        d = game.players.disagreement
        problem = BlockProblem(inside, [1.0] * len(d), d, game.worths[coalition], clauses, eps)
        found[coalition] = most_equal_unblocked(problem.in_fractions() if rational else problem)
    return found


def most_equal_unblocked(problem: BlockProblem) -> tuple[Vector, ...]:
    """Return the Lorenz-maximal divisions of all of a worth that meet every threat, net of disagreement.

    Raises
    ------
    TooManyError
        When the unblocked set has too many corners.
    """
    corners = minimal_bounds(problem)
    if corners is None:
        raise TooManyError("there are too many ways of meeting the threats to list")
    d = [problem.disagreement[i] for i in problem.positions]
    net = (tuple(low - floor for low, floor in zip(corner, d, strict=True)) for corner in corners)
    return _gross(most_equal_in_boxes(net, problem.worth - sum(d), problem.eps), d)


def _gross(points: Sequence[Vector], d: Sequence[Number]) -> tuple[Vector, ...]:
    return tuple(tuple(x + floor for x, floor in zip(point, d, strict=True)) for point in points)


# --- the front -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Front:
    """What equal division leaves to a coalition: beta(R) for its subsets, and the profiles of its solution.

    Payoffs are net of ``disagreement``, that of the members. ``profiles`` are the payoffs of the most equal divisions,
    each from the highest down, whoever gets them.
    """

    highest: list[Number]
    profiles: list[Vector]
    disagreement: list[Number]
    eps: Number

    def elements(self) -> Iterator[Vector]:
        """Yield every element of E(S): payoffs of the members, gross of disagreement."""
        for profile in self.profiles:
            for division in _handed_out(profile, self.highest, self.eps):
                yield tuple(x + floor for x, floor in zip(division, self.disagreement, strict=True))

    def more_equal(self, payoffs: Sequence[Number], slack: Number) -> Vector | None:
        """Return an element of E(S) that majorizes a division of the same total by more than slack, if one does."""
        net = [x - floor for x, floor in zip(payoffs, self.disagreement, strict=True)]
        better = (profile for profile in self.profiles if majorizes(profile, net, slack))
        found = next((next(_handed_out(profile, self.highest, self.eps)) for profile in better), None)
        return found and tuple(x + floor for x, floor in zip(found, self.disagreement, strict=True))


def egalitarian_front(
    game: CharacteristicFunctionGame, coalition: Coalition, eps: Number, rational: bool = False
) -> Front:
    """Return the profiles of the constrained egalitarian solution of one coalition.

    Parameters are those of :func:`egalitarian_solutions`.

    Raises
    ------
    TooManyError
        When there are too many chains.
    """
    read = fraction_of if rational else float
    eps = read(eps)
    d = [read(game.players.disagreement[i]) for i in members(coalition)]
    highest = highest_averages(game, coalition, rational)
    total = read(game.worths[coalition]) - sum(d)
    fills = _fills(highest, total, eps) if total >= -eps else iter(())
    profiles = lorenz_maximal((tuple(sorted(x, reverse=True)) for x in fills), eps)
    return Front(highest, profiles, d, eps)


def listed_elements(front: Front, most: int = MOST_ELEMENTS) -> tuple[Vector, ...]:
    """Return all elements, sorted.

    Raises
    ------
    TooManyError
        When there are more than ``most``.
    """
    elements = list(islice(front.elements(), most + 1))
    if len(elements) > most:
        raise TooManyError(f"there are more than {most} egalitarian divisions")
    return tuple(in_order(elements))


def highest_averages(game: CharacteristicFunctionGame, coalition: Coalition, rational: bool = False) -> list[Number]:
    """Return beta(R) for the subsets R of a coalition: the largest worth per member, net, of a coalition inside R.

    Subsets are bitmasks over the members of the coalition, which does not count itself; never below 0, because nobody
    accepts less than disagreement.
    """
    read = fraction_of if rational else float
    inside = members(coalition)
    d = [read(game.players.disagreement[i]) for i in inside]
    whole = (1 << len(inside)) - 1
    highest: list[Number] = [read(0.0)] * (whole + 1)
    for part in range(1, whole + 1):
        places = members(part)
        best = max(highest[part ^ (1 << k)] for k in places)
        if part != whole:
            worth = read(game.worths[sum(1 << inside[k] for k in places)])
            best = max(best, (worth - sum(d[k] for k in places)) / len(places))
        highest[part] = best
    return highest


def _fills(highest: Sequence[Number], total: Number, eps: Number) -> Iterator[Vector]:
    """Yield fills of the chains that are not abandoned; among them are all profiles of the most equal divisions."""
    whole = len(highest) - 1
    n = whole.bit_length()
    states: dict[Coalition, list[Vector]] = {whole: [()]}
    for gone in range(n + 1):
        following: dict[Coalition, list[Vector]] = {}
        for left, chains in states.items():
            for given in _not_outdone(chains):
                spare = total - (given[-1] if given else 0)
                if spare >= (n - gone) * highest[left] - eps:
                    payoffs = [b - a for a, b in zip((0, *given), given, strict=False)]
                    yield filled([*payoffs, *[0 * total] * (n - gone)], total, eps)
                elif left and spare >= highest[left] - eps:
                    sums = (*given, (given[-1] if given else 0) + highest[left])
                    for k in members(left):
                        following.setdefault(left ^ (1 << k), []).append(sums)
        if sum(map(len, following.values())) > MOST_CHAINS:
            raise TooManyError(f"there are more than {MOST_CHAINS} ways of meeting the threats")
        states = following


def _not_outdone(chains: list[Vector]) -> list[Vector]:
    """Keep the chains, given by what their j best paid have together, that no other undercuts for every j."""
    kept: list[Vector] = []
    for sums in sorted(set(chains)):
        if not any(all(a <= b for a, b in zip(other, sums, strict=True)) for other in kept):
            kept.append(sums)
    return kept


def _handed_out(profile: Vector, highest: Sequence[Number], eps: Number) -> Iterator[Vector]:
    """Yield every unblocked division with the payoffs of a descending profile."""
    whole = len(highest) - 1
    payoff: list[Number] = [0] * len(profile)
    hopeless: set[tuple[Coalition, int]] = set()

    def hand_out(left: Coalition, rank: int, after: int) -> Iterator[Vector]:
        if not left:
            yield tuple(payoff)
            return
        value = profile[rank]
        if value < highest[left] - eps or (left, after) in hopeless:
            return
        found = False
        for k in members(left >> after << after):
            payoff[k] = value
            tied = rank + 1 < len(profile) and abs(profile[rank + 1] - value) <= eps
            for division in hand_out(left ^ (1 << k), rank + 1, k + 1 if tied else 0):
                found = True
                yield division
        if not found:
            hopeless.add((left, after))

    yield from hand_out(whole, 0, 0)
