"""The examples of Vohra and Ray (2025), on the shipped instances: every number of the paper, misprints corrected."""

from __future__ import annotations

import math
from functools import cache

import pytest
from map_cases import (
    assert_verified,
    coalition_sets,
    flagged,
    map_of,
    numbers_by,
    payoff_sets,
    payoffs_in,
    threat_sets,
    vectors,
)

from breakaway.data.games import (
    AbatementGame,
    CharacteristicFunctionGame,
    CournotMarket,
    Players,
    ResearchRace,
    ThreatGame,
)
from breakaway.data.instances import load_instance
from breakaway.results.records import Answer
from breakaway.runners.asking import About, HowToSolve
from breakaway.runners.characteristic import solve_characteristic
from breakaway.runners.coalitional_nash import solve_coalitional_nash
from breakaway.runners.viability import solve_viability

PAIRS_OF_THREE = {"1|2+3", "1+2|3", "1+3|2"}


@cache
def solved(name: str) -> Answer:
    """Solve a shipped instance and check its certificate."""
    instance = load_instance(name)
    about = About(instance.kind, instance.title, instance.source)
    match instance.game:
        case ThreatGame():
            answer = solve_coalitional_nash(instance.game, HowToSolve(), about)
        case CharacteristicFunctionGame():
            answer = solve_characteristic(instance.game, HowToSolve(), about)
        case game:
            answer = solve_viability(game, HowToSolve(), about)
    assert_verified(answer)
    return answer


def worth_of(answer: Answer, structure: str, coalition: str) -> float:
    return numbers_by(answer.tables["blocks"], ["structure", "coalition"], "worth")[structure, coalition]


def required_of(answer: Answer, structure: str, coalition: str) -> float:
    return numbers_by(answer.tables["blocks"], ["structure", "coalition"], "required_worth")[structure, coalition]


def shortfall_of(answer: Answer, structure: str, coalition: str) -> float:
    table = answer.tables["failures"]
    return numbers_by(table, ["structure", "coalition"], "shortfall")[structure, coalition]


def solutions_of(answer: Answer) -> list[tuple[float, ...]]:
    """Return the solutions of the grand coalition of a threat game or a characteristic function, sorted."""
    return sorted(vectors(answer.tables["solutions"], [], "solution")[()])


def approx(*payoffs: float) -> object:
    return pytest.approx(payoffs, abs=1e-9)


# --- Example 1: two feasible points --------------------------------------------------------------------------------


def test_example_1_the_solution_is_2_2_4() -> None:
    """Both points are unblocked; 2 x 2 x 4 = 16 beats 3 x 3 x 1 = 9. (The paper prints another concept.)"""
    answer = solved("example-1")
    assert solutions_of(answer) == [(2.0, 2.0, 4.0)]
    assert math.exp(float(str(answer.certificate.claims["log_nash_product"]))) == pytest.approx(16.0)


def test_example_1_each_threat_is_declined_by_the_player_who_would_get_nothing() -> None:
    met = solved("example-1").tables["met"]
    assert dict(zip(met["threat"], met["player"], strict=True)) == {"all-to-1": "2", "all-to-2": "1"}


# --- Example 2: abatement ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["example-2-symmetric", "example-2-123", "example-2-116"])
def test_example_2_the_pairs_are_the_coarsest_viable_structures(name: str) -> None:
    answer = solved(name)
    assert flagged(answer, "coarsest") == PAIRS_OF_THREE
    assert flagged(answer, "viable") == PAIRS_OF_THREE | {"1|2|3"}
    assert flagged(answer, "efficient") == {"1+2+3"}


