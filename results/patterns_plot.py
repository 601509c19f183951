"""The picture of the lattice of coalition patterns: where a rule is implementable, and which coalitions help or hurt.

The pattern of single agents is at the bottom, all coalitions at the top; a line joins two patterns of which one has one
coalition more. A thick line says that this coalition decides: with it the rule becomes implementable, or ceases to be.
Colour never carries the verdict alone, marks differ as well. Up to three agents every pattern is drawn, of more one of
every class of patterns that are alike; when these are too many, they are counted by level.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from breakaway.data.coalitions import Coalition, parse_coalition
from breakaway.results.canvas import COLOURS, FAINT, INK, PlotError, new_figure, save
from breakaway.results.hasse import Hasse, settle
from breakaway.results.records import Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELLED = 16
MOST_DRAWN = 203
"""Most patterns that all carry a label, and that are drawn one by one."""

LETTER = 0.085
"""Width of a letter in a label, in inches."""


@dataclass(frozen=True)
class Look:
    """How patterns of a sort are drawn."""

    label: str
    mark: str
    colour: str
    hatch: str | None = None


LOOKS = {
    "implementable": Look("implementable", "o", COLOURS[0]),
    "gain": Look("not implementable: a coalition gains by misreporting", "s", "#f4a582", "////"),
    "stay": Look("not implementable: nobody dissolves a bad equilibrium", "v", "#b2182b"),
    "fails": Look("undecided: monotonicity fails", "D", "#fddbc7"),
    "open": Look("undecided", "D", "white"),
}
"""What is said of a pattern, in the order of the legend."""

HELPS, HURTS = "#0072b2", "#b2182b"


def plot_patterns(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw the lattice of coalition patterns.

    Raises
    ------
    PlotError
        When the answer has no table of patterns, matplotlib is missing or the file cannot be written.
    """
    return save(patterns_figure(answer), path)


def has_patterns(answer: Answer) -> bool:
    """Tell whether there is a picture to draw."""
    return "patterns" in answer.tables and len(answer.tables["patterns"]) > 1


