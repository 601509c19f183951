"""The printed answer about coalition structures: verdict, structures, payoffs, failures, proofs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from breakaway.results.payoff_lines import share_lines, shares, solutions_of
from breakaway.results.records import Answer
from breakaway.results.threats import (
    MOST_FAILURES,
    Declined,
    Failure,
    declined,
    declined_lines,
    failure_lines,
    promises,
)
from breakaway.results.wording import (
    aligned,
    apart,
    braces,
    listing,
    number,
    paragraph,
    plural,
    settled,
    vector,
    yes_no,
)

MOST_STRUCTURES = 15
"""Up to this many structures are listed one by one; of more, the coarsest viable ones, and the rest is counted."""
MOST_OF_MANY = 6
"""When structures are counted: most coarsest ones, and most failures, that are spelt out."""
MOST_PROVEN = 3
MOST_SUMMARISED = 8
"""Most payoff vectors whose threats are spelt out, and most further ones that get a line."""


def structure_sections(answer: Answer) -> Iterator[list[str]]:
    """Yield the sections of the answer, each a list of lines."""
    yield headline(answer)
    yield _structure_section(answer)
    if len(answer.tables["structures"]) > MOST_STRUCTURES:
        yield _level_section(answer.tables["structures"])
    yield _payoff_section(answer)
    yield _failure_section(answer)
    yield proof_section(answer)


def headline(answer: Answer) -> list[str]:
    """Say in a sentence or two whether the grand coalition holds, and what does."""
    structures = in_reading_order(answer.tables["structures"])
    grand = "+".join(answer.players)
    row = structures[structures["coalitions"] == 1]
    if row.empty:
        return paragraph(f"The grand coalition {grand} has not been judged yet.")
    if row["viable"].iloc[0]:
        first = f"The grand coalition {grand} holds together{_worth_and_need(answer, 'and needs only')}."
        better = structures[structures["efficient"].astype(bool)]["structure"]
        if not row["efficient"].iloc[0] and len(better):
            first += f" It is not efficient: {listing(better, 'or', most=3)} would give more in total."
        return paragraph(first)
    first = f"The grand coalition {grand} does not hold together{_worth_and_need(answer, 'but needs')}."
    return paragraph(f"{first} {_what_holds(structures)}")


def _worth_and_need(answer: Answer, verb: str) -> str:
    blocks = answer.tables["blocks"]
    block = blocks[blocks["structure"] == "+".join(answer.players)]
    if block.empty:
        return ""
    worth, required = apart(block["worth"].iloc[0], block["required_worth"].iloc[0])
    needs = f"{verb} {required}" if worth != required else "and needs all of it"
    return f": it is worth {worth} {needs} to meet every threat"


def _what_holds(structures: pd.DataFrame) -> str:
    coarsest = structures[structures["coarsest"]]
    efficient = structures[structures["viable"] & structures["efficient"]]["structure"].tolist()
    names = listing(coarsest["structure"], most=6)
    these = f"the coarsest viable {'structure is' if len(coarsest) == 1 else 'structures are'} {names}"
    if not efficient:
        return f"No viable structure is efficient: {these}."
    are = "is" if len(efficient) == 1 else "are"
    return f"{these[0].upper()}{these[1:]}; efficient among the viable ones {are} {listing(efficient, most=4)}."


def in_reading_order(structures: pd.DataFrame) -> pd.DataFrame:
    """Sort structures: the coarsest viable ones, other viable ones, the rest; within each, few coalitions first."""
    rank = 2 - structures["viable"].astype(int) - structures["coarsest"].astype(int)
    order = pd.DataFrame({"rank": rank, "coalitions": structures["coalitions"]})
    return structures.loc[order.sort_values(["rank", "coalitions"], kind="stable").index]


def _structure_section(answer: Answer) -> list[str]:
    structures = in_reading_order(answer.tables["structures"])
    viable = int(structures["viable"].sum())
    title = f"{plural(len(structures), 'coalition structure')}, {viable:,} viable"
    if _stands_for_several(structures):
        total = int(structures["renamings"].sum())
        title = f"{plural(len(structures), 'pattern')} of {total:,} coalition structures, {viable:,} viable"
    shown = structures
    if len(structures) > MOST_STRUCTURES:
        shown = structures[structures["coarsest"]].head(MOST_OF_MANY)
        title += f"; the {_first(len(shown), int(structures['coarsest'].sum()))}coarsest viable (all: structures.csv)"
    return [title, *_structure_table(shown, answer.tables["blocks"])]


def _first(shown: int, there: int) -> str:
    return f"first {shown} of {there} " if there > shown else ""


def _stands_for_several(structures: pd.DataFrame) -> bool:
    return "renamings" in structures and bool((structures["renamings"] > 1).any())


def _structure_table(structures: pd.DataFrame, blocks: pd.DataFrame) -> list[str]:
    header = ["structure", "viable", "coarsest", "efficient", "coalition", "worth", "required", "slack"]
    counted = _stands_for_several(structures)
    inside = blocks[blocks["structure"].isin(structures["structure"])].groupby("structure", sort=False)
    rows = []
    for record in structures.to_dict("records"):
        flags = [yes_no(record[flag]) for flag in ("viable", "coarsest", "efficient")]
        lead = [record["structure"], *flags] + ([number(record["renamings"])] if counted else [])
        for k, block in enumerate(inside.get_group(record["structure"]).to_dict("records")):
            rows.append((lead if k == 0 else [""] * len(lead)) + _block_cells(block))
    if counted:
        header.insert(4, "alike")
    return aligned(header, rows, range(len(header) - 3, len(header)))


def _block_cells(block: Mapping[Hashable, object]) -> list[str]:
    worth, required, slack = (float(str(block[name])) for name in ("worth", "required_worth", "slack"))
    return [str(block["coalition"]), number(worth), number(required), number(settled(slack, worth))]


def _level_section(structures: pd.DataFrame) -> list[str]:
    by_level = structures.groupby("coalitions")[["viable", "coarsest", "efficient"]].agg("sum")
    counts = structures.groupby("coalitions").size()
    rows = [
        (str(level), f"{counts[level]:,}", *(f"{int(flag):,}" for flag in by_level.loc[level]))
        for level in sorted(counts.index)
    ]
    header = ("coalitions", "patterns" if _stands_for_several(structures) else "structures")
    return ["By number of coalitions", *aligned((*header, "viable", "coarsest", "efficient"), rows, range(5))]


def _payoff_section(answer: Answer) -> list[str]:
    structures = in_reading_order(answer.tables["structures"])
    names = structures[structures["coarsest"].astype(bool)]["structure"]
    most = MOST_STRUCTURES if len(structures) <= MOST_STRUCTURES else MOST_OF_MANY
    payoffs = answer.tables["payoffs"]
    by_structure = payoffs[payoffs["structure"].isin(names.head(most))].groupby("structure")
    found = []
    for structure in names.head(most):
        blocks = by_structure.get_group(structure).groupby("coalition", sort=False)
        found += shares(structure, {str(coalition): solutions_of(rows) for coalition, rows in blocks})
    if not found:
        return []
    rest = len(names) - most
    more = [f"  ... and {plural(rest, 'more structure')}: see payoffs.csv"] if rest > 0 else []
    return ["Payoffs in the coarsest viable structures", *share_lines(answer.players, found, "structure"), *more]


def _failure_section(answer: Answer) -> list[str]:
    failing = _failures(answer)
    if not failing:
        return []
    table = "failures" if "failures" in answer.tables else "blocks"
    many = len(answer.tables["structures"]) > MOST_STRUCTURES
    return ["Why the others fail", *failure_lines(failing, table, MOST_OF_MANY if many else MOST_FAILURES)]


def _failures(answer: Answer) -> list[Failure]:
    levels = answer.tables["structures"].set_index("structure")["coalitions"]
    blocks = answer.tables["blocks"]
    blocks = blocks[~blocks["viable"].astype(bool)]
    blocks = blocks.assign(level=blocks["structure"].map(levels)).sort_values("level", kind="stable")
    listed = answer.tables.get("failures")
    why = {} if listed is None else dict(iter(listed.groupby(["structure", "coalition"], sort=False)))
    return [
        Failure(
            block["structure"],
            block["coalition"],
            block["worth"],
            block["required_worth"],
            promises(why[key]) if (key := (block["structure"], block["coalition"])) in why else (),
            renamed="identical_players" in answer.certificate.claims,
        )
        for block in blocks.to_dict("records")
    ]


def proof_section(answer: Answer) -> list[str]:
    """List who declines each threat to the viable structures, the coarsest ones first."""
    met = answer.tables.get("met")
    if met is None or met.empty:
        return []
    structures = in_reading_order(answer.tables["structures"])
    structures = structures[structures["viable"].astype(bool)]
    proven = _proven(answer, met, structures["structure"].head(MOST_STRUCTURES).tolist())
    full = min(
        MOST_PROVEN, sum(one.structure in set(structures[structures["coarsest"]]["structure"]) for one in proven)
    )
    lines = ["Proof that they hold: every threat is declined by a member who gets at least as much by staying"]
    lines += declined_lines([(one.title, one.threats) for one in proven[:full]], "met")
    for one in proven[full : full + MOST_SUMMARISED]:
        lines += paragraph(f"{one.title}; {one.binding}", indent=2, hanging=2)
    more = len(structures) > MOST_STRUCTURES or len(proven) > full + MOST_SUMMARISED
    return lines + (["  ... and so on: see met.csv"] if more else [])


@dataclass(frozen=True, slots=True)
class _Proof:
    structure: str
    title: str
    threats: Sequence[Declined]

    @property
    def binding(self) -> str:
        found = [f"{braces(one.promise_by)} declined by {one.player}" for one in self.threats if one.binding]
        return f"binding: {listing(found, most=4)}" if found else "none binding"


def _proven(answer: Answer, met: pd.DataFrame, structures: Sequence[str]) -> list[_Proof]:
    tolerance = float(str(answer.certificate.claims.get("tolerance", 0.0)))
    payoffs = answer.tables["payoffs"]
    keys = ["structure", "coalition", "solution"]
    vectors = payoffs[payoffs["structure"].isin(structures)].groupby(keys, sort=False)["payoff"]
    shares_of = {key: vector(values) for key, values in vectors}
    proofs = []
    for key, rows in met[met["structure"].isin(structures)].groupby(keys, sort=False):
        structure, coalition, _ = key
        found = declined(rows, tolerance, answer.players)
        where = f" in {structure}" if coalition != structure else ""
        title = f"{coalition} at {shares_of[key]}{where}, {plural(len(found), 'threat')}"
        proofs.append(_Proof(str(structure), title, found))
    return sorted(proofs, key=lambda proof: structures.index(proof.structure))