@pytest.mark.parametrize("name", ["example-2-symmetric", "example-2-123", "example-2-116"])
def test_example_2_the_grand_coalition_needs_3_495_and_has_3_464_times_the_sum(name: str) -> None:
    """Worth 2 sqrt 3 times the sum of the scales; the threats (12) add up to 2/3 + 2 sqrt 2 times (footnote 23)."""
    game = load_instance(name).game
    assert isinstance(game, AbatementGame)
    total = sum(game.scale)
    answer = solved(name)
    assert worth_of(answer, "1+2+3", "1+2+3") == pytest.approx(2 * math.sqrt(3) * total, abs=1e-9)
    assert required_of(answer, "1+2+3", "1+2+3") == pytest.approx((2 / 3 + 2 * math.sqrt(2)) * total, abs=1e-9)
    assert worth_of(answer, "1+2+3", "1+2+3") / total == pytest.approx(3.464, abs=5e-4)
    assert required_of(answer, "1+2+3", "1+2+3") / total == pytest.approx(3.495, abs=5e-4)
    assert shortfall_of(answer, "1+2+3", "1+2+3") / total == pytest.approx(0.0309922, abs=1e-7)


@pytest.mark.parametrize("name", ["example-2-symmetric", "example-2-123", "example-2-116"])
def test_example_2_worths_and_threats_of_the_formulas(name: str) -> None:
    """v(i) in the finest structure, v(jk) = 2 a_i + sqrt 32 / 3 (a_j + a_k), and the threat (12) of a country alone."""
    game = load_instance(name).game
    assert isinstance(game, AbatementGame)
    answer, a = solved(name), game.scale
    for i, structure in enumerate(("1|2+3", "1+3|2", "1+2|3")):
        others = sum(a) - a[i]
        pair = next(block for block in structure.split("|") if "+" in block)
        assert payoffs_in(answer, "1|2|3", str(i + 1)) == [approx(sum(a) - a[i] / 3)]
        assert worth_of(answer, structure, pair) == pytest.approx(2 * a[i] + math.sqrt(32) / 3 * others, abs=1e-9)
        assert required_of(answer, structure, pair) == pytest.approx(2 * a[i] + 5 / 3 * others, abs=1e-9)
        alone = threat_sets(answer)["1+2+3", str(i + 1), structure]
        assert alone == [approx(2 / 3 * a[i] + math.sqrt(2) * others)]


def test_example_2_a_single_country_walks_away_and_the_others_stay_together() -> None:
    failures = solved("example-2-symmetric").tables["failures"]
    causes = failures[failures["structure"] == "1+2+3"]
    assert sorted(zip(causes["breakaway"], causes["resulting_structure"], strict=True)) == [
        ("1", "1|2+3"),
        ("2", "1+3|2"),
        ("3", "1+2|3"),
    ]
    assert list(causes["payoff"]) == pytest.approx([2 / 3 + 2 * math.sqrt(2)] * 3, abs=1e-9)


def test_example_2_footnote_22_country_2_takes_its_threat_when_country_3_is_large() -> None:
    """a_3 / a_2 = 6 exceeds 2 + sqrt 8 = 4.828: equal division would leave country 2 less than alone."""
    equal, binding = solved("example-2-123"), solved("example-2-116")
    (shared,) = payoffs_in(equal, "1|2+3", "2+3")
    assert shared[0] == pytest.approx(shared[1], abs=1e-12)
    (shared,) = payoffs_in(binding, "1|2+3", "2+3")
    threat = 1 + 2 / 3 * 1 + 6
    assert shared[0] == pytest.approx(threat, abs=1e-9)
    assert shared == approx(7.666666666666667, 7.532659915256864)
    assert 1 + math.sqrt(8) / 3 * (1 + 6) < threat


@pytest.mark.parametrize(("large", "equal"), [(4.8284, True), (4.8285, False)])
def test_example_2_footnote_22_the_ratio_at_which_the_threat_begins_to_bind(large: float, equal: bool) -> None:
    answer = solve_viability(AbatementGame(Players.of(3), (1.0, 1.0, large)))
    assert_verified(answer)
    ((second, third),) = payoffs_in(answer, "1|2+3", "2+3")
    assert (abs(second - third) < 1e-9) is equal


@pytest.mark.parametrize("weights", [(1.0, 2.0, 3.0), (5.0, 1.0, 0.1)])
def test_example_2_is_robust_to_bargaining_weights(weights: tuple[float, ...]) -> None:
    answer = solve_viability(AbatementGame(Players.of(3, weights), (1.0, 2.0, 3.0)))
    assert_verified(answer)
    assert flagged(answer, "coarsest") == PAIRS_OF_THREE


