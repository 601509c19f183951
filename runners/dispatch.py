"""One entry for every bargaining game: solve it, verify an answer about it, resume it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from breakaway.data.families import GROUP_GAMES, NOT_BARGAINING, AnyGame
from breakaway.data.games import CharacteristicFunctionGame, Game, NtuGame, StrategicFormGame, ThreatGame
from breakaway.data.groups import FiniteGroupGame
from breakaway.data.instances import Instance
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.results.records import Answer
from breakaway.runners.asking import ORDERED_ONLY, UNNAMED, About, HowToSolve, Method
from breakaway.runners.characteristic import solve_characteristic
from breakaway.runners.coalitional_nash import solve_coalitional_nash
from breakaway.runners.comparison import solve_concepts
from breakaway.runners.division import Division
from breakaway.runners.groups.assign import Told, solve_assignment
from breakaway.runners.groups.positive import positive_answer
from breakaway.runners.implementation.answer import solve_implementation
from breakaway.runners.ntu import solve_ntu
from breakaway.runners.public_goods.answer import METHODS as PUBLIC_GOODS_METHODS
from breakaway.runners.public_goods.answer import solve_public_goods
from breakaway.runners.recursion import Block, Hooks
from breakaway.runners.search import Number
from breakaway.runners.strategic import solve_strategic
from breakaway.runners.verify import (
    Verification,
    verify_assignment,
    verify_characteristic,
    verify_comparison,
    verify_implementation,
    verify_ntu,
    verify_positive,
    verify_public_goods,
    verify_strategic,
    verify_threat_game,
    verify_viability,
)
from breakaway.runners.viability import solve_viability

REPORTED_PACKAGES = (
    "breakaway",
    "pyomo",
    "highspy",
    "casadi",
    "cyipopt-wheels",
    "pyscipopt",
    "numpy",
    "pandas",
)


def solve_game(
    game: AnyGame,
    how: HowToSolve | None = None,
    about: About = UNNAMED,
    hooks: Hooks | None = None,
    told: Told = lambda _: None,
) -> Answer:
    """Solve a game by the concept of its kind.

    A game with threats gets its coalitional Nash solutions, a characteristic function or a game without transferable
    utility those of every coalition, a game with externalities the verdict on every coalition structure, a game of
    small groups a stable assignment, a public-goods economy the verdict on every outcome, a payoff environment the
    conditions of robust implementation. ``told`` is called with lines of progress where there are any.

    Raises
    ------
    UnfinishedError
        When a limit is reached, a solver fails or the user interrupts; it carries what is known.
    SolveError
        When the solver is not available, or refuses the question.
    ValueError
        When fractions are asked for and the game, or the method, has none.
    """
    how = how or HowToSolve()
    _refuse_method(game, how.method)
    with threadpool_limits(limits=how.options.threads, user_api="blas"):
        return _solve(game, how, about, hooks, told)


def _solve(game: AnyGame, how: HowToSolve, about: About, hooks: Hooks | None, told: Told) -> Answer:
    if isinstance(game, PublicGoodsGame):
        return solve_public_goods(game, how, about, told)
    if isinstance(game, PayoffEnvironment):
        return solve_implementation(game, how, about, told)
    if isinstance(game, GROUP_GAMES):
        return _solve_market(game, how, about, told)
    return _solve_bargaining(game, how, about, hooks)


def _solve_bargaining(game: Game, how: HowToSolve | None, about: About, hooks: Hooks | None) -> Answer:
    if isinstance(game, ThreatGame):
        return solve_coalitional_nash(game, how, about)
    if isinstance(game, CharacteristicFunctionGame):
        return solve_characteristic(game, how, about)
    if isinstance(game, NtuGame):
        return solve_ntu(game, how, about)
    if isinstance(game, StrategicFormGame):
        return solve_strategic(game, how, about, hooks)
    return solve_viability(game, how, about, hooks)


def _refuse_method(game: AnyGame, method: Method) -> None:
    """Raise when a method is not one for the family of the game."""
    if isinstance(game, PublicGoodsGame):
        family, known = "public goods", tuple(PUBLIC_GOODS_METHODS)
    elif isinstance(game, PayoffEnvironment):
        family, known = "implementation", ("exact", "enumeration")
    elif method == "ordered" and not isinstance(game, CharacteristicFunctionGame):
        raise ValueError(ORDERED_ONLY)
    else:
        family, known = "this kind of game", ("exact", "model", "ordered")
    if method not in known:
        raise ValueError(f"method {method} is not for {family}: use one of {', '.join(known)}")


def _solve_market(game: FiniteGroupGame | PositiveSizeGame, how: HowToSolve | None, about: About, told: Told) -> Answer:
    if isinstance(game, PositiveSizeGame):
        return positive_answer(game, how, about)
    return solve_assignment(game, how, about, told)


def compare_concepts(instance: Instance, names: Sequence[str], how: HowToSolve | None = None) -> Answer:
    """Solve the game of an instance by several concepts; see :func:`~breakaway.runners.comparison.solve_concepts`."""
    if isinstance(instance.game, NOT_BARGAINING):
        raise ValueError("solution concepts are compared for games of coalitions; leave out --concept")
    return solve_concepts(instance.game, names, how, About(instance.kind, instance.title, instance.source))


def solve_instance(
    instance: Instance,
    how: HowToSolve | None = None,
    hooks: Hooks | None = None,
    told: Told = lambda _: None,
) -> Answer:
    """Solve the game of an instance; see :func:`solve_game`."""
    return solve_game(instance.game, how, About(instance.kind, instance.title, instance.source), hooks, told)


def verify_answer(
    game: AnyGame, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, object], tolerance: float
) -> Verification:
    """Recompute every claim of an answer from the definitions."""
    if isinstance(game, PayoffEnvironment):
        return verify_implementation(game, tables, claims, tolerance)
    if isinstance(game, PublicGoodsGame):
        return verify_public_goods(game, tables, claims, tolerance)
    if isinstance(game, PositiveSizeGame):
        return verify_positive(game, tables, claims, tolerance)
    if isinstance(game, GROUP_GAMES):
        return verify_assignment(game, tables, claims, tolerance)
    if "concepts" in tables and isinstance(game, CharacteristicFunctionGame | ThreatGame):
        return verify_comparison(game, tables, tolerance)
    return _verify_bargaining(game, tables, claims, tolerance)


def _verify_bargaining(
    game: Game, tables: Mapping[str, pd.DataFrame], claims: Mapping[str, object], tolerance: float
) -> Verification:
    if isinstance(game, ThreatGame):
        return verify_threat_game(game, tables.get("solutions", pd.DataFrame()), claims, tolerance, reasons=tables)
    if isinstance(game, CharacteristicFunctionGame):
        return verify_characteristic(game, tables, claims, tolerance)
    if isinstance(game, NtuGame):
        return verify_ntu(game, tables, claims, tolerance)
    if isinstance(game, StrategicFormGame):
        return verify_strategic(game, tables, tolerance, claims)
    return verify_viability(game, tables, tolerance, claims)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that an answer depends on."""
    found = {"python": platform.python_version()}
    for name in REPORTED_PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def instance_files(instance: Instance) -> dict[str, bytes]:
    """Return the bytes of every file that the instance was read from."""
    return {name: (instance.path / name).read_bytes() for name in instance.files}


