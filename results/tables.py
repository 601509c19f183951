"""The result tables: every column declared once, every concept's tables listed once.

Frames hold names as text, flags as Python booleans, numbers as floats or integers; a coalition is written ``A+B``, a
structure ``A+B|C``. Payoffs, worths and slack share the game's unit of money or utility.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import pandas as pd

Kind = Literal["text", "boolean", "integer", "number"]
"""What the cells of a column are."""

Concept = Literal[
    "coalitional-nash",
    "viability",
    "characteristic-function",
    "comparison",
    "ntu",
    "public-goods",
    "implementation",
    "stable-assignment",
]
"""The question that an answer answers."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a consumer may rely on: what its cells are and what they mean."""

    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """A result table: what a row is, the columns that are always there and those that may be."""

    row: str
    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    required: bool = False


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "structure": Column("text", "coalition structure, A+B|C"),
        "coalition": Column("text", "coalition, A+B"),
        "coalitions": Column("integer", "number of coalitions in the structure"),
        "viable": Column("boolean", "some division (of every block, for a structure) meets every threat"),
        "coarsest": Column("boolean", "viable, and no other viable structure is coarser"),
        "efficient": Column(
            "boolean", "no structure has a larger total worth; without transfers see the page of the game"
        ),
        "worth": Column("number", "what the coalition can share; for a structure the total of its coalitions"),
        "required_worth": Column("number", "least total of payoffs at which some division meets every threat"),
        "slack": Column("number", "worth - required_worth"),
        "naive_required_worth": Column(
            "number", "required_worth when coalitions threaten with their unconstrained Nash divisions (Theorem 2)"
        ),
        "agrees": Column("boolean", "those threats lead to the same required worth and the same solutions"),
        "shortfall": Column("number", "required_worth - worth of a coalition that is not viable"),
        "renamings": Column("integer", "structures of this pattern, by renaming identical players"),
        "solution": Column("integer", "number of the solution within its coalition, from 1"),
        "player": Column("text", "name of the player"),
        "payoff": Column("number", "payoff of the player"),
        "threat_payoff": Column("number", "payoff that the threat promises the player"),
        "breakaway": Column("text", "coalition that threatens to walk away"),
        "resulting_structure": Column("text", "structure in which the breakaway finds itself"),
        "point": Column(
            "text",
            "label of a feasible point; * for all allocations of a set that is not finite; its number on a frontier",
        ),
        "log_nash_product": Column("number", "log of the best Nash product; missing without one above zero"),
        "naive_agrees": Column("boolean", "the naive problem of Theorem 2 gives the same solutions"),
        "equilibria": Column("integer", "number of Nash-in-Nash equilibria of the structure"),
        "action": Column(
            "text", "joint action of the coalition, as in the instance or low+high; of an agent, how much"
        ),
        "counts": Column("boolean", "the equilibrium gives the worths of its structure"),
        "profile": Column("text", "action of every coalition (or player), A+B:high|C:low"),
        "reason": Column(
            "text", "why the coalition upsets the profile: disagreement, threat or better answer; of a verdict, why"
        ),
        "threat": Column("integer", "number (or, in a threat game, name) of the threat within its breakaway"),
        "group": Column("text", "group, T+T+H: a type appears once for each member"),
        "type": Column("text", "name of the type"),
        "amount": Column("number", "how many people of the type one such group takes"),
        "mass": Column("number", "how many groups of this kind form (groups, not people)"),
        "mass_min": Column("number", "least mass of the group in any optimal assignment"),
        "mass_max": Column("number", "largest mass of the group in any optimal assignment"),
        "surplus": Column("number", "surplus of one such group"),
        "payoff_min": Column("number", "least payoff of the type in any imputation; missing when not computed"),
        "payoff_max": Column("number", "largest payoff of the type in any imputation"),
        "primal": Column("number", "welfare: what the formed groups are worth"),
        "dual": Column("number", "proven upper bound of the welfare of every assignment"),
        "gap": Column("number", "dual - primal, at least 0"),
        "groups_priced": Column("integer", "permitted groups that the proof covers"),
        "columns": Column("integer", "groups held at that moment"),
        "max_size": Column("integer", "members of the largest group that is permitted, N"),
        "welfare": Column("number", "what the formed groups are worth when groups have up to N members"),
        "upper_bound": Column("number", "proven upper bound of that welfare"),
        "increase": Column("number", "welfare - welfare of the last row that has one"),
        "largest_formed": Column("integer", "members of the largest group that formed"),
        "groups": Column("integer", "how many groups are permitted"),
        "seconds": Column("number", "time since the start"),
        "concept": Column("text", "solution concept"),
        "status": Column(
            "text",
            "solved, empty (nothing satisfies the concept), undefined (for this game), unfinished; of an outcome: in "
            "the core, not in the core, on the boundary",
        ),
        "solutions": Column("integer", "number of solutions listed; of a polytope, of vertices"),
        "complete": Column("boolean", "every solution (every vertex of a polytope) is listed"),
        "shape": Column("text", "points, or polytope: the convex hull of the vertices listed"),
        "value": Column("number", "what the concept optimises, at its solution"),
        "bound": Column("number", "proven bound of that value; of an action, the most in any deviation"),
        "note": Column("text", "why there is no solution, or what is to be known about it"),
        "in_core": Column(
            "boolean",
            "all that the players share is shared, and no coalition is worth more than it gets; of an outcome, no "
            "coalition can do better alone; missing on the boundary",
        ),
        "core_coalition": Column("text", "the coalition with the largest worth above what it gets"),
        "core_excess": Column("number", "its worth above what it gets"),
        "unblocked": Column("boolean", "no credible threat gives all its members more"),
        "threat_gain": Column("number", "least gain of a member of the best credible threat; it blocks when positive"),
        "in_prekernel": Column("boolean", "the surpluses of every pair of players against each other balance"),
        "weight": Column(
            "number", "weight of the coalition in a balanced collection; of an outcome, its probability or amount"
        ),
        "step": Column(
            "integer", "place of the coalition in its stack, from the highest average down; in a path, from 0"
        ),
        "average": Column("number", "worth net of disagreement, per unit of bargaining weight"),
        "statement": Column("text", "statement of the theory, as named in docs/theorems.md"),
        "hypothesis": Column("boolean", "what the statement assumes is true of this game"),
        "conclusion": Column("boolean", "what the statement concludes is true of this game"),
        "holds": Column(
            "boolean", "the conclusion is true or the hypothesis is not; of a condition: true, false or undecided"
        ),
        "lacking": Column("text", "what the hypothesis lacks; missing when it is true"),
        "witness": Column("text", "what shows that the conclusion is false; of two players, where the margin is least"),
        "other": Column("text", "name of the player to whom the player is compared"),
        "at_least_as_desirable": Column("boolean", "in no coalition does the player bring less than the other would"),
        "margin": Column(
            "number",
            "least worth that a coalition gains when the player takes the place of the other; of a condition, by how "
            "much it holds",
        ),
        "level": Column("integer", "rank of the excess among all excesses, from 1 for the largest"),
        "excess": Column("number", "worth of the coalition less what it gets"),
        "outside_option": Column("number", "the most that the player can get alone, never below disagreement"),
        "ideal_payoff": Column("number", "the most that any unblocked allocation leaves for the player"),
        "mean_threat": Column("number", "mean of what the player gets in the threats of all coalitions"),
        "subtracted": Column("number", "payoff from which the concept counts the player's gain"),
        "outcome": Column("text", "name of the outcome that is asked about; of an outcome or a ray in a reward"),
        "pareto_efficient": Column("boolean", "all agents together cannot each gain"),
        "individually_rational": Column("boolean", "nobody could do better alone"),
        "lindahl": Column("boolean", "a Lindahl outcome: everybody acts, and J(a) a = 0"),
        "least_gain": Column(
            "number",
            "least gain of a member of the coalition in its deviation; of a whistle-blower, by its reward",
        ),
        "rounds": Column("integer", "rounds until the verdict"),
        "agent": Column("text", "name of the agent"),
        "gain": Column("number", "utility in the deviation (when misreporting) less utility in the outcome (in truth)"),
        "round": Column("integer", "round of the elimination; 0 is the start; of whistle-blowers, their order from 1"),
        "multiplier": Column("number", "weight of the agent's gain in the proof that the start covers all deviations"),
        "utility": Column("number", "utility of the agent"),
        "source": Column("text", "agent whose action the price is for"),
        "price": Column("number", "what the agent pays for a unit of the source's action; negative: is paid"),
        "share": Column("number", "part of the source's marginal cost that the agent pays"),
        "condition": Column("text", "condition on the social choice function, as named in docs/implementation.md"),
        "coalition_pattern": Column(
            "text",
            "coalitions that can form: minimal (single agents), maximal (all), or those of two or more, A+B|A+C",
        ),
        "method": Column("text", "how the condition was decided"),
        "checked": Column("integer", "how many cases were tried to decide it"),
        "true_profile": Column("text", "payoff types of the members, A:low|B:high"),
        "reported_profile": Column("text", "payoff types that the members report"),
        "others_profile": Column(
            "text", "payoff types of all agents; those outside the coalition are as the member gains most"
        ),
        "others_reported": Column("text", "payoff types that the agents outside the coalition report"),
        "deception": Column("text", "name of the deception: the condition that fails by it"),
        "payoff_type": Column("text", "payoff type of the agent"),
        "reported_type": Column("text", "a payoff type that it may then report"),
        "reward": Column("integer", "number of the reward in a menu, from 1; for every conjecture one serves"),
        "theorem": Column("text", "1: robust coalitional implementation; 2: robust implementation for the pattern"),
        "implementable": Column("text", "true (conditions suffice), false (a necessary one fails) or undecided"),
        "robust_s_ic": Column("text", "robust S incentive compatibility for the pattern: true, false or undecided"),
        "robust_s_monotonicity": Column("text", "robust S monotonicity for the pattern: true, false or undecided"),
        "interior_reward": Column("text", "interior S reward property for the pattern: true, false or undecided"),
        "class": Column("integer", "patterns that differ only by exchanging agents who are alike share a number"),
    }
)

