"""Phase diagrams from the structures collection."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from maggma.core import Store

from lps_flows.analysis import HullError, HullSettings
from lps_flows.builders.hull_documents import of_equal_energy, phase_diagram
from lps_flows.builders.increment import (
    IncrementalBuilder,
    digest,
    plain,
    query_heads,
    reduced_formula,
    remove,
)
from lps_flows.schemas.phase_diagram import DIAGRAM_INDEXES, ENTRY_INDEXES

logger = logging.getLogger(__name__)

TRAINED_POTENTIAL = "ann-"
"""Methods that start so are potentials trained in a campaign. Their end members are
often never computed, so a group of theirs without end members is no error."""


class PhaseDiagramBuilder(IncrementalBuilder):
    """One phase diagram per campaign and method, one entry per structure.

    All groups are checked before anything is written: a build that fails leaves the
    old results as they are.

    Parameters
    ----------
    structures
        The ``structures`` collection.
    phase_diagrams
        Target of the diagrams, with the key ``diagram_id``.
    phase_diagram_entries
        Target of the entries, with the key ``structure_id``.
    settings
        End members, glass sources, tolerance.
    campaign
        Only this campaign; all by default.
    chunk_size
        Diagrams in memory at a time.
    """

    key = "diagram_id"
    indexes = DIAGRAM_INDEXES

    def __init__(
        self,
        structures: Store,
        phase_diagrams: Store,
        phase_diagram_entries: Store,
        *,
        settings: HullSettings | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 1,
    ) -> None:
        self.structures = structures
        self.phase_diagrams = phase_diagrams
        self.phase_diagram_entries = phase_diagram_entries
        self.settings = HullSettings.model_validate(settings or {})
        self.campaign = campaign
        super().__init__(
            sources=[structures],
            targets=[phase_diagrams, phase_diagram_entries],
            chunk_size=chunk_size,
        )

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the groups whose structures changed, after checking all of them."""
        self.ensure_indexes()
        for field in ENTRY_INDEXES:
            self.phase_diagram_entries.ensure_index(
                field, unique=field == "structure_id"
            )
        known = {d["diagram_id"]: d for d in self.phase_diagrams.query(self.scope())}
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        left_out: dict[str, int] = defaultdict(int)
        for head in query_heads(self.structures, self.campaign):
            name = f"{head['campaign']}|{head['method']}"
            if self.settings.require_converged and not head["converged"]:
                left_out[name] += 1
            else:
                groups[name].append(head)
        self.check(groups, known)
        pending = []
        for name, heads in sorted(groups.items()):
            source = digest(
                [(head["structure_id"], head["version"]) for head in heads],
                plain(self.settings),
            )
            if name not in known or known[name]["source_digest"] != source:
                if self._lacks_end_member(heads) is None:
                    pending.append((name, heads, source))
                else:
                    logger.info("No phase diagram of %s: no end members", name)
        self.total = len(pending)
        for name, heads, source in pending:
            unrelaxed = self.structures.count(
                {
                    "campaign": heads[0]["campaign"],
                    "method": heads[0]["method"],
                    "relaxed": False,
                }
            )
            n_left_out = left_out[name] + unrelaxed
            yield {"heads": heads, "source": source, "n_left_out": n_left_out}

    def check(
        self,
        groups: dict[str, list[dict[str, Any]]],
        known: dict[str, dict[str, Any]],
    ) -> None:
        """Raise when a group that must have a diagram cannot.

        Parameters
        ----------
        groups
            Heads by diagram id.
        known
            Diagrams in the store, by id.

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
            trained = heads[0]["method"].startswith(TRAINED_POTENTIAL)
            if problem is not None and not trained:
                raise self._missing(name, problem, groups, None)
            for equals in of_equal_energy(heads):
                self._check_different(equals)

    def _check_different(self, heads: Sequence[dict[str, Any]]) -> None:
        """Raise when two documents of one energy hold the same atoms, too.

        That is one calculation that entered twice.
        """
        ids = sorted(head["structure_id"] for head in heads)
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

    def _lacks_end_member(self, heads: Sequence[dict[str, Any]]) -> str | None:
        present = {reduced_formula(head["formula"]) for head in heads}
        for formula in self.settings.end_members:
            if reduced_formula(formula) not in present:
                return formula
        return None

    def _missing(
        self,
        name: str,
        formula: str,
        groups: dict[str, list[dict[str, Any]]],
        document: dict[str, Any] | None,
    ) -> HullError:
        reduced = reduced_formula(formula)
        elsewhere = [
            f"{head['structure_id']} (method {head['method']})"
            for other, heads in groups.items()
            if other != name
            for head in heads
            if head["campaign"] == groups[name][0]["campaign"]
            and reduced_formula(head["formula"]) == reduced
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

    def process_item(self, item: dict[str, Any]) -> tuple[Any, Any]:
        """Make one diagram and its entries.

        Parameters
        ----------
        item
            Heads, digest and number of structures left out.
        """
        document, records = phase_diagram(
            item["heads"],
            self.settings,
            source=item["source"],
            n_left_out=item["n_left_out"],
        )
        return document, records

    def update_targets(self, items: list[Any]) -> None:
        """Write entries that changed, remove vanished ones, then write the diagram.

        Parameters
        ----------
        items
            Diagrams with their entries.
        """
        for document, records in items:
            group = {"campaign": document.campaign, "method": document.method}
            old = {
                entry["structure_id"]: entry["source_digest"]
                for entry in self.phase_diagram_entries.query(
                    group, properties=["structure_id", "source_digest"]
                )
            }
            gone = set(old) - {record.structure_id for record in records}
            remove(self.phase_diagram_entries, "structure_id", gone, **group)
            changed = [
                record.model_dump()
                for record in records
                if old.get(record.structure_id) != record.source_digest
            ]
            self.write(self.phase_diagram_entries, changed, "structure_id")
            self.write(self.phase_diagrams, [document.model_dump()], self.key)
