"""Phase diagrams from the structures collection."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from jobflow import JobStore
from maggma.core import Store

from lps_flows.analysis import HullError, HullSettings, phase_diagram
from lps_flows.analysis.phase_diagram import recorded_settings, that_count
from lps_flows.builders.increment import IncrementalBuilder, digest, query_heads, remove
from lps_flows.chemistry import CompositionLine, reduced_formula
from lps_flows.jobs.structures import searched_errors
from lps_flows.schemas.base import Document
from lps_flows.schemas.built import StructureHead
from lps_flows.schemas.phase_diagram import (
    DIAGRAM_INDEXES,
    ENTRY_INDEXES,
    UNKNOWN,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)

logger = logging.getLogger(__name__)

TRAINED_POTENTIAL = "ann-"
"""Methods that start so are potentials trained in a campaign. Their end members are
often never computed, so a group of theirs without end members is no error."""


class PhaseDiagramBuilder(IncrementalBuilder):
    """One phase diagram per campaign and method, one entry per structure.

    All groups of a campaign are checked before anything of it is written: what is
    refused leaves its old results as they are, and the other campaigns are built.

    Parameters
    ----------
    phase_diagrams
        Target of the diagrams, with the key ``diagram_id``.
    phase_diagram_entries
        Target of the entries, with the key ``structure_id``.
    jobs
        jobflow's store, for what the searches tell of the errors of the energies.
    line, campaign, chunk_size
        As `IncrementalBuilder`.
    """

    key = "diagram_id"
    indexes = DIAGRAM_INDEXES
    settings_type = HullSettings

    def __init__(
        self,
        structures: Store,
        phase_diagrams: Store,
        phase_diagram_entries: Store,
        *,
        jobs: JobStore | None = None,
        settings: HullSettings | dict[str, Any] | None = None,
        line: CompositionLine | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.structures = structures
        self.phase_diagrams = phase_diagrams
        self.jobs = jobs
        self.phase_diagram_entries = phase_diagram_entries
        self.refused: list[HullError] = []
        super().__init__(
            structures,
            phase_diagrams,
            settings=settings,
            line=line,
            campaign=campaign,
            chunk_size=chunk_size,
        )
        self.targets.append(phase_diagram_entries)
        self.sources += [] if jobs is None else [jobs]

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the groups whose structures changed, of campaigns that pass."""
        self.refused = []
        self.ensure_indexes()
        for field in ENTRY_INDEXES:
            self.phase_diagram_entries.ensure_index(
                field, unique=field == "structure_id"
            )
        known = {d["diagram_id"]: d for d in self.phase_diagrams.query(self.scope())}
        groups: dict[str, list[StructureHead]] = defaultdict(list)
        for head in query_heads(self.structures, self.campaign):
            groups[f"{head.campaign}|{head.method}"].append(head)
        counted = {
            name: heads
            for name, members in sorted(groups.items())
            if (heads := that_count(members, self.settings))
        }
        passed = self._checked(counted, known)
        pending = []
        for name, heads in passed.items():
            campaign, method = name.rsplit("|", 1)
            errors = UNKNOWN
            if self.jobs is not None:
                errors = searched_errors(self.jobs, campaign, method)
            # counted here: processes that only compute have no connection
            unrelaxed = self.structures.count(
                {"campaign": campaign, "method": method, "relaxed": False}
            )
            source = digest(
                [(head.structure_id, head.version) for head in heads],
                recorded_settings(self.settings, self.line),
                errors.model_dump(),
                len(groups[name]) - len(heads) + unrelaxed,  # what is left out
            )
            if name not in known or known[name]["source_digest"] != source:
                if self._lacks_end_member(heads) is None:
                    pending.append(
                        {
                            "heads": groups[name],
                            "source": source,
                            "errors": errors,
                            "n_unrelaxed": unrelaxed,
                        }
                    )
                else:
                    logger.info("No phase diagram of %s: no end members", name)
        self.total = len(pending)
        yield from pending

    def finalize(self) -> None:
        """Raise the first refusal, after everything else has been written."""
        super().finalize()
        for error in self.refused:
            raise error

    def _checked(
        self, groups: dict[str, list[StructureHead]], known: dict[str, dict[str, Any]]
    ) -> dict[str, list[StructureHead]]:
        """Return the groups of the campaigns that pass; keep why others do not."""
        passed: dict[str, list[StructureHead]] = {}
        for campaign in sorted({_campaign(name) for name in (*groups, *known)}):
            own = {k: heads for k, heads in groups.items() if _campaign(k) == campaign}
            before = {k: old for k, old in known.items() if _campaign(k) == campaign}
            try:
                self.check(own, before)
            except HullError as error:
                self.refused.append(error)
            else:
                passed |= own
        return passed

    def check(
        self, groups: dict[str, list[StructureHead]], known: dict[str, dict[str, Any]]
    ) -> None:
        """Raise when a group of one campaign that must have a diagram cannot.

        Raises
        ------
        HullError
            Naming what is missing, the document that held it last time, and where
            else it is found; or two documents that hold one calculation.
        """
        for name, document in known.items():
            if name not in groups:
                raise HullError(
                    "all structures of this diagram are gone; the diagram was left as "
                    "it is",
                    field="diagram_id",
                    value=name,
                    remedy="put the jobs back, or remove the diagram",
                )
            if (problem := self._lacks_end_member(groups[name])) is not None:
                raise self._missing(name, problem, groups, document)
        # the largest first: a stray document by another method is a group of its own
        for name, heads in sorted(groups.items(), key=lambda g: (-len(g[1]), g[0])):
            problem = self._lacks_end_member(heads)
            trained = heads[0].method.startswith(TRAINED_POTENTIAL)
            if problem is not None and not trained:
                raise self._missing(name, problem, groups, None)
            for equals in of_equal_energy(heads):
                self._check_different(equals)

    def _check_different(self, heads: Sequence[StructureHead]) -> None:
        """Raise when two documents of one energy hold the same atoms, too.

        That is one calculation that entered twice: a campaign that runs again into the
        store has flows of its own.
        """
        ids = sorted(head.structure_id for head in heads)
        seen: dict[str, str] = {}
        for record in sorted(
            self.structures.query(
                {"structure_id": {"$in": ids}}, properties=["structure_id", "structure"]
            ),
            key=lambda record: str(record["structure_id"]),
        ):
            atoms = digest(record["structure"])
            if atoms in seen:
                raise HullError(
                    f"{record['structure_id']} repeats the calculation that "
                    f"{seen[atoms]} holds: same atoms, same energy; the old results "
                    "were left as they are",
                    field="structures",
                    value=[seen[atoms], record["structure_id"]],
                    remedy="remove one of the two jobs from the store, or give the "
                    "second run a campaign name of its own",
                )
            seen[atoms] = record["structure_id"]

    def _lacks_end_member(self, heads: Sequence[StructureHead]) -> str | None:
        present = {head.formula_pretty for head in heads}
        for formula in self.line.end_members:
            if reduced_formula(formula) not in present:
                return formula
        return None

    def _missing(
        self,
        name: str,
        formula: str,
        groups: dict[str, list[StructureHead]],
        document: dict[str, Any] | None,
    ) -> HullError:
        reduced = reduced_formula(formula)
        elsewhere = [
            f"{head.structure_id} (method {head.method})"
            for other, heads in groups.items()
            if other != name
            for head in heads
            if head.formula_pretty == reduced
        ]
        before = [
            end["structure_id"]
            for end in (document or {}).get("end_members", [])
            if end["formula"] == formula
        ]
        problem = f"no relaxed structure of the end member {formula} in {name}"
        if before:
            problem += f"; the last diagram used document {before[0]}"
        if elsewhere:
            problem += f"; found by another method: {', '.join(elsewhere[:5])}"
        return HullError(
            f"{problem}; the old results were left as they are",
            field="end_members",
            value=formula,
            remedy=f"relax a crystal of {formula} with this method, or put its "
            "document back, then build again",
        )

    def process_item(
        self, item: dict[str, Any]
    ) -> tuple[PhaseDiagramDocument, list[PhaseDiagramEntry]]:
        """Make one diagram and its entries."""
        diagram, entries = phase_diagram(
            item["heads"],
            self.settings,
            self.line,
            errors=item["errors"],
            source=item["source"],
        )
        n_left_out = diagram.n_left_out + item["n_unrelaxed"]
        versions = {head.structure_id: head.version for head in item["heads"]}
        return (
            diagram.model_copy(update={"n_left_out": n_left_out}),
            [_digested(entry, versions[entry.structure_id]) for entry in entries],
        )

    def update_targets(self, items: list[Any]) -> None:
        """Write entries that changed, remove vanished ones, then write the diagram."""
        for diagram, entries in items:
            group = {"campaign": diagram.campaign, "method": diagram.method}
            old = {
                entry["structure_id"]: entry["source_digest"]
                for entry in self.phase_diagram_entries.query(
                    group, properties=["structure_id", "source_digest"]
                )
            }
            gone = set(old) - {entry.structure_id for entry in entries}
            remove(self.phase_diagram_entries, "structure_id", gone, **group)
            changed = [
                entry.model_dump()
                for entry in entries
                if old.get(entry.structure_id) != entry.source_digest
            ]
            self.write(self.phase_diagram_entries, changed, "structure_id")
            self.write(self.phase_diagrams, [diagram.model_dump()], self.key)


def _campaign(group: str) -> str:
    return group.rsplit("|", 1)[0]


def _digested(entry: PhaseDiagramEntry, version: str) -> PhaseDiagramEntry:
    """Return the entry with a digest of all it says: equal means equal entries."""
    content = entry.model_dump(exclude={"source_digest", *Document.model_fields})
    return entry.model_copy(update={"source_digest": digest(version, content)})


def of_equal_energy(heads: Sequence[StructureHead]) -> list[list[StructureHead]]:
    """Return the groups of structures that may be one calculation.

    They agree in flow, formula, origin and, to the last digit, in energy.
    """
    groups: dict[tuple[Any, ...], list[StructureHead]] = defaultdict(list)
    for head in heads:
        origin = head.provenance.source, head.provenance.parent
        groups[head.flow_uuid, head.formula, *origin, head.energy].append(head)
    return [group for group in groups.values() if len(group) > 1]
