"""A viability map that lists one structure for all its renamings by identical players, under verification.

Divisions are looked at with ascending payoffs of identical players, one for all their renamings; the threats that the
first players of a coalition make then stand for those of any others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from breakaway.data.coalitions import Coalition, Structure
from breakaway.data.games import ExternalityGame, Payoffs
from breakaway.runners.verify.audit import Audit, Readings
from breakaway.runners.verify.blocks import check_blocks, check_totals, check_viable, check_worths
from breakaway.runners.verify.boxes import Chains, Matrix
from breakaway.runners.verify.divisions import made_in_fractions
from breakaway.runners.verify.failures import check_failure_numbers, check_failures
from breakaway.runners.verify.flags import check_efficient
from breakaway.runners.verify.kinds import (
    Counts,
    Kinds,
    Pattern,
    Profile,
    chains_of,
    claimed_kinds,
    mergers,
    parts_of,
)
from breakaway.runners.verify.knife_edges import EDGE
from breakaway.runners.verify.knife_edges import NAME as KNIFE_EDGES
from breakaway.runners.verify.partitions import replace
from breakaway.runners.verify.pattern_forecasts import Arrangement, PatternForecasts
from breakaway.runners.verify.record import Ledger, Verification
from breakaway.runners.verify.tables import Names, number

MOST_ORDERS = 5_040
"""Solutions that can be given to the players in more ways need not be listed in all of them."""


@dataclass
class PatternAudit(Audit):
    """A map by pattern; ``chosen`` is the structure that stands for each pattern."""

    kinds: Kinds = field(kw_only=True)
    chosen: Mapping[Pattern, Structure] = field(kw_only=True)
    forecasts: PatternForecasts = field(kw_only=True)

    @classmethod
    def of(
        cls,
        game: ExternalityGame,
        tables: Mapping[str, pd.DataFrame],
        claims: Mapping[str, object],
        tolerance: float,
        effort: float,
    ) -> PatternAudit:
        """Read the tables, enumerate the patterns, solve the equilibrium of one structure for each."""
        known = Ledger()
        kinds = claimed_kinds(game, claims, known)
        chosen = {pattern: kinds.representative(pattern) for pattern in kinds.patterns()}
        names = Names(game.players)
        listed = tables["structures"].get("structure", pd.Series(dtype=object))
        structures = [structure for structure in map(names.structure, listed) if structure is not None]
        chosen.update({kinds.pattern(structure): structure for structure in structures})
        readings = Readings.of(game, tables, chosen.values(), tolerance, effort, made_in_fractions(claims))
        readings.ledger.claims.update(known.claims)
        rows = readings.tables.structures
        viable = frozenset(pattern for pattern, pi in chosen.items() if pi in rows and rows[pi][1])
        profiles = {
            (kinds.pattern(structure), kinds.counts(block)): _distinct_profiles(kinds, block, vectors)
            for (structure, block), vectors in readings.tables.payoffs.items()
        }
        return cls(readings, kinds=kinds, chosen=chosen, forecasts=PatternForecasts(viable, profiles))

    def is_viable(self, structure: Structure) -> bool:
        """Tell whether a structure is claimed to be viable."""
        return self.kinds.pattern(structure) in self.forecasts.viable

    def columns(self, block: Coalition) -> Sequence[int]:
        """Return the members of a block, kind by kind."""
        return self.kinds.columns(block)

    def chains(self, block: Coalition) -> Chains:
        """Return the columns of each kind."""
        return chains_of(self.kinds.counts(block))

    def threats_to(self, structure: Structure, block: Coalition) -> list[Matrix]:
        """Return the threats of all parts of a block, each made by the players who get least."""
        counts, pattern = self.kinds.counts(block), self.kinds.pattern(structure)
        return [
            _row(counts, profile)
            for part in parts_of(counts)
            for profile in sorted(self.forecasts.threats(pattern, counts, part))
        ]

    def rows(self, block: Coalition, part: Coalition, payoffs: Payoffs) -> Matrix:
        """Return a threat as a row over the columns of a block, made by the players who get least."""
        return _row(self.kinds.counts(block), self.kinds.profile(part, payoffs))

    def possible(self, structure: Structure, block: Coalition, part: Coalition, outcome: Structure) -> list[Payoffs]:
        """Return the payoffs that a part has in an outcome, in every order of its identical players that is listed.

        Payoffs are listed in ascending order of each kind.
        """
        induced = replace(structure, block, part)
        arrangement = self._arrangement(induced, outcome)
        if arrangement not in self.forecasts.outcomes(self.kinds.pattern(induced)):
            return []
        pieces = tuple(sorted(self.kinds.counts(piece) for piece in outcome if not piece & ~part))
        profiles = self.forecasts.of_pieces(self.kinds.pattern(outcome), pieces)
        order = np.argsort(self.kinds.columns(part))
        flat = {tuple(x for payoffs in profile for x in payoffs) for profile in profiles}
        return [tuple(vector[k] for k in order) for vector in sorted(flat)]

    def _arrangement(self, induced: Structure, outcome: Structure) -> Arrangement | None:
        """Return how a structure refines another; None when it does not."""
        found = []
        for block in induced:
            pieces = [piece for piece in outcome if piece & block]
            if any(piece & ~block for piece in pieces):
                return None
            found.append((self.kinds.counts(block), tuple(sorted(map(self.kinds.counts, pieces)))))
        return tuple(sorted(found))

    def solutions(self, structure: Structure, block: Coalition) -> list[Payoffs]:
        """Return the claimed solutions of a block, one for all their renamings."""
        vectors = self.tables.payoffs.get((structure, block), [])
        profiles = _distinct_profiles(self.kinds, block, vectors)
        return [tuple(x for payoffs in profile for x in payoffs) for profile in profiles]


def _distinct_profiles(kinds: Kinds, block: Coalition, vectors: Sequence[Payoffs]) -> list[Profile]:
    return list(dict.fromkeys(kinds.profile(block, payoffs) for payoffs in vectors))


def _row(counts: Counts, profile: Profile) -> Matrix:
    """Give the payoffs of each kind to the first columns of that kind."""
    row = np.full(sum(counts), np.inf)
    start = 0
    for count, payoffs in zip(counts, profile, strict=True):
        row[start : start + len(payoffs)] = payoffs
        start += count
    return row[None, :]


def verify_patterns(
    game: ExternalityGame,
    tables: Mapping[str, pd.DataFrame],
    claims: Mapping[str, object],
    tolerance: float,
    effort: float,
) -> Verification:
    """Recompute every claim of a map by pattern; parameters as for ``verify_viability``."""
    audit = PatternAudit.of(game, tables, claims, tolerance, effort)
    _check_structures(audit, tables["structures"])
    check_worths(audit)
    for name in {"threats", "met"} & tables.keys():
        audit.ledger.claim(f"table {name}").leave("not re-proven for structures by pattern")
    check_blocks(audit)
    _check_orders(audit)
    check_failures(audit)
    names = Names(game.players)
    check_failure_numbers(audit, {name: frame for name, frame in tables.items() if name != "threats"}, names)
    check_totals(audit, tables, names)
    _leave_edges(audit)
    return audit.ledger.close()


def _check_structures(audit: PatternAudit, table: pd.DataFrame) -> None:
    """Check that one structure of each pattern is listed, for how many it stands, and its flags."""
    rows, name = audit.tables.structures, audit.game.players.structure_name
    once, count = (
        audit.ledger.claim("one structure listed for each pattern"),
        audit.ledger.claim("numbers of coalitions"),
    )
    seen = Counter(audit.kinds.pattern(structure) for structure in rows)
    for pattern, structure in audit.chosen.items():
        once.check(seen[pattern] == 1, f"{name(structure)}: its pattern is listed {seen[pattern]} times")
        if structure in rows:
            count.check(rows[structure][0] == len(structure), f"{name(structure)}: claimed {rows[structure][0]}")
    _check_renamings(audit, table)
    check_viable(audit)
    _check_coarsest(audit)
    totals = {pi: float(worths.sum()) for pi, (worths, _) in audit.equilibria.items()}
    check_efficient(audit.ledger, totals, rows, audit.accuracy, name)


def _check_renamings(audit: PatternAudit, table: pd.DataFrame) -> None:
    claim, names = audit.ledger.claim("structures of each pattern counted"), Names(audit.game.players)
    for text, claimed in zip(table.get("structure", ()), table.get("renamings", ()), strict=True):
        structure = names.structure(text)
        if structure is not None:
            ways = audit.kinds.renamings(audit.kinds.pattern(structure))
            claim.check(number(claimed) == ways, f"{text} stands for {ways} structures, claimed {claimed}")


def _check_coarsest(audit: PatternAudit) -> None:
    """Check the coarsest patterns: viable, and no pattern that arises by mergers is."""
    claim = audit.ledger.claim("coarsest structures are the maximal viable ones")
    coarser: dict[Pattern, bool] = {}
    for pattern in sorted(audit.chosen, key=len):
        coarser[pattern] = any(above in audit.forecasts.viable or coarser[above] for above in mergers(pattern))
    for structure, row in audit.tables.structures.items():
        pattern = audit.kinds.pattern(structure)
        maximal = pattern in audit.forecasts.viable and not coarser[pattern]
        claim.flag(audit.game.players.structure_name(structure), row[2], maximal)


def _check_orders(audit: PatternAudit) -> None:
    """Check that a solution is listed in every order of identical players, unless these are very many."""
    claim = audit.ledger.claim("solutions listed in every order of identical players")
    for (structure, block), vectors in audit.tables.payoffs.items():
        name = audit.name(structure, block)
        once = len(set(vectors)) == len(vectors)
        claim.check(once, f"{name}: a solution is listed twice")
        listed = Counter(audit.kinds.profile(block, vector) for vector in vectors)
        if math.prod(math.factorial(count) for count in audit.kinds.counts(block)) > MOST_ORDERS:
            continue
        for profile, given in listed.items():
            orders = math.prod(_orders(payoffs) for payoffs in profile)
            claim.check(given == orders, f"{name}: {given} of {orders} orders of a solution are listed")


def _orders(payoffs: Sequence[float]) -> int:
    same = math.prod(map(math.factorial, Counter(payoffs).values()))
    return math.factorial(len(payoffs)) // same


def _leave_edges(audit: PatternAudit) -> None:
    """Say how many blocks are on the knife edge: they are decided in floating point."""
    limit = EDGE * audit.ledger.scale
    found = [
        required is not None and block.bit_count() > 1 and abs(audit.worth(structure, block) - required) <= limit
        for (structure, block), required in audit.required.items()
    ]
    if any(found):
        audit.ledger.claim(KNIFE_EDGES).leave(
            f"{sum(found)} blocks on the knife edge: structures are listed by pattern"
        )
