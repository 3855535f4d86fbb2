"""Pure functions on structures, energies and trajectories."""

from lps_flows.analysis.elasticity import ElasticitySettings, EOSFit, fit_eos
from lps_flows.analysis.motifs import (
    MOTIFS,
    MotifAnalysis,
    MotifSettings,
    analyse_motifs,
    classify_motifs,
)
from lps_flows.analysis.rdf import PartialRDF, RDFSettings, partial_rdf, partial_rdfs

__all__ = [
    "MOTIFS",
    "EOSFit",
    "ElasticitySettings",
    "MotifAnalysis",
    "MotifSettings",
    "PartialRDF",
    "RDFSettings",
    "analyse_motifs",
    "classify_motifs",
    "fit_eos",
    "partial_rdf",
    "partial_rdfs",
]
