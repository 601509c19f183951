"""How far stable assignments and imputations are determined: the range of every payoff and of every group.

The welfare Pi is concave in the masses, and its one-sided derivatives are the extreme imputations (Wang 2019, section
2.2.1): Pi'(mu; d) is the least of d.u over all imputations u, so that the least payoff of type i is Pi'(mu; e_i) and
the largest is -Pi'(mu; -e_i). Each is a linear programme with one row for every type: maximise s.y subject to A y = d,
where y_G may be negative for the groups of one optimal assignment. All optimal assignments are those on the groups that
are tight at any one imputation.

Where the data are short decimals and there are few types, every basis is solved again in fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.groups import (
    FiniteGroupGame,
    GroupArray,
    GroupGame,
    all_groups,
    group_sizes,
    one_type_groups,
    payoff_within,
    sufficient_count,
    sufficient_groups,
    surpluses,
)
from breakaway.models import imputation
from breakaway.runners.groups.exact import MOST_EXACT_GROUPS, MOST_TYPES, ExactOptimum, ExactProgram, fractions_of
from breakaway.runners.groups.program import ColumnProgram, Optimum, ProgramError
from breakaway.runners.groups.scaling import scaled, unit_of
from breakaway.runners.groups.solution import GroupSolution
from breakaway.runners.solvers import InfeasibleError, NumericalError, SolverOptions, solve_model

MOST_LISTED = 200_000
"""Most groups that are all given to a programme; beyond, those that can improve it are searched for."""

MOST_TIGHT = 2_000
"""Most tight groups whose ranges are computed."""

Pricer = Callable[[Floats], GroupArray]
"""Takes payoffs and returns some groups with s(G) > u(G), none when there are none (up to its own tolerance)."""

End = tuple[float, Floats | None, ExactOptimum | None]
"""A derivative, an imputation that attains it, and both in fractions."""

Exact = tuple[Fraction | float, ...]
"""Payoffs in fractions, infinite ones as floats."""


@dataclass(frozen=True, eq=False)
class PayoffRanges:
    """The range of every payoff over all imputations, and one imputation.

    ``least``, ``most``: shape (types,), infinite where groups are forbidden and nothing bounds the payoff;
    ``canonical``: the most equal imputation (least sum of mu_i u_i^2); ``unique``: there is no other one.
    ``exact_value``, ``exact_least``, ``exact_most``: the welfare and the ranges in fractions, None where they are not
    at hand.
    """

    least: Floats
    most: Floats
    canonical: Floats
    unique: bool
    exact_value: Fraction | None = None
    exact_least: Exact | None = None
    exact_most: Exact | None = None


@dataclass(frozen=True, eq=False)
class GroupRanges:
    """The range of tau over all optimal assignments, for every group that some of them form.

    ``exact_least`` and ``exact_most`` are fractions, None where they are not at hand.
    """

    groups: GroupArray
    surplus: Floats
    least: Floats
    most: Floats
    unique: bool
    exact_least: tuple[Fraction, ...] | None = None
    exact_most: tuple[Fraction, ...] | None = None


class OptimalFace:
    """All imputations of a game, described by the groups of one optimal assignment."""

    def __init__(self, game: FiniteGroupGame, solution: GroupSolution, pricer: Pricer | None = None) -> None:
        """Start from a complete solution.

        Parameters
        ----------
        game
            The game.
        solution
            An optimal assignment with its imputation.
        pricer
            Finds groups that could block; None: all groups are listed here.

        Raises
        ------
        ValueError
            When there are too many groups to list and no pricer is given.
        """
        self.game = game
        self.solution = solution
        self.scale = float(np.abs(solution.imputation).max(initial=0.0)) or 1.0
        self._known: dict[bytes, End] = {}
        self._exact: ExactProgram | None = None
        self.exact_value: Fraction | None = None
        self._listed = self._list() if pricer is None else None
        self.pricer = pricer or self._price_listed
        self.groups, self.surplus = self._start()
        self.free = _rows_in(self.groups, _rows(self._formed()))
        if self._listed is not None and len(self._listed[0]) == len(self.groups) and self._small():
            self._solve_exactly()
        self._money = unit_of(self.surplus)
        self._program = ColumnProgram(np.zeros(len(game.types)), money=self._money)
        self._program.add(self.groups, self.surplus, self.free)
        self._only = self._only_one() if self._exact is None else None

    def _list(self) -> tuple[GroupArray, Floats]:
        """Return all groups that matter, with their surpluses."""
        if sufficient_count(self.game) > MOST_LISTED:
            raise ValueError(f"more than {MOST_LISTED:,} groups: give a pricer that finds groups which could block")
        return sufficient_groups(self.game)

    def _small(self) -> bool:
        """Tell whether bases are solved in fractions."""
        return len(self.game.types) <= MOST_TYPES and len(self.groups) <= MOST_EXACT_GROUPS

    def _formed(self) -> GroupArray:
        """Return the groups that count as formed."""
        masses = self.solution.masses
        return self.solution.groups[masses > 1e-10 * max(float(masses.max(initial=0.0)), 1e-300)]

    def _start(self) -> tuple[GroupArray, Floats]:
        """Return the groups that the programme starts with: all of them, or those formed and those nearly tight.

        Groups of one type are among them, so that the programme is feasible if it is with all groups.
        """
        game, formed = self.game, self._formed()
        forbids = isinstance(game, GroupGame) and game.unlisted == "forbidden"
        if self._listed is not None and (forbids or len(self._listed[0]) <= MOST_EXACT_GROUPS // 10):
            return self._listed
        groups = np.vstack([formed, one_type_groups(game)])
        if self._listed is not None:
            groups = np.vstack([groups, self._near(self.solution.imputation)])
        groups = np.unique(groups, axis=0)
        worth = surpluses(game, groups)
        return groups[worth > -math.inf], worth[worth > -math.inf]

    def _only_one(self) -> Floats | None:
        """Return the only imputation when the groups formed determine it, None when they may not."""
        formed = _matrix(self.groups[self.free], len(self.game.types))
        if len(formed) < formed.shape[1] or np.linalg.matrix_rank(formed) < formed.shape[1]:
            return None
        return np.asarray(np.linalg.lstsq(formed, self.surplus[self.free], rcond=None)[0], dtype=np.float64)

    def _solve_exactly(self) -> None:
        """Find an optimal assignment in fractions; its groups are then the ones formed."""
        masses = self.game.types.masses
        program = ColumnProgram(masses, money=unit_of(self.surplus))
        program.add(self.groups, self.surplus)
        surplus = fractions_of(self.surplus)
        optimum = ExactProgram(self.groups, surplus).optimum(fractions_of(masses), solved(program))
        if optimum is not None:
            self.exact_value = optimum.value
            self.free = np.isin(np.arange(len(self.groups)), list(optimum.amounts))
            self._exact = ExactProgram(self.groups, surplus, frozenset(optimum.amounts))

    def derivative(self, direction: Floats) -> End:
        """Return Pi'(mu; d), an imputation that attains it and, if at hand, both in fractions.

        The derivative is minus infinity, without imputation, when the market changed in that direction cannot be
        covered.
        """
        if self._only is not None:
            return float(self._only @ direction), self._only, None
        key = (direction + 0.0).tobytes()
        if key not in self._known:
            self._known[key] = self._optimise(direction)
        return self._known[key]

    def _optimise(self, direction: Floats) -> End:
        """Solve the programme of one derivative."""
        self._program.set_right(direction)
        while True:
            found = self._solve()
            if found is None:
                return -math.inf, None, None
            missing = self.pricer(found.payoffs)
            missing = missing[~_rows_in(missing, _rows(self.groups))]
            if not len(missing):
                break
            self._add(missing)
        exact = None if self._exact is None else self._exact.optimum(fractions_of(direction), found)
        return found.value, found.payoffs, exact

    def _solve(self) -> Optimum | None:
        try:
            return solved(self._program)
        except InfeasibleError:
            return None

    def _add(self, groups: GroupArray) -> None:
        surplus = surpluses(self.game, groups)
        self._program.add(groups, surplus)
        self.groups = np.vstack([self.groups, groups])
        self.surplus = np.concatenate([self.surplus, surplus])
        self.free = np.concatenate([self.free, np.zeros(len(groups), dtype=np.bool_)])

    def most_equal(self, options: SolverOptions | None = None) -> Floats:
        """Return the imputation with the least sum of mu_i u_i^2: a quadratic programme, then its active rows alone."""
        groups = self._near(self.solution.imputation)
        game = scaled(self.game, self._money, unit_of(self.game.types.masses))
        while True:
            model = imputation.build(game, "least_squares", groups=groups, formed=self.groups[self.free])
            solve_model(model, (options or SolverOptions()).replace(solver=None))
            found = self._polished(groups, np.array([model.payoff[i].value for i in model.types]) * self._money)
            missing = self.pricer(found)
            missing = missing[~_rows_in(missing, _rows(groups))]
            if not len(missing):
                return found
            groups = np.vstack([groups, missing])

    def _near(self, payoffs: Floats) -> GroupArray:
        """Return the listed groups with the least slack at some payoffs, at most twenty for each type."""
        groups, surplus = self.known
        slack = payoff_within(groups, payoffs) - surplus
        return groups[np.argsort(slack, kind="stable")[: 20 * len(payoffs)]]

    @property
    def known(self) -> tuple[GroupArray, Floats]:
        """The groups at hand with their surpluses: all that matter, unless there is a pricer."""
        return self._listed or (self.groups, self.surplus)

    def _price_listed(self, payoffs: Floats) -> GroupArray:
        """Return listed groups that get less than their surplus by more than rounding, at most five for each type."""
        groups, surplus = self.known
        slack = payoff_within(groups, payoffs) - surplus
        short = np.flatnonzero(slack < -1e-9 * self.scale)
        return groups[short[np.argsort(slack[short], kind="stable")[: 5 * len(payoffs)]]]

    def _polished(self, groups: GroupArray, payoffs: Floats) -> Floats:
        """Return the least-norm payoffs on the rows that are active at an approximate optimum, if they are feasible."""
        surplus = surpluses(self.game, groups)
        slack = payoff_within(groups, payoffs) - surplus
        active = np.vstack([self.groups[self.free], groups[slack < 1e-6 * self.scale]])
        asked = surpluses(self.game, active)
        root = np.sqrt(self.game.types.masses)
        matrix = _matrix(active, len(payoffs)) / root
        found = np.asarray(np.linalg.lstsq(matrix, asked, rcond=None)[0] / root, dtype=np.float64)
        feasible = (payoff_within(groups, found) - surplus).min(initial=0.0) > -1e-9 * self.scale
        close = np.abs(found - payoffs).max() < 1e-4 * self.scale
        return found if feasible and close else payoffs


def payoff_ranges(face: OptimalFace, options: SolverOptions | None = None, tolerance: float = 1e-9) -> PayoffRanges:
    """Return the range of every payoff, and the most equal imputation.

    Parameters
    ----------
    face
        The imputations.
    options
        For the quadratic programme of the most equal one.
    tolerance
        Width, relative to the largest payoff, up to which a range counts as one payoff when there are no fractions.
    """
    types = len(face.game.types)
    lows = [face.derivative(unit) for unit in np.eye(types)]
    highs = [face.derivative(-unit) for unit in np.eye(types)]
    exact_least = _exact_ends(lows, 1)
    exact_most = _exact_ends(highs, -1)
    least, most = (np.array([sign * value for value, _, _ in ends]) for ends, sign in ((lows, 1.0), (highs, -1.0)))
    if exact_least is not None and exact_most is not None:
        unique = exact_least == exact_most
        least, most = (np.array([float(x) for x in ends]) for ends in (exact_least, exact_most))
    else:
        unique = bool((most - least <= tolerance * face.scale).all())
        most = np.maximum(least, most)
    canonical = (least + most) / 2.0 if unique else face.most_equal(options)
    return PayoffRanges(least, most, canonical, unique, face.exact_value, exact_least, exact_most)


def _exact_ends(ends: Sequence[End], sign: int) -> tuple[Fraction | float, ...] | None:
    """Return the ends of the ranges in fractions; None when one of them is not at hand."""
    if any(exact is None and math.isfinite(value) for value, _, exact in ends):
        return None
    return tuple(sign * value if exact is None else sign * exact.value for value, _, exact in ends)


def welfare_derivative(face: OptimalFace, direction: Sequence[float] | Floats) -> float:
    """Return Pi'(mu; d), by how much the welfare grows per unit along a direction of masses, shape (types,).

    Minus infinity when the changed market cannot be covered.
    """
    value, _, exact = face.derivative(np.asarray(direction, dtype=np.float64))
    return value if exact is None else float(exact.value)


def group_ranges(face: OptimalFace, most: int = MOST_TIGHT) -> GroupRanges:
    """Return the range of tau(G) over all optimal assignments, for every group that some optimal assignment forms.

    Raises
    ------
    ValueError
        When more than ``most`` groups are tight, so that the ranges would take too long.
    """
    inside, exact_inside = _inner_imputation(face)
    groups = tight_groups(face, inside, most)
    if exact_inside is not None and len(groups):
        program = ExactProgram(groups, fractions_of(surpluses(face.game, groups)))
        groups = groups[program.slack(exact_inside) == 0]
    if len(groups) > most:
        raise ValueError(f"{len(groups):,} groups are tight; ranges are computed for up to {most:,}: raise `most`")
    return _ranges_among(face, groups, exact=exact_inside is not None)


def _inner_imputation(face: OptimalFace) -> tuple[Floats, tuple[Fraction, ...] | None]:
    """Return the mean of imputations with extreme payoffs: fewer groups are tight there than at a corner."""
    units = np.eye(len(face.game.types))
    found = [face.derivative(sign * unit) for unit in units for sign in (1.0, -1.0)]
    ends = [payoffs for _, payoffs, _ in found if payoffs is not None]
    exact = [own.payoffs for _, _, own in found if own is not None]
    mean = np.mean(ends, axis=0) if ends else face.solution.imputation
    if not exact or len(exact) < len(ends):
        return np.asarray(mean, dtype=np.float64), None
    return np.asarray(mean), tuple(sum(own, Fraction(0)) / len(exact) for own in zip(*exact, strict=True))


def tight_groups(face: OptimalFace, payoffs: Floats, most: int = MOST_TIGHT) -> GroupArray:
    """Return the permitted groups with u(G) = s(G) up to 1e-9 of the largest payoff, among those that the face lists.

    Unlisted groups of types with payoff 0 are tight too where they have surplus 0.

    Raises
    ------
    ValueError
        When the types with payoff 0 have more than ``most`` unlisted groups.
    """
    game = face.game
    known, surplus = face.known
    listed = known[payoff_within(known, payoffs) - surplus <= 1e-9 * face.scale]
    idle = np.flatnonzero(np.abs(payoffs) <= 1e-9 * face.scale)
    if not isinstance(game, GroupGame) or game.unlisted == "forbidden" or not len(idle):
        return listed
    count = sum(math.comb(len(idle) + size - 1, size) for size in range(game.min_size, game.max_size + 1))
    if count > most:
        raise ValueError(
            f"{len(idle)} types have payoff 0 and can be put into {count:,} groups in any way; ranges are computed for "
            f"up to {most:,}: raise `most`"
        )
    numbers = np.append(idle, -1).astype(np.int32)
    own = numbers[all_groups(len(idle), game.min_size, game.max_size)]
    own = own[~_rows_in(own, _rows(listed))]
    return np.vstack([listed, own])


def _ranges_among(face: OptimalFace, groups: GroupArray, exact: bool) -> GroupRanges:
    """Return the ranges of tau over all assignments that use these groups only."""
    masses = face.game.types.masses
    program = ColumnProgram(masses)
    program.add(groups, np.zeros(len(groups)))
    ends: list[tuple[float, float]] = []
    fractions: list[tuple[Fraction, Fraction] | None] = []
    for k in range(len(groups)):
        low, high = (_extreme(program, groups, masses, k, sign, exact) for sign in (-1, 1))
        ends.append((max(-low[0], 0.0), high[0]))
        fractions.append(None if low[1] is None or high[1] is None else (-low[1], high[1]))
    least, most = (np.array([end[side] for end in ends]) for side in (0, 1))
    scale = float(masses.max())
    known = [pair for pair in fractions if pair is not None]
    if len(known) < len(fractions):
        kept, unique = most > 1e-9 * scale, bool((most - least <= 1e-9 * scale).all())
        return GroupRanges(groups[kept], surpluses(face.game, groups[kept]), least[kept], most[kept], unique)
    kept = np.array([high > 0 for _, high in known], dtype=np.bool_)
    lows, highs = (tuple(pair[side] for pair in known if pair[1] > 0) for side in (0, 1))
    floats = [np.array([float(x) for x in side]) for side in (lows, highs)]
    own = groups[kept]
    return GroupRanges(own, surpluses(face.game, own), floats[0], floats[1], lows == highs, lows, highs)


def _extreme(
    program: ColumnProgram, groups: GroupArray, masses: Floats, k: int, sign: int, exact: bool
) -> tuple[float, Fraction | None]:
    """Return the largest ``sign`` tau_k over the assignments of a programme, in floats and in fractions."""
    costs = np.zeros(len(groups))
    costs[k] = sign
    program.set_surplus(costs)
    found = solved(program)
    if not exact:
        return found.value, None
    own = ExactProgram(groups, fractions_of(costs)).optimum(fractions_of(masses), found)
    return found.value, None if own is None else own.value


def solved(program: ColumnProgram) -> Optimum:
    """Solve a programme.

    Raises
    ------
    InfeasibleError, NumericalError
        When HiGHS ends without an optimum.
    """
    try:
        return program.solve()
    except ProgramError as error:
        kind = InfeasibleError if error.infeasible else NumericalError
        raise kind(f"{error}: leave the ranges out (detail none)") from error


def group_order(groups: GroupArray) -> NDArray[np.int64]:
    """Return the order of groups by size, then by their types."""
    return np.lexsort((*groups.T[::-1], group_sizes(groups)))


def _rows(groups: GroupArray) -> set[bytes]:
    """Return groups as a set of keys without padding."""
    return {bytes(_trimmed(row)) for row in groups}


def _rows_in(groups: GroupArray, known: set[bytes]) -> NDArray[np.bool_]:
    """Tell of each group whether it is among those known."""
    return np.array([bytes(_trimmed(row)) in known for row in groups], dtype=np.bool_)


def _trimmed(row: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.ascontiguousarray(row[row >= 0])


def _matrix(groups: GroupArray, types: int) -> Floats:
    """Return A', the members of each type by group, shape (m, types)."""
    return np.asarray((groups[:, :, None] == np.arange(types)).sum(axis=1), dtype=np.float64)
