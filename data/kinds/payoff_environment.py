"""The kind ``payoff-environment``: payoff types, outcomes and a social choice function (Guo and Yannelis 2020)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.kinds.payoff_environment_beliefs import belief_arrays, revisions
from breakaway.data.kinds.payoff_environment_checks import check
from breakaway.data.kinds.payoff_environment_profiles import Labels, agents_of, labels_of, whole_profiles
from breakaway.data.kinds.payoff_environment_utilities import Outcomes, Terms, formula_values, listed_utilities
from breakaway.data.payoff_environment import (
    Mechanism,
    PayoffEnvironment,
    TypeSpace,
    maximal_pattern,
    minimal_pattern,
)
from breakaway.data.problems import Findings
from breakaway.data.schema import NONNEGATIVE, Column, ColumnType, Kind, Parameter, ParameterValue, Table
from breakaway.data.typed import Data

# --- from tables ------------------------------------------------------------------------------------------------------


def _build(data: Data) -> PayoffEnvironment:
    types, outcomes = Labels.of(data, "payoff_types", "payoff_type", "payoff type"), Outcomes.of(data)
    assert types is not None
    assert outcomes is not None
    vertices, shape = outcomes.vertices, types.sizes
    table = data.tables["social_choice"]
    choice = np.zeros((types.count, vertices))
    numbers = whole_profiles(table, "profile", types, Findings())
    choice[numbers, outcomes.places(table)] = table.numbers("probability")
    return PayoffEnvironment(
        agents=types.agents,
        payoff_types=types.names,
        outcomes=outcomes.names[:vertices],
        rays=outcomes.names[vertices:],
        utilities=_utilities(data, types, outcomes).reshape(len(shape), *shape, -1),
        social_choice=choice.reshape(*shape, vertices),
        pattern=_pattern(data, len(shape)),
        mechanism=_mechanism(data, outcomes),
        type_space=_type_space(data, types),
    )


def _utilities(data: Data, types: Labels, outcomes: Outcomes) -> Floats:
    values = listed_utilities(data, types, outcomes, Findings())
    if "formulas" in data.tables:
        table = data.tables["formulas"]
        agents = agents_of(table, types.agents).tolist()
        for agent, formula in zip(agents, table.values("formula"), strict=True):
            values[agent] = formula_values(Terms.of(data, agent, types, outcomes), formula)
    return values


def _pattern(data: Data, agents: int) -> tuple[int, ...]:
    if "coalitions" in data.tables:
        return tuple(sorted(data.tables["coalitions"].values("coalition")))
    return maximal_pattern(agents) if data.parameters["coalition_pattern"] == "maximal" else minimal_pattern(agents)


def _mechanism(data: Data, outcomes: Outcomes) -> Mechanism | None:
    messages = Labels.of(data, "messages", "message", "message")
    if messages is None:
        return None
    table = data.tables["outcome_function"]
    values = np.zeros((messages.count, len(outcomes.names)))
    numbers = whole_profiles(table, "message_profile", messages, Findings())
    values[numbers, outcomes.places(table)] = table.numbers("weight")
    return Mechanism(messages.names, values.reshape(*messages.sizes, -1))


def _type_space(data: Data, payoff_types: Labels) -> TypeSpace | None:
    space = Labels.of(data, "types", "type", "type")
    if space is None:
        return None
    table = data.tables["types"]
    own, agents = labels_of(table, "payoff_type", payoff_types, Findings()), agents_of(table, space.agents)
    revised = revisions(data.tables["revisions"], space) if "revisions" in data.tables else ()
    beliefs = belief_arrays(data.tables["beliefs"], space)
    return TypeSpace(space.names, tuple(own[agents == i] for i in range(len(space.agents))), beliefs, revised)


# --- to tables --------------------------------------------------------------------------------------------------------


def _to_tables(game: PayoffEnvironment) -> tuple[dict[str, ParameterValue], dict[str, pd.DataFrame]]:
    pattern = _pattern_word(game)
    roles = ["vertex"] * len(game.outcomes) + ["ray"] * len(game.rays)
    names = (*game.outcomes, *game.rays)
    tables = {
        "payoff_types": _frame(_labels(game, game.payoff_types), "agent", "payoff_type"),
        "outcomes": pd.DataFrame({"outcome": names, "role": roles}),
        "utilities": _frame(_utility_rows(game), "agent", "outcome", "profile", "utility"),
        "social_choice": _frame(_chosen_rows(game), "profile", "outcome", "probability"),
    }
    if pattern == "listed":
        tables["coalitions"] = _frame(((game.coalition_name(s),) for s in game.pattern), "coalition")
    if game.mechanism is not None:
        tables |= _mechanism_tables(game, game.mechanism)
    if game.type_space is not None:
        tables |= _type_space_tables(game, game.type_space)
    return {"coalition_pattern": pattern}, tables


def _pattern_word(game: PayoffEnvironment) -> str:
    for word, pattern in (("maximal", maximal_pattern(len(game))), ("minimal", minimal_pattern(len(game)))):
        if set(game.pattern) == set(pattern):
            return word
    return "listed"


def _frame(rows: Iterator[tuple[object, ...]], *columns: str) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns))


def _labels(game: PayoffEnvironment, names: tuple[tuple[str, ...], ...]) -> Iterator[tuple[str, str]]:
    return ((agent, label) for agent, own in zip(game.agents, names, strict=True) for label in own)


def _profile_names(game: PayoffEnvironment, names: tuple[tuple[str, ...], ...]) -> list[str]:
    """Write all profiles, the last agent's entry running fastest."""
    return [_text(game, range(len(game)), labels) for labels in itertools.product(*names)]


