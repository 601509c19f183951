"""One question of whistle-blowing, what it says to a programme, and its answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import EqualArrays, Floats, Ints
from breakaway.data.coalitions import Coalition, members
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.runners.implementation.branching import RewardProgram
from breakaway.runners.implementation.rewards import Reward


@dataclass(frozen=True, eq=False)
class Blow(EqualArrays):
    """Whether members blow the whistle, and why.

    Attributes
    ----------
    holds
        None where limits or the solver left it open.
    value
        Where it holds: a strict gain that every member can expect whatever it conjectures. Where it does not: a number
        that the least gain of a member cannot exceed at the conjecture. Numbers above 1 are not told apart.
    method
        In words.
    rewards
        Where it holds: one reward for all conjectures, or a menu of which some reward serves, whatever the conjectures.
    conjectures
        Where it does not hold: conjectures at which no reward serves, shape (members, pairs), if there is any reward.
    pairs
        True and reported profiles (numbers) of the others that the test looked at, shape (pairs, 2).
    """

    holds: bool | None
    value: float
    method: str
    pairs: Ints
    rewards: tuple[Reward, ...] = ()
    conjectures: Floats | None = None

    @property
    def reward(self) -> Reward | None:
        """The one reward that serves all conjectures, if one does."""
        return self.rewards[0] if len(self.rewards) == 1 else None


@dataclass(frozen=True, eq=False)
class Question:
    """Members with types who are to report types, and the pairs of the others' profiles that are possible."""

    environment: PayoffEnvironment
    coalition: Coalition
    true: tuple[int, ...]
    reported: tuple[int, ...]
    pairs: Ints

    def prospects(self, pairs: Ints) -> tuple[Floats, Floats]:
        """Return what members have from every outcome and ray, (S, pairs, K + R), and from f, (S, pairs), at pairs."""
        joined = list(members(self.coalition))
        true = self.environment.with_members(self.coalition, self.true)[pairs[:, 0]]
        reported = self.environment.with_members(self.coalition, self.reported)[pairs[:, 1]]
        return self.environment.worth[joined][:, true], self.environment.payoffs[joined][:, true, reported]

    def add_gains(self, program: RewardProgram) -> None:
        """Add t <= u_i(y(theta'_-S), theta) - u_i(f(theta'), theta) for every member and pair."""
        worth, prescribed = self.prospects(self.pairs)
        blocks = np.tile(self.pairs[:, 1], len(worth))
        program.add_blocks(blocks, -worth.reshape(len(blocks), -1), -prescribed.ravel(), least=1.0)

    def add_expected_gains(self, program: RewardProgram, conjectures: Floats, least: float | None = None) -> None:
        """Add t <= sum over pairs of psi_i times the gain for every member; conjectures have shape (S, pairs).

        With ``least``, a number stands in the place of t.
        """
        worth, prescribed = self.prospects(self.pairs)
        coefficients = np.zeros((len(worth), program.blocks, program.width))
        weighted = conjectures[:, :, None] * worth
        for q in np.unique(self.pairs[:, 1]).tolist():
            coefficients[:, q] = weighted[:, self.pairs[:, 1] == q].sum(axis=1)
        right = -(conjectures * prescribed).sum(axis=1)
        program.add_gains(coefficients, right if least is None else right - least, least is None)

    def gains(self, weights: Floats) -> Floats:
        """Return what members gain at every pair by a reward y of shape (Q, K + R), shape (S, pairs)."""
        worth, prescribed = self.prospects(self.pairs)
        found: Floats = np.einsum("spk,pk->sp", worth, weights[self.pairs[:, 1]]) - prescribed
        return found

    def conjectures(self, multipliers: Floats) -> Floats:
        """Return the conjectures that multipliers of the members' gains stand for, shape (S, pairs)."""
        shares = np.maximum(multipliers, 0.0).reshape(-1, len(self.pairs))
        total = shares.sum(axis=1, keepdims=True)
        return np.where(total > 0, shares / np.where(total > 0, total, 1.0), 1.0 / len(self.pairs))

    def yes(self, value: float, method: str, weights: Sequence[Floats]) -> Blow:
        """Answer that the members blow."""
        rewards = tuple(Reward(self.coalition, own) for own in weights)
        return Blow(True, value, method, self.pairs, rewards)

    def no(self, value: float, method: str, conjectures: Floats) -> Blow:
        """Answer that the members do not blow."""
        return Blow(False, value, method, self.pairs, conjectures=conjectures)

    def nothing(self) -> Blow:
        """Answer that there is no reward at all."""
        return Blow(False, -math.inf, "the reward set is empty", self.pairs)

    def open(self, why: str) -> Blow:
        """Leave the question open."""
        return Blow(None, math.nan, f"left open: {why}", self.pairs)