_FAILURE = ("worth", "required_worth", "shortfall", "breakaway")
_MET = ("solution", "breakaway", "threat", "player", "payoff", "threat_payoff")
_REPORT = ("condition", "coalition", "true_profile", "reported_profile")
_STRUCTURES = Table(
    "a coalition structure",
    ("structure", "coalitions", "viable", "coarsest", "efficient"),
    ("worth", "renamings"),
)

TABLES: Mapping[Concept, Mapping[str, Table]] = MappingProxyType(
    {
        "coalitional-nash": {
            "solutions": Table("a player's payoff in one maximiser", ("solution", "player", "payoff"), required=True),
            "met": Table("a player who declines a threat in one solution", _MET),
            "failures": Table(
                "a player's payoff in a threat that cannot be met", (*_FAILURE, "threat", "player", "payoff")
            ),
        },
        "characteristic-function": {
            "solutions": Table("a player's payoff in one maximiser", ("solution", "player", "payoff"), required=True),
            "coalitions": Table(
                "a coalition",
                ("coalition", "worth", "viable", "required_worth", "slack"),
                ("naive_required_worth", "agrees"),
                required=True,
            ),
            "coalition_solutions": Table(
                "a member's payoff in one maximiser of its coalition",
                ("coalition", "solution", "player", "payoff"),
                required=True,
            ),
            "structures": _STRUCTURES,
            "met": Table("a player who declines a threat in one solution", ("coalition", *_MET)),
            "failures": Table(
                "a player's payoff in a threat that cannot be met",
                ("coalition", *_FAILURE, "threat", "player", "payoff"),
            ),
            "theorems": Table(
                "a statement about the game or one of its coalitions",
                ("statement", "coalition", "hypothesis", "conclusion", "holds", "lacking", "witness"),
            ),
            "desirability": Table(
                "an ordered pair of players", ("player", "other", "at_least_as_desirable", "margin", "witness")
            ),
        },
        "comparison": {
            "concepts": Table(
                "a solution concept",
                ("concept", "status", "solutions", "complete", "shape", "value", "bound", "note"),
                required=True,
            ),
            "solutions": Table(
                "a player's payoff in one solution of a concept",
                ("concept", "solution", "player", "payoff"),
                required=True,
            ),
            "standing": Table(
                "one solution of a concept",
                (
                    "concept",
                    "solution",
                    "in_core",
                    "core_coalition",
                    "core_excess",
                    "unblocked",
                    "breakaway",
                    "threat_gain",
                    "in_prekernel",
                ),
                required=True,
            ),
            "coalitions": Table("a coalition", ("coalition", "worth", "viable", "required_worth", "slack")),
            "balanced_collection": Table(
                "a coalition of the balanced collection that proves the core empty", ("coalition", "weight", "worth")
            ),
            "excess_levels": Table(
                "a coalition with one of the largest excesses at a nucleolus or prenucleolus",
                ("concept", "level", "excess", "coalition"),
            ),
            "coalition_solutions": Table(
                "a member's payoff in one maximiser of its coalition", ("coalition", "solution", "player", "payoff")
            ),
            "egalitarian_solutions": Table(
                "a member's payoff in one egalitarian division of its coalition",
                ("coalition", "solution", "player", "payoff"),
            ),
            "stacks": Table(
                "a coalition in a stack, for stacked-averages", ("solution", "step", "coalition", "worth", "average")
            ),
            "outside_options": Table("a player, for split-the-difference", ("player", "outside_option")),
            "ideal_payoffs": Table("a player, for kalai-smorodinsky", ("player", "ideal_payoff")),
            "mean_threats": Table("a player, for phi", ("player", "mean_threat", "subtracted")),
        },
        "ntu": {
            "solutions": Table("a player's payoff in one maximiser", ("solution", "player", "payoff"), required=True),
            "coalitions": Table(
                "a coalition",
                ("coalition", "viable", "solutions", "log_nash_product"),
                ("naive_agrees",),
                required=True,
            ),
            "coalition_solutions": Table(
                "a member's payoff in one maximiser of its coalition",
                ("coalition", "solution", "player", "payoff"),
                required=True,
            ),
            "structures": Table(
                "a coalition structure", ("structure", "coalitions", "viable", "coarsest"), ("efficient",)
            ),
            "met": Table("a player who declines a threat in one solution", ("coalition", *_MET)),
            "failures": Table(
                "a player's payoff in a threat that blocks a point",
                ("coalition", "point", "breakaway", "threat", "player", "payoff"),
            ),
            "naive_solutions": Table(
                "a member's payoff in one solution of the naive problem, where that differs",
                ("coalition", "solution", "player", "payoff"),
            ),
        },
        "public-goods": {
            "membership": Table(
                "an outcome",
                ("outcome", "in_core", "pareto_efficient", "individually_rational", "lindahl"),
                ("status", "coalition", "least_gain", "rounds"),
                required=True,
            ),
            "deviation": Table(
                "a member of the largest coalition that walks away from an outcome",
                ("outcome", "agent", "action", "gain"),
                required=True,
            ),
            "elimination": Table(
                "an agent after a round of the elimination",
                ("outcome", "round", "agent", "bound"),
                ("multiplier",),
            ),
            "proof": Table(
                "an agent after a round of the descent that proves what another method found",
                ("outcome", "round", "agent", "bound"),
                ("multiplier",),
            ),
            "membership_path": Table(
                "an agent at a step of the path from an outcome of the core to 0",
                ("outcome", "step", "agent", "action"),
            ),
            "lindahl": Table(
                "an agent in the Lindahl outcome; a column share_NAME for each source NAME",
                ("agent", "action", "utility"),
            ),
            "lindahl_prices": Table(
                "the price of a source's action to an agent", ("agent", "source", "price", "share")
            ),
            "frontier": Table(
                "an agent at a point of the Pareto frontier", ("point", "agent", "action", "utility", "in_core")
            ),
        },
        "implementation": {
            "conditions": Table(
                "a condition on the social choice function",
                ("condition", "coalition_pattern", "holds"),
                ("reason", "method", "checked", "margin"),
                required=True,
            ),
            "violations": Table(
                "a member of a coalition that gains by misreporting",
                (*_REPORT, "agent", "others_profile", "gain"),
                ("coalition_pattern",),
                required=True,
            ),
            "deceptions": Table(
                "a payoff type that an agent may report in a deception that nobody dissolves",
                ("deception", "agent", "payoff_type", "reported_type"),
                required=True,
            ),
            "whistles": Table(
                "a coalition that blows the whistle",
                (*_REPORT, "round", "least_gain"),
                ("coalition_pattern",),
                required=True,
            ),
            "rewards": Table(
                "an outcome (or ray) of a whistle-blower's reward at reports of the others",
                (*_REPORT, "others_reported", "outcome", "weight"),
                ("coalition_pattern", "round", "reward"),
            ),
            "verdict": Table(
                "a theorem about implementation",
                ("theorem", "coalition_pattern", "implementable", "reason"),
                required=True,
            ),
            "patterns": Table(
                "a coalition pattern",
                (
                    "coalition_pattern",
                    "robust_s_ic",
                    "robust_s_monotonicity",
                    "interior_reward",
                    "implementable",
                    "class",
                ),
            ),
        },
        "stable-assignment": {
            "assignment": Table("a group that forms", ("group", "mass", "surplus"), required=True),
            "composition": Table(
                "a type in a group of positive size; groups are then named g1, g2, ...", ("group", "type", "amount")
            ),
            "imputation": Table("a type", ("type", "payoff", "payoff_min", "payoff_max"), required=True),
            "welfare": Table("the market", ("primal", "dual", "gap", "groups_priced"), required=True),
            "convergence": Table("a round of the solution", ("seconds", "primal", "dual", "columns")),
            "group_ranges": Table("a group of some optimal assignment", ("group", "surplus", "mass_min", "mass_max")),
            "growing": Table(
                "a largest size of groups, with --grow",
                ("max_size", "welfare", "upper_bound", "gap", "increase", "largest_formed", "groups", "note"),
            ),
        },
        "viability": {
            "structures": Table(
                _STRUCTURES.row, _STRUCTURES.columns, (*_STRUCTURES.optional, "equilibria"), required=True
            ),
            "blocks": Table(
                "a coalition in a structure",
                ("structure", "coalition", "worth", "required_worth", "slack", "viable"),
                required=True,
            ),
            "payoffs": Table(
                "a member's payoff in one solution of its coalition, in a viable structure",
                ("structure", "coalition", "solution", "player", "payoff"),
                required=True,
            ),
            "threats": Table(
                "a player's payoff in a threat against a structure",
                ("structure", "breakaway", "resulting_structure", "threat", "player", "payoff"),
            ),
            "met": Table(
                "a player who declines a threat in one solution",
                ("structure", "coalition", "solution", "breakaway", "resulting_structure", *_MET[2:]),
            ),
            "equilibria": Table(
                "a coalition's joint action in an equilibrium of a game in strategic form",
                ("structure", "solution", "coalition", "action"),
                ("worth", "counts"),
            ),
            "refusals": Table(
                "a profile that a coalition upsets, in a structure without equilibrium",
                ("structure", "profile", "coalition", "reason", "breakaway", "resulting_structure", "threat", "action"),
            ),
            "failures": Table(
                "a player's payoff in a threat that cannot be met",
                ("structure", "coalition", *_FAILURE, "resulting_structure", "threat", "player", "payoff"),
            ),
        },
    }
)


def table_problems(concept: Concept, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return what the tables of an answer lack: a required table, or a column of a declared table."""
    problems = []
    for name, table in TABLES[concept].items():
        if name not in tables:
            if table.required:
                problems.append(f"table {name!r} is missing")
            continue
        missing = [column for column in table.columns if column not in tables[name].columns]
        if missing:
            problems.append(f"table {name!r} lacks {', '.join(missing)}")
    return problems


def kind_of(name: str, column: pd.Series) -> Kind:
    """Return what the cells of a column are: seen from the cells, or as declared when there are none."""
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "empty":
        return COLUMNS[name].kind if name in COLUMNS else "text"
    seen: dict[str, Kind] = {"boolean": "boolean", "integer": "integer", "floating": "number"}
    return "number" if inferred == "mixed-integer-float" else seen.get(inferred, "text")
