"""Recompute the solution of a characteristic function: the recursion (31)-(32), coalition by coalition.

As for viability maps, the claimed solutions of smaller coalitions are the threats to larger ones; a coalition without
solutions is ineffective and never blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.data.games import CharacteristicFunctionGame, Payoffs, weights_within
from breakaway.runners.verify.boxes import Matrix
from breakaway.runners.verify.divisions import (
    EFFORT,
    Accuracy,
    asked_rows,
    check_claims,
    check_maximisers,
    check_required,
    made_in_fractions,
)
from breakaway.runners.verify.exact import Exact, exact
from breakaway.runners.verify.flags import check_coarsest, check_efficient, check_listed, check_threshold, viable_band
from breakaway.runners.verify.knife_edges import (
    BY_TOLERANCE,
    MOST_PLAYERS,
    NAME,
    check_exactly,
    decided_exactly,
    on_edge,
    solve_characteristic,
)
from breakaway.runners.verify.maps import StructureRow, read_structures
from breakaway.runners.verify.matching import check_vectors
from breakaway.runners.verify.optimum import Division
from breakaway.runners.verify.ordered import verify_ordered
from breakaway.runners.verify.partitions import Lattice, parts, strictly_inside
from breakaway.runners.verify.products import Best
from breakaway.runners.verify.reasons import (
    Vector,
    check_causes,
    check_listed_threats,
    check_met_by_parts,
    check_repeated,
    numbered,
    solution_columns,
    threat_columns,
)
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.tables import (
    Key,
    Names,
    flag,
    keyed,
    number,
    read_coalition_solutions,
    read_solutions,
    rows,
)
from breakaway.runners.verify.theorem_2 import check_theorem_2, same_weights
from breakaway.runners.verify.theorems import TheoremCheck, check_theorems

CoalitionRow = tuple[float | None, bool | None, float | None, float | None]
"""Worth, viable, required worth, slack; None for what cannot be read."""


@dataclass
class _Audit:
    game: CharacteristicFunctionGame
    ledger: Ledger
    accuracy: Accuracy
    coalitions: dict[Coalition, CoalitionRow]
    solutions: dict[Coalition, list[Payoffs]]
    required: dict[Coalition, float | None] = field(default_factory=dict)

    @cached_property
    def _decided(self) -> dict[Coalition, list[Exact]]:
        return solve_characteristic(self.game)

    def decided(self, block: Coalition) -> list[Exact] | None:
        """Return the maximisers of a coalition on the knife edge of a run in fractions; None for any other."""
        close = on_edge(self.game.worths[block], self.required.get(block), self.ledger.scale)
        return self._decided[block] if close and self.accuracy.exact and decided_exactly(self.game) else None

    def division(self, block: Coalition) -> Division:
        """Return the division problem of a coalition against the claimed solutions of its parts.

        A player alone gets its worth by definition, be it less than disagreement.
        """
        asked = [asked_rows(block, part, self.solutions.get(part, [])) for part in parts(block)]
        joined = np.concatenate(asked) if asked else np.empty((0, len(members(block))))
        floor = np.array(self.game.players.of_members(self.game.players.disagreement, block))
        if len(floor) == 1:
            floor = np.minimum(floor, self.game.worths[block])
        return Division(self.game.worths[block], floor, np.array(weights_within(self.game, block)), joined)


def verify_characteristic(
    game: CharacteristicFunctionGame,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, Any],
    tolerance: float = 1e-9,
    effort: float = EFFORT,
) -> Verification:
    """Recompute every claim about the coalitional Nash solution of a characteristic function.

    Parameters
    ----------
    game
        The characteristic function.
    tables
        ``solutions``, ``coalitions``, ``coalition_solutions`` and where given ``structures``, ``met``, ``failures``.
    claims
        About the grand coalition: ``log_nash_product``, ``upper_bound``, ``required_worth``, ``zero_product``,
        ``complete``; None or absent for what is not claimed. ``tolerance`` 0 says that the run was made in fractions,
        so that its knife edges must be decided exactly.
    tolerance
        Largest discrepancy allowed, relative to the largest absolute worth.
    effort
        Work allowed for the search over one coalition, in boxes x threats x players.

    Returns
    -------
    Verification
        A row for each claim; tables that are incomplete or unreadable are failures, never exceptions.
    """
    if claims.get("method") == "ordered" and same_weights(game):
        return verify_ordered(game, tables, claims, tolerance)
    scale = max((abs(worth) for worth in game.worths.values()), default=0.0) or 1.0
    ledger, names = Ledger(scale), Names(game.players)
    accuracy = Accuracy(tolerance, scale, effort, made_in_fractions(claims))
    coalitions, solutions = _coalitions(tables, names, ledger), read_coalition_solutions(tables, names, ledger)
    audit = _Audit(game, ledger, accuracy, coalitions, solutions)
    best = {block: _check_coalition(audit, block) for block in sorted(game.worths, key=int.bit_count)}
    everyone = game.players.everyone
    if everyone in best:
        _check_grand(audit, tables, claims, names)
        check_claims(
            ledger, claims, audit.solutions.get(everyone, []), audit.division(everyone), best[everyone], accuracy
        )
    _check_edges(audit)
    if "structures" in tables:
        _check_structures(audit, read_structures(tables, names, ledger))
        _check_totals(audit, tables["structures"], names)
    _check_reasons(audit, tables, names)
    check_theorem_2(game, tables, claims, audit.solutions, ledger, accuracy)
    viable = {block: row[1] for block, row in audit.coalitions.items()}
    check_theorems(TheoremCheck(game, ledger, accuracy, audit.solutions, viable), tables)
    return ledger.close()


def _coalitions(tables: Mapping[str, pd.DataFrame], names: Names, ledger: Ledger) -> dict[Coalition, CoalitionRow]:
    lines = rows(tables, "coalitions", ("coalition", "worth", "viable", "required_worth", "slack"), ledger)
    parsers = [names.coalition, number, flag, number, number]
    found = keyed("coalitions", lines, 1, parsers, ledger.claim("coalitions table readable"))
    return {key[0]: row for key, row in found.items()}


def _check_coalition(audit: _Audit, block: Coalition) -> Best:
    """Check worth, required worth, slack, flag and solutions of one coalition."""
    ledger, name, eps = audit.ledger, audit.game.players.coalition_name(block), audit.accuracy.eps
    problem = audit.division(block)
    row = audit.coalitions.get(block)
    ledger.claim("every coalition listed once").check(row is not None, f"{name} is missing")
    worth, viable, required, slack = row or (None, None, None, None)
    if worth is not None:
        ledger.claim("worths follow from the definition").equal(name, worth, problem.worth, eps)
    found = audit.required[block] = check_required(ledger, name, required, problem, audit.accuracy)
    if worth is not None and required is not None and slack is not None:
        ledger.claim("slack is worth minus required worth").equal(name, slack, worth - required, eps)
    if found is not None and row is not None:
        band = viable_band(block.bit_count(), audit.accuracy)
        claim = ledger.claim("coalitions viable iff the slack allows")
        check_threshold(claim, name, viable, problem.worth - found, band)
    solutions = audit.solutions.get(block, [])
    given = ledger.claim("solutions given for viable coalitions")
    given.check(bool(solutions) == bool(viable), f"{name}: {len(solutions)} solutions, viable is {viable}")
    if not viable:
        return Best(-np.inf, exists=False, proven=found is not None)
    decided = audit.decided(block)
    if decided is not None:
        return check_exactly(ledger, name, solutions, decided, problem, audit.accuracy)
    return check_maximisers(ledger, name, solutions, problem, audit.accuracy)


def _check_grand(audit: _Audit, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, Any], names: Names) -> None:
    """Check that ``solutions`` repeats those of the grand coalition, and its claimed required worth."""
    everyone = audit.game.players.everyone
    claim = audit.ledger.claim("solutions are those of the grand coalition")
    solutions = read_solutions(tables, names, audit.ledger)
    check_vectors(claim, "N", solutions, audit.solutions.get(everyone, []), audit.accuracy.eps)
    check_required(audit.ledger, "N", number(claims.get("required_worth")), audit.division(everyone), audit.accuracy)


def _check_edges(audit: _Audit) -> None:
    """Check the flags of coalitions on the knife edge: for a run in fractions, against the recursion in fractions."""
    claim = audit.ledger.claim(NAME)
    worths, scale = audit.game.worths, audit.ledger.scale
    edges = [
        block
        for block, required in audit.required.items()
        if block.bit_count() > 1 and on_edge(worths[block], required, scale)
    ]
    if edges and not audit.accuracy.exact:
        claim.leave(f"{len(edges)} coalitions {BY_TOLERANCE}")
    elif edges and len(audit.game.players) > MOST_PLAYERS:
        claim.leave(f"{len(edges)} coalitions on the knife edge: exact arithmetic is for up to {MOST_PLAYERS} players")
    for block in edges:
        row, decided = audit.coalitions.get(block), audit.decided(block)
        if decided is not None:
            claim.flag(audit.game.players.coalition_name(block), row[1] if row else None, bool(decided))


def _check_structures(audit: _Audit, claimed: dict[Structure, StructureRow]) -> None:
    """Check the flags of structures: viable iff all coalitions are, coarsest, efficient."""
    ledger, name, worths = audit.ledger, audit.game.players.structure_name, audit.game.worths
    lattice = Lattice(len(audit.game.players))
    check_listed(ledger, lattice, claimed, name)
    claim = ledger.claim("structures viable iff all their blocks are")
    for structure, row in claimed.items():
        holds = all(block in audit.coalitions and audit.coalitions[block][1] is True for block in structure)
        claim.flag(name(structure), row[1], holds)
    check_coarsest(ledger, lattice, claimed, name)
    read = exact if audit.accuracy.exact else float
    totals = {pi: sum(read(worths[s]) for s in pi) for pi in lattice.structures if all(s in worths for s in pi)}
    check_efficient(ledger, totals, claimed, audit.accuracy, name)


def _check_totals(audit: _Audit, frame: pd.DataFrame, names: Names) -> None:
    """Check the worths of structures, where they are given."""
    claim = audit.ledger.claim("worths of structures are the totals of blocks")
    for text, worth in zip(frame.get("structure", ()), frame.get("worth", ()), strict=False):
        structure, claimed = names.structure(text), number(worth)
        if structure is not None and claim.check(claimed is not None, f"{text}: {worth} is no worth"):
            total = sum(audit.game.worths.get(block, np.nan) for block in structure)
            claim.equal(str(text), float(claimed or 0.0), total, len(structure) * audit.accuracy.eps)


def _check_reasons(audit: _Audit, tables: Mapping[str, pd.DataFrame], names: Names) -> None:
    """Check who declines each threat, and which threats coalitions that fail cannot meet."""
    solutions = numbered(tables, "coalition_solutions", solution_columns(names), names)
    if "met" in tables:
        check_met_by_parts(audit.ledger, tables, solutions, names, audit.accuracy.eps)
    if "failures" in tables:
        listed = numbered(
            tables, "failures", {"coalition": names.coalition, **threat_columns(names)}, names, audit.ledger
        )
        real = {key: solutions.get(key[1:], {}) for key in listed if strictly_inside(key[1], key[0])}
        check_listed_threats(audit.ledger, listed, real, audit.accuracy.eps)
        room = (2 + len(audit.game.players)) * audit.accuracy.eps
        check_repeated(audit.ledger, tables, {"coalition": names.coalition}, partial(_known, audit), room)
        _check_causes(
            audit, {key: vector for key, vector in listed.items() if vector.keys() == real.get(key, {}).keys()}
        )


def _check_causes(audit: _Audit, listed: Mapping[Key, Vector]) -> None:
    """Check that every coalition that fails has listed threats, which ask for more than its worth."""
    given = audit.ledger.claim("failures listed for the coalitions that fail")
    by_coalition: dict[Coalition, list[Matrix]] = {}
    for (block, part, _), vector in listed.items():
        payoffs = tuple(vector[player] for player in members(part))
        by_coalition.setdefault(block, []).append(asked_rows(block, part, [payoffs]))
    for block, row in audit.coalitions.items():
        problem, name, asked = (
            audit.division(block),
            audit.game.players.coalition_name(block),
            by_coalition.get(block, []),
        )
        needed = row[1] is False and float(problem.floor.sum()) <= problem.worth + audit.accuracy.eps
        if given.check(bool(asked) == needed, f"{name}: {len(asked)} threats listed, viable is {row[1]}") and asked:
            check_causes(audit.ledger, audit.accuracy, name, problem, np.concatenate(asked))


def _known(audit: _Audit, key: Key) -> tuple[float, float] | None:
    required = audit.required.get(key[0])
    return None if required is None else (audit.game.worths[key[0]], required)
