"""Games in strategic form: Nash-in-Nash equilibria of every structure, and worths of the surplus game (section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from cli_calls import call
from strategic_cases import (
    MEETING,
    PENNIES,
    PRISONERS,
    as_sets,
    by_coalition,
    by_player,
    joint_names,
    oracle_of,
    spelt_out,
    two_by_two,
)

from breakaway.data.coalitions import finest_structure, parse_structure, structures
from breakaway.data.games import PartitionFunctionGame, Players, StrategicFormGame
from breakaway.data.instances import load_instance
from breakaway.results.records import Answer
from breakaway.results.text import answer_text
from breakaway.runners.asking import HowToSolve, UnfinishedError
from breakaway.runners.dispatch import solve_game, verify_answer
from breakaway.runners.solvers import SolverOptions
from breakaway.runners.strategic import solve_strategic
from breakaway.runners.strategic_recursion import NoEquilibriumError
from breakaway.runners.verify import verify_strategic
from breakaway.runners.viability import solve_viability

FULL = HowToSolve(detail="all", verify=True)
INSTANCES = (
    "battle-of-the-sexes",
    "abatement-levels-3",
    "abatement-levels-4",
    "shared-laboratory-3",
    "cartel-levels-3",
)


def solved(game: StrategicFormGame) -> Answer | None:
    """Solve and verify; None when the players alone have no equilibrium."""
    try:
        answer = solve_strategic(game, FULL)
    except NoEquilibriumError:
        return None
    assert answer.certificate.claims["verified"] is True
    return answer


def equilibria_of(answer: Answer) -> dict[str, list[dict[str, str]]]:
    """Return the equilibria of each structure as joint actions by coalition."""
    table = answer.tables["equilibria"]
    found: dict[str, list[dict[str, str]]] = {name: [] for name in answer.tables["structures"]["structure"]}
    for (structure, _), rows in table.groupby(["structure", "solution"]):
        found[structure].append(dict(zip(rows["coalition"], rows["action"], strict=True)))
    return found


def flagged(answer: Answer, flag: str) -> set[str]:
    structures_ = answer.tables["structures"]
    return set(structures_[structures_[flag]]["structure"])


def sorted_dicts(found: list[dict[str, str]]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(one.items()) for one in found)


# --- against an oracle ---------------------------------------------------------------------------------------------


def assert_as_the_oracle_says(game: StrategicFormGame) -> bool:
    """Compare all equilibria, payoffs and coarsest structures; tell whether there was anything to compare."""
    oracle, answer = oracle_of(game), solved(game)
    finest = as_sets(finest_structure(len(game.players)))
    assert (answer is None) == (not oracle.equilibria[finest])
    if answer is None:
        return False
    found, payoffs = equilibria_of(answer), answer.tables["payoffs"]
    for structure in structures(game.players.everyone):
        name, expected = game.players.structure_name(structure), oracle.equilibria[as_sets(structure)]
        assert sorted_dicts(found[name]) == sorted_dicts([joint_names(game, profile) for profile in expected])
        own = payoffs[payoffs["structure"] == name].pivot_table(index="solution", columns="player", values="payoff")
        gets = [tuple(row[name] for name in game.players.names) for _, row in own.iterrows()]
        assert sorted(gets) == sorted(tuple(map(float, oracle.payoffs(profile))) for profile in expected)
        assert (name in flagged(answer, "coarsest")) == (as_sets(structure) in oracle.coarsest())
    return True


@pytest.mark.parametrize("sizes", [(2, 2), (3, 2), (2, 2, 2), (3, 2, 2), (3, 3, 3)], ids=str)
def test_actions_by_player(sizes: tuple[int, ...]) -> None:
    compared = sum(assert_as_the_oracle_says(by_player(len(sizes), sizes, seed)) for seed in range(12))
    assert compared >= 5


@pytest.mark.parametrize("n", [2, 3])
def test_actions_by_coalition(n: int) -> None:
    compared = sum(assert_as_the_oracle_says(by_coalition(n, seed)) for seed in range(20))
    assert compared >= 10


def test_four_players_with_two_actions() -> None:
    assert sum(assert_as_the_oracle_says(by_player(4, (2, 2, 2, 2), seed)) for seed in range(3)) >= 2


@pytest.mark.parametrize("seed", range(6))
def test_few_payoffs_that_tie_and_products_of_zero(seed: int) -> None:
    """Payoffs 0, 1 and 2: best products are often zero, and then every unblocked answer is best."""
    assert_as_the_oracle_says(by_coalition(3, seed, most=2))


@pytest.mark.parametrize("seed", range(6))
def test_weights(seed: int) -> None:
    assert_as_the_oracle_says(by_player(3, (3, 2, 3), seed, weights=(1, 3, 2)))


def test_both_kinds_of_failure_occur() -> None:
    """Coalitions that no joint action serves, and structures whose best answers never meet."""
    answers = [solved(by_coalition(3, seed)) for seed in range(20)]
    blocked = [a for a in answers if a is not None and not a.tables["blocks"]["viable"].all()]
    unmet = [a for a in answers if a is not None and (a.tables["refusals"]["reason"] == "better answer").any()]
    assert blocked
    assert unmet


@pytest.mark.parametrize("seed", range(5))
def test_joint_actions_written_out_give_the_same_answer(seed: int) -> None:
    game = by_player(3, (2, 3, 2), seed)
    one, other = solved(game), solved(spelt_out(game))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        for name in ("structures", "payoffs", "threats", "met", "failures"):
            pd.testing.assert_frame_equal(one.tables[name], other.tables[name])
        written = one.tables["equilibria"].assign(action=one.tables["equilibria"]["action"].str.replace("+", "-"))
        pd.testing.assert_frame_equal(written, other.tables["equilibria"])


# --- games of books ------------------------------------------------------------------------------------------------


def test_prisoners_dilemma() -> None:
    """Vohra and Ray (2025), section 4: the grand coalition is viable, and its Nash bargain efficient."""
    answer = solve_strategic(PRISONERS, FULL)
    assert equilibria_of(answer) == {
        "1|2": [{"1": "tell", "2": "tell"}],
        "1+2": [{"1+2": "quiet+quiet"}],
    }
    assert flagged(answer, "efficient") == {"1+2"}
    assert flagged(answer, "coarsest") == {"1+2"}


def test_several_equilibria_are_all_threats() -> None:
    """Two Nash equilibria, (2, 1) and (1, 2): each player may threaten with 2, and no joint action gives both 2."""
    answer = solve_strategic(MEETING, FULL)
    assert answer.tables["structures"].set_index("structure")["equilibria"].to_dict() == {"1|2": 2, "1+2": 0}
    threats = answer.tables["threats"]
    assert sorted(threats[threats["breakaway"] == "1"]["payoff"]) == [1.0, 2.0]
    assert set(answer.tables["failures"]["payoff"]) == {2.0}


def test_battle_of_the_sexes_is_shipped() -> None:
    answer = solve_game(load_instance("battle-of-the-sexes").game, FULL)
    assert flagged(answer, "viable") == {"Ann|Bob"}
    assert flagged(answer, "efficient") == {"Ann|Bob"}


@pytest.mark.parametrize("seed", range(40))
def test_two_players_with_one_equilibrium_stay_together_efficiently(seed: int) -> None:
    """Section 4, with what it needs: one Nash equilibrium; a best product above zero for efficiency."""
    answer = solved(by_player(2, (3, 3), seed))
    if answer is None:
        return
    found = answer.tables["structures"].set_index("structure")
    if found.loc["1|2", "equilibria"] == 1:
        assert found.loc["1+2", "viable"]
        payoffs = answer.tables["payoffs"].query("structure == '1+2'")["payoff"]
        if (payoffs > 0).all():
            assert found.loc["1+2", "efficient"]


def test_equilibria_are_profiles_not_products() -> None:
    """In the meeting game both answers of each player occur, but only together."""
    answer = solve_strategic(MEETING, FULL)
    assert sorted_dicts(equilibria_of(answer)["1|2"]) == [
        [("1", "fight"), ("2", "fight")],
        [("1", "opera"), ("2", "opera")],
    ]


def test_without_a_nash_equilibrium_there_is_no_ground() -> None:
    with pytest.raises(NoEquilibriumError, match=r"^1\|2 has no Nash equilibrium in pure actions, .* list those that "):
        solve_strategic(PENNIES)
    with pytest.raises(NoEquilibriumError, match=r"^1\|2 has no coalitional Nash equilibrium in pure actions, "):
        solve_strategic(two_by_two([[(1, 0), (0, 1)], [(0, 1), (1, 0)]], ("heads", "tails"), transfers=True))


def test_payoffs_below_disagreement_are_no_agreement() -> None:
    """(4, 1) has the largest sum but leaves player 2 below its disagreement payoff."""
    game = StrategicFormGame(
        Players.of(2, disagreement=(0.0, 2.0)), {1: ("a",), 2: ("a",), 3: ("even", "odd")},
        {(1, 2): np.array([[[1.0, 2.0]]]), (3,): np.array([[2.0, 2.5], [9.0, 1.0]])},
    )  # fmt: skip
    answer = solve_strategic(game, FULL)
    assert equilibria_of(answer)["1+2"] == [{"1+2": "even"}]


def test_abatement_in_three_levels() -> None:
    """u_i = 5 (z_1 + z_2 + z_3) - c_i z_i^2 with c = (2, 3, 3): pairs hold, all together not, as in Example 2."""
    answer = solve_game(load_instance("abatement-levels-3").game, FULL)
    assert flagged(answer, "coarsest") == {"Ash|Bay+Cob", "Ash+Cob|Bay", "Ash+Bay|Cob"}
    assert equilibria_of(answer)["Ash|Bay+Cob"] == [{"Ash": "some", "Bay+Cob": "full+full"}]
    gets = answer.tables["payoffs"].query("structure == 'Ash|Bay+Cob'").set_index("player")["payoff"]
    assert gets.to_dict() == {"Ash": 23.0, "Bay": 13.0, "Cob": 13.0}


def test_four_players_with_three_actions() -> None:
    answer = solve_game(load_instance("abatement-levels-4").game, FULL)
    claims = answer.certificate.claims
    assert (claims["structures"], claims["profiles"], claims["viable"]) == (15, 1215, 13)
    assert flagged(answer, "viable").isdisjoint({"Ash+Bay+Cob+Dew", "Ash+Bay+Dew|Cob"})
    refused = answer.tables["refusals"].groupby("structure").size()
    assert refused.to_dict() == {"Ash+Bay+Cob+Dew": 81, "Ash+Bay+Dew|Cob": 81}


# --- transfers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_surplus_equilibria_are_those_of_the_oracle(seed: int) -> None:
    game = by_coalition(3, seed, transfers=True) if seed % 2 else by_player(3, (2, 3, 2), seed, transfers=True)
    game = StrategicFormGame(game.players, game.actions, game.payoffs, True, "first")
    oracle = oracle_of(game)
    expected = {pi: oracle.surplus_equilibria(as_sets(pi)) for pi in structures(game.players.everyone)}
    answer = solved(game)
    assert (answer is None) == (not all(expected.values()))
    if answer is not None:
        found = equilibria_of(answer)
        for pi, profiles in expected.items():
            names = [joint_names(game, profile) for profile in profiles]
            assert sorted_dicts(found[game.players.structure_name(pi)]) == sorted_dicts(names)


def test_with_transfers_it_is_the_partition_function_of_the_equilibria() -> None:
    """Cournot with costs 1, 3 and 5 and outputs 0, 2 or 4, A = 10; worths by hand."""
    answer = solve_game(load_instance("cartel-levels-3").game, FULL)
    worths = {
        "1|2|3": (12.0, 2.0, 0.0), "1|2+3": (12.0, 2.0), "1+2|3": (20.0, 0.0), "1+3|2": (12.0, 2.0), "1+2+3": (20.0,),
    }  # fmt: skip
    names = ("1", "2", "3")
    table = {parse_structure(text, names): row for text, row in worths.items()}
    same = solve_viability(PartitionFunctionGame(Players.of(3), table), FULL)
    for name in ("structures", "blocks", "payoffs", "threats", "met", "failures"):
        pd.testing.assert_frame_equal(answer.tables[name], same.tables[name])


def coordination(selection: Any, chosen: Any = None) -> StrategicFormGame:
    """Two Nash equilibria of the players alone: (3, 1) and (1, 4)."""
    game = two_by_two([[(3, 1), (0, 0)], [(0, 0), (1, 4)]], ("left", "right"), transfers=True)
    return StrategicFormGame(game.players, game.actions, game.payoffs, True, selection, chosen or {})


def test_equilibria_with_different_worths_are_an_error_that_lists_them() -> None:
    with pytest.raises(NoEquilibriumError) as caught:
        solve_strategic(coordination("unique"))
    assert str(caught.value) == (
        "1|2 has 2 coalitional Nash equilibria with different worths (1:left|2:left worth (3, 1); 1:right|2:right "
        "worth (1, 4)); choose one in the table equilibria, or set the parameter equilibrium to 'largest-total' or "
        "'first'"
    )


@pytest.mark.parametrize(
    ("selection", "chosen", "worths"),
    [
        ("first", {}, [3.0, 1.0]),
        ("largest-total", {}, [1.0, 4.0]),
        ("unique", {(1, 2): ("left", "left")}, [3.0, 1.0]),
        ("unique", {(1, 2): ("right", "right")}, [1.0, 4.0]),
    ],
)
def test_the_choice_between_equilibria(selection: str, chosen: Any, worths: list[float]) -> None:
    answer = solved(coordination(selection, chosen))
    assert answer is not None
    blocks = answer.tables["blocks"]
    assert blocks[blocks["structure"] == "1|2"]["worth"].tolist() == worths
    table = answer.tables["equilibria"]
    assert len(table[table["structure"] == "1|2"]["solution"].unique()) == 2


def test_a_chosen_profile_must_be_an_equilibrium() -> None:
    with pytest.raises(
        NoEquilibriumError, match=r"^1:left\|2:right is no coalitional Nash equilibrium of 1\|2; .* 1:left"
    ):
        solve_strategic(coordination("unique", {(1, 2): ("left", "right")}))


def test_only_worths_need_to_be_unique() -> None:
    """Two equilibria that give every coalition the same sum are no problem."""
    game = two_by_two([[(2, 1), (0, 0)], [(0, 0), (2, 1)]], ("left", "right"), transfers=True)
    answer = solved(game)
    assert answer is not None
    assert answer.certificate.claims["equilibria"] == 4


def test_worths_are_sums_of_decimals() -> None:
    """0.1 + 0.2 is 0.3, so that worths can be taken as fractions."""
    game = two_by_two([[(0.1, 0.2), (0, 0)], [(0, 0), (0, 0)]], ("a", "b"), transfers=True)
    game = StrategicFormGame(game.players, game.actions, game.payoffs, True, "largest-total")
    answer = solve_strategic(game, HowToSolve(rational=True, verify=True))
    assert answer.tables["blocks"]["worth"].tolist() == [0.1, 0.2, 0.3]


# --- verification --------------------------------------------------------------------------------------------------


TAMPERED = {
    "structures": ("viable", "coarsest", "efficient"),
    "blocks": ("viable",),
    "payoffs": ("payoff", "player", "solution"),
    "equilibria": ("action", "coalition"),
    "threats": ("payoff", "breakaway", "resulting_structure"),
    "met": ("payoff", "threat_payoff", "player", "breakaway"),
    "failures": ("payoff", "breakaway"),
    "refusals": ("profile", "reason", "breakaway", "coalition"),
}


def altered(column: pd.Series) -> pd.Series:
    """Change one cell: turn a flag, add to a number, put another of the column's texts, or an unknown one."""
    found = column.copy()
    cell = found.iloc[0]
    if isinstance(cell, bool | np.bool_):
        found.iloc[0] = not cell
    elif isinstance(cell, str):
        found.iloc[0] = next((other for other in column if other not in (cell, "")), "nobody")
    else:
        found.iloc[0] = cell + 1
    return found


