"""Chunked dynamics by VASP's jobs: what is stored of each, and how they join."""

from types import SimpleNamespace

import numpy as np
import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Structure

from lps_flows.chemistry import crystal
from lps_flows.engines.reading import TrajectoryFrames
from lps_flows.flows.dynamics import DynamicsFlowMaker, Hold
from lps_flows.jobs import md_task
from lps_flows.jobs.dynamics import DynamicsError, DynamicsSettings
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.trajectory import join_trajectory, load_chunk

SETTINGS = DynamicsSettings(frame_interval=2)


def test_chunks_of_the_stand_in_join_without_gaps_or_repeats(
    stand_in_engine, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    settings = SETTINGS.model_copy(update={"chunk_length": 4.0})
    chunk = MDChunkMaker(engine=stand_in_engine, settings=settings)
    flow = DynamicsFlowMaker(chunk=chunk).make(
        crystal("gamma-Li3PS4"),
        [Hold(900.0, 4.0, equilibration=True), Hold(900.0, 8.0)],
        "gamma",
    )
    assert [job.name for job in flow.jobs[:2]] == [
        "gamma 900 K md 1/3 (vasp)",
        "gamma 900 K md 1/3",
    ]
    uuids = flow.output["chunk_uuids"]
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, create_folders=True, ensure_success=True)
    chunks = [load_chunk(uuid, store) for uuid in uuids]
    assert [(c.first_step, c.last_step) for c in chunks] == [(0, 4), (4, 8), (8, 12)]
    joined = join_trajectory(uuids, store)
    assert joined.times.tolist() == [6.0, 8.0, 10.0, 12.0]
    assert np.abs(np.diff(joined.positions, axis=0)).max() < 0.2
    # velocities were kept: atoms go on where they were heading
    velocities = np.array(chunks[0].structure.site_properties["velocities"])
    start = chunks[0].structure.cart_coords
    moved = joined.positions[0] - start
    drift = np.corrcoef(moved.ravel(), velocities.ravel())[0, 1]
    assert drift > 0.9


def task(start, steps, *, with_start, contcar_ahead, speed=0.01):
    """A task whose atoms move evenly, wrapped, by either convention of storing."""

    def at(step):
        coords = start.frac_coords + step * speed
        return Structure(start.lattice, start.species, coords, to_unit_cell=True)

    first = 0 if with_start else 1
    frames = [at(first + k) for k in range(steps)]
    end = at(first + steps - (0 if contcar_ahead else 1))
    end.add_site_property("velocities", [[0.0, 0.0, 0.0]] * len(end))
    places = np.array([frame.frac_coords for frame in frames])
    frozen = TrajectoryFrames(places, np.full(steps, 900.0), source=None)
    return SimpleNamespace(structure=end, dir_name="host:/run"), frozen


@pytest.mark.parametrize(
    ("with_start", "contcar_ahead"), [(True, True), (True, False), (False, False)]
)
def test_every_way_of_storing_steps_is_numbered_from_the_positions(
    with_start, contcar_ahead, monkeypatch
):
    cell = crystal("gamma-Li3PS4")
    start, first, stored, steps, positions = cell, 0, None, [], []
    for _ in range(3):
        document, frames = task(
            start, 10, with_start=with_start, contcar_ahead=contcar_ahead
        )
        monkeypatch.setattr(md_task, "read_trajectory", lambda _, found=frames: found)
        chunk = md_task.document_md_task.original(
            document,
            start,
            method="vasp",
            label="x",
            temperature=900.0,
            settings=SETTINGS,
            equilibration=False,
            first_step=first,
            last_stored=stored,
        )
        steps += chunk.frames.steps.unpack().tolist()
        positions.append(chunk.frames.positions.unpack())
        start, first, stored = chunk.structure, chunk.last_step, chunk.last_stored
    assert steps == list(range(steps[0], steps[-1] + 1, 2))
    moved = cell.lattice.get_fractional_coords(np.concatenate(positions)[:, 0])
    expected = cell.frac_coords[0] + 0.01 * np.array(steps)[:, None]
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def reordered(document, frames, order):
    """The same task, its atoms in another order."""
    changed = Structure.from_sites([document.structure[i] for i in order])
    return (
        SimpleNamespace(structure=changed, dir_name=document.dir_name),
        TrajectoryFrames(frames.fractional[:, order], frames.temperatures, source=None),
    )


def chunk_of(document, frames, start, monkeypatch):
    monkeypatch.setattr(md_task, "read_trajectory", lambda _: frames)
    return md_task.document_md_task.original(
        document,
        start,
        method="vasp",
        label="x",
        temperature=900.0,
        settings=SETTINGS,
        equilibration=False,
    )


@pytest.mark.parametrize("kind", ["sorted by the input set", "shuffled"])
def test_a_chunk_keeps_the_order_of_its_start(kind, monkeypatch):
    sites = list(crystal("gamma-Li3PS4"))
    start = Structure.from_sites(
        [sites[i] for i in (8, 0, *range(9, 16), *range(1, 8))]
    )
    document, frames = task(start, 6, with_start=True, contcar_ahead=False)
    velocities = np.random.default_rng(0).normal(size=(16, 3)).tolist()
    document.structure.add_site_property("velocities", velocities)
    # one atom alone moves further
    frames.fractional[:, 3, 0] += 0.005 * np.arange(6)
    document.structure.translate_sites([3], [0.025, 0, 0])
    plain = chunk_of(document, frames, start, monkeypatch)
    order = sorted(range(16), key=lambda i: start[i].specie.X)
    if kind == "shuffled":
        order = np.random.default_rng(1).permutation(16).tolist()
    other = chunk_of(*reordered(document, frames, order), start, monkeypatch)
    assert [s.specie for s in other.structure] == [s.specie for s in start]
    found = other.frames.positions.unpack()
    np.testing.assert_allclose(found, plain.frames.positions.unpack(), atol=1e-5)
    assert other.structure.site_properties["velocities"] == velocities


@pytest.mark.parametrize("fault", ["other atoms", "far away"])
def test_a_task_of_other_atoms_is_refused(fault, monkeypatch):
    cell = crystal("gamma-Li3PS4")
    document, frames = task(cell, 4, with_start=True, contcar_ahead=False)
    if fault == "other atoms":
        document.structure.replace(0, "Na")
    else:
        frames.fractional[:, 0] += 0.3
    with pytest.raises(DynamicsError, match="does not go on"):
        chunk_of(document, frames, cell, monkeypatch)


def test_a_task_without_velocities_is_refused(monkeypatch):
    cell = crystal("gamma-Li3PS4")
    document, frames = task(cell, 4, with_start=True, contcar_ahead=False)
    document.structure.remove_site_property("velocities")
    monkeypatch.setattr(md_task, "read_trajectory", lambda _: frames)
    with pytest.raises(DynamicsError, match="velocities"):
        md_task.document_md_task.original(
            document,
            cell,
            method="vasp",
            label="x",
            temperature=900.0,
            settings=SETTINGS,
            equilibration=False,
        )
