"""Utilities of a payoff environment: listed, or computed from formulas over outcomes and payoff types."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.formulas import FUNCTIONS, Formula
from breakaway.data.kinds.bargaining import missing_list
from breakaway.data.kinds.payoff_environment_profiles import Labels, agents_of, whole_profiles
from breakaway.data.problems import SHOWN, Findings, suggestion
from breakaway.data.typed import Data, TypedTable

RATE_TOLERANCE = 1e-9
"""How far, relative to the utilities, changes along a ray may differ from its rate."""


@dataclass(frozen=True)
class Outcomes:
    """The outcomes: names of vertices, then of rays; ``place`` of each row of the table among them."""

    names: tuple[str, ...]
    vertices: int
    place: Ints

    @classmethod
    def of(cls, data: Data) -> Outcomes | None:
        """Read them from the table; None when a row cannot be identified or has no role."""
        table = data.tables.get("outcomes")
        if table is None or table.unidentified() or not table.usable("role").all():
            return None
        names = table.values("outcome")
        rays = np.array([role == "ray" for role in table.values("role")], dtype=bool)
        order = np.argsort(rays, kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return cls(tuple(names[k] for k in order.tolist()), int((~rays).sum()), place)

    def places(self, table: TypedTable) -> Ints:
        """Return the place of the outcome in every row of a table, -1 where unusable."""
        cells = table.cells["outcome"]
        return np.array([*(self.place[k] for k in cells.distinct), -1], dtype=np.int64)[cells.codes]


# --- listed -----------------------------------------------------------------------------------------------------------


def listed_utilities(data: Data, types: Labels, outcomes: Outcomes, findings: Findings) -> Floats:
    """Return the listed utilities, shape (n, P, outcomes + rays), NaN where there is none."""
    values = np.full((len(types.agents), types.count, len(outcomes.names)), np.nan)
    table = data.tables.get("utilities")
    if table is not None:
        agents, places = agents_of(table, types.agents), outcomes.places(table)
        profiles = whole_profiles(table, "profile", types, findings)
        rows = (agents >= 0) & (places >= 0) & (profiles >= 0)
        values[agents[rows], profiles[rows], places[rows]] = table.numbers("utility")[rows]
    return values


def check_utilities(data: Data, types: Labels, outcomes: Outcomes, findings: Findings) -> None:
    """Report utilities that are missing, given twice, or no numbers."""
    table, formulas = data.tables.get("utilities"), data.tables.get("formulas")
    if not data.given & {"utilities", "formulas"}:
        file, line = data.place("")
        findings.add(file, "no utilities are given", "give the table utilities, or the table formulas", row=line)
        return
    values = listed_utilities(data, types, outcomes, findings)
    by_formula = _check_both(data, types, findings) if formulas is not None else set()
    unread = any(name in data.given and name not in data.tables for name in ("utilities", "formulas"))
    if formulas is not None:
        check_formulas(data, formulas, types, outcomes, findings)
        unread |= formulas.unidentified() > 0
    if not unread:
        _check_missing(values, table, formulas, by_formula, types, outcomes, findings)


def _check_both(data: Data, types: Labels, findings: Findings) -> set[int]:
    """Report agents with a formula and listed utilities; return the agents with a formula."""
    formulas, table = data.tables["formulas"], data.tables.get("utilities")
    agents = agents_of(formulas, types.agents)
    listed = set() if table is None else set(agents_of(table, types.agents).tolist())
    for row, agent in enumerate(agents.tolist()):
        if agent >= 0 and agent in listed:
            name = types.agents[agent]
            message = f"agent {name!r} has a formula and listed utilities"
            remedy = "remove the formula, or the agent's rows in utilities"
            findings.add(formulas.file, message, remedy, row=formulas.rows[row], column="agent", value=name)
    return set(agents.tolist())


def _check_missing(
    values: Floats,
    table: TypedTable | None,
    formulas: TypedTable | None,
    by_formula: set[int],
    types: Labels,
    outcomes: Outcomes,
    findings: Findings,
) -> None:
    listing = [i for i in range(len(types.agents)) if i not in by_formula]
    if table is None and formulas is not None:
        for name in (types.agents[i] for i in listing):
            remedy = "give it a formula, or list its utilities in the table utilities"
            findings.add(formulas.file, f"agent {name!r} has no utility", remedy, column="agent", value=name)
    if table is None:
        return
    seen = ~np.isnan(values)
    absent = np.argwhere(~seen[listing])
    unplaced = len(table) + table.unread - int(seen.sum())
    if len(absent) > unplaced:
        entries = [
            f"{types.agents[listing[i]]} of {outcomes.names[k]} at {types.profile_name(p)}"
            for i, p, k in absent[:SHOWN].tolist()
        ]
        message = missing_list(len(absent), entries, "utility").replace("utilitys", "utilities")
        remedy = "list every agent's utility of every outcome and ray at every profile, or give a formula"
        findings.add(table.file, message, remedy, column="utility")


# --- formulas ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Terms:
    """What the names of an agent's formula stand for.

    ``attributes`` of the vertices and rays, shape (outcomes + rays,); ``payoff_types`` ``theta`` and ``theta_<agent>``
    at every profile, shape (P,).
    """

    attributes: Mapping[str, Floats]
    payoff_types: Mapping[str, Floats]
    outcomes: Outcomes

    @classmethod
    def of(cls, data: Data, agent: int, types: Labels, outcomes: Outcomes) -> Terms:
        """Gather them from the tables."""
        table, payoff_types = data.tables["outcomes"], data.tables["payoff_types"]
        order = np.argsort(outcomes.place)
        attributes = {name: table.numbers(name)[order] for name in attribute_names(table)}
        values, rows = payoff_types.numbers("value"), agents_of(payoff_types, types.agents)
        profiles = np.unravel_index(np.arange(types.count), types.sizes)
        theta = [values[rows == i][own] for i, own in enumerate(profiles)]
        by_agent = {f"theta_{name}": theta[i] for i, name in enumerate(types.agents)}
        return cls(attributes, {"theta": theta[agent], **by_agent}, outcomes)

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return tuple(dict.fromkeys((*self.payoff_types, *self.attributes)))

    def values(self, formula: Formula, moves: Sequence[tuple[int, float]] = ()) -> Floats:
        """Return the formula at every vertex moved along rays by given amounts, shape (P, vertices)."""
        vertices = self.outcomes.vertices
        moved = {
            name: (value[:vertices] + sum(amount * value[ray] for ray, amount in moves))[None, :]
            for name, value in self.attributes.items()
        }
        theta = {name: value[:, None] for name, value in self.payoff_types.items()}
        return np.broadcast_to(formula.values(moved | theta), (len(self.payoff_types["theta"]), vertices))


def attribute_names(table: TypedTable) -> list[str]:
    """Return the names of the attributes of outcomes."""
    return [name for name in table.cells if name not in table.table.column_names]


@np.errstate(over="ignore", invalid="ignore")
def formula_values(terms: Terms, formula: Formula) -> Floats:
    """Return an agent's utility of every vertex and per unit of every ray, shape (P, outcomes + rays).

    The rate of a ray is taken where the utilities are smallest, and with them the error of their difference.
    """
    here = terms.values(formula)
    columns = [here]
    for ray in range(terms.outcomes.vertices, len(terms.outcomes.names)):
        ahead = terms.values(formula, [(ray, 1.0)])
        least = int(np.argmin((np.abs(ahead) + np.abs(here)).max(axis=0)))
        columns.append((ahead - here)[:, [least]])
    return np.hstack(columns)


def check_formulas(data: Data, table: TypedTable, types: Labels, outcomes: Outcomes, findings: Findings) -> None:
    """Report names that formulas cannot use or do not know, values that are no numbers, and rays without one rate."""
    attributes = data.tables["outcomes"]
    _check_attributes(attributes, types, findings)
    usable = attributes.usable(*attribute_names(attributes)).all() and data.tables["payoff_types"].usable("value").all()
    agents = agents_of(table, types.agents).tolist()
    for row, (agent, formula) in enumerate(zip(agents, table.values("formula"), strict=True)):
        if agent >= 0 and formula is not None and usable and outcomes.vertices:
            problem = _problem(Terms.of(data, agent, types, outcomes), formula, types)
            if problem is not None:
                message, remedy = problem
                findings.add(table.file, message, remedy, row=table.rows[row], column="formula", value=formula.text)


def _check_attributes(table: TypedTable, types: Labels, findings: Findings) -> None:
    """Report attributes whose names mean something else in formulas."""
    taken = {"theta", *(f"theta_{name}" for name in types.agents), *FUNCTIONS}
    for name in attribute_names(table):
        if name in taken or keyword.iskeyword(name):
            message = f"column {name!r} has a name that means something else in formulas"
            findings.add(table.file, message, "rename it", column=name, value=name)


def _problem(terms: Terms, formula: Formula, types: Labels) -> tuple[str, str] | None:
    """Return what is wrong with an agent's formula, and the remedy; None when nothing is."""
    for name in formula.names:
        if name not in terms.names:
            return f"unknown name {name!r}", suggestion(name, terms.names, "names")
        if name in terms.payoff_types and np.isnan(terms.payoff_types[name]).any():
            return f"{name!r} has no value at some payoff type", "give every row of payoff_types a value"
    bad = np.argwhere(~np.isfinite(terms.values(formula)))
    if len(bad):
        p, k = bad[0].tolist()
        message = f"the formula is no number for outcome {terms.outcomes.names[k]!r} at {types.profile_name(p)}"
        return message, "avoid divisions by 0, and roots and logarithms of numbers below 0"
    ray = _uneven_ray(terms, formula)
    if ray is None:
        return None
    message = f"along the ray {ray!r} the utility does not change at one rate from every outcome"
    return message, "make the formula linear in what the ray changes, or list the agent's utilities in utilities"


@np.errstate(over="ignore", invalid="ignore")
def _uneven_ray(terms: Terms, formula: Formula) -> str | None:
    """Return a ray along which the utility does not change at one rate, alone or together with others."""
    values = formula_values(terms, formula)
    rays = range(terms.outcomes.vertices, len(terms.outcomes.names))
    moves = [[(ray, amount)] for ray in rays for amount in (0.5, 1.0, 2.0, 3.0)]
    moves += [[(ray, 1.0 + k) for k, ray in enumerate(rays)]] if len(rays) > 1 else []
    scale = RATE_TOLERANCE * (1.0 + np.abs(values[np.isfinite(values)]).max())
    for move in moves:
        changed = terms.values(formula, move) - terms.values(formula)
        expected = sum(amount * values[:, [ray]] for ray, amount in move)
        if not (np.abs(changed - expected) <= scale * sum(amount for _, amount in move)).all():
            return terms.outcomes.names[move[-1][0]]
    return None
