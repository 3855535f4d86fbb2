"""What a campaign found by one method, gathered for figures, report and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lps_flows.chemistry import CompositionLine
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.conductivity_map import ConductivityMapDocument
from lps_flows.schemas.elasticity import ElasticityDocument, ElasticTensorDocument
from lps_flows.schemas.electrochemistry import WindowDocument
from lps_flows.schemas.jumps import JumpDocument
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.phase_diagram import (
    LineEntry,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)
from lps_flows.schemas.phonons import FreeEnergyDocument
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.scattering import ScatteringDocument
from lps_flows.schemas.transport import TransportRecord

DEFAULT_LIMIT = 30.0
"""Hull distance drawn when no candidate tells the limit (meV/atom)."""


@dataclass(frozen=True)
class Results:
    """The documents of one campaign by one method; what has not run is empty.

    Attributes
    ----------
    diagram
        Phase diagram, None without relaxed structures.
    entries
        Its entries, one per structure; a `LineEntry` for each on the line.
    provisional
        True when diagram and entries come from job outputs, because the builders have
        not run.
    trends, rdfs, scattering
        Motifs, distances and patterns of the lowest structures of each composition.
    elasticity, elastic_tensors
        Bulk moduli; elastic tensors, on the potential.
    transport, jumps
        Conductivities; jumps between sites, one run each.
    free_energies
        Free energies above the hull of the structures whose phonons were computed.
    conductivity_maps
        Conductivity over x, one for each method of the dynamics.
    densities
        Runs whose density of mobile ions is shown, by their job.
    """

    campaign: str = ""
    diagram: PhaseDiagramDocument | None = None
    entries: Sequence[PhaseDiagramEntry] = ()
    provisional: bool = False
    windows: Sequence[WindowDocument] = ()
    trends: Sequence[MotifTrendDocument] = ()
    rdfs: Sequence[RDFDocument] = ()
    scattering: Sequence[ScatteringDocument] = ()
    model: ClusterModelDocument | None = None
    places: Sequence[ClusterAssignment] = ()
    candidates: Sequence[CandidateDocument] = ()
    elasticity: Sequence[ElasticityDocument] = ()
    elastic_tensors: Sequence[ElasticTensorDocument] = ()
    transport: Sequence[TransportRecord] = ()
    conductivity_maps: Sequence[ConductivityMapDocument] = ()
    jumps: Sequence[JumpDocument] = ()
    free_energies: Sequence[FreeEnergyDocument] = ()
    densities: Mapping[str, MDRunDocument] = field(default_factory=dict)

    @property
    def line(self) -> CompositionLine:
        """The composition line; the default one without a diagram."""
        return CompositionLine() if self.diagram is None else self.diagram.line

    @cached_property
    def on_line(self) -> list[LineEntry]:
        """Entries on the line."""
        return [entry for entry in self.entries if isinstance(entry, LineEntry)]

    @cached_property
    def off_line(self) -> list[PhaseDiagramEntry]:
        """Entries off the line, with their place in the diagram of all elements."""
        return [entry for entry in self.entries if entry.x is None]

    @cached_property
    def classes(self) -> dict[str, ClusterAssignment]:
        """Class and nearest crystal by structure."""
        return {place.structure_id: place for place in self.places}

    @property
    def limit(self) -> float:
        """Hull distance up to which a composition can be a candidate (meV/atom)."""
        if self.candidates:
            return float(self.candidates[0].settings["max_e_above_hull"])
        return DEFAULT_LIMIT
