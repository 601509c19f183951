"""Payoff environments in numbers and in tables: the reference cases, random environments, the kind and its checks."""

from __future__ import annotations

import numpy as np
import pytest
from implementation_cases import FAMILIES, random_environment, reference_cases

CASES = reference_cases()


@pytest.mark.parametrize("name", CASES)
def test_a_reference_case_is_an_environment(name: str) -> None:
    environment = CASES[name].environment
    assert len(environment.payoffs) == len(environment)
    assert environment.chosen.sum(axis=1) == pytest.approx(np.ones(len(environment.profiles)))


def test_the_paper_s_numbers_of_example_1() -> None:
    case = CASES["RI-ex1-numbers"]
    environment = case.environment
    true, report = environment.number((1, 1)), environment.number((2, 2))
    assert environment.payoffs[:, true, report].tolist() == case.expected["u_deviation"]
    assert environment.payoffs[:, true, true].tolist() == case.expected["u_truth"]


@pytest.mark.parametrize("seed", range(24))
def test_a_random_environment_is_complete(seed: int) -> None:
    environment = random_environment(seed)
    assert np.isfinite(environment.utilities).all()
    assert environment.chosen.sum(axis=1) == pytest.approx(np.ones(len(environment.profiles)))
    assert bool(environment.rays) == (FAMILIES[seed % len(FAMILIES)] in ("disposal", "charges"))
    assert environment == random_environment(seed)
