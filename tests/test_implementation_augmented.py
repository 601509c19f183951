"""Augmented mechanisms: their rules spelt out, truth as an equilibrium, deceptions dissolved, what finiteness costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from application_cases import run_page
from implementation_cases import deception_of, environment, random_environment, reference_cases

from breakaway.data.arrays import Floats
from breakaway.data.coalitions import Coalition, members
from breakaway.data.instances import load_instance
from breakaway.data.payoff_environment import (
    STRICT,
    Deception,
    PayoffEnvironment,
    anything,
    maximal_pattern,
    minimal_pattern,
    truthful,
    unacceptable_reports,
)
from breakaway.results.instances import write_instance
from breakaway.runners.implementation.augmented import (
    AugmentedMechanism,
    Menu,
    Theorem,
    augmented_mechanism,
    augmented_tables,
    deception_name,
    dissolve,
    least_integer,
    needed_integer,
    reward_menu,
)
from breakaway.runners.implementation.enumeration import all_deceptions
from breakaway.runners.implementation.incentives import coalition_violations
from breakaway.runners.implementation.interim import (
    Strategy,
    interim_deviation,
    is_interim_equilibrium,
    yields_social_choice,
)
from breakaway.runners.implementation.monotonicity import by_elimination, by_learned_clauses
from breakaway.runners.implementation.rewards import Reward, RewardSet
from breakaway.runners.implementation.type_spaces import (
    Revising,
    deception_type_space,
    payoff_type_space,
    random_type_space,
)
from breakaway.runners.implementation.whistle import Whistles

ENVIRONMENTS = {name: case.environment for name, case in reference_cases("implementation").items()}
IMPLEMENTABLE: list[tuple[str, Theorem]] = [
    ("RI-ex1-two-types", 1),
    ("RI-ex1-two-types", 2),
    ("RI-ex2", 2),
    ("RI-dictator-private-values", 1),
    ("RI-dictator-private-values", 2),
    ("RI-rand6-2x2-D", 2),
]


@cache
def proven_menu(name: str, theorem: Theorem) -> Menu:
    """Return the menu of the rewards by which the monotonicity condition of a theorem is proved."""
    game = ENVIRONMENTS[name]
    verdict = (
        by_elimination(game, Whistles(game, "coalitional"))
        if theorem == 1
        else by_learned_clauses(game, Whistles(game, "pattern"))
    )
    assert verdict.holds
    return reward_menu(game, theorem, [reward for w in verdict.whistles for reward in w.blow.rewards])


@cache
def proven_mechanism(name: str, theorem: Theorem) -> AugmentedMechanism:
    menu = proven_menu(name, theorem)
    return augmented_mechanism(menu, needed_integer(menu, bad_deceptions(menu.environment)))


def bad_deceptions(game: PayoffEnvironment) -> list[Deception]:
    return [beta for beta in all_deceptions(game.sizes) if len(unacceptable_reports(game, beta))]


# --- the rules --------------------------------------------------------------------------------------------------------


def spelt_out(menu: Menu, said: list[tuple[int, dict[Coalition, int] | None, int]]) -> Floats:
    """Return the outcome of a message profile: of every agent payoff type, rewards by base (None: NB), integer."""
    game, reports = menu.environment, [own for own, _, _ in said]
    blowing = [i for i, (_, rewards, _) in enumerate(said) if rewards is not None]
    if not blowing:
        return np.concatenate([game.social_choice[tuple(reports)], np.zeros(len(game.rays))])
    base = sum(1 << i for i in blowing)
    inside = any(base & coalition == base for coalition in game.pattern)
    if menu.theorem == 1 or not inside:
        base = 1 << blowing[0]
    _, rewards, integer = said[blowing[0]]
    assert rewards is not None
    others = game.coalition_profiles(game.others(base))
    q = others.index(tuple(own for i, own in enumerate(reports) if not base >> i & 1))
    interior = menu.interior[base]
    shares = [0.5**k for k in range(1, len(interior))]
    tail = sum(share * y[q] for share, y in zip([*shares, 1 - sum(shares)], interior, strict=True))
    found: Floats = (integer * menu.rewards[base][rewards[base]][q] + tail) / (integer + 1)
    return found


def said_by(augmented: AugmentedMechanism, agent: int) -> Iterator[tuple[int, dict[Coalition, int] | None, int]]:
    """Yield the contents of an agent's messages in order."""
    bases = augmented.menu.own_bases(agent)
    counts = [range(len(augmented.menu.rewards[base])) for base in bases]
    for own in range(augmented.menu.environment.sizes[agent]):
        yield own, None, 0
        for chosen in itertools.product(*counts):
            for k in augmented.integers:
                yield own, dict(zip(bases, chosen, strict=True)), k


