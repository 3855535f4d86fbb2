"""The hull table: every crystal on the line and the lowest glass-ceramics."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from pymatgen.core import Composition

from lps_flows.analysis import HullEntry, HullSettings, line_hull
from lps_flows.report.documents import JobOutput
from lps_flows.report.paper import E_ABOVE_HULL, GLASS_E_ABOVE_HULL

LIGHT_FIELDS = (
    "method",
    "provenance",
    "formula",
    "x",
    "n_atoms",
    "energy",
    "relaxed",
    "converged",
)
"""Fields of a `StructureDocument` the hull needs: everything but the atoms."""

_DEFAULTS = HullSettings()


@dataclass(frozen=True)
class HullRow:
    """One line of the table; energies in meV/atom."""

    method: str
    """Reference method of the energy."""
    label: str
    """Crystal key, or 'gc-' and the formula of the cell."""
    formula: str
    """Reduced formula."""
    x: float
    """Position on the line."""
    source: str
    """How the structure was made."""
    parent: str
    """Crystal it descends from."""
    formation_energy: float
    """From the end members, Eq. 1 (meV/atom)."""
    e_above_hull: float
    """Distance above the hull (meV/atom)."""
    paper_e_above_hull: float | None
    """The paper's value (PBE), where it gives one (meV/atom)."""
    n_structures: int
    """Structures of this source and composition that were compared."""
    structure_id: str
    """Job uuid of the structure's document."""

    @property
    def glass(self) -> bool:
        """Whether it is a glass-ceramic structure."""
        return self.label.startswith("gc-")


def hull_rows(
    structures: Sequence[JobOutput], settings: HullSettings = _DEFAULTS
) -> list[HullRow]:
    """Return every crystal on the line and the lowest glass per composition.

    The hull is computed by `lps_flows.analysis.line_hull` over the relaxed, converged
    structures, apart for every method.

    Parameters
    ----------
    structures
        Outputs of class `StructureDocument`, with `LIGHT_FIELDS` at least.
    settings
        End members of the line, and which sources count as glass-ceramic.

    Returns
    -------
    list of HullRow
        By method, then from left to right on the line, crystals before glasses.

    Raises
    ------
    HullError
        When an end member is missing.
    """
    by_method: dict[str, dict[str, JobOutput]] = defaultdict(dict)
    for found in structures:
        document = found.output
        if document["relaxed"] and document["converged"] and document["x"] is not None:
            by_method[document["method"]][found.uuid] = found
    rows = []
    for method, documents in sorted(by_method.items()):
        entries = [
            HullEntry(
                uuid, Composition(d.output["formula"]), d.output["energy"], method
            )
            for uuid, d in documents.items()
        ]
        best: dict[tuple[str, str], HullRow] = {}
        for point in line_hull(entries, settings.end_members):
            row = _row(
                documents[point.entry_id],
                point.formation_energy or 0.0,
                point.e_above_hull,
                settings,
            )
            key = ("glass" if row.glass else row.label, row.formula)
            known = best.get(key)
            n_structures = 1 + (known.n_structures if known else 0)
            if known is not None and known.e_above_hull <= row.e_above_hull:
                row = known
            best[key] = replace(row, n_structures=n_structures)
        rows += sorted(best.values(), key=lambda row: (row.x, row.glass))
    return rows


def write_hull_table(rows: Sequence[HullRow], file: Path) -> Path:
    """Write the rows as CSV, one header line, and return the file."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([field.name for field in fields(HullRow)])
        for row in rows:
            writer.writerow(["" if v is None else _rounded(v) for v in astuple(row)])
    return file


def _rounded(value: object) -> object:
    return round(value, 6) if isinstance(value, float) else value


def _row(
    found: JobOutput, formation: float, above: float, settings: HullSettings
) -> HullRow:
    document = found.output
    provenance = document["provenance"]
    source, parent = provenance["source"], provenance.get("parent") or ""
    glass = source in settings.glass_sources
    cell = document["formula"].replace(" ", "")
    label = f"gc-{cell}" if glass else parent or cell
    paper = (
        GLASS_E_ABOVE_HULL.get(cell)
        if glass
        else E_ABOVE_HULL.get(parent)
        if source == "crystal"
        else None
    )
    return HullRow(
        method=document["method"],
        label=label,
        formula=Composition(cell).reduced_formula,
        x=document["x"],
        source=source,
        parent=parent,
        formation_energy=1000 * formation,
        e_above_hull=1000 * above,
        paper_e_above_hull=paper,
        n_structures=1,
        structure_id=found.uuid,
    )
