"""Sections: stability against the metal and voltage; what a diffractometer shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pymatgen.core import Element

from lps_flows.analysis.shown import stacked_rows
from lps_flows.analysis.shown_electrolyte import window_rows
from lps_flows.appearance import counted
from lps_flows.plotting.captions import scattering_caption, window_caption
from lps_flows.report.blocks import (
    Block,
    Chart,
    Download,
    Note,
    Section,
    StructureLink,
    Table,
)
from lps_flows.report.charts.electrolyte import scattering_chart, window_chart
from lps_flows.schemas.electrochemistry import ElectrochemicalWindow, WindowDocument
from lps_flows.schemas.scattering import PowderLine, ScatteringDocument

_STRONGEST = 5


def window_section(documents: Sequence[WindowDocument], mobile: str = "Li") -> Section:
    """Return the section on electrochemical windows.

    Parameters
    ----------
    mobile
        Symbol of the mobile element, against whose metal they are.
    """
    rows = window_rows(documents)
    blocks: list[Block] = []
    if rows:
        height = 160 + 24 * len(rows)
        chart, caption = window_chart(documents), window_caption(documents)
        blocks += [
            Chart("window-chart", chart, caption, ["windows"], height=height),
            _window_table(documents),
        ]
    reacting = [(d, r) for d in documents for r in d.interfaces]
    if reacting:
        blocks.append(
            Table.of(
                reacting,
                {
                    "structure": lambda row: row[0].formula_pretty,
                    "with": lambda row: row[1].partner,
                    "energy (meV/atom)": lambda row: f"{1000 * row[1].energy:.0f}",
                    "products": lambda row: (
                        " + ".join(row[1].products) if row[1].energy else "no reaction"
                    ),
                },
                "Reaction that releases most, of all mixtures with the cathodes and "
                f"coatings asked for, by {documents[0].method}.",
            )
        )
    refused = sorted(
        {
            document.note if document.window else f"No window: {document.note}"
            for document in documents
            if document.note
        }
    )
    blocks += [Note(note, "warning") for note in refused]
    return Section(
        "window",
        f"Stability against {Element(mobile).long_name.lower()} and voltage",
        blocks,
        missing="The window builder has not run yet.",
        status="done" if rows and not refused else "partial",
    )


def _window_table(documents: Sequence[WindowDocument]) -> Table:
    return Table.of(
        [(d, d.window) for d in documents if d.window],
        {
            "structure": lambda row: StructureLink(row[0].structure_id, row[0].label),
            "reduced below (V)": lambda row: _voltage(
                row[1].reduction, row[0].reduction_error
            ),
            "oxidised above (V)": lambda row: _voltage(
                row[1].oxidation, row[0].oxidation_error
            ),
            "oxidised to": lambda row: _beyond(row[1]),
            "with the metal": lambda row: _products(
                row[1].reaction_with_metal.products
            ),
            "energy of that (meV/atom)": lambda row: (
                "-"
                if row[0].metal_energy is None
                else f"{1000 * row[0].metal_energy + 0.0:.0f}"
            ),
        },
        f"Windows by {documents[0].method}, {counted(len(documents), 'structure')}: "
        "that of the composition; a structure above the hull releases more with the "
        "metal.",
    )


def _voltage(value: float, error: float | None) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:.2f}" + ("" if error is None else f" ± {error:.2f}")


def _beyond(window: ElectrochemicalWindow) -> str:
    above = [s for s in window.steps if s.voltage >= window.oxidation]
    return _products(above[0].products) if above else "-"


def _products(products: Mapping[str, float]) -> str:
    return " + ".join(f"{amount:.3g} {name}" for name, amount in products.items())


def diffraction_section(documents: Sequence[ScatteringDocument]) -> Section:
    """Return the section on structure factors and powder lines."""
    blocks: list[Block] = []
    rows = stacked_rows(documents)
    if rows:
        chart, choices = scattering_chart(documents)
        blocks.append(
            Chart(
                "scattering-chart",
                chart,
                scattering_caption(documents),
                ["structure_factors"],
                height=max(480, 160 + 26 * len(rows)),
                choices=choices,
                choose="radiation",
            )
        )
    crystals = [document for document in documents if document.lines]
    if crystals:
        wavelength = crystals[0].settings["wavelength"]
        blocks.append(
            Table.of(
                crystals,
                {
                    "crystal": lambda d: d.parent or d.formula_pretty,
                    "strongest lines, 2θ in degrees": lambda d: _strongest(d.lines),
                },
                f"X-ray powder lines at {wavelength:g} Å of the relaxed crystals by "
                f"{crystals[0].method}; cells of 0 K, so angles are off by what the "
                "method's lattice constants are.",
                detail=True,
            )
        )
    return Section(
        "diffraction",
        "What a diffractometer shows",
        blocks,
        missing="The scattering builder has not run yet.",
    )


def _strongest(lines: Sequence[PowderLine]) -> str:
    chosen = sorted(lines, key=lambda line: -line.intensity)[:_STRONGEST]
    return ", ".join(
        f"{line.two_theta:.1f} ({line.hkl}, {line.intensity:.0f})"
        for line in sorted(chosen, key=lambda line: line.two_theta)
    )


def electrolyte_downloads(
    windows: Sequence[WindowDocument], scattering: Sequence[ScatteringDocument]
) -> list[Download]:
    """Return windows, structure factors, G(r) and powder lines as CSV."""
    steps = [(d, w, step) for d in windows if (w := d.window) for step in w.steps]
    files = [
        Download.csv(
            "windows.csv",
            steps,
            {
                "method": lambda row: row[0].method,
                "formula": lambda row: row[0].formula_pretty,
                "structure_id": lambda row: row[0].structure_id,
                "reduction (V)": lambda row: row[1].reduction,
                "oxidation (V)": lambda row: _finite(row[1].oxidation),
                "from (V)": lambda row: row[2].voltage,
                "products": lambda row: _products(row[2].products),
            },
            "electrochemical windows, one step a row",
        ),
        _curves("structure_factors.csv", scattering, ("q (1/Å)", "q"), ("S", "s")),
        _curves(
            "pair_distributions.csv", scattering, ("r (Å)", "r"), ("G (1/Å²)", "g")
        ),
        Download.csv(
            "powder_lines.csv",
            ((d, line) for d in scattering for line in d.lines),
            {
                "crystal": lambda row: row[0].parent,
                "formula": lambda row: row[0].formula_pretty,
                "two_theta (degrees)": lambda row: row[1].two_theta,
                "d (Å)": lambda row: row[1].d,
                "intensity": lambda row: row[1].intensity,
                "hkl": lambda row: row[1].hkl,
            },
            "X-ray powder lines of the crystals",
        ),
    ]
    return [file for file in files if file.content.count(b"\n") > 1]


def _curves(
    name: str,
    documents: Sequence[ScatteringDocument],
    along: tuple[str, str],
    curve: tuple[str, str],
) -> Download:
    """Return a curve of every pattern, one point a row; titles with their fields."""
    rows = (
        (document, pattern, float(x), float(y))
        for document in documents
        for pattern in document.patterns
        for x, y in zip(
            getattr(document, along[1]), getattr(pattern, curve[1]), strict=True
        )
    )
    columns: dict[str, Callable[..., object]] = {
        "formula": lambda row: row[0].formula_pretty,
        "parent": lambda row: row[0].parent,
        "radiation": lambda row: row[1].radiation,
        along[0]: lambda row: row[2],
        curve[0]: lambda row: row[3],
    }
    text = name.removesuffix(".csv").replace("_", " ")
    return Download.csv(name, rows, columns, text)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
