"""Write runs of molecular dynamics and the potential for other programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypeVar

from ase import Atoms
from jobflow import JobStore

from lps_flows.chemistry import CompositionLine
from lps_flows.jobs.export import ExportError, export_structures, replacing
from lps_flows.jobs.outputs import JobOutput, checked_parts, outputs
from lps_flows.jobs.training import gather
from lps_flows.jobs.trajectory import JoinedTrajectory, join_trajectory
from lps_flows.potential import ANNPotential
from lps_flows.schemas import StructureDocument, StructureSet
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.relaxation import RelaxationDocument

_OF_A_RUN = ("label", "method", "temperature", "frame_interval", "chunk_uuids")


def export_trajectories(
    job_store: JobStore, campaign: str, folder: str | Path, *, overwrite: bool = False
) -> int:
    """Write every run of a campaign as extended XYZ and as XDATCAR.

    Extended XYZ keeps unwrapped positions and the time of each frame (fs); the XDATCAR
    is what pymatgen's and GEMDAT's ``Trajectory.from_file`` read. ``index.json`` says
    what each run is.

    Parameters
    ----------
    folder, overwrite
        As in `export_structures`.

    Returns
    -------
    int
        Number of runs written.

    Raises
    ------
    ExportError
        When there is no run, or the folder is used.
    """
    runs = outputs(job_store, campaign, "MDRunDocument", fields=_OF_A_RUN)
    if not runs:
        raise _nothing(campaign, "run of molecular dynamics")
    index = []
    with replacing(folder, overwrite=overwrite) as beside:
        for number, run in enumerate(runs):
            output = run.output
            joined = join_trajectory(output["chunk_uuids"], job_store)
            label = re.sub(r"[^A-Za-z0-9]", "", output["label"])
            name = f"run{number:04d}_{label}_{output['temperature']:.0f}K"
            _write_run(joined, beside / name)
            index.append(
                {
                    "files": [f"{name}.extxyz", f"{name}.XDATCAR"],
                    "run_uuid": run.uuid,
                    **{key: output[key] for key in _OF_A_RUN[:-1]},
                }
            )
        (beside / "index.json").write_text(json.dumps(index, indent=1), "utf-8")
    return len(runs)


def _write_run(run: JoinedTrajectory, file: Path) -> None:
    from ase.io import write

    cell, symbols = run.structure.lattice, [s.specie.symbol for s in run.structure]
    frames = [
        Atoms(symbols, xyz, cell=cell.matrix, pbc=True, info={"time": float(time)})
        for time, xyz in zip(run.times, run.positions, strict=True)
    ]
    write(file.with_name(f"{file.name}.extxyz"), frames, format="extxyz")
    write(file.with_name(f"{file.name}.XDATCAR"), frames, format="vasp-xdatcar")


def export_labels(
    job_store: JobStore,
    campaign: str,
    folder: str | Path,
    *,
    method: str | None = None,
    overwrite: bool = False,
) -> int:
    """Write every label of a campaign that a potential may learn, as extended XYZ.

    That is the crystals, the reference set, what the rounds added, and the single
    points of the relaxations, of the reference method: what another campaign takes as
    ``dataset.labelled``.

    Parameters
    ----------
    folder, overwrite
        As in `export_structures`.
    method
        Method of the labels, unless it is that of the newest potential's.

    Returns
    -------
    int
        Number of structures written.

    Raises
    ------
    ExportError
        When no potential has been trained and no method is named, there is no label by
        it, or the folder is used.
    """
    of = (job_store, campaign, method or _learnt_method(job_store, campaign))
    line = CompositionLine()  # of which x is written, and nothing decided
    points = [
        p
        for document in _labelled(*of, RelaxationDocument)
        for p in document.labels(line)
    ]
    # the end of such a relaxation is a document of its own, too
    ends = {point.energy for point in points}
    single = [s for s in _labelled(*of, StructureDocument) if s.energy not in ends]
    sets = _labelled(*of, StructureSet)
    if not (single or sets or points):
        raise ExportError(
            f"the campaign {campaign!r} has no label by this method",
            field="method",
            value=of[-1],
            remedy="Leave it out, for what its potential has learnt",
        )
    labels = gather([*single, *sets, *points])
    return export_structures(labels, folder, "extxyz", overwrite=overwrite)


def _learnt_method(job_store: JobStore, campaign: str) -> str:
    """Return the method that the newest potential of a campaign has learnt."""
    trained = checked_parts(
        job_store, campaign, PotentialDocument, fields=("reference_method",)
    )
    if not trained:
        raise _nothing(campaign, "trained potential")
    return str(trained[-1].output["reference_method"])


_Labelled = TypeVar("_Labelled", StructureDocument, StructureSet, RelaxationDocument)


def _labelled(
    job_store: JobStore, campaign: str, method: str, model: type[_Labelled]
) -> list[_Labelled]:
    """Return the documents of a kind that are of a method."""
    return [
        model.from_store(job.output)
        for job in checked_parts(job_store, campaign, model, load=True)
        if job.output["method"] == method
    ]


def export_potential(
    job_store: JobStore,
    campaign: str,
    folder: str | Path,
    file_format: str,
    *,
    overwrite: bool = False,
) -> str:
    """Write the newest potential of a campaign.

    Parameters
    ----------
    job_store, campaign, folder, overwrite
        As in `export_trajectories`.
    file_format
        "potential" (the whole committee, ``potential.safetensors``), "aenet"
        (``El.nn`` of the best member for each element) or "metatomic"
        (``potential.pt`` of the best member).

    Returns
    -------
    str
        Identifier of the potential.

    Raises
    ------
    ExportError
        When none has been trained, or the folder is used.
    """
    trained: list[JobOutput] = outputs(
        job_store, campaign, "PotentialDocument", load=True
    )
    if not trained:
        raise _nothing(campaign, "trained potential")
    potential = ANNPotential.from_dict(trained[-1].output["potential"])
    with replacing(folder, overwrite=overwrite) as beside:
        if file_format == "aenet":
            potential.to_aenet(beside)
        elif file_format == "metatomic":
            potential.to_metatomic(beside / "potential.pt")
        else:
            potential.save(beside / "potential.safetensors")
    return potential.identifier


def _nothing(campaign: str, what: str) -> ExportError:
    return ExportError(
        f"the campaign {campaign!r} has no {what} yet",
        field="campaign",
        value=campaign,
        remedy="Run it, or wait for that stage (`lps-flows status`)",
    )
