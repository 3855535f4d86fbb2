"""Conductivity over composition, parent crystal and class.

Values by different methods of the dynamics, or at different temperatures, are never
brought together, nor are structures by different methods of the energies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from lps_flows.schemas.built import StructureHead
from lps_flows.schemas.clusters import ClusterAssignment
from lps_flows.schemas.conductivity_map import (
    ConductivityMapDocument,
    ConductivityPoint,
)
from lps_flows.schemas.transport import TransportDocument, TransportRecord


class Group(NamedTuple):
    """What conductivities must share to be compared."""

    campaign: str
    method: str
    """Of the energies, by which the structures were relaxed and chosen."""
    dynamics_method: str
    reference_temperature: float
    """Of the conductivities (K)."""

    @property
    def map_id(self) -> str:
        """Id of the document."""
        return "|".join([*self[:3], f"{self.reference_temperature:g}"])


def comparable(
    records: Sequence[TransportRecord], methods: Mapping[str, str]
) -> dict[Group, list[TransportRecord]]:
    """Group conductivities of known structures; one of each structure counts."""
    counting: dict[tuple[Group, str], TransportRecord] = {}
    for record in sorted(records, key=_counts):
        structure_id = record.structure_id or ""
        if structure_id in methods:
            group = Group(
                record.campaign,
                methods[structure_id],
                record.method,
                record.reference_temperature,
            )
            counting[group, structure_id] = record
    groups = defaultdict(list)
    for (group, _), record in counting.items():
        groups[group].append(record)
    return dict(groups)


def conductivity_map(
    group: Group,
    records: Sequence[TransportRecord],
    structures: Mapping[str, StructureHead],
    places: Mapping[str, ClusterAssignment],
    *,
    element: str | None,
    source: str = "",
) -> ConductivityMapDocument:
    """Return conductivity over x for the structures of one group.

    Parameters
    ----------
    records
        The conductivities, one per structure (`comparable`); those of structures off
        the line have no place on it and are left out.
    structures, places
        The structures and their classes, by structure id.
    """
    points = []
    for record in records:
        head = structures[record.structure_id or ""]
        place = places.get(head.structure_id)
        if head.x is None:
            continue
        points.append(
            ConductivityPoint(
                label=record.label,
                formula_pretty=head.formula_pretty,
                x=head.x,
                source=head.provenance.source,
                parent=head.provenance.parent,
                class_label=place and place.label,
                nearest=place and place.nearest,
                activation_energy=record.activation_energy,
                conductivity=record.conductivity,
                conductivity_interval=record.conductivity_interval,
                conductivity_intact=record.conductivity_intact,
                trusted=record.trusted,
                why_not=why_not_trusted(record),
                structure_id=head.structure_id,
                transport_id=record.transport_id,
            )
        )
    return ConductivityMapDocument(
        **group._asdict(),
        map_id=group.map_id,
        element=element,
        source_digest=source,
        points=sorted(points, key=lambda p: (p.x, p.label, p.structure_id)),
    )


def why_not_trusted(document: TransportDocument) -> str:
    """Return why a conductivity is not trusted; an empty text when it is."""
    if document.trusted:
        return ""
    used = [run for run in document.runs if run.used]
    if document.conductivity is None:
        count = f"{len(used)} of {len(document.runs)} runs could be used"
        return f"no Arrhenius line: {count}"
    broken = [run.temperature for run in used if run.framework_survived is False]
    if broken:
        return f"the framework broke at {', '.join(f'{T:g}' for T in broken)} K"
    if document.framework_survived is not True:
        return "whether the framework survived is not known"
    return "the diffusivity does not rise with temperature"


def conductivity_of(
    structure_id: str, records: Sequence[TransportRecord], methods: Mapping[str, str]
) -> TransportRecord | None:
    """Return the conductivity of one structure that stands for it, None without any.

    It is the one that ranks it; of a structure that is in no comparison, its own that
    is trusted and newest. Parameters as `comparable`.
    """
    own = [record for record in records if record.structure_id == structure_id]
    ranking = largest_comparison(records, methods)
    return ranking.get(structure_id) or max(own, key=_counts, default=None)


def _counts(record: TransportRecord) -> tuple[bool, datetime, str]:
    """Order conductivities of a structure: what is trusted counts, then the newest."""
    return record.trusted, record.last_updated, record.transport_id


def largest_comparison(
    records: Sequence[TransportRecord], methods: Mapping[str, str]
) -> dict[str, TransportRecord]:
    """Return the conductivities that can rank structures, by structure id.

    Of several methods of the dynamics the one counts that gives most trusted values.
    Parameters as `comparable`.
    """
    groups = comparable([r for r in records if r.conductivity is not None], methods)
    best = max(
        groups.items(),
        key=lambda item: (sum(r.trusted for r in item[1]), len(item[1]), item[0]),
        default=(None, []),
    )[1]
    return {record.structure_id or "": record for record in best}