@pytest.fixture(scope="module")
def four() -> tuple[StrategicFormGame, Answer]:
    game = load_instance("abatement-levels-4").game
    assert isinstance(game, StrategicFormGame)
    return game, solve_strategic(game, FULL)


@pytest.mark.parametrize(("table", "column"), [(t, c) for t, columns in TAMPERED.items() for c in columns])
def test_an_altered_cell_is_found(four: tuple[StrategicFormGame, Answer], table: str, column: str) -> None:
    game, answer = four
    frame = answer.tables[table]
    changed = {**answer.tables, table: frame.assign(**{column: altered(frame[column])})}
    assert not verify_strategic(game, changed).passed


@pytest.mark.parametrize("table", [name for name in TAMPERED if name != "blocks"])
def test_a_missing_row_is_found(four: tuple[StrategicFormGame, Answer], table: str) -> None:
    game, answer = four
    assert not verify_strategic(game, {**answer.tables, table: answer.tables[table].iloc[1:]}).passed


@pytest.mark.parametrize("table", ["structures", "blocks", "payoffs", "equilibria"])
def test_a_missing_table_is_found(four: tuple[StrategicFormGame, Answer], table: str) -> None:
    game, answer = four
    assert not verify_strategic(game, {k: v for k, v in answer.tables.items() if k != table}).passed


