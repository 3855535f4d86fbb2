"""The phase diagram of one group of structures: plain data in, documents out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pymatgen.core import Composition

from lps_flows.analysis import (
    CompositionPoint,
    HullEntry,
    HullError,
    HullPoint,
    HullSettings,
    line_hull,
    lowest_points,
    metastable_hull,
    ternary_hull,
)
from lps_flows.analysis.hull import end_member_entries
from lps_flows.builders.increment import (
    composition_of,
    digest,
    head_facts,
    plain,
    reduced_formula,
)
from lps_flows.chemistry import CompositionLine
from lps_flows.schemas.phase_diagram import (
    CompositionSummary,
    DecompositionProduct,
    EndMember,
    GapInterval,
    HullPlace,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)


def hull_entries(heads: Sequence[dict[str, Any]]) -> list[HullEntry]:
    """Return what the hull needs of some structure documents.

    Parameters
    ----------
    heads
        Documents of the ``structures`` collection, without or with the atoms.
    """
    return [
        HullEntry(
            head["structure_id"],
            composition_of(head["formula"]),
            head["energy"],
            head["method"],
        )
        for head in heads
    ]


def phase_diagram(
    heads: Sequence[dict[str, Any]],
    settings: HullSettings,
    *,
    source: str,
    n_left_out: int = 0,
) -> tuple[PhaseDiagramDocument, list[PhaseDiagramEntry]]:
    """Return the phase diagram of one group of structures and all their places in it.

    Parameters
    ----------
    heads
        Relaxed structures of one campaign by one method.
    settings
        End members, glass sources, tolerance.
    source
        Digest to write on the documents.
    n_left_out
        Structures left out before.

    Raises
    ------
    HullError
        When an end member is missing, methods are mixed or ids duplicated.
    """
    line = CompositionLine(end_members=settings.end_members)
    entries = hull_entries(heads)
    on_line = {p.entry_id: p for p in line_hull(entries, settings.end_members)}
    ternary, note = _ternary(entries, line)
    formulas = {e.entry_id: e.formula for e in entries}
    records = [_entry(head, on_line, ternary, formulas, settings) for head in heads]
    glass = [r for r in records if r.glass and r.line is not None]
    lowest_glass = lowest_points([_composition_point(r) for r in glass])
    intervals = (
        metastable_hull(lowest_glass, line, settings.gap_tolerance / 1000)
        if len(lowest_glass) > 1
        else []
    )
    ends = end_member_entries(entries, settings.end_members)
    campaign, method = heads[0]["campaign"], heads[0]["method"]
    document = PhaseDiagramDocument(
        diagram_id=f"{campaign}|{method}",
        campaign=campaign,
        method=method,
        source_digest=source,
        settings=plain(settings),
        end_members=[
            EndMember(
                formula=formula,
                structure_id=entry.entry_id,
                energy=entry.energy_per_atom * Composition(formula).num_atoms,
            )
            for formula, entry in ends.items()
        ],
        n_structures=len(records),
        n_on_line=len(on_line),
        n_unconverged=sum(not record.converged for record in records),
        n_left_out=n_left_out,
        compositions=_summaries(
            records, {v for part in intervals for v in part.vertices}
        ),
        metastable_hull=[GapInterval(**vars(part)) for part in intervals],
        elements=sorted({str(el) for e in entries for el in e.composition.elements}),
        ternary_note=note,
    )
    return document, records


def of_equal_energy(heads: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the groups of documents that may hold one calculation.

    They agree in formula, origin and, to the last digit, in energy.

    Parameters
    ----------
    heads
        Documents of the ``structures`` collection, without or with the atoms.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for head in heads:
        origin = head["provenance"]["source"], head["provenance"].get("parent")
        groups[head["formula"], *origin, head["energy"]].append(head)
    return [group for group in groups.values() if len(group) > 1]


def _ternary(
    entries: list[HullEntry], line: CompositionLine
) -> tuple[dict[str, HullPoint], str | None]:
    try:
        return {p.entry_id: p for p in ternary_hull(entries, line)}, None
    except HullError as error:
        return {}, str(error)


def _entry(
    head: dict[str, Any],
    on_line: Mapping[str, HullPoint],
    ternary: Mapping[str, HullPoint],
    formulas: Mapping[str, str],
    settings: HullSettings,
) -> PhaseDiagramEntry:
    point = on_line.get(head["structure_id"])
    third = ternary.get(head["structure_id"])
    composition = composition_of(head["formula"])
    glass = head["provenance"]["source"] in settings.glass_sources
    return PhaseDiagramEntry(
        **head_facts(head),
        # everything the entry says, so that an equal digest means an equal entry
        source_digest=digest(head["version"], repr(point), repr(third), glass),
        formula=reduced_formula(head["formula"]),
        composition={str(el): float(n) for el, n in composition.items()},
        glass=glass,
        converged=head["converged"],
        formation_energy=None if point is None else point.formation_energy,
        e_above_hull=None if point is None else point.e_above_hull,
        line=None if point is None else _place(point, formulas),
        ternary=None if third is None else _place(third, formulas),
    )


def _place(point: HullPoint, formulas: Mapping[str, str]) -> HullPlace:
    return HullPlace(
        formation_energy=float(point.formation_energy or 0.0),
        e_above_hull=point.e_above_hull,
        on_hull=point.on_hull,
        decomposition=[
            DecompositionProduct(structure_id=i, formula=formulas[i], fraction=fraction)
            for i, fraction in point.decomposition.items()
        ],
    )


def _composition_point(record: PhaseDiagramEntry) -> CompositionPoint:
    if record.x is None or record.formation_energy is None:
        raise HullError("not on the line", field="structure_id", value=record.formula)
    return CompositionPoint(
        record.formula, record.x, record.formation_energy, record.structure_id
    )


def _summaries(
    records: Sequence[PhaseDiagramEntry], vertices: set[str]
) -> list[CompositionSummary]:
    groups: dict[str, list[PhaseDiagramEntry]] = defaultdict(list)
    for record in records:
        if record.line is not None:
            groups[record.formula].append(record)
    summaries = []
    for formula, members in groups.items():
        lowest = min(members, key=lambda r: r.e_above_hull or 0.0)
        glasses = [record for record in members if record.glass]
        glass = min(glasses, key=lambda r: r.e_above_hull or 0.0, default=None)
        summaries.append(
            CompositionSummary(
                formula=formula,
                x=float(lowest.x or 0.0),
                n_structures=len(members),
                n_glasses=len(glasses),
                lowest_id=lowest.structure_id,
                formation_energy=float(lowest.formation_energy or 0.0),
                e_above_hull=float(lowest.e_above_hull or 0.0),
                on_hull=any(r.line is not None and r.line.on_hull for r in members),
                lowest_glass_id=None if glass is None else glass.structure_id,
                glass_formation_energy=None
                if glass is None
                else glass.formation_energy,
                glass_e_above_hull=None if glass is None else glass.e_above_hull,
                on_metastable_hull=glass is not None and formula in vertices,
            )
        )
    return sorted(summaries, key=lambda summary: summary.x)
