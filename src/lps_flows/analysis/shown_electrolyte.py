"""What figures of windows and patterns show, the same on paper and on the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lps_flows.schemas.electrochemistry import ElectrochemicalWindow, WindowDocument
from lps_flows.schemas.scattering import Radiation

RADIATIONS: dict[str, Radiation] = {"neutrons": "neutron", "X-rays": "xray"}
"""Radiations by what people call them."""
OPEN = 4.0
"""Voltage up to which figures go (V)."""


def window_rows(
    documents: Sequence[WindowDocument],
) -> list[tuple[str, WindowDocument, ElectrochemicalWindow]]:
    """Return name, document and window of what has one, along the line, then off it.

    Polymorphs share the window of their composition: the lowest stands for them.
    """
    rows: dict[tuple[str, bool], WindowDocument] = {}
    for document in sorted(documents, key=lambda d: d.energy_per_atom):
        rows.setdefault((document.formula_pretty, document.glass), document)
    ordered = sorted(
        rows.values(),
        key=lambda d: (d.x is None, d.x or 0.0, d.formula_pretty, d.glass),
    )
    return [
        ("gc-" * d.glass + d.formula_pretty, d, d.window) for d in ordered if d.window
    ]


def stacked(s: ArrayLike, row: int) -> NDArray[np.float64]:
    """Return S(Q) - 1, its maximum scaled to 1.1, lifted to a row of a stack."""
    height = np.asarray(s, dtype=float) - 1
    return np.asarray(row + 1.1 * height / max(height.max(), 1e-12))
