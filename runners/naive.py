"""The naive problem (33) beside the recursion (31)-(32): what Theorem 2 says, computed both ways and compared.

In the naive problem every coalition T threatens with its unconstrained Nash division

    psi_i(T) = d_i + gamma_i(T) (v(T) - d(T)) / gamma(T),

which it could not always agree on. A coalition with v(T) < d(T) has no feasible payoff and does not threaten. Theorem 2
says that the unblocked divisions are the same as under the threats that coalitions would agree on.

Source: Vohra and Ray (2025), *Nash Bargaining in Coalitional Games*, section 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from breakaway.data.coalitions import Coalition, members, proper_subsets
from breakaway.data.games import CharacteristicFunctionGame, weights_within
from breakaway.runners.asking import HowToSolve
from breakaway.runners.chains import divide_grand
from breakaway.runners.division import BlockProblem, Division, divide_exactly, fraction_of, same_allocation
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.ordered import is_consistent, required_worths, threat_levels, worth_array
from breakaway.runners.recursion import alone
from breakaway.runners.search import Clause, Number, SearchLimitError
from breakaway.runners.setting import position_weights

EVERY, GRAND = "solutions of every coalition", "required worths, and solutions of the grand coalition"
"""How much of the two problems was compared."""

ROOM = 10
"""How many tolerances payoffs, and totals per member, may differ by and be the same."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether recursion and naive problem agree, coalition by coalition.

    ``required`` is the required worth of the naive problem, ``agrees`` the verdict; both are empty when nothing was
    compared, and ``scope`` is then empty, too.
    """

    required: Mapping[Coalition, Number]
    agrees: Mapping[Coalition, bool]
    scope: str = ""

    def claims(self, name: Callable[[Coalition], str]) -> dict[str, object]:
        """Return what is claimed: ``agrees``, ``differs`` with the first coalition, or ``not compared``."""
        if not self.scope:
            return {"theorem_2": "not compared"}
        differing = next((coalition for coalition, same in self.agrees.items() if not same), None)
        verdict = "agrees" if differing is None else f"differs: {name(differing)}"
        return {"theorem_2": verdict, "theorem_2_compared": self.scope}


def naive_threat(game: CharacteristicFunctionGame, coalition: Coalition, number: Callable[[float], Number]) -> Clause:
    """Return psi(T) as pairs (player, payoff); nothing when T has no feasible payoff.

    ``number`` says in what to compute: ``float``, or :func:`~breakaway.runners.division.fraction_of`.
    """
    inside = members(coalition)
    d = [number(game.players.disagreement[i]) for i in inside]
    weights = [number(weight) for weight in weights_within(game, coalition)]
    gain = number(game.worths[coalition]) - sum(d)
    if gain < 0:
        return ()
    share = gain / sum(weights)
    return tuple((i, floor + weight * share) for i, floor, weight in zip(inside, d, weights, strict=True))


def divide_naively(game: CharacteristicFunctionGame, how: HowToSolve, eps: float) -> dict[Coalition, Division]:
    """Divide the worth of every coalition under the threats psi(T) of all T strictly inside it, by exact search.

    Parameters
    ----------
    game
        A characteristic function; weights may differ between coalitions.
    how
        Only ``rational`` matters: compute in fractions, with tolerance 0.
    eps
        Tolerance in the unit of payoff.

    Returns
    -------
    dict
        From coalitions, small ones first, to their divisions; positions are players.

    Raises
    ------
    SearchLimitError
        When a proof needs too many nodes.
    """
    number = fraction_of if how.rational else float
    coalitions = sorted(game.worths, key=lambda c: (c.bit_count(), c))
    threats = {coalition: naive_threat(game, coalition, number) for coalition in coalitions}
    within = position_weights(game, PlayerTypes.distinct(len(game.players)))
    d = [number(payoff) for payoff in game.players.disagreement]
    result = {}
    for coalition in coalitions:
        positions, worth = members(coalition), number(game.worths[coalition])
        weights = [number(weight) for weight in within(coalition)]
        if len(positions) == 1:
            result[coalition] = alone(positions[0], worth, weights, d, eps)
            continue
        clauses = [threats[part] for part in proper_subsets(coalition) if threats[part]]
        tolerance = number(0.0) if how.rational else eps
        result[coalition] = divide_exactly(BlockProblem(positions, weights, d, worth, clauses, tolerance))
    return result


Recursive = tuple[Callable[[Coalition], Division], Callable[[Coalition], Iterable[Clause]]]
"""The recursion's division, and its solutions as pairs (player, payoff), of any coalition."""


def compare_with_naive(
    game: CharacteristicFunctionGame, recursive: Recursive, how: HowToSolve, eps: float, *, every: bool
) -> Agreement:
    """Compare the recursion with the naive problem.

    ``every``: solve the naive problem of every coalition. Otherwise, with consistent weights, compare all required
    worths and the solutions of the grand coalition by ordered search; with inconsistent weights compare nothing.
    """
    try:
        if every:
            return _every_coalition(game, recursive, how, eps)
        return _grand_coalition(game, recursive, eps) if is_consistent(game) else Agreement({}, {})
    except SearchLimitError:
        return Agreement({}, {})


def _every_coalition(game: CharacteristicFunctionGame, recursive: Recursive, how: HowToSolve, eps: float) -> Agreement:
    division, solutions = recursive
    naive = divide_naively(game, how, eps)
    agrees = {
        coalition: same_required(division(coalition).required, own.required, coalition, eps)
        and division(coalition).viable == own.viable
        and same_solutions(list(solutions(coalition)), list(own.solutions), eps)
        for coalition, own in naive.items()
    }
    return Agreement({coalition: own.required for coalition, own in naive.items()}, agrees, EVERY)


def _grand_coalition(game: CharacteristicFunctionGame, recursive: Recursive, eps: float) -> Agreement:
    division, solutions = recursive
    everyone = game.players.everyone
    levels = threat_levels(worth_array(game), game.players.weights, game.players.disagreement)
    required = dict(enumerate(required_worths(levels).tolist()))
    grand = divide_grand(levels, game.worths[everyone], required[everyone], eps).division
    agrees = {
        coalition: same_required(division(coalition).required, required[coalition], coalition, eps)
        for coalition in sorted(game.worths, key=lambda c: (c.bit_count(), c))
    }
    agrees[everyone] &= same_solutions(list(solutions(everyone)), list(grand.solutions), eps)
    return Agreement(required, agrees, GRAND)


def same_required(one: Number, other: Number, coalition: Coalition, eps: float) -> bool:
    """Tell whether two required worths of a coalition agree: to within some tolerances per member."""
    return bool(abs(float(one) - float(other)) <= ROOM * coalition.bit_count() * eps)


def same_solutions(one: list[Clause], other: list[Clause], eps: float) -> bool:
    """Tell whether two sets of solutions agree: as many, and each matched by one of the other."""
    matched = all(any(same_allocation(x, y, ROOM * eps) for y in other) for x in one)
    return matched and len(one) == len(other)