@pytest.mark.parametrize(
    ("table", "column"),
    [("equilibria", "action"), ("equilibria", "counts"), ("equilibria", "worth"), ("blocks", "worth")],
)
def test_an_altered_cell_is_found_with_transfers(table: str, column: str) -> None:
    game = load_instance("cartel-levels-3").game
    answer = solve_game(game, FULL)
    frame = answer.tables[table]
    changed = {**answer.tables, table: frame.assign(**{column: altered(frame[column])})}
    assert not verify_answer(game, changed, answer.certificate.claims, 1e-9).passed


def test_a_choice_against_the_rule_is_found() -> None:
    answer = solved(coordination("first"))
    assert answer is not None
    assert verify_strategic(coordination("first"), answer.tables, claims=answer.certificate.claims).passed
    assert not verify_strategic(coordination("largest-total"), answer.tables, claims=answer.certificate.claims).passed


# --- asking and reading --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INSTANCES)
def test_shipped_instances_at_the_command_line(name: str, tmp_path: Any) -> None:
    answer = call("solve", name, "--out", tmp_path / "run", "--detail", "all")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0] == load_instance(name).title
    again = call("verify", tmp_path / "run")
    assert again.code == 0, again.out
    assert again.out.splitlines()[-1].endswith(" 0 failed")


