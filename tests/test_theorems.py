"""The theorems of section 5 on reference cases and hundreds of random games; what is reported of them; verification.

Games are solved in fractions, so that ties and knife edges are decided exactly.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import pandas as pd
import pytest
from application_cases import run_page
from theorem_cases import CASES, game_of, random_games, random_weights

from breakaway.data.coalitions import members, proper_subsets
from breakaway.data.games import CharacteristicFunctionGame, Players, weights_within
from breakaway.data.instances import load_instance
from breakaway.results.text import answer_text
from breakaway.runners.asking import HowToSolve
from breakaway.runners.characteristic import CoalitionSolutions, divide_all, solve_characteristic
from breakaway.runners.division import BlockProblem, divide_exactly, fraction_of
from breakaway.runners.egalitarian import highest_averages
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.lorenz import lorenz_maximal
from breakaway.runners.stacks import consistent_weights, stacks
from breakaway.runners.theorems import theorem_report
from breakaway.runners.verify import verify_characteristic

RATIONAL = HowToSolve(rational=True)


def solved_exactly(game: CharacteristicFunctionGame) -> CoalitionSolutions:
    solved = CoalitionSolutions(PlayerTypes.distinct(len(game.players)))
    divide_all(game, RATIONAL, 0.0, solved)
    return solved


def report(game: CharacteristicFunctionGame) -> dict[tuple[str, str], dict]:
    """Return the rows of ``theorems`` by statement and coalition."""
    table = theorem_report(game, solved_exactly(game), Fraction(0), rational=True)["theorems"]
    return {(row["statement"], row["coalition"]): row for row in table.to_dict("records")}


def of_all(game: CharacteristicFunctionGame, rows: dict[tuple[str, str], dict], statement: str) -> dict:
    return rows[statement, game.players.coalition_name(game.players.everyone)]


@cache
def games(kind: str) -> tuple[CharacteristicFunctionGame, ...]:
    """120 random games with equal, consistent or inconsistent weights; every second one with disagreement."""
    draw = random.Random(kind)
    found = []
    for k, game in enumerate(random_games(len(kind), 120)):
        chosen = game if kind == "equal" else random_weights(draw, game, kind == "consistent")
        found.append(shifted(draw, chosen) if k % 2 else chosen)
    return tuple(found)


@cache
def reports(kind: str) -> tuple[dict[tuple[str, str], dict], ...]:
    """Return the reports on the games of a kind."""
    return tuple(map(report, games(kind)))


def shifted(draw: random.Random, game: CharacteristicFunctionGame) -> CharacteristicFunctionGame:
    """Return a game with disagreement payoffs, none above what the player gets alone."""
    players = game.players
    d = [round(game.worths[1 << i] - draw.choice([0.0, 0.5, 1.0]), 2) for i in range(len(players))]
    return CharacteristicFunctionGame(
        Players.of(players.names, players.weights, d), game.worths, game.coalition_weights
    )


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_reference(case) -> None:
    game, expected = game_of(case), case["expected"]
    rows = report(game)
    uneven = consistent_weights(game)
    pairs, partitions = of_all(game, rows, "theorem-3-printed"), of_all(game, rows, "theorem-3")
    if isinstance(uneven, int):
        assert pairs["lacking"] == partitions["lacking"]
        assert pairs["lacking"].endswith(": weights")
    else:
        assert pairs["hypothesis"] == expected["gcs_pairwise"]
        assert partitions["hypothesis"] == expected["gcs_partition"]
    everyone = game.players.everyone
    if "sigma_subset_of_egalitarian" in expected:
        of_n = rows["theorem-4", game.players.coalition_name(everyone)]
        assert of_n["conclusion"] == expected["sigma_subset_of_egalitarian"]
        assert of_all(game, rows, "theorem-4-nonempty")["hypothesis"] == expected["superadditive_34"]
    assert (partitions["witness"] is not None and "not viable" in partitions["witness"]) != expected["grand_viable"]


# --- theorem 2 --------------------------------------------------------------------------------------------------------


def naive_solutions(game: CharacteristicFunctionGame, coalition: int) -> tuple:
    """Solve (33): every subcoalition threatens with its unconstrained Nash division, in fractions."""
    d = [fraction_of(x) for x in game.players.disagreement]
    clauses = []
    for part in proper_subsets(coalition):
        inside = members(part)
        gamma = [fraction_of(w) for w in weights_within(game, part)]
        net = fraction_of(game.worths[part]) - sum(d[i] for i in inside)
        shares = (d[i] + w * net / sum(gamma) for i, w in zip(inside, gamma, strict=True))
        clauses.append(tuple(zip(inside, shares, strict=True)))
    weights = [1.0] * len(d)
    for i, w in zip(members(coalition), weights_within(game, coalition), strict=True):
        weights[i] = w
    problem = BlockProblem(members(coalition), weights, d, game.worths[coalition], clauses, 0)
    return divide_exactly(problem.in_fractions()).solutions


@pytest.mark.parametrize("kind", ["equal", "consistent", "inconsistent"])
def test_theorem_2_the_recursion_is_the_naive_problem(kind: str) -> None:
    """For every coalition, empty unblocked sets and weights that differ between coalitions included."""
    seen = Counter()
    for game in games(kind):
        solved = solved_exactly(game)
        for s in game.worths:
            if s.bit_count() > 1:
                expected = naive_solutions(game, s)
                assert solved.solutions(s) == expected
                seen["empty" if not expected else "several" if len(expected) > 1 else "one"] += 1
    assert sum(seen.values()) == 40 * (4 + 11 + 26)
    assert min(seen["empty"], seen["one"]) > 100
    assert seen["several"] >= 1


# --- theorem 3 --------------------------------------------------------------------------------------------------------


def paying_for_all(game: CharacteristicFunctionGame, spare: float) -> CharacteristicFunctionGame:
    """Give N what the dearest partition into other coalitions is worth, and something more."""
    worths = {s: fraction_of(v) for s, v in game.worths.items()}
    best: dict[int, Fraction] = {0: Fraction(0)}
    everyone = game.players.everyone
    for s in range(1, everyone + 1):
        options = [worths[t] + best[s ^ t] for t in proper_subsets(s)]
        best[s] = max([*options, worths[s]] if s != everyone else options)
    worth = float(round(best[everyone] + fraction_of(spare), 6))
    return CharacteristicFunctionGame(game.players, {**game.worths, everyone: worth}, game.coalition_weights)


def test_theorem_3_when_all_are_worth_as_much_as_every_structure() -> None:
    """240 games with consistent weights, half of them with disagreement, half on the knife edge: N is viable."""
    for k, game in enumerate((*games("equal"), *games("consistent"))):
        rich = paying_for_all(game, 0.25 * (k // 3 % 2))
        row = of_all(rich, report(rich), "theorem-3")
        assert row["hypothesis"]
        assert row["conclusion"]


@pytest.mark.parametrize("spare", [0.0, 0.25])
def test_the_stacked_averages_are_unblocked_and_paid(spare: float) -> None:
    for game in (*games("equal")[:60], *games("consistent")[:60]):
        rich = paying_for_all(game, spare)
        found, _ = stacks(rich, consistent_weights(rich), 1e-9)
        for stack in found:
            assert stack.payoffs is not None
            assert sum(stack.payoffs) == pytest.approx(rich.worths[rich.players.everyone])
            for part in proper_subsets(rich.players.everyone):
                inside = members(part)
                gamma, d = weights_within(rich, part), [rich.players.disagreement[i] for i in inside]
                net = (rich.worths[part] - sum(d)) / sum(gamma)
                asked = [own + w * net for own, w in zip(d, gamma, strict=True)]
                assert any(stack.payoffs[i] >= y - 1e-9 for i, y in zip(inside, asked, strict=True))


def test_theorem_3_as_printed_fails_for_pairs_only() -> None:
    """Its exceptions lack just the worth of some structure with three coalitions or more."""
    exceptions = 0
    pairs = load_instance("theorem-3-pairs").game
    tried = [
        *zip(games("equal"), reports("equal"), strict=True),
        *zip(games("consistent"), reports("consistent"), strict=True),
    ]
    for game, rows in [(pairs, report(pairs)), *tried]:
        printed, true = of_all(game, rows, "theorem-3-printed"), of_all(game, rows, "theorem-3")
        assert true["holds"]
        if not printed["holds"]:
            exceptions += 1
            assert true["lacking"].startswith("worth of ")
            assert true["lacking"].count("|") >= 2
    assert exceptions >= 1


def test_only_strict_subcoalitions_need_consistent_weights() -> None:
    """How N weighs its members has no part in whether N is viable."""
    for game in games("equal")[:60]:
        rich = paying_for_all(game, 0.0)
        own = {rich.players.everyone: tuple(range(1, len(rich.players) + 1))}
        odd = CharacteristicFunctionGame(rich.players, rich.worths, own)
        row = of_all(odd, report(odd), "theorem-3")
        assert row["hypothesis"]
        assert row["conclusion"]


# --- the question that the paper leaves open --------------------------------------------------------------------------


def test_every_structure_of_largest_worth_is_viable_with_consistent_weights() -> None:
    for kind in ("equal", "consistent"):
        for game, rows in zip(games(kind), reports(kind), strict=True):
            row = of_all(game, rows, "efficient-structures")
            assert row["hypothesis"]
            assert row["conclusion"]
    assert all(of_all(game, report(game), "efficient-structures")["holds"] for game in map(game_of, CASES))


def test_with_inconsistent_weights_no_efficient_structure_need_be_viable() -> None:
    """Majority of five as shipped, with N worth 1.05 and not 1: only N is efficient, and it requires 1.08."""
    game = load_instance("majority-5-inconsistent-weights").game
    dearer = CharacteristicFunctionGame(game.players, {**game.worths, 31: 1.05}, game.coalition_weights)
    row = of_all(dearer, report(dearer), "efficient-structures")
    assert row["lacking"] == "1+2+3: weights"
    assert row["witness"] == "1+2+3+4+5: not viable"


def test_the_coarsest_viable_structure_need_not_be_efficient() -> None:
    game = load_instance("coarsest-inefficient").game
    rows = report(game)
    assert of_all(game, rows, "efficient-structures")["conclusion"]
    assert of_all(game, rows, "theorem-3")["witness"] == "0.05 0.6 0.05 0.6 < 1+2|3+4"


# --- theorem 4 --------------------------------------------------------------------------------------------------------


def test_theorem_4_when_the_best_product_is_positive() -> None:
    """Every coalition of 120 games with equal weights; where the product is zero, inclusion fails now and then."""
    seen = Counter()
    for rows in reports("equal"):
        for (statement, _), row in rows.items():
            if statement == "theorem-4":
                assert row["holds"]
                seen[row["hypothesis"], row["conclusion"]] += 1
    assert seen[True, True] > 1900
    assert seen[True, False] == 0
    assert seen[False, True] > 100


def cheapest(game: CharacteristicFunctionGame) -> Fraction:
    """Return the least total, net of d = 0, that equal division leaves unblocked: the cheapest chain."""
    highest = highest_averages(game, game.players.everyone, rational=True)
    cost = [Fraction(0)]
    for r in range(1, len(highest)):
        cost.append(highest[r] + min(cost[r ^ (1 << k)] for k in members(r)))
    return cost[-1]


def without_slack(seed: int, count: int) -> Iterator[CharacteristicFunctionGame]:
    """Yield games in which N is worth just what it requires, in whole numbers."""
    for game in random_games(seed, count, (4, 5)):
        worths = {s: float(round(4 * v) * s.bit_count()) for s, v in game.worths.items()}
        for i in range(2):
            worths[1 << i] = 0.0
        tight = CharacteristicFunctionGame(game.players, worths)
        worth = float(cheapest(tight))
        if fraction_of(worth) == cheapest(tight):
            yield CharacteristicFunctionGame(game.players, {**worths, game.players.everyone: worth})


def test_with_a_zero_product_inclusion_holds_iff_the_unblocked_set_has_no_two_that_compare() -> None:
    """All of U* is then the solution, and E = L(U*)."""
    seen = Counter()
    for game in (load_instance("theorem-4-zero-product").game, *without_slack(8, 120)):
        solved, everyone = solved_exactly(game), game.players.everyone
        if solved.division(everyone).zero_product:
            solutions = [tuple(x for _, x in s) for s in solved.solutions(everyone)]
            included = len(lorenz_maximal(solutions)) == len(solutions)
            row = report(game)["theorem-4", game.players.coalition_name(everyone)]
            assert row["lacking"].endswith(": product")
            assert row["conclusion"] == included
            seen[included] += 1
    assert seen[True] >= 10
    assert seen[False] >= 2


def test_theorem_4_second_part() -> None:
    """Superadditive over partitions, every coalition is viable: raise worths to those of partitions."""
    for game in games("equal")[::2]:
        worths: dict[int, float] = {}
        for s in sorted(game.worths, key=int.bit_count):
            best = max((fraction_of(worths[t]) + fraction_of(worths[s ^ t]) for t in proper_subsets(s)), default=0)
            worths[s] = float(max(fraction_of(game.worths[s]), best))
        row = of_all(game, report(CharacteristicFunctionGame(game.players, worths)), "theorem-4-nonempty")
        assert row["hypothesis"]
        assert row["conclusion"]


# --- corollary 2 ------------------------------------------------------------------------------------------------------


def comparable_games(seed: int, count: int) -> Iterator[CharacteristicFunctionGame]:
    """Yield games of strength and size: worth grows with total strength among coalitions of a size."""
    draw = random.Random(seed)
    for k in range(count):
        n = 3 + k % 3
        strength = [draw.choice([0, 1, 1, 2, 3]) for _ in range(n)]
        ladder = {size: sorted(draw.randint(0, 6) for _ in range(sum(strength) + 1)) for size in range(1, n + 1)}
        worths = {
            s: float(ladder[s.bit_count()][sum(strength[i] for i in members(s))] * s.bit_count())
            for s in range(1, 1 << n)
        }
        game = CharacteristicFunctionGame(Players.of(n), worths)
        if k % 2:
            worths[game.players.everyone] = float(cheapest(game))
        yield CharacteristicFunctionGame(Players.of(n), worths)


def test_corollary_2_solutions_are_permutations_when_all_players_are_comparable() -> None:
    """Zero products included, which the proof by theorem 4 does not cover."""
    seen = Counter()
    for game in comparable_games(5, 120):
        solved = solved_exactly(game)
        row = of_all(game, report(game), "corollary-2")
        assert row["hypothesis"]
        assert row["conclusion"]
        division = solved.division(game.players.everyone)
        seen[division.zero_product, min(len(division.solutions), 2)] += 1
    assert min(seen[True, 2], seen[False, 2], seen[False, 1]) >= 5


def test_corollary_2_needs_comparable_players() -> None:
    row = of_all(game := load_instance("tie-not-permutation").game, report(game), "corollary-2")
    assert row["lacking"] == "order of 1 and 2"
    assert row["witness"] == "2 6 6 9 <> 3 9 8 3"
    for random_game, rows in zip(games("equal"), reports("equal"), strict=True):
        assert of_all(random_game, rows, "corollary-2")["holds"]


def test_desirability_by_hand() -> None:
    """Weighted majority 3; 2, 1, 1: player 1 wins with either other, they only together with 1."""
    worths = {1: 0.0, 2: 0.0, 4: 0.0, 3: 1.0, 5: 1.0, 6: 0.0, 7: 1.0}
    game = CharacteristicFunctionGame(Players.of("abc"), worths)
    table = theorem_report(game, solved_exactly(game), Fraction(0), rational=True)["desirability"]
    found = {(r["player"], r["other"]): r["at_least_as_desirable"] for r in table.to_dict("records")}
    assert found == {(i, j): (i, j) not in {("b", "a"), ("c", "a")} for i in "abc" for j in "abc" if i != j}
    line = table[(table["player"] == "b") & (table["other"] == "a")].iloc[0]
    assert (line["margin"], line["witness"]) == (-1.0, "a+c")


# --- the answer, its text and its verification ------------------------------------------------------------------------


def answer_tables(name: str) -> tuple[CharacteristicFunctionGame, dict[str, pd.DataFrame]]:
    game = load_instance(name).game
    answer = solve_characteristic(game, HowToSolve(verify=False))
    return game, {key: frame.copy() for key, frame in answer.tables.items()}


def test_every_answer_reports_the_theorems_in_print() -> None:
    text = answer_text(solve_characteristic(load_instance("theorem-4-zero-product").game))
    (line,) = [line for line in text.splitlines() if line.startswith("  theorem-4-printed")]
    assert line.split(None, 3) == ["theorem-4-printed", "yes", "no", "1+2+3+4: 6 5 0 0 < 4 1 0 6"]


def test_answers_without_detail_leave_the_theorems_out() -> None:
    answer = solve_characteristic(load_instance("example-6").game, HowToSolve(detail="none"))
    assert not {"theorems", "desirability"} & set(answer.tables)


@pytest.mark.parametrize("kind", ["equal", "consistent", "inconsistent"])
def test_reports_are_verified(kind: str) -> None:
    for game in games(kind)[:18]:
        answer = solve_characteristic(game, HowToSolve(verify=False))
        checks = verify_characteristic(game, answer.tables, answer.certificate.claims).checks
        assert checks.loc[checks["failed"] > 0, ["claim", "detail"]].to_numpy().tolist() == []


def claims_that_fail(name: str, change) -> set[str]:
    game, tables = answer_tables(name)
    change(tables)
    checks = verify_characteristic(game, tables, {}).checks
    return set(checks.loc[checks["failed"] > 0, "claim"])


def overwrite(table: str, statement: str, **cells):
    def change(tables) -> None:
        frame = tables[table]
        for column, value in cells.items():
            frame.loc[frame["statement"] == statement, column] = value

    return change


@pytest.mark.parametrize("name", ["theorem-4-zero-product", "coarsest-inefficient", "theorem-3-pairs"])
def test_nothing_fails_untouched(name: str) -> None:
    assert claims_that_fail(name, lambda tables: None) == set()


TAMPERED = {
    "holds": (overwrite("theorems", "theorem-3", holds=False), "a theorem holds unless only its hypothesis is true"),
    "hypothesis": (overwrite("theorems", "theorem-3", hypothesis=True, lacking=None), "hypotheses of theorems"),
    "conclusion": (overwrite("theorems", "theorem-3", conclusion=True, witness=None), "conclusions of theorems"),
    "unsaid": (
        overwrite("theorems", "theorem-3", witness=None),
        "what a theorem lacks, and what shows that it fails, is said",
    ),
    "lacking": (overwrite("theorems", "theorem-3", lacking="worth of 1+3|2+4"), "what a hypothesis lacks"),
    "no order": (overwrite("theorems", "corollary-2", lacking="order of 1 and 9"), "what a hypothesis lacks"),
    "structure": (
        overwrite("theorems", "theorem-3", witness="4 0 1 6 < 1+3|2+4"),
        "witnesses against conclusions",
    ),
    "not a solution": (
        overwrite("theorems", "theorem-4-printed", witness="1+2+3+4: 5 5 0 1 < 4 1 0 6"),
        "witnesses against conclusions",
    ),
    "not more equal": (
        overwrite("theorems", "theorem-4-printed", witness="1+2+3+4: 4 1 0 6 < 6 5 0 0"),
        "witnesses against conclusions",
    ),
    "blocked": (
        overwrite("theorems", "theorem-4-printed", witness="1+2+3+4: 6 5 0 0 < 3 3 3 2"),
        "witnesses against conclusions",
    ),
    "viable": (
        overwrite("theorems", "theorem-4-nonempty", witness="1+4: not viable"),
        "witnesses against conclusions",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_found(what: str) -> None:
    change, claim = TAMPERED[what]
    assert claim in claims_that_fail("theorem-4-zero-product", change)


def test_a_missing_theorem_is_found() -> None:
    def change(tables) -> None:
        tables["theorems"] = tables["theorems"][tables["theorems"]["statement"] != "corollary-2"]

    assert "every theorem listed once" in claims_that_fail("example-6", change)


def test_a_changed_desirability_is_found() -> None:
    def flag(tables) -> None:
        tables["desirability"]["at_least_as_desirable"] = ~tables["desirability"]["at_least_as_desirable"]

    def margin(tables) -> None:
        tables["desirability"]["margin"] += 0.1

    for change in (flag, margin):
        assert claims_that_fail("example-6", change) == {"desirability of players"}


def test_page() -> None:
    pairs = run_page("theorems")
    assert len(pairs) >= 1
    for expected, found in pairs:
        assert found == expected
