"""The hull table: every crystal on the line and the lowest glass-ceramics."""

from __future__ import annotations

from lps_flows.analysis.literature import is_papers_line, paper_value
from lps_flows.report.blocks import Download, significant
from lps_flows.report.values import conductivity_title
from lps_flows.schemas.phase_diagram import LineEntry
from lps_flows.schemas.results import Results

_FORMATION, _ABOVE = (
    "formation_energy_per_atom (meV/atom)",
    "energy_above_hull (meV/atom)",
)


def hull_rows(results: Results) -> list[tuple[LineEntry, int]]:
    """Return the lowest structure of every crystal, and of the glass of a composition.

    Returns
    -------
    list
        The structure and the number of those that were compared; from left to right on
        the line, crystals before glasses.
    """
    groups: dict[tuple[str, str], list[LineEntry]] = {}
    for entry in results.on_line:
        key = ("glass" if entry.glass else entry.label, entry.formula_pretty)
        groups.setdefault(key, []).append(entry)
    rows = [
        (min(group, key=lambda entry: entry.energy_above_hull), len(group))
        for group in groups.values()
    ]
    return sorted(rows, key=lambda row: (row[0].x, row[0].glass, row[0].label))


def sources_compared(results: Results) -> list[tuple[LineEntry, LineEntry]]:
    """Return the lowest structures of the search and of the melt-quench, side by side.

    One pair for every composition that both have made, from left to right on the line:
    small removal models against cells of any size.
    """
    lowest: dict[tuple[str, str], LineEntry] = {}
    for entry in results.on_line:
        key = (entry.source, entry.formula_pretty)
        if key not in lowest or entry.energy_above_hull < lowest[key].energy_above_hull:
            lowest[key] = entry
    pairs = [
        (searched, lowest["melt-quench", formula])
        for (source, formula), searched in lowest.items()
        if source == "ga" and ("melt-quench", formula) in lowest
    ]
    return sorted(pairs, key=lambda pair: pair[0].x)


def paper_e_above_hull(entry: LineEntry) -> float | None:
    """Return the paper's energy above hull (PBE, meV/atom), where it gives one."""
    if entry.glass or entry.source == "crystal":
        return paper_value(entry.label, "energy above hull")
    return None


def hull_downloads(results: Results) -> list[Download]:
    """Return hull table, all points, gaps and verdicts as CSV, units in the names."""
    classes = results.classes
    beside_paper = is_papers_line(results.line.end_members)

    def in_class(entry: LineEntry, what: str) -> object:
        return getattr(classes.get(entry.structure_id), what, None)

    return [
        Download.csv(
            "hull.csv",
            hull_rows(results),
            {
                "method": lambda row: row[0].method,
                "label": lambda row: row[0].label,
                "formula": lambda row: row[0].formula_pretty,
                "x": lambda row: row[0].x,
                "source": lambda row: row[0].source,
                "parent": lambda row: row[0].parent,
                _FORMATION: lambda row: 1000 * row[0].formation_energy_per_atom,
                _ABOVE: lambda row: 1000 * row[0].energy_above_hull,
                f"paper_{_ABOVE}": lambda row: (
                    paper_e_above_hull(row[0]) if beside_paper else None
                ),
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
                "formula": lambda entry: entry.formula_pretty,
                "x": lambda entry: entry.x,
                _FORMATION: lambda entry: 1000 * entry.formation_energy_per_atom,
                _ABOVE: lambda entry: 1000 * entry.energy_above_hull,
                "source": lambda entry: entry.source,
                "parent": lambda entry: entry.parent,
                "glass": lambda entry: entry.glass,
                "on_hull": lambda entry: entry.line.on_hull,
                "class_label": lambda entry: in_class(entry, "label"),
                "nearest": lambda entry: in_class(entry, "nearest"),
            },
            f"all {len(results.on_line)} points of the phase diagram",
        ),
        Download.csv(
            "gaps.csv",
            results.diagram.metastable_hull if results.diagram else [],
            {
                "between": lambda part: " - ".join(part.vertices),
                "x_start": lambda part: part.x_start,
                "x_end": lambda part: part.x_end,
                "verdict": lambda part: part.status,
                "note": lambda part: part.note,
                "probability": lambda part: part.probability,
                "n_sampled": lambda part: part.n_sampled,
                "depth (meV/atom)": lambda part: _milli(part.depth),
                "margin (meV/atom)": lambda part: _milli(part.margin),
            },
            "stretches of the hull of the glass-ceramic structures",
        ),
        Download.csv(
            "candidates.csv",
            results.candidates,
            {
                "formula": lambda verdict: verdict.formula_pretty,
                "x": lambda verdict: verdict.x,
                "candidate": lambda verdict: verdict.outcome,
                "rank": lambda verdict: verdict.rank,
                "probability": lambda verdict: verdict.probability,
                _ABOVE: lambda verdict: 1000 * verdict.energy_above_hull,
                "nearest": lambda verdict: verdict.nearest,
                "similarity": lambda verdict: verdict.similarity,
                conductivity_title(
                    v.conductivity_temperature
                    for v in results.candidates
                    if v.conductivity is not None
                ): lambda verdict: significant(_milli(verdict.conductivity)),
                "conductivity_trusted": lambda verdict: verdict.conductivity_trusted,
                "reasons": lambda verdict: "; ".join(
                    f"{c.name}: {c.reason or c.value}" for c in verdict.criteria
                ),
                "structure_id": lambda verdict: verdict.structure_id,
            },
            "verdict on every composition",
        ),
    ]


def _milli(value: float | None) -> float | None:
    return None if value is None else 1000 * value
