"""Pictures of public-goods economies: what each agent gains by walking away, and how the proof narrows actions down."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.results.canvas import COLOURS, FAINT, INK, PlotError, new_figure, save
from breakaway.results.records import Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_OUTCOMES = 6
"""Outcomes that one picture shows; of more, the first."""

MOST_LINES = 12
"""Up to this many agents every agent has its own line; of more, quantiles are drawn."""

MOST_NAMED = 40
"""Up to this many agents bars stand in the order of the agents and are named; of more, they are sorted."""

MOST_BESIDE = 8
"""Up to this many agents two outcomes stand beside each other."""

MOST_WRITTEN_LENGTH = 24
"""Names of a coalition that take more letters are counted instead."""

WIDE = 20.0
"""Ratio of the largest to an ordinary value from which an axis is logarithmic."""


# --- words and frames that the pictures share ------------------------------------------------------------------------


def headline(answer: Answer, outcome: str) -> str:
    """Return the name of an outcome and what was found out about it."""
    table = answer.tables["membership"]
    row = table[table["outcome"].astype(str) == outcome].iloc[0]
    if "status" in table.columns and pd.notna(row["status"]) and row["status"] != "not in the core":
        return f"{outcome}: {row['status']}"
    if pd.isna(row["in_core"]):
        return f"{outcome}: not decided"
    return f"{outcome}: in the core" if row["in_core"] else f"{outcome}: {_walking(answer, outcome)}"


def _walking(answer: Answer, outcome: str) -> str:
    """Name those who walk away, or count them when they are many."""
    rows = answer.tables["deviation"]
    members = rows.loc[rows["outcome"].astype(str) == outcome, "agent"].astype(str).tolist()
    if not members:
        return "not in the core"
    names = "+".join(members)
    if len(members) == len(answer.players) and len(members) > 1:
        return "everybody walks away" if len(members) > 2 else "both walk away"
    if len(names) > MOST_WRITTEN_LENGTH:
        return f"{len(members)} of {len(answer.players)} agents walk away"
    return f"{names} walk{'s' if len(members) == 1 else ''} away"


def heading(answer: Answer, shown: int, of: int) -> str:
    """Return the title of a picture, with a word on outcomes that it leaves out."""
    return answer.title + (f" (first {shown} of {of} outcomes)" if shown < of else "")


def finish(figure: Figure, title: str, panels: Sequence[Axes], columns: int) -> None:
    """Give a figure its title and one legend for all panels, and panels no frame above and to the right."""
    entries = {}
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        handles, labels = axes.get_legend_handles_labels()
        entries.update({label: handle for handle, label in zip(handles, labels, strict=True) if label not in entries})
    if entries:
        figure.legend(
            entries.values(), entries.keys(), loc="outside lower left", ncols=columns, frameon=False, fontsize=9
        )
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)


# --- gains -----------------------------------------------------------------------------------------------------------


def has_gains(answer: Answer) -> bool:
    """Tell whether some coalition walks away from some outcome."""
    return not answer.tables["deviation"].empty


def plot_gains(answer: Answer, game: PublicGoodsGame, path: str | os.PathLike[str]) -> Path:
    """Draw what everybody who walks away gains, and what everybody does before and after; a row per outcome.

    Raises
    ------
    PlotError
        When nobody walks away, matplotlib is missing or the file cannot be written.
    """
    return save(gains_figure(answer, game), path)


def gains_figure(answer: Answer, game: PublicGoodsGame) -> Figure:
    """Return the picture of :func:`plot_gains`."""
    outcomes = answer.tables["deviation"]["outcome"].astype(str).drop_duplicates().tolist()
    if not outcomes:
        raise PlotError("there are no gains to draw: nobody walks away; draw the bounds instead")
    shown = outcomes[:MOST_OUTCOMES]
    agents = len(answer.players)
    pairs = 2 if agents <= MOST_BESIDE and len(shown) > 1 else 1
    rows = -(-len(shown) // pairs)
    figure = new_figure(pairs * min(5.6 + 0.4 * agents, 13.0), 2.5 * rows + 1.0)
    panels = figure.subplots(rows, 2 * pairs, squeeze=False).reshape(-1, 2)
    for (left, right), outcome in zip(panels, shown, strict=False):
        table = _by_agent(answer, game, outcome)
        _draw_gains(left, table)
        _draw_actions(right, table)
        left.set_title(headline(answer, outcome), loc="left", fontsize=10)
    for axes in panels[len(shown) :].ravel():
        axes.set_axis_off()
    finish(figure, heading(answer, len(shown), len(outcomes)), panels.ravel().tolist(), columns=4)
    return figure


def _by_agent(answer: Answer, game: PublicGoodsGame, outcome: str) -> pd.DataFrame:
    """Return agent, before, after, gain (missing for outsiders) and member, in the order in which they are drawn."""
    table = answer.tables["deviation"]
    rows = table[table["outcome"].astype(str) == outcome].set_index("agent")[["action", "gain"]]
    found = rows.reindex(list(answer.players)).rename(columns={"action": "after"})
    found["before"] = game.outcomes.actions[game.outcomes.names.index(outcome)]
    found["member"] = found["after"].notna()
    found["after"] = found["after"].fillna(0.0)
    found = found.rename_axis("agent").reset_index()
    if len(found) > MOST_NAMED:
        found = found.sort_values(["member", "after", "before"], ascending=False, ignore_index=True)
    return found


def _draw_gains(axes: Axes, rows: pd.DataFrame) -> None:
    members = rows[rows["member"]]
    axes.bar(members.index, members["gain"], color=COLOURS[0], width=_width(rows), label="gain of who walks away")
    if members["gain"].max() > WIDE * members["gain"].min() > 0:
        axes.set_yscale("log")
    _name_agents(axes, rows)
    axes.set_ylabel("gain in utility")


def _width(rows: pd.DataFrame) -> float:
    return 0.7 if len(rows) <= MOST_NAMED else 1.0


def _draw_actions(axes: Axes, rows: pd.DataFrame) -> None:
    size = 6.0 if len(rows) <= MOST_NAMED else 2.5
    axes.vlines(rows.index, rows["before"], rows["after"], color=FAINT, linewidth=1.2, zorder=1)
    axes.plot(
        rows.index,
        rows["before"],
        "o",
        markersize=size,
        markerfacecolor="white",
        markeredgecolor=INK,
        clip_on=False,
        label="action in the outcome",
    )
    members = rows[rows["member"]]
    axes.plot(
        members.index,
        members["after"],
        "o",
        markersize=size,
        color=COLOURS[1],
        clip_on=False,
        label="action of who walks away",
    )
    _name_agents(axes, rows)
    _bend(axes, pd.concat([rows["before"], rows["after"]]).to_numpy(dtype=float))
    axes.set_ylabel("action")


def _name_agents(axes: Axes, rows: pd.DataFrame) -> None:
    """Name the agents below, if they are few, and shade the places of those left behind."""
    label = "left behind"
    for place in rows.index[~rows["member"]]:
        axes.axvspan(place - 0.5, place + 0.5, color="#ececec", linewidth=0, zorder=0, label=label)
        label = "_left behind"
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="x", length=0, pad=7)
    if len(rows) > MOST_NAMED:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(rows)} agents, by what they do when they walk away", labelpad=8)
        return
    names = rows["agent"].astype(str)
    crowded = names.str.len().mean() * len(names) > 32
    axes.set_xticks(rows.index, names, fontsize=8 if crowded else 9, rotation=90 if crowded else 0)
    for tick, member in zip(axes.get_xticklabels(), rows["member"], strict=True):
        tick.set_color(INK if member else "#909090")


def _bend(axes: Axes, values: Floats) -> None:
    """Make the vertical axis logarithmic above ordinary values when some are far larger; it begins at 0."""
    ordinary = float(np.median(values[values > 0])) if (values > 0).any() else 1.0
    if values.max(initial=0.0) > WIDE * ordinary:
        axes.set_yscale("symlog", linthresh=ordinary)
    axes.set_ylim(bottom=0)


# --- bounds and paths ------------------------------------------------------------------------------------------------


def has_bounds(answer: Answer) -> bool:
    """Tell whether there are bounds or paths to draw."""
    return any(_outcomes_of(answer, name) for name in ("elimination", "membership_path"))


def plot_bounds(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw what nobody exceeds in any deviation, round by round, and the path to 0 of outcomes of the core.

    Raises
    ------
    PlotError
        When the method left neither, matplotlib is missing or the file cannot be written.
    """
    return save(bounds_figure(answer), path)


