"""Coalitional Nash bargaining without externalities: the recursion (31)-(32) over a characteristic function.

From singletons up, every coalition shares its worth under the threats of its strict subcoalitions, which threaten with
their own solutions. A coalition without an unblocked allocation is ineffective: it never threatens. With many players
the grand coalition is divided by :mod:`breakaway.runners.ordered_answer` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, bell_number, coarsest, members, structures
from breakaway.data.games import CharacteristicFunctionGame, Players
from breakaway.data.limits import MAX_PLAYERS_INCONSISTENT
from breakaway.results.records import Answer, Certificate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock, UnfinishedError
from breakaway.runners.causes import irreducible_causes
from breakaway.runners.coalitional_nash import claims_of
from breakaway.runners.division import BlockProblem, Division, fraction_of
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.naive import Agreement, compare_with_naive
from breakaway.runners.named_map import unfold
from breakaway.runners.ordered import is_consistent
from breakaway.runners.ordered_answer import solve_ordered
from breakaway.runners.recursion import alone
from breakaway.runners.search import Clause, Number
from breakaway.runners.setting import player_types, position_vector, position_weights, scale_of_game
from breakaway.runners.stopping import STOPS, Stop, never_started, stop_of
from breakaway.runners.theorems import MOST_PLAYERS, theorem_report
from breakaway.runners.verify import verify_characteristic

MOST_STRUCTURES = 4_140
"""Up to this many structures (eight players) the verdict on every structure is listed."""

MOST_DETAILED = 6
"""Up to this many players the threats of every coalition are listed, and the answer verified, unless told otherwise."""

MODEL_ACCURACY = 1e-7
"""Relative differences up to this between a Pyomo model and a search are the solver's."""

MOST_DIVIDED = 1_023
"""Up to this many coalitions that differ (ten players) all are divided; of more, only the grand coalition."""


@dataclass(frozen=True, slots=True)
class CoalitionSolutions:
    """Every coalition divided (so far, during the recursion), by canonical coalition of the player types."""

    types: PlayerTypes
    divisions: dict[Coalition, Division] = field(default_factory=dict)

    def division(self, coalition: Coalition) -> Division:
        """Return the division of a coalition of players; its solutions are by position."""
        return self.divisions[self.types.canonical(coalition)]

    def solutions(self, coalition: Coalition) -> tuple[Clause, ...]:
        """Return all solutions of a coalition as pairs (player, payoff)."""
        return unfold(self.types, coalition, self.division(coalition).solutions)


def divide_all(game: CharacteristicFunctionGame, how: HowToSolve, eps: float, solved: CoalitionSolutions) -> None:
    """Run the recursion (31)-(32), entering every coalition as it is divided."""
    types, divisions = solved.types, solved.divisions
    weights, d = position_weights(game, types), position_vector(game.players.disagreement, types)
    divide = how.divider()
    inside = _canonical_subcoalitions(types)
    worth = {types.canonical(coalition): value for coalition, value in game.worths.items()}
    for coalition in sorted(inside, key=lambda c: (c.bit_count(), c)):
        positions = members(coalition)
        if len(positions) == 1:
            value = fraction_of(worth[coalition]) if how.rational else worth[coalition]
            divisions[coalition] = alone(positions[0], value, weights(coalition), d, eps)
            continue
        clauses = [clause for part in inside[coalition] for clause in divisions[part].solutions]
        follower = types.follower(coalition)
        problem = BlockProblem(positions, weights(coalition), d, worth[coalition], clauses, eps, follower)
        divisions[coalition] = divide(problem.in_fractions() if how.rational else problem)


def _canonical_subcoalitions(types: PlayerTypes) -> dict[Coalition, list[Coalition]]:
    """For every canonical coalition, the canonical coalitions strictly inside it."""
    everyone = (1 << types.n) - 1
    return {whole: [part for part in types.inside(whole) if part != whole] for whole in types.inside(everyone)}


