"""Public goods in numbers and in tables: utilities of the reference cases, the kind, its checks, and assumptions."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pytest
from public_goods_cases import (
    FAMILIES,
    SMOOTH,
    game_of,
    lindahl_point,
    random_game,
    random_utilities,
    reference_cases,
    rightmost,
)

from breakaway.data.assumptions import check_assumptions, expression_game, weak_externalities
from breakaway.data.instances import check_instance, game_from_tables, load_instance, tables_from_game
from breakaway.data.limits import MAX_AGENTS
from breakaway.data.problems import DataError
from breakaway.data.public_goods import FormUtilities, Pieces, PublicGoodsGame, Terms, supergradients

CASES = reference_cases()


# --- the shared cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "utilities" in case.expected])
def test_a_reference_case_has_its_utilities_and_gradients(name: str) -> None:
    case = CASES[name]
    point = case.game.outcomes.actions[0]
    assert case.game.utilities.values(point) == pytest.approx(case.expected["utilities"], abs=1e-9)
    gradients = supergradients(case.game.utilities, point)
    assert gradients @ point == pytest.approx(case.expected["radial_derivative"], rel=1e-5, abs=1e-7)
    assert rightmost(gradients) == pytest.approx(case.expected["rightmost_eig_J"], abs=1e-7)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "lindahl" in case.expected])
def test_the_lindahl_point_of_a_reference_case(name: str) -> None:
    case = CASES[name]
    assert lindahl_point(case.game.utilities) == pytest.approx(case.expected["lindahl"], rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [2, 5])
def test_gradients_of_random_economies_are_those_of_their_values(family: str, n: int) -> None:
    utilities = random_utilities(family, n, 0)
    point = np.linspace(0.3, 1.1, n) + 0.01 / n
    gradients, step = supergradients(utilities, point), 1e-6
    for j in range(n):
        change = np.eye(n)[j] * step
        slope = (utilities.values(point + change) - utilities.values(point - change)) / (2 * step)
        assert gradients[:, j] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("family", SMOOTH)
def test_random_points_are_what_their_names_say(family: str) -> None:
    game = random_game(family, 3, 1)
    points = dict(zip(game.outcomes.names, game.outcomes.actions, strict=True))
    assert min(map(np.min, points.values())) >= 0
    assert points["edge"].min() == 0
    assert rightmost(supergradients(game.utilities, points["pareto-0"])) == pytest.approx(0.0, abs=1e-9)
    assert supergradients(game.utilities, points["lindahl"]) @ points["lindahl"] == pytest.approx(0.0, abs=1e-9)


# --- the kind ---------------------------------------------------------------------------------------------------------

Files = dict[str, str]

ALL_FORMS: Files = {
    "game.toml": 'kind = "public-goods"\n\n[parameters]\nmax_action = 5\n',
    "agents.csv": "agent\nAnn\nBob\nCid\n",
    "benefits.csv": (
        "agent,source,form,coefficient,exponent,shift\n"
        "Ann,Ann,linear,2,,\n"
        "Ann,Bob,log,3,,\n"
        "Ann,Bob,sqrt,0.5,,0.25\n"
        "Ann,Cid,power,2,0.5,0.01\n"
        "Ann,Cid,power,-1,-1,0.5\n"
        "Ann,Ann,quadratic,-0.5,,\n"
        "Bob,Ann,log-sum,1,,\n"
        "Bob,Cid,log-sum,2,,\n"
        "Bob,Ann,ces,1,-1,0.1\n"
        "Bob,Bob,ces,2,-1,0.2\n"
        "Cid,Ann,min,2,,\n"
        "Cid,Bob,min,4,,\n"
    ),
    "costs.csv": (
        "agent,form,coefficient,exponent\nAnn,cubic,1,\nBob,power,0.5,1.5\nBob,linear,0.1,\nCid,quadratic,3,\n"
    ),
    "outcomes.csv": "outcome,agent,action\nmost,Ann,5\nmost,Bob,4\nmost,Cid,3\nnone,Ann,0\nnone,Bob,0\nnone,Cid,0\n",
}
PIECES: Files = {
    "game.toml": 'kind = "public-goods"\n',
    "agents.csv": "agent\nAnn\nBob\n",
    "benefits.csv": "agent,source,form,coefficient\nBob,Ann,log,1\n",
    "costs.csv": "agent,form,coefficient\nBob,linear,1\n",
    "intercepts.csv": "agent,piece,intercept\nAnn,steep,0\nAnn,top,3\n",
    "pieces.csv": "agent,piece,source,slope\nAnn,steep,Ann,-1\nAnn,steep,Bob,2\n",
    "outcomes.csv": "outcome,agent,action\none,Ann,1\none,Bob,1\n",
}


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_every_form_is_read(tmp_path: Path) -> None:
    game = load_instance(write(tmp_path / "forms", ALL_FORMS)).game
    assert isinstance(game, PublicGoodsGame)
    assert (game.agents, game.max_action) == (("Ann", "Bob", "Cid"), 5.0)
    assert game.outcomes.names == ("most", "none")
    assert game.outcomes.actions.tolist() == [[5.0, 4.0, 3.0], [0.0, 0.0, 0.0]]
    a, b, c = 1.2, 0.7, 2.5
    ann = 2 * a + 3 * math.log(1 + b) + 0.5 * math.sqrt(b + 0.25) + 2 * math.sqrt(c + 0.01) - 1 / (c + 0.5)
    ann -= a**2 / 4 + a**3 / 3
    bob = math.log(1 + a + 2 * c) + 1 / (1 / (a + 0.1) + 2 / (b + 0.2)) - 0.5 * b**1.5 - 0.1 * b
    cid = min(a / 2, b / 4) - 3 * c**2 / 2
    assert game.utilities.values(np.array([a, b, c])) == pytest.approx([ann, bob, cid], abs=1e-12)


def test_pieces_are_read_agent_by_agent(tmp_path: Path) -> None:
    game = load_instance(write(tmp_path / "pieces", PIECES)).game
    assert game.utilities.pieces.names == ("steep", "top")
    assert game.utilities.pieces.slopes.tolist() == [[-1.0, 2.0], [0.0, 0.0]]
    assert game.utilities.pieces.intercepts.tolist() == [0.0, 3.0]
    assert game.utilities.values(np.array([1.0, 3.0])) == pytest.approx([3.0, math.log(2.0) - 3.0])
    assert math.isinf(game.max_action)


@pytest.mark.parametrize("files", [ALL_FORMS, PIECES], ids=["forms", "pieces"])
def test_a_game_written_is_read_again(files: Files, tmp_path: Path) -> None:
    game = load_instance(write(tmp_path / "game", files)).game
    kind, parameters, tables = tables_from_game(game)
    assert kind == "public-goods"
    assert game_from_tables(kind, tables, parameters) == game


def test_leontief_benefits_are_written_as_pieces(tmp_path: Path) -> None:
    game = load_instance(write(tmp_path / "forms", ALL_FORMS)).game
    tables = tables_from_game(game)[2]
    assert "min" not in set(tables["benefits"]["form"])
    assert tables["pieces"].to_numpy().tolist() == [["Cid", "Ann", "Ann", 0.5], ["Cid", "Bob", "Bob", 0.25]]


def test_terms_alike_are_added_up_when_written() -> None:
    rows = [(0, 1, "log", 1.0, 1.0, 0.0), (0, 1, "log", 2.0, 1.0, 0.0), (0, 0, "linear", -1.0, 1.0, 0.0)]
    game = game_of(FormUtilities(2, Terms.of([*rows, (1, 1, "linear", -1.0, 1.0, 0.0)]), Pieces.none(2)))
    tables = tables_from_game(game)[2]
    assert tables["benefits"].to_numpy().tolist() == [["1", "2", "log", 3.0, 1.0, 0.0]]
    assert tables["costs"]["coefficient"].tolist() == [1.0, 1.0]
    assert sorted(tables) == ["agents", "benefits", "costs"]


def test_expressions_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="keep them in Python"):
        tables_from_game(expression_game(("A",), lambda action: {"A": -action["A"]}))


def replaced(files: Files, file: str, old: str, new: str) -> Files:
    assert old in files[file]
    return {**files, file: files[file].replace(old, new)}


BROKEN = {
    "negative log": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Bob,log,3", "Ann,Bob,log,-3"),
        "benefits.csv:3:coefficient: coefficient is -3: with the form 'log' the utility would not be concave; make it "
        "at least 0; what an agent's own action costs stands in the table costs",
    ),
    "convex": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Ann,quadratic,-0.5", "Ann,Ann,quadratic,0.5"),
        "benefits.csv:7:coefficient: coefficient is 0.5: with the form 'quadratic' and this exponent the utility would "
        "not be concave; use linear, log, sqrt, or power with an exponent between 0 and 1, or a coefficient below 0",
    ),
    "convex power": (
        ALL_FORMS,
        ("benefits.csv", "power,2,0.5", "power,2,1.5"),
        "benefits.csv:5:coefficient: coefficient is 2: with the form 'power' and this exponent the utility would not "
        "be concave; use linear, log, sqrt, or power with an exponent between 0 and 1, or a coefficient below 0",
    ),
    "vanishing power": (
        ALL_FORMS,
        ("benefits.csv", "power,-1,-1", "power,1,-1"),
        "benefits.csv:6:coefficient: coefficient is 1: with the form 'power' and this exponent the utility would not "
        "be concave; use linear, log, sqrt, or power with an exponent between 0 and 1, or a coefficient below 0",
    ),
    "falls in another's action": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Ann,quadratic", "Ann,Bob,quadratic"),
        "benefits.csv:7:coefficient: coefficient is -0.5: the agent's utility would fall in another's action; make it "
        "at least 0: externalities must be positive",
    ),
    "infinite slope of a root": (
        ALL_FORMS,
        ("benefits.csv", "sqrt,0.5,,0.25", "sqrt,0.5,,"),
        "benefits.csv:4:shift: shift is 0: the form 'sqrt' then has an infinite slope, or no value, where the action "
        "is 0; give it a shift above 0, such as 0.01",
    ),
    "infinite slope of a power": (
        ALL_FORMS,
        ("benefits.csv", "power,2,0.5,0.01", "power,2,0.5,0"),
        "benefits.csv:5:shift: shift is 0: the form 'power' then has an infinite slope, or no value, where the action "
        "is 0; give it a shift above 0, such as 0.01",
    ),
    "infinite slope of ces": (
        ALL_FORMS,
        ("benefits.csv", "ces,1,-1,0.1", "ces,1,-1,0"),
        "benefits.csv:10:shift: shift is 0: the form 'ces' then has an infinite slope, or no value, where the action "
        "is 0; give it a shift above 0, such as 0.01",
    ),
    "negative shift": (
        ALL_FORMS,
        ("benefits.csv", "sqrt,0.5,,0.25", "sqrt,0.5,,-1"),
        "benefits.csv:4:shift: shift is -1; it must be at least 0",
    ),
    "exponent of a log": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Bob,log,3,,", "Ann,Bob,log,3,2,"),
        "benefits.csv:3:exponent: the form 'log' has no exponent; leave the cell empty, or use 'power' or 'ces'",
    ),
    "shift of a log": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Bob,log,3,,", "Ann,Bob,log,3,,1"),
        "benefits.csv:3:shift: the form 'log' has no shift; leave the cell empty, or use 'sqrt', 'power' or 'ces'",
    ),
    "constant power": (
        ALL_FORMS,
        ("benefits.csv", "power,2,0.5", "power,2,0"),
        "benefits.csv:5:exponent: exponent is 0: the benefit would not depend on the action; leave the row out, or "
        "correct the exponent",
    ),
    "convex ces": (
        ALL_FORMS,
        ("benefits.csv", ",-1,0.1\nBob,Bob,ces,2,-1", ",2,0.1\nBob,Bob,ces,2,2"),
        "benefits.csv:10:exponent: exponent is 2: with the form 'ces' it must be at most 1 and not 0, for the utility "
        "to be concave; correct the exponent in all of the agent's ces rows",
        "benefits.csv:11:exponent: exponent is 2: with the form 'ces' it must be at most 1 and not 0, for the utility "
        "to be concave; correct the exponent in all of the agent's ces rows",
    ),
    "mixed exponents": (
        ALL_FORMS,
        ("benefits.csv", "Bob,Bob,ces,2,-1", "Bob,Bob,ces,2,0.5"),
        "benefits.csv:11:exponent: exponent is 0.5, and -1 in an earlier ces row of the agent; give all of an agent's "
        "ces rows one exponent",
    ),
    "a source twice": (
        ALL_FORMS,
        ("benefits.csv", "Bob,Bob,ces,2,-1", "Bob,Ann,ces,2,-1"),
        "benefits.csv:11:source: the agent's 'ces' rows name this source twice; keep one of the rows",
    ),
    "negative ces": (
        ALL_FORMS,
        ("benefits.csv", "ces,2", "ces,-2"),
        "benefits.csv:11:coefficient: coefficient is -2; it must be at least 0 with the form 'ces'",
    ),
    "negative log-sum": (
        ALL_FORMS,
        ("benefits.csv", "log-sum,2", "log-sum,-2"),
        "benefits.csv:9:coefficient: coefficient is -2; it must be at least 0 with the form 'log-sum'",
    ),
    "nothing needed": (
        ALL_FORMS,
        ("benefits.csv", "min,4", "min,0"),
        "benefits.csv:13:coefficient: coefficient is 0; it must be greater than 0 with the form 'min': how much of the "
        "action is needed for one unit",
    ),
    "unknown form": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Bob,log,", "Ann,Bob,logs,"),
        "benefits.csv:3:form: unknown form 'logs'; did you mean 'log'?",
    ),
    "unknown source": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Bob,log,", "Ann,Bop,log,"),
        "benefits.csv:3:source: unknown agent 'Bop'; did you mean 'Bob'?",
    ),
    "a row twice": (
        ALL_FORMS,
        ("benefits.csv", "Ann,Cid,power,-1,-1,0.5", "Ann,Bob,log,3,,"),
        "benefits.csv:6:shift: agent 'Ann', source 'Bob', form 'log' is given twice, first in row 3; keep one of the "
        "rows",
    ),
    "concave cost": (
        ALL_FORMS,
        ("costs.csv", "power,0.5,1.5", "power,0.5,0.5"),
        "costs.csv:3:exponent: exponent is 0.5: a cost with an exponent below 1 is not convex, or has an infinite "
        "slope at 0; use an exponent of at least 1",
    ),
    "negative cost": (
        ALL_FORMS,
        ("costs.csv", "cubic,1", "cubic,-1"),
        "costs.csv:2:coefficient: coefficient is -1: a cost of the form 'cubic' would not be convex, and the utility "
        "not concave; make it at least 0; a gain from an agent's own action is a benefit whose source is the agent",
    ),
    "exponent of a cost": (
        ALL_FORMS,
        ("costs.csv", "cubic,1,", "cubic,1,2"),
        "costs.csv:2:exponent: the form 'cubic' has no exponent; leave the cell empty, or use 'power'",
    ),
    "cost of another form": (
        ALL_FORMS,
        ("costs.csv", "cubic", "sqrt"),
        "costs.csv:2:form: unknown form 'sqrt'; known forms: linear, power, quadratic, cubic",
    ),
    "negative action": (
        ALL_FORMS,
        ("outcomes.csv", "most,Bob,4", "most,Bob,-4"),
        "outcomes.csv:3:action: action is -4; it must be at least 0",
    ),
    "action too large": (
        ALL_FORMS,
        ("outcomes.csv", "most,Bob,4", "most,Bob,6"),
        "outcomes.csv:3:action: action 6 is above max_action 5; lower it, or raise max_action",
    ),
    "missing action": (
        ALL_FORMS,
        ("outcomes.csv", "none,Ann,0\nnone,Bob,0\n", ""),
        "outcomes.csv:5:agent: outcome 'none' lacks the action of Ann, Bob; give every agent an action in every "
        "outcome, 0 or not",
    ),
    "no bound": (
        ALL_FORMS,
        ("game.toml", "max_action = 5", "max_action = 0"),
        "game.toml:4:max_action: max_action is 0; it must be greater than 0",
    ),
    "no utility": (
        PIECES,
        ("agents.csv", "Bob\n", "Bob\nCid\n"),
        "agents.csv:4:agent: agent 'Cid' has no utility; give it rows in benefits, costs or pieces, or leave it out",
        "outcomes.csv:2:agent: outcome 'one' lacks the action of Cid; give every agent an action in every outcome, 0 "
        "or not",
    ),
    "falling piece": (
        PIECES,
        ("pieces.csv", "Bob,2", "Bob,-2"),
        "pieces.csv:3:slope: slope is -2: the agent's utility would fall in another's action; make it at least 0: "
        "externalities must be positive",
    ),
    "piece without intercept": (
        PIECES,
        ("intercepts.csv", "steep", "step"),
        "pieces.csv:2:piece: piece 'steep' of 'Ann' has no intercept; add one to intercepts.csv, 0 or not",
    ),
    "Leontief beside pieces": (
        PIECES,
        ("benefits.csv", "Bob,Ann,log", "Ann,Ann,min"),
        "benefits.csv:form: agent 'Ann' has benefits of the form 'min' and pieces; write the benefits as pieces, of "
        "slope 1 / coefficient, in intercepts.csv",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_named_with_its_remedy(name: str, tmp_path: Path) -> None:
    good, edit, *lines = BROKEN[name]
    assert check_instance(write(tmp_path / "good", good)) == []
    assert [str(problem) for problem in check_instance(write(tmp_path / "bad", replaced(good, *edit)))] == lines


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    files = ALL_FORMS
    lines = []
    for name in ("negative log", "infinite slope of a root", "concave cost", "negative action"):
        _, edit, line = BROKEN[name]
        files, lines = replaced(files, *edit), [*lines, line]
    assert [str(problem) for problem in check_instance(write(tmp_path / "bad", files))] == lines


@pytest.mark.parametrize(
    ("removed", "line"),
    [
        (
            ("benefits.csv", "costs.csv", "pieces.csv", "intercepts.csv"),
            "game.toml: no utilities are given; give the table benefits (and costs), or pieces with intercepts",
        ),
        (
            ("intercepts.csv",),
            "pieces.csv: table 'intercepts' is missing: every piece needs its intercept; add it, with a row for every "
            "piece of every agent",
        ),
    ],
)
def test_missing_tables(removed: tuple[str, ...], line: str, tmp_path: Path) -> None:
    files = {name: text for name, text in PIECES.items() if name not in removed}
    assert [str(problem) for problem in check_instance(write(tmp_path / "bad", files))] == [line]


def test_too_many_agents_and_pieces() -> None:
    agents = pd.DataFrame({"agent": [f"a{i}" for i in range(MAX_AGENTS + 1)]})
    costs = agents.assign(form="linear", coefficient=1.0)
    with pytest.raises(DataError, match=r"5,001 agents: the limit is 5,000; merge or leave out agents"):
        game_from_tables("public-goods", {"agents": agents, "costs": costs})
    some, count = agents[:5_000], 10_001
    pieces = pd.DataFrame({"agent": ["a0"] * count, "piece": range(count), "intercept": 0.0})
    with pytest.raises(DataError, match=r"10,001 pieces .* for 5,000 agents; leave out some"):
        game_from_tables("public-goods", {"agents": some, "costs": costs[:5_000], "intercepts": pieces})


def test_ninety_thousand_benefits_are_read_in_seconds(tmp_path: Path) -> None:
    names = [f"a{i}" for i in range(300)]
    rows = "".join(f"{one},{other},log,0.5\n" for one in names for other in names)
    files = {
        "game.toml": 'kind = "public-goods"\n',
        "agents.csv": "agent\n" + "\n".join(names),
        "benefits.csv": "agent,source,form,coefficient\n" + rows,
    }
    folder, start = write(tmp_path / "large", files), time.process_time()
    game = load_instance(folder).game
    assert time.process_time() - start < 5
    assert game.utilities.values(np.ones(300)) == pytest.approx(np.full(300, 150 * math.log(2)))


# --- assumptions ------------------------------------------------------------------------------------------------------


def concave(action: Mapping[str, Any]) -> dict[str, Any]:
    return {name: pyo.log(1 + sum(action.values())) - own for name, own in action.items()}


def test_a_game_of_expressions() -> None:
    game = expression_game(("A", "B"), concave, {"one": {"B": 2.0, "A": 1.0}, "two": [3.0, 4.0]}, 5.0, strict=True)
    assert game.outcomes.actions.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert game.max_action == 5.0
    assert game.utilities.values(np.array([1.0, 2.0])) == pytest.approx([math.log(4) - 1, math.log(4) - 2])
    assert supergradients(game.utilities, np.array([1.0, 2.0])) == pytest.approx(
        np.array([[-0.75, 0.25], [0.25, -0.75]])
    )
    assert weak_externalities(game).tolist() == []


@pytest.mark.parametrize(
    ("utilities", "message"),
    [
        (lambda a: {"A": a["A"] * a["B"], "B": a["B"]}, "utilities:A: the utility of 'A' is not concave: at A = "),
        (lambda a: {"A": a["A"], "B": a["B"] ** 2}, "utilities:B: the utility of 'B' is not concave: at A = "),
        (lambda a: {"A": a["A"] - a["B"], "B": a["B"]}, "utilities:A:B: the utility of 'A' falls in the action of 'B'"),
        (lambda a: {"A": pyo.sqrt(a["B"]), "B": 0.0}, "utilities:A: the utility of 'A' has no finite slope at A = 0"),
        (lambda a: {"A": pyo.log(a["B"]), "B": 0.0}, "utilities:A: the utility of 'A' has no finite value at A = 0"),
        (lambda a: {"A": 0.0, "B": -1 / a["A"]}, "utilities:B: the utility of 'B' has no finite value at A = 0"),
        (lambda a: {"A": math.log(1 + a["B"]), "B": 0.0}, "utilities: the function does not take Pyomo variables"),
    ],
)
def test_assumptions_that_fail_are_named(utilities: Any, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError) as caught:
        expression_game(("A", "B"), utilities)
    assert str(caught.value).startswith(message)
    assert len(caught.value.problems) == 1
    assert capfd.readouterr() == ("", "")


def test_all_failures_are_reported_at_once() -> None:
    with pytest.raises(DataError) as caught:
        expression_game(("A", "B"), lambda a: {"A": a["A"] ** 2, "B": -a["A"]})
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [("A", None), ("B", "A")]


def test_strict_externalities_on_demand() -> None:
    def weak(action: Mapping[str, Any]) -> dict[str, Any]:
        return {"A": pyo.log(1 + action["A"]), "B": pyo.log(1 + action["A"]) - action["B"]}

    game = expression_game(("A", "B"), weak)
    assert weak_externalities(game).tolist() == [[0, 1]]
    with pytest.raises(DataError, match="'A' does not rise in the action of 'B': its slope is 0 at A = 0, B = 0"):
        check_assumptions(game, strict=True)


def test_a_function_must_give_every_utility() -> None:
    with pytest.raises(ValueError, match="no utility of B; return one for every agent"):
        expression_game(("A", "B"), lambda action: {"A": action["A"]})


@pytest.mark.parametrize(
    ("agents", "outcomes", "most", "line"),
    [
        ((), {}, 1.0, "agents: there are no agents; name at least one"),
        (("A", "A"), {}, 1.0, "agents:1: agent 'A' is given twice; name every agent once"),
        (("A b",), {}, 1.0, "agents:0: name 'A b' contains ' '; use letters, digits, '_', '-' and '.' only"),
        (("A",), {}, 0.0, "max_action: max_action is 0.0; it must be greater than 0"),
        (("A", "B"), {"x": [1.0]}, 1.0, "outcomes:x: outcome 'x' has 1 actions for 2 agents; give every agent one"),
        (("A",), {"x": {}}, 1.0, "outcomes:x:A: outcome 'x' lacks the action of 'A'; give every agent an action, 0 or"),
        (("A",), {"x": [-1.0]}, 1.0, "outcomes:x:A: action -1.0 of 'A' is not possible; give a finite number of"),
        (("A",), {"x": [2.0]}, 1.0, "outcomes:x:A: action 2 of 'A' is above max_action 1; lower it"),
        (("A",), {"x": {"A": 1.0, "C": 1.0}}, 1.0, "outcomes:x:C: outcome 'x' has an action of 'C', who is no agent"),
    ],
)
def test_names_and_outcomes_are_checked(agents: tuple[str, ...], outcomes: Any, most: float, line: str) -> None:
    with pytest.raises(DataError) as caught:
        expression_game(agents, concave, outcomes, most)
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_economies_hold_to_the_assumptions(family: str) -> None:
    for n in (2, 5):
        check_assumptions(random_game(family, n, 3), strict=True)


def test_a_large_point_is_shortened() -> None:
    names = tuple("ABCDEFGH")
    with pytest.raises(DataError, match=r"E = 0, F = 0, \.\.\.; "):
        expression_game(names, lambda a: {name: pyo.sqrt(own) for name, own in a.items()})


def test_weak_externalities_of_forms(tmp_path: Path) -> None:
    zero = load_instance("public-goods-no-externality").game
    assert weak_externalities(zero).tolist() == [[0, 2], [1, 2], [2, 0], [2, 1]]
    forms = load_instance(write(tmp_path / "forms", ALL_FORMS)).game
    assert weak_externalities(forms).tolist() == []
    pieces = load_instance(write(tmp_path / "pieces", PIECES)).game
    assert weak_externalities(pieces).tolist() == []


# --- shipped instances ------------------------------------------------------------------------------------------------

SHIPPED = {
    ("public-goods-log-2", "lindahl"): "PG-log2-lindahl",
    ("public-goods-log-2", "too-much"): "PG-log2-lindahl-x1.05",
    ("public-goods-log-2", "pareto"): "PG-log2-pareto",
    ("public-goods-log-3", "lindahl"): "PG-log3-lindahl",
    ("public-goods-log-3", "too-much"): "PG-log3-lindahl-x1.05",
    ("public-goods-log-3", "pareto"): "PG-log3-pareto",
    ("public-goods-sqrt-3", "lindahl"): "PG-sqrt3-lindahl",
    ("public-goods-sqrt-4", "pareto"): "PG-sqrt4-pareto",
    ("public-goods-ces-3", "lindahl"): "PG-ces3-lindahl",
    ("public-goods-ces-3", "pareto"): "PG-ces3-pareto",
    ("public-goods-kinks-3", "kink"): "PG-pwl-kink-literal-fails-1",
    ("public-goods-printed-errs", "pareto"): "PG-log3-literal-fails",
    ("public-goods-no-externality", "nothing"): "PG-weak-externality-zero",
}


@pytest.mark.parametrize(("instance", "outcome"), SHIPPED)
def test_shipped_economies_are_those_of_the_reference(instance: str, outcome: str) -> None:
    game, case = load_instance(instance).game, CASES[SHIPPED[instance, outcome]]
    point = game.outcomes.actions[game.outcomes.names.index(outcome)]
    assert point == pytest.approx(case.game.outcomes.actions[0], rel=1e-12)
    other = np.linspace(0.2, 3.0, len(game))
    assert game.utilities.values(other) == pytest.approx(case.game.utilities.values(other), abs=1e-12)


@pytest.mark.parametrize("instance", ["pollution-3", "pollution-4"])
def test_the_lindahl_outcome_of_the_pollution_game(instance: str) -> None:
    game = load_instance(instance).game
    lindahl = game.outcomes.actions[game.outcomes.names.index("lindahl")]
    assert supergradients(game.utilities, lindahl) @ lindahl == pytest.approx(0.0, abs=1e-12)
    assert game.utilities.values(lindahl) == pytest.approx(2 * lindahl.sum() / 3)


def test_leontief_instance() -> None:
    game = load_instance("public-goods-leontief-3").game
    safety = [min(2.0, 1.0, 1.5 / 0.5), min(2.0 / 0.8, 1.0, 1.5 / 0.8), min(1.0 / 0.5, 1.5)]
    cost = [0.5 * 2.0**2 / 2, 0.4 * 1.0**2 / 2, 0.8 * 1.5**2 / 2]
    found = game.utilities.values(np.array([2.0, 1.0, 1.5]))
    assert found == pytest.approx(np.subtract(safety, cost))
