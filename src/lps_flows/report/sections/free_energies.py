"""Section: what temperature does to the hull."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np

from lps_flows.appearance import counted
from lps_flows.plotting.captions import free_energy_caption
from lps_flows.report.blocks import Block, Cell, Chart, Note, Section, Table
from lps_flows.report.charts.free_energies import free_energy_chart
from lps_flows.schemas.phonons import FreeEnergyDocument

SHOWN = (300.0, 600.0)
"""Temperatures of the table (K)."""


def free_energy_section(documents: Sequence[FreeEnergyDocument]) -> Section:
    """Return the section on free energies above the hull."""
    blocks: list[Block] = []
    if any(document.free_energy_above_hull for document in documents):
        caption = free_energy_caption(documents)
        chart = free_energy_chart(documents)
        blocks.append(Chart("free-energy-chart", chart, caption, ["free_energies"]))
    if documents:
        blocks.append(_table(documents))
        blocks += [Note(text) for text in _orders(documents)]
    return Section(
        "free-energies",
        "What temperature does to the hull",
        blocks,
        missing="No phonons were computed: the campaign file does not ask for them.",
        status="partial" if any(document.note for document in documents) else "done",
    )


def _table(documents: Sequence[FreeEnergyDocument]) -> Table:
    columns: dict[str, Callable[[FreeEnergyDocument], Cell]] = {
        "structure": lambda d: d.label,
        "lowest mode (THz)": lambda d: f"{d.vibrations.lowest_frequency:.2f}",
        "E above hull (meV/atom)": lambda d: _milli(d.energy_above_hull),
    }
    for temperature in SHOWN:
        columns[f"F at {temperature:g} K"] = lambda d, T=temperature: _milli(  # type: ignore[misc]
            _at(d, T)
        )
    columns["cells, modes"] = lambda d: (
        "Gamma alone"
        if d.vibrations.gamma_only
        else " x ".join(map(str, d.vibrations.supercell))
    )
    columns["remark"] = _remark
    return Table.of(
        documents,
        columns,
        f"Harmonic free energies above the hull of these structures by "
        f"{documents[0].method}, {counted(len(documents), 'structure')}, in meV/atom. "
        "Cells do not expand; disorder counts nowhere. Of a structure with imaginary "
        "modes the lowest was followed to a lower one; what still has some has no free "
        "energy.",
    )


def _remark(document: FreeEnergyDocument) -> str:
    said = [document.note] if document.note else []
    if document.followed:
        change = 1000 * sum(step.energy_change for step in document.followed)
        times = counted(len(document.followed), "imaginary mode")
        said.append(f"{times} followed, {change:.1f} meV/atom")
    return "; ".join(said) or "-"


def _orders(documents: Sequence[FreeEnergyDocument]) -> Iterator[str]:
    """Say of polymorphs which is lower, and where that changes."""
    real = [(d, d.vibrations.free_energies) for d in documents]
    for (first, f), (second, g) in combinations(real, 2):
        if f is None or g is None or first.formula_pretty != second.formula_pretty:
            continue
        if first.vibrations.temperatures != second.vibrations.temperatures:
            continue
        still = first.energy_per_atom - second.energy_per_atom
        T, difference = first.vibrations.ascending(np.array(f) - np.array(g) + still)
        change = np.flatnonzero(np.diff(np.sign(difference)))
        low, high = (first, second) if difference[0] < 0 else (second, first)
        text = f"{low.label} is below {high.label}"
        if len(change):
            k = change[0]
            share = difference[k] / (difference[k] - difference[k + 1])
            text += f" up to {T[k] + share * (T[k + 1] - T[k]):.0f} K"
        elif len(T) > 1:
            text += f" from {T[0]:g} to {T[-1]:g} K"
        else:
            yield f"{text} at {T[0]:g} K, by {first.method}."
            continue
        slope = abs(difference[-1] - difference[0]) / (T[-1] - T[0])
        moved = f"{0.001 / slope:.0f} K" if slope else "any temperature"
        yield (
            f"{text}, by {first.method}; an error of 1 meV/atom in the difference of "
            f"their energies moves that by {moved}."
        )


def _at(document: FreeEnergyDocument, temperature: float) -> float | None:
    if document.free_energy_above_hull is None:
        return None
    known, above = document.vibrations.ascending(document.free_energy_above_hull)
    inside = known[0] <= temperature <= known[-1]
    return float(np.interp(temperature, known, above)) if inside else None


def _milli(energy: float | None) -> str:
    return "-" if energy is None else f"{1000 * energy:.1f}"
