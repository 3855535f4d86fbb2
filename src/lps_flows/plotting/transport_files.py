"""Write the figures, tables and volumetric files of conductivities into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lps_flows.analysis.density import write_density
from lps_flows.plotting.density import density_figure
from lps_flows.plotting.transport import arrhenius_figure, msd_figure
from lps_flows.plotting.transport_table import write_transport_table
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.transport import RunSummary, TransportDocument


def shown_run(document: TransportDocument) -> RunSummary | None:
    """Return the run whose density is shown: the coldest one that was diffusive."""
    used = [run for run in document.runs if run.used]
    return min(used, key=lambda run: run.temperature) if used else None


def write_transport(
    documents: Sequence[TransportDocument],
    folder: str | Path,
    *,
    runs: Mapping[str, MDRunDocument] | None = None,
    formats: Sequence[str] = ("png",),
) -> list[Path]:
    """Write MSD, Arrhenius plot, Table 1 and densities, and ``captions.md``.

    Parameters
    ----------
    documents
        Conductivities; nothing is written when there are none.
    folder
        Where to write; made when missing.
    runs
        Documents of the runs whose density is wanted (see `shown_run`), by their job.
    formats
        File types of the figures.

    Returns
    -------
    list of Path
        The files: figures first, then captions, tables and CHGCAR files.
    """
    if not documents:
        return []
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    plans: list[tuple[str, Callable[[], Figure], str]] = [
        (
            "figS2_msd",
            lambda: msd_figure(documents),
            "Mean-squared displacement; heavy: the part that gave D; dotted: not used.",
        ),
        (
            "fig8a_arrhenius",
            lambda: arrhenius_figure(documents),
            "Diffusivities and Arrhenius lines with 68 % intervals; open: not used.",
        ),
    ]
    volumes: list[Path] = []
    for document in documents:
        summary = shown_run(document)
        run = None if summary is None else (runs or {}).get(summary.run_uuid)
        if run is None or run.density is None:
            continue
        density = run.density.unpack()
        name = f"{document.label}_{run.temperature:g}K".replace("/", "_")
        caption = (
            f"Density of {run.mobile} in {document.label} at {run.temperature:g} K, "
            f"{run.production / 1000:.3g} ps by {run.method}; the file CHGCAR_{name} "
            "holds it for VESTA."
        )

        def surface(
            run: MDRunDocument = run, density: NDArray[np.float64] = density
        ) -> Figure:
            return density_figure(run.structure, density, mobile=run.mobile)

        plans.append((f"fig8b_density_{name}", surface, caption))
        volumes.append(write_density(target / f"CHGCAR_{name}", run.structure, density))
    files, captions = [], ["# Conductivity", ""]
    for name, make, caption in plans:
        figure = make()
        for ending in formats:
            files.append(target / f"{name}.{ending}")
            figure.savefig(files[-1])
        plt.close(figure)
        captions += [f"**{name}.** {caption}", ""]
    text = target / "captions.md"
    text.write_text("\n".join(captions), encoding="utf-8")
    return [*files, text, *write_transport_table(documents, target), *volumes]
