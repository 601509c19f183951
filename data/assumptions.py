"""Tests of what the theory of public goods assumes, for utilities that no table declares.

Tables are checked form by form; a Python function is known by its values only. It is tested on a seeded sample of
actions: finite values and slopes (also where nobody acts), concavity, and externalities that are not negative. What a
sample finds is wrong; what it does not find may still be wrong elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from breakaway.data.arrays import Floats, Ints
from breakaway.data.problems import Findings
from breakaway.data.public_goods import (
    ExpressionUtilities,
    FormUtilities,
    Outcomes,
    PublicGoodsGame,
    Utilities,
    UtilityFunction,
    supergradients,
)
from breakaway.data.typed import CellError, parse_name

SAMPLE = 24
"""Points of the sample."""

ROUNDING = 1e-9
"""Relative error of values and slopes that is put down to rounding."""

SHOWN_ACTIONS = 6
"""Actions that a message shows of a point."""

FILE = "utilities"


# --- games of expressions ---------------------------------------------------------------------------------------------


def expression_game(
    agents: Sequence[str],
    utilities: UtilityFunction,
    outcomes: Mapping[str, Mapping[str, float] | Sequence[float]] | None = None,
    max_action: float = math.inf,
    *,
    strict: bool = False,
    sample: int = SAMPLE,
    seed: int = 0,
) -> PublicGoodsGame:
    """Make a public-goods economy of a Python function, and test its assumptions on a sample.

    Parameters
    ----------
    agents
        Their names.
    utilities
        Takes every agent's action by name, numbers or Pyomo variables alike, and returns every agent's utility by
        name; write logarithms as ``pyomo.environ.log`` and the like.
    outcomes
        The outcomes that are asked about, by name: every agent's action, by name or in the agents' order.
    max_action
        The largest action of every agent.
    strict
        Whether every agent's utility must rise in every other's action, and not only not fall.
    sample, seed
        Points that are tested, and the seed that they are drawn with.

    Raises
    ------
    DataError
        With everything that is wrong: names, outcomes, and assumptions that fail, by agent and pair.
    ValueError
        When the function does not return a utility for every agent.
    """
    findings = Findings()
    _check_names(agents, max_action, findings)
    findings.raise_if_any()
    rows = _rows(agents, outcomes or {}, max_action, findings)
    findings.raise_if_any()
    written = ExpressionUtilities(tuple(agents), utilities)
    game = PublicGoodsGame(tuple(agents), written, Outcomes.of(rows, len(agents)), max_action)
    check_assumptions(game, strict=strict, sample=sample, seed=seed)
    return game


def _check_names(agents: Sequence[str], max_action: float, findings: Findings) -> None:
    if not agents:
        findings.add("agents", "there are no agents", "name at least one")
    if not max_action > 0:
        findings.add("max_action", f"max_action is {max_action!r}", "it must be greater than 0")
    for k, name in enumerate(agents):
        try:
            parse_name(name)
        except CellError as error:
            findings.add("agents", error.message, error.remedy, row=k)
        if name in agents[:k]:
            findings.add("agents", f"agent {name!r} is given twice", "name every agent once", row=k)


def _rows(
    agents: Sequence[str],
    outcomes: Mapping[str, Mapping[str, float] | Sequence[float]],
    max_action: float,
    findings: Findings,
) -> dict[str, list[float]]:
    """Return every outcome's actions in the agents' order; what is missing or impossible is a problem."""
    found = {}
    for label, actions in outcomes.items():
        if not isinstance(actions, Mapping) and len(actions) != len(agents):
            message = f"outcome {label!r} has {len(actions)} actions for {len(agents)} agents"
            findings.add("outcomes", message, "give every agent one", row=label)
            continue
        named = actions if isinstance(actions, Mapping) else dict(zip(agents, actions, strict=True))
        for name in named:
            if name not in agents:
                message, remedy = f"outcome {label!r} has an action of {name!r}, who is no agent", "leave it out"
                findings.add("outcomes", message, remedy, row=label, column=str(name))
        for name in agents:
            _check_action(label, name, named.get(name), max_action, findings)
        found[label] = [float(named.get(name, 0.0)) for name in agents]
    return found


def _check_action(label: str, name: str, action: float | None, max_action: float, findings: Findings) -> None:
    if action is None:
        message, remedy = f"outcome {label!r} lacks the action of {name!r}", "give every agent an action, 0 or not"
    elif not math.isfinite(action) or action < 0:
        message, remedy = f"action {float(action)!r} of {name!r} is not possible", "give a finite number of at least 0"
    elif action > max_action:
        message, remedy = f"action {action:.12g} of {name!r} is above max_action {max_action:.12g}", "lower it"
    else:
        return
    findings.add("outcomes", message, remedy, row=label, column=name)


# --- the test ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """Points (k, n) with everybody's value there (k, n), and slopes (k, n, n): row i of a point is that of u_i."""

    points: Floats
    values: Floats
    slopes: Floats


