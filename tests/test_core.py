"""Core, least core and balanced collections: against hand, coopgame, the dual ray, and their definitions."""

from __future__ import annotations

from fractions import Fraction

import coopgame
import numpy as np
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from cli_calls import call
from core_games import (
    CASES,
    COUNCIL,
    EXAMPLE_5,
    EXAMPLE_6,
    GLOVES,
    NO_IMPUTATION,
    ask,
    changed,
    failing,
    game_by,
    listed,
    moved,
    random_game,
    scale,
    solved,
    theirs,
)

from breakaway.data.games import CharacteristicFunctionGame
from breakaway.data.instances import load_instance
from breakaway.models import core
from breakaway.runners.concepts.core import balanced_collection, least_excess
from breakaway.runners.concepts.polytope import vertices
from breakaway.runners.concepts.question import UndefinedError
from breakaway.runners.concepts.rational import KnownTotals, dual_vertex, incidence
from breakaway.runners.ordered import subset_sums
from breakaway.runners.solvers import (
    CapabilityError,
    InfeasibleError,
    NumericalError,
    infeasibility_ray,
    solve_model,
)
from breakaway.runners.solvers.rays import ZERO
from breakaway.runners.verify.concepts.balance import nonnegative_fit

SEEDS = range(20)


def points(game: CharacteristicFunctionGame, concept: str) -> np.ndarray:
    frame = solved(game, concept).tables["solutions"]
    return frame["payoff"].to_numpy(dtype=float).reshape(-1, len(game.players))


def line(game: CharacteristicFunctionGame, concept: str) -> dict[str, object]:
    (row,) = solved(game, concept).tables["concepts"].to_dict("records")
    return row


# --- by hand -------------------------------------------------------------------------------------------------------


def test_the_core_of_the_glove_game_is_one_point() -> None:
    """The holder of the only left glove gets everything (Shapley 1959)."""
    assert points(GLOVES, "core").tolist() == [[1.0, 0.0, 0.0]]


def test_the_core_of_example_6_has_four_corners() -> None:
    assert points(EXAMPLE_6, "core").tolist() == [[0, 0.8, 0.2], [0, 1, 0], [0.8, 0, 0.2], [1, 0, 0]]
    assert points(EXAMPLE_6, "least-core").tolist() == [[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]]
    assert line(EXAMPLE_6, "least-core")["value"] == -0.1


def test_convex_games_have_a_corner_for_every_order() -> None:
    """The vertices of the core are the marginal vectors (Shapley 1971), all different for v(S) = |S|^2 + more."""
    game = game_by(4, lambda s: (sum(s) + len(s)) ** 2)
    found = points(game, "core")
    assert len(found) == 24
    assert [20.0, 21.0, 16.0, 4.0] not in found.tolist()
    first = [game.worths[1], game.worths[3] - game.worths[1], game.worths[7] - game.worths[3]]
    assert [*first, game.worths[15] - game.worths[7]] in found.tolist()


def test_the_pairs_of_example_5_prove_its_core_empty() -> None:
    collection = balanced_collection(ask(EXAMPLE_5))
    assert collection.coalitions == (0b011, 0b101, 0b110)
    assert collection.weights == (Fraction(1, 2),) * 3
    assert collection.worth == Fraction(6, 5)
    assert least_excess(ask(EXAMPLE_5)) == Fraction(2, 15)
    note = line(EXAMPLE_5, "core")["note"]
    assert note == "{1,2}, {1,3} and {2,3} with weights 1/2 are together worth 1.2, more than 1"


def test_unequal_weights_and_partitions_are_named() -> None:
    """Three coalitions of three around player 1 at 1/3, {2,3,4} at 2/3: together 3 x .9/3 + .9 x 2/3 = 1.5."""
    game = listed(4, {"12": 0.9, "13": 0.9, "14": 0.9, "234": 0.9, "1234": 1})
    note = str(line(game, "core")["note"])
    assert "{2,3,4} (2/3)" in note
    assert note.endswith("weights in brackets, are together worth 1.5, more than 1")
    assert line(NO_IMPUTATION, "core")["note"] == "{1}, {2} and {3} are together worth 1, more than 0.9"


