"""Pictures of a market of small groups: who is with whom, payoffs by type, and how the proof closed."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from breakaway.results.canvas import COLOURS, FAINT, INK, new_figure, save
from breakaway.results.records import Answer
from breakaway.results.text_groups import group_in_words
from breakaway.results.wording import number, settled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 14
"""Up to this many types and groups the groups are drawn as a graph; larger markets are shown by type."""


def plot_groups(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw who is with whom: types on the left, groups on the right for small markets; masses and payoffs otherwise.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return save(groups_figure(answer), path)


def groups_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_groups`."""
    small = len(answer.players) <= MOST_DRAWN and len(answer.tables["assignment"]) <= MOST_DRAWN
    return _graph(answer) if small else _by_type(answer)


def _graph(answer: Answer) -> Figure:
    """Draw a bipartite graph: a line for each type in a group, as thick as the people whom it carries."""
    assignment = answer.tables["assignment"]
    types = list(answer.players)
    figure = new_figure(8.0, 0.9 + 0.45 * max(len(types), len(assignment), 3))
    figure.set_layout_engine("none")  # texts beside the graph must not squeeze it
    axes = figure.add_axes((0.25, 0.02, 0.35, 0.9))
    left, right = _heights(len(types)), _heights(len(assignment))
    payoff = dict(zip(answer.tables["imputation"]["type"], answer.tables["imputation"]["payoff"], strict=True))
    scale = max(map(abs, payoff.values()), default=1.0)
    carried = _carried(assignment, types)
    widest = max(carried.values(), default=1.0) or 1.0
    for (k, row), mass in carried.items():
        colour = COLOURS[k % len(COLOURS)]
        axes.plot([0, 1], [left[k], right[row]], color=colour, linewidth=1 + 7 * mass / widest, alpha=0.55, zorder=1)
    for k, name in enumerate(types):
        axes.plot(0, left[k], marker="o", markersize=11, color=COLOURS[k % len(COLOURS)], zorder=3)
        _label(axes, (0, left[k]), f"{name} gets {number(settled(float(payoff[name]), scale))}", "right")
    rows = zip(assignment["group"], assignment["mass"], assignment["surplus"], strict=True)
    for row, (group, mass, surplus) in enumerate(rows):
        axes.plot(1, right[row], marker="s", markersize=11, color=INK, zorder=3)
        text = f"{group_in_words(group, types)}: {number(mass)} of them, worth {number(surplus)} each"
        _label(axes, (1, right[row]), text, "left")
    _bare(axes, answer.title)
    return figure


def _heights(count: int) -> list[float]:
    return [1 - (k + 0.5) / count for k in range(count)]


def _carried(assignment: pd.DataFrame, types: Sequence[str]) -> dict[tuple[int, int], float]:
    """Return how many people of each type each row of the assignment takes in."""
    place = {name: k for k, name in enumerate(types)}
    found = {}
    for row, (group, mass) in enumerate(zip(assignment["group"], assignment["mass"], strict=True)):
        for name, times in Counter(str(group).split("+")).items():
            found[place[name], row] = times * float(mass)
    return found


def _label(axes: Axes, at: tuple[float, float], text: str, side: Literal["left", "right"]) -> None:
    away = (11, 0) if side == "left" else (-11, 0)
    axes.annotate(text, at, xytext=away, textcoords="offset points", ha=side, va="center", fontsize=9)


def _bare(axes: Axes, title: str) -> None:
    axes.set_axis_off()
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(0, 1)
    axes.set_title(title, fontsize=11)


def _by_type(answer: Answer) -> Figure:
    """Draw payoffs by type in ascending order, and how many people are in groups of each size."""
    figure = new_figure(9.6, 4.6)
    panels = figure.subplot_mosaic("ac;bc", width_ratios=(2.4, 1), height_ratios=(2.6, 1))
    payoffs, masses, sizes = panels["a"], panels["b"], panels["c"]
    imputation = answer.tables["imputation"].sort_values("payoff", kind="stable").reset_index(drop=True)
    if imputation["payoff_min"].notna().all():
        payoffs.fill_between(
            imputation.index,
            imputation["payoff_min"],
            imputation["payoff_max"],
            color=FAINT,
            label="all stable payoffs",
        )
    payoffs.plot(imputation.index, imputation["payoff"], color=COLOURS[0], linewidth=1.5, label="payoff")
    masses.fill_between(imputation.index, _people(answer, imputation["type"].tolist()), color=COLOURS[5], step="mid")
    masses.set_ylabel("people")
    masses.set_xlabel("types, by payoff")
    payoffs.set_ylabel("payoff of a member")
    payoffs.legend(frameon=False, fontsize=9)
    payoffs.set_title(answer.title, loc="left", fontsize=11)
    assignment = answer.tables["assignment"]
    size = assignment["group"].str.count(r"\+") + 1
    people = (assignment["mass"] * size).groupby(size).sum()
    sizes.bar([str(k) for k in people.index], people.to_numpy(), color=COLOURS[2])
    sizes.set_xlabel("members of the group")
    sizes.set_ylabel("people")
    for axes in panels.values():
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _people(answer: Answer, types: Sequence[str]) -> list[float]:
    """Return how many people there are of each type: those whom the groups take in."""
    names = list(answer.players)
    found = dict.fromkeys(names, 0.0)
    for (k, _), mass in _carried(answer.tables["assignment"], names).items():
        found[names[k]] += mass
    return [found[name] for name in types]


def has_rounds(answer: Answer) -> bool:
    """Tell whether an answer was found in several rounds, so that there is something to draw over time."""
    return len(answer.tables["convergence"]) > 1


def plot_convergence(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw welfare reached and proven bound over time, and the gap between them.

    Raises
    ------
    PlotError
        When matplotlib is missing or the file cannot be written.
    ValueError
        When the answer was found in one round.
    """
    return save(convergence_figure(answer), path)


def convergence_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_convergence`; gaps of 0 are not on its logarithmic axis."""
    if not has_rounds(answer):
        raise ValueError("the answer was found in one round: there is no convergence to draw")
    history = answer.tables["convergence"]
    figure = new_figure(8.6, 4.2)
    values, gaps = figure.subplots(1, 2)
    finite = history[history["dual"].map(math.isfinite)]
    values.plot(history["seconds"], history["primal"], color=COLOURS[0], marker=".", label="welfare reached")
    values.plot(finite["seconds"], finite["dual"], color=COLOURS[1], marker=".", label="proven bound")
    values.set_ylabel("welfare")
    values.legend(frameon=False, fontsize=9)
    gap = finite["dual"].cummin() - finite["primal"]
    gaps.semilogy(finite["seconds"], gap.where(gap > 0), color=INK, marker=".")
    gaps.set_ylabel("gap")
    for axes in (values, gaps):
        axes.set_xlabel("seconds")
        axes.spines[["top", "right"]].set_visible(False)
    values.set_title(answer.title, loc="left", fontsize=11)
    return figure
