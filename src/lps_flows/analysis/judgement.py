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
from lps_flows.analysis.resampling import draws_of
from lps_flows.chemistry import CompositionLine
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.candidates import CandidateVerdict, ClassEvidence
from lps_flows.schemas.phase_diagram import UNKNOWN, EnergyErrors

_LI_P_S = CompositionLine()


def judge(
    structures: Sequence[StructureRecord],
    line: CompositionLine = _LI_P_S,
    *,
    rule: CandidateSettings,
    hull: HullSettings,
    fingerprints: FingerprintSettings,
    clusters: ClusterSettings,
    errors: EnergyErrors = UNKNOWN,
) -> list[CandidateVerdict]:
    """Apply hull, gaps, classes and rule to the structures of a campaign.

    These are the steps that the builders take one by one; the verdicts are the same.

    Parameters
    ----------
    errors
        What is known of the errors of the energies (`energy_errors`).

    Returns
    -------
    list of CandidateVerdict
        One per glass-ceramic composition, the chosen ones first.

    Examples
    --------
    >>> from lps_flows.chemistry import CompositionLine, crystal, supercell_near
    >>> from lps_flows.schemas.structure import Provenance, StructureDocument
    >>> def record(key, source, formation, cell):
    ...     line = CompositionLine()
    ...     li2s, p2s5 = line.amounts(cell.composition)
    ...     energy = -10 * li2s - 30 * p2s5 + formation * len(cell)
    ...     made = Provenance(source=source, parent=key)
    ...     relaxed = StructureDocument.of(
    ...         cell, energy, made, method="m", line=line, relaxed=True
    ...     )
    ...     return StructureRecord(**dict(relaxed), structure_id=f"{key} {source}")
    >>> crystals = {"Li2S": 0.0, "P2S5": 0.0, "beta-Li3PS4": -0.18, "LiPS3": -0.09}
    >>> structures = [record(k, "crystal", e, crystal(k)) for k, e in crystals.items()]
    >>> glass = crystal("beta-Li3PS4").perturb(0.05, seed=1)
    >>> structures.append(record("beta-Li3PS4", "ga", -0.17, glass))
    >>> (verdict,) = judge(
    ...     structures,
    ...     rule=CandidateSettings(),
    ...     hull=HullSettings(),
    ...     fingerprints=FingerprintSettings(),
    ...     clusters=ClusterSettings(),
    ... )
    >>> verdict.formula_pretty, round(verdict.energy_above_hull, 3)
    ('Li3PS4', 0.01)
    """
    fingerprints = fingerprints.on(line)
    diagram, _ = phase_diagram(structures, hull, line, errors=errors)
    model, places = structure_classes(
        [
            fingerprint_document(structure, fingerprints)
            for structure in structures
            if structure.relaxed and has_fingerprint(structure.formula, fingerprints)
        ],
        clusters.on(line),
    )
    return select_candidates(
        evidence_of(diagram, places),
        diagram.metastable_hull,
        ClassEvidence.of(model),
        rule,
        draws_of(diagram),
    )