def solve_characteristic(
    game: CharacteristicFunctionGame, how: HowToSolve | None = None, about: About = UNNAMED
) -> Answer:
    """Return the coalitional Nash solutions of every coalition, and which structures hold together.

    Parameters
    ----------
    game
        A TU game without externalities.
    how
        Method, solver, tolerance, detail.
    about
        Kind, title and source of the instance, for the answer.

    Returns
    -------
    Tables ``solutions`` (of N), ``coalitions``, ``coalition_solutions``, ``failures``, and by size ``structures`` and
    ``met``. Above :data:`MOST_DIVIDED` coalitions only N and single players are divided; see
    :func:`~breakaway.runners.ordered_answer.solve_ordered`.

    Raises
    ------
    UnfinishedError
        When a limit is reached, a solver fails or the user interrupts; it carries the coalitions divided so far.
    SolveError
        When the solver is not available, or refuses the question.
    ValueError
        When the method does not apply: ordered search to weights that differ between coalitions, or the recursion to
        more than 16 players.
    """
    how = how or HowToSolve()
    types = _types(game, how)
    if takes_ordered(game, types, how):
        return solve_ordered(game, how, about)
    clock = PhaseClock()
    eps = 0.0 if how.rational else how.options.tolerance * scale_of_game(game)
    solved = CoalitionSolutions(types)
    try:
        divide_all(game, how, eps, solved)
    except STOPS as error:
        if never_started(error):
            raise
        stop = stop_of(error)
        raise UnfinishedError(stop.reason, _partial_answer(game, stop, solved, how, about)) from error
    clock.lap("recursion")
    return _answer(game, solved, (how, eps, about), clock)


def _answer(
    game: CharacteristicFunctionGame,
    solved: CoalitionSolutions,
    asked: tuple[HowToSolve, float, About],
    clock: PhaseClock,
) -> Answer:
    """Tabulate, compare with the naive problem, and verify what the recursion found."""
    how, eps, about = asked
    tables = _tables(game, solved, how, eps)
    clock.lap("tables")
    agreement = _agreement(game, solved, how)
    tables["coalitions"] = _with_naive(tables["coalitions"], game.players, agreement)
    clock.lap("naive problem")
    grand = solved.division(game.players.everyone)
    claims = {
        **claims_of(grand, how, eps),
        "solutions": len(solved.solutions(game.players.everyone)),
        **agreement.claims(game.players.coalition_name),
    }
    residual, checks = _verification(game, tables, claims, how)
    clock.lap("verification")
    certificate = Certificate("optimal", "proven optimum", {**claims, **checks}, residual)
    names = game.players.names
    return Answer("characteristic-function", *about, names, tables, certificate, how.asked(), clock.laps)


def _types(game: CharacteristicFunctionGame, how: HowToSolve) -> PlayerTypes:
    """Recognise identical players, where the recursion may profit from it."""
    n = len(game.players)
    many = n > MAX_PLAYERS_INCONSISTENT or how.method == "ordered"
    return player_types(game) if how.identical and not many else PlayerTypes.distinct(n)


def takes_ordered(game: CharacteristicFunctionGame, types: PlayerTypes, how: HowToSolve) -> bool:
    """Tell whether the grand coalition alone is divided: asked for, or too many coalitions for the recursion.

    Raises
    ------
    ValueError
        When there are more players than the recursion, which the method or the weights need, can do.
    """
    if how.method == "ordered":
        return True
    n = len(game.players)
    if n <= MAX_PLAYERS_INCONSISTENT:
        more = how.rational or how.detail in ("all", "failures")
        wanted = how.method == "exact" and not more and is_consistent(game)
        return wanted and sum(1 for _ in types.inside(game.players.everyone)) > MOST_DIVIDED
    if how.method == "model" or not is_consistent(game):
        raise ValueError(
            f"{n} players: the recursion over all coalitions is for up to {MAX_PLAYERS_INCONSISTENT}; use --method "
            "ordered, which needs the same weights in every coalition"
        )
    return True