@pytest.mark.parametrize(("name", "theorem"), IMPLEMENTABLE)
def test_outcomes_are_those_of_the_rules(name: str, theorem: Theorem) -> None:
    augmented = augmented_mechanism(proven_menu(name, theorem), 1)
    messages = [list(said_by(augmented, i)) for i in range(2)]
    assert augmented.mechanism.outcome.shape[:2] == tuple(map(len, messages))
    for place in itertools.product(*map(range, map(len, messages))):
        wanted = spelt_out(augmented.menu, [messages[i][k] for i, k in enumerate(place)])
        assert augmented.mechanism.outcome[place] == pytest.approx(wanted, abs=1e-12)


def three_agents() -> PayoffEnvironment:
    """Three agents, of whom 1 and 2 can form a coalition and 2 and 3 cannot."""
    game = next(
        game
        for game in (random_environment(seed, "common", agents=3, types=2) for seed in range(100))
        if not coalition_violations(game, maximal_pattern(3))
    )
    return replace(game, pattern=(0b001, 0b010, 0b011, 0b100))


def test_outcomes_with_three_agents_and_a_listed_pattern() -> None:
    augmented = augmented_mechanism(reward_menu(three_agents(), 2), 1)
    assert sorted(augmented.menu.rewards) == [0b001, 0b010, 0b011, 0b100]
    messages = [list(said_by(augmented, i)) for i in range(3)]
    rng = np.random.default_rng(0)
    blowing: set[int] = set()
    for _ in range(400):
        place = tuple(int(rng.integers(len(own))) for own in messages)
        said = [messages[i][k] for i, k in enumerate(place)]
        blowing.add(sum(1 << i for i, (_, rewards, _) in enumerate(said) if rewards is not None))
        assert augmented.mechanism.outcome[place] == pytest.approx(spelt_out(augmented.menu, said), abs=1e-12)
    assert {0b011, 0b110, 0b111} <= blowing


def test_messages_are_named_and_numbered() -> None:
    augmented = augmented_mechanism(proven_menu("RI-ex2", 2), 2)
    names = augmented.mechanism.messages
    assert names[0][:4] == ("1-NB", "1-B-r1.1-k0", "1-B-r1.1-k1", "1-B-r1.1-k2")
    assert names[0][augmented.message(0, 1, 2, {0b11: 2})] == "2-B-r1.3-k2"
    assert names[1][augmented.message(1, 0, 1)] == "1-B-r1-k1"
    truth = augmented.truthful(random_type_space(augmented.menu.environment, 0, types=1))
    assert [[names[i][k] for k in own] for i, own in enumerate(truth)] == [["1-NB", "2-NB"]] * 2


# --- truth ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revising", ["marginal", "uniform"])
@pytest.mark.parametrize(("name", "theorem"), IMPLEMENTABLE)
def test_truth_is_an_interim_strong_equilibrium_on_random_type_spaces(
    name: str, theorem: Theorem, revising: Revising
) -> None:
    augmented, game = proven_mechanism(name, theorem), ENVIRONMENTS[name]
    for seed in range(3):
        space = random_type_space(game, seed, types=1 + seed % 2, impossible=0.5)
        truth = augmented.truthful(space)
        assert yields_social_choice(game, augmented.mechanism, space, truth)
        assert is_interim_equilibrium(game, augmented.mechanism, space, truth, maximal_pattern(2), revising)


def test_truth_is_an_equilibrium_of_a_listed_pattern() -> None:
    game = three_agents()
    augmented = augmented_mechanism(reward_menu(game, 2), 1)
    for seed in range(3):
        space = random_type_space(game, seed, types=1, impossible=0.5)
        truth = augmented.truthful(space)
        assert is_interim_equilibrium(game, augmented.mechanism, space, truth, game.pattern)