def resume_key(instance: Instance, how: HowToSolve) -> str:
    """Return what identifies a recursion: input files, and the options that its numbers depend on."""
    asked = {
        name: how.asked()[name] for name in ("method", "solver", "formulation", "tolerance", "identical", "rational")
    }
    text = json.dumps([sorted(instance.files.items()), asked])
    return hashlib.sha256(text.encode()).hexdigest()


def blocks_to_plain(blocks: Sequence[tuple[Block, ...]]) -> list[Any]:
    """Return judged structures as plain lists for a checkpoint."""
    return [[[b.coalition, _plain_number(b.worth), *_plain_division(b.division)] for b in row] for row in blocks]


def _plain_number(number: Number) -> float | str:
    """Write a fraction as text, a float as it is."""
    return str(number) if isinstance(number, Fraction) else float(number)


def _number(plain: float | str) -> Number:
    return Fraction(plain) if isinstance(plain, str) else plain


def _plain_division(d: Division) -> list[Any]:
    solutions = [[[i, _plain_number(x)] for i, x in solution] for solution in d.solutions]
    return [_plain_number(d.required), d.viable, solutions, d.log_product, d.bound, d.nodes, d.zero_product, d.complete]


def blocks_from_plain(rows: Sequence[Any]) -> list[tuple[Block, ...]]:
    """Return judged structures from a checkpoint."""
    return [
        tuple(
            Block(
                coalition,
                _number(worth),
                Division(
                    _number(required), viable, tuple(tuple((i, _number(x)) for i, x in s) for s in solutions), *rest
                ),
            )
            for coalition, worth, required, viable, solutions, *rest in row
        )
        for row in rows
    ]
