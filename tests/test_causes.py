"""Why blocks fail and why they hold: irreducible sets of threats, and a member who declines every threat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from brute_force import chained_problems, in_floats, minimal_bounds
from hypothesis import assume, given, settings

from breakaway.data.coalitions import members, parse_coalition, parse_structure
from breakaway.data.games import CharacteristicFunctionGame, ExternalityGame, Players, ThreatGame
from breakaway.data.instances import load_instance, shipped_instances
from breakaway.results.records import Answer
from breakaway.runners.asking import HowToSolve
from breakaway.runners.causes import irreducible_causes, requires_more
from breakaway.runners.characteristic import solve_characteristic
from breakaway.runners.division import BlockProblem
from breakaway.runners.search import Clause
from breakaway.runners.viability import solve_viability

MANY = settings(max_examples=60, deadline=None)
EPS = 1e-7


def least(problem: BlockProblem, clauses: list[Clause]) -> Fraction:
    """Return the least total that meets some threats, by brute force."""
    d = problem.disagreement
    net = [tuple((i, tau - d[i]) for i, tau in clause) for clause in clauses]
    zero = tuple(0 * y for y in d)
    return min(map(sum, minimal_bounds(zero, net, problem.follower))) + sum(d)


@given(chained_problems(most_threats=8))
@MANY
def test_some_threats_require_more_than_the_worth(problem: BlockProblem) -> None:
    for count in range(len(problem.clauses) + 1):
        clauses = list(problem.clauses[:count])
        assert requires_more(problem, clauses) == (least(problem, clauses) > problem.worth)


@given(chained_problems(most_threats=8))
@MANY
def test_causes_are_sufficient_and_irreducible(problem: BlockProblem) -> None:
    assume(least(problem, list(problem.clauses)) > problem.worth)
    causes = irreducible_causes(problem)
    assert set(causes) <= set(problem.clauses)
    assert len(set(causes)) == len(causes) > 0
    assert least(problem, causes) > problem.worth
    for gone in causes:
        assert least(problem, [clause for clause in causes if clause != gone]) <= problem.worth


@given(chained_problems(most_threats=8))
@MANY
def test_causes_in_floats_are_causes_in_fractions(problem: BlockProblem) -> None:
    assume(least(problem, list(problem.clauses)) > problem.worth)
    exact = {tuple((i, float(y)) for i, y in c): c for c in problem.clauses}
    causes = [exact[clause] for clause in irreducible_causes(in_floats(problem))]
    assert least(problem, causes) > problem.worth
    for gone in causes:
        assert least(problem, [clause for clause in causes if clause != gone]) <= problem.worth


def test_a_worth_below_disagreement_needs_no_threat() -> None:
    problem = BlockProblem((0, 1), [1, 1], [Fraction(2), Fraction(2)], Fraction(3), [], 0)
    assert requires_more(problem, [])
    assert irreducible_causes(problem) == []
    clauses = [((0, Fraction(5)),)]
    assert irreducible_causes(replace(problem, clauses=clauses)) == []


def test_threats_of_few_who_ask_for_much_are_preferred() -> None:
    """Singletons that ask for 4 and 3 explain what a pair with 9 each would explain as well."""
    clauses: list[Clause] = [((0, 9), (1, 9)), ((0, 4),), ((1, 3),), ((0, 1),)]
    assert irreducible_causes(BlockProblem((0, 1), [1, 1], [0, 0], 6, clauses, 0)) == [((0, 4),), ((1, 3),)]


# --- on every shipped instance -------------------------------------------------------------------------------------


JUDGED = ExternalityGame | CharacteristicFunctionGame
"""Games whose coalitions divide worths."""


def solvable() -> list[str]:
    """Return the shipped instances with structures to judge."""
    names = [entry.name for entry in shipped_instances()]
    return [name for name in names if isinstance(load_instance(name).game, JUDGED)]


NOBODY_TO_THREATEN = "theorem-3-pairs"
"""Only single players are viable there, and nobody threatens them."""


def answer_of(name: str) -> Answer:
    game = load_instance(name).game
    how = HowToSolve(detail="all", verify=False)
    if isinstance(game, CharacteristicFunctionGame):
        return solve_characteristic(game, how)
    assert not isinstance(game, ThreatGame)
    return solve_viability(game, how)


def blocks_of(answer: Answer) -> dict[tuple[str, ...], tuple[float, bool]]:
    """Return worth and verdict of every coalition in every structure, or of every coalition."""
    table = answer.tables["blocks" if "blocks" in answer.tables else "coalitions"]
    where = [name for name in ("structure", "coalition") if name in table]
    places = zip(*(table[name] for name in where), strict=True)
    return dict(zip(places, zip(table["worth"], table["viable"], strict=True), strict=True))


def causes_of(answer: Answer, players: Players) -> dict[tuple[str, ...], list[Clause]]:
    """Return the listed causes of every failing block as clauses."""
    table = answer.tables["failures"]
    where = [name for name in ("structure", "coalition") if name in table]
    found: dict[tuple[str, ...], dict[tuple[object, ...], dict[int, float]]] = {}
    apart = [name for name in ("breakaway", "resulting_structure", "threat") if name in table]
    for row in table.to_dict("records"):
        threat = tuple(row[name] for name in apart)
        own = found.setdefault(tuple(row[name] for name in where), {}).setdefault(threat, {})
        own[players.names.index(row["player"])] = row["payoff"]
    return {place: [tuple(sorted(c.items())) for c in group.values()] for place, group in found.items()}


@pytest.mark.parametrize("name", solvable())
def test_failures_of_shipped_instances(name: str) -> None:
    """Every failing block, and no other, has causes: together they cost more than there is, and none can go."""
    answer, players = answer_of(name), load_instance(name).game.players
    causes, blocks = causes_of(answer, players), blocks_of(answer)
    assert causes.keys() == {place for place, (_, viable) in blocks.items() if not viable}
    zero = (0.0,) * len(players)
    for place, clauses in causes.items():
        worth = blocks[place][0]
        block = parse_coalition(place[-1], players.names)
        assert all(coalition_of_clause(c) & ~block == 0 for c in clauses)
        assert min(map(sum, minimal_bounds(zero, clauses))) > worth + 1e-12
        for gone in clauses:
            rest = [clause for clause in clauses if clause != gone]
            assert min(map(sum, minimal_bounds(zero, rest))) <= worth + EPS


def coalition_of_clause(clause: Clause) -> int:
    return sum(1 << i for i, _ in clause)


@pytest.mark.parametrize("name", solvable())
def test_somebody_declines_every_threat_in_shipped_instances(name: str) -> None:
    """Each solution meets each threat: the player named gets what the threat promises, or more."""
    answer, players = answer_of(name), load_instance(name).game.players
    met = answer.tables["met"]
    assert met.empty == (name == NOBODY_TO_THREATEN)
    assert (met["payoff"] >= met["threat_payoff"] - EPS).all()
    for row in met.to_dict("records"):
        breakaway = parse_coalition(row["breakaway"], players.names)
        assert players.names.index(row["player"]) in members(breakaway)
        assert breakaway & ~parse_coalition(row["coalition"], players.names) == 0
        if "resulting_structure" in row:
            _assert_resulting(row, players)
    assert_as_many_as_solutions_and_threats(answer)


def _assert_resulting(row: Mapping[str, str], players: Players) -> None:
    """The structure that results refines the one in which the breakaway has left its block."""
    before = parse_structure(row["structure"], players.names)
    after = parse_structure(row["resulting_structure"], players.names)
    breakaway = parse_coalition(row["breakaway"], players.names)
    block = parse_coalition(row["coalition"], players.names)
    induced = {*before, breakaway, block ^ breakaway} - {block}
    assert all(any(piece & ~own == 0 for own in induced) for piece in after)


def assert_as_many_as_solutions_and_threats(answer: Answer) -> None:
    """Every solution is confronted with every threat against its block, once."""
    met = answer.tables["met"]
    where = [
        n for n in ("structure", "coalition", "solution", "breakaway", "resulting_structure", "threat") if n in met
    ]
    assert not met.duplicated(where).any()
    by_solution = met.groupby([n for n in ("structure", "coalition", "solution") if n in met]).size()
    for _, counts in by_solution.groupby(level=list(range(by_solution.index.nlevels - 1))):
        assert counts.nunique() == 1
