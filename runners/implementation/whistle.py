"""Who can blow the whistle: the test at the heart of the monotonicity conditions.

Members S with payoff types theta_S who are to report theta'_S blow against a deception of the others when for all
conjectures psi_i of theirs about true and reported types of the others there is a reward y in the reward set Y_S by
which each of them expects a strict gain.

Steps of :meth:`Whistles.blows`:
1. one reward for all conjectures: the largest least gain over members and pairs of types; a strict gain is enough;
2. where the reward set is convex, or there is one conjecture only, that is also necessary (minimax); so it is where
   no gain is left without what coalitions of two or more require;
3. else a menu of rewards grows (:mod:`breakaway.runners.implementation.menus`) until it serves all conjectures, or at
   some conjectures no reward gives strict gains.

Reference: Guo and Yannelis (2020), Robust Coalitional Implementation, Definitions 5 and 8.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import (
    STRICT,
    Deception,
    PayoffEnvironment,
    coalitions_with,
    maximal_pattern,
    minimal_pattern,
)
from breakaway.runners.implementation.branching import Limits, Optimum, ProgramError, RewardProgram, program_of
from breakaway.runners.implementation.menus import DIVE, ask_one_reward, grow_menu
from breakaway.runners.implementation.questions import Blow, Question
from breakaway.runners.implementation.rewards import Reward, RewardSet
from breakaway.runners.solvers import SolverOptions

__all__ = ["Blow", "Kind", "Whistles"]

Kind: TypeAlias = Literal["minimal", "coalitional", "pattern"]


@dataclass
class _Known:
    """Answers for one coalition, its types and its reports, by the set of pairs as a bitmask."""

    exact: dict[int, Blow] = field(default_factory=dict)

    def find(self, mask: int) -> Blow | None:
        """Return what follows from earlier answers: who blows against more blows against less."""
        if mask in self.exact:
            return self.exact[mask]
        for other, blow in self.exact.items():
            if (blow.holds and mask & other == mask) or (blow.holds is False and mask & other == other):
                return blow
        return None


class Whistles:
    """The test of whistle-blowing for one condition, with its answers kept.

    Parameters
    ----------
    environment
        The payoff environment; its own pattern plays no part unless none is given.
    kind
        ``minimal``: single agents blow, rewards must not tempt single agents (robust monotonicity). ``coalitional``:
        single agents blow, rewards must not tempt any coalition (robust coalitional monotonicity). ``pattern``: the
        coalitions of a pattern blow, rewards must not tempt coalitions of the pattern (robust S monotonicity).
    pattern
        For the kind ``pattern``, plays no part in the others; None: the environment's.
    options
        The time limit is that of one question; a question that it ends is left open.
    """

    def __init__(
        self,
        environment: PayoffEnvironment,
        kind: Kind = "coalitional",
        pattern: Sequence[Coalition] | None = None,
        options: SolverOptions | None = None,
    ) -> None:
        """Choose the coalitions that may blow.

        Raises
        ------
        ValueError
            For an unknown kind.
        """
        self.environment, self.kind, self.options = environment, kind, options or SolverOptions()
        self.coalitions = _blowers(environment, kind, pattern)
        self._sets: dict[Coalition, RewardSet] = {}
        self._programs: dict[Coalition, RewardProgram] = {}
        self._blocks: dict[tuple[Coalition, int], RewardProgram] = {}
        self._defaults: dict[Coalition, Floats | None] = {}
        self._parts: dict[tuple[object, ...], Optimum] = {}
        self._known: dict[tuple[object, ...], _Known] = {}

    def reward_set(self, coalition: Coalition) -> RewardSet:
        """Return the reward set of a coalition that may blow.

        Raises
        ------
        ValueError
            When the coalition cannot blow.
        """
        if coalition not in self._sets:
            if coalition not in self.coalitions:
                raise ValueError(f"coalition {coalition} cannot blow the whistle here; choose one of {self.coalitions}")
            tempted = self.coalitions if self.kind != "coalitional" else maximal_pattern(len(self.environment))
            family = coalitions_with(tempted, coalition)
            self._sets[coalition] = RewardSet(self.environment, coalition, family)
        return self._sets[coalition]

    def blows(self, coalition: Coalition, true: Sequence[int], reported: Sequence[int], deception: Deception) -> Blow:
        """Return whether members with types ``true`` who are to report ``reported`` blow against a deception.

        ``true`` and ``reported`` are types of the members, ascending; of the deception only the outsiders' part counts.
        A true answer for more pairs of outsiders' types, and a false one for fewer, is taken as the answer.
        """
        return self.blows_at(coalition, true, reported, self.pairs(coalition, deception))

    def pairs(self, coalition: Coalition, deception: Deception) -> NDArray[np.bool_]:
        """Return which profiles of the outsiders may be reported at which true profiles, shape (Q true, Q reported)."""
        outsiders = members(self.environment.others(coalition))
        tables = [_table(deception[j], self.environment.sizes[j]) for j in outsiders]
        found: NDArray[np.bool_] = reduce(np.kron, tables, np.ones((1, 1), dtype=bool))
        return found

    def blows_at(
        self, coalition: Coalition, true: Sequence[int], reported: Sequence[int], pairs: NDArray[np.bool_]
    ) -> Blow:
        """Return whether members blow where the others' profiles are known to be among pairs, shape (Q, Q)."""
        key = (coalition, tuple(true), tuple(reported))
        known = self._known.setdefault(key, _Known())
        mask = int.from_bytes(np.packbits(pairs).tobytes(), "big")
        blow = known.find(mask)
        if blow is None:
            question = Question(self.environment, coalition, key[1], key[2], np.argwhere(pairs))
            blow = known.exact[mask] = self._ask(question)
        return blow

    def one_reward(
        self, coalition: Coalition, true: Sequence[int], reported: Sequence[int], deception: Deception
    ) -> tuple[float, Reward | None]:
        """Return the largest least gain that a single reward gives to members at all pairs, and such a reward.

        At most 1; minus infinity and None where the reward set is empty.

        Raises
        ------
        ProgramError
            When HiGHS fails, or the search is stopped before it looked everywhere.
        """
        pairs = np.argwhere(self.pairs(coalition, deception))
        question = Question(self.environment, coalition, tuple(true), tuple(reported), pairs)
        limits = replace(self._limits(), above=-math.inf, enough=math.inf)
        found = ask_one_reward(question, self.reward_set(coalition), self._program(coalition), limits)
        if not found.complete:
            raise ProgramError(f"stopped after {found.nodes} programmes; raise or leave out the time limit")
        return found.value, None if found.weights is None else Reward(coalition, found.weights)

    def _ask(self, question: Question) -> Blow:
        """Answer by the method of the case."""
        try:
            if self.reward_set(question.coalition).is_convex:
                return self._by_profile(question)
            return self._by_search(question)
        except ProgramError as error:
            return question.open(str(error))

    # --- convex reward sets: one small programme for every profile that is reported -----------------------------------

    def _by_profile(self, question: Question) -> Blow:
        """Y_i is a product over the others' reports, and so is the test."""
        default = self._default(question.coalition)
        if default is None:
            return question.nothing()
        weights = default.copy()
        worst: tuple[Optimum, NDArray[np.bool_]] | None = None
        for q in np.unique(question.pairs[:, 1]).tolist():
            there = question.pairs[:, 1] == q
            part = self._part(question, q, there)
            weights[q] = part.weights[0]
            if worst is None or part.value < worst[0].value:
                worst = part, there
        assert worst is not None
        value = worst[0].value
        if value > STRICT:
            return question.yes(value, "one programme, convex rewards", [weights])
        conjectures = np.zeros((1, len(question.pairs)))
        conjectures[0, worst[1]] = worst[0].multipliers
        return question.no(value, "one programme, convex rewards", conjectures)

    def _part(self, question: Question, q: int, there: NDArray[np.bool_]) -> Optimum:
        """Return the largest least gain where the others report the profile q."""
        pairs = question.pairs[there]
        key = (question.coalition, question.true, question.reported, q, pairs[:, 0].tobytes())
        if key not in self._parts:
            program = self._block(question.coalition, q)
            rows = program.rows
            worth, prescribed = question.prospects(pairs)
            program.add_blocks(np.zeros(len(pairs), dtype=np.int64), -worth[0], -prescribed[0], least=1.0)
            optimum = program.solve()
            program.drop(rows)
            assert optimum is not None
            self._parts[key] = Optimum(optimum.value, optimum.weights, optimum.multipliers[rows:])
        return self._parts[key]

    def _block(self, coalition: Coalition, q: int) -> RewardProgram:
        """Return the programme of the rewards of a single agent at one profile that the others report."""
        if (coalition, q) not in self._blocks:
            environment, rewards = self.environment, self.reward_set(coalition)
            program = RewardProgram(1, len(environment.outcomes), len(environment.rays), self.options)
            (agent,) = members(coalition)
            (required,) = rewards.requirements
            true = required.true[required.others == q]
            worth, base = environment.worth[agent, true], rewards.base_payoffs[agent, true]
            program.add_blocks(np.zeros(len(true), dtype=np.int64), worth, base)
            self._blocks[coalition, q] = program
        return self._blocks[coalition, q]

    def _default(self, coalition: Coalition) -> Floats | None:
        """Return some reward of a single agent, shape (Q, K + R), or None if there is none."""
        if coalition not in self._defaults:
            parts = [self._block(coalition, q).solve() for q in range(self.reward_set(coalition).profiles)]
            found = [part.weights[0] for part in parts if part is not None]
            self._defaults[coalition] = np.array(found) if len(found) == len(parts) else None
        return self._defaults[coalition]

    # --- reward sets that need not be convex --------------------------------------------------------------------------

    def _by_search(self, question: Question) -> Blow:
        """One reward for all conjectures; where that does not settle it, a menu."""
        rewards, program = self.reward_set(question.coalition), self._program(question.coalition)
        limits = self._limits()
        point = len(question.pairs) == 1
        found = ask_one_reward(question, rewards, program, limits if point else replace(limits, nodes=DIVE))
        if found.weights is not None:
            return question.yes(found.value, "one reward, by branching", [found.weights])
        if found.bound == -math.inf:
            return question.nothing()
        if found.bound <= STRICT:
            conjectures = question.conjectures(found.multipliers)
            return question.no(found.bound, "no gain even without coalitions' requirements", conjectures)
        if not point:
            return grow_menu(question, rewards, program, limits, self.options)
        if found.complete:
            return question.no(STRICT, "one conjecture, by branching", np.ones((len(members(question.coalition)), 1)))
        return question.open("the limit was reached")

    def _program(self, coalition: Coalition) -> RewardProgram:
        """Return the programme of the reward functions, with what single agents require."""
        if coalition not in self._programs:
            self._programs[coalition] = program_of(self.reward_set(coalition), self.options)
        return self._programs[coalition]

    def _limits(self) -> Limits:
        limit = self.options.time_limit
        return Limits(deadline=math.inf if limit is None else time.monotonic() + limit)


def _blowers(environment: PayoffEnvironment, kind: Kind, pattern: Sequence[Coalition] | None) -> tuple[Coalition, ...]:
    if kind not in ("minimal", "coalitional", "pattern"):
        raise ValueError(f"unknown kind {kind!r}; choose one of 'minimal', 'coalitional', 'pattern'")
    single = minimal_pattern(len(environment))
    if kind != "pattern":
        return single
    chosen = environment.pattern if pattern is None else pattern
    return tuple(sorted(set(chosen) | set(single)))


def _table(reports: Sequence[frozenset[int]], size: int) -> NDArray[np.bool_]:
    """Return which types may be reported at which true types, shape (size, size)."""
    return np.array([[reported in own for reported in range(size)] for own in reports], dtype=bool)
