"""What must hold of the tables of a public-goods economy beyond single cells.

Every utility must be concave, must have finite slopes wherever actions are at least 0, and must not fall in anybody
else's action. A sum has these properties when each of its terms has, so every row is judged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from breakaway.data.arrays import Floats, Ints
from breakaway.data.limits import MAX_AGENTS, MAX_PIECE_SLOPES
from breakaway.data.problems import SHOWN, Findings
from breakaway.data.typed import Data, TypedTable

Mask: TypeAlias = NDArray[np.bool_]

UTILITY_TABLES = ("benefits", "costs", "pieces", "intercepts")
ONCE_PER_SOURCE = ("min", "log-sum", "ces")
"""Forms whose rows of one agent together are one term."""


# --- rows of terms ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """The cells of a table of terms, NaN where a number is unusable; ``other``: the source is another agent."""

    forms: tuple[str, ...]
    codes: Ints
    coefficient: Floats
    exponent: Floats
    shift: Floats
    other: Mask

    @classmethod
    def of(cls, table: TypedTable) -> Rows:
        """Take the cells of a table of benefits or of costs."""
        cells, n = table.cells["form"], len(table)
        shift = table.numbers("shift") if "shift" in table.cells else np.zeros(n)
        other = np.zeros(n, dtype=np.bool_)
        if "source" in table.cells:
            agent, source = numbers_of(table, "agent"), numbers_of(table, "source")
            other = (agent != source) & (agent >= 0) & (source >= 0)
        coefficient, exponent = table.numbers("coefficient"), table.numbers("exponent")
        return cls(cells.distinct, cells.codes, coefficient, exponent, shift, other)

    def are(self, *forms: str) -> Mask:
        """Tell of each row whether it has one of these forms."""
        return np.isin(self.codes, [k for k, form in enumerate(self.forms) if form in forms])

    @property
    def bending(self) -> Mask:
        """Rows (x + s)^e with e > 1: convex and rising."""
        return self.are("power") & (self.exponent > 1)

    @property
    def flattening(self) -> Mask:
        """Rows (x + s)^e with 0 < e < 1: concave and rising."""
        return self.are("power") & (self.exponent > 0) & (self.exponent < 1)

    @property
    def vanishing(self) -> Mask:
        """Rows (x + s)^e with e < 0: convex and falling."""
        return self.are("power") & (self.exponent < 0)


@dataclass(frozen=True)
class Rule:
    """What no row may do, in which column it shows, and what to say; ``{form}`` and ``{value}`` are filled in."""

    column: str
    broken: Callable[[Rows], Mask]
    message: str
    remedy: str


WITHOUT_SHIFT = ("linear", "log", "quadratic", "cubic", "min", "log-sum")
WITHOUT_EXPONENT = (*WITHOUT_SHIFT, "sqrt")

BENEFIT_RULES = (
    Rule(
        "exponent",
        lambda rows: rows.are(*WITHOUT_EXPONENT) & differs(rows.exponent, 1.0),
        "the form {form!r} has no exponent",
        "leave the cell empty, or use 'power' or 'ces'",
    ),
    Rule(
        "shift",
        lambda rows: rows.are(*WITHOUT_SHIFT) & differs(rows.shift, 0.0),
        "the form {form!r} has no shift",
        "leave the cell empty, or use 'sqrt', 'power' or 'ces'",
    ),
    Rule(
        "exponent",
        lambda rows: rows.are("power") & (rows.exponent == 0),
        "exponent is 0: the benefit would not depend on the action",
        "leave the row out, or correct the exponent",
    ),
    Rule(
        "exponent",
        lambda rows: rows.are("ces") & ((rows.exponent > 1) | (rows.exponent == 0)),
        "exponent is {value}: with the form 'ces' it must be at most 1 and not 0, for the utility to be concave",
        "correct the exponent in all of the agent's ces rows",
    ),
    Rule(
        "shift",
        lambda rows: (rows.shift == 0) & (rows.are("sqrt") | (rows.are("power", "ces") & (rows.exponent < 1))),
        "shift is 0: the form {form!r} then has an infinite slope, or no value, where the action is 0",
        "give it a shift above 0, such as 0.01",
    ),
    Rule(
        "coefficient",
        lambda rows: (rows.coefficient < 0) & (rows.are("log", "sqrt") | rows.flattening),
        "coefficient is {value}: with the form {form!r} the utility would not be concave",
        "make it at least 0; what an agent's own action costs stands in the table costs",
    ),
    Rule(
        "coefficient",
        lambda rows: (rows.coefficient > 0) & (rows.are("quadratic", "cubic") | rows.bending | rows.vanishing),
        "coefficient is {value}: with the form {form!r} and this exponent the utility would not be concave",
        "use linear, log, sqrt, or power with an exponent between 0 and 1, or a coefficient below 0",
    ),
    Rule(
        "coefficient",
        lambda rows: (
            rows.other
            & (rows.coefficient < 0)
            & (rows.are("linear", "quadratic", "cubic") | rows.bending | (rows.are("power") & (rows.exponent == 1)))
        ),
        "coefficient is {value}: the agent's utility would fall in another's action",
        "make it at least 0: externalities must be positive",
    ),
    Rule(
        "coefficient",
        lambda rows: rows.are("log-sum", "ces") & (rows.coefficient < 0),
        "coefficient is {value}",
        "it must be at least 0 with the form {form!r}",
    ),
    Rule(
        "coefficient",
        lambda rows: rows.are("min") & (rows.coefficient <= 0),
        "coefficient is {value}",
        "it must be greater than 0 with the form 'min': how much of the action is needed for one unit",
    ),
)
"""What no row of ``benefits`` may do."""

COST_RULES = (
    Rule(
        "exponent",
        lambda rows: rows.are("linear", "quadratic", "cubic") & differs(rows.exponent, 1.0),
        "the form {form!r} has no exponent",
        "leave the cell empty, or use 'power'",
    ),
    Rule(
        "exponent",
        lambda rows: rows.are("power") & (rows.exponent < 1),
        "exponent is {value}: a cost with an exponent below 1 is not convex, or has an infinite slope at 0",
        "use an exponent of at least 1",
    ),
    Rule(
        "coefficient",
        lambda rows: (rows.coefficient < 0) & (rows.are("quadratic", "cubic") | rows.bending),
        "coefficient is {value}: a cost of the form {form!r} would not be convex, and the utility not concave",
        "make it at least 0; a gain from an agent's own action is a benefit whose source is the agent",
    ),
)
"""What no row of ``costs`` may do."""


def differs(values: Floats, default: float) -> Mask:
    """Tell which usable numbers are not the default."""
    found: Mask = ~np.isnan(values) & (values != default)
    return found


def check_rows(table: TypedTable, rules: Iterable[Rule], findings: Findings) -> None:
    """Report the rows that break a rule; of several rules about one cell the first that is broken counts."""
    rows = Rows.of(table)
    reported: dict[str, Mask] = {}
    for rule in rules:
        before = reported.get(rule.column, np.zeros(len(table), dtype=np.bool_))
        broken = rule.broken(rows) & ~before
        reported[rule.column] = before | broken
        numbers = table.numbers(rule.column)
        for k in np.flatnonzero(broken).tolist():
            value = f"{numbers[k]:.12g}"
            words = {"form": rows.forms[rows.codes[k]], "value": value}
            message, remedy = rule.message.format(**words), rule.remedy.format(**words)
            findings.add(table.file, message, remedy, row=table.rows[k], column=rule.column, value=value)


def numbers_of(table: TypedTable, column: str) -> Ints:
    """Return a column of names as their numbers, -1 where unusable."""
    cells = table.cells[column]
    return np.array((*cells.distinct, -1), dtype=np.int64)[cells.codes]


# --- rows that belong together ----------------------------------------------------------------------------------------


def check_joint_forms(table: TypedTable, findings: Findings) -> None:
    """Report rows of ``min``, ``log-sum`` and ``ces`` that do not make one term of an agent's."""
    rows, agent, source = Rows.of(table), numbers_of(table, "agent"), numbers_of(table, "source")
    for form in ONCE_PER_SOURCE:
        mine = np.flatnonzero(rows.are(form) & (agent >= 0) & (source >= 0) & table.usable(*table.table.keys))
        pairs = pd.DataFrame({"agent": agent[mine], "source": source[mine]}, index=mine)
        exponents = rows.exponent[mine]
        keys = pairs.assign(exponent=exponents, shift=rows.shift[mine])
        for k in mine[pairs.duplicated().to_numpy() & ~keys.duplicated().to_numpy()].tolist():
            message = f"the agent's {form!r} rows name this source twice"
            findings.add(table.file, message, "keep one of the rows", row=table.rows[k], column="source")
        if form == "ces" and len(mine):
            first = pd.Series(exponents, index=mine).groupby(agent[mine]).transform("first").to_numpy()
            _report_exponents(table, mine[exponents != first], first[exponents != first], findings)


