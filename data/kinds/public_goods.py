"""The kind ``public-goods``: agents whose actions benefit the others, and outcomes (Bodwin 2017, section 2.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats, Ints, frozen_floats
from breakaway.data.kinds.public_goods_checks import (
    BENEFIT_RULES,
    COST_RULES,
    Rows,
    check_every_agent_has_a_utility,
    check_joint_forms,
    check_outcomes,
    check_pieces,
    check_rows,
    check_size,
    numbers_of,
)
from breakaway.data.problems import Findings
from breakaway.data.public_goods import FORMS, CesSums, FormUtilities, LogSums, Outcomes, Pieces, PublicGoodsGame, Terms
from breakaway.data.schema import NONNEGATIVE, POSITIVE, Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data, TypedTable

BENEFIT_FORMS = (*FORMS, "min", "log-sum", "ces")
COST_FORMS = ("linear", "power", "quadratic", "cubic")
SHIFTED = ("sqrt", "power")


def _check(data: Data, findings: Findings) -> None:
    check_size(data, findings)
    if "benefits" in data.tables:
        check_rows(data.tables["benefits"], BENEFIT_RULES, findings)
        check_joint_forms(data.tables["benefits"], findings)
    if "costs" in data.tables:
        check_rows(data.tables["costs"], COST_RULES, findings)
    check_pieces(data, findings)
    check_every_agent_has_a_utility(data, findings)
    check_outcomes(data, findings)


# --- from tables ------------------------------------------------------------------------------------------------------


def _build(data: Data) -> PublicGoodsGame:
    names = tuple(data.tables["agents"].values("agent"))
    most = data.number("max_action")
    return PublicGoodsGame(
        names, _utilities(data, len(names)), _outcomes(data, len(names)), math.inf if most is None else most
    )


def _utilities(data: Data, n: int) -> FormUtilities:
    benefits = data.tables.get("benefits")
    sums = (None, None) if benefits is None else (_log_sums(benefits, n), _ces_sums(benefits, n))
    return FormUtilities(n, _terms(data), _pieces(data, n), *sums)


def _terms(data: Data) -> Terms:
    """Return benefits of one action each, then costs."""
    frames = [_term_frame(data.tables[name], name == "costs") for name in ("benefits", "costs") if name in data.tables]
    if not frames:
        return Terms.of([])
    rows = pd.concat(frames)
    return Terms(
        _frozen(rows["agent"].to_numpy()),
        _frozen(rows["source"].to_numpy()),
        tuple(rows["form"]),
        *(frozen_floats(rows[name].to_numpy()) for name in ("coefficient", "exponent", "shift")),
    )


def _term_frame(table: TypedTable, costs: bool) -> pd.DataFrame:
    """Return the terms of a table; a cost depends on the agent's own action and is subtracted."""
    agent = numbers_of(table, "agent")
    frame = pd.DataFrame(
        {
            "agent": agent,
            "source": agent if costs else numbers_of(table, "source"),
            "form": table.values("form"),
            "coefficient": table.numbers("coefficient") * (-1.0 if costs else 1.0),
            "exponent": table.numbers("exponent"),
            "shift": 0.0 if costs else table.numbers("shift"),
        }
    )
    return frame[Rows.of(table).are(*FORMS)]


def _frozen(values: Ints) -> Ints:
    """Return a read-only copy of an array of whole numbers."""
    array = np.array(values, dtype=np.int64)
    array.setflags(write=False)
    return array


def _matrix(table: TypedTable, form: str, column: str, n: int) -> Floats:
    """Return a column of the rows of a form as a matrix agent x source, 0 where there is none."""
    rows = Rows.of(table).are(form)
    matrix = np.zeros((n, n))
    matrix[numbers_of(table, "agent")[rows], numbers_of(table, "source")[rows]] = table.numbers(column)[rows]
    return frozen_floats(matrix)


def _log_sums(table: TypedTable, n: int) -> LogSums | None:
    return LogSums(_matrix(table, "log-sum", "coefficient", n)) if Rows.of(table).are("log-sum").any() else None


