"""Which pictures an answer gets: of a map, of three players' payoffs, of a market, of public goods."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from breakaway.data.coalitions import members, parse_coalition
from breakaway.data.families import GROUP_GAMES, NOT_BARGAINING, AnyGame
from breakaway.data.games import CharacteristicFunctionGame, Threat, ThreatGame, TotalWorth
from breakaway.data.payoff_environment import PayoffEnvironment
from breakaway.data.positive_size import PositiveSizeGame
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.results.groups_plot import has_rounds
from breakaway.results.patterns_plot import has_patterns
from breakaway.results.public_goods_plot import has_bounds, has_gains
from breakaway.results.records import Answer
from breakaway.results.transport_plot import has_pairs_only
from breakaway.results.triangle import Claim, Triangle, triangle_of_answer, triangle_of_game


def write_pictures(folder: Path, game: AnyGame, answer: Answer) -> list[Path]:
    """Write the pictures that fit a game and return their paths.

    Raises
    ------
    ImportError
        When matplotlib is not installed; the message says how to install it.
    """
    from breakaway.results import plots  # noqa: PLC0415  # matplotlib is heavy and an extra

    written = []
    if isinstance(game, GROUP_GAMES):
        counted = not isinstance(game, PositiveSizeGame)
        if counted:
            written.append(plots.plot_groups(answer, folder / "groups.png"))
        if has_rounds(answer):
            written.append(plots.plot_convergence(answer, folder / "convergence.png"))
        if counted and has_pairs_only(answer):
            written.append(plots.plot_transport(answer, folder / "transport.png"))
        return written
    if isinstance(game, PayoffEnvironment):
        return [plots.plot_patterns(answer, folder / "patterns.png")] if has_patterns(answer) else []
    if isinstance(game, PublicGoodsGame):
        return _draw_public_goods(folder, game, answer)
    if answer.concept == "viability":
        written += [
            plots.plot_lattice(answer, folder / "lattice.png"),
            plots.plot_payoffs(answer, folder / "payoffs.png"),
        ]
    triangle = payoff_triangle(game, answer)
    if triangle is not None and answer.concept == "comparison":
        written.append(plots.plot_concepts(answer, triangle, folder / "concepts.png"))
    elif triangle is not None:
        written.append(plots.plot_triangle(answer, triangle, folder / "triangle.png"))
    return [Path(path) for path in written]


def _draw_public_goods(folder: Path, game: PublicGoodsGame, answer: Answer) -> list[Path]:
    """Draw the plane of two agents' actions; of more agents gains, bounds and paths, where there are any."""
    from breakaway.results import plots  # noqa: PLC0415  # matplotlib is heavy and an extra

    if len(game) == 2:
        return [plots.plot_plane(answer, game, folder / "plane.png")]
    written = [plots.plot_gains(answer, game, folder / "gains.png")] if has_gains(answer) else []
    return [*written, plots.plot_bounds(answer, folder / "bounds.png")] if has_bounds(answer) else written


def payoff_triangle(game: AnyGame, answer: Answer) -> Triangle | None:
    """Return the triangle of the grand coalition of three players; None where there is nothing to draw."""
    if isinstance(game, NOT_BARGAINING) or len(game.players) != 3:
        return None
    if isinstance(game, CharacteristicFunctionGame):
        game = _game_of_everyone(game, answer)
    if isinstance(game, ThreatGame):
        if answer.concept == "comparison":
            return _triangle_of_comparison(game)
        drawable = isinstance(game.feasible, TotalWorth) and game.feasible.worth > sum(game.players.disagreement)
        return triangle_of_game(answer, game) if drawable else None
    if "threats" not in answer.tables or answer.certificate.claims.get("transfers") is False:
        return None
    a, b, c = game.players.disagreement
    return replace(triangle_of_answer(answer), disagreement=(a, b, c))


def _triangle_of_comparison(game: ThreatGame) -> Triangle | None:
    """Return the triangle of the worth that three players share, without solutions."""
    if not isinstance(game.feasible, TotalWorth) or game.feasible.worth <= sum(game.players.disagreement):
        return None
    claims = tuple(Claim(members(threat.coalition), threat.payoffs) for threat in game.threats)
    a, b, c = game.players.disagreement
    return Triangle(game.players.names, game.feasible.worth, claims, (), (a, b, c))


def _game_of_everyone(game: CharacteristicFunctionGame, answer: Answer) -> ThreatGame:
    """Return the game with threats that the grand coalition faces: the solutions of its subcoalitions."""
    players = game.players
    threats = []
    listed = answer.tables.get("coalition_solutions", pd.DataFrame(columns=["coalition", "solution", "payoff"]))
    for (name, number), rows in listed.groupby(["coalition", "solution"], sort=False):
        coalition = parse_coalition(str(name), players.names)
        if coalition != players.everyone:
            threats.append(Threat(f"{name} {number}", coalition, tuple(rows["payoff"])))
    return ThreatGame(players, TotalWorth(game.worths[players.everyone]), tuple(threats))