def bounds_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_bounds`."""
    traced = {kind: _outcomes_of(answer, kind) for kind in ("elimination", "membership_path")}
    names = answer.tables["membership"]["outcome"].astype(str)
    outcomes = [name for name in names if any(name in having for having in traced.values())]
    if not outcomes:
        raise PlotError("there are no bounds to draw: the method finds none; solve with the method descent")
    shown = outcomes[:MOST_OUTCOMES]
    drawn = [(kind, name) for name in shown for kind, having in traced.items() if name in having]
    across = min(len(drawn), 4 if len(drawn) in (4, 7, 8, 10, 11, 12) else 3)
    down = -(-len(drawn) // across)
    figure = new_figure(max(3.6 * across, 4.8), 2.8 * down + 1.1)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (kind, outcome) in zip(panels, drawn, strict=False):
        _draw_trace(axes, answer, kind, outcome)
    for axes in panels[len(drawn) :]:
        axes.set_axis_off()
    finish(figure, heading(answer, len(shown), len(outcomes)), list(panels), columns=3 * across)
    return figure


def _outcomes_of(answer: Answer, name: str) -> list[str]:
    table = answer.tables.get(name)
    return [] if table is None else table["outcome"].astype(str).drop_duplicates().tolist()


def _draw_trace(axes: Axes, answer: Answer, kind: str, outcome: str) -> None:
    """Draw everybody's bound by round, or action by step of the path."""
    number, value = ("round", "bound") if kind == "elimination" else ("step", "action")
    table = answer.tables[kind]
    rows = table[table["outcome"].astype(str) == outcome]
    trace = rows.pivot_table(index=number, columns="agent", values=value, sort=False)[list(answer.players)]
    if len(answer.players) <= MOST_LINES:
        _draw_lines(axes, trace)
    else:
        _draw_quantiles(axes, trace)
    _bend(axes, trace.to_numpy(dtype=float))
    axes.set_xticks(_some(trace.index.tolist()))
    axes.set_xlabel("round" if kind == "elimination" else "step of the path")
    axes.set_ylabel("bound on the action" if kind == "elimination" else "action")
    title = headline(answer, outcome) if kind == "elimination" else f"{outcome}: path to 0"
    axes.set_title(title, loc="left", fontsize=10)


def _some(numbers: Sequence[int], most: int = 10) -> list[int]:
    """Return at most ``most`` of the numbers, evenly apart and from the first on."""
    return list(numbers[:: -(-len(numbers) // most)])


def _draw_lines(axes: Axes, trace: pd.DataFrame) -> None:
    """Draw a line for every agent, each thinner than the one before, so that lines upon each other show."""
    for k, agent in enumerate(trace.columns):
        excess = 1.0 - k / len(trace.columns)
        axes.plot(
            trace.index,
            trace[agent],
            color=COLOURS[k % len(COLOURS)],
            linestyle="-" if k < len(COLOURS) else "--",
            linewidth=0.6 + 3.6 * excess,
            marker="o",
            markersize=2.6 + 4.2 * excess,
            clip_on=False,
            label=str(agent),
        )


def _draw_quantiles(axes: Axes, trace: pd.DataFrame) -> None:
    values = trace.to_numpy(dtype=float)
    low, below, middle, above, high = np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0], axis=1)
    axes.fill_between(trace.index, low, high, color=COLOURS[5], alpha=0.25, linewidth=0, label="all agents")
    axes.fill_between(trace.index, below, above, color=COLOURS[5], alpha=0.6, linewidth=0, label="the middle half")
    axes.plot(trace.index, middle, color=COLOURS[0], marker="o", markersize=3.5, label="median agent")