def _report_exponents(table: TypedTable, rows: Ints, first: Floats, findings: Findings) -> None:
    for wanted, given, k in zip(first.tolist(), table.numbers("exponent")[rows].tolist(), rows.tolist(), strict=True):
        value = f"{given:.12g}"
        message = f"exponent is {value}, and {wanted:.12g} in an earlier ces row of the agent"
        remedy = "give all of an agent's ces rows one exponent"
        findings.add(table.file, message, remedy, row=table.rows[k], column="exponent", value=value)


def check_pieces(data: Data, findings: Findings) -> None:
    """Report pieces that fall in another's action, lack their intercept, or stand beside Leontief benefits."""
    pieces, intercepts, benefits = (data.tables.get(name) for name in ("pieces", "intercepts", "benefits"))
    if pieces is not None:
        agent, source, slope = numbers_of(pieces, "agent"), numbers_of(pieces, "source"), pieces.numbers("slope")
        for k in np.flatnonzero((agent != source) & (agent >= 0) & (source >= 0) & (slope < 0)).tolist():
            message = f"slope is {slope[k]:.12g}: the agent's utility would fall in another's action"
            remedy = "make it at least 0: externalities must be positive"
            value = repr(float(slope[k]))
            findings.add(pieces.file, message, remedy, row=pieces.rows[k], column="slope", value=value)
        _check_intercepts(data, pieces, intercepts, findings)
    if benefits is not None and intercepts is not None:
        _check_leontief_beside_pieces(data, benefits, intercepts, findings)


