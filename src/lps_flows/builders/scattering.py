"""Structure factors averaged over the lowest structures of every composition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lps_flows.analysis.scattering import (
    ScatteringSettings,
    pair_distribution,
    powder_lines,
    structure_factors,
)
from lps_flows.builders.rdf import StructuresBuilder
from lps_flows.schemas.built import StructureRecord, facts_of, facts_of_lowest
from lps_flows.schemas.scattering import (
    SCATTERING_INDEXES,
    Pattern,
    Radiation,
    ScatteringDocument,
)

_RADIATIONS: tuple[Radiation, ...] = ("neutron", "xray")


def scattering_document(
    records: Sequence[StructureRecord],
    settings: ScatteringSettings,
    *,
    name: str,
    source: str = "",
) -> ScatteringDocument:
    """Return the patterns of one composition from one parent."""
    structures = [record.structure for record in records]
    q, r = settings.q(), settings.r()
    factors = structure_factors(structures, _RADIATIONS, q, r_max=settings.pair_cutoff)
    patterns = [
        Pattern(
            radiation=radiation, s=s.round(5), g=pair_distribution(q, s, r).round(5)
        )
        for radiation, s in factors.items()
        if np.isfinite(s).all()
    ]
    crystal = records[0].provenance.source == "crystal"
    return ScatteringDocument(
        **facts_of_lowest([facts_of(record) for record in records]),
        scattering_id=name,
        source_digest=source,
        q=q.round(6),
        r=r.round(6),
        patterns=patterns,
        lines=powder_lines(structures[0], settings.wavelength) if crystal else [],
        settings=settings.model_dump(mode="json"),
    )


class ScatteringBuilder(StructuresBuilder):
    """One document per composition and parent, over its lowest structures.

    Parameters as `IncrementalBuilder`, with `ScatteringSettings`; the source is the
    ``structures`` collection.
    """

    key = "scattering_id"
    indexes = SCATTERING_INDEXES
    settings_type = ScatteringSettings
    average = staticmethod(scattering_document)