def _ces_sums(table: TypedTable, n: int) -> CesSums | None:
    rows = Rows.of(table).are("ces")
    if not rows.any():
        return None
    exponent = np.ones(n)
    exponent[numbers_of(table, "agent")[rows]] = table.numbers("exponent")[rows]
    coefficients, shift = (_matrix(table, "ces", column, n) for column in ("coefficient", "shift"))
    return CesSums(coefficients, shift, frozen_floats(exponent))


def _pieces(data: Data, n: int) -> Pieces:
    """Return the pieces, agent by agent; a Leontief benefit has a piece x_j / c_j for each of its sources."""
    parts = [_leontief(data.tables["benefits"], data.domains["agent"])] if "benefits" in data.tables else []
    parts += [_listed_pieces(data, n)] if "intercepts" in data.tables else []
    agent = np.concatenate([np.zeros(0, dtype=np.int64), *(part.agent for part in parts)])
    if not len(agent):
        return Pieces.none(n)
    order = np.argsort(agent, kind="stable")
    names = [name for part in parts for name in part.names]
    slopes = np.concatenate([part.slopes for part in parts])[order]
    intercepts = np.concatenate([part.intercepts for part in parts])[order]
    return Pieces(
        tuple(names[k] for k in order), _frozen(agent[order]), frozen_floats(slopes), frozen_floats(intercepts)
    )


def _leontief(table: TypedTable, names: Sequence[str]) -> Pieces:
    """Return the pieces of Leontief benefits, labelled by their sources."""
    rows = np.flatnonzero(Rows.of(table).are("min"))
    agent, source = numbers_of(table, "agent")[rows], numbers_of(table, "source")[rows]
    slopes = np.zeros((len(rows), len(names)))
    slopes[np.arange(len(rows)), source] = 1.0 / table.numbers("coefficient")[rows]
    return Pieces(tuple(names[j] for j in source), agent, slopes, np.zeros(len(rows)))


def _listed_pieces(data: Data, n: int) -> Pieces:
    table = data.tables["intercepts"]
    agent, labels = numbers_of(table, "agent"), tuple(table.values("piece"))
    slopes = np.zeros((len(table), n))
    if "pieces" in data.tables:
        entries = data.tables["pieces"]
        place = pd.Series(np.arange(len(table)), index=pd.MultiIndex.from_arrays([agent, labels]))
        keys = pd.MultiIndex.from_arrays([numbers_of(entries, "agent"), entries.values("piece")])
        slopes[place.loc[keys].to_numpy(), numbers_of(entries, "source")] = entries.numbers("slope")
    return Pieces(labels, agent, slopes, table.numbers("intercept"))


def _outcomes(data: Data, n: int) -> Outcomes:
    if "outcomes" not in data.tables:
        return Outcomes.of({}, n)
    table = data.tables["outcomes"]
    outcome = table.cells["outcome"]
    actions = np.zeros((len(outcome.distinct), n))
    actions[outcome.codes, numbers_of(table, "agent")] = table.numbers("action")
    return Outcomes(outcome.distinct, frozen_floats(actions))


# --- to tables --------------------------------------------------------------------------------------------------------


def _to_tables(game: PublicGoodsGame) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    """Write a game as tables; terms that differ in nothing but their coefficients are added up.

    Raises
    ------
    TypeError
        When the utilities are expressions.
    """
    if not isinstance(game.utilities, FormUtilities):
        raise TypeError("the utilities are Pyomo expressions, which no table holds; keep them in Python")
    names = np.array(game.agents, dtype=object)
    tables = {
        "agents": pd.DataFrame({"agent": game.agents}),
        **_term_tables(game.utilities, names),
        **_piece_tables(game.utilities.pieces, names),
        "outcomes": _outcome_table(game.outcomes, names),
    }
    parameters: dict[str, ParameterValue] = {"max_action": game.max_action} if math.isfinite(game.max_action) else {}
    return parameters, {name: table for name, table in tables.items() if len(table)}


