"""Section: how good the trained potential is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lps_flows.analysis.literature import of_the_paper
from lps_flows.appearance import counted
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.blocks import Block, Chart, Section, Table
from lps_flows.report.charts.potential import parity_chart


def potential_section(potentials: Sequence[JobOutput]) -> Section:
    """Return the section on the newest potential, and the errors of all.

    Parameters
    ----------
    potentials
        Outputs of class `PotentialDocument`, oldest first, with their parity.
    """
    if not potentials:
        return Section(
            "potential", "Potential", missing="No potential has been trained yet."
        )
    newest = potentials[-1].output
    rmse, mae, n_reference = (
        of_the_paper(quantity)[0].text
        for quantity in ("potential RMSE", "potential MAE", "reference structures")
    )
    n_held_out = newest["validation"]["n_structures"]
    origin = f"{newest['method']}, trained on {newest['reference_method']} energies"
    blocks: list[Block] = [
        Table.of(
            [job.output for job in potentials],
            {
                "potential": lambda d: d["method"],
                "members": lambda d: str(d["n_members"]),
                "structures": _counts,
                "held-out RMSE (meV/atom)": lambda d: f"{d['validation']['rmse']:.1f}",
                "held-out MAE (meV/atom)": lambda d: f"{d['validation']['mae']:.1f}",
                "largest (meV/atom)": lambda d: f"{d['validation']['max']:.1f}",
                "training RMSE (meV/atom)": lambda d: f"{d['training']['rmse']:.1f}",
            },
            f"Potentials of this campaign, oldest first. The paper reaches RMSE {rmse} "
            f"and MAE {mae} meV/atom on {n_reference} structures.",
        ),
        Chart(
            "parity-chart",
            parity_chart(newest["parity"]),
            f"Parity and errors of {origin}: "
            f"{counted(newest['n_structures'], 'structure')}, {n_held_out} held out "
            "(open symbols).",
            height=620,
        ),
        _errors("source", newest["by_source"], origin),
        _errors("composition", newest["by_composition"], origin),
    ]
    return Section("potential", "Potential", blocks)


def _counts(document: Mapping[str, Any]) -> str:
    n_held_out = document["validation"]["n_structures"]
    return f"{document['n_structures']} ({n_held_out} held out)"


def _errors(what: str, errors: Mapping[str, Mapping[str, Any]], origin: str) -> Table:
    return Table.of(
        sorted(errors.items()),
        {
            what: lambda row: row[0],
            "structures": lambda row: str(row[1]["n_structures"]),
            "RMSE (meV/atom)": lambda row: f"{row[1]['rmse']:.1f}",
            "MAE (meV/atom)": lambda row: f"{row[1]['mae']:.1f}",
            "largest (meV/atom)": lambda row: f"{row[1]['max']:.1f}",
        },
        f"Errors by {what}, over the whole set and, marked, over its held-out part; "
        f"{origin}.",
        detail=True,
    )
