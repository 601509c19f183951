"""Pictures of answers: the lattice of coalition structures, the payoff triangle, payoffs by structure.

Each ``plot_...`` writes a file, PNG or SVG by its suffix; the ``..._figure`` beside it returns the figure. Matplotlib
is loaded on the first call. Colour never carries a meaning alone: shapes and hatches repeat it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from breakaway.data.games import ThreatGame
from breakaway.results.hasse import Hasse, hasse
from breakaway.results.payoff_lines import Share, shares, solutions_of
from breakaway.results.records import Answer
from breakaway.results.text_structures import in_reading_order
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
    from matplotlib.collections import PathCollection
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

MOST_LABELLED = 15
MOST_DRAWN = 203
MOST_COARSEST_LABELLED = 12
"""Most structures that all carry a label, that are drawn one by one, and coarsest ones that carry a label."""
MOST_HEIGHT = 12.0
"""Height of the tallest picture of payoffs, in inches; it shows as many lines as fit."""

INK = "#222222"
FAINT = "#b8b8b8"
UNBLOCKED = "#a6dba0"
SLACK_COLOURS = ("#d6604d", "#fddbc7", "#f7f7f7", "#d1e5f0", "#4393c3")
PLAYER_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d")
PLAYER_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31", "#7b4173")
LINE_STYLES = ("-", "--", "-.", ":")


class PlotError(Exception):
    """A picture cannot be drawn or saved; the message names the remedy."""


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure as MatplotlibFigure  # noqa: PLC0415 - an extra, loaded when needed
    except ImportError as error:
        raise PlotError("pictures need matplotlib: pip install breakaway[plots]") from error
    return MatplotlibFigure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix.lower() not in {".png", ".svg"}:
        raise PlotError(f"{target}: pictures are PNG or SVG; end the file name in .png or .svg")
    try:
        figure.savefig(target, dpi=160, bbox_inches="tight")
    except OSError as error:
        raise PlotError(f"{target}: cannot be written ({error}); give a file in an existing folder") from error
    return target


def plot_lattice(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw the lattice of coalition structures, or a summary by level when there are too many to draw.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return _save(lattice_figure(answer), path)


def lattice_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_lattice` for an answer with tables ``structures`` and ``blocks``."""
    if answer.concept != "viability":
        raise PlotError(f"the lattice shows coalition structures; an answer about {answer.concept} has plot_payoffs")
    structures = _with_slack(answer)
    if len(structures) > MOST_DRAWN:
        return _summary_figure(answer, structures)
    drawing = hasse(structures["structure"].tolist(), answer.players, _identical(answer))
    labelled = len(structures) <= MOST_LABELLED
    levels = structures["coalitions"].nunique()
    width = min(max(1.35 * drawing.width if labelled else 0.42 * drawing.width, 6.0) + 1.6, 16.0)
    figure = _figure(width, (1.25 if labelled else 1.5) * levels + 1.4)
    axes = figure.add_subplot()
    _draw_lattice(axes, structures, drawing, labelled)
    axes.set_title(answer.title, loc="left", fontsize=11)
    return figure


def _with_slack(answer: Answer) -> pd.DataFrame:
    least = answer.tables["blocks"].groupby("structure")["slack"].min()
    structures = answer.tables["structures"]
    return structures.assign(slack=structures["structure"].map(least))


def _identical(answer: Answer) -> Sequence[Sequence[str]]:
    groups = answer.certificate.claims.get("identical_players", ())
    return groups if isinstance(groups, list | tuple) else ()


def _slack_scale(slack: Sequence[float]) -> Normalize:
    from matplotlib.colors import TwoSlopeNorm  # noqa: PLC0415 - an extra, loaded when needed

    finite = [value for value in slack if np.isfinite(value)]
    high = max([*finite, 0.0]) or 1.0
    low = min([*finite, 0.0]) or -high
    return TwoSlopeNorm(0.0, low, high)


def _draw_lattice(axes: Axes, structures: pd.DataFrame, drawing: Hasse, labelled: bool) -> None:
    _draw_edges(axes, drawing, faint=not labelled)
    size = 420.0 if labelled else max(20.0, min(160.0, 2600.0 / drawing.width))
    norm = _slack_scale(structures["slack"].tolist())
    viable = structures["viable"].astype(bool)
    kinds = ((structures[viable], "o", "viable"), (structures[~viable], "s", "not viable"))
    drawn = [
        _draw_nodes(axes, rows, drawing, mark=mark, size=size, norm=norm, label=label)
        for rows, mark, label in kinds
        if len(rows)
    ]
    _draw_bar(axes, drawn[0], structures["slack"].tolist())
    _outline_coarsest(axes, structures[structures["coarsest"].astype(bool)], drawing, size)
    _label_nodes(axes, structures, drawing, labelled, size)
    _finish_lattice(axes, structures, drawing, labelled)


def _draw_edges(axes: Axes, drawing: Hasse, faint: bool) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - an extra, loaded when needed

    lines = [[drawing.positions[below], drawing.positions[above]] for below, above in drawing.edges]
    axes.add_collection(LineCollection(lines, colors=FAINT, linewidths=0.5 if faint else 0.9, zorder=1))


