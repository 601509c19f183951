"""The nucleolus and the prenucleolus by a sequence of linear programmes, in exact arithmetic from their duals.

1. Known is x(N) = v(N). 2. Solve the stage: the least excess e to which all coalitions can be held whose total does
not follow from what is known. 3. Make the duals exact: multipliers >= 0 that prove e. 4. Rows with a positive
multiplier are tight in every optimum: take x(S) = v(S) - e (or x_i = v(i)) as known. 5. Repeat from 2 until n
independent totals determine x. 6. Check in every stage that x keeps all excesses within e: with 3 this proves each
stage optimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition
from breakaway.data.games import Payoffs
from breakaway.models import nucleolus
from breakaway.runners.concepts.coalition_rows import (
    positive_duals,
    scale_factor,
    scaled_game,
    solve_by_rows,
    tabled_game,
)
from breakaway.runners.concepts.question import Concept, Found, Question, UndefinedError
from breakaway.runners.concepts.rational import KnownTotals, dual_vertex, exact_worths, incidence
from breakaway.runners.ordered import subset_sums
from breakaway.runners.solvers import NumericalError


@dataclass(frozen=True)
class Nucleolus:
    """Payoffs, and the stages that lead there: (excess, the coalitions whose excess was bounded)."""

    payoffs: Payoffs
    stages: tuple[tuple[float, np.ndarray], ...]


@dataclass(frozen=True)
class _Stage:
    """The least excess of a stage, and the coalitions that its multipliers prove tight."""

    excess: Fraction
    tight: list[Coalition]
    at_own_worth: list[Coalition]


def prenucleolus_of(question: Question) -> Nucleolus:
    """Return the prenucleolus; computed once for a question."""
    return _once(question, False)


def nucleolus_of(question: Question) -> Nucleolus:
    """Return the nucleolus; computed once for a question.

    Raises
    ------
    UndefinedError
        When there is no imputation: the players alone are together worth more than all of them.
    """
    alone = float(question.worths[[1 << i for i in range(len(question.players))]].sum())
    if alone > question.worth + question.eps:
        raise UndefinedError(
            f"there is no imputation: the players alone are together worth {alone:.6g}, more than {question.worth:.6g}"
        )
    return _once(question, True)


def _once(question: Question, individually_rational: bool) -> Nucleolus:
    tabled_game(question)
    key = "nucleolus" if individually_rational else "prenucleolus"
    if key not in question.shared:
        question.shared[key] = _solve(question, individually_rational)
    found: Nucleolus = question.shared[key]
    return found


def _solve(question: Question, individually_rational: bool) -> Nucleolus:
    worths, n = exact_worths(question.worths), len(question.players)
    known = KnownTotals(n)
    known.add(question.players.everyone, worths[-1])
    own = [worths[1 << i] for i in range(n)]
    if individually_rational and float(sum(own)) >= question.worth - question.eps:
        for i in range(n - 1):
            known.add(1 << i, own[i])
    stages = []
    while known.rank < n:
        bounded = known.open_coalitions()
        stage = _stage(question, known, worths, bounded, individually_rational)
        stages.append((float(stage.excess), bounded))
        before = known.rank
        for coalition in stage.tight:
            known.add(coalition, worths[coalition] - stage.excess)
        for coalition in stage.at_own_worth:
            known.add(coalition, worths[coalition])
        if known.rank == before:
            raise NumericalError("highs: a stage of the nucleolus settles nothing: tighten tolerance")
    payoffs = tuple(map(float, known.payoffs()))
    _prove(question, payoffs, stages, individually_rational)
    return Nucleolus(payoffs, tuple(stages))


def _stage(
    question: Question, known: KnownTotals, worths: list[Fraction], bounded: np.ndarray, individually_rational: bool
) -> _Stage:
    """Solve one stage; make its multipliers exact (steps 2 and 3)."""
    n, everyone, factor = known.n, question.players.everyone, scale_factor(question)
    game = scaled_game(question)
    settled = {s: float(total) * factor for s, total in known.totals.items() if s != everyone}
    model = solve_by_rows(
        question, lambda rows: nucleolus.build(game, settled, rows, individually_rational), bounded.tolist()
    )
    tight, duals = positive_duals(question, model, model.short_by)
    alone: list[Coalition] = []
    if individually_rational:
        alone, further = positive_duals(question, model, model.individual)
        duals = duals + further
    # sum of lambda 1_S + sum of mu e_i + sum of nu 1_T = 0, sum of lambda = 1
    columns = [incidence(s, n, 1) for s in tight] + [incidence(s, n, 0) for s in (*alone, *known.totals)]
    signed = [True] * len(duals) + [False] * len(known.totals)
    weights = dual_vertex(columns, [*([0] * n), 1], duals + [1.0] * len(known.totals), signed)
    if weights is None:
        raise NumericalError("highs: the duals of a stage of the nucleolus prove nothing: tighten tolerance")
    right = [worths[s] for s in (*tight, *alone)] + list(known.totals.values())
    excess = sum((weight * side for weight, side in zip(weights, right, strict=True)), Fraction(0))
    positive = {s for s, weight in zip((*tight, *alone), weights, strict=False) if weight > 0}
    first = [s for s, weight in zip(tight, weights, strict=False) if weight > 0]
    return _Stage(excess, first, [s for s in alone if s in positive and s not in first])


def _prove(
    question: Question, payoffs: Payoffs, stages: list[tuple[float, np.ndarray]], individually_rational: bool
) -> None:
    """Check that the payoffs keep every stage's coalitions within its excess (step 6)."""
    n = len(payoffs)
    excess, room = question.worths - subset_sums(np.array(payoffs)), n * question.eps
    late = [float(excess[bounded].max()) - most for most, bounded in stages]
    if individually_rational:
        late.append(float(excess[[1 << i for i in range(n)]].max()))
    if max(late, default=0.0) > room:
        raise NumericalError(f"highs: the nucleolus misses a stage by {max(late):.3g}: tighten tolerance")