def check_assumptions(game: PublicGoodsGame, *, strict: bool = False, sample: int = SAMPLE, seed: int = 0) -> None:
    """Test on a sample that utilities are finite and concave, and that they do not fall in others' actions.

    Parameters
    ----------
    game
        The economy. Points are drawn from [0, ``max_action``]; where there is none, up to ten times the largest action
        of the outcomes and beyond.
    strict
        Whether utilities must rise in others' actions.
    sample, seed
        How many points, and the seed that they are drawn with.

    Raises
    ------
    DataError
        With one problem for each agent, or pair of agents, and each assumption that fails: row is the agent, column
        the other, and the message names the point.
    ValueError
        When an expression does not give a utility to every agent.
    """
    findings = Findings()
    if isinstance(game.utilities, ExpressionUtilities) and not _can_be_written(game.utilities, findings):
        findings.raise_if_any()
    points = sample_points(game, sample, np.random.default_rng(seed))
    evaluated = [_evaluated(game.utilities, x) for x in points]
    found = Sample(points, np.array([values for values, _ in evaluated]), np.array([rows for _, rows in evaluated]))
    bad = _report_not_finite(game, found, findings)
    _report_not_concave(game, found, bad, findings)
    _report_externalities(game, found, strict, findings)
    findings.raise_if_any()


