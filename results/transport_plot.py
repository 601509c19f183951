"""The picture of pairs as a transport plan: the assignment on unordered pairs, and the symmetric plan that it becomes.

Off the diagonal the plan repeats the mass of a pair, on the diagonal it doubles it
(:func:`breakaway.data.groups.symmetric_plan`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from breakaway.data.groups import symmetric_plan
from breakaway.results.canvas import INK, new_figure, save
from breakaway.results.records import Answer
from breakaway.results.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 24
"""Up to this many types rows and columns are named."""

MOST_WRITTEN = 9
"""Up to this many types the masses are written into the cells."""


def has_pairs_only(answer: Answer) -> bool:
    """Tell whether every group that forms has at most two members."""
    return not answer.tables["assignment"]["group"].str.count(r"\+").gt(1).any()


def plot_transport(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Draw an assignment to pairs, and the symmetric transport plan that it becomes.

    Raises
    ------
    ValueError
        When some group has more than two members.
    PlotError
        When matplotlib is missing or the file cannot be written.
    """
    return save(transport_figure(answer), path)


def transport_figure(answer: Answer) -> Figure:
    """Return the picture of :func:`plot_transport`."""
    if not has_pairs_only(answer):
        raise ValueError("a transport plan is drawn for pairs; some group has more than two members")
    pairs, plan = plans(answer)
    figure = new_figure(10.0, 5.2)
    left, right = figure.subplots(1, 2)
    _draw(left, answer, pairs, "assignment: mass of every pair")
    _draw(right, answer, plan, "symmetric plan: the diagonal is doubled")
    figure.suptitle(answer.title, x=0.01, ha="left", fontsize=11)
    return figure


def plans(answer: Answer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return tau on unordered pairs (upper triangle; pairs only), and the symmetric plan, shape (types, types)."""
    place = {name: k for k, name in enumerate(answer.players)}
    assignment = answer.tables["assignment"]
    masses = assignment["mass"].to_numpy(dtype=np.float64)
    groups = np.full((len(assignment), 2), -1, dtype=np.int32)
    for row, group in enumerate(assignment["group"].tolist()):
        members = sorted(place[name] for name in str(group).split("+"))
        groups[row, : len(members)] = members
    pairs = np.zeros((len(place), len(place)))
    paired = groups[:, 1] >= 0
    np.add.at(pairs, (groups[paired, 0], groups[paired, 1]), masses[paired])
    return pairs, symmetric_plan(len(place), groups, masses)


def _draw(axes: Axes, answer: Answer, masses: NDArray[np.float64], title: str) -> None:
    shown = np.ma.masked_where(masses <= 0, masses)
    axes.imshow(shown, cmap="Blues", vmin=0, interpolation="nearest")
    axes.set_title(title, fontsize=10)
    named = len(masses) <= MOST_NAMED
    axes.set_xticks(range(len(masses)) if named else [])
    axes.set_yticks(range(len(masses)) if named else [])
    if named:
        axes.set_xticklabels(answer.players, rotation=90 if len(masses) > 8 else 0, fontsize=8)
        axes.set_yticklabels(answer.players, fontsize=8)
    if len(masses) <= MOST_WRITTEN:
        for (i, j), mass in np.ndenumerate(masses):
            if mass > 0:
                dark = mass > 0.6 * masses.max()
                axes.text(j, i, number(mass), ha="center", va="center", fontsize=8, color="white" if dark else INK)
