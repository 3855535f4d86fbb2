"""Jobs that compute a property of one relaxed structure, by many calculations."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Maker, job
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.engines import Engine, EngineError, get_engine
from lps_flows.jobs.calculations import SEES_STORE
from lps_flows.jobs.structures import structure_of
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.sampling import SamplingDocument


@dataclass
class PropertyMaker(Maker):
    """Compute a property of one relaxed structure.

    Parameters
    ----------
    engine
        The engine.
    line
        Composition line on which x is given.
    """

    name: str = "property"
    engine: Engine = field(default_factory=get_engine)
    line: CompositionLine = field(default_factory=CompositionLine)

    # No output schema: a job that is replaced holds a reference, as `LabelMaker`'s.
    @job(config=SEES_STORE)
    def make(
        self,
        structure: Structure | StructureDocument | SamplingDocument | None,
        provenance: Provenance | None = None,
        potential: Any = None,
    ) -> Any:
        """Compute the property.

        Parameters
        ----------
        structure
            Relaxed structure, its document, or the sampling of a composition, of which
            the lowest structure is taken.
        provenance
            Where a structure without a document comes from.
        potential
            As `MDChunkMaker.make` takes it.

        Returns
        -------
        PropertyDocument
            Or a `Response` that replaces the job, by an engine with jobs of its own.

        Raises
        ------
        EngineError
            When there is no relaxed structure, or too few calculations succeeded.
        """
        maker = replace(self, engine=self.engine.given(potential))
        return maker.computed(*_relaxed(structure, provenance))

    @abstractmethod
    def computed(self, structure: Structure, provenance: Provenance) -> Any:
        """Return the document, or a `Response`."""

    def facts(self, structure: Structure, provenance: Provenance) -> dict[str, Any]:
        """Return what every `PropertyDocument` says of its structure."""
        return {
            "provenance": provenance,
            "formula": full_formula(structure),
            "x": self.line.position(structure.composition),
            "nsites": len(structure),
        }


def _relaxed(
    structure: Structure | StructureDocument | SamplingDocument | None,
    provenance: Provenance | None,
) -> tuple[Structure, Provenance]:
    if isinstance(structure, SamplingDocument):
        structure = _lowest(structure)
    if isinstance(structure, StructureDocument):
        provenance = structure.provenance
        structure = structure.structure
    if structure is None:
        raise EngineError(
            "there is no relaxed structure to work on",
            field="structure",
            value=None,
            remedy="Look at its relaxation with `lps-flows status`, then rerun it",
        )
    return structure, provenance or Provenance(source="user")


def _lowest(sampling: SamplingDocument) -> StructureDocument | None:
    uuid = sampling.lowest_uuid
    return None if uuid is None else structure_of(sampling, uuid)
