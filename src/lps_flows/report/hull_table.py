"""The hull table: every crystal on the line and the lowest glass-ceramics."""

from __future__ import annotations

from lps_flows.analysis.literature import paper_value
from lps_flows.report.blocks import Download
from lps_flows.schemas.phase_diagram import LineEntry
from lps_flows.schemas.results import Results


def hull_rows(results: Results) -> list[tuple[LineEntry, int]]:
    """Return the lowest structure of every crystal, and of the glass of a composition.

    Parameters
    ----------
    results
        What a campaign found.

    Returns
    -------
    list
        The structure and the number of those that were compared; from left to right on
        the line, crystals before glasses.
    """
    groups: dict[tuple[str, str], list[LineEntry]] = {}
    for entry in results.on_line:
        key = ("glass" if entry.glass else entry.label, entry.formula)
        groups.setdefault(key, []).append(entry)
    rows = [
        (min(group, key=lambda entry: entry.e_above_hull), len(group))
        for group in groups.values()
    ]
    return sorted(rows, key=lambda row: (row[0].x, row[0].glass, row[0].label))


def paper_e_above_hull(entry: LineEntry) -> float | None:
    """Return the paper's energy above hull (PBE, meV/atom), where it gives one."""
    if entry.glass or entry.source == "crystal":
        return paper_value(entry.label, "energy above hull")
    return None


def hull_downloads(results: Results) -> list[Download]:
    """Return the hull table (meV/atom) and all its points (eV/atom) as CSV."""
    classes = results.classes

    def in_class(entry: LineEntry, what: str) -> object:
        return getattr(classes.get(entry.structure_id), what, None)

    return [
        Download.csv(
            "hull.csv",
            hull_rows(results),
            {
                "method": lambda row: row[0].method,
                "label": lambda row: row[0].label,
                "formula": lambda row: row[0].formula,
                "x": lambda row: row[0].x,
                "source": lambda row: row[0].source,
                "parent": lambda row: row[0].parent,
                "formation_energy": lambda row: 1000 * row[0].formation_energy,
                "e_above_hull": lambda row: 1000 * row[0].e_above_hull,
                "paper_e_above_hull": lambda row: paper_e_above_hull(row[0]),
                "n_structures": lambda row: row[1],
                "structure_id": lambda row: row[0].structure_id,
            },
            "hull table",
        ),
        Download.csv(
            "points.csv",
            results.on_line,
            {
                "method": lambda entry: entry.method,
                "structure_id": lambda entry: entry.structure_id,
                "label": lambda entry: entry.label,
                "formula": lambda entry: entry.formula,
                "x": lambda entry: entry.x,
                "formation_energy": lambda entry: entry.formation_energy,
                "e_above_hull": lambda entry: entry.e_above_hull,
                "source": lambda entry: entry.source,
                "parent": lambda entry: entry.parent,
                "glass": lambda entry: entry.glass,
                "on_hull": lambda entry: entry.line.on_hull,
                "class_label": lambda entry: in_class(entry, "label"),
                "nearest": lambda entry: in_class(entry, "nearest"),
            },
            f"all {len(results.on_line)} points of the phase diagram",
        ),
    ]