def _check_intercepts(data: Data, pieces: TypedTable, intercepts: TypedTable | None, findings: Findings) -> None:
    if intercepts is None:
        if "intercepts" not in data.given:
            message = "table 'intercepts' is missing: every piece needs its intercept"
            findings.add(pieces.file, message, "add it, with a row for every piece of every agent")
        return
    if intercepts.unidentified():
        return
    labels = {label: k for k, label in enumerate(intercepts.cells["piece"].distinct)}
    count = len(labels) + 1
    known = numbers_of(intercepts, "agent") * count + intercepts.cells["piece"].codes
    cells = pieces.cells["piece"]
    codes = np.array([*(labels.get(label, -1) for label in cells.distinct), -1], dtype=np.int64)[cells.codes]
    agent = numbers_of(pieces, "agent")
    usable = pieces.usable("agent", "piece")
    absent = np.flatnonzero(usable & ((codes < 0) | ~np.isin(agent * count + codes, known)))
    seen: set[tuple[int, str]] = set()
    for k in absent.tolist():
        name, piece = data.domains["agent"][agent[k]], cells.distinct[cells.codes[k]]
        if (agent[k], piece) not in seen:
            seen.add((agent[k], piece))
            message, remedy = f"piece {piece!r} of {name!r} has no intercept", f"add one to {intercepts.file}, 0 or not"
            findings.add(pieces.file, message, remedy, row=pieces.rows[k], column="piece", value=piece)


