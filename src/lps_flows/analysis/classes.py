"""The classes of a campaign's structures, from their fingerprints.

The builders and the job that chooses what goes into dynamics both call
`structure_classes`, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lps_flows.analysis.clustering import ClusterSettings, fit_clusters, takes_part
from lps_flows.analysis.fingerprints import FingerprintSettings, structure_fingerprint
from lps_flows.chemistry import UnknownCrystalError, composition_of, crystal
from lps_flows.schemas.base import Document
from lps_flows.schemas.built import StructureRecord, StructureResult, facts_of
from lps_flows.schemas.clusters import (
    ClusterAssignment,
    ClusterModel,
    ClusterModelDocument,
)
from lps_flows.schemas.fingerprints import FingerprintDocument

LIBRARY = "library"
"""Source of a reference crystal that the campaign does not hold."""

_REPEATED = {"element", *StructureResult.model_fields} - set(Document.model_fields)


def fingerprint_id(structure_id: str, element: str | None) -> str:
    """Return the id of a structure's fingerprint by one element's atoms."""
    return f"{structure_id}|{element or 'all'}"


def model_id(campaign: str, method: str, element: str | None) -> str:
    """Return the id of the classes of one campaign by one method and element."""
    return f"{campaign}|{method}|{element or 'all'}"


def has_fingerprint(formula: str, settings: FingerprintSettings) -> bool:
    """Return True when the descriptor knows all elements and finds its own."""
    elements = composition_of(formula).get_el_amt_dict()
    wanted = settings.element
    return set(elements) <= set(settings.species or ()) and (
        wanted is None or wanted in elements
    )


def fingerprint_document(
    record: StructureRecord, settings: FingerprintSettings, *, source: str = ""
) -> FingerprintDocument:
    """Return the fingerprint document of one structure."""
    vector = structure_fingerprint(record.structure, settings=settings)
    return FingerprintDocument(
        **facts_of(record),
        source_digest=source,
        fingerprint_id=fingerprint_id(record.structure_id, settings.element),
        element=settings.element,
        fingerprint=vector.tolist(),
        settings=settings.model_dump(mode="json"),
    )


def structure_classes(
    fingerprints: Sequence[FingerprintDocument],
    settings: ClusterSettings,
    *,
    source: str = "",
    previous: ClusterModelDocument | None = None,
) -> tuple[ClusterModelDocument, list[ClusterAssignment]]:
    """Fit the classes of one group of structures and place every structure in them.

    Parameters
    ----------
    fingerprints
        Fingerprints of one campaign, method and element. Structures that do not take
        part (`takes_part`) are left out.
    previous
        Model of the last build, whose labels are kept.

    Raises
    ------
    ClusteringError
        With fewer than three different structures.
    """
    # k-means starts from the rows in their order: it must be the same for everyone
    taking_part = sorted(
        (
            document
            for document in fingerprints
            if takes_part(
                composition_of(document.formula_pretty).get_el_amt_dict(),
                document.x,
                document.settings["species"],
            )
        ),
        key=lambda document: document.structure_id,
    )
    data = np.array([document.fingerprint for document in taking_part])
    references, origins = _references(taking_part, settings.references)
    model = fit_clusters(data, references, settings, previous)
    first = taking_part[0]
    group = {"campaign": first.campaign, "method": first.method}
    document = ClusterModelDocument(
        **dict(model),
        **group,
        model_id=model_id(**group, element=first.element),
        source_digest=source,
        element=first.element,
        n_structures=len(taking_part),
        reference_sources=origins,
        reference_classes={
            key: int(model.classify(v)[0]) for key, v in model.references.items()
        },
        fingerprint_settings=first.settings,
        settings=settings.model_dump(mode="json"),
    )
    reduced = model.reduce(data)
    places = [
        _place(fingerprint, coordinates, label, similarities, model)
        for fingerprint, coordinates, label, similarities in zip(
            taking_part,
            reduced.round(8).tolist(),
            model.classify(reduced).tolist(),
            model.all_similarities(reduced),
            strict=True,
        )
    ]
    return document, places


def _references(
    fingerprints: Sequence[FingerprintDocument], keys: Sequence[str] | None
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the fingerprints of the reference crystals and where they come from.

    The lowest relaxed crystal of the group stands for its key; a crystal the group
    does not hold comes from the library, as it was published. None are all crystals
    of the group.
    """
    vectors: dict[str, np.ndarray] = {}
    sources: dict[str, str] = {}
    if not fingerprints:
        return vectors, sources
    made_with = FingerprintSettings.model_validate(fingerprints[0].settings)
    if keys is None:
        crystals = {d.parent for d in fingerprints if d.source == "crystal"}
        keys = sorted(key for key in crystals if key is not None)
    for key in keys:
        own = [d for d in fingerprints if d.source == "crystal" and d.parent == key]
        if own:
            lowest = min(own, key=lambda d: (d.energy_per_atom, d.structure_id))
            vectors[key] = np.array(lowest.fingerprint)
            sources[key] = lowest.structure_id
            continue
        try:
            published = crystal(key)
        except UnknownCrystalError:  # one of the campaign's own, not relaxed
            continue
        if has_fingerprint(published.formula, made_with):
            vectors[key] = structure_fingerprint(published, settings=made_with)
            sources[key] = LIBRARY
    return vectors, sources


def _place(
    fingerprint: FingerprintDocument,
    coordinates: list[float],
    label: int,
    similarities: dict[str, float],
    model: ClusterModel,
) -> ClusterAssignment:
    return ClusterAssignment(
        **fingerprint.model_dump(include=_REPEATED),
        assignment_id=fingerprint.fingerprint_id,
        coordinates=coordinates,
        label=label,
        similarities=similarities,
        nearest=model.nearest(similarities),
    )
