"""A good payoff environment with every table, and one edit each that breaks it, with the lines the check must print."""

from __future__ import annotations

from bad_input_cases import Case, Files

LISTED: Files = {
    "game.toml": 'kind = "payoff-environment"\n\n[parameters]\ncoalition_pattern = "listed"\n',
    "payoff_types.csv": "agent,payoff_type\nAnn,low\nAnn,high\nBob,low\nBob,high\n",
    "outcomes.csv": "outcome,role\nbridge,vertex\nnothing,\nwaste,ray\n",
    "utilities.csv": (
        "agent,outcome,profile,utility\n"
        + "".join(
            f"{agent},{outcome},Ann:{a}|Bob:{b},{value}\n"
            for agent in ("Ann", "Bob")
            for outcome, value in (("bridge", 1), ("nothing", 0), ("waste", -1))
            for a in ("low", "high")
            for b in ("low", "high")
        )
    ),
    "social_choice.csv": (
        "profile,outcome,probability\nAnn:low|Bob:low,nothing,1\nAnn:low|Bob:high,bridge,0.5\n"
        "Ann:low|Bob:high,nothing,0.5\nAnn:high|Bob:low,bridge,\nBob:high|Ann:high,bridge,1\n"
    ),
    "coalitions.csv": "coalition\nAnn\nBob\nAnn+Bob\n",
    "messages.csv": "agent,message\nAnn,yes\nAnn,no\nBob,yes\n",
    "outcome_function.csv": (
        "message_profile,outcome,weight\nAnn:yes|Bob:yes,bridge,1\nAnn:yes|Bob:yes,waste,2.5\nAnn:no|Bob:yes,nothing,1\n"
    ),
    "types.csv": "agent,type,payoff_type\nAnn,t1,low\nAnn,t2,high\nBob,t1,low\nBob,t2,high\nBob,t3,high\n",
    "beliefs.csv": (
        "agent,type,others,probability\nAnn,t1,Bob:t1,0.25\nAnn,t1,Bob:t3,0.75\nAnn,t2,Bob:t1,1\n"
        "Bob,t1,Ann:t1,1\nBob,t2,Ann:t2,1\nBob,t3,Ann:t1,1\n"
    ),
    "revisions.csv": "agent,type,coalition_types,others,probability\nAnn,t1,Bob:t2,Bob:t2,1\n",
}
FORMULAS: Files = {
    "game.toml": 'kind = "payoff-environment"\n',
    "payoff_types.csv": "agent,payoff_type,value\nAnn,low,0\nAnn,high,2\nBob,low,1\nBob,high,3\n",
    "outcomes.csv": "outcome,role,size,charge\nbridge,vertex,2,1\nnothing,vertex,0,0\nwaste,ray,0,1\n",
    "formulas.csv": 'agent,formula\nAnn,theta * size - charge\nBob,"max(theta, theta_Ann) * size - charge"\n',
    "social_choice.csv": (
        "profile,outcome\nAnn:low|Bob:low,nothing\nAnn:low|Bob:high,bridge\nAnn:high|Bob:low,bridge\n"
        "Ann:high|Bob:high,bridge\n"
    ),
}
GOOD = {"payoff-environment-listed": LISTED, "payoff-environment-formulas": FORMULAS}

TO_ALLOWED = "use numbers, names, + - * / **, parentheses, and the functions abs, log, sqrt, min, max"
RATE = "make the formula linear in what the ray changes, or list the agent's utilities in utilities"
NUMBER = "avoid divisions by 0, and roots and logarithms of numbers below 0"
SINGLE = "list every agent alone: it can always act alone"


def one(name: str, good: Files, file: str, old: str | None, new: str | None, *lines: str) -> Case:
    """Return a case."""
    return Case(f"environment-{name}", good, file, old, new, lines)


