"""Branch and bound over the unblocked set, and the closed forms under it, against brute force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from brute_force import chained_problems, in_floats, minimal_bounds, renamed, shared, solve, unchained
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from breakaway.runners.cover import Cover
from breakaway.runners.division import BlockProblem, divide_exactly, normalise
from breakaway.runners.search import (
    Clause,
    LeastTotal,
    NashProduct,
    Search,
    SearchLimitError,
    undominated,
    water_filling,
)

MANY = settings(max_examples=80, deadline=None)


def exactly(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(values)


def rounded(allocations: Sequence[Sequence[Any]]) -> set[tuple[float, ...]]:
    return {tuple(round(float(y), 8) + 0.0 for y in x) for x in allocations}


# --- water-filling -------------------------------------------------------------------------------------------------


def test_water_filling_by_hand() -> None:
    """Lower bound 5 binds, the other 4 are shared 1 to 3."""
    share, level = water_filling([0, 1, 2], [1, 1, 3], [5, 0, Fraction(0)], Fraction(9))
    assert share == [5, 1, 3]
    assert level == 1


def test_water_filling_of_some_positions() -> None:
    share, level = water_filling([0, 2], [1, 100, 1], [0, 7, 0], Fraction(3))
    assert share == [Fraction(3, 2), 0, Fraction(3, 2)]
    assert level == Fraction(3, 2)


def test_water_filling_of_the_bounds_alone() -> None:
    assert water_filling([0, 1], [1, 1], [Fraction(2), Fraction(3)], Fraction(5))[0] == [2, 3]


@given(st.integers(1, 5), st.data())
@MANY
def test_water_filling_by_brute_force(n: int, data: st.DataObject) -> None:
    fractions = st.builds(Fraction, st.integers(0, 12), st.sampled_from([1, 2, 3]))
    lower = tuple(data.draw(st.lists(fractions, min_size=n, max_size=n)))
    weights = data.draw(st.lists(st.sampled_from([1, 2, 3]), min_size=n, max_size=n))
    budget = sum(lower) + data.draw(fractions)
    share, level = water_filling(range(n), weights, lower, budget)
    assume(budget > 0)
    assert exactly(share) == shared(lower, [Fraction(w) for w in weights], budget)
    assert sum(share) == budget
    assert all(x == max(low, w * level) for x, low, w in zip(share, lower, weights, strict=True))


# --- the search ----------------------------------------------------------------------------------------------------


def searched(problem: BlockProblem, *, nash: bool, **options: Any) -> Search:
    """Return a search over a problem, net of disagreement."""
    net = normalise(problem)
    least = LeastTotal(problem.positions, tie=problem.eps)
    best = NashProduct(problem.positions, problem.weights, net.budget, slack=problem.eps)
    return Search(best if nash else least, net.clauses, problem.eps, problem.follower, **options)


@given(chained_problems())
@MANY
def test_least_total_by_brute_force(problem: BlockProblem) -> None:
    """In fractions every cheapest allocation is found, ties included."""
    net = normalise(problem)
    boxes = minimal_bounds(tuple(net.lower), net.clauses, problem.follower)
    least = min(map(sum, boxes))
    every = searched(problem, nash=False).run(net.lower)
    assert every is not None
    assert every.value == -least
    assert set(every.allocations) == {box for box in boxes if sum(box) == least}
    one = searched(problem, nash=False, every=False).run(net.lower)
    assert one is not None
    assert one.value == -least
    assert len(one.allocations) == 1
    assert one.allocations[0] in every.allocations


@given(chained_problems(), st.booleans())
@MANY
def test_all_maximisers_by_brute_force(problem: BlockProblem, floats: bool) -> None:
    truth = solve(problem)
    assume(truth.viable and truth.product > 0)
    asked = in_floats(problem) if floats else problem
    optimum = searched(asked, nash=True).run(normalise(asked).lower)
    assert optimum is not None
    assert optimum.value == pytest.approx(math.log(truth.product), abs=1e-9)
    net = [[a - b for a, b in zip(x, problem.disagreement, strict=True)] for x in truth.solutions]
    assert rounded(optimum.allocations) == rounded(net)
    for x, lower in zip(optimum.allocations, optimum.lower_bounds, strict=True):
        assert all(a >= b - 1e-9 for a, b in zip(x, lower, strict=True))


@given(chained_problems())
@MANY
def test_nothing_is_found_when_nothing_fits(problem: BlockProblem) -> None:
    truth, net = solve(problem), normalise(problem)
    assume(not truth.viable)
    assert searched(problem, nash=True).run(net.lower) is None
    capped = Search(LeastTotal(problem.positions, cap=net.budget), net.clauses, 0, problem.follower)
    assert capped.run(net.lower) is None


@given(chained_problems(most_threats=8), st.booleans())
@MANY
def test_an_oracle_that_tells_threats_one_by_one(problem: BlockProblem, nash: bool) -> None:
    """Threats found when a candidate violates them give the same optima as threats known from the start."""
    net = normalise(problem)
    known = searched(problem, nash=nash).run(net.lower)
    calls: list[Clause] = []

    def oracle(x: Sequence[Any]) -> Clause | None:
        broken = next((c for c in net.clauses if all(x[i] < tau for i, tau in c)), None)
        calls.extend([] if broken is None else [broken])
        return broken

    asked = replace(problem, clauses=[((i, net.lower[i] + d),) for i, d in enumerate(problem.disagreement)])
    lazy = searched(asked, nash=nash, oracle=oracle)
    found = lazy.run(net.lower)
    assert (found is None) == (known is None)
    assert len(set(calls)) == len(calls)
    if known is not None and found is not None:
        assert found.value == pytest.approx(known.value, abs=1e-12)
        assert rounded(found.allocations) == rounded(known.allocations)
        assert found.clauses == calls


def stopped(problem: BlockProblem, limit: int, *, nash: bool) -> SearchLimitError | None:
    """Return how a search with a node limit ends."""
    try:
        searched(problem, nash=nash, node_limit=limit).run(normalise(problem).lower)
    except SearchLimitError as error:
        return error
    return None


@given(chained_problems(most_threats=9), st.integers(0, 3), st.booleans())
@MANY
def test_a_limit_carries_what_is_proven(problem: BlockProblem, limit: int, nash: bool) -> None:
    full = searched(problem, nash=nash).run(normalise(problem).lower)
    error = stopped(problem, limit, nash=nash)
    if error is not None and full is not None:
        assert error.bound >= full.value - 1e-12
        assert error.best is None or error.best <= full.value + 1e-12


def test_a_limit_that_is_reached() -> None:
    """Threats by threes of five: ten nodes are needed, one is allowed."""
    clauses = [
        tuple((i, 1.0 + (i * number % 7) / 3) for i in coalition)
        for number, coalition in enumerate(combinations(range(5), 3))
    ]
    problem = BlockProblem(tuple(range(5)), [1.0] * 5, [0.0] * 5, 9.0, clauses, 1e-9)
    full = searched(problem, nash=True).run([0.0] * 5)
    error = stopped(problem, 0, nash=True)
    assert full is not None
    assert str(error) == "no proof within 0 nodes"
    assert error is not None
    assert full.value <= error.bound < math.inf
    assert error.best is None or error.best <= full.value


def test_a_tie_in_fractions_is_not_lost_to_rounding() -> None:
    """Either both take 10/3, or the second takes 5 and the third 5/3: two ways of the same total."""
    clauses: list[Clause] = [
        ((0, Fraction(2)), (2, Fraction(5, 3))),
        ((0, Fraction(10, 3)), (1, Fraction(5))),
    ]
    search = Search(LeastTotal((0, 1, 2)), clauses, 0, follower=(1, -1, -1))
    found = search.run([Fraction(0)] * 3)
    assert found is not None
    assert found.value == -Fraction(20, 3)
    assert set(found.allocations) == {(Fraction(10, 3), Fraction(10, 3), 0), (0, 5, Fraction(5, 3))}


# --- the searches agree --------------------------------------------------------------------------------------------


@given(chained_problems())
@MANY
def test_identical_players_are_all_their_renamings(problem: BlockProblem) -> None:
    """A chain stands for players with names: the required worth is equal, and so are solutions up to renaming."""
    assume(problem.follower is not None)
    chained, named = divide_exactly(problem), divide_exactly(unchained(problem))
    assert chained.required == named.required
    assert chained.viable == named.viable
    assert chained.zero_product == named.zero_product
    by_chain = renamed(problem, [exactly(y for _, y in x) for x in chained.solutions])
    assert by_chain == {exactly(y for _, y in x) for x in named.solutions}


@given(chained_problems())
@MANY
def test_branch_and_bound_and_the_cover_agree(problem: BlockProblem) -> None:
    floats = in_floats(problem)
    net = normalise(floats)
    cover = Cover(net.lower, net.clauses, floats.eps, floats.follower)
    costs = [[tau - taus[0] for tau in taus] for taus in cover.thresholds]
    found = searched(floats, nash=False, every=False).run(net.lower)
    assert found is not None
    assert -found.value == pytest.approx(sum(net.lower) + cover.least(costs)[0], abs=1e-9)


@given(chained_problems())
@MANY
def test_floats_and_fractions_agree(problem: BlockProblem) -> None:
    exact, floats = divide_exactly(problem), divide_exactly(in_floats(problem))
    assert floats.viable == exact.viable
    assert floats.required == pytest.approx(float(exact.required), abs=1e-9)
    assert floats.zero_product == exact.zero_product
    assert len(floats.solutions) == len(exact.solutions)
    assert rounded([[y for _, y in x] for x in floats.solutions]) == rounded(
        [[y for _, y in x] for x in exact.solutions]
    )
    if exact.log_product > -math.inf:
        assert floats.log_product == pytest.approx(exact.log_product, abs=1e-9)


# --- zero products -------------------------------------------------------------------------------------------------


def majority(n: int, worth: Fraction) -> BlockProblem:
    """Every smallest majority of n players shares 1 equally."""
    size = n // 2 + 1
    coalitions = [s for s in range(1 << n) if s.bit_count() == size]
    clauses = [tuple((i, Fraction(1, size)) for i in range(n) if s >> i & 1) for s in coalitions]
    return BlockProblem(tuple(range(n)), [1] * n, [Fraction(0)] * n, worth, clauses, 0)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_a_majority_game_returns_the_whole_finite_unblocked_set(n: int) -> None:
    """n - n//2 players must get 1 / (n//2 + 1) each; with no more to share, the others get nothing."""
    size, asked = n // 2 + 1, n - n // 2
    division = divide_exactly(majority(n, Fraction(asked, size)))
    assert division.viable
    assert division.required == Fraction(asked, size)
    assert division.zero_product
    assert division.complete
    assert division.log_product == -math.inf
    assert len(division.solutions) == math.comb(n, asked)
    for x in division.solutions:
        assert sorted(y for _, y in x) == [0] * (n - asked) + [Fraction(1, size)] * asked
    floats = divide_exactly(in_floats(majority(n, Fraction(asked, size))))
    assert floats.zero_product
    assert len(floats.solutions) == math.comb(n, asked)


