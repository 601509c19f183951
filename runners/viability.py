"""Which coalition structures hold together: solve a game with externalities and tabulate the answer."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from breakaway.data.games import ExternalityGame
from breakaway.results.records import Answer, Certificate
from breakaway.runners import viability_tables as tabulate
from breakaway.runners.asking import UNNAMED, About, HowToSolve, PhaseClock, UnfinishedError
from breakaway.runners.lattice import PlayerTypes
from breakaway.runners.named_map import NamedMap
from breakaway.runners.recursion import Hooks, Setting, ViabilityMap, Worths, judge
from breakaway.runners.setting import (
    by_model,
    closed_form,
    in_fractions,
    player_types,
    rational_worths,
    scale_of_game,
    setting_of,
)
from breakaway.runners.stopping import STOPS, Stop, never_started, stop_of
from breakaway.runners.verify import verify_viability

MOST_NAMED_STRUCTURES = 25_000
"""With identical players, up to this many structures are listed by name; above it, one per pattern."""

MOST_DETAILED_STRUCTURES = 877
"""Up to this many structures (seven players) every threat and who meets it are listed unless told otherwise."""

MOST_EXPLAINED_FAILURES = 15_000
"""Up to this many failing blocks each gets its irreducible set of threats unless told otherwise."""

MOST_VERIFIED_STRUCTURES = 203
"""Up to this many structures the answer is verified at once; larger maps by ``breakaway verify``."""


def solve_viability(
    game: ExternalityGame,
    how: HowToSolve | None = None,
    about: About = UNNAMED,
    hooks: Hooks | None = None,
) -> Answer:
    """Judge every coalition structure of a game and certify the answer.

    Parameters
    ----------
    game
        A partition function, a Cournot market, an abatement game or a research race.
    how
        Method, tolerance, detail.
    about
        Kind, title and source of the instance, for the answer.
    hooks
        Progress and resumption of the recursion; ``how.workers`` overrules its workers.

    Returns
    -------
    Tables ``structures``, ``blocks``, ``payoffs``, and by size ``threats``, ``met``, ``failures``.

    Raises
    ------
    UnfinishedError
        When a limit is reached, a model cannot be solved or the user interrupts; it carries what is known.
    SolveError
        When the solver is not available, or refuses the question.
    """
    how = how or HowToSolve()
    clock = PhaseClock()
    setting, worths = prepare(game, how)
    result = ViabilityMap(setting.lattice)
    try:
        judge(setting, worths, _with_options(hooks, how), result)
    except STOPS as error:
        if never_started(error):
            raise
        stop = stop_of(error)
        raise UnfinishedError(stop.reason, _partial_answer(game, stop, setting, result, how, about)) from error
    clock.lap("recursion")
    named = NamedMap(game.players, result, MOST_NAMED_STRUCTURES)
    tables = _tables(named, how, setting.eps)
    clock.lap("tables")
    claims = _claims(named, tables, how, setting.eps)
    residual, checks = _verification(game, tables, claims, how)
    clock.lap("verification")
    certificate = Certificate("optimal", "proven optimum", {**claims, **checks}, residual)
    return Answer("viability", *about, game.players.names, tables, certificate, how.asked(), clock.laps)


def prepare(game: ExternalityGame, how: HowToSolve) -> tuple[Setting, Worths]:
    """Bind a game to the lattice of its structures, and say where its worths come from."""
    types = player_types(game) if how.identical else PlayerTypes.distinct(len(game.players))
    setting = setting_of(game, types, how.divider(), scale_of_game(game), how.options.tolerance)
    if how.rational:
        return in_fractions(setting), rational_worths(game, setting.lattice)
    if how.method == "model":
        return setting, by_model(game, setting.lattice, how.options)
    return setting, closed_form(game, setting.lattice)


def _with_options(hooks: Hooks | None, how: HowToSolve) -> Hooks:
    given = hooks or Hooks()
    return replace(given, workers=how.workers, time_limit=how.options.time_limit)


def _partial_answer(
    game: ExternalityGame, stop: Stop, setting: Setting, result: ViabilityMap, how: HowToSolve, about: About
) -> Answer:
    """Tabulate the structures judged so far; which are coarsest or efficient is not known yet."""
    named = NamedMap(game.players, result, MOST_NAMED_STRUCTURES)
    structures = tabulate.structures_table(named, setting.eps)
    structures[["coarsest", "efficient"]] = False
    tables = {
        "structures": structures,
        "blocks": tabulate.blocks_table(named),
        "payoffs": tabulate.payoffs_table(named),
    }
    claims = {
        **dict.fromkeys(tables, "partial"),
        "judged": len(result.blocks),
        "of": len(setting.lattice.patterns),
        "triples": result.triples,
        "complete": False,
        "method": how.method,
        "tolerance": float(setting.eps),
    }
    certificate = Certificate(stop.termination, "finer structures only", claims)
    return Answer("viability", *about, game.players.names, tables, certificate, how.asked())


def _tables(named: NamedMap, how: HowToSolve, eps: float) -> dict[str, pd.DataFrame]:
    tables = {
        "structures": tabulate.structures_table(named, eps),
        "blocks": tabulate.blocks_table(named),
        "payoffs": tabulate.payoffs_table(named),
    }
    failing = tabulate.failing_blocks(named)
    few = named.unfolded and len(named.structures) <= MOST_DETAILED_STRUCTURES
    faced: tabulate.Faced = {}
    if (how.detail == "all" and named.unfolded) or (how.detail == "auto" and few):
        faced = tabulate.all_threats(named)
        tables["threats"] = tabulate.threats_table(named, faced)
        tables["met"] = tabulate.met_table(named, faced)
    if how.detail in ("all", "failures") or (how.detail == "auto" and len(failing) <= MOST_EXPLAINED_FAILURES):
        tables["failures"] = tabulate.failures_table(named, failing, faced, eps)
    return tables


def _claims(named: NamedMap, tables: dict[str, pd.DataFrame], how: HowToSolve, eps: float) -> dict[str, object]:
    result = named.result
    divisions = [block.division for row in result.blocks for block in row]
    gaps = [d.bound - d.log_product for d in divisions if d.viable and d.log_product > -float("inf")]
    structures = tables["structures"]
    knife_edges = tables["blocks"]["slack"].abs() <= 100 * eps
    several = tables["blocks"]["coalition"].str.contains("+", regex=False)
    claims: dict[str, object] = {
        "structures": len(structures),
        "patterns": len(result.lattice.patterns),
        "viable": int(structures["viable"].sum()),
        "triples": result.triples,
        "nodes": sum(d.nodes for d in divisions),
        "gap": max(gaps, default=0.0),
        "zero_products": sum(d.zero_product and len(d.solutions) > 1 for d in divisions),
        "knife_edges": int((knife_edges & several).sum()),
        "complete": True,
        "threats": "all" if "threats" in tables else "partial",
        "tolerance": float(eps),
        "method": how.method,
    }
    return claims if named.unfolded else {**claims, "identical_players": _identical_players(named)}


def _identical_players(named: NamedMap) -> list[list[str]]:
    """Return the groups of players that may be exchanged, by name."""
    return [[named.players.names[player] for player in group] for group in named.types.groups if len(group) > 1]


def _verification(
    game: ExternalityGame, tables: dict[str, pd.DataFrame], claims: dict[str, object], how: HowToSolve
) -> tuple[float | None, dict[str, object]]:
    small = len(tables["structures"]) <= MOST_VERIFIED_STRUCTURES and "renamings" not in tables["structures"]
    if how.verify is False or (how.verify is None and not small):
        return None, {"verified": False}
    verification = verify_viability(game, tables, how.options.tolerance, claims)
    return verification.residual, {"verified": verification.passed, "checks": int(verification.checks["checked"].sum())}
