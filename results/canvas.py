"""What all pictures share: colours, marks, figures and files. Matplotlib is an extra, loaded on the first call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#222222"
FAINT = "#b8b8b8"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31", "#7b4173")
"""Colours that the colour-blind tell apart (Okabe and Ito 2008), and two more."""


class PlotError(Exception):
    """A picture cannot be drawn or saved; the message names the remedy."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches.

    Raises
    ------
    PlotError
        When matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure as MatplotlibFigure  # noqa: PLC0415 - an extra, loaded when needed
    except ImportError as error:
        raise PlotError("pictures need matplotlib: pip install breakaway[plots]") from error
    return MatplotlibFigure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Save a figure as PNG or SVG, by the suffix of the file name, and return its path.

    Raises
    ------
    PlotError
        For another suffix, or when the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in {".png", ".svg"}:
        raise PlotError(f"{target}: pictures are PNG or SVG; end the file name in .png or .svg")
    try:
        figure.savefig(target, dpi=160, bbox_inches="tight")
    except OSError as error:
        raise PlotError(f"{target}: cannot be written ({error}); give a file in an existing folder") from error
    return target
