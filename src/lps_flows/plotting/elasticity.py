"""Bulk moduli of crystals and glass-ceramic structures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lps_flows.plotting.style import BLUE, ORANGE, PAGE, figure_style, pretty
from lps_flows.schemas.elasticity import ElasticityDocument


def elasticity_figure(documents: Sequence[ElasticityDocument]) -> Figure:
    """Return energies over volume and the bulk moduli fitted to them.

    Parameters
    ----------
    documents
        Bulk moduli of one campaign by one method; a fit that failed is left out.
    """
    shown = sorted(
        (d for d in documents if d.bulk_modulus is not None),
        key=lambda d: (d.x is None, d.x or 0.0, d.formula),
    )
    with figure_style():
        figure, (curves, bars) = plt.subplots(1, 2, figsize=(PAGE, 3.2))
        for document in shown:
            volume = np.array(document.volumes) / float(document.volume or 1)
            energy = np.array(document.energies)
            colour = BLUE if document.source == "crystal" else ORANGE
            order = np.argsort(volume)
            curves.plot(
                volume[order],
                1000 * (energy - energy.min())[order],
                marker=".",
                color=colour,
                linewidth=0.7,
            )
        curves.set_xlabel("V / V$_0$")
        curves.set_ylabel("energy above the lowest (meV/atom)")
        names = [
            pretty(d.parent or d.formula)
            if d.source == "crystal"
            else f"gc-{pretty(d.formula)}"
            for d in shown
        ]
        bars.barh(
            range(len(shown)),
            [float(d.bulk_modulus or 0) for d in shown],
            xerr=[float(d.bulk_modulus_error or 0) for d in shown],
            color=[BLUE if d.source == "crystal" else ORANGE for d in shown],
            capsize=2,
            height=0.65,
        )
        bars.set_yticks(range(len(shown)), names, fontsize=6.5)
        bars.set_xlabel("bulk modulus (GPa)")
    return figure
