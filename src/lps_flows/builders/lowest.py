"""One document per composition and parent crystal, over its lowest structures."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from lps_flows.builders.increment import IncrementalBuilder, digest
from lps_flows.schemas.built import BuiltDocument


class Head(NamedTuple):
    """What is known of a source document without its contents."""

    structure_id: str
    source_digest: str
    """Changes when the document does."""
    campaign: str
    method: str
    parent: str | None
    formula_pretty: str
    """Reduced formula."""
    energy_per_atom: float

    @property
    def group(self) -> str:
        """Id of its group: campaign, method, parent, formula."""
        return f"{self.campaign}|{self.method}|{self.parent}|{self.formula_pretty}"


class LowestBuilder(IncrementalBuilder):
    """Base of builders whose documents rest on the lowest structures of a group.

    A document is made again when its structures are others, or changed, or when the
    settings changed; a new structure that is not among the lowest changes nothing.
    """

    @abstractmethod
    def heads(self) -> Iterable[Head]:
        """Return the source documents without their contents."""

    @abstractmethod
    def document(
        self, records: Sequence[dict[str, Any]], name: str, source: str
    ) -> BuiltDocument:
        """Return the document of one group."""

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the groups whose lowest structures changed."""
        self.ensure_indexes()
        groups: dict[str, list[Head]] = defaultdict(list)
        for head in self.heads():
            groups[head.group].append(head)
        settings = self.settings.model_dump(mode="json")
        chosen, wanted = {}, {}
        for name, members in groups.items():
            members.sort(key=lambda head: (head.energy_per_atom, head.structure_id))
            lowest = members[: self.settings.n_lowest]
            chosen[name] = [head.structure_id for head in lowest]
            wanted[name] = digest(
                [(head.structure_id, head.source_digest) for head in lowest], settings
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
        """Make the document of one group."""
        document = self.document(item["records"], item["name"], item["source"])
        return [document.model_dump()]
