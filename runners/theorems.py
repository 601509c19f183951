"""The theorems of section 5 for one game: what each assumes and concludes, and what shows where it fails.

Every statement is checked for itself, hypothesis and conclusion, from the game and the solutions of its coalitions: a
row whose hypothesis is true and whose conclusion is false is a counter-example. Statements marked *printed* are those
of Vohra and Ray (2025) where the text asks for too little; docs/theorems.md has the proofs.

========================  ===================================================  =========================================
statement                 hypothesis                                           conclusion
========================  ===================================================  =========================================
``theorem-3-printed``     consistent weights; v(N) >= v(S) + v(T), disjoint    N viable, its solutions efficient
``theorem-3``             consistent weights; v(N) >= every structure's worth  N viable, its solutions efficient
``efficient-structures``  consistent weights                                   structures of largest worth are viable
``theorem-4-printed``     equal weights                                        sigma(S) inside E(S) for every S
``theorem-4``             equal weights within S; best product positive        sigma(S) inside E(S), for one S
``theorem-4-nonempty``    equal weights; v(S) >= every partition's worth       every coalition viable
``corollary-2``           equal weights; all players comparable                solutions of N are permutations
========================  ===================================================  =========================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import pandas as pd

from breakaway.data.coalitions import Coalition, members, proper_subsets, structure_of
from breakaway.data.games import CharacteristicFunctionGame, weights_within
from breakaway.runners.division import Division, fraction_of
from breakaway.runners.egalitarian import TooManyError, egalitarian_front
from breakaway.runners.lorenz import Vector
from breakaway.runners.search import TIE, Clause, Number
from breakaway.runners.stacks import best_partition, consistent_weights, partition_totals

MOST_PLAYERS = 8
"""Up to this many players the theorems are checked with every answer."""


class Divided(Protocol):
    """Every coalition divided, as the recursion leaves it."""

    def division(self, coalition: Coalition) -> Division:
        """Return the division of a coalition."""

    def solutions(self, coalition: Coalition) -> tuple[Clause, ...]:
        """Return all solutions of a coalition as pairs (player, payoff)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a statement for a game, or for one of its coalitions.

    ``lacking`` says what the hypothesis lacks, ``witness`` what shows that the conclusion is false; None when they are
    true. Payoff vectors are written with blanks, ``x < y``: y majorizes x; ``x < A|B``: everybody can have as much as
    in x, and some more, in the structure A|B; ``x <> y``: neither is a permutation of the other.
    """

    statement: str
    coalition: Coalition
    lacking: str | None
    witness: str | None

    @property
    def holds(self) -> bool:
        """Whether the conclusion is true or the hypothesis is not."""
        return self.witness is None or self.lacking is not None


def theorem_report(
    game: CharacteristicFunctionGame, solved: Divided, eps: Number, rational: bool = False
) -> dict[str, pd.DataFrame]:
    """Check every theorem of section 5 for a game.

    Parameters
    ----------
    game
        A characteristic function.
    solved
        Every coalition divided.
    eps
        Tolerance in the unit of payoff; 0 in fractions.
    rational
        Compute in fractions.

    Returns
    -------
    Tables ``theorems`` and ``desirability``. A coalition whose egalitarian solution is out of reach has no row for
    ``theorem-4``, and neither has then ``theorem-4-printed``.
    """
    facts = Facts(game, solved, fraction_of(eps) if rational else eps, rational)
    name = game.players.coalition_name
    rows = [
        (v.statement, name(v.coalition), v.lacking is None, v.witness is None, v.holds, v.lacking, v.witness)
        for v in verdicts(facts)
    ]
    columns = ["statement", "coalition", "hypothesis", "conclusion", "holds", "lacking", "witness"]
    frame = pd.DataFrame({column: list(cells) for column, cells in zip(columns, zip(*rows, strict=True), strict=True)})
    for column in ("lacking", "witness"):
        frame[column] = pd.Series([row[columns.index(column)] for row in rows], dtype=object)
    return {"theorems": frame, "desirability": desirability_table(facts)}


def verdicts(facts: Facts) -> Iterator[Verdict]:
    """Yield the verdict on every statement."""
    everyone = facts.game.players.everyone
    inclusion = dict(facts.inclusion())
    viable_and_efficient = facts.nonviable([everyone]) or facts.dominated()
    consistent = facts.inconsistent()
    yield Verdict("theorem-3-printed", everyone, consistent or facts.dearer_pair(), viable_and_efficient)
    yield Verdict("theorem-3", everyone, consistent or facts.dearer_partition(everyone), viable_and_efficient)
    yield Verdict("efficient-structures", everyone, consistent, facts.failing_efficient_structure())
    if len(inclusion) == everyone:
        failing = next((facts.said(s, why) for s, why in inclusion.items() if why), None)
        yield Verdict("theorem-4-printed", everyone, facts.unequal(everyone), failing)
    for s, why in inclusion.items():
        yield Verdict("theorem-4", s, facts.unequal(s) or facts.no_product(s), why)
    dearer = next((found for s in facts.coalitions if (found := facts.dearer_partition(s))), None)
    yield Verdict("theorem-4-nonempty", everyone, facts.unequal(everyone) or dearer, facts.nonviable(facts.coalitions))
    yield Verdict("corollary-2", everyone, facts.unequal(everyone) or facts.incomparable(), facts.differing())


@dataclass(frozen=True)
class Facts:
    """What hypotheses and conclusions speak of; every method returns None when nothing is wrong, else says what is."""

    game: CharacteristicFunctionGame
    solved: Divided
    eps: Number
    rational: bool = False

    @cached_property
    def coalitions(self) -> list[Coalition]:
        """Every coalition, by size."""
        return sorted(self.game.worths, key=lambda c: (c.bit_count(), members(c)))

    @cached_property
    def worths(self) -> dict[Coalition, Number]:
        """v(S), as numbers of the kind that is computed with."""
        return {s: self.read(v) for s, v in self.game.worths.items()}

    def read(self, number: float) -> Number:
        """Return a number of the game as a fraction, or as it is."""
        return fraction_of(number) if self.rational else number

    @cached_property
    def totals(self) -> dict[Coalition, tuple[Number, Coalition]]:
        """The partition of largest total worth of every coalition."""
        return partition_totals(self.worths, self.game.players.everyone)

    @cached_property
    def slack(self) -> Number:
        """By how much solutions may differ that are the same: their log products tie within TIE, in fractions too."""
        scale = max(*map(abs, self.worths.values()), *map(abs, self.net))
        return max(10 * self.eps, 10 * self.read(TIE) * scale)

    def solutions(self, coalition: Coalition) -> list[Vector]:
        """Return the solutions of a coalition as vectors over its members."""
        return [tuple(x for _, x in solution) for solution in self.solved.solutions(coalition)]

    def name(self, blocks: Iterable[Coalition]) -> str:
        """Write disjoint coalitions as A|B."""
        return self.game.players.structure_name(structure_of(blocks))

    def said(self, coalition: Coalition, why: str) -> str:
        """Return what is said of a coalition."""
        return f"{self.game.players.coalition_name(coalition)}: {why}"

    # --- hypotheses

    def inconsistent(self) -> str | None:
        """Weights: every strict subcoalition uses the same ones, up to scale."""
        found = consistent_weights(self.game)
        return self.said(found, "weights") if isinstance(found, int) else None

    def unequal(self, coalition: Coalition) -> str | None:
        """Weights: equal within a coalition and within each of its subcoalitions."""
        for part in (s for s in self.coalitions if not s & ~coalition):
            weights = weights_within(self.game, part)
            if min(weights) != max(weights):
                return self.said(part, "weights")
        return None

    def dearer_pair(self) -> str | None:
        """Worths: no two disjoint coalitions are worth more than N."""
        everyone = self.game.players.everyone
        pairs = ((one, other) for one in self.coalitions for other in _inside(everyone ^ one) if one < other)
        found = max(pairs, key=lambda pair: sum(self.worths[s] for s in pair), default=None)
        return f"worth of {self.name(found)}" if found and self._exceeds(found, everyone) else None

    def _exceeds(self, blocks: Sequence[Coalition], coalition: Coalition) -> bool:
        return bool(sum(self.worths[s] for s in blocks) > self.worths[coalition] + self.eps)

    def dearer_partition(self, coalition: Coalition) -> str | None:
        """Worths: no partition of a coalition is worth more than the coalition."""
        blocks = best_partition(self.totals, coalition)
        return f"worth of {self.name(blocks)}" if self._exceeds(blocks, coalition) else None

    def no_product(self, coalition: Coalition) -> str | None:
        """Product: some unblocked division gives every member more than disagreement, if any is unblocked."""
        division = self.solved.division(coalition)
        return self.said(coalition, "product") if division.viable and division.zero_product else None

    def incomparable(self) -> str | None:
        """Players: of any two, one is at least as desirable as the other."""
        margins = {(i, j): margin for i, j, margin, _ in desirability(self.worths, self.net)}
        names = self.game.players.names
        for (i, j), margin in margins.items():
            if i < j and margin < -self.eps and margins[j, i] < -self.eps:
                return f"order of {names[i]} and {names[j]}"
        return None

    @cached_property
    def net(self) -> tuple[Number, ...]:
        """Disagreement payoffs by player."""
        return tuple(map(self.read, self.game.players.disagreement))

    # --- conclusions

    def nonviable(self, coalitions: Iterable[Coalition]) -> str | None:
        """Every one of some coalitions is viable."""
        failing = next((s for s in coalitions if not self.solved.division(s).viable), None)
        return None if failing is None else self.said(failing, "not viable")

    def dominated(self) -> str | None:
        """No solution of N leaves a structure in which all can have as much, and some more.

        A solution shares all of v(N), so that such a structure is worth more than N.
        """
        everyone = self.game.players.everyone
        if self.dearer_partition(everyone) is None:
            return None
        for x in self.solutions(everyone):
            affordable = {s: v for s, v in self.worths.items() if v >= sum(x[i] for i in members(s)) - self.eps}
            found = partition_totals(affordable, everyone)
            if found[everyone][0] > sum(x) + 2 * len(x) * self.eps:
                return f"{written(x)} < {self.name(best_partition(found, everyone))}"
        return None

    def failing_efficient_structure(self) -> str | None:
        """Every structure of largest total worth consists of viable coalitions."""
        everyone = self.game.players.everyone
        best = self.totals[everyone][0]
        for s in self.coalitions:
            rest = everyone ^ s
            with_it = self.worths[s] + self.totals[rest][0]
            if with_it >= best - self.eps and not self.solved.division(s).viable:
                return f"{self.name((s, *best_partition(self.totals, rest)))}: not viable"
        return None

    def inclusion(self) -> Iterator[tuple[Coalition, str | None]]:
        """For every coalition, no element of E(S) majorizes a solution of S.

        Then the solution belongs to E(S): it shares all and is unblocked, and E(S) are the Lorenz-maximal of such
        divisions (Theorem 2 above, and Theorem 1 of Dutta and Ray 1991).
        """
        for s in self.coalitions:
            try:
                front = egalitarian_front(self.game, s, self.eps, self.rational)
            except TooManyError:
                continue
            better = ((x, front.more_equal(x, self.slack)) for x in self.solutions(s))
            yield s, next((f"{written(x)} < {written(y)}" for x, y in better if y is not None), None)

    def differing(self) -> str | None:
        """All solutions of N are permutations of one another, net of disagreement."""
        solutions = self.solutions(self.game.players.everyone)
        profiles = [sorted(a - b for a, b in zip(x, self.net, strict=True)) for x in solutions]
        for x, profile in zip(solutions, profiles, strict=True):
            if any(abs(a - b) > self.slack for a, b in zip(profile, profiles[0], strict=True)):
                return f"{written(solutions[0])} <> {written(x)}"
        return None


def _inside(coalition: Coalition) -> list[Coalition]:
    """Return the nonempty coalitions inside a coalition, itself first."""
    return [coalition, *proper_subsets(coalition)] if coalition else []


def written(x: Sequence[Number]) -> str:
    """Write payoffs with blanks between them, to twelve digits."""
    return " ".join(f"{float(value):.12g}" for value in x)


def desirability(
    worths: Mapping[Coalition, Number], disagreement: Sequence[Number]
) -> Iterator[tuple[int, int, Number, Coalition]]:
    """Yield for ordered pairs (i, j) the least that a coalition gains when i takes the place of j, and where.

    Player i is at least as desirable as j (Maschler and Peleg 1966) when that is not negative. Worths are taken net of
    disagreement. The coalition is the one with j; among several the first by bitmask.
    """
    n = len(disagreement)
    for i in range(n):
        for j in range(n):
            if i != j:
                gains = (
                    (worths[s ^ (1 << i | 1 << j)] - worths[s] - disagreement[i] + disagreement[j], s)
                    for s in range(1, 1 << n)
                    if s >> j & 1 and not s >> i & 1
                )
                yield i, j, *min(gains)


def desirability_table(facts: Facts) -> pd.DataFrame:
    """List all ordered pairs of players."""
    players = facts.game.players
    rows = [
        (players.names[i], players.names[j], bool(margin >= -facts.eps), float(margin), players.coalition_name(s))
        for i, j, margin, s in desirability(facts.worths, facts.net)
    ]
    return pd.DataFrame(rows, columns=["player", "other", "at_least_as_desirable", "margin", "witness"])
