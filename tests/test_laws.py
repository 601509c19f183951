"""Laws of the coalitional Nash solution, on random games: the axioms of theorem 1 and what follows from the definition.

Every law is tried on the exact search with many games and on the models with a few.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from threat_cases import assert_same_payoffs, block_problems, by_brute_force, payoffs_of

from breakaway.runners.division import BlockProblem, Divider, divide_exactly
from breakaway.runners.model_division import model_divider

EXACT_EXAMPLES = settings(max_examples=150, deadline=None)
MODEL_EXAMPLES = settings(max_examples=10, deadline=None)
BY_MODEL = model_divider()


def both(law):
    """Try a law on either method."""

    def by_exact_search() -> None:
        EXACT_EXAMPLES(given(st.data())(lambda data: law(divide_exactly, data)))()

    def by_model() -> None:
        MODEL_EXAMPLES(given(st.data())(lambda data: law(BY_MODEL, data)))()

    @pytest.mark.parametrize("run", [by_exact_search, by_model], ids=["exact", "model"])
    def test(run) -> None:
        run()

    test.__doc__ = law.__doc__
    return test


@both
def test_affine_invariance(divide: Divider, data: st.DataObject) -> None:
    """Axiom Inv: payoffs y_i = a_i + b x_i; a common b keeps the worth transferable."""
    problem = data.draw(block_problems())
    shifts = data.draw(st.lists(st.integers(-8, 8), min_size=len(problem.positions), max_size=len(problem.positions)))
    factor = data.draw(st.sampled_from([0.25, 2.0, 10.0]))
    moved = replace(
        problem,
        disagreement=[a + factor * d for a, d in zip(shifts, problem.disagreement, strict=True)],
        worth=sum(shifts) + factor * problem.worth,
        clauses=[tuple((i, shifts[i] + factor * y) for i, y in clause) for clause in problem.clauses],
    )
    plain, image = divide(problem), divide(moved)
    assert image.viable == plain.viable
    assert float(image.required) == pytest.approx(sum(shifts) + factor * float(plain.required), abs=1e-6)
    expected = [[a + factor * x for a, x in zip(shifts, s, strict=True)] for s in payoffs_of(plain)]
    assert_same_payoffs(payoffs_of(image), expected, 1e-6)


@both
def test_independence_of_irrelevant_alternatives(divide: Divider, data: st.DataObject) -> None:
    """Axiom IIA: a new threat leaves just those solutions that it does not block, if it leaves any.

    A threat cuts allocations off the unblocked set, as a smaller feasible set does.
    """
    problem = data.draw(block_problems())
    plain = divide(problem)
    assume(len(plain.solutions) > 0 and not plain.zero_product)
    members = data.draw(st.lists(st.sampled_from(problem.positions), min_size=1, unique=True))
    assume(len(members) < len(problem.positions))
    extra = tuple((i, problem.disagreement[i] + data.draw(st.integers(0, 8)) / 2) for i in sorted(members))
    kept = [s for s in plain.solutions if any(dict(s)[i] >= y - problem.eps for i, y in extra)]
    assume(len(kept) > 0)
    smaller = divide(replace(problem, clauses=[*problem.clauses, extra]))
    assert_same_payoffs(payoffs_of(smaller), [[float(y) for _, y in s] for s in kept])
    assert smaller.log_product == pytest.approx(plain.log_product, abs=1e-8)


@both
def test_removing_a_threat_never_hurts(divide: Divider, data: st.DataObject) -> None:
    """The best product does not fall and the required worth does not rise when a threat is removed."""
    problem = data.draw(block_problems())
    assume(len(problem.clauses) > 0)
    gone = data.draw(st.integers(0, len(problem.clauses) - 1))
    rest = replace(problem, clauses=[c for k, c in enumerate(problem.clauses) if k != gone])
    plain, freer = divide(problem), divide(rest)
    assert float(freer.required) <= float(plain.required) + 1e-9
    assert freer.viable or not plain.viable
    assert freer.log_product >= plain.log_product - 1e-9


@both
def test_relabelling_of_players(divide: Divider, data: st.DataObject) -> None:
    """Names do not matter: a permutation of the players permutes the solutions."""
    problem = data.draw(block_problems())
    image = data.draw(st.permutations(problem.positions))
    back = sorted(problem.positions, key=lambda i: image[i])
    renamed = replace(
        problem,
        weights=[problem.weights[i] for i in back],
        disagreement=[problem.disagreement[i] for i in back],
        clauses=[tuple(sorted((image[i], y) for i, y in clause)) for clause in problem.clauses],
    )
    plain, other = divide(problem), divide(renamed)
    assert float(other.required) == pytest.approx(float(plain.required), abs=1e-9)
    assert_same_payoffs(payoffs_of(other), [[s[i] for i in back] for s in payoffs_of(plain)])


@both
def test_a_threat_that_does_not_bind_changes_nothing(divide: Divider, data: st.DataObject) -> None:
    """A threat that asks a member for no more than another threat asks of fewer members is idle."""
    problem = data.draw(block_problems())
    assume(len(problem.clauses) > 0)
    model = data.draw(st.sampled_from(problem.clauses))
    weaker = {i: y - data.draw(st.integers(0, 2)) / 2 for i, y in model}
    others = [i for i in problem.positions if i not in weaker]
    assume(len(others) > 1)
    joined = {**weaker, others[0]: problem.disagreement[others[0]] + data.draw(st.integers(0, 8)) / 2}
    plain, more = divide(problem), divide(replace(problem, clauses=[*problem.clauses, tuple(sorted(joined.items()))]))
    assert float(more.required) == pytest.approx(float(plain.required), abs=1e-9)
    assert more.log_product == plain.log_product or more.log_product == pytest.approx(plain.log_product, abs=1e-9)
    assert_same_payoffs(payoffs_of(more), payoffs_of(plain))


@both
def test_more_worth_is_never_worse(divide: Divider, data: st.DataObject) -> None:
    """The required worth does not depend on the worth, and the best product grows with it."""
    problem = data.draw(block_problems())
    richer = replace(problem, worth=problem.worth + data.draw(st.integers(1, 8)) / 4)
    plain, other = divide(problem), divide(richer)
    assert float(other.required) == pytest.approx(float(plain.required), abs=1e-9)
    if plain.viable:
        assert other.viable
        assert other.log_product > plain.log_product


@both
def test_every_choice_of_members_by_brute_force(divide: Divider, data: st.DataObject) -> None:
    """The unblocked set is a union of boxes, one for each choice of who meets which threat."""
    problem: BlockProblem = data.draw(block_problems(most_threats=5))
    required, solutions, best = by_brute_force(problem)
    division = divide(problem)
    assert float(division.required) == pytest.approx(required, abs=1e-7)
    assert division.viable == (required <= problem.worth + problem.eps)
    assert_same_payoffs(payoffs_of(division), solutions)
    assert division.log_product == best or division.log_product == pytest.approx(best, abs=1e-8)
    assert division.zero_product == (division.viable and best == -math.inf)
