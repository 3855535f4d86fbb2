"""Section: how good the trained potential is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lps_flows.analysis.literature import of_the_paper
from lps_flows.report.blocks import Block, Chart, Section, Table
from lps_flows.report.charts.potential import parity_figure
from lps_flows.report.documents import JobOutput
from lps_flows.report.summary import counted

_ERRORS = ("structures", "RMSE (meV/atom)", "MAE (meV/atom)", "largest (meV/atom)")


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
        Table(
            (
                "potential",
                "members",
                "structures",
                "held-out RMSE (meV/atom)",
                "held-out MAE (meV/atom)",
                "training RMSE (meV/atom)",
            ),
            [
                (
                    doc["method"],
                    str(doc["n_members"]),
                    str(doc["n_structures"]),
                    f"{doc['validation']['rmse']:.1f}",
                    f"{doc['validation']['mae']:.1f}",
                    f"{doc['training']['rmse']:.1f}",
                )
                for doc in (found.output for found in potentials)
            ],
            f"Potentials of this campaign, oldest first. The paper reaches RMSE {rmse} "
            f"and MAE {mae} meV/atom on {n_reference} structures.",
        ),
        Chart(
            "parity-chart",
            parity_figure(newest["parity"]),
            f"Parity and errors of {origin}: "
            f"{counted(newest['n_structures'], 'structure')}, {n_held_out} held out "
            "(open symbols).",
            620,
        ),
        _errors("source", newest["by_source"], origin),
        _errors("composition", newest["by_composition"], origin),
    ]
    return Section("potential", "Potential", blocks)


def _errors(what: str, errors: Mapping[str, Mapping[str, Any]], origin: str) -> Table:
    return Table(
        (what, *_ERRORS),
        [
            (
                name,
                str(found["n_structures"]),
                f"{found['rmse']:.1f}",
                f"{found['mae']:.1f}",
                f"{found['max']:.1f}",
            )
            for name, found in sorted(errors.items())
        ],
        f"Errors by {what}, over the whole set and, marked, over its held-out part; "
        f"{origin}.",
    )
