"""The phase diagram of a campaign, as built or, before that, as far as it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pymatgen.core import Composition

from lps_flows.analysis import HullSettings, phase_diagram
from lps_flows.analysis.literature import is_papers_line
from lps_flows.analysis.phase_diagram import that_count
from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.report.collections import ResultStore, read
from lps_flows.schemas.built import StructureHead
from lps_flows.schemas.clusters import ClusterAssignment
from lps_flows.schemas.phase_diagram import (
    LineEntry,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)
from lps_flows.schemas.structure import StructureFacts

LIGHT_FIELDS = tuple(StructureFacts.model_fields)
"""Fields of a `StructureDocument` the hull needs: everything but the atoms."""

_DEFAULTS = HullSettings()


@dataclass(frozen=True)
class Point:
    """One structure on the line; energies in eV/atom."""

    structure_id: str
    label: str
    """Crystal key, or 'gc-' and the formula of the cell."""
    formula: str
    """Reduced formula."""
    x: float
    formation_energy: float
    e_above_hull: float
    source: str
    parent: str | None
    glass: bool
    on_hull: bool
    class_label: int | None = None
    nearest: str | None = None


@dataclass(frozen=True)
class Interval:
    """A stretch of the metastable hull; energies in eV/atom."""

    x_start: float
    x_end: float
    vertices: tuple[str, str]
    status: str
    n_sampled: int
    depth: float | None
    largest_unsampled: float
    tolerance: float


@dataclass(frozen=True)
class Diagram:
    """Points, hull and gaps of one method.

    Attributes
    ----------
    method
        Reference method of the energies.
    line
        The composition line.
    points
        Structures on it.
    intervals
        Stretches of the hull of the glass-ceramic structures.
    metastable
        Its vertices (x, eV/atom).
    provisional
        True when computed here from job outputs, because the builders have not run.
    document
        The builder's document, when it has run.
    entries
        The builder's entries, those off the line included.
    """

    method: str
    line: CompositionLine
    points: tuple[Point, ...]
    intervals: tuple[Interval, ...] = ()
    metastable: tuple[tuple[float, float], ...] = ()
    provisional: bool = True
    document: PhaseDiagramDocument | None = None
    entries: tuple[PhaseDiagramEntry, ...] = ()

    @property
    def papers_line(self) -> bool:
        """Whether it is the paper's line, so that its numbers stand beside ours."""
        return is_papers_line(self.line.end_members)

    @property
    def off_line(self) -> tuple[PhaseDiagramEntry, ...]:
        """Entries off the line, with their place in the diagram of all elements."""
        return tuple(entry for entry in self.entries if entry.x is None)

    @property
    def crystals(self) -> list[str]:
        """Every crystal that is, or is the parent of, a structure.

        Those that glass-ceramics descend from come first, those off the line last.
        """
        glasses = sorted(p.parent for p in self.points if p.glass and p.parent)
        on_line = sorted(point.parent for point in self.points if point.parent)
        others = sorted(entry.parent for entry in self.entries if entry.parent)
        return list(dict.fromkeys([*glasses, *on_line, *others]))

    @property
    def gaps(self) -> tuple[Interval, ...]:
        """The miscibility gaps."""
        return tuple(part for part in self.intervals if part.status == "gap")


def provisional_diagram(
    heads: Sequence[StructureHead], settings: HullSettings = _DEFAULTS
) -> Diagram | None:
    """Return the diagram of the relaxed structures there are, None without any.

    Where a campaign holds several methods, the one with most structures counts.

    Parameters
    ----------
    heads
        Structures of the campaign, without their atoms.
    settings
        End members, glass sources, tolerance.

    Raises
    ------
    HullError
        When an end member is missing.
    """
    counts = Counter(head.method for head in that_count(heads, settings))
    if not counts:
        return None
    method = counts.most_common(1)[0][0]
    document, entries = phase_diagram(
        [head for head in heads if head.method == method], settings
    )
    return Diagram(
        method=method,
        line=CompositionLine(end_members=settings.end_members),
        points=tuple(
            Point(
                structure_id=entry.structure_id,
                label=entry.label,
                formula=entry.formula,
                x=entry.x,
                formation_energy=entry.formation_energy,
                e_above_hull=entry.e_above_hull,
                source=entry.source,
                parent=entry.parent,
                glass=entry.glass,
                on_hull=entry.line.on_hull,
            )
            for entry in entries
            if isinstance(entry, LineEntry)
        ),
        intervals=tuple(
            Interval(**part.model_dump(exclude={"margin"}))
            for part in document.metastable_hull
        ),
        metastable=tuple(
            (found.x, found.glass_formation_energy)
            for found in document.compositions
            if found.on_metastable_hull and found.glass_formation_energy is not None
        ),
    )


def built_diagram(
    result_store: ResultStore, campaign: str, method: str | None = None
) -> Diagram | None:
    """Return the builders' phase diagram of a campaign, None before they ran.

    Parameters
    ----------
    result_store
        Gives the store of a collection.
    campaign
        Name of the campaign.
    method
        Reference method; the one with most structures when None.
    """
    mine = {"campaign": campaign, **({"method": method} if method else {})}
    documents = read(result_store, "phase_diagrams", PhaseDiagramDocument, mine)
    if not documents:
        return None
    document = max(documents, key=lambda found: found.n_structures)
    entries = read(
        result_store,
        "phase_diagram_entries",
        PhaseDiagramEntry,
        {"campaign": campaign, "method": document.method},
    )
    points = [
        Point(
            structure_id=entry.structure_id,
            label=_label(entry.glass, entry.parent, _cell(entry.composition)),
            formula=entry.formula,
            x=entry.x,
            formation_energy=entry.formation_energy or 0.0,
            e_above_hull=entry.line.e_above_hull,
            source=entry.source,
            parent=entry.parent,
            glass=entry.glass,
            on_hull=entry.line.on_hull,
        )
        for entry in entries
        if entry.x is not None and entry.line is not None
    ]
    first, second = (member.formula for member in document.end_members)
    return Diagram(
        method=document.method,
        line=CompositionLine(end_members=(first, second)),
        points=tuple(points),
        intervals=tuple(
            Interval(
                part.x_start,
                part.x_end,
                part.vertices,
                part.status,
                part.n_sampled,
                part.depth,
                part.largest_unsampled,
                part.tolerance,
            )
            for part in document.metastable_hull
        ),
        metastable=tuple(
            (found.x, found.glass_formation_energy)
            for found in document.compositions
            if found.on_metastable_hull and found.glass_formation_energy is not None
        ),
        provisional=False,
        document=document,
        entries=tuple(entries),
    )


def with_classes(diagram: Diagram, assignments: Sequence[ClusterAssignment]) -> Diagram:
    """Return the diagram with each structure's class and nearest crystal."""
    known = {found.structure_id: found for found in assignments}
    points = tuple(
        replace(
            point,
            class_label=known[point.structure_id].label,
            nearest=known[point.structure_id].nearest,
        )
        if point.structure_id in known
        else point
        for point in diagram.points
    )
    return replace(diagram, points=points)


def _label(glass: bool, parent: str | None, formula: str) -> str:
    cell = formula.replace(" ", "")
    return f"gc-{cell}" if glass else parent or cell


def _cell(composition: dict[str, float]) -> str:
    return full_formula(Composition(composition))
