"""Elastic moduli of crystals and glass-ceramic structures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lps_flows.analysis import fit_eos
from lps_flows.analysis.elasticity import EV_PER_A3_IN_GPA, birch_murnaghan
from lps_flows.appearance import pretty, styles
from lps_flows.plotting.style import COLUMN, PAGE, NothingToPlotError, figure_style
from lps_flows.schemas.elasticity import ElasticityDocument, ElasticTensorDocument


def elasticity_figure(documents: Sequence[ElasticityDocument]) -> Figure:
    """Return energies over volume and the bulk moduli fitted to them.

    Parameters
    ----------
    documents
        Bulk moduli of one campaign by one method; a fit that failed is left out.

    Raises
    ------
    NothingToPlotError
        When no fit is left.
    """
    shown = sorted(
        (d for d in documents if d.bulk_modulus is not None),
        key=lambda d: (d.x is None, d.x or 0.0, d.formula),
    )
    if not shown:
        raise NothingToPlotError("no equation of state was computed")
    names = [d.label for d in shown]
    look = styles(names)
    with figure_style():
        figure, (curves, bars) = plt.subplots(1, 2, figsize=(PAGE, 3.2))
        for k, document in enumerate(shown):
            fit = fit_eos(document.volumes, document.energies)
            volume = np.array(document.volumes)
            colour = look[names[k]].colour
            glass = document.source != "crystal"
            curves.plot(
                volume / fit.volume,
                1000 * (np.array(document.energies) - fit.energy),
                linestyle="none",
                marker=look[names[k]].marker,
                markersize=3.5,
                color=colour,
            )
            dense = np.linspace(volume.min(), volume.max(), 100)
            energy = birch_murnaghan(
                dense,
                fit.energy,
                fit.volume,
                fit.bulk_modulus / EV_PER_A3_IN_GPA,
                fit.pressure_derivative,
            )
            curves.plot(
                dense / fit.volume,
                1000 * (energy - fit.energy),
                color=colour,
                linewidth=0.8,
                linestyle="--" if glass else "-",
            )
            bars.barh(
                [k],
                [fit.bulk_modulus],
                xerr=[fit.bulk_modulus_error],
                color=colour,
                hatch="////" if glass else None,
                edgecolor="white" if glass else colour,
                capsize=2,
                height=0.65,
            )
        curves.set_xlabel("V / V$_0$")
        curves.set_ylabel("energy above the minimum (meV/atom)")
        bars.set_yticks(range(len(shown)), [pretty(n) for n in names], fontsize=6.5)
        bars.set_xlabel("bulk modulus (GPa)")
    return figure


def moduli_figure(documents: Sequence[ElasticTensorDocument]) -> Figure:
    """Return bulk, shear and Young's moduli of elastic tensors, bars side by side.

    Parameters
    ----------
    documents
        Elastic tensors of one campaign; one without moduli is left out.

    Raises
    ------
    NothingToPlotError
        When none has moduli.
    """
    shown = sorted(
        ((d, d.moduli) for d in documents if d.moduli is not None),
        key=lambda pair: (pair[0].x is None, pair[0].x or 0.0, pair[0].label),
    )
    if not shown:
        raise NothingToPlotError("no elastic tensor was computed")
    kinds = ("bulk", "shear", "young")
    look = styles(kinds)
    with figure_style():
        figure, axes = plt.subplots(figsize=(1.4 * COLUMN, 1.2 + 0.35 * len(shown)))
        for k, kind in enumerate(kinds):
            axes.barh(
                np.arange(len(shown)) + 0.27 * (k - 1),
                [getattr(found, kind) for _, found in shown],
                height=0.25,
                color=look[kind].colour,
                label="Young's" if kind == "young" else kind,
            )
        axes.set_yticks(range(len(shown)), [pretty(d.label) for d, _ in shown])
        axes.set_xlabel("modulus (GPa)")
        axes.legend()
    return figure
