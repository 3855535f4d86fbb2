"""Trajectories of other codes: the same diffusivity out of every file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from typer.testing import CliRunner

from lps_flows.analysis import file_diffusivity, read_trajectory_file
from lps_flows.analysis.trajectory import TooShortTrajectoryError, TrajectoryError
from lps_flows.cli import app
from tests.vasp.fake_vasp.fake_vasp_outputs import Step, Vasprun

from .walkers import brownian

STEP, EVERY = 2.0, 5
CELL = np.array([[9.0, 0, 0], [2.0, 10.0, 0], [1.0, 2.0, 11.0]])
SYMBOLS = ["Li"] * 20 + ["P"] * 2 + ["S"] * 8


@pytest.fixture(scope="module")
def frames() -> tuple[list[Atoms], float]:
    """Walkers in a framework that vibrates and drifts as a whole, wrapped."""
    rng = np.random.default_rng(3)
    walk, times, true = brownian(rng, n=20, frames=300, D=0.002, shake=0.05)
    rest = rng.uniform(0, 9, size=(10, 3)) + 0.05 * rng.normal(size=(300, 10, 3))
    start = rng.uniform(0, 9, size=(20, 3))
    drift = 0.02 * np.arange(300)[:, None, None]
    positions = np.concatenate([walk + start, rest], axis=1) + drift
    images = []
    for k, xyz in enumerate(positions):
        atoms = Atoms(SYMBOLS, xyz, cell=CELL, pbc=True, info={"time": times[k]})
        atoms.wrap()
        images.append(atoms)
    return images, true


def dump(images: list[Atoms], file: Path, *, elements: bool) -> None:
    """Write a LAMMPS dump of a triclinic box, atoms in another order each frame."""
    types = {"Li": 1, "P": 2, "S": 3}
    lines = []
    rng = np.random.default_rng(0)
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = CELL
    tilts = (min(0, xy, xz, xy + xz), max(0, xy, xz, xy + xz))
    bounds = [
        f"{tilts[0]} {lx + tilts[1]} {xy}",
        f"{min(0, yz)} {ly + max(0, yz)} {xz}",
        f"0 {lz} {yz}",
    ]
    for k, atoms in enumerate(images):
        lines += ["ITEM: TIMESTEP", str(k * EVERY), "ITEM: NUMBER OF ATOMS", "30"]
        lines += ["ITEM: BOX BOUNDS xy xz yz pp pp pp", *bounds]
        lines += [f"ITEM: ATOMS id type{' element' if elements else ''} x y z"]
        for i in rng.permutation(30):
            name = f" {SYMBOLS[i]}" if elements else ""
            x, y, z = atoms.positions[i]
            lines += [f"{i + 1} {types[SYMBOLS[i]]}{name} {x} {y} {z}"]
    file.write_text("\n".join(lines) + "\n")


def vasprun(images: list[Atoms], file: Path) -> None:
    """Write what VASP writes of a run with POTIM = 10, cut off before its end."""
    inputs = SimpleNamespace(
        incar={"POTIM": "10.0", "IBRION": "0", "NSW": "1000"},
        kpoints=("Gamma", (1, 1, 1)),
        valences=[1.0, 5.0, 6.0],
        titles=["PAW_PBE Li", "PAW_PBE P", "PAW_PBE S"],
    )
    zero = np.zeros((30, 3)), np.zeros((3, 3))
    steps = [Step(CELL, a.get_scaled_positions(), -100.0, *zero) for a in images]
    writer = Vasprun(images[0], inputs, ["Li", "P", "S"], [20, 2, 8], 78.0, 2)
    cut, _, _ = writer.text(steps).rpartition("</modeling>")
    file.write_text(cut)


def test_every_format_gives_the_same(
    frames: tuple[list[Atoms], float], tmp_path: Path
) -> None:
    images, true = frames
    write(tmp_path / "XDATCAR", images, format="vasp-xdatcar")
    write(tmp_path / "run.extxyz", images, format="extxyz")
    dump(images, tmp_path / "named.dump", elements=True)
    dump(images, tmp_path / "typed.dump", elements=False)
    vasprun(images, tmp_path / "vasprun.xml")
    asked = {
        "XDATCAR": {"time_step": STEP, "every": EVERY},
        "run.extxyz": {},
        "vasprun.xml": {},
        "named.dump": {"time_step": STEP},
        "typed.dump": {"time_step": STEP, "species": ("Li", "P", "S")},
    }
    found = {}
    for name, options in asked.items():
        read = read_trajectory_file(tmp_path / name, **options)
        assert read.times[-1] == pytest.approx(2990.0)
        element, found[name] = file_diffusivity(read)
        assert element == "Li"
    expected = found["run.extxyz"]
    assert expected.diffusive, expected.reason
    assert expected.interval_95[0] < true < expected.interval_95[1]
    for name, other in found.items():
        assert pytest.approx(expected.D, rel=1e-4) == other.D, name
        assert other.interval == pytest.approx(expected.interval, rel=1e-3), name


def test_equilibration_counts_from_the_first_frame(
    frames: tuple[list[Atoms], float], tmp_path: Path
) -> None:
    """A run that goes on numbers its steps from where it went on."""
    images, _ = frames
    file = tmp_path / "run.dump"
    dump(images, file, elements=True)
    later = re.sub(
        r"(?<=TIMESTEP\n)\d+", lambda m: str(int(m[0]) + 100_000), file.read_text()
    )
    for first in (0.0, 200_000.0):
        read = read_trajectory_file(file, time_step=STEP)
        assert read.times[0] == first
        with pytest.raises(TooShortTrajectoryError, match="5 frames are left of 300"):
            file_diffusivity(read, skip=2950.0)
        file.write_text(later)


def test_a_box_is_read_from_its_own_corner(tmp_path: Path) -> None:
    """Atoms that keep their places in a box that breathes about its middle rest."""
    lines = []
    for step, half in enumerate((4.0, 4.01, 3.99) * 5):
        lines += ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", "2"]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *[f"{-half} {half}"] * 3]
        lines += ["ITEM: ATOMS id element x y z"]
        lines += [f"1 Li {-half / 2} 0 0", f"2 S {half / 2} {half / 4} 0"]
    file = tmp_path / "breathing.dump"
    file.write_text("\n".join(lines) + "\n")
    read = read_trajectory_file(file, time_step=100.0)
    assert np.ptp(read.positions, axis=0) == pytest.approx(0.0, abs=1e-9)
    assert read.structure.frac_coords == pytest.approx(
        np.array([[0.25, 0.5, 0.5], [0.75, 0.625, 0.5]])
    )


def test_a_changing_cell_is_told(
    frames: tuple[list[Atoms], float], tmp_path: Path
) -> None:
    images, _ = frames
    rng = np.random.default_rng(1)
    breathing = [atoms.copy() for atoms in images]
    for atoms in breathing:
        scale = 1 + 0.005 * rng.normal()
        atoms.set_cell(atoms.cell.array * scale, scale_atoms=True)
    write(tmp_path / "npt.extxyz", breathing, format="extxyz")
    write(tmp_path / "nvt.extxyz", images, format="extxyz")
    _, still = file_diffusivity(read_trajectory_file(tmp_path / "nvt.extxyz"))
    _, found = file_diffusivity(read_trajectory_file(tmp_path / "npt.extxyz"))
    assert pytest.approx(still.D, rel=0.01) == found.D
    assert any("the cell changes by up to" in warning for warning in found.warnings)


def test_what_the_file_does_not_tell_is_asked_for(
    frames: tuple[list[Atoms], float], tmp_path: Path
) -> None:
    images, _ = frames
    write(tmp_path / "XDATCAR", images[:20], format="vasp-xdatcar")
    dump(images[:20], tmp_path / "typed.dump", elements=False)
    (tmp_path / "notes.txt").write_text("nothing of the kind\n")
    with pytest.raises(TrajectoryError, match="--time-step"):
        read_trajectory_file(tmp_path / "XDATCAR")
    with pytest.raises(TrajectoryError, match="--species"):
        read_trajectory_file(tmp_path / "typed.dump", time_step=STEP)
    with pytest.raises(TrajectoryError, match="XDATCAR"):
        read_trajectory_file(tmp_path / "notes.txt", time_step=STEP)
    read = read_trajectory_file(tmp_path / "XDATCAR", time_step=STEP)
    with pytest.raises(TrajectoryError, match="Li, P, S"):
        file_diffusivity(read, "Na")
    with pytest.raises(TooShortTrajectoryError):
        file_diffusivity(read, skip=1000.0)


def numbered(file: Path, images: list[Atoms], steps: list[int]) -> Path:
    """Write an XDATCAR whose frames bear the numbers of these steps."""
    write(file, images, format="vasp-xdatcar")
    given = iter(steps)
    file.write_text(
        re.sub(
            r"(configuration=) *\d+",
            lambda m: f"{m[1]}{next(given):6d}",
            file.read_text(),
        )
    )
    return file


@pytest.mark.parametrize(
    ("steps", "every", "times"),
    [
        ([1, 2, 3, 4, 5, 6], 1, [0, 2, 4, 6, 8, 10]),
        ([1, 2, 3, 4, 5, 6], 5, [0, 10, 20, 30, 40, 50]),
        ([5, 10, 15, 20, 25, 30], 1, [0, 10, 20, 30, 40, 50]),
        ([5, 10, 15, 20, 25, 30], 5, [0, 10, 20, 30, 40, 50]),
        ([5, 10, 15, 5, 10, 15], 1, [0, 10, 20, 30, 40, 50]),  # two runs
        ([1, 2, 3, 1, 2, 3], 5, [0, 10, 20, 30, 40, 50]),
        ([1, 4, 6, 10, 15, 21], 1, [0, 6, 10, 18, 28, 40]),
    ],
)
def test_numbers_of_an_xdatcar_are_its_steps(
    frames: tuple[list[Atoms], float],
    tmp_path: Path,
    steps: list[int],
    every: int,
    times: list[float],
) -> None:
    file = numbered(tmp_path / "XDATCAR", frames[0][:6], steps)
    read = read_trajectory_file(file, time_step=STEP, every=every)
    assert (read.times - read.times[0]).tolist() == times


def test_steps_that_contradict_the_file_are_refused(
    frames: tuple[list[Atoms], float], tmp_path: Path
) -> None:
    file = numbered(tmp_path / "XDATCAR", frames[0][:4], [10, 20, 30, 40])
    dump(frames[0][:4], tmp_path / "run.dump", elements=True)
    for name, stated in ((file, "10 steps apart"), (tmp_path / "run.dump", "5 steps")):
        with pytest.raises(TrajectoryError, match=stated) as caught:
            read_trajectory_file(name, time_step=STEP, every=4)
        assert (caught.value.field, caught.value.value) == ("every", 4)


@pytest.mark.parametrize("lost", [1, 20, 300])
def test_what_a_killed_run_leaves_of_a_frame_is_left_out(
    frames: tuple[list[Atoms], float], tmp_path: Path, lost: int
) -> None:
    images = frames[0][:12]
    write(tmp_path / "XDATCAR", images, format="vasp-xdatcar")
    write(tmp_path / "run.extxyz", images, format="extxyz")
    dump(images, tmp_path / "run.dump", elements=True)
    for name in ("XDATCAR", "run.extxyz", "run.dump"):
        file = tmp_path / name
        whole = read_trajectory_file(file, time_step=STEP)
        file.write_bytes(file.read_bytes()[:-lost])
        read = read_trajectory_file(file, time_step=STEP)
        assert np.array_equal(read.times, whole.times[:-1])
        assert np.allclose(read.positions, whole.positions[:-1])
        assert not whole.warnings
        assert any("cut off" in warning for warning in read.warnings)


def test_other_units_are_refused(
    frames: tuple[list[Atoms], float], tmp_path: Path
) -> None:
    images = [atoms.copy() for atoms in frames[0][:12]]
    file = tmp_path / "run.extxyz"
    for number, atoms in enumerate(images):
        atoms.info["time"] = 0.01 * number  # ps
    write(file, images, format="extxyz")
    with pytest.raises(TrajectoryError, match="look like ps") as caught:
        read_trajectory_file(file)
    assert caught.value.field == "times"
    assert read_trajectory_file(file, time_step=STEP, every=5).times[1] == 10.0
    for number, atoms in enumerate(images):
        atoms.info["time"] = f"{number} fs"
    write(file, images, format="extxyz")
    with pytest.raises(TrajectoryError, match="no numbers"):
        read_trajectory_file(file)
    dump(images, tmp_path / "run.dump", elements=True)
    text = (tmp_path / "run.dump").read_text()
    for units in ("metal", "real", "lj", "electron"):
        (tmp_path / "run.dump").write_text(f"ITEM: UNITS\n{units}\n{text}")
        if units in ("metal", "real"):
            assert len(read_trajectory_file(tmp_path / "run.dump", time_step=2).times)
            continue
        with pytest.raises(TrajectoryError, match="not in Å"):
            read_trajectory_file(tmp_path / "run.dump", time_step=2)


def test_the_verb(frames: tuple[list[Atoms], float], tmp_path: Path) -> None:
    images, true = frames
    file = tmp_path / "XDATCAR"
    write(file, images, format="vasp-xdatcar")
    asked = ["diffusivity", str(file), "--time-step", "2", "--every", "5"]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0, told.output
    assert "D(Li) = " in told.output
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert found["ions"] == "Li"
    assert found["interval_95"][0] < true < found["interval_95"][1]
    untold = CliRunner().invoke(app, asked[:2])
    assert untold.exit_code == 1
    assert "--time-step" in untold.output
