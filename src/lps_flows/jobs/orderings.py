"""From a disordered crystal to its ordering of lowest energy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Maker, Response, job
from pymatgen.core import Structure

from lps_flows.chemistry import OrderSettings, orderings
from lps_flows.engines import EngineError
from lps_flows.jobs.calculations import SEES_STORE, calculate_all, succeeded
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledStructure


@dataclass
class OrderedRelaxMaker(Maker):
    """Relax several orderings of a disordered crystal; the lowest is the crystal.

    Parameters
    ----------
    relax
        Maker that relaxes a structure; its engine compares the orderings, too.
    settings
        How orderings are found, and how many are relaxed.
    """

    name: str = "order"
    relax: ReferenceRelaxMaker = field(default_factory=ReferenceRelaxMaker)
    settings: OrderSettings = field(default_factory=OrderSettings)

    def make(self, structure: Structure, provenance: Provenance) -> Flow:
        """Make the flow; its output is a `StructureDocument`.

        What was tried is in its provenance, `details["ordering"]`.

        Parameters
        ----------
        structure
            Crystal with sites that are partly occupied (Å).
        """
        chosen = self.choose(structure, provenance)
        chosen.name = self.name
        last = self.relax.make(chosen.output.structure, chosen.output.provenance)
        return Flow([chosen, last], output=last.output, name=self.name)

    # No output schema: a job that is replaced holds a reference, as `LabelMaker`'s.
    @job(config=SEES_STORE)
    def choose(
        self, structure: Structure, provenance: Provenance
    ) -> UnlabelledStructure | Response:
        """Relax the orderings of lowest Ewald energy and return the lowest one.

        Raises
        ------
        OrderingError
            When the crystal cannot be ordered.
        EngineError
            When no ordering could be relaxed.
        """
        lowest = orderings(structure, self.settings)
        chosen: UnlabelledStructure | Response = calculate_all(
            self.relax.engine,
            lowest.structures,
            lowest_ordering,
            relax=True,
            name=self.name,
            provenance=provenance,
            tried={
                "n_tried": lowest.n_tried,
                "complete": lowest.complete,
                "ewald_energies": lowest.energies,
            },
        )
        return chosen


@job(output_schema=UnlabelledStructure)
def lowest_ordering(
    tasks: Iterable[Any],
    *,
    provenance: Provenance,
    tried: dict[str, Any],
    **written: Any,
) -> UnlabelledStructure:
    """Return the lowest of relaxed orderings, with what was tried.

    Raises
    ------
    EngineError
        When none could be relaxed.
    """
    ended, failed = succeeded(tasks)
    relaxed = [
        (end.energy / len(end.structure), rank, end.structure) for rank, end in ended
    ]
    if not relaxed:
        raise EngineError(
            f"none of {len(failed)} orderings could be relaxed; the first: {failed[0]}",
            field=f"own_crystals.{provenance.parent}.order.n_lowest",
            value=len(failed),
            remedy="Look at their failures, or try more of them",
        )
    per_atom, rank, structure = min(relaxed, key=lambda one: one[:2])
    ordering = tried | {
        **written,
        "n_relaxed": len(relaxed),
        "n_failed": len(failed),
        "rank": rank,
        "spread": max(one[0] for one in relaxed) - per_atom,
    }
    details = provenance.details | {"ordering": ordering}
    return UnlabelledStructure(
        structure=structure,
        provenance=provenance.model_copy(update={"details": details}),
    )