def _text(game: PayoffEnvironment, agents: range | list[int], labels: tuple[str, ...]) -> str:
    return "|".join(f"{game.agents[i]}:{label}" for i, label in zip(agents, labels, strict=True))


def _utility_rows(game: PayoffEnvironment) -> Iterator[tuple[str, str, str, float]]:
    profiles = _profile_names(game, game.payoff_types)
    for agent, values in zip(game.agents, game.worth, strict=True):
        for k, outcome in enumerate((*game.outcomes, *game.rays)):
            yield from (
                (agent, outcome, name, value) for name, value in zip(profiles, values[:, k].tolist(), strict=True)
            )


def _chosen_rows(game: PayoffEnvironment) -> Iterator[tuple[str, str, float]]:
    profiles = _profile_names(game, game.payoff_types)
    for p, k in np.argwhere(game.chosen).tolist():
        yield profiles[p], game.outcomes[k], float(game.chosen[p, k])


def _mechanism_tables(game: PayoffEnvironment, mechanism: Mechanism) -> dict[str, pd.DataFrame]:
    profiles, names = _profile_names(game, mechanism.messages), (*game.outcomes, *game.rays)
    values = mechanism.outcome.reshape(len(profiles), -1)
    rows = ((profiles[p], names[k], float(values[p, k])) for p, k in np.argwhere(values).tolist())
    return {
        "messages": _frame(_labels(game, mechanism.messages), "agent", "message"),
        "outcome_function": _frame(rows, "message_profile", "outcome", "weight"),
    }


def _type_space_tables(game: PayoffEnvironment, space: TypeSpace) -> dict[str, pd.DataFrame]:
    own = [game.payoff_types[i][k] for i in range(len(game)) for k in space.payoff_type[i].tolist()]
    types = _frame(_labels(game, space.types), "agent", "type").assign(payoff_type=own)
    beliefs = (
        (game.agents[i], space.types[i][t], others, probability)
        for i in range(len(game))
        for t in range(len(space.types[i]))
        for others, probability in _belief_rows(game, space, i, space.beliefs[i][t])
    )
    tables = {"types": types, "beliefs": _frame(beliefs, "agent", "type", "others", "probability")}
    if space.revisions:
        columns = ("agent", "type", "coalition_types", "others", "probability")
        tables["revisions"] = _frame(_revision_rows(game, space), *columns)
    return tables


def _belief_rows(game: PayoffEnvironment, space: TypeSpace, agent: int, belief: Floats) -> Iterator[tuple[str, float]]:
    others = [i for i in range(len(game)) if i != agent]
    for place in np.argwhere(belief).tolist():
        labels = tuple(space.types[i][k] for i, k in zip(others, place, strict=True))
        yield _text(game, others, labels), float(belief[tuple(place)])


def _revision_rows(game: PayoffEnvironment, space: TypeSpace) -> Iterator[tuple[str, str, str, str, float]]:
    for revision in space.revisions:
        members = [i for i, _ in revision.members]
        seen = _text(game, members, tuple(space.types[i][k] for i, k in revision.members))
        for others, probability in _belief_rows(game, space, revision.agent, revision.belief):
            yield game.agents[revision.agent], space.types[revision.agent][revision.type], seen, others, probability


# --- the declaration --------------------------------------------------------------------------------------------------

_MEANING = """\
Agents with payoff types, outcomes, and a social choice function that says what happens at every profile of payoff \
types. What can happen is any lottery over the outcomes of the role `vertex`, moved by any amount of at least 0 along \
the outcomes of the role `ray`: free disposal of a good is a ray along which it is lost. Every agent has either rows \
in `utilities`, one for every outcome and ray at every profile, or a formula. A profile of all agents is written \
`a1:low|a2:high`.

A formula such as `theta * quantity + transfer_1` gives an agent's utility of an outcome: it consists of numbers, \
`+ - * / **`, parentheses, the functions `min`, `max`, `abs`, `log` (natural) and `sqrt`, the further columns of \
`outcomes`, `theta` (the agent's own `value` in `payoff_types`) and `theta_<agent>` (another agent's). The columns of \
a ray say by how much it changes those of an outcome per unit; a formula must change at one rate along every ray, \
from whichever outcome. A cell with commas stands in quotation marks.

A mechanism (`messages` with `outcome_function`) and a type space (`types` with `beliefs`, and `revisions` where a \
belief is to be revised otherwise than by the default) may be added. The formats hold at most 8 agents and 1,000 \
profiles of payoff types, 100,000 profiles of types, and outcome functions with 2,000,000 entries, message profiles \
times outcomes."""