def _agreement(game: CharacteristicFunctionGame, solved: CoalitionSolutions, how: HowToSolve) -> Agreement:
    """Compare with the naive problem of Theorem 2; Pyomo models are as exact as their solvers."""
    scale = scale_of_game(game)
    tolerance = max(how.options.tolerance, MODEL_ACCURACY if how.method == "model" else 0.0)
    every = len(game.players) <= MOST_DETAILED
    return compare_with_naive(game, (solved.division, solved.solutions), how, tolerance * scale, every=every)


def _with_naive(coalitions: pd.DataFrame, players: Players, agreement: Agreement) -> pd.DataFrame:
    """Set the naive problem's required worths beside the recursion's, where they were compared."""
    if not agreement.scope:
        return coalitions
    name = players.coalition_name
    required = {name(coalition): float(agreement.required[coalition]) for coalition in agreement.agrees}
    agrees = {name(coalition): same for coalition, same in agreement.agrees.items()}
    listed = coalitions["coalition"]
    return coalitions.assign(naive_required_worth=listed.map(required), agrees=listed.map(agrees).astype(bool))


def _partial_answer(
    game: CharacteristicFunctionGame, stop: Stop, solved: CoalitionSolutions, how: HowToSolve, about: About
) -> Answer:
    """Tabulate the coalitions divided so far; the grand coalition comes last, so its solutions are not known."""
    names = game.players.names
    coalitions = coalitions_table(game, solved)
    tables = {
        "solutions": pd.DataFrame(columns=["solution", "player", "payoff"]),
        "coalitions": coalitions,
        "coalition_solutions": coalition_solutions_table(game.players, solved),
    }
    claims = {
        **dict.fromkeys(tables, "partial"),
        "judged": len(coalitions),
        "of": game.players.everyone,
        "complete": False,
        "tolerance": how.options.tolerance * scale_of_game(game),
        "method": how.method,
    }
    certificate = Certificate(stop.termination, "smaller coalitions only", claims)
    return Answer("characteristic-function", *about, names, tables, certificate, how.asked())


def _tables(
    game: CharacteristicFunctionGame, solved: CoalitionSolutions, how: HowToSolve, eps: float
) -> dict[str, pd.DataFrame]:
    players = game.players
    by_coalition = coalition_solutions_table(players, solved)
    everyone = by_coalition["coalition"] == players.coalition_name(players.everyone)
    tables = {
        "solutions": by_coalition.loc[everyone, ["solution", "player", "payoff"]].reset_index(drop=True),
        "coalitions": coalitions_table(game, solved),
        "coalition_solutions": by_coalition,
    }
    if bell_number(len(players)) <= MOST_STRUCTURES:
        tables["structures"] = _structures_table(game, solved, eps, fraction_of if how.rational else float)
    small = len(players) <= MOST_DETAILED
    if how.detail == "all" or (how.detail == "auto" and small):
        tables["met"] = _met_table(players, solved)
    if how.detail in ("all", "failures") or (how.detail == "auto" and len(players) <= MOST_DETAILED + 2):
        tables["failures"] = _failures_table(game, solved, eps)
    if how.detail != "none" and len(players) <= MOST_PLAYERS:
        tables |= theorem_report(game, solved, eps, how.rational)
    return tables


def _coalitions(players: Players) -> list[Coalition]:
    """Every coalition, by size."""
    return sorted(range(1, players.everyone + 1), key=lambda c: (c.bit_count(), members(c)))


def _divided(players: Players, solved: CoalitionSolutions) -> list[Coalition]:
    """Every coalition divided so far, by size."""
    return [c for c in _coalitions(players) if solved.types.canonical(c) in solved.divisions]


def coalition_solutions_table(players: Players, solved: CoalitionSolutions) -> pd.DataFrame:
    """List every solution of every coalition divided so far."""
    rows = [
        (players.coalition_name(coalition), number, players.names[player], float(payoff))
        for coalition in _divided(players, solved)
        for number, solution in enumerate(solved.solutions(coalition), start=1)
        for player, payoff in solution
    ]
    return pd.DataFrame(rows, columns=["coalition", "solution", "player", "payoff"])