def test_the_printed_answer_explains_failures() -> None:
    text = answer_text(solve_game(load_instance("abatement-levels-4").game, FULL))
    assert "The grand coalition Ash+Bay+Cob+Dew does not hold together." in text
    assert "  {Ash,Bay,Cob,Dew} finds no joint action that holds: Ash, Cob and Dew can each walk away to 18" in text
    assert "  Ash+Bay+Dew|Cob has no equilibrium: of its 81 profiles, 11 are below disagreement" in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_no_equilibrium_at_the_command_line(tmp_path: Any) -> None:
    files = {
        "game.toml": 'kind = "strategic-form"\n',
        "players.csv": "player\nAnn\nBob\n",
        "actions.csv": "player,action\nAnn,h\nAnn,t\nBob,h\nBob,t\n",
        "payoffs.csv": "profile,player,payoff\n"
        + "".join(
            f"Ann:{a}|Bob:{b},{who},{int((a == b) == (who == 'Ann'))}\n"
            for a in "ht"
            for b in "ht"
            for who in ("Ann", "Bob")
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    answer = call("solve", tmp_path)
    assert answer.code == 3
    assert answer.err.startswith("no answer: Ann|Bob has no Nash equilibrium in pure actions")


def test_fractions_and_models_are_refused_without_transfers() -> None:
    with pytest.raises(ValueError, match="leave out rational"):
        solve_strategic(PRISONERS, HowToSolve(rational=True))
    with pytest.raises(ValueError, match="use the exact method"):
        solve_strategic(PRISONERS, HowToSolve(method="model"))


def test_a_time_limit_keeps_what_is_judged() -> None:
    how = HowToSolve(options=SolverOptions(time_limit=1e-9))
    with pytest.raises(UnfinishedError, match="1 of 15 structures; give more time") as caught:
        solve_strategic(by_player(4, (3, 3, 3, 3), 0), how)
    structures_ = caught.value.answer.tables["structures"]
    assert structures_["structure"].tolist() == ["1|2|3|4"]
    assert not structures_[["coarsest", "efficient"]].to_numpy().any()


def test_detail_by_size() -> None:
    few = solve_strategic(PRISONERS, HowToSolve(detail="none", verify=False))
    assert set(few.tables) == {"structures", "blocks", "payoffs", "equilibria"}
    assert few.certificate.claims["threats"] == "partial"
    assert few.certificate.residual is None