def _draw_nodes(
    axes: Axes, rows: pd.DataFrame, drawing: Hasse, *, mark: str, size: float, norm: Normalize, label: str
) -> PathCollection:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - an extra, loaded when needed

    places = [drawing.positions[name] for name in rows["structure"]]
    return axes.scatter(
        [x for x, _ in places],
        [y for _, y in places],
        c=rows["slack"].to_numpy(float),
        cmap=LinearSegmentedColormap.from_list("slack", SLACK_COLOURS),
        norm=norm,
        s=size,
        marker=mark,
        edgecolors=INK,
        linewidths=0.7,
        hatch="////" if label == "not viable" else None,
        zorder=3,
        label=label,
    )


def _draw_bar(axes: Axes, nodes: PathCollection, slack: Sequence[float]) -> None:
    low, high = (float(str(value)) for value in (nodes.norm.vmin, nodes.norm.vmax))
    bar = axes.figure.colorbar(nodes, ax=axes, shrink=0.75, pad=0.02)
    ticks = [low, low / 2, 0.0, high / 2, high]
    bar.set_ticks(ticks, labels=[number(tick, 3) for tick in ticks])
    bar.ax.set_ylim(low if min(slack) < 0 else 0.0, high if max(slack) > 0 else 0.0)
    bar.set_label("least slack of its coalitions (worth - required worth)", fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _outline_coarsest(axes: Axes, rows: pd.DataFrame, drawing: Hasse, size: float) -> None:
    if rows.empty:
        return
    places = [drawing.positions[name] for name in rows["structure"]]
    axes.scatter(
        [x for x, _ in places],
        [y for _, y in places],
        s=2.1 * size,
        marker="o",
        facecolors="none",
        edgecolors=INK,
        linewidths=1.8,
        zorder=2,
        label="coarsest viable",
    )


def _label_nodes(axes: Axes, structures: pd.DataFrame, drawing: Hasse, labelled: bool, size: float) -> None:
    chosen = structures if labelled else structures[structures["coarsest"].astype(bool)]
    if not labelled and len(chosen) > MOST_COARSEST_LABELLED:
        return
    for row in chosen.to_dict("records"):
        text = _broken(str(row["structure"]))
        if labelled:
            text += f"\n{number(float(row['slack']))}"
        axes.annotate(
            text,
            drawing.positions[str(row["structure"])],
            xytext=(0, -(size**0.5) * 0.78 - 2),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5 if labelled else 7.5,
            linespacing=1.15,
            zorder=4,
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )


def _broken(structure: str) -> str:
    return structure if len(structure) <= 13 else structure.replace("|", "|\n")


def _finish_lattice(axes: Axes, structures: pd.DataFrame, drawing: Hasse, labelled: bool) -> None:
    levels = sorted(structures["coalitions"].unique())
    axes.set_yticks([-level for level in levels], [str(level) for level in levels])
    axes.set_ylabel("coalitions in the structure")
    axes.set_xticks([])
    axes.tick_params(length=0)
    half = (drawing.width - 1) / 2
    axes.set_xlim(-half - 0.6, half + 0.6)
    axes.set_ylim(-levels[-1] - (0.55 if labelled else 0.3), -levels[0] + 0.35)
    for side in axes.spines.values():
        side.set_visible(False)
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(0.0, 1.0), frameon=False, fontsize=8.5, labelspacing=0.9, handletextpad=0.6
    )
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set(sizes=[70.0], array=None, facecolor="white")


def _summary_figure(answer: Answer, structures: pd.DataFrame) -> Figure:
    levels = sorted(structures["coalitions"].unique())
    figure = _figure(10.0, 0.42 * len(levels) + 1.9)
    shares_axes, slack_axes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _draw_shares(shares_axes, structures)
    _draw_ranges(slack_axes, structures)
    shares_axes.set_yticks(levels, [str(level) for level in levels])
    shares_axes.invert_yaxis()
    shares_axes.set_ylabel("coalitions in the structure")
    figure.suptitle(f"{answer.title}: {len(structures):,} structures", x=0.01, ha="left", fontsize=11)
    return figure


def _draw_shares(axes: Axes, structures: pd.DataFrame) -> None:
    viable, coarsest = structures["viable"].astype(bool), structures["coarsest"].astype(bool)
    kinds = (
        ("coarsest viable", coarsest, "#2166ac", ""),
        ("other viable", viable & ~coarsest, "#92c5de", ""),
        ("not viable", ~viable, "#f4a582", "////"),
    )
    totals = structures.groupby("coalitions").size()
    left = pd.Series(0.0, index=totals.index)
    for label, chosen, colour, hatch in kinds:
        share = 100 * structures[chosen].groupby("coalitions").size().reindex(totals.index, fill_value=0) / totals
        axes.barh(totals.index, share, left=left, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.4, label=label)
        left = left + share
    held = structures[viable].groupby("coalitions").size().reindex(totals.index, fill_value=0)
    for level in totals.index:
        axes.annotate(f"{held[level]:,} of {totals[level]:,}", (101.5, level), va="center", fontsize=8)
    axes.set_xlim(0, 128)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.set_xlabel("% of the structures (viable of all at the right)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False, fontsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_ranges(axes: Axes, structures: pd.DataFrame) -> None:
    by_level = structures.groupby("coalitions")["slack"]
    low, middle, high = by_level.min(), by_level.median(), by_level.max()
    axes.hlines(low.index, low, high, color=FAINT, linewidth=5, label="least to largest")
    axes.plot(middle, middle.index, "D", color=INK, markersize=5, label="median")
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle="--")
    axes.set_xlabel("least slack of the structure's coalitions")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)


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
    return _save(triangle_figure(answer, game_like), path)


