"""The picture of several solution concepts of three players: the core, the unblocked set and every solution."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from breakaway.results.canvas import COLOURS, INK, new_figure, save
from breakaway.results.payoff_lines import solutions_of
from breakaway.results.records import Answer
from breakaway.results.triangle import Payoffs, Point, Triangle, blocked_region, blocks_something
from breakaway.results.triangle_plot import draw_frame, draw_unblocked
from breakaway.results.wording import number, vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("*", "D", "o", "s", "^", "v", "P", "X", "h", "p", "<", ">", "8", "d")
"""One for each concept, hollow and of falling size, so that solutions that coincide show inside each other."""

LARGEST, SMALLEST = 17.0, 4.0
"""Sizes of the markers of the first and of the last concept, in points."""


def plot_concepts(answer: Answer, triangle: Triangle, path: str | os.PathLike[str]) -> Path:
    """Draw the solutions of several concepts of three players in the payoff triangle.

    ``triangle`` carries the players, the worth that they share and the threats of the smaller coalitions; its own
    solutions are not drawn.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return save(concepts_figure(answer, triangle), path)


def concepts_figure(answer: Answer, triangle: Triangle) -> Figure:
    """Return the picture of :func:`plot_concepts`."""
    figure = new_figure(9.6, 5.6)
    axes = figure.add_subplot()
    if triangle.threats:
        draw_unblocked(axes, triangle)
        _draw_borders(axes, triangle)
    draw_frame(axes, triangle)
    found = _solutions(answer)
    shapes = dict(zip(answer.tables["concepts"]["concept"], answer.tables["concepts"]["shape"], strict=True))
    for k, (concept, payoffs) in enumerate(found.items()):
        if shapes[concept] == "polytope":
            _draw_polytope(axes, triangle, concept, payoffs, COLOURS[k % len(COLOURS)])
    points = {concept: payoffs for concept, payoffs in found.items() if shapes[concept] != "polytope"}
    for k, (concept, payoffs) in enumerate(points.items()):
        _draw_points(axes, triangle, concept, payoffs, (k, len(points)))
    for concept, status in zip(answer.tables["concepts"]["concept"], answer.tables["concepts"]["status"], strict=True):
        if status != "solved":
            axes.plot([], [], linestyle="none", label=f"{concept}: {status}")
    axes.set_title(f"{answer.title}: division of {number(triangle.worth)}", loc="left", fontsize=11)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8.5, labelspacing=0.9, markerscale=0.75
    )
    return figure


def _solutions(answer: Answer) -> Mapping[str, list[Payoffs]]:
    one, two, three = answer.players
    return {
        str(concept): [(x[one], x[two], x[three]) for x in solutions_of(rows)]
        for concept, rows in answer.tables["solutions"].groupby("concept", sort=False)
    }


def _draw_borders(axes: Axes, triangle: Triangle) -> None:
    """Draw the border of every blocked region as a thin line."""
    label = "what a coalition blocks"
    for threat in triangle.threats:
        if blocks_something(triangle, threat):
            corners = [triangle.point(corner) for corner in blocked_region(triangle, threat)]
            axes.fill(
                *zip(*corners, strict=True),
                facecolor="none",
                edgecolor=INK,
                linestyle=":",
                linewidth=0.9,
                zorder=2,
                label=label,
            )
            label = "_what a coalition blocks"


def _draw_polytope(axes: Axes, triangle: Triangle, concept: str, vertices: Sequence[Payoffs], colour: str) -> None:
    """Draw a polygon, a segment or a point by its vertices."""
    outline = _around([triangle.point(vertex) for vertex in vertices])
    marker = "o" if len(outline) == 1 else None
    if len(outline) > 2:
        axes.fill(*zip(*outline, strict=True), facecolor=colour, alpha=0.16, zorder=2)
    closed = [*outline, outline[0]]
    axes.plot(
        *zip(*closed, strict=True),
        color=colour,
        linewidth=2.0,
        marker=marker,
        markersize=5,
        zorder=4,
        label=concept if len(vertices) > 1 else f"{concept} {vector(vertices[0])}",
    )


def _around(points: Sequence[Point]) -> list[Point]:
    """Return the corners of a convex polygon in order around their middle."""
    x, y = (sum(point[k] for point in points) / len(points) for k in range(2))
    return sorted(points, key=lambda point: math.atan2(point[1] - y, point[0] - x))


def _draw_points(
    axes: Axes, triangle: Triangle, concept: str, payoffs: Sequence[Payoffs], rank: tuple[int, int]
) -> None:
    k, of = rank
    size = LARGEST - (LARGEST - SMALLEST) * k / max(of - 1, 1)
    across, up = zip(*(triangle.point(x) for x in payoffs), strict=True)
    axes.plot(
        across,
        up,
        linestyle="none",
        marker=MARKERS[k % len(MARKERS)],
        markersize=size,
        markerfacecolor="none",
        markeredgecolor=COLOURS[k % len(COLOURS)],
        markeredgewidth=1.6,
        zorder=6 + k,
        label=f"{concept} {vector(payoffs[0])}" if len(payoffs) == 1 else f"{concept}, {len(payoffs)} solutions",
    )
