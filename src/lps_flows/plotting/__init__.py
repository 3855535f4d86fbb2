"""Figures from documents: one function each, returning the figure."""

from lps_flows.plotting.clusters import (
    cluster_figure,
    cluster_plotly,
    nearest_crystal_figure,
    nearest_crystal_plotly,
)
from lps_flows.plotting.elasticity import elasticity_figure
from lps_flows.plotting.hull import formation_energy_figure, formation_energy_plotly
from lps_flows.plotting.motifs import motif_figure, motif_plotly
from lps_flows.plotting.rdf import rdf_figure, rdf_plotly
from lps_flows.plotting.region import region_figure, region_plotly
from lps_flows.plotting.ternary import ternary_figure, ternary_plotly
from lps_flows.plotting.write import FigureDocuments, WrittenFigures, write_figures

__all__ = [
    "FigureDocuments",
    "WrittenFigures",
    "cluster_figure",
    "cluster_plotly",
    "elasticity_figure",
    "formation_energy_figure",
    "formation_energy_plotly",
    "motif_figure",
    "motif_plotly",
    "nearest_crystal_figure",
    "nearest_crystal_plotly",
    "rdf_figure",
    "rdf_plotly",
    "region_figure",
    "region_plotly",
    "ternary_figure",
    "ternary_plotly",
    "write_figures",
]
