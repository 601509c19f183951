"""Games in strategic form with transfers: coalitional Nash equilibria, and the partition function that they give.

In a coalitional Nash equilibrium of a structure every coalition maximises the sum of its members' payoffs, given the
actions of the others (section 3.3 of Vohra and Ray 2025). Where all equilibria of a structure give every coalition the
same sum, that sum is its worth; the equilibrium itself need not be unique.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Structure, members, structures
from breakaway.data.games import FloatArray, PartitionFunctionGame, Payoffs, StrategicFormGame
from breakaway.results.records import Answer
from breakaway.runners.asking import About, HowToSolve
from breakaway.runners.recursion import Hooks
from breakaway.runners.strategic_recursion import IntArray, NoEquilibriumError, scale_of_payoffs
from breakaway.runners.verify import verify_strategic
from breakaway.runners.viability import MOST_VERIFIED_STRUCTURES, solve_viability

MOST_LISTED = 6
"""Most equilibria, and most structures, that an error spells out."""


@dataclass(frozen=True, slots=True)
class SurplusEquilibria:
    """All coalitional Nash equilibria in pure actions of one structure.

    ``actions`` has a row of action numbers for each equilibrium, ``worths`` the sums of payoffs, both of shape
    (equilibria, blocks); ``counting`` is the number of the one that gives the worths, -1 while none is chosen.
    """

    structure: Structure
    actions: IntArray
    worths: FloatArray
    counting: int = -1


def surplus_equilibria(game: StrategicFormGame, structure: Structure, eps: float) -> SurplusEquilibria:
    """Find the profiles at which every coalition maximises its sum of payoffs; sums tie within ``eps``."""
    payoffs = game.payoffs_in(structure)
    totals = np.stack([payoffs[..., list(members(block))].sum(axis=-1) for block in structure], axis=-1)
    stable = np.ones(payoffs.shape[:-1], dtype=bool)
    for k in range(len(structure)):
        stable &= totals[..., k] >= totals[..., k].max(axis=k, keepdims=True) - eps
    actions = np.argwhere(stable)
    return SurplusEquilibria(structure, actions, totals[tuple(actions.T)])


def choose(game: StrategicFormGame, found: SurplusEquilibria, eps: float) -> SurplusEquilibria:
    """Choose the equilibrium that counts, by the game's table of equilibria or its rule.

    Raises
    ------
    NoEquilibriumError
        When there is none, or the rule leaves several with different worths.
    """
    name = game.players.structure_name(found.structure)
    if not len(found.actions):
        raise NoEquilibriumError(
            f"{name} has no coalitional Nash equilibrium in pure actions, so its coalitions have no worths; list mixed "
            f"actions that matter as actions, with their expected payoffs"
        )
    if found.structure in game.chosen:
        return replace(found, counting=_position(game, found))
    if game.selection == "first":
        return replace(found, counting=0)
    candidates = np.arange(len(found.actions))
    if game.selection == "largest-total":
        totals = found.worths.sum(axis=1)
        candidates = np.flatnonzero(totals >= totals.max() - eps)
    if np.ptp(found.worths[candidates], axis=0).max() > 2 * eps:
        listed = _listing(game, found, candidates[:MOST_LISTED].tolist())
        raise NoEquilibriumError(
            f"{name} has {len(candidates)} coalitional Nash equilibria with different worths ({listed}); choose one in "
            f"the table equilibria, or set the parameter equilibrium to 'largest-total' or 'first'"
        )
    return replace(found, counting=int(candidates[0]))


def _position(game: StrategicFormGame, found: SurplusEquilibria) -> int:
    """Return the number of the equilibrium that the game's table names."""
    wanted = game.chosen[found.structure]
    names = [_actions_of(game, found, k) for k in range(len(found.actions))]
    if wanted in names:
        return names.index(wanted)
    profile = game.profile_name(found.structure, wanted)
    listed = _listing(game, found, list(range(min(len(names), MOST_LISTED))))
    raise NoEquilibriumError(
        f"{profile} is no coalitional Nash equilibrium of {game.players.structure_name(found.structure)}; in the table "
        f"equilibria name one of them: {listed}"
    )


