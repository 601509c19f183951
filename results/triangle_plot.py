"""The picture of the payoff triangle of three players: threats, the unblocked set and all solutions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from breakaway.data.games import ThreatGame
from breakaway.results.canvas import COLOURS, INK, new_figure, save
from breakaway.results.records import Answer
from breakaway.results.triangle import (
    CORNERS,
    Claim,
    Point,
    Triangle,
    blocked_region,
    blocks_something,
    triangle_of_game,
    unblocked_bounds,
    unblocked_region,
)
from breakaway.results.wording import number, vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNBLOCKED = "#a6dba0"
LINE_STYLES = ("-", "--", "-.", ":")


def plot_triangle(answer: Answer, game_like: Triangle | ThreatGame, path: str | os.PathLike[str]) -> Path:
    """Draw the payoff triangle of three players: threats, the unblocked set and all solutions.

    ``game_like`` is a game with given threats and a total worth, or a :class:`~breakaway.results.triangle.Triangle`,
    such as :func:`~breakaway.results.triangle.triangle_of_answer` makes of an answer about coalition structures.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    ValueError
        When there are not three players with a worth to share.
    """
    return save(triangle_figure(answer, game_like), path)


def triangle_figure(answer: Answer, game_like: Triangle | ThreatGame) -> Figure:
    """Return the picture of :func:`plot_triangle`."""
    triangle = game_like if isinstance(game_like, Triangle) else triangle_of_game(answer, game_like)
    figure = new_figure(8.6, 5.6)
    axes = figure.add_subplot()
    draw_unblocked(axes, triangle)
    threats = sorted(triangle.threats, key=lambda threat: (len(threat.members), threat.members, threat.payoffs))
    for k, threat in enumerate(threats):
        _draw_threat(axes, triangle, threat, k)
    draw_frame(axes, triangle)
    _draw_solutions(axes, triangle)
    axes.set_title(f"{answer.title}: division of {number(triangle.worth)}", loc="left", fontsize=11)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8.5)
    return figure


def _outline(triangle: Triangle, corners: Sequence[tuple[float, float, float]]) -> list[Point]:
    return [triangle.point(corner) for corner in corners]


def draw_unblocked(axes: Axes, triangle: Triangle) -> None:
    """Shade the divisions that no threat blocks."""
    label = "unblocked"
    for bound in unblocked_bounds(triangle):
        corners = _outline(triangle, unblocked_region(triangle, bound))
        axes.fill(*zip(*corners, strict=True), color=UNBLOCKED, linewidth=1.5, zorder=1, label=label)
        label = "_unblocked"
    if label == "unblocked":
        axes.fill([], [], color=UNBLOCKED, label="unblocked: empty")


def _draw_threat(axes: Axes, triangle: Triangle, threat: Claim, k: int) -> None:
    corners = blocked_region(triangle, threat)
    who = "{" + ",".join(triangle.players[member] for member in threat.members) + "}"
    label = f"{who} leaves for {vector(threat.payoffs) if len(threat.payoffs) > 1 else number(threat.payoffs[0])}"
    colour = COLOURS[k % len(COLOURS)]
    style = LINE_STYLES[k % len(LINE_STYLES)]
    if not blocks_something(triangle, threat):
        axes.plot([], [], color=colour, linestyle=style, label=f"{label}: blocks nothing")
        return
    axes.fill(
        *zip(*_outline(triangle, corners), strict=True),
        facecolor=(*_rgb(colour), 0.05),
        edgecolor=colour,
        linestyle=style,
        linewidth=1.5,
        zorder=2,
        label=label,
    )
    _name_threat(axes, triangle, threat, who, colour)


def _name_threat(axes: Axes, triangle: Triangle, threat: Claim, who: str, colour: str) -> None:
    """Write who threatens: a pair inside its region, a single player where the border meets the next player's edge."""
    at, push = triangle.point(_inside(triangle, threat)), (0.0, 0.0)
    if len(threat.members) == 1:
        player = threat.members[0]
        share = min((threat.payoffs[0] - triangle.disagreement[player]) / triangle.surplus, 1.0)
        (x, y), (u, v) = CORNERS[player], CORNERS[(player + 1) % 3]
        at = (share * x + (1 - share) * u, share * y + (1 - share) * v)
        push = ((-16.0, 4.0), (0.0, -10.0), (16.0, 4.0))[player]
    axes.annotate(
        who,
        at,
        xytext=push,
        textcoords="offset points",
        ha="center",
        va="center",
        color=colour,
        fontsize=9,
        zorder=5,
        bbox={"boxstyle": "round,pad=0.08", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
    )


def _inside(triangle: Triangle, threat: Claim) -> list[float]:
    """Return a point of a threat's region on the way from its inner corner to its middle."""
    corners = blocked_region(triangle, threat)
    middle = [sum(corner[k] for corner in corners) / len(corners) for k in range(3)]
    inner = max(corners, key=lambda corner: sum(corner[k] for k in threat.members))
    return [0.45 * a + 0.55 * b for a, b in zip(inner, middle, strict=True)]


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue


def draw_frame(axes: Axes, triangle: Triangle) -> None:
    """Draw the triangle and name its corners."""
    axes.fill(*zip(*CORNERS, strict=True), facecolor="none", edgecolor=INK, linewidth=1.2, zorder=3)
    aligned = (("center", "bottom", 0, 6), ("center", "top", 0, -17), ("center", "top", 0, -17))
    for player, (horizontal, vertical, dx, dy) in enumerate(aligned):
        share = number(triangle.corner(player)[player])
        axes.annotate(
            f"{triangle.players[player]} gets {share}",
            CORNERS[player],
            xytext=(dx, dy),
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            fontsize=9.5,
        )
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-0.16, 1.16)
    axes.set_ylim(-0.12, 0.97)


def _draw_solutions(axes: Axes, triangle: Triangle) -> None:
    for k, solution in enumerate(triangle.solutions, start=1):
        at = triangle.point(solution)
        name = "solution" if len(triangle.solutions) == 1 else f"solution {k}"
        axes.plot(
            *at,
            marker="*",
            markersize=14,
            color=INK,
            markeredgecolor="white",
            linestyle="none",
            zorder=6,
            label=f"{name} {vector(solution)}",
        )
