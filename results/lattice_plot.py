"""The picture of the lattice of coalition structures.

Colour shows the least slack of a structure's coalitions (there is none without transfers), shape and hatch whether it
is viable, a ring that it is among the coarsest viable ones: colour never carries the verdict alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from breakaway.results.canvas import FAINT, INK, PlotError, new_figure, save
from breakaway.results.hasse import Hasse, hasse
from breakaway.results.records import Answer
from breakaway.results.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

MOST_LABELLED = 15
MOST_DRAWN = 203
MOST_COARSEST_LABELLED = 12
"""Most structures that all carry a label, that are drawn one by one, and coarsest ones that carry a label."""

MOST_WIDE = 14.4
LETTER = 0.085
"""Width of the widest lattice and of a letter in a label, in inches."""
LANE = 28.0
"""Height that a label takes at most, in points, where labels of neighbours are staggered."""

SLACK_COLOURS = ("#d6604d", "#fddbc7", "#f7f7f7", "#d1e5f0", "#4393c3")


def plot_lattice(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw the lattice of coalition structures, or a summary by level when there are too many to draw.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return save(lattice_figure(answer), path)


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
    widest = max(_width_of(name) for name in structures["structure"]) if labelled else 0.3
    width = min(max((widest + 0.12) * drawing.width, 6.0), MOST_WIDE) + 1.6
    figure = new_figure(width, (1.25 if labelled else 1.5) * levels + 1.4)
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
    if structures["slack"].notna().any():
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
        c=rows["slack"].fillna(0.0).to_numpy(float),
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
    unit = max(0.42 * drawing.width, 6.0) / drawing.width
    lanes = {} if labelled else _lanes(chosen["structure"].tolist(), drawing, min(unit, MOST_WIDE / drawing.width))
    for row in chosen.to_dict("records"):
        name = str(row["structure"])
        text = _broken(name) + (f"\n{number(float(row['slack']))}" if labelled and pd.notna(row["slack"]) else "")
        axes.annotate(
            text,
            drawing.positions[name],
            xytext=(0, -(size**0.5) * 0.78 - 2 - LANE * lanes.get(name, 0)),
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


def _width_of(structure: str) -> float:
    """Return about how wide a label is, in inches."""
    return LETTER * max(map(len, [*_broken(structure).split("\n"), "x" * 14]))


def _lanes(names: Sequence[str], drawing: Hasse, unit: float) -> dict[str, int]:
    """Give labels of a level that would overlap different heights; ``unit`` is the distance of neighbours in inches."""
    lanes: dict[str, int] = {}
    for name in sorted(names, key=lambda name: drawing.positions[name]):
        x, y = drawing.positions[name]
        taken = {
            lane
            for other, lane in lanes.items()
            if drawing.positions[other][1] == y and (x - drawing.positions[other][0]) * unit < _width_of(name)
        }
        lanes[name] = min(set(range(len(taken) + 1)) - taken)
    return lanes


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
    figure = new_figure(10.0, 0.42 * len(levels) + 1.9)
    shares_axes, slack_axes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _draw_shares(shares_axes, structures)
    if structures["slack"].notna().any():
        _draw_ranges(slack_axes, structures)
    else:
        slack_axes.remove()
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
