"""Figures for print, matplotlib, from documents: one function each."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.plotting.clusters import cluster_figure, nearest_crystal_figure
    from lps_flows.plotting.conductivity_map import conductivity_map_figure
    from lps_flows.plotting.density import density_figure
    from lps_flows.plotting.elasticity import elasticity_figure, moduli_figure
    from lps_flows.plotting.hull import formation_energy_figure
    from lps_flows.plotting.motifs import motif_figure
    from lps_flows.plotting.rdf import rdf_figure
    from lps_flows.plotting.region import region_figure
    from lps_flows.plotting.style import NothingToPlotError
    from lps_flows.plotting.ternary import TernaryError, ternary_figure
    from lps_flows.plotting.transport import arrhenius_figure, msd_figure
    from lps_flows.plotting.write import WrittenFigures, write_figures

__all__ = [
    "NothingToPlotError",
    "TernaryError",
    "WrittenFigures",
    "arrhenius_figure",
    "cluster_figure",
    "conductivity_map_figure",
    "density_figure",
    "elasticity_figure",
    "formation_energy_figure",
    "moduli_figure",
    "motif_figure",
    "msd_figure",
    "nearest_crystal_figure",
    "rdf_figure",
    "region_figure",
    "ternary_figure",
    "write_figures",
]

show(__name__)
