"""Table 1: activation energies and conductivities, ours beside published ones."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from pathlib import Path

from lps_flows.analysis.literature import LiteratureValue, literature_for
from lps_flows.schemas.transport import TransportDocument

COLUMNS = (
    "structure",
    "quantity",
    "unit",
    "source",
    "value",
    "low",
    "high",
    "method",
    "citation",
    "remarks",
)
_QUANTITIES = (
    ("activation energy", "eV"),
    ("RT ionic conductivity", "mS/cm"),
)


def transport_rows(
    documents: Sequence[TransportDocument], *, literature: bool = True
) -> list[dict[str, str]]:
    """Return Table 1 in long form: one row per number.

    Parameters
    ----------
    documents
        Conductivities.
    literature
        Add the paper's and other published values of the same structures.
    """
    rows: list[dict[str, str]] = []
    for document in documents:
        for quantity, unit in _QUANTITIES:
            rows.append(_ours(document, quantity, unit))
            if literature:
                rows += [
                    _published(document.label, value)
                    for value in sorted(
                        literature_for(document.label, quantity),
                        key=lambda v: not v.by_the_paper,
                    )
                ]
    return rows


def _ours(document: TransportDocument, quantity: str, unit: str) -> dict[str, str]:
    if quantity == "activation energy":
        value, interval = (
            document.activation_energy,
            document.activation_energy_interval,
        )
        scale, digits = 1.0, "{:.3f}"
    else:
        value, interval = document.conductivity, document.conductivity_interval
        scale, digits = 1000.0, "{:.3g}"
    low, high = (None, None) if interval is None else interval
    used = [run for run in document.runs if run.used]
    span = ", ".join(f"{run.temperature:g}" for run in used)
    length = min((run.production for run in used), default=0.0) / 1000
    method = (
        f"{document.method}; MD {span} K, {length:.3g} ps"
        if used
        else (f"{document.method}; no usable run")
    )

    def text(number: float | None) -> str:
        return "" if number is None else digits.format(scale * number)

    return {
        "structure": document.label,
        "quantity": quantity,
        "unit": unit,
        "source": "this work",
        "value": text(value),
        "low": text(low),
        "high": text(high),
        "method": method,
        "citation": "",
        "remarks": "; ".join(document.warnings),
    }


def _published(label: str, value: LiteratureValue) -> dict[str, str]:
    ends = len(value.values) == 2 and "-" in value.text
    return {
        "structure": label,
        "quantity": value.quantity,
        "unit": value.unit,
        "source": "the paper, AIMD" if value.by_the_paper else value.method,
        "value": value.text,
        "low": f"{min(value.values):g}" if ends else "",
        "high": f"{max(value.values):g}" if ends else "",
        "method": value.method,
        "citation": value.citation,
        "remarks": value.phase,
    }


def transport_csv(rows: Sequence[dict[str, str]]) -> str:
    """Return the table as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def transport_html(rows: Sequence[dict[str, str]]) -> str:
    """Return the table as an HTML page that needs nothing else.

    The interval of our own numbers is the central 68 %; published ranges are shown as
    they were published.
    """
    head = "".join(f"<th>{html.escape(column)}</th>" for column in COLUMNS)
    body = []
    for row in rows:
        kind = ' class="ours"' if row["source"] == "this work" else ""
        cells = "".join(f"<td>{html.escape(row[column])}</td>" for column in COLUMNS)
        body.append(f"<tr{kind}>{cells}</tr>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<title>Activation energies and conductivities</title><style>"
        "body{font:14px/1.4 sans-serif;margin:2em}table{border-collapse:collapse}"
        "td,th{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;"
        "vertical-align:top}.ours{background:#eef5fb;font-weight:600}"
        "caption{text-align:left;margin-bottom:1em}</style></head><body><table>"
        "<caption>Activation energies and ionic conductivities at 300 K. This work: "
        "Nernst-Einstein from tracer diffusion, extrapolated by an Arrhenius line; low "
        "and high bound the central 68 %. Published ranges as published.</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        "</body></html>\n"
    )


def write_transport_table(
    documents: Sequence[TransportDocument], folder: str | Path
) -> list[Path]:
    """Write ``table_1.csv`` and ``table_1.html`` into a folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    rows = transport_rows(documents)
    written = []
    for name, text in (
        ("table_1.csv", transport_csv(rows)),
        ("table_1.html", transport_html(rows)),
    ):
        path = target / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
