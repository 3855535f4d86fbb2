"""Section: phase diagram and miscibility gaps."""

from __future__ import annotations

from lps_flows.analysis.literature import of_the_paper, paper_citation
from lps_flows.plotting import ternary_plotly
from lps_flows.report.blocks import Block, Chart, Note, Section, StructureLink, Table
from lps_flows.report.charts.phase_diagram import phase_diagram_figure
from lps_flows.report.charts.style import INK, SANS
from lps_flows.report.diagram import Diagram
from lps_flows.report.hull_table import hull_rows
from lps_flows.report.results import PROVISIONAL
from lps_flows.report.summary import counted, number

DIAGRAM_ID = "phase-diagram"


def phase_diagram_section(diagram: Diagram | None, error: str = "") -> Section:
    """Return the section.

    Parameters
    ----------
    diagram
        Built or provisional diagram.
    error
        Why there is none, if a user can mend it.
    """
    missing = error or "No relaxed structure on the composition line yet."
    if diagram is None:
        return Section(DIAGRAM_ID, "Phase diagram", missing=missing)
    n_glasses = sum(point.glass for point in diagram.points)
    caption = (
        f"Formation energy from the end members (Eq. 1) by {diagram.method}: "
        f"{counted(len(diagram.points), 'structure')}, {n_glasses} of them "
        "glass-ceramic. Shaded: miscibility gaps. Hover over a point to read it, click "
        "it to see the structure; the table below does the same from the keyboard."
    )
    blocks: list[Block] = []
    if diagram.provisional:
        blocks.append(Note(PROVISIONAL, "warning"))
    blocks.append(Chart("hull-chart", phase_diagram_figure(diagram), caption, 520))
    blocks.append(_hull_table(diagram))
    blocks.append(_gap_table(diagram))
    document = diagram.document
    if document is not None and document.ternary_note is not None:
        blocks.append(Note(f"No ternary diagram: {document.ternary_note}", "warning"))
    elif document is not None and len(document.elements) == 3:
        ternary = ternary_plotly(document, diagram.entries)
        ternary.update_traces(cliponaxis=False)
        ternary.update_layout(
            font={"family": SANS, "color": INK},
            legend={"orientation": "h", "x": 0, "y": 1.18, "yanchor": "top"},
            margin={"l": 48, "r": 48, "t": 72, "b": 40},
        )
        blocks.append(
            Chart(
                "ternary-chart",
                ternary,
                f"Diagram of {'-'.join(document.elements)} by {document.method}, the "
                f"lowest phase of each composition among {document.n_structures} "
                "structures: stable ones and those above the hull.",
                520,
            )
        )
    if diagram.off_line:
        blocks.append(_off_line_table(diagram))
    return Section(
        DIAGRAM_ID,
        "Phase diagram",
        blocks,
        status="partial" if diagram.provisional else "done",
    )


def _hull_table(diagram: Diagram) -> Table:
    paper = diagram.papers_line
    return Table(
        (
            "structure",
            "x",
            "E above hull (meV/atom)",
            *(("paper, PBE",) if paper else ()),
            "formation energy (meV/atom)",
            "structures",
        ),
        [
            (
                StructureLink(row.structure_id, row.label),
                f"{row.x:.3f}",
                f"{row.e_above_hull:.1f}",
                *((number(row.paper_e_above_hull, 1),) if paper else ()),
                f"{row.formation_energy:.1f}",
                str(row.n_structures),
            )
            for row in hull_rows(diagram)
        ],
        f"Crystals on the line and the lowest glass-ceramic structure of every "
        f"composition, by {diagram.method}."
        + (f" Paper: {paper_citation()}." if paper else ""),
        foldable=False,
    )


def _gap_table(diagram: Diagram) -> Block:
    if not diagram.intervals:
        return Note(
            "Miscibility gaps need glass-ceramic structures of at least two "
            "compositions."
        )
    tolerance = 1000 * diagram.intervals[0].tolerance
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
            for part in diagram.intervals
        ],
        "Stretches of the hull of the glass-ceramic structures alone, by "
        f"{diagram.method}. A gap: every composition sampled inside lies more than "
        f"{tolerance:g} meV/atom above the tie line."
        + (f" The paper's gaps: {papers}." if diagram.papers_line else ""),
    )


def _off_line_table(diagram: Diagram) -> Table:
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
            for entry in diagram.off_line
        ],
        f"Phases off the line, in the diagram of all elements, by {diagram.method}.",
    )
