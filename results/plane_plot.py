"""The picture of a public-goods economy of two agents: the plane of their actions, with what each outcome dominates."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from breakaway.data.arrays import Floats
from breakaway.data.public_goods import PublicGoodsGame
from breakaway.results.canvas import COLOURS, FAINT, INK, new_figure, save
from breakaway.results.public_goods_plot import MOST_OUTCOMES, finish, heading, headline
from breakaway.results.records import Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Flags: TypeAlias = NDArray[np.bool_]

FINENESS = 121
"""Points of the grid along each axis on which utilities are computed."""

CORE, DEVIATION, PATH, LINDAHL = COLOURS[2], COLOURS[1], COLOURS[3], COLOURS[4]
AGENTS = (COLOURS[0], COLOURS[7])
"""Colours of the indifference curves of the first and the second agent."""


@dataclass(frozen=True, eq=False)
class _Grid:
    """Actions along both axes, shape (k,) each, and utilities, shape (2, k, k): agent, second action, first action."""

    across: Floats
    up: Floats
    utilities: Floats

    @classmethod
    def of(cls, game: PublicGoodsGame, most: Floats) -> _Grid:
        """Compute utilities on a grid from 0 to ``most``, shape (2,)."""
        across, up = (np.linspace(0.0, end, FINENESS) for end in most)
        rows = [[game.utilities.values(np.array([x, y])) for x in across] for y in up]
        return cls(across, up, np.moveaxis(np.array(rows), 2, 0))


def plot_plane(answer: Answer, game: PublicGoodsGame, path: str | os.PathLike[str]) -> Path:
    """Draw the plane of two agents' actions, a panel per outcome: what it dominates, the frontier, the core, Lindahl.

    Raises
    ------
    ValueError
        When there are not two agents.
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return save(plane_figure(answer, game), path)


def plane_figure(answer: Answer, game: PublicGoodsGame) -> Figure:
    """Return the picture of :func:`plot_plane`."""
    if len(game) != 2:
        raise ValueError(f"the plane of actions is drawn for two agents; this economy has {len(game)}")
    outcomes = answer.tables["membership"]["outcome"].astype(str).tolist()
    shown: list[str | None] = [*outcomes[:MOST_OUTCOMES]] or [None]
    columns = 2 if len(shown) in (2, 4) else min(len(shown), 3)
    rows = math.ceil(len(shown) / columns)
    figure = new_figure(max(4.2 * columns, 5.6), 4.0 * rows + 0.9)
    most = _frame(answer, game, outcomes[:MOST_OUTCOMES])
    grid = _Grid.of(game, most)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, outcome in zip(panels, shown, strict=False):
        _draw_panel(axes, answer, game, outcome, grid)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    finish(figure, heading(answer, len(shown), len(outcomes)), list(panels), columns=4 if columns > 1 else 3)
    return figure


# --- what is in sight ------------------------------------------------------------------------------------------------


def _frame(answer: Answer, game: PublicGoodsGame, outcomes: Sequence[str]) -> Floats:
    """Return the largest actions that are drawn: those of outcomes, core and Lindahl; of the rest what is not far."""
    wanted = [np.zeros(2), *(_actions(game, name) for name in outcomes)]
    lindahl = _lindahl(answer)
    wanted += [] if lindahl is None else [lindahl]
    frontier, in_core = _frontier(answer)
    most = np.max([*wanted, *frontier[in_core]], axis=0)
    most[most <= 0] = most.max() or 1.0
    welcome = np.vstack([frontier, *(_deviation(answer, name)[0][None, :] for name in outcomes)])
    near = welcome[(welcome <= 1.6 * most).all(axis=1)]
    found: Floats = np.minimum(1.15 * np.max([most, *near], axis=0), 1.02 * game.max_action)
    return found


def _actions(game: PublicGoodsGame, outcome: str) -> Floats:
    found: Floats = game.outcomes.actions[game.outcomes.names.index(outcome)]
    return found


def _lindahl(answer: Answer) -> Floats | None:
    """Return the actions of the (first) Lindahl outcome, if there is one."""
    table = answer.tables.get("lindahl")
    if table is None or table.empty:
        return None
    found: Floats = table.drop_duplicates("agent")["action"].to_numpy(dtype=float)
    return found


def _frontier(answer: Answer) -> tuple[Floats, Flags]:
    """Return the points of the Pareto frontier, shape (points, 2), and which of them are in the core."""
    table = answer.tables.get("frontier")
    if table is None or table.empty:
        return np.zeros((0, 2)), np.zeros(0, dtype=bool)
    columns = [table.loc[table["agent"] == name, "action"].to_numpy(dtype=float) for name in answer.players]
    known = table.loc[table["agent"] == answer.players[0], "in_core"]
    return np.column_stack(columns), (known.notna() & known.eq(True)).to_numpy(dtype=bool)


def _deviation(answer: Answer, outcome: str) -> tuple[Floats, bool]:
    """Return what the coalition that walks away does, shape (2,), and whether there is one."""
    table = answer.tables["deviation"]
    rows = table[table["outcome"].astype(str) == outcome].set_index("agent")["action"]
    return rows.reindex(list(answer.players), fill_value=0.0).to_numpy(dtype=float), not rows.empty


