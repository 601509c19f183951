"""Concepts that ignore what coalitions of several players could do: equal division, Nash, split-the-difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from breakaway.data.games import CharacteristicFunctionGame, TotalWorth
from breakaway.runners.concepts.products import best_above, feasible_set, found_of
from breakaway.runners.concepts.question import Concept, Found, Question, UndefinedError


def _equal_division(question: Question) -> Found:
    n = len(question.players)
    return Found(((question.worth / n,) * n,))


EQUAL_DIVISION = Concept(
    "equal-division",
    "equal division: everybody gets the same, whatever the disagreement payoffs",
    "Dutta and Ray (1989), the norm without participation constraints",
    "",
    _equal_division,
)


def _nash(question: Question) -> Found:
    division = best_above(question, tuple(question.disagreement))
    if not division.viable:
        return Found((), note="nothing feasible gives everybody the disagreement payoff")
    return found_of(division, "no feasible allocation gives everybody more than disagreement")


NASH = Concept(
    "nash",
    "Nash solution without threats: the largest product of payoffs net of disagreement",
    "Nash (1950); Kaneko (1980) for sets that are not convex",
    "log of the Nash product",
    _nash,
)


def outside_options(question: Question) -> np.ndarray:
    """Return zeta_i, the best that each player can get alone: the largest threat of {i}, v(i), never below d_i."""
    best = question.disagreement.copy()
    game = question.game
    if isinstance(game, CharacteristicFunctionGame):
        alone = [(i, game.worths[1 << i]) for i in range(len(best))]
    else:
        alone = [(t.coalition.bit_length() - 1, t.payoffs[0]) for t in game.threats if t.coalition.bit_count() == 1]
    for i, payoff in alone:
        best[i] = max(best[i], payoff)
    return best


def _split_the_difference(question: Question) -> Found:
    options = outside_options(question)
    feasible, asked = feasible_set(question), float(options.sum())
    if isinstance(feasible, TotalWorth) and asked > feasible.worth + question.eps:
        raise UndefinedError(
            f"there is nothing to split: the outside options add up to {asked:.6g}, more than the {feasible.worth:.6g} "
            "that all share"
        )
    division = best_above(question, tuple(options))
    if not division.viable:
        raise UndefinedError("there is nothing to split: nothing feasible gives everybody the outside option")
    found = found_of(division, "no feasible allocation gives everybody more than the outside option")
    table = pd.DataFrame({"player": question.players.names, "outside_option": options})
    return replace(found, tables={"outside_options": table})


SPLIT_THE_DIFFERENCE = Concept(
    "split-the-difference",
    "split-the-difference: what players can get alone is netted out, the rest is divided by weights",
    "Vohra and Ray (2025), (4) with individual outside options in place of Burguet and Caminal's (2016)",
    "log of the product of payoffs above outside options",
    _split_the_difference,
)