def sample_points(game: PublicGoodsGame, count: int, rng: np.random.Generator) -> Floats:
    """Return points of actions, shape (count, n): 0, the largest one, the outcomes, and random ones of all sizes.

    Some agents do nothing in a third of the random ones.
    """
    n, given = len(game), game.outcomes.actions
    largest = game.max_action if math.isfinite(game.max_action) else 10.0 * (1.0 + float(given.max(initial=0.0)))
    size = largest * 10.0 ** rng.uniform(-3.0, 0.0, (count, 1))
    drawn = size * rng.uniform(0.0, 1.0, (count, n))
    idle = (rng.uniform(size=(count, n)) < 0.5) & (rng.uniform(size=(count, 1)) < 1 / 3)
    drawn[idle] = 0.0
    fixed = np.vstack([np.zeros(n), np.full(n, largest), given[: count // 2]])
    found: Floats = np.vstack([fixed, drawn])[: max(count, 2)]
    return found


def _can_be_written(utilities: ExpressionUtilities, findings: Findings) -> bool:
    """Tell whether the function takes Pyomo variables."""
    try:
        utilities.sources_of(0)
    except TypeError as error:
        message = f"the function does not take Pyomo variables: {str(error).splitlines()[0]}"
        remedy = "write pyomo.environ.log, exp and sqrt in place of math's or numpy's, and no int() or float()"
        findings.add(FILE, message, remedy)
        return False
    return True


def _evaluated(utilities: Utilities, x: Floats) -> tuple[Floats, Floats]:
    """Return values (n,) and slopes (n, n) at x, NaN where there is none."""
    with np.errstate(all="ignore"):
        if isinstance(utilities, FormUtilities):
            return utilities.values(x), supergradients(utilities, x)
        n = utilities.agents
        values, slopes = np.full(n, np.nan), np.full((n, n), np.nan)
        for i in range(n):
            try:
                values[i] = utilities.value_of(i, x)
                slopes[i] = utilities.slopes_of(i, x)
            except (ArithmeticError, ValueError, TypeError):
                continue  # 1 / 0, the logarithm of 0 or a root of a negative number: NaN says so
        return values, slopes


def _report_not_finite(game: PublicGoodsGame, found: Sample, findings: Findings) -> Ints:
    """Report agents without a finite value or slope somewhere; return them."""
    no_value = ~np.isfinite(found.values)
    no_slope = ~np.isfinite(found.slopes).all(axis=2) & ~no_value
    for i in np.flatnonzero(no_value.any(axis=0)).tolist():
        where = point_text(game, found.points[int(np.argmax(no_value[:, i]))])
        remedy = "use a function that is defined wherever actions are at least 0"
        findings.add(FILE, f"the utility of {game.agents[i]!r} has no finite value {where}", remedy, row=game.agents[i])
    for i in np.flatnonzero(no_slope.any(axis=0) & ~no_value.any(axis=0)).tolist():
        where = point_text(game, found.points[int(np.argmax(no_slope[:, i]))])
        remedy = "shift the action, as in (action + 0.01)**0.5"
        findings.add(FILE, f"the utility of {game.agents[i]!r} has no finite slope {where}", remedy, row=game.agents[i])
    return np.flatnonzero((no_value | no_slope).any(axis=0))


def _report_not_concave(game: PublicGoodsGame, found: Sample, bad: Ints, findings: Findings) -> None:
    """Report agents with u_i(y) > u_i(x) + J_i(x) (y - x) for two points of the sample."""
    step = found.points[None, :, :] - found.points[:, None, :]
    for i in np.setdiff1d(np.arange(len(game)), bad).tolist():
        values, slopes = found.values[:, i], found.slopes[:, i, :]
        allowed = values[:, None] + np.einsum("kj,klj->kl", slopes, step)
        size = 1.0 + np.abs(values)[:, None] + np.abs(values)[None, :]
        size += np.einsum("kj,klj->kl", np.abs(slopes), np.abs(step))
        excess = (values[None, :] - allowed) / size
        k, other = np.unravel_index(int(excess.argmax()), excess.shape)
        if excess[k, other] > ROUNDING:
            x, y = (point_text(game, found.points[where]) for where in (k, other))
            message = (
                f"the utility of {game.agents[i]!r} is not concave: {y} it is {values[other]:.6g}, above its tangent "
                f"{x}, which is {allowed[k, other]:.6g} there"
            )
            findings.add(FILE, message, "use a concave function", row=game.agents[i])


def _report_externalities(game: PublicGoodsGame, found: Sample, strict: bool, findings: Findings) -> None:
    """Report pairs (i, j) with du_i/dx_j < 0 at a point of the sample; strictly, also those with 0."""
    slopes = np.where(np.isfinite(found.slopes), found.slopes, np.inf)
    least = slopes.min(axis=0)
    scale = 1.0 + np.abs(np.where(np.isfinite(found.slopes), found.slopes, 0.0)).max(axis=(0, 2))
    failing = (least <= 0) if strict else (least < -ROUNDING * scale[:, None])
    np.fill_diagonal(failing, val=False)
    for i, j in np.argwhere(failing).tolist():
        where = point_text(game, found.points[int(slopes[:, i, j].argmin())])
        does = "falls" if least[i, j] < 0 else "does not rise"
        message = (
            f"the utility of {game.agents[i]!r} {does} in the action of {game.agents[j]!r}: its slope is "
            f"{least[i, j]:.6g} {where}"
        )
        remedy = "externalities must be positive" if strict else "nobody's action may lower another's utility"
        findings.add(FILE, message, remedy, row=game.agents[i], column=game.agents[j])


def point_text(game: PublicGoodsGame, x: Floats) -> str:
    """Write ``at A = 1, B = 0``."""
    shown = [f"{name} = {value:.6g}" for name, value in zip(game.agents, x.tolist(), strict=True)][:SHOWN_ACTIONS]
    return f"at {', '.join(shown)}{', ...' if len(game) > SHOWN_ACTIONS else ''}"


# --- zero externalities -----------------------------------------------------------------------------------------------


def weak_externalities(game: PublicGoodsGame) -> Ints:
    """Return the pairs (i, j), i not j, such that u_i does not depend on x_j at all, shape (pairs, 2).

    For forms this is exact, except that a piece that is never the least counts as well; an expression does not depend
    on an action that does not stand in it.
    """
    depends = _dependence(game.utilities)
    np.fill_diagonal(depends, val=True)
    return np.argwhere(~depends)


def _dependence(utilities: Utilities) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    n = utilities.agents
    depends = np.zeros((n, n), dtype=np.bool_)
    if isinstance(utilities, ExpressionUtilities):
        for i in range(n):
            depends[i, list(utilities.sources_of(i))] = True
        return depends
    terms, pieces = utilities.terms, utilities.pieces
    flat = np.array([form == "power" for form in terms.form], dtype=np.bool_) & (terms.exponent == 0)
    counts = (terms.coefficient != 0) & ~flat
    depends[terms.agent[counts], terms.source[counts]] = True
    for part in (utilities.log_sums, utilities.ces_sums):
        if part is not None:
            depends |= part.coefficients > 0
    piece, source = np.nonzero(pieces.slopes)
    depends[pieces.agent[piece], source] = True
    return depends
