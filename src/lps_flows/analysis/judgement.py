"""From relaxed structures to a verdict on every composition, in one go."""

from __future__ import annotations

from collections.abc import Sequence

from lps_flows.analysis.candidates import (
    CandidateSettings,
    evidence_of,
    select_candidates,
)
from lps_flows.analysis.classes import (
    fingerprint_document,
    has_fingerprint,
    structure_classes,
)
from lps_flows.analysis.clustering import ClusterSettings
from lps_flows.analysis.fingerprints import FingerprintSettings
from lps_flows.analysis.hull import HullSettings
from lps_flows.analysis.phase_diagram import phase_diagram
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.candidates import CandidateVerdict


def judge(
    structures: Sequence[StructureRecord],
    *,
    rule: CandidateSettings,
    hull: HullSettings,
    fingerprints: FingerprintSettings,
    clusters: ClusterSettings,
) -> list[CandidateVerdict]:
    """Apply hull, gaps, classes and rule to the structures of a campaign.

    These are the steps that the builders take one by one; the verdicts are the same.

    Parameters
    ----------
    structures
        Relaxed structures of one campaign by one method.
    rule
        Thresholds of the candidate rule.
    hull, fingerprints, clusters
        Settings of the analyses it rests on.

    Returns
    -------
    list of CandidateVerdict
        One per glass-ceramic composition, the chosen ones first.
    """
    diagram, _ = phase_diagram(structures, hull)
    model, places = structure_classes(
        [
            fingerprint_document(structure, fingerprints)
            for structure in structures
            if structure.relaxed and has_fingerprint(structure.formula, fingerprints)
        ],
        clusters,
    )
    return select_candidates(
        evidence_of(diagram, places),
        diagram.metastable_hull,
        model.reference_classes,
        rule,
    )
