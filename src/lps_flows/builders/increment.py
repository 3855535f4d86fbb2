"""Incremental builders: what is new, what changed, what vanished.

Increments go by ids and digests, never by time stamps: a target document carries a
digest of the sources and settings it was made from, and is made again when that
differs. Stores belong to the caller: builders connect them and leave them open.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, ClassVar

from jobflow import JobStore
from maggma.core import Builder, Store
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.large_parts import load_job
from lps_flows.jobs.outputs import holds, newest_heads
from lps_flows.schemas.base import Document
from lps_flows.schemas.built import BuiltDocument, StructureHead, StructureRecord
from lps_flows.schemas.damage import readable


class ForeignStoreError(LpsFlowsError):
    """A store does not hold the jobs of the campaign that builders are to read."""


def refuse_foreign(job_store: JobStore, campaign: str | None) -> None:
    """Stop builders where they would find nothing, and call that a result.

    Parameters
    ----------
    job_store
        Connected store of job outputs.
    campaign
        The campaign; any when None.

    Raises
    ------
    ForeignStoreError
        When it holds no job of it.
    """
    if not holds(job_store, campaign):
        raise ForeignStoreError(
            "the store holds no job of the campaign",
            field="campaign",
            value=campaign,
            remedy="Give the JobStore that its jobs write to. A worker of "
            "jobflow-remote does not see it: name it in a jobflow.yaml there "
            "(JOBFLOW_CONFIG_FILE), or run `lps-flows build` where it can be reached",
        )


def digest(*parts: Any) -> str:
    """Return a short fingerprint of plain data."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Cut an iterable into lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def remove(store: Store, key: str, values: Iterable[str], **group: Any) -> None:
    """Remove documents by the values of a key; one that left the group stays."""
    for few in chunks(sorted(values), 1000):
        store.remove_docs({**group, key: {"$in": few}})


class IncrementalBuilder(Builder):
    """What all our builders share: indexes, plain updates, no closing of stores.

    Parameters
    ----------
    source
        Store the documents are made from: jobflow's, or a collection of results.
    target
        Collection they are written to, with the key `key`.
    campaign
        Only this campaign; all by default.
    """

    key: ClassVar[str]
    """Field that identifies a target document."""
    indexes: ClassVar[tuple[str, ...]] = ()
    settings_type: ClassVar[type[FrozenSettings] | None] = None
    written: int = 0
    """Documents written since the builder was made."""

    def __init__(
        self,
        source: Store,
        target: Store,
        *,
        settings: FrozenSettings | dict[str, Any] | None = None,
        line: CompositionLine | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 100,
    ) -> None:
        self.source: Any = source
        self.target = target
        self.line = CompositionLine.model_validate(line or {})
        self.settings: Any = settings
        if self.settings_type is not None:
            self.settings = self.on_line(
                self.settings_type.model_validate(settings or {})
            )
        self.campaign = campaign
        super().__init__(sources=[source], targets=[target], chunk_size=chunk_size)

    def connect(self) -> None:
        """Connect the stores.

        Raises
        ------
        ForeignStoreError
            When the source is a store of jobs with none of the campaign.
        """
        super().connect()
        if self.campaign is not None and isinstance(self.source, JobStore):
            refuse_foreign(self.source, self.campaign)

    def on_line(self, settings: Any) -> Any:
        """Return the settings with what the line decides."""
        return settings

    def scope(self) -> dict[str, Any]:
        """Return the filter of the target documents this builder is in charge of."""
        return {} if self.campaign is None else {"campaign": self.campaign}

    def out_of_date(self, wanted: Mapping[str, str]) -> list[str]:
        """Remove documents that nothing stands behind; return the keys to make."""
        known = {
            document[self.key]: document["source_digest"]
            for document in self.targets[0].query(
                self.scope(), properties=[self.key, "source_digest"]
            )
        }
        remove(self.targets[0], self.key, set(known) - set(wanted))
        return sorted(key for key, source in wanted.items() if known.get(key) != source)

    def ensure_indexes(self) -> None:
        """Declare the indexes of the target."""
        for field in self.indexes:
            self.targets[0].ensure_index(field, unique=field == self.key)

    def update_targets(self, items: list[list[dict[str, Any]] | None]) -> None:
        """Write what was made: one list of documents per processed item."""
        documents = [document for item in items if item for document in item]
        self.write(self.targets[0], documents, self.key)

    def write(self, target: Store, documents: list[dict[str, Any]], key: str) -> None:
        """Write documents, identified by a field, and count them."""
        for few in chunks(documents, 1000):
            target.update(few, key=[key])
        self.written += len(documents)

    def finalize(self) -> None:
        """Leave the stores open: they belong to the caller."""