AGENT = Column("agent", ColumnType.MEMBER, "the agent", key=True, domain="agent")
OUTCOME = Column("outcome", ColumnType.MEMBER, "outcome or ray", key=True, domain="outcome")
TYPE = Column("type", ColumnType.LABEL, "type of the agent", key=True)
OTHERS = Column("others", ColumnType.TYPES, "types of all other agents, `a2:t1|a3:t2`", key=True, domain="agent")
PROBABILITY = Column("probability", ColumnType.NUMBER, "probability", default=1.0, bound=NONNEGATIVE)

PAYOFF_ENVIRONMENT = Kind(
    name="payoff-environment",
    meaning=_MEANING,
    tables=(
        Table(
            "payoff_types",
            "The agents, in the order in which they appear, and what each can be.",
            (
                Column("agent", ColumnType.NAME, "name of the agent", key=True, domain="agent"),
                Column("payoff_type", ColumnType.LABEL, "name of the payoff type", key=True),
                Column("value", ColumnType.NUMBER, "what `theta` is in formulas", default=float("nan")),
            ),
        ),
        Table(
            "outcomes",
            "What can happen, and along what it can be moved.",
            (
                Column("outcome", ColumnType.NAME, "name of the outcome or ray", key=True, domain="outcome"),
                Column("role", ColumnType.LABEL, "what it is", default="vertex", choices=("vertex", "ray")),
            ),
            further="attribute of the outcome, which formulas can name",
        ),
        Table(
            "utilities",
            "What agents have from outcomes, or per unit of a ray, at every profile.",
            (
                AGENT,
                OUTCOME,
                Column("profile", ColumnType.TYPES, "payoff types of all agents", key=True, domain="agent"),
                Column("utility", ColumnType.NUMBER, "utility", "utility"),
            ),
            optional=True,
        ),
        Table(
            "formulas",
            "The utilities of agents as formulas.",
            (AGENT, Column("formula", ColumnType.FORMULA, "the agent's utility")),
            optional=True,
        ),
        Table(
            "social_choice",
            "The lottery at every profile; the probabilities at a profile sum to 1.",
            (
                Column("profile", ColumnType.TYPES, "payoff types of all agents", key=True, domain="agent"),
                Column("outcome", ColumnType.MEMBER, "outcome, a vertex", key=True, domain="outcome"),
                PROBABILITY,
            ),
        ),
        Table(
            "coalitions",
            "The coalitions that can form, single agents included, when the pattern is `listed`.",
            (Column("coalition", ColumnType.COALITION, "the coalition", key=True, domain="agent"),),
            optional=True,
        ),
        Table(
            "messages",
            "What agents can say in the mechanism.",
            (AGENT, Column("message", ColumnType.LABEL, "name of the message", key=True)),
            optional=True,
        ),
        Table(
            "outcome_function",
            "What the mechanism does at every profile of messages: weights of vertices, which sum to 1, and amounts "
            "along rays.",
            (
                Column("message_profile", ColumnType.TYPES, "messages of all agents", key=True, domain="agent"),
                OUTCOME,
                Column(
                    "weight",
                    ColumnType.NUMBER,
                    "probability of a vertex, or amount along a ray",
                    default=1.0,
                    bound=NONNEGATIVE,
                ),
            ),
            optional=True,
        ),
        Table(
            "types",
            "The types of a type space; every payoff type belongs to some type.",
            (AGENT, TYPE, Column("payoff_type", ColumnType.LABEL, "its payoff type")),
            optional=True,
        ),
        Table(
            "beliefs",
            "What every type believes; the probabilities of a type sum to 1, and types of the others that are not "
            "listed have probability 0.",
            (AGENT, TYPE, OTHERS, PROBABILITY),
            optional=True,
        ),
        Table(
            "revisions",
            "What a type believes after other members of its coalition turn out to have types that it gave "
            "probability 0.",
            (
                AGENT,
                TYPE,
                Column(
                    "coalition_types",
                    ColumnType.TYPES,
                    "types of the coalition's other members",
                    key=True,
                    domain="agent",
                ),
                OTHERS,
                PROBABILITY,
            ),
            optional=True,
        ),
    ),
    parameters=(
        Parameter(
            "coalition_pattern",
            str,
            "which coalitions can form: all, single agents only, or those of the table `coalitions`",
            default="maximal",
            choices=("maximal", "minimal", "listed"),
        ),
    ),
    game_type=PayoffEnvironment,
    check=check,
    build=_build,
    to_tables=_to_tables,
)
"""The declaration."""