def coalitions_table(game: CharacteristicFunctionGame, solved: CoalitionSolutions) -> pd.DataFrame:
    """List every coalition divided so far: worth, viability, required worth, slack."""
    rows = []
    for coalition in _divided(game.players, solved):
        division, worth = solved.division(coalition), game.worths[coalition]
        required = float(division.required)
        rows.append((game.players.coalition_name(coalition), worth, division.viable, required, worth - required))
    return pd.DataFrame(rows, columns=["coalition", "worth", "viable", "required_worth", "slack"])


def _structures_table(
    game: CharacteristicFunctionGame, solved: CoalitionSolutions, eps: float, read: Callable[[Number], Number]
) -> pd.DataFrame:
    """Every structure: viable when each of its coalitions is; totals add up numbers made by ``read``."""
    listed: list[Structure] = sorted(structures(game.players.everyone), key=lambda s: (-len(s), s))
    viable = {s: all(solved.division(block).viable for block in s) for s in listed}
    top = set(coarsest(s for s in listed if viable[s]))
    total = {s: sum(read(game.worths[block]) for block in s) for s in listed}
    least = max(total.values()) - read(eps)
    name = game.players.structure_name
    rows = [(name(s), len(s), viable[s], s in top, bool(total[s] >= least), float(total[s])) for s in listed]
    return pd.DataFrame(rows, columns=["structure", "coalitions", "viable", "coarsest", "efficient", "worth"])


Named = tuple[Coalition, int, Clause]
"""A threat with its provenance: breakaway, number of its solution, payoffs."""


def _threats(players: Players, solved: CoalitionSolutions, coalition: Coalition) -> list[Named]:
    return [
        (part, number, clause)
        for part in _coalitions(players)
        if part != coalition and not part & ~coalition
        for number, clause in enumerate(solved.solutions(part), start=1)
    ]


def _met_table(players: Players, solved: CoalitionSolutions) -> pd.DataFrame:
    """For every solution of every coalition and every threat, the member who has least reason to leave."""
    rows = []
    for coalition in _coalitions(players):
        threats = _threats(players, solved, coalition)
        for number, solution in enumerate(solved.solutions(coalition), start=1):
            payoff_of = dict(solution)
            for part, threat, clause in threats:
                who, asked = max(clause, key=lambda pair: payoff_of[pair[0]] - pair[1])
                names = players.coalition_name(coalition), number, players.coalition_name(part), threat
                rows.append((*names, players.names[who], float(payoff_of[who]), float(asked)))
    columns = ["coalition", "solution", "breakaway", "threat", "player", "payoff", "threat_payoff"]
    return pd.DataFrame(rows, columns=columns)


def _failures_table(game: CharacteristicFunctionGame, solved: CoalitionSolutions, eps: float) -> pd.DataFrame:
    """For every ineffective coalition, an irreducible set of threats that alone requires more than its worth."""
    players = game.players
    rows = []
    for coalition in _coalitions(players):
        division, worth = solved.division(coalition), game.worths[coalition]
        if division.viable:
            continue
        rational = isinstance(division.required, Fraction)
        source = {clause: (part, number) for part, number, clause in _threats(players, solved, coalition)}
        problem = BlockProblem(members(coalition), players.weights, players.disagreement, worth, list(source), eps)
        required = float(division.required)
        what = players.coalition_name(coalition), worth, required, required - worth
        for cause in irreducible_causes(problem.in_fractions() if rational else problem):
            part, number = source[cause]
            rows += [(*what, players.coalition_name(part), number, players.names[i], float(y)) for i, y in cause]
    columns = ["coalition", "worth", "required_worth", "shortfall", "breakaway", "threat", "player", "payoff"]
    return pd.DataFrame(rows, columns=columns)


def _verification(
    game: CharacteristicFunctionGame,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, object],
    how: HowToSolve,
) -> tuple[float | None, dict[str, object]]:
    if how.verify is False or (how.verify is None and len(game.players) > MOST_DETAILED):
        return None, {"verified": False}
    verification = verify_characteristic(game, tables, claims, how.options.tolerance)
    return verification.residual, {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
