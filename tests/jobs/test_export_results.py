"""Runs and potentials as files that other programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.io import read
from jobflow import JobStore
from maggma.stores import MemoryStore
from monty.json import jsanitize
from pymatgen.core.trajectory import Trajectory

from lps_flows.analysis import file_diffusivity, read_trajectory_file
from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.jobs.export import ExportError
from lps_flows.jobs.export_results import (
    export_labels,
    export_potential,
    export_trajectories,
)
from lps_flows.jobs.labelled_files import read_documents
from lps_flows.jobs.run_analysis import TransportSettings, analyse_trajectory
from lps_flows.jobs.trajectory import join_trajectory
from lps_flows.potential import ANNPotential, Trial
from lps_flows.potential.published import published_file
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.relaxation import RelaxationDocument
from tests.toy_jobs import FRAME_FS, long_chunk

POTENTIAL = published_file("Li-P-S-dynamics")
CHUNKS = ["0" * 32, "1" * 32]


def put(store: JobStore, uuid: str, output: Any) -> None:
    store.update(
        {
            "uuid": uuid,
            "index": 1,
            "output": jsanitize(output, strict=True, enum_values=True),
            "completed_at": "2026-01-01T00:00:00",
            "metadata": {"campaign": "toy"},
            "name": "job",
            "hosts": [],
        }
    )


@pytest.fixture
def store() -> JobStore:
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    store.connect()
    return store


def test_runs_come_back_from_every_file(store: JobStore, tmp_path: Path) -> None:
    for number, uuid in enumerate(CHUNKS):
        put(store, uuid, long_chunk.original(number, 60))
    joined = join_trajectory(CHUNKS, store)
    run = analyse_trajectory(
        joined,
        joined.structure,
        TransportSettings(),
        equilibration=0.0,
        chunk_uuids=CHUNKS,
        time_step=FRAME_FS,
    )
    run.label = "../glass"
    put(store, "2" * 32, run)
    assert export_trajectories(store, "toy", tmp_path / "runs") == 1
    (entry,) = json.loads((tmp_path / "runs" / "index.json").read_text())
    assert entry["frame_interval"] == FRAME_FS
    assert entry["run_uuid"] == "2" * 32
    xyz, xdatcar = (tmp_path / "runs" / name for name in entry["files"])
    assert xyz.name == "run0000_glass_900K.extxyz"
    frames = read(xyz, ":")
    written = np.array([frame.positions for frame in frames])
    assert np.allclose(written, joined.positions, atol=1e-6)
    assert [frame.info["time"] for frame in frames] == pytest.approx(joined.times)
    theirs = Trajectory.from_file(str(xdatcar))
    assert len(theirs) == len(joined.times)
    assert theirs[-1].composition == joined.structure.composition
    ours = run.diffusion["Li"]
    for file, asked in ((xyz, None), (xdatcar, FRAME_FS)):
        element, found = file_diffusivity(read_trajectory_file(file, time_step=asked))
        assert element == "Li"
        assert pytest.approx(ours.D, rel=1e-3) == found.D
    with pytest.raises(ExportError, match="--overwrite"):
        export_trajectories(store, "toy", tmp_path / "runs")
    assert export_trajectories(store, "toy", tmp_path / "runs", overwrite=True) == 1


@pytest.mark.parametrize("file_format", ["potential", "aenet"])
def test_the_newest_potential_comes_back(
    store: JobStore, tmp_path: Path, file_format: str
) -> None:
    potential = ANNPotential.load(POTENTIAL)
    output = {
        "@module": "lps_flows.schemas.potential",
        "@class": "PotentialDocument",
        "potential": potential.as_dict(),
    }
    put(store, "3" * 32, output)
    written = export_potential(store, "toy", tmp_path, file_format)
    assert written == potential.identifier
    if file_format == "potential":
        back, expected = (
            ANNPotential.load(tmp_path / "potential.safetensors"),
            potential,
        )
    else:
        files = {element: tmp_path / f"{element}.nn" for element in potential.species}
        back = ANNPotential.from_aenet(files)
        expected = potential.member(potential.best)
    cell = crystal("beta-Li3PS4")
    ours, theirs = (each.evaluate([cell])[0] for each in (expected, back))
    assert theirs.energy == pytest.approx(ours.energy, abs=1e-9)
    assert np.allclose(theirs.forces, ours.forces, atol=1e-9)


def test_what_is_not_there_is_said(store: JobStore, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no run of molecular dynamics"):
        export_trajectories(store, "toy", tmp_path)
    with pytest.raises(ExportError, match="no trained potential"):
        export_potential(store, "toy", tmp_path, "potential")
    assert not list(tmp_path.iterdir())


def test_every_label_comes_back_once(store: JobStore, tmp_path: Path) -> None:
    """Crystals, sets and single points of relaxations; ends of those not twice."""
    cell = crystal("Li2S")
    asked = {"unknowns": [0.0] * (3 * len(cell) + 6)}
    answer = {"forces": [[0.0] * 3] * len(cell), "stress": [[0.0] * 3] * 3}
    origin = Provenance(source="ga", parent="Li2S")
    relaxation = RelaxationDocument(
        method="toy",
        provenance=origin,
        given=cell,
        start=cell,
        trials=[
            Trial(**asked, energy=-12.0, **answer),
            Trial(**asked, failure="out of memory"),
            Trial(**asked, energy=-12.5, **answer),
        ],
    )
    alone, one, end, foreign = (
        StructureDocument.of(
            cell,
            energy,
            Provenance(source="rattled", parent="Li2S"),
            method=method,
            line=CompositionLine(),
            relaxed=False,
        )
        for energy, method in (
            *((-11.5, "toy"), (-11.0, "toy"), (-12.5, "toy")),
            (-10.0, "another"),
        )
    )
    learnt = StructureSet(method="toy", n_structures=1, entries=[one])
    for digit, output in enumerate((relaxation, learnt, alone, end, foreign)):
        put(store, str(digit) * 32, output)
    with pytest.raises(ExportError, match="no trained potential"):
        export_labels(store, "toy", tmp_path)
    potential = {
        "@module": "lps_flows.schemas.potential",
        "@class": "PotentialDocument",
        "reference_method": "toy",
    }
    put(store, "6" * 32, potential)
    assert export_labels(store, "toy", tmp_path) == 4
    labels = read_documents(tmp_path / "structures.extxyz", "toy")
    assert [label.energy for label in labels] == [-11.5, -11.0, -12.0, -12.5]
    assert [label.provenance.group for label in labels] == [
        None,
        None,
        "relaxation of Li8S4",
        "relaxation of Li8S4",
    ]
    kept = {"method": "another", "overwrite": True}
    assert export_labels(store, "toy", tmp_path, **kept) == 1
    (label,) = read_documents(tmp_path / "structures.extxyz", "another")
    assert label.energy == -10.0
    with pytest.raises(ExportError, match="no label by this method") as caught:
        export_labels(store, "toy", tmp_path, method="a third", overwrite=True)
    assert (caught.value.field, caught.value.value) == ("method", "a third")
