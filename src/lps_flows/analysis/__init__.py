"""Pure functions on structures, energies and trajectories."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.analysis.arrhenius import ArrheniusError, ArrheniusFit, arrhenius
    from lps_flows.analysis.candidates import CandidateSettings, select_candidates
    from lps_flows.analysis.clustering import ClusterSettings, fit_clusters, takes_part
    from lps_flows.analysis.conductivity import ConductivityError, nernst_einstein
    from lps_flows.analysis.diffusivity import diffusivity
    from lps_flows.analysis.elasticity import ElasticitySettings, EOSFit, fit_eos
    from lps_flows.analysis.electrochemistry import (
        WindowSettings,
        electrochemical_window,
        interface_reaction,
        voltage_error,
    )
    from lps_flows.analysis.fingerprints import (
        FingerprintSettings,
        similarity,
        structure_fingerprint,
    )
    from lps_flows.analysis.hull import (
        HullEntry,
        HullError,
        HullSettings,
        formation_energy_per_atom,
    )
    from lps_flows.analysis.hull_gaps import (
        CompositionPoint,
        gaps,
        lowest_points,
        metastable_hull,
    )
    from lps_flows.analysis.hull_places import line_hull, ternary_hull
    from lps_flows.analysis.judgement import judge
    from lps_flows.analysis.motifs import (
        MOTIFS,
        MotifAnalysis,
        MotifSettings,
        analyse_motifs,
        classify_motifs,
    )
    from lps_flows.analysis.phase_diagram import phase_diagram
    from lps_flows.analysis.rdf import RDFSettings, partial_rdf, partial_rdfs
    from lps_flows.analysis.scattering import (
        ScatteringSettings,
        pair_distribution,
        powder_lines,
        structure_factor,
    )
    from lps_flows.analysis.trajectory_files import (
        file_diffusivity,
        read_trajectory_file,
    )
    from lps_flows.schemas.candidates import (
        CandidateVerdict,
        ClassEvidence,
        CompositionEvidence,
    )
    from lps_flows.schemas.clusters import ClusterModel
    from lps_flows.schemas.md import Diffusivity
    from lps_flows.schemas.phase_diagram import HullInterval, HullPlace
    from lps_flows.schemas.rdf import PartialDistribution

__all__ = [
    "MOTIFS",
    "ArrheniusError",
    "ArrheniusFit",
    "CandidateSettings",
    "CandidateVerdict",
    "ClassEvidence",
    "ClusterModel",
    "ClusterSettings",
    "CompositionEvidence",
    "CompositionPoint",
    "ConductivityError",
    "Diffusivity",
    "EOSFit",
    "ElasticitySettings",
    "FingerprintSettings",
    "HullEntry",
    "HullError",
    "HullInterval",
    "HullPlace",
    "HullSettings",
    "MotifAnalysis",
    "MotifSettings",
    "PartialDistribution",
    "RDFSettings",
    "ScatteringSettings",
    "WindowSettings",
    "analyse_motifs",
    "arrhenius",
    "classify_motifs",
    "diffusivity",
    "electrochemical_window",
    "file_diffusivity",
    "fit_clusters",
    "fit_eos",
    "formation_energy_per_atom",
    "gaps",
    "interface_reaction",
    "judge",
    "line_hull",
    "lowest_points",
    "metastable_hull",
    "nernst_einstein",
    "pair_distribution",
    "partial_rdf",
    "partial_rdfs",
    "phase_diagram",
    "powder_lines",
    "read_trajectory_file",
    "select_candidates",
    "similarity",
    "structure_factor",
    "structure_fingerprint",
    "takes_part",
    "ternary_hull",
    "voltage_error",
]

show(__name__)
