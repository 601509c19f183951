"""Pictures of answers: the lattice of coalition structures, the payoff triangle, payoffs by structure.

Each ``plot_...`` writes a file, PNG or SVG by its suffix; the ``..._figure`` beside it returns the figure.
"""

from breakaway.results.canvas import PlotError
from breakaway.results.concepts_plot import concepts_figure, plot_concepts
from breakaway.results.groups_plot import convergence_figure, groups_figure, plot_convergence, plot_groups
from breakaway.results.lattice_plot import lattice_figure, plot_lattice
from breakaway.results.patterns_plot import patterns_figure, plot_patterns
from breakaway.results.payoffs_plot import payoffs_figure, plot_payoffs
from breakaway.results.plane_plot import plane_figure, plot_plane
from breakaway.results.public_goods_plot import bounds_figure, gains_figure, plot_bounds, plot_gains
from breakaway.results.transport_plot import plot_transport, transport_figure
from breakaway.results.triangle import Claim, Triangle, triangle_of_answer, triangle_of_game
from breakaway.results.triangle_plot import plot_triangle, triangle_figure

__all__ = [
    "Claim",
    "PlotError",
    "Triangle",
    "bounds_figure",
    "concepts_figure",
    "convergence_figure",
    "gains_figure",
    "groups_figure",
    "lattice_figure",
    "patterns_figure",
    "payoffs_figure",
    "plane_figure",
    "plot_bounds",
    "plot_concepts",
    "plot_convergence",
    "plot_gains",
    "plot_groups",
    "plot_lattice",
    "plot_patterns",
    "plot_payoffs",
    "plot_plane",
    "plot_transport",
    "plot_triangle",
    "transport_figure",
    "triangle_figure",
    "triangle_of_answer",
    "triangle_of_game",
]
