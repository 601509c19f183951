"""The dynamic programme over ways of meeting threats, and the priced search, against brute force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from brute_force import chained_problems, in_floats, minimal_bounds, raised, shared, solve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from breakaway.runners import division
from breakaway.runners.cover import Cover, TooManyStatesError, essential, literals_by_position, met_at
from breakaway.runners.division import BlockProblem, divide_exactly, normalise
from breakaway.runners.pricing import PricedCover, price_between
from breakaway.runners.search import Clause, SearchLimitError

MANY = settings(max_examples=60, deadline=None)

TWO_PAIRS: list[Clause] = [((0, 3), (1, 2)), ((1, 5), (2, 1)), ((0, 2), (2, 4))]
"""By hand: 0 takes 3, then 2 takes 1 (total 4); or 0 takes 2, 1 takes 2, 2 takes 1 (5); 6 and 7 besides."""


def payments(cover: Cover) -> list[list[Any]]:
    return [[tau - taus[0] for tau in taus] for taus in cover.thresholds]


def covered(problem: BlockProblem) -> Cover:
    """Return the cover of a problem, net of disagreement and of threats that lower bounds meet."""
    net = normalise(problem)
    return Cover(net.lower, net.clauses, problem.eps, problem.follower)


def meets(x: Sequence[Any], clauses: Sequence[Clause]) -> bool:
    return all(any(x[i] >= tau for i, tau in clause) for clause in clauses)


def ascends(x: Sequence[Any], follower: Sequence[int] | None) -> bool:
    return follower is None or all(j == -1 or x[i] <= x[j] for i, j in enumerate(follower))


@st.composite
def costs_of(draw: st.DrawFn, cover: Cover) -> list[list[int]]:
    """Costs that ascend from 0, and ascend faster for none of the positions of a chain in particular."""
    result = []
    for taus in cover.thresholds:
        steps = draw(st.lists(st.integers(0, 5), min_size=len(taus) - 1, max_size=len(taus) - 1))
        result.append([0, *(sum(steps[: k + 1]) for k in range(len(steps)))])
    return result


def cost_of(cover: Cover, costs: Sequence[Sequence[Any]], x: Sequence[Any]) -> Any:
    return sum(own[taus.index(value)] for own, taus, value in zip(costs, cover.thresholds, x, strict=True))


# --- the cover -----------------------------------------------------------------------------------------------------


def test_two_ways_by_hand() -> None:
    cover = Cover([0, 0, 0], TWO_PAIRS, 0)
    assert cover.thresholds == [[0, 2, 3], [0, 2, 5], [0, 1, 4]]
    assert cover.least(payments(cover)) == (4, [3, 0, 1])
    found = [(cost, tuple(x)) for cost, x in cover.within(payments(cover))]
    assert found[0] == (4, (3, 0, 1))
    assert {(3, 0, 1), (2, 2, 1), (0, 2, 4), (2, 5, 0)} <= {x for _, x in found}
    assert [tuple(x) for _, x in cover.within(payments(cover), 3)] == []


def test_a_chain_is_raised_from_its_head() -> None:
    """Two identical players: who asks the lower one for 2 asks both."""
    cover = Cover([0, 0, 0], [((0, 2), (2, 3))], 0, follower=(1, -1, -1))
    assert cover.least(payments(cover)) == (3, [0, 0, 3])
    assert {tuple(x) for _, x in cover.within(payments(cover))} == {(0, 0, 3), (2, 2, 0)}


def test_no_clauses_cost_nothing() -> None:
    cover = Cover([1, 0], [], 0)
    assert cover.least(payments(cover)) == (0, [1, 0])
    assert list(cover.within(payments(cover))) == [(0, [1, 0])]


@given(chained_problems())
@MANY
def test_least_total_by_brute_force(problem: BlockProblem) -> None:
    cover = covered(problem)
    bounds = minimal_bounds(tuple(cover.lower), cover.clauses, problem.follower)
    cost, x = cover.least(payments(cover))
    assert cost == min(map(sum, bounds)) - sum(cover.lower)
    assert sum(x) - sum(cover.lower) == cost
    assert meets(x, cover.clauses)
    assert ascends(x, problem.follower)


@given(chained_problems(), st.data())
@MANY
def test_least_of_any_costs_by_brute_force(problem: BlockProblem, data: st.DataObject) -> None:
    cover = covered(problem)
    costs = data.draw(costs_of(cover))
    bounds = minimal_bounds(tuple(cover.lower), cover.clauses, problem.follower)
    cost, x = cover.least(costs)
    assert cost == min(cost_of(cover, costs, box) for box in bounds)
    assert cost_of(cover, costs, x) == cost
    assert meets(x, cover.clauses)


@given(chained_problems(), st.data())
@MANY
def test_within_lists_every_minimal_way_cheapest_first(problem: BlockProblem, data: st.DataObject) -> None:
    cover = covered(problem)
    costs = data.draw(st.one_of(st.just(payments(cover)), costs_of(cover)))
    bounds = minimal_bounds(tuple(cover.lower), cover.clauses, problem.follower)
    found = [(cost, tuple(x)) for cost, x in cover.within(costs)]
    assert all(one <= other for (one, _), (other, _) in pairwise(found))
    assert len({x for _, x in found}) == len(found)
    assert all(meets(x, cover.clauses) and cost == cost_of(cover, costs, x) for cost, x in found)
    assert bounds <= {x for _, x in found}
    limit = data.draw(st.sampled_from([cost for cost, _ in found]))
    cheap = [(cost, tuple(x)) for cost, x in cover.within(costs, limit)]
    assert sorted(cheap) == sorted(entry for entry in found if entry[0] <= limit)


@given(chained_problems(), st.data())
@MANY
def test_every_unblocked_allocation_is_above_a_way_listed(problem: BlockProblem, data: st.DataObject) -> None:
    cover = covered(problem)
    x = [data.draw(st.sampled_from([*taus, max(taus) + 1])) for taus in cover.thresholds]
    for i, j in enumerate(problem.follower or ()):
        if j != -1:
            x[j] = max(x[i], x[j])
    assume(meets(x, cover.clauses))
    ways = [way for _, way in cover.within(payments(cover))]
    assert any(all(a >= b for a, b in zip(x, way, strict=True)) for way in ways)


def test_a_threshold_counts_from_the_tolerance_on() -> None:
    """Player 0, raised to 1, meets a threat that asks for 1e-10 more, unless nothing is tolerated."""
    clauses: list[Clause] = [((0, 1.0), (1, 3.0)), ((0, 1.0 + 1e-10), (2, 0.5))]
    least = {tol: Cover([0.0] * 3, clauses, tol) for tol in (1e-9, 0.0)}
    assert least[1e-9].least(payments(least[1e-9])) == (1.0, [1.0, 0.0, 0.0])
    assert least[0.0].least(payments(least[0.0]))[1] == [1.0 + 1e-10, 0.0, 0.0]


def test_too_many_states_are_refused() -> None:
    with pytest.raises(TooManyStatesError, match="more than 2 states"):
        Cover([0, 0, 0], TWO_PAIRS, 0, limit=2)


def test_literals_and_masks_by_hand() -> None:
    asked = literals_by_position(TWO_PAIRS, 3)
    assert asked == [[(2, 2), (3, 0)], [(2, 0), (5, 1)], [(1, 1), (4, 2)]]
    assert met_at(asked[0], [0, 2, 3], 0) == [0b000, 0b100, 0b101]
    assert met_at(asked[0], [1.5, 2.5], 0.5) == [0b100, 0b101]


# --- essential threats ---------------------------------------------------------------------------------------------


def implies(harder: Clause, clause: Clause) -> bool:
    """A threat by fewer members, each of whom asks for at least as much."""
    asked = dict(clause)
    return all(i in asked and tau >= asked[i] for i, tau in harder)


@given(chained_problems(most_threats=9))
@MANY
def test_essential_threats_are_those_that_no_other_implies(problem: BlockProblem) -> None:
    distinct = list(dict.fromkeys(problem.clauses))
    expected = [c for c in distinct if not any(other != c and implies(other, c) for other in distinct)]
    assert sorted(essential(problem.clauses)) == sorted(expected)


@given(chained_problems(most_threats=9))
@MANY
def test_leaving_out_inessential_threats_changes_nothing(problem: BlockProblem) -> None:
    zero = (Fraction(0),) * len(problem.positions)
    kept = essential(problem.clauses)
    assert minimal_bounds(zero, kept, problem.follower) == minimal_bounds(zero, problem.clauses, problem.follower)


# --- the priced search ---------------------------------------------------------------------------------------------


def priced(problem: BlockProblem, limit: int = 10_000) -> PricedCover:
    net = normalise(problem)
    return PricedCover(problem.positions, problem.weights, net.budget, problem.eps, covered(problem), limit)


@given(chained_problems())
@MANY
def test_all_maximisers_by_brute_force(problem: BlockProblem) -> None:
    truth = solve(problem)
    assume(truth.viable and truth.required < problem.worth)
    d = problem.disagreement
    expected = {tuple(a - b for a, b in zip(x, d, strict=True)) for x in truth.solutions}
    for number in (problem, in_floats(problem)):
        optimum = priced(number).maximisers()
        assert optimum.value == pytest.approx(math.log(truth.product), abs=1e-9)
        found = {tuple(round(float(y), 8) for y in x) for x in optimum.allocations}
        assert found == {tuple(round(float(y), 8) for y in x) for x in expected}
    exact = priced(problem).maximisers()
    assert set(map(tuple, exact.allocations)) == expected


@given(chained_problems(), st.floats(0.01, 20.0))
@MANY
def test_any_price_bounds_the_product(problem: BlockProblem, price: float) -> None:
    truth = solve(problem)
    assume(truth.viable and truth.required < problem.worth)
    bound, spending = priced(in_floats(problem))._bound(price)
    assert bound >= math.log(truth.product) - 1e-9
    assert spending > 0


def test_too_many_boxes_carry_the_bound() -> None:
    problem = BlockProblem((0, 1, 2), [1.0] * 3, [0.0] * 3, 6.0, [((0, 3.0), (1, 2.5)), ((1, 3.0), (2, 3.0))], 1e-9)
    best = priced(problem).maximisers().value
    with pytest.raises(SearchLimitError, match="no proof within 0 boxes") as raised_error:
        priced(problem, limit=0).maximisers()
    assert raised_error.value.bound >= best - 1e-12
    assert raised_error.value.best is not None
    assert raised_error.value.best <= best + 1e-12


def test_prices_to_try() -> None:
    assert price_between(3.0, math.inf) == 6.0
    assert price_between(2.0, 8.0) == pytest.approx(4.0)


# --- the ways of division agree ------------------------------------------------------------------------------------


def assert_divides(problem: BlockProblem) -> None:
    """Compare the division of a problem in fractions with the truth, exactly."""
    truth, found = solve(problem), divide_exactly(problem)
    assert found.required == truth.required
    assert found.viable == truth.viable
    assert {tuple(y for _, y in x) for x in found.solutions} == truth.solutions
    assert len(found.solutions) == len(truth.solutions)
    assert found.zero_product == (truth.viable and truth.product == 0)
    if truth.product > 0:
        assert found.log_product == pytest.approx(math.log(truth.product), abs=1e-9)
        assert found.bound == pytest.approx(found.log_product, abs=1e-9)


@given(chained_problems())
@settings(max_examples=120, deadline=None)
def test_exact_division_by_brute_force(problem: BlockProblem) -> None:
    assert_divides(problem)


@given(chained_problems())
@settings(max_examples=120, deadline=None)
def test_branch_and_bound_takes_over_when_the_states_are_too_many(problem: BlockProblem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(division, "Cover", partial(Cover, limit=-1))
        assert_divides(problem)


@given(chained_problems(most_threats=9))
@settings(max_examples=120, deadline=None)
def test_threats_pooled_lazily(problem: BlockProblem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(division, "MOST_AT_ONCE", 1)
        patch.setattr(division, "MORE_EACH_ROUND", 1)
        assert_divides(problem)


@given(chained_problems(most_threats=9))
@MANY
def test_threats_pooled_lazily_for_branch_and_bound(problem: BlockProblem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(division, "MOST_AT_ONCE", 1)
        patch.setattr(division, "MORE_EACH_ROUND", 1)
        patch.setattr(division, "Cover", partial(Cover, limit=-1))
        assert_divides(problem)


def test_the_oracle_by_hand() -> None:
    """The brute force itself: raise 0 to 3 and share what is left of 10."""
    box = raised((Fraction(0),) * 3, 0, Fraction(3), None)
    assert box == (3, 0, 0)
    assert shared(box, [Fraction(1)] * 3, Fraction(7)) == (3, 2, 2)
    assert shared(box, [Fraction(1)] * 3, Fraction(12)) == (4, 4, 4)
    assert minimal_bounds((Fraction(0),) * 3, TWO_PAIRS) == {(3, 0, 1), (0, 2, 4), (2, 5, 0), (2, 2, 1)}