def _term_tables(utilities: FormUtilities, names: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return benefits and costs; the costs are the last terms, as far as each can be a cost."""
    terms = utilities.terms
    rows = pd.DataFrame(
        {
            "agent": names[terms.agent],
            "source": names[terms.source],
            "form": np.array(terms.form, dtype=object),
            "coefficient": terms.coefficient,
            "exponent": np.where(np.isin(terms.form, ["power"]), terms.exponent, 1.0),
            "shift": np.where(np.isin(terms.form, SHIFTED), terms.shift, 0.0),
        }
    )
    own = (terms.agent == terms.source) & rows["form"].isin(COST_FORMS) & (rows["shift"] == 0)
    cost = own & (rows["coefficient"] <= 0) & (rows["exponent"] >= 1)
    first = int(np.flatnonzero(~cost)[-1]) + 1 if not cost.all() else 0
    costs = rows.iloc[first:].drop(columns=["source", "shift"])
    benefits = pd.concat([_added(rows.iloc[:first]), *_sum_frames(utilities, names)], ignore_index=True)
    return {"benefits": benefits, "costs": _added(costs.assign(coefficient=-costs["coefficient"]))}


def _added(rows: pd.DataFrame) -> pd.DataFrame:
    """Add up the coefficients of rows that agree in everything else."""
    keys = [name for name in rows.columns if name != "coefficient"]
    if not rows.duplicated(keys).any():
        return rows
    added = rows.groupby(keys, sort=False)["coefficient"].sum().reset_index()
    return added[list(rows.columns)]


def _sum_frames(utilities: FormUtilities, names: np.ndarray) -> list[pd.DataFrame]:
    """Return the rows of sums within a logarithm, and of constant elasticity."""
    frames = []
    for form, part in (("log-sum", utilities.log_sums), ("ces", utilities.ces_sums)):
        if part is not None:
            agent, source = np.nonzero(part.coefficients)
            frame = {
                "agent": names[agent],
                "source": names[source],
                "form": form,
                "coefficient": part.coefficients[agent, source],
                "exponent": part.exponent[agent] if isinstance(part, CesSums) else 1.0,
                "shift": part.shift[agent, source] if isinstance(part, CesSums) else 0.0,
            }
            frames.append(pd.DataFrame(frame))
    return frames


def _piece_tables(pieces: Pieces, names: np.ndarray) -> dict[str, pd.DataFrame]:
    agents, labels = names[pieces.agent], np.array(pieces.names, dtype=object)
    piece, source = np.nonzero(pieces.slopes)
    entries = {
        "agent": agents[piece],
        "piece": labels[piece],
        "source": names[source],
        "slope": pieces.slopes[piece, source],
    }
    intercepts = {"agent": agents, "piece": labels, "intercept": pieces.intercepts}
    return {"pieces": pd.DataFrame(entries), "intercepts": pd.DataFrame(intercepts)}


def _outcome_table(outcomes: Outcomes, names: np.ndarray) -> pd.DataFrame:
    labels = np.repeat(np.array(outcomes.names, dtype=object), len(names))
    columns = {"outcome": labels, "agent": np.tile(names, len(outcomes)), "action": outcomes.actions.ravel()}
    return pd.DataFrame(columns)


# --- the declaration --------------------------------------------------------------------------------------------------

_MEANING = """\
A public-goods economy: every agent chooses an action of at least 0, which costs the agent and benefits others, and \
`outcomes` lists the profiles of actions that are asked about. An agent's utility is the sum of its rows in \
`benefits`, less those in `costs`, plus the least of its pieces in `intercepts` and `pieces`; each table may be left \
out, but every agent needs a row in some of them. Utilities must be concave and have finite slopes, and nobody's \
action may lower another's utility. The forms, with coefficient c, exponent e, shift s, and action x >= 0 of the \
source:

| form | benefit | allowed |
| --- | --- | --- |
| `linear` | c x | c >= 0; any c for the agent's own action |
| `log` | c log(1 + x) | c >= 0 |
| `sqrt` | c sqrt(x + s) | c >= 0, s > 0 |
| `power` | c (x + s)^e | 0 < e < 1: c >= 0, s > 0; e < 0: c <= 0, s > 0; e = 1: as `linear`; e > 1: as `quadratic` |
| `quadratic` | c x^2 / 2 | c <= 0 and the agent's own action only |
| `cubic` | c x^3 / 3 | c <= 0 and the agent's own action only |
| `min` | the least of x / c over the agent's `min` rows (Leontief) | c > 0 |
| `log-sum` | log(1 + sum of c x over the agent's `log-sum` rows) | c >= 0 |
| `ces` | (sum of c (x + s)^e over the agent's `ces` rows)^(1/e) | c >= 0, s > 0, one e <= 1 for the agent, not 0 |

Each is concave, and rises in x or does not fall, within these limits: `linear`, `log`, `sqrt`, and `power` with \
0 < e <= 1 rise for c > 0; `power` with e < 0 rises for c < 0; a term of the agent's own action may fall. A cost is \
c x, c x^e with e >= 1, c x^2 / 2 or c x^3 / 3 of the agent's own action, with c >= 0 unless it is linear. Exponents \
belong to `power` and `ces`, shifts to `sqrt`, `power` and `ces`; where s > 0 is asked for, s = 0 would make the slope \
infinite at 0. Rows that are alike in everything but their coefficient must be one row."""

AGENT = Column("agent", ColumnType.MEMBER, "the agent", key=True, domain="agent")
SOURCE = Column("source", ColumnType.MEMBER, "the agent whose action counts", key=True, domain="agent")
PIECE = Column("piece", ColumnType.LABEL, "label of the piece", key=True)
EXPONENT = Column("exponent", ColumnType.NUMBER, "exponent e of the forms that have one", key=True, default=1.0)

PUBLIC_GOODS = Kind(
    name="public-goods",
    meaning=_MEANING,
    tables=(
        Table(
            "agents",
            "The agents, in the order in which they appear.",
            (Column("agent", ColumnType.NAME, "name of the agent", key=True, domain="agent"),),
        ),
        Table(
            "benefits",
            "What agents have from actions.",
            (
                AGENT,
                SOURCE,
                Column("form", ColumnType.LABEL, "form of the benefit", key=True, choices=BENEFIT_FORMS),
                Column("coefficient", ColumnType.NUMBER, "coefficient c"),
                EXPONENT,
                Column(
                    "shift",
                    ColumnType.NUMBER,
                    "shift s of the forms that have one",
                    "action",
                    key=True,
                    default=0.0,
                    bound=NONNEGATIVE,
                ),
            ),
            optional=True,
        ),
        Table(
            "costs",
            "What an agent's own action costs it.",
            (
                AGENT,
                Column("form", ColumnType.LABEL, "form of the cost", key=True, choices=COST_FORMS),
                Column("coefficient", ColumnType.NUMBER, "coefficient c"),
                EXPONENT,
            ),
            optional=True,
        ),
        Table(
            "intercepts",
            "The pieces of an agent: affine functions of all actions, of which the agent has the least. A piece "
            "without a row in `pieces` is constant.",
            (AGENT, PIECE, Column("intercept", ColumnType.NUMBER, "value where all actions are 0", "utility")),
            optional=True,
        ),
        Table(
            "pieces",
            "The slopes of the pieces; those not listed are 0.",
            (
                AGENT,
                PIECE,
                SOURCE,
                Column("slope", ColumnType.NUMBER, "slope; at least 0 in another's action", "utility per action"),
            ),
            optional=True,
        ),
        Table(
            "outcomes",
            "The outcomes that are asked about; without this table, only the Lindahl outcome is.",
            (
                Column("outcome", ColumnType.LABEL, "label of the outcome", key=True),
                Column("agent", ColumnType.MEMBER, "the agent; every outcome lists all", key=True, domain="agent"),
                Column("action", ColumnType.NUMBER, "the agent's action", "action", bound=NONNEGATIVE),
            ),
            optional=True,
        ),
    ),
    parameters=(
        Parameter(
            "max_action", float, "largest action of every agent; without it there is none", "action", bound=POSITIVE
        ),
    ),
    game_type=PublicGoodsGame,
    check=_check,
    build=_build,
    to_tables=_to_tables,
)