def test_a_majority_game_with_more_to_share_has_a_positive_product() -> None:
    division = divide_exactly(majority(3, Fraction(11, 10)))
    assert not division.zero_product
    assert [exactly(y for _, y in x) for x in division.solutions] == [
        (Fraction(1, 10), Fraction(1, 2), Fraction(1, 2)),
        (Fraction(1, 2), Fraction(1, 10), Fraction(1, 2)),
        (Fraction(1, 2), Fraction(1, 2), Fraction(1, 10)),
    ]


def test_only_some_of_the_unblocked_allocations_have_a_positive_product() -> None:
    """Without slack the product is compared among the cheapest: (2, 2) beats (4, 0)."""
    clauses: list[Clause] = [((0, Fraction(4)), (1, Fraction(2))), ((0, Fraction(2)),)]
    division = divide_exactly(BlockProblem((0, 1), [1, 1], [Fraction(0)] * 2, Fraction(4), clauses, 0))
    assert division.required == 4
    assert not division.zero_product
    assert division.solutions == (((0, 2), (1, 2)),)


# --- undominated threats -------------------------------------------------------------------------------------------


@given(st.integers(1, 3), st.data())
@MANY
def test_undominated_threats_are_the_hardest(members: int, data: st.DataObject) -> None:
    payoffs = st.tuples(*[st.integers(0, 4)] * members)
    asked = data.draw(st.lists(payoffs, min_size=1, max_size=8, unique=True))
    clauses = [exactly(enumerate(own)) for own in asked]
    hardest = {
        clause
        for clause, own in zip(clauses, asked, strict=True)
        if not any(o != own and all(a >= b for a, b in zip(o, own, strict=True)) for o in asked)
    }
    found = undominated(clauses)
    assert set(found) == hardest
    assert len(found) == len(hardest)
