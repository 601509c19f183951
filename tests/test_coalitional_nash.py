"""The models of the coalitional Nash solution: theorem 1 of Vohra and Ray (2025), in every formulation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pyomo.environ as pyo
import pytest
from application_cases import golden_names, golden_text, model_text, run_page
from threat_cases import CAPACITY, EXAMPLE_1, THREE_PAIRS, UNEVEN, WEIGHTED

from breakaway.data.games import ConvexSet, Players, Points, Threat, ThreatGame, TotalWorth
from breakaway.models import chain_flow, coalitional_nash
from breakaway.runners.solvers import CapabilityError, InfeasibleError, Outcome, solve_model

SINGLETONS = ThreatGame(
    Players.of(3),
    TotalWorth(16.0),
    tuple(Threat(f"firm-{k + 1}", 1 << k, (y,)) for k, y in enumerate((7.5625, 3.0625, 0.5625))),
)
"""Example 4 if only singletons could walk away: (7.5625, 4.21875, 4.21875)."""

# By hand. Example 5: one firm of a pair gets .4 in each of two pairs, .2 is left. Singletons: firm 1 is held at its
# claim, the others halve 8.4375. Weighted: per weight, A + B + C share 10.5 / 6 = 1.75 < 2, so A or B leaves with 2;
# B pays 4 of 10.5, the others get 6.5 / 4; A pays 2, the others get 8.5 / 5 = 1.7 >= 1.6, which is better. Uneven:
# without threats C gets 8, too little for AC and BCD; with 10 it meets both, and the others share the other 10.
VALUES = {
    "three pairs": (THREE_PAIRS, math.log(0.2 * 0.4 * 0.4), {"2": 0.4, "3": 0.4}),
    "singletons": (SINGLETONS, math.log(7.5625) + 2 * math.log(4.21875), {"1": 7.5625, "2": 3.0625, "3": 0.5625}),
    "weighted": (
        WEIGHTED,
        math.log(2.0) + 2 * math.log(3.4) + 3 * math.log(5.1),
        {"A": 2.0, "B": 4.2, "C": 2.0},
    ),
    "uneven": (UNEVEN, 2 * math.log(10.0) + 3 * math.log(10 / 3), {"B": 2.0, "C": 10.0, "D": 1.0}),
    "capacity": (CAPACITY, None, None),
    "example 1": (EXAMPLE_1, math.log(16.0), None),
}
TOTALS = ["three pairs", "singletons", "weighted", "uneven"]
PROPORTIONAL = ["three pairs", "singletons", "weighted"]


def value_of(name: str) -> float:
    """Return the best log product; of the polyhedron from the smooth model under each of its minimal choices."""
    game, best, _ = VALUES[name]
    if best is not None:
        return best
    pairs = [
        {"casting": 5.0, "milling": 6.0},
        {"casting": 5.0, "assembly": 6.0},
        {"milling": 6.0, "assembly": 4.0},
        {"milling": 5.0, "assembly": 6.0},
    ]
    return max(solved_value(coalitional_nash.build(game, "fixed_choices", lower=low), "ipopt") for low in pairs)


def solved_value(model: pyo.ConcreteModel, solver: str) -> float:
    outcome = solve_model(model, solver=solver, check=False)
    return outcome.objective if outcome.is_optimal else -math.inf


def solve_outer_approximation(model: pyo.ConcreteModel) -> tuple[float, float]:
    """Add tangents at the optimum until the bound and the value of the payoffs meet; return both."""
    for _ in range(40):
        bound = solve_model(model, solver="highs").bound
        value = sum(
            model.weight[i] * math.log(pyo.value(model.payoff[i]) - model.disagreement[i]) for i in model.players
        )
        if bound - value <= 1e-9:
            break
        for i in model.players:
            coalitional_nash.add_tangent(model, i, pyo.value(model.payoff[i]))
    return bound, value


def transformed(game: ThreatGame, transformation: str) -> pyo.ConcreteModel:
    model = coalitional_nash.build(game, "disjunctive")
    pyo.TransformationFactory(transformation).apply_to(model)
    return model


# --- one optimal value ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALUES)
def test_threshold_by_scip(name: str) -> None:
    model = coalitional_nash.build(VALUES[name][0])
    outcome = solve_model(model, solver="scip")
    assert outcome.objective == pytest.approx(value_of(name), abs=2e-6)
    assert outcome.bound >= value_of(name) - 2e-6


@pytest.mark.parametrize("transformation", ["gdp.bigm", "gdp.hull"])
@pytest.mark.parametrize("name", VALUES)
def test_disjunctive_by_scip(name: str, transformation: str) -> None:
    outcome = solve_model(transformed(VALUES[name][0], transformation), solver="scip")
    assert outcome.objective == pytest.approx(value_of(name), abs=2e-6)


@pytest.mark.parametrize("name", VALUES)
def test_outer_approximation_by_highs(name: str) -> None:
    bound, value = solve_outer_approximation(coalitional_nash.build(VALUES[name][0], "outer_approximation"))
    assert bound == pytest.approx(value_of(name), abs=1e-7)
    assert value == pytest.approx(value_of(name), abs=1e-7)


@pytest.mark.parametrize("name", PROPORTIONAL)
def test_chain_flow_by_highs(name: str) -> None:
    model = coalitional_nash.build(VALUES[name][0], "chain_flow")
    for _ in range(20):
        bound = solve_model(model, solver="highs").bound
        last = chain_flow.sharing_coalition(model)
        chain_flow.add_tangent(model, last, pyo.value(model.shared_money[last]) / model.total_weight[last])
    value = sum(model.weight[i] * math.log(pyo.value(model.payoff[i]) - model.disagreement[i]) for i in model.players)
    assert bound == pytest.approx(value_of(name), abs=1e-7)
    assert value == pytest.approx(value_of(name), abs=1e-7)


@pytest.mark.parametrize("name", TOTALS)
def test_fixed_choices_by_ipopt(name: str) -> None:
    game, best, lower = VALUES[name]
    model = coalitional_nash.build(game, "fixed_choices", lower=lower)
    assert solve_model(model, solver="ipopt").objective == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("name", VALUES)
def test_outer_approximation_starts_as_an_upper_bound(name: str) -> None:
    outcome = solve_model(coalitional_nash.build(VALUES[name][0], "outer_approximation"), solver="highs")
    assert outcome.bound >= value_of(name) - 1e-8


@pytest.mark.parametrize("name", VALUES)
def test_smallest_gain_is_positive_where_the_best_product_is(name: str) -> None:
    model = coalitional_nash.build(VALUES[name][0], "smallest_gain")
    assert solve_model(model, solver="highs").objective > 0.1


def test_smallest_gain_is_zero_where_the_best_product_is() -> None:
    game = replace(THREE_PAIRS, feasible=TotalWorth(0.8))
    outcome = solve_model(coalitional_nash.build(game, "smallest_gain"), solver="highs")
    assert outcome.objective == pytest.approx(0.0, abs=1e-9)


# --- payoffs -------------------------------------------------------------------------------------------------------


def test_example_4_singletons_hold_firm_1_at_its_claim() -> None:
    model = coalitional_nash.build(SINGLETONS, "fixed_choices", lower=VALUES["singletons"][2])
    solve_model(model, solver="ipopt")
    found = [pyo.value(model.payoff[i]) for i in model.players]
    assert found == pytest.approx([7.5625, 4.21875, 4.21875], abs=1e-6)


def test_identical_players_come_in_ascending_order() -> None:
    model = coalitional_nash.build(THREE_PAIRS, "threshold", identical=[("1", "2"), ("2", "3")])
    solve_model(model, solver="scip")
    assert [pyo.value(model.payoff[i]) for i in model.players] == pytest.approx([0.2, 0.4, 0.4], abs=1e-6)


def test_an_unblocked_set_that_is_empty_is_infeasible() -> None:
    game = replace(THREE_PAIRS, feasible=TotalWorth(0.79))
    model = coalitional_nash.build(game, "outer_approximation")
    with pytest.raises(InfeasibleError):
        solve_model(model, solver="highs")


def test_threats_that_cannot_block_are_left_out() -> None:
    model = coalitional_nash.build(UNEVEN)
    assert list(model.threats) == ["AB", "AC", "BCD", "D"]
    assert "idle" not in model.threat_met


# --- excluding an optimum ------------------------------------------------------------------------------------------


def maximise(model: pyo.ConcreteModel) -> Outcome | None:
    linear = model.component("linearised_product") is not None
    try:
        return solve_model(model, solver="highs" if linear else "scip")
    except InfeasibleError:
        return None


@pytest.mark.parametrize("formulation", ["threshold", "disjunctive", "outer_approximation", "chain_flow"])
def test_give_up_leads_from_one_maximiser_to_the_next(formulation: str) -> None:
    if formulation == "disjunctive":
        model = transformed(THREE_PAIRS, "gdp.bigm")
    else:
        model = coalitional_nash.build(THREE_PAIRS, formulation)
    seen = set()
    for _ in range(3):
        assert maximise(model) is not None
        levels = coalitional_nash.chosen_levels(model)
        binding = {i: 0.4 for i, level in levels.items() if level == 0.4}
        assert len(binding) == 2
        seen.add(tuple(binding))
        coalitional_nash.give_up(model, binding)
    assert seen == {("1", "2"), ("1", "3"), ("2", "3")}
    assert maximise(model) is None


def test_chain_that_is_not_covered_by_the_choices_is_not_found_again() -> None:
    model = coalitional_nash.build(WEIGHTED, "chain_flow")
    bounds = []
    for _ in range(20):
        outcome = maximise(model)
        if outcome is None:
            break
        bounds.append(outcome.bound)
        coalitional_nash.give_up(model, {"C": 5.3})
    assert outcome is None, "every chain is forbidden in the end"
    assert bounds == sorted(bounds, reverse=True)


def test_forbidden_points_are_not_chosen() -> None:
    model = coalitional_nash.build(EXAMPLE_1, "outer_approximation")
    solve_model(model, solver="highs")
    assert coalitional_nash.chosen_point(model) == "p1"
    coalitional_nash.forbid_point(model, "p1")
    solve_model(model, solver="highs")
    assert coalitional_nash.chosen_point(model) == "p0"


# --- errors --------------------------------------------------------------------------------------------------------


def test_unknown_formulation_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown formulation 'bigm'; choose one of 'threshold', 'disjunctive'"):
        coalitional_nash.build(THREE_PAIRS, "bigm")


@pytest.mark.parametrize(("formulation", "lower"), [("fixed_choices", None), ("threshold", {"1": 0.4})])
def test_lower_bounds_belong_to_fixed_choices(formulation: str, lower: dict[str, float] | None) -> None:
    with pytest.raises(ValueError, match="lower bounds go with fixed_choices and room"):
        coalitional_nash.build(THREE_PAIRS, formulation, lower=lower)


def test_lower_bounds_must_meet_every_threat() -> None:
    with pytest.raises(ValueError, match="no lower bound meets threat 'pair-23'"):
        coalitional_nash.build(THREE_PAIRS, "fixed_choices", lower={"1": 0.4})


def test_lower_bounds_of_unknown_players() -> None:
    with pytest.raises(ValueError, match="lower bounds name '4'; players are 1, 2, 3"):
        coalitional_nash.build(THREE_PAIRS, "fixed_choices", lower={"4": 0.4})


def test_fixed_choices_takes_no_points() -> None:
    with pytest.raises(ValueError, match="take no list of points"):
        coalitional_nash.build(EXAMPLE_1, "fixed_choices", lower={})


def test_chain_flow_needs_proportional_threats() -> None:
    with pytest.raises(ValueError, match="threat 'AB' is not in proportion to the weights"):
        coalitional_nash.build(UNEVEN, "chain_flow")


def test_chain_flow_needs_a_total_worth() -> None:
    with pytest.raises(ValueError, match="chain_flow needs a total worth"):
        coalitional_nash.build(CAPACITY, "chain_flow")


def test_chain_flow_cannot_order_identical_players() -> None:
    with pytest.raises(ValueError, match="chain_flow cannot order identical players"):
        coalitional_nash.build(THREE_PAIRS, "chain_flow", identical=[("1", "2")])


@pytest.mark.parametrize("pair", [("1", "1"), ("1", "9")])
def test_identical_players_must_be_two_players(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="name two different players"):
        coalitional_nash.build(THREE_PAIRS, identical=[pair])


def test_two_threats_with_one_name() -> None:
    game = replace(THREE_PAIRS, threats=(Threat("t", 3, (1.0, 1.0)), Threat("t", 5, (1.0, 1.0))))
    with pytest.raises(ValueError, match="two threats are named 't'"):
        coalitional_nash.build(game)


def test_disjunctions_must_be_transformed() -> None:
    with pytest.raises(CapabilityError, match=r"gdp\.bigm"):
        solve_model(coalitional_nash.build(THREE_PAIRS, "disjunctive"), solver="scip")


# --- texts ---------------------------------------------------------------------------------------------------------


def unit_ball(block: pyo.Block, payoff: Mapping[str, pyo.Var]) -> None:
    block.radius = pyo.Constraint(expr=pyo.quicksum(x**2 for x in payoff.values()) <= 1.0, doc="sum of x_i^2 <= 1")


def test_room_above_lower_bounds() -> None:
    # A, B and C share 12; their bounds 2, 4.2 and 2 leave 3.8, for all alike or for A alone.
    bounds = {"A": 2.0, "B": 4.2, "C": 2.0}
    together = coalitional_nash.build(WEIGHTED, "room", lower=bounds)
    assert solve_model(together, solver="highs").objective == pytest.approx(3.8 / 3)
    alone = coalitional_nash.build(WEIGHTED, "room", lower=bounds, raised=["A"])
    assert solve_model(alone, solver="highs").objective == pytest.approx(3.8)
    none = coalitional_nash.build(WEIGHTED, "room", lower={**bounds, "C": 8.8})
    assert solve_model(none, solver="highs").objective == pytest.approx(-1.0)


def golden_models() -> dict[str, pyo.ConcreteModel]:
    """Return one model per formulation, and one for each further component: feasible sets, order, exclusions."""
    lower = {"A": 2.0, "B": 4.2, "C": 2.0}
    models = {
        f: coalitional_nash.build(WEIGHTED, f, lower=lower if f in coalitional_nash.GIVEN_LOWER else None)
        for f in coalitional_nash.FORMULATIONS
    }
    two = ThreatGame(EXAMPLE_1.players, Points(("y", "z"), EXAMPLE_1.feasible.payoffs), UNEVEN.threats[:0])
    models["points"] = coalitional_nash.build(two)
    models["convex_set"] = coalitional_nash.build(
        replace(THREE_PAIRS, feasible=ConvexSet(unit_ball)),
        "fixed_choices",
        lower={"1": 0.4, "2": 0.4},
    )
    models["polyhedron"] = coalitional_nash.build(CAPACITY)
    models["identical"] = coalitional_nash.build(THREE_PAIRS, identical=[("1", "2"), ("2", "3")])
    models["given_up"] = models["identical"].clone()
    coalitional_nash.give_up(models["given_up"], {"1": 0.4, "2": 0.4})
    models["given_up_disjuncts"] = transformed(THREE_PAIRS, "gdp.bigm")
    coalitional_nash.give_up(models["given_up_disjuncts"], {"1": 0.4, "2": 0.4})
    return models


@pytest.mark.parametrize("name", golden_models())
def test_golden_text(name: str) -> None:
    assert model_text(golden_models()[name]) == golden_text("coalitional_nash", name)


def test_every_formulation_has_a_golden_text() -> None:
    assert golden_names("coalitional_nash") == set(golden_models())
    assert set(coalitional_nash.FORMULATIONS) <= set(golden_models())


def test_every_component_is_documented() -> None:
    for name, model in golden_models().items():
        if name == "given_up_disjuncts":
            continue  # the transformation adds blocks of its own
        for component in model.component_objects((pyo.Set, pyo.Param, pyo.Var, pyo.Constraint, pyo.Objective)):
            anonymous = component.local_name.endswith(("_index", "_domain")) or component.parent_block() is not model
            assert anonymous or component.doc, f"{name}: {component.name}"


def test_page() -> None:
    pairs = run_page("coalitional_nash")
    assert len(pairs) >= 2
    for expected, found in pairs:
        assert found == expected