def test_example_2_four_equal_countries_all_hold_together_and_three_against_one_do_not() -> None:
    answer = solved("example-2-four-countries")
    assert flagged(answer, "coarsest") == {"1+2+3+4"}
    three_against_one = {"1|2+3+4", "1+3+4|2", "1+2+4|3", "1+2+3|4"}
    assert not three_against_one & flagged(answer, "viable")
    ((*shares,),) = payoffs_in(answer, "1+2+3+4", "1+2+3+4")
    assert shares == pytest.approx([worth_of(answer, "1+2+3+4", "1+2+3+4") / 4] * 4)


def test_example_2_five_equal_countries_four_against_one() -> None:
    answer = solved("example-2-five-countries")
    assert flagged(answer, "coarsest") == {"1|2+3+4+5", "1+3+4+5|2", "1+2+4+5|3", "1+2+3+5|4", "1+2+3+4|5"}


# --- Example 3: research race --------------------------------------------------------------------------------------


def test_example_3_high_synergy_all_hold_together_unequally() -> None:
    """alpha = 4: a pair gets more than 2/3, so one firm of three must be left with less: three solutions."""
    answer = solved("example-3-high-synergy")
    assert flagged(answer, "coarsest") == {"1+2+3"}
    assert len(flagged(answer, "viable")) == 5
    pair = worth_of(answer, "1+2|3", "1+2")
    assert pair == pytest.approx(0.688756457, abs=1e-9)
    assert pair > 2 / 3
    assert payoffs_in(answer, "1+2|3", "1+2") == [approx(pair / 2, pair / 2)]
    less, more = worth_of(answer, "1+2+3", "1+2+3") - pair, pair / 2
    assert payoffs_in(answer, "1+2+3", "1+2+3") == [
        approx(less, more, more),
        approx(more, less, more),
        approx(more, more, less),
    ]
    assert less < 1 / 3 < more


def test_example_3_a_firm_alone_gets_less_than_a_third() -> None:
    """(21): b lies between 0 and 1/3, so a breakaway of one from a pair is idle."""
    answer = solved("example-3-high-synergy")
    for firm in "123":
        ((b,),) = payoffs_in(answer, "1|2|3", firm)
        assert b == pytest.approx(0.203813043, abs=1e-9)
    assert worth_of(answer, "1|2|3", "1") < worth_of(answer, "1+2|3", "1+2") / 2


def test_example_3_bargaining_weights_1_2_3() -> None:
    """(23): all hold together with unequal weights, and treat the firms unequally."""
    answer = solved("example-3-weighted")
    assert flagged(answer, "coarsest") == {"1+2+3"}
    assert payoffs_in(answer, "1|2+3", "2+3") == [pytest.approx((0.275502583, 0.413253874), abs=1e-9)]
    assert payoffs_in(answer, "1+3|2", "1+3") == [pytest.approx((0.203813043, 0.484943414), abs=1e-9)]
    assert payoffs_in(answer, "1+2|3", "1+2") == [pytest.approx((0.229585486, 0.459170971), abs=1e-9)]
    assert payoffs_in(answer, "1+2+3", "1+2+3") == [pytest.approx((0.229585486, 0.279265158, 0.418897736), abs=1e-9)]


@pytest.mark.parametrize("alpha", [4.0, 6.0, 10.0])
@pytest.mark.parametrize("r", [0.01, 0.1])
def test_example_3_four_firms_divide_equally_in_spite_of_the_paper(alpha: float, r: float) -> None:
    """The paper extends the unequal division to any number of firms; for n = 4 the pairs' threats do not bind."""
    answer = solve_viability(ResearchRace(Players.of(4), alpha, r))
    assert_verified(answer)
    assert flagged(answer, "coarsest") == {"1+2+3+4"}
    ((*shares,),) = payoffs_in(answer, "1+2+3+4", "1+2+3+4")
    assert shares == pytest.approx([worth_of(answer, "1+2+3+4", "1+2+3+4") / 4] * 4, abs=1e-12)
    three = payoffs_in(answer, "1|2+3+4", "2+3+4")
    assert len(three) == 3
    assert max(three[0]) > min(three[0]) + 1e-3


