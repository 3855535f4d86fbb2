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
    return [
        Download.csv(
            "hull.csv",
            (
                "method",
                "label",
                "formula",
                "x",
                "source",
                "parent",
                "formation_energy",
                "e_above_hull",
                "paper_e_above_hull",
                "n_structures",
                "structure_id",
            ),
            [
                (
                    entry.method,
                    entry.label,
                    entry.formula,
                    entry.x,
                    entry.source,
                    entry.parent,
                    1000 * entry.formation_energy,
                    1000 * entry.e_above_hull,
                    paper_e_above_hull(entry),
                    n_structures,
                    entry.structure_id,
                )
                for entry, n_structures in hull_rows(results)
            ],
            "hull table",
        ),
        Download.csv(
            "points.csv",
            (
                "method",
                "structure_id",
                "label",
                "formula",
                "x",
                "formation_energy",
                "e_above_hull",
                "source",
                "parent",
                "glass",
                "on_hull",
                "class_label",
                "nearest",
            ),
            [
                (
                    entry.method,
                    entry.structure_id,
                    entry.label,
                    entry.formula,
                    entry.x,
                    entry.formation_energy,
                    entry.e_above_hull,
                    entry.source,
                    entry.parent,
                    entry.glass,
                    entry.line.on_hull,
                    place.label if place else None,
                    place.nearest if place else None,
                )
                for entry in results.on_line
                for place in [results.classes.get(entry.structure_id)]
            ],
            f"all {len(results.on_line)} points of the phase diagram",
        ),
    ]