class JobOutputBuilder(IncrementalBuilder):
    """One target document per job output of a class; the source is jobflow's store."""

    output: ClassVar[str]
    """Class name of the outputs."""

    def context(self) -> Callable[[str], Any]:
        """Return what else the document of a job rests on, by the job's uuid.

        The settings, unless a builder says otherwise: they are the same for all.
        """
        settings = self.settings.model_dump(mode="json")
        return lambda _: settings

    @abstractmethod
    def document(self, job: Mapping[str, Any], context: Any, source: str) -> Document:
        """Return the target document of a job."""

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the jobs whose document is missing or out of date."""
        self.ensure_indexes()
        context = self.context()
        heads = newest_heads(self.source, [self.output], self.campaign)
        wanted = {
            uuid: digest(head["index"], head["completed_at"], context(uuid))
            for uuid, head in heads.items()
        }
        pending = map(heads.__getitem__, self.out_of_date(wanted))
        jobs = readable(partial(load_job, self.source), pending)
        # a job that is none is gone since
        for job in filter(None, jobs):
            uuid = job["uuid"]
            yield {"job": job, "context": context(uuid), "source": wanted[uuid]}

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Make the document of one job."""
        document = self.document(**item).model_dump()
        if isinstance(document.get("structure"), Structure):
            document["structure"] = document["structure"].as_dict()
        return [document]


class PerStructureBuilder(IncrementalBuilder):
    """One target document per relaxed structure of the ``structures`` collection."""

    def made_with(self) -> dict[str, Any]:
        """Return what the documents are made by, as plain data."""
        settings: dict[str, Any] = self.settings.model_dump(mode="json")
        return settings

    @abstractmethod
    def applies(self, formula: str) -> bool:
        """Return False for compositions the analysis cannot be done on."""

    def identifier(self, structure_id: str) -> str:
        """Return the key of the target document of a structure."""
        return structure_id

    @abstractmethod
    def document(self, record: StructureRecord, source: str) -> BuiltDocument:
        """Return the target document of one structure."""

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the structures whose document is missing or out of date."""
        self.ensure_indexes()
        settings = digest(self.made_with())
        ids, wanted = {}, {}
        for head in query_heads(self.source, self.campaign):
            if self.applies(head.formula):
                name = self.identifier(head.structure_id)
                ids[name] = head.structure_id
                wanted[name] = digest(head.version, settings)
        pending = [ids[name] for name in self.out_of_date(wanted)]
        self.total = len(pending)
        for few in chunks(pending, self.chunk_size):
            for record in self.source.query({"structure_id": {"$in": few}}):
                name = self.identifier(record["structure_id"])
                yield {"record": record, "source": wanted[name]}

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Make the document of one structure."""
        record = StructureRecord.from_store(item["record"])
        return [self.document(record, item["source"]).model_dump()]


def query_heads(store: Store, campaign: str | None) -> list[StructureHead]:
    """Return the relaxed structures of the ``structures`` collection, sorted by id."""
    selection: dict[str, Any] = {"relaxed": True}
    if campaign is not None:
        selection["campaign"] = campaign
    fields = StructureHead.stored_names()
    stored = store.query(selection, properties=fields)
    heads = readable(StructureHead.from_store, stored)
    return sorted(heads, key=lambda head: head.structure_id)
