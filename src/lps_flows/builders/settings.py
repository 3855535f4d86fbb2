"""Settings of all analyses, as a campaign file composes them."""

from __future__ import annotations

from pydantic import Field

from lps_flows.analysis import (
    CandidateSettings,
    ClusterSettings,
    ElasticitySettings,
    FingerprintSettings,
    HullSettings,
    MotifSettings,
    RDFSettings,
    ScatteringSettings,
    WindowSettings,
)
from lps_flows.analysis.elasticity import TensorSettings
from lps_flows.analysis.jumps import JumpSettings
from lps_flows.analysis.phonons import PhononSettings
from lps_flows.foundation import FrozenSettings


class TrendSettings(FrozenSettings):
    """What a trend averages over."""

    n_lowest: int = Field(
        10, ge=1, description="Lowest-energy structures averaged per composition."
    )


class BuildSettings(FrozenSettings):
    """Settings of all analyses."""

    hull: HullSettings = Field(HullSettings(), description="Phase diagrams.")
    windows: WindowSettings = Field(
        WindowSettings(), description="Electrochemical windows."
    )
    motifs: MotifSettings = Field(MotifSettings(), description="Motifs.")
    trends: TrendSettings = Field(TrendSettings(), description="Motif trends.")
    rdf: RDFSettings = Field(RDFSettings(), description="Distribution functions.")
    scattering: ScatteringSettings = Field(
        ScatteringSettings(), description="Structure factors."
    )
    fingerprints: FingerprintSettings = Field(
        FingerprintSettings(),
        description="Fingerprints; the classes rest on those of this element.",
    )
    all_atom_fingerprints: bool = Field(
        True, description="Make fingerprints over all atoms, too."
    )
    clusters: ClusterSettings = Field(ClusterSettings(), description="Classes.")
    candidates: CandidateSettings = Field(
        CandidateSettings(), description="The candidate rule."
    )
    elasticity: ElasticitySettings = Field(
        ElasticitySettings(), description="Equations of state."
    )
    elastic_tensor: TensorSettings = Field(
        TensorSettings(), description="Deformations of elastic tensors."
    )
    jumps: JumpSettings = Field(
        JumpSettings(), description="Sites and jumps of the mobile ions."
    )
    phonons: PhononSettings = Field(
        PhononSettings(), description="Vibrations and free energies."
    )