def test_one_player_and_two() -> None:
    one = game_by(1, lambda s: 3.0)
    assert points(one, "core").tolist() == points(one, "least-core").tolist() == [[3.0]]
    two = game_by(2, lambda s: 4.0 if len(s) == 2 else 1.0)
    assert points(two, "core").tolist() == [[1.0, 3.0], [3.0, 1.0]]
    assert points(two, "least-core").tolist() == [[2.0, 2.0]]
    for game in (one, two):
        assert failing(game, solved(game, "core", "least-core", "compte-jehiel", "nucleolus", "shapley")) == set()


def test_a_core_empty_by_rounding_counts_as_nonempty() -> None:
    game = listed(3, {"12": 0.1 + 0.2, "3": 0.3, "123": 0.6})
    assert game.worths[3] > 0.3
    assert len(points(game, "core")) == 2
    assert failing(game, solved(game, "core")) == set()


# --- the models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gloves", "example 5", "example 6", "majority of five", "airport", "estate 200"])
def test_the_dual_and_the_dual_ray_prove_the_same(name: str) -> None:
    """Where the core is empty both are balanced and worth more than v(N); where it is not, there is no ray."""
    game = CASES[name]
    everyone = game.worths[game.players.everyone]
    model = core.build(game, "least_total")
    total = solve_model(model, solver="highs").objective
    feasible = core.build(game, "feasible")
    if total is not None and total <= everyone + 1e-9:
        assert solve_model(feasible, solver="highs").is_optimal
        with pytest.raises(NumericalError, match="no dual ray"):
            infeasibility_ray(feasible)
        return
    with pytest.raises(InfeasibleError):
        solve_model(feasible, solver="highs")
    ray = infeasibility_ray(feasible)
    scale_of_ray = -ray.pop("efficient")
    weights = {key.removeprefix("enough[").removesuffix("]"): y / scale_of_ray for key, y in ray.items()}
    duals = {key: model.dual[row] for key, row in model.enough.items() if model.dual[row] > ZERO}
    for found in (weights, duals):
        for player in game.players.names:
            at_player = sum(weight for key, weight in found.items() if player in key.split("+"))
            assert at_player == pytest.approx(1.0, abs=1e-9)
        assert all(weight > 0 for weight in found.values())
        assert sum(weight * model.worth[key] for key, weight in found.items()) > everyone + 1e-9
    assert sum(weight * model.worth[key] for key, weight in duals.items()) == pytest.approx(total, abs=1e-9)


def test_a_ray_is_for_linear_programmes() -> None:
    model = core.build(EXAMPLE_5, "feasible")
    model.nothing.set_value(model.payoff["1"] ** 2)
    with pytest.raises(CapabilityError, match="linear programmes only"):
        infeasibility_ray(model)


@pytest.mark.parametrize("seed", range(40))
def test_rows_that_are_left_out_do_not_matter(seed: int) -> None:
    game = random_game(seed)
    everyone = ask(game)
    for formulation, found in (
        ("least_total", float(balanced_collection(everyone).worth)),
        ("least_excess", float(least_excess(everyone))),
    ):
        whole = solve_model(core.build(game, formulation), solver="highs").objective
        assert whole == pytest.approx(found, abs=1e-8 * scale(game))


def test_only_known_formulations_and_proper_coalitions() -> None:
    with pytest.raises(ValueError, match="unknown formulation"):
        core.build(GLOVES, "largest")
    for wrong in ([7], [0], []):
        with pytest.raises(ValueError, match="neither empty nor the grand one"):
            core.build(GLOVES, coalitions=wrong)