# --- deceptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "theorem"), IMPLEMENTABLE)
def test_every_bad_deception_is_dissolved_in_the_mechanism_by_whom_is_named(name: str, theorem: Theorem) -> None:
    augmented, game = proven_mechanism(name, theorem), ENVIRONMENTS[name]
    for seed, deception in enumerate(bad_deceptions(game)):
        found = dissolve(augmented.menu, deception)
        assert found is not None
        assert found.coalition in augmented.menu.blowers
        assert found.integer in augmented.integers
        assert found.least_gain > STRICT
        space, told = deception_type_space(game, deception, seed, impossible=0.3)
        silent = augmented.silent(told)
        deviation = interim_deviation(game, augmented.mechanism, space, silent, [found.coalition])
        assert deviation is not None
        assert min(deviation.gains) >= found.least_gain - 1e-9


def test_the_named_message_gains_whatever_types_the_others_have() -> None:
    """Played out: the whistle-blower's message against every type and report of the other agent."""
    augmented, game = proven_mechanism("RI-ex1-two-types", 1), ENVIRONMENTS["RI-ex1-two-types"]
    full = anything(game.sizes)
    found = dissolve(augmented.menu, full)
    assert found is not None
    (blower,), (true,), (reported,) = members(found.coalition), found.true, found.reported
    whistle = augmented.message(blower, true, found.integer, {found.coalition: found.reward})
    quiet = int(augmented.silent([np.array([reported])] * 2)[blower][0])
    gains = []
    for other, told in itertools.product(range(2), repeat=2):
        silent = int(augmented.silent([np.array([told])] * 2)[1 - blower][0])
        place = [(whistle, silent), (quiet, silent)] if blower == 0 else [(silent, whistle), (silent, quiet)]
        before, after = (augmented.mechanism.outcome[one] for one in reversed(place))
        profile = (true, other) if blower == 0 else (other, true)
        gains.append(float(game.utilities[(blower, *profile)] @ (after - before)))
    assert min(gains) == pytest.approx(found.least_gain, abs=1e-12)


def test_one_large_integer_is_enough_for_three_agents() -> None:
    """A public good with charges: 0 to 33 would be 185 million entries, 33 alone makes 9,600."""
    game = random_environment(17, types=2)
    verdict = by_elimination(game, Whistles(game, "coalitional"))
    assert verdict.holds
    menu = reward_menu(game, 1, [reward for w in verdict.whistles for reward in w.blow.rewards])
    deceptions = [anything(game.sizes), *itertools.islice(bad_deceptions(game), 0, None, 90)]
    needed = needed_integer(menu, deceptions)
    augmented = augmented_mechanism(menu, [needed])
    assert needed > 20
    assert augmented.mechanism.outcome.size < 20_000
    truth_space = random_type_space(game, 0, types=1, impossible=0.5)
    truth = augmented.truthful(truth_space)
    assert is_interim_equilibrium(game, augmented.mechanism, truth_space, truth, maximal_pattern(3))
    for seed, deception in enumerate(deceptions):
        space, told = deception_type_space(game, deception, seed)
        silent = augmented.silent(told)
        assert not is_interim_equilibrium(game, augmented.mechanism, space, silent, minimal_pattern(3))


def test_the_least_integers_of_the_paper_examples() -> None:
    needed = {
        (name, theorem): needed_integer(proven_menu(name, theorem), bad_deceptions(ENVIRONMENTS[name]))
        for name, theorem in IMPLEMENTABLE
        if name.startswith("RI-ex")
    }
    assert needed == {("RI-ex1-two-types", 1): 5, ("RI-ex1-two-types", 2): 5, ("RI-ex2", 2): 2}


@pytest.mark.parametrize(("gain", "rest", "integer"), [(0.5, -2.0, 5), (0.5, 0.1, 0), (2.0, -2.0, 2), (1.0, -0.5, 1)])
def test_the_least_integer_by_hand(gain: float, rest: float, integer: int) -> None:
    """(k gain + rest) / (k + 1) > 0, strictly."""
    assert least_integer(np.array([[gain]]), np.array([[rest]])) == integer
    if integer:
        assert ((integer - 1) * gain + rest) / integer <= STRICT


def test_truth_is_dissolved_by_nobody() -> None:
    menu = proven_menu("RI-ex1-two-types", 1)
    assert dissolve(menu, truthful(menu.environment.sizes)) is None


