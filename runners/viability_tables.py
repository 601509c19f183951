"""The result tables of a viability map, as DataFrames keyed by names (results contract)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import pandas as pd

from breakaway.data.coalitions import Coalition, Structure, members
from breakaway.runners.causes import irreducible_causes
from breakaway.runners.division import BlockProblem
from breakaway.runners.named_map import Forecast, NamedMap
from breakaway.runners.search import Clause, Number

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Threatened:
    """A threat with its provenance: who leaves, to which structure, and its number within (structure, breakaway)."""

    forecast: Forecast
    number: int
    vector: Clause


def structures_table(named: NamedMap, eps: float) -> pd.DataFrame:
    """One row per structure: number of coalitions, verdict, coarsest, efficient, total worth."""
    totals = {structure: named.total(structure) for structure in named.structures}
    best = max(totals.values(), default=0.0)
    coarsest = set(named.result.coarsest)
    name = named.players.structure_name
    columns = ["structure", "coalitions", "viable", "coarsest", "efficient", "worth"]
    rows: list[Row] = [
        (name(s), len(s), named.viable(s), named.number[s] in coarsest, total >= best - eps, total)
        for s, total in totals.items()
    ]
    table = pd.DataFrame(rows, columns=columns)
    if not named.unfolded:
        patterns = named.result.lattice.patterns
        table["renamings"] = [named.types.renamings(patterns[named.number[s]]) for s in named.structures]
    return table


def blocks_table(named: NamedMap) -> pd.DataFrame:
    """One row per block of every structure: worth, required worth, slack, viable."""
    rows: list[Row] = []
    for structure in named.structures:
        for coalition in structure:
            block = named.block(structure, coalition)
            worth, required = float(block.worth), float(block.division.required)
            where = named.players.structure_name(structure), named.players.coalition_name(coalition)
            rows.append((*where, worth, required, worth - required, block.division.viable))
    return pd.DataFrame(rows, columns=["structure", "coalition", "worth", "required_worth", "slack", "viable"])


def payoffs_table(named: NamedMap) -> pd.DataFrame:
    """One row per player of every solution of every block of the viable structures."""
    names = named.players.names
    rows: list[Row] = []
    for structure in filter(named.viable, named.structures):
        for coalition in structure:
            where = named.players.structure_name(structure), named.players.coalition_name(coalition)
            for number, solution in enumerate(named.solutions(structure, coalition), start=1):
                rows += [(*where, number, names[player], float(payoff)) for player, payoff in solution]
    return pd.DataFrame(rows, columns=["structure", "coalition", "solution", "player", "payoff"])


def threats_within(named: NamedMap, structure: Structure, block: Coalition) -> list[Threatened]:
    """Return every threat that a block faces, numbered within its breakaway."""
    result: list[Threatened] = []
    counts: dict[Coalition, int] = {}
    for forecast in named.forecasts(structure, block):
        for vector in forecast.vectors:
            counts[forecast.breakaway] = counts.get(forecast.breakaway, 0) + 1
            result.append(Threatened(forecast, counts[forecast.breakaway], vector))
    return result


Faced = Mapping[tuple[Structure, Coalition], Sequence[Threatened]]


def all_threats(named: NamedMap) -> Faced:
    """Return the threats that every block with several members faces."""
    return {
        (structure, block): threats_within(named, structure, block)
        for structure in named.structures
        for block in structure
        if block.bit_count() > 1
    }


def threats_table(named: NamedMap, faced: Faced) -> pd.DataFrame:
    """One row per player of every threat against every structure."""
    rows: list[Row] = []
    for (structure, _), threats in faced.items():
        here = named.players.structure_name(structure)
        for threat in threats:
            rows += [(here, *row) for row in _threat_rows(named, threat)]
    columns = ["structure", "breakaway", "resulting_structure", "threat", "player", "payoff"]
    return pd.DataFrame(rows, columns=columns)


def _threat_rows(named: NamedMap, threat: Threatened) -> Iterator[tuple[str, str, int, str, float]]:
    """Yield (breakaway, resulting structure, number, player, payoff) for every member."""
    players = named.players
    for player, payoff in threat.vector:
        yield (
            players.coalition_name(threat.forecast.breakaway),
            players.structure_name(threat.forecast.structure),
            threat.number,
            players.names[player],
            float(payoff),
        )


def met_table(named: NamedMap, faced: Faced) -> pd.DataFrame:
    """For every payoff vector and every threat, the member who has least reason to leave: the proof that it holds."""
    players = named.players
    rows: list[Row] = []
    for (structure, block), threats in faced.items():
        if not named.viable(structure):
            continue
        where = players.structure_name(structure), players.coalition_name(block)
        for number, solution in enumerate(named.solutions(structure, block), start=1):
            payoff_of = dict(solution)
            for threat in threats:
                who, asked = max(threat.vector, key=lambda pair: payoff_of[pair[0]] - pair[1])
                breakaway = players.coalition_name(threat.forecast.breakaway)
                resulting = players.structure_name(threat.forecast.structure)
                have = float(payoff_of[who])
                rows.append(
                    (*where, number, breakaway, resulting, threat.number, players.names[who], have, float(asked))
                )
    columns = ["structure", "coalition", "solution", "breakaway", "resulting_structure", "threat", "player"]
    return pd.DataFrame(rows, columns=[*columns, "payoff", "threat_payoff"])


def failures_table(
    named: NamedMap, blocks: Iterable[tuple[Structure, Coalition]], faced: Faced, eps: Number
) -> pd.DataFrame:
    """For every block that falls short, an irreducible set of threats that alone requires more than its worth."""
    rows: list[Row] = []
    for structure, coalition in blocks:
        rows += _failure_rows(named, structure, coalition, faced, eps)
    columns = ["structure", "coalition", "worth", "required_worth", "shortfall", "breakaway", "resulting_structure"]
    return pd.DataFrame(rows, columns=[*columns, "threat", "player", "payoff"])


def failing_blocks(named: NamedMap) -> list[tuple[Structure, Coalition]]:
    """Return the blocks that are not viable."""
    return [
        (structure, coalition)
        for structure in named.structures
        for coalition in structure
        if not named.block(structure, coalition).division.viable
    ]


def _failure_rows(named: NamedMap, structure: Structure, coalition: Coalition, faced: Faced, eps: Number) -> list[Row]:
    block = named.block(structure, coalition)
    threats = faced.get((structure, coalition))
    threats = threats_within(named, structure, coalition) if threats is None else threats
    problem = BlockProblem(
        members(coalition),
        named.players.weights,
        named.players.disagreement,
        block.worth,
        [threat.vector for threat in threats],
        eps,
        named.follower(coalition),
    )
    source = {threat.vector: threat for threat in threats}
    required = float(block.division.required)
    here = named.players.structure_name(structure), named.players.coalition_name(coalition)
    what = (*here, float(block.worth), required, required - float(block.worth))
    return [
        (*what, *row)
        for cause in irreducible_causes(problem.in_fractions() if isinstance(block.worth, Fraction) else problem)
        for row in _threat_rows(named, source[cause])
    ]