def triangle_figure(answer: Answer, game_like: Triangle | ThreatGame) -> Figure:
    """Return the picture of :func:`plot_triangle`."""
    triangle = game_like if isinstance(game_like, Triangle) else triangle_of_game(answer, game_like)
    figure = _figure(8.6, 5.6)
    axes = figure.add_subplot()
    _draw_unblocked(axes, triangle)
    threats = sorted(triangle.threats, key=lambda threat: (len(threat.members), threat.members, threat.payoffs))
    for k, threat in enumerate(threats):
        _draw_threat(axes, triangle, threat, k)
    _draw_frame(axes, triangle)
    _draw_solutions(axes, triangle)
    axes.set_title(f"{answer.title}: division of {number(triangle.worth)}", loc="left", fontsize=11)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8.5)
    return figure


def _outline(triangle: Triangle, corners: Sequence[tuple[float, float, float]]) -> list[Point]:
    return [triangle.point(corner) for corner in corners]


def _draw_unblocked(axes: Axes, triangle: Triangle) -> None:
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
    colour = PLAYER_COLOURS[k % len(PLAYER_COLOURS)]
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


def _draw_frame(axes: Axes, triangle: Triangle) -> None:
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


def plot_payoffs(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw the payoffs of all players, a line per structure (or per solution) and a mark per player.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return _save(payoffs_figure(answer), path)


def payoffs_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_payoffs`."""
    height = max(0.34, 0.12 + 0.09 * len(answer.players))
    rows, bold, hidden = _payoff_rows(answer, int(MOST_HEIGHT / height))
    if not rows:
        raise PlotError("there are no payoffs to draw: no division meets every threat; read the table failures")
    figure = _figure(8.6, max(height * len(rows) + 1.3, 2.4))
    axes = figure.add_subplot()
    _draw_payoffs(axes, answer.players, rows)
    _finish_payoffs(axes, rows, bold)
    axes.set_title(answer.title + hidden, loc="left", fontsize=11)
    return figure


def _payoff_rows(answer: Answer, most: int) -> tuple[list[Share], set[str], str]:
    """Return the lines to draw, the structures to write in bold, and words on what is left out."""
    if answer.concept != "viability":
        found = solutions_of(answer.tables["solutions"])
        rows = [Share("", f"solution {k} of {len(found)}", x) for k, x in enumerate(found, start=1)]
        return rows[:most], set(), f" (first {most} of {len(rows)} solutions)" if len(rows) > most else ""
    structures = in_reading_order(answer.tables["structures"])
    structures = structures[structures["viable"].astype(bool)]
    bold = set(structures[structures["coarsest"].astype(bool)]["structure"])
    shown = structures["structure"].head(most)
    payoffs = answer.tables["payoffs"]
    by_structure = dict(iter(payoffs[payoffs["structure"].isin(shown)].groupby("structure", sort=False)))
    rows = []
    for name in shown:
        blocks = by_structure[name].groupby("coalition", sort=False)
        rows += shares(name, {str(coalition): solutions_of(inside) for coalition, inside in blocks})
    complete = len(rows) <= most and len(shown) == len(structures)
    return rows[:most], bold, "" if complete else f" (first {most} lines; {len(structures):,} viable structures)"


def _draw_payoffs(axes: Axes, players: Sequence[str], rows: Sequence[Share]) -> None:
    step = 0.72 / len(players)
    for k, player in enumerate(players):
        at = [(row.payoffs[player], y) for y, row in enumerate(rows) if player in row.payoffs]
        shift = (k - (len(players) - 1) / 2) * step
        axes.plot(
            [x for x, _ in at],
            [y + shift for _, y in at],
            PLAYER_MARKS[k % len(PLAYER_MARKS)],
            color=PLAYER_COLOURS[k % len(PLAYER_COLOURS)],
            markersize=6.0,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=player,
        )


def _finish_payoffs(axes: Axes, rows: Sequence[Share], bold: set[str]) -> None:
    names = [f"{row.place}  {row.solution}" if row.solution != "only" else row.place for row in rows]
    axes.set_yticks(range(len(rows)), [name.strip() for name in names], fontsize=9)
    for row, tick in zip(rows, axes.get_yticklabels(), strict=True):
        tick.set_fontweight("bold" if row.place in bold else "normal")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("payoff" + ("; coarsest viable structures in bold" if bold else ""))
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    for y in range(0, len(rows), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#f4f4f4", linewidth=0, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(title="player", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