def test_example_3_four_firms_as_shipped() -> None:
    answer = solved("example-3-four-firms")
    assert payoffs_in(answer, "1+2+3+4", "1+2+3+4") == [pytest.approx((0.23756074,) * 4, abs=1e-8)]


@pytest.mark.parametrize(("r", "viable"), [(0.01, True), (0.1, True), (0.3, False), (0.5, False), (1.0, False)])
def test_example_3_without_synergy_the_grand_coalition_fails_when_firms_are_impatient(r: float, viable: bool) -> None:
    """alpha = 1: from r = .3 on all firms together are not viable, and the pairs are coarsest."""
    answer = solve_viability(ResearchRace(Players.of(3), 1.0, r))
    assert_verified(answer)
    assert flagged(answer, "coarsest") == ({"1+2+3"} if viable else PAIRS_OF_THREE)


def test_example_3_low_synergy_as_shipped() -> None:
    answer = solved("example-3-low-synergy")
    assert flagged(answer, "coarsest") == PAIRS_OF_THREE
    assert shortfall_of(answer, "1+2+3", "1+2+3") == pytest.approx(3 * 0.171634483 - 0.509267257, abs=3e-9)


PAIR_ABOVE_TWO_THIRDS = {0.001: 3.303634, 0.01: 3.343308, 0.1: 3.715242, 0.5: 5.037914, 1.0: 6.259650}
EQUAL_DIVISION_BLOCKED = {0.001: 3.265965, 0.01: 3.164810, 0.1: 2.855799, 0.5: 2.715378, 1.0: 3.382768}


@pytest.mark.parametrize("r", PAIR_ABOVE_TWO_THIRDS)
def test_example_3_synergy_from_which_a_pair_gets_more_than_two_thirds(r: float) -> None:
    def pair(alpha: float) -> float:
        result = map_of(ResearchRace(Players.of(3), alpha, r))
        return float(next(b.worth for row in result.blocks for b in row if b.coalition.bit_count() == 2))

    alpha = PAIR_ABOVE_TWO_THIRDS[r]
    assert pair(alpha - 1e-6) < 2 / 3 < pair(alpha + 1e-6)


def test_example_3_the_threshold_of_patient_firms_in_closed_form() -> None:
    """2 log2((5 + sqrt 57) / 4): the root of the limit of the pair's payoff as r goes to 0 (about 3.3 in the paper)."""
    alpha = 2 * math.log2((5 + math.sqrt(57)) / 4)
    s = 2 ** (alpha / 2)
    assert alpha == pytest.approx(3.2991929, abs=1e-7)
    assert s / (s + 1) - s / (2 * (s + 1) ** 2) == pytest.approx(2 / 3, abs=1e-12)


@pytest.mark.parametrize("r", EQUAL_DIVISION_BLOCKED)
def test_example_3_synergy_from_which_equal_division_is_blocked(r: float) -> None:
    def equal(alpha: float) -> bool:
        grand = map_of(ResearchRace(Players.of(3), alpha, r)).blocks[-1][0]
        assert grand.division.viable
        return all(max(y for _, y in x) - min(y for _, y in x) < 1e-9 for x in grand.division.solutions)

    alpha = EQUAL_DIVISION_BLOCKED[r]
    assert equal(alpha - 1e-5)
    assert not equal(alpha + 1e-5)


# --- Example 4: cartels --------------------------------------------------------------------------------------------


def test_example_4_the_three_firm_cartel_2_3_4_divides_16_as_9_4_3() -> None:
    answer = solved("cartel-2-3-4")
    assert flagged(answer, "viable") == PAIRS_OF_THREE | {"1|2|3", "1+2+3"}
    assert flagged(answer, "coarsest") == {"1+2+3"}
    assert worth_of(answer, "1+2+3", "1+2+3") == pytest.approx(16.0, abs=1e-12)
    assert payoffs_in(answer, "1+2+3", "1+2+3") == [approx(9.0, 4.0, 3.0)]


EXAMPLE_4_WORTHS = {
    "1|2|3": {"1": 7.5625, "2": 3.0625, "3": 0.5625},
    "1|2+3": {"1": 9.0, "2+3": 4.0},
    "1+3|2": {"1+3": 9.0, "2": 4.0},
    "1+2|3": {"1+2": 100 / 9, "3": 16 / 9},
    "1+2+3": {"1+2+3": 16.0},
}


