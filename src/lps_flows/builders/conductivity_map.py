"""Conductivity over composition, with parent and class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from maggma.core import Store

from lps_flows.analysis.conductivity_map import comparable, conductivity_map
from lps_flows.builders.increment import IncrementalBuilder, digest, query_heads
from lps_flows.schemas.clusters import ClusterAssignment
from lps_flows.schemas.conductivity_map import MAP_INDEXES
from lps_flows.schemas.damage import readable
from lps_flows.schemas.transport import TransportRecord


class ConductivityMapBuilder(IncrementalBuilder):
    """One document per campaign, method, method of the dynamics, and temperature.

    Parameters
    ----------
    campaign, chunk_size
        As `IncrementalBuilder`.
    """

    key = "map_id"
    indexes = MAP_INDEXES

    def __init__(
        self,
        transport: Store,
        structures: Store,
        clusters: Store,
        conductivity_maps: Store,
        *,
        element: str | None = "Li",
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.transport = transport
        self.structures = structures
        self.clusters = clusters
        self.conductivity_maps = conductivity_maps
        self.element = element
        super().__init__(
            transport, conductivity_maps, campaign=campaign, chunk_size=chunk_size
        )
        self.sources += [structures, clusters]

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the groups of which a conductivity, structure or class changed."""
        self.ensure_indexes()
        known = self.source.query({**self.scope(), "structure_id": {"$ne": None}})
        records = list(readable(TransportRecord.from_store, known))
        heads = {
            head.structure_id: head
            for head in query_heads(self.structures, self.campaign)
        }
        methods = {
            name: head.method for name, head in heads.items() if head.x is not None
        }
        groups = comparable(records, methods)
        ids = [record.structure_id for group in groups.values() for record in group]
        placed = self.clusters.query(
            {"structure_id": {"$in": ids}, "element": self.element}
        )
        places = {
            place.structure_id: place
            for place in readable(ClusterAssignment.from_store, placed)
        }
        by_id, wanted = {}, {}
        for group, members in groups.items():
            rests_on = []
            for record in sorted(members, key=lambda r: r.transport_id):
                structure_id = record.structure_id or ""
                place = places.get(structure_id)
                rests_on.append(
                    (
                        *(record.transport_id, record.source_digest),
                        heads[structure_id].version,
                        place and (place.label, place.nearest),
                    )
                )
            by_id[group.map_id] = (group, members)
            wanted[group.map_id] = digest(self.element, rests_on)
        for map_id in self.out_of_date(wanted):
            group, members = by_id[map_id]
            yield {
                "group": group,
                "records": members,
                "structures": {
                    name: heads[name]
                    for record in members
                    if (name := record.structure_id)
                },
                "places": places,
                "source": wanted[map_id],
            }

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Bring one group together."""
        return [conductivity_map(**item, element=self.element).model_dump()]
