"""One reward for all conjectures, or a menu of rewards that grows until it serves or some conjectures defeat it.

The menu grows in rounds:
1. the best reward for some conjectures; if it gives no strict gain, no reward does;
2. of all rewards at least half as good for these conjectures, the one whose least gain at any pair is largest joins the
   menu: it does well at other conjectures, too, and menus stay small;
3. the conjectures at which the rewards of the menu do worst (``build_conjecture`` of breakaway.models.whistle_blowing);
   if some reward of the menu still gives every member a strict gain there, the menu serves all conjectures.

For a single agent step 3 is a linear programme and the menu the columns of column generation over the convex hull of
the reward set. Step 2 chooses among cuts as Magnanti and Wong (1981), Accelerating Benders Decomposition, do.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import members
from breakaway.data.payoff_environment import STRICT
from breakaway.models import whistle_blowing
from breakaway.runners.implementation.branching import Limits, RewardProgram, Search, search
from breakaway.runners.implementation.questions import Blow, Question
from breakaway.runners.implementation.rewards import RewardSet
from breakaway.runners.solvers import SolveError, SolverOptions, solve_model

NEAR = 0.5
"""Part of the largest expected gain that a reward of the menu must give."""

DIVE = 200
"""Programmes that are spent on a reward that is good at all pairs."""

ROUNDS = 200
"""Rewards that a menu may hold."""


def ask_one_reward(question: Question, rewards: RewardSet, program: RewardProgram, limits: Limits) -> Search:
    """Search for a reward that gives every member a strict gain at every pair; multipliers are those of the gains."""
    rows = program.rows
    question.add_gains(program)
    return _searched(rewards, program, limits, rows)


def ask_for_conjectures(
    question: Question, rewards: RewardSet, program: RewardProgram, conjectures: Floats, limits: Limits
) -> Search:
    """Search for the reward that is best for the member who expects least."""
    rows = program.rows
    question.add_expected_gains(program, conjectures)
    return _searched(rewards, program, limits, rows)


def _searched(rewards: RewardSet, program: RewardProgram, limits: Limits, rows: int) -> Search:
    """Search, then drop the rows of the question."""
    try:
        found = search(program, rewards, limits)
    finally:
        program.drop(rows)
    found.multipliers = found.multipliers[rows:]
    return found


def grow_menu(
    question: Question, rewards: RewardSet, program: RewardProgram, limits: Limits, options: SolverOptions
) -> Blow:
    """Answer a question by a menu of rewards."""
    limits = replace(limits, enough=math.inf)
    conjectures = np.full((len(members(question.coalition)), len(question.pairs)), 1.0 / len(question.pairs))
    menu: list[Floats] = []
    while len(menu) < ROUNDS:
        found = ask_for_conjectures(question, rewards, program, conjectures, limits)
        if found.weights is None:
            if not found.complete:
                break
            return question.no(STRICT, "some conjectures have no reward, by a menu", conjectures)
        menu.append(_robust(question, rewards, program, conjectures, found, limits))
        hardest = _hardest(np.array([question.gains(weights) for weights in menu]), options)
        if hardest is None:
            return question.open("the solver found no conjectures")
        served, conjectures = hardest
        if served > STRICT:
            return question.yes(served, "a menu of rewards", menu)
    return question.open("the limit was reached")


def _robust(
    question: Question, rewards: RewardSet, program: RewardProgram, conjectures: Floats, best: Search, limits: Limits
) -> Floats:
    """Return the reward whose least gain at any pair is largest, of those nearly as good for the conjectures."""
    assert best.weights is not None
    if NEAR * best.value <= STRICT:
        return best.weights
    rows = program.rows
    question.add_gains(program)
    question.add_expected_gains(program, conjectures, NEAR * best.value)
    found = _searched(rewards, program, replace(limits, above=-math.inf, nodes=DIVE), rows)
    return best.weights if found.weights is None else found.weights


def _hardest(gains: Floats, options: SolverOptions) -> tuple[float, Floats] | None:
    """Return what a menu guarantees, and the conjectures at which it guarantees no more; None where the solver fails.

    HiGHS may end a mixed-integer programme with nothing though there are points; it is asked again without presolve.
    """
    model = whistle_blowing.build_conjecture(gains)
    for native in ({}, {"presolve": "off"}):
        try:
            outcome = solve_model(model, options.replace(native={**options.native, **native}))
        except SolveError:
            continue
        return outcome.bound, whistle_blowing.conjectures(model)
    return None
