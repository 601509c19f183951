"""The model that searches for unacceptable deceptions."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from implementation_cases import deception_of, random_environment, reference_environments

from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import (
    Deception,
    PayoffEnvironment,
    anything,
    truthful,
    unacceptable_reports,
)
from breakaway.models import deception_search
from breakaway.models.deception_search import Clause
from breakaway.runners.implementation.enumeration import all_deceptions
from breakaway.runners.solvers import InfeasibleError, solve_model

EXAMPLE_2 = reference_environments()["RI-ex2"][0]


def is_settled(deception: Deception, clause: Clause) -> bool:
    """Tell by the definition whether a clause forbids a deception."""
    told = zip(members(clause.coalition), clause.true, clause.reported, strict=True)
    outsiders = [j for j in range(len(deception)) if not clause.coalition >> j & 1]
    return all(r in deception[i][t] for i, t, r in told) and all(
        own <= room for j in outsiders for own, room in zip(deception[j], clause.room[j], strict=True)
    )


def number_of_reports(deception: Deception) -> int:
    return sum(len(reports) for own in deception for reports in own)


def random_clauses(environment: PayoffEnvironment, seed: int, count: int) -> list[Clause]:
    rng = np.random.default_rng(seed)
    rooms = list(all_deceptions(environment.sizes))
    found = []
    for _ in range(count):
        coalition = int(rng.integers(1, 1 << len(environment)))
        profiles = environment.coalition_profiles(coalition)
        true, reported = (profiles[int(k)] for k in rng.integers(len(profiles), size=2))
        found.append(Clause(coalition, true, reported, rooms[int(rng.integers(len(rooms)))]))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13])
def test_the_largest_deception_left_is_that_of_enumeration(seed: int) -> None:
    environment = random_environment(seed, agents=2, types=2)
    assert environment.differs.any()
    clauses = random_clauses(environment, seed, count=4 * seed)
    left = [
        number_of_reports(deception)
        for deception in all_deceptions(environment.sizes)
        if len(unacceptable_reports(environment, deception))
        and not any(is_settled(deception, clause) for clause in clauses)
    ]
    model = deception_search.build(environment, clauses=clauses)
    if not left:
        with pytest.raises(InfeasibleError):
            solve_model(model, solver="highs")
        return
    outcome = solve_model(model, solver="highs")
    found = deception_search.found_deception(model, environment)
    assert outcome.objective == pytest.approx(max(left), abs=1e-6)
    assert number_of_reports(found) == max(left)
    assert len(unacceptable_reports(environment, found)) > 0
    assert not any(is_settled(found, clause) for clause in clauses)


def test_a_change_is_found_where_clauses_leave_only_few() -> None:
    pairs = [(p, q) for p, q in np.argwhere(EXAMPLE_2.differs).tolist()]
    clauses = {
        (p, q): Clause(0b11, tuple(EXAMPLE_2.profiles[p]), tuple(EXAMPLE_2.profiles[q]), anything(EXAMPLE_2.sizes))
        for p, q in pairs
    }
    assert len(clauses) == 10
    with pytest.raises(InfeasibleError):
        solve_model(deception_search.build(EXAMPLE_2, clauses=list(clauses.values())), solver="highs")
    both_always_high = [clause for (_, q), clause in clauses.items() if q != 3]
    model = deception_search.build(EXAMPLE_2, clauses=both_always_high)
    solve_model(model, solver="highs")
    found = deception_search.found_deception(model, EXAMPLE_2)
    assert unacceptable_reports(EXAMPLE_2, found).tolist() == [[0, 3], [1, 3], [2, 3]]


def test_the_search_stays_within_a_deception() -> None:
    within = deception_of([[[1, 2], [2]], [[1], [2]]])
    model = deception_search.build(EXAMPLE_2, within=within)
    solve_model(model, solver="highs")
    assert deception_search.found_deception(model, EXAMPLE_2) == within


def test_a_clause_on_a_lie_that_is_not_looked_at_adds_nothing() -> None:
    within = deception_of([[[1, 2], [2]], [[1], [2]]])
    model = deception_search.build(EXAMPLE_2, within=within)
    deception_search.add_clause(model, EXAMPLE_2, Clause(0b10, (0,), (1,), within))
    assert len(model.clause) == 0
    deception_search.add_clause(model, EXAMPLE_2, Clause(0b01, (0,), (1,), within))
    assert len(model.clause) == 1


def test_nothing_to_search_where_all_is_acceptable() -> None:
    with pytest.raises(ValueError, match="every deception within the given one is acceptable"):
        deception_search.build(EXAMPLE_2, within=truthful(EXAMPLE_2.sizes))


def golden_models() -> dict[str, pyo.ConcreteModel]:
    room = deception_of([[[1], [2]], [[1, 2], [2]]])
    clauses = [Clause(0b01, (0,), (1,), room), Clause(0b11, (0, 0), (1, 1), room)]
    within = deception_of([[[1, 2], [2]], [[1, 2], [1, 2]]])
    return {
        "clauses": deception_search.build(EXAMPLE_2, clauses=clauses),
        "within": deception_search.build(EXAMPLE_2, within=within),
    }


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("deception_search", name)


def test_every_constraint_has_a_golden_text() -> None:
    assert golden_names("deception_search") == set(golden_models())


def test_page() -> None:
    pairs = run_page("deception_search")
    assert len(pairs) >= 2
    for expected, found in pairs:
        assert found == expected
