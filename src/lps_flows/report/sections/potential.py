"""Section: how good the trained potential is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lps_flows.analysis.literature import of_the_paper
from lps_flows.appearance import counted
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.blocks import Block, Chart, Section, Table
from lps_flows.report.charts.potential import parity_chart

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
                "largest (meV/atom)",
                "training RMSE (meV/atom)",
            ),
            [
                (
                    doc["method"],
                    str(doc["n_members"]),
                    _counts(doc),
                    f"{doc['validation']['rmse']:.1f}",
                    f"{doc['validation']['mae']:.1f}",
                    f"{doc['validation']['max']:.1f}",
                    f"{doc['training']['rmse']:.1f}",
                )
                for doc in (job.output for job in potentials)
            ],
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
    return Table(
        (what, *_ERRORS),
        [
            (
                name,
                str(error["n_structures"]),
                f"{error['rmse']:.1f}",
                f"{error['mae']:.1f}",
                f"{error['max']:.1f}",
            )
            for name, error in sorted(errors.items())
        ],
        f"Errors by {what}, over the whole set and, marked, over its held-out part; "
        f"{origin}.",
        detail=True,
    )
