"""The core with all its vertices, the least core, and the balanced collection that proves a core empty."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
import pyomo.environ as pyo

from breakaway.data.coalitions import Coalition
from breakaway.data.games import Payoffs
from breakaway.models import core
from breakaway.results.wording import braces, listing, number
from breakaway.runners.concepts.coalition_rows import positive_duals, scaled_game, solve_by_rows, tabled_game
from breakaway.runners.concepts.nucleolus import prenucleolus_of
from breakaway.runners.concepts.polytope import vertices
from breakaway.runners.concepts.question import Concept, Found, Question
from breakaway.runners.concepts.rational import dual_vertex, exact_worths, incidence
from breakaway.runners.solvers import NumericalError

MOST_VERTICES = 5
"""Up to this many players all vertices are listed."""

MOST_NAMED = 6
"""Most coalitions of a balanced collection that a note names."""


@dataclass(frozen=True)
class BalancedCollection:
    """Coalitions with weights > 0 that add up to 1 at every player, no part of which is balanced itself.

    ``worth`` is what they are together worth: sum of weight times v(S).
    """

    coalitions: tuple[Coalition, ...]
    weights: tuple[Fraction, ...]
    worth: Fraction


def balanced_collection(question: Question) -> BalancedCollection:
    """Return the balanced collection that is worth most, from the dual of the least total (Bondareva and Shapley).

    The grand coalition does not take part. The core is empty if and only if the collection is worth more than v(N).

    Raises
    ------
    UndefinedError
        When the game has no characteristic function.
    SolveError
        When the solver fails.
    """
    if "balanced_collection" not in question.shared:
        question.shared["balanced_collection"] = _balanced_collection(question)
    found: BalancedCollection = question.shared["balanced_collection"]
    return found


def _balanced_collection(question: Question) -> BalancedCollection:
    model = _solved(question, "least_total")
    worths, n = exact_worths(question.worths), len(question.players)
    coalitions, duals = positive_duals(question, model, model.enough)
    return _at_vertex(coalitions, duals, worths, n)


def _solved(question: Question, formulation: str) -> pyo.ConcreteModel:
    """Solve a formulation of the core in scaled worths, over strict coalitions."""
    game = scaled_game(question)
    return solve_by_rows(
        question, lambda rows: core.build(game, formulation, rows), range(1, question.players.everyone)
    )


def _at_vertex(coalitions: list[Coalition], duals: list[float], worths: list[Fraction], n: int) -> BalancedCollection:
    """Return exact weights of a minimal balanced collection among these coalitions."""
    columns = [incidence(coalition, n) for coalition in coalitions]
    weights = dual_vertex(columns, [1] * n, duals, [True] * len(columns))
    if weights is None:
        raise NumericalError("highs: the duals name no balanced collection: tighten tolerance")
    pairs = sorted((coalition, weight) for coalition, weight in zip(coalitions, weights, strict=True) if weight)
    pairs.sort(key=lambda pair: pair[0].bit_count())
    worth = sum((weight * worths[coalition] for coalition, weight in pairs), Fraction(0))
    return BalancedCollection(tuple(c for c, _ in pairs), tuple(w for _, w in pairs), worth)


def least_excess(question: Question) -> Fraction:
    """Return the excess of the least core, exactly, from the dual of the least excess.

    The weights lambda of its rows add up to 1 and give every player the same sum mu; then
    e = sum of lambda_S v(S) - mu v(N).

    Raises
    ------
    UndefinedError
        When the game has no characteristic function.
    SolveError
        When the solver fails.
    """
    model = _solved(question, "least_excess")
    worths, n = exact_worths(question.worths), len(question.players)
    coalitions, duals = positive_duals(question, model, model.short_by)
    columns = [incidence(coalition, n, 1) for coalition in coalitions] + [[*([-1] * n), 0]]
    weights = dual_vertex(columns, [*([0] * n), 1], [*duals, 1.0], [*([True] * len(coalitions)), False])
    if weights is None:
        raise NumericalError("highs: the duals do not prove the least excess: tighten tolerance")
    gained = sum((weight * worths[s] for s, weight in zip(coalitions, weights, strict=False)), Fraction(0))
    return gained - weights[-1] * worths[-1]


def empty_core(question: Question) -> Found | None:
    """Return what there is to say of an empty core; None when there is a division in the core."""
    if len(question.players) == 1:
        return None
    collection = balanced_collection(question)
    if float(collection.worth) <= question.worth + question.eps:
        return None
    table = _table(question, collection)
    return Found((), note=_why_empty(question, collection), tables={"balanced_collection": table})


def _why_empty(question: Question, collection: BalancedCollection) -> str:
    names = [braces(question.players.coalition_name(coalition)) for coalition in collection.coalitions]
    worth, whole = number(float(collection.worth)), number(question.worth)
    beyond = float(collection.worth) - question.worth
    more = f"more than {whole}" if worth != whole else f"more than {whole} by {beyond:.3g}"
    if len(set(collection.weights)) == 1:
        weight = collection.weights[0]
        weighted = "" if weight == 1 else f" with weights {weight}"
        return f"{listing(names, most=MOST_NAMED)}{weighted} are together worth {worth}, {more}"
    weighted_names = [f"{name} ({weight})" for name, weight in zip(names, collection.weights, strict=True)]
    return f"{listing(weighted_names, most=MOST_NAMED)}, weights in brackets, are together worth {worth}, {more}"


def _table(question: Question, collection: BalancedCollection) -> pd.DataFrame:
    rows = [
        (question.players.coalition_name(coalition), float(weight), float(question.worths[coalition]))
        for coalition, weight in zip(collection.coalitions, collection.weights, strict=True)
    ]
    return pd.DataFrame(rows, columns=["coalition", "weight", "worth"])


def core_points(question: Question) -> tuple[tuple[Payoffs, ...], bool]:
    """Return the vertices of a core that is not empty, or one point of it; and whether these are all vertices."""
    n = len(question.players)
    if n == 1:
        return ((question.worth,),), True
    if n > MOST_VERTICES:
        return (prenucleolus_of(question).payoffs,), False
    found = _vertices(question, Fraction(0))
    # a core that is empty by less than the tolerance is the least core
    return found or _vertices(question, least_excess(question)), True


def _vertices(question: Question, excess: Fraction) -> tuple[Payoffs, ...]:
    """Return the vertices of {x : x(N) = v(N), x(S) >= v(S) - excess}, those within the tolerance of another once."""
    worths = exact_worths(question.worths)
    least = {coalition: worths[coalition] - excess for coalition in range(1, question.players.everyone)}
    kept: list[tuple[float, ...]] = []
    for vertex in vertices(len(question.players), worths[-1], least):
        point = tuple(map(float, vertex))
        if not kept or np.abs(np.array(kept) - point).max(axis=1).min() > question.eps:
            kept.append(point)
    return tuple(kept)


def _core(question: Question) -> Found:
    tabled_game(question)
    empty = empty_core(question)
    if empty is not None:
        return empty
    points, complete = core_points(question)
    return Found(points, "polytope", complete, note="" if complete else "the point shown is the nucleolus")


def _least_core(question: Question) -> Found:
    tabled_game(question)
    if len(question.worths) == 2:
        return Found(((question.worth,),), "polytope")
    if len(question.players) <= MOST_VERTICES:
        excess = least_excess(question)
        points, complete = _vertices(question, excess), True
    else:
        excess = least_excess(question)
        points, complete = (prenucleolus_of(question).payoffs,), False
    value = float(excess)
    return Found(points, "polytope", complete, value, value, note=_how_short(value, question.eps))


def _how_short(excess: float, eps: float) -> str:
    if excess > eps:
        return f"in every division some coalition is at least {number(excess)} short of its worth"
    if excess < -eps:
        return f"every coalition can be given {number(-excess)} more than its worth"
    return "every coalition can be given its worth, and no more"


CORE = Concept(
    "core",
    "core: no coalition gets less than its worth",
    "Gillies (1959); Bondareva (1963), Shapley (1967)",
    "",
    _core,
)
LEAST_CORE = Concept(
    "least-core",
    "least core: the coalition that is worst treated is as little short of its worth as possible",
    "Maschler, Peleg and Shapley (1979)",
    "largest excess of a coalition",
    _least_core,
)
