"""Activation energies and conductivities: ours, beside every published value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

from pymatgen.core import Structure

from lps_flows.analysis import MOTIFS, classify_motifs
from lps_flows.analysis.literature import LiteratureValue, literature_for
from lps_flows.appearance import motif_name
from lps_flows.chemistry import CompositionLine
from lps_flows.report.blocks import Download, Table, significant
from lps_flows.schemas.conductivity_map import (
    ConductivityMapDocument,
    ConductivityPoint,
)
from lps_flows.schemas.transport import TransportDocument

_LI_P_S = CompositionLine()
ROOM = 300.0
"""Temperature of what was published of room temperature (K)."""
ENERGY, SIGMA = "activation energy", "RT ionic conductivity"
COLLECTIVE = "RT ionic conductivity, collective"
INTACT = "RT ionic conductivity, intact runs alone"
_UNITS = {ENERGY: "eV", SIGMA: "mS/cm", COLLECTIVE: "mS/cm", INTACT: "mS/cm"}
# Motifs of a smaller share of the formers are not named.
_SHOWN = 0.05


def with_interval(document: TransportDocument, quantity: str) -> str:
    """Return a quantity of ours (eV, mS/cm) with its 68 % interval as a cell."""
    value, low, high = _numbers(document, quantity)
    return (value + (f" ({low} to {high})" if low else "")) or "-"


def conductivity_title(temperatures: Iterable[float | None]) -> str:
    """Return the title of a column of conductivities at these temperatures (K).

    Examples
    --------
    >>> conductivity_title([300.0, 300.0]), conductivity_title([300.0, 400.0])
    ('conductivity at 300 K (mS/cm)', 'conductivity (mS/cm)')
    """
    known = set(temperatures)
    shared = next(iter(known)) if len(known) == 1 else None
    return f"conductivity{f' at {shared:g} K' if shared else ''} (mS/cm)"


def moiety(structure: Structure, line: CompositionLine) -> str:
    """Return the motifs of a structure by their share of the network formers."""
    fractions = classify_motifs(structure, line=line)
    shares = sorted(((fractions[motif], motif) for motif in MOTIFS), reverse=True)
    elements = ", ".join(line.formers), ", ".join(line.anions)
    named = [
        f"{motif_name(motif, *elements)} {share:.0%}"
        for share, motif in shares
        if share >= _SHOWN
    ]
    return ", ".join(named) or "-"


def measured(label: str, quantity: str) -> str:
    """Return the range of what experiments found for a structure (eV, mS/cm)."""
    known = [
        number
        for value in literature_for(label, quantity)
        if value.method == "experiment"
        for number in value.values
    ]
    if not known:
        return "-"
    return " to ".join(dict.fromkeys(f"{end:g}" for end in (min(known), max(known))))


def primary_sources(label: str) -> str:
    """Return the works that measured a structure, as far as they are verified."""
    known = (v for q in (ENERGY, SIGMA) for v in literature_for(label, q))
    return "; ".join(dict.fromkeys(v.primary for v in known if v.primary)) or "-"


def conductivity_values(
    documents: Sequence[TransportDocument],
    *,
    line: CompositionLine = _LI_P_S,
    beside_paper: bool = True,
) -> list[Download]:
    """Return ours beside every published value, one number a row, as ``table_1.csv``.

    On another line than the paper's, ours alone. The interval of our own numbers is the
    central 68 %; published ranges stand as they were published.
    """
    if not documents:
        return []
    rows = _rows(documents, line, literature=beside_paper)
    columns = {name: itemgetter(name) for name in rows[0]}
    text = "conductivities, ours and published ones"
    return [Download.csv("table_1.csv", rows, columns, text)]


def published_values(
    documents: Sequence[TransportDocument], line: CompositionLine
) -> Table:
    """Return the same as a table of the page."""
    rows = _rows(documents, line, literature=True)
    return Table.of(
        rows,
        {name: itemgetter(name) for name in rows[0]},
        "Ours beside every published value of the same structures; low and high bound "
        "the central 68 % of ours, published ranges stand as published.",
        detail=True,
    )


def map_downloads(maps: Sequence[ConductivityMapDocument]) -> list[Download]:
    """Return conductivity over x, as ``conductivity_map.csv``; none without a map."""
    rows = [
        {
            "method": document.method,
            "dynamics_method": document.dynamics_method,
            "label": point.label,
            "formula": point.formula_pretty,
            "x": point.x,
            "source": point.source,
            "parent": point.parent,
            "class_label": point.class_label,
            "nearest": point.nearest,
            "temperature (K)": document.reference_temperature,
            **_in_milli_columns(point),
            "activation_energy (eV)": point.activation_energy,
            "trusted": point.trusted,
            "why_not": point.why_not,
            "structure_id": point.structure_id,
        }
        for document in maps
        for point in document.points
    ]
    if not rows:
        return []
    columns = {name: itemgetter(name) for name in rows[0]}
    text = "conductivity over x, with parent and class"
    return [Download.csv("conductivity_map.csv", rows, columns, text)]


def _in_milli_columns(point: ConductivityPoint) -> dict[str, str | None]:
    low, high = point.conductivity_interval or (None, None)
    values = {
        "conductivity": point.conductivity,
        "low": low,
        "high": high,
        "conductivity_intact": point.conductivity_intact,
    }
    return {
        f"{name} (mS/cm)": significant(value and 1000 * value)
        for name, value in values.items()
    }


def _rows(
    documents: Sequence[TransportDocument], line: CompositionLine, *, literature: bool
) -> list[dict[str, str]]:
    rows = []
    for document in documents:
        at_room = document.reference_temperature == ROOM
        compared = {ENERGY, SIGMA} if at_room else {ENERGY}
        for quantity in (ENERGY, SIGMA, COLLECTIVE, INTACT):
            if quantity == COLLECTIVE and document.conductivity_collective is None:
                continue
            if quantity == INTACT and document.framework_survived is not False:
                continue
            rows.append(_ours(document, quantity, line))
            if literature and quantity in compared:
                known = literature_for(document.label, quantity)
                rows += [
                    _theirs(document.label, value)
                    for value in sorted(known, key=lambda v: not v.by_the_paper)
                ]
    return rows


def _named(document: TransportDocument, quantity: str) -> str:
    """Return the name of a quantity, at the temperature of the document."""
    if document.reference_temperature == ROOM:
        return quantity
    at = f"ionic conductivity at {document.reference_temperature:g} K"
    return quantity.replace(SIGMA, at)


def _ours(
    document: TransportDocument, quantity: str, line: CompositionLine
) -> dict[str, str]:
    used = [run for run in document.runs if run.used]
    temperatures = ", ".join(f"{run.temperature:g}" for run in used)
    length = min((run.production for run in used), default=0.0) / 1000
    how = f"MD {temperatures} K, {length:.3g} ps" if used else "no usable run"
    value, low, high = _numbers(document, quantity)
    return {
        "structure": document.label,
        "moiety": moiety(document.structure, line),
        "x": "" if document.x is None else f"{document.x:.3f}",
        "quantity": _named(document, quantity),
        "unit": _UNITS[quantity],
        "source": "this work",
        "value": value.replace(",", ""),
        "low": low.replace(",", ""),
        "high": high.replace(",", ""),
        "method": f"{document.method}; {how}",
        "citation": "",
        "primary source": "",
        "remarks": "; ".join(document.warnings),
    }


def _theirs(label: str, value: LiteratureValue) -> dict[str, str]:
    is_range = len(value.values) == 2 and "-" in value.text
    low, high = (f"{end:g}" for end in sorted(value.values)) if is_range else ("", "")
    return {
        "structure": label,
        "moiety": "",
        "x": "" if value.x is None else f"{value.x:g}",
        "quantity": value.quantity,
        "unit": value.unit,
        "source": "the paper, AIMD" if value.by_the_paper else value.method,
        "value": value.text,
        "low": low,
        "high": high,
        "method": value.method,
        "citation": value.citation,
        "primary source": value.primary,
        "remarks": value.phase,
    }


def _numbers(document: TransportDocument, quantity: str) -> tuple[str, str, str]:
    """Return value, low and high end; empty what is not known."""
    name = {
        ENERGY: "activation_energy",
        SIGMA: "conductivity",
        COLLECTIVE: "conductivity_collective",
        INTACT: "conductivity_intact",
    }[quantity]
    value = getattr(document, name)
    interval = getattr(document, f"{name}_interval")
    low, high = interval or (None, None)
    return _written(value, quantity), _written(low, quantity), _written(high, quantity)


def _written(value: float | None, quantity: str) -> str:
    """Return an energy (eV), or a conductivity (S/cm) in mS/cm without an exponent."""
    if value is None:
        return ""
    return f"{value:.3f}" if quantity == ENERGY else in_milli(value)


def in_milli(value: float | None) -> str:
    """Return a conductivity (S/cm) in mS/cm without an exponent; empty for none."""
    if value is None:
        return ""
    return f"{1000 * value:,.0f}" if value >= 1 else f"{1000 * value:.3g}"