@pytest.mark.parametrize("formulation", core.FORMULATIONS)
def test_golden_text(formulation: str) -> None:
    assert model_text(core.build(EXAMPLE_6, formulation)) == golden_text("core", formulation)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("core") == set(core.FORMULATIONS)


# --- against coopgame ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_literature_cases_agree_with_coopgame(name: str) -> None:
    check_against_coopgame(CASES[name])


@pytest.mark.parametrize("seed", SEEDS)
def test_random_games_agree_with_coopgame_and_hold(seed: int) -> None:
    game = random_game(seed)
    check_against_coopgame(game)
    assert failing(game, solved(game, "core", "least-core")) == set()


def check_against_coopgame(game: CharacteristicFunctionGame) -> None:
    other, eps = theirs(game), 1e-9 * scale(game)
    found = points(game, "core")
    assert (len(found) > 0) == other.has_nonempty_core()
    for x in found:
        assert other.is_in_core([float(value) for value in x])
    least = coopgame.least_core(other, domain="preimputation")
    row = line(game, "least-core")
    assert row["value"] == pytest.approx(least["epsilon"], abs=100 * eps)
    assert row["bound"] == row["value"]
    for x in points(game, "least-core"):
        excess = (np.array([0.0, *other.values()]) - subset_sums(x))[1:-1].max()
        assert excess == pytest.approx(least["epsilon"], abs=100 * eps)


@pytest.mark.parametrize("seed", range(1, 4))
def test_scale_and_shift(seed: int) -> None:
    """The vertices of factor v + shift are factor x + shift."""
    game = random_game(seed)
    for factor, shift in ((1e6, 0.0), (1e-6, 0.0), (2.0, -50.0)):
        other = moved(game, factor, shift)
        expected = points(game, "least-core") * factor + shift
        assert points(other, "least-core") == pytest.approx(expected, abs=1e-9 * scale(other) + 1e-12)
        assert (line(other, "core")["status"] == "empty") == (line(game, "core")["status"] == "empty")


# --- linear algebra in fractions -----------------------------------------------------------------------------------


def test_known_totals() -> None:
    known = KnownTotals(3)
    assert known.add(0b111, Fraction(6))
    assert known.add(0b011, Fraction(3))
    assert not known.add(0b100, Fraction(3))
    assert known.rank == 2
    assert known.open_coalitions().tolist() == [0b001, 0b010, 0b101, 0b110]
    assert known.add(0b101, Fraction(4))
    assert known.payoffs() == (1, 2, 3)
    assert known.open_coalitions().tolist() == []


def test_dependent_columns_are_given_up() -> None:
    """All six coalitions of three players at 1/4 and more: two balanced collections at once."""
    coalitions = [0b001, 0b010, 0b100, 0b011, 0b101, 0b110]
    columns = [incidence(s, 3) for s in coalitions]
    weights = dual_vertex(columns, [1, 1, 1], [1 / 2] * 3 + [1 / 4] * 3, [True] * 6)
    assert weights is not None
    support = [s for s, weight in zip(coalitions, weights, strict=True) if weight]
    assert len(support) <= 3
    assert all(weight >= 0 for weight in weights)
    assert [sum(w * c[i] for w, c in zip(weights, columns, strict=True)) for i in range(3)] == [1, 1, 1]
    assert dual_vertex([incidence(0b011, 3)], [1, 1, 1], [1.0], [True]) is None


def test_vertices_of_a_flat_and_of_an_empty_set() -> None:
    singles = {1: Fraction(1), 2: Fraction(1), 4: Fraction(1)}
    assert vertices(3, Fraction(3), singles) == [(1, 1, 1)]
    assert vertices(3, Fraction(2), singles) == []
    flat = singles | {0b011: Fraction(3)}
    assert vertices(3, Fraction(4), flat) == [(1, 2, 1), (2, 1, 1)]
    assert vertices(3, Fraction(4), flat | {0b101: Fraction(4)}) == []


