"""Section: how good the trained potential is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lps_flows.analysis.literature import of_the_paper
from lps_flows.appearance import counted
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.blocks import Block, Chart, Note, Section, Table
from lps_flows.report.charts.potential import is_element, parity_chart


def potential_section(
    potentials: Sequence[JobOutput], *, beside_paper: bool = True
) -> Section:
    """Return the section on the newest potential, and the errors of all.

    Parameters
    ----------
    potentials
        Outputs of class `PotentialDocument`, oldest first, with their parity.
    beside_paper
        Whether the paper's errors stand beside these: its line is this one.
    """
    if not potentials:
        return Section(
            "potential", "Potential", missing="No potential has been trained yet."
        )
    newest = potentials[-1].output
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
            "Potentials of this campaign, oldest first."
            + (_papers_errors() if beside_paper else ""),
        ),
        Chart(
            "parity-chart",
            parity_chart(newest["parity"]),
            f"Parity and errors of {origin}: "
            f"{counted(newest['n_structures'], 'structure')}, {n_held_out} held out "
            f"(open symbols).{_apart(newest['parity'])}",
            height=620,
        ),
        _errors("source", newest["by_source"], origin),
        _errors("composition", newest["by_composition"], origin),
    ]
    blocks[1:1] = _before_and_after([job.output for job in potentials])
    return Section("potential", "Potential", blocks)


def _papers_errors() -> str:
    rmse, mae, n_reference = (
        of_the_paper(quantity)[0].text
        for quantity in ("potential RMSE", "potential MAE", "reference structures")
    )
    return (
        f" The paper reaches RMSE {rmse} and MAE {mae} meV/atom on {n_reference} "
        "structures."
    )


def _apart(parity: Mapping[str, Sequence[Any]]) -> str:
    """Say which structures the chart leaves out."""
    elements = sum(map(is_element, parity["formula"]))
    if not 0 < elements < len(parity["formula"]):
        return ""
    return f" Not drawn: {counted(elements, 'structure')} of the elements."


def _before_and_after(potentials: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return errors on the same structures before and after each round of learning.

    A round adds harder structures, so the error over all that are held out may rise
    while the potential gets better.
    """
    if len(potentials) < 2:
        return []
    rows = []
    for before, after in pairwise(potentials):
        old, new = _by_structure(before), _by_structure(after)
        shared = old.keys() & new.keys()
        for what, chosen in (
            ("all that both know", shared),
            ("held out by both", {k for k in shared if old[k][1] and new[k][1]}),
            ("added in the round", new.keys() - old.keys()),
        ):
            errors = [[by[k][0] for k in chosen if k in by] for by in (old, new)]
            rows.append(
                (
                    f"{before['method']} to {after['method']}",
                    what,
                    str(len(chosen)),
                    *map(_rmse, errors),
                )
            )
    table = Table(
        ("from, to", "on", "structures", "RMSE before (meV/atom)", "after (meV/atom)"),
        rows,
        "Before and after a round of learning, on the same structures; by potentials "
        f"trained on {potentials[-1]['reference_method']} energies.",
    )
    first, last = (d["validation"]["rmse"] for d in potentials[-2:])
    if last <= first:
        return [table]
    return [
        table,
        Note(
            f"The held-out error rose from {first:.1f} to {last:.1f} meV/atom in the "
            "last round. The two numbers are of different structures: each round adds "
            "those of which the potential was least sure. The table compares the same "
            "ones; how far the ANN is from the reference where it matters stands under "
            "Sampling."
        ),
    ]


def _by_structure(
    potential: Mapping[str, Any],
) -> dict[tuple[str, str, float], tuple[float, bool]]:
    """Return error (meV/atom) and whether it was held out, of every structure."""
    parity = potential["parity"]
    rows = zip(
        parity["source"],
        parity["formula"],
        parity["reference"],
        parity["predicted"],
        parity["split"],
        strict=True,
    )
    return {
        (source, formula, round(energy, 8)): (
            1000 * (predicted - energy),
            split == "validation",
        )
        for source, formula, energy, predicted, split in rows
    }


def _rmse(errors: Sequence[float]) -> str:
    if not errors:
        return "-"
    return f"{math.sqrt(sum(e * e for e in errors) / len(errors)):.1f}"


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
