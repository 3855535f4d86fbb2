"""One page per candidate, for the bench: HTML and PDF of the same tables."""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from pymatgen.core import Composition
from scipy.signal import find_peaks

from lps_flows.analysis.arrhenius import ArrheniusFit
from lps_flows.analysis.conductivity_map import conductivity_of
from lps_flows.analysis.shown import arrhenius_fit
from lps_flows.analysis.shown_electrolyte import RADIATIONS
from lps_flows.appearance import literal, motif_name, pretty
from lps_flows.chemistry import CompositionLine
from lps_flows.plotting.style import figure_style
from lps_flows.report.blocks import Download, Table
from lps_flows.report.structures import EmbeddedStructure
from lps_flows.report.templates import environment
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.scattering import ScatteringDocument
from lps_flows.schemas.transport import TransportDocument

ROOM = 298.15
"""Temperature of the conductivity on the sheet (K), 25 °C."""
_WIDTH, _HEIGHT = 8.27, 11.69  # A4 (inch)
_PROMINENT = 0.1
_LETTERS = 92
_UP_TO = 6.0
"""Largest momentum transfer (1/Å) of the maxima that are listed."""

Fact = tuple[str, str]


def candidate_sheets(
    results: Results, structures: Mapping[str, EmbeddedStructure]
) -> list[Download]:
    """Return a page for every composition that is a candidate, or may be one.

    Where none is, for the one that is lowest above the hull: its page says why not.
    """
    ordered = sorted(
        results.candidates, key=lambda c: (c.rank or np.inf, c.energy_above_hull)
    )
    shown = [c for c in ordered if c.outcome != "no"] or ordered[:1]
    files = []
    for candidate in shown:
        table = candidate_table(results, candidate, structures)
        pattern = _pattern(results, candidate)
        title, name = (
            f"gc-{candidate.formula_pretty}",
            f"sheet_gc-{candidate.formula_pretty}",
        )
        with figure_style():
            page, picture = _printed(title, table, pattern), _picture(pattern)
        files += [
            Download(
                f"{name}.pdf",
                "application/pdf",
                _saved(page, "pdf"),
                f"{title} on one page, PDF",
            ),
            Download(
                f"{name}.html",
                "text/html",
                environment()
                .get_template("sheet.html.j2")
                .render(
                    title=title,
                    table=table,
                    picture=None
                    if picture is None
                    else base64.b64encode(_saved(picture, "png")).decode(),
                )
                .encode(),
                f"{title} on one page, HTML",
            ),
        ]
    return files


def candidate_table(
    results: Results,
    candidate: CandidateDocument,
    structures: Mapping[str, EmbeddedStructure],
) -> Table:
    """Return what is known of a candidate, one fact a row."""
    facts = [
        *_weights(results.line, candidate),
        *_verdict(candidate),
        *_density(structures.get(candidate.structure_id)),
        *_motifs(results, candidate),
        *_lines(results, candidate),
        *_window(results, candidate),
        *_conductivity(results, candidate),
    ]
    return Table(
        ("", ""),
        facts,
        f"By {candidate.method}, campaign {candidate.campaign}: computed at 0 K unless "
        "said otherwise; not measured.",
    )


def _weights(line: CompositionLine, candidate: CandidateDocument) -> Iterator[Fact]:
    amounts = np.array(line.amounts(candidate.formula_pretty))
    masses = amounts * [Composition(member).weight for member in line.end_members]
    grams, shares = masses / masses.sum(), 100 * amounts / amounts.sum()
    yield (
        "weigh in for 1 g",
        " and ".join(
            f"{gram:.4f} g {member}"
            for gram, member in zip(grams, line.end_members, strict=True)
        ),
    )
    yield (
        "composition",
        ", ".join(
            f"{share:.2f} mol % {member}"
            for share, member in zip(shares, line.end_members, strict=True)
        )
        + f" (x = {candidate.x:.4f})",
    )


def _verdict(candidate: CandidateDocument) -> Iterator[Fact]:
    open_or_failed = [c.reason or c.name for c in candidate.criteria if not c.passed]
    outcomes = {"yes": "candidate", "no": "no candidate", "undecided": "undecided"}
    why = f": {'; '.join(open_or_failed)}" if open_or_failed else ""
    yield "verdict", outcomes[candidate.outcome] + why
    falling = ", an upper bound: its search had not ended"
    yield (
        "energy above the hull",
        f"{1000 * candidate.energy_above_hull:.1f} meV/atom"
        + (falling if candidate.still_falling else ""),
    )


def _density(structure: EmbeddedStructure | None) -> Iterator[Fact]:
    if structure is not None:
        cell = structure.record.structure
        density = f"{float(cell.density):.2f} g/cm³"
        yield "density", f"{density}, of the lowest structure ({len(cell)} atoms)"


def _motifs(results: Results, candidate: CandidateDocument) -> Iterator[Fact]:
    for trend in results.trends:
        if candidate.structure_id in trend.structure_ids:
            shares = trend.mean.model_dump().items()
            fractions = [
                f"{100 * share:.0f} % {motif_name(motif, *trend.elements)}"
                for motif, share in shares
                if share > 0
            ]
            of = (
                f" of the {trend.elements[0]}, mean of the {trend.n_structures} lowest "
                "structures"
            )
            yield "motifs", ", ".join(fractions) + of