@pytest.mark.parametrize("structure", EXAMPLE_4_WORTHS)
def test_example_4_profits_of_costs_2_3_4(structure: str) -> None:
    """The paper prints 7.56, 3.06, .56, 9, 4, 11.11 and 1.78."""
    answer = solved("cartel-2-3-4")
    for coalition, profit in EXAMPLE_4_WORTHS[structure].items():
        assert worth_of(answer, structure, coalition) == pytest.approx(profit, abs=1e-12)


def test_example_4_firms_2_and_3_share_4_and_not_4_56() -> None:
    """Misprint: x_2 + x_3 = v(23) = 4; firm 2 gets at least 3.06 and firm 3 at least .56."""
    ((second, third),) = payoffs_in(solved("cartel-2-3-4"), "1|2+3", "2+3")
    assert second + third == pytest.approx(4.0, abs=1e-12)
    assert second >= 3.0625
    assert third >= 0.5625
    assert (second, third) == approx(3.0625, 0.9375)


def test_example_4_the_other_pairs_of_costs_2_3_4() -> None:
    answer = solved("cartel-2-3-4")
    assert payoffs_in(answer, "1+3|2", "1+3") == [approx(7.5625, 1.4375)]
    assert payoffs_in(answer, "1+2|3", "1+2") == [approx(7.5625, 100 / 9 - 7.5625)]


def test_example_4_threats_against_the_cartel_of_costs_2_3_4() -> None:
    threats = threat_sets(solved("cartel-2-3-4"))
    assert threats["1+2+3", "1", "1|2+3"] == [approx(9.0)]
    assert threats["1+2+3", "2", "1+3|2"] == [approx(4.0)]
    assert threats["1+2+3", "3", "1+2|3"] == [approx(16 / 9)]
    assert threats["1+2+3", "2+3", "1|2+3"] == [approx(3.0625, 0.9375)]


def test_example_4_were_the_pairs_not_viable_firm_2_would_get_more_than_its_cournot_payoff() -> None:
    """ "Only their Cournot payoffs" is false for firm 2: (7.5625, 4.21875, 4.21875)."""
    answer = solved("example-4-singletons")
    assert solutions_of(answer) == [approx(7.5625, 4.21875, 4.21875)]
    assert answer.certificate.claims["required_worth"] == pytest.approx(7.5625 + 3.0625 + 0.5625, abs=1e-12)


def test_example_4_costs_1_3_5_only_pairs_hold_together() -> None:
    answer = solved("cartel-1-3-5")
    assert flagged(answer, "coarsest") == PAIRS_OF_THREE
    assert worth_of(answer, "1+2+3", "1+2+3") == pytest.approx(121.0, abs=1e-12)
    assert shortfall_of(answer, "1+2+3", "1+2+3") == pytest.approx(7 / 9, abs=1e-9)
    assert required_of(answer, "1+2+3", "1+2+3") == pytest.approx(64 + 36 + 196 / 9, abs=1e-9)


EXAMPLE_4_WORTHS_A23 = {
    "1|2|3": {"1": 49.0, "2": 25.0, "3": 9.0},
    "1|2+3": {"1": 64.0, "2+3": 36.0},
    "1+3|2": {"1+3": 64.0, "2": 36.0},
    "1+2|3": {"1+2": 676 / 9, "3": 196 / 9},
    "1+2+3": {"1+2+3": 121.0},
}


@pytest.mark.parametrize("structure", EXAMPLE_4_WORTHS_A23)
def test_example_4_profits_of_costs_1_3_5(structure: str) -> None:
    """Firm 3 alone earns 21.7778; the paper prints 21.76."""
    answer = solved("cartel-1-3-5")
    for coalition, profit in EXAMPLE_4_WORTHS_A23[structure].items():
        assert worth_of(answer, structure, coalition) == pytest.approx(profit, abs=1e-12)
    assert worth_of(answer, "1+2|3", "3") == pytest.approx(21.7778, abs=5e-5)