def patterns_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_patterns` for an answer with a table ``patterns``."""
    if not has_patterns(answer):
        raise PlotError("there is no table of coalition patterns: solve a payoff environment of two to four agents")
    drawn = _drawn(answer.tables["patterns"], answer.players)
    if len(drawn) > MOST_DRAWN:
        return _summary_figure(answer, drawn)
    drawing = _lattice(answer.tables["patterns"], drawn, answer.players)
    labelled = len(drawn) <= MOST_LABELLED
    levels = drawn["joint"].nunique()
    width = max(_label_width(drawn) * drawing.width + 1.0, 6.4) if labelled else 11.0
    figure = new_figure(width, (1.15 if labelled else 0.72) * levels + 1.9)
    axes = figure.add_subplot()
    _draw_edges(axes, drawing, dict(zip(drawn["coalition_pattern"], drawn["implementable"], strict=True)))
    _draw_nodes(axes, drawn, drawing, 300.0 if labelled else max(22.0, min(120.0, 2200.0 / drawing.width)))
    if labelled:
        _label(axes, drawn, drawing)
    _finish(axes, drawn, drawing, labelled)
    axes.set_title(answer.title, loc="left", fontsize=11)
    return figure


# --- what is drawn ----------------------------------------------------------------------------------------------------


def coalitions_of(name: str, agents: Sequence[str]) -> frozenset[Coalition]:
    """Return the coalitions of two or more of a pattern by its name."""
    if name == "minimal":
        return frozenset()
    if name == "maximal":
        return frozenset(c for c in range(1, 1 << len(agents)) if c.bit_count() > 1)
    return frozenset(parse_coalition(part, agents, "agent") for part in name.split("|"))


def _drawn(patterns: pd.DataFrame, agents: Sequence[str]) -> pd.DataFrame:
    """Return the patterns to draw, with the number of coalitions of two or more and what is said of them."""
    rows = patterns.copy()
    rows["joint"] = [len(coalitions_of(str(name), agents)) for name in rows["coalition_pattern"]]
    rows["look"] = [_look(row) for row in rows.to_dict("records")]
    return rows if len(rows) <= MOST_LABELLED else rows.drop_duplicates("class").reset_index(drop=True)


def _look(row: dict[object, object]) -> str:
    if row["implementable"] == "true":
        return "implementable"
    if row["implementable"] == "false":
        return "gain" if row["robust_s_ic"] == "false" else "stay"
    return "fails" if row["robust_s_monotonicity"] == "false" else "open"


def _lattice(patterns: pd.DataFrame, drawn: pd.DataFrame, agents: Sequence[str]) -> Hasse:
    """Lay out the patterns that are drawn; a line between two of them stands for all patterns alike."""
    shown = set(drawn["coalition_pattern"])
    by_class = dict(zip(drawn["class"], drawn["coalition_pattern"], strict=False))
    stands = {
        coalitions_of(str(name), agents): str(name if name in shown else by_class[number])
        for name, number in zip(patterns["coalition_pattern"], patterns["class"], strict=True)
    }
    edges = tuple(dict.fromkeys((stands[below], stands[above]) for below, above in _neighbours(stands)))
    levels: dict[int, list[str]] = {}
    for name, joint in zip(drawn["coalition_pattern"], drawn["joint"], strict=True):
        levels.setdefault(-int(joint), []).append(str(name))
    return Hasse(settle(levels, edges), edges)


def _neighbours(
    patterns: dict[frozenset[Coalition], str],
) -> Iterator[tuple[frozenset[Coalition], frozenset[Coalition]]]:
    """Yield patterns of which the second has one coalition more."""
    for above in patterns:
        yield from ((above - {coalition}, above) for coalition in above if above - {coalition} in patterns)


# --- the lattice ------------------------------------------------------------------------------------------------------


def _draw_edges(axes: Axes, drawing: Hasse, verdict: dict[str, str]) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - an extra, loaded when needed

    turns = {("false", "true"): "helps", ("true", "false"): "hurts"}
    sorts: dict[str, list[list[tuple[float, float]]]] = {"": [], "helps": [], "hurts": []}
    for below, above in drawing.edges:
        line = [drawing.positions[below], drawing.positions[above]]
        sorts[turns.get((verdict[below], verdict[above]), "")].append(line)
    axes.add_collection(LineCollection(sorts[""], colors=FAINT, linewidths=0.7, zorder=1))
    for sort, colour, style in (("helps", HELPS, "-"), ("hurts", HURTS, "--")):
        if sorts[sort]:
            lines = LineCollection(sorts[sort], colors=colour, linewidths=2.2, linestyles=style, zorder=2)
            lines.set_label(f"one coalition more {sort}")
            axes.add_collection(lines)


def _draw_nodes(axes: Axes, drawn: pd.DataFrame, drawing: Hasse, size: float) -> None:
    for name, look in LOOKS.items():
        places = [drawing.positions[one] for one in drawn.loc[drawn["look"] == name, "coalition_pattern"]]
        if places:
            axes.scatter(
                [x for x, _ in places],
                [y for _, y in places],
                s=size,
                marker=look.mark,
                facecolor=look.colour,
                hatch=look.hatch,
                edgecolors=INK,
                linewidths=0.8,
                zorder=3,
                label=look.label,
            )


def _label(axes: Axes, drawn: pd.DataFrame, drawing: Hasse) -> None:
    for name in drawn["coalition_pattern"]:
        axes.annotate(
            _broken(str(name)),
            drawing.positions[name],
            xytext=(0, -13),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8.5,
            linespacing=1.1,
            zorder=4,
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )


def _broken(name: str) -> str:
    """Put two coalitions on a line at most."""
    parts = name.split("|")
    return ",\n".join(", ".join(parts[k : k + 2]) for k in range(0, len(parts), 2))


def _label_width(drawn: pd.DataFrame) -> float:
    lines = [line for name in drawn["coalition_pattern"] for line in _broken(str(name)).split("\n")]
    return LETTER * max(map(len, lines)) + 0.25


def _finish(axes: Axes, drawn: pd.DataFrame, drawing: Hasse, labelled: bool) -> None:
    levels = sorted(drawn["joint"].unique())
    axes.set_yticks(levels, [str(level) for level in levels])
    axes.set_ylabel("coalitions of two or more that can form")
    axes.set_xticks([])
    axes.tick_params(length=0)
    half = (drawing.width - 1) / 2
    axes.set_xlim(-half - 0.6, half + 0.6)
    axes.set_ylim(levels[0] - (0.5 if labelled else 0.4), levels[-1] + 0.4)
    for side in axes.spines.values():
        side.set_visible(False)
    _legend(axes)


def _legend(axes: Axes) -> None:
    legend = axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=2, frameon=False, fontsize=8.5)
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_sizes([70.0])


# --- too many to draw -------------------------------------------------------------------------------------------------


def _summary_figure(answer: Answer, drawn: pd.DataFrame) -> Figure:
    """Return bars: what is said of the patterns of every level."""
    levels = sorted(drawn["joint"].unique())
    figure = new_figure(9.0, 0.42 * len(levels) + 2.2)
    axes = figure.add_subplot()
    totals = drawn.groupby("joint").size()
    left = pd.Series(0.0, index=totals.index)
    for name, look in LOOKS.items():
        count = drawn[drawn["look"] == name].groupby("joint").size().reindex(totals.index, fill_value=0)
        if count.any():
            share = 100 * count / totals
            axes.barh(
                totals.index,
                share,
                left=left,
                color=look.colour,
                hatch=look.hatch,
                edgecolor=INK,
                linewidth=0.4,
                label=look.label,
            )
            left = left + share
    for level, total in totals.items():
        axes.annotate(f"{total:,}", (101.0, float(str(level))), va="center", fontsize=8)
    axes.set_yticks(levels, [str(level) for level in levels])
    axes.set_ylabel("coalitions of two or more that can form")
    axes.set_xlabel("% of the patterns (their number at the right)")
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.set_xlim(0, 108)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False, fontsize=8.5)
    axes.set_title(f"{answer.title}: {len(drawn):,} coalition patterns", loc="left", fontsize=11)
    return figure