def excess_levels(question: Question, concept: str, payoffs: Payoffs) -> pd.DataFrame:
    """List coalitions by excess, largest first, until those listed determine the payoffs."""
    n, everyone = len(payoffs), question.players.everyone
    excess = (question.worths - subset_sums(np.array(payoffs)))[1:everyone]
    order = np.argsort(-excess, kind="stable")
    known = KnownTotals(n)
    known.add(everyone, Fraction(0))
    rows: list[tuple[str, int, float, str]] = []
    level, last = 0, np.inf
    for k in order:
        if last - excess[k] > n * question.eps:
            if known.rank == n:
                break
            level += 1
        last = float(excess[k])
        known.add(int(k) + 1, Fraction(0))
        rows.append((concept, level, last, question.players.coalition_name(int(k) + 1)))
    return pd.DataFrame(rows, columns=["concept", "level", "excess", "coalition"])


def _found(question: Question, concept: str, found: Nucleolus) -> Found:
    if len(question.players) == 1:
        return Found((found.payoffs,))
    table = excess_levels(question, concept, found.payoffs)
    largest = float(table["excess"].iloc[0])
    bound = found.stages[0][0] if found.stages else largest
    return Found((found.payoffs,), value=largest, bound=bound, tables={"excess_levels": table})


NUCLEOLUS = Concept(
    "nucleolus",
    "nucleolus: among imputations, the largest excess is least, then the next largest, and so on",
    "Schmeidler (1969)",
    "largest excess of a coalition",
    lambda question: _found(question, "nucleolus", nucleolus_of(question)),
)
PRENUCLEOLUS = Concept(
    "prenucleolus",
    "prenucleolus: the same among all divisions, individually rational or not",
    "Schmeidler (1969); Sobolev (1975)",
    "largest excess of a coalition",
    lambda question: _found(question, "prenucleolus", prenucleolus_of(question)),
)