def test_example_4_costs_1_3_5_firm_2_and_not_1_gets_at_least_25() -> None:
    """Misprint: within 2+3 it is firm 2 who gets at least 25."""
    answer = solved("cartel-1-3-5")
    assert payoffs_in(answer, "1|2+3", "2+3") == [approx(25.0, 11.0)]
    assert payoffs_in(answer, "1+3|2", "1+3") == [approx(49.0, 15.0)]
    assert payoffs_in(answer, "1+2|3", "1+2") == [approx(49.0, 676 / 9 - 49.0)]


def test_example_4_three_equal_firms_hold_together_though_no_pair_does() -> None:
    """A pair gets (A - c)^2 / 9 < 2 (A - c)^2 / 16; the grand coalition has (A - c)^2 / 4 > 3 (A - c)^2 / 16."""
    answer = solved("cartel-symmetric-3")
    assert flagged(answer, "viable") == {"1|2|3", "1+2+3"}
    assert worth_of(answer, "1+2|3", "1+2") == pytest.approx(81 / 9, abs=1e-12)
    assert required_of(answer, "1+2|3", "1+2") == pytest.approx(2 * 81 / 16, abs=1e-12)
    assert required_of(answer, "1+2+3", "1+2+3") == pytest.approx(3 * 81 / 16, abs=1e-12)
    assert payoffs_in(answer, "1+2+3", "1+2+3") == [approx(6.75, 6.75, 6.75)]


@pytest.mark.parametrize("weights", [(1.0, 2.0, 3.0), (10.0, 1.0, 1.0)])
def test_example_4_equal_costs_are_robust_to_bargaining_weights(weights: tuple[float, ...]) -> None:
    answer = solve_viability(CournotMarket(Players.of(3, weights), (1.0, 1.0, 1.0), 10.0))
    assert_verified(answer)
    assert flagged(answer, "viable") == {"1|2|3", "1+2+3"}


COARSEST_TYPES = {
    3: [(3,)],
    4: [(4,)],
    5: [(2, 2, 1)],
    6: [(2, 2, 2), (3, 2, 1)],
    7: [(2, 2, 2, 1), (3, 3, 1)],
    8: [(2, 2, 2, 1, 1), (3, 3, 1, 1)],
    9: [(9,)],
    10: [(3, 3, 2, 1, 1), (4, 4, 1, 1)],
    11: [(2, 2, 2, 2, 1, 1, 1), (3, 3, 3, 1, 1)],
    12: [(3, 3, 3, 1, 1, 1), (5, 5, 2)],
    13: [(13,)],
    14: [(14,)],
    15: [(15,)],
    16: [(5, 5, 4, 2), (5, 5, 5, 1), (8, 8)],
}
"""Coarsest viable block sizes of identical firms (Example 4 for n = 3; the note's table beyond)."""


@pytest.mark.parametrize("n", COARSEST_TYPES)
def test_example_4_coarsest_structures_of_identical_firms(n: int) -> None:
    result = map_of(CournotMarket(Players.of(n), (1.0,) * n, 61.0))
    types = sorted(tuple(sorted(map(int.bit_count, result.lattice.patterns[k]), reverse=True)) for k in result.coarsest)
    assert types == COARSEST_TYPES[n]


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_example_4_identical_firms_as_shipped(n: int) -> None:
    answer = solved(f"cartel-symmetric-{n}")
    coarsest = {
        tuple(sorted((len(b.split("+")) for b in s.split("|")), reverse=True)) for s in flagged(answer, "coarsest")
    }
    assert sorted(coarsest) == COARSEST_TYPES[n]


# --- Example 5: an empty core --------------------------------------------------------------------------------------


def test_example_5_three_solutions_are_the_permutations_of_4_4_2() -> None:
    answer = solved("example-5")
    assert solutions_of(answer) == [approx(0.2, 0.4, 0.4), approx(0.4, 0.2, 0.4), approx(0.4, 0.4, 0.2)]
    for pair in ("1+2", "1+3", "2+3"):
        assert coalition_sets(answer)[pair,] == [approx(0.4, 0.4)]
    assert flagged(answer, "coarsest") == {"1+2+3"}
    assert answer.certificate.claims["required_worth"] == pytest.approx(0.8, abs=1e-12)


