"""Sample answers for the tests of results/: tables worked out by brute force from worths and payoffs of reference."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd

from breakaway.data.coalitions import (
    Structure,
    coarsest,
    format_coalition,
    format_structure,
    parse_coalition,
    parse_structure,
    proper_subsets,
    refines,
    structure_of,
)
from breakaway.results.records import Answer, Certificate

EPS = 1e-7
CASES = json.loads((Path(__file__).parent / "reference" / "results_cases.json").read_text(encoding="utf-8"))
Payoff = dict[str, float]
MET_COLUMNS = ["solution", "breakaway", "threat", "player", "payoff", "threat_payoff"]
FACT_COLUMNS = ["worth", "required_worth", "shortfall"]
THREAT_COLUMNS = ["breakaway", "resulting_structure", "threat", "player", "payoff"]


def least_bounds(players: Sequence[str], threats: Sequence[Payoff]) -> list[tuple[float, ...]]:
    """Return the minimal vectors of lower bounds that meet all threats (players x threats, brute force)."""
    bounds = {tuple(0.0 for _ in players)}
    for threat in threats:
        grown = set()
        for bound in bounds:
            if any(bound[players.index(p)] >= y - EPS for p, y in threat.items()):
                grown.add(bound)
                continue
            for p, y in threat.items():
                k = players.index(p)
                grown.add((*bound[:k], y, *bound[k + 1 :]))
        bounds = {b for b in grown if not any(o != b and all(x <= y for x, y in zip(o, b, strict=True)) for o in grown)}
    return sorted(bounds)


def required(players: Sequence[str], threats: Sequence[Payoff]) -> float:
    return min(sum(bound) for bound in least_bounds(players, threats))


def irreducible(players: Sequence[str], worth: float, threats: list[dict]) -> list[dict]:
    kept = sorted(threats, key=lambda t: len(t["payoffs"]))
    for threat in sorted(threats, key=lambda t: -len(t["payoffs"])):
        others = [t for t in kept if t is not threat]
        if required(players, [t["payoffs"] for t in others]) > worth + EPS:
            kept = others
    return kept


class Map:
    """The viability map of one reference case."""

    def __init__(self, case: Mapping) -> None:
        self.case = case
        finest = max(case["worths"], key=lambda s: s.count("|"))
        self.names = tuple(sorted(finest.split("|"), key=int))
        self.structures = sorted((self.parse(s) for s in case["worths"]), key=lambda s: (len(s), s))
        self.payoffs = {self.parse(s): self.by_block(b) for s, b in case["payoffs"].items()}
        self.worths = {self.parse(s): self.by_block(b) for s, b in case["worths"].items()}
        self.viable = set(self.payoffs)
        self.best = coarsest(self.viable)

    def parse(self, text: str) -> Structure:
        return parse_structure(text, self.names)

    def by_block(self, blocks: Mapping) -> dict:
        return {parse_coalition(block, self.names): value for block, value in blocks.items()}

    def name(self, structure: Structure) -> str:
        return format_structure(structure, self.names)

    def solutions(self, structure: Structure, block: int) -> list[Payoff]:
        players = format_coalition(block, self.names).split("+")
        return [dict(zip(players, x, strict=True)) for x in self.payoffs[structure][block]]

    def threats(self, structure: Structure, block: int) -> Iterator[dict]:
        for breakaway in proper_subsets(block):
            induced = structure_of([*(b for b in structure if b != block), breakaway, block & ~breakaway])
            reached = [induced] if induced in self.viable else self.coarsest_inside(induced)
            for resulting in reached:
                pieces = [piece for piece in resulting if piece & ~breakaway == 0]
                choices = itertools.product(*(self.solutions(resulting, piece) for piece in pieces))
                for number, choice in enumerate(choices, start=1):
                    yield {
                        "breakaway": format_coalition(breakaway, self.names),
                        "resulting_structure": self.name(resulting),
                        "threat": number,
                        "payoffs": {p: x for part in choice for p, x in part.items()},
                    }

    def coarsest_inside(self, structure: Structure) -> list[Structure]:
        return coarsest(s for s in self.viable if refines(s, structure))

    def total(self, structure: Structure) -> float:
        return sum(self.worths[structure].values())


def unrolled(rows: list[dict], columns: Sequence[str]) -> pd.DataFrame:
    """Make one row per player of rows with ``payoffs``."""
    flat = [
        {**{k: v for k, v in row.items() if k != "payoffs"}, "player": p, "payoff": x}
        for row in rows
        for p, x in row["payoffs"].items()
    ]
    return pd.DataFrame(flat, columns=list(columns))


def met_rows(solutions: Sequence[Payoff], threats: Sequence[dict], eps: float = EPS) -> Iterator[dict]:
    for number, x in enumerate(solutions, start=1):
        for threat in threats:
            where = {k: v for k, v in threat.items() if k != "payoffs"}
            for player, y in threat["payoffs"].items():
                if x[player] >= y - eps:
                    yield {"solution": number, **where, "player": player, "payoff": x[player], "threat_payoff": y}


@lru_cache
def viability_answer(case: str) -> Answer:
    """Return the complete answer of a reference case about coalition structures."""
    m = Map(CASES["viability"][case])
    tables: dict[str, list[dict]] = {"blocks": [], "payoffs": [], "threats": [], "met": [], "failures": []}
    for structure in m.structures:
        for block in structure:
            _judge(m, structure, block, tables)
    top = max(m.total(s) for s in m.structures)
    frames = {
        "structures": pd.DataFrame(
            {
                "structure": [m.name(s) for s in m.structures],
                "coalitions": [len(s) for s in m.structures],
                "viable": [s in m.viable for s in m.structures],
                "coarsest": [s in m.best for s in m.structures],
                "efficient": [m.total(s) >= top - EPS for s in m.structures],
                "worth": [m.total(s) for s in m.structures],
            }
        ),
        "blocks": pd.DataFrame(tables["blocks"]),
        "payoffs": unrolled(tables["payoffs"], ["structure", "coalition", "solution", "player", "payoff"]),
        "threats": unrolled(tables["threats"], ["structure", *THREAT_COLUMNS]),
        "met": pd.DataFrame(tables["met"]),
        "failures": unrolled(tables["failures"], ["structure", "coalition", *FACT_COLUMNS, *THREAT_COLUMNS]),
    }
    claims = {"tolerance": 1e-9, "triples": len(tables["threats"]), "complete": True}
    certificate = Certificate("optimal", "proven optimum", claims, 2.5e-16)
    info = m.case
    return Answer(
        "viability",
        info["kind"],
        info["title"],
        info["source"],
        m.names,
        frames,
        certificate,
        {"method": "exact", "seed": 0},
        {"recursion": 0.0125},
    )


def _judge(m: Map, structure: Structure, block: int, tables: dict[str, list[dict]]) -> None:
    here = {"structure": m.name(structure), "coalition": format_coalition(block, m.names)}
    players = here["coalition"].split("+")
    threats = list(m.threats(structure, block))
    worth = m.worths[structure][block]
    need = required(players, [t["payoffs"] for t in threats])
    viable = need <= worth + EPS
    tables["blocks"].append({**here, "worth": worth, "required_worth": need, "slack": worth - need, "viable": viable})
    tables["threats"] += [{"structure": here["structure"], **t} for t in threats]
    if not viable:
        fact = {"worth": worth, "required_worth": need, "shortfall": need - worth}
        tables["failures"] += [{**here, **fact, **t} for t in irreducible(players, worth, threats)]
    if structure in m.viable:
        solutions = m.solutions(structure, block)
        tables["payoffs"] += [{**here, "solution": k, "payoffs": x} for k, x in enumerate(solutions, start=1)]
        tables["met"] += [{**here, **row} for row in met_rows(solutions, threats)]


def solution_frame(solutions: Sequence[Payoff], **where: str) -> pd.DataFrame:
    rows = [
        {**where, "solution": k, "player": p, "payoff": x} for k, s in enumerate(solutions, 1) for p, x in s.items()
    ]
    return pd.DataFrame(rows, columns=[*where, "solution", "player", "payoff"])


def threat_answer(case: str) -> Answer:
    """Return the answer of a reference case with exogenous threats."""
    info = CASES["threat_games"][case]
    names = tuple(str(k + 1) for k in range(len(info["disagreement"])))
    solutions = [dict(zip(names, x, strict=True)) for x in info["solutions"]]
    threats = [
        {"breakaway": c, "threat": f"t{k}", "payoffs": dict(zip(c.split("+"), y, strict=True))}
        for k, (c, y) in enumerate(info["threats"], start=1)
    ]
    value = info["log_nash_value"]
    claims = {
        "log_nash_product": value,
        "upper_bound": value,
        "gap": 0.0,
        "required_worth": required(names, [t["payoffs"] for t in threats]),
        "zero_product": False,
        "complete": True,
        "tolerance": 1e-9,
    }
    met = pd.DataFrame(list(met_rows(solutions, threats)))
    return Answer(
        "coalitional-nash",
        "threat-game",
        info["title"],
        info["source"],
        names,
        {"solutions": solution_frame(solutions), "met": met},
        Certificate("optimal", "proven optimum", claims, 0.0),
        {"method": "exact"},
        {"search": 0.001},
    )


def characteristic_answer(case: str) -> Answer:
    """Return the answer of a reference case without externalities (recursion (31)-(32) by brute force)."""
    info = CASES["characteristic"][case]
    names = tuple(sorted((c for c in info["worths"] if "+" not in c), key=int))
    everybody = "+".join(names)
    sigma = {c: [dict(zip(c.split("+"), x, strict=True)) for x in xs] for c, xs in info["solutions"].items()}
    coalitions, failures, met = [], [], []
    for coalition, worth in info["worths"].items():
        players = coalition.split("+")
        threats = [
            {"breakaway": t, "threat": k, "payoffs": y}
            for t in sigma
            if set(t.split("+")) < set(players)
            for k, y in enumerate(sigma[t], start=1)
        ]
        need = required(players, [t["payoffs"] for t in threats])
        row = {"coalition": coalition, "worth": worth, "viable": need <= worth + EPS}
        coalitions.append({**row, "required_worth": need, "slack": worth - need})
        met += [{"coalition": coalition, **r} for r in met_rows(sigma[coalition], threats)]
        if not row["viable"]:
            fact = {"coalition": coalition, "worth": worth, "required_worth": need, "shortfall": need - worth}
            failures += [{**fact, **t} for t in irreducible(players, worth, threats)]
    best = info["coarsest"]
    total = {s: sum(info["worths"][b] for b in s.split("|")) for s in best}
    tables = {
        "solutions": solution_frame(sigma[everybody]),
        "coalitions": pd.DataFrame(coalitions),
        "coalition_solutions": pd.concat(
            [solution_frame(xs, coalition=c) for c, xs in sigma.items() if xs], ignore_index=True
        ),
        "structures": pd.DataFrame(
            {
                "structure": best,
                "coalitions": [s.count("|") + 1 for s in best],
                "viable": [True] * len(best),
                "coarsest": [True] * len(best),
                "efficient": [total[s] >= max(total.values()) - EPS for s in best],
                "worth": [total[s] for s in best],
            }
        ),
        "met": pd.DataFrame(met, columns=["coalition", *MET_COLUMNS]),
        "failures": unrolled(failures, ["coalition", *FACT_COLUMNS, *THREAT_COLUMNS[:1], *THREAT_COLUMNS[2:]]),
    }
    claims = {"tolerance": 1e-9, "complete": True}
    certificate = Certificate("optimal", "proven optimum", claims, 0.0)
    source = info["source"]
    return Answer(
        "characteristic-function", "characteristic-function", info["title"], source, names, tables, certificate
    )