# --- a panel ---------------------------------------------------------------------------------------------------------


def _draw_panel(axes: Axes, answer: Answer, game: PublicGoodsGame, outcome: str | None, grid: _Grid) -> None:
    """Draw one outcome, or only the frontier when there is none."""
    if outcome is not None:
        a = _actions(game, outcome)
        _draw_preferences(axes, answer, grid, game.utilities.values(a))
    _draw_frontier(axes, answer)
    if outcome is not None:
        _draw_path(axes, answer, outcome)
        _draw_deviation(axes, answer, outcome, a, grid)
        _mark(axes, a, "X", 9, INK, 8, "the outcome")
        axes.set_title(headline(answer, outcome), fontsize=10, loc="left")
    lindahl = _lindahl(answer)
    if lindahl is not None:
        _mark(axes, lindahl, "*", 19, LINDAHL, 7, "Lindahl outcome")
    axes.set_xlim(0, grid.across[-1])
    axes.set_ylim(0, grid.up[-1])
    axes.set_xlabel(f"action of {answer.players[0]}")
    axes.set_ylabel(f"action of {answer.players[1]}")


def _mark(axes: Axes, at: Floats, marker: str, size: float, colour: str, order: int, label: str) -> None:
    """Mark a point, shape (2,), with a white edge, so that marks upon each other can be told apart."""
    axes.plot(
        *at,
        marker=marker,
        markersize=size,
        markerfacecolor=colour,
        markeredgecolor="white",
        linestyle="none",
        zorder=order,
        clip_on=False,
        label=label,
    )


def _draw_preferences(axes: Axes, answer: Answer, grid: _Grid, had: Floats) -> None:
    """Shade what nobody prefers to the outcome, tint what both prefer, and draw both indifference curves."""
    gains = grid.utilities - had[:, None, None]
    _shade(axes, grid, -gains.max(axis=0), FAINT, "nobody prefers")
    _shade(axes, grid, gains.min(axis=0), COLOURS[5], "both prefer")
    for k, name in enumerate(answer.players):
        if gains[k].min() < 0 < gains[k].max():
            axes.contour(grid.across, grid.up, gains[k], levels=[0.0], colors=AGENTS[k], linewidths=1.1, zorder=2)
            axes.plot([], [], color=AGENTS[k], linewidth=1.1, label=f"{name} is indifferent")


def _shade(axes: Axes, grid: _Grid, height: Floats, colour: str, label: str) -> None:
    """Fill the part of the plane where ``height``, shape (k, k), is positive."""
    if height.max() > 0:
        axes.contourf(grid.across, grid.up, height, [0.0, 2.0 * height.max()], colors=[colour], alpha=0.45, zorder=1)
        axes.fill([], [], color=colour, alpha=0.45, linewidth=0, label=label)


def _draw_frontier(axes: Axes, answer: Answer) -> None:
    frontier, in_core = _frontier(answer)
    if len(frontier):
        axes.plot(*frontier.T, color=INK, linewidth=1.2, zorder=3, label="Pareto frontier")
    label = "the core"
    for first, last in _runs(in_core):
        part = frontier[first:last]
        marker = "o" if len(part) == 1 else None
        axes.plot(*part.T, color=CORE, linewidth=5, marker=marker, alpha=0.8, zorder=4, label=label)
        label = "_the core"


def _runs(flags: Flags) -> Iterator[tuple[int, int]]:
    """Yield first and one past the last place of every run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, dtype=int), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _draw_path(axes: Axes, answer: Answer, outcome: str) -> None:
    """Draw the chain from an outcome of the core to 0."""
    table = answer.tables.get("membership_path")
    rows = pd.DataFrame() if table is None else table[table["outcome"].astype(str) == outcome]
    if not rows.empty:
        by_agent = [rows.loc[rows["agent"] == name, "action"].to_numpy(dtype=float) for name in answer.players]
        axes.plot(
            *by_agent,
            color=PATH,
            marker="o",
            markersize=5,
            linewidth=1.8,
            zorder=5,
            clip_on=False,
            label="path on which nobody gains",
        )


def _draw_deviation(axes: Axes, answer: Answer, outcome: str, a: Floats, grid: _Grid) -> None:
    """Draw an arrow to what the coalition that walks away does, or in its direction when that is out of sight."""
    y, any_deviation = _deviation(answer, outcome)
    if not any_deviation:
        return
    most = np.array([grid.across[-1], grid.up[-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(y > a, (0.97 * most - a) / (y - a), np.inf)
    part = float(min(1.0, room.min()))
    head = {"arrowstyle": "-|>", "color": DEVIATION, "linewidth": 2.0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 14}
    tip = a + part * (y - a)
    axes.annotate("", (tip[0], tip[1]), (a[0], a[1]), arrowprops=head, zorder=6, annotation_clip=False)
    if part == 1.0:
        _mark(axes, y, "o", 7, DEVIATION, 9, "_deviation")
    label = "what they do instead" if part == 1.0 else "towards what they do instead"
    axes.plot([], [], color=DEVIATION, linewidth=2.0, marker=">", label=label)
