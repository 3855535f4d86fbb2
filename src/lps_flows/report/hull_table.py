"""The hull table: every crystal on the line and the lowest glass-ceramics."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import TextIO

from lps_flows.analysis.literature import paper_value
from lps_flows.report.diagram import Diagram, Point


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
    """Structures of this crystal or composition that were compared."""
    structure_id: str
    """Id of the structure's document."""

    @property
    def glass(self) -> bool:
        """Whether it is a glass-ceramic structure."""
        return self.label.startswith("gc-")


def hull_rows(diagram: Diagram | None) -> list[HullRow]:
    """Return every crystal on the line and the lowest glass per composition.

    Parameters
    ----------
    diagram
        Phase diagram of a campaign.

    Returns
    -------
    list of HullRow
        From left to right on the line, crystals before glasses.
    """
    best: dict[tuple[str, str], HullRow] = {}
    for point in diagram.points if diagram else ():
        row = _row(point, diagram.method if diagram else "")
        key = ("glass" if point.glass else row.label, row.formula)
        known = best.get(key)
        n_structures = 1 + (known.n_structures if known else 0)
        if known is not None and known.e_above_hull <= row.e_above_hull:
            row = known
        best[key] = replace(row, n_structures=n_structures)
    return sorted(best.values(), key=lambda row: (row.x, row.glass, row.label))


def write_hull_table(rows: Sequence[HullRow], stream: TextIO) -> None:
    """Write the rows as CSV with one header line."""
    writer = csv.writer(stream)
    writer.writerow([field.name for field in fields(HullRow)])
    for row in rows:
        writer.writerow(["" if v is None else _rounded(v) for v in astuple(row)])


def write_points(diagram: Diagram, stream: TextIO) -> None:
    """Write every structure of a diagram as CSV; energies in eV/atom."""
    writer = csv.writer(stream)
    writer.writerow(["method", *(field.name for field in fields(Point))])
    for point in diagram.points:
        values = ["" if v is None else _rounded(v) for v in astuple(point)]
        writer.writerow([diagram.method, *values])


def _rounded(value: object) -> object:
    return round(value, 6) if isinstance(value, float) else value


def _row(point: Point, method: str) -> HullRow:
    paper = None
    if point.glass or point.source == "crystal":
        paper = paper_value(point.label, "energy above hull")
    return HullRow(
        method=method,
        label=point.label,
        formula=point.formula,
        x=point.x,
        source=point.source,
        parent=point.parent or "",
        formation_energy=1000 * point.formation_energy,
        e_above_hull=1000 * point.e_above_hull,
        paper_e_above_hull=paper,
        n_structures=1,
        structure_id=point.structure_id,
    )