# --- Example 6: one pair can walk away -----------------------------------------------------------------------------


def test_example_6_two_solutions_4_3_3_and_3_4_3() -> None:
    answer = solved("example-6")
    assert solutions_of(answer) == [approx(0.3, 0.4, 0.3), approx(0.4, 0.3, 0.3)]
    assert coalition_sets(answer)["1+2",] == [approx(0.4, 0.4)]
    assert flagged(answer, "coarsest") == {"1+2+3"}


# --- corrections to the theorems -----------------------------------------------------------------------------------


def test_theorem_3_needs_more_than_superadditivity_over_pairs() -> None:
    """v(i) = .4, v(N) = 1: every two coalitions together are worth no more than N, and N is not viable."""
    answer = solved("theorem-3-pairs")
    coalitions = answer.tables["coalitions"].set_index("coalition")
    assert coalitions.at["1+2+3", "required_worth"] == pytest.approx(1.2, abs=1e-12)
    assert not coalitions.at["1+2+3", "viable"]
    assert answer.tables["solutions"].empty
    assert flagged(answer, "coarsest") == {"1|2|3"}


def test_theorem_3_needs_consistent_weights() -> None:
    """Simple majority of five, v(N) = 1 at least the worth of every partition: N fails with inconsistent weights."""
    answer = solved("majority-5-inconsistent-weights")
    coalitions = answer.tables["coalitions"].set_index("coalition")
    assert not coalitions.at["1+2+3+4+5", "viable"]
    assert coalitions.at["1+2+3+4+5", "slack"] < -1e-6
    assert answer.tables["solutions"].empty
    assert "1+2+3+4+5" not in flagged(answer, "viable")


def test_theorem_4_fails_when_the_best_product_is_zero() -> None:
    """The literal maximisers are the whole unblocked set, (6, 5, 0, 0) included, which is not egalitarian."""
    answer = solved("theorem-4-zero-product")
    assert answer.certificate.claims["zero_product"] is True
    assert answer.certificate.claims["log_nash_product"] is None
    assert solutions_of(answer) == [
        approx(4.0, 0.0, 1.0, 6.0),
        approx(4.0, 1.0, 0.0, 6.0),
        approx(6.0, 5.0, 0.0, 0.0),
    ]


def test_solutions_can_tie_without_being_permutations() -> None:
    """(2, 6, 6, 9), (3, 9, 8, 3) and (6, 2, 6, 9) have the product 648."""
    answer = solved("tie-not-permutation")
    found = solutions_of(answer)
    assert found == [approx(2.0, 6.0, 6.0, 9.0), approx(3.0, 9.0, 8.0, 3.0), approx(6.0, 2.0, 6.0, 9.0)]
    assert [math.prod(x) for x in found] == pytest.approx([648.0] * 3)
    assert len({tuple(sorted(round(y, 9) for y in x)) for x in found}) == 2


def test_the_coarsest_viable_structure_can_be_pareto_dominated() -> None:
    """v12 = v34 = 1.2 and v(N) = 1.3: N is viable, and 12|34 is better for everybody in some viable division."""
    answer = solved("coarsest-inefficient")
    assert flagged(answer, "coarsest") == {"1+2+3+4"}
    assert "1+2|3+4" in flagged(answer, "viable")
    assert flagged(answer, "efficient") == {"1+2|3+4"}
    (pair,) = coalition_sets(answer)["1+2",]
    (other,) = coalition_sets(answer)["3+4",]
    grand = coalition_sets(answer)["1+2+3+4",]
    assert len(grand) == 4
    for x in grand:
        assert all(a >= b - 1e-12 for a, b in zip(pair + other, x, strict=True))
        assert sum(pair + other) > sum(x) + 1


def test_payoffs_of_the_examples_add_up_to_worths() -> None:
    for name in ("cartel-2-3-4", "cartel-1-3-5", "example-2-123", "example-3-high-synergy"):
        answer = solved(name)
        for (structure, coalition), own in payoff_sets(answer).items():
            for x in own:
                assert sum(x) == pytest.approx(worth_of(answer, structure, coalition), abs=1e-9)
