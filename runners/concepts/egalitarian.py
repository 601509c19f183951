"""Concepts of section 5: the constrained egalitarian solution, and the allocation by which theorem 3 is proved."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from breakaway.data.coalitions import members
from breakaway.data.games import CharacteristicFunctionGame, Players, Threat, ThreatGame, TotalWorth
from breakaway.runners.concepts.question import Concept, Found, Question, UndefinedError
from breakaway.runners.dominance import more_equal_division
from breakaway.runners.egalitarian import (
    Solutions,
    TooManyError,
    egalitarian_front,
    egalitarian_solutions,
    listed_elements,
    most_equal_unblocked,
)
from breakaway.runners.lorenz import Vector
from breakaway.runners.stacks import Stack, consistent_weights, stacks

MOST_BY_RECURSION = 6
"""Up to this many players the egalitarian solution is computed by its own recursion."""

MOST_BY_FRONT = 14
"""Up to this many players the egalitarian solution is computed at all."""


def _egalitarian(question: Question) -> Found:
    try:
        found, threats, tables, notes = _elements(question)
    except TooManyError as reason:
        raise UndefinedError(str(reason)) from None
    payoffs = tuple(tuple(float(x) for x in element) for element in found)
    if not payoffs:
        return Found((), tables=tables, note="every division of what all share is blocked")
    if question.how.method == "model":
        notes.append(_proof(question, threats, payoffs))
    return Found(payoffs, tables=tables, note="; ".join(notes))


def _elements(
    question: Question,
) -> tuple[tuple[Vector, ...], tuple[Threat, ...], dict[str, pd.DataFrame], list[str]]:
    """Return the elements, the threats they meet, the table of the recursion where it ran, and what is to be known."""
    game, rational = question.game, question.how.rational
    if not isinstance(game, CharacteristicFunctionGame):
        found = most_equal_unblocked(question.block)
        return found, game.threats, {}, ["the most equal divisions that no given threat blocks"]
    players, eps = game.players, 0.0 if rational else question.eps
    if len(players) <= MOST_BY_RECURSION:
        solutions = egalitarian_solutions(game, eps, rational)
        tables = {"egalitarian_solutions": solutions_table(players, solutions)}
        return solutions[players.everyone], _threats(players, solutions), tables, []
    if len(players) > MOST_BY_FRONT:
        raise UndefinedError(f"is computed up to {MOST_BY_FRONT} players")
    front = egalitarian_front(game, players.everyone, eps, rational)
    return (
        listed_elements(front),
        _threats(players, equal_divisions(game)),
        {},
        ["by theorem 1 of Dutta and Ray (1991), without their recursion"],
    )


def solutions_table(players: Players, solutions: Solutions) -> pd.DataFrame:
    """List every element of the egalitarian solution of every coalition."""
    rows = [
        (players.coalition_name(coalition), number, players.names[i], float(x))
        for coalition in sorted(solutions, key=lambda c: (c.bit_count(), members(c)))
        for number, element in enumerate(solutions[coalition], start=1)
        for i, x in zip(members(coalition), element, strict=True)
    ]
    return pd.DataFrame(rows, columns=["coalition", "solution", "player", "payoff"])


def equal_divisions(game: CharacteristicFunctionGame) -> Solutions:
    """Return the equal division of every coalition, net of disagreement: the threats of theorem 1 of Dutta and Ray."""
    found: Solutions = {}
    for coalition, worth in game.worths.items():
        d = game.players.of_members(game.players.disagreement, coalition)
        share = (worth - sum(d)) / len(d)
        found[coalition] = (tuple(own + share for own in d),)
    return found


def _threats(players: Players, solutions: Solutions) -> tuple[Threat, ...]:
    return tuple(
        Threat(f"{players.coalition_name(coalition)} {number}", coalition, tuple(map(float, element)))
        for coalition, elements in solutions.items()
        if coalition != players.everyone
        for number, element in enumerate(elements, start=1)
    )


def _proof(question: Question, threats: tuple[Threat, ...], payoffs: Sequence[Sequence[float]]) -> str:
    """Ask the model for a more equal unblocked division than each element."""
    game = ThreatGame(question.players, TotalWorth(question.worth), threats)
    for x in payoffs:
        found = more_equal_division(game, x, question.eps, question.how.options)
        if found.gain is None or found.more_equal is not None:
            raise ArithmeticError(f"the model of Lorenz dominance contradicts the enumeration at {x}")
    return "no unblocked division is more equal than one of these, by the model of Lorenz dominance"


EGALITARIAN = Concept(
    "egalitarian",
    "constrained egalitarian solution: the most equal divisions that no coalition blocks with its own",
    "Dutta and Ray (1989, 1991); Vohra and Ray (2025), section 5.4",
    "",
    _egalitarian,
)


def _stacked_averages(question: Question) -> Found:
    game = question.game
    if not isinstance(game, CharacteristicFunctionGame):
        raise UndefinedError("a worth for every coalition is needed, which a game with given threats does not have")
    gamma = consistent_weights(game)
    if isinstance(gamma, int):
        name = game.players.coalition_name(gamma)
        raise UndefinedError(f"needs consistent weights; those of {name} differ from those of its pairs")
    found, complete = stacks(game, gamma, question.eps)
    paid = sorted((stack for stack in found if stack.payoffs is not None), key=lambda stack: stack.payoffs or ())
    tables = {"stacks": stacks_table(game, paid or found[:1])}
    if not paid:
        total = sum(found[0].floor)
        name = game.players.structure_name(found[0].structure)
        worth = game.worths[game.players.everyone]
        note = f"the coalitions {name} are worth {total:.6g} together, more than the {worth:.6g} of all"
        return Found((), complete=complete, tables=tables, note=note)
    payoffs = tuple(stack.payoffs for stack in paid if stack.payoffs is not None)
    return Found(payoffs, complete=complete, tables=tables, note="nothing at or above the stacked averages is blocked")


def stacks_table(game: CharacteristicFunctionGame, found: Sequence[Stack]) -> pd.DataFrame:
    """List the coalitions of every stack from the highest average down."""
    rows = [
        (number, step, game.players.coalition_name(coalition), game.worths[coalition], average)
        for number, stack in enumerate(found, start=1)
        for step, (coalition, average) in enumerate(zip(stack.coalitions, stack.averages, strict=True), start=1)
    ]
    return pd.DataFrame(rows, columns=["solution", "step", "coalition", "worth", "average"])


STACKED_AVERAGES = Concept(
    "stacked-averages",
    "stacked averages: the unblocked division that the proof of theorem 3 constructs",
    "Vohra and Ray (2025), proof of theorem 3",
    "",
    _stacked_averages,
)
