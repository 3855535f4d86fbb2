"""Section: phase diagram and miscibility gaps."""

from __future__ import annotations

from lps_flows.analysis.literature import (
    is_papers_line,
    of_the_paper,
    paper_citation,
)
from lps_flows.plotting.captions import formation_caption, ternary_caption
from lps_flows.report.blocks import (
    Block,
    Chart,
    Note,
    Section,
    StructureLink,
    Table,
    number,
)
from lps_flows.report.charts.phase_diagram import phase_diagram_chart
from lps_flows.report.charts.ternary import ternary_chart
from lps_flows.report.hull_table import hull_rows, paper_e_above_hull
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument
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
    results
        With the built or a provisional diagram.
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
    if diagram.ternary_note is not None:
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
    return Table(
        (
            "structure",
            "x",
            "E above hull (meV/atom)",
            *(("paper, PBE",) if beside_paper else ()),
            "formation energy (meV/atom)",
            "structures",
        ),
        [
            (
                StructureLink(
                    entry.structure_id,
                    f"{entry.label} (from {entry.parent})"
                    if entry.glass
                    else entry.label,
                ),
                f"{entry.x:.3f}",
                f"{1000 * entry.e_above_hull:.1f}",
                *((number(paper_e_above_hull(entry), 1),) if beside_paper else ()),
                f"{1000 * entry.formation_energy:.1f}",
                str(n_structures),
            )
            for entry, n_structures in hull_rows(results)
        ],
        "Crystals on the line and the lowest glass-ceramic structure of every "
        f"composition, by {method}."
        + (f" Paper: {paper_citation()}." if beside_paper else ""),
        foldable=False,
    )


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
    return Table(
        (
            "between",
            "x from",
            "x to",
            "verdict",
            "compositions sampled inside",
            "depth (meV/atom)",
            "widest unsampled stretch of x",
        ),
        [
            (
                " - ".join(part.vertices),
                f"{part.x_start:.3f}",
                f"{part.x_end:.3f}",
                part.status,
                str(part.n_sampled),
                "-" if part.depth is None else f"{1000 * part.depth:.1f}",
                f"{part.largest_unsampled:.3f}",
            )
            for part in diagram.metastable_hull
        ],
        "Stretches of the hull of the glass-ceramic structures alone, by "
        f"{diagram.method}. A gap: every composition sampled inside lies more than "
        f"{tolerance:g} meV/atom above the tie line."
        + (f" The paper's gaps: {papers}." if beside_paper else ""),
    )


def _off_line_table(results: Results, method: str) -> Table:
    return Table(
        ("structure", "formula", "E above hull (meV/atom)", "decomposes to"),
        [
            (
                StructureLink(entry.structure_id, entry.parent or entry.formula),
                entry.formula,
                f"{1000 * entry.ternary.e_above_hull:.1f}" if entry.ternary else "-",
                " + ".join(p.formula for p in entry.ternary.decomposition)
                if entry.ternary
                else "-",
            )
            for entry in results.off_line
        ],
        f"Phases off the line, in the diagram of all elements, by {method}.",
    )
