"""Section: phase diagram and miscibility gaps."""

from __future__ import annotations

from collections.abc import Callable

from lps_flows.analysis.literature import is_papers_line, of_the_paper, paper_citation
from lps_flows.plotting.captions import formation_caption, ternary_caption
from lps_flows.report.blocks import (
    Block,
    Cell,
    Chart,
    Note,
    Section,
    StructureLink,
    Table,
    number,
)
from lps_flows.report.charts.phase_diagram import phase_diagram_chart
from lps_flows.report.charts.ternary import ternary_chart
from lps_flows.report.hull_table import hull_rows, paper_e_above_hull, sources_compared
from lps_flows.schemas.phase_diagram import (
    EnergyErrors,
    LineEntry,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)
from lps_flows.schemas.results import Results

DIAGRAM_ID = "phase-diagram"
_PROVISIONAL = (
    "Provisional: the builders have not run, this is computed from the relaxed "
    "structures there are."
)
_READING = (
    "Hover over a point to read it, click it to see the structure; the table below "
    "does the same from the keyboard."
)


def phase_diagram_section(results: Results, error: str = "") -> Section:
    """Return the section.

    Parameters
    ----------
    error
        Why there is none, if a user can mend it.
    """
    diagram = results.diagram
    if diagram is None:
        missing = error or "No relaxed structure on the composition line yet."
        return Section(DIAGRAM_ID, "Phase diagram", missing=missing)
    blocks: list[Block] = []
    if results.provisional:
        blocks.append(Note(_PROVISIONAL, "warning"))
    paper = is_papers_line(results.line.end_members)
    blocks += [
        Chart(
            "hull-chart",
            phase_diagram_chart(diagram, results),
            f"{formation_caption(diagram)} {_READING}",
            ["fig5_formation_energies"],
            height=520,
        ),
        _hull_table(results, diagram.method, beside_paper=paper),
        _gap_table(diagram, beside_paper=paper),
    ]
    pairs = sources_compared(results)
    if pairs:
        blocks.append(_sources_table(pairs, diagram.method))
    if not diagram.has_ternary:
        blocks.append(Note(f"No ternary diagram: {diagram.ternary_note}", "warning"))
    elif len(diagram.elements) == 3:
        blocks.append(
            Chart(
                "ternary-chart",
                ternary_chart(diagram, results.entries),
                ternary_caption(diagram),
                ["fig1_ternary"],
                height=520,
            )
        )
    if results.off_line:
        blocks.append(_off_line_table(results, diagram.method))
    return Section(
        DIAGRAM_ID,
        "Phase diagram",
        blocks,
        status="partial" if results.provisional else "done",
    )


def _hull_table(results: Results, method: str, *, beside_paper: bool) -> Table:
    papers: dict[str, Callable[[tuple[LineEntry, int]], Cell]] = (
        {"paper, PBE": lambda row: number(paper_e_above_hull(row[0]), 1)}
        if beside_paper
        else {}
    )
    return Table.of(
        hull_rows(results),
        {
            "structure": lambda row: _named(row[0]),
            "x": lambda row: f"{row[0].x:.3f}",
            "E above hull (meV/atom)": lambda row: (
                f"{1000 * row[0].energy_above_hull:.1f}"
            ),
            **papers,
            "formation energy (meV/atom)": lambda row: (
                f"{1000 * row[0].formation_energy_per_atom:.1f}"
            ),
            "structures": lambda row: str(row[1]),
        },
        "Crystals on the line and the lowest glass-ceramic structure of every "
        f"composition, by {method}."
        + (f" Paper: {paper_citation()}." if beside_paper else ""),
        foldable="narrow",
    )


def _sources_table(pairs: list[tuple[LineEntry, LineEntry]], method: str) -> Table:
    return Table.of(
        pairs,
        {
            "composition": lambda pair: pair[0].formula_pretty,
            "x": lambda pair: f"{pair[0].x:.3f}",
            "search": lambda pair: StructureLink(
                pair[0].structure_id, _milli(pair[0].energy_above_hull)
            ),
            "atoms searched": lambda pair: _n_atoms(pair[0]),
            "melt-quench": lambda pair: StructureLink(
                pair[1].structure_id, _milli(pair[1].energy_above_hull)
            ),
            "atoms molten": lambda pair: _n_atoms(pair[1]),
            "melt-quench higher by": lambda pair: _milli(
                pair[1].energy_above_hull - pair[0].energy_above_hull
            ),
        },
        "Energy above hull (meV/atom) of the lowest structure that the search over "
        f"removed units found, and of the lowest quenched melt, by {method}.",
    )