def _actions_of(game: StrategicFormGame, found: SurplusEquilibria, k: int) -> tuple[str, ...]:
    pairs = zip(found.structure, found.actions[k].tolist(), strict=True)
    return tuple(game.joint_actions(block)[number] for block, number in pairs)


def _listing(game: StrategicFormGame, found: SurplusEquilibria, numbers: Sequence[int]) -> str:
    """Write equilibria with their worths."""
    texts = []
    for k in numbers:
        worths = ", ".join(f"{worth:.6g}" for worth in found.worths[k])
        texts.append(f"{game.profile_name(found.structure, _actions_of(game, found, k))} worth ({worths})")
    return "; ".join(texts)


def all_equilibria(game: StrategicFormGame, eps: float) -> list[SurplusEquilibria]:
    """Find the equilibria of every structure, with the choice that counts.

    Raises
    ------
    NoEquilibriumError
        With the problems of the first structures that have none, or no unique one.
    """
    found, problems = [], []
    for structure in sorted(structures(game.players.everyone), key=lambda pi: (-len(pi), pi)):
        try:
            found.append(choose(game, surplus_equilibria(game, structure, eps), eps))
        except NoEquilibriumError as error:
            problems.append(str(error))
    if problems:
        more = f"\n... and {len(problems) - MOST_LISTED} more structures" if len(problems) > MOST_LISTED else ""
        raise NoEquilibriumError("\n".join(problems[:MOST_LISTED]) + more)
    return found


def exact_worths(game: StrategicFormGame, found: SurplusEquilibria) -> Payoffs:
    """Return the worths that count; decimal payoffs are added without rounding."""
    payoffs = game.payoffs_in(found.structure)[tuple(found.actions[found.counting])]
    return tuple(
        float(sum(Fraction(repr(float(payoffs[player]))) for player in members(block))) for block in found.structure
    )


def partition_function(game: StrategicFormGame, equilibria: Sequence[SurplusEquilibria]) -> PartitionFunctionGame:
    """Return the partition function v(S, pi) of the surplus game."""
    worths = {found.structure: exact_worths(game, found) for found in equilibria}
    return PartitionFunctionGame(game.players, worths, game.coalition_weights)


def equilibria_table(game: StrategicFormGame, equilibria: Sequence[SurplusEquilibria]) -> pd.DataFrame:
    """One row per coalition of every equilibrium: joint action, sum of payoffs, whether it gives the worths."""
    rows: list[tuple[object, ...]] = []
    for found in equilibria:
        structure = game.players.structure_name(found.structure)
        for k, worths in enumerate(found.worths.tolist()):
            actions = _actions_of(game, found, k)
            for block, action, worth in zip(found.structure, actions, worths, strict=True):
                coalition = game.players.coalition_name(block)
                rows.append((structure, k + 1, coalition, action, worth, k == found.counting))
    return pd.DataFrame(rows, columns=["structure", "solution", "coalition", "action", "worth", "counts"])


def solve_surplus_game(game: StrategicFormGame, how: HowToSolve, about: About, hooks: Hooks | None) -> Answer:
    """Derive the worths of all structures, judge them, and add the equilibria to the answer.

    Raises
    ------
    NoEquilibriumError
        When some structure has no equilibrium in pure actions, or no unique one.
    UnfinishedError, SolveError, ValueError
        As :func:`breakaway.runners.viability.solve_viability`.
    """
    equilibria = all_equilibria(game, how.options.tolerance * scale_of_payoffs(game))
    answer = solve_viability(partition_function(game, equilibria), replace(how, verify=False), about, hooks)
    tables = {**answer.tables, "equilibria": equilibria_table(game, equilibria)}
    claims = {**answer.certificate.claims, "transfers": True, "equilibria": sum(len(e.actions) for e in equilibria)}
    certificate = replace(answer.certificate, claims=claims)
    if how.verify or (how.verify is None and len(equilibria) <= MOST_VERIFIED_STRUCTURES):
        checked = verify_strategic(game, tables, how.options.tolerance, claims)
        claims |= {"verified": checked.passed, "checks": int(checked.checks["checked"].sum())}
        certificate = replace(certificate, claims=claims, residual=checked.residual)
    return replace(answer, tables=tables, certificate=certificate)