def test_several_rewards_dissolve_what_no_single_one_does() -> None:
    """Agent 1 needs one reward or another, depending on what it believes; the mechanism offers both."""
    case = reference_cases("whistle_test")["RI-nonconvex-reward-set"]
    game, deception = case.environment, deception_of(case.inputs["deception"])
    blow = Whistles(game, "coalitional").blows(0b01, (0,), (0,), deception)
    assert blow.holds
    assert len(blow.rewards) > 1
    bad = Reward(0b01, np.eye(4)[[0, 0, 0]])
    menu = reward_menu(game, 1, blow.rewards, [bad, Reward(0b10, np.eye(4)[[0]])])
    assert dissolve(menu, deception, [0b01]) is None
    augmented = augmented_mechanism(menu, 8)
    used = set()
    for seed in range(20):
        space, told = deception_type_space(game, deception, seed)
        found = interim_deviation(game, augmented.mechanism, space, augmented.silent(told), [0b01])
        assert found is not None
        used.add(augmented.mechanism.messages[0][found.messages[0]].split("-")[2])
    assert len(used) > 1


def test_a_deception_that_nobody_dissolves_is_named() -> None:
    game = ENVIRONMENTS["RI-ex2"]
    menu = reward_menu(game, 1)
    deception = anything(game.sizes)
    assert dissolve(menu, deception) is None
    assert deception_name(game, deception) == "1: 1 as 1 or 2, 2 as 1 or 2; 2: 1 as 1 or 2, 2 as 1 or 2"
    with pytest.raises(ValueError, match=r"dissolves the deception 1: 1 as 1 or 2, 2 as .*: give further rewards"):
        needed_integer(menu, [deception])
    assert needed_integer(menu, []) == 0


# --- what finiteness costs --------------------------------------------------------------------------------------------


def whistles_that_last(augmented: AugmentedMechanism, pattern: tuple[Coalition, ...]) -> Strategy:
    """Let all blow with the largest integer, and improve one message after the other until none can be improved."""
    game = augmented.menu.environment
    space = payoff_type_space(game, np.full((2, 2), 0.25))
    strategy = tuple(np.array([augmented.message(i, k, augmented.integers[-1]) for k in range(2)]) for i in range(2))
    for _ in range(50):
        better = interim_deviation(game, augmented.mechanism, space, strategy, pattern)
        if better is None:
            return strategy
        for i, own, message in zip(members(better.coalition), better.types, better.messages, strict=True):
            strategy[i][own] = message
    raise AssertionError("the improvements do not end")


@pytest.mark.parametrize(("name", "theorem"), [("RI-ex1-two-types", 1), ("RI-ex2", 2)])
def test_bounded_integers_leave_equilibria_in_which_agents_blow_the_whistle(name: str, theorem: Theorem) -> None:
    """The finite mechanism does not implement f; with a larger integer at hand the bad equilibrium is dissolved."""
    menu = proven_menu(name, theorem)
    game, space = menu.environment, payoff_type_space(menu.environment, np.full((2, 2), 0.25))
    small, large = augmented_mechanism(menu, 5), augmented_mechanism(menu, 6)
    bad = whistles_that_last(small, minimal_pattern(2))
    assert is_interim_equilibrium(game, small.mechanism, space, bad, minimal_pattern(2))
    assert not yields_social_choice(game, small.mechanism, space, bad)
    names = [[small.mechanism.messages[i][k] for k in own] for i, own in enumerate(bad)]
    assert all("-B-" in name for own in names for name in own)
    same = tuple(np.array([large.mechanism.messages[i].index(name) for name in own]) for i, own in enumerate(names))
    found = interim_deviation(game, large.mechanism, space, same, minimal_pattern(2))
    assert found is not None
    assert large.mechanism.messages[0][found.messages[0]].endswith("-k6")


# --- menus ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["RI-ex1-two-types", "RI-ex2", "RI-constant-scf", "RI-rand6-2x2-D"])
def test_interior_rewards_are_rewards(name: str) -> None:
    game = ENVIRONMENTS[name]
    menu = reward_menu(game, 2)
    assert set(menu.rewards) == {0b01, 0b10, 0b11}
    for base, interior in menu.interior.items():
        family = tuple(coalition for coalition in game.pattern if coalition & base == base)
        assert all(RewardSet(game, base, family).contains(reward) for reward in interior)
        if game.rays:
            high, low = (game.worth @ reward.T for reward in interior)
            assert (high - low).min() > STRICT
            assert (high.max(axis=2) <= np.einsum("ipp->ip", game.payoffs) + 1e-9).all()


