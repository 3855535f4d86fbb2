"""One document per composition and parent crystal, over its lowest structures."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lps_flows.builders.increment import IncrementalBuilder, digest, plain
from lps_flows.schemas.built import BuiltDocument


def group_name(head: dict[str, Any]) -> str:
    """Return the id of the group of a structure: campaign, method, parent, formula."""
    return "|".join(
        str(head[field]) for field in ("campaign", "method", "parent", "formula")
    )


def lowest(heads: Sequence[dict[str, Any]], n: int) -> list[dict[str, Any]]:
    """Return the n lowest in energy per atom, ties by id."""
    ranked = sorted(heads, key=lambda h: (h["energy_per_atom"], h["structure_id"]))
    return ranked[:n]


class LowestBuilder(IncrementalBuilder):
    """Base of builders whose documents rest on the lowest structures of a group.

    A document is made again when its structures are others, or changed, or when the
    settings changed; a new structure that is not among the lowest changes nothing.
    """

    settings: Any

    @abstractmethod
    def heads(self) -> Iterable[dict[str, Any]]:
        """Return the source documents without their contents.

        Each has what `group_name` and `lowest` need.
        """

    @abstractmethod
    def state(self, head: dict[str, Any]) -> str:
        """Return what changes when the source document does."""

    @abstractmethod
    def document(
        self, records: Sequence[dict[str, Any]], name: str, source: str
    ) -> BuiltDocument:
        """Return the document of one group.

        Parameters
        ----------
        records
            Source documents, lowest energy first.
        name
            Id of the document.
        source
            Digest to write on it.
        """

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the groups whose lowest structures changed."""
        self.ensure_indexes()
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for head in self.heads():
            groups[group_name(head)].append(head)
        settings = plain(self.settings)
        chosen, wanted = {}, {}
        for name, members in groups.items():
            few = lowest(members, self.settings.n_lowest)
            chosen[name] = [head["structure_id"] for head in few]
            wanted[name] = digest(
                [(head["structure_id"], self.state(head)) for head in few], settings
            )
        for name in self.out_of_date(wanted):
            ids = chosen[name]
            full = {
                record["structure_id"]: record
                for record in self.sources[0].query({"structure_id": {"$in": ids}})
            }
            yield {
                "name": name,
                "source": wanted[name],
                "records": [full[structure_id] for structure_id in ids],
            }

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Make the document of one group.

        Parameters
        ----------
        item
            Name, digest and source documents.
        """
        document = self.document(item["records"], item["name"], item["source"])
        return [document.model_dump()]
