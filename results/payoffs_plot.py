"""The picture of payoffs: a line per structure or solution, a mark per player."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from breakaway.results.canvas import COLOURS, PlotError, new_figure, save
from breakaway.results.payoff_lines import Share, shares, solutions_of
from breakaway.results.records import Answer
from breakaway.results.text_structures import in_reading_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_HEIGHT = 12.0
"""Height of the tallest picture of payoffs, in inches; it shows as many lines as fit."""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d")


def plot_payoffs(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw the payoffs of all players, a line per structure (or per solution) and a mark per player.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return save(payoffs_figure(answer), path)


def payoffs_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_payoffs`."""
    height = max(0.34, 0.12 + 0.09 * len(answer.players))
    rows, bold, hidden = _payoff_rows(answer, int(MOST_HEIGHT / height))
    if not rows:
        raise PlotError("there are no payoffs to draw: no division meets every threat; read the table failures")
    figure = new_figure(8.6, max(height * len(rows) + 1.3, 2.4))
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
            MARKS[k % len(MARKS)],
            color=COLOURS[k % len(COLOURS)],
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