CASES = (
    # utilities
    one(
        "utility-missing",
        LISTED,
        "utilities.csv",
        "Bob,nothing,Ann:low|Bob:high,0\n",
        "",
        "utilities.csv:utility: 1 utility is missing: Bob of nothing at Ann:low|Bob:high; list every agent's utility "
        "of every outcome and ray at every profile, or give a formula",
    ),
    one(
        "utility-of-unknown-outcome",
        LISTED,
        "utilities.csv",
        "Bob,nothing,Ann:low|Bob:high,0\n",
        "Bob,nothin,Ann:low|Bob:high,0\n",
        "utilities.csv:19:outcome: unknown outcome 'nothin'; did you mean 'nothing'?",
    ),
    one(
        "utility-twice-in-another-order",
        LISTED,
        "utilities.csv",
        "Ann,bridge,Ann:low|Bob:low,1\n",
        "Ann,bridge,Ann:low|Bob:low,1\nAnn,bridge,Bob:low|Ann:low,1\n",
        "utilities.csv:3:profile: agent 'Ann', outcome 'bridge', profile 'Bob:low|Ann:low' is given twice, first in "
        "row 2; keep one of the rows",
    ),
    one(
        "unknown-type-in-profile",
        LISTED,
        "utilities.csv",
        "Bob,nothing,Ann:low|Bob:high,0\n",
        "Bob,nothing,Ann:low|Bob:hihg,0\n",
        "utilities.csv:19:profile: agent 'Bob' has no payoff type 'hihg'; did you mean 'high'?",
    ),
    one(
        "no-utilities",
        LISTED,
        "utilities.csv",
        None,
        None,
        "game.toml:3: no utilities are given; give the table utilities, or the table formulas",
    ),
    # the social choice function
    one(
        "lottery-does-not-sum-to-one",
        LISTED,
        "social_choice.csv",
        "bridge,0.5",
        "bridge,0.4",
        "social_choice.csv:3:probability: the probabilities at Ann:low|Bob:high sum to 0.9; make them sum to 1",
    ),
    one(
        "negative-probability",
        LISTED,
        "social_choice.csv",
        "bridge,0.5",
        "bridge,-0.5",
        "social_choice.csv:3:probability: probability is -0.5; it must be at least 0",
    ),
    one(
        "nothing-is-chosen",
        LISTED,
        "social_choice.csv",
        "Ann:low|Bob:low,nothing,1\n",
        "",
        "social_choice.csv:profile: 1 profile is missing: Ann:low|Bob:low; add at least one row for each profile",
    ),
    one(
        "a-ray-is-chosen",
        LISTED,
        "social_choice.csv",
        "Ann:low|Bob:low,nothing",
        "Ann:low|Bob:low,waste",
        "social_choice.csv:2:outcome: 'waste' is a ray, which no lottery can hold; name a vertex; what is moved along "
        "a ray can be a vertex of its own",
    ),
    one(
        "an-unknown-outcome-is-chosen",
        LISTED,
        "social_choice.csv",
        "Ann:low|Bob:low,nothing",
        "Ann:low|Bob:low,brigde",
        "social_choice.csv:2:outcome: unknown outcome 'brigde'; did you mean 'bridge'?",
    ),
    one(
        "profile-without-an-agent",
        LISTED,
        "social_choice.csv",
        "Ann:low|Bob:low,nothing",
        "Ann:low,nothing",
        "social_choice.csv:2:profile: profile 'Ann:low' gives Bob no payoff type; name every agent, as in A:low|B:high",
    ),
    one(
        "profile-without-a-type",
        LISTED,
        "social_choice.csv",
        "Ann:low|Bob:low,nothing",
        "Ann:low|Bob,nothing",
        "social_choice.csv:2:profile: 'Bob' of profile 'Ann:low|Bob' is not agent:name; write it as A:low|B:high",
    ),
    one(
        "profile-with-an-agent-twice",
        LISTED,
        "social_choice.csv",
        "Ann:low|Bob:low,nothing",
        "Ann:low|Ann:high,nothing",
        "social_choice.csv:2:profile: agent 'Ann' appears twice in profile 'Ann:low|Ann:high'; keep one of the two",
    ),
    one(
        "profile-with-an-unknown-agent",
        LISTED,
        "social_choice.csv",
        "Ann:low|Bob:low,nothing",
        "Ann:low|Rob:low,nothing",
        "social_choice.csv:2:profile: unknown agent 'Rob' in profile 'Ann:low|Rob:low'; did you mean 'Bob'?",
    ),
    # the pattern
    one(
        "pattern-without-a-singleton",
        LISTED,
        "coalitions.csv",
        "Bob\nAnn+Bob\n",
        "Ann+Bob\n",
        f"coalitions.csv:coalition: the pattern lacks the single agent 'Bob'; {SINGLE}",
    ),
    one(
        "coalition-of-strangers",
        LISTED,
        "coalitions.csv",
        "Ann+Bob",
        "Ann+Rob",
        "coalitions.csv:4:coalition: unknown agent 'Rob' in coalition 'Ann+Rob'; did you mean 'Bob'?",
    ),
    one(
        "listed-pattern-without-a-list",
        LISTED,
        "coalitions.csv",
        None,
        None,
        "game.toml:4:coalition_pattern: no coalitions are listed; add the table coalitions, or choose maximal or "
        "minimal",
    ),
    one(
        "list-without-listed-pattern",
        LISTED,
        "game.toml",
        '"listed"',
        '"minimal"',
        "game.toml:4:coalition_pattern: coalitions are listed, but the coalition pattern is 'minimal'; set "
        'coalition_pattern = "listed", or remove the table coalitions',
    ),
    one(
        "unknown-pattern",
        LISTED,
        "game.toml",
        '"listed"',
        '"all"',
        "game.toml:4:coalition_pattern: coalition_pattern is 'all'; write one of 'maximal', 'minimal', 'listed'",
    ),
    # agents and outcomes
    one(
        "one-agent",
        FORMULAS,
        "payoff_types.csv",
        None,
        "agent,payoff_type,value\nAnn,low,0\nAnn,high,2\n",
        "payoff_types.csv: 1 agent: a coalition needs at least 2; add the payoff types of other agents",
        "formulas.csv:3:agent: unknown agent 'Bob'; known agents: Ann",
        *(
            f"social_choice.csv:{row}:profile: unknown agent 'Bob' in profile 'Ann:{a}|Bob:{b}'; known agents: Ann"
            for row, (a, b) in enumerate([("low", "low"), ("low", "high"), ("high", "low"), ("high", "high")], start=2)
        ),
    ),
    one(
        "only-rays",
        FORMULAS,
        "outcomes.csv",
        None,
        "outcome,role,size,charge\nbridge,ray,2,1\nnothing,ray,0,0\n",
        "outcomes.csv:role: every outcome is a ray; give at least one outcome the role vertex: rays only move outcomes",
        *(
            f"social_choice.csv:{row}:outcome: {name!r} is a ray, which no lottery can hold; name a vertex; what is "
            "moved along a ray can be a vertex of its own"
            for row, name in enumerate(["nothing", "bridge", "bridge", "bridge"], start=2)
        ),
    ),
    one(
        "unknown-role",
        LISTED,
        "outcomes.csv",
        "waste,ray",
        "waste,rya",
        "outcomes.csv:4:role: unknown role 'rya'; did you mean 'ray'?",
    ),
    one(
        "role-misspelt",
        FORMULAS,
        "outcomes.csv",
        "role",
        "rôle",
        "outcomes.csv:1:rôle: unknown column 'rôle'; did you mean 'role'?",
    ),
    # formulas
    one(
        "unknown-name-in-formula",
        FORMULAS,
        "formulas.csv",
        "theta * size - charge\n",
        "theta * sise - charge\n",
        "formulas.csv:2:formula: unknown name 'sise'; did you mean 'size'?",
    ),
    one(
        "no-formula",
        FORMULAS,
        "formulas.csv",
        "theta * size - charge\n",
        "theta size\n",
        f"formulas.csv:2:formula: 'theta size' is not a formula; {TO_ALLOWED}; write every * between factors",
    ),
    one(
        "formula-that-would-run-something",
        FORMULAS,
        "formulas.csv",
        "theta * size - charge\n",
        "().__class__\n",
        f"formulas.csv:2:formula: '().__class__' holds '().__class__', which no formula may hold; {TO_ALLOWED}",
    ),
    one(
        "division-by-zero",
        FORMULAS,
        "formulas.csv",
        "theta * size - charge\n",
        "size / theta\n",
        "formulas.csv:2:formula: the formula is no number for outcome 'bridge' at Ann:low|Bob:low; " + NUMBER,
    ),
    one(
        "ray-in-a-square",
        FORMULAS,
        "formulas.csv",
        "theta * size - charge\n",
        "theta * size - charge ** 2\n",
        "formulas.csv:2:formula: along the ray 'waste' the utility does not change at one rate from every outcome; "
        + RATE,
    ),
    one(
        "ray-in-a-product",
        FORMULAS,
        "formulas.csv",
        "theta * size - charge\n",
        "theta * size * charge\n",
        "formulas.csv:2:formula: along the ray 'waste' the utility does not change at one rate from every outcome; "
        + RATE,
    ),
    one(
        "ray-beyond-all-numbers",
        FORMULAS,
        "outcomes.csv",
        "waste,ray,0,1",
        "waste,ray,1e308,1",
        *(
            f"formulas.csv:{row}:formula: along the ray 'waste' the utility does not change at one rate from every "
            f"outcome; {RATE}"
            for row in (2, 3)
        ),
    ),
    one(
        "payoff-types-without-values",
        FORMULAS,
        "payoff_types.csv",
        None,
        "agent,payoff_type\nAnn,low\nAnn,high\nBob,low\nBob,high\n",
        "formulas.csv:2:formula: 'theta' has no value at some payoff type; give every row of payoff_types a value",
        "formulas.csv:3:formula: 'theta' has no value at some payoff type; give every row of payoff_types a value",
    ),
    one(
        "payoff-type-without-a-value",
        FORMULAS,
        "payoff_types.csv",
        "Ann,low,0",
        "Ann,low,",
        "formulas.csv:2:formula: 'theta' has no value at some payoff type; give every row of payoff_types a value",
        "formulas.csv:3:formula: 'theta_Ann' has no value at some payoff type; give every row of payoff_types a value",
    ),
    one(
        "attribute-that-means-something-else",
        FORMULAS,
        "outcomes.csv",
        "size,charge",
        "size,theta_Bob",
        "outcomes.csv:theta_Bob: column 'theta_Bob' has a name that means something else in formulas; rename it",
        "formulas.csv:2:formula: unknown name 'charge'; known names: theta, theta_Ann, theta_Bob, size",
        "formulas.csv:3:formula: unknown name 'charge'; known names: theta, theta_Ann, theta_Bob, size",
    ),
    one(
        "attribute-that-is-no-number",
        FORMULAS,
        "outcomes.csv",
        "bridge,vertex,2,1",
        "bridge,vertex,two,1",
        "outcomes.csv:2:size: 'two' is not a number; write a number such as 2, 0.5 or 1e-3",
    ),
    one(
        "attribute-left-empty",
        FORMULAS,
        "outcomes.csv",
        "bridge,vertex,2,1",
        "bridge,vertex,,1",
        "outcomes.csv:2:size: the cell is empty; give the number",
    ),
    one(
        "agent-without-a-formula",
        FORMULAS,
        "formulas.csv",
        "Ann,theta * size - charge\n",
        "",
        "formulas.csv:agent: agent 'Ann' has no utility; give it a formula, or list its utilities in the table "
        "utilities",
    ),
    one(
        "formula-beside-listed-utilities",
        LISTED,
        "formulas.csv",
        None,
        "agent,formula\nBob,1\n",
        "formulas.csv:2:agent: agent 'Bob' has a formula and listed utilities; remove the formula, or the agent's rows "
        "in utilities",
    ),
    # the mechanism
    one(
        "mechanism-without-messages",
        LISTED,
        "messages.csv",
        None,
        None,
        "outcome_function.csv: table 'messages' is missing: the two belong together; add it, or remove "
        "'outcome_function'",
    ),
    one(
        "agent-without-a-message",
        LISTED,
        "messages.csv",
        "Bob,yes\n",
        "",
        "messages.csv:agent: agent 'Bob' has no message; give it at least one row",
    ),
    one(
        "unknown-message",
        LISTED,
        "outcome_function.csv",
        "Ann:no|Bob:yes",
        "Ann:no|Bob:ja",
        "outcome_function.csv:4:message_profile: agent 'Bob' has no message 'ja'; known messages of Bob: yes",
    ),
    one(
        "message-profile-without-an-outcome",
        LISTED,
        "outcome_function.csv",
        "Ann:no|Bob:yes,nothing,1\n",
        "",
        "outcome_function.csv:message_profile: 1 message profile is missing: Ann:no|Bob:yes; add at least one row for "
        "each message profile",
    ),
    one(
        "weights-of-a-ray-do-not-count",
        LISTED,
        "outcome_function.csv",
        "bridge,1",
        "bridge,0.5",
        "outcome_function.csv:2:weight: the weights of vertices at Ann:yes|Bob:yes sum to 0.5; make them sum to 1",
    ),
    # the type space
    one(
        "not-onto",
        LISTED,
        "types.csv",
        "Ann,t2,high",
        "Ann,t2,low",
        "types.csv:payoff_type: no type of agent 'Ann' has the payoff type 'high'; give it to some type",
    ),
    one(
        "type-of-unknown-payoff-type",
        LISTED,
        "types.csv",
        "Bob,t3,high",
        "Bob,t3,height",
        "types.csv:6:payoff_type: agent 'Bob' has no payoff type 'height'; did you mean 'high'?",
    ),
    one(
        "beliefs-do-not-sum-to-one",
        LISTED,
        "beliefs.csv",
        "Bob:t3,0.75",
        "Bob:t3,0.7",
        "beliefs.csv:2:probability: the probabilities of 't1' of 'Ann' sum to 0.95; make them sum to 1",
    ),
    one(
        "type-without-a-belief",
        LISTED,
        "beliefs.csv",
        "Bob,t2,Ann:t2,1\n",
        "",
        "beliefs.csv:type: 1 belief is missing: 't2' of 'Bob'; add at least one row for each belief",
    ),
    one(
        "belief-about-oneself",
        LISTED,
        "beliefs.csv",
        "Bob,t2,Ann:t2",
        "Bob,t2,Bob:t2",
        "beliefs.csv:6:others: 'Bob:t2' is no profile of the other agents, who are Ann; name each of them once, and no "
        "one else",
    ),
    one(
        "belief-of-unknown-type",
        LISTED,
        "beliefs.csv",
        "Bob,t2,Ann:t2",
        "Bob,t22,Ann:t2",
        "beliefs.csv:6:type: agent 'Bob' has no type 't22'; did you mean 't2'?",
    ),
    one(
        "revision-contradicts-what-is-observed",
        LISTED,
        "revisions.csv",
        "Bob:t2,Bob:t2",
        "Bob:t2,Bob:t3",
        "revisions.csv:2:others: Bob:t2 is observed, but the belief is about Bob:t3; what is observed must have "
        "probability 1: repeat its types",
    ),
    one(
        "revision-of-what-was-expected",
        LISTED,
        "revisions.csv",
        "Bob:t2,Bob:t2",
        "Bob:t3,Bob:t3",
        "revisions.csv:2:coalition_types: type 't1' of 'Ann' gives Bob:t3 the probability 0.75; remove the row: Bayes' "
        "rule says what it then believes",
    ),
    one(
        "revision-observes-oneself",
        LISTED,
        "revisions.csv",
        "Bob:t2,Bob:t2",
        "Ann:t2,Bob:t2",
        "revisions.csv:2:coalition_types: 'Ann' observes its own type; name other members of the coalition only",
    ),
    one(
        "revision-does-not-sum-to-one",
        LISTED,
        "revisions.csv",
        "Bob:t2,1",
        "Bob:t2,0.5",
        "revisions.csv:2:probability: the probabilities of 't1' of 'Ann' after Bob:t2 sum to 0.5; make them sum to 1",
    ),
    one(
        "revisions-without-a-type-space",
        FORMULAS,
        "revisions.csv",
        None,
        "agent,type,coalition_types,others\nAnn,t1,Bob:t2,Bob:t2\n",
        "revisions.csv: beliefs are revised, but there is no type space; add the tables types and beliefs",
    ),
)