def _check_leontief_beside_pieces(data: Data, benefits: TypedTable, intercepts: TypedTable, findings: Findings) -> None:
    leontief = numbers_of(benefits, "agent")[Rows.of(benefits).are("min")]
    for i in np.intersect1d(leontief, numbers_of(intercepts, "agent")).tolist():
        if i >= 0:
            message = f"agent {data.domains['agent'][i]!r} has benefits of the form 'min' and pieces"
            remedy = f"write the benefits as pieces, of slope 1 / coefficient, in {intercepts.file}"
            findings.add(benefits.file, message, remedy, column="form", value="min")


# --- the economy as a whole -------------------------------------------------------------------------------------------


def check_size(data: Data, findings: Findings) -> None:
    """Report economies with too many agents, or too many pieces for them."""
    agents, n = data.tables.get("agents"), len(data.domains.get("agent", ()))
    if agents is not None and n > MAX_AGENTS:
        message = f"{n:,} agents: the limit is {MAX_AGENTS:,}"
        findings.add(agents.file, message, "merge or leave out agents", column="agent")
    pieces = len(data.tables["intercepts"]) if "intercepts" in data.tables else 0
    if "benefits" in data.tables:
        pieces += int(Rows.of(data.tables["benefits"]).are("min").sum())
    if agents is not None and pieces * n > MAX_PIECE_SLOPES:
        message = f"{pieces:,} pieces (rows of the form 'min' included) for {n:,} agents"
        remedy = f"leave out some: pieces times agents may be {MAX_PIECE_SLOPES:,} at most"
        findings.add(agents.file, message, remedy)


def check_every_agent_has_a_utility(data: Data, findings: Findings) -> None:
    """Report agents that no table gives a utility."""
    if not data.given & set(UTILITY_TABLES):
        file, line = data.place("")
        remedy = "give the table benefits (and costs), or pieces with intercepts"
        findings.add(file, "no utilities are given", remedy, row=line)
        return
    given = [name for name in UTILITY_TABLES if name in data.given]
    if "agents" not in data.tables or any(
        name not in data.tables or data.tables[name].unidentified() for name in (*given, "agents")
    ):
        return
    agents = data.tables["agents"]
    having = np.unique(np.concatenate([numbers_of(data.tables[name], "agent") for name in given]))
    for i in np.setdiff1d(np.arange(len(agents)), having).tolist():
        name = agents.values("agent")[i]
        message, remedy = f"agent {name!r} has no utility", "give it rows in benefits, costs or pieces, or leave it out"
        findings.add(agents.file, message, remedy, row=agents.rows[i], column="agent", value=name)


def check_outcomes(data: Data, findings: Findings) -> None:
    """Report outcomes that lack somebody's action, and actions that are too large."""
    table, most = data.tables.get("outcomes"), data.number("max_action")
    if table is None:
        return
    action = table.numbers("action")
    for k in np.flatnonzero(action > (np.inf if most is None else most)).tolist():
        value = f"{action[k]:.12g}"
        message = f"action {value} is above max_action {most:.12g}"
        findings.add(table.file, message, "lower it, or raise max_action", row=table.rows[k], column="action")
    names = data.domains.get("agent", ())
    agents = data.tables.get("agents")
    if table.unidentified() or agents is None or agents.unidentified():
        return
    outcome = table.cells["outcome"]
    has = np.zeros((len(outcome.distinct), len(names)), dtype=np.bool_)
    has[outcome.codes, numbers_of(table, "agent")] = True
    for k in np.flatnonzero(~has.all(axis=1)).tolist():
        absent = [names[i] for i in np.flatnonzero(~has[k]).tolist()]
        message = f"outcome {outcome.distinct[k]!r} lacks the action of {listed(absent)}"
        row = table.rows[int(np.argmax(outcome.codes == k))]
        remedy = "give every agent an action in every outcome, 0 or not"
        findings.add(table.file, message, remedy, row=row, column="agent", value=outcome.distinct[k])


def listed(names: Sequence[str]) -> str:
    """Write names, the first of many."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