def _pattern(
    results: Results, candidate: CandidateDocument
) -> ScatteringDocument | None:
    ids = candidate.structure_id
    return next((d for d in results.scattering if ids in d.structure_ids), None)


def _lines(results: Results, candidate: CandidateDocument) -> Iterator[Fact]:
    pattern = _pattern(results, candidate)
    if pattern is None:
        return
    for name, radiation in RADIATIONS.items():
        scattered = pattern.pattern(radiation)
        if scattered is not None:
            peaks, _ = find_peaks(scattered.s, prominence=_PROMINENT)
            places = [q for q in pattern.q[peaks] if q < _UP_TO]
            yield (
                f"maxima of S(Q), {name}",
                ", ".join(f"{q:.2f}" for q in places) + " 1/Å",
            )
    for crystal in results.scattering:
        if crystal.lines and crystal.parent == pattern.parent:
            strongest = sorted(crystal.lines, key=lambda line: -line.intensity)[:5]
            angles = sorted(line.two_theta for line in strongest)
            yield (
                f"lines of {crystal.parent}, if it crystallises",
                ", ".join(f"{angle:.1f}" for angle in angles)
                + f"° 2θ at {crystal.settings['wavelength']:g} Å",
            )


def _window(results: Results, candidate: CandidateDocument) -> Iterator[Fact]:
    document = next(
        (
            d
            for d in results.windows
            if d.formula_pretty == candidate.formula_pretty and d.window
        ),
        None,
    )
    if document is None or document.window is None:
        return
    window = document.window
    limits = f"{window.reduction:.2f} to {window.oxidation:.2f} V"
    yield (
        "window",
        f"{limits} against {window.mobile}, in equilibrium; what forms may widen it",
    )
    products = " + ".join(
        f"{amount:.3g} {name}"
        for name, amount in window.reaction_with_metal.products.items()
    )
    yield f"with {window.mobile} metal", products


def _conductivity(results: Results, candidate: CandidateDocument) -> Iterator[Fact]:
    methods = {c.structure_id: c.method for c in results.candidates}
    known = conductivity_of(candidate.structure_id, results.transport, methods)
    if known is None:
        yield "conductivity at 25 °C", "not computed"
        return
    fit = arrhenius_fit(known)
    yield "conductivity at 25 °C", _at_room(known, fit)
    yield "it rests on", _rests_on(known, fit)


def _at_room(document: TransportDocument, fit: ArrheniusFit | None) -> str:
    """Return the conductivity at 25 °C (mS/cm), from the same line as the known one."""
    if document.conductivity is None or fit is None:
        return "no line through the runs"
    known = document.reference_temperature
    # n q^2 D / (k T)
    sigma = 1000 * document.conductivity * fit.D(ROOM) / fit.D(known) * known / ROOM
    factor = float(np.exp(fit.log_std(ROOM)))
    return (
        f"{sigma:.3g} mS/cm (68 %: {sigma / factor:.3g} to {sigma * factor:.3g}), "
        f"activation energy {fit.activation_energy:.3f} eV"
    )


def _rests_on(document: TransportDocument, fit: ArrheniusFit | None) -> str:
    used = [run for run in document.runs if run.used]
    length = min((run.production for run in used), default=0.0) / 1000
    temperatures = ", ".join(f"{run.temperature:g}" for run in used) or "no"
    runs = f"{document.nsites} atoms by {document.method} at {temperatures} K"
    basis = [
        f"{runs}, {length:.3g} ps each",
        "" if document.trusted else "not from diffusive runs of an intact framework",
        (fit and fit.extrapolation_warning(ROOM)) or "",
    ]
    return "; ".join(filter(None, basis))


def _printed(title: str, table: Table, pattern: ScatteringDocument | None) -> Figure:
    figure = plt.figure(figsize=(_WIDTH, _HEIGHT), layout="none")
    figure.text(0.08, 0.95, pretty(title), fontsize=16)
    height = 0.92
    for fact, text in [*table.rows, ("", table.caption)]:
        lines = textwrap.wrap(str(text), _LETTERS - 30)
        drawn = literal("\n".join(lines))
        figure.text(
            0.08, height, literal(str(fact)), va="top", fontsize=8, color="0.35"
        )
        figure.text(0.36, height, drawn, va="top", fontsize=8)
        height -= 0.014 * max(len(lines), 1) + 0.009
    if pattern is not None and height > 0.2:
        _draw(figure.add_axes((0.1, 0.06, 0.82, min(height - 0.1, 0.3))), pattern)
    return figure


def _picture(pattern: ScatteringDocument | None) -> Figure | None:
    if pattern is None:
        return None
    figure, axes = plt.subplots(figsize=(6, 2.6))
    _draw(axes, pattern)
    return figure


def _draw(axes: Any, pattern: ScatteringDocument) -> None:
    for name, radiation in RADIATIONS.items():
        scattered = pattern.pattern(radiation)
        if scattered is not None:
            axes.plot(pattern.q, scattered.s, label=name)
    axes.set_xlabel("Q (1/Å)")
    axes.set_ylabel("S(Q)")
    axes.legend()


def _saved(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind)
    plt.close(figure)
    return stream.getvalue()
