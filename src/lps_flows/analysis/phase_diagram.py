"""From relaxed structures to hull, gaps and every structure's place in them.

The builders, the job that chooses what goes into dynamics and the live page all call
`phase_diagram`, so that they cannot disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pymatgen.core import Composition

from lps_flows.analysis.hull import (
    HullEntry,
    HullError,
    HullSettings,
    end_member_entries,
)
from lps_flows.analysis.hull_gaps import (
    CompositionPoint,
    atom_fraction,
    lower_envelope,
    lowest_points,
    metastable_hull,
)
from lps_flows.analysis.hull_places import line_hull, ternary_hull
from lps_flows.analysis.resampling import resample
from lps_flows.chemistry import (
    CompositionLine,
    composition_of,
    crystals,
    reduced_formula,
)
from lps_flows.schemas.built import StructureHead, facts_of
from lps_flows.schemas.phase_diagram import (
    LACKING,
    UNKNOWN,
    CompositionSummary,
    EndMember,
    EnergyErrors,
    HullPlace,
    LineEntry,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)

if TYPE_CHECKING:
    from pymatgen.entries.computed_entries import ComputedEntry

_LI_P_S = CompositionLine()

AnyHead = TypeVar("AnyHead", bound=StructureHead)


def recorded_settings(settings: HullSettings, line: CompositionLine) -> dict[str, Any]:
    """Return what a phase diagram is made by, as it is written on it."""
    return {"end_members": list(line.end_members), **settings.model_dump(mode="json")}


def that_count(structures: Sequence[AnyHead], settings: HullSettings) -> list[AnyHead]:
    """Return the structures that go into the phase diagram, in the order of their ids.

    Those are the relaxed ones; with `require_converged`, the converged among them.
    """
    return sorted(
        (
            structure
            for structure in structures
            if structure.relaxed
            and (structure.converged or not settings.require_converged)
        ),
        key=lambda structure: structure.structure_id,
    )


def phase_diagram(
    structures: Sequence[StructureHead | ComputedEntry],
    settings: HullSettings,
    line: CompositionLine = _LI_P_S,
    *,
    errors: EnergyErrors = UNKNOWN,
    source: str = "",
) -> tuple[PhaseDiagramDocument, list[PhaseDiagramEntry]]:
    """Return the phase diagram of some structures and the place of each in it.

    Parameters
    ----------
    structures
        Structures of one campaign by one method, or pymatgen's entries; those that do
        not count (`that_count`) are left out.
    errors
        What is known of the errors of the energies (`energy_errors`).

    Returns
    -------
    diagram, entries
        Hull, gaps and the lowest structures of every composition; and one entry per
        structure that counts, a `LineEntry` for each on the line, ascending in id.

    Raises
    ------
    HullError
        When no structure counts, an end member is missing, methods are mixed or ids
        duplicated.

    Examples
    --------
    >>> from lps_flows.schemas.structure import Provenance
    >>> energies = {"Li8S4": -40.0, "P4S10": -60.0, "Li6P2S8": -61.6}
    >>> structures = [
    ...     StructureHead(
    ...         structure_id=formula, method="m", provenance=Provenance(source="user"),
    ...         formula=formula, n_atoms=1, energy=energy, energy_per_atom=energy,
    ...         relaxed=True, converged=True,
    ...     )
    ...     for formula, energy in energies.items()
    ... ]
    >>> diagram, entries = phase_diagram(structures, HullSettings())
    >>> [(each.formula_pretty, round(each.x, 3)) for each in diagram.compositions]
    [('P2S5', 0.0), ('Li3PS4', 0.75), ('Li2S', 1.0)]
    """
    counted = that_count(
        [StructureHead.of_entry(each) for each in structures], settings
    )
    hull_entries = [HullEntry.of(structure) for structure in counted]
    position = cache(line.x)
    on_line = line_hull(hull_entries, line)
    try:
        among_elements, note = ternary_hull(hull_entries), _lacking(hull_entries)
    except HullError as error:
        among_elements, note = {}, str(error)
    entries = [
        _entry(
            structure,
            settings,
            source,
            x=position(structure.formula)
            if structure.structure_id in on_line
            else None,
            line=on_line.get(structure.structure_id),
            ternary=among_elements.get(structure.structure_id),
        )
        for structure in counted
    ]
    lines = [entry for entry in entries if isinstance(entry, LineEntry)]
    glasses = lowest_points([CompositionPoint.of(e) for e in lines if e.glass])
    campaign, method = counted[0].campaign, counted[0].method
    if settings.reference_error is not None:
        of_engine = settings.reference_error / 1000
        errors = errors.model_copy(update={"reference": of_engine})
    stable = [e for e in lines if e.line.on_hull and not e.glass]
    intervals = (
        metastable_hull(
            glasses,
            line,
            settings.gap_tolerance / 1000,
            crystals=[CompositionPoint.of(e) for e in stable],
            still_falling=errors.still_falling,
            n_decisive=settings.gap_compositions,
        )
        if len(glasses) > 1
        else []
    )
    compositions = _summaries(lines, glasses, line)
    draws = resample(compositions, line, errors, settings)
    if draws is not None:
        intervals = [
            part.model_copy(update={"probability": draws.probability(part)})
            for part in intervals
        ]
    diagram = PhaseDiagramDocument(
        diagram_id=f"{campaign}|{method}",
        campaign=campaign,
        method=method,
        source_digest=source,
        settings=recorded_settings(settings, line),
        end_members=[
            EndMember(
                formula=formula,
                structure_id=entry.entry_id,
                energy=entry.energy_per_atom * Composition(formula).num_atoms,
            )
            for formula, entry in end_member_entries(hull_entries, line).items()
        ],
        n_structures=len(entries),
        n_on_line=len(lines),
        n_unconverged=sum(not entry.converged for entry in entries),
        n_left_out=len(structures) - len(counted),
        compositions=compositions,
        metastable_hull=intervals,
        errors=errors,
        elements=sorted({str(el) for e in hull_entries for el in e.composition}),
        ternary_note=note,
    )
    return diagram, entries


def _lacking(entries: Sequence[HullEntry]) -> str | None:
    """Name the library's phases of these elements of which no entry is."""
    elements = {str(el) for entry in entries for el in entry.composition}
    known = {reduced_formula(phase.formula) for phase in crystals()}
    lacking = sorted(
        formula
        for formula in known - {entry.formula for entry in entries}
        if set(composition_of(formula).get_el_amt_dict()) <= elements
    )
    return LACKING + ", ".join(lacking) if lacking else None


