"""Free energies above the hull of all structures whose vibrations are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

from maggma.core import Store

from lps_flows.analysis.phonons import PhononSettings, free_energies
from lps_flows.builders.increment import IncrementalBuilder, digest, remove
from lps_flows.chemistry import CompositionLine
from lps_flows.jobs.large_parts import load_job
from lps_flows.jobs.outputs import campaign_of, checked_output, newest_heads
from lps_flows.schemas.damage import readable
from lps_flows.schemas.phonons import FREE_ENERGY_INDEXES, PhononDocument


class FreeEnergyBuilder(IncrementalBuilder):
    """One document per structure with phonons; each method has a hull of its own.

    Parameters
    ----------
    phase_diagram_entries
        The collection of that name, for the bound of the configurational part.
    settings, line, campaign, chunk_size
        As `IncrementalBuilder`, with `PhononSettings`.
    """

    key = "phonon_id"
    indexes = FREE_ENERGY_INDEXES
    settings_type = PhononSettings

    def __init__(
        self,
        job_store: Store,
        phase_diagram_entries: Store,
        target: Store,
        *,
        settings: PhononSettings | dict[str, Any] | None = None,
        line: CompositionLine | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.job_store = job_store
        self.phase_diagram_entries = phase_diagram_entries
        super().__init__(
            job_store,
            target,
            settings=settings,
            line=line,
            campaign=campaign,
            chunk_size=chunk_size,
        )
        self.sources.append(phase_diagram_entries)

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield campaign and method whose phonons changed, with all of them."""
        self.ensure_indexes()
        groups: dict[tuple[str, str], dict[str, PhononDocument]] = defaultdict(dict)
        states: dict[str, tuple[Any, ...]] = {}
        heads = newest_heads(self.source, ["PhononDocument"], self.campaign)
        jobs = readable(partial(load_job, self.source), heads.values())
        # a job that is none is gone since
        for job, document in readable(_with_document, filter(None, jobs)):
            campaign = campaign_of(job)
            groups[campaign, document.method][job["uuid"]] = document
            states[job["uuid"]] = (job["index"], job.get("completed_at"))
        known: dict[tuple[str, str], set[str]] = defaultdict(set)
        for old in self.targets[0].query(self.scope()):
            known[old["campaign"], old["method"]].add(old["source_digest"])
        for group, phonons in groups.items():
            glasses = self._glasses(*group)
            settings = self.settings.model_dump(mode="json")
            those = sorted((uuid, *states[uuid]) for uuid in phonons)
            source = digest(those, glasses, settings, self.line.end_members)
            if known.pop(group, None) != {source}:
                yield {
                    "group": group,
                    "phonons": phonons,
                    "glasses": glasses,
                    "source": source,
                }
        for campaign, method in known:
            self.targets[0].remove_docs({"campaign": campaign, "method": method})

    def _glasses(
        self, campaign: str, method: str
    ) -> dict[str, list[tuple[int, float]]]:
        glasses: dict[str, list[tuple[int, float]]] = defaultdict(list)
        wanted = {"campaign": campaign, "method": method, "glass": True}
        fields = ["formula_pretty", "composition", "energy_per_atom"]
        for entry in self.phase_diagram_entries.query(wanted, properties=fields):
            size = round(sum(entry["composition"].values()))
            glasses[entry["formula_pretty"]].append((size, entry["energy_per_atom"]))
        return {formula: sorted(those) for formula, those in sorted(glasses.items())}

    def process_item(self, item: dict[str, Any]) -> Any:
        """Make the free energies of one campaign by one method."""
        campaign, method = item["group"]
        documents = free_energies(
            item["phonons"],
            item["glasses"],
            self.line,
            self.settings,
            campaign=campaign,
            source=item["source"],
        )
        group = {"campaign": campaign, "method": method}
        return group, [document.model_dump() for document in documents]

    def update_targets(self, items: list[Any]) -> None:
        """Write the documents and remove those of jobs that are gone."""
        target = self.targets[0]
        for group, documents in items:
            old = target.query(group, properties=[self.key])
            gone = {d[self.key] for d in old} - {d[self.key] for d in documents}
            remove(target, self.key, gone)
            self.write(target, documents, self.key)


def _with_document(job: dict[str, Any]) -> tuple[dict[str, Any], PhononDocument]:
    return job, checked_output(job, PhononDocument)