def _n_atoms(entry: LineEntry) -> str:
    return f"{sum(entry.composition.values()):.0f}"


def _named(entry: PhaseDiagramEntry) -> Cell:
    descends = entry.glass or (entry.parent and not entry.crystal)
    origin = f" (from {entry.parent})" if descends else ""
    return StructureLink(entry.structure_id, entry.label + origin)


def _gap_table(diagram: PhaseDiagramDocument, *, beside_paper: bool) -> Block:
    if not diagram.metastable_hull:
        return Note(
            "Miscibility gaps need glass-ceramic structures of at least two "
            "compositions."
        )
    tolerance = 1000 * diagram.metastable_hull[0].tolerance
    papers = " and ".join(
        "{:.3g} < x < {:.3g}".format(*gap.values)
        for gap in of_the_paper("miscibility gap")
    )
    return Table.of(
        diagram.metastable_hull,
        {
            "between": lambda part: " - ".join(part.vertices),
            "x from": lambda part: f"{part.x_start:.3f}",
            "x to": lambda part: f"{part.x_end:.3f}",
            "verdict": lambda part: part.status + (f", {part.note}" * bool(part.note)),
            "probability of a gap": lambda part: number(part.probability, 2),
            "compositions sampled inside": lambda part: str(part.n_sampled),
            "depth (meV/atom)": lambda part: _milli(part.depth),
            "widest unsampled stretch of x": lambda part: (
                f"{part.largest_unsampled:.3f}"
            ),
        },
        "Stretches of the hull of the glass-ceramic structures alone, by "
        f"{diagram.method}. A gap: every composition sampled inside lies more than "
        f"{tolerance:g} meV/atom above the tie line; a stable crystal ends a stretch, "
        "and beyond the first and the last composition nothing is known. "
        + _errors(diagram.errors)
        + (f" The paper's gaps: {papers}." if beside_paper else ""),
    )


def _errors(errors: EnergyErrors) -> str:
    """Say what the probabilities rest on."""
    parts = [
        f"{what} {1000 * value:.1f} meV/atom"
        for what, value in (
            ("ANN against reference", errors.ann),
            ("reference against DFT", errors.reference),
            ("between searches up to", max(errors.search.values(), default=None)),
        )
        if value is not None
    ]
    if not parts:
        return "No error of the energies is known, so no probability."
    return f"Probabilities: energies drawn within their errors ({', '.join(parts)})."


def _off_line_table(results: Results, method: str) -> Table:
    return Table.of(
        [(entry, entry.ternary) for entry in _lowest_off_line(results)],
        {
            "structure": lambda row: _named(row[0]),
            "formula": lambda row: row[0].formula_pretty,
            "E above hull (meV/atom)": lambda row: _milli(
                row[1].energy_above_hull if row[1] else None
            ),
            "decomposes to": lambda row: (
                " + ".join(p.formula_pretty for p in row[1].decomposes_to)
                if row[1]
                else "-"
            ),
        },
        "Off the line, in the diagram of all elements: crystals, and the lowest "
        f"glass-ceramic structure of every composition, by {method}.",
    )


def _lowest_off_line(results: Results) -> list[PhaseDiagramEntry]:
    lowest: dict[tuple[str, str], PhaseDiagramEntry] = {}
    for entry in sorted(results.off_line, key=lambda e: e.energy_per_atom):
        lowest.setdefault((entry.label, entry.formula_pretty), entry)
    return sorted(lowest.values(), key=lambda e: (e.glass, e.label))


def _milli(energy: float | None) -> str:
    """Return an energy (eV/atom) in meV/atom."""
    return "-" if energy is None else f"{1000 * energy:.1f}"
