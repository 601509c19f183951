"""Who can blow the whistle: reference cases, the definitions, and the models beside the specialised search."""

from __future__ import annotations

import pytest
from implementation_cases import Case, reference_cases

from breakaway.data.payoff_environment import Deception, PayoffEnvironment, anything
from breakaway.runners.implementation.whistle import Whistles

CASES = reference_cases("implementation")


def survivors(environment: PayoffEnvironment, whistles: Whistles) -> Deception:
    """Delete what single agents blow against until nobody blows."""
    beta = [[set(reports) for reports in own] for own in anything(environment.sizes)]
    before = None
    while before != beta:
        before = [[set(reports) for reports in own] for own in beta]
        for i, own in enumerate(beta):
            for true, reports in enumerate(own):
                for reported in sorted(reports):
                    current = tuple(tuple(map(frozenset, agent)) for agent in beta)
                    blow = whistles.blows(1 << i, (true,), (reported,), current)
                    assert blow.holds is not None, blow.method
                    if blow.holds:
                        reports.discard(reported)
    return tuple(tuple(map(frozenset, own)) for own in beta)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_largest_deception_that_no_agent_dissolves(case: Case) -> None:
    left = survivors(case.environment, Whistles(case.environment, "minimal"))
    listed = [[[k + 1 for k in sorted(reports)] for reports in own] for own in left]
    assert listed == case.expected["largest_no_whistle_deception"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_largest_deception_that_no_agent_dissolves_with_coalitional_rewards(case: Case) -> None:
    left = survivors(case.environment, Whistles(case.environment, "coalitional"))
    listed = [[[k + 1 for k in sorted(reports)] for reports in own] for own in left]
    assert listed == case.expected["largest_no_whistle_deception_coalitional"]