def test_probabilities_of_interior_rewards_halve_and_the_last_takes_the_rest() -> None:
    game = ENVIRONMENTS["RI-ex1-two-types"]
    first = reward_menu(game, 1).interior[0b01][0]
    further = [first + np.array([0, 0, 0, 0, k, k, k]) for k in (0.0, 1.0, 2.0, 3.0)]
    others = [Reward(0b10, reward) for reward in reward_menu(game, 1).interior[0b10]]
    menu = reward_menu(game, 1, interior=[*(Reward(0b01, reward) for reward in further), *others])
    assert menu.tail(0b01)[:, 4].tolist() == [0.25 * 1 + 0.125 * 2 + 0.125 * 3] * 2


def test_menus_refuse_what_is_no_reward() -> None:
    game = ENVIRONMENTS["RI-ex1-two-types"]
    tempting = np.zeros((2, 7))
    tempting[:, 3] = 1.0
    with pytest.raises(ValueError, match=r"a reward of 1 is not in its reward set: .*leave it out"):
        reward_menu(game, 1, [Reward(0b01, tempting)])
    with pytest.raises(ValueError, match="the base 3 of a reward is none of the theorem's; choose one of 1, 2"):
        reward_menu(game, 1, [Reward(0b11, tempting[:1])])
    with pytest.raises(ValueError, match="no interior reward has the base 1: give at least one"):
        reward_menu(game, 1, interior=[])


def test_lotteries_that_would_tempt_are_refused() -> None:
    """Each of two rewards is refused by one of two agents of which 2 lies, but half of each tempts both.

    f gives outcome 1, worth 0 to all. When agent 2 is of type 1, outcome 2 is worth (3, -1), and outcome 3 (-1, 3).
    """
    utilities = np.zeros((2, 1, 2, 3))
    utilities[:, 0, 0, 1:] = [[3.0, -1.0], [-1.0, 3.0]]
    choice = np.zeros((1, 2, 3))
    choice[..., 0] = 1.0
    game = environment(utilities, choice)
    first, second = (np.eye(3)[[0, outcome]] for outcome in (1, 2))
    interior = [Reward(0b01, first), *(Reward(0b10, y) for y in reward_menu(game, 1).interior[0b10])]
    menu = reward_menu(game, 1, [Reward(0b01, second)], interior)
    augmented_mechanism(menu, 0)
    with pytest.raises(ValueError, match=r"with the integer 1 makes a lottery .*give other interior rewards"):
        augmented_mechanism(menu, 1)


def test_mechanisms_that_are_too_large_are_refused() -> None:
    menu = proven_menu("RI-ex1-two-types", 1)
    with pytest.raises(
        ValueError, match=r"entries of the outcome function, the limit is 2,000,000: give fewer rewards or integers"
    ):
        augmented_mechanism(menu, 100)
    for integers in (-1, [], [-1, 2]):
        with pytest.raises(ValueError, match="give at least one, each at least 0"):
            augmented_mechanism(menu, integers)
    with pytest.raises(ValueError, match=r"the mechanism has no integer 1; choose one of \[0, 2\]"):
        augmented_mechanism(menu, [2, 0]).message(0, 0, 1)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_tables_say_what_messages_mean() -> None:
    augmented = proven_mechanism("RI-ex2", 2)
    tables = augmented_tables(augmented)
    messages = tables["messages"]
    assert messages["message"].tolist() == [name for own in augmented.mechanism.messages for name in own]
    row = messages[messages["message"] == "2-B-r2.3-k1"].iloc[0]
    assert row[["payoff_type", "whistle", "rewards", "integer"]].tolist() == ["2", "B", "1:2|1+2:3", 1]
    assert messages["integer"].isna().sum() == 4
    rewards = tables["rewards"].set_index(["coalition", "reward"])
    for base, own in augmented.menu.rewards.items():
        for number, weights in enumerate(own):
            rows = rewards.loc[(augmented.menu.environment.coalition_name(base), number + 1)]
            assert rows["weight"].sum() == pytest.approx(weights.sum())
            assert rows["interior"].all() == (number < len(augmented.menu.interior[base]))


def test_mechanism_and_type_space_are_written_with_their_environment(tmp_path: Path) -> None:
    augmented = proven_mechanism("RI-ex1-two-types", 1)
    space = random_type_space(augmented.menu.environment, 0, impossible=0.5)
    game = replace(augmented.menu.environment, mechanism=augmented.mechanism, type_space=space)
    write_instance(tmp_path, game, "Example 1 with types 0 and 1, augmented", "a test")
    assert load_instance(tmp_path).game == game


def test_the_page_prints_what_it_says() -> None:
    pairs = run_page("augmented_mechanism")
    assert len(pairs) >= 4
    for written, obtained in pairs:
        assert obtained == written
