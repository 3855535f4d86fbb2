"""Electrochemical windows of the compounds of every phase diagram."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from maggma.core import Store

from lps_flows.analysis.electrochemistry import WindowSettings, diagram_windows
from lps_flows.builders.increment import IncrementalBuilder, digest, remove
from lps_flows.schemas.electrochemistry import WINDOW_INDEXES
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry


class WindowBuilder(IncrementalBuilder):
    """One window per crystal and per lowest glass-ceramic structure of a composition.

    Parameters
    ----------
    settings, campaign, chunk_size
        As `IncrementalBuilder`.
    """

    key = "structure_id"
    indexes = WINDOW_INDEXES
    settings_type = WindowSettings

    def __init__(
        self,
        phase_diagrams: Store,
        phase_diagram_entries: Store,
        windows: Store,
        *,
        settings: WindowSettings | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.phase_diagrams = phase_diagrams
        self.phase_diagram_entries = phase_diagram_entries
        self.windows = windows
        super().__init__(
            phase_diagrams,
            windows,
            settings=settings,
            campaign=campaign,
            chunk_size=chunk_size,
        )
        self.sources.append(phase_diagram_entries)

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the diagrams that changed since their windows were made."""
        self.ensure_indexes()
        known: dict[tuple[str, str], set[str]] = defaultdict(set)
        for old in self.windows.query(self.scope()):
            known[old["campaign"], old["method"]].add(old["source_digest"])
        for diagram in self.phase_diagrams.query(self.scope()):
            source = digest(
                diagram["source_digest"], self.settings.model_dump(mode="json")
            )
            group = (diagram["campaign"], diagram["method"])
            if known.pop(group, None) != {source}:
                # read here: processes that only compute have no connection
                entries = list(
                    self.phase_diagram_entries.query(
                        {"campaign": group[0], "method": group[1]}
                    )
                )
                yield {"diagram": diagram, "entries": entries, "source": source}
        for campaign, method in known:
            self.windows.remove_docs({"campaign": campaign, "method": method})

    def process_item(self, item: dict[str, Any]) -> Any:
        """Make the windows of one diagram."""
        diagram = PhaseDiagramDocument.from_store(item["diagram"])
        group = {"campaign": diagram.campaign, "method": diagram.method}
        entries = list(map(PhaseDiagramEntry.from_store, item["entries"]))
        windows = diagram_windows(
            diagram, entries, self.settings, source=item["source"]
        )
        return group, [document.model_dump() for document in windows]

    def update_targets(self, items: list[Any]) -> None:
        """Write the windows and remove those of structures that are gone."""
        for group, documents in items:
            old = self.windows.query(group, properties=[self.key])
            gone = {d[self.key] for d in old} - {d[self.key] for d in documents}
            remove(self.windows, self.key, gone)
            self.write(self.windows, documents, self.key)
