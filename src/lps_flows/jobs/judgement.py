"""The candidate rule, from relaxed structures to a verdict per composition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lps_flows.analysis import (
    CandidateSettings,
    CandidateVerdict,
    ClusterSettings,
    CompositionEvidence,
    CompositionPoint,
    FingerprintSettings,
    HullEntry,
    HullSettings,
    fit_clusters,
    line_hull,
    lowest_points,
    metastable_hull,
    select_candidates,
    structure_fingerprint,
    takes_part,
)
from lps_flows.chemistry import CompositionLine
from lps_flows.schemas import StructureDocument


def judge(
    crystals: Mapping[str, StructureDocument],
    glasses: Mapping[str, StructureDocument],
    *,
    rule: CandidateSettings,
    hull: HullSettings,
    fingerprints: FingerprintSettings,
    clusters: ClusterSettings,
) -> list[CandidateVerdict]:
    """Apply hull, gaps, classes and rule to relaxed structures.

    Parameters
    ----------
    crystals
        Relaxed crystals by key.
    glasses
        Relaxed glass-ceramic structures by job uuid.
    rule
        Thresholds of the candidate rule.
    hull, fingerprints, clusters
        Settings of the analyses it rests on.

    Returns
    -------
    list of CandidateVerdict
        One per composition, the chosen ones first.
    """
    line = CompositionLine(end_members=hull.end_members)
    everything = {**crystals, **glasses}
    places = {
        point.entry_id: point
        for point in line_hull(
            [_entry(name, document) for name, document in everything.items()],
            hull.end_members,
        )
    }
    lowest = lowest_points(
        [
            CompositionPoint(
                formula=document.structure.composition.reduced_formula,
                x=float(document.x),
                formation_energy=float(places[uuid].formation_energy or 0.0),
                entry_id=uuid,
            )
            for uuid, document in glasses.items()
            if document.x is not None
        ]
    )
    intervals = (
        metastable_hull(lowest, line, hull.gap_tolerance / 1000)
        if len(lowest) > 1
        else []
    )
    classes, reference_classes = _classify(crystals, glasses, fingerprints, clusters)
    return select_candidates(
        [
            CompositionEvidence(
                formula=point.formula,
                x=point.x,
                structure_id=point.entry_id,
                e_above_hull=places[point.entry_id].e_above_hull,
                class_label=classes[point.entry_id],
            )
            for point in lowest
        ],
        intervals,
        reference_classes,
        rule,
    )


def _classify(
    crystals: Mapping[str, StructureDocument],
    glasses: Mapping[str, StructureDocument],
    fingerprints: FingerprintSettings,
    clusters: ClusterSettings,
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the class of every glass by uuid, and of every reference by key."""
    element = fingerprints.element
    vectors = {
        name: structure_fingerprint(document.structure, settings=fingerprints)
        for name, document in {**crystals, **glasses}.items()
        if (element is None or element in document.structure.composition)
        and takes_part(
            document.structure.composition.get_el_amt_dict(),
            document.x,
            fingerprints.species,
        )
    }
    references = {key: vectors[key] for key in clusters.references if key in vectors}
    model = fit_clusters(np.array(list(vectors.values())), references, clusters)
    names = [name for name in vectors if name in glasses]
    labels = model.classify(model.reduce(np.array([vectors[n] for n in names])))
    return (
        dict(zip(names, (int(label) for label in labels), strict=True)),
        model.reference_classes(),
    )


def _entry(name: str, document: StructureDocument) -> HullEntry:
    return HullEntry(
        entry_id=name,
        composition=document.structure.composition,
        energy=document.energy,
        method=document.method,
    )
