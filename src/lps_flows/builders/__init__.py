"""Builders: from what jobs computed to results, incrementally."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.builders.build import all_builders, build_all, run_builder
    from lps_flows.builders.candidates import CandidateBuilder
    from lps_flows.builders.clusters import ClusterBuilder
    from lps_flows.builders.conductivity_map import ConductivityMapBuilder
    from lps_flows.builders.elastic_tensors import ElasticTensorBuilder
    from lps_flows.builders.elasticity import ElasticityBuilder
    from lps_flows.builders.fingerprints import FingerprintBuilder
    from lps_flows.builders.free_energies import FreeEnergyBuilder
    from lps_flows.builders.jumps import JumpBuilder
    from lps_flows.builders.motifs import MotifBuilder, MotifTrendBuilder
    from lps_flows.builders.phase_diagram import PhaseDiagramBuilder
    from lps_flows.builders.rdf import RDFBuilder
    from lps_flows.builders.results import (
        NoResultsError,
        ResultStore,
        as_far_as_known,
        read_results,
    )
    from lps_flows.builders.scattering import ScatteringBuilder
    from lps_flows.builders.settings import BuildSettings, TrendSettings
    from lps_flows.builders.stores import KEYS, result_store
    from lps_flows.builders.structures import StructureBuilder
    from lps_flows.builders.transport import TransportBuilder
    from lps_flows.builders.windows import WindowBuilder

__all__ = [
    "KEYS",
    "BuildSettings",
    "CandidateBuilder",
    "ClusterBuilder",
    "ConductivityMapBuilder",
    "ElasticTensorBuilder",
    "ElasticityBuilder",
    "FingerprintBuilder",
    "FreeEnergyBuilder",
    "JumpBuilder",
    "MotifBuilder",
    "MotifTrendBuilder",
    "NoResultsError",
    "PhaseDiagramBuilder",
    "RDFBuilder",
    "ResultStore",
    "ScatteringBuilder",
    "StructureBuilder",
    "TransportBuilder",
    "TrendSettings",
    "WindowBuilder",
    "all_builders",
    "as_far_as_known",
    "build_all",
    "read_results",
    "result_store",
    "run_builder",
]

show(__name__)