def test_nonnegative_least_squares() -> None:
    columns = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    weights, distance = nonnegative_fit(columns, np.array([2.0, 3.0]))
    assert columns @ weights == pytest.approx([2.0, 3.0])
    assert distance == pytest.approx(0.0, abs=1e-12)
    weights, distance = nonnegative_fit(columns, np.array([-1.0, 1.0]))
    assert weights.tolist() == pytest.approx([0.0, 1.0, 0.0])
    assert distance == pytest.approx(1.0)


# --- end to end ----------------------------------------------------------------------------------------------------


def test_more_players_than_vertices_are_listed_for() -> None:
    assert line(COUNCIL, "core")["complete"] is False
    assert points(COUNCIL, "core") == pytest.approx(np.array([[0.2] * 5 + [0.0] * 6]), abs=1e-12)
    assert failing(COUNCIL, solved(COUNCIL, "core", "least-core")) == set()


def test_a_game_with_given_threats_has_no_core() -> None:
    answer = call("solve", "example-4-singletons", "--concept", "core,least-core", "--json")
    assert answer.code == 0
    assert {row["status"] for row in answer.json["tables"]["concepts"]} == {"undefined"}


def test_solve_and_verify_at_the_command_line(tmp_path) -> None:
    run = str(tmp_path / "run")
    answer = call("solve", "example-5", "--concept", "core,least-core", "--out", run)
    assert answer.code == 0
    assert "core: {1,2}, {1,3} and {2,3} with weights 1/2 are together worth 1.2, more than 1." in answer.out
    assert call("verify", run).code == 0
    table = tmp_path / "run" / "balanced_collection.csv"
    assert table.read_text().splitlines()[0] == "coalition,weight,worth"
    table.write_text(table.read_text().replace("1+2,0.5", "1+2,0.6"))
    assert call("verify", run).code == 1


def test_tampering_is_found() -> None:
    empty = solved(EXAMPLE_5, "core", "least-core")
    table = empty.tables["balanced_collection"]
    proof = "core: the core is empty: a balanced collection is worth more"
    assert failing(EXAMPLE_5, empty, balanced_collection=changed(table, 0, "weight", 0.4)) == {proof}
    assert failing(EXAMPLE_5, empty, balanced_collection=table.iloc[:0]) == {proof}
    assert "core: worths of the balanced collection" in failing(
        EXAMPLE_5, empty, balanced_collection=changed(table, 0, "worth", 2.0)
    )
    value = failing(EXAMPLE_5, empty, concepts=changed(empty.tables["concepts"], 1, "value", 0.2))
    assert "least-core: the largest excess is least" in value
    full = solved(EXAMPLE_6, "core")
    moved_point = failing(EXAMPLE_6, full, solutions=changed(full.tables["solutions"], 0, "payoff", 0.1))
    assert "core: every coalition gets its worth" in moved_point
    claimed = changed(full.tables["concepts"], 0, "solutions", 3)
    fewer = failing(
        EXAMPLE_6,
        full,
        solutions=full.tables["solutions"].iloc[3:],
        concepts=claimed,
    )
    assert "core: every vertex is listed" in fewer


def test_an_empty_claim_for_a_core_that_exists_fails() -> None:
    full = solved(EXAMPLE_6, "core")
    concepts = changed(changed(full.tables["concepts"], 0, "status", "empty"), 0, "solutions", 0)
    nothing = {name: full.tables[name].iloc[:0] for name in ("solutions", "standing")}
    assert "core: the core is empty: a balanced collection is worth more" in failing(
        EXAMPLE_6, full, concepts=concepts, **nothing
    )


def test_undefined_says_why() -> None:
    with pytest.raises(UndefinedError, match="a worth for every coalition is needed"):
        balanced_collection(ask(load_instance("example-4-singletons").game))  # type: ignore[arg-type]


def test_page() -> None:
    pairs = run_page("core")
    assert len(pairs) >= 1
    for expected, found in pairs:
        assert found == expected