def _entry(
    structure: StructureHead,
    settings: HullSettings,
    source: str,
    *,
    x: float | None,
    line: HullPlace | None,
    ternary: HullPlace | None,
) -> PhaseDiagramEntry:
    kind = PhaseDiagramEntry if line is None else LineEntry
    return kind(
        **{**facts_of(structure), "x": x},
        source_digest=source,
        composition=composition_of(structure.formula).get_el_amt_dict(),
        glass=structure.provenance.source in settings.glass_sources,
        converged=structure.converged,
        formation_energy_per_atom=None
        if line is None
        else line.formation_energy_per_atom,
        energy_above_hull=None if line is None else line.energy_above_hull,
        line=line,
        ternary=ternary,
    )


def _summaries(
    entries: Sequence[LineEntry],
    glasses: Sequence[CompositionPoint],
    line: CompositionLine,
) -> list[CompositionSummary]:
    members: dict[str, list[LineEntry]] = defaultdict(list)
    for entry in entries:
        members[entry.formula_pretty].append(entry)
    by_id = {entry.structure_id: entry for entry in entries}
    lowest_glass = {point.formula: by_id[point.entry_id] for point in glasses}
    vertices = {
        glasses[k].formula
        for k in lower_envelope(
            [atom_fraction(line, point.formula) for point in glasses],
            [point.formation_energy for point in glasses],
        )
    }
    summaries = []
    for formula, group in members.items():
        lowest = min(group, key=lambda entry: entry.energy_above_hull)
        glass = lowest_glass.get(formula)
        summaries.append(
            CompositionSummary(
                formula_pretty=formula,
                x=lowest.x,
                n_structures=len(group),
                n_glasses=sum(entry.glass for entry in group),
                lowest_id=lowest.structure_id,
                formation_energy_per_atom=lowest.formation_energy_per_atom,
                energy_above_hull=lowest.energy_above_hull,
                on_hull=any(entry.line.on_hull for entry in group),
                lowest_glass_id=glass and glass.structure_id,
                glass_formation_energy_per_atom=glass
                and glass.formation_energy_per_atom,
                glass_energy_above_hull=glass and glass.energy_above_hull,
                on_metastable_hull=len(glasses) > 1 and formula in vertices,
                crystal_formation_energy_per_atom=min(
                    (e.formation_energy_per_atom for e in group if not e.glass),
                    default=None,
                ),
            )
        )
    return sorted(summaries, key=lambda summary: summary.x)
