"""What figures show: selections of documents, the same on paper and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Protocol, TypeVar

import numpy as np
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from lps_flows.analysis.arrhenius import ArrheniusFit
from lps_flows.analysis.clustering import NO_CRYSTAL
from lps_flows.appearance import name_of
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramEntry
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.transport import RunSummary, TransportDocument

REGION = (0.65, 0.80)
"""Stretch of x around Li3PS4."""

Pairs = tuple[tuple[str, str], ...]


class Descendant(Protocol):
    """Anything that says what it is made of and which crystal it descends from."""

    x: float | None
    parent: str | None
    formula: str


AnyDescendant = TypeVar("AnyDescendant", bound=Descendant)


def by_parent(
    documents: Sequence[AnyDescendant],
) -> tuple[dict[str, list[AnyDescendant]], list[AnyDescendant]]:
    """Group what lies on the line by parent; crystals without descendants apart.

    Parameters
    ----------
    documents
        Trends or distributions of one campaign by one method.

    Returns
    -------
    dict, list
        Documents by parent, ascending in x, of the parents that more than one
        composition descends from; and the others. All parents when there is none such.
    """
    groups: dict[str, list[AnyDescendant]] = {}
    for document in sorted(documents, key=lambda d: (name_of(d.parent), d.x or 0.0)):
        if document.x is not None:
            groups.setdefault(name_of(document.parent), []).append(document)
    sampled = {
        parent: members
        for parent, members in groups.items()
        if len({member.formula for member in members}) > 1
    }
    if not sampled:
        return groups, []
    alone = [m for parent, ms in groups.items() if parent not in sampled for m in ms]
    return sampled, alone


def pair_groups(rdfs: Sequence[RDFDocument]) -> tuple[Pairs, Pairs]:
    """Return the pairs that bind, and the others.

    The first are those of every element with the most electronegative one, which binds
    them: Li-S and P-S of Li2S-P2S5.

    Parameters
    ----------
    rdfs
        Distributions of one campaign by one method.
    """
    elements = sorted({e for d in rdfs for partial in d.partials for e in partial.pair})
    if not elements:
        return (), ()
    anion = max(elements, key=lambda symbol: Element(symbol).X)
    binding = tuple((element, anion) for element in elements if element != anion)
    others = combinations_with_replacement(elements, 2)
    return binding, tuple(pair for pair in others if pair not in binding)


def by_class(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[tuple[int, list[str], list[ClusterAssignment]]]:
    """Return label, reference crystals and members of every class that has members."""
    classes = []
    for label in sorted(model.labels):
        members = [place for place in places if place.label == label]
        if members:
            crystals = [
                key for key, of in model.reference_classes.items() if of == label
            ]
            classes.append((label, crystals, members))
    return classes


def by_nearest(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[tuple[str, list[ClusterAssignment]]]:
    """Return every crystal that is nearest to something and to what; 'none' last."""
    groups = [
        (key, [place for place in places if place.nearest == key])
        for key in (*model.references, NO_CRYSTAL)
    ]
    return [(key, members) for key, members in groups if members]


def reference_points(model: ClusterModelDocument) -> dict[str, tuple[float, float]]:
    """Return the reference crystals in the plane of the first two components."""
    return {key: plane(vector) for key, vector in model.references.items()}


def plane(coordinates: Sequence[float]) -> tuple[float, float]:
    """Return the first two components of a vector, 0 for one that is lacking."""
    first, second = [*coordinates, 0.0, 0.0][:2]
    return first, second


def in_region(
    places: Sequence[ClusterAssignment],
    entries: Sequence[PhaseDiagramEntry],
    limit: float,
    x_range: tuple[float, float] = REGION,
) -> list[tuple[ClusterAssignment, float]]:
    """Return the structures of a stretch up to four times the candidates' limit.

    Parameters
    ----------
    places
        Structures with their classes.
    entries
        Entries of the phase diagram of the same campaign and method.
    limit
        Largest distance above the hull of a candidate (meV/atom).
    x_range
        Stretch of the composition line.

    Returns
    -------
    list
        Structures, each with its distance above the hull of the line (meV/atom).
    """
    above = {
        entry.structure_id: 1000 * entry.e_above_hull
        for entry in entries
        if entry.e_above_hull is not None
    }
    return [
        (place, above[place.structure_id])
        for place in places
        if place.x is not None
        and x_range[0] <= place.x <= x_range[1]
        and above.get(place.structure_id, np.inf) <= 4 * limit
    ]


def stable_and_above(
    entries: Sequence[PhaseDiagramEntry],
) -> tuple[list[PhaseDiagramEntry], list[PhaseDiagramEntry]]:
    """Return the vertices of the hull, and the lowest crystal of every other formula.

    Parameters
    ----------
    entries
        Entries of one diagram. A glass-ceramic structure appears when it is a vertex.
    """
    placed = [e for e in entries if e.ternary is not None]
    stable = {e.formula: e for e in placed if e.ternary and e.ternary.on_hull}
    above: dict[str, PhaseDiagramEntry] = {}
    for entry in sorted(placed, key=lambda e: e.energy_per_atom):
        if entry.formula not in stable and not entry.glass:
            above.setdefault(entry.formula, entry)
    return list(stable.values()), list(above.values())


def tie_lines(
    stable: Sequence[PhaseDiagramEntry], elements: Sequence[str]
) -> list[tuple[Composition, Composition]]:
    """Return the pairs of stable phases that coexist.

    Parameters
    ----------
    stable
        Vertices of the hull.
    elements
        The elements of the diagram.
    """
    phases = [
        PDEntry(
            composition := Composition(e.composition),
            (e.ternary.formation_energy if e.ternary else 0.0) * composition.num_atoms,
        )
        for e in stable
    ]
    hull = PhaseDiagram(phases, [Element(el) for el in elements])
    edges = {
        tuple(sorted((int(facet[i]), int(facet[j]))))
        for facet in hull.facets
        for i, j in ((0, 1), (1, 2), (0, 2))
    }
    phase = [entry.composition for entry in hull.qhull_entries]
    return [(phase[i], phase[j]) for i, j in sorted(edges)]


def shown_run(document: TransportDocument) -> RunSummary | None:
    """Return the run whose density is shown: the coldest one that was diffusive."""
    used = [run for run in document.runs if run.used]
    return min(used, key=lambda run: run.temperature) if used else None


def arrhenius_fit(document: TransportDocument) -> ArrheniusFit | None:
    """Return the Arrhenius line that a document holds, None when there is none."""
    if (
        document.activation_energy is None
        or document.prefactor is None
        or document.covariance is None
        or document.activation_energy_interval is None
    ):
        return None
    return ArrheniusFit(
        activation_energy=document.activation_energy,
        activation_energy_interval=document.activation_energy_interval,
        prefactor=document.prefactor,
        temperatures=np.array([r.temperature for r in document.runs if r.used]),
        covariance=np.array(document.covariance),
        chi_square_per_freedom=document.chi_square_per_freedom,
    )
